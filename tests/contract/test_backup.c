/* The online copy: of a shop in use, of one moment, whole; or no file at all. */
#include "till.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void copy_path(struct world *world, const char *name, char out[200]) {
  snprintf(out, 200, "%s/%s", world->dir, name);
}

/* The copy opens as a shop and verifies; how many orders it holds. */
static int64_t check_copy(struct world *world, const char *path, int64_t attentions) {
  shop_t *copy = NULL;
  shop_audit_t *audit = NULL;
  int64_t orders;

  ck_ok(world, shop_open(path, world->config, &copy, world->err));
  ck_ok(world, shop_verify(copy, &audit, world->err));
  ck_assert_msg(shop_audit_violations(audit) == 0, "%s", shop_audit_finding_text(audit, 0));
  ck_assert_int_eq(shop_audit_attentions(audit), attentions);
  orders = shop_audit_orders(audit);
  shop_audit_free(audit);
  ck_assert_int_eq(shop_close(copy), SHOP_OK);
  return orders;
}

static int32_t files_named(struct world *world, const char *prefix) {
  DIR *dir = opendir(world->dir);
  int32_t count = 0;

  ck_assert_ptr_nonnull(dir);
  for (struct dirent *entry = readdir(dir); entry != NULL; entry = readdir(dir))
    count += strncmp(entry->d_name, prefix, strlen(prefix)) == 0;
  closedir(dir);
  return count;
}

/* Handles of the shop are good for its copy: it is the same shop. */
START_TEST(the_same_shop) {
  struct till till = till_new(TILL_OPERATIONS);
  char path[200];
  shop_t *copy = NULL;
  shop_order_t *order = NULL;

  till_buy(&till, GATEWAY_APPROVES, SHOP_OK);
  copy_path(till.world, "copy.shop", path);
  ck_ok(till.world, shop_backup(till.world->shop, path, NULL, NULL, till.world->err));
  ck_assert_int_eq(check_copy(till.world, path, 0), 1);
  ck_ok(till.world, shop_open(path, till.world->config, &copy, till.world->err));
  ck_ok(till.world, shop_order_get(copy, till.token, till.number, &order, till.world->err));
  ck_assert_int_eq(shop_order_status(order), SHOP_ORDER_PLACED);
  shop_order_free(order);
  ck_assert_int_eq(shop_close(copy), SHOP_OK);
  till_end(&till, 0);
}
END_TEST

struct buyer {
  pthread_t thread;
  struct world *world;
  const char *sku;
  int number;
  int32_t bought;
  int32_t failed;
};
static atomic_bool stop;

/* Registers, fills a cart, buys: again and again. */
static void *buy_on(void *user) {
  struct buyer *buyer = user;

  for (int i = 0; !atomic_load(&stop) && i < 300; i++) {
    char email[60];
    shop_token_t *token = NULL;
    shop_cart_t *cart = NULL, *filled = NULL;
    shop_order_t *order = NULL;
    shop_t *shop = buyer->world->shop;
    bool fine;

    snprintf(email, sizeof email, "a%d.%d@example.org", buyer->number, i);
    fine = shop_user_register(shop, email, PASSWORD, NULL, &token, NULL) == SHOP_OK &&
           shop_cart_create(shop, token, NULL, &cart, NULL) == SHOP_OK &&
           shop_cart_add(shop, token, shop_cart_id(cart), buyer->sku, 1, NULL, &filled, NULL) ==
               SHOP_OK &&
           form_buy(shop, token, shop_cart_id(cart), &(struct form){.method = CARD}, &order,
                    NULL) == SHOP_OK;
    buyer->bought += fine;
    buyer->failed += !fine;
    shop_order_free(order);
    shop_cart_free(filled);
    shop_cart_free(cart);
    shop_token_free(token);
  }
  return NULL;
}

/* Four threads buy on while copies are made: each copy is whole, and holds what was told to be
   placed before it was begun. */
START_TEST(while_others_buy) {
  struct world *world = world_prepare();
  struct buyer buyers[4];
  int64_t orders = 0, last = 0;
  int32_t bought = 0;

  ck_assert_int_eq(shop_config_set_mail_transport(world->config, NULL, NULL), SHOP_OK);
  world_open(world);
  world_put(world, "TEA", 999, "EUR", 100000);
  for (int i = 0; i < 4; i++) {
    buyers[i] = (struct buyer){.world = world, .sku = "TEA", .number = i};
    ck_assert_int_eq(pthread_create(&buyers[i].thread, NULL, buy_on, &buyers[i]), 0);
  }
  for (int i = 0; i < 5; i++) {
    char path[200], name[20];

    snprintf(name, sizeof name, "copy%d", i);
    copy_path(world, name, path);
    orders = world_number(world, "SELECT count(*) FROM orders WHERE status = 2");
    ck_ok(world, shop_backup(world->shop, path, NULL, NULL, world->err));
    last = check_copy(world, path, 0);
    ck_assert_int_ge(last, orders);
  }
  atomic_store(&stop, true);
  for (int i = 0; i < 4; i++) {
    pthread_join(buyers[i].thread, NULL);
    ck_assert_int_eq(buyers[i].failed, 0); /* nobody is turned away for a copy */
    bought += buyers[i].bought;
  }
  ck_assert_int_ge(bought, last);
  world_close_books(world, 0);
  world_free(world);
}
END_TEST

