/* The baseline's purchase, in the same two transactions as libshop's: the order
   with its charge, then the gateway's answer. And its outbox. */
#include <stdio.h>
#include <string.h>

#include "baseline.h"

#define SENDER "orders@shop.example"

struct buying {
  struct base_cart cart;
  int64_t user_id;
  int64_t operation_id;
  int64_t total_minor;
  int64_t now_ms;
  char email[256];
  char number[13];
};

static void event(struct baseline *base, int64_t id, int64_t order_id, int64_t now_ms,
                  const char *name, const char *detail) {
  sqlite3_stmt *stmt = base_stmt(base, SQL_EVENT);

  sqlite3_bind_int64(stmt, 1, id);
  sqlite3_bind_int64(stmt, 2, order_id);
  sqlite3_bind_int64(stmt, 3, now_ms);
  sqlite3_bind_text(stmt, 4, name, -1, SQLITE_STATIC);
  sqlite3_bind_text(stmt, 5, detail, -1, SQLITE_STATIC);
  base_run(base, SQL_EVENT);
}

/* ---- the first transaction ------------------------------------------------------------------ */

static void insert_order(struct baseline *base, const struct buying *buying, int64_t id) {
  sqlite3_stmt *stmt = base_stmt(base, SQL_ORDER_INSERT);

  sqlite3_bind_int64(stmt, 1, id);
  sqlite3_bind_text(stmt, 2, buying->number, -1, SQLITE_STATIC);
  sqlite3_bind_int64(stmt, 3, buying->user_id);
  sqlite3_bind_int64(stmt, 4, buying->cart.id);
  sqlite3_bind_text(stmt, 5, buying->cart.currency, -1, SQLITE_STATIC);
  sqlite3_bind_int64(stmt, 6, buying->total_minor);
  sqlite3_bind_int64(stmt, 7, buying->now_ms);
  sqlite3_bind_text(stmt, 8, buying->email, -1, SQLITE_STATIC);
  sqlite3_bind_text(stmt, 9, SHIPPING_ADDRESS, -1, SQLITE_STATIC);
  base_run(base, SQL_ORDER_INSERT);
}

static void insert_line(struct baseline *base, const struct base_line *line, int64_t order_id,
                        int position) {
  sqlite3_stmt *stmt = base_stmt(base, SQL_ORDER_LINE);

  sqlite3_bind_int64(stmt, 1, order_id);
  sqlite3_bind_int64(stmt, 2, position);
  sqlite3_bind_int64(stmt, 3, line->product_id);
  sqlite3_bind_int64(stmt, 4, line->quantity);
  sqlite3_bind_int64(stmt, 5, line->price_minor);
  sqlite3_bind_int64(stmt, 6, line->price_minor * line->quantity);
  sqlite3_bind_text(stmt, 7, line->sku, -1, SQLITE_STATIC);
  sqlite3_bind_text(stmt, 8, line->name, -1, SQLITE_STATIC);
  base_run(base, SQL_ORDER_LINE);
  stmt = base_stmt(base, SQL_RESERVE);
  sqlite3_bind_int64(stmt, 1, line->product_id);
  sqlite3_bind_int64(stmt, 2, line->quantity);
  base_run(base, SQL_RESERVE);
  if (sqlite3_changes(base_db(base)) != 1)
    die("baseline: out of stock");
  stmt = base_stmt(base, SQL_RESERVATION);
  sqlite3_bind_int64(stmt, 1, order_id);
  sqlite3_bind_int64(stmt, 2, line->product_id);
  sqlite3_bind_int64(stmt, 3, line->quantity);
  base_run(base, SQL_RESERVATION);
}

