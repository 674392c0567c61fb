/*
 * See server.h.
 */
#include "server.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

static const char offer[] =
    "250-mail.example greets you\r\n"
    "250-PIPELINING\r\n"
    "250-SIZE 100000\r\n"
    "250-8BITMIME\r\n"
    "250 SMTPUTF8\r\n";

struct server *server_new(void) {
  struct server *server = calloc(1, sizeof *server);

  ck_assert_ptr_nonnull(server);
  for (int i = 0; i < SERVER_VERBS; i++)
    server->replies[i] = "250 2.0.0 as you wish\r\n";
  server->replies[SERVER_GREETING] = "220 mail.example ESMTP\r\n";
  server->replies[SERVER_EHLO] = offer;
  server->replies[SERVER_DATA] = "354 go on\r\n";
  server->replies[SERVER_QUIT] = "221 2.0.0 bye\r\n";
  server->replies[SERVER_OTHER] = "500 5.5.1 what?\r\n";
  server->reads_left = server->writes_left = -1;
  return server;
}

void server_free(struct server *server) {
  ck_assert_int_eq(server->connects, server->closes);
  for (int32_t i = 0; i < server->mails; i++)
    free(server->messages[i]);
  free(server->line);
  free(server);
}

/* ---- understanding ---------------------------------------------------------------------- */

static void say(struct server *server, enum server_verb verb) {
  const char *reply = server->replies[verb];

  server->seen[verb]++;
  if (verb == SERVER_DATA && !server->has_recipient && !server->eager)
    reply = "503 5.5.1 nobody to send it to\r\n";
  if (verb == SERVER_MAIL || verb == SERVER_RSET || verb == SERVER_END)
    server->has_sender = verb == SERVER_MAIL && reply != NULL && reply[0] == '2';
  if (verb != SERVER_DATA)
    server->has_recipient =
        verb == SERVER_RCPT && server->has_sender && reply != NULL && reply[0] == '2';
  if (reply == SERVER_CLOSES) {
    server->ended = true;
    return;
  }
  server->mute = server->mute || reply[0] == '\0';
  if (server->mute)
    return;
  ck_assert_uint_lt(server->out_to + strlen(reply), sizeof server->out);
  memcpy(server->out + server->out_to, reply, strlen(reply));
  server->out_to += strlen(reply);
  if (verb == SERVER_DATA)
    server->in_data = strncmp(reply, "354", 3) == 0;
  if (verb == SERVER_QUIT)
    server->ended = true;
}

static enum server_verb verb_of(const char *line) {
  static const char *const verbs[SERVER_VERBS] = {
      [SERVER_EHLO] = "EHLO ",  [SERVER_HELO] = "HELO ",      [SERVER_RSET] = "RSET\r",
      [SERVER_DATA] = "DATA\r", [SERVER_MAIL] = "MAIL FROM:", [SERVER_RCPT] = "RCPT TO:",
      [SERVER_QUIT] = "QUIT\r"};

  for (int i = 0; i < SERVER_VERBS; i++)
    if (verbs[i] != NULL && strncmp(line, verbs[i], strlen(verbs[i])) == 0)
      return (enum server_verb)i;
  return SERVER_OTHER;
}

/* The length of the command or the whole message that line begins with, or 0. */
static size_t complete(const struct server *server) {
  const char *end;

  if (!server->in_data) {
    end = strstr(server->line, "\r\n");
    return end == NULL ? 0 : (size_t)(end - server->line) + 2;
  }
  if (strncmp(server->line, ".\r\n", 3) == 0)
    return 3;
  end = strstr(server->line, "\r\n.\r\n");
  return end == NULL ? 0 : (size_t)(end - server->line) + 5;
}

static void understand(struct server *server) {
  size_t size;

  while (!server->ended && (size = complete(server)) > 0) {
    if (server->in_data) {
      ck_assert_int_lt(server->mails, SERVER_MAILS_MAX);
      server->messages[server->mails] = strndup(server->line, size);
      server->message_sizes[server->mails++] = size;
      server->in_data = false;
      say(server, SERVER_END);
    } else {
      ck_assert_uint_lt(server->commands_size + size, sizeof server->commands);
      memcpy(server->commands + server->commands_size, server->line, size);
      server->commands_size += size;
      say(server, verb_of(server->line));
    }
    server->line_size -= size;
    memmove(server->line, server->line + size, server->line_size + 1);
  }
}

/* ---- the stream -------------------------------------------------------------------------- */

static void on_connect(shop_smtp_io_t *io, void *user) {
  struct server *server = user;

  ck_assert(!server->open);
  ck_assert_str_eq(shop_smtp_io_host(io), "mail.example");
  ck_assert_int_eq(shop_smtp_io_port(io), 25);
  ck_assert_int_gt(shop_smtp_io_timeout_ms(io), 0);
  ck_assert_ptr_null(shop_smtp_io_buffer(io));
  ck_assert_int_eq(shop_smtp_io_set_moved(io, 1), SHOP_ERR_ARGUMENT);
  ck_assert_int_eq(shop_smtp_io_set_ended(io), SHOP_ERR_ARGUMENT);
  if (server->refuses)
    return;
  server->open = true;
  server->ended = server->mute = server->in_data = false;
  server->has_sender = server->has_recipient = false;
  server->line_size = server->out_from = server->out_to = 0;
  server->connects++;
  say(server, SERVER_GREETING);
  ck_assert_int_eq(shop_smtp_io_set_connected(io), SHOP_OK);
}

