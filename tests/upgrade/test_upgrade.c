/*
 * A shop of an older schema, opened by a newer library: linked here is a library
 * with one migration more (0002_next.sql), beside it runs the present one as a
 * program (upgrade_old.c). The shop migrates, verifies and sells on; killed at any
 * point of the migration, the file is wholly old or wholly new; and the older
 * library refuses what is newer, also when it had the shop open.
 *
 *   test_upgrade UPGRADE_OLD [KEPT...]   shops kept from released versions
 */
#include "fault_vfs.h"
#include "harness.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *old_program;
static char **kept;
static int kept_count;

/* The first line that a command says. */
static void say(const char *command, char *line, size_t size) {
  FILE *out = popen(command, "r");

  ck_assert_ptr_nonnull(out);
  if (fgets(line, (int)size, out) == NULL)
    line[0] = '\0';
  line[strcspn(line, "\n")] = '\0';
  ck_assert_msg(pclose(out) == 0, "%s", command);
}

static void run(const char *what, const char *path, char *line, size_t size) {
  char command[700];

  ck_assert_int_lt(snprintf(command, sizeof command, "'%s' %s '%s'", old_program, what, path),
                   (int)sizeof command);
  say(command, line, size);
}

static void copy(const char *from, const char *to) {
  char command[1000];

  ck_assert_int_lt(snprintf(command, sizeof command, "rm -f '%s' '%s-wal' '%s-shm'; cp '%s' '%s'",
                            to, to, to, from, to),
                   (int)sizeof command);
  ck_assert_int_eq(system(command), 0);
}

/* A world whose store was made by the older library; kept as it is beside. */
static struct world *old_world(char kept_path[128]) {
  struct world *world = world_prepare();
  char line[80];

  ck_assert_int_eq(shop_config_set_clock(world->config, NULL, NULL), SHOP_OK);
  run("make", world->path, line, sizeof line);
  snprintf(kept_path, 128, "%s.old", world->path);
  copy(world->path, kept_path);
  return world;
}

static int64_t version_of(struct world *world) {
  return world_number(world, "PRAGMA user_version");
}

/* It is as it was, and sells on. */
static void check_upgraded(struct world *world) {
  shop_token_t *token = NULL;
  shop_session_t *session = NULL;
  shop_order_t *order = NULL;
  int64_t cart_id;

  world_verify(world, 0);
  ck_assert_int_eq(version_of(world), 2);
  ck_assert_int_eq(world_number(world, "SELECT count(*) FROM order_tags"), 4);
  ck_assert_int_eq(world_available(world, "TEA"), 50 - 2 - 2 - 2 - 2 + 1);
  ck_assert_int_eq(world_reserved(world, "TEA"), 4);
  ck_ok(world, shop_user_login(world->shop, "fay@example.org", PASSWORD, NULL, &token, world->err));
  ck_ok(world, shop_session_check(world->shop, token, &session, world->err));
  cart_id = shop_cart_id(shop_session_cart(session));
  ck_assert_int_gt(shop_cart_held_until_ms(shop_session_cart(session)), 0);
  ck_ok(world, world_buy(world, token, cart_id, NULL, &order));
  world_verify(world, 0);
  shop_order_free(order);
  shop_session_free(session);
  shop_token_free(token);
}

START_TEST(an_older_shop_is_upgraded) {
  char kept_path[128], line[80];
  struct world *world = old_world(kept_path);

  ck_assert_int_eq(version_of(world), 1);
  run("look", world->path, line, sizeof line);
  ck_assert_str_eq(line, "SHOP_OK");
  world_open(world);
  check_upgraded(world);
  world_reopen(world);
  world_verify(world, 0);
  world_free(world);
}
END_TEST

/* Shops of released schemas, as they were. */
START_TEST(kept_shops_are_upgraded) {
  for (int i = 0; i < kept_count; i++) {
    struct world *world = world_prepare();

    copy(kept[i], world->path);
    ck_assert_int_lt(version_of(world), 2);
    world_open(world);
    world_verify(world, 0);
    ck_assert_int_eq(version_of(world), 2);
    world_free(world);
  }
}
END_TEST

/* ---- killed on the way --------------------------------------------------------------------- */

