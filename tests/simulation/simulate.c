/* A shop's life, done twice: by the library and by a model of it (model.c), with
   random calls of all kinds, random faults and a clock that jumps; after each step
   the two are compared. Everything follows from the seed, so a life that shows a
   difference can be lived again, step by step.

   simulate [--seed N] [--steps M] [--seconds S] [--life L] [--verbose]
     --seed    the first life's seed; the next one has the next number
     --steps   steps in all, 10,000 unless said otherwise
     --seconds begins no further life after this time
     --life    steps of one life, 1,000 unless said otherwise; then a new shop */
#include "simulate.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define START_MS INT64_C(1800000000000)

static bool verbose;

/* ---- randomness (splitmix64) ------------------------------------------------------------ */

uint64_t sim_random(struct sim *sim) {
  uint64_t value = sim->random += UINT64_C(0x9e3779b97f4a7c15);

  value = (value ^ value >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
  value = (value ^ value >> 27) * UINT64_C(0x94d049bb133111eb);
  return value ^ value >> 31;
}

int32_t sim_below(struct sim *sim, int32_t limit) {
  return (int32_t)(sim_random(sim) % (uint64_t)limit);
}

bool sim_chance(struct sim *sim, int32_t percent) {
  return sim_below(sim, 100) < percent;
}

/* ---- differences --------------------------------------------------------------------------- */

void sim_log(struct sim *sim, const char *format, ...) {
  char *line = sim->log[sim->log_count++ % 32];
  va_list arguments;
  int used = snprintf(line, 200, "%5d %*s", sim->step, 2 * sim->depth, "");

  va_start(arguments, format);
  vsnprintf(line + used, 200 - (size_t)used, format, arguments);
  va_end(arguments);
  if (verbose)
    fprintf(stderr, "%s\n", line);
}

void sim_fail(struct sim *sim, const char *format, ...) {
  va_list arguments;

  for (int32_t i = sim->log_count < 32 ? 0 : sim->log_count - 32; i < sim->log_count && !verbose;
       i++)
    fprintf(stderr, "%s\n", sim->log[i % 32]);
  va_start(arguments, format);
  vfprintf(stderr, format, arguments);
  va_end(arguments);
  fprintf(stderr, "\nfailed: simulate --seed %llu --steps %d --life %d (%s)\n",
          (unsigned long long)sim->seed, sim->step, sim->steps, sim->path);
  exit(EXIT_FAILURE);
}

void sim_status(struct sim *sim, int32_t library, int32_t model) {
  if (library != model)
    sim_fail(sim, "status: library %s, model %s: %s", shop_status_name(library),
             shop_status_name(model), shop_error_message(sim->err));
}

/* ---- faults ---------------------------------------------------------------------------------- */

void sim_lock(struct sim *sim) {
  sim_check(sim, sqlite3_exec(sim->rival, "BEGIN IMMEDIATE", NULL, NULL, NULL) == SQLITE_OK,
            "the store is locked while a callback runs: %s", sqlite3_errmsg(sim->rival));
  sim->locked = true;
}

void sim_unlock(struct sim *sim) {
  sim_check(sim, sqlite3_exec(sim->rival, "ROLLBACK", NULL, NULL, NULL) == SQLITE_OK, "rollback");
  sim->locked = false;
}

/* ---- a life
 * -------------------------------------------------------------------------------------- */

static int64_t fake_now(void *user) {
  const struct sim *sim = user;

  return sim->model->now_ms;
}

void sim_draw_limits(struct sim *sim) {
  struct m_settings *settings = &sim->model->settings;

  settings->lines_max = 2 + sim_below(sim, 4);
  settings->quantity_max = 3 + sim_below(sim, 7);
  sim_check(sim,
            shop_config_set_cart_lines_max(sim->config, settings->lines_max) == SHOP_OK &&
                shop_config_set_quantity_max(sim->config, settings->quantity_max) == SHOP_OK,
            "the limits");
}

static void draw_settings(struct sim *sim) {
  struct m_settings *settings = &sim->model->settings;

  sim->lies = sim_chance(sim, 30);
  *settings = (struct m_settings){.query = sim_chance(sim, 65),
                                  .voids = sim_chance(sim, 65),
                                  .honours = sim_chance(sim, 50),
                                  .at_once = sim_chance(sim, 50),
                                  .two_currencies = sim_chance(sim, 25),
                                  .lease_ms = 2 * MINUTE,
                                  .hold_ms = sim_chance(sim, 50) ? DAY : HOUR,
                                  .key_life_ms = sim_chance(sim, 50) ? 20 * HOUR : 10 * MINUTE,
                                  .cart_life_ms = 20 * DAY,
                                  .cart_hold_ms = sim_chance(sim, 50) ? 15 * MINUTE : 2 * MINUTE,
                                  .once_life_ms = 10 * DAY,
                                  .token_life_ms = 60 * DAY,
                                  .mail_lease_ms = 5 * MINUTE,
                                  .mail_life_ms = 30 * DAY,
                                  .mail_dead_life_ms = 50 * DAY,
                                  .guest_life_ms = sim_chance(sim, 50) ? 30 * DAY : 2 * DAY,
                                  .tries_max = 4};
  for (int32_t kind = SHOP_MAIL_CONFIRMATION; kind <= SHOP_MAIL_REFUND; kind++)
    settings->mails[kind] = kind == SHOP_MAIL_CONFIRMATION || sim_chance(sim, 85);
}

static void configure(struct sim *sim) {
  const struct m_settings *settings = &sim->model->settings;
  shop_config_t *config = NULL;
  int32_t sum = shop_config_new(&config);

  sim->config = config;
  sum |= shop_config_set_durability(config, SHOP_DURABILITY_NORMAL);
  sum |= shop_config_set_password_cost(config, 8, 1);
  sum |= shop_config_set_busy_timeout_ms(config, 0);
  sum |= shop_config_set_clock(config, fake_now, sim);
  sum |= shop_config_set_gateway_charge(config, sim_gateway, sim);
  sum |= shop_config_set_gateway_capture(config, sim_gateway, sim);
  sum |= shop_config_set_gateway_refund(config, sim_gateway, sim);
  sum |= shop_config_set_gateway_void(config, settings->voids ? sim_gateway : NULL, sim);
  sum |= shop_config_set_gateway_query(config, settings->query ? sim_query : NULL, sim);
  sum |= shop_config_set_gateway_key_life_ms(config, settings->key_life_ms);
  sum |= shop_config_set_gateway_honours_keys(config, settings->honours);
  sum |= shop_config_set_gateway_lease_ms(config, settings->lease_ms);
  sum |= shop_config_set_payment_hold_ms(config, settings->hold_ms);
  sum |= shop_config_set_cart_life_ms(config, settings->cart_life_ms);
  sum |= shop_config_set_cart_hold_max_ms(config, settings->cart_hold_ms);
  sum |= shop_config_set_idempotency_life_ms(config, settings->once_life_ms);
  sum |= shop_config_set_guest_life_ms(config, settings->guest_life_ms);
  sum |= shop_config_set_token_life_ms(config, settings->token_life_ms);
  sum |= shop_config_set_mail_transport(config, sim_transport, sim);
  sum |= shop_config_set_mail_at_once(config, settings->at_once);
  for (int32_t kind = SHOP_MAIL_CONFIRMATION; kind <= SHOP_MAIL_REFUND; kind++)
    sum |= shop_config_set_mail_kind(config, kind, settings->mails[kind]);
  sum |= shop_config_set_mail_lease_ms(config, settings->mail_lease_ms);
  sum |= shop_config_set_mail_tries_max(config, settings->tries_max);
  sum |= shop_config_set_mail_life_ms(config, settings->mail_life_ms);
  sum |= shop_config_set_mail_dead_life_ms(config, settings->mail_dead_life_ms);
  /* Who guesses passwords waits: a rule with tests of its own (test_guess), and not the model's. */
  sum |= shop_config_set_login_tries_free(config, 1000);
  sum |= shop_config_set_login_tries_lock(config, 1000);
  sum |= shop_config_set_source_tries_free(config, 1000000);
  sim_check(sim, sum == 0, "the configuration");
  sim_draw_limits(sim);
}

static void begin_life(struct sim *sim) {
  memset(sim->model, 0, sizeof *sim->model);
  sim->model->now_ms = START_MS;
  for (int32_t i = 0; i < USERS + GUESTS_MAX; i++)
    sim->model->users[i].cart = NOBODY;
  sim->random = sim->seed;
  sim->step = sim->log_count = sim->entry_count = sim->event_count = 0;
  draw_settings(sim);
  configure(sim);
  snprintf(sim->dir, sizeof sim->dir, "%s/shop-simulation-XXXXXX",
           access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
  sim_check(sim, mkdtemp(sim->dir) != NULL, "no folder can be made");
  snprintf(sim->path, sizeof sim->path, "%s/a.shop", sim->dir);
  sim_check(sim, shop_error_new(&sim->err) == SHOP_OK, "out of memory");
  sim_status(sim, shop_open(sim->path, sim->config, &sim->shop, sim->err), SHOP_OK);
  sim_check(sim, sqlite3_open(sim->path, &sim->rival) == SQLITE_OK, "sqlite3_open");
}

static bool is_unsettled(const struct m_order *order) {
  for (int32_t i = 0; i < order->operation_count; i++)
    if (order->operations[i].state == SHOP_OPERATION_SENT ||
        order->operations[i].state == SHOP_OPERATION_UNKNOWN)
      return true;
  return false;
}

/* Time passes, the gateway decides, its reports come, recovery asks, a person looks: in the end
   nothing is left in the middle, and where the gateway was honest, the books agree. */
static void settle_life(struct sim *sim) {
  bool open = true;

  for (int32_t round = 0; round < 200 && open; round++) {
    open = false;
    sim_gateway_moves(sim, true);
    sim_clock(sim, DAY);
    sim_recover(sim);
    for (int32_t i = 0; i < sim->model->order_count; i++) {
      struct m_order *order = &sim->model->orders[i];

      for (int32_t j = 0; j < order->operation_count && round % 4 == 3; j++)
        if (order->operations[j].key[0] != '*' && order->operations[j].key[0] != '\0')
          sim_report(sim, &order->operations[j], true);
      if (is_unsettled(order) && round > 4)
        sim_resolve(sim, i, true);
      open = open || is_unsettled(order);
    }
  }
  sim_compare_all(sim);
  if (sim->lies)
    return;
  sim_check(sim, !open, "something stays in the middle for ever");
  sim_close_books(sim);
}

static void end_life(struct sim *sim) {
  char path[128];

  sim_check(sim, sqlite3_close(sim->rival) == SQLITE_OK, "sqlite3_close");
  sim_status(sim, shop_close(sim->shop), SHOP_OK);
  for (int32_t i = 0; i < sim->model->token_count; i++)
    shop_token_free(sim->model->tokens[i].handle);
  shop_config_free(sim->config);
  shop_error_free(sim->err);
  snprintf(path, sizeof path, "%s-wal", sim->path);
  (void)unlink(path);
  snprintf(path, sizeof path, "%s-shm", sim->path);
  (void)unlink(path);
  (void)unlink(sim->path);
  (void)rmdir(sim->dir);
}

static void live(struct sim *sim, int32_t steps) {
  begin_life(sim);
  while (sim->step < steps) {
    sim->step++;
    sim_step(sim);
    sim_compare_some(sim);
    if (sim->step % 100 == 0)
      sim_compare_all(sim);
  }
  if (steps == sim->steps) /* a whole life, not one that is lived again up to its end */
    settle_life(sim);
  end_life(sim);
}

/* ---- the command
 * -------------------------------------------------------------------------------------- */

static double seconds(void) {
  struct timespec now;

  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static long long number(const char *text) {
  char *end = NULL;
  long long value = text == NULL ? -1 : strtoll(text, &end, 10);

  if (text == NULL || *end != '\0' || value < 0) {
    fprintf(stderr,
            "usage: simulate [--seed N] [--steps M] [--seconds S] [--life L] [--verbose]\n");
    exit(2);
  }
  return value;
}

int main(int count, char **arguments) {
  static struct sim sim;
  long long seed = 1, steps = 10000, life = 1000, limit = INT32_MAX, done = 0;
  double began = seconds();

  for (int i = 1; i < count; i++) {
    const char *next = i + 1 < count ? arguments[i + 1] : NULL;

    if (strcmp(arguments[i], "--verbose") == 0)
      verbose = true;
    else if (strcmp(arguments[i], "--seed") == 0)
      seed = number(next), i++;
    else if (strcmp(arguments[i], "--steps") == 0)
      steps = number(next), i++;
    else if (strcmp(arguments[i], "--seconds") == 0)
      limit = number(next), i++;
    else if (strcmp(arguments[i], "--life") == 0)
      life = number(next), i++;
    else
      (void)number(NULL);
  }
  sim.model = malloc(sizeof *sim.model);
  sim.entries = malloc(LEDGER_ENTRIES * sizeof *sim.entries);
  if (sim.model == NULL || sim.entries == NULL || life == 0)
    return EXIT_FAILURE;
  sim.steps = (int32_t)life;
  for (sim.seed = (uint64_t)seed; done < steps && seconds() - began < (double)limit; sim.seed++) {
    long long now = steps - done < life ? steps - done : life;

    live(&sim, (int32_t)now);
    done += now;
  }
  printf("%lld steps, seeds %lld to %llu: no difference; %.0f steps a second\n", done, seed,
         (unsigned long long)sim.seed - 1, (double)done / (seconds() - began));
  free(sim.entries);
  free(sim.model);
  return EXIT_SUCCESS;
}
