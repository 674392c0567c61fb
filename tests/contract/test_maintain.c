/* Upkeep: what is old enough goes, to the millisecond; what is not stays; and nothing that money
   hangs on is ever touched. */
#include "till.h"

#include <stdio.h>
#include <string.h>

#define KEYS_MS (30 * DAY_MS)
#define CARTS_MS (90 * DAY_MS)
#define EVENTS_MS (3650 * DAY_MS)

struct done {
  int64_t carts, keys, tokens, events;
};

static struct done maintain(struct world *world) {
  shop_maintenance_t *maintenance = NULL;
  struct done done;

  ck_ok(world, shop_maintain(world->shop, &maintenance, world->err));
  done = (struct done){shop_maintenance_carts(maintenance), shop_maintenance_keys(maintenance),
                       shop_maintenance_tokens(maintenance), shop_maintenance_events(maintenance)};
  shop_maintenance_free(maintenance);
  return done;
}

/* A number made of all that has to do with money, stock and mail. */
static int64_t money_digest(struct world *world) {
  return world_number(
      world,
      "SELECT (SELECT total(id % 9973 + status * 7 + total_minor) FROM orders)"
      " + (SELECT total(order_id % 9973 + state * 7 + captured_minor + refunded_minor) FROM "
      "payments)"
      " + (SELECT total(id % 9973 + state * 7 + moved_minor) FROM operations)"
      " + (SELECT total(quantity + state + returned) FROM reservations)"
      " + (SELECT total(reserved * 3 + sold * 5 + available) FROM products)"
      " + (SELECT total(id % 9973 + CASE WHEN state = 5 THEN 3 ELSE state END) FROM outbox) + (SELECT count(*) FROM reports)");
}

/* A new shop has nothing to do; and the report is not needed. */
START_TEST(nothing_to_do) {
  struct world *world = world_new();
  struct done done = maintain(world);

  ck_assert_int_eq(done.carts + done.keys + done.tokens + done.events, 0);
  ck_ok(world, shop_maintain(world->shop, NULL, world->err));
  ck_status(world, shop_maintain(NULL, NULL, world->err), SHOP_ERR_ARGUMENT);
  ck_assert_int_eq(shop_maintenance_carts(NULL), 0);
  shop_maintenance_free(NULL);
  world_free(world);
}
END_TEST

/* An open cart expires after its last change, not its first; then a new one can be made. */
START_TEST(carts_expire) {
  struct world *world = world_prepare();
  shop_cart_t *cart = NULL;
  shop_token_t *token;
  shop_order_t *order = NULL;
  int64_t cart_id;

  ck_assert_int_eq(shop_config_set_token_life_ms(world->config, 3000 * DAY_MS), SHOP_OK);
  world_open(world);
  world_put(world, "TEA", 1, "EUR", 10);
  token = world_shopper(world, "ada@example.org", "TEA", 1, &cart_id);
  world_pass_ms(world, CARTS_MS - 1);
  world_add(world, token, cart_id, "TEA", 1);
  world_pass_ms(world, CARTS_MS);
  ck_assert_int_eq(maintain(world).carts, 0);
  ck_assert_int_eq(world_cart_state(world, token, cart_id), SHOP_CART_OPEN);
  world_pass_ms(world, 1);
  ck_assert_int_eq(maintain(world).carts, 1);
  ck_assert_int_eq(world_cart_state(world, token, cart_id), SHOP_CART_EXPIRED);
  ck_assert_int_eq(maintain(world).carts, 0);
  ck_refused(world, shop_cart_add(world->shop, token, cart_id, "TEA", 1, NULL, &cart, world->err),
             SHOP_ERR_CART_EXPIRED);
  ck_status(world, world_purchase(world, token, cart_id, &(struct form){.method = CARD}, &order),
            SHOP_ERR_CART_EXPIRED);
  ck_assert_int_ne(world_cart(world, token), cart_id);
  world_verify(world, 0);
  shop_token_free(token);
  world_free(world);
}
END_TEST

