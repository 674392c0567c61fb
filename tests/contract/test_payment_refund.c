/* Giving money back: never more than was taken, however many refunds, by whomever and with
   whichever of them unanswered; pieces into stock once; and cancelling, of every kind of order. */
#include "till.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BOUGHT "order.created payment.captured order.placed mail.sent"

static struct till bought(int callbacks) {
  struct till till = till_new(callbacks);

  till_buy(&till, GATEWAY_APPROVES, SHOP_OK);
  return till;
}

static void mood(struct till *till, enum gateway_mood mood) {
  till->world->gateway.operation_mood = mood;
}

static int64_t given_back(struct till *till) {
  return gateway_moved(&till->world->gateway, SHOP_OPERATION_REFUND, till_key(till, 0));
}

/* ---- sums ------------------------------------------------------------------------- */

/* A person finds the order in the list of those that need one. */
static void ck_in_attention(struct world *world) {
  shop_order_page_t *page = NULL;

  ck_ok(world, shop_order_list_in_attention(world->shop, 0, 10, &page, world->err));
  ck_assert_int_eq(shop_order_page_count(page), 1);
  ck_assert(shop_order_needs_attention(shop_order_page_at(page, 0)));
  shop_order_page_free(page);
}

START_TEST(several_parts) {
  struct till till = bought(TILL_OPERATIONS);

  ck_till(&till, till_refund(&till, 500, NULL), SHOP_OK);
  ck_till(&till, till_refund(&till, 500, NULL), SHOP_OK); /* the same again is another one */
  till_money(&till, TOTAL, 1000);
  ck_refused(till.world, till_refund(&till, 999, NULL), SHOP_ERR_AMOUNT);
  ck_till(&till, till_refund(&till, 998, NULL), SHOP_OK);
  till_money(&till, TOTAL, TOTAL);
  ck_refused(till.world, till_refund(&till, 1, NULL), SHOP_ERR_AMOUNT);
  ck_refused(till.world, till_refund(&till, 0, NULL), SHOP_ERR_AMOUNT);
  till_stands(&till, SHOP_ORDER_PLACED, SHOP_PAYMENT_CAPTURED); /* not cancelled by itself */
  ck_assert_int_eq(world_available(till.world, "TEA"), 3);      /* nothing came back */
  till_history(&till, BOUGHT " payment.refunded payment.refunded payment.refunded");
  ck_assert_int_eq(given_back(&till), TOTAL);
  till_end(&till, 0);
}
END_TEST

START_TEST(all_that_is_left) {
  struct till till = bought(TILL_OPERATIONS);

  ck_till(&till, till_refund(&till, 1, NULL), SHOP_OK);
  ck_till(&till, till_refund(&till, 0, NULL), SHOP_OK);
  ck_assert_int_eq(given_back(&till), TOTAL);
  till_money(&till, TOTAL, TOTAL);
  till_end(&till, 0);
}
END_TEST

/* One without an answer counts as if it were done; refused, it does no more. */
START_TEST(unfinished_ones_count) {
  struct till till = bought(TILL_OPERATIONS);

  mood(&till, GATEWAY_SILENT);
  ck_till(&till, till_refund(&till, 1500, NULL), SHOP_UNKNOWN);
  mood(&till, GATEWAY_PENDS);
  ck_till(&till, till_refund(&till, 400, NULL), SHOP_PENDING);
  ck_refused(till.world, till_refund(&till, 99, NULL), SHOP_ERR_AMOUNT);
  ck_refused(till.world, till_cancel(&till, NULL), SHOP_ERR_STATE);
  world_verify(till.world, 0);
  world_pass_ms(till.world, KEY_LIFE_MS);
  ck_recovered(till.world, .examined = 2, .unknown = 2); /* unknown ones as well */
  ck_assert_int_eq(till.world->gateway.refunds, 2);
  ck_refused(till.world, till_refund(&till, 99, NULL), SHOP_ERR_AMOUNT);
  world_verify(till.world, 1);
  mood(&till, GATEWAY_APPROVES);
  ck_till(&till, till_refund(&till, 98, NULL), SHOP_OK);
  ck_till(&till, till_resolve(&till, SHOP_OUTCOME_DECLINED, NULL, 0), SHOP_OK); /* the newest */
  ck_assert_int_eq(till_operation(&till, 2), SHOP_OPERATION_REFUSED);
  ck_till(&till, till_refund(&till, 401, NULL), SHOP_ERR_AMOUNT);
  ck_till(&till, till_refund(&till, 400, NULL), SHOP_OK);
  ck_till(&till, till_resolve(&till, SHOP_OUTCOME_REFUNDED, "re_hand", 1500), SHOP_OK);
  till_money(&till, TOTAL, TOTAL);
  till_end_unbooked(&till, 0);
}
END_TEST

