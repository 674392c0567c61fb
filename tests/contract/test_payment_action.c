/* Payments that wait: for the shopper (3-D Secure, a redirect) or for the gateway. Resumed,
   abandoned, held too long; and never given up without a confirmed void. */
#include "till.h"

#include <stdio.h>
#include <string.h>

#define CLIENT_DATA "https://bank.example/3ds?a=1"
#define BOTH (TILL_QUERY | TILL_OPERATIONS)

/* What waits: for the shopper, or for the gateway. */
struct waiting {
  enum gateway_mood mood;
  int32_t status;
  int32_t payment;
  const char *history;
};
static const struct waiting WAITING[] = {
    {GATEWAY_ASKS_ACTION, SHOP_ACTION_REQUIRED, SHOP_PAYMENT_ACTION_REQUIRED,
     "order.created payment.action_required"},
    {GATEWAY_PENDS, SHOP_PENDING, SHOP_PAYMENT_PENDING, "order.created payment.pending"},
};
#define EACH_WAITING (const struct waiting *waiting = WAITING; waiting < WAITING + 2; waiting++)

static struct till waiting_till(const struct waiting *waiting, int callbacks) {
  struct till till = till_new(callbacks);

  till_buy(&till, waiting->mood, waiting->status);
  till.world->gateway.query_mood = waiting->mood;
  till_stands(&till, SHOP_ORDER_PENDING, waiting->payment);
  return till;
}

static void mood(struct till *till, enum gateway_mood mood) {
  till->world->gateway.operation_mood = mood;
}

static void client_data(struct till *till, const char *wanted) {
  shop_order_t *order = till_order(till);

  ck_assert_str_eq(shop_order_client_data(order), wanted);
  shop_order_free(order);
}

/* ---- resume ---------------------------------------------------------------------------- */

/* What the shopper's side needs is kept, also over a restart, until the payment is final. */
START_TEST(client_data_is_kept) {
  static const enum gateway_mood ends[] = {GATEWAY_AUTHORIZES, GATEWAY_DECLINES, GATEWAY_PENDS};
  static const int32_t statuses[] = {SHOP_OK, SHOP_DECLINED, SHOP_PENDING};

  for (int i = 0; i < 3; i++) {
    struct till till = waiting_till(&WAITING[0], BOTH);
    shop_order_t *order = NULL;

    client_data(&till, CLIENT_DATA);
    world_reopen(till.world);
    client_data(&till, CLIENT_DATA);
    ck_till(&till, till_resume(&till), SHOP_ACTION_REQUIRED);
    client_data(&till, CLIENT_DATA);
    ck_status(till.world,
              shop_purchase(till.world->shop, till.token, till.cart_id, NULL, NULL, &order,
                            till.world->err),
              SHOP_ACTION_REQUIRED); /* the cart's living order */
    ck_assert_str_eq(shop_order_client_data(order), CLIENT_DATA);
    shop_order_free(order);
    till.world->gateway.query_mood = ends[i];
    if (ends[i] == GATEWAY_AUTHORIZES) {
      till.world->gateway.query_mood = GATEWAY_APPROVES;
      ck_report(&till, SHOP_OK, .key = till_key(&till, 0), .reference = "ch_3ds",
                .outcome = SHOP_OUTCOME_AUTHORIZED, .amount_minor = TOTAL);
    }
    ck_till(&till, till_resume(&till), statuses[i]);
    client_data(&till, "");
    ck_assert_int_eq(till.world->gateway.charges, 1);
    till_end_unbooked(&till, 0);
  }
}
END_TEST

/* Without a query the charge is asked for again under its own key: charged once. */
START_TEST(resumed_by_the_same_charge) {
  for
    EACH_WAITING {
      struct till till = waiting_till(waiting, TILL_OPERATIONS);
      char key[80];

      snprintf(key, sizeof key, "%s", till.world->gateway.last_key);
      till.world->gateway.mood = GATEWAY_APPROVES;
      ck_till(&till, till_resume(&till), SHOP_OK);
      ck_assert_int_eq(till.world->gateway.charges, 2);
      ck_assert_str_eq(till.world->gateway.last_key, key);
      ck_assert_int_eq(till.world->gateway.count, 1);
      ck_till(&till, till_resume(&till), SHOP_OK); /* final: nobody is asked */
      ck_assert_int_eq(till.world->gateway.charges, 2);
      till_stands(&till, SHOP_ORDER_PLACED, SHOP_PAYMENT_CAPTURED);
      till_end(&till, 0);
    }
}
END_TEST

