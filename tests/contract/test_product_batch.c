/* Products put together: each as if it were put alone, all of them or none. */
#include <harness.h>

#include <stdio.h>
#include <string.h>

static shop_product_batch_t *new_batch(void) {
  shop_product_batch_t *batch = NULL;

  ck_assert_int_eq(shop_product_batch_new(&batch), SHOP_OK);
  ck_assert_int_eq(shop_product_batch_count(batch), 0);
  return batch;
}

static int32_t add(struct world *world, shop_product_batch_t *batch, const char *sku,
                   int64_t price_minor) {
  return shop_product_batch_add(batch, sku, "Tea", NULL, price_minor, "EUR", 5, world->err);
}

static int32_t put(struct world *world, const shop_product_batch_t *batch) {
  return shop_product_put_batch(world->shop, batch, NULL, world->err);
}

static void ck_price(struct world *world, const char *sku, int64_t price_minor) {
  shop_product_t *product = NULL;

  ck_ok(world, shop_product_get(world->shop, sku, &product, world->err));
  ck_assert_int_eq(shop_product_price_minor(product), price_minor);
  shop_product_free(product);
}

static int64_t products(struct world *world) {
  return world_number(world, "SELECT count(*) FROM products");
}

/* ---- what is put --------------------------------------------------------------------------- */

/* Everything of a product arrives, though what it was made of is gone; one that is there is
   replaced and sold again, and keeps its identity and what it has reserved. */
START_TEST(batch_puts_what_was_added) {
  struct world *world = world_new();
  shop_product_batch_t *batch = new_batch();
  shop_product_t *before = NULL, *product = NULL;
  char sku[] = "NEW", name[] = "Gr\xc3\xbcner Tee", description[] = "Two\nlines",
       currency[] = "JPY";

  world_put(world, "OLD", 999, "EUR", 10);
  ck_ok(world, shop_product_retire(world->shop, "OLD", NULL, world->err));
  ck_ok(world, shop_product_get(world->shop, "OLD", &before, world->err));
  ck_ok(world,
        shop_product_batch_add(batch, sku, name, description, 1998, currency, 12, world->err));
  memset(sku, 'x', 3);
  memset(name, 'x', 3);
  memset(description, 'x', 3);
  memset(currency, 'x', 3);
  ck_ok(world, shop_product_batch_add(batch, "OLD", "Tea", NULL, 1200, "USD", SHOP_STOCK_UNLIMITED,
                                      world->err));
  ck_assert_int_eq(shop_product_batch_count(batch), 2);
  ck_ok(world, put(world, batch));
  ck_ok(world, shop_product_get(world->shop, "NEW", &product, world->err));
  ck_assert_str_eq(shop_product_name(product), "Gr\xc3\xbcner Tee");
  ck_assert_str_eq(shop_product_description(product), "Two\nlines");
  ck_assert_int_eq(shop_product_price_minor(product), 1998);
  ck_assert_str_eq(shop_product_currency(product), "JPY");
  ck_assert_int_eq(shop_product_on_hand(product), 12);
  ck_assert_int_eq(shop_product_created_at_ms(product), WORLD_START_MS);
  shop_product_free(product);
  ck_ok(world, shop_product_get(world->shop, "OLD", &product, world->err));
  ck_assert_int_eq(shop_product_id(product), shop_product_id(before));
  ck_assert_str_eq(shop_product_currency(product), "USD");
  ck_assert_str_eq(shop_product_description(product), "");
  ck_assert_int_eq(shop_product_on_hand(product), SHOP_STOCK_UNLIMITED);
  ck_assert(shop_product_is_active(product));
  shop_product_free(product);
  shop_product_free(before);
  shop_product_batch_free(batch);
  world_free(world);
}
END_TEST

/* Of an SKU that was added twice the later counts; the same batch again changes nothing. */
START_TEST(batch_may_repeat) {
  struct world *world = world_new();
  shop_product_batch_t *batch = new_batch();
  int64_t ids;

  ck_ok(world, add(world, batch, "A", 1));
  ck_ok(world, add(world, batch, "B", 2));
  ck_ok(world, add(world, batch, "A", 3));
  ck_ok(world, put(world, batch));
  ck_assert_int_eq(products(world), 2);
  ck_price(world, "A", 3);
  ids = world_number(world, "SELECT max(id) FROM products");
  ck_ok(world, put(world, batch));
  ck_assert_int_eq(world_number(world, "SELECT max(id) FROM products"), ids);
  ck_assert_int_eq(products(world), 2);
  shop_product_batch_clear(batch);
  ck_ok(world, put(world, batch)); /* nothing: no effect */
  ck_price(world, "A", 3);
  shop_product_batch_free(batch);
  world_free(world);
}
END_TEST

/* One product that the store refuses, and none of the batch is there; the batch is as it was, and
   can be put when the cause is gone. */
START_TEST(batch_is_all_or_nothing) {
  struct world *world = world_new();
  shop_product_batch_t *batch = new_batch();

  world_put(world, "A", 999, "EUR", 10);
  world_vandalise(world,
                  "CREATE TRIGGER bad BEFORE INSERT ON products WHEN NEW.sku = 'C'"
                  " BEGIN SELECT RAISE(ABORT, 'no'); END");
  ck_ok(world, add(world, batch, "A", 1));
  ck_ok(world, add(world, batch, "B", 2));
  ck_ok(world, add(world, batch, "C", 3));
  ck_ok(world, add(world, batch, "D", 4));
  ck_refused(world, put(world, batch), SHOP_ERR_CORRUPT);
  ck_assert_int_eq(products(world), 1);
  ck_price(world, "A", 999);
  world_vandalise(world, "DROP TRIGGER bad");
  ck_assert_int_eq(shop_product_batch_count(batch), 4);
  ck_ok(world, put(world, batch));
  ck_assert_int_eq(products(world), 4);
  ck_price(world, "A", 1);
  ck_price(world, "D", 4);
  shop_product_batch_free(batch);
  world_free(world);
}
END_TEST

