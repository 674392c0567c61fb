/* The one door for every answer about a payment: the live call's, recovery's, a
   report's, a person's. One transaction compares what is stored with the answer
   and moves payment and order together. Who comes second finds the first one's
   result.

   Money is never dropped: a capture that the order cannot take is recorded and
   marked for a person. News that is older than what is known changes nothing,
   and is noted where the two cannot both be true. */
#include <stdio.h>
#include <string.h>

#include "flow.h"

struct work {
  shop_t *shop;
  struct shop__settle *settle;
  struct shop__placing placing;
  struct shop__pack pack;
  bool contradicts; /* result: the answer cannot be after what is known */
  bool mismatches;  /* result: another amount was moved than was asked for */
  bool unmatched;   /* result: the report fits no payment */
};

/* What one run of the transaction works on. */
struct stand {
  struct shop__operation_row operation;
  struct shop__order_row order;
  struct shop__payment_row payment;
  char captured_currency[4];
  char reference[SHOP__REFERENCE_MAX + 1]; /* of the payment, when it changes */
};

/* ---- storing and noting ---------------------------------------------------------------------- */

static const char *payment_name(int32_t state) {
  switch ((enum shop_payment_status)state) {
  case SHOP_PAYMENT_NONE:
    return "none";
  case SHOP_PAYMENT_SENT:
    return "sent";
  case SHOP_PAYMENT_PENDING:
    return "pending";
  case SHOP_PAYMENT_UNKNOWN:
    return "unknown";
  case SHOP_PAYMENT_CAPTURED:
    return "captured";
  case SHOP_PAYMENT_DECLINED:
    return "declined";
  case SHOP_PAYMENT_AUTHORIZED:
    return "authorized";
  case SHOP_PAYMENT_ACTION_REQUIRED:
    return "action_required";
  case SHOP_PAYMENT_VOIDED:
    return "voided";
  }
  return "";
}

static struct shop__moment moment_of(const struct work *work) {
  return (struct shop__moment){work->placing.now_ms, work->settle->actor};
}

static const char *detail_of(const struct work *work) {
  const struct shop__outcome *outcome = work->settle->outcome;

  return outcome->reference[0] != '\0' ? outcome->reference : outcome->reason;
}

static int32_t note(shop__tx_t *tx, const struct work *work, const struct stand *stand,
                    const char *name) {
  const struct shop__moment moment = moment_of(work);

  return shop__note(tx, &stand->order, &moment, name, NULL, NULL, detail_of(work));
}

static bool moves_money(int32_t answer) {
  return answer == SHOP_OUTCOME_CAPTURED || answer == SHOP_OUTCOME_REFUNDED;
}

static int32_t set_operation(shop__tx_t *tx, const struct work *work, const struct stand *stand,
                             int32_t state) {
  const struct shop__outcome *outcome = work->settle->outcome;
  bool moved = state == SHOP_OPERATION_DONE && moves_money(outcome->answer);
  bool named = state != SHOP_OPERATION_REFUSED && outcome->reference[0] != '\0';

  /* A report may name an operation by its charge: that is not its own name. */
  if (stand->operation.kind != SHOP_OPERATION_CHARGE && stand->payment.reference != NULL &&
      strcmp(outcome->reference, stand->payment.reference) == 0)
    named = false;
  return shop__operation_set_state(tx, stand->operation.id, state,
                                   named ? outcome->reference : NULL,
                                   moved ? outcome->amount_minor : 0);
}

/* Stores the payment as the stand has it now, and its move into the history. */
static int32_t store_payment(shop__tx_t *tx, const struct work *work, struct stand *stand,
                             int32_t before) {
  const struct shop__moment moment = moment_of(work);
  char name[40];
  int32_t status;

  if (stand->payment.state != SHOP_PAYMENT_ACTION_REQUIRED)
    stand->payment.client_data = NULL;
  status = shop__payment_update(tx, &stand->payment, moment.at_ms);
  if (status != SHOP_OK || before == stand->payment.state)
    return status;
  (void)snprintf(name, sizeof name, "payment.%s", payment_name(stand->payment.state));
  return shop__note(tx, &stand->order, &moment, name, payment_name(before),
                    payment_name(stand->payment.state), detail_of(work));
}

/* Marks the payment for a person. */
static int32_t flag(shop__tx_t *tx, const struct work *work, struct stand *stand,
                    int32_t attention, const char *event) {
  int32_t status;

  stand->payment.attention |= attention;
  status = shop__payment_update(tx, &stand->payment, work->placing.now_ms);
  return status == SHOP_OK ? note(tx, work, stand, event) : status;
}

