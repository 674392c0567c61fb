/* Opening: which files are taken for a shop, which are left alone, and what is
   said where there is no place, no right or no room for one. */
#define _GNU_SOURCE /* unshare */
#include <harness.h>

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#define SHOP_PATH_MAX 500 /* as store.h says */

/* ---- files --------------------------------------------------------------------------- */

static void write_file(const char *path, const void *data, size_t size) {
  FILE *file = fopen(path, "wb");

  ck_assert_ptr_nonnull(file);
  ck_assert_uint_eq(fwrite(data, 1, size, file), size);
  ck_assert_int_eq(fclose(file), 0);
}

static size_t read_file(const char *path, char *out, size_t size) {
  FILE *file = fopen(path, "rb");
  size_t got;

  ck_assert_ptr_nonnull(file);
  got = fread(out, 1, size, file);
  fclose(file);
  return got;
}

static bool is_there(const char *path, const char *suffix) {
  char full[200];

  snprintf(full, sizeof full, "%s%s", path, suffix);
  return access(full, F_OK) == 0;
}

/* An opening that must fail, and leave no shop. */
static void cannot_open(struct world *world, const char *path, int32_t wanted) {
  shop_t *shop = (shop_t *)world;

  ck_status(world, shop_open(path, world->config, &shop, world->err), wanted);
  ck_assert_ptr_null(shop);
  ck_assert_int_eq(shop_error_code(world->err), wanted);
  ck_assert_str_ne(shop_error_message(world->err), "");
}

/* The same, and the file is not touched: not a byte, nor a file beside it. */
static void leaves_file_alone(struct world *world, int32_t wanted) {
  static char before[1 << 20], after[1 << 20];
  size_t size = read_file(world->path, before, sizeof before);

  cannot_open(world, world->path, wanted);
  ck_assert_uint_eq(read_file(world->path, after, sizeof after), size);
  ck_assert_int_eq(memcmp(before, after, size), 0);
  ck_assert(!is_there(world->path, "-wal"));
  ck_assert(!is_there(world->path, "-shm"));
  ck_assert(!is_there(world->path, "-journal"));
}

/* ---- opening ------------------------------------------------------------------------- */

/* A missing file is made, and so is an empty one; both are a shop the next time. */
START_TEST(open_makes_a_shop) {
  struct world *world = world_prepare();
  shop_token_t *token;

  write_file(world->path, "", 0);
  world_open(world);
  token = world_register(world, "ada@example.org");
  world_reopen(world);
  ck_ok(world, shop_token_revoke(world->shop, token, NULL, world->err));
  ck_assert_int_eq(shop_close(world->shop), SHOP_OK);
  world->shop = NULL;
  ck_assert(!is_there(world->path, "-wal")); /* closed, the whole shop is one file */
  ck_assert(!is_there(world->path, "-shm"));
  ck_assert_int_eq(unlink(world->path), 0);
  world_open(world);
  ck_assert_int_eq(world_number(world, "SELECT count(*) FROM users"), 0);
  shop_token_free(token);
  world_free(world);
}
END_TEST

/* The config is copied: what becomes of it later is no matter. */
START_TEST(config_is_copied) {
  struct world *world = world_prepare();
  shop_config_t *config = NULL;
  shop_token_t *token;

  ck_assert_int_eq(shop_config_new(&config), SHOP_OK);
  ck_assert_int_eq(shop_config_set_password_cost(config, 8, 1), SHOP_OK);
  ck_assert_int_eq(shop_config_set_token_life_ms(config, 5000), SHOP_OK);
  ck_assert_int_eq(shop_config_set_durability(config, SHOP_DURABILITY_NORMAL), SHOP_OK);
  ck_ok(world, shop_open(world->path, config, &world->shop, world->err));
  ck_assert_int_eq(shop_config_set_token_life_ms(config, 9000), SHOP_OK);
  shop_config_free(config);
  token = world_register(world, "ada@example.org");
  ck_assert_int_eq(shop_token_expires_at_ms(token) - shop_token_issued_at_ms(token), 5000);
  shop_token_free(token);
  world_free(world);
}
END_TEST

