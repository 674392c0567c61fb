/*
 * The batch marker: each open store holds a slot of its own, loses it without
 * harm, and gives it back.
 */
#include "test_db.h"

#include <stdio.h>
#include <stdlib.h>

static const char slots_sql[] = "SELECT count(*) FROM seam WHERE slot > 0";

static int64_t slots(void) {
  return by_hand(path_of("shop.db"), slots_sql);
}

static int64_t value_of(int32_t slot) {
  char sql[80];
  snprintf(sql, sizeof sql, "SELECT value FROM seam WHERE slot = %d", (int)slot);
  return by_hand(path_of("shop.db"), sql);
}

static void fill_slots(void) {
  by_hand(path_of("shop.db"),
          "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n"
          " WHERE i < 256) INSERT OR IGNORE INTO seam SELECT i, i FROM n");
}

/* A slot is taken with the first commit, written anew by each, and given back at the close. Who
   only reads, or changes nothing, takes none. */
START_TEST(slot_is_taken_and_given_back) {
  shop__db_t *db = open_store();
  struct note refused = {.who = 1, .give = SHOP_ERR_NOT_FOUND};
  ck_assert_int_eq(notes(db), 0);
  ck_assert_int_eq(shop__db_write(db, put_note, &refused, NULL, NULL), SHOP_ERR_NOT_FOUND);
  ck_assert_int_eq(slots(), 0);
  put_one(db, 1);
  ck_assert_int_eq(slots(), 1);
  int32_t slot = db->marker.slot;
  ck_assert(slot >= 1 && slot <= 256);
  int64_t first = value_of(slot);
  put_one(db, 2);
  int64_t second = value_of(slot);
  ck_assert_int_eq(db->marker.slot, slot);
  ck_assert_int_ne(first, second);
  ck_assert_int_eq(slots(), 1);
  shop__db_t *other = open_store();
  put_one(other, 3);
  ck_assert_int_ne(other->marker.slot, slot);
  ck_assert_int_eq(slots(), 2);
  shop__db_close(other);
  ck_assert_int_eq(slots(), 1);
  ck_assert_int_eq(value_of(slot), second);
  shop__db_close(db);
  ck_assert_int_eq(slots(), 0);
}
END_TEST

/* When killed ones have left all 256 behind, one of them is taken over. */
START_TEST(abandoned_slot_is_taken_over) {
  shop__db_close(open_store());
  fill_slots();
  shop__db_t *db = open_store();
  put_one(db, 1);
  ck_assert_int_eq(slots(), 256);
  ck_assert_int_eq(value_of(db->marker.slot), db->marker.value);
  put_one(db, 2);
  shop__db_close(db);
  ck_assert_int_eq(slots(), 255);
  db = open_store();
  put_one(db, 3); /* finds the one that is free */
  ck_assert_int_eq(slots(), 256);
  shop__db_close(db);
}
END_TEST

/* Another store has taken the slot over: the owner notices with its next commit and takes another,
   and at the close it leaves the thief's row alone. */
START_TEST(stolen_slot_is_noticed) {
  char sql[100];
  shop__db_t *db = open_store();
  put_one(db, 1);
  int32_t slot = db->marker.slot;
  snprintf(sql, sizeof sql, "UPDATE seam SET value = 123 WHERE slot = %d", (int)slot);
  by_hand(path_of("shop.db"), sql);
  put_one(db, 2);
  ck_assert_int_ne(db->marker.slot, slot);
  ck_assert_int_eq(value_of(slot), 123);
  ck_assert_int_eq(value_of(db->marker.slot), db->marker.value);
  snprintf(sql, sizeof sql, "UPDATE seam SET value = 124 WHERE slot = %d", (int)db->marker.slot);
  by_hand(path_of("shop.db"), sql);
  shop__db_close(db);
  ck_assert_int_eq(slots(), 2);
}
END_TEST

static struct shop__engine spy;
static const char *between;

static int32_t open_after_the_thief(const char *path, enum shop__purpose purpose, int64_t busy_us,
                                    struct shop__conn **out, shop_error_t *err) {
  by_hand(path, between);
  return shop__engine_sqlite.open(path, purpose, busy_us, out, err);
}

/* A doubtful commit, and before the fence can look another store takes the slot: nobody can know.
   Or it loses the row, or the whole table: the same. */