static struct till *inside;
static int32_t inside_status;

static void resume_inside(struct gateway *gateway, void *user) {
  (void)user;
  gateway->before = NULL;
  world_text(inside->world, "SELECT number FROM orders", inside->number, sizeof inside->number);
  inside_status = till_resume(inside);
}

/* While a call has the charge in hand, resuming asks nobody. */
START_TEST(resume_while_it_is_asked) {
  struct till till = till_new(TILL_OPERATIONS);

  inside = &till;
  till.world->gateway.before = resume_inside;
  till_buy(&till, GATEWAY_APPROVES, SHOP_OK);
  ck_assert_int_eq(inside_status, SHOP_IN_PROGRESS);
  ck_assert_int_eq(till.world->gateway.charges, 1);
  till_end(&till, 0);
}
END_TEST

/* Only one's own, and with a good token. */
START_TEST(not_a_strangers) {
  struct till till = waiting_till(&WAITING[0], BOTH);
  shop_token_t *eve = world_register(till.world, "eve@example.org");
  shop_order_t *order = NULL;

  ck_refused(
      till.world,
      shop_purchase_resume(till.world->shop, eve, till.number, NULL, &order, till.world->err),
      SHOP_ERR_NOT_FOUND);
  ck_refused(
      till.world,
      shop_purchase_abandon(till.world->shop, eve, till.number, NULL, &order, till.world->err),
      SHOP_ERR_NOT_FOUND);
  ck_refused(till.world,
             shop_purchase_resume(till.world->shop, till.token, "0123456789AB", NULL, &order,
                                  till.world->err),
             SHOP_ERR_NOT_FOUND);
  ck_refused(
      till.world,
      shop_purchase_resume(till.world->shop, till.token, till.number, NULL, NULL, till.world->err),
      SHOP_ERR_ARGUMENT);
  ck_refused(
      till.world,
      shop_purchase_abandon(till.world->shop, till.token, NULL, NULL, &order, till.world->err),
      SHOP_ERR_ARGUMENT);
  ck_ok(till.world, shop_token_revoke(till.world->shop, till.token, NULL, till.world->err));
  ck_refused(till.world, till_resume(&till), SHOP_ERR_TOKEN_REVOKED);
  ck_refused(till.world, till_abandon(&till), SHOP_ERR_TOKEN_REVOKED);
  ck_assert_int_eq(till.world->gateway.queries + till.world->gateway.voids, 0);
  shop_token_free(eve);
  shop_token_free(till.token);
  till.token = NULL;
  till_end(&till, 0);
}
END_TEST

/* ---- abandon ---------------------------------------------------------------------------- */

/* Given up: voided at the gateway, then the cart is open and can be bought anew. */
START_TEST(abandoned) {
  for
    EACH_WAITING {
      struct till till = waiting_till(waiting, BOTH);
      char history[200];

      ck_till(&till, till_abandon(&till), SHOP_OK);
      till_stands(&till, SHOP_ORDER_FAILED, SHOP_PAYMENT_VOIDED);
      snprintf(history, sizeof history, "%s payment.voided order.failed", waiting->history);
      till_history(&till, history);
      client_data(&till, "");
      ck_assert_int_eq(till.world->gateway.voids, 1);
      ck_till(&till, till_abandon(&till), SHOP_ERR_STATE);
      ck_till(&till, till_resume(&till), SHOP_DECLINED);
      ck_assert_int_eq(till.world->gateway.queries, 0);
      till_buy(&till, GATEWAY_APPROVES, SHOP_OK);
      till_end(&till, 0);
    }
}
END_TEST

