/* The catalogue: what is sold, for how much, how many are left; amounts and
   their currencies; and what a merchant may look up about users. */
#include <harness.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EXACT_MAX ((INT64_C(1) << 53) - 1)

static shop_product_t *get(struct world *world, const char *sku) {
  shop_product_t *product = NULL;

  ck_ok(world, shop_product_get(world->shop, sku, &product, world->err));
  return product;
}

static int32_t adjust(struct world *world, const char *sku, int64_t delta) {
  return shop_product_adjust_stock(world->shop, sku, delta, NULL, NULL, world->err);
}

static void ck_stock(struct world *world, const char *sku, int64_t on_hand, int64_t reserved,
                     int64_t available) {
  shop_product_t *product = get(world, sku);

  ck_assert_int_eq(shop_product_on_hand(product), on_hand);
  ck_assert_int_eq(shop_product_reserved(product), reserved);
  ck_assert_int_eq(shop_product_available(product), available);
  shop_product_free(product);
}

/* ---- putting and getting ------------------------------------------------------------- */

START_TEST(put_gives_what_was_put) {
  struct world *world = world_new();
  shop_product_t *product = NULL;

  ck_ok(world, shop_product_put(world->shop, "TEA-001 \xe2\x82\xac", "Gr\xc3\xbcner Tee",
                                "Two\nlines,\ta tab", 1998, "EUR", 12, NULL, &product, world->err));
  ck_assert_int_gt(shop_product_id(product), 0);
  ck_assert_int_lt(shop_product_id(product), INT64_C(1) << 53);
  ck_assert_str_eq(shop_product_sku(product), "TEA-001 \xe2\x82\xac");
  ck_assert_str_eq(shop_product_name(product), "Gr\xc3\xbcner Tee");
  ck_assert_str_eq(shop_product_description(product), "Two\nlines,\ta tab");
  ck_assert_int_eq(shop_product_price_minor(product), 1998);
  ck_assert_str_eq(shop_product_currency(product), "EUR");
  ck_assert_int_eq(shop_product_on_hand(product), 12);
  ck_assert_int_eq(shop_product_reserved(product), 0);
  ck_assert_int_eq(shop_product_available(product), 12);
  ck_assert(shop_product_is_active(product));
  ck_assert_int_eq(shop_product_created_at_ms(product), WORLD_START_MS);
  ck_assert_str_eq(shop_product_note(product), "");
  ck_assert_str_eq(shop_product_external_id(product), "");
  shop_product_free(product);
  product = get(world, "TEA-001 \xe2\x82\xac");
  ck_assert_str_eq(shop_product_description(product), "Two\nlines,\ta tab");
  shop_product_free(product);
  world_free(world);
}
END_TEST

/* Putting again keeps the identity, and what the merchant noted. */
START_TEST(put_again_replaces) {
  struct world *world = world_new();
  shop_product_t *first, *second = NULL;

  world_put(world, "TEA", 999, "EUR", 10);
  ck_ok(world, shop_product_set_metadata(world->shop, "TEA", "a note", "ext-1", NULL, world->err));
  first = get(world, "TEA");
  world_pass_ms(world, 1000);
  ck_ok(world, shop_product_retire(world->shop, "TEA", NULL, world->err));
  ck_ok(world, shop_product_put(world->shop, "TEA", "Tea", "good", 1200, "USD", 3, NULL, &second,
                                world->err));
  ck_assert_int_eq(shop_product_id(second), shop_product_id(first));
  ck_assert_int_eq(shop_product_created_at_ms(second), WORLD_START_MS);
  ck_assert_str_eq(shop_product_name(second), "Tea");
  ck_assert_str_eq(shop_product_currency(second), "USD");
  ck_assert_int_eq(shop_product_price_minor(second), 1200);
  ck_assert_int_eq(shop_product_on_hand(second), 3);
  ck_assert(shop_product_is_active(second)); /* sold again */
  ck_assert_str_eq(shop_product_note(second), "a note");
  ck_assert_str_eq(shop_product_external_id(second), "ext-1");
  ck_assert_str_eq(shop_product_description(first), "");
  ck_assert_int_eq(world_number(world, "SELECT count(*) FROM products"), 1);
  shop_product_free(first);
  shop_product_free(second);
  world_free(world);
}
END_TEST

#define TEN "0123456789"
#define SIXTY TEN TEN TEN TEN TEN TEN

