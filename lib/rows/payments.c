/* Rows of payments, and of what was asked of the gateway for them. */
#include "rows_parts.h"

static const char PAYMENT_INSERT[] =
    "INSERT INTO payments (order_id, state, attention, amount_minor, currency, captured_minor,"
    " refunded_minor, held_since_ms, created_at_ms, updated_at_ms)"
    " VALUES ($1, $2, 0, $3, $4, 0, 0, $5, $5, $5)";
static const char PAYMENT_UPDATE[] =
    "UPDATE payments SET state = $2, attention = $3, captured_minor = $4, refunded_minor = $5,"
    " captured_currency = $6, reference = $7, held_since_ms = $8, client_data = $9,"
    " updated_at_ms = $10 WHERE order_id = $1";

#define OPERATION_COLUMNS                                                                         \
  "n.id, n.order_id, n.kind, n.state, n.cancels, n.amount_minor, n.currency, n.method,"           \
  " n.created_at_ms, n.lease_start_ms, n.lease_length_ms, n.reference, o.number, o.email,"        \
  " p.reference, p.state, p.held_since_ms, n.key, n.moved_minor"                                                    \
  " FROM operations n JOIN orders o ON o.id = n.order_id"                                         \
  " JOIN payments p ON p.order_id = n.order_id "

static const char OPERATION_INSERT[] =
    "INSERT INTO operations (id, order_id, kind, state, cancels, amount_minor, currency, method,"
    " created_at_ms, lease_start_ms, lease_length_ms, key, moved_minor)"
    " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, 0)";
static const char OPERATION_GET[] = "SELECT " OPERATION_COLUMNS "WHERE n.id = $1";
static const char OPERATION_BY_REFERENCE[] =
    "SELECT " OPERATION_COLUMNS "WHERE n.reference = $1 ORDER BY n.id LIMIT 1";
static const char OPERATION_NEWEST[] =
    "SELECT " OPERATION_COLUMNS "WHERE n.order_id = $1 AND ($2 = 0 OR n.kind = $2)"
    " ORDER BY n.id DESC LIMIT 1";
static const char OPERATIONS_EACH[] =
    "SELECT " OPERATION_COLUMNS "WHERE n.order_id = $1 ORDER BY n.id";
/* A lease is a start and a length: one that starts in the future has expired,
   for the clock went back. Who was asked the longest time ago comes first, so
   that those which stay open for long never stand before the others. */
static const char OPERATION_NEXT_DUE[] =
    "SELECT " OPERATION_COLUMNS "WHERE n.state IN (1, 4)"
    " AND ((n.lease_start_ms < $1 AND n.lease_start_ms + n.lease_length_ms <= $2)"
    " OR $2 < n.lease_start_ms) AND (n.lease_start_ms, n.id) > ($3, $4)"
    " ORDER BY n.lease_start_ms, n.id LIMIT 1";
static const char OPERATION_SET_STATE[] =
    "UPDATE operations SET state = $2, reference = COALESCE($3, reference), moved_minor = $4"
    " WHERE id = $1";
static const char OPERATION_SET_LEASE[] =
    "UPDATE operations SET lease_start_ms = $2, lease_length_ms = $3 WHERE id = $1";
static const char RETURN_INSERT[] =
    "INSERT INTO operation_returns (operation_id, product_id, quantity) VALUES ($1, $2, $3)";
static const char RETURNS_EACH[] =
    "SELECT product_id, quantity FROM operation_returns WHERE operation_id = $1"
    " ORDER BY product_id";

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

int32_t shop__payment_update(shop__tx_t *tx, const struct shop__payment_row *row,
                             int64_t now_ms) {
  shop__query_t *q = shop__query(tx, PAYMENT_UPDATE);

  shop__query_int(q, 1, row->order_id);
  shop__query_int(q, 2, row->state);
  shop__query_int(q, 3, row->attention);
  shop__query_int(q, 4, row->captured_minor);
  shop__query_int(q, 5, row->refunded_minor);
  shop__query_text(q, 6, row->captured_currency);
  shop__query_text(q, 7, row->reference);
  shop__query_int(q, 8, row->held_since_ms);
  shop__query_text(q, 9, row->client_data);
  shop__query_int(q, 10, now_ms);
  return shop__query_run(q, NULL);
}

/* ---- operations ------------------------------------------------------------------- */

static void read_operation(shop__query_t *q, struct shop__operation_row *row) {
  *row = (struct shop__operation_row){
      .id = shop__query_get_int(q, 0),
      .order_id = shop__query_get_int(q, 1),
      .kind = (int32_t)shop__query_get_int(q, 2),
      .state = (int32_t)shop__query_get_int(q, 3),
      .cancels = shop__query_get_int(q, 4) != 0,
      .amount_minor = shop__query_get_int(q, 5),
      .currency = shop__query_get_text(q, 6),
      .method = shop__query_get_text(q, 7),
      .created_at_ms = shop__query_get_int(q, 8),
      .lease_start_ms = shop__query_get_int(q, 9),
      .lease_length_ms = shop__query_get_int(q, 10),
      .reference = shop__query_get_text(q, 11),
      .order_number = shop__query_get_text(q, 12),
      .email = shop__query_get_text(q, 13),
      .payment_reference = shop__query_get_text(q, 14),
      .payment_state = (int32_t)shop__query_get_int(q, 15),
      .held_since_ms = shop__query_get_int(q, 16),
      .key = shop__query_get_text(q, 17),
      .moved_minor = shop__query_get_int(q, 18),
  };
}

