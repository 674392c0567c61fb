/* The gateway's own reports, and a person's decisions: in any order, twice, before the live call
   has returned, about nothing that is known; each gives one outcome, and no money is dropped. */
#include "till.h"

#include <stdio.h>
#include <string.h>

static int32_t unmatched(struct till *till) {
  shop_report_page_t *page = NULL;
  int32_t count;

  ck_ok(till->world,
        shop_payment_list_unmatched(till->world->shop, 0, 1000, &page, till->world->err));
  count = shop_report_page_count(page);
  shop_report_page_free(page);
  return count;
}

static bool contradiction(struct till *till) {
  shop_order_t *order = till_order(till);
  bool has = shop_order_has_contradiction(order);

  shop_order_free(order);
  return has;
}

/* ---- the form ------------------------------------------------------------------------ */

START_TEST(what_a_report_needs) {
  struct till till = till_new(TILL_CHARGE);
  shop_payment_report_t *report = NULL;
  shop_order_t *order = NULL;
  char longest[257];

  memset(longest, 'x', 256);
  longest[256] = '\0';
  till_buy(&till, GATEWAY_SILENT, SHOP_UNKNOWN);
#define GIVE(wanted)                                                                               \
  ck_refused(till.world, shop_payment_report(till.world->shop, report, &order, till.world->err),   \
             wanted)
  GIVE(SHOP_ERR_ARGUMENT); /* NULL */
  ck_assert_int_eq(shop_payment_report_new(NULL), SHOP_ERR_ARGUMENT);
  ck_assert_int_eq(shop_payment_report_new(&report), SHOP_OK);
  GIVE(SHOP_ERR_ARGUMENT);
  ck_assert_int_eq(shop_payment_report_set_event_id(report, ""), SHOP_ERR_ARGUMENT);
  ck_assert_int_eq(shop_payment_report_set_event_id(report, NULL), SHOP_ERR_ARGUMENT);
  ck_assert_int_eq(shop_payment_report_set_event_id(report, "a\nb"), SHOP_ERR_TEXT);
  ck_assert_int_eq(shop_payment_report_set_event_id(report, longest), SHOP_ERR_TOO_LONG);
  ck_assert_int_eq(shop_payment_report_set_event_id(report, longest + 1), SHOP_OK);
  ck_assert_int_eq(shop_payment_report_set_key(report, longest), SHOP_ERR_TOO_LONG);
  ck_assert_int_eq(shop_payment_report_set_reference(report, longest), SHOP_ERR_TOO_LONG);
  ck_assert_int_eq(shop_payment_report_set_reason(report, longest), SHOP_ERR_TOO_LONG);
  GIVE(SHOP_ERR_ARGUMENT); /* no outcome */
  ck_assert_int_eq(shop_payment_report_set_outcome(report, 0), SHOP_ERR_ARGUMENT);
  ck_assert_int_eq(shop_payment_report_set_outcome(report, 8), SHOP_ERR_ARGUMENT);
  ck_assert_int_eq(shop_payment_report_set_outcome(report, 100), SHOP_ERR_ARGUMENT);
  ck_assert_int_eq(shop_payment_report_set_outcome(report, SHOP_OUTCOME_CAPTURED), SHOP_OK);
  GIVE(SHOP_ERR_ARGUMENT); /* neither key nor reference */
  ck_assert_int_eq(shop_payment_report_set_key(report, till_key(&till, 0)), SHOP_OK);
  GIVE(SHOP_ERR_ARGUMENT); /* no amount */
  ck_assert_int_eq(shop_payment_report_set_amount(report, 0, "EUR"), SHOP_ERR_ARGUMENT);
  ck_assert_int_eq(shop_payment_report_set_amount(report, -1, "EUR"), SHOP_ERR_ARGUMENT);
  ck_assert_int_eq(shop_payment_report_set_amount(report, 1, NULL), SHOP_ERR_ARGUMENT);
  ck_assert_int_eq(shop_payment_report_set_amount(report, 1, "XXQ"), SHOP_ERR_CURRENCY);
  GIVE(SHOP_ERR_ARGUMENT);
  ck_assert_ptr_null(order);
  ck_assert_int_eq(shop_payment_report_set_amount(report, TOTAL, "EUR"), SHOP_OK);
  ck_ok(till.world, shop_payment_report(till.world->shop, report, NULL, till.world->err));
  till_stands(&till, SHOP_ORDER_PLACED, SHOP_PAYMENT_CAPTURED);
  shop_payment_report_free(report);
  shop_payment_report_free(NULL);
  till_end_unbooked(&till, 0);
}
END_TEST

