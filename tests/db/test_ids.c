/*
 * Ids: unique, rising in the order of the commits, exact in a double, whatever
 * the clock does.
 */
#include "test_db.h"

#include <string.h>

static atomic_llong fake_ms;

static int64_t fake_now(void *user) {
  (void)user;
  return atomic_load(&fake_ms);
}

static const struct shop__clock fake_clock = {.now_ms = fake_now};

static shop__db_t *open_at(int64_t now_ms) {
  struct shop__db_settings settings = test_settings();
  atomic_store(&fake_ms, now_ms);
  settings.clock = &fake_clock;
  return open_with(&settings);
}

static int64_t draw(shop__db_t *db) {
  struct note note = {.who = 1, .draw = true};
  ck_assert_int_eq(shop__db_write(db, put_note, &note, NULL, NULL), SHOP_OK);
  return note.id;
}

/* An id is the time shifted by 11, or the last one and one more where that is higher: when the
   clock stands, goes back, or is past its end. */
START_TEST(ids_rise_whatever_the_clock_does) {
  int64_t start = 1700000000000;
  shop__db_t *db = open_at(start);
  ck_assert_int_eq(draw(db), start << 11);
  ck_assert_int_eq(draw(db), (start << 11) + 1);
  atomic_store(&fake_ms, start - 86400000);
  ck_assert_int_eq(draw(db), (start << 11) + 2);
  atomic_store(&fake_ms, start + 5);
  ck_assert_int_eq(draw(db), (start + 5) << 11);
  atomic_store(&fake_ms, -7);
  ck_assert_int_eq(draw(db), ((start + 5) << 11) + 1);
  shop__db_close(db);
  db = open_at(0); /* the counter is in the store */
  ck_assert_int_eq(draw(db), ((start + 5) << 11) + 2);
  atomic_store(&fake_ms, INT64_MAX);
  int64_t last = draw(db);
  ck_assert_int_lt(last, (int64_t)1 << 53);
  ck_assert_int_eq(draw(db), last + 1);
  shop__db_close(db);
}
END_TEST

/* The counter does not run over: the last id is followed by a refusal that changes nothing. */
START_TEST(ids_end_with_a_refusal) {
  shop__db_t *db = open_at(0);
  by_hand(path_of("shop.db"), "UPDATE seam SET value = 9007199254740990 WHERE slot = 0");
  ck_assert_int_eq(draw(db), 9007199254740991);
  struct note note = {.who = 2, .draw = true};
  struct shop_error err;
  ck_assert_int_eq(shop__db_write(db, put_note, &note, NULL, &err), SHOP_ERR_OVERFLOW);
  ck_assert_int_eq(err.code, SHOP_ERR_OVERFLOW);
  ck_assert_int_eq(note.id, 0);
  ck_assert_int_eq(notes(db), 1);
  by_hand(path_of("shop.db"), "DELETE FROM seam WHERE slot = 0");
  ck_assert_int_eq(shop__db_write(db, put_note, &note, NULL, &err), SHOP_ERR_CORRUPT);
  ck_assert_int_eq(err.code, SHOP_ERR_CORRUPT);
  by_hand(path_of("shop.db"), "INSERT INTO seam (slot, value) VALUES (0, -5)");
  ck_assert_int_eq(shop__db_write(db, put_note, &note, NULL, &err), SHOP_ERR_CORRUPT);
  shop__db_close(db);
}
END_TEST

struct draws {
  int64_t ids[3];
};

static int32_t draw_three(shop__tx_t *tx, void *ctx) {
  struct draws *draws = ctx;
  int32_t status = SHOP_OK;
  for (int i = 0; status == SHOP_OK && i < 3; i++) {
    status = shop__tx_id(tx, &draws->ids[i]);
  }
  return status;
}

/* An id that was given out is never given out again, though nothing else was written with it. */
START_TEST(id_alone_is_kept) {
  shop__db_t *db = open_at(1000);
  struct draws draws;
  ck_assert_int_eq(shop__db_write(db, draw_three, &draws, NULL, NULL), SHOP_OK);
  ck_assert_int_eq(draws.ids[1], draws.ids[0] + 1);
  ck_assert_int_eq(draws.ids[2], draws.ids[0] + 2);
  shop__db_close(db);
  db = open_at(1000);
  ck_assert_int_eq(draw(db), draws.ids[2] + 1);
  shop__db_close(db);
}
END_TEST

/* In one batch, a refused function between two others takes no id from them. */
START_TEST(ids_of_a_batch_are_unique) {
  struct member members[4];
  struct note who[4];
  shop__db_t *db = open_at(1000);
  db->batch_us = 60000000;
  memset(members, 0, sizeof members);
  memset(who, 0, sizeof who);
  for (int i = 0; i < 4; i++) {
    who[i] = (struct note){.who = i, .draw = true, .give = i == 1 ? SHOP_ERR_NOT_FOUND : SHOP_OK};
    members[i].fn = put_note;
    members[i].ctx = &who[i];
  }
  squad_run(db, members, 4);
  ck_assert_int_lt(who[0].id, who[2].id);
  ck_assert_int_lt(who[2].id, who[3].id);
  ck_assert_int_lt(who[3].id, draw(db));
  shop__db_close(db);
}
END_TEST

struct drawer {
  shop__db_t *db;
  pthread_t thread;
};

static void *drawer_thread(void *arg) {
  struct drawer *drawer = arg;
  for (int i = 0; i < 200; i++) {
    struct note note = {.who = 1, .draw = true, .give = i % 9 == 0 ? SHOP_ERR_NOT_FOUND : SHOP_OK};
    atomic_fetch_add(&fake_ms, i % 3 - 1); /* to and fro */
    if (shop__db_write(drawer->db, put_note, &note, NULL, NULL) != note.give) {
      return arg;
    }
  }
  return NULL;
}

/* Many threads and a nervous clock: the order of the ids is the order of the commits. */
START_TEST(ids_rise_in_commit_order) {
  shop__db_t *db = open_at(1700000000000);
  struct drawer drawers[6];
  for (int i = 0; i < 6; i++) {
    drawers[i].db = db;
    ck_assert_int_eq(pthread_create(&drawers[i].thread, NULL, drawer_thread, &drawers[i]), 0);
  }
  for (int i = 0; i < 6; i++) {
    void *result;
    pthread_join(drawers[i].thread, &result);
    ck_assert_ptr_null(result);
  }
  ck_assert_int_eq(notes(db), 6 * 177);
  ck_assert_int_eq(by_hand(path_of("shop.db"),
                           "SELECT count(*) FROM (SELECT id, lag(id) OVER (ORDER BY seq) AS before"
                           " FROM note) WHERE before >= id"),
                   0);
  shop__db_close(db);
}
END_TEST

Suite *ids_suite(void) {
  Suite *suite = suite_create("ids");
  TCase *tcase = tcase_create("ids");
  tcase_add_checked_fixture(tcase, set_up, tear_down);
  tcase_set_timeout(tcase, 60);
  tcase_add_test(tcase, ids_rise_whatever_the_clock_does);
  tcase_add_test(tcase, ids_end_with_a_refusal);
  tcase_add_test(tcase, id_alone_is_kept);
  tcase_add_test(tcase, ids_of_a_batch_are_unique);
  tcase_add_test(tcase, ids_rise_in_commit_order);
  suite_add_tcase(suite, tcase);
  return suite;
}
