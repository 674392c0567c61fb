/*
 * The door of lib/db: the one store seam. Above it nobody knows SQLite.
 *
 * Work is a function that is handed down. A read function sees one snapshot; a
 * write function runs inside a transaction, often together with the functions
 * of other threads in one commit (group commit, db_write.c). A function may
 * run more than once, and on another thread's stack: it touches only the store
 * and its own ctx, and begins by resetting the results that it keeps there.
 */
#ifndef SHOP_LIB_DB_H
#define SHOP_LIB_DB_H

#include "base.h"

typedef struct shop__db shop__db_t;
typedef struct shop__tx shop__tx_t;       /* a running transaction */
typedef struct shop__query shop__query_t; /* a prepared statement in it */

/** One step of the schema; the list is append-only, version = index + 1. */
struct shop__migration {
  const char *name;
  const char *sql; /* any number of statements */
};

enum shop__db_sync { SHOP__SYNC_FULL = 0, SHOP__SYNC_NORMAL = 1 };

struct shop__db_settings {
  const char *path;
  enum shop__db_sync sync;
  int64_t busy_ms;     /* how long to wait for other processes */
  int32_t readers_max; /* read connections kept; more callers wait */
  const struct shop__migration *migrations;
  int32_t migration_count;
  const struct shop__clock *clock; /* outlives the db; for ids */
};

/** Opens or creates the file, checks that it is ours, migrates it in one
    transaction. SHOP_ERR_CANNOT_OPEN, NOT_A_STORE, NOT_A_SHOP, TOO_NEW,
    READ_ONLY, DISK_FULL, IO, CORRUPT, BUSY, NO_MEMORY. */
int32_t shop__db_open(const struct shop__db_settings *settings, shop__db_t **out,
                      shop_error_t *err) SHOP__MUST_USE;
/** No call may be running. NULL is harmless. */
void shop__db_close(shop__db_t *db);

/** The work. Returns SHOP_OK to keep its writes, a negative status to undo
    them; either is given to the caller once the commit stands. */
typedef int32_t (*shop__db_fn)(shop__tx_t *tx, void *ctx);

/** Runs fn on a snapshot. Gives fn's status, or the store's own. */
int32_t shop__db_read(shop__db_t *db, shop__db_fn fn, void *ctx, shop_error_t *err) SHOP__MUST_USE;

/** As shop__db_read, for a function that takes microseconds: a few rows by their
    keys. While there is no writer it runs on the writing connection, whose page
    cache outlives our own commits; it waits for nobody, but a writer that comes
    meanwhile waits for its end. */
int32_t shop__db_glance(shop__db_t *db, shop__db_fn fn, void *ctx,
                        shop_error_t *err) SHOP__MUST_USE;

struct shop__db_write_rule {
  int64_t deadline_ms; /* from entering the queue; 0: none. Who has not been
                          started by then gets SHOP_ERR_DEADLINE */
  bool payment;        /* commit with a sync even where sync is NORMAL */
};

/** Runs fn inside a transaction and commits. What fn puts into the
    transaction's error (shop__tx_error) comes back in err. rule NULL: no
    deadline, the store's own sync. SHOP_ERR_COMMIT_UNKNOWN is given only
    where nobody can know what became of the commit; every other failure
    means that the store is as before. */
int32_t shop__db_write(shop__db_t *db, shop__db_fn fn, void *ctx,
                       const struct shop__db_write_rule *rule, shop_error_t *err) SHOP__MUST_USE;

/** Moves the write-ahead log into the file as far as readers allow; that some do
    not is no failure. */
int32_t shop__db_checkpoint(shop__db_t *db, shop_error_t *err) SHOP__MUST_USE;

/** Copies the store of one moment into a new file. go_on is called now and then
    with pages done and in all; false stops with SHOP_ERR_DEADLINE.
    SHOP_ERR_CANNOT_OPEN when the file exists or cannot be made. After a failure
    no file is left. */
int32_t shop__db_backup(shop__db_t *db, const char *path,
                        bool (*go_on)(void *user, int64_t done, int64_t total), void *user,
                        shop_error_t *err) SHOP__MUST_USE;

/* ---- inside a function --------------------------------------------------- */

/** The error object of the running function: fill it with shop__error_set. */
shop_error_t *shop__tx_error(shop__tx_t *tx);

/** A new id, inside a write only: max(last + 1, now_ms << 11) from the stored
    counter; unique, rising in commit order, below 2^53. */
int32_t shop__tx_id(shop__tx_t *tx, int64_t *id) SHOP__MUST_USE;

/** The statement of this text, prepared once per connection and kept. sql must
    be a constant (it is found again by its address). Never NULL: a failure is
    remembered, every later call with the query does nothing and the step
    returns the failure. Values are $1..$n, bound by name, all of them NULL at
    first. Asking again for a text that stands on a row gives that row up: what
    was borrowed of it is gone, so a walk must not ask for its own text. */
shop__query_t *shop__query(shop__tx_t *tx, const char *sql);
void shop__query_int(shop__query_t *q, int32_t n, int64_t value);
/** NULL binds a null. The bytes stay the caller's and must live until the
    query is reset. */
void shop__query_text(shop__query_t *q, int32_t n, const char *value);
void shop__query_blob(shop__query_t *q, int32_t n, const void *value, size_t size);

#define SHOP__ROW 1
/** SHOP__ROW, SHOP_OK when there is no further row (the query is then reset),
    or a negative status (also reset; the message is in shop__tx_error).
    A unique or check constraint that fails gives SHOP__CONFLICT. */
int32_t shop__query_step(shop__query_t *q) SHOP__MUST_USE;
#define SHOP__CONFLICT (-999) /* internal: the caller of the function gets SHOP_ERR_CORRUPT */

int64_t shop__query_get_int(shop__query_t *q, int32_t column);
bool shop__query_is_null(shop__query_t *q, int32_t column);
/** Borrowed until the next step or reset; NULL for null. */
const char *shop__query_get_text(shop__query_t *q, int32_t column);
const void *shop__query_get_blob(shop__query_t *q, int32_t column, size_t *size);
/** For leaving a loop before its last row. Harmless when done already. */
void shop__query_reset(shop__query_t *q);
/** Steps to the end, drops the rows, resets. `changes` (NULL allowed) receives
    the number of rows that an INSERT, UPDATE or DELETE touched. */
int32_t shop__query_run(shop__query_t *q, int64_t *changes) SHOP__MUST_USE;

/** The engine's own check of the file: calls `say` for every complaint. */
int32_t shop__tx_check_file(shop__tx_t *tx, void (*say)(void *user, const char *text),
                            void *user) SHOP__MUST_USE;

#endif
