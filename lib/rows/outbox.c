/* Rows of mail that leaves, or has left. */
#include "rows_parts.h"

static const char OUTBOX_INSERT[] =
    "INSERT INTO outbox (id, order_id, kind, state, tries, since_ms, wait_ms, lease_id,"
    " created_at_ms, recipient, sender, message)"
    " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)";
static const char OUTBOX_NEXT_DUE[] =
    "SELECT m.id, m.order_id, m.kind, m.state, m.tries, m.since_ms, m.wait_ms, m.lease_id,"
    " m.recipient, m.sender, o.number, m.message"
    " FROM outbox m JOIN orders o ON o.id = m.order_id WHERE m.state IN (1, 2) AND m.id > $1"
    " AND (m.since_ms + m.wait_ms <= $2 OR $2 < m.since_ms) ORDER BY m.id LIMIT 1";
static const char OUTBOX_GET[] =
    "SELECT id, order_id, kind, state, tries, since_ms, wait_ms, lease_id FROM outbox"
    " WHERE id = $1";
static const char OUTBOX_UPDATE[] =
    "UPDATE outbox SET state = $2, tries = $3, since_ms = $4, wait_ms = $5, lease_id = $6,"
    " reason = $7, sent_at_ms = $8 WHERE id = $1";
static const char OUTBOX_WAITING[] = "SELECT COUNT(*) FROM outbox WHERE state IN (1, 2)";
static const char OUTBOX_DEAD[] = "SELECT COUNT(*) FROM outbox WHERE state = 4";

int32_t shop__outbox_insert(shop__tx_t *tx, const struct shop__outbox_row *row, int64_t now_ms) {
  shop__query_t *q = shop__query(tx, OUTBOX_INSERT);

  shop__query_int(q, 1, row->id);
  shop__query_int(q, 2, row->order_id);
  shop__query_int(q, 3, row->kind);
  shop__query_int(q, 4, row->state);
  shop__query_int(q, 5, row->tries);
  shop__query_int(q, 6, row->since_ms);
  shop__query_int(q, 7, row->wait_ms);
  shop__query_int(q, 8, row->lease_id);
  shop__query_int(q, 9, now_ms);
  shop__query_text(q, 10, row->recipient);
  shop__query_text(q, 11, row->sender);
  shop__query_blob(q, 12, row->message, row->message_size);
  return shop__query_run(q, NULL);
}

static void read_state(shop__query_t *q, struct shop__outbox_row *row) {
  *row = (struct shop__outbox_row){
      .id = shop__query_get_int(q, 0),
      .order_id = shop__query_get_int(q, 1),
      .kind = (int32_t)shop__query_get_int(q, 2),
      .state = (int32_t)shop__query_get_int(q, 3),
      .tries = shop__query_get_int(q, 4),
      .since_ms = shop__query_get_int(q, 5),
      .wait_ms = shop__query_get_int(q, 6),
      .lease_id = shop__query_get_int(q, 7),
  };
}

int32_t shop__outbox_next_due(shop__tx_t *tx, int64_t after_id, int64_t now_ms,
                              struct shop__outbox_row *row, bool *found) {
  shop__query_t *q = shop__query(tx, OUTBOX_NEXT_DUE);
  int32_t status;

  shop__query_int(q, 1, after_id);
  shop__query_int(q, 2, now_ms);
  status = shop__rows_first(q, found);
  if (status == SHOP_OK && *found) {
    read_state(q, row);
    row->recipient = shop__query_get_text(q, 8);
    row->sender = shop__query_get_text(q, 9);
    row->order_number = shop__query_get_text(q, 10);
    row->message = shop__query_get_blob(q, 11, &row->message_size);
  }
  return status;
}

int32_t shop__outbox_get(shop__tx_t *tx, int64_t id, struct shop__outbox_row *row, bool *found) {
  shop__query_t *q = shop__query(tx, OUTBOX_GET);
  int32_t status;

  shop__query_int(q, 1, id);
  status = shop__rows_first(q, found);
  if (status == SHOP_OK && *found)
    read_state(q, row);
  return status;
}

int32_t shop__outbox_update(shop__tx_t *tx, const struct shop__outbox_row *row,
                            const char *reason, int64_t sent_at_ms) {
  shop__query_t *q = shop__query(tx, OUTBOX_UPDATE);

  shop__query_int(q, 1, row->id);
  shop__query_int(q, 2, row->state);
  shop__query_int(q, 3, row->tries);
  shop__query_int(q, 4, row->since_ms);
  shop__query_int(q, 5, row->wait_ms);
  shop__query_int(q, 6, row->lease_id);
  shop__query_text(q, 7, reason);
  shop__rows_bind_optional(q, 8, sent_at_ms);
  return shop__query_run(q, NULL);
}

static int32_t read_number(shop__query_t *q, int64_t *number) {
  bool found = false;
  int32_t status = shop__rows_first(q, &found);

  *number = found ? shop__query_get_int(q, 0) : 0;
  shop__query_reset(q);
  return status;
}

int32_t shop__outbox_count(shop__tx_t *tx, int64_t *waiting, int64_t *dead) {
  int32_t status = read_number(shop__query(tx, OUTBOX_WAITING), waiting);

  if (status == SHOP_OK)
    status = read_number(shop__query(tx, OUTBOX_DEAD), dead);
  return status;
}
