/* What users and hosts entrust to a call is gone when it returns: no password and no pepper is in
   the process's memory after any call that had one, on whatever path, and nothing that stands for
   them after close. (What is looked for, and how, is in harness/scan.h.) */
#include "allocation_faults.h"
#include "fault_memory.h"
#include "fault_vfs.h"

#include <harness.h>
#include <scan.h>

#include <errno.h>
#include <sodium.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define OWNER "ada@example.org"
#define SOURCE "203.0.113.7"

/* RIGHT is the password of OWNER, OTHER another one; the rest is the host's. The last two are the
   pepper as HMAC pads it (RFC 2104). */
enum { RIGHT, OTHER, PEPPER, KEY_SECRET, PEPPER_INNER, PEPPER_OUTER, SECRETS };

struct stage {
  struct world *world;
  struct secret secrets[SECRETS];
  shop_token_t *token; /* of OWNER */
  shop_options_t *options;
  char code[64];
  bool peppered;
  void (*call)(struct stage *stage, const char *right, const char *other);
  void (*arm)(long nth); /* makes something fail during the call, or NULL */
  void (*disarm)(void);
  long nth;
  int32_t status; /* of the call */
  char *shown[2];
};

/* ---- a call under watch ------------------------------------------------------------------------
 */

static void run_call(void *ctx) {
  struct stage *stage = ctx;

  if (stage->arm != NULL)
    stage->arm(stage->nth);
  stage->call(stage, stage->shown[RIGHT], stage->shown[OTHER]);
  if (stage->arm != NULL)
    stage->disarm();
}

static int32_t found_in_memory(const struct stage *stage) {
  return secrets_in_memory(stage->secrets, SECRETS);
}

/* Makes the call; when it has returned, and the caller's own copies are gone, nothing is left. */
static int32_t watch(struct stage *stage,
                     void (*call)(struct stage *stage, const char *right, const char *other)) {
  int32_t found;

  stage->call = call;
  stage->shown[RIGHT] = secret_show(&stage->secrets[RIGHT]);
  stage->shown[OTHER] = secret_show(&stage->secrets[OTHER]);
  run_on_kept_stack(run_call, stage);
  secret_hide(stage->shown[RIGHT]);
  secret_hide(stage->shown[OTHER]);
  found = found_in_memory(stage);
  ck_assert_msg(found == 0, "found in %d places after %s: %s", found,
                shop_status_name(stage->status), shop_error_message(stage->world->err));
  return stage->status;
}

#define ck_watch(stage, call, wanted) ck_status((stage)->world, watch(stage, call), wanted)

/* ---- calls that are given a password -----------------------------------------------------------
 */

static int32_t enter(struct stage *stage, const char *email, const char *password,
                     int32_t (*call)(shop_t *, const char *, const char *, const shop_options_t *,
                                     shop_token_t **, shop_error_t *)) {
  shop_token_t *token = NULL;

  stage->status =
      call(stage->world->shop, email, password, stage->options, &token, stage->world->err);
  if (token != NULL && stage->token == NULL)
    stage->token = token;
  else
    shop_token_free(token);
  return stage->status;
}

static void register_owner(struct stage *stage, const char *right, const char *other) {
  (void)other;
  enter(stage, OWNER, right, shop_user_register);
}

static void register_taken(struct stage *stage, const char *right, const char *other) {
  (void)right;
  enter(stage, OWNER, other, shop_user_register);
}

static void login(struct stage *stage, const char *right, const char *other) {
  (void)other;
  enter(stage, OWNER, right, shop_user_login);
}

static void login_wrong(struct stage *stage, const char *right, const char *other) {
  (void)right;
  enter(stage, OWNER, other, shop_user_login);
}

static void login_nobody(struct stage *stage, const char *right, const char *other) {
  (void)right;
  enter(stage, "nobody@example.org", other, shop_user_login);
}

static void set_password(struct stage *stage, const char *right, const char *other) {
  shop_token_t *fresh = NULL;

  stage->status = shop_account_set_password(stage->world->shop, stage->token, right, other, NULL,
                                            &fresh, stage->world->err);
  if (fresh != NULL) {
    shop_token_free(stage->token);
    stage->token = fresh;
  }
}

static void set_password_wrong(struct stage *stage, const char *right, const char *other) {
  set_password(stage, other, right);
}

static void change_email(struct stage *stage, const char *right, const char *other) {
  (void)other;
  stage->status = shop_account_email_request(stage->world->shop, stage->token, right,
                                             "ada@example.com", NULL, stage->world->err);
}

