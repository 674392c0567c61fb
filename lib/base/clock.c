/*
 * Time: the host's clock or the system's, held inside the range that ids and
 * dates can carry.
 */
#include "base.h"

#include <stdio.h>
#include <time.h>

/* 2^42 - 1 ms, in the year 2109: an id is ms << 11 and must stay below 2^53. */
#define CLOCK_MAX_MS (((int64_t)1 << 42) - 1)

static int64_t clamp_ms(int64_t ms) {
  if (ms < 0) {
    return 0;
  }
  return ms > CLOCK_MAX_MS ? CLOCK_MAX_MS : ms;
}

int64_t shop__clock_now_ms(const struct shop__clock *clock) {
  if (clock != NULL && clock->now_ms != NULL) {
    return clamp_ms(clock->now_ms(clock->user));
  }
  struct timespec now = {0};
  (void)clock_gettime(CLOCK_REALTIME, &now); /* cannot fail for this clock */
  return clamp_ms((int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000);
}

int64_t shop__clock_monotonic_us(void) {
  struct timespec now = {0};
  (void)clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static bool is_leap(int32_t year) {
  return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

/* Year, month (0..11) and day (0..30) of a day counted from 1970-01-01. Not by gmtime_r, which
   reads the environment and files and takes a lock that a fork may leave held. At most 139 years
   are stepped through. */
static void split_day(int32_t day, int32_t *year, int32_t *month, int32_t *day_of_month) {
  static const int32_t lengths[12] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  int32_t y = 1970;
  while (day >= 365 + is_leap(y)) {
    day -= 365 + is_leap(y);
    y++;
  }
  int32_t m = 0;
  while (day >= lengths[m] + (m == 1 && is_leap(y))) {
    day -= lengths[m] + (m == 1 && is_leap(y));
    m++;
  }
  *year = y;
  *month = m;
  *day_of_month = day;
}

void shop__clock_split(int64_t ms, struct shop__clock_parts *parts) {
  int32_t second = (int32_t)(clamp_ms(ms) / 1000 % 86400);
  int32_t day_of_month;
  *parts = (struct shop__clock_parts){.day_number = (int32_t)(clamp_ms(ms) / 86400000),
                                      .hour = second / 3600,
                                      .minute = second / 60 % 60,
                                      .second = second % 60};
  split_day(parts->day_number, &parts->year, &parts->month, &day_of_month);
  parts->month++;
  parts->day = day_of_month + 1;
}

const char *shop__clock_rfc5322(int64_t ms, char out[SHOP__CLOCK_TEXT_BYTES]) {
  /* English by the grammar of RFC 5322, whatever the locale says. */
  static const char days[7][4] = {"Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"};
  static const char months[12][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                     "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  struct shop__clock_parts at;
  shop__clock_split(ms, &at);
  /* The remainders change nothing; they show the compiler that the text fits. */
  (void)snprintf(out, SHOP__CLOCK_TEXT_BYTES, "%s, %02u %s %04u %02u:%02u:%02u +0000",
                 days[at.day_number % 7], (uint32_t)at.day % 100, months[at.month - 1],
                 (uint32_t)at.year % 10000, (uint32_t)at.hour % 100, (uint32_t)at.minute % 60,
                 (uint32_t)at.second % 60);
  return out;
}