/* ---- every order of news ------------------------------------------------------------------ */

/* What was lost with the live answer comes by a report: of every kind, by key or by reference. */
START_TEST(instead_of_the_answer) {
  static const struct {
    int32_t outcome, order, payment;
  } cases[] = {
      {SHOP_OUTCOME_CAPTURED, SHOP_ORDER_PLACED, SHOP_PAYMENT_CAPTURED},
      {SHOP_OUTCOME_AUTHORIZED, SHOP_ORDER_PLACED, SHOP_PAYMENT_AUTHORIZED},
      {SHOP_OUTCOME_DECLINED, SHOP_ORDER_FAILED, SHOP_PAYMENT_DECLINED},
      {SHOP_OUTCOME_VOIDED, SHOP_ORDER_FAILED, SHOP_PAYMENT_VOIDED},
      {SHOP_OUTCOME_PENDING, SHOP_ORDER_PENDING, SHOP_PAYMENT_PENDING},
      {SHOP_OUTCOME_ACTION_REQUIRED, SHOP_ORDER_PENDING, SHOP_PAYMENT_ACTION_REQUIRED},
  };

  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
    for (int by_reference = 0; by_reference < 2; by_reference++) {
      struct till till = till_new(TILL_OPERATIONS);

      till_buy(&till, by_reference ? GATEWAY_PENDS : GATEWAY_SILENT,
               by_reference ? SHOP_PENDING : SHOP_UNKNOWN);
      for (int again = 0; again < 3; again++)
        ck_report(&till, SHOP_OK, .event_id = again == 2 ? NULL : "evt",
                  .key = by_reference ? NULL : till_key(&till, 0), .reference = "pending_1",
                  .outcome = cases[i].outcome, .amount_minor = TOTAL, .reason = "so it is");
      till_stands(&till, cases[i].order, cases[i].payment);
      ck_assert_int_eq(transport_count(&till.world->transport, SHOP_MAIL_CONFIRMATION),
                       cases[i].order == SHOP_ORDER_PLACED);
      ck_assert_int_eq(transport_count(&till.world->transport, SHOP_MAIL_PAYMENT_FAILED),
                       cases[i].order == SHOP_ORDER_FAILED);
      ck_assert_int_eq(unmatched(&till), 0);
      till_end_unbooked(&till, 0);
    }
}
END_TEST

/* Before the live call has returned, from inside its callback; then the live answer comes. */
static struct till *inside;
static struct news inside_news;
static int32_t inside_wanted;

static void report_inside(struct gateway *gateway, void *user) {
  (void)gateway;
  (void)user;
  world_text(inside->world, "SELECT number FROM orders", inside->number, sizeof inside->number);
  inside_news.key = till_key(inside, 0);
  ck_status(inside->world, till_report(inside, &inside_news), inside_wanted);
}

static struct till overtaken(struct news news, int32_t wanted, enum gateway_mood live,
                             int32_t status) {
  static struct till till;

  till = till_new(TILL_OPERATIONS);
  inside = &till;
  inside_news = news;
  inside_wanted = wanted;
  till.world->gateway.after = report_inside;
  till_buy(&till, live, status);
  till.world->gateway.after = NULL;
  return till;
}

