/* What libshop takes: of the disk, of the heap, and of it per call. */
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "calls.h"

#define ALLOCATION_RUNS 20

/* ---- the libraries ------------------------------------------------------------------- */

/* Bytes of the file without its symbols; 0 where there is no strip. */
static int64_t stripped_bytes(const char *library, const char *dir) {
  char out[700];
  int64_t size;
  int status = 0;
  pid_t pid;

  (void)snprintf(out, sizeof out, "%s/stripped", dir);
  pid = fork();
  if (pid == 0) {
    execlp("strip", "strip", "--strip-unneeded", "-o", out, library, (char *)NULL);
    _exit(127);
  }
  if (pid < 0 || waitpid(pid, &status, 0) != pid || status != 0)
    return 0;
  size = file_bytes(out);
  (void)unlink(out);
  return size;
}

static void measure_libraries(const struct settings *settings) {
  for (int i = 0; i < 2; i++) {
    const char *library = settings->libraries[i], *name;

    if (library == NULL)
      continue;
    name = strrchr(library, '/') == NULL ? library : strrchr(library, '/') + 1;
    report("footprint", 0, "KiB", (double)stripped_bytes(library, settings->dir) / 1024, 0,
           "%s, stripped", name);
  }
}

/* ---- the heap ---------------------------------------------------------------------------- */

static void measure_heap(const struct world *world, const char *path) {
  struct tour tour = {.email = "shopper0000001@customers.example",
                      .skus = {"SKU-0000001", "SKU-0000002", "SKU-0000003"},
                      .old_number = ""};
  double before = heap_kib(), opened;
  int64_t calls = 0;

  (void)world;
  tour.shop = world_open(path, SYNC_FULL);
  opened = heap_kib();
  report("footprint", 0, "KiB", opened - before, 0, "heap after open, SQLite's included");
  report("footprint", 0, "KiB", sqlite_kib(), 0, "of it SQLite's");
  must(shop_error_new(&tour.err), NULL, "error");
  for (int64_t i = 0; i < 20; i++)
    tour_once(&tour, i, &calls);
  report("footprint", 0, "KiB", heap_kib() - before, 0, "heap after each call was made 20 times");
  report("footprint", 0, "KiB", sqlite_kib(), 0, "of it SQLite's");
  shop_error_free(tour.err);
  world_close(tour.shop);
  report("footprint", 0, "KiB", heap_kib() - before, 0, "heap after close");
}

/* ---- allocations per call ----------------------------------------------------------------- */

static void count_call(struct tour *tour, enum call call, struct counted *total) {
  struct counted before = counted_now(), after;

  tour_call(tour, call);
  after = counted_now();
  total->calls += after.calls - before.calls;
  total->bytes += after.bytes - before.bytes;
}

static void measure_allocations(const char *path) {
  struct counted totals[CALL_COUNT] = {{0}};
  struct tour tour = {.email = "shopper0000001@customers.example",
                      .skus = {"SKU-0000001", "SKU-0000002", "SKU-0000003"},
                      .old_number = ""};
  char new_email[80];

  tour.shop = world_open(path, SYNC_NORMAL);
  must(shop_error_new(&tour.err), NULL, "error");
  for (int run = -2; run < ALLOCATION_RUNS; run++) {
    (void)snprintf(new_email, sizeof new_email, "counted%d@customers.example", run + 2);
    (void)snprintf(tour.key, sizeof tour.key, "counted-%d", run + 2);
    tour.new_email = new_email;
    for (int call = 0; call < CALL_COUNT; call++)
      for (int i = 0; i < tour_times((enum call)call); i++)
        count_call(&tour, (enum call)call, &totals[call]);
    tour_end(&tour);
    if (run == -1) /* statements are prepared, pools are filled */
      memset(totals, 0, sizeof totals);
  }
  for (int call = 0; call < CALL_COUNT; call++) {
    double runs = ALLOCATION_RUNS * tour_times((enum call)call);

    report("footprint", 0, "allocations", (double)totals[call].calls / runs, 0, "%s",
           call_names[call]);
    report("footprint", 0, "bytes", (double)totals[call].bytes / runs, 0, "%s", call_names[call]);
  }
  shop_error_free(tour.err);
  world_close(tour.shop);
}

/* ---- the file ----------------------------------------------------------------------------------
 */

static void measure_file(const struct world *world, const char *path) {
  int64_t before = file_bytes(path);
  int32_t count = world->settings->timelines;
  struct worker worker;

  worker_init(&worker, world, world_open(path, SYNC_NORMAL), NULL, 0, 1);
  for (int32_t i = 0; i < count; i++)
    timeline(&worker);
  world_close(worker.shop);
  worker_free(&worker);
  report("footprint", count, "bytes", (double)(file_bytes(path) - before) / count, 0,
         "file, per order of three lines");
}

void bench_footprint(const struct world *world) {
  char path[600];

  measure_libraries(world->settings);
  world_copy(world->path, "a.shop", path);
  measure_heap(world, path);
  measure_allocations(path);
  world_remove(path);
  world_copy(world->path, "a.shop", path);
  measure_file(world, path);
  soak(world, path, "footprint", 10, false);
  (void)world_verify(path);
  world_remove(path);
}
