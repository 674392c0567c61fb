/*
 * Memory: the only calls of malloc and its kin in the library, so that one
 * file decides where memory comes from and tests can make it run out.
 */
#include "base.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

void *shop__memory_zalloc(size_t size) {
  assert(size > 0);
  return calloc(1, size);
}

void *shop__memory_realloc(void *block, size_t size) {
  assert(size > 0); /* realloc(p, 0) may free p and give NULL: two meanings of NULL */
  return realloc(block, size);
}

char *shop__memory_strdup(const char *text) {
  if (text == NULL) {
    return NULL;
  }
  size_t size = strlen(text) + 1;
  char *copy = malloc(size);
  if (copy != NULL) {
    memcpy(copy, text, size);
  }
  return copy;
}

void shop__memory_free(void *block) {
  free(block);
}

void shop__memory_wipe(void *block, size_t size) {
  if (block == NULL) {
    return;
  }
  memset(block, 0, size);
  /* A compiler drops a memset whose bytes nobody reads; here somebody might. */
  __asm__ __volatile__("" : : "r"(block) : "memory");
}
