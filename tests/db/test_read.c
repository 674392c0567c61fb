/*
 * Reading: one snapshot, no write, and no waiting for writers; and the glance,
 * which uses the writing connection while nobody else does.
 */
#include "test_db.h"

#include <string.h>
#include <unistd.h>

static int32_t try_to_write(shop__tx_t *tx, void *ctx) {
  struct note *note = ctx;
  return note->draw ? shop__tx_id(tx, &note->id) : put_note(tx, ctx);
}

/* A read function cannot write, nor draw an id. */
START_TEST(read_cannot_write) {
  shop__db_t *db = open_store();
  struct note note = {.who = 1};
  struct shop_error err;
  ck_assert_int_eq(shop__db_read(db, try_to_write, &note, &err), SHOP_ERR_READ_ONLY);
  ck_assert_int_eq(err.code, SHOP_ERR_READ_ONLY);
  note.draw = true;
  ck_assert_int_eq(shop__db_read(db, try_to_write, &note, &err), SHOP_ERR_READ_ONLY);
  ck_assert_int_eq(note.id, 0);
  ck_assert_int_eq(notes(db), 0);
  ck_assert_int_eq(err.code, SHOP_ERR_READ_ONLY);
  shop__db_close(db);
}
END_TEST

struct look {
  shop__db_t *db;
  int64_t before, after;
};

static int32_t look_twice(shop__tx_t *tx, void *ctx) {
  struct look *look = ctx;
  int32_t status = count_notes(tx, &look->before);
  put_one(look->db, 2); /* commits while the snapshot is held */
  return status == SHOP_OK ? count_notes(tx, &look->after) : status;
}

/* A read sees one state, whatever is committed meanwhile; the next one sees the new state. */
START_TEST(read_is_one_snapshot) {
  shop__db_t *db = open_store();
  put_one(db, 1);
  struct look look = {.db = db};
  ck_assert_int_eq(shop__db_read(db, look_twice, &look, NULL), SHOP_OK);
  ck_assert_int_eq(look.before, 1);
  ck_assert_int_eq(look.after, 1);
  ck_assert_int_eq(notes(db), 2);
  shop__db_close(db);
}
END_TEST

/* A read does not wait for a writer, of this process or another. */
START_TEST(read_does_not_wait_for_writers) {
  shop__db_t *db = open_store();
  put_one(db, 1);
  struct plug plug;
  plug_in(&plug, db);
  ck_assert_int_eq(notes(db), 1);
  plug_out(&plug);
  sqlite3 *other = open_by_hand(path_of("shop.db"));
  ask(other, "BEGIN IMMEDIATE; INSERT INTO note (who) VALUES (9)");
  ck_assert_int_eq(notes(db), 1);
  ask(other, "COMMIT");
  ck_assert_int_eq(notes(db), 2);
  sqlite3_close(other);
  shop__db_close(db);
}
END_TEST

struct gate {
  atomic_int inside;
  atomic_bool go;
};

static int32_t wait_in_read(shop__tx_t *tx, void *ctx) {
  struct gate *gate = ctx;
  int64_t count;
  int32_t status = count_notes(tx, &count);
  atomic_fetch_add(&gate->inside, 1);
  WAIT_FOR(atomic_load(&gate->go));
  return status;
}

struct reader {
  shop__db_t *db;
  struct gate *gate;
  pthread_t thread;
  int32_t status;
};

static void *reader_thread(void *arg) {
  struct reader *reader = arg;
  reader->status = shop__db_read(reader->db, wait_in_read, reader->gate, NULL);
  return NULL;
}

