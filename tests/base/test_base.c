/*
 * Runs the suites of lib/base.
 */
#include "test_base.h"

#include <stdlib.h>

int main(void) {
  SRunner *runner = srunner_create(error_suite());
  srunner_add_suite(runner, bytes_suite());
  srunner_add_suite(runner, pack_suite());
  srunner_add_suite(runner, text_suite());
  srunner_add_suite(runner, email_suite());
  srunner_add_suite(runner, money_suite());
  srunner_add_suite(runner, clock_suite());
  srunner_add_suite(runner, json_suite());
  srunner_run_all(runner, CK_NORMAL);
  int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
