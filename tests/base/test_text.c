/*
 * UTF-8, control characters and length.
 */
#define _DEFAULT_SOURCE /* MAP_ANONYMOUS */
#include "test_base.h"
#include "base.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static size_t encode(uint32_t code, unsigned char out[4]) {
  if (code < 0x80) {
    out[0] = (unsigned char)code;
    return 1;
  }
  size_t length = code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
  static const unsigned char leads[5] = {0, 0, 0xC0, 0xE0, 0xF0};
  for (size_t i = length - 1; i > 0; i--) {
    out[i] = (unsigned char)(0x80 | (code & 0x3F));
    code >>= 6;
  }
  out[0] = (unsigned char)(leads[length] | code);
  return length;
}

/* Every code point is read back as itself; surrogates and what lies above U+10FFFF are not. */
START_TEST(every_code_point) {
  for (uint32_t code = 0; code < 0x200000; code++) {
    unsigned char bytes[4];
    size_t length = encode(code, bytes);
    bool good = code <= 0x10FFFF && (code < 0xD800 || code > 0xDFFF);
    uint32_t read = 0xFFFFFFFF;
    size_t got = shop__text_next((const char *)bytes, length, &read);
    if (got != (good ? length : 0) || read != (good ? code : 0xFFFFFFFF)) {
      ck_abort_msg("U+%04X: length %zu, read %X", (unsigned)code, got, (unsigned)read);
    }
  }
}
END_TEST

/* Whatever three bytes are: the well-formed ones are as many as there are characters, so none is
   accepted in a second, overlong form. */
START_TEST(no_second_form_up_to_three_bytes) {
  size_t ones = 0;
  size_t twos = 0;
  size_t threes = 0;
  for (uint32_t i = 0; i < 0x1000000; i++) {
    char bytes[3] = {(char)(i >> 16), (char)(i >> 8), (char)i};
    uint32_t code;
    ones += i < 0x100 && shop__text_next(bytes + 2, 1, &code) == 1;
    twos += i < 0x10000 && shop__text_next(bytes + 1, 2, &code) == 2;
    threes += shop__text_next(bytes, 3, &code) == 3;
  }
  ck_assert_uint_eq(ones, 0x80);
  ck_assert_uint_eq(twos, 0x800 - 0x80);
  ck_assert_uint_eq(threes, 0x10000 - 0x800 - 0x800);
}
END_TEST

/* Four bytes at the edges of each range: accepted exactly when table 3-7 of Unicode says so. */
START_TEST(four_bytes_at_their_edges) {
  static const unsigned char edges[] = {0x00, 0x7F, 0x80, 0x8F, 0x90, 0xBF, 0xC0, 0xFF};
  for (unsigned first = 0xF0; first <= 0xFF; first++) {
    for (size_t i = 0; i < 512; i++) {
      unsigned char b[4] = {(unsigned char)first, edges[i >> 6], edges[i >> 3 & 7], edges[i & 7]};
      bool tail = b[1] >= 0x80 && b[1] <= 0xBF && b[2] >= 0x80 && b[2] <= 0xBF && b[3] >= 0x80 &&
                  b[3] <= 0xBF;
      bool good = tail && ((first == 0xF0 && b[1] >= 0x90) || (first >= 0xF1 && first <= 0xF3) ||
                           (first == 0xF4 && b[1] <= 0x8F));
      ck_assert(shop__text_utf8((const char *)b, 4) == good);
    }
  }
}
END_TEST

