/*
 * Every allocation of a confirmation fails once: the message says so, and no
 * half of one is ever taken for a whole.
 */
#include "allocation_faults.h"
#include "mail.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

static char long_name[4001];

static struct shop__mail_order big_order(void) {
  static const struct shop__mail_line lines[] = {{long_name, "TEA-001", 2, 999, 1998},
                                                 {"Teapot", "POT-7", 1, 4500, 4500}};
  static const struct shop__mail_adjustment adjustments[] = {{"Shipping", 490, false}};
  return (struct shop__mail_order){
      .shop_name = "Caf\xC3\xA9",
      .from = "orders@example.org",
      .recipient = "ada@example.org",
      .message_id = "order.7F3K-2Q9M@example.org",
      .date_ms = 1795350500123,
      .order_number = "7F3K-2Q9M",
      .currency = "EUR",
      .lines = lines,
      .line_count = 2,
      .adjustments = adjustments,
      .adjustment_count = 1,
      .total_minor = 6988,
      .shipping_address = "Ada Lovelace\n12 St James's Square\nLondon",
  };
}

static void every_allocation_fails_once(const struct shop__mail_order *order, long at_least) {
  struct shop__bytes whole = {0};
  shop__mail_confirmation(order, &whole);
  ck_assert(!whole.failed);
  long nth = 0;
  for (bool again = true; again;) {
    struct shop__bytes message = {0};
    allocation_fail_at(++nth);
    shop__mail_confirmation(order, &message);
    again = allocation_failed();
    ck_assert_msg(message.failed == again, "allocation %ld", nth);
    if (!again) {
      ck_assert_uint_eq(message.used, whole.used);
      ck_assert_int_eq(memcmp(message.data, whole.data, whole.used), 0);
    }
    shop__bytes_free(&message);
  }
  ck_assert_int_gt(nth, at_least);
  shop__bytes_free(&whole);
}

/* With encoded words. */
START_TEST(encoded) {
  memset(long_name, 'x', sizeof long_name - 1);
  struct shop__mail_order order = big_order();
  every_allocation_fails_once(&order, 12);
}
END_TEST

/* With a quoted display name and a plain subject. */
START_TEST(plain) {
  memset(long_name, '.', sizeof long_name - 1);
  struct shop__mail_order order = big_order();
  order.shop_name = "The Tea Room";
  every_allocation_fails_once(&order, 12);
}
END_TEST

int main(void) {
  Suite *suite = suite_create("mail faults");
  TCase *tcase = tcase_create("allocations");
  tcase_add_test(tcase, encoded);
  tcase_add_test(tcase, plain);
  suite_add_tcase(suite, tcase);
  SRunner *runner = srunner_create(suite);
  srunner_run_all(runner, CK_NORMAL);
  int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
