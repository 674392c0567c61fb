/* The stores of the benchmark: a template with a catalogue and shoppers, made
   by libshop, of which each side gets a copy, so that both work on the same
   tables and rows. */
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sqlite3.h>

#include "bench.h"

#define STOCK INT64_C(1000000000)

void must(int32_t status, const shop_error_t *err, const char *step) {
  if (status != SHOP_OK)
    die("%s: %s: %s", step, shop_status_name(status), shop_error_message(err));
}

const char *sku_of(uint32_t product, char out[32]) {
  (void)snprintf(out, 32, "SKU-%07" PRIu32, product);
  return out;
}

/* ---- opening ------------------------------------------------------------------------- */

static void charge(shop_gateway_call_t *call, void *user) {
  char reference[100];

  (void)user;
  (void)snprintf(reference, sizeof reference, "ch_%s", shop_gateway_call_key(call));
  shop_gateway_call_set_captured(call, reference, shop_gateway_call_amount_minor(call),
                                 shop_gateway_call_currency(call));
}

static void deliver(shop_mail_call_t *call, void *user) {
  (void)user;
  shop_mail_call_set_delivered(call);
}

shop_t *world_open(const char *path, enum sync sync) {
  shop_config_t *config = NULL;
  shop_error_t *err = NULL;
  shop_t *shop = NULL;

  must(shop_error_new(&err), NULL, "error");
  must(shop_config_new(&config), err, "config");
  must(shop_config_set_name(config, "The Corner Shop"), err, "name");
  must(shop_config_set_mail_from(config, "orders@shop.example"), err, "mail_from");
  must(shop_config_set_gateway_charge(config, charge, NULL), err, "gateway");
  must(shop_config_set_mail_transport(config, deliver, NULL), err, "transport");
  must(shop_config_set_mail_at_once(config, false), err, "mail_at_once");
  must(shop_config_set_durability(config, sync == SYNC_FULL ? SHOP_DURABILITY_FULL
                                                            : SHOP_DURABILITY_NORMAL),
       err, "durability");
  /* Hashing is not what is measured. */
  must(shop_config_set_password_cost(config, 8, 1), err, "password_cost");
  must(shop_open(path, config, &shop, err), err, path);
  shop_config_free(config);
  shop_error_free(err);
  return shop;
}

void world_close(shop_t *shop) {
  if (shop != NULL && shop_close(shop) != SHOP_OK)
    die("shop_close");
}

int64_t world_verify(const char *path) {
  shop_t *shop = world_open(path, SYNC_NORMAL);
  shop_error_t *err = NULL;
  shop_audit_t *audit = NULL;
  int64_t orders;

  must(shop_error_new(&err), NULL, "error");
  must(shop_verify(shop, &audit, err), err, "verify");
  orders = shop_audit_orders(audit);
  for (int32_t i = 0; i < shop_audit_finding_count(audit) && i < 5; i++)
    fprintf(stderr, "%s: %s\n", path, shop_audit_finding_text(audit, i));
  if (shop_audit_violations(audit) != 0)
    die("%s is not sound", path);
  shop_audit_free(audit);
  shop_error_free(err);
  world_close(shop);
  return orders;
}

/* ---- files ------------------------------------------------------------------------------ */

int64_t file_bytes(const char *path) {
  struct stat info;

  return stat(path, &info) == 0 ? (int64_t)info.st_size : 0;
}

void world_remove(const char *path) {
  static const char *const tails[] = {"", "-wal", "-shm"};
  char name[700];

  for (size_t i = 0; i < sizeof tails / sizeof tails[0]; i++) {
    (void)snprintf(name, sizeof name, "%s%s", path, tails[i]);
    (void)unlink(name);
  }
}

void world_copy(const char *from, const char *name, char *path) {
  static char block[1 << 16];
  const char *slash = strrchr(from, '/');
  int in, out;
  ssize_t size;

  (void)snprintf(path, 600, "%.*s%s", slash == NULL ? 0 : (int)(slash - from + 1), from, name);
  world_remove(path);
  in = open(from, O_RDONLY);
  out = open(path, O_WRONLY | O_CREAT | O_EXCL, 0600);
  if (in < 0 || out < 0)
    die("cannot copy %s to %s", from, path);
  while ((size = read(in, block, sizeof block)) > 0)
    if (write(out, block, (size_t)size) != size)
      die("cannot write %s", path);
  if (size < 0 || fsync(out) != 0 || close(out) != 0 || close(in) != 0)
    die("cannot copy %s", from);
}

