/* The one door for every answer about a payment: the live call's, recovery's.
   One transaction compares what is stored with the answer and moves both order
   and payment together. Who comes second finds the first one's result.

   A capture is never dropped: where the order cannot take it, it is recorded
   and marked for a person. A decline after a capture changes nothing. */
#include <stdio.h>
#include <string.h>

#include "flow.h"

struct work {
  shop_t *shop;
  struct shop__settle *settle;
  struct shop__placing placing;
  struct shop__pack pack;
};

/* What one run of the transaction works on. */
struct stand {
  int64_t operation_id;
  struct shop__order_row order;
  struct shop__payment_row payment;
  char captured_currency[4];
};

/* ---- placing ---------------------------------------------------------------------------- */

static int32_t move_stock(shop__tx_t *tx, int64_t order_id, int32_t to) {
  struct shop__reservation_row row;
  shop__query_t *q = shop__reservations_each(tx, order_id);
  int32_t status;

  while ((status = shop__reservations_next(q, &row)) == SHOP__ROW) {
    if (row.state != SHOP__RESERVATION_HELD)
      continue;
    status = to == SHOP__RESERVATION_TAKEN
                 ? shop__product_take(tx, row.product_id, row.quantity)
                 : shop__product_release(tx, row.product_id, row.quantity);
    if (status != SHOP_OK) {
      shop__query_reset(q);
      return status;
    }
  }
  return status == SHOP_OK ? shop__reservations_settle(tx, order_id, to) : status;
}

static int32_t move_cart(shop__tx_t *tx, const struct shop__order_row *order, int32_t state,
                         int64_t now_ms) {
  struct shop__cart_row cart;
  bool found = false;
  int32_t status = shop__cart_by_id(tx, order->cart_id, order->user_id, &cart, &found);

  if (status != SHOP_OK)
    return status;
  if (!found || cart.state != SHOP_CART_COMPLETING || cart.order_id != order->id)
    return shop__error_set(shop__tx_error(tx), SHOP_ERR_CORRUPT,
                           "the cart of order %s is not as the order says: run shop_verify",
                           order->number);
  cart.state = state;
  cart.version++;
  cart.updated_at_ms = now_ms;
  if (state == SHOP_CART_OPEN)
    cart.order_id = 0;
  return shop__cart_update(tx, &cart);
}

static int32_t write_mail(shop__tx_t *tx, const struct shop__order_row *order,
                          struct shop__placing *placing) {
  struct shop__outbox_row row = {.order_id = order->id,
                                 .kind = SHOP__MAIL_CONFIRMATION,
                                 .state = SHOP__MAIL_QUEUED,
                                 .since_ms = placing->now_ms,
                                 .recipient = order->email,
                                 .sender = placing->sender,
                                 .message = placing->message->data,
                                 .message_size = placing->message->used};
  int32_t status = shop__tx_id(tx, &row.id);

  if (placing->lease_id != 0) {
    row.state = SHOP__MAIL_LEASED;
    row.lease_id = placing->lease_id;
    row.wait_ms = placing->lease_ms;
  }
  placing->mail_id = row.id;
  return status == SHOP_OK ? shop__outbox_insert(tx, &row, placing->now_ms) : status;
}

int32_t shop__place(shop__tx_t *tx, const struct shop__order_row *order,
                    struct shop__placing *placing) {
  int32_t status = shop__order_set_status(tx, order->id, SHOP_ORDER_PLACED, placing->now_ms,
                                          placing->now_ms);

  if (status == SHOP_OK)
    status = move_stock(tx, order->id, SHOP__RESERVATION_TAKEN);
  if (status == SHOP_OK)
    status = move_cart(tx, order, SHOP_CART_COMPLETED, placing->now_ms);
  if (status == SHOP_OK)
    status = write_mail(tx, order, placing);
  if (status == SHOP_OK)
    status = shop__event_insert(tx, order->id, placing->now_ms, "order.placed", NULL);
  return status;
}

