/* The outbox as the merchant sees it: settings of its waits, lists, counts, what is
   dead and put back, what is forgotten. */
#include "books.h"

#include <stdio.h>
#include <string.h>

#define MINUTE_MS INT64_C(60000)

static struct world *world_of_tea(void) {
  struct world *world = world_new();

  world_put(world, "TEA", 999, "EUR", SHOP_STOCK_UNLIMITED);
  return world;
}

static void sell_in_mood(struct world *world, const char *email, enum transport_mood mood) {
  world->transport.mood = mood;
  world_sell_one(world, email, "TEA");
}

static shop_mail_page_t *list(struct world *world, int32_t state, int64_t before_id,
                              int32_t limit) {
  shop_mail_page_t *page = NULL;

  ck_ok(world, shop_mail_list(world->shop, state, before_id, limit, &page, world->err));
  return page;
}

static int32_t deliver(struct world *world) {
  int32_t delivered = -1;

  ck_ok(world, shop_mail_deliver(world->shop, 100, &delivered, world->err));
  return delivered;
}

static int64_t first_id(struct world *world, int32_t state) {
  shop_mail_page_t *page = list(world, state, 0, 1);
  int64_t id = shop_mail_page_id(page, 0);

  shop_mail_page_free(page);
  return id;
}

/* ---- lists ------------------------------------------------------------------- */

/* Everything that a person asks of a mail, in each state; a filter gives that state alone. */
START_TEST(a_mail_of_each_state) {
  static const enum transport_mood moods[] = {TRANSPORT_DELIVERS, TRANSPORT_LATER,
                                              TRANSPORT_REJECTS};
  static const int32_t states[] = {SHOP_MAIL_SENT, SHOP_MAIL_QUEUED, SHOP_MAIL_DEAD};
  static const char *const reasons[] = {"", "451 try again", "550 no such mailbox"};
  struct world *world = world_of_tea();
  shop_mail_page_t *all, *some;
  int64_t start_ms = world->now_ms;
  char email[40];

  for (int i = 0; i < 3; i++) {
    snprintf(email, sizeof email, "%c@example.org", 'a' + i);
    sell_in_mood(world, email, moods[i]);
    world_pass_ms(world, 10);
  }
  all = list(world, 0, 0, 10);
  ck_assert_int_eq(shop_mail_page_count(all), 3);
  for (int i = 0; i < 3; i++) {
    int32_t at = 2 - i; /* newest first */

    snprintf(email, sizeof email, "%c@example.org", 'a' + i);
    ck_assert_int_eq(shop_mail_page_state(all, at), states[i]);
    ck_assert_int_eq(shop_mail_page_kind(all, at), SHOP_MAIL_CONFIRMATION);
    ck_assert_str_eq(shop_mail_page_recipient(all, at), email);
    ck_assert_str_eq(shop_mail_page_reason(all, at), reasons[i]);
    ck_assert_int_eq(shop_mail_page_tries(all, at), 1);
    ck_assert_int_eq(shop_mail_page_created_at_ms(all, at), start_ms + 10 * i);
    ck_assert_int_eq(shop_mail_page_sent_at_ms(all, at), i == 0 ? start_ms : 0);
    ck_assert((shop_mail_page_due_ms(all, at) >= start_ms + MINUTE_MS) == (i == 1));
    ck_assert((shop_mail_page_due_ms(all, at) == 0) == (i != 1));
    ck_assert_int_gt(shop_mail_page_user_id(all, at), 0);
    ck_assert_uint_eq(strlen(shop_mail_page_order_number(all, at)), 12);
    some = list(world, states[i], 0, 10);
    ck_assert_int_eq(shop_mail_page_count(some), 1);
    ck_assert_int_eq(shop_mail_page_id(some, 0), shop_mail_page_id(all, at));
    shop_mail_page_free(some);
  }
  ck_assert_str_eq(shop_mail_page_order_number(all, 0), world->gateway.last_order_number);
  some = list(world, SHOP_MAIL_LEASED, 0, 10);
  ck_assert_int_eq(shop_mail_page_count(some), 0);
  shop_mail_page_free(some);
  shop_mail_page_free(all);
  world_free(world);
}
END_TEST

