/*
 * Money: integers in minor units, with checked arithmetic. The exponent of a
 * currency comes from ISO 4217, never from the caller.
 */
#include "base.h"
#include "base_text.h"

#include <stdio.h>
#include <string.h>

/* ISO 4217 list one as of 2026-01-01 (amendment 180), the codes with a minor unit, sorted. A code
   that ISO retires after a release stays here: a store may hold orders in it. */
static const struct {
  char code[4];
  int8_t exponent;
} currencies[] = {
    {"AED", 2}, {"AFN", 2}, {"ALL", 2}, {"AMD", 2}, {"AOA", 2}, {"ARS", 2}, {"AUD", 2}, {"AWG", 2},
    {"AZN", 2}, {"BAM", 2}, {"BBD", 2}, {"BDT", 2}, {"BHD", 3}, {"BIF", 0}, {"BMD", 2}, {"BND", 2},
    {"BOB", 2}, {"BOV", 2}, {"BRL", 2}, {"BSD", 2}, {"BTN", 2}, {"BWP", 2}, {"BYN", 2}, {"BZD", 2},
    {"CAD", 2}, {"CDF", 2}, {"CHE", 2}, {"CHF", 2}, {"CHW", 2}, {"CLF", 4}, {"CLP", 0}, {"CNY", 2},
    {"COP", 2}, {"COU", 2}, {"CRC", 2}, {"CUP", 2}, {"CVE", 2}, {"CZK", 2}, {"DJF", 0}, {"DKK", 2},
    {"DOP", 2}, {"DZD", 2}, {"EGP", 2}, {"ERN", 2}, {"ETB", 2}, {"EUR", 2}, {"FJD", 2}, {"FKP", 2},
    {"GBP", 2}, {"GEL", 2}, {"GHS", 2}, {"GIP", 2}, {"GMD", 2}, {"GNF", 0}, {"GTQ", 2}, {"GYD", 2},
    {"HKD", 2}, {"HNL", 2}, {"HTG", 2}, {"HUF", 2}, {"IDR", 2}, {"ILS", 2}, {"INR", 2}, {"IQD", 3},
    {"IRR", 2}, {"ISK", 0}, {"JMD", 2}, {"JOD", 3}, {"JPY", 0}, {"KES", 2}, {"KGS", 2}, {"KHR", 2},
    {"KMF", 0}, {"KPW", 2}, {"KRW", 0}, {"KWD", 3}, {"KYD", 2}, {"KZT", 2}, {"LAK", 2}, {"LBP", 2},
    {"LKR", 2}, {"LRD", 2}, {"LSL", 2}, {"LYD", 3}, {"MAD", 2}, {"MDL", 2}, {"MGA", 2}, {"MKD", 2},
    {"MMK", 2}, {"MNT", 2}, {"MOP", 2}, {"MRU", 2}, {"MUR", 2}, {"MVR", 2}, {"MWK", 2}, {"MXN", 2},
    {"MXV", 2}, {"MYR", 2}, {"MZN", 2}, {"NAD", 2}, {"NGN", 2}, {"NIO", 2}, {"NOK", 2}, {"NPR", 2},
    {"NZD", 2}, {"OMR", 3}, {"PAB", 2}, {"PEN", 2}, {"PGK", 2}, {"PHP", 2}, {"PKR", 2}, {"PLN", 2},
    {"PYG", 0}, {"QAR", 2}, {"RON", 2}, {"RSD", 2}, {"RUB", 2}, {"RWF", 0}, {"SAR", 2}, {"SBD", 2},
    {"SCR", 2}, {"SDG", 2}, {"SEK", 2}, {"SGD", 2}, {"SHP", 2}, {"SLE", 2}, {"SOS", 2}, {"SRD", 2},
    {"SSP", 2}, {"STN", 2}, {"SVC", 2}, {"SYP", 2}, {"SZL", 2}, {"THB", 2}, {"TJS", 2}, {"TMT", 2},
    {"TND", 3}, {"TOP", 2}, {"TRY", 2}, {"TTD", 2}, {"TWD", 2}, {"TZS", 2}, {"UAH", 2}, {"UGX", 0},
    {"USD", 2}, {"USN", 2}, {"UYI", 0}, {"UYU", 2}, {"UYW", 4}, {"UZS", 2}, {"VED", 2}, {"VES", 2},
    {"VND", 0}, {"VUV", 0}, {"WST", 2}, {"XAD", 2}, {"XAF", 0}, {"XCD", 2}, {"XCG", 2}, {"XOF", 0},
    {"XPF", 0}, {"YER", 2}, {"ZAR", 2}, {"ZMW", 2}, {"ZWG", 2}};

