/* login_timing: does the time of a refusal tell whether an address is registered? Each pair of
   calls asks once for somebody who is there and once for nobody, in random order, and the program
   says whether the 95 % interval of the median difference lies within 2 % of the median.

   The interval is made of order statistics of the paired differences, the inversion of the sign
   test (W. J. Conover, Practical Nonparametric Statistics, 3rd ed., 3.2): it asks nothing of their
   distribution. Pairs, because a machine's speed drifts; the median, because a few calls meet
   somebody else's work. */
#include <math.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench.h"

#define PEOPLE 64
#define WITHIN_PERCENT 2.0
#define UPKEEP_EVERY 16 /* pairs */
#define LEFT_OUT (-1)

enum side { THERE, NOBODY, SIDES };
enum clock { WALL, PROCESSOR, CLOCKS };
static const char *const clock_names[] = {"wall clock", "processor"};

struct stage {
  shop_t *shop;
  shop_error_t *err;
  shop_options_t *options;
  uint64_t random;
};

struct question {
  const char *name;
  const char *what;
  int32_t memory_kib, passes; /* 0: the library's default */
  int32_t pairs;
  bool by_mail; /* a registration is confirmed by mail */
  void (*ask)(struct stage *stage, const char *email);
};

/* ---- the handicap: proof that a difference would be seen
 * ----------------------------------------- */

static struct {
  int32_t percent; /* so much longer takes a call for nobody; or LEFT_OUT */
  bool on;
  int64_t extra_ns;
} handicap;

int __real_crypto_pwhash(unsigned char *out, unsigned long long out_size, const char *password,
                         unsigned long long password_size, const unsigned char *salt,
                         unsigned long long passes, size_t memory, int alg);
int __wrap_crypto_pwhash(unsigned char *out, unsigned long long out_size, const char *password,
                         unsigned long long password_size, const unsigned char *salt,
                         unsigned long long passes, size_t memory, int alg);

int __wrap_crypto_pwhash(unsigned char *out, unsigned long long out_size, const char *password,
                         unsigned long long password_size, const unsigned char *salt,
                         unsigned long long passes, size_t memory, int alg) {
  if (handicap.on && handicap.percent == LEFT_OUT) {
    memset(out, 0, out_size);
    return 0;
  }
  return __real_crypto_pwhash(out, out_size, password, password_size, salt, passes, memory, alg);
}

static void carry_handicap(void) {
  int64_t until = thread_ns() + handicap.extra_ns;

  while (thread_ns() < until)
    continue;
}

/* ---- the calls
 * ------------------------------------------------------------------------------------- */

static void expect(const struct stage *stage, int32_t status, int32_t wanted) {
  if (status != wanted)
    die("%s instead of %s: %s", shop_status_name(status), shop_status_name(wanted),
        shop_error_message(stage->err));
}

static void ask_login(struct stage *stage, const char *email) {
  shop_token_t *token = NULL;

  expect(
      stage,
      shop_user_login(stage->shop, email, "a wrong password", stage->options, &token, stage->err),
      SHOP_ERR_CREDENTIALS);
}

static void ask_reset(struct stage *stage, const char *email) {
  expect(stage, shop_account_reset_request(stage->shop, email, NULL, stage->err), SHOP_OK);
}

static void ask_register(struct stage *stage, const char *email) {
  shop_token_t *token = NULL;

  expect(stage,
         shop_user_register(stage->shop, email, PASSWORD, stage->options, &token, stage->err),
         SHOP_CONFIRM_MAIL);
}

static const struct question questions[] = {
    {"login", "a wrong password, Argon2id as it is by default", 0, 0, 1000, false, ask_login},
    {"login, cheapest hash", "the same, Argon2id of 8 KiB and 1 pass", 8, 1, 20000, false,
     ask_login},
    {"forgotten password", "shop_account_reset_request", 8, 1, 20000, false, ask_reset},
    {"register by mail", "shop_user_register", 0, 0, 1000, true, ask_register},
    /* fewer, for the clock of the stage must not reach the year 2109, where ids end */
    {"register, cheapest hash", "the same, Argon2id of 8 KiB and 1 pass", 8, 1, 10000, true,
     ask_register},
};
#define QUESTIONS (sizeof questions / sizeof questions[0])

/* ---- the stage
 * ------------------------------------------------------------------------------------- */

/* Each call comes an hour after the one before, so that nobody waits and nothing is limited. */
static int64_t an_hour_later(void *user) {
  int64_t *now_ms = user;

  return *now_ms += INT64_C(61) * 60 * 1000;
}

