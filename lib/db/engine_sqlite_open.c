/*
 * Opening by SQLite: how a connection is set up, how a file is readied, and
 * why it could not be.
 */
#include "engine_sqlite.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define VALUE_MAX_BYTES (16 * 1024 * 1024)

static const char *const fixed_sql[FIXED_COUNT] = {
    "BEGIN",       "BEGIN IMMEDIATE", "COMMIT",        "ROLLBACK",
    "SAVEPOINT f", "RELEASE f",       "ROLLBACK TO f", "PRAGMA user_version"};

/* ---- waiting for locks ----------------------------------------------------- */

/* SQLite asks whether to go on waiting; `count` is 0 when a wait begins. Its own handler sleeps up
   to 100 ms at a time, which starves a process beside a busy one: here the naps stay short. */
static int on_busy(void *user, int count) {
  static const int32_t naps_us[] = {50, 100, 200, 500, 1000, 2000, 5000};
  const int32_t naps = (int32_t)(sizeof naps_us / sizeof naps_us[0]);
  struct shop__conn *conn = user;
  int64_t now = shop__clock_monotonic_us();
  if (count == 0) {
    conn->waits_since = now;
  }
  int64_t left = conn->wait_us - (now - conn->waits_since);
  if (left <= 0) {
    return 0;
  }
  int64_t nap = naps_us[count < naps ? count : naps - 1];
  nap = nap < left ? nap : left;
  struct timespec pause = {.tv_sec = 0, .tv_nsec = (long)nap * 1000};
  (void)nanosleep(&pause, NULL); /* woken early by a signal: then it asks again earlier */
  return 1;
}

/* ---- opening --------------------------------------------------------------- */

/* No part of this reads the file. */
static int configure(struct shop__conn *conn) {
  static const struct {
    int what, on;
  } options[] = {{SQLITE_DBCONFIG_ENABLE_FKEY, 1},
                 {SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0},
                 {SQLITE_DBCONFIG_DQS_DML, 0},
                 {SQLITE_DBCONFIG_DQS_DDL, 0},
                 {SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0}};
  /* What a damaged or hostile file could make a statement do stays bounded. */
  static const struct {
    int what, max;
  } limits[] = {{SQLITE_LIMIT_LENGTH, VALUE_MAX_BYTES},
                {SQLITE_LIMIT_VARIABLE_NUMBER, SHOP__PARAMETERS_MAX},
                {SQLITE_LIMIT_ATTACHED, 0},
                {SQLITE_LIMIT_TRIGGER_DEPTH, 16},
                {SQLITE_LIMIT_EXPR_DEPTH, 200},
                {SQLITE_LIMIT_WORKER_THREADS, 0}};
  int code = sqlite3_busy_handler(conn->db, on_busy, conn);
  for (size_t i = 0; code == SQLITE_OK && i < sizeof options / sizeof options[0]; i++) {
    code = sqlite3_db_config(conn->db, options[i].what, options[i].on, NULL);
  }
  for (size_t i = 0; i < sizeof limits / sizeof limits[0]; i++) {
    (void)sqlite3_limit(conn->db, limits[i].what, limits[i].max);
  }
  return code;
}

static int connect_file(struct shop__conn *conn, const char *path, enum shop__purpose purpose) {
  int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
  if (purpose == SHOP__FOR_OPENING) {
    flags |= SQLITE_OPEN_CREATE;
  }
  /* Without the "./" SQLite would take ":memory:" and, where it is built so, "file:..." for
     something other than the name of a file. */
  size_t size = strlen(path) + sizeof "./";
  char *name = shop__memory_zalloc(size);
  if (name == NULL) {
    return SQLITE_NOMEM;
  }
  (void)snprintf(name, size, "%s%s", path[0] == '/' ? "" : "./", path);
  bool is_new = purpose == SHOP__FOR_OPENING && access(name, F_OK) != 0;
  int code = sqlite3_open_v2(name, &conn->db, flags, NULL);
  /* It will hold password hashes and signing keys: a file that we make is its owner's alone, before
     anything is in it. Who wants it shared makes it beforehand, empty. */
  if (code == SQLITE_OK && is_new && chmod(name, S_IRUSR | S_IWUSR) != 0) {
    code = SQLITE_CANTOPEN;
  }
  shop__memory_free(name);
  if (code == SQLITE_OK && sqlite3_db_readonly(conn->db, "main") == 1) {
    code = SQLITE_READONLY;
  }
  return code;
}

static int prepare_fixed(struct shop__conn *conn) {
  int code = SQLITE_OK;
  for (int32_t i = 0; code == SQLITE_OK && i < FIXED_COUNT; i++) {
    code = sqlite3_prepare_v3(conn->db, fixed_sql[i], -1, SQLITE_PREPARE_PERSISTENT,
                              &conn->fixed[i], NULL);
  }
  return code;
}

/* One try. The row that names the mode comes before the commit that puts it into the file. */
static int try_wal(struct shop__conn *conn) {
  sqlite3_stmt *stmt = NULL;
  bool is_wal = false;
  int code = sqlite3_prepare_v2(conn->db, "PRAGMA journal_mode = WAL", -1, &stmt, NULL);
  if (code == SQLITE_OK) {
    code = sqlite3_step(stmt);
  }
  if (code == SQLITE_ROW) {
    const char *mode = (const char *)sqlite3_column_text(stmt, 0);
    is_wal = mode != NULL && strcmp(mode, "wal") == 0;
    code = sqlite3_step(stmt);
  }
  (void)sqlite3_finalize(stmt);
  if (code == SQLITE_DONE && !is_wal) {
    return SQLITE_CANTOPEN; /* a file system without shared memory, say */
  }
  return code;
}

