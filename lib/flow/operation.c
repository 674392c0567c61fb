/* What is asked of the gateway after the charge: capture, void, refund. Like the
   charge, each is written first (`sent`), then asked with nothing held, then
   settled; one that is cut off is recovered the same way. */
#include <string.h>

#include "flow.h"

struct work {
  shop_t *shop;
  struct shop__operation *asked;
  int64_t now_ms;
  /* results */
  bool is_new;           /* the gateway is to be asked */
  int64_t operation_id;  /* 0: none was needed */
  struct shop__ask ask;
  struct shop__pack pack;
  struct shop__post post; /* of a cancellation that asks nothing of the gateway */
};

/* What one run of the transaction works on. */
struct stand {
  struct shop__order_row order;
  struct shop__payment_row payment;
  bool has_payment;
  char charge_key[SHOP__GATEWAY_KEY_BYTES];
  int64_t refunding_minor; /* in refunds that are not finished */
  bool busy;               /* a capture or void is not finished */
  bool in_hand;            /* another call may be repeating the charge at this moment */
  int32_t refused_voids;
  int64_t refused_void_ms; /* when the last of them was asked */
};

bool shop__operation_is_leased(const struct shop__operation_row *row, int64_t now_ms) {
  return now_ms >= row->lease_start_ms && now_ms < row->lease_start_ms + row->lease_length_ms;
}

/* ---- looking ------------------------------------------------------------------------------ */

static int32_t find_order(shop__tx_t *tx, const struct work *work, struct stand *stand) {
  const struct shop__operation *asked = work->asked;
  struct shop__token_row user = {0};
  bool found = false;
  int32_t status = SHOP_OK;

  if (asked->token != NULL)
    status = shop__token_check(tx, asked->token, work->now_ms, &user);
  if (status == SHOP_OK)
    status = asked->order_id != 0
                 ? shop__order_by_id(tx, asked->order_id, &stand->order, &found)
                 : shop__order_by_number(tx, asked->number, &stand->order, &found);
  if (status == SHOP_OK &&
      (!found || (asked->token != NULL && stand->order.user_id != user.user_id)))
    status = shop__error_set(shop__tx_error(tx), SHOP_ERR_NOT_FOUND, "there is no such order");
  return status;
}

/* A charge that is asked for again must not arrive behind its own void. A query does
   no harm beside one. */
static bool is_in_hand(const struct work *work, const struct shop__operation_row *charge) {
  bool repeats = work->shop->config.gateway_honours_keys || !shop__gateway_has(work->shop, 0);

  return repeats && charge->lease_start_ms != work->asked->lease_start_ms &&
         shop__operation_is_leased(charge, shop__now_ms(work->shop));
}

static void look_at_operation(const struct work *work, const struct shop__operation_row *row,
                              struct stand *stand) {
  bool open = row->state == SHOP_OPERATION_SENT || row->state == SHOP_OPERATION_UNKNOWN;

  if (row->kind == SHOP_OPERATION_CHARGE) {
    (void)strncpy(stand->charge_key, row->key, sizeof stand->charge_key - 1);
    stand->in_hand = open && is_in_hand(work, row);
  } else if (open && row->kind == SHOP_OPERATION_REFUND) {
    stand->refunding_minor += row->amount_minor;
  } else if (open) {
    stand->busy = true;
  } else if (row->kind == SHOP_OPERATION_VOID && row->state == SHOP_OPERATION_REFUSED) {
    stand->refused_voids++;
    stand->refused_void_ms = row->created_at_ms;
  }
}

static int32_t look(shop__tx_t *tx, const struct work *work, struct stand *stand) {
  struct shop__operation_row row;
  shop__query_t *q;
  int32_t status = find_order(tx, work, stand);

  if (status != SHOP_OK)
    return status;
  stand->payment = stand->order.payment;
  stand->has_payment = stand->payment.state != SHOP_PAYMENT_NONE;
  q = shop__operations_each(tx, stand->order.id);
  while ((status = shop__operations_next(q, &row)) == SHOP__ROW)
    look_at_operation(work, &row, stand);
  return status;
}

