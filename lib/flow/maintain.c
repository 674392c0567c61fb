/* Upkeep: what is old enough expires or is thrown away, in steps that are short
   enough for everybody else. */
#include "flow.h"

#define STEP_ROWS 200
#define CODES_COUNT_MS (INT64_C(60) * 60 * 1000)

struct shop_maintenance {
  int64_t holds;
  int64_t carts;
  int64_t keys;
  int64_t tokens;
  int64_t codes;
  int64_t signing_keys;
  int64_t events;
  int64_t mails;
  int64_t guesses;
  int64_t erasings;
  int64_t guests;
};

/* What lib/rows throws away of one kind: up to `limit` rows from before a time. */
typedef int32_t (*prune_rows)(shop__tx_t *tx, int64_t before_ms, int32_t limit, int64_t *count);

struct step {
  prune_rows prune;
  int64_t before_ms;
  int64_t now_ms;
  int64_t count; /* result: how many rows the step found */
};

static int32_t prune_fn(shop__tx_t *tx, void *ctx) {
  struct step *step = ctx;

  return step->prune(tx, step->before_ms, STEP_ROWS, &step->count);
}

static int32_t expire_carts_fn(shop__tx_t *tx, void *ctx) {
  struct step *step = ctx;

  return shop__expire_carts(tx, step->before_ms, STEP_ROWS, step->now_ms, &step->count);
}

/* Step after step, until one finds less than it could take. */
static int32_t run_steps(shop_t *shop, shop__db_fn fn, prune_rows prune, int64_t life_ms,
                         int64_t *total, shop_error_t *err) {
  struct step step = {.prune = prune, .count = STEP_ROWS, .now_ms = shop__now_ms(shop)};
  int32_t status = SHOP_OK;

  step.before_ms = step.now_ms - life_ms;
  while (status == SHOP_OK && step.count == STEP_ROWS) {
    step.count = 0;
    status = shop__db_write(shop->db, fn, &step, NULL, err);
    if (status == SHOP_OK)
      *total += step.count;
  }
  return status;
}

static int32_t prune(shop_t *shop, prune_rows rows, int64_t life_ms, int64_t *total,
                     shop_error_t *err) {
  return run_steps(shop, prune_fn, rows, life_ms, total, err);
}

/* Of an order's mail the row stays, for the audit; an account's goes. */
static int32_t prune_mail(shop_t *shop, int64_t *total, shop_error_t *err) {
  int64_t sent_ms = shop->config.mail_life_ms, dead_ms = shop->config.mail_dead_life_ms;
  int32_t status = prune(shop, shop__outbox_forget_sent, sent_ms, total, err);

  if (status == SHOP_OK)
    status = prune(shop, shop__outbox_delete_sent, sent_ms, total, err);
  if (status == SHOP_OK)
    status = prune(shop, shop__outbox_forget_dead, dead_ms, total, err);
  if (status == SHOP_OK)
    status = prune(shop, shop__outbox_delete_dead, dead_ms, total, err);
  return status;
}

int32_t shop_maintain(shop_t *shop, shop_maintenance_t **out, shop_error_t *err) {
  struct shop_maintenance *done;
  int32_t status;

  if (out != NULL)
    *out = NULL;
  status = shop__enter(shop, err);
  if (status != SHOP_OK)
    return status;
  done = shop__memory_zalloc(sizeof *done);
  if (done == NULL)
    return shop__leave(shop, shop__no_memory(err));
  /* Before the carts: one that is held does not expire. */
  status = shop__holds_expire(shop, &done->holds, err);
  if (status == SHOP_OK)
    status = run_steps(shop, expire_carts_fn, NULL, shop->config.cart_life_ms, &done->carts, err);
  if (status == SHOP_OK)
    status = prune(shop, shop__prune_requests, shop->config.idempotency_life_ms, &done->keys, err);
  if (status == SHOP_OK)
    status = prune(shop, shop__prune_tokens, shop->config.token_skew_ms, &done->tokens, err);
  /* Which were made in the last hour is counted: a life is a minute at least. */
  if (status == SHOP_OK)
    status = prune(shop, shop__prune_codes, CODES_COUNT_MS, &done->codes, err);
  if (status == SHOP_OK)
    status = prune(shop, shop__prune_registrations, CODES_COUNT_MS, &done->codes, err);
  if (status == SHOP_OK)
    status = prune(shop, shop__prune_refreshes, shop->config.token_skew_ms, &done->tokens, err);
  if (status == SHOP_OK)
    status =
        prune(shop, shop__prune_signing_keys, SHOP__TOKEN_SKEW_MAX_MS, &done->signing_keys, err);
  if (status == SHOP_OK)
    status = prune(shop, shop__prune_events, shop->config.event_life_ms, &done->events, err);
  if (status == SHOP_OK)
    status = prune_mail(shop, &done->mails, err);
  if (status == SHOP_OK)
    status = prune(shop, shop__guesses_forget, shop__guess_life_ms(&shop->config.guess),
                   &done->guesses, err);
  if (status == SHOP_OK)
    status = shop__guests_prune(shop, &done->guests, err);
  if (status == SHOP_OK)
    status = shop__erase_closed(shop, &done->erasings, err);
  if (status == SHOP_OK)
    status = shop__erase_go_on(shop, err);
  if (status == SHOP_OK)
    status = shop__db_checkpoint(shop->db, err);
  if (status == SHOP_OK && out != NULL)
    *out = done;
  else
    shop__memory_free(done);
  return shop__leave(shop, status);
}

int64_t shop_maintenance_holds(const shop_maintenance_t *maintenance) {
  return maintenance == NULL ? 0 : maintenance->holds;
}

int64_t shop_maintenance_carts(const shop_maintenance_t *maintenance) {
  return maintenance == NULL ? 0 : maintenance->carts;
}

int64_t shop_maintenance_keys(const shop_maintenance_t *maintenance) {
  return maintenance == NULL ? 0 : maintenance->keys;
}

int64_t shop_maintenance_tokens(const shop_maintenance_t *maintenance) {
  return maintenance == NULL ? 0 : maintenance->tokens;
}

int64_t shop_maintenance_signing_keys(const shop_maintenance_t *maintenance) {
  return maintenance == NULL ? 0 : maintenance->signing_keys;
}

int64_t shop_maintenance_codes(const shop_maintenance_t *maintenance) {
  return maintenance == NULL ? 0 : maintenance->codes;
}

int64_t shop_maintenance_events(const shop_maintenance_t *maintenance) {
  return maintenance == NULL ? 0 : maintenance->events;
}

int64_t shop_maintenance_mails(const shop_maintenance_t *maintenance) {
  return maintenance == NULL ? 0 : maintenance->mails;
}

int64_t shop_maintenance_erasings(const shop_maintenance_t *maintenance) {
  return maintenance == NULL ? 0 : maintenance->erasings;
}

int64_t shop_maintenance_guesses(const shop_maintenance_t *maintenance) {
  return maintenance == NULL ? 0 : maintenance->guesses;
}

int64_t shop_maintenance_guests(const shop_maintenance_t *maintenance) {
  return maintenance == NULL ? 0 : maintenance->guests;
}

void shop_maintenance_free(shop_maintenance_t *maintenance) {
  shop__memory_free(maintenance);
}
