/*
 * The door of lib/smtp, the room of the companion library libshop-smtp: one
 * mail to one server, over one connection that is kept. It stands on lib/base
 * and on the public headers, and nothing stands on it.
 */
#ifndef SHOP_LIB_SMTP_H
#define SHOP_LIB_SMTP_H

#include "base.h"
#include "shop/smtp.h"

#include <pthread.h>
#include <sys/types.h>

/* ---- config.c ------------------------------------------------------------- */

#define SHOP__SMTP_NAME_BYTES 256
#define SHOP__SMTP_PASSWORD_BYTES 1025
#define SHOP__SMTP_TOKEN_BYTES 4096
#define SHOP__SMTP_STEPS 7 /* enum shop_smtp_step counts from 1 */

/** A PEM text; size counts its NUL, as mbedTLS wants it. */
struct shop__smtp_pem {
  char *text;
  size_t size;
};

/** The byte stream, the host's or the socket's. */
struct shop__smtp_calls {
  shop_smtp_io_fn connect;
  void *connect_user;
  shop_smtp_io_fn read;
  void *read_user;
  shop_smtp_io_fn write;
  void *write_user;
  shop_smtp_io_fn close;
  void *close_user;
};

struct shop_smtp_config {
  char host[SHOP__SMTP_NAME_BYTES];
  char tls_name[SHOP__SMTP_NAME_BYTES];
  char local_name[SHOP__SMTP_NAME_BYTES];
  int32_t port; /* 0: that of the security */
  int32_t security;
  int32_t mails_max;
  int64_t timeout_ms[SHOP__SMTP_STEPS];
  char *ca_file;
  struct shop__smtp_pem ca, certificate, key;
  char login[SHOP__SMTP_NAME_BYTES];
  char password[SHOP__SMTP_PASSWORD_BYTES];
  int32_t (*token)(void *user, char *out, size_t size);
  void *token_user;
  struct shop__smtp_calls calls;
};

/** Copies all but the PEM texts and the CA file, checks that the settings go
    together, and fills in what was left open. */
int32_t shop__smtp_config_settle(const struct shop_smtp_config *config,
                                 struct shop_smtp_config *out, shop_error_t *err) SHOP__MUST_USE;

/* ---- reply.c: what a server answers (RFC 5321 4.2, RFC 2034) ----------------- */

#define SHOP__SMTP_REPLY_MAX 8192 /* bytes of a whole reply; the RFC's line has 512 */
#define SHOP__SMTP_ENHANCED_BYTES 12

struct shop__smtp_reply {
  int32_t code;       /* 200 to 599, once its first line's is read */
  uint32_t line_code; /* of the line that is being read */
  uint32_t column;    /* in the line, no further than 4 */
  bool last_line;
  size_t size;                              /* bytes read */
  char enhanced[SHOP__SMTP_ENHANCED_BYTES]; /* "5.1.1" or "", when it is done */
  size_t used;                              /* of text */
  char text[SHOP__SMTP_REPLY_MAX];          /* the lines without their codes, each ended by LF */
};

enum shop__smtp_feed {
  SHOP__SMTP_MORE, /* all was taken, and more is to come */
  SHOP__SMTP_DONE, /* the reply is complete */
  SHOP__SMTP_BAD   /* this is no SMTP, or it is too long */
};

void shop__smtp_reply_begin(struct shop__smtp_reply *reply);
/** Reads on; *taken receives how many bytes belong to this reply. Not to be
    called again after DONE or BAD. */
enum shop__smtp_feed shop__smtp_reply_feed(struct shop__smtp_reply *reply, const void *data,
                                           size_t size, size_t *taken) SHOP__MUST_USE;
/** What a refusal (4xx or 5xx) of a mail means: SHOP_SMTP_LATER or
    SHOP_SMTP_REJECTED, by the table of shop/smtp.h. */
int32_t shop__smtp_reply_verdict(const struct shop__smtp_reply *reply);

/** What a server offers (the reply to EHLO). */
struct shop__smtp_offer {
  bool pipelining, eight_bit, utf8, starttls;
  bool plain, login, xoauth2;
  bool size;        /* SIZE was offered */
  int64_t size_max; /* in bytes; 0: no limit is known */
};
void shop__smtp_reply_offer(const struct shop__smtp_reply *reply, struct shop__smtp_offer *out);

