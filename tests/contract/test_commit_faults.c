/* Purchases on a disk that gives out at any moment: what was told was true, the
   gateway is never called after a doubtful beginning, and repeating with the same
   key comes to one order, one charge and one mail. */
#include "books.h"
#include "fault_vfs.h"

#include <sqlite3.h>
#include <stdio.h>
#include <string.h>

/* ---- anywhere ------------------------------------------------------------ */

struct fault {
  enum fault_op op;
  int code;
  long times;
  bool anyway;
};

/* Each is tried at every place of a purchase. */
static const struct fault FAULTS[] = {
    {FAULT_WRITE, SQLITE_FULL, 1, false},
    {FAULT_WRITE, SQLITE_FULL, FAULT_ALWAYS, false},
    {FAULT_WRITE, SQLITE_IOERR_WRITE, 1, false},
    {FAULT_WRITE, SQLITE_IOERR_WRITE, 1, true},
    {FAULT_WRITE, SQLITE_IOERR_WRITE, FAULT_ALWAYS, true},
    {FAULT_SYNC, SQLITE_IOERR_FSYNC, 1, false},
    {FAULT_SYNC, SQLITE_IOERR_FSYNC, 1, true},
    {FAULT_SYNC, SQLITE_IOERR_FSYNC, FAULT_ALWAYS, false},
};

static bool is_of_the_store(int32_t status) {
  return status == SHOP_ERR_DISK_FULL || status == SHOP_ERR_IO || status == SHOP_ERR_COMMIT_UNKNOWN;
}

/* The purchase under the fault. Where it gave no order, the gateway was not called. */
static void buy_faultily(struct world *world, const shop_token_t *token, int64_t cart_id,
                         const struct form *form, const struct fault *fault, long nth) {
  int32_t charges = world->gateway.charges;
  shop_order_t *order = NULL;
  int32_t status;

  fault_vfs_reset();
  fault_vfs_fail((struct fault_rule){.op = fault->op,
                                     .file = FAULT_WAL,
                                     .nth = nth,
                                     .times = fault->times,
                                     .code = fault->code,
                                     .anyway = fault->anyway});
  status = world_purchase(world, token, cart_id, form, &order);
  ck_assert_msg(status == SHOP_OK || is_of_the_store(status), "%s: %s", shop_status_name(status),
                shop_error_message(world->err));
  ck_assert(order != NULL || status != SHOP_OK);
  ck_assert(order != NULL || world->gateway.charges == charges);
  ck_assert_int_eq(world->gateway.charges - charges, order != NULL);
  shop_order_free(order);
}

/* The same call again, and a recovery where it was cut off: it is bought once. */
static void buy_at_last(struct world *world, const shop_token_t *token, int64_t cart_id,
                        const struct form *form) {
  shop_order_t *order = NULL;
  int32_t status = world_purchase(world, token, cart_id, form, &order);

  if (status == SHOP_IN_PROGRESS) {
    shop_order_free(order);
    world_pass_ms(world, GATEWAY_LEASE_MS);
    ck_recovered(world, .examined = 1, .placed = 1);
    status = world_purchase(world, token, cart_id, form, &order);
  }
  ck_ok(world, status);
  ck_assert_int_eq(shop_order_status(order), SHOP_ORDER_PLACED);
  ck_assert_int_eq(shop_order_cart_id(order), cart_id);
  shop_order_free(order);
}

/* True when the fault has struck: there is a further place to try. */
static bool fail_at(struct world *world, const shop_token_t *token, const struct fault *fault,
                    long nth) {
  static int round;
  char key[40];
  struct form form = {.method = CARD, .key = key};
  int64_t cart_id;
  bool struck;
  int32_t before;

  snprintf(key, sizeof key, "round %d", round++);
  cart_id = world_cart(world, token);
  world_add(world, token, cart_id, "TEA", 1);
  before = world->gateway.count;
  buy_faultily(world, token, cart_id, &form, fault, nth);
  struck = fault_vfs_struck() > 0;
  fault_vfs_reset();
  buy_at_last(world, token, cart_id, &form);
  ck_assert_int_eq(world->gateway.count, before + 1);
  return struck;
}