static const struct {
  const char *sku, *name, *description;
  int64_t price_minor;
  const char *currency;
  int64_t on_hand;
  int32_t status;
} offers[] = {
    {"x", "x", NULL, 0, "EUR", 0, SHOP_OK},
    {SIXTY "1234", "x", NULL, EXACT_MAX, "EUR", SHOP_STOCK_MAX, SHOP_OK},
    {"y", SIXTY SIXTY SIXTY SIXTY TEN "12345", NULL, 1, "JPY", SHOP_STOCK_UNLIMITED, SHOP_OK},
    {"z", "x", "\t\r\n end", 1, "KWD", 1, SHOP_OK},
    {NULL, "x", NULL, 1, "EUR", 1, SHOP_ERR_ARGUMENT},
    {"", "x", NULL, 1, "EUR", 1, SHOP_ERR_ARGUMENT},
    {"a", NULL, NULL, 1, "EUR", 1, SHOP_ERR_ARGUMENT},
    {"a", "", NULL, 1, "EUR", 1, SHOP_ERR_ARGUMENT},
    {"a", "x", NULL, 1, NULL, 1, SHOP_ERR_ARGUMENT},
    {"a", "x", NULL, -1, "EUR", 1, SHOP_ERR_ARGUMENT},
    {"a", "x", NULL, EXACT_MAX + 1, "EUR", 1, SHOP_ERR_ARGUMENT},
    {"a", "x", NULL, INT64_MIN, "EUR", 1, SHOP_ERR_ARGUMENT},
    {"a", "x", NULL, 1, "EUR", -2, SHOP_ERR_ARGUMENT},
    {"a", "x", NULL, 1, "EUR", SHOP_STOCK_MAX + 1, SHOP_ERR_ARGUMENT},
    {"a", "x", NULL, 1, "EUR", INT64_MIN, SHOP_ERR_ARGUMENT},
    {"a", "x", NULL, 1, "", 1, SHOP_ERR_CURRENCY},
    {"a", "x", NULL, 1, "eur", 1, SHOP_ERR_CURRENCY},
    {"a", "x", NULL, 1, "EURO", 1, SHOP_ERR_CURRENCY},
    {"a", "x", NULL, 1, "EU", 1, SHOP_ERR_CURRENCY},
    {"a", "x", NULL, 1, "XAU", 1, SHOP_ERR_CURRENCY}, /* no minor unit */
    {"a", "x", NULL, 1, "ZZZ", 1, SHOP_ERR_CURRENCY},
    {SIXTY "12345", "x", NULL, 1, "EUR", 1, SHOP_ERR_TOO_LONG},
    {"a", SIXTY SIXTY SIXTY SIXTY TEN "123456", NULL, 1, "EUR", 1, SHOP_ERR_TOO_LONG},
    {"a\n", "x", NULL, 1, "EUR", 1, SHOP_ERR_TEXT},
    {"a\xff", "x", NULL, 1, "EUR", 1, SHOP_ERR_TEXT},
    {"a", "x\ry", NULL, 1, "EUR", 1, SHOP_ERR_TEXT},
    {"a", "x\xc2\x85y", NULL, 1, "EUR", 1, SHOP_ERR_TEXT},
    {"a", "x\xed\xa0\x80", NULL, 1, "EUR", 1, SHOP_ERR_TEXT},
    {"a", "x", "\x1b[2J", 1, "EUR", 1, SHOP_ERR_TEXT},
    {"a", "x", "\xc0\x80", 1, "EUR", 1, SHOP_ERR_TEXT},
};

START_TEST(put_rules) {
  struct world *world = world_new();

  for (size_t i = 0; i < sizeof offers / sizeof offers[0]; i++) {
    shop_product_t *product = (shop_product_t *)world;
    int32_t status = offers[i].status;

    if (status == SHOP_OK)
      ck_ok(world,
            shop_product_put(world->shop, offers[i].sku, offers[i].name, offers[i].description,
                             offers[i].price_minor, offers[i].currency, offers[i].on_hand, NULL,
                             &product, world->err));
    else
      ck_refused(world,
                 shop_product_put(world->shop, offers[i].sku, offers[i].name, offers[i].description,
                                  offers[i].price_minor, offers[i].currency, offers[i].on_hand,
                                  NULL, &product, world->err),
                 status);
    ck_assert((product == NULL) == (status != SHOP_OK));
    shop_product_free(product);
  }
  world_free(world);
}
END_TEST