/* What cannot be true beside what is known; with money in it a person must look. */
static int32_t contradict(shop__tx_t *tx, struct work *work, struct stand *stand, bool money) {
  work->contradicts = true;
  if (money)
    return flag(tx, work, stand, SHOP__ATTENTION_CONTRADICTION, "payment.contradiction");
  return note(tx, work, stand, "payment.contradiction");
}

/* A clear answer that cannot be: there is nothing more to ask, so a person decides
   what becomes of the operation. Said once, it is not said again at each recovery. */
static int32_t leave_to_person(shop__tx_t *tx, struct work *work, struct stand *stand) {
  bool said = stand->operation.state == SHOP_OPERATION_UNKNOWN &&
              (stand->payment.attention & SHOP__ATTENTION_CONTRADICTION) != 0;
  int32_t status = SHOP_OK;

  work->contradicts = true;
  if (said && work->settle->report == NULL)
    return SHOP_OK;
  if (stand->operation.state == SHOP_OPERATION_SENT)
    status = set_operation(tx, work, stand, SHOP_OPERATION_UNKNOWN);
  return status == SHOP_OK ? contradict(tx, work, stand, true) : status;
}

/* ---- what is known of the payment --------------------------------------------------------------- */

static bool is_open(int32_t payment_state) {
  switch ((enum shop_payment_status)payment_state) {
  case SHOP_PAYMENT_SENT:
  case SHOP_PAYMENT_PENDING:
  case SHOP_PAYMENT_UNKNOWN:
  case SHOP_PAYMENT_ACTION_REQUIRED:
    return true;
  case SHOP_PAYMENT_NONE:
  case SHOP_PAYMENT_CAPTURED:
  case SHOP_PAYMENT_DECLINED:
  case SHOP_PAYMENT_AUTHORIZED:
  case SHOP_PAYMENT_VOIDED:
    break;
  }
  return false;
}

static bool is_over(int32_t payment_state) {
  return payment_state == SHOP_PAYMENT_DECLINED || payment_state == SHOP_PAYMENT_VOIDED;
}

static bool operation_is_open(const struct stand *stand) {
  return stand->operation.state == SHOP_OPERATION_SENT ||
         stand->operation.state == SHOP_OPERATION_UNKNOWN;
}

static bool same_text(const char *a, const char *b) {
  return strcmp(a == NULL ? "" : a, b == NULL ? "" : b) == 0;
}

/* The answer moved exactly what the operation asked for. */
static bool covers(const struct work *work, const struct stand *stand) {
  return work->settle->outcome->amount_minor == stand->operation.amount_minor &&
         same_text(work->settle->outcome->currency, stand->operation.currency);
}

/* Two names that are there and differ. */
static bool other_name(const char *a, const char *b) {
  return a != NULL && b != NULL && a[0] != '\0' && b[0] != '\0' && strcmp(a, b) != 0;
}

/* Is what the answer is named by the payment's name, or that of one of its
   operations? An answer without a name is nobody else's either. */
static int32_t is_known_name(shop__tx_t *tx, const struct work *work, const struct stand *stand,
                             bool *known) {
  const char *name = work->settle->outcome->reference;
  struct shop__operation_row row;
  bool found = false;
  int32_t status;

  *known = !other_name(name, stand->payment.reference);
  if (*known)
    return SHOP_OK;
  status = shop__operation_by_reference(tx, name, &row, &found);
  *known = status == SHOP_OK && found && row.order_id == stand->order.id;
  return status;
}

/* The open operation of a kind of this order; 0: none. */
static int32_t find_open(shop__tx_t *tx, const struct stand *stand, int32_t kind, int64_t *id) {
  struct shop__operation_row row;
  shop__query_t *q = shop__operations_each(tx, stand->order.id);
  int32_t status;

  *id = 0;
  while ((status = shop__operations_next(q, &row)) == SHOP__ROW)
    if (row.kind == kind &&
        (row.state == SHOP_OPERATION_SENT || row.state == SHOP_OPERATION_UNKNOWN))
      *id = row.id;
  return status;
}

static int32_t work_on(shop__tx_t *tx, struct stand *stand, int64_t operation_id) {
  bool found = false;
  int32_t status = shop__operation_get(tx, operation_id, &stand->operation, &found);

  return status == SHOP_OK && !found
             ? shop__error_set(shop__tx_error(tx), SHOP_ERR_CORRUPT, "an operation is missing")
             : status;
}

static void keep_reference(const struct work *work, struct stand *stand) {
  if (work->settle->outcome->reference[0] == '\0')
    return;
  (void)snprintf(stand->reference, sizeof stand->reference, "%s",
                 work->settle->outcome->reference);
  stand->payment.reference = stand->reference;
}

static void record_capture(const struct work *work, struct stand *stand) {
  stand->payment.state = SHOP_PAYMENT_CAPTURED;
  stand->payment.captured_minor = work->settle->outcome->amount_minor;
  shop__copy_currency(stand->captured_currency, work->settle->outcome->currency);
  stand->payment.captured_currency = stand->captured_currency;
}

