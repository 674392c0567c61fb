/* A gateway that is slower than the lease: the live call, recovery and a report of
   the gateway, in three processes, bring the answer at the same moment. There is
   one outcome, one charge, one mail.
   Usage: test_slow_gateway [ROUNDS] */
#include "till.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static int32_t rounds_wanted = 150;

/* What the three share. */
struct stage {
  pthread_barrier_t asked; /* the gateway has decided; all three go on from here */
  pthread_barrier_t told;  /* all three are through */
  char key[80];
  char number[16];
  int64_t amount_minor;
  int32_t fate;
  int32_t events;
};

static struct stage *stage;
static struct till *till;

/* Everybody is a little late, in another order each time. */
static void dawdle(unsigned *random) {
  volatile int32_t spin = 0;
  int32_t turns = rand_r(random) % 60000;

  while (spin < turns)
    spin++;
}

static unsigned seed;

static void slow(struct till *slow_till, const struct till_entry *entry, void *user) {
  (void)slow_till;
  (void)user;
  memcpy(stage->key, entry->key, sizeof stage->key);
  memcpy(stage->number, entry->order_number, sizeof stage->number);
  stage->amount_minor = entry->amount_minor;
  stage->fate = entry->fate;
  pthread_barrier_wait(&stage->asked);
  dawdle(&seed);
}

static int64_t count_of(struct world *world, const char *table, const char *where) {
  char sql[200];

  snprintf(sql, sizeof sql,
           "SELECT count(*) FROM %s t JOIN orders o ON o.id = t.order_id WHERE o.number = '%s'%s",
           table, stage->number, where);
  return world_number(world, sql);
}

static void check_round(struct world *world, const shop_token_t *token, int64_t cart_id) {
  shop_order_t *order = world_order(world, stage->number);
  bool paid = stage->fate == SHOP_OUTCOME_CAPTURED;

  ck_assert_int_eq(shop_order_status(order), paid ? SHOP_ORDER_PLACED : SHOP_ORDER_FAILED);
  ck_assert_int_eq(shop_order_payment_status(order),
                   paid ? SHOP_PAYMENT_CAPTURED : SHOP_PAYMENT_DECLINED);
  ck_assert_int_eq(shop_order_captured_minor(order), paid ? shop_order_total_minor(order) : 0);
  ck_assert_int_eq(shop_order_needs_attention(order), false);
  ck_assert_int_eq(shop_order_operation_count(order), 1);
  ck_assert_int_eq(count_of(world, "outbox", " AND kind = 1"), paid);
  ck_assert_int_eq(count_of(world, "events", " AND name IN ('order.placed', 'order.failed')"), 1);
  ck_assert_int_eq(count_of(world, "reports", ""), 1);
  ck_assert_int_eq(world_cart_state(world, token, cart_id),
                   paid ? SHOP_CART_COMPLETED : SHOP_CART_OPEN);
  ck_assert_int_eq(world_reserved(world, "TEA"), 0);
  shop_order_free(order);
}

static void be_live(struct world *world, struct peer *peer) {
  shop_token_t *token;

  (void)peer;
  seed = 1;
  till->taken = slow;
  /* Where one of the three fails, the others do not wait for ever. */
  alarm(30 + (unsigned)rounds_wanted / 10);
  world_open(world);
  token = world_register(world, "ada@example.org");
  for (int32_t round = 0; round < rounds_wanted; round++) {
    int64_t cart_id = world_cart(world, token);
    shop_order_t *order = NULL;
    shop_cart_t *cart = NULL;
    int32_t status;

    ck_ok(world, shop_cart_clear(world->shop, token, cart_id, NULL, &cart, world->err));
    shop_cart_free(cart);
    world_add(world, token, cart_id, "TEA", 1 + round % 3);
    status =
        form_buy(world->shop, token, cart_id, &(struct form){.method = CARD}, &order, world->err);
    /* Where its answer was lost, it may have come before the others. */
    ck_assert_msg(status == (stage->fate == SHOP_OUTCOME_CAPTURED ? SHOP_OK : SHOP_DECLINED) ||
                      status == SHOP_UNKNOWN,
                  "round %d: %s", (int)round, shop_status_name(status));
    pthread_barrier_wait(&stage->told);
    check_round(world, token, cart_id);
    shop_order_free(order);
  }
  shop_token_free(token);
  ck_assert_int_eq(shop_close(world->shop), SHOP_OK);
}

