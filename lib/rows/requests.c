/* Rows of idempotency keys, each with the request and the result it stands for. */
#include "rows_parts.h"

static const char REQUEST_GET[] =
    "SELECT digest, result_id FROM requests WHERE user_id = $1 AND operation = $2 AND key = $3";
static const char REQUEST_INSERT[] =
    "INSERT INTO requests (user_id, operation, key, digest, result_id, created_at_ms)"
    " VALUES ($1, $2, $3, $4, $5, $6)";

int32_t shop__request_get(shop__tx_t *tx, int64_t user_id, const char *operation, const char *key,
                          struct shop__request_row *row, bool *found) {
  shop__query_t *q = shop__query(tx, REQUEST_GET);
  size_t size = 0;
  int32_t status;

  shop__query_int(q, 1, user_id);
  shop__query_text(q, 2, operation);
  shop__query_text(q, 3, key);
  status = shop__rows_first(q, found);
  if (status == SHOP_OK && *found) {
    *row = (struct shop__request_row){.user_id = user_id, .operation = operation, .key = key};
    row->digest = shop__query_get_blob(q, 0, &size);
    row->result_id = shop__query_get_int(q, 1);
    if (size != SHOP__DIGEST_BYTES)
      return shop__error_set(shop__tx_error(tx), SHOP_ERR_CORRUPT,
                             "a stored idempotency key is damaged");
  }
  return status;
}

int32_t shop__request_insert(shop__tx_t *tx, const struct shop__request_row *row,
                             int64_t now_ms) {
  shop__query_t *q = shop__query(tx, REQUEST_INSERT);

  shop__query_int(q, 1, row->user_id);
  shop__query_text(q, 2, row->operation);
  shop__query_text(q, 3, row->key);
  shop__query_blob(q, 4, row->digest, SHOP__DIGEST_BYTES);
  shop__query_int(q, 5, row->result_id);
  shop__query_int(q, 6, now_ms);
  return shop__query_run(q, NULL);
}
