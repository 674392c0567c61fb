/*
 * The engine table by SQLite. The three files engine_sqlite*.c are the only
 * ones of the library that know it.
 *
 * One connection is used by one thread at a time, so SQLite's own mutex per
 * connection is left out. Nothing of SQLite's process-wide state is touched: a
 * host may use SQLite as well. No connection may be used, not even closed, in
 * a child after fork; whoever stands above this room keeps the child out.
 */
#include "engine_sqlite.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* ---- what SQLite answers, in our words ------------------------------------- */

static int32_t classify_io(int code, int system_errno) {
  if (code == SQLITE_IOERR_NOMEM) {
    return SHOP_ERR_NO_MEMORY;
  }
  return system_errno == ENOSPC || system_errno == EDQUOT ? SHOP_ERR_DISK_FULL : SHOP_ERR_IO;
}

int32_t shop__sqlite_classify(struct shop__conn *conn, int code) {
  switch (code & 0xff) {
  case SQLITE_OK:
  case SQLITE_DONE:
    return SHOP_OK;
  case SQLITE_ROW:
    return SHOP__ROW;
  }
  conn->code = code;
  switch (code & 0xff) {
  case SQLITE_CONSTRAINT:
    return SHOP__CONFLICT;
  case SQLITE_BUSY:
  case SQLITE_LOCKED:
  case SQLITE_PROTOCOL:
    return SHOP_ERR_BUSY;
  case SQLITE_NOMEM:
    return SHOP_ERR_NO_MEMORY;
  case SQLITE_FULL:
    return SHOP_ERR_DISK_FULL;
  case SQLITE_IOERR:
    return classify_io(code, sqlite3_system_errno(conn->db));
  case SQLITE_READONLY:
  case SQLITE_PERM:
    return SHOP_ERR_READ_ONLY;
  case SQLITE_CANTOPEN:
    return SHOP_ERR_CANNOT_OPEN;
  case SQLITE_TOOBIG:
    return SHOP_ERR_TOO_LONG;
  default:
    /* Our statements are constant and tested: where one does not fit the file, it is the file
       that is not what it should be. */
    return SHOP_ERR_CORRUPT;
  }
}

static const char *advice(int32_t status) {
  switch (status) {
  case SHOP__CONFLICT:
    return "The change breaks a rule of the store";
  case SHOP_ERR_BUSY:
    return "Others hold the store: try again, or set a longer busy timeout";
  case SHOP_ERR_NO_MEMORY:
    return "Out of memory: nothing was changed, try again when there is some";
  case SHOP_ERR_DISK_FULL:
    return "The disk is full: nothing was changed, make room and try again";
  case SHOP_ERR_IO:
    return "Reading or writing the store failed: check the disk, then try again";
  case SHOP_ERR_READ_ONLY:
    return "The file or its folder cannot be written: give this process the right to";
  case SHOP_ERR_CANNOT_OPEN:
    return "The file cannot be opened: the folder must exist, the path must not name a folder, and "
           "this process must be allowed to read it";
  case SHOP_ERR_NOT_A_STORE:
    return "The file is not an SQLite database: choose another path";
  case SHOP_ERR_NOT_A_SHOP:
    return "The file is a database of another program: choose another path";
  case SHOP_ERR_TOO_LONG:
    return "A value is too long for the store: shorten it";
  default:
    return "The file is damaged: stop, and restore it from a backup";
  }
}

int32_t shop__sqlite_fail(struct shop__conn *conn, int32_t status) {
  conn->code = 0;
  return status;
}

int32_t shop__sqlite_explain(struct shop__conn *conn, int32_t status, shop_error_t *err) {
  if (conn->code == 0) {
    return shop__error_set(err, status, "%s", advice(status));
  }
  return shop__error_set(err, status, "%s (SQLite %d)", advice(status), conn->code);
}

/* ---- small statements ------------------------------------------------------ */

static int32_t run_fixed(struct shop__conn *conn, enum shop__sqlite_fixed which) {
  int code = sqlite3_step(conn->fixed[which]);
  (void)sqlite3_reset(conn->fixed[which]); /* repeats what step said */
  return shop__sqlite_classify(conn, code);
}

int32_t shop__sqlite_script(struct shop__conn *conn, const char *sql) {
  return shop__sqlite_classify(conn, sqlite3_exec(conn->db, sql, NULL, NULL, NULL));
}

static bool sqlite_in_transaction(struct shop__conn *conn) {
  return sqlite3_get_autocommit(conn->db) == 0;
}

