/*
 * What the tests of lib/db share (test_db.h).
 */
#include "test_db.h"

#include <dirent.h>
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- files ----------------------------------------------------------------- */

static char folder[128];

void set_up(void) {
  const char *base = getenv("TMPDIR");
  snprintf(folder, sizeof folder, "%s/shop-db-XXXXXX", base == NULL ? "/tmp" : base);
  ck_assert_ptr_nonnull(mkdtemp(folder));
  fault_vfs_reset();
}

void tear_down(void) {
  char path[512];
  fault_vfs_reset();
  DIR *dir = opendir(folder);
  for (struct dirent *entry; dir != NULL && (entry = readdir(dir)) != NULL;) {
    snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
    unlink(path);
    rmdir(path);
  }
  if (dir != NULL) {
    closedir(dir);
  }
  rmdir(folder);
}

const char *test_folder(void) {
  return folder;
}

const char *path_of(const char *name) {
  static char paths[4][256];
  static unsigned next;
  char *path = paths[next++ % 4];
  snprintf(path, sizeof paths[0], "%s/%s", folder, name);
  return path;
}

char *read_all(const char *path, size_t *size) {
  FILE *file = fopen(path, "rb");
  ck_assert_ptr_nonnull(file);
  fseek(file, 0, SEEK_END);
  *size = (size_t)ftell(file);
  rewind(file);
  char *data = malloc(*size + 1);
  ck_assert_ptr_nonnull(data);
  ck_assert_uint_eq(fread(data, 1, *size, file), *size);
  fclose(file);
  return data;
}

void write_all(const char *path, const void *data, size_t size) {
  FILE *file = fopen(path, "wb");
  ck_assert_ptr_nonnull(file);
  ck_assert_uint_eq(fwrite(data, 1, size, file), size);
  ck_assert_int_eq(fclose(file), 0);
}

bool is_there(const char *path) {
  return access(path, F_OK) == 0;
}

int64_t ask(sqlite3 *db, const char *sql) {
  sqlite3_stmt *stmt = NULL;
  int64_t value = 0;
  for (const char *tail = sql; *tail != '\0';) {
    int code = sqlite3_prepare_v2(db, tail, -1, &stmt, &tail);
    if (code == SQLITE_OK && stmt != NULL) {
      code = sqlite3_step(stmt);
    }
    if (code == SQLITE_ROW) {
      value = sqlite3_column_int64(stmt, 0);
      code = sqlite3_step(stmt);
    }
    while (code == SQLITE_ROW) {
      code = sqlite3_step(stmt);
    }
    ck_assert_msg(code == SQLITE_DONE || code == SQLITE_OK, "%s: %s", sql, sqlite3_errmsg(db));
    sqlite3_finalize(stmt);
    stmt = NULL;
  }
  return value;
}

sqlite3 *open_by_hand(const char *path) {
  sqlite3 *db = NULL;
  ck_assert_int_eq(sqlite3_open(path, &db), SQLITE_OK);
  sqlite3_busy_timeout(db, 10000);
  return db;
}

int64_t by_hand(const char *path, const char *sql) {
  sqlite3 *db = open_by_hand(path);
  int64_t value = ask(db, sql);
  ck_assert_int_eq(sqlite3_close(db), SQLITE_OK);
  return value;
}

/* ---- stores ---------------------------------------------------------------- */

const struct shop__migration test_migrations[2] = {
    {"0001_first",
     "CREATE TABLE item (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE,"
     "  pieces INTEGER NOT NULL CHECK (pieces >= 0)) STRICT;"
     "CREATE TABLE note (seq INTEGER PRIMARY KEY, who INTEGER NOT NULL,"
     "  id INTEGER, body BLOB) STRICT;"},
    {"0002_second",
     "ALTER TABLE item ADD COLUMN owner INTEGER REFERENCES item (id);"
     "CREATE INDEX note_who ON note (who);"}};

struct shop__db_settings test_settings(void) {
  struct shop__db_settings settings = {.path = path_of("shop.db"),
                                       .sync = SHOP__SYNC_FULL,
                                       .busy_ms = 10000,
                                       .readers_max = 4,
                                       .migrations = test_migrations,
                                       .migration_count = 2};
  return settings;
}

