/* Many products put in one transaction: an import is limited by its commits. */
#include <string.h>

#include "flow.h"

/* One block: the offer, and behind it the texts that it borrows. */
struct item {
  struct shop__offer offer;
  char texts[];
};

struct shop_product_batch {
  struct item **items;
  int32_t count;
  int32_t room;
};

int32_t shop_product_batch_max(void) {
  return SHOP_PRODUCT_BATCH_MAX;
}

int32_t shop_product_batch_new(shop_product_batch_t **out) {
  if (out == NULL)
    return SHOP_ERR_ARGUMENT;
  *out = shop__memory_zalloc(sizeof **out);
  return *out == NULL ? SHOP_ERR_NO_MEMORY : SHOP_OK;
}

void shop_product_batch_clear(shop_product_batch_t *batch) {
  if (batch == NULL)
    return;
  while (batch->count > 0)
    shop__memory_free(batch->items[--batch->count]);
}

void shop_product_batch_free(shop_product_batch_t *batch) {
  if (batch == NULL)
    return;
  shop_product_batch_clear(batch);
  shop__memory_free(batch->items);
  shop__memory_free(batch);
}

int32_t shop_product_batch_count(const shop_product_batch_t *batch) {
  return batch == NULL ? 0 : batch->count;
}

/* ---- adding ------------------------------------------------------------------------ */

static bool make_room(shop_product_batch_t *batch) {
  int32_t room = batch->room == 0 ? 16 : batch->room * 2;
  struct item **items;

  if (batch->count < batch->room)
    return true;
  items = shop__memory_realloc(batch->items, (size_t)room * sizeof *items);
  if (items == NULL)
    return false;
  batch->items = items;
  batch->room = room;
  return true;
}

/* NULL stays NULL. */
static const char *copy_text(char **at, const char *text) {
  const char *copy = *at;
  size_t size = text == NULL ? 0 : strlen(text) + 1;

  if (text == NULL)
    return NULL;
  memcpy(*at, text, size);
  *at += size;
  return copy;
}

static struct item *copy_offer(const struct shop__offer *offer) {
  size_t description = offer->description == NULL ? 0 : strlen(offer->description) + 1;
  struct item *item = shop__memory_zalloc(sizeof *item + strlen(offer->sku) + strlen(offer->name) +
                                          strlen(offer->currency) + 3 + description);
  char *at;

  if (item == NULL)
    return NULL;
  at = item->texts;
  item->offer = *offer;
  item->offer.sku = copy_text(&at, offer->sku);
  item->offer.name = copy_text(&at, offer->name);
  item->offer.currency = copy_text(&at, offer->currency);
  item->offer.description = copy_text(&at, offer->description);
  return item;
}

int32_t shop_product_batch_add(shop_product_batch_t *batch, const char *sku, const char *name,
                               const char *description, int64_t price_minor, const char *currency,
                               int64_t on_hand, shop_error_t *err) {
  const struct shop__offer offer = {.sku = sku,
                                    .name = name,
                                    .description = description,
                                    .price_minor = price_minor,
                                    .currency = currency,
                                    .on_hand = on_hand};
  struct item *item;
  int32_t status;

  if (batch == NULL)
    return shop__missing("batch", err);
  status = shop__offer_check(&offer, err);
  if (status != SHOP_OK)
    return status;
  if (batch->count == SHOP_PRODUCT_BATCH_MAX)
    return shop__error_set(err, SHOP_ERR_ARGUMENT, "the batch holds %d products: put and clear it",
                           SHOP_PRODUCT_BATCH_MAX);
  item = copy_offer(&offer);
  if (item == NULL || !make_room(batch)) {
    shop__memory_free(item);
    return shop__no_memory(err);
  }
  batch->items[batch->count++] = item;
  shop__error_clear(err);
  return SHOP_OK;
}

/* ---- putting ----------------------------------------------------------------------- */

struct put_all {
  const shop_product_batch_t *batch;
  int64_t now_ms;
};

static int32_t put_all_fn(shop__tx_t *tx, void *ctx) {
  const struct put_all *all = ctx;
  int32_t status = SHOP_OK;

  for (int32_t i = 0; status == SHOP_OK && i < all->batch->count; i++)
    status = shop__offer_put(tx, &all->batch->items[i]->offer, all->now_ms);
  return status;
}

int32_t shop_product_put_batch(shop_t *shop, const shop_product_batch_t *batch,
                               const shop_options_t *options, shop_error_t *err) {
  struct shop__db_write_rule rule = shop__options_rule(options, false);
  struct put_all all = {.batch = batch};
  int32_t status = shop__enter(shop, err);

  if (status != SHOP_OK)
    return status;
  if (batch == NULL)
    return shop__leave(shop, shop__missing("batch", err));
  status = shop__options_check(options, SHOP__TAKES_DEADLINE, err);
  if (status == SHOP_OK) {
    all.now_ms = shop__now_ms(shop);
    status = shop__db_write(shop->db, put_all_fn, &all, &rule, err);
  }
  return shop__leave(shop, status);
}