static void insert_charge(struct baseline *base, const struct buying *buying, int64_t order_id) {
  sqlite3_stmt *stmt = base_stmt(base, SQL_PAYMENT_INSERT);

  sqlite3_bind_int64(stmt, 1, order_id);
  sqlite3_bind_int64(stmt, 2, SHOP_PAYMENT_SENT);
  sqlite3_bind_int64(stmt, 3, buying->total_minor);
  sqlite3_bind_text(stmt, 4, buying->cart.currency, -1, SQLITE_STATIC);
  sqlite3_bind_int64(stmt, 5, buying->now_ms);
  base_run(base, SQL_PAYMENT_INSERT);
  stmt = base_stmt(base, SQL_OPERATION_INSERT);
  sqlite3_bind_int64(stmt, 1, buying->operation_id);
  sqlite3_bind_int64(stmt, 2, order_id);
  sqlite3_bind_int64(stmt, 3, buying->total_minor);
  sqlite3_bind_text(stmt, 4, buying->cart.currency, -1, SQLITE_STATIC);
  sqlite3_bind_text(stmt, 5, METHOD, -1, SQLITE_STATIC);
  sqlite3_bind_int64(stmt, 6, buying->now_ms);
  base_run(base, SQL_OPERATION_INSERT);
}

static void hold_cart(struct baseline *base, const struct buying *buying, int64_t order_id) {
  sqlite3_stmt *stmt = base_stmt(base, SQL_CART_HOLD);

  sqlite3_bind_int64(stmt, 1, buying->cart.id);
  sqlite3_bind_int64(stmt, 2, order_id);
  sqlite3_bind_int64(stmt, 3, buying->now_ms);
  base_run(base, SQL_CART_HOLD);
}

static void look_up_key(struct baseline *base, const struct buying *buying, const char *key) {
  sqlite3_stmt *stmt = base_stmt(base, SQL_REQUEST);

  sqlite3_bind_int64(stmt, 1, buying->user_id);
  sqlite3_bind_text(stmt, 2, key, -1, SQLITE_STATIC);
  if (base_row(base, SQL_REQUEST))
    die("baseline: the key was used");
}

static void store_key(struct baseline *base, const struct buying *buying, const char *key,
                      int64_t order_id) {
  static const uint8_t digest[32] = {1, 2, 3};
  sqlite3_stmt *stmt = base_stmt(base, SQL_REQUEST_INSERT);

  sqlite3_bind_int64(stmt, 1, buying->user_id);
  sqlite3_bind_text(stmt, 2, key, -1, SQLITE_STATIC);
  sqlite3_bind_blob(stmt, 3, digest, sizeof digest, SQLITE_STATIC);
  sqlite3_bind_int64(stmt, 4, order_id);
  sqlite3_bind_int64(stmt, 5, buying->now_ms);
  base_run(base, SQL_REQUEST_INSERT);
}

static void find_cart(struct baseline *base, struct buying *buying, int64_t cart_id) {
  sqlite3_stmt *stmt = base_stmt(base, SQL_CART);

  sqlite3_bind_int64(stmt, 1, cart_id);
  sqlite3_bind_int64(stmt, 2, buying->user_id);
  if (!base_row(base, SQL_CART) || sqlite3_column_int(stmt, 4) != 1)
    die("baseline: no open cart");
  buying->cart.id = cart_id;
  base_text(buying->cart.currency, sizeof buying->cart.currency, stmt, 3);
  base_done(base, SQL_CART);
}

static int64_t begin_order(struct baseline *base, struct buying *buying, const char *jti,
                           int64_t cart_id, const char *key) {
  sqlite3_stmt *stmt = base_stmt(base, SQL_ADJUSTMENT);
  int64_t order_id;

  base_begin(base, true);
  buying->user_id = base_user(base, jti, buying->email);
  look_up_key(base, buying, key);
  find_cart(base, buying, cart_id);
  base_lines(base, cart_id, &buying->cart);
  buying->total_minor = buying->cart.total_minor + SHIPPING_MINOR;
  order_id = base_ids(base, 3);
  buying->operation_id = order_id + 2;
  insert_order(base, buying, order_id);
  for (int i = 0; i < buying->cart.line_count; i++)
    insert_line(base, &buying->cart.lines[i], order_id, i);
  sqlite3_bind_int64(stmt, 1, order_id);
  sqlite3_bind_int64(stmt, 2, SHIPPING_MINOR);
  base_run(base, SQL_ADJUSTMENT);
  event(base, order_id + 1, order_id, buying->now_ms, "order.created", NULL);
  hold_cart(base, buying, order_id);
  insert_charge(base, buying, order_id);
  store_key(base, buying, key, order_id);
  base_commit(base);
  return order_id;
}

