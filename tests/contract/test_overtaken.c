/* Calls that are overtaken between two of their own steps: by another call that commits in front of
   them, or by the clock while they wait for the store. The place is found by trying all of them: a
   file system of the tests' own stops the call at its nth lock. */
#include "fault_vfs.h"
#include "till.h"

#include <sqlite3.h>
#include <string.h>

#define PLACES 60

/* What happens to a call at one of its locks. */
struct meanwhile {
  long place;
  long locks; /* so far */
  void (*happens)(void *user);
  void *user;
};

static void stop_at(void *user, enum fault_op op, enum fault_file file, long number) {
  struct meanwhile *meanwhile = user;

  (void)file;
  (void)number;
  if (op == FAULT_SHM_LOCK && ++meanwhile->locks == meanwhile->place) {
    fault_vfs_hook(NULL, NULL);
    meanwhile->happens(meanwhile->user);
  }
}

/* True while nobody's transaction has begun to write. */
static bool can_be_written(struct world *world) {
  sqlite3 *db = NULL;
  bool can;

  ck_assert_int_eq(sqlite3_open(world->path, &db), SQLITE_OK);
  can = sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL) == SQLITE_OK;
  ck_assert_int_eq(sqlite3_close(db), SQLITE_OK);
  return can;
}

/* ---- a report and the reference it names --------------------------------------------------- */

struct racing {
  struct till till;
  shop_t *other; /* the report comes in by another shop */
  bool bought;
};

/* The live call commits the reference. Where the report holds the store already, it cannot. */
static void buy_meanwhile(void *user) {
  struct racing *racing = user;
  shop_order_t *order = NULL;

  if (!can_be_written(racing->till.world))
    return;
  racing->bought = true;
  racing->till.world->gateway.mood = GATEWAY_PENDS;
  (void)world_buy(racing->till.world, racing->till.token, racing->till.cart_id, NULL, &order);
  shop_order_free(order);
}

static int32_t report_pending_1(shop_t *shop) {
  shop_payment_report_t *report = NULL;
  shop_order_t *order = NULL;
  int32_t status = shop_payment_report_new(&report);

  status |= shop_payment_report_set_event_id(report, "evt");
  status |= shop_payment_report_set_reference(report, "pending_1");
  status |= shop_payment_report_set_outcome(report, SHOP_OUTCOME_CAPTURED);
  status |= shop_payment_report_set_amount(report, TOTAL, "EUR");
  ck_assert_int_eq(status, SHOP_OK);
  status = shop_payment_report(shop, report, &order, NULL);
  shop_order_free(order);
  shop_payment_report_free(report);
  return status;
}

/* A report that fits nothing when its mail is to be written and fits an order when it is stored:
   the confirmation is a mail with a text, and goes out. *placed: it has placed the order. */
static bool report_overtaken_at(long place, bool *placed) {
  struct racing racing = {.till = till_new(TILL_CHARGE)};
  struct world *world = racing.till.world;
  struct meanwhile meanwhile = {.place = place, .happens = buy_meanwhile, .user = &racing};

  ck_assert_int_eq(shop_config_set_busy_timeout_ms(world->config, 0), SHOP_OK);
  world_reopen(world);
  ck_ok(world, shop_open(world->path, world->config, &racing.other, world->err));
  fault_vfs_hook(stop_at, &meanwhile);
  *placed = report_pending_1(racing.other) == SHOP_OK;
  fault_vfs_hook(NULL, NULL);
  if (*placed) {
    ck_assert_int_eq(world_number(world, "SELECT count(*) FROM outbox WHERE kind = 1"), 1);
    ck_assert_int_eq(
        world_number(world, "SELECT count(*) FROM outbox WHERE kind = 1 AND length(message) > 0"),
        1);
    ck_assert_int_eq(transport_count(&world->transport, SHOP_MAIL_CONFIRMATION), 1);
  }
  ck_assert_int_eq(world_mails(world, "4"), 0);
  ck_assert_int_eq(shop_close(racing.other), SHOP_OK);
  shop_token_free(racing.till.token);
  world_free(world);
  return meanwhile.locks >= place;
}

START_TEST(a_report_and_its_reference) {
  int times = 0;
  bool placed = false;

  fault_vfs_install();
  for (long place = 1; place <= PLACES && report_overtaken_at(place, &placed); place++)
    times += placed;
  ck_assert_int_gt(times, 0);
}
END_TEST

