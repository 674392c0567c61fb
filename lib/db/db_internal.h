/*
 * What the files of lib/db share: a connection with its statements (link), the
 * transaction on it, the queue of writers and the pool of readers.
 */
#ifndef SHOP_LIB_DB_INTERNAL_H
#define SHOP_LIB_DB_INTERNAL_H

#include "db_engine.h"

#include <pthread.h>

/* ---- link.c, query.c: a connection and its statements ---------------------- */

struct shop__query {
  shop__tx_t *tx;
  const char *sql;         /* its address is the key */
  struct shop__stmt *stmt; /* NULL in a link's spare alone */
  struct shop__query *next_touched;
  int32_t failure; /* sticky until the text is asked for again */
  bool touched;    /* in the link's list of what the function used */
  bool dirty;      /* bound or stepped since the last reset */
  bool has_row;
};

struct shop__tx {
  struct shop__link *link;
  struct shop_error *error; /* the running function's; never NULL */
  bool writing;
  /* The first failure of the store inside the running function: it outweighs what the function
     answers, so that a failure nobody looked at can neither be committed nor end in a refusal. */
  struct shop_error failure;
  bool id_loaded;    /* the two below hold */
  int64_t id_stored; /* as the transaction found it */
  int64_t id_last;
};

struct shop__link {
  struct shop__db *db;
  const struct shop__engine *engine;
  struct shop__conn *conn;
  struct shop__query **slots; /* open addressing */
  uint32_t slot_count;        /* a power of two, or 0 */
  uint32_t query_count;
  struct shop__query *touched;
  struct shop__query spare;      /* given where there is no memory for a query */
  struct shop_error quiet_error; /* for the seam's own statements */
  struct shop__tx tx;
};

/** A new connection to the store. */
int32_t shop__link_open(struct shop__db *db, const char *path, enum shop__purpose purpose,
                        struct shop__link **out, shop_error_t *err) SHOP__MUST_USE;
/** NULL is harmless. */
void shop__link_close(struct shop__link *link);
/** Begins, and refuses a store that a newer library has migrated since. */
int32_t shop__link_begin(struct shop__link *link, bool write, int64_t wait_us,
                         shop_error_t *err) SHOP__MUST_USE;
/** False: the connection is of no use any more and must be closed. */
bool shop__link_rollback(struct shop__link *link) SHOP__MUST_USE;
/** Runs a function, resets what it used, gives what its call shall answer: a
    failure of the store before its own status. */
int32_t shop__link_call(struct shop__link *link, shop__db_fn fn, void *ctx,
                        struct shop_error *error) SHOP__MUST_USE;
/** Ends the use of every statement since the last call of this. */
void shop__link_reset(struct shop__link *link);
void shop__link_free_queries(struct shop__link *link);

/* ---- ids.c: the id counter and the batch marker ---------------------------- */

/* A row of the table `seam`, in 1..SHOP__MARKER_SLOTS, that this open store writes a new random
   value into with every batch. */
#define SHOP__MARKER_SLOTS 256

struct shop__marker {
  int32_t slot; /* 0: none held */
  int64_t value;
  /* The commit that is under way. */
  int32_t trial_slot;
  bool trial_was_there; /* the row was there before, with trial_before */
  int64_t trial_before;
  int64_t trial_value;
};

/** Before COMMIT: writes the new marker and the id counter. */
int32_t shop__marker_seal(struct shop__marker *marker, struct shop__tx *tx) SHOP__MUST_USE;
/** After a commit that stands. */
void shop__marker_settle(struct shop__marker *marker);
/** In a later transaction: what became of the commit. */
int32_t shop__marker_look(struct shop__marker *marker, struct shop__tx *tx,
                          bool *stands) SHOP__MUST_USE;
/** At the end: gives the slot back. */
int32_t shop__marker_release(struct shop__marker *marker, struct shop__tx *tx) SHOP__MUST_USE;

/* ---- db_write.c: the queue of writers -------------------------------------- */

