/* Which mail is written, when, and what it tells: each kind in the commit of its
   cause, once, and none for what a shopper is told by the call itself. */
#include "till.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The kinds of what was delivered, in order, with a space between. */
static const char *kinds_of(struct transport *transport, char *out, size_t size) {
  static const char *const names[] = {"",       "confirmation", "failed", "cancelled",
                                      "refund", "welcome"};
  size_t used = 0;

  out[0] = '\0';
  for (int32_t i = 0; i < transport->count; i++)
    used += (size_t)snprintf(out + used, size - used, "%s%s", i == 0 ? "" : " ",
                             names[transport->kinds[i]]);
  ck_assert_uint_lt(used, size);
  return out;
}

#define ck_kinds(world, wanted)                                                                    \
  do {                                                                                             \
    char kinds_[400];                                                                              \
    ck_assert_str_eq(kinds_of(&(world)->transport, kinds_, sizeof kinds_), wanted);                \
  } while (0)

/* The Message-ID of a delivered mail; overwritten by the next call but one. */
static const char *id_of(struct world *world, int32_t index) {
  static char ids[2][300];
  static int turn;
  char *id = ids[turn++ % 2];
  const char *at = strstr(world->transport.messages[index], "\r\nMessage-ID:");

  ck_assert_ptr_nonnull(at);
  at = strchr(at, '<');
  snprintf(id, 300, "%.*s", (int)strcspn(at, ">"), at);
  return id;
}

static void ck_tells(struct world *world, int32_t index, const char *text) {
  ck_assert_msg(strstr(world->transport.messages[index], text) != NULL, "no %s in %s", text,
                world->transport.messages[index]);
}

static struct till bought(enum gateway_mood mood) {
  struct till till = till_new(TILL_OPERATIONS | TILL_QUERY);

  till_buy(&till, mood, SHOP_OK);
  return till;
}

/* ---- failures ------------------------------------------------------------------ */

/* A shopper who is declined, or abandons, is told by the call: no mail. */
START_TEST(the_shopper_knows) {
  struct till till = till_new(TILL_OPERATIONS | TILL_QUERY);

  till_buy(&till, GATEWAY_DECLINES, SHOP_DECLINED);
  till_buy(&till, GATEWAY_PENDS, SHOP_PENDING);
  ck_till(&till, till_abandon(&till), SHOP_OK);
  till_buy(&till, GATEWAY_PENDS, SHOP_PENDING);
  till.world->gateway.query_mood = GATEWAY_DECLINES;
  ck_till(&till, till_resume(&till), SHOP_DECLINED);
  till_buy(&till, GATEWAY_PENDS, SHOP_PENDING);
  till.world->gateway.query_mood = GATEWAY_NOT_FOUND; /* then it is voided */
  ck_till(&till, till_resume(&till), SHOP_DECLINED);
  ck_kinds(till.world, "");
  ck_assert_int_eq(world_mails(till.world, "1, 2, 3, 4, 5"), 0);
  till_end(&till, 0);
}
END_TEST

static void fails_by_report(struct till *till) {
  ck_report(till, SHOP_OK, .key = till_key(till, 0), .outcome = SHOP_OUTCOME_DECLINED,
            .reason = "the bank said no");
}

static void fails_by_recovery(struct till *till) {
  till->world->gateway.query_mood = GATEWAY_DECLINES;
  world_pass_ms(till->world, GATEWAY_LEASE_MS);
  (void)world_recover(till->world);
}

static void fails_by_hold_time(struct till *till) {
  till->world->gateway.query_mood = GATEWAY_PENDS;
  world_pass_ms(till->world, HOLD_MS);
  (void)world_recover(till->world);
}

static void fails_by_person(struct till *till) {
  till->world->gateway.query_mood = GATEWAY_NOT_FOUND;
  till->world->gateway.operation_mood = GATEWAY_SILENT;
  ck_assert_int_eq(shop_config_set_gateway_void(till->world->config, NULL, NULL), SHOP_OK);
  world_reopen(till->world);
  world_pass_ms(till->world, KEY_LIFE_MS);
  (void)world_recover(till->world);
  ck_till(till, till_resolve(till, SHOP_OUTCOME_DECLINED, NULL, 0), SHOP_OK);
}

