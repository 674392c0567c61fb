/* The world of the contract tests: a shop in a folder of its own. */
#include "harness.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static int64_t fake_now(void *user) {
  struct world *world = user;

  return atomic_load(&world->now_ms);
}

static pthread_mutex_t log_lock = PTHREAD_MUTEX_INITIALIZER;

static void fake_log(void *user, int32_t level, const char *text) {
  struct world *world = user;

  (void)level;
  atomic_fetch_add(&world->log_lines, 1);
  pthread_mutex_lock(&log_lock);
  snprintf(world->last_log, sizeof world->last_log, "%s", text);
  pthread_mutex_unlock(&log_lock);
}

struct world *world_prepare(void) {
  struct world *world = calloc(1, sizeof *world);

  ck_assert_ptr_nonnull(world);
  snprintf(world->dir, sizeof world->dir, "/tmp/shop-test-XXXXXX");
  ck_assert_ptr_nonnull(mkdtemp(world->dir));
  snprintf(world->path, sizeof world->path, "%s/test.shop", world->dir);
  atomic_store(&world->now_ms, WORLD_START_MS);
  pthread_mutex_init(&world->gateway.lock, NULL);
  pthread_mutex_init(&world->transport.lock, NULL);
  ck_assert_int_eq(shop_error_new(&world->err), SHOP_OK);
  ck_assert_int_eq(shop_config_new(&world->config), SHOP_OK);
  ck_assert_int_eq(shop_config_set_password_cost(world->config, 8, 1), SHOP_OK);
  ck_assert_int_eq(shop_config_set_clock(world->config, fake_now, world), SHOP_OK);
  ck_assert_int_eq(shop_config_set_log(world->config, fake_log, world), SHOP_OK);
  ck_assert_int_eq(
      shop_config_set_gateway_charge(world->config, gateway_charge, &world->gateway), SHOP_OK);
  ck_assert_int_eq(
      shop_config_set_mail_transport(world->config, transport_send, &world->transport), SHOP_OK);
  return world;
}

struct world *world_new(void) {
  struct world *world = world_prepare();

  world_open(world);
  return world;
}

void world_open(struct world *world) {
  ck_ok(world, shop_open(world->path, world->config, &world->shop, world->err));
}

void world_reopen(struct world *world) {
  ck_assert_int_eq(shop_close(world->shop), SHOP_OK);
  world->shop = NULL;
  world_open(world);
}

void world_free(struct world *world) {
  char command[128];

  ck_assert_int_eq(shop_close(world->shop), SHOP_OK);
  shop_config_free(world->config);
  shop_error_free(world->err);
  for (int32_t i = 0; i < world->transport.count; i++)
    free(world->transport.messages[i]);
  pthread_mutex_destroy(&world->gateway.lock);
  pthread_mutex_destroy(&world->transport.lock);
  snprintf(command, sizeof command, "rm -rf '%s'", world->dir);
  ck_assert_int_eq(system(command), 0);
  free(world);
}

void world_pass_ms(struct world *world, int64_t ms) {
  atomic_fetch_add(&world->now_ms, ms);
}

/* ---- steps ---------------------------------------------------------------------- */

shop_token_t *world_register(struct world *world, const char *email) {
  shop_token_t *token = NULL;

  ck_ok(world, shop_user_register(world->shop, email, PASSWORD, NULL, &token, world->err));
  ck_assert_ptr_nonnull(token);
  return token;
}

void world_put(struct world *world, const char *sku, int64_t price_minor, const char *currency,
               int64_t on_hand) {
  ck_ok(world, shop_product_put(world->shop, sku, sku, NULL, price_minor, currency, on_hand, NULL,
                                NULL, world->err));
}

int64_t world_cart(struct world *world, const shop_token_t *token) {
  shop_cart_t *cart = NULL;
  int64_t id;

  ck_ok(world, shop_cart_create(world->shop, token, NULL, &cart, world->err));
  id = shop_cart_id(cart);
  shop_cart_free(cart);
  return id;
}

void world_add(struct world *world, const shop_token_t *token, int64_t cart_id, const char *sku,
               int64_t quantity) {
  shop_cart_t *cart = NULL;

  ck_ok(world,
        shop_cart_add(world->shop, token, cart_id, sku, quantity, NULL, &cart, world->err));
  shop_cart_free(cart);
}

shop_token_t *world_shopper(struct world *world, const char *email, const char *sku,
                            int64_t quantity, int64_t *cart_id) {
  shop_token_t *token = world_register(world, email);

  *cart_id = world_cart(world, token);
  world_add(world, token, *cart_id, sku, quantity);
  return token;
}

