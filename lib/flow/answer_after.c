/* Answers to what follows a charge: a capture, a void, a refund, also one that was
   made at the gateway itself. */
#include "flow_settle.h"

int32_t shop__answer_refused(shop__tx_t *tx, struct shop__settling *work, struct shop__stand *stand,
                             const char *event) {
  int32_t status;

  if (stand->operation.state == SHOP_OPERATION_REFUSED)
    return SHOP_OK;
  if (!shop__stand_operation_is_open(
          stand)) /* money that did not go back after all is a person's */
    return shop__stand_contradict(tx, work, stand, stand->operation.kind == SHOP_OPERATION_REFUND);
  status = shop__stand_set_operation(tx, work, stand, SHOP_OPERATION_REFUSED);
  return status == SHOP_OK ? shop__stand_note(tx, work, stand, event) : status;
}

int32_t shop__answer_unanswered(shop__tx_t *tx, struct shop__settling *work,
                                struct shop__stand *stand) {
  int32_t status;

  if (stand->operation.state != SHOP_OPERATION_SENT || !work->settle->give_up)
    return SHOP_OK;
  status = shop__stand_set_operation(tx, work, stand, SHOP_OPERATION_UNKNOWN);
  return status == SHOP_OK ? shop__stand_note(tx, work, stand, "operation.unknown") : status;
}

/* What was captured is known already, by a report about the charge or by this
   answer itself. The operation is done and has moved nothing more. */
static int32_t capture_again(shop__tx_t *tx, struct shop__settling *work,
                             struct shop__stand *stand) {
  const struct shop__outcome *outcome = work->settle->outcome;
  bool same = outcome->amount_minor == stand->payment.captured_minor &&
              shop__stand_same_text(outcome->currency, stand->payment.captured_currency) &&
              !shop__stand_other_name(outcome->reference, stand->operation.reference);
  int32_t status = SHOP_OK;

  if (shop__stand_operation_is_open(stand) || stand->operation.reference == NULL)
    status = shop__operation_set_state(tx, stand->operation.id, SHOP_OPERATION_DONE,
                                       outcome->reference[0] == '\0' ? NULL : outcome->reference,
                                       stand->operation.moved_minor);
  return status == SHOP_OK && !same ? shop__stand_contradict(tx, work, stand, true) : status;
}

int32_t shop__answer_capture_done(shop__tx_t *tx, struct shop__settling *work,
                                  struct shop__stand *stand) {
  int32_t before = stand->payment.state;
  int32_t status;

  if (before == SHOP_PAYMENT_CAPTURED)
    return capture_again(tx, work, stand);
  if (shop__stand_is_open(before))
    return shop__stand_contradict(tx, work, stand, true);
  shop__stand_record_capture(work, stand);
  if (shop__stand_is_over(before) || !shop__stand_covers(work, stand))
    return shop__answer_take_odd_money(tx, work, stand, before);
  status = shop__stand_store_payment(tx, work, stand, before);
  return status == SHOP_OK ? shop__stand_set_operation(tx, work, stand, SHOP_OPERATION_DONE)
                           : status;
}

/* Freed after it was captured: money that the order counts on may be gone. */
static int32_t void_of_captured(shop__tx_t *tx, struct shop__settling *work,
                                struct shop__stand *stand) {
  int32_t status = SHOP_OK;

  if (shop__stand_operation_is_open(stand))
    status = shop__stand_set_operation(tx, work, stand, SHOP_OPERATION_DONE);
  return status == SHOP_OK ? shop__stand_contradict(tx, work, stand, true) : status;
}

/* A confirmed void ends the charge as well: nothing will come of it. */
int32_t shop__answer_void_done(shop__tx_t *tx, struct shop__settling *work,
                               struct shop__stand *stand) {
  const struct shop__moment moment = shop__stand_moment_of(work);
  int32_t before = stand->payment.state;
  struct shop__operation_row charge;
  bool found = false, was_open = shop__stand_is_open(before);
  int32_t status;

  if (shop__stand_is_over(before))
    return shop__stand_set_operation(tx, work, stand, SHOP_OPERATION_DONE);
  if (before == SHOP_PAYMENT_CAPTURED)
    return void_of_captured(tx, work, stand);
  stand->payment.state = SHOP_PAYMENT_VOIDED;
  stand->payment.attention &= ~(SHOP__ATTENTION_LATE | SHOP__ATTENTION_MISMATCH);
  status = shop__stand_store_payment(tx, work, stand, before);
  if (status == SHOP_OK)
    status = shop__stand_set_operation(tx, work, stand, SHOP_OPERATION_DONE);
  if (status == SHOP_OK && was_open)
    status = shop__operation_newest(tx, stand->order.id, SHOP_OPERATION_CHARGE, &charge, &found);
  if (status == SHOP_OK && found)
    status = shop__operation_set_state(tx, charge.id, SHOP_OPERATION_REFUSED, NULL, 0);
  if (status != SHOP_OK)
    return status;
  if (stand->order.status == SHOP_ORDER_PENDING)
    return shop__fail_order(tx, &stand->order, &moment, &work->posts[SHOP_MAIL_PAYMENT_FAILED]);
  return stand->order.status == SHOP_ORDER_PLACED
             ? shop__cancel_order(tx, &stand->order, &moment,
                                  &work->posts[SHOP_MAIL_ORDER_CANCELLED])
             : SHOP_OK;
}

