/* Rows of the keys that sign tokens. */
#include <stdio.h>

#include "rows_parts.h"

#define KEY_COLUMNS "kid, alg, state, created_at_ms, until_ms, secret, sealed"

static const char KEYS_EACH[] =
    "SELECT " KEY_COLUMNS " FROM signing_keys ORDER BY created_at_ms, kid";
static const char KEY_GET[] = "SELECT " KEY_COLUMNS " FROM signing_keys WHERE kid = $1";
static const char KEY_INSERT[] =
    "INSERT INTO signing_keys (kid, alg, state, secret, created_at_ms, sealed)"
    " VALUES ($1, $2, 1, $3, $4, $5)";
static const char KEY_REST[] =
    "UPDATE signing_keys SET state = 2, until_ms = $2 WHERE alg = $1 AND state = 1 RETURNING kid";
static const char KEY_SEAL[] =
    "UPDATE signing_keys SET secret = $2, sealed = 1 WHERE kid = $1";
static const char KEY_RETIRE[] =
    "UPDATE signing_keys SET state = 3, until_ms = $2, secret = $3, sealed = 0 WHERE kid = $1";

shop__query_t *shop__signing_keys_each(shop__tx_t *tx) {
  return shop__query(tx, KEYS_EACH);
}

static void read_key(shop__query_t *q, struct shop__signing_key_row *row) {
  *row = (struct shop__signing_key_row){
      .kid = shop__query_get_text(q, 0),
      .alg = (int32_t)shop__query_get_int(q, 1),
      .state = (int32_t)shop__query_get_int(q, 2),
      .created_at_ms = shop__query_get_int(q, 3),
      .until_ms = shop__query_get_int(q, 4),
  };
  row->secret = shop__query_get_blob(q, 5, &row->secret_size);
  row->sealed = shop__query_get_int(q, 6) != 0;
}

int32_t shop__signing_keys_next(shop__query_t *q, struct shop__signing_key_row *row) {
  int32_t status = shop__query_step(q);

  if (status == SHOP__ROW)
    read_key(q, row);
  return status;
}

int32_t shop__signing_key_get(shop__tx_t *tx, const char *kid, struct shop__signing_key_row *row,
                              bool *found) {
  shop__query_t *q = shop__query(tx, KEY_GET);
  int32_t status;

  shop__query_text(q, 1, kid);
  status = shop__rows_first(q, found);
  if (status == SHOP_OK && *found)
    read_key(q, row);
  return status;
}

int32_t shop__signing_key_insert(shop__tx_t *tx, const struct shop__signing_key_row *row,
                                 int64_t now_ms) {
  shop__query_t *q = shop__query(tx, KEY_INSERT);

  shop__query_text(q, 1, row->kid);
  shop__query_int(q, 2, row->alg);
  shop__query_blob(q, 3, row->secret, row->secret_size);
  shop__query_int(q, 4, now_ms);
  shop__query_int(q, 5, row->sealed);
  return shop__query_run(q, NULL);
}

int32_t shop__signing_key_rest(shop__tx_t *tx, int32_t alg, int64_t until_ms,
                               char kid[SHOP__KID_TEXT_BYTES]) {
  shop__query_t *q = shop__query(tx, KEY_REST);
  int32_t status;

  shop__query_int(q, 1, alg);
  shop__query_int(q, 2, until_ms);
  kid[0] = '\0';
  while ((status = shop__query_step(q)) == SHOP__ROW)
    (void)snprintf(kid, SHOP__KID_TEXT_BYTES, "%s", shop__query_get_text(q, 0));
  return status;
}

int32_t shop__signing_key_seal(shop__tx_t *tx, const char *kid, const void *sealed, size_t size) {
  shop__query_t *q = shop__query(tx, KEY_SEAL);

  shop__query_text(q, 1, kid);
  shop__query_blob(q, 2, sealed, size);
  return shop__query_run(q, NULL);
}

int32_t shop__signing_key_retire(shop__tx_t *tx, const char *kid, int64_t until_ms) {
  shop__query_t *q = shop__query(tx, KEY_RETIRE);

  shop__query_text(q, 1, kid);
  shop__query_int(q, 2, until_ms);
  shop__query_blob(q, 3, "", 0);
  return shop__query_run(q, NULL);
}
