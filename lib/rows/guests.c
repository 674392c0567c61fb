/* Rows of guests: users who have no address yet. */
#include "rows_parts.h"

static const char GUEST_INSERT[] =
    "INSERT INTO users (id, subject, epoch, created_at_ms, updated_at_ms, guest_at_ms, language)"
    " VALUES ($1, $2, $3, $4, $4, $4, $5)";
static const char GUEST_BECOME[] =
    "UPDATE users SET email = $2, email_key = $3, password_hash = $4, epoch = $5,"
    " language = COALESCE($6, language), guest_at_ms = NULL, updated_at_ms = $7"
    " WHERE id = $1 AND guest_at_ms IS NOT NULL";
/* A guest who is being erased is left to that. No guest has an order; one that has is not
   touched, but shown by the audit. */
#define IS_LEFT                                                                                    \
  " u.guest_at_ms < $2 AND (u.erasing_at_ms IS NULL OR u.erased_at_ms IS NOT NULL)"                \
  " AND NOT EXISTS (SELECT 1 FROM tokens t WHERE t.user_id = u.id AND t.revoked_at_ms IS NULL"     \
  " AND t.epoch = u.epoch AND t.expires_at_ms >= $3)"                                              \
  " AND NOT EXISTS (SELECT 1 FROM refresh_tokens r WHERE r.user_id = u.id AND r.state = 1"         \
  " AND r.epoch = u.epoch AND r.expires_at_ms >= $3)"                                              \
  " AND NOT EXISTS (SELECT 1 FROM orders o WHERE o.user_id = u.id) ORDER BY u.id LIMIT 1"
static const char GUEST_NEXT_LEFT[] =
    "SELECT u.id FROM users u WHERE u.guest_at_ms IS NOT NULL AND u.id > $1 AND" IS_LEFT;
static const char GUEST_IS_LEFT[] =
    "SELECT u.id FROM users u WHERE u.guest_at_ms IS NOT NULL AND u.id = $1 AND" IS_LEFT;
static const char GUEST_END[] =
    "UPDATE users SET epoch = epoch + 1, language = NULL, note = NULL, external_id = NULL,"
    " closed_at_ms = $2, updated_at_ms = $2 WHERE id = $1";
static const char GUEST_END_LABELS[] =
    "UPDATE tokens SET label = NULL WHERE user_id = $1 AND label IS NOT NULL";
static const char GUEST_END_REFRESHES[] =
    "UPDATE refresh_tokens SET label = NULL WHERE user_id = $1 AND label IS NOT NULL";
static const char GUEST_DELETE_CARTS[] = "DELETE FROM carts WHERE user_id = $1";
static const char GUEST_DELETE[] = "DELETE FROM users WHERE id = $1";

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

int32_t shop__guest_end(shop__tx_t *tx, int64_t id, int64_t now_ms) {
  shop__query_t *q = shop__query(tx, GUEST_END);
  int32_t status;

  shop__query_int(q, 1, id);
  shop__query_int(q, 2, now_ms);
  status = shop__query_run(q, NULL);
  if (status != SHOP_OK)
    return status;
  q = shop__query(tx, GUEST_END_LABELS);
  shop__query_int(q, 1, id);
  status = shop__query_run(q, NULL);
  if (status != SHOP_OK)
    return status;
  q = shop__query(tx, GUEST_END_REFRESHES);
  shop__query_int(q, 1, id);
  return shop__query_run(q, NULL);
}

static int32_t look(shop__tx_t *tx, const char *sql, int64_t id, const struct shop__guest_age *age,
                    int64_t *found_id) {
  shop__query_t *q = shop__query(tx, sql);
  bool found = false;
  int32_t status;

  shop__query_int(q, 1, id);
  shop__query_int(q, 2, age->before_ms);
  shop__query_int(q, 3, age->alive_ms);
  status = shop__rows_first(q, &found);
  *found_id = status == SHOP_OK && found ? shop__query_get_int(q, 0) : 0;
  shop__query_reset(q);
  return status;
}

int32_t shop__guest_next_left(shop__tx_t *tx, int64_t after_id, const struct shop__guest_age *age,
                              int64_t *id) {
  return look(tx, GUEST_NEXT_LEFT, after_id, age, id);
}

int32_t shop__guest_is_left(shop__tx_t *tx, int64_t id, const struct shop__guest_age *age,
                            bool *left) {
  int64_t found_id = 0;
  int32_t status = look(tx, GUEST_IS_LEFT, id, age, &found_id);

  *left = found_id != 0;
  return status;
}

int32_t shop__guest_delete(shop__tx_t *tx, int64_t id) {
  shop__query_t *q = shop__query(tx, GUEST_DELETE_CARTS);
  int32_t status;

  shop__query_int(q, 1, id);
  status = shop__query_run(q, NULL);
  if (status != SHOP_OK)
    return status;
  q = shop__query(tx, GUEST_DELETE);
  shop__query_int(q, 1, id);
  return shop__query_run(q, NULL);
}
