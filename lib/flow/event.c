/* The event log, as the merchant pages through it. */
#include <stddef.h>

#include "flow.h"

struct event_entry {
  uint32_t next;
  uint32_t name;
  uint32_t before;
  uint32_t after;
  uint32_t detail;
  int32_t actor;
  int64_t id;
  int64_t at_ms;
  int64_t user_id;
  int64_t order_id;
};

struct shop_event_page {
  struct shop__pack_list events;
};

static void pack_event(struct shop__pack *pack, const struct shop__event_row *row) {
  struct event_entry entry = {.actor = row->actor,
                              .id = row->id,
                              .at_ms = row->at_ms,
                              .user_id = row->user_id,
                              .order_id = row->order_id};

  entry.name = shop__pack_text(pack, row->name);
  entry.before = shop__pack_text(pack, row->before);
  entry.after = shop__pack_text(pack, row->after);
  entry.detail = shop__pack_text(pack, row->detail);
  shop__pack_record(pack, offsetof(struct shop_event_page, events), &entry, sizeof entry);
}

static int32_t list_fn(shop__tx_t *tx, void *ctx) {
  struct shop__page *page = ctx;
  struct shop__event_row row;
  shop__query_t *q = shop__events_each(tx, page->cursor, page->limit);
  int32_t status;

  shop__pack_begin(&page->pack, sizeof(struct shop_event_page));
  while ((status = shop__events_next(q, &row)) == SHOP__ROW)
    pack_event(&page->pack, &row);
  shop__pack_end_list(&page->pack, offsetof(struct shop_event_page, events));
  return status == SHOP_OK ? shop__pack_check(tx, &page->pack) : status;
}

int32_t shop_event_list(shop_t *shop, int64_t after_id, int32_t limit, shop_event_page_t **out,
                        shop_error_t *err) {
  struct shop__page page = {.cursor = after_id, .limit = limit};
  int32_t status;

  if (out != NULL)
    *out = NULL;
  status = shop__enter(shop, err);
  return status == SHOP_OK
             ? shop__leave(shop, shop__page_give(shop, &page, list_fn, &page, (void **)out, err))
             : status;
}

/* ---- getters ------------------------------------------------------------------------------ */

static const struct event_entry *entry_at(const shop_event_page_t *page, int32_t index) {
  return page == NULL ? NULL : shop__pack_at(page, &page->events, index);
}

int32_t shop_event_page_count(const shop_event_page_t *page) {
  return page == NULL ? 0 : (int32_t)page->events.count;
}

int64_t shop_event_page_id(const shop_event_page_t *page, int32_t index) {
  const struct event_entry *entry = entry_at(page, index);

  return entry == NULL ? 0 : entry->id;
}

int64_t shop_event_page_at_ms(const shop_event_page_t *page, int32_t index) {
  const struct event_entry *entry = entry_at(page, index);

  return entry == NULL ? 0 : entry->at_ms;
}

int32_t shop_event_page_actor(const shop_event_page_t *page, int32_t index) {
  const struct event_entry *entry = entry_at(page, index);

  return entry == NULL ? 0 : entry->actor;
}

int64_t shop_event_page_user_id(const shop_event_page_t *page, int32_t index) {
  const struct event_entry *entry = entry_at(page, index);

  return entry == NULL ? 0 : entry->user_id;
}

int64_t shop_event_page_order_id(const shop_event_page_t *page, int32_t index) {
  const struct event_entry *entry = entry_at(page, index);

  return entry == NULL ? 0 : entry->order_id;
}

const char *shop_event_page_name(const shop_event_page_t *page, int32_t index) {
  const struct event_entry *entry = entry_at(page, index);

  return entry == NULL ? "" : shop__pack_text_at(page, entry->name);
}

const char *shop_event_page_before(const shop_event_page_t *page, int32_t index) {
  const struct event_entry *entry = entry_at(page, index);

  return entry == NULL ? "" : shop__pack_text_at(page, entry->before);
}

const char *shop_event_page_after(const shop_event_page_t *page, int32_t index) {
  const struct event_entry *entry = entry_at(page, index);

  return entry == NULL ? "" : shop__pack_text_at(page, entry->after);
}

const char *shop_event_page_detail(const shop_event_page_t *page, int32_t index) {
  const struct event_entry *entry = entry_at(page, index);

  return entry == NULL ? "" : shop__pack_text_at(page, entry->detail);
}

void shop_event_page_free(shop_event_page_t *page) {
  shop__memory_free(page);
}