/* ---- a hold that begins meanwhile ------------------------------------------------------------ */

#define HOLD_FOR_MS INT64_C(600000)

/* Ada and Bob, each with the last piece of TEA in the cart; Eve, with one of MILK. */
struct holders {
  struct world *world;
  shop_t *other; /* whose call is overtaken */
  shop_token_t *ada, *bob, *eve;
  int64_t ada_cart, bob_cart, eve_cart;
  int32_t status; /* of Ada's hold; SHOP_ERR_BUSY: she did not come to it */
};

static struct holders holders_new(void) {
  struct holders holders = {.world = world_prepare(), .status = SHOP_ERR_BUSY};
  struct world *world = holders.world;

  ck_assert_int_eq(shop_config_set_busy_timeout_ms(world->config, 0), SHOP_OK);
  world_open(world);
  ck_ok(world, shop_open(world->path, world->config, &holders.other, world->err));
  world_put(world, "TEA", 999, "EUR", 1);
  world_put(world, "MILK", 120, "EUR", 5);
  holders.ada = world_shopper(world, "ada@example.org", "TEA", 1, &holders.ada_cart);
  holders.bob = world_shopper(world, "bob@example.org", "TEA", 1, &holders.bob_cart);
  holders.eve = world_shopper(world, "eve@example.org", "MILK", 1, &holders.eve_cart);
  return holders;
}

static int32_t hold(struct world *world, const shop_token_t *token, int64_t cart_id) {
  shop_cart_t *cart = NULL;
  int32_t status = shop_cart_hold(world->shop, token, cart_id, HOLD_FOR_MS, NULL, &cart, NULL);

  shop_cart_free(cart);
  return status;
}

/* A little later than the other call has looked at the clock. */
static void hold_meanwhile(void *user) {
  struct holders *holders = user;

  if (!can_be_written(holders->world))
    return;
  world_pass_ms(holders->world, 5);
  holders->status = hold(holders->world, holders->ada, holders->ada_cart);
}

/* Who was told that the piece is held has it still; nobody else was told so. */
static void holders_end(struct holders *holders) {
  struct world *world = holders->world;
  shop_cart_t *cart = NULL;

  fault_vfs_hook(NULL, NULL);
  ck_ok(world, shop_cart_get(world->shop, holders->ada, holders->ada_cart, &cart, world->err));
  ck_assert_int_eq(shop_cart_held_until_ms(cart) != 0, holders->status == SHOP_OK);
  shop_cart_free(cart);
  world_verify(world, 0);
  ck_assert_int_eq(shop_close(holders->other), SHOP_OK);
  shop_token_free(holders->ada);
  shop_token_free(holders->bob);
  shop_token_free(holders->eve);
  world_free(world);
}

/* A purchase with an older clock does not take the piece from a hold that has just begun. */
START_TEST(a_hold_before_a_purchase) {
  struct meanwhile meanwhile = {.place = 0};
  int times = 0;

  fault_vfs_install();
  do {
    struct holders holders = holders_new();
    shop_order_t *order = NULL;
    int32_t status;

    meanwhile = (struct meanwhile){
        .place = meanwhile.place + 1, .happens = hold_meanwhile, .user = &holders};
    fault_vfs_hook(stop_at, &meanwhile);
    status = form_buy(holders.other, holders.bob, holders.bob_cart, &(struct form){.method = CARD},
                      &order, NULL);
    fault_vfs_hook(NULL, NULL);
    shop_order_free(order);
    ck_assert(holders.status != SHOP_OK || status != SHOP_OK);
    times += holders.status == SHOP_OK && status == SHOP_ERR_OUT_OF_STOCK;
    holders_end(&holders);
  } while (meanwhile.locks >= meanwhile.place && meanwhile.place < PLACES);
  ck_assert_int_gt(times, 0);
}
END_TEST

