/*
 * Statements: binding by name, columns, the failure that sticks, and that
 * nothing of a function's statements outlives it.
 */
#include "test_db.h"

#include <stdio.h>
#include <string.h>

static shop__db_t *db;

static void open_up(void) {
  set_up();
  db = open_store();
}

static void close_down(void) {
  shop__db_close(db);
  tear_down();
}

static void write_with(shop__db_fn fn, void *ctx, int32_t status) {
  struct shop_error err;
  int32_t answer = shop__db_write(db, fn, ctx, NULL, &err);
  ck_assert_msg(answer == status, "%d instead of %d: %s", answer, status, err.message);
  ck_assert_int_eq(err.code, status);
}

static int32_t swap_order(shop__tx_t *tx, void *ctx) {
  (void)ctx;
  shop__query_t *q =
      shop__query(tx, "INSERT INTO item (name, pieces, id) VALUES ($2, $3, $1) RETURNING id, name");
  shop__query_int(q, 1, 7);
  shop__query_text(q, 2, "seven");
  shop__query_int(q, 3, 70);
  ck_assert_int_eq(shop__query_step(q), SHOP__ROW);
  ck_assert_int_eq(shop__query_get_int(q, 0), 7);
  ck_assert_str_eq(shop__query_get_text(q, 1), "seven");
  ck_assert_int_eq(shop__query_step(q), SHOP_OK);
  q = shop__query(tx, "SELECT pieces, $1, $10, $1 FROM item WHERE id = $2");
  shop__query_int(q, 10, 1000);
  shop__query_int(q, 2, 7);
  shop__query_int(q, 1, 5);
  ck_assert_int_eq(shop__query_step(q), SHOP__ROW);
  ck_assert_int_eq(shop__query_get_int(q, 0), 70);
  ck_assert_int_eq(shop__query_get_int(q, 1), 5);
  ck_assert_int_eq(shop__query_get_int(q, 2), 1000);
  ck_assert_int_eq(shop__query_get_int(q, 3), 5);
  return SHOP_OK;
}

/* $n means n, also where $2 stands before $1 (SQLite alone would number them by appearance). */
START_TEST(values_are_bound_by_name) {
  write_with(swap_order, NULL, SHOP_OK);
}
END_TEST

static int32_t store_values(shop__tx_t *tx, void *ctx) {
  static const char sql[] = "SELECT $1, $2, $3, $4, $5, typeof($2), typeof($4)";
  size_t size = 99;
  (void)ctx;
  shop__query_t *q = shop__query(tx, sql);
  shop__query_int(q, 1, INT64_MIN);
  shop__query_text(q, 2, "");
  shop__query_blob(q, 3, "a\0b", 3);
  shop__query_blob(q, 4, "", 0);
  ck_assert_int_eq(shop__query_step(q), SHOP__ROW);
  ck_assert_int_eq(shop__query_get_int(q, 0), INT64_MIN);
  ck_assert_str_eq(shop__query_get_text(q, 1), "");
  ck_assert_mem_eq(shop__query_get_blob(q, 2, &size), "a\0b", 3);
  ck_assert_uint_eq(size, 3);
  ck_assert_ptr_nonnull(shop__query_get_blob(q, 3, &size));
  ck_assert_uint_eq(size, 0);
  ck_assert(!shop__query_is_null(q, 3));
  ck_assert(shop__query_is_null(q, 4));
  ck_assert_ptr_null(shop__query_get_text(q, 4));
  size = 99;
  ck_assert_ptr_null(shop__query_get_blob(q, 4, &size));
  ck_assert_uint_eq(size, 0);
  ck_assert_int_eq(shop__query_get_int(q, 4), 0);
  ck_assert_str_eq(shop__query_get_text(q, 5), "text");
  ck_assert_str_eq(shop__query_get_text(q, 6), "blob");
  shop__query_reset(q);
  shop__query_reset(q);
  ck_assert_ptr_null(shop__query_get_text(q, 1)); /* no row any more */
  ck_assert(shop__query_is_null(q, 0));

  q = shop__query(tx, sql); /* nothing of the earlier use is left */
  shop__query_text(q, 2, NULL);
  shop__query_blob(q, 3, NULL, 5);
  ck_assert_int_eq(shop__query_step(q), SHOP__ROW);
  for (int32_t i = 0; i < 5; i++) {
    ck_assert(shop__query_is_null(q, i));
  }
  return SHOP_OK;
}

