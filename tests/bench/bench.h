/*
 * What the files of the benchmark share: measuring, the stores that both sides
 * work on, the results. The benchmark uses libshop as a host does, by its
 * public headers alone; beside it stands baseline.h, the same shop written by
 * hand on SQLite.
 */
#ifndef SHOP_TESTS_BENCH_H
#define SHOP_TESTS_BENCH_H

#include <shop.h>

/* ---- measure.c ---------------------------------------------------------------- */

__attribute__((format(printf, 1, 2))) _Noreturn void die(const char *format, ...);
/* Memory, or the end of the program. */
void *need(size_t size);
int64_t now_ns(void);
int64_t wall_ms(void);
/* The processor time of this thread. */
int64_t thread_ns(void);
/* xorshift64*: the same numbers in every run. */
uint32_t random_below(uint64_t *state, uint32_t limit);

/* Durations of one kind of call. */
struct samples {
  int64_t *ns;
  size_t count;
  size_t room;
};
void samples_add(struct samples *samples, int64_t ns);
void samples_append(struct samples *samples, const struct samples *more);
/* In microseconds; fraction 0.5 is the median. 0 for none. Sorts. */
double samples_us(struct samples *samples, double fraction);
void samples_free(struct samples *samples);

#define ROUNDS_MAX 101
/* One figure of both sides, measured in turns. */
struct pair {
  double shop[ROUNDS_MAX];
  double base[ROUNDS_MAX];
  int32_t count;
};
void pair_add(struct pair *pair, double shop, double base);
double median_of(const double *values, int32_t count);

/* ---- world.c: stores ------------------------------------------------------------ */

#define PRODUCTS 1000
#define SHOPPERS 1024
#define CART_LINES 3
#define SHIPPING_MINOR 490
#define SHIPPING_ADDRESS "Ada Lovelace\n12 St James's Square\nLondon SW1Y 4JH\nUnited Kingdom"
#define METHOD "pm_card_visa"
#define PASSWORD "correct horse battery staple"

enum sync { SYNC_FULL, SYNC_NORMAL };

struct shopper {
  shop_token_t *token;
  char jti[32];
};

struct settings {
  char dir[512];  /* where the stores lie */
  double seconds; /* of one side in one round */
  int32_t rounds;
  int32_t timelines;   /* orders of mail and verify, products of import */
  int64_t calls;       /* of the memory test */
  const char *threads; /* how many, such as "1,8,32" */
  const char *sizes;   /* for growth: "1000,100000" */
  int32_t growth_samples;
  const char *grown; /* where such stores are kept; NULL: nowhere */
  enum sync growth_sync;
  const char *waits; /* of the baseline: "naps", "sqlite" or "mutex" */
  bool lean;         /* the baseline leaves libshop's batch marker out */
  const char *json;
  const char *pictures;
  const char *libraries[2];
};

struct world {
  const struct settings *settings;
  char path[600]; /* the template: a catalogue and shoppers, nothing bought */
  struct shopper *shoppers;
  uint8_t secret[32]; /* what tokens are signed with, for the session baseline */
};

void world_make(struct world *world, const struct settings *settings);
void world_free(struct world *world);
/* A fresh copy of a store beside it; path has room for 600 bytes. */
void world_copy(const char *from, const char *name, char *path);
void world_remove(const char *path);
shop_t *world_open(const char *path, enum sync sync);
void world_close(shop_t *shop);
/* Ends the program unless the shop holds no violation; gives its orders. */
int64_t world_verify(const char *path);
const char *sku_of(uint32_t product, char out[32]);
void must(int32_t status, const shop_error_t *err, const char *step);
/* The one number that a query gives; the shop must not be open elsewhere. */
int64_t world_number(const char *path, const char *sql);
int64_t file_bytes(const char *path);

/* ---- timeline.c: the same steps on either side ------------------------------------ */

enum step { STEP_CREATE, STEP_ADD, STEP_SESSION, STEP_PURCHASE, STEP_COUNT };
extern const char *const step_names[STEP_COUNT];

struct baseline;
/* One thread of one side. */
struct worker {
  const struct world *world;
  shop_t *shop;          /* libshop's side, or */
  struct baseline *base; /* the baseline's */
  shop_error_t *err;
  uint32_t first_shopper, shopper_count, next;
  uint64_t random;
  int64_t timelines;
  struct samples steps[STEP_COUNT];
};

void worker_init(struct worker *worker, const struct world *world, shop_t *shop,
                 struct baseline *base, uint32_t index, uint32_t of);
void worker_free(struct worker *worker);
void timeline(struct worker *worker);
/* Timelines until the time is over; gives timelines a second. */
double timelines_for(struct worker *worker, double seconds);

/* ---- threads.c ---------------------------------------------------------------------- */

struct team_result {
  double rate;     /* timelines a second */
  double fairness; /* the slowest thread's count, as a part of the mean */
};
/* Lets `count` workers run at once, each in a thread. */
struct team_result team_run(struct worker *workers, uint32_t count, double seconds);

/* ---- report.c ------------------------------------------------------------------------ */

/* One line of the table. Where there is no other side, base is 0. */
struct result {
  const char *section;
  char name[80];
  char unit[24];
  double x; /* threads, processes or size; 0: none */
  double shop, base;
  double ratio, ratio_low, ratio_high; /* libshop's figure over the baseline's */
};
void report(const char *section, double x, const char *unit, double shop, double base,
            const char *format, ...) __attribute__((format(printf, 6, 7)));
/* The medians of both sides, and the median of the rounds' ratios. */
void report_pair(const char *section, double x, const char *unit, const struct pair *pair,
                 const char *format, ...) __attribute__((format(printf, 5, 6)));
void report_heading(const char *section, const char *text);
void report_machine(const struct settings *settings);
const struct result *report_results(size_t *count);
void report_json(const char *path);
const char *report_fact(const char *name);

/* ---- svg.c ------------------------------------------------------------------------------ */

void svg_write(const char *folder);

/* ---- count.c: what libshop itself allocates ----------------------------------------------- */

struct counted {
  int64_t calls;
  int64_t bytes;
};
/* Of this thread, since it began. */
struct counted counted_now(void);

/* ---- the sections -------------------------------------------------------------------------- */

void bench_timeline(const struct world *world);
void bench_session(const struct world *world);
void bench_threads(const struct world *world);
void bench_processes(const struct world *world);
void bench_import(const struct world *world);
void bench_mail(const struct world *world);
void bench_verify(const struct world *world);
void bench_footprint(const struct world *world);
void bench_growth(const struct world *world);
void bench_soak(const struct world *world);

#endif
