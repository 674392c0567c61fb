/* The timeline without hashing: cart, three adds, session check, purchase; the
   same steps for either side. And the section that compares them on one thread. */
#include <stdio.h>
#include <string.h>

#include "baseline.h"

const char *const step_names[STEP_COUNT] = {"cart_create", "cart_add", "session_check", "purchase"};

/* ---- a worker ------------------------------------------------------------------------ */

void worker_init(struct worker *worker, const struct world *world, shop_t *shop,
                 struct baseline *base, uint32_t index, uint32_t of) {
  *worker = (struct worker){.world = world, .shop = shop, .base = base};
  worker->shopper_count = SHOPPERS / of;
  worker->first_shopper = index * worker->shopper_count;
  worker->random = 88172645463325252u + index;
  if (shop != NULL)
    must(shop_error_new(&worker->err), NULL, "error");
}

void worker_free(struct worker *worker) {
  shop_error_free(worker->err);
  for (int i = 0; i < STEP_COUNT; i++)
    samples_free(&worker->steps[i]);
}

/* Three different products. */
static void choose(struct worker *worker, char skus[CART_LINES][32]) {
  uint32_t first = random_below(&worker->random, PRODUCTS);

  for (uint32_t i = 0; i < CART_LINES; i++)
    (void)sku_of((first + i * 331) % PRODUCTS, skus[i]);
}

static void make_key(struct worker *worker, char key[48]) {
  (void)snprintf(key, 48, "%016llx-%08x-%08x", (unsigned long long)worker->random,
                 random_below(&worker->random, UINT32_MAX),
                 random_below(&worker->random, UINT32_MAX));
}

static int64_t lap(struct worker *worker, enum step step, int64_t since) {
  int64_t now = now_ns();

  samples_add(&worker->steps[step], now - since);
  return now;
}

/* ---- libshop's side --------------------------------------------------------------------- */

static void buy(struct worker *worker, const shop_token_t *token, int64_t cart_id,
                int64_t goods_minor) {
  shop_purchase_request_t *request = NULL;
  shop_options_t *options = NULL;
  shop_order_t *order = NULL;
  char key[48];

  make_key(worker, key);
  must(shop_purchase_request_new(&request), NULL, "request");
  must(shop_purchase_request_set_method(request, METHOD), NULL, "method");
  must(shop_purchase_request_add_adjustment(request, SHOP_ADJUSTMENT_SHIPPING, "Parcel",
                                            SHIPPING_MINOR),
       NULL, "shipping");
  must(shop_purchase_request_set_shipping_address(request, SHIPPING_ADDRESS), NULL, "address");
  must(shop_purchase_request_set_expected_total(request, goods_minor + SHIPPING_MINOR, "EUR"), NULL,
       "total");
  must(shop_options_new(&options), NULL, "options");
  must(shop_options_set_idempotency_key(options, key), NULL, "key");
  must(shop_purchase(worker->shop, token, cart_id, request, options, &order, worker->err),
       worker->err, "purchase");
  shop_order_free(order);
  shop_options_free(options);
  shop_purchase_request_free(request);
}

static void timeline_by_shop(struct worker *worker, const struct shopper *shopper,
                             char skus[CART_LINES][32]) {
  shop_t *shop = worker->shop;
  shop_error_t *err = worker->err;
  shop_session_t *session = NULL;
  shop_cart_t *cart = NULL;
  int64_t cart_id, total, now = now_ns();

  must(shop_cart_create(shop, shopper->token, NULL, &cart, err), err, "cart");
  cart_id = shop_cart_id(cart);
  shop_cart_free(cart);
  now = lap(worker, STEP_CREATE, now);
  for (int i = 0; i < CART_LINES; i++) {
    must(shop_cart_add(shop, shopper->token, cart_id, skus[i], i + 1, NULL, &cart, err), err,
         "add");
    shop_cart_free(cart);
    now = lap(worker, STEP_ADD, now);
  }
  must(shop_session_check(shop, shopper->token, &session, err), err, "session");
  must(shop_session_status(session), err, "session");
  total = shop_cart_total_minor(shop_session_cart(session));
  shop_session_free(session);
  now = lap(worker, STEP_SESSION, now);
  buy(worker, shopper->token, cart_id, total);
  (void)lap(worker, STEP_PURCHASE, now);
}

/* ---- the baseline's side ------------------------------------------------------------------- */

static void timeline_by_hand(struct worker *worker, const struct shopper *shopper,
                             char skus[CART_LINES][32]) {
  struct baseline *base = worker->base;
  struct base_cart cart;
  struct base_order order;
  char key[48];
  int64_t cart_id, now = now_ns();

  baseline_cart_create(base, shopper->jti, &cart);
  cart_id = cart.id;
  now = lap(worker, STEP_CREATE, now);
  for (int i = 0; i < CART_LINES; i++) {
    baseline_cart_add(base, shopper->jti, cart_id, skus[i], i + 1, &cart);
    now = lap(worker, STEP_ADD, now);
  }
  baseline_session(base, shopper->jti, &cart);
  now = lap(worker, STEP_SESSION, now);
  make_key(worker, key);
  baseline_purchase(base, shopper->jti, cart_id, key, &order);
  (void)lap(worker, STEP_PURCHASE, now);
  if (order.total_minor != cart.total_minor + SHIPPING_MINOR)
    die("baseline: a wrong total");
}

