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

static int32_t settle_fn(shop__tx_t *tx, void *ctx) {
  struct shop__settling *work = ctx;
  struct shop__stand stand;
  bool found = false, again = false;
  int32_t status = find_stand(tx, work, &stand, &found);

  work->placing.now_ms = shop__now_ms(work->shop); /* the mail's lease begins now */
  work->confirmation.mail_id = 0;
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
    status = shop__answer_take(tx, work, &stand);
  if (status == SHOP_OK)
    status = shop__order_pack_by_id(tx, stand.order.id, &work->pack);
  return status;
}

/* The confirmation is composed before the transaction that may need it, from
   the order as it is stored: what the mail tells of it no longer changes. */
static int32_t draft_fn(shop__tx_t *tx, void *ctx) {
  struct shop__settling *work = ctx;
  struct shop__stand stand;
  bool found = false;
  int32_t status = find_stand(tx, work, &stand, &found);

  work->unmatched = !found;
  return status == SHOP_OK && found ? shop__order_pack_by_id(tx, stand.order.id, &work->pack)
                                    : status;
}

static int32_t compose(struct shop__settling *work, shop_error_t *err) {
  const shop_order_t *order = work->settle->draft;
  int32_t status = SHOP_OK;

  if (order == NULL) {
    status = shop__db_glance(work->shop->db, draft_fn, work, err);
    if (status != SHOP_OK || work->unmatched)
      return status;
    order = shop__order_of(&work->pack);
  }
  return shop__letter_order(work->shop, SHOP_MAIL_CONFIRMATION, order, NULL, work->placing.now_ms,
                            &work->confirmation.letter, err);
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

static bool may_place(int32_t answer) {
  return answer == SHOP_OUTCOME_CAPTURED || answer == SHOP_OUTCOME_AUTHORIZED;
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
                                        .confirmation = &work.confirmation};
  shop__post_at_once(shop, &work.confirmation);
  if (may_place(settle->outcome->answer))
    status = compose(&work, err);
  if (status == SHOP_OK)
    status = shop__db_write(shop->db, settle_fn, &work, &rule, err);
  if (status == SHOP_OK && work.unmatched) {
    settle->status = shop__error_set(err, SHOP_UNMATCHED,
                                     "no payment of this shop is known by that key or reference");
  } else if (status == SHOP_OK) {
    settle->order = shop__pack_finish(&work.pack);
    shop__post_send(shop, &work.confirmation, settle->order->number);
    settle->status = outcome_of(&work, err);
  }
  shop__pack_free(&work.pack);
  shop__letter_free(&work.confirmation.letter);
  return status;
}
