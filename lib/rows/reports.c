/* Rows of what the gateway has reported by itself. */
#include "rows_parts.h"

#define REPORT_COLUMNS                                                                            \
  "id, event_id, order_id, outcome, amount_minor, currency, key, reference, reason,"              \
  " received_at_ms"

static const char REPORT_INSERT[] =
    "INSERT INTO reports (" REPORT_COLUMNS ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)"
    " ON CONFLICT (event_id) DO UPDATE SET order_id = excluded.order_id"
    " WHERE reports.order_id IS NULL AND excluded.order_id IS NOT NULL";
static const char REPORTS_UNMATCHED[] =
    "SELECT " REPORT_COLUMNS " FROM reports WHERE order_id IS NULL AND id > $1"
    " ORDER BY id LIMIT $2";

static void read_report(shop__query_t *q, struct shop__report_row *row) {
  *row = (struct shop__report_row){
      .id = shop__query_get_int(q, 0),
      .event_id = shop__query_get_text(q, 1),
      .order_id = shop__query_get_int(q, 2),
      .outcome = (int32_t)shop__query_get_int(q, 3),
      .amount_minor = shop__query_get_int(q, 4),
      .currency = shop__query_get_text(q, 5),
      .key = shop__query_get_text(q, 6),
      .reference = shop__query_get_text(q, 7),
      .reason = shop__query_get_text(q, 8),
      .received_at_ms = shop__query_get_int(q, 9),
  };
}

int32_t shop__report_insert(shop__tx_t *tx, const struct shop__report_row *row, bool *inserted) {
  shop__query_t *q = shop__query(tx, REPORT_INSERT);

  shop__query_int(q, 1, row->id);
  shop__query_text(q, 2, row->event_id);
  shop__rows_bind_optional(q, 3, row->order_id);
  shop__query_int(q, 4, row->outcome);
  shop__query_int(q, 5, row->amount_minor);
  shop__query_text(q, 6, row->currency);
  shop__query_text(q, 7, row->key);
  shop__query_text(q, 8, row->reference);
  shop__query_text(q, 9, row->reason);
  shop__query_int(q, 10, row->received_at_ms);
  return shop__rows_change(q, inserted);
}

shop__query_t *shop__reports_each_unmatched(shop__tx_t *tx, int64_t after_id, int32_t limit) {
  shop__query_t *q = shop__query(tx, REPORTS_UNMATCHED);

  shop__query_int(q, 1, after_id);
  shop__query_int(q, 2, limit);
  return q;
}

int32_t shop__reports_next(shop__query_t *q, struct shop__report_row *row) {
  int32_t status = shop__query_step(q);

  if (status == SHOP__ROW)
    read_report(q, row);
  return status;
}
