/*
 * Money: the list of currencies, checked arithmetic, text and back.
 */
#include "test_base.h"
#include "base.h"

#include <stdlib.h>
#include <string.h>

static bool contains(const char *codes, const char *code) {
  const char *at = strstr(codes, code);
  return at != NULL && (at - codes) % 4 == 0;
}

/* All 17,576 codes of three letters: as many of each exponent as ISO 4217 has, so that an entry out
   of order, which a search would miss, is found missing. */
START_TEST(every_code) {
  static const char zero[] = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF";
  static const char three[] = "BHD IQD JOD KWD LYD OMR TND";
  static const char four[] = "CLF UYW";
  int count = 0;
  for (int i = 0; i < 26 * 26 * 26; i++) {
    char code[4] = {(char)('A' + i / 676), (char)('A' + i / 26 % 26), (char)('A' + i % 26), '\0'};
    int32_t exponent = shop__money_exponent(code);
    count += exponent >= 0;
    bool special = contains(zero, code) || contains(three, code) || contains(four, code);
    if (special) {
      ck_assert_int_eq(exponent, contains(zero, code) ? 0 : contains(three, code) ? 3 : 4);
    } else {
      ck_assert_msg(exponent == 2 || exponent == -1, "%s", code);
    }
  }
  ck_assert_int_eq(count, 165);
}
END_TEST

/* The first and the last, the much used, the new; not the withdrawn, not what has no minor unit. */
START_TEST(well_known_codes) {
  static const char two[] =
      "AED ZWG EUR USD GBP CHF SEK PLN CZK INR CNY BRL MXN SLE VED VES XCG "
      "XCD XAD STN MRU BYN ZMW";
  static const char none[] =
      "XAU XAG XPT XPD XTS XXX XDR XBA XBB XBC XBD XSU XUA "
      "DEM FRF HRK BGN ANG CUC SLL ZWL VEF STD MRO BYR ZMK EEK LTL";
  for (const char *at = two; *at != '\0'; at += at[3] == '\0' ? 3 : 4) {
    char code[4] = {at[0], at[1], at[2], '\0'};
    ck_assert_msg(shop__money_exponent(code) == 2, "%s", code);
  }
  for (const char *at = none; *at != '\0'; at += at[3] == '\0' ? 3 : 4) {
    char code[4] = {at[0], at[1], at[2], '\0'};
    ck_assert_msg(shop__money_exponent(code) == -1, "%s", code);
  }
}
END_TEST

/* A code is three capital letters and nothing more. */
START_TEST(no_other_spelling) {
  static const char *const bad[] = {"",     "E",    "EU",          "EURO",         "eur",
                                    "Eur",  " EUR", "EUR ",        "\xE2\x82\xAC", "978",
                                    "ZZZZ", "AAA",  "\xFF\xFF\xFF"};
  ck_assert_int_eq(shop__money_exponent(NULL), -1);
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
    ck_assert_int_eq(shop__money_exponent(bad[i]), -1);
  }
}
END_TEST

struct sum {
  int64_t a, b, result;
  bool good;
};

/* The edges of int64: what does not fit is refused and leaves *out alone. */
START_TEST(addition_is_checked) {
  static const struct sum sums[] = {
      {0, 0, 0, true},
      {1998, 2, 2000, true},
      {INT64_MAX, 0, INT64_MAX, true},
      {INT64_MAX, 1, 0, false},
      {1, INT64_MAX, 0, false},
      {INT64_MAX, INT64_MAX, 0, false},
      {INT64_MAX, INT64_MIN, -1, true},
      {INT64_MIN, 0, INT64_MIN, true},
      {INT64_MIN, -1, 0, false},
      {-1, INT64_MIN, 0, false},
      {INT64_MIN, INT64_MIN, 0, false},
      {INT64_MIN + 1, -1, INT64_MIN, true},
      {INT64_MAX - 1, 1, INT64_MAX, true},
  };
  for (size_t i = 0; i < sizeof sums / sizeof sums[0]; i++) {
    int64_t out = 77;
    ck_assert(shop__money_add(sums[i].a, sums[i].b, &out) == sums[i].good);
    ck_assert_int_eq(out, sums[i].good ? sums[i].result : 77);
  }
}
END_TEST

/* The same for products; INT64_MIN * -1 is the one that wraps on every machine. */
START_TEST(multiplication_is_checked) {
  static const struct sum products[] = {
      {0, INT64_MAX, 0, true},
      {INT64_MIN, 0, 0, true},
      {999, 2, 1998, true},
      {-999, 2, -1998, true},
      {INT64_MAX, 1, INT64_MAX, true},
      {INT64_MAX, -1, -INT64_MAX, true},
      {INT64_MIN, 1, INT64_MIN, true},
      {INT64_MIN, -1, 0, false},
      {-1, INT64_MIN, 0, false},
      {INT64_MAX, 2, 0, false},
      {INT64_MAX / 2, 2, INT64_MAX - 1, true},
      {INT64_MAX / 2 + 1, 2, 0, false},
      {INT64_MIN / 2, 2, INT64_MIN, true},
      {INT64_MIN / 2 - 1, 2, 0, false},
      {3037000500, 3037000500, 0, false},
      {3037000499, 3037000499, 9223372030926249001, true},
  };
  for (size_t i = 0; i < sizeof products / sizeof products[0]; i++) {
    int64_t out = 77;
    ck_assert(shop__money_multiply(products[i].a, products[i].b, &out) == products[i].good);
    ck_assert_int_eq(out, products[i].good ? products[i].result : 77);
  }
}
END_TEST

