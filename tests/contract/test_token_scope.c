/* What else stands in a token: scopes, an audience, the time from which it is good. */
#include <harness.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HOUR_MS INT64_C(3600000)

static int32_t verify(struct world *world, const char *jwt) {
  shop_token_t *token = (shop_token_t *)world;
  int32_t status = shop_token_verify(world->shop, jwt, &token, world->err);

  ck_assert((token == NULL) == (status != SHOP_OK));
  shop_token_free(token);
  return status;
}

static shop_token_t *issue(struct world *world, int64_t user_id, const char *scopes,
                           int64_t life_ms) {
  shop_token_t *token = NULL;

  ck_ok(world, shop_token_issue(world->shop, user_id, scopes, life_ms, NULL, &token, world->err));
  ck_assert_int_eq(shop_token_user_id(token), user_id);
  return token;
}

/* ---- scopes --------------------------------------------------------------------------- */

/* The scope is in the token, asked for by its whole name, and asked of the store: one that was
   revoked, or has expired, has none. */
START_TEST(scope_is_asked_for) {
  struct world *world = world_new();
  shop_token_t *shopper = world_register(world, "ada@example.org"), *again = NULL;
  int64_t user_id = shop_token_user_id(shopper);
  shop_token_t *token = issue(world, user_id, "stock:read merchant", HOUR_MS);

  ck_assert_str_eq(shop_token_scopes(token), "stock:read merchant");
  ck_ok(world, shop_token_verify(world->shop, shop_token_jwt(token), &again, world->err));
  ck_assert_str_eq(shop_token_scopes(again), "stock:read merchant");
  ck_assert(shop_token_has_scope(again, "merchant"));
  ck_assert(!shop_token_has_scope(again, "merchan"));
  ck_assert(!shop_token_has_scope(again, "stock:read merchant"));
  ck_assert(!shop_token_has_scope(again, ""));
  ck_assert(!shop_token_has_scope(again, NULL));
  ck_assert(!shop_token_has_scope(NULL, "merchant"));
  ck_assert(!shop_token_has_scope(shopper, "merchant"));
  ck_assert_str_eq(shop_token_scopes(shopper), "");
  ck_assert_str_eq(shop_token_scopes(NULL), "");
  ck_ok(world, shop_token_require_scope(world->shop, again, "merchant", world->err));
  ck_refused(world, shop_token_require_scope(world->shop, again, "stock", world->err),
             SHOP_ERR_SCOPE);
  ck_refused(world, shop_token_require_scope(world->shop, shopper, "merchant", world->err),
             SHOP_ERR_SCOPE);
  ck_refused(world, shop_token_require_scope(world->shop, again, "", world->err),
             SHOP_ERR_ARGUMENT);
  ck_refused(world, shop_token_require_scope(world->shop, again, NULL, world->err),
             SHOP_ERR_ARGUMENT);
  ck_ok(world, shop_token_revoke(world->shop, token, NULL, world->err));
  ck_refused(world, shop_token_require_scope(world->shop, again, "merchant", world->err),
             SHOP_ERR_TOKEN_REVOKED);
  ck_refused(world, shop_token_require_scope(world->shop, again, "stock", world->err),
             SHOP_ERR_TOKEN_REVOKED); /* and does not tell what it had */
  shop_token_free(token);
  token = issue(world, user_id, "merchant", HOUR_MS);
  world_pass_ms(world, HOUR_MS);
  ck_refused(world, shop_token_require_scope(world->shop, token, "merchant", world->err),
             SHOP_ERR_TOKEN_EXPIRED);
  shop_token_free(again);
  shop_token_free(token);
  shop_token_free(shopper);
  world_free(world);
}
END_TEST