static void change_email_wrong(struct stage *stage, const char *right, const char *other) {
  change_email(stage, other, right);
}

static void reset(struct stage *stage, const char *right, const char *other) {
  (void)other;
  stage->status =
      shop_account_reset(stage->world->shop, stage->code, right, NULL, stage->world->err);
}

static void confirm(struct stage *stage, const char *right, const char *other) {
  shop_token_t *token = NULL;

  (void)other;
  stage->status = shop_user_register_confirm(stage->world->shop, OWNER, right, stage->code, NULL,
                                             &token, stage->world->err);
  shop_token_free(token);
}

static void confirm_wrong(struct stage *stage, const char *right, const char *other) {
  confirm(stage, other, right);
}

static void close_account(struct stage *stage, const char *right, const char *other) {
  (void)other;
  stage->status =
      shop_account_close(stage->world->shop, stage->token, right, NULL, stage->world->err);
}

static void close_account_wrong(struct stage *stage, const char *right, const char *other) {
  close_account(stage, other, right);
}

/* ---- the stage ---------------------------------------------------------------------------------
 */

static void configure(void *ctx) {
  struct stage *stage = ctx;
  shop_config_t *config = stage->world->config;
  char *pepper = secret_show(&stage->secrets[PEPPER]);
  char *key_secret = secret_show(&stage->secrets[KEY_SECRET]);

  if (stage->peppered)
    stage->status = shop_config_set_password_pepper(config, pepper, stage->secrets[PEPPER].size);
  if (stage->status == SHOP_OK)
    stage->status = shop_config_set_key_secret(config, key_secret, stage->secrets[KEY_SECRET].size);
  secret_hide(pepper);
  secret_hide(key_secret);
}

static void open_shop(void *ctx) {
  struct stage *stage = ctx;

  stage->status =
      shop_open(stage->world->path, stage->world->config, &stage->world->shop, stage->world->err);
}

static void close_shop(void *ctx) {
  struct stage *stage = ctx;

  shop_token_free(stage->token);
  stage->token = NULL;
  stage->status = shop_close(stage->world->shop);
  stage->world->shop = NULL;
}

/* Where memory runs out nobody may assert, since Check's assertions allocate. */
static void quiet_log(void *user, int32_t level, const char *line) {
  (void)level;
  (void)line;
  (void)user;
}

static void quiet_send(shop_mail_call_t *call, void *user) {
  (void)user;
  (void)shop_mail_call_set_delivered(call);
}

static void draw_secrets(struct stage *stage) {
  secret_draw(&stage->secrets[RIGHT], 24);
  secret_draw(&stage->secrets[OTHER], 24);
  secret_draw(&stage->secrets[PEPPER], 32);
  secret_draw(&stage->secrets[KEY_SECRET], 32);
  stage->secrets[PEPPER_INNER] = stage->secrets[PEPPER_OUTER] = stage->secrets[PEPPER];
  for (size_t i = 0; i < stage->secrets[PEPPER].size; i++) {
    stage->secrets[PEPPER_INNER].turned[i] ^= 0x36;
    stage->secrets[PEPPER_OUTER].turned[i] ^= 0x5c;
  }
}

/* A world with an open shop that has a key secret and, where it is asked for, a pepper. */
static struct stage *stage_new(bool peppered) {
  struct stage *stage = calloc(1, sizeof *stage);

  ck_assert_ptr_nonnull(stage);
  stage->peppered = peppered;
  stage->world = world_prepare();
  draw_secrets(stage);
  run_on_kept_stack(configure, stage);
  ck_assert_int_eq(stage->status, SHOP_OK);
  ck_assert_int_eq(found_in_memory(stage), 0);
  run_on_kept_stack(open_shop, stage);
  ck_ok(stage->world, stage->status);
  ck_assert_int_eq(found_in_memory(stage), 0);
  return stage;
}

static struct stage *stage_with_owner(bool peppered) {
  struct stage *stage = stage_new(peppered);

  ck_watch(stage, register_owner, SHOP_OK);
  return stage;
}

static void stage_free(struct stage *stage) {
  if (stage->world->shop != NULL)
    run_on_kept_stack(close_shop, stage);
  ck_assert_int_eq(stage->status, SHOP_OK);
  ck_assert_int_eq(found_in_memory(stage), 0);
  shop_options_free(stage->options);
  world_free(stage->world);
  free(stage);
}

