/* The baseline's connection: its settings, its statements, its transactions. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "baseline.h"

struct baseline {
  sqlite3 *db;
  sqlite3_stmt *stmts[SQL_COUNT];
  bool normal;  /* synchronous=NORMAL but for payments */
  bool is_full; /* what it is now */
  bool lean;
  bool mutex;
  bool in_write;
  bool drew_ids;
  uint32_t slot;
  int64_t marks;
  int64_t retries;
  int64_t waits_since;
};

/* As libshop's connections are set up. */
static const char SETTINGS[] =
    "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;"
    "PRAGMA temp_store = MEMORY; PRAGMA trusted_schema = OFF";
#define WAIT_MS 5000

static const char *const sql[SQL_COUNT] = {
    [SQL_BEGIN] = "BEGIN IMMEDIATE",
    [SQL_BEGIN_READ] = "BEGIN",
    [SQL_COMMIT] = "COMMIT",
    [SQL_IDS] = "UPDATE seam SET value = value + ?1 WHERE slot = 0 RETURNING value",
    [SQL_MARK] = "UPDATE seam SET value = ?1 WHERE slot = ?2",
    [SQL_TOKEN] =
        "SELECT t.user_id, t.epoch, u.epoch, t.expires_at_ms, t.revoked_at_ms, u.email"
        " FROM tokens t JOIN users u ON u.id = t.user_id WHERE t.jti = ?1",
    [SQL_CART_LIVING] =
        "SELECT id, version, line_count, currency, state FROM carts"
        " WHERE user_id = ?1 AND state IN (1, 2)",
    [SQL_CART] =
        "SELECT id, version, line_count, currency, state FROM carts"
        " WHERE id = ?1 AND user_id = ?2",
    [SQL_CART_INSERT] =
        "INSERT INTO carts (id, user_id, state, version, line_count,"
        " created_at_ms, updated_at_ms) VALUES (?1, ?2, 1, 1, 0, ?3, ?3)",
    [SQL_CART_CHANGED] =
        "UPDATE carts SET version = version + 1, line_count = ?2, currency = ?3,"
        " updated_at_ms = ?4 WHERE id = ?1",
    [SQL_CART_HOLD] =
        "UPDATE carts SET state = 2, version = version + 1, order_id = ?2,"
        " updated_at_ms = ?3 WHERE id = ?1",
    [SQL_CART_DONE] =
        "UPDATE carts SET state = 3, version = version + 1, updated_at_ms = ?2"
        " WHERE id = ?1",
    [SQL_PRODUCT] = "SELECT id, price_minor, currency, state FROM products WHERE sku = ?1",
    [SQL_LINE_ADD] =
        "INSERT INTO cart_lines (cart_id, product_id, position, quantity,"
        " kept_price_minor) VALUES (?1, ?2, ?3, ?4, ?5)"
        " ON CONFLICT (cart_id, product_id) DO UPDATE"
        " SET quantity = quantity + excluded.quantity,"
        " kept_price_minor = excluded.kept_price_minor RETURNING position",
    [SQL_LINES] =
        "SELECT l.product_id, l.quantity, p.price_minor, p.available, p.sku, p.name,"
        " l.kept_price_minor, p.state, p.currency FROM cart_lines l"
        " JOIN products p ON p.id = l.product_id WHERE l.cart_id = ?1"
        " ORDER BY l.position",
    [SQL_REQUEST] =
        "SELECT digest, result_id FROM requests WHERE user_id = ?1"
        " AND operation = 'purchase' AND key = ?2",
    [SQL_REQUEST_INSERT] =
        "INSERT INTO requests (user_id, operation, key, digest, result_id,"
        " created_at_ms) VALUES (?1, 'purchase', ?2, ?3, ?4, ?5)",
    [SQL_ORDER_INSERT] =
        "INSERT INTO orders (id, number, user_id, cart_id, status, currency,"
        " total_minor, created_at_ms, updated_at_ms, email, email_key,"
        " shipping_address) VALUES (?1, ?2, ?3, ?4, 1, ?5, ?6, ?7, ?7, ?8, ?8, ?9)",
    [SQL_ORDER_LINE] =
        "INSERT INTO order_lines (order_id, position, product_id, quantity,"
        " unit_price_minor, total_minor, sku, name)"
        " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
    [SQL_RESERVE] =
        "UPDATE products SET available = available - ?2, reserved = reserved + ?2"
        " WHERE id = ?1 AND (available IS NULL OR available >= ?2)",
    [SQL_RESERVATION] =
        "INSERT INTO reservations (order_id, product_id, quantity, state)"
        " VALUES (?1, ?2, ?3, 1)",
    [SQL_ADJUSTMENT] =
        "INSERT INTO order_adjustments (order_id, position, kind, amount_minor,"
        " label) VALUES (?1, 0, 2, ?2, 'Parcel')",
    [SQL_EVENT] =
        "INSERT INTO events (id, order_id, at_ms, name, detail, actor, user_id, before, after)"
        " VALUES (?1, ?2, ?3, ?4, ?5, 1, ?2, 'pending', 'placed')",
    [SQL_PAYMENT_INSERT] =
        "INSERT INTO payments (order_id, state, attention, amount_minor,"
        " currency, captured_minor, refunded_minor, held_since_ms, created_at_ms, updated_at_ms)"
        " VALUES (?1, ?2, 0, ?3, ?4, 0, 0, ?5, ?5, ?5)",
    [SQL_OPERATION_INSERT] =
        "INSERT INTO operations (id, order_id, kind, state, amount_minor,"
        " currency, method, created_at_ms, lease_start_ms, lease_length_ms, cancels, moved_minor, key)"
        " VALUES (?1, ?2, 1, 1, ?3, ?4, ?5, ?6, ?6, 300000, 0, 0,"
        " 'shop_9TgRPHTxX_1yFh8SjGxYfw_' || ?1)",
    [SQL_PAYMENT_CAPTURED] =
        "UPDATE payments SET state = ?2, captured_minor = amount_minor,"
        " captured_currency = currency, reference = ?3, updated_at_ms = ?4"
        " WHERE order_id = ?1 AND state = ?5",
    [SQL_OPERATION_DONE] = 
        "UPDATE operations SET state = 2, reference = key, moved_minor = amount_minor WHERE id = ?1",
    [SQL_ORDER_PLACED] =
        "UPDATE orders SET status = 2, placed_at_ms = ?2, updated_at_ms = ?2"
        " WHERE id = ?1",
    [SQL_TAKE] = "UPDATE products SET reserved = reserved - ?2, sold = sold + ?2 WHERE id = ?1",
    [SQL_RESERVATIONS_TAKEN] = "UPDATE reservations SET state = 2 WHERE order_id = ?1",
    [SQL_OUTBOX_INSERT] =
        "INSERT INTO outbox (id, order_id, kind, state, tries, since_ms,"
        " wait_ms, lease_id, created_at_ms, recipient, sender, message)"
        " VALUES (?1, ?2, 1, 1, 0, ?3, 0, 0, ?3, ?4, ?5, ?6)",
    [SQL_PRODUCT_UPDATE] =
        "UPDATE products SET name = ?2, price_minor = ?3, currency = 'EUR',"
        " state = 1, available = max(0, ?4 - reserved),"
        " shortfall = max(0, reserved - ?4), received = ?4 + sold,"
        " updated_at_ms = ?5, description = ?6 WHERE sku = ?1",
    [SQL_PRODUCT_INSERT] =
        "INSERT INTO products (id, sku, name, price_minor, currency, state,"
        " available, reserved, shortfall, received, sold, created_at_ms,"
        " updated_at_ms, description)"
        " VALUES (?7, ?1, ?2, ?3, 'EUR', 1, ?4, 0, 0, ?4, 0, ?5, ?5, ?6)",
    [SQL_OUTBOX_DUE] =
        "SELECT m.id, m.order_id, m.recipient, m.sender, o.number, m.message"
        " FROM outbox m JOIN orders o ON o.id = m.order_id"
        " WHERE m.state IN (1, 2) AND (m.since_ms + m.wait_ms <= ?1)"
        " ORDER BY m.since_ms + m.wait_ms, m.id LIMIT 1",
    [SQL_OUTBOX_LEASE] =
        "UPDATE outbox SET state = 2, lease_id = ?2, since_ms = ?3,"
        " wait_ms = 300000 WHERE id = ?1",
    [SQL_OUTBOX_SENT] =
        "UPDATE outbox SET state = 3, tries = tries + 1, lease_id = 0,"
        " wait_ms = 0, sent_at_ms = ?2 WHERE id = ?1",
};

