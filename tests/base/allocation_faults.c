/*
 * See allocation_faults.h. For one thread.
 */
#include "allocation_faults.h"

#include <stddef.h>

void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *block, size_t size);
void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *block, size_t size);

static long left; /* allocations until the one that fails; 0: none will */
static bool failed;

void allocation_fail_at(long nth) {
  left = nth;
  failed = false;
}

bool allocation_failed(void) {
  left = 0;
  return failed;
}

static bool fails_now(void) {
  if (left > 0 && --left == 0) {
    failed = true;
    return true;
  }
  return false;
}

void *__wrap_malloc(size_t size) {
  return fails_now() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size) {
  return fails_now() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *block, size_t size) {
  return fails_now() ? NULL : __real_realloc(block, size);
}