/* The answer was lost: recovery finishes it under the same key, the money goes back once. */
START_TEST(unanswered_then_recovered) {
  for (int with_query = 0; with_query < 2; with_query++) {
    struct till till = bought(TILL_OPERATIONS | with_query);

    mood(&till, GATEWAY_LOSES_ANSWER);
    ck_till(&till, till_refund_pieces(&till, 999, 1), SHOP_UNKNOWN);
    till_money(&till, TOTAL, 0);
    ck_assert_int_eq(world_available(till.world, "TEA"), 3);
    mood(&till, GATEWAY_APPROVES);
    world_pass_ms(till.world, GATEWAY_LEASE_MS);
    ck_assert_int_eq(world_recover(till.world).examined, 1);
    till_money(&till, TOTAL, 999);
    ck_assert_int_eq(world_available(till.world, "TEA"), 4);
    ck_assert_int_eq(given_back(&till), 999);
    ck_recovered(till.world, 0);
    till_end(&till, 0);
  }
}
END_TEST

START_TEST(wrong_requests) {
  struct till till = bought(TILL_OPERATIONS);
  shop_refund_request_t *request = NULL;
  shop_order_t *order = NULL;

  ck_assert_int_eq(shop_refund_request_new(NULL), SHOP_ERR_ARGUMENT);
  ck_assert_int_eq(shop_refund_request_new(&request), SHOP_OK);
  ck_assert_int_eq(shop_refund_request_set_amount(request, 0, "EUR"), SHOP_ERR_ARGUMENT);
  ck_assert_int_eq(shop_refund_request_set_amount(request, -1, "EUR"), SHOP_ERR_ARGUMENT);
  ck_assert_int_eq(shop_refund_request_set_amount(request, 1, NULL), SHOP_ERR_ARGUMENT);
  ck_assert_int_eq(shop_refund_request_set_amount(request, 1, "XXQ"), SHOP_ERR_CURRENCY);
  ck_assert_int_eq(shop_refund_request_set_amount(NULL, 1, "EUR"), SHOP_ERR_ARGUMENT);
  ck_assert_int_eq(shop_refund_request_add_return(NULL, "TEA", 1), SHOP_ERR_ARGUMENT);
  ck_assert_int_eq(shop_refund_request_add_return(request, "", 1), SHOP_ERR_ARGUMENT);
  ck_assert_int_eq(shop_refund_request_add_return(request, "TEA", 0), SHOP_ERR_QUANTITY);
  ck_assert_int_eq(shop_refund_request_add_return(request, "TEA", -1), SHOP_ERR_QUANTITY);
  ck_assert_int_eq(shop_refund_request_set_amount(request, 1, "USD"), SHOP_OK);
  ck_refused(
      till.world,
      shop_order_refund(till.world->shop, till.number, request, NULL, &order, till.world->err),
      SHOP_ERR_CURRENCY);
  ck_assert_int_eq(shop_refund_request_set_amount(request, 1, "EUR"), SHOP_OK);
  ck_assert_int_eq(shop_refund_request_add_return(request, "CUP", 1), SHOP_OK);
  ck_refused(
      till.world,
      shop_order_refund(till.world->shop, till.number, request, NULL, &order, till.world->err),
      SHOP_ERR_AMOUNT); /* no CUP was bought */
  ck_assert_int_eq(shop_refund_request_add_return(request, "CUP", 1), SHOP_ERR_ARGUMENT);
  shop_refund_request_free(request);
  shop_refund_request_free(NULL);
  ck_refused(
      till.world,
      shop_order_refund(till.world->shop, "0123456789AB", NULL, NULL, &order, till.world->err),
      SHOP_ERR_NOT_FOUND);
  ck_refused(till.world,
             shop_order_refund(till.world->shop, "", NULL, NULL, &order, till.world->err),
             SHOP_ERR_ARGUMENT);
  ck_assert_int_eq(till.world->gateway.refunds, 0);
  till_end(&till, 0);
}
END_TEST

