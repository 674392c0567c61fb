/* Mail taken and answered by the host's own means: one holder at a time, what is
   due for longest first, and the clock of an event loop. */
#include "books.h"

#include <stdio.h>
#include <string.h>

#define MINUTE_MS INT64_C(60000)

/* A shop that sells TEA and leaves its mail to whoever takes it. */
static struct world *world_taking(void) {
  struct world *world = world_prepare();

  ck_assert_int_eq(shop_config_set_mail_at_once(world->config, false), SHOP_OK);
  world_open(world);
  world_put(world, "TEA", 999, "EUR", SHOP_STOCK_UNLIMITED);
  return world;
}

static shop_mail_t *take(struct world *world) {
  shop_mail_t *mail = (void *)world;

  ck_ok(world, shop_mail_take(world->shop, NULL, &mail, world->err));
  return mail;
}

static void done(struct world *world, const shop_mail_t *mail, int32_t outcome) {
  ck_ok(world, shop_mail_done(world->shop, mail, outcome, "450 later", NULL, world->err));
}

static int64_t next_due(struct world *world) {
  int64_t due_ms = -7;

  ck_ok(world, shop_mail_next_due_ms(world->shop, &due_ms, world->err));
  return due_ms;
}

static void ck_counts(struct world *world, int64_t queued, int64_t leased, int64_t sent,
                      int64_t dead) {
  struct mail_counts counts = mail_count(world->shop);

  ck_assert_int_eq(counts.queued, queued);
  ck_assert_int_eq(counts.leased, leased);
  ck_assert_int_eq(counts.sent, sent);
  ck_assert_int_eq(counts.dead, dead);
}

/* A mail that is taken has everything that a server is told, and is nobody else's. */
START_TEST(taken_and_delivered) {
  struct world *world = world_taking();
  shop_order_t *order;
  shop_mail_t *mail, *none;

  ck_assert_ptr_null(take(world));
  world_sell_one(world, "Ada@Example.org", "TEA");
  mail = take(world);
  ck_assert_ptr_nonnull(mail);
  ck_assert_int_gt(shop_mail_id(mail), 0);
  ck_assert_int_eq(shop_mail_kind(mail), SHOP_MAIL_CONFIRMATION);
  ck_assert_str_eq(shop_mail_sender(mail), "shop@localhost.localdomain");
  ck_assert_str_eq(shop_mail_recipient(mail), "Ada@Example.org");
  ck_assert_str_eq(shop_mail_order_number(mail), world->gateway.last_order_number);
  ck_assert_uint_eq(shop_mail_message_bytes(mail), strlen(shop_mail_message(mail)));
  ck_assert_ptr_nonnull(strstr(shop_mail_message(mail), shop_mail_order_number(mail)));
  ck_assert_int_eq(shop_mail_timeout_ms(mail), MAIL_LEASE_MS / 5 * 4);
  none = take(world);
  ck_assert_ptr_null(none);
  ck_counts(world, 0, 1, 0, 0);
  done(world, mail, SHOP_MAIL_DELIVERED);
  done(world, mail, SHOP_MAIL_DELIVERED); /* said twice */
  done(world, mail, SHOP_MAIL_REJECTED);  /* and contradicted: it is sent */
  ck_counts(world, 0, 0, 1, 0);
  order = world_order(world, shop_mail_order_number(mail));
  ck_history(order, "order.created payment.captured order.placed mail.sent");
  shop_order_free(order);
  shop_mail_free(mail);
  world_close_books(world, 0);
  world_free(world);
}
END_TEST

/* A snapshot outlives the shop that it is of. */
START_TEST(a_mail_outlives_its_shop) {
  struct world *world = world_taking();
  shop_mail_t *mail;

  world_sell_one(world, "ada@example.org", "TEA");
  mail = take(world);
  world_reopen(world);
  ck_assert_str_eq(shop_mail_recipient(mail), "ada@example.org");
  done(world, mail, SHOP_MAIL_DELIVERED);
  ck_counts(world, 0, 0, 1, 0);
  shop_mail_free(mail);
  world_free(world);
}
END_TEST