/* Each class of malformed text, alone and between good characters. */
START_TEST(malformed_classes) {
  static const char *const bad[] = {
      "\x80",                     /* a continuation byte alone */
      "\xBF\xBF",                 /* several */
      "\xC3",                     /* two bytes, cut */
      "\xE2\x82",                 /* three bytes, cut after two */
      "\xE2",                     /* after one */
      "\xF0\x9F\x8D",             /* four bytes, cut after three */
      "\xF0\x9F",                 /* after two */
      "\xF0",                     /* after one */
      "\xC3\x28",                 /* a continuation byte missing */
      "\xE2\x28\xA1",             /* in the middle */
      "\xE2\x82\x28",             /* at the end */
      "\xC0\x80",                 /* NUL, overlong */
      "\xC1\xBF",                 /* U+007F, overlong */
      "\xE0\x80\xAF",             /* "/", overlong in three */
      "\xE0\x9F\xBF",             /* U+07FF, overlong */
      "\xF0\x80\x80\xAF",         /* "/", overlong in four */
      "\xF0\x8F\xBF\xBF",         /* U+FFFF, overlong */
      "\xED\xA0\x80",             /* the first high surrogate */
      "\xED\xBF\xBF",             /* the last low surrogate */
      "\xED\xA0\xBD\xED\xB8\x80", /* a pair, as CESU-8 writes it */
      "\xF4\x90\x80\x80",         /* U+110000 */
      "\xF5\x80\x80\x80",         /* a byte that UTF-8 never has */
      "\xF8\x88\x80\x80\x80",     /* five bytes */
      "\xFC\x84\x80\x80\x80\x80", /* six bytes */
      "\xFE",
      "\xFF",
      "\xE9t\xE9", /* Latin-1 */
  };
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
    char text[40];
    (void)snprintf(text, sizeof text, "tea \xC3\xA9%sok", bad[i]);
    ck_assert_msg(!shop__text_utf8(bad[i], strlen(bad[i])), "case %zu", i);
    ck_assert_msg(!shop__text_utf8(text, strlen(text)), "case %zu", i);
    ck_assert_int_eq(shop__text_check("name", text, 1, 100, SHOP__TEXT_LINE, NULL), SHOP_ERR_TEXT);
    ck_assert_int_eq(shop__text_check("name", text, 1, 100, SHOP__TEXT_PARAGRAPH, NULL),
                     SHOP_ERR_TEXT);
  }
  ck_assert(shop__text_utf8("", 0));
  ck_assert(shop__text_utf8("\xEF\xBB\xBF", 3)); /* a byte order mark is a character */
}
END_TEST

/* A line has no control character; a paragraph has tab, CR and LF. U+2028 and U+2029 end lines. */
START_TEST(control_characters) {
  for (uint32_t code = 1; code < 0x3000; code++) {
    unsigned char text[7] = "a";
    size_t length = encode(code, text + 1);
    memcpy(text + 1 + length, "b", 2);
    bool control =
        code < 0x20 || (code >= 0x7F && code <= 0x9F) || code == 0x2028 || code == 0x2029;
    bool layout = code == '\t' || code == '\n' || code == '\r';
    int32_t line = shop__text_check("x", (char *)text, 1, 9, SHOP__TEXT_LINE, NULL);
    int32_t paragraph = shop__text_check("x", (char *)text, 1, 9, SHOP__TEXT_PARAGRAPH, NULL);
    ck_assert_int_eq(line, control ? SHOP_ERR_TEXT : SHOP_OK);
    ck_assert_int_eq(paragraph, control && !layout ? SHOP_ERR_TEXT : SHOP_OK);
    ck_assert(shop__text_is_control(code) == control);
  }
}
END_TEST

/* min and max count bytes and are inside the allowed range. */
START_TEST(length_limits) {
  shop_error_t err = {0};
  ck_assert_int_eq(shop__text_check("name", NULL, 0, 5, SHOP__TEXT_LINE, &err), SHOP_ERR_ARGUMENT);
  ck_assert_int_eq(shop__text_check("name", "", 1, 5, SHOP__TEXT_LINE, &err), SHOP_ERR_ARGUMENT);
  ck_assert_ptr_nonnull(strstr(err.message, "name"));
  ck_assert_int_eq(shop__text_check("name", "", 0, 5, SHOP__TEXT_LINE, &err), SHOP_OK);
  ck_assert_int_eq(shop__text_check("name", "ab", 3, 5, SHOP__TEXT_LINE, &err), SHOP_ERR_ARGUMENT);
  ck_assert_int_eq(shop__text_check("name", "abc", 3, 5, SHOP__TEXT_LINE, &err), SHOP_OK);
  ck_assert_int_eq(shop__text_check("name", "abcde", 3, 5, SHOP__TEXT_LINE, &err), SHOP_OK);
  ck_assert_int_eq(shop__text_check("name", "abcdef", 3, 5, SHOP__TEXT_LINE, &err),
                   SHOP_ERR_TOO_LONG);
  ck_assert_ptr_nonnull(strstr(err.message, "5"));
  ck_assert_int_eq(
      shop__text_check("name", "\xC3\xA9\xC3\xA9\xC3\xA9", 1, 5, SHOP__TEXT_LINE, &err),
      SHOP_ERR_TOO_LONG);
}
END_TEST

