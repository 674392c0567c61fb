/* Rows of guests: users who have no address yet. */
#include "rows_parts.h"

static const char GUEST_INSERT[] =
    "INSERT INTO users (id, subject, epoch, created_at_ms, updated_at_ms, guest_at_ms, language)"
    " VALUES ($1, $2, $3, $4, $4, $4, $5)";
static const char GUEST_BECOME[] =
    "UPDATE users SET email = $2, email_key = $3, password_hash = $4, epoch = $5,"
    " language = COALESCE($6, language), guest_at_ms = NULL, updated_at_ms = $7"
    " WHERE id = $1 AND guest_at_ms IS NOT NULL";

int32_t shop__guest_insert(shop__tx_t *tx, const struct shop__user_row *row) {
  shop__query_t *q = shop__query(tx, GUEST_INSERT);

  shop__query_int(q, 1, row->id);
  shop__query_text(q, 2, row->subject);
  shop__query_int(q, 3, row->epoch);
  shop__query_int(q, 4, row->created_at_ms);
  shop__query_text(q, 5, row->language);
  return shop__query_run(q, NULL);
}

int32_t shop__guest_become(shop__tx_t *tx, const struct shop__user_row *row, int64_t now_ms) {
  shop__query_t *q = shop__query(tx, GUEST_BECOME);

  shop__query_int(q, 1, row->id);
  shop__query_text(q, 2, row->email);
  shop__query_text(q, 3, row->email_key);
  shop__query_text(q, 4, row->password_hash);
  shop__query_int(q, 5, row->epoch);
  shop__query_text(q, 6, row->language);
  shop__query_int(q, 7, now_ms);
  return shop__query_run(q, NULL);
}
