/*
 * The contract of the handle and its settings: arguments, threads, callbacks,
 * a fork, and the way from a purchase to the server.
 */
#include "server.h"

#include <books.h>
#include <harness.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* Every setter refuses NULL and what is out of its range. */
START_TEST(ranges) {
  shop_smtp_config_t *config = NULL;
  char name[300];

  memset(name, 'x', sizeof name);
  ck_assert_int_eq(shop_smtp_config_new(NULL), SHOP_ERR_ARGUMENT);
  ck_assert_int_eq(shop_smtp_config_new(&config), SHOP_OK);
  name[256] = '\0';
  ck_assert_int_eq(shop_smtp_config_set_host(config, NULL), SHOP_ERR_ARGUMENT);
  ck_assert_int_eq(shop_smtp_config_set_host(config, ""), SHOP_ERR_ARGUMENT);
  ck_assert_int_eq(shop_smtp_config_set_host(config, name), SHOP_ERR_TOO_LONG);
  ck_assert_int_eq(shop_smtp_config_set_host(config, "a b"), SHOP_ERR_TEXT);
  ck_assert_int_eq(shop_smtp_config_set_host(config, "m\xC3\xBC.example"), SHOP_ERR_TEXT);
  ck_assert_int_eq(shop_smtp_config_set_tls_name(config, "a\r\nb"), SHOP_ERR_TEXT);
  ck_assert_int_eq(shop_smtp_config_set_local_name(config, "a\r\nMAIL"), SHOP_ERR_TEXT);
  name[255] = '\0';
  ck_assert_int_eq(shop_smtp_config_set_host(config, name), SHOP_OK);
  ck_assert_int_eq(shop_smtp_config_set_port(config, 0), SHOP_ERR_ARGUMENT);
  ck_assert_int_eq(shop_smtp_config_set_port(config, 65536), SHOP_ERR_ARGUMENT);
  ck_assert_int_eq(shop_smtp_config_set_security(config, 0), SHOP_ERR_ARGUMENT);
  ck_assert_int_eq(shop_smtp_config_set_security(config, 4), SHOP_ERR_ARGUMENT);
  ck_assert_int_eq(shop_smtp_config_set_ca_file(config, ""), SHOP_ERR_ARGUMENT);
  ck_assert_int_eq(shop_smtp_config_set_ca_pem(config, NULL, 1), SHOP_ERR_ARGUMENT);
  ck_assert_int_eq(shop_smtp_config_set_ca_pem(config, "x", 0), SHOP_ERR_ARGUMENT);
  ck_assert_int_eq(shop_smtp_config_set_ca_pem(config, "x", (4 << 20) + 1), SHOP_ERR_TOO_LONG);
  ck_assert_int_eq(shop_smtp_config_set_ca_pem(config, "x\0y", 3), SHOP_ERR_TEXT);
  ck_assert_int_eq(shop_smtp_config_set_client_certificate(config, "x", 1, NULL, 1),
                   SHOP_ERR_ARGUMENT);
  ck_assert_int_eq(shop_smtp_config_set_client_certificate(config, "x", 1, "y", 70000),
                   SHOP_ERR_TOO_LONG);
  ck_assert_int_eq(shop_smtp_config_set_password(config, "", "x"), SHOP_ERR_ARGUMENT);
  ck_assert_int_eq(shop_smtp_config_set_password(config, "x", NULL), SHOP_ERR_ARGUMENT);
  ck_assert_int_eq(shop_smtp_config_set_password(config, "x", "a\nb"), SHOP_ERR_TEXT);
  ck_assert_int_eq(shop_smtp_config_set_timeout_ms(config, 0, 5), SHOP_ERR_ARGUMENT);
  ck_assert_int_eq(shop_smtp_config_set_timeout_ms(config, 7, 5), SHOP_ERR_ARGUMENT);
  ck_assert_int_eq(shop_smtp_config_set_timeout_ms(config, 1, 0), SHOP_ERR_ARGUMENT);
  ck_assert_int_eq(shop_smtp_config_set_timeout_ms(config, 1, 3600001), SHOP_ERR_ARGUMENT);
  ck_assert_int_eq(shop_smtp_config_set_mails_max(config, 0), SHOP_ERR_ARGUMENT);
  ck_assert_int_eq(shop_smtp_config_set_mails_max(config, 1000001), SHOP_ERR_ARGUMENT);
  shop_smtp_config_free(config);
  shop_smtp_config_free(NULL);
}
END_TEST