START_TEST(description_length) {
  struct world *world = world_new();
  char *text = malloc(65537);

  ck_assert_ptr_nonnull(text);
  memset(text, 'd', 65536);
  text[65536] = '\0';
  ck_refused(world,
             shop_product_put(world->shop, "A", "a", text, 1, "EUR", 1, NULL, NULL, world->err),
             SHOP_ERR_TOO_LONG);
  text[65535] = '\0';
  ck_ok(world, shop_product_put(world->shop, "A", "a", text, 1, "EUR", 1, NULL, NULL, world->err));
  free(text);
  world_free(world);
}
END_TEST

/* Unknown is unknown, for every call; a text that could be no SKU as well. */
START_TEST(unknown_sku) {
  static const char *const skus[] = {"COFFEE", "tea", "TEA ", "TEA\n", "TE\xff", SIXTY "12345"};
  struct world *world = world_new();

  world_put(world, "TEA", 999, "EUR", 10);
  for (size_t i = 0; i < sizeof skus / sizeof skus[0]; i++) {
    shop_product_t *product = (shop_product_t *)world;

    ck_refused(world, shop_product_get(world->shop, skus[i], &product, world->err),
               SHOP_ERR_NOT_FOUND);
    ck_assert_ptr_null(product);
    ck_refused(world, shop_product_retire(world->shop, skus[i], NULL, world->err),
               SHOP_ERR_NOT_FOUND);
    product = (shop_product_t *)world;
    ck_refused(world,
               shop_product_adjust_stock(world->shop, skus[i], 1, NULL, &product, world->err),
               SHOP_ERR_NOT_FOUND);
    ck_assert_ptr_null(product);
    ck_refused(world, shop_product_set_metadata(world->shop, skus[i], "n", "e", NULL, world->err),
               SHOP_ERR_NOT_FOUND);
  }
  world_free(world);
}
END_TEST

/* ---- lists --------------------------------------------------------------------------- */

/* Pages by the last id seen: each product once, in the order they were made,
   retired ones too, also when products are made in between. */
START_TEST(list_walks_all) {
  enum { COUNT = 25 };
  struct world *world = world_new();
  shop_product_page_t *page = NULL;
  int64_t after = 0;
  char sku[16];
  int seen = 0, pages = 0;

  for (int i = 0; i < COUNT; i++) {
    snprintf(sku, sizeof sku, "P%02d", (i * 7) % COUNT); /* not in the order of SKUs */
    world_put(world, sku, i, "EUR", i);
  }
  ck_ok(world, shop_product_retire(world->shop, "P07", NULL, world->err));
  world_put(world, "P00", 5, "EUR", 5); /* putting again does not move it */
  do {
    ck_ok(world, shop_product_list(world->shop, after, 10, &page, world->err));
    for (int32_t i = 0; i < shop_product_page_count(page); i++, seen++) {
      const shop_product_t *product = shop_product_page_at(page, i);

      snprintf(sku, sizeof sku, "P%02d", (seen * 7) % COUNT);
      ck_assert_str_eq(shop_product_sku(product), sku);
      ck_assert_int_gt(shop_product_id(product), after);
      ck_assert(shop_product_is_active(product) == (strcmp(sku, "P07") != 0));
      after = shop_product_id(product);
    }
    ck_assert_ptr_null(shop_product_page_at(page, -1));
    ck_assert_ptr_null(shop_product_page_at(page, shop_product_page_count(page)));
    pages++;
    ck_assert_int_eq(shop_product_page_count(page), pages < 3 ? 10 : 5);
    shop_product_page_free(page);
  } while (pages < 3);
  ck_assert_int_eq(seen, COUNT);
  world_put(world, "NEW", 1, "EUR", 1);
  ck_ok(world, shop_product_list(world->shop, after, 1000, &page, world->err));
  ck_assert_int_eq(shop_product_page_count(page), 1);
  ck_assert_str_eq(shop_product_sku(shop_product_page_at(page, 0)), "NEW");
  shop_product_page_free(page);
  world_free(world);
}
END_TEST

START_TEST(list_arguments) {
  static const struct {
    int64_t after;
    int32_t limit;
  } wrong[] = {{-1, 10}, {INT64_MIN, 10}, {0, 0}, {0, -1}, {0, 1001}, {0, INT32_MAX}};
  struct world *world = world_new();
  shop_product_page_t *page;

  for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
    page = (shop_product_page_t *)world;
    ck_refused(world,
               shop_product_list(world->shop, wrong[i].after, wrong[i].limit, &page, world->err),
               SHOP_ERR_ARGUMENT);
    ck_assert_ptr_null(page);
  }
  ck_ok(world, shop_product_list(world->shop, INT64_MAX, 1000, &page, world->err));
  ck_assert_int_eq(shop_product_page_count(page), 0);
  shop_product_page_free(page);
  world_free(world);
}
END_TEST