enum shop__job_state { SHOP__JOB_QUEUED, SHOP__JOB_LEADING, SHOP__JOB_TAKEN, SHOP__JOB_DONE };

/* A call of shop__db_write; lives on its caller's stack. All but the fields of its function is
   guarded by the queue's lock. */
struct shop__job {
  shop__db_fn fn;
  void *ctx;
  int64_t deadline_us; /* monotonic; 0: none */
  int64_t ticket;      /* its place in the order of coming */
  bool payment;
  bool waiting; /* on `wake` */
  enum shop__job_state state;
  int32_t status;
  struct shop__job *next, *previous;
  pthread_cond_t wake;
  struct shop_error error;
};

struct shop__queue {
  pthread_mutex_t lock;
  pthread_condattr_t monotonic;
  struct shop__job *head, *tail;
  int64_t ticket;
  bool has_leader;
};

/* Functions that one commit carries. */
#define SHOP__BATCH_MAX 64
#define SHOP__BATCH_US 2000 /* and how long it goes on taking in more */

struct shop__batch {
  const struct shop__job *leader;
  struct shop__job *first, *last; /* taken from the queue, in their order */
  int32_t count;
  int32_t kept;       /* how many want their writes kept */
  bool full;          /* this commit is synced, whatever the setting says */
  bool hurried;       /* the leader's deadline comes before the end of the busy wait */
  int64_t ticket;     /* the last one to have come before the batch was begun */
  int64_t started_us; /* when the first function began */
};

/** The next function of the batch, or NULL when it shall commit. *more: others
    wait behind it. */
struct shop__job *shop__queue_take(struct shop__db *db, struct shop__batch *batch, bool *more);
/** The transaction could not be begun: all who were there before the batch get
    this answer. */
void shop__queue_refuse(struct shop__db *db, struct shop__batch *batch,
                        const struct shop_error *why);

/** The lead, for a short read on the writing connection: false where somebody has it, or there is
   no such connection. The next in the queue gets it by the return. */
bool shop__queue_borrow(struct shop__db *db) SHOP__MUST_USE;
void shop__queue_return(struct shop__db *db);

/* ---- db_batch.c, db_fence.c: one commit ------------------------------------ */

/* What became of a commit. */
enum shop__fate { SHOP__STANDS, SHOP__VOID, SHOP__UNKNOWN };

/** Carries out a batch: every job taken has its status and error afterwards.
    wait_us: for the write lock. */
void shop__batch_run(struct shop__db *db, struct shop__batch *batch, int64_t wait_us);
/** After a doubtful commit: finds out, on a new connection. */
enum shop__fate shop__fence(struct shop__db *db);

/* ---- db.c ------------------------------------------------------------------ */

struct shop__pool {
  pthread_mutex_t lock;
  pthread_cond_t freed;
  struct shop__link **idle;
  int32_t idle_count;
  int32_t open_count; /* idle, in use and being opened */
  int32_t max;
};

struct shop__db {
  const struct shop__engine *engine;
  char *path; /* absolute: the host may change its folder */
  enum shop__db_sync sync;
  int64_t busy_us;
  int64_t version; /* of the newest migration that we know */
  const struct shop__clock *clock;
  int64_t batch_us; /* SHOP__BATCH_US, but for tests */
  struct shop__queue queue;
  struct shop__pool pool;
  /* The leader's alone, handed on through the queue's lock. */
  struct shop__link *writer; /* NULL after a failure: the next leader opens one */
  struct shop__marker marker;
};

/** After such a failure a connection may go on failing: it is replaced. */
bool shop__status_taints(int32_t status);

int32_t shop__queue_init(struct shop__queue *queue) SHOP__MUST_USE;
void shop__queue_destroy(struct shop__queue *queue);
int32_t shop__pool_init(struct shop__pool *pool, int32_t readers_max) SHOP__MUST_USE;
void shop__pool_destroy(struct shop__pool *pool);

#endif