/* Pages follow one another without a gap or a repetition, in every state. */
START_TEST(pages) {
  static const struct {
    enum transport_mood mood;
    int32_t state;
  } cases[] = {{TRANSPORT_LATER, SHOP_MAIL_QUEUED},
               {TRANSPORT_REJECTS, SHOP_MAIL_DEAD},
               {TRANSPORT_DELIVERS, SHOP_MAIL_SENT}};
  enum { MAILS = 7 };

  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    struct world *world = world_of_tea();
    int64_t before_id = 0;
    int32_t count, seen = 0;

    for (int n = 0; n < MAILS; n++) {
      char email[40];

      snprintf(email, sizeof email, "u%d@example.org", n);
      sell_in_mood(world, email, cases[i].mood);
    }
    do {
      shop_mail_page_t *page = list(world, cases[i].state, before_id, 3);

      count = shop_mail_page_count(page);
      for (int32_t n = 0; n < count; n++) {
        ck_assert(before_id == 0 || shop_mail_page_id(page, n) < before_id);
        before_id = shop_mail_page_id(page, n);
        seen++;
      }
      shop_mail_page_free(page);
    } while (count == 3);
    ck_assert_int_eq(seen, MAILS);
    world_free(world);
  }
}
END_TEST

START_TEST(arguments) {
  struct world *world = world_of_tea();
  shop_mail_page_t *page = (void *)world;
  shop_mail_stats_t *stats = (void *)world;
  shop_options_t *keyed = options_with_key("k");

  ck_refused(world, shop_mail_list(world->shop, -1, 0, 10, &page, world->err), SHOP_ERR_ARGUMENT);
  ck_assert_ptr_null(page);
  ck_refused(world, shop_mail_list(world->shop, SHOP_MAIL_FORGOTTEN, 0, 10, &page, world->err),
             SHOP_ERR_ARGUMENT);
  ck_refused(world, shop_mail_list(world->shop, 0, -1, 10, &page, world->err), SHOP_ERR_ARGUMENT);
  ck_refused(world, shop_mail_list(world->shop, 0, 0, 0, &page, world->err), SHOP_ERR_ARGUMENT);
  ck_refused(world, shop_mail_list(world->shop, 0, 0, 1001, &page, world->err), SHOP_ERR_ARGUMENT);
  ck_refused(world, shop_mail_list(world->shop, 0, 0, 10, NULL, world->err), SHOP_ERR_ARGUMENT);
  ck_refused(world, shop_mail_stats(world->shop, NULL, world->err), SHOP_ERR_ARGUMENT);
  ck_refused(world, shop_mail_stats(NULL, &stats, world->err), SHOP_ERR_ARGUMENT);
  ck_assert_ptr_null(stats);
  ck_refused(world, shop_mail_requeue(world->shop, 0, NULL, world->err), SHOP_ERR_ARGUMENT);
  ck_refused(world, shop_mail_requeue(world->shop, 1, keyed, world->err), SHOP_ERR_ARGUMENT);
  ck_refused(world, shop_mail_requeue(world->shop, 1, NULL, world->err), SHOP_ERR_NOT_FOUND);
  ck_refused(world, shop_mail_requeue(NULL, 1, NULL, world->err), SHOP_ERR_ARGUMENT);
  page = list(world, 0, 0, 10);
  for (int32_t i = -1; i < 2; i++) { /* an empty page */
    ck_assert_int_eq(shop_mail_page_id(page, i), 0);
    ck_assert_int_eq(shop_mail_page_user_id(page, i) + shop_mail_page_due_ms(page, i), 0);
    ck_assert_int_eq(shop_mail_page_kind(page, i) + shop_mail_page_state(page, i), 0);
    ck_assert_int_eq(shop_mail_page_created_at_ms(page, i) + shop_mail_page_sent_at_ms(page, i), 0);
    ck_assert_int_eq(shop_mail_page_tries(page, i), 0);
    ck_assert_str_eq(shop_mail_page_recipient(page, i), "");
    ck_assert_str_eq(shop_mail_page_order_number(page, i), "");
    ck_assert_str_eq(shop_mail_page_reason(NULL, i), "");
  }
  ck_assert_int_eq(shop_mail_page_count(NULL), 0);
  ck_assert_int_eq(shop_mail_stats_queued(NULL) + shop_mail_stats_leased(NULL) +
                       shop_mail_stats_sent(NULL) + shop_mail_stats_dead(NULL) +
                       shop_mail_stats_oldest_age_ms(NULL),
                   0);
  shop_mail_page_free(NULL);
  shop_mail_stats_free(NULL);
  shop_mail_page_free(page);
  shop_options_free(keyed);
  world_free(world);
}
END_TEST