static void email_of(enum side side, uint32_t person, char out[40]) {
  (void)snprintf(out, 40, "%s%04u@example.org", side == THERE ? "ada" : "bob", person);
}

static void stage_make(struct stage *stage, const struct question *question, const char *path,
                       int64_t *now_ms) {
  shop_config_t *config = NULL;
  char email[40];

  *stage = (struct stage){.random = 88172645463325252};
  must(shop_error_new(&stage->err), NULL, "error");
  must(shop_config_new(&config), NULL, "config");
  must(shop_config_set_clock(config, an_hour_later, now_ms), NULL, "clock");
  must(shop_config_set_mail_at_once(config, false), NULL, "mail_at_once");
  must(shop_config_set_guess_life_ms(config, 1000), NULL, "guess_life");
  if (question->memory_kib != 0)
    must(shop_config_set_password_cost(config, question->memory_kib, question->passes), NULL,
         "cost");
  must(shop_open(path, config, &stage->shop, stage->err), stage->err, path);
  must(shop_options_new(&stage->options), NULL, "options");
  must(shop_options_set_source(stage->options, "203.0.113.7"), NULL, "source");
  for (uint32_t i = 0; i < PEOPLE; i++) {
    shop_token_t *token = NULL;

    email_of(THERE, i, email);
    must(shop_user_register(stage->shop, email, PASSWORD, NULL, &token, stage->err), stage->err,
         "register");
    shop_token_free(token);
  }
  if (question->by_mail) {
    world_close(stage->shop);
    must(shop_config_set_register_by_mail(config, true), NULL, "register_by_mail");
    must(shop_open(path, config, &stage->shop, stage->err), stage->err, path);
  }
  shop_config_free(config);
}

static void stage_free(struct stage *stage, const char *path) {
  world_close(stage->shop);
  shop_options_free(stage->options);
  shop_error_free(stage->err);
  world_remove(path);
}

/* ---- measuring
 * --------------------------------------------------------------------------------------- */

struct times {
  int64_t *ns[SIDES][CLOCKS];
  int64_t *difference[CLOCKS];
  int32_t count;
};

static void measure(struct stage *stage, const struct question *question, enum side side,
                    uint32_t person, struct times *times) {
  char email[40];
  int64_t wall, processor;

  email_of(side, person, email);
  handicap.on = side == NOBODY && handicap.percent != 0;
  wall = now_ns();
  processor = thread_ns();
  question->ask(stage, email);
  if (handicap.on && handicap.percent > 0)
    carry_handicap();
  times->ns[side][PROCESSOR][times->count] = thread_ns() - processor;
  times->ns[side][WALL][times->count] = now_ns() - wall;
}

static void measure_pairs(struct stage *stage, const struct question *question, int32_t pairs,
                          struct times *times) {
  enum side first;
  uint32_t person;

  for (int32_t i = 0; i < pairs; i++) {
    if (i % UPKEEP_EVERY == 0)
      must(shop_maintain(stage->shop, NULL, stage->err), stage->err, "maintain");
    first = random_below(&stage->random, 2) == 0 ? THERE : NOBODY;
    person = random_below(&stage->random, PEOPLE);
    measure(stage, question, first, person, times);
    measure(stage, question, first == THERE ? NOBODY : THERE, person, times);
    for (int clock = 0; clock < CLOCKS; clock++)
      times->difference[clock][times->count] =
          times->ns[NOBODY][clock][times->count] - times->ns[THERE][clock][times->count];
    times->count++;
  }
}

static void times_make(struct times *times, int32_t pairs) {
  *times = (struct times){0};
  for (int clock = 0; clock < CLOCKS; clock++) {
    times->difference[clock] = need((size_t)pairs * sizeof(int64_t));
    for (int side = 0; side < SIDES; side++)
      times->ns[side][clock] = need((size_t)pairs * sizeof(int64_t));
  }
}

static void times_free(struct times *times) {
  for (int clock = 0; clock < CLOCKS; clock++) {
    free(times->difference[clock]);
    for (int side = 0; side < SIDES; side++)
      free(times->ns[side][clock]);
  }
}

/* ---- what it says
 * -------------------------------------------------------------------------------------- */

static int by_size(const void *a, const void *b) {
  const int64_t *x = a, *y = b;

  return (*x > *y) - (*x < *y);
}

static double median_us(int64_t *ns, int32_t count) {
  qsort(ns, (size_t)count, sizeof *ns, by_size);
  return (double)(ns[(count - 1) / 2] + ns[count / 2]) / 2000;
}

