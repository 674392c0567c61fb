/* Rows of products and their stock. */
#include "rows_parts.h"

#define PRODUCT_COLUMNS                                                                           \
  "id, sku, name, price_minor, currency, state, available, reserved, shortfall, received, sold,"  \
  " created_at_ms, external_id, note, description"

static const char PRODUCT_BY_SKU[] = "SELECT " PRODUCT_COLUMNS " FROM products WHERE sku = $1";
static const char PRODUCTS_EACH[] =
    "SELECT " PRODUCT_COLUMNS " FROM products WHERE id > $1 ORDER BY id LIMIT $2";
static const char PRODUCT_INSERT[] =
    "INSERT INTO products (id, sku, name, price_minor, currency, state, available, reserved,"
    " shortfall, received, sold, created_at_ms, updated_at_ms, description)"
    " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $12, $13)";
static const char PRODUCT_UPDATE[] =
    "UPDATE products SET name = $2, price_minor = $3, currency = $4, state = $5, available = $6,"
    " shortfall = $7, received = $8, updated_at_ms = $9, description = $10 WHERE id = $1";
static const char PRODUCT_SET_STATE[] =
    "UPDATE products SET state = $2, updated_at_ms = $3 WHERE sku = $1";
static const char PRODUCT_SET_STOCK[] =
    "UPDATE products SET available = $2, shortfall = $3, received = $4, updated_at_ms = $5"
    " WHERE id = $1";
static const char PRODUCT_SET_METADATA[] =
    "UPDATE products SET note = $2, external_id = $3, updated_at_ms = $4 WHERE sku = $1";
/* NULL - $2 is NULL, so an unlimited product stays so. */
static const char PRODUCT_RESERVE[] =
    "UPDATE products SET available = available - $2, reserved = reserved + $2"
    " WHERE id = $1 AND (available IS NULL OR available >= $2)";
static const char PRODUCT_TAKE[] =
    "UPDATE products SET reserved = reserved - $2, sold = sold + $2 WHERE id = $1";
static const char PRODUCT_RETURN[] =
    "UPDATE products SET sold = sold - $2,"
    " available = available + CASE WHEN shortfall >= $2 THEN 0 ELSE $2 - shortfall END,"
    " shortfall = CASE WHEN shortfall >= $2 THEN shortfall - $2 ELSE 0 END"
    " WHERE id = $1";
static const char PRODUCT_RELEASE[] =
    "UPDATE products SET reserved = reserved - $2,"
    " available = available + CASE WHEN shortfall >= $2 THEN 0 ELSE $2 - shortfall END,"
    " shortfall = CASE WHEN shortfall >= $2 THEN shortfall - $2 ELSE 0 END"
    " WHERE id = $1";

static void read_product(shop__query_t *q, struct shop__product_row *row) {
  *row = (struct shop__product_row){
      .id = shop__query_get_int(q, 0),
      .sku = shop__query_get_text(q, 1),
      .name = shop__query_get_text(q, 2),
      .price_minor = shop__query_get_int(q, 3),
      .currency = shop__query_get_text(q, 4),
      .state = (int32_t)shop__query_get_int(q, 5),
      .stock = shop__rows_stock(q, 6),
      .created_at_ms = shop__query_get_int(q, 11),
      .external_id = shop__query_get_text(q, 12),
      .note = shop__query_get_text(q, 13),
      .description = shop__query_get_text(q, 14),
  };
}

/* NULL stands for unlimited; a value not bound is NULL. */
static void bind_available(shop__query_t *q, int32_t n, const struct shop__stock *stock) {
  if (!stock->unlimited)
    shop__query_int(q, n, stock->available);
}

int32_t shop__product_by_sku(shop__tx_t *tx, const char *sku, struct shop__product_row *row,
                             bool *found) {
  shop__query_t *q = shop__query(tx, PRODUCT_BY_SKU);
  int32_t status;

  shop__query_text(q, 1, sku);
  status = shop__rows_first(q, found);
  if (status == SHOP_OK && *found)
    read_product(q, row);
  return status;
}

shop__query_t *shop__products_each(shop__tx_t *tx, int64_t after_id, int32_t limit) {
  shop__query_t *q = shop__query(tx, PRODUCTS_EACH);

  shop__query_int(q, 1, after_id);
  shop__query_int(q, 2, limit);
  return q;
}