/* ---- that it would be seen
 * ----------------------------------------------------------------------- */

/* A call that leaves one on its stack, in a block that it frees, or in a block that it keeps. */
static void on_the_stack(struct stage *stage, const char *right, const char *other) {
  char copy[32];

  (void)stage;
  (void)other;
  for (int i = 0; i < 24; i++)
    ((volatile char *)copy)[i] = right[i];
}

static void in_a_freed_block(struct stage *stage, const char *right, const char *other) {
  char *copy = strdup(other);

  (void)stage;
  (void)right;
  ck_assert_ptr_nonnull(copy);
  free(copy);
}

static void turned_about(struct stage *stage, const char *right, const char *other) {
  static char copy[8];

  (void)stage;
  (void)other;
  for (int i = 0; i < 8; i++)
    ((volatile char *)copy)[i] = right[15 - i];
}

static void in_the_error(struct stage *stage, const char *right, const char *other) {
  (void)other;
  (void)!shop_user_login(stage->world->shop, OWNER, right, NULL, NULL, stage->world->err);
  stage->status = SHOP_OK;
  snprintf(stage->world->last_log, sizeof stage->world->last_log, "refused: %s", right);
}

static void nothing_wrong(struct stage *stage, const char *right, const char *other) {
  stage->status = strcmp(right, other) == 0 ? SHOP_ERR_ARGUMENT : SHOP_OK;
}

/* What is left anywhere is found, so that "nothing found" means something. */
START_TEST(the_scan_sees) {
  static void (*const leaks[])(struct stage * stage, const char *right, const char *other) = {
      on_the_stack, in_a_freed_block, turned_about, in_the_error};

  for (size_t i = 0; i < sizeof leaks / sizeof leaks[0]; i++) {
    struct stage *stage = stage_with_owner(false);

    stage->call = leaks[i];
    stage->shown[RIGHT] = secret_show(&stage->secrets[RIGHT]);
    stage->shown[OTHER] = secret_show(&stage->secrets[OTHER]);
    ck_assert_int_ge(found_in_memory(stage), 2);
    run_on_kept_stack(run_call, stage);
    secret_hide(stage->shown[RIGHT]);
    secret_hide(stage->shown[OTHER]);
    ck_assert_msg(found_in_memory(stage) >= 1, "leak %zu was not seen", i);
    world_free(stage->world); /* and no stage_free: the leak is there */
    shop_token_free(stage->token);
    free(stage);
  }
}
END_TEST

/* ---- when all is well, and when somebody is refused ---------------------------------------------
 */

static void read_code(struct stage *stage) {
  struct world *world = stage->world;
  const char *at;

  ck_ok(world, shop_mail_deliver(world->shop, 100, NULL, world->err));
  at = strstr(world->transport.messages[world->transport.count - 1], "Your code:");
  ck_assert_ptr_nonnull(at);
  at += strlen("Your code:");
  at += strspn(at, " \r\n");
  snprintf(stage->code, sizeof stage->code, "%.44s", at);
}

static void take_code(struct stage *stage) {
  struct world *world = stage->world;

  ck_ok(world, shop_account_reset_request(world->shop, OWNER, NULL, world->err));
  read_code(stage);
}

static void swap_passwords(struct stage *stage) {
  struct secret right = stage->secrets[RIGHT];

  stage->secrets[RIGHT] = stage->secrets[OTHER];
  stage->secrets[OTHER] = right;
}

/* Every call that takes a password, granted and refused, with and without a pepper. */
START_TEST(every_call) {
  struct stage *stage = stage_with_owner(_i == 1);

  ck_watch(stage, nothing_wrong, SHOP_OK);
  ck_watch(stage, register_taken, SHOP_ERR_EMAIL_TAKEN);
  ck_watch(stage, login, SHOP_OK);
  ck_watch(stage, login_wrong, SHOP_ERR_CREDENTIALS);
  ck_watch(stage, login_nobody, SHOP_ERR_CREDENTIALS);
  ck_watch(stage, set_password_wrong, SHOP_ERR_CREDENTIALS);
  ck_watch(stage, set_password, SHOP_OK);
  swap_passwords(stage);
  ck_watch(stage, change_email_wrong, SHOP_ERR_CREDENTIALS);
  ck_watch(stage, change_email, SHOP_OK);
  take_code(stage);
  swap_passwords(stage);
  ck_watch(stage, reset, SHOP_OK);
  ck_watch(stage, reset, SHOP_ERR_CODE);
  ck_watch(stage, close_account, SHOP_ERR_TOKEN_REVOKED);
  shop_token_free(stage->token);
  stage->token = NULL;
  ck_watch(stage, login, SHOP_OK);
  ck_watch(stage, close_account_wrong, SHOP_ERR_CREDENTIALS);
  ck_watch(stage, close_account, SHOP_OK);
  ck_watch(stage, login, SHOP_ERR_CREDENTIALS);
  stage_free(stage);
}
END_TEST

