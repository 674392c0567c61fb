/* The audit: walks every order, product and cart in one snapshot and compares
   what is stored twice. A violation cannot be in a sound store; what needs
   attention can, and a person must look. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "flow.h"

#define FINDINGS_MAX 10000
#define FINDING_BYTES 200
#define PROGRESS_ORDERS 1000

struct finding {
  int32_t severity;
  char text[FINDING_BYTES];
};

struct shop_audit {
  int64_t orders;
  int64_t violations;
  int64_t attentions;
  int32_t count;
  int32_t room;
  struct finding *findings;
};

/* What reservations and held carts say of one product. */
struct tally {
  int64_t product_id;
  int64_t held;
  int64_t taken;
};

/* What an order's lines say of one product. */
struct pieces {
  int64_t product_id;
  int64_t quantity;
};

struct audit {
  shop_t *shop;
  const struct shop_config *config;
  int64_t now_ms;
  int64_t since_ms; /* 0: everything */
  shop_progress_fn progress;
  void *progress_user;
  struct shop_audit *report;
  struct tally *tallies; /* by product id, rising */
  size_t tally_count;
  size_t tally_room;
  struct pieces *bought; /* of the order that is being looked at, by product id */
  size_t bought_count;
  size_t bought_room;
  bool failed; /* out of memory */
};

/* One order, and what its operations add up to. */
struct audit_order {
  const struct shop__audit_order_row *row;
  int64_t taken_minor;
  int64_t given_back_minor;
  int64_t refunding_minor; /* in refunds that are not finished */
  int32_t captures;        /* that are done */
  bool unknown;            /* some operation is */
  bool other_charge;       /* what the gateway is asked for is not what is to be paid */
};

/* ---- findings --------------------------------------------------------------------------- */

static struct finding *finding_new(struct audit *audit) {
  struct shop_audit *report = audit->report;
  int32_t room = report->room == 0 ? 16 : report->room * 2;
  struct finding *grown;

  if (report->count == FINDINGS_MAX)
    return NULL;
  if (report->count == report->room) {
    grown = shop__memory_realloc(report->findings, (size_t)room * sizeof *grown);
    if (grown == NULL) {
      audit->failed = true;
      return NULL;
    }
    report->findings = grown;
    report->room = room;
  }
  return &report->findings[report->count++];
}

static void say(struct audit *audit, int32_t severity, const char *format, va_list arguments) {
  struct finding *finding = finding_new(audit);

  if (severity == SHOP_FINDING_VIOLATION)
    audit->report->violations++;
  else
    audit->report->attentions++;
  if (finding == NULL)
    return;
  finding->severity = severity;
  (void)vsnprintf(finding->text, sizeof finding->text, format, arguments);
}

__attribute__((format(printf, 2, 3))) static void violation(struct audit *audit,
                                                            const char *format, ...) {
  va_list arguments;

  va_start(arguments, format);
  say(audit, SHOP_FINDING_VIOLATION, format, arguments);
  va_end(arguments);
}

__attribute__((format(printf, 2, 3))) static void attention(struct audit *audit,
                                                            const char *format, ...) {
  va_list arguments;

  va_start(arguments, format);
  say(audit, SHOP_FINDING_ATTENTION, format, arguments);
  va_end(arguments);
}

/* ---- stock -------------------------------------------------------------------------------- */

static bool tally_add(struct audit *audit, int64_t product_id) {
  size_t room = audit->tally_room == 0 ? 64 : audit->tally_room * 2;
  struct tally *grown;

  if (audit->tally_count == audit->tally_room) {
    grown = shop__memory_realloc(audit->tallies, room * sizeof *grown);
    if (grown == NULL)
      return false;
    audit->tallies = grown;
    audit->tally_room = room;
  }
  audit->tallies[audit->tally_count++] = (struct tally){.product_id = product_id};
  return true;
}

static struct tally *tally_of(const struct audit *audit, int64_t product_id) {
  size_t low = 0, high = audit->tally_count;

  while (low < high) {
    size_t middle = low + (high - low) / 2;

    if (audit->tallies[middle].product_id == product_id)
      return &audit->tallies[middle];
    if (audit->tallies[middle].product_id < product_id)
      low = middle + 1;
    else
      high = middle;
  }
  return NULL;
}

