/*
 * A mail server in memory, behind the byte stream callbacks: it answers each
 * command by a reply that a test chooses, hands its bytes out in pieces of any
 * size, and ends when it is told to. It keeps all that it was sent.
 */
#ifndef SHOP_TESTS_SMTP_SERVER_H
#define SHOP_TESTS_SMTP_SERVER_H

#include <check.h>
#include <shop/smtp.h>

enum server_verb {
  SERVER_GREETING,
  SERVER_EHLO,
  SERVER_HELO,
  SERVER_RSET,
  SERVER_MAIL,
  SERVER_RCPT,
  SERVER_DATA,
  SERVER_END, /* of the message */
  SERVER_QUIT,
  SERVER_OTHER,
  SERVER_VERBS
};

/* Instead of a reply. */
#define SERVER_CLOSES ((const char *)NULL) /* it says nothing more, and ends */
#define SERVER_SILENT ""                   /* it says nothing, and stays */

#define SERVER_MAILS_MAX 40

struct server {
  const char *replies[SERVER_VERBS];
  int32_t seen[SERVER_VERBS]; /* how often each command came, on all connections */
  size_t piece;               /* bytes it gives at once; 0: all there are */
  size_t piece_taken;         /* bytes it takes at once; 0: all */
  long reads_left;            /* bytes it gives before it ends; below 0: no limit */
  long writes_left;           /* bytes it takes before it ends; below 0: no limit */
  long pause_us;              /* before it gives a piece */
  bool eager;                 /* to take a message without a recipient */
  bool refuses;               /* to be connected to */
  int32_t connects, closes, writes;
  /* What it was told: the commands of all connections, and the messages as they came, with
     their dots doubled. */
  char commands[200000];
  size_t commands_size;
  char *messages[SERVER_MAILS_MAX];
  size_t message_sizes[SERVER_MAILS_MAX];
  int32_t mails; /* messages whose end came */
  /* Run in the middle of a read. */
  void (*hook)(struct server *server);
  void *hook_user;
  /* of the connection */
  bool open, ended, mute, in_data, has_sender, has_recipient;
  char *line; /* what came and was not yet understood */
  size_t line_size;
  char out[200000];
  size_t out_from, out_to;
};

/* Offers everything but AUTH and STARTTLS and takes every mail. */
struct server *server_new(void);
void server_free(struct server *server);
/* A config for it: plaintext, this server's stream, local name "client.example". */
shop_smtp_config_t *server_config(struct server *server);
/* The same as a handle. */
shop_smtp_t *server_handle(struct server *server);

#define SERVER_MESSAGE "Subject: x\r\n\r\nHello\r\n"
/* Sends SERVER_MESSAGE from shop@example.org to ada@example.net. */
shop_smtp_answer_t *server_send(shop_smtp_t *smtp);
shop_smtp_answer_t *server_send_text(shop_smtp_t *smtp, const char *message);
/* The same; the result alone. */
int32_t server_result(shop_smtp_t *smtp);

int server_run(const char *name, const TTest *const *tests, size_t count);
#define SERVER_RUN(name, tests) server_run(name, tests, sizeof(tests) / sizeof(tests)[0])

#endif
