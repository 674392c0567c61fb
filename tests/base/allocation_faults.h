/*
 * Memory that runs out on demand, for executables that are linked with
 * -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc.
 */
#ifndef SHOP_TEST_ALLOCATION_FAULTS_H
#define SHOP_TEST_ALLOCATION_FAULTS_H

#include <stdbool.h>

/** From now on the nth allocation (1 is the next one) fails, those before and
    after it do not. 0: none. Check's assertions allocate too: none of them
    before allocation_failed. */
void allocation_fail_at(long nth);
/** Did that allocation happen? Ends the failing. */
bool allocation_failed(void);

#endif
