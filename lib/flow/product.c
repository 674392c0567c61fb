/* The catalogue: products put, read, listed, retired; stock set and adjusted. */
#include <string.h>

#include "flow.h"

struct shop_product {
  int64_t id;
  int64_t price_minor;
  int64_t created_at_ms;
  struct shop__stock stock;
  int32_t state;
  char currency[4];
  uint32_t sku;
  uint32_t name;
  uint32_t description;
  uint32_t note;
  uint32_t external_id;
};

struct shop_product_page {
  int32_t count;
  shop_product_t *products[];
};

int64_t shop_stock_unlimited(void) {
  return SHOP_STOCK_UNLIMITED;
}

int64_t shop_stock_max(void) {
  return SHOP_STOCK_MAX;
}

static void pack_product(struct shop__pack *pack, const struct shop__product_row *row) {
  struct shop_product product = {
      .id = row->id,
      .price_minor = row->price_minor,
      .created_at_ms = row->created_at_ms,
      .stock = row->stock,
      .state = row->state,
  };

  shop__copy_currency(product.currency, row->currency);
  shop__pack_begin(pack, sizeof product);
  product.sku = shop__pack_text(pack, row->sku);
  product.name = shop__pack_text(pack, row->name);
  product.description = shop__pack_text(pack, row->description);
  product.note = shop__pack_text(pack, row->note);
  product.external_id = shop__pack_text(pack, row->external_id);
  if (!pack->failed)
    *(struct shop_product *)(void *)pack->block = product;
}

static int32_t no_product(shop__tx_t *tx, const char *sku) {
  return shop__error_set(shop__tx_error(tx), SHOP_ERR_NOT_FOUND, "there is no product with SKU %s",
                         sku);
}

static int32_t check_sku(const char *sku, shop_error_t *err) {
  return shop__text_check("sku", sku, 1, SHOP__SKU_MAX, SHOP__TEXT_LINE, err);
}

/* ---- stock arithmetic: on hand = available + reserved - shortfall = received - sold ---- */

static int64_t on_hand_of(const struct shop__stock *stock) {
  return stock->available + stock->reserved - stock->shortfall;
}

/* Every term stays below 2^53 or so: stock is bounded by SHOP_STOCK_MAX, and
   what was ever sold by the number of orders times their quantities. */
static void set_on_hand(struct shop__stock *stock, int64_t on_hand) {
  stock->unlimited = false;
  stock->available = on_hand > stock->reserved ? on_hand - stock->reserved : 0;
  stock->shortfall = on_hand < stock->reserved ? stock->reserved - on_hand : 0;
  stock->received = on_hand + stock->sold;
}

static void set_unlimited(struct shop__stock *stock) {
  stock->unlimited = true;
  stock->available = 0;
  stock->shortfall = 0;
  stock->received = 0;
}

static void set_stock(struct shop__stock *stock, int64_t on_hand) {
  if (on_hand == SHOP_STOCK_UNLIMITED)
    set_unlimited(stock);
  else
    set_on_hand(stock, on_hand);
}

/* ---- put ------------------------------------------------------------------------------- */

struct put {
  struct shop__offer offer;
  int64_t now_ms;
  bool wants_snapshot;
  struct shop__pack pack;
};

int32_t shop__offer_put(shop__tx_t *tx, const struct shop__offer *offer, int64_t now_ms) {
  struct shop__product_row row, wanted = {.sku = offer->sku,
                                          .name = offer->name,
                                          .description = offer->description,
                                          .price_minor = offer->price_minor,
                                          .currency = offer->currency,
                                          .state = SHOP__PRODUCT_ACTIVE,
                                          .created_at_ms = now_ms};
  bool found = false;
  int32_t status = shop__product_by_sku(tx, offer->sku, &row, &found);

  if (status != SHOP_OK)
    return status;
  if (found) {
    wanted.id = row.id;
    wanted.stock = row.stock;
    set_stock(&wanted.stock, offer->on_hand);
    return shop__product_update(tx, &wanted, now_ms);
  }
  set_stock(&wanted.stock, offer->on_hand);
  status = shop__tx_id(tx, &wanted.id);
  return status == SHOP_OK ? shop__product_insert(tx, &wanted) : status;
}

static int32_t put_fn(shop__tx_t *tx, void *ctx) {
  struct put *put = ctx;
  struct shop__product_row row;
  bool found = false;
  int32_t status = shop__offer_put(tx, &put->offer, put->now_ms);

  if (status == SHOP_OK && put->wants_snapshot) {
    status = shop__product_by_sku(tx, put->offer.sku, &row, &found);
    if (status == SHOP_OK) {
      pack_product(&put->pack, &row);
      status = shop__pack_check(tx, &put->pack);
    }
  }
  return status;
}