START_TEST(arguments_of_open) {
  struct world *world = world_prepare();
  char path[1100];

  cannot_open(world, NULL, SHOP_ERR_ARGUMENT);
  cannot_open(world, "", SHOP_ERR_ARGUMENT);
  cannot_open(world, ":memory:", SHOP_ERR_ARGUMENT);
  memset(path, 'p', sizeof path);
  path[SHOP_PATH_MAX + 1] = '\0';
  cannot_open(world, path, SHOP_ERR_TOO_LONG);
  ck_status(world, shop_open(world->path, NULL, NULL, world->err), SHOP_ERR_ARGUMENT);
  ck_assert_int_eq(shop_open(NULL, NULL, NULL, NULL), SHOP_ERR_ARGUMENT);
  world_free(world);
}
END_TEST

/* A path may be as long as the header says, and have any bytes. */
START_TEST(longest_path) {
  struct world *world = world_prepare();
  char path[SHOP_PATH_MAX + 2];
  size_t size = (size_t)snprintf(path, sizeof path, "%s", world->dir);

  while (size + 92 < SHOP_PATH_MAX) {
    path[size++] = '/';
    memset(path + size, 'a', 90);
    path[size += 90] = '\0';
    ck_assert_int_eq(mkdir(path, 0700), 0);
  }
  path[size++] = '/';
  memset(path + size, '\xff', SHOP_PATH_MAX - size); /* a file system names in bytes */
  path[SHOP_PATH_MAX] = '\0';
  ck_ok(world, shop_open(path, world->config, &world->shop, world->err));
  shop_token_free(world_register(world, "ada@example.org"));
  ck_assert_int_eq(shop_close(world->shop), SHOP_OK);
  ck_ok(world, shop_open(path, world->config, &world->shop, world->err));
  world_free(world);
}
END_TEST

/* A relative path is one, also when it looks like SQLite's own words, and is
   not looked up again when the working directory changes. */
START_TEST(relative_paths) {
  static const char *const names[] = {"my.shop", "file:my.shop?mode=memory", ":memory:x", "-x",
                                      "a b%20#"};
  struct world *world = world_prepare();

  for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
    ck_assert_int_eq(chdir(world->dir), 0);
    ck_ok(world, shop_open(names[i], world->config, &world->shop, world->err));
    ck_assert_int_eq(chdir("/"), 0);
    shop_token_free(world_register(world, "ada@example.org"));
    ck_assert_int_eq(shop_close(world->shop), SHOP_OK);
    ck_assert_int_eq(chdir(world->dir), 0);
    ck_assert_int_eq(access(names[i], F_OK), 0);
    ck_assert_int_eq(chdir("/"), 0);
    world->shop = NULL;
  }
  world_free(world);
}
END_TEST

START_TEST(no_place_for_a_file) {
  struct world *world = world_prepare();
  char path[200];

  snprintf(path, sizeof path, "%s/missing/test.shop", world->dir);
  cannot_open(world, path, SHOP_ERR_CANNOT_OPEN);
  cannot_open(world, world->dir, SHOP_ERR_CANNOT_OPEN);
  snprintf(path, sizeof path, "%s/", world->dir);
  cannot_open(world, path, SHOP_ERR_CANNOT_OPEN);
  write_file(world->path, "", 0);
  snprintf(path, sizeof path, "%s/below-a-file", world->path);
  cannot_open(world, path, SHOP_ERR_CANNOT_OPEN);
  world_free(world);
}
END_TEST

/* What is not SQLite's is not touched. */
START_TEST(not_a_store) {
  static const char header[] = "SQLite format 3";
  static char noise[20000];
  struct world *world = world_prepare();

  write_file(world->path, "xy", 2); /* a single byte SQLite takes for none */
  leaves_file_alone(world, SHOP_ERR_NOT_A_STORE);
  write_file(world->path, "a list of names\n", 16);
  leaves_file_alone(world, SHOP_ERR_NOT_A_STORE);
  for (size_t i = 0; i < sizeof noise; i++)
    noise[i] = (char)(i * 2654435761u >> 13);
  write_file(world->path, noise, sizeof noise);
  leaves_file_alone(world, SHOP_ERR_NOT_A_STORE);
  memcpy(noise, header, sizeof header); /* it only begins as one */
  write_file(world->path, noise, sizeof noise);
  leaves_file_alone(world, SHOP_ERR_NOT_A_STORE);
  world_free(world);
}
END_TEST