static int32_t list_products(shop__tx_t *tx, struct audit *audit) {
  struct shop__product_row row;
  shop__query_t *q = shop__audit_products_each(tx);
  int32_t status;

  audit->tally_count = 0;
  while ((status = shop__audit_products_next(q, &row)) == SHOP__ROW)
    if (!tally_add(audit, row.id)) {
      shop__query_reset(q);
      return shop__no_memory(shop__tx_error(tx));
    }
  return status;
}

static int32_t tally_reservations(shop__tx_t *tx, struct audit *audit) {
  struct shop__reservation_row row;
  shop__query_t *q = shop__audit_reservations_each(tx);
  int32_t status;

  while ((status = shop__audit_reservations_next(q, &row)) == SHOP__ROW) {
    struct tally *tally = tally_of(audit, row.product_id);
    int64_t *sum;

    if (tally == NULL) {
      violation(audit, "stock is reserved for a product that does not exist");
      continue;
    }
    if (row.state == SHOP__RESERVATION_RELEASED)
      continue;
    sum = row.state == SHOP__RESERVATION_HELD ? &tally->held : &tally->taken;
    if (!shop__money_add(*sum, row.quantity - row.returned, sum))
      violation(audit, "the reservations of a product do not add up to any number");
  }
  return status;
}

static int32_t tally_holds(shop__tx_t *tx, struct audit *audit) {
  struct shop__cart_piece_row row;
  shop__query_t *q = shop__audit_held_pieces_each(tx);
  int32_t status;

  while ((status = shop__audit_held_pieces_next(q, &row)) == SHOP__ROW) {
    struct tally *tally = tally_of(audit, row.product_id);

    if (tally == NULL)
      violation(audit, "stock is held for a product that does not exist");
    else if (!shop__money_add(tally->held, row.quantity, &tally->held))
      violation(audit, "the holds of a product do not add up to any number");
  }
  return status;
}

/* Only additions, each checked: the numbers may be a vandal's. */
static bool is_conserved(const struct shop__stock *stock) {
  int64_t out = 0, in = 0;

  return shop__money_add(stock->available, stock->reserved, &out) &&
         shop__money_add(out, stock->sold, &out) &&
         shop__money_add(stock->received, stock->shortfall, &in) && out == in;
}

static void check_stock(struct audit *audit, const struct shop__product_row *row) {
  const struct shop__stock *stock = &row->stock;
  const struct tally *tally = tally_of(audit, row->id);

  if (tally == NULL)
    return; /* listed in the same snapshot: it is there */
  if (stock->reserved != tally->held)
    violation(audit, "product %s: %lld pieces reserved, orders and carts hold %lld", row->sku,
              (long long)stock->reserved, (long long)tally->held);
  if (stock->sold != tally->taken)
    violation(audit, "product %s: %lld pieces sold, orders took %lld", row->sku,
              (long long)stock->sold, (long long)tally->taken);
  if (!stock->unlimited && !is_conserved(stock))
    violation(audit, "product %s: stock is not conserved", row->sku);
  if (!stock->unlimited && stock->shortfall > 0)
    attention(audit, "product %s: %lld pieces are promised beyond what is on hand", row->sku,
              (long long)stock->shortfall);
}

static int32_t check_products(shop__tx_t *tx, struct audit *audit) {
  struct shop__product_row row;
  shop__query_t *q;
  int32_t status = list_products(tx, audit);

  if (status == SHOP_OK)
    status = tally_reservations(tx, audit);
  if (status == SHOP_OK)
    status = tally_holds(tx, audit);
  if (status != SHOP_OK)
    return status;
  q = shop__audit_products_each(tx);
  while ((status = shop__audit_products_next(q, &row)) == SHOP__ROW)
    check_stock(audit, &row);
  return status;
}

/* ---- one order -------------------------------------------------------------------------------- */

static void note_bought(struct audit *audit, const struct shop__order_line_row *line) {
  size_t room = audit->bought_room == 0 ? 64 : audit->bought_room * 2;
  struct pieces *grown;

  if (audit->bought_count == audit->bought_room) {
    grown = shop__memory_realloc(audit->bought, room * sizeof *grown);
    if (grown == NULL) {
      audit->failed = true;
      return;
    }
    audit->bought = grown;
    audit->bought_room = room;
  }
  audit->bought[audit->bought_count++] = (struct pieces){line->product_id, line->quantity};
}