/* A cart that is being bought, or was bought, never expires, however long it takes. */
START_TEST(a_cart_being_bought_never_expires) {
  struct till till = till_new(TILL_CHARGE);

  till_buy(&till, GATEWAY_SILENT, SHOP_UNKNOWN);
  world_pass_ms(till.world, 10 * CARTS_MS);
  ck_assert_int_eq(maintain(till.world).carts, 0);
  ck_assert_int_eq(world_number(till.world, "SELECT state FROM carts"), SHOP_CART_COMPLETING);
  ck_report(&till, SHOP_OK, .key = till_key(&till, 0), .reference = "ch_x",
            .outcome = SHOP_OUTCOME_CAPTURED, .amount_minor = TOTAL);
  world_pass_ms(till.world, 10 * CARTS_MS);
  ck_assert_int_eq(maintain(till.world).carts, 0);
  ck_assert_int_eq(world_number(till.world, "SELECT state FROM carts"), SHOP_CART_COMPLETED);
  till_end_unbooked(&till, 0);
}
END_TEST

/* Keys: kept to their last day; after it the same key is a new one, and an order that is not final
   is still found by its cart. */
START_TEST(keys_are_pruned) {
  struct world *world = world_prepare();
  struct till till = {.world = world};
  shop_order_t *order = NULL;
  static const struct form keyed = {.method = CARD, .key = "k"};

  ck_assert_int_eq(shop_config_set_token_life_ms(world->config, 3000 * DAY_MS), SHOP_OK);
  gateway_set_operations(world, true);
  world_open(world);
  world_put(world, "TEA", TOTAL / 2, "EUR", 10);
  till.token = world_shopper(world, "ada@example.org", "TEA", 2, &till.cart_id);
  world->gateway.mood = GATEWAY_PENDS;
  ck_status(world, world_purchase(world, till.token, till.cart_id, &keyed, &order), SHOP_PENDING);
  snprintf(till.number, sizeof till.number, "%s", shop_order_number(order));
  shop_order_free(order);
  world_pass_ms(world, KEYS_MS);
  ck_assert_int_eq(maintain(world).keys, 0);
  world_pass_ms(world, 1);
  ck_assert_int_eq(maintain(world).keys, 1);
  ck_status(world, world_purchase(world, till.token, till.cart_id, &keyed, &order), SHOP_PENDING);
  ck_assert_str_eq(shop_order_number(order), till.number);
  shop_order_free(order);
  ck_assert_int_eq(world->gateway.charges, 1);
  ck_report(&till, SHOP_OK, .key = till_key(&till, 0), .reference = "ch_x",
            .outcome = SHOP_OUTCOME_CAPTURED, .amount_minor = TOTAL);
  ck_status(world, world_purchase(world, till.token, till.cart_id, &keyed, &order),
            SHOP_ERR_CART_COMPLETED);
  till_end_unbooked(&till, 0);
}
END_TEST

/* Tokens go when they have expired, not before, also those that were revoked. */
START_TEST(tokens_are_pruned) {
  struct world *world = world_prepare();
  shop_token_t *token, *revoked, *found = NULL;

  ck_assert_int_eq(shop_config_set_token_life_ms(world->config, DAY_MS), SHOP_OK);
  world_open(world);
  token = world_register(world, "ada@example.org");
  revoked = world_register(world, "bob@example.org");
  ck_ok(world, shop_token_revoke(world->shop, revoked, NULL, world->err));
  world_pass_ms(world, DAY_MS - 1);
  ck_assert_int_eq(maintain(world).tokens, 0);
  ck_status(world, shop_token_verify(world->shop, shop_token_jwt(revoked), &found, world->err),
            SHOP_ERR_TOKEN_REVOKED);
  world_pass_ms(world, 1002);
  ck_assert_int_eq(maintain(world).tokens, 2);
  ck_status(world, shop_token_verify(world->shop, shop_token_jwt(token), &found, world->err),
            SHOP_ERR_TOKEN_EXPIRED);
  ck_assert_int_eq(world_number(world, "SELECT count(*) FROM users"), 2);
  shop_token_free(token);
  shop_token_free(revoked);
  world_free(world);
}
END_TEST