/* A charge without any answer may be with the gateway at this moment, so only recovery may end it;
   and what nobody knows is a person's. */
START_TEST(not_while_it_is_asked) {
  struct till till = till_new(TILL_OPERATIONS);

  till_buy(&till, GATEWAY_SILENT, SHOP_UNKNOWN);
  ck_refused(till.world, till_abandon(&till), SHOP_ERR_STATE);
  world_pass_ms(till.world, 2 * KEY_LIFE_MS);
  ck_refused(till.world, till_abandon(&till), SHOP_ERR_STATE);
  mood(&till, GATEWAY_SILENT);
  (void)world_recover(till.world);
  ck_refused(till.world, till_abandon(&till), SHOP_ERR_STATE);
  ck_assert_int_eq(till.world->gateway.voids, 1); /* recovery's */
  till_stands(&till, SHOP_ORDER_PENDING, SHOP_PAYMENT_SENT);
  till_end(&till, 1);
}
END_TEST

/* Not confirmed, so not given up: refused, lost, pending, or nothing to ask with. */
START_TEST(not_without_a_confirmed_void) {
  static const enum gateway_mood moods[] = {GATEWAY_DECLINES, GATEWAY_SILENT, GATEWAY_PENDS,
                                            GATEWAY_SAYS_UNKNOWN, GATEWAY_CONTRADICTS};
  static const int32_t statuses[] = {SHOP_DECLINED, SHOP_UNKNOWN, SHOP_PENDING, SHOP_UNKNOWN,
                                     SHOP_UNKNOWN};

  for
    EACH_WAITING {
      struct till till = waiting_till(waiting, TILL_QUERY);

      ck_refused(till.world, till_abandon(&till), SHOP_ERR_NO_GATEWAY);
      till_end(&till, 0);
      for (int i = 0; i < 5; i++) {
        till = waiting_till(waiting, BOTH);
        mood(&till, moods[i]);
        ck_till(&till, till_abandon(&till), statuses[i]);
        till_stands(&till, SHOP_ORDER_PENDING, waiting->payment);
        if (i == 0) { /* refused: the payment goes on */
          mood(&till, GATEWAY_APPROVES);
          ck_till(&till, till_abandon(&till), SHOP_OK);
        } else {
          ck_till(&till, till_abandon(&till), SHOP_ERR_STATE); /* one void at a time */
          till.world->gateway.query_mood = GATEWAY_APPROVES;
          mood(&till, GATEWAY_APPROVES);
          ck_report(&till, SHOP_OK, .key = till_key(&till, 1), .outcome = SHOP_OUTCOME_VOIDED);
        }
        till_stands(&till, SHOP_ORDER_FAILED, SHOP_PAYMENT_VOIDED);
        till_end(&till, 0);
      }
    }
}
END_TEST

/* "It was taken": the order is placed, the shopper is told that it is too late. */
START_TEST(abandoned_too_late) {
  for
    EACH_WAITING {
      struct till till = waiting_till(waiting, BOTH);

      mood(&till, GATEWAY_TOO_LATE);
      ck_till(&till, till_abandon(&till), SHOP_CONTRADICTION);
      till_stands(&till, SHOP_ORDER_PLACED, SHOP_PAYMENT_CAPTURED);
      till_money(&till, TOTAL, 0);
      ck_assert_int_eq(till_operation(&till, 1), SHOP_OPERATION_REFUSED);
      ck_assert_int_eq(till.world->transport.count, 1);
      till_end_unbooked(&till, 0);
    }
}
END_TEST

static void pay_inside(struct gateway *gateway, void *user) {
  struct till *till = user;

  gateway->after_operation = NULL;
  ck_report(till, SHOP_OK, .key = till_key(till, 0), .reference = "ch_x",
            .outcome = SHOP_OUTCOME_CAPTURED, .amount_minor = TOTAL);
  ck_assert_int_eq(till_abandon(till), SHOP_ERR_STATE);
}

/* The shopper pays while the void is on its way, and the void is confirmed all the same: the money
   is not forgotten, a person is told. */
