/*
 * What the files of this room share: how one row is looked for, and how a
 * change that touched a row is told from one that found none.
 */
#ifndef SHOP_LIB_ROWS_PARTS_H
#define SHOP_LIB_ROWS_PARTS_H

#include "rows.h"

/** Steps to the first row. The query is not reset when there is one, so that
    its texts can be borrowed. */
int32_t shop__rows_first(shop__query_t *q, bool *found) SHOP__MUST_USE;
/** Runs a change; *touched tells whether it found a row. */
int32_t shop__rows_change(shop__query_t *q, bool *touched) SHOP__MUST_USE;
/** Binds a count or time, and null for 0. */
void shop__rows_bind_optional(shop__query_t *q, int32_t n, int64_t value);
/** The one row's stock columns, from `column` on: available .. sold. */
struct shop__stock shop__rows_stock(shop__query_t *q, int32_t column);

#endif
