/*
 * Logging in: AUTH (RFC 4954) with XOAUTH2, PLAIN (RFC 4616) or LOGIN. What
 * the server says to it is never repeated, since it may repeat what we said.
 */
#include "smtp.h"

#include <stdio.h>
#include <string.h>

/* The longest: XOAUTH2 with its two texts, in base64. */
#define SECRET_BYTES (SHOP__SMTP_NAME_BYTES + SHOP__SMTP_TOKEN_BYTES + 64)
#define LINE_BYTES (SECRET_BYTES / 3 * 4 + 64)

/* Appends base64 (RFC 4648 4) and CRLF to a command of `used` bytes; the new length. */
static size_t add_base64(char *line, size_t used, const char *secret, size_t size) {
  static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

  for (size_t at = 0; at < size; at += 3) {
    uint32_t bits = (uint32_t)(unsigned char)secret[at] << 16;
    if (at + 1 < size)
      bits |= (uint32_t)(unsigned char)secret[at + 1] << 8;
    if (at + 2 < size)
      bits |= (uint32_t)(unsigned char)secret[at + 2];
    line[used++] = alphabet[bits >> 18];
    line[used++] = alphabet[bits >> 12 & 63];
    line[used++] = at + 1 < size ? alphabet[bits >> 6 & 63] : '=';
    line[used++] = at + 2 < size ? alphabet[bits & 63] : '=';
  }
  line[used++] = '\r';
  line[used++] = '\n';
  return used;
}

/* "AUTH PLAIN " or nothing, then the secret. */
static bool talk_secret(struct shop_smtp *smtp, const char *command, const char *secret,
                        size_t size) {
  char line[LINE_BYTES];
  size_t used = strlen(command);
  bool talked;

  memcpy(line, command, used);
  used = add_base64(line, used, secret, size);
  talked = shop__smtp_talk(smtp, "AUTH", line, used);
  shop__memory_wipe(line, sizeof line);
  return talked;
}

static bool refused(struct shop_smtp *smtp) {
  shop__smtp_answer_quote(smtp->answer, SHOP_SMTP_LATER, smtp->config.host, "AUTH", &smtp->reply,
                          false);
  return false;
}

static bool plain(struct shop_smtp *smtp) {
  char secret[SECRET_BYTES];
  size_t login = strlen(smtp->config.login), password = strlen(smtp->config.password);
  bool talked;

  secret[0] = '\0';
  memcpy(secret + 1, smtp->config.login, login + 1);
  memcpy(secret + login + 2, smtp->config.password, password);
  talked = talk_secret(smtp, "AUTH PLAIN ", secret, login + password + 2);
  shop__memory_wipe(secret, sizeof secret);
  return talked;
}

/* The server asks for the two, one after the other; in which words is not defined. */
static bool login(struct shop_smtp *smtp) {
  static const char command[] = "AUTH LOGIN\r\n";

  if (!shop__smtp_talk(smtp, "AUTH", command, sizeof command - 1))
    return false;
  if (smtp->reply.code != 334)
    return refused(smtp);
  if (!talk_secret(smtp, "", smtp->config.login, strlen(smtp->config.login)))
    return false;
  if (smtp->reply.code != 334)
    return refused(smtp);
  return talk_secret(smtp, "", smtp->config.password, strlen(smtp->config.password));
}

static bool xoauth2_with(struct shop_smtp *smtp, const char *token) {
  char secret[SECRET_BYTES];
  int size =
      snprintf(secret, sizeof secret, "user=%s\1auth=Bearer %s\1\1", smtp->config.login, token);
  bool talked = talk_secret(smtp, "AUTH XOAUTH2 ", secret, (size_t)size);

  shop__memory_wipe(secret, sizeof secret);
  /* A refusal comes as a challenge that tells why, to be answered by nothing. */
  if (talked && smtp->reply.code == 334)
    talked = shop__smtp_talk(smtp, "AUTH", "\r\n", 2);
  return talked;
}

static bool xoauth2(struct shop_smtp *smtp) {
  char token[SHOP__SMTP_TOKEN_BYTES] = "";
  bool have = smtp->config.token(smtp->config.token_user, token, sizeof token) == 1;
  bool talked = false;

  token[sizeof token - 1] = '\0';
  if (have &&
      shop__text_check("token", token, 1, sizeof token - 1, SHOP__TEXT_LINE, NULL) == SHOP_OK)
    talked = xoauth2_with(smtp, token);
  else
    shop__smtp_answer_say(smtp->answer, SHOP_SMTP_LATER, "the callback has no access token for %s",
                          smtp->config.host);
  shop__memory_wipe(token, sizeof token);
  return talked;
}

bool shop__smtp_login(struct shop_smtp *smtp) {
  const struct shop__smtp_offer *offer = &smtp->offer;
  bool talked;

  if (smtp->config.login[0] == '\0')
    return true;
  if (smtp->config.token != NULL ? !offer->xoauth2 : !offer->plain && !offer->login) {
    shop__smtp_answer_say(smtp->answer, SHOP_SMTP_LATER, "%s does not offer AUTH by %s",
                          smtp->config.host,
                          smtp->config.token != NULL ? "XOAUTH2" : "PLAIN or LOGIN");
    return false;
  }
  if (smtp->config.token != NULL)
    talked = xoauth2(smtp);
  else
    talked = offer->plain ? plain(smtp) : login(smtp);
  return talked && (smtp->reply.code == 235 || refused(smtp));
}
