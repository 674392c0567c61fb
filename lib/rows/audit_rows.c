/* Walks over whole tables, for the audit. */
#include "rows_parts.h"

static const char PRODUCTS_EACH[] =
    "SELECT id, sku, available, reserved, shortfall, received, sold FROM products ORDER BY id";
static const char RESERVATIONS_EACH[] =
    "SELECT product_id, quantity, state, returned FROM reservations ORDER BY order_id, product_id";
static const char HELD_PIECES_EACH[] =
    "SELECT l.product_id, l.quantity FROM carts c JOIN cart_lines l ON l.cart_id = c.id"
    " WHERE c.hold_length_ms > 0 AND c.state = 1 ORDER BY c.id, l.product_id";
/* Mail of an erased order that was not sent any more needs nobody.
   A change is one of the order, of its payment, or of what was asked of the gateway
   or noted for it. */
static const char ORDERS_EACH[] =
    "SELECT o.id, o.number, o.cart_id, o.status, o.currency, o.total_minor, p.state, p.attention,"
    " p.captured_minor, p.captured_currency, p.amount_minor, p.currency, n.created_at_ms, n.state,"
    " c.state, c.order_id, CASE WHEN o.email = '' AND m.state = 4 THEN 3 ELSE m.state END, p.refunded_minor, p.held_since_ms FROM orders o LEFT JOIN payments p ON p.order_id = o.id"
    " LEFT JOIN operations n ON n.order_id = o.id AND n.kind = 1"
    " LEFT JOIN carts c ON c.id = o.cart_id"
    " LEFT JOIN outbox m ON m.order_id = o.id AND m.kind = 1 AND m.cause_id = 0 WHERE o.updated_at_ms >= $1"
    " OR p.updated_at_ms >= $1"
    " OR EXISTS (SELECT 1 FROM operations x WHERE x.order_id = o.id"
    " AND (x.created_at_ms >= $1 OR x.lease_start_ms >= $1))"
    " OR EXISTS (SELECT 1 FROM events e WHERE e.order_id = o.id AND e.at_ms >= $1)"
    " ORDER BY o.id";
static const char LOST_CARTS_EACH[] =
    "SELECT c.id FROM carts c LEFT JOIN orders o ON o.id = c.order_id AND o.cart_id = c.id"
    " AND ((c.state = 2 AND o.status = 1) OR (c.state = 3 AND o.status IN (2, 4)))"
    " WHERE c.state IN (2, 3) AND o.id IS NULL ORDER BY c.id";
static const char GUEST_ORDERS_EACH[] =
    "SELECT o.number FROM users u JOIN orders o ON o.user_id = u.id"
    " WHERE u.guest_at_ms IS NOT NULL ORDER BY u.id, o.id";
/* Of payments that hold money: one that waits or was declined may be named by
   something that is not its own. */
static const char SHARED_REFERENCES_EACH[] =
    "SELECT o.number FROM payments p JOIN orders o ON o.id = p.order_id"
    " WHERE p.reference IS NOT NULL AND p.state IN (4, 6) AND EXISTS (SELECT 1 FROM payments q"
    " WHERE q.reference = p.reference AND q.state IN (4, 6) AND q.order_id < p.order_id)"
    " ORDER BY p.order_id";

shop__query_t *shop__audit_products_each(shop__tx_t *tx) {
  return shop__query(tx, PRODUCTS_EACH);
}

int32_t shop__audit_products_next(shop__query_t *q, struct shop__product_row *row) {
  int32_t status = shop__query_step(q);

  if (status == SHOP__ROW)
    *row = (struct shop__product_row){
        .id = shop__query_get_int(q, 0),
        .sku = shop__query_get_text(q, 1),
        .stock = shop__rows_stock(q, 2),
    };
  return status;
}

shop__query_t *shop__audit_reservations_each(shop__tx_t *tx) {
  return shop__query(tx, RESERVATIONS_EACH);
}

int32_t shop__audit_reservations_next(shop__query_t *q, struct shop__reservation_row *row) {
  return shop__reservations_next(q, row);
}

shop__query_t *shop__audit_held_pieces_each(shop__tx_t *tx) {
  return shop__query(tx, HELD_PIECES_EACH);
}

int32_t shop__audit_held_pieces_next(shop__query_t *q, struct shop__cart_piece_row *row) {
  int32_t status = shop__query_step(q);

  if (status == SHOP__ROW)
    *row = (struct shop__cart_piece_row){.product_id = shop__query_get_int(q, 0),
                                         .quantity = shop__query_get_int(q, 1)};
  return status;
}

shop__query_t *shop__audit_orders_each(shop__tx_t *tx, int64_t since_ms) {
  shop__query_t *q = shop__query(tx, ORDERS_EACH);

  shop__query_int(q, 1, since_ms);
  return q;
}

int32_t shop__audit_orders_next(shop__query_t *q, struct shop__audit_order_row *row) {
  int32_t status = shop__query_step(q);

  if (status == SHOP__ROW)
    *row = (struct shop__audit_order_row){
        .order =
            {
                .id = shop__query_get_int(q, 0),
                .number = shop__query_get_text(q, 1),
                .cart_id = shop__query_get_int(q, 2),
                .status = (int32_t)shop__query_get_int(q, 3),
                .currency = shop__query_get_text(q, 4),
                .total_minor = shop__query_get_int(q, 5),
                .payment =
                    {
                        .state = (int32_t)shop__query_get_int(q, 6),
                        .attention = (int32_t)shop__query_get_int(q, 7),
                        .captured_minor = shop__query_get_int(q, 8),
                        .captured_currency = shop__query_get_text(q, 9),
                        .amount_minor = shop__query_get_int(q, 10),
                        .currency = shop__query_get_text(q, 11),
                        .refunded_minor = shop__query_get_int(q, 17),
                        .held_since_ms = shop__query_get_int(q, 18),
                    },
            },
        .operation_created_at_ms = shop__query_get_int(q, 12),
        .operation_state = (int32_t)shop__query_get_int(q, 13),
        .cart_state = (int32_t)shop__query_get_int(q, 14),
        .cart_order_id = shop__query_get_int(q, 15),
        .mail_state = (int32_t)shop__query_get_int(q, 16),
    };
  return status;
}

shop__query_t *shop__audit_shared_references_each(shop__tx_t *tx) {
  return shop__query(tx, SHARED_REFERENCES_EACH);
}

shop__query_t *shop__audit_guest_orders_each(shop__tx_t *tx) {
  return shop__query(tx, GUEST_ORDERS_EACH);
}

int32_t shop__audit_guest_orders_next(shop__query_t *q, const char **number) {
  return shop__audit_shared_references_next(q, number);
}

int32_t shop__audit_shared_references_next(shop__query_t *q, const char **number) {
  int32_t status = shop__query_step(q);

  if (status == SHOP__ROW)
    *number = shop__query_get_text(q, 0);
  return status;
}

shop__query_t *shop__audit_lost_carts_each(shop__tx_t *tx) {
  return shop__query(tx, LOST_CARTS_EACH);
}

int32_t shop__audit_lost_carts_next(shop__query_t *q, int64_t *cart_id) {
  int32_t status = shop__query_step(q);

  if (status == SHOP__ROW)
    *cart_id = shop__query_get_int(q, 0);
  return status;
}
