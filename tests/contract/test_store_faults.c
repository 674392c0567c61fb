/* A disk that fails: what the caller is told, what is left in the store, and
   that everything works again when the disk does. (The file system is the shim
   of tests/db.) */
#include "fault_vfs.h"

#include <harness.h>

#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A user whose cart has 1 TEA. */
struct scene {
  struct world *world;
  shop_token_t *token;
  int64_t cart_id;
};

static struct scene scene_new(void) {
  struct scene scene = {.world = world_new()};

  world_put(scene.world, "TEA", 999, "EUR", 100);
  scene.token = world_shopper(scene.world, "ada@example.org", "TEA", 1, &scene.cart_id);
  return scene;
}

static void scene_free(struct scene *scene) {
  shop_token_free(scene->token);
  world_free(scene->world);
}

/* Adds one TEA with this key while the rule holds; then the disk is well again. */
static int32_t add_with(struct scene *scene, const char *key, struct fault_rule rule) {
  shop_cart_t *cart = (shop_cart_t *)(void *)scene;
  shop_options_t *options = options_with_key(key);
  int32_t status;

  fault_vfs_fail(rule);
  status = shop_cart_add(scene->world->shop, scene->token, scene->cart_id, "TEA", 1, options, &cart,
                         scene->world->err);
  ck_assert_msg(fault_vfs_struck() > 0 || rule.times == 0, "the fault did not strike");
  fault_vfs_reset();
  ck_assert((cart != NULL) == (status == SHOP_OK));
  ck_assert((shop_error_message(scene->world->err)[0] == '\0') == (status == SHOP_OK));
  shop_cart_free(cart);
  shop_options_free(options);
  return status;
}

static int64_t quantity(struct scene *scene) {
  shop_cart_t *cart = NULL;
  int64_t pieces;

  ck_ok(scene->world,
        shop_cart_get(scene->world->shop, scene->token, scene->cart_id, &cart, scene->world->err));
  pieces = shop_cart_line_quantity(cart, 0);
  shop_cart_free(cart);
  return pieces;
}

static const struct fault_rule no_fault = {FAULT_SYNC, FAULT_WAL, 1, 0, SQLITE_OK, false};

/* A sync that fails once: the seam finds out what became of the commit, and
   the call has its effect exactly once. */
START_TEST(one_failed_sync) {
  for (int carried_out = 0; carried_out < 2; carried_out++) {
    struct scene scene = scene_new();
    struct fault_rule rule = {FAULT_SYNC, FAULT_WAL, 1, 1, SQLITE_IOERR_FSYNC, carried_out};

    ck_ok(scene.world, add_with(&scene, "k", rule));
    ck_assert_int_eq(quantity(&scene), 2);
    ck_ok(scene.world, add_with(&scene, "k", no_fault));
    ck_assert_int_eq(quantity(&scene), 2);
    world_reopen(scene.world);
    ck_assert_int_eq(quantity(&scene), 2);
    scene_free(&scene);
  }
}
END_TEST

/* Where not even that can be found out, it is said; the call repeated with its
   key then has its effect once, whatever had become of the first. */
START_TEST(commit_unknown) {
  for (int carried_out = 0; carried_out < 2; carried_out++) {
    struct scene scene = scene_new();
    struct fault_rule rule = {FAULT_SYNC,   FAULT_WAL,          1,
                              FAULT_ALWAYS, SQLITE_IOERR_FSYNC, carried_out};

    ck_status(scene.world, add_with(&scene, "k", rule), SHOP_ERR_COMMIT_UNKNOWN);
    ck_assert_int_ge(quantity(&scene), 1);
    ck_assert_int_le(quantity(&scene), 2);
    ck_ok(scene.world, add_with(&scene, "k", no_fault));
    ck_assert_int_eq(quantity(&scene), 2);
    world_reopen(scene.world);
    ck_assert_int_eq(quantity(&scene), 2);
    world_verify(scene.world, 0);
    scene_free(&scene);
  }
}
END_TEST

/* The gateway is not asked on the strength of a commit that may not stand. */
START_TEST(commit_unknown_in_a_purchase) {
  struct scene scene = scene_new();
  struct world *world = scene.world;
  shop_order_t *order = NULL;
  struct fault_rule rule = {FAULT_SYNC, FAULT_WAL, 1, FAULT_ALWAYS, SQLITE_IOERR_FSYNC, false};

  fault_vfs_fail(rule);
  ck_status(world, world_buy(world, scene.token, scene.cart_id, "k", &order),
            SHOP_ERR_COMMIT_UNKNOWN);
  fault_vfs_reset();
  ck_assert_ptr_null(order);
  ck_assert_int_eq(world->gateway.charges, 0);
  if (world_buy(world, scene.token, scene.cart_id, "k", &order) == SHOP_IN_PROGRESS) {
    shop_order_free(order); /* it did stand: then it is a purchase that was cut off */
    world_pass_ms(world, 3600000);
    ck_ok(world, shop_recover(world->shop, 10, NULL, world->err));
    ck_ok(world, world_buy(world, scene.token, scene.cart_id, "k", &order));
  }
  ck_assert_int_eq(shop_order_status(order), SHOP_ORDER_PLACED);
  ck_assert_int_eq(world->gateway.count, 1);
  ck_assert_int_eq(world_number(world, "SELECT count(*) FROM orders"), 1);
  world_verify(world, 0);
  shop_order_free(order);
  scene_free(&scene);
}
END_TEST

