/*
 * The bytes of one mail: whether they are fit to be sent, what they need of
 * the server, and how they go over the line.
 */
#include "smtp.h"

#include <string.h>

#define LINE_MAX_BYTES 998 /* RFC 5322 2.1.1, RFC 5321 4.5.3.1.6 */

static bool is_ascii(const char *text) {
  for (; *text != '\0'; text++)
    if ((unsigned char)*text > 0x7F)
      return false;
  return true;
}

static bool reject(struct shop_smtp_answer *answer, const char *why) {
  shop__smtp_answer_say(answer, SHOP_SMTP_REJECTED, "not sent: %s", why);
  return false;
}

/* What is wrong with a message, or NULL. A bare CR or LF is an end of a line to some servers and
   none to others: between the two fits a second mail of somebody else's making. */
static const char *find_fault(struct shop__smtp_mail *mail) {
  bool header = true;
  size_t column = 0;

  for (size_t at = 0; at < mail->size; at++) {
    unsigned char c = (unsigned char)mail->message[at];
    if (c == '\r') {
      if (at + 1 == mail->size || mail->message[at + 1] != '\n')
        return "the message has a bare CR";
      header = header && column > 0; /* an empty line ends it */
      column = 0;
      at++;
      continue;
    }
    if (c == '\n')
      return "the message has a bare LF";
    if (c == '\0')
      return "the message has a NUL";
    if (++column > LINE_MAX_BYTES)
      return "the message has a line of over 998 bytes";
    mail->eight_bit = mail->eight_bit || c > 0x7F;
    mail->utf8 = mail->utf8 || (header && c > 0x7F);
  }
  return NULL;
}

bool shop__smtp_message_check(struct shop__smtp_mail *mail, struct shop_smtp_answer *answer) {
  char key[SHOP__EMAIL_BYTES];
  const char *fault;

  mail->eight_bit = false;
  /* What is a mailbox holds no control character and so cannot end a command. */
  if (mail->sender[0] != '\0' && shop__email_parse(mail->sender, key, NULL) != SHOP_OK)
    return reject(answer, "the sender is no mailbox");
  if (shop__email_parse(mail->recipient, key, NULL) != SHOP_OK)
    return reject(answer, "the recipient is no mailbox");
  mail->utf8 = !is_ascii(mail->sender) || !is_ascii(mail->recipient);
  fault = find_fault(mail);
  return fault == NULL || reject(answer, fault);
}

/* ---- writing --------------------------------------------------------------------------------- */

struct writer {
  struct shop__smtp_stream *stream;
  size_t used;
  bool good;
  char out[8192];
};

static void put(struct writer *writer, const char *data, size_t size) {
  while (writer->good && size > 0) {
    size_t room = sizeof writer->out - writer->used;
    size_t part = size < room ? size : room;
    memcpy(writer->out + writer->used, data, part);
    writer->used += part;
    data += part;
    size -= part;
    if (writer->used == sizeof writer->out) {
      writer->good = shop__smtp_stream_write(writer->stream, writer->out, writer->used);
      writer->used = 0;
    }
  }
}

bool shop__smtp_message_write(const struct shop__smtp_mail *mail,
                              struct shop__smtp_stream *stream) {
  struct writer writer = {.stream = stream, .good = true};
  const char *at = mail->message, *end = at + mail->size;
  bool ended = false;

  while (at < end) {
    const char *lf = memchr(at, '\n', (size_t)(end - at));
    const char *next = lf == NULL ? end : lf + 1;
    if (*at == '.')
      put(&writer, ".", 1);
    put(&writer, at, (size_t)(next - at));
    ended = lf != NULL;
    at = next;
  }
  if (!ended)
    put(&writer, "\r\n", 2);
  put(&writer, ".\r\n", 3);
  return writer.good &&
         (writer.used == 0 || shop__smtp_stream_write(stream, writer.out, writer.used));
}
