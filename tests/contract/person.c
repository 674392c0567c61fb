/* A person of whom the store holds something in every table that can (person.h). */
#include "person.h"

#include <stdio.h>
#include <string.h>

#define HOUR_MS INT64_C(3600000)

static shop_options_t *person_options(const char *key) {
  shop_options_t *options = NULL;

  ck_assert_int_eq(shop_options_new(&options), SHOP_OK);
  if (key != NULL)
    ck_assert_int_eq(shop_options_set_idempotency_key(options, key), SHOP_OK);
  else {
    ck_assert_int_eq(shop_options_set_source(options, "192.0.2.1"), SHOP_OK);
    ck_assert_int_eq(shop_options_set_label(options, PERSON_LABEL), SHOP_OK);
  }
  return options;
}

static void enter(struct person *person) {
  struct world *world = person->world;
  shop_options_t *options = person_options(NULL);
  shop_token_t *first = NULL, *next = NULL;

  ck_assert_int_eq(shop_options_set_language(options, "en"), SHOP_OK);
  ck_ok(world,
        shop_user_register(world->shop, PERSON_EMAIL, PASSWORD, options, &first, world->err));
  person->user_id = shop_token_user_id(first);
  ck_ok(world, shop_user_set_metadata(world->shop, person->user_id, PERSON_NOTE, "host-ada", NULL,
                                      world->err));
  shop_options_free(options);
  options = person_options("ada-refresh");
  ck_ok(world, shop_token_refresh(world->shop, shop_token_refresh_text(first), options, &next,
                                  world->err));
  shop_options_free(options);
  shop_token_free(first);
  shop_token_free(next);
  options = person_options(NULL);
  ck_ok(world, shop_user_login(world->shop, PERSON_EMAIL, PASSWORD, options, &first, world->err));
  ck_ok(world, shop_account_set_password(world->shop, first, PASSWORD, PASSWORD " 2", options,
                                         &person->token, world->err));
  shop_options_free(options);
  shop_token_free(first);
}

static shop_order_t *buy(struct person *person, enum gateway_mood mood, const char *key) {
  struct world *world = person->world;
  shop_purchase_request_t *request = NULL;
  shop_options_t *options = person_options(key);
  shop_order_t *order = NULL;
  shop_cart_t *held = NULL;
  int64_t cart_id = world_cart(world, person->token);

  world_add(world, person->token, cart_id, "TEA", 2);
  world_add(world, person->token, cart_id, "MILK", 1);
  ck_ok(world, shop_cart_hold(world->shop, person->token, cart_id, 60000, NULL, &held, world->err));
  shop_cart_free(held);
  ck_assert_int_eq(shop_purchase_request_new(&request), SHOP_OK);
  ck_assert_int_eq(shop_purchase_request_set_method(request, "pm_ada"), SHOP_OK);
  ck_assert_int_eq(shop_purchase_request_set_shipping_address(request, PERSON_SHIPPING), SHOP_OK);
  ck_assert_int_eq(shop_purchase_request_set_billing_address(request, "Lord Byron"), SHOP_OK);
  ck_assert_int_eq(
      shop_purchase_request_add_adjustment(request, SHOP_ADJUSTMENT_SHIPPING, "to London", 500),
      SHOP_OK);
  world->gateway.mood = mood;
  (void)!shop_purchase(world->shop, person->token, cart_id, request, options, &order, world->err);
  world->gateway.mood = GATEWAY_APPROVES;
  ck_assert_ptr_nonnull(order);
  shop_purchase_request_free(request);
  shop_options_free(options);
  return order;
}

static void refund_and_report(struct person *person) {
  struct world *world = person->world;
  shop_refund_request_t *request = NULL;
  shop_payment_report_t *report = NULL;
  shop_order_t *order = NULL;

  ck_assert_int_eq(shop_refund_request_new(&request), SHOP_OK);
  ck_assert_int_eq(shop_refund_request_set_amount(request, 999, "EUR"), SHOP_OK);
  ck_assert_int_eq(shop_refund_request_add_return(request, "TEA", 1), SHOP_OK);
  ck_ok(world, shop_order_refund(world->shop, person->number, request, NULL, &order, world->err));
  shop_refund_request_free(request);
  ck_assert_int_eq(shop_payment_report_new(&report), SHOP_OK);
  ck_assert_int_eq(shop_payment_report_set_event_id(report, "evt_ada"), SHOP_OK);
  ck_assert_int_eq(shop_payment_report_set_reference(report, shop_order_gateway_reference(order)),
                   SHOP_OK);
  ck_assert_int_eq(shop_payment_report_set_outcome(report, SHOP_OUTCOME_PENDING), SHOP_OK);
  ck_assert_int_eq(shop_payment_report_set_reason(report, "seen at ada's bank"), SHOP_OK);
  shop_order_free(order);
  order = NULL;
  (void)!shop_payment_report(world->shop, report, &order, world->err);
  shop_order_free(order);
  shop_payment_report_free(report);
}