/* Events go by age; the order stays as it is, without them; no money rule looks at them. */
START_TEST(events_are_pruned) {
  struct till till = till_new(TILL_OPERATIONS);
  int64_t money;

  till_buy(&till, GATEWAY_APPROVES, SHOP_OK);
  ck_till(&till, till_refund(&till, 500, NULL), SHOP_OK);
  world_pass_ms(till.world, EVENTS_MS);
  money = money_digest(till.world);
  ck_assert_int_eq(maintain(till.world).events, 0);
  world_pass_ms(till.world, 1);
  ck_assert_int_eq(maintain(till.world).events, 6);
  ck_assert_int_eq(money_digest(till.world), money);
  till_history(&till, "");
  till_money(&till, TOTAL, 500);
  ck_till(&till, till_refund(&till, TOTAL, NULL), SHOP_ERR_AMOUNT);
  ck_till(&till, till_cancel(&till, NULL), SHOP_OK);
  till_money(&till, TOTAL, TOTAL);
  till_end(&till, 0);
}
END_TEST

/* A shop with an order of every state, a century later: nothing of money, stock or mail moves. */
START_TEST(nothing_of_money) {
  static const enum gateway_mood moods[] = {GATEWAY_APPROVES,   GATEWAY_DECLINES,
                                            GATEWAY_PENDS,      GATEWAY_SILENT,
                                            GATEWAY_TAKES_LESS, GATEWAY_AUTHORIZES};
  struct world *world = world_new();
  int64_t money, tokens = world_number(world, "SELECT count(*) FROM tokens");

  world_put(world, "TEA", 5, "EUR", 100);
  for (int i = 0; i < 6; i++) {
    char email[40];
    shop_order_t *order = NULL;
    shop_token_t *token;
    int64_t cart_id;

    snprintf(email, sizeof email, "a%d@example.org", i);
    token = world_shopper(world, email, "TEA", 2, &cart_id);
    world->gateway.mood = moods[i];
    world->transport.mood = i == 5 ? TRANSPORT_LATER : TRANSPORT_DELIVERS;
    (void)world_buy(world, token, cart_id, "k", &order);
    shop_order_free(order);
    shop_token_free(token);
  }
  money = money_digest(world);
  world_pass_ms(world, 36500 * DAY_MS);
  ck_assert_int_eq(maintain(world).keys, 6);
  ck_assert_int_eq(world_number(world, "SELECT count(*) FROM tokens"), tokens);
  ck_assert_int_eq(world_number(world, "SELECT count(*) FROM events"), 0);
  ck_assert_int_eq(money_digest(world), money);
  ck_assert_int_eq(world_number(world, "SELECT count(*) FROM carts WHERE state = 4"), 1);
  world_free(world);
}
END_TEST

/* More than one step holds: all of it in one call. */
START_TEST(many) {
  struct world *world = world_new();

  world_vandalise(world,
                  "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n"
                  " WHERE i < 1000) INSERT INTO requests SELECT 0, 'x', i, x'00', 1, 1"
                  " FROM n");
  ck_assert_int_eq(maintain(world).keys, 1000);
  ck_assert_int_eq(maintain(world).keys, 0);
  world_free(world);
}
END_TEST

/* A clock that went back throws nothing away. */
START_TEST(a_clock_that_went_back) {
  struct till till = till_new(TILL_CHARGE);
  struct done done;

  till_buy(&till, GATEWAY_APPROVES, SHOP_OK);
  world_pass_ms(till.world, -365 * DAY_MS);
  done = maintain(till.world);
  ck_assert_int_eq(done.carts + done.keys + done.tokens + done.events, 0);
  world_pass_ms(till.world, 365 * DAY_MS);
  till_end(&till, 0);
}
END_TEST

int main(void) {
  const TTest *const tests[] = {
      nothing_to_do,
      carts_expire,
      a_cart_being_bought_never_expires,
      keys_are_pruned,
      tokens_are_pruned,
      events_are_pruned,
      nothing_of_money,
      many,
      a_clock_that_went_back,
  };

  return HARNESS_RUN("maintain", tests);
}
