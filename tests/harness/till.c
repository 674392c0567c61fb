/* One purchase and everything that can be done to its payment. */
#include "till.h"

#include <stdio.h>
#include <string.h>

struct till till_new(int callbacks) {
  struct till till = {.world = world_prepare()};

  if ((callbacks & TILL_QUERY) != 0)
    ck_assert_int_eq(
        shop_config_set_gateway_query(till.world->config, gateway_query, &till.world->gateway),
        SHOP_OK);
  gateway_set_operations(till.world, (callbacks & TILL_OPERATIONS) != 0);
  world_open(till.world);
  world_put(till.world, "TEA", TOTAL / 2, "EUR", 5);
  till.token = world_shopper(till.world, "ada@example.org", "TEA", 2, &till.cart_id);
  return till;
}

void till_end_unbooked(struct till *till, int64_t attentions) {
  world_verify(till->world, attentions);
  shop_token_free(till->token);
  world_free(till->world);
}

void till_end(struct till *till, int64_t attentions) {
  world_close_books(till->world, attentions);
  till_end_unbooked(till, attentions);
}

void till_buy(struct till *till, enum gateway_mood mood, int32_t status) {
  shop_order_t *order = NULL;

  till->world->gateway.mood = mood;
  ck_status(till->world,
            world_purchase(till->world, till->token, till->cart_id, &(struct form){.method = CARD},
                           &order),
            status);
  ck_assert_ptr_nonnull(order);
  snprintf(till->number, sizeof till->number, "%s", shop_order_number(order));
  shop_order_free(order);
}

shop_order_t *till_order(struct till *till) {
  return world_order(till->world, till->number);
}

const char *till_key(struct till *till, int32_t index) {
  static char keys[4][80];
  static int turn;
  shop_order_t *order = till_order(till);
  char *key = keys[turn++ % 4];

  snprintf(key, 80, "%s", shop_order_operation_key(order, index));
  shop_order_free(order);
  return key;
}

void till_stands(struct till *till, int32_t order_status, int32_t payment_status) {
  shop_order_t *order = till_order(till);

  ck_assert_int_eq(shop_order_status(order), order_status);
  ck_assert_int_eq(shop_order_payment_status(order), payment_status);
  ck_assert_int_eq(world_reserved(till->world, "TEA"), order_status == SHOP_ORDER_PENDING ? 2 : 0);
  if (order_status != SHOP_ORDER_PLACED) /* a refund may have brought pieces back */
    ck_assert_int_eq(world_available(till->world, "TEA"),
                     order_status == SHOP_ORDER_PENDING ? 3 : 5);
  ck_assert_int_eq(world_cart_state(till->world, till->token, till->cart_id),
                   order_status == SHOP_ORDER_PENDING  ? SHOP_CART_COMPLETING
                   : order_status == SHOP_ORDER_FAILED ? SHOP_CART_OPEN
                                                       : SHOP_CART_COMPLETED);
  shop_order_free(order);
}

void till_money(struct till *till, int64_t captured_minor, int64_t refunded_minor) {
  shop_order_t *order = till_order(till);

  ck_assert_int_eq(shop_order_captured_minor(order), captured_minor);
  ck_assert_int_eq(shop_order_refunded_minor(order), refunded_minor);
  shop_order_free(order);
}

void till_history(struct till *till, const char *wanted) {
  shop_order_t *order = till_order(till);

  ck_history(order, wanted);
  shop_order_free(order);
}

int32_t till_operation(struct till *till, int32_t index) {
  shop_order_t *order = till_order(till);
  int32_t state = shop_order_operation_state(order, index);

  shop_order_free(order);
  return state;
}

/* ---- reports --------------------------------------------------------------------- */

