/* The baseline's calls: each does what libshop's call of the same name does to
   the rows, and no more. */
#include <stdio.h>
#include <string.h>

#include "baseline.h"

/* ---- reading --------------------------------------------------------------------------- */

int64_t base_user(struct baseline *base, const char *jti, char email[256]) {
  sqlite3_stmt *stmt = base_stmt(base, SQL_TOKEN);
  int64_t user_id;

  sqlite3_bind_text(stmt, 1, jti, -1, SQLITE_STATIC);
  if (!base_row(base, SQL_TOKEN) || sqlite3_column_type(stmt, 4) != SQLITE_NULL ||
      sqlite3_column_int64(stmt, 1) != sqlite3_column_int64(stmt, 2) ||
      sqlite3_column_int64(stmt, 3) <= wall_ms())
    die("baseline: a bad token");
  user_id = sqlite3_column_int64(stmt, 0);
  base_text(email, 256, stmt, 5);
  base_done(base, SQL_TOKEN);
  return user_id;
}

static bool read_cart(struct baseline *base, enum base_sql which, struct base_cart *cart) {
  sqlite3_stmt *stmt = base_stmt(base, which);

  cart->id = 0;
  cart->total_minor = 0;
  cart->line_count = 0;
  if (!base_row(base, which))
    return false;
  cart->id = sqlite3_column_int64(stmt, 0);
  cart->version = sqlite3_column_int64(stmt, 1);
  cart->line_count = sqlite3_column_int(stmt, 2);
  base_text(cart->currency, sizeof cart->currency, stmt, 3);
  base_done(base, which);
  return true;
}

static bool find_living(struct baseline *base, int64_t user_id, struct base_cart *cart) {
  sqlite3_bind_int64(base_stmt(base, SQL_CART_LIVING), 1, user_id);
  return read_cart(base, SQL_CART_LIVING, cart);
}

static void find_cart(struct baseline *base, int64_t cart_id, int64_t user_id,
                      struct base_cart *cart) {
  sqlite3_bind_int64(base_stmt(base, SQL_CART), 1, cart_id);
  sqlite3_bind_int64(base_stmt(base, SQL_CART), 2, user_id);
  if (!read_cart(base, SQL_CART, cart))
    die("baseline: no such cart");
}

void base_lines(struct baseline *base, int64_t cart_id, struct base_cart *cart) {
  sqlite3_stmt *stmt = base_stmt(base, SQL_LINES);

  cart->line_count = 0;
  cart->total_minor = 0;
  sqlite3_bind_int64(stmt, 1, cart_id);
  while (base_row(base, SQL_LINES)) {
    struct base_line *line = &cart->lines[cart->line_count++];

    line->product_id = sqlite3_column_int64(stmt, 0);
    line->quantity = sqlite3_column_int64(stmt, 1);
    line->price_minor = sqlite3_column_int64(stmt, 2);
    line->available = sqlite3_column_int64(stmt, 3);
    base_text(line->sku, sizeof line->sku, stmt, 4);
    base_text(line->name, sizeof line->name, stmt, 5);
    cart->total_minor += line->price_minor * line->quantity;
  }
}

void baseline_session(struct baseline *base, const char *jti, struct base_cart *cart) {
  char email[256];
  int64_t user_id;

  base_run(base, SQL_BEGIN_READ);
  user_id = base_user(base, jti, email);
  if (find_living(base, user_id, cart))
    base_lines(base, cart->id, cart);
  base_run(base, SQL_COMMIT);
}

/* ---- carts ---------------------------------------------------------------------------------- */

void baseline_cart_create(struct baseline *base, const char *jti, struct base_cart *cart) {
  char email[256];
  sqlite3_stmt *stmt = base_stmt(base, SQL_CART_INSERT);
  int64_t user_id;

  base_begin(base, false);
  user_id = base_user(base, jti, email);
  if (!find_living(base, user_id, cart)) {
    cart->id = base_ids(base, 1);
    cart->version = 1;
    sqlite3_bind_int64(stmt, 1, cart->id);
    sqlite3_bind_int64(stmt, 2, user_id);
    sqlite3_bind_int64(stmt, 3, wall_ms());
    base_run(base, SQL_CART_INSERT);
  } else {
    base_lines(base, cart->id, cart);
  }
  base_commit(base);
}