START_TEST(before_the_answer) {
  struct till till;

  /* The same news, with and without a reference: nothing new. */
  till = overtaken(
      (struct news){.reference = "ch_1", .outcome = SHOP_OUTCOME_CAPTURED, .amount_minor = TOTAL},
      SHOP_OK, GATEWAY_APPROVES, SHOP_OK);
  till_stands(&till, SHOP_ORDER_PLACED, SHOP_PAYMENT_CAPTURED);
  ck_assert_int_eq(till.world->transport.count, 1);
  till_end(&till, 0);
  till = overtaken((struct news){.outcome = SHOP_OUTCOME_CAPTURED, .amount_minor = TOTAL}, SHOP_OK,
                   GATEWAY_APPROVES, SHOP_OK);
  till_stands(&till, SHOP_ORDER_PLACED, SHOP_PAYMENT_CAPTURED);
  ck_assert_int_eq(till.world->transport.count, 1);
  till_end(&till, 0); /* the books want the reference on the order */
  /* Captured, and the live call says declined: an event, no more. */
  till = overtaken(
      (struct news){.reference = "ch_x", .outcome = SHOP_OUTCOME_CAPTURED, .amount_minor = TOTAL},
      SHOP_OK, GATEWAY_DECLINES, SHOP_OK);
  till_stands(&till, SHOP_ORDER_PLACED, SHOP_PAYMENT_CAPTURED);
  till_end_unbooked(&till, 0);
  /* Declined, and the live call says captured: late money. */
  till = overtaken((struct news){.outcome = SHOP_OUTCOME_DECLINED}, SHOP_OK, GATEWAY_APPROVES,
                   SHOP_DECLINED);
  till_stands(&till, SHOP_ORDER_FAILED, SHOP_PAYMENT_CAPTURED);
  till_end(&till, 1);
  /* Two captures. */
  till = overtaken(
      (struct news){.reference = "ch_x", .outcome = SHOP_OUTCOME_CAPTURED, .amount_minor = TOTAL},
      SHOP_OK, GATEWAY_APPROVES, SHOP_OK);
  ck_assert(contradiction(&till));
  till_end_unbooked(&till, 1);
  /* Of another amount. */
  till = overtaken(
      (struct news){.reference = "ch_1", .outcome = SHOP_OUTCOME_CAPTURED, .amount_minor = 1},
      SHOP_MISMATCH, GATEWAY_SILENT, SHOP_MISMATCH);
  till_stands(&till, SHOP_ORDER_PENDING, SHOP_PAYMENT_CAPTURED);
  till_end_unbooked(&till, 1);
}
END_TEST

/* Old news after new: pending, action required, authorized after the end change nothing. */
START_TEST(old_news) {
  static const enum gateway_mood ends[] = {GATEWAY_APPROVES, GATEWAY_AUTHORIZES};
  static const int32_t old[] = {SHOP_OUTCOME_PENDING, SHOP_OUTCOME_ACTION_REQUIRED,
                                SHOP_OUTCOME_AUTHORIZED};

  for (int i = 0; i < 2; i++) {
    struct till till = till_new(TILL_OPERATIONS);
    int32_t payment = i == 0 ? SHOP_PAYMENT_CAPTURED : SHOP_PAYMENT_AUTHORIZED;

    till_buy(&till, ends[i], SHOP_OK);
    for (int j = 0; j < 3; j++)
      ck_report(&till, SHOP_OK, .key = till_key(&till, 0), .outcome = old[j],
                .amount_minor = TOTAL);
    till_stands(&till, SHOP_ORDER_PLACED, payment);
    till_end(&till, 0);
  }
}
END_TEST

/* A captured payment that is told of again, without its reference or by another event, is the same
   money; of another reference, amount or currency it is other money, and a person's. */
START_TEST(captured_again) {
  struct till till = till_new(TILL_OPERATIONS);

  till_buy(&till, GATEWAY_APPROVES, SHOP_OK);
  ck_report(&till, SHOP_OK, .key = till_key(&till, 0), .outcome = SHOP_OUTCOME_CAPTURED,
            .amount_minor = TOTAL);
  ck_report(&till, SHOP_OK, .reference = "ch_1", .outcome = SHOP_OUTCOME_CAPTURED,
            .amount_minor = TOTAL);
  ck_assert(!contradiction(&till));
  world_verify(till.world, 0);
  ck_report(&till, SHOP_CONTRADICTION, .key = till_key(&till, 0), .reference = "ch_2",
            .outcome = SHOP_OUTCOME_CAPTURED, .amount_minor = TOTAL);
  ck_assert(contradiction(&till));
  ck_report(&till, SHOP_CONTRADICTION, .reference = "ch_1", .outcome = SHOP_OUTCOME_CAPTURED,
            .amount_minor = 1);
  ck_report(&till, SHOP_CONTRADICTION, .reference = "ch_1", .outcome = SHOP_OUTCOME_CAPTURED,
            .amount_minor = TOTAL, .currency = "USD");
  till_money(&till, TOTAL, 0);
  till_end_unbooked(&till, 1);
}
END_TEST

