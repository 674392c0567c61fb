/* Rows of mail that leaves, or has left. Which mail is due is found by two
   indices over what waits: by the time at which a wait or a lease ends, and by
   the time at which it began, for a clock that went back behind it. */
#include "rows_parts.h"

#define STATE_COLUMNS                                                                              \
  "m.id, m.order_id, m.user_id, m.kind, m.state, m.tries, m.since_ms, m.wait_ms, m.lease_id,"      \
  " m.cause_id, m.created_at_ms, m.sent_at_ms"
#define TEXT_COLUMNS "m.recipient, m.sender, m.reason, o.number"
#define WITH_ORDERS " FROM outbox m LEFT JOIN orders o ON o.id = m.order_id"
#define WAITS "m.state IN (1, 2)" /* as the indices say it, so that they are used */

static const char OUTBOX_INSERT[] =
    "INSERT INTO outbox (id, order_id, kind, state, tries, since_ms, wait_ms, lease_id,"
    " created_at_ms, recipient, sender, message, user_id, cause_id, reason, code_hash)"
    " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)"
    " ON CONFLICT (order_id, kind, cause_id) DO NOTHING";
static const char OUTBOX_NEXT_DUE[] =
    "SELECT " STATE_COLUMNS ", " TEXT_COLUMNS ", m.message, m.code_hash" WITH_ORDERS " WHERE " WAITS
    " AND m.since_ms + m.wait_ms <= $1 ORDER BY m.since_ms + m.wait_ms, m.id LIMIT 1";
/* Of many with one time any will do: a further order would be a sort. */
static const char OUTBOX_NEXT_AHEAD[] =
    "SELECT " STATE_COLUMNS ", " TEXT_COLUMNS ", m.message, m.code_hash" WITH_ORDERS " WHERE " WAITS
    " AND m.since_ms > $1 ORDER BY m.since_ms LIMIT 1";
static const char OUTBOX_FIRST_DUE[] = "SELECT m.since_ms + m.wait_ms FROM outbox m WHERE " WAITS
                                       " ORDER BY m.since_ms + m.wait_ms LIMIT 1";
static const char OUTBOX_LATEST_SINCE[] =
    "SELECT m.since_ms FROM outbox m WHERE " WAITS " ORDER BY m.since_ms DESC LIMIT 1";
static const char OUTBOX_GET[] = "SELECT " STATE_COLUMNS " FROM outbox m WHERE m.id = $1";
static const char OUTBOX_UPDATE[] =
    "UPDATE outbox SET state = $2, tries = $3, since_ms = $4, wait_ms = $5, lease_id = $6,"
    " reason = $7, sent_at_ms = $8 WHERE id = $1";
static const char OUTBOX_HAS_MESSAGE[] =
    "SELECT 1 FROM outbox WHERE id = $1 AND length(message) > 0";
static const char OUTBOX_DELETE[] = "DELETE FROM outbox WHERE id = $1";
static const char OUTBOX_EMPTY[] = "UPDATE outbox SET message = $2 WHERE id = $1";

/* What waits, and what is dead, is few among all: `id + 0` keeps the walk off
   the primary key, which leads over everything that was ever sent. */
static const char OUTBOX_EACH[] = "SELECT " STATE_COLUMNS ", " TEXT_COLUMNS WITH_ORDERS
                                  " WHERE m.id < $1 ORDER BY m.id DESC LIMIT $2";
static const char OUTBOX_EACH_WAITING[] =
    "SELECT " STATE_COLUMNS ", " TEXT_COLUMNS WITH_ORDERS " WHERE " WAITS
    " AND m.state = $3 AND m.id + 0 < $1 ORDER BY m.id + 0 DESC LIMIT $2";
static const char OUTBOX_EACH_SENT[] =
    "SELECT " STATE_COLUMNS ", " TEXT_COLUMNS WITH_ORDERS
    " WHERE m.state = 3 AND m.id < $1 ORDER BY m.id DESC LIMIT $2";
