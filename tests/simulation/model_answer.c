/* The model of answers: what becomes of an order when the gateway has spoken. */
#include "model_parts.h"

#include <string.h>

/* ---- answers --------------------------------------------------------------------------- */

struct m_operation *model_charge(struct m_order *order) {
  return order->operation_count == 0 ? NULL : &order->operations[0];
}

bool model_is_open(const struct m_order *order) {
  return order->payment == SHOP_PAYMENT_SENT || order->payment == SHOP_PAYMENT_PENDING ||
         order->payment == SHOP_PAYMENT_ACTION_REQUIRED || order->payment == SHOP_PAYMENT_UNKNOWN;
}

static bool is_over(const struct m_order *order) {
  return order->payment == SHOP_PAYMENT_DECLINED || order->payment == SHOP_PAYMENT_VOIDED;
}

bool model_is_unfinished(const struct m_operation *operation) {
  return operation->state == SHOP_OPERATION_SENT || operation->state == SHOP_OPERATION_UNKNOWN;
}

static bool covers(const struct answer *answer, const struct m_operation *operation) {
  return answer->amount == operation->amount && strcmp(answer->currency, operation->currency) == 0;
}

int64_t model_refunding(const struct m_order *order) {
  int64_t sum = 0;

  for (int32_t i = 0; i < order->operation_count; i++)
    if (order->operations[i].kind == SHOP_OPERATION_REFUND &&
        model_is_unfinished(&order->operations[i]))
      sum += order->operations[i].amount;
  return sum;
}

static void name(struct m_operation *operation, const struct answer *answer) {
  if (answer->reference[0] != '\0')
    model_copy(operation->reference, sizeof operation->reference, answer->reference);
}

/* News may name an operation by its charge: that is not its own name. */
static void name_own(const struct m_order *order, struct m_operation *operation,
                     const struct answer *answer) {
  if (operation->kind == SHOP_OPERATION_CHARGE || strcmp(answer->reference, order->reference) != 0)
    name(operation, answer);
}

static void name_payment(struct m_order *order, const struct answer *answer) {
  if (answer->reference[0] != '\0')
    model_copy(order->reference, sizeof order->reference, answer->reference);
}

static bool contradict(struct m_order *order, bool money) {
  if (money)
    order->attention |= CONTRADICTION;
  return true;
}

/* Money was taken or set aside by this operation. */
static void gain(struct model *model, struct m_order *order, struct m_operation *operation,
                 const struct answer *answer) {
  bool captured = answer->outcome == SHOP_OUTCOME_CAPTURED;
  bool late = is_over(order), right = covers(answer, operation);

  model->mismatches = !right;

  if (captured) {
    order->payment = SHOP_PAYMENT_CAPTURED;
    order->captured = answer->amount;
    model_copy(order->captured_currency, sizeof order->captured_currency, answer->currency);
    operation->moved = answer->amount;
  } else {
    order->payment = SHOP_PAYMENT_AUTHORIZED;
    order->held_since_ms = model->now_ms;
  }
  operation->state = SHOP_OPERATION_DONE;
  if (operation->kind == SHOP_OPERATION_CHARGE)
    name_payment(order, answer);
  name_own(order, operation, answer);
  if (late)
    order->attention |= LATE;
  if (!right)
    order->attention |= MISMATCH;
  if (!late && right && order->status == SHOP_ORDER_PENDING)
    model_place(model, order);
}

static struct m_operation *unfinished_capture(struct m_order *order) {
  for (int32_t i = 0; i < order->operation_count; i++)
    if (order->operations[i].kind == SHOP_OPERATION_CAPTURE &&
        model_is_unfinished(&order->operations[i]))
      return &order->operations[i];
  return NULL;
}

static bool settle_capture(struct model *model, struct m_order *order,
                           struct m_operation *operation, const struct answer *answer);
