/*
 * Memory that runs out in the whole process, libraries and all: the allocation
 * whose number stands in FAIL_AT fails, and with FAIL_ON every later one too.
 * Linked into a program it takes the place of the C library's. The count is
 * written to the file that FAIL_COUNT names, when the program ends.
 */
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *block, size_t size);

static long count, fail_at = -1;
static bool fail_on;

__attribute__((destructor)) static void tell(void) {
  const char *path = getenv("FAIL_COUNT");
  long seen = count;
  FILE *file;

  fail_at = 0;
  file = path == NULL ? NULL : fopen(path, "w");
  if (file != NULL) {
    fprintf(file, "%ld\n", seen);
    fclose(file);
  }
}

static bool fails_now(void) {
  if (fail_at < 0) {
    const char *text = getenv("FAIL_AT");
    fail_at = text == NULL ? 0 : atol(text);
    fail_on = getenv("FAIL_ON") != NULL;
  }
  count++;
  if (fail_at == 0 || (fail_on ? count < fail_at : count != fail_at))
    return false;
  errno = ENOMEM;
  return true;
}

void *malloc(size_t size) {
  return fails_now() ? NULL : __libc_malloc(size);
}

void *calloc(size_t items, size_t size) {
  return fails_now() ? NULL : __libc_calloc(items, size);
}

void *realloc(void *block, size_t size) {
  return fails_now() ? NULL : __libc_realloc(block, size);
}
