/* Many threads: they share one libshop, whose commits are shared as well; the
   baseline gives each thread a connection of its own. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "baseline.h"

#define THREADS_MAX 64

struct team {
  pthread_barrier_t start;
  atomic_bool stop;
};

struct member {
  struct team *team;
  struct worker *worker;
  pthread_t thread;
};

static void *work(void *user) {
  struct member *member = user;

  (void)pthread_barrier_wait(&member->team->start);
  while (!atomic_load_explicit(&member->team->stop, memory_order_relaxed))
    timeline(member->worker);
  return NULL;
}

static void nap(double seconds) {
  struct timespec pause = {.tv_sec = (time_t)seconds};

  pause.tv_nsec = (long)((seconds - (double)pause.tv_sec) * 1e9);
  (void)nanosleep(&pause, NULL);
}

static struct team_result result_of(struct worker *workers, const int64_t *before, uint32_t count,
                                    double seconds) {
  int64_t total = 0, slowest = INT64_MAX;

  for (uint32_t i = 0; i < count; i++) {
    int64_t done = workers[i].timelines - before[i];

    total += done;
    slowest = done < slowest ? done : slowest;
  }
  return (struct team_result){.rate = (double)total / seconds,
                              .fairness = total == 0 ? 0 : (double)slowest * count / (double)total};
}

struct team_result team_run(struct worker *workers, uint32_t count, double seconds) {
  struct member members[THREADS_MAX];
  int64_t before[THREADS_MAX], begun;
  struct team team;
  double took;

  atomic_init(&team.stop, false);
  if (count > THREADS_MAX || pthread_barrier_init(&team.start, NULL, count + 1) != 0)
    die("cannot start %u threads", count);
  for (uint32_t i = 0; i < count; i++) {
    members[i] = (struct member){.team = &team, .worker = &workers[i]};
    before[i] = workers[i].timelines;
    if (pthread_create(&members[i].thread, NULL, work, &members[i]) != 0)
      die("cannot start a thread");
  }
  (void)pthread_barrier_wait(&team.start);
  begun = now_ns();
  nap(seconds);
  atomic_store(&team.stop, true);
  for (uint32_t i = 0; i < count; i++)
    (void)pthread_join(members[i].thread, NULL);
  took = (double)(now_ns() - begun) / 1e9;
  (void)pthread_barrier_destroy(&team.start);
  return result_of(workers, before, count, took);
}

/* ---- the section ------------------------------------------------------------------------- */

struct sides {
  struct worker shop[THREADS_MAX];
  struct worker base[THREADS_MAX];
};

static void report_steps(struct sides *sides, uint32_t count) {
  static const double fractions[] = {0.5, 0.9, 0.99, 0.999};
  static const char *const names[] = {"p50", "p90", "p99", "p99.9"};
  struct samples shop[STEP_COUNT] = {{0}}, base[STEP_COUNT] = {{0}};

  for (int step = 0; step < STEP_COUNT; step++) {
    for (uint32_t i = 0; i < count; i++) {
      samples_append(&shop[step], &sides->shop[i].steps[step]);
      samples_append(&base[step], &sides->base[i].steps[step]);
    }
    for (size_t i = 0; i < sizeof fractions / sizeof fractions[0]; i++)
      if (step == STEP_PURCHASE || (step == STEP_ADD && i % 2 == 0))
        report("threads", count, "us", samples_us(&shop[step], fractions[i]),
               samples_us(&base[step], fractions[i]), "%s %s", step_names[step], names[i]);
    samples_free(&shop[step]);
    samples_free(&base[step]);
  }
}

/* Warm, then in turns. */
static void run_rounds(const struct settings *settings, struct sides *sides, uint32_t count) {
  struct pair rates = {.count = 0}, fairness = {.count = 0};
  int64_t retries = 0;

  (void)team_run(sides->shop, count, settings->seconds / 4);
  (void)team_run(sides->base, count, settings->seconds / 4);
  for (uint32_t i = 0; i < count; i++)
    for (int step = 0; step < STEP_COUNT; step++)
      sides->shop[i].steps[step].count = sides->base[i].steps[step].count = 0;
  for (int32_t i = 0; i < settings->rounds; i++) {
    struct team_result shop = team_run(sides->shop, count, settings->seconds);
    struct team_result base = team_run(sides->base, count, settings->seconds);

    pair_add(&rates, shop.rate, base.rate);
    pair_add(&fairness, shop.fairness, base.fairness);
  }
  report_pair("threads", count, "timelines/s", &rates, "timelines");
  report_pair("threads", count, "of the mean", &fairness, "slowest thread");
  report_steps(sides, count);
  for (uint32_t i = 0; i < count; i++)
    retries += baseline_retries(sides->base[i].base);
  if (retries > 0)
    report("threads", count, "times", 0, (double)retries, "lock not free in 5 s, tried again");
}

static void with_threads(const struct world *world, uint32_t count) {
  const struct settings *settings = world->settings;
  struct sides *sides = need(sizeof *sides);
  char shop_path[600], base_path[600];
  shop_t *shop;

  world_copy(world->path, "a.shop", shop_path);
  world_copy(world->path, "b.shop", base_path);
  shop = world_open(shop_path, SYNC_FULL);
  for (uint32_t i = 0; i < count; i++) {
    worker_init(&sides->shop[i], world, shop, NULL, i, count);
    worker_init(&sides->base[i], world, NULL, baseline_open(base_path, SYNC_FULL, settings, i), i,
                count);
  }
  run_rounds(settings, sides, count);
  world_close(shop);
  for (uint32_t i = 0; i < count; i++) {
    baseline_close(sides->base[i].base);
    worker_free(&sides->shop[i]);
    worker_free(&sides->base[i]);
  }
  free(sides);
  (void)world_verify(shop_path);
  (void)world_verify(base_path);
  world_remove(shop_path);
  world_remove(base_path);
}

void bench_threads(const struct world *world) {
  const char *text = world->settings->threads;
  char *end = NULL;

  for (; *text != '\0'; text = *end == ',' ? end + 1 : end) {
    unsigned long count = strtoul(text, &end, 10);

    if (end == text || count < 1 || count > THREADS_MAX)
      die("--threads takes numbers of 1 to %d", THREADS_MAX);
    with_threads(world, (uint32_t)count);
  }
}