static bool settle_refund(struct model *model, struct m_order *order, struct m_operation *operation,
                          const struct answer *answer);

static bool is_other(const char *a, const char *b) {
  return a[0] != '\0' && b[0] != '\0' && strcmp(a, b) != 0;
}

static bool is_known_name(const struct m_order *order, const char *reference) {
  bool known = !is_other(reference, order->reference);

  for (int32_t i = 0; i < order->operation_count; i++)
    known = known || strcmp(order->operations[i].reference, reference) == 0;
  return known;
}

static bool charge_captured(struct model *model, struct m_order *order, struct m_operation *charge,
                            const struct answer *answer) {
  struct m_operation *capture = unfinished_capture(order);

  if (order->payment == SHOP_PAYMENT_CAPTURED) {
    if (!is_known_name(order, answer->reference) || answer->amount != order->captured ||
        strcmp(answer->currency, order->captured_currency) != 0)
      return contradict(order, true);
    if (order->reference[0] == '\0')
      name_payment(order, answer);
    return false;
  }
  /* What was set aside is taken by the capture that was asked for. */
  if (order->payment == SHOP_PAYMENT_AUTHORIZED && capture != NULL)
    return settle_capture(model, order, capture, answer);
  gain(model, order, charge, answer);
  return false;
}

static void end_voided(struct model *model, struct m_order *order) {
  order->payment = SHOP_PAYMENT_VOIDED;
  order->attention &= ~(LATE | MISMATCH);
  if (order->status == SHOP_ORDER_PENDING)
    model_fail(model, order);
  else if (order->status == SHOP_ORDER_PLACED)
    model_cancel(model, order);
}

static bool charge_ended(struct model *model, struct m_order *order, struct m_operation *charge,
                         int32_t payment) {
  if (is_over(order))
    return false;
  if (payment == SHOP_PAYMENT_VOIDED && order->payment == SHOP_PAYMENT_AUTHORIZED) {
    end_voided(model, order);
    return false;
  }
  if (!model_is_open(order))
    return contradict(order, false);
  order->payment = payment;
  charge->state = SHOP_OPERATION_REFUSED;
  charge->moved = 0;
  model_fail(model, order);
  return false;
}

static bool charge_waits(struct model *model, struct m_order *order, struct m_operation *charge,
                         const struct answer *answer, bool elsewhere) {
  if (!model_is_open(order))
    return false;
  if (order->payment != SHOP_PAYMENT_ACTION_REQUIRED)
    order->client_data = false;
  if (order->payment != SHOP_PAYMENT_PENDING && order->payment != SHOP_PAYMENT_ACTION_REQUIRED)
    order->held_since_ms = model->now_ms;
  order->payment =
      answer->outcome == SHOP_OUTCOME_PENDING ? SHOP_PAYMENT_PENDING : SHOP_PAYMENT_ACTION_REQUIRED;
  if (answer->outcome == SHOP_OUTCOME_PENDING)
    order->client_data = false;
  else if (!elsewhere) /* a report brings none */
    order->client_data = true;
  charge->state = SHOP_OPERATION_SENT;
  charge->lease_start_ms = model->now_ms;
  charge->lease_length_ms = 0;
  name(charge, answer);
  name_payment(order, answer);
  return false;
}

/* The refund that news about the charge tells of: the one of this name, or one that is on its way
   and asks for just this; for news without a name of its own, also one that is done. */
static struct m_operation *told_refund(struct m_order *order, const struct answer *answer) {
  bool nameless = answer->reference[0] == '\0' || strcmp(answer->reference, order->reference) == 0;
  struct m_operation *named = NULL, *open = NULL, *done = NULL;

