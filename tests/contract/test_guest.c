/* Guests: a cart before there is an address, and nothing that needs one. */
#include <harness.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MINUTE_MS INT64_C(60000)

static shop_token_t *guest(struct world *world) {
  shop_token_t *token = NULL;

  ck_ok(world, shop_guest_create(world->shop, NULL, &token, world->err));
  return token;
}

static shop_session_t *session_of(struct world *world, const shop_token_t *token) {
  shop_session_t *session = NULL;

  ck_ok(world, shop_session_check(world->shop, token, &session, world->err));
  return session;
}

static int32_t session_status(struct world *world, const shop_token_t *token) {
  shop_session_t *session = session_of(world, token);
  int32_t status = shop_session_status(session);

  shop_session_free(session);
  return status;
}

/* A guest with a cart of 2 TEA, of which there are 10. */
static shop_token_t *guest_with_tea(struct world *world, int64_t *cart_id) {
  shop_token_t *token = guest(world);

  world_put(world, "TEA", 999, "EUR", 10);
  *cart_id = world_cart(world, token);
  world_add(world, token, *cart_id, "TEA", 2);
  return token;
}

/* ---- what a guest has ---------------------------------------------------------------- */

/* A guest shops like everybody up to the purchase: cart, hold, session. Two guests share nothing.
 */
START_TEST(shops_without_an_address) {
  struct world *world = world_new();
  int64_t cart_id;
  shop_token_t *token = guest_with_tea(world, &cart_id), *other = guest(world);
  shop_session_t *session = session_of(world, token);
  shop_cart_t *cart = NULL;

  ck_assert_int_gt(shop_token_user_id(token), 0);
  ck_assert_int_ne(shop_token_user_id(token), shop_token_user_id(other));
  ck_assert_str_eq(shop_token_refresh_text(token), "");
  ck_assert_str_eq(shop_token_scopes(token), "");
  ck_assert_int_eq(shop_session_status(session), SHOP_OK);
  ck_assert(shop_session_is_guest(session));
  ck_assert_str_eq(shop_session_email(session), "");
  ck_assert_int_eq(shop_session_user_id(session), shop_token_user_id(token));
  ck_assert_int_eq(shop_cart_id(shop_session_cart(session)), cart_id);
  ck_assert_int_eq(shop_cart_user_id(shop_session_cart(session)), shop_token_user_id(token));
  shop_session_free(session);
  ck_ok(world, shop_cart_hold(world->shop, token, cart_id, MINUTE_MS, NULL, &cart, world->err));
  shop_cart_free(cart);
  ck_assert_int_eq(world_reserved(world, "TEA"), 2);
  ck_refused(world, shop_cart_get(world->shop, other, cart_id, &cart, world->err),
             SHOP_ERR_NOT_FOUND);
  ck_ok(world, shop_cart_release(world->shop, token, cart_id, NULL, &cart, world->err));
  shop_cart_free(cart);
  ck_assert_int_eq(world_available(world, "TEA"), 10);
  world_verify(world, 0);
  shop_token_free(token);
  shop_token_free(other);
  world_free(world);
}
END_TEST

/* No address is asked for, so none is answered: NULL sessions and accounts are no guests. */
START_TEST(who_is_one) {
  struct world *world = world_new();
  shop_token_t *token = guest(world), *ada = world_register(world, "ada@example.org");
  shop_session_t *session = session_of(world, ada);
  shop_user_t *user = NULL;

  ck_assert(!shop_session_is_guest(session) && !shop_session_is_guest(NULL));
  shop_session_free(session);
  ck_ok(world, shop_token_revoke(world->shop, ada, NULL, world->err));
  session = session_of(world, ada); /* tells nothing */
  ck_assert(!shop_session_is_guest(session));
  shop_session_free(session);
  ck_ok(world, shop_user_find_by_id(world->shop, shop_token_user_id(token), &user, world->err));
  ck_assert(shop_user_is_guest(user) && !shop_user_is_guest(NULL));
  ck_assert(!shop_user_is_verified(user) && !shop_user_is_closed(user));
  ck_assert_str_eq(shop_user_email(user), "");
  ck_assert_str_ne(shop_user_subject(user), "");
  ck_assert_int_eq(shop_user_created_at_ms(user), WORLD_START_MS);
  shop_user_free(user);
  ck_ok(world, shop_user_find_by_id(world->shop, shop_token_user_id(ada), &user, world->err));
  ck_assert(!shop_user_is_guest(user));
  shop_user_free(user);
  shop_token_free(token);
  shop_token_free(ada);
  world_free(world);
}
END_TEST

