/* Counts what libshop allocates. The linker turns the calls of malloc and its
   kin in our objects, libshop's among them, into the ones below (--wrap); those
   in SQLite and the other shared libraries go on to the C library as before. */
#include <stdlib.h>

#include "bench.h"

static _Thread_local struct counted counted;

struct counted counted_now(void) {
  return counted;
}

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *block, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *block, size_t size);

static void count(size_t size) {
  counted.calls++;
  counted.bytes += (int64_t)size;
}

void *__wrap_malloc(size_t size) {
  count(size);
  return __real_malloc(size);
}

void *__wrap_calloc(size_t number, size_t size) {
  count(number * size);
  return __real_calloc(number, size);
}

void *__wrap_realloc(void *block, size_t size) {
  count(size);
  return __real_realloc(block, size);
}
