/* Rows of carts and their lines. */
#include "rows_parts.h"

#define CART_COLUMNS                                                                              \
  "id, user_id, state, version, line_count, currency, order_id, created_at_ms, updated_at_ms," \
  " hold_start_ms, hold_length_ms"

static const char CART_BY_ID[] =
    "SELECT " CART_COLUMNS " FROM carts WHERE id = $1 AND user_id = $2";
static const char CART_LIVING[] =
    "SELECT " CART_COLUMNS " FROM carts WHERE user_id = $1 AND state IN (1, 2)";
static const char CART_INSERT[] =
    "INSERT INTO carts (id, user_id, state, version, line_count, created_at_ms, updated_at_ms)"
    " VALUES ($1, $2, $3, $4, $5, $6, $6)";
static const char CART_UPDATE[] =
    "UPDATE carts SET state = $2, version = $3, line_count = $4, currency = $5, order_id = $6,"
    " updated_at_ms = $7 WHERE id = $1";
/* The state is left out, for naming it costs its index a delete and an insert. */
static const char CART_TOUCH[] =
    "UPDATE carts SET version = $2, line_count = $3, currency = $4, updated_at_ms = $5"
    " WHERE id = $1";
static const char CART_SET_HOLD[] =
    "UPDATE carts SET hold_start_ms = $2, hold_length_ms = $3 WHERE id = $1";
static const char CART_GIVE[] =
    "UPDATE carts SET user_id = $2, version = $3, updated_at_ms = $4 WHERE id = $1";
static const char CART_DELETE[] = "DELETE FROM carts WHERE id = $1";
/* A hold is a lease: before its start it is over as well. */
#define HOLD_IS_OVER                                                                              \
  " c.hold_length_ms > 0 AND c.state = 1"                                                        \
  " AND (c.hold_start_ms > $1 OR c.hold_start_ms <= $1 - c.hold_length_ms)"                      \
  " ORDER BY c.hold_start_ms, c.id LIMIT 1"
static const char CART_HOLD_OVER[] =
    "SELECT c.id, c.hold_start_ms, c.hold_length_ms FROM carts c WHERE" HOLD_IS_OVER;
static const char CART_HOLD_OVER_OF_PRODUCT[] =
    "SELECT c.id, c.hold_start_ms, c.hold_length_ms FROM carts c JOIN cart_lines l"
    " ON l.cart_id = c.id AND l.product_id = $2 WHERE" HOLD_IS_OVER;
static const char LINES_EACH[] =
    "SELECT l.product_id, l.quantity, l.kept_price_minor, p.sku, p.name, p.price_minor,"
    " p.currency, p.state, p.available FROM cart_lines l JOIN products p ON p.id = l.product_id"
    " WHERE l.cart_id = $1 ORDER BY l.position";
static const char PIECE_AFTER[] =
    "SELECT l.product_id, l.quantity, p.sku FROM cart_lines l JOIN products p ON p.id = l.product_id"
    " WHERE l.cart_id = $1 AND l.product_id > $2 ORDER BY l.product_id LIMIT 1";
static const char PLACE_AFTER[] =
    "SELECT position, product_id, quantity, kept_price_minor FROM cart_lines"
    " WHERE cart_id = $1 AND position > $2 ORDER BY position LIMIT 1";
static const char LINE_QUANTITY[] =
    "SELECT quantity FROM cart_lines WHERE cart_id = $1 AND product_id = $2";
static const char LINE_INSERT[] =
    "INSERT INTO cart_lines (cart_id, product_id, position, quantity, kept_price_minor)"
    " VALUES ($1, $2, $3, $4, $5)";
static const char LINE_SET[] =
    "UPDATE cart_lines SET quantity = $3, kept_price_minor = $4"
    " WHERE cart_id = $1 AND product_id = $2";
static const char LINE_SET_QUANTITY[] =
    "UPDATE cart_lines SET quantity = $3 WHERE cart_id = $1 AND product_id = $2";
static const char LINE_DELETE[] = "DELETE FROM cart_lines WHERE cart_id = $1 AND product_id = $2";
static const char LINES_DELETE[] = "DELETE FROM cart_lines WHERE cart_id = $1";
static const char LINES_REPRICE[] =
    "UPDATE cart_lines SET kept_price_minor = p.price_minor FROM products p"
    " WHERE cart_lines.cart_id = $1 AND p.id = cart_lines.product_id AND p.state = 1"
    " AND p.currency = $2";

static int32_t read_cart(shop__query_t *q, struct shop__cart_row *row, bool *found) {
  int32_t status = shop__rows_first(q, found);

  if (status == SHOP_OK && *found)
    *row = (struct shop__cart_row){
        .id = shop__query_get_int(q, 0),
        .user_id = shop__query_get_int(q, 1),
        .state = (int32_t)shop__query_get_int(q, 2),
        .version = shop__query_get_int(q, 3),
        .line_count = shop__query_get_int(q, 4),
        .currency = shop__query_get_text(q, 5),
        .order_id = shop__query_get_int(q, 6),
        .created_at_ms = shop__query_get_int(q, 7),
        .updated_at_ms = shop__query_get_int(q, 8),
        .hold_start_ms = shop__query_get_int(q, 9),
        .hold_length_ms = shop__query_get_int(q, 10),
    };
  return status;
}

