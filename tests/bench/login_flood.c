/* login_flood: two hundred threads that try passwords, known addresses and unknown ones, from few
   sources and from many; what memory that takes beside the bound that was set, and what becomes of
   shoppers who check their session, fill their cart and buy meanwhile. */
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "bench.h"

#define FLOODERS_MAX 1000
#define BUYERS 4
#define GUESS_ROWS 10000

struct flood {
  shop_t *shop;
  pthread_barrier_t start;
  atomic_bool stop;
  _Atomic int64_t tried, hashed, waited;
  uint32_t sources; /* how many there are */
};

struct flooder {
  struct flood *flood;
  uint64_t random;
  pthread_t thread;
};

struct buyer {
  struct flood *flood;
  struct worker worker;
  pthread_t thread;
};

/* ---- memory
 * ---------------------------------------------------------------------------------------- */

static double status_mib(const char *name) {
  char line[200];
  double kib = 0;
  FILE *file = fopen("/proc/self/status", "r");

  if (file == NULL)
    die("cannot read /proc/self/status");
  while (fgets(line, sizeof line, file) != NULL)
    if (strncmp(line, name, strlen(name)) == 0)
      kib = strtod(line + strlen(name), NULL);
  (void)fclose(file);
  return kib / 1024;
}

/* VmHWM begins anew (proc(5), clear_refs). */
static void forget_peak(void) {
  FILE *file = fopen("/proc/self/clear_refs", "w");

  if (file == NULL || fputs("5", file) < 0 || fclose(file) != 0)
    die("cannot write /proc/self/clear_refs");
}

/* ---- those who try passwords
 * ----------------------------------------------------------------------- */

static void try_once(struct flooder *flooder, shop_options_t *options) {
  struct flood *flood = flooder->flood;
  shop_token_t *token = NULL;
  char email[80], source[40];
  int32_t status;

  if (random_below(&flooder->random, 2) == 0)
    (void)snprintf(email, sizeof email, "shopper%07" PRIu32 "@customers.example",
                   random_below(&flooder->random, SHOPPERS));
  else
    (void)snprintf(email, sizeof email, "nobody%08" PRIx32 "@customers.example",
                   random_below(&flooder->random, UINT32_MAX));
  (void)snprintf(source, sizeof source, "source %" PRIu32,
                 random_below(&flooder->random, flood->sources));
  must(shop_options_set_source(options, source), NULL, "source");
  status = shop_user_login(flood->shop, email, "a wrong password", options, &token, NULL);
  if (status == SHOP_ERR_CREDENTIALS)
    atomic_fetch_add(&flood->hashed, 1);
  else if (status == SHOP_ERR_THROTTLED || status == SHOP_ERR_LOCKED)
    atomic_fetch_add(&flood->waited, 1);
  else
    die("a login answered %s", shop_status_name(status));
  atomic_fetch_add(&flood->tried, 1);
}

/* Each comes over a network, and has its answer before it asks again. */
static void *run_flooder(void *user) {
  const struct timespec pause = {.tv_nsec = 10000000};
  struct flooder *flooder = user;
  shop_options_t *options = NULL;

  must(shop_options_new(&options), NULL, "options");
  (void)pthread_barrier_wait(&flooder->flood->start);
  while (!atomic_load(&flooder->flood->stop)) {
    try_once(flooder, options);
    (void)nanosleep(&pause, NULL);
  }
  shop_options_free(options);
  return NULL;
}

/* ---- those who buy
 * ----------------------------------------------------------------------------------- */

/* As fast as a busy shop, not as fast as can be: two timelines in ten milliseconds in all. */
static void *run_buyer(void *user) {
  const struct timespec pause = {.tv_nsec = 20000000};
  struct buyer *buyer = user;

  (void)pthread_barrier_wait(&buyer->flood->start);
  while (!atomic_load(&buyer->flood->stop)) {
    timeline(&buyer->worker);
    (void)nanosleep(&pause, NULL);
  }
  return NULL;
}

/* ---- one run
 * ----------------------------------------------------------------------------------------- */

struct memory {
  double before, peak; /* MiB resident */
};

static void let_run(struct flood *flood, struct buyer *buyers, struct flooder *flooders,
                    uint32_t count, double seconds, struct memory *memory) {
  atomic_store(&flood->stop, false);
  if (pthread_barrier_init(&flood->start, NULL, count + BUYERS + 1) != 0)
    die("cannot make a barrier");
  for (uint32_t i = 0; i < BUYERS; i++)
    if (pthread_create(&buyers[i].thread, NULL, run_buyer, &buyers[i]) != 0)
      die("cannot start a thread");
  for (uint32_t i = 0; i < count; i++)
    if (pthread_create(&flooders[i].thread, NULL, run_flooder, &flooders[i]) != 0)
      die("cannot start a thread");
  forget_peak();
  memory->before = status_mib("VmRSS:");
  (void)pthread_barrier_wait(&flood->start);
  (void)usleep((useconds_t)(seconds * 1e6));
  atomic_store(&flood->stop, true);
  for (uint32_t i = 0; i < count; i++)
    (void)pthread_join(flooders[i].thread, NULL);
  for (uint32_t i = 0; i < BUYERS; i++)
    (void)pthread_join(buyers[i].thread, NULL);
  memory->peak = status_mib("VmHWM:");
  (void)pthread_barrier_destroy(&flood->start);
}

