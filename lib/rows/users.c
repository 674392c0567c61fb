/* Rows of users. */
#include "rows_parts.h"

#define USER_COLUMNS                                                                               \
  "id, subject, epoch, email, email_key, password_hash, created_at_ms, external_id, note,"         \
  " disabled_at_ms, verified_at_ms, closed_at_ms, language, guest_at_ms"

static const char USER_BY_KEY[] = "SELECT " USER_COLUMNS " FROM users WHERE email_key = $1";
static const char USER_BY_ID[] = "SELECT " USER_COLUMNS " FROM users WHERE id = $1";
static const char USER_INSERT[] =
    "INSERT INTO users (id, subject, epoch, email, email_key, password_hash, created_at_ms,"
    " updated_at_ms, language) VALUES ($1, $2, $3, $4, $5, $6, $7, $7, $8) ON CONFLICT (email_key) "
    "DO NOTHING";
static const char USER_SET_HASH[] =
    "UPDATE users SET password_hash = $2, updated_at_ms = $3 WHERE id = $1";
static const char USER_SET_LANGUAGE[] =
    "UPDATE users SET language = $2, updated_at_ms = $3 WHERE id = $1";
static const char USER_SET_METADATA[] =
    "UPDATE users SET note = $2, external_id = $3, updated_at_ms = $4 WHERE id = $1"
    " AND erasing_at_ms IS NULL";

static const char USER_SET_PASSWORD[] =
    "UPDATE users SET password_hash = $2, epoch = $3, updated_at_ms = $4 WHERE id = $1";
static const char USER_RAISE_EPOCH[] =
    "UPDATE users SET epoch = epoch + 1, updated_at_ms = $2 WHERE id = $1";
static const char USER_SET_DISABLED[] =
    "UPDATE users SET disabled_at_ms = $2, updated_at_ms = $3 WHERE id = $1";

static const char USER_SET_EMAIL[] =
    "UPDATE users SET email = $2, email_key = $3, verified_at_ms = $4, updated_at_ms = $4"
    " WHERE id = $1";
static const char USER_SET_VERIFIED[] =
    "UPDATE users SET verified_at_ms = COALESCE(verified_at_ms, $2) WHERE id = $1";
static const char USER_CLOSE[] =
    "UPDATE users SET email_key = NULL, password_hash = NULL, epoch = epoch + 1,"
    " closed_at_ms = $2, updated_at_ms = $2 WHERE id = $1";

static int32_t read_user(shop__query_t *q, struct shop__user_row *row, bool *found) {
  int32_t status = shop__rows_first(q, found);

  if (status == SHOP_OK && *found)
    *row = (struct shop__user_row){
        .id = shop__query_get_int(q, 0),
        .subject = shop__query_get_text(q, 1),
        .epoch = shop__query_get_int(q, 2),
        .email = shop__query_get_text(q, 3),
        .email_key = shop__query_get_text(q, 4),
        .password_hash = shop__query_get_text(q, 5),
        .created_at_ms = shop__query_get_int(q, 6),
        .external_id = shop__query_get_text(q, 7),
        .note = shop__query_get_text(q, 8),
        .disabled = !shop__query_is_null(q, 9),
        .verified = !shop__query_is_null(q, 10),
        .closed = !shop__query_is_null(q, 11),
        .language = shop__query_get_text(q, 12),
        .guest = !shop__query_is_null(q, 13),
    };
  return status;
}

int32_t shop__user_by_key(shop__tx_t *tx, const char *email_key, struct shop__user_row *row,
                          bool *found) {
  shop__query_t *q = shop__query(tx, USER_BY_KEY);

  shop__query_text(q, 1, email_key);
  return read_user(q, row, found);
}

int32_t shop__user_by_id(shop__tx_t *tx, int64_t id, struct shop__user_row *row, bool *found) {
  shop__query_t *q = shop__query(tx, USER_BY_ID);

  shop__query_int(q, 1, id);
  return read_user(q, row, found);
}