/* ---- retiring and stock -------------------------------------------------------------- */

START_TEST(retire) {
  struct world *world = world_new();
  shop_product_t *product;

  world_put(world, "TEA", 999, "EUR", 10);
  ck_ok(world, shop_product_retire(world->shop, "TEA", NULL, world->err));
  ck_ok(world, shop_product_retire(world->shop, "TEA", NULL, world->err)); /* harmless */
  product = get(world, "TEA");
  ck_assert(!shop_product_is_active(product));
  ck_assert_int_eq(shop_product_available(product), 10);
  shop_product_free(product);
  ck_ok(world, adjust(world, "TEA", 1)); /* what is not sold is still counted */
  world_verify(world, 0);
  world_free(world);
}
END_TEST

START_TEST(adjust_stock) {
  struct world *world = world_new();
  shop_product_t *product = NULL;

  world_put(world, "TEA", 999, "EUR", 10);
  ck_ok(world, shop_product_adjust_stock(world->shop, "TEA", 5, NULL, &product, world->err));
  ck_assert_int_eq(shop_product_on_hand(product), 15);
  ck_assert_int_eq(shop_product_available(product), 15);
  shop_product_free(product);
  ck_ok(world, adjust(world, "TEA", -15));
  ck_stock(world, "TEA", 0, 0, 0);
  ck_refused(world, adjust(world, "TEA", -1), SHOP_ERR_OUT_OF_STOCK);
  ck_refused(world, adjust(world, "TEA", 0), SHOP_ERR_ARGUMENT);
  ck_refused(world, adjust(world, "TEA", SHOP_STOCK_MAX + 1), SHOP_ERR_ARGUMENT);
  ck_refused(world, adjust(world, "TEA", -SHOP_STOCK_MAX - 1), SHOP_ERR_ARGUMENT);
  ck_refused(world, adjust(world, "TEA", INT64_MIN), SHOP_ERR_ARGUMENT);
  ck_refused(world, adjust(world, "TEA", INT64_MAX), SHOP_ERR_ARGUMENT);
  ck_ok(world, adjust(world, "TEA", SHOP_STOCK_MAX));
  ck_refused(world, adjust(world, "TEA", 1), SHOP_ERR_OVERFLOW);
  ck_refused(world, adjust(world, "TEA", SHOP_STOCK_MAX), SHOP_ERR_OVERFLOW);
  ck_ok(world, adjust(world, "TEA", -SHOP_STOCK_MAX));
  world_put(world, "SONG", 50, "EUR", SHOP_STOCK_UNLIMITED);
  ck_refused(world, adjust(world, "SONG", 1), SHOP_ERR_ARGUMENT);
  ck_refused(world, adjust(world, "SONG", -1), SHOP_ERR_ARGUMENT);
  world_verify(world, 0);
  world_free(world);
}
END_TEST

/* A purchase under way that holds 4 of 10 pieces of TEA. */
static shop_token_t *hold_four(struct world *world, int64_t *cart_id) {
  shop_order_t *order = NULL;
  shop_token_t *token;

  world_put(world, "TEA", 999, "EUR", 10);
  token = world_shopper(world, "ada@example.org", "TEA", 4, cart_id);
  world->gateway.mood = GATEWAY_LOSES_ANSWER;
  ck_status(world, world_buy(world, token, *cart_id, NULL, &order), SHOP_UNKNOWN);
  ck_stock(world, "TEA", 10, 4, 6);
  shop_order_free(order);
  return token;
}

/* Ends it: the gateway says what it did. */
static void recover(struct world *world, enum gateway_mood mood, int32_t placed, int32_t failed) {
  shop_recovery_t *recovery = NULL;

  world->gateway.query_mood = mood;
  world_pass_ms(world, 3600000);
  ck_ok(world, shop_recover(world->shop, 10, &recovery, world->err));
  ck_assert_int_eq(shop_recovery_placed(recovery), placed);
  ck_assert_int_eq(shop_recovery_failed(recovery), failed);
  shop_recovery_free(recovery);
}

static struct world *world_with_query(void) {
  struct world *world = world_prepare();

  ck_assert_int_eq(shop_config_set_gateway_query(world->config, gateway_query, &world->gateway),
                   SHOP_OK);
  world_open(world);
  return world;
}

