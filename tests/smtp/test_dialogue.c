/*
 * The dialogue with a server in memory: what is said, what is made of each
 * answer, and what happens when a connection breaks off at any byte.
 */
#include "server.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char small_offer[] = "250 mail.example\r\n";

static void ck_commands(struct server *server, const char *wanted) {
  server->commands[server->commands_size] = '\0';
  ck_assert_str_eq(server->commands, wanted);
}

static void ck_answer(shop_smtp_answer_t *answer, int32_t result, int32_t code,
                      const char *enhanced) {
  ck_assert_msg(shop_smtp_answer_result(answer) == result, "%s", shop_smtp_answer_reason(answer));
  ck_assert_int_eq(shop_smtp_answer_reply_code(answer), code);
  ck_assert_str_eq(shop_smtp_answer_enhanced_code(answer), enhanced);
  ck_assert_uint_le(strlen(shop_smtp_answer_reason(answer)), 255);
  shop_smtp_answer_free(answer);
}

/* ---- what is said ------------------------------------------------------------------------ */

/* With PIPELINING the envelope goes out in one piece; without, one command at a time. */
START_TEST(the_whole_dialogue) {
  struct server *server = server_new();
  shop_smtp_t *smtp = server_handle(server);

  ck_answer(server_send(smtp), SHOP_SMTP_DELIVERED, 250, "2.0.0");
  ck_commands(server,
              "EHLO client.example\r\nMAIL FROM:<shop@example.org> SIZE=21\r\n"
              "RCPT TO:<ada@example.net>\r\nDATA\r\n");
  ck_assert_int_eq(server->writes, 3); /* EHLO, the envelope, the message */
  ck_assert_str_eq(server->messages[0], SERVER_MESSAGE ".\r\n");
  ck_assert_int_eq(shop_smtp_close(smtp, NULL), SHOP_OK);
  ck_assert_int_eq(server->seen[SERVER_QUIT], 1);
  ck_assert(!server->open);

  server->replies[SERVER_EHLO] = small_offer;
  server->commands_size = 0;
  server->writes = 0;
  ck_answer(server_send(smtp), SHOP_SMTP_DELIVERED, 250, "2.0.0");
  ck_commands(server,
              "EHLO client.example\r\nMAIL FROM:<shop@example.org>\r\n"
              "RCPT TO:<ada@example.net>\r\nDATA\r\n");
  ck_assert_int_eq(server->writes, 5);
  shop_smtp_free(smtp);
  ck_assert_int_eq(server->seen[SERVER_QUIT], 2); /* said, not waited for */
  server_free(server);
}
END_TEST

/* Many mails over one connection, up to the limit; then a new one. */
START_TEST(the_connection_is_kept) {
  struct server *server = server_new();
  shop_smtp_config_t *config = server_config(server);
  shop_smtp_t *smtp = NULL;

  ck_assert_int_eq(shop_smtp_config_set_mails_max(config, 3), SHOP_OK);
  ck_assert_int_eq(shop_smtp_new(config, &smtp, NULL), SHOP_OK);
  shop_smtp_config_free(config);
  for (int32_t i = 1; i <= 7; i++) {
    ck_assert_int_eq(server_result(smtp), SHOP_SMTP_DELIVERED);
    ck_assert_int_eq(server->connects, (i + 2) / 3);
  }
  ck_assert_int_eq(server->seen[SERVER_QUIT], 2);
  ck_assert_int_eq(server->seen[SERVER_RSET], 0);
  shop_smtp_free(smtp);
  server_free(server);
}
END_TEST