START_TEST(no_config) {
  ck_assert_int_eq(shop_smtp_config_set_host(NULL, "x"), SHOP_ERR_ARGUMENT);
  ck_assert_int_eq(shop_smtp_config_set_tls_name(NULL, "x"), SHOP_ERR_ARGUMENT);
  ck_assert_int_eq(shop_smtp_config_set_local_name(NULL, "x"), SHOP_ERR_ARGUMENT);
  ck_assert_int_eq(shop_smtp_config_set_port(NULL, 1), SHOP_ERR_ARGUMENT);
  ck_assert_int_eq(shop_smtp_config_set_security(NULL, 1), SHOP_ERR_ARGUMENT);
  ck_assert_int_eq(shop_smtp_config_set_ca_file(NULL, "x"), SHOP_ERR_ARGUMENT);
  ck_assert_int_eq(shop_smtp_config_set_ca_pem(NULL, "x", 1), SHOP_ERR_ARGUMENT);
  ck_assert_int_eq(shop_smtp_config_set_client_certificate(NULL, "x", 1, "y", 1),
                   SHOP_ERR_ARGUMENT);
  ck_assert_int_eq(shop_smtp_config_set_password(NULL, "x", "y"), SHOP_ERR_ARGUMENT);
  ck_assert_int_eq(shop_smtp_config_set_xoauth2(NULL, "x", NULL, NULL), SHOP_ERR_ARGUMENT);
  ck_assert_int_eq(shop_smtp_config_set_timeout_ms(NULL, 1, 1), SHOP_ERR_ARGUMENT);
  ck_assert_int_eq(shop_smtp_config_set_mails_max(NULL, 1), SHOP_ERR_ARGUMENT);
  ck_assert_int_eq(shop_smtp_config_set_stream_connect(NULL, NULL, NULL), SHOP_ERR_ARGUMENT);
  ck_assert_int_eq(shop_smtp_config_set_stream_read(NULL, NULL, NULL), SHOP_ERR_ARGUMENT);
  ck_assert_int_eq(shop_smtp_config_set_stream_write(NULL, NULL, NULL), SHOP_ERR_ARGUMENT);
  ck_assert_int_eq(shop_smtp_config_set_stream_close(NULL, NULL, NULL), SHOP_ERR_ARGUMENT);
  ck_assert_str_eq(shop_smtp_io_host(NULL), "");
  ck_assert_int_eq(shop_smtp_io_port(NULL), 0);
  ck_assert_int_eq(shop_smtp_io_timeout_ms(NULL), 0);
  ck_assert_ptr_null(shop_smtp_io_buffer(NULL));
  ck_assert_ptr_null(shop_smtp_io_data(NULL));
  ck_assert_uint_eq(shop_smtp_io_bytes(NULL), 0);
  ck_assert_int_eq(shop_smtp_io_set_connected(NULL), SHOP_ERR_ARGUMENT);
  ck_assert_int_eq(shop_smtp_io_set_moved(NULL, 1), SHOP_ERR_ARGUMENT);
  ck_assert_int_eq(shop_smtp_io_set_ended(NULL), SHOP_ERR_ARGUMENT);
}
END_TEST

static void ck_no_handle(const shop_smtp_config_t *config, int32_t status) {
  shop_smtp_t *smtp = (shop_smtp_t *)&smtp;
  shop_error_t *err = NULL;

  ck_assert_int_eq(shop_error_new(&err), SHOP_OK);
  ck_assert_int_eq(shop_smtp_new(config, &smtp, err), status);
  ck_assert_ptr_null(smtp);
  ck_assert_int_eq(shop_error_code(err), status);
  ck_assert_str_ne(shop_error_message(err), "");
  shop_error_free(err);
}

static int32_t a_token(void *user, char *out, size_t size) {
  (void)user;
  snprintf(out, size, "token");
  return 1;
}

