/* What a payment is spared, and what a person can say about it: a gateway that is
   known to honour keys is asked again for what never reached it, and no other is, nor
   after the key's life, beside a void, or without the lease; a
   clock that steps back a little is waited for; a contradiction that a person has
   looked at is over. */
#include "till.h"

#include <string.h>

#define BOTH (TILL_QUERY | TILL_OPERATIONS)

static struct till honoured_till(bool honours) {
  struct till till = till_new(BOTH);

  ck_assert_int_eq(shop_config_set_gateway_honours_keys(till.world->config, honours), SHOP_OK);
  world_reopen(till.world);
  return till;
}

/* ---- keys that are honoured ---------------------------------------------------------- */

/* A charge that never reached the gateway goes through by itself, under its own key;
   a gateway that is not known to honour keys is asked for a void instead. */
START_TEST(a_charge_that_never_arrived) {
  for (int honours = 0; honours < 2; honours++) {
    struct till till = honoured_till(honours == 1);
    struct world *world = till.world;

    till_buy(&till, GATEWAY_SILENT, SHOP_UNKNOWN);
    world->gateway.mood = GATEWAY_APPROVES;
    world_pass_ms(world, GATEWAY_LEASE_MS);
    (void)world_recover(world);
    ck_assert_int_eq(world->gateway.charges, 1 + honours);
    ck_assert_int_eq(world->gateway.voids, 1 - honours);
    ck_assert_int_eq(world->gateway.count, honours);
    if (honours == 1)
      till_stands(&till, SHOP_ORDER_PLACED, SHOP_PAYMENT_CAPTURED);
    else
      till_stands(&till, SHOP_ORDER_FAILED, SHOP_PAYMENT_VOIDED);
    till_end(&till, 0);
  }
}
END_TEST

/* "Not found" is said while the charge is on its way: the money is taken once where
   keys are honoured. And where they are not, and nobody says they are, nothing is
   asked twice: a gateway that forgets keys never gets a second charge. */
START_TEST(not_found_while_it_is_on_its_way) {
  for (int honours = 0; honours < 2; honours++) {
    struct till till = honoured_till(honours == 1);
    struct world *world = till.world;

    world->gateway.forgets_keys = honours == 0;
    world->gateway.query_mood = GATEWAY_NOT_FOUND;
    world->gateway.operation_mood = GATEWAY_SILENT;
    till_buy(&till, GATEWAY_LOSES_ANSWER, SHOP_UNKNOWN);
    world->gateway.mood = GATEWAY_APPROVES;
    for (int i = 0; i < 20; i++) {
      world_pass_ms(world, HOUR_MS);
      (void)world_recover(world);
    }
    ck_assert_int_eq(world->gateway.count, 1);
    ck_assert_int_eq(world->gateway.charges, 1 + honours);
    ck_assert_int_eq(gateway_taken(&world->gateway, till_key(&till, 0)), 1);
    till_end_unbooked(&till, 1 - honours); /* without an answer it waits for a person */
  }
}
END_TEST

/* After the life of the key nothing is repeated, honoured or not. */
START_TEST(not_after_the_keys_life) {
  struct till till = honoured_till(true);
  struct world *world = till.world;

  world->gateway.query_mood = GATEWAY_NOT_FOUND;
  world->gateway.operation_mood = GATEWAY_SILENT;
  till_buy(&till, GATEWAY_SILENT, SHOP_UNKNOWN);
  world_pass_ms(world, KEY_LIFE_MS);
  (void)world_recover(world);
  ck_assert_int_eq(world->gateway.charges, 1);
  till_end_unbooked(&till, 1);
}
END_TEST