/* Extensions are used where they are offered and needed, and only there. */
START_TEST(what_a_mail_needs) {
  struct server *server = server_new();
  shop_smtp_t *smtp = server_handle(server);
  shop_smtp_answer_t *answer = NULL;
  static const char utf8[] = "Subject: x\r\n\r\nh\xC3\xA9\r\n";
  static const char raw_header[] = "Subject: h\xC3\xA9\r\n\r\nx\r\n";
  static const char address[] = "j\xC3\xB6rg@example.net";

  ck_answer(server_send_text(smtp, utf8), SHOP_SMTP_DELIVERED, 250, "2.0.0");
  ck_assert_ptr_nonnull(strstr(server->commands, "SIZE=19 BODY=8BITMIME\r\n"));
  ck_answer(server_send_text(smtp, raw_header), SHOP_SMTP_DELIVERED, 250, "2.0.0");
  ck_assert_ptr_nonnull(strstr(server->commands, " BODY=8BITMIME SMTPUTF8\r\n"));
  ck_assert_int_eq(
      shop_smtp_send(smtp, "", address, SERVER_MESSAGE, strlen(SERVER_MESSAGE), &answer, NULL),
      SHOP_OK);
  ck_answer(answer, SHOP_SMTP_DELIVERED, 250, "2.0.0");
  ck_assert_ptr_nonnull(strstr(server->commands, "MAIL FROM:<> SIZE=21 SMTPUTF8\r\n"));
  ck_assert_int_eq(shop_smtp_close(smtp, NULL), SHOP_OK);

  /* Not offered: rejected, and nothing of the mail is said. */
  server->replies[SERVER_EHLO] = "250-x\r\n250 8BITMIME\r\n";
  server->commands_size = 0;
  ck_answer(server_send_text(smtp, raw_header), SHOP_SMTP_REJECTED, 0, "");
  answer = NULL;
  ck_assert_int_eq(shop_smtp_send(smtp, address, "ada@example.net", SERVER_MESSAGE,
                                  strlen(SERVER_MESSAGE), &answer, NULL),
                   SHOP_OK);
  ck_assert_ptr_nonnull(strstr(shop_smtp_answer_reason(answer), "SMTPUTF8"));
  ck_answer(answer, SHOP_SMTP_REJECTED, 0, "");
  ck_answer(server_send_text(smtp, utf8), SHOP_SMTP_DELIVERED, 250, "2.0.0");
  ck_assert_int_eq(shop_smtp_close(smtp, NULL), SHOP_OK);
  server->replies[SERVER_EHLO] = small_offer;
  ck_answer(server_send_text(smtp, utf8), SHOP_SMTP_REJECTED, 0, "");
  ck_assert_int_eq(server->seen[SERVER_MAIL], 4);
  shop_smtp_free(smtp);
  server_free(server);
}
END_TEST

/* Over the server's limit: rejected before a byte of it is sent. */
START_TEST(size) {
  struct server *server = server_new();
  shop_smtp_t *smtp = server_handle(server);

  server->replies[SERVER_EHLO] = "250-x\r\n250 SIZE 21\r\n";
  ck_answer(server_send(smtp), SHOP_SMTP_DELIVERED, 250, "2.0.0");
  ck_answer(server_send_text(smtp, "x" SERVER_MESSAGE), SHOP_SMTP_REJECTED, 0, "");
  ck_assert_int_eq(server->seen[SERVER_MAIL], 1);
  shop_smtp_free(smtp);
  server_free(server);
}
END_TEST

/* A server from before EHLO; one that says 4xx to it is not such a server. */
START_TEST(helo) {
  struct server *server = server_new();
  shop_smtp_t *smtp = server_handle(server);

  server->replies[SERVER_EHLO] = "502 5.5.1 what?\r\n";
  ck_answer(server_send(smtp), SHOP_SMTP_DELIVERED, 250, "2.0.0");
  ck_commands(server,
              "EHLO client.example\r\nHELO client.example\r\n"
              "MAIL FROM:<shop@example.org>\r\nRCPT TO:<ada@example.net>\r\nDATA\r\n");
  ck_assert_int_eq(shop_smtp_close(smtp, NULL), SHOP_OK);
  server->replies[SERVER_HELO] = "550 5.7.1 go away\r\n";
  ck_answer(server_send(smtp), SHOP_SMTP_LATER, 550, "5.7.1");
  server->replies[SERVER_EHLO] = "451 4.3.0 not now\r\n";
  ck_answer(server_send(smtp), SHOP_SMTP_LATER, 451, "4.3.0");
  ck_assert_int_eq(server->seen[SERVER_HELO], 2);
  shop_smtp_free(smtp);
  server_free(server);
}
END_TEST