/* A name that shows as nothing is none. */
START_TEST(only_spaces_is_nothing) {
  static const char *const blank[] = {" ", "     ", "\xC2\xA0", "\xE3\x80\x80 ", "\xE2\x80\x83"};
  for (size_t i = 0; i < sizeof blank / sizeof blank[0]; i++) {
    ck_assert_int_eq(shop__text_check("x", blank[i], 1, 9, SHOP__TEXT_LINE, NULL),
                     SHOP_ERR_ARGUMENT);
    ck_assert_int_eq(shop__text_check("x", blank[i], 0, 9, SHOP__TEXT_LINE, NULL), SHOP_OK);
  }
  ck_assert_int_eq(shop__text_check("x", " \r\n\t", 1, 9, SHOP__TEXT_PARAGRAPH, NULL),
                   SHOP_ERR_ARGUMENT);
  ck_assert_int_eq(shop__text_check("x", " . ", 1, 9, SHOP__TEXT_LINE, NULL), SHOP_OK);
}
END_TEST

/* Too long is known after max + 1 bytes: a megabyte behind them, or no memory at all, is not read.
 */
START_TEST(too_long_is_found_without_reading_further) {
  size_t page = (size_t)sysconf(_SC_PAGESIZE);
  char *pages = mmap(NULL, page * 2, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  ck_assert(pages != MAP_FAILED);
  memset(pages, 'a', page);
  ck_assert_int_eq(mprotect(pages + page, page, PROT_NONE), 0);
  ck_assert_int_eq(shop__text_check("x", pages + page - 11, 1, 10, SHOP__TEXT_LINE, NULL),
                   SHOP_ERR_TOO_LONG);
  (void)munmap(pages, page * 2);
}
END_TEST

/* Optional means: absent is fine, empty is not. */
START_TEST(optional_text) {
  ck_assert_int_eq(shop__text_check_optional("x", NULL, 9, SHOP__TEXT_LINE, NULL), SHOP_OK);
  ck_assert_int_eq(shop__text_check_optional("x", "", 9, SHOP__TEXT_LINE, NULL), SHOP_ERR_ARGUMENT);
  ck_assert_int_eq(shop__text_check_optional("x", "a", 9, SHOP__TEXT_LINE, NULL), SHOP_OK);
  ck_assert_int_eq(shop__text_check_optional("x", "a\n", 9, SHOP__TEXT_LINE, NULL), SHOP_ERR_TEXT);
}
END_TEST

Suite *text_suite(void) {
  Suite *suite = suite_create("text");
  TCase *tcase = tcase_create("text");
  tcase_set_timeout(tcase, 60);
  tcase_add_test(tcase, every_code_point);
  tcase_add_test(tcase, no_second_form_up_to_three_bytes);
  tcase_add_test(tcase, four_bytes_at_their_edges);
  tcase_add_test(tcase, malformed_classes);
  tcase_add_test(tcase, control_characters);
  tcase_add_test(tcase, length_limits);
  tcase_add_test(tcase, only_spaces_is_nothing);
  tcase_add_test(tcase, too_long_is_found_without_reading_further);
  tcase_add_test(tcase, optional_text);
  suite_add_tcase(suite, tcase);
  return suite;
}