START_TEST(a_disk_that_gives_out) {
  const struct fault *fault = &FAULTS[_i];
  struct world *world;
  shop_token_t *token;
  long nth;

  fault_vfs_install();
  fault_vfs_reset();
  world = world_new();
  world_put(world, "TEA", 100, "EUR", SHOP_STOCK_UNLIMITED);
  token = world_register(world, "ada@example.org");
  /* A frame of the log is two writes: every other fault takes the first of them. */
  long stride = fault->op == FAULT_WRITE ? 2 : 1;
  for (nth = 1 + _i % stride; nth < 400 && fail_at(world, token, fault, nth);)
    nth += stride;
  ck_assert_int_gt(nth, 3);
  world_pass_ms(world, MAIL_LEASE_MS);
  ck_ok(world, shop_mail_deliver(world->shop, 10000, NULL, world->err));
  ck_assert_int_eq(world_mails(world, "1, 2, 4"), 0);
  ck_assert_int_eq(world_number(world, "SELECT count(*) FROM orders"), world->gateway.count);
  world_close_books(world, 0);
  shop_token_free(token);
  world_free(world);
}
END_TEST

/* ---- a doubtful beginning ------------------------------------------------ */

/* Nobody can tell whether the order was stored: the gateway is not called, no order is given, and
   the same key finds out. */
START_TEST(a_doubtful_beginning) {
  static const struct form FORM = {.method = CARD, .key = "a key"};
  struct world *world;
  shop_order_t *order = NULL;
  int64_t cart_id;
  shop_token_t *token;

  fault_vfs_install();
  fault_vfs_reset();
  world = world_new();
  world_put(world, "TEA", 100, "EUR", 5);
  token = world_shopper(world, "ada@example.org", "TEA", 1, &cart_id);
  fault_vfs_fail((struct fault_rule){.op = FAULT_SYNC,
                                     .file = FAULT_WAL,
                                     .nth = 1,
                                     .times = FAULT_ALWAYS,
                                     .code = SQLITE_IOERR_FSYNC});
  ck_status(world, world_purchase(world, token, cart_id, &FORM, &order), SHOP_ERR_COMMIT_UNKNOWN);
  ck_assert_ptr_null(order);
  ck_assert_ptr_nonnull(strstr(shop_error_message(world->err), "same idempotency key"));
  ck_assert_int_eq(world->gateway.charges, 0);
  ck_assert_int_eq(world->transport.calls, 0);
  fault_vfs_reset();
  world_verify(world, 0);
  buy_at_last(world, token, cart_id, &FORM);
  ck_assert_int_eq(world->gateway.count, 1);
  ck_assert_int_eq(world_available(world, "TEA"), 4);
  world_close_books(world, 0);
  shop_token_free(token);
  world_free(world);
}
END_TEST

/* ---- syncs --------------------------------------------------------------- */

static long syncs_of(struct world *world, const shop_token_t *token, const char *sku) {
  int64_t cart_id = world_cart(world, token);
  long before;

  world_add(world, token, cart_id, sku, 1);
  before = fault_vfs_count(FAULT_SYNC, FAULT_WAL);
  shop_order_free(world_bought(world, token, cart_id));
  return fault_vfs_count(FAULT_SYNC, FAULT_WAL) - before;
}

/* Where the host has chosen fewer syncs, carts have none, and every step of a payment has one: the
   order before the charge, and the answer after it. */
START_TEST(payments_are_synced) {
  struct world *world;
  shop_token_t *token;
  long before;

  fault_vfs_install();
  fault_vfs_reset();
  world = world_prepare();
  ck_assert_int_eq(shop_config_set_durability(world->config, SHOP_DURABILITY_NORMAL), SHOP_OK);
  ck_assert_int_eq(shop_config_set_mail_at_once(world->config, false), SHOP_OK);
  world_open(world);
  before = fault_vfs_count(FAULT_SYNC, FAULT_WAL);
  world_put(world, "TEA", 100, "EUR", 5);
  world_put(world, "FREE", 0, "EUR", 5);
  token = world_register(world, "ada@example.org");
  world_add(world, token, world_cart(world, token), "TEA", 1);
  ck_assert_int_eq(fault_vfs_count(FAULT_SYNC, FAULT_WAL), before);
  ck_assert_int_eq(syncs_of(world, token, "TEA"), 2);
  ck_assert_int_eq(syncs_of(world, token, "FREE"), 1);
  world_close_books(world, 0);
  shop_token_free(token);
  world_free(world);
}
END_TEST