/* ---- what is refused ----------------------------------------------------------------------- */

/* What shop_product_put refuses a batch refuses when it is added, and is as before. */
START_TEST(batch_checks_what_is_added) {
  static const struct {
    const char *sku, *name, *description, *currency;
    int64_t price_minor, on_hand;
    int32_t status;
  } wrong[] = {
      {NULL, "x", NULL, "EUR", 1, 1, SHOP_ERR_ARGUMENT},
      {"", "x", NULL, "EUR", 1, 1, SHOP_ERR_ARGUMENT},
      {"a", NULL, NULL, "EUR", 1, 1, SHOP_ERR_ARGUMENT},
      {"a", "x", NULL, NULL, 1, 1, SHOP_ERR_ARGUMENT},
      {"a", "x", NULL, "EUR", -1, 1, SHOP_ERR_ARGUMENT},
      {"a", "x", NULL, "EUR", 1, -2, SHOP_ERR_ARGUMENT},
      {"a", "x", NULL, "EUR", 1, SHOP_STOCK_MAX + 1, SHOP_ERR_ARGUMENT},
      {"a", "x", NULL, "ZZZ", 1, 1, SHOP_ERR_CURRENCY},
      {"a\n", "x", NULL, "EUR", 1, 1, SHOP_ERR_TEXT},
      {"a", "x", "\x1b[2J", "EUR", 1, 1, SHOP_ERR_TEXT},
      {"0123456789012345678901234567890123456789012345678901234567890123456789", "x", NULL, "EUR",
       1, 1, SHOP_ERR_TOO_LONG},
  };
  struct world *world = world_new();
  shop_product_batch_t *batch = new_batch();

  ck_ok(world, add(world, batch, "GOOD", 1));
  for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
    ck_refused(world,
               shop_product_batch_add(batch, wrong[i].sku, wrong[i].name, wrong[i].description,
                                      wrong[i].price_minor, wrong[i].currency, wrong[i].on_hand,
                                      world->err),
               wrong[i].status);
    ck_assert_int_eq(shop_product_batch_count(batch), 1);
  }
  ck_refused(world, add(world, NULL, "A", 1), SHOP_ERR_ARGUMENT);
  ck_ok(world, put(world, batch));
  ck_assert_int_eq(products(world), 1);
  shop_product_batch_free(batch);
  world_free(world);
}
END_TEST

/* A batch has an end, and a full one says what to do; it is put, and takes more once cleared. */
START_TEST(batch_is_bounded) {
  struct world *world = world_new();
  shop_product_batch_t *batch = new_batch();
  char sku[16];

  ck_assert_int_eq(shop_product_batch_max(), SHOP_PRODUCT_BATCH_MAX);
  for (int i = 0; i < SHOP_PRODUCT_BATCH_MAX; i++) {
    (void)snprintf(sku, sizeof sku, "SKU-%d", i);
    ck_ok(world, add(world, batch, sku, i));
  }
  ck_refused(world, add(world, batch, "MORE", 1), SHOP_ERR_ARGUMENT);
  ck_assert_ptr_nonnull(strstr(shop_error_message(world->err), "clear"));
  ck_ok(world, put(world, batch));
  ck_assert_int_eq(products(world), SHOP_PRODUCT_BATCH_MAX);
  ck_price(world, "SKU-999", 999);
  shop_product_batch_clear(batch);
  ck_assert_int_eq(shop_product_batch_count(batch), 0);
  ck_ok(world, add(world, batch, "MORE", 7));
  ck_ok(world, put(world, batch));
  ck_price(world, "MORE", 7);
  shop_product_batch_free(batch);
  world_free(world);
}
END_TEST

/* NULL where it is allowed and where it is not, and an option that the call does not take. */
START_TEST(batch_arguments) {
  struct world *world = world_new();
  shop_product_batch_t *batch = new_batch();
  shop_options_t *options = NULL;

  ck_assert_int_eq(shop_product_batch_new(NULL), SHOP_ERR_ARGUMENT);
  ck_assert_int_eq(shop_product_batch_count(NULL), 0);
  shop_product_batch_clear(NULL);
  shop_product_batch_free(NULL);
  ck_refused(world, put(world, NULL), SHOP_ERR_ARGUMENT);
  ck_ok(world, add(world, batch, "A", 1));
  ck_assert_int_eq(shop_options_new(&options), SHOP_OK);
  ck_assert_int_eq(shop_options_set_deadline_ms(options, 60000), SHOP_OK);
  ck_ok(world, shop_product_put_batch(world->shop, batch, options, world->err));
  ck_assert_int_eq(shop_options_set_idempotency_key(options, "k"), SHOP_OK);
  ck_refused(world, shop_product_put_batch(world->shop, batch, options, world->err),
             SHOP_ERR_ARGUMENT);
  shop_options_free(options);
  shop_product_batch_free(batch);
  world_free(world);
}
END_TEST

int main(void) {
  const TTest *tests[] = {
      batch_puts_what_was_added,  batch_may_repeat, batch_is_all_or_nothing,
      batch_checks_what_is_added, batch_is_bounded, batch_arguments,
  };

  return HARNESS_RUN("product batch", tests);
}
