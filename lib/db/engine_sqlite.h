/*
 * What the files of the SQLite engine share; no other file includes sqlite3.h.
 */
#ifndef SHOP_LIB_DB_ENGINE_SQLITE_H
#define SHOP_LIB_DB_ENGINE_SQLITE_H

#include "db_engine.h"

#include <sqlite3.h>

_Static_assert(SQLITE_VERSION_NUMBER >= 3037000, "STRICT tables need SQLite 3.37");

#define SHOP__SQLITE_APPLICATION_ID 0x53484f50 /* "SHOP" */

/* Prepared when the connection is made, so that a rollback never needs memory for its statement. */
enum shop__sqlite_fixed {
  FIXED_BEGIN_READ,
  FIXED_BEGIN_WRITE,
  FIXED_COMMIT,
  FIXED_ROLLBACK,
  FIXED_SAVEPOINT,
  FIXED_RELEASE,
  FIXED_UNDO,
  FIXED_VERSION,
  FIXED_COUNT
};

struct shop__conn {
  sqlite3 *db;
  sqlite3_stmt *fixed[FIXED_COUNT];
  int code;            /* of the latest failure, SQLite's extended one; 0: ours, not SQLite's */
  bool synced;         /* synchronous is FULL */
  int64_t busy_us;     /* the usual wait for a lock */
  int64_t wait_us;     /* the wait of the running operation */
  int64_t waits_since; /* when it began to wait */
};

/* ---- engine_sqlite.c ------------------------------------------------------- */

/** SQLite's answer as a status; a failure's code is kept in conn. */
int32_t shop__sqlite_classify(struct shop__conn *conn, int code);
/** For failures that we found, not SQLite. */
int32_t shop__sqlite_fail(struct shop__conn *conn, int32_t status);
int32_t shop__sqlite_explain(struct shop__conn *conn, int32_t status, shop_error_t *err);
int32_t shop__sqlite_script(struct shop__conn *conn, const char *sql);
int32_t shop__sqlite_version(struct shop__conn *conn, int64_t *version);
int32_t shop__sqlite_identify(struct shop__conn *conn, int64_t *version);

/* ---- engine_sqlite_open.c -------------------------------------------------- */

int32_t shop__sqlite_open(const char *path, enum shop__purpose purpose, int64_t busy_us,
                          struct shop__conn **out, shop_error_t *err);
void shop__sqlite_close(struct shop__conn *conn);

/* ---- engine_sqlite_backup.c ----------------------------------------------------- */

int32_t shop__sqlite_backup(struct shop__conn *conn, const char *path,
                            bool (*go_on)(void *user, int64_t done, int64_t total), void *user);

/* ---- engine_sqlite_stmt.c ------------------------------------------------------ */

int32_t shop__sqlite_prepare(struct shop__conn *conn, const char *sql, struct shop__stmt **out);
void shop__sqlite_finalize(struct shop__stmt *stmt);
int32_t shop__sqlite_bind_int(struct shop__stmt *stmt, int32_t n, int64_t value);
int32_t shop__sqlite_bind_text(struct shop__stmt *stmt, int32_t n, const char *value);
int32_t shop__sqlite_bind_blob(struct shop__stmt *stmt, int32_t n, const void *value, size_t size);
int32_t shop__sqlite_step(struct shop__stmt *stmt);
int64_t shop__sqlite_changes(struct shop__stmt *stmt);
void shop__sqlite_reset(struct shop__stmt *stmt);
bool shop__sqlite_is_null(struct shop__stmt *stmt, int32_t column);
int64_t shop__sqlite_get_int(struct shop__stmt *stmt, int32_t column);
int32_t shop__sqlite_get_text(struct shop__stmt *stmt, int32_t column, const char **out);
int32_t shop__sqlite_get_blob(struct shop__stmt *stmt, int32_t column, const void **out,
                              size_t *size);

#endif