static int by_product(const void *a, const void *b) {
  const struct pieces *left = a, *right = b;

  return (left->product_id > right->product_id) - (left->product_id < right->product_id);
}

static int32_t sum_lines(shop__tx_t *tx, struct audit *audit, const struct shop__order_row *order,
                         int64_t *total, int64_t *pieces) {
  struct shop__order_line_row line;
  shop__query_t *q = shop__order_lines_each(tx, order->id);
  int64_t product = 0;
  bool fits;
  int32_t status;

  *pieces = 0;
  audit->bought_count = 0;
  while ((status = shop__order_lines_next(q, &line)) == SHOP__ROW) {
    note_bought(audit, &line);
    if (!shop__money_multiply(line.unit_price_minor, line.quantity, &product) ||
        product != line.total_minor)
      violation(audit, "order %s: a line of %s is not quantity times price", order->number,
                line.sku);
    fits = shop__money_add(*total, line.total_minor, total);
    fits = shop__money_add(*pieces, line.quantity, pieces) && fits;
    if (!fits)
      violation(audit, "order %s: the lines do not add up to any number", order->number);
  }
  return status;
}

static int32_t sum_adjustments(shop__tx_t *tx, struct audit *audit,
                               const struct shop__order_row *order, int64_t *total) {
  struct shop__adjustment_row row;
  shop__query_t *q = shop__adjustments_each(tx, order->id);
  int32_t status;

  while ((status = shop__adjustments_next(q, &row)) == SHOP__ROW)
    if (row.kind != SHOP_ADJUSTMENT_TAX_INCLUDED &&
        !shop__money_add(*total, row.amount_minor, total))
      violation(audit, "order %s: the adjustments do not add up to any number", order->number);
  return status;
}

static int32_t reservation_state_for(int32_t order_status) {
  switch ((enum shop_order_status)order_status) {
  case SHOP_ORDER_PENDING:
    return SHOP__RESERVATION_HELD;
  case SHOP_ORDER_PLACED:
  case SHOP_ORDER_CANCELLED:
    return SHOP__RESERVATION_TAKEN;
  case SHOP_ORDER_FAILED:
    return SHOP__RESERVATION_RELEASED;
  }
  return 0;
}

static int32_t check_reservations(shop__tx_t *tx, struct audit *audit,
                                  const struct shop__order_row *order, int64_t pieces) {
  struct shop__reservation_row row;
  shop__query_t *q = shop__reservations_each(tx, order->id);
  int32_t wanted = reservation_state_for(order->status);
  int64_t reserved = 0;
  size_t at = 0;
  bool same = true;
  int32_t status;

  if (audit->bought_count > 1) /* the reservations come by product; each has one row */
    qsort(audit->bought, audit->bought_count, sizeof *audit->bought, by_product);
  while ((status = shop__reservations_next(q, &row)) == SHOP__ROW) {
    same = same && at < audit->bought_count && audit->bought[at].product_id == row.product_id &&
           audit->bought[at].quantity == row.quantity;
    at++;
    if (row.state != wanted)
      violation(audit, "order %s: stock is not reserved as its status says", order->number);
    if (order->status == SHOP_ORDER_CANCELLED && row.returned != row.quantity)
      violation(audit, "order %s: cancelled, and not all of it is back in stock", order->number);
    if (!shop__money_add(reserved, row.quantity, &reserved))
      violation(audit, "order %s: the reservations do not add up to any number", order->number);
  }
  if (status == SHOP_OK && reserved != pieces)
    violation(audit, "order %s: %lld pieces bought, %lld reserved", order->number,
              (long long)pieces, (long long)reserved);
  else if (status == SHOP_OK && !same && !audit->failed)
    violation(audit, "order %s: other products are reserved than were bought", order->number);
  return status;
}

static bool same_currency(const char *a, const char *b) {
  return a != NULL && b != NULL && strcmp(a, b) == 0;
}

/* Covered: captured, or authorized, for the full total. What was captured of an
   authorization may be less: that is the merchant's decision. */
