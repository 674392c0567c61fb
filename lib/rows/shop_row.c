/* The row of the shop itself: its identity. */
#include "rows_parts.h"

static const char SHOP_GET[] = "SELECT store_id, guess_secret FROM shop WHERE id = 1";
static const char SHOP_INSERT[] =
    "INSERT INTO shop (id, store_id, guess_secret, created_at_ms) VALUES (1, $1, $2, $3)";

int32_t shop__shop_get(shop__tx_t *tx, struct shop__shop_row *row, bool *found) {
  shop__query_t *q = shop__query(tx, SHOP_GET);
  int32_t status = shop__rows_first(q, found);

  if (status == SHOP_OK && *found) {
    row->store_id = shop__query_get_text(q, 0);
    row->guess_secret = shop__query_get_blob(q, 1, &row->guess_secret_size);
  }
  return status;
}

int32_t shop__shop_insert(shop__tx_t *tx, const struct shop__shop_row *row, int64_t now_ms) {
  shop__query_t *q = shop__query(tx, SHOP_INSERT);

  shop__query_text(q, 1, row->store_id);
  shop__query_blob(q, 2, row->guess_secret, row->guess_secret_size);
  shop__query_int(q, 3, now_ms);
  return shop__query_run(q, NULL);
}