/* "Too late, it was taken": the void is refused, and the money is the charge's
   answer. */
int32_t shop__answer_void_captured(shop__tx_t *tx, struct shop__settling *work,
                                   struct shop__stand *stand) {
  bool found = false;
  int32_t status = shop__answer_refused(tx, work, stand, "void.refused");

  if (status == SHOP_OK)
    status = shop__operation_newest(tx, stand->order.id, SHOP_OPERATION_CHARGE, &stand->operation,
                                    &found);
  if (status == SHOP_OK && !found)
    status = shop__error_set(shop__tx_error(tx), SHOP_ERR_CORRUPT,
                             "the charge of order %s is missing", stand->order.number);
  return status == SHOP_OK ? shop__answer_charge_captured(tx, work, stand) : status;
}

/* All that was taken is back: unless the order stands, nobody has to look at how it
   came any more. */
static int32_t end_refunded_order(shop__tx_t *tx, struct shop__settling *work,
                                  struct shop__stand *stand) {
  const struct shop__moment moment = shop__stand_moment_of(work);
  bool stays = stand->order.status == SHOP_ORDER_PLACED && !stand->operation.cancels;
  int32_t status = SHOP_OK;

  if (stand->payment.refunded_minor != stand->payment.captured_minor)
    return SHOP_OK;
  if (!work->mismatches && !stays) {
    stand->payment.attention &= ~(SHOP__ATTENTION_LATE | SHOP__ATTENTION_MISMATCH);
    status = shop__payment_update(tx, &stand->payment, moment.at_ms);
  }
  if (status == SHOP_OK && stand->order.status == SHOP_ORDER_PENDING) /* was a mismatch */
    return shop__fail_order(tx, &stand->order, &moment, &work->posts[SHOP_MAIL_PAYMENT_FAILED]);
  return status == SHOP_OK && stand->order.status == SHOP_ORDER_PLACED && !stays
             ? shop__cancel_order(tx, &stand->order, &moment,
                                  &work->posts[SHOP_MAIL_ORDER_CANCELLED])
             : status;
}

static bool can_be_refunded(const struct shop__settling *work, const struct shop__stand *stand) {
  const struct shop__outcome *outcome = work->settle->outcome;
  const struct shop__payment_row *payment = &stand->payment;

  return payment->state == SHOP_PAYMENT_CAPTURED &&
         shop__stand_same_text(outcome->currency, payment->captured_currency) &&
         outcome->amount_minor <= payment->captured_minor - payment->refunded_minor;
}

/* The same news twice is nothing new. */
static int32_t refunded_again(shop__tx_t *tx, struct shop__settling *work,
                              struct shop__stand *stand) {
  const struct shop__outcome *outcome = work->settle->outcome;

  if (outcome->amount_minor != stand->operation.moved_minor ||
      !shop__stand_same_text(outcome->currency, stand->operation.currency) ||
      (shop__stand_other_name(outcome->reference, stand->operation.reference) &&
       shop__stand_other_name(outcome->reference, stand->payment.reference)))
    return shop__stand_contradict(tx, work, stand, true);
  return stand->operation.reference == NULL
             ? shop__stand_set_operation(tx, work, stand, SHOP_OPERATION_DONE)
             : SHOP_OK;
}

/* What other refunds are still on their way. */
static int32_t sum_open_refunds(shop__tx_t *tx, const struct shop__stand *stand,
                                int64_t *sum_minor) {
  struct shop__operation_row row;
  shop__query_t *q = shop__operations_each(tx, stand->order.id);
  int32_t status;

  *sum_minor = 0;
  while ((status = shop__operations_next(q, &row)) == SHOP__ROW)
    if (row.kind == SHOP_OPERATION_REFUND && row.id != stand->operation.id &&
        (row.state == SHOP_OPERATION_SENT || row.state == SHOP_OPERATION_UNKNOWN))
      *sum_minor += row.amount_minor;
  return status;
}

/* Marks what a person has to know of a refund: another amount went back than was
   asked for, or so much that what is still on its way would be too much. */