static void be_recovery(struct world *world, struct peer *peer) {
  (void)peer;
  seed = 2;
  /* Where one of the three fails, the others do not wait for ever. */
  alarm(30 + (unsigned)rounds_wanted / 10);
  world_pass_ms(world, GATEWAY_LEASE_MS + 1);
  world_open(world);
  for (int32_t round = 0; round < rounds_wanted; round++) {
    pthread_barrier_wait(&stage->asked);
    dawdle(&seed);
    ck_ok(world, shop_recover(world->shop, 100, NULL, world->err));
    pthread_barrier_wait(&stage->told);
  }
  ck_assert_int_eq(shop_close(world->shop), SHOP_OK);
}

static void be_webhook(struct world *world, struct peer *peer) {
  (void)peer;
  seed = 3;
  /* Where one of the three fails, the others do not wait for ever. */
  alarm(30 + (unsigned)rounds_wanted / 10);
  world_open(world);
  for (int32_t round = 0; round < rounds_wanted; round++) {
    shop_payment_report_t *report = NULL;
    char event[20], reference[100];

    pthread_barrier_wait(&stage->asked);
    snprintf(event, sizeof event, "event-%d", (int)round);
    snprintf(reference, sizeof reference, "ch_%s", stage->key);
    ck_ok(world, shop_payment_report_new(&report));
    ck_ok(world, shop_payment_report_set_event_id(report, event));
    ck_ok(world, shop_payment_report_set_key(report, stage->key));
    ck_ok(world, shop_payment_report_set_outcome(report, stage->fate));
    if (stage->fate == SHOP_OUTCOME_CAPTURED) {
      ck_ok(world, shop_payment_report_set_reference(report, reference));
      ck_ok(world, shop_payment_report_set_amount(report, stage->amount_minor, "EUR"));
    }
    dawdle(&seed);
    ck_ok(world, shop_payment_report(world->shop, report, NULL, world->err));
    if (round % 3 == 0) /* webhooks come twice */
      ck_ok(world, shop_payment_report(world->shop, report, NULL, world->err));
    shop_payment_report_free(report);
    pthread_barrier_wait(&stage->told);
  }
  ck_assert_int_eq(shop_close(world->shop), SHOP_OK);
}

static void take_mail(shop_mail_call_t *call, void *user) {
  (void)user;
  (void)shop_mail_call_set_delivered(call);
}

static void stage_new(void) {
  pthread_barrierattr_t how;

  stage = share(sizeof *stage);
  ck_assert_int_eq(pthread_barrierattr_init(&how), 0);
  ck_assert_int_eq(pthread_barrierattr_setpshared(&how, PTHREAD_PROCESS_SHARED), 0);
  ck_assert_int_eq(pthread_barrier_init(&stage->asked, &how, 3), 0);
  ck_assert_int_eq(pthread_barrier_init(&stage->told, &how, 3), 0);
  pthread_barrierattr_destroy(&how);
}

START_TEST(three_bring_the_answer) {
  struct world *world = world_prepare();
  struct peer peers[3];

  stage_new();
  till = till_new();
  till->slow_moods = true;
  till_install(till, world);
  ck_ok(world, shop_config_set_busy_timeout_ms(world->config, 60000));
  ck_ok(world, shop_config_set_mail_transport(world->config, take_mail, NULL));
  world_open(world);
  world_put(world, "TEA", 999, "EUR", 100000);
  ck_assert_int_eq(shop_close(world->shop), SHOP_OK);
  world->shop = NULL;
  peers[0] = peer_start(world, be_live);
  peers[1] = peer_start(world, be_recovery);
  peers[2] = peer_start(world, be_webhook);
  for (int32_t i = 0; i < 3; i++)
    peer_end(&peers[i]);
  ck_assert_int_eq(till->asked, rounds_wanted); /* nobody has charged a second time */
  world_open(world);
  (void)till_check(till, world);
  check_stock(world, "TEA", 100000);
  world_verify(world, 0);
  world_free(world);
  till_free(till);
  ck_assert_int_eq(munmap(stage, sizeof *stage), 0);
}
END_TEST

int main(int count, char **arguments) {
  const TTest *const tests[] = {three_bring_the_answer};

  if (count > 1) {
    rounds_wanted = atoi(arguments[1]);
    (void)setenv("CK_TIMEOUT_MULTIPLIER", "60", 1);
  }
  return HARNESS_RUN("slow_gateway", tests);
}