/* What the server has to undo to get the message back is what was sent. */
static void ck_stuffed(const char *message, const char *wanted) {
  struct server *server = server_new();
  shop_smtp_t *smtp = server_handle(server);

  ck_answer(server_send_text(smtp, message), SHOP_SMTP_DELIVERED, 250, "2.0.0");
  ck_assert_int_eq(server->mails, 1);
  ck_assert_str_eq(server->messages[0], wanted);
  shop_smtp_free(smtp);
  server_free(server);
}

START_TEST(dots) {
  ck_stuffed("a\r\n\r\n.\r\n", "a\r\n\r\n..\r\n.\r\n");
  ck_stuffed("a\r\n\r\n.\r\nQUIT\r\n", "a\r\n\r\n..\r\nQUIT\r\n.\r\n");
  ck_stuffed(".\r\n", "..\r\n.\r\n");
  ck_stuffed("..\r\n.a\r\na.\r\n", "...\r\n..a\r\na.\r\n.\r\n");
  ck_stuffed(".", "..\r\n.\r\n");
  ck_stuffed("a\r\n.", "a\r\n..\r\n.\r\n");
  ck_stuffed("a", "a\r\n.\r\n");
  ck_stuffed("\r\n", "\r\n.\r\n");
}
END_TEST

/* A big message, of lines that all begin with a dot and cross every buffer's edge, arrives as it
   is, however few bytes the stream takes at once. */
START_TEST(a_big_message) {
  enum { SIZE = 60000 };
  static char message[SIZE + 1];
  size_t used = 0;

  for (size_t i = 0; used + 1000 < SIZE; i++) {
    size_t width = i * 37 % 900;
    message[used++] = '.';
    memset(message + used, 'x', width);
    used += width;
    memcpy(message + used, "\r\n", 3);
    used += 2;
  }
  for (size_t piece = 1; piece <= 9000; piece = piece * 7 + 3) {
    struct server *server = server_new();
    shop_smtp_t *smtp = server_handle(server);
    const char *at, *from = message;

    server->piece_taken = piece;
    ck_answer(server_send_text(smtp, message), SHOP_SMTP_DELIVERED, 250, "2.0.0");
    for (at = server->messages[0]; strcmp(at, ".\r\n") != 0;) {
      size_t line = strcspn(at, "\n") + 1;
      ck_assert_int_eq(*at, '.');
      ck_assert_int_eq(memcmp(at + 1, from, line - 1), 0);
      from += line - 1;
      at += line;
    }
    ck_assert_int_eq(*from, '\0');
    shop_smtp_free(smtp);
    server_free(server);
  }
}
END_TEST

/* What no server may be given: it would read other lines than were written. */
START_TEST(messages_that_are_not_fit) {
  struct server *server = server_new();
  shop_smtp_t *smtp = server_handle(server);
  static const char *const bad[] = {"a\n",      "a\r",     "a\rb\r\n",
                                    "a\r\n.\n", "a\r\r\n", "a\n.\r\nMAIL FROM:<eve@x.example>\r\n",
                                    "\n",       "\r"};
  char line[1010];
  shop_smtp_answer_t *answer = NULL;

  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
    ck_answer(server_send_text(smtp, bad[i]), SHOP_SMTP_REJECTED, 0, "");
  ck_assert_int_eq(shop_smtp_send(smtp, "", "ada@example.net", "a\0b\r\n", 5, &answer, NULL),
                   SHOP_OK);
  ck_answer(answer, SHOP_SMTP_REJECTED, 0, "");
  memset(line, 'x', sizeof line);
  strcpy(line + 999, "\r\n");
  ck_answer(server_send_text(smtp, line), SHOP_SMTP_REJECTED, 0, "");
  ck_assert_int_eq(server->connects, 0);
  strcpy(line + 998, "\r\n");
  ck_answer(server_send_text(smtp, line), SHOP_SMTP_DELIVERED, 250, "2.0.0");
  shop_smtp_free(smtp);
  server_free(server);
}
END_TEST

