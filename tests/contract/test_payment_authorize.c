/* Money that is set aside: placed by it, captured in all or in part, once; freed by a
   cancellation; and what becomes of it when answers are lost, late, or others than asked for. */
#include "till.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PLACED_AUTHORIZED "order.created payment.authorized order.placed mail.sent"

static struct till authorized(int callbacks) {
  struct till till = till_new(callbacks);

  till_buy(&till, GATEWAY_AUTHORIZES, SHOP_OK);
  till_stands(&till, SHOP_ORDER_PLACED, SHOP_PAYMENT_AUTHORIZED);
  till_money(&till, 0, 0);
  return till;
}

static void captured(struct till *till, int64_t minor) {
  till_stands(till, SHOP_ORDER_PLACED, SHOP_PAYMENT_CAPTURED);
  till_money(till, minor, 0);
  ck_assert_int_eq(till_operation(till, 1), SHOP_OPERATION_DONE);
}

/* An authorization for the full total places the order: stock taken, mail sent. */
START_TEST(places_the_order) {
  struct till till = authorized(TILL_OPERATIONS);

  ck_assert_int_eq(till.world->transport.count, 1);
  ck_assert_int_eq(world_available(till.world, "TEA"), 3);
  till_history(&till, PLACED_AUTHORIZED);
  till_end(&till, 0);
}
END_TEST

/* Of another amount it does not: the order waits, a person must look; cancelling frees it. */
START_TEST(of_another_amount) {
  struct till till = till_new(TILL_OPERATIONS);

  till_buy(&till, GATEWAY_AUTHORIZES_LESS, SHOP_MISMATCH);
  till_stands(&till, SHOP_ORDER_PENDING, SHOP_PAYMENT_AUTHORIZED);
  world_verify(till.world, 1);
  ck_till(&till, till_capture(&till, 0, NULL), SHOP_ERR_STATE);
  ck_till(&till, till_abandon(&till), SHOP_ERR_STATE);
  ck_till(&till, till_cancel(&till, NULL), SHOP_OK);
  till_stands(&till, SHOP_ORDER_FAILED, SHOP_PAYMENT_VOIDED);
  ck_assert_int_eq(till.world->gateway.voids, 1);
  till_end(&till, 0); /* nobody has to look any more */
}
END_TEST

START_TEST(capture_all) {
  struct till till = authorized(TILL_OPERATIONS);
  shop_order_t *order;

  ck_till(&till, till_capture(&till, 0, NULL), SHOP_OK);
  captured(&till, TOTAL);
  order = till_order(&till);
  ck_assert_str_eq(shop_order_captured_currency(order), "EUR");
  ck_assert_str_eq(shop_order_operation_reference(order, 1), "cap_m2");
  ck_assert_str_eq(shop_order_gateway_reference(order), "ch_m1");
  ck_history(order, PLACED_AUTHORIZED " payment.captured");
  shop_order_free(order);
  ck_till(&till, till_capture(&till, 0, NULL), SHOP_ERR_STATE); /* there is one capture */
  ck_till(&till, till_capture(&till, 1, NULL), SHOP_ERR_STATE);
  ck_assert_int_eq(till.world->gateway.captures, 1);
  till_end(&till, 0);
}
END_TEST

/* A part is the merchant's decision: no mismatch; no more than it can go back. */
START_TEST(capture_a_part) {
  struct till till = authorized(TILL_OPERATIONS);

  ck_till(&till, till_capture(&till, -1, NULL), SHOP_ERR_ARGUMENT);
  ck_till(&till, till_capture(&till, TOTAL + 1, NULL), SHOP_ERR_AMOUNT);
  ck_assert_int_eq(till.world->gateway.captures, 0);
  ck_till(&till, till_capture(&till, 700, NULL), SHOP_OK);
  captured(&till, 700);
  world_verify(till.world, 0);
  ck_till(&till, till_refund(&till, 701, NULL), SHOP_ERR_AMOUNT);
  ck_till(&till, till_refund(&till, 700, NULL), SHOP_OK);
  till_money(&till, 700, 700);
  till_end(&till, 0);
}
END_TEST

