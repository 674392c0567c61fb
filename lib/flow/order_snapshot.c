/* The snapshot of an order: built either from what a purchase is about to store
   or from what is stored; the two look the same. */
#include <stddef.h>
#include <string.h>

#include "flow.h"

static void copy_number(char out[SHOP__ORDER_NUMBER_BYTES], const char *number) {
  memset(out, 0, SHOP__ORDER_NUMBER_BYTES);
  if (number != NULL && strlen(number) < SHOP__ORDER_NUMBER_BYTES)
    memcpy(out, number, strlen(number));
}

shop_order_t *shop__order_of(const struct shop__pack *pack) {
  return pack->failed ? NULL : (shop_order_t *)(void *)pack->block;
}

void shop__order_pack_head(struct shop__pack *pack, const struct shop__order_row *row) {
  struct shop_order head = {
      .id = row->id,
      .user_id = row->user_id,
      .cart_id = row->cart_id,
      .total_minor = row->total_minor,
      .captured_minor = row->payment.captured_minor,
      .refunded_minor = row->payment.refunded_minor,
      .created_at_ms = row->created_at_ms,
      .placed_at_ms = row->placed_at_ms,
      .status = row->status,
      .payment_status = row->payment.state,
      .attention = row->payment.attention,
  };

  copy_number(head.number, row->number);
  shop__copy_currency(head.currency, row->currency);
  shop__copy_currency(head.captured_currency, row->payment.captured_currency);
  shop__pack_begin(pack, sizeof head);
  head.email = shop__pack_text(pack, row->email);
  head.language = shop__pack_text(pack, row->language);
  head.shipping_address = shop__pack_text(pack, row->shipping_address);
  head.billing_address = shop__pack_text(pack, row->billing_address);
  head.reference = shop__pack_text(pack, row->payment.reference);
  head.client_data = shop__pack_text(pack, row->payment.client_data);
  head.note = shop__pack_text(pack, row->note);
  head.external_id = shop__pack_text(pack, row->external_id);
  if (!pack->failed)
    *shop__order_of(pack) = head;
}

void shop__order_pack_line(struct shop__pack *pack, const struct shop__order_line_row *row) {
  struct shop__order_line line = {
      .product_id = row->product_id,
      .quantity = row->quantity,
      .unit_price_minor = row->unit_price_minor,
      .total_minor = row->total_minor,
  };

  line.sku = shop__pack_text(pack, row->sku);
  line.name = shop__pack_text(pack, row->name);
  shop__pack_record(pack, offsetof(struct shop_order, lines), &line, sizeof line);
}

void shop__order_pack_adjustment(struct shop__pack *pack, const struct shop__adjustment_row *row) {
  struct shop__order_adjustment adjustment = {.kind = row->kind,
                                              .amount_minor = row->amount_minor};

  adjustment.label = shop__pack_text(pack, row->label);
  shop__pack_record(pack, offsetof(struct shop_order, adjustments), &adjustment,
                    sizeof adjustment);
}

void shop__order_pack_operation(struct shop__pack *pack,
                                const struct shop__operation_row *row) {
  struct shop__order_operation operation = {.id = row->id,
                                            .amount_minor = row->amount_minor,
                                            .moved_minor = row->moved_minor,
                                            .kind = row->kind,
                                            .state = row->state};

  shop__copy_currency(operation.currency, row->currency);
  operation.key = shop__pack_text(pack, row->key);
  operation.method = shop__pack_text(pack, row->method);
  operation.reference = shop__pack_text(pack, row->reference);
  shop__pack_record(pack, offsetof(struct shop_order, operations), &operation, sizeof operation);
}

void shop__order_pack_event(struct shop__pack *pack, const struct shop__event_row *row) {
  struct shop__order_event event = {.at_ms = row->at_ms, .actor = row->actor};

  event.name = shop__pack_text(pack, row->name);
  event.before = shop__pack_text(pack, row->before);
  event.after = shop__pack_text(pack, row->after);
  event.detail = shop__pack_text(pack, row->detail);
  shop__pack_record(pack, offsetof(struct shop_order, events), &event, sizeof event);
}