/* No more read connections than allowed; who finds none waits, and gets one. */
START_TEST(readers_are_bounded) {
  struct shop__db_settings settings = test_settings();
  settings.readers_max = 2;
  shop__db_t *db = open_with(&settings);
  struct gate gate;
  struct reader readers[6];
  atomic_init(&gate.inside, 0);
  atomic_init(&gate.go, false);
  for (int i = 0; i < 6; i++) {
    readers[i] = (struct reader){.db = db, .gate = &gate, .status = 1};
    ck_assert_int_eq(pthread_create(&readers[i].thread, NULL, reader_thread, &readers[i]), 0);
  }
  WAIT_FOR(atomic_load(&gate.inside) == 2);
  for (int i = 0; i < 1000; i++) {
    int64_t since = 0;
    relax(&since); /* gives a third one every chance to come in */
    ck_assert_int_eq(atomic_load(&gate.inside), 2);
  }
  pthread_mutex_lock(&db->pool.lock);
  ck_assert_int_eq(db->pool.open_count, 2);
  pthread_mutex_unlock(&db->pool.lock);
  atomic_store(&gate.go, true);
  for (int i = 0; i < 6; i++) {
    pthread_join(readers[i].thread, NULL);
    ck_assert_int_eq(readers[i].status, SHOP_OK);
  }
  ck_assert_int_le(db->pool.open_count, 2);
  shop__db_close(db);
}
END_TEST

static int32_t say_no(shop__tx_t *tx, void *ctx) {
  (void)ctx;
  return shop__error_set(shop__tx_error(tx), SHOP_ERR_NOT_FOUND, "no such thing");
}

static int32_t say_no_more(shop__tx_t *tx, void *ctx) {
  (void)tx;
  (void)ctx;
  return SHOP_ERR_NOT_FOUND;
}

static int32_t say_yes(shop__tx_t *tx, void *ctx) {
  (void)ctx;
  shop__error_set(shop__tx_error(tx), SHOP_ERR_NOT_FOUND, "tried and settled");
  return SHOP_OK;
}

/* The function's status and words are the caller's; words of a success are dropped. */
START_TEST(answer_is_the_functions) {
  shop__db_t *db = open_store();
  struct shop_error err;
  ck_assert_int_eq(shop__db_read(db, say_no, NULL, &err), SHOP_ERR_NOT_FOUND);
  ck_assert_str_eq(err.message, "no such thing");
  ck_assert_int_eq(shop__db_read(db, say_no_more, NULL, &err), SHOP_ERR_NOT_FOUND);
  ck_assert_int_eq(err.code, SHOP_ERR_NOT_FOUND);
  ck_assert_str_eq(err.message, "");
  ck_assert_int_eq(shop__db_read(db, say_yes, NULL, &err), SHOP_OK);
  ck_assert_int_eq(err.code, SHOP_OK);
  ck_assert_str_eq(err.message, "");
  ck_assert_int_eq(shop__db_read(db, say_no, NULL, NULL), SHOP_ERR_NOT_FOUND);
  ck_assert_int_eq(shop__db_write(db, say_no, NULL, NULL, &err), SHOP_ERR_NOT_FOUND);
  ck_assert_str_eq(err.message, "no such thing");
  ck_assert_int_eq(shop__db_write(db, say_no_more, NULL, NULL, &err), SHOP_ERR_NOT_FOUND);
  ck_assert_int_eq(err.code, SHOP_ERR_NOT_FOUND);
  ck_assert_str_eq(err.message, "");
  ck_assert_int_eq(shop__db_write(db, say_yes, NULL, NULL, &err), SHOP_OK);
  ck_assert_int_eq(err.code, SHOP_OK);
  ck_assert_str_eq(err.message, "");
  shop__db_close(db);
}
END_TEST

/* A connection that met an I/O error is replaced, and the next read works. */
START_TEST(read_recovers_from_a_fault) {
  shop__db_t *db = open_store();
  ck_assert_int_eq(notes(db), 0);
  put_one(db, 1); /* what the reader keeps in memory is old now */
  fault_vfs_fail((struct fault_rule){
      .op = FAULT_READ, .file = FAULT_WAL, .nth = 1, .times = 1, .code = SQLITE_IOERR_READ});
  int64_t count = -1;
  struct shop_error err;
  ck_assert_int_eq(db->pool.open_count, 1);
  ck_assert_int_eq(shop__db_read(db, count_notes, &count, &err), SHOP_ERR_IO);
  ck_assert_ptr_nonnull(strstr(err.message, "disk"));
  ck_assert_int_eq(db->pool.open_count, 0);
  ck_assert_int_eq(notes(db), 1);
  shop__db_close(db);
}
END_TEST