/* What may be issued: to a user that exists, with scopes that are some, for a time that is one. */
START_TEST(issued) {
  static char longest[258];
  struct world *world = world_new();
  shop_token_t *shopper = world_register(world, "ada@example.org"), *token = NULL;
  int64_t user_id = shop_token_user_id(shopper), cart_id;
  shop_event_page_t *page = NULL;
  static const char *const bad[] = {" ",    "a  b", " a",  "a ",       "a\tb", "a\nb",
                                    "a\"b", "a\\b", "a a", "\xc3\xa4", "\x7f", "a b a"};

  memset(longest, 's', 256);
  ck_refused(world, shop_token_issue(world->shop, user_id, longest, 0, NULL, &token, world->err),
             SHOP_ERR_TOO_LONG);
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
    ck_refused(world, shop_token_issue(world->shop, user_id, bad[i], 0, NULL, &token, world->err),
               SHOP_ERR_TEXT);
  ck_refused(world, shop_token_issue(world->shop, user_id, "a", 999, NULL, &token, world->err),
             SHOP_ERR_ARGUMENT);
  ck_refused(world, shop_token_issue(world->shop, user_id, "a", -1, NULL, &token, world->err),
             SHOP_ERR_ARGUMENT);
  ck_refused(
      world,
      shop_token_issue(world->shop, user_id, "a", INT64_C(315360000001), NULL, &token, world->err),
      SHOP_ERR_ARGUMENT);
  ck_refused(world, shop_token_issue(world->shop, user_id + 1, "a", 0, NULL, &token, world->err),
             SHOP_ERR_NOT_FOUND);
  ck_assert_ptr_null(token);
  ck_ok(world, shop_user_set_disabled(world->shop, user_id, true, NULL, world->err));
  ck_refused(world, shop_token_issue(world->shop, user_id, "a", 0, NULL, &token, world->err),
             SHOP_ERR_USER_DISABLED);
  ck_ok(world, shop_user_set_disabled(world->shop, user_id, false, NULL, world->err));
  world_vandalise(world, "DELETE FROM events");
  longest[255] = '\0';
  token = issue(world, user_id, longest, INT64_C(315360000000));
  ck_ok(world, verify(world, shop_token_jwt(token)));
  ck_ok(world, shop_event_list(world->shop, 0, 10, &page, world->err));
  ck_assert_int_eq(shop_event_page_count(page), 1);
  ck_assert_str_eq(shop_event_page_name(page, 0), "token.issued");
  ck_assert_str_eq(shop_event_page_detail(page, 0), longest);
  ck_assert_int_eq(shop_event_page_user_id(page, 0), user_id);
  ck_assert_int_eq(shop_event_page_actor(page, 0), SHOP_ACTOR_MERCHANT);
  shop_event_page_free(page);
  shop_token_free(token);
  token = issue(world, user_id, NULL, 0);
  ck_assert_str_eq(shop_token_scopes(token), "");
  ck_assert_int_eq(shop_token_expires_at_ms(token), shop_token_expires_at_ms(shopper));
  shop_token_free(token);
  token = issue(world, user_id, "merchant", 1999);
  ck_assert_int_eq(shop_token_expires_at_ms(token) - shop_token_issued_at_ms(token), 1000);
  cart_id = world_cart(world, token); /* a scope takes nothing away */
  ck_assert_int_ne(cart_id, 0);
  shop_token_free(token);
  shop_token_free(shopper);
  world_free(world);
}
END_TEST

/* ---- audience ---------------------------------------------------------------------------- */

/* Tokens are good where they were meant to be, and nowhere else. */
START_TEST(audience) {
  struct world *world = world_new();
  shop_token_t *plain = world_register(world, "ada@example.org"), *meant;

  ck_assert_int_eq(shop_config_set_token_audience(world->config, "till"), SHOP_OK);
  world_reopen(world);
  meant = issue(world, shop_token_user_id(plain), NULL, 0);
  ck_ok(world, verify(world, shop_token_jwt(meant)));
  ck_refused(world, verify(world, shop_token_jwt(plain)), SHOP_ERR_TOKEN_INVALID);
  ck_assert_int_eq(shop_config_set_token_audience(world->config, "tills"), SHOP_OK);
  world_reopen(world);
  ck_refused(world, verify(world, shop_token_jwt(meant)), SHOP_ERR_TOKEN_INVALID);
  ck_assert_int_eq(shop_config_set_token_audience(world->config, NULL), SHOP_OK);
  world_reopen(world);
  ck_refused(world, verify(world, shop_token_jwt(meant)), SHOP_ERR_TOKEN_INVALID);
  ck_ok(world, verify(world, shop_token_jwt(plain)));
  shop_token_free(plain);
  shop_token_free(meant);
  world_free(world);
}
END_TEST

