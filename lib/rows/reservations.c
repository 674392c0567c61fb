/* Rows of stock that belongs to an order. */
#include "rows_parts.h"

static const char RESERVATION_INSERT[] =
    "INSERT INTO reservations (order_id, product_id, quantity, state) VALUES ($1, $2, $3, 1)";
static const char RESERVATIONS_EACH[] =
    "SELECT product_id, quantity, state, returned FROM reservations WHERE order_id = $1 ORDER BY product_id";
static const char RESERVATION_RETURN[] =
    "UPDATE reservations SET returned = returned + $3"
    " WHERE order_id = $1 AND product_id = $2 AND state = 2 AND returned + $3 <= quantity";
static const char RESERVATIONS_SETTLE[] =
    "UPDATE reservations SET state = $2 WHERE order_id = $1 AND state = 1";

int32_t shop__reservation_insert(shop__tx_t *tx, int64_t order_id, int64_t product_id,
                                 int64_t quantity) {
  shop__query_t *q = shop__query(tx, RESERVATION_INSERT);

  shop__query_int(q, 1, order_id);
  shop__query_int(q, 2, product_id);
  shop__query_int(q, 3, quantity);
  return shop__query_run(q, NULL);
}

shop__query_t *shop__reservations_each(shop__tx_t *tx, int64_t order_id) {
  shop__query_t *q = shop__query(tx, RESERVATIONS_EACH);

  shop__query_int(q, 1, order_id);
  return q;
}

int32_t shop__reservations_next(shop__query_t *q, struct shop__reservation_row *row) {
  int32_t status = shop__query_step(q);

  if (status == SHOP__ROW)
    *row = (struct shop__reservation_row){
        .product_id = shop__query_get_int(q, 0),
        .quantity = shop__query_get_int(q, 1),
        .state = (int32_t)shop__query_get_int(q, 2),
        .returned = shop__query_get_int(q, 3),
    };
  return status;
}

int32_t shop__reservations_settle(shop__tx_t *tx, int64_t order_id, int32_t state) {
  shop__query_t *q = shop__query(tx, RESERVATIONS_SETTLE);

  shop__query_int(q, 1, order_id);
  shop__query_int(q, 2, state);
  return shop__query_run(q, NULL);
}

int32_t shop__reservation_return(shop__tx_t *tx, int64_t order_id, int64_t product_id,
                                 int64_t quantity, bool *enough) {
  shop__query_t *q = shop__query(tx, RESERVATION_RETURN);

  shop__query_int(q, 1, order_id);
  shop__query_int(q, 2, product_id);
  shop__query_int(q, 3, quantity);
  return shop__rows_change(q, enough);
}