/* The file vanished: a new read connection tells so, and nothing is made in its place. */
START_TEST(vanished_file_is_told) {
  shop__db_t *db = open_store();
  ck_assert_int_eq(unlink(path_of("shop.db")), 0);
  int64_t count;
  struct shop_error err;
  ck_assert_int_eq(shop__db_read(db, count_notes, &count, &err), SHOP_ERR_CANNOT_OPEN);
  ck_assert(!is_there(path_of("shop.db")));
  write_all(path_of("shop.db"), "", 0);
  ck_assert_int_eq(shop__db_read(db, count_notes, &count, &err), SHOP_ERR_NOT_A_SHOP);
  shop__db_close(db);
}
END_TEST

/* ---- glances --------------------------------------------------------------- */

static int64_t glance_notes(shop__db_t *db) {
  int64_t count = -1;
  struct shop_error err;
  ck_assert_int_eq(shop__db_glance(db, count_notes, &count, &err), SHOP_OK);
  ck_assert_int_eq(err.code, SHOP_OK);
  return count;
}

/* Where nobody writes, a glance needs no connection of its own, and sees the latest commit: ours or
   another program's. */
START_TEST(glance_uses_the_writing_connection) {
  shop__db_t *db = open_store();
  put_one(db, 1);
  ck_assert_int_eq(glance_notes(db), 1);
  sqlite3 *other = open_by_hand(path_of("shop.db"));
  ask(other, "INSERT INTO note (who) VALUES (9)");
  sqlite3_close(other);
  ck_assert_int_eq(glance_notes(db), 2);
  ck_assert_int_eq(db->pool.open_count, 0);
  put_one(db, 2); /* and leaves the writing connection to the next writer */
  ck_assert_int_eq(glance_notes(db), 3);
  shop__db_close(db);
}
END_TEST

/* A glance waits for a writer no more than any read does. */
START_TEST(glance_does_not_wait_for_writers) {
  shop__db_t *db = open_store();
  put_one(db, 1);
  struct plug plug;
  plug_in(&plug, db);
  ck_assert_int_eq(glance_notes(db), 1);
  ck_assert_int_eq(db->pool.open_count, 1);
  plug_out(&plug);
  shop__db_close(db);
}
END_TEST

static void *glancer_thread(void *arg) {
  struct reader *reader = arg;
  reader->status = shop__db_glance(reader->db, wait_in_read, reader->gate, NULL);
  return NULL;
}

/* Writers that come during a glance get their turn when it ends, in their order; one whose deadline
   passes meanwhile leaves; another glance goes elsewhere. */
START_TEST(glance_hands_over_to_writers) {
  shop__db_t *db = open_store();
  struct gate gate;
  struct reader reader = {.db = db, .gate = &gate, .status = 1};
  struct note written[3] = {{0}};
  struct member members[3];
  members_of(members, written, 3);
  members[2].rule.deadline_ms = 1;
  atomic_init(&gate.inside, 0);
  atomic_init(&gate.go, false);
  ck_assert_int_eq(pthread_create(&reader.thread, NULL, glancer_thread, &reader), 0);
  WAIT_FOR(atomic_load(&gate.inside) == 1);
  for (int i = 0; i < 3; i++) {
    member_start(&members[i], db);
  }
  WAIT_FOR(atomic_load(&members[2].returned));
  ck_assert_int_eq(queued(db), 2);
  ck_assert_int_eq(glance_notes(db), 0);
  ck_assert_int_eq(db->pool.open_count, 1);
  atomic_store(&gate.go, true);
  pthread_join(reader.thread, NULL);
  ck_assert_int_eq(reader.status, SHOP_OK);
  for (int i = 0; i < 3; i++) {
    member_join(&members[i]);
    ck_assert_int_eq(members[i].status, i == 2 ? SHOP_ERR_DEADLINE : SHOP_OK);
  }
  ck_assert_int_eq(glance_notes(db), 2);
  ck_assert(!db->queue.has_leader);
  shop__db_close(db);
}
END_TEST