/* The same for what follows: a capture and a refund that never arrived. */
START_TEST(operations_that_never_arrived) {
  for (int honours = 0; honours < 2; honours++) {
    struct till till = honoured_till(honours == 1);
    struct world *world = till.world;

    till_buy(&till, GATEWAY_AUTHORIZES, SHOP_OK);
    world->gateway.operation_mood = GATEWAY_SILENT;
    ck_till(&till, till_capture(&till, 0, NULL), SHOP_UNKNOWN);
    world->gateway.operation_mood = GATEWAY_APPROVES;
    world->gateway.query_mood = GATEWAY_NOT_FOUND;
    world_pass_ms(world, GATEWAY_LEASE_MS);
    (void)world_recover(world);
    ck_assert_int_eq(world->gateway.captures, 1 + honours);
    till_money(&till, honours == 1 ? TOTAL : 0, 0);
    if (honours == 1) {
      world->gateway.operation_mood = GATEWAY_SILENT;
      ck_till(&till, till_refund(&till, 500, NULL), SHOP_UNKNOWN);
      world->gateway.operation_mood = GATEWAY_APPROVES;
      world_pass_ms(world, GATEWAY_LEASE_MS);
      (void)world_recover(world);
      ck_assert_int_eq(world->gateway.refunds, 2);
      till_money(&till, TOTAL, 500);
    }
    till_end_unbooked(&till, 0);
  }
}
END_TEST

/* ---- a repetition that comes too late ---------------------------------------------------- */

static int64_t passing_ms; /* in each query */

static void pass_in_query(struct gateway *gateway, void *user) {
  (void)gateway;
  world_pass_ms(user, passing_ms);
}

/* The key dies while the query is answered: what moves money is not repeated, and is a
   person's. */
START_TEST(a_query_that_outlives_the_key) {
  for (int refunds = 0; refunds < 2; refunds++) {
    struct till till = honoured_till(true);
    struct world *world = till.world;

    gateway_set_operations(world, refunds == 1);
    world_reopen(world);
    till_buy(&till, refunds == 1 ? GATEWAY_APPROVES : GATEWAY_SILENT,
             refunds == 1 ? SHOP_OK : SHOP_UNKNOWN);
    if (refunds == 1) {
      world->gateway.operation_mood = GATEWAY_SILENT;
      ck_till(&till, till_refund(&till, 500, NULL), SHOP_UNKNOWN);
      world->gateway.operation_mood = GATEWAY_APPROVES;
    }
    world->gateway.mood = GATEWAY_APPROVES;
    world->gateway.query_mood = GATEWAY_NOT_FOUND;
    world->gateway.in_query = pass_in_query;
    world->gateway.hook_user = world;
    passing_ms = 1;
    world_pass_ms(world, KEY_LIFE_MS - 1);
    ck_recovered(world, .examined = 1, .unknown = 1);
    ck_assert_int_eq(world->gateway.charges, 1);
    ck_assert_int_eq(world->gateway.refunds, refunds);
    ck_assert_int_eq(till_operation(&till, refunds), SHOP_OPERATION_UNKNOWN);
    till_end(&till, 1);
  }
}
END_TEST

/* A clock that leaps when it is read for the nth time: the store may be that slow between
   any two steps. */
struct leaping {
  struct world *world;
  int reads; /* until it leaps */
  int64_t by_ms;
};

static int64_t leaping_clock(void *user) {
  struct leaping *leaping = user;

  if (leaping->reads > 0 && --leaping->reads == 0)
    world_pass_ms(leaping->world, leaping->by_ms);
  return leaping->world->now_ms;
}

static void must_be_in_time(struct gateway *gateway, void *user) {
  struct world *world = ((struct leaping *)user)->world;

  (void)gateway;
  ck_assert_int_lt(world->now_ms, WORLD_START_MS + KEY_LIFE_MS);
  ck_assert_int_lt(
      world->now_ms,
      world_number(world, "SELECT max(lease_start_ms + lease_length_ms) FROM operations"));
}

/* Without a query, where the repetition is what asks, and after one: by a leap over the end of
   the key's life, or of the lease. */
static void recover_by_leaps(int callbacks, int64_t wait_ms, int64_t by_ms) {
  for (int reads = 1; reads <= 12; reads++) {
    struct till till = till_new(callbacks);
    struct world *world = till.world;
    struct leaping leaping = {.world = world, .by_ms = by_ms};

    ck_assert_int_eq(shop_config_set_gateway_honours_keys(world->config, true), SHOP_OK);
    ck_assert_int_eq(shop_config_set_clock(world->config, leaping_clock, &leaping), SHOP_OK);
    world_reopen(world);
    till_buy(&till, GATEWAY_SILENT, SHOP_UNKNOWN);
    world_pass_ms(world, wait_ms);
    world->gateway.before = must_be_in_time;
    world->gateway.hook_user = &leaping;
    leaping.reads = reads;
    (void)world_recover(world);
    world_pass_ms(world, KEY_LIFE_MS);
    (void)world_recover(world);
    till_end_unbooked(&till, 1); /* then it is a person's */
  }
}

