/*
 * libshop-smtp, the companion library: a ready mail transport. It hands the
 * messages of libshop to a mail server by SMTP (RFC 5321) over TLS. It is a
 * library of its own (link shop-smtp beside shop) and so this header is not
 * brought by shop.h.
 *
 *   shop_smtp_config_new(&smtp_config);
 *   shop_smtp_config_set_host(smtp_config, "mail.example.org");
 *   shop_smtp_config_set_password(smtp_config, "shop", password);
 *   shop_smtp_new(smtp_config, &smtp, err);
 *   shop_config_set_mail_transport(config, shop_smtp_transport, smtp);
 *
 * What is made of a server's answers:
 *
 *   | what happened                                            | result    |
 *   |----------------------------------------------------------|-----------|
 *   | 2xx to the end of the message                            | delivered |
 *   | 4xx to MAIL, RCPT, DATA or the message                   | later     |
 *   | 5xx to MAIL, RCPT, DATA or the message                   | rejected  |
 *   | - but 421, 503, 530, or an enhanced code (RFC 3463) that |           |
 *   |   is not of class 5, or is 5.3.2, 5.3.5 or 5.7.8 to .12  | later     |
 *   | the server does not offer what this mail needs: its SIZE |           |
 *   |   is too small, no 8BITMIME, no SMTPUTF8                 | rejected  |
 *   | the message has a bare CR or LF, a NUL or a line of over |           |
 *   |   998 bytes; an address is no mailbox                    | rejected  |
 *   | no name, no connection, any greeting but 220, EHLO       |           |
 *   |   refused                                                | later     |
 *   | STARTTLS not offered or refused, TLS fails, the          |           |
 *   |   certificate is not good for the host                   | later     |
 *   | no way to log in is offered, or the log-in is refused    | later     |
 *   | a limit of time, a lost connection, an answer that is no |           |
 *   |   SMTP, at any step                                      | later     |
 *
 * The last four say nothing about the mail: it must not die of a server that
 * is down or of a password that has expired. When the connection is lost after
 * the end of the message was sent and before it was answered, the server may
 * have taken the mail: it goes out again, with the same Message-ID, and that
 * is the one way to a second copy. In every other case nothing was delivered.
 *
 * A handle serves one mail at a time; calls from several threads wait for one
 * another. Who delivers from several threads takes a handle for each. A handle
 * does not survive a fork: in the child it can only be freed.
 *
 * The name of the host is looked up by getaddrinfo, which blocks for as long
 * as the system's resolver does, whatever the limits here say. A host that
 * cannot afford that gives an address and `shop_smtp_config_set_tls_name`, or
 * brings a byte stream of its own.
 */
#ifndef SHOP_SMTP_H
#define SHOP_SMTP_H

#include "shop/common.h"
#include "shop/mail.h"
#include "shop/status.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Settings for `shop_smtp_new`, copied by it. Not thread-safe. */
typedef struct shop_smtp_config shop_smtp_config_t;
/** A mail server, and the connection that is kept to it. Thread-safe. */
typedef struct shop_smtp shop_smtp_t;
/** What became of one mail. Immutable. */
typedef struct shop_smtp_answer shop_smtp_answer_t;

/* ---- settings ---------------------------------------------------------------
 *
 * Every setter answers SHOP_OK; SHOP_ERR_ARGUMENT for a NULL config or a value
 * out of its range (the old value stays); those with a text or bytes also
 * SHOP_ERR_TEXT, SHOP_ERR_TOO_LONG and SHOP_ERR_NO_MEMORY. What they are given
 * is copied; secrets are wiped when they are replaced or freed.
 */

/**
 * Makes a config with the defaults. Only the host must be set.
 *
 * @param out receives it; freed by `shop_smtp_config_free`, any time after
 *   `shop_smtp_new`
 * @return SHOP_OK; SHOP_ERR_ARGUMENT when out is NULL; SHOP_ERR_NO_MEMORY
 * @since 0.1.0
 */
SHOP_API int32_t shop_smtp_config_new(shop_smtp_config_t **out);
/** Wipes and frees a config. NULL is harmless. @since 0.1.0 */
SHOP_API void shop_smtp_config_free(shop_smtp_config_t *config);

/** The server: a name or an address, 1 to 255 bytes of ASCII without spaces.
    There is no default. @since 0.1.0 */
SHOP_API int32_t shop_smtp_config_set_host(shop_smtp_config_t *config, const char *host);

/** The TCP port, 1 to 65,535. Default: 587 with STARTTLS, 465 with implicit
    TLS, 25 without TLS. @since 0.1.0 */