static void add_line(struct baseline *base, struct base_cart *cart, const char *sku,
                     int64_t quantity) {
  sqlite3_stmt *product = base_stmt(base, SQL_PRODUCT);
  sqlite3_stmt *line = base_stmt(base, SQL_LINE_ADD);
  int64_t position = 0;

  sqlite3_bind_text(product, 1, sku, -1, SQLITE_STATIC);
  if (!base_row(base, SQL_PRODUCT) || sqlite3_column_int(product, 3) != 1)
    die("baseline: no such product");
  base_text(cart->currency, sizeof cart->currency, product, 2);
  sqlite3_bind_int64(line, 1, cart->id);
  sqlite3_bind_int64(line, 2, sqlite3_column_int64(product, 0));
  sqlite3_bind_int64(line, 3, cart->version + 1);
  sqlite3_bind_int64(line, 4, quantity);
  sqlite3_bind_int64(line, 5, sqlite3_column_int64(product, 1));
  base_done(base, SQL_PRODUCT);
  while (base_row(base, SQL_LINE_ADD))
    position = sqlite3_column_int64(line, 0);
  cart->line_count += position == cart->version + 1;
}

void baseline_cart_add(struct baseline *base, const char *jti, int64_t cart_id, const char *sku,
                       int64_t quantity, struct base_cart *cart) {
  char email[256];
  sqlite3_stmt *stmt = base_stmt(base, SQL_CART_CHANGED);
  int64_t user_id;

  base_begin(base, false);
  user_id = base_user(base, jti, email);
  find_cart(base, cart_id, user_id, cart);
  add_line(base, cart, sku, quantity);
  sqlite3_bind_int64(stmt, 1, cart_id);
  sqlite3_bind_int64(stmt, 2, cart->line_count);
  sqlite3_bind_text(stmt, 3, cart->currency, -1, SQLITE_STATIC);
  sqlite3_bind_int64(stmt, 4, wall_ms());
  base_run(base, SQL_CART_CHANGED);
  base_lines(base, cart_id, cart);
  base_commit(base);
}

/* ---- products ---------------------------------------------------------------------------------
 */

static void bind_product(sqlite3_stmt *stmt, const struct base_product *product) {
  sqlite3_bind_text(stmt, 1, product->sku, -1, SQLITE_STATIC);
  sqlite3_bind_text(stmt, 2, product->name, -1, SQLITE_STATIC);
  sqlite3_bind_int64(stmt, 3, product->price_minor);
  sqlite3_bind_int64(stmt, 4, product->on_hand);
  sqlite3_bind_int64(stmt, 5, wall_ms());
  sqlite3_bind_text(stmt, 6, product->description, -1, SQLITE_STATIC);
}

static void put(struct baseline *base, const struct base_product *product) {
  bind_product(base_stmt(base, SQL_PRODUCT_UPDATE), product);
  base_run(base, SQL_PRODUCT_UPDATE);
  if (sqlite3_changes(base_db(base)) > 0)
    return;
  bind_product(base_stmt(base, SQL_PRODUCT_INSERT), product);
  sqlite3_bind_int64(base_stmt(base, SQL_PRODUCT_INSERT), 7, base_ids(base, 1));
  base_run(base, SQL_PRODUCT_INSERT);
}

void baseline_put(struct baseline *base, const struct base_product *product) {
  base_begin(base, false);
  put(base, product);
  base_commit(base);
}

void baseline_put_all(struct baseline *base, const struct base_product *products, int32_t count) {
  base_begin(base, false);
  for (int32_t i = 0; i < count; i++)
    put(base, &products[i]);
  base_commit(base);
}
