/*
 * One commit: the functions of a batch, run one after the other on the leader's
 * thread, each undone alone where it fails, and committed together. Where that
 * commit does not stand, every function is run again alone, once.
 */
#include "db_internal.h"

#include <assert.h>

/* ---- the writing connection ------------------------------------------------ */

static void drop_writer(struct shop__db *db) {
  shop__link_close(db->writer);
  db->writer = NULL;
}

static void roll_back(struct shop__db *db) {
  if (!shop__link_rollback(db->writer)) {
    drop_writer(db);
  }
}

static int32_t begin(struct shop__db *db, bool full, int64_t wait_us, struct shop_error *why) {
  if (db->writer == NULL) {
    int32_t status = shop__link_open(db, db->path, SHOP__FOR_WRITING, &db->writer, why);
    if (status != SHOP_OK) {
      return status;
    }
  }
  struct shop__link *link = db->writer;
  int32_t status = link->engine->sync(link->conn, full);
  if (status != SHOP_OK) {
    link->engine->explain(link->conn, status, why);
  } else {
    status = shop__link_begin(link, true, wait_us, why);
  }
  if (status != SHOP_OK) {
    roll_back(db);
    if (shop__status_taints(status)) {
      drop_writer(db);
    }
  }
  return status;
}

/* ---- functions ------------------------------------------------------------- */

/* False when the transaction did not survive: SQLite ends it on a full disk, an I/O error or a lack
   of memory, and then nothing of it may be kept. */
static bool run_job(struct shop__link *link, struct shop__job *job, bool guarded) {
  const struct shop__engine *engine = link->engine;
  int32_t status = guarded ? engine->savepoint(link->conn) : SHOP_OK;
  if (status == SHOP_OK) {
    job->status = shop__link_call(link, job->fn, job->ctx, &job->error);
    if (!engine->in_transaction(link->conn)) {
      assert(job->status < 0); /* a failure of the store sticks to its function */
      return false;
    }
    if (guarded) {
      status = job->status < 0 ? engine->undo(link->conn) : engine->release(link->conn);
    }
  }
  if (status != SHOP_OK) {
    job->status = engine->explain(link->conn, status, &job->error);
  }
  return status == SHOP_OK;
}

static bool run_jobs(struct shop__db *db, struct shop__batch *batch) {
  struct shop__job *job;
  bool more;
  while ((job = shop__queue_take(db, batch, &more)) != NULL) {
    bool guarded = more || batch->count > 1;
    if (!run_job(db->writer, job, guarded)) {
      return false;
    }
    if (job->status >= 0) {
      batch->kept++;
    } else if (!guarded) {
      break; /* alone and without a savepoint: undone by the rollback */
    }
  }
  return true;
}

/* ---- the end of the transaction -------------------------------------------- */

static int32_t commit(struct shop__db *db, bool *doubtful, struct shop_error *why) {
  struct shop__link *link = db->writer;
  int32_t status = shop__marker_seal(&db->marker, &link->tx);
  shop__link_reset(link);
  if (status != SHOP_OK) {
    shop__error_copy(why, &link->quiet_error);
    why->code = status;
    return status;
  }
  status = link->engine->commit(link->conn, doubtful);
  return status == SHOP_OK ? SHOP_OK : link->engine->explain(link->conn, status, why);
}

static bool has_changes(const struct shop__link *link, int64_t written) {
  return link->engine->written(link->conn) != written ||
         (link->tx.id_loaded && link->tx.id_last != link->tx.id_stored);
}

/* `why` is filled when the commit failed. */
static enum shop__fate finish(struct shop__db *db, bool keep, int64_t written, bool *doubtful,
                              struct shop_error *why) {
  *doubtful = false;
  if (!keep || !has_changes(db->writer, written)) {
    roll_back(db); /* refusals and reads: they saw what is committed, and leave nothing */
    return SHOP__STANDS;
  }
  if (commit(db, doubtful, why) == SHOP_OK) {
    shop__marker_settle(&db->marker);
    return SHOP__STANDS;
  }
  if (*doubtful) {
    return shop__fence(db);
  }
  roll_back(db);
  return SHOP__VOID;
}

static void set_unknown(struct shop__job *job) {
  job->status =
      shop__error_set(&job->error, SHOP_ERR_COMMIT_UNKNOWN,
                      "The commit broke off, and so did the attempt to find out what became of it: "
                      "check the disk and repeat the call with the same idempotency key");
}

/* ---- again, alone ---------------------------------------------------------- */

/* False when not even the transaction could be begun. */
static bool run_alone(struct shop__db *db, struct shop__job *job, bool full) {
  struct shop_error why;
  job->status = begin(db, full, db->busy_us, &job->error);
  if (job->status != SHOP_OK) {
    return false;
  }
  int64_t written = db->writer->engine->written(db->writer->conn);
  if (!run_job(db->writer, job, false)) {
    roll_back(db);
    return true;
  }
  bool doubtful;
  switch (finish(db, job->status >= 0, written, &doubtful, &why)) {
  case SHOP__STANDS:
    break;
  case SHOP__VOID:
    job->status = shop__error_copy(&job->error, &why);
    break;
  case SHOP__UNKNOWN:
    set_unknown(job);
    break;
  }
  return true;
}

/* Where one transaction could not be begun the others would only wait for the same. */
static void run_each_alone(struct shop__db *db, struct shop__batch *batch) {
  const struct shop__job *stuck = NULL;
  for (struct shop__job *job = batch->first; job != NULL; job = job->next) {
    if (stuck != NULL) {
      job->status = shop__error_copy(&job->error, &stuck->error);
    } else if (!run_alone(db, job, batch->full)) {
      stuck = job;
    }
  }
}

void shop__batch_run(struct shop__db *db, struct shop__batch *batch, int64_t wait_us) {
  struct shop_error why;
  if (begin(db, batch->full, wait_us, &why) != SHOP_OK) {
    shop__queue_refuse(db, batch, &why);
    return;
  }
  int64_t written = db->writer->engine->written(db->writer->conn);
  if (!run_jobs(db, batch)) {
    roll_back(db);
    if (batch->count > 1) { /* who was alone has had its run alone */
      run_each_alone(db, batch);
    }
    return;
  }
  bool doubtful;
  switch (finish(db, batch->kept > 0, written, &doubtful, &why)) {
  case SHOP__STANDS:
    break;
  case SHOP__VOID:
    if (batch->count > 1 || doubtful) {
      run_each_alone(db, batch);
    } else {
      batch->first->status = shop__error_copy(&batch->first->error, &why);
    }
    break;
  case SHOP__UNKNOWN:
    for (struct shop__job *job = batch->first; job != NULL; job = job->next) {
      set_unknown(job);
    }
    break;
  }
}