/* Refused: nothing has changed, it can be tried again. */
START_TEST(capture_refused) {
  struct till till = authorized(TILL_OPERATIONS);

  till.world->gateway.operation_mood = GATEWAY_DECLINES;
  ck_till(&till, till_capture(&till, 0, NULL), SHOP_DECLINED);
  till_stands(&till, SHOP_ORDER_PLACED, SHOP_PAYMENT_AUTHORIZED);
  till_history(&till, PLACED_AUTHORIZED " capture.refused");
  till.world->gateway.operation_mood = GATEWAY_APPROVES;
  ck_till(&till, till_capture(&till, 0, NULL), SHOP_OK);
  till_money(&till, TOTAL, 0);
  till_end(&till, 0);
}
END_TEST

/* The answer is lost: no second capture, no void beside it; recovery asks under the same key. */
START_TEST(capture_unanswered) {
  for (int with_query = 0; with_query < 2; with_query++) {
    struct till till = authorized(TILL_OPERATIONS | with_query);

    till.world->gateway.operation_mood = GATEWAY_LOSES_ANSWER;
    ck_till(&till, till_capture(&till, 700, NULL), SHOP_UNKNOWN);
    till_stands(&till, SHOP_ORDER_PLACED, SHOP_PAYMENT_AUTHORIZED);
    ck_assert_int_eq(till_operation(&till, 1), SHOP_OPERATION_SENT);
    ck_till(&till, till_capture(&till, 700, NULL), SHOP_ERR_STATE);
    ck_till(&till, till_cancel(&till, NULL), SHOP_ERR_STATE);
    world_verify(till.world, 0);
    till.world->gateway.operation_mood = GATEWAY_APPROVES;
    ck_assert_int_eq(world_recover(till.world).examined, 0); /* the call has its time */
    world_pass_ms(till.world, GATEWAY_LEASE_MS);
    ck_assert_int_eq(world_recover(till.world).examined, 1);
    captured(&till, 700);
    ck_assert_int_eq(till.world->gateway.captures, with_query ? 1 : 2);
    ck_assert_int_eq(
        gateway_moved(&till.world->gateway, SHOP_OPERATION_CAPTURE, till_key(&till, 0)), 700);
    till_end(&till, 0);
  }
}
END_TEST

/* Unanswered for longer than the key lives: a person's, who decides. */
START_TEST(capture_unknown) {
  static const int32_t decisions[] = {SHOP_OUTCOME_CAPTURED, SHOP_OUTCOME_DECLINED};

  for (int i = 0; i < 2; i++) {
    struct till till = authorized(TILL_OPERATIONS);

    till.world->gateway.operation_mood = GATEWAY_SILENT;
    ck_till(&till, till_capture(&till, 0, NULL), SHOP_UNKNOWN);
    ck_till(&till, till_resolve(&till, decisions[i], "x", TOTAL), SHOP_ERR_STATE); /* not yet */
    world_pass_ms(till.world, KEY_LIFE_MS);
    ck_recovered(till.world, .examined = 1, .unknown = 1);
    ck_assert_int_eq(till.world->gateway.captures, 1);
    ck_assert_int_eq(till_operation(&till, 1), SHOP_OPERATION_UNKNOWN);
    world_verify(till.world, 1);
    ck_till(&till, till_capture(&till, 0, NULL), SHOP_ERR_STATE);
    ck_till(&till, till_resolve(&till, SHOP_OUTCOME_VOIDED, NULL, 0), SHOP_ERR_ARGUMENT);
    ck_till(&till, till_resolve(&till, SHOP_OUTCOME_AUTHORIZED, "x", TOTAL), SHOP_ERR_ARGUMENT);
    ck_till(&till, till_resolve(&till, SHOP_OUTCOME_REFUNDED, "x", TOTAL), SHOP_ERR_ARGUMENT);
    ck_till(&till, till_resolve(&till, decisions[i], "cap_x", i == 0 ? TOTAL : 0), SHOP_OK);
    till_money(&till, i == 0 ? TOTAL : 0, 0);
    if (i == 1) {
      till.world->gateway.operation_mood = GATEWAY_APPROVES;
      ck_till(&till, till_capture(&till, 0, NULL), SHOP_OK);
    }
    till_stands(&till, SHOP_ORDER_PLACED, SHOP_PAYMENT_CAPTURED);
    till_money(&till, TOTAL, 0);
    till_end_unbooked(&till, 0);
  }
}
END_TEST