int32_t shop__user_insert(shop__tx_t *tx, const struct shop__user_row *row, bool *inserted) {
  shop__query_t *q = shop__query(tx, USER_INSERT);

  shop__query_int(q, 1, row->id);
  shop__query_text(q, 2, row->subject);
  shop__query_int(q, 3, row->epoch);
  shop__query_text(q, 4, row->email);
  shop__query_text(q, 5, row->email_key);
  shop__query_text(q, 6, row->password_hash);
  shop__query_int(q, 7, row->created_at_ms);
  shop__query_text(q, 8, row->language);
  return shop__rows_change(q, inserted);
}

int32_t shop__user_set_language(shop__tx_t *tx, int64_t id, const char *language, int64_t now_ms) {
  shop__query_t *q = shop__query(tx, USER_SET_LANGUAGE);

  shop__query_int(q, 1, id);
  shop__query_text(q, 2, language);
  shop__query_int(q, 3, now_ms);
  return shop__query_run(q, NULL);
}

int32_t shop__user_set_hash(shop__tx_t *tx, int64_t id, const char *password_hash, int64_t now_ms) {
  shop__query_t *q = shop__query(tx, USER_SET_HASH);

  shop__query_int(q, 1, id);
  shop__query_text(q, 2, password_hash);
  shop__query_int(q, 3, now_ms);
  return shop__query_run(q, NULL);
}

int32_t shop__user_update_metadata(shop__tx_t *tx, int64_t id, const char *note,
                                   const char *external_id, int64_t now_ms, bool *found) {
  shop__query_t *q = shop__query(tx, USER_SET_METADATA);

  shop__query_int(q, 1, id);
  shop__query_text(q, 2, note);
  shop__query_text(q, 3, external_id);
  shop__query_int(q, 4, now_ms);
  return shop__rows_change(q, found);
}

int32_t shop__user_set_password(shop__tx_t *tx, int64_t id, const char *password_hash,
                                int64_t epoch, int64_t now_ms) {
  shop__query_t *q = shop__query(tx, USER_SET_PASSWORD);

  shop__query_int(q, 1, id);
  shop__query_text(q, 2, password_hash);
  shop__query_int(q, 3, epoch);
  shop__query_int(q, 4, now_ms);
  return shop__query_run(q, NULL);
}

int32_t shop__user_raise_epoch(shop__tx_t *tx, int64_t id, int64_t now_ms) {
  shop__query_t *q = shop__query(tx, USER_RAISE_EPOCH);

  shop__query_int(q, 1, id);
  shop__query_int(q, 2, now_ms);
  return shop__query_run(q, NULL);
}

int32_t shop__user_set_disabled(shop__tx_t *tx, int64_t id, int64_t disabled_at_ms,
                                int64_t now_ms) {
  shop__query_t *q = shop__query(tx, USER_SET_DISABLED);

  shop__query_int(q, 1, id);
  shop__rows_bind_optional(q, 2, disabled_at_ms);
  shop__query_int(q, 3, now_ms);
  return shop__query_run(q, NULL);
}

int32_t shop__user_set_email(shop__tx_t *tx, int64_t id, const char *email, const char *email_key,
                             int64_t now_ms) {
  shop__query_t *q = shop__query(tx, USER_SET_EMAIL);

  shop__query_int(q, 1, id);
  shop__query_text(q, 2, email);
  shop__query_text(q, 3, email_key);
  shop__query_int(q, 4, now_ms);
  return shop__query_run(q, NULL);
}

int32_t shop__user_set_verified(shop__tx_t *tx, int64_t id, int64_t now_ms) {
  shop__query_t *q = shop__query(tx, USER_SET_VERIFIED);

  shop__query_int(q, 1, id);
  shop__query_int(q, 2, now_ms);
  return shop__query_run(q, NULL);
}

int32_t shop__user_close(shop__tx_t *tx, int64_t id, int64_t now_ms) {
  shop__query_t *q = shop__query(tx, USER_CLOSE);

  shop__query_int(q, 1, id);
  shop__query_int(q, 2, now_ms);
  return shop__query_run(q, NULL);
}
