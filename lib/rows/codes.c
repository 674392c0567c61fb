/* Rows of the single-use codes that are mailed. Only their hashes are stored. */
#include "rows_parts.h"

static const char CODE_INSERT[] =
    "INSERT INTO codes (hash, user_id, kind, expires_at_ms, created_at_ms, new_email)"
    " VALUES ($1, $2, $3, $4, $5, $6)";
static const char CODE_GET[] =
    "SELECT user_id, kind, expires_at_ms, used_at_ms, created_at_ms, new_email FROM codes"
    " WHERE hash = $1";
/* Also of a clock that went back since: it will come on again. */
static const char CODE_LIVES[] =
    "SELECT 1 FROM codes WHERE hash = $1 AND used_at_ms IS NULL AND expires_at_ms > $2"
    " UNION ALL SELECT 1 FROM registrations WHERE hash = $1 AND ended = 0 AND expires_at_ms > $2";
static const char CODES_COUNT[] =
    "SELECT count(*) FROM codes WHERE user_id = $1 AND kind = $2 AND created_at_ms > $3"
    " AND created_at_ms <= $3 + 7200000"; /* a clock that went back */
static const char CODES_END[] =
    "UPDATE codes SET used_at_ms = $3 WHERE user_id = $1 AND ($2 = 0 OR kind = $2)"
    " AND used_at_ms IS NULL";
static const char CODE_DELETE[] = "DELETE FROM codes WHERE hash = $1 AND user_id IS NULL";
static const char PRUNE_CODES[] =
    "DELETE FROM codes WHERE hash IN (SELECT hash FROM codes WHERE expires_at_ms < $1"
    " ORDER BY expires_at_ms LIMIT $2)";

int32_t shop__code_insert(shop__tx_t *tx, const struct shop__code_row *row, int64_t now_ms) {
  shop__query_t *q = shop__query(tx, CODE_INSERT);

  shop__query_blob(q, 1, row->hash, SHOP__DIGEST_BYTES);
  shop__rows_bind_optional(q, 2, row->user_id);
  shop__query_int(q, 3, row->kind);
  shop__query_int(q, 4, row->expires_at_ms);
  shop__query_int(q, 5, now_ms);
  shop__query_text(q, 6, row->new_email);
  return shop__query_run(q, NULL);
}

int32_t shop__code_get(shop__tx_t *tx, const uint8_t *hash, struct shop__code_row *row,
                       bool *found) {
  shop__query_t *q = shop__query(tx, CODE_GET);
  int32_t status;

  shop__query_blob(q, 1, hash, SHOP__DIGEST_BYTES);
  status = shop__rows_first(q, found);
  if (status == SHOP_OK && *found)
    *row = (struct shop__code_row){
        .hash = hash,
        .user_id = shop__query_get_int(q, 0),
        .kind = (int32_t)shop__query_get_int(q, 1),
        .expires_at_ms = shop__query_get_int(q, 2),
        .used = !shop__query_is_null(q, 3),
        .created_at_ms = shop__query_get_int(q, 4),
        .new_email = shop__query_get_text(q, 5),
    };
  return status;
}

int32_t shop__code_lives(shop__tx_t *tx, const uint8_t *hash, int64_t now_ms, bool *lives) {
  shop__query_t *q = shop__query(tx, CODE_LIVES);
  int32_t status;

  shop__query_blob(q, 1, hash, SHOP__DIGEST_BYTES);
  shop__query_int(q, 2, now_ms);
  status = shop__rows_first(q, lives);
  shop__query_reset(q);
  return status;
}

int32_t shop__codes_count(shop__tx_t *tx, int64_t user_id, int32_t kind, int64_t after_ms,
                          int64_t *count) {
  shop__query_t *q = shop__query(tx, CODES_COUNT);
  bool found = false;
  int32_t status;

  shop__query_int(q, 1, user_id);
  shop__query_int(q, 2, kind);
  shop__query_int(q, 3, after_ms);
  status = shop__rows_first(q, &found);
  *count = status == SHOP_OK && found ? shop__query_get_int(q, 0) : 0;
  shop__query_reset(q);
  return status;
}

int32_t shop__codes_end(shop__tx_t *tx, int64_t user_id, int32_t kind, int64_t now_ms) {
  shop__query_t *q = shop__query(tx, CODES_END);

  shop__query_int(q, 1, user_id);
  shop__query_int(q, 2, kind);
  shop__query_int(q, 3, now_ms);
  return shop__query_run(q, NULL);
}

int32_t shop__code_delete_nobodys(shop__tx_t *tx, const uint8_t *hash) {
  shop__query_t *q = shop__query(tx, CODE_DELETE);

  shop__query_blob(q, 1, hash, SHOP__DIGEST_BYTES);
  return shop__query_run(q, NULL);
}

int32_t shop__prune_codes(shop__tx_t *tx, int64_t expired_before_ms, int32_t limit,
                          int64_t *count) {
  shop__query_t *q = shop__query(tx, PRUNE_CODES);

  shop__query_int(q, 1, expired_before_ms);
  shop__query_int(q, 2, limit);
  return shop__query_run(q, count);
}