START_TEST(paid_while_abandoned) {
  struct till till = waiting_till(&WAITING[0], BOTH);

  till.world->gateway.after_operation = pay_inside;
  till.world->gateway.hook_user = &till;
  ck_till(&till, till_abandon(&till), SHOP_OK); /* the void itself is done */
  till_stands(&till, SHOP_ORDER_PLACED, SHOP_PAYMENT_CAPTURED);
  till_money(&till, TOTAL, 0);
  till_end_unbooked(&till, 1);
}
END_TEST

/* The void was confirmed, and the money comes after it: late, on the failed order. */
START_TEST(paid_after_it_was_abandoned) {
  struct till till = waiting_till(&WAITING[0], BOTH);
  shop_order_t *order;

  ck_till(&till, till_abandon(&till), SHOP_OK);
  ck_report(&till, SHOP_OK, .key = till_key(&till, 0), .reference = "ch_x",
            .outcome = SHOP_OUTCOME_AUTHORIZED, .amount_minor = TOTAL);
  till_stands(&till, SHOP_ORDER_FAILED, SHOP_PAYMENT_AUTHORIZED);
  ck_report(&till, SHOP_OK, .key = till_key(&till, 0), .reference = "ch_x",
            .outcome = SHOP_OUTCOME_CAPTURED, .amount_minor = TOTAL);
  till_stands(&till, SHOP_ORDER_FAILED, SHOP_PAYMENT_CAPTURED);
  order = till_order(&till);
  ck_assert(shop_order_has_late_money(order));
  shop_order_free(order);
  till_end_unbooked(&till, 1);
}
END_TEST

/* ---- the hold ------------------------------------------------------------------------------ */

/* Held until its last moment; then recovery asks, and voids what is still not final. */
START_TEST(held_too_long) {
  for
    EACH_WAITING {
      struct till till = waiting_till(waiting, BOTH);

      world_pass_ms(till.world, HOLD_MS - 1);
      ck_recovered(till.world, .examined = 1, .waiting = 1);
      ck_assert_int_eq(till.world->gateway.voids, 0);
      till_stands(&till, SHOP_ORDER_PENDING, waiting->payment);
      world_pass_ms(till.world, GATEWAY_LEASE_MS);
      ck_recovered(till.world, .examined = 1, .failed = 1);
      ck_assert_int_eq(till.world->gateway.voids, 1);
      till_stands(&till, SHOP_ORDER_FAILED, SHOP_PAYMENT_VOIDED);
      ck_recovered(till.world, 0);
      till_end(&till, 0);
    }
}
END_TEST

/* Paid at the last moment: the query says so, nothing is voided. */
START_TEST(paid_at_the_last_moment) {
  for
    EACH_WAITING {
      struct till till = waiting_till(waiting, BOTH);
      struct gateway *gateway = &till.world->gateway;

      world_pass_ms(till.world, HOLD_MS);
      gateway->query_mood = GATEWAY_APPROVES;
      gateway->count = 1;
      snprintf(gateway->ledger[0].key, 80, "%s", till_key(&till, 0));
      snprintf(gateway->ledger[0].reference, 80, "ch_1");
      snprintf(gateway->ledger[0].currency, 4, "EUR");
      gateway->ledger[0].amount_minor = TOTAL;
      ck_recovered(till.world, .examined = 1, .placed = 1);
      ck_assert_int_eq(gateway->voids, 0);
      till_end(&till, 0);
    }
}
END_TEST

/* The void is refused: the payment goes on; its answer is lost: it is asked for again; it says "it
   was taken": placed. */