/* What cannot be after what is known is noted and changes nothing. */
START_TEST(impossible) {
  struct till till = till_new(TILL_OPERATIONS);

  till_buy(&till, GATEWAY_APPROVES, SHOP_OK);
  ck_report(&till, SHOP_CONTRADICTION, .key = till_key(&till, 0), .outcome = SHOP_OUTCOME_DECLINED);
  ck_report(&till, SHOP_CONTRADICTION, .key = till_key(&till, 0), .outcome = SHOP_OUTCOME_VOIDED);
  till_history(&till,
               "order.created payment.captured order.placed mail.sent"
               " payment.contradiction payment.contradiction");
  till_stands(&till, SHOP_ORDER_PLACED, SHOP_PAYMENT_CAPTURED);
  till_end(&till, 0); /* a decline after a capture is only an event */
  till = till_new(TILL_OPERATIONS);
  till_buy(&till, GATEWAY_SILENT, SHOP_UNKNOWN);
  ck_report(&till, SHOP_CONTRADICTION, .key = till_key(&till, 0), .reference = "re_1",
            .outcome = SHOP_OUTCOME_REFUNDED, .amount_minor = TOTAL);
  till_stands(&till, SHOP_ORDER_PENDING, SHOP_PAYMENT_SENT);
  till_end_unbooked(&till, 1);
}
END_TEST

/* A decline, then money: late. Once, whatever is repeated; then of another amount. */
START_TEST(late) {
  struct till till = till_new(TILL_OPERATIONS);

  till_buy(&till, GATEWAY_DECLINES, SHOP_DECLINED);
  for (int i = 0; i < 2; i++)
    ck_report(&till, SHOP_OK, .key = till_key(&till, 0), .reference = "ch_late",
              .outcome = SHOP_OUTCOME_CAPTURED, .amount_minor = TOTAL);
  till_history(&till, "order.created payment.declined order.failed payment.captured payment.late");
  till_end_unbooked(&till, 1);
  till = till_new(TILL_OPERATIONS);
  till_buy(&till, GATEWAY_DECLINES, SHOP_DECLINED);
  ck_report(&till, SHOP_MISMATCH, .key = till_key(&till, 0), .reference = "ch_late",
            .outcome = SHOP_OUTCOME_CAPTURED, .amount_minor = 1);
  till_money(&till, 1, 0);
  till_stands(&till, SHOP_ORDER_FAILED, SHOP_PAYMENT_CAPTURED);
  till_end_unbooked(&till, 2);
}
END_TEST

/* ---- what fits nothing --------------------------------------------------------------------- */

