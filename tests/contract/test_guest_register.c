/* A guest registers: the same user, with the same cart, and with none of the old tokens. */
#include <harness.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MINUTE_MS INT64_C(60000)
#define ADA "ada@example.org"

static shop_token_t *guest(struct world *world) {
  shop_token_t *token = NULL;

  ck_ok(world, shop_guest_create(world->shop, NULL, &token, world->err));
  return token;
}

static int32_t enroll(struct world *world, const shop_token_t *token, const char *email,
                      const char *password, const char *key, shop_token_t **out) {
  shop_options_t *options = key == NULL ? NULL : options_with_key(key);
  int32_t status;

  *out = (shop_token_t *)world;
  status = shop_guest_register(world->shop, token, email, password, options, out, world->err);
  ck_assert((*out == NULL) == (status != SHOP_OK));
  shop_options_free(options);
  return status;
}

static int32_t session_status(struct world *world, const shop_token_t *token) {
  shop_session_t *session = NULL;
  int32_t status;

  ck_ok(world, shop_session_check(world->shop, token, &session, world->err));
  status = shop_session_status(session);
  shop_session_free(session);
  return status;
}

/* A guest whose cart holds 2 of 10 TEA, added at 9.99 and dearer since. */
static shop_token_t *guest_with_tea(struct world *world, int64_t *cart_id) {
  shop_token_t *token = guest(world);
  shop_cart_t *cart = NULL;

  world_put(world, "TEA", 999, "EUR", 10);
  *cart_id = world_cart(world, token);
  world_add(world, token, *cart_id, "TEA", 2);
  ck_ok(world,
        shop_cart_hold(world->shop, token, *cart_id, 5 * MINUTE_MS, NULL, &cart, world->err));
  shop_cart_free(cart);
  world_put(world, "TEA", 1099, "EUR", 10);
  return token;
}

/* ---- what it gives ------------------------------------------------------------------------- */

/* User, subject, cart, version, hold and kept price are what they were; now there is an address,
   the password logs in, and the cart can be bought. */
START_TEST(the_same_user) {
  struct world *world = world_new();
  shop_purchase_request_t *request = NULL;
  shop_session_t *session = NULL;
  shop_cart_t *before = NULL;
  const shop_cart_t *after;
  shop_token_t *ada = NULL, *again = NULL;
  shop_order_t *order = NULL;
  shop_user_t *user = NULL;
  int64_t cart_id;
  shop_token_t *token = guest_with_tea(world, &cart_id);

  ck_ok(world, shop_cart_get(world->shop, token, cart_id, &before, world->err));
  world_pass_ms(world, MINUTE_MS);
  ck_ok(world, enroll(world, token, "Ada@Example.org", PASSWORD, NULL, &ada));
  ck_assert_int_eq(shop_token_user_id(ada), shop_token_user_id(token));
  ck_ok(world, shop_session_check(world->shop, ada, &session, world->err));
  ck_assert(!shop_session_is_guest(session));
  ck_assert_str_eq(shop_session_email(session), "Ada@Example.org");
  after = shop_session_cart(session);
  ck_assert_int_eq(shop_cart_id(after), cart_id);
  ck_assert_int_eq(shop_cart_version(after), shop_cart_version(before));
  ck_assert_int_eq(shop_cart_held_until_ms(after), shop_cart_held_until_ms(before));
  ck_assert_int_eq(shop_cart_updated_at_ms(after), shop_cart_updated_at_ms(before));
  ck_assert_int_eq(shop_cart_line_kept_price_minor(after, 0), 999);
  ck_assert_int_eq(shop_cart_line_unit_price_minor(after, 0), 1099);
  ck_assert_int_eq(world_reserved(world, "TEA"), 2);
  shop_session_free(session);
  shop_cart_free(before);
  ck_ok(world, shop_user_find_by_email(world->shop, ADA, &user, world->err));
  ck_assert_int_eq(shop_user_id(user), shop_token_user_id(token));
  ck_assert(!shop_user_is_guest(user) && !shop_user_is_verified(user));
  ck_assert_int_eq(shop_user_created_at_ms(user), WORLD_START_MS);
  shop_user_free(user);
  ck_ok(world, shop_user_login(world->shop, ADA, PASSWORD, NULL, &again, world->err));
  ck_assert_int_eq(shop_purchase_request_new(&request), SHOP_OK);
  ck_assert_int_eq(shop_purchase_request_set_method(request, "pm_card_visa"), SHOP_OK);
  ck_assert_int_eq(shop_purchase_request_set_expected_total(request, 2198, "EUR"), SHOP_OK);
  ck_ok(world, shop_purchase(world->shop, again, cart_id, request, NULL, &order, world->err));
  ck_assert_str_eq(shop_order_email(order), "Ada@Example.org");
  ck_assert_int_eq(world_reserved(world, "TEA"), 0);
  ck_assert_int_eq(world->transport.count, 1);
  ck_assert_str_eq(world->transport.recipients[0], "Ada@Example.org");
  world_verify(world, 0);
  shop_purchase_request_free(request);
  shop_order_free(order);
  shop_token_free(again);
  shop_token_free(ada);
  shop_token_free(token);
  world_free(world);
}
END_TEST

