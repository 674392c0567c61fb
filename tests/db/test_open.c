/*
 * Opening a store: what becomes ours, what is refused, and that a refusal
 * leaves the file as it was.
 */
#include "test_db.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A new file becomes a shop: its mark, its version, WAL, the seam's own table. */
START_TEST(new_file_becomes_ours) {
  shop__db_t *db = open_store();
  ck_assert_int_eq(db->batch_us, 2000); /* not as in other tests */
  put_one(db, 1);
  shop__db_close(db);
  const char *path = path_of("shop.db");
  ck_assert_int_eq(by_hand(path, "PRAGMA application_id"), 0x53484f50);
  ck_assert_int_eq(by_hand(path, "PRAGMA user_version"), 2);
  ck_assert_int_eq(by_hand(path,
                           "SELECT count(*) FROM pragma_journal_mode"
                           " WHERE journal_mode = 'wal'"),
                   1);
  ck_assert_int_eq(by_hand(path, "SELECT count(*) FROM seam WHERE slot = 0"), 1);
  ck_assert_int_eq(by_hand(path, "SELECT count(*) FROM note"), 1);
  db = open_store();
  ck_assert_int_eq(notes(db), 1);
  shop__db_close(db);
  shop__db_close(NULL);
}
END_TEST

/* An empty file becomes ours, and so does the header that a killed opening leaves. */
START_TEST(empty_file_becomes_ours) {
  write_all(path_of("shop.db"), "", 0);
  shop__db_close(open_store());
  ck_assert_int_eq(by_hand(path_of("shop.db"), "PRAGMA user_version"), 2);
  ck_assert_int_eq(unlink(path_of("shop.db")), 0);
  by_hand(path_of("shop.db"), "PRAGMA journal_mode = WAL");
  size_t size;
  free(read_all(path_of("shop.db"), &size));
  ck_assert_uint_gt(size, 0);
  shop__db_close(open_store());
  ck_assert_int_eq(by_hand(path_of("shop.db"), "PRAGMA user_version"), 2);
}
END_TEST

static void expect_untouched(int32_t status) {
  size_t size, size_after;
  char *before = read_all(path_of("shop.db"), &size);
  struct shop__db_settings settings = test_settings();
  expect_open(&settings, status);
  char *after = read_all(path_of("shop.db"), &size_after);
  ck_assert_uint_eq(size_after, size);
  ck_assert_mem_eq(after, before, size);
  free(before);
  free(after);
  ck_assert(!is_there(path_of("shop.db-journal")));
}

/* A file of another kind is refused and not changed by one byte, however short it is. */
START_TEST(other_files_are_refused) {
  static char block[8192];
  static const char text[] = "Dear diary,";
  write_all(path_of("shop.db"), text, sizeof text - 1);
  expect_untouched(SHOP_ERR_NOT_A_STORE);
  write_all(path_of("shop.db"), block, sizeof block);
  expect_untouched(SHOP_ERR_NOT_A_STORE);
  memset(block, 'x', sizeof block);
  write_all(path_of("shop.db"), block, sizeof block);
  expect_untouched(SHOP_ERR_NOT_A_STORE);
  memcpy(block, "SQLite format 3", 16);
  write_all(path_of("shop.db"), block, sizeof block);
  expect_untouched(SHOP_ERR_NOT_A_STORE);
}
END_TEST

/* A database of another program is refused: by its tables, its mark, or its version. */
START_TEST(other_databases_are_refused) {
  static const char *const scripts[] = {"CREATE TABLE users (id)", "PRAGMA application_id = 77",
                                        "PRAGMA user_version = 3",
                                        "PRAGMA application_id = 77; CREATE TABLE seam (x)",
                                        "PRAGMA journal_mode = WAL; CREATE TABLE users (id)"};
  for (size_t i = 0; i < sizeof scripts / sizeof scripts[0]; i++) {
    by_hand(path_of("shop.db"), scripts[i]);
    expect_untouched(SHOP_ERR_NOT_A_SHOP);
    ck_assert_int_eq(unlink(path_of("shop.db")), 0);
  }
}
END_TEST