int32_t shop__cart_by_id(shop__tx_t *tx, int64_t id, int64_t user_id, struct shop__cart_row *row,
                         bool *found) {
  shop__query_t *q = shop__query(tx, CART_BY_ID);

  shop__query_int(q, 1, id);
  shop__query_int(q, 2, user_id);
  return read_cart(q, row, found);
}

int32_t shop__cart_living(shop__tx_t *tx, int64_t user_id, struct shop__cart_row *row,
                          bool *found) {
  shop__query_t *q = shop__query(tx, CART_LIVING);

  shop__query_int(q, 1, user_id);
  return read_cart(q, row, found);
}

int32_t shop__cart_insert(shop__tx_t *tx, const struct shop__cart_row *row) {
  shop__query_t *q = shop__query(tx, CART_INSERT);

  shop__query_int(q, 1, row->id);
  shop__query_int(q, 2, row->user_id);
  shop__query_int(q, 3, row->state);
  shop__query_int(q, 4, row->version);
  shop__query_int(q, 5, row->line_count);
  shop__query_int(q, 6, row->created_at_ms);
  return shop__query_run(q, NULL);
}

int32_t shop__cart_update(shop__tx_t *tx, const struct shop__cart_row *row) {
  shop__query_t *q = shop__query(tx, CART_UPDATE);

  shop__query_int(q, 1, row->id);
  shop__query_int(q, 2, row->state);
  shop__query_int(q, 3, row->version);
  shop__query_int(q, 4, row->line_count);
  shop__query_text(q, 5, row->currency);
  shop__rows_bind_optional(q, 6, row->order_id);
  shop__query_int(q, 7, row->updated_at_ms);
  return shop__query_run(q, NULL);
}

int32_t shop__cart_touch(shop__tx_t *tx, const struct shop__cart_row *row) {
  shop__query_t *q = shop__query(tx, CART_TOUCH);

  shop__query_int(q, 1, row->id);
  shop__query_int(q, 2, row->version);
  shop__query_int(q, 3, row->line_count);
  shop__query_text(q, 4, row->currency);
  shop__query_int(q, 5, row->updated_at_ms);
  return shop__query_run(q, NULL);
}

int32_t shop__cart_set_hold(shop__tx_t *tx, int64_t id, int64_t start_ms, int64_t length_ms) {
  shop__query_t *q = shop__query(tx, CART_SET_HOLD);

  shop__query_int(q, 1, id);
  shop__query_int(q, 2, start_ms);
  shop__query_int(q, 3, length_ms);
  return shop__query_run(q, NULL);
}

int32_t shop__cart_give(shop__tx_t *tx, const struct shop__cart_row *row) {
  shop__query_t *q = shop__query(tx, CART_GIVE);

  shop__query_int(q, 1, row->id);
  shop__query_int(q, 2, row->user_id);
  shop__query_int(q, 3, row->version);
  shop__query_int(q, 4, row->updated_at_ms);
  return shop__query_run(q, NULL);
}

int32_t shop__cart_delete(shop__tx_t *tx, int64_t id) {
  int32_t status = shop__cart_lines_delete(tx, id);
  shop__query_t *q;

  if (status != SHOP_OK)
    return status;
  q = shop__query(tx, CART_DELETE);
  shop__query_int(q, 1, id);
  return shop__query_run(q, NULL);
}

int32_t shop__cart_hold_over(shop__tx_t *tx, int64_t product_id, int64_t now_ms,
                             struct shop__cart_row *row, bool *found) {
  shop__query_t *q =
      shop__query(tx, product_id == 0 ? CART_HOLD_OVER : CART_HOLD_OVER_OF_PRODUCT);
  int32_t status;

  shop__query_int(q, 1, now_ms);
  if (product_id != 0)
    shop__query_int(q, 2, product_id);
  status = shop__rows_first(q, found);
  if (status == SHOP_OK && *found)
    *row = (struct shop__cart_row){.id = shop__query_get_int(q, 0),
                                   .hold_start_ms = shop__query_get_int(q, 1),
                                   .hold_length_ms = shop__query_get_int(q, 2)};
  shop__query_reset(q);
  return status;
}

shop__query_t *shop__cart_lines_each(shop__tx_t *tx, int64_t cart_id) {
  shop__query_t *q = shop__query(tx, LINES_EACH);

  shop__query_int(q, 1, cart_id);
  return q;
}

