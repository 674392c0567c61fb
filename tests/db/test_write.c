/*
 * Group commit, where nothing goes wrong below it: who leads, who is in, in
 * what order, who may leave, and how often the disk is asked to sync.
 */
#include "test_db.h"

#include <string.h>

static long syncs(void) {
  return fault_vfs_count(FAULT_SYNC, FAULT_WAL);
}

/* Stands between the seam and its engine, on the thread that leads. */
static struct shop__engine spy;
static int savepoints;
static void (*spy_hook)(void);

static int32_t spy_savepoint(struct shop__conn *conn) {
  savepoints++;
  return shop__engine_sqlite.savepoint(conn);
}

static int32_t spy_version(struct shop__conn *conn, int64_t *version) {
  spy_hook();
  return shop__engine_sqlite.version(conn, version);
}

static int32_t spy_rollback(struct shop__conn *conn) {
  int32_t status = shop__engine_sqlite.rollback(conn);
  spy_hook();
  return status;
}

static struct shop__engine *spy_on(void) {
  spy = shop__engine_sqlite;
  savepoints = 0;
  store->writer->engine = &spy;
  return &spy;
}

/* Functions that wait together are committed by one sync, each once, in the order of their coming,
   each in a savepoint of its own. */
START_TEST(one_sync_for_many) {
  struct member members[20];
  struct note who[20];
  members_of(members, who, 20);
  spy_on()->savepoint = spy_savepoint;
  squad_run(store, members, 20);
  ck_assert_int_eq(syncs(), 1);
  ck_assert_int_eq(savepoints, 20);
  for (int i = 0; i < 20; i++) {
    ck_assert_int_eq(members[i].status, SHOP_OK);
    ck_assert_int_eq(members[i].err.code, SHOP_OK);
    ck_assert_int_eq(who[i].runs, 1);
    ck_assert(i == 0 || who[i].order > who[i - 1].order);
    ck_assert_int_eq(notes_of(store, i + 1), 1);
  }
}
END_TEST

/* Who is alone needs no savepoint, and a failure of its own takes back the whole transaction. */
START_TEST(alone_without_savepoint) {
  spy_on()->savepoint = spy_savepoint;
  put_one(store, 1);
  struct note note = {.who = 2, .give = SHOP_ERR_VERSION};
  struct shop_error err;
  ck_assert_int_eq(shop__db_write(store, put_note, &note, NULL, &err), SHOP_ERR_VERSION);
  ck_assert_str_eq(err.message, "note 2 says no");
  ck_assert_int_eq(note.runs, 1);
  ck_assert_int_eq(savepoints, 0);
  ck_assert_int_eq(notes_of(store, 1), 1);
  ck_assert_int_eq(notes_of(store, 2), 0);
}
END_TEST

/* A function that fails is undone alone: its neighbours' writes stay, its words come back to it. */
START_TEST(failure_is_undone_alone) {
  struct member members[5];
  struct note who[5];
  members_of(members, who, 5);
  who[0].give = SHOP_ERR_CART_FULL; /* the leader's too */
  who[2].give = SHOP_ERR_NOT_FOUND;
  who[4].give = 7; /* not negative: kept, and given back as it is */
  squad_run(store, members, 5);
  static const int32_t status[] = {SHOP_ERR_CART_FULL, SHOP_OK, SHOP_ERR_NOT_FOUND, SHOP_OK, 7};
  for (int i = 0; i < 5; i++) {
    ck_assert_int_eq(members[i].status, status[i]);
    ck_assert_int_eq(members[i].err.code, status[i] < 0 ? status[i] : SHOP_OK);
    ck_assert_int_eq(notes_of(store, i + 1), status[i] >= 0);
    ck_assert_int_eq(who[i].runs, 1);
  }
  ck_assert_str_eq(members[0].err.message, "note 1 says no");
  ck_assert_str_eq(members[2].err.message, "note 3 says no");
  ck_assert_str_eq(members[3].err.message, "");
  ck_assert_int_eq(syncs(), 1);
}
END_TEST

