/* The timeline, step 4.1: is the token good, whose is it, what is in the cart. */
#include <harness.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Checks by handle and by text, which must agree; the one by text is freed. */
static shop_session_t *check(struct world *world, const shop_token_t *token, int32_t status) {
  shop_session_t *session = (shop_session_t *)world, *by_text = (shop_session_t *)world;

  ck_ok(world, shop_session_check(world->shop, token, &session, world->err));
  ck_assert_int_eq(shop_error_code(world->err), SHOP_OK); /* an answer, not a failure */
  ck_assert_str_eq(shop_error_message(world->err), "");
  ck_ok(world, shop_session_check_jwt(world->shop, shop_token_jwt(token), &by_text, world->err));
  ck_assert_int_eq(shop_error_code(world->err), SHOP_OK);
  ck_assert_int_eq(shop_session_status(session), status);
  ck_assert_int_eq(shop_session_status(by_text), status);
  ck_assert_int_eq(shop_session_user_id(session), shop_session_user_id(by_text));
  ck_assert_str_eq(shop_session_email(session), shop_session_email(by_text));
  ck_assert((shop_session_cart(session) == NULL) == (shop_session_cart(by_text) == NULL));
  shop_session_free(by_text);
  return session;
}

/* A token that is no longer good tells nothing else. */
static void check_says_nothing(struct world *world, const shop_token_t *token, int32_t status) {
  shop_session_t *session = check(world, token, status);

  ck_assert_int_eq(shop_session_user_id(session), 0);
  ck_assert_str_eq(shop_session_email(session), "");
  ck_assert_int_eq(shop_session_expires_at_ms(session), 0);
  ck_assert_ptr_null(shop_session_cart(session));
  shop_session_free(session);
}

START_TEST(session_of_a_new_user) {
  struct world *world = world_new();
  shop_token_t *token = world_register(world, "Ada@example.org");
  shop_session_t *session = check(world, token, SHOP_OK);

  ck_assert_int_eq(shop_session_user_id(session), shop_token_user_id(token));
  ck_assert_str_eq(shop_session_email(session), "Ada@example.org");
  ck_assert_int_eq(shop_session_expires_at_ms(session), shop_token_expires_at_ms(token));
  ck_assert_ptr_null(shop_session_cart(session));
  shop_session_free(session);
  shop_token_free(token);
  world_free(world);
}
END_TEST

/* The cart comes along, with today's prices and its warnings. */
START_TEST(session_shows_the_cart) {
  struct world *world = world_new();
  shop_session_t *session;
  shop_token_t *token;
  const shop_cart_t *cart;
  int64_t cart_id;

  world_put(world, "TEA", 999, "EUR", 10);
  token = world_shopper(world, "ada@example.org", "TEA", 3, &cart_id);
  session = check(world, token, SHOP_OK);
  cart = shop_session_cart(session);
  ck_assert_int_eq(shop_cart_id(cart), cart_id);
  ck_assert_int_eq(shop_cart_total_minor(cart), 2997);
  ck_assert_int_eq(shop_cart_warnings(cart), 0);
  shop_session_free(session);

  world_put(world, "TEA", 1099, "EUR", 2);
  session = check(world, token, SHOP_OK);
  cart = shop_session_cart(session);
  ck_assert_int_eq(shop_cart_total_minor(cart), 3297);
  ck_assert_int_eq(shop_cart_warnings(cart), SHOP_WARNING_PRICE_CHANGED | SHOP_WARNING_LESS_STOCK);
  ck_assert_int_eq(shop_cart_line_available(cart, 0), 2);
  shop_session_free(session);

  ck_ok(world, shop_product_retire(world->shop, "TEA", NULL, world->err));
  session = check(world, token, SHOP_OK);
  ck_assert_int_eq(shop_cart_warnings(shop_session_cart(session)),
                   SHOP_WARNING_PRICE_CHANGED | SHOP_WARNING_LESS_STOCK | SHOP_WARNING_RETIRED);
  shop_session_free(session);
  world_put(world, "TEA", 1099, "USD", 10);
  session = check(world, token, SHOP_OK);
  ck_assert_int_eq(shop_cart_warnings(shop_session_cart(session)), SHOP_WARNING_CURRENCY_CHANGED);
  shop_session_free(session);
  shop_token_free(token);
  world_free(world);
}
END_TEST

/* The cart being bought is shown, one that was bought is not. */
START_TEST(session_through_a_purchase) {
  struct world *world = world_new();
  shop_order_t *order = NULL;
  shop_session_t *session;
  shop_token_t *token;
  int64_t cart_id;

  world_put(world, "TEA", 999, "EUR", 10);
  token = world_shopper(world, "ada@example.org", "TEA", 1, &cart_id);
  world->gateway.mood = GATEWAY_PENDS;
  ck_status(world, world_buy(world, token, cart_id, NULL, &order), SHOP_PENDING);
  shop_order_free(order);
  session = check(world, token, SHOP_OK);
  ck_assert_int_eq(shop_cart_id(shop_session_cart(session)), cart_id);
  ck_assert_int_eq(shop_cart_state(shop_session_cart(session)), SHOP_CART_COMPLETING);
  shop_session_free(session);
  shop_token_free(token);

  world->gateway.mood = GATEWAY_APPROVES;
  token = world_shopper(world, "bob@example.org", "TEA", 1, &cart_id);
  ck_ok(world, world_buy(world, token, cart_id, NULL, &order));
  shop_order_free(order);
  session = check(world, token, SHOP_OK);
  ck_assert_ptr_null(shop_session_cart(session));
  shop_session_free(session);
  shop_token_free(token);
  world_free(world);
}
END_TEST