/* Whoever knows a token of the guest has nothing of the account: neither by the token that
   registered, nor by a second one, nor by a refresh token (ASVS 3.2.1). */
START_TEST(no_old_token_is_good) {
  struct world *world = world_prepare();
  shop_token_t *token, *second = NULL, *issued = NULL, *ada = NULL, *next = NULL;
  shop_session_page_t *page = NULL;

  ck_assert_int_eq(shop_config_set_access_life_ms(world->config, 15 * MINUTE_MS), SHOP_OK);
  world_open(world);
  token = guest(world);
  ck_ok(world,
        shop_token_refresh(world->shop, shop_token_refresh_text(token), NULL, &second, world->err));
  ck_ok(world, shop_token_issue(world->shop, shop_token_user_id(token), "kiosk", 0, NULL, &issued,
                                world->err));
  ck_ok(world, enroll(world, token, ADA, PASSWORD, NULL, &ada));
  ck_assert_str_ne(shop_token_jwt(ada), shop_token_jwt(token));
  ck_assert_int_eq(session_status(world, token), SHOP_ERR_TOKEN_REVOKED);
  ck_assert_int_eq(session_status(world, second), SHOP_ERR_TOKEN_REVOKED);
  ck_assert_int_eq(session_status(world, issued), SHOP_ERR_TOKEN_REVOKED);
  ck_refused(
      world,
      shop_token_refresh(world->shop, shop_token_refresh_text(second), NULL, &next, world->err),
      SHOP_ERR_TOKEN_REVOKED);
  ck_assert_int_eq(session_status(world, ada), SHOP_OK);
  ck_ok(world,
        shop_token_refresh(world->shop, shop_token_refresh_text(ada), NULL, &next, world->err));
  ck_ok(world, shop_account_session_list(world->shop, next, 0, 10, &page, world->err));
  ck_assert_int_eq(shop_session_page_count(page), 1);
  shop_session_page_free(page);
  ck_assert_int_eq(
      world_number(world, "SELECT count(*) FROM events WHERE name = 'guest.registered'"), 1);
  shop_token_free(token);
  shop_token_free(second);
  shop_token_free(issued);
  shop_token_free(ada);
  shop_token_free(next);
  world_free(world);
}
END_TEST

/* The label is the session's, the source is known from now on, the welcome mail is written in the
   language that the guest has chosen, unless another one is asked for. */