/* A registration by mail: asked for, refused and finished, and asked for once more in vain. */
START_TEST(by_mail) {
  struct stage *stage = stage_new(_i == 1);

  run_on_kept_stack(close_shop, stage);
  ck_assert_int_eq(shop_config_set_register_by_mail(stage->world->config, true), SHOP_OK);
  run_on_kept_stack(open_shop, stage);
  ck_ok(stage->world, stage->status);
  ck_watch(stage, register_owner, SHOP_CONFIRM_MAIL);
  read_code(stage);
  ck_watch(stage, confirm_wrong, SHOP_ERR_CODE);
  ck_watch(stage, confirm, SHOP_OK);
  ck_watch(stage, confirm, SHOP_ERR_CODE);
  ck_watch(stage, register_taken, SHOP_CONFIRM_MAIL);
  stage->status = SHOP_OK;
  stage_free(stage);
}
END_TEST

/* Who may not try yet is refused before a hash, and waits with nothing left either. */
START_TEST(throttled_and_locked) {
  struct stage *stage = stage_with_owner(_i == 1);

  ck_assert_int_eq(shop_options_new(&stage->options), SHOP_OK);
  ck_assert_int_eq(shop_options_set_source(stage->options, SOURCE), SHOP_OK);
  for (int i = 0; i < 6; i++)
    ck_watch(stage, login_wrong, SHOP_ERR_CREDENTIALS);
  ck_watch(stage, login, SHOP_ERR_THROTTLED);
  for (int i = 0; i < 4; i++) {
    world_pass_ms(stage->world, 60 * 1000);
    ck_watch(stage, login_wrong, SHOP_ERR_CREDENTIALS);
  }
  ck_watch(stage, login, SHOP_ERR_LOCKED);
  stage_free(stage);
}
END_TEST

/* A login that makes the hash anew, at another cost or with a pepper that the old one had not; and
   one whose hash another program made, with a salt that is longer than ours. */
START_TEST(old_hashes) {
  struct stage *stage = stage_with_owner(false);
  struct world *world = stage->world;

  run_on_kept_stack(close_shop, stage);
  stage->peppered = _i == 1;
  run_on_kept_stack(configure, stage);
  ck_assert_int_eq(shop_config_set_password_cost(world->config, 64, 2), SHOP_OK);
  run_on_kept_stack(open_shop, stage);
  ck_ok(world, stage->status);
  ck_watch(stage, login, SHOP_OK);
  ck_watch(stage, login_wrong, SHOP_ERR_CREDENTIALS);
  world_vandalise(world,
                  "UPDATE users SET password_hash ="
                  " '$argon2id$v=19$m=64,t=2,p=1$c29tZXNhbHR0aGF0aXNsb25n$"
                  "GpZ3sK/oH9p7VIiV56G/64Zo/8GaUw434IimaPqxwCo'");
  ck_watch(stage, login, SHOP_ERR_CREDENTIALS);
  stage_free(stage);
}
END_TEST

/* ---- when something fails
 * -------------------------------------------------------------------------- */

static void disarm_allocation(void) {
  (void)allocation_failed();
}

static void arm_sqlite(long nth) {
  fault_memory_fail(nth, 1);
}

static void disarm_sqlite(void) {
  (void)fault_memory_stop();
}

static void arm_writes(long nth) {
  fault_vfs_fail(
      (struct fault_rule){FAULT_WRITE, FAULT_WAL, nth, FAULT_ALWAYS, SQLITE_FULL, false});
}

static void arm_syncs(long nth) {
  fault_vfs_fail(
      (struct fault_rule){FAULT_SYNC, FAULT_WAL, nth, FAULT_ALWAYS, SQLITE_IOERR_FSYNC, false});
}

static const struct {
  void (*arm)(long nth);
  void (*disarm)(void);
  long tries; /* the first one, the second... of its kind fails */
} failures[] = {
    {allocation_fail_at, disarm_allocation, 12},
    {arm_sqlite, disarm_sqlite, 12},
    {arm_writes, fault_vfs_reset, 3},
    {arm_syncs, fault_vfs_reset, 1},
};

