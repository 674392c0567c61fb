/* Hosts that must not block: the order first, with a request that can be read; then the host pays
   in its own way and reports. No callback of any kind is set here but where a test says so. */
#include "till.h"

#include <stdio.h>
#include <string.h>

static struct till till_without_callbacks(void) {
  struct till till = {.world = world_prepare()};

  ck_assert_int_eq(shop_config_set_gateway_charge(till.world->config, NULL, NULL), SHOP_OK);
  world_open(till.world);
  world_put(till.world, "TEA", TOTAL / 2, "EUR", 5);
  till.token = world_shopper(till.world, "ada@example.org", "TEA", 2, &till.cart_id);
  return till;
}

static int32_t begin(struct till *till, const char *method, const char *key, shop_order_t **out) {
  shop_purchase_request_t *request = NULL;
  shop_options_t *options = options_with_key(key);
  int32_t status;

  ck_assert_int_eq(shop_purchase_request_new(&request), SHOP_OK);
  ck_assert_int_eq(shop_purchase_request_set_method(request, method), SHOP_OK);
  status = shop_purchase_begin(till->world->shop, till->token, till->cart_id, request, options, out,
                               till->world->err);
  shop_options_free(options);
  shop_purchase_request_free(request);
  if (*out != NULL)
    snprintf(till->number, sizeof till->number, "%s", shop_order_number(*out));
  return status;
}

static struct till begun(void) {
  struct till till = till_without_callbacks();
  shop_order_t *order = NULL;

  ck_till(&till, begin(&till, CARD, "k", &order), SHOP_OK);
  shop_order_free(order);
  return till;
}

/* The request can be read, from this snapshot and from any later one, by another process as well.
 */
START_TEST(a_readable_request) {
  struct till till = till_without_callbacks();
  shop_order_t *order = NULL, *later;

  ck_till(&till, begin(&till, CARD, NULL, &order), SHOP_OK);
  ck_assert_int_eq(shop_order_status(order), SHOP_ORDER_PENDING);
  ck_assert_int_eq(shop_order_payment_status(order), SHOP_PAYMENT_SENT);
  ck_assert_int_eq(shop_order_operation_count(order), 1);
  ck_assert_int_eq(shop_order_operation_kind(order, 0), SHOP_OPERATION_CHARGE);
  ck_assert_int_eq(shop_order_operation_state(order, 0), SHOP_OPERATION_SENT);
  ck_assert_str_eq(shop_order_operation_method(order, 0), CARD);
  ck_assert_str_eq(shop_order_operation_currency(order, 0), "EUR");
  ck_assert_int_eq(shop_order_operation_amount_minor(order, 0), TOTAL);
  ck_assert_str_eq(shop_order_operation_reference(order, 0), "");
  ck_assert_str_ne(shop_order_operation_key(order, 0), "");
  ck_assert_str_eq(shop_order_operation_key(order, 1), "");
  ck_assert_int_eq(shop_order_operation_kind(order, -1), 0);
  world_reopen(till.world);
  later = till_order(&till);
  ck_assert_str_eq(shop_order_operation_key(later, 0), shop_order_operation_key(order, 0));
  ck_assert_str_eq(shop_order_operation_method(later, 0), CARD);
  shop_order_free(later);
  shop_order_free(order);
  till_stands(&till, SHOP_ORDER_PENDING, SHOP_PAYMENT_SENT);
  till_end(&till, 0);
}
END_TEST

START_TEST(then_reported) {
  struct till till = begun();

  ck_report(&till, SHOP_OK, .key = till_key(&till, 0), .reference = "ch_own",
            .outcome = SHOP_OUTCOME_CAPTURED, .amount_minor = TOTAL);
  till_stands(&till, SHOP_ORDER_PLACED, SHOP_PAYMENT_CAPTURED);
  ck_assert_int_eq(till.world->transport.count, 1);
  till_end_unbooked(&till, 0);
  till = begun();
  ck_report(&till, SHOP_OK, .key = till_key(&till, 0), .outcome = SHOP_OUTCOME_DECLINED,
            .reason = "no money");
  till_stands(&till, SHOP_ORDER_FAILED, SHOP_PAYMENT_DECLINED);
  till_end(&till, 0);
}
END_TEST

/* Begun again, with the same key or with none: the same order, no second one. */
START_TEST(begun_again) {
  struct till till = begun();
  shop_order_t *order = NULL;

  ck_till(&till, begin(&till, CARD, "k", &order), SHOP_IN_PROGRESS);
  shop_order_free(order);
  ck_till(&till, begin(&till, CARD, NULL, &order), SHOP_IN_PROGRESS);
  shop_order_free(order);
  order = NULL;
  ck_refused(till.world, begin(&till, "another", "k", &order), SHOP_ERR_KEY_REUSED);
  ck_assert_int_eq(world_number(till.world, "SELECT count(*) FROM orders"), 1);
  ck_report(&till, SHOP_OK, .key = till_key(&till, 0), .reference = "ch_own",
            .outcome = SHOP_OUTCOME_CAPTURED, .amount_minor = TOTAL);
  ck_till(&till, begin(&till, CARD, "k", &order), SHOP_OK);
  ck_assert_int_eq(shop_order_status(order), SHOP_ORDER_PLACED);
  shop_order_free(order);
  order = NULL;
  ck_refused(till.world, begin(&till, CARD, NULL, &order), SHOP_ERR_CART_COMPLETED);
  till_end_unbooked(&till, 0);
}
END_TEST

