/* Rows of what has happened to an order. */
#include "rows_parts.h"

static const char EVENT_INSERT[] =
    "INSERT INTO events (id, order_id, at_ms, name, detail) VALUES ($1, $2, $3, $4, $5)";
static const char EVENTS_EACH[] =
    "SELECT at_ms, name, detail FROM events WHERE order_id = $1 ORDER BY id";

int32_t shop__event_insert(shop__tx_t *tx, int64_t order_id, int64_t at_ms, const char *name,
                           const char *detail) {
  int64_t id = 0;
  int32_t status = shop__tx_id(tx, &id);
  shop__query_t *q;

  if (status != SHOP_OK)
    return status;
  q = shop__query(tx, EVENT_INSERT);
  shop__query_int(q, 1, id);
  shop__query_int(q, 2, order_id);
  shop__query_int(q, 3, at_ms);
  shop__query_text(q, 4, name);
  if (detail != NULL && detail[0] != '\0')
    shop__query_text(q, 5, detail);
  return shop__query_run(q, NULL);
}

shop__query_t *shop__events_each(shop__tx_t *tx, int64_t order_id) {
  shop__query_t *q = shop__query(tx, EVENTS_EACH);

  shop__query_int(q, 1, order_id);
  return q;
}

int32_t shop__events_next(shop__query_t *q, struct shop__event_row *row) {
  int32_t status = shop__query_step(q);

  if (status == SHOP__ROW)
    *row = (struct shop__event_row){
        .at_ms = shop__query_get_int(q, 0),
        .name = shop__query_get_text(q, 1),
        .detail = shop__query_get_text(q, 2),
    };
  return status;
}