/* ---- the second transaction --------------------------------------------------------------------
 */

static int compose(const struct buying *buying, char *out, size_t size) {
  int used = snprintf(
      out, size,
      "Date: Sun, 22 Nov 2026 12:28:20 +0000\r\nFrom: The Corner Shop <" SENDER
      ">\r\n"
      "To: <%s>\r\nSubject: Your order %s at The Corner Shop\r\n"
      "Message-ID: <order-%s.confirmation@shop.example>\r\nMIME-Version: 1.0\r\n"
      "Content-Type: text/plain; charset=utf-8\r\n"
      "Content-Transfer-Encoding: quoted-printable\r\nAuto-Submitted: auto-generated\r\n\r\n"
      "Hello,\r\n\r\nthank you for your order at The Corner Shop.\r\n\r\nOrder number: %s\r\n"
      "Order date:   Sun, 22 Nov 2026 12:28:20 +0000\r\n",
      buying->email, buying->number, buying->number, buying->number);

  for (int i = 0; i < buying->cart.line_count; i++) {
    const struct base_line *line = &buying->cart.lines[i];
    int64_t total = line->price_minor * line->quantity;

    used += snprintf(out + used, size - (size_t)used,
                     "\r\n  %s\r\n  %s: %lld x %lld.%02lld EUR =3D %lld.%02lld EUR\r\n", line->name,
                     line->sku, (long long)line->quantity, (long long)line->price_minor / 100,
                     (long long)line->price_minor % 100, (long long)total / 100,
                     (long long)total % 100);
  }
  used += snprintf(out + used, size - (size_t)used,
                   "\r\n  Parcel: 4.90 EUR\r\n\r\nTotal: %lld.%02lld EUR\r\n\r\n"
                   "Shipping address:\r\n\r\n  %s\r\n\r\nThis confirmation was sent to %s.\r\n",
                   (long long)buying->total_minor / 100, (long long)buying->total_minor % 100,
                   SHIPPING_ADDRESS, buying->email);
  return used;
}

static void capture(struct baseline *base, const struct buying *buying, int64_t order_id,
                    const char *reference) {
  sqlite3_stmt *stmt = base_stmt(base, SQL_PAYMENT_CAPTURED);

  sqlite3_bind_int64(stmt, 1, order_id);
  sqlite3_bind_int64(stmt, 2, SHOP_PAYMENT_CAPTURED);
  sqlite3_bind_text(stmt, 3, reference, -1, SQLITE_STATIC);
  sqlite3_bind_int64(stmt, 4, buying->now_ms);
  sqlite3_bind_int64(stmt, 5, SHOP_PAYMENT_SENT);
  base_run(base, SQL_PAYMENT_CAPTURED);
  if (sqlite3_changes(base_db(base)) != 1)
    die("baseline: the payment was settled");
  sqlite3_bind_int64(base_stmt(base, SQL_OPERATION_DONE), 1, buying->operation_id);
  base_run(base, SQL_OPERATION_DONE);
}

static void take_stock(struct baseline *base, const struct buying *buying, int64_t order_id) {
  sqlite3_stmt *stmt = base_stmt(base, SQL_TAKE);

  for (int i = 0; i < buying->cart.line_count; i++) {
    sqlite3_bind_int64(stmt, 1, buying->cart.lines[i].product_id);
    sqlite3_bind_int64(stmt, 2, buying->cart.lines[i].quantity);
    base_run(base, SQL_TAKE);
  }
  sqlite3_bind_int64(base_stmt(base, SQL_RESERVATIONS_TAKEN), 1, order_id);
  base_run(base, SQL_RESERVATIONS_TAKEN);
}

static void place(struct baseline *base, const struct buying *buying, int64_t order_id) {
  sqlite3_stmt *stmt = base_stmt(base, SQL_ORDER_PLACED);

  sqlite3_bind_int64(stmt, 1, order_id);
  sqlite3_bind_int64(stmt, 2, buying->now_ms);
  base_run(base, SQL_ORDER_PLACED);
  take_stock(base, buying, order_id);
  stmt = base_stmt(base, SQL_CART_DONE);
  sqlite3_bind_int64(stmt, 1, buying->cart.id);
  sqlite3_bind_int64(stmt, 2, buying->now_ms);
  base_run(base, SQL_CART_DONE);
}