/* The options of a registration but for the key: there is nobody yet whom it could belong to. */
START_TEST(options_of_a_guest) {
  struct world *world = world_new();
  shop_options_t *options = NULL;
  shop_token_t *token = NULL;
  shop_session_page_t *page = NULL;
  shop_user_t *user = NULL;

  ck_assert_int_eq(shop_options_new(&options), SHOP_OK);
  ck_assert_int_eq(shop_options_set_label(options, "kiosk 4"), SHOP_OK);
  ck_assert_int_eq(shop_options_set_language(options, "pt-BR"), SHOP_OK);
  ck_assert_int_eq(shop_options_set_source(options, "203.0.113.7"), SHOP_OK);
  ck_assert_int_eq(shop_options_set_deadline_ms(options, MINUTE_MS), SHOP_OK);
  ck_ok(world, shop_guest_create(world->shop, options, &token, world->err));
  ck_ok(world, shop_account_session_list(world->shop, token, 0, 10, &page, world->err));
  ck_assert_int_eq(shop_session_page_count(page), 1);
  ck_assert_str_eq(shop_session_page_label(page, 0), "kiosk 4");
  shop_session_page_free(page);
  ck_ok(world, shop_user_find_by_id(world->shop, shop_token_user_id(token), &user, world->err));
  ck_assert_str_eq(shop_user_language(user), "pt-BR");
  shop_user_free(user);
  shop_token_free(token);
  shop_options_free(options);
  options = options_with_key("k");
  ck_refused(world, shop_guest_create(world->shop, options, &token, world->err), SHOP_ERR_ARGUMENT);
  ck_assert_ptr_null(token);
  shop_options_free(options);
  options = options_with_version(1);
  ck_refused(world, shop_guest_create(world->shop, options, &token, world->err), SHOP_ERR_ARGUMENT);
  shop_options_free(options);
  world_free(world);
}
END_TEST

/* Where the shop gives refresh tokens a guest gets one, and it goes on being a guest. */
START_TEST(refreshes) {
  struct world *world = world_prepare();
  shop_token_t *token, *next = NULL;
  shop_session_t *session;

  ck_assert_int_eq(shop_config_set_access_life_ms(world->config, 15 * MINUTE_MS), SHOP_OK);
  world_open(world);
  token = guest(world);
  ck_assert_str_ne(shop_token_refresh_text(token), "");
  world_pass_ms(world, 20 * MINUTE_MS);
  ck_assert_int_eq(session_status(world, token), SHOP_ERR_TOKEN_EXPIRED);
  ck_ok(world,
        shop_token_refresh(world->shop, shop_token_refresh_text(token), NULL, &next, world->err));
  session = session_of(world, next);
  ck_assert(shop_session_is_guest(session));
  ck_assert_int_eq(shop_session_user_id(session), shop_token_user_id(token));
  shop_session_free(session);
  shop_token_free(token);
  shop_token_free(next);
  world_free(world);
}
END_TEST

/* ---- what needs an address ----------------------------------------------------------- */

static int32_t buy(struct world *world, const shop_token_t *token, int64_t cart_id, const char *key,
                   bool begin) {
  shop_options_t *options = key == NULL ? NULL : options_with_key(key);
  shop_purchase_request_t *request = NULL;
  shop_order_t *order = (shop_order_t *)world;
  int32_t status;

  ck_assert_int_eq(shop_purchase_request_new(&request), SHOP_OK);
  ck_assert_int_eq(shop_purchase_request_set_method(request, "pm_card_visa"), SHOP_OK);
  status =
      begin ? shop_purchase_begin(world->shop, token, cart_id, request, options, &order, world->err)
            : shop_purchase(world->shop, token, cart_id, request, options, &order, world->err);
  ck_assert_ptr_null(order);
  shop_purchase_request_free(request);
  shop_options_free(options);
  return status;
}