/* Writing fails, as on a full disk or a broken one: nothing has changed, and
   the key is not used up. */
START_TEST(failed_writes) {
  static const struct {
    int code;
    int32_t status;
  } all[] = {{SQLITE_FULL, SHOP_ERR_DISK_FULL}, {SQLITE_IOERR_WRITE, 0}};

  for (size_t i = 0; i < 2; i++) {
    struct scene scene = scene_new();
    struct fault_rule rule = {FAULT_WRITE, FAULT_WAL, 1, FAULT_ALWAYS, all[i].code, false};
    uint64_t before = world_digest(scene.world);
    int32_t status = add_with(&scene, "k", rule);

    if (all[i].status != 0)
      ck_status(scene.world, status, all[i].status);
    else /* whether a commit that could not be written stands is a question of its own */
      ck_assert(status == SHOP_ERR_IO || status == SHOP_ERR_COMMIT_UNKNOWN);
    ck_assert_uint_eq(world_digest(scene.world), before);
    ck_assert_int_eq(quantity(&scene), 1);
    ck_ok(scene.world, add_with(&scene, "k", no_fault));
    ck_assert_int_eq(quantity(&scene), 2);
    world_verify(scene.world, 0);
    scene_free(&scene);
  }
}
END_TEST

/* Reading fails: SHOP_ERR_IO from readers and writers, and from opening. */
START_TEST(failed_reads) {
  struct scene scene = scene_new();
  struct world *world = scene.world;
  shop_t *second = (shop_t *)world;
  struct fault_rule rule = {FAULT_READ, FAULT_MAIN, 1, FAULT_ALWAYS, SQLITE_IOERR_READ, false};
  shop_cart_t *cart = (shop_cart_t *)world;
  uint64_t before = world_digest(world);
  int32_t status;

  world_reopen(world);
  fault_vfs_fail(rule);
  status = shop_cart_get(world->shop, scene.token, scene.cart_id, &cart, world->err);
  fault_vfs_reset();
  ck_status(world, status, SHOP_ERR_IO);
  ck_assert_str_ne(shop_error_message(world->err), "");
  ck_assert_ptr_null(cart);
  ck_assert_int_eq(quantity(&scene), 1);

  world_reopen(world);
  ck_status(world, add_with(&scene, "k", rule), SHOP_ERR_IO);
  ck_assert_uint_eq(world_digest(world), before);
  ck_ok(world, add_with(&scene, "k", no_fault));
  ck_assert_int_eq(quantity(&scene), 2);

  ck_assert_int_eq(shop_close(world->shop), SHOP_OK);
  world->shop = NULL;
  fault_vfs_fail(rule);
  status = shop_open(world->path, world->config, &second, world->err);
  fault_vfs_reset();
  ck_status(world, status, SHOP_ERR_IO);
  ck_assert_ptr_null(second);
  world_open(world);
  scene_free(&scene);
}
END_TEST

/* Opening a new shop while the disk fails, at each operation in turn: a clear
   status and no shop, and the next opening makes one. */