/* Settings that do not go together, above all: a password never meets plaintext. */
START_TEST(settings_together) {
  struct server *server = server_new();
  shop_smtp_config_t *config = NULL;

  ck_no_handle(NULL, SHOP_ERR_ARGUMENT);
  ck_assert_int_eq(shop_smtp_config_new(&config), SHOP_OK);
  ck_assert_int_eq(shop_smtp_new(config, NULL, NULL), SHOP_ERR_ARGUMENT);
  ck_no_handle(config, SHOP_ERR_ARGUMENT); /* no host */
  ck_assert_int_eq(shop_smtp_config_set_host(config, "mail.example"), SHOP_OK);
  ck_assert_int_eq(shop_smtp_config_set_ca_file(config, "/nowhere/ca.pem"), SHOP_OK);
  ck_no_handle(config, SHOP_ERR_CANNOT_OPEN);
  ck_assert_int_eq(shop_smtp_config_set_ca_pem(config, "nonsense", 8), SHOP_OK);
  ck_no_handle(config, SHOP_ERR_ARGUMENT);
  shop_smtp_config_free(config);

  config = server_config(server);
  ck_assert_int_eq(shop_smtp_config_set_password(config, "shop", "secret"), SHOP_OK);
  ck_no_handle(config, SHOP_ERR_ARGUMENT);
  shop_smtp_config_free(config);
  config = server_config(server);
  ck_assert_int_eq(shop_smtp_config_set_xoauth2(config, "shop", a_token, NULL), SHOP_OK);
  ck_no_handle(config, SHOP_ERR_ARGUMENT);
  shop_smtp_config_free(config);
  config = server_config(server);
  ck_assert_int_eq(shop_smtp_config_set_client_certificate(config, "x", 1, "y", 1), SHOP_OK);
  ck_no_handle(config, SHOP_ERR_ARGUMENT);
  shop_smtp_config_free(config);
  config = server_config(server);
  ck_assert_int_eq(shop_smtp_config_set_stream_close(config, NULL, NULL), SHOP_OK);
  ck_no_handle(config, SHOP_ERR_ARGUMENT); /* three of the four */
  shop_smtp_config_free(config);
  server_free(server);
}
END_TEST

START_TEST(arguments_of_send) {
  struct server *server = server_new();
  shop_smtp_t *smtp = server_handle(server);
  shop_smtp_answer_t *answer = (shop_smtp_answer_t *)&answer;

  ck_assert_int_eq(shop_smtp_send(NULL, "", "a@b.example", "x", 1, &answer, NULL),
                   SHOP_ERR_ARGUMENT);
  ck_assert_ptr_null(answer);
  ck_assert_int_eq(shop_smtp_send(smtp, NULL, "a@b.example", "x", 1, &answer, NULL),
                   SHOP_ERR_ARGUMENT);
  ck_assert_int_eq(shop_smtp_send(smtp, "", NULL, "x", 1, &answer, NULL), SHOP_ERR_ARGUMENT);
  ck_assert_int_eq(shop_smtp_send(smtp, "", "a@b.example", NULL, 1, &answer, NULL),
                   SHOP_ERR_ARGUMENT);
  ck_assert_int_eq(shop_smtp_send(smtp, "", "a@b.example", "x", 0, &answer, NULL),
                   SHOP_ERR_ARGUMENT);
  ck_assert_int_eq(
      shop_smtp_send(smtp, "", "a@b.example", "x", ((size_t)1 << 30) + 1, &answer, NULL),
      SHOP_ERR_ARGUMENT);
  ck_assert_int_eq(shop_smtp_send(smtp, "", "a@b.example", "x", 1, NULL, NULL), SHOP_ERR_ARGUMENT);
  ck_assert_int_eq(shop_smtp_close(NULL, NULL), SHOP_ERR_ARGUMENT);
  ck_assert_int_eq(server->connects, 0);
  ck_assert_int_eq(shop_smtp_answer_result(NULL), 0);
  ck_assert_int_eq(shop_smtp_answer_reply_code(NULL), 0);
  ck_assert_str_eq(shop_smtp_answer_reason(NULL), "");
  ck_assert_str_eq(shop_smtp_answer_enhanced_code(NULL), "");
  shop_smtp_answer_free(NULL);
  shop_smtp_transport(NULL, smtp);
  shop_smtp_free(smtp);
  shop_smtp_free(NULL);
  server_free(server);
}
END_TEST

/* Many threads, one handle: each gets the answer to its own mail, and the server, which is not safe
   for threads, sees one after the other. */
static void *send_some(void *user) {
  for (int i = 0; i < 5; i++)
    ck_assert_int_eq(server_result(user), SHOP_SMTP_DELIVERED);
  return NULL;
}

START_TEST(many_threads) {
  enum { THREADS = 6 };
  struct server *server = server_new();
  shop_smtp_t *smtp = server_handle(server);
  pthread_t threads[THREADS];

  for (int i = 0; i < THREADS; i++)
    ck_assert_int_eq(pthread_create(&threads[i], NULL, send_some, smtp), 0);
  for (int i = 0; i < THREADS; i++)
    ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
  ck_assert_int_eq(server->mails, 5 * THREADS);
  ck_assert_int_eq(server->connects, 1);
  shop_smtp_free(smtp);
  server_free(server);
}
END_TEST