/* The merchant counts fewer than purchases hold: they keep theirs, nothing is
   left for others, and a person is told how many are promised that are not there. */
START_TEST(stock_set_below_reserved_then_taken) {
  struct world *world = world_with_query();
  int64_t cart_id;
  shop_token_t *token = hold_four(world, &cart_id);

  world_put(world, "TEA", 999, "EUR", 1);
  ck_stock(world, "TEA", 1, 4, 0);
  world_verify(world, 1);
  ck_refused(world, adjust(world, "TEA", -2), SHOP_ERR_OUT_OF_STOCK);
  ck_ok(world, adjust(world, "TEA", 2)); /* a delivery fills the gap first */
  ck_stock(world, "TEA", 3, 4, 0);
  ck_ok(world, adjust(world, "TEA", 3));
  ck_stock(world, "TEA", 6, 4, 2);
  world_put(world, "TEA", 999, "EUR", 1);
  recover(world, GATEWAY_APPROVES, 1, 0);
  ck_stock(world, "TEA", 0, 0, 0); /* three more were sold than counted */
  world_verify(world, 1);
  ck_ok(world, adjust(world, "TEA", 5));
  ck_stock(world, "TEA", 2, 0, 2);
  world_verify(world, 0);
  shop_token_free(token);
  world_free(world);
}
END_TEST

/* The same, and the purchase fails: only what was counted comes back. */
START_TEST(stock_set_below_reserved_then_released) {
  struct world *world = world_with_query();
  int64_t cart_id;
  shop_token_t *token = hold_four(world, &cart_id);

  world_put(world, "TEA", 999, "EUR", 1);
  recover(world, GATEWAY_DECLINES, 0, 1);
  ck_stock(world, "TEA", 1, 0, 1);
  world_verify(world, 0);
  shop_token_free(token);
  world_free(world);
}
END_TEST

/* Counting stock anew while a purchase holds some, whichever way it ends. */
START_TEST(limited_and_unlimited) {
  struct world *world = world_with_query();
  int64_t cart_id;
  shop_token_t *token = hold_four(world, &cart_id);

  world_put(world, "TEA", 999, "EUR", SHOP_STOCK_UNLIMITED);
  ck_stock(world, "TEA", SHOP_STOCK_UNLIMITED, 4, SHOP_STOCK_UNLIMITED);
  world_verify(world, 0);
  world_put(world, "TEA", 999, "EUR", 5);
  ck_stock(world, "TEA", 5, 4, 1);
  world_put(world, "TEA", 999, "EUR", SHOP_STOCK_UNLIMITED);
  recover(world, GATEWAY_APPROVES, 1, 0);
  ck_stock(world, "TEA", SHOP_STOCK_UNLIMITED, 0, SHOP_STOCK_UNLIMITED);
  world_verify(world, 0);
  world_put(world, "TEA", 999, "EUR", 7);
  ck_stock(world, "TEA", 7, 0, 7);
  world_verify(world, 0);
  shop_token_free(token);
  world_free(world);
}
END_TEST

/* What comes back to unlimited stock is not counted into the next count. */
START_TEST(unlimited_then_released) {
  struct world *world = world_with_query();
  int64_t cart_id;
  shop_token_t *token = hold_four(world, &cart_id);

  world_put(world, "TEA", 999, "EUR", SHOP_STOCK_UNLIMITED);
  recover(world, GATEWAY_DECLINES, 0, 1);
  ck_stock(world, "TEA", SHOP_STOCK_UNLIMITED, 0, SHOP_STOCK_UNLIMITED);
  world_put(world, "TEA", 999, "EUR", 0);
  ck_stock(world, "TEA", 0, 0, 0);
  world_verify(world, 0);
  shop_token_free(token);
  world_free(world);
}
END_TEST

/* ---- metadata ------------------------------------------------------------------------ */

