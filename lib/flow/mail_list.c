/* The outbox as the merchant sees it: lists, counts, and when to look again. */
#include <stddef.h>

#include "flow.h"

/* ---- lists ----------------------------------------------------------------------------------- */

struct mail_entry {
  uint32_t next;
  uint32_t order_number;
  uint32_t recipient;
  uint32_t reason;
  int32_t kind;
  int32_t state;
  int32_t tries;
  int64_t id;
  int64_t user_id;
  int64_t created_at_ms;
  int64_t due_ms;
  int64_t sent_at_ms;
};

struct shop_mail_page {
  struct shop__pack_list mails;
};

struct list {
  struct shop__page page;
  int32_t state;
};

static void pack_mail(struct shop__pack *pack, const struct shop__outbox_row *row) {
  bool waits = row->state == SHOP_MAIL_QUEUED || row->state == SHOP_MAIL_LEASED;
  struct mail_entry entry = {.kind = row->kind,
                             .state = row->state,
                             .tries = (int32_t)row->tries,
                             .id = row->id,
                             .user_id = row->user_id,
                             .created_at_ms = row->created_at_ms,
                             .due_ms = waits ? row->since_ms + row->wait_ms : 0,
                             .sent_at_ms = row->sent_at_ms};

  entry.order_number = shop__pack_text(pack, row->order_number);
  entry.recipient = shop__pack_text(pack, row->recipient);
  entry.reason = shop__pack_text(pack, row->reason);
  shop__pack_record(pack, offsetof(struct shop_mail_page, mails), &entry, sizeof entry);
}

static int32_t list_fn(shop__tx_t *tx, void *ctx) {
  struct list *list = ctx;
  struct shop__outbox_row row;
  shop__query_t *q = shop__outbox_each(
      tx, list->state, list->page.cursor == 0 ? INT64_MAX : list->page.cursor, list->page.limit);
  int32_t status;

  shop__pack_begin(&list->page.pack, sizeof(struct shop_mail_page));
  while ((status = shop__outbox_next(q, &row)) == SHOP__ROW)
    pack_mail(&list->page.pack, &row);
  shop__pack_end_list(&list->page.pack, offsetof(struct shop_mail_page, mails));
  return status == SHOP_OK ? shop__pack_check(tx, &list->page.pack) : status;
}

int32_t shop_mail_list(shop_t *shop, int32_t state, int64_t before_id, int32_t limit,
                       shop_mail_page_t **out, shop_error_t *err) {
  struct list list = {.page = {.cursor = before_id, .limit = limit}, .state = state};
  int32_t status;

  if (out != NULL)
    *out = NULL;
  status = shop__enter(shop, err);
  if (status != SHOP_OK)
    return status;
  if (state < 0 || state > SHOP_MAIL_DEAD)
    return shop__leave(shop, shop__error_set(err, SHOP_ERR_ARGUMENT,
                                             "mail is listed by the states queued to dead, or 0"));
  return shop__leave(shop, shop__page_give(shop, &list.page, list_fn, &list, (void **)out, err));
}

static const struct mail_entry *entry_at(const shop_mail_page_t *page, int32_t index) {
  return page == NULL ? NULL : shop__pack_at(page, &page->mails, index);
}

int32_t shop_mail_page_count(const shop_mail_page_t *page) {
  return page == NULL ? 0 : (int32_t)page->mails.count;
}

int64_t shop_mail_page_id(const shop_mail_page_t *page, int32_t index) {
  const struct mail_entry *entry = entry_at(page, index);

  return entry == NULL ? 0 : entry->id;
}

int32_t shop_mail_page_kind(const shop_mail_page_t *page, int32_t index) {
  const struct mail_entry *entry = entry_at(page, index);

  return entry == NULL ? 0 : entry->kind;
}

int32_t shop_mail_page_state(const shop_mail_page_t *page, int32_t index) {
  const struct mail_entry *entry = entry_at(page, index);

  return entry == NULL ? 0 : entry->state;
}

const char *shop_mail_page_order_number(const shop_mail_page_t *page, int32_t index) {
  const struct mail_entry *entry = entry_at(page, index);

  return entry == NULL ? "" : shop__pack_text_at(page, entry->order_number);
}

int64_t shop_mail_page_user_id(const shop_mail_page_t *page, int32_t index) {
  const struct mail_entry *entry = entry_at(page, index);

  return entry == NULL ? 0 : entry->user_id;
}

const char *shop_mail_page_recipient(const shop_mail_page_t *page, int32_t index) {
  const struct mail_entry *entry = entry_at(page, index);

  return entry == NULL ? "" : shop__pack_text_at(page, entry->recipient);
}

int32_t shop_mail_page_tries(const shop_mail_page_t *page, int32_t index) {
  const struct mail_entry *entry = entry_at(page, index);

  return entry == NULL ? 0 : entry->tries;
}

