/*
 * What the parts of the simulation share: one life of a shop, done twice, and the
 * means to say that the two differ.
 */
#ifndef SHOP_TESTS_SIMULATE_H
#define SHOP_TESTS_SIMULATE_H

#include <sqlite3.h>

#include "model.h"

enum { LEDGER_ENTRIES = 4096, DEPTH_MAX = 2 };

/* What the gateway knows under one key. */
struct entry {
  char key[80], payment_key[80], reference[24];
  int32_t kind;
  int32_t fate; /* 0: it has not heard of it; else enum shop_gateway_outcome */
  int64_t asked, amount, refunded;
  char asked_currency[4], currency[4];
};

/* What is expected of the gateway while a call runs. Calls may stand inside one
   another, by the callback. */
struct scene {
  int32_t order, operation; /* NOBODY: no call is expected */
  bool recovering, resuming;
  bool live; /* it is a shopper who waits */
  int64_t began_ms, taken_ms; /* the recovery, the lease of its turn */
  bool voids;   /* a void of this order comes next */
  bool repeats; /* the same operation comes next, live */
  bool asked;   /* the gateway was called */
  bool lost;    /* its answer could not be stored */
  int32_t answer;
  bool contradicts;
  int32_t limit, examined, placed, failed, finished, waiting, unknown;
  bool turning; /* a turn is to be counted */
  bool ended;   /* by the answer of this turn; no charge */
  /* mail */
  bool delivering;
  int32_t delivered;
  bool mail_lost;
};

struct sim {
  uint64_t seed, random;
  int32_t step, steps;
  bool lies; /* the gateway says what is not so */
  struct model *model;
  struct scene *scene;
  int32_t depth;
  int32_t entry_count, event_count;
  struct entry *entries;
  char dir[64], path[96];
  shop_config_t *config;
  shop_t *shop;
  shop_error_t *err;
  sqlite3 *rival; /* holds the store's write lock */
  bool locked;
  char log[32][200];
  int32_t log_count;
};

/* ---- randomness: everything follows from the seed ------------------------------------ */

uint64_t sim_random(struct sim *sim);
int32_t sim_below(struct sim *sim, int32_t limit);
bool sim_chance(struct sim *sim, int32_t percent);

/* ---- differences -------------------------------------------------------------------- */

__attribute__((format(printf, 2, 3))) void sim_log(struct sim *sim, const char *format, ...);
/* Says which step of which seed it was, what came before, and ends. */
__attribute__((format(printf, 2, 3), noreturn)) void sim_fail(struct sim *sim, const char *format,
                                                              ...);
#define sim_check(sim, condition, ...)                                                             \
  do {                                                                                             \
    if (!(condition))                                                                              \
      sim_fail(sim, __VA_ARGS__);                                                                  \
  } while (0)
#define sim_equal(sim, what, library, model)                                                       \
  do {                                                                                             \
    long long library_ = (long long)(library), model_ = (long long)(model);                        \
    if (library_ != model_)                                                                        \
      sim_fail(sim, "%s: library %lld, model %lld", what, library_, model_);                       \
  } while (0)
void sim_status(struct sim *sim, int32_t library, int32_t model);

/* ---- the parts ------------------------------------------------------------------------ */

/* A connection of another program takes the write lock, and gives it back. */
void sim_lock(struct sim *sim);
void sim_unlock(struct sim *sim);

/* gateway.c: callbacks, and the gateway's own doings */
void sim_gateway(shop_gateway_call_t *call, void *user);
void sim_query(shop_gateway_call_t *call, void *user);
void sim_transport(shop_mail_call_t *call, void *user);
/* A mail is taken that was due: the model's, leased. */
struct m_mail *sim_take(struct sim *sim, const char *number, int32_t kind, const char *message);
struct entry *sim_entry(struct sim *sim, const char *key);
/* The host pays for what was begun, in its own way. */
void sim_pay(struct sim *sim, const struct m_order *order);
/* Something that waited is decided. */
void sim_gateway_moves(struct sim *sim, bool all);
/* Recovery goes on in the model, up to the next call of the gateway. */
struct m_operation *sim_recovery_next(struct sim *sim, struct m_order **order);
bool sim_waits_on(const struct sim *sim, const struct m_order *order,
                  const struct m_operation *operation);
void sim_recovery_take(struct sim *sim, struct m_order *order, struct m_operation *operation);
void sim_turn_end(struct sim *sim);
/* Whether an answer belongs to what was asked; a query may say more. */
bool sim_fits(int32_t kind, int32_t outcome, bool query);
/* The truth of an entry as an answer. */
struct answer sim_truth(const struct entry *entry);

/* simulate.c: how much a cart may be, which another start of the shop may change */
void sim_draw_limits(struct sim *sim);

/* steps.c: one call of some kind */
void sim_step(struct sim *sim);
void sim_report(struct sim *sim, const struct m_operation *about, bool truly);
void sim_recover(struct sim *sim);
void sim_clock(struct sim *sim, int64_t by_ms);
void sim_step_aside(struct sim *sim); /* one that may stand inside a callback */
void sim_resolve(struct sim *sim, int32_t order, bool truly);
void sim_deliver(struct sim *sim);
void sim_reopen(struct sim *sim); /* sometimes with other limits */


/* compare.c */
void sim_compare_order(struct sim *sim, const shop_order_t *order, const struct m_order *wanted);
void sim_compare_cart(struct sim *sim, const shop_cart_t *cart, const struct m_cart *wanted);
/* What each token's session tells, and its cart. */
void sim_compare_carts(struct sim *sim);
void sim_compare_some(struct sim *sim);
void sim_compare_all(struct sim *sim);
/* In the end: the gateway's ledger against the orders. */
void sim_close_books(struct sim *sim);

#endif
