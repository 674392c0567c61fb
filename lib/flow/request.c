/* What a purchase asks for beside the cart. */
#include <string.h>

#include "flow.h"

int32_t shop_purchase_request_new(shop_purchase_request_t **out) {
  if (out == NULL)
    return SHOP_ERR_ARGUMENT;
  *out = shop__memory_zalloc(sizeof **out);
  return *out == NULL ? SHOP_ERR_NO_MEMORY : SHOP_OK;
}

void shop_purchase_request_free(shop_purchase_request_t *request) {
  shop__memory_free(request);
}

/* NULL unsets; a text that is not fit leaves the old one. */
static int32_t set_text(char *field, const char *text, size_t max, enum shop__text_rule rule) {
  int32_t status;

  if (text == NULL) {
    field[0] = '\0';
    return SHOP_OK;
  }
  status = shop__text_check("text", text, 1, max, rule, NULL);
  if (status == SHOP_OK)
    memcpy(field, text, strlen(text) + 1);
  return status;
}

int32_t shop_purchase_request_set_method(shop_purchase_request_t *request, const char *method) {
  return request == NULL ? SHOP_ERR_ARGUMENT
                         : set_text(request->method, method, SHOP__METHOD_MAX, SHOP__TEXT_LINE);
}

int32_t shop_purchase_request_set_shipping_address(shop_purchase_request_t *request,
                                                   const char *address) {
  return request == NULL ? SHOP_ERR_ARGUMENT
                         : set_text(request->shipping_address, address, SHOP__ADDRESS_MAX,
                                    SHOP__TEXT_PARAGRAPH);
}

int32_t shop_purchase_request_set_billing_address(shop_purchase_request_t *request,
                                                  const char *address) {
  return request == NULL ? SHOP_ERR_ARGUMENT
                         : set_text(request->billing_address, address, SHOP__ADDRESS_MAX,
                                    SHOP__TEXT_PARAGRAPH);
}

int32_t shop_purchase_request_set_expected_total(shop_purchase_request_t *request,
                                                 int64_t total_minor, const char *currency) {
  if (request == NULL || total_minor < 0 || currency == NULL)
    return SHOP_ERR_ARGUMENT;
  if (shop__money_exponent(currency) < 0)
    return SHOP_ERR_CURRENCY;
  request->has_expected_total = true;
  request->expected_total_minor = total_minor;
  shop__copy_currency(request->expected_currency, currency);
  return SHOP_OK;
}

static bool sign_fits(int32_t kind, int64_t amount_minor) {
  if (amount_minor < -SHOP__EXACT_MAX || amount_minor > SHOP__EXACT_MAX)
    return false;
  switch ((enum shop_adjustment_kind)kind) {
  case SHOP_ADJUSTMENT_DISCOUNT:
    return amount_minor <= 0;
  case SHOP_ADJUSTMENT_SHIPPING:
  case SHOP_ADJUSTMENT_TAX:
  case SHOP_ADJUSTMENT_TAX_INCLUDED:
    return amount_minor >= 0;
  }
  return false;
}

int32_t shop_purchase_request_add_adjustment(shop_purchase_request_t *request, int32_t kind,
                                             const char *label, int64_t amount_minor) {
  struct shop__request_adjustment *adjustment;
  int32_t status;

  if (request == NULL || !sign_fits(kind, amount_minor) ||
      request->adjustment_count == SHOP__ADJUSTMENTS_MAX)
    return SHOP_ERR_ARGUMENT;
  status = shop__text_check("label", label, 1, SHOP__LABEL_MAX, SHOP__TEXT_LINE, NULL);
  if (status != SHOP_OK)
    return status;
  adjustment = &request->adjustments[request->adjustment_count++];
  adjustment->kind = kind;
  adjustment->amount_minor = amount_minor;
  memcpy(adjustment->label, label, strlen(label) + 1);
  return SHOP_OK;
}
