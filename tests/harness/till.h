/*
 * One purchase and everything that can be done to its payment, each in one line:
 * what the tests of the payment's later life share.
 */
#ifndef SHOP_TESTS_TILL_H
#define SHOP_TESTS_TILL_H

#include "books.h"

#define HOLD_MS DAY_MS                /* the default of the library */
#define AUTHORIZATION_MS (7 * DAY_MS) /* likewise */
#define TOTAL 1998                    /* of the till's order, in EUR */

/* Ada has two of five pieces of TEA, at 9.99 EUR, in her cart. */
struct till {
  struct world *world;
  shop_token_t *token;
  int64_t cart_id;
  char number[20];
};

enum till_callbacks { TILL_CHARGE = 0, TILL_QUERY = 1, TILL_OPERATIONS = 2 };
struct till till_new(int callbacks);
/* Audit without a violation and with this many findings for a person; the books. */
void till_end(struct till *till, int64_t attentions);
/* As till_end, for a till whose gateway was made to lie: without the books. */
void till_end_unbooked(struct till *till, int64_t attentions);

/* Buys by card, in this mood of the gateway; remembers the order. */
void till_buy(struct till *till, enum gateway_mood mood, int32_t status);
shop_order_t *till_order(struct till *till);
/* The key of the order's operation at this index, "" : none; overwritten by the next call. */
const char *till_key(struct till *till, int32_t index);

/* The purchase stands so; the stock is as that says: of five pieces two are held, taken or free. */
void till_stands(struct till *till, int32_t order_status, int32_t payment_status);
void till_money(struct till *till, int64_t captured_minor, int64_t refunded_minor);
void till_history(struct till *till, const char *wanted);
/* The state of the operation at this index; 0: there is none. */
int32_t till_operation(struct till *till, int32_t index);

/* A report of the gateway. What is 0 or NULL is left unset; currency NULL: EUR. */
struct news {
  const char *event_id; /* NULL: a new one */
  const char *key;
  const char *reference;
  int32_t outcome;
  int64_t amount_minor;
  const char *currency;
  const char *reason;
};
int32_t till_report(struct till *till, const struct news *news);
#define ck_report(till, wanted, ...)                                                               \
  ck_status((till)->world, till_report(till, &(struct news){__VA_ARGS__}), wanted)

/* The calls, with an idempotency key or NULL. amount 0: all. */
int32_t till_capture(struct till *till, int64_t amount_minor, const char *key);
int32_t till_refund(struct till *till, int64_t amount_minor, const char *key);
/* Also brings pieces of TEA back. */
int32_t till_refund_pieces(struct till *till, int64_t amount_minor, int64_t pieces);
int32_t till_cancel(struct till *till, const char *key);
int32_t till_resume(struct till *till);
int32_t till_abandon(struct till *till);
int32_t till_resolve(struct till *till, int32_t outcome, const char *reference,
                     int64_t amount_minor);
#define ck_till(till, call, wanted) ck_status((till)->world, call, wanted)

#endif