START_TEST(stolen_slot_makes_a_doubt_unknown) {
  static const char *const thefts[] = {"UPDATE seam SET value = 123 WHERE slot > 0",
                                       "DELETE FROM seam WHERE slot > 0",
                                       "ALTER TABLE seam RENAME TO gone"};
  for (size_t i = 0; i < 3; i++) {
    shop__db_t *db = open_store();
    put_one(db, 1);
    between = thefts[i];
    spy = shop__engine_sqlite;
    spy.open = open_after_the_thief;
    db->engine = &spy;
    fault_vfs_reset();
    fault_vfs_fail((struct fault_rule){
        .op = FAULT_WRITE, .file = FAULT_WAL, .nth = 1, .times = 1, .code = SQLITE_IOERR_WRITE});
    struct note note = {.who = 2};
    ck_assert_int_eq(shop__db_write(db, put_note, &note, NULL, NULL), SHOP_ERR_COMMIT_UNKNOWN);
    ck_assert_int_eq(note.runs, 1);
    db->engine = &shop__engine_sqlite;
    if (i < 2) {
      put_one(db, 3);
    }
    shop__db_close(db);
  }
}
END_TEST

/* The same doubt in the very first commit, before any slot was held. */
START_TEST(doubt_in_the_first_commit) {
  shop__db_t *db = open_store();
  fault_vfs_fail((struct fault_rule){
      .op = FAULT_WRITE, .file = FAULT_WAL, .nth = 1, .times = 1, .code = SQLITE_IOERR_WRITE});
  struct note note = {.who = 2};
  ck_assert_int_eq(shop__db_write(db, put_note, &note, NULL, NULL), SHOP_OK);
  ck_assert_int_eq(fault_vfs_struck(), 1);
  ck_assert_int_eq(note.runs, 2);
  ck_assert_int_eq(notes(db), 1);
  shop__db_close(db);
  db = open_store();
  by_hand(path_of("shop.db"), "DELETE FROM note"); /* now the log is begun, and no slot is held */
  fault_vfs_reset();
  fault_vfs_fail((struct fault_rule){
      .op = FAULT_SYNC, .file = FAULT_WAL, .nth = 1, .times = 2, .code = SQLITE_IOERR_FSYNC});
  note.runs = 0;
  ck_assert_int_eq(shop__db_write(db, put_note, &note, NULL, NULL), SHOP_OK);
  ck_assert_int_eq(fault_vfs_struck(), 2);
  ck_assert_int_eq(note.runs, 1);
  ck_assert_int_eq(notes(db), 1);
  shop__db_close(db);
}
END_TEST

static long pages_written(shop__db_t *db, bool draw) {
  struct note note = {.who = 1, .draw = draw};
  fault_vfs_reset();
  ck_assert_int_eq(shop__db_write(db, put_note, &note, NULL, NULL), SHOP_OK);
  return fault_vfs_count(FAULT_WRITE, FAULT_WAL);
}

/* Marker and id counter share a page, also with every slot taken: who draws ids pays nothing for
   the marker. */
START_TEST(marker_costs_no_page_of_its_own) {
  shop__db_close(open_store());
  fill_slots();
  shop__db_t *db = open_store();
  put_one(db, 1);
  ck_assert_int_eq(pages_written(db, false), pages_written(db, true));
  ck_assert_int_eq(by_hand(path_of("shop.db"), "SELECT count(*) FROM dbstat WHERE name = 'seam'"),
                   1);
  shop__db_close(db);
}
END_TEST

Suite *marker_suite(void) {
  Suite *suite = suite_create("marker");
  TCase *tcase = tcase_create("marker");
  tcase_add_checked_fixture(tcase, set_up, tear_down);
  tcase_set_timeout(tcase, 60);
  tcase_add_test(tcase, slot_is_taken_and_given_back);
  tcase_add_test(tcase, abandoned_slot_is_taken_over);
  tcase_add_test(tcase, stolen_slot_is_noticed);
  tcase_add_test(tcase, stolen_slot_makes_a_doubt_unknown);
  tcase_add_test(tcase, doubt_in_the_first_commit);
  tcase_add_test(tcase, marker_costs_no_page_of_its_own);
  suite_add_tcase(suite, tcase);
  return suite;
}
