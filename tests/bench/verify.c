/* The audit, per order; against the same questions asked by sets in SQL. Both
   also let SQLite check the file and its foreign keys. */
#include <stdio.h>

#include "baseline.h"

/* ---- the baseline's audit ---------------------------------------------------------------- */

static int64_t count_rows(struct baseline *base, const char *sql) {
  sqlite3_stmt *stmt = NULL;
  int64_t count = 0;

  if (sqlite3_prepare_v2(base_db(base), sql, -1, &stmt, NULL) != SQLITE_OK)
    die("%s: %s", sql, sqlite3_errmsg(base_db(base)));
  while (sqlite3_step(stmt) == SQLITE_ROW)
    count++;
  (void)sqlite3_finalize(stmt);
  return count;
}

static const char *const questions[] = {
    "SELECT o.id FROM orders o WHERE o.total_minor <>"
    " (SELECT coalesce(sum(l.total_minor), 0) FROM order_lines l WHERE l.order_id = o.id) +"
    " (SELECT coalesce(sum(a.amount_minor), 0) FROM order_adjustments a"
    "   WHERE a.order_id = o.id AND a.kind <> 4)",
    "SELECT order_id FROM order_lines WHERE quantity * unit_price_minor <> total_minor",
    "SELECT o.id FROM orders o WHERE"
    " (SELECT sum(l.quantity) FROM order_lines l WHERE l.order_id = o.id) <>"
    " (SELECT sum(r.quantity) FROM reservations r WHERE r.order_id = o.id"
    "   AND r.state = CASE o.status WHEN 1 THEN 1 WHEN 2 THEN 2 ELSE 3 END)",
    "SELECT p.id FROM products p LEFT JOIN (SELECT product_id,"
    "   sum(CASE state WHEN 1 THEN quantity ELSE 0 END) AS held,"
    "   sum(CASE state WHEN 2 THEN quantity ELSE 0 END) AS taken"
    "   FROM reservations GROUP BY product_id) r ON r.product_id = p.id"
    " WHERE p.reserved <> coalesce(r.held, 0) OR p.sold <> coalesce(r.taken, 0)"
    "  OR p.available + p.reserved - p.shortfall <> p.received - p.sold",
    "SELECT o.id FROM orders o LEFT JOIN payments p ON p.order_id = o.id"
    " LEFT JOIN operations n ON n.order_id = o.id LEFT JOIN carts c ON c.id = o.cart_id"
    " LEFT JOIN outbox m ON m.order_id = o.id AND m.kind = 1 WHERE o.status = 2 AND"
    " (o.total_minor > 0 AND (p.state IS NOT 4 OR p.captured_minor <> o.total_minor"
    "   OR p.captured_currency <> o.currency OR p.amount_minor <> o.total_minor"
    "   OR n.state <> 2) OR m.id IS NULL OR c.state <> 3 OR c.order_id <> o.id)",
    "SELECT c.id FROM carts c LEFT JOIN orders o ON o.id = c.order_id AND o.cart_id = c.id"
    " AND o.status = CASE c.state WHEN 2 THEN 1 ELSE 2 END"
    " WHERE c.state IN (2, 3) AND o.id IS NULL",
};

int64_t baseline_verify(struct baseline *base, int64_t *file_check_ns) {
  int64_t begun = now_ns(), faults = count_rows(base, "PRAGMA integrity_check") - 1;

  faults += count_rows(base, "PRAGMA foreign_key_check");
  *file_check_ns = now_ns() - begun;
  for (size_t i = 0; i < sizeof questions / sizeof questions[0]; i++)
    faults += count_rows(base, questions[i]);
  return faults;
}

/* ---- the section ----------------------------------------------------------------------------- */

static double by_shop(shop_t *shop, shop_error_t *err, int32_t count) {
  shop_audit_t *audit = NULL;
  int64_t begun = now_ns(), took;

  must(shop_verify(shop, &audit, err), err, "verify");
  took = now_ns() - begun;
  if (shop_audit_violations(audit) != 0 || shop_audit_orders(audit) != count)
    die("the audit is not as expected");
  shop_audit_free(audit);
  return (double)took / 1000 / count;
}

void bench_verify(const struct world *world) {
  const struct settings *settings = world->settings;
  int32_t count = settings->timelines;
  struct pair costs = {.count = 0};
  double file_check[ROUNDS_MAX];
  struct worker worker;
  struct baseline *base;
  char path[600];

  world_copy(world->path, "orders.shop", path);
  worker_init(&worker, world, world_open(path, SYNC_NORMAL), NULL, 0, 1);
  for (int32_t i = 0; i < count; i++)
    timeline(&worker);
  base = baseline_open(path, SYNC_FULL, settings, 0);
  for (int32_t i = 0; i < settings->rounds; i++) {
    double shop = by_shop(worker.shop, worker.err, count);
    int64_t begun = now_ns(), check_ns = 0;

    if (baseline_verify(base, &check_ns) != 0)
      die("the baseline's audit finds faults");
    pair_add(&costs, shop, (double)(now_ns() - begun) / 1000 / count);
    file_check[i] = (double)check_ns / 1000 / count;
  }
  report_pair("verify", count, "us/order", &costs, "verify, per order of %d", count);
  report("verify", count, "us/order", 0, median_of(file_check, settings->rounds),
         "SQLite's check of file and keys alone");
  baseline_close(base);
  world_close(worker.shop);
  worker_free(&worker);
  world_remove(path);
}
