/* Rows of refresh tokens. Of a text only its hash is known here. */
#include "rows_parts.h"

#define REFRESH_COLUMNS                                                                            \
  "r.hash, r.family_id, r.user_id, r.epoch, r.state, r.jti, r.expires_at_ms,"                      \
  " r.family_expires_at_ms, r.parent, r.key_digest, u.subject, u.epoch,"                           \
  " u.disabled_at_ms, r.label, u.closed_at_ms"

static const char REFRESH_GET[] = "SELECT " REFRESH_COLUMNS
                                  " FROM refresh_tokens r JOIN users u ON u.id = r.user_id"
                                  " WHERE r.hash = $1";
static const char REFRESH_GET_GOOD[] = "SELECT " REFRESH_COLUMNS
                                       " FROM refresh_tokens r JOIN users u ON u.id = r.user_id"
                                       " WHERE r.family_id = $1 AND r.state = 1";
static const char REFRESH_INSERT[] =
    "INSERT INTO refresh_tokens (hash, family_id, user_id, epoch, state, jti, expires_at_ms,"
    " family_expires_at_ms, parent, label) VALUES ($1, $2, $3, $4, 1, $5, $6, $7, $8, $9)";
static const char REFRESH_USE[] =
    "UPDATE refresh_tokens SET state = 2, key_digest = $2 WHERE hash = $1 AND state = 1";
static const char REFRESH_END[] =
    "UPDATE refresh_tokens SET state = 3 WHERE family_id = $1 AND state = 1";
static const char REFRESH_REVOKE[] =
    "UPDATE tokens SET revoked_at_ms = $2 WHERE revoked_at_ms IS NULL AND jti IN"
    " (SELECT jti FROM refresh_tokens WHERE family_id = $1)";
static const char FAMILY_OF[] =
    "SELECT family_id FROM refresh_tokens WHERE jti = $1 ORDER BY family_id LIMIT 1";

static const char FAMILY_OF_SESSION[] =
    "SELECT r.family_id FROM tokens t JOIN refresh_tokens r ON r.jti = t.jti"
    " WHERE t.user_id = $1 AND t.id = $2 ORDER BY r.family_id LIMIT 1";

static int32_t read_refresh(shop__query_t *q, struct shop__refresh_row *row, bool *found) {
  int32_t status = shop__rows_first(q, found);
  size_t hash_size = 0, parent_size = 0, key_size = 0;

  if (status != SHOP_OK || !*found)
    return status;
  *row = (struct shop__refresh_row){
      .hash = shop__query_get_blob(q, 0, &hash_size),
      .family_id = shop__query_get_int(q, 1),
      .user_id = shop__query_get_int(q, 2),
      .epoch = shop__query_get_int(q, 3),
      .state = (int32_t)shop__query_get_int(q, 4),
      .jti = shop__query_get_text(q, 5),
      .expires_at_ms = shop__query_get_int(q, 6),
      .family_expires_at_ms = shop__query_get_int(q, 7),
      .parent = shop__query_get_blob(q, 8, &parent_size),
      .key_digest = shop__query_get_blob(q, 9, &key_size),
      .subject = shop__query_get_text(q, 10),
      .user_epoch = shop__query_get_int(q, 11),
      .disabled = !shop__query_is_null(q, 12),
      .label = shop__query_get_text(q, 13),
      .closed = !shop__query_is_null(q, 14),
  };
  /* Whoever compares them reads that many bytes. */
  if (parent_size != SHOP__REFRESH_HASH_BYTES)
    row->parent = NULL;
  if (key_size != SHOP__REFRESH_HASH_BYTES)
    row->key_digest = NULL;
  return SHOP_OK;
}

int32_t shop__refresh_get(shop__tx_t *tx, const void *hash, struct shop__refresh_row *row,
                          bool *found) {
  shop__query_t *q = shop__query(tx, REFRESH_GET);

  shop__query_blob(q, 1, hash, SHOP__REFRESH_HASH_BYTES);
  return read_refresh(q, row, found);
}

int32_t shop__refresh_get_good(shop__tx_t *tx, int64_t family_id, struct shop__refresh_row *row,
                               bool *found) {
  shop__query_t *q = shop__query(tx, REFRESH_GET_GOOD);

  shop__query_int(q, 1, family_id);
  return read_refresh(q, row, found);
}

int32_t shop__refresh_insert(shop__tx_t *tx, const struct shop__refresh_row *row) {
  shop__query_t *q = shop__query(tx, REFRESH_INSERT);

  shop__query_blob(q, 1, row->hash, SHOP__REFRESH_HASH_BYTES);
  shop__query_int(q, 2, row->family_id);
  shop__query_int(q, 3, row->user_id);
  shop__query_int(q, 4, row->epoch);
  shop__query_text(q, 5, row->jti);
  shop__query_int(q, 6, row->expires_at_ms);
  shop__query_int(q, 7, row->family_expires_at_ms);
  if (row->parent != NULL)
    shop__query_blob(q, 8, row->parent, SHOP__REFRESH_HASH_BYTES);
  if (row->label != NULL && row->label[0] != '\0')
    shop__query_text(q, 9, row->label);
  return shop__query_run(q, NULL);
}

int32_t shop__refresh_use(shop__tx_t *tx, const void *hash, const void *key_digest) {
  shop__query_t *q = shop__query(tx, REFRESH_USE);

  shop__query_blob(q, 1, hash, SHOP__REFRESH_HASH_BYTES);
  if (key_digest != NULL)
    shop__query_blob(q, 2, key_digest, SHOP__REFRESH_HASH_BYTES);
  return shop__query_run(q, NULL);
}

int32_t shop__refresh_end_family(shop__tx_t *tx, int64_t family_id) {
  shop__query_t *q = shop__query(tx, REFRESH_END);

  shop__query_int(q, 1, family_id);
  return shop__query_run(q, NULL);
}

int32_t shop__refresh_revoke_tokens(shop__tx_t *tx, int64_t family_id, int64_t now_ms) {
  shop__query_t *q = shop__query(tx, REFRESH_REVOKE);

  shop__query_int(q, 1, family_id);
  shop__query_int(q, 2, now_ms);
  return shop__query_run(q, NULL);
}

static int32_t read_family(shop__query_t *q, int64_t *family_id) {
  bool found = false;
  int32_t status = shop__rows_first(q, &found);

  *family_id = status == SHOP_OK && found ? shop__query_get_int(q, 0) : 0;
  return status;
}

int32_t shop__refresh_family_of(shop__tx_t *tx, const char *jti, int64_t *family_id) {
  shop__query_t *q = shop__query(tx, FAMILY_OF);

  shop__query_text(q, 1, jti);
  return read_family(q, family_id);
}

int32_t shop__refresh_family_of_session(shop__tx_t *tx, int64_t user_id, int64_t id,
                                        int64_t *family_id) {
  shop__query_t *q = shop__query(tx, FAMILY_OF_SESSION);

  shop__query_int(q, 1, user_id);
  shop__query_int(q, 2, id);
  return read_family(q, family_id);
}