START_TEST(unknown_ones_are_kept) {
  struct till till = till_new(TILL_OPERATIONS);
  shop_report_page_t *page = NULL;
  char foreign[80], next[80];

  till_buy(&till, GATEWAY_SILENT, SHOP_UNKNOWN);
  snprintf(foreign, sizeof foreign, "%s", till_key(&till, 0));
  foreign[6] = foreign[6] == 'a' ? 'b' : 'a'; /* the same id, of another shop */
  snprintf(next, sizeof next, "%s0", till_key(&till, 0));
  ck_report(&till, SHOP_UNMATCHED, .event_id = "e1", .key = foreign, .reason = "whose?",
            .outcome = SHOP_OUTCOME_CAPTURED, .amount_minor = TOTAL);
  ck_report(&till, SHOP_UNMATCHED, .event_id = "e2", .key = next, .outcome = SHOP_OUTCOME_DECLINED);
  ck_report(&till, SHOP_UNMATCHED, .event_id = "e3", .key = "anything",
            .outcome = SHOP_OUTCOME_DECLINED);
  ck_report(&till, SHOP_UNMATCHED, .event_id = "e4", .reference = "ch_77",
            .outcome = SHOP_OUTCOME_REFUNDED, .amount_minor = 5, .currency = "JPY");
  ck_report(&till, SHOP_UNMATCHED, .event_id = "e4", .reference = "ch_77",
            .outcome = SHOP_OUTCOME_REFUNDED, .amount_minor = 5, .currency = "JPY");
  till_stands(&till, SHOP_ORDER_PENDING, SHOP_PAYMENT_SENT);
  ck_ok(till.world, shop_payment_list_unmatched(till.world->shop, 0, 3, &page, till.world->err));
  ck_assert_int_eq(shop_report_page_count(page), 3);
  ck_assert_str_eq(shop_report_page_event_id(page, 0), "e1");
  ck_assert_str_eq(shop_report_page_key(page, 0), foreign);
  ck_assert_str_eq(shop_report_page_reference(page, 0), "");
  ck_assert_str_eq(shop_report_page_reason(page, 0), "whose?");
  ck_assert_int_eq(shop_report_page_outcome(page, 0), SHOP_OUTCOME_CAPTURED);
  ck_assert_int_eq(shop_report_page_amount_minor(page, 0), TOTAL);
  ck_assert_int_eq(shop_report_page_received_at_ms(page, 0), WORLD_START_MS);
  ck_assert_str_eq(shop_report_page_event_id(page, 3), "");
  ck_assert_str_eq(shop_report_page_event_id(page, -1), "");
  ck_assert_int_eq(shop_report_page_id(page, 3), 0);
  foreign[0] = '\0';
  next[0] = '\0';
  {
    int64_t after = shop_report_page_id(page, 2);

    shop_report_page_free(page);
    ck_ok(till.world,
          shop_payment_list_unmatched(till.world->shop, after, 3, &page, till.world->err));
  }
  ck_assert_int_eq(shop_report_page_count(page), 1);
  ck_assert_str_eq(shop_report_page_event_id(page, 0), "e4");
  ck_assert_str_eq(shop_report_page_currency(page, 0), "JPY");
  ck_assert_str_eq(shop_report_page_reference(page, 0), "ch_77");
  shop_report_page_free(page);
  shop_report_page_free(NULL);
  ck_assert_int_eq(shop_report_page_count(NULL), 0);
  ck_refused(till.world,
             shop_payment_list_unmatched(till.world->shop, 0, 0, &page, till.world->err),
             SHOP_ERR_ARGUMENT);
  ck_refused(till.world,
             shop_payment_list_unmatched(till.world->shop, 0, 10, NULL, till.world->err),
             SHOP_ERR_ARGUMENT);
  till_end(&till, 0);
}
END_TEST

/* The report came before the shop knew the reference: kept; and when the gateway sends the same
   event again, it fits, and its money is not dropped. */
START_TEST(unknown_and_then_known) {
  struct till till = till_new(TILL_OPERATIONS);

  till_buy(&till, GATEWAY_SILENT, SHOP_UNKNOWN);
  ck_report(&till, SHOP_UNMATCHED, .event_id = "evt", .reference = "pending_1",
            .outcome = SHOP_OUTCOME_CAPTURED, .amount_minor = TOTAL);
  ck_assert_int_eq(unmatched(&till), 1);
  till.world->gateway.mood = GATEWAY_PENDS;
  world_pass_ms(till.world, GATEWAY_LEASE_MS);
  ck_till(&till, till_resume(&till), SHOP_PENDING);
  ck_report(&till, SHOP_OK, .event_id = "evt", .reference = "pending_1",
            .outcome = SHOP_OUTCOME_CAPTURED, .amount_minor = TOTAL);
  till_stands(&till, SHOP_ORDER_PLACED, SHOP_PAYMENT_CAPTURED);
  ck_assert_int_eq(unmatched(&till), 0);
  ck_report(&till, SHOP_OK, .event_id = "evt", .reference = "pending_1",
            .outcome = SHOP_OUTCOME_CAPTURED, .amount_minor = TOTAL);
  till_end_unbooked(&till, 0);
}
END_TEST