void shop__order_pack_end(struct shop__pack *pack) {
  shop__pack_end_list(pack, offsetof(struct shop_order, lines));
  shop__pack_end_list(pack, offsetof(struct shop_order, adjustments));
}

void shop__order_pack_end_history(struct shop__pack *pack) {
  shop__pack_end_list(pack, offsetof(struct shop_order, operations));
  shop__pack_end_list(pack, offsetof(struct shop_order, events));
}

/* ---- from the store --------------------------------------------------------------------- */

static int32_t read_lists(shop__tx_t *tx, int64_t order_id, struct shop__pack *pack) {
  struct shop__order_line_row line;
  struct shop__adjustment_row adjustment;
  struct shop__operation_row operation;
  struct shop__event_row event;
  shop__query_t *q = shop__order_lines_each(tx, order_id);
  int32_t status;

  while ((status = shop__order_lines_next(q, &line)) == SHOP__ROW)
    shop__order_pack_line(pack, &line);
  if (status != SHOP_OK)
    return status;
  q = shop__adjustments_each(tx, order_id);
  while ((status = shop__adjustments_next(q, &adjustment)) == SHOP__ROW)
    shop__order_pack_adjustment(pack, &adjustment);
  if (status != SHOP_OK)
    return status;
  q = shop__operations_each(tx, order_id);
  while ((status = shop__operations_next(q, &operation)) == SHOP__ROW)
    shop__order_pack_operation(pack, &operation);
  if (status != SHOP_OK)
    return status;
  q = shop__events_each_of_order(tx, order_id);
  while ((status = shop__events_next(q, &event)) == SHOP__ROW)
    shop__order_pack_event(pack, &event);
  return status;
}

int32_t shop__order_pack(shop__tx_t *tx, const struct shop__order_row *row,
                         struct shop__pack *pack) {
  int32_t status;

  shop__order_pack_head(pack, row);
  status = read_lists(tx, row->id, pack);
  if (status != SHOP_OK)
    return status;
  shop__order_pack_end(pack);
  shop__order_pack_end_history(pack);
  return shop__pack_check(tx, pack);
}

int32_t shop__order_pack_by_id(shop__tx_t *tx, int64_t order_id, struct shop__pack *pack) {
  struct shop__order_row row;
  bool found = false;
  int32_t status = shop__order_by_id(tx, order_id, &row, &found);

  if (status == SHOP_OK && !found)
    status = shop__error_set(shop__tx_error(tx), SHOP_ERR_CORRUPT, "an order is missing");
  return status == SHOP_OK ? shop__order_pack(tx, &row, pack) : status;
}

/* ---- getters ------------------------------------------------------------------------------ */

const struct shop__order_line *shop__order_line_at(const shop_order_t *order, int32_t line) {
  return order == NULL ? NULL : shop__pack_at(order, &order->lines, line);
}

const struct shop__order_adjustment *shop__order_adjustment_at(const shop_order_t *order,
                                                               int32_t index) {
  return order == NULL ? NULL : shop__pack_at(order, &order->adjustments, index);
}

static const struct shop__order_event *event_at(const shop_order_t *order, int32_t index) {
  return order == NULL ? NULL : shop__pack_at(order, &order->events, index);
}

int64_t shop_order_id(const shop_order_t *order) {
  return order == NULL ? 0 : order->id;
}

const char *shop_order_number(const shop_order_t *order) {
  return order == NULL ? "" : order->number;
}

int64_t shop_order_user_id(const shop_order_t *order) {
  return order == NULL ? 0 : order->user_id;
}

int64_t shop_order_cart_id(const shop_order_t *order) {
  return order == NULL ? 0 : order->cart_id;
}

int32_t shop_order_status(const shop_order_t *order) {
  return order == NULL ? 0 : order->status;
}

int32_t shop_order_payment_status(const shop_order_t *order) {
  return order == NULL ? 0 : order->payment_status;
}

bool shop_order_needs_attention(const shop_order_t *order) {
  if (order == NULL)
    return false;
  for (int32_t i = 0; i < shop_order_operation_count(order); i++)
    if (shop_order_operation_state(order, i) == SHOP_OPERATION_UNKNOWN)
      return true;
  return order->attention != 0 || order->payment_status == SHOP_PAYMENT_UNKNOWN;
}