/* ---- deciding ------------------------------------------------------------------------------ */

static int32_t not_now(shop__tx_t *tx, const struct stand *stand, const char *why) {
  return shop__error_set(shop__tx_error(tx), SHOP_ERR_STATE, "order %s: %s", stand->order.number,
                         why);
}

static int32_t too_much(shop__tx_t *tx, const struct stand *stand, int64_t left) {
  char text[SHOP__MONEY_BYTES];

  return shop__error_set(shop__tx_error(tx), SHOP_ERR_AMOUNT, "order %s: only %s is left",
                         stand->order.number,
                         shop__money_format(left, stand->payment.currency, text));
}

static int32_t plan_capture(shop__tx_t *tx, const struct work *work, const struct stand *stand,
                            struct shop__operation_row *plan) {
  int64_t amount = work->asked->amount_minor;

  if (!stand->has_payment || stand->payment.state != SHOP_PAYMENT_AUTHORIZED ||
      stand->order.status != SHOP_ORDER_PLACED)
    return not_now(tx, stand, "nothing is authorized that could be captured");
  if (stand->busy)
    return not_now(tx, stand, "another capture or void is not finished");
  if (amount > stand->payment.amount_minor)
    return too_much(tx, stand, stand->payment.amount_minor);
  plan->amount_minor = amount == 0 ? stand->payment.amount_minor : amount;
  plan->currency = stand->payment.currency;
  return SHOP_OK;
}

static int32_t plan_refund(shop__tx_t *tx, const struct work *work, const struct stand *stand,
                           struct shop__operation_row *plan) {
  int64_t amount = work->asked->amount_minor;
  int64_t left;

  if (!stand->has_payment || stand->payment.state != SHOP_PAYMENT_CAPTURED)
    return not_now(tx, stand, "nothing is captured that could be refunded");
  if (work->asked->currency != NULL &&
      strcmp(work->asked->currency, stand->payment.captured_currency) != 0)
    return shop__error_set(shop__tx_error(tx), SHOP_ERR_CURRENCY, "order %s was paid in %s",
                           stand->order.number, stand->payment.captured_currency);
  left = stand->payment.captured_minor - stand->payment.refunded_minor - stand->refunding_minor;
  if (left <= 0 || amount > left)
    return too_much(tx, stand, left < 0 ? 0 : left);
  plan->amount_minor = amount == 0 ? left : amount;
  plan->currency = stand->payment.captured_currency;
  return SHOP_OK;
}

/* Each void is an operation of its own, for under an old key a gateway that honours
   keys would only repeat its refusal. So recovery waits twice as long after each
   refusal, up to a day: what cannot be voided must not fill the store. */
static bool was_refused_lately(const struct work *work, const struct stand *stand) {
  int64_t wait_ms = work->shop->config.gateway_lease_ms;

  for (int32_t i = 0; i < stand->refused_voids && wait_ms < SHOP__DAY_MS; i++)
    wait_ms *= 2;
  if (wait_ms > SHOP__DAY_MS)
    wait_ms = SHOP__DAY_MS;
  return stand->refused_voids > 0 && stand->refused_void_ms <= work->now_ms &&
         stand->refused_void_ms > work->now_ms - wait_ms;
}

/* A charge without a final answer, or, to cancel, an authorization. While a call
   has the charge in hand its answer is awaited, unless recovery says so. */
static int32_t plan_void(shop__tx_t *tx, const struct work *work, const struct stand *stand,
                         struct shop__operation_row *plan) {
  int32_t state = stand->has_payment ? stand->payment.state : SHOP_PAYMENT_NONE;
  bool waits = state == SHOP_PAYMENT_PENDING || state == SHOP_PAYMENT_ACTION_REQUIRED;
  bool asked = state == SHOP_PAYMENT_SENT || state == SHOP_PAYMENT_UNKNOWN;

  if (!waits && !(state == SHOP_PAYMENT_AUTHORIZED && work->asked->cancels) &&
      !(asked && work->asked->actor == SHOP_ACTOR_SYSTEM))
    return not_now(tx, stand, "its payment is final, or is being asked for");
  if (stand->in_hand)
    return not_now(tx, stand, "its payment is being asked for");
  if (stand->busy)
    return not_now(tx, stand, "another capture or void is not finished");
  if (work->asked->actor == SHOP_ACTOR_SYSTEM && was_refused_lately(work, stand))
    return not_now(tx, stand, "a void was refused a short while ago");
  plan->amount_minor = stand->payment.amount_minor;
  plan->currency = stand->payment.currency;
  return SHOP_OK;
}