/* Who lost the lease cannot put the mail back nor bury it, and may say "delivered". */
START_TEST(a_late_answer) {
  static const struct {
    int32_t late; /* of the first holder, while the second has it */
    int64_t leased_after, sent_after;
  } cases[] = {{SHOP_MAIL_LATER, 1, 0}, {SHOP_MAIL_REJECTED, 1, 0}, {SHOP_MAIL_DELIVERED, 0, 1}};

  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    struct world *world = world_taking();
    shop_mail_t *first, *second;

    world_sell_one(world, "ada@example.org", "TEA");
    first = take(world);
    world_pass_ms(world, MAIL_LEASE_MS - 1);
    ck_assert_ptr_null(take(world));
    world_pass_ms(world, 1);
    second = take(world);
    ck_assert_ptr_nonnull(second);
    ck_assert_str_eq(shop_mail_message(first), shop_mail_message(second));
    done(world, first, cases[i].late);
    ck_counts(world, 0, cases[i].leased_after, cases[i].sent_after, 0);
    done(world, second, SHOP_MAIL_LATER); /* what is sent stays sent */
    ck_counts(world, 1 - cases[i].sent_after, 0, cases[i].sent_after, 0);
    shop_mail_free(first);
    shop_mail_free(second);
    world_close_books(world, 0);
    world_free(world);
  }
}
END_TEST

/* A lease is a start and a length: a clock that is set back behind the start ends it, one that is
   set back to just the start does not. */
START_TEST(a_clock_that_goes_back) {
  struct world *world = world_taking();
  shop_mail_t *first, *second;

  world_sell_one(world, "ada@example.org", "TEA");
  world_pass_ms(world, MINUTE_MS);
  first = take(world);
  world_pass_ms(world, MINUTE_MS);
  world_pass_ms(world, -MINUTE_MS);
  ck_assert_ptr_null(take(world));
  ck_assert_int_eq(next_due(world), world->now_ms + MAIL_LEASE_MS);
  world_pass_ms(world, -1);
  ck_assert_int_eq(next_due(world), world->now_ms);
  second = take(world);
  ck_assert_ptr_nonnull(second);
  ck_assert_ptr_null(take(world));
  done(world, first, SHOP_MAIL_REJECTED);
  ck_counts(world, 0, 1, 0, 0);
  done(world, second, SHOP_MAIL_LATER);
  world_pass_ms(world, -DAY_MS); /* and a wait likewise */
  shop_mail_free(second);
  second = take(world);
  ck_assert_ptr_nonnull(second);
  done(world, second, SHOP_MAIL_DELIVERED);
  shop_mail_free(first);
  shop_mail_free(second);
  world_close_books(world, 0);
  world_free(world);
}
END_TEST

/* What an event loop is told: nothing; now; when a wait ends; when a lease ends. */
START_TEST(when_to_come_again) {
  struct world *world = world_taking();
  int64_t queued_ms;
  shop_mail_t *mail;

  ck_assert_int_eq(shop_mail_none_due(), SHOP_MAIL_NONE_DUE);
  ck_assert_int_eq(next_due(world), SHOP_MAIL_NONE_DUE);
  queued_ms = world->now_ms;
  world_sell_one(world, "ada@example.org", "TEA");
  world_pass_ms(world, 5);
  ck_assert_int_eq(next_due(world), queued_ms);
  mail = take(world);
  ck_assert_int_eq(next_due(world), queued_ms + 5 + MAIL_LEASE_MS);
  done(world, mail, SHOP_MAIL_LATER);
  ck_assert_int_ge(next_due(world), queued_ms + 5 + MINUTE_MS);
  ck_assert_int_lt(next_due(world), queued_ms + 5 + MINUTE_MS + MINUTE_MS / 10);
  shop_mail_free(mail);
  world_pass_ms(world, next_due(world) - world->now_ms - 1);
  ck_assert_ptr_null(take(world));
  world_pass_ms(world, 1);
  mail = take(world);
  ck_assert_ptr_nonnull(mail);
  done(world, mail, SHOP_MAIL_DELIVERED);
  ck_assert_int_eq(next_due(world), SHOP_MAIL_NONE_DUE);
  shop_mail_free(mail);
  world_free(world);
}
END_TEST