/* A place where no file can be: told as such, and nothing is made there. */
START_TEST(missing_places_cannot_be_opened) {
  struct shop__db_settings settings = test_settings();
  settings.path = path_of("no/shop.db");
  expect_open(&settings, SHOP_ERR_CANNOT_OPEN);
  settings.path = test_folder();
  expect_open(&settings, SHOP_ERR_CANNOT_OPEN);
  write_all(path_of("file"), "x", 1);
  settings.path = path_of("file/shop.db");
  expect_open(&settings, SHOP_ERR_CANNOT_OPEN);
  settings.path = "";
  expect_open(&settings, SHOP_ERR_CANNOT_OPEN);
  ck_assert_int_eq(symlink(path_of("loop"), path_of("loop")), 0);
  settings.path = path_of("loop");
  expect_open(&settings, SHOP_ERR_CANNOT_OPEN);
}
END_TEST

static int32_t try_open(const char *path) {
  struct shop__db_settings settings = test_settings();
  settings.path = path;
  shop__db_t *db = NULL;
  struct shop_error err;
  int32_t status = shop__db_open(&settings, &db, &err);
  shop__db_close(db);
  return status;
}

/* Runs as a user whom the permissions bind. The exit code tells which expectation failed. */
static int open_unwritable(void *arg) {
  (void)arg;
  if (geteuid() == 0 && (setgid(65534) != 0 || setuid(65534) != 0)) {
    return 90;
  }
  if (try_open(path_of("readonly.db")) != SHOP_ERR_READ_ONLY) {
    return 1;
  }
  if (try_open(path_of("closed/new.db")) != SHOP_ERR_READ_ONLY) {
    return 2;
  }
  if (try_open(path_of("closed/old.db")) != SHOP_ERR_READ_ONLY) {
    return 3;
  }
  if (try_open(path_of("secret.db")) != SHOP_ERR_CANNOT_OPEN) {
    return 4;
  }
  return try_open(path_of("fine.db")) == SHOP_OK ? 0 : 5;
}

/* What cannot be written, file or folder, is READ_ONLY; what cannot be read, CANNOT_OPEN. */
START_TEST(unwritable_places_are_told) {
  if (!can_fork()) {
    return;
  }
  struct shop__db_settings settings = test_settings();
  ck_assert_int_eq(chmod(test_folder(), 0777), 0);
  ck_assert_int_eq(mkdir(path_of("closed"), 0755), 0);
  static const char *const names[] = {"readonly.db", "closed/old.db", "secret.db"};
  for (size_t i = 0; i < 3; i++) {
    settings.path = path_of(names[i]);
    shop__db_close(open_with(&settings));
  }
  ck_assert_int_eq(chmod(path_of("readonly.db"), 0444), 0);
  ck_assert_int_eq(chmod(path_of("closed/old.db"), 0666), 0);
  ck_assert_int_eq(chmod(path_of("secret.db"), 0000), 0);
  ck_assert_int_eq(chmod(path_of("closed"), 0555), 0);
  ck_assert_int_eq(process_wait(process_start(open_unwritable, NULL)), 0);
  ck_assert_int_eq(chmod(path_of("closed"), 0755), 0);
  unlink(path_of("closed/old.db"));
}
END_TEST

/* A path is always the name of a file, whatever SQLite would read into it. */
START_TEST(special_names_are_files) {
  char before[512];
  ck_assert_ptr_nonnull(getcwd(before, sizeof before));
  ck_assert_int_eq(chdir(test_folder()), 0);
  static const char *const names[] = {":memory:", "file:x?mode=memory", "file::memory:", "plain"};
  for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
    struct shop__db_settings settings = test_settings();
    settings.path = names[i];
    shop__db_t *db = open_with(&settings);
    put_one(db, 1);
    ck_assert_int_eq(notes(db), 1);
    shop__db_close(db);
    ck_assert(is_there(path_of(names[i])));
  }
  ck_assert_int_eq(chdir(before), 0);
}
END_TEST

