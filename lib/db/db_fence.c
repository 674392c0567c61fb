/*
 * After a commit of unknown outcome: a fence. The connection that failed is
 * dropped; a new one reads the log again, looks whether the batch's marker is
 * in its slot, and commits a marker of its own. From then on the answer cannot
 * change: a batch that stands lies before the fence, and what a void one left
 * in the log is written over by it.
 */
#include "db_internal.h"

/* Readers in the way of emptying the log hold up the writers only so long. */
#define CHECKPOINT_WAIT_US 200000

static enum shop__fate give_up(struct shop__db *db) {
  shop__link_close(db->writer);
  db->writer = NULL;
  return SHOP__UNKNOWN;
}

static int32_t commit_fence(struct shop__db *db, bool *stands) {
  struct shop__link *link = db->writer;
  bool doubtful = false;
  int32_t status = shop__link_begin(link, true, db->busy_us, NULL);
  if (status == SHOP_OK) {
    status = shop__marker_look(&db->marker, &link->tx, stands);
  }
  if (status == SHOP_OK) {
    status = shop__marker_seal(&db->marker, &link->tx);
  }
  shop__link_reset(link);
  if (status == SHOP_OK) {
    status = link->engine->commit(link->conn, &doubtful); /* a new connection syncs it */
  }
  if (status == SHOP_OK) {
    shop__marker_settle(&db->marker);
  }
  return status;
}

enum shop__fate shop__fence(struct shop__db *db) {
  bool stands = false;
  /* First the old one, which may hold locks. */
  shop__link_close(db->writer);
  if (shop__link_open(db, db->path, SHOP__FOR_WRITING, &db->writer, NULL) != SHOP_OK ||
      commit_fence(db, &stands) != SHOP_OK) {
    return give_up(db);
  }
  /* After a failed fsync the kernel may have dropped the pages and call the next fsync a success:
     the log could have a hole on the disk that nobody sees before a power cut. Its pages can still
     be read now, so they are moved into the main file, which is synced, and the log starts anew. A
     best effort: what the marker said is true either way. */
  (void)db->engine->checkpoint(db->writer->conn, CHECKPOINT_WAIT_US);
  return stands ? SHOP__STANDS : SHOP__VOID;
}