static bool is_covered(const struct audit_order *at) {
  const struct shop__order_row *order = &at->row->order;

  if (order->total_minor == 0)
    return order->payment.state == SHOP_PAYMENT_NONE;
  if (order->payment.state == SHOP_PAYMENT_AUTHORIZED)
    return true;
  if (order->payment.state != SHOP_PAYMENT_CAPTURED)
    return false;
  if ((order->payment.attention & SHOP__ATTENTION_MISMATCH) != 0)
    return true; /* it was authorized, then captured otherwise: it is with a person */
  if (!same_currency(order->payment.captured_currency, order->currency))
    return false;
  return order->payment.captured_minor == order->total_minor || at->captures > 0;
}

static void check_placed(struct audit *audit, const struct audit_order *at) {
  const struct shop__audit_order_row *row = at->row;
  const struct shop__order_row *order = &row->order;

  if (!is_covered(at))
    violation(audit, "order %s: placed without its payment", order->number);
  if (row->mail_state == 0)
    violation(audit, "order %s: placed without its confirmation", order->number);
  if (row->cart_state != SHOP_CART_COMPLETED || row->cart_order_id != order->id)
    violation(audit, "order %s: placed, and its cart is not completed", order->number);
}

static void check_pending(struct audit *audit, const struct shop__audit_order_row *row) {
  const struct shop__order_row *order = &row->order;
  bool mismatch = (order->payment.attention & SHOP__ATTENTION_MISMATCH) != 0;
  bool paid = order->payment.state == SHOP_PAYMENT_CAPTURED ||
              order->payment.state == SHOP_PAYMENT_AUTHORIZED;

  if (order->payment.state == SHOP_PAYMENT_NONE ||
      order->payment.state == SHOP_PAYMENT_DECLINED ||
      order->payment.state == SHOP_PAYMENT_VOIDED)
    violation(audit, "order %s: pending without a payment that could come", order->number);
  if (paid && !mismatch)
    violation(audit, "order %s: paid and not placed", order->number);
  if (row->cart_state != SHOP_CART_COMPLETING || row->cart_order_id != order->id)
    violation(audit, "order %s: pending, and its cart does not wait for it", order->number);
  if (row->mail_state != 0)
    violation(audit, "order %s: a confirmation without a placed order", order->number);
}

static bool is_given_back(const struct shop__order_row *order) {
  return order->payment.state == SHOP_PAYMENT_CAPTURED && order->payment.captured_minor > 0 &&
         order->payment.refunded_minor == order->payment.captured_minor;
}

/* Failed: declined, voided, or with money that came late or was given back. */
static void check_failed(struct audit *audit, const struct shop__audit_order_row *row) {
  const struct shop__order_row *order = &row->order;
  int32_t odd = order->payment.attention & (SHOP__ATTENTION_LATE | SHOP__ATTENTION_MISMATCH);

  if (order->payment.state != SHOP_PAYMENT_DECLINED &&
      order->payment.state != SHOP_PAYMENT_VOIDED && odd == 0 && !is_given_back(order))
    violation(audit, "order %s: failed, and its payment was not declined", order->number);
  if (row->cart_order_id == order->id)
    violation(audit, "order %s: failed, and its cart still belongs to it", order->number);
  if (row->mail_state != 0)
    violation(audit, "order %s: a confirmation without a placed order", order->number);
}

static void check_cancelled(struct audit *audit, const struct shop__order_row *order) {
  bool free_of_charge = order->payment.state == SHOP_PAYMENT_NONE && order->total_minor == 0;
  bool late = (order->payment.attention & SHOP__ATTENTION_LATE) != 0;

  if (!free_of_charge && !late && !is_given_back(order) &&
      order->payment.state != SHOP_PAYMENT_VOIDED)
    violation(audit, "order %s: cancelled, and its money was not given back", order->number);
}

/* The charge tells the same story as the payment. */
static bool charge_agrees(int32_t payment_state, int32_t charge_state) {
  switch ((enum shop_payment_status)payment_state) {
  case SHOP_PAYMENT_NONE:
    return charge_state == 0;
  case SHOP_PAYMENT_SENT:
  case SHOP_PAYMENT_PENDING:
  case SHOP_PAYMENT_ACTION_REQUIRED:
    return charge_state == SHOP_OPERATION_SENT;
  case SHOP_PAYMENT_UNKNOWN:
    return charge_state == SHOP_OPERATION_UNKNOWN;
  case SHOP_PAYMENT_CAPTURED:
  case SHOP_PAYMENT_AUTHORIZED:
    return charge_state == SHOP_OPERATION_DONE;
  case SHOP_PAYMENT_DECLINED:
    return charge_state == SHOP_OPERATION_REFUSED;
  case SHOP_PAYMENT_VOIDED: /* before it was done, or after */
    return charge_state == SHOP_OPERATION_REFUSED || charge_state == SHOP_OPERATION_DONE;
  }
  return false;
}

