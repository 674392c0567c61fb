/* Answers to a charge: taken, set aside, refused, waiting, not known. */
#include "flow_settle.h"

/* Money for an order that had failed, or another amount than its total: the
   payment says what was taken, the order does not move, a person must look. */
int32_t shop__answer_take_odd_money(shop__tx_t *tx, struct shop__settling *work,
                                    struct shop__stand *stand, int32_t before) {
  bool late = shop__stand_is_over(before);
  int32_t status = shop__stand_store_payment(tx, work, stand, before);

  work->mismatches = !shop__stand_covers(work, stand);
  if (status == SHOP_OK)
    status = shop__stand_set_operation(tx, work, stand, SHOP_OPERATION_DONE);
  if (status == SHOP_OK && late)
    status = shop__stand_flag(tx, work, stand, SHOP__ATTENTION_LATE, "payment.late");
  if (status == SHOP_OK && work->mismatches)
    status = shop__stand_flag(tx, work, stand, SHOP__ATTENTION_MISMATCH, "payment.mismatch");
  return status;
}

/* The same news twice is nothing new; other money is money nobody asked for. */
static int32_t captured_again(shop__tx_t *tx, struct shop__settling *work,
                              struct shop__stand *stand) {
  const struct shop__outcome *outcome = work->settle->outcome;
  const struct shop__payment_row *payment = &stand->payment;
  bool known = false;
  int32_t status = shop__stand_is_known_name(tx, work, stand, &known);

  if (status != SHOP_OK)
    return status;
  if (!known || outcome->amount_minor != payment->captured_minor ||
      !shop__stand_same_text(outcome->currency, payment->captured_currency))
    return shop__stand_contradict(tx, work, stand, true);
  if (payment->reference != NULL || outcome->reference[0] == '\0')
    return SHOP_OK;
  shop__stand_keep_reference(work, stand);
  return shop__payment_update(tx, payment, work->placing.now_ms);
}

int32_t shop__answer_charge_captured(shop__tx_t *tx, struct shop__settling *work,
                                     struct shop__stand *stand) {
  int32_t before = stand->payment.state;
  int64_t capture_id = 0;
  int32_t status = SHOP_OK;

  if (before == SHOP_PAYMENT_CAPTURED)
    return captured_again(tx, work, stand);
  /* Told of the charge, but it is what the capture under way has taken. */
  if (before == SHOP_PAYMENT_AUTHORIZED)
    status = shop__stand_find_open(tx, stand, SHOP_OPERATION_CAPTURE, &capture_id);
  if (status == SHOP_OK && capture_id != 0)
    status = shop__stand_work_on(tx, stand, capture_id);
  if (status != SHOP_OK || capture_id != 0)
    return status == SHOP_OK ? shop__answer_capture_done(tx, work, stand) : status;
  shop__stand_record_capture(work, stand);
  shop__stand_keep_reference(work, stand);
  if (shop__stand_is_over(before) || !shop__stand_covers(work, stand))
    return shop__answer_take_odd_money(tx, work, stand, before);
  status = shop__stand_store_payment(tx, work, stand, before);
  if (status == SHOP_OK)
    status = shop__stand_set_operation(tx, work, stand, SHOP_OPERATION_DONE);
  return status == SHOP_OK ? shop__stand_place(tx, work, stand) : status;
}

int32_t shop__answer_charge_authorized(shop__tx_t *tx, struct shop__settling *work,
                                       struct shop__stand *stand) {
  int32_t before = stand->payment.state;
  int32_t status;

  if (before == SHOP_PAYMENT_AUTHORIZED || before == SHOP_PAYMENT_CAPTURED)
    return SHOP_OK; /* known, or older than what is known */
  if (before == SHOP_PAYMENT_VOIDED && stand->operation.state == SHOP_OPERATION_DONE)
    return SHOP_OK; /* this very authorization was freed since */
  stand->payment.state = SHOP_PAYMENT_AUTHORIZED;
  stand->payment.held_since_ms = work->placing.now_ms;
  shop__stand_keep_reference(work, stand);
  if (shop__stand_is_over(before) || !shop__stand_covers(work, stand))
    return shop__answer_take_odd_money(tx, work, stand, before);
  status = shop__stand_store_payment(tx, work, stand, before);
  if (status == SHOP_OK)
    status = shop__stand_set_operation(tx, work, stand, SHOP_OPERATION_DONE);
  return status == SHOP_OK ? shop__stand_place(tx, work, stand) : status;
}

/* Declined, or voided before anything was taken. */
int32_t shop__answer_charge_ended(shop__tx_t *tx, struct shop__settling *work,
                                  struct shop__stand *stand, int32_t state) {
  const struct shop__moment moment = shop__stand_moment_of(work);
  int32_t before = stand->payment.state;
  int32_t status;

  if (shop__stand_is_over(before))
    return SHOP_OK;
  if (!shop__stand_is_open(before))
    return shop__stand_contradict(tx, work, stand, false);
  stand->payment.state = state;
  status = shop__stand_store_payment(tx, work, stand, before);
  if (status == SHOP_OK)
    status = shop__stand_set_operation(tx, work, stand, SHOP_OPERATION_REFUSED);
  return status == SHOP_OK
             ? shop__fail_order(tx, &stand->order, &moment, &work->posts[SHOP_MAIL_PAYMENT_FAILED])
             : status;
}

int32_t shop__answer_waits(shop__tx_t *tx, struct shop__settling *work, struct shop__stand *stand,
                           int32_t state) {
  int32_t before = stand->payment.state;
  int32_t status;

  if (!shop__stand_is_open(before))
    return SHOP_OK; /* older than what is known */
  if (before != SHOP_PAYMENT_PENDING && before != SHOP_PAYMENT_ACTION_REQUIRED)
    stand->payment.held_since_ms = work->placing.now_ms;
  stand->payment.state = state;
  if (state == SHOP_PAYMENT_ACTION_REQUIRED && work->settle->outcome->client_data[0] != '\0')
    stand->payment.client_data = work->settle->outcome->client_data;
  shop__stand_keep_reference(work, stand);
  status = shop__stand_store_payment(tx, work, stand, before);
  if (status == SHOP_OK)
    status = shop__stand_set_operation(tx, work, stand, SHOP_OPERATION_SENT);
  /* The gateway has answered: from now on anybody may ask it again. */
  return status == SHOP_OK
             ? shop__operation_set_lease(tx, stand->operation.id, work->placing.now_ms, 0)
             : status;
}

/* Not knowing changes nothing: `sent` says just that. Only when nobody can be
   asked any more does it become a person's. */
int32_t shop__answer_charge_unknown(shop__tx_t *tx, struct shop__settling *work,
                                    struct shop__stand *stand) {
  int32_t before = stand->payment.state;
  int32_t status;

  if (!shop__stand_is_open(before) || before == SHOP_PAYMENT_UNKNOWN)
    return SHOP_OK;
  if (!work->settle->give_up)
    return work->settle->unanswered ? shop__stand_note(tx, work, stand, "payment.unanswered")
                                    : SHOP_OK;
  stand->payment.state = SHOP_PAYMENT_UNKNOWN;
  status = shop__stand_store_payment(tx, work, stand, before);
  return status == SHOP_OK ? shop__stand_set_operation(tx, work, stand, SHOP_OPERATION_UNKNOWN)
                           : status;
}