/* Another program's database is not touched either. */
START_TEST(not_a_shop) {
  static const char *const others[] = {
      "CREATE TABLE recipes (id INTEGER PRIMARY KEY, text)",
      "PRAGMA application_id = 252006673; CREATE TABLE x (y)",
      "PRAGMA user_version = 3",
      "PRAGMA application_id = 1",
  };
  struct world *world = world_prepare();

  for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
    world_vandalise(world, others[i]);
    leaves_file_alone(world, SHOP_ERR_NOT_A_SHOP);
    ck_assert_int_eq(unlink(world->path), 0);
  }
  world_free(world);
}
END_TEST

/* Nor is a shop that a newer libshop has written. */
START_TEST(too_new) {
  struct world *world = world_new();
  char sql[60];

  ck_assert_int_eq(shop_close(world->shop), SHOP_OK);
  world->shop = NULL;
  snprintf(sql, sizeof sql, "PRAGMA user_version = %lld",
           (long long)world_number(world, "PRAGMA user_version") + 1);
  world_vandalise(world, sql);
  leaves_file_alone(world, SHOP_ERR_TOO_NEW);
  world_free(world);
}
END_TEST

/* ---- permissions: in a process that has given up root's rights ----------------------- */

#define NOBODY 65534

static void open_as_nobody(struct world *world, struct peer *peer) {
  char text[20];

  if (geteuid() == 0) {
    ck_assert_int_eq(setgid(NOBODY), 0);
    ck_assert_int_eq(setuid(NOBODY), 0);
  }
  for (;;) {
    peer_hear(peer, text, sizeof text);
    if (strcmp(text, "end") == 0)
      return;
    cannot_open(world, world->path, atoi(text));
    peer_tell(peer, "refused");
  }
}

/* Lets the other process try, which must get this status. */
static void try_open(struct peer *peer, int32_t wanted) {
  char text[20];

  snprintf(text, sizeof text, "%d", (int)wanted);
  peer_tell(peer, text);
  peer_hear(peer, text, sizeof text);
  ck_assert_str_eq(text, "refused");
}

/* A shop is always opened to be written; where that cannot be, it is said. */
START_TEST(no_permission) {
  struct world *world = world_prepare();
  struct peer peer = peer_start(world, open_as_nobody);
  uint64_t before;

  world_open(world);
  shop_token_free(world_register(world, "ada@example.org"));
  ck_assert_int_eq(shop_close(world->shop), SHOP_OK);
  world->shop = NULL;
  before = world_digest(world);
  ck_assert_int_eq(chmod(world->dir, 0777), 0);
  ck_assert_int_eq(chmod(world->path, 0444), 0); /* the file */
  try_open(&peer, SHOP_ERR_READ_ONLY);
  ck_assert_int_eq(chmod(world->path, 0000), 0);
  try_open(&peer, SHOP_ERR_CANNOT_OPEN);
  ck_assert_int_eq(chmod(world->path, 0666), 0);
  ck_assert_int_eq(chmod(world->dir, 0555), 0); /* its folder: the log has no place */
  try_open(&peer, SHOP_ERR_READ_ONLY);
  ck_assert_int_eq(chmod(world->dir, 0000), 0);
  try_open(&peer, SHOP_ERR_CANNOT_OPEN);
  ck_assert_int_eq(chmod(world->dir, 0700), 0);
  ck_assert_uint_eq(world_digest(world), before);
  ck_assert_int_eq(unlink(world->path), 0);
  ck_assert_int_eq(chmod(world->dir, 0555), 0); /* a file that is to be made */
  try_open(&peer, SHOP_ERR_READ_ONLY);
  ck_assert_int_eq(chmod(world->dir, 0700), 0);
  peer_tell(&peer, "end");
  peer_end(&peer);
  world_free(world);
}
END_TEST