/* An address cannot become a command. */
START_TEST(addresses_that_are_not_fit) {
  struct server *server = server_new();
  shop_smtp_t *smtp = server_handle(server);
  static const char *const bad[] = {"ada",
                                    "a@b>\r\nRCPT TO:<eve@x.example",
                                    "a@b.example> SIZE=1",
                                    "a b@x.example",
                                    "a@b.example\r\n",
                                    "<a@b.example>",
                                    "\"a\nb\"@x.example",
                                    "@x.example:a@b.example",
                                    " "};
  shop_smtp_answer_t *answer;

  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
    for (int side = 0; side < 2; side++) {
      answer = NULL;
      ck_assert_int_eq(shop_smtp_send(smtp, side == 0 ? bad[i] : "shop@example.org",
                                      side == 1 ? bad[i] : "ada@example.net", SERVER_MESSAGE,
                                      strlen(SERVER_MESSAGE), &answer, NULL),
                       SHOP_OK);
      ck_answer(answer, SHOP_SMTP_REJECTED, 0, "");
    }
  answer = NULL;
  ck_assert_int_eq(shop_smtp_send(smtp, "", "", SERVER_MESSAGE, 10, &answer, NULL), SHOP_OK);
  ck_answer(answer, SHOP_SMTP_REJECTED, 0, "");
  ck_assert_int_eq(server->connects, 0);
  shop_smtp_free(smtp);
  server_free(server);
}
END_TEST

/* ---- what is made of answers -------------------------------------------------------------------
 */

struct row {
  enum server_verb verb;
  const char *reply;
  int32_t result;
  int32_t code;
  const char *enhanced;
  bool kept; /* the connection serves the next mail */
};

static const struct row rows[] = {
    {SERVER_GREETING, "554 5.7.1 no service\r\n", SHOP_SMTP_LATER, 554, "5.7.1", false},
    {SERVER_GREETING, "421 4.3.2 not now\r\n", SHOP_SMTP_LATER, 421, "4.3.2", false},
    {SERVER_GREETING, "250 hello\r\n", SHOP_SMTP_LATER, 250, "", false},
    {SERVER_GREETING, "HTTP/1.1 400 Bad Request\r\n", SHOP_SMTP_LATER, 0, "", false},
    {SERVER_GREETING, SERVER_CLOSES, SHOP_SMTP_LATER, 0, "", false},
    {SERVER_EHLO, "421 x\r\n", SHOP_SMTP_LATER, 421, "", false},
    {SERVER_EHLO, SERVER_CLOSES, SHOP_SMTP_LATER, 0, "", false},
    {SERVER_MAIL, "451 4.3.0 x\r\n", SHOP_SMTP_LATER, 451, "4.3.0", true},
    {SERVER_MAIL, "452 4.3.1 x\r\n", SHOP_SMTP_LATER, 452, "4.3.1", true},
    {SERVER_MAIL, "530 5.7.0 log in\r\n", SHOP_SMTP_LATER, 530, "5.7.0", true},
    {SERVER_MAIL, "550 5.1.8 x\r\n", SHOP_SMTP_REJECTED, 550, "5.1.8", true},
    {SERVER_MAIL, "552 5.3.4 x\r\n", SHOP_SMTP_REJECTED, 552, "5.3.4", true},
    {SERVER_MAIL, "421 x\r\n", SHOP_SMTP_LATER, 421, "", false},
    {SERVER_MAIL, "354 x\r\n", SHOP_SMTP_LATER, 354, "", false},
    {SERVER_RCPT, "450 4.7.1 greylisted\r\n", SHOP_SMTP_LATER, 450, "4.7.1", true},
    {SERVER_RCPT, "451 x\r\n", SHOP_SMTP_LATER, 451, "", true},
    {SERVER_RCPT, "452 4.2.2 full\r\n", SHOP_SMTP_LATER, 452, "4.2.2", true},
    {SERVER_RCPT, "550 5.1.1 unknown\r\n", SHOP_SMTP_REJECTED, 550, "5.1.1", true},
    {SERVER_RCPT, "550 4.1.1 which?\r\n", SHOP_SMTP_LATER, 550, "4.1.1", true},
    {SERVER_RCPT, "503 x\r\n", SHOP_SMTP_LATER, 503, "", true},
    {SERVER_RCPT, "1234\r\n", SHOP_SMTP_LATER, 0, "", false},
    {SERVER_RCPT, SERVER_CLOSES, SHOP_SMTP_LATER, 0, "", false},
    {SERVER_RCPT, SERVER_SILENT, SHOP_SMTP_LATER, 0, "", false},
    {SERVER_DATA, "451 x\r\n", SHOP_SMTP_LATER, 451, "", true},
    {SERVER_DATA, "554 5.5.0 x\r\n", SHOP_SMTP_REJECTED, 554, "5.5.0", true},
    {SERVER_DATA, "250 x\r\n", SHOP_SMTP_LATER, 250, "", false},
    {SERVER_DATA, "421 x\r\n", SHOP_SMTP_LATER, 421, "", false},
    {SERVER_END, "451 4.7.1 x\r\n", SHOP_SMTP_LATER, 451, "4.7.1", true},
    {SERVER_END, "452 4.3.1 x\r\n", SHOP_SMTP_LATER, 452, "4.3.1", true},
    {SERVER_END, "550 5.7.1 spam\r\n", SHOP_SMTP_REJECTED, 550, "5.7.1", true},
    {SERVER_END, "354 x\r\n", SHOP_SMTP_LATER, 354, "", false},
    {SERVER_END, "421 x\r\n", SHOP_SMTP_LATER, 421, "", false},
    {SERVER_END, "25O ok\r\n", SHOP_SMTP_LATER, 0, "", false},
    {SERVER_END, SERVER_CLOSES, SHOP_SMTP_LATER, 0, "", false},
    {SERVER_END, SERVER_SILENT, SHOP_SMTP_LATER, 0, "", false},
    {SERVER_END, "251 2.6.0 ok\r\n", SHOP_SMTP_DELIVERED, 251, "2.6.0", true},
};

