/* Guests who never come back: thrown away with all that is theirs, when nothing of theirs is good
   any more, and never before. */
#include "books.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DAY INT64_C(86400000)
#define MINUTE_MS INT64_C(60000)
#define TOKEN_DAYS 10
#define GUEST_DAYS 20

/* Tokens live for 10 days, guests for 20. */
static struct world *pruning_world(void) {
  struct world *world = world_prepare();

  ck_assert_int_eq(shop_config_set_token_life_ms(world->config, TOKEN_DAYS * DAY), SHOP_OK);
  ck_assert_int_eq(shop_config_set_guest_life_ms(world->config, GUEST_DAYS * DAY), SHOP_OK);
  world_open(world);
  world_put(world, "TEA", 999, "EUR", 10);
  return world;
}

static shop_token_t *guest(struct world *world) {
  shop_token_t *token = NULL;

  ck_ok(world, shop_guest_create(world->shop, NULL, &token, world->err));
  return token;
}

static int64_t maintain(struct world *world) {
  shop_maintenance_t *maintenance = NULL;
  int64_t guests;

  ck_ok(world, shop_maintain(world->shop, &maintenance, world->err));
  guests = shop_maintenance_guests(maintenance);
  shop_maintenance_free(maintenance);
  return guests;
}

static int64_t users(struct world *world) {
  return world_number(world, "SELECT count(*) FROM users");
}

static void check(struct world *world, const shop_token_t *token) {
  shop_session_t *session = NULL;

  ck_ok(world, shop_session_check(world->shop, token, &session, world->err));
  ck_assert_int_eq(shop_session_status(session), SHOP_OK);
  shop_session_free(session);
}

/* To the millisecond: after 20 days, and with it every row. */
START_TEST(gone_with_everything) {
  static const char *const tables[] = {"tokens",     "refresh_tokens", "requests",
                                       "cart_lines", "carts",          "users"};
  struct world *world = world_prepare();
  shop_options_t *options = options_with_key("k");
  shop_token_t *token;
  shop_cart_t *cart = NULL;
  int64_t cart_id;
  char sql[100];

  ck_assert_int_eq(shop_config_set_guest_life_ms(world->config, GUEST_DAYS * DAY), SHOP_OK);
  ck_assert_int_eq(shop_config_set_access_life_ms(world->config, 15 * MINUTE_MS), SHOP_OK);
  ck_assert_int_eq(shop_config_set_refresh_idle_ms(world->config, DAY), SHOP_OK);
  ck_assert_int_eq(shop_config_set_cart_hold_max_ms(world->config, DAY), SHOP_OK);
  ck_assert_int_eq(shop_config_set_cart_life_ms(world->config, 1000 * DAY), SHOP_OK);
  ck_assert_int_eq(shop_config_set_idempotency_life_ms(world->config, 1000 * DAY), SHOP_OK);
  world_open(world);
  world_put(world, "TEA", 999, "EUR", 10);
  token = guest(world);
  cart_id = world_cart(world, token);
  ck_ok(world, shop_cart_add(world->shop, token, cart_id, "TEA", 2, options, &cart, world->err));
  shop_cart_free(cart);
  ck_ok(world, shop_cart_hold(world->shop, token, cart_id, DAY, NULL, &cart, world->err));
  shop_cart_free(cart);
  world_pass_ms(world, GUEST_DAYS * DAY);
  ck_assert_int_eq(maintain(world), 0);
  ck_assert_int_eq(users(world), 1);
  world_pass_ms(world, 1);
  ck_assert_int_eq(maintain(world), 1);
  for (size_t i = 0; i < sizeof tables / sizeof tables[0]; i++) {
    snprintf(sql, sizeof sql, "SELECT count(*) FROM %s", tables[i]);
    ck_assert_msg(world_number(world, sql) == 0, "%s are left", tables[i]);
  }
  ck_assert_int_eq(world_available(world, "TEA"), 10);
  ck_assert_int_eq(maintain(world), 0);
  world_verify(world, 0);
  shop_options_free(options);
  shop_token_free(token);
  world_free(world);
}
END_TEST

/* A hold that is still on when the guest goes is given back: no piece is lost. Holds are shorter
   than this can be, so the clock of the hold is moved. */