/* Before anything happens: no order, no key used up, no piece reserved, nothing asked of the
   gateway, whatever is in the cart. */
START_TEST(buys_nothing) {
  struct world *world = world_new();
  int64_t cart_id;
  shop_token_t *token = guest_with_tea(world, &cart_id);
  shop_order_t *order = NULL;
  shop_order_page_t *page = NULL;

  for (int begin = 0; begin < 2; begin++) {
    ck_refused(world, buy(world, token, cart_id, NULL, begin), SHOP_ERR_GUEST);
    ck_refused(world, buy(world, token, cart_id, "a key", begin), SHOP_ERR_GUEST);
    ck_refused(world, buy(world, token, cart_id + 1, NULL, begin), SHOP_ERR_GUEST);
  }
  world_put(world, "GIFT", 0, "EUR", 1);
  world_vandalise(world, "DELETE FROM cart_lines");
  world_add(world, token, cart_id, "GIFT", 1);
  ck_refused(world, buy(world, token, cart_id, NULL, false), SHOP_ERR_GUEST);
  ck_assert_int_eq(world->gateway.charges, 0);
  ck_assert_int_eq(world->transport.calls, 0);
  ck_refused(world, shop_order_get(world->shop, token, "0123456789AB", &order, world->err),
             SHOP_ERR_NOT_FOUND);
  ck_ok(world, shop_order_list(world->shop, token, 0, 10, &page, world->err));
  ck_assert_int_eq(shop_order_page_count(page), 0);
  shop_order_page_free(page);
  ck_assert_int_eq(world_number(world, "SELECT count(*) FROM requests"), 0);
  shop_token_free(token);
  world_free(world);
}
END_TEST

/* Also where only who has verified the address may buy: there is none to verify. */
START_TEST(buys_nothing_unverified) {
  struct world *world = world_prepare();
  shop_token_t *token;
  int64_t cart_id;

  ck_assert_int_eq(shop_config_set_purchase_needs_verified(world->config, true), SHOP_OK);
  world_open(world);
  token = guest_with_tea(world, &cart_id);
  ck_refused(world, buy(world, token, cart_id, NULL, false), SHOP_ERR_GUEST);
  shop_token_free(token);
  world_free(world);
}
END_TEST

/* What asks for the password or mails something. Nothing is counted as a wrong password. */
START_TEST(account_calls) {
  struct world *world = world_new();
  shop_token_t *token = guest(world), *out = (shop_token_t *)world;
  shop_t *shop = world->shop;

  ck_refused(world, shop_account_verify_request(shop, token, NULL, world->err), SHOP_ERR_GUEST);
  ck_refused(world,
             shop_account_email_request(shop, token, PASSWORD, "ada@example.org", NULL, world->err),
             SHOP_ERR_GUEST);
  ck_refused(
      world,
      shop_account_set_password(shop, token, PASSWORD, "quite another one", NULL, &out, world->err),
      SHOP_ERR_GUEST);
  ck_assert_ptr_null(out);
  ck_refused(world, shop_account_close(shop, token, PASSWORD, NULL, world->err), SHOP_ERR_GUEST);
  ck_assert_int_eq(world_number(world, "SELECT count(*) FROM guesses"), 0);
  ck_assert_int_eq(world_number(world, "SELECT count(*) FROM outbox"), 0);
  shop_token_free(token);
  world_free(world);
}
END_TEST

/* No guest is found or let in by an address or password that is empty, odd, or another's. */
START_TEST(no_way_in_by_password) {
  static const char *const texts[] = {"guest", "NULL", "@", " ", "0"};
  struct world *world = world_new();
  shop_token_t *token = guest(world), *out = NULL;
  shop_user_t *user = NULL;

  for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
    ck_refused(world, shop_user_find_by_email(world->shop, texts[i], &user, world->err),
               SHOP_ERR_NOT_FOUND);
    ck_status(world, shop_user_login(world->shop, texts[i], texts[i], NULL, &out, world->err),
              SHOP_ERR_CREDENTIALS);
    ck_assert_ptr_null(out);
  }
  ck_refused(world, shop_user_login(world->shop, "", PASSWORD, NULL, &out, world->err),
             SHOP_ERR_ARGUMENT);
  shop_token_free(token);
  world_free(world);
}
END_TEST