int32_t shop__offer_check(const struct shop__offer *offer, shop_error_t *err) {
  int32_t status = check_sku(offer->sku, err);

  if (status == SHOP_OK)
    status = shop__text_check("name", offer->name, 1, SHOP__PRODUCT_NAME_MAX, SHOP__TEXT_LINE, err);
  if (status == SHOP_OK)
    status = shop__text_check_optional("description", offer->description, SHOP__DESCRIPTION_MAX,
                                       SHOP__TEXT_PARAGRAPH, err);
  if (status != SHOP_OK)
    return status;
  if (offer->currency == NULL)
    return shop__missing("currency", err);
  if (shop__money_exponent(offer->currency) < 0)
    return shop__error_set(err, SHOP_ERR_CURRENCY, "the currency is no code of ISO 4217");
  if (offer->price_minor < 0 || offer->price_minor > SHOP__EXACT_MAX)
    return shop__error_set(err, SHOP_ERR_ARGUMENT, "a price is 0 to 2^53 - 1 minor units");
  if (offer->on_hand != SHOP_STOCK_UNLIMITED &&
      (offer->on_hand < 0 || offer->on_hand > SHOP_STOCK_MAX))
    return shop__error_set(err, SHOP_ERR_ARGUMENT, "the stock is 0 to 10^12, or unlimited");
  return SHOP_OK;
}

int32_t shop_product_put(shop_t *shop, const char *sku, const char *name, const char *description,
                         int64_t price_minor, const char *currency, int64_t on_hand,
                         const shop_options_t *options, shop_product_t **out, shop_error_t *err) {
  struct put put = {.offer = {.sku = sku,
                              .name = name,
                              .description = description,
                              .price_minor = price_minor,
                              .currency = currency,
                              .on_hand = on_hand},
                    .wants_snapshot = out != NULL};
  struct shop__db_write_rule rule = shop__options_rule(options, false);
  int32_t status;

  if (out != NULL)
    *out = NULL;
  status = shop__enter(shop, err);
  if (status != SHOP_OK)
    return status;
  status = shop__options_check(options, SHOP__TAKES_DEADLINE, err);
  if (status == SHOP_OK)
    status = shop__offer_check(&put.offer, err);
  if (status == SHOP_OK) {
    put.now_ms = shop__now_ms(shop);
    status = shop__db_write(shop->db, put_fn, &put, &rule, err);
  }
  if (status == SHOP_OK && out != NULL)
    status = shop__give(&put.pack, (void **)out, err);
  shop__pack_free(&put.pack);
  return shop__leave(shop, status);
}

/* ---- get and list -------------------------------------------------------------------------- */

struct get {
  const char *sku;
  struct shop__pack pack;
};

static int32_t get_fn(shop__tx_t *tx, void *ctx) {
  struct get *get = ctx;
  struct shop__product_row row;
  bool found = false;
  int32_t status = shop__product_by_sku(tx, get->sku, &row, &found);

  if (status == SHOP_OK && !found)
    return no_product(tx, get->sku);
  if (status == SHOP_OK)
    pack_product(&get->pack, &row);
  return status;
}

int32_t shop_product_get(shop_t *shop, const char *sku, shop_product_t **out, shop_error_t *err) {
  struct get get = {.sku = sku};
  int32_t status;

  if (out != NULL)
    *out = NULL;
  status = shop__enter(shop, err);
  if (status != SHOP_OK)
    return status;
  if (out == NULL || sku == NULL || sku[0] == '\0')
    return shop__leave(shop, shop__missing("out and sku", err));
  if (check_sku(sku, NULL) != SHOP_OK)
    status = shop__error_set(err, SHOP_ERR_NOT_FOUND, "there is no such product");
  else
    status = shop__db_glance(shop->db, get_fn, &get, err);
  if (status == SHOP_OK)
    status = shop__give(&get.pack, (void **)out, err);
  shop__pack_free(&get.pack);
  return shop__leave(shop, status);
}

struct list {
  int64_t after_id;
  int32_t limit;
  shop_product_page_t *page; /* with room for limit products */
};

static void page_clear(shop_product_page_t *page) {
  for (int32_t i = 0; i < page->count; i++)
    shop_product_free(page->products[i]);
  page->count = 0;
}

