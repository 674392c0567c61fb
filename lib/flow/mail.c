/* The outbox: hands due mail to the transport, and stores what the transport answered. A mail is leased by one deliverer at a
   time; only who holds the lease may put it back or bury it, but whoever has
   delivered it may say so. */
#include <stdio.h>
#include <string.h>

#include "flow.h"

#define FIRST_WAIT_MS INT64_C(60000)
#define LONGEST_WAIT_MS INT64_C(21600000)

enum mail_answer { MAIL_NONE = 0, MAIL_DELIVERED = 1, MAIL_LATER = 2, MAIL_REJECTED = 3 };

struct shop_mail_call {
  const struct shop__mail_job *job;
  enum mail_answer answer;
  bool spoiled; /* two answers that differ */
  char reason[SHOP__REASON_MAX + 1];
};

/* ---- the transport ------------------------------------------------------------------------- */

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

static int32_t answer(shop_mail_call_t *call, enum mail_answer wanted, const char *reason) {
  if (call == NULL)
    return SHOP_ERR_ARGUMENT;
  if (call->answer != MAIL_NONE && call->answer != wanted) {
    call->spoiled = true;
    return SHOP_ERR_ARGUMENT;
  }
  call->answer = wanted;
  if (reason != NULL &&
      shop__text_check("reason", reason, 1, SHOP__REASON_MAX, SHOP__TEXT_LINE, NULL) == SHOP_OK)
    memcpy(call->reason, reason, strlen(reason) + 1);
  return SHOP_OK;
}

int32_t shop_mail_call_set_delivered(shop_mail_call_t *call) {
  return answer(call, MAIL_DELIVERED, NULL);
}

int32_t shop_mail_call_set_later(shop_mail_call_t *call, const char *reason) {
  return answer(call, MAIL_LATER, reason);
}

int32_t shop_mail_call_set_rejected(shop_mail_call_t *call, const char *reason) {
  return answer(call, MAIL_REJECTED, reason);
}

static void hand_over(shop_t *shop, const struct shop__mail_job *job, shop_mail_call_t *call) {
  struct shop__callback callback;

  *call = (shop_mail_call_t){.job = job};
  shop__callback_begin(shop, &callback);
  shop->config.transport(call, shop->config.transport_user);
  shop__callback_end(shop, &callback);
  if (call->spoiled || call->answer == MAIL_NONE) {
    (void)snprintf(call->reason, sizeof call->reason, "the mail transport gave %s",
                   call->spoiled ? "two answers that differ" : "no answer");
    shop__log(shop, SHOP_LOG_ERROR, "order %s: %s; it stays queued", job->order_number,
              call->reason);
    call->answer = MAIL_LATER;
  }
}

/* ---- storing the answer ---------------------------------------------------------------------- */

struct finish {
  int64_t mail_id;
  int64_t lease_id;
  enum mail_answer answer;
  const char *reason;
  int32_t tries_max;
  uint32_t jitter_percent; /* 0 to 9, so that many queued mails spread out */
  int64_t now_ms;
};

static int64_t wait_after(int64_t tries, uint32_t jitter_percent) {
  int64_t wait = FIRST_WAIT_MS;

  for (int64_t i = 1; i < tries && wait < LONGEST_WAIT_MS; i++)
    wait *= 2;
  if (wait > LONGEST_WAIT_MS)
    wait = LONGEST_WAIT_MS;
  return wait + wait / 100 * (int64_t)jitter_percent;
}

static int32_t note_mail(shop__tx_t *tx, const struct shop__outbox_row *row, int64_t now_ms,
                         const char *name, const char *reason) {
  return shop__event_insert(tx, &(struct shop__event_row){.at_ms = now_ms,
                                                          .actor = SHOP_ACTOR_SYSTEM,
                                                          .order_id = row->order_id,
                                                          .name = name,
                                                          .detail = reason});
}