/* What a cancellation needs: a void, a refund, or nothing (kind 0). */
static int32_t plan_cancel(shop__tx_t *tx, const struct work *work, const struct stand *stand,
                           struct shop__operation_row *plan) {
  int32_t status = stand->order.status;
  bool odd = (stand->payment.attention & (SHOP__ATTENTION_LATE | SHOP__ATTENTION_MISMATCH)) != 0;

  if (status == SHOP_ORDER_CANCELLED && !odd)
    return not_now(tx, stand, "it is cancelled already");
  if (status != SHOP_ORDER_PLACED && !(stand->has_payment && odd))
    return not_now(tx, stand, "its payment is not final: abandon or recover it");
  if (!stand->has_payment)
    return SHOP_OK;
  if (stand->payment.state == SHOP_PAYMENT_AUTHORIZED) {
    plan->kind = SHOP_OPERATION_VOID;
    return plan_void(tx, work, stand, plan);
  }
  if (status == SHOP_ORDER_PLACED && stand->payment.refunded_minor > 0 &&
      stand->payment.refunded_minor == stand->payment.captured_minor)
    return SHOP_OK;
  if (stand->refunding_minor > 0)
    return not_now(tx, stand, "a refund of it is not finished");
  plan->kind = SHOP_OPERATION_REFUND;
  return plan_refund(tx, work, stand, plan);
}

static int32_t plan_operation(shop__tx_t *tx, const struct work *work, const struct stand *stand,
                              struct shop__operation_row *plan) {
  if (work->asked->cancels)
    return plan_cancel(tx, work, stand, plan);
  plan->kind = work->asked->kind;
  if (plan->kind == SHOP_OPERATION_CAPTURE)
    return plan_capture(tx, work, stand, plan);
  return plan->kind == SHOP_OPERATION_REFUND ? plan_refund(tx, work, stand, plan)
                                             : plan_void(tx, work, stand, plan);
}

/* ---- storing --------------------------------------------------------------------------------- */

/* Pieces that refunds on their way are to bring back. */
static int32_t add_coming_back(shop__tx_t *tx, const struct stand *stand, int64_t product_id,
                               int64_t *sum) {
  struct shop__operation_row row;
  struct shop__return_row back;
  shop__query_t *q = shop__operations_each(tx, stand->order.id), *returns;
  int32_t status;

  while ((status = shop__operations_next(q, &row)) == SHOP__ROW) {
    if (row.state != SHOP_OPERATION_SENT && row.state != SHOP_OPERATION_UNKNOWN)
      continue;
    returns = shop__operation_returns_each(tx, row.id);
    while ((status = shop__operation_returns_next(returns, &back)) == SHOP__ROW)
      *sum += back.product_id == product_id ? back.quantity : 0;
    if (status != SHOP_OK) {
      shop__query_reset(q);
      return status;
    }
  }
  return status;
}

static int32_t add_returned(shop__tx_t *tx, const struct stand *stand, int64_t product_id,
                            int64_t *sum) {
  struct shop__reservation_row row;
  shop__query_t *q = shop__reservations_each(tx, stand->order.id);
  int32_t status;

  while ((status = shop__reservations_next(q, &row)) == SHOP__ROW)
    *sum += row.product_id == product_id ? row.returned : 0;
  return status;
}