START_TEST(options_of_a_registration) {
  static const char *const chosen[] = {NULL, "fr"};
  static const char *const languages[] = {"pt-BR", "fr"};
  struct world *world = world_prepare();

  ck_assert_int_eq(shop_config_set_mail_kind(world->config, SHOP_MAIL_WELCOME, true), SHOP_OK);
  world_open(world);
  for (int i = 0; i < 2; i++) {
    shop_options_t *options = NULL;
    shop_session_page_t *page = NULL;
    shop_token_t *token = guest(world), *out = NULL;
    shop_user_t *user = NULL;
    char email[40];

    snprintf(email, sizeof email, "u%d@example.org", i);
    ck_ok(world, shop_user_set_language(world->shop, token, "pt-BR", NULL, world->err));
    ck_assert_int_eq(shop_options_new(&options), SHOP_OK);
    ck_assert_int_eq(shop_options_set_label(options, "phone"), SHOP_OK);
    ck_assert_int_eq(shop_options_set_source(options, "203.0.113.7"), SHOP_OK);
    if (chosen[i] != NULL)
      ck_assert_int_eq(shop_options_set_language(options, chosen[i]), SHOP_OK);
    ck_ok(world,
          shop_guest_register(world->shop, token, email, PASSWORD, options, &out, world->err));
    ck_ok(world, shop_account_session_list(world->shop, out, 0, 10, &page, world->err));
    ck_assert_str_eq(shop_session_page_label(page, 0), "phone");
    ck_ok(world, shop_user_find_by_email(world->shop, email, &user, world->err));
    ck_assert_str_eq(shop_user_language(user), languages[i]);
    ck_assert_int_eq(world_number(world, "SELECT count(*) FROM known_sources"), i + 1);
    ck_assert_int_eq(transport_count(&world->transport, SHOP_MAIL_WELCOME), i + 1);
    ck_assert_str_eq(world->transport.recipients[i], email);
    shop_user_free(user);
    shop_session_page_free(page);
    shop_token_free(token);
    shop_token_free(out);
    shop_options_free(options);
  }
  world_free(world);
}
END_TEST

/* ---- refusals ----------------------------------------------------------------------------------
 */

/* A taken address leaves all as it was: the guest shops on, and may take another one. */
START_TEST(a_taken_address) {
  struct world *world = world_new();
  shop_token_t *owner = world_register(world, ADA), *out = NULL;
  int64_t cart_id;
  shop_token_t *token = guest_with_tea(world, &cart_id);

  ck_refused(world, enroll(world, token, ADA, PASSWORD, NULL, &out), SHOP_ERR_EMAIL_TAKEN);
  ck_refused(world, enroll(world, token, "ADA@example.org", PASSWORD, "k", &out),
             SHOP_ERR_EMAIL_TAKEN);
  ck_assert_int_eq(session_status(world, token), SHOP_OK);
  ck_assert_int_eq(session_status(world, owner), SHOP_OK);
  world_add(world, token, cart_id, "TEA", 1);
  ck_ok(world, enroll(world, token, "bob@example.org", PASSWORD, "k", &out));
  shop_token_free(out);
  shop_token_free(owner);
  shop_token_free(token);
  world_free(world);
}
END_TEST

/* What is no address, and what no password may be, as at a registration. */
START_TEST(unfit_texts_are_refused) {
  struct world *world = world_new();
  shop_token_t *token = guest(world), *out = NULL;

  ck_refused(world, enroll(world, token, NULL, PASSWORD, NULL, &out), SHOP_ERR_ARGUMENT);
  ck_refused(world, enroll(world, token, "", PASSWORD, NULL, &out), SHOP_ERR_ARGUMENT);
  ck_refused(world, enroll(world, token, ADA, NULL, NULL, &out), SHOP_ERR_ARGUMENT);
  ck_refused(world, enroll(world, token, ADA, "", NULL, &out), SHOP_ERR_ARGUMENT);
  ck_refused(world, enroll(world, token, "no address", PASSWORD, NULL, &out), SHOP_ERR_EMAIL);
  ck_refused(world, enroll(world, token, ADA, "short", NULL, &out), SHOP_ERR_PASSWORD);
  ck_refused(world, enroll(world, token, ADA, "password", NULL, &out), SHOP_ERR_PASSWORD_COMMON);
  ck_refused(world, enroll(world, token, ADA, ADA, NULL, &out), SHOP_ERR_PASSWORD_COMMON);
  ck_assert_int_eq(session_status(world, token), SHOP_OK);
  shop_token_free(token);
  world_free(world);
}
END_TEST