START_TEST(refused) {
  struct till till = bought(TILL_OPERATIONS);

  mood(&till, GATEWAY_DECLINES);
  ck_till(&till, till_refund_pieces(&till, 500, 1), SHOP_DECLINED);
  ck_assert_str_ne(strstr(shop_error_message(till.world->err), "not possible"), "");
  till_money(&till, TOTAL, 0);
  ck_assert_int_eq(world_available(till.world, "TEA"), 3);
  till_history(&till, BOUGHT " refund.refused");
  mood(&till, GATEWAY_APPROVES);
  ck_till(&till, till_refund_pieces(&till, 0, 2), SHOP_OK);
  till_end(&till, 0);
}
END_TEST

/* ---- pieces ------------------------------------------------------------------------ */

/* No piece comes back twice: not one that is back, not one that is on its way. */
START_TEST(no_piece_twice) {
  struct till till = bought(TILL_OPERATIONS);

  ck_refused(till.world, till_refund_pieces(&till, 100, 3), SHOP_ERR_AMOUNT);
  ck_till(&till, till_refund_pieces(&till, 100, 1), SHOP_OK);
  ck_assert_int_eq(world_available(till.world, "TEA"), 4);
  ck_refused(till.world, till_refund_pieces(&till, 100, 2), SHOP_ERR_AMOUNT);
  mood(&till, GATEWAY_LOSES_ANSWER);
  ck_till(&till, till_refund_pieces(&till, 100, 1), SHOP_UNKNOWN);
  ck_refused(till.world, till_refund_pieces(&till, 100, 1), SHOP_ERR_AMOUNT);
  mood(&till, GATEWAY_APPROVES);
  world_pass_ms(till.world, GATEWAY_LEASE_MS);
  ck_assert_int_eq(world_recover(till.world).examined, 1);
  ck_assert_int_eq(world_available(till.world, "TEA"), 5);
  ck_refused(till.world, till_refund_pieces(&till, 100, 1), SHOP_ERR_AMOUNT);
  ck_till(&till, till_cancel(&till, NULL), SHOP_OK); /* the rest of the money, no more pieces */
  till_stands(&till, SHOP_ORDER_CANCELLED, SHOP_PAYMENT_CAPTURED);
  till_money(&till, TOTAL, TOTAL);
  till_end(&till, 0);
}
END_TEST

/* A refund that was refused, and then was made after all: its money counts, though its pieces are
   back by another one already. */
START_TEST(refused_and_then_made) {
  for (int pieces = 1; pieces <= 2; pieces++) {
    struct till till = bought(TILL_OPERATIONS);

    mood(&till, GATEWAY_DECLINES);
    ck_till(&till, till_refund_pieces(&till, 500, 2), SHOP_DECLINED);
    mood(&till, GATEWAY_APPROVES);
    ck_till(&till, till_refund_pieces(&till, 500, pieces), SHOP_OK);
    ck_assert_int_eq(world_available(till.world, "TEA"), 3 + pieces);
    ck_report(&till, SHOP_OK, .key = till_key(&till, 1), .reference = "re_late",
              .outcome = SHOP_OUTCOME_REFUNDED, .amount_minor = 500);
    till_money(&till, TOTAL, 1000);
    ck_assert_int_eq(world_available(till.world, "TEA"), 5);
    till_end(&till, 0);
  }
}
END_TEST

