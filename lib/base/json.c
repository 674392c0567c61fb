/*
 * Writes JSON (RFC 8259) into bytes that grow. It keeps no tree, so it needs no
 * memory but the text's own. What is no UTF-8, and NUL, becomes U+FFFD: the
 * text is good JSON whatever a damaged store holds. Control characters are
 * escaped, those beyond ASCII as well, so that the text can be shown anywhere.
 */
#include "base.h"

#include <assert.h>
#include <inttypes.h>
#include <string.h>

/* The comma and the name, which is one of our own and needs no escape. */
static void begin_value(struct shop__json *json, const char *name) {
  if (json->comma) {
    shop__bytes_add(json->bytes, ",", 1);
  }
  if (name != NULL) {
    shop__bytes_add(json->bytes, "\"", 1);
    shop__bytes_text(json->bytes, name);
    shop__bytes_add(json->bytes, "\":", 2);
  }
  json->comma = true;
}

void shop__json_open(struct shop__json *json, const char *name, char bracket) {
  assert(bracket == '{' || bracket == '[');
  begin_value(json, name);
  shop__bytes_add(json->bytes, &bracket, 1);
  json->comma = false;
}

void shop__json_close(struct shop__json *json, char bracket) {
  assert(bracket == '}' || bracket == ']');
  shop__bytes_add(json->bytes, &bracket, 1);
  json->comma = true;
}

void shop__json_null(struct shop__json *json, const char *name) {
  begin_value(json, name);
  shop__bytes_add(json->bytes, "null", 4);
}

void shop__json_bool(struct shop__json *json, const char *name, bool value) {
  begin_value(json, name);
  shop__bytes_text(json->bytes, value ? "true" : "false");
}

void shop__json_int(struct shop__json *json, const char *name, int64_t value) {
  begin_value(json, name);
  shop__bytes_format(json->bytes, "%" PRId64, value);
}

static void escape(struct shop__bytes *bytes, uint32_t code) {
  switch (code) {
  case '"':
    shop__bytes_add(bytes, "\\\"", 2);
    return;
  case '\\':
    shop__bytes_add(bytes, "\\\\", 2);
    return;
  case '\n':
    shop__bytes_add(bytes, "\\n", 2);
    return;
  case '\r':
    shop__bytes_add(bytes, "\\r", 2);
    return;
  case '\t':
    shop__bytes_add(bytes, "\\t", 2);
    return;
  default: /* a control character: all are below U+10000, so one escape holds it */
    shop__bytes_format(bytes, "\\u%04x", (unsigned)code);
    return;
  }
}

void shop__json_text(struct shop__json *json, const char *name, const char *text, size_t size) {
  size_t plain = 0; /* bytes before `at` that are not written yet and stay as they are */
  begin_value(json, name);
  shop__bytes_add(json->bytes, "\"", 1);
  for (size_t at = 0, length; at < size; at += length) {
    uint32_t code = 0xFFFD;
    length = shop__text_next(text + at, size - at, &code);
    bool good = length > 0 && code != 0;
    if (good && code != '"' && code != '\\' && !shop__text_is_control(code)) {
      plain += length;
      continue;
    }
    length = length == 0 ? 1 : length;
    shop__bytes_add(json->bytes, text + at - plain, plain);
    plain = 0;
    if (good) {
      escape(json->bytes, code);
    } else {
      shop__bytes_text(json->bytes, "\xEF\xBF\xBD");
    }
  }
  if (plain > 0) {
    shop__bytes_add(json->bytes, text + size - plain, plain);
  }
  shop__bytes_add(json->bytes, "\"", 1);
}
