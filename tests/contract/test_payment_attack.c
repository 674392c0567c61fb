/* Attacks on the purchase: any sequence of answers, reports, recoveries, decisions,
   cancellations and refunds, true or not, by a gateway that lies at random. After
   every step the audit must find no violation; no order may be charged twice; and
   no capture that was ever told of may be lost. */
#include "till.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STEPS 60
#define ROUNDS 60

struct attack {
  struct till till;
  uint64_t seed;
  int64_t told_captured; /* the largest amount that was told of as captured */
  char log[8000];
  size_t used;
};

static uint32_t dice(struct attack *attack, uint32_t sides) {
  attack->seed = attack->seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
  return (uint32_t)(attack->seed >> 33) % sides;
}

static void tell(struct attack *attack, const char *what, int64_t a, int64_t b, int32_t status) {
  attack->used += (size_t)snprintf(attack->log + attack->used, sizeof attack->log - attack->used,
                                   "%s %lld %lld: %s\n", what, (long long)a, (long long)b,
                                   shop_status_name(status));
}

static enum gateway_mood any_mood(struct attack *attack) {
  static const enum gateway_mood moods[] = {
      GATEWAY_APPROVES,     GATEWAY_APPROVES,       GATEWAY_DECLINES,     GATEWAY_PENDS,
      GATEWAY_LOSES_ANSWER, GATEWAY_SILENT,         GATEWAY_SAYS_UNKNOWN, GATEWAY_TAKES_LESS,
      GATEWAY_AUTHORIZES,   GATEWAY_OTHER_CURRENCY, GATEWAY_ASKS_ACTION,  GATEWAY_TOO_LATE,
      GATEWAY_AUTHORIZES,   GATEWAY_NOT_FOUND,      GATEWAY_APPROVES};

  return moods[dice(attack, sizeof moods / sizeof moods[0])];
}

/* Any report about any of the operations. */
static int32_t lie(struct attack *attack, int32_t *outcome, int64_t *amount) {
  static const char *const references[] = {NULL, "ch_1", "re_x", "action_1", "cap_y", "ch_m1"};
  static const int64_t amounts[] = {TOTAL, TOTAL, TOTAL, 1, 500, TOTAL + 1};
  shop_order_t *order = till_order(&attack->till);
  uint32_t at = dice(attack, (uint32_t)shop_order_operation_count(order));
  char key[80];

  snprintf(key, sizeof key, "%s", shop_order_operation_key(order, (int32_t)at));
  shop_order_free(order);
  *outcome = SHOP_OUTCOME_CAPTURED + (int32_t)dice(attack, 7);
  *amount = amounts[dice(attack, 6)];
  if (*outcome == SHOP_OUTCOME_CAPTURED)
    attack->told_captured = *amount;
  return till_report(&attack->till,
                     &(struct news){.key = key,
                                    .reference = references[dice(attack, 6)],
                                    .outcome = *outcome,
                                    .amount_minor = *amount,
                                    .currency = dice(attack, 9) == 0 ? "USD" : "EUR"});
}

static int32_t decide(struct attack *attack, int32_t *outcome) {
  *outcome = SHOP_OUTCOME_CAPTURED + (int32_t)dice(attack, 7);
  return till_resolve(&attack->till, *outcome, "ch_1", dice(attack, 3) == 0 ? 700 : TOTAL);
}

static void recover(struct attack *attack) {
  shop_recovery_t *recovery = NULL;
  int32_t status = shop_recover(attack->till.world->shop, 100, &recovery, attack->till.world->err);

  tell(attack, "recover", 0, 0, status);
  ck_assert_msg(status == SHOP_OK, "%s%s", attack->log,
                shop_error_message(attack->till.world->err));
  shop_recovery_free(recovery);
}

