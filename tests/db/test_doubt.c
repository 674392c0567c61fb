/*
 * A commit of unknown outcome: the fence finds out, and what is told is true.
 */
#include "test_db.h"
#include "fault_memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* After this the readers' connections are gone: the writer's is the last, and whoever closes it
   empties the log or, where that fails, leaves it to be read again. */
static void without_readers(void) {
  shop__pool_destroy(&store->pool);
  ck_assert_int_eq(shop__pool_init(&store->pool, 4), SHOP_OK);
}

/* ---- a commit of unknown outcome ------------------------------------------- */

/* The write of the commit fails with an I/O error, and after the reopen it is not there: the
   functions are run again, once, and their answers are those of the second run. */
START_TEST(doubtful_commit_that_is_void) {
  struct member members[3];
  struct note who[3];
  members_of(members, who, 3);
  who[1].give = SHOP_ERR_NOT_FOUND;
  fail_wal(FAULT_WRITE, 1, 1, SQLITE_IOERR_WRITE);
  squad_run(store, members, 3);
  ck_assert_int_eq(fault_vfs_struck(), 1);
  for (int i = 0; i < 3; i++) {
    ck_assert_int_eq(members[i].status, who[i].give);
    ck_assert_int_eq(who[i].runs, 2);
    ck_assert_int_eq(notes_of(store, i + 1), i != 1);
  }
}
END_TEST

/* The same with a single function: it too is run once more. */
START_TEST(doubtful_commit_alone_that_is_void) {
  struct note note = {.who = 1};
  struct shop_error err;
  fail_wal(FAULT_WRITE, 1, 1, SQLITE_IOERR_WRITE);
  ck_assert_int_eq(shop__db_write(store, put_note, &note, NULL, &err), SHOP_OK);
  ck_assert_int_eq(err.code, SHOP_OK);
  ck_assert_int_eq(note.runs, 2);
  ck_assert_int_eq(notes_of(store, 1), 1);
}
END_TEST

/* The sync of the commit fails, and so does emptying the log: after the reopen the rows are back.
   The marker tells, the answers of the only run stand, and nothing is there twice. */
START_TEST(doubtful_commit_that_stands) {
  struct member members[3];
  struct note who[3];
  members_of(members, who, 3);
  who[0].draw = true;
  who[1].give = SHOP_ERR_NOT_FOUND;
  who[2].draw = true;
  without_readers();
  fail_wal(FAULT_SYNC, 1, 2, SQLITE_IOERR_FSYNC);
  squad_run(store, members, 3);
  ck_assert_int_eq(fault_vfs_struck(), 2);
  for (int i = 0; i < 3; i++) {
    ck_assert_int_eq(members[i].status, who[i].give);
    ck_assert_int_eq(who[i].runs, 1);
    ck_assert_int_eq(notes_of(store, i + 1), i != 1);
  }
  ck_assert_str_eq(members[1].err.message, "note 2 says no");
  ck_assert_int_lt(who[0].id, who[2].id);
  char sql[100];
  snprintf(sql, sizeof sql, "SELECT count(*) FROM note WHERE id IN (%lld, %lld)",
           (long long)who[0].id, (long long)who[2].id);
  ck_assert_int_eq(by_hand(path_of("shop.db"), sql), 2);
}
END_TEST

/* The same with a single function. */
START_TEST(doubtful_commit_alone_that_stands) {
  struct note note = {.who = 1};
  without_readers();
  fail_wal(FAULT_SYNC, 1, 2, SQLITE_IOERR_FSYNC);
  ck_assert_int_eq(shop__db_write(store, put_note, &note, NULL, NULL), SHOP_OK);
  ck_assert_int_eq(fault_vfs_struck(), 2);
  ck_assert_int_eq(note.runs, 1);
  ck_assert_int_eq(notes_of(store, 1), 1);
}
END_TEST

/* After a failed sync the log is emptied into the main file, which is synced: what the kernel may
   have dropped is not relied upon. */
START_TEST(log_is_emptied_after_a_failed_sync) {
  struct note note = {.who = 1};
  without_readers();
  fail_wal(FAULT_SYNC, 1, 2, SQLITE_IOERR_FSYNC);
  ck_assert_int_eq(shop__db_write(store, put_note, &note, NULL, NULL), SHOP_OK);
  ck_assert_int_ge(fault_vfs_count(FAULT_SYNC, FAULT_MAIN), 1);
  size_t size;
  free(read_all(path_of("shop.db-wal"), &size));
  ck_assert_uint_eq(size, 0);
}
END_TEST