/* A batch in which nothing was written, or everything undone, costs no write and no sync. */
START_TEST(nothing_to_keep_costs_nothing) {
  struct member members[4];
  struct note who[4];
  int64_t count = -1;
  members_of(members, who, 4);
  who[0].give = SHOP_ERR_CART_FULL;
  who[1].give = SHOP_ERR_CART_FULL;
  members[2] = (struct member){.fn = count_notes, .ctx = &count, .status = 1};
  who[3].give = SHOP_ERR_CART_FULL;
  squad_run(store, members, 2);
  ck_assert_int_eq(members[0].status, SHOP_ERR_CART_FULL);
  ck_assert_int_eq(members[1].status, SHOP_ERR_CART_FULL);
  squad_run(store, members + 2, 1);
  ck_assert_int_eq(members[2].status, SHOP_OK);
  ck_assert_int_eq(count, 1);
  ck_assert_int_eq(syncs(), 0);
  ck_assert_int_eq(fault_vfs_count(FAULT_WRITE, FAULT_WAL), 0);
  ck_assert_int_eq(shop__db_write(store, put_note, &who[3], NULL, NULL), SHOP_ERR_CART_FULL);
  ck_assert_int_eq(fault_vfs_count(FAULT_WRITE, FAULT_WAL), 0);
  ck_assert_int_eq(notes(store), 1);
}
END_TEST

/* A commit carries 64 functions at most. */
START_TEST(batch_is_bounded_by_count) {
  struct member members[100];
  struct note who[100];
  members_of(members, who, 100);
  squad_run(store, members, 100);
  ck_assert_int_eq(syncs(), 2);
  ck_assert_int_eq(notes(store), 101);
}
END_TEST

/* A batch takes in no more once its time is over, but never less than one. */
START_TEST(batch_is_bounded_by_time) {
  struct member members[6];
  struct note who[6];
  members_of(members, who, 6);
  store->batch_us = 0;
  squad_run(store, members, 6);
  ck_assert_int_eq(syncs(), 6);
  ck_assert_int_eq(notes(store), 7);
}
END_TEST

/* The queue is looked at once the lock is there: who came while it was waited for is in. */
START_TEST(latecomers_are_in) {
  struct member members[6];
  struct note who[6];
  members_of(members, who, 6);
  sqlite3 *other = open_by_hand(path_of("shop.db"));
  ask(other, "BEGIN IMMEDIATE");
  for (int i = 0; i < 6; i++) {
    member_start(&members[i], store);
  }
  ck_assert_int_eq(queued(store), 6);
  ask(other, "ROLLBACK");
  sqlite3_close(other);
  for (int i = 0; i < 6; i++) {
    member_join(&members[i]);
    ck_assert_int_eq(members[i].status, SHOP_OK);
  }
  ck_assert_int_eq(syncs(), 1);
  ck_assert_int_eq(notes(store), 7);
}
END_TEST

static sqlite3 *rival;

static void rival_locks(void) {
  spy_hook = NULL;
  spy.rollback = shop__engine_sqlite.rollback;
  ask(rival, "BEGIN IMMEDIATE");
}

/* Another process holds the lock for longer than the limit: BUSY for all who were there when the
   waiting began; who came later is not refused for it. */
START_TEST(busy_is_for_all_who_waited) {
  struct member members[5];
  struct note who[5];
  members_of(members, who, 5);
  store->busy_us = 200000;
  rival = open_by_hand(path_of("shop.db"));
  spy_hook = rival_locks;
  spy_on()->rollback = spy_rollback;
  struct plug plug;
  plug_in(&plug, store);
  for (int i = 0; i < 4; i++) {
    member_start(&members[i], store);
  }
  plug_out(&plug); /* its rollback gives the lock to the rival before anyone leads */
  long asked = fault_vfs_count(FAULT_SHM_LOCK, FAULT_MAIN);
  WAIT_FOR(fault_vfs_count(FAULT_SHM_LOCK, FAULT_MAIN) > asked + 2);
  member_start(&members[4], store);
  for (int i = 0; i < 4; i++) {
    member_join(&members[i]);
    ck_assert_int_eq(members[i].status, SHOP_ERR_BUSY);
    ck_assert_int_eq(members[i].err.code, SHOP_ERR_BUSY);
    ck_assert_ptr_nonnull(strstr(members[i].err.message, "try again"));
    ck_assert_int_eq(who[i].runs, 0);
  }
  ask(rival, "ROLLBACK");
  member_join(&members[4]);
  ck_assert_int_eq(members[4].status, SHOP_OK);
  ck_assert_int_eq(notes(store), 2);
  sqlite3_close(rival);
}
END_TEST

