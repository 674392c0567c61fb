/* The outbox: stores letters in the transaction of their cause, leases what is
   due to one deliverer at a time, and stores what the deliverer says. Only who
   holds the lease may put a mail back or bury it, but whoever has delivered it
   may say so. What hands mail to the host's callback is deliver.c. */
#include <string.h>

#include "flow.h"

/* Enough for the mails of a day, few enough for who waits behind. */
#define BURIED_AT_ONCE 100

/* ---- queueing ------------------------------------------------------------------------------ */

bool shop__mail_wanted(const shop_t *shop, int32_t kind) {
  return shop->config.mail_kinds[kind];
}

int64_t shop__draw_number(void) {
  int64_t number = 0;

  while (number == 0) {
    shop__random_bytes(&number, sizeof number);
    number &= SHOP__EXACT_MAX;
  }
  return number;
}

void shop__post_at_once(const shop_t *shop, struct shop__post *post) {
  bool at_once = shop->config.transport != NULL && shop->config.mail_at_once;

  post->shop = shop;
  post->lease_id = at_once ? shop__draw_number() : 0;
  post->lease_ms = shop->config.mail_lease_ms;
}

/* What a mail server says may name the address; an event that is nobody's would keep that when the
   mail is long gone. */
static int32_t note_mail(shop__tx_t *tx, const struct shop__outbox_row *row, int32_t actor,
                         int64_t now_ms, const char *name) {
  static const char *const kinds[] = {
      [SHOP_MAIL_CONFIRMATION] = "confirmation",
      [SHOP_MAIL_PAYMENT_FAILED] = "payment_failed",
      [SHOP_MAIL_ORDER_CANCELLED] = "order_cancelled",
      [SHOP_MAIL_REFUND] = "refund",
      [SHOP_MAIL_WELCOME] = "welcome",
      [SHOP_MAIL_VERIFY_ADDRESS] = "verify_address",
      [SHOP_MAIL_PASSWORD_RESET] = "password_reset",
      [SHOP_MAIL_EMAIL_CHANGED] = "email_changed",
      [SHOP_MAIL_PASSWORD_CHANGED] = "password_changed",
      [SHOP_MAIL_ACCOUNT_EXISTS] = "account_exists",
      [SHOP_MAIL_UNLOCK] = "unlock",
      [SHOP_MAIL_REGISTRATION] = "registration",
  };
  bool known = row->kind > 0 && (size_t)row->kind < sizeof kinds / sizeof kinds[0];
  bool nobodys = row->user_id == 0 && row->order_id == 0;

  return shop__event_insert(tx, &(struct shop__event_row){.at_ms = now_ms,
                                                          .actor = actor,
                                                          .user_id = row->user_id,
                                                          .order_id = row->order_id,
                                                          .name = name,
                                                          .after = known ? kinds[row->kind] : "",
                                                          .detail = nobodys ? NULL : row->reason});
}

/* A letter that could not be composed is stored as dead: its cause must not fail
   by it, and a person must see it. */
int32_t shop__outbox_queue(shop__tx_t *tx, struct shop__post *post, int64_t now_ms) {
  const struct shop__letter *letter = &post->letter;
  bool sendable = letter->message.used > 0, leased = sendable && post->lease_id != 0;
  struct shop__outbox_row row = {.order_id = letter->order_id,
                                 .user_id = letter->user_id,
                                 .cause_id = letter->cause_id,
                                 .kind = letter->kind,
                                 .state = leased     ? SHOP_MAIL_LEASED
                                          : sendable ? SHOP_MAIL_QUEUED
                                                     : SHOP_MAIL_DEAD,
                                 /* The lease begins now, however long its cause had to wait. */
                                 .since_ms = leased ? shop__now_ms(post->shop) : now_ms,
                                 .wait_ms = leased ? post->lease_ms : 0,
                                 .lease_id = leased ? post->lease_id : 0,
                                 .created_at_ms = now_ms,
                                 .recipient = letter->recipient,
                                 .sender = letter->sender,
                                 .reason = sendable ? NULL : "it could not be written",
                                 .message = letter->message.data,
                                 .message_size = letter->message.used,
                                 .code_hash = letter->has_code ? letter->code_hash : NULL};
  bool inserted = false;
  int32_t status = shop__tx_id(tx, &row.id);

  if (status == SHOP_OK)
    status = shop__outbox_insert(tx, &row, &inserted);
  post->mail_id = inserted && sendable ? row.id : 0; /* a dead one is sent by nobody */
  if (status == SHOP_OK && inserted && !sendable)
    status = note_mail(tx, &row, SHOP_ACTOR_SYSTEM, now_ms, "mail.dead");
  return status;
}