/* A host that changes its folder does not change the store. */
START_TEST(folder_may_change) {
  char before[512];
  ck_assert_ptr_nonnull(getcwd(before, sizeof before));
  ck_assert_int_eq(chdir(test_folder()), 0);
  struct shop__db_settings settings = test_settings();
  settings.path = "relative.db";
  shop__db_t *db = open_with(&settings);
  ck_assert_int_eq(chdir("/"), 0);
  put_one(db, 1);
  ck_assert_int_eq(notes(db), 1); /* a connection that is made only now */
  shop__db_close(db);
  ck_assert_int_eq(chdir(before), 0);
  ck_assert_int_eq(by_hand(path_of("relative.db"), "SELECT count(*) FROM note"), 1);
}
END_TEST

/* Another one holds the file for longer than the limit: BUSY; and it is waited for until then. */
START_TEST(held_file_is_busy) {
  struct shop__db_settings settings = test_settings();
  settings.busy_ms = 30;
  sqlite3 *holder = open_by_hand(path_of("shop.db"));
  ask(holder, "BEGIN EXCLUSIVE; CREATE TABLE x (y)");
  expect_open(&settings, SHOP_ERR_BUSY);
  ask(holder, "ROLLBACK");
  shop__db_close(open_with(&settings));
  ask(holder, "BEGIN IMMEDIATE");
  shop__db_close(open_with(&settings)); /* nothing to migrate: nothing to wait for */
  ask(holder, "ROLLBACK");
  sqlite3_close(holder);
}
END_TEST

/* A damaged file is CORRUPT, at the opening or where it is met later. */
START_TEST(damaged_file_is_corrupt) {
  shop__db_t *db = open_store();
  for (int i = 0; i < 200; i++) {
    put_one(db, i);
  }
  shop__db_close(db);
  size_t size;
  char *data = read_all(path_of("shop.db"), &size);
  memset(data + 4096, 0x5a, size - 4096); /* all pages but the schema's first */
  write_all(path_of("shop.db"), data, size);
  free(data);
  db = open_store();
  struct note note = {.who = 1};
  int64_t count;
  struct shop_error err;
  ck_assert_int_eq(shop__db_read(db, count_notes, &count, &err), SHOP_ERR_CORRUPT);
  ck_assert_ptr_nonnull(strstr(err.message, "backup"));
  ck_assert_int_eq(shop__db_write(db, put_note, &note, NULL, &err), SHOP_ERR_CORRUPT);
  ck_assert_int_eq(err.code, SHOP_ERR_CORRUPT);
  shop__db_close(db);
}
END_TEST

/* Whatever operation of the file system fails, opening fails cleanly, and the next one succeeds. */
START_TEST(every_fault_of_the_disk_is_told) {
  static const struct {
    enum fault_op op;
    enum fault_file file;
    int code;
    int32_t status, or_else;
  } faults[] = {
      {FAULT_OPEN, FAULT_MAIN, SQLITE_CANTOPEN, SHOP_ERR_CANNOT_OPEN, 0},
      {FAULT_READ, FAULT_MAIN, SQLITE_IOERR_READ, SHOP_ERR_IO, 0},
      {FAULT_WRITE, FAULT_MAIN, SQLITE_FULL, SHOP_ERR_DISK_FULL, 0},
      {FAULT_WRITE, FAULT_MAIN, SQLITE_IOERR_WRITE, SHOP_ERR_IO, 0},
      {FAULT_SYNC, FAULT_MAIN, SQLITE_IOERR_FSYNC, SHOP_ERR_IO, 0},
      {FAULT_OPEN, FAULT_WAL, SQLITE_CANTOPEN, SHOP_ERR_CANNOT_OPEN, 0},
      {FAULT_WRITE, FAULT_WAL, SQLITE_FULL, SHOP_ERR_DISK_FULL, 0},
      {FAULT_WRITE, FAULT_WAL, SQLITE_IOERR_WRITE, SHOP_ERR_COMMIT_UNKNOWN, 0},
      {FAULT_SYNC, FAULT_WAL, SQLITE_IOERR_FSYNC, SHOP_ERR_COMMIT_UNKNOWN, 0},
      {FAULT_SHM_MAP, FAULT_MAIN, SQLITE_IOERR_SHMMAP, SHOP_ERR_IO, SHOP_ERR_COMMIT_UNKNOWN}};
  for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++) {
    for (long nth = 1;; nth++) {
      struct shop__db_settings settings = test_settings();
      struct shop_error err;
      shop__db_t *db;
      unlink(path_of("shop.db"));
      unlink(path_of("shop.db-wal"));
      fault_vfs_reset();
      fault_vfs_fail((struct fault_rule){.op = faults[i].op,
                                         .file = faults[i].file,
                                         .nth = nth,
                                         .times = FAULT_ALWAYS,
                                         .code = faults[i].code});
      int32_t status = shop__db_open(&settings, &db, &err);
      if (status == SHOP_OK) {
        ck_assert_int_gt(nth, 1); /* at least the first one is met */
        fault_vfs_reset();
        shop__db_close(db);
        break;
      }
      ck_assert_msg(status == faults[i].status || status == faults[i].or_else,
                    "fault %d at %ld gave %d: %s", (int)i, nth, status, err.message);
      ck_assert_ptr_null(db);
      fault_vfs_reset();
      db = open_store();
      put_one(db, 1);
      ck_assert_int_eq(notes(db), 1);
      shop__db_close(db);
    }
  }
}
END_TEST

