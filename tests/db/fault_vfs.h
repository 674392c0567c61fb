/*
 * A file system that can be told to fail: wraps SQLite's default VFS, counts
 * what is done to which file, fails chosen operations and calls a hook before
 * each one (from which a test may kill the process). For any test of the
 * project: install it first, then open stores as usual.
 */
#ifndef SHOP_TESTS_FAULT_VFS_H
#define SHOP_TESTS_FAULT_VFS_H

#include <stdbool.h>

enum fault_op {
  FAULT_OPEN,
  FAULT_READ,
  FAULT_WRITE,
  FAULT_SYNC,
  FAULT_TRUNCATE,
  FAULT_DELETE,
  FAULT_LOCK,     /* locks on the main file */
  FAULT_SHM_LOCK, /* locks of the WAL index; its file is FAULT_MAIN */
  FAULT_SHM_MAP,
  FAULT_OP_COUNT
};

enum fault_file { FAULT_MAIN, FAULT_WAL, FAULT_JOURNAL, FAULT_OTHER, FAULT_FILE_COUNT };

#define FAULT_ALWAYS (-1L)

struct fault_rule {
  enum fault_op op;
  enum fault_file file;
  long nth;    /* the first one to fail, counted from when the rule is set; 1 is the next */
  long times;  /* how many fail in a row, or FAULT_ALWAYS */
  int code;    /* what they return, such as SQLITE_IOERR_FSYNC */
  bool anyway; /* the operation is carried out and reported as failed */
};

/** Makes the shim the default VFS of this process. Harmless to repeat. */
void fault_vfs_install(void);
/** Whether syncs are only counted, and not carried out: a kill loses nothing by
    it, and tests are over sooner. Off at first; a reset does not change it. */
void fault_vfs_skip_syncs(bool skip);
/** Forgets rules, counts and the hook. */
void fault_vfs_reset(void);
/** Adds a rule; at most 8 at a time. */
void fault_vfs_fail(struct fault_rule rule);
/** How often it was asked for since the last reset, failed ones included. */
long fault_vfs_count(enum fault_op op, enum fault_file file);
/** How often a rule has struck since the last reset. */
long fault_vfs_struck(void);
/** Called before every operation, with the number of operations so far. NULL
    ends it. Runs on whatever thread does the operation. */
void fault_vfs_hook(void (*hook)(void *user, enum fault_op op, enum fault_file file, long number),
                    void *user);

#endif