bool shop_order_has_mismatch(const shop_order_t *order) {
  return order != NULL && (order->attention & SHOP__ATTENTION_MISMATCH) != 0;
}

bool shop_order_has_late_money(const shop_order_t *order) {
  return order != NULL && (order->attention & SHOP__ATTENTION_LATE) != 0;
}

bool shop_order_has_contradiction(const shop_order_t *order) {
  return order != NULL && (order->attention & SHOP__ATTENTION_CONTRADICTION) != 0;
}

const char *shop_order_email(const shop_order_t *order) {
  return order == NULL ? "" : shop__pack_text_at(order, order->email);
}

const char *shop_order_language(const shop_order_t *order) {
  return order == NULL ? "" : shop__pack_text_at(order, order->language);
}

const char *shop_order_shipping_address(const shop_order_t *order) {
  return order == NULL ? "" : shop__pack_text_at(order, order->shipping_address);
}

const char *shop_order_billing_address(const shop_order_t *order) {
  return order == NULL ? "" : shop__pack_text_at(order, order->billing_address);
}

const char *shop_order_currency(const shop_order_t *order) {
  return order == NULL ? "" : order->currency;
}

int64_t shop_order_total_minor(const shop_order_t *order) {
  return order == NULL ? 0 : order->total_minor;
}

int64_t shop_order_captured_minor(const shop_order_t *order) {
  return order == NULL ? 0 : order->captured_minor;
}

int64_t shop_order_refunded_minor(const shop_order_t *order) {
  return order == NULL ? 0 : order->refunded_minor;
}

const char *shop_order_client_data(const shop_order_t *order) {
  return order == NULL ? "" : shop__pack_text_at(order, order->client_data);
}

const char *shop_order_captured_currency(const shop_order_t *order) {
  return order == NULL ? "" : order->captured_currency;
}

const char *shop_order_gateway_reference(const shop_order_t *order) {
  return order == NULL ? "" : shop__pack_text_at(order, order->reference);
}

int64_t shop_order_created_at_ms(const shop_order_t *order) {
  return order == NULL ? 0 : order->created_at_ms;
}

int64_t shop_order_placed_at_ms(const shop_order_t *order) {
  return order == NULL ? 0 : order->placed_at_ms;
}

const char *shop_order_note(const shop_order_t *order) {
  return order == NULL ? "" : shop__pack_text_at(order, order->note);
}

const char *shop_order_external_id(const shop_order_t *order) {
  return order == NULL ? "" : shop__pack_text_at(order, order->external_id);
}

int32_t shop_order_line_count(const shop_order_t *order) {
  return order == NULL ? 0 : (int32_t)order->lines.count;
}

const char *shop_order_line_sku(const shop_order_t *order, int32_t line) {
  const struct shop__order_line *at = shop__order_line_at(order, line);

  return at == NULL ? "" : shop__pack_text_at(order, at->sku);
}

const char *shop_order_line_name(const shop_order_t *order, int32_t line) {
  const struct shop__order_line *at = shop__order_line_at(order, line);

  return at == NULL ? "" : shop__pack_text_at(order, at->name);
}

int64_t shop_order_line_quantity(const shop_order_t *order, int32_t line) {
  const struct shop__order_line *at = shop__order_line_at(order, line);

  return at == NULL ? 0 : at->quantity;
}

int64_t shop_order_line_unit_price_minor(const shop_order_t *order, int32_t line) {
  const struct shop__order_line *at = shop__order_line_at(order, line);

  return at == NULL ? 0 : at->unit_price_minor;
}

int64_t shop_order_line_total_minor(const shop_order_t *order, int32_t line) {
  const struct shop__order_line *at = shop__order_line_at(order, line);

  return at == NULL ? 0 : at->total_minor;
}

int32_t shop_order_adjustment_count(const shop_order_t *order) {
  return order == NULL ? 0 : (int32_t)order->adjustments.count;
}