int32_t shop__money_exponent(const char *currency) {
  if (currency == NULL) {
    return -1;
  }
  size_t low = 0;
  size_t high = sizeof currencies / sizeof currencies[0];
  while (low < high) {
    size_t middle = low + (high - low) / 2;
    int order = strcmp(currency, currencies[middle].code);
    if (order == 0) {
      return currencies[middle].exponent;
    }
    if (order < 0) {
      high = middle;
    } else {
      low = middle + 1;
    }
  }
  return -1;
}

bool shop__money_add(int64_t a, int64_t b, int64_t *out) {
  int64_t sum;
  if (__builtin_add_overflow(a, b, &sum)) {
    return false;
  }
  *out = sum;
  return true;
}

bool shop__money_multiply(int64_t amount, int64_t count, int64_t *out) {
  int64_t product;
  if (__builtin_mul_overflow(amount, count, &product)) {
    return false;
  }
  *out = product;
  return true;
}

#define EXPONENT_MAX 18 /* of 10, in an int64_t */

/* An unknown currency may be any text: what fits, up to a character's edge. */
#define CURRENCY_MAX 16

const char *shop__money_format(int64_t minor, const char *currency, char out[SHOP__MONEY_BYTES]) {
  int32_t exponent = shop__money_exponent(currency);
  uint64_t scale = 1;
  for (int32_t i = 0; i < exponent; i++) {
    scale *= 10;
  }
  const char *sign = minor < 0 ? "-" : "";
  uint64_t amount = minor < 0 ? 0 - (uint64_t)minor : (uint64_t)minor; /* INT64_MIN as well */
  int length;
  if (exponent > 0) {
    length = snprintf(out, SHOP__MONEY_BYTES, "%s%llu.%0*llu", sign,
                      (unsigned long long)(amount / scale), (int)exponent,
                      (unsigned long long)(amount % scale));
  } else {
    length = snprintf(out, SHOP__MONEY_BYTES, "%s%llu", sign, (unsigned long long)amount);
  }
  if (currency == NULL || currency[0] == '\0') {
    return out;
  }
  size_t size = strnlen(currency, CURRENCY_MAX);
  if (size == CURRENCY_MAX) {
    size = shop__text_whole(currency, size);
  }
  (void)snprintf(out + length, SHOP__MONEY_BYTES - (size_t)length, " %.*s", (int)size, currency);
  return out;
}

/* value * 10 + digit; false when that does not fit. */
static bool push_digit(int64_t *value, char digit) {
  int64_t wider;
  return shop__money_multiply(*value, 10, &wider) && shop__money_add(wider, digit - '0', value);
}

static bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

bool shop__money_parse(const char *text, int32_t exponent, int64_t *minor) {
  if (text == NULL || exponent < 0 || exponent > EXPONENT_MAX || !is_digit(*text)) {
    return false;
  }
  int64_t value = 0;
  for (; is_digit(*text); text++) {
    if (!push_digit(&value, *text)) {
      return false;
    }
  }
  bool dot = *text == '.';
  if (dot) {
    text++;
  }
  if (dot && !is_digit(*text)) {
    return false;
  }
  for (int32_t i = 0; i < exponent; i++) {
    if (!push_digit(&value, is_digit(*text) ? *text++ : '0')) {
      return false;
    }
  }
  while (dot && *text == '0') { /* finer than the currency, but nothing */
    text++;
  }
  if (*text != '\0') {
    return false;
  }
  *minor = value;
  return true;
}
