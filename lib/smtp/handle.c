/*
 * The handle that a host holds: who may use it when, and the two ways to send
 * with it.
 */
#include "smtp.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#define MESSAGE_MAX ((size_t)1 << 30)
#define GOODBYE_US INT64_C(1000000)

static bool make_lock(pthread_mutex_t *lock) {
  pthread_mutexattr_t kind;
  bool made;

  if (pthread_mutexattr_init(&kind) != 0)
    return false;
  made = pthread_mutexattr_settype(&kind, PTHREAD_MUTEX_ERRORCHECK) == 0 &&
         pthread_mutex_init(lock, &kind) == 0;
  (void)pthread_mutexattr_destroy(&kind);
  return made;
}

static void destroy(struct shop_smtp *smtp) {
  shop__smtp_tls_free(smtp->tls);
  shop__memory_wipe(smtp, sizeof *smtp);
  shop__memory_free(smtp);
}

int32_t shop_smtp_new(const shop_smtp_config_t *config, shop_smtp_t **out, shop_error_t *err) {
  struct shop_smtp *smtp;
  int32_t status;

  shop__error_clear(err);
  if (out != NULL)
    *out = NULL;
  if (config == NULL || out == NULL)
    return shop__error_set(err, SHOP_ERR_ARGUMENT, "config and out must not be NULL");
  smtp = shop__memory_zalloc(sizeof *smtp);
  if (smtp == NULL)
    return shop__error_set(err, SHOP_ERR_NO_MEMORY, "out of memory");
  status = shop__smtp_config_settle(config, &smtp->config, err);
  if (status == SHOP_OK && smtp->config.security != SHOP_SMTP_PLAINTEXT)
    status = shop__smtp_tls_new(config, &smtp->tls, err);
  if (status == SHOP_OK && !make_lock(&smtp->lock))
    status = shop__error_set(err, SHOP_ERR_NO_MEMORY, "out of memory");
  if (status != SHOP_OK) {
    destroy(smtp);
    return status;
  }
  smtp->pid = getpid();
  smtp->socket.fd = -1;
  if (smtp->config.calls.connect == NULL)
    shop__smtp_socket_calls(&smtp->socket, &smtp->config.calls);
  smtp->stream.calls = &smtp->config.calls;
  *out = smtp;
  return SHOP_OK;
}

/* In a child of a fork the connection is the parent's: its end of the socket is closed, and nothing
   is said over it. */
static void abandon(struct shop_smtp *smtp) {
  shop__smtp_tls_end(smtp->stream.tls, false);
  if (smtp->socket.fd >= 0)
    (void)close(smtp->socket.fd);
}

void shop_smtp_free(shop_smtp_t *smtp) {
  if (smtp == NULL)
    return;
  if (smtp->pid != getpid()) {
    abandon(smtp);
  } else if (smtp->stream.open) {
    smtp->stream.mail_until_us = shop__clock_monotonic_us() + GOODBYE_US;
    smtp->stream.step_until_us = smtp->stream.mail_until_us;
    if (!shop__smtp_stream_write(&smtp->stream, "QUIT\r\n", 6))
      smtp->stream.broken = SHOP__SMTP_BROKEN;
    shop__smtp_stream_close(&smtp->stream);
  }
  (void)pthread_mutex_destroy(&smtp->lock);
  destroy(smtp);
}

/* The mail's time begins before the wait for other threads. */
static int32_t enter(struct shop_smtp *smtp, int64_t timeout_ms, shop_error_t *err) {
  int64_t until_us = shop__clock_monotonic_us();

  if (smtp->pid != getpid())
    return shop__error_set(err, SHOP_ERR_FORKED,
                           "the handle was made before a fork: make one in this process");
  if (pthread_mutex_lock(&smtp->lock) != 0)
    return shop__error_set(err, SHOP_ERR_IN_CALLBACK,
                           "a callback of this handle must not use the handle");
  if (timeout_ms > smtp->config.timeout_ms[SHOP_SMTP_STEP_MAIL])
    timeout_ms = smtp->config.timeout_ms[SHOP_SMTP_STEP_MAIL];
  smtp->stream.mail_until_us = until_us + timeout_ms * 1000;
  return SHOP_OK;
}

