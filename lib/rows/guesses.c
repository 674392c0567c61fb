/* Rows of the counters of wrong passwords, and of the sources that a user is known from. Counters
   stand in numbered slots, so that their number is bounded without counting them. */
#include "rows_parts.h"

static const char GUESS_GET[] = "SELECT slot, failures, at_ms FROM guesses WHERE key = $1";
static const char GUESS_INSERT[] =
    "INSERT INTO guesses (slot, key, failures, at_ms, worth) VALUES ($1, $2, $3, $4, $5)";
static const char GUESS_UPDATE[] =
    "UPDATE guesses SET key = $2, failures = $3, at_ms = $4, worth = $5 WHERE slot = $1";
static const char LAST_SLOT[] = "SELECT slot FROM guesses ORDER BY slot DESC LIMIT 1";
static const char WEAKEST_SLOT[] =
    "SELECT slot FROM guesses ORDER BY worth, failures, at_ms, slot LIMIT 1";
static const char GUESS_CLEAR[] =
    "UPDATE guesses SET failures = 0, worth = 0 WHERE key = $1 AND failures > 0";
static const char GUESSES_FORGET[] =
    "UPDATE guesses SET failures = 0, worth = 0 WHERE slot IN (SELECT slot FROM guesses"
    " WHERE failures > 0 AND at_ms < $1 ORDER BY slot LIMIT $2)";
static const char SOURCE_GET[] =
    "SELECT at_ms FROM known_sources WHERE user_id = $1 AND source = $2";
static const char SOURCE_PUT[] =
    "INSERT INTO known_sources (user_id, source, at_ms) VALUES ($1, $2, $3)"
    " ON CONFLICT (user_id, source) DO UPDATE SET at_ms = excluded.at_ms";
static const char SOURCES_TRIM[] =
    "DELETE FROM known_sources WHERE user_id = $1 AND source NOT IN (SELECT source FROM"
    " known_sources WHERE user_id = $1 ORDER BY at_ms DESC, source LIMIT $2)";
static const char SOURCES_FORGET[] =
    "DELETE FROM known_sources WHERE user_id = $1 AND source <> $2";

int32_t shop__guess_get(shop__tx_t *tx, const uint8_t *key, struct shop__guess_row *row) {
  shop__query_t *q = shop__query(tx, GUESS_GET);
  bool found = false;
  int32_t status;

  shop__query_blob(q, 1, key, SHOP__GUESS_KEY_BYTES);
  status = shop__rows_first(q, &found);
  *row = (struct shop__guess_row){0};
  if (status == SHOP_OK && found)
    *row = (struct shop__guess_row){
        .slot = shop__query_get_int(q, 0),
        .failures = shop__query_get_int(q, 1),
        .at_ms = shop__query_get_int(q, 2),
    };
  shop__query_reset(q);
  return status;
}

static int32_t write_guess(shop__tx_t *tx, const char *sql, const uint8_t *key,
                           const struct shop__guess_row *row) {
  shop__query_t *q = shop__query(tx, sql);

  shop__query_int(q, 1, row->slot);
  shop__query_blob(q, 2, key, SHOP__GUESS_KEY_BYTES);
  shop__query_int(q, 3, row->failures);
  shop__query_int(q, 4, row->at_ms);
  shop__query_int(q, 5, !row->cheap);
  return shop__query_run(q, NULL);
}

int32_t shop__guess_insert(shop__tx_t *tx, const uint8_t *key, const struct shop__guess_row *row) {
  return write_guess(tx, GUESS_INSERT, key, row);
}

int32_t shop__guess_update(shop__tx_t *tx, const uint8_t *key, const struct shop__guess_row *row) {
  return write_guess(tx, GUESS_UPDATE, key, row);
}

static int32_t read_slot(shop__tx_t *tx, const char *sql, int64_t *slot) {
  shop__query_t *q = shop__query(tx, sql);
  bool found = false;
  int32_t status = shop__rows_first(q, &found);

  *slot = status == SHOP_OK && found ? shop__query_get_int(q, 0) : 0;
  shop__query_reset(q);
  return status;
}

int32_t shop__guess_last_slot(shop__tx_t *tx, int64_t *slot) {
  return read_slot(tx, LAST_SLOT, slot);
}

int32_t shop__guess_weakest_slot(shop__tx_t *tx, int64_t *slot) {
  return read_slot(tx, WEAKEST_SLOT, slot);
}

int32_t shop__guess_clear(shop__tx_t *tx, const uint8_t *key) {
  shop__query_t *q = shop__query(tx, GUESS_CLEAR);

  shop__query_blob(q, 1, key, SHOP__GUESS_KEY_BYTES);
  return shop__query_run(q, NULL);
}

int32_t shop__guesses_forget(shop__tx_t *tx, int64_t before_ms, int32_t limit, int64_t *count) {
  shop__query_t *q = shop__query(tx, GUESSES_FORGET);

  shop__query_int(q, 1, before_ms);
  shop__query_int(q, 2, limit);
  return shop__query_run(q, count);
}

/* ---- known sources ------------------------------------------------------------------- */

int32_t shop__source_get(shop__tx_t *tx, int64_t user_id, const uint8_t *source, bool *known,
                         int64_t *at_ms) {
  shop__query_t *q = shop__query(tx, SOURCE_GET);
  int32_t status;

  shop__query_int(q, 1, user_id);
  shop__query_blob(q, 2, source, SHOP__GUESS_KEY_BYTES);
  status = shop__rows_first(q, known);
  *at_ms = status == SHOP_OK && *known ? shop__query_get_int(q, 0) : 0;
  shop__query_reset(q);
  return status;
}

int32_t shop__source_put(shop__tx_t *tx, int64_t user_id, const uint8_t *source, int64_t now_ms) {
  shop__query_t *q = shop__query(tx, SOURCE_PUT);

  shop__query_int(q, 1, user_id);
  shop__query_blob(q, 2, source, SHOP__GUESS_KEY_BYTES);
  shop__query_int(q, 3, now_ms);
  return shop__query_run(q, NULL);
}

int32_t shop__sources_trim(shop__tx_t *tx, int64_t user_id, int32_t keep) {
  shop__query_t *q = shop__query(tx, SOURCES_TRIM);

  shop__query_int(q, 1, user_id);
  shop__query_int(q, 2, keep);
  return shop__query_run(q, NULL);
}

int32_t shop__sources_forget(shop__tx_t *tx, int64_t user_id, const uint8_t *but) {
  shop__query_t *q = shop__query(tx, SOURCES_FORGET);

  shop__query_int(q, 1, user_id);
  shop__query_blob(q, 2, but, SHOP__GUESS_KEY_BYTES);
  return shop__query_run(q, NULL);
}