static int32_t place(shop__tx_t *tx, struct work *work, struct stand *stand) {
  return stand->order.status == SHOP_ORDER_PENDING ? shop__place(tx, &stand->order, &work->placing)
                                                   : SHOP_OK;
}

/* ---- answers to a charge -------------------------------------------------------------------------- */

/* Money for an order that had failed, or another amount than its total: the
   payment says what was taken, the order does not move, a person must look. */
static int32_t take_odd_money(shop__tx_t *tx, struct work *work, struct stand *stand,
                              int32_t before) {
  bool late = is_over(before);
  int32_t status = store_payment(tx, work, stand, before);

  work->mismatches = !covers(work, stand);
  if (status == SHOP_OK)
    status = set_operation(tx, work, stand, SHOP_OPERATION_DONE);
  if (status == SHOP_OK && late)
    status = flag(tx, work, stand, SHOP__ATTENTION_LATE, "payment.late");
  if (status == SHOP_OK && work->mismatches)
    status = flag(tx, work, stand, SHOP__ATTENTION_MISMATCH, "payment.mismatch");
  return status;
}

/* The same news twice is nothing new; other money is money nobody asked for. */
static int32_t captured_again(shop__tx_t *tx, struct work *work, struct stand *stand) {
  const struct shop__outcome *outcome = work->settle->outcome;
  const struct shop__payment_row *payment = &stand->payment;
  bool known = false;
  int32_t status = is_known_name(tx, work, stand, &known);

  if (status != SHOP_OK)
    return status;
  if (!known || outcome->amount_minor != payment->captured_minor ||
      !same_text(outcome->currency, payment->captured_currency))
    return contradict(tx, work, stand, true);
  if (payment->reference != NULL || outcome->reference[0] == '\0')
    return SHOP_OK;
  keep_reference(work, stand);
  return shop__payment_update(tx, payment, work->placing.now_ms);
}

static int32_t capture_done(shop__tx_t *tx, struct work *work, struct stand *stand);

static int32_t charge_captured(shop__tx_t *tx, struct work *work, struct stand *stand) {
  int32_t before = stand->payment.state;
  int64_t capture_id = 0;
  int32_t status = SHOP_OK;

  if (before == SHOP_PAYMENT_CAPTURED)
    return captured_again(tx, work, stand);
  /* Told of the charge, but it is what the capture under way has taken. */
  if (before == SHOP_PAYMENT_AUTHORIZED)
    status = find_open(tx, stand, SHOP_OPERATION_CAPTURE, &capture_id);
  if (status == SHOP_OK && capture_id != 0)
    status = work_on(tx, stand, capture_id);
  if (status != SHOP_OK || capture_id != 0)
    return status == SHOP_OK ? capture_done(tx, work, stand) : status;
  record_capture(work, stand);
  keep_reference(work, stand);
  if (is_over(before) || !covers(work, stand))
    return take_odd_money(tx, work, stand, before);
  status = store_payment(tx, work, stand, before);
  if (status == SHOP_OK)
    status = set_operation(tx, work, stand, SHOP_OPERATION_DONE);
  return status == SHOP_OK ? place(tx, work, stand) : status;
}

static int32_t charge_authorized(shop__tx_t *tx, struct work *work, struct stand *stand) {
  int32_t before = stand->payment.state;
  int32_t status;

  if (before == SHOP_PAYMENT_AUTHORIZED || before == SHOP_PAYMENT_CAPTURED)
    return SHOP_OK; /* known, or older than what is known */
  if (before == SHOP_PAYMENT_VOIDED && stand->operation.state == SHOP_OPERATION_DONE)
    return SHOP_OK; /* this very authorization was freed since */
  stand->payment.state = SHOP_PAYMENT_AUTHORIZED;
  stand->payment.held_since_ms = work->placing.now_ms;
  keep_reference(work, stand);
  if (is_over(before) || !covers(work, stand))
    return take_odd_money(tx, work, stand, before);
  status = store_payment(tx, work, stand, before);
  if (status == SHOP_OK)
    status = set_operation(tx, work, stand, SHOP_OPERATION_DONE);
  return status == SHOP_OK ? place(tx, work, stand) : status;
}

/* Declined, or voided before anything was taken. */
static int32_t charge_ended(shop__tx_t *tx, struct work *work, struct stand *stand,
                            int32_t state) {
  const struct shop__moment moment = moment_of(work);
  int32_t before = stand->payment.state;
  int32_t status;

  if (is_over(before))
    return SHOP_OK;
  if (!is_open(before))
    return contradict(tx, work, stand, false);
  stand->payment.state = state;
  status = store_payment(tx, work, stand, before);
  if (status == SHOP_OK)
    status = set_operation(tx, work, stand, SHOP_OPERATION_REFUSED);
  return status == SHOP_OK ? shop__fail_order(tx, &stand->order, &moment) : status;
}