START_TEST(held_too_long_and_not_voided) {
  for
    EACH_WAITING {
      struct till till = waiting_till(waiting, BOTH);

      mood(&till, GATEWAY_DECLINES);
      world_pass_ms(till.world, HOLD_MS);
      ck_recovered(till.world, .examined = 1, .waiting = 1);
      till_stands(&till, SHOP_ORDER_PENDING, waiting->payment);
      mood(&till, GATEWAY_LOSES_ANSWER);
      world_pass_ms(till.world, 2 * GATEWAY_LEASE_MS);
      ck_recovered(till.world, .examined = 1, .waiting = 1);
      till_stands(&till, SHOP_ORDER_PENDING, waiting->payment);
      till.world->gateway.query_mood = GATEWAY_APPROVES; /* asked, it knows the void */
      world_pass_ms(till.world, GATEWAY_LEASE_MS);
      (void)world_recover(till.world);
      till_stands(&till, SHOP_ORDER_FAILED, SHOP_PAYMENT_VOIDED);
      till_end(&till, 0);
      till = waiting_till(waiting, BOTH);
      mood(&till, GATEWAY_TOO_LATE);
      world_pass_ms(till.world, HOLD_MS);
      (void)world_recover(till.world);
      till_stands(&till, SHOP_ORDER_PLACED, SHOP_PAYMENT_CAPTURED);
      till_end_unbooked(&till, 0);
    }
}
END_TEST

/* Each refusal doubles the wait for the next void, up to a day: what cannot be voided
   does not fill the store, however often recovery runs. */
START_TEST(refused_voids_grow_rare) {
  struct till till = waiting_till(&WAITING[0], BOTH);
  struct world *world = till.world;
  int32_t wanted[] = {1, 1, 2, 2, 2, 2, 3};

  mood(&till, GATEWAY_DECLINES);
  world_pass_ms(world, HOLD_MS);
  for (int i = 0; i < 7; i++) { /* after 0, 1, 2, ... leases */
    (void)world_recover(world);
    ck_assert_int_eq(world->gateway.voids, wanted[i]);
    world_pass_ms(world, GATEWAY_LEASE_MS);
  }
  for (int i = 0; i < 20 * 24; i++) {
    (void)world_recover(world);
    world_pass_ms(world, HOUR_MS);
  }
  ck_assert_int_le(world->gateway.voids, 32);
  ck_assert_int_ge(world->gateway.voids, 20);
  till_stands(&till, SHOP_ORDER_PENDING, WAITING[0].payment);
  world->gateway.query_mood = GATEWAY_APPROVES;
  mood(&till, GATEWAY_APPROVES);
  world_pass_ms(world, DAY_MS);
  (void)world_recover(world);
  till_stands(&till, SHOP_ORDER_FAILED, SHOP_PAYMENT_VOIDED);
  till_end(&till, 0);
}
END_TEST

/* Without a void callback nothing can be ended: it waits on. */
START_TEST(no_void_no_end) {
  for
    EACH_WAITING {
      struct till till = waiting_till(waiting, TILL_QUERY);

      for (int i = 0; i < 3; i++) {
        world_pass_ms(till.world, 2 * HOLD_MS);
        ck_recovered(till.world, .examined = 1, .waiting = 1);
      }
      till_stands(&till, SHOP_ORDER_PENDING, waiting->payment);
      till_end(&till, 0);
    }
}
END_TEST

/* A bank transfer takes days: a hold that is longer than the key lives is kept, though nobody can
   be asked meanwhile; nothing is charged again, and a report ends it. */
START_TEST(a_hold_longer_than_the_keys_life) {
  for (int reported = 0; reported < 2; reported++) {
    struct till till = {.world = world_prepare()};

    ck_assert_int_eq(shop_config_set_payment_hold_ms(till.world->config, 7 * DAY_MS), SHOP_OK);
    gateway_set_operations(till.world, true);
    world_open(till.world);
    world_put(till.world, "TEA", TOTAL / 2, "EUR", 5);
    till.token = world_shopper(till.world, "ada@example.org", "TEA", 2, &till.cart_id);
    till_buy(&till, GATEWAY_PENDS, SHOP_PENDING);
    for (int day = 1; day < 7; day++) {
      world_pass_ms(till.world, DAY_MS);
      ck_recovered(till.world, .examined = 1, .waiting = 1);
      ck_till(&till, till_resume(&till), SHOP_PENDING);
      till_stands(&till, SHOP_ORDER_PENDING, SHOP_PAYMENT_PENDING);
    }
    ck_assert_int_eq(till.world->gateway.charges, 1);
    ck_assert_int_eq(till.world->gateway.voids, 0);
    if (reported)
      ck_report(&till, SHOP_OK, .reference = "pending_1", .outcome = SHOP_OUTCOME_CAPTURED,
                .amount_minor = TOTAL);
    world_pass_ms(till.world, DAY_MS);
    ck_assert_int_eq(world_recover(till.world).examined, !reported);
    till_stands(&till, reported ? SHOP_ORDER_PLACED : SHOP_ORDER_FAILED,
                reported ? SHOP_PAYMENT_CAPTURED : SHOP_PAYMENT_VOIDED);
    ck_assert_int_eq(till.world->gateway.charges, 1);
    till_end_unbooked(&till, 0);
  }
}
END_TEST

