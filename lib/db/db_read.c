/*
 * Reading: a pool of connections of their own. A read sees one snapshot and
 * never waits for a writer, nor a writer for it; but for a glance, which uses
 * the writing connection while nobody else does. There SQLite finds in memory
 * the pages that our own commits have changed, while a connection of the pool
 * has to read everything again after each commit.
 */
#include "db_internal.h"

/* An idle connection, or the right to open one (then *out is NULL). Waits for one of both. */
static void enter(struct shop__pool *pool, struct shop__link **out) {
  pthread_mutex_lock(&pool->lock);
  while (pool->idle_count == 0 && pool->open_count == pool->max) {
    pthread_cond_wait(&pool->freed, &pool->lock);
  }
  *out = NULL;
  if (pool->idle_count > 0) {
    *out = pool->idle[--pool->idle_count]; /* the latest used: its cache is the warmest */
  } else {
    pool->open_count++;
  }
  pthread_mutex_unlock(&pool->lock);
}

/* link NULL: there is one connection less now. */
static void leave(struct shop__pool *pool, struct shop__link *link) {
  pthread_mutex_lock(&pool->lock);
  if (link != NULL) {
    pool->idle[pool->idle_count++] = link;
  } else {
    pool->open_count--;
  }
  pthread_cond_signal(&pool->freed);
  pthread_mutex_unlock(&pool->lock);
}

static int32_t read_on(struct shop__link *link, shop__db_fn fn, void *ctx,
                       struct shop_error *error) {
  int32_t status = shop__link_begin(link, false, link->db->busy_us, error);
  return status == SHOP_OK ? shop__link_call(link, fn, ctx, error) : status;
}

int32_t shop__db_read(shop__db_t *db, shop__db_fn fn, void *ctx, shop_error_t *err) {
  struct shop__link *link;
  struct shop_error error;
  int cancel_state;
  int32_t status = SHOP_OK;
  (void)pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel_state); /* as in shop__db_write */
  enter(&db->pool, &link);
  if (link == NULL) {
    status = shop__link_open(db, db->path, SHOP__FOR_READING, &link, &error);
  }
  if (status == SHOP_OK) {
    status = read_on(link, fn, ctx, &error);
    /* Nothing was written, so a rollback is an end as good as any, and it ends a transaction that
       has failed as well. */
    if (!shop__link_rollback(link) || shop__status_taints(status)) {
      shop__link_close(link);
      link = NULL;
    }
  }
  leave(&db->pool, link);
  if (status < 0) {
    shop__error_copy(err, &error);
  } else {
    shop__error_clear(err);
  }
  (void)pthread_setcancelstate(cancel_state, NULL);
  return status;
}

/* On the writing connection, where a write would not be refused: it is undone here. */
static int32_t read_only_on(struct shop__link *link, shop__db_fn fn, void *ctx,
                            struct shop_error *error) {
  int64_t written = link->engine->written(link->conn);
  int32_t status = read_on(link, fn, ctx, error);
  if (link->engine->written(link->conn) != written) {
    status = shop__error_set(error, SHOP_ERR_READ_ONLY, "A read tried to write");
  }
  return status;
}

int32_t shop__db_glance(shop__db_t *db, shop__db_fn fn, void *ctx, shop_error_t *err) {
  struct shop_error error;
  int cancel_state;
  (void)pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel_state); /* as in shop__db_write */
  bool borrowed = shop__queue_borrow(db);
  int32_t status = SHOP_OK;
  if (borrowed) {
    status = read_only_on(db->writer, fn, ctx, &error);
    if (!shop__link_rollback(db->writer) || shop__status_taints(status)) {
      shop__link_close(db->writer);
      db->writer = NULL;
    }
    shop__queue_return(db);
    if (status < 0) {
      shop__error_copy(err, &error);
    } else {
      shop__error_clear(err);
    }
  }
  (void)pthread_setcancelstate(cancel_state, NULL);
  return borrowed ? status : shop__db_read(db, fn, ctx, err);
}

int32_t shop__pool_init(struct shop__pool *pool, int32_t readers_max) {
  pool->max = readers_max < 1 ? 1 : readers_max;
  pool->idle = shop__memory_zalloc((size_t)pool->max * sizeof *pool->idle);
  if (pool->idle == NULL || pthread_mutex_init(&pool->lock, NULL) != 0) {
    shop__memory_free(pool->idle);
    return SHOP_ERR_NO_MEMORY;
  }
  if (pthread_cond_init(&pool->freed, NULL) != 0) {
    (void)pthread_mutex_destroy(&pool->lock);
    shop__memory_free(pool->idle);
    return SHOP_ERR_NO_MEMORY;
  }
  return SHOP_OK;
}

void shop__pool_destroy(struct shop__pool *pool) {
  for (int32_t i = 0; i < pool->idle_count; i++) {
    shop__link_close(pool->idle[i]);
  }
  shop__memory_free(pool->idle);
  (void)pthread_cond_destroy(&pool->freed);
  (void)pthread_mutex_destroy(&pool->lock);
}
