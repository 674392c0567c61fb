/* Rows of issued tokens. */
#include "rows_parts.h"

static const char TOKEN_GET[] =
    "SELECT t.user_id, t.epoch, u.epoch, t.expires_at_ms, t.revoked_at_ms, u.subject, u.email,"
    " u.email_key, k.state FROM tokens t JOIN users u ON u.id = t.user_id"
    " LEFT JOIN signing_keys k ON k.kid = $2 WHERE t.jti = $1";
static const char TOKEN_INSERT[] =
    "INSERT INTO tokens (jti, user_id, epoch, issued_at_ms, expires_at_ms)"
    " SELECT $1, $2, $3, $4, $5 FROM signing_keys WHERE kid = $6 AND state = 1";
static const char LAST_EXPIRY[] =
    "SELECT expires_at_ms FROM tokens ORDER BY expires_at_ms DESC LIMIT 1";
static const char TOKEN_REVOKE[] =
    "UPDATE tokens SET revoked_at_ms = COALESCE(revoked_at_ms, $2) WHERE jti = $1";

int32_t shop__token_get(shop__tx_t *tx, const char *jti, const char *kid,
                        struct shop__token_row *row, bool *found) {
  shop__query_t *q = shop__query(tx, TOKEN_GET);
  int32_t status;

  shop__query_text(q, 1, jti);
  shop__query_text(q, 2, kid);
  status = shop__rows_first(q, found);
  if (status == SHOP_OK && *found)
    *row = (struct shop__token_row){
        .user_id = shop__query_get_int(q, 0),
        .epoch = shop__query_get_int(q, 1),
        .user_epoch = shop__query_get_int(q, 2),
        .expires_at_ms = shop__query_get_int(q, 3),
        .revoked = !shop__query_is_null(q, 4),
        .subject = shop__query_get_text(q, 5),
        .email = shop__query_get_text(q, 6),
        .email_key = shop__query_get_text(q, 7),
        .key_state = (int32_t)shop__query_get_int(q, 8),
    };
  return status;
}

int32_t shop__token_insert(shop__tx_t *tx, const struct shop__token_new *row, bool *inserted) {
  shop__query_t *q = shop__query(tx, TOKEN_INSERT);

  shop__query_text(q, 1, row->jti);
  shop__query_int(q, 2, row->user_id);
  shop__query_int(q, 3, row->epoch);
  shop__query_int(q, 4, row->issued_at_ms);
  shop__query_int(q, 5, row->expires_at_ms);
  shop__query_text(q, 6, row->kid);
  return shop__rows_change(q, inserted);
}

int32_t shop__tokens_last_expiry(shop__tx_t *tx, int64_t *expires_at_ms) {
  shop__query_t *q = shop__query(tx, LAST_EXPIRY);
  bool found = false;
  int32_t status = shop__rows_first(q, &found);

  *expires_at_ms = status == SHOP_OK && found ? shop__query_get_int(q, 0) : 0;
  return status;
}

int32_t shop__token_set_revoked(shop__tx_t *tx, const char *jti, int64_t now_ms, bool *found) {
  shop__query_t *q = shop__query(tx, TOKEN_REVOKE);

  shop__query_text(q, 1, jti);
  shop__query_int(q, 2, now_ms);
  return shop__rows_change(q, found);
}