/* Another amount, or another currency, was captured: recorded as it was taken; the order stands,
   a person must look, and no audit calls it a crime. */
START_TEST(capture_of_another_amount) {
  static const enum gateway_mood moods[] = {GATEWAY_TAKES_LESS, GATEWAY_OTHER_CURRENCY};

  for (int i = 0; i < 2; i++) {
    struct till till = authorized(TILL_OPERATIONS);
    shop_order_t *order;

    till.world->gateway.operation_mood = moods[i];
    ck_till(&till, till_capture(&till, 1000, "k"), SHOP_MISMATCH);
    captured(&till, i == 0 ? 999 : 1000);
    ck_till(&till, till_capture(&till, 1000, "k"), SHOP_MISMATCH);
    order = till_order(&till);
    ck_assert(shop_order_has_mismatch(order));
    ck_assert_str_eq(shop_order_captured_currency(order), i == 0 ? "EUR" : "USD");
    ck_history(order, PLACED_AUTHORIZED " payment.captured payment.mismatch");
    shop_order_free(order);
    world_verify(till.world, 1);
    till.world->gateway.operation_mood = GATEWAY_APPROVES;
    ck_till(&till, till_cancel(&till, NULL), SHOP_OK); /* the way out */
    till_stands(&till, SHOP_ORDER_CANCELLED, SHOP_PAYMENT_CAPTURED);
    till_end_unbooked(&till, 0);
  }
}
END_TEST

static void report_inside(struct gateway *gateway, void *user) {
  struct till *till = user;

  gateway->after_operation = NULL;
  ck_report(till, SHOP_OK, .key = till_key(till, 0), .reference = "ch_m1",
            .outcome = SHOP_OUTCOME_CAPTURED, .amount_minor = 700);
}

/* The gateway's report names the charge, as most do, and comes before the capture's own answer, or
   instead of it: it is the news of that capture, of part of the money, and no mismatch. */
START_TEST(a_report_about_the_charge_is_of_the_capture) {
  struct till till = authorized(TILL_OPERATIONS);

  till.world->gateway.after_operation = report_inside;
  till.world->gateway.hook_user = &till;
  ck_till(&till, till_capture(&till, 700, NULL), SHOP_OK);
  captured(&till, 700);
  ck_report(&till, SHOP_OK, .key = till_key(&till, 1), .reference = "cap_m2",
            .outcome = SHOP_OUTCOME_CAPTURED, .amount_minor = 700);
  ck_report(&till, SHOP_OK, .key = till_key(&till, 0), .outcome = SHOP_OUTCOME_CAPTURED,
            .amount_minor = 700);
  ck_report(&till, SHOP_OK, .reference = "cap_m2", .outcome = SHOP_OUTCOME_CAPTURED,
            .amount_minor = 700);
  till_history(&till, PLACED_AUTHORIZED " payment.captured");
  till_end(&till, 0);
  till = authorized(TILL_OPERATIONS);
  till.world->gateway.operation_mood = GATEWAY_LOSES_ANSWER;
  ck_till(&till, till_capture(&till, 700, NULL), SHOP_UNKNOWN);
  ck_report(&till, SHOP_OK, .reference = "ch_m1", .outcome = SHOP_OUTCOME_CAPTURED,
            .amount_minor = 700);
  captured(&till, 700);
  world_pass_ms(till.world, GATEWAY_LEASE_MS);
  ck_recovered(till.world, 0);
  till_end(&till, 0);
}
END_TEST

/* Captured in the gateway's own pages: all of it is as good as by a call; a part of it is shown to
   a person, and is no crime. */
START_TEST(captured_by_hand_at_the_gateway) {
  struct till till = authorized(TILL_OPERATIONS);

  ck_report(&till, SHOP_OK, .reference = "ch_m1", .outcome = SHOP_OUTCOME_CAPTURED,
            .amount_minor = TOTAL);
  till_stands(&till, SHOP_ORDER_PLACED, SHOP_PAYMENT_CAPTURED);
  ck_till(&till, till_capture(&till, 0, NULL), SHOP_ERR_STATE);
  till_end_unbooked(&till, 0);
  till = authorized(TILL_OPERATIONS);
  ck_report(&till, SHOP_MISMATCH, .reference = "ch_m1", .outcome = SHOP_OUTCOME_CAPTURED,
            .amount_minor = 700);
  till_stands(&till, SHOP_ORDER_PLACED, SHOP_PAYMENT_CAPTURED);
  till_money(&till, 700, 0);
  till_end_unbooked(&till, 1);
}
END_TEST

