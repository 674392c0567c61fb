/*
 * The limit: the same shop written by hand on SQLite, as a good user of it
 * would. It works on the very file that libshop has made, so tables, indices
 * and page size are the same; it changes the same rows in the same number of
 * transactions with the same settings. It reads what it must to do so (token
 * and user, cart, lines and their products), trusts all it reads, and has no
 * group commit, no savepoints and no second look at anything.
 */
#ifndef SHOP_TESTS_BENCH_BASELINE_H
#define SHOP_TESTS_BENCH_BASELINE_H

#include <sqlite3.h>

#include "bench.h"

/* One connection with its statements; one thread at a time. */
struct baseline;

struct base_line {
  int64_t product_id;
  int64_t quantity;
  int64_t price_minor;
  int64_t available;
  char sku[64];
  char name[128];
};

/* What the caller of a cart function gets to see. */
struct base_cart {
  int64_t id;
  int64_t version;
  int64_t total_minor;
  int32_t line_count;
  struct base_line lines[16];
  char currency[4];
};

struct base_order {
  int64_t id;
  int64_t total_minor;
  char number[13];
};

struct base_product {
  const char *sku;
  const char *name;
  const char *description;
  int64_t price_minor;
  int64_t on_hand;
};

/* index: which connection this is, from 0; each has a batch marker of its own
   as each open libshop has one. */
struct baseline *baseline_open(const char *path, enum sync sync, const struct settings *settings,
                               uint32_t index);
void baseline_close(struct baseline *base);
/* How often a transaction began again because the lock had not come free. */
int64_t baseline_retries(const struct baseline *base);

void baseline_cart_create(struct baseline *base, const char *jti, struct base_cart *cart);
void baseline_cart_add(struct baseline *base, const char *jti, int64_t cart_id, const char *sku,
                       int64_t quantity, struct base_cart *cart);
/* The reads of a session check; the token's signature is session.c's part. */
void baseline_session(struct baseline *base, const char *jti, struct base_cart *cart);
void baseline_purchase(struct baseline *base, const char *jti, int64_t cart_id, const char *key,
                       struct base_order *order);
void baseline_put(struct baseline *base, const struct base_product *product);
/* The same, many in one transaction. */
void baseline_put_all(struct baseline *base, const struct base_product *products, int32_t count);
/* False when no mail is due. */
bool baseline_deliver(struct baseline *base);
/* Checks what shop_verify checks, by sets; gives the rows at fault. */
int64_t baseline_verify(struct baseline *base, int64_t *file_check_ns);

/* ---- between the baseline's own files ------------------------------------------------ */

enum base_sql {
  SQL_BEGIN,
  SQL_BEGIN_READ,
  SQL_COMMIT,
  SQL_IDS,
  SQL_MARK,
  SQL_TOKEN,
  SQL_CART_LIVING,
  SQL_CART,
  SQL_CART_INSERT,
  SQL_CART_CHANGED,
  SQL_CART_HOLD,
  SQL_CART_DONE,
  SQL_PRODUCT,
  SQL_LINE_ADD,
  SQL_LINES,
  SQL_REQUEST,
  SQL_REQUEST_INSERT,
  SQL_ORDER_INSERT,
  SQL_ORDER_LINE,
  SQL_RESERVE,
  SQL_RESERVATION,
  SQL_ADJUSTMENT,
  SQL_EVENT,
  SQL_PAYMENT_INSERT,
  SQL_OPERATION_INSERT,
  SQL_PAYMENT_CAPTURED,
  SQL_OPERATION_DONE,
  SQL_ORDER_PLACED,
  SQL_TAKE,
  SQL_RESERVATIONS_TAKEN,
  SQL_OUTBOX_INSERT,
  SQL_PRODUCT_UPDATE,
  SQL_PRODUCT_INSERT,
  SQL_OUTBOX_DUE,
  SQL_OUTBOX_LEASE,
  SQL_OUTBOX_SENT,
  SQL_COUNT
};

/* payment: a commit that is synced even where the setting is NORMAL. */
void base_begin(struct baseline *base, bool payment);
void base_commit(struct baseline *base);
sqlite3_stmt *base_stmt(struct baseline *base, enum base_sql which);
void base_run(struct baseline *base, enum base_sql which);
bool base_row(struct baseline *base, enum base_sql which);
void base_done(struct baseline *base, enum base_sql which);
/* Takes `count` ids at once; gives the first. Counts as a change of rows. */
int64_t base_ids(struct baseline *base, int64_t count);
void base_text(char *out, size_t size, sqlite3_stmt *stmt, int column);
sqlite3 *base_db(struct baseline *base);
void base_lines(struct baseline *base, int64_t cart_id, struct base_cart *cart);
int64_t base_user(struct baseline *base, const char *jti, char email[256]);

#endif