static int32_t fail_order(shop__tx_t *tx, const struct shop__order_row *order, int64_t now_ms) {
  int32_t status = shop__order_set_status(tx, order->id, SHOP_ORDER_FAILED, 0, now_ms);

  if (status == SHOP_OK)
    status = move_stock(tx, order->id, SHOP__RESERVATION_RELEASED);
  if (status == SHOP_OK)
    status = move_cart(tx, order, SHOP_CART_OPEN, now_ms);
  if (status == SHOP_OK)
    status = shop__event_insert(tx, order->id, now_ms, "order.failed", NULL);
  return status;
}

/* ---- the answers -------------------------------------------------------------------------- */

static const char *detail_of(const struct shop__outcome *outcome) {
  return outcome->reference[0] != '\0' ? outcome->reference : outcome->reason;
}

static int32_t note(shop__tx_t *tx, const struct work *work, const struct stand *stand,
                    const char *name) {
  return shop__event_insert(tx, stand->order.id, work->placing.now_ms, name,
                            detail_of(work->settle->outcome));
}

static int32_t store_payment(shop__tx_t *tx, const struct work *work, struct stand *stand,
                             int32_t operation_state, const char *event) {
  int32_t status = shop__payment_update(tx, &stand->payment, work->placing.now_ms);

  if (status == SHOP_OK)
    status = shop__operation_set_state(tx, stand->operation_id, operation_state);
  return status == SHOP_OK ? note(tx, work, stand, event) : status;
}

static void record_capture(const struct work *work, struct stand *stand) {
  const struct shop__outcome *outcome = work->settle->outcome;

  stand->payment.state = SHOP_PAYMENT_CAPTURED;
  stand->payment.captured_minor = outcome->amount_minor;
  shop__copy_currency(stand->captured_currency, outcome->currency);
  stand->payment.captured_currency = stand->captured_currency;
  stand->payment.reference = outcome->reference;
}

static bool covers(const struct shop__outcome *outcome, const struct shop__payment_row *payment) {
  return outcome->amount_minor == payment->amount_minor &&
         strcmp(outcome->currency, payment->currency) == 0;
}

static bool same_text(const char *a, const char *b) {
  return strcmp(a == NULL ? "" : a, b == NULL ? "" : b) == 0;
}

/* The same capture told twice is nothing new; another one is money that nobody
   asked for. */
static int32_t captured_again(shop__tx_t *tx, const struct work *work, struct stand *stand) {
  const struct shop__outcome *outcome = work->settle->outcome;
  const struct shop__payment_row *payment = &stand->payment;

  if (outcome->amount_minor == payment->captured_minor &&
      same_text(outcome->currency, payment->captured_currency) &&
      same_text(outcome->reference, payment->reference))
    return SHOP_OK;
  stand->payment.attention |= SHOP__ATTENTION_CONTRADICTION;
  return store_payment(tx, work, stand, SHOP__OPERATION_DONE, "payment.contradiction");
}

static int32_t take_capture(shop__tx_t *tx, struct work *work, struct stand *stand) {
  int32_t before = stand->payment.state;
  int32_t status;

  if (before == SHOP_PAYMENT_CAPTURED)
    return captured_again(tx, work, stand);
  record_capture(work, stand);
  if (before == SHOP_PAYMENT_DECLINED) {
    stand->payment.attention |= SHOP__ATTENTION_LATE;
    return store_payment(tx, work, stand, SHOP__OPERATION_DONE, "payment.late");
  }
  if (!covers(work->settle->outcome, &stand->payment)) {
    stand->payment.attention |= SHOP__ATTENTION_MISMATCH;
    return store_payment(tx, work, stand, SHOP__OPERATION_DONE, "payment.mismatch");
  }
  status = store_payment(tx, work, stand, SHOP__OPERATION_DONE, "payment.captured");
  return status == SHOP_OK ? shop__place(tx, &stand->order, &work->placing) : status;
}

static int32_t take_decline(shop__tx_t *tx, const struct work *work, struct stand *stand) {
  int32_t status;

  if (stand->payment.state == SHOP_PAYMENT_DECLINED)
    return SHOP_OK;
  if (stand->payment.state == SHOP_PAYMENT_CAPTURED)
    return note(tx, work, stand, "payment.contradiction");
  stand->payment.state = SHOP_PAYMENT_DECLINED;
  status = store_payment(tx, work, stand, SHOP__OPERATION_REFUSED, "payment.declined");
  return status == SHOP_OK ? fail_order(tx, &stand->order, work->placing.now_ms) : status;
}

