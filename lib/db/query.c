/*
 * Statements: prepared once per connection, found again by the address of
 * their text, with a failure that sticks, so that a row function can bind and
 * step without looking after every call.
 */
#include "db_internal.h"

#define SLOTS_FIRST 64

/* ---- failures -------------------------------------------------------------- */

/* A broken rule is the query's affair, and expected. Everything else is the store's: it also stops
   every other query of the function. For SQLite may have ended the transaction by now, and what ran
   after that would be committed on its own. */
static void remember(struct shop__query *q, int32_t status) {
  struct shop__tx *tx = q->tx;
  struct shop__link *link = tx->link;
  q->failure = status;
  if (status == SHOP__CONFLICT && link->engine->in_transaction(link->conn)) {
    return;
  }
  if (tx->failure.code == SHOP_OK) {
    shop__error_copy(&tx->failure, tx->error);
  }
}

static void fail(struct shop__query *q, int32_t status) {
  struct shop__link *link = q->tx->link;
  link->engine->explain(link->conn, status, q->tx->error);
  remember(q, status);
}

/* The status that keeps the query from doing anything, or SHOP_OK. */
static int32_t barrier(const struct shop__query *q) {
  return q->tx->failure.code != SHOP_OK ? q->tx->failure.code : q->failure;
}

/* ---- the table of statements ----------------------------------------------- */

static uint32_t slot_of(const char *sql, uint32_t slot_count) {
  return (uint32_t)((uintptr_t)sql >> 2) * 2654435769u >> 7 & (slot_count - 1);
}

/* The slot that holds the text's query, or the free one where it belongs. */
static struct shop__query **find_slot(struct shop__query **slots, uint32_t slot_count,
                                      const char *sql) {
  uint32_t i = slot_of(sql, slot_count);
  while (slots[i] != NULL && slots[i]->sql != sql) {
    i = (i + 1) & (slot_count - 1);
  }
  return &slots[i];
}

/* At least a quarter of the slots stays free, so that a search ends soon. */
static bool make_room(struct shop__link *link) {
  if (link->query_count + link->query_count / 3 + 1 < link->slot_count) {
    return true;
  }
  uint32_t count = link->slot_count == 0 ? SLOTS_FIRST : link->slot_count * 2;
  struct shop__query **slots = shop__memory_zalloc(count * sizeof *slots);
  if (slots == NULL) {
    return false;
  }
  for (uint32_t i = 0; i < link->slot_count; i++) {
    if (link->slots[i] != NULL) {
      *find_slot(slots, count, link->slots[i]->sql) = link->slots[i];
    }
  }
  shop__memory_free(link->slots);
  link->slots = slots;
  link->slot_count = count;
  return true;
}

/* False: the link's spare query holds the failure. */
static bool add_query(struct shop__tx *tx, const char *sql, struct shop__query **out) {
  struct shop__link *link = tx->link;
  struct shop__query *q = shop__memory_zalloc(sizeof *q);
  if (q == NULL || !make_room(link)) {
    shop__memory_free(q);
    shop__error_set(tx->error, SHOP_ERR_NO_MEMORY, "Out of memory: nothing was changed");
    remember(&link->spare, SHOP_ERR_NO_MEMORY);
    return false;
  }
  int32_t status = link->engine->prepare(link->conn, sql, &q->stmt);
  if (status != SHOP_OK) {
    shop__memory_free(q);
    fail(&link->spare, status);
    return false;
  }
  q->tx = tx;
  q->sql = sql;
  *find_slot(link->slots, link->slot_count, sql) = q;
  link->query_count++;
  *out = q;
  return true;
}

void shop__link_free_queries(struct shop__link *link) {
  for (uint32_t i = 0; i < link->slot_count; i++) {
    if (link->slots[i] != NULL) {
      link->engine->finalize(link->slots[i]->stmt);
      shop__memory_free(link->slots[i]);
    }
  }
  shop__memory_free(link->slots);
  link->slots = NULL;
  link->slot_count = 0;
  link->query_count = 0;
  link->touched = NULL;
}