/* Done, and then it failed after all: the shopper has no money, so a person must look. */
START_TEST(made_and_then_refused) {
  struct till till = bought(TILL_OPERATIONS);

  ck_till(&till, till_refund(&till, 500, NULL), SHOP_OK);
  ck_report(&till, SHOP_CONTRADICTION, .key = till_key(&till, 1), .outcome = SHOP_OUTCOME_DECLINED,
            .reason = "account closed");
  till_money(&till, TOTAL, 500);
  till_end(&till, 1);
}
END_TEST

/* ---- by the gateway itself ------------------------------------------------------------ */

/* A refund made in the gateway's own pages is kept, once, and counts. */
START_TEST(made_elsewhere) {
  struct till till = bought(TILL_OPERATIONS);

  ck_report(&till, SHOP_OK, .key = till_key(&till, 0), .reference = "re_hand",
            .outcome = SHOP_OUTCOME_REFUNDED, .amount_minor = 998);
  till_money(&till, TOTAL, 998);
  ck_report(&till, SHOP_OK, .key = till_key(&till, 0), .reference = "re_hand",
            .outcome = SHOP_OUTCOME_REFUNDED, .amount_minor = 998);
  ck_report(&till, SHOP_OK, .reference = "re_hand", .outcome = SHOP_OUTCOME_REFUNDED,
            .amount_minor = 998);
  till_money(&till, TOTAL, 998);
  ck_report(&till, SHOP_OK, .key = till_key(&till, 0), .reference = "re_hand_2",
            .outcome = SHOP_OUTCOME_REFUNDED, .amount_minor = 500);
  till_money(&till, TOTAL, 1498);
  ck_refused(till.world, till_refund(&till, 501, NULL), SHOP_ERR_AMOUNT);
  ck_report(&till, SHOP_CONTRADICTION, .key = till_key(&till, 0), .reference = "re_hand_3",
            .outcome = SHOP_OUTCOME_REFUNDED, .amount_minor = 501);
  ck_report(&till, SHOP_CONTRADICTION, .key = till_key(&till, 0), .reference = "re_hand_4",
            .outcome = SHOP_OUTCOME_REFUNDED, .amount_minor = 100, .currency = "USD");
  till_money(&till, TOTAL, 1498);
  till_end_unbooked(&till, 1);
}
END_TEST

/* The gateway's report of our own refund names the charge, and comes first: it is that refund, not
   another one. */
START_TEST(own_refund_reported_by_the_charge) {
  struct till till = bought(TILL_OPERATIONS);

  mood(&till, GATEWAY_LOSES_ANSWER);
  ck_till(&till, till_refund_pieces(&till, 1998, 2), SHOP_UNKNOWN);
  ck_report(&till, SHOP_OK, .reference = "ch_1", .outcome = SHOP_OUTCOME_REFUNDED,
            .amount_minor = 1998);
  till_money(&till, TOTAL, TOTAL);
  ck_assert_int_eq(till_operation(&till, 1), SHOP_OPERATION_DONE);
  ck_assert_int_eq(till_operation(&till, 2), 0);
  ck_assert_int_eq(world_available(till.world, "TEA"), 5);
  ck_report(&till, SHOP_OK, .key = till_key(&till, 1), .reference = "re_m1",
            .outcome = SHOP_OUTCOME_REFUNDED, .amount_minor = 1998);
  ck_report(&till, SHOP_OK, .reference = "ch_1", .outcome = SHOP_OUTCOME_REFUNDED,
            .amount_minor = 1998);
  ck_report(&till, SHOP_OK, .reference = "re_m1", .outcome = SHOP_OUTCOME_REFUNDED,
            .amount_minor = 1998);
  till_money(&till, TOTAL, TOTAL);
  world_pass_ms(till.world, GATEWAY_LEASE_MS);
  ck_recovered(till.world, 0);
  till_end(&till, 0);
}
END_TEST

