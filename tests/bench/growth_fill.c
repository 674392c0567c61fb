/* The generator of large stores. Rows are written in the order of their keys
   and indices are built afterwards, so that a million orders take a minute. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sqlite3.h>

#include "growth.h"

#define STOCK INT64_C(1000000000)
/* Ids as libshop would have given them in the year 2020. */
#define FIRST_MS INT64_C(1577836800000)
#define FIRST_ID (FIRST_MS << 11)
#define IDS_EACH 8 /* ids that one order takes */
/* Of so many orders the mail is still kept; `shop_maintain` has emptied the older ones. */
#define MAILS_KEPT 100000

enum statement {
  ADD_USER,
  ADD_TOKEN,
  ADD_PRODUCT,
  ADD_CART,
  ADD_CART_LINE,
  ADD_ORDER,
  ADD_ORDER_LINE,
  ADD_ADJUSTMENT,
  ADD_RESERVATION,
  ADD_PAYMENT,
  ADD_OPERATION,
  ADD_OUTBOX,
  ADD_EVENT,
  STATEMENT_COUNT
};

static const char *const sql[STATEMENT_COUNT] = {
    [ADD_USER] =
        "INSERT INTO users (id, subject, epoch, email, email_key, password_hash,"
        " created_at_ms, updated_at_ms) VALUES (?1, ?2, 1, ?3, ?3, ?4, ?5, ?5)",
    [ADD_TOKEN] =
        "INSERT INTO tokens (jti, user_id, epoch, issued_at_ms, expires_at_ms, id)"
        " VALUES (?1, ?2, 1, ?3, ?3 + 2592000000, ?2)",
    [ADD_PRODUCT] =
        "INSERT INTO products (id, sku, name, price_minor, currency, state, available,"
        " reserved, shortfall, received, sold, created_at_ms, updated_at_ms,"
        " description) VALUES (?1, ?2, ?3, ?4, 'EUR', 1, ?5, 0, 0, ?5 + ?6, ?6, ?7, ?7,"
        " 'Dishwasher proof. Fired twice, glazed by hand, packed in straw.')",
    [ADD_CART] =
        "INSERT INTO carts (id, user_id, state, version, line_count, currency, order_id,"
        " created_at_ms, updated_at_ms) VALUES (?1, ?2, 3, 6, 3, 'EUR', ?3, ?4, ?4)",
    [ADD_CART_LINE] =
        "INSERT INTO cart_lines (cart_id, product_id, position, quantity,"
        " kept_price_minor) VALUES (?1, ?2, ?3, ?4, ?5)",
    [ADD_ORDER] =
        "INSERT INTO orders (id, number, user_id, cart_id, status, currency,"
        " total_minor, created_at_ms, updated_at_ms, placed_at_ms, email, email_key,"
        " shipping_address) VALUES (?1, ?2, ?3, ?4, 2, 'EUR', ?5, ?6, ?6, ?6, ?7, ?7, ?8)",
    [ADD_ORDER_LINE] =
        "INSERT INTO order_lines (order_id, position, product_id, quantity,"
        " unit_price_minor, total_minor, sku, name)"
        " VALUES (?1, ?2, ?3, ?4, ?5, ?4 * ?5, ?6, ?7)",
    [ADD_ADJUSTMENT] =
        "INSERT INTO order_adjustments (order_id, position, kind, amount_minor,"
        " label) VALUES (?1, 0, 2, ?2, 'Parcel')",
    [ADD_RESERVATION] =
        "INSERT INTO reservations (order_id, product_id, quantity, state)"
        " VALUES (?1, ?2, ?3, 2)",
    [ADD_PAYMENT] =
        "INSERT INTO payments (order_id, state, attention, amount_minor, currency,"
        " captured_minor, refunded_minor, captured_currency, reference, held_since_ms,"
        " created_at_ms, updated_at_ms)"
        " VALUES (?1, ?2, 0, ?3, 'EUR', ?3, 0, 'EUR', ?4, ?5, ?5, ?5)",
    [ADD_OPERATION] =
        "INSERT INTO operations (id, order_id, kind, state, amount_minor, currency,"
        " method, created_at_ms, lease_start_ms, lease_length_ms, cancels, moved_minor, key)"
        " VALUES (?1, ?2, 1, 2, ?3, 'EUR', '" METHOD "', ?4, ?4, 300000, 0, ?3,"
        " 'shop_9TgRPHTxX_1yFh8SjGxYfw_' || ?1)",
    [ADD_OUTBOX] =
        "INSERT INTO outbox (id, order_id, kind, state, tries, since_ms, wait_ms,"
        " lease_id, created_at_ms, sent_at_ms, recipient, sender, message)"
        " VALUES (?1, ?2, 1, ?6, 1, ?3, 0, 0, ?3, ?3, ?4, 'orders@shop.example', ?5)",
    [ADD_EVENT] =
        "INSERT INTO events (id, order_id, at_ms, name, detail, actor, user_id, before, after)"
        " VALUES (?1, ?2, ?3, ?4, ?5, 1, ?2, 'pending', 'placed')",
};