/* What is there is never written over, be it a shop, a text, or a folder. */
START_TEST(exists_already) {
  struct till till = till_new(TILL_CHARGE);
  char path[200];
  uint64_t before = world_digest(till.world);
  FILE *file;
  struct stat status;

  ck_status(till.world,
            shop_backup(till.world->shop, till.world->path, NULL, NULL, till.world->err),
            SHOP_ERR_CANNOT_OPEN); /* onto itself */
  ck_assert(world_digest(till.world) == before);
  copy_path(till.world, "text", path);
  file = fopen(path, "w");
  ck_assert_ptr_nonnull(file);
  fputs("precious", file);
  fclose(file);
  ck_status(till.world, shop_backup(till.world->shop, path, NULL, NULL, till.world->err),
            SHOP_ERR_CANNOT_OPEN);
  ck_assert_int_eq(stat(path, &status), 0);
  ck_assert_int_eq(status.st_size, 8);
  copy_path(till.world, "empty", path);
  file = fopen(path, "w");
  ck_assert_ptr_nonnull(file);
  fclose(file);
  ck_status(till.world, shop_backup(till.world->shop, path, NULL, NULL, till.world->err),
            SHOP_ERR_CANNOT_OPEN);
  ck_assert_int_eq(stat(path, &status), 0);
  ck_status(till.world, shop_backup(till.world->shop, till.world->dir, NULL, NULL, till.world->err),
            SHOP_ERR_CANNOT_OPEN);
  till_end(&till, 0);
}
END_TEST

START_TEST(wrong_paths) {
  struct till till = till_new(TILL_CHARGE);
  char path[700];

  copy_path(till.world, "no/such/folder/copy", path);
  ck_refused(till.world, shop_backup(till.world->shop, path, NULL, NULL, till.world->err),
             SHOP_ERR_CANNOT_OPEN);
  ck_refused(till.world, shop_backup(till.world->shop, "", NULL, NULL, till.world->err),
             SHOP_ERR_ARGUMENT);
  ck_refused(till.world, shop_backup(till.world->shop, NULL, NULL, NULL, till.world->err),
             SHOP_ERR_ARGUMENT);
  memset(path, 'x', 600);
  path[600] = '\0';
  ck_refused(till.world, shop_backup(till.world->shop, path, NULL, NULL, till.world->err),
             SHOP_ERR_TOO_LONG);
  ck_status(till.world, shop_backup(NULL, "copy", NULL, NULL, till.world->err), SHOP_ERR_ARGUMENT);
  till_end(&till, 0);
}
END_TEST

/* ---- progress ----------------------------------------------------------------------------- */

struct watch {
  struct world *world;
  int32_t calls;
  int32_t stop_at; /* 0: never */
  int64_t done, total;
  int32_t inside[4];
};

static bool watch_on(void *user, int64_t done, int64_t total) {
  struct watch *watch = user;

  ck_assert_int_ge(done, watch->done);
  ck_assert_int_le(done, total);
  watch->done = done;
  watch->total = total;
  watch->calls++;
  return watch->calls != watch->stop_at;
}

/* Enough pages that a copy is not made at one go. */
static void make_large(struct world *world) {
  world_vandalise(world,
                  "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000)"
                  " INSERT INTO products SELECT i, 'X' || i, 'X', 1, 'EUR', 1, 0, 0, 0, 0, 0, 1, 1,"
                  " NULL, NULL, hex(zeroblob(400)) FROM n");
}

/* It is told how far it is; stopped, it leaves no file behind, and can be made again. */
START_TEST(stopped) {
  struct till till = till_new(TILL_CHARGE);
  struct watch watch = {.world = till.world, .stop_at = 1};
  char path[200];

  till_buy(&till, GATEWAY_APPROVES, SHOP_OK);
  make_large(till.world);
  copy_path(till.world, "copy.shop", path);
  ck_status(till.world, shop_backup(till.world->shop, path, watch_on, &watch, till.world->err),
            SHOP_ERR_DEADLINE);
  ck_assert_int_eq(watch.calls, 1);
  ck_assert_int_eq(files_named(till.world, "copy"), 0);
  watch = (struct watch){.world = till.world};
  ck_ok(till.world, shop_backup(till.world->shop, path, watch_on, &watch, till.world->err));
  ck_assert_int_gt(watch.calls, 1);
  ck_assert_int_eq(check_copy(till.world, path, 0), 1);
  till_end(&till, 0);
}
END_TEST

static bool call_back(void *user, int64_t done, int64_t total) {
  struct watch *watch = user;
  shop_t *shop = watch->world->shop;
  shop_product_t *product = NULL;
  shop_audit_t *audit = NULL;

  (void)done;
  (void)total;
  watch->calls++;
  watch->inside[0] = shop_product_get(shop, "TEA", &product, NULL);
  watch->inside[1] = shop_product_put(shop, "TEA", "Tea", NULL, 1, "EUR", 1, NULL, NULL, NULL);
  watch->inside[2] = shop_verify(shop, &audit, NULL);
  watch->inside[3] = shop_close(shop);
  return true;
}

/* Progress runs inside the snapshot, so it must not call the library: refused, no deadlock. */
START_TEST(no_call_from_inside) {
  struct till till = till_new(TILL_CHARGE);
  struct watch watch = {.world = till.world};
  char path[200];

  make_large(till.world);
  copy_path(till.world, "copy.shop", path);
  ck_ok(till.world, shop_backup(till.world->shop, path, call_back, &watch, till.world->err));
  ck_assert_int_gt(watch.calls, 0);
  for (int i = 0; i < 4; i++)
    ck_assert_int_eq(watch.inside[i], SHOP_ERR_IN_CALLBACK);
  till_buy(&till, GATEWAY_APPROVES, SHOP_OK); /* the rule ends with the callback */
  till_end(&till, 0);
}
END_TEST

int main(void) {
  const TTest *const tests[] = {
      the_same_shop, while_others_buy, exists_already, wrong_paths, stopped, no_call_from_inside,
  };

  return HARNESS_RUN("backup", tests);
}