/* Nor does upkeep end it, when it has found one that is over. */
START_TEST(a_hold_before_upkeep) {
  struct meanwhile meanwhile = {.place = 0};
  int times = 0;

  fault_vfs_install();
  do {
    struct holders holders = holders_new();
    int32_t status;

    ck_ok(holders.world, hold(holders.world, holders.eve, holders.eve_cart));
    world_pass_ms(holders.world, HOLD_FOR_MS);
    meanwhile = (struct meanwhile){
        .place = meanwhile.place + 1, .happens = hold_meanwhile, .user = &holders};
    fault_vfs_hook(stop_at, &meanwhile);
    status = shop_recover(holders.other, 10, NULL, NULL);
    fault_vfs_hook(NULL, NULL);
    ck_assert(status == SHOP_OK || status == SHOP_ERR_BUSY);
    times += holders.status == SHOP_OK && status == SHOP_OK;
    holders_end(&holders);
  } while (meanwhile.locks >= meanwhile.place && meanwhile.place < PLACES);
  ck_assert_int_gt(times, 0);
}
END_TEST

/* ---- a mail and its lease ------------------------------------------------------------------- */

struct waiting {
  struct world *world;
  bool waited;
  int32_t taken; /* by a second deliverer, while the first one hands it over */
};

/* The store is held by somebody else for longer than a lease, just before the transaction. */
static void wait_long(void *user) {
  struct waiting *waiting = user;

  if (!can_be_written(waiting->world) ||
      world_number(waiting->world, "SELECT count(*) FROM outbox WHERE state = 2") != 0)
    return;
  waiting->waited = true;
  world_pass_ms(waiting->world, MAIL_LEASE_MS);
}

static void take_beside(struct transport *transport, void *user) {
  struct waiting *waiting = user;
  shop_mail_t *mail = NULL;

  (void)transport;
  ck_assert_int_eq(shop_mail_take(waiting->world->shop, NULL, &mail, NULL), SHOP_OK);
  waiting->taken += mail != NULL;
  shop_mail_free(mail);
}

static void wait_at(struct waiting *waiting, struct meanwhile *meanwhile) {
  *meanwhile = (struct meanwhile){.place = meanwhile->place, .happens = wait_long, .user = waiting};
  waiting->world->transport.hook = take_beside;
  waiting->world->transport.hook_user = waiting;
  fault_vfs_hook(stop_at, meanwhile);
}

static void ck_one_holder(struct waiting *waiting, int32_t kind) {
  fault_vfs_hook(NULL, NULL);
  ck_assert_int_eq(waiting->taken, 0);
  ck_assert_int_eq(transport_count(&waiting->world->transport, kind), 1);
}

/* The mail of a call that hands it over itself has one holder, however long the cause had to wait
   for the store: here a registration. */
START_TEST(a_lease_of_a_call_that_waited) {
  struct meanwhile meanwhile = {.place = 0};
  int times = 0;

  fault_vfs_install();
  do {
    struct waiting waiting = {.world = world_prepare()};

    ck_assert_int_eq(shop_config_set_mail_kind(waiting.world->config, SHOP_MAIL_WELCOME, true),
                     SHOP_OK);
    world_open(waiting.world);
    meanwhile.place++;
    wait_at(&waiting, &meanwhile);
    shop_token_free(world_register(waiting.world, "ada@example.org"));
    ck_one_holder(&waiting, SHOP_MAIL_WELCOME);
    times += waiting.waited;
    world_free(waiting.world);
  } while (meanwhile.locks >= meanwhile.place && meanwhile.place < PLACES);
  ck_assert_int_gt(times, 0);
}
END_TEST

/* And a cancellation that asks nothing of the gateway. */
START_TEST(a_lease_of_a_cancellation_that_waited) {
  struct meanwhile meanwhile = {.place = 0};
  int times = 0;

  fault_vfs_install();
  do {
    struct till till = till_new(TILL_OPERATIONS);
    struct waiting waiting = {.world = till.world};

    till_buy(&till, GATEWAY_APPROVES, SHOP_OK);
    ck_till(&till, till_refund(&till, 0, NULL), SHOP_OK);
    meanwhile.place++;
    wait_at(&waiting, &meanwhile);
    ck_till(&till, till_cancel(&till, NULL), SHOP_OK);
    ck_one_holder(&waiting, SHOP_MAIL_ORDER_CANCELLED);
    times += waiting.waited;
    till_end(&till, 0);
  } while (meanwhile.locks >= meanwhile.place && meanwhile.place < PLACES);
  ck_assert_int_gt(times, 0);
}
END_TEST

int main(void) {
  const TTest *const tests[] = {
      a_report_and_its_reference,
      a_hold_before_a_purchase,
      a_hold_before_upkeep,
      a_lease_of_a_call_that_waited,
      a_lease_of_a_cancellation_that_waited,
  };

  return HARNESS_RUN("overtaken", tests);
}