static int32_t write_then_refuse(shop__tx_t *tx, void *ctx) {
  struct note *note = ctx;
  note->give = note->runs == 0 ? SHOP_OK : SHOP_ERR_OUT_OF_STOCK;
  return put_note(tx, note);
}

/* A void commit has left its frames, complete, in the log. The second run is refused, so it writes
   nothing over them: the fence must have, or a kill would bring back what was answered with no. */
START_TEST(void_commit_cannot_come_back) {
  struct note note = {.who = 1};
  ck_assert_int_eq(notes(store), 1); /* a reader keeps the log's index alive */
  fail_wal(FAULT_SYNC, 1, 1, SQLITE_IOERR_FSYNC);
  fault_vfs_fail((struct fault_rule){.op = FAULT_SYNC, /* nor may the log be emptied */
                                     .file = FAULT_MAIN,
                                     .nth = 1,
                                     .times = FAULT_ALWAYS,
                                     .code = SQLITE_IOERR_FSYNC});
  ck_assert_int_eq(shop__db_write(store, write_then_refuse, &note, NULL, NULL),
                   SHOP_ERR_OUT_OF_STOCK);
  ck_assert_int_eq(note.runs, 2);
  fault_vfs_reset();
  static const char *const names[][2] = {{"shop.db", "dead.db"}, {"shop.db-wal", "dead.db-wal"}};
  for (int i = 0; i < 2; i++) { /* what a kill would leave */
    size_t size;
    char *data = read_all(path_of(names[i][0]), &size);
    write_all(path_of(names[i][1]), data, size);
    free(data);
  }
  ck_assert_int_eq(by_hand(path_of("dead.db"), "SELECT count(*) FROM note"), 1);
  ck_assert_int_eq(notes(store), 1);
}
END_TEST

/* The fence fails too: nobody can know, and everybody is told so, the refused ones as well. The
   next call works as soon as the disk does. */
START_TEST(fence_fails_too) {
  struct member members[3];
  struct note who[3];
  members_of(members, who, 3);
  who[1].give = SHOP_ERR_NOT_FOUND;
  without_readers();
  fail_wal(FAULT_SYNC, 1, FAULT_ALWAYS, SQLITE_IOERR_FSYNC);
  squad_run(store, members, 3);
  for (int i = 0; i < 3; i++) {
    ck_assert_int_eq(members[i].status, SHOP_ERR_COMMIT_UNKNOWN);
    ck_assert_int_eq(members[i].err.code, SHOP_ERR_COMMIT_UNKNOWN);
    ck_assert_ptr_nonnull(strstr(members[i].err.message, "idempotency key"));
    ck_assert_int_eq(who[i].runs, 1);
  }
  struct note note = {.who = 8};
  ck_assert_int_eq(shop__db_write(store, put_note, &note, NULL, NULL), SHOP_ERR_COMMIT_UNKNOWN);
  fault_vfs_reset();
  put_one(store, 9);
  ck_assert_int_eq(notes_of(store, 9), 1);
  ck_assert_int_eq(notes_of(store, 1), notes_of(store, 3)); /* both or none */
  ck_assert_int_eq(notes_of(store, 2), 0);
}
END_TEST

/* The store cannot even be opened again: COMMIT_UNKNOWN as well; and a later call that meets the
   same is told why, having changed nothing. */
START_TEST(reopen_fails_too) {
  struct note note = {.who = 1};
  struct shop_error err;
  fail_wal(FAULT_WRITE, 1, 1, SQLITE_IOERR_WRITE);
  fault_vfs_fail((struct fault_rule){.op = FAULT_OPEN,
                                     .file = FAULT_MAIN,
                                     .nth = 1,
                                     .times = FAULT_ALWAYS,
                                     .code = SQLITE_CANTOPEN});
  ck_assert_int_eq(shop__db_write(store, put_note, &note, NULL, &err), SHOP_ERR_COMMIT_UNKNOWN);
  ck_assert_ptr_null(store->writer);
  ck_assert_int_eq(shop__db_write(store, put_note, &note, NULL, &err), SHOP_ERR_CANNOT_OPEN);
  ck_assert_int_eq(note.runs, 1);
  fault_vfs_reset();
  put_one(store, 2);
  ck_assert_int_le(notes_of(store, 1), 1);
}
END_TEST