/* One answer, and then a server that has recovered: the second mail always arrives, over the same
   connection where that is still good, and the first one arrived only if we were told so. */
static void try_row(const struct row *row, const char *offer) {
  struct server *server = server_new();
  shop_smtp_t *smtp = server_handle(server);
  const char *good;

  if (offer != NULL)
    server->replies[SERVER_EHLO] = offer;
  good = server->replies[row->verb];
  server->replies[row->verb] = row->reply;
  ck_answer(server_send(smtp), row->result, row->code, row->enhanced);
  ck_assert_int_eq(server->open, row->kept);
  ck_assert_int_eq(server->mails, row->verb == SERVER_END ? 1 : 0);
  server->replies[row->verb] = good;
  ck_answer(server_send(smtp), SHOP_SMTP_DELIVERED, 250, "2.0.0");
  ck_assert_int_eq(server->connects, row->kept ? 1 : 2);
  /* A transaction that was begun and not ended is taken back before the next. */
  ck_assert_int_eq(server->seen[SERVER_RSET], row->kept && row->verb != SERVER_END ? 1 : 0);
  ck_assert_int_eq(server->mails, row->verb == SERVER_END ? 2 : 1);
  shop_smtp_free(smtp);
  server_free(server);
}

START_TEST(every_answer) {
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    bool ehlo = rows[i].verb == SERVER_EHLO;
    try_row(&rows[i], NULL);
    if (!ehlo)
      try_row(&rows[i], small_offer);
  }
}
END_TEST

/* A server that refuses the recipient and would take the message nevertheless gets none. */
START_TEST(no_message_without_a_recipient) {
  struct server *server = server_new();
  shop_smtp_t *smtp = server_handle(server);

  server->replies[SERVER_RCPT] = "550 5.1.1 unknown\r\n";
  server->eager = true;
  ck_answer(server_send(smtp), SHOP_SMTP_REJECTED, 550, "5.1.1");
  ck_assert_int_eq(server->mails, 0);
  ck_assert(!server->open);
  shop_smtp_free(smtp);
  server_free(server);
}
END_TEST

/* RSET refused: the connection is given up, not the mail. */
static void refuse_reset(const char *offer) {
  struct server *server = server_new();
  shop_smtp_t *smtp = server_handle(server);

  if (offer != NULL)
    server->replies[SERVER_EHLO] = offer;
  server->replies[SERVER_MAIL] = "550 5.1.8 x\r\n";
  ck_answer(server_send(smtp), SHOP_SMTP_REJECTED, 550, "5.1.8");
  server->replies[SERVER_MAIL] = "250 x\r\n";
  server->replies[SERVER_RSET] = "550 5.0.0 no\r\n";
  ck_answer(server_send(smtp), SHOP_SMTP_DELIVERED, 250, "2.0.0");
  ck_assert_int_eq(server->connects, 2);
  shop_smtp_free(smtp);
  server_free(server);
}

