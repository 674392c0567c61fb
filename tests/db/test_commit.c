/*
 * Group commit, where the disk or the memory gives out: what is run again,
 * what is told to whom, and that every answer is true of the store.
 */
#include "test_db.h"
#include "fault_memory.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LONG_US 60000000

static shop__db_t *db;

static void open_up(void) {
  set_up();
  db = open_store();
  db->batch_us = LONG_US;
  put_one(db, 0);
  fault_vfs_reset();
}

static void close_down(void) {
  shop__db_close(db);
  tear_down();
}

/* After this the readers' connections are gone: the writer's is the last, and whoever closes it
   empties the log or, where that fails, leaves it to be read again. */
static void without_readers(void) {
  shop__pool_destroy(&db->pool);
  ck_assert_int_eq(shop__pool_init(&db->pool, 4), SHOP_OK);
}

static void fail_wal(enum fault_op op, long nth, long times, int code) {
  fault_vfs_fail(
      (struct fault_rule){.op = op, .file = FAULT_WAL, .nth = nth, .times = times, .code = code});
}

static void members_of(struct member *members, struct note *notes_of_members, int count) {
  memset(members, 0, sizeof *members * (size_t)count);
  memset(notes_of_members, 0, sizeof *notes_of_members * (size_t)count);
  for (int i = 0; i < count; i++) {
    notes_of_members[i].who = i + 1;
    members[i].fn = put_note;
    members[i].ctx = &notes_of_members[i];
    members[i].status = 1;
  }
}

/* What the file holds, seen by a connection that knows nothing of this process. */
static int64_t on_disk(int64_t who) {
  char sql[80];
  snprintf(sql, sizeof sql, "SELECT count(*) FROM note WHERE who = %d", (int)who);
  return by_hand(path_of("shop.db"), sql);
}

/* ---- a commit that has failed for certain ------------------------------------------------ */

/* The disk is full at the commit, once: nobody is told of it, each function is run again alone, and
   every write is there exactly once. */
START_TEST(full_disk_once_is_made_good) {
  struct member members[5];
  struct note who[5];
  members_of(members, who, 5);
  who[3].give = SHOP_ERR_NOT_FOUND;
  fail_wal(FAULT_WRITE, 3, 1, SQLITE_FULL);
  squad_run(db, members, 5);
  ck_assert_int_eq(fault_vfs_struck(), 1);
  for (int i = 0; i < 5; i++) {
    ck_assert_int_eq(members[i].status, who[i].give);
    ck_assert_int_eq(who[i].runs, 2);
    ck_assert_int_eq(notes_of(db, i + 1), i != 3);
  }
  ck_assert_str_eq(members[3].err.message, "note 4 says no");
}
END_TEST

/* It stays full: each gets DISK_FULL, ran twice, and the store is as before. */
START_TEST(full_disk_is_told) {
  struct member members[3];
  struct note who[3];
  members_of(members, who, 3);
  fail_wal(FAULT_WRITE, 1, FAULT_ALWAYS, SQLITE_FULL);
  squad_run(db, members, 3);
  for (int i = 0; i < 3; i++) {
    ck_assert_int_eq(members[i].status, SHOP_ERR_DISK_FULL);
    ck_assert_int_eq(members[i].err.code, SHOP_ERR_DISK_FULL);
    ck_assert_ptr_nonnull(strstr(members[i].err.message, "make room"));
    ck_assert_int_eq(who[i].runs, 2);
  }
  fault_vfs_reset();
  ck_assert_int_eq(notes(db), 1);
  put_one(db, 9);
}
END_TEST

/* Alone, the first answer counts: there is nothing that another run could tell. */
START_TEST(full_disk_alone_is_told_at_once) {
  struct note note = {.who = 1};
  struct shop_error err;
  fail_wal(FAULT_WRITE, 1, 1, SQLITE_FULL);
  ck_assert_int_eq(shop__db_write(db, put_note, &note, NULL, &err), SHOP_ERR_DISK_FULL);
  ck_assert_int_eq(err.code, SHOP_ERR_DISK_FULL);
  ck_assert_int_eq(note.runs, 1);
  ck_assert_int_eq(notes(db), 1);
  put_one(db, 2);
}
END_TEST

/* One takes the last piece, another is refused for it; then their commit fails, and so does the
   first one's second try. The refusal was void: the piece is the other's. */