/* An expired token is an answer. The last millisecond is good, the next not. */
START_TEST(session_of_an_expired_token) {
  struct world *world = world_prepare();
  shop_token_t *token;

  ck_assert_int_eq(shop_config_set_token_life_ms(world->config, 5999), SHOP_OK);
  world_open(world);
  token = world_register(world, "ada@example.org");
  ck_assert_int_eq(shop_token_expires_at_ms(token), WORLD_START_MS + 5000); /* whole seconds */
  (void)world_cart(world, token);
  world_pass_ms(world, 4999);
  shop_session_free(check(world, token, SHOP_OK));
  world_pass_ms(world, 1);
  check_says_nothing(world, token, SHOP_ERR_TOKEN_EXPIRED);
  shop_token_free(token);
  world_free(world);
}
END_TEST

START_TEST(session_of_a_revoked_token) {
  struct world *world = world_new();
  shop_token_t *token = world_register(world, "ada@example.org");

  (void)world_cart(world, token);
  ck_ok(world, shop_token_revoke(world->shop, token, NULL, world->err));
  check_says_nothing(world, token, SHOP_ERR_TOKEN_REVOKED);
  world_vandalise(world, "UPDATE tokens SET revoked_at_ms = NULL; UPDATE users SET epoch = 2");
  check_says_nothing(world, token, SHOP_ERR_TOKEN_REVOKED); /* everywhere at once */
  shop_token_free(token);
  world_free(world);
}
END_TEST

START_TEST(session_of_a_vanished_user) {
  struct world *world = world_new();
  shop_token_t *token = world_register(world, "ada@example.org");

  world_vandalise(world, "DELETE FROM tokens; DELETE FROM users");
  check_says_nothing(world, token, SHOP_ERR_TOKEN_INVALID);
  shop_token_free(token);
  world_free(world);
}
END_TEST

/* An account whose address is gone, which the store forbids to those that live: no crash. */
START_TEST(session_without_an_address) {
  struct world *world = world_new();
  shop_token_t *token = world_register(world, "ada@example.org");
  shop_session_t *session;

  world_vandalise(world, "PRAGMA ignore_check_constraints = ON;"
                         " UPDATE users SET email = NULL, email_key = NULL, password_hash = NULL");
  session = check(world, token, SHOP_OK);
  ck_assert_str_eq(shop_session_email(session), "");
  shop_session_free(session);
  shop_token_free(token);
  world_free(world);
}
END_TEST

/* Whatever is no token of this shop gives a session that says so. */
START_TEST(session_of_anything_else) {
  static char long_text[100001];
  static const char *const texts[] = {
      "x",        "...",     "..", "a.b.c", " ", "null", "Bearer", "eyJhbGciOiJub25lIn0.e30.",
      "\xff\xfe", long_text,
  };
  struct world *world = world_new();

  memset(long_text, 'A', sizeof long_text - 1);
  for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
    shop_session_t *session = NULL;

    ck_ok(world, shop_session_check_jwt(world->shop, texts[i], &session, world->err));
    ck_assert_int_eq(shop_session_status(session), SHOP_ERR_TOKEN_INVALID);
    ck_assert_int_eq(shop_session_user_id(session), 0);
    ck_assert_str_eq(shop_session_email(session), "");
    ck_assert_ptr_null(shop_session_cart(session));
    ck_assert_int_eq(shop_error_code(world->err), SHOP_OK);
    shop_session_free(session);
  }
  world_free(world);
}
END_TEST

/* A handle of another shop is the caller's mistake; its text is no token here. */
START_TEST(session_of_another_shop) {
  struct world *here = world_new(), *there = world_new();
  shop_token_t *token = world_register(there, "ada@example.org");
  shop_session_t *session = (shop_session_t *)here;

  ck_refused(here, shop_session_check(here->shop, token, &session, here->err), SHOP_ERR_FOREIGN);
  ck_assert_ptr_null(session);
  ck_ok(here, shop_session_check_jwt(here->shop, shop_token_jwt(token), &session, here->err));
  ck_assert_int_eq(shop_session_status(session), SHOP_ERR_TOKEN_INVALID);
  shop_session_free(session);
  shop_token_free(token);
  world_free(here);
  world_free(there);
}
END_TEST

/* Looking changes nothing, and needs no writer. */
START_TEST(session_changes_nothing) {
  struct world *world = world_new();
  shop_token_t *token;
  int64_t cart_id;
  uint64_t before;

  world_put(world, "TEA", 999, "EUR", 10);
  token = world_shopper(world, "ada@example.org", "TEA", 3, &cart_id);
  before = world_digest(world);
  shop_session_free(check(world, token, SHOP_OK));
  ck_assert_uint_eq(world_digest(world), before);
  shop_token_free(token);
  world_free(world);
}
END_TEST

int main(void) {
  const TTest *tests[] = {
      session_of_a_new_user,       session_shows_the_cart,     session_through_a_purchase,
      session_of_an_expired_token, session_of_a_revoked_token, session_of_a_vanished_user,
      session_of_anything_else,    session_of_another_shop,    session_changes_nothing,
      session_without_an_address,
  };

  return HARNESS_RUN("timeline 4: session", tests);
}
