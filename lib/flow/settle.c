/* The one door for every answer about a payment: the live call's, recovery's, a
   report's, a person's. One transaction compares what is stored with the answer
   and moves payment and order together. Who comes second finds the first one's
   result.

   Money is never dropped: a capture that the order cannot take is recorded and
   marked for a person. News that is older than what is known changes nothing,
   and is noted where the two cannot both be true. */
#include <stdio.h>
#include <string.h>

#include "flow_settle.h"

/* ---- the transaction ------------------------------------------------------------------------ */

static int32_t find_operation(shop__tx_t *tx, const struct shop__settling *work,
                              struct shop__stand *stand, bool *found) {
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
  return status == SHOP_OK && *found
             ? shop__operation_newest(tx, order.id, SHOP_OPERATION_CHARGE, &stand->operation, found)
             : status;
}

static int32_t find_stand(shop__tx_t *tx, const struct shop__settling *work,
                          struct shop__stand *stand, bool *found) {
  int32_t status;

  *stand = (struct shop__stand){.operation = {.id = 0}};
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
static int32_t store_report(shop__tx_t *tx, const struct shop__settling *work, int64_t order_id,
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

static int32_t check_resolvable(shop__tx_t *tx, const struct shop__settling *work,
                                const struct shop__stand *stand) {
  const struct shop__moment moment = shop__stand_moment_of(work);

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

/* Who comes second has changed nothing, though the order is placed all the same. */
static struct shop__change change_of(const struct shop__settling *work,
                                     const struct shop__stand *before) {
  const shop_order_t *order = shop__order_of(&work->pack);
  const struct shop__order_operation *operation =
      shop__order_operation_by_id(order, work->settle->operation_id);
  bool was_pending = before->order.status == SHOP_ORDER_PENDING;
  bool is_open =
      operation->state == SHOP_OPERATION_SENT || operation->state == SHOP_OPERATION_UNKNOWN;

  return (struct shop__change){.placed = was_pending && order->status == SHOP_ORDER_PLACED,
                               .failed = was_pending && order->status == SHOP_ORDER_FAILED,
                               .ended = shop__stand_operation_is_open(before) && !is_open};
}

static int32_t settle_fn(shop__tx_t *tx, void *ctx) {
  struct shop__settling *work = ctx;
  struct shop__stand stand, before;
  bool found = false, again = false;
  int32_t status = find_stand(tx, work, &stand, &found);

  work->settle->change = (struct shop__change){.placed = false};
  work->placing.now_ms = shop__now_ms(work->shop); /* the mail's lease begins now */
  for (int32_t kind = SHOP_MAIL_CONFIRMATION; kind <= SHOP_MAIL_REFUND; kind++)
    work->posts[kind].mail_id = 0;
  work->contradicts = false;
  work->mismatches = false;
  work->unmatched = !found;
  work->found_late = status == SHOP_OK && found && work->undrafted;
  if (work->found_late) /* undo; the caller composes and comes back */
    return shop__error_set(shop__tx_error(tx), SHOP_ERR_BUSY, "the mail is not composed yet");
  if (status == SHOP_OK && work->settle->report != NULL)
    status = store_report(tx, work, found ? stand.order.id : 0, &again);
  if (status != SHOP_OK || !found)
    return status;
  work->settle->operation_id = stand.operation.id;
  if (work->settle->resolved != NULL)
    status = check_resolvable(tx, work, &stand);
  before = stand;
  if (status == SHOP_OK && !again)
    status = shop__answer_take(tx, work, &stand);
  if (status == SHOP_OK)
    status = shop__order_pack_by_id(tx, stand.order.id, &work->pack);
  if (status == SHOP_OK)
    work->settle->change = change_of(work, &before);
  return status;
}

/* ---- mail, composed before the transaction that may need it ------------------------------ */

/* What an answer may lead to. A shopper whose own call is running hears of a
   failure from that call. */
static bool may_cause(const struct shop__settle *settle, int32_t kind) {
  int32_t answer = settle->outcome->answer;

  switch (kind) {
  case SHOP_MAIL_CONFIRMATION:
    return answer == SHOP_OUTCOME_CAPTURED || answer == SHOP_OUTCOME_AUTHORIZED;
  case SHOP_MAIL_PAYMENT_FAILED:
    return !settle->is_live && (answer == SHOP_OUTCOME_DECLINED || answer == SHOP_OUTCOME_VOIDED ||
                                answer == SHOP_OUTCOME_REFUNDED);
  case SHOP_MAIL_ORDER_CANCELLED:
    return answer == SHOP_OUTCOME_VOIDED || answer == SHOP_OUTCOME_REFUNDED;
  case SHOP_MAIL_REFUND:
    return answer == SHOP_OUTCOME_REFUNDED;
  default:
    return false;
  }
}

/* No order becomes pending again, and none is placed again: what it cannot lead
   to now it cannot lead to in the transaction either. */
static bool can_still(const shop_order_t *order, int32_t kind) {
  switch (kind) {
  case SHOP_MAIL_CONFIRMATION:
  case SHOP_MAIL_PAYMENT_FAILED:
    return order->status == SHOP_ORDER_PENDING;
  case SHOP_MAIL_ORDER_CANCELLED:
    return order->status == SHOP_ORDER_PENDING || order->status == SHOP_ORDER_PLACED;
  default:
    return true;
  }
}

static bool is_wanted(const struct shop__settling *work, int32_t kind) {
  return may_cause(work->settle, kind) && shop__mail_wanted(work->shop, kind);
}

static int32_t draft_fn(shop__tx_t *tx, void *ctx) {
  struct shop__settling *work = ctx;
  struct shop__stand stand;
  bool found = false;
  int32_t status = find_stand(tx, work, &stand, &found);

  work->unmatched = !found;
  if (status != SHOP_OK || !found)
    return status;
  work->refund_id = stand.operation.kind == SHOP_OPERATION_REFUND ? stand.operation.id : 0;
  return shop__order_pack_by_id(tx, stand.order.id, &work->pack);
}

/* A refund that is only now heard of has no id yet: then its Message-ID is made of
   a drawn one. */
static int32_t compose_one(struct shop__settling *work, const shop_order_t *order, int32_t kind,
                           shop_error_t *err) {
  const struct shop__outcome *outcome = work->settle->outcome;
  struct shop__post *post = &work->posts[kind];
  struct shop__letter_cause cause = {.id = 0};

  if (kind == SHOP_MAIL_REFUND)
    cause = (struct shop__letter_cause){.id = work->refund_id != 0 ? work->refund_id
                                                                   : shop__draw_number(),
                                        .amount_minor = outcome->amount_minor,
                                        .currency = outcome->currency};
  if (kind == SHOP_MAIL_PAYMENT_FAILED && outcome->reason[0] != '\0')
    cause.reason = outcome->reason;
  shop__post_at_once(work->shop, post);
  return shop__letter_order(work->shop, kind, order, &cause, work->placing.now_ms, &post->letter,
                            err);
}

/* From the order as it is stored: what mail tells of it no longer changes. What
   turns out not to be needed is thrown away. */
static int32_t compose(struct shop__settling *work, shop_error_t *err) {
  const shop_order_t *order = work->settle->draft;
  bool any = false;
  int32_t status = SHOP_OK;

  for (int32_t kind = SHOP_MAIL_CONFIRMATION; kind <= SHOP_MAIL_REFUND; kind++)
    any = any || is_wanted(work, kind);
  if (any && order == NULL) {
    status = shop__db_read(work->shop->db, draft_fn, work, err);
    work->undrafted = status == SHOP_OK && work->unmatched;
    if (status != SHOP_OK || work->unmatched)
      return status;
    order = shop__order_of(&work->pack);
  }
  for (int32_t kind = SHOP_MAIL_CONFIRMATION; any && kind <= SHOP_MAIL_REFUND; kind++)
    if (status == SHOP_OK && is_wanted(work, kind) && can_still(order, kind))
      status = compose_one(work, order, kind, err);
  return status;
}

static void send_all(struct shop__settling *work) {
  for (int32_t kind = SHOP_MAIL_CONFIRMATION; kind <= SHOP_MAIL_REFUND; kind++)
    shop__post_send(work->shop, &work->posts[kind], work->settle->order->number);
}

static void free_all(struct shop__settling *work) {
  for (int32_t kind = SHOP_MAIL_CONFIRMATION; kind <= SHOP_MAIL_REFUND; kind++)
    shop__letter_free(&work->posts[kind].letter);
}

/* ---- after the transaction ---------------------------------------------------------------------
 */

/* Who asked learns how the order stands; a contradiction is the reporter's to
   hear. Where a callback was just asked and the operation stands as before, the
   answer was none. */
static int32_t outcome_of(const struct shop__settling *work, shop_error_t *err) {
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

int32_t shop__settle(shop_t *shop, struct shop__settle *settle, shop_error_t *err) {
  const struct shop__db_write_rule rule = {.deadline_ms = settle->deadline_ms, .payment = true};
  struct shop__settling work = {.shop = shop, .settle = settle};
  int32_t status = shop__same_process(shop, err);

  settle->order = NULL;
  if (status != SHOP_OK)
    return status;
  work.placing = (struct shop__placing){.now_ms = shop__now_ms(shop),
                                        .actor = settle->actor,
                                        .confirmation = &work.posts[SHOP_MAIL_CONFIRMATION]};
  do {
    work.found_late = false;
    status = compose(&work, err);
    if (status == SHOP_OK)
      status = shop__db_write(shop->db, settle_fn, &work, &rule, err);
  } while (status == SHOP_ERR_BUSY && work.found_late);
  if (status == SHOP_OK && work.unmatched) {
    settle->status = shop__error_set(err, SHOP_UNMATCHED,
                                     "no payment of this shop is known by that key or reference");
  } else if (status == SHOP_OK) {
    settle->order = shop__pack_finish(&work.pack);
    send_all(&work);
    settle->status = outcome_of(&work, err);
  }
  shop__pack_free(&work.pack);
  free_all(&work);
  return status;
}
