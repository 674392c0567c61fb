/* Rows of orders, their lines and adjustments. */
#include "rows_parts.h"

#define ORDER_COLUMNS                                                                             \
  "o.id, o.number, o.user_id, o.cart_id, o.status, o.currency, o.total_minor, o.created_at_ms,"   \
  " o.placed_at_ms, o.email, o.email_key, o.external_id, o.shipping_address, o.billing_address,"  \
  " o.note, p.state, p.attention, p.captured_minor, p.refunded_minor,"  \
  " p.captured_currency, p.reference, p.client_data, p.amount_minor, p.currency, p.held_since_ms,"\
  " o.language"
#define ORDER_SOURCE " FROM orders o LEFT JOIN payments p ON p.order_id = o.id "
#define ORDER_PAGE "o.id < $2 ORDER BY o.id DESC LIMIT $3"

static const char ORDER_BY_ID[] = "SELECT " ORDER_COLUMNS ORDER_SOURCE "WHERE o.id = $1";
static const char ORDER_BY_NUMBER[] = "SELECT " ORDER_COLUMNS ORDER_SOURCE "WHERE o.number = $1";
static const char ORDER_BY_REFERENCE[] =
    "SELECT " ORDER_COLUMNS " FROM payments p JOIN orders o ON o.id = p.order_id"
    " WHERE p.reference = $1 ORDER BY o.id LIMIT 1";
static const char ORDERS_OF_USER[] =
    "SELECT " ORDER_COLUMNS ORDER_SOURCE "WHERE o.user_id = $1 AND " ORDER_PAGE;
static const char ORDERS_OF_EMAIL[] =
    "SELECT " ORDER_COLUMNS ORDER_SOURCE "WHERE o.email_key = $1 AND " ORDER_PAGE;
/* Placed orders are nearly all of them: walked by id. The others are few: the
   term `status <> 2` lets their own index serve. */
static const char ORDERS_PLACED[] =
    "SELECT " ORDER_COLUMNS ORDER_SOURCE "WHERE o.status = $1 AND " ORDER_PAGE;
static const char ORDERS_NOT_PLACED[] =
    "SELECT " ORDER_COLUMNS ORDER_SOURCE "WHERE o.status <> 2 AND o.status = $1 AND " ORDER_PAGE;
/* Each half is written so that its partial index serves: few orders are ever here. */
static const char ORDERS_IN_ATTENTION[] =
    "SELECT " ORDER_COLUMNS " FROM payments p JOIN orders o ON o.id = p.order_id"
    " WHERE p.order_id IN (SELECT order_id FROM payments WHERE attention <> 0 OR state = 3"
    " UNION SELECT order_id FROM operations WHERE state IN (1, 4) AND state = 4)"
    " AND p.order_id < $1 ORDER BY p.order_id DESC LIMIT $2";
static const char ORDERS_ANY[] =
    "SELECT " ORDER_COLUMNS ORDER_SOURCE "WHERE o.id < $1 ORDER BY o.id DESC LIMIT $2";
static const char ORDER_INSERT[] =
    "INSERT INTO orders (id, number, user_id, cart_id, status, currency, total_minor,"
    " created_at_ms, updated_at_ms, placed_at_ms, email, email_key, shipping_address,"
    " billing_address, language) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $8, $9, $10, $11, $12,"
    " $13, $14)"
    " ON CONFLICT (number) DO NOTHING";
static const char ORDER_SET_STATUS[] =
    "UPDATE orders SET status = $2, placed_at_ms = $3, updated_at_ms = $4 WHERE id = $1";
static const char ORDER_SET_METADATA[] =
    "UPDATE orders SET note = $2, external_id = $3, updated_at_ms = $4 WHERE number = $1";
static const char LINE_INSERT[] =
    "INSERT INTO order_lines (order_id, position, product_id, quantity, unit_price_minor,"
    " total_minor, sku, name) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
static const char LINES_EACH[] =
    "SELECT product_id, quantity, unit_price_minor, total_minor, sku, name FROM order_lines"
    " WHERE order_id = $1 ORDER BY position";
static const char ADJUSTMENT_INSERT[] =
    "INSERT INTO order_adjustments (order_id, position, kind, amount_minor, label)"
    " VALUES ($1, $2, $3, $4, $5)";
static const char ADJUSTMENTS_EACH[] =
    "SELECT kind, amount_minor, label FROM order_adjustments"
    " WHERE order_id = $1 ORDER BY position";