/* The second run, too, meets an I/O error, and is void for certain: then it is told as such. */
START_TEST(second_doubt_that_is_void) {
  struct note note = {.who = 1};
  struct shop_error err;
  fail_wal(FAULT_WRITE, 1, 1,
           SQLITE_IOERR_WRITE); /* the commit; then the fence writes two frames */
  fault_vfs_fail((struct fault_rule){.op = FAULT_SYNC,
                                     .file = FAULT_MAIN,
                                     .nth = 1,
                                     .times = 1,
                                     .code = SQLITE_IOERR_FSYNC}); /* the log is not emptied */
  fail_wal(FAULT_WRITE, 4, 1, SQLITE_IOERR_WRITE);
  int32_t status = shop__db_write(store, put_note, &note, NULL, &err);
  ck_assert_int_eq(status, SHOP_ERR_IO);
  ck_assert_int_eq(err.code, SHOP_ERR_IO);
  ck_assert_int_eq(note.runs, 2);
  ck_assert_int_eq(notes_of(store, 1), 0);
  put_one(store, 2);
}
END_TEST

static struct shop__engine spy;
static bool memory_comes_back;
static long starved;

static int32_t starved_commit(struct shop__conn *conn, bool *doubtful) {
  fault_memory_fail(1, FAULT_MEMORY_ALWAYS);
  int32_t status = shop__engine_sqlite.commit(conn, doubtful);
  if (status == SHOP_OK || memory_comes_back) {
    starved += fault_memory_stop();
  }
  return status;
}

/* SQLite allocates in a commit only after the sync, for the index of a log that has grown: so "out
   of memory" there does not mean that nothing was committed. (The row came back when the log was
   read again after a kill; a probe has shown it.) So it is a doubt, and the fence settles it. */
START_TEST(no_memory_in_the_commit_is_a_doubt) {
  for (int back = 0; back < 2; back++) {
    int64_t kept = notes(store);
    int32_t status = SHOP_OK;
    starved = 0;
    memory_comes_back = back != 0;
    struct note note = {.who = 5};
    spy = shop__engine_sqlite;
    spy.commit = starved_commit;
    store->writer->engine = &spy;
    ck_assert_int_eq(spy.script(store->writer->conn, "PRAGMA wal_autocheckpoint = 0"), SHOP_OK);
    /* Two frames a commit; the first part of the index holds 4,062. */
    for (int i = 0; i < 4000 && starved == 0; i++) {
      note.runs = 0;
      status = shop__db_write(store, put_note, &note, NULL, NULL);
      starved += fault_memory_stop();
      kept += status == SHOP_OK;
    }
    ck_assert_int_gt(starved, 0);
    ck_assert_int_eq(status, back ? SHOP_OK : SHOP_ERR_COMMIT_UNKNOWN);
    ck_assert_int_eq(note.runs, back ? 2 : 1);
    int64_t now = notes(store);
    ck_assert(now == kept || (!back && now == kept + 1));
    put_one(store, 6); /* on a new connection, which empties the log as usual */
    ck_assert_int_eq(notes(store), now + 1);
    shop__db_close(store);
    store = open_store();
    ck_assert_int_eq(notes(store), now + 1);
    put_one(store, 6);
  }
}
END_TEST

Suite *doubt_suite(void) {
  Suite *suite = suite_create("doubt");
  TCase *tcase = tcase_create("doubt");
  tcase_add_checked_fixture(tcase, set_up_store, tear_down_store);
  tcase_set_timeout(tcase, 120);
  tcase_add_test(tcase, doubtful_commit_that_is_void);
  tcase_add_test(tcase, doubtful_commit_alone_that_is_void);
  tcase_add_test(tcase, doubtful_commit_that_stands);
  tcase_add_test(tcase, doubtful_commit_alone_that_stands);
  tcase_add_test(tcase, log_is_emptied_after_a_failed_sync);
  tcase_add_test(tcase, void_commit_cannot_come_back);
  tcase_add_test(tcase, fence_fails_too);
  tcase_add_test(tcase, reopen_fails_too);
  tcase_add_test(tcase, second_doubt_that_is_void);
  tcase_add_test(tcase, no_memory_in_the_commit_is_a_doubt);
  suite_add_tcase(suite, tcase);
  return suite;
}
