/*
 * Time: the range that ids rely on, and dates by the grammar of RFC 5322.
 */
#include "test_base.h"
#include "base.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

static int64_t fixed(void *user) {
  return *(int64_t *)user;
}

/* A host's clock may answer anything; an id made from it stays below 2^53. */
START_TEST(now_is_held_in_range) {
  const int64_t top = ((int64_t)1 << 42) - 1;
  static const int64_t asked[] = {INT64_MIN, -1, 0, 1, 1795350500123, INT64_MAX};
  for (size_t i = 0; i < sizeof asked / sizeof asked[0]; i++) {
    int64_t value = asked[i];
    struct shop__clock clock = {fixed, &value};
    int64_t now = shop__clock_now_ms(&clock);
    ck_assert_int_eq(now, asked[i] < 0 ? 0 : asked[i] > top ? top : asked[i]);
    ck_assert_int_lt(now << 11, (int64_t)1 << 53);
  }
}
END_TEST

/* Without a host's clock it is the system's. */
START_TEST(system_clock) {
  struct shop__clock none = {NULL, NULL};
  int64_t before = (int64_t)time(NULL) * 1000;
  int64_t one = shop__clock_now_ms(&none);
  int64_t two = shop__clock_now_ms(NULL);
  int64_t after = ((int64_t)time(NULL) + 1) * 1000;
  ck_assert(before - 1000 <= one && one <= after); /* time() may be a tick behind */
  ck_assert(before - 1000 <= two && two <= after);
}
END_TEST

/* Deadlines count on a clock that does not go back. */
START_TEST(monotonic_clock) {
  int64_t last = shop__clock_monotonic_us();
  ck_assert_int_ge(last, 0);
  for (int i = 0; i < 1000; i++) {
    int64_t now = shop__clock_monotonic_us();
    ck_assert_int_ge(now, last);
    last = now;
  }
}
END_TEST

/* A known instant, both ends of the range, and the days that calendars get wrong. */
START_TEST(known_dates) {
  static const struct {
    int64_t ms;
    const char *text;
  } cases[] = {
      {1795350500123, "Sun, 22 Nov 2026 12:28:20 +0000"},
      {0, "Thu, 01 Jan 1970 00:00:00 +0000"},
      {-5, "Thu, 01 Jan 1970 00:00:00 +0000"},
      {INT64_MIN, "Thu, 01 Jan 1970 00:00:00 +0000"},
      {951782399999, "Mon, 28 Feb 2000 23:59:59 +0000"},
      {951782400000, "Tue, 29 Feb 2000 00:00:00 +0000"},
      {951868800000, "Wed, 01 Mar 2000 00:00:00 +0000"},
      {1709164800000, "Thu, 29 Feb 2024 00:00:00 +0000"},
      {1735689599000, "Tue, 31 Dec 2024 23:59:59 +0000"},
      {4107542400000, "Mon, 01 Mar 2100 00:00:00 +0000"}, /* 2100 has no 29 February */
      {4398046511103, "Wed, 15 May 2109 07:35:11 +0000"},
      {INT64_MAX, "Wed, 15 May 2109 07:35:11 +0000"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    char out[SHOP__CLOCK_TEXT_BYTES];
    ck_assert_ptr_eq(shop__clock_rfc5322(cases[i].ms, out), out);
    ck_assert_str_eq(out, cases[i].text);
  }
}
END_TEST

/* Every day of the range agrees with the C library's calendar, whatever the zone is. */
START_TEST(every_day_agrees_with_the_c_library) {
  (void)setenv("TZ", "Asia/Kathmandu", 1);
  tzset();
  for (int64_t day = 0; day * 86400000 < (int64_t)1 << 42; day++) {
    int64_t second = day * 86400 + day * 7919 % 86400;
    char out[SHOP__CLOCK_TEXT_BYTES];
    char expected[SHOP__CLOCK_TEXT_BYTES];
    time_t time = (time_t)second;
    struct tm tm;
    if (second * 1000 >= (int64_t)1 << 42) {
      break;
    }
    ck_assert_ptr_nonnull(gmtime_r(&time, &tm));
    ck_assert_uint_gt(strftime(expected, sizeof expected, "%a, %d %b %Y %H:%M:%S +0000", &tm), 0);
    ck_assert_str_eq(shop__clock_rfc5322(second * 1000 + 999, out), expected);
  }
}
END_TEST

Suite *clock_suite(void) {
  Suite *suite = suite_create("clock");
  TCase *tcase = tcase_create("clock");
  tcase_add_test(tcase, now_is_held_in_range);
  tcase_add_test(tcase, system_clock);
  tcase_add_test(tcase, monotonic_clock);
  tcase_add_test(tcase, known_dates);
  tcase_add_test(tcase, every_day_agrees_with_the_c_library);
  suite_add_tcase(suite, tcase);
  return suite;
}