static void read_order(shop__query_t *q, struct shop__order_row *row) {
  *row = (struct shop__order_row){
      .id = shop__query_get_int(q, 0),
      .number = shop__query_get_text(q, 1),
      .user_id = shop__query_get_int(q, 2),
      .cart_id = shop__query_get_int(q, 3),
      .status = (int32_t)shop__query_get_int(q, 4),
      .currency = shop__query_get_text(q, 5),
      .total_minor = shop__query_get_int(q, 6),
      .created_at_ms = shop__query_get_int(q, 7),
      .placed_at_ms = shop__query_get_int(q, 8),
      .email = shop__query_get_text(q, 9),
      .email_key = shop__query_get_text(q, 10),
      .language = shop__query_get_text(q, 25),
      .external_id = shop__query_get_text(q, 11),
      .shipping_address = shop__query_get_text(q, 12),
      .billing_address = shop__query_get_text(q, 13),
      .note = shop__query_get_text(q, 14),
      .payment =
          {
              .order_id = shop__query_get_int(q, 0),
              .state = (int32_t)shop__query_get_int(q, 15),
              .attention = (int32_t)shop__query_get_int(q, 16),
              .amount_minor = shop__query_get_int(q, 22),
              .currency = shop__query_get_text(q, 23),
              .captured_minor = shop__query_get_int(q, 17),
              .refunded_minor = shop__query_get_int(q, 18),
              .captured_currency = shop__query_get_text(q, 19),
              .reference = shop__query_get_text(q, 20),
              .held_since_ms = shop__query_get_int(q, 24),
              .client_data = shop__query_get_text(q, 21),
          },
  };
}

static int32_t read_one(shop__query_t *q, struct shop__order_row *row, bool *found) {
  int32_t status = shop__rows_first(q, found);

  if (status == SHOP_OK && *found)
    read_order(q, row);
  return status;
}

int32_t shop__order_by_id(shop__tx_t *tx, int64_t id, struct shop__order_row *row, bool *found) {
  shop__query_t *q = shop__query(tx, ORDER_BY_ID);

  shop__query_int(q, 1, id);
  return read_one(q, row, found);
}

int32_t shop__order_by_number(shop__tx_t *tx, const char *number, struct shop__order_row *row,
                              bool *found) {
  shop__query_t *q = shop__query(tx, ORDER_BY_NUMBER);

  shop__query_text(q, 1, number);
  return read_one(q, row, found);
}

int32_t shop__order_by_reference(shop__tx_t *tx, const char *reference,
                                 struct shop__order_row *row, bool *found) {
  shop__query_t *q = shop__query(tx, ORDER_BY_REFERENCE);

  shop__query_text(q, 1, reference);
  return read_one(q, row, found);
}

shop__query_t *shop__orders_each_of_user(shop__tx_t *tx, int64_t user_id, int64_t before_id,
                                         int32_t limit) {
  shop__query_t *q = shop__query(tx, ORDERS_OF_USER);

  shop__query_int(q, 1, user_id);
  shop__query_int(q, 2, before_id);
  shop__query_int(q, 3, limit);
  return q;
}

shop__query_t *shop__orders_each_of_email(shop__tx_t *tx, const char *email_key,
                                          int64_t before_id, int32_t limit) {
  shop__query_t *q = shop__query(tx, ORDERS_OF_EMAIL);

  shop__query_text(q, 1, email_key);
  shop__query_int(q, 2, before_id);
  shop__query_int(q, 3, limit);
  return q;
}

shop__query_t *shop__orders_each_of_status(shop__tx_t *tx, int32_t status, int64_t before_id,
                                           int32_t limit) {
  shop__query_t *q =
      shop__query(tx, status == SHOP_ORDER_PLACED ? ORDERS_PLACED : ORDERS_NOT_PLACED);

  shop__query_int(q, 1, status);
  shop__query_int(q, 2, before_id);
  shop__query_int(q, 3, limit);
  return q;
}

shop__query_t *shop__orders_each_in_attention(shop__tx_t *tx, int64_t before_id, int32_t limit) {
  shop__query_t *q = shop__query(tx, ORDERS_IN_ATTENTION);

  shop__query_int(q, 1, before_id);
  shop__query_int(q, 2, limit);
  return q;
}

shop__query_t *shop__orders_each_any(shop__tx_t *tx, int64_t before_id, int32_t limit) {
  shop__query_t *q = shop__query(tx, ORDERS_ANY);

  shop__query_int(q, 1, before_id);
  shop__query_int(q, 2, limit);
  return q;
}

int32_t shop__orders_next(shop__query_t *q, struct shop__order_row *row) {
  int32_t status = shop__query_step(q);

  if (status == SHOP__ROW)
    read_order(q, row);
  return status;
}

