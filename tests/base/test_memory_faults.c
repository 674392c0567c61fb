/*
 * Every allocation of lib/base fails once: the failure is told, nothing is
 * lost, nothing leaks (the sanitizer's leak check sees that).
 */
#include "allocation_faults.h"
#include "base.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

/* No memory: no object. */
START_TEST(single_allocations) {
  shop_error_t *err = (shop_error_t *)&err;
  allocation_fail_at(1);
  ck_assert_int_eq(shop_error_new(&err), SHOP_ERR_NO_MEMORY);
  ck_assert(allocation_failed());
  ck_assert_ptr_null(err);

  allocation_fail_at(1);
  ck_assert_ptr_null(shop__memory_strdup("tea"));
  ck_assert(allocation_failed());

  allocation_fail_at(1);
  ck_assert_ptr_null(shop__memory_zalloc(10));
  ck_assert(allocation_failed());
}
END_TEST

/* As realloc: the old block stays whole. */
START_TEST(failed_realloc_keeps_the_block) {
  char *block = shop__memory_strdup("tea");
  allocation_fail_at(1);
  ck_assert_ptr_null(shop__memory_realloc(block, 100000));
  ck_assert(allocation_failed());
  ck_assert_str_eq(block, "tea");
  shop__memory_free(block);
}
END_TEST

/* A buffer that could not grow says so for ever, and holds what it held. */
START_TEST(bytes_fail_for_good) {
  long nth = 1;
  for (bool again = true; again; nth++) {
    struct shop__bytes bytes = {0};
    size_t last = 0;
    bool steady = true; /* Check allocates as well: no assertion while memory may run out */
    allocation_fail_at(nth);
    for (int i = 0; i < 2000; i++) {
      bool before = bytes.failed;
      shop__bytes_text(&bytes, "some text, ");
      shop__bytes_format(&bytes, "%d. ", i);
      steady = steady && (!before || (bytes.failed && bytes.used == last));
      last = bytes.used;
    }
    again = allocation_failed();
    ck_assert(steady);
    ck_assert(bytes.failed == again);
    ck_assert_uint_eq(bytes.used, bytes.data == NULL ? 0 : strlen(bytes.data));
    shop__bytes_free(&bytes);
    ck_assert_ptr_null(bytes.data);
  }
  ck_assert_int_gt(nth, 8);
}
END_TEST

/* A snapshot that could not grow is never given away. */
START_TEST(pack_fails_for_good) {
  struct head {
    struct shop__pack_list list;
  };
  struct record {
    uint32_t reserved;
    uint32_t name;
  };
  long nth = 0;
  for (bool again = true; again;) {
    struct shop__pack pack = {0};
    allocation_fail_at(++nth);
    shop__pack_begin(&pack, sizeof(struct head));
    bool steady = true;
    for (int i = 0; i < 2000; i++) {
      bool before = pack.failed;
      uint32_t used = pack.used;
      struct record record = {0, shop__pack_text(&pack, "some text")};
      shop__pack_record(&pack, 0, &record, sizeof record);
      steady = steady && (!before || (pack.failed && pack.used == used));
    }
    shop__pack_end_list(&pack, 0);
    struct head *head = shop__pack_finish(&pack);
    again = allocation_failed();
    ck_assert(steady);
    ck_assert((head == NULL) == again);
    ck_assert(again || head->list.count == 2000);
    shop__memory_free(head);
    shop__pack_free(&pack);
  }
  ck_assert_int_gt(nth, 5);
}
END_TEST

int main(void) {
  Suite *suite = suite_create("memory faults");
  TCase *tcase = tcase_create("base");
  tcase_add_test(tcase, single_allocations);
  tcase_add_test(tcase, failed_realloc_keeps_the_block);
  tcase_add_test(tcase, bytes_fail_for_good);
  tcase_add_test(tcase, pack_fails_for_good);
  suite_add_tcase(suite, tcase);
  SRunner *runner = srunner_create(suite);
  srunner_run_all(runner, CK_NORMAL);
  int bad = srunner_ntests_failed(runner);
  srunner_free(runner);
  return bad == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
