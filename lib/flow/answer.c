/* Which answer means what to which operation. */
#include "flow_settle.h"

static int32_t answer_charge(shop__tx_t *tx, struct shop__settling *work,
                             struct shop__stand *stand) {
  switch (work->settle->outcome->answer) {
  case SHOP_OUTCOME_CAPTURED:
    return shop__answer_charge_captured(tx, work, stand);
  case SHOP_OUTCOME_AUTHORIZED:
    return shop__answer_charge_authorized(tx, work, stand);
  case SHOP_OUTCOME_DECLINED:
    return shop__answer_charge_ended(tx, work, stand, SHOP_PAYMENT_DECLINED);
  case SHOP_OUTCOME_VOIDED:
    return stand->payment.state == SHOP_PAYMENT_AUTHORIZED
               ? shop__answer_void_done(tx, work, stand)
               : shop__answer_charge_ended(tx, work, stand, SHOP_PAYMENT_VOIDED);
  case SHOP_OUTCOME_PENDING:
    return shop__answer_waits(tx, work, stand, SHOP_PAYMENT_PENDING);
  case SHOP_OUTCOME_ACTION_REQUIRED:
    return shop__answer_waits(tx, work, stand, SHOP_PAYMENT_ACTION_REQUIRED);
  case SHOP_OUTCOME_REFUNDED:
    return shop__answer_refunded_elsewhere(tx, work, stand);
  default:
    return shop__answer_charge_unknown(tx, work, stand);
  }
}

static int32_t answer_capture(shop__tx_t *tx, struct shop__settling *work,
                              struct shop__stand *stand) {
  switch (work->settle->outcome->answer) {
  case SHOP_OUTCOME_CAPTURED:
    return shop__answer_capture_done(tx, work, stand);
  case SHOP_OUTCOME_DECLINED:
    return shop__answer_refused(tx, work, stand, "capture.refused");
  case SHOP_OUTCOME_REFUNDED:
    return shop__answer_refunded_elsewhere(tx, work, stand);
  case SHOP_OUTCOME_AUTHORIZED:
  case SHOP_OUTCOME_ACTION_REQUIRED:
  case SHOP_OUTCOME_VOIDED:
    return shop__stand_contradict(tx, work, stand, true);
  default:
    return shop__answer_unanswered(tx, work, stand);
  }
}

static int32_t answer_void(shop__tx_t *tx, struct shop__settling *work, struct shop__stand *stand) {
  switch (work->settle->outcome->answer) {
  case SHOP_OUTCOME_VOIDED:
    return shop__answer_void_done(tx, work, stand);
  case SHOP_OUTCOME_DECLINED:
    return shop__answer_refused(tx, work, stand, "void.refused");
  case SHOP_OUTCOME_CAPTURED:
    return shop__answer_void_captured(tx, work, stand);
  case SHOP_OUTCOME_AUTHORIZED:
  case SHOP_OUTCOME_ACTION_REQUIRED:
  case SHOP_OUTCOME_REFUNDED:
    return shop__stand_contradict(tx, work, stand, true);
  default:
    return shop__answer_unanswered(tx, work, stand);
  }
}

static int32_t answer_refund(shop__tx_t *tx, struct shop__settling *work,
                             struct shop__stand *stand) {
  switch (work->settle->outcome->answer) {
  case SHOP_OUTCOME_REFUNDED:
    return shop__answer_refund_done(tx, work, stand);
  case SHOP_OUTCOME_DECLINED:
    return shop__answer_refused(tx, work, stand, "refund.refused");
  case SHOP_OUTCOME_CAPTURED:
  case SHOP_OUTCOME_AUTHORIZED:
  case SHOP_OUTCOME_ACTION_REQUIRED:
  case SHOP_OUTCOME_VOIDED:
    return shop__stand_contradict(tx, work, stand, true);
  default:
    return shop__answer_unanswered(tx, work, stand);
  }
}

int32_t shop__answer_take(shop__tx_t *tx, struct shop__settling *work, struct shop__stand *stand) {
  switch ((enum shop_operation_kind)stand->operation.kind) {
  case SHOP_OPERATION_CHARGE:
    return answer_charge(tx, work, stand);
  case SHOP_OPERATION_CAPTURE:
    return answer_capture(tx, work, stand);
  case SHOP_OPERATION_VOID:
    return answer_void(tx, work, stand);
  case SHOP_OPERATION_REFUND:
    return answer_refund(tx, work, stand);
  }
  return shop__error_set(shop__tx_error(tx), SHOP_ERR_CORRUPT, "an operation of no kind");
}
