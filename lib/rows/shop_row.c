/* Rows of the shop itself: its identity and its signing keys. */
#include "rows_parts.h"

static const char SHOP_GET[] = "SELECT store_id FROM shop WHERE id = 1";
static const char SHOP_INSERT[] =
    "INSERT INTO shop (id, store_id, created_at_ms) VALUES (1, $1, $2)";
static const char KEYS_EACH[] = "SELECT kid, alg, state, secret FROM signing_keys ORDER BY kid";
static const char KEY_INSERT[] =
    "INSERT INTO signing_keys (kid, alg, state, secret, created_at_ms)"
    " VALUES ($1, $2, $3, $4, $5)";

int32_t shop__shop_get(shop__tx_t *tx, const char **store_id, bool *found) {
  shop__query_t *q = shop__query(tx, SHOP_GET);
  int32_t status = shop__rows_first(q, found);

  if (status == SHOP_OK && *found)
    *store_id = shop__query_get_text(q, 0);
  return status;
}

int32_t shop__shop_insert(shop__tx_t *tx, const char *store_id, int64_t now_ms) {
  shop__query_t *q = shop__query(tx, SHOP_INSERT);

  shop__query_text(q, 1, store_id);
  shop__query_int(q, 2, now_ms);
  return shop__query_run(q, NULL);
}

shop__query_t *shop__signing_keys_each(shop__tx_t *tx) {
  return shop__query(tx, KEYS_EACH);
}

int32_t shop__signing_keys_next(shop__query_t *q, struct shop__signing_key_row *row) {
  int32_t status = shop__query_step(q);

  if (status == SHOP__ROW) {
    row->kid = shop__query_get_text(q, 0);
    row->alg = (int32_t)shop__query_get_int(q, 1);
    row->state = (int32_t)shop__query_get_int(q, 2);
    row->secret = shop__query_get_blob(q, 3, &row->secret_size);
  }
  return status;
}

int32_t shop__signing_key_insert(shop__tx_t *tx, const struct shop__signing_key_row *row,
                                 int64_t now_ms) {
  shop__query_t *q = shop__query(tx, KEY_INSERT);

  shop__query_text(q, 1, row->kid);
  shop__query_int(q, 2, row->alg);
  shop__query_int(q, 3, row->state);
  shop__query_blob(q, 4, row->secret, row->secret_size);
  shop__query_int(q, 5, now_ms);
  return shop__query_run(q, NULL);
}