int32_t world_buy(struct world *world, const shop_token_t *token, int64_t cart_id,
                  const char *key, shop_order_t **order) {
  shop_purchase_request_t *request = NULL;
  shop_options_t *options = NULL;
  int32_t status;

  ck_assert_int_eq(shop_purchase_request_new(&request), SHOP_OK);
  ck_assert_int_eq(shop_purchase_request_set_method(request, "pm_card_visa"), SHOP_OK);
  ck_assert_int_eq(shop_options_new(&options), SHOP_OK);
  ck_assert_int_eq(shop_options_set_idempotency_key(options, key), SHOP_OK);
  status = shop_purchase(world->shop, token, cart_id, request, options, order, world->err);
  shop_options_free(options);
  shop_purchase_request_free(request);
  return status;
}

static shop_product_t *get_product(struct world *world, const char *sku) {
  shop_product_t *product = NULL;

  ck_ok(world, shop_product_get(world->shop, sku, &product, world->err));
  return product;
}

int64_t world_available(struct world *world, const char *sku) {
  shop_product_t *product = get_product(world, sku);
  int64_t available = shop_product_available(product);

  shop_product_free(product);
  return available;
}

int64_t world_reserved(struct world *world, const char *sku) {
  shop_product_t *product = get_product(world, sku);
  int64_t reserved = shop_product_reserved(product);

  shop_product_free(product);
  return reserved;
}

void world_verify(struct world *world, int64_t attentions) {
  shop_audit_t *audit = NULL;

  ck_ok(world, shop_verify(world->shop, &audit, world->err));
  ck_assert_msg(shop_audit_violations(audit) == 0, "%s", shop_audit_finding_text(audit, 0));
  ck_assert_msg(shop_audit_attentions(audit) == attentions, "%lld findings instead of %lld: %s",
                (long long)shop_audit_attentions(audit), (long long)attentions,
                shop_audit_finding_text(audit, 0));
  shop_audit_free(audit);
}

/* ---- behind the library's back ------------------------------------------------------ */

void world_vandalise(struct world *world, const char *sql) {
  sqlite3 *db = NULL;
  char *message = NULL;

  ck_assert_int_eq(sqlite3_open(world->path, &db), SQLITE_OK);
  sqlite3_busy_timeout(db, 5000);
  ck_assert_msg(sqlite3_exec(db, sql, NULL, NULL, &message) == SQLITE_OK, "%s: %s", sql,
                message == NULL ? "" : message);
  sqlite3_close(db);
}

int64_t world_number(struct world *world, const char *sql) {
  sqlite3 *db = NULL;
  sqlite3_stmt *statement = NULL;
  int64_t number;

  ck_assert_int_eq(sqlite3_open(world->path, &db), SQLITE_OK);
  sqlite3_busy_timeout(db, 5000);
  ck_assert_int_eq(sqlite3_prepare_v2(db, sql, -1, &statement, NULL), SQLITE_OK);
  ck_assert_int_eq(sqlite3_step(statement), SQLITE_ROW);
  number = sqlite3_column_int64(statement, 0);
  sqlite3_finalize(statement);
  sqlite3_close(db);
  return number;
}

void world_text(struct world *world, const char *sql, char *out, size_t size) {
  sqlite3 *db = NULL;
  sqlite3_stmt *statement = NULL;
  const char *text;

  ck_assert_int_eq(sqlite3_open(world->path, &db), SQLITE_OK);
  sqlite3_busy_timeout(db, 5000);
  ck_assert_int_eq(sqlite3_prepare_v2(db, sql, -1, &statement, NULL), SQLITE_OK);
  ck_assert_int_eq(sqlite3_step(statement), SQLITE_ROW);
  text = (const char *)sqlite3_column_text(statement, 0);
  ck_assert_ptr_nonnull(text);
  ck_assert_uint_lt(strlen(text), size);
  memcpy(out, text, strlen(text) + 1);
  sqlite3_finalize(statement);
  sqlite3_close(db);
}

/* FNV-1a, 64 bits. */
static void mix(uint64_t *digest, const void *data, size_t size) {
  const unsigned char *bytes = data;

  for (size_t i = 0; i < size; i++)
    *digest = (*digest ^ bytes[i]) * UINT64_C(0x100000001b3);
}

static void mix_table(sqlite3 *db, const char *name, uint64_t *digest) {
  char sql[200];
  sqlite3_stmt *statement = NULL;

  snprintf(sql, sizeof sql, "SELECT * FROM \"%s\" %s ORDER BY 1, 2, 3", name,
           strcmp(name, "events") == 0 ? "WHERE name <> 'user.login_failed'" : "");
  if (sqlite3_prepare_v2(db, sql, -1, &statement, NULL) != SQLITE_OK) { /* fewer columns */
    snprintf(sql, sizeof sql, "SELECT * FROM \"%s\" ORDER BY 1", name);
    ck_assert_int_eq(sqlite3_prepare_v2(db, sql, -1, &statement, NULL), SQLITE_OK);
  }
  mix(digest, name, strlen(name) + 1);
  while (sqlite3_step(statement) == SQLITE_ROW)
    for (int i = 0; i < sqlite3_column_count(statement); i++) {
      int type = sqlite3_column_type(statement, i);
      const void *data = sqlite3_column_blob(statement, i);
      int size = sqlite3_column_bytes(statement, i);

      mix(digest, &type, sizeof type);
      mix(digest, &size, sizeof size);
      if (data != NULL)
        mix(digest, data, (size_t)size);
    }
  ck_assert_int_eq(sqlite3_finalize(statement), SQLITE_OK);
}