START_TEST(refusal_caused_by_a_void_commit_is_void) {
  struct member members[2];
  struct note who[2];
  stock(db, 1);
  members_of(members, who, 2);
  members[0].fn = take_piece;
  members[1].fn = take_piece;
  fail_wal(FAULT_WRITE, 1, 2, SQLITE_FULL); /* the batch's commit, and the first one's alone */
  squad_run(db, members, 2);
  ck_assert_int_eq(fault_vfs_struck(), 2);
  ck_assert_int_eq(members[0].status, SHOP_ERR_DISK_FULL);
  ck_assert_int_eq(members[1].status, SHOP_OK);
  ck_assert_int_eq(members[1].err.code, SHOP_OK);
  ck_assert_int_eq(by_hand(path_of("shop.db"), "SELECT pieces FROM item"), 0);
}
END_TEST

/* Without a failure the refusal stands, and is told after the commit that took the piece. */
START_TEST(refusal_caused_by_a_commit_stands) {
  struct member members[2];
  struct note who[2];
  stock(db, 1);
  members_of(members, who, 2);
  members[0].fn = take_piece;
  members[1].fn = take_piece;
  squad_run(db, members, 2);
  ck_assert_int_eq(members[0].status, SHOP_OK);
  ck_assert_int_eq(members[1].status, SHOP_ERR_OUT_OF_STOCK);
  ck_assert_str_eq(members[1].err.message, "nothing is left");
}
END_TEST

static int32_t owe(shop__tx_t *tx, void *ctx) {
  struct note *note = ctx;
  note->runs++;
  shop__query_t *q = shop__query(tx, "INSERT INTO debt (id, item) VALUES ($1, 99)");
  shop__query_int(q, 1, note->who);
  return shop__query_run(q, NULL);
}

/* A commit that a deferred rule refuses: the transaction is still open then, and must be rolled
   back; the guilty one is told alone, its neighbours' writes stand. */
START_TEST(commit_refused_by_a_rule) {
  by_hand(path_of("shop.db"),
          "CREATE TABLE debt (id INTEGER PRIMARY KEY,"
          " item INTEGER REFERENCES item (id) DEFERRABLE INITIALLY DEFERRED)");
  struct member members[3];
  struct note who[3];
  members_of(members, who, 3);
  members[1].fn = owe;
  squad_run(db, members, 3);
  ck_assert_int_eq(members[0].status, SHOP_OK);
  ck_assert_int_eq(members[1].status, SHOP__CONFLICT);
  ck_assert_int_eq(members[2].status, SHOP_OK);
  ck_assert_int_eq(notes(db), 3);
  struct note alone = {.who = 8};
  ck_assert_int_eq(shop__db_write(db, owe, &alone, NULL, NULL), SHOP__CONFLICT);
  ck_assert_int_eq(alone.runs, 1);
  put_one(db, 9);
}
END_TEST

/* ---- a transaction that SQLite ends inside a function -------------------------------------- */

/* Overflows a tiny cache, so that pages go to the log before the commit. */
static int32_t spill(shop__tx_t *tx, void *ctx) {
  struct note *note = ctx;
  static char big[3000];
  note->runs++;
  shop__query_t *q = shop__query(tx, "PRAGMA cache_size = 5");
  int32_t status = shop__query_run(q, NULL);
  for (int i = 0; status == SHOP_OK && i < 100; i++) {
    q = shop__query(tx, "INSERT INTO note (who, body) VALUES ($1, $2)");
    shop__query_int(q, 1, note->who);
    shop__query_blob(q, 2, big, sizeof big);
    status = shop__query_run(q, NULL);
  }
  return note->draw ? SHOP_OK : status; /* `draw`: looks away */
}

/* The disk fills up inside a function: SQLite ends the whole transaction, so that what ran before
   in the batch is lost with it. All are run again alone; nothing is half there. */
START_TEST(full_disk_inside_a_batch) {
  for (int look_away = 0; look_away < 2; look_away++) {
    struct member members[4];
    struct note who[4];
    members_of(members, who, 4);
    members[2].fn = spill;
    who[2].draw = look_away;
    int64_t before = notes(db);
    fault_vfs_reset();
    fail_wal(FAULT_WRITE, 2, 1, SQLITE_FULL);
    squad_run(db, members, 4);
    ck_assert_int_eq(fault_vfs_struck(), 1);
    for (int i = 0; i < 4; i++) {
      ck_assert_int_eq(members[i].status, SHOP_OK);
      ck_assert_int_eq(who[i].runs, i == 3 ? 1 : 2); /* the last came after the end */
    }
    ck_assert_int_eq(notes(db), before + 103);
  }
}
END_TEST