/* A callback that uses its own handle is told, and does not hang. */
static void come_back(struct server *server) {
  shop_smtp_t *smtp = server->hook_user;
  shop_smtp_answer_t *answer = NULL;

  ck_assert_int_eq(shop_smtp_close(smtp, NULL), SHOP_ERR_IN_CALLBACK);
  ck_assert_int_eq(shop_smtp_send(smtp, "", "a@b.example", "x\r\n", 3, &answer, NULL),
                   SHOP_ERR_IN_CALLBACK);
  ck_assert_ptr_null(answer);
}

START_TEST(inside_a_callback) {
  struct server *server = server_new();
  shop_smtp_t *smtp = server_handle(server);

  server->hook = come_back;
  server->hook_user = smtp;
  ck_assert_int_eq(server_result(smtp), SHOP_SMTP_DELIVERED);
  server->hook = NULL;
  shop_smtp_free(smtp);
  server_free(server);
}
END_TEST

/* In a child the handle is refused, and freeing it says nothing over the parent's connection. */
START_TEST(forked) {
  struct server *server = server_new();
  shop_smtp_t *smtp = server_handle(server);
  shop_smtp_answer_t *answer = NULL;
  int result = 0;
  pid_t child;

  ck_assert_int_eq(server_result(smtp), SHOP_SMTP_DELIVERED);
  child = fork();
  if (child == 0) {
    int32_t writes = server->writes, closes = server->closes;
    bool good =
        shop_smtp_send(smtp, "", "a@b.example", "x\r\n", 3, &answer, NULL) == SHOP_ERR_FORKED &&
        answer == NULL && shop_smtp_close(smtp, NULL) == SHOP_ERR_FORKED;
    shop_smtp_free(smtp);
    _exit(good && server->writes == writes && server->closes == closes ? 0 : 1);
  }
  ck_assert_int_eq(waitpid(child, &result, 0), child);
  ck_assert(WIFEXITED(result) && WEXITSTATUS(result) == 0);
  ck_assert_int_eq(server_result(smtp), SHOP_SMTP_DELIVERED);
  ck_assert_int_eq(server->connects, 1);
  shop_smtp_free(smtp);
  server_free(server);
}
END_TEST

/* From a purchase to the server, and each answer back into the outbox. */
START_TEST(as_a_transport) {
  struct server *server = server_new();
  shop_smtp_t *smtp = server_handle(server);
  struct world *world = world_prepare();
  shop_order_t *order = NULL;
  shop_token_t *token;
  int64_t cart_id;

  ck_assert_int_eq(shop_config_set_mail_transport(world->config, shop_smtp_transport, smtp),
                   SHOP_OK);
  world_open(world);
  world_put(world, "TEA", 999, "EUR", 10);
  token = world_shopper(world, "ada@example.net", "TEA", 1, &cart_id);
  ck_ok(world, world_buy(world, token, cart_id, NULL, &order));
  ck_assert_int_eq(server->mails, 1);
  ck_assert_ptr_nonnull(strstr(server->messages[0], shop_order_number(order)));
  ck_assert_ptr_nonnull(strstr(server->commands, "RCPT TO:<ada@example.net>\r\n"));
  ck_assert_int_eq(world_number(world, "SELECT count(*) FROM outbox WHERE state = 3"), 1);
  shop_order_free(order);
  shop_token_free(token);

  server->replies[SERVER_RCPT] = "550 5.1.1 unknown\r\n";
  server->replies[SERVER_DATA] = "503 5.5.1 nobody to send it to\r\n";
  world_sell_one(world, "eve@example.net", "TEA");
  ck_assert_int_eq(world_number(world, "SELECT count(*) FROM outbox WHERE state = 4"), 1);
  server->replies[SERVER_RCPT] = "451 4.7.1 greylisted\r\n";
  world_sell_one(world, "bob@example.net", "TEA");
  ck_assert_int_eq(world_number(world, "SELECT count(*) FROM outbox WHERE state = 1"), 1);
  ck_assert_int_eq(server->mails, 1);
  world_free(world);
  shop_smtp_free(smtp);
  server_free(server);
}
END_TEST

int main(void) {
  const TTest *const tests[] = {
      ranges, no_config,      settings_together, arguments_of_send, many_threads, inside_a_callback,
      forked, as_a_transport,
  };
  return SERVER_RUN("SMTP handle", tests);
}