/* An order that costs nothing had no id yet when its mail was composed. One whose person was erased
   since then has nobody to write to. */
int32_t shop__outbox_queue_for(shop__tx_t *tx, const struct shop__order_row *order,
                               struct shop__post *post, int64_t now_ms) {
  if (post == NULL || post->letter.kind == 0)
    return SHOP_OK;
  post->letter.order_id = order->id;
  post->letter.user_id = order->user_id;
  if (order->email[0] == '\0') {
    shop__bytes_free(&post->letter.message);
    post->letter.recipient[0] = '\0';
  }
  return shop__outbox_queue(tx, post, now_ms);
}

/* ---- taking -------------------------------------------------------------------------------- */

const struct shop_mail *shop__take_mail(const struct shop__take *take) {
  return (const struct shop_mail *)(const void *)take->pack.block;
}

/* The message is packed last: the block does not move after that, so no copy of
   a secret stays behind. */
static int32_t copy_mail(shop__tx_t *tx, struct shop__take *take,
                         const struct shop__outbox_row *row) {
  struct shop__pack *pack = &take->pack;
  struct shop_mail mail = {.id = row->id,
                           .lease_id = row->lease_id,
                           .timeout_ms = shop__mail_timeout_ms(&take->shop->config),
                           .kind = row->kind,
                           .message_bytes = row->message_size};

  memcpy(mail.store_id, take->shop->store_id, sizeof mail.store_id);
  shop__pack_begin(pack, sizeof mail);
  mail.sender = shop__pack_text(pack, row->sender);
  mail.recipient = shop__pack_text(pack, row->recipient);
  mail.order_number = shop__pack_text(pack, row->order_number);
  mail.message = shop__pack_bytes(pack, row->message, row->message_size);
  mail.block_bytes = pack->used;
  if (!pack->failed)
    memcpy(pack->block, &mail, sizeof mail);
  return shop__pack_check(tx, pack);
}

static int64_t due_by(const struct shop__take *take, int64_t now_ms) {
  return now_ms < take->due_by_ms ? now_ms : take->due_by_ms;
}

/* What began after this began in the future, by a clock that went back since. */
static int64_t ahead_of(const struct shop__take *take, int64_t now_ms) {
  return now_ms > take->known_ms ? now_ms : take->known_ms;
}

/* A mail whose code was used, was ended or has expired would only mislead. */
static int32_t bury(shop__tx_t *tx, struct shop__outbox_row *row, int64_t now_ms) {
  int32_t status;

  row->state = SHOP_MAIL_DEAD;
  row->since_ms = now_ms;
  row->wait_ms = 0;
  row->lease_id = 0;
  row->reason = "its code has ended";
  status = shop__outbox_update(tx, row);
  if (status == SHOP_OK)
    status = shop__outbox_empty(tx, row->id);
  return status == SHOP_OK ? note_mail(tx, row, SHOP_ACTOR_SYSTEM, now_ms, "mail.dead") : status;
}

/* The one that is due first and still means something; those before it are buried, a few in
   one transaction. */
static int32_t next_good(shop__tx_t *tx, struct shop__take *take, int64_t now_ms,
                         struct shop__outbox_row *row) {
  int32_t status;

  for (int32_t i = 0; i < BURIED_AT_ONCE; i++) {
    bool lives = true;

    take->again = false;
    status =
        shop__outbox_next_due(tx, due_by(take, now_ms), ahead_of(take, now_ms), row, &take->found);
    if (status == SHOP_OK && take->found && row->code_hash != NULL)
      status = shop__code_lives(tx, row->code_hash, now_ms, &lives);
    if (status == SHOP_OK && !lives)
      status = bury(tx, row, now_ms);
    if (status != SHOP_OK || lives)
      return status;
  }
  take->found = false;
  take->again = true;
  return SHOP_OK;
}