/* The four kinds of value come back as they went in; unbound and NULL are null, empty is not. */
START_TEST(values_keep_their_kind) {
  write_with(store_values, NULL, SHOP_OK);
}
END_TEST

static int32_t insert_item(shop__tx_t *tx, int64_t id, const char *name, int64_t pieces) {
  shop__query_t *q = shop__query(tx, "INSERT INTO item (id, name, pieces) VALUES ($1, $2, $3)");
  shop__query_int(q, 1, id);
  shop__query_text(q, 2, name);
  shop__query_int(q, 3, pieces);
  return shop__query_run(q, NULL);
}

static int32_t meet_conflicts(shop__tx_t *tx, void *ctx) {
  (void)ctx;
  ck_assert_int_eq(insert_item(tx, 1, "secret-name", 1), SHOP_OK);
  ck_assert_int_eq(insert_item(tx, 2, "secret-name", 1), SHOP__CONFLICT);
  ck_assert_ptr_null(strstr(shop__tx_error(tx)->message, "secret"));
  ck_assert_int_eq(insert_item(tx, 1, "other", 1), SHOP__CONFLICT);
  ck_assert_int_eq(insert_item(tx, 3, "third", -1), SHOP__CONFLICT);
  shop__query_t *q = shop__query(tx, "UPDATE item SET owner = 99 WHERE id = 1");
  ck_assert_int_eq(shop__query_run(q, NULL), SHOP__CONFLICT);
  return insert_item(tx, 4, "fourth", 1);
}

/* A rule that refuses a change gives CONFLICT, tells no value, and leaves the transaction usable.
 */
START_TEST(broken_rule_is_a_conflict) {
  write_with(meet_conflicts, NULL, SHOP_OK);
  ck_assert_int_eq(by_hand(path_of("shop.db"), "SELECT sum(id) FROM item"), 5);
}
END_TEST

static int32_t stick(shop__tx_t *tx, void *ctx) {
  int64_t changes = 9;
  static const char sql[] = "INSERT INTO item (id, name, pieces) VALUES ($1, 'b', 1)";
  (void)ctx;
  ck_assert_int_eq(insert_item(tx, 1, "a", 1), SHOP_OK);
  shop__query_t *q = shop__query(tx, sql);
  shop__query_int(q, 1, 1);
  ck_assert_int_eq(shop__query_step(q), SHOP__CONFLICT);
  shop__query_int(q, 1, 2); /* too late: the failure sticks */
  ck_assert_int_eq(shop__query_step(q), SHOP__CONFLICT);
  ck_assert_int_eq(shop__query_run(q, &changes), SHOP__CONFLICT);
  ck_assert_int_eq(changes, 0);
  q = shop__query(tx, sql);
  shop__query_int(q, 1, 2);
  ck_assert_int_eq(shop__query_run(q, &changes), SHOP_OK);
  ck_assert_int_eq(changes, 1);
  return SHOP_OK;
}

/* A failed query does nothing until its text is asked for again. */
START_TEST(failure_sticks_to_the_query) {
  write_with(stick, NULL, SHOP_OK);
}
END_TEST

struct broken {
  const char *sql;
  int32_t n;
  int32_t status;
};

static int32_t use_broken(shop__tx_t *tx, void *ctx) {
  const struct broken *broken = ctx;
  ck_assert_int_eq(insert_item(tx, 50, "kept?", 1), SHOP_OK);
  shop__query_t *q = shop__query(tx, broken->sql);
  ck_assert_ptr_nonnull(q);
  shop__query_int(q, broken->n, 1);
  ck_assert_int_eq(shop__query_step(q), broken->status);
  ck_assert_int_eq(shop__query_get_int(q, 0), 0);
  ck_assert_ptr_null(shop__query_get_text(q, 0));
  ck_assert_int_eq(insert_item(tx, 51, "kept", 1), broken->status);
  shop__error_set(shop__tx_error(tx), SHOP_ERR_NOT_FOUND, "all is well");
  return SHOP_OK;
}

/* A failure of the store that a function overlooks is its answer all the same, and nothing it wrote
   before or after is kept. */
