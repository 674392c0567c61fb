/* Rows of payments, and of what was asked of the gateway for them. */
#include "rows_parts.h"

static const char PAYMENT_INSERT[] =
    "INSERT INTO payments (order_id, state, attention, amount_minor, currency, captured_minor,"
    " created_at_ms, updated_at_ms) VALUES ($1, $2, 0, $3, $4, 0, $5, $5)";
static const char PAYMENT_GET[] =
    "SELECT order_id, state, attention, amount_minor, currency, captured_minor,"
    " captured_currency, reference FROM payments WHERE order_id = $1";
static const char PAYMENT_UPDATE[] =
    "UPDATE payments SET state = $2, attention = $3, captured_minor = $4, captured_currency = $5,"
    " reference = $6, updated_at_ms = $7 WHERE order_id = $1";

#define OPERATION_COLUMNS                                                                         \
  "n.id, n.order_id, n.kind, n.state, n.amount_minor, n.currency, n.method, n.created_at_ms,"     \
  " n.lease_start_ms, n.lease_length_ms, o.number, o.email, p.reference"                          \
  " FROM operations n JOIN orders o ON o.id = n.order_id JOIN payments p ON p.order_id = n.order_id "

static const char OPERATION_INSERT[] =
    "INSERT INTO operations (id, order_id, kind, state, amount_minor, currency, method,"
    " created_at_ms, lease_start_ms, lease_length_ms)"
    " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)";
static const char OPERATION_GET[] = "SELECT " OPERATION_COLUMNS "WHERE n.id = $1";
/* A lease is a start and a length: one that starts in the future has expired,
   for the clock went back. Who was asked the longest time ago comes first, so
   that those which stay open for long never stand before the others. */
static const char OPERATION_NEXT_DUE[] =
    "SELECT " OPERATION_COLUMNS "WHERE n.state IN (1, 4)"
    " AND ((n.lease_start_ms < $1 AND n.lease_start_ms + n.lease_length_ms <= $2)"
    " OR $2 < n.lease_start_ms) ORDER BY n.lease_start_ms, n.id LIMIT 1";
static const char OPERATION_SET_STATE[] = "UPDATE operations SET state = $2 WHERE id = $1";
static const char OPERATION_SET_LEASE[] =
    "UPDATE operations SET lease_start_ms = $2, lease_length_ms = $3 WHERE id = $1";

int32_t shop__payment_insert(shop__tx_t *tx, const struct shop__payment_row *row,
                             int64_t now_ms) {
  shop__query_t *q = shop__query(tx, PAYMENT_INSERT);

  shop__query_int(q, 1, row->order_id);
  shop__query_int(q, 2, row->state);
  shop__query_int(q, 3, row->amount_minor);
  shop__query_text(q, 4, row->currency);
  shop__query_int(q, 5, now_ms);
  return shop__query_run(q, NULL);
}

int32_t shop__payment_get(shop__tx_t *tx, int64_t order_id, struct shop__payment_row *row,
                          bool *found) {
  shop__query_t *q = shop__query(tx, PAYMENT_GET);
  int32_t status;

  shop__query_int(q, 1, order_id);
  status = shop__rows_first(q, found);
  if (status == SHOP_OK && *found)
    *row = (struct shop__payment_row){
        .order_id = shop__query_get_int(q, 0),
        .state = (int32_t)shop__query_get_int(q, 1),
        .attention = (int32_t)shop__query_get_int(q, 2),
        .amount_minor = shop__query_get_int(q, 3),
        .currency = shop__query_get_text(q, 4),
        .captured_minor = shop__query_get_int(q, 5),
        .captured_currency = shop__query_get_text(q, 6),
        .reference = shop__query_get_text(q, 7),
    };
  return status;
}

int32_t shop__payment_update(shop__tx_t *tx, const struct shop__payment_row *row,
                             int64_t now_ms) {
  shop__query_t *q = shop__query(tx, PAYMENT_UPDATE);

  shop__query_int(q, 1, row->order_id);
  shop__query_int(q, 2, row->state);
  shop__query_int(q, 3, row->attention);
  shop__query_int(q, 4, row->captured_minor);
  shop__query_text(q, 5, row->captured_currency);
  shop__query_text(q, 6, row->reference);
  shop__query_int(q, 7, now_ms);
  return shop__query_run(q, NULL);
}

static int32_t read_operation(shop__query_t *q, struct shop__operation_row *row, bool *found) {
  int32_t status = shop__rows_first(q, found);

  if (status == SHOP_OK && *found)
    *row = (struct shop__operation_row){
        .id = shop__query_get_int(q, 0),
        .order_id = shop__query_get_int(q, 1),
        .kind = (int32_t)shop__query_get_int(q, 2),
        .state = (int32_t)shop__query_get_int(q, 3),
        .amount_minor = shop__query_get_int(q, 4),
        .currency = shop__query_get_text(q, 5),
        .method = shop__query_get_text(q, 6),
        .created_at_ms = shop__query_get_int(q, 7),
        .lease_start_ms = shop__query_get_int(q, 8),
        .lease_length_ms = shop__query_get_int(q, 9),
        .order_number = shop__query_get_text(q, 10),
        .email = shop__query_get_text(q, 11),
        .reference = shop__query_get_text(q, 12),
    };
  return status;
}

int32_t shop__operation_insert(shop__tx_t *tx, const struct shop__operation_row *row) {
  shop__query_t *q = shop__query(tx, OPERATION_INSERT);

  shop__query_int(q, 1, row->id);
  shop__query_int(q, 2, row->order_id);
  shop__query_int(q, 3, row->kind);
  shop__query_int(q, 4, row->state);
  shop__query_int(q, 5, row->amount_minor);
  shop__query_text(q, 6, row->currency);
  shop__query_text(q, 7, row->method);
  shop__query_int(q, 8, row->created_at_ms);
  shop__query_int(q, 9, row->lease_start_ms);
  shop__query_int(q, 10, row->lease_length_ms);
  return shop__query_run(q, NULL);
}

int32_t shop__operation_get(shop__tx_t *tx, int64_t id, struct shop__operation_row *row,
                            bool *found) {
  shop__query_t *q = shop__query(tx, OPERATION_GET);

  shop__query_int(q, 1, id);
  return read_operation(q, row, found);
}

int32_t shop__operation_next_due(shop__tx_t *tx, int64_t began_ms, int64_t now_ms,
                                 struct shop__operation_row *row, bool *found) {
  shop__query_t *q = shop__query(tx, OPERATION_NEXT_DUE);

  shop__query_int(q, 1, began_ms);
  shop__query_int(q, 2, now_ms);
  return read_operation(q, row, found);
}

int32_t shop__operation_set_state(shop__tx_t *tx, int64_t id, int32_t state) {
  shop__query_t *q = shop__query(tx, OPERATION_SET_STATE);

  shop__query_int(q, 1, id);
  shop__query_int(q, 2, state);
  return shop__query_run(q, NULL);
}

int32_t shop__operation_set_lease(shop__tx_t *tx, int64_t id, int64_t start_ms,
                                  int64_t length_ms) {
  shop__query_t *q = shop__query(tx, OPERATION_SET_LEASE);

  shop__query_int(q, 1, id);
  shop__query_int(q, 2, start_ms);
  shop__query_int(q, 3, length_ms);
  return shop__query_run(q, NULL);
}