/* Two who open a new file at once may find it locked at a point where SQLite does not ask the busy
   handler, for fear of a deadlock: so it is tried again here. */
static int32_t enter_wal(struct shop__conn *conn) {
  int64_t until = shop__clock_monotonic_us() + conn->busy_us;
  int code = try_wal(conn);
  while ((code & 0xff) == SQLITE_BUSY && shop__clock_monotonic_us() < until) {
    struct timespec pause = {.tv_sec = 0, .tv_nsec = 1000000};
    (void)nanosleep(&pause, NULL);
    code = try_wal(conn);
  }
  return shop__sqlite_classify(conn, code);
}

/* Why a file could not be opened, where SQLite's answer does not say: a place that is not there, or
   one that cannot be written. Asks for the effective user, as open does. */
static int32_t blame_path(const char *path) {
  struct stat info;
  char folder[4096];
  if (stat(path, &info) == 0) {
    if (S_ISDIR(info.st_mode) || faccessat(AT_FDCWD, path, R_OK, AT_EACCESS) != 0) {
      return SHOP_ERR_CANNOT_OPEN;
    }
    if (faccessat(AT_FDCWD, path, W_OK, AT_EACCESS) != 0) {
      return SHOP_ERR_READ_ONLY;
    }
  }
  const char *slash = strrchr(path, '/');
  size_t length = slash == NULL ? 0 : (size_t)(slash - path) + 1;
  if (length + 2 > sizeof folder) {
    return SHOP_ERR_CANNOT_OPEN;
  }
  memcpy(folder, path, length);
  memcpy(folder + length, ".", 2);
  bool is_there = faccessat(AT_FDCWD, folder, X_OK, AT_EACCESS) == 0;
  bool is_open = faccessat(AT_FDCWD, folder, W_OK | X_OK, AT_EACCESS) == 0;
  return is_there && !is_open ? SHOP_ERR_READ_ONLY : SHOP_ERR_CANNOT_OPEN;
}

/* The order matters: nothing is written before the file is known to be ours or empty, and the
   defences are raised last because they forbid the way to WAL. */
static int32_t settle(struct shop__conn *conn, enum shop__purpose purpose) {
  int64_t version = 0;
  int32_t status = shop__sqlite_identify(conn, &version);
  if (status == SHOP_OK && purpose == SHOP__FOR_OPENING) {
    status = enter_wal(conn);
  }
  if (status == SHOP_OK && purpose != SHOP__FOR_OPENING && version == 0) {
    /* Somebody has put another file in its place. */
    status = shop__sqlite_fail(conn, SHOP_ERR_NOT_A_SHOP);
  }
  if (status == SHOP_OK) {
    /* Temporary files would be one more thing that can fail or be left behind by a kill. What is
       erased is overwritten: Debian's SQLite does so by itself, others leave it in the file. */
    status = shop__sqlite_script(conn, "PRAGMA synchronous = FULL; PRAGMA temp_store = MEMORY;"
                                       " PRAGMA secure_delete = ON");
    conn->synced = true;
  }
  if (status == SHOP_OK && purpose == SHOP__FOR_READING) {
    status = shop__sqlite_script(conn, "PRAGMA query_only = ON");
  }
  if (status == SHOP_OK) {
    status = shop__sqlite_classify(conn,
                                   sqlite3_db_config(conn->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL));
  }
  return status;
}

void shop__sqlite_close(struct shop__conn *conn) {
  if (conn == NULL) {
    return;
  }
  for (int32_t i = 0; i < FIXED_COUNT; i++) {
    (void)sqlite3_finalize(conn->fixed[i]);
  }
  (void)sqlite3_close(conn->db); /* every statement is finalized, so it closes */
  shop__memory_free(conn);
}

int32_t shop__sqlite_open(const char *path, enum shop__purpose purpose, int64_t busy_us,
                          struct shop__conn **out, shop_error_t *err) {
  *out = NULL;
  struct shop__conn *conn = shop__memory_zalloc(sizeof *conn);
  if (conn == NULL) {
    return shop__error_set(err, SHOP_ERR_NO_MEMORY, "Out of memory to open the store with");
  }
  conn->busy_us = busy_us;
  conn->wait_us = busy_us;
  int code = connect_file(conn, path, purpose);
  if (code == SQLITE_OK) {
    code = configure(conn);
  }
  if (code == SQLITE_OK) {
    code = prepare_fixed(conn);
  }
  int32_t status = shop__sqlite_classify(conn, code);
  if (code == SQLITE_NOTADB) {
    status = SHOP_ERR_NOT_A_STORE;
  }
  if (status == SHOP_OK) {
    status = settle(conn, purpose);
  }
  if (status == SHOP_ERR_CANNOT_OPEN) {
    status = blame_path(path);
  }
  if (status != SHOP_OK) {
    shop__sqlite_explain(conn, status, err);
    shop__sqlite_close(conn);
    return status;
  }
  *out = conn;
  return SHOP_OK;
}