START_TEST(gone_with_a_hold) {
  struct world *world = pruning_world();
  shop_token_t *token = guest(world);
  int64_t cart_id = world_cart(world, token);
  shop_cart_t *cart = NULL;
  char sql[200];

  world_add(world, token, cart_id, "TEA", 2);
  ck_ok(world, shop_cart_hold(world->shop, token, cart_id, MINUTE_MS, NULL, &cart, world->err));
  shop_cart_free(cart);
  world_pass_ms(world, GUEST_DAYS * DAY + 1);
  snprintf(sql, sizeof sql, "UPDATE carts SET hold_start_ms = %lld",
           (long long)(WORLD_START_MS + GUEST_DAYS * DAY));
  world_vandalise(world, sql);
  ck_assert_int_eq(world_reserved(world, "TEA"), 2);
  ck_assert_int_eq(maintain(world), 1);
  ck_assert_int_eq(world_reserved(world, "TEA"), 0);
  ck_assert_int_eq(world_available(world, "TEA"), 10);
  world_verify(world, 0);
  shop_token_free(token);
  world_free(world);
}
END_TEST

/* While one token is good the guest stays, however old: it may come back. A user with an address
   stays for ever. */
START_TEST(who_stays) {
  struct world *world = pruning_world();
  shop_token_t *gone = guest(world), *patron = guest(world), *issued = NULL,
               *ada = world_register(world, "ada@example.org"), *young;

  ck_ok(world, shop_token_issue(world->shop, shop_token_user_id(patron), NULL, 1000 * DAY, NULL,
                                &issued, world->err));
  world_pass_ms(world, TOKEN_DAYS * DAY);
  ck_assert_int_eq(maintain(world), 0);
  young = guest(world);
  world_pass_ms(world, (GUEST_DAYS - TOKEN_DAYS) * DAY + 1);
  ck_assert_int_eq(maintain(world), 1);
  ck_assert_int_eq(users(world), 3);
  check(world, issued);
  world_pass_ms(world, TOKEN_DAYS * DAY);
  ck_assert_int_eq(maintain(world), 1);
  check(world, issued);
  world_pass_ms(world, (1000 - GUEST_DAYS - TOKEN_DAYS) * DAY - 2);
  ck_assert_int_eq(maintain(world), 0);
  check(world, issued);
  world_pass_ms(world, 2);
  ck_assert_int_eq(maintain(world), 1);
  ck_assert_int_eq(users(world), 1);
  shop_token_free(gone);
  shop_token_free(patron);
  shop_token_free(issued);
  shop_token_free(young);
  shop_token_free(ada);
  world_free(world);
}
END_TEST

/* A guest whose refresh token is still good comes back with it, though the token is long over. */
START_TEST(a_refresh_token_keeps) {
  struct world *world = world_prepare();
  shop_token_t *token, *next = NULL;

  ck_assert_int_eq(shop_config_set_guest_life_ms(world->config, DAY), SHOP_OK);
  ck_assert_int_eq(shop_config_set_access_life_ms(world->config, 15 * MINUTE_MS), SHOP_OK);
  ck_assert_int_eq(shop_config_set_refresh_idle_ms(world->config, 50 * DAY), SHOP_OK);
  world_open(world);
  token = guest(world);
  world_pass_ms(world, 40 * DAY);
  ck_assert_int_eq(maintain(world), 0);
  ck_ok(world,
        shop_token_refresh(world->shop, shop_token_refresh_text(token), NULL, &next, world->err));
  check(world, next);
  ck_ok(world, shop_token_revoke(world->shop, next, NULL, world->err));
  world_pass_ms(world, 2 * DAY);
  ck_assert_int_eq(maintain(world), 1);
  shop_token_free(token);
  shop_token_free(next);
  world_free(world);
}
END_TEST

/* The ends of a guest: who has registered stays for ever; who was joined to an account goes, and
   so does one who was erased or disabled. */