static void tell_steps(const char *when, struct buyer *buyers) {
  printf("%-24s", when);
  for (int step = STEP_ADD; step < STEP_COUNT; step++) {
    struct samples all = {0};

    for (uint32_t i = 0; i < BUYERS; i++) {
      samples_append(&all, &buyers[i].worker.steps[step]);
      buyers[i].worker.steps[step].count = 0;
    }
    printf("  %s %.2f / %.2f", step_names[step], samples_us(&all, 0.5) / 1000,
           samples_us(&all, 0.99) / 1000);
    samples_free(&all);
  }
  printf("\n");
}

static void flood_once(struct flood *flood, struct buyer *buyers, uint32_t count, uint32_t sources,
                       double seconds, const char *path) {
  static struct flooder flooders[FLOODERS_MAX];
  struct memory memory;
  char name[60];

  for (uint32_t i = 0; i < count; i++)
    flooders[i] = (struct flooder){.flood = flood, .random = 7919 + i};
  flood->sources = sources;
  flood->tried = flood->hashed = flood->waited = 0;
  let_run(flood, buyers, flooders, count, seconds, &memory);
  (void)snprintf(name, sizeof name, "flood, %" PRIu32 " sources", sources);
  tell_steps(name, buyers);
  printf("    %" PRId64 " tried: %" PRId64 " hashed, %" PRId64
         " told to wait; resident %.1f MiB before, %.1f at most: %.1f more; %" PRId64 " counters\n",
         flood->tried, flood->hashed, flood->waited, memory.before, memory.peak,
         memory.peak - memory.before, world_number(path, "SELECT count(*) FROM guesses"));
}

/* ---- the store
 * ----------------------------------------------------------------------------------------- */

static void charge(shop_gateway_call_t *call, void *user) {
  (void)user;
  shop_gateway_call_set_captured(call, shop_gateway_call_key(call),
                                 shop_gateway_call_amount_minor(call),
                                 shop_gateway_call_currency(call));
}

/* With the hash as it is by default; only the shoppers were made with a cheap one. */
static shop_t *open_guarded(const char *path, int32_t parallel) {
  shop_config_t *config = NULL;
  shop_error_t *err = NULL;
  shop_t *shop = NULL;

  must(shop_error_new(&err), NULL, "error");
  must(shop_config_new(&config), NULL, "config");
  must(shop_config_set_gateway_charge(config, charge, NULL), NULL, "gateway");
  must(shop_config_set_mail_at_once(config, false), NULL, "mail_at_once");
  must(shop_config_set_password_parallel(config, parallel), NULL, "parallel");
  must(shop_config_set_guess_rows_max(config, GUESS_ROWS), NULL, "guess_rows");
  must(shop_open(path, config, &shop, err), err, path);
  shop_config_free(config);
  shop_error_free(err);
  return shop;
}

static void run(const char *dir, uint32_t count, int32_t parallel, double seconds) {
  static struct buyer buyers[BUYERS];
  struct settings settings = {.seconds = seconds};
  struct flood flood = {.sources = 1};
  struct memory memory;
  struct world world;

  (void)snprintf(settings.dir, sizeof settings.dir, "%s", dir);
  world_make(&world, &settings);
  flood.shop = open_guarded(world.path, parallel);
  for (uint32_t i = 0; i < BUYERS; i++) {
    buyers[i] = (struct buyer){.flood = &flood};
    worker_init(&buyers[i].worker, &world, flood.shop, NULL, i, BUYERS);
  }
  printf("%" PRIu32
         " threads try passwords, %d shoppers buy; at most %d hashes of 19 MiB at once: "
         "%.1f MiB\nmilliseconds, p50 / p99\n",
         count, BUYERS, parallel, parallel * 19.0);
  let_run(&flood, buyers, NULL, 0, seconds, &memory);
  tell_steps("no flood", buyers);
  flood_once(&flood, buyers, count, 3, seconds, world.path);
  flood_once(&flood, buyers, count, 1000000, seconds, world.path);
  let_run(&flood, buyers, NULL, 0, seconds, &memory);
  tell_steps("after it", buyers);
  for (uint32_t i = 0; i < BUYERS; i++)
    worker_free(&buyers[i].worker);
  world_close(flood.shop);
  (void)world_verify(world.path);
  world_free(&world);
}

static int32_t number_of(const char *text, int32_t high) {
  long value = strtol(text, NULL, 10);

  if (value < 1 || value > high)
    die("%s is not a number from 1 to %d", text, high);
  return (int32_t)value;
}

int main(int argc, char **argv) {
  const char *dir = ".";
  int32_t count = 200, parallel = 2, seconds = 10;
  char folder[500];

  for (int i = 1; i < argc; i += 2) {
    if (i + 1 == argc)
      die("usage: login_flood [--threads N] [--parallel N] [--seconds S] [--dir DIR]");
    if (strcmp(argv[i], "--threads") == 0)
      count = number_of(argv[i + 1], FLOODERS_MAX);
    else if (strcmp(argv[i], "--parallel") == 0)
      parallel = number_of(argv[i + 1], 1024);
    else if (strcmp(argv[i], "--seconds") == 0)
      seconds = number_of(argv[i + 1], 3600);
    else if (strcmp(argv[i], "--dir") == 0)
      dir = argv[i + 1];
    else
      die("%s is not understood", argv[i]);
  }
  (void)snprintf(folder, sizeof folder, "%.480s/flood-XXXXXX", dir);
  if (mkdtemp(folder) == NULL)
    die("cannot make a folder in %s", dir);
  run(folder, (uint32_t)count, parallel, seconds);
  (void)rmdir(folder);
  return 0;
}