/* ---- clocks ------------------------------------------------------------------------------- */

/* A clock that is set back by up to a minute logs nobody out; by more, it waits. */
START_TEST(clock_set_back) {
  struct world *world = world_new();
  shop_token_t *token = world_register(world, "ada@example.org");
  shop_cart_t *cart = NULL;

  world_pass_ms(world, -60000);
  ck_ok(world, verify(world, shop_token_jwt(token)));
  world_pass_ms(world, -1);
  ck_refused(world, verify(world, shop_token_jwt(token)), SHOP_ERR_TOKEN_INVALID);
  ck_refused(world, shop_cart_create(world->shop, token, NULL, &cart, world->err),
             SHOP_ERR_TOKEN_INVALID);
  world_pass_ms(world, 60001);
  ck_ok(world, verify(world, shop_token_jwt(token)));
  shop_token_free(token);
  world_free(world);
}
END_TEST

/* The skew widens both ends, to the millisecond, and a token's row is kept as long. */
START_TEST(skew) {
  struct world *world = world_prepare();
  shop_token_t *token;

  ck_assert_int_eq(shop_config_set_token_skew_ms(world->config, 5000), SHOP_OK);
  ck_assert_int_eq(shop_config_set_token_life_ms(world->config, HOUR_MS), SHOP_OK);
  world_open(world);
  token = world_register(world, "ada@example.org");
  world_pass_ms(world, -65000);
  ck_ok(world, verify(world, shop_token_jwt(token)));
  world_pass_ms(world, -1);
  ck_refused(world, verify(world, shop_token_jwt(token)), SHOP_ERR_TOKEN_INVALID);
  world_pass_ms(world, 65001 + HOUR_MS + 4999);
  ck_ok(world, shop_maintain(world->shop, NULL, world->err));
  ck_ok(world, verify(world, shop_token_jwt(token)));
  world_pass_ms(world, 1);
  ck_refused(world, verify(world, shop_token_jwt(token)), SHOP_ERR_TOKEN_EXPIRED);
  shop_token_free(token);
  world_free(world);
}
END_TEST

/* The settings refuse what they cannot be. */
START_TEST(settings) {
  shop_config_t *config = NULL;
  char longest[257];

  memset(longest, 'a', 256);
  longest[256] = '\0';
  ck_assert_int_eq(shop_config_new(&config), SHOP_OK);
  ck_assert_int_eq(shop_config_set_token_audience(NULL, "a"), SHOP_ERR_ARGUMENT);
  ck_assert_int_eq(shop_config_set_token_audience(NULL, NULL), SHOP_ERR_ARGUMENT);
  ck_assert_int_eq(shop_config_set_token_audience(config, ""), SHOP_ERR_ARGUMENT);
  ck_assert_int_eq(shop_config_set_token_audience(config, longest), SHOP_ERR_TOO_LONG);
  ck_assert_int_eq(shop_config_set_token_audience(config, "a\nb"), SHOP_ERR_TEXT);
  ck_assert_int_eq(shop_config_set_token_audience(config, longest + 1), SHOP_OK);
  ck_assert_int_eq(shop_config_set_token_skew_ms(config, -1), SHOP_ERR_ARGUMENT);
  ck_assert_int_eq(shop_config_set_token_skew_ms(config, 600001), SHOP_ERR_ARGUMENT);
  ck_assert_int_eq(shop_config_set_token_skew_ms(NULL, 0), SHOP_ERR_ARGUMENT);
  ck_assert_int_eq(shop_config_set_token_skew_ms(config, 600000), SHOP_OK);
  shop_config_free(config);
}
END_TEST

int main(void) {
  const TTest *tests[] = {
      scope_is_asked_for, issued, audience, clock_set_back, skew, settings,
  };

  return HARNESS_RUN("token scopes", tests);
}