/* One event is taken once, whatever it says the second time. */
START_TEST(one_event_once) {
  struct till till = till_new(TILL_OPERATIONS);

  till_buy(&till, GATEWAY_SILENT, SHOP_UNKNOWN);
  ck_report(&till, SHOP_OK, .event_id = "evt", .key = till_key(&till, 0),
            .outcome = SHOP_OUTCOME_PENDING);
  ck_report(&till, SHOP_OK, .event_id = "evt", .key = till_key(&till, 0),
            .outcome = SHOP_OUTCOME_DECLINED);
  till_stands(&till, SHOP_ORDER_PENDING, SHOP_PAYMENT_PENDING);
  ck_report(&till, SHOP_OK, .event_id = "refund 1", .key = till_key(&till, 0),
            .outcome = SHOP_OUTCOME_CAPTURED, .amount_minor = TOTAL);
  for (int i = 0; i < 3; i++)
    ck_report(&till, SHOP_OK, .event_id = "refund 2", .key = till_key(&till, 0),
              .reference = "re_1", .outcome = SHOP_OUTCOME_REFUNDED, .amount_minor = 100);
  till_money(&till, TOTAL, 100);
  till_end_unbooked(&till, 0);
}
END_TEST

struct racer {
  pthread_t thread;
  struct till *till;
  char key[80];
  int number;
  int32_t status;
};

static void *race(void *user) {
  struct racer *racer = user;
  shop_payment_report_t *report = NULL;
  char event_id[20];

  snprintf(event_id, sizeof event_id, "e%d", racer->number / 2); /* each event comes twice */
  if (shop_payment_report_new(&report) == SHOP_OK &&
      shop_payment_report_set_event_id(report, event_id) == SHOP_OK &&
      shop_payment_report_set_key(report, racer->key) == SHOP_OK &&
      shop_payment_report_set_amount(report, TOTAL, "EUR") == SHOP_OK &&
      shop_payment_report_set_outcome(report, racer->number / 2 % 2 == 0
                                                  ? SHOP_OUTCOME_CAPTURED
                                                  : SHOP_OUTCOME_DECLINED) == SHOP_OK)
    racer->status = shop_payment_report(racer->till->world->shop, report, NULL, NULL);
  shop_payment_report_free(report);
  return NULL;
}

/* Eight at once, captures and declines: one order placed with its confirmation, or failed
   with late money and the mail that says so; one mail in any case. */
START_TEST(reports_that_race) {
  struct till till = till_new(TILL_OPERATIONS);
  struct racer racers[8];
  shop_order_t *order;

  till_buy(&till, GATEWAY_SILENT, SHOP_UNKNOWN);
  for (int i = 0; i < 8; i++) {
    racers[i] = (struct racer){.till = &till, .number = i, .status = 1};
    snprintf(racers[i].key, sizeof racers[i].key, "%s", till_key(&till, 0));
  }
  for (int i = 0; i < 8; i++)
    ck_assert_int_eq(pthread_create(&racers[i].thread, NULL, race, &racers[i]), 0);
  for (int i = 0; i < 8; i++) {
    pthread_join(racers[i].thread, NULL);
    ck_assert(racers[i].status == SHOP_OK || racers[i].status == SHOP_CONTRADICTION);
  }
  till_money(&till, TOTAL, 0);
  order = till_order(&till);
  ck_assert_int_eq(shop_order_payment_status(order), SHOP_PAYMENT_CAPTURED);
  ck_assert_int_eq(shop_order_has_late_money(order), shop_order_status(order) == SHOP_ORDER_FAILED);
  ck_assert_int_eq(till.world->transport.count, 1);
  till_end_unbooked(&till, shop_order_has_late_money(order));
  shop_order_free(order);
}
END_TEST

/* ---- a person's decision ----------------------------------------------------------------------
 */

static struct till unknown(void) {
  struct till till = till_new(TILL_CHARGE);