/* ---- counts ------------------------------------------------------------------ */

/* The age is that of the oldest mail that still waits, whatever went out or died since. */
START_TEST(the_oldest_that_waits) {
  struct world *world = world_of_tea();
  struct mail_counts counts = mail_count(world->shop);

  ck_assert_int_eq(counts.oldest_age_ms, 0);
  sell_in_mood(world, "a@example.org", TRANSPORT_REJECTS);
  world_pass_ms(world, 1000);
  sell_in_mood(world, "b@example.org", TRANSPORT_LATER);
  world_pass_ms(world, 1000);
  sell_in_mood(world, "c@example.org", TRANSPORT_LATER);
  world_pass_ms(world, 1000);
  sell_in_mood(world, "d@example.org", TRANSPORT_DELIVERS);
  counts = mail_count(world->shop);
  ck_assert_int_eq(counts.queued, 2);
  ck_assert_int_eq(counts.leased, 0);
  ck_assert_int_eq(counts.sent, 1);
  ck_assert_int_eq(counts.dead, 1);
  ck_assert_int_eq(counts.oldest_age_ms, 2000);
  world_pass_ms(world, HOUR_MS);
  ck_assert_int_eq(deliver(world), 2);
  counts = mail_count(world->shop);
  ck_assert_int_eq(counts.oldest_age_ms, 0);
  ck_assert_int_eq(counts.sent, 3);
  world_free(world);
}
END_TEST

/* ---- waits ------------------------------------------------------------------- */

/* The waits are those that were set: doubling from the first to the longest, and a last try. */
START_TEST(waits_as_they_are_set) {
  static const int64_t waits[] = {2000, 4000, 5000, 5000};
  struct world *world = world_prepare();

  ck_assert_int_eq(shop_config_set_mail_first_wait_ms(world->config, 2000), SHOP_OK);
  ck_assert_int_eq(shop_config_set_mail_longest_wait_ms(world->config, 5000), SHOP_OK);
  ck_assert_int_eq(shop_config_set_mail_tries_max(world->config, 5), SHOP_OK);
  world_open(world);
  world_put(world, "TEA", 999, "EUR", SHOP_STOCK_UNLIMITED);
  sell_in_mood(world, "ada@example.org", TRANSPORT_LATER);
  for (int i = 0; i < 4; i++) {
    int64_t due_ms = 0;

    ck_ok(world, shop_mail_next_due_ms(world->shop, &due_ms, world->err));
    ck_assert_int_ge(due_ms - world->now_ms, waits[i]);
    ck_assert_int_le(due_ms - world->now_ms, waits[i] + waits[i] / 100 * 9);
    world_pass_ms(world, due_ms - world->now_ms);
    ck_assert_int_eq(deliver(world), 0);
  }
  ck_assert_int_eq(world->transport.calls, 5);
  ck_assert_int_eq(mail_count(world->shop).dead, 1);
  world_free(world);
}
END_TEST

/* A longest wait below the first cuts the first. */
START_TEST(the_longest_cuts_the_first) {
  struct world *world = world_prepare();
  int64_t due_ms = 0;

  ck_assert_int_eq(shop_config_set_mail_longest_wait_ms(world->config, 1000), SHOP_OK);
  world_open(world);
  world_put(world, "TEA", 999, "EUR", SHOP_STOCK_UNLIMITED);
  sell_in_mood(world, "ada@example.org", TRANSPORT_LATER);
  ck_ok(world, shop_mail_next_due_ms(world->shop, &due_ms, world->err));
  ck_assert_int_le(due_ms, world->now_ms + 1090);
  world_free(world);
}
END_TEST