int32_t shop_order_adjustment_kind(const shop_order_t *order, int32_t index) {
  const struct shop__order_adjustment *at = shop__order_adjustment_at(order, index);

  return at == NULL ? 0 : at->kind;
}

const char *shop_order_adjustment_label(const shop_order_t *order, int32_t index) {
  const struct shop__order_adjustment *at = shop__order_adjustment_at(order, index);

  return at == NULL ? "" : shop__pack_text_at(order, at->label);
}

int64_t shop_order_adjustment_amount_minor(const shop_order_t *order, int32_t index) {
  const struct shop__order_adjustment *at = shop__order_adjustment_at(order, index);

  return at == NULL ? 0 : at->amount_minor;
}

static const struct shop__order_operation *operation_at(const shop_order_t *order,
                                                        int32_t index) {
  return order == NULL ? NULL : shop__pack_at(order, &order->operations, index);
}

const struct shop__order_operation *shop__order_operation_by_id(const shop_order_t *order,
                                                                int64_t operation_id) {
  for (int32_t i = 0; i < shop_order_operation_count(order); i++)
    if (operation_at(order, i)->id == operation_id)
      return operation_at(order, i);
  return NULL;
}

int32_t shop_order_operation_count(const shop_order_t *order) {
  return order == NULL ? 0 : (int32_t)order->operations.count;
}

int32_t shop_order_operation_kind(const shop_order_t *order, int32_t index) {
  const struct shop__order_operation *at = operation_at(order, index);

  return at == NULL ? 0 : at->kind;
}

int32_t shop_order_operation_state(const shop_order_t *order, int32_t index) {
  const struct shop__order_operation *at = operation_at(order, index);

  return at == NULL ? 0 : at->state;
}

const char *shop_order_operation_key(const shop_order_t *order, int32_t index) {
  const struct shop__order_operation *at = operation_at(order, index);

  return at == NULL ? "" : shop__pack_text_at(order, at->key);
}

const char *shop_order_operation_method(const shop_order_t *order, int32_t index) {
  const struct shop__order_operation *at = operation_at(order, index);

  return at == NULL ? "" : shop__pack_text_at(order, at->method);
}

int64_t shop_order_operation_amount_minor(const shop_order_t *order, int32_t index) {
  const struct shop__order_operation *at = operation_at(order, index);

  return at == NULL ? 0 : at->amount_minor;
}

const char *shop_order_operation_currency(const shop_order_t *order, int32_t index) {
  const struct shop__order_operation *at = operation_at(order, index);

  return at == NULL ? "" : at->currency;
}

const char *shop_order_operation_reference(const shop_order_t *order, int32_t index) {
  const struct shop__order_operation *at = operation_at(order, index);

  return at == NULL ? "" : shop__pack_text_at(order, at->reference);
}

int32_t shop_order_event_count(const shop_order_t *order) {
  return order == NULL ? 0 : (int32_t)order->events.count;
}

const char *shop_order_event_name(const shop_order_t *order, int32_t index) {
  const struct shop__order_event *at = event_at(order, index);

  return at == NULL ? "" : shop__pack_text_at(order, at->name);
}

int64_t shop_order_event_at_ms(const shop_order_t *order, int32_t index) {
  const struct shop__order_event *at = event_at(order, index);

  return at == NULL ? 0 : at->at_ms;
}

int32_t shop_order_event_actor(const shop_order_t *order, int32_t index) {
  const struct shop__order_event *at = event_at(order, index);

  return at == NULL ? 0 : at->actor;
}

const char *shop_order_event_before(const shop_order_t *order, int32_t index) {
  const struct shop__order_event *at = event_at(order, index);

  return at == NULL ? "" : shop__pack_text_at(order, at->before);
}

const char *shop_order_event_after(const shop_order_t *order, int32_t index) {
  const struct shop__order_event *at = event_at(order, index);

  return at == NULL ? "" : shop__pack_text_at(order, at->after);
}

const char *shop_order_event_detail(const shop_order_t *order, int32_t index) {
  const struct shop__order_event *at = event_at(order, index);

  return at == NULL ? "" : shop__pack_text_at(order, at->detail);
}

void shop_order_free(shop_order_t *order) {
  shop__memory_free(order);
}