/* By hand at the gateway while ours has no answer: both are counted, a person is told that it may
   be too much, and that is no crime; the second answer is not dropped and not asked for ever. */
START_TEST(made_elsewhere_beside_an_unanswered_one) {
  struct till till = bought(TILL_OPERATIONS);

  mood(&till, GATEWAY_SILENT);
  ck_till(&till, till_refund(&till, 1500, NULL), SHOP_UNKNOWN);
  ck_report(&till, SHOP_OK, .key = till_key(&till, 0), .reference = "re_hand",
            .outcome = SHOP_OUTCOME_REFUNDED, .amount_minor = 600);
  till_money(&till, TOTAL, 600);
  world_verify(till.world, 1);
  mood(&till, GATEWAY_APPROVES); /* the gateway has not heard of the one by hand */
  world_pass_ms(till.world, GATEWAY_LEASE_MS);
  ck_recovered(till.world, .examined = 1, .unknown = 1);
  till_money(&till, TOTAL, 600);
  ck_assert_int_eq(till_operation(&till, 1), SHOP_OPERATION_UNKNOWN);
  for (int i = 0; i < 3; i++) {
    world_pass_ms(till.world, GATEWAY_LEASE_MS);
    (void)world_recover(till.world);
  }
  till_history(&till, BOUGHT
               " payment.refunded payment.contradiction"
               " payment.contradiction");
  ck_till(&till, till_resolve(&till, SHOP_OUTCOME_DECLINED, NULL, 0), SHOP_OK);
  till_end_unbooked(&till, 1);
}
END_TEST

/* Another amount went back than was asked for: recorded as it is. */
START_TEST(of_another_amount) {
  struct till till = bought(TILL_OPERATIONS);

  mood(&till, GATEWAY_TAKES_LESS);
  ck_till(&till, till_refund(&till, 500, "k"), SHOP_MISMATCH);
  ck_till(&till, till_refund(&till, 500, "k"), SHOP_MISMATCH);
  till_money(&till, TOTAL, 499);
  till_history(&till, BOUGHT " payment.refunded payment.mismatch");
  world_verify(till.world, 1);
  mood(&till, GATEWAY_OTHER_CURRENCY);
  ck_till(&till, till_refund(&till, 500, NULL), SHOP_UNKNOWN); /* which is a person's */
  till_money(&till, TOTAL, 499);
  ck_assert_int_eq(till_operation(&till, 2), SHOP_OPERATION_UNKNOWN);
  ck_in_attention(till.world);
  till_end_unbooked(&till, 3);
}
END_TEST

/* ---- cancelling --------------------------------------------------------------------------- */

START_TEST(cancel_captured) {
  struct till till = bought(TILL_OPERATIONS);
  shop_order_t *order;

  ck_till(&till, till_refund_pieces(&till, 999, 1), SHOP_OK);
  ck_till(&till, till_cancel(&till, "k"), SHOP_OK);
  till_stands(&till, SHOP_ORDER_CANCELLED, SHOP_PAYMENT_CAPTURED);
  till_money(&till, TOTAL, TOTAL);
  till_history(&till, BOUGHT " payment.refunded payment.refunded order.cancelled");
  ck_till(&till, till_cancel(&till, "k"), SHOP_OK);
  ck_till(&till, till_cancel(&till, NULL), SHOP_ERR_STATE);
  ck_assert_int_eq(till.world->gateway.refunds, 2);
  order = till_order(&till);
  ck_assert_int_ne(shop_order_placed_at_ms(order), 0);
  shop_order_free(order);
  till_end(&till, 0);
}
END_TEST

/* All was given back before: nothing more is asked of the gateway. */
START_TEST(cancel_refunded) {
  struct till till = bought(TILL_OPERATIONS);

  ck_till(&till, till_refund(&till, 0, NULL), SHOP_OK);
  ck_till(&till, till_cancel(&till, "k"), SHOP_OK);
  ck_till(&till, till_cancel(&till, "k"), SHOP_OK);
  till_stands(&till, SHOP_ORDER_CANCELLED, SHOP_PAYMENT_CAPTURED);
  ck_assert_int_eq(till.world->gateway.refunds, 1);
  till_end(&till, 0);
}
END_TEST