shop__db_t *open_with(const struct shop__db_settings *settings) {
  shop__db_t *db = NULL;
  struct shop_error err;
  int32_t status = shop__db_open(settings, &db, &err);
  ck_assert_msg(status == SHOP_OK, "%d: %s", status, err.message);
  ck_assert_int_eq(err.code, SHOP_OK);
  ck_assert_ptr_nonnull(db);
  return db;
}

shop__db_t *open_store(void) {
  struct shop__db_settings settings = test_settings();
  return open_with(&settings);
}

void expect_open(const struct shop__db_settings *settings, int32_t status) {
  shop__db_t *db = (shop__db_t *)settings; /* must be overwritten */
  struct shop_error err;
  int32_t answer = shop__db_open(settings, &db, &err);
  ck_assert_msg(answer == status, "%d instead of %d: %s", answer, status, err.message);
  ck_assert_ptr_null(db);
  ck_assert_int_eq(err.code, status);
  ck_assert_uint_gt(strlen(err.message), 10);
}

shop__db_t *store;

void set_up_store(void) {
  set_up();
  store = open_store();
  store->batch_us = LONG_US;
  put_one(store, 0); /* the log has its header, the store its marker */
  fault_vfs_reset();
}

void tear_down_store(void) {
  shop__db_close(store);
  tear_down();
}

void fail_wal(enum fault_op op, long nth, long times, int code) {
  fault_vfs_fail(
      (struct fault_rule){.op = op, .file = FAULT_WAL, .nth = nth, .times = times, .code = code});
}

/* ---- work ------------------------------------------------------------------ */

static atomic_llong order;

int32_t put_note(shop__tx_t *tx, void *ctx) {
  struct note *note = ctx;
  note->runs++;
  note->order = atomic_fetch_add(&order, 1);
  note->id = 0;
  int32_t status = note->draw ? shop__tx_id(tx, &note->id) : SHOP_OK;
  if (status == SHOP_OK) {
    shop__query_t *q = shop__query(tx, "INSERT INTO note (who, id) VALUES ($1, $2)");
    shop__query_int(q, 1, note->who);
    shop__query_int(q, 2, note->id);
    status = shop__query_run(q, NULL);
  }
  if (status == SHOP_OK && note->give < 0) {
    shop__error_set(shop__tx_error(tx), note->give, "note %d says no", (int)note->who);
  }
  return status == SHOP_OK ? note->give : status;
}

int32_t take_piece(shop__tx_t *tx, void *ctx) {
  struct note *note = ctx;
  int64_t changes;
  note->runs++;
  shop__query_t *q =
      shop__query(tx, "UPDATE item SET pieces = pieces - 1 WHERE id = 1 AND pieces >= 1");
  int32_t status = shop__query_run(q, &changes);
  if (status == SHOP_OK && changes == 0) {
    return shop__error_set(shop__tx_error(tx), SHOP_ERR_OUT_OF_STOCK, "nothing is left");
  }
  return status;
}

int32_t count_notes(shop__tx_t *tx, void *ctx) {
  int64_t *count = ctx;
  shop__query_t *q = shop__query(tx, "SELECT count(*) FROM note");
  int32_t status = shop__query_step(q);
  *count = shop__query_get_int(q, 0);
  return status == SHOP__ROW ? SHOP_OK : status;
}

int64_t notes(shop__db_t *db) {
  int64_t count = -1;
  ck_assert_int_eq(shop__db_read(db, count_notes, &count, NULL), SHOP_OK);
  return count;
}

static int32_t count_of(shop__tx_t *tx, void *ctx) {
  struct note *note = ctx;
  shop__query_t *q = shop__query(tx, "SELECT count(*) FROM note WHERE who = $1");
  shop__query_int(q, 1, note->who);
  int32_t status = shop__query_step(q);
  note->id = shop__query_get_int(q, 0);
  return status == SHOP__ROW ? SHOP_OK : status;
}

int64_t notes_of(shop__db_t *db, int64_t who) {
  struct note note = {.who = who};
  ck_assert_int_eq(shop__db_read(db, count_of, &note, NULL), SHOP_OK);
  return note.id;
}

void put_one(shop__db_t *db, int64_t who) {
  struct note note = {.who = who};
  struct shop_error err;
  int32_t status = shop__db_write(db, put_note, &note, NULL, &err);
  ck_assert_msg(status == SHOP_OK, "%d: %s", status, err.message);
  ck_assert_int_eq(note.runs, 1);
}