static int32_t take_pending(shop__tx_t *tx, const struct work *work, struct stand *stand) {
  const struct shop__outcome *outcome = work->settle->outcome;

  if (stand->payment.state != SHOP_PAYMENT_SENT && stand->payment.state != SHOP_PAYMENT_UNKNOWN)
    return SHOP_OK;
  stand->payment.state = SHOP_PAYMENT_PENDING;
  if (outcome->reference[0] != '\0')
    stand->payment.reference = outcome->reference;
  return store_payment(tx, work, stand, SHOP__OPERATION_SENT, "payment.pending");
}

/* Not knowing changes nothing: `sent` says just that. Only when nobody can be
   asked any more does the payment become a person's. */
static int32_t take_nothing(shop__tx_t *tx, const struct work *work, struct stand *stand) {
  int32_t state = stand->payment.state;

  if (state != SHOP_PAYMENT_SENT && state != SHOP_PAYMENT_PENDING)
    return SHOP_OK;
  if (!work->settle->give_up)
    return work->settle->unanswered ? note(tx, work, stand, "payment.unanswered") : SHOP_OK;
  stand->payment.state = SHOP_PAYMENT_UNKNOWN;
  return store_payment(tx, work, stand, SHOP__OPERATION_UNKNOWN, "payment.unknown");
}

static int32_t take_answer(shop__tx_t *tx, struct work *work, struct stand *stand) {
  switch (work->settle->outcome->answer) {
  case SHOP__ANSWER_CAPTURED:
    return take_capture(tx, work, stand);
  case SHOP__ANSWER_DECLINED:
    return take_decline(tx, work, stand);
  case SHOP__ANSWER_PENDING:
    return take_pending(tx, work, stand);
  case SHOP__ANSWER_NONE:
  case SHOP__ANSWER_UNKNOWN:
  case SHOP__ANSWER_NOT_FOUND:
    return take_nothing(tx, work, stand);
  }
  return SHOP_OK;
}

/* ---- the transaction ------------------------------------------------------------------------ */

static int32_t find_stand(shop__tx_t *tx, const struct work *work, struct stand *stand) {
  struct shop__operation_row operation;
  bool found = false;
  int32_t status =
      shop__operation_get(tx, work->settle->operation_id, &operation, &found);

  *stand = (struct stand){.operation_id = work->settle->operation_id};
  if (status == SHOP_OK && found)
    status = shop__order_by_id(tx, operation.order_id, &stand->order, &found);
  if (status == SHOP_OK && found)
    status = shop__payment_get(tx, operation.order_id, &stand->payment, &found);
  if (status == SHOP_OK && !found)
    status = shop__error_set(shop__tx_error(tx), SHOP_ERR_CORRUPT,
                             "a payment's rows are missing: run shop_verify");
  return status;
}

static int32_t settle_fn(shop__tx_t *tx, void *ctx) {
  struct work *work = ctx;
  struct stand stand;
  int32_t status = find_stand(tx, work, &stand);

  work->placing.now_ms = shop__now_ms(work->shop); /* the mail's lease begins now */
  work->placing.mail_id = 0;
  if (status == SHOP_OK)
    status = take_answer(tx, work, &stand);
  if (status == SHOP_OK)
    status = shop__order_pack_by_id(tx, stand.order.id, &work->pack);
  return status;
}

/* The confirmation is composed before the transaction that may need it, from
   the order as it is stored: what the mail tells of it no longer changes. */
static int32_t draft_fn(shop__tx_t *tx, void *ctx) {
  struct work *work = ctx;
  struct stand stand;
  int32_t status = find_stand(tx, work, &stand);

  return status == SHOP_OK ? shop__order_pack_by_id(tx, stand.order.id, &work->pack) : status;
}

static int32_t compose(struct work *work, struct shop__bytes *message, shop_error_t *err) {
  const shop_order_t *order = work->settle->draft;
  int32_t status = SHOP_OK;

  if (order == NULL) {
    status = shop__db_read(work->shop->db, draft_fn, work, err);
    order = shop__order_of(&work->pack);
  }
  if (status != SHOP_OK)
    return status;
  shop__confirmation(work->shop, order, work->placing.now_ms, message);
  return message->failed ? shop__no_memory(err) : SHOP_OK;
}