static int32_t waits(shop__tx_t *tx, struct work *work, struct stand *stand, int32_t state) {
  int32_t before = stand->payment.state;
  int32_t status;

  if (!is_open(before))
    return SHOP_OK; /* older than what is known */
  if (before != SHOP_PAYMENT_PENDING && before != SHOP_PAYMENT_ACTION_REQUIRED)
    stand->payment.held_since_ms = work->placing.now_ms;
  stand->payment.state = state;
  if (state == SHOP_PAYMENT_ACTION_REQUIRED && work->settle->outcome->client_data[0] != '\0')
    stand->payment.client_data = work->settle->outcome->client_data;
  keep_reference(work, stand);
  status = store_payment(tx, work, stand, before);
  if (status == SHOP_OK)
    status = set_operation(tx, work, stand, SHOP_OPERATION_SENT);
  /* The gateway has answered: from now on anybody may ask it again. */
  return status == SHOP_OK
             ? shop__operation_set_lease(tx, stand->operation.id, work->placing.now_ms, 0)
             : status;
}

/* Not knowing changes nothing: `sent` says just that. Only when nobody can be
   asked any more does it become a person's. */
static int32_t charge_unknown(shop__tx_t *tx, struct work *work, struct stand *stand) {
  int32_t before = stand->payment.state;
  int32_t status;

  if (!is_open(before) || before == SHOP_PAYMENT_UNKNOWN)
    return SHOP_OK;
  if (!work->settle->give_up)
    return work->settle->unanswered ? note(tx, work, stand, "payment.unanswered") : SHOP_OK;
  stand->payment.state = SHOP_PAYMENT_UNKNOWN;
  status = store_payment(tx, work, stand, before);
  return status == SHOP_OK ? set_operation(tx, work, stand, SHOP_OPERATION_UNKNOWN) : status;
}

/* ---- answers about an authorization, a void, a refund ------------------------------------------------ */

static int32_t refused(shop__tx_t *tx, struct work *work, struct stand *stand,
                       const char *event) {
  int32_t status;

  if (stand->operation.state == SHOP_OPERATION_REFUSED)
    return SHOP_OK;
  if (!operation_is_open(stand)) /* money that did not go back after all is a person's */
    return contradict(tx, work, stand, stand->operation.kind == SHOP_OPERATION_REFUND);
  status = set_operation(tx, work, stand, SHOP_OPERATION_REFUSED);
  return status == SHOP_OK ? note(tx, work, stand, event) : status;
}

static int32_t unanswered(shop__tx_t *tx, struct work *work, struct stand *stand) {
  int32_t status;

  if (stand->operation.state != SHOP_OPERATION_SENT || !work->settle->give_up)
    return SHOP_OK;
  status = set_operation(tx, work, stand, SHOP_OPERATION_UNKNOWN);
  return status == SHOP_OK ? note(tx, work, stand, "operation.unknown") : status;
}

/* What was captured is known already, by a report about the charge or by this
   answer itself. The operation is done and has moved nothing more. */
static int32_t capture_again(shop__tx_t *tx, struct work *work, struct stand *stand) {
  const struct shop__outcome *outcome = work->settle->outcome;
  bool same = outcome->amount_minor == stand->payment.captured_minor &&
              same_text(outcome->currency, stand->payment.captured_currency) &&
              !other_name(outcome->reference, stand->operation.reference);
  int32_t status = SHOP_OK;

  if (operation_is_open(stand) || stand->operation.reference == NULL)
    status = shop__operation_set_state(
        tx, stand->operation.id, SHOP_OPERATION_DONE,
        outcome->reference[0] == '\0' ? NULL : outcome->reference, stand->operation.moved_minor);
  return status == SHOP_OK && !same ? contradict(tx, work, stand, true) : status;
}

static int32_t capture_done(shop__tx_t *tx, struct work *work, struct stand *stand) {
  int32_t before = stand->payment.state;
  int32_t status;

  if (before == SHOP_PAYMENT_CAPTURED)
    return capture_again(tx, work, stand);
  if (is_open(before))
    return contradict(tx, work, stand, true);
  record_capture(work, stand);
  if (is_over(before) || !covers(work, stand))
    return take_odd_money(tx, work, stand, before);
  status = store_payment(tx, work, stand, before);
  return status == SHOP_OK ? set_operation(tx, work, stand, SHOP_OPERATION_DONE) : status;
}