START_TEST(a_store_that_outlives_key_or_lease) {
  static const int callbacks[] = {TILL_CHARGE, TILL_QUERY};

  for (int i = 0; i < 2; i++) {
    recover_by_leaps(callbacks[i], KEY_LIFE_MS - 1, 1);
    recover_by_leaps(callbacks[i], GATEWAY_LEASE_MS, GATEWAY_LEASE_MS);
  }
}
END_TEST

/* Runs a whole recovery inside the first query, when the lease of this one is over. */
static void recover_in_query(struct gateway *gateway, void *user) {
  gateway->in_query = NULL;
  world_pass_ms(user, GATEWAY_LEASE_MS);
  (void)world_recover(user);
}

/* Another recovery has the lease by now and has repeated the charge without an answer:
   this one neither repeats it once more nor asks for a void that the charge could come
   behind. */
START_TEST(a_query_that_outlives_the_lease) {
  struct till till = honoured_till(true);
  struct world *world = till.world;

  till_buy(&till, GATEWAY_SILENT, SHOP_UNKNOWN);
  world->gateway.query_mood = GATEWAY_NOT_FOUND;
  world->gateway.in_query = recover_in_query;
  world->gateway.hook_user = world;
  world_pass_ms(world, GATEWAY_LEASE_MS);
  (void)world_recover(world);
  ck_assert_int_eq(world->gateway.charges, 2);
  ck_assert_int_eq(world->gateway.voids, 0);
  world->gateway.mood = GATEWAY_APPROVES;
  world_pass_ms(world, GATEWAY_LEASE_MS); /* when that lease is over as well */
  ck_recovered(world, .examined = 1, .placed = 1);
  ck_assert_int_eq(world->gateway.charges, 3);
  till_end(&till, 0);
}
END_TEST

/* What was held for too long is to end: it is voided, not charged again before that. */
START_TEST(not_what_was_held_too_long) {
  struct till till = honoured_till(true);
  struct world *world = till.world;

  ck_assert_int_eq(shop_config_set_payment_hold_ms(world->config, HOUR_MS), SHOP_OK);
  world_reopen(world);
  till_buy(&till, GATEWAY_PENDS, SHOP_PENDING);
  world->gateway.mood = GATEWAY_SILENT;
  world->gateway.query_mood = GATEWAY_NOT_FOUND;
  world_pass_ms(world, HOUR_MS);
  ck_recovered(world, .examined = 1, .failed = 1);
  ck_assert_int_eq(world->gateway.charges, 1);
  ck_assert_int_eq(world->gateway.voids, 1);
  till_end(&till, 0);
}
END_TEST

/* ---- a repetition and a void -------------------------------------------------------------- */

/* What is being given up is not charged again, as long as nobody knows what became of the
   void; with a query or without one. */
START_TEST(not_beside_its_void) {
  for (int query = 0; query < 2; query++) {
    struct till till = till_new(TILL_OPERATIONS | (query == 1 ? TILL_QUERY : TILL_CHARGE));
    struct world *world = till.world;

    ck_assert_int_eq(shop_config_set_gateway_honours_keys(world->config, true), SHOP_OK);
    world_reopen(world);
    till_buy(&till, GATEWAY_PENDS, SHOP_PENDING);
    world->gateway.operation_mood = GATEWAY_SILENT;
    ck_till(&till, till_abandon(&till), SHOP_UNKNOWN);
    world->gateway.mood = GATEWAY_APPROVES;
    world->gateway.query_mood = GATEWAY_NOT_FOUND;
    ck_till(&till, till_resume(&till), SHOP_PENDING);
    for (int i = 0; i < 5; i++) {
      world_pass_ms(world, GATEWAY_LEASE_MS);
      (void)world_recover(world);
    }
    ck_assert_int_eq(world->gateway.charges, 1);
    world->gateway.operation_mood = GATEWAY_APPROVES;
    world_pass_ms(world, GATEWAY_LEASE_MS);
    (void)world_recover(world);
    ck_assert_int_eq(world->gateway.charges, 1);
    till_stands(&till, SHOP_ORDER_FAILED, SHOP_PAYMENT_VOIDED);
    till_end(&till, 0);
  }
}
END_TEST