/* The lease begins when it is taken, however long that had to wait. */
static int32_t take_fn(shop__tx_t *tx, void *ctx) {
  struct shop__take *take = ctx;
  int64_t now_ms = shop__now_ms(take->shop);
  struct shop__outbox_row row;
  int32_t status;

  status = next_good(tx, take, now_ms, &row);
  if (status != SHOP_OK || !take->found)
    return status;
  row.state = SHOP_MAIL_LEASED;
  row.lease_id = take->lease_id;
  row.since_ms = now_ms;
  row.wait_ms = take->shop->config.mail_lease_ms;
  status = copy_mail(tx, take, &row);
  return status == SHOP_OK ? shop__outbox_update(tx, &row) : status;
}

struct horizon {
  int64_t due_ms;
  int64_t latest_since_ms;
  bool found;
};

static int32_t horizon_fn(shop__tx_t *tx, void *ctx) {
  struct horizon *horizon = ctx;

  return shop__outbox_horizon(tx, &horizon->due_ms, &horizon->latest_since_ms, &horizon->found);
}

/* That nothing is due is the common case: it writes nothing. */
static int32_t glance(const struct shop__take *take, bool *due, shop_error_t *err) {
  struct horizon horizon = {.found = false};
  int64_t now_ms = shop__now_ms(take->shop);
  int32_t status = shop__db_read(take->shop->db, horizon_fn, &horizon, err);

  *due =
      status == SHOP_OK && horizon.found &&
      (horizon.due_ms <= due_by(take, now_ms) || horizon.latest_since_ms > ahead_of(take, now_ms));
  return status;
}

int32_t shop__outbox_take(struct shop__take *take, const struct shop__db_write_rule *rule,
                          shop_error_t *err) {
  int32_t status = glance(take, &take->found, err);

  if (status != SHOP_OK || !take->found)
    return status;
  take->lease_id = shop__draw_number();
  do
    status = shop__db_write(take->shop->db, take_fn, take, rule, err);
  while (status == SHOP_OK && take->again);
  return status;
}

void shop__take_free(struct shop__take *take) {
  shop__memory_wipe(take->pack.block, take->pack.size);
  shop__pack_free(&take->pack);
}

int32_t shop_mail_take(shop_t *shop, const shop_options_t *options, shop_mail_t **out,
                       shop_error_t *err) {
  struct shop__db_write_rule rule = shop__options_rule(options, false);
  struct shop__take take = {.shop = shop, .due_by_ms = INT64_MAX};
  int32_t status;

  if (out != NULL)
    *out = NULL;
  status = shop__enter(shop, err);
  if (status != SHOP_OK)
    return status;
  if (out == NULL)
    return shop__leave(shop, shop__missing("out", err));
  status = shop__options_check(options, SHOP__TAKES_DEADLINE, err);
  if (status == SHOP_OK)
    status = shop__outbox_take(&take, &rule, err);
  if (status == SHOP_OK && take.found)
    *out = shop__pack_finish(&take.pack);
  shop__take_free(&take);
  return shop__leave(shop, status);
}

/* ---- storing what became of it ----------------------------------------------------------------
 */

struct finish {
  const struct shop_config *config;
  int64_t mail_id;
  int64_t lease_id;
  int32_t outcome; /* enum shop_mail_outcome */
  const char *reason;
  uint32_t jitter_percent; /* 0 to 9, so that many queued mails spread out */
  int64_t now_ms;
};

static int64_t wait_after(const struct finish *finish, int64_t tries) {
  int64_t longest = finish->config->mail_longest_wait_ms;
  int64_t wait = finish->config->mail_first_wait_ms;

  for (int64_t i = 1; i < tries && wait < longest; i++)
    wait *= 2;
  if (wait > longest)
    wait = longest;
  return wait + wait / 100 * (int64_t)finish->jitter_percent;
}