/* What fails later is a mail, of each way in which it can fail. */
START_TEST(failed_behind_the_shopper) {
  void (*const ways[])(struct till *till) = {fails_by_report, fails_by_recovery,
                                             fails_by_hold_time, fails_by_person};

  for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++) {
    struct till till = till_new(TILL_OPERATIONS | TILL_QUERY);

    till_buy(&till, GATEWAY_PENDS, SHOP_PENDING);
    ways[i](&till);
    till_stands(&till, SHOP_ORDER_FAILED,
                i == 2 ? SHOP_PAYMENT_VOIDED : SHOP_PAYMENT_DECLINED);
    ck_kinds(till.world, "failed");
    ck_assert_str_eq(till.world->transport.order_numbers[0], till.number);
    ck_assert_str_eq(till.world->transport.recipients[0], "ada@example.org");
    ck_tells(till.world, 0, till.number);
    if (i == 0)
      ck_tells(till.world, 0, "the bank said no");
    till_end_unbooked(&till, 0);
  }
}
END_TEST

/* Said again, it is not written again. */
START_TEST(failed_once) {
  struct till till = till_new(TILL_OPERATIONS | TILL_QUERY);

  till_buy(&till, GATEWAY_PENDS, SHOP_PENDING);
  fails_by_report(&till);
  fails_by_report(&till);
  ck_kinds(till.world, "failed");
  till_end(&till, 0);
}
END_TEST

/* ---- refunds ------------------------------------------------------------------- */

/* Each refund has its mail, with its amount and a Message-ID of its own. */
START_TEST(each_refund) {
  struct till till = bought(GATEWAY_APPROVES);

  ck_till(&till, till_refund(&till, 500, NULL), SHOP_OK);
  ck_till(&till, till_refund(&till, 500, NULL), SHOP_OK);
  ck_kinds(till.world, "confirmation refund refund");
  ck_tells(till.world, 1, "5.00");
  ck_assert_str_ne(id_of(till.world, 1), id_of(till.world, 2));
  ck_assert_int_eq(world_number(till.world, "SELECT count(*) FROM outbox m JOIN operations n"
                                            " ON n.id = m.cause_id WHERE m.kind = 4"),
                   2);
  till_end(&till, 0);
}
END_TEST

/* One that is refused, or not answered, has none; recovered, it has one. */
START_TEST(no_refund_no_mail) {
  struct till till = bought(GATEWAY_APPROVES);

  till.world->gateway.operation_mood = GATEWAY_DECLINES;
  ck_till(&till, till_refund(&till, 500, NULL), SHOP_DECLINED);
  till.world->gateway.operation_mood = GATEWAY_LOSES_ANSWER;
  ck_till(&till, till_refund(&till, 700, NULL), SHOP_UNKNOWN);
  ck_kinds(till.world, "confirmation");
  world_pass_ms(till.world, GATEWAY_LEASE_MS);
  (void)world_recover(till.world);
  ck_kinds(till.world, "confirmation refund");
  ck_tells(till.world, 1, "7.00");
  till_end(&till, 0);
}
END_TEST

/* Made at the gateway itself, twice, and each told of twice. */
START_TEST(refunds_from_elsewhere) {
  struct till till = bought(GATEWAY_APPROVES);

  for (int i = 0; i < 4; i++)
    ck_report(&till, SHOP_OK, .key = till_key(&till, 0), .reference = i < 2 ? "re_a" : "re_b",
              .outcome = SHOP_OUTCOME_REFUNDED, .amount_minor = i < 2 ? 100 : 200);
  ck_kinds(till.world, "confirmation refund refund");
  ck_tells(till.world, 1, "1.00");
  ck_tells(till.world, 2, "2.00");
  ck_assert_str_ne(id_of(till.world, 1), id_of(till.world, 2));
  till_end_unbooked(&till, 0);
}
END_TEST

/* ---- cancellations ---------------------------------------------------------------- */

/* Cancelled with its money: the cancellation and the refund, in one commit. */
START_TEST(cancelled_and_refunded) {
  struct till till = bought(GATEWAY_APPROVES);

  ck_till(&till, till_cancel(&till, NULL), SHOP_OK);
  ck_kinds(till.world, "confirmation cancelled refund");
  ck_tells(till.world, 2, "19.98");
  ck_assert_int_eq(world_number(till.world, "SELECT max(created_at_ms) - min(created_at_ms)"
                                            " FROM outbox WHERE kind IN (3, 4)"),
                   0);
  till_end(&till, 0);
}
END_TEST

START_TEST(cancelled_before_it_was_taken) {
  struct till till = bought(GATEWAY_AUTHORIZES);

  ck_till(&till, till_cancel(&till, NULL), SHOP_OK);
  till_stands(&till, SHOP_ORDER_CANCELLED, SHOP_PAYMENT_VOIDED);
  ck_kinds(till.world, "confirmation cancelled");
  till_end(&till, 0);
}
END_TEST