  for (int32_t i = 0; i < order->operation_count; i++) {
    struct m_operation *at = &order->operations[i];

    if (at->kind != SHOP_OPERATION_REFUND || strcmp(at->currency, answer->currency) != 0)
      continue;
    if (!nameless && strcmp(at->reference, answer->reference) == 0)
      named = at;
    else if (model_is_unfinished(at) && at->amount == answer->amount)
      open = at;
    else if (at->state == SHOP_OPERATION_DONE && at->moved == answer->amount)
      done = at;
  }
  if (named != NULL || open != NULL)
    return named != NULL ? named : open;
  return nameless ? done : NULL;
}

static bool can_go_back(const struct m_order *order, const struct answer *answer) {
  return order->payment == SHOP_PAYMENT_CAPTURED &&
         strcmp(answer->currency, order->captured_currency) == 0 &&
         answer->amount <= order->captured - order->refunded;
}

/* Given back at the gateway itself: an operation of its own. */
static bool refunded_elsewhere(struct model *model, struct m_order *order,
                               const struct answer *answer) {
  struct m_operation *refund = told_refund(order, answer);

  if (refund == NULL) {
    if (!can_go_back(order, answer))
      return contradict(order, true);
    refund =
        model_new_operation(model, order, SHOP_OPERATION_REFUND, answer->amount, answer->currency);
    refund->key[0] = '*'; /* the gateway never hears of it */
  }
  return settle_refund(model, order, refund, answer);
}

static bool settle_charge(struct model *model, struct m_order *order, struct m_operation *charge,
                          const struct answer *answer, bool elsewhere) {
  switch (answer->outcome) {
  case SHOP_OUTCOME_CAPTURED:
    return charge_captured(model, order, charge, answer);
  case SHOP_OUTCOME_AUTHORIZED:
    /* Known, older than what is known, or freed since. */
    if (order->payment != SHOP_PAYMENT_AUTHORIZED && order->payment != SHOP_PAYMENT_CAPTURED &&
        !(order->payment == SHOP_PAYMENT_VOIDED && charge->state == SHOP_OPERATION_DONE))
      gain(model, order, charge, answer);
    return false;
  case SHOP_OUTCOME_DECLINED:
    return charge_ended(model, order, charge, SHOP_PAYMENT_DECLINED);
  case SHOP_OUTCOME_VOIDED:
    return charge_ended(model, order, charge, SHOP_PAYMENT_VOIDED);
  case SHOP_OUTCOME_PENDING:
  case SHOP_OUTCOME_ACTION_REQUIRED:
    return charge_waits(model, order, charge, answer, elsewhere);
  case SHOP_OUTCOME_REFUNDED:
    return refunded_elsewhere(model, order, answer);
  default:
    return false;
  }
}

static bool refuse(struct m_order *order, struct m_operation *operation) {
  if (operation->state == SHOP_OPERATION_REFUSED)
    return false;
  if (!model_is_unfinished(operation))
    return contradict(order, operation->kind == SHOP_OPERATION_REFUND);
  operation->state = SHOP_OPERATION_REFUSED;
  operation->moved = 0;
  return false;
}

/* What was captured is known already: the capture is done, and has moved nothing more. */
static bool captured_again(struct m_order *order, struct m_operation *operation,
                           const struct answer *answer) {
  bool same = answer->amount == order->captured &&
              strcmp(answer->currency, order->captured_currency) == 0 &&
              !is_other(answer->reference, operation->reference);

  if (model_is_unfinished(operation) || operation->reference[0] == '\0') {
    operation->state = SHOP_OPERATION_DONE;
    name(operation, answer);
  }
  return same ? false : contradict(order, true);
}

static bool settle_capture(struct model *model, struct m_order *order,
                           struct m_operation *operation, const struct answer *answer) {
  switch (answer->outcome) {
  case SHOP_OUTCOME_CAPTURED:
    if (order->payment == SHOP_PAYMENT_CAPTURED)
      return captured_again(order, operation, answer);
    gain(model, order, operation, answer);
    return false;
  case SHOP_OUTCOME_DECLINED:
    return refuse(order, operation);
  case SHOP_OUTCOME_REFUNDED:
    return refunded_elsewhere(model, order, answer);
  case SHOP_OUTCOME_PENDING:
  case NO_ANSWER:
  case NOT_FOUND:
    return false;
  default:
    return contradict(order, true);
  }
}

