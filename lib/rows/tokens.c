/* Rows of issued tokens. */
#include "rows_parts.h"

static const char TOKEN_GET[] =
    "SELECT t.user_id, t.epoch, u.epoch, t.expires_at_ms, t.revoked_at_ms, u.subject, u.email,"
    " u.email_key, k.state, u.disabled_at_ms, t.id,"
    " COALESCE(t.last_used_at_ms, t.issued_at_ms), u.verified_at_ms, u.language,"
    " u.closed_at_ms"
    " FROM tokens t JOIN users u ON u.id = t.user_id"
    " LEFT JOIN signing_keys k ON k.kid = $2 WHERE t.jti = $1";
static const char TOKEN_INSERT[] =
    "INSERT INTO tokens (jti, user_id, epoch, issued_at_ms, expires_at_ms, id, label)"
    " SELECT $1, $2, $3, $4, $5, $7, $8 FROM signing_keys WHERE kid = $6 AND state = 1";
static const char LAST_EXPIRY[] =
    "SELECT expires_at_ms FROM tokens ORDER BY expires_at_ms DESC LIMIT 1";
static const char TOKEN_REVOKE[] =
    "UPDATE tokens SET revoked_at_ms = COALESCE(revoked_at_ms, $2) WHERE jti = $1";
static const char TOKEN_LABEL[] = "SELECT label FROM tokens WHERE jti = $1";
static const char TOKEN_TOUCH[] =
    "UPDATE tokens SET last_used_at_ms = $3 WHERE jti = $1"
    " AND COALESCE(last_used_at_ms, issued_at_ms) < $2";
/* One that came with a refresh token lives as long as that, and gives way to the next. */
static const char SESSIONS_EACH[] =
    "SELECT t.id, t.jti, t.issued_at_ms, COALESCE(t.last_used_at_ms, t.issued_at_ms),"
    " COALESCE(r.expires_at_ms, t.expires_at_ms), t.label FROM tokens t"
    " LEFT JOIN refresh_tokens r ON r.jti = t.jti"
    " WHERE t.user_id = $1 AND t.id < $2 AND t.epoch = $3 AND t.revoked_at_ms IS NULL"
    " AND COALESCE(r.expires_at_ms, t.expires_at_ms) > $4 AND COALESCE(r.state, 1) = 1"
    " ORDER BY t.id DESC LIMIT $5";
static const char SESSION_REVOKE[] =
    "UPDATE tokens SET revoked_at_ms = $4 WHERE user_id = $1 AND id = $2 AND epoch = $3"
    " AND revoked_at_ms IS NULL AND (expires_at_ms > $4 OR EXISTS (SELECT 1 FROM refresh_tokens r"
    " JOIN refresh_tokens good ON good.family_id = r.family_id"
    " WHERE r.jti = tokens.jti AND good.state = 1 AND good.expires_at_ms > $4))";

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
        .language = shop__query_get_text(q, 13),
        .email_key = shop__query_get_text(q, 7),
        .key_state = (int32_t)shop__query_get_int(q, 8),
        .disabled = !shop__query_is_null(q, 9),
        .id = shop__query_get_int(q, 10),
        .last_used_at_ms = shop__query_get_int(q, 11),
        .verified = !shop__query_is_null(q, 12),
        .closed = !shop__query_is_null(q, 14),
        .guest = shop__query_is_null(q, 7),
    };
  return status;
}

int32_t shop__token_insert(shop__tx_t *tx, const struct shop__token_new *row, bool *inserted) {
  int64_t id = 0;
  int32_t status = shop__tx_id(tx, &id);
  shop__query_t *q;

  if (status != SHOP_OK)
    return status;
  q = shop__query(tx, TOKEN_INSERT);
  shop__query_text(q, 1, row->jti);
  shop__query_int(q, 2, row->user_id);
  shop__query_int(q, 3, row->epoch);
  shop__query_int(q, 4, row->issued_at_ms);
  shop__query_int(q, 5, row->expires_at_ms);
  shop__query_text(q, 6, row->kid);
  shop__query_int(q, 7, id);
  if (row->label != NULL && row->label[0] != '\0')
    shop__query_text(q, 8, row->label);
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

int32_t shop__token_label(shop__tx_t *tx, const char *jti, const char **label) {
  shop__query_t *q = shop__query(tx, TOKEN_LABEL);
  bool found = false;
  int32_t status;

  shop__query_text(q, 1, jti);
  status = shop__rows_first(q, &found);
  *label = status == SHOP_OK && found ? shop__query_get_text(q, 0) : NULL;
  return status;
}

int32_t shop__token_touch(shop__tx_t *tx, const char *jti, int64_t stale_ms, int64_t now_ms) {
  shop__query_t *q = shop__query(tx, TOKEN_TOUCH);

  shop__query_text(q, 1, jti);
  shop__query_int(q, 2, stale_ms);
  shop__query_int(q, 3, now_ms);
  return shop__query_run(q, NULL);
}

/* ---- as their owner sees them ------------------------------------------------------- */

shop__query_t *shop__sessions_each(shop__tx_t *tx, int64_t user_id, int64_t epoch, int64_t now_ms,
                                   int64_t before_id, int32_t limit) {
  shop__query_t *q = shop__query(tx, SESSIONS_EACH);

  shop__query_int(q, 1, user_id);
  shop__query_int(q, 2, before_id);
  shop__query_int(q, 3, epoch);
  shop__query_int(q, 4, now_ms);
  shop__query_int(q, 5, limit);
  return q;
}

int32_t shop__sessions_next(shop__query_t *q, struct shop__session_row *row) {
  int32_t status = shop__query_step(q);

  if (status == SHOP__ROW)
    *row = (struct shop__session_row){
        .id = shop__query_get_int(q, 0),
        .jti = shop__query_get_text(q, 1),
        .issued_at_ms = shop__query_get_int(q, 2),
        .last_used_at_ms = shop__query_get_int(q, 3),
        .expires_at_ms = shop__query_get_int(q, 4),
        .label = shop__query_get_text(q, 5),
    };
  return status;
}

int32_t shop__session_set_revoked(shop__tx_t *tx, int64_t user_id, int64_t id, int64_t epoch,
                                  int64_t now_ms, bool *found) {
  shop__query_t *q = shop__query(tx, SESSION_REVOKE);

  shop__query_int(q, 1, user_id);
  shop__query_int(q, 2, id);
  shop__query_int(q, 3, epoch);
  shop__query_int(q, 4, now_ms);
  return shop__rows_change(q, found);
}
