/*
 * Memory and the buffer that grows.
 */
#include "test_base.h"
#include "base.h"

#include <stdlib.h>
#include <string.h>

/* New memory is zero, and copies are copies. */
START_TEST(memory_basics) {
  unsigned char *block = shop__memory_zalloc(100);
  ck_assert_ptr_nonnull(block);
  for (size_t i = 0; i < 100; i++) {
    ck_assert_uint_eq(block[i], 0);
  }
  memset(block, 0xAA, 100);
  block = shop__memory_realloc(block, 1000);
  ck_assert_ptr_nonnull(block);
  ck_assert_uint_eq(block[99], 0xAA);
  shop__memory_wipe(block, 100);
  for (size_t i = 0; i < 100; i++) {
    ck_assert_uint_eq(block[i], 0);
  }
  shop__memory_free(block);
  shop__memory_free(NULL);
  shop__memory_wipe(NULL, 10);
  ck_assert_ptr_null(shop__memory_strdup(NULL));
  char *copy = shop__memory_strdup("tea");
  ck_assert_str_eq(copy, "tea");
  shop__memory_free(copy);
}
END_TEST

/* However it is cut into pieces, the text arrives, and is NUL-terminated after every piece. */
START_TEST(pieces_add_up) {
  for (size_t piece = 1; piece < 300; piece += 7) {
    struct shop__bytes bytes = {0};
    char text[300];
    memset(text, 'x', sizeof text);
    for (size_t sum = piece; sum < 5000; sum += piece) {
      shop__bytes_add(&bytes, text, piece);
      ck_assert(!bytes.failed);
      ck_assert_uint_eq(bytes.used, sum);
      ck_assert_uint_gt(bytes.size, bytes.used);
      ck_assert_uint_eq(strlen(bytes.data), sum);
    }
    shop__bytes_free(&bytes);
    ck_assert_ptr_null(bytes.data);
    ck_assert_uint_eq(bytes.used, 0);
  }
}
END_TEST

/* Nothing added needs no memory, and the pointer may then be NULL. */
START_TEST(nothing_is_nothing) {
  struct shop__bytes bytes = {0};
  shop__bytes_add(&bytes, NULL, 0);
  shop__bytes_text(&bytes, "");
  shop__bytes_format(&bytes, "%s", "");
  ck_assert_ptr_null(bytes.data);
  ck_assert_uint_eq(bytes.used, 0);
  ck_assert(!bytes.failed);
  shop__bytes_free(&bytes);
  shop__bytes_free(&bytes);
}
END_TEST

/* Any byte is kept, NUL as well. */
START_TEST(bytes_are_binary) {
  struct shop__bytes bytes = {0};
  shop__bytes_add(&bytes, "a\0b", 3);
  shop__bytes_format(&bytes, "%c", 'c');
  ck_assert_uint_eq(bytes.used, 4);
  ck_assert_int_eq(memcmp(bytes.data, "a\0bc", 5), 0);
  shop__bytes_free(&bytes);
}
END_TEST

/* A formatted text may be longer than any room at hand. */
START_TEST(format_of_any_length) {
  struct shop__bytes bytes = {0};
  for (int width = 1; width < 2000; width = width * 3 + 1) {
    size_t before = bytes.used;
    shop__bytes_format(&bytes, "%*d", width, 7);
    ck_assert_uint_eq(bytes.used, before + (size_t)width);
    ck_assert_int_eq(bytes.data[bytes.used - 1], '7');
    ck_assert_int_eq(bytes.data[bytes.used], '\0');
  }
  shop__bytes_free(&bytes);
}
END_TEST

/* A size near SIZE_MAX must not wrap round to a small allocation. The size goes through a volatile
   so that the compiler does not judge the call. */
START_TEST(absurd_size_fails) {
  volatile size_t sizes[] = {SIZE_MAX, SIZE_MAX - 1, SIZE_MAX - 64, SIZE_MAX / 2};
  for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
    struct shop__bytes bytes = {0};
    shop__bytes_text(&bytes, "kept");
    shop__bytes_add(&bytes, "x", sizes[i]);
    ck_assert(bytes.failed);
    ck_assert_uint_eq(bytes.used, 4);
    shop__bytes_text(&bytes, "more");
    shop__bytes_format(&bytes, "%d", 1);
    ck_assert_uint_eq(bytes.used, 4);
    shop__bytes_free(&bytes);
    ck_assert(!bytes.failed);
  }
}
END_TEST

Suite *bytes_suite(void) {
  Suite *suite = suite_create("bytes");
  TCase *tcase = tcase_create("bytes");
  tcase_add_test(tcase, memory_basics);
  tcase_add_test(tcase, pieces_add_up);
  tcase_add_test(tcase, nothing_is_nothing);
  tcase_add_test(tcase, bytes_are_binary);
  tcase_add_test(tcase, format_of_any_length);
  tcase_add_test(tcase, absurd_size_fails);
  suite_add_tcase(suite, tcase);
  return suite;
}
