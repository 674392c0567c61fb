/* The import of a catalogue: each product a call and a commit, new ones and
   ones that are there; and in batches, against one transaction for all. */
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "baseline.h"

#define TEAM 8
#define BATCH 500

struct batch {
  struct base_product *products;
  char (*skus)[32];
  int32_t count;
};

static void batch_make(struct batch *batch, int32_t count, int32_t round) {
  batch->count = count;
  batch->products = need((size_t)count * sizeof *batch->products);
  batch->skus = need((size_t)count * sizeof *batch->skus);
  for (int32_t i = 0; i < count; i++) {
    (void)snprintf(batch->skus[i], 32, "NEW-%03" PRId32 "-%06" PRId32, round, i);
    batch->products[i] = (struct base_product){
        .sku = batch->skus[i],
        .name = "Stoneware plate, 27 cm, grey",
        .description = "Dishwasher proof. Fired twice, glazed by hand, packed in straw.",
        .price_minor = 1999 + i % 1000,
        .on_hand = 1000,
    };
  }
}

static void batch_free(struct batch *batch) {
  free(batch->products);
  free(batch->skus);
}

/* ---- putting a part of a batch --------------------------------------------------------- */

struct part {
  const struct batch *batch;
  shop_t *shop;
  struct baseline *base;
  int32_t first, step;
  pthread_t thread;
};

static void *put_part(void *user) {
  const struct part *part = user;
  shop_error_t *err = NULL;

  must(shop_error_new(&err), NULL, "error");
  for (int32_t i = part->first; i < part->batch->count; i += part->step) {
    const struct base_product *product = &part->batch->products[i];

    if (part->base != NULL)
      baseline_put(part->base, product);
    else
      must(shop_product_put(part->shop, product->sku, product->name, product->description,
                            product->price_minor, "EUR", product->on_hand, NULL, NULL, err),
           err, "put");
  }
  shop_error_free(err);
  return NULL;
}

/* Products a second. bases NULL: by libshop. */
static double put(const struct batch *batch, shop_t *shop, struct baseline **bases,
                  int32_t threads) {
  struct part parts[TEAM];
  int64_t begun = now_ns();

  for (int32_t i = 0; i < threads; i++) {
    parts[i] = (struct part){.batch = batch,
                             .shop = shop,
                             .base = bases == NULL ? NULL : bases[i],
                             .first = i,
                             .step = threads};
    if (pthread_create(&parts[i].thread, NULL, put_part, &parts[i]) != 0)
      die("cannot start a thread");
  }
  for (int32_t i = 0; i < threads; i++)
    (void)pthread_join(parts[i].thread, NULL);
  return (double)batch->count * 1e9 / (double)(now_ns() - begun);
}

/* In as many batches as it takes; making them is a part of it. */
static double put_batches(const struct batch *batch, shop_t *shop) {
  int64_t begun = now_ns();
  shop_product_batch_t *some = NULL;
  shop_error_t *err = NULL;

  must(shop_error_new(&err), NULL, "error");
  must(shop_product_batch_new(&some), NULL, "batch");
  for (int32_t i = 0; i < batch->count; i++) {
    const struct base_product *product = &batch->products[i];

    must(shop_product_batch_add(some, product->sku, product->name, product->description,
                                product->price_minor, "EUR", product->on_hand, err),
         err, "add");
    if (shop_product_batch_count(some) == BATCH || i + 1 == batch->count) {
      must(shop_product_put_batch(shop, some, NULL, err), err, "put batch");
      shop_product_batch_clear(some);
    }
  }
  shop_product_batch_free(some);
  shop_error_free(err);
  return (double)batch->count * 1e9 / (double)(now_ns() - begun);
}

static double put_together(const struct batch *batch, struct baseline *base) {
  int64_t begun = now_ns();

  baseline_put_all(base, batch->products, batch->count);
  return (double)batch->count * 1e9 / (double)(now_ns() - begun);
}

/* ---- the section ------------------------------------------------------------------------- */

struct figures {
  struct pair fresh, again, team, together;
};

static void run_round(const struct world *world, shop_t *shop, struct baseline **bases,
                      int32_t round, struct figures *figures) {
  int32_t count = world->settings->timelines;
  struct batch one, many, all;
  double rate;

  batch_make(&one, count, round * 3);
  batch_make(&many, count, round * 3 + 1);
  batch_make(&all, count, round * 3 + 2);
  rate = put(&one, shop, NULL, 1);
  pair_add(&figures->fresh, rate, put(&one, NULL, bases, 1));
  rate = put(&one, shop, NULL, 1);
  pair_add(&figures->again, rate, put(&one, NULL, bases, 1));
  rate = put(&many, shop, NULL, TEAM);
  pair_add(&figures->team, rate, put(&many, NULL, bases, TEAM));
  rate = put_batches(&all, shop);
  pair_add(&figures->together, rate, put_together(&all, bases[0]));
  batch_free(&one);
  batch_free(&many);
  batch_free(&all);
}

static void measure(const struct world *world, enum sync sync) {
  const char *mode = sync == SYNC_FULL ? "FULL" : "NORMAL";
  const struct settings *settings = world->settings;
  struct figures *figures = need(sizeof *figures);
  struct baseline *bases[TEAM];
  char shop_path[600], base_path[600];
  shop_t *shop;

  world_copy(world->path, "a.shop", shop_path);
  world_copy(world->path, "b.shop", base_path);
  shop = world_open(shop_path, sync);
  for (uint32_t i = 0; i < TEAM; i++)
    bases[i] = baseline_open(base_path, sync, settings, i);
  for (int32_t i = 0; i < settings->rounds; i++)
    run_round(world, shop, bases, i, figures);
  report_pair("import", 1, "products/s", &figures->fresh, "new products, %s", mode);
  report_pair("import", 1, "products/s", &figures->again, "the same again, %s", mode);
  report_pair("import", TEAM, "products/s", &figures->team, "new products, %d threads, %s", TEAM,
              mode);
  report_pair("import", 1, "products/s", &figures->together, "batches of %d, one transaction, %s",
              BATCH, mode);
  world_close(shop);
  for (uint32_t i = 0; i < TEAM; i++)
    baseline_close(bases[i]);
  (void)world_verify(shop_path);
  (void)world_verify(base_path);
  world_remove(shop_path);
  world_remove(base_path);
  free(figures);
}

void bench_import(const struct world *world) {
  measure(world, SYNC_FULL);
  measure(world, SYNC_NORMAL);
}
