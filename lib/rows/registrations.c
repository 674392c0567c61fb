/* Rows of registrations that wait for a code from a mail. They stand in numbered slots, so that
   their number is bounded without counting them; a slot is emptied, and never given up. */
#include "rows_parts.h"

#define IN_THE_HOUR " WHERE email_key = $1 AND created_at_ms > $2 AND created_at_ms <= $2 + 7200000"

static const char PUT[] =
    "INSERT INTO registrations (slot, hash, created_at_ms, expires_at_ms, ended, email, email_key,"
    " once, language, password_hash, guest_id)"
    " VALUES ($1, $2, $3, $4, 0, $5, $6, $7, $8, $9, $10)"
    " ON CONFLICT (slot) DO UPDATE SET hash = excluded.hash,"
    " created_at_ms = excluded.created_at_ms, expires_at_ms = excluded.expires_at_ms, ended = 0,"
    " email = excluded.email, email_key = excluded.email_key, once = excluded.once,"
    " language = excluded.language, password_hash = excluded.password_hash,"
    " guest_id = excluded.guest_id";
static const char GET[] =
    "SELECT created_at_ms, expires_at_ms, ended, guest_id, email, email_key, language,"
    " password_hash FROM registrations WHERE hash = $1";
static const char OLDEST_SLOT[] =
    "SELECT slot, expires_at_ms FROM registrations ORDER BY expires_at_ms, slot LIMIT 1";
static const char LAST_SLOT[] = "SELECT slot FROM registrations ORDER BY slot DESC LIMIT 1";
static const char COUNT[] = "SELECT count(*), min(created_at_ms) FROM registrations" IN_THE_HOUR;
static const char HAS_ONCE[] =
    "SELECT 1 FROM registrations WHERE email_key = $1 AND once = $2 LIMIT 1";
/* An address has its account: the rows stay for the count of the hour. */
static const char END[] =
    "UPDATE registrations SET ended = 1, password_hash = NULL WHERE email_key = $1 AND ended = 0";
static const char GIVE_MAILS[] =
    "UPDATE outbox SET user_id = $2, code_hash = NULL, message = $3,"
    " reason = CASE WHEN state IN (1, 2) THEN 'its code has ended' ELSE reason END,"
    " state = CASE WHEN state IN (1, 2) THEN 4 ELSE state END WHERE code_hash IN"
    " (SELECT hash FROM registrations WHERE email_key = $1)";
static const char DELETE_MAIL_OF_SLOT[] =
    "DELETE FROM outbox WHERE code_hash IN (SELECT hash FROM registrations WHERE slot = $1)";

#define EMPTY                                                                                      \
  "UPDATE registrations SET hash = NULL, created_at_ms = 0, expires_at_ms = 0, ended = 1,"         \
  " email = NULL, email_key = NULL, once = NULL, language = NULL, password_hash = NULL,"           \
  " guest_id = NULL"
#define OF_ADDRESS                                                                                 \
  " WHERE email_key = $1 AND NOT EXISTS (SELECT 1 FROM users u WHERE u.id = $2"                    \
  " AND u.closed_at_ms <= registrations.created_at_ms)"
#define OF_GUEST " WHERE guest_id = $1"
#define EXPIRED(column)                                                                            \
  "(SELECT " column                                                                                \
  " FROM registrations WHERE expires_at_ms > 0 AND expires_at_ms < $1"                             \
  " ORDER BY expires_at_ms, slot LIMIT $2)"
static const char ERASE_MAILS[] =
    "DELETE FROM outbox WHERE code_hash IN (SELECT hash FROM registrations" OF_ADDRESS ")";
static const char ERASE[] = EMPTY OF_ADDRESS;
static const char ERASE_GUESTS_MAILS[] =
    "DELETE FROM outbox WHERE code_hash IN (SELECT hash FROM registrations" OF_GUEST ")";
static const char ERASE_GUESTS[] = EMPTY OF_GUEST;
static const char PRUNE_MAILS[] = "DELETE FROM outbox WHERE code_hash IN " EXPIRED("hash");
static const char PRUNE[] = EMPTY " WHERE slot IN " EXPIRED("slot");

int32_t shop__registration_get(shop__tx_t *tx, const uint8_t *hash,
                               struct shop__registration_row *row, bool *found) {
  shop__query_t *q = shop__query(tx, GET);
  int32_t status;

  shop__query_blob(q, 1, hash, SHOP__DIGEST_BYTES);
  status = shop__rows_first(q, found);
  if (status == SHOP_OK && *found)
    *row = (struct shop__registration_row){
        .hash = hash,
        .created_at_ms = shop__query_get_int(q, 0),
        .expires_at_ms = shop__query_get_int(q, 1),
        .ended = shop__query_get_int(q, 2) != 0,
        .guest_id = shop__query_get_int(q, 3),
        .email = shop__query_get_text(q, 4),
        .email_key = shop__query_get_text(q, 5),
        .language = shop__query_get_text(q, 6),
        .password_hash = shop__query_get_text(q, 7),
    };
  return status;
}

int32_t shop__registrations_count(shop__tx_t *tx, const char *email_key, int64_t after_ms,
                                  int64_t *count, int64_t *first_at_ms) {
  shop__query_t *q = shop__query(tx, COUNT);
  bool found = false;
  int32_t status;

  shop__query_text(q, 1, email_key);
  shop__query_int(q, 2, after_ms);
  status = shop__rows_first(q, &found);
  *count = status == SHOP_OK && found ? shop__query_get_int(q, 0) : 0;
  *first_at_ms = *count > 0 ? shop__query_get_int(q, 1) : 0;
  shop__query_reset(q);
  return status;
}