/* Set, replaced, unset; the rules of both texts. */
START_TEST(product_metadata) {
  struct world *world = world_new();
  shop_product_t *product;
  char text[1002];

  memset(text, 'n', sizeof text);
  text[1001] = '\0';
  world_put(world, "TEA", 999, "EUR", 10);
  ck_refused(world, shop_product_set_metadata(world->shop, "TEA", text, NULL, NULL, world->err),
             SHOP_ERR_TOO_LONG);
  ck_refused(world,
             shop_product_set_metadata(world->shop, "TEA", NULL, text + 745, NULL, world->err),
             SHOP_ERR_TOO_LONG);
  ck_refused(world,
             shop_product_set_metadata(world->shop, "TEA", NULL, "two\nlines", NULL, world->err),
             SHOP_ERR_TEXT);
  ck_refused(world, shop_product_set_metadata(world->shop, "TEA", "\xff", NULL, NULL, world->err),
             SHOP_ERR_TEXT);
  ck_ok(world,
        shop_product_set_metadata(world->shop, "TEA", text + 1, text + 746, NULL, world->err));
  product = get(world, "TEA");
  ck_assert_str_eq(shop_product_note(product), text + 1);
  ck_assert_str_eq(shop_product_external_id(product), text + 746);
  shop_product_free(product);
  ck_ok(world, shop_product_set_metadata(world->shop, "TEA", "two\nlines", NULL, NULL, world->err));
  product = get(world, "TEA");
  ck_assert_str_eq(shop_product_note(product), "two\nlines");
  ck_assert_str_eq(shop_product_external_id(product), "");
  shop_product_free(product);
  world_free(world);
}
END_TEST

/* Users: found by address and id, annotated, and otherwise not there. */
START_TEST(users_for_the_merchant) {
  static const char *const nobody[] = {"bob@example.org", "no address", "ada@example.org\n",
                                       "\xff@example.org"};
  struct world *world = world_new();
  shop_token_t *token = world_register(world, "ada@example.org");
  int64_t id = shop_token_user_id(token);
  shop_user_t *user;
  char text[1002];

  memset(text, 'n', sizeof text);
  text[1001] = '\0';
  for (size_t i = 0; i < sizeof nobody / sizeof nobody[0]; i++) {
    user = (shop_user_t *)world;
    ck_refused(world, shop_user_find_by_email(world->shop, nobody[i], &user, world->err),
               SHOP_ERR_NOT_FOUND);
    ck_assert_ptr_null(user);
  }
  for (int64_t wrong = -1; wrong <= 1; wrong++)
    ck_refused(world, shop_user_find_by_id(world->shop, wrong, &user, world->err),
               SHOP_ERR_NOT_FOUND);
  ck_refused(world, shop_user_set_metadata(world->shop, id + 1, "n", "e", NULL, world->err),
             SHOP_ERR_NOT_FOUND);
  ck_refused(world, shop_user_set_metadata(world->shop, id, text, NULL, NULL, world->err),
             SHOP_ERR_TOO_LONG);
  ck_refused(world, shop_user_set_metadata(world->shop, id, NULL, text + 745, NULL, world->err),
             SHOP_ERR_TOO_LONG);
  ck_refused(world, shop_user_set_metadata(world->shop, id, NULL, "two\nlines", NULL, world->err),
             SHOP_ERR_TEXT);
  ck_ok(world, shop_user_set_metadata(world->shop, id, "two\nlines", "ext-7", NULL, world->err));
  ck_ok(world, shop_user_find_by_id(world->shop, id, &user, world->err));
  ck_assert_str_eq(shop_user_note(user), "two\nlines");
  ck_assert_str_eq(shop_user_external_id(user), "ext-7");
  shop_user_free(user);
  ck_ok(world, shop_user_set_metadata(world->shop, id, NULL, NULL, NULL, world->err));
  ck_ok(world, shop_user_find_by_id(world->shop, id, &user, world->err));
  ck_assert_str_eq(shop_user_note(user), "");
  ck_assert_str_eq(shop_user_external_id(user), "");
  shop_user_free(user);
  shop_token_free(token);
  world_free(world);
}
END_TEST

