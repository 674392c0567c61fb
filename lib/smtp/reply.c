/*
 * What a server answers: a parser that takes bytes as they come and holds a
 * bounded reply, what the reply means for a mail, and what EHLO offers.
 */
#include "smtp.h"

#include <assert.h>
#include <string.h>
#include <strings.h>

void shop__smtp_reply_begin(struct shop__smtp_reply *reply) {
  memset(reply, 0, offsetof(struct shop__smtp_reply, text));
  reply->text[0] = '\0';
}

static bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

/* The number of digits at text, up to three; what comes after must end the number. */
static size_t digits(const char *text) {
  size_t count = 0;

  while (count < 3 && is_digit(text[count]))
    count++;
  return is_digit(text[count]) ? 0 : count;
}

/* class "." subject "." detail (RFC 3463 2), before a space or the end of the line. */
static void find_enhanced(struct shop__smtp_reply *reply) {
  const char *text = reply->text;
  size_t subject, detail, size;

  if ((text[0] != '2' && text[0] != '4' && text[0] != '5') || text[1] != '.')
    return;
  subject = digits(text + 2);
  if (subject == 0 || text[2 + subject] != '.')
    return;
  detail = digits(text + 3 + subject);
  size = 3 + subject + detail;
  if (detail == 0 || (text[size] != ' ' && text[size] != '\n'))
    return;
  memcpy(reply->enhanced, text, size);
  reply->enhanced[size] = '\0';
}

static void add(struct shop__smtp_reply *reply, char c) {
  assert(reply->used + 1 < sizeof reply->text);
  reply->text[reply->used++] = c == '\0' ? '?' : c; /* a NUL would hide the rest */
  reply->text[reply->used] = '\0';
}

/* One of the three digits of a line. Every line of a reply has the same code. */
static bool take_digit(struct shop__smtp_reply *reply, char c) {
  if (!is_digit(c) || (reply->column == 0 && (c < '2' || c > '5')))
    return false;
  reply->line_code = reply->line_code * 10 + (uint32_t)(c - '0');
  reply->column++;
  if (reply->column < 3)
    return true;
  if (reply->code == 0)
    reply->code = (int32_t)reply->line_code;
  return reply->code == (int32_t)reply->line_code;
}

static void end_line(struct shop__smtp_reply *reply) {
  if (reply->used > 0 && reply->text[reply->used - 1] == '\r')
    reply->used--;
  add(reply, '\n');
  reply->column = 0;
  reply->line_code = 0;
}

static enum shop__smtp_feed take(struct shop__smtp_reply *reply, char c) {
  /* As many bytes of text can come as bytes of the reply, and a NUL. */
  if (++reply->size >= SHOP__SMTP_REPLY_MAX)
    return SHOP__SMTP_BAD;
  if (reply->column < 3)
    return take_digit(reply, c) ? SHOP__SMTP_MORE : SHOP__SMTP_BAD;
  if (reply->column == 3) {
    /* A code alone is a last line too (RFC 5321 4.2). */
    if (c != ' ' && c != '-' && c != '\r' && c != '\n')
      return SHOP__SMTP_BAD;
    reply->last_line = c != '-';
    reply->column = 4;
    if (c == ' ' || c == '-')
      return SHOP__SMTP_MORE;
  }
  if (c != '\n') {
    add(reply, c);
    return SHOP__SMTP_MORE;
  }
  end_line(reply);
  return reply->last_line ? SHOP__SMTP_DONE : SHOP__SMTP_MORE;
}

enum shop__smtp_feed shop__smtp_reply_feed(struct shop__smtp_reply *reply, const void *data,
                                           size_t size, size_t *taken) {
  enum shop__smtp_feed feed = SHOP__SMTP_MORE;
  size_t at = 0;

  while (at < size && feed == SHOP__SMTP_MORE)
    feed = take(reply, ((const char *)data)[at++]);
  if (feed == SHOP__SMTP_DONE)
    find_enhanced(reply);
  *taken = at;
  return feed;
}

/* Enhanced codes of class 5 that blame the server, the settings or the log-in, not the mail. */
static bool blames_us(const char *enhanced) {
  static const char *const codes[] = {"5.3.2",  "5.3.5",  "5.7.8", "5.7.9",
                                      "5.7.10", "5.7.11", "5.7.12"};

  for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++)
    if (strcmp(enhanced, codes[i]) == 0)
      return true;
  return false;
}

int32_t shop__smtp_reply_verdict(const struct shop__smtp_reply *reply) {
  /* 503: the order of commands; 530: log in first. */
  if (reply->code < 500 || reply->code == 503 || reply->code == 530)
    return SHOP_SMTP_LATER;
  if (reply->enhanced[0] != '\0' && (reply->enhanced[0] != '5' || blames_us(reply->enhanced)))
    return SHOP_SMTP_LATER;
  return SHOP_SMTP_REJECTED;
}

/* ---- the offer -------------------------------------------------------------------------- */

/* Takes the next word of a line, which ends at a space, at LF or at the end; its length. */
static size_t next_word(const char **at, const char **word) {
  *at += strspn(*at, " \t");
  *word = *at;
  *at += strcspn(*at, " \t\n");
  return (size_t)(*at - *word);
}

static bool is_word(const char *word, size_t size, const char *wanted) {
  return strlen(wanted) == size && strncasecmp(word, wanted, size) == 0;
}

/* A limit that does not fit is no limit. */
static int64_t read_size(const char *word, size_t size) {
  int64_t value = 0;

  for (size_t i = 0; i < size; i++) {
    if (!is_digit(word[i]) || value > INT64_MAX / 10 - 9)
      return 0;
    value = value * 10 + (word[i] - '0');
  }
  return value;
}

static void read_mechanisms(const char *at, struct shop__smtp_offer *out) {
  const char *word;
  size_t size;

  while ((size = next_word(&at, &word)) > 0) {
    out->plain = out->plain || is_word(word, size, "PLAIN");
    out->login = out->login || is_word(word, size, "LOGIN");
    out->xoauth2 = out->xoauth2 || is_word(word, size, "XOAUTH2");
  }
}

static void read_keyword(const char *at, struct shop__smtp_offer *out) {
  const char *word;
  size_t size = next_word(&at, &word);

  if (is_word(word, size, "PIPELINING")) {
    out->pipelining = true;
  } else if (is_word(word, size, "8BITMIME")) {
    out->eight_bit = true;
  } else if (is_word(word, size, "SMTPUTF8")) {
    out->utf8 = true;
  } else if (is_word(word, size, "STARTTLS")) {
    out->starttls = true;
  } else if (is_word(word, size, "SIZE")) {
    out->size = true;
    size = next_word(&at, &word);
    out->size_max = read_size(word, size);
  } else if (is_word(word, size, "AUTH")) {
    read_mechanisms(at, out);
  }
}

void shop__smtp_reply_offer(const struct shop__smtp_reply *reply, struct shop__smtp_offer *out) {
  const char *line = strchr(reply->text, '\n'); /* the first line names the server */

  *out = (struct shop__smtp_offer){0};
  while (line != NULL && line[1] != '\0') {
    read_keyword(line + 1, out);
    line = strchr(line + 1, '\n');
  }
}
