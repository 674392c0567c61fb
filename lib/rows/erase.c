/* Taking a person out of the rows: what identifies goes, what was bought and paid stays. Each
   touches a few rows, so that no writer waits long. */
#include "rows_parts.h"

static const char ERASE_USER[] =
    "UPDATE users SET email = NULL, email_key = NULL, password_hash = NULL, note = NULL,"
    " external_id = NULL, language = NULL, epoch = epoch + 1, closed_at_ms = "
    "COALESCE(closed_at_ms, $2),"
    " erasing_at_ms = $2, updated_at_ms = $2 WHERE id = $1 AND erasing_at_ms IS NULL";
/* Said again: what has come back since, by whatever way. */
static const char ERASE_USER_AGAIN[] =
    "UPDATE users SET email = NULL, email_key = NULL, password_hash = NULL, note = NULL,"
    " external_id = NULL, language = NULL, erased_at_ms = NULL, updated_at_ms = $2"
    " WHERE id = $1 AND erasing_at_ms IS NOT NULL";
static const char ERASE_END[] =
    "UPDATE users SET erased_at_ms = $2, updated_at_ms = $2 WHERE id = $1";
static const char ERASING_NEXT[] =
    "SELECT id FROM users WHERE erasing_at_ms IS NOT NULL AND erased_at_ms IS NULL AND id > $1"
    " ORDER BY id LIMIT 1";
/* A guest whose cart an account has is closed as well, and thrown away as a guest. */
static const char CLOSED_NEXT[] =
    "SELECT id FROM users WHERE closed_at_ms IS NOT NULL AND erasing_at_ms IS NULL"
    " AND guest_at_ms IS NULL AND closed_at_ms < $1 ORDER BY closed_at_ms, id LIMIT 1";
static const char ERASE_TOKENS[] =
    "DELETE FROM tokens WHERE jti IN (SELECT jti FROM tokens WHERE user_id = $1 ORDER BY id LIMIT "
    "$2)";
static const char ERASE_REQUESTS[] =
    "DELETE FROM requests WHERE (user_id, operation, key) IN (SELECT user_id, operation, key"
    " FROM requests WHERE user_id = $1 ORDER BY operation, key LIMIT $2)";
static const char ERASE_REFRESHES[] =
    "DELETE FROM refresh_tokens WHERE hash IN (SELECT hash FROM refresh_tokens WHERE user_id = $1"
    " ORDER BY hash LIMIT $2)";
static const char ERASE_CODES[] =
    "DELETE FROM codes WHERE hash IN (SELECT hash FROM codes WHERE user_id = $1 ORDER BY hash"
    " LIMIT $2)";
static const char ERASE_SOURCES[] =
    "DELETE FROM known_sources WHERE user_id = $1 AND source IN (SELECT source FROM known_sources"
    " WHERE user_id = $1 ORDER BY source LIMIT $2)";
static const char ERASE_EVENTS[] =
    "UPDATE events SET detail = NULL WHERE id IN (SELECT id FROM events WHERE user_id = $1"
    " AND order_id IS NULL AND detail IS NOT NULL ORDER BY id LIMIT $2)";
static const char ERASE_CARTS[] =
    "UPDATE carts SET line_count = 0 WHERE id IN (SELECT id FROM carts WHERE user_id = $1"
    " AND state = 4 AND line_count > 0 ORDER BY id LIMIT $2)";
static const char ERASE_CART_LINES[] =
    "DELETE FROM cart_lines WHERE (cart_id, position) IN (SELECT l.cart_id, l.position FROM carts c"
    " JOIN cart_lines l ON l.cart_id = c.id WHERE c.user_id = $1 AND c.state = 4"
    " ORDER BY l.cart_id, l.position LIMIT $2)";
/* What waits will not be sent; the row stays, so that the audit finds it. */
#define EMPTY_MAIL                                                                                 \
  "UPDATE outbox SET recipient = '', message = $3, reason = NULL, code_hash = NULL,"               \
  " state = CASE WHEN state IN (1, 2) THEN 4 ELSE state END "
static const char ERASE_MAIL[] = EMPTY_MAIL
    "WHERE id IN (SELECT id FROM outbox WHERE user_id = $1 AND order_id IS NULL"
    " AND recipient <> '' ORDER BY id LIMIT $2)";
static const char ERASE_ORDER_MAIL[] = EMPTY_MAIL "WHERE order_id = $1";
static const char ERASE_ORDER_EVENTS[] = "UPDATE events SET detail = NULL WHERE order_id = $1";
static const char ERASE_ORDER_REPORTS[] = "UPDATE reports SET reason = NULL WHERE order_id = $1";
static const char ERASE_ORDER_OPERATIONS[] =
    "UPDATE operations SET method = '' WHERE order_id = $1";
static const char ERASE_ORDER_PAYMENT[] =
    "UPDATE payments SET client_data = NULL WHERE order_id = $1";
