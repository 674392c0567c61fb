/*
 * A file system to die on. It counts what a process does to its files, as
 * points; at the chosen one it kills the process, before the operation. The
 * test adds points of its own (before and after a callback).
 *
 * With power set, the process takes the machine with it: of what was written to
 * a file since its last sync, each piece is on the disk, or not, or torn, or
 * garbage; a file that was made may be missing, one that was deleted may be
 * back. Without it, what was written is there: the kernel outlives a process.
 */
#ifndef SHOP_TESTS_CRASH_VFS_H
#define SHOP_TESTS_CRASH_VFS_H

#include <stdbool.h>
#include <stdint.h>

enum point {
  POINT_OPEN,
  POINT_WRITE_LOG,
  POINT_SYNC_LOG,
  POINT_TRUNCATE_LOG,
  POINT_WRITE_FILE,
  POINT_SYNC_FILE,
  POINT_TRUNCATE_FILE,
  POINT_OTHER_FILE, /* writes, syncs and truncates of any other file */
  POINT_DELETE,
  POINT_LOCK,
  POINT_UNLOCK,
  POINT_INDEX_LOCK, /* of the log's index */
  POINT_INDEX_UNLOCK,
  POINT_BEFORE_CHARGE, /* in the order of enum shop_operation_kind, three each */
  POINT_DURING_CHARGE,
  POINT_AFTER_CHARGE,
  POINT_BEFORE_CAPTURE,
  POINT_DURING_CAPTURE,
  POINT_AFTER_CAPTURE,
  POINT_BEFORE_VOID,
  POINT_DURING_VOID,
  POINT_AFTER_VOID,
  POINT_BEFORE_REFUND,
  POINT_DURING_REFUND,
  POINT_AFTER_REFUND,
  POINT_BEFORE_QUERY,
  POINT_DURING_QUERY,
  POINT_AFTER_QUERY,
  POINT_BEFORE_MAIL,
  POINT_AFTER_MAIL,
  POINT_KINDS
};

/* What is lost of the writes that were not synced. */
enum power { POWER_STAYS, POWER_LOSES_ALL, POWER_KEEPS_ALL, POWER_MIXES };

#define POINTS_MAX 20000

/* In shared memory, for the process that writes it may die. */
struct crash_log {
  long count;
  unsigned char kinds[POINTS_MAX];
};

struct crash_plan {
  long at; /* the point to die at, from 1; 0: none */
  enum power power;
  uint64_t seed;
  long failing_sync; /* this sync fails, and what was to be synced is never written */
  struct crash_log *log;
};

/** Makes the shim the default VFS of this process. Until a plan begins it only
    leaves out the syncs, which nothing here waits for. */
void crash_vfs_install(void);
/** The plan of this process; no store may be open. */
void crash_vfs_begin(const struct crash_plan *plan);
/** A point. */
void crash_point(enum point kind);
/** Dies now, by the plan's power. */
void crash_now(void) __attribute__((noreturn));
/** How many syncs there were since the plan began. */
long crash_syncs(void);
const char *point_name(enum point kind);

#endif