  till_buy(&till, GATEWAY_SILENT, SHOP_UNKNOWN);
  ck_refused(till.world, till_resolve(&till, SHOP_OUTCOME_CAPTURED, "ch_x", TOTAL),
             SHOP_ERR_STATE); /* recovery still knows what to do */
  world_pass_ms(till.world, KEY_LIFE_MS);
  ck_recovered(till.world, .examined = 1, .unknown = 1);
  till_stands(&till, SHOP_ORDER_PENDING, SHOP_PAYMENT_UNKNOWN);
  world_verify(till.world, 1);
  return till;
}

START_TEST(decided) {
  static const struct {
    int32_t outcome, order, payment;
  } cases[] = {
      {SHOP_OUTCOME_CAPTURED, SHOP_ORDER_PLACED, SHOP_PAYMENT_CAPTURED},
      {SHOP_OUTCOME_AUTHORIZED, SHOP_ORDER_PLACED, SHOP_PAYMENT_AUTHORIZED},
      {SHOP_OUTCOME_DECLINED, SHOP_ORDER_FAILED, SHOP_PAYMENT_DECLINED},
      {SHOP_OUTCOME_VOIDED, SHOP_ORDER_FAILED, SHOP_PAYMENT_VOIDED},
  };

  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    struct till till = unknown();
    shop_order_t *order;

    ck_till(&till, till_resolve(&till, cases[i].outcome, i < 2 ? "ch_x" : NULL, i < 2 ? TOTAL : 0),
            SHOP_OK);
    till_stands(&till, cases[i].order, cases[i].payment);
    order = till_order(&till);
    ck_assert_str_eq(order_event(order, "payment.resolved"), "eve looked it up");
    ck_assert_str_eq(shop_order_gateway_reference(order), i < 2 ? "ch_x" : "");
    shop_order_free(order);
    ck_refused(till.world, till_resolve(&till, cases[i].outcome, "ch_x", TOTAL), SHOP_ERR_STATE);
    ck_assert_int_eq(transport_count(&till.world->transport, SHOP_MAIL_CONFIRMATION), i < 2);
    ck_assert_int_eq(transport_count(&till.world->transport, SHOP_MAIL_PAYMENT_FAILED), i >= 2);
    till_end_unbooked(&till, 0);
  }
}
END_TEST

struct judge {
  pthread_t thread;
  struct till *till;
  int32_t status;
};

static void *judge(void *user) {
  struct judge *at = user;

  at->status = shop_payment_resolve(at->till->world->shop, at->till->number, SHOP_OUTCOME_CAPTURED,
                                    "ch_x", TOTAL, "EUR", "me too", NULL, NULL, NULL);
  return NULL;
}

/* Eight persons at once: one has decided, the others are told that nothing is unknown any more. */
START_TEST(decided_at_once) {
  for (int round = 0; round < 5; round++) {
    struct till till = unknown();
    struct judge judges[8];
    int done = 0;

    for (int i = 0; i < 8; i++) {
      judges[i] = (struct judge){.till = &till, .status = 1};
      ck_assert_int_eq(pthread_create(&judges[i].thread, NULL, judge, &judges[i]), 0);
    }
    for (int i = 0; i < 8; i++) {
      pthread_join(judges[i].thread, NULL);
      ck_assert(judges[i].status == SHOP_OK || judges[i].status == SHOP_ERR_STATE);
      done += judges[i].status == SHOP_OK;
    }
    ck_assert_int_eq(done, 1);
    ck_assert_int_eq(world_number(till.world,
                                  "SELECT count(*) FROM events"
                                  " WHERE name = 'payment.resolved'"),
                     1);
    till_end_unbooked(&till, 0);
  }
}
END_TEST

/* A decision of another amount is a mismatch like any answer; and the gateway's own word, when it
   comes after a person's, is heard. */
