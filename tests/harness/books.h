/*
 * What the tests of money share: a purchase as a form to fill in, an order's
 * history as one text, and the books: what the gateway took against what the
 * shop has stored.
 */
#ifndef SHOP_TESTS_BOOKS_H
#define SHOP_TESTS_BOOKS_H

#include "harness.h"

#define CARD "pm_card_visa"
#define HOUR_MS INT64_C(3600000)
#define DAY_MS (24 * HOUR_MS)
/* The defaults of the library, in ms. */
#define GATEWAY_LEASE_MS INT64_C(120000)
#define KEY_LIFE_MS (20 * HOUR_MS)
#define MAIL_LEASE_MS INT64_C(300000)

/* ---- purchases ----------------------------------------------------------- */

struct form_adjustment {
  int32_t kind; /* 0 ends the list */
  const char *label;
  int64_t amount_minor;
};

/* What NULL, 0 and false leave unset. */
struct form {
  const char *method;
  const char *shipping;
  const char *billing;
  bool has_total;
  int64_t total_minor;
  const char *total_currency;
  struct form_adjustment adjustments[8];
  const char *key;
  int64_t version;
  int64_t deadline_ms;
};

/* shop_purchase with this form; for any thread, err may be NULL. */
int32_t form_buy(shop_t *shop, const shop_token_t *token, int64_t cart_id, const struct form *form,
                 shop_order_t **order, shop_error_t *err);
/* The same with the world's shop and error. */
int32_t world_purchase(struct world *world, const shop_token_t *token, int64_t cart_id,
                       const struct form *form, shop_order_t **order);
/* A purchase by card that must be placed; gives the order. */
shop_order_t *world_bought(struct world *world, const shop_token_t *token, int64_t cart_id);
/* A new shopper buys one piece of sku, which must be placed. */
void world_sell_one(struct world *world, const char *email, const char *sku);
/* The order as it is now, by its number. */
shop_order_t *world_order(struct world *world, const char *number);
int32_t world_cart_state(struct world *world, const shop_token_t *token, int64_t cart_id);
/* What shop_mail_stats counts. */
struct mail_counts {
  int64_t queued;
  int64_t leased;
  int64_t sent;
  int64_t dead;
  int64_t oldest_age_ms;
};
struct mail_counts mail_count(shop_t *shop);
/* How many mails are in one of these states of the table outbox, such as "1, 2". */
int64_t world_mails(struct world *world, const char *state);

/* The names of the events, oldest first, with a space between; of mail only the
   confirmation's. */
#define ck_history(order, wanted)                                                                  \
  do {                                                                                             \
    char history_[1000];                                                                           \
    ck_assert_str_eq(order_history(order, history_, sizeof history_), wanted);                     \
  } while (0)
const char *order_history(const shop_order_t *order, char *out, size_t size);
/* The detail of the last event of this name, or NULL when there is none. */
const char *order_event(const shop_order_t *order, const char *name);

/* ---- recovery ------------------------------------------------------------ */

struct recovered {
  int32_t examined;
  int32_t placed;
  int32_t failed;
  int32_t waiting;
  int32_t unknown;
};
/* shop_recover with the largest limit; must be carried out. */
struct recovered world_recover(struct world *world);
#define ck_recovered(world, ...)                                                                   \
  do {                                                                                             \
    struct recovered got_ = world_recover(world), wanted_ = {__VA_ARGS__};                         \
    ck_assert_msg(memcmp(&got_, &wanted_, sizeof got_) == 0,                                       \
                  "%s:%d: examined %d placed %d failed %d waiting %d unknown %d", __FILE__,        \
                  __LINE__, got_.examined, got_.placed, got_.failed, got_.waiting, got_.unknown);  \
  } while (0)

/* ---- a rival ------------------------------------------------------------- */

/* A connection of another program that holds the store's write lock until its end. */
struct rival;
struct rival *rival_begin(struct world *world);
void rival_end(struct rival *rival);

/* ---- the books ----------------------------------------------------------- */

/* Every charge in the gateway's ledger was made under a key of its own, belongs
   to exactly one order and is of that order's total, or else that order is
   marked for a person; every order that says it was paid has its charge. */
void world_check_ledger(struct world *world, struct gateway *gateway);
/* world_verify, and the books of the world's own gateway. */
void world_close_books(struct world *world, int64_t attentions);
/* The audit as one text, a finding a line, violations first marked "V ", what
   needs attention "A ", order numbers and cart ids as #; freed by the caller. */
char *world_findings(struct world *world);

/* Zeroed memory that processes share; never given back. */
void *share_memory(size_t size);
/* A barrier in such memory. */
pthread_barrier_t *share_barrier(unsigned count);

/* A gateway in memory that processes share, and that outlives those that are
   killed with its lock held. */
struct gateway *gateway_share(void);
void gateway_unshare(struct gateway *gateway);

#endif
