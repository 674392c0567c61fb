/*
 * From no connection to one that takes mail: greeting, EHLO, STARTTLS, EHLO
 * again, log-in; and the way back.
 */
#include "smtp.h"

#include <assert.h>
#include <stdio.h>

static bool open_stream(struct shop_smtp *smtp) {
  const struct shop_smtp_config *config = &smtp->config;
  struct shop__smtp_stream *stream = &smtp->stream;

  smtp->socket.why[0] = '\0';
  shop__smtp_stream_step(stream, config->timeout_ms[SHOP_SMTP_STEP_CONNECT]);
  if (!shop__smtp_stream_open(stream, config->host, config->port)) {
    const char *why = smtp->socket.why;
    if (why[0] == '\0')
      why = stream->broken == SHOP__SMTP_LATE ? "the time is over" : "the stream failed";
    shop__smtp_answer_say(smtp->answer, SHOP_SMTP_LATER, "no connection to %s, port %d: %s",
                          config->host, (int)config->port, why);
    return false;
  }
  return true;
}

static bool start_tls(struct shop_smtp *smtp) {
  struct shop__smtp_stream *stream = &smtp->stream;
  char why[SHOP__SMTP_WHY_BYTES];

  shop__smtp_stream_step(stream, smtp->config.timeout_ms[SHOP_SMTP_STEP_COMMAND]);
  if (shop__smtp_tls_start(smtp->tls, stream, smtp->config.tls_name, why))
    return true;
  if (stream->broken == SHOP__SMTP_LATE)
    (void)snprintf(why, sizeof why, "the TLS handshake took too long");
  shop__smtp_answer_say(smtp->answer, SHOP_SMTP_LATER, "no secure connection to %s: %s",
                        smtp->config.host, why);
  return false;
}

static bool greeted(struct shop_smtp *smtp) {
  return shop__smtp_talk_read(smtp, "the greeting", SHOP_SMTP_STEP_GREETING) &&
         (smtp->reply.code == 220 || shop__smtp_talk_refused(smtp, "the greeting"));
}

static bool say_hello(struct shop_smtp *smtp, const char *word) {
  char line[SHOP__SMTP_NAME_BYTES + 16];
  int size = snprintf(line, sizeof line, "%s %s\r\n", word, smtp->config.local_name);

  return shop__smtp_talk(smtp, word, line, (size_t)size);
}

/* HELO, from before there were extensions, only where nobody expects security of it. */
static bool hello(struct shop_smtp *smtp) {
  smtp->offer = (struct shop__smtp_offer){0};
  if (!say_hello(smtp, "EHLO"))
    return false;
  if (smtp->reply.code == 250) {
    shop__smtp_reply_offer(&smtp->reply, &smtp->offer);
    return true;
  }
  if (smtp->config.security != SHOP_SMTP_PLAINTEXT || smtp->reply.code < 500)
    return shop__smtp_talk_refused(smtp, "EHLO");
  return say_hello(smtp, "HELO") &&
         (smtp->reply.code == 250 || shop__smtp_talk_refused(smtp, "HELO"));
}

/* RFC 3207: nothing that was said in clear counts after it, neither what the server offered nor
   bytes that came along with its answer, which somebody on the way may have put there. */
static bool upgrade(struct shop_smtp *smtp) {
  static const char command[] = "STARTTLS\r\n";
  struct shop__smtp_stream *stream = &smtp->stream;

  if (!hello(smtp))
    return false;
  if (!smtp->offer.starttls) {
    shop__smtp_answer_say(smtp->answer, SHOP_SMTP_LATER,
                          "%s does not offer STARTTLS, and nothing is sent without it",
                          smtp->config.host);
    return false;
  }
  if (!shop__smtp_talk(smtp, "STARTTLS", command, sizeof command - 1))
    return false;
  if (smtp->reply.code != 220)
    return shop__smtp_talk_refused(smtp, "STARTTLS");
  if (stream->from != stream->to) {
    shop__smtp_answer_say(smtp->answer, SHOP_SMTP_LATER,
                          "%s sent more than its answer to STARTTLS: an attack on the way",
                          smtp->config.host);
    return false;
  }
  return start_tls(smtp);
}

static bool secure(struct shop_smtp *smtp) {
  switch ((enum shop_smtp_security)smtp->config.security) {
  case SHOP_SMTP_STARTTLS:
    return greeted(smtp) && upgrade(smtp);
  case SHOP_SMTP_TLS:
    return start_tls(smtp) && greeted(smtp);
  case SHOP_SMTP_PLAINTEXT:
    return greeted(smtp);
  }
  return false;
}

bool shop__smtp_session_open(struct shop_smtp *smtp) {
  bool good;

  assert(!smtp->stream.open);
  smtp->mails = 0;
  smtp->dirty = false;
  good = open_stream(smtp) && secure(smtp) && hello(smtp) && shop__smtp_login(smtp);
  if (!good)
    shop__smtp_stream_close(&smtp->stream);
  return good;
}

void shop__smtp_session_quit(struct shop_smtp *smtp) {
  static const char command[] = "QUIT\r\n";
  struct shop_smtp_answer nobody_asks;
  struct shop_smtp_answer *answer = smtp->answer;

  if (!smtp->stream.open)
    return;
  smtp->answer = &nobody_asks;
  if (!shop__smtp_talk(smtp, "QUIT", command, sizeof command - 1))
    smtp->stream.broken = SHOP__SMTP_BROKEN; /* then TLS says no goodbye either */
  smtp->answer = answer;
  shop__smtp_stream_close(&smtp->stream);
}
