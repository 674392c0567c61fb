/*
 * The disk fails: each read, write, sync, truncation and lock of a purchase and
 * what follows it fails once; the disk is full from the nth write on; syncs
 * fail for good; others hold the store for longer than the busy limit. Each
 * call says so clearly or succeeds, what it reports is true (also when the
 * power goes at once), nothing is half done, and the next call works.
 */
#include "fault_vfs.h"
#include "scene.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct kind {
  const char *name;
  enum fault_op op;
  enum fault_file file;
  int code;
  bool anyway;
};

static const struct kind kinds[] = {
    {"a read of the file", FAULT_READ, FAULT_MAIN, SQLITE_IOERR_READ, false},
    {"a read of the log", FAULT_READ, FAULT_WAL, SQLITE_IOERR_READ, false},
    {"a write to the log", FAULT_WRITE, FAULT_WAL, SQLITE_IOERR_WRITE, false},
    {"a write to the log, carried out", FAULT_WRITE, FAULT_WAL, SQLITE_IOERR_WRITE, true},
    {"a write to the log, disk full", FAULT_WRITE, FAULT_WAL, SQLITE_FULL, false},
    {"a write to the file", FAULT_WRITE, FAULT_MAIN, SQLITE_IOERR_WRITE, false},
    {"a write to the file, disk full", FAULT_WRITE, FAULT_MAIN, SQLITE_FULL, false},
    {"a sync of the log", FAULT_SYNC, FAULT_WAL, SQLITE_IOERR_FSYNC, false},
    {"a sync of the log, carried out", FAULT_SYNC, FAULT_WAL, SQLITE_IOERR_FSYNC, true},
    {"a sync of the file", FAULT_SYNC, FAULT_MAIN, SQLITE_IOERR_FSYNC, false},
    {"a truncation of the log", FAULT_TRUNCATE, FAULT_WAL, SQLITE_IOERR_TRUNCATE, false},
    {"a truncation of the file", FAULT_TRUNCATE, FAULT_MAIN, SQLITE_IOERR_TRUNCATE, false},
    {"a lock of the file", FAULT_LOCK, FAULT_MAIN, SQLITE_IOERR_LOCK, false},
    {"a lock of the index", FAULT_SHM_LOCK, FAULT_MAIN, SQLITE_IOERR_SHMLOCK, false},
    {"a lock of the index, busy", FAULT_SHM_LOCK, FAULT_MAIN, SQLITE_BUSY, false},
    {"a map of the index", FAULT_SHM_MAP, FAULT_MAIN, SQLITE_IOERR_SHMMAP, false},
};

static const char *const played[] = {"approved, refunded in part", "pending, then taken",
                                     "authorized, cancelled", "declined"};

static long tried, struck, bad;
static long said[5]; /* failures that calls have reported */

static const struct story *story_named(const char *name) {
  for (int i = 0; i < story_count; i++)
    if (strcmp(stories[i].name, name) == 0)
      return &stories[i];
  abort();
}

/* Which failures a call may report. */
static const int32_t failures[] = {SHOP_ERR_CANNOT_OPEN, SHOP_ERR_DISK_FULL, SHOP_ERR_IO,
                                   SHOP_ERR_BUSY, SHOP_ERR_COMMIT_UNKNOWN};

static void check_statuses(struct scene *scene) {
  for (int32_t i = 0; i < scene->shared->told_count; i++) {
    int32_t status = scene->shared->told[i].status;
    size_t at = 0;

    while (at < 5 && failures[at] != status)
      at++;
    if (at < 5)
      said[at]++;
    else if (status <= -500)
      scene_complain(scene, "a call said %s", shop_status_name(status));
  }
}

static void finish(struct scene *scene, const struct story *story) {
  enum found found;

  scene_inspect(scene, story, &found);
  tried++;
  bad += scene->complaints > 0;
}

/* ---- once ---------------------------------------------------------------------------------- */

static long count_once(struct scene *scene, const struct story *story, const struct kind *kind) {
  shop_t *shop;
  long count;

  scene_reset(scene, story);
  shop = scene_open(scene, story->has_query);
  fault_vfs_reset();
  scene_play(scene, shop, story);
  count = fault_vfs_count(kind->op, kind->file);
  (void)shop_close(shop);
  return count;
}

static void fail_once(struct scene *scene, const struct story *story, const struct kind *kind,
                      long nth) {
  shop_t *shop;
  char where[200];

  snprintf(where, sizeof where, "%s: %s fails, number %ld", story->name, kind->name, nth);
  scene->where = where;
  scene_reset(scene, story);
  shop = scene_open(scene, story->has_query);
  fault_vfs_reset();
  fault_vfs_fail((struct fault_rule){kind->op, kind->file, nth, 1, kind->code, kind->anyway});
  scene->suffers = true;
  scene_play(scene, shop, story);
  struck += fault_vfs_struck();
  fault_vfs_reset();
  scene->suffers = false;
  check_statuses(scene);
  scene_recover(scene, shop);
  if (!story->has_query)
    scene_count(scene, shop, story);
  if (shop_close(shop) != SHOP_OK)
    scene_complain(scene, "close");
  finish(scene, story);
}