static int32_t put_back(shop__tx_t *tx, const struct finish *finish, struct shop__outbox_row *row) {
  bool dead = finish->answer == MAIL_REJECTED || row->tries >= finish->tries_max;
  int32_t status;

  if (row->state != SHOP__MAIL_LEASED || row->lease_id != finish->lease_id)
    return SHOP_OK; /* another deliverer has it by now */
  row->state = dead ? SHOP__MAIL_DEAD : SHOP__MAIL_QUEUED;
  row->since_ms = finish->now_ms;
  row->wait_ms = dead ? 0 : wait_after(row->tries, finish->jitter_percent);
  row->lease_id = 0;
  status = shop__outbox_update(tx, row, finish->reason, 0);
  if (status == SHOP_OK && dead)
    status = note_mail(tx, row, finish->now_ms, "mail.dead", finish->reason);
  return status;
}

static int32_t finish_fn(shop__tx_t *tx, void *ctx) {
  const struct finish *finish = ctx;
  struct shop__outbox_row row;
  bool found = false;
  int32_t status = shop__outbox_get(tx, finish->mail_id, &row, &found);

  if (status != SHOP_OK || !found || row.state == SHOP__MAIL_SENT)
    return status;
  row.tries++;
  if (finish->answer != MAIL_DELIVERED)
    return put_back(tx, finish, &row);
  row.state = SHOP__MAIL_SENT;
  row.lease_id = 0;
  row.wait_ms = 0;
  status = shop__outbox_update(tx, &row, NULL, finish->now_ms);
  if (status == SHOP_OK)
    status = note_mail(tx, &row, finish->now_ms, "mail.sent", NULL);
  return status;
}

/* True when the transport has taken it. */
static bool send_one(shop_t *shop, const struct shop__mail_job *job, int32_t *status,
                     shop_error_t *err) {
  shop_mail_call_t call;
  struct finish finish;

  hand_over(shop, job, &call);
  *status = shop__same_process(shop, err);
  if (*status != SHOP_OK)
    return false;
  finish = (struct finish){.mail_id = job->id,
                           .lease_id = job->lease_id,
                           .answer = call.answer,
                           .reason = call.reason[0] == '\0' ? NULL : call.reason,
                           .tries_max = shop->config.mail_tries_max,
                           .jitter_percent = shop__random_below(10),
                           .now_ms = shop__now_ms(shop)};
  *status = shop__db_write(shop->db, finish_fn, &finish, NULL, err);
  return call.answer == MAIL_DELIVERED;
}

static int64_t draw_lease(void) {
  int64_t lease_id = 0;

  while (lease_id == 0) {
    shop__random_bytes(&lease_id, sizeof lease_id);
    lease_id &= SHOP__EXACT_MAX;
  }
  return lease_id;
}

int64_t shop__mail_lease(const shop_t *shop) {
  return shop->config.transport == NULL || !shop->config.mail_at_once ? 0 : draw_lease();
}

void shop__mail_send(shop_t *shop, const struct shop__mail_job *job) {
  struct shop_error error = {0};
  int32_t status = SHOP_OK;

  (void)send_one(shop, job, &status, &error);
  if (status != SHOP_OK)
    shop__log(shop, SHOP_LOG_WARNING,
              "order %s: the answer of the mail transport was not stored (%s); the mail may go "
              "out again",
              job->order_number, error.message);
}

/* ---- delivering what is due -------------------------------------------------------------------- */

struct take {
  const shop_t *shop;
  int64_t after_id;
  int64_t lease_id;
  int64_t lease_ms;
  int64_t now_ms;
  /* results */
  bool found;
  struct shop__mail_job job; /* its texts stand in the pack's block */
  struct shop__pack pack;
};

/* The texts of a taken mail, by offset until the block is complete. */
struct taken {
  uint32_t sender;
  uint32_t recipient;
  uint32_t order_number;
  uint32_t message;
};