/* It stays full: the one that needs the room is told, also if it looked away; the others are
   served, for theirs fits. */
START_TEST(full_disk_inside_a_batch_is_told) {
  ck_assert_int_eq(db->writer->engine->script(db->writer->conn, "PRAGMA max_page_count = 20"),
                   SHOP_OK);
  for (int look_away = 0; look_away < 2; look_away++) {
    struct member members[3];
    struct note who[3];
    members_of(members, who, 3);
    members[1].fn = spill;
    who[1].draw = look_away;
    squad_run(db, members, 3);
    ck_assert_int_eq(members[0].status, SHOP_OK);
    ck_assert_int_eq(members[1].status, SHOP_ERR_DISK_FULL);
    ck_assert_int_eq(members[1].err.code, SHOP_ERR_DISK_FULL);
    ck_assert_int_eq(members[2].status, SHOP_OK);
    ck_assert_int_eq(who[0].runs, 2);
    ck_assert_int_eq(who[1].runs, 2);
    ck_assert_int_eq(who[2].runs, 1);
    ck_assert_int_eq(notes_of(db, 1), look_away + 1);
    ck_assert_int_eq(notes_of(db, 2), 0);
    ck_assert_int_eq(notes_of(db, 3), look_away + 1);
  }
}
END_TEST

/* The same for the first of a batch: it was alone up to there, so its answer counts; those behind it
   are served by the next batch. */
START_TEST(full_disk_inside_the_first) {
  ck_assert_int_eq(db->writer->engine->script(db->writer->conn, "PRAGMA max_page_count = 20"),
                   SHOP_OK);
  for (int look_away = 0; look_away < 2; look_away++) {
    struct member members[2];
    struct note who[2];
    members_of(members, who, 2);
    members[0].fn = spill;
    who[0].draw = look_away;
    squad_run(db, members, 2);
    ck_assert_int_eq(members[0].status, SHOP_ERR_DISK_FULL);
    ck_assert_int_eq(members[0].err.code, SHOP_ERR_DISK_FULL);
    ck_assert_int_eq(who[0].runs, 1);
    ck_assert_int_eq(members[1].status, SHOP_OK);
    ck_assert_int_eq(notes_of(db, 1), 0);
  }
}
END_TEST

/* Alone the same: told at once, nothing kept, and the next one works. */
START_TEST(full_disk_inside_one) {
  struct note note = {.who = 1, .draw = true};
  struct shop_error err;
  fail_wal(FAULT_WRITE, 2, FAULT_ALWAYS, SQLITE_FULL);
  ck_assert_int_eq(shop__db_write(db, spill, &note, NULL, &err), SHOP_ERR_DISK_FULL);
  ck_assert_int_eq(note.runs, 1);
  fault_vfs_reset();
  ck_assert_int_eq(notes(db), 1);
  put_one(db, 2);
}
END_TEST

static int32_t starve(shop__tx_t *tx, void *ctx) {
  struct note *note = ctx;
  fault_memory_fail(1, note->draw && note->runs == 0 ? 1 : FAULT_MEMORY_ALWAYS);
  int32_t status = spill(tx, note);
  fault_memory_stop();
  return note->give == SHOP_OK ? SHOP_OK : status;
}

/* SQLite runs out of memory inside a function: whatever it did to the transaction, the function's
   neighbours are served, and itself is told or, if memory is back, served as well. */
START_TEST(no_memory_inside_a_batch) {
  for (int again = 0; again < 2; again++) {
    for (int look_away = 0; look_away < 2; look_away++) {
      struct member members[4];
      struct note who[4];
      members_of(members, who, 4);
      members[1].fn = starve;
      who[1].who = 77;
      who[1].draw = again;
      who[1].give = look_away ? SHOP_OK : -1;
      int64_t before = notes(db);
      squad_run(db, members, 4);
      int64_t written = notes_of(db, 77);
      ck_assert_int_eq(members[0].status, SHOP_OK);
      ck_assert_int_eq(members[2].status, SHOP_OK);
      ck_assert_int_eq(members[3].status, SHOP_OK);
      if (members[1].status == SHOP_OK) {
        ck_assert_int_eq(again, 1);
      } else {
        ck_assert_int_eq(members[1].status, SHOP_ERR_NO_MEMORY);
        ck_assert_int_eq(members[1].err.code, SHOP_ERR_NO_MEMORY);
        ck_assert_int_eq(written, 0);
      }
      ck_assert_int_eq(notes(db), before + 3 + written);
      sqlite3 *other = open_by_hand(path_of("shop.db"));
      ask(other, "DELETE FROM note WHERE who = 77");
      sqlite3_close(other);
    }
  }
}
END_TEST