START_TEST(opening_on_a_failing_disk) {
  static const struct {
    enum fault_op op;
    enum fault_file file;
    int code;
  } faults[] = {
      {FAULT_OPEN, FAULT_MAIN, SQLITE_CANTOPEN},
      {FAULT_WRITE, FAULT_MAIN, SQLITE_IOERR_WRITE},
      {FAULT_WRITE, FAULT_MAIN, SQLITE_FULL},
      {FAULT_WRITE, FAULT_WAL, SQLITE_FULL},
      {FAULT_WRITE, FAULT_WAL, SQLITE_IOERR_WRITE},
      {FAULT_SYNC, FAULT_WAL, SQLITE_IOERR_FSYNC},
      {FAULT_SYNC, FAULT_MAIN, SQLITE_IOERR_FSYNC},
      {FAULT_OPEN, FAULT_WAL, SQLITE_CANTOPEN},
      {FAULT_SHM_MAP, FAULT_MAIN, SQLITE_IOERR_SHMMAP},
      {FAULT_READ, FAULT_MAIN, SQLITE_IOERR_READ},
  };

  for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++)
    for (long nth = 1; nth <= 5; nth++) {
      struct world *world = world_prepare();
      shop_t *shop = (shop_t *)world;
      int32_t status;

      fault_vfs_fail((struct fault_rule){faults[i].op, faults[i].file, nth, FAULT_ALWAYS,
                                         faults[i].code, false});
      status = shop_open(world->path, world->config, &shop, world->err);
      ck_assert((shop == NULL) == (status != SHOP_OK));
      ck_assert_int_eq(shop_error_code(world->err), status);
      ck_assert_msg(status == SHOP_OK || status <= -500, "%s", shop_status_name(status));
      ck_assert((shop_error_message(world->err)[0] == '\0') == (status == SHOP_OK));
      if (nth == 1 && faults[i].op == FAULT_SYNC && faults[i].file == FAULT_WAL)
        ck_assert_int_eq(status, SHOP_ERR_COMMIT_UNKNOWN);
      ck_assert_int_eq(shop_close(shop), SHOP_OK);
      fault_vfs_reset();
      world_open(world);
      shop_token_free(world_register(world, "ada@example.org"));
      world_verify(world, 0);
      world_free(world);
    }
}
END_TEST

/* Pages that hold noise: every call says so or does without them, and shop_verify
   reports what it finds. */
START_TEST(damaged_pages) {
  static char noise[4096];
  struct scene scene = scene_new();
  struct world *world = scene.world;
  struct stat info;
  int corrupt = 0;

  memset(noise, 0xa5, sizeof noise);
  ck_assert_int_eq(shop_close(world->shop), SHOP_OK);
  world->shop = NULL;
  ck_assert_int_eq(stat(world->path, &info), 0);
  for (off_t at = sizeof noise; at < info.st_size; at += (off_t)sizeof noise) {
    char page[sizeof noise];
    int file = open(world->path, O_RDWR);
    shop_cart_t *cart = NULL;
    shop_audit_t *audit = NULL;
    int32_t status;

    ck_assert_int_eq(pread(file, page, sizeof page, at), sizeof page);
    ck_assert_int_eq(pwrite(file, noise, sizeof noise, at), sizeof noise);
    status = shop_open(world->path, world->config, &world->shop, world->err);
    if (status == SHOP_OK) {
      status = shop_cart_get(world->shop, scene.token, scene.cart_id, &cart, world->err);
      ck_assert((cart != NULL) == (status == SHOP_OK));
      if (status == SHOP_OK)
        status = shop_verify(world->shop, &audit, world->err);
      if (status == SHOP_OK)
        corrupt += shop_audit_violations(audit) > 0;
    }
    corrupt += status == SHOP_ERR_CORRUPT;
    ck_assert_msg(status == SHOP_OK || status == SHOP_ERR_CORRUPT, "page %ld: %s: %s",
                  (long)(at / (off_t)sizeof noise), shop_status_name(status),
                  shop_error_message(world->err));
    shop_cart_free(cart);
    shop_audit_free(audit);
    ck_assert_int_eq(shop_close(world->shop), SHOP_OK);
    world->shop = NULL;
    ck_assert_int_eq(pwrite(file, page, sizeof page, at), sizeof page);
    close(file);
  }
  ck_assert_int_gt(corrupt, 10);
  world_open(world);
  ck_assert_int_eq(quantity(&scene), 1);
  world_verify(world, 0);
  scene_free(&scene);
}
END_TEST

/* A file that was cut short, as by a copy that ended early. */
START_TEST(truncated_file) {
  struct scene scene = scene_new();
  struct world *world = scene.world;
  shop_t *shop = (shop_t *)world;
  shop_audit_t *audit = NULL;
  int32_t status;

  ck_assert_int_eq(shop_close(world->shop), SHOP_OK);
  world->shop = NULL;
  ck_assert_int_eq(truncate(world->path, 3 * 4096), 0);
  status = shop_open(world->path, world->config, &shop, world->err);
  ck_assert((shop == NULL) == (status != SHOP_OK));
  if (status == SHOP_OK)
    status = shop_verify(shop, &audit, world->err);
  if (status == SHOP_OK)
    ck_assert_int_gt(shop_audit_violations(audit), 0);
  else
    ck_status(world, status, SHOP_ERR_CORRUPT);
  shop_audit_free(audit);
  ck_assert_int_eq(shop_close(shop), SHOP_OK);
  scene_free(&scene);
}
END_TEST

int main(void) {
  const TTest *tests[] = {
      one_failed_sync, commit_unknown, commit_unknown_in_a_purchase,
      failed_writes,   failed_reads,   opening_on_a_failing_disk,
      damaged_pages,   truncated_file,
  };

  fault_vfs_install();
  return HARNESS_RUN("store faults", tests);
}