START_TEST(after_each_end) {
  struct world *world = pruning_world();
  shop_token_t *registers = guest(world), *joins = guest(world), *erased = guest(world),
               *disabled = guest(world), *ada = NULL, *again = NULL;

  ck_ok(world, shop_guest_register(world->shop, registers, "ada@example.org", PASSWORD, NULL, &ada,
                                   world->err));
  world_add(world, joins, world_cart(world, joins), "TEA", 1);
  ck_ok(world, shop_guest_login(world->shop, joins, "ada@example.org", PASSWORD, NULL, &again,
                                world->err));
  ck_ok(world, shop_user_erase(world->shop, shop_token_user_id(erased), NULL, NULL, world->err));
  ck_ok(world,
        shop_user_set_disabled(world->shop, shop_token_user_id(disabled), true, NULL, world->err));
  world_pass_ms(world, GUEST_DAYS * DAY + 1);
  ck_assert_int_eq(maintain(world), 3);
  ck_assert_int_eq(users(world), 1);
  ck_assert_int_eq(world_number(world, "SELECT quantity FROM cart_lines"), 1);
  ck_assert_int_eq(
      world_number(world, "SELECT count(*) FROM users WHERE email_key = 'ada@example.org'"), 1);
  world_verify(world, 0);
  shop_token_free(registers);
  shop_token_free(joins);
  shop_token_free(erased);
  shop_token_free(disabled);
  shop_token_free(ada);
  shop_token_free(again);
  world_free(world);
}
END_TEST

/* More guests than a step takes, one of them with more rows than that. */
START_TEST(in_steps) {
  enum { COUNT = 103 };
  struct world *world = world_prepare();
  shop_token_t *token = NULL;

  ck_assert_int_eq(shop_config_set_durability(world->config, SHOP_DURABILITY_NORMAL), SHOP_OK);
  ck_assert_int_eq(shop_config_set_idempotency_life_ms(world->config, 1000 * DAY), SHOP_OK);
  world_open(world);
  for (int i = 0; i < COUNT; i++) {
    shop_token_free(token);
    token = guest(world);
  }
  world_vandalise(world,
                  "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000)"
                  " INSERT INTO requests SELECT (SELECT min(id) FROM users), 'cart.add', i,"
                  " zeroblob(32), 1, created_at_ms FROM n, shop");
  world_pass_ms(world, 31 * DAY);
  ck_assert_int_eq(maintain(world), COUNT);
  ck_assert_int_eq(users(world), 0);
  ck_assert_int_eq(world_number(world, "SELECT count(*) FROM requests"), 0);
  world_verify(world, 0);
  shop_token_free(token);
  world_free(world);
}
END_TEST

/* Guests with orders there are none; if one is made by hand, it is kept for a person to see. */
START_TEST(never_with_an_order) {
  struct world *world = pruning_world();
  int64_t cart_id;
  shop_token_t *ada = world_shopper(world, "ada@example.org", "TEA", 1, &cart_id);
  shop_order_t *order = NULL;

  ck_ok(world, world_buy(world, ada, cart_id, NULL, &order));
  shop_order_free(order);
  world_vandalise(world,
                  "UPDATE users SET email = NULL, email_key = NULL, password_hash = NULL,"
                  " guest_at_ms = 1");
  world_pass_ms(world, 100 * DAY);
  ck_assert_int_eq(maintain(world), 0);
  ck_assert_int_eq(users(world), 1);
  shop_token_free(ada);
  world_free(world);
}
END_TEST

/* The life has a range. */
START_TEST(range_of_the_life) {
  struct world *world = world_prepare();

  ck_assert_int_eq(shop_config_set_guest_life_ms(world->config, 999), SHOP_ERR_ARGUMENT);
  ck_assert_int_eq(shop_config_set_guest_life_ms(world->config, 1000), SHOP_OK);
  ck_assert_int_eq(shop_config_set_guest_life_ms(world->config, 3650 * DAY), SHOP_OK);
  ck_assert_int_eq(shop_config_set_guest_life_ms(world->config, 3650 * DAY + 1), SHOP_ERR_ARGUMENT);
  ck_assert_int_eq(shop_config_set_guest_life_ms(NULL, 1000), SHOP_ERR_ARGUMENT);
  ck_assert_int_eq(shop_maintenance_guests(NULL), 0);
  world_free(world);
}
END_TEST

int main(void) {
  const TTest *tests[] = {gone_with_everything,  gone_with_a_hold, who_stays,
                          a_refresh_token_keeps, after_each_end,   in_steps,
                          never_with_an_order,   range_of_the_life};

  return HARNESS_RUN("guest prune", tests);
}
