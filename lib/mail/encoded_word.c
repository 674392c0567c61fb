/*
 * Encoded words (RFC 2047): how a header, which is ASCII, carries any UTF-8.
 */
#include "mail_parts.h"

#include <assert.h>
#include <string.h>

#define WORD_MAX 75                /* RFC 2047 section 2 */
#define WORD_FRAME 12              /* =?UTF-8?Q?...?= */
#define WORD_MIN (WORD_FRAME + 12) /* room for any one character: four bytes as =XX */

/* Section 5 (3): what may stand bare in a phrase, and so everywhere. */
static bool is_bare(unsigned char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         (c != '\0' && strchr("!*+-/", c) != NULL);
}

static size_t q_size(const char *text, size_t size) {
  size_t sum = 0;
  for (size_t i = 0; i < size; i++) {
    sum += is_bare((unsigned char)text[i]) || text[i] == ' ' ? 1 : 3;
  }
  return sum;
}

static void add_q(struct shop__bytes *out, const char *text, size_t size) {
  for (size_t i = 0; i < size; i++) {
    unsigned char c = (unsigned char)text[i];
    if (c == ' ') {
      shop__bytes_text(out, "_");
    } else if (is_bare(c)) {
      shop__bytes_add(out, text + i, 1);
    } else {
      shop__bytes_format(out, "=%02X", c);
    }
  }
}

/* Section 4: Q, which can be read, where most of a text is ASCII, else B, which is shorter. */
static bool is_mostly_wide(const char *text, size_t size) {
  size_t wide = 0;
  for (size_t i = 0; i < size; i++) {
    wide += (unsigned char)text[i] >= 0x80;
  }
  return wide > size / 2;
}

/* How many bytes of text, in whole characters, fit into max bytes of an encoded word. */
static size_t fitting(const char *text, size_t size, bool b, size_t max) {
  size_t at = 0;
  while (at < size) {
    uint32_t code;
    size_t next = at + shop__text_next(text + at, size - at, &code);
    size_t need = b ? shop__mail_base64_size(next) : q_size(text, next);
    if (next == at || need > max) {
      break;
    }
    at = next;
  }
  return at;
}

void shop__mail_encoded_words(struct shop__bytes *out, const char *text, size_t size,
                              size_t *column) {
  bool b = is_mostly_wide(text, size);
  size_t at = 0;
  while (at < size && !out->failed) {
    /* So every word but the first: what did not fit the last one does not fit beside it. */
    bool fold = *column + 1 + WORD_MIN > SHOP__MAIL_LINE_MAX;
    size_t start = fold ? 1 : *column + 1;
    size_t room = SHOP__MAIL_LINE_MAX - start;
    size_t part =
        fitting(text + at, size - at, b, (room < WORD_MAX ? room : WORD_MAX) - WORD_FRAME);
    assert(part > 0); /* the text is clean, and WORD_MIN leaves room for any character */
    size_t before = out->used;
    shop__bytes_text(out, fold ? "\r\n " : " ");
    shop__bytes_text(out, b ? "=?UTF-8?B?" : "=?UTF-8?Q?");
    (b ? shop__mail_base64 : add_q)(out, text + at, part);
    shop__bytes_text(out, "?=");
    *column = fold ? out->used - before - 2 : out->used - before + *column;
    at += part;
  }
}
