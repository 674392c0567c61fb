/*
 * Texts made harmless before they stand in a message: whatever a name holds,
 * it cannot end its line, begin a header field or add a recipient.
 */
#include "mail_parts.h"

#include <string.h>

/* A Message-ID cannot be folded, and no line may pass 998 bytes (RFC 5322 2.1.1). */
#define ID_MAX 900

/* The marks that embed, override and isolate a direction (UAX 9) work on until the end of the
   paragraph: a name could turn round what follows it. Left-to-right and right-to-left marks
   (U+200E, U+200F) cannot, and stay. */
static bool turns_text(uint32_t code) {
  return (code >= 0x202A && code <= 0x202E) || (code >= 0x2066 && code <= 0x2069);
}

static const char *replacement(uint32_t code, size_t length) {
  if (length == 0) {
    return "\xEF\xBF\xBD";
  }
  if (shop__text_is_control(code)) {
    return " ";
  }
  return turns_text(code) ? "" : NULL;
}

void shop__mail_clean_part(struct shop__bytes *out, const char *text, size_t size) {
  size_t start = 0; /* of what is good and not yet added */
  for (size_t at = 0; at < size;) {
    if (text[at] >= ' ' && text[at] <= '~') { /* nearly all there is */
      at++;
      continue;
    }
    uint32_t code = 0;
    size_t length = shop__text_next(text + at, size - at, &code);
    const char *instead = replacement(code, length);
    if (instead == NULL) {
      at += length;
      continue;
    }
    shop__bytes_add(out, text + start, at - start);
    shop__bytes_text(out, instead);
    at += length > 0 ? length : 1;
    start = at;
  }
  shop__bytes_add(out, text + start, size - start);
}

void shop__mail_clean(struct shop__bytes *out, const char *text) {
  shop__mail_clean_part(out, text, strlen(text));
}

static const char *entity(char c) {
  switch (c) {
  case '&':
    return "&amp;";
  case '<':
    return "&lt;";
  case '>':
    return "&gt;";
  case '"':
    return "&quot;";
  case '\'':
    return "&#39;";
  }
  return NULL;
}

void shop__mail_clean_html(struct shop__bytes *out, const char *text, size_t size) {
  size_t start = 0;
  for (size_t at = 0; at < size; at++) {
    const char *instead = entity(text[at]);
    if (instead != NULL) {
      shop__mail_clean_part(out, text + start, at - start);
      shop__bytes_text(out, instead);
      start = at + 1;
    }
  }
  shop__mail_clean_part(out, text + start, size - start);
}

/* The characters of a dot-atom and the "@": none of them ends or begins anything. */
static void add_atoms(struct shop__bytes *out, const char *text, size_t max) {
  size_t size = strnlen(text, max);
  for (size_t i = 0; i < size; i++) {
    char c = text[i];
    bool good = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                strchr("@.!#$%&'*+-/=?^_`{|}~", c) != NULL;
    shop__bytes_add(out, good ? &c : "_", 1);
  }
}

void shop__mail_clean_address(struct shop__bytes *out, const char *address) {
  char ascii[SHOP__EMAIL_BYTES];
  if (shop__email_parse(address, ascii, NULL) == SHOP_OK) {
    shop__email_to_ascii(address, ascii);
    shop__bytes_text(out, ascii);
  } else {
    add_atoms(out, address, SHOP__EMAIL_BYTES - 1);
  }
}

void shop__mail_clean_id(struct shop__bytes *out, const char *id) {
  add_atoms(out, id, ID_MAX);
}