/* ---- waiting for the lock -------------------------------------------------------- */

/* As libshop waits for other processes: short naps. For many threads this is
   better than SQLite's own handler, which naps up to 100 ms. */
static int on_busy(void *user, int count) {
  static const int32_t naps_us[] = {50, 100, 200, 500, 1000, 2000, 5000};
  struct baseline *base = user;
  struct timespec pause = {0};

  if (count == 0)
    base->waits_since = now_ns();
  if (now_ns() - base->waits_since > (int64_t)WAIT_MS * 1000000)
    return 0;
  pause.tv_nsec = 1000L * naps_us[count < 7 ? count : 6];
  (void)nanosleep(&pause, NULL);
  return 1;
}

/* What a process of its own may do instead: let its threads queue for the one
   write lock before they ask SQLite for it. */
static pthread_mutex_t writers = PTHREAD_MUTEX_INITIALIZER;

/* ---- statements -------------------------------------------------------------------- */

static _Noreturn void fail(struct baseline *base, const char *what) {
  die("baseline: %s: %s", what, sqlite3_errmsg(base->db));
}

sqlite3 *base_db(struct baseline *base) {
  return base->db;
}

sqlite3_stmt *base_stmt(struct baseline *base, enum base_sql which) {
  return base->stmts[which];
}