START_TEST(reset_refused) {
  refuse_reset(NULL);
  refuse_reset(small_offer);
}
END_TEST

/* A reply that nobody asked for is not taken for the next one. */
START_TEST(a_reply_too_many) {
  struct server *server = server_new();
  shop_smtp_t *smtp = server_handle(server);

  server->replies[SERVER_GREETING] = "220 x\r\n250 early\r\n";
  ck_answer(server_send(smtp), SHOP_SMTP_LATER, 0, "");
  server->replies[SERVER_GREETING] = "220 x\r\n";
  server->replies[SERVER_DATA] = "354 x\r\n250 2.0.0 taken\r\n";
  ck_answer(server_send(smtp), SHOP_SMTP_LATER, 0, "");
  ck_assert_int_eq(server->mails, 0);
  shop_smtp_free(smtp);
  server_free(server);
}
END_TEST

/* The reason is one line of UTF-8, whatever a server says. */
START_TEST(reasons) {
  struct server *server = server_new();
  shop_smtp_t *smtp = server_handle(server);
  shop_smtp_answer_t *answer;
  char reply[1200];

  server->replies[SERVER_RCPT] =
      "550-5.1.1 no \x1B[2Juser\r\n550 5.1.1 h\xC3\xA9 \xFF\xE2\x80\xA8.\r\n";
  answer = server_send(smtp);
  ck_assert_str_eq(shop_smtp_answer_reason(answer),
                   "mail.example answered 550 to RCPT: 5.1.1 no "
                   "?[2Juser 5.1.1 h\xC3\xA9 ??.");
  shop_smtp_answer_free(answer);
  memset(reply, 0, sizeof reply);
  strcpy(reply, "550 ");
  for (int i = 0; i < 500; i++)
    strcat(reply, "\xC3\xA9");
  strcat(reply, "\r\n");
  server->replies[SERVER_RCPT] = reply;
  answer = server_send(smtp);
  ck_assert_uint_ge(strlen(shop_smtp_answer_reason(answer)), 254);
  ck_answer(answer, SHOP_SMTP_REJECTED, 550, "");
  shop_smtp_free(smtp);
  server_free(server);
}
END_TEST

/* ---- pieces and breaks
 * ----------------------------------------------------------------------------- */

/* Replies in pieces of every size: nothing changes. */
START_TEST(replies_in_pieces) {
  for (size_t piece = 1; piece <= 130; piece++)
    for (int pipelining = 0; pipelining < 2; pipelining++) {
      struct server *server = server_new();
      shop_smtp_t *smtp = server_handle(server);

      server->piece = piece;
      if (!pipelining)
        server->replies[SERVER_EHLO] = "250-x\r\n250 SIZE 30\r\n";
      ck_answer(server_send(smtp), SHOP_SMTP_DELIVERED, 250, "2.0.0");
      server->replies[SERVER_RCPT] = "550-5.1.1 x\r\n550 5.1.1 y\r\n";
      server->replies[SERVER_DATA] = "503 x\r\n";
      ck_answer(server_send(smtp), SHOP_SMTP_REJECTED, 550, "5.1.1");
      shop_smtp_free(smtp);
      server_free(server);
    }
}
END_TEST

/* The server ends after every possible number of bytes, given or taken. Only the last byte of the
   last reply makes it delivered; before the end of the message nothing is in the server's hands;
   and nothing is ever sent twice in one call. */
