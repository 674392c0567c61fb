/*
 * What the tests of lib/db share: a folder per test, stores in it, small work
 * functions, and a squad of threads whose calls fall into one batch.
 */
#ifndef SHOP_TESTS_DB_H
#define SHOP_TESTS_DB_H

#include "db.h"
#include "db_internal.h"
#include "fault_vfs.h"

#include <check.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <stdbool.h>

Suite *open_suite(void);
Suite *migrate_suite(void);
Suite *query_suite(void);
Suite *read_suite(void);
Suite *write_suite(void);
Suite *commit_suite(void);
Suite *inside_suite(void);
Suite *doubt_suite(void);
Suite *truth_suite(void);
Suite *marker_suite(void);
Suite *ids_suite(void);
Suite *process_suite(void);

/* ---- files ----------------------------------------------------------------- */

/** As the fixture of every case: a new folder, no faults; and its removal. */
void set_up(void);
void tear_down(void);
/** The folder of the running test, and a path in it (borrowed until the next
    but three). */
const char *test_folder(void);
const char *path_of(const char *name);
/** The bytes of a file, freed by the caller; *size receives their number. */
char *read_all(const char *path, size_t *size);
void write_all(const char *path, const void *data, size_t size);
bool is_there(const char *path);

/** Runs SQL on a connection of the test's own and answers its first number. */
int64_t by_hand(const char *path, const char *sql);
/** The same on an open connection; fails the test unless it works. */
int64_t ask(sqlite3 *db, const char *sql);
sqlite3 *open_by_hand(const char *path);

/* ---- stores ---------------------------------------------------------------- */

extern const struct shop__migration test_migrations[2];

/** Settings for path_of("shop.db"): FULL, 10 s busy, 4 readers, both
    migrations. */
struct shop__db_settings test_settings(void);
/** Opens and expects success. */
shop__db_t *open_store(void);
shop__db_t *open_with(const struct shop__db_settings *settings);
/** Opens and expects this failure, and a text that does not say OK. */
void expect_open(const struct shop__db_settings *settings, int32_t status);

/** As the fixture of a case: set_up, and a store that has had one note, by 0,
    and cuts no batch short for its time. */
extern shop__db_t *store;
void set_up_store(void);
void tear_down_store(void);
#define LONG_US 60000000

/** From now on the nth such operation on the log fails, and `times` in all. */
void fail_wal(enum fault_op op, long nth, long times, int code);

/* ---- work ------------------------------------------------------------------ */

/** A note: one row of the table `note`, written by put_note. */
struct note {
  int64_t who;
  int64_t id;    /* the id that was drawn, when asked for */
  bool draw;     /* draw an id */
  int32_t give;  /* what the function returns after it wrote */
  int32_t runs;  /* how often it ran */
  int64_t order; /* the value of the squad's counter at its latest run */
};
/** Writes the note, counts the run. */
int32_t put_note(shop__tx_t *tx, void *ctx);
/** Takes a piece of item 1, or SHOP_ERR_OUT_OF_STOCK. ctx: a struct note. */
int32_t take_piece(shop__tx_t *tx, void *ctx);
/** Counts the notes into the int64_t ctx. */
int32_t count_notes(shop__tx_t *tx, void *ctx);

/** Notes in the store; the second counts those of one writer. */
int64_t notes(shop__db_t *db);
int64_t notes_of(shop__db_t *db, int64_t who);
/** One note written, which must work. */
void put_one(shop__db_t *db, int64_t who);
/** Puts `count` pieces of item 1 into the store. */
void stock(shop__db_t *db, int64_t count);

/* ---- squads ---------------------------------------------------------------- */

struct member {
  shop__db_fn fn;
  void *ctx;
  struct shop__db_write_rule rule;
  int32_t status;
  struct shop_error err;
  /* the rest is the squad's */
  shop__db_t *db;
  pthread_t thread;
  atomic_bool returned;
};

/** Members 0..count-1, each to write its note, by 1..count. */
void members_of(struct member *members, struct note *written, int count);

/** A writer that holds the lead until it is let go, and then gives up its own
    work: so its batch ends with it. */
struct plug {
  shop__db_t *db;
  pthread_t thread;
  atomic_bool inside, go;
  int32_t status;
};
void plug_in(struct plug *plug, shop__db_t *db);
void plug_out(struct plug *plug);

/** Starts the member's call and waits until it is in the queue. */
void member_start(struct member *member, shop__db_t *db);
void member_join(struct member *member);
/** Calls of all members, in this order in the queue, in one batch as far as
    the limits of a batch allow. Each has its answer afterwards. */
void squad_run(shop__db_t *db, struct member *members, int count);

/** How many wait in the queue. */
int queued(shop__db_t *db);
/** Gives the others the processor; aborts when called for longer than 60 s
    without a break of the condition. */
void relax(int64_t *since_us);
#define WAIT_FOR(condition)                                                                        \
  for (int64_t since_us_ = 0; !(condition); relax(&since_us_)) {                                   \
  }

/* ---- processes ------------------------------------------------------------- */

/** Runs fn in a child process; answers its pid. fn's answer is the exit code. */
int process_start(int (*fn)(void *arg), void *arg);
/** Its exit code, or 1000 + the signal that ended it. */
int process_wait(int pid);
/** Whether this build can fork safely: not under the thread sanitizer. */
bool can_fork(void);

#endif
