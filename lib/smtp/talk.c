/*
 * The conversation: a command goes out, a whole reply comes in, each within
 * its limit of time; and what is said when one does not.
 */
#include "smtp.h"

/* The connection is of no more use. Nothing of the mail is delivered by then, but for the moment
   after its end, whose caller says so itself. */
static bool lost(struct shop_smtp *smtp, const char *what) {
  static const char *const how[] = {
      [SHOP__SMTP_WHOLE] = "answered something that is no SMTP",
      [SHOP__SMTP_ENDED] = "closed the connection",
      [SHOP__SMTP_LATE] = "did not answer in time",
      [SHOP__SMTP_BROKEN] = "lost the connection",
  };

  shop__smtp_answer_say(smtp->answer, SHOP_SMTP_LATER, "%s %s at %s", smtp->config.host,
                        how[smtp->stream.broken], what);
  return false;
}

bool shop__smtp_talk_write(struct shop_smtp *smtp, const char *what, const void *data,
                           size_t size) {
  struct shop__smtp_stream *stream = &smtp->stream;

  /* A reply to nothing would be taken for the one to the next command. */
  if (stream->from != stream->to)
    return lost(smtp, what);
  return shop__smtp_stream_write(stream, data, size) || lost(smtp, what);
}

bool shop__smtp_talk_read(struct shop_smtp *smtp, const char *what, int32_t step) {
  struct shop__smtp_stream *stream = &smtp->stream;
  enum shop__smtp_feed feed = SHOP__SMTP_MORE;

  shop__smtp_stream_step(stream, smtp->config.timeout_ms[step]);
  shop__smtp_reply_begin(&smtp->reply);
  while (feed == SHOP__SMTP_MORE) {
    size_t taken = 0;
    if (stream->from == stream->to && !shop__smtp_stream_fill(stream))
      return lost(smtp, what);
    feed = shop__smtp_reply_feed(&smtp->reply, stream->in + stream->from, stream->to - stream->from,
                                 &taken);
    stream->from += taken;
  }
  if (feed == SHOP__SMTP_BAD)
    return lost(smtp, what);
  /* 421 may come to any command, and ends the connection (RFC 5321 3.8). */
  return smtp->reply.code != 421 || shop__smtp_talk_refused(smtp, what);
}

bool shop__smtp_talk(struct shop_smtp *smtp, const char *what, const char *command, size_t size) {
  shop__smtp_stream_step(&smtp->stream, smtp->config.timeout_ms[SHOP_SMTP_STEP_COMMAND]);
  return shop__smtp_talk_write(smtp, what, command, size) &&
         shop__smtp_talk_read(smtp, what, SHOP_SMTP_STEP_COMMAND);
}

bool shop__smtp_talk_refused(struct shop_smtp *smtp, const char *what) {
  shop__smtp_answer_quote(smtp->answer, SHOP_SMTP_LATER, smtp->config.host, what, &smtp->reply,
                          true);
  return false;
}
