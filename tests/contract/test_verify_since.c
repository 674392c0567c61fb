/* The audit of what has changed since a time: those orders and no others; with progress that may
   stop it. */
#include "till.h"

#include <stdio.h>
#include <string.h>

static int64_t orders_since(struct world *world, int64_t since_ms, int64_t *violations,
                            int64_t *attentions) {
  shop_audit_t *audit = NULL;
  int64_t orders;

  ck_ok(world, shop_verify_since(world->shop, since_ms, NULL, NULL, &audit, world->err));
  orders = shop_audit_orders(audit);
  if (violations != NULL)
    *violations = shop_audit_violations(audit);
  if (attentions != NULL)
    *attentions = shop_audit_attentions(audit);
  shop_audit_free(audit);
  return orders;
}

/* A day apart: Ada, Bob, Eve. */
static struct world *three_days(void) {
  struct world *world = world_new();

  world_put(world, "TEA", 999, "EUR", 10);
  world_sell_one(world, "ada@example.org", "TEA");
  world_pass_ms(world, DAY_MS);
  world_sell_one(world, "bob@example.org", "TEA");
  world_pass_ms(world, DAY_MS);
  world_sell_one(world, "eve@example.org", "TEA");
  return world;
}

START_TEST(only_what_has_changed) {
  struct world *world = three_days();

  ck_assert_int_eq(orders_since(world, 0, NULL, NULL), 3);
  ck_assert_int_eq(orders_since(world, 1, NULL, NULL), 3);
  ck_assert_int_eq(orders_since(world, WORLD_START_MS, NULL, NULL), 3); /* at it as well */
  ck_assert_int_eq(orders_since(world, WORLD_START_MS + 1, NULL, NULL), 2);
  ck_assert_int_eq(orders_since(world, WORLD_START_MS + 2 * DAY_MS, NULL, NULL), 1);
  ck_assert_int_eq(orders_since(world, WORLD_START_MS + 2 * DAY_MS + 1, NULL, NULL), 0);
  ck_assert_int_eq(orders_since(world, INT64_MAX, NULL, NULL), 0);
  world_free(world);
}
END_TEST

/* A crime against an order is found since its change, and not after it. */
START_TEST(crimes_since) {
  struct world *world = three_days();
  int64_t violations = 0;

  world_vandalise(world, "UPDATE orders SET total_minor = 5 WHERE email = 'bob@example.org'");
  (void)orders_since(world, WORLD_START_MS + DAY_MS, &violations, NULL);
  ck_assert_int_ne(violations, 0);
  (void)orders_since(world, WORLD_START_MS + DAY_MS + 1, &violations, NULL);
  ck_assert_int_eq(violations, 0);
  (void)orders_since(world, 0, &violations, NULL);
  ck_assert_int_ne(violations, 0);
  world_free(world);
}
END_TEST

/* Every later move of an order counts as its change: a refund, a mismatch, a late capture, a
   cancellation, an operation that nobody knows of. */
START_TEST(every_move_is_a_change) {
  struct till till = till_new(TILL_OPERATIONS);
  int64_t attentions = 0;

#define CHANGED(call)                                                                              \
  do {                                                                                             \
    world_pass_ms(till.world, DAY_MS);                                                             \
    ck_assert_int_eq(orders_since(till.world, till.world->now_ms, NULL, NULL), 0);                 \
    call;                                                                                          \
    ck_assert_int_eq(orders_since(till.world, till.world->now_ms, NULL, &attentions), 1);          \
  } while (0)
  CHANGED(till_buy(&till, GATEWAY_AUTHORIZES, SHOP_OK));
  till.world->gateway.operation_mood = GATEWAY_DECLINES;
  CHANGED(ck_till(&till, till_capture(&till, 0, NULL), SHOP_DECLINED));
  till.world->gateway.operation_mood = GATEWAY_TAKES_LESS;
  CHANGED(ck_till(&till, till_capture(&till, 0, NULL), SHOP_MISMATCH));
  ck_assert_int_eq(attentions, 1);
  till.world->gateway.operation_mood = GATEWAY_SILENT;
  CHANGED(ck_till(&till, till_refund(&till, 100, NULL), SHOP_UNKNOWN));
  CHANGED(ck_recovered(till.world, .examined = 1, .unknown = 1));
  ck_assert_int_eq(attentions, 2);
  CHANGED(ck_till(&till, till_resolve(&till, SHOP_OUTCOME_DECLINED, NULL, 0), SHOP_OK));
  till.world->gateway.operation_mood = GATEWAY_APPROVES;
  CHANGED(ck_till(&till, till_refund(&till, 100, NULL), SHOP_OK));
  CHANGED(ck_report(&till, SHOP_CONTRADICTION, .key = till_key(&till, 0), .reference = "other",
                    .outcome = SHOP_OUTCOME_CAPTURED, .amount_minor = 1));
  CHANGED(ck_till(&till, till_cancel(&till, NULL), SHOP_OK));
  shop_token_free(till.token);
  world_free(till.world);
}
END_TEST