/* Two captures told of: the second is not dropped, and ends its operation. */
START_TEST(captured_by_hand_and_by_call) {
  struct till till = authorized(TILL_OPERATIONS);

  till.world->gateway.operation_mood = GATEWAY_DECLINES;
  ck_till(&till, till_capture(&till, 700, NULL), SHOP_DECLINED);
  ck_report(&till, SHOP_OK, .reference = "ch_m1", .outcome = SHOP_OUTCOME_CAPTURED,
            .amount_minor = TOTAL);
  ck_report(&till, SHOP_CONTRADICTION, .key = till_key(&till, 1), .reference = "cap_x",
            .outcome = SHOP_OUTCOME_CAPTURED, .amount_minor = 700);
  till_money(&till, TOTAL, 0);
  world_pass_ms(till.world, GATEWAY_LEASE_MS);
  ck_recovered(till.world, 0);
  till_end_unbooked(&till, 1);
}
END_TEST

/* Cancelled: freed at the gateway, the pieces are back, the mail is not repeated. */
START_TEST(cancel_frees_it) {
  struct till till = authorized(TILL_OPERATIONS);

  ck_till(&till, till_cancel(&till, NULL), SHOP_OK);
  till_stands(&till, SHOP_ORDER_CANCELLED, SHOP_PAYMENT_VOIDED);
  till_history(&till, PLACED_AUTHORIZED " payment.voided order.cancelled");
  ck_till(&till, till_cancel(&till, NULL), SHOP_ERR_STATE);
  ck_till(&till, till_capture(&till, 0, NULL), SHOP_ERR_STATE);
  ck_till(&till, till_refund(&till, 0, NULL), SHOP_ERR_STATE);
  ck_assert_int_eq(till.world->gateway.voids, 1);
  ck_assert_int_eq(transport_count(&till.world->transport, SHOP_MAIL_CONFIRMATION), 1);
  till_end(&till, 0);
}
END_TEST

/* The void is refused, or its answer is lost: the order stands until it is confirmed. */
START_TEST(cancel_unconfirmed) {
  struct till till = authorized(TILL_OPERATIONS);

  till.world->gateway.operation_mood = GATEWAY_DECLINES;
  ck_till(&till, till_cancel(&till, NULL), SHOP_DECLINED);
  till_stands(&till, SHOP_ORDER_PLACED, SHOP_PAYMENT_AUTHORIZED);
  till.world->gateway.operation_mood = GATEWAY_SILENT;
  ck_till(&till, till_cancel(&till, NULL), SHOP_UNKNOWN);
  till_stands(&till, SHOP_ORDER_PLACED, SHOP_PAYMENT_AUTHORIZED);
  ck_till(&till, till_capture(&till, 0, NULL), SHOP_ERR_STATE); /* not beside a void */
  till.world->gateway.operation_mood = GATEWAY_APPROVES;
  world_pass_ms(till.world, GATEWAY_LEASE_MS);
  ck_assert_int_eq(world_recover(till.world).examined, 1);
  till_stands(&till, SHOP_ORDER_CANCELLED, SHOP_PAYMENT_VOIDED);
  till_end(&till, 0);
}
END_TEST

/* "Too late, it was taken": the money is recorded, the order stands. */
START_TEST(cancel_too_late) {
  struct till till = authorized(TILL_OPERATIONS);

  till.world->gateway.operation_mood = GATEWAY_TOO_LATE;
  ck_till(&till, till_cancel(&till, NULL), SHOP_DECLINED);
  till_stands(&till, SHOP_ORDER_PLACED, SHOP_PAYMENT_CAPTURED);
  till_money(&till, TOTAL, 0);
  till_end_unbooked(&till, 0);
}
END_TEST

/* Money that comes for a cancelled order is late money: recorded, shown, no crime, and can be given
   back by cancelling once more. Old news of the authorization itself changes nothing. */