struct fill {
  sqlite3 *db;
  sqlite3_stmt *stmts[STATEMENT_COUNT];
  int64_t size;
  int64_t *sold; /* by product */
  char hash[160];
  char message[4096];
  int message_size;
  char seed_number[16];
  char *indices; /* the statements that make them again */
};

/* ---- names and numbers ------------------------------------------------------------------ */

void growth_email(int64_t user, char out[80]) {
  (void)snprintf(out, 80, "grown%09" PRId64 "@customers.example", user);
}

int64_t growth_product_id(int64_t product) {
  return FIRST_ID + product;
}

static int64_t user_id(const struct fill *fill, int64_t user) {
  return FIRST_ID + fill->size + user;
}

static int64_t order_base(const struct fill *fill, int64_t order) {
  return FIRST_ID + 2 * fill->size + order * IDS_EACH;
}

/* Rising, and spread over all numbers there are. */
void growth_number(int64_t order, int64_t size, char out[13]) {
  static const char letters[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
  uint64_t value = (uint64_t)order * ((UINT64_C(1) << 60) / (uint64_t)size);

  for (int i = 11; i >= 0; i--) {
    out[i] = letters[value & 31];
    value >>= 5;
  }
  out[12] = '\0';
}

static void product_name(int64_t product, char out[80]) {
  (void)snprintf(out, 80, "Ceramic mug number %07" PRId64 ", blue, 0.3 l", product);
}

static int64_t price(int64_t product) {
  return 499 + product % 5000;
}

/* Some product or user, evenly. */
static int64_t scatter(int64_t value, int64_t size) {
  uint64_t mixed = (uint64_t)value * UINT64_C(0x9E3779B97F4A7C15);

  return (int64_t)((mixed >> 20) % (uint64_t)size);
}

/* ---- statements --------------------------------------------------------------------------- */

static void execute(struct fill *fill, const char *script) {
  if (sqlite3_exec(fill->db, script, NULL, NULL, NULL) != SQLITE_OK)
    die("growth: %s: %s", script, sqlite3_errmsg(fill->db));
}

static void run(struct fill *fill, enum statement which) {
  if (sqlite3_step(fill->stmts[which]) != SQLITE_DONE)
    die("growth: %s: %s", sql[which], sqlite3_errmsg(fill->db));
  (void)sqlite3_reset(fill->stmts[which]);
}

static void bind(struct fill *fill, enum statement which, int count, const int64_t *values) {
  for (int i = 0; i < count; i++)
    (void)sqlite3_bind_int64(fill->stmts[which], i + 1, values[i]);
}

static void bind_text(struct fill *fill, enum statement which, int n, const char *text) {
  (void)sqlite3_bind_text(fill->stmts[which], n, text, -1, SQLITE_STATIC);
}

/* ---- the model ------------------------------------------------------------------------------ */

static void read_model(struct fill *fill) {
  sqlite3_stmt *stmt = NULL;

  if (sqlite3_prepare_v2(fill->db,
                         "SELECT u.password_hash, m.message, o.number FROM users u"
                         " JOIN orders o ON o.user_id = u.id JOIN outbox m ON m.order_id = o.id",
                         -1, &stmt, NULL) != SQLITE_OK ||
      sqlite3_step(stmt) != SQLITE_ROW)
    die("growth: nothing was bought: %s", sqlite3_errmsg(fill->db));
  (void)snprintf(fill->hash, sizeof fill->hash, "%s", (const char *)sqlite3_column_text(stmt, 0));
  fill->message_size = sqlite3_column_bytes(stmt, 1);
  if (fill->message_size > (int)sizeof fill->message)
    die("growth: a long message");
  memcpy(fill->message, sqlite3_column_blob(stmt, 1), (size_t)fill->message_size);
  (void)snprintf(fill->seed_number, sizeof fill->seed_number, "%s",
                 (const char *)sqlite3_column_text(stmt, 2));
  (void)sqlite3_finalize(stmt);
}

/* The message with another number in it. */
static void renumber(struct fill *fill, const char *number) {
  for (int i = 0; i + 12 <= fill->message_size; i++)
    if (memcmp(fill->message + i, fill->seed_number, 12) == 0)
      memcpy(fill->message + i, number, 12);
  memcpy(fill->seed_number, number, 13);
}

/* ---- indices: dropped, and made again when the rows are there ---------------------------------
 */

static void drop_indices(struct fill *fill) {
  sqlite3_stmt *stmt = NULL;
  char drops[4096] = "";
  size_t used = 0, dropped = 0;

  fill->indices = need(65536);
  if (sqlite3_prepare_v2(fill->db,
                         "SELECT name, sql FROM sqlite_schema WHERE type = 'index'"
                         " AND sql IS NOT NULL ORDER BY name",
                         -1, &stmt, NULL) != SQLITE_OK)
    die("growth: no schema");
  while (sqlite3_step(stmt) == SQLITE_ROW) {
    used += (size_t)snprintf(fill->indices + used, 65536 - used, "%s;\n",
                             (const char *)sqlite3_column_text(stmt, 1));
    dropped += (size_t)snprintf(drops + dropped, sizeof drops - dropped, "DROP INDEX %s;",
                                (const char *)sqlite3_column_text(stmt, 0));
  }
  (void)sqlite3_finalize(stmt);
  execute(fill, drops);
}

/* ---- the rows
 * ------------------------------------------------------------------------------------ */

static void add_users(struct fill *fill) {
  char subject[32], jti[32], email[80];

  for (int64_t i = 0; i < fill->size; i++) {
    (void)snprintf(subject, sizeof subject, "U%021" PRId64, i);
    (void)snprintf(jti, sizeof jti, "T%021" PRId64, i);
    growth_email(i, email);
    (void)sqlite3_bind_int64(fill->stmts[ADD_USER], 1, user_id(fill, i));
    bind_text(fill, ADD_USER, 2, subject);
    bind_text(fill, ADD_USER, 3, email);
    bind_text(fill, ADD_USER, 4, fill->hash);
    (void)sqlite3_bind_int64(fill->stmts[ADD_USER], 5, FIRST_MS);
    run(fill, ADD_USER);
    bind_text(fill, ADD_TOKEN, 1, jti);
    (void)sqlite3_bind_int64(fill->stmts[ADD_TOKEN], 2, user_id(fill, i));
    (void)sqlite3_bind_int64(fill->stmts[ADD_TOKEN], 3, FIRST_MS);
    run(fill, ADD_TOKEN);
  }
}

static void add_products(struct fill *fill) {
  char sku[32], name[80];

  for (int64_t i = 0; i < fill->size; i++) {
    bind(fill, ADD_PRODUCT, 7,
         (const int64_t[]){growth_product_id(i), 0, 0, price(i), STOCK, fill->sold[i], FIRST_MS});
    product_name(i, name);
    bind_text(fill, ADD_PRODUCT, 2, sku_of((uint32_t)i, sku));
    bind_text(fill, ADD_PRODUCT, 3, name);
    run(fill, ADD_PRODUCT);
  }
}

static int64_t add_line(struct fill *fill, int64_t base, int64_t product, int position) {
  int64_t id = growth_product_id(product), quantity = position + 1;
  char sku[32], name[80];

  product_name(product, name);
  bind(fill, ADD_CART_LINE, 5, (const int64_t[]){base, id, position + 2, quantity, price(product)});
  run(fill, ADD_CART_LINE);
  bind(fill, ADD_ORDER_LINE, 5,
       (const int64_t[]){base + 1, position, id, quantity, price(product)});
  bind_text(fill, ADD_ORDER_LINE, 6, sku_of((uint32_t)product, sku));
  bind_text(fill, ADD_ORDER_LINE, 7, name);
  run(fill, ADD_ORDER_LINE);
  bind(fill, ADD_RESERVATION, 3, (const int64_t[]){base + 1, id, quantity});
  run(fill, ADD_RESERVATION);
  fill->sold[product] += quantity;
  return price(product) * quantity;
}

static void add_event(struct fill *fill, int64_t id, int64_t order_id, const char *name,
                      const char *detail) {
  bind(fill, ADD_EVENT, 3, (const int64_t[]){id, order_id, id >> 11});
  bind_text(fill, ADD_EVENT, 4, name);
  bind_text(fill, ADD_EVENT, 5, detail);
  run(fill, ADD_EVENT);
}

static void add_payment(struct fill *fill, int64_t base, int64_t total, const char *reference) {
  int64_t at_ms = base >> 11;

  bind(fill, ADD_PAYMENT, 5, (const int64_t[]){base + 1, SHOP_PAYMENT_CAPTURED, total, 0, at_ms});
  bind_text(fill, ADD_PAYMENT, 4, reference);
  run(fill, ADD_PAYMENT);
  bind(fill, ADD_OPERATION, 4, (const int64_t[]){base + 3, base + 1, total, at_ms});
  run(fill, ADD_OPERATION);
}

static void add_mail(struct fill *fill, int64_t base, const char *email, bool kept) {
  bind(fill, ADD_OUTBOX, 3, (const int64_t[]){base + 5, base + 1, base >> 11});
  bind_text(fill, ADD_OUTBOX, 4, kept ? email : "");
  (void)sqlite3_bind_blob(fill->stmts[ADD_OUTBOX], 5, fill->message, kept ? fill->message_size : 0,
                          SQLITE_STATIC);
  (void)sqlite3_bind_int(fill->stmts[ADD_OUTBOX], 6,
                         kept ? SHOP_MAIL_SENT : SHOP_MAIL_FORGOTTEN);
  run(fill, ADD_OUTBOX);
}

static void add_order(struct fill *fill, int64_t order) {
  int64_t base = order_base(fill, order), at_ms = base >> 11, total = SHIPPING_MINOR;
  int64_t user = scatter(order, fill->size), product = scatter(order + 77, fill->size);
  char email[80], number[13], reference[80];

  growth_email(user, email);
  growth_number(order, fill->size, number);
  (void)snprintf(reference, sizeof reference, "ch_%s_%" PRId64, number, base + 3);
  renumber(fill, number);
  bind(fill, ADD_CART, 4, (const int64_t[]){base, user_id(fill, user), base + 1, at_ms});
  run(fill, ADD_CART);
  for (int i = 0; i < CART_LINES; i++)
    total += add_line(fill, base, (product + i * 331) % fill->size, i);
  bind(fill, ADD_ADJUSTMENT, 2, (const int64_t[]){base + 1, SHIPPING_MINOR});
  run(fill, ADD_ADJUSTMENT);
  bind(fill, ADD_ORDER, 6, (const int64_t[]){base + 1, 0, user_id(fill, user), base, total, at_ms});
  bind_text(fill, ADD_ORDER, 2, number);
  bind_text(fill, ADD_ORDER, 7, email);
  bind_text(fill, ADD_ORDER, 8, SHIPPING_ADDRESS);
  run(fill, ADD_ORDER);
  add_payment(fill, base, total, reference);
  add_mail(fill, base, email, order + MAILS_KEPT >= fill->size);
  add_event(fill, base + 2, base + 1, "order.created", NULL);
  add_event(fill, base + 4, base + 1, "payment.captured", reference);
  add_event(fill, base + 6, base + 1, "order.placed", NULL);
  add_event(fill, base + 7, base + 1, "mail.sent", NULL);
}

/* One idempotency key for each order, in the order of their index. */
static const char ADD_REQUESTS[] =
    "INSERT INTO requests (user_id, operation, key, digest, result_id, created_at_ms)"
    " SELECT user_id, 'purchase', 'key-' || number, zeroblob(32), id, created_at_ms FROM orders"
    " WHERE id < 3400000000000000 ORDER BY user_id, number";

void growth_fill(const char *path, int64_t size) {
  struct fill *fill = need(sizeof *fill);

  fill->size = size;
  fill->sold = need((size_t)size * sizeof *fill->sold);
  if (sqlite3_open_v2(path, &fill->db, SQLITE_OPEN_READWRITE, NULL) != SQLITE_OK)
    die("cannot open %s", path);
  /* Nothing to lose: a file that is half made is thrown away. */
  execute(fill,
          "PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = OFF;"
          "PRAGMA synchronous = OFF; PRAGMA cache_size = -400000; PRAGMA temp_store = FILE");
  read_model(fill);
  execute(fill, "BEGIN");
  drop_indices(fill);
  for (int i = 0; i < STATEMENT_COUNT; i++)
    if (sqlite3_prepare_v3(fill->db, sql[i], -1, SQLITE_PREPARE_PERSISTENT, &fill->stmts[i],
                           NULL) != SQLITE_OK)
      die("growth: %s: %s", sql[i], sqlite3_errmsg(fill->db));
  add_users(fill);
  for (int64_t i = 0; i < size; i++)
    add_order(fill, i);
  add_products(fill);
  for (int i = 0; i < STATEMENT_COUNT; i++)
    (void)sqlite3_finalize(fill->stmts[i]);
  execute(fill, ADD_REQUESTS);
  execute(fill, fill->indices);
  execute(fill, "COMMIT; PRAGMA journal_mode = WAL");
  if (sqlite3_close(fill->db) != SQLITE_OK)
    die("growth: a statement was left open");
  free(fill->indices);
  free(fill->sold);
  free(fill);
}