uint64_t world_digest(struct world *world) {
  sqlite3 *db = NULL;
  sqlite3_stmt *tables = NULL;
  uint64_t digest = UINT64_C(0xcbf29ce484222325);

  ck_assert_int_eq(sqlite3_open(world->path, &db), SQLITE_OK);
  sqlite3_busy_timeout(db, 5000);
  ck_assert_int_eq(sqlite3_exec(db, "BEGIN", NULL, NULL, NULL), SQLITE_OK);
  ck_assert_int_eq(sqlite3_prepare_v2(db,
                                      "SELECT name FROM sqlite_schema WHERE type = 'table' AND "
                                      "name NOT IN ('seam', 'guesses') ORDER BY name",
                                      -1, &tables, NULL),
                   SQLITE_OK);
  while (sqlite3_step(tables) == SQLITE_ROW)
    mix_table(db, (const char *)sqlite3_column_text(tables, 0), &digest);
  ck_assert_int_eq(sqlite3_finalize(tables), SQLITE_OK);
  sqlite3_close(db);
  return digest;
}

/* ---- options ---------------------------------------------------------------------------- */

static shop_options_t *new_options(void) {
  shop_options_t *options = NULL;

  ck_assert_int_eq(shop_options_new(&options), SHOP_OK);
  return options;
}

shop_options_t *options_with_key(const char *key) {
  shop_options_t *options = new_options();

  ck_assert_int_eq(shop_options_set_idempotency_key(options, key), SHOP_OK);
  return options;
}

shop_options_t *options_with_version(int64_t version) {
  shop_options_t *options = new_options();

  ck_assert_int_eq(shop_options_set_expected_version(options, version), SHOP_OK);
  return options;
}

shop_options_t *options_with_deadline(int64_t deadline_ms) {
  shop_options_t *options = new_options();

  ck_assert_int_eq(shop_options_set_deadline_ms(options, deadline_ms), SHOP_OK);
  return options;
}

/* ---- another process ---------------------------------------------------------------------- */

/* Check hears of every assertion through one file with a buffer of 4 KiB: what two
   processes write there is torn, and so is what one leaves that is killed. A peer
   writes it to nowhere; that it failed is seen by how it ends. */
static void leave_check(int line) {
  int nowhere = open("/dev/null", O_RDWR);

  for (int fd = 3; fd < 1024; fd++)
    if (fd != line && fd != nowhere && fcntl(fd, F_GETFD) != -1)
      (void)dup2(nowhere, fd);
}

struct peer peer_start(struct world *world, void (*fn)(struct world *world, struct peer *peer)) {
  struct peer peer;
  int ends[2];

  ck_assert_ptr_null(world->shop);
  ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends), 0);
  fflush(NULL);
  peer.pid = fork();
  peer.line = ends[peer.pid == 0];
  close(ends[peer.pid != 0]);
  if (peer.pid == 0) {
    leave_check(peer.line);
    fn(world, &peer);
    _exit(0);
  }
  ck_assert_int_ge(peer.pid, 0);
  return peer;
}

void peer_tell(struct peer *peer, const char *text) {
  size_t size = strlen(text) + 1;

  ck_assert_uint_le(size, 8000);
  ck_assert_int_eq(send(peer->line, text, size, MSG_NOSIGNAL), (ssize_t)size);
}

void peer_hear(struct peer *peer, char *out, size_t size) {
  ssize_t got = recv(peer->line, out, size, MSG_TRUNC);

  ck_assert_msg(got > 0 && (size_t)got <= size, "the other process has fallen silent");
}

void peer_end(struct peer *peer) {
  int result = -1;

  close(peer->line);
  ck_assert_int_eq(waitpid(peer->pid, &result, 0), peer->pid);
  ck_assert_msg(WIFEXITED(result) && WEXITSTATUS(result) == 0, "the other process failed: %d",
                result);
}

/* ---- running --------------------------------------------------------------------------------- */

int harness_run(const char *name, const TTest *const *tests, size_t count) {
  Suite *suite = suite_create(name);
  TCase *tcase = tcase_create(name);
  SRunner *runner;
  int failed;

  tcase_set_timeout(tcase, 240); /* under a sanitizer, on a busy machine */
  for (size_t i = 0; i < count; i++)
    tcase_add_test(tcase, tests[i]);
  suite_add_tcase(suite, tcase);
  runner = srunner_create(suite);
  srunner_run_all(runner, CK_ENV);
  failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