static void on_read(shop_smtp_io_t *io, void *user) {
  struct server *server = user;
  size_t part = server->out_to - server->out_from, size = shop_smtp_io_bytes(io);

  ck_assert(server->open);
  ck_assert_int_gt(shop_smtp_io_timeout_ms(io), 0);
  ck_assert_ptr_null(shop_smtp_io_data(io));
  if (server->hook != NULL) {
    server->hook(server);
    part = server->out_to - server->out_from;
  }
  if (server->pause_us > 0)
    nanosleep(&(struct timespec){.tv_nsec = server->pause_us * 1000}, NULL);
  part = part < size ? part : size;
  if (server->piece > 0 && part > server->piece)
    part = server->piece;
  if (server->reads_left >= 0 && (long)part > server->reads_left)
    part = (size_t)server->reads_left;
  if (part == 0) { /* the real one would wait for as long as it may */
    if (server->ended || server->reads_left == 0)
      ck_assert_int_eq(shop_smtp_io_set_ended(io), SHOP_OK);
    return;
  }
  memcpy(shop_smtp_io_buffer(io), server->out + server->out_from, part);
  server->out_from += part;
  if (server->reads_left >= 0)
    server->reads_left -= (long)part;
  ck_assert_int_eq(shop_smtp_io_set_moved(io, size + 1), SHOP_ERR_ARGUMENT);
  ck_assert_int_eq(shop_smtp_io_set_moved(io, part), SHOP_OK);
  ck_assert_int_eq(shop_smtp_io_set_moved(io, part), SHOP_ERR_ARGUMENT);
  ck_assert_int_eq(shop_smtp_io_set_ended(io), SHOP_ERR_ARGUMENT);
}

static void on_write(shop_smtp_io_t *io, void *user) {
  struct server *server = user;
  size_t size = shop_smtp_io_bytes(io);

  ck_assert(server->open);
  ck_assert_int_gt(shop_smtp_io_timeout_ms(io), 0);
  ck_assert_ptr_null(shop_smtp_io_buffer(io));
  ck_assert_int_eq(shop_smtp_io_set_connected(io), SHOP_ERR_ARGUMENT);
  if (server->piece_taken > 0 && size > server->piece_taken)
    size = server->piece_taken;
  if (server->writes_left >= 0 && (long)size > server->writes_left)
    size = (size_t)server->writes_left;
  if (size == 0 || server->ended)
    return;
  if (server->writes_left >= 0)
    server->writes_left -= (long)size;
  server->writes++;
  server->line = realloc(server->line, server->line_size + size + 1);
  ck_assert_ptr_nonnull(server->line);
  memcpy(server->line + server->line_size, shop_smtp_io_data(io), size);
  server->line_size += size;
  server->line[server->line_size] = '\0';
  understand(server);
  ck_assert_int_eq(shop_smtp_io_set_moved(io, size), SHOP_OK);
}

static void on_close(shop_smtp_io_t *io, void *user) {
  struct server *server = user;

  ck_assert_str_eq(shop_smtp_io_host(io), "");
  ck_assert(server->open);
  server->open = false;
  server->closes++;
}

/* ---- for the tests --------------------------------------------------------------------------- */

shop_smtp_config_t *server_config(struct server *server) {
  shop_smtp_config_t *config = NULL;

  ck_assert_int_eq(shop_smtp_config_new(&config), SHOP_OK);
  ck_assert_int_eq(shop_smtp_config_set_host(config, "mail.example"), SHOP_OK);
  ck_assert_int_eq(shop_smtp_config_set_local_name(config, "client.example"), SHOP_OK);
  ck_assert_int_eq(shop_smtp_config_set_security(config, SHOP_SMTP_PLAINTEXT), SHOP_OK);
  ck_assert_int_eq(shop_smtp_config_set_stream_connect(config, on_connect, server), SHOP_OK);
  ck_assert_int_eq(shop_smtp_config_set_stream_read(config, on_read, server), SHOP_OK);
  ck_assert_int_eq(shop_smtp_config_set_stream_write(config, on_write, server), SHOP_OK);
  ck_assert_int_eq(shop_smtp_config_set_stream_close(config, on_close, server), SHOP_OK);
  return config;
}

shop_smtp_t *server_handle(struct server *server) {
  shop_smtp_config_t *config = server_config(server);
  shop_smtp_t *smtp = NULL;

  ck_assert_int_eq(shop_smtp_new(config, &smtp, NULL), SHOP_OK);
  shop_smtp_config_free(config);
  return smtp;
}

shop_smtp_answer_t *server_send_text(shop_smtp_t *smtp, const char *message) {
  shop_smtp_answer_t *answer = NULL;

  ck_assert_int_eq(shop_smtp_send(smtp, "shop@example.org", "ada@example.net", message,
                                  strlen(message), &answer, NULL),
                   SHOP_OK);
  ck_assert_ptr_nonnull(answer);
  ck_assert_str_ne(shop_smtp_answer_reason(answer), "");
  return answer;
}

shop_smtp_answer_t *server_send(shop_smtp_t *smtp) {
  return server_send_text(smtp, SERVER_MESSAGE);
}

int32_t server_result(shop_smtp_t *smtp) {
  shop_smtp_answer_t *answer = server_send(smtp);
  int32_t result = shop_smtp_answer_result(answer);

  shop_smtp_answer_free(answer);
  return result;
}

int server_run(const char *name, const TTest *const *tests, size_t count) {
  Suite *suite = suite_create(name);
  TCase *tcase = tcase_create("all");
  SRunner *runner;
  int failed;

  tcase_set_timeout(tcase, 60);
  for (size_t i = 0; i < count; i++)
    tcase_add_test(tcase, tests[i]);
  suite_add_tcase(suite, tcase);
  runner = srunner_create(suite);
  srunner_run_all(runner, CK_NORMAL);
  failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