/* Merchant's calls take the deadline, and refuse what they cannot honour. */
START_TEST(options_of_the_merchant) {
  struct world *world = world_new();
  shop_token_t *token = world_register(world, "ada@example.org");
  shop_options_t *wrong[] = {options_with_key("k"), options_with_version(1)};
  shop_options_t *deadline = options_with_deadline(1000);
  int64_t id = shop_token_user_id(token);
  shop_t *shop = world->shop;

  world_put(world, "TEA", 999, "EUR", 10);
  for (int i = 0; i < 2; i++) {
    ck_refused(world,
               shop_product_put(shop, "A", "a", NULL, 1, "EUR", 1, wrong[i], NULL, world->err),
               SHOP_ERR_ARGUMENT);
    ck_refused(world, shop_product_retire(shop, "TEA", wrong[i], world->err), SHOP_ERR_ARGUMENT);
    ck_refused(world, shop_product_adjust_stock(shop, "TEA", 1, wrong[i], NULL, world->err),
               SHOP_ERR_ARGUMENT);
    ck_refused(world, shop_product_set_metadata(shop, "TEA", "n", NULL, wrong[i], world->err),
               SHOP_ERR_ARGUMENT);
    ck_refused(world, shop_user_set_metadata(shop, id, "n", NULL, wrong[i], world->err),
               SHOP_ERR_ARGUMENT);
    shop_options_free(wrong[i]);
  }
  ck_ok(world, shop_product_put(shop, "A", "a", NULL, 1, "EUR", 1, deadline, NULL, world->err));
  ck_ok(world, shop_product_adjust_stock(shop, "A", 1, deadline, NULL, world->err));
  ck_ok(world, shop_product_set_metadata(shop, "A", "n", NULL, deadline, world->err));
  ck_ok(world, shop_user_set_metadata(shop, id, "n", NULL, deadline, world->err));
  ck_ok(world, shop_product_retire(shop, "A", deadline, world->err));
  shop_options_free(deadline);
  shop_token_free(token);
  world_free(world);
}
END_TEST

/* ---- money --------------------------------------------------------------------------- */

static const struct {
  int64_t minor;
  const char *currency;
  const char *text;
} amounts[] = {
    {1998, "EUR", "19.98 EUR"},
    {5, "EUR", "0.05 EUR"},
    {-5, "EUR", "-0.05 EUR"},
    {0, "EUR", "0.00 EUR"},
    {1998, "JPY", "1998 JPY"},
    {1998, "KWD", "1.998 KWD"},
    {1998, "CLF", "0.1998 CLF"},
    {INT64_MAX, "EUR", "92233720368547758.07 EUR"},
    {INT64_MIN, "EUR", "-92233720368547758.08 EUR"},
};

START_TEST(money_is_written) {
  char text[40];

  for (size_t i = 0; i < sizeof amounts / sizeof amounts[0]; i++) {
    size_t size = strlen(amounts[i].text) + 1;

    ck_assert_int_eq(shop_money_format(amounts[i].minor, amounts[i].currency, text, sizeof text),
                     SHOP_OK);
    ck_assert_str_eq(text, amounts[i].text);
    ck_assert_int_eq(shop_money_format(amounts[i].minor, amounts[i].currency, text, size), SHOP_OK);
    ck_assert_int_eq(shop_money_format(amounts[i].minor, amounts[i].currency, text, size - 1),
                     SHOP_ERR_TOO_LONG);
    ck_assert_str_eq(text, "");
  }
  ck_assert_int_eq(shop_money_format(1, "XAU", text, sizeof text), SHOP_ERR_CURRENCY);
  ck_assert_str_eq(text, "");
  ck_assert_int_eq(shop_money_format(1, NULL, text, sizeof text), SHOP_ERR_ARGUMENT);
  ck_assert_int_eq(shop_money_format(1, "EUR", NULL, 40), SHOP_ERR_ARGUMENT);
  ck_assert_int_eq(shop_money_format(1, "EUR", text, 0), SHOP_ERR_ARGUMENT);
  ck_assert_int_eq(shop_money_exponent("EUR"), 2);
  ck_assert_int_eq(shop_money_exponent("JPY"), 0);
  ck_assert_int_eq(shop_money_exponent("KWD"), 3);
  ck_assert_int_eq(shop_money_exponent("UYW"), 4);
  ck_assert_int_eq(shop_money_exponent("XAU"), SHOP_ERR_CURRENCY);
  ck_assert_int_eq(shop_money_exponent("eur"), SHOP_ERR_CURRENCY);
  ck_assert_int_eq(shop_money_exponent(""), SHOP_ERR_CURRENCY);
  ck_assert_int_eq(shop_money_exponent(NULL), SHOP_ERR_ARGUMENT);
}
END_TEST