/* Only a guest's token that is good now. */
START_TEST(tokens_that_are_no_guests) {
  struct world *world = world_new(), *other = world_new();
  shop_token_t *ada = world_register(world, ADA), *foreign = guest(other), *out = NULL, *token;
  int64_t id;

  ck_refused(world, enroll(world, ada, "bob@example.org", PASSWORD, NULL, &out), SHOP_ERR_STATE);
  ck_refused(world, enroll(world, ada, ADA, PASSWORD, NULL, &out), SHOP_ERR_STATE);
  ck_refused(world, enroll(world, foreign, "bob@example.org", PASSWORD, NULL, &out),
             SHOP_ERR_FOREIGN);
  ck_refused(world, enroll(world, NULL, "bob@example.org", PASSWORD, NULL, &out),
             SHOP_ERR_ARGUMENT);
  token = guest(world);
  ck_ok(world, shop_token_revoke(world->shop, token, NULL, world->err));
  ck_refused(world, enroll(world, token, "bob@example.org", PASSWORD, "k", &out),
             SHOP_ERR_TOKEN_REVOKED);
  shop_token_free(token);
  token = guest(world);
  id = shop_token_user_id(token);
  ck_ok(world, shop_user_set_disabled(world->shop, id, true, NULL, world->err));
  ck_refused(world, enroll(world, token, "bob@example.org", PASSWORD, NULL, &out),
             SHOP_ERR_USER_DISABLED);
  shop_token_free(token);
  token = guest(world);
  ck_ok(world, shop_user_erase(world->shop, shop_token_user_id(token), NULL, NULL, world->err));
  ck_refused(world, enroll(world, token, "bob@example.org", PASSWORD, NULL, &out),
             SHOP_ERR_TOKEN_INVALID);
  shop_token_free(token);
  token = guest(world);
  world_pass_ms(world, shop_token_expires_at_ms(token) - WORLD_START_MS + 1);
  ck_refused(world, enroll(world, token, "bob@example.org", PASSWORD, NULL, &out),
             SHOP_ERR_TOKEN_EXPIRED);
  shop_token_free(token);
  shop_token_free(ada);
  shop_token_free(foreign);
  world_free(other);
  world_free(world);
}
END_TEST

/* Registrations of guests are counted with the others, by source. */
START_TEST(counted_as_registrations) {
  struct world *world = world_prepare();
  shop_options_t *options = NULL;
  shop_token_t *token, *out = NULL;
  char email[40];

  ck_assert_int_eq(shop_config_set_source_tries_free(world->config, 2), SHOP_OK);
  world_open(world);
  ck_assert_int_eq(shop_options_new(&options), SHOP_OK);
  ck_assert_int_eq(shop_options_set_source(options, "bot"), SHOP_OK);
  shop_token_free(world_register(world, ADA));
  token = guest(world);
  for (int i = 0; i < 3; i++) /* tries count as well */
    ck_refused(world,
               shop_guest_register(world->shop, token, ADA, PASSWORD, options, &out, world->err),
               SHOP_ERR_EMAIL_TAKEN);
  for (int i = 0; i < 2; i++) {
    snprintf(email, sizeof email, "u%d@example.org", i);
    ck_refused(world,
               shop_guest_register(world->shop, token, email, PASSWORD, options, &out, world->err),
               SHOP_ERR_THROTTLED);
    ck_refused(world, shop_user_register(world->shop, email, PASSWORD, options, &out, world->err),
               SHOP_ERR_THROTTLED);
  }
  ck_assert_int_eq(session_status(world, token), SHOP_OK);
  shop_options_free(options);
  shop_token_free(token);
  world_free(world);
}
END_TEST

/* ---- keys ------------------------------------------------------------------------------------ */