static void write_mail(struct baseline *base, const struct buying *buying, int64_t id,
                       int64_t order_id, const char *message, int size) {
  sqlite3_stmt *stmt = base_stmt(base, SQL_OUTBOX_INSERT);

  sqlite3_bind_int64(stmt, 1, id);
  sqlite3_bind_int64(stmt, 2, order_id);
  sqlite3_bind_int64(stmt, 3, buying->now_ms);
  sqlite3_bind_text(stmt, 4, buying->email, -1, SQLITE_STATIC);
  sqlite3_bind_text(stmt, 5, SENDER, -1, SQLITE_STATIC);
  sqlite3_bind_blob(stmt, 6, message, size, SQLITE_STATIC);
  base_run(base, SQL_OUTBOX_INSERT);
}

static void settle(struct baseline *base, struct buying *buying, int64_t order_id) {
  char message[4096], reference[80];
  int size = compose(buying, message, sizeof message);
  int64_t ids;

  (void)snprintf(reference, sizeof reference, "ch_%s_%lld", buying->number,
                 (long long)buying->operation_id);
  buying->now_ms = wall_ms();
  base_begin(base, true);
  ids = base_ids(base, 3);
  capture(base, buying, order_id, reference);
  event(base, ids, order_id, buying->now_ms, "payment.captured", reference);
  place(base, buying, order_id);
  write_mail(base, buying, ids + 1, order_id, message, size);
  event(base, ids + 2, order_id, buying->now_ms, "order.placed", NULL);
  base_commit(base);
}

static void draw_number(char number[13]) {
  static const char letters[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
  uint8_t raw[12];

  sqlite3_randomness(sizeof raw, raw);
  for (int i = 0; i < 12; i++)
    number[i] = letters[raw[i] & 31];
  number[12] = '\0';
}

void baseline_purchase(struct baseline *base, const char *jti, int64_t cart_id, const char *key,
                       struct base_order *order) {
  struct buying buying = {.now_ms = wall_ms()};

  draw_number(buying.number);
  order->id = begin_order(base, &buying, jti, cart_id, key);
  settle(base, &buying, order->id);
  order->total_minor = buying.total_minor;
  memcpy(order->number, buying.number, sizeof order->number);
}

/* ---- the outbox
 * ----------------------------------------------------------------------------------- */

static volatile size_t delivered_bytes; /* so that the transport is not optimised away */

bool baseline_deliver(struct baseline *base) {
  sqlite3_stmt *due = base_stmt(base, SQL_OUTBOX_DUE);
  sqlite3_stmt *lease = base_stmt(base, SQL_OUTBOX_LEASE);
  sqlite3_stmt *sent = base_stmt(base, SQL_OUTBOX_SENT);
  char message[4096];
  int64_t id, order_id, now_ms = wall_ms();
  int size;

  base_begin(base, false);
  sqlite3_bind_int64(due, 1, now_ms);
  if (!base_row(base, SQL_OUTBOX_DUE)) {
    base_commit(base);
    return false;
  }
  id = sqlite3_column_int64(due, 0);
  order_id = sqlite3_column_int64(due, 1);
  size = sqlite3_column_bytes(due, 5);
  if (size > (int)sizeof message)
    die("baseline: a long message");
  memcpy(message, sqlite3_column_blob(due, 5), (size_t)size);
  base_done(base, SQL_OUTBOX_DUE);
  sqlite3_bind_int64(lease, 1, id);
  sqlite3_bind_int64(lease, 2, id);
  sqlite3_bind_int64(lease, 3, now_ms);
  base_run(base, SQL_OUTBOX_LEASE);
  base_commit(base);

  delivered_bytes += (size_t)size + (size_t)message[0];
  base_begin(base, false);
  sqlite3_bind_int64(sent, 1, id);
  sqlite3_bind_int64(sent, 2, wall_ms());
  base_run(base, SQL_OUTBOX_SENT);
  event(base, base_ids(base, 1), order_id, now_ms, "mail.sent", NULL);
  base_commit(base);
  return true;
}
