/* Prints the export of a person of whom there is something everywhere, for a test in another
   language to read. */
#include "person.h"

#include <stdio.h>

START_TEST(print) {
  struct person person = person_new();
  shop_text_t *text = NULL;

  ck_ok(person.world,
        shop_account_export(person.world->shop, person.token, &text, person.world->err));
  (void)fputs(shop_text_get(text), stdout);
  shop_text_free(text);
  person_free(&person);
}
END_TEST

int main(void) {
  Suite *suite = suite_create("print");
  TCase *tcase = tcase_create("print");
  SRunner *runner = srunner_create(suite);
  int failed;

  tcase_add_test(tcase, print);
  suite_add_tcase(suite, tcase);
  srunner_set_fork_status(runner, CK_NOFORK);
  srunner_run_all(runner, CK_SILENT);
  failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed == 0 ? 0 : 1;
}