static const char OUTBOX_EACH_DEAD[] =
    "SELECT " STATE_COLUMNS ", " TEXT_COLUMNS WITH_ORDERS
    " WHERE m.state = 4 AND m.id < $1 ORDER BY m.id DESC LIMIT $2";

static const char COUNT_WAITING[] =
    "SELECT COUNT(*), MIN(m.created_at_ms) FROM outbox m WHERE " WAITS " AND m.state = $1";
static const char COUNT_SENT[] = "SELECT COUNT(*) FROM outbox WHERE state = 3";
static const char COUNT_DEAD[] = "SELECT COUNT(*) FROM outbox WHERE state = 4";

static const char FORGET_SENT[] =
    "UPDATE outbox SET state = 5, recipient = '', reason = NULL, message = $3 WHERE id IN (SELECT"
    " id FROM outbox WHERE state = 3 AND sent_at_ms < $1 AND order_id IS NOT NULL"
    " ORDER BY sent_at_ms LIMIT $2)";
static const char FORGET_DEAD[] =
    "UPDATE outbox SET state = 5, recipient = '', reason = NULL, message = $3 WHERE id IN (SELECT"
    " id FROM outbox WHERE state = 4 AND since_ms < $1 AND order_id IS NOT NULL"
    " ORDER BY id LIMIT $2)";
/* `order_id + 0` keeps the search off the mails of accounts, which are sent and waiting ones. */
static const char DELETE_SENT[] =
    "DELETE FROM outbox WHERE id IN (SELECT id FROM outbox WHERE state = 3 AND sent_at_ms < $1"
    " AND order_id + 0 IS NULL ORDER BY sent_at_ms LIMIT $2)";
static const char DELETE_DEAD[] =
    "DELETE FROM outbox WHERE id IN (SELECT id FROM outbox WHERE state = 4 AND since_ms < $1"
    " AND order_id + 0 IS NULL ORDER BY id LIMIT $2)";

/* No bytes: NULL would be a null. */
static void bind_nothing(shop__query_t *q, int32_t n) {
  shop__query_blob(q, n, "", 0);
}

int32_t shop__outbox_insert(shop__tx_t *tx, const struct shop__outbox_row *row, bool *inserted) {
  shop__query_t *q = shop__query(tx, OUTBOX_INSERT);

  shop__query_int(q, 1, row->id);
  shop__rows_bind_optional(q, 2, row->order_id);
  shop__query_int(q, 3, row->kind);
  shop__query_int(q, 4, row->state);
  shop__query_int(q, 5, row->tries);
  shop__query_int(q, 6, row->since_ms);
  shop__query_int(q, 7, row->wait_ms);
  shop__query_int(q, 8, row->lease_id);
  shop__query_int(q, 9, row->created_at_ms);
  shop__query_text(q, 10, row->recipient);
  shop__query_text(q, 11, row->sender);
  if (row->message_size == 0)
    bind_nothing(q, 12);
  else
    shop__query_blob(q, 12, row->message, row->message_size);
  shop__rows_bind_optional(q, 13, row->user_id);
  shop__query_int(q, 14, row->cause_id);
  shop__query_text(q, 15, row->reason);
  if (row->code_hash != NULL)
    shop__query_blob(q, 16, row->code_hash, SHOP__DIGEST_BYTES);
  return shop__rows_change(q, inserted);
}

/* ---- reading ----------------------------------------------------------------------- */

static void read_state(shop__query_t *q, struct shop__outbox_row *row) {
  *row = (struct shop__outbox_row){
      .id = shop__query_get_int(q, 0),
      .order_id = shop__query_get_int(q, 1),
      .user_id = shop__query_get_int(q, 2),
      .kind = (int32_t)shop__query_get_int(q, 3),
      .state = (int32_t)shop__query_get_int(q, 4),
      .tries = shop__query_get_int(q, 5),
      .since_ms = shop__query_get_int(q, 6),
      .wait_ms = shop__query_get_int(q, 7),
      .lease_id = shop__query_get_int(q, 8),
      .cause_id = shop__query_get_int(q, 9),
      .created_at_ms = shop__query_get_int(q, 10),
      .sent_at_ms = shop__query_get_int(q, 11),
  };
}