/* Memory that runs out, the library's and SQLite's, and a disk that is full or does not answer:
   whatever becomes of the call, nothing is left. */
START_TEST(failing) {
  static void (*const calls[])(struct stage * stage, const char *right, const char *other) = {
      register_owner, login, login_wrong, set_password_wrong, set_password};
  struct stage *stage;

  fault_memory_install();
  fault_vfs_install();
  stage = stage_new(true);
  ck_assert_int_eq(shop_config_set_log(stage->world->config, quiet_log, NULL), SHOP_OK);
  ck_assert_int_eq(shop_config_set_mail_transport(stage->world->config, quiet_send, NULL), SHOP_OK);
  ck_assert_int_eq(shop_config_set_login_tries_free(stage->world->config, 1000), SHOP_OK);
  ck_assert_int_eq(shop_config_set_login_tries_lock(stage->world->config, 1000), SHOP_OK);
  world_reopen(stage->world);
  for (size_t c = 0; c < sizeof calls / sizeof calls[0]; c++) {
    for (long nth = 1; nth <= failures[_i].tries; nth++) {
      stage->arm = failures[_i].arm;
      stage->disarm = failures[_i].disarm;
      stage->nth = nth;
      (void)watch(stage, calls[c]);
      if (calls[c] == set_password && stage->status == SHOP_OK)
        swap_passwords(stage);
    }
    stage->arm = NULL;
    (void)watch(stage, calls[c]);
    if (calls[c] == register_owner)
      ck_assert_msg(stage->status == SHOP_OK || stage->status == SHOP_ERR_EMAIL_TAKEN, "%s",
                    shop_status_name(stage->status));
    else if (calls[c] == login)
      ck_ok(stage->world, stage->status);
  }
  stage_free(stage);
}
END_TEST

#ifndef __SANITIZE_ADDRESS__
#ifndef __SANITIZE_THREAD__
static struct rlimit unlimited;

/* As much address space as is in use, and half of a hash. */
static void arm_hash(long nth) {
  struct rlimit limit;
  char text[64] = "";
  FILE *statm = fopen("/proc/self/statm", "r");

  (void)nth;
  ck_assert_ptr_nonnull(statm);
  ck_assert_uint_gt(fread(text, 1, sizeof text - 1, statm), 0);
  fclose(statm);
  ck_assert_int_eq(getrlimit(RLIMIT_AS, &unlimited), 0);
  limit = unlimited;
  limit.rlim_cur = (rlim_t)strtoul(text, NULL, 10) * (rlim_t)sysconf(_SC_PAGESIZE) + (32 << 20);
  ck_assert_int_eq(setrlimit(RLIMIT_AS, &limit), 0);
}

static void disarm_hash(void) {
  ck_assert_int_eq(setrlimit(RLIMIT_AS, &unlimited), 0);
}

/* Argon2id itself does not get its memory. */
START_TEST(no_memory_for_the_hash) {
  struct stage *stage = stage_with_owner(_i == 1);

  shop_token_free(stage->token);
  stage->token = NULL;
  world_vandalise(stage->world, "DELETE FROM tokens; UPDATE users SET epoch = epoch + 1");
  ck_assert_int_eq(shop_config_set_password_cost(stage->world->config, 64 * 1024, 1), SHOP_OK);
  world_reopen(stage->world);
  ck_watch(stage, login, SHOP_OK); /* stored at the new cost now */
  stage->arm = arm_hash;
  stage->disarm = disarm_hash;
  ck_watch(stage, login, SHOP_ERR_NO_MEMORY);
  ck_watch(stage, login_wrong, SHOP_ERR_NO_MEMORY);
  ck_watch(stage, login_nobody, SHOP_ERR_NO_MEMORY);
  ck_watch(stage, set_password, SHOP_ERR_NO_MEMORY);
  ck_watch(stage, register_taken, SHOP_ERR_NO_MEMORY);
  stage_free(stage);
}
END_TEST
#define HAS_HASH_LIMIT 1
#endif
#endif

/* ---- what stands for a pepper and a key secret
 * ------------------------------------------------------ */

/* What is made of them: the beginning of both hashes of HMAC-SHA-512, and the key of the seal. In a
   process of its own, so that nothing of the making is left in this one. */
enum { STATE_INNER, STATE_OUTER, SEAL_KEY, MADE };

