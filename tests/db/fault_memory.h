/*
 * SQLite's memory, running out on demand. (The library's own memory runs out
 * by allocation_faults.h of tests/base.)
 */
#ifndef SHOP_TESTS_FAULT_MEMORY_H
#define SHOP_TESTS_FAULT_MEMORY_H

#define FAULT_MEMORY_ALWAYS (-1L)

/** Puts itself under SQLite: before any other call of SQLite. */
void fault_memory_install(void);
/** From now on the nth allocation (1 is the next one) fails, and `times` in a
    row, or all that follow. */
void fault_memory_fail(long nth, long times);
/** Ends the failing. Answers how many have failed. */
long fault_memory_stop(void);

#endif
