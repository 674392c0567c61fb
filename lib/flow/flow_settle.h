/*
 * What the files of settle.c's affair share: settle.c (the transaction), answer.c
 * (which answer means what to which operation), answer_charge.c and
 * answer_after.c (what each does), stand.c (what is known meanwhile).
 */
#ifndef SHOP_LIB_FLOW_SETTLE_H
#define SHOP_LIB_FLOW_SETTLE_H

#include "flow.h"

/** One settling: the answer, and what became of it. */
struct shop__settling {
  shop_t *shop;
  struct shop__settle *settle;
  struct shop__placing placing;
  struct shop__post posts[SHOP_MAIL_REFUND + 1]; /* by kind; composed where it may be needed */
  int64_t refund_id; /* the refund that the answer is about; 0: not known before */
  struct shop__pack pack;
  bool contradicts; /* result: the answer cannot be after what is known */
  bool mismatches;  /* result: another amount was moved than was asked for */
  bool unmatched;   /* result: the report fits no payment */
  bool undrafted;   /* it fitted none when its mail was to be composed */
  bool found_late;  /* result: but it does now: compose, and run again */
};

/* What one run of the transaction works on. */
struct shop__stand {
  struct shop__operation_row operation;
  struct shop__order_row order;
  struct shop__payment_row payment;
  char captured_currency[4];
  char reference[SHOP__REFERENCE_MAX + 1]; /* of the payment, when it changes */
};

/* ---- stand.c ---- */

struct shop__moment shop__stand_moment_of(const struct shop__settling *work);
int32_t shop__stand_note(shop__tx_t *tx, const struct shop__settling *work,
                         const struct shop__stand *stand, const char *name) SHOP__MUST_USE;
int32_t shop__stand_set_operation(shop__tx_t *tx, const struct shop__settling *work,
                                  const struct shop__stand *stand, int32_t state) SHOP__MUST_USE;
/** Stores the payment as the stand has it now, and its move into the history. */
int32_t shop__stand_store_payment(shop__tx_t *tx, const struct shop__settling *work,
                                  struct shop__stand *stand, int32_t before) SHOP__MUST_USE;
/** Marks the payment for a person. */
int32_t shop__stand_flag(shop__tx_t *tx, const struct shop__settling *work,
                         struct shop__stand *stand, int32_t attention,
                         const char *event) SHOP__MUST_USE;
/** What cannot be true beside what is known; with money in it a person must look. */
int32_t shop__stand_contradict(shop__tx_t *tx, struct shop__settling *work,
                               struct shop__stand *stand, bool money) SHOP__MUST_USE;
/** A clear answer that cannot be: there is nothing more to ask, so a person decides
   what becomes of the operation. Said once, it is not said again at each recovery. */
int32_t shop__stand_leave_to_person(shop__tx_t *tx, struct shop__settling *work,
                                    struct shop__stand *stand) SHOP__MUST_USE;
bool shop__stand_is_open(int32_t payment_state);
bool shop__stand_is_over(int32_t payment_state);
bool shop__stand_operation_is_open(const struct shop__stand *stand);
bool shop__stand_same_text(const char *a, const char *b);
/** The answer moved exactly what the operation asked for. */
bool shop__stand_covers(const struct shop__settling *work, const struct shop__stand *stand);
/** Two names that are there and differ. */
bool shop__stand_other_name(const char *a, const char *b);
/** Is what the answer is named by the payment's name, or that of one of its
   operations? An answer without a name is nobody else's either. */
int32_t shop__stand_is_known_name(shop__tx_t *tx, const struct shop__settling *work,
                                  const struct shop__stand *stand, bool *known) SHOP__MUST_USE;
/** The open operation of a kind of this order; 0: none. */
int32_t shop__stand_find_open(shop__tx_t *tx, const struct shop__stand *stand, int32_t kind,
                              int64_t *id) SHOP__MUST_USE;
int32_t shop__stand_work_on(shop__tx_t *tx, struct shop__stand *stand,
                            int64_t operation_id) SHOP__MUST_USE;
void shop__stand_keep_reference(const struct shop__settling *work, struct shop__stand *stand);
void shop__stand_record_capture(const struct shop__settling *work, struct shop__stand *stand);
int32_t shop__stand_place(shop__tx_t *tx, struct shop__settling *work,
                          struct shop__stand *stand) SHOP__MUST_USE;

/* ---- answer_charge.c ---- */

/** Money for an order that had failed, or another amount than its total: the
   payment says what was taken, the order does not move, a person must look. */
int32_t shop__answer_take_odd_money(shop__tx_t *tx, struct shop__settling *work,
                                    struct shop__stand *stand, int32_t before) SHOP__MUST_USE;
int32_t shop__answer_charge_captured(shop__tx_t *tx, struct shop__settling *work,
                                     struct shop__stand *stand) SHOP__MUST_USE;
int32_t shop__answer_charge_authorized(shop__tx_t *tx, struct shop__settling *work,
                                       struct shop__stand *stand) SHOP__MUST_USE;
/** Declined, or voided before anything was taken. */
int32_t shop__answer_charge_ended(shop__tx_t *tx, struct shop__settling *work,
                                  struct shop__stand *stand, int32_t state) SHOP__MUST_USE;
int32_t shop__answer_waits(shop__tx_t *tx, struct shop__settling *work, struct shop__stand *stand,
                           int32_t state) SHOP__MUST_USE;
/** Not knowing changes nothing: `sent` says just that. Only when nobody can be
   asked any more does it become a person's. */
int32_t shop__answer_charge_unknown(shop__tx_t *tx, struct shop__settling *work,
                                    struct shop__stand *stand) SHOP__MUST_USE;

/* ---- answer_after.c ---- */

int32_t shop__answer_refused(shop__tx_t *tx, struct shop__settling *work, struct shop__stand *stand,
                             const char *event) SHOP__MUST_USE;
int32_t shop__answer_unanswered(shop__tx_t *tx, struct shop__settling *work,
                                struct shop__stand *stand) SHOP__MUST_USE;
int32_t shop__answer_capture_done(shop__tx_t *tx, struct shop__settling *work,
                                  struct shop__stand *stand) SHOP__MUST_USE;
/** A confirmed void ends the charge as well: nothing will come of it. */
int32_t shop__answer_void_done(shop__tx_t *tx, struct shop__settling *work,
                               struct shop__stand *stand) SHOP__MUST_USE;
/** "Too late, it was taken": the void is refused, and the money is the charge's
   answer. */
int32_t shop__answer_void_captured(shop__tx_t *tx, struct shop__settling *work,
                                   struct shop__stand *stand) SHOP__MUST_USE;
int32_t shop__answer_refund_done(shop__tx_t *tx, struct shop__settling *work,
                                 struct shop__stand *stand) SHOP__MUST_USE;
/** A refund that was made at the gateway itself: it is kept as an operation of
   its own, so that the books agree. */
int32_t shop__answer_refunded_elsewhere(shop__tx_t *tx, struct shop__settling *work,
                                        struct shop__stand *stand) SHOP__MUST_USE;

/* ---- answer.c ---- */

int32_t shop__answer_take(shop__tx_t *tx, struct shop__settling *work,
                          struct shop__stand *stand) SHOP__MUST_USE;

#endif
