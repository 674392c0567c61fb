/*
 * Amounts as people read and write them. Everywhere else in libshop an amount
 * is an int64_t in the minor unit of its currency.
 */
#ifndef SHOP_MONEY_H
#define SHOP_MONEY_H

#include "shop/common.h"

#ifdef __cplusplus
extern "C" {
#endif

/**
 * How many decimals a currency has (ISO 4217): EUR 2, JPY 0, KWD 3.
 *
 * @param currency three upper-case letters
 * @return 0 to 4; SHOP_ERR_ARGUMENT for NULL; SHOP_ERR_CURRENCY for a code
 *   that ISO 4217 does not have or gives no minor unit to (XAU)
 * @since 0.1.0
 */
SHOP_API int32_t shop_money_exponent(const char *currency);

/**
 * Writes an amount as "19.98 EUR".
 *
 * @param out  receives the text and its NUL
 * @param size of out in bytes; 40 are always enough
 * @return SHOP_OK; SHOP_ERR_ARGUMENT for NULL; SHOP_ERR_CURRENCY;
 *   SHOP_ERR_TOO_LONG when it does not fit (out is then "")
 * @since 0.1.0
 */
SHOP_API int32_t shop_money_format(int64_t amount_minor, const char *currency, char *out,
                                   size_t size);

/**
 * Reads a plain decimal such as "19.98" as an amount of a currency.
 *
 * @param text digits with at most one dot; more decimals than the currency
 *             has only where they are zeros; no sign, no grouping
 * @param out  receives the amount
 * @return SHOP_OK; SHOP_ERR_ARGUMENT for NULL, or a text that is no such
 *   number; SHOP_ERR_CURRENCY; SHOP_ERR_OVERFLOW when it does not fit
 * @since 0.1.0
 */
SHOP_API int32_t shop_money_parse(const char *text, const char *currency, int64_t *out);

#ifdef __cplusplus
}
#endif
#endif