static void check_payment(struct audit *audit, const struct audit_order *at) {
  const struct shop__audit_order_row *row = at->row;
  const struct shop__order_row *order = &row->order;
  int64_t refunds = 0;

  if (!charge_agrees(order->payment.state, row->operation_state) || at->other_charge)
    violation(audit, "order %s: its charge and its payment disagree", order->number);
  if (order->payment.state != SHOP_PAYMENT_NONE &&
      (order->payment.amount_minor != order->total_minor ||
       !same_currency(order->payment.currency, order->currency)))
    violation(audit, "order %s: its payment is not for its total", order->number);
  if (order->payment.captured_minor != 0 && order->payment.state != SHOP_PAYMENT_CAPTURED)
    violation(audit, "order %s: money is recorded and not captured", order->number);
  if (order->payment.captured_minor != at->taken_minor || order->payment.refunded_minor != at->given_back_minor)
    violation(audit, "order %s: its payment is not the sum of its operations", order->number);
  if ((order->payment.attention & SHOP__ATTENTION_CONTRADICTION) == 0 &&
      (!shop__money_add(order->payment.refunded_minor, at->refunding_minor, &refunds) ||
       refunds > order->payment.captured_minor))
    violation(audit, "order %s: more is being refunded than was captured", order->number);
}

static bool is_past(int64_t since_ms, int64_t length_ms, int64_t now_ms) {
  return since_ms <= now_ms - length_ms; /* in an order that cannot overflow */
}

static void check_attention(struct audit *audit, const struct audit_order *at) {
  const struct shop__audit_order_row *row = at->row;
  const struct shop__order_row *order = &row->order;

  if (order->payment.state == SHOP_PAYMENT_UNKNOWN)
    attention(audit, "order %s: nobody knows whether it was paid", order->number);
  if ((order->payment.attention & SHOP__ATTENTION_MISMATCH) != 0)
    attention(audit, "order %s: another amount was taken than its total", order->number);
  if ((order->payment.attention & SHOP__ATTENTION_LATE) != 0)
    attention(audit, "order %s: money was taken after it had failed", order->number);
  if ((order->payment.attention & SHOP__ATTENTION_CONTRADICTION) != 0)
    attention(audit, "order %s: the gateway has said things that cannot both be", order->number);
  if (at->unknown && order->payment.state != SHOP_PAYMENT_UNKNOWN)
    attention(audit, "order %s: nobody knows what became of an operation", order->number);
  if (order->payment.state == SHOP_PAYMENT_AUTHORIZED &&
      is_past(order->payment.held_since_ms, audit->config->authorization_life_ms, audit->now_ms))
    attention(audit, "order %s: its authorization is old and may have expired", order->number);
  if (order->payment.state == SHOP_PAYMENT_SENT &&
      is_past(row->operation_created_at_ms, audit->config->gateway_key_life_ms, audit->now_ms))
    attention(audit, "order %s: its payment has no answer, run shop_recover", order->number);
  if (row->mail_state == SHOP_MAIL_DEAD)
    attention(audit, "order %s: its confirmation could not be delivered", order->number);
}