/* A mail that fails, or that kills its deliverer, does not hold up those behind it: what has been
   due for longest comes first. */
START_TEST(a_failing_head) {
  struct world *world = world_taking();
  const char *const wanted[] = {"b@example.org", "a@example.org", "c@example.org"};
  shop_mail_t *mail;

  world_sell_one(world, "a@example.org", "TEA");
  world_pass_ms(world, 1);
  world_sell_one(world, "b@example.org", "TEA");
  mail = take(world);
  ck_assert_str_eq(shop_mail_recipient(mail), "a@example.org");
  shop_mail_free(mail); /* and nobody says how it ended */
  world_pass_ms(world, MAIL_LEASE_MS);
  world_sell_one(world, "c@example.org", "TEA");
  for (int i = 0; i < 3; i++) {
    mail = take(world);
    ck_assert_str_eq(shop_mail_recipient(mail), wanted[i]);
    done(world, mail, SHOP_MAIL_DELIVERED);
    shop_mail_free(mail);
  }
  world_close_books(world, 0);
  world_free(world);
}
END_TEST

/* The host that takes and the callback that is handed mail share one outbox. */
START_TEST(beside_the_callback) {
  struct world *world = world_taking();
  shop_mail_t *mail;
  int32_t delivered = -1;

  world_sell_one(world, "ada@example.org", "TEA");
  world_sell_one(world, "bob@example.org", "TEA");
  mail = take(world);
  ck_ok(world, shop_mail_deliver(world->shop, 10, &delivered, world->err));
  ck_assert_int_eq(delivered, 1);
  ck_assert_str_eq(world->transport.recipients[0], "bob@example.org");
  done(world, mail, SHOP_MAIL_LATER);
  world_pass_ms(world, 2 * MINUTE_MS);
  ck_ok(world, shop_mail_deliver(world->shop, 10, &delivered, world->err));
  ck_assert_int_eq(delivered, 1);
  ck_assert_str_eq(world->transport.recipients[1], "ada@example.org");
  shop_mail_free(mail);
  world_close_books(world, 0);
  world_free(world);
}
END_TEST

/* The transport is told how long it may take, and a shop whose transport may take as long as the
   lease does not open. */
static int64_t told_ms;

static void hear_timeout(shop_mail_call_t *call, void *user) {
  (void)user;
  told_ms = shop_mail_call_timeout_ms(call);
  ck_assert_int_eq(shop_mail_call_kind(call), SHOP_MAIL_CONFIRMATION);
  (void)shop_mail_call_set_delivered(call);
}

START_TEST(slower_than_the_lease) {
  struct world *world = world_prepare();

  ck_assert_int_eq(shop_config_set_mail_transport(world->config, hear_timeout, NULL), SHOP_OK);
  ck_assert_int_eq(shop_config_set_mail_lease_ms(world->config, 20000), SHOP_OK);
  ck_assert_int_eq(shop_config_set_mail_timeout_ms(world->config, 20000), SHOP_OK);
  ck_status(world, shop_open(world->path, world->config, &world->shop, world->err),
            SHOP_ERR_ARGUMENT);
  ck_assert_ptr_null(world->shop);
  ck_assert_ptr_nonnull(strstr(shop_error_message(world->err), "lease"));
  ck_assert_int_eq(shop_config_set_mail_timeout_ms(world->config, 19999), SHOP_OK);
  world_open(world);
  world_put(world, "TEA", 999, "EUR", SHOP_STOCK_UNLIMITED);
  world_sell_one(world, "ada@example.org", "TEA");
  ck_assert_int_eq(told_ms, 19999);
  ck_assert_int_eq(shop_config_set_mail_timeout_ms(world->config, 0), SHOP_OK);
  world_reopen(world);
  world_sell_one(world, "bob@example.org", "TEA");
  ck_assert_int_eq(told_ms, 16000);
  ck_assert_int_eq(shop_config_set_mail_timeout_ms(world->config, -1), SHOP_ERR_ARGUMENT);
  ck_assert_int_eq(shop_config_set_mail_timeout_ms(world->config, DAY_MS + 1), SHOP_ERR_ARGUMENT);
  ck_assert_int_eq(shop_config_set_mail_timeout_ms(NULL, 1), SHOP_ERR_ARGUMENT);
  world_free(world);
}
END_TEST