/* What asks nothing of the gateway is cancelled in one transaction, with its mail. */
START_TEST(cancelled_at_once) {
  struct till till = bought(GATEWAY_APPROVES);
  struct world *world = till.world;
  shop_order_t *order = NULL, *cancelled = NULL;
  int64_t cart_id;
  shop_token_t *token;

  ck_till(&till, till_refund(&till, 0, NULL), SHOP_OK);
  ck_till(&till, till_cancel(&till, "key"), SHOP_OK);
  ck_till(&till, till_cancel(&till, "key"), SHOP_OK); /* again: nothing new */
  ck_kinds(world, "confirmation refund cancelled");
  world_put(world, "FREE", 0, "EUR", 5);
  token = world_shopper(world, "bob@example.org", "FREE", 1, &cart_id);
  order = world_bought(world, token, cart_id);
  ck_ok(world, shop_order_cancel(world->shop, shop_order_number(order), NULL, &cancelled,
                                 world->err));
  ck_kinds(world, "confirmation refund cancelled confirmation cancelled");
  ck_assert_str_eq(world->transport.order_numbers[4], shop_order_number(order));
  shop_order_free(order);
  shop_order_free(cancelled);
  shop_token_free(token);
  till_end(&till, 0);
}
END_TEST

/* Money that came too late goes back: a refund of an order that had failed. */
START_TEST(late_money_goes_back) {
  struct till till = till_new(TILL_OPERATIONS);

  till_buy(&till, GATEWAY_PENDS, SHOP_PENDING);
  fails_by_report(&till);
  ck_report(&till, SHOP_OK, .key = till_key(&till, 0), .reference = "ch_late",
            .outcome = SHOP_OUTCOME_CAPTURED, .amount_minor = TOTAL);
  ck_report(&till, SHOP_OK, .key = till_key(&till, 0), .reference = "re_1",
            .outcome = SHOP_OUTCOME_REFUNDED, .amount_minor = TOTAL);
  ck_kinds(till.world, "failed refund");
  till_end_unbooked(&till, 0);
}
END_TEST

/* ---- settings ----------------------------------------------------------------------- */

/* A kind that is off is not written; the others are. */
START_TEST(kinds_that_are_off) {
  struct till till = till_new(TILL_OPERATIONS | TILL_QUERY);
  struct world *world = till.world;

  for (int32_t kind = SHOP_MAIL_PAYMENT_FAILED; kind <= SHOP_MAIL_REFUND; kind++)
    ck_assert_int_eq(shop_config_set_mail_kind(world->config, kind, false), SHOP_OK);
  world_reopen(world);
  till_buy(&till, GATEWAY_PENDS, SHOP_PENDING);
  fails_by_report(&till);
  till_buy(&till, GATEWAY_APPROVES, SHOP_OK);
  ck_till(&till, till_refund(&till, 1, NULL), SHOP_OK);
  ck_till(&till, till_cancel(&till, NULL), SHOP_OK);
  ck_kinds(world, "confirmation");
  ck_assert_int_eq(world_mails(world, "1, 2, 3, 4"), 1);
  till_end(&till, 0);
}
END_TEST

/* A welcome is written where it is wanted, in the commit of the registration, once. */
START_TEST(welcome) {
  struct world *world = world_prepare();
  shop_token_t *token, *again = NULL;
  shop_options_t *keyed = options_with_key("k");
  shop_event_page_t *events = NULL;

  ck_assert_int_eq(shop_config_set_mail_kind(world->config, SHOP_MAIL_WELCOME, true), SHOP_OK);
  world_open(world);
  ck_ok(world, shop_user_register(world->shop, "ada@example.org", PASSWORD, keyed, &token,
                                  world->err));
  ck_kinds(world, "welcome");
  ck_assert_str_eq(world->transport.recipients[0], "ada@example.org");
  ck_assert_str_eq(world->transport.order_numbers[0], "");
  ck_assert_int_eq(world_number(world, "SELECT user_id FROM outbox"), shop_token_user_id(token));
  /* The text of an account's mail is not kept once it is sent. */
  ck_assert_int_eq(world_number(world, "SELECT length(message) FROM outbox WHERE state = 3"), 0);
  ck_ok(world, shop_user_register(world->shop, "ada@example.org", PASSWORD, keyed, &again,
                                  world->err));
  shop_token_free(again);
  ck_status(world,
            shop_user_register(world->shop, "ADA@example.org", PASSWORD, NULL, &again, world->err),
            SHOP_ERR_EMAIL_TAKEN);
  ck_kinds(world, "welcome");
  ck_ok(world, shop_event_list(world->shop, 0, 10, &events, world->err));
  for (int32_t i = 0; i < shop_event_page_count(events); i++)
    if (strcmp(shop_event_page_name(events, i), "mail.sent") == 0) {
      ck_assert_int_eq(shop_event_page_user_id(events, i), shop_token_user_id(token));
      ck_assert_str_eq(shop_event_page_after(events, i), "welcome");
    }
  shop_event_page_free(events);
  shop_options_free(keyed);
  shop_token_free(token);
  world_verify(world, 0);
  world_free(world);
}
END_TEST