static void make(const struct stage *stage, struct secret made[MADE]) {
  static const unsigned char purpose[] = "libshop: signing keys";
  crypto_auth_hmacsha512_state state;
  crypto_generichash_state hash;
  unsigned char key[32];

  crypto_auth_hmacsha512_init(&state, (const unsigned char *)secret_show(&stage->secrets[PEPPER]),
                              stage->secrets[PEPPER].size);
  secret_turn(&made[STATE_INNER], state.ictx.state, sizeof state.ictx.state);
  secret_turn(&made[STATE_OUTER], state.octx.state, sizeof state.octx.state);
  crypto_generichash_init(&hash, purpose, sizeof purpose - 1, sizeof key);
  crypto_generichash_update(&hash, (const unsigned char *)secret_show(&stage->secrets[KEY_SECRET]),
                            stage->secrets[KEY_SECRET].size);
  crypto_generichash_final(&hash, key, sizeof key);
  secret_turn(&made[SEAL_KEY], key, sizeof key);
}

static void make_in_a_child(const struct stage *stage, struct secret made[MADE]) {
  const size_t size = MADE * sizeof made[0];
  int way[2], ended;
  pid_t child;

  ck_assert_int_eq(pipe(way), 0);
  child = fork();
  ck_assert_int_ge(child, 0);
  if (child == 0) {
    make(stage, made);
    _exit(write(way[1], made, size) == (ssize_t)size ? 0 : 1);
  }
  ck_assert_int_eq(read(way[0], made, size), (ssize_t)size);
  ck_assert_int_eq(waitpid(child, &ended, 0), child);
  ck_assert_int_eq(ended, 0);
  close(way[0]);
  close(way[1]);
}

static void free_config(void *ctx) {
  struct stage *stage = ctx;

  shop_config_free(stage->world->config);
  stage->world->config = NULL;
}

/* While the shop is open it is there, in the config and in the shop, and no call leaves another
   copy anywhere; after close in the config alone, and after shop_config_free nowhere. */
START_TEST(what_stands_for_them) {
  static void (*const calls[])(struct stage * stage, const char *right, const char *other) = {
      register_owner, login, login_wrong, login_nobody, set_password_wrong};
  struct stage *stage = stage_new(true);
  struct secret made[MADE];

  make_in_a_child(stage, made);
  for (int i = 0; i < MADE; i++)
    ck_assert_int_eq(secrets_in_memory(&made[i], 1), 2);
  for (size_t c = 0; c < sizeof calls / sizeof calls[0]; c++) {
    (void)watch(stage, calls[c]);
#ifndef __SANITIZE_ADDRESS__ /* whose frames are larger, and whose own functions stand between */
    for (int i = 0; i < MADE; i++)
      ck_assert_msg(secrets_in_memory(&made[i], 1) == 2, "call %zu has left a copy of %d", c, i);
#endif
  }
  ck_ok(stage->world, shop_key_rotate(stage->world->shop, 0, NULL, stage->world->err));
  ck_assert_int_eq(secrets_in_memory(&made[SEAL_KEY], 1), 2);
  run_on_kept_stack(close_shop, stage);
  for (int i = 0; i < MADE; i++)
    ck_assert_int_eq(secrets_in_memory(&made[i], 1), 1);
  run_on_kept_stack(free_config, stage);
  for (int i = 0; i < MADE; i++)
    ck_assert_int_eq(secrets_in_memory(&made[i], 1), 0);
  stage_free(stage);
}
END_TEST

int main(void) {
  Suite *suite = suite_create("secrets wiped");
  TCase *tcase = tcase_create("secrets wiped");
  SRunner *runner;
  int failed;

  tcase_set_timeout(tcase, 240);
  tcase_add_test(tcase, the_scan_sees);
  tcase_add_loop_test(tcase, every_call, 0, 2);
  tcase_add_loop_test(tcase, by_mail, 0, 2);
  tcase_add_loop_test(tcase, throttled_and_locked, 0, 2);
  tcase_add_loop_test(tcase, old_hashes, 0, 2);
  tcase_add_loop_test(tcase, failing, 0, (int)(sizeof failures / sizeof failures[0]));
#ifdef HAS_HASH_LIMIT
  tcase_add_loop_test(tcase, no_memory_for_the_hash, 0, 2);
#endif
  tcase_add_test(tcase, what_stands_for_them);
  suite_add_tcase(suite, tcase);
  runner = srunner_create(suite);
  srunner_run_all(runner, CK_ENV);
  failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