/* The answer was lost: with the key, the ended token and the right password it is given again. */
START_TEST(repeated_by_its_key) {
  struct world *world = world_new();
  shop_token_t *token = guest(world), *other = guest(world), *first = NULL, *again = NULL;

  ck_ok(world, enroll(world, token, ADA, PASSWORD, "k", &first));
  ck_ok(world, enroll(world, token, "ADA@example.org", PASSWORD, "k", &again));
  ck_assert_int_eq(shop_token_user_id(again), shop_token_user_id(token));
  ck_assert_str_ne(shop_token_jwt(again), shop_token_jwt(first));
  ck_assert_int_eq(session_status(world, first), SHOP_OK);
  ck_assert_int_eq(session_status(world, again), SHOP_OK);
  shop_token_free(again);
  world_pass_ms(world, shop_token_expires_at_ms(token) - WORLD_START_MS + 1);
  ck_ok(world, enroll(world, token, ADA, PASSWORD, "k", &again));
  ck_assert_int_eq(session_status(world, again), SHOP_OK);
  shop_token_free(again);
  /* Whoever else asks is told what a stranger is told. */
  ck_status(world, enroll(world, token, ADA, "a wrong password", "k", &again),
            SHOP_ERR_EMAIL_TAKEN);
  shop_token_free(other);
  other = guest(world);
  ck_refused(world, enroll(world, other, ADA, PASSWORD, "k", &again), SHOP_ERR_EMAIL_TAKEN);
  ck_assert_int_eq(session_status(world, other), SHOP_OK);
  shop_token_free(token);
  shop_token_free(other);
  shop_token_free(first);
  world_free(world);
}
END_TEST

/* Another request is no repetition: the token of the guest is over. */
START_TEST(no_repetition) {
  struct world *world = world_new();
  shop_token_t *token = guest(world), *ada = NULL, *out = NULL;

  ck_ok(world, enroll(world, token, ADA, PASSWORD, "k", &ada));
  ck_refused(world, enroll(world, token, ADA, PASSWORD, NULL, &out), SHOP_ERR_TOKEN_REVOKED);
  ck_refused(world, enroll(world, token, ADA, PASSWORD, "other", &out), SHOP_ERR_TOKEN_REVOKED);
  ck_refused(world, enroll(world, token, "bob@example.org", PASSWORD, "k", &out),
             SHOP_ERR_TOKEN_REVOKED);
  ck_refused(world, enroll(world, ada, ADA, PASSWORD, "other", &out), SHOP_ERR_STATE);
  shop_token_free(token);
  shop_token_free(ada);
  world_free(world);
}
END_TEST

/* The key of a purchase that a guest was refused is still free for the one that follows. */
START_TEST(purchase_after_it) {
  struct world *world = world_new();
  int64_t cart_id;
  shop_token_t *token = guest_with_tea(world, &cart_id), *ada = NULL;
  shop_cart_t *cart = NULL;
  shop_order_t *order = NULL;

  ck_status(world, world_buy(world, token, cart_id, "buy", &order), SHOP_ERR_GUEST);
  ck_ok(world, enroll(world, token, ADA, PASSWORD, NULL, &ada));
  ck_ok(world, shop_cart_reprice(world->shop, ada, cart_id, NULL, &cart, world->err));
  shop_cart_free(cart);
  ck_ok(world, world_buy(world, ada, cart_id, "buy", &order));
  ck_assert_int_eq(world->gateway.charges, 1);
  ck_assert_str_eq(world->gateway.last_email, ADA);
  shop_order_free(order);
  world_verify(world, 0);
  shop_token_free(token);
  shop_token_free(ada);
  world_free(world);
}
END_TEST

/* ---- races --------------------------------------------------------------------------------------
 */

enum { THREADS = 6 };

struct rival {
  struct world *world;
  pthread_barrier_t *together;
  const shop_token_t *token;
  char email[40];
  int64_t cart_id; /* not 0: adds instead */
  int32_t status;
  int32_t added;
};

