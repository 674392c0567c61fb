/*
 * Header fields (RFC 5322 section 2.2): name, value, folds.
 */
#include "mail_parts.h"

#include <string.h>

#define QUOTED_MAX 60 /* a display name of this size needs no fold in its quotes */

/* Can the text stand as it is? Printable ASCII, single spaces between words that fit a line, and
   nothing that a reader would take for an encoded word. */
static bool is_plain(const char *text, size_t size) {
  size_t word = 0;
  for (size_t i = 0; i < size; i++) {
    if (text[i] < 0x20 || text[i] > 0x7E || (text[i] == '=' && text[i + 1] == '?')) {
      return false;
    }
    if (text[i] != ' ') {
      word++;
    } else if (word == 0) {
      return false;
    } else {
      word = 0;
    }
    if (word >= SHOP__MAIL_LINE_MAX) {
      return false;
    }
  }
  return word > 0;
}

/* A piece that cannot be broken, after a space or, where it would not fit, a fold. */
static void add_piece(struct shop__bytes *out, const char *piece, size_t size, size_t *column) {
  bool fold = *column + 1 + size > SHOP__MAIL_LINE_MAX;
  shop__bytes_text(out, fold ? "\r\n " : " ");
  shop__bytes_add(out, piece, size);
  *column = (fold ? 0 : *column) + 1 + size;
}

static size_t begin(struct shop__bytes *out, const char *name) {
  shop__bytes_text(out, name);
  shop__bytes_text(out, ":");
  return strlen(name) + 1;
}

static void add_plain(struct shop__bytes *out, const char *text, size_t size, size_t *column) {
  size_t start = 0;
  for (size_t i = 0; i <= size; i++) {
    if (i == size || text[i] == ' ') {
      add_piece(out, text + start, i - start, column);
      start = i + 1;
    }
  }
}

void shop__mail_header_text(struct shop__bytes *out, const char *name, const char *text) {
  struct shop__bytes clean = {.secret = out->secret};
  shop__mail_clean(&clean, text);
  size_t column = begin(out, name);
  if (clean.failed) {
    out->failed = true;
  } else if (clean.used == 0) {
    shop__bytes_text(out, " ");
  } else if (is_plain(clean.data, clean.used)) {
    add_plain(out, clean.data, clean.used, &column);
  } else {
    shop__mail_encoded_words(out, clean.data, clean.used, &column);
  }
  shop__bytes_text(out, "\r\n");
  shop__bytes_free(&clean);
}

/* A phrase: quoted where that is simple, else encoded. */
static void add_display(struct shop__bytes *out, const char *text, size_t size, size_t *column) {
  bool quotable = size <= QUOTED_MAX && is_plain(text, size) && memchr(text, '"', size) == NULL &&
                  memchr(text, '\\', size) == NULL;
  if (!quotable) {
    shop__mail_encoded_words(out, text, size, column);
    return;
  }
  struct shop__bytes quoted = {0};
  shop__bytes_format(&quoted, "\"%s\"", text);
  if (quoted.failed) {
    out->failed = true;
  } else {
    add_piece(out, quoted.data, quoted.used, column);
  }
  shop__bytes_free(&quoted);
}

void shop__mail_header_mailbox(struct shop__bytes *out, const char *name, const char *display,
                               const char *address) {
  struct shop__bytes clean = {0};
  struct shop__bytes mailbox = {0};
  shop__mail_clean(&clean, display == NULL ? "" : display);
  if (clean.used > 0) {
    shop__bytes_text(&mailbox, "<");
  }
  shop__mail_clean_address(&mailbox, address);
  if (clean.used > 0) {
    shop__bytes_text(&mailbox, ">");
  }
  if (clean.failed || mailbox.failed) {
    out->failed = true;
    goto out;
  }
  size_t column = begin(out, name);
  if (clean.used > 0) {
    add_display(out, clean.data, clean.used, &column);
  }
  add_piece(out, mailbox.data, mailbox.used, &column);
  shop__bytes_text(out, "\r\n");
out:
  shop__bytes_free(&clean);
  shop__bytes_free(&mailbox);
}

void shop__mail_header_id(struct shop__bytes *out, const char *id) {
  struct shop__bytes clean = {0};
  shop__bytes_text(&clean, "<");
  shop__mail_clean_id(&clean, id);
  shop__bytes_text(&clean, ">");
  if (clean.failed) {
    out->failed = true;
  } else {
    size_t column = begin(out, "Message-ID");
    add_piece(out, clean.data, clean.used, &column);
    shop__bytes_text(out, "\r\n");
  }
  shop__bytes_free(&clean);
}