static int32_t put_back(shop__tx_t *tx, const struct finish *finish, struct shop__outbox_row *row) {
  bool dead = finish->outcome == SHOP_MAIL_REJECTED || row->tries >= finish->config->mail_tries_max;
  int32_t status;

  if (row->state != SHOP_MAIL_LEASED || row->lease_id != finish->lease_id)
    return SHOP_OK; /* another deliverer has it by now */
  row->state = dead ? SHOP_MAIL_DEAD : SHOP_MAIL_QUEUED;
  row->since_ms = finish->now_ms;
  row->wait_ms = dead ? 0 : wait_after(finish, row->tries);
  row->lease_id = 0;
  row->reason = finish->reason;
  status = shop__outbox_update(tx, row);
  if (status == SHOP_OK && dead)
    status = note_mail(tx, row, SHOP_ACTOR_SYSTEM, finish->now_ms, "mail.dead");
  return status;
}

/* The text of an account's mail may hold a link: nobody needs it any more. */
static int32_t finish_sent(shop__tx_t *tx, const struct finish *finish,
                           struct shop__outbox_row *row) {
  int32_t status;

  row->state = SHOP_MAIL_SENT;
  row->lease_id = 0;
  row->wait_ms = 0;
  row->sent_at_ms = finish->now_ms;
  status = shop__outbox_update(tx, row);
  if (status == SHOP_OK && row->order_id == 0)
    status = shop__outbox_empty(tx, row->id);
  return status == SHOP_OK ? note_mail(tx, row, SHOP_ACTOR_SYSTEM, finish->now_ms, "mail.sent")
                           : status;
}

static int32_t finish_fn(shop__tx_t *tx, void *ctx) {
  const struct finish *finish = ctx;
  struct shop__outbox_row row;
  bool found = false;
  int32_t status = shop__outbox_get(tx, finish->mail_id, &row, &found);

  if (status != SHOP_OK || !found || row.state == SHOP_MAIL_SENT ||
      row.state == SHOP_MAIL_FORGOTTEN)
    return status;
  row.tries++;
  return finish->outcome == SHOP_MAIL_DELIVERED ? finish_sent(tx, finish, &row)
                                                : put_back(tx, finish, &row);
}

int32_t shop__outbox_finish(shop_t *shop, int64_t mail_id, int64_t lease_id, int32_t outcome,
                            const char *reason, int64_t now_ms,
                            const struct shop__db_write_rule *rule, shop_error_t *err) {
  struct finish finish = {.config = &shop->config,
                          .mail_id = mail_id,
                          .lease_id = lease_id,
                          .outcome = outcome,
                          .reason = reason,
                          .jitter_percent = shop__random_below(10),
                          .now_ms = now_ms};

  return shop__db_write(shop->db, finish_fn, &finish, rule, err);
}

const char *shop__mail_reason(const char *reason) {
  return reason != NULL && shop__text_check("reason", reason, 1, SHOP__REASON_MAX, SHOP__TEXT_LINE,
                                            NULL) == SHOP_OK
             ? reason
             : NULL;
}

static int32_t check_done(const shop_t *shop, const shop_mail_t *mail, int32_t outcome,
                          shop_error_t *err) {
  if (mail == NULL)
    return shop__missing("mail", err);
  if (strcmp(mail->store_id, shop->store_id) != 0)
    return shop__error_set(err, SHOP_ERR_FOREIGN, "the mail belongs to another shop");
  if (outcome < SHOP_MAIL_DELIVERED || outcome > SHOP_MAIL_REJECTED)
    return shop__error_set(err, SHOP_ERR_ARGUMENT, "a mail is delivered, later or rejected");
  return SHOP_OK;
}

int32_t shop_mail_done(shop_t *shop, const shop_mail_t *mail, int32_t outcome, const char *reason,
                       const shop_options_t *options, shop_error_t *err) {
  struct shop__db_write_rule rule = shop__options_rule(options, false);
  int32_t status = shop__enter(shop, err);

  if (status != SHOP_OK)
    return status;
  status = shop__options_check(options, SHOP__TAKES_DEADLINE, err);
  if (status == SHOP_OK)
    status = check_done(shop, mail, outcome, err);
  if (status == SHOP_OK)
    status = shop__outbox_finish(shop, mail->id, mail->lease_id, outcome, shop__mail_reason(reason),
                                 shop__now_ms(shop), &rule, err);
  return shop__leave(shop, status);
}