/* The same for one who is alone; then the store works on. */
START_TEST(busy_alone) {
  struct note note = {.who = 1};
  struct shop_error err;
  store->busy_us = 20000;
  sqlite3 *other = open_by_hand(path_of("shop.db"));
  ask(other, "BEGIN IMMEDIATE");
  ck_assert_int_eq(shop__db_write(store, put_note, &note, NULL, &err), SHOP_ERR_BUSY);
  ck_assert_int_eq(note.runs, 0);
  store->busy_us = 0;
  ck_assert_int_eq(shop__db_write(store, put_note, &note, NULL, &err), SHOP_ERR_BUSY);
  ask(other, "ROLLBACK");
  ck_assert_int_eq(shop__db_write(store, put_note, &note, NULL, &err), SHOP_OK);
  sqlite3_close(other);
}
END_TEST

/* ---- deadlines ------------------------------------------------------------- */

/* Who waits in the queue leaves at its deadline; its function never runs, the others' do. */
START_TEST(waiter_leaves_at_its_deadline) {
  struct member members[3];
  struct note who[3];
  members_of(members, who, 3);
  members[1].rule.deadline_ms = 20;
  members[2].rule.deadline_ms = 60000;
  struct plug plug;
  plug_in(&plug, store);
  for (int i = 0; i < 3; i++) {
    member_start(&members[i], store);
  }
  member_join(&members[1]); /* comes back although the leader does not */
  ck_assert_int_eq(members[1].status, SHOP_ERR_DEADLINE);
  ck_assert_int_eq(members[1].err.code, SHOP_ERR_DEADLINE);
  ck_assert_int_eq(queued(store), 2);
  plug_out(&plug);
  member_join(&members[0]);
  member_join(&members[2]);
  ck_assert_int_eq(members[0].status, SHOP_OK);
  ck_assert_int_eq(members[2].status, SHOP_OK);
  ck_assert_int_eq(who[1].runs, 0);
  ck_assert_int_eq(notes(store), 3);
}
END_TEST

/* The leader's deadline counts while it waits for the lock; then the next one leads, and nobody
   else is refused for the leader's hurry. */
START_TEST(leader_leaves_at_its_deadline) {
  struct member members[3];
  struct note who[3];
  members_of(members, who, 3);
  members[0].rule.deadline_ms = 200;
  store->busy_us = 600000000;
  rival = open_by_hand(path_of("shop.db"));
  spy_hook = rival_locks;
  spy_on()->rollback = spy_rollback;
  struct plug plug;
  plug_in(&plug, store);
  for (int i = 0; i < 3; i++) {
    member_start(&members[i], store);
  }
  plug_out(&plug);
  member_join(&members[0]);
  ck_assert_int_eq(members[0].status, SHOP_ERR_DEADLINE);
  ck_assert_int_eq(who[0].runs, 0);
  ask(rival, "ROLLBACK");
  member_join(&members[1]);
  member_join(&members[2]);
  ck_assert_int_eq(members[1].status, SHOP_OK);
  ck_assert_int_eq(members[2].status, SHOP_OK);
  ck_assert_int_eq(notes(store), 3);
  sqlite3_close(rival);
}
END_TEST

static int32_t outlast(shop__tx_t *tx, void *ctx) {
  int64_t until = shop__clock_monotonic_us() + 30000;
  WAIT_FOR(shop__clock_monotonic_us() > until);
  return put_note(tx, ctx);
}

/* Who has been started is not late any more. */
START_TEST(started_one_does_not_leave) {
  struct member members[2];
  struct note who[2];
  members_of(members, who, 2);
  for (int i = 0; i < 2; i++) {
    members[i].fn = outlast;
  }
  struct shop__db_write_rule rule = {.deadline_ms = 20};
  ck_assert_int_eq(shop__db_write(store, outlast, &who[0], &rule, NULL), SHOP_OK);
  ck_assert_int_eq(notes_of(store, 1), 1);
  rule.deadline_ms = INT64_MAX; /* does not overflow into the past */
  ck_assert_int_eq(shop__db_write(store, put_note, &who[1], &rule, NULL), SHOP_OK);
}
END_TEST

static atomic_int version_asked;

static void dawdle(void) {
  if (atomic_fetch_add(&version_asked, 1) == 1) { /* the leader after the plug */
    int64_t until = shop__clock_monotonic_us() + 40000;
    WAIT_FOR(shop__clock_monotonic_us() > until);
  }
}

/* A leader whose deadline passes after it got the lock, and before its function began, is late all
   the same; those behind it are served. */