START_TEST(late_capture_after_a_cancellation) {
  struct till till = authorized(TILL_OPERATIONS);
  shop_order_t *order;

  ck_till(&till, till_cancel(&till, NULL), SHOP_OK);
  ck_report(&till, SHOP_OK, .key = till_key(&till, 0), .reference = "ch_m1",
            .outcome = SHOP_OUTCOME_AUTHORIZED, .amount_minor = TOTAL);
  till_stands(&till, SHOP_ORDER_CANCELLED, SHOP_PAYMENT_VOIDED);
  world_verify(till.world, 0);
  ck_report(&till, SHOP_OK, .key = till_key(&till, 0), .reference = "ch_m1",
            .outcome = SHOP_OUTCOME_CAPTURED, .amount_minor = TOTAL);
  till_stands(&till, SHOP_ORDER_CANCELLED, SHOP_PAYMENT_CAPTURED);
  till_money(&till, TOTAL, 0);
  order = till_order(&till);
  ck_assert(shop_order_has_late_money(order));
  shop_order_free(order);
  world_verify(till.world, 1);
  till.world->gateway.operation_mood = GATEWAY_DECLINES;
  ck_till(&till, till_cancel(&till, NULL), SHOP_DECLINED);
  ck_report(&till, SHOP_OK, .reference = "re_by_hand", .key = till_key(&till, 0),
            .outcome = SHOP_OUTCOME_REFUNDED, .amount_minor = TOTAL);
  till_money(&till, TOTAL, TOTAL);
  till_stands(&till, SHOP_ORDER_CANCELLED, SHOP_PAYMENT_CAPTURED);
  till_end_unbooked(&till, 0);
}
END_TEST

/* The capture's answer was on its way while the gateway let the authorization lapse. */
START_TEST(capture_that_comes_after_a_void) {
  struct till till = authorized(TILL_OPERATIONS);

  till.world->gateway.operation_mood = GATEWAY_LOSES_ANSWER;
  ck_till(&till, till_capture(&till, 0, NULL), SHOP_UNKNOWN);
  ck_report(&till, SHOP_OK, .key = till_key(&till, 0), .outcome = SHOP_OUTCOME_VOIDED);
  till_stands(&till, SHOP_ORDER_CANCELLED, SHOP_PAYMENT_VOIDED);
  world_pass_ms(till.world, GATEWAY_LEASE_MS);
  till.world->gateway.operation_mood = GATEWAY_APPROVES;
  ck_assert_int_eq(world_recover(till.world).examined, 1);
  till_stands(&till, SHOP_ORDER_CANCELLED, SHOP_PAYMENT_CAPTURED);
  till_money(&till, TOTAL, 0);
  world_verify(till.world, 1);
  ck_till(&till, till_cancel(&till, NULL), SHOP_OK);
  till_money(&till, TOTAL, TOTAL);
  till_stands(&till, SHOP_ORDER_CANCELLED, SHOP_PAYMENT_CAPTURED);
  till_end(&till, 0);
}
END_TEST

/* A void that is confirmed after the money was captured: a person's, and not asked for ever. */
START_TEST(void_confirmed_after_a_capture) {
  struct till till = authorized(TILL_OPERATIONS);

  till.world->gateway.operation_mood = GATEWAY_LOSES_ANSWER;
  ck_till(&till, till_cancel(&till, NULL), SHOP_UNKNOWN);
  ck_report(&till, SHOP_OK, .key = till_key(&till, 0), .reference = "ch_m1",
            .outcome = SHOP_OUTCOME_CAPTURED, .amount_minor = TOTAL);
  till_stands(&till, SHOP_ORDER_PLACED, SHOP_PAYMENT_CAPTURED);
  till.world->gateway.operation_mood = GATEWAY_APPROVES;
  for (int i = 0; i < 3; i++) {
    world_pass_ms(till.world, GATEWAY_LEASE_MS);
    ck_assert_int_eq(world_recover(till.world).examined, i == 0);
  }
  till_stands(&till, SHOP_ORDER_PLACED, SHOP_PAYMENT_CAPTURED);
  till_history(&till, PLACED_AUTHORIZED " payment.captured payment.contradiction");
  till_end_unbooked(&till, 1);
}
END_TEST