static bool break_off(long reads, long writes, const char *offer) {
  struct server *server = server_new();
  shop_smtp_t *smtp = server_handle(server);
  shop_smtp_answer_t *answer;
  bool delivered;

  if (offer != NULL)
    server->replies[SERVER_EHLO] = offer;
  server->reads_left = reads;
  server->writes_left = writes;
  answer = server_send(smtp);
  delivered = shop_smtp_answer_result(answer) == SHOP_SMTP_DELIVERED;
  if (!delivered)
    ck_assert_int_eq(shop_smtp_answer_result(answer), SHOP_SMTP_LATER);
  if (delivered)
    ck_assert_int_eq(server->mails, 1);
  if (server->mails == 1 && !delivered)
    ck_assert_ptr_nonnull(strstr(shop_smtp_answer_reason(answer), "may have taken it"));
  ck_assert_int_le(server->mails, 1);
  ck_assert_int_eq(server->connects, 1);
  ck_assert_int_eq(server->open, delivered);
  shop_smtp_answer_free(answer);
  shop_smtp_free(smtp);
  server_free(server);
  return delivered;
}

START_TEST(broken_off_anywhere) {
  for (int pipelining = 0; pipelining < 2; pipelining++) {
    const char *offer = pipelining ? NULL : small_offer;
    long bytes = 0;
    while (!break_off(bytes, -1, offer))
      bytes++;
    ck_assert_int_gt(bytes, 100);
    bytes = 0;
    while (!break_off(-1, bytes, offer))
      bytes++;
    ck_assert_int_gt(bytes, 100);
  }
}
END_TEST

/* A kept connection that has died meanwhile, at any byte of the next envelope's replies, is made
   anew, and the mail goes out once. */
static bool die_when_kept(long reads, long writes) {
  struct server *server = server_new();
  shop_smtp_t *smtp = server_handle(server);
  shop_smtp_answer_t *answer;
  bool unbroken, taken;

  ck_assert_int_eq(server_result(smtp), SHOP_SMTP_DELIVERED);
  server->reads_left = reads;
  server->writes_left = writes;
  server->replies[SERVER_GREETING] = "220 again\r\n";
  answer = server_send(smtp);
  unbroken = server->reads_left != 0 && server->writes_left != 0;
  taken = server->mails == 2;
  /* The new connection inherits the limits of the server, so it fails too; what matters is how
     often it was tried, and that nothing was tried after the message. */
  ck_assert_int_le(server->connects, 2);
  if (taken)
    ck_assert_int_eq(server->connects, 1);
  if (!unbroken && !taken)
    ck_assert_int_eq(shop_smtp_answer_result(answer), SHOP_SMTP_LATER);
  shop_smtp_answer_free(answer);
  shop_smtp_free(smtp);
  server_free(server);
  return unbroken;
}

static void end_now(struct server *server) {
  server->ended = true;
  server->out_from = server->out_to;
  server->hook = NULL;
}

START_TEST(a_kept_connection_dies) {
  struct server *server = server_new();
  shop_smtp_t *smtp = server_handle(server);

  /* The usual way: the server has closed it while nothing was to be sent. */
  for (int32_t i = 1; i <= 3; i++) {
    ck_assert_int_eq(server_result(smtp), SHOP_SMTP_DELIVERED);
    ck_assert_int_eq(server->connects, i);
    ck_assert_int_eq(server->mails, i);
    server->ended = true; /* writes fail */
  }
  ck_assert_int_eq(server_result(smtp), SHOP_SMTP_DELIVERED);
  server->hook = end_now; /* writes go nowhere, reads end */
  ck_assert_int_eq(server_result(smtp), SHOP_SMTP_DELIVERED);
  ck_assert_int_eq(server->connects, 5);
  ck_assert_int_eq(server->mails, 5);
  /* Or it says so: 421 comes first, whatever was asked. */
  server->replies[SERVER_MAIL] = "421 4.4.2 idle for too long\r\n";
  ck_answer(server_send(smtp), SHOP_SMTP_LATER, 421, "4.4.2");
  ck_assert_int_eq(server->connects, 6); /* tried anew, once */
  shop_smtp_free(smtp);
  server_free(server);
  for (long bytes = 0; !die_when_kept(bytes, -1);)
    bytes++;
  for (long bytes = 0; !die_when_kept(-1, bytes);)
    bytes++;
}
END_TEST