/* ---- a commit of unknown outcome ------------------------------------------------------------ */

/* The write of the commit fails with an I/O error, and after the reopen it is not there: the
   functions are run again, once, and their answers are those of the second run. */
START_TEST(doubtful_commit_that_is_void) {
  struct member members[3];
  struct note who[3];
  members_of(members, who, 3);
  who[1].give = SHOP_ERR_NOT_FOUND;
  fail_wal(FAULT_WRITE, 1, 1, SQLITE_IOERR_WRITE);
  squad_run(db, members, 3);
  ck_assert_int_eq(fault_vfs_struck(), 1);
  for (int i = 0; i < 3; i++) {
    ck_assert_int_eq(members[i].status, who[i].give);
    ck_assert_int_eq(who[i].runs, 2);
    ck_assert_int_eq(notes_of(db, i + 1), i != 1);
  }
}
END_TEST

/* The same with a single function: it too is run once more. */
START_TEST(doubtful_commit_alone_that_is_void) {
  struct note note = {.who = 1};
  struct shop_error err;
  fail_wal(FAULT_WRITE, 1, 1, SQLITE_IOERR_WRITE);
  ck_assert_int_eq(shop__db_write(db, put_note, &note, NULL, &err), SHOP_OK);
  ck_assert_int_eq(err.code, SHOP_OK);
  ck_assert_int_eq(note.runs, 2);
  ck_assert_int_eq(notes_of(db, 1), 1);
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
  squad_run(db, members, 3);
  ck_assert_int_eq(fault_vfs_struck(), 2);
  for (int i = 0; i < 3; i++) {
    ck_assert_int_eq(members[i].status, who[i].give);
    ck_assert_int_eq(who[i].runs, 1);
    ck_assert_int_eq(notes_of(db, i + 1), i != 1);
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
  ck_assert_int_eq(shop__db_write(db, put_note, &note, NULL, NULL), SHOP_OK);
  ck_assert_int_eq(fault_vfs_struck(), 2);
  ck_assert_int_eq(note.runs, 1);
  ck_assert_int_eq(notes_of(db, 1), 1);
}
END_TEST

/* After a failed sync the log is emptied into the main file, which is synced: what the kernel may
   have dropped is not relied upon. */
START_TEST(log_is_emptied_after_a_failed_sync) {
  struct note note = {.who = 1};
  without_readers();
  fail_wal(FAULT_SYNC, 1, 2, SQLITE_IOERR_FSYNC);
  ck_assert_int_eq(shop__db_write(db, put_note, &note, NULL, NULL), SHOP_OK);
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
  ck_assert_int_eq(notes(db), 1); /* a reader keeps the log's index alive */
  fail_wal(FAULT_SYNC, 1, 1, SQLITE_IOERR_FSYNC);
  fault_vfs_fail((struct fault_rule){.op = FAULT_SYNC, /* nor may the log be emptied */
                                     .file = FAULT_MAIN,
                                     .nth = 1,
                                     .times = FAULT_ALWAYS,
                                     .code = SQLITE_IOERR_FSYNC});
  ck_assert_int_eq(shop__db_write(db, write_then_refuse, &note, NULL, NULL), SHOP_ERR_OUT_OF_STOCK);
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
  ck_assert_int_eq(notes(db), 1);
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
  squad_run(db, members, 3);
  for (int i = 0; i < 3; i++) {
    ck_assert_int_eq(members[i].status, SHOP_ERR_COMMIT_UNKNOWN);
    ck_assert_int_eq(members[i].err.code, SHOP_ERR_COMMIT_UNKNOWN);
    ck_assert_ptr_nonnull(strstr(members[i].err.message, "idempotency key"));
    ck_assert_int_eq(who[i].runs, 1);
  }
  struct note note = {.who = 8};
  ck_assert_int_eq(shop__db_write(db, put_note, &note, NULL, NULL), SHOP_ERR_COMMIT_UNKNOWN);
  fault_vfs_reset();
  put_one(db, 9);
  ck_assert_int_eq(notes_of(db, 9), 1);
  ck_assert_int_eq(notes_of(db, 1), notes_of(db, 3)); /* both or none */
  ck_assert_int_eq(notes_of(db, 2), 0);
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
  ck_assert_int_eq(shop__db_write(db, put_note, &note, NULL, &err), SHOP_ERR_COMMIT_UNKNOWN);
  ck_assert_ptr_null(db->writer);
  ck_assert_int_eq(shop__db_write(db, put_note, &note, NULL, &err), SHOP_ERR_CANNOT_OPEN);
  ck_assert_int_eq(note.runs, 1);
  fault_vfs_reset();
  put_one(db, 2);
  ck_assert_int_le(notes_of(db, 1), 1);
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
  int32_t status = shop__db_write(db, put_note, &note, NULL, &err);
  ck_assert_int_eq(status, SHOP_ERR_IO);
  ck_assert_int_eq(err.code, SHOP_ERR_IO);
  ck_assert_int_eq(note.runs, 2);
  ck_assert_int_eq(notes_of(db, 1), 0);
  put_one(db, 2);
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
    int64_t kept = notes(db);
    int32_t status = SHOP_OK;
    starved = 0;
    memory_comes_back = back != 0;
    struct note note = {.who = 5};
    spy = shop__engine_sqlite;
    spy.commit = starved_commit;
    db->writer->engine = &spy;
    ck_assert_int_eq(spy.script(db->writer->conn, "PRAGMA wal_autocheckpoint = 0"), SHOP_OK);
    /* Two frames a commit; the first part of the index holds 4,062. */
    for (int i = 0; i < 4000 && starved == 0; i++) {
      note.runs = 0;
      status = shop__db_write(db, put_note, &note, NULL, NULL);
      starved += fault_memory_stop();
      kept += status == SHOP_OK;
    }
    ck_assert_int_gt(starved, 0);
    ck_assert_int_eq(status, back ? SHOP_OK : SHOP_ERR_COMMIT_UNKNOWN);
    ck_assert_int_eq(note.runs, back ? 2 : 1);
    int64_t now = notes(db);
    ck_assert(now == kept || (!back && now == kept + 1));
    put_one(db, 6); /* on a new connection, which empties the log as usual */
    ck_assert_int_eq(notes(db), now + 1);
    shop__db_close(db);
    db = open_store();
    ck_assert_int_eq(notes(db), now + 1);
    put_one(db, 6);
  }
}
END_TEST

