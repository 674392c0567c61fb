/* Rows that grow with time and may be thrown away: a few at each call, so that
   no writer waits long. */
#include "rows_parts.h"

static const char PRUNE_REQUESTS[] =
    "DELETE FROM requests WHERE (user_id, operation, key) IN (SELECT user_id, operation, key"
    " FROM requests WHERE created_at_ms < $1 ORDER BY created_at_ms LIMIT $2)";
static const char PRUNE_TOKENS[] =
    "DELETE FROM tokens WHERE jti IN (SELECT jti FROM tokens WHERE expires_at_ms < $1"
    " AND NOT EXISTS (SELECT 1 FROM refresh_tokens r JOIN refresh_tokens good"
    " ON good.family_id = r.family_id WHERE r.jti = tokens.jti AND good.state = 1)"
    " ORDER BY expires_at_ms LIMIT $2)";
/* An id is at least the moment when it was drawn times 2,048 (shop__tx_id): so nothing younger is
   read. What was written by a clock that went back is pruned when the id's time has come too. */
static const char PRUNE_EVENTS[] =
    "DELETE FROM events WHERE id IN (SELECT id FROM events WHERE id < $1 * 2048 AND at_ms < $1"
    " ORDER BY id LIMIT $2)";
static const char EXPIRE_CARTS[] =
    "UPDATE carts SET state = 4, version = version + 1, updated_at_ms = $3 WHERE id IN (SELECT id"
    " FROM carts WHERE state = 1 AND updated_at_ms < $1 AND hold_length_ms = 0 ORDER BY updated_at_ms LIMIT $2)";

static const char PRUNE_REFRESHES[] =
    "DELETE FROM refresh_tokens WHERE hash IN (SELECT hash FROM refresh_tokens r"
    " WHERE r.expires_at_ms < $1 AND NOT EXISTS (SELECT 1 FROM refresh_tokens good"
    " WHERE good.family_id = r.family_id AND good.state = 1 AND good.expires_at_ms >= $1)"
    " ORDER BY r.expires_at_ms LIMIT $2)";
static const char PRUNE_KEYS[] =
    "DELETE FROM signing_keys WHERE kid IN (SELECT kid FROM signing_keys WHERE until_ms < $1"
    " ORDER BY until_ms LIMIT $2)";

static int32_t prune(shop__tx_t *tx, const char *sql, int64_t before_ms, int32_t limit,
                     int64_t *count) {
  shop__query_t *q = shop__query(tx, sql);

  shop__query_int(q, 1, before_ms);
  shop__query_int(q, 2, limit);
  return shop__query_run(q, count);
}

int32_t shop__prune_requests(shop__tx_t *tx, int64_t before_ms, int32_t limit, int64_t *count) {
  return prune(tx, PRUNE_REQUESTS, before_ms, limit, count);
}

int32_t shop__prune_tokens(shop__tx_t *tx, int64_t expired_before_ms, int32_t limit,
                           int64_t *count) {
  return prune(tx, PRUNE_TOKENS, expired_before_ms, limit, count);
}

int32_t shop__prune_refreshes(shop__tx_t *tx, int64_t expired_before_ms, int32_t limit,
                              int64_t *count) {
  return prune(tx, PRUNE_REFRESHES, expired_before_ms, limit, count);
}

int32_t shop__prune_signing_keys(shop__tx_t *tx, int64_t until_before_ms, int32_t limit,
                                 int64_t *count) {
  return prune(tx, PRUNE_KEYS, until_before_ms, limit, count);
}

int32_t shop__prune_events(shop__tx_t *tx, int64_t before_ms, int32_t limit, int64_t *count) {
  return prune(tx, PRUNE_EVENTS, before_ms, limit, count);
}

int32_t shop__expire_carts(shop__tx_t *tx, int64_t untouched_since_ms, int32_t limit,
                           int64_t now_ms, int64_t *count) {
  shop__query_t *q = shop__query(tx, EXPIRE_CARTS);

  shop__query_int(q, 1, untouched_since_ms);
  shop__query_int(q, 2, limit);
  shop__query_int(q, 3, now_ms);
  return shop__query_run(q, count);
}
