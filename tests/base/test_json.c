/*
 * JSON as it is written: commas, nesting, and texts of any bytes.
 */
#include "base.h"
#include "test_base.h"

#include <string.h>

/* Commas stand between values, at every depth, and nowhere else. */
START_TEST(commas) {
  struct shop__bytes bytes = {0};
  struct shop__json json = {.bytes = &bytes};
  shop__json_open(&json, NULL, '{');
  shop__json_open(&json, "a", '[');
  shop__json_close(&json, ']');
  shop__json_open(&json, "b", '[');
  shop__json_int(&json, NULL, INT64_MIN);
  shop__json_int(&json, NULL, INT64_MAX);
  shop__json_open(&json, NULL, '{');
  shop__json_close(&json, '}');
  shop__json_null(&json, NULL);
  shop__json_close(&json, ']');
  shop__json_bool(&json, "c", true);
  shop__json_bool(&json, "d", false);
  shop__json_null(&json, "e");
  shop__json_text(&json, "f", "", 0);
  shop__json_close(&json, '}');
  ck_assert(!bytes.failed);
  ck_assert_str_eq(bytes.data,
                   "{\"a\":[],\"b\":[-9223372036854775808,9223372036854775807,{},null],"
                   "\"c\":true,\"d\":false,\"e\":null,\"f\":\"\"}");
  shop__bytes_free(&bytes);
}
END_TEST

/* What must be escaped is (RFC 8259 section 7), and what can be shown stands as it is. */
START_TEST(texts) {
  static const struct {
    const char *text;
    size_t size;
    const char *wanted;
  } cases[] = {
      {"tea", 3, "\"tea\""},
      {"\"\\/", 3, "\"\\\"\\\\/\""},
      {"\b\f\n\r\t\x1F", 6, "\"\\u0008\\u000c\\n\\r\\t\\u001f\""},
      {"\x7F\xC2\x80\xC2\x9F\xC2\xA0", 7, "\"\\u007f\\u0080\\u009f\xC2\xA0\""},
      {"\xE2\x80\xA8\xE2\x80\xA9", 6, "\"\\u2028\\u2029\""},
      {"\xF0\x9F\x98\x80", 4, "\"\xF0\x9F\x98\x80\""},
      {"a\0b", 3,
       "\"a\xEF\xBF\xBD"
       "b\""},
      {"a\xFF", 2, "\"a\xEF\xBF\xBD\""},
      {"\xE2\x82", 2, "\"\xEF\xBF\xBD\xEF\xBF\xBD\""},
      {"a\xED\xA0\x80z", 5, "\"a\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBDz\""},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    struct shop__bytes bytes = {0};
    struct shop__json json = {.bytes = &bytes};
    shop__json_text(&json, NULL, cases[i].text, cases[i].size);
    ck_assert_str_eq(bytes.data, cases[i].wanted);
    shop__bytes_free(&bytes);
  }
}
END_TEST

Suite *json_suite(void) {
  Suite *suite = suite_create("json");
  TCase *tcase = tcase_create("json");
  tcase_add_test(tcase, commas);
  tcase_add_test(tcase, texts);
  suite_add_tcase(suite, tcase);
  return suite;
}