/* The first column of the first row, as a number. */
static int32_t ask_int(struct shop__conn *conn, const char *sql, int64_t *out) {
  sqlite3_stmt *stmt = NULL;
  int code = sqlite3_prepare_v2(conn->db, sql, -1, &stmt, NULL);
  if (code == SQLITE_OK) {
    code = sqlite3_step(stmt);
  }
  if (code == SQLITE_ROW) {
    *out = sqlite3_column_int64(stmt, 0);
    code = SQLITE_OK;
  }
  (void)sqlite3_finalize(stmt);
  return shop__sqlite_classify(conn, code);
}

/* ---- schema ---------------------------------------------------------------- */

int32_t shop__sqlite_version(struct shop__conn *conn, int64_t *version) {
  sqlite3_stmt *stmt = conn->fixed[FIXED_VERSION];
  int code = sqlite3_step(stmt);
  *version = code == SQLITE_ROW ? sqlite3_column_int64(stmt, 0) : 0;
  (void)sqlite3_reset(stmt);
  return code == SQLITE_ROW
             ? SHOP_OK
             : shop__sqlite_classify(conn, code == SQLITE_DONE ? SQLITE_CORRUPT : code);
}

static int32_t read_identity(struct shop__conn *conn, int64_t *version) {
  int64_t application = 0;
  int64_t tables = 0;
  int32_t status = ask_int(conn, "PRAGMA application_id", &application);
  if (status == SHOP_OK) {
    status = shop__sqlite_version(conn, version);
  }
  if (status == SHOP_OK && application != SHOP__SQLITE_APPLICATION_ID) {
    /* Also a file that an earlier opening left before its migration: a header and no more. */
    status = ask_int(conn, "SELECT count(*) FROM sqlite_schema", &tables);
    if (status == SHOP_OK && (application != 0 || *version != 0 || tables != 0)) {
      status = shop__sqlite_fail(conn, SHOP_ERR_NOT_A_SHOP);
    }
  }
  return status;
}

int32_t shop__sqlite_identify(struct shop__conn *conn, int64_t *version) {
  /* One transaction, or another who is making this very store could commit between two looks. */
  bool inside = sqlite_in_transaction(conn);
  *version = 0;
  int32_t status = inside ? SHOP_OK : run_fixed(conn, FIXED_BEGIN_READ);
  if (status == SHOP_OK) {
    status = read_identity(conn, version);
  }
  if (status != SHOP_OK && (conn->code & 0xff) == SQLITE_NOTADB) {
    status = SHOP_ERR_NOT_A_STORE;
  }
  if (!inside && sqlite_in_transaction(conn)) {
    int code = conn->code;
    (void)run_fixed(conn, FIXED_ROLLBACK);
    conn->code = code;
  }
  return status;
}

static int32_t sqlite_stamp(struct shop__conn *conn, int64_t version) {
  char sql[96];
  int64_t broken = 0;
  int32_t status = ask_int(conn, "SELECT count(*) FROM pragma_foreign_key_check", &broken);
  if (status == SHOP_OK && broken != 0) {
    status = shop__sqlite_fail(conn, SHOP_ERR_CORRUPT);
  }
  if (status == SHOP_OK) {
    (void)snprintf(sql, sizeof sql, "PRAGMA application_id = %d; PRAGMA user_version = %d",
                   SHOP__SQLITE_APPLICATION_ID, (int)version);
    status = shop__sqlite_script(conn, sql);
  }
  return status;
}

static int32_t sqlite_foreign_keys(struct shop__conn *conn, bool on) {
  return shop__sqlite_classify(
      conn, sqlite3_db_config(conn->db, SQLITE_DBCONFIG_ENABLE_FKEY, on ? 1 : 0, NULL));
}

/* ---- transactions ---------------------------------------------------------- */

static int32_t sqlite_sync(struct shop__conn *conn, bool full) {
  if (conn->synced == full) {
    return SHOP_OK;
  }
  int32_t status =
      shop__sqlite_script(conn, full ? "PRAGMA synchronous = FULL" : "PRAGMA synchronous = NORMAL");
  if (status == SHOP_OK) {
    conn->synced = full;
  }
  return status;
}

static int32_t sqlite_begin(struct shop__conn *conn, bool write, int64_t wait_us) {
  conn->wait_us = wait_us;
  int32_t status = run_fixed(conn, write ? FIXED_BEGIN_WRITE : FIXED_BEGIN_READ);
  conn->wait_us = conn->busy_us;
  return status;
}

static int32_t sqlite_commit(struct shop__conn *conn, bool *doubtful) {
  int code = sqlite3_step(conn->fixed[FIXED_COMMIT]);
  (void)sqlite3_reset(conn->fixed[FIXED_COMMIT]);
  /* A transaction that is still open was not committed, and a disk that is full refuses the frame
     that would have made the commit. Any other failure may come after that frame was written: then
     this process does not see the rows, but whoever reads the log again (after a kill, or when the
     last connection could not empty it) does. Out of memory is no exception: what SQLite allocates
     in a commit, it allocates after the sync. */
  *doubtful = code != SQLITE_DONE && !sqlite_in_transaction(conn) && (code & 0xff) != SQLITE_FULL;
  return shop__sqlite_classify(conn, code);
}

