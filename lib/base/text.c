/*
 * Texts from outside: UTF-8, length and control characters are checked here
 * before anything else of the library reads them.
 */
#include "base.h"
#include "base_text.h"

#include <assert.h>
#include <string.h>

/* The well-formed byte sequences of RFC 3629 (Unicode, table 3-7): the range of the second byte is
   what keeps out overlong forms (E0, F0), surrogates (ED) and what lies above U+10FFFF (F4). */
size_t shop__text_next(const char *text, size_t size, uint32_t *code) {
  assert(size > 0);
  const unsigned char *byte = (const unsigned char *)text;
  unsigned char first = byte[0];
  if (first < 0x80) {
    *code = first;
    return 1;
  }
  if (first < 0xC2 || first > 0xF4) {
    return 0;
  }
  size_t length = first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
  unsigned char low = first == 0xE0 ? 0xA0 : first == 0xF0 ? 0x90 : 0x80;
  unsigned char high = first == 0xED ? 0x9F : first == 0xF4 ? 0x8F : 0xBF;
  if (size < length || byte[1] < low || byte[1] > high) {
    return 0;
  }
  uint32_t value = first & (0x7Fu >> length);
  for (size_t i = 1; i < length; i++) {
    if ((byte[i] & 0xC0) != 0x80) {
      return 0;
    }
    value = value << 6 | (byte[i] & 0x3Fu);
  }
  *code = value;
  return length;
}

bool shop__text_utf8(const char *text, size_t size) {
  size_t at = 0;
  while (at < size) {
    uint32_t code;
    size_t length = shop__text_next(text + at, size - at, &code);
    if (length == 0) {
      return false;
    }
    at += length;
  }
  return true;
}

size_t shop__text_whole(const char *text, size_t size) {
  size_t back = 0;
  while (back < size && back < 3 && ((unsigned char)text[size - 1 - back] & 0xC0) == 0x80) {
    back++;
  }
  if (back == size) {
    return size;
  }
  uint32_t code;
  size_t start = size - 1 - back;
  bool cut =
      (unsigned char)text[start] >= 0xC0 && shop__text_next(text + start, back + 1, &code) == 0;
  return cut ? start : size;
}

bool shop__text_is_control(uint32_t code) {
  return code < 0x20 || (code >= 0x7F && code < 0xA0) || code == 0x2028 || code == 0x2029;
}

bool shop__text_is_space(uint32_t code) {
  return code == 0x20 || code == 0xA0 || code == 0x1680 || (code >= 0x2000 && code <= 0x200A) ||
         code == 0x202F || code == 0x205F || code == 0x3000;
}

int32_t shop__text_check(const char *what, const char *text, size_t min, size_t max,
                         enum shop__text_rule rule, shop_error_t *err) {
  assert(min <= max && max < SIZE_MAX);
  if (text == NULL) {
    return shop__error_set(err, SHOP_ERR_ARGUMENT, "The %s is missing.", what);
  }
  size_t size = strnlen(text, max + 1);
  if (size > max) {
    return shop__error_set(err, SHOP_ERR_TOO_LONG, "The %s is longer than %zu bytes.", what, max);
  }
  if (size < min) {
    return shop__error_set(err, SHOP_ERR_ARGUMENT,
                           size == 0 ? "The %s is empty." : "The %s is too short.", what);
  }
  bool blank = true;
  for (size_t at = 0; at < size;) {
    uint32_t code;
    size_t length = shop__text_next(text + at, size - at, &code);
    if (length == 0) {
      return shop__error_set(err, SHOP_ERR_TEXT, "The %s is not UTF-8 (at byte %zu).", what, at);
    }
    bool layout = rule == SHOP__TEXT_PARAGRAPH && (code == '\t' || code == '\r' || code == '\n');
    if (shop__text_is_control(code) && !layout) {
      return shop__error_set(err, SHOP_ERR_TEXT,
                             "The %s holds the control character U+%04X (at byte %zu).", what,
                             (unsigned)code, at);
    }
    blank = blank && (layout || shop__text_is_space(code));
    at += length;
  }
  if (min > 0 && blank) {
    return shop__error_set(err, SHOP_ERR_ARGUMENT, "The %s holds nothing but spaces.", what);
  }
  return SHOP_OK;
}

int32_t shop__text_check_optional(const char *what, const char *text, size_t max,
                                  enum shop__text_rule rule, shop_error_t *err) {
  return text == NULL ? SHOP_OK : shop__text_check(what, text, 1, max, rule, err);
}
