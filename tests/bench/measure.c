/* Clock, chance and percentiles. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bench.h"

void die(const char *format, ...) {
  va_list arguments;

  va_start(arguments, format);
  fputs("shop_bench: ", stderr);
  vfprintf(stderr, format, arguments);
  fputc('\n', stderr);
  va_end(arguments);
  exit(1);
}

void *need(size_t size) {
  void *block = calloc(1, size);

  if (block == NULL)
    die("out of memory");
  return block;
}

static int64_t read_clock(clockid_t clock) {
  struct timespec now;

  (void)clock_gettime(clock, &now);
  return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

int64_t wall_ms(void) {
  struct timespec now;

  (void)clock_gettime(CLOCK_REALTIME, &now);
  return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t now_ns(void) {
  return read_clock(CLOCK_MONOTONIC);
}

int64_t thread_ns(void) {
  return read_clock(CLOCK_THREAD_CPUTIME_ID);
}

uint32_t random_below(uint64_t *state, uint32_t limit) {
  uint64_t x = *state;

  x ^= x >> 12;
  x ^= x << 25;
  x ^= x >> 27;
  *state = x;
  return (uint32_t)(((x * UINT64_C(2685821657736338717)) >> 32) % limit);
}

void samples_add(struct samples *samples, int64_t ns) {
  if (samples->count == samples->room) {
    size_t room = samples->room == 0 ? 4096 : samples->room * 2;
    int64_t *grown = realloc(samples->ns, room * sizeof *grown);

    if (grown == NULL)
      die("out of memory");
    samples->ns = grown;
    samples->room = room;
  }
  samples->ns[samples->count++] = ns;
}

void samples_append(struct samples *samples, const struct samples *more) {
  for (size_t i = 0; i < more->count; i++)
    samples_add(samples, more->ns[i]);
}

static int by_size(const void *a, const void *b) {
  const int64_t *x = a, *y = b;

  return (*x > *y) - (*x < *y);
}

double samples_us(struct samples *samples, double fraction) {
  size_t at;

  if (samples->count == 0)
    return 0;
  qsort(samples->ns, samples->count, sizeof *samples->ns, by_size);
  at = (size_t)((double)samples->count * fraction);
  return (double)samples->ns[at < samples->count ? at : samples->count - 1] / 1000.0;
}

void samples_free(struct samples *samples) {
  free(samples->ns);
  *samples = (struct samples){0};
}

void pair_add(struct pair *pair, double shop, double base) {
  if (pair->count == ROUNDS_MAX)
    die("more than %d rounds", ROUNDS_MAX);
  pair->shop[pair->count] = shop;
  pair->base[pair->count++] = base;
}

static int by_value(const void *a, const void *b) {
  const double *x = a, *y = b;

  return (*x > *y) - (*x < *y);
}

double median_of(const double *values, int32_t count) {
  double sorted[ROUNDS_MAX];

  if (count == 0)
    return 0;
  memcpy(sorted, values, (size_t)count * sizeof *sorted);
  qsort(sorted, (size_t)count, sizeof *sorted, by_value);
  return (sorted[(count - 1) / 2] + sorted[count / 2]) / 2;
}
