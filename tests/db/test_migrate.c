/*
 * Migrations: all of them or none, in one transaction; a newer store is
 * refused, also by whoever has it open already.
 */
#include "test_db.h"

#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static void make_old(void) {
  struct shop__db_settings settings = test_settings();
  settings.migration_count = 1;
  shop__db_t *db = open_with(&settings);
  put_one(db, 1);
  shop__db_close(db);
}

static const char shape_sql[] =
    "SELECT count(*) FROM pragma_table_info('item') WHERE name = 'owner'";

/* The file is wholly old or wholly new. Answers its version. */
static int64_t expect_whole(void) {
  int64_t version = by_hand(path_of("shop.db"), "PRAGMA user_version");
  ck_assert(version == 1 || version == 2);
  ck_assert_int_eq(by_hand(path_of("shop.db"), shape_sql), version - 1);
  ck_assert_int_eq(by_hand(path_of("shop.db"), "SELECT count(*) FROM note"), 1);
  return version;
}

/* An older store is brought up to date, and keeps what is in it. */
START_TEST(older_store_is_migrated) {
  make_old();
  ck_assert_int_eq(expect_whole(), 1);
  shop__db_t *db = open_store();
  ck_assert_int_eq(notes(db), 1);
  put_one(db, 2);
  shop__db_close(db);
  ck_assert_int_eq(by_hand(path_of("shop.db"), "PRAGMA user_version"), 2);
  ck_assert_int_eq(by_hand(path_of("shop.db"), shape_sql), 1);
}
END_TEST

/* The second of two steps fails: the first is taken back as well, and the message names it. */
START_TEST(failed_migration_leaves_the_old_store) {
  struct shop__migration list[3] = {
      test_migrations[0],
      test_migrations[1],
      {"0003_bad", "CREATE TABLE more (id); CREATE TABLE note (id);"}};
  struct shop__db_settings settings = test_settings();
  shop__db_t *db;
  struct shop_error err;
  make_old();
  settings.migrations = list;
  settings.migration_count = 3;
  ck_assert_int_eq(shop__db_open(&settings, &db, &err), SHOP_ERR_CORRUPT);
  ck_assert_ptr_nonnull(strstr(err.message, "0003_bad"));
  ck_assert_int_eq(expect_whole(), 1);
}
END_TEST

/* A migration that leaves a reference to a row that is not there is refused. */
START_TEST(migration_must_keep_references) {
  struct shop__migration list[3] = {
      test_migrations[0],
      test_migrations[1],
      {"0003_orphan", "INSERT INTO item (id, name, pieces, owner) VALUES (5, 'x', 1, 99);"}};
  struct shop__db_settings settings = test_settings();
  settings.migrations = list;
  settings.migration_count = 3;
  expect_open(&settings, SHOP_ERR_CORRUPT);
  shop__db_close(open_store());
  ck_assert_int_eq(by_hand(path_of("shop.db"), "PRAGMA user_version"), 2);
}
END_TEST

/* A table that others refer to can be rebuilt, and references are guarded again afterwards. */
START_TEST(migration_may_rebuild_a_table) {
  struct shop__migration list[3] = {
      test_migrations[0],
      test_migrations[1],
      {"0003_rebuild",
       "CREATE TABLE item2 (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE,"
       "  pieces INTEGER NOT NULL CHECK (pieces >= 0),"
       "  owner INTEGER REFERENCES item (id)) STRICT;"
       "INSERT INTO item2 SELECT id, name, pieces, owner FROM item;"
       "DROP TABLE item; ALTER TABLE item2 RENAME TO item;"}};
  shop__db_close(open_store());
  by_hand(path_of("shop.db"),
          "INSERT INTO item (id, name, pieces, owner)"
          " VALUES (5, 'a', 1, NULL), (6, 'b', 1, 5)");
  struct shop__db_settings settings = test_settings();
  settings.migrations = list;
  settings.migration_count = 3;
  shop__db_t *db = open_with(&settings);
  ck_assert_int_eq(by_hand(path_of("shop.db"), "SELECT owner FROM item WHERE id = 6"), 5);
  sqlite3 *other = open_by_hand(path_of("shop.db"));
  ck_assert_int_eq(ask(other, "SELECT count(*) FROM item"), 2);
  sqlite3_close(other);
  shop__db_close(db);
}
END_TEST

/* A newer store is refused and not changed. */
START_TEST(newer_store_is_refused) {
  shop__db_close(open_store());
  struct shop__db_settings settings = test_settings();
  settings.migration_count = 1;
  expect_open(&settings, SHOP_ERR_TOO_NEW);
  ck_assert_int_eq(by_hand(path_of("shop.db"), "PRAGMA user_version"), 2);
  shop__db_close(open_store());
}
END_TEST