static int32_t sum_operations(shop__tx_t *tx, struct audit *audit, struct audit_order *at) {
  const struct shop__payment_row *payment = &at->row->order.payment;
  struct shop__operation_row row;
  shop__query_t *q = shop__operations_each(tx, at->row->order.id);
  bool fits = true;
  int32_t status;

  while ((status = shop__operations_next(q, &row)) == SHOP__ROW) {
    bool open = row.state == SHOP_OPERATION_SENT || row.state == SHOP_OPERATION_UNKNOWN;
    bool refund = row.kind == SHOP_OPERATION_REFUND;
    int64_t *sum = refund ? &at->given_back_minor : &at->taken_minor;

    fits = fits && shop__money_add(*sum, row.moved_minor, sum);
    if (refund && open)
      fits = fits && shop__money_add(at->refunding_minor, row.amount_minor, &at->refunding_minor);
    at->captures += row.kind == SHOP_OPERATION_CAPTURE && row.state == SHOP_OPERATION_DONE;
    at->unknown = at->unknown || row.state == SHOP_OPERATION_UNKNOWN;
    at->other_charge =
        at->other_charge || (row.kind == SHOP_OPERATION_CHARGE &&
                             (row.amount_minor != payment->amount_minor ||
                              !same_currency(row.currency, payment->currency)));
  }
  if (!fits)
    violation(audit, "order %s: its operations do not add up to any number",
              at->row->order.number);
  return status;
}

static void check_status(struct audit *audit, const struct audit_order *at) {
  switch ((enum shop_order_status)at->row->order.status) {
  case SHOP_ORDER_PLACED:
    check_placed(audit, at);
    break;
  case SHOP_ORDER_PENDING:
    check_pending(audit, at->row);
    break;
  case SHOP_ORDER_FAILED:
    check_failed(audit, at->row);
    break;
  case SHOP_ORDER_CANCELLED:
    check_cancelled(audit, &at->row->order);
    break;
  }
}

static int32_t check_order(shop__tx_t *tx, struct audit *audit,
                           const struct shop__audit_order_row *row) {
  const struct shop__order_row *order = &row->order;
  struct audit_order at = {.row = row};
  int64_t total = 0, pieces = 0;
  int32_t status = sum_lines(tx, audit, order, &total, &pieces);

  if (status == SHOP_OK)
    status = sum_adjustments(tx, audit, order, &total);
  if (status == SHOP_OK)
    status = check_reservations(tx, audit, order, pieces);
  if (status == SHOP_OK)
    status = sum_operations(tx, audit, &at);
  if (status != SHOP_OK)
    return status;
  if (total != order->total_minor)
    violation(audit, "order %s: lines and adjustments are not its total", order->number);
  check_status(audit, &at);
  check_payment(audit, &at);
  check_attention(audit, &at);
  return SHOP_OK;
}

/* ---- the whole shop ------------------------------------------------------------------------------ */

static bool go_on(struct audit *audit) {
  struct shop__callback callback;
  bool on;

  if (audit->progress == NULL)
    return true;
  shop__callback_begin_inside(audit->shop, &callback);
  on = audit->progress(audit->progress_user, audit->report->orders, 0);
  shop__callback_end(audit->shop, &callback);
  return on;
}

static int32_t check_orders(shop__tx_t *tx, struct audit *audit) {
  struct shop__audit_order_row row;
  shop__query_t *q = shop__audit_orders_each(tx, audit->since_ms);
  int32_t status;

  while ((status = shop__audit_orders_next(q, &row)) == SHOP__ROW) {
    audit->report->orders++;
    status = check_order(tx, audit, &row);
    if (status == SHOP_OK && audit->report->orders % PROGRESS_ORDERS == 0 && !go_on(audit))
      status = shop__error_set(shop__tx_error(tx), SHOP_ERR_DEADLINE,
                               "the audit was stopped by its progress callback");
    if (status != SHOP_OK) {
      shop__query_reset(q);
      return status;
    }
  }
  return status;
}

/* One reference, one payment: where the gateway gave two orders the same one, the
   money of one may be counted for both. */
static int32_t check_references(shop__tx_t *tx, struct audit *audit) {
  shop__query_t *q = shop__audit_shared_references_each(tx);
  const char *number = NULL;
  int32_t status;

  while ((status = shop__audit_shared_references_next(q, &number)) == SHOP__ROW)
    attention(audit, "order %s: the gateway knows its payment by the reference of an older one",
              number);
  return status;
}

static int32_t check_carts(shop__tx_t *tx, struct audit *audit) {
  shop__query_t *q = shop__audit_lost_carts_each(tx);
  int64_t cart_id = 0;
  int32_t status;

  while ((status = shop__audit_lost_carts_next(q, &cart_id)) == SHOP__ROW)
    violation(audit, "cart %lld: being bought or bought, without an order that says so",
              (long long)cart_id);
  return status;
}

