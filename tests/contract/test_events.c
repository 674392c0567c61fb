/* The event log: everything that happened, once, in order, with who did it and what it changed; in
   pages that miss nothing and repeat nothing. */
#include "till.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static shop_event_page_t *page_after(struct world *world, int64_t after_id, int32_t limit) {
  shop_event_page_t *page = NULL;

  ck_ok(world, shop_event_list(world->shop, after_id, limit, &page, world->err));
  return page;
}

/* Every event as "actor name before>after", a line each; freed by the caller. */
static char *told(struct world *world) {
  static const char *const actors[] = {"?", "shopper", "merchant", "gateway", "system"};
  shop_event_page_t *page = page_after(world, 0, 1000);
  char *all = NULL;
  size_t size = 0;
  FILE *file = open_memstream(&all, &size);

  ck_assert_ptr_nonnull(file);
  for (int32_t i = 0; i < shop_event_page_count(page); i++) {
    fprintf(file, "%s %s", actors[shop_event_page_actor(page, i)], shop_event_page_name(page, i));
    if (shop_event_page_after(page, i)[0] != '\0')
      fprintf(file, " %s>%s", shop_event_page_before(page, i), shop_event_page_after(page, i));
    fputs("\n", file);
  }
  fclose(file);
  shop_event_page_free(page);
  return all;
}

#define ck_told(world, wanted)                                                                     \
  do {                                                                                             \
    char *told_ = told(world);                                                                     \
    ck_assert_str_eq(told_, wanted);                                                               \
    free(told_);                                                                                   \
  } while (0)

/* Who did it, and from what to what. */
START_TEST(who_and_what) {
  struct till till = till_new(TILL_OPERATIONS | TILL_QUERY);

  till_buy(&till, GATEWAY_AUTHORIZES, SHOP_OK);
  ck_till(&till, till_capture(&till, 0, NULL), SHOP_OK);
  ck_report(&till, SHOP_OK, .key = till_key(&till, 0), .reference = "re_1",
            .outcome = SHOP_OUTCOME_REFUNDED, .amount_minor = 100);
  ck_till(&till, till_cancel(&till, NULL), SHOP_OK);
  ck_told(till.world,
          "shopper order.created >pending\n"
          "shopper payment.authorized sent>authorized\n"
          "shopper order.placed pending>placed\n"
          "system mail.sent >confirmation\n"
          "merchant payment.captured authorized>captured\n"
          "gateway payment.refunded\n"
          "system mail.sent >refund\n"
          "merchant payment.refunded\n"
          "merchant order.cancelled placed>cancelled\n"
          "system mail.sent >order_cancelled\n"
          "system mail.sent >refund\n");
  till_end_unbooked(&till, 0);
  till = till_new(TILL_OPERATIONS | TILL_QUERY);
  till_buy(&till, GATEWAY_SILENT, SHOP_UNKNOWN);
  world_pass_ms(till.world, GATEWAY_LEASE_MS);
  till.world->gateway.query_mood = GATEWAY_DECLINES;
  ck_recovered(till.world, .examined = 1, .failed = 1);
  ck_told(till.world,
          "shopper order.created >pending\n"
          "shopper payment.unanswered\n"
          "system payment.declined sent>declined\n"
          "system order.failed pending>failed\n"
          "system mail.sent >payment_failed\n");
  till_end(&till, 0);
}
END_TEST

/* The whole log is what the orders' histories are, and each entry says whom and which order it
   concerns, when, and with which words. */
START_TEST(as_on_the_order) {
  struct till till = till_new(TILL_CHARGE);
  shop_event_page_t *page;
  shop_order_t *order;

  world_pass_ms(till.world, 5);
  till_buy(&till, GATEWAY_DECLINES, SHOP_DECLINED);
  order = till_order(&till);
  page = page_after(till.world, 0, 1000);
  ck_assert_int_eq(shop_event_page_count(page), 3);
  ck_assert_int_eq(shop_order_event_count(order), 3);
  for (int32_t i = 0; i < 3; i++) {
    ck_assert_str_eq(shop_event_page_name(page, i), shop_order_event_name(order, i));
    ck_assert_str_eq(shop_event_page_detail(page, i), shop_order_event_detail(order, i));
    ck_assert_str_eq(shop_event_page_before(page, i), shop_order_event_before(order, i));
    ck_assert_str_eq(shop_event_page_after(page, i), shop_order_event_after(order, i));
    ck_assert_int_eq(shop_event_page_actor(page, i), shop_order_event_actor(order, i));
    ck_assert_int_eq(shop_event_page_at_ms(page, i), WORLD_START_MS + 5);
    ck_assert_int_eq(shop_event_page_order_id(page, i), shop_order_id(order));
    ck_assert_int_eq(shop_event_page_user_id(page, i), shop_token_user_id(till.token));
  }
  ck_assert_str_eq(shop_event_page_detail(page, 1), "insufficient funds");
  shop_event_page_free(page);
  shop_order_free(order);
  till_end(&till, 0);
}
END_TEST

/* Pages of every size, while more is added: each event once, in rising order. */
START_TEST(pages) {
  struct world *world = world_new();

  world_put(world, "TEA", 1, "EUR", 100);
  for (int i = 0; i < 3; i++) {
    char email[40];

    snprintf(email, sizeof email, "a%d@example.org", i);
    world_sell_one(world, email, "TEA");
  }
  for (int32_t limit = 1; limit <= 13; limit++) {
    int64_t after = 0, all = world_number(world, "SELECT count(*) FROM events"), seen = 0;
    int32_t count;

    do {
      shop_event_page_t *page = page_after(world, after, limit);

      count = shop_event_page_count(page);
      ck_assert_int_le(count, limit);
      for (int32_t i = 0; i < count; i++) {
        ck_assert_int_gt(shop_event_page_id(page, i), after);
        after = shop_event_page_id(page, i);
      }
      seen += count;
      shop_event_page_free(page);
    } while (count == limit);
    ck_assert_int_eq(seen, all);
  }
  world_sell_one(world, "late@example.org", "TEA");
  world_verify(world, 0);
  world_free(world);
}
END_TEST

START_TEST(arguments) {
  struct world *world = world_new();
  shop_event_page_t *page = NULL;

  ck_refused(world, shop_event_list(world->shop, 0, 0, &page, world->err), SHOP_ERR_ARGUMENT);
  ck_refused(world, shop_event_list(world->shop, 0, 1001, &page, world->err), SHOP_ERR_ARGUMENT);
  ck_refused(world, shop_event_list(world->shop, -1, 10, &page, world->err), SHOP_ERR_ARGUMENT);
  ck_refused(world, shop_event_list(world->shop, 0, 10, NULL, world->err), SHOP_ERR_ARGUMENT);
  ck_assert_ptr_null(page);
  page = page_after(world, 0, 1);
  ck_assert_int_eq(shop_event_page_count(page), 0);
  ck_assert_str_eq(shop_event_page_name(page, 0), "");
  ck_assert_int_eq(shop_event_page_id(page, 0), 0);
  ck_assert_int_eq(shop_event_page_actor(page, -1), 0);
  shop_event_page_free(page);
  ck_assert_int_eq(shop_event_page_count(NULL), 0);
  ck_assert_str_eq(shop_event_page_detail(NULL, 0), "");
  shop_event_page_free(NULL);
  world_free(world);
}
END_TEST

int main(void) {
  const TTest *const tests[] = {who_and_what, as_on_the_order, pages, arguments};

  return HARNESS_RUN("events", tests);
}
