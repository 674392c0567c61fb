/*
 * Memory that runs out, at every single allocation: the library's own and
 * SQLite's. One thread.
 */
#include "test_db.h"
#include "allocation_faults.h"
#include "fault_memory.h"

#include <stdlib.h>
#include <unistd.h>

/* Whose memory runs out, and for how long. */
enum kind { OURS_ONCE, SQLITES_ONCE, SQLITES_FROM_THEN_ON, KINDS };

static void arm(enum kind kind, long nth) {
  switch (kind) {
  case OURS_ONCE:
    allocation_fail_at(nth);
    break;
  case SQLITES_ONCE:
    fault_memory_fail(nth, 1);
    break;
  case SQLITES_FROM_THEN_ON:
    fault_memory_fail(nth, FAULT_MEMORY_ALWAYS);
    break;
  case KINDS:
    break;
  }
}

static bool disarm(void) {
  bool ours = allocation_failed();
  return fault_memory_stop() > 0 || ours;
}

/* Opening: NO_MEMORY and nothing left behind, or success; then the next opening works. */
START_TEST(opening) {
  for (int kind = 0; kind < KINDS; kind++) {
    bool met = true;
    for (long nth = 1; met; nth++) {
      struct shop__db_settings settings = test_settings();
      struct shop_error err;
      shop__db_t *db = NULL;
      unlink(path_of("shop.db"));
      arm((enum kind)kind, nth);
      int32_t status = shop__db_open(&settings, &db, &err);
      met = disarm();
      ck_assert_msg(status == SHOP_OK || status == SHOP_ERR_NO_MEMORY ||
                        status == SHOP_ERR_COMMIT_UNKNOWN,
                    "kind %d, allocation %ld: %d %s", kind, nth, status, err.message);
      ck_assert_int_eq(err.code, status);
      ck_assert_int_eq(status == SHOP_OK, db != NULL);
      shop__db_close(db);
      db = open_store();
      put_one(db, 1);
      ck_assert_int_eq(notes(db), 1);
      shop__db_close(db);
    }
  }
}
END_TEST

/* Writing and reading: the answer is true of the store, and the store works on. */
START_TEST(working) {
  for (int kind = 0; kind < KINDS; kind++) {
    bool met = true;
    for (long nth = 1; met; nth++) {
      unlink(path_of("shop.db"));
      shop__db_t *db = open_store();
      struct note note = {.who = 1, .draw = true};
      struct shop_error err;
      int64_t count = -1;
      arm((enum kind)kind, nth);
      int32_t written = shop__db_write(db, put_note, &note, NULL, &err);
      int32_t read = shop__db_read(db, count_notes, &count, NULL);
      met = disarm();
      ck_assert_int_eq(err.code, written);
      ck_assert(written == SHOP_OK || written == SHOP_ERR_NO_MEMORY ||
                written == SHOP_ERR_COMMIT_UNKNOWN);
      ck_assert_msg(read == SHOP_OK || read == SHOP_ERR_NO_MEMORY, "read %d at %ld", read, nth);
      int64_t there = notes_of(db, 1);
      if (written == SHOP_OK) {
        ck_assert_int_eq(there, 1);
      } else if (written == SHOP_ERR_NO_MEMORY) {
        ck_assert_int_eq(there, 0);
      }
      if (read == SHOP_OK) {
        ck_assert_int_eq(count, there);
      }
      put_one(db, 2);
      ck_assert_int_eq(notes(db), there + 1);
      shop__db_close(db);
    }
  }
}
END_TEST

static int32_t read_number_as_text(shop__tx_t *tx, void *ctx) {
  shop__query_t *q = shop__query(tx, "SELECT 7000 + who FROM note");
  int32_t status = shop__query_step(q);
  if (status == SHOP__ROW) {
    fault_memory_fail(1, FAULT_MEMORY_ALWAYS);
    *(bool *)ctx = shop__query_get_text(q, 0) == NULL; /* taken for a null */
    fault_memory_stop();
    return SHOP_ERR_NOT_FOUND; /* and refused for it */
  }
  return status;
}

/* A text for which there is no memory must not pass for a null: whatever the function makes of it,
   the answer is NO_MEMORY. */
START_TEST(text_without_memory_is_no_null) {
  bool null = false;
  struct shop_error err;
  shop__db_t *db = open_store();
  put_one(db, 1);
  ck_assert_int_eq(shop__db_read(db, read_number_as_text, &null, &err), SHOP_ERR_NO_MEMORY);
  ck_assert(null);
  ck_assert_int_eq(err.code, SHOP_ERR_NO_MEMORY);
  shop__db_close(db);
}
END_TEST

int main(void) {
  fault_memory_install();
  fault_vfs_install();
  fault_vfs_skip_syncs(true);
  Suite *suite = suite_create("db memory");
  TCase *tcase = tcase_create("db memory");
  tcase_add_checked_fixture(tcase, set_up, tear_down);
  tcase_set_timeout(tcase, 120);
  tcase_add_test(tcase, opening);
  tcase_add_test(tcase, working);
  tcase_add_test(tcase, text_without_memory_is_no_null);
  suite_add_tcase(suite, tcase);
  SRunner *runner = srunner_create(suite);
  srunner_run_all(runner, CK_NORMAL);
  int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