bool base_row(struct baseline *base, enum base_sql which) {
  int code = sqlite3_step(base->stmts[which]);

  if (code == SQLITE_ROW)
    return true;
  if (code != SQLITE_DONE)
    fail(base, sql[which]);
  (void)sqlite3_reset(base->stmts[which]);
  return false;
}

void base_done(struct baseline *base, enum base_sql which) {
  (void)sqlite3_reset(base->stmts[which]);
}

void base_run(struct baseline *base, enum base_sql which) {
  while (base_row(base, which))
    continue;
}

void base_text(char *out, size_t size, sqlite3_stmt *stmt, int column) {
  const char *text = (const char *)sqlite3_column_text(stmt, column);

  (void)snprintf(out, size, "%s", text == NULL ? "" : text);
}

/* ---- transactions -------------------------------------------------------------------- */

static void execute(struct baseline *base, const char *script) {
  if (sqlite3_exec(base->db, script, NULL, NULL, NULL) != SQLITE_OK)
    fail(base, script);
}

void base_begin(struct baseline *base, bool payment) {
  bool full = !base->normal || payment;
  int code;

  if (base->mutex)
    pthread_mutex_lock(&writers);
  if (full != base->is_full)
    execute(base, full ? "PRAGMA synchronous = FULL" : "PRAGMA synchronous = NORMAL");
  base->is_full = full;
  while ((code = sqlite3_step(base->stmts[SQL_BEGIN])) != SQLITE_DONE) {
    (void)sqlite3_reset(base->stmts[SQL_BEGIN]);
    if ((code & 0xff) != SQLITE_BUSY)
      fail(base, "begin");
    base->retries++;
  }
  (void)sqlite3_reset(base->stmts[SQL_BEGIN]);
}

void base_commit(struct baseline *base) {
  if (!base->lean) {
    sqlite3_bind_int64(base->stmts[SQL_MARK], 1, (INT64_C(1) << 62) + ++base->marks);
    sqlite3_bind_int64(base->stmts[SQL_MARK], 2, base->slot);
    base_run(base, SQL_MARK);
  }
  base_run(base, SQL_COMMIT);
  if (base->mutex)
    pthread_mutex_unlock(&writers);
}

int64_t base_ids(struct baseline *base, int64_t count) {
  sqlite3_stmt *stmt = base->stmts[SQL_IDS];
  int64_t last = 0;

  sqlite3_bind_int64(stmt, 1, count);
  while (base_row(base, SQL_IDS))
    last = sqlite3_column_int64(stmt, 0);
  return last - count + 1;
}

/* ---- opening ---------------------------------------------------------------------------- */

struct baseline *baseline_open(const char *path, enum sync sync, const struct settings *settings,
                               uint32_t index) {
  struct baseline *base = need(sizeof *base);
  char insert[160];

  base->normal = sync == SYNC_NORMAL;
  base->lean = settings->lean;
  base->mutex = strcmp(settings->waits, "mutex") == 0;
  base->slot = index + 1;
  base->is_full = true;
  if (sqlite3_open_v2(path, &base->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL) !=
      SQLITE_OK)
    fail(base, path);
  if (strcmp(settings->waits, "sqlite") == 0)
    (void)sqlite3_busy_timeout(base->db, WAIT_MS);
  else
    (void)sqlite3_busy_handler(base->db, on_busy, base);
  execute(base, SETTINGS);
  (void)snprintf(insert, sizeof insert,
                 "INSERT INTO seam (slot, value) VALUES (%u, %lld) ON CONFLICT DO NOTHING",
                 base->slot, (long long)(INT64_C(1) << 62));
  execute(base, insert);
  for (int i = 0; i < SQL_COUNT; i++)
    if (sqlite3_prepare_v3(base->db, sql[i], -1, SQLITE_PREPARE_PERSISTENT, &base->stmts[i],
                           NULL) != SQLITE_OK)
      fail(base, sql[i]);
  return base;
}

void baseline_close(struct baseline *base) {
  if (base == NULL)
    return;
  for (int i = 0; i < SQL_COUNT; i++)
    (void)sqlite3_finalize(base->stmts[i]);
  if (sqlite3_close(base->db) != SQLITE_OK)
    fail(base, "close");
  free(base);
}

int64_t baseline_retries(const struct baseline *base) {
  return base->retries;
}
