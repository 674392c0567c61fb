/*
 * Several processes, or several openings in one process, on one file.
 */
#include "test_db.h"

#include <unistd.h>

#define PROCESSES 2
#define THREADS 3
#define WRITES 120

static void wait_for_start(int end) {
  char byte;
  if (read(end, &byte, 1) < 0) {
    _exit(99);
  }
}

static int open_at_once(void *arg) {
  struct shop__db_settings settings = test_settings();
  struct note note = {.who = getpid(), .draw = true};
  shop__db_t *db;
  wait_for_start(*(int *)arg);
  if (shop__db_open(&settings, &db, NULL) != SHOP_OK) {
    return 1;
  }
  if (shop__db_write(db, put_note, &note, NULL, NULL) != SHOP_OK) {
    return 2;
  }
  shop__db_close(db);
  return 0;
}

static void remove_store(void) {
  unlink(path_of("shop.db"));
  unlink(path_of("shop.db-wal"));
  unlink(path_of("shop.db-shm"));
}

/* Two processes make a new store at the same moment: both succeed, and it is one store. */
START_TEST(two_processes_make_one_store) {
  if (!can_fork()) {
    return;
  }
  for (int round = 0; round < 50; round++) {
    int ends[2], pids[PROCESSES];
    remove_store();
    ck_assert_int_eq(pipe(ends), 0);
    for (int i = 0; i < PROCESSES; i++) {
      pids[i] = process_start(open_at_once, &ends[0]);
    }
    ck_assert_int_eq(write(ends[1], "gogo", PROCESSES), PROCESSES);
    for (int i = 0; i < PROCESSES; i++) {
      ck_assert_int_eq(process_wait(pids[i]), 0);
    }
    close(ends[0]);
    close(ends[1]);
    ck_assert_int_eq(by_hand(path_of("shop.db"), "SELECT count(DISTINCT id) FROM note"), PROCESSES);
    ck_assert_int_eq(by_hand(path_of("shop.db"), "PRAGMA user_version"), 2);
  }
}
END_TEST

struct opener {
  const struct shop__db_settings *settings;
  pthread_barrier_t *barrier;
  pthread_t thread;
  int32_t status;
};

static void *opener_thread(void *arg) {
  struct opener *opener = arg;
  struct note note = {.who = 1, .draw = true};
  shop__db_t *db = NULL;
  pthread_barrier_wait(opener->barrier);
  opener->status = shop__db_open(opener->settings, &db, NULL);
  if (opener->status == SHOP_OK) {
    opener->status = shop__db_write(db, put_note, &note, NULL, NULL);
  }
  shop__db_close(db);
  return NULL;
}

/* The same by threads of one process. */
START_TEST(two_threads_make_one_store) {
  for (int round = 0; round < 50; round++) {
    pthread_barrier_t barrier;
    struct opener openers[3];
    struct shop__db_settings settings = test_settings();
    remove_store();
    ck_assert_int_eq(pthread_barrier_init(&barrier, NULL, 3), 0);
    for (int i = 0; i < 3; i++) {
      openers[i] = (struct opener){.settings = &settings, .barrier = &barrier};
      ck_assert_int_eq(pthread_create(&openers[i].thread, NULL, opener_thread, &openers[i]), 0);
    }
    for (int i = 0; i < 3; i++) {
      pthread_join(openers[i].thread, NULL);
      ck_assert_int_eq(openers[i].status, SHOP_OK);
    }
    pthread_barrier_destroy(&barrier);
    ck_assert_int_eq(by_hand(path_of("shop.db"), "SELECT count(DISTINCT id) FROM note"), 3);
  }
}
END_TEST

struct writer {
  shop__db_t *db;
  pthread_t thread;
  int64_t who;
  bool failed;
};

static void *writer_thread(void *arg) {
  struct writer *writer = arg;
  for (int i = 0; i < WRITES; i++) {
    struct note note = {.who = writer->who, .draw = true};
    int64_t count;
    if (shop__db_write(writer->db, put_note, &note, NULL, NULL) != SHOP_OK || note.runs != 1 ||
        (i % 10 == 0 && shop__db_read(writer->db, count_notes, &count, NULL) != SHOP_OK)) {
      writer->failed = true;
    }
  }
  return NULL;
}

/* The clocks of the two processes differ by a day. */
static int64_t shifted_now(void *user) {
  return 1700000000000 + *(int64_t *)user;
}

static int write_at_once(void *arg) {
  int64_t shift = *(int *)arg * (int64_t)86400000;
  struct shop__clock clock = {.now_ms = shifted_now, .user = &shift};
  struct shop__db_settings settings = test_settings();
  struct writer writers[THREADS];
  bool failed = false;
  settings.clock = &clock;
  settings.busy_ms = 60000;
  shop__db_t *db;
  if (shop__db_open(&settings, &db, NULL) != SHOP_OK) {
    return 1;
  }
  for (int i = 0; i < THREADS; i++) {
    writers[i] = (struct writer){.db = db, .who = *(int *)arg * THREADS + i};
    if (pthread_create(&writers[i].thread, NULL, writer_thread, &writers[i]) != 0) {
      return 2;
    }
  }
  for (int i = 0; i < THREADS; i++) {
    pthread_join(writers[i].thread, NULL);
    failed = failed || writers[i].failed;
  }
  shop__db_close(db);
  return failed ? 3 : 0;
}

/* Two processes with several threads each write at once: every write is there exactly once, and ids
   are unique and rise in the order of the commits, though the clocks disagree. */
START_TEST(two_processes_write_at_once) {
  if (!can_fork()) {
    return;
  }
  int numbers[PROCESSES], pids[PROCESSES];
  shop__db_close(open_store());
  for (int i = 0; i < PROCESSES; i++) {
    numbers[i] = i;
    pids[i] = process_start(write_at_once, &numbers[i]);
  }
  for (int i = 0; i < PROCESSES; i++) {
    ck_assert_int_eq(process_wait(pids[i]), 0);
  }
  const char *path = path_of("shop.db");
  ck_assert_int_eq(by_hand(path, "SELECT count(*) FROM note"), PROCESSES * THREADS * WRITES);
  ck_assert_int_eq(by_hand(path, "SELECT count(DISTINCT id) FROM note"),
                   PROCESSES * THREADS * WRITES);
  ck_assert_int_eq(by_hand(path,
                           "SELECT count(*) FROM (SELECT count(*) AS c FROM note"
                           " GROUP BY who) WHERE c = 120"),
                   PROCESSES * THREADS);
  ck_assert_int_eq(by_hand(path,
                           "SELECT count(*) FROM (SELECT id, lag(id) OVER (ORDER BY seq)"
                           " AS before FROM note) WHERE before >= id"),
                   0);
  ck_assert_int_eq(by_hand(path, "SELECT count(*) FROM seam"), 1);
}
END_TEST

Suite *process_suite(void) {
  Suite *suite = suite_create("process");
  TCase *tcase = tcase_create("process");
  tcase_add_checked_fixture(tcase, set_up, tear_down);
  tcase_set_timeout(tcase, 120);
  tcase_add_test(tcase, two_processes_make_one_store);
  tcase_add_test(tcase, two_threads_make_one_store);
  tcase_add_test(tcase, two_processes_write_at_once);
  suite_add_tcase(suite, tcase);
  return suite;
}
