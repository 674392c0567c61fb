/* What is known of one payment while an answer to it is applied: its rows as they
   were found and as they are to be, and how a change of them is stored and noted. */
#include <stdio.h>
#include <string.h>

#include "flow_settle.h"

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

struct shop__moment shop__stand_moment_of(const struct shop__settling *work) {
  return (struct shop__moment){work->placing.now_ms, work->settle->actor};
}

static const char *detail_of(const struct shop__settling *work) {
  const struct shop__outcome *outcome = work->settle->outcome;

  return outcome->reference[0] != '\0' ? outcome->reference : outcome->reason;
}

int32_t shop__stand_note(shop__tx_t *tx, const struct shop__settling *work,
                         const struct shop__stand *stand, const char *name) {
  const struct shop__moment moment = shop__stand_moment_of(work);

  return shop__note(tx, &stand->order, &moment, name, NULL, NULL, detail_of(work));
}

static bool moves_money(int32_t answer) {
  return answer == SHOP_OUTCOME_CAPTURED || answer == SHOP_OUTCOME_REFUNDED;
}

int32_t shop__stand_set_operation(shop__tx_t *tx, const struct shop__settling *work,
                                  const struct shop__stand *stand, int32_t state) {
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
int32_t shop__stand_store_payment(shop__tx_t *tx, const struct shop__settling *work,
                                  struct shop__stand *stand, int32_t before) {
  const struct shop__moment moment = shop__stand_moment_of(work);
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
int32_t shop__stand_flag(shop__tx_t *tx, const struct shop__settling *work,
                         struct shop__stand *stand, int32_t attention, const char *event) {
  int32_t status;

  stand->payment.attention |= attention;
  status = shop__payment_update(tx, &stand->payment, work->placing.now_ms);
  return status == SHOP_OK ? shop__stand_note(tx, work, stand, event) : status;
}

/* What cannot be true beside what is known; with money in it a person must look. */
int32_t shop__stand_contradict(shop__tx_t *tx, struct shop__settling *work,
                               struct shop__stand *stand, bool money) {
  work->contradicts = true;
  if (money)
    return shop__stand_flag(tx, work, stand, SHOP__ATTENTION_CONTRADICTION,
                            "payment.contradiction");
  return shop__stand_note(tx, work, stand, "payment.contradiction");
}

/* A clear answer that cannot be: there is nothing more to ask, so a person decides
   what becomes of the operation. Said once, it is not said again at each recovery. */
int32_t shop__stand_leave_to_person(shop__tx_t *tx, struct shop__settling *work,
                                    struct shop__stand *stand) {
  bool said = stand->operation.state == SHOP_OPERATION_UNKNOWN &&
              (stand->payment.attention & SHOP__ATTENTION_CONTRADICTION) != 0;
  int32_t status = SHOP_OK;

  work->contradicts = true;
  if (said && work->settle->report == NULL)
    return SHOP_OK;
  if (stand->operation.state == SHOP_OPERATION_SENT)
    status = shop__stand_set_operation(tx, work, stand, SHOP_OPERATION_UNKNOWN);
  return status == SHOP_OK ? shop__stand_contradict(tx, work, stand, true) : status;
}

/* ---- what is known of the payment ---------------------------------------------------------------
 */

bool shop__stand_is_open(int32_t payment_state) {
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

bool shop__stand_is_over(int32_t payment_state) {
  return payment_state == SHOP_PAYMENT_DECLINED || payment_state == SHOP_PAYMENT_VOIDED;
}

bool shop__stand_operation_is_open(const struct shop__stand *stand) {
  return stand->operation.state == SHOP_OPERATION_SENT ||
         stand->operation.state == SHOP_OPERATION_UNKNOWN;
}

bool shop__stand_same_text(const char *a, const char *b) {
  return strcmp(a == NULL ? "" : a, b == NULL ? "" : b) == 0;
}

/* The answer moved exactly what the operation asked for. */
bool shop__stand_covers(const struct shop__settling *work, const struct shop__stand *stand) {
  return work->settle->outcome->amount_minor == stand->operation.amount_minor &&
         shop__stand_same_text(work->settle->outcome->currency, stand->operation.currency);
}

/* Two names that are there and differ. */
bool shop__stand_other_name(const char *a, const char *b) {
  return a != NULL && b != NULL && a[0] != '\0' && b[0] != '\0' && strcmp(a, b) != 0;
}

/* Is what the answer is named by the payment's name, or that of one of its
   operations? An answer without a name is nobody else's either. */
int32_t shop__stand_is_known_name(shop__tx_t *tx, const struct shop__settling *work,
                                  const struct shop__stand *stand, bool *known) {
  const char *name = work->settle->outcome->reference;
  struct shop__operation_row row;
  bool found = false;
  int32_t status;

  *known = !shop__stand_other_name(name, stand->payment.reference);
  if (*known)
    return SHOP_OK;
  status = shop__operation_by_reference(tx, name, &row, &found);
  *known = status == SHOP_OK && found && row.order_id == stand->order.id;
  return status;
}

/* The open operation of a kind of this order; 0: none. */
int32_t shop__stand_find_open(shop__tx_t *tx, const struct shop__stand *stand, int32_t kind,
                              int64_t *id) {
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

int32_t shop__stand_work_on(shop__tx_t *tx, struct shop__stand *stand, int64_t operation_id) {
  bool found = false;
  int32_t status = shop__operation_get(tx, operation_id, &stand->operation, &found);

  return status == SHOP_OK && !found
             ? shop__error_set(shop__tx_error(tx), SHOP_ERR_CORRUPT, "an operation is missing")
             : status;
}

void shop__stand_keep_reference(const struct shop__settling *work, struct shop__stand *stand) {
  if (work->settle->outcome->reference[0] == '\0')
    return;
  (void)snprintf(stand->reference, sizeof stand->reference, "%s", work->settle->outcome->reference);
  stand->payment.reference = stand->reference;
}

void shop__stand_record_capture(const struct shop__settling *work, struct shop__stand *stand) {
  stand->payment.state = SHOP_PAYMENT_CAPTURED;
  stand->payment.captured_minor = work->settle->outcome->amount_minor;
  shop__copy_currency(stand->captured_currency, work->settle->outcome->currency);
  stand->payment.captured_currency = stand->captured_currency;
}

int32_t shop__stand_place(shop__tx_t *tx, struct shop__settling *work, struct shop__stand *stand) {
  return stand->order.status == SHOP_ORDER_PENDING ? shop__place(tx, &stand->order, &work->placing)
                                                   : SHOP_OK;
}
