/* The mail transport: hands mail to the host's callback and has its answer
   stored. The mail of this very call is at hand; what else is due is taken from
   the outbox. */
#include <stdio.h>
#include <string.h>

#include "flow.h"

enum { NO_ANSWER = 0 };

/* A mail that this thread holds the lease of. */
struct job {
  int64_t id;
  int64_t lease_id;
  int64_t timeout_ms;
  int32_t kind;
  const char *sender;
  const char *recipient;
  const char *order_number; /* "": an account's */
  const char *message;
  size_t message_bytes;
};

struct shop_mail_call {
  const struct job *job;
  int32_t answer; /* enum shop_mail_outcome, or none */
  bool spoiled;   /* two answers that differ */
  char reason[SHOP__REASON_MAX + 1];
};

/* ---- what the callback reads and says ------------------------------------------------------ */

int32_t shop_mail_call_kind(const shop_mail_call_t *call) {
  return call == NULL ? 0 : call->job->kind;
}

const char *shop_mail_call_sender(const shop_mail_call_t *call) {
  return call == NULL ? "" : call->job->sender;
}

const char *shop_mail_call_recipient(const shop_mail_call_t *call) {
  return call == NULL ? "" : call->job->recipient;
}

const char *shop_mail_call_order_number(const shop_mail_call_t *call) {
  return call == NULL ? "" : call->job->order_number;
}

const char *shop_mail_call_message(const shop_mail_call_t *call) {
  return call == NULL ? "" : call->job->message;
}

size_t shop_mail_call_message_bytes(const shop_mail_call_t *call) {
  return call == NULL ? 0 : call->job->message_bytes;
}

int64_t shop_mail_call_timeout_ms(const shop_mail_call_t *call) {
  return call == NULL ? 0 : call->job->timeout_ms;
}

static int32_t answer(shop_mail_call_t *call, int32_t wanted, const char *reason) {
  const char *fit = shop__mail_reason(reason);

  if (call == NULL)
    return SHOP_ERR_ARGUMENT;
  if (call->answer != NO_ANSWER && call->answer != wanted) {
    call->spoiled = true;
    return SHOP_ERR_ARGUMENT;
  }
  call->answer = wanted;
  if (fit != NULL)
    memcpy(call->reason, fit, strlen(fit) + 1);
  return SHOP_OK;
}

int32_t shop_mail_call_set_delivered(shop_mail_call_t *call) {
  return answer(call, SHOP_MAIL_DELIVERED, NULL);
}

int32_t shop_mail_call_set_later(shop_mail_call_t *call, const char *reason) {
  return answer(call, SHOP_MAIL_LATER, reason);
}

int32_t shop_mail_call_set_rejected(shop_mail_call_t *call, const char *reason) {
  return answer(call, SHOP_MAIL_REJECTED, reason);
}

/* ---- one mail ------------------------------------------------------------------------------ */

/* Whose mail it is, for the log. */
static const char *name_of(const struct job *job, char *out, size_t size) {
  if (job->order_number[0] != '\0')
    (void)snprintf(out, size, "order %s", job->order_number);
  else
    (void)snprintf(out, size, "mail %lld", (long long)job->id);
  return out;
}

static void hand_over(shop_t *shop, const struct job *job, shop_mail_call_t *call) {
  struct shop__callback callback;
  char name[40];

  *call = (shop_mail_call_t){.job = job};
  shop__callback_begin(shop, &callback);
  shop->config.transport(call, shop->config.transport_user);
  shop__callback_end(shop, &callback);
  if (call->spoiled || call->answer == NO_ANSWER) {
    (void)snprintf(call->reason, sizeof call->reason, "the mail transport gave %s",
                   call->spoiled ? "two answers that differ" : "no answer");
    shop__log(shop, SHOP_LOG_ERROR, "%s: %s; it stays queued", name_of(job, name, sizeof name),
              call->reason);
    call->answer = SHOP_MAIL_LATER;
  }
}

