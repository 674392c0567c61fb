/*
 * Texts made harmless before they stand in a message: whatever a name holds,
 * it cannot end its line, begin a header field or add a recipient.
 */
#include "mail_parts.h"

#include <string.h>

/* A Message-ID cannot be folded, and no line may pass 998 bytes (RFC 5322 2.1.1). */
#define ID_MAX 900

void shop__mail_clean(struct shop__bytes *out, const char *text) {
  size_t size = strlen(text);
  size_t start = 0; /* of what is good and not yet added */
  for (size_t at = 0; at < size;) {
    if (text[at] >= ' ' && text[at] <= '~') { /* nearly all there is */
      at++;
      continue;
    }
    uint32_t code;
    size_t length = shop__text_next(text + at, size - at, &code);
    if (length > 0 && !shop__text_is_control(code)) {
      at += length;
      continue;
    }
    shop__bytes_add(out, text + start, at - start);
    shop__bytes_text(out, length > 0 ? " " : "\xEF\xBF\xBD");
    at += length > 0 ? length : 1;
    start = at;
  }
  shop__bytes_add(out, text + start, size - start);
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
  char key[SHOP__EMAIL_BYTES];
  if (shop__email_parse(address, key, NULL) == SHOP_OK) {
    shop__bytes_text(out, address);
  } else {
    add_atoms(out, address, SHOP__EMAIL_BYTES - 1);
  }
}

void shop__mail_clean_id(struct shop__bytes *out, const char *id) {
  add_atoms(out, id, ID_MAX);
}