/* ---- an engine that stumbles elsewhere ---------------------------------------------------------
 */

static int stumbles;

static bool stumble(void) {
  return stumbles > 0 && --stumbles == 0;
}

static int32_t bad_savepoint(struct shop__conn *conn) {
  return stumble() ? SHOP_ERR_NO_MEMORY : shop__engine_sqlite.savepoint(conn);
}

static int32_t bad_release(struct shop__conn *conn) {
  return stumble() ? SHOP_ERR_NO_MEMORY : shop__engine_sqlite.release(conn);
}

static int32_t bad_undo(struct shop__conn *conn) {
  return stumble() ? SHOP_ERR_NO_MEMORY : shop__engine_sqlite.undo(conn);
}

static int32_t bad_commit(struct shop__conn *conn, bool *doubtful) {
  *doubtful = false;
  return stumble() ? SHOP_ERR_BUSY : shop__engine_sqlite.commit(conn, doubtful);
}

static int32_t bad_rollback(struct shop__conn *conn) {
  return stumble() ? SHOP_ERR_IO : shop__engine_sqlite.rollback(conn);
}

/* A savepoint that cannot be made, released or gone back to spoils the transaction, and so does a
   commit that is refused: all functions are run again alone, and each write is there once. */
START_TEST(stumbling_engine_is_made_good) {
  for (int what = 0; what < 5; what++) {
    struct member members[4];
    struct note who[4];
    members_of(members, who, 4);
    who[1].give = SHOP_ERR_NOT_FOUND;
    int64_t before = notes(db);
    put_one(db, 50); /* a writer of this round */
    spy = shop__engine_sqlite;
    stumbles = 2;
    switch (what) {
    case 0:
      spy.savepoint = bad_savepoint;
      break;
    case 1:
      spy.release = bad_release;
      break;
    case 2:
      stumbles = 1; /* only one function goes back */
      spy.undo = bad_undo;
      break;
    case 3:
      stumbles = 1;
      spy.commit = bad_commit;
      break;
    default: /* the rollback of the plug's batch: that connection is given up */
      stumbles = 1;
      spy.rollback = bad_rollback;
      break;
    }
    db->writer->engine = &spy;
    squad_run(db, members, 4);
    ck_assert_int_eq(stumbles, 0);
    for (int i = 0; i < 4; i++) {
      ck_assert_int_eq(members[i].status, who[i].give);
    }
    ck_assert_int_eq(notes(db), before + 4);
    ck_assert_int_eq(notes_of(db, 2), 0);
    shop__db_close(db);
    db = open_store();
    db->batch_us = LONG_US;
  }
}
END_TEST