static void leave(struct shop_smtp *smtp) {
  smtp->answer = NULL;
  (void)pthread_mutex_unlock(&smtp->lock);
}

int32_t shop_smtp_close(shop_smtp_t *smtp, shop_error_t *err) {
  int32_t status;

  shop__error_clear(err);
  if (smtp == NULL)
    return shop__error_set(err, SHOP_ERR_ARGUMENT, "smtp must not be NULL");
  status = enter(smtp, INT64_MAX, err);
  if (status != SHOP_OK)
    return status;
  shop__smtp_session_quit(smtp);
  leave(smtp);
  return SHOP_OK;
}

static int32_t send_into(struct shop_smtp *smtp, struct shop__smtp_mail *mail, int64_t timeout_ms,
                         struct shop_smtp_answer *answer, shop_error_t *err) {
  int32_t status = enter(smtp, timeout_ms, err);

  if (status != SHOP_OK)
    return status;
  smtp->answer = answer;
  if (shop__clock_monotonic_us() < smtp->stream.mail_until_us)
    shop__smtp_send(smtp, mail);
  else
    shop__smtp_answer_say(answer, SHOP_SMTP_LATER,
                          "other threads held the connection for too long");
  leave(smtp);
  return SHOP_OK;
}

int32_t shop_smtp_send(shop_smtp_t *smtp, const char *sender, const char *recipient,
                       const char *message, size_t message_bytes, shop_smtp_answer_t **out,
                       shop_error_t *err) {
  struct shop__smtp_mail mail = {
      .sender = sender, .recipient = recipient, .message = message, .size = message_bytes};
  struct shop_smtp_answer *answer;
  int32_t status;

  shop__error_clear(err);
  if (out != NULL)
    *out = NULL;
  if (smtp == NULL || sender == NULL || recipient == NULL || message == NULL || out == NULL)
    return shop__error_set(err, SHOP_ERR_ARGUMENT, "nothing but err may be NULL");
  if (message_bytes == 0 || message_bytes > MESSAGE_MAX)
    return shop__error_set(err, SHOP_ERR_ARGUMENT, "a message has 1 byte to 1 GiB");
  answer = shop__memory_zalloc(sizeof *answer);
  if (answer == NULL)
    return shop__error_set(err, SHOP_ERR_NO_MEMORY, "out of memory");
  status = send_into(smtp, &mail, INT64_MAX, answer, err);
  if (status == SHOP_OK)
    *out = answer;
  else
    shop_smtp_answer_free(answer);
  return status;
}

/* A setter that fails leaves the call without an answer, and then the mail stays queued. */
static void give(shop_mail_call_t *call, const struct shop_smtp_answer *answer) {
  switch ((enum shop_smtp_result)answer->result) {
  case SHOP_SMTP_DELIVERED:
    (void)shop_mail_call_set_delivered(call);
    break;
  case SHOP_SMTP_LATER:
    (void)shop_mail_call_set_later(call, answer->reason);
    break;
  case SHOP_SMTP_REJECTED:
    (void)shop_mail_call_set_rejected(call, answer->reason);
    break;
  }
}

void shop_smtp_transport(shop_mail_call_t *call, void *smtp) {
  struct shop_smtp_answer answer = {.result = SHOP_SMTP_LATER};
  struct shop__smtp_mail mail = {
      .sender = shop_mail_call_sender(call),
      .recipient = shop_mail_call_recipient(call),
      .message = shop_mail_call_message(call),
      .size = shop_mail_call_message_bytes(call),
  };
  struct shop_error error = {0};

  if (call == NULL || smtp == NULL)
    return;
  if (send_into(smtp, &mail, shop_mail_call_timeout_ms(call), &answer, &error) != SHOP_OK)
    shop__smtp_answer_say(&answer, SHOP_SMTP_LATER, "%s", error.message);
  give(call, &answer);
}