static void read_texts(shop__query_t *q, struct shop__outbox_row *row) {
  row->recipient = shop__query_get_text(q, 12);
  row->sender = shop__query_get_text(q, 13);
  row->reason = shop__query_get_text(q, 14);
  row->order_number = shop__query_get_text(q, 15);
}

static int32_t read_due(shop__tx_t *tx, const char *sql, int64_t at_ms,
                        struct shop__outbox_row *row, bool *found) {
  shop__query_t *q = shop__query(tx, sql);
  size_t hash_size = 0;
  int32_t status;

  shop__query_int(q, 1, at_ms);
  status = shop__rows_first(q, found);
  if (status == SHOP_OK && *found) {
    read_state(q, row);
    read_texts(q, row);
    row->message = shop__query_get_blob(q, 16, &row->message_size);
    row->code_hash = shop__query_get_blob(q, 17, &hash_size);
    if (hash_size != SHOP__DIGEST_BYTES)
      row->code_hash = NULL;
  }
  return status;
}

int32_t shop__outbox_next_due(shop__tx_t *tx, int64_t due_by_ms, int64_t ahead_of_ms,
                              struct shop__outbox_row *row, bool *found) {
  int32_t status = read_due(tx, OUTBOX_NEXT_DUE, due_by_ms, row, found);

  return status == SHOP_OK && !*found ? read_due(tx, OUTBOX_NEXT_AHEAD, ahead_of_ms, row, found)
                                      : status;
}

static int32_t read_number(shop__query_t *q, int64_t *number, bool *found) {
  int32_t status = shop__rows_first(q, found);

  *number = *found ? shop__query_get_int(q, 0) : 0;
  shop__query_reset(q);
  return status;
}

int32_t shop__outbox_horizon(shop__tx_t *tx, int64_t *due_ms, int64_t *latest_since_ms,
                             bool *found) {
  int32_t status = read_number(shop__query(tx, OUTBOX_FIRST_DUE), due_ms, found);

  return status == SHOP_OK && *found
             ? read_number(shop__query(tx, OUTBOX_LATEST_SINCE), latest_since_ms, found)
             : status;
}

int32_t shop__outbox_get(shop__tx_t *tx, int64_t id, struct shop__outbox_row *row, bool *found) {
  shop__query_t *q = shop__query(tx, OUTBOX_GET);
  int32_t status;

  shop__query_int(q, 1, id);
  status = shop__rows_first(q, found);
  if (status == SHOP_OK && *found)
    read_state(q, row);
  return status;
}

int32_t shop__outbox_has_message(shop__tx_t *tx, int64_t id, bool *has) {
  shop__query_t *q = shop__query(tx, OUTBOX_HAS_MESSAGE);
  int64_t one = 0;

  shop__query_int(q, 1, id);
  return read_number(q, &one, has);
}

/* ---- changing ---------------------------------------------------------------------- */

int32_t shop__outbox_update(shop__tx_t *tx, const struct shop__outbox_row *row) {
  shop__query_t *q = shop__query(tx, OUTBOX_UPDATE);

  shop__query_int(q, 1, row->id);
  shop__query_int(q, 2, row->state);
  shop__query_int(q, 3, row->tries);
  shop__query_int(q, 4, row->since_ms);
  shop__query_int(q, 5, row->wait_ms);
  shop__query_int(q, 6, row->lease_id);
  shop__query_text(q, 7, row->reason);
  shop__rows_bind_optional(q, 8, row->sent_at_ms);
  return shop__query_run(q, NULL);
}

int32_t shop__outbox_delete(shop__tx_t *tx, int64_t id) {
  shop__query_t *q = shop__query(tx, OUTBOX_DELETE);

  shop__query_int(q, 1, id);
  return shop__query_run(q, NULL);
}