static void abandon_in_charge(struct gateway *gateway, void *user) {
  struct till *till = user;

  gateway->before = NULL;
  ck_till(till, till_abandon(till), SHOP_ERR_STATE);
}

/* Nor is it given up while it is being charged again: the charge could come behind the
   void. */
START_TEST(no_void_beside_a_repetition) {
  for (int query = 0; query < 2; query++) {
    struct till till = till_new(TILL_OPERATIONS | (query == 1 ? TILL_QUERY : TILL_CHARGE));
    struct world *world = till.world;

    ck_assert_int_eq(shop_config_set_gateway_honours_keys(world->config, true), SHOP_OK);
    world_reopen(world);
    till_buy(&till, GATEWAY_PENDS, SHOP_PENDING);
    world->gateway.mood = GATEWAY_APPROVES;
    world->gateway.before = abandon_in_charge;
    world->gateway.hook_user = &till;
    world->gateway.query_mood = GATEWAY_NOT_FOUND;
    world_pass_ms(world, 1);
    ck_recovered(world, .examined = 1, .placed = 1);
    ck_assert_int_eq(world->gateway.charges, 2);
    ck_assert_int_eq(world->gateway.voids, 0);
    till_stands(&till, SHOP_ORDER_PLACED, SHOP_PAYMENT_CAPTURED);
    till_end(&till, 0);
  }
}
END_TEST

/* A person has to decide about it: no money moves by itself meanwhile. */
START_TEST(not_what_is_a_persons) {
  struct till till = honoured_till(true);
  struct world *world = till.world;

  till_buy(&till, GATEWAY_APPROVES, SHOP_OK);
  world->gateway.operation_mood = GATEWAY_OTHER_CURRENCY;
  ck_till(&till, till_refund(&till, 500, NULL), SHOP_UNKNOWN);
  ck_assert_int_eq(till_operation(&till, 1), SHOP_OPERATION_UNKNOWN);
  world->gateway.query_mood = GATEWAY_NOT_FOUND;
  world_pass_ms(world, GATEWAY_LEASE_MS);
  (void)world_recover(world);
  ck_assert_int_eq(world->gateway.refunds, 1);
  till_end_unbooked(&till, 2);
}
END_TEST

/* ---- a clock that steps back ------------------------------------------------------------ */

/* By no more than a lease: neither repeated nor given up, but waited for; when the
   clock has come to the purchase again, it is finished. By more, it is a person's. */
START_TEST(a_small_step_back_is_waited_for) {
  for (int far = 0; far < 2; far++) {
    struct till till = till_new(TILL_CHARGE);
    struct world *world = till.world;

    till_buy(&till, GATEWAY_SILENT, SHOP_UNKNOWN);
    world->gateway.mood = GATEWAY_APPROVES;
    world_pass_ms(world, -GATEWAY_LEASE_MS - far);
    ck_recovered(world, .examined = 1, .waiting = 1 - far, .unknown = far);
    ck_assert_int_eq(world->gateway.charges, 1);
    if (far == 0) {
      world_pass_ms(world, GATEWAY_LEASE_MS / 2 + 1); /* no more than tokens allow */
      ck_till(&till, till_resume(&till), SHOP_IN_PROGRESS);
      ck_assert_int_eq(world->gateway.charges, 1);
      world_pass_ms(world, GATEWAY_LEASE_MS / 2);
      (void)world_recover(world);
      ck_assert_int_eq(world->gateway.charges, 2);
    }
    world_pass_ms(world, GATEWAY_LEASE_MS + far);
    till_stands(&till, far == 0 ? SHOP_ORDER_PLACED : SHOP_ORDER_PENDING,
                far == 0 ? SHOP_PAYMENT_CAPTURED : SHOP_PAYMENT_UNKNOWN);
    till_end(&till, far);
  }
}
END_TEST