static int32_t first_operation(shop__query_t *q, struct shop__operation_row *row, bool *found) {
  int32_t status = shop__rows_first(q, found);

  if (status == SHOP_OK && *found)
    read_operation(q, row);
  return status;
}

int32_t shop__operation_insert(shop__tx_t *tx, const struct shop__operation_row *row) {
  shop__query_t *q = shop__query(tx, OPERATION_INSERT);

  shop__query_int(q, 1, row->id);
  shop__query_int(q, 2, row->order_id);
  shop__query_int(q, 3, row->kind);
  shop__query_int(q, 4, row->state);
  shop__query_int(q, 5, row->cancels);
  shop__query_int(q, 6, row->amount_minor);
  shop__query_text(q, 7, row->currency);
  shop__query_text(q, 8, row->method);
  shop__query_int(q, 9, row->created_at_ms);
  shop__query_int(q, 10, row->lease_start_ms);
  shop__query_int(q, 11, row->lease_length_ms);
  shop__query_text(q, 12, row->key);
  return shop__query_run(q, NULL);
}

int32_t shop__operation_get(shop__tx_t *tx, int64_t id, struct shop__operation_row *row,
                            bool *found) {
  shop__query_t *q = shop__query(tx, OPERATION_GET);

  shop__query_int(q, 1, id);
  return first_operation(q, row, found);
}

int32_t shop__operation_by_reference(shop__tx_t *tx, const char *reference,
                                     struct shop__operation_row *row, bool *found) {
  shop__query_t *q = shop__query(tx, OPERATION_BY_REFERENCE);

  shop__query_text(q, 1, reference);
  return first_operation(q, row, found);
}

int32_t shop__operation_newest(shop__tx_t *tx, int64_t order_id, int32_t kind,
                               struct shop__operation_row *row, bool *found) {
  shop__query_t *q = shop__query(tx, OPERATION_NEWEST);

  shop__query_int(q, 1, order_id);
  shop__query_int(q, 2, kind);
  return first_operation(q, row, found);
}

int32_t shop__operation_next_due(shop__tx_t *tx, int64_t began_ms, int64_t now_ms,
                                 const struct shop__operation_row *after,
                                 struct shop__operation_row *row, bool *found) {
  shop__query_t *q = shop__query(tx, OPERATION_NEXT_DUE);

  shop__query_int(q, 1, began_ms);
  shop__query_int(q, 2, now_ms);
  shop__query_int(q, 3, after->lease_start_ms);
  shop__query_int(q, 4, after->id);
  return first_operation(q, row, found);
}

shop__query_t *shop__operations_each(shop__tx_t *tx, int64_t order_id) {
  shop__query_t *q = shop__query(tx, OPERATIONS_EACH);

  shop__query_int(q, 1, order_id);
  return q;
}

int32_t shop__operations_next(shop__query_t *q, struct shop__operation_row *row) {
  int32_t status = shop__query_step(q);

  if (status == SHOP__ROW)
    read_operation(q, row);
  return status;
}

int32_t shop__operation_set_state(shop__tx_t *tx, int64_t id, int32_t state,
                                  const char *reference, int64_t moved_minor) {
  shop__query_t *q = shop__query(tx, OPERATION_SET_STATE);

  shop__query_int(q, 1, id);
  shop__query_int(q, 2, state);
  shop__query_text(q, 3, reference);
  shop__query_int(q, 4, moved_minor);
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

/* ---- what comes back with an operation ------------------------------------------------ */

int32_t shop__operation_return_insert(shop__tx_t *tx, int64_t operation_id, int64_t product_id,
                                      int64_t quantity) {
  shop__query_t *q = shop__query(tx, RETURN_INSERT);

  shop__query_int(q, 1, operation_id);
  shop__query_int(q, 2, product_id);
  shop__query_int(q, 3, quantity);
  return shop__query_run(q, NULL);
}

shop__query_t *shop__operation_returns_each(shop__tx_t *tx, int64_t operation_id) {
  shop__query_t *q = shop__query(tx, RETURNS_EACH);

  shop__query_int(q, 1, operation_id);
  return q;
}

int32_t shop__operation_returns_next(shop__query_t *q, struct shop__return_row *row) {
  int32_t status = shop__query_step(q);

  if (status == SHOP__ROW)
    *row = (struct shop__return_row){.product_id = shop__query_get_int(q, 0),
                                     .quantity = shop__query_get_int(q, 1)};
  return status;
}