/* A glance that writes is refused as a read that does, and leaves nothing. */
START_TEST(glance_cannot_write) {
  shop__db_t *db = open_store();
  struct note note = {.who = 1};
  struct shop_error err;
  ck_assert_int_eq(shop__db_glance(db, try_to_write, &note, &err), SHOP_ERR_READ_ONLY);
  ck_assert_int_eq(err.code, SHOP_ERR_READ_ONLY);
  note.draw = true;
  ck_assert_int_eq(shop__db_glance(db, try_to_write, &note, &err), SHOP_ERR_READ_ONLY);
  ck_assert_int_eq(note.id, 0);
  ck_assert_int_eq(glance_notes(db), 0);
  put_one(db, 1);
  ck_assert_int_eq(glance_notes(db), 1);
  shop__db_close(db);
}
END_TEST

/* The function's answer is the glance's, as of any read. */
START_TEST(glance_answers_as_the_function) {
  shop__db_t *db = open_store();
  struct shop_error err;
  ck_assert_int_eq(shop__db_glance(db, say_no, NULL, &err), SHOP_ERR_NOT_FOUND);
  ck_assert_str_eq(err.message, "no such thing");
  ck_assert_int_eq(shop__db_glance(db, say_no_more, NULL, NULL), SHOP_ERR_NOT_FOUND);
  ck_assert_int_eq(shop__db_glance(db, say_yes, NULL, &err), SHOP_OK);
  ck_assert_int_eq(err.code, SHOP_OK);
  ck_assert_str_eq(err.message, "");
  shop__db_close(db);
}
END_TEST

/* A writing connection that met an I/O error in a glance is replaced by the next writer; until then
   glances go to the pool. */
START_TEST(glance_recovers_from_a_fault) {
  shop__db_t *db = open_store();
  int64_t count = -1;
  struct shop_error err;
  put_one(db, 1);
  sqlite3 *other = open_by_hand(path_of("shop.db"));
  ask(other, "INSERT INTO note (who) VALUES (9)"); /* what the writer keeps in memory is old now */
  fault_vfs_fail((struct fault_rule){
      .op = FAULT_READ, .file = FAULT_WAL, .nth = 1, .times = 1, .code = SQLITE_IOERR_READ});
  ck_assert_int_eq(shop__db_glance(db, count_notes, &count, &err), SHOP_ERR_IO);
  ck_assert_ptr_nonnull(strstr(err.message, "disk"));
  ck_assert_ptr_null(db->writer);
  ck_assert_int_eq(glance_notes(db), 2);
  ck_assert_int_eq(db->pool.open_count, 1);
  put_one(db, 2);
  ck_assert_int_eq(glance_notes(db), 3);
  sqlite3_close(other);
  shop__db_close(db);
}
END_TEST

Suite *read_suite(void) {
  Suite *suite = suite_create("read");
  TCase *tcase = tcase_create("read");
  tcase_add_checked_fixture(tcase, set_up, tear_down);
  tcase_set_timeout(tcase, 60);
  tcase_add_test(tcase, read_cannot_write);
  tcase_add_test(tcase, read_is_one_snapshot);
  tcase_add_test(tcase, read_does_not_wait_for_writers);
  tcase_add_test(tcase, readers_are_bounded);
  tcase_add_test(tcase, answer_is_the_functions);
  tcase_add_test(tcase, read_recovers_from_a_fault);
  tcase_add_test(tcase, vanished_file_is_told);
  tcase_add_test(tcase, glance_uses_the_writing_connection);
  tcase_add_test(tcase, glance_does_not_wait_for_writers);
  tcase_add_test(tcase, glance_hands_over_to_writers);
  tcase_add_test(tcase, glance_cannot_write);
  tcase_add_test(tcase, glance_answers_as_the_function);
  tcase_add_test(tcase, glance_recovers_from_a_fault);
  suite_add_tcase(suite, tcase);
  return suite;
}
