/*
 * Writing: many threads, one commit. Callers queue; who finds no leader leads:
 * it begins the transaction, runs its own function and those that came
 * meanwhile, commits once and hands over to the next in the queue. No call
 * answers before the commit that its answer rests on.
 *
 * Not from inside a function, which would wait for itself.
 */
#include "db_internal.h"

#include <errno.h>
#include <time.h>

/* ---- the queue; its lock is held in this part ------------------------------ */

static void push(struct shop__queue *queue, struct shop__job *job) {
  job->state = SHOP__JOB_QUEUED;
  job->ticket = ++queue->ticket;
  job->next = NULL;
  job->previous = queue->tail;
  *(queue->tail == NULL ? &queue->head : &queue->tail->next) = job;
  queue->tail = job;
}

static void unlink_job(struct shop__queue *queue, struct shop__job *job) {
  *(job->previous == NULL ? &queue->head : &job->previous->next) = job->next;
  *(job->next == NULL ? &queue->tail : &job->next->previous) = job->previous;
  job->next = NULL;
  job->previous = NULL;
}

/* The job's memory may be gone as soon as the lock is released after this. */
static void set_done(struct shop__job *job) {
  job->state = SHOP__JOB_DONE;
  if (job->waiting) {
    pthread_cond_signal(&job->wake);
  }
}

static bool is_late(const struct shop__job *job, int64_t now_us) {
  return job->deadline_us != 0 && now_us >= job->deadline_us;
}

static void set_late(struct shop__job *job) {
  job->status = shop__error_set(&job->error, SHOP_ERR_DEADLINE,
                                "The deadline passed before the work was begun: nothing was "
                                "changed, try again");
}

static void hand_over(struct shop__queue *queue) {
  queue->has_leader = queue->head != NULL;
  if (queue->has_leader) {
    queue->head->state = SHOP__JOB_LEADING;
    pthread_cond_signal(&queue->head->wake);
  }
}

static void leave_late(struct shop__queue *queue, struct shop__job *job) {
  unlink_job(queue, job);
  job->state = SHOP__JOB_DONE;
  set_late(job);
}

static struct timespec timespec_of(int64_t us) {
  struct timespec time = {.tv_sec = us / 1000000, .tv_nsec = (long)(us % 1000000) * 1000};
  return time;
}

/* Waits for the answer, or for being called to lead. Each waits on a condition of its own, so that
   only those are woken for whom there is something to do. */
static void wait_turn(struct shop__queue *queue, struct shop__job *job) {
  struct timespec deadline = timespec_of(job->deadline_us);
  if (pthread_cond_init(&job->wake, &queue->monotonic) != 0) {
    unlink_job(queue, job);
    job->state = SHOP__JOB_DONE;
    job->status = shop__error_set(&job->error, SHOP_ERR_NO_MEMORY, "Out of memory to wait with");
    return;
  }
  job->waiting = true;
  while (job->state == SHOP__JOB_QUEUED || job->state == SHOP__JOB_TAKEN) {
    if (job->deadline_us == 0 || job->state == SHOP__JOB_TAKEN) {
      pthread_cond_wait(&job->wake, &queue->lock);
    } else if (pthread_cond_timedwait(&job->wake, &queue->lock, &deadline) == ETIMEDOUT &&
               job->state == SHOP__JOB_QUEUED) {
      leave_late(queue, job);
    }
  }
  job->waiting = false;
  (void)pthread_cond_destroy(&job->wake);
}

/* ---- leading --------------------------------------------------------------- */

/* SQLite cannot change its mind about syncing inside a transaction: those who are there now decide,
   and a payment that comes later waits for the next batch where this one is not synced. */
static void open_batch(struct shop__db *db, struct shop__batch *batch) {
  struct shop__job *job = db->queue.head;
  batch->ticket = db->queue.ticket;
  batch->full = db->sync == SHOP__SYNC_FULL;
  for (int32_t i = 0; !batch->full && job != NULL && i < SHOP__BATCH_MAX; i++) {
    batch->full = job->payment;
    job = job->next;
  }
}

struct shop__job *shop__queue_take(struct shop__db *db, struct shop__batch *batch, bool *more) {
  struct shop__queue *queue = &db->queue;
  int64_t now = shop__clock_monotonic_us();
  if (batch->count == 0) {
    batch->started_us = now;
  } else if (batch->count >= SHOP__BATCH_MAX || now - batch->started_us >= db->batch_us) {
    return NULL;
  }
  pthread_mutex_lock(&queue->lock);
  struct shop__job *job = queue->head;
  while (job != NULL && is_late(job, now)) {
    unlink_job(queue, job);
    set_late(job);
    set_done(job);
    job = queue->head;
  }
  if (job != NULL && job->payment && !batch->full) {
    job = NULL;
  }
  if (job != NULL) {
    unlink_job(queue, job);
    job->state = SHOP__JOB_TAKEN;
    *(batch->last == NULL ? &batch->first : &batch->last->next) = job;
    batch->last = job;
    batch->count++;
  }
  *more = queue->head != NULL;
  pthread_mutex_unlock(&queue->lock);
  return job;
}