static int32_t store_return(shop__tx_t *tx, const struct stand *stand, int64_t operation_id,
                            const struct shop__refund_return *wanted) {
  struct shop__order_line_row line;
  shop__query_t *q = shop__order_lines_each(tx, stand->order.id);
  int64_t product_id = 0, bought = 0, back = 0;
  int32_t status;

  while ((status = shop__order_lines_next(q, &line)) == SHOP__ROW)
    if (strcmp(line.sku, wanted->sku) == 0) {
      product_id = line.product_id;
      bought = line.quantity;
    }
  if (status == SHOP_OK)
    status = add_returned(tx, stand, product_id, &back);
  if (status == SHOP_OK)
    status = add_coming_back(tx, stand, product_id, &back);
  if (status == SHOP_OK && (product_id == 0 || wanted->quantity > bought - back))
    return shop__error_set(shop__tx_error(tx), SHOP_ERR_AMOUNT,
                           "order %s: more pieces of %s would come back than were bought",
                           stand->order.number, wanted->sku);
  return status == SHOP_OK ? shop__operation_return_insert(tx, operation_id, product_id,
                                                           wanted->quantity)
                           : status;
}

static int32_t store_returns(shop__tx_t *tx, const struct work *work, const struct stand *stand,
                             int64_t operation_id) {
  const shop_refund_request_t *request = work->asked->request;
  int32_t status = SHOP_OK;

  if (request == NULL || request->return_count == 0)
    return SHOP_OK;
  if (stand->order.status != SHOP_ORDER_PLACED)
    return not_now(tx, stand, "its pieces are in stock already");
  for (int32_t i = 0; status == SHOP_OK && i < request->return_count; i++)
    status = store_return(tx, stand, operation_id, &request->returns[i]);
  return status;
}

static int32_t store_operation(shop__tx_t *tx, struct work *work, const struct stand *stand,
                               struct shop__operation_row *plan) {
  char key[SHOP__GATEWAY_KEY_BYTES];
  int32_t status;

  if (!shop__gateway_has(work->shop, plan->kind))
    return shop__error_set(shop__tx_error(tx), SHOP_ERR_NO_GATEWAY,
                           "the gateway callback that this needs is not set");
  status = shop__tx_id(tx, &plan->id);
  if (status != SHOP_OK)
    return status;
  shop__gateway_key(work->shop, plan->id, key);
  plan->order_id = stand->order.id;
  plan->state = SHOP_OPERATION_SENT;
  plan->cancels = work->asked->cancels;
  plan->key = key;
  plan->method = "";
  plan->created_at_ms = work->now_ms;
  plan->lease_start_ms = shop__now_ms(work->shop); /* it may have waited for the store */
  plan->lease_length_ms = work->shop->config.gateway_lease_ms;
  plan->order_number = stand->order.number;
  plan->email = stand->order.email;
  plan->payment_reference = stand->payment.reference;
  status = shop__operation_insert(tx, plan);
  if (status == SHOP_OK)
    status = store_returns(tx, work, stand, plan->id);
  shop__ask_fill(plan, stand->charge_key, &work->ask);
  work->operation_id = plan->id;
  work->is_new = true;
  return status;
}

static int32_t cancel_at_once(shop__tx_t *tx, struct work *work, const struct stand *stand) {
  const struct shop__moment moment = {work->now_ms, work->asked->actor};

  return shop__cancel_order(tx, &stand->order, &moment, &work->post);
}

static int32_t begin_new(shop__tx_t *tx, struct work *work) {
  struct stand stand = {.has_payment = false};
  struct shop__operation_row plan = {.kind = 0};
  const struct shop__once *once = work->asked->once;
  int32_t status = look(tx, work, &stand);

  if (status == SHOP_OK)
    status = plan_operation(tx, work, &stand, &plan);
  if (status == SHOP_OK)
    status = plan.kind == 0 ? cancel_at_once(tx, work, &stand)
                            : store_operation(tx, work, &stand, &plan);
  /* A cancellation without an operation is recognised by its order. */
  if (status == SHOP_OK && once != NULL)
    status = shop__once_store(tx, once, 0, plan.kind == 0 ? stand.order.id : plan.id,
                              work->now_ms);
  if (status == SHOP_OK)
    status = shop__order_pack_by_id(tx, stand.order.id, &work->pack);
  return status;
}

