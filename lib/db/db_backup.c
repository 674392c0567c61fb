/*
 * Upkeep of the file as a whole: an online copy, and a checkpoint of the
 * write-ahead log.
 */
#include "db_internal.h"

#define CHECKPOINT_WAIT_US 100000

struct backup {
  const char *path;
  bool (*go_on)(void *user, int64_t done, int64_t total);
  void *user;
};

static int32_t backup_fn(shop__tx_t *tx, void *ctx) {
  const struct backup *backup = ctx;
  const struct shop__engine *engine = tx->link->engine;
  int32_t status =
      engine->backup(tx->link->conn, backup->path, backup->go_on, backup->user);
  switch (status) {
  case SHOP_OK:
    return SHOP_OK;
  case SHOP_ERR_CANNOT_OPEN:
    return shop__error_set(tx->error, status,
                           "The copy cannot be made: its folder must exist, and no file of its "
                           "name");
  case SHOP_ERR_DEADLINE:
    return shop__error_set(tx->error, status, "The copy was stopped by its progress callback");
  default:
    return engine->explain(tx->link->conn, status, tx->error);
  }
}

int32_t shop__db_backup(shop__db_t *db, const char *path,
                        bool (*go_on)(void *user, int64_t done, int64_t total), void *user,
                        shop_error_t *err) {
  struct backup backup = {path, go_on, user};
  return shop__db_read(db, backup_fn, &backup, err);
}

int32_t shop__db_checkpoint(shop__db_t *db, shop_error_t *err) {
  struct shop__link *link = NULL;
  int32_t status = shop__link_open(db, db->path, SHOP__FOR_WRITING, &link, err);
  if (status != SHOP_OK) {
    return status;
  }
  status = db->engine->checkpoint(link->conn, CHECKPOINT_WAIT_US);
  if (status == SHOP_ERR_BUSY) { /* readers or writers are in the way: next time */
    status = SHOP_OK;
  }
  if (status != SHOP_OK) {
    (void)db->engine->explain(link->conn, status, err);
  }
  shop__link_close(link);
  return status;
}