/* ---- a full disk: a small file system of its own ------------------------------------- */

static bool mount_small(const char *dir, const char *size) {
  char options[40];

  snprintf(options, sizeof options, "size=%s", size);
  return mount("tmpfs", dir, "tmpfs", 0, options) == 0;
}

static bool write_text(const char *path, const char *text) {
  int file = open(path, O_WRONLY);
  bool done = file >= 0 && write(file, text, strlen(text)) == (ssize_t)strlen(text);

  if (file >= 0)
    close(file);
  return done;
}

/* Root's right to mount, or that of a user namespace; else false. */
static bool can_mount(void) {
  char uid[40], gid[40];

  snprintf(uid, sizeof uid, "0 %d 1", (int)geteuid());
  snprintf(gid, sizeof gid, "0 %d 1", (int)getegid());
  if (unshare(CLONE_NEWNS) != 0 &&
      !(unshare(CLONE_NEWUSER | CLONE_NEWNS) == 0 && write_text("/proc/self/setgroups", "deny") &&
        write_text("/proc/self/uid_map", uid) && write_text("/proc/self/gid_map", gid)))
    return false;
  return mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0;
}

/* Fills what is left of the disk. */
static void fill_disk(const char *path) {
  static const char block[4096];
  int file = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

  ck_assert_int_ge(file, 0);
  while (write(file, block, sizeof block) > 0)
    continue;
  ck_assert_int_eq(errno, ENOSPC);
  close(file);
}

/* Writes that need room, until there is none; the last one must change nothing. */
static int32_t write_until_full(struct world *world) {
  static char text[20000];
  uint64_t before = 0;
  int32_t status = SHOP_OK;

  memset(text, 'd', sizeof text - 1);
  for (int i = 0; i < 500 && status == SHOP_OK; i++) {
    shop_product_t *product = (shop_product_t *)world;
    char sku[20];

    snprintf(sku, sizeof sku, "P%03d", i);
    before = world_digest(world);
    status = shop_product_put(world->shop, sku, sku, text, 1, "EUR", 1, NULL, &product, world->err);
    ck_assert((product == NULL) == (status != SHOP_OK));
    shop_product_free(product);
  }
  ck_assert_uint_eq(world_digest(world), before);
  ck_assert_str_ne(shop_error_message(world->err), "");
  return status;
}

/* Whatever the size at which the room ends, it is called by its name, and what
   the opening left behind is in nobody's way. */
START_TEST(disk_too_small) {
  struct world *world = world_prepare();
  int full = 0;

  if (!can_mount()) {
    fprintf(stderr, "disk_too_small: not tried, for want of the right to mount\n");
    world_free(world);
    return;
  }
  for (int kib = 4; kib <= 640; kib += 12) {
    shop_t *shop = (shop_t *)world;
    char size[20];
    int32_t status;

    snprintf(size, sizeof size, "%dk", kib);
    ck_assert(mount_small(world->dir, size));
    status = shop_open(world->path, world->config, &shop, world->err);
    ck_assert_msg(status == SHOP_OK || status == SHOP_ERR_DISK_FULL, "%s: %s: %s", size,
                  shop_status_name(status), shop_error_message(world->err));
    ck_assert((shop == NULL) == (status != SHOP_OK));
    full += status == SHOP_ERR_DISK_FULL;
    ck_assert_int_eq(shop_close(shop), SHOP_OK);
    ck_assert_int_eq(mount("tmpfs", world->dir, "tmpfs", MS_REMOUNT, "size=4m"), 0);
    world_open(world);
    shop_token_free(world_register(world, "ada@example.org"));
    ck_assert_int_eq(shop_close(world->shop), SHOP_OK);
    world->shop = NULL;
    ck_assert_int_eq(umount(world->dir), 0);
  }
  ck_assert_int_gt(full, 5);
  world_free(world);
}
END_TEST