int32_t shop__outbox_empty(shop__tx_t *tx, int64_t id) {
  shop__query_t *q = shop__query(tx, OUTBOX_EMPTY);

  shop__query_int(q, 1, id);
  bind_nothing(q, 2);
  return shop__query_run(q, NULL);
}

static int32_t prune(shop__tx_t *tx, const char *sql, int64_t before_ms, int32_t limit,
                     bool forgets, int64_t *count) {
  shop__query_t *q = shop__query(tx, sql);

  shop__query_int(q, 1, before_ms);
  shop__query_int(q, 2, limit);
  if (forgets)
    bind_nothing(q, 3);
  return shop__query_run(q, count);
}

int32_t shop__outbox_forget_sent(shop__tx_t *tx, int64_t before_ms, int32_t limit, int64_t *count) {
  return prune(tx, FORGET_SENT, before_ms, limit, true, count);
}

int32_t shop__outbox_forget_dead(shop__tx_t *tx, int64_t before_ms, int32_t limit, int64_t *count) {
  return prune(tx, FORGET_DEAD, before_ms, limit, true, count);
}

int32_t shop__outbox_delete_sent(shop__tx_t *tx, int64_t before_ms, int32_t limit, int64_t *count) {
  return prune(tx, DELETE_SENT, before_ms, limit, false, count);
}

int32_t shop__outbox_delete_dead(shop__tx_t *tx, int64_t before_ms, int32_t limit, int64_t *count) {
  return prune(tx, DELETE_DEAD, before_ms, limit, false, count);
}

/* ---- lists and counts -------------------------------------------------------------- */

shop__query_t *shop__outbox_each(shop__tx_t *tx, int32_t state, int64_t before_id, int32_t limit) {
  bool waits = state == SHOP_MAIL_QUEUED || state == SHOP_MAIL_LEASED;
  const char *sql = waits                     ? OUTBOX_EACH_WAITING
                    : state == SHOP_MAIL_SENT ? OUTBOX_EACH_SENT
                    : state == SHOP_MAIL_DEAD ? OUTBOX_EACH_DEAD
                                              : OUTBOX_EACH;
  shop__query_t *q = shop__query(tx, sql);

  shop__query_int(q, 1, before_id);
  shop__query_int(q, 2, limit);
  if (waits)
    shop__query_int(q, 3, state);
  return q;
}

int32_t shop__outbox_next(shop__query_t *q, struct shop__outbox_row *row) {
  int32_t status = shop__query_step(q);

  if (status == SHOP__ROW) {
    read_state(q, row);
    read_texts(q, row);
  }
  return status;
}

static int32_t count_waiting(shop__tx_t *tx, int32_t state, int64_t *count, int64_t *oldest_ms) {
  shop__query_t *q = shop__query(tx, COUNT_WAITING);
  bool found = false;
  int32_t status;

  shop__query_int(q, 1, state);
  status = shop__rows_first(q, &found);
  *count = found ? shop__query_get_int(q, 0) : 0;
  if (*count > 0 && (*oldest_ms == 0 || shop__query_get_int(q, 1) < *oldest_ms))
    *oldest_ms = shop__query_get_int(q, 1);
  shop__query_reset(q);
  return status;
}

int32_t shop__outbox_count(shop__tx_t *tx, struct shop__outbox_counts *counts) {
  bool found = false;
  int32_t status;

  *counts = (struct shop__outbox_counts){0};
  status = count_waiting(tx, SHOP_MAIL_QUEUED, &counts->queued, &counts->oldest_ms);
  if (status == SHOP_OK)
    status = count_waiting(tx, SHOP_MAIL_LEASED, &counts->leased, &counts->oldest_ms);
  if (status == SHOP_OK)
    status = read_number(shop__query(tx, COUNT_SENT), &counts->sent, &found);
  if (status == SHOP_OK)
    status = read_number(shop__query(tx, COUNT_DEAD), &counts->dead, &found);
  return status;
}