static int32_t look_at_settings(shop__tx_t *tx, void *ctx) {
  static const struct {
    const char *sql;
    int64_t value;
  } settings[] = {{"PRAGMA foreign_keys", 1},
                  {"PRAGMA trusted_schema", 0},
                  {"PRAGMA synchronous", 2},
                  {"PRAGMA temp_store", 2}};
  (void)ctx;
  for (size_t i = 0; i < sizeof settings / sizeof settings[0]; i++) {
    shop__query_t *q = shop__query(tx, settings[i].sql);
    ck_assert_int_eq(shop__query_step(q), SHOP__ROW);
    ck_assert_msg(shop__query_get_int(q, 0) == settings[i].value, "%s", settings[i].sql);
    shop__query_reset(q);
  }
  return SHOP_OK;
}

static int32_t run_text(shop__tx_t *tx, void *ctx) {
  return shop__query_run(shop__query(tx, ctx), NULL);
}

/* Every connection has its defences up: references are kept, the schema cannot be written, a string
   is not spelled as a name, no other file is attached, no function of the schema is trusted. */
START_TEST(connections_are_defended) {
  static const char *const attacks[] = {"SELECT \"just a string\"", "ATTACH ':memory:' AS other",
                                        "UPDATE sqlite_schema SET sql = ''",
                                        "SELECT load_extension('x')"};
  shop__db_t *db = open_store();
  ck_assert_int_eq(shop__db_write(db, look_at_settings, NULL, NULL, NULL), SHOP_OK);
  ck_assert_int_eq(shop__db_read(db, look_at_settings, NULL, NULL), SHOP_OK);
  static char unlock[] = "PRAGMA writable_schema = ON";
  ck_assert_int_eq(shop__db_write(db, run_text, unlock, NULL, NULL), SHOP_OK);
  for (size_t i = 0; i < sizeof attacks / sizeof attacks[0]; i++) {
    ck_assert_int_lt(shop__db_write(db, run_text, (void *)attacks[i], NULL, NULL), 0);
    ck_assert_int_lt(shop__db_read(db, run_text, (void *)attacks[i], NULL), 0);
  }
  shop__db_close(db);
}
END_TEST

Suite *open_suite(void) {
  Suite *suite = suite_create("open");
  TCase *tcase = tcase_create("open");
  tcase_add_checked_fixture(tcase, set_up, tear_down);
  tcase_set_timeout(tcase, 60);
  tcase_add_test(tcase, new_file_becomes_ours);
  tcase_add_test(tcase, empty_file_becomes_ours);
  tcase_add_test(tcase, other_files_are_refused);
  tcase_add_test(tcase, other_databases_are_refused);
  tcase_add_test(tcase, missing_places_cannot_be_opened);
  tcase_add_test(tcase, unwritable_places_are_told);
  tcase_add_test(tcase, special_names_are_files);
  tcase_add_test(tcase, folder_may_change);
  tcase_add_test(tcase, held_file_is_busy);
  tcase_add_test(tcase, damaged_file_is_corrupt);
  tcase_add_test(tcase, connections_are_defended);
  tcase_add_test(tcase, every_fault_of_the_disk_is_told);
  suite_add_tcase(suite, tcase);
  return suite;
}
