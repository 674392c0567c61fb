/*
 * A file system that can be told to fail (fault_vfs.h says what for).
 *
 * Every file object is ours with the real one behind it in the same block, as
 * SQLite asks for by szOsFile.
 */
#include "fault_vfs.h"

#include <pthread.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#define RULES_MAX 8

struct shim_file {
  sqlite3_file base;
  enum fault_file kind;
  sqlite3_file *real; /* directly behind this struct */
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct fault_rule rules[RULES_MAX];
static int rule_count;
static long counts[FAULT_OP_COUNT][FAULT_FILE_COUNT];
static long total, struck;
static void (*hook_fn)(void *user, enum fault_op op, enum fault_file file, long number);
static void *hook_user;
static atomic_bool skip_syncs;
static sqlite3_vfs shim_vfs;
static sqlite3_vfs *real_vfs;

/* ---- what the test asked for ----------------------------------------------- */

/* The code that this operation shall return, or SQLITE_OK. */
static int strike(enum fault_op op, enum fault_file file, bool *anyway) {
  int code = SQLITE_OK;
  *anyway = false;
  for (int i = 0; i < rule_count; i++) {
    struct fault_rule *rule = &rules[i];
    if (rule->op != op || rule->file != file) {
      continue;
    }
    if (rule->nth > 1) {
      rule->nth--;
      continue;
    }
    if (rule->times == 0 || code != SQLITE_OK) {
      continue;
    }
    if (rule->times > 0) {
      rule->times--;
    }
    code = rule->code;
    *anyway = rule->anyway;
    struck++;
  }
  return code;
}

static int before(enum fault_op op, enum fault_file file, bool *anyway) {
  pthread_mutex_lock(&lock);
  counts[op][file]++;
  long number = ++total;
  void (*fn)(void *, enum fault_op, enum fault_file, long) = hook_fn;
  void *user = hook_user;
  int code = strike(op, file, anyway);
  pthread_mutex_unlock(&lock);
  if (fn != NULL) {
    fn(user, op, file, number);
  }
  return code;
}

void fault_vfs_skip_syncs(bool skip) {
  atomic_store(&skip_syncs, skip);
}

void fault_vfs_reset(void) {
  pthread_mutex_lock(&lock);
  rule_count = 0;
  memset(counts, 0, sizeof counts);
  total = 0;
  struck = 0;
  hook_fn = NULL;
  hook_user = NULL;
  pthread_mutex_unlock(&lock);
}

void fault_vfs_fail(struct fault_rule rule) {
  pthread_mutex_lock(&lock);
  if (rule_count == RULES_MAX) {
    abort();
  }
  rules[rule_count++] = rule;
  pthread_mutex_unlock(&lock);
}

long fault_vfs_count(enum fault_op op, enum fault_file file) {
  pthread_mutex_lock(&lock);
  long count = counts[op][file];
  pthread_mutex_unlock(&lock);
  return count;
}

long fault_vfs_struck(void) {
  pthread_mutex_lock(&lock);
  long count = struck;
  pthread_mutex_unlock(&lock);
  return count;
}

void fault_vfs_hook(void (*hook)(void *user, enum fault_op op, enum fault_file file, long number),
                    void *user) {
  pthread_mutex_lock(&lock);
  hook_fn = hook;
  hook_user = user;
  pthread_mutex_unlock(&lock);
}

/* ---- files ----------------------------------------------------------------- */

static sqlite3_file *real_of(sqlite3_file *file) {
  return ((struct shim_file *)file)->real;
}

static enum fault_file kind_of(sqlite3_file *file) {
  return ((struct shim_file *)file)->kind;
}

static int shim_close(sqlite3_file *file) {
  sqlite3_file *real = real_of(file);
  return real->pMethods == NULL ? SQLITE_OK : real->pMethods->xClose(real);
}

static int shim_read(sqlite3_file *file, void *data, int size, sqlite3_int64 at) {
  bool anyway;
  int code = before(FAULT_READ, kind_of(file), &anyway);
  return code != SQLITE_OK ? code : real_of(file)->pMethods->xRead(real_of(file), data, size, at);
}

static int shim_write(sqlite3_file *file, const void *data, int size, sqlite3_int64 at) {
  bool anyway;
  int code = before(FAULT_WRITE, kind_of(file), &anyway);
  if (code != SQLITE_OK && !anyway) {
    return code;
  }
  int result = real_of(file)->pMethods->xWrite(real_of(file), data, size, at);
  return code != SQLITE_OK ? code : result;
}

static int shim_truncate(sqlite3_file *file, sqlite3_int64 size) {
  bool anyway;
  int code = before(FAULT_TRUNCATE, kind_of(file), &anyway);
  if (code != SQLITE_OK && !anyway) {
    return code;
  }
  int result = real_of(file)->pMethods->xTruncate(real_of(file), size);
  return code != SQLITE_OK ? code : result;
}

static int shim_sync(sqlite3_file *file, int flags) {
  bool anyway;
  int code = before(FAULT_SYNC, kind_of(file), &anyway);
  if (code != SQLITE_OK && !anyway) {
    return code;
  }
  int result =
      atomic_load(&skip_syncs) ? SQLITE_OK : real_of(file)->pMethods->xSync(real_of(file), flags);
  return code != SQLITE_OK ? code : result;
}

static int shim_size(sqlite3_file *file, sqlite3_int64 *size) {
  return real_of(file)->pMethods->xFileSize(real_of(file), size);
}

static int shim_lock(sqlite3_file *file, int level) {
  bool anyway;
  int code = before(FAULT_LOCK, kind_of(file), &anyway);
  return code != SQLITE_OK ? code : real_of(file)->pMethods->xLock(real_of(file), level);
}

static int shim_unlock(sqlite3_file *file, int level) {
  return real_of(file)->pMethods->xUnlock(real_of(file), level);
}

static int shim_reserved(sqlite3_file *file, int *out) {
  return real_of(file)->pMethods->xCheckReservedLock(real_of(file), out);
}

static int shim_control(sqlite3_file *file, int op, void *arg) {
  return real_of(file)->pMethods->xFileControl(real_of(file), op, arg);
}

static int shim_sector(sqlite3_file *file) {
  return real_of(file)->pMethods->xSectorSize(real_of(file));
}

static int shim_traits(sqlite3_file *file) {
  return real_of(file)->pMethods->xDeviceCharacteristics(real_of(file));
}

static int shim_shm_map(sqlite3_file *file, int page, int size, int extend, void volatile **out) {
  bool anyway;
  int code = before(FAULT_SHM_MAP, kind_of(file), &anyway);
  if (code != SQLITE_OK) {
    *out = NULL;
    return code;
  }
  return real_of(file)->pMethods->xShmMap(real_of(file), page, size, extend, out);
}

static int shim_shm_lock(sqlite3_file *file, int offset, int count, int flags) {
  bool anyway;
  int code = SQLITE_OK;
  if ((flags & SQLITE_SHM_LOCK) != 0) {
    code = before(FAULT_SHM_LOCK, kind_of(file), &anyway);
  }
  return code != SQLITE_OK ? code
                           : real_of(file)->pMethods->xShmLock(real_of(file), offset, count, flags);
}

static void shim_shm_barrier(sqlite3_file *file) {
  real_of(file)->pMethods->xShmBarrier(real_of(file));
}

static int shim_shm_unmap(sqlite3_file *file, int remove) {
  return real_of(file)->pMethods->xShmUnmap(real_of(file), remove);
}

static const sqlite3_io_methods shim_methods = {
    .iVersion = 2, /* no memory-mapped pages: every read and write is seen here */
    .xClose = shim_close,
    .xRead = shim_read,
    .xWrite = shim_write,
    .xTruncate = shim_truncate,
    .xSync = shim_sync,
    .xFileSize = shim_size,
    .xLock = shim_lock,
    .xUnlock = shim_unlock,
    .xCheckReservedLock = shim_reserved,
    .xFileControl = shim_control,
    .xSectorSize = shim_sector,
    .xDeviceCharacteristics = shim_traits,
    .xShmMap = shim_shm_map,
    .xShmLock = shim_shm_lock,
    .xShmBarrier = shim_shm_barrier,
    .xShmUnmap = shim_shm_unmap,
};

/* ---- the file system ------------------------------------------------------- */

static enum fault_file kind_from_flags(int flags) {
  if ((flags & SQLITE_OPEN_MAIN_DB) != 0) {
    return FAULT_MAIN;
  }
  if ((flags & SQLITE_OPEN_WAL) != 0) {
    return FAULT_WAL;
  }
  return (flags & SQLITE_OPEN_MAIN_JOURNAL) != 0 ? FAULT_JOURNAL : FAULT_OTHER;
}

static enum fault_file kind_from_name(const char *name) {
  size_t length = strlen(name);
  if (length > 4 && strcmp(name + length - 4, "-wal") == 0) {
    return FAULT_WAL;
  }
  return length > 8 && strcmp(name + length - 8, "-journal") == 0 ? FAULT_JOURNAL : FAULT_OTHER;
}

static int vfs_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags,
                    int *out_flags) {
  (void)vfs;
  struct shim_file *shim = (struct shim_file *)file;
  bool anyway;
  shim->base.pMethods = NULL;
  shim->kind = kind_from_flags(flags);
  shim->real = (sqlite3_file *)(shim + 1);
  shim->real->pMethods = NULL;
  int code = before(FAULT_OPEN, shim->kind, &anyway);
  if (code == SQLITE_OK) {
    code = real_vfs->xOpen(real_vfs, name, shim->real, flags, out_flags);
  }
  if (code == SQLITE_OK) {
    shim->base.pMethods = &shim_methods;
  }
  return code;
}

static int vfs_delete(sqlite3_vfs *vfs, const char *name, int sync_dir) {
  (void)vfs;
  bool anyway;
  int code = before(FAULT_DELETE, kind_from_name(name), &anyway);
  return code != SQLITE_OK ? code : real_vfs->xDelete(real_vfs, name, sync_dir);
}

void fault_vfs_install(void) {
  if (real_vfs != NULL) {
    return;
  }
  real_vfs = sqlite3_vfs_find(NULL);
  if (real_vfs == NULL) {
    abort();
  }
  /* A copy: what is not replaced (xAccess, xFullPathname, xRandomness, ...) goes straight to the
     real functions, which use only pAppData of the object that they are given. */
  shim_vfs = *real_vfs;
  shim_vfs.pNext = NULL;
  shim_vfs.zName = "fault";
  shim_vfs.szOsFile = (int)sizeof(struct shim_file) + real_vfs->szOsFile;
  shim_vfs.xOpen = vfs_open;
  shim_vfs.xDelete = vfs_delete;
  if (sqlite3_vfs_register(&shim_vfs, 1) != SQLITE_OK) {
    abort();
  }
}