SHOP_API int32_t shop_smtp_config_set_port(shop_smtp_config_t *config, int32_t port);

/** How the connection is secured. */
enum shop_smtp_security {
  /** STARTTLS (RFC 3207), always: a server that does not offer it gets no
      mail and no password. */
  SHOP_SMTP_STARTTLS = 1,
  /** TLS from the first byte (RFC 8314). */
  SHOP_SMTP_TLS = 2,
  /** Nothing: anybody on the way reads the mails. Not possible together with
      a password, a token or a client certificate. */
  SHOP_SMTP_PLAINTEXT = 3
};
/** Default SHOP_SMTP_STARTTLS. TLS is 1.2 or newer, with forward secrecy; the
    certificate must be good for the host. @since 0.1.0 */
SHOP_API int32_t shop_smtp_config_set_security(shop_smtp_config_t *config, int32_t security);

/** The name that the certificate must be good for, where it is not the host:
    1 to 255 bytes of ASCII. Needed when the host is an IP address, because
    addresses in certificates are not compared. (A certificate without
    alternative names is compared by its common name.) @since 0.1.0 */
SHOP_API int32_t shop_smtp_config_set_tls_name(shop_smtp_config_t *config, const char *name);

/** A file of the certificates (PEM) that are trusted, instead of the system's
    bundle, /etc/ssl/certs/ca-certificates.crt. Read by `shop_smtp_new`.
    @param path 1 to 4,095 bytes @since 0.1.0 */
SHOP_API int32_t shop_smtp_config_set_ca_file(shop_smtp_config_t *config, const char *path);

/** The same, from memory; goes before a file. @param pem up to 4 MiB
    @since 0.1.0 */
SHOP_API int32_t shop_smtp_config_set_ca_pem(shop_smtp_config_t *config, const char *pem,
                                             size_t pem_bytes);

/** A certificate (with those between it and its root) and its private key,
    both PEM, the key not encrypted, for servers that ask for one.
    @param certificate_pem up to 64 KiB @param key_pem up to 64 KiB
    @since 0.1.0 */
SHOP_API int32_t shop_smtp_config_set_client_certificate(shop_smtp_config_t *config,
                                                         const char *certificate_pem,
                                                         size_t certificate_pem_bytes,
                                                         const char *key_pem, size_t key_pem_bytes);

/** Logs in with a password, by PLAIN (RFC 4616) or else LOGIN.
    @param login 1 to 255 bytes @param password 1 to 1,024 bytes, wiped with
    the config and the handle @since 0.1.0 */
SHOP_API int32_t shop_smtp_config_set_password(shop_smtp_config_t *config, const char *login,
                                               const char *password);

/**
 * Logs in with an OAuth 2.0 access token (XOAUTH2), asked for at each log-in,
 * since it lives for an hour or so. Goes before a password; the login is that
 * of the latest of the two calls.
 *
 * @param login 1 to 255 bytes
 * @param token writes the token and a NUL into out, which has room for
 *   `size` (4,096) bytes and is wiped afterwards, and answers 1; any other
 *   answer means that there is none now. Called on the thread that sends; it
 *   must not use the same shop_smtp_t. NULL: no token, the default
 * @since 0.1.0
 */
SHOP_API int32_t shop_smtp_config_set_xoauth2(shop_smtp_config_t *config, const char *login,
                                              int32_t (*token)(void *user, char *out, size_t size),
                                              void *user);

/** The name that this side gives of itself (EHLO): a domain or an address
    literal, 1 to 255 bytes. Default: the machine's name where it has a dot in
    it, else "[127.0.0.1]". @since 0.1.0 */
SHOP_API int32_t shop_smtp_config_set_local_name(shop_smtp_config_t *config, const char *name);

/** The steps that have a limit of time. */
enum shop_smtp_step {
  /** Until the connection is made, all addresses of the host together.
      Default 30,000. */
  SHOP_SMTP_STEP_CONNECT = 1,
  /** Until the greeting is read. Default 60,000. */
  SHOP_SMTP_STEP_GREETING = 2,
  /** For the TLS handshake, and from a command until its whole answer is
      read. Default 60,000. */
  SHOP_SMTP_STEP_COMMAND = 3,
  /** For writing the message. Default 120,000. */
  SHOP_SMTP_STEP_DATA = 4,
  /** From the end of the message until the answer to it is read. Long, since
      giving up here may mean a second copy. Default 120,000. */
  SHOP_SMTP_STEP_ANSWER = 5,
  /** For one mail, everything together, including the wait for other threads.
      As a transport it also keeps to `shop_mail_call_timeout_ms`, so that it has
      given up before another deliverer may take the same mail. Default 240,000. */
  SHOP_SMTP_STEP_MAIL = 6
};
/** Sets the limit of one step, 1 to 3,600,000 ms. It is measured by a clock
    that never goes back, from the beginning of the step to its end: a server
    that sends a byte now and then does not stretch it. @since 0.1.0 */
