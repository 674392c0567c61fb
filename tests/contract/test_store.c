/* Opening and closing: which files are taken for a shop, what every call gets
   from a store that is held, newer, closed, or carried across a fork. */
#define _GNU_SOURCE /* unshare */
#include "every_call.h"

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
#include <sys/wait.h>
#include <unistd.h>

#define SHOP_PATH_MAX 500 /* as store.h says */

/* ---- files ---------------------------------------------------------------------------- */

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

/* ---- a scene for every call -------------------------------------------------------------- */

/* A shop with two products, a user with a paid order and a filled cart. */
struct scene {
  struct world *world;
  shop_token_t *token;
  shop_order_t *order;
  struct props props;
};

static struct scene scene_in(struct world *world) {
  struct scene scene = {.world = world};
  int64_t cart_id;

  world_open(world);
  world_put(world, "TEA", 999, "EUR", 50);
  world_put(world, "MILK", 120, "EUR", 50);
  scene.token = world_shopper(world, "ada@example.org", "TEA", 1, &cart_id);
  ck_ok(world, world_buy(world, scene.token, cart_id, NULL, &scene.order));
  cart_id = world_cart(world, scene.token);
  world_add(world, scene.token, cart_id, "TEA", 1);
  world_add(world, scene.token, cart_id, "MILK", 1);
  scene.props = (struct props){.token = scene.token,
                               .user_id = shop_token_user_id(scene.token),
                               .cart_id = cart_id,
                               .new_email = "bob@example.org",
                               .email = "ada@example.org",
                               .password = PASSWORD,
                               .sku = "TEA",
                               .second_sku = "MILK",
                               .number = shop_order_number(scene.order),
                               .reference = shop_order_gateway_reference(scene.order)};
  return scene;
}

static void scene_free(struct scene *scene) {
  shop_order_free(scene->order);
  shop_token_free(scene->token);
  world_free(scene->world);
}

/* Every call, or every call that writes, gets this status and leaves its
   outputs NULL; err NULL where the test may not use the world's. */
static void all_refused(struct scene *scene, bool only_writers, int32_t wanted,
                        shop_error_t *err) {
  for (size_t i = 0; i < every_call_count; i++) {
    int32_t status;

    if (only_writers && !every_call[i].writes)
      continue;
    status = every_call[i].make(scene->world->shop, &scene->props, false, err);
    ck_assert_msg(status == wanted, "%s: %s instead of %s: %s", every_call[i].name,
                  shop_status_name(status), shop_status_name(wanted), shop_error_message(err));
    ck_assert_msg(scene->props.outputs_are_right, "%s left its output", every_call[i].name);
    if (err != NULL) {
      ck_assert_int_eq(shop_error_code(err), wanted);
      ck_assert_str_ne(shop_error_message(err), "");
    }
  }
}

/* ---- opening ---------------------------------------------------------------------------------- */

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

/* Written by a newer libshop: refused at the door, and by every call of a shop
   that had it open before. */
START_TEST(too_new) {
  struct scene scene = scene_in(world_prepare());
  struct world *world = scene.world;
  int64_t version = world_number(world, "PRAGMA user_version");
  char sql[60];
  uint64_t before;

  world_vandalise(world, "PRAGMA user_version = 1000");
  before = world_digest(world);
  all_refused(&scene, false, SHOP_ERR_TOO_NEW, world->err);
  ck_assert_uint_eq(world_digest(world), before);
  ck_assert_int_eq(world->gateway.charges, 1);
  ck_assert_int_eq(shop_close(world->shop), SHOP_OK);
  world->shop = NULL;
  leaves_file_alone(world, SHOP_ERR_TOO_NEW);
  snprintf(sql, sizeof sql, "PRAGMA user_version = %lld", (long long)version);
  world_vandalise(world, sql);
  world_open(world);
  scene_free(&scene);
}
END_TEST

/* ---- permissions: in a process that has given up root's rights --------------------------------- */

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

/* ---- a full disk: a small file system of its own -------------------------------------------------- */

static bool mount_small(const char *dir, const char *size) {
  char options[40];

  snprintf(options, sizeof options, "size=%s", size);
  return mount("tmpfs", dir, "tmpfs", 0, options) == 0;
}