/* ---- every fault, one by one ------------------------------------------------------------------
 */

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
  db = open_store();
  put_one(db, 0);
  if (readers) {
    ck_assert_int_eq(notes(db), 1);
  }
  fault_vfs_reset();
  fault_vfs_fail((struct fault_rule){.op = faults[fault].op,
                                     .file = faults[fault].file,
                                     .nth = nth,
                                     .times = times,
                                     .code = faults[fault].code,
                                     .anyway = anyway});
  int32_t status = shop__db_write(db, put_note, &note, NULL, &err);
  bool met = fault_vfs_struck() > 0;
  fault_vfs_reset();
  ck_assert_int_eq(err.code, status);
  int64_t seen = notes_of(db, 1);
  if (status == SHOP_OK) {
    ck_assert_int_eq(seen, 1);
  } else if (status != SHOP_ERR_COMMIT_UNKNOWN) {
    ck_assert_int_eq(seen, 0);
  }
  put_one(db, 2);
  ck_assert_int_eq(notes_of(db, 2), 1);
  ck_assert_int_eq(notes_of(db, 1), seen);
  shop__db_close(db);
  ck_assert_int_eq(on_disk(1), seen);
  ck_assert_int_eq(on_disk(2), 1);
  return met;
}

/* Every operation of a write on every file fails, once, twice, three times, for ever; reported
   after it was done, or instead: the answer is true, and the store works afterwards. */
START_TEST(every_fault_gets_a_true_answer) {
  static const long times[] = {1, 2, 3, FAULT_ALWAYS};
  shop__db_close(db);
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
  db = open_store();
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
  shop__db_t *store;
  if (shop__db_open(&settings, &store, NULL) != SHOP_OK) {
    return 2;
  }
  for (char i = 1; i <= 5; i++) {
    struct note note = {.who = i, .draw = true};
    if (shop__db_write(store, put_note, &note, NULL, NULL) != SHOP_OK ||
        write(killing->report, &i, 1) != 1) {
      return 3;
    }
  }
  shop__db_close(store);
  return 0;
}

/* Killed at any operation on a file: what was answered is there, what was not is there once or not
   at all, and nothing after it. */
START_TEST(killed_writer_has_told_the_truth) {
  if (!can_fork()) {
    return;
  }
  shop__db_close(db);
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
    db = open_store();
    int64_t found = notes(db);
    ck_assert_int_ge(found, told);
    ck_assert_int_le(found, told + 1);
    for (int i = 1; i <= 5; i++) {
      ck_assert_int_eq(notes_of(db, i), i <= found);
    }
    put_one(db, 9);
    shop__db_close(db);
  } while (answer != 0);
  ck_assert_int_gt(killing.at, 40);
  db = open_store();
}
END_TEST

Suite *commit_suite(void) {
  Suite *suite = suite_create("commit");
  TCase *tcase = tcase_create("commit");
  tcase_add_checked_fixture(tcase, open_up, close_down);
  tcase_set_timeout(tcase, 180);
  tcase_add_test(tcase, full_disk_once_is_made_good);
  tcase_add_test(tcase, full_disk_is_told);
  tcase_add_test(tcase, full_disk_alone_is_told_at_once);
  tcase_add_test(tcase, refusal_caused_by_a_void_commit_is_void);
  tcase_add_test(tcase, refusal_caused_by_a_commit_stands);
  tcase_add_test(tcase, commit_refused_by_a_rule);
  tcase_add_test(tcase, full_disk_inside_a_batch);
  tcase_add_test(tcase, full_disk_inside_a_batch_is_told);
  tcase_add_test(tcase, full_disk_inside_the_first);
  tcase_add_test(tcase, full_disk_inside_one);
  tcase_add_test(tcase, no_memory_inside_a_batch);
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
  tcase_add_test(tcase, stumbling_engine_is_made_good);
  tcase_add_test(tcase, every_fault_gets_a_true_answer);
  tcase_add_test(tcase, killed_writer_has_told_the_truth);
  suite_add_tcase(suite, tcase);
  return suite;
}