/* ---- looking into a store ------------------------------------------------------------------ */

static sqlite3 *look(const char *path) {
  sqlite3 *db = NULL;

  if (sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, NULL) != SQLITE_OK)
    die("cannot read %s", path);
  return db;
}

int64_t world_number(const char *path, const char *sql) {
  sqlite3 *db = look(path);
  sqlite3_stmt *stmt = NULL;
  int64_t number = 0;

  if (sqlite3_prepare_v2(db, sql, -1, &stmt, NULL) != SQLITE_OK || sqlite3_step(stmt) != SQLITE_ROW)
    die("%s: %s", sql, sqlite3_errmsg(db));
  number = sqlite3_column_int64(stmt, 0);
  (void)sqlite3_finalize(stmt);
  (void)sqlite3_close(db);
  return number;
}

/* What the hand-written side has to know of tokens. */
static void read_secrets(struct world *world) {
  sqlite3 *db = look(world->path);
  sqlite3_stmt *stmt = NULL;

  if (sqlite3_prepare_v2(db, "SELECT secret FROM signing_keys", -1, &stmt, NULL) != SQLITE_OK ||
      sqlite3_step(stmt) != SQLITE_ROW || sqlite3_column_bytes(stmt, 0) != sizeof world->secret)
    die("no signing key");
  memcpy(world->secret, sqlite3_column_blob(stmt, 0), sizeof world->secret);
  (void)sqlite3_finalize(stmt);
  if (sqlite3_prepare_v2(db, "SELECT jti FROM tokens ORDER BY user_id", -1, &stmt, NULL) !=
      SQLITE_OK)
    die("no tokens");
  for (int i = 0; i < SHOPPERS; i++) {
    if (sqlite3_step(stmt) != SQLITE_ROW)
      die("too few tokens");
    (void)snprintf(world->shoppers[i].jti, sizeof world->shoppers[i].jti, "%s",
                   (const char *)sqlite3_column_text(stmt, 0));
  }
  (void)sqlite3_finalize(stmt);
  (void)sqlite3_close(db);
}

/* ---- the template -------------------------------------------------------------------------- */

static void fill(struct world *world, shop_t *shop, shop_error_t *err) {
  char sku[32], name[80], email[80];

  for (uint32_t i = 0; i < PRODUCTS; i++) {
    (void)snprintf(name, sizeof name, "Ceramic mug number %07" PRIu32 ", blue, 0.3 l", i);
    must(shop_product_put(shop, sku_of(i, sku), name,
                          "Dishwasher proof. Fired twice, glazed by hand, packed in straw.",
                          499 + i, "EUR", STOCK, NULL, NULL, err),
         err, "product");
  }
  for (uint32_t i = 0; i < SHOPPERS; i++) {
    (void)snprintf(email, sizeof email, "shopper%07" PRIu32 "@customers.example", i);
    must(shop_user_register(shop, email, PASSWORD, NULL, &world->shoppers[i].token, err), err,
         "register");
  }
}

void world_make(struct world *world, const struct settings *settings) {
  shop_error_t *err = NULL;
  shop_t *shop;

  *world = (struct world){.settings = settings};
  world->shoppers = need(SHOPPERS * sizeof *world->shoppers);
  (void)snprintf(world->path, sizeof world->path, "%s/template.shop", settings->dir);
  must(shop_error_new(&err), NULL, "error");
  shop = world_open(world->path, SYNC_NORMAL);
  fill(world, shop, err);
  world_close(shop);
  shop_error_free(err);
  read_secrets(world);
}

void world_free(struct world *world) {
  for (uint32_t i = 0; i < SHOPPERS; i++)
    shop_token_free(world->shoppers[i].token);
  free(world->shoppers);
  world_remove(world->path);
}
