/* What a refund gives back. */
#include <string.h>

#include "flow.h"

int32_t shop_refund_request_new(shop_refund_request_t **out) {
  if (out == NULL)
    return SHOP_ERR_ARGUMENT;
  *out = shop__memory_zalloc(sizeof **out);
  return *out == NULL ? SHOP_ERR_NO_MEMORY : SHOP_OK;
}

void shop_refund_request_free(shop_refund_request_t *request) {
  shop__memory_free(request);
}

int32_t shop_refund_request_set_amount(shop_refund_request_t *request, int64_t amount_minor,
                                       const char *currency) {
  if (request == NULL || currency == NULL || amount_minor <= 0)
    return SHOP_ERR_ARGUMENT;
  if (shop__money_exponent(currency) < 0)
    return SHOP_ERR_CURRENCY;
  request->amount_minor = amount_minor;
  shop__copy_currency(request->currency, currency);
  return SHOP_OK;
}

int32_t shop_refund_request_add_return(shop_refund_request_t *request, const char *sku,
                                       int64_t quantity) {
  int32_t status;

  if (request == NULL || request->return_count == SHOP__RETURNS_MAX)
    return SHOP_ERR_ARGUMENT;
  status = shop__text_check("sku", sku, 1, SHOP__SKU_MAX, SHOP__TEXT_LINE, NULL);
  if (status != SHOP_OK)
    return status;
  if (quantity < 1)
    return SHOP_ERR_QUANTITY;
  for (int32_t i = 0; i < request->return_count; i++)
    if (strcmp(request->returns[i].sku, sku) == 0)
      return SHOP_ERR_ARGUMENT;
  memcpy(request->returns[request->return_count].sku, sku, strlen(sku) + 1);
  request->returns[request->return_count++].quantity = quantity;
  return SHOP_OK;
}
