/* Four processes on one file, one thread each. Nothing of a store is open in
   the parent when it forks: neither SQLite nor libshop may be carried over. */
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "baseline.h"

#define PROCESSES 4

struct answer {
  double rate;
  double purchase_p50_us;
  double purchase_p99_us;
};

static void talk(int fd, const void *data, size_t size) {
  if (write(fd, data, size) != (ssize_t)size)
    die("a pipe is broken");
}

static void listen_to(int fd, void *data, size_t size) {
  if (read(fd, data, size) != (ssize_t)size)
    die("a process is gone");
}

static _Noreturn void be_child(const struct world *world, const char *path, bool by_shop,
                               uint32_t index, int in, int out) {
  struct worker worker;
  struct answer answer;
  shop_t *shop = by_shop ? world_open(path, SYNC_FULL) : NULL;
  struct baseline *base = by_shop ? NULL : baseline_open(path, SYNC_FULL, world->settings, index);
  char go = 'r';

  worker_init(&worker, world, shop, base, index, PROCESSES);
  worker.random += (uint64_t)now_ns(); /* keys differ from those of the last round */
  talk(out, &go, 1);
  listen_to(in, &go, 1);
  answer.rate = timelines_for(&worker, world->settings->seconds);
  answer.purchase_p50_us = samples_us(&worker.steps[STEP_PURCHASE], 0.5);
  answer.purchase_p99_us = samples_us(&worker.steps[STEP_PURCHASE], 0.99);
  talk(out, &answer, sizeof answer);
  world_close(shop);
  baseline_close(base);
  _exit(0);
}

struct round {
  double rate, fairness, p50_us, p99_us;
};

static struct round run(const struct world *world, const char *path, bool by_shop) {
  int to[PROCESSES][2], from[PROCESSES][2];
  struct round round = {0};
  double slowest = 1e300;
  char ready = 'g';

  for (uint32_t i = 0; i < PROCESSES; i++) {
    pid_t pid;

    if (pipe(to[i]) != 0 || pipe(from[i]) != 0 || (pid = fork()) < 0)
      die("cannot start a process");
    if (pid == 0)
      be_child(world, path, by_shop, i, to[i][0], from[i][1]);
    listen_to(from[i][0], &ready, 1);
  }
  for (uint32_t i = 0; i < PROCESSES; i++)
    talk(to[i][1], &ready, 1);
  for (uint32_t i = 0; i < PROCESSES; i++) {
    struct answer answer;

    listen_to(from[i][0], &answer, sizeof answer);
    round.rate += answer.rate;
    slowest = answer.rate < slowest ? answer.rate : slowest;
    round.p50_us = answer.purchase_p50_us > round.p50_us ? answer.purchase_p50_us : round.p50_us;
    round.p99_us = answer.purchase_p99_us > round.p99_us ? answer.purchase_p99_us : round.p99_us;
  }
  for (uint32_t i = 0; i < PROCESSES; i++) {
    int status;

    if (wait(&status) < 0 || status != 0)
      die("a process failed");
    (void)close(to[i][0]);
    (void)close(to[i][1]);
    (void)close(from[i][0]);
    (void)close(from[i][1]);
  }
  round.fairness = slowest * PROCESSES / round.rate;
  return round;
}

void bench_processes(const struct world *world) {
  struct pair rates = {.count = 0}, fairness = {.count = 0}, p50 = {.count = 0}, p99 = {.count = 0};
  char shop_path[600], base_path[600];

  world_copy(world->path, "a.shop", shop_path);
  world_copy(world->path, "b.shop", base_path);
  for (int32_t i = 0; i < world->settings->rounds; i++) {
    struct round shop = run(world, shop_path, true);
    struct round base = run(world, base_path, false);

    pair_add(&rates, shop.rate, base.rate);
    pair_add(&fairness, shop.fairness, base.fairness);
    pair_add(&p50, shop.p50_us, base.p50_us);
    pair_add(&p99, shop.p99_us, base.p99_us);
  }
  report_pair("processes", PROCESSES, "timelines/s", &rates, "timelines");
  report_pair("processes", PROCESSES, "of the mean", &fairness, "slowest process");
  report_pair("processes", PROCESSES, "us", &p50, "purchase p50 of the slowest process");
  report_pair("processes", PROCESSES, "us", &p99, "purchase p99 of the slowest process");
  (void)world_verify(shop_path);
  (void)world_verify(base_path);
  world_remove(shop_path);
  world_remove(base_path);
}
