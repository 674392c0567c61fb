/* What the merchant does with a placed order: capture, refund, cancel. */
#include <string.h>

#include "flow.h"

/* What the three calls share: arguments, the idempotency key, the result. */
static int32_t operate(shop_t *shop, struct shop__operation *operation, const char *name,
                       const shop_options_t *options, shop_order_t **out, shop_error_t *err) {
  const shop_refund_request_t *request = operation->request;
  struct shop__once once;
  struct shop__once_input input = shop__once_input(options);
  int32_t status = shop__options_check(options, SHOP__TAKES_KEY, err);

  if (status == SHOP_OK)
    status = shop__order_number_check(operation->number, err);
  if (status != SHOP_OK)
    return status;
  shop__once_text(&input, operation->number);
  shop__once_int(&input, operation->amount_minor);
  shop__once_text(&input, operation->currency);
  for (int32_t i = 0; request != NULL && i < request->return_count; i++) {
    shop__once_text(&input, request->returns[i].sku);
    shop__once_int(&input, request->returns[i].quantity);
  }
  status = shop__once_begin(&once, name, options, &input, err);
  if (status != SHOP_OK)
    return status;
  operation->once = &once;
  operation->actor = SHOP_ACTOR_MERCHANT;
  status = shop__operate(shop, operation, options, err);
  if (out != NULL)
    *out = operation->order;
  else
    shop_order_free(operation->order);
  return status == SHOP_OK ? operation->status : status;
}

int32_t shop_order_capture(shop_t *shop, const char *number, int64_t amount_minor,
                           const shop_options_t *options, shop_order_t **out, shop_error_t *err) {
  struct shop__operation operation = {
      .kind = SHOP_OPERATION_CAPTURE, .number = number, .amount_minor = amount_minor};
  int32_t status;

  if (out != NULL)
    *out = NULL;
  status = shop__enter(shop, err);
  if (status != SHOP_OK)
    return status;
  if (amount_minor < 0)
    status = shop__error_set(err, SHOP_ERR_ARGUMENT, "an amount to capture is more than 0");
  else
    status = operate(shop, &operation, "order.capture", options, out, err);
  return shop__leave(shop, status);
}

int32_t shop_order_refund(shop_t *shop, const char *number, const shop_refund_request_t *request,
                          const shop_options_t *options, shop_order_t **out, shop_error_t *err) {
  struct shop__operation operation = {
      .kind = SHOP_OPERATION_REFUND, .number = number, .request = request};
  int32_t status;

  if (out != NULL)
    *out = NULL;
  status = shop__enter(shop, err);
  if (status != SHOP_OK)
    return status;
  if (request != NULL && request->amount_minor != 0) {
    operation.amount_minor = request->amount_minor;
    operation.currency = request->currency;
  }
  return shop__leave(shop, operate(shop, &operation, "order.refund", options, out, err));
}

int32_t shop_order_cancel(shop_t *shop, const char *number, const shop_options_t *options,
                          shop_order_t **out, shop_error_t *err) {
  struct shop__operation operation = {.number = number, .cancels = true};
  int32_t status;

  if (out != NULL)
    *out = NULL;
  status = shop__enter(shop, err);
  if (status != SHOP_OK)
    return status;
  return shop__leave(shop, operate(shop, &operation, "order.cancel", options, out, err));
}