/* The blocking call with the same key meets the order that was begun, and charges nothing. */
START_TEST(begun_and_then_bought) {
  struct till till = begun();
  shop_order_t *order = NULL;

  ck_assert_int_eq(
      shop_config_set_gateway_charge(till.world->config, gateway_charge, &till.world->gateway),
      SHOP_OK);
  world_reopen(till.world);
  ck_status(till.world,
            world_purchase(till.world, till.token, till.cart_id,
                           &(struct form){.method = CARD, .key = "k"}, &order),
            SHOP_IN_PROGRESS);
  shop_order_free(order);
  ck_assert_int_eq(till.world->gateway.charges, 0);
  till_end(&till, 0);
}
END_TEST

/* What costs nothing has nobody to wait for. */
START_TEST(zero_total) {
  struct till till = till_without_callbacks();
  shop_order_t *order = NULL;

  world_put(till.world, "TEA", 0, "EUR", 5);
  {
    shop_cart_t *cart = NULL;

    ck_ok(till.world, shop_cart_reprice(till.world->shop, till.token, till.cart_id, NULL, &cart,
                                        till.world->err));
    shop_cart_free(cart);
  }
  ck_till(&till, begin(&till, NULL, "k", &order), SHOP_OK);
  ck_assert_int_eq(shop_order_status(order), SHOP_ORDER_PLACED);
  ck_assert_int_eq(shop_order_payment_status(order), SHOP_PAYMENT_NONE);
  ck_assert_int_eq(shop_order_operation_count(order), 0);
  shop_order_free(order);
  ck_till(&till, begin(&till, NULL, "k", &order), SHOP_OK);
  shop_order_free(order);
  ck_assert_int_eq(till.world->transport.count, 1);
  till_end(&till, 0);
}
END_TEST

START_TEST(refusals) {
  struct till till = till_without_callbacks();
  shop_order_t *order = NULL;

  ck_refused(till.world, begin(&till, NULL, NULL, &order), SHOP_ERR_ARGUMENT); /* no method */
  ck_status(
      till.world,
      world_purchase(till.world, till.token, till.cart_id, &(struct form){.method = CARD}, &order),
      SHOP_ERR_NO_GATEWAY); /* the other call needs one */
  ck_refused(till.world,
             shop_purchase_begin(till.world->shop, till.token, till.cart_id, NULL, NULL, NULL,
                                 till.world->err),
             SHOP_ERR_ARGUMENT);
  ck_assert_int_eq(world_reserved(till.world, "TEA"), 0);
  till_end(&till, 0);
}
END_TEST

/* Recovery has nobody to ask: it says so, within the key's life; then a person has it; and a report
   is heard all the same. */
START_TEST(recover_without_callbacks) {
  struct till till = begun();
  shop_recovery_t *recovery = NULL;

  ck_recovered(till.world, 0);
  world_pass_ms(till.world, GATEWAY_LEASE_MS);
  for (int i = 0; i < 2; i++) {
    ck_status(till.world, shop_recover(till.world->shop, 10, &recovery, till.world->err),
              SHOP_ERR_NO_GATEWAY);
    ck_assert_ptr_null(recovery);
  }
  ck_status(till.world, till_resume(&till), SHOP_ERR_NO_GATEWAY);
  till_stands(&till, SHOP_ORDER_PENDING, SHOP_PAYMENT_SENT);
  world_pass_ms(till.world, KEY_LIFE_MS);
  ck_recovered(till.world, .examined = 1, .unknown = 1);
  till_stands(&till, SHOP_ORDER_PENDING, SHOP_PAYMENT_UNKNOWN);
  world_verify(till.world, 1);
  ck_report(&till, SHOP_OK, .key = till_key(&till, 0), .reference = "ch_own",
            .outcome = SHOP_OUTCOME_CAPTURED, .amount_minor = TOTAL);
  till_stands(&till, SHOP_ORDER_PLACED, SHOP_PAYMENT_CAPTURED);
  till_end_unbooked(&till, 0);
}
END_TEST

/* With a query it can be resumed and recovered like any other. */
START_TEST(resumed_by_query) {
  struct till till = begun();
  struct gateway *gateway = &till.world->gateway;

  ck_assert_int_eq(shop_config_set_gateway_query(till.world->config, gateway_query, gateway),
                   SHOP_OK);
  world_reopen(till.world);
  gateway->count = 1; /* the host has paid */
  snprintf(gateway->ledger[0].key, 80, "%s", till_key(&till, 0));
  snprintf(gateway->ledger[0].reference, 80, "ch_1");
  snprintf(gateway->ledger[0].currency, 4, "EUR");
  gateway->ledger[0].amount_minor = TOTAL;
  ck_till(&till, till_resume(&till), SHOP_IN_PROGRESS); /* the host has its time */
  world_pass_ms(till.world, GATEWAY_LEASE_MS);
  ck_till(&till, till_resume(&till), SHOP_OK);
  till_stands(&till, SHOP_ORDER_PLACED, SHOP_PAYMENT_CAPTURED);
  till_end(&till, 0);
}
END_TEST

int main(void) {
  const TTest *const tests[] = {
      a_readable_request,        then_reported,    begun_again,
      begun_and_then_bought,     zero_total,       refusals,
      recover_without_callbacks, resumed_by_query,
  };

  return HARNESS_RUN("payment: begin", tests);
}