START_TEST(ranges_of_the_settings) {
  static const struct {
    int32_t (*set)(shop_config_t *config, int64_t value);
    int64_t min, max;
  } settings[] = {{shop_config_set_mail_first_wait_ms, 1000, DAY_MS},
                  {shop_config_set_mail_longest_wait_ms, 1000, 30 * DAY_MS},
                  {shop_config_set_mail_life_ms, 1000, 3650 * DAY_MS},
                  {shop_config_set_mail_dead_life_ms, 1000, 3650 * DAY_MS}};
  struct world *world = world_prepare();
  shop_config_t *config = world->config;

  for (size_t i = 0; i < sizeof settings / sizeof settings[0]; i++) {
    ck_assert_int_eq(settings[i].set(config, settings[i].min - 1), SHOP_ERR_ARGUMENT);
    ck_assert_int_eq(settings[i].set(config, settings[i].max + 1), SHOP_ERR_ARGUMENT);
    ck_assert_int_eq(settings[i].set(NULL, settings[i].min), SHOP_ERR_ARGUMENT);
    ck_assert_int_eq(settings[i].set(config, settings[i].min), SHOP_OK);
    ck_assert_int_eq(settings[i].set(config, settings[i].max), SHOP_OK);
  }
  ck_assert_int_eq(shop_config_set_mail_kind(NULL, SHOP_MAIL_REFUND, true), SHOP_ERR_ARGUMENT);
  ck_assert_int_eq(shop_config_set_mail_kind(config, 0, true), SHOP_ERR_ARGUMENT);
  ck_assert_int_eq(shop_config_set_mail_kind(config, SHOP_MAIL_REGISTRATION + 1, true),
                   SHOP_ERR_ARGUMENT);
  ck_assert_int_eq(shop_config_set_mail_kind(config, SHOP_MAIL_CONFIRMATION, false),
                   SHOP_ERR_ARGUMENT);
  ck_assert_int_eq(shop_config_set_mail_kind(config, SHOP_MAIL_CONFIRMATION, true), SHOP_OK);
  ck_assert_int_eq(shop_config_set_mail_kind(config, SHOP_MAIL_UNLOCK, false), SHOP_OK);
  world_free(world);
}
END_TEST

/* ---- dead and put back --------------------------------------------------------- */

/* Only what is dead can be put back; then it has all its tries again, and its story is told. */
START_TEST(put_back) {
  struct world *world = world_prepare();
  shop_order_t *order;
  int64_t id;

  ck_assert_int_eq(shop_config_set_mail_tries_max(world->config, 2), SHOP_OK);
  world_open(world);
  world_put(world, "TEA", 999, "EUR", SHOP_STOCK_UNLIMITED);
  sell_in_mood(world, "ada@example.org", TRANSPORT_LATER);
  id = first_id(world, 0);
  ck_refused(world, shop_mail_requeue(world->shop, id, NULL, world->err), SHOP_ERR_STATE);
  world_pass_ms(world, HOUR_MS);
  ck_assert_int_eq(deliver(world), 0);
  ck_assert_int_eq(mail_count(world->shop).dead, 1);
  ck_ok(world, shop_mail_requeue(world->shop, id, NULL, world->err));
  ck_refused(world, shop_mail_requeue(world->shop, id, NULL, world->err), SHOP_ERR_STATE);
  ck_assert_int_eq(deliver(world), 0); /* due at once; the first of two tries again */
  ck_assert_int_eq(mail_count(world->shop).queued, 1);
  world->transport.mood = TRANSPORT_DELIVERS;
  world_pass_ms(world, HOUR_MS);
  ck_assert_int_eq(deliver(world), 1);
  ck_refused(world, shop_mail_requeue(world->shop, id, NULL, world->err), SHOP_ERR_STATE);
  order = world_order(world, world->gateway.last_order_number);
  ck_history(order,
             "order.created payment.captured order.placed mail.dead mail.requeued "
             "mail.sent");
  shop_order_free(order);
  world_close_books(world, 0);
  world_free(world);
}
END_TEST

/* ---- forgotten ------------------------------------------------------------------ */

static int64_t maintain(struct world *world) {
  shop_maintenance_t *done = NULL;
  int64_t mails;

  ck_ok(world, shop_maintain(world->shop, &done, world->err));
  mails = shop_maintenance_mails(done);
  shop_maintenance_free(done);
  return mails;
}