int32_t till_report(struct till *till, const struct news *news) {
  static int32_t events;
  shop_payment_report_t *report = NULL;
  shop_order_t *order = NULL;
  char event_id[40];
  int32_t status;

  snprintf(event_id, sizeof event_id, "evt_%d", ++events);
  ck_assert_int_eq(shop_payment_report_new(&report), SHOP_OK);
  ck_assert_int_eq(
      shop_payment_report_set_event_id(report, news->event_id == NULL ? event_id : news->event_id),
      SHOP_OK);
  ck_assert_int_eq(shop_payment_report_set_outcome(report, news->outcome), SHOP_OK);
  if (news->key != NULL)
    ck_assert_int_eq(shop_payment_report_set_key(report, news->key), SHOP_OK);
  if (news->reference != NULL)
    ck_assert_int_eq(shop_payment_report_set_reference(report, news->reference), SHOP_OK);
  if (news->reason != NULL)
    ck_assert_int_eq(shop_payment_report_set_reason(report, news->reason), SHOP_OK);
  if (news->amount_minor != 0)
    ck_assert_int_eq(
        shop_payment_report_set_amount(report, news->amount_minor,
                                       news->currency == NULL ? "EUR" : news->currency),
        SHOP_OK);
  status = shop_payment_report(till->world->shop, report, &order, till->world->err);
  ck_assert_int_eq(order != NULL,
                   status == SHOP_OK || status == SHOP_CONTRADICTION || status == SHOP_MISMATCH);
  shop_order_free(order);
  shop_payment_report_free(report);
  return status;
}

/* ---- calls ------------------------------------------------------------------------ */

/* The order is given with the outcome family, and only then. */
static int32_t ended(struct till *till, int32_t status, shop_order_t *order) {
  bool outcome = status == SHOP_OK || (status <= SHOP_DECLINED && status > SHOP_ERR_CANNOT_OPEN);

  ck_assert_msg((order != NULL) == outcome, "%s: %s", shop_status_name(status),
                order == NULL ? "no order" : "an order");
  ck_assert_int_eq(shop_error_code(till->world->err), status);
  if (order != NULL)
    ck_assert_str_eq(shop_order_number(order), till->number);
  shop_order_free(order);
  return status;
}

int32_t till_capture(struct till *till, int64_t amount_minor, const char *key) {
  shop_options_t *options = options_with_key(key);
  shop_order_t *order = NULL;
  int32_t status = shop_order_capture(till->world->shop, till->number, amount_minor, options,
                                      &order, till->world->err);

  shop_options_free(options);
  return ended(till, status, order);
}

static int32_t refund(struct till *till, int64_t amount_minor, int64_t pieces, const char *key) {
  shop_options_t *options = options_with_key(key);
  shop_refund_request_t *request = NULL;
  shop_order_t *order = NULL;
  int32_t status;

  ck_assert_int_eq(shop_refund_request_new(&request), SHOP_OK);
  if (amount_minor != 0)
    ck_assert_int_eq(shop_refund_request_set_amount(request, amount_minor, "EUR"), SHOP_OK);
  if (pieces != 0)
    ck_assert_int_eq(shop_refund_request_add_return(request, "TEA", pieces), SHOP_OK);
  status = shop_order_refund(till->world->shop, till->number, request, options, &order,
                             till->world->err);
  shop_refund_request_free(request);
  shop_options_free(options);
  return ended(till, status, order);
}

int32_t till_refund(struct till *till, int64_t amount_minor, const char *key) {
  return refund(till, amount_minor, 0, key);
}

int32_t till_refund_pieces(struct till *till, int64_t amount_minor, int64_t pieces) {
  return refund(till, amount_minor, pieces, NULL);
}

int32_t till_cancel(struct till *till, const char *key) {
  shop_options_t *options = options_with_key(key);
  shop_order_t *order = NULL;
  int32_t status =
      shop_order_cancel(till->world->shop, till->number, options, &order, till->world->err);

  shop_options_free(options);
  return ended(till, status, order);
}

int32_t till_resume(struct till *till) {
  shop_order_t *order = NULL;
  int32_t status = shop_purchase_resume(till->world->shop, till->token, till->number, NULL, &order,
                                        till->world->err);

  return ended(till, status, order);
}

int32_t till_abandon(struct till *till) {
  shop_order_t *order = NULL;
  int32_t status = shop_purchase_abandon(till->world->shop, till->token, till->number, NULL, &order,
                                         till->world->err);

  return ended(till, status, order);
}

int32_t till_resolve(struct till *till, int32_t outcome, const char *reference,
                     int64_t amount_minor) {
  shop_order_t *order = NULL;
  int32_t status = shop_payment_resolve(till->world->shop, till->number, outcome, reference,
                                        amount_minor, amount_minor == 0 ? NULL : "EUR",
                                        "eve looked it up", NULL, &order, till->world->err);

  return ended(till, status, order);
}