/* ---- together ------------------------------------------------------------ */

static _Atomic int32_t clock_calls;

static int64_t counting_clock(void *user) {
  struct world *world = user;

  atomic_fetch_add(&clock_calls, 1);
  return atomic_load(&world->now_ms);
}

struct neighbour {
  struct world *world;
  shop_token_t *token;
  int64_t cart_id;
  int32_t status;
};

static void *buy_beside(void *user) {
  struct neighbour *neighbour = user;
  shop_order_t *order = NULL;

  neighbour->status = form_buy(neighbour->world->shop, neighbour->token, neighbour->cart_id,
                               &(struct form){.method = CARD}, &order, NULL);
  shop_order_free(order);
  return NULL;
}

/* Both have come while another program holds the store: their functions share a commit, which
   fails, and so does the first one's second try. Gives how many have bought. */
static int fail_together(struct world *world, struct neighbour *neighbours) {
  struct rival *rival = rival_begin(world);
  pthread_t threads[2];
  long tries;

  clock_calls = 0;
  for (int i = 0; i < 2; i++)
    ck_assert_int_eq(pthread_create(&threads[i], NULL, buy_beside, &neighbours[i]), 0);
  while (clock_calls < 2) /* each looks at the clock just before it queues */
    sched_yield();
  tries = fault_vfs_count(FAULT_SHM_LOCK, FAULT_MAIN);
  while (fault_vfs_count(FAULT_SHM_LOCK, FAULT_MAIN) < tries + 10)
    sched_yield();
  fault_vfs_fail((struct fault_rule){
      .op = FAULT_WRITE, .file = FAULT_WAL, .nth = 1, .times = 2, .code = SQLITE_FULL});
  rival_end(rival);
  for (int i = 0; i < 2; i++)
    ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
  fault_vfs_reset();
  return (neighbours[0].status == SHOP_OK) + (neighbours[1].status == SHOP_OK);
}

/* An out-of-stock for the sake of a neighbour whose order never came to be is void: the piece is
   there, and goes to who asked second. */
START_TEST(a_refusal_that_was_void) {
  struct world *world;
  struct neighbour neighbours[2];
  int rounds = 0, bought = 0;

  fault_vfs_install();
  fault_vfs_reset();
  world = world_prepare();
  ck_assert_int_eq(shop_config_set_clock(world->config, counting_clock, world), SHOP_OK);
  world_open(world);
  world_put(world, "TEA", 100, "EUR", 1);
  for (int i = 0; i < 2; i++)
    neighbours[i].world = world;
  neighbours[0].token = world_shopper(world, "ada@example.org", "TEA", 1, &neighbours[0].cart_id);
  neighbours[1].token = world_shopper(world, "bob@example.org", "TEA", 1, &neighbours[1].cart_id);
  while (bought == 0) { /* where they came too far apart, neither has bought */
    ck_assert_int_lt(rounds++, 50);
    bought = fail_together(world, neighbours);
    for (int i = 0; i < 2; i++)
      ck_assert_msg(neighbours[i].status == SHOP_OK || neighbours[i].status == SHOP_ERR_DISK_FULL,
                    "%s", shop_status_name(neighbours[i].status));
  }
  ck_assert_int_eq(bought, 1);
  ck_assert_int_eq(world_available(world, "TEA"), 0);
  ck_assert_int_eq(world->gateway.charges, 1);
  world_close_books(world, 0);
  shop_token_free(neighbours[0].token);
  shop_token_free(neighbours[1].token);
  world_free(world);
}
END_TEST

int main(void) {
  Suite *suite = suite_create("commit faults");
  TCase *tcase = tcase_create("commit faults");
  SRunner *runner;
  int failed;

  tcase_set_timeout(tcase, 60);
  tcase_add_loop_test(tcase, a_disk_that_gives_out, 0, sizeof FAULTS / sizeof FAULTS[0]);
  tcase_add_test(tcase, a_doubtful_beginning);
  tcase_add_test(tcase, payments_are_synced);
  tcase_add_test(tcase, a_refusal_that_was_void);
  suite_add_tcase(suite, tcase);
  runner = srunner_create(suite);
  srunner_run_all(runner, CK_ENV);
  failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed == 0 ? 0 : 1;
}
