/*
 * One mail: the envelope, the message, the server's last word. A connection
 * that was kept may have died meanwhile, which is found out at the envelope;
 * then it is made anew, once. After the end of the message nothing is repeated.
 */
#include "smtp.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* What became of a part of the work. */
enum outcome {
  DONE,
  ANSWERED, /* the mail's answer is given; the connection goes on */
  LOST      /* the same, and the connection is of no more use */
};

/* The commands of an envelope, of which each has one reply. */
struct command {
  const char *name;
  size_t size;
  char line[400];
};

/* What the mail needs and the server has not: no later try will change that. */
static bool offer_fits(struct shop_smtp *smtp, const struct shop__smtp_mail *mail) {
  const struct shop__smtp_offer *offer = &smtp->offer;
  const char *missing = NULL;

  if (mail->utf8 && !offer->utf8)
    missing = "SMTPUTF8, which an address or a header needs";
  else if (mail->eight_bit && !offer->eight_bit)
    missing = "8BITMIME, which the message needs";
  if (missing != NULL)
    shop__smtp_answer_say(smtp->answer, SHOP_SMTP_REJECTED, "%s does not offer %s",
                          smtp->config.host, missing);
  else if (offer->size_max > 0 && mail->size > (uint64_t)offer->size_max)
    shop__smtp_answer_say(smtp->answer, SHOP_SMTP_REJECTED,
                          "%s takes messages of up to %" PRId64 " bytes, and this one has %zu",
                          smtp->config.host, offer->size_max, mail->size);
  else
    return true;
  return false;
}

static void set_command(struct command *command, const char *name, const char *line) {
  command->name = name;
  command->size = (size_t)snprintf(command->line, sizeof command->line, "%s\r\n", line);
}

/* Returns how many there are: RSET where one is due, MAIL, RCPT, DATA. */
static size_t write_envelope(const struct shop_smtp *smtp, const struct shop__smtp_mail *mail,
                             struct command commands[4]) {
  const struct shop__smtp_offer *offer = &smtp->offer;
  char line[390], size[40] = "";
  size_t count = 0;

  if (smtp->dirty)
    set_command(&commands[count++], "RSET", "RSET");
  if (offer->size)
    (void)snprintf(size, sizeof size, " SIZE=%zu", mail->size);
  (void)snprintf(line, sizeof line, "MAIL FROM:<%s>%s%s%s", mail->sender, size,
                 mail->eight_bit ? " BODY=8BITMIME" : "", mail->utf8 ? " SMTPUTF8" : "");
  set_command(&commands[count++], "MAIL", line);
  (void)snprintf(line, sizeof line, "RCPT TO:<%s>", mail->recipient);
  set_command(&commands[count++], "RCPT", line);
  set_command(&commands[count++], "DATA", "DATA");
  return count;
}

/* Gives the mail's answer where a reply is not the wanted one. */
static enum outcome judge(struct shop_smtp *smtp, const struct command *command) {
  int32_t code = smtp->reply.code;
  bool data = strcmp(command->name, "DATA") == 0;
  bool reset = strcmp(command->name, "RSET") == 0;

  if (data ? code == 354 : code / 100 == 2)
    return DONE;
  /* A yes that does not fit: the two sides do not speak of the same command. And RSET, which is
     never refused (RFC 5321 4.1.1.5), says nothing of this mail. */
  if (code < 400 || reset) {
    (void)shop__smtp_talk_refused(smtp, command->name);
    return LOST;
  }
  shop__smtp_answer_quote(smtp->answer, shop__smtp_reply_verdict(&smtp->reply), smtp->config.host,
                          command->name, &smtp->reply, true);
  return ANSWERED;
}

/* All at once (RFC 2920), then all replies. The first refusal decides; a server that would take
   the message nevertheless gets none, not even an empty one. */