/* The cancellation's refund is refused, lost, or of another amount: the order stands until all is
   back. */
START_TEST(cancel_unfinished) {
  struct till till = bought(TILL_OPERATIONS);

  mood(&till, GATEWAY_DECLINES);
  ck_till(&till, till_cancel(&till, NULL), SHOP_DECLINED);
  till_stands(&till, SHOP_ORDER_PLACED, SHOP_PAYMENT_CAPTURED);
  mood(&till, GATEWAY_TAKES_LESS);
  ck_till(&till, till_cancel(&till, NULL), SHOP_MISMATCH);
  till_stands(&till, SHOP_ORDER_PLACED, SHOP_PAYMENT_CAPTURED);
  till_money(&till, TOTAL, TOTAL - 1);
  mood(&till, GATEWAY_LOSES_ANSWER);
  ck_till(&till, till_cancel(&till, NULL), SHOP_UNKNOWN);
  till_stands(&till, SHOP_ORDER_PLACED, SHOP_PAYMENT_CAPTURED);
  ck_refused(till.world, till_cancel(&till, NULL), SHOP_ERR_STATE);
  world_pass_ms(till.world, GATEWAY_LEASE_MS);
  mood(&till, GATEWAY_APPROVES);
  ck_assert_int_eq(world_recover(till.world).examined, 1);
  till_stands(&till, SHOP_ORDER_CANCELLED, SHOP_PAYMENT_CAPTURED);
  till_money(&till, TOTAL, TOTAL);
  till_end(&till, 0);
}
END_TEST

/* An order that cost nothing is cancelled at once, without a gateway, once. */
START_TEST(cancel_free) {
  struct world *world = world_new();
  struct till till = {.world = world};
  shop_order_t *order = NULL;

  world_put(world, "FREE", 0, "EUR", 4);
  till.token = world_shopper(world, "ada@example.org", "FREE", 3, &till.cart_id);
  ck_ok(world, world_purchase(world, till.token, till.cart_id, &(struct form){0}, &order));
  snprintf(till.number, sizeof till.number, "%s", shop_order_number(order));
  shop_order_free(order);
  ck_refused(world, till_refund(&till, 0, NULL), SHOP_ERR_STATE);
  ck_refused(world, till_capture(&till, 0, NULL), SHOP_ERR_STATE);
  ck_till(&till, till_cancel(&till, "k"), SHOP_OK);
  ck_assert_int_eq(world_available(world, "FREE"), 4);
  ck_till(&till, till_cancel(&till, "k"), SHOP_OK);
  ck_till(&till, till_cancel(&till, NULL), SHOP_ERR_STATE);
  ck_assert_int_eq(world_available(world, "FREE"), 4);
  till_end(&till, 0);
}
END_TEST

/* The way out of a mismatch: given back, the order fails, the cart is open, nobody has to look. */
START_TEST(cancel_mismatch) {
  static const enum gateway_mood moods[] = {GATEWAY_TAKES_LESS, GATEWAY_OTHER_CURRENCY};

  for (int i = 0; i < 2; i++) {
    struct till till = till_new(TILL_OPERATIONS);

    till_buy(&till, moods[i], SHOP_MISMATCH);
    till_stands(&till, SHOP_ORDER_PENDING, SHOP_PAYMENT_CAPTURED);
    world_verify(till.world, 1);
    ck_till(&till, till_cancel(&till, NULL), SHOP_OK);
    till_stands(&till, SHOP_ORDER_FAILED, SHOP_PAYMENT_CAPTURED);
    till_money(&till, i == 0 ? TOTAL - 1 : TOTAL, i == 0 ? TOTAL - 1 : TOTAL);
    world_verify(till.world, 0);
    ck_refused(till.world, till_cancel(&till, NULL), SHOP_ERR_STATE);
    till_buy(&till, GATEWAY_APPROVES, SHOP_OK);
    till_stands(&till, SHOP_ORDER_PLACED, SHOP_PAYMENT_CAPTURED);
    till_end_unbooked(&till, 0);
  }
}
END_TEST

