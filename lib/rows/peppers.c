/* Rows of the peppers that passwords were hashed with: their ids, no secret. */
#include <string.h>

#include "rows_parts.h"

#define PREFIX "$pepper="

static const char PEPPERS_EACH[] = "SELECT id FROM peppers ORDER BY id";
static const char PEPPER_INSERT[] =
    "INSERT INTO peppers (id) VALUES ($1) ON CONFLICT (id) DO NOTHING";
static const char PEPPER_DELETE[] = "DELETE FROM peppers WHERE id = $1";
/* '%' is the character after '$', which follows the id. */
static const char USER_WITH_PEPPER[] =
    "SELECT id FROM users WHERE password_hash >= '" PREFIX
    "' || $1 || '$'"
    " AND password_hash < '" PREFIX "' || $1 || '%' ORDER BY id LIMIT 1";

shop__query_t *shop__peppers_each(shop__tx_t *tx) {
  return shop__query(tx, PEPPERS_EACH);
}

int32_t shop__peppers_next(shop__query_t *q, const char **id) {
  int32_t status = shop__query_step(q);

  if (status == SHOP__ROW)
    *id = shop__query_get_text(q, 0);
  return status;
}

static int32_t run(shop__tx_t *tx, const char *sql, const char *id) {
  shop__query_t *q = shop__query(tx, sql);

  shop__query_text(q, 1, id);
  return shop__query_run(q, NULL);
}

int32_t shop__pepper_insert(shop__tx_t *tx, const char *id) {
  return run(tx, PEPPER_INSERT, id);
}

int32_t shop__pepper_delete(shop__tx_t *tx, const char *id) {
  return run(tx, PEPPER_DELETE, id);
}

int32_t shop__user_has_pepper(shop__tx_t *tx, const char *id, bool *found) {
  shop__query_t *q = shop__query(tx, USER_WITH_PEPPER);
  int32_t status;

  shop__query_text(q, 1, id);
  status = shop__rows_first(q, found);
  shop__query_reset(q);
  return status;
}