/* What was sent loses its text and recipient after its life, what is dead after its own, and what
   waits never; the audit still knows that the confirmation was written. */
START_TEST(text_is_forgotten) {
  enum { MAILS = 250 }; /* more than one step of the upkeep */
  struct world *world = world_of_tea();
  int64_t kept, dead_id;
  shop_mail_page_t *page;
  char email[40];

  sell_in_mood(world, "dead@example.org", TRANSPORT_REJECTS);
  dead_id = first_id(world, SHOP_MAIL_DEAD);
  for (int i = 0; i < MAILS; i++) {
    snprintf(email, sizeof email, "u%d@example.org", i);
    sell_in_mood(world, email, TRANSPORT_DELIVERS);
  }
  sell_in_mood(world, "waits@example.org", TRANSPORT_LATER);
  kept = world_number(world, "SELECT sum(length(message)) FROM outbox WHERE state = 1");
  world_pass_ms(world, 90 * DAY_MS);
  ck_assert_int_eq(maintain(world), 0);
  world_pass_ms(world, 1);
  ck_assert_int_eq(maintain(world), MAILS);
  ck_assert_int_eq(world_number(world, "SELECT sum(length(message)) FROM outbox WHERE state <> 4"),
                   kept);
  ck_assert_int_eq(world_number(world, "SELECT count(*) FROM outbox WHERE recipient = ''"), MAILS);
  ck_assert_int_eq(mail_count(world->shop).sent, 0);
  page = list(world, 0, 0, 2);
  ck_assert_int_eq(shop_mail_page_state(page, 1), SHOP_MAIL_FORGOTTEN);
  ck_assert_int_eq(shop_mail_page_sent_at_ms(page, 1), WORLD_START_MS);
  ck_assert_str_eq(shop_mail_page_recipient(page, 1), "");
  shop_mail_page_free(page);
  world_verify(world, 1); /* the dead one is still for a person */
  world_pass_ms(world, 275 * DAY_MS);
  ck_assert_int_eq(maintain(world), 1);
  ck_refused(world, shop_mail_requeue(world->shop, dead_id, NULL, world->err), SHOP_ERR_STATE);
  ck_assert_int_eq(maintain(world), 0);
  world_verify(world, 0);
  world->transport.mood = TRANSPORT_DELIVERS;
  ck_assert_int_eq(deliver(world), 1); /* what waits was not forgotten */
  world_free(world);
}
END_TEST

/* A deliverer that is very late: the mail was sent by another and forgotten since. */
START_TEST(an_answer_about_what_is_forgotten) {
  struct world *world = world_of_tea();
  shop_mail_t *mail = NULL;

  sell_in_mood(world, "ada@example.org", TRANSPORT_LATER);
  world_pass_ms(world, HOUR_MS);
  ck_ok(world, shop_mail_take(world->shop, NULL, &mail, world->err));
  world_pass_ms(world, HOUR_MS);
  world->transport.mood = TRANSPORT_DELIVERS;
  ck_assert_int_eq(deliver(world), 1);
  world_pass_ms(world, 91 * DAY_MS);
  ck_assert_int_eq(maintain(world), 1);
  for (int32_t outcome = SHOP_MAIL_DELIVERED; outcome <= SHOP_MAIL_REJECTED; outcome++)
    ck_ok(world, shop_mail_done(world->shop, mail, outcome, NULL, NULL, world->err));
  ck_assert_int_eq(first_id(world, SHOP_MAIL_SENT), 0);
  ck_assert_int_eq(world_mails(world, "5"), 1);
  shop_mail_free(mail);
  world_close_books(world, 0);
  world_free(world);
}
END_TEST

int main(void) {
  const TTest *const tests[] = {
      a_mail_of_each_state,
      pages,
      arguments,
      the_oldest_that_waits,
      waits_as_they_are_set,
      the_longest_cuts_the_first,
      ranges_of_the_settings,
      put_back,
      text_is_forgotten,
      an_answer_about_what_is_forgotten,
  };

  return HARNESS_RUN("mail: lists and upkeep", tests);
}