START_TEST(overlooked_failure_is_not_committed) {
  static const struct broken cases[] = {
      {"SELECT * FROM nowhere WHERE id = $1", 1, SHOP_ERR_CORRUPT},
      {"SELECT $2", 1, SHOP_ERR_CORRUPT},
      {"SELECT $1", 0, SHOP_ERR_CORRUPT},
      {"SELECT $1", 65, SHOP_ERR_CORRUPT},
      {"SELECT $1, $2", -1, SHOP_ERR_CORRUPT},
      {"SELECT ?", 1, SHOP_ERR_CORRUPT},
      {"SELECT :one", 1, SHOP_ERR_CORRUPT},
      {"SELECT $65", 65, SHOP_ERR_CORRUPT},
      {"SELECT $1x", 1, SHOP_ERR_CORRUPT},
      {"SELECT zeroblob(20000000), $1", 1, SHOP_ERR_TOO_LONG},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    struct broken broken = cases[i];
    struct shop_error err;
    ck_assert_int_eq(shop__db_write(db, use_broken, &broken, NULL, &err), broken.status);
    ck_assert_int_eq(err.code, broken.status);
    ck_assert_str_ne(err.message, "all is well");
    ck_assert_int_eq(by_hand(path_of("shop.db"), "SELECT count(*) FROM item"), 0);
  }
}
END_TEST

static int32_t ask_again(shop__tx_t *tx, void *ctx) {
  static const char sql[] = "SELECT who FROM note WHERE who >= $1 ORDER BY who";
  (void)ctx;
  for (int i = 0; i < 3; i++) {
    shop__query_t *q = shop__query(tx, sql);
    ck_assert(shop__query_is_null(q, 0)); /* the earlier row is given up */
    shop__query_int(q, 1, i);
    ck_assert_int_eq(shop__query_step(q), SHOP__ROW);
    ck_assert_int_eq(shop__query_get_int(q, 0), i == 0 ? 1 : i);
  }
  return SHOP_OK;
}

/* Asking again for a text that stands on a row begins anew, with nothing bound. */
START_TEST(text_may_be_asked_for_again) {
  put_one(db, 1);
  put_one(db, 2);
  write_with(ask_again, NULL, SHOP_OK);
}
END_TEST

static int32_t leave_half_way(shop__tx_t *tx, void *ctx) {
  (void)ctx;
  shop__query_t *q = shop__query(tx, "SELECT who FROM note ORDER BY who");
  ck_assert_int_eq(shop__query_step(q), SHOP__ROW);
  q = shop__query(tx, "INSERT INTO note (who) VALUES (5), (6) RETURNING who");
  ck_assert_int_eq(shop__query_step(q), SHOP__ROW);
  return SHOP_OK;
}

/* A function may leave its statements half way: they are reset after it, in reads as in writes. */
START_TEST(statements_are_reset_after_the_function) {
  put_one(db, 1);
  put_one(db, 2);
  for (int i = 0; i < 3; i++) {
    write_with(leave_half_way, NULL, SHOP_OK);
  }
  ck_assert_int_eq(notes(db), 8);
  ck_assert_int_eq(by_hand(path_of("shop.db"), "SELECT count(*) FROM note"), 8);
  ck_assert_ptr_null(db->writer->touched);
}
END_TEST

static int32_t count_changes(shop__tx_t *tx, void *ctx) {
  int64_t changes = -1;
  (void)ctx;
  shop__query_t *q = shop__query(tx, "INSERT INTO note (who) VALUES (1), (1), (2) RETURNING seq");
  ck_assert_int_eq(shop__query_run(q, &changes), SHOP_OK);
  ck_assert_int_eq(changes, 3);
  q = shop__query(tx, "SELECT who FROM note");
  ck_assert_int_eq(shop__query_run(q, &changes), SHOP_OK);
  ck_assert_int_eq(changes, 0);
  q = shop__query(tx, "UPDATE note SET who = 3 WHERE who = $1");
  shop__query_int(q, 1, 1);
  ck_assert_int_eq(shop__query_run(q, &changes), SHOP_OK);
  ck_assert_int_eq(changes, 2);
  shop__query_int(q, 1, 1); /* a query may be run again after its reset */
  ck_assert_int_eq(shop__query_run(q, &changes), SHOP_OK);
  ck_assert_int_eq(changes, 0);
  q = shop__query(tx,
                  "INSERT INTO item (id, name, pieces) VALUES (1, 'a', 1)"
                  " ON CONFLICT (id) DO NOTHING");
  ck_assert_int_eq(shop__query_run(q, &changes), SHOP_OK);
  ck_assert_int_eq(changes, 1);
  ck_assert_int_eq(shop__query_run(q, &changes), SHOP_OK);
  ck_assert_int_eq(changes, 0);
  q = shop__query(tx, "DELETE FROM note");
  ck_assert_int_eq(shop__query_run(q, &changes), SHOP_OK);
  ck_assert_int_eq(changes, 3);
  return SHOP_OK;
}