static int32_t sqlite_rollback(struct shop__conn *conn) {
  if (!sqlite_in_transaction(conn)) {
    return SHOP_OK; /* SQLite has ended it already */
  }
  int32_t status = run_fixed(conn, FIXED_ROLLBACK);
  return sqlite_in_transaction(conn) ? status : SHOP_OK;
}

static int32_t sqlite_savepoint(struct shop__conn *conn) {
  return run_fixed(conn, FIXED_SAVEPOINT);
}

static int32_t sqlite_release(struct shop__conn *conn) {
  return run_fixed(conn, FIXED_RELEASE);
}

static int32_t sqlite_undo(struct shop__conn *conn) {
  int32_t status = run_fixed(conn, FIXED_UNDO);
  return status == SHOP_OK ? run_fixed(conn, FIXED_RELEASE) : status;
}

static int64_t sqlite_written(struct shop__conn *conn) {
  return sqlite3_total_changes64(conn->db);
}

static int32_t sqlite_checkpoint(struct shop__conn *conn, int64_t wait_us) {
  conn->wait_us = wait_us;
  int code = sqlite3_wal_checkpoint_v2(conn->db, "main", SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
  conn->wait_us = conn->busy_us;
  return shop__sqlite_classify(conn, code);
}

static int32_t say_rows(struct shop__conn *conn, const char *sql,
                        void (*say)(void *user, const char *text), void *user) {
  sqlite3_stmt *stmt = NULL;
  int code = sqlite3_prepare_v2(conn->db, sql, -1, &stmt, NULL);
  while (code == SQLITE_OK || code == SQLITE_ROW) {
    code = sqlite3_step(stmt);
    const char *text = code == SQLITE_ROW ? (const char *)sqlite3_column_text(stmt, 0) : NULL;
    if (text != NULL && strcmp(text, "ok") != 0) {
      say(user, text);
    }
  }
  (void)sqlite3_finalize(stmt);
  return shop__sqlite_classify(conn, code);
}

static int32_t sqlite_check_file(struct shop__conn *conn, void (*say)(void *user, const char *text),
                                 void *user) {
  int32_t status = say_rows(conn, "PRAGMA integrity_check", say, user);
  if (status == SHOP_OK) {
    status = say_rows(conn,
                      "SELECT 'row ' || coalesce(rowid, '?') || ' of ' || \"table\" ||"
                      " ' names a row of ' || parent || ' that is not there'"
                      " FROM pragma_foreign_key_check",
                      say, user);
  }
  return status;
}

/* ---- the table ------------------------------------------------------------- */

static const char *sqlite_path(struct shop__conn *conn) {
  return sqlite3_db_filename(conn->db, "main");
}

static void sqlite_random(void *out, size_t size) {
  sqlite3_randomness((int)size, out);
}

const struct shop__engine shop__engine_sqlite = {
    .seam_script =
        "CREATE TABLE seam (slot INTEGER PRIMARY KEY, value INTEGER NOT NULL) STRICT;"
        "INSERT INTO seam (slot, value) VALUES (0, 0);",
    .open = shop__sqlite_open,
    .close = shop__sqlite_close,
    .path = sqlite_path,
    .explain = shop__sqlite_explain,
    .random = sqlite_random,
    .version = shop__sqlite_version,
    .identify = shop__sqlite_identify,
    .script = shop__sqlite_script,
    .stamp = sqlite_stamp,
    .foreign_keys = sqlite_foreign_keys,
    .sync = sqlite_sync,
    .begin = sqlite_begin,
    .commit = sqlite_commit,
    .rollback = sqlite_rollback,
    .savepoint = sqlite_savepoint,
    .release = sqlite_release,
    .undo = sqlite_undo,
    .in_transaction = sqlite_in_transaction,
    .written = sqlite_written,
    .checkpoint = sqlite_checkpoint,
    .backup = shop__sqlite_backup,
    .check_file = sqlite_check_file,
    .prepare = shop__sqlite_prepare,
    .finalize = shop__sqlite_finalize,
    .bind_int = shop__sqlite_bind_int,
    .bind_text = shop__sqlite_bind_text,
    .bind_blob = shop__sqlite_bind_blob,
    .step = shop__sqlite_step,
    .changes = shop__sqlite_changes,
    .reset = shop__sqlite_reset,
    .is_null = shop__sqlite_is_null,
    .get_int = shop__sqlite_get_int,
    .get_text = shop__sqlite_get_text,
    .get_blob = shop__sqlite_get_blob,
};