/* Root's right to mount, or that of a user namespace; else false. */
static bool can_mount(void) {
  if (unshare(CLONE_NEWNS) != 0 && unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0)
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
    status = shop_product_put(world->shop, sku, sku, text, 1, "EUR", 1, NULL, &product,
                              world->err);
    ck_assert((product == NULL) == (status != SHOP_OK));
    shop_product_free(product);
  }
  ck_assert_uint_eq(world_digest(world), before);
  ck_assert_str_ne(shop_error_message(world->err), "");
  return status;
}

/* An opening that finds no room leaves nothing behind that is in the way. */
START_TEST(disk_full) {
  struct world *world = world_prepare();
  shop_cart_t *cart = NULL;
  shop_token_t *token;
  char ballast[200];
  int64_t cart_id;

  if (!can_mount() || !mount_small(world->dir, "64k")) {
    fprintf(stderr, "disk_full: not tried, for want of the right to mount\n");
    world_free(world);
    return;
  }
  snprintf(ballast, sizeof ballast, "%s/ballast", world->dir);
  cannot_open(world, world->path, SHOP_ERR_DISK_FULL);
  ck_assert_int_eq(mount("tmpfs", world->dir, "tmpfs", MS_REMOUNT, "size=4m"), 0);
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

/* ---- held by others -------------------------------------------------------------------------------- */

/* Another holds the write lock for longer than the limit: writers are told so,
   readers do not notice. */
START_TEST(busy) {
  struct world *world = world_prepare();
  struct scene scene;
  sqlite3 *other = NULL;
  uint64_t before;

  ck_assert_int_eq(shop_config_set_busy_timeout_ms(world->config, 20), SHOP_OK);
  scene = scene_in(world);
  before = world_digest(world);
  ck_assert_int_eq(sqlite3_open(world->path, &other), SQLITE_OK);
  ck_assert_int_eq(sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
  all_refused(&scene, true, SHOP_ERR_BUSY, world->err);
  for (size_t i = 0; i < every_call_count; i++)
    if (!every_call[i].writes)
      ck_ok(world, every_call[i].make(world->shop, &scene.props, false, world->err));
  ck_assert_uint_eq(world_digest(world), before);
  ck_assert_int_eq(world->gateway.charges, 1);
  ck_assert_int_eq(sqlite3_exec(other, "ROLLBACK", NULL, NULL, NULL), SQLITE_OK);
  sqlite3_close(other);
  world_add(world, scene.token, scene.props.cart_id, "TEA", 1);
  scene_free(&scene);
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

/* The deadline of a call ends its waiting, however long the store's limit is. */
START_TEST(deadline) {
  struct scene scene = scene_in(world_prepare());
  struct world *world = scene.world;
  shop_t *shop = world->shop;
  shop_options_t *options = options_with_deadline(15);
  shop_cart_t *cart = NULL;
  shop_order_t *order = NULL;
  sqlite3 *other = NULL;
  shop_purchase_request_t *request = NULL;
  shop_token_t *newcomer = world_register(world, "new@example.org");

  ck_assert_int_eq(shop_purchase_request_new(&request), SHOP_OK);
  ck_assert_int_eq(shop_purchase_request_set_method(request, "pm"), SHOP_OK);
  ck_assert_int_eq(sqlite3_open(world->path, &other), SQLITE_OK);
  ck_assert_int_eq(sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
#define LATE(call) ck_refused(world, call, SHOP_ERR_DEADLINE)
  LATE(shop_cart_create(shop, newcomer, options, &cart, world->err));
  LATE(shop_cart_add(shop, scene.token, scene.props.cart_id, "TEA", 1, options, &cart,
                     world->err));
  LATE(shop_cart_set_quantity(shop, scene.token, scene.props.cart_id, "TEA", 2, options, &cart,
                              world->err));
  LATE(shop_cart_remove(shop, scene.token, scene.props.cart_id, "TEA", options, &cart,
                        world->err));
  LATE(shop_cart_clear(shop, scene.token, scene.props.cart_id, options, &cart, world->err));
  LATE(shop_cart_reprice(shop, scene.token, scene.props.cart_id, options, &cart, world->err));
  LATE(shop_purchase(shop, scene.token, scene.props.cart_id, request, options, &order,
                     world->err));
  LATE(shop_product_put(shop, "X", "x", NULL, 1, "EUR", 1, options, NULL, world->err));
  LATE(shop_product_retire(shop, "TEA", options, world->err));
  LATE(shop_product_adjust_stock(shop, "TEA", 1, options, NULL, world->err));
  LATE(shop_product_set_metadata(shop, "TEA", "n", NULL, options, world->err));
  LATE(shop_user_set_metadata(shop, scene.props.user_id, "n", NULL, options, world->err));
  LATE(shop_order_set_metadata(shop, scene.props.number, "n", NULL, options, world->err));
  LATE(shop_token_revoke(shop, scene.token, options, world->err));
  ck_assert(cart == NULL && order == NULL);
  ck_assert_int_eq(world->gateway.charges, 1);
  sqlite3_close(other);
  shop_options_free(options);
  shop_purchase_request_free(request);
  shop_token_free(newcomer);
  scene_free(&scene);
}
END_TEST

/* Two shop objects on one file see each other's changes at once. */
START_TEST(two_objects_one_shop) {
  struct world *world = world_new();
  shop_t *second = NULL;
  shop_token_t *token;
  shop_cart_t *cart = NULL;
  int64_t cart_id;

  ck_ok(world, shop_open(world->path, world->config, &second, world->err));
  world_put(world, "TEA", 999, "EUR", 10);
  token = world_shopper(world, "ada@example.org", "TEA", 1, &cart_id);
  ck_ok(world, shop_cart_add(second, token, cart_id, "TEA", 1, NULL, &cart, world->err));
  ck_assert_int_eq(shop_cart_line_quantity(cart, 0), 2);
  shop_cart_free(cart);
  ck_assert_int_eq(shop_close(second), SHOP_OK);
  ck_ok(world, shop_cart_get(world->shop, token, cart_id, &cart, world->err));
  ck_assert_int_eq(shop_cart_line_quantity(cart, 0), 2);
  shop_cart_free(cart);
  shop_token_free(token);
  world_free(world);
}
END_TEST

/* ---- closing ------------------------------------------------------------------------------------------ */

/* Closing, tried from inside a callback: it must say no and do nothing. */
static struct {
  struct world *world;
  int32_t in_charge, in_send, in_log;
  int32_t call_in_charge;
} inside;

static void close_in_charge(struct gateway *gateway, void *user) {
  shop_product_t *product = NULL;

  (void)gateway;
  (void)user;
  inside.in_charge = shop_close(inside.world->shop);
  inside.call_in_charge = shop_product_get(inside.world->shop, "TEA", &product, NULL);
  shop_product_free(product);
}

static void close_in_send(struct transport *transport, void *user) {
  (void)transport;
  (void)user;
  inside.in_send = shop_close(inside.world->shop);
}

static void close_in_log(void *user, int32_t level, const char *text) {
  (void)user;
  (void)level;
  (void)text;
  inside.in_log = shop_close(inside.world->shop);
}

START_TEST(close_in_callback) {
  struct world *world = world_prepare();
  shop_order_t *order = NULL;
  shop_token_t *token;
  int64_t cart_id;

  inside.world = world;
  world->gateway.before = close_in_charge;
  world->gateway.mood = GATEWAY_CONTRADICTS; /* which is logged */
  ck_assert_int_eq(shop_config_set_log(world->config, close_in_log, NULL), SHOP_OK);
  world_open(world);
  world_put(world, "TEA", 999, "EUR", 10);
  token = world_shopper(world, "ada@example.org", "TEA", 1, &cart_id);
  ck_status(world, world_buy(world, token, cart_id, NULL, &order), SHOP_UNKNOWN);
  shop_order_free(order);
  shop_token_free(token);
  ck_assert_int_eq(inside.in_charge, SHOP_ERR_IN_CALLBACK);
  ck_assert_int_eq(inside.call_in_charge, SHOP_OK);
  ck_assert_int_eq(inside.in_log, SHOP_ERR_IN_CALLBACK);

  world->gateway.mood = GATEWAY_APPROVES;
  world->transport.hook = close_in_send;
  token = world_shopper(world, "bob@example.org", "TEA", 1, &cart_id);
  ck_ok(world, world_buy(world, token, cart_id, NULL, &order));
  ck_assert_int_eq(inside.in_send, SHOP_ERR_IN_CALLBACK);
  shop_order_free(order);
  shop_token_free(token);
  world_free(world); /* closes well */
}
END_TEST

/* A purchase that is held inside its callback until it is let go. */
struct held {
  struct world *world;
  const shop_token_t *token;
  int64_t cart_id;
  pthread_mutex_t lock;
  pthread_cond_t change;
  bool inside, let_go;
  int32_t purchase, close;
  shop_order_t *order;
};

static void hold(struct gateway *gateway, void *user) {
  struct held *held = user;

  (void)gateway;
  pthread_mutex_lock(&held->lock);
  held->inside = true;
  pthread_cond_broadcast(&held->change);
  while (!held->let_go)
    pthread_cond_wait(&held->change, &held->lock);
  pthread_mutex_unlock(&held->lock);
}

static void *buy(void *user) {
  struct held *held = user;

  held->purchase = world_buy(held->world, held->token, held->cart_id, NULL, &held->order);
  return NULL;
}

static void *close_shop(void *user) {
  struct held *held = user;

  held->close = shop_close(held->world->shop);
  return NULL;
}

/* While a shop is being closed every new call is refused, what runs is finished
   with its own result, and only then is it closed. */
START_TEST(close_waits_and_refuses) {
  struct scene scene = scene_in(world_prepare());
  struct world *world = scene.world;
  struct held held = {.world = world,
                      .token = scene.token,
                      .cart_id = scene.props.cart_id,
                      .lock = PTHREAD_MUTEX_INITIALIZER,
                      .change = PTHREAD_COND_INITIALIZER,
                      .close = 1};
  pthread_t buyer, closer;
  shop_error_t *err = NULL;

  ck_assert_int_eq(shop_error_new(&err), SHOP_OK); /* the buyer has the world's */
  world->gateway.before = hold;
  world->gateway.hook_user = &held;
  ck_assert_int_eq(pthread_create(&buyer, NULL, buy, &held), 0);
  pthread_mutex_lock(&held.lock);
  while (!held.inside)
    pthread_cond_wait(&held.change, &held.lock);
  pthread_mutex_unlock(&held.lock);
  ck_assert_int_eq(pthread_create(&closer, NULL, close_shop, &held), 0);
  while (shop_mail_count(world->shop, NULL, NULL, NULL) != SHOP_ERR_CLOSED)
    sched_yield();

  all_refused(&scene, false, SHOP_ERR_CLOSED, err);
  ck_assert_int_eq(shop_close(world->shop), SHOP_ERR_CLOSED);
  pthread_mutex_lock(&held.lock);
  held.let_go = true;
  pthread_cond_broadcast(&held.change);
  pthread_mutex_unlock(&held.lock);
  pthread_join(buyer, NULL);
  pthread_join(closer, NULL);
  ck_assert_int_eq(held.purchase, SHOP_OK);
  ck_assert_int_eq(shop_order_status(held.order), SHOP_ORDER_PLACED);
  ck_assert_int_eq(held.close, SHOP_OK);

  world->shop = NULL;
  world->gateway.before = NULL;
  world_open(world);
  world_verify(world, 0);
  shop_order_free(held.order);
  shop_error_free(err);
  scene_free(&scene);
}
END_TEST

/* ---- fork -------------------------------------------------------------------------------------------------- */

/* In the child every call is refused, also closing; snapshots are memory and
   can be freed. The parent goes on as if nothing had been. */
START_TEST(forked) {
  struct scene scene = scene_in(world_prepare());
  struct world *world = scene.world;
  int result = -1;
  pid_t child;

  fflush(NULL);
  child = fork();
  ck_assert_int_ge(child, 0);
  if (child == 0) {
    all_refused(&scene, false, SHOP_ERR_FORKED, world->err);
    ck_assert_int_eq(shop_close(world->shop), SHOP_ERR_FORKED);
    all_refused(&scene, false, SHOP_ERR_FORKED, world->err);
    ck_assert_str_ne(shop_token_jwt(scene.token), "");
    shop_token_free(scene.token);
    shop_order_free(scene.order);
    _exit(0);
  }
  world_add(world, scene.token, scene.props.cart_id, "TEA", 1); /* while the child lives */
  ck_assert_int_eq(waitpid(child, &result, 0), child);
  ck_assert_int_eq(result, 0);
  world_add(world, scene.token, scene.props.cart_id, "TEA", 1);
  world_verify(world, 0);
  world_reopen(world);
  world_add(world, scene.token, scene.props.cart_id, "TEA", 1);
  scene_free(&scene);
}
END_TEST

int main(void) {
  const TTest *tests[] = {
      open_makes_a_shop, config_is_copied,  arguments_of_open,       longest_path,
      relative_paths,    no_place_for_a_file, not_a_store,           not_a_shop,
      too_new,           no_permission,     disk_full,               busy,
      busy_at_open,      deadline,          two_objects_one_shop,    close_in_callback,
      close_waits_and_refuses, forked,
  };

  return HARNESS_RUN("store", tests);
}