/* What waits for the shopper is not voided because the clock stepped back a second. */
START_TEST(a_small_step_back_ends_no_hold) {
  struct till till = till_new(BOTH);
  struct world *world = till.world;

  till_buy(&till, GATEWAY_ASKS_ACTION, SHOP_ACTION_REQUIRED);
  world->gateway.query_mood = GATEWAY_ASKS_ACTION;
  world_pass_ms(world, -1000);
  (void)world_recover(world);
  ck_assert_int_eq(world->gateway.voids, 0);
  till_stands(&till, SHOP_ORDER_PENDING, SHOP_PAYMENT_ACTION_REQUIRED);
  world_pass_ms(world, -DAY_MS);
  (void)world_recover(world);
  ck_assert_int_eq(world->gateway.voids, 1);
  world_pass_ms(world, DAY_MS + 1000);
  till_stands(&till, SHOP_ORDER_FAILED, SHOP_PAYMENT_VOIDED);
  till_end(&till, 0);
}
END_TEST

/* ---- a person has looked -------------------------------------------------------------------- */

static int32_t acknowledge(struct till *till, const char *note, shop_order_t **order) {
  return shop_payment_acknowledge(till->world->shop, till->number, note, NULL, order,
                                  till->world->err);
}

/* The attention ends, the facts stay, and the history says who has looked. */
START_TEST(acknowledged) {
  struct till till = till_new(BOTH);
  struct world *world = till.world;
  shop_order_t *order = (shop_order_t *)world;

  till_buy(&till, GATEWAY_APPROVES, SHOP_OK);
  ck_refused(world, acknowledge(&till, "Eve", &order), SHOP_ERR_STATE);
  ck_assert_ptr_null(order);
  ck_report(&till, SHOP_CONTRADICTION, .reference = "ch_1", .outcome = SHOP_OUTCOME_CAPTURED,
            .amount_minor = TOTAL + 1);
  world_verify(world, 1);
  ck_refused(world, acknowledge(&till, NULL, NULL), SHOP_ERR_ARGUMENT);
  ck_refused(world, acknowledge(&till, "a\nb", NULL), SHOP_ERR_TEXT);
  ck_ok(world, acknowledge(&till, "Eve: their books are right by now", &order));
  ck_assert(!shop_order_has_contradiction(order));
  ck_assert(!shop_order_needs_attention(order));
  ck_assert_str_eq(order_event(order, "payment.acknowledged"), "Eve: their books are right by now");
  shop_order_free(order);
  till_money(&till, TOTAL, 0);
  world_verify(world, 0);
  ck_refused(world, acknowledge(&till, "Eve", NULL), SHOP_ERR_STATE);
  /* Said again, by a new event, it is a person's again. */
  ck_report(&till, SHOP_CONTRADICTION, .reference = "ch_1", .outcome = SHOP_OUTCOME_CAPTURED,
            .amount_minor = TOTAL + 1);
  till_end(&till, 1);
}
END_TEST

/* Not while something is still asked of the gateway. */
START_TEST(not_while_something_is_open) {
  struct till till = till_new(BOTH);
  struct world *world = till.world;

  till_buy(&till, GATEWAY_APPROVES, SHOP_OK);
  ck_report(&till, SHOP_CONTRADICTION, .reference = "ch_1", .outcome = SHOP_OUTCOME_CAPTURED,
            .amount_minor = TOTAL + 1);
  world->gateway.operation_mood = GATEWAY_LOSES_ANSWER;
  ck_till(&till, till_refund(&till, 100, NULL), SHOP_UNKNOWN);
  ck_refused(world, acknowledge(&till, "Eve", NULL), SHOP_ERR_STATE);
  world_pass_ms(world, GATEWAY_LEASE_MS);
  (void)world_recover(world);
  ck_ok(world, acknowledge(&till, "Eve", NULL));
  till_end(&till, 0);
}
END_TEST

int main(void) {
  const TTest *tests[] = {
      a_charge_that_never_arrived,
      not_found_while_it_is_on_its_way,
      not_after_the_keys_life,
      operations_that_never_arrived,
      a_query_that_outlives_the_key,
      a_store_that_outlives_key_or_lease,
      a_query_that_outlives_the_lease,
      not_what_was_held_too_long,
      not_beside_its_void,
      no_void_beside_a_repetition,
      not_what_is_a_persons,
      a_small_step_back_is_waited_for,
      a_small_step_back_ends_no_hold,
      acknowledged,
      not_while_something_is_open,
  };

  return HARNESS_RUN("payment patience", tests);
}