/* A disk that fills up while the shop is open. */
START_TEST(disk_full) {
  struct world *world = world_prepare();
  shop_cart_t *cart = NULL;
  shop_token_t *token;
  char ballast[200];
  int64_t cart_id;

  if (!can_mount() || !mount_small(world->dir, "4m")) {
    fprintf(stderr, "disk_full: not tried, for want of the right to mount\n");
    world_free(world);
    return;
  }
  snprintf(ballast, sizeof ballast, "%s/ballast", world->dir);
  world_open(world);
  world_put(world, "TEA", 999, "EUR", 10);
  token = world_shopper(world, "ada@example.org", "TEA", 1, &cart_id);
  fill_disk(ballast);

  ck_assert_int_eq(write_until_full(world), SHOP_ERR_DISK_FULL);
  ck_ok(world, shop_cart_get(world->shop, token, cart_id, &cart, world->err)); /* reads go on */
  shop_cart_free(cart);
  ck_assert_int_eq(unlink(ballast), 0);
  world_add(world, token, cart_id, "TEA", 1);
  world_verify(world, 0);
  world_reopen(world);
  ck_ok(world, shop_cart_get(world->shop, token, cart_id, &cart, world->err));
  ck_assert_int_eq(shop_cart_line_quantity(cart, 0), 2);
  shop_cart_free(cart);
  shop_token_free(token);
  ck_assert_int_eq(shop_close(world->shop), SHOP_OK);
  world->shop = NULL;
  ck_assert_int_eq(umount(world->dir), 0);
  world_free(world);
}
END_TEST

/* A new shop cannot be made while another holds the file. */
START_TEST(busy_at_open) {
  struct world *world = world_prepare();
  sqlite3 *other = NULL;

  ck_assert_int_eq(shop_config_set_busy_timeout_ms(world->config, 20), SHOP_OK);
  ck_assert_int_eq(sqlite3_open(world->path, &other), SQLITE_OK);
  ck_assert_int_eq(sqlite3_exec(other, "BEGIN EXCLUSIVE", NULL, NULL, NULL), SQLITE_OK);
  cannot_open(world, world->path, SHOP_ERR_BUSY);
  sqlite3_close(other);
  world_open(world);
  world_free(world);
}
END_TEST

/* The file holds password hashes and signing keys: whoever else is on the
   machine cannot read one that the library made, nor its log. */
START_TEST(a_new_file_is_its_owners_alone) {
  struct world *world = world_prepare();
  char log[128];
  struct stat found;
  mode_t before = umask(0);

  world_open(world);
  world_put(world, "TEA", 999, "EUR", 1);
  snprintf(log, sizeof log, "%s-wal", world->path);
  ck_assert_int_eq(stat(world->path, &found), 0);
  ck_assert_int_eq(found.st_mode & 0777, 0600);
  ck_assert_int_eq(stat(log, &found), 0);
  ck_assert_int_eq(found.st_mode & 0777, 0600);
  umask(before);
  world_free(world);
}
END_TEST

/* A host that wants it shared makes the file beforehand. */
START_TEST(an_empty_file_keeps_its_mode) {
  struct world *world = world_prepare();
  FILE *file = fopen(world->path, "w");
  struct stat found;

  ck_assert_ptr_nonnull(file);
  ck_assert_int_eq(fclose(file), 0);
  ck_assert_int_eq(chmod(world->path, 0660), 0);
  world_open(world);
  ck_assert_int_eq(stat(world->path, &found), 0);
  ck_assert_int_eq(found.st_mode & 0777, 0660);
  world_free(world);
}
END_TEST

int main(void) {
  const TTest *tests[] = {
      open_makes_a_shop,   config_is_copied, arguments_of_open, longest_path, relative_paths,
      no_place_for_a_file, not_a_store,      not_a_shop,        too_new,      no_permission,
      disk_too_small,      disk_full,        busy_at_open,
      a_new_file_is_its_owners_alone, an_empty_file_keeps_its_mode,
  };

  return HARNESS_RUN("store: opening", tests);
}
