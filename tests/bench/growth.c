/* The same calls on stores of rising size: p50 and p99 of each. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <unistd.h>

#include "calls.h"
#include "growth.h"

/* An empty shop in which one thing was bought, for the generator to look at. */
static void make_seed(const char *path) {
  struct tour tour = {.new_email = "seed@customers.example",
                      .email = "seed@customers.example",
                      .skus = {"SEED-1", "SEED-1", "SEED-1"},
                      .key = "seed",
                      .old_number = ""};

  tour.shop = world_open(path, SYNC_NORMAL);
  must(shop_error_new(&tour.err), NULL, "error");
  tour_call(&tour, CALL_PRODUCT_PUT);
  tour_call(&tour, CALL_REGISTER);
  tour_call(&tour, CALL_LOGIN);
  tour_call(&tour, CALL_CART_CREATE);
  tour_call(&tour, CALL_CART_ADD);
  tour_call(&tour, CALL_PURCHASE);
  tour_call(&tour, CALL_MAIL_DELIVER);
  tour_end(&tour);
  shop_error_free(tour.err);
  world_close(tour.shop);
}

/* ---- calls on shoppers and products anywhere in the store -------------------------------- */

struct ramble {
  struct tour tour;
  struct samples samples[CALL_COUNT];
  uint64_t random;
  int64_t size, run; /* run: a store that is kept has seen the names of others */
  char email[80], new_email[80], number[13];
  char skus[CART_LINES][32];
};

static void aim(struct ramble *ramble, int32_t index) {
  int64_t product = random_below(&ramble->random, (uint32_t)ramble->size);

  growth_email(random_below(&ramble->random, (uint32_t)ramble->size), ramble->email);
  growth_number(random_below(&ramble->random, (uint32_t)ramble->size), ramble->size,
                ramble->number);
  /* Addresses as others have them: somewhere in the middle of the index. */
  (void)snprintf(ramble->new_email, sizeof ramble->new_email,
                 "grown%09u.%" PRId32 ".%" PRId64 "@new.example",
                 random_below(&ramble->random, (uint32_t)ramble->size), index, ramble->run);
  (void)snprintf(ramble->tour.key, sizeof ramble->tour.key, "ramble-%" PRId32 "-%" PRId64, index,
                 ramble->run);
  for (int i = 0; i < CART_LINES; i++)
    ramble->tour.skus[i] = sku_of((uint32_t)((product + i * 331) % ramble->size), ramble->skus[i]);
  ramble->tour.product_id = growth_product_id(product);
}

static void walk(struct ramble *ramble, bool counts) {
  for (int call = 0; call < CALL_COUNT; call++)
    for (int i = 0; i < tour_times((enum call)call); i++) {
      int64_t begun = now_ns();

      tour_call(&ramble->tour, (enum call)call);
      if (counts)
        samples_add(&ramble->samples[call], now_ns() - begun);
    }
  tour_end(&ramble->tour);
}

static void measure(const struct settings *settings, const char *path, int64_t size) {
  struct ramble *ramble = need(sizeof *ramble);

  ramble->size = size;
  ramble->run = wall_ms();
  ramble->random = 88172645463325252u;
  ramble->tour.email = ramble->email;
  ramble->tour.new_email = ramble->new_email;
  ramble->tour.old_number = ramble->number;
  ramble->tour.shop = world_open(path, settings->growth_sync);
  must(shop_error_new(&ramble->tour.err), NULL, "error");
  for (int32_t i = 0; i < settings->growth_samples + 50; i++) {
    aim(ramble, i);
    walk(ramble, i >= 50);
  }
  for (int call = 0; call < CALL_COUNT; call++) {
    report("growth", (double)size, "us", samples_us(&ramble->samples[call], 0.5), 0, "%s p50",
           call_names[call]);
    report("growth", (double)size, "us", samples_us(&ramble->samples[call], 0.99), 0, "%s p99",
           call_names[call]);
    samples_free(&ramble->samples[call]);
  }
  shop_error_free(ramble->tour.err);
  world_close(ramble->tour.shop);
  free(ramble);
}

/* ---- the section ------------------------------------------------------------------------------
 */

static void make_store(const char *path, int64_t size) {
  int64_t begun = now_ns();

  make_seed(path);
  growth_fill(path, size);
  report("growth", (double)size, "s", (double)(now_ns() - begun) / 1e9, 0, "made by SQL");
  begun = now_ns();
  if (world_verify(path) != size + 1)
    die("orders are missing");
  report("growth", (double)size, "us/order", (double)(now_ns() - begun) / 1e3 / (double)size, 0,
         "verified without a violation");
}

static void with_size(const struct settings *settings, int64_t size) {
  char path[600];

  if (size < 1000 || size > 100000000)
    die("growth takes sizes of 1,000 to 100,000,000");
  if (settings->grown == NULL)
    (void)snprintf(path, sizeof path, "%s/grown.shop", settings->dir);
  else
    (void)snprintf(path, sizeof path, "%.500s/grown-%" PRId64 ".shop", settings->grown, size);
  if (settings->grown == NULL || access(path, F_OK) != 0)
    make_store(path, size);
  report("growth", (double)size, "MiB", (double)file_bytes(path) / 1048576, 0, "the file");
  measure(settings, path, size);
  if (settings->grown == NULL)
    world_remove(path);
}

/* The largest store against the smallest: what growth costs. */
static void report_growth(int64_t smallest, int64_t largest) {
  size_t count;
  const struct result *all = report_results(&count);

  for (size_t i = 0; i < count; i++)
    for (size_t j = 0; j < count; j++)
      if (strcmp(all[i].section, "growth") == 0 && strcmp(all[j].section, "growth") == 0 &&
          strcmp(all[i].name, all[j].name) == 0 && strstr(all[i].name, "p50") != NULL &&
          all[i].x == (double)smallest && all[j].x == (double)largest)
        report("growth", 0, "times", all[j].shop / all[i].shop, 0, "%.40s, %" PRId64 " / %" PRId64,
               all[i].name, largest, smallest);
}

void bench_growth(const struct world *world) {
  const char *text = world->settings->sizes;
  int64_t smallest = INT64_MAX, largest = 0;

  while (*text != '\0') {
    char *end = NULL;
    int64_t size = strtoll(text, &end, 10);

    with_size(world->settings, size);
    smallest = size < smallest ? size : smallest;
    largest = size > largest ? size : largest;
    if (*end != ',')
      break;
    text = end + 1;
  }
  if (largest > smallest)
    report_growth(smallest, largest);
}