static enum outcome pipelined(struct shop_smtp *smtp, const struct command *commands,
                              size_t count) {
  enum outcome outcome = DONE;
  char all[4 * sizeof commands->line];
  size_t used = 0;

  for (size_t i = 0; i < count; i++) {
    memcpy(all + used, commands[i].line, commands[i].size);
    used += commands[i].size;
  }
  if (!shop__smtp_talk_write(smtp, "MAIL", all, used))
    return LOST;
  for (size_t i = 0; i < count; i++) {
    struct shop_smtp_answer first = *smtp->answer;
    enum outcome this;

    if (!shop__smtp_talk_read(smtp, commands[i].name, SHOP_SMTP_STEP_COMMAND))
      this = LOST;
    else
      this = judge(smtp, &commands[i]);
    if (outcome == ANSWERED) /* what refused it stays the reason */
      *smtp->answer = first;
    if (this == LOST || (outcome == ANSWERED && smtp->reply.code == 354))
      return LOST;
    if (outcome == DONE)
      outcome = this;
  }
  return outcome;
}

static enum outcome one_by_one(struct shop_smtp *smtp, const struct command *commands,
                               size_t count) {
  enum outcome outcome = DONE;

  for (size_t i = 0; i < count && outcome == DONE; i++)
    outcome = shop__smtp_talk(smtp, commands[i].name, commands[i].line, commands[i].size)
                  ? judge(smtp, &commands[i])
                  : LOST;
  return outcome;
}

static enum outcome send_envelope(struct shop_smtp *smtp, const struct shop__smtp_mail *mail) {
  struct command commands[4];
  size_t count = write_envelope(smtp, mail, commands);

  shop__smtp_stream_step(&smtp->stream, smtp->config.timeout_ms[SHOP_SMTP_STEP_COMMAND]);
  smtp->dirty = true;
  return smtp->offer.pipelining ? pipelined(smtp, commands, count)
                                : one_by_one(smtp, commands, count);
}

static enum outcome send_message(struct shop_smtp *smtp, const struct shop__smtp_mail *mail) {
  static const struct command end = {.name = "the message"};
  struct shop__smtp_stream *stream = &smtp->stream;
  struct shop_smtp_answer *answer = smtp->answer;
  enum outcome outcome;

  shop__smtp_stream_step(stream, smtp->config.timeout_ms[SHOP_SMTP_STEP_DATA]);
  if (!shop__smtp_talk_write(smtp, "the message", "", 0))
    return LOST;
  if (!shop__smtp_message_write(mail, stream)) {
    shop__smtp_answer_say(answer, SHOP_SMTP_LATER, "%s did not take the whole message",
                          smtp->config.host);
    return LOST;
  }
  if (!shop__smtp_talk_read(smtp, "the message", SHOP_SMTP_STEP_ANSWER)) {
    if (smtp->reply.code != 421)
      shop__smtp_answer_say(answer, SHOP_SMTP_LATER,
                            "%s gave no answer after the end of the message, and may have taken it",
                            smtp->config.host);
    return LOST;
  }
  smtp->dirty = false; /* whatever the answer is, it ends the transaction */
  outcome = judge(smtp, &end);
  if (outcome == DONE)
    shop__smtp_answer_quote(answer, SHOP_SMTP_DELIVERED, smtp->config.host, "the message",
                            &smtp->reply, true);
  return outcome;
}

/* Leaves the mail on a connection that takes its message, or gives the answer. */
static enum outcome reach_data(struct shop_smtp *smtp, const struct shop__smtp_mail *mail) {
  bool kept = smtp->stream.open;

  for (;;) {
    enum outcome outcome;

    if (!smtp->stream.open && !shop__smtp_session_open(smtp))
      return LOST;
    if (!offer_fits(smtp, mail))
      return ANSWERED;
    outcome = send_envelope(smtp, mail);
    if (outcome != LOST || !kept)
      return outcome;
    shop__smtp_stream_close(&smtp->stream);
    kept = false;
  }
}

void shop__smtp_send(struct shop_smtp *smtp, struct shop__smtp_mail *mail) {
  enum outcome outcome;

  if (!shop__smtp_message_check(mail, smtp->answer))
    return;
  if (smtp->mails >= smtp->config.mails_max)
    shop__smtp_session_quit(smtp);
  outcome = reach_data(smtp, mail);
  if (outcome == DONE)
    outcome = send_message(smtp, mail);
  smtp->mails++;
  if (outcome == LOST)
    shop__smtp_stream_close(&smtp->stream);
}