static int32_t find_repeated(shop__tx_t *tx, struct work *work, int64_t result_id) {
  struct shop__operation_row row;
  bool found = false;
  int32_t status = shop__operation_get(tx, result_id, &row, &found);

  if (status == SHOP_OK && found)
    work->operation_id = result_id;
  if (status == SHOP_OK)
    status = shop__order_pack_by_id(tx, found ? row.order_id : result_id, &work->pack);
  return status;
}

static int32_t begin_fn(shop__tx_t *tx, void *ctx) {
  struct work *work = ctx;
  int64_t done = 0;
  int32_t status = SHOP_OK;

  work->is_new = false;
  work->operation_id = 0;
  work->post.mail_id = 0;
  if (work->asked->once != NULL)
    status = shop__once_find(tx, work->asked->once, 0, &done);
  if (status != SHOP_OK)
    return status;
  return done != 0 ? find_repeated(tx, work, done) : begin_new(tx, work);
}

/* ---- its mail ---------------------------------------------------------------------------- */

static int32_t find_told_fn(shop__tx_t *tx, void *ctx) {
  struct work *work = ctx;
  struct shop__order_row order;
  bool found = false;
  int32_t status = shop__order_by_number(tx, work->asked->number, &order, &found);

  return status == SHOP_OK && found ? shop__order_pack(tx, &order, &work->pack) : status;
}

/* An order that costs nothing, or whose money is back already, is cancelled in the
   first transaction: the mail of that is composed before. */
static int32_t compose(struct work *work, shop_error_t *err) {
  int32_t status;

  if (!work->asked->cancels || !shop__mail_wanted(work->shop, SHOP_MAIL_ORDER_CANCELLED))
    return SHOP_OK;
  status = shop__db_read(work->shop->db, find_told_fn, work, err);
  if (status != SHOP_OK || work->pack.block == NULL)
    return status;
  shop__post_at_once(work->shop, &work->post);
  return shop__letter_order(work->shop, SHOP_MAIL_ORDER_CANCELLED, shop__order_of(&work->pack),
                            NULL, work->now_ms, &work->post.letter, err);
}

/* ---- the call ----------------------------------------------------------------------------------- */

static int32_t ask_and_settle(struct work *work, shop_error_t *err) {
  struct shop__outcome outcome;
  struct shop__settle settle = {.operation_id = work->operation_id,
                                .outcome = &outcome,
                                .actor = work->asked->actor,
                                .unanswered = true,
                                .is_live = work->asked->is_live};
  int32_t status;

  shop__gateway_ask(work->shop, &work->ask, false, &outcome);
  status = shop__settle(work->shop, &settle, err);
  work->asked->order = settle.order;
  work->asked->status = settle.status;
  work->asked->change = settle.change;
  return status;
}

int32_t shop__operate(shop_t *shop, struct shop__operation *operation,
                      const shop_options_t *options, shop_error_t *err) {
  struct shop__db_write_rule rule = shop__options_rule(options, true);
  struct work work = {.shop = shop, .asked = operation, .now_ms = shop__now_ms(shop)};
  int32_t status = compose(&work, err);

  if (status == SHOP_OK)
    status = shop__db_write(shop->db, begin_fn, &work, &rule, err);
  operation->order = NULL;
  operation->status = status;
  if (status == SHOP_OK && work.is_new) {
    status = ask_and_settle(&work, err);
    if (operation->order == NULL) /* the store failed after the gateway was asked */
      operation->order = shop__pack_finish(&work.pack);
  } else if (status == SHOP_OK) {
    const shop_order_t *order = shop__order_of(&work.pack);

    shop__post_send(shop, &work.post, order->number);
    operation->status = work.operation_id == 0
                            ? shop__order_outcome(order, err)
                            : shop__operation_outcome(order, work.operation_id, err);
    operation->order = shop__pack_finish(&work.pack);
  }
  shop__letter_free(&work.post.letter);
  shop__pack_free(&work.pack);
  return status;
}
