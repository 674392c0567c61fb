/* Delivering a full outbox to a transport that does nothing: one commit leases
   a mail, one stores that it was sent. */
#include <stdio.h>

#include "baseline.h"

/* A store with that many orders, whose mail waits. */
static void make_orders(const struct world *world, char *path, int32_t count) {
  struct worker worker;

  world_copy(world->path, "orders.shop", path);
  worker_init(&worker, world, world_open(path, SYNC_NORMAL), NULL, 0, 1);
  for (int32_t i = 0; i < count; i++)
    timeline(&worker);
  world_close(worker.shop);
  worker_free(&worker);
}

static double by_shop(const char *path, enum sync sync, int32_t count) {
  shop_t *shop = world_open(path, sync);
  shop_error_t *err = NULL;
  int32_t delivered = 0;
  int64_t begun, took;

  must(shop_error_new(&err), NULL, "error");
  begun = now_ns();
  must(shop_mail_deliver(shop, 10000, &delivered, err), err, "deliver");
  took = now_ns() - begun;
  if (delivered != count)
    die("%d mails were delivered instead of %d", delivered, count);
  shop_error_free(err);
  world_close(shop);
  return (double)count * 1e9 / (double)took;
}

static double by_hand(const struct settings *settings, const char *path, enum sync sync,
                      int32_t count) {
  struct baseline *base = baseline_open(path, sync, settings, 0);
  int64_t begun = now_ns(), took;
  int32_t delivered = 0;

  while (baseline_deliver(base))
    delivered++;
  took = now_ns() - begun;
  if (delivered != count)
    die("the baseline delivered %d mails instead of %d", delivered, count);
  baseline_close(base);
  return (double)count * 1e9 / (double)took;
}

static void measure(const struct world *world, const char *orders, enum sync sync) {
  const struct settings *settings = world->settings;
  struct pair rates = {.count = 0};
  char shop_path[600], base_path[600];

  for (int32_t i = 0; i < settings->rounds; i++) {
    double rate;

    world_copy(orders, "a.shop", shop_path);
    world_copy(orders, "b.shop", base_path);
    rate = by_shop(shop_path, sync, settings->timelines);
    pair_add(&rates, rate, by_hand(settings, base_path, sync, settings->timelines));
  }
  report_pair("mail", 0, "mails/s", &rates, "mail_deliver, %s",
              sync == SYNC_FULL ? "FULL" : "NORMAL");
  world_remove(shop_path);
  world_remove(base_path);
}

void bench_mail(const struct world *world) {
  char orders[600];

  make_orders(world, orders, world->settings->timelines);
  measure(world, orders, SYNC_FULL);
  measure(world, orders, SYNC_NORMAL);
  world_remove(orders);
}