void shop__queue_refuse(struct shop__db *db, struct shop__batch *batch,
                        const struct shop_error *why) {
  struct shop__queue *queue = &db->queue;
  int64_t now = shop__clock_monotonic_us();
  pthread_mutex_lock(&queue->lock);
  for (struct shop__job *job = queue->head, *next; job != NULL && job->ticket <= batch->ticket;
       job = next) {
    next = job->next;
    bool gave_up = why->code == SHOP_ERR_BUSY && batch->hurried;
    if (is_late(job, now) || (gave_up && job == batch->leader)) {
      set_late(job);
    } else if (!gave_up) {
      job->status = shop__error_copy(&job->error, why);
    } else {
      continue; /* the lock was waited for no longer than the leader could: the next one leads */
    }
    unlink_job(queue, job);
    set_done(job);
  }
  pthread_mutex_unlock(&queue->lock);
}

static void lead(struct shop__db *db, struct shop__job *self) {
  struct shop__batch batch = {.leader = self};
  int64_t wait_us = db->busy_us;
  if (self->deadline_us != 0) {
    int64_t left = self->deadline_us - shop__clock_monotonic_us();
    batch.hurried = left < wait_us;
    wait_us = left < 0 ? 0 : batch.hurried ? left : wait_us;
  }
  pthread_mutex_lock(&db->queue.lock);
  open_batch(db, &batch);
  pthread_mutex_unlock(&db->queue.lock);

  shop__batch_run(db, &batch, wait_us);

  pthread_mutex_lock(&db->queue.lock);
  hand_over(&db->queue); /* first, for the next commit waits for it */
  for (struct shop__job *job = batch.first, *next; job != NULL; job = next) {
    next = job->next;
    set_done(job);
  }
  pthread_mutex_unlock(&db->queue.lock);
}

bool shop__queue_borrow(struct shop__db *db) {
  struct shop__queue *queue = &db->queue;
  pthread_mutex_lock(&queue->lock);
  bool is_free = !queue->has_leader && db->writer != NULL;
  if (is_free) {
    queue->has_leader = true;
  }
  pthread_mutex_unlock(&queue->lock);
  return is_free;
}

void shop__queue_return(struct shop__db *db) {
  pthread_mutex_lock(&db->queue.lock);
  hand_over(&db->queue);
  pthread_mutex_unlock(&db->queue.lock);
}

/* ---- the call -------------------------------------------------------------- */

static int64_t deadline_of(const struct shop__db_write_rule *rule) {
  if (rule == NULL || rule->deadline_ms <= 0) {
    return 0;
  }
  int64_t most_ms = INT64_MAX / 4000;
  int64_t ms = rule->deadline_ms < most_ms ? rule->deadline_ms : most_ms;
  return shop__clock_monotonic_us() + ms * 1000;
}

int32_t shop__db_write(shop__db_t *db, shop__db_fn fn, void *ctx,
                       const struct shop__db_write_rule *rule, shop_error_t *err) {
  struct shop__job job; /* field by field, for the error's text is long */
  int cancel_state;
  /* A thread that is cancelled in the queue or in SQLite would leave others waiting for ever. */
  (void)pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel_state);
  job.fn = fn;
  job.ctx = ctx;
  job.deadline_us = deadline_of(rule);
  job.payment = rule != NULL && rule->payment;
  job.waiting = false;
  job.status = SHOP_OK;
  shop__error_clear(&job.error);

  pthread_mutex_lock(&db->queue.lock);
  push(&db->queue, &job);
  if (db->queue.has_leader) {
    wait_turn(&db->queue, &job);
  } else {
    db->queue.has_leader = true;
    job.state = SHOP__JOB_LEADING;
  }
  bool leads = job.state == SHOP__JOB_LEADING;
  pthread_mutex_unlock(&db->queue.lock);
  if (leads) {
    lead(db, &job);
  }

  if (job.status == SHOP__CONFLICT) {
    /* A rule of the schema was the last line of defence, and held: what is stored does not fit what
       the code above knows of it. */
    job.status = shop__error_set(&job.error, SHOP_ERR_CORRUPT,
                                 "The change breaks a rule of the store: run shop_verify");
  }
  if (job.status < 0) {
    shop__error_copy(err, &job.error);
  } else {
    shop__error_clear(err);
  }
  (void)pthread_setcancelstate(cancel_state, NULL);
  return job.status;
}

int32_t shop__queue_init(struct shop__queue *queue) {
  if (pthread_mutex_init(&queue->lock, NULL) != 0) {
    return SHOP_ERR_NO_MEMORY;
  }
  if (pthread_condattr_init(&queue->monotonic) != 0) {
    (void)pthread_mutex_destroy(&queue->lock);
    return SHOP_ERR_NO_MEMORY;
  }
  (void)pthread_condattr_setclock(&queue->monotonic, CLOCK_MONOTONIC); /* as base's clock */
  return SHOP_OK;
}

void shop__queue_destroy(struct shop__queue *queue) {
  (void)pthread_condattr_destroy(&queue->monotonic);
  (void)pthread_mutex_destroy(&queue->lock);
}