int32_t shop__registration_has_once(shop__tx_t *tx, const char *email_key, const uint8_t *once,
                                    bool *has) {
  shop__query_t *q = shop__query(tx, HAS_ONCE);
  int32_t status;

  shop__query_text(q, 1, email_key);
  shop__query_blob(q, 2, once, SHOP__DIGEST_BYTES);
  status = shop__rows_first(q, has);
  shop__query_reset(q);
  return status;
}

/* ---- slots --------------------------------------------------------------------------- */

/* 0: there is none. */
static int32_t read_slot(shop__query_t *q, int64_t *slot, int64_t *expires_at_ms) {
  bool found = false;
  int32_t status = shop__rows_first(q, &found);

  *slot = status == SHOP_OK && found ? shop__query_get_int(q, 0) : 0;
  if (expires_at_ms != NULL)
    *expires_at_ms = *slot != 0 ? shop__query_get_int(q, 1) : 0;
  shop__query_reset(q);
  return status;
}

/* The same statements, whichever slot it is. */
static int32_t take_slot(shop__tx_t *tx, int64_t expired_before_ms, int64_t slots_max,
                         int64_t *slot) {
  int64_t last = 0, expires_at_ms = 0;
  int32_t status = read_slot(shop__query(tx, OLDEST_SLOT), slot, &expires_at_ms);

  if (status == SHOP_OK)
    status = read_slot(shop__query(tx, LAST_SLOT), &last, NULL);
  if (last == 0 || (expires_at_ms >= expired_before_ms && last < slots_max))
    *slot = last + 1;
  return status;
}

int32_t shop__registration_insert(shop__tx_t *tx, const struct shop__registration_row *row,
                                  int64_t expired_before_ms, int64_t slots_max) {
  int64_t slot = 0;
  int32_t status = take_slot(tx, expired_before_ms, slots_max, &slot);
  shop__query_t *q;

  if (status != SHOP_OK)
    return status;
  q = shop__query(tx, DELETE_MAIL_OF_SLOT);
  shop__query_int(q, 1, slot);
  status = shop__query_run(q, NULL);
  if (status != SHOP_OK)
    return status;
  q = shop__query(tx, PUT);
  shop__query_int(q, 1, slot);
  shop__query_blob(q, 2, row->hash, SHOP__DIGEST_BYTES);
  shop__query_int(q, 3, row->created_at_ms);
  shop__query_int(q, 4, row->expires_at_ms);
  shop__query_text(q, 5, row->email);
  shop__query_text(q, 6, row->email_key);
  if (row->once != NULL)
    shop__query_blob(q, 7, row->once, SHOP__DIGEST_BYTES);
  shop__query_text(q, 8, row->language);
  shop__query_text(q, 9, row->password_hash);
  shop__rows_bind_optional(q, 10, row->guest_id);
  return shop__query_run(q, NULL);
}

/* ---- the end of them --------------------------------------------------------------------- */

int32_t shop__registrations_end(shop__tx_t *tx, const char *email_key, int64_t user_id) {
  shop__query_t *q = shop__query(tx, GIVE_MAILS);
  int32_t status;

  shop__query_text(q, 1, email_key);
  shop__query_int(q, 2, user_id);
  shop__query_blob(q, 3, "", 0);
  status = shop__query_run(q, NULL);
  if (status != SHOP_OK)
    return status;
  q = shop__query(tx, END);
  shop__query_text(q, 1, email_key);
  return shop__query_run(q, NULL);
}

int32_t shop__registrations_erase(shop__tx_t *tx, const char *email_key, int64_t user_id) {
  shop__query_t *q = shop__query(tx, ERASE_MAILS);
  int32_t status;

  shop__query_text(q, 1, email_key);
  shop__query_int(q, 2, user_id);
  status = shop__query_run(q, NULL);
  if (status != SHOP_OK)
    return status;
  q = shop__query(tx, ERASE);
  shop__query_text(q, 1, email_key);
  shop__query_int(q, 2, user_id);
  return shop__query_run(q, NULL);
}

int32_t shop__registrations_erase_guest(shop__tx_t *tx, int64_t guest_id) {
  shop__query_t *q = shop__query(tx, ERASE_GUESTS_MAILS);
  int32_t status;

  shop__query_int(q, 1, guest_id);
  status = shop__query_run(q, NULL);
  if (status != SHOP_OK)
    return status;
  q = shop__query(tx, ERASE_GUESTS);
  shop__query_int(q, 1, guest_id);
  return shop__query_run(q, NULL);
}

int32_t shop__prune_registrations(shop__tx_t *tx, int64_t expired_before_ms, int32_t limit,
                                  int64_t *count) {
  static const char *const statements[] = {PRUNE_MAILS, PRUNE};
  int32_t status = SHOP_OK;

  for (size_t i = 0; status == SHOP_OK && i < 2; i++) {
    shop__query_t *q = shop__query(tx, statements[i]);

    shop__query_int(q, 1, expired_before_ms);
    shop__query_int(q, 2, limit);
    status = shop__query_run(q, count);
  }
  return status;
}
