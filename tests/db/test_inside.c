/*
 * Group commit, where SQLite ends the transaction inside a function: a full
 * disk, a lack of memory.
 */
#include "test_db.h"
#include "fault_memory.h"

/* ---- a transaction that SQLite ends inside a function ---------------------- */

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
    int64_t before = notes(store);
    fault_vfs_reset();
    fail_wal(FAULT_WRITE, 2, 1, SQLITE_FULL);
    squad_run(store, members, 4);
    ck_assert_int_eq(fault_vfs_struck(), 1);
    for (int i = 0; i < 4; i++) {
      ck_assert_int_eq(members[i].status, SHOP_OK);
      ck_assert_int_eq(who[i].runs, i == 3 ? 1 : 2); /* the last came after the end */
    }
    ck_assert_int_eq(notes(store), before + 103);
  }
}
END_TEST

/* It stays full: the one that needs the room is told, also if it looked away; the others are
   served, for theirs fits. */
START_TEST(full_disk_inside_a_batch_is_told) {
  ck_assert_int_eq(store->writer->engine->script(store->writer->conn, "PRAGMA max_page_count = 20"),
                   SHOP_OK);
  for (int look_away = 0; look_away < 2; look_away++) {
    struct member members[3];
    struct note who[3];
    members_of(members, who, 3);
    members[1].fn = spill;
    who[1].draw = look_away;
    squad_run(store, members, 3);
    ck_assert_int_eq(members[0].status, SHOP_OK);
    ck_assert_int_eq(members[1].status, SHOP_ERR_DISK_FULL);
    ck_assert_int_eq(members[1].err.code, SHOP_ERR_DISK_FULL);
    ck_assert_int_eq(members[2].status, SHOP_OK);
    ck_assert_int_eq(who[0].runs, 2);
    ck_assert_int_eq(who[1].runs, 2);
    ck_assert_int_eq(who[2].runs, 1);
    ck_assert_int_eq(notes_of(store, 1), look_away + 1);
    ck_assert_int_eq(notes_of(store, 2), 0);
    ck_assert_int_eq(notes_of(store, 3), look_away + 1);
  }
}
END_TEST

/* The same for the first of a batch: it was alone up to there, so its answer counts; those behind
   it are served by the next batch. */
START_TEST(full_disk_inside_the_first) {
  ck_assert_int_eq(store->writer->engine->script(store->writer->conn, "PRAGMA max_page_count = 20"),
                   SHOP_OK);
  for (int look_away = 0; look_away < 2; look_away++) {
    struct member members[2];
    struct note who[2];
    members_of(members, who, 2);
    members[0].fn = spill;
    who[0].draw = look_away;
    squad_run(store, members, 2);
    ck_assert_int_eq(members[0].status, SHOP_ERR_DISK_FULL);
    ck_assert_int_eq(members[0].err.code, SHOP_ERR_DISK_FULL);
    ck_assert_int_eq(who[0].runs, 1);
    ck_assert_int_eq(members[1].status, SHOP_OK);
    ck_assert_int_eq(notes_of(store, 1), 0);
  }
}
END_TEST

/* Alone the same: told at once, nothing kept, and the next one works. */
START_TEST(full_disk_inside_one) {
  struct note note = {.who = 1, .draw = true};
  struct shop_error err;
  fail_wal(FAULT_WRITE, 2, FAULT_ALWAYS, SQLITE_FULL);
  ck_assert_int_eq(shop__db_write(store, spill, &note, NULL, &err), SHOP_ERR_DISK_FULL);
  ck_assert_int_eq(note.runs, 1);
  fault_vfs_reset();
  ck_assert_int_eq(notes(store), 1);
  put_one(store, 2);
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
      int64_t before = notes(store);
      squad_run(store, members, 4);
      int64_t written = notes_of(store, 77);
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
      ck_assert_int_eq(notes(store), before + 3 + written);
      sqlite3 *other = open_by_hand(path_of("shop.db"));
      ask(other, "DELETE FROM note WHERE who = 77");
      sqlite3_close(other);
    }
  }
}
END_TEST

Suite *inside_suite(void) {
  Suite *suite = suite_create("inside");
  TCase *tcase = tcase_create("inside");
  tcase_add_checked_fixture(tcase, set_up_store, tear_down_store);
  tcase_set_timeout(tcase, 60);
  tcase_add_test(tcase, full_disk_inside_a_batch);
  tcase_add_test(tcase, full_disk_inside_a_batch_is_told);
  tcase_add_test(tcase, full_disk_inside_the_first);
  tcase_add_test(tcase, full_disk_inside_one);
  tcase_add_test(tcase, no_memory_inside_a_batch);
  suite_add_tcase(suite, tcase);
  return suite;
}