START_TEST(arguments) {
  struct world *world = world_new();
  shop_audit_t *audit = NULL;

  ck_refused(world, shop_verify_since(world->shop, -1, NULL, NULL, &audit, world->err),
             SHOP_ERR_ARGUMENT);
  ck_refused(world, shop_verify_since(world->shop, 0, NULL, NULL, NULL, world->err),
             SHOP_ERR_ARGUMENT);
  ck_assert_ptr_null(audit);
  world_free(world);
}
END_TEST

/* ---- progress --------------------------------------------------------------------------- */

struct watch {
  struct world *world;
  int32_t calls;
  bool stops;
  int64_t done;
  int32_t inside;
};

static bool watch_on(void *user, int64_t done, int64_t total) {
  struct watch *watch = user;
  shop_product_t *product = NULL;

  ck_assert_int_gt(done, watch->done);
  ck_assert(total == 0 || done <= total);
  watch->done = done;
  watch->calls++;
  watch->inside = shop_product_get(watch->world->shop, "TEA", &product, NULL);
  return !watch->stops;
}

static struct world *many_orders(void) {
  struct world *world = world_new();

  world_put(world, "FREE", 0, "EUR", SHOP_STOCK_UNLIMITED);
  {
    int64_t cart_id;
    shop_order_t *order = NULL;
    shop_token_t *token = world_shopper(world, "ada@example.org", "FREE", 1, &cart_id);

    ck_ok(world, world_purchase(world, token, cart_id, &(struct form){0}, &order));
    shop_order_free(order);
    shop_token_free(token);
  }
  world_vandalise(
      world,
      "CREATE TEMP TABLE n AS WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n"
      " WHERE i < 2500) SELECT i FROM n;"
      "INSERT INTO orders SELECT i, 'N' || i, user_id, cart_id, 3, currency, 0, 1, 1, NULL, email,"
      " email_key, NULL, NULL, NULL, NULL, NULL FROM orders, n WHERE length(number) = 12");
  return world;
}

/* Told now and then; stopped, there is no audit; and a call from inside is refused. */
START_TEST(progress) {
  struct world *world = many_orders();
  struct watch watch = {.world = world};
  shop_audit_t *audit = NULL;

  ck_ok(world, shop_verify_since(world->shop, 0, watch_on, &watch, &audit, world->err));
  ck_assert_int_eq(shop_audit_orders(audit), 2501);
  ck_assert_int_ge(watch.calls, 2);
  ck_assert_int_eq(watch.inside, SHOP_ERR_IN_CALLBACK);
  shop_audit_free(audit);
  audit = NULL;
  watch = (struct watch){.world = world, .stops = true};
  ck_refused(world, shop_verify_since(world->shop, 0, watch_on, &watch, &audit, world->err),
             SHOP_ERR_DEADLINE);
  ck_assert_int_eq(watch.calls, 1);
  ck_assert_ptr_null(audit);
  world_free(world);
}
END_TEST

int main(void) {
  const TTest *const tests[] = {only_what_has_changed, crimes_since, every_move_is_a_change,
                                arguments, progress};

  return HARNESS_RUN("verify since", tests);
}