static int32_t flag_refund(shop__tx_t *tx, struct shop__settling *work, struct shop__stand *stand) {
  int64_t open_minor = 0;
  int32_t status = sum_open_refunds(tx, stand, &open_minor);

  if (status == SHOP_OK && work->mismatches)
    status = shop__stand_flag(tx, work, stand, SHOP__ATTENTION_MISMATCH, "payment.mismatch");
  if (status == SHOP_OK &&
      open_minor > stand->payment.captured_minor - stand->payment.refunded_minor)
    status =
        shop__stand_flag(tx, work, stand, SHOP__ATTENTION_CONTRADICTION, "payment.contradiction");
  return status;
}

int32_t shop__answer_refund_done(shop__tx_t *tx, struct shop__settling *work,
                                 struct shop__stand *stand) {
  struct shop__payment_row *payment = &stand->payment;
  int32_t status;

  if (stand->operation.state == SHOP_OPERATION_DONE)
    return refunded_again(tx, work, stand);
  if (!can_be_refunded(work, stand))
    return shop__stand_leave_to_person(tx, work, stand);
  payment->refunded_minor += work->settle->outcome->amount_minor;
  work->mismatches = !shop__stand_covers(work, stand);
  status = shop__stand_store_payment(tx, work, stand, payment->state);
  if (status == SHOP_OK)
    status = shop__stand_set_operation(tx, work, stand, SHOP_OPERATION_DONE);
  if (status == SHOP_OK)
    status = shop__stand_note(tx, work, stand, "payment.refunded");
  work->posts[SHOP_MAIL_REFUND].letter.cause_id = stand->operation.id;
  if (status == SHOP_OK)
    status = shop__outbox_queue_for(tx, &stand->order, &work->posts[SHOP_MAIL_REFUND],
                                    work->placing.now_ms);
  if (status == SHOP_OK)
    status = flag_refund(tx, work, stand);
  if (status == SHOP_OK)
    status = shop__return_pieces(tx, stand->order.id, stand->operation.id);
  return status == SHOP_OK ? end_refunded_order(tx, work, stand) : status;
}

/* The refund that a report about the charge tells of: the one with this name, or
   one that is on its way and asks for just this; for a report without a name of
   its own also one that is done. 0: none. */
static int32_t find_told_refund(shop__tx_t *tx, const struct shop__settling *work,
                                const struct shop__stand *stand, int64_t *id) {
  const struct shop__outcome *outcome = work->settle->outcome;
  bool nameless = outcome->reference[0] == '\0' ||
                  shop__stand_same_text(outcome->reference, stand->payment.reference);
  struct shop__operation_row row;
  shop__query_t *q = shop__operations_each(tx, stand->order.id);
  int64_t open_id = 0, done_id = 0;
  int32_t status;

  *id = 0;
  while ((status = shop__operations_next(q, &row)) == SHOP__ROW) {
    bool open = row.state == SHOP_OPERATION_SENT || row.state == SHOP_OPERATION_UNKNOWN;

    if (row.kind != SHOP_OPERATION_REFUND ||
        !shop__stand_same_text(row.currency, outcome->currency))
      continue;
    if (!nameless && shop__stand_same_text(row.reference, outcome->reference))
      *id = row.id;
    else if (open && row.amount_minor == outcome->amount_minor)
      open_id = row.id;
    else if (row.state == SHOP_OPERATION_DONE && row.moved_minor == outcome->amount_minor)
      done_id = row.id;
  }
  if (*id == 0)
    *id = open_id != 0 || !nameless ? open_id : done_id;
  return status;
}

/* A refund that was made at the gateway itself: it is kept as an operation of
   its own, so that the books agree. */
int32_t shop__answer_refunded_elsewhere(shop__tx_t *tx, struct shop__settling *work,
                                        struct shop__stand *stand) {
  const struct shop__outcome *outcome = work->settle->outcome;
  struct shop__operation_row *operation = &stand->operation;
  char key[SHOP__GATEWAY_KEY_BYTES];
  int64_t told_id = 0;
  int32_t status = find_told_refund(tx, work, stand, &told_id);

  if (status == SHOP_OK && told_id != 0)
    status = shop__stand_work_on(tx, stand, told_id);
  if (status != SHOP_OK || told_id != 0)
    return status == SHOP_OK ? shop__answer_refund_done(tx, work, stand) : status;
  if (!can_be_refunded(work, stand))
    return shop__stand_contradict(tx, work, stand, true);
  operation->kind = SHOP_OPERATION_REFUND;
  operation->state = SHOP_OPERATION_SENT;
  operation->cancels = false;
  operation->amount_minor = outcome->amount_minor;
  operation->currency = outcome->currency;
  operation->created_at_ms = work->placing.now_ms;
  status = shop__tx_id(tx, &operation->id);
  if (status != SHOP_OK)
    return status;
  shop__gateway_key(work->shop, operation->id, key);
  operation->key = key;
  status = shop__operation_insert(tx, operation);
  return status == SHOP_OK ? shop__answer_refund_done(tx, work, stand) : status;
}
