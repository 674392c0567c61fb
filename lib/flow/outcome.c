/* What the state of an order, or of one operation of it, means to who asked for
   it: a status of the outcome family, with a sentence. */
#include <string.h>

#include "flow.h"

/* The reason stands in the history, at the latest event of a name. */
static const char *latest_detail(const shop_order_t *order, const char *name) {
  const char *detail = "";

  for (int32_t i = 0; i < shop_order_event_count(order); i++)
    if (strcmp(shop_order_event_name(order, i), name) == 0)
      detail = shop_order_event_detail(order, i);
  return detail;
}

static int32_t pending_outcome(const shop_order_t *order, shop_error_t *err) {
  switch ((enum shop_payment_status)order->payment_status) {
  case SHOP_PAYMENT_PENDING:
    return shop__error_set(err, SHOP_PENDING, "the gateway decides later about order %s",
                           order->number);
  case SHOP_PAYMENT_ACTION_REQUIRED:
    return shop__error_set(err, SHOP_ACTION_REQUIRED,
                           "the shopper must act for order %s, then resume it", order->number);
  case SHOP_PAYMENT_UNKNOWN:
    return shop__error_set(err, SHOP_UNKNOWN,
                           "nobody knows whether order %s was paid: a person must look",
                           order->number);
  case SHOP_PAYMENT_CAPTURED:
  case SHOP_PAYMENT_AUTHORIZED:
    return shop__error_set(err, SHOP_MISMATCH,
                           "the gateway took another amount than that of order %s: a person "
                           "must look",
                           order->number);
  case SHOP_PAYMENT_NONE:
  case SHOP_PAYMENT_SENT:
  case SHOP_PAYMENT_DECLINED:
  case SHOP_PAYMENT_VOIDED:
    break;
  }
  return shop__error_set(err, SHOP_IN_PROGRESS,
                         "the purchase of order %s is under way, or was cut off: shop_recover "
                         "finishes it",
                         order->number);
}

int32_t shop__order_outcome(const shop_order_t *order, shop_error_t *err) {
  const char *reason;

  switch ((enum shop_order_status)order->status) {
  case SHOP_ORDER_PLACED:
  case SHOP_ORDER_CANCELLED:
    shop__error_clear(err);
    return SHOP_OK;
  case SHOP_ORDER_FAILED:
    if ((order->attention & SHOP__ATTENTION_LATE) != 0)
      return shop__error_set(err, SHOP_DECLINED,
                             "the payment had failed when the gateway took money for order %s: "
                             "it is recorded, shop_order_cancel gives it back",
                             order->number);
    reason = latest_detail(order, "payment.declined");
    return shop__error_set(err, SHOP_DECLINED,
                           "the payment was declined%s%s: the cart is open again",
                           reason[0] == '\0' ? "" : ": ", reason);
  case SHOP_ORDER_PENDING:
    break;
  }
  return pending_outcome(order, err);
}

static const char *refusal_event(int32_t kind) {
  switch ((enum shop_operation_kind)kind) {
  case SHOP_OPERATION_CAPTURE:
    return "capture.refused";
  case SHOP_OPERATION_VOID:
    return "void.refused";
  case SHOP_OPERATION_REFUND:
    return "refund.refused";
  case SHOP_OPERATION_CHARGE:
    break;
  }
  return "payment.declined";
}

/* A capture that a report about the charge was told of has moved nothing more. */
static bool moved_another_amount(const shop_order_t *order,
                                 const struct shop__order_operation *operation) {
  if (operation->kind == SHOP_OPERATION_CAPTURE)
    return shop_order_has_mismatch(order) && order->payment_status == SHOP_PAYMENT_CAPTURED;
  return operation->kind == SHOP_OPERATION_REFUND &&
         operation->moved_minor != operation->amount_minor;
}

int32_t shop__operation_outcome(const shop_order_t *order, int64_t operation_id,
                                shop_error_t *err) {
  const struct shop__order_operation *operation =
      shop__order_operation_by_id(order, operation_id);
  const char *reason;

  if (operation == NULL)
    return shop__error_set(err, SHOP_ERR_CORRUPT, "an operation of order %s is missing",
                           order->number);
  switch ((enum shop_operation_state)operation->state) {
  case SHOP_OPERATION_DONE:
    if (moved_another_amount(order, operation))
      return shop__error_set(err, SHOP_MISMATCH,
                             "the gateway moved another amount for order %s than it was asked "
                             "to: it is recorded",
                             order->number);
    shop__error_clear(err);
    return SHOP_OK;
  case SHOP_OPERATION_REFUSED:
    reason = latest_detail(order, refusal_event(operation->kind));
    return shop__error_set(err, SHOP_DECLINED, "the gateway refused it for order %s%s%s",
                           order->number, reason[0] == '\0' ? "" : ": ", reason);
  case SHOP_OPERATION_UNKNOWN:
    return shop__error_set(err, SHOP_UNKNOWN,
                           "nobody knows what became of it for order %s: a person must look",
                           order->number);
  case SHOP_OPERATION_SENT:
    break;
  }
  return shop__error_set(err, SHOP_IN_PROGRESS,
                         "it is under way for order %s, or was cut off: shop_recover finishes it",
                         order->number);
}
