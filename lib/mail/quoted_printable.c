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

/* May the byte at text stand as it is? At the start of a line two things may not, whatever the
   standard allows: a dot, which ends a message for SMTP when alone and not stuffed, and "From ",
   which mbox files begin a message with. */
static bool stays(const char *text, const char *end, bool line_start) {
  if (*text == ' ') {
    return !ends_line(text + 1, end);
  }
  if (line_start && (*text == '.' || (end - text >= 5 && memcmp(text, "From ", 5) == 0))) {
    return false;
  }
  return *text > ' ' && *text <= '~' && *text != '=';
}

void shop__mail_quoted_printable(struct shop__bytes *out, const char *text, size_t size) {
  const char *end = text + size;
  size_t column = 0;
  while (text < end) {
    if (ends_line(text, end)) {
      shop__bytes_add(out, "\r\n", 2);
      column = 0;
      text += 2;
      continue;
    }
    if (column + (stays(text, end, column == 0) ? 1 : 3) > QP_LINE_MAX) {
      shop__bytes_add(out, "=\r\n", 3);
      column = 0;
    }
    if (stays(text, end, column == 0)) {
      shop__bytes_add(out, text, 1);
      column++;
    } else {
      shop__bytes_format(out, "=%02X", (unsigned)(unsigned char)*text);
      column += 3;
    }
    text++;
  }
}
