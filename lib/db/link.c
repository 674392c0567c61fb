/*
 * A link: one connection with its prepared statements, and the one transaction
 * that can run on it.
 */
#include "db_internal.h"

/* From here on the seam's own statements run, not a caller's function. */
static void turn_quiet(struct shop__link *link) {
  shop__error_clear(&link->tx.failure);
  link->tx.error = &link->quiet_error;
}

int32_t shop__link_open(struct shop__db *db, const char *path, enum shop__purpose purpose,
                        struct shop__link **out, shop_error_t *err) {
  *out = NULL;
  struct shop__link *link = shop__memory_zalloc(sizeof *link);
  if (link == NULL) {
    return shop__error_set(err, SHOP_ERR_NO_MEMORY, "Out of memory: nothing was changed");
  }
  link->db = db;
  link->engine = db->engine;
  link->tx.link = link;
  link->spare.tx = &link->tx;
  turn_quiet(link);
  int32_t status = db->engine->open(path, purpose, db->busy_us, &link->conn, err);
  if (status != SHOP_OK) {
    shop__link_close(link);
    return status;
  }
  *out = link;
  return SHOP_OK;
}

void shop__link_close(struct shop__link *link) {
  if (link == NULL) {
    return;
  }
  shop__link_free_queries(link);
  link->engine->close(link->conn);
  shop__memory_free(link);
}

int32_t shop__link_begin(struct shop__link *link, bool write, int64_t wait_us, shop_error_t *err) {
  const struct shop__engine *engine = link->engine;
  int64_t version = 0;
  turn_quiet(link);
  link->tx.writing = write;
  link->tx.id_loaded = false;
  int32_t status = engine->begin(link->conn, write, wait_us);
  if (status == SHOP_OK) {
    /* Asked inside the transaction, so that nobody can migrate between this look and the work. */
    status = engine->version(link->conn, &version);
  }
  if (status != SHOP_OK) {
    return engine->explain(link->conn, status, err);
  }
  if (version > link->db->version) {
    return shop__error_set(err, SHOP_ERR_TOO_NEW,
                           "The file was written by a newer libshop: use that one");
  }
  return SHOP_OK;
}

bool shop__link_rollback(struct shop__link *link) {
  shop__link_reset(link);
  return link->engine->rollback(link->conn) == SHOP_OK;
}

int32_t shop__link_call(struct shop__link *link, shop__db_fn fn, void *ctx,
                        struct shop_error *error) {
  struct shop__tx *tx = &link->tx;
  shop__error_clear(error);
  shop__error_clear(&tx->failure);
  tx->error = error;
  int32_t status = fn(tx, ctx);
  shop__link_reset(link);
  if (tx->failure.code != SHOP_OK) {
    status = shop__error_copy(error, &tx->failure);
  } else if (status < 0) {
    error->code = status; /* the function may have answered without a text */
  }
  turn_quiet(link);
  return status;
}

bool shop__status_taints(int32_t status) {
  return status == SHOP_ERR_IO || status == SHOP_ERR_CORRUPT || status == SHOP_ERR_CANNOT_OPEN;
}

void shop__link_reset(struct shop__link *link) {
  struct shop__query *q = link->touched;
  link->touched = NULL;
  while (q != NULL) {
    struct shop__query *next = q->next_touched;
    shop__query_reset(q);
    q->failure = SHOP_OK;
    q->touched = false;
    q->next_touched = NULL;
    q = next;
  }
}

shop_error_t *shop__tx_error(shop__tx_t *tx) {
  return tx->error;
}

int32_t shop__tx_check_file(shop__tx_t *tx, void (*say)(void *user, const char *text), void *user) {
  struct shop__link *link = tx->link;
  int32_t status = link->engine->check_file(link->conn, say, user);
  if (status == SHOP_OK) {
    return SHOP_OK;
  }
  if (tx->failure.code == SHOP_OK) {
    link->engine->explain(link->conn, status, &tx->failure);
  }
  return status;
}