/* Who had the store open when a newer library migrated it can neither read nor write any more. */
START_TEST(newer_store_is_refused_while_open) {
  struct shop__db_settings settings = test_settings();
  settings.migration_count = 1;
  shop__db_t *old = open_with(&settings);
  put_one(old, 1);
  ck_assert_int_eq(notes(old), 1);
  shop__db_t *new = open_store();
  struct note note = {.who = 2};
  int64_t count = 0;
  struct shop_error err;
  ck_assert_int_eq(shop__db_write(old, put_note, &note, NULL, &err), SHOP_ERR_TOO_NEW);
  ck_assert_uint_gt(strlen(err.message), 10);
  ck_assert_int_eq(note.runs, 0);
  ck_assert_int_eq(shop__db_read(old, count_notes, &count, &err), SHOP_ERR_TOO_NEW);
  ck_assert_int_eq(count, 0);
  ck_assert_int_eq(notes(new), 1);
  put_one(new, 3);
  shop__db_close(old);
  shop__db_close(new);
}
END_TEST

static void kill_at(void *user, enum fault_op op, enum fault_file file, long number) {
  (void)op;
  (void)file;
  if (number == *(long *)user) {
    kill(getpid(), SIGKILL);
  }
}

static int open_until_killed(void *arg) {
  fault_vfs_reset();
  fault_vfs_hook(kill_at, arg);
  struct shop__db_settings settings = test_settings();
  shop__db_t *db;
  return shop__db_open(&settings, &db, NULL) == SHOP_OK ? 0 : 1;
}

/* Killed at any operation on a file, a migration has happened or has not. */
START_TEST(killed_migration_leaves_a_whole_store) {
  if (!can_fork()) {
    return;
  }
  int64_t old = 0;
  int answer;
  long at = 0;
  do {
    at += 1 + at / 16; /* every one at first, later some */
    unlink(path_of("shop.db"));
    unlink(path_of("shop.db-wal"));
    unlink(path_of("shop.db-shm"));
    make_old();
    answer = process_wait(process_start(open_until_killed, &at));
    ck_assert(answer == 0 || answer == 1000 + SIGKILL);
    old += expect_whole() == 1;
    shop__db_t *db = open_store();
    ck_assert_int_eq(notes(db), 1);
    shop__db_close(db);
    ck_assert_int_eq(expect_whole(), 2);
  } while (answer != 0);
  ck_assert_int_gt(old, 5);
}
END_TEST

/* Killed at any operation while it is made, a store can be made by the next opening. */
START_TEST(killed_first_opening_leaves_no_wreck) {
  if (!can_fork()) {
    return;
  }
  int answer;
  long at = 0;
  do {
    at += 1 + at / 16;
    unlink(path_of("shop.db"));
    unlink(path_of("shop.db-wal"));
    unlink(path_of("shop.db-shm"));
    unlink(path_of("shop.db-journal"));
    answer = process_wait(process_start(open_until_killed, &at));
    ck_assert(answer == 0 || answer == 1000 + SIGKILL);
    shop__db_t *db = open_store();
    put_one(db, 1);
    shop__db_close(db);
    ck_assert_int_eq(expect_whole(), 2);
  } while (answer != 0);
  ck_assert_int_gt(at, 20);
}
END_TEST

/* A commit of a migration that nobody can judge is told as such, and the next opening judges. */
START_TEST(doubtful_migration_is_unknown) {
  make_old();
  fault_vfs_fail((struct fault_rule){.op = FAULT_SYNC,
                                     .file = FAULT_WAL,
                                     .nth = 2, /* after the log's own header */
                                     .times = FAULT_ALWAYS,
                                     .code = SQLITE_IOERR_FSYNC});
  struct shop__db_settings settings = test_settings();
  expect_open(&settings, SHOP_ERR_COMMIT_UNKNOWN);
  fault_vfs_reset();
  expect_whole();
  shop__db_close(open_store());
  ck_assert_int_eq(expect_whole(), 2);
}
END_TEST

Suite *migrate_suite(void) {
  Suite *suite = suite_create("migrate");
  TCase *tcase = tcase_create("migrate");
  tcase_add_checked_fixture(tcase, set_up, tear_down);
  tcase_set_timeout(tcase, 120);
  tcase_add_test(tcase, older_store_is_migrated);
  tcase_add_test(tcase, failed_migration_leaves_the_old_store);
  tcase_add_test(tcase, migration_must_keep_references);
  tcase_add_test(tcase, migration_may_rebuild_a_table);
  tcase_add_test(tcase, newer_store_is_refused);
  tcase_add_test(tcase, newer_store_is_refused_while_open);
  tcase_add_test(tcase, killed_migration_leaves_a_whole_store);
  tcase_add_test(tcase, killed_first_opening_leaves_no_wreck);
  tcase_add_test(tcase, doubtful_migration_is_unknown);
  suite_add_tcase(suite, tcase);
  return suite;
}