/* True when the transport has taken it. *ended_ms: when it said so. */
static bool send_one(shop_t *shop, const struct job *job, int64_t *ended_ms, int32_t *status,
                     shop_error_t *err) {
  shop_mail_call_t call;

  hand_over(shop, job, &call);
  *status = shop__same_process(shop, err);
  if (*status != SHOP_OK)
    return false;
  *ended_ms = shop__now_ms(shop);
  *status = shop__outbox_finish(shop, job->id, job->lease_id, call.answer,
                                call.reason[0] == '\0' ? NULL : call.reason, *ended_ms, NULL, err);
  return call.answer == SHOP_MAIL_DELIVERED;
}

void shop__post_send(shop_t *shop, const struct shop__post *post, const char *order_number) {
  const struct job job = {.id = post->mail_id,
                          .lease_id = post->lease_id,
                          .timeout_ms = shop__mail_timeout_ms(&shop->config),
                          .kind = post->letter.kind,
                          .sender = post->letter.sender,
                          .recipient = post->letter.recipient,
                          .order_number = order_number == NULL ? "" : order_number,
                          .message = post->letter.message.data,
                          .message_bytes = post->letter.message.used};
  struct shop_error error = {0};
  int64_t ended_ms = 0;
  int32_t status = SHOP_OK;
  char name[40];

  if (post->mail_id == 0 || post->lease_id == 0)
    return;
  (void)send_one(shop, &job, &ended_ms, &status, &error);
  if (status != SHOP_OK)
    shop__log(shop, SHOP_LOG_WARNING,
              "%s: the answer of the mail transport was not stored (%s); the mail may go out again",
              name_of(&job, name, sizeof name), error.message);
}

/* ---- what is due ----------------------------------------------------------------------------- */

/* What this call puts back begins to wait at ended_ms and is due later: a clock that
   has gone back by then, and comes on again, must not find it. */
static void leave_to_the_next(struct shop__take *take, int64_t ended_ms) {
  if (ended_ms < take->due_by_ms)
    take->due_by_ms = ended_ms;
  if (ended_ms > take->known_ms)
    take->known_ms = ended_ms;
}

static int32_t deliver_next(shop_t *shop, struct shop__take *take, int32_t *delivered,
                            shop_error_t *err) {
  const shop_mail_t *mail;
  struct job job;
  int64_t ended_ms = 0;
  int32_t status = shop__outbox_take(take, NULL, err);

  if (status != SHOP_OK || !take->found)
    return status;
  mail = shop__take_mail(take);
  job = (struct job){.id = mail->id,
                     .lease_id = mail->lease_id,
                     .timeout_ms = mail->timeout_ms,
                     .kind = mail->kind,
                     .sender = shop_mail_sender(mail),
                     .recipient = shop_mail_recipient(mail),
                     .order_number = shop_mail_order_number(mail),
                     .message = shop_mail_message(mail),
                     .message_bytes = mail->message_bytes};
  if (send_one(shop, &job, &ended_ms, &status, err))
    ++*delivered;
  if (status == SHOP_OK)
    leave_to_the_next(take, ended_ms);
  return status;
}

/* Only what was due when the call began: a mail that is put back is due later, so
   none is met twice. */
int32_t shop_mail_deliver(shop_t *shop, int32_t limit, int32_t *delivered, shop_error_t *err) {
  struct shop__take take = {.shop = shop, .found = true};
  int32_t count = 0, done = 0;
  int32_t status;

  if (delivered != NULL)
    *delivered = 0;
  status = shop__enter(shop, err);
  if (status != SHOP_OK)
    return status;
  if (limit < 1 || limit > 10000)
    return shop__leave(shop, shop__error_set(err, SHOP_ERR_ARGUMENT, "a limit is 1 to 10,000"));
  if (shop->config.transport == NULL)
    return shop__leave(shop, SHOP_OK);
  take.due_by_ms = shop__now_ms(shop);
  while (status == SHOP_OK && take.found && count++ < limit)
    status = deliver_next(shop, &take, &done, err);
  if (delivered != NULL)
    *delivered = done;
  shop__take_free(&take);
  return shop__leave(shop, status);
}