static int32_t set_stock(shop__tx_t *tx, void *ctx) {
  shop__query_t *q = shop__query(tx,
                                 "INSERT INTO item (id, name, pieces) VALUES (1, 'tea', $1)"
                                 " ON CONFLICT (id) DO UPDATE SET pieces = excluded.pieces");
  shop__query_int(q, 1, *(int64_t *)ctx);
  return shop__query_run(q, NULL);
}

void stock(shop__db_t *db, int64_t count) {
  ck_assert_int_eq(shop__db_write(db, set_stock, &count, NULL, NULL), SHOP_OK);
}

/* ---- squads ---------------------------------------------------------------- */

void relax(int64_t *since_us) {
  int64_t now = shop__clock_monotonic_us();
  if (*since_us == 0) {
    *since_us = now;
  }
  if (now - *since_us > 60000000) {
    ck_abort_msg("a condition did not come true within a minute");
  }
  sched_yield();
}

int queued(shop__db_t *db) {
  int count = 0;
  pthread_mutex_lock(&db->queue.lock);
  for (const struct shop__job *job = db->queue.head; job != NULL; job = job->next) {
    count++;
  }
  pthread_mutex_unlock(&db->queue.lock);
  return count;
}

void members_of(struct member *members, struct note *written, int count) {
  memset(members, 0, sizeof *members * (size_t)count);
  memset(written, 0, sizeof *written * (size_t)count);
  for (int i = 0; i < count; i++) {
    written[i].who = i + 1;
    members[i].fn = put_note;
    members[i].ctx = &written[i];
    members[i].status = 1;
  }
}

static int32_t hold(shop__tx_t *tx, void *ctx) {
  struct plug *plug = ctx;
  (void)tx;
  atomic_store(&plug->inside, true);
  WAIT_FOR(atomic_load(&plug->go));
  return SHOP_ERR_NOT_FOUND;
}

static void *plug_thread(void *arg) {
  struct plug *plug = arg;
  plug->status = shop__db_write(plug->db, hold, plug, NULL, NULL);
  return NULL;
}

void plug_in(struct plug *plug, shop__db_t *db) {
  plug->db = db;
  atomic_init(&plug->inside, false);
  atomic_init(&plug->go, false);
  ck_assert_int_eq(pthread_create(&plug->thread, NULL, plug_thread, plug), 0);
  WAIT_FOR(atomic_load(&plug->inside));
}

void plug_out(struct plug *plug) {
  atomic_store(&plug->go, true);
  pthread_join(plug->thread, NULL);
  ck_assert_int_eq(plug->status, SHOP_ERR_NOT_FOUND);
}

static void *member_thread(void *arg) {
  struct member *member = arg;
  bool ruled = member->rule.deadline_ms != 0 || member->rule.payment;
  member->status = shop__db_write(member->db, member->fn, member->ctx, ruled ? &member->rule : NULL,
                                  &member->err);
  atomic_store(&member->returned, true);
  return NULL;
}

void member_start(struct member *member, shop__db_t *db) {
  int before = queued(db);
  member->db = db;
  atomic_init(&member->returned, false);
  ck_assert_int_eq(pthread_create(&member->thread, NULL, member_thread, member), 0);
  WAIT_FOR(queued(db) > before || atomic_load(&member->returned));
}

void member_join(struct member *member) {
  ck_assert_int_eq(pthread_join(member->thread, NULL), 0);
}

void squad_run(shop__db_t *db, struct member *members, int count) {
  struct plug plug;
  plug_in(&plug, db);
  for (int i = 0; i < count; i++) {
    member_start(&members[i], db);
  }
  plug_out(&plug);
  for (int i = 0; i < count; i++) {
    member_join(&members[i]);
  }
}

/* ---- processes ------------------------------------------------------------- */

int process_start(int (*fn)(void *arg), void *arg) {
  int pid = fork();
  ck_assert_int_ge(pid, 0);
  if (pid == 0) {
    _exit(fn(arg));
  }
  return pid;
}

int process_wait(int pid) {
  int state = 0;
  while (waitpid(pid, &state, 0) < 0) {
    ck_assert_int_eq(errno, EINTR);
  }
  return WIFEXITED(state) ? WEXITSTATUS(state) : 1000 + WTERMSIG(state);
}

#if !defined(__has_feature)
#define __has_feature(name) 0 /* clang's way to tell */
#endif

bool can_fork(void) {
#if defined(__SANITIZE_THREAD__) || __has_feature(thread_sanitizer)
  return false;
#else
  return true;
#endif
}