/* The worst of what was found: 0 all within, 1 a difference, 2 not decided. */
static int tell(const struct question *question, enum clock clock, struct times *times) {
  int32_t count = times->count;
  double there = median_us(times->ns[THERE][clock], count);
  double nobody = median_us(times->ns[NOBODY][clock], count);
  double middle = median_us(times->difference[clock], count);
  int32_t rank = (int32_t)floor(count / 2.0 - 0.98 * sqrt(count)); /* 1.96 / 2 */
  double low = (double)times->difference[clock][rank - 1] / 1000;
  double high = (double)times->difference[clock][count - rank] / 1000;
  double bound = there * WITHIN_PERCENT / 100;
  int verdict = low >= -bound && high <= bound ? 0 : low > bound || high < -bound ? 1 : 2;

  printf("%-22s %-11s %10.1f %10.1f %8.1f %8.1f   %+6.2f %% to %+6.2f %%   %s\n", question->name,
         clock_names[clock], there, nobody, nobody - there, middle, 100 * low / there,
         100 * high / there,
         verdict == 0   ? "within 2 %"
         : verdict == 1 ? "A DIFFERENCE"
                        : "not decided: more pairs");
  return verdict;
}

static int run(const struct question *question, const char *folder, int32_t times_pairs) {
  int32_t pairs = question->pairs * times_pairs / 100;
  int64_t now_ms = INT64_C(1800000000000);
  struct stage stage;
  struct times times;
  char path[600];
  int wall, processor;

  (void)snprintf(path, sizeof path, "%s/login-timing.shop", folder);
  if (pairs < 100)
    pairs = 100;
  stage_make(&stage, question, path, &now_ms);
  times_make(&times, pairs);
  handicap.extra_ns = 0;
  measure_pairs(&stage, question, 100, &times); /* every statement prepared, every counter made */
  if (handicap.percent > 0)
    handicap.extra_ns =
        (int64_t)(median_us(times.ns[THERE][WALL], times.count) * 10 * handicap.percent);
  times.count = 0;
  measure_pairs(&stage, question, pairs, &times);
  wall = tell(question, WALL, &times);
  processor = tell(question, PROCESSOR, &times);
  times_free(&times);
  stage_free(&stage, path);
  return wall == 1 || processor == 1 ? 1 : wall == 0 || processor == 0 ? 0 : 2;
}

/* ---- the command line
 * ------------------------------------------------------------------------------------ */

static void usage(void) {
  printf(
      "usage: login_timing [--pairs PERCENT] [--dir DIR] [--handicap PERCENT | --no-hash]\n\n"
      "  --pairs     of the usual number of pairs, 1 to 10000 (default 100)\n"
      "  --handicap  lets a call for nobody take so much longer, 1 to 100: to be seen\n"
      "  --no-hash   leaves its hash out: to be seen\n\n"
      "ends with 0, 1 (a difference was seen) or 77 (neither could be shown)\n");
}

static int32_t number_of(const char *text, int32_t high) {
  long value = strtol(text, NULL, 10);

  if (value < 1 || value > high)
    die("%s is not a number from 1 to %d", text, high);
  return (int32_t)value;
}

int main(int argc, char **argv) {
  const char *dir = ".";
  int32_t pairs = 100;
  char folder[520];
  int worst = 0;

  for (int i = 1; i < argc; i++) {
    if (strcmp(argv[i], "--no-hash") == 0)
      handicap.percent = LEFT_OUT;
    else if (strcmp(argv[i], "--pairs") == 0 && i + 1 < argc)
      pairs = number_of(argv[++i], 10000);
    else if (strcmp(argv[i], "--handicap") == 0 && i + 1 < argc)
      handicap.percent = number_of(argv[++i], 100);
    else if (strcmp(argv[i], "--dir") == 0 && i + 1 < argc)
      dir = argv[++i];
    else
      return usage(), 2;
  }
  (void)snprintf(folder, sizeof folder, "%.500s/timing-XXXXXX", dir);
  if (mkdtemp(folder) == NULL)
    die("cannot make a folder in %s", dir);
  printf("%-22s %-11s %10s %10s %8s %8s   %s\n", "median, microseconds", "", "somebody", "nobody",
         "apart", "paired", "95 % interval of the paired difference");
  for (size_t i = 0; i < QUESTIONS; i++) {
    int found = run(&questions[i], folder, pairs);

    worst = found == 1 || worst == 1 ? 1 : found > worst ? found : worst;
  }
  (void)rmdir(folder);
  return worst == 2 ? 77 : worst;
}