int32_t shop__products_next(shop__query_t *q, struct shop__product_row *row) {
  int32_t status = shop__query_step(q);

  if (status == SHOP__ROW)
    read_product(q, row);
  return status;
}

int32_t shop__product_insert(shop__tx_t *tx, const struct shop__product_row *row) {
  shop__query_t *q = shop__query(tx, PRODUCT_INSERT);

  shop__query_int(q, 1, row->id);
  shop__query_text(q, 2, row->sku);
  shop__query_text(q, 3, row->name);
  shop__query_int(q, 4, row->price_minor);
  shop__query_text(q, 5, row->currency);
  shop__query_int(q, 6, row->state);
  bind_available(q, 7, &row->stock);
  shop__query_int(q, 8, row->stock.reserved);
  shop__query_int(q, 9, row->stock.shortfall);
  shop__query_int(q, 10, row->stock.received);
  shop__query_int(q, 11, row->stock.sold);
  shop__query_int(q, 12, row->created_at_ms);
  shop__query_text(q, 13, row->description);
  return shop__query_run(q, NULL);
}

int32_t shop__product_update(shop__tx_t *tx, const struct shop__product_row *row,
                             int64_t now_ms) {
  shop__query_t *q = shop__query(tx, PRODUCT_UPDATE);

  shop__query_int(q, 1, row->id);
  shop__query_text(q, 2, row->name);
  shop__query_int(q, 3, row->price_minor);
  shop__query_text(q, 4, row->currency);
  shop__query_int(q, 5, row->state);
  bind_available(q, 6, &row->stock);
  shop__query_int(q, 7, row->stock.shortfall);
  shop__query_int(q, 8, row->stock.received);
  shop__query_int(q, 9, now_ms);
  shop__query_text(q, 10, row->description);
  return shop__query_run(q, NULL);
}

int32_t shop__product_set_state(shop__tx_t *tx, const char *sku, int32_t state, int64_t now_ms,
                                bool *found) {
  shop__query_t *q = shop__query(tx, PRODUCT_SET_STATE);

  shop__query_text(q, 1, sku);
  shop__query_int(q, 2, state);
  shop__query_int(q, 3, now_ms);
  return shop__rows_change(q, found);
}

int32_t shop__product_set_stock(shop__tx_t *tx, int64_t id, const struct shop__stock *stock,
                                int64_t now_ms) {
  shop__query_t *q = shop__query(tx, PRODUCT_SET_STOCK);

  shop__query_int(q, 1, id);
  bind_available(q, 2, stock);
  shop__query_int(q, 3, stock->shortfall);
  shop__query_int(q, 4, stock->received);
  shop__query_int(q, 5, now_ms);
  return shop__query_run(q, NULL);
}

int32_t shop__product_update_metadata(shop__tx_t *tx, const char *sku, const char *note,
                                      const char *external_id, int64_t now_ms, bool *found) {
  shop__query_t *q = shop__query(tx, PRODUCT_SET_METADATA);

  shop__query_text(q, 1, sku);
  shop__query_text(q, 2, note);
  shop__query_text(q, 3, external_id);
  shop__query_int(q, 4, now_ms);
  return shop__rows_change(q, found);
}

static shop__query_t *move_stock(shop__tx_t *tx, const char *sql, int64_t id, int64_t quantity) {
  shop__query_t *q = shop__query(tx, sql);

  shop__query_int(q, 1, id);
  shop__query_int(q, 2, quantity);
  return q;
}

int32_t shop__product_reserve(shop__tx_t *tx, int64_t id, int64_t quantity, bool *enough) {
  return shop__rows_change(move_stock(tx, PRODUCT_RESERVE, id, quantity), enough);
}

int32_t shop__product_take(shop__tx_t *tx, int64_t id, int64_t quantity) {
  return shop__query_run(move_stock(tx, PRODUCT_TAKE, id, quantity), NULL);
}

int32_t shop__product_release(shop__tx_t *tx, int64_t id, int64_t quantity) {
  return shop__query_run(move_stock(tx, PRODUCT_RELEASE, id, quantity), NULL);
}

int32_t shop__product_return(shop__tx_t *tx, int64_t id, int64_t quantity) {
  return shop__query_run(move_stock(tx, PRODUCT_RETURN, id, quantity), NULL);
}
