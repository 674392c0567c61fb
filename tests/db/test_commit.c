/*
 * Group commit, where a commit or something near it fails for certain: what is
 * run again, what is told to whom.
 */
#include "test_db.h"

#include <string.h>

/* ---- a commit that has failed for certain ---------------------------------- */

/* The disk is full at the commit, once: nobody is told of it, each function is run again alone, and
   every write is there exactly once. */
START_TEST(full_disk_once_is_made_good) {
  struct member members[5];
  struct note who[5];
  members_of(members, who, 5);
  who[3].give = SHOP_ERR_NOT_FOUND;
  fail_wal(FAULT_WRITE, 3, 1, SQLITE_FULL);
  squad_run(store, members, 5);
  ck_assert_int_eq(fault_vfs_struck(), 1);
  for (int i = 0; i < 5; i++) {
    ck_assert_int_eq(members[i].status, who[i].give);
    ck_assert_int_eq(who[i].runs, 2);
    ck_assert_int_eq(notes_of(store, i + 1), i != 3);
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
  squad_run(store, members, 3);
  for (int i = 0; i < 3; i++) {
    ck_assert_int_eq(members[i].status, SHOP_ERR_DISK_FULL);
    ck_assert_int_eq(members[i].err.code, SHOP_ERR_DISK_FULL);
    ck_assert_ptr_nonnull(strstr(members[i].err.message, "make room"));
    ck_assert_int_eq(who[i].runs, 2);
  }
  fault_vfs_reset();
  ck_assert_int_eq(notes(store), 1);
  put_one(store, 9);
}
END_TEST

/* Alone, the first answer counts: there is nothing that another run could tell. */
START_TEST(full_disk_alone_is_told_at_once) {
  struct note note = {.who = 1};
  struct shop_error err;
  fail_wal(FAULT_WRITE, 1, 1, SQLITE_FULL);
  ck_assert_int_eq(shop__db_write(store, put_note, &note, NULL, &err), SHOP_ERR_DISK_FULL);
  ck_assert_int_eq(err.code, SHOP_ERR_DISK_FULL);
  ck_assert_int_eq(note.runs, 1);
  ck_assert_int_eq(notes(store), 1);
  put_one(store, 2);
}
END_TEST

/* One takes the last piece, another is refused for it; then their commit fails, and so does the
   first one's second try. The refusal was void: the piece is the other's. */
START_TEST(refusal_caused_by_a_void_commit_is_void) {
  struct member members[2];
  struct note who[2];
  stock(store, 1);
  members_of(members, who, 2);
  members[0].fn = take_piece;
  members[1].fn = take_piece;
  fail_wal(FAULT_WRITE, 1, 2, SQLITE_FULL); /* the batch's commit, and the first one's alone */
  squad_run(store, members, 2);
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
  stock(store, 1);
  members_of(members, who, 2);
  members[0].fn = take_piece;
  members[1].fn = take_piece;
  squad_run(store, members, 2);
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
  squad_run(store, members, 3);
  ck_assert_int_eq(members[0].status, SHOP_OK);
  ck_assert_int_eq(members[1].status, SHOP_ERR_CORRUPT);
  ck_assert_int_eq(members[2].status, SHOP_OK);
  ck_assert_int_eq(notes(store), 3);
  struct note alone = {.who = 8};
  ck_assert_int_eq(shop__db_write(store, owe, &alone, NULL, NULL), SHOP_ERR_CORRUPT);
  ck_assert_int_eq(alone.runs, 1);
  put_one(store, 9);
}
END_TEST

/* ---- an engine that stumbles elsewhere ------------------------------------- */

static struct shop__engine spy;
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
    int64_t before = notes(store);
    put_one(store, 50); /* a writer of this round */
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
    store->writer->engine = &spy;
    squad_run(store, members, 4);
    ck_assert_int_eq(stumbles, 0);
    for (int i = 0; i < 4; i++) {
      ck_assert_int_eq(members[i].status, who[i].give);
    }
    ck_assert_int_eq(notes(store), before + 4);
    ck_assert_int_eq(notes_of(store, 2), 0);
    shop__db_close(store);
    store = open_store();
    store->batch_us = LONG_US;
  }
}
END_TEST

static sqlite3 *rival;
static int begins;

static int32_t counted_begin(struct shop__conn *conn, bool write, int64_t wait_us) {
  begins++;
  return shop__engine_sqlite.begin(conn, write, wait_us);
}

static int32_t rollback_to_a_rival(struct shop__conn *conn) {
  int32_t status = shop__engine_sqlite.rollback(conn);
  if (stumbles == 0) { /* the commit has failed */
    ask(rival, "BEGIN IMMEDIATE");
    stumbles = -1;
  }
  return status;
}

/* The commit fails, and before the first function can be run again another process takes the lock
   for long: BUSY for all of the batch after one wait, not after one each. */
START_TEST(busy_before_the_second_run) {
  struct member members[4];
  struct note who[4];
  members_of(members, who, 4);
  rival = open_by_hand(path_of("shop.db"));
  store->busy_us = 50000;
  begins = 0;
  stumbles = 1;
  spy = shop__engine_sqlite;
  spy.begin = counted_begin;
  spy.commit = bad_commit;
  spy.rollback = rollback_to_a_rival;
  store->writer->engine = &spy;
  squad_run(store, members, 4);
  for (int i = 0; i < 4; i++) {
    ck_assert_int_eq(members[i].status, SHOP_ERR_BUSY);
    ck_assert_int_eq(members[i].err.code, SHOP_ERR_BUSY);
    ck_assert_int_eq(who[i].runs, 1);
  }
  ck_assert_int_eq(begins, 3); /* the plug, the batch, the first alone */
  ask(rival, "ROLLBACK");
  sqlite3_close(rival);
  ck_assert_int_eq(notes(store), 1);
  put_one(store, 9);
}
END_TEST

static int32_t bad_begin(struct shop__conn *conn, bool write, int64_t wait_us) {
  (void)conn;
  (void)write;
  (void)wait_us;
  return SHOP_ERR_IO;
}

/* A transaction that cannot be begun for an I/O error: told, and the connection is replaced. */
START_TEST(writer_is_replaced_after_a_fault) {
  struct note note = {.who = 1};
  spy = shop__engine_sqlite;
  spy.begin = bad_begin;
  store->writer->engine = &spy;
  ck_assert_int_eq(shop__db_write(store, put_note, &note, NULL, NULL), SHOP_ERR_IO);
  ck_assert_int_eq(note.runs, 0);
  ck_assert_ptr_null(store->writer);
  put_one(store, 2);
}
END_TEST

Suite *commit_suite(void) {
  Suite *suite = suite_create("commit");
  TCase *tcase = tcase_create("commit");
  tcase_add_checked_fixture(tcase, set_up_store, tear_down_store);
  tcase_set_timeout(tcase, 60);
  tcase_add_test(tcase, full_disk_once_is_made_good);
  tcase_add_test(tcase, full_disk_is_told);
  tcase_add_test(tcase, full_disk_alone_is_told_at_once);
  tcase_add_test(tcase, refusal_caused_by_a_void_commit_is_void);
  tcase_add_test(tcase, refusal_caused_by_a_commit_stands);
  tcase_add_test(tcase, commit_refused_by_a_rule);
  tcase_add_test(tcase, stumbling_engine_is_made_good);
  tcase_add_test(tcase, busy_before_the_second_run);
  tcase_add_test(tcase, writer_is_replaced_after_a_fault);
  suite_add_tcase(suite, tcase);
  return suite;
}
