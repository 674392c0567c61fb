/* Amounts as people read and write them. */
#include <string.h>

#include "flow.h"

int32_t shop_money_exponent(const char *currency) {
  int32_t exponent;

  if (currency == NULL)
    return SHOP_ERR_ARGUMENT;
  exponent = shop__money_exponent(currency);
  return exponent < 0 ? SHOP_ERR_CURRENCY : exponent;
}

int32_t shop_money_format(int64_t amount_minor, const char *currency, char *out, size_t size) {
  char text[SHOP__MONEY_BYTES];

  if (out == NULL || size == 0)
    return SHOP_ERR_ARGUMENT;
  out[0] = '\0';
  if (currency == NULL)
    return SHOP_ERR_ARGUMENT;
  if (shop__money_exponent(currency) < 0)
    return SHOP_ERR_CURRENCY;
  shop__money_format(amount_minor, currency, text);
  if (strlen(text) >= size)
    return SHOP_ERR_TOO_LONG;
  memcpy(out, text, strlen(text) + 1);
  return SHOP_OK;
}

/* Digits, and where there is a dot, digits after it too. */
static bool is_decimal(const char *text) {
  size_t whole = strspn(text, "0123456789");
  const char *rest = text + whole;

  if (whole == 0 || *rest == '\0')
    return whole > 0;
  return *rest == '.' && rest[1] != '\0' && rest[1 + strspn(rest + 1, "0123456789")] == '\0';
}

int32_t shop_money_parse(const char *text, const char *currency, int64_t *out) {
  int32_t exponent;
  const char *dot;

  if (out != NULL)
    *out = 0;
  if (text == NULL || currency == NULL || out == NULL)
    return SHOP_ERR_ARGUMENT;
  exponent = shop__money_exponent(currency);
  if (exponent < 0)
    return SHOP_ERR_CURRENCY;
  if (shop__money_parse(text, exponent, out))
    return SHOP_OK;
  if (!is_decimal(text))
    return SHOP_ERR_ARGUMENT;
  /* A good number that was refused has too many decimals, or is too large. */
  dot = strchr(text, '.');
  if (dot != NULL && strspn(dot + 1, "0123456789") > (size_t)exponent &&
      strspn(dot + 1 + exponent, "0") != strlen(dot + 1 + exponent))
    return SHOP_ERR_ARGUMENT;
  return SHOP_ERR_OVERFLOW;
}