/* `changes` counts what the statement touched, and nothing of an earlier one. */
START_TEST(changes_are_counted) {
  write_with(count_changes, NULL, SHOP_OK);
}
END_TEST

#define TEXTS 300
static char texts[TEXTS][24];

static int32_t use_many(shop__tx_t *tx, void *ctx) {
  (void)ctx;
  for (int i = 0; i < TEXTS; i++) {
    shop__query_t *q = shop__query(tx, texts[i]);
    ck_assert_int_eq(shop__query_step(q), SHOP__ROW);
    ck_assert_int_eq(shop__query_get_int(q, 0), i);
  }
  return SHOP_OK;
}

/* Each text is prepared once per connection and found again, however many there are. */
START_TEST(statements_are_kept) {
  for (int i = 0; i < TEXTS; i++) {
    snprintf(texts[i], sizeof texts[i], "SELECT %d", i);
  }
  write_with(use_many, NULL, SHOP_OK);
  uint32_t count = db->writer->query_count;
  ck_assert_uint_ge(count, TEXTS);
  ck_assert_uint_lt(count, db->writer->slot_count);
  memset(texts, ' ', sizeof texts); /* whoever prepared again would find no statement */
  write_with(use_many, NULL, SHOP_OK);
  ck_assert_uint_eq(db->writer->query_count, count);
}
END_TEST

static void say(void *user, const char *text) {
  ck_assert_uint_gt(strlen(text), 3);
  ++*(int *)user;
}

static int32_t check(shop__tx_t *tx, void *ctx) {
  return shop__tx_check_file(tx, say, ctx);
}

/* The check of the file is silent about a good one, and tells an index that misses a row, a rule
   that a row breaks, and a reference to nowhere. */
START_TEST(file_is_checked) {
  int complaints = 0;
  put_one(db, 1);
  stock(db, 5);
  ck_assert_int_eq(shop__db_read(db, check, &complaints, NULL), SHOP_OK);
  ck_assert_int_eq(complaints, 0);
  write_with(check, &complaints, SHOP_OK);
  ck_assert_int_eq(complaints, 0);
  shop__db_close(db);
  by_hand(path_of("shop.db"),
          "PRAGMA foreign_keys = OFF; UPDATE item SET owner = 77;"
          "PRAGMA ignore_check_constraints = ON; UPDATE item SET pieces = -5;"
          "PRAGMA writable_schema = ON; UPDATE sqlite_schema SET sql ="
          " 'CREATE INDEX note_who ON note (who + 1)' WHERE name = 'note_who'");
  db = open_store();
  ck_assert_int_eq(shop__db_read(db, check, &complaints, NULL), SHOP_OK);
  ck_assert_int_ge(complaints, 3);
}
END_TEST

Suite *query_suite(void) {
  Suite *suite = suite_create("query");
  TCase *tcase = tcase_create("query");
  tcase_add_checked_fixture(tcase, open_up, close_down);
  tcase_set_timeout(tcase, 60);
  tcase_add_test(tcase, values_are_bound_by_name);
  tcase_add_test(tcase, values_keep_their_kind);
  tcase_add_test(tcase, broken_rule_is_a_conflict);
  tcase_add_test(tcase, failure_sticks_to_the_query);
  tcase_add_test(tcase, overlooked_failure_is_not_committed);
  tcase_add_test(tcase, text_may_be_asked_for_again);
  tcase_add_test(tcase, statements_are_reset_after_the_function);
  tcase_add_test(tcase, changes_are_counted);
  tcase_add_test(tcase, statements_are_kept);
  tcase_add_test(tcase, file_is_checked);
  suite_add_tcase(suite, tcase);
  return suite;
}