static int32_t list_fn(shop__tx_t *tx, void *ctx) {
  struct list *list = ctx;
  struct shop__product_row row;
  struct shop__pack pack = {0};
  shop__query_t *q = shop__products_each(tx, list->after_id, list->limit);
  int32_t status;

  page_clear(list->page);
  while ((status = shop__products_next(q, &row)) == SHOP__ROW) {
    pack_product(&pack, &row);
    list->page->products[list->page->count] = shop__pack_finish(&pack);
    if (list->page->products[list->page->count] == NULL) {
      shop__pack_free(&pack);
      shop__query_reset(q);
      return shop__no_memory(shop__tx_error(tx));
    }
    list->page->count++;
  }
  return status;
}

int32_t shop_product_list(shop_t *shop, int64_t after_id, int32_t limit, shop_product_page_t **out,
                          shop_error_t *err) {
  struct list list = {.after_id = after_id, .limit = limit};
  int32_t status;

  if (out != NULL)
    *out = NULL;
  status = shop__enter(shop, err);
  if (status != SHOP_OK)
    return status;
  if (out == NULL)
    return shop__leave(shop, shop__missing("out", err));
  status = shop__page_check(after_id, limit, err);
  if (status != SHOP_OK)
    return shop__leave(shop, status);
  list.page =
      shop__memory_zalloc(sizeof *list.page + (size_t)limit * sizeof list.page->products[0]);
  if (list.page == NULL)
    return shop__leave(shop, shop__no_memory(err));
  status = shop__db_read(shop->db, list_fn, &list, err);
  if (status == SHOP_OK)
    *out = list.page;
  else
    shop_product_page_free(list.page);
  return shop__leave(shop, status);
}

/* ---- retire, adjust, metadata -----------------------------------------------------------------
 */

struct change {
  const char *sku;
  int64_t delta;
  const char *note;
  const char *external_id;
  int64_t now_ms;
  bool wants_snapshot;
  struct shop__pack pack;
};

static int32_t retire_fn(shop__tx_t *tx, void *ctx) {
  const struct change *change = ctx;
  bool found = false;
  int32_t status =
      shop__product_set_state(tx, change->sku, SHOP__PRODUCT_RETIRED, change->now_ms, &found);

  return status == SHOP_OK && !found ? no_product(tx, change->sku) : status;
}

static int32_t metadata_fn(shop__tx_t *tx, void *ctx) {
  const struct change *change = ctx;
  bool found = false;
  int32_t status = shop__product_update_metadata(tx, change->sku, change->note, change->external_id,
                                                 change->now_ms, &found);

  return status == SHOP_OK && !found ? no_product(tx, change->sku) : status;
}

static int32_t adjust_fn(shop__tx_t *tx, void *ctx) {
  struct change *change = ctx;
  shop_error_t *err = shop__tx_error(tx);
  struct shop__product_row row;
  bool found = false;
  int64_t on_hand;
  int32_t status = shop__product_by_sku(tx, change->sku, &row, &found);

  if (status != SHOP_OK)
    return status;
  if (!found)
    return no_product(tx, change->sku);
  if (row.stock.unlimited)
    return shop__error_set(err, SHOP_ERR_ARGUMENT, "the stock of %s is unlimited", change->sku);
  on_hand = on_hand_of(&row.stock) + change->delta;
  if (change->delta < 0 && on_hand < 0)
    return shop__error_set(err, SHOP_ERR_OUT_OF_STOCK, "fewer pieces of %s are on hand",
                           change->sku);
  if (on_hand > SHOP_STOCK_MAX)
    return shop__error_set(err, SHOP_ERR_OVERFLOW, "more than 10^12 pieces of %s", change->sku);
  set_on_hand(&row.stock, on_hand);
  status = shop__product_set_stock(tx, row.id, &row.stock, change->now_ms);
  if (status == SHOP_OK && change->wants_snapshot) {
    pack_product(&change->pack, &row);
    status = shop__pack_check(tx, &change->pack);
  }
  return status;
}

static int32_t change_product(shop_t *shop, shop__db_fn fn, struct change *change,
                              const shop_options_t *options, shop_error_t *err) {
  struct shop__db_write_rule rule = shop__options_rule(options, false);
  int32_t status = shop__options_check(options, SHOP__TAKES_DEADLINE, err);

  if (status == SHOP_OK && (change->sku == NULL || change->sku[0] == '\0'))
    status = shop__missing("sku", err);
  if (status == SHOP_OK && check_sku(change->sku, NULL) != SHOP_OK)
    status = shop__error_set(err, SHOP_ERR_NOT_FOUND, "there is no such product");
  if (status == SHOP_OK) {
    change->now_ms = shop__now_ms(shop);
    status = shop__db_write(shop->db, fn, change, &rule, err);
  }
  return status;
}