static void kill_at(void *user, enum fault_op op, enum fault_file file, long number) {
  (void)op;
  (void)file;
  if (number == *(long *)user)
    kill(getpid(), SIGKILL);
}

/* True when the child was killed before the shop was open. */
static bool killed_at(struct world *world, long at) {
  int result = -1;
  pid_t pid;

  fflush(NULL);
  pid = fork();
  ck_assert_int_ge(pid, 0);
  if (pid == 0) {
    fault_vfs_reset();
    fault_vfs_hook(kill_at, &at);
    _exit(shop_open(world->path, world->config, &world->shop, NULL) == SHOP_OK ? 0 : 1);
  }
  ck_assert_int_eq(waitpid(pid, &result, 0), pid);
  ck_assert(WIFSIGNALED(result) || (WIFEXITED(result) && WEXITSTATUS(result) == 0));
  return WIFSIGNALED(result);
}

/* At each operation on a file: for the older library the file is whole, or it is the
   newer's; and the newer one comes to the same end. */
START_TEST(killed_while_it_is_upgraded) {
  char kept_path[128], line[80];
  struct world *world = old_world(kept_path);
  long at = 0, old = 0, new = 0;
  bool killed;

  do {
    at += 1 + at / 12; /* every one at first, later some */
    copy(kept_path, world->path);
    killed = killed_at(world, at);
    run("look", world->path, line, sizeof line);
    ck_assert_msg(strcmp(line, "SHOP_OK") == 0 || strcmp(line, "SHOP_ERR_TOO_NEW") == 0,
                  "killed at %ld: %s", at, line);
    ck_assert_int_eq(version_of(world), strcmp(line, "SHOP_OK") == 0 ? 1 : 2);
    ck_assert(killed || version_of(world) == 2);
    *(version_of(world) == 1 ? &old : &new) += 1;
    world_open(world);
    check_upgraded(world);
    ck_assert_int_eq(shop_close(world->shop), SHOP_OK);
    world->shop = NULL;
  } while (killed);
  ck_assert_int_gt(old, 10);
  ck_assert_int_gt(new, 1);
  world_free(world);
}
END_TEST

/* ---- the older library ------------------------------------------------------------------------
 */

START_TEST(newer_is_refused) {
  char kept_path[128], line[80];
  struct world *world = old_world(kept_path);
  uint64_t before;

  world_open(world);
  before = world_digest(world);
  run("look", world->path, line, sizeof line);
  ck_assert_str_eq(line, "SHOP_ERR_TOO_NEW");
  ck_assert_uint_eq(world_digest(world), before);
  world_verify(world, 0);
  world_free(world);
}
END_TEST

/* By one that has it open when it is upgraded: neither reads nor writes any more. */
START_TEST(newer_is_refused_while_open) {
  char kept_path[128], command[700], line[80];
  struct world *world = old_world(kept_path);
  int to[2];
  FILE *out;

  ck_assert_int_eq(pipe(to), 0);
  snprintf(command, sizeof command, "'%s' wait '%s' <&%d", old_program, world->path, to[0]);
  out = popen(command, "r");
  ck_assert_ptr_nonnull(out);
  ck_assert_ptr_nonnull(fgets(line, sizeof line, out));
  ck_assert_str_eq(line, "open\n");
  world_open(world);
  ck_assert_int_eq(write(to[1], "go\n", 3), 3);
  for (int i = 0; i < 2; i++) {
    ck_assert_ptr_nonnull(fgets(line, sizeof line, out));
    ck_assert_str_eq(line, "SHOP_ERR_TOO_NEW\n");
  }
  ck_assert_int_eq(pclose(out), 0);
  close(to[0]);
  close(to[1]);
  check_upgraded(world);
  world_free(world);
}
END_TEST

int main(int argc, char **argv) {
  const TTest *tests[] = {
      an_older_shop_is_upgraded, kept_shops_are_upgraded,     killed_while_it_is_upgraded,
      newer_is_refused,          newer_is_refused_while_open,
  };

  if (argc < 2)
    return 2;
  old_program = argv[1];
  kept = argv + 2;
  kept_count = argc - 2;
  fault_vfs_install();
  fault_vfs_skip_syncs(true);
  return HARNESS_RUN("upgrade", tests);
}