static void fail_all_once(struct scene *scene, const struct story *story, long every) {
  for (size_t k = 0; k < sizeof kinds / sizeof kinds[0]; k++) {
    long count, step = every;

    scene->where = story->name;
    count = count_once(scene, story, &kinds[k]);
    if (count < 40)
      step = 1;
    for (long nth = 1; nth <= count; nth += step)
      fail_once(scene, story, &kinds[k], nth);
  }
}

/* ---- for good, and then the power goes --------------------------------------------------------
 */

static struct fault_rule lasting;

static void arm(struct scene *scene) {
  (void)scene;
  fault_vfs_reset();
  fault_vfs_fail(lasting);
}

static void fail_for_good(struct scene *scene, const struct story *story, struct fault_rule rule,
                          const char *what) {
  const struct crash_plan plan = {.power = POWER_LOSES_ALL};
  char where[200];

  snprintf(where, sizeof where, "%s: %s from number %ld on", story->name, what, rule.nth);
  scene->where = where;
  lasting = rule;
  scene_reset(scene, story);
  scene->on_opened = arm;
  scene->suffers = true;
  if (!scene_tell(scene, story, &plan))
    scene_complain(scene, "was not killed");
  scene->on_opened = NULL;
  check_statuses(scene);
  finish(scene, story);
}

static void fail_all_for_good(struct scene *scene, const struct story *story, long every) {
  const struct kind writes = {.op = FAULT_WRITE, .file = FAULT_WAL};
  const struct kind syncs = {.op = FAULT_SYNC, .file = FAULT_WAL};
  long write_count, sync_count;

  scene->where = story->name;
  write_count = count_once(scene, story, &writes);
  sync_count = count_once(scene, story, &syncs);
  for (long nth = 1; nth <= write_count; nth += every)
    fail_for_good(
        scene, story,
        (struct fault_rule){FAULT_WRITE, FAULT_WAL, nth, FAULT_ALWAYS, SQLITE_FULL, false},
        "the disk is full");
  for (long nth = 1; nth <= sync_count; nth++)
    fail_for_good(
        scene, story,
        (struct fault_rule){FAULT_SYNC, FAULT_WAL, nth, FAULT_ALWAYS, SQLITE_IOERR_FSYNC, false},
        "each sync fails");
}

/* ---- busy
 * ------------------------------------------------------------------------------------------ */

/* SQLite keeps the locks of a process apart by connection, so a connection of our own does for
   another program. */
static sqlite3 *rival;

static void hold(struct scene *scene) {
  if (rival == NULL && (sqlite3_open(scene->path, &rival) != SQLITE_OK ||
                        sqlite3_exec(rival, "BEGIN IMMEDIATE", NULL, NULL, NULL) != SQLITE_OK))
    scene_complain(scene, "no rival");
}

static void release(void) {
  (void)sqlite3_close(rival);
  rival = NULL;
}

/* Held before the purchase: nothing is begun. Held while the bank is asked: the
   charge is made, and the answer cannot be written. */
static void stay_busy(struct scene *scene, bool before) {
  const struct story *story = story_named("approved");
  shop_t *shop;
  int32_t status;

  scene->where = before ? "busy before the purchase" : "busy after the charge";
  scene->busy_ms = 20;
  scene_reset(scene, story);
  shop = scene_open(scene, story->has_query);
  scene->on_asked = hold;
  if (before)
    hold(scene);
  status = scene_buy(scene, shop, story, "buy");
  if (status != SHOP_ERR_BUSY)
    scene_complain(scene, "the purchase said %s", shop_status_name(status));
  if (scene->bank.books->calls != (before ? 0 : 1))
    scene_complain(scene, "the bank was asked %d times", (int)scene->bank.books->calls);
  status = scene_buy(scene, shop, story, "buy");
  if (status != SHOP_ERR_BUSY)
    scene_complain(scene, "the second try said %s", shop_status_name(status));
  release();
  scene->on_asked = NULL;
  status = scene_buy(scene, shop, story, "buy");
  if (status != (before ? SHOP_OK : SHOP_IN_PROGRESS))
    scene_complain(scene, "the third try said %s", shop_status_name(status));
  scene_recover(scene, shop);
  scene_count(scene, shop, story);
  if (shop_close(shop) != SHOP_OK)
    scene_complain(scene, "close");
  scene->busy_ms = 5000;
  finish(scene, story);
}

/* test_faults [STEP]: of what happens very often in a story each STEP-th is tried. */
int main(int argc, char **argv) {
  long every = argc > 1 ? strtol(argv[1], NULL, 10) : 1;
  time_t begun = time(NULL);
  struct scene *scene;

  crash_vfs_install();
  fault_vfs_install(); /* above the other one */
  scene = scene_new();
  scene->busy_ms = 50;
  for (size_t i = 0; i < sizeof played / sizeof played[0]; i++) {
    fail_all_once(scene, story_named(played[i]), every);
    fail_all_for_good(scene, story_named(played[i]), every);
  }
  stay_busy(scene, true);
  stay_busy(scene, false);
  scene_free(scene);
  for (int i = 0; i < 5; i++)
    printf("%s reported %ld times\n", shop_status_name(failures[i]), said[i]);
  printf("%ld stories with faults, %ld transient faults struck; wrong %ld\n%ld s\n", tried, struck,
         bad, (long)(time(NULL) - begun));
  return bad == 0 ? 0 : 1;
}