int32_t shop__cart_lines_next(shop__query_t *q, struct shop__cart_line_row *row) {
  int32_t status = shop__query_step(q);

  if (status == SHOP__ROW)
    *row = (struct shop__cart_line_row){
        .product_id = shop__query_get_int(q, 0),
        .quantity = shop__query_get_int(q, 1),
        .kept_price_minor = shop__query_get_int(q, 2),
        .sku = shop__query_get_text(q, 3),
        .name = shop__query_get_text(q, 4),
        .price_minor = shop__query_get_int(q, 5),
        .currency = shop__query_get_text(q, 6),
        .product_state = (int32_t)shop__query_get_int(q, 7),
        .unlimited = shop__query_is_null(q, 8),
        .available = shop__query_get_int(q, 8),
    };
  return status;
}

int32_t shop__cart_piece_after(shop__tx_t *tx, int64_t cart_id, int64_t after_product_id,
                               struct shop__cart_piece_row *row, bool *found) {
  shop__query_t *q = shop__query(tx, PIECE_AFTER);
  int32_t status;

  shop__query_int(q, 1, cart_id);
  shop__query_int(q, 2, after_product_id);
  status = shop__rows_first(q, found);
  if (status == SHOP_OK && *found)
    *row = (struct shop__cart_piece_row){.product_id = shop__query_get_int(q, 0),
                                         .quantity = shop__query_get_int(q, 1),
                                         .sku = shop__query_get_text(q, 2)};
  return status;
}

int32_t shop__cart_place_after(shop__tx_t *tx, int64_t cart_id, int64_t after_position,
                               struct shop__cart_place_row *row, bool *found) {
  shop__query_t *q = shop__query(tx, PLACE_AFTER);
  int32_t status;

  shop__query_int(q, 1, cart_id);
  shop__query_int(q, 2, after_position);
  status = shop__rows_first(q, found);
  if (status == SHOP_OK && *found)
    *row = (struct shop__cart_place_row){.position = shop__query_get_int(q, 0),
                                         .product_id = shop__query_get_int(q, 1),
                                         .quantity = shop__query_get_int(q, 2),
                                         .kept_price_minor = shop__query_get_int(q, 3)};
  return status;
}

static shop__query_t *line_query(shop__tx_t *tx, const char *sql, int64_t cart_id,
                                 int64_t product_id) {
  shop__query_t *q = shop__query(tx, sql);

  shop__query_int(q, 1, cart_id);
  shop__query_int(q, 2, product_id);
  return q;
}

int32_t shop__cart_line_quantity(shop__tx_t *tx, int64_t cart_id, int64_t product_id,
                                 int64_t *quantity) {
  shop__query_t *q = line_query(tx, LINE_QUANTITY, cart_id, product_id);
  bool found = false;
  int32_t status = shop__rows_first(q, &found);

  *quantity = found ? shop__query_get_int(q, 0) : 0;
  shop__query_reset(q);
  return status;
}

int32_t shop__cart_line_insert(shop__tx_t *tx, int64_t cart_id, int64_t product_id,
                               int64_t position, int64_t quantity, int64_t kept_price_minor) {
  shop__query_t *q = line_query(tx, LINE_INSERT, cart_id, product_id);

  shop__query_int(q, 3, position);
  shop__query_int(q, 4, quantity);
  shop__query_int(q, 5, kept_price_minor);
  return shop__query_run(q, NULL);
}

int32_t shop__cart_line_set(shop__tx_t *tx, int64_t cart_id, int64_t product_id, int64_t quantity,
                            int64_t kept_price_minor) {
  shop__query_t *q = line_query(tx, LINE_SET, cart_id, product_id);

  shop__query_int(q, 3, quantity);
  shop__query_int(q, 4, kept_price_minor);
  return shop__query_run(q, NULL);
}

int32_t shop__cart_line_set_quantity(shop__tx_t *tx, int64_t cart_id, int64_t product_id,
                                     int64_t quantity, bool *found) {
  shop__query_t *q = line_query(tx, LINE_SET_QUANTITY, cart_id, product_id);

  shop__query_int(q, 3, quantity);
  return shop__rows_change(q, found);
}

int32_t shop__cart_line_delete(shop__tx_t *tx, int64_t cart_id, int64_t product_id, bool *found) {
  return shop__rows_change(line_query(tx, LINE_DELETE, cart_id, product_id), found);
}

int32_t shop__cart_lines_delete(shop__tx_t *tx, int64_t cart_id) {
  shop__query_t *q = shop__query(tx, LINES_DELETE);

  shop__query_int(q, 1, cart_id);
  return shop__query_run(q, NULL);
}

int32_t shop__cart_lines_reprice(shop__tx_t *tx, int64_t cart_id, const char *currency) {
  shop__query_t *q = shop__query(tx, LINES_REPRICE);

  shop__query_int(q, 1, cart_id);
  shop__query_text(q, 2, currency);
  return shop__query_run(q, NULL);
}