static int32_t copy_job(shop__tx_t *tx, struct take *take, const struct shop__outbox_row *row) {
  struct taken taken;
  const char *block;

  shop__pack_begin(&take->pack, sizeof taken);
  taken.sender = shop__pack_text(&take->pack, row->sender);
  taken.recipient = shop__pack_text(&take->pack, row->recipient);
  taken.order_number = shop__pack_text(&take->pack, row->order_number);
  taken.message = shop__pack_bytes(&take->pack, row->message, row->message_size);
  if (take->pack.failed)
    return shop__no_memory(shop__tx_error(tx));
  block = take->pack.block;
  take->job = (struct shop__mail_job){
      .id = row->id,
      .lease_id = take->lease_id,
      .sender = shop__pack_text_at(block, taken.sender),
      .recipient = shop__pack_text_at(block, taken.recipient),
      .order_number = shop__pack_text_at(block, taken.order_number),
      .message = shop__pack_text_at(block, taken.message),
      .message_bytes = row->message_size,
  };
  return SHOP_OK;
}

/* The lease begins when it is taken, however long that had to wait. */
static int32_t take_fn(shop__tx_t *tx, void *ctx) {
  struct take *take = ctx;
  struct shop__outbox_row row;
  int32_t status;

  take->now_ms = shop__now_ms(take->shop);
  status = shop__outbox_next_due(tx, take->after_id, take->now_ms, &row, &take->found);
  if (status != SHOP_OK || !take->found)
    return status;
  status = copy_job(tx, take, &row);
  row.state = SHOP__MAIL_LEASED;
  row.lease_id = take->lease_id;
  row.since_ms = take->now_ms;
  row.wait_ms = take->lease_ms;
  if (status == SHOP_OK)
    status = shop__outbox_update(tx, &row, NULL, 0);
  return status;
}

static int32_t glance_fn(shop__tx_t *tx, void *ctx) {
  struct take *take = ctx;
  struct shop__outbox_row row;

  return shop__outbox_next_due(tx, take->after_id, take->now_ms, &row, &take->found);
}

static int32_t deliver_next(shop_t *shop, struct take *take, int32_t *delivered,
                            shop_error_t *err) {
  int32_t status;

  take->now_ms = shop__now_ms(shop);
  take->found = false;
  status = shop__db_read(shop->db, glance_fn, take, err);
  if (status == SHOP_OK && take->found)
    status = shop__db_write(shop->db, take_fn, take, NULL, err);
  if (status != SHOP_OK || !take->found)
    return status;
  take->after_id = take->job.id;
  if (send_one(shop, &take->job, &status, err))
    ++*delivered;
  return status;
}

int32_t shop_mail_deliver(shop_t *shop, int32_t limit, int32_t *delivered, shop_error_t *err) {
  struct take take = {.shop = shop, .found = true};
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
  take.lease_ms = shop->config.mail_lease_ms;
  while (status == SHOP_OK && take.found && count++ < limit) {
    take.lease_id = draw_lease();
    status = deliver_next(shop, &take, &done, err);
  }
  if (delivered != NULL)
    *delivered = done;
  shop__pack_free(&take.pack);
  return shop__leave(shop, status);
}

/* ---- counting ------------------------------------------------------------------------------------- */

struct counts {
  int64_t waiting;
  int64_t dead;
};

static int32_t count_fn(shop__tx_t *tx, void *ctx) {
  struct counts *counts = ctx;

  return shop__outbox_count(tx, &counts->waiting, &counts->dead);
}

int32_t shop_mail_count(shop_t *shop, int64_t *waiting, int64_t *dead, shop_error_t *err) {
  struct counts counts = {0};
  int32_t status;

  if (waiting != NULL)
    *waiting = 0;
  if (dead != NULL)
    *dead = 0;
  status = shop__enter(shop, err);
  if (status != SHOP_OK)
    return status;
  status = shop__db_read(shop->db, count_fn, &counts, err);
  if (status == SHOP_OK && waiting != NULL)
    *waiting = counts.waiting;
  if (status == SHOP_OK && dead != NULL)
    *dead = counts.dead;
  return shop__leave(shop, status);
}