/* ---- a query's life -------------------------------------------------------- */

shop__query_t *shop__query(shop__tx_t *tx, const char *sql) {
  struct shop__link *link = tx->link;
  struct shop__query *q =
      link->slot_count == 0 ? NULL : *find_slot(link->slots, link->slot_count, sql);
  if (q == NULL && !add_query(tx, sql, &q)) {
    return &link->spare;
  }
  if (!q->touched) {
    q->touched = true;
    q->next_touched = link->touched;
    link->touched = q;
  }
  shop__query_reset(q);
  q->failure = SHOP_OK;
  return q;
}

void shop__query_reset(shop__query_t *q) {
  if (q->dirty) {
    q->tx->link->engine->reset(q->stmt);
  }
  q->dirty = false;
  q->has_row = false;
}

void shop__query_int(shop__query_t *q, int32_t n, int64_t value) {
  if (barrier(q) == SHOP_OK) {
    q->dirty = true;
    int32_t status = q->tx->link->engine->bind_int(q->stmt, n, value);
    if (status != SHOP_OK) {
      fail(q, status);
    }
  }
}

void shop__query_text(shop__query_t *q, int32_t n, const char *value) {
  if (barrier(q) == SHOP_OK) {
    q->dirty = true;
    int32_t status = q->tx->link->engine->bind_text(q->stmt, n, value);
    if (status != SHOP_OK) {
      fail(q, status);
    }
  }
}

void shop__query_blob(shop__query_t *q, int32_t n, const void *value, size_t size) {
  if (barrier(q) == SHOP_OK) {
    q->dirty = true;
    int32_t status = q->tx->link->engine->bind_blob(q->stmt, n, value, size);
    if (status != SHOP_OK) {
      fail(q, status);
    }
  }
}

int32_t shop__query_step(shop__query_t *q) {
  int32_t status = barrier(q);
  if (status != SHOP_OK) {
    return status;
  }
  q->dirty = true;
  status = q->tx->link->engine->step(q->stmt);
  if (status == SHOP__ROW) {
    q->has_row = true;
    return SHOP__ROW;
  }
  if (status != SHOP_OK) {
    fail(q, status);
  }
  shop__query_reset(q);
  return status;
}

int32_t shop__query_run(shop__query_t *q, int64_t *changes) {
  int32_t status;
  if (changes != NULL) {
    *changes = 0;
  }
  do {
    status = shop__query_step(q);
  } while (status == SHOP__ROW);
  if (status == SHOP_OK && changes != NULL) {
    *changes = q->tx->link->engine->changes(q->stmt);
  }
  return status;
}

/* ---- the row that was stepped to ------------------------------------------- */

int64_t shop__query_get_int(shop__query_t *q, int32_t column) {
  return q->has_row ? q->tx->link->engine->get_int(q->stmt, column) : 0;
}

bool shop__query_is_null(shop__query_t *q, int32_t column) {
  return !q->has_row || q->tx->link->engine->is_null(q->stmt, column);
}

/* A text that could not be fetched must not look like a null: the failure sticks. */
const char *shop__query_get_text(shop__query_t *q, int32_t column) {
  const char *text = NULL;
  if (q->has_row) {
    int32_t status = q->tx->link->engine->get_text(q->stmt, column, &text);
    if (status != SHOP_OK) {
      fail(q, status);
    }
  }
  return text;
}

const void *shop__query_get_blob(shop__query_t *q, int32_t column, size_t *size) {
  const void *data = NULL;
  *size = 0;
  if (q->has_row) {
    int32_t status = q->tx->link->engine->get_blob(q->stmt, column, &data, size);
    if (status != SHOP_OK) {
      fail(q, status);
    }
  }
  return data;
}