START_TEST(decided_otherwise) {
  struct till till = unknown();

  ck_till(&till, till_resolve(&till, SHOP_OUTCOME_CAPTURED, "ch_x", TOTAL - 1), SHOP_MISMATCH);
  till_stands(&till, SHOP_ORDER_PENDING, SHOP_PAYMENT_CAPTURED);
  till_end_unbooked(&till, 1);
  till = unknown();
  ck_till(&till, till_resolve(&till, SHOP_OUTCOME_DECLINED, NULL, 0), SHOP_OK);
  ck_report(&till, SHOP_OK, .key = till_key(&till, 0), .reference = "ch_x",
            .outcome = SHOP_OUTCOME_CAPTURED, .amount_minor = TOTAL);
  till_stands(&till, SHOP_ORDER_FAILED, SHOP_PAYMENT_CAPTURED);
  till_end_unbooked(&till, 1);
  till = unknown();
  ck_report(&till, SHOP_OK, .key = till_key(&till, 0), .reference = "ch_x",
            .outcome = SHOP_OUTCOME_CAPTURED, .amount_minor = TOTAL); /* unknown no more */
  ck_refused(till.world, till_resolve(&till, SHOP_OUTCOME_DECLINED, NULL, 0), SHOP_ERR_STATE);
  till_end_unbooked(&till, 0);
}
END_TEST

START_TEST(no_decision) {
  struct till till = unknown();
  shop_t *shop = till.world->shop;
  shop_error_t *err = till.world->err;
  shop_order_t *order = NULL;

#define RESOLVE(number, outcome, reference, amount, currency, note, wanted)                        \
  ck_refused(till.world,                                                                           \
             shop_payment_resolve(shop, number, outcome, reference, amount, currency, note, NULL,  \
                                  &order, err),                                                    \
             wanted)
  RESOLVE(NULL, SHOP_OUTCOME_DECLINED, NULL, 0, NULL, "n", SHOP_ERR_ARGUMENT);
  RESOLVE("0123456789AB", SHOP_OUTCOME_DECLINED, NULL, 0, NULL, "n", SHOP_ERR_NOT_FOUND);
  RESOLVE(till.number, SHOP_OUTCOME_PENDING, NULL, 0, NULL, "n", SHOP_ERR_ARGUMENT);
  RESOLVE(till.number, SHOP_OUTCOME_ACTION_REQUIRED, NULL, 0, NULL, "n", SHOP_ERR_ARGUMENT);
  RESOLVE(till.number, 0, NULL, 0, NULL, "n", SHOP_ERR_ARGUMENT);
  RESOLVE(till.number, 100, NULL, 0, NULL, "n", SHOP_ERR_ARGUMENT);
  RESOLVE(till.number, SHOP_OUTCOME_CAPTURED, "ch_x", 0, "EUR", "n", SHOP_ERR_ARGUMENT);
  RESOLVE(till.number, SHOP_OUTCOME_CAPTURED, "ch_x", -5, "EUR", "n", SHOP_ERR_ARGUMENT);
  RESOLVE(till.number, SHOP_OUTCOME_CAPTURED, "ch_x", 5, NULL, "n", SHOP_ERR_ARGUMENT);
  RESOLVE(till.number, SHOP_OUTCOME_CAPTURED, "ch_x", 5, "XXQ", "n", SHOP_ERR_CURRENCY);
  RESOLVE(till.number, SHOP_OUTCOME_DECLINED, NULL, 0, NULL, NULL, SHOP_ERR_ARGUMENT);
  RESOLVE(till.number, SHOP_OUTCOME_DECLINED, NULL, 0, NULL, "", SHOP_ERR_ARGUMENT);
  RESOLVE(till.number, SHOP_OUTCOME_DECLINED, NULL, 0, NULL, "a\nb", SHOP_ERR_TEXT);
  /* Of a charge nobody can say that it was refunded: it would be neither done nor noted. */
  RESOLVE(till.number, SHOP_OUTCOME_REFUNDED, "re_x", TOTAL, "EUR", "n", SHOP_ERR_ARGUMENT);
  ck_assert_ptr_null(order);
  till_stands(&till, SHOP_ORDER_PENDING, SHOP_PAYMENT_UNKNOWN);
  till_end(&till, 1);
}
END_TEST

int main(void) {
  const TTest *const tests[] = {
      what_a_report_needs,
      instead_of_the_answer,
      before_the_answer,
      old_news,
      captured_again,
      impossible,
      late,
      unknown_ones_are_kept,
      unknown_and_then_known,
      one_event_once,
      reports_that_race,
      decided,
      decided_at_once,
      decided_otherwise,
      no_decision,
  };

  return HARNESS_RUN("payment: report", tests);
}