START_TEST(late_leader_still_leads) {
  struct member members[2];
  struct note who[2];
  members_of(members, who, 2);
  atomic_init(&version_asked, 0);
  spy_hook = dawdle;
  spy_on()->version = spy_version;
  members[0].rule.deadline_ms = 30;
  struct plug plug;
  plug_in(&plug, store);
  plug_out(&plug);
  member_start(&members[0], store);
  member_start(&members[1], store);
  member_join(&members[0]);
  member_join(&members[1]);
  ck_assert_int_eq(members[0].status, SHOP_ERR_DEADLINE);
  ck_assert_int_eq(members[0].err.code, SHOP_ERR_DEADLINE);
  ck_assert_int_eq(who[0].runs, 0);
  ck_assert_int_eq(members[1].status, SHOP_OK);
  ck_assert_int_eq(notes(store), 2);
}
END_TEST

/* ---- syncs ----------------------------------------------------------------- */

static void reopen_normal(void) {
  shop__db_close(store);
  struct shop__db_settings settings = test_settings();
  settings.sync = SHOP__SYNC_NORMAL;
  store = open_with(&settings);
  store->batch_us = LONG_US;
  put_one(store, 0);
  fault_vfs_reset();
}

/* With NORMAL a commit is not synced, and one that holds a payment is. */
START_TEST(payment_is_synced) {
  reopen_normal();
  struct note note = {.who = 1};
  struct shop__db_write_rule payment = {.payment = true};
  ck_assert_int_eq(shop__db_write(store, put_note, &note, NULL, NULL), SHOP_OK);
  ck_assert_int_eq(syncs(), 0);
  ck_assert_int_eq(shop__db_write(store, put_note, &note, &payment, NULL), SHOP_OK);
  ck_assert_int_eq(syncs(), 1);
  ck_assert_int_eq(shop__db_write(store, put_note, &note, NULL, NULL), SHOP_OK);
  ck_assert_int_eq(syncs(), 1);
  struct member members[4];
  struct note who[4];
  members_of(members, who, 4);
  squad_run(store, members, 4);
  ck_assert_int_eq(syncs(), 1);
  members_of(members, who, 4);
  members[2].rule.payment = true;
  squad_run(store, members, 4);
  ck_assert_int_eq(syncs(), 2); /* all four in the batch of the payment */
  for (int i = 0; i < 4; i++) {
    ck_assert_int_eq(members[i].status, SHOP_OK);
  }
}
END_TEST

/* A payment that comes after an unsynced batch was begun waits for the next one, and those behind
   it do not pass it. */
START_TEST(late_payment_waits_for_a_sync) {
  reopen_normal();
  struct member members[4];
  struct note who[4];
  members_of(members, who, 4);
  members[2].rule.payment = true;
  sqlite3 *other = open_by_hand(path_of("shop.db"));
  ask(other, "BEGIN IMMEDIATE");
  int before = queued(store);
  ck_assert_int_eq(before, 0);
  member_start(&members[0], store);
  /* The leader has decided when it asks the engine for the lock. */
  long asked = fault_vfs_count(FAULT_SHM_LOCK, FAULT_MAIN);
  WAIT_FOR(fault_vfs_count(FAULT_SHM_LOCK, FAULT_MAIN) > asked + 2);
  for (int i = 1; i < 4; i++) {
    member_start(&members[i], store);
  }
  ask(other, "ROLLBACK");
  sqlite3_close(other);
  for (int i = 0; i < 4; i++) {
    member_join(&members[i]);
    ck_assert_int_eq(members[i].status, SHOP_OK);
    ck_assert(i == 0 || who[i].order > who[i - 1].order);
  }
  ck_assert_int_eq(syncs(), 1);
  /* The first two were in a commit without a sync: the payment's commit is another. */
  ck_assert_int_eq(notes(store), 6);
}
END_TEST

/* ---- threads --------------------------------------------------------------- */

struct chain {
  struct member *first;
  struct note note;
};

static int32_t after_the_first(shop__tx_t *tx, void *ctx) {
  struct chain *chain = ctx;
  WAIT_FOR(atomic_load(&chain->first->returned));
  return put_note(tx, &chain->note);
}

/* A leader leads one batch and goes home: it does not serve those who come after. */
START_TEST(leader_hands_over) {
  struct member members[2];
  struct note who[2];
  members_of(members, who, 2);
  struct chain chain = {.first = &members[0], .note = {.who = 2}};
  members[1].fn = after_the_first;
  members[1].ctx = &chain;
  store->batch_us = 0; /* each its own batch */
  squad_run(store, members, 2);
  ck_assert_int_eq(members[0].status, SHOP_OK);
  ck_assert_int_eq(members[1].status, SHOP_OK);
  ck_assert_int_eq(notes(store), 3);
}
END_TEST