/* Resumed after its time while a void is on its way already: it is told how it stands, in words. */
START_TEST(resumed_while_it_is_voided) {
  for
    EACH_WAITING {
      struct till till = waiting_till(waiting, BOTH);

      mood(&till, GATEWAY_SILENT);
      ck_till(&till, till_abandon(&till), SHOP_UNKNOWN);
      world_pass_ms(till.world, HOLD_MS);
      ck_till(&till, till_resume(&till), waiting->status);
      ck_assert_str_ne(shop_error_message(till.world->err), "");
      ck_assert_int_eq(till.world->gateway.voids, 1);
      till_end(&till, 0);
    }
}
END_TEST

/* A charge that the gateway does not know is ended by a void, and only by that. */
START_TEST(not_found_is_voided) {
  struct till till = till_new(BOTH);

  till_buy(&till, GATEWAY_SILENT, SHOP_UNKNOWN);
  mood(&till, GATEWAY_SILENT);
  world_pass_ms(till.world, GATEWAY_LEASE_MS);
  ck_recovered(till.world, .examined = 1, .waiting = 1);
  ck_assert_int_eq(till.world->gateway.voids, 1);
  till_stands(&till, SHOP_ORDER_PENDING, SHOP_PAYMENT_SENT);
  ck_report(&till, SHOP_OK, .key = till_key(&till, 1), .outcome = SHOP_OUTCOME_VOIDED);
  till_stands(&till, SHOP_ORDER_FAILED, SHOP_PAYMENT_VOIDED);
  ck_assert_int_eq(till.world->gateway.count, 0);
  till_end(&till, 0);
}
END_TEST

/* The waiting and the acting may alternate; the hold counts from the first. */
START_TEST(back_and_forth) {
  struct till till = waiting_till(&WAITING[0], BOTH);

  world_pass_ms(till.world, HOLD_MS / 2);
  ck_report(&till, SHOP_OK, .key = till_key(&till, 0), .outcome = SHOP_OUTCOME_PENDING);
  till_stands(&till, SHOP_ORDER_PENDING, SHOP_PAYMENT_PENDING);
  client_data(&till, "");
  till.world->gateway.query_mood = GATEWAY_ASKS_ACTION;
  ck_till(&till, till_resume(&till), SHOP_ACTION_REQUIRED);
  client_data(&till, CLIENT_DATA);
  world_pass_ms(till.world, HOLD_MS / 2);
  ck_recovered(till.world, .examined = 1, .failed = 1);
  till_end(&till, 0);
}
END_TEST

int main(void) {
  const TTest *const tests[] = {
      client_data_is_kept,
      resumed_by_the_same_charge,
      resume_while_it_is_asked,
      not_a_strangers,
      abandoned,
      not_while_it_is_asked,
      not_without_a_confirmed_void,
      abandoned_too_late,
      paid_while_abandoned,
      paid_after_it_was_abandoned,
      held_too_long,
      paid_at_the_last_moment,
      held_too_long_and_not_voided,
      refused_voids_grow_rare,
      no_void_no_end,
      a_hold_longer_than_the_keys_life,
      resumed_while_it_is_voided,
      not_found_is_voided,
      back_and_forth,
  };

  return HARNESS_RUN("payment: action", tests);
}
