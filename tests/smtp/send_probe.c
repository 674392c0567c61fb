/*
 * Sends mails by libshop-smtp as it is told, and prints what became of each:
 * the result, the reply code, the enhanced code or "-", and the reason. The
 * tests in Python drive it. Usage: send_probe NAME=VALUE...
 *
 *   host port name ca cert key login password token local  (texts)
 *   security      starttls, tls or plain
 *   timeout       of every step in ms; mail: of a mail; kept: mails on one connection
 *   count         mails to send (1); pause: ms between them; size: bytes of each (100)
 *   from to       the envelope
 */
#include <shop/smtp.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static shop_error_t *err;

static void must(int32_t status, const char *what) {
  if (status == SHOP_OK)
    return;
  printf("%s: %s: %s\n", what, shop_status_name(status), shop_error_message(err));
  exit(2);
}

static const char *option(char **argv, const char *name, const char *otherwise) {
  size_t size = strlen(name);

  for (; *argv != NULL; argv++)
    if (strncmp(*argv, name, size) == 0 && (*argv)[size] == '=')
      return *argv + size + 1;
  return otherwise;
}

/* Without memory: that may be what is short. */
static size_t read_file(const char *path, char *out, size_t room) {
  int file = open(path, O_RDONLY);
  ssize_t size = file < 0 ? 0 : read(file, out, room);

  if (file >= 0)
    close(file);
  return size < 0 ? 0 : (size_t)size;
}

static int32_t give_token(void *user, char *out, size_t size) {
  int written = snprintf(out, size, "%s", (const char *)user);

  return written > 0 && (size_t)written < size ? 1 : 0;
}

static int32_t security(const char *text) {
  if (strcmp(text, "plain") == 0)
    return SHOP_SMTP_PLAINTEXT;
  return strcmp(text, "tls") == 0 ? SHOP_SMTP_TLS : SHOP_SMTP_STARTTLS;
}

static void set_secrets(shop_smtp_config_t *config, char **argv) {
  static char cert[65536], key[65536];
  const char *login = option(argv, "login", NULL);
  const char *token = option(argv, "token", NULL);

  if (token != NULL)
    must(shop_smtp_config_set_xoauth2(config, login, give_token, (void *)(size_t)token), "token");
  else if (login != NULL)
    must(shop_smtp_config_set_password(config, login, option(argv, "password", "")), "password");
  if (option(argv, "cert", NULL) != NULL) {
    size_t cert_size = read_file(option(argv, "cert", ""), cert, sizeof cert);
    size_t key_size = read_file(option(argv, "key", ""), key, sizeof key);
    must(shop_smtp_config_set_client_certificate(config, cert, cert_size, key, key_size), "cert");
  }
}

static shop_smtp_config_t *configure(char **argv) {
  shop_smtp_config_t *config = NULL;
  int64_t timeout = atoll(option(argv, "timeout", "20000"));

  must(shop_smtp_config_new(&config), "config");
  must(shop_smtp_config_set_host(config, option(argv, "host", "127.0.0.1")), "host");
  must(shop_smtp_config_set_port(config, atoi(option(argv, "port", "1"))), "port");
  must(shop_smtp_config_set_security(config, security(option(argv, "security", "starttls"))),
       "security");
  if (option(argv, "name", NULL) != NULL)
    must(shop_smtp_config_set_tls_name(config, option(argv, "name", "")), "name");
  if (option(argv, "ca", NULL) != NULL)
    must(shop_smtp_config_set_ca_file(config, option(argv, "ca", "")), "ca");
  must(shop_smtp_config_set_local_name(config, option(argv, "local", "client.example")), "local");
  must(shop_smtp_config_set_mails_max(config, atoi(option(argv, "kept", "1000"))), "kept");
  for (int32_t step = SHOP_SMTP_STEP_CONNECT; step <= SHOP_SMTP_STEP_ANSWER; step++)
    must(shop_smtp_config_set_timeout_ms(config, step, timeout), "timeout");
  must(shop_smtp_config_set_timeout_ms(config, SHOP_SMTP_STEP_MAIL,
                                       atoll(option(argv, "mail", "60000"))),
       "mail");
  set_secrets(config, argv);
  return config;
}

/* Lines of 70, so that many small ones come together. */
static char *compose(int number, size_t size, size_t *used) {
  char *message = malloc(size + 200);
  size_t at;

  if (message == NULL)
    exit(2);
  at = (size_t)sprintf(message, "Subject: mail %d\r\nMessage-ID: <%d@example.org>\r\n\r\n", number,
                       number);
  while (at < size) {
    memset(message + at, '.', 70);
    at += 70;
    memcpy(message + at, "\r\n", 2);
    at += 2;
  }
  *used = at;
  return message;
}

static void send_one(shop_smtp_t *smtp, char **argv, int number) {
  shop_smtp_answer_t *answer = NULL;
  const char *enhanced;
  size_t size;
  char *message = compose(number, (size_t)atoll(option(argv, "size", "100")), &size);

  must(shop_smtp_send(smtp, option(argv, "from", "shop@example.org"),
                      option(argv, "to", "ada@example.net"), message, size, &answer, err),
       "send");
  enhanced = shop_smtp_answer_enhanced_code(answer);
  printf("%d %d %s %s\n", (int)shop_smtp_answer_result(answer),
         (int)shop_smtp_answer_reply_code(answer), enhanced[0] == '\0' ? "-" : enhanced,
         shop_smtp_answer_reason(answer));
  fflush(stdout);
  shop_smtp_answer_free(answer);
  free(message);
}

int main(int argc, char **argv) {
  shop_smtp_config_t *config;
  shop_smtp_t *smtp = NULL;
  int count;
  long pause;

  (void)argc;
  must(shop_error_new(&err), "error");
  config = configure(argv + 1);
  must(shop_smtp_new(config, &smtp, err), "new");
  shop_smtp_config_free(config);
  count = atoi(option(argv + 1, "count", "1"));
  pause = atol(option(argv + 1, "pause", "0"));
  for (int i = 0; i < count; i++) {
    if (i > 0 && pause > 0)
      nanosleep(&(struct timespec){pause / 1000, pause % 1000 * 1000000}, NULL);
    send_one(smtp, argv + 1, i);
  }
  must(shop_smtp_close(smtp, err), "close");
  shop_smtp_free(smtp);
  shop_error_free(err);
  return 0;
}
