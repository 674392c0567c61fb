/*
 * What became of a mail: a result, the code that decided, and one line that
 * says why and is fit to be stored and shown.
 */
#include "smtp.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define REASON_MAX (SHOP__SMTP_REASON_BYTES - 1)

/* Appends a text, each control character and malformed byte as one '?' and each end of a line as a
   space; cut at the edge of a character. A server may say anything. */
static void append(struct shop_smtp_answer *answer, const char *text) {
  size_t used = strlen(answer->reason), size = strlen(text);

  for (size_t at = 0; at < size;) {
    uint32_t code = 0;
    size_t length = shop__text_next(text + at, size - at, &code);
    bool fit = length > 0 && !shop__text_is_control(code);
    size_t wide = fit ? length : 1;

    if (used + wide > REASON_MAX)
      break;
    if (fit)
      memcpy(answer->reason + used, text + at, length);
    else
      answer->reason[used] = text[at] == '\n' || text[at] == '\t' ? ' ' : '?';
    used += wide;
    at += length > 0 ? length : 1;
  }
  while (used > 0 && answer->reason[used - 1] == ' ')
    used--;
  answer->reason[used] = '\0';
}

void shop__smtp_answer_say(struct shop_smtp_answer *answer, int32_t result, const char *format,
                           ...) {
  char text[2 * SHOP__SMTP_NAME_BYTES + SHOP__SMTP_WHY_BYTES];
  va_list arguments;

  va_start(arguments, format);
  (void)vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  *answer = (struct shop_smtp_answer){.result = result};
  append(answer, text);
}

void shop__smtp_answer_quote(struct shop_smtp_answer *answer, int32_t result, const char *host,
                             const char *command, const struct shop__smtp_reply *reply,
                             bool quote) {
  /* The enhanced code stands before the text anyway where the text is quoted. */
  bool enhanced = !quote && reply->enhanced[0] != '\0';

  shop__smtp_answer_say(answer, result, "%s answered %d%s%s to %s%s", host, (int)reply->code,
                        enhanced ? " " : "", enhanced ? reply->enhanced : "", command,
                        quote && reply->used > 1 ? ": " : "");
  answer->code = reply->code;
  memcpy(answer->enhanced, reply->enhanced, sizeof answer->enhanced);
  if (quote && reply->used > 1) {
    /* say() has dropped the space at the end. */
    strncat(answer->reason, " ", REASON_MAX - strlen(answer->reason));
    append(answer, reply->text);
  }
}

void shop_smtp_answer_free(shop_smtp_answer_t *answer) {
  shop__memory_free(answer);
}

int32_t shop_smtp_answer_result(const shop_smtp_answer_t *answer) {
  return answer == NULL ? 0 : answer->result;
}

const char *shop_smtp_answer_reason(const shop_smtp_answer_t *answer) {
  return answer == NULL ? "" : answer->reason;
}

int32_t shop_smtp_answer_reply_code(const shop_smtp_answer_t *answer) {
  return answer == NULL ? 0 : answer->code;
}

const char *shop_smtp_answer_enhanced_code(const shop_smtp_answer_t *answer) {
  return answer == NULL ? "" : answer->enhanced;
}
