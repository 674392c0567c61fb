/*
 * Snapshots in one block: what was packed is found again, wherever the block
 * moved while it grew.
 */
#include "test_base.h"
#include "base.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct head {
  int64_t id;
  uint32_t title;
  struct shop__pack_list small;
  struct shop__pack_list big;
};

struct record {
  uint32_t reserved; /* the pack's */
  uint32_t name;
  int64_t number;
};

static void add(struct shop__pack *pack, size_t list, int64_t number, size_t name_size) {
  char name[600];
  memset(name, 'n', name_size);
  name[name_size] = '\0';
  struct record record = {77, shop__pack_text(pack, name), number};
  shop__pack_record(pack, list, &record, sizeof record);
}

/* Two lists that grow in turn, far past the first size of the block. */
START_TEST(lists_come_back_in_order) {
  struct shop__pack pack = {0};
  shop__pack_begin(&pack, sizeof(struct head));
  uint32_t title = shop__pack_text(&pack, "title");
  for (int64_t i = 0; i < 500; i++) {
    add(&pack, offsetof(struct head, big), i, (size_t)i);
    if (i % 100 == 0) {
      add(&pack, offsetof(struct head, small), -i, 3);
    }
  }
  shop__pack_end_list(&pack, offsetof(struct head, small));
  shop__pack_end_list(&pack, offsetof(struct head, big));
  ((struct head *)(void *)pack.block)->title = title;
  struct head *head = shop__pack_finish(&pack);
  ck_assert_ptr_nonnull(head);
  ck_assert_ptr_null(pack.block);
  ck_assert_int_eq(head->id, 0);
  ck_assert_str_eq(shop__pack_text_at(head, head->title), "title");
  ck_assert_uint_eq(head->big.count, 500);
  ck_assert_uint_eq(head->small.count, 5);
  for (int32_t i = 0; i < 500; i++) {
    const struct record *record = shop__pack_at(head, &head->big, i);
    ck_assert_uint_eq((uintptr_t)record % 8, 0);
    ck_assert_int_eq(record->number, i);
    ck_assert_uint_eq(strlen(shop__pack_text_at(head, record->name)), (size_t)i);
  }
  ck_assert_int_eq(((const struct record *)shop__pack_at(head, &head->small, 4))->number, -400);
  shop__memory_free(head);
}
END_TEST

/* Outside of a list there is nothing, and an empty list is nothing but outside. */
START_TEST(outside_is_null) {
  struct shop__pack pack = {0};
  shop__pack_begin(&pack, sizeof(struct head));
  add(&pack, offsetof(struct head, big), 1, 1);
  shop__pack_end_list(&pack, offsetof(struct head, big));
  shop__pack_end_list(&pack, offsetof(struct head, small));
  struct head *head = shop__pack_finish(&pack);
  ck_assert_ptr_nonnull(shop__pack_at(head, &head->big, 0));
  ck_assert_ptr_null(shop__pack_at(head, &head->big, 1));
  ck_assert_ptr_null(shop__pack_at(head, &head->big, -1));
  ck_assert_ptr_null(shop__pack_at(head, &head->big, INT32_MIN));
  ck_assert_ptr_null(shop__pack_at(head, &head->big, INT32_MAX));
  ck_assert_ptr_null(shop__pack_at(head, &head->small, 0));
  shop__memory_free(head);
}
END_TEST

/* No text is the empty text, and takes no room. */
START_TEST(no_text) {
  struct shop__pack pack = {0};
  shop__pack_begin(&pack, sizeof(struct head));
  uint32_t used = pack.used;
  ck_assert_uint_eq(shop__pack_text(&pack, NULL), 0);
  ck_assert_uint_eq(shop__pack_text(&pack, ""), 0);
  ck_assert_uint_eq(pack.used, used);
  ck_assert_str_eq(shop__pack_text_at(pack.block, 0), "");
  shop__pack_free(&pack);
  shop__pack_free(&pack);
}
END_TEST

/* A function of the store may run more than once: beginning again forgets the first time, also a
   failed one. */
START_TEST(beginning_again) {
  struct shop__pack pack = {0};
  for (int time = 0; time < 3; time++) {
    shop__pack_begin(&pack, sizeof(struct head));
    ck_assert(!pack.failed);
    for (int i = 0; i < 200; i++) {
      add(&pack, offsetof(struct head, big), i, 100);
    }
    shop__pack_end_list(&pack, offsetof(struct head, big));
    pack.failed = time == 1;
    if (time == 1) {
      ck_assert_ptr_null(shop__pack_finish(&pack));
    }
  }
  struct head *head = shop__pack_finish(&pack);
  ck_assert_uint_eq(head->big.count, 200);
  ck_assert_int_eq(((const struct record *)shop__pack_at(head, &head->big, 199))->number, 199);
  shop__memory_free(head);
}
END_TEST

Suite *pack_suite(void) {
  Suite *suite = suite_create("pack");
  TCase *tcase = tcase_create("pack");
  tcase_add_test(tcase, lists_come_back_in_order);
  tcase_add_test(tcase, outside_is_null);
  tcase_add_test(tcase, no_text);
  tcase_add_test(tcase, beginning_again);
  suite_add_tcase(suite, tcase);
  return suite;
}
