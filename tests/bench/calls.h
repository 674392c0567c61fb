/*
 * Every call of the timeline as one function each, for the sections that look
 * at calls one by one: growth and footprint.
 */
#ifndef SHOP_TESTS_BENCH_CALLS_H
#define SHOP_TESTS_BENCH_CALLS_H

#include "bench.h"

enum call {
  CALL_REGISTER,
  CALL_LOGIN,
  CALL_TOKEN_VERIFY,
  CALL_CART_CREATE,
  CALL_CART_ADD,
  CALL_CART_SET_QUANTITY,
  CALL_CART_REMOVE,
  CALL_CART_GET,
  CALL_SESSION_CHECK_JWT,
  CALL_SESSION_CHECK,
  CALL_PURCHASE,
  CALL_ORDER_GET,
  CALL_ORDER_LIST,
  CALL_MAIL_DELIVER,
  CALL_TOKEN_REVOKE,
  CALL_PRODUCT_GET,
  CALL_PRODUCT_PUT,
  CALL_PRODUCT_LIST,
  CALL_USER_FIND_BY_EMAIL,
  CALL_ORDER_FIND_BY_NUMBER,
  CALL_ORDER_LIST_BY_EMAIL,
  CALL_ORDER_LIST_BY_STATUS,
  CALL_COUNT
};
extern const char *const call_names[CALL_COUNT];

/* One shopper's way through all calls. Between calls nothing is allocated that
   is not libshop's. */
struct tour {
  shop_t *shop;
  shop_error_t *err;
  const char *email; /* of a user who is there, with PASSWORD */
  const char *new_email;
  const char *skus[CART_LINES];
  const char *old_number; /* of an order that is there */
  int64_t product_id;     /* where a page of the catalogue begins */
  char key[48];
  /* from one call to the next */
  shop_token_t *token;
  char jwt[1024];
  int64_t cart_id, goods_minor;
  int32_t added;
  char number[16];
};

void tour_call(struct tour *tour, enum call call);
void tour_end(struct tour *tour);
/* How often the tour makes this call: adds once for each line. */
int32_t tour_times(enum call call);
/* All calls, in a new user's name too; *calls counts them. */
void tour_once(struct tour *tour, int64_t index, int64_t *calls);

/* ---- soak.c ------------------------------------------------------------------------------ */

double heap_kib(void);
double sqlite_kib(void); /* of the heap; its page caches fill up to their limit */
/* Makes the calls that --calls asks for, in so many steps, and tells what memory is used after each
   step, or after the first and the last. */
void soak(const struct world *world, const char *path, const char *section, int32_t steps,
          bool each);

#endif
