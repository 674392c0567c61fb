/* Every status of status.h: its name, and the test that makes the library
   answer it. The table is checked against the library on one side and against
   the text of the tests on the other, so a status without a test fails. */
#include <harness.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
  int32_t status;
  const char *name;
  const char *file; /* in this folder, without the ".c" */
  const char *test; /* names the status and expects it */
} statuses[] = {
#define ROW(status, file, test)                                                                    \
  { status, #status, file, test }
    ROW(SHOP_OK, "test_bad_input", "null_error"),
    ROW(SHOP_ERR_ARGUMENT, "test_bad_input", "missing_texts"),
    ROW(SHOP_ERR_TEXT, "test_bad_input", "unfit_texts"),
    ROW(SHOP_ERR_TOO_LONG, "test_bad_input", "unfit_texts"),
    ROW(SHOP_ERR_EMAIL, "test_bad_input", "unfit_texts"),
    ROW(SHOP_ERR_PASSWORD, "test_timeline_1_register", "password_length"),
    ROW(SHOP_ERR_QUANTITY, "test_timeline_3_cart", "quantity_limit"),
    ROW(SHOP_ERR_CURRENCY, "test_bad_input", "unfit_texts"),
    ROW(SHOP_ERR_OVERFLOW, "test_timeline_3_cart", "totals_do_not_overflow"),
    ROW(SHOP_ERR_FOREIGN, "test_token", "tokens_of_another_shop"),
    ROW(SHOP_ERR_PASSWORD_COMMON, "test_passwords", "common_passwords"),
    ROW(SHOP_ERR_PASSWORD_REFUSED, "test_passwords", "host_decides"),
    ROW(SHOP_ERR_PASSWORD_UNCHECKED, "test_passwords", "host_decides"),
    ROW(SHOP_ERR_TEMPLATE, "test_mail_templates", "mistakes_are_refused"),
    ROW(SHOP_ERR_CREDENTIALS, "test_timeline_2_login", "refusals_tell_nothing"),
    ROW(SHOP_ERR_TOKEN_INVALID, "test_token", "token_of_a_vanished_user"),
    ROW(SHOP_ERR_TOKEN_EXPIRED, "test_token", "expired_token"),
    ROW(SHOP_ERR_TOKEN_REVOKED, "test_token", "revoked_token"),
    ROW(SHOP_ERR_SCOPE, "test_token_scope", "scope_is_asked_for"),
    ROW(SHOP_ERR_CODE, "test_account_codes", "wrong_codes"),
    ROW(SHOP_ERR_UNVERIFIED, "test_account_codes", "purchase_needs_verified"),
    ROW(SHOP_CONFIRM_MAIL, "test_register_by_mail", "finished_by_its_code"),
    ROW(SHOP_ERR_GUEST, "test_guest", "buys_nothing"),
    ROW(SHOP_ERR_TOKEN_REUSED, "test_token_refresh", "a_used_one_ends_all"),
    ROW(SHOP_ERR_USER_DISABLED, "test_account_disabled", "disabled_at_the_next_call"),
    ROW(SHOP_ERR_THROTTLED, "test_guess", "waits_double"),
    ROW(SHOP_ERR_LOCKED, "test_guess", "lock_of_one_source"),
    ROW(SHOP_ERR_NOT_FOUND, "test_catalogue", "unknown_sku"),
    ROW(SHOP_ERR_EMAIL_TAKEN, "test_timeline_1_register", "address_is_taken_in_any_case"),
    ROW(SHOP_ERR_PRODUCT_RETIRED, "test_timeline_3_cart", "retired_product_is_shown"),
    ROW(SHOP_ERR_OUT_OF_STOCK, "test_catalogue", "adjust_stock"),
    ROW(SHOP_ERR_CART_FULL, "test_timeline_3_cart", "cart_full"),
    ROW(SHOP_ERR_CURRENCY_MIXED, "test_timeline_3_cart", "one_currency"),
    ROW(SHOP_ERR_CART_EMPTY, "test_purchase_refusals", "an_empty_cart"),
    ROW(SHOP_ERR_CART_BUSY, "test_timeline_3_cart", "completing_cart"),
    ROW(SHOP_ERR_CART_COMPLETED, "test_timeline_3_cart", "completed_cart"),
    ROW(SHOP_ERR_VERSION, "test_cart_keys", "expected_version"),
    ROW(SHOP_ERR_PRICE_CHANGED, "test_purchase_refusals", "a_price_that_changed"),
    ROW(SHOP_ERR_TOTAL_CHANGED, "test_purchase_refusals", "another_total_than_expected"),
    ROW(SHOP_ERR_KEY_REUSED, "test_cart_keys", "key_of_another_request"),
    ROW(SHOP_ERR_STATE, "test_payment_authorize", "refusals"),
    ROW(SHOP_ERR_CART_EXPIRED, "test_maintain", "carts_expire"),
    ROW(SHOP_ERR_AMOUNT, "test_payment_refund", "several_parts"),
    ROW(SHOP_DECLINED, "test_purchase_outcomes", "declined_and_tried_again"),
    ROW(SHOP_ACTION_REQUIRED, "test_payment_action", "client_data_is_kept"),
    ROW(SHOP_PENDING, "test_purchase_outcomes", "pending_waits"),
    ROW(SHOP_UNKNOWN, "test_purchase_outcomes", "odd_answers_are_no_answers"),
    ROW(SHOP_IN_PROGRESS, "test_purchase_outcomes", "the_answer_cannot_be_stored"),
    ROW(SHOP_MISMATCH, "test_purchase_outcomes", "far_more_was_taken"),
    ROW(SHOP_UNMATCHED, "test_payment_report", "unknown_ones_are_kept"),
    ROW(SHOP_CONTRADICTION, "test_payment_report", "impossible"),
    ROW(SHOP_ERR_CANNOT_OPEN, "test_store_open", "no_place_for_a_file"),
    ROW(SHOP_ERR_NOT_A_STORE, "test_store_open", "not_a_store"),
    ROW(SHOP_ERR_NOT_A_SHOP, "test_store_open", "not_a_shop"),
    ROW(SHOP_ERR_TOO_NEW, "test_store_open", "too_new"),
    ROW(SHOP_ERR_READ_ONLY, "test_store_open", "no_permission"),
    ROW(SHOP_ERR_DISK_FULL, "test_store_open", "disk_full"),
    ROW(SHOP_ERR_IO, "test_store_faults", "failed_reads"),
    ROW(SHOP_ERR_CORRUPT, "test_store_faults", "damaged_pages"),
    ROW(SHOP_ERR_BUSY, "test_store", "busy"),
    ROW(SHOP_ERR_COMMIT_UNKNOWN, "test_store_faults", "commit_unknown"),
    ROW(SHOP_ERR_DEADLINE, "test_store", "deadline"),
    ROW(SHOP_ERR_NO_MEMORY, "test_no_memory", "objects_without_memory"),
    ROW(SHOP_ERR_FORKED, "test_store", "forked"),
    ROW(SHOP_ERR_CLOSED, "test_store", "close_waits_and_refuses"),
    ROW(SHOP_ERR_IN_CALLBACK, "test_store", "close_in_callback"),
    ROW(SHOP_ERR_PEPPER, "test_passwords", "pepper_is_missing"),
    ROW(SHOP_ERR_KEY_SECRET, "test_key_secret", "secret_is_asked_for"),
    ROW(SHOP_ERR_NO_GATEWAY, "test_purchase_refusals", "no_method_and_no_gateway"),
#undef ROW
};

enum { COUNT = sizeof statuses / sizeof statuses[0] };

static int32_t row_of(int32_t status) {
  int32_t row = 0;

  while (row < COUNT && statuses[row].status != status)
    row++;
  return row;
}

/* Each value has its own name, and what has a name is in the table. */
START_TEST(names) {
  for (int32_t row = 0; row < COUNT; row++) {
    ck_assert_str_eq(shop_status_name(statuses[row].status), statuses[row].name);
    ck_assert_int_eq(row_of(statuses[row].status), row);
  }
  for (int32_t status = -2000; status <= 2000; status++)
    if (row_of(status) == COUNT)
      ck_assert_msg(strcmp(shop_status_name(status), "SHOP_ERR_UNNAMED") == 0,
                    "%s is not in the table", shop_status_name(status));
  ck_assert_str_eq(shop_status_name(INT32_MIN), "SHOP_ERR_UNNAMED");
  ck_assert_str_eq(shop_status_name(INT32_MAX), "SHOP_ERR_UNNAMED");
}
END_TEST

/* The text between two marks of a file, or NULL. */
static char *read_between(const char *path, const char *from, const char *to) {
  static char text[1 << 18];
  FILE *file = fopen(path, "r");
  char *begin, *end;
  size_t size;

  if (file == NULL)
    return NULL;
  size = fread(text, 1, sizeof text - 1, file);
  fclose(file);
  text[size] = '\0';
  begin = strstr(text, from);
  end = begin == NULL ? NULL : strstr(begin, to);
  if (end != NULL)
    *end = '\0';
  return end == NULL ? NULL : begin;
}

/* The test is there, and it names the status. */
START_TEST(every_status_has_a_test) {
  for (int32_t row = 0; row < COUNT; row++) {
    char path[1000], start[100];
    const char *body;

    snprintf(path, sizeof path, "%s/%s.c", TESTS_FOLDER, statuses[row].file);
    snprintf(start, sizeof start, "START_TEST(%s)", statuses[row].test);
    body = read_between(path, start, "END_TEST");
    ck_assert_msg(body != NULL, "%s: there is no %s", statuses[row].file, statuses[row].test);
    ck_assert_msg(strstr(body, statuses[row].name) != NULL, "%s: %s does not name %s",
                  statuses[row].file, statuses[row].test, statuses[row].name);
  }
}
END_TEST

int main(void) {
  const TTest *tests[] = {names, every_status_has_a_test};

  return HARNESS_RUN("statuses", tests);
}
