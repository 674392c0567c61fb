/*
 * What lib/db asks of a database engine, as a table of functions: the seam's
 * files know transactions, batches and statements, and only the engine's one
 * file knows its library.
 *
 * Statuses are those of shop/status.h, with SHOP__ROW and SHOP__CONFLICT of
 * db.h: a function of the table classifies what its library answers. `explain`
 * puts the latest failure of a connection into words; the words are constant,
 * so no value of a statement can stand in them.
 */
#ifndef SHOP_LIB_DB_ENGINE_H
#define SHOP_LIB_DB_ENGINE_H

#include "db.h"

#define SHOP__PARAMETERS_MAX 64 /* $1..$64 */

struct shop__conn; /* a connection; one thread at a time */
struct shop__stmt; /* a prepared statement of one connection */

enum shop__purpose {
  SHOP__FOR_OPENING, /* may make the file, and readies it; then writes */
  SHOP__FOR_WRITING, /* the file must be there and ours */
  SHOP__FOR_READING  /* as before, and a write is refused */
};

struct shop__engine {
  /** Makes the seam's own table and its row 0 (ids.c says what for). */
  const char *seam_script;

  /** Connects, and refuses what is not ours. For opening, a file that holds
      nothing passes as version 0. */
  int32_t (*open)(const char *path, enum shop__purpose purpose, int64_t busy_us,
                  struct shop__conn **out, shop_error_t *err);
  void (*close)(struct shop__conn *conn);
  /** The file's absolute path; borrowed. */
  const char *(*path)(struct shop__conn *conn);
  /** Words for the latest failure on conn; returns status. */
  int32_t (*explain)(struct shop__conn *conn, int32_t status, shop_error_t *err);
  void (*random)(void *out, size_t size);

  /* Schema. */
  /** The number of the latest migration; 0 for a file that holds nothing. It
      is cheap enough to be asked in every transaction. */
  int32_t (*version)(struct shop__conn *conn, int64_t *version);
  /** As version, and refuses a file that another program has made. */
  int32_t (*identify)(struct shop__conn *conn, int64_t *version);
  int32_t (*script)(struct shop__conn *conn, const char *sql);
  /** Marks the file as ours and at this version, once its foreign keys hold. */
  int32_t (*stamp)(struct shop__conn *conn, int64_t version);
  /** Outside a transaction. Off only while a migration may rebuild tables. */
  int32_t (*foreign_keys)(struct shop__conn *conn, bool on);

  /* Transactions. */
  /** Outside a transaction: whether later commits are synced one by one. */
  int32_t (*sync)(struct shop__conn *conn, bool full);
  /** SHOP_ERR_BUSY when the write lock does not come free within wait_us. */
  int32_t (*begin)(struct shop__conn *conn, bool write, int64_t wait_us);
  /** *doubtful: the commit failed in such a way that it may still turn out to
      stand after a reopen. The transaction may be open after a failure. */
  int32_t (*commit)(struct shop__conn *conn, bool *doubtful);
  /** Ends any transaction. A failure leaves a connection only to be closed. */
  int32_t (*rollback)(struct shop__conn *conn);
  int32_t (*savepoint)(struct shop__conn *conn);
  int32_t (*release)(struct shop__conn *conn);
  /** Back to the savepoint, which ends. */
  int32_t (*undo)(struct shop__conn *conn);
  bool (*in_transaction)(struct shop__conn *conn);
  /** Rises with every row that is changed. */
  int64_t (*written)(struct shop__conn *conn);
  /** Moves every commit into the main file and syncs it. */
  int32_t (*checkpoint)(struct shop__conn *conn, int64_t wait_us);
  /** Copies the snapshot of the running read into a new file; SHOP_ERR_DEADLINE
      when go_on says stop. After a failure no file is left. */
  int32_t (*backup)(struct shop__conn *conn, const char *path,
                    bool (*go_on)(void *user, int64_t done, int64_t total), void *user);
  int32_t (*check_file)(struct shop__conn *conn, void (*say)(void *user, const char *text),
                        void *user);

  /* Statements. */
  int32_t (*prepare)(struct shop__conn *conn, const char *sql, struct shop__stmt **out);
  void (*finalize)(struct shop__stmt *stmt);
  int32_t (*bind_int)(struct shop__stmt *stmt, int32_t n, int64_t value);
  int32_t (*bind_text)(struct shop__stmt *stmt, int32_t n, const char *value);
  int32_t (*bind_blob)(struct shop__stmt *stmt, int32_t n, const void *value, size_t size);
  /** SHOP__ROW, SHOP_OK at the end, or a failure. */
  int32_t (*step)(struct shop__stmt *stmt);
  /** Rows changed by the run that just ended; 0 for one that only reads. */
  int64_t (*changes)(struct shop__stmt *stmt);
  /** Ready for another run, all values NULL. */
  void (*reset)(struct shop__stmt *stmt);
  bool (*is_null)(struct shop__stmt *stmt, int32_t column);
  int64_t (*get_int)(struct shop__stmt *stmt, int32_t column);
  /** *out NULL for null only. */
  int32_t (*get_text)(struct shop__stmt *stmt, int32_t column, const char **out);
  int32_t (*get_blob)(struct shop__stmt *stmt, int32_t column, const void **out, size_t *size);
};

extern const struct shop__engine shop__engine_sqlite;

#endif