/* ---- both ------------------------------------------------------------------------------------ */

void timeline(struct worker *worker) {
  const struct shopper *shopper =
      &worker->world->shoppers[worker->first_shopper + worker->next++ % worker->shopper_count];
  char skus[CART_LINES][32];

  choose(worker, skus);
  if (worker->shop != NULL)
    timeline_by_shop(worker, shopper, skus);
  else
    timeline_by_hand(worker, shopper, skus);
  worker->timelines++;
}

double timelines_for(struct worker *worker, double seconds) {
  int64_t begun = now_ns(), until = begun + (int64_t)(seconds * 1e9), now;
  int64_t before = worker->timelines;

  do
    timeline(worker);
  while ((now = now_ns()) < until);
  return (double)(worker->timelines - before) * 1e9 / (double)(now - begun);
}

/* As timelines_for; adds what it took of this thread's processor time, which a
   busy disk or machine does not change. */
static double timed(struct worker *worker, double *cpu_us) {
  int64_t begun = thread_ns(), before = worker->timelines;
  double rate = timelines_for(worker, worker->world->settings->seconds);

  *cpu_us = (double)(thread_ns() - begun) / 1000 / (double)(worker->timelines - before);
  return rate;
}

/* ---- the section --------------------------------------------------------------------------------
 */

/* The two sides are comparable only if they leave the same rows behind. */
static void check_rows(const char *shop_path, int64_t shop_count, const char *base_path,
                       int64_t base_count) {
  static const char *const tables[] = {
      "carts",    "cart_lines", "orders", "order_lines", "order_adjustments", "reservations",
      "payments", "operations", "outbox", "events",      "requests"};
  char sql[80];

  for (size_t i = 0; i < sizeof tables / sizeof tables[0]; i++) {
    int64_t by_shop, by_hand;

    (void)snprintf(sql, sizeof sql, "SELECT count(*) FROM %s", tables[i]);
    by_shop = world_number(shop_path, sql);
    by_hand = world_number(base_path, sql);
    if (by_shop * base_count != by_hand * shop_count)
      die("%s: libshop leaves %lld rows of %lld timelines, the baseline %lld of %lld", tables[i],
          (long long)by_shop, (long long)shop_count, (long long)by_hand, (long long)base_count);
  }
  if (world_verify(shop_path) != shop_count || world_verify(base_path) != base_count)
    die("orders are missing");
}

static void report_mail_size(const char *shop_path, const char *base_path) {
  static const char sql[] = "SELECT cast(avg(length(message)) AS INTEGER) FROM outbox";

  report("timeline", 0, "bytes", (double)world_number(shop_path, sql),
         (double)world_number(base_path, sql), "confirmation, bytes stored");
}

static void compare(const struct world *world, enum sync sync) {
  const char *mode = sync == SYNC_FULL ? "FULL" : "NORMAL";
  const struct settings *settings = world->settings;
  struct pair rates = {.count = 0}, cpu = {.count = 0};
  struct worker by_shop, by_hand;
  char shop_path[600], base_path[600];

  world_copy(world->path, "a.shop", shop_path);
  world_copy(world->path, "b.shop", base_path);
  worker_init(&by_shop, world, world_open(shop_path, sync), NULL, 0, 1);
  worker_init(&by_hand, world, NULL, baseline_open(base_path, sync, settings, 0), 0, 1);
  (void)timelines_for(&by_shop, settings->seconds / 4); /* statements, caches */
  (void)timelines_for(&by_hand, settings->seconds / 4);
  for (int i = 0; i < STEP_COUNT; i++)
    by_shop.steps[i].count = by_hand.steps[i].count = 0;
  for (int32_t i = 0; i < settings->rounds; i++) {
    double shop_us = 0, base_us = 0, rate = timed(&by_shop, &shop_us);

    pair_add(&rates, rate, timed(&by_hand, &base_us));
    pair_add(&cpu, shop_us, base_us);
  }
  report_pair("timeline", 0, "timelines/s", &rates, "timeline, %s", mode);
  report_pair("timeline", 0, "us", &cpu, "processor time of a timeline, %s", mode);
  for (int i = 0; i < STEP_COUNT; i++)
    report("timeline", 0, "us", samples_us(&by_shop.steps[i], 0.5),
           samples_us(&by_hand.steps[i], 0.5), "%s p50, %s", step_names[i], mode);
  for (int i = 0; i < STEP_COUNT; i++)
    report("timeline", 0, "us", samples_us(&by_shop.steps[i], 0.99),
           samples_us(&by_hand.steps[i], 0.99), "%s p99, %s", step_names[i], mode);
  world_close(by_shop.shop);
  baseline_close(by_hand.base);
  check_rows(shop_path, by_shop.timelines, base_path, by_hand.timelines);
  if (sync == SYNC_FULL)
    report_mail_size(shop_path, base_path);
  worker_free(&by_shop);
  worker_free(&by_hand);
  world_remove(shop_path);
  world_remove(base_path);
}

void bench_timeline(const struct world *world) {
  compare(world, SYNC_FULL);
  compare(world, SYNC_NORMAL);
}