/* ---- a user like others, otherwise ------------------------------------------------------ */

START_TEST(sessions_end) {
  struct world *world = world_new();
  shop_token_t *token = guest(world), *other = guest(world);
  shop_session_page_t *page = NULL;
  int64_t session_id;

  ck_ok(world, shop_user_set_language(world->shop, token, "de", NULL, world->err));
  ck_ok(world, shop_account_session_list(world->shop, token, 0, 10, &page, world->err));
  ck_assert_int_eq(shop_session_page_count(page), 1);
  session_id = shop_session_page_id(page, 0);
  shop_session_page_free(page);
  ck_refused(world, shop_account_session_revoke(world->shop, other, session_id, NULL, world->err),
             SHOP_ERR_NOT_FOUND);
  ck_ok(world, shop_account_session_revoke(world->shop, token, session_id, NULL, world->err));
  ck_assert_int_eq(session_status(world, token), SHOP_ERR_TOKEN_REVOKED);
  ck_ok(world, shop_account_logout_everywhere(world->shop, other, NULL, world->err));
  ck_assert_int_eq(session_status(world, other), SHOP_ERR_TOKEN_REVOKED);
  shop_token_free(token);
  token = guest(world);
  ck_ok(world, shop_token_revoke(world->shop, token, NULL, world->err));
  ck_assert_int_eq(session_status(world, token), SHOP_ERR_TOKEN_REVOKED);
  shop_token_free(token);
  shop_token_free(other);
  world_free(world);
}
END_TEST

/* The merchant's calls take a guest's id; but none makes a merchant of whom nobody knows. */
START_TEST(as_the_merchant_sees_it) {
  struct world *world = world_new();
  int64_t cart_id;
  shop_token_t *token = guest_with_tea(world, &cart_id), *issued = NULL;
  int64_t id = shop_token_user_id(token);
  shop_user_t *user = NULL;
  shop_text_t *text = NULL;
  shop_cart_t *cart = NULL;

  ck_ok(world, shop_user_set_metadata(world->shop, id, "a note", "an id", NULL, world->err));
  ck_refused(world, shop_token_issue(world->shop, id, "merchant", 0, NULL, &issued, world->err),
             SHOP_ERR_GUEST);
  ck_refused(world,
             shop_token_issue(world->shop, id, "stock merchant", 0, NULL, &issued, world->err),
             SHOP_ERR_GUEST);
  ck_assert_ptr_null(issued);
  ck_ok(world, shop_token_issue(world->shop, id, "kiosk", 0, NULL, &issued, world->err));
  ck_assert_int_eq(session_status(world, issued), SHOP_OK);
  ck_ok(world, shop_account_export(world->shop, token, &text, world->err));
  ck_assert_ptr_nonnull(strstr(shop_text_get(text), "\"guest_at_ms\":"));
  shop_text_free(text);
  ck_ok(world, shop_cart_hold(world->shop, token, cart_id, MINUTE_MS, NULL, &cart, world->err));
  shop_cart_free(cart);
  ck_ok(world, shop_user_set_disabled(world->shop, id, true, NULL, world->err));
  ck_assert_int_eq(session_status(world, token), SHOP_ERR_USER_DISABLED);
  ck_ok(world, shop_user_set_disabled(world->shop, id, false, NULL, world->err));
  ck_assert_int_eq(session_status(world, token), SHOP_ERR_TOKEN_REVOKED);
  ck_ok(world, shop_user_erase(world->shop, id, NULL, NULL, world->err));
  ck_assert_int_eq(world_available(world, "TEA"), 10);
  ck_ok(world, shop_user_find_by_id(world->shop, id, &user, world->err));
  ck_assert(shop_user_is_closed(user));
  ck_assert_str_eq(shop_user_note(user), "");
  ck_assert_str_eq(shop_user_external_id(user), "");
  shop_user_free(user);
  ck_assert_int_eq(session_status(world, token), SHOP_ERR_TOKEN_INVALID);
  world_verify(world, 0);
  shop_token_free(token);
  shop_token_free(issued);
  world_free(world);
}
END_TEST

