/*
 * Error objects: a status and one sentence, owned by the caller, so that no
 * text lives in a thread-local or on a shared handle.
 */
#include "base.h"
#include "base_text.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int32_t shop__error_set(shop_error_t *err, int32_t code, const char *format, ...) {
  if (err == NULL) {
    return code;
  }
  /* Formatted beside the object, so that an argument may point into it. */
  char message[sizeof err->message];
  va_list arguments;
  va_start(arguments, format);
  int length = vsnprintf(message, sizeof message, format, arguments);
  va_end(arguments);
  if (length < 0) {
    length = 0;
  }
  size_t used = (size_t)length;
  if (used >= sizeof message) {
    used = shop__text_whole(message, sizeof message - 1);
  }
  memcpy(err->message, message, used);
  err->message[used] = '\0';
  err->code = code;
  err->retry_after_ms = 0;
  return code;
}

void shop__error_set_retry(shop_error_t *err, int64_t wait_ms) {
  if (err != NULL) {
    err->retry_after_ms = wait_ms;
  }
}

void shop__error_clear(shop_error_t *err) {
  if (err != NULL) {
    err->code = SHOP_OK;
    err->message[0] = '\0';
    err->retry_after_ms = 0;
  }
}

int32_t shop__error_copy(shop_error_t *err, const struct shop_error *from) {
  if (err != NULL && err != from) {
    *err = *from;
  }
  return from->code;
}

int32_t shop_error_new(shop_error_t **out) {
  if (out == NULL) {
    return SHOP_ERR_ARGUMENT;
  }
  *out = shop__memory_zalloc(sizeof **out);
  return *out == NULL ? SHOP_ERR_NO_MEMORY : SHOP_OK;
}

void shop_error_free(shop_error_t *err) {
  shop__memory_free(err);
}

int32_t shop_error_code(const shop_error_t *err) {
  return err == NULL ? SHOP_OK : err->code;
}

const char *shop_error_message(const shop_error_t *err) {
  return err == NULL ? "" : err->message;
}

int64_t shop_error_retry_after_ms(const shop_error_t *err) {
  return err == NULL ? 0 : err->retry_after_ms;
}