static void *cancelled_thread(void *arg) {
  struct member *member = arg;
  member->status = shop__db_write(member->db, member->fn, member->ctx, NULL, &member->err);
  atomic_store(&member->returned, true);
  for (;;) {
    pthread_testcancel(); /* the request takes effect after the call */
  }
  return NULL;
}

/* A thread that is cancelled in the queue stays to the end of its call, with the answer; only then
   it goes. */
START_TEST(cancelled_thread_stays_to_the_end) {
  struct note note = {.who = 5};
  struct member member = {.fn = put_note, .ctx = &note, .status = 1, .db = store};
  atomic_init(&member.returned, false);
  struct plug plug;
  plug_in(&plug, store);
  ck_assert_int_eq(pthread_create(&member.thread, NULL, cancelled_thread, &member), 0);
  WAIT_FOR(queued(store) == 1);
  ck_assert_int_eq(pthread_cancel(member.thread), 0);
  plug_out(&plug);
  void *result = NULL;
  pthread_join(member.thread, &result);
  ck_assert_ptr_eq(result, PTHREAD_CANCELED);
  ck_assert(atomic_load(&member.returned));
  ck_assert_int_eq(member.status, SHOP_OK);
  ck_assert_int_eq(notes_of(store, 5), 1);
}
END_TEST

#define STORM_THREADS 8
#define STORM_WRITES 200

struct storm {
  shop__db_t *db;
  int64_t who;
  pthread_t thread;
  int64_t kept;
};

static void *storm_thread(void *arg) {
  struct storm *storm = arg;
  for (int i = 0; i < STORM_WRITES; i++) {
    struct note note = {.who = storm->who, .draw = i % 2 == 0};
    struct shop__db_write_rule rule = {.payment = i % 5 == 0,
                                       .deadline_ms = i % 3 == 0 ? 60000 : 0};
    note.give = i % 7 == 0 ? SHOP_ERR_NOT_FOUND : SHOP_OK;
    int32_t status = shop__db_write(storm->db, put_note, &note, &rule, NULL);
    if (status != note.give || note.runs != 1) {
      storm->kept = -1000000;
    }
    storm->kept += status == SHOP_OK;
  }
  return NULL;
}

/* Many threads at once: every write applied exactly once, refusals not at all. How many share a sync
   depends on how slow the disk is: one_sync_for_many counts that where it is certain. */
START_TEST(storm_of_threads) {
  struct storm storm[STORM_THREADS];
  store->batch_us = 2000;
  fault_vfs_skip_syncs(false); /* while the disk works, others come */
  for (int i = 0; i < STORM_THREADS; i++) {
    storm[i] = (struct storm){.db = store, .who = i + 100};
    ck_assert_int_eq(pthread_create(&storm[i].thread, NULL, storm_thread, &storm[i]), 0);
  }
  for (int i = 0; i < STORM_THREADS; i++) {
    pthread_join(storm[i].thread, NULL);
    ck_assert_int_ge(storm[i].kept, STORM_WRITES * 6 / 7 - 1);
    ck_assert_int_eq(notes_of(store, i + 100), storm[i].kept);
  }
  fault_vfs_skip_syncs(true);
}
END_TEST

Suite *write_suite(void) {
  Suite *suite = suite_create("write");
  TCase *tcase = tcase_create("write");
  tcase_add_checked_fixture(tcase, set_up_store, tear_down_store);
  tcase_set_timeout(tcase, 120);
  tcase_add_test(tcase, one_sync_for_many);
  tcase_add_test(tcase, alone_without_savepoint);
  tcase_add_test(tcase, failure_is_undone_alone);
  tcase_add_test(tcase, nothing_to_keep_costs_nothing);
  tcase_add_test(tcase, batch_is_bounded_by_count);
  tcase_add_test(tcase, batch_is_bounded_by_time);
  tcase_add_test(tcase, latecomers_are_in);
  tcase_add_test(tcase, busy_is_for_all_who_waited);
  tcase_add_test(tcase, busy_alone);
  tcase_add_test(tcase, waiter_leaves_at_its_deadline);
  tcase_add_test(tcase, leader_leaves_at_its_deadline);
  tcase_add_test(tcase, started_one_does_not_leave);
  tcase_add_test(tcase, late_leader_still_leads);
  tcase_add_test(tcase, payment_is_synced);
  tcase_add_test(tcase, late_payment_waits_for_a_sync);
  tcase_add_test(tcase, leader_hands_over);
  tcase_add_test(tcase, cancelled_thread_stays_to_the_end);
  tcase_add_test(tcase, storm_of_threads);
  suite_add_tcase(suite, tcase);
  return suite;
}