/* ---- floods ------------------------------------------------------------------------------- */

static int32_t come_from(struct world *world, const char *source) {
  shop_options_t *options = NULL;
  shop_token_t *token = NULL;
  int32_t status;

  ck_assert_int_eq(shop_options_new(&options), SHOP_OK);
  ck_assert_int_eq(shop_options_set_source(options, source), SHOP_OK);
  status = shop_guest_create(world->shop, options, &token, world->err);
  ck_assert((token != NULL) == (status == SHOP_OK));
  shop_token_free(token);
  shop_options_free(options);
  return status;
}

/* A source that makes guests without end waits, longer each time; others do not, and registering
   is counted by itself. */
START_TEST(a_flood_waits) {
  struct world *world = world_prepare();
  shop_options_t *options = NULL;
  shop_token_t *token = NULL;
  int64_t wait_ms;

  ck_assert_int_eq(shop_config_set_source_tries_free(world->config, 3), SHOP_OK);
  world_open(world);
  for (int i = 0; i < 4; i++)
    ck_ok(world, come_from(world, "bot"));
  ck_refused(world, come_from(world, "bot"), SHOP_ERR_THROTTLED);
  wait_ms = shop_error_retry_after_ms(world->err);
  ck_assert_int_gt(wait_ms, 0);
  ck_ok(world, come_from(world, "somebody else"));
  ck_assert_int_eq(shop_options_new(&options), SHOP_OK);
  ck_assert_int_eq(shop_options_set_source(options, "bot"), SHOP_OK);
  ck_ok(world,
        shop_user_register(world->shop, "ada@example.org", PASSWORD, options, &token, world->err));
  shop_token_free(token);
  shop_options_free(options);
  world_pass_ms(world, wait_ms);
  ck_ok(world, come_from(world, "bot"));
  ck_refused(world, come_from(world, "bot"), SHOP_ERR_THROTTLED);
  ck_assert_int_gt(shop_error_retry_after_ms(world->err), wait_ms);
  world_reopen(world); /* which forgets nothing */
  ck_refused(world, come_from(world, "bot"), SHOP_ERR_THROTTLED);
  world_free(world);
}
END_TEST

/* ---- the rows ----------------------------------------------------------------------------- */

/* The store itself knows which rows may lack an address: guests, and who has closed the account.
   What the checks refuse here is ignored by the statement. */
START_TEST(rows_without_address) {
  struct world *world = world_new();
  shop_token_t *token = guest(world), *ada = world_register(world, "ada@example.org");

  world_vandalise(world, "UPDATE OR IGNORE users SET guest_at_ms = NULL");
  ck_assert_int_eq(world_number(world, "SELECT count(*) FROM users WHERE guest_at_ms > 0"), 1);
  world_vandalise(world, "UPDATE OR IGNORE users SET guest_at_ms = 1 WHERE email IS NOT NULL");
  world_vandalise(world, "UPDATE OR IGNORE users SET email = 'a@b' WHERE guest_at_ms IS NOT NULL");
  world_vandalise(world,
                  "UPDATE OR IGNORE users SET verified_at_ms = 1"
                  " WHERE guest_at_ms IS NOT NULL");
  world_vandalise(world,
                  "UPDATE OR IGNORE users SET password_hash = 'x'"
                  " WHERE guest_at_ms IS NOT NULL");
  ck_assert_int_eq(world_number(world,
                                "SELECT count(*) FROM users WHERE guest_at_ms IS NOT NULL"
                                " AND (email IS NOT NULL OR verified_at_ms IS NOT NULL"
                                " OR password_hash IS NOT NULL)"),
                   0);
  ck_assert_int_eq(session_status(world, ada), SHOP_OK);
  shop_token_free(token);
  shop_token_free(ada);
  world_free(world);
}
END_TEST

int main(void) {
  const TTest *tests[] = {shops_without_an_address,
                          who_is_one,
                          options_of_a_guest,
                          refreshes,
                          buys_nothing,
                          buys_nothing_unverified,
                          account_calls,
                          sessions_end,
                          no_way_in_by_password,
                          as_the_merchant_sees_it,
                          a_flood_waits,
                          rows_without_address};

  return HARNESS_RUN("guest", tests);
}