static bool settle_void(struct model *model, struct m_order *order, struct m_operation *operation,
                        const struct answer *answer) {
  bool was_open = model_is_open(order), contradicts;

  switch (answer->outcome) {
  case SHOP_OUTCOME_VOIDED:
    if (order->payment != SHOP_PAYMENT_CAPTURED || model_is_unfinished(operation)) {
      operation->state = SHOP_OPERATION_DONE;
      name_own(order, operation, answer);
    }
    if (order->payment == SHOP_PAYMENT_CAPTURED)
      return contradict(order, true);
    if (is_over(order))
      return false;
    if (was_open)
      model_charge(order)->state = SHOP_OPERATION_REFUSED;
    end_voided(model, order);
    return false;
  case SHOP_OUTCOME_DECLINED:
    return refuse(order, operation);
  case SHOP_OUTCOME_CAPTURED:
    contradicts = refuse(order, operation);
    return charge_captured(model, order, model_charge(order), answer) || contradicts;
  case SHOP_OUTCOME_PENDING:
  case NO_ANSWER:
  case NOT_FOUND:
    return false;
  default:
    return contradict(order, true);
  }
}

static void give_pieces_back(struct model *model, struct m_order *order,
                             const struct m_operation *operation) {
  for (int32_t i = 0; i < order->line_count && order->status == SHOP_ORDER_PLACED; i++) {
    int64_t left = order->lines[i].quantity - order->returned[i];
    int64_t back = operation->returns[order->lines[i].product];

    back = back < left ? back : left;
    order->returned[i] += back;
    model->products[order->lines[i].product].on_hand += back;
  }
}

static bool refunded_again(struct m_order *order, struct m_operation *operation,
                           const struct answer *answer) {
  if (answer->amount != operation->moved || strcmp(answer->currency, operation->currency) != 0 ||
      (is_other(answer->reference, operation->reference) &&
       is_other(answer->reference, order->reference)))
    return contradict(order, true);
  if (operation->reference[0] == '\0')
    name_own(order, operation, answer);
  return false;
}

static bool settle_refund(struct model *model, struct m_order *order, struct m_operation *operation,
                          const struct answer *answer) {
  bool stays;

  switch (answer->outcome) {
  case SHOP_OUTCOME_REFUNDED:
    break;
  case SHOP_OUTCOME_DECLINED:
    return refuse(order, operation);
  case SHOP_OUTCOME_PENDING:
  case NO_ANSWER:
  case NOT_FOUND:
    return false;
  default:
    return contradict(order, true);
  }
  if (operation->state == SHOP_OPERATION_DONE)
    return refunded_again(order, operation, answer);
  if (!can_go_back(order, answer)) { /* it cannot be: a person decides */
    if (operation->state == SHOP_OPERATION_SENT) {
      operation->state = SHOP_OPERATION_UNKNOWN;
      name_own(order, operation, answer);
    }
    return contradict(order, true);
  }
  model_queue_mail(model, order, SHOP_MAIL_REFUND, answer->amount);
  order->refunded += answer->amount;
  operation->moved = answer->amount;
  operation->state = SHOP_OPERATION_DONE;
  name_own(order, operation, answer);
  model->mismatches = !covers(answer, operation);
  if (model->mismatches)
    order->attention |= MISMATCH;
  if (model_refunding(order) > order->captured - order->refunded)
    order->attention |= CONTRADICTION;
  give_pieces_back(model, order, operation);
  if (order->refunded != order->captured)
    return false;
  stays = order->status == SHOP_ORDER_PLACED && !operation->cancels;
  if (!model->mismatches && !stays)
    order->attention &= ~(LATE | MISMATCH);
  if (order->status == SHOP_ORDER_PENDING)
    model_fail(model, order);
  else if (order->status == SHOP_ORDER_PLACED && operation->cancels)
    model_cancel(model, order);
  return false;
}