static void send(struct work *work) {
  const shop_order_t *order = work->settle->order;

  if (work->placing.mail_id == 0 || work->placing.lease_id == 0)
    return;
  shop__mail_send(work->shop, &(struct shop__mail_job){
                                  .id = work->placing.mail_id,
                                  .lease_id = work->placing.lease_id,
                                  .sender = work->placing.sender,
                                  .recipient = shop_order_email(order),
                                  .order_number = order->number,
                                  .message = work->placing.message->data,
                                  .message_bytes = work->placing.message->used,
                              });
}

int32_t shop__settle(shop_t *shop, struct shop__settle *settle, shop_error_t *err) {
  const struct shop__db_write_rule rule = {.payment = true};
  struct shop__bytes message = {0};
  struct work work = {.shop = shop, .settle = settle};
  int32_t status = shop__same_process(shop, err);

  settle->order = NULL;
  if (status != SHOP_OK)
    return status;
  work.placing = (struct shop__placing){.now_ms = shop__now_ms(shop),
                                        .message = &message,
                                        .sender = shop->config.mail_from,
                                        .lease_id = shop__mail_lease(shop),
                                        .lease_ms = shop->config.mail_lease_ms};
  if (settle->outcome->answer == SHOP__ANSWER_CAPTURED)
    status = compose(&work, &message, err);
  if (status == SHOP_OK)
    status = shop__db_write(shop->db, settle_fn, &work, &rule, err);
  if (status == SHOP_OK) {
    settle->order = shop__pack_finish(&work.pack);
    send(&work);
    settle->status = shop__order_outcome(settle->order, err);
    if (settle->status == SHOP_IN_PROGRESS && settle->unanswered)
      settle->status = shop__error_set(err, SHOP_UNKNOWN,
                                       "the gateway gave no clear answer for order %s: "
                                       "shop_recover will ask again",
                                       settle->order->number);
  }
  shop__pack_free(&work.pack);
  shop__bytes_free(&message);
  return status;
}

/* ---- what an order's state means to its buyer ------------------------------------------------- */

static int32_t pending_outcome(const shop_order_t *order, shop_error_t *err) {
  switch ((enum shop_payment_status)order->payment_status) {
  case SHOP_PAYMENT_PENDING:
    return shop__error_set(err, SHOP_PENDING, "the gateway decides later about order %s",
                           order->number);
  case SHOP_PAYMENT_UNKNOWN:
    return shop__error_set(err, SHOP_UNKNOWN,
                           "nobody knows whether order %s was paid: a person must look",
                           order->number);
  case SHOP_PAYMENT_CAPTURED:
    return shop__error_set(err, SHOP_MISMATCH,
                           "the gateway took another amount than that of order %s: a person "
                           "must look",
                           order->number);
  case SHOP_PAYMENT_NONE:
  case SHOP_PAYMENT_SENT:
  case SHOP_PAYMENT_DECLINED:
    break;
  }
  return shop__error_set(err, SHOP_IN_PROGRESS,
                         "the purchase of order %s is under way, or was cut off: shop_recover "
                         "finishes it",
                         order->number);
}

/* The reason stands in the history, as the latest decline. */
static const char *decline_reason(const shop_order_t *order) {
  const char *reason = "";

  for (int32_t i = 0; i < shop_order_event_count(order); i++)
    if (strcmp(shop_order_event_name(order, i), "payment.declined") == 0)
      reason = shop_order_event_detail(order, i);
  return reason;
}

int32_t shop__order_outcome(const shop_order_t *order, shop_error_t *err) {
  const char *reason;

  switch ((enum shop_order_status)order->status) {
  case SHOP_ORDER_PLACED:
    shop__error_clear(err);
    return SHOP_OK;
  case SHOP_ORDER_FAILED:
    reason = decline_reason(order);
    return shop__error_set(err, SHOP_DECLINED,
                           "the payment was declined%s%s: the cart is open again",
                           reason[0] == '\0' ? "" : ": ", reason);
  case SHOP_ORDER_PENDING:
    break;
  }
  return pending_outcome(order, err);
}
