/*
 * An online copy by SQLite's backup API. The source stands in a read
 * transaction, so that what is copied is the state of one moment, whatever
 * others write meanwhile.
 */
#include "engine_sqlite.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#define STEP_PAGES 256

/* The copy holds password hashes and signing keys: it is its owner's alone. */
static int32_t claim_file(struct shop__conn *conn, const char *path) {
  int fd = open(path, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);
  if (fd < 0) {
    return shop__sqlite_fail(conn, errno == ENOSPC ? SHOP_ERR_DISK_FULL : SHOP_ERR_CANNOT_OPEN);
  }
  (void)close(fd);
  return SHOP_OK;
}

static int32_t copy_pages(struct shop__conn *conn, sqlite3 *target,
                          bool (*go_on)(void *user, int64_t done, int64_t total), void *user) {
  sqlite3_backup *backup = sqlite3_backup_init(target, "main", conn->db, "main");
  bool stopped = false;
  int code = SQLITE_OK;
  if (backup == NULL) {
    return shop__sqlite_classify(conn, sqlite3_extended_errcode(target));
  }
  while (code == SQLITE_OK && !stopped) {
    code = sqlite3_backup_step(backup, STEP_PAGES);
    int64_t total = sqlite3_backup_pagecount(backup);
    stopped = code == SQLITE_OK && !go_on(user, total - sqlite3_backup_remaining(backup), total);
  }
  int finished = sqlite3_backup_finish(backup);
  if (stopped) {
    return shop__sqlite_fail(conn, SHOP_ERR_DEADLINE);
  }
  if (code != SQLITE_DONE) {
    return shop__sqlite_classify(conn, code == SQLITE_OK ? finished : code);
  }
  return shop__sqlite_classify(conn, finished);
}

int32_t shop__sqlite_backup(struct shop__conn *conn, const char *path,
                            bool (*go_on)(void *user, int64_t done, int64_t total), void *user) {
  sqlite3 *target = NULL;
  int32_t status = claim_file(conn, path);
  if (status != SHOP_OK) {
    return status;
  }
  int code = sqlite3_open_v2(path, &target, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);
  if (target != NULL) {
    (void)sqlite3_extended_result_codes(target, 1);
  }
  status = code == SQLITE_OK ? copy_pages(conn, target, go_on, user)
                             : shop__sqlite_classify(conn, code);
  (void)sqlite3_close(target);
  if (status != SHOP_OK) {
    (void)unlink(path);
  }
  return status;
}
