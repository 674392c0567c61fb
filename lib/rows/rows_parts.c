/* What the files of this room share. */
#include "rows_parts.h"

int32_t shop__rows_first(shop__query_t *q, bool *found) {
  int32_t status = shop__query_step(q);

  *found = status == SHOP__ROW;
  return status == SHOP__ROW ? SHOP_OK : status;
}

int32_t shop__rows_change(shop__query_t *q, bool *touched) {
  int64_t changes = 0;
  int32_t status = shop__query_run(q, &changes);

  *touched = status == SHOP_OK && changes > 0;
  return status;
}

void shop__rows_bind_optional(shop__query_t *q, int32_t n, int64_t value) {
  if (value != 0)
    shop__query_int(q, n, value);
}

struct shop__stock shop__rows_stock(shop__query_t *q, int32_t column) {
  return (struct shop__stock){
      .unlimited = shop__query_is_null(q, column),
      .available = shop__query_get_int(q, column),
      .reserved = shop__query_get_int(q, column + 1),
      .shortfall = shop__query_get_int(q, column + 2),
      .received = shop__query_get_int(q, column + 3),
      .sold = shop__query_get_int(q, column + 4),
  };
}
