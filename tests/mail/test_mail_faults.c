/*
 * Every allocation of a message fails once: the message says so, and no
 * half of one is ever taken for a whole.
 */
#include "allocation_faults.h"
#include "mail.h"
#include "shop/mail.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

static char long_name[4001];

static const struct shop__mail_line lines[] = {{long_name, "TEA-001", 2, 999, 1998},
                                               {"Teapot", "POT-7", 1, 4500, 4500}};
static const struct shop__mail_adjustment adjustments[] = {{"Shipping", 490, false}};
static const struct shop__mail_order order = {
    .number = "7F3K-2Q9M",
    .date_ms = 1795350500123,
    .currency = "EUR",
    .lines = lines,
    .line_count = 2,
    .adjustments = adjustments,
    .adjustment_count = 1,
    .total_minor = 6988,
    .shipping_address = "Ada Lovelace\n12 St James's Square\nLondon",
};

static struct shop__mail_facts big_facts(void) {
  return (struct shop__mail_facts){
      .shop_name = "Caf\xC3\xA9",
      .from = "orders@example.org",
      .recipient = "ada@example.org",
      .message_id = "order.7F3K-2Q9M@example.org",
      .date_ms = 1795350500123,
      .order = &order,
  };
}

static void every_allocation_fails_once(int32_t kind, const struct shop__mail_facts *facts,
                                        long at_least) {
  struct shop__mail_templates *templates = NULL;
  struct shop__bytes whole = {0};
  ck_assert_int_eq(shop__mail_templates_new(NULL, &templates), SHOP_OK);
  ck_assert_int_eq(shop__mail_compose(templates, kind, facts, &whole), SHOP_OK);
  long nth = 0;
  for (bool again = true; again;) {
    struct shop__bytes message = {0};
    allocation_fail_at(++nth);
    int32_t status = shop__mail_compose(templates, kind, facts, &message);
    again = allocation_failed();
    ck_assert_msg(status == (again ? SHOP_ERR_NO_MEMORY : SHOP_OK), "allocation %ld", nth);
    ck_assert(message.failed == again);
    if (!again) {
      ck_assert_uint_eq(message.used, whole.used);
      ck_assert_int_eq(memcmp(message.data, whole.data, whole.used), 0);
    }
    shop__bytes_free(&message);
  }
  ck_assert_int_gt(nth, at_least);
  shop__bytes_free(&whole);
  shop__mail_templates_free(templates);
}

/* With encoded words. */
START_TEST(encoded) {
  memset(long_name, 'x', sizeof long_name - 1);
  struct shop__mail_facts facts = big_facts();
  every_allocation_fails_once(SHOP_MAIL_CONFIRMATION, &facts, 12);
}
END_TEST

/* With a quoted display name and a plain subject. */
START_TEST(plain) {
  memset(long_name, '.', sizeof long_name - 1);
  struct shop__mail_facts facts = big_facts();
  facts.shop_name = "The Tea Room";
  every_allocation_fails_once(SHOP_MAIL_CONFIRMATION, &facts, 12);
}
END_TEST

/* About an account. */
START_TEST(of_an_account) {
  struct shop__mail_facts facts = big_facts();
  facts.order = NULL;
  facts.code = "cw3x0Nq7";
  every_allocation_fails_once(SHOP_MAIL_PASSWORD_RESET, &facts, 8);
}
END_TEST

/* Setting a template and copying a set: nothing is half there, and what was set before stays. */
START_TEST(of_templates) {
  static const char text[] =
      "{{#lines}}{{#if name}}{{name}}{{else}}-{{/if}}\n{{/lines}}{{total}}\n";
  struct shop__mail_templates *templates = NULL;
  struct shop__mail_templates *copy = NULL;
  ck_assert_int_eq(shop__mail_templates_new(NULL, &templates), SHOP_OK);
  ck_assert_int_eq(shop__mail_templates_set(templates, 1, "en", "kept", "kept", NULL, NULL),
                   SHOP_OK);
  long nth = 0;
  for (bool again = true; again;) {
    struct shop__bytes message = {0};
    struct shop__mail_facts facts = big_facts();
    allocation_fail_at(++nth);
    int32_t status = shop__mail_templates_set(templates, 1, nth % 2 == 0 ? "en" : "de", "fresh",
                                              text, text, NULL);
    again = allocation_failed();
    ck_assert_int_eq(status, again ? SHOP_ERR_NO_MEMORY : SHOP_OK);
    ck_assert_int_eq(shop__mail_compose(templates, 1, &facts, &message), SHOP_OK);
    ck_assert((strstr(message.data, "Subject: kept") != NULL) == (again || nth % 2 == 1));
    shop__bytes_free(&message);
  }
  ck_assert_int_gt(nth, 6);
  nth = 0;
  for (bool again = true; again;) {
    allocation_fail_at(++nth);
    int32_t status = shop__mail_templates_new(templates, &copy);
    again = allocation_failed();
    ck_assert_int_eq(status, again ? SHOP_ERR_NO_MEMORY : SHOP_OK);
    ck_assert((copy == NULL) == again);
  }
  ck_assert_int_gt(nth, 100);
  shop__mail_templates_free(copy);
  shop__mail_templates_free(templates);
  shop__mail_templates_free(NULL);
}
END_TEST

int main(void) {
  Suite *suite = suite_create("mail faults");
  TCase *tcase = tcase_create("allocations");
  tcase_add_test(tcase, encoded);
  tcase_add_test(tcase, plain);
  tcase_add_test(tcase, of_an_account);
  tcase_add_test(tcase, of_templates);
  suite_add_tcase(suite, tcase);
  SRunner *runner = srunner_create(suite);
  srunner_run_all(runner, CK_NORMAL);
  int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