/* ---- answer.c ---------------------------------------------------------------- */

#define SHOP__SMTP_REASON_BYTES 256

struct shop_smtp_answer {
  int32_t result;
  int32_t code;
  char enhanced[SHOP__SMTP_ENHANCED_BYTES];
  char reason[SHOP__SMTP_REASON_BYTES];
};

/** Gives the answer in our own words. */
void shop__smtp_answer_say(struct shop_smtp_answer *answer, int32_t result, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/** Gives the answer of a server: "HOST answered 550 5.1.1 to RCPT: its text",
    made fit for one line of UTF-8. `quote`: with its text. */
void shop__smtp_answer_quote(struct shop_smtp_answer *answer, int32_t result, const char *host,
                             const char *command, const struct shop__smtp_reply *reply, bool quote);

/* ---- io.c: one call of a byte stream's function ---------------------------------- */

enum shop__smtp_io_kind { SHOP__SMTP_CONNECT, SHOP__SMTP_READ, SHOP__SMTP_WRITE, SHOP__SMTP_CLOSE };
struct shop_smtp_io {
  enum shop__smtp_io_kind kind;
  const char *host;
  int32_t port;
  int64_t timeout_ms;
  void *buffer;
  const void *data;
  size_t size;
  /* the answer */
  bool connected;
  bool ended;
  size_t moved;
};

/* ---- stream.c: bytes, with a limit of time for each step ------------------------ */

struct shop__smtp_tls_line;

enum shop__smtp_break {
  SHOP__SMTP_WHOLE = 0,
  SHOP__SMTP_ENDED, /* the other side has closed */
  SHOP__SMTP_LATE,  /* the limit of time is over */
  SHOP__SMTP_BROKEN /* reading or writing failed */
};

struct shop__smtp_stream {
  const struct shop__smtp_calls *calls;
  struct shop__smtp_tls_line *tls; /* NULL: in clear */
  int64_t mail_until_us;           /* monotonic */
  int64_t step_until_us;
  enum shop__smtp_break broken; /* sticky, until it is opened again */
  bool open;
  size_t from, to; /* what was read and not yet taken */
  char in[4096];
};

/** Begins a step: from now, this long, and not longer than the mail may take. */
void shop__smtp_stream_step(struct shop__smtp_stream *stream, int64_t timeout_ms);
/** What is left of the step in ms, rounded up; 0, with the stream broken, when
    it is over. */
int64_t shop__smtp_stream_left_ms(struct shop__smtp_stream *stream);
bool shop__smtp_stream_open(struct shop__smtp_stream *stream, const char *host,
                            int32_t port) SHOP__MUST_USE;
/** Fills the empty buffer with at least one byte. */
bool shop__smtp_stream_fill(struct shop__smtp_stream *stream) SHOP__MUST_USE;
bool shop__smtp_stream_write(struct shop__smtp_stream *stream, const void *data,
                             size_t size) SHOP__MUST_USE;
/** Ends TLS and the connection; forgets what was read. */
void shop__smtp_stream_close(struct shop__smtp_stream *stream);
/** Below TLS: at least one byte, or 0 with the stream broken. */
size_t shop__smtp_stream_read_raw(struct shop__smtp_stream *stream, void *buffer,
                                  size_t size) SHOP__MUST_USE;
size_t shop__smtp_stream_write_raw(struct shop__smtp_stream *stream, const void *data,
                                   size_t size) SHOP__MUST_USE;

/* ---- socket.c: the byte stream that is built in ---------------------------------- */

struct shop__smtp_socket {
  int fd;        /* -1: none */
  char why[160]; /* the last connection failed because of this; "" */
};
void shop__smtp_socket_calls(struct shop__smtp_socket *socket, struct shop__smtp_calls *calls);

/* ---- tls.c: the only file that knows mbedTLS --------------------------------------- */

struct shop__smtp_tls;

/** Trust and certificates of a config, read once for all connections. */
int32_t shop__smtp_tls_new(const struct shop_smtp_config *config, struct shop__smtp_tls **out,
                           shop_error_t *err) SHOP__MUST_USE;
void shop__smtp_tls_free(struct shop__smtp_tls *tls);
#define SHOP__SMTP_WHY_BYTES 240
/** Puts TLS on an open stream whose buffer is empty, and checks the
    certificate for `name`. On failure `why` says what is wrong. */
bool shop__smtp_tls_start(struct shop__smtp_tls *tls, struct shop__smtp_stream *stream,
                          const char *name, char why[SHOP__SMTP_WHY_BYTES]) SHOP__MUST_USE;
/** At least one byte, or 0 with the stream broken; as stream.c's raw ones. */
size_t shop__smtp_tls_read(struct shop__smtp_tls_line *line, void *buffer,
                           size_t size) SHOP__MUST_USE;
size_t shop__smtp_tls_write(struct shop__smtp_tls_line *line, const void *data,
                            size_t size) SHOP__MUST_USE;
/** Says goodbye when `tell`, and frees. NULL is harmless. */
void shop__smtp_tls_end(struct shop__smtp_tls_line *line, bool tell);

/* ---- handle.c ------------------------------------------------------------------------ */

struct shop_smtp {
  pthread_mutex_t lock; /* an error-checking one: a callback may come back in */
  pid_t pid;
  struct shop_smtp_config config; /* no PEM in it */
  struct shop__smtp_socket socket;
  struct shop__smtp_tls *tls; /* NULL: plaintext */
  struct shop__smtp_stream stream;
  struct shop__smtp_offer offer;
  struct shop__smtp_reply reply;   /* the latest */
  struct shop_smtp_answer *answer; /* the call's that is running */
  int32_t mails;                   /* sent over this connection */
  bool dirty;                      /* a transaction was begun and not ended: RSET is due */
};

/* ---- talk.c: one command, one reply ----------------------------------------------------- */

/** Writes commands, within the step that was begun; nothing may be waiting to
    be read. On failure the answer says so. */
bool shop__smtp_talk_write(struct shop_smtp *smtp, const char *what, const void *data,
                           size_t size) SHOP__MUST_USE;
/** Reads one reply into smtp->reply within `step`. False, with the answer
    given, when there is none, or when it is 421: the connection is of no more
    use. */
bool shop__smtp_talk_read(struct shop_smtp *smtp, const char *what, int32_t step) SHOP__MUST_USE;
/** Both. */
bool shop__smtp_talk(struct shop_smtp *smtp, const char *what, const char *command,
                     size_t size) SHOP__MUST_USE;
/** The answer "later" for what the last reply refused, and false. */
bool shop__smtp_talk_refused(struct shop_smtp *smtp, const char *what);

/* ---- session.c: from no connection to one that takes mail --------------------------------- */

/** Connects, greets, secures, logs in. False, with the answer given and the
    stream closed, when that fails. */
bool shop__smtp_session_open(struct shop_smtp *smtp) SHOP__MUST_USE;
/** QUIT, its reply, and the end. Harmless without a connection. */
void shop__smtp_session_quit(struct shop_smtp *smtp);

/* ---- login.c: AUTH (RFC 4954) ---------------------------------------------------------------- */

/** Logs in where the config says so. False, with the answer given, when that
    fails. Only to be called under TLS. */
bool shop__smtp_login(struct shop_smtp *smtp) SHOP__MUST_USE;

/* ---- message.c: the bytes of one mail ----------------------------------------------------------
 */

struct shop__smtp_mail {
  const char *sender;
  const char *recipient;
  const char *message;
  size_t size;
  /* filled by the check */
  bool eight_bit; /* bytes beyond ASCII */
  bool utf8;      /* in an address or in the header of the message */
};

/** Looks whether the mail is fit to be sent at all, and what it needs. False,
    with the answer "rejected", when it is not. */
bool shop__smtp_message_check(struct shop__smtp_mail *mail,
                              struct shop_smtp_answer *answer) SHOP__MUST_USE;
/** Writes the message with its dots doubled (RFC 5321 4.5.2), and its end. */
bool shop__smtp_message_write(const struct shop__smtp_mail *mail,
                              struct shop__smtp_stream *stream) SHOP__MUST_USE;

/* ---- send.c: one mail
 * ----------------------------------------------------------------------------- */

/** Gives smtp->answer, whatever happens. */
void shop__smtp_send(struct shop_smtp *smtp, struct shop__smtp_mail *mail);

#endif