SHOP_API int32_t shop_smtp_config_set_timeout_ms(shop_smtp_config_t *config, int32_t step,
                                                 int64_t timeout_ms);

/** How many mails go over one connection before it is closed and made anew, 1
    to 1,000,000. Default 100. @since 0.1.0 */
SHOP_API int32_t shop_smtp_config_set_mails_max(shop_smtp_config_t *config, int32_t count);

/*
 * A byte stream of the host's own, instead of a POSIX socket: for a tunnel, an
 * I/O loop, a test. All four functions are set, or none. They are called on
 * the thread that sends, one at a time, with no more than one connection open,
 * and must not use the same shop_smtp_t. They answer by `shop_smtp_io_set_...`
 * within `shop_smtp_io_timeout_ms`; no answer means that it has failed, so a
 * function in another language that throws has moved no byte.
 */

/** One call of such a function; dies when the function returns. */
typedef struct shop_smtp_io shop_smtp_io_t;
typedef void (*shop_smtp_io_fn)(shop_smtp_io_t *io, void *user);

/** Makes a connection to `shop_smtp_io_host` and `shop_smtp_io_port`, and
    answers `shop_smtp_io_set_connected`. @since 0.1.0 */
SHOP_API int32_t shop_smtp_config_set_stream_connect(shop_smtp_config_t *config,
                                                     shop_smtp_io_fn connect, void *user);
/** Waits for bytes, puts up to `shop_smtp_io_bytes` of them into
    `shop_smtp_io_buffer`, and answers `shop_smtp_io_set_moved`, or
    `shop_smtp_io_set_ended`. @since 0.1.0 */
SHOP_API int32_t shop_smtp_config_set_stream_read(shop_smtp_config_t *config, shop_smtp_io_fn read,
                                                  void *user);
/** Sends up to `shop_smtp_io_bytes` bytes of `shop_smtp_io_data`, and answers
    `shop_smtp_io_set_moved`. @since 0.1.0 */
SHOP_API int32_t shop_smtp_config_set_stream_write(shop_smtp_config_t *config,
                                                   shop_smtp_io_fn write, void *user);
/** Closes the connection; called once for each that was made, but not in a
    child after a fork. Needs no answer. @since 0.1.0 */
SHOP_API int32_t shop_smtp_config_set_stream_close(shop_smtp_config_t *config,
                                                   shop_smtp_io_fn close, void *user);

/** Connect: the server. Borrowed; else "". @since 0.1.0 */
SHOP_API const char *shop_smtp_io_host(const shop_smtp_io_t *io);
/** Connect: the port; else 0. @since 0.1.0 */
SHOP_API int32_t shop_smtp_io_port(const shop_smtp_io_t *io);
/** What time is left for this call. @since 0.1.0 */
SHOP_API int64_t shop_smtp_io_timeout_ms(const shop_smtp_io_t *io);
/** Read: where the bytes go; else NULL. @since 0.1.0 */
SHOP_API void *shop_smtp_io_buffer(const shop_smtp_io_t *io);
/** Write: what is to be sent; else NULL. @since 0.1.0 */
SHOP_API const void *shop_smtp_io_data(const shop_smtp_io_t *io);
/** Read: how many fit into the buffer; write: how many there are.
    @since 0.1.0 */
SHOP_API size_t shop_smtp_io_bytes(const shop_smtp_io_t *io);
/** Answer to connect: there is a connection. @return SHOP_OK;
    SHOP_ERR_ARGUMENT for NULL or another kind of call @since 0.1.0 */
SHOP_API int32_t shop_smtp_io_set_connected(shop_smtp_io_t *io);
/** Answer to read and write: so many bytes were read into the buffer, or sent.
    @param bytes 1 to `shop_smtp_io_bytes` @return SHOP_OK; SHOP_ERR_ARGUMENT
    also for a second answer @since 0.1.0 */
SHOP_API int32_t shop_smtp_io_set_moved(shop_smtp_io_t *io, size_t bytes);
/** Answer to read: the other side has ended. @return SHOP_OK;
    SHOP_ERR_ARGUMENT @since 0.1.0 */