/* Never again after the end of the message: the server may have it. */
START_TEST(nothing_is_sent_twice) {
  struct server *server = server_new();
  shop_smtp_t *smtp = server_handle(server);
  shop_smtp_answer_t *answer;

  ck_assert_int_eq(server_result(smtp), SHOP_SMTP_DELIVERED);
  server->replies[SERVER_END] = SERVER_CLOSES;
  answer = server_send(smtp); /* over the kept connection, which is repaired before that alone */
  ck_assert_ptr_nonnull(strstr(shop_smtp_answer_reason(answer), "may have taken it"));
  ck_answer(answer, SHOP_SMTP_LATER, 0, "");
  ck_assert_int_eq(server->mails, 2);
  ck_assert_int_eq(server->connects, 1);
  shop_smtp_free(smtp);
  server_free(server);
}
END_TEST

/* ---- time
 * --------------------------------------------------------------------------------------------- */

/* A server that gives a byte now and then does not stretch a step: each of these would go on for
   ever. */
START_TEST(dripping) {
  static char endless[100001];
  static const enum server_verb verbs[] = {SERVER_GREETING, SERVER_EHLO, SERVER_RCPT, SERVER_END};

  for (size_t at = 0; at + 6 < sizeof endless; at += 6)
    memcpy(endless + at, "250-x\n", 7);
  for (size_t i = 0; i < sizeof verbs / sizeof verbs[0]; i++) {
    struct server *server = server_new();
    shop_smtp_config_t *config = server_config(server);
    shop_smtp_answer_t *answer;
    shop_smtp_t *smtp = NULL;

    for (int32_t step = SHOP_SMTP_STEP_GREETING; step <= SHOP_SMTP_STEP_ANSWER; step++)
      ck_assert_int_eq(shop_smtp_config_set_timeout_ms(config, step, 200), SHOP_OK);
    ck_assert_int_eq(shop_smtp_new(config, &smtp, NULL), SHOP_OK);
    shop_smtp_config_free(config);
    server->replies[verbs[i]] = endless;
    server->piece = 1;
    server->pause_us = verbs[i] == SERVER_GREETING ? 1000 : 100;
    answer = server_send(smtp);
    ck_answer(answer, SHOP_SMTP_LATER, 0, "");
    ck_assert_uint_lt(server->out_from, 8192); /* given up by the clock, not by the length */
    shop_smtp_free(smtp);
    server_free(server);
  }
}
END_TEST

/* All steps together keep to the limit of the mail, even where each keeps to its own. */
START_TEST(the_whole_mail) {
  struct server *server = server_new();
  shop_smtp_config_t *config = server_config(server);
  shop_smtp_t *smtp = NULL;

  ck_assert_int_eq(shop_smtp_config_set_timeout_ms(config, SHOP_SMTP_STEP_MAIL, 100), SHOP_OK);
  ck_assert_int_eq(shop_smtp_new(config, &smtp, NULL), SHOP_OK);
  shop_smtp_config_free(config);
  server->piece = 1;
  server->pause_us = 2000; /* over 200 bytes of replies */
  ck_answer(server_send(smtp), SHOP_SMTP_LATER, 0, "");
  ck_assert_int_eq(server->mails, 0);
  server->pause_us = 0;
  shop_smtp_free(smtp);
  server_free(server);
}
END_TEST

/* ---- no connection
 * --------------------------------------------------------------------------------------- */

START_TEST(no_connection) {
  struct server *server = server_new();
  shop_smtp_t *smtp = server_handle(server);

  server->refuses = true;
  ck_answer(server_send(smtp), SHOP_SMTP_LATER, 0, "");
  ck_assert_int_eq(shop_smtp_close(smtp, NULL), SHOP_OK);
  server->refuses = false;
  ck_answer(server_send(smtp), SHOP_SMTP_DELIVERED, 250, "2.0.0");
  shop_smtp_free(smtp);
  server_free(server);
}
END_TEST

int main(void) {
  const TTest *const tests[] = {
      the_whole_dialogue,
      the_connection_is_kept,
      what_a_mail_needs,
      size,
      helo,
      dots,
      a_big_message,
      messages_that_are_not_fit,
      addresses_that_are_not_fit,
      every_answer,
      no_message_without_a_recipient,
      reset_refused,
      a_reply_too_many,
      reasons,
      replies_in_pieces,
      broken_off_anywhere,
      a_kept_connection_dies,
      nothing_is_sent_twice,
      dripping,
      the_whole_mail,
      no_connection,
  };
  return SERVER_RUN("SMTP dialogue", tests);
}