bool model_settle(struct model *model, struct m_order *order, struct m_operation *operation,
                  const struct answer *answer, bool elsewhere) {
  model->mismatches = false;
  switch (operation->kind) {
  case SHOP_OPERATION_CAPTURE:
    return settle_capture(model, order, operation, answer);
  case SHOP_OPERATION_VOID:
    return settle_void(model, order, operation, answer);
  case SHOP_OPERATION_REFUND:
    return settle_refund(model, order, operation, answer);
  default:
    return settle_charge(model, order, operation, answer, elsewhere);
  }
}

void model_give_up(struct m_order *order, struct m_operation *operation) {
  if (operation->state != SHOP_OPERATION_SENT)
    return;
  operation->state = SHOP_OPERATION_UNKNOWN;
  if (operation->kind == SHOP_OPERATION_CHARGE)
    order->payment = SHOP_PAYMENT_UNKNOWN;
}

int32_t model_outcome(const struct m_order *order) {
  if (order->status == SHOP_ORDER_PLACED || order->status == SHOP_ORDER_CANCELLED)
    return SHOP_OK;
  if (order->status == SHOP_ORDER_FAILED)
    return SHOP_DECLINED;
  switch (order->payment) {
  case SHOP_PAYMENT_PENDING:
    return SHOP_PENDING;
  case SHOP_PAYMENT_ACTION_REQUIRED:
    return SHOP_ACTION_REQUIRED;
  case SHOP_PAYMENT_UNKNOWN:
    return SHOP_UNKNOWN;
  case SHOP_PAYMENT_CAPTURED:
  case SHOP_PAYMENT_AUTHORIZED:
    return SHOP_MISMATCH;
  default:
    return SHOP_IN_PROGRESS;
  }
}

int32_t model_operation_outcome(const struct m_order *order, const struct m_operation *operation) {
  if (operation->kind == SHOP_OPERATION_CHARGE)
    return model_outcome(order);
  switch (operation->state) {
  case SHOP_OPERATION_DONE:
    if (operation->kind == SHOP_OPERATION_CAPTURE)
      return (order->attention & MISMATCH) != 0 && order->payment == SHOP_PAYMENT_CAPTURED
                 ? SHOP_MISMATCH
                 : SHOP_OK;
    return operation->kind == SHOP_OPERATION_REFUND && operation->moved != operation->amount
               ? SHOP_MISMATCH
               : SHOP_OK;
  case SHOP_OPERATION_REFUSED:
    return SHOP_DECLINED;
  case SHOP_OPERATION_UNKNOWN:
    return SHOP_UNKNOWN;
  default:
    return SHOP_IN_PROGRESS;
  }
}

struct m_operation *model_find(struct model *model, const char *key, const char *reference,
                               struct m_order **order) {
  for (int pass = 0; pass < 2; pass++)
    for (int32_t i = 0; i < model->order_count; i++)
      for (int32_t j = 0; j < model->orders[i].operation_count; j++) {
        struct m_operation *operation = &model->orders[i].operations[j];
        bool hit = pass == 0 ? key[0] != '\0' && strcmp(operation->key, key) == 0
                             : key[0] == '\0' && reference[0] != '\0' &&
                                   strcmp(operation->reference, reference) == 0;

        *order = &model->orders[i];
        if (hit)
          return operation;
      }
  /* A charge that was named late: the payment has the name, its operation has not. */
  for (int32_t i = 0; i < model->order_count && key[0] == '\0' && reference[0] != '\0'; i++)
    if (strcmp(model->orders[i].reference, reference) == 0) {
      *order = &model->orders[i];
      return model_charge(*order);
    }
  *order = NULL;
  return NULL;
}
