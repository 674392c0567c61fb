/* The world of the contract tests: a shop in a folder of its own. */
#include "harness.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int64_t fake_now(void *user) {
  struct world *world = user;

  return atomic_load(&world->now_ms);
}

static void fake_log(void *user, int32_t level, const char *text) {
  struct world *world = user;

  (void)level;
  atomic_fetch_add(&world->log_lines, 1);
  snprintf(world->last_log, sizeof world->last_log, "%s", text);
}

struct world *world_prepare(void) {
  struct world *world = calloc(1, sizeof *world);

  ck_assert_ptr_nonnull(world);
  snprintf(world->dir, sizeof world->dir, "/tmp/shop-test-XXXXXX");
  ck_assert_ptr_nonnull(mkdtemp(world->dir));
  snprintf(world->path, sizeof world->path, "%s/test.shop", world->dir);
  atomic_store(&world->now_ms, WORLD_START_MS);
  pthread_mutex_init(&world->gateway.lock, NULL);
  pthread_mutex_init(&world->transport.lock, NULL);
  ck_assert_int_eq(shop_error_new(&world->err), SHOP_OK);
  ck_assert_int_eq(shop_config_new(&world->config), SHOP_OK);
  ck_assert_int_eq(shop_config_set_password_cost(world->config, 8, 1), SHOP_OK);
  ck_assert_int_eq(shop_config_set_clock(world->config, fake_now, world), SHOP_OK);
  ck_assert_int_eq(shop_config_set_log(world->config, fake_log, world), SHOP_OK);
  ck_assert_int_eq(
      shop_config_set_gateway_charge(world->config, gateway_charge, &world->gateway), SHOP_OK);
  ck_assert_int_eq(
      shop_config_set_mail_transport(world->config, transport_send, &world->transport), SHOP_OK);
  return world;
}

struct world *world_new(void) {
  struct world *world = world_prepare();

  world_open(world);
  return world;
}

void world_open(struct world *world) {
  ck_ok(world, shop_open(world->path, world->config, &world->shop, world->err));
}

void world_reopen(struct world *world) {
  ck_assert_int_eq(shop_close(world->shop), SHOP_OK);
  world->shop = NULL;
  world_open(world);
}

void world_free(struct world *world) {
  char command[128];

  ck_assert_int_eq(shop_close(world->shop), SHOP_OK);
  shop_config_free(world->config);
  shop_error_free(world->err);
  for (int32_t i = 0; i < world->transport.count; i++)
    free(world->transport.messages[i]);
  pthread_mutex_destroy(&world->gateway.lock);
  pthread_mutex_destroy(&world->transport.lock);
  snprintf(command, sizeof command, "rm -rf '%s'", world->dir);
  ck_assert_int_eq(system(command), 0);
  free(world);
}

void world_pass_ms(struct world *world, int64_t ms) {
  atomic_fetch_add(&world->now_ms, ms);
}

/* ---- steps ---------------------------------------------------------------------- */

shop_token_t *world_register(struct world *world, const char *email) {
  shop_token_t *token = NULL;

  ck_ok(world, shop_user_register(world->shop, email, PASSWORD, NULL, &token, world->err));
  ck_assert_ptr_nonnull(token);
  return token;
}

void world_put(struct world *world, const char *sku, int64_t price_minor, const char *currency,
               int64_t on_hand) {
  ck_ok(world, shop_product_put(world->shop, sku, sku, NULL, price_minor, currency, on_hand, NULL,
                                NULL, world->err));
}

int64_t world_cart(struct world *world, const shop_token_t *token) {
  shop_cart_t *cart = NULL;
  int64_t id;

  ck_ok(world, shop_cart_create(world->shop, token, NULL, &cart, world->err));
  id = shop_cart_id(cart);
  shop_cart_free(cart);
  return id;
}

void world_add(struct world *world, const shop_token_t *token, int64_t cart_id, const char *sku,
               int64_t quantity) {
  shop_cart_t *cart = NULL;

  ck_ok(world,
        shop_cart_add(world->shop, token, cart_id, sku, quantity, NULL, &cart, world->err));
  shop_cart_free(cart);
}

shop_token_t *world_shopper(struct world *world, const char *email, const char *sku,
                            int64_t quantity, int64_t *cart_id) {
  shop_token_t *token = world_register(world, email);

  *cart_id = world_cart(world, token);
  world_add(world, token, *cart_id, sku, quantity);
  return token;
}

int32_t world_buy(struct world *world, const shop_token_t *token, int64_t cart_id,
                  const char *key, shop_order_t **order) {
  shop_purchase_request_t *request = NULL;
  shop_options_t *options = NULL;
  int32_t status;

  ck_assert_int_eq(shop_purchase_request_new(&request), SHOP_OK);
  ck_assert_int_eq(shop_purchase_request_set_method(request, "pm_card_visa"), SHOP_OK);
  ck_assert_int_eq(shop_options_new(&options), SHOP_OK);
  ck_assert_int_eq(shop_options_set_idempotency_key(options, key), SHOP_OK);
  status = shop_purchase(world->shop, token, cart_id, request, options, order, world->err);
  shop_options_free(options);
  shop_purchase_request_free(request);
  return status;
}

static shop_product_t *get_product(struct world *world, const char *sku) {
  shop_product_t *product = NULL;

  ck_ok(world, shop_product_get(world->shop, sku, &product, world->err));
  return product;
}

int64_t world_available(struct world *world, const char *sku) {
  shop_product_t *product = get_product(world, sku);
  int64_t available = shop_product_available(product);

  shop_product_free(product);
  return available;
}

int64_t world_reserved(struct world *world, const char *sku) {
  shop_product_t *product = get_product(world, sku);
  int64_t reserved = shop_product_reserved(product);

  shop_product_free(product);
  return reserved;
}

void world_verify(struct world *world, int64_t attentions) {
  shop_audit_t *audit = NULL;

  ck_ok(world, shop_verify(world->shop, &audit, world->err));
  ck_assert_msg(shop_audit_violations(audit) == 0, "%s", shop_audit_finding_text(audit, 0));
  ck_assert_msg(shop_audit_attentions(audit) == attentions, "%lld findings instead of %lld: %s",
                (long long)shop_audit_attentions(audit), (long long)attentions,
                shop_audit_finding_text(audit, 0));
  shop_audit_free(audit);
}

/* ---- behind the library's back ------------------------------------------------------ */

void world_vandalise(struct world *world, const char *sql) {
  sqlite3 *db = NULL;
  char *message = NULL;

  ck_assert_int_eq(sqlite3_open(world->path, &db), SQLITE_OK);
  sqlite3_busy_timeout(db, 5000);
  ck_assert_msg(sqlite3_exec(db, sql, NULL, NULL, &message) == SQLITE_OK, "%s: %s", sql,
                message == NULL ? "" : message);
  sqlite3_close(db);
}

int64_t world_number(struct world *world, const char *sql) {
  sqlite3 *db = NULL;
  sqlite3_stmt *statement = NULL;
  int64_t number;

  ck_assert_int_eq(sqlite3_open(world->path, &db), SQLITE_OK);
  sqlite3_busy_timeout(db, 5000);
  ck_assert_int_eq(sqlite3_prepare_v2(db, sql, -1, &statement, NULL), SQLITE_OK);
  ck_assert_int_eq(sqlite3_step(statement), SQLITE_ROW);
  number = sqlite3_column_int64(statement, 0);
  sqlite3_finalize(statement);
  sqlite3_close(db);
  return number;
}