static const struct {
  const char *text;
  const char *currency;
  int32_t status;
  int64_t minor;
} readings[] = {
    {"19.98", "EUR", SHOP_OK, 1998},
    {"19", "EUR", SHOP_OK, 1900},
    {"19.9", "EUR", SHOP_OK, 1990},
    {"19.9800", "EUR", SHOP_OK, 1998},
    {"007", "JPY", SHOP_OK, 7},
    {"7.00", "JPY", SHOP_OK, 7},
    {"0.001", "KWD", SHOP_OK, 1},
    {"92233720368547758.07", "EUR", SHOP_OK, INT64_MAX},
    {"92233720368547758.08", "EUR", SHOP_ERR_OVERFLOW, 0},
    {"99999999999999999999999", "JPY", SHOP_ERR_OVERFLOW, 0},
    {"19.981", "EUR", SHOP_ERR_ARGUMENT, 0},
    {"7.5", "JPY", SHOP_ERR_ARGUMENT, 0},
    {"", "EUR", SHOP_ERR_ARGUMENT, 0},
    {".", "EUR", SHOP_ERR_ARGUMENT, 0},
    {"19.", "EUR", SHOP_ERR_ARGUMENT, 0},
    {".5", "EUR", SHOP_ERR_ARGUMENT, 0},
    {"0.5", "EUR", SHOP_OK, 50},
    {"0", "EUR", SHOP_OK, 0},
    {"-1", "EUR", SHOP_ERR_ARGUMENT, 0},
    {"+1", "EUR", SHOP_ERR_ARGUMENT, 0},
    {" 1", "EUR", SHOP_ERR_ARGUMENT, 0},
    {"1 ", "EUR", SHOP_ERR_ARGUMENT, 0},
    {"1,5", "EUR", SHOP_ERR_ARGUMENT, 0},
    {"1.2.3", "EUR", SHOP_ERR_ARGUMENT, 0},
    {"1e3", "EUR", SHOP_ERR_ARGUMENT, 0},
    {"0x10", "EUR", SHOP_ERR_ARGUMENT, 0},
    {"nan", "EUR", SHOP_ERR_ARGUMENT, 0},
    {"1", "XAU", SHOP_ERR_CURRENCY, 0},
    {"1", NULL, SHOP_ERR_ARGUMENT, 0},
    {NULL, "EUR", SHOP_ERR_ARGUMENT, 0},
};

/* What is not exactly an amount of the currency is not read as one. */
START_TEST(money_is_read) {
  for (size_t i = 0; i < sizeof readings / sizeof readings[0]; i++) {
    int64_t minor = 77;

    ck_assert_msg(shop_money_parse(readings[i].text, readings[i].currency, &minor) ==
                      readings[i].status,
                  "%s %s", readings[i].text, readings[i].currency);
    ck_assert_int_eq(minor, readings[i].minor);
  }
  ck_assert_int_eq(shop_money_parse("1", "EUR", NULL), SHOP_ERR_ARGUMENT);
}
END_TEST

/* A cart counts in the minor unit of its currency, whatever its exponent. */
START_TEST(currencies_keep_their_exponents) {
  static const struct {
    const char *currency;
    const char *text;
  } all[] = {{"JPY", "2997 JPY"}, {"EUR", "29.97 EUR"}, {"KWD", "2.997 KWD"}};
  struct world *world = world_new();
  char text[40], email[40];

  for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
    shop_cart_t *cart = NULL;
    shop_token_t *token;
    int64_t cart_id;

    snprintf(email, sizeof email, "%s@example.org", all[i].currency);
    world_put(world, all[i].currency, 999, all[i].currency, 10);
    token = world_shopper(world, email, all[i].currency, 3, &cart_id);
    ck_ok(world, shop_cart_get(world->shop, token, cart_id, &cart, world->err));
    ck_assert_int_eq(
        shop_money_format(shop_cart_total_minor(cart), shop_cart_currency(cart), text, sizeof text),
        SHOP_OK);
    ck_assert_str_eq(text, all[i].text);
    shop_cart_free(cart);
    shop_token_free(token);
  }
  world_free(world);
}
END_TEST

START_TEST(constants_have_twins) {
  ck_assert_int_eq(shop_stock_unlimited(), SHOP_STOCK_UNLIMITED);
  ck_assert_int_eq(shop_stock_max(), SHOP_STOCK_MAX);
  ck_assert_str_eq(shop_version(), "0.1.0");
}
END_TEST

int main(void) {
  const TTest *tests[] = {
      put_gives_what_was_put,
      put_again_replaces,
      put_rules,
      description_length,
      unknown_sku,
      list_walks_all,
      list_arguments,
      retire,
      adjust_stock,
      stock_set_below_reserved_then_taken,
      stock_set_below_reserved_then_released,
      limited_and_unlimited,
      unlimited_then_released,
      product_metadata,
      users_for_the_merchant,
      options_of_the_merchant,
      money_is_written,
      money_is_read,
      currencies_keep_their_exponents,
      constants_have_twins,
  };

  return HARNESS_RUN("catalogue", tests);
}
