/*
 * SQLite's memory, running out on demand (fault_memory.h).
 */
#include "fault_memory.h"

#include <sqlite3.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>

static sqlite3_mem_methods real;
static atomic_bool armed;
static atomic_long until, left, failed;

static bool fails_now(void) {
  if (!atomic_load(&armed) || atomic_fetch_sub(&until, 1) > 1) {
    return false;
  }
  if (atomic_load(&left) == 0) {
    return false;
  }
  if (atomic_load(&left) > 0) {
    atomic_fetch_sub(&left, 1);
  }
  atomic_fetch_add(&failed, 1);
  return true;
}

static void *faulty_malloc(int size) {
  return fails_now() ? NULL : real.xMalloc(size);
}

static void *faulty_realloc(void *block, int size) {
  return fails_now() ? NULL : real.xRealloc(block, size);
}

void fault_memory_install(void) {
  if (sqlite3_config(SQLITE_CONFIG_GETMALLOC, &real) != SQLITE_OK) {
    abort();
  }
  sqlite3_mem_methods faulty = real;
  faulty.xMalloc = faulty_malloc;
  faulty.xRealloc = faulty_realloc;
  if (sqlite3_config(SQLITE_CONFIG_MALLOC, &faulty) != SQLITE_OK) {
    abort();
  }
}

void fault_memory_fail(long nth, long times) {
  atomic_store(&armed, false);
  atomic_store(&until, nth);
  atomic_store(&left, times);
  atomic_store(&failed, 0);
  atomic_store(&armed, true);
}

long fault_memory_stop(void) {
  atomic_store(&armed, false);
  return atomic_load(&failed);
}