static const char ERASE_ORDER[] =
    "UPDATE orders SET email = '', email_key = '', shipping_address = NULL, billing_address = NULL,"
    " note = NULL WHERE id = $1";
/* Final: nothing is asked of the gateway any more, nor can be but a refund. */
static const char ORDER_NEXT[] =
    "SELECT o.id, CASE WHEN o.status <> 1 AND COALESCE(p.state, 4) IN (4, 5, 8)"
    " AND NOT EXISTS (SELECT 1 FROM operations x WHERE x.order_id = o.id AND x.state IN (1, 4))"
    " THEN 1 ELSE 0 END FROM orders o LEFT JOIN payments p ON p.order_id = o.id"
    " WHERE o.user_id = $1 AND o.id > $2 AND (o.email <> '' OR $3 = 1) ORDER BY o.id LIMIT 1";

int32_t shop__erase_user(shop__tx_t *tx, int64_t user_id, int64_t now_ms, bool *begun) {
  shop__query_t *q = shop__query(tx, ERASE_USER);
  int32_t status;

  shop__query_int(q, 1, user_id);
  shop__query_int(q, 2, now_ms);
  status = shop__rows_change(q, begun);
  if (status != SHOP_OK || *begun)
    return status;
  q = shop__query(tx, ERASE_USER_AGAIN);
  shop__query_int(q, 1, user_id);
  shop__query_int(q, 2, now_ms);
  return shop__query_run(q, NULL);
}

int32_t shop__erase_end(shop__tx_t *tx, int64_t user_id, int64_t now_ms) {
  shop__query_t *q = shop__query(tx, ERASE_END);

  shop__query_int(q, 1, user_id);
  shop__query_int(q, 2, now_ms);
  return shop__query_run(q, NULL);
}

/* The id of the first row, or 0. */
static int32_t next_user(shop__tx_t *tx, const char *sql, int64_t bound, int64_t *user_id) {
  shop__query_t *q = shop__query(tx, sql);
  bool found = false;
  int32_t status;

  shop__query_int(q, 1, bound);
  status = shop__rows_first(q, &found);
  *user_id = status == SHOP_OK && found ? shop__query_get_int(q, 0) : 0;
  shop__query_reset(q);
  return status;
}

int32_t shop__erasing_next(shop__tx_t *tx, int64_t after_id, int64_t *user_id) {
  return next_user(tx, ERASING_NEXT, after_id, user_id);
}

int32_t shop__erase_closed_next(shop__tx_t *tx, int64_t before_ms, int64_t *user_id) {
  return next_user(tx, CLOSED_NEXT, before_ms, user_id);
}

int32_t shop__erase_rows(shop__tx_t *tx, int64_t user_id, int32_t limit, bool *more) {
  static const char *const statements[] = {ERASE_TOKENS,    ERASE_REQUESTS,   ERASE_CODES,
                                           ERASE_REFRESHES, ERASE_SOURCES,    ERASE_EVENTS,
                                           ERASE_CARTS,     ERASE_CART_LINES, ERASE_MAIL};
  int32_t status = SHOP_OK;

  *more = false;
  for (size_t i = 0; status == SHOP_OK && i < sizeof statements / sizeof statements[0]; i++) {
    shop__query_t *q = shop__query(tx, statements[i]);
    int64_t changes = 0;

    shop__query_int(q, 1, user_id);
    shop__query_int(q, 2, limit);
    if (statements[i] == ERASE_MAIL)
      shop__query_blob(q, 3, "", 0);
    status = shop__query_run(q, &changes);
    *more |= changes == limit;
  }
  return status;
}

int32_t shop__erase_order(shop__tx_t *tx, int64_t order_id) {
  static const char *const statements[] = {ERASE_ORDER_MAIL,    ERASE_ORDER_EVENTS,
                                           ERASE_ORDER_REPORTS, ERASE_ORDER_OPERATIONS,
                                           ERASE_ORDER_PAYMENT, ERASE_ORDER};
  int32_t status = SHOP_OK;

  for (size_t i = 0; status == SHOP_OK && i < sizeof statements / sizeof statements[0]; i++) {
    shop__query_t *q = shop__query(tx, statements[i]);

    shop__query_int(q, 1, order_id);
    if (statements[i] == ERASE_ORDER_MAIL)
      shop__query_blob(q, 3, "", 0);
    status = shop__query_run(q, NULL);
  }
  return status;
}

int32_t shop__erase_order_next(shop__tx_t *tx, int64_t user_id, int64_t after_id, bool again,
                               int64_t *order_id, bool *final) {
  shop__query_t *q = shop__query(tx, ORDER_NEXT);
  bool found = false;
  int32_t status;

  shop__query_int(q, 1, user_id);
  shop__query_int(q, 2, after_id);
  shop__query_int(q, 3, again);
  status = shop__rows_first(q, &found);
  *order_id = status == SHOP_OK && found ? shop__query_get_int(q, 0) : 0;
  *final = status == SHOP_OK && found && shop__query_get_int(q, 1) != 0;
  shop__query_reset(q);
  return status;
}
