/* Rows of what has happened. They are only ever added, until they are pruned. */
#include "rows_parts.h"

#define EVENT_COLUMNS "id, at_ms, actor, user_id, order_id, name, before, after, detail"

static const char EVENT_INSERT[] =
    "INSERT INTO events (" EVENT_COLUMNS ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
static const char EVENTS_OF_ORDER[] =
    "SELECT " EVENT_COLUMNS " FROM events WHERE order_id = $1 ORDER BY id";
static const char EVENTS_EACH[] =
    "SELECT " EVENT_COLUMNS " FROM events WHERE id > $1 ORDER BY id LIMIT $2";

static void bind_optional_text(shop__query_t *q, int32_t n, const char *text) {
  if (text != NULL && text[0] != '\0')
    shop__query_text(q, n, text);
}

int32_t shop__event_insert(shop__tx_t *tx, const struct shop__event_row *row) {
  int64_t id = 0;
  int32_t status = shop__tx_id(tx, &id);
  shop__query_t *q;

  if (status != SHOP_OK)
    return status;
  q = shop__query(tx, EVENT_INSERT);
  shop__query_int(q, 1, id);
  shop__query_int(q, 2, row->at_ms);
  shop__query_int(q, 3, row->actor);
  shop__rows_bind_optional(q, 4, row->user_id);
  shop__rows_bind_optional(q, 5, row->order_id);
  shop__query_text(q, 6, row->name);
  bind_optional_text(q, 7, row->before);
  bind_optional_text(q, 8, row->after);
  bind_optional_text(q, 9, row->detail);
  return shop__query_run(q, NULL);
}

shop__query_t *shop__events_each_of_order(shop__tx_t *tx, int64_t order_id) {
  shop__query_t *q = shop__query(tx, EVENTS_OF_ORDER);

  shop__query_int(q, 1, order_id);
  return q;
}

shop__query_t *shop__events_each(shop__tx_t *tx, int64_t after_id, int32_t limit) {
  shop__query_t *q = shop__query(tx, EVENTS_EACH);

  shop__query_int(q, 1, after_id);
  shop__query_int(q, 2, limit);
  return q;
}

int32_t shop__events_next(shop__query_t *q, struct shop__event_row *row) {
  int32_t status = shop__query_step(q);

  if (status == SHOP__ROW)
    *row = (struct shop__event_row){
        .id = shop__query_get_int(q, 0),
        .at_ms = shop__query_get_int(q, 1),
        .actor = (int32_t)shop__query_get_int(q, 2),
        .user_id = shop__query_get_int(q, 3),
        .order_id = shop__query_get_int(q, 4),
        .name = shop__query_get_text(q, 5),
        .before = shop__query_get_text(q, 6),
        .after = shop__query_get_text(q, 7),
        .detail = shop__query_get_text(q, 8),
    };
  return status;
}