static void *register_or_add(void *user) {
  struct rival *rival = user;
  shop_t *shop = rival->world->shop;
  shop_token_t *out = NULL;
  shop_cart_t *cart = NULL;

  pthread_barrier_wait(rival->together);
  if (rival->cart_id == 0) {
    rival->status =
        shop_guest_register(shop, rival->token, rival->email, PASSWORD, NULL, &out, NULL);
    ck_assert((out == NULL) == (rival->status != SHOP_OK));
    shop_token_free(out);
    return NULL;
  }
  do {
    rival->status = shop_cart_add(shop, rival->token, rival->cart_id, "TEA", 1, NULL, &cart, NULL);
    rival->added += rival->status == SHOP_OK;
    shop_cart_free(cart);
  } while (rival->status == SHOP_OK && rival->added < 200);
  return NULL;
}

static void race(struct rival *rivals) {
  pthread_barrier_t together;
  pthread_t threads[THREADS];

  pthread_barrier_init(&together, NULL, THREADS);
  for (int i = 0; i < THREADS; i++) {
    rivals[i].together = &together;
    ck_assert_int_eq(pthread_create(&threads[i], NULL, register_or_add, &rivals[i]), 0);
  }
  for (int i = 0; i < THREADS; i++)
    ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
  pthread_barrier_destroy(&together);
}

/* One guest registers under several addresses at once, and adds meanwhile: there is one account,
   and in its cart just what was said to be added. */
START_TEST(one_guest_many_addresses) {
  struct world *world = world_new();
  struct rival rivals[THREADS];
  shop_token_t *token = guest(world);
  int64_t cart_id = world_cart(world, token), winners = 0, added = 0;

  world_put(world, "TEA", 999, "EUR", SHOP_STOCK_UNLIMITED);
  for (int i = 0; i < THREADS; i++) {
    rivals[i] = (struct rival){.world = world, .token = token, .cart_id = i % 2 == 0 ? 0 : cart_id};
    snprintf(rivals[i].email, sizeof rivals[i].email, "u%d@example.org", i);
  }
  race(rivals);
  for (int i = 0; i < THREADS; i++) {
    winners += i % 2 == 0 && rivals[i].status == SHOP_OK;
    added += rivals[i].added;
    ck_assert(rivals[i].status == SHOP_OK || rivals[i].status == SHOP_ERR_TOKEN_REVOKED);
  }
  ck_assert_int_eq(winners, 1);
  ck_assert_int_eq(world_number(world, "SELECT count(*) FROM users"), 1);
  ck_assert_int_eq(world_number(world, "SELECT COALESCE(max(quantity), 0) FROM cart_lines"), added);
  ck_assert_int_eq(session_status(world, token), SHOP_ERR_TOKEN_REVOKED);
  world_verify(world, 0);
  shop_token_free(token);
  world_free(world);
}
END_TEST

/* Several guests want one address: one has it, the others are guests still. */
START_TEST(many_guests_one_address) {
  struct world *world = world_new();
  struct rival rivals[THREADS];
  shop_token_t *tokens[THREADS];
  int64_t winners = 0;

  for (int i = 0; i < THREADS; i++) {
    tokens[i] = guest(world);
    rivals[i] = (struct rival){.world = world, .token = tokens[i], .email = ADA};
  }
  race(rivals);
  for (int i = 0; i < THREADS; i++) {
    winners += rivals[i].status == SHOP_OK;
    ck_assert(rivals[i].status == SHOP_OK || rivals[i].status == SHOP_ERR_EMAIL_TAKEN);
    ck_assert_int_eq(session_status(world, tokens[i]),
                     rivals[i].status == SHOP_OK ? SHOP_ERR_TOKEN_REVOKED : SHOP_OK);
    shop_token_free(tokens[i]);
  }
  ck_assert_int_eq(winners, 1);
  ck_assert_int_eq(world_number(world, "SELECT count(*) FROM users WHERE guest_at_ms IS NULL"), 1);
  world_free(world);
}
END_TEST

int main(void) {
  const TTest *tests[] = {the_same_user,
                          no_old_token_is_good,
                          options_of_a_registration,
                          a_taken_address,
                          unfit_texts_are_refused,
                          tokens_that_are_no_guests,
                          counted_as_registrations,
                          repeated_by_its_key,
                          no_repetition,
                          purchase_after_it,
                          one_guest_many_addresses,
                          many_guests_one_address};

  return HARNESS_RUN("guest register", tests);
}