/* Freed after it was captured: money that the order counts on may be gone. */
static int32_t void_of_captured(shop__tx_t *tx, struct work *work, struct stand *stand) {
  int32_t status = SHOP_OK;

  if (operation_is_open(stand))
    status = set_operation(tx, work, stand, SHOP_OPERATION_DONE);
  return status == SHOP_OK ? contradict(tx, work, stand, true) : status;
}

/* A confirmed void ends the charge as well: nothing will come of it. */
static int32_t void_done(shop__tx_t *tx, struct work *work, struct stand *stand) {
  const struct shop__moment moment = moment_of(work);
  int32_t before = stand->payment.state;
  struct shop__operation_row charge;
  bool found = false, was_open = is_open(before);
  int32_t status;

  if (is_over(before))
    return set_operation(tx, work, stand, SHOP_OPERATION_DONE);
  if (before == SHOP_PAYMENT_CAPTURED)
    return void_of_captured(tx, work, stand);
  stand->payment.state = SHOP_PAYMENT_VOIDED;
  stand->payment.attention &= ~(SHOP__ATTENTION_LATE | SHOP__ATTENTION_MISMATCH);
  status = store_payment(tx, work, stand, before);
  if (status == SHOP_OK)
    status = set_operation(tx, work, stand, SHOP_OPERATION_DONE);
  if (status == SHOP_OK && was_open)
    status = shop__operation_newest(tx, stand->order.id, SHOP_OPERATION_CHARGE, &charge, &found);
  if (status == SHOP_OK && found)
    status = shop__operation_set_state(tx, charge.id, SHOP_OPERATION_REFUSED, NULL, 0);
  if (status != SHOP_OK)
    return status;
  if (stand->order.status == SHOP_ORDER_PENDING)
    return shop__fail_order(tx, &stand->order, &moment);
  return stand->order.status == SHOP_ORDER_PLACED
             ? shop__cancel_order(tx, &stand->order, &moment)
             : SHOP_OK;
}

/* "Too late, it was taken": the void is refused, and the money is the charge's
   answer. */
static int32_t void_captured(shop__tx_t *tx, struct work *work, struct stand *stand) {
  bool found = false;
  int32_t status = refused(tx, work, stand, "void.refused");

  if (status == SHOP_OK)
    status = shop__operation_newest(tx, stand->order.id, SHOP_OPERATION_CHARGE,
                                    &stand->operation, &found);
  if (status == SHOP_OK && !found)
    status = shop__error_set(shop__tx_error(tx), SHOP_ERR_CORRUPT,
                             "the charge of order %s is missing", stand->order.number);
  return status == SHOP_OK ? charge_captured(tx, work, stand) : status;
}

/* All that was taken is back: unless the order stands, nobody has to look at how it
   came any more. */
static int32_t end_refunded_order(shop__tx_t *tx, struct work *work, struct stand *stand) {
  const struct shop__moment moment = moment_of(work);
  bool stays = stand->order.status == SHOP_ORDER_PLACED && !stand->operation.cancels;
  int32_t status = SHOP_OK;

  if (stand->payment.refunded_minor != stand->payment.captured_minor)
    return SHOP_OK;
  if (!work->mismatches && !stays) {
    stand->payment.attention &= ~(SHOP__ATTENTION_LATE | SHOP__ATTENTION_MISMATCH);
    status = shop__payment_update(tx, &stand->payment, moment.at_ms);
  }
  if (status == SHOP_OK && stand->order.status == SHOP_ORDER_PENDING) /* was a mismatch */
    return shop__fail_order(tx, &stand->order, &moment);
  return status == SHOP_OK && stand->order.status == SHOP_ORDER_PLACED && !stays
             ? shop__cancel_order(tx, &stand->order, &moment)
             : status;
}

static bool can_be_refunded(const struct work *work, const struct stand *stand) {
  const struct shop__outcome *outcome = work->settle->outcome;
  const struct shop__payment_row *payment = &stand->payment;

  return payment->state == SHOP_PAYMENT_CAPTURED &&
         same_text(outcome->currency, payment->captured_currency) &&
         outcome->amount_minor <= payment->captured_minor - payment->refunded_minor;
}

/* The same news twice is nothing new. */
static int32_t refunded_again(shop__tx_t *tx, struct work *work, struct stand *stand) {
  const struct shop__outcome *outcome = work->settle->outcome;

  if (outcome->amount_minor != stand->operation.moved_minor ||
      !same_text(outcome->currency, stand->operation.currency) ||
      (other_name(outcome->reference, stand->operation.reference) &&
       other_name(outcome->reference, stand->payment.reference)))
    return contradict(tx, work, stand, true);
  return stand->operation.reference == NULL ? set_operation(tx, work, stand, SHOP_OPERATION_DONE)
                                            : SHOP_OK;
}