const char *shop_mail_page_reason(const shop_mail_page_t *page, int32_t index) {
  const struct mail_entry *entry = entry_at(page, index);

  return entry == NULL ? "" : shop__pack_text_at(page, entry->reason);
}

int64_t shop_mail_page_created_at_ms(const shop_mail_page_t *page, int32_t index) {
  const struct mail_entry *entry = entry_at(page, index);

  return entry == NULL ? 0 : entry->created_at_ms;
}

int64_t shop_mail_page_due_ms(const shop_mail_page_t *page, int32_t index) {
  const struct mail_entry *entry = entry_at(page, index);

  return entry == NULL ? 0 : entry->due_ms;
}

int64_t shop_mail_page_sent_at_ms(const shop_mail_page_t *page, int32_t index) {
  const struct mail_entry *entry = entry_at(page, index);

  return entry == NULL ? 0 : entry->sent_at_ms;
}

void shop_mail_page_free(shop_mail_page_t *page) {
  shop__memory_free(page);
}

/* ---- when to look again
 * -------------------------------------------------------------------------- */

struct next_due {
  int64_t now_ms;
  int64_t due_ms; /* result */
};

/* What began to wait in the future, by a clock that went back, is due now. */
static int32_t next_due_fn(shop__tx_t *tx, void *ctx) {
  struct next_due *next = ctx;
  int64_t latest_since_ms = 0;
  bool found = false;
  int32_t status = shop__outbox_horizon(tx, &next->due_ms, &latest_since_ms, &found);

  if (!found)
    next->due_ms = SHOP_MAIL_NONE_DUE;
  else if (latest_since_ms > next->now_ms && next->due_ms > next->now_ms)
    next->due_ms = next->now_ms;
  return status;
}

int64_t shop_mail_none_due(void) {
  return SHOP_MAIL_NONE_DUE;
}

int32_t shop_mail_next_due_ms(shop_t *shop, int64_t *due_ms, shop_error_t *err) {
  struct next_due next = {.due_ms = SHOP_MAIL_NONE_DUE};
  int32_t status;

  if (due_ms != NULL)
    *due_ms = 0;
  status = shop__enter(shop, err);
  if (status != SHOP_OK)
    return status;
  if (due_ms == NULL)
    return shop__leave(shop, shop__missing("due_ms", err));
  next.now_ms = shop__now_ms(shop);
  status = shop__db_read(shop->db, next_due_fn, &next, err);
  if (status == SHOP_OK)
    *due_ms = next.due_ms;
  return shop__leave(shop, status);
}

/* ---- counts
 * ----------------------------------------------------------------------------------------- */

struct shop_mail_stats {
  struct shop__outbox_counts counts;
  int64_t oldest_age_ms;
};

static int32_t count_fn(shop__tx_t *tx, void *ctx) {
  struct shop_mail_stats *stats = ctx;

  return shop__outbox_count(tx, &stats->counts);
}

int32_t shop_mail_stats(shop_t *shop, shop_mail_stats_t **out, shop_error_t *err) {
  struct shop_mail_stats *stats;
  int64_t now_ms;
  int32_t status;

  if (out != NULL)
    *out = NULL;
  status = shop__enter(shop, err);
  if (status != SHOP_OK)
    return status;
  if (out == NULL)
    return shop__leave(shop, shop__missing("out", err));
  stats = shop__memory_zalloc(sizeof *stats);
  if (stats == NULL)
    return shop__leave(shop, shop__no_memory(err));
  status = shop__db_read(shop->db, count_fn, stats, err);
  now_ms = shop__now_ms(shop);
  if (stats->counts.oldest_ms != 0 && stats->counts.oldest_ms < now_ms)
    stats->oldest_age_ms = now_ms - stats->counts.oldest_ms;
  if (status == SHOP_OK)
    *out = stats;
  else
    shop__memory_free(stats);
  return shop__leave(shop, status);
}

int64_t shop_mail_stats_queued(const shop_mail_stats_t *stats) {
  return stats == NULL ? 0 : stats->counts.queued;
}

int64_t shop_mail_stats_leased(const shop_mail_stats_t *stats) {
  return stats == NULL ? 0 : stats->counts.leased;
}

int64_t shop_mail_stats_sent(const shop_mail_stats_t *stats) {
  return stats == NULL ? 0 : stats->counts.sent;
}

int64_t shop_mail_stats_dead(const shop_mail_stats_t *stats) {
  return stats == NULL ? 0 : stats->counts.dead;
}

int64_t shop_mail_stats_oldest_age_ms(const shop_mail_stats_t *stats) {
  return stats == NULL ? 0 : stats->oldest_age_ms;
}

void shop_mail_stats_free(shop_mail_stats_t *stats) {
  shop__memory_free(stats);
}