int32_t shop__order_insert(shop__tx_t *tx, const struct shop__order_row *row, bool *inserted) {
  shop__query_t *q = shop__query(tx, ORDER_INSERT);

  shop__query_int(q, 1, row->id);
  shop__query_text(q, 2, row->number);
  shop__query_int(q, 3, row->user_id);
  shop__query_int(q, 4, row->cart_id);
  shop__query_int(q, 5, row->status);
  shop__query_text(q, 6, row->currency);
  shop__query_int(q, 7, row->total_minor);
  shop__query_int(q, 8, row->created_at_ms);
  shop__rows_bind_optional(q, 9, row->placed_at_ms);
  shop__query_text(q, 10, row->email);
  shop__query_text(q, 11, row->email_key);
  shop__query_text(q, 12, row->shipping_address);
  shop__query_text(q, 13, row->billing_address);
  shop__query_text(q, 14, row->language);
  return shop__rows_change(q, inserted);
}

int32_t shop__order_set_status(shop__tx_t *tx, int64_t id, int32_t status, int64_t placed_at_ms,
                               int64_t now_ms) {
  shop__query_t *q = shop__query(tx, ORDER_SET_STATUS);

  shop__query_int(q, 1, id);
  shop__query_int(q, 2, status);
  shop__rows_bind_optional(q, 3, placed_at_ms);
  shop__query_int(q, 4, now_ms);
  return shop__query_run(q, NULL);
}

int32_t shop__order_update_metadata(shop__tx_t *tx, const char *number, const char *note,
                                    const char *external_id, int64_t now_ms, bool *found) {
  shop__query_t *q = shop__query(tx, ORDER_SET_METADATA);

  shop__query_text(q, 1, number);
  shop__query_text(q, 2, note);
  shop__query_text(q, 3, external_id);
  shop__query_int(q, 4, now_ms);
  return shop__rows_change(q, found);
}

int32_t shop__order_line_insert(shop__tx_t *tx, int64_t order_id, int64_t position,
                                const struct shop__order_line_row *row) {
  shop__query_t *q = shop__query(tx, LINE_INSERT);

  shop__query_int(q, 1, order_id);
  shop__query_int(q, 2, position);
  shop__query_int(q, 3, row->product_id);
  shop__query_int(q, 4, row->quantity);
  shop__query_int(q, 5, row->unit_price_minor);
  shop__query_int(q, 6, row->total_minor);
  shop__query_text(q, 7, row->sku);
  shop__query_text(q, 8, row->name);
  return shop__query_run(q, NULL);
}

shop__query_t *shop__order_lines_each(shop__tx_t *tx, int64_t order_id) {
  shop__query_t *q = shop__query(tx, LINES_EACH);

  shop__query_int(q, 1, order_id);
  return q;
}

int32_t shop__order_lines_next(shop__query_t *q, struct shop__order_line_row *row) {
  int32_t status = shop__query_step(q);

  if (status == SHOP__ROW)
    *row = (struct shop__order_line_row){
        .product_id = shop__query_get_int(q, 0),
        .quantity = shop__query_get_int(q, 1),
        .unit_price_minor = shop__query_get_int(q, 2),
        .total_minor = shop__query_get_int(q, 3),
        .sku = shop__query_get_text(q, 4),
        .name = shop__query_get_text(q, 5),
    };
  return status;
}

int32_t shop__adjustment_insert(shop__tx_t *tx, int64_t order_id, int64_t position,
                                const struct shop__adjustment_row *row) {
  shop__query_t *q = shop__query(tx, ADJUSTMENT_INSERT);

  shop__query_int(q, 1, order_id);
  shop__query_int(q, 2, position);
  shop__query_int(q, 3, row->kind);
  shop__query_int(q, 4, row->amount_minor);
  shop__query_text(q, 5, row->label);
  return shop__query_run(q, NULL);
}

shop__query_t *shop__adjustments_each(shop__tx_t *tx, int64_t order_id) {
  shop__query_t *q = shop__query(tx, ADJUSTMENTS_EACH);

  shop__query_int(q, 1, order_id);
  return q;
}

int32_t shop__adjustments_next(shop__query_t *q, struct shop__adjustment_row *row) {
  int32_t status = shop__query_step(q);

  if (status == SHOP__ROW)
    *row = (struct shop__adjustment_row){
        .kind = (int32_t)shop__query_get_int(q, 0),
        .amount_minor = shop__query_get_int(q, 1),
        .label = shop__query_get_text(q, 2),
    };
  return status;
}