static void step(struct attack *attack) {
  struct till *till = &attack->till;
  struct gateway *gateway = &till->world->gateway;
  int64_t amount = (int64_t)dice(attack, 3) * 600;
  int32_t outcome = 0;

  gateway->mood = any_mood(attack);
  gateway->query_mood = any_mood(attack);
  gateway->operation_mood = any_mood(attack);
  switch (dice(attack, 14)) {
  case 0:
  case 1:
  case 2: {
    int32_t status = lie(attack, &outcome, &amount);

    tell(attack, "report", outcome, amount, status);
    break;
  }
  case 3:
    tell(attack, "capture", amount, 0, till_capture(till, amount, NULL));
    break;
  case 4:
  case 5:
    tell(attack, "refund", amount, 0, till_refund(till, amount, NULL));
    break;
  case 6:
    tell(attack, "refund pieces", amount, 1, till_refund_pieces(till, amount, 1));
    break;
  case 7:
    tell(attack, "cancel", 0, 0, till_cancel(till, NULL));
    break;
  case 8:
    tell(attack, "resume", 0, 0, till_resume(till));
    break;
  case 9:
    tell(attack, "abandon", 0, 0, till_abandon(till));
    break;
  case 10: {
    int32_t status = decide(attack, &outcome);

    tell(attack, "resolve", outcome, 0, status);
    break;
  }
  case 11:
    world_pass_ms(till->world, GATEWAY_LEASE_MS);
    recover(attack);
    break;
  case 12:
    world_pass_ms(till->world, 10 * HOUR_MS);
    recover(attack);
    break;
  case 13:
    world_pass_ms(till->world, -HOUR_MS);
    recover(attack);
    break;
  }
}

/* A shop that is sound, one charge under one key, and no captured money forgotten. */
static void check(struct attack *attack) {
  shop_audit_t *audit = NULL;
  shop_order_t *order = till_order(&attack->till);
  struct gateway *gateway = &attack->till.world->gateway;

  ck_ok(attack->till.world, shop_verify(attack->till.world->shop, &audit, attack->till.world->err));
  ck_assert_msg(shop_audit_violations(audit) == 0, "%s%s", attack->log,
                shop_audit_finding_text(audit, 0));
  ck_assert_msg(gateway->count <= 1, "charged twice\n%s", attack->log);
  if (attack->told_captured != 0)
    ck_assert_msg(shop_order_captured_minor(order) > 0 || shop_order_has_contradiction(order),
                  "told of %lld captured\n%s", (long long)attack->told_captured, attack->log);
  if (gateway->count == 1 && shop_order_captured_minor(order) == 0)
    ck_assert_msg(shop_order_status(order) != SHOP_ORDER_PLACED ||
                      shop_order_payment_status(order) == SHOP_PAYMENT_AUTHORIZED,
                  "placed without its money\n%s", attack->log);
  shop_audit_free(audit);
  shop_order_free(order);
}

static void attack_with(uint64_t seed, int callbacks) {
  struct attack attack = {.till = till_new(callbacks), .seed = seed};
  shop_order_t *order = NULL;
  int32_t status;

  attack.till.world->gateway.mood = any_mood(&attack);
  status = world_purchase(attack.till.world, attack.till.token, attack.till.cart_id,
                          &(struct form){.method = CARD}, &order);
  tell(&attack, "seed", (int64_t)seed, callbacks, status);
  snprintf(attack.till.number, sizeof attack.till.number, "%s", shop_order_number(order));
  shop_order_free(order);
  for (int i = 0; i < STEPS; i++) {
    step(&attack);
    check(&attack);
  }
  shop_token_free(attack.till.token);
  world_free(attack.till.world);
}

static const int CALLBACKS[] = {TILL_CHARGE, TILL_QUERY, TILL_OPERATIONS,
                                TILL_QUERY | TILL_OPERATIONS};

START_TEST(any_sequence) {
  const char *more = getenv("SHOP_ATTACK_ROUNDS");
  int rounds = more == NULL ? ROUNDS : atoi(more);

  for (int i = 0; i < rounds; i++)
    attack_with((uint64_t)i * 7919 + 1, CALLBACKS[i % 4]);
}
END_TEST

int main(void) {
  const TTest *const tests[] = {any_sequence};

  return HARNESS_RUN("payment attack", tests);
}