/* What other refunds are still on their way. */
static int32_t sum_open_refunds(shop__tx_t *tx, const struct stand *stand, int64_t *sum_minor) {
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
static int32_t flag_refund(shop__tx_t *tx, struct work *work, struct stand *stand) {
  int64_t open_minor = 0;
  int32_t status = sum_open_refunds(tx, stand, &open_minor);

  if (status == SHOP_OK && work->mismatches)
    status = flag(tx, work, stand, SHOP__ATTENTION_MISMATCH, "payment.mismatch");
  if (status == SHOP_OK &&
      open_minor > stand->payment.captured_minor - stand->payment.refunded_minor)
    status = flag(tx, work, stand, SHOP__ATTENTION_CONTRADICTION, "payment.contradiction");
  return status;
}

static int32_t refund_done(shop__tx_t *tx, struct work *work, struct stand *stand) {
  struct shop__payment_row *payment = &stand->payment;
  int32_t status;

  if (stand->operation.state == SHOP_OPERATION_DONE)
    return refunded_again(tx, work, stand);
  if (!can_be_refunded(work, stand))
    return leave_to_person(tx, work, stand);
  payment->refunded_minor += work->settle->outcome->amount_minor;
  work->mismatches = !covers(work, stand);
  status = store_payment(tx, work, stand, payment->state);
  if (status == SHOP_OK)
    status = set_operation(tx, work, stand, SHOP_OPERATION_DONE);
  if (status == SHOP_OK)
    status = note(tx, work, stand, "payment.refunded");
  if (status == SHOP_OK)
    status = flag_refund(tx, work, stand);
  if (status == SHOP_OK)
    status = shop__return_pieces(tx, stand->order.id, stand->operation.id);
  return status == SHOP_OK ? end_refunded_order(tx, work, stand) : status;
}

/* The refund that a report about the charge tells of: the one with this name, or
   one that is on its way and asks for just this; for a report without a name of
   its own also one that is done. 0: none. */
static int32_t find_told_refund(shop__tx_t *tx, const struct work *work,
                                const struct stand *stand, int64_t *id) {
  const struct shop__outcome *outcome = work->settle->outcome;
  bool nameless = outcome->reference[0] == '\0' ||
                  same_text(outcome->reference, stand->payment.reference);
  struct shop__operation_row row;
  shop__query_t *q = shop__operations_each(tx, stand->order.id);
  int64_t open_id = 0, done_id = 0;
  int32_t status;

  *id = 0;
  while ((status = shop__operations_next(q, &row)) == SHOP__ROW) {
    bool open = row.state == SHOP_OPERATION_SENT || row.state == SHOP_OPERATION_UNKNOWN;

    if (row.kind != SHOP_OPERATION_REFUND || !same_text(row.currency, outcome->currency))
      continue;
    if (!nameless && same_text(row.reference, outcome->reference))
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
static int32_t refunded_elsewhere(shop__tx_t *tx, struct work *work, struct stand *stand) {
  const struct shop__outcome *outcome = work->settle->outcome;
  struct shop__operation_row *operation = &stand->operation;
  char key[SHOP__GATEWAY_KEY_BYTES];
  int64_t told_id = 0;
  int32_t status = find_told_refund(tx, work, stand, &told_id);

  if (status == SHOP_OK && told_id != 0)
    status = work_on(tx, stand, told_id);
  if (status != SHOP_OK || told_id != 0)
    return status == SHOP_OK ? refund_done(tx, work, stand) : status;
  if (!can_be_refunded(work, stand))
    return contradict(tx, work, stand, true);
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
  return status == SHOP_OK ? refund_done(tx, work, stand) : status;
}

/* ---- by kind --------------------------------------------------------------------------------------- */

static int32_t answer_charge(shop__tx_t *tx, struct work *work, struct stand *stand) {
  switch (work->settle->outcome->answer) {
  case SHOP_OUTCOME_CAPTURED:
    return charge_captured(tx, work, stand);
  case SHOP_OUTCOME_AUTHORIZED:
    return charge_authorized(tx, work, stand);
  case SHOP_OUTCOME_DECLINED:
    return charge_ended(tx, work, stand, SHOP_PAYMENT_DECLINED);
  case SHOP_OUTCOME_VOIDED:
    return stand->payment.state == SHOP_PAYMENT_AUTHORIZED
               ? void_done(tx, work, stand)
               : charge_ended(tx, work, stand, SHOP_PAYMENT_VOIDED);
  case SHOP_OUTCOME_PENDING:
    return waits(tx, work, stand, SHOP_PAYMENT_PENDING);
  case SHOP_OUTCOME_ACTION_REQUIRED:
    return waits(tx, work, stand, SHOP_PAYMENT_ACTION_REQUIRED);
  case SHOP_OUTCOME_REFUNDED:
    return refunded_elsewhere(tx, work, stand);
  default:
    return charge_unknown(tx, work, stand);
  }
}

static int32_t answer_capture(shop__tx_t *tx, struct work *work, struct stand *stand) {
  switch (work->settle->outcome->answer) {
  case SHOP_OUTCOME_CAPTURED:
    return capture_done(tx, work, stand);
  case SHOP_OUTCOME_DECLINED:
    return refused(tx, work, stand, "capture.refused");
  case SHOP_OUTCOME_REFUNDED:
    return refunded_elsewhere(tx, work, stand);
  case SHOP_OUTCOME_AUTHORIZED:
  case SHOP_OUTCOME_ACTION_REQUIRED:
  case SHOP_OUTCOME_VOIDED:
    return contradict(tx, work, stand, true);
  default:
    return unanswered(tx, work, stand);
  }
}

static int32_t answer_void(shop__tx_t *tx, struct work *work, struct stand *stand) {
  switch (work->settle->outcome->answer) {
  case SHOP_OUTCOME_VOIDED:
    return void_done(tx, work, stand);
  case SHOP_OUTCOME_DECLINED:
    return refused(tx, work, stand, "void.refused");
  case SHOP_OUTCOME_CAPTURED:
    return void_captured(tx, work, stand);
  case SHOP_OUTCOME_AUTHORIZED:
  case SHOP_OUTCOME_ACTION_REQUIRED:
  case SHOP_OUTCOME_REFUNDED:
    return contradict(tx, work, stand, true);
  default:
    return unanswered(tx, work, stand);
  }
}

static int32_t answer_refund(shop__tx_t *tx, struct work *work, struct stand *stand) {
  switch (work->settle->outcome->answer) {
  case SHOP_OUTCOME_REFUNDED:
    return refund_done(tx, work, stand);
  case SHOP_OUTCOME_DECLINED:
    return refused(tx, work, stand, "refund.refused");
  case SHOP_OUTCOME_CAPTURED:
  case SHOP_OUTCOME_AUTHORIZED:
  case SHOP_OUTCOME_ACTION_REQUIRED:
  case SHOP_OUTCOME_VOIDED:
    return contradict(tx, work, stand, true);
  default:
    return unanswered(tx, work, stand);
  }
}

static int32_t take_answer(shop__tx_t *tx, struct work *work, struct stand *stand) {
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

/* ---- the transaction ------------------------------------------------------------------------ */

static int32_t find_operation(shop__tx_t *tx, const struct work *work, struct stand *stand,
                              bool *found) {
  const struct shop__report_row *report = work->settle->report;
  struct shop__order_row order;
  int32_t status;

  if (work->settle->operation_id != 0)
    return shop__operation_get(tx, work->settle->operation_id, &stand->operation, found);
  if (report == NULL || report->reference == NULL) {
    *found = false;
    return SHOP_OK;
  }
  status = shop__operation_by_reference(tx, report->reference, &stand->operation, found);
  if (status != SHOP_OK || *found)
    return status;
  status = shop__order_by_reference(tx, report->reference, &order, found);
  return status == SHOP_OK && *found ? shop__operation_newest(tx, order.id, SHOP_OPERATION_CHARGE,
                                                              &stand->operation, found)
                                     : status;
}

static int32_t find_stand(shop__tx_t *tx, const struct work *work, struct stand *stand,
                          bool *found) {
  int32_t status;

  *stand = (struct stand){.operation = {.id = 0}};
  status = find_operation(tx, work, stand, found);
  if (status != SHOP_OK || !*found)
    return status;
  status = shop__order_by_id(tx, stand->operation.order_id, &stand->order, found);
  stand->payment = stand->order.payment;
  if (status == SHOP_OK && (!*found || stand->payment.state == SHOP_PAYMENT_NONE))
    status = shop__error_set(shop__tx_error(tx), SHOP_ERR_CORRUPT,
                             "a payment's rows are missing: run shop_verify");
  return status;
}

/* Stores the report; *again: this event was taken before. */
static int32_t store_report(shop__tx_t *tx, const struct work *work, int64_t order_id,
                            bool *again) {
  struct shop__report_row row = *work->settle->report;
  bool inserted = false;
  int32_t status = shop__tx_id(tx, &row.id);

  row.order_id = order_id;
  if (status == SHOP_OK)
    status = shop__report_insert(tx, &row, &inserted);
  *again = !inserted;
  return status;
}

static int32_t check_resolvable(shop__tx_t *tx, const struct work *work,
                                const struct stand *stand) {
  const struct shop__moment moment = moment_of(work);

  if (stand->operation.state != SHOP_OPERATION_UNKNOWN)
    return shop__error_set(shop__tx_error(tx), SHOP_ERR_STATE, "nothing of order %s is unknown",
                           stand->order.number);
  if (!shop__gateway_fits(stand->operation.kind, work->settle->outcome->answer, true))
    return shop__error_set(shop__tx_error(tx), SHOP_ERR_ARGUMENT,
                           "what is unknown of order %s cannot have ended like this",
                           stand->order.number);
  return shop__note(tx, &stand->order, &moment, "payment.resolved", NULL, NULL,
                    work->settle->resolved);
}

static int32_t settle_fn(shop__tx_t *tx, void *ctx) {
  struct work *work = ctx;
  struct stand stand;
  bool found = false, again = false;
  int32_t status = find_stand(tx, work, &stand, &found);

  work->placing.now_ms = shop__now_ms(work->shop); /* the mail's lease begins now */
  work->placing.mail_id = 0;
  work->contradicts = false;
  work->mismatches = false;
  work->unmatched = !found;
  if (status == SHOP_OK && work->settle->report != NULL)
    status = store_report(tx, work, found ? stand.order.id : 0, &again);
  if (status != SHOP_OK || !found)
    return status;
  work->settle->operation_id = stand.operation.id;
  if (work->settle->resolved != NULL)
    status = check_resolvable(tx, work, &stand);
  if (status == SHOP_OK && !again)
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
  bool found = false;
  int32_t status = find_stand(tx, work, &stand, &found);

  work->unmatched = !found;
  return status == SHOP_OK && found ? shop__order_pack_by_id(tx, stand.order.id, &work->pack)
                                    : status;
}

static int32_t compose(struct work *work, struct shop__bytes *message, shop_error_t *err) {
  const shop_order_t *order = work->settle->draft;
  int32_t status = SHOP_OK;

  if (order == NULL) {
    status = shop__db_read(work->shop->db, draft_fn, work, err);
    if (status != SHOP_OK || work->unmatched)
      return status;
    order = shop__order_of(&work->pack);
  }
  shop__confirmation(work->shop, order, work->placing.now_ms, message);
  return message->failed ? shop__no_memory(err) : SHOP_OK;
}

/* ---- after the transaction --------------------------------------------------------------------- */

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

/* Who asked learns how the order stands; a contradiction is the reporter's to
   hear. Where a callback was just asked and the operation stands as before, the
   answer was none. */
static int32_t outcome_of(const struct work *work, shop_error_t *err) {
  const struct shop__settle *settle = work->settle;
  const struct shop__order_operation *operation =
      shop__order_operation_by_id(settle->order, settle->operation_id);
  int32_t status;

  if (work->contradicts && settle->actor == SHOP_ACTOR_GATEWAY)
    return shop__error_set(err, SHOP_CONTRADICTION,
                           "what the gateway says of order %s cannot be after what is known: it "
                           "is noted",
                           settle->order->number);
  if (work->mismatches && settle->actor == SHOP_ACTOR_GATEWAY)
    return shop__error_set(err, SHOP_MISMATCH,
                           "the gateway moved another amount for order %s than it was asked to: "
                           "it is recorded",
                           settle->order->number);
  status = operation == NULL || operation->kind == SHOP_OPERATION_CHARGE
               ? shop__order_outcome(settle->order, err)
               : shop__operation_outcome(settle->order, settle->operation_id, err);
  if (status == SHOP_IN_PROGRESS && settle->unanswered &&
      settle->outcome->answer == SHOP_OUTCOME_PENDING)
    return shop__error_set(err, SHOP_PENDING, "the gateway decides later about order %s",
                           settle->order->number);
  if (status == SHOP_IN_PROGRESS && settle->unanswered)
    return shop__error_set(err, SHOP_UNKNOWN,
                           "the gateway gave no clear answer for order %s: shop_recover will ask "
                           "again",
                           settle->order->number);
  return status;
}

static bool may_place(int32_t answer) {
  return answer == SHOP_OUTCOME_CAPTURED || answer == SHOP_OUTCOME_AUTHORIZED;
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
                                        .actor = settle->actor,
                                        .message = &message,
                                        .sender = shop->config.mail_from,
                                        .lease_id = shop__mail_lease(shop),
                                        .lease_ms = shop->config.mail_lease_ms};
  if (may_place(settle->outcome->answer))
    status = compose(&work, &message, err);
  if (status == SHOP_OK)
    status = shop__db_write(shop->db, settle_fn, &work, &rule, err);
  if (status == SHOP_OK && work.unmatched) {
    settle->status = shop__error_set(err, SHOP_UNMATCHED,
                                     "no payment of this shop is known by that key or reference");
  } else if (status == SHOP_OK) {
    settle->order = shop__pack_finish(&work.pack);
    send(&work);
    settle->status = outcome_of(&work, err);
  }
  shop__pack_free(&work.pack);
  shop__bytes_free(&message);
  return status;
}