/* Only what is waited for can be abandoned; not what is placed. */
START_TEST(not_abandoned) {
  struct till till = authorized(TILL_OPERATIONS);

  ck_till(&till, till_abandon(&till), SHOP_ERR_STATE);
  ck_till(&till, till_resume(&till), SHOP_OK);
  ck_assert_int_eq(till.world->gateway.voids, 0);
  till_end(&till, 0);
}
END_TEST

/* An old authorization is a finding, from its last day on; a captured one is not. */
START_TEST(authorization_expires) {
  struct till till = authorized(TILL_OPERATIONS);
  char *found;

  world_pass_ms(till.world, AUTHORIZATION_MS - 1);
  world_verify(till.world, 0);
  world_pass_ms(till.world, 1);
  found = world_findings(till.world);
  ck_assert_str_eq(found, "A order #: its authorization is old and may have expired\n");
  free(found);
  ck_recovered(till.world, 0); /* nothing is done about it by itself */
  ck_till(&till, till_capture(&till, 0, NULL), SHOP_OK);
  till_end(&till, 0);
}
END_TEST

/* No callback, no operation; an unknown order; nothing authorized. */
START_TEST(refusals) {
  struct till till = authorized(TILL_CHARGE);

  ck_refused(till.world, till_capture(&till, 0, NULL), SHOP_ERR_NO_GATEWAY);
  ck_refused(till.world, till_cancel(&till, NULL), SHOP_ERR_NO_GATEWAY);
  ck_refused(till.world,
             shop_order_capture(till.world->shop, "0123456789AB", 0, NULL, NULL, till.world->err),
             SHOP_ERR_NOT_FOUND);
  ck_refused(till.world, shop_order_capture(till.world->shop, NULL, 0, NULL, NULL, till.world->err),
             SHOP_ERR_ARGUMENT);
  till_end(&till, 0);
  till = till_new(TILL_OPERATIONS);
  till_buy(&till, GATEWAY_DECLINES, SHOP_DECLINED);
  ck_refused(till.world, till_capture(&till, 0, NULL), SHOP_ERR_STATE); /* of a declined payment */
  ck_refused(till.world, till_cancel(&till, NULL), SHOP_ERR_STATE);
  till_end(&till, 0);
  till = till_new(TILL_OPERATIONS);
  till_buy(&till, GATEWAY_APPROVES, SHOP_OK);
  ck_refused(till.world, till_capture(&till, 0, NULL), SHOP_ERR_STATE);
  till_end(&till, 0);
}
END_TEST

/* One key, one capture; another amount is another request. */
START_TEST(capture_by_key) {
  struct till till = authorized(TILL_OPERATIONS);

  till.world->gateway.operation_mood = GATEWAY_LOSES_ANSWER;
  ck_till(&till, till_capture(&till, 700, "k"), SHOP_UNKNOWN);
  ck_till(&till, till_capture(&till, 700, "k"), SHOP_IN_PROGRESS);
  ck_refused(till.world, till_capture(&till, 701, "k"), SHOP_ERR_KEY_REUSED);
  ck_assert_int_eq(till.world->gateway.captures, 1);
  till.world->gateway.operation_mood = GATEWAY_APPROVES;
  world_pass_ms(till.world, GATEWAY_LEASE_MS);
  ck_assert_int_eq(world_recover(till.world).examined, 1);
  ck_till(&till, till_capture(&till, 700, "k"), SHOP_OK);
  world_reopen(till.world);
  ck_till(&till, till_capture(&till, 700, "k"), SHOP_OK);
  till_money(&till, 700, 0);
  till_end(&till, 0);
}
END_TEST

int main(void) {
  const TTest *const tests[] = {
      places_the_order,
      of_another_amount,
      capture_all,
      capture_a_part,
      capture_refused,
      capture_unanswered,
      capture_unknown,
      capture_of_another_amount,
      a_report_about_the_charge_is_of_the_capture,
      captured_by_hand_at_the_gateway,
      captured_by_hand_and_by_call,
      cancel_frees_it,
      cancel_unconfirmed,
      cancel_too_late,
      late_capture_after_a_cancellation,
      capture_that_comes_after_a_void,
      void_confirmed_after_a_capture,
      not_abandoned,
      authorization_expires,
      refusals,
      capture_by_key,
  };

  return HARNESS_RUN("payment: authorize", tests);
}
