/*
 * Error objects and status names.
 */
#include "test_base.h"
#include "base.h"

#include <stdlib.h>
#include <string.h>

/* A failing function returns what it reports. */
START_TEST(set_fills_and_returns_the_code) {
  shop_error_t err = {0};
  ck_assert_int_eq(shop__error_set(&err, SHOP_ERR_EMAIL, "no %s in %d", "@", 7), SHOP_ERR_EMAIL);
  ck_assert_int_eq(shop_error_code(&err), SHOP_ERR_EMAIL);
  ck_assert_str_eq(shop_error_message(&err), "no @ in 7");
  shop__error_clear(&err);
  ck_assert_int_eq(shop_error_code(&err), SHOP_OK);
  ck_assert_str_eq(shop_error_message(&err), "");
}
END_TEST

/* The error parameter is optional in every call. */
START_TEST(null_is_harmless) {
  shop_error_t from = {0};
  ck_assert_int_eq(shop__error_set(NULL, SHOP_ERR_IO, "%s", "x"), SHOP_ERR_IO);
  shop__error_clear(NULL);
  from.code = SHOP_ERR_BUSY;
  ck_assert_int_eq(shop__error_copy(NULL, &from), SHOP_ERR_BUSY);
  ck_assert_int_eq(shop_error_code(NULL), SHOP_OK);
  ck_assert_str_eq(shop_error_message(NULL), "");
  shop_error_free(NULL);
  ck_assert_int_eq(shop_error_new(NULL), SHOP_ERR_ARGUMENT);
}
END_TEST

/* A new object tells of nothing yet. */
START_TEST(new_is_clear) {
  shop_error_t *err = NULL;
  ck_assert_int_eq(shop_error_new(&err), SHOP_OK);
  ck_assert_ptr_nonnull(err);
  ck_assert_int_eq(shop_error_code(err), SHOP_OK);
  ck_assert_str_eq(shop_error_message(err), "");
  shop_error_free(err);
}
END_TEST

/* A copy is the whole result, also onto itself. */
START_TEST(copy_takes_code_and_message) {
  shop_error_t from = {0};
  shop_error_t to = {0};
  (void)shop__error_set(&from, SHOP_ERR_IO, "disk");
  ck_assert_int_eq(shop__error_copy(&to, &from), SHOP_ERR_IO);
  ck_assert_int_eq(shop__error_copy(&to, &to), SHOP_ERR_IO);
  ck_assert_str_eq(to.message, "disk");
}
END_TEST

/* A message that does not fit is still UTF-8: cut between characters, and no earlier than needed.
 */
START_TEST(long_message_is_cut_at_a_character) {
  static const char *const characters[] = {"a", "\xC3\xA9", "\xE2\x82\xAC", "\xF0\x9F\x8D\xB5"};
  for (size_t kind = 0; kind < 4; kind++) {
    size_t width = strlen(characters[kind]);
    for (size_t shift = 0; shift < width; shift++) {
      char text[2000];
      size_t used = 0;
      for (; used < shift; used++) {
        text[used] = '.';
      }
      while (used + width < sizeof text) {
        memcpy(text + used, characters[kind], width);
        used += width;
      }
      text[used] = '\0';
      shop_error_t err = {0};
      (void)shop__error_set(&err, SHOP_ERR_IO, "%s", text);
      size_t length = strlen(err.message);
      ck_assert(shop__text_utf8(err.message, length));
      ck_assert_uint_gt(length + width, sizeof err.message - 1);
      ck_assert_int_eq(memcmp(err.message, text, length), 0);
    }
  }
}
END_TEST

/* What fits exactly is kept whole, one byte more is cut. */
START_TEST(longest_message_fits) {
  shop_error_t err = {0};
  char text[sizeof err.message + 1];
  memset(text, 'x', sizeof text);
  text[sizeof err.message - 1] = '\0';
  (void)shop__error_set(&err, SHOP_ERR_IO, "%s", text);
  ck_assert_str_eq(err.message, text);
  text[sizeof err.message - 1] = 'x';
  text[sizeof err.message] = '\0';
  (void)shop__error_set(&err, SHOP_ERR_IO, "%s", text);
  ck_assert_uint_eq(strlen(err.message), sizeof err.message - 1);
}
END_TEST

/* Text that is cut and never was UTF-8 does not make the cut run off. */
START_TEST(cutting_survives_malformed_text) {
  char text[1000];
  memset(text, '\x80', sizeof text);
  text[sizeof text - 1] = '\0';
  shop_error_t err = {0};
  (void)shop__error_set(&err, SHOP_ERR_IO, "%s", text);
  ck_assert_uint_lt(strlen(err.message), sizeof err.message);
  memset(text, '\xF0', sizeof text - 1);
  (void)shop__error_set(&err, SHOP_ERR_IO, "%s", text);
  ck_assert_uint_eq(strlen(err.message), sizeof err.message - 2);
}
END_TEST

/* "x failed: <the earlier message>" is a natural thing to write. */
START_TEST(message_may_quote_itself) {
  shop_error_t err = {0};
  (void)shop__error_set(&err, SHOP_ERR_IO, "disk");
  (void)shop__error_set(&err, SHOP_ERR_IO, "open: %s", err.message);
  ck_assert_str_eq(err.message, "open: disk");
}
END_TEST

/* A name is the word that stands in the header; the compiler sees that none is left out. */
START_TEST(status_names) {
  ck_assert_str_eq(shop_status_name(SHOP_OK), "SHOP_OK");
  ck_assert_str_eq(shop_status_name(-103), "SHOP_ERR_EMAIL");
  ck_assert_str_eq(shop_status_name(SHOP_DECLINED), "SHOP_DECLINED");
  ck_assert_str_eq(shop_status_name(SHOP_ERR_NO_GATEWAY), "SHOP_ERR_NO_GATEWAY");
}
END_TEST

/* A binding may pass on any number. */
START_TEST(unknown_status_has_the_unnamed_name) {
  static const int32_t unknown[] = {1, -1, -99, -408, -999, INT32_MAX, INT32_MIN};
  for (size_t i = 0; i < sizeof unknown / sizeof unknown[0]; i++) {
    ck_assert_str_eq(shop_status_name(unknown[i]), "SHOP_ERR_UNNAMED");
  }
}
END_TEST

Suite *error_suite(void) {
  Suite *suite = suite_create("error");
  TCase *tcase = tcase_create("error");
  tcase_add_test(tcase, set_fills_and_returns_the_code);
  tcase_add_test(tcase, null_is_harmless);
  tcase_add_test(tcase, new_is_clear);
  tcase_add_test(tcase, copy_takes_code_and_message);
  tcase_add_test(tcase, long_message_is_cut_at_a_character);
  tcase_add_test(tcase, longest_message_fits);
  tcase_add_test(tcase, cutting_survives_malformed_text);
  tcase_add_test(tcase, message_may_quote_itself);
  tcase_add_test(tcase, status_names);
  tcase_add_test(tcase, unknown_status_has_the_unnamed_name);
  suite_add_tcase(suite, tcase);
  return suite;
}
