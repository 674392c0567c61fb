/* The sessions of a user: the living tokens, as their owner sees and ends them. */
#include <stddef.h>
#include <string.h>

#include "flow_account.h"

/* A use is noted when the last note is this old, so that nearly every check of a
   session is a read alone. */
#define TOUCH_MS (INT64_C(15) * 60 * 1000)
/* A store that is busy for longer than this goes without the note. */
#define TOUCH_WAIT_MS 100

struct session_entry {
  uint32_t next;
  uint32_t label;
  int64_t id;
  int64_t created_at_ms;
  int64_t last_used_at_ms;
  int64_t expires_at_ms;
  bool current;
};

struct shop_session_page {
  struct shop__pack_list sessions;
};

/* ---- the note of a use ---------------------------------------------------------------- */

struct touch {
  const shop_token_t *token;
  int64_t now_ms;
};

static int32_t touch_fn(shop__tx_t *tx, void *ctx) {
  const struct touch *touch = ctx;

  return shop__token_touch(tx, touch->token->jti, touch->now_ms - TOUCH_MS + 1, touch->now_ms);
}

void shop__session_touch(shop_t *shop, const shop_token_t *token, int64_t last_used_at_ms,
                         int64_t now_ms) {
  const struct shop__db_write_rule rule = {.deadline_ms = TOUCH_WAIT_MS};
  struct touch touch = {token, now_ms};

  if (now_ms - last_used_at_ms >= TOUCH_MS)
    (void)!shop__db_write(shop->db, touch_fn, &touch, &rule, NULL);
}

/* ---- listing ------------------------------------------------------------------------------ */

struct list {
  struct shop__page page;
  const shop_token_t *token;
  int64_t now_ms;
};

static void pack_session(struct shop__pack *pack, const struct shop__session_row *row,
                         const char *current_jti) {
  struct session_entry entry = {.id = row->id,
                                .created_at_ms = row->issued_at_ms,
                                .last_used_at_ms = row->last_used_at_ms,
                                .expires_at_ms = row->expires_at_ms,
                                .current = strcmp(row->jti, current_jti) == 0};

  entry.label = shop__pack_text(pack, row->label);
  shop__pack_record(pack, offsetof(struct shop_session_page, sessions), &entry, sizeof entry);
}

static int32_t list_fn(shop__tx_t *tx, void *ctx) {
  struct list *list = ctx;
  struct shop__token_row owner;
  struct shop__session_row row;
  shop__query_t *q;
  int32_t status = shop__token_check(tx, list->token, list->now_ms, &owner);

  if (status != SHOP_OK)
    return status;
  q = shop__sessions_each(tx, owner.user_id, owner.epoch, list->now_ms,
                          list->page.cursor == 0 ? INT64_MAX : list->page.cursor, list->page.limit);
  shop__pack_begin(&list->page.pack, sizeof(struct shop_session_page));
  while ((status = shop__sessions_next(q, &row)) == SHOP__ROW)
    pack_session(&list->page.pack, &row, list->token->jti);
  shop__pack_end_list(&list->page.pack, offsetof(struct shop_session_page, sessions));
  return status == SHOP_OK ? shop__pack_check(tx, &list->page.pack) : status;
}

int32_t shop_account_session_list(shop_t *shop, const shop_token_t *token, int64_t before_id,
                                  int32_t limit, shop_session_page_t **out, shop_error_t *err) {
  struct list list = {.page = {.cursor = before_id, .limit = limit}, .token = token};
  int32_t status;

  if (out != NULL)
    *out = NULL;
  status = shop__enter_token(shop, token, err);
  if (status != SHOP_OK)
    return status;
  list.now_ms = shop__now_ms(shop);
  return shop__leave(shop, shop__page_give(shop, &list.page, list_fn, &list, (void **)out, err));
}

/* ---- ending one ----------------------------------------------------------------------------- */

struct revocation {
  const shop_token_t *token;
  int64_t session_id;
  int64_t now_ms;
};

static int32_t revoke_fn(shop__tx_t *tx, void *ctx) {
  const struct revocation *asked = ctx;
  struct shop__token_row owner;
  bool found = false;
  int32_t status = shop__token_check(tx, asked->token, asked->now_ms, &owner);

  if (status == SHOP_OK)
    status = shop__session_set_revoked(tx, owner.user_id, asked->session_id, owner.epoch,
                                       asked->now_ms, &found);
  if (status == SHOP_OK && !found)
    return shop__error_set(shop__tx_error(tx), SHOP_ERR_NOT_FOUND, "there is no such session");
  if (status == SHOP_OK)
    status = shop__refresh_end_session(tx, owner.user_id, asked->session_id, asked->now_ms);
  if (status == SHOP_OK)
    status = shop__user_note(tx, owner.user_id,
                             &(struct shop__moment){asked->now_ms, SHOP_ACTOR_SHOPPER},
                             "user.session_ended", NULL);
  return status;
}

int32_t shop_account_session_revoke(shop_t *shop, const shop_token_t *token, int64_t session_id,
                                    const shop_options_t *options, shop_error_t *err) {
  struct shop__db_write_rule rule = shop__options_rule(options, false);
  struct revocation asked = {.token = token, .session_id = session_id};
  int32_t status = shop__enter_token(shop, token, err);

  if (status != SHOP_OK)
    return status;
  status = shop__options_check(options, SHOP__TAKES_DEADLINE, err);
  if (status == SHOP_OK) {
    asked.now_ms = shop__now_ms(shop);
    status = shop__db_write(shop->db, revoke_fn, &asked, &rule, err);
  }
  return shop__leave(shop, status);
}

/* ---- getters ----------------------------------------------------------------------------------
 */

static const struct session_entry *entry_at(const shop_session_page_t *page, int32_t index) {
  return page == NULL ? NULL : shop__pack_at(page, &page->sessions, index);
}

int32_t shop_session_page_count(const shop_session_page_t *page) {
  return page == NULL ? 0 : (int32_t)page->sessions.count;
}

int64_t shop_session_page_id(const shop_session_page_t *page, int32_t index) {
  const struct session_entry *entry = entry_at(page, index);

  return entry == NULL ? 0 : entry->id;
}

int64_t shop_session_page_created_at_ms(const shop_session_page_t *page, int32_t index) {
  const struct session_entry *entry = entry_at(page, index);

  return entry == NULL ? 0 : entry->created_at_ms;
}

int64_t shop_session_page_last_used_at_ms(const shop_session_page_t *page, int32_t index) {
  const struct session_entry *entry = entry_at(page, index);

  return entry == NULL ? 0 : entry->last_used_at_ms;
}

int64_t shop_session_page_expires_at_ms(const shop_session_page_t *page, int32_t index) {
  const struct session_entry *entry = entry_at(page, index);

  return entry == NULL ? 0 : entry->expires_at_ms;
}

const char *shop_session_page_label(const shop_session_page_t *page, int32_t index) {
  const struct session_entry *entry = entry_at(page, index);

  return entry == NULL ? "" : shop__pack_text_at(page, entry->label);
}

bool shop_session_page_is_current(const shop_session_page_t *page, int32_t index) {
  const struct session_entry *entry = entry_at(page, index);

  return entry != NULL && entry->current;
}

void shop_session_page_free(shop_session_page_t *page) {
  shop__memory_free(page);
}
