/*
 * Whatever fails, and wherever the process is killed: every answer is true of
 * the store.
 */
#include "test_db.h"

#include <signal.h>
#include <stdio.h>
#include <unistd.h>

/* What the file holds, seen by a connection that knows nothing of this process. */
static int64_t on_disk(int64_t who) {
  char sql[80];
  snprintf(sql, sizeof sql, "SELECT count(*) FROM note WHERE who = %d", (int)who);
  return by_hand(path_of("shop.db"), sql);
}

/* ---- every fault, one by one ----------------------------------------------- */

static const struct {
  enum fault_op op;
  enum fault_file file;
  int code;
} faults[] = {{FAULT_WRITE, FAULT_WAL, SQLITE_IOERR_WRITE},
              {FAULT_WRITE, FAULT_WAL, SQLITE_FULL},
              {FAULT_SYNC, FAULT_WAL, SQLITE_IOERR_FSYNC},
              {FAULT_READ, FAULT_WAL, SQLITE_IOERR_READ},
              {FAULT_READ, FAULT_MAIN, SQLITE_IOERR_READ},
              {FAULT_WRITE, FAULT_MAIN, SQLITE_FULL},
              {FAULT_SYNC, FAULT_MAIN, SQLITE_IOERR_FSYNC},
              {FAULT_OPEN, FAULT_MAIN, SQLITE_CANTOPEN},
              {FAULT_SHM_MAP, FAULT_MAIN, SQLITE_IOERR_SHMMAP},
              {FAULT_SHM_LOCK, FAULT_MAIN, SQLITE_IOERR_SHMLOCK},
              {FAULT_TRUNCATE, FAULT_WAL, SQLITE_IOERR_TRUNCATE},
              {FAULT_LOCK, FAULT_MAIN, SQLITE_IOERR_LOCK}};

/* One write with this fault; what is answered must be true of the file afterwards. False: it was
   not met. */
static bool expect_true_answer(size_t fault, long nth, long times, bool anyway, bool readers) {
  struct note note = {.who = 1, .draw = true};
  struct shop_error err;
  fault_vfs_reset();
  unlink(path_of("shop.db"));
  store = open_store();
  put_one(store, 0);
  if (readers) {
    ck_assert_int_eq(notes(store), 1);
  }
  fault_vfs_reset();
  fault_vfs_fail((struct fault_rule){.op = faults[fault].op,
                                     .file = faults[fault].file,
                                     .nth = nth,
                                     .times = times,
                                     .code = faults[fault].code,
                                     .anyway = anyway});
  int32_t status = shop__db_write(store, put_note, &note, NULL, &err);
  bool met = fault_vfs_struck() > 0;
  fault_vfs_reset();
  ck_assert_int_eq(err.code, status);
  int64_t seen = notes_of(store, 1);
  if (status == SHOP_OK) {
    ck_assert_int_eq(seen, 1);
  } else if (status != SHOP_ERR_COMMIT_UNKNOWN) {
    ck_assert_int_eq(seen, 0);
  }
  put_one(store, 2);
  ck_assert_int_eq(notes_of(store, 2), 1);
  ck_assert_int_eq(notes_of(store, 1), seen);
  shop__db_close(store);
  ck_assert_int_eq(on_disk(1), seen);
  ck_assert_int_eq(on_disk(2), 1);
  return met;
}

/* Every operation of a write on every file fails, once, twice, three times, for ever; reported
   after it was done, or instead: the answer is true, and the store works afterwards. */
START_TEST(every_fault_gets_a_true_answer) {
  static const long times[] = {1, 2, 3, FAULT_ALWAYS};
  shop__db_close(store);
  for (size_t fault = 0; fault < sizeof faults / sizeof faults[0]; fault++) {
    for (size_t t = 0; t < sizeof times / sizeof times[0]; t++) {
      for (int variant = 0; variant < 4; variant++) {
        long nth = 1;
        while (expect_true_answer(fault, nth, times[t], (variant & 1) != 0, (variant & 2) != 0)) {
          nth++;
        }
      }
    }
  }
  store = open_store();
}
END_TEST

struct killing {
  long at;
  int report;
};

static void kill_at(void *user, enum fault_op op, enum fault_file file, long number) {
  (void)op;
  (void)file;
  if (number == ((struct killing *)user)->at) {
    kill(getpid(), SIGKILL);
  }
}

static int write_until_killed(void *arg) {
  struct killing *killing = arg;
  fault_vfs_reset();
  fault_vfs_hook(kill_at, killing);
  struct shop__db_settings settings = test_settings();
  shop__db_t *own;
  if (shop__db_open(&settings, &own, NULL) != SHOP_OK) {
    return 2;
  }
  for (char i = 1; i <= 5; i++) {
    struct note note = {.who = i, .draw = true};
    if (shop__db_write(own, put_note, &note, NULL, NULL) != SHOP_OK ||
        write(killing->report, &i, 1) != 1) {
      return 3;
    }
  }
  shop__db_close(own);
  return 0;
}

/* Killed at any operation on a file: what was answered is there, what was not is there once or not
   at all, and nothing after it. */
START_TEST(killed_writer_has_told_the_truth) {
  if (!can_fork()) {
    return;
  }
  shop__db_close(store);
  int answer;
  struct killing killing = {.at = 0};
  do {
    killing.at += 1 + killing.at / 16;
    unlink(path_of("shop.db"));
    unlink(path_of("shop.db-wal"));
    unlink(path_of("shop.db-shm"));
    shop__db_close(open_store());
    int ends[2];
    ck_assert_int_eq(pipe(ends), 0);
    killing.report = ends[1];
    answer = process_wait(process_start(write_until_killed, &killing));
    close(ends[1]);
    char told = 0;
    while (read(ends[0], &told, 1) == 1) {
    }
    close(ends[0]);
    ck_assert(answer == 0 || answer == 1000 + SIGKILL);
    store = open_store();
    int64_t found = notes(store);
    ck_assert_int_ge(found, told);
    ck_assert_int_le(found, told + 1);
    for (int i = 1; i <= 5; i++) {
      ck_assert_int_eq(notes_of(store, i), i <= found);
    }
    put_one(store, 9);
    shop__db_close(store);
  } while (answer != 0);
  ck_assert_int_gt(killing.at, 40);
  store = open_store();
}
END_TEST

Suite *truth_suite(void) {
  Suite *suite = suite_create("truth");
  TCase *tcase = tcase_create("truth");
  tcase_add_checked_fixture(tcase, set_up_store, tear_down_store);
  tcase_set_timeout(tcase, 180);
  tcase_add_test(tcase, every_fault_gets_a_true_answer);
  tcase_add_test(tcase, killed_writer_has_told_the_truth);
  suite_add_tcase(suite, tcase);
  return suite;
}