/* The same by a refund, in parts. */
START_TEST(refund_mismatch) {
  struct till till = till_new(TILL_OPERATIONS);

  till_buy(&till, GATEWAY_TAKES_LESS, SHOP_MISMATCH);
  ck_refused(till.world, till_refund_pieces(&till, 500, 1), SHOP_ERR_STATE);
  ck_till(&till, till_refund(&till, 500, NULL), SHOP_OK);
  till_stands(&till, SHOP_ORDER_PENDING, SHOP_PAYMENT_CAPTURED);
  ck_till(&till, till_refund(&till, 0, NULL), SHOP_OK);
  till_stands(&till, SHOP_ORDER_FAILED, SHOP_PAYMENT_CAPTURED);
  till_end_unbooked(&till, 0);
}
END_TEST

/* Late money, given back by a cancellation or a refund; the cart that is open again is not touched.
 */
START_TEST(late_money) {
  for (int by_refund = 0; by_refund < 2; by_refund++) {
    struct till till = till_new(TILL_OPERATIONS);

    till_buy(&till, GATEWAY_DECLINES, SHOP_DECLINED);
    ck_report(&till, SHOP_OK, .key = till_key(&till, 0), .reference = "ch_late",
              .outcome = SHOP_OUTCOME_CAPTURED, .amount_minor = TOTAL);
    till_stands(&till, SHOP_ORDER_FAILED, SHOP_PAYMENT_CAPTURED);
    world_verify(till.world, 1);
    mood(&till, GATEWAY_DECLINES);
    ck_till(&till, by_refund ? till_refund(&till, 0, NULL) : till_cancel(&till, NULL),
            SHOP_DECLINED);
    mood(&till, GATEWAY_SILENT);
    ck_till(&till, by_refund ? till_refund(&till, 0, NULL) : till_cancel(&till, NULL),
            SHOP_UNKNOWN);
    ck_report(&till, SHOP_OK, .key = till_key(&till, 2), .reference = "re_1",
              .outcome = SHOP_OUTCOME_REFUNDED, .amount_minor = TOTAL);
    till_stands(&till, SHOP_ORDER_FAILED, SHOP_PAYMENT_CAPTURED);
    till_money(&till, TOTAL, TOTAL);
    till_end_unbooked(&till, 0);
  }
}
END_TEST

/* What is not final cannot be cancelled or refunded. */
START_TEST(too_early) {
  static const enum gateway_mood moods[] = {GATEWAY_SILENT, GATEWAY_PENDS, GATEWAY_ASKS_ACTION};

  for (int i = 0; i < 3; i++) {
    struct till till = till_new(TILL_OPERATIONS);

    till_buy(&till, moods[i], i == 0 ? SHOP_UNKNOWN : i == 1 ? SHOP_PENDING : SHOP_ACTION_REQUIRED);
    ck_refused(till.world, till_cancel(&till, NULL), SHOP_ERR_STATE);
    ck_refused(till.world, till_refund(&till, 0, NULL), SHOP_ERR_STATE);
    ck_refused(till.world, till_capture(&till, 0, NULL), SHOP_ERR_STATE);
    till_end(&till, 0);
  }
}
END_TEST

/* ---- keys ------------------------------------------------------------------------------------ */