/* As many decimals as the currency has, a zero before the dot, the sign in front. */
START_TEST(formatting) {
  static const struct {
    int64_t minor;
    const char *currency;
    const char *text;
  } cases[] = {
      {1998, "EUR", "19.98 EUR"},
      {-5, "KWD", "-0.005 KWD"},
      {1998, "JPY", "1998 JPY"},
      {-1998, "JPY", "-1998 JPY"},
      {0, "EUR", "0.00 EUR"},
      {5, "EUR", "0.05 EUR"},
      {-5, "EUR", "-0.05 EUR"},
      {100, "EUR", "1.00 EUR"},
      {12345, "CLF", "1.2345 CLF"},
      {INT64_MAX, "EUR", "92233720368547758.07 EUR"},
      {INT64_MIN, "EUR", "-92233720368547758.08 EUR"},
      {INT64_MIN, "JPY", "-9223372036854775808 JPY"},
      {INT64_MIN, "CLF", "-922337203685477.5808 CLF"},
      {7, "XAU", "7 XAU"},
      {7, "", "7"},
      {7, NULL, "7"},
      {INT64_MIN, "a text of no end whatever", "-9223372036854775808 a text of no end"},
      {1, "ab\xF0\x9F\x8D\xB5\xF0\x9F\x8D\xB5\xF0\x9F\x8D\xB5\xF0\x9F\x8D\xB5",
       "1 ab\xF0\x9F\x8D\xB5\xF0\x9F\x8D\xB5\xF0\x9F\x8D\xB5"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    char out[SHOP__MONEY_BYTES + 4];
    memset(out, '#', sizeof out);
    ck_assert_ptr_eq(shop__money_format(cases[i].minor, cases[i].currency, out), out);
    ck_assert_str_eq(out, cases[i].text);
    ck_assert_int_eq(memcmp(out + SHOP__MONEY_BYTES, "####", 4), 0);
  }
}
END_TEST

struct reading {
  const char *text;
  int32_t exponent;
  int64_t minor; /* -1: refused */
};

/* A plain decimal and nothing else; never rounded. */
START_TEST(parsing) {
  static const struct reading cases[] = {
      {"19.98", 2, 1998},
      {"19", 2, 1900},
      {"19.9", 2, 1990},
      {"0.5", 3, 500},
      {"0", 2, 0},
      {"0.00", 2, 0},
      {"00019.98", 2, 1998},
      {"19.980000", 2, 1998},
      {"19.00", 0, 19},
      {"19.0", 0, 19},
      {"19", 0, 19},
      {"1.2345", 4, 12345},
      {"92233720368547758.07", 2, INT64_MAX},
      {"9223372036854775807", 0, INT64_MAX},
      {"9.223372036854775807", 18, INT64_MAX},
      {"92233720368547758.08", 2, -1},
      {"9223372036854775808", 0, -1},
      {"92233720368547759", 2, -1},
      {"9223372036854775807", 2, -1},
      {"99999999999999999999999999999999", 0, -1},
      {"10", 18, -1},
      {"19.981", 2, -1},
      {"19.9800001", 2, -1},
      {"19.5", 0, -1},
      {"", 2, -1},
      {".", 2, -1},
      {".5", 2, -1},
      {"5.", 2, -1},
      {"5.", 0, -1},
      {"1.2.3", 2, -1},
      {"1..2", 2, -1},
      {"-1", 2, -1},
      {"+1", 2, -1},
      {" 1", 2, -1},
      {"1 ", 2, -1},
      {"1\n", 2, -1},
      {"1,50", 2, -1},
      {"1'000", 2, -1},
      {"1e3", 2, -1},
      {"0x10", 2, -1},
      {"1.5 EUR", 2, -1},
      {"\xD9\xA1", 2, -1}, /* an Arabic digit */
      {"nan", 2, -1},
      {"1", -1, -1},
      {"1", 19, -1},
      {NULL, 2, -1},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    int64_t minor = -77;
    bool good = shop__money_parse(cases[i].text, cases[i].exponent, &minor);
    const char *text = cases[i].text == NULL ? "NULL" : cases[i].text;
    ck_assert_msg(good == (cases[i].minor >= 0), "%s", text);
    ck_assert_msg(minor == (good ? cases[i].minor : -77), "%s", text);
  }
}
END_TEST

/* What is written is read back, for every exponent and every size of amount. */
START_TEST(text_and_back) {
  static const char *const codes[] = {"JPY", "EUR", "KWD", "CLF"};
  for (size_t i = 0; i < 4; i++) {
    for (int64_t amount = 1; amount > 0 && amount < INT64_MAX / 3;
         amount = amount * 3 - 1 + (amount == 1)) {
      char text[SHOP__MONEY_BYTES];
      int64_t back = -1;
      (void)shop__money_format(amount, codes[i], text);
      *strchr(text, ' ') = '\0';
      ck_assert(shop__money_parse(text, shop__money_exponent(codes[i]), &back));
      ck_assert_int_eq(back, amount);
    }
  }
}
END_TEST

Suite *money_suite(void) {
  Suite *suite = suite_create("money");
  TCase *tcase = tcase_create("money");
  tcase_add_test(tcase, every_code);
  tcase_add_test(tcase, well_known_codes);
  tcase_add_test(tcase, no_other_spelling);
  tcase_add_test(tcase, addition_is_checked);
  tcase_add_test(tcase, multiplication_is_checked);
  tcase_add_test(tcase, formatting);
  tcase_add_test(tcase, parsing);
  tcase_add_test(tcase, text_and_back);
  suite_add_tcase(suite, tcase);
  return suite;
}
