/*
 * Quoted-printable (RFC 2045 section 6.7): any UTF-8 as short lines of ASCII
 * that no transport has a reason to change.
 */
#include "mail_parts.h"

#include <string.h>

#define QP_LINE_MAX 75 /* and the "=" of a soft break: 76 */

static bool ends_line(const char *text, const char *end) {
  return text == end || (end - text >= 2 && text[0] == '\r' && text[1] == '\n');
}

/* At the start of a line two things may not stand as they are, whatever the standard allows: a dot,
   which ends a message for SMTP when alone and not stuffed, and "From ", which mbox files begin a
   message with. */
static bool misleads(const char *text, const char *end) {
  return *text == '.' || (end - text >= 5 && memcmp(text, "From ", 5) == 0);
}

/* How many bytes, of at most max, stand as they are: not a space that ends its line. */
static size_t plain_run(const char *text, const char *end, size_t max) {
  size_t size = (size_t)(end - text) < max ? (size_t)(end - text) : max;
  size_t run = 0;
  while (run < size && (unsigned char)(text[run] - ' ') <= '~' - ' ' && text[run] != '=') {
    run++;
  }
  bool space_last = run > 0 && text[run - 1] == ' ' && ends_line(text + run, end);
  return space_last ? run - 1 : run;
}

/* The line that is being written; it goes to `out` in one piece. */
struct line {
  struct shop__bytes *out;
  size_t column;
  char text[QP_LINE_MAX + 3];
};

static void end_line(struct line *line, const char *end, size_t size) {
  memcpy(line->text + line->column, end, size);
  shop__bytes_add(line->out, line->text, line->column + size);
  line->column = 0;
}

static void add_escape(struct line *line, char byte) {
  static const char digits[] = "0123456789ABCDEF";
  unsigned char code = (unsigned char)byte;
  line->text[line->column++] = '=';
  line->text[line->column++] = digits[code >> 4];
  line->text[line->column++] = digits[code & 15];
}

void shop__mail_quoted_printable(struct shop__bytes *out, const char *text, size_t size) {
  const char *end = text + size;
  struct line line = {.out = out};
  while (text < end && !out->failed) {
    if (ends_line(text, end)) {
      end_line(&line, "\r\n", 2);
      text += 2;
      continue;
    }
    size_t room = QP_LINE_MAX - line.column;
    size_t run = line.column == 0 && misleads(text, end) ? 0 : plain_run(text, end, room);
    if (run > 0) {
      memcpy(line.text + line.column, text, run);
      line.column += run;
      text += run;
    } else if (room >= 3) {
      add_escape(&line, *text++);
    } else {
      end_line(&line, "=\r\n", 3);
    }
  }
  end_line(&line, "", 0);
  if (out->secret) {
    shop__memory_wipe(line.text, sizeof line.text);
  }
}