/* One key, one refund; the key belongs to the call and to the whole request. */
START_TEST(refund_by_key) {
  struct till till = bought(TILL_OPERATIONS);

  ck_till(&till, till_refund(&till, 500, "k"), SHOP_OK);
  ck_till(&till, till_refund(&till, 500, "k"), SHOP_OK);
  world_reopen(till.world);
  ck_till(&till, till_refund(&till, 500, "k"), SHOP_OK);
  till_money(&till, TOTAL, 500);
  ck_refused(till.world, till_refund(&till, 501, "k"), SHOP_ERR_KEY_REUSED);
  ck_refused(till.world, till_refund(&till, 0, "k"), SHOP_ERR_KEY_REUSED);
  mood(&till, GATEWAY_DECLINES);
  ck_till(&till, till_refund(&till, 100, "k2"), SHOP_DECLINED);
  mood(&till, GATEWAY_APPROVES);
  ck_till(&till, till_refund(&till, 100, "k2"), SHOP_DECLINED); /* a new try needs a new key */
  ck_till(&till, till_refund(&till, 100, "k3"), SHOP_OK);
  ck_refused(till.world, till_refund(&till, 5000, "k4"), SHOP_ERR_AMOUNT);
  ck_till(&till, till_refund(&till, 100, "k4"), SHOP_OK); /* a refusal used nothing up */
  ck_till(&till, till_cancel(&till, "k"), SHOP_OK);       /* another call */
  till_end(&till, 0);
}
END_TEST

static struct till *asked_inside;
static int32_t inside_status;

static void ask_again(struct gateway *gateway, void *user) {
  (void)user;
  gateway->before_operation = NULL;
  inside_status = till_refund(asked_inside, 0, "k");
}

/* Asked again while the first one is at the gateway. */
START_TEST(refund_twice_at_once) {
  struct till till = bought(TILL_OPERATIONS);

  asked_inside = &till;
  till.world->gateway.before_operation = ask_again;
  ck_till(&till, till_refund(&till, 0, "k"), SHOP_OK);
  ck_assert_int_eq(inside_status, SHOP_IN_PROGRESS);
  ck_assert_int_eq(till.world->gateway.refunds, 1);
  till_money(&till, TOTAL, TOTAL);
  till_end(&till, 0);
}
END_TEST

struct racer {
  pthread_t thread;
  struct world *world;
  const char *number;
  int32_t status;
};

static void *race(void *user) {
  struct racer *racer = user;
  shop_refund_request_t *request = NULL;

  if (shop_refund_request_new(&request) == SHOP_OK)
    (void)shop_refund_request_set_amount(request, 600, "EUR");
  racer->status = shop_order_refund(racer->world->shop, racer->number, request, NULL, NULL, NULL);
  shop_refund_request_free(request);
  return NULL;
}

/* Eight at once, 600 each, of 1998: three are made, whoever they are. */
START_TEST(refunds_that_race) {
  struct till till = bought(TILL_OPERATIONS);
  struct racer racers[8];
  int done = 0;

  for (int i = 0; i < 8; i++) {
    racers[i] = (struct racer){.world = till.world, .number = till.number};
    ck_assert_int_eq(pthread_create(&racers[i].thread, NULL, race, &racers[i]), 0);
  }
  for (int i = 0; i < 8; i++) {
    pthread_join(racers[i].thread, NULL);
    ck_assert(racers[i].status == SHOP_OK || racers[i].status == SHOP_ERR_AMOUNT);
    done += racers[i].status == SHOP_OK;
  }
  ck_assert_int_eq(done, 3);
  ck_assert_int_eq(given_back(&till), 1800);
  till_money(&till, TOTAL, 1800);
  till_end(&till, 0);
}
END_TEST

int main(void) {
  const TTest *const tests[] = {
      several_parts,
      all_that_is_left,
      unfinished_ones_count,
      unanswered_then_recovered,
      wrong_requests,
      refused,
      no_piece_twice,
      refused_and_then_made,
      made_and_then_refused,
      made_elsewhere,
      own_refund_reported_by_the_charge,
      made_elsewhere_beside_an_unanswered_one,
      of_another_amount,
      cancel_captured,
      cancel_refunded,
      cancel_unfinished,
      cancel_free,
      cancel_mismatch,
      refund_mismatch,
      late_money,
      too_early,
      refund_by_key,
      refund_twice_at_once,
      refunds_that_race,
  };

  return HARNESS_RUN("payment: refund", tests);
}