START_TEST(arguments) {
  struct world *world = world_taking(), *other = world_taking();
  shop_options_t *keyed = options_with_key("k"), *patient = options_with_deadline(60000);
  shop_mail_t *mail = (void *)world;
  int64_t due_ms;

  world_sell_one(world, "ada@example.org", "TEA");
  ck_refused(world, shop_mail_take(world->shop, NULL, NULL, world->err), SHOP_ERR_ARGUMENT);
  ck_refused(world, shop_mail_take(world->shop, keyed, &mail, world->err), SHOP_ERR_ARGUMENT);
  ck_assert_ptr_null(mail);
  ck_refused(world, shop_mail_take(NULL, NULL, &mail, world->err), SHOP_ERR_ARGUMENT);
  ck_refused(world, shop_mail_next_due_ms(world->shop, NULL, world->err), SHOP_ERR_ARGUMENT);
  ck_refused(world, shop_mail_next_due_ms(NULL, &due_ms, world->err), SHOP_ERR_ARGUMENT);
  ck_ok(world, shop_mail_take(world->shop, patient, &mail, world->err));
  ck_refused(world, shop_mail_done(world->shop, NULL, SHOP_MAIL_DELIVERED, NULL, NULL, world->err),
             SHOP_ERR_ARGUMENT);
  ck_refused(world, shop_mail_done(world->shop, mail, 0, NULL, NULL, world->err),
             SHOP_ERR_ARGUMENT);
  ck_refused(world, shop_mail_done(world->shop, mail, 4, NULL, NULL, world->err),
             SHOP_ERR_ARGUMENT);
  ck_refused(world, shop_mail_done(world->shop, mail, SHOP_MAIL_DELIVERED, NULL, keyed, world->err),
             SHOP_ERR_ARGUMENT);
  ck_refused(other, shop_mail_done(other->shop, mail, SHOP_MAIL_DELIVERED, NULL, NULL, other->err),
             SHOP_ERR_FOREIGN);
  ck_ok(world, shop_mail_done(world->shop, mail, SHOP_MAIL_LATER, "two\nlines", patient,
                              world->err)); /* the reason is dropped, the answer is not */
  ck_counts(world, 1, 0, 0, 0);
  ck_assert_str_eq(shop_mail_message(NULL), "");
  ck_assert_str_eq(shop_mail_sender(NULL), "");
  ck_assert_str_eq(shop_mail_recipient(NULL), "");
  ck_assert_str_eq(shop_mail_order_number(NULL), "");
  ck_assert_int_eq(shop_mail_id(NULL) + shop_mail_kind(NULL) + shop_mail_timeout_ms(NULL) +
                       (int64_t)shop_mail_message_bytes(NULL),
                   0);
  shop_mail_free(NULL);
  shop_mail_free(mail);
  shop_options_free(keyed);
  shop_options_free(patient);
  world_free(other);
  world_free(world);
}
END_TEST

int main(void) {
  const TTest *const tests[] = {
      taken_and_delivered,    a_mail_outlives_its_shop, a_late_answer,
      a_clock_that_goes_back, when_to_come_again,       a_failing_head,
      beside_the_callback,    slower_than_the_lease,    arguments,
  };

  return HARNESS_RUN("mail: take and done", tests);
}