/* ---- a person's decision ------------------------------------------------------------------------
 */

struct requeue {
  int64_t mail_id;
  int64_t now_ms;
};

static int32_t requeue_fn(shop__tx_t *tx, void *ctx) {
  const struct requeue *requeue = ctx;
  struct shop__outbox_row row;
  bool found = false, has_text = false;
  int32_t status = shop__outbox_get(tx, requeue->mail_id, &row, &found);

  if (status == SHOP_OK && !found)
    return shop__error_set(shop__tx_error(tx), SHOP_ERR_NOT_FOUND, "there is no such mail");
  if (status == SHOP_OK && row.state != SHOP_MAIL_DEAD)
    return shop__error_set(shop__tx_error(tx), SHOP_ERR_STATE,
                           "the mail is not dead: only that can be put back");
  if (status == SHOP_OK)
    status = shop__outbox_has_message(tx, row.id, &has_text);
  if (status == SHOP_OK && !has_text)
    return shop__error_set(shop__tx_error(tx), SHOP_ERR_STATE,
                           "the mail was never written: there is nothing to send");
  if (status != SHOP_OK)
    return status;
  row.state = SHOP_MAIL_QUEUED;
  row.tries = 0;
  row.since_ms = requeue->now_ms;
  row.wait_ms = 0;
  status = shop__outbox_update(tx, &row);
  return status == SHOP_OK
             ? note_mail(tx, &row, SHOP_ACTOR_MERCHANT, requeue->now_ms, "mail.requeued")
             : status;
}

int32_t shop_mail_requeue(shop_t *shop, int64_t mail_id, const shop_options_t *options,
                          shop_error_t *err) {
  struct shop__db_write_rule rule = shop__options_rule(options, false);
  struct requeue requeue = {.mail_id = mail_id};
  int32_t status = shop__enter(shop, err);

  if (status != SHOP_OK)
    return status;
  requeue.now_ms = shop__now_ms(shop);
  status = shop__options_check(options, SHOP__TAKES_DEADLINE, err);
  if (status == SHOP_OK && mail_id < 1)
    status = shop__error_set(err, SHOP_ERR_ARGUMENT, "a mail's id is 1 or more");
  if (status == SHOP_OK)
    status = shop__db_write(shop->db, requeue_fn, &requeue, &rule, err);
  return shop__leave(shop, status);
}

/* ---- getters
 * -------------------------------------------------------------------------------------- */

int64_t shop_mail_id(const shop_mail_t *mail) {
  return mail == NULL ? 0 : mail->id;
}

int32_t shop_mail_kind(const shop_mail_t *mail) {
  return mail == NULL ? 0 : mail->kind;
}

const char *shop_mail_sender(const shop_mail_t *mail) {
  return mail == NULL ? "" : shop__pack_text_at(mail, mail->sender);
}

const char *shop_mail_recipient(const shop_mail_t *mail) {
  return mail == NULL ? "" : shop__pack_text_at(mail, mail->recipient);
}

const char *shop_mail_order_number(const shop_mail_t *mail) {
  return mail == NULL ? "" : shop__pack_text_at(mail, mail->order_number);
}

const char *shop_mail_message(const shop_mail_t *mail) {
  return mail == NULL ? "" : shop__pack_text_at(mail, mail->message);
}

size_t shop_mail_message_bytes(const shop_mail_t *mail) {
  return mail == NULL ? 0 : mail->message_bytes;
}

int64_t shop_mail_timeout_ms(const shop_mail_t *mail) {
  return mail == NULL ? 0 : mail->timeout_ms;
}

void shop_mail_free(shop_mail_t *mail) {
  if (mail == NULL)
    return;
  shop__memory_wipe(mail, mail->block_bytes);
  shop__memory_free(mail);
}