int32_t shop_product_retire(shop_t *shop, const char *sku, const shop_options_t *options,
                            shop_error_t *err) {
  struct change change = {.sku = sku};
  int32_t status = shop__enter(shop, err);

  if (status != SHOP_OK)
    return status;
  return shop__leave(shop, change_product(shop, retire_fn, &change, options, err));
}

int32_t shop_product_set_metadata(shop_t *shop, const char *sku, const char *note,
                                  const char *external_id, const shop_options_t *options,
                                  shop_error_t *err) {
  struct change change = {.sku = sku, .note = note, .external_id = external_id};
  int32_t status = shop__enter(shop, err);

  if (status != SHOP_OK)
    return status;
  status = shop__metadata_check(note, external_id, err);
  if (status == SHOP_OK)
    status = change_product(shop, metadata_fn, &change, options, err);
  return shop__leave(shop, status);
}

int32_t shop_product_adjust_stock(shop_t *shop, const char *sku, int64_t delta,
                                  const shop_options_t *options, shop_product_t **out,
                                  shop_error_t *err) {
  struct change change = {.sku = sku, .delta = delta, .wants_snapshot = out != NULL};
  int32_t status;

  if (out != NULL)
    *out = NULL;
  status = shop__enter(shop, err);
  if (status != SHOP_OK)
    return status;
  if (delta == 0 || delta < -SHOP_STOCK_MAX || delta > SHOP_STOCK_MAX)
    status = shop__error_set(err, SHOP_ERR_ARGUMENT,
                             "a change of stock is -10^12 to 10^12 pieces, not 0");
  if (status == SHOP_OK)
    status = change_product(shop, adjust_fn, &change, options, err);
  if (status == SHOP_OK && out != NULL)
    status = shop__give(&change.pack, (void **)out, err);
  shop__pack_free(&change.pack);
  return shop__leave(shop, status);
}

/* ---- getters
 * --------------------------------------------------------------------------------------- */

int64_t shop_product_id(const shop_product_t *product) {
  return product == NULL ? 0 : product->id;
}

const char *shop_product_sku(const shop_product_t *product) {
  return product == NULL ? "" : shop__pack_text_at(product, product->sku);
}

const char *shop_product_name(const shop_product_t *product) {
  return product == NULL ? "" : shop__pack_text_at(product, product->name);
}

const char *shop_product_description(const shop_product_t *product) {
  return product == NULL ? "" : shop__pack_text_at(product, product->description);
}

int64_t shop_product_price_minor(const shop_product_t *product) {
  return product == NULL ? 0 : product->price_minor;
}

const char *shop_product_currency(const shop_product_t *product) {
  return product == NULL ? "" : product->currency;
}

int64_t shop_product_on_hand(const shop_product_t *product) {
  int64_t on_hand;

  if (product == NULL)
    return 0;
  if (product->stock.unlimited)
    return SHOP_STOCK_UNLIMITED;
  on_hand = on_hand_of(&product->stock);
  return on_hand < 0 ? 0 : on_hand; /* sold before it was counted */
}

int64_t shop_product_reserved(const shop_product_t *product) {
  return product == NULL ? 0 : product->stock.reserved;
}

int64_t shop_product_available(const shop_product_t *product) {
  if (product == NULL)
    return 0;
  return product->stock.unlimited ? SHOP_STOCK_UNLIMITED : product->stock.available;
}

bool shop_product_is_active(const shop_product_t *product) {
  return product != NULL && product->state == SHOP__PRODUCT_ACTIVE;
}

int64_t shop_product_created_at_ms(const shop_product_t *product) {
  return product == NULL ? 0 : product->created_at_ms;
}

const char *shop_product_note(const shop_product_t *product) {
  return product == NULL ? "" : shop__pack_text_at(product, product->note);
}

const char *shop_product_external_id(const shop_product_t *product) {
  return product == NULL ? "" : shop__pack_text_at(product, product->external_id);
}

void shop_product_free(shop_product_t *product) {
  shop__memory_free(product);
}

int32_t shop_product_page_count(const shop_product_page_t *page) {
  return page == NULL ? 0 : page->count;
}

const shop_product_t *shop_product_page_at(const shop_product_page_t *page, int32_t index) {
  return page == NULL || index < 0 || index >= page->count ? NULL : page->products[index];
}

void shop_product_page_free(shop_product_page_t *page) {
  if (page != NULL)
    page_clear(page);
  shop__memory_free(page);
}
