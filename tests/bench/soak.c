/* Whether memory stays flat over many calls: every call in turn, by one thread,
   for many shoppers. */
#include <malloc.h>
#include <stdio.h>
#include <unistd.h>

#include <sqlite3.h>

#include "calls.h"

#define SOAK_STEPS 10

double heap_kib(void) {
  struct mallinfo2 info = mallinfo2();

  return (double)(info.uordblks + info.hblkhd) / 1024;
}

double sqlite_kib(void) {
  return (double)sqlite3_memory_used() / 1024;
}

static double resident_kib(void) {
  FILE *file = fopen("/proc/self/statm", "r");
  long pages = 0, resident = 0;

  if (file == NULL || fscanf(file, "%ld %ld", &pages, &resident) != 2)
    die("cannot read /proc/self/statm");
  (void)fclose(file);
  return (double)resident * (double)sysconf(_SC_PAGESIZE) / 1024;
}

/* The tour of that number: another shopper and other products than the last. */
static void next_tour(struct tour *tour, int64_t index, int64_t *calls) {
  char email[80], skus[CART_LINES][32];

  (void)snprintf(email, sizeof email, "shopper%07d@customers.example", (int)(index % SHOPPERS));
  tour->email = email;
  for (uint32_t i = 0; i < CART_LINES; i++)
    tour->skus[i] = sku_of((uint32_t)(index * 7 + i) % PRODUCTS, skus[i]);
  tour_once(tour, index, calls);
}

void soak(const struct world *world, const char *path, const char *section, int32_t steps,
          bool each) {
  struct tour tour = {.shop = world_open(path, SYNC_NORMAL), .old_number = ""};
  int64_t wanted = world->settings->calls, calls = 0, index = 100;

  must(shop_error_new(&tour.err), NULL, "error");
  for (int32_t step = 1; step <= steps; step++) {
    int64_t before = calls, begun = now_ns();
    double made;

    while (calls < wanted / steps * step)
      next_tour(&tour, index++, &calls);
    made = (double)calls;
    if (!each && step > 1 && step < steps)
      continue;
    report(section, made, "KiB", heap_kib() - sqlite_kib(), 0, "heap but for SQLite's");
    report(section, made, "KiB", sqlite_kib(), 0, "SQLite's heap");
    report(section, made, "KiB", resident_kib(), 0, "resident");
    report(section, made, "calls/s", (double)(calls - before) * 1e9 / (double)(now_ns() - begun), 0,
           "calls a second");
  }
  shop_error_free(tour.err);
  world_close(tour.shop);
}

void bench_soak(const struct world *world) {
  char path[600];

  world_copy(world->path, "a.shop", path);
  soak(world, path, "soak", SOAK_STEPS, true);
  (void)world_verify(path);
  report("soak", 0, "MiB", (double)file_bytes(path) / 1048576, 0, "the file at the end");
  world_remove(path);
}