SHOP_API int32_t shop_smtp_io_set_ended(shop_smtp_io_t *io);

/* ---- sending ------------------------------------------------------------------ */

/**
 * Makes a transport. It reads the certificates and checks the settings; the
 * server is not asked before the first mail.
 *
 * @param config the settings, copied
 * @param out    receives it; freed by `shop_smtp_free`, when no shop that has
 *   it for a transport is open any more
 * @return SHOP_OK; SHOP_ERR_ARGUMENT for NULL, a missing host, settings that
 *   do not go together (the message names them), or PEM that cannot be read;
 *   SHOP_ERR_CANNOT_OPEN when the CA file cannot be read; SHOP_ERR_NO_MEMORY
 * @since 0.1.0
 */
SHOP_API int32_t shop_smtp_new(const shop_smtp_config_t *config, shop_smtp_t **out,
                               shop_error_t *err);

/** Closes the connection, without waiting for the server, wipes and frees.
    NULL is harmless. No call may be running. @since 0.1.0 */
SHOP_API void shop_smtp_free(shop_smtp_t *smtp);

/**
 * Ends the connection, if there is one, in good order (QUIT). To be called
 * after a batch; the next mail makes a new connection. A connection that is
 * left open is ended by the server at some time, which harms nothing.
 *
 * @return SHOP_OK, however the server took it; SHOP_ERR_ARGUMENT for NULL;
 *   SHOP_ERR_IN_CALLBACK from inside a callback of the same handle;
 *   SHOP_ERR_FORKED
 * @since 0.1.0
 */
SHOP_API int32_t shop_smtp_close(shop_smtp_t *smtp, shop_error_t *err);

/**
 * The transport: given to `shop_config_set_mail_transport` together with a
 * shop_smtp_t, it hands over each mail and answers as the table above says.
 *
 * @param call the mail; NULL is harmless
 * @param smtp a shop_smtp_t; NULL answers nothing, so the mail stays queued
 * @since 0.1.0
 */
SHOP_API void shop_smtp_transport(shop_mail_call_t *call, void *smtp);

/** What became of a mail. There is no 0: an answer that was lost on the way
    into another language is never "delivered". */
enum shop_smtp_result {
  /** The server has taken it over. */
  SHOP_SMTP_DELIVERED = 1,
  /** Not now; try again. */
  SHOP_SMTP_LATER = 2,
  /** It will never be taken. */
  SHOP_SMTP_REJECTED = 3
};

/**
 * Sends one mail, for a host that takes mails out of its outbox itself.
 *
 * @param sender        the envelope sender, a mailbox, or "" for none
 * @param recipient     the envelope recipient, a mailbox
 * @param message       a finished message (RFC 5322), lines ended by CRLF
 * @param message_bytes its length, 1 to 1 GiB
 * @param out           receives what became of it; freed by
 *   `shop_smtp_answer_free`
 * @return SHOP_OK when there is an answer, whichever; SHOP_ERR_ARGUMENT for
 *   NULL or a length out of its range; SHOP_ERR_NO_MEMORY before anything was
 *   sent; SHOP_ERR_IN_CALLBACK from inside a callback of the same handle;
 *   SHOP_ERR_FORKED
 * @since 0.1.0
 */
SHOP_API int32_t shop_smtp_send(shop_smtp_t *smtp, const char *sender, const char *recipient,
                                const char *message, size_t message_bytes, shop_smtp_answer_t **out,
                                shop_error_t *err);

/** Frees an answer. NULL is harmless. @since 0.1.0 */
SHOP_API void shop_smtp_answer_free(shop_smtp_answer_t *answer);
/** A value of enum shop_smtp_result; NULL gives 0. @since 0.1.0 */
SHOP_API int32_t shop_smtp_answer_result(const shop_smtp_answer_t *answer);
/** One line that says why, up to 255 bytes of UTF-8, with the server's own
    words but never with those of a log-in. Borrowed; NULL gives "".
    @since 0.1.0 */
SHOP_API const char *shop_smtp_answer_reason(const shop_smtp_answer_t *answer);
/** The reply code that decided (RFC 5321 4.2), 200 to 599, or 0 when none
    did. @since 0.1.0 */
SHOP_API int32_t shop_smtp_answer_reply_code(const shop_smtp_answer_t *answer);
/** The enhanced code of that reply (RFC 3463), such as "5.1.1", or "".
    Borrowed. @since 0.1.0 */
SHOP_API const char *shop_smtp_answer_enhanced_code(const shop_smtp_answer_t *answer);

#ifdef __cplusplus
}
#endif
#endif
