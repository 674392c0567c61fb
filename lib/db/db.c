/*
 * Opening, migrating and closing a store.
 */
#include "db_internal.h"

/* A farewell may be skipped: it waits for others only so long. */
#define RELEASE_WAIT_US 50000

/* ---- migrating ------------------------------------------------------------- */

static int32_t run_migrations(struct shop__link *link, const struct shop__db_settings *settings,
                              int64_t version, struct shop_error *why) {
  const struct shop__engine *engine = link->engine;
  int32_t status = version == 0 ? engine->script(link->conn, engine->seam_script) : SHOP_OK;
  if (status != SHOP_OK) {
    return engine->explain(link->conn, status, why);
  }
  for (int64_t i = version; i < settings->migration_count; i++) {
    status = engine->script(link->conn, settings->migrations[i].sql);
    if (status != SHOP_OK) {
      engine->explain(link->conn, status, why);
      return shop__error_set(why, status, "Migration %s failed. %s", settings->migrations[i].name,
                             why->message);
    }
  }
  status = engine->stamp(link->conn, settings->migration_count);
  return status == SHOP_OK ? SHOP_OK : engine->explain(link->conn, status, why);
}

static int32_t commit_migration(struct shop__link *link, struct shop_error *why) {
  bool doubtful;
  int32_t status = link->engine->commit(link->conn, &doubtful);
  if (status != SHOP_OK && doubtful) {
    return shop__error_set(why, SHOP_ERR_COMMIT_UNKNOWN,
                           "The commit of the migration met an I/O error, and it may stand or not: "
                           "check the disk and open the store again");
  }
  return status == SHOP_OK ? SHOP_OK : link->engine->explain(link->conn, status, why);
}

/* All migrations in one transaction. The version is asked again under the write lock: two may have
   opened a new file at once, and then the second finds the work done. */
static int32_t migrate_locked(struct shop__link *link, const struct shop__db_settings *settings,
                              struct shop_error *why) {
  const struct shop__engine *engine = link->engine;
  int64_t version = 0;
  int32_t status = shop__link_begin(link, true, link->db->busy_us, why);
  if (status != SHOP_OK) {
    return status;
  }
  status = engine->identify(link->conn, &version);
  if (status != SHOP_OK) {
    return engine->explain(link->conn, status, why);
  }
  if (version == settings->migration_count) {
    return SHOP_OK;
  }
  status = run_migrations(link, settings, version, why);
  return status == SHOP_OK ? commit_migration(link, why) : status;
}

static int32_t migrate(struct shop__link *link, const struct shop__db_settings *settings,
                       struct shop_error *why) {
  const struct shop__engine *engine = link->engine;
  int64_t version = 0;
  int32_t status = engine->version(link->conn, &version);
  if (status == SHOP_OK && version != settings->migration_count) {
    /* A migration may rebuild a table that others refer to; stamp checks the references. */
    status = engine->foreign_keys(link->conn, false);
    if (status == SHOP_OK) {
      status = migrate_locked(link, settings, why);
      bool usable = shop__link_rollback(link); /* harmless after a commit */
      if (status != SHOP_OK) {
        return status;
      }
      status = usable ? engine->foreign_keys(link->conn, true) : SHOP_ERR_IO;
    }
  }
  return status == SHOP_OK ? SHOP_OK : engine->explain(link->conn, status, why);
}

/* ---- opening and closing --------------------------------------------------- */

static struct shop__db *new_db(const struct shop__db_settings *settings) {
  struct shop__db *db = shop__memory_zalloc(sizeof *db);
  if (db == NULL) {
    return NULL;
  }
  db->engine = &shop__engine_sqlite;
  db->sync = settings->sync;
  int64_t most_ms = INT64_MAX / 4000;
  db->busy_us = (settings->busy_ms < most_ms ? settings->busy_ms : most_ms) * 1000;
  db->version = settings->migration_count;
  db->clock = settings->clock;
  db->batch_us = SHOP__BATCH_US;
  if (shop__queue_init(&db->queue) != SHOP_OK) {
    shop__memory_free(db);
    return NULL;
  }
  if (shop__pool_init(&db->pool, settings->readers_max) != SHOP_OK) {
    shop__queue_destroy(&db->queue);
    shop__memory_free(db);
    return NULL;
  }
  return db;
}

int32_t shop__db_open(const struct shop__db_settings *settings, shop__db_t **out,
                      shop_error_t *err) {
  *out = NULL;
  struct shop_error why;
  struct shop__db *db = new_db(settings);
  if (db == NULL) {
    return shop__error_set(err, SHOP_ERR_NO_MEMORY, "Out of memory");
  }
  int32_t status = shop__link_open(db, settings->path, SHOP__FOR_OPENING, &db->writer, &why);
  if (status == SHOP_OK) {
    status = migrate(db->writer, settings, &why);
  }
  if (status == SHOP_OK) {
    db->path = shop__memory_strdup(db->engine->path(db->writer->conn));
    if (db->path == NULL) {
      status = shop__error_set(&why, SHOP_ERR_NO_MEMORY, "Out of memory");
    }
  }
  if (status != SHOP_OK) {
    shop__db_close(db);
    return shop__error_copy(err, &why);
  }
  shop__error_clear(err);
  *out = db;
  return SHOP_OK;
}

/* Gives the marker's slot back. Best effort: a slot that nobody gave back is taken over when all
   are in use. A power cut that brings it back does no harm, so it is not synced. */
static void release_marker(struct shop__db *db) {
  struct shop__link *link = db->writer;
  bool doubtful;
  if (link == NULL || db->marker.slot == 0 || link->engine->sync(link->conn, false) != SHOP_OK) {
    return;
  }
  if (shop__link_begin(link, true, RELEASE_WAIT_US, NULL) == SHOP_OK &&
      shop__marker_release(&db->marker, &link->tx) == SHOP_OK) {
    shop__link_reset(link);
    (void)link->engine->commit(link->conn, &doubtful);
  } /* what is still open is rolled back by the close */
}

void shop__db_close(shop__db_t *db) {
  if (db == NULL) {
    return;
  }
  shop__pool_destroy(&db->pool); /* so that the writer is the last, and empties the log */
  release_marker(db);
  shop__link_close(db->writer);
  shop__queue_destroy(&db->queue);
  shop__memory_free(db->path);
  shop__memory_free(db);
}