/* Nobody could be asked about it. */
static int32_t check_guests(shop__tx_t *tx, struct audit *audit) {
  shop__query_t *q = shop__audit_guest_orders_each(tx);
  const char *number = NULL;
  int32_t status;

  while ((status = shop__audit_guest_orders_next(q, &number)) == SHOP__ROW)
    violation(audit, "order %s: it is a guest's, who has no address", number);
  return status;
}

static void say_damage(void *user, const char *text) {
  violation(user, "the file is damaged: %s", text);
}

static void report_clear(struct shop_audit *report) {
  shop__memory_free(report->findings);
  *report = (struct shop_audit){0};
}

static int32_t check_whole(shop__tx_t *tx, struct audit *audit) {
  int32_t status = shop__tx_check_file(tx, say_damage, audit);

  if (status == SHOP_OK)
    status = check_products(tx, audit);
  if (status == SHOP_OK)
    status = check_carts(tx, audit);
  if (status == SHOP_OK)
    status = check_references(tx, audit);
  if (status == SHOP_OK)
    status = check_guests(tx, audit);
  return status;
}

static int32_t audit_fn(shop__tx_t *tx, void *ctx) {
  struct audit *audit = ctx;
  int32_t status = SHOP_OK;

  report_clear(audit->report);
  if (audit->since_ms == 0)
    status = check_whole(tx, audit);
  if (status == SHOP_OK)
    status = check_orders(tx, audit);
  if (status == SHOP_OK && audit->failed)
    status = shop__no_memory(shop__tx_error(tx));
  return status;
}

int32_t shop_verify_since(shop_t *shop, int64_t since_ms, shop_progress_fn progress, void *user,
                          shop_audit_t **out, shop_error_t *err) {
  struct audit audit = {0};
  int32_t status;

  if (out != NULL)
    *out = NULL;
  status = shop__enter(shop, err);
  if (status != SHOP_OK)
    return status;
  if (out == NULL || since_ms < 0)
    return shop__leave(shop, shop__error_set(err, SHOP_ERR_ARGUMENT,
                                             "out must not be NULL, since_ms not negative"));
  audit = (struct audit){.shop = shop,
                         .config = &shop->config,
                         .now_ms = shop__now_ms(shop),
                         .since_ms = since_ms,
                         .progress = progress,
                         .progress_user = user,
                         .report = shop__memory_zalloc(sizeof(struct shop_audit))};
  if (audit.report == NULL)
    return shop__leave(shop, shop__no_memory(err));
  status = shop__db_read(shop->db, audit_fn, &audit, err);
  shop__memory_free(audit.tallies);
  shop__memory_free(audit.bought);
  if (status == SHOP_OK)
    *out = audit.report;
  else
    shop_audit_free(audit.report);
  return shop__leave(shop, status);
}

int32_t shop_verify(shop_t *shop, shop_audit_t **out, shop_error_t *err) {
  return shop_verify_since(shop, 0, NULL, NULL, out, err);
}

/* ---- getters ---------------------------------------------------------------------------------------- */

static const struct finding *finding_at(const shop_audit_t *audit, int32_t index) {
  return audit == NULL || index < 0 || index >= audit->count ? NULL : &audit->findings[index];
}

int64_t shop_audit_orders(const shop_audit_t *audit) {
  return audit == NULL ? 0 : audit->orders;
}

int64_t shop_audit_violations(const shop_audit_t *audit) {
  return audit == NULL ? 0 : audit->violations;
}

int64_t shop_audit_attentions(const shop_audit_t *audit) {
  return audit == NULL ? 0 : audit->attentions;
}

int32_t shop_audit_finding_count(const shop_audit_t *audit) {
  return audit == NULL ? 0 : audit->count;
}

int32_t shop_audit_finding_severity(const shop_audit_t *audit, int32_t index) {
  const struct finding *finding = finding_at(audit, index);

  return finding == NULL ? 0 : finding->severity;
}

const char *shop_audit_finding_text(const shop_audit_t *audit, int32_t index) {
  const struct finding *finding = finding_at(audit, index);

  return finding == NULL ? "" : finding->text;
}

void shop_audit_free(shop_audit_t *audit) {
  if (audit == NULL)
    return;
  report_clear(audit);
  shop__memory_free(audit);
}
