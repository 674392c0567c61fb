/*
 * A buffer that grows. Its failure is sticky: a composer appends dozens of
 * pieces and looks at `failed` once, at the end. One that holds a secret says
 * so first: it is wiped when it moves and when it is freed.
 */
#include "base.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define BYTES_FIRST 64

/* As realloc, but the old place of a secret is wiped. */
static char *grow(struct shop__bytes *bytes, size_t size) {
  if (!bytes->secret) {
    return shop__memory_realloc(bytes->data, size);
  }
  char *data = shop__memory_zalloc(size);
  if (data != NULL && bytes->used > 0) {
    memcpy(data, bytes->data, bytes->used);
  }
  if (data != NULL) {
    shop__memory_wipe(bytes->data, bytes->used);
    shop__memory_free(bytes->data);
  }
  return data;
}

/* Room for `more` bytes and the NUL; false, with the failure noted, when there is none. */
static bool reserve(struct shop__bytes *bytes, size_t more) {
  if (bytes->failed) {
    return false;
  }
  assert(bytes->used <= bytes->size);
  if (more < bytes->size - bytes->used) {
    return true;
  }
  if (more >= SIZE_MAX / 2 - bytes->used) {
    bytes->failed = true;
    return false;
  }
  size_t need = bytes->used + more + 1;
  size_t size = bytes->size < BYTES_FIRST ? BYTES_FIRST : bytes->size * 2;
  if (size < need) {
    size = need;
  }
  char *data = grow(bytes, size);
  if (data == NULL) {
    bytes->failed = true;
    return false;
  }
  bytes->data = data;
  bytes->size = size;
  return true;
}

void shop__bytes_add(struct shop__bytes *bytes, const void *data, size_t size) {
  if (size == 0 || !reserve(bytes, size)) {
    return;
  }
  memcpy(bytes->data + bytes->used, data, size);
  bytes->used += size;
  bytes->data[bytes->used] = '\0';
}

void shop__bytes_text(struct shop__bytes *bytes, const char *text) {
  shop__bytes_add(bytes, text, strlen(text));
}

void shop__bytes_format(struct shop__bytes *bytes, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  va_list again;
  va_copy(again, arguments);
  int length = vsnprintf(NULL, 0, format, arguments);
  if (length < 0) {
    bytes->failed = true;
  } else if (length > 0 && reserve(bytes, (size_t)length)) {
    (void)vsnprintf(bytes->data + bytes->used, (size_t)length + 1, format, again);
    bytes->used += (size_t)length;
  }
  va_end(again);
  va_end(arguments);
}

void shop__bytes_free(struct shop__bytes *bytes) {
  if (bytes->secret) {
    shop__memory_wipe(bytes->data, bytes->used);
  }
  shop__memory_free(bytes->data);
  *bytes = (struct shop__bytes){0};
}