/* An account's mail waits, is listed, buried, put back, sent and deleted like any other. */
START_TEST(an_account_mail_lives_like_others) {
  struct world *world = world_prepare();
  shop_maintenance_t *done = NULL;
  shop_mail_page_t *page = NULL;
  shop_mail_t *mail = NULL;
  shop_token_t *token;

  ck_assert_int_eq(shop_config_set_mail_kind(world->config, SHOP_MAIL_WELCOME, true), SHOP_OK);
  ck_assert_int_eq(shop_config_set_mail_at_once(world->config, false), SHOP_OK);
  world_open(world);
  token = world_register(world, "ada@example.org");
  ck_ok(world, shop_mail_take(world->shop, NULL, &mail, world->err));
  ck_assert_int_eq(shop_mail_kind(mail), SHOP_MAIL_WELCOME);
  ck_assert_str_eq(shop_mail_order_number(mail), "");
  ck_ok(world, shop_mail_done(world->shop, mail, SHOP_MAIL_REJECTED, "550", NULL, world->err));
  ck_ok(world, shop_mail_list(world->shop, SHOP_MAIL_DEAD, 0, 10, &page, world->err));
  ck_assert_int_eq(shop_mail_page_id(page, 0), shop_mail_id(mail));
  ck_assert_int_eq(shop_mail_page_user_id(page, 0), shop_token_user_id(token));
  ck_ok(world, shop_mail_requeue(world->shop, shop_mail_id(mail), NULL, world->err));
  ck_ok(world, shop_mail_deliver(world->shop, 10, NULL, world->err));
  ck_kinds(world, "welcome");
  world_pass_ms(world, 91 * DAY_MS);
  ck_ok(world, shop_maintain(world->shop, &done, world->err));
  ck_assert_int_eq(shop_maintenance_mails(done), 1);
  ck_assert_int_eq(world_number(world, "SELECT count(*) FROM outbox"), 0);
  ck_ok(world, shop_mail_done(world->shop, mail, SHOP_MAIL_DELIVERED, NULL, NULL, world->err));
  shop_maintenance_free(done);
  shop_mail_page_free(page);
  shop_mail_free(mail);
  shop_token_free(token);
  world_free(world);
}
END_TEST

/* ---- with its cause, or not at all ----------------------------------------------------- */

/* Where the commit fails, neither the refund is noted nor its mail; with the next try both are. */
static struct rival *rival;

static void lock_the_store(struct gateway *gateway, void *user) {
  gateway->after_operation = NULL;
  rival = rival_begin(user);
}

START_TEST(not_without_its_cause) {
  struct till till = till_new(TILL_OPERATIONS | TILL_QUERY);
  struct world *world = till.world;
  shop_refund_request_t *request = NULL;
  shop_order_t *order = NULL;

  ck_assert_int_eq(shop_config_set_busy_timeout_ms(world->config, 0), SHOP_OK);
  world_reopen(world);
  till_buy(&till, GATEWAY_APPROVES, SHOP_OK);
  world->gateway.after_operation = lock_the_store;
  world->gateway.hook_user = world;
  ck_assert_int_eq(shop_refund_request_new(&request), SHOP_OK);
  ck_assert_int_eq(shop_refund_request_set_amount(request, 300, "EUR"), SHOP_OK);
  ck_status(world, shop_order_refund(world->shop, till.number, request, NULL, &order, world->err),
            SHOP_ERR_BUSY);
  shop_order_free(order);
  shop_refund_request_free(request);
  rival_end(rival);
  till_money(&till, TOTAL, 0);
  ck_kinds(world, "confirmation");
  ck_assert_int_eq(world_mails(world, "1, 2, 3, 4"), 1);
  world_pass_ms(world, GATEWAY_LEASE_MS);
  (void)world_recover(world);
  till_money(&till, TOTAL, 300);
  ck_kinds(world, "confirmation refund");
  till_end(&till, 0);
}
END_TEST

int main(void) {
  const TTest *const tests[] = {
      the_shopper_knows,
      failed_behind_the_shopper,
      failed_once,
      each_refund,
      no_refund_no_mail,
      refunds_from_elsewhere,
      cancelled_and_refunded,
      cancelled_before_it_was_taken,
      cancelled_at_once,
      late_money_goes_back,
      kinds_that_are_off,
      welcome,
      an_account_mail_lives_like_others,
      not_without_its_cause,
  };

  return HARNESS_RUN("mail: kinds", tests);
}