static void buy_things(struct person *person) {
  struct world *world = person->world;
  shop_order_t *order = buy(person, GATEWAY_APPROVES, "ada-key-1");

  snprintf(person->number, sizeof person->number, "%s", shop_order_number(order));
  shop_order_free(order);
  ck_ok(world, shop_order_set_metadata(world->shop, person->number, "gift wrap for the countess",
                                       "host-order", NULL, world->err));
  refund_and_report(person);
  shop_order_free(buy(person, GATEWAY_DECLINES, "ada-key-2"));
  world_vandalise(world, "UPDATE carts SET state = 4, hold_length_ms = 0 WHERE state = 1");
  world_vandalise(world, "UPDATE products SET available = available + reserved, reserved = 0");
  shop_order_free(buy(person, GATEWAY_ASKS_ACTION, "ada-key-3"));
}

static void ask_for_codes(struct person *person) {
  struct world *world = person->world;
  shop_options_t *options = person_options(NULL);
  shop_token_t *none = NULL, *next = NULL;

  /* The mail about it stays queued. */
  ck_ok(world, shop_account_set_password(world->shop, person->token, PASSWORD " 2", PERSON_PASSWORD,
                                         NULL, &next, world->err));
  shop_token_free(next);
  shop_token_free(person->token);
  ck_ok(world, shop_user_login(world->shop, PERSON_EMAIL, PERSON_PASSWORD, options, &person->token,
                               world->err));
  shop_options_free(options);
  ck_ok(world, shop_account_verify_request(world->shop, person->token, NULL, world->err));
  ck_ok(world, shop_account_email_request(world->shop, person->token, PERSON_PASSWORD,
                                          "Countess@example.org", NULL, world->err));
  ck_ok(world, shop_account_reset_request(world->shop, PERSON_EMAIL, NULL, world->err));
  ck_status(world,
            shop_user_login(world->shop, PERSON_EMAIL, "a wrong password", NULL, &none, world->err),
            SHOP_ERR_CREDENTIALS);
}

/* Registrations are a guest's; she is made one for it. */
static void begin_a_registration(struct person *person) {
  struct world *world = person->world;
  shop_options_t *options = person_options(NULL);
  shop_token_t *none = NULL;
  char sql[100];

  ck_assert_int_eq(shop_config_set_register_by_mail(world->config, true), SHOP_OK);
  world_reopen(world);
  ck_assert_int_eq(shop_options_set_language(options, "en"), SHOP_OK);
  ck_status(
      world,
      shop_user_register(world->shop, PERSON_SECOND_EMAIL, PASSWORD, options, &none, world->err),
      SHOP_CONFIRM_MAIL);
  shop_options_free(options);
  snprintf(sql, sizeof sql, "UPDATE registrations SET guest_id = %lld", (long long)person->user_id);
  world_vandalise(world, sql);
  ck_assert_int_eq(shop_config_set_register_by_mail(world->config, false), SHOP_OK);
  world_reopen(world);
}

struct person person_in(struct world *world) {
  struct person person = {.world = world};
  shop_order_t *order = NULL;
  int64_t cart_id;

  gateway_set_operations(world, true);
  ck_assert_int_eq(shop_config_set_mail_at_once(world->config, false), SHOP_OK);
  ck_assert_int_eq(shop_config_set_access_life_ms(world->config, 1000 * HOUR_MS), SHOP_OK);
  world_open(world);
  world_put(world, "TEA", 999, "EUR", 1000);
  world_put(world, "MILK", 120, "EUR", 1000);
  person.neighbour = world_shopper(world, NEIGHBOUR_EMAIL, "TEA", 1, &cart_id);
  ck_ok(world, world_buy(world, person.neighbour, cart_id, "neighbour-key", &order));
  shop_order_free(order);
  enter(&person);
  buy_things(&person);
  ck_ok(world, shop_mail_deliver(world->shop, 3, NULL, world->err)); /* her first two are sent */
  world->transport.mood = TRANSPORT_LATER;
  ck_ok(world, shop_mail_deliver(world->shop, 1, NULL, world->err));
  world->transport.mood = TRANSPORT_DELIVERS;
  ask_for_codes(&person);
  begin_a_registration(&person);
  return person;
}

struct person person_new(void) {
  return person_in(world_prepare());
}

void person_free(struct person *person) {
  shop_token_free(person->token);
  shop_token_free(person->neighbour);
  world_free(person->world);
}
