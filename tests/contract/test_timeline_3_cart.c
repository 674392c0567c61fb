/* The timeline, steps 3 and 4: a cart is made and filled. */
#include <harness.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EXACT_MAX ((INT64_C(1) << 53) - 1)

/* A shop with tea, milk and a download, a user and an empty cart. */
struct scene {
  struct world *world;
  shop_token_t *token;
  int64_t cart_id;
  shop_cart_t *cart; /* the latest snapshot */
};

static struct scene scene_in(struct world *world) {
  struct scene scene = {.world = world};

  world_open(world);
  world_put(world, "TEA", 999, "EUR", 10);
  world_put(world, "MILK", 120, "EUR", 1000);
  world_put(world, "SONG", 50, "EUR", SHOP_STOCK_UNLIMITED);
  world_put(world, "SAKE", 1500, "JPY", 10);
  scene.token = world_register(world, "ada@example.org");
  scene.cart_id = world_cart(world, scene.token);
  return scene;
}

static struct scene scene_new(void) {
  return scene_in(world_prepare());
}

static void scene_free(struct scene *scene) {
  shop_cart_free(scene->cart);
  shop_token_free(scene->token);
  world_free(scene->world);
}

/* Gives a call's place for its snapshot: what was there is freed, and the call
   must overwrite what stands there. */
static shop_cart_t **fresh(struct scene *scene) {
  shop_cart_free(scene->cart);
  scene->cart = (shop_cart_t *)(void *)scene;
  return &scene->cart;
}

static int32_t add(struct scene *scene, const char *sku, int64_t quantity) {
  return shop_cart_add(scene->world->shop, scene->token, scene->cart_id, sku, quantity, NULL,
                       fresh(scene), scene->world->err);
}

static int32_t set_quantity(struct scene *scene, const char *sku, int64_t quantity) {
  return shop_cart_set_quantity(scene->world->shop, scene->token, scene->cart_id, sku, quantity,
                                NULL, fresh(scene), scene->world->err);
}

static int32_t take_out(struct scene *scene, const char *sku) {
  return shop_cart_remove(scene->world->shop, scene->token, scene->cart_id, sku, NULL, fresh(scene),
                          scene->world->err);
}

static int32_t clear(struct scene *scene) {
  return shop_cart_clear(scene->world->shop, scene->token, scene->cart_id, NULL, fresh(scene),
                         scene->world->err);
}

static int32_t reprice(struct scene *scene) {
  return shop_cart_reprice(scene->world->shop, scene->token, scene->cart_id, NULL, fresh(scene),
                           scene->world->err);
}

static int32_t get(struct scene *scene) {
  return shop_cart_get(scene->world->shop, scene->token, scene->cart_id, fresh(scene),
                       scene->world->err);
}

#define ck_scene_refused(scene, call, wanted)                                                      \
  do {                                                                                             \
    ck_refused((scene).world, call, wanted);                                                       \
    ck_assert_ptr_null((scene).cart);                                                              \
  } while (0)

/* ---- making -------------------------------------------------------------------------- */

/* One living cart for a user, however often it is asked for. */
START_TEST(create_gives_the_one_cart) {
  struct scene scene = scene_new();
  struct world *world = scene.world;
  shop_token_t *bob = world_register(world, "bob@example.org");

  ck_ok(world, get(&scene));
  ck_assert_int_eq(shop_cart_id(scene.cart), scene.cart_id);
  ck_assert_int_lt(scene.cart_id, INT64_C(1) << 53);
  ck_assert_int_eq(shop_cart_user_id(scene.cart), shop_token_user_id(scene.token));
  ck_assert_int_eq(shop_cart_state(scene.cart), SHOP_CART_OPEN);
  ck_assert_int_eq(shop_cart_version(scene.cart), 1);
  ck_assert_int_eq(shop_cart_line_count(scene.cart), 0);
  ck_assert_int_eq(shop_cart_total_minor(scene.cart), 0);
  ck_assert_int_eq(shop_cart_warnings(scene.cart), 0);
  ck_assert_str_eq(shop_cart_currency(scene.cart), "");
  ck_assert_int_eq(shop_cart_created_at_ms(scene.cart), WORLD_START_MS);
  ck_assert_int_eq(shop_cart_updated_at_ms(scene.cart), WORLD_START_MS);

  world_pass_ms(world, 1000);
  ck_assert_int_eq(world_cart(world, scene.token), scene.cart_id);
  ck_assert_int_ne(world_cart(world, bob), scene.cart_id);
  world_add(world, scene.token, scene.cart_id, "TEA", 1);
  ck_assert_int_eq(world_cart(world, scene.token), scene.cart_id);
  ck_assert_int_eq(world_number(world, "SELECT count(*) FROM carts"), 2);
  shop_token_free(bob);
  scene_free(&scene);
}
END_TEST

struct maker {
  struct world *world;
  const shop_token_t *token;
  int64_t cart_id;
};

static void *make_cart(void *user) {
  struct maker *maker = user;
  shop_cart_t *cart = NULL;

  if (shop_cart_create(maker->world->shop, maker->token, NULL, &cart, NULL) == SHOP_OK)
    maker->cart_id = shop_cart_id(cart);
  shop_cart_free(cart);
  return NULL;
}

/* Also when many ask at once (vendure 4481: logins at once emptied a cart). */
START_TEST(create_at_once_gives_one_cart) {
  enum { COUNT = 12 };
  struct world *world = world_new();
  shop_token_t *token = world_register(world, "ada@example.org");
  struct maker makers[COUNT];
  pthread_t threads[COUNT];

  for (int i = 0; i < COUNT; i++) {
    makers[i] = (struct maker){world, token, 0};
    ck_assert_int_eq(pthread_create(&threads[i], NULL, make_cart, &makers[i]), 0);
  }
  for (int i = 0; i < COUNT; i++) {
    pthread_join(threads[i], NULL);
    ck_assert_int_gt(makers[i].cart_id, 0);
    ck_assert_int_eq(makers[i].cart_id, makers[0].cart_id);
  }
  ck_assert_int_eq(world_number(world, "SELECT count(*) FROM carts"), 1);
  shop_token_free(token);
  world_free(world);
}
END_TEST

/* ---- adding -------------------------------------------------------------------------- */

/* Lines stand as they were added; the same SKU twice is one line. */
START_TEST(add_makes_and_grows_lines) {
  struct scene scene = scene_new();
  struct world *world = scene.world;

  world_pass_ms(world, 60000);
  ck_ok(world, add(&scene, "TEA", 2));
  ck_assert_int_eq(shop_cart_version(scene.cart), 2);
  ck_assert_int_eq(shop_cart_updated_at_ms(scene.cart), WORLD_START_MS + 60000);
  ck_assert_int_eq(shop_cart_created_at_ms(scene.cart), WORLD_START_MS);
  ck_assert_str_eq(shop_cart_currency(scene.cart), "EUR");
  ck_ok(world, add(&scene, "MILK", 1));
  ck_ok(world, add(&scene, "SONG", 3));
  ck_ok(world, add(&scene, "TEA", 3));
  ck_assert_int_eq(shop_cart_version(scene.cart), 5);
  ck_assert_int_eq(shop_cart_line_count(scene.cart), 3);
  ck_assert_str_eq(shop_cart_line_sku(scene.cart, 0), "TEA");
  ck_assert_str_eq(shop_cart_line_sku(scene.cart, 1), "MILK");
  ck_assert_str_eq(shop_cart_line_sku(scene.cart, 2), "SONG");
  ck_assert_str_eq(shop_cart_line_name(scene.cart, 1), "MILK");
  ck_assert_int_eq(shop_cart_line_quantity(scene.cart, 0), 5);
  ck_assert_int_eq(shop_cart_line_unit_price_minor(scene.cart, 0), 999);
  ck_assert_int_eq(shop_cart_line_kept_price_minor(scene.cart, 0), 999);
  ck_assert_int_eq(shop_cart_line_total_minor(scene.cart, 0), 4995);
  ck_assert_int_eq(shop_cart_line_available(scene.cart, 0), 10); /* adding reserves nothing */
  ck_assert_int_eq(shop_cart_line_available(scene.cart, 2), SHOP_STOCK_UNLIMITED);
  ck_assert_int_eq(shop_cart_line_warnings(scene.cart, 0), 0);
  ck_assert_int_eq(shop_cart_total_minor(scene.cart), 4995 + 120 + 150);
  ck_assert_int_eq(world_reserved(world, "TEA"), 0);

  /* Outside of the lines there is nothing. */
  for (int32_t line = -1; line <= 3; line += 4) {
    ck_assert_str_eq(shop_cart_line_sku(scene.cart, line), "");
    ck_assert_str_eq(shop_cart_line_name(scene.cart, line), "");
    ck_assert_int_eq(shop_cart_line_quantity(scene.cart, line), 0);
    ck_assert_int_eq(shop_cart_line_unit_price_minor(scene.cart, line), 0);
    ck_assert_int_eq(shop_cart_line_kept_price_minor(scene.cart, line), 0);
    ck_assert_int_eq(shop_cart_line_total_minor(scene.cart, line), 0);
    ck_assert_int_eq(shop_cart_line_available(scene.cart, line), 0);
    ck_assert_int_eq(shop_cart_line_warnings(scene.cart, line), 0);
  }
  scene_free(&scene);
}
END_TEST

/* What cannot be bought cannot be added. */
START_TEST(add_refuses) {
  struct scene scene = scene_new();
  struct world *world = scene.world;
  char long_sku[66];

  memset(long_sku, 'x', 65);
  long_sku[65] = '\0';
  ck_ok(world, shop_product_retire(world->shop, "MILK", NULL, world->err));
  ck_scene_refused(scene, add(&scene, "MILK", 1), SHOP_ERR_PRODUCT_RETIRED);
  ck_scene_refused(scene, add(&scene, "COFFEE", 1), SHOP_ERR_NOT_FOUND);
  ck_scene_refused(scene, add(&scene, "tea", 1), SHOP_ERR_NOT_FOUND); /* byte by byte */
  ck_scene_refused(scene, add(&scene, "TEA\n", 1), SHOP_ERR_NOT_FOUND);
  ck_scene_refused(scene, add(&scene, "TEA\xff", 1), SHOP_ERR_NOT_FOUND);
  ck_scene_refused(scene, add(&scene, long_sku, 1), SHOP_ERR_NOT_FOUND);
  ck_scene_refused(scene, add(&scene, NULL, 1), SHOP_ERR_ARGUMENT);
  ck_scene_refused(scene, add(&scene, "", 1), SHOP_ERR_ARGUMENT);
  ck_scene_refused(scene, add(&scene, "TEA", 0), SHOP_ERR_QUANTITY);
  ck_scene_refused(scene, add(&scene, "TEA", -1), SHOP_ERR_QUANTITY);
  ck_scene_refused(scene, add(&scene, "TEA", INT64_MIN), SHOP_ERR_QUANTITY);
  ck_scene_refused(scene, add(&scene, "TEA", INT64_MAX), SHOP_ERR_QUANTITY);
  ck_scene_refused(scene, add(&scene, "TEA", 1000), SHOP_ERR_QUANTITY);
  ck_ok(world, get(&scene));
  ck_assert_int_eq(shop_cart_version(scene.cart), 1);
  scene_free(&scene);
}
END_TEST

/* The limit counts for the whole line, by add and by set_quantity alike. */
START_TEST(quantity_limit) {
  struct world *world = world_prepare();
  struct scene scene;

  ck_assert_int_eq(shop_config_set_quantity_max(world->config, 5), SHOP_OK);
  scene = scene_in(world);
  ck_scene_refused(scene, add(&scene, "TEA", 6), SHOP_ERR_QUANTITY);
  ck_ok(world, add(&scene, "TEA", 5));
  ck_scene_refused(scene, add(&scene, "TEA", 1), SHOP_ERR_QUANTITY);
  ck_scene_refused(scene, set_quantity(&scene, "TEA", 6), SHOP_ERR_QUANTITY);
  ck_scene_refused(scene, set_quantity(&scene, "TEA", 0), SHOP_ERR_QUANTITY);
  ck_scene_refused(scene, set_quantity(&scene, "TEA", -3), SHOP_ERR_QUANTITY);
  ck_ok(world, set_quantity(&scene, "TEA", 4));
  ck_scene_refused(scene, add(&scene, "TEA", 2), SHOP_ERR_QUANTITY);
  ck_ok(world, add(&scene, "TEA", 1));
  ck_assert_int_eq(shop_cart_line_quantity(scene.cart, 0), 5);
  scene_free(&scene);
}
END_TEST

/* The cart's limit is of lines, not of pieces. */
START_TEST(cart_full) {
  struct world *world = world_prepare();
  struct scene scene;

  ck_assert_int_eq(shop_config_set_cart_lines_max(world->config, 2), SHOP_OK);
  scene = scene_in(world);
  ck_ok(world, add(&scene, "TEA", 1));
  ck_ok(world, add(&scene, "MILK", 1));
  ck_scene_refused(scene, add(&scene, "SONG", 1), SHOP_ERR_CART_FULL);
  ck_ok(world, add(&scene, "TEA", 1)); /* a line that is there may grow */
  ck_ok(world, take_out(&scene, "TEA"));
  ck_ok(world, add(&scene, "SONG", 1));
  ck_assert_int_eq(shop_cart_line_count(scene.cart), 2);
  scene_free(&scene);
}
END_TEST

/* The first line gives the currency, the last one takes it away. */
START_TEST(one_currency) {
  struct scene scene = scene_new();
  struct world *world = scene.world;

  ck_ok(world, add(&scene, "TEA", 1));
  ck_scene_refused(scene, add(&scene, "SAKE", 1), SHOP_ERR_CURRENCY_MIXED);
  ck_ok(world, take_out(&scene, "TEA"));
  ck_assert_str_eq(shop_cart_currency(scene.cart), "");
  ck_ok(world, add(&scene, "SAKE", 2));
  ck_assert_str_eq(shop_cart_currency(scene.cart), "JPY");
  ck_assert_int_eq(shop_cart_total_minor(scene.cart), 3000);
  ck_scene_refused(scene, add(&scene, "TEA", 1), SHOP_ERR_CURRENCY_MIXED);
  ck_ok(world, clear(&scene));
  ck_assert_str_eq(shop_cart_currency(scene.cart), "");
  ck_ok(world, add(&scene, "TEA", 1));
  scene_free(&scene);
}
END_TEST

/* Sums are checked, never wrapped: 1,024 times 2^53 - 1 is just below 2^63. */
START_TEST(totals_do_not_overflow) {
  struct world *world = world_prepare();
  struct scene scene;

  ck_assert_int_eq(shop_config_set_quantity_max(world->config, 1000000), SHOP_OK);
  scene = scene_in(world);
  world_put(world, "GOLD", EXACT_MAX, "EUR", SHOP_STOCK_UNLIMITED);
  world_put(world, "COIN", 1024, "EUR", SHOP_STOCK_UNLIMITED);
  ck_scene_refused(scene, add(&scene, "GOLD", 1025), SHOP_ERR_OVERFLOW);
  ck_scene_refused(scene, add(&scene, "GOLD", 1000000), SHOP_ERR_OVERFLOW);
  ck_ok(world, add(&scene, "GOLD", 1024));
  ck_assert_int_eq(shop_cart_total_minor(scene.cart), EXACT_MAX * 1024);
  ck_scene_refused(scene, set_quantity(&scene, "GOLD", 1025), SHOP_ERR_OVERFLOW);
  ck_scene_refused(scene, add(&scene, "GOLD", 1), SHOP_ERR_OVERFLOW);
  /* 1,023 below the end of int64: a coin of 1,024 is one too much. */
  ck_scene_refused(scene, add(&scene, "COIN", 1), SHOP_ERR_OVERFLOW);
  world_put(world, "COIN", 1023, "EUR", SHOP_STOCK_UNLIMITED);
  ck_ok(world, add(&scene, "COIN", 1));
  ck_assert_int_eq(shop_cart_total_minor(scene.cart), INT64_MAX);
  ck_assert_int_eq(shop_cart_line_count(scene.cart), 2);
  scene_free(&scene);
}
END_TEST

/* A price that rises beyond every sum refuses to be read, and leaves a way out. */
START_TEST(overflow_by_a_later_price) {
  struct scene scene = scene_new();
  struct world *world = scene.world;

  ck_ok(world, add(&scene, "TEA", 999));
  ck_ok(world, add(&scene, "MILK", 999));
  world_put(world, "TEA", EXACT_MAX, "EUR", 10);
  world_put(world, "MILK", EXACT_MAX, "EUR", 10);
  ck_scene_refused(scene, get(&scene), SHOP_ERR_OVERFLOW);
  ck_scene_refused(scene, reprice(&scene), SHOP_ERR_OVERFLOW);
  ck_ok(world, set_quantity(&scene, "TEA", 1));
  ck_ok(world, take_out(&scene, "MILK"));
  ck_ok(world, clear(&scene));
  scene_free(&scene);
}
END_TEST

/* ---- changing ------------------------------------------------------------------------ */

/* Every change gives its snapshot and one more version. */
START_TEST(lines_are_changed_and_removed) {
  struct scene scene = scene_new();
  struct world *world = scene.world;

  ck_ok(world, add(&scene, "TEA", 1));
  ck_ok(world, add(&scene, "MILK", 1));
  ck_ok(world, add(&scene, "SONG", 1));
  ck_ok(world, set_quantity(&scene, "MILK", 7));
  ck_assert_int_eq(shop_cart_version(scene.cart), 5);
  ck_assert_int_eq(shop_cart_line_quantity(scene.cart, 1), 7);
  ck_ok(world, take_out(&scene, "MILK"));
  ck_assert_int_eq(shop_cart_version(scene.cart), 6);
  ck_assert_int_eq(shop_cart_line_count(scene.cart), 2);
  ck_assert_str_eq(shop_cart_line_sku(scene.cart, 1), "SONG");
  ck_ok(world, add(&scene, "MILK", 1)); /* what was taken out comes last */
  ck_assert_str_eq(shop_cart_line_sku(scene.cart, 2), "MILK");
  ck_scene_refused(scene, set_quantity(&scene, "SAKE", 1), SHOP_ERR_NOT_FOUND);
  ck_scene_refused(scene, set_quantity(&scene, "COFFEE", 1), SHOP_ERR_NOT_FOUND);
  ck_scene_refused(scene, take_out(&scene, "SAKE"), SHOP_ERR_NOT_FOUND);
  ck_scene_refused(scene, take_out(&scene, "COFFEE"), SHOP_ERR_NOT_FOUND);
  ck_scene_refused(scene, take_out(&scene, NULL), SHOP_ERR_ARGUMENT);
  ck_scene_refused(scene, set_quantity(&scene, "", 1), SHOP_ERR_ARGUMENT);
  ck_ok(world, clear(&scene));
  ck_assert_int_eq(shop_cart_line_count(scene.cart), 0);
  ck_assert_int_eq(shop_cart_total_minor(scene.cart), 0);
  ck_assert_int_eq(shop_cart_version(scene.cart), 8);
  ck_ok(world, clear(&scene)); /* an empty cart as well */
  ck_ok(world, reprice(&scene));
  ck_assert_int_eq(world_number(world, "SELECT count(*) FROM cart_lines"), 0);
  scene_free(&scene);
}
END_TEST

/* To everybody else a cart does not exist, whatever they try. */
START_TEST(carts_of_others_do_not_exist) {
  struct scene scene = scene_new(), thief;
  struct world *world = scene.world;

  ck_ok(world, add(&scene, "TEA", 2));
  thief = (struct scene){.world = world, .cart_id = scene.cart_id};
  thief.token = world_register(world, "eve@example.org");
  for (int i = 0; i < 3; i++) {
    ck_scene_refused(thief, get(&thief), SHOP_ERR_NOT_FOUND);
    ck_scene_refused(thief, add(&thief, "TEA", 1), SHOP_ERR_NOT_FOUND);
    ck_scene_refused(thief, set_quantity(&thief, "TEA", 1), SHOP_ERR_NOT_FOUND);
    ck_scene_refused(thief, take_out(&thief, "TEA"), SHOP_ERR_NOT_FOUND);
    ck_scene_refused(thief, clear(&thief), SHOP_ERR_NOT_FOUND);
    ck_scene_refused(thief, reprice(&thief), SHOP_ERR_NOT_FOUND);
    thief.cart_id = i == 0 ? 0 : -1; /* nor do these */
  }
  ck_ok(world, get(&scene));
  ck_assert_int_eq(shop_cart_line_quantity(scene.cart, 0), 2);
  shop_token_free(thief.token);
  scene_free(&scene);
}
END_TEST

struct adder {
  struct world *world;
  const shop_token_t *token;
  int64_t cart_id;
  int failures;
};

static void *add_often(void *user) {
  struct adder *adder = user;

  for (int i = 0; i < 20; i++) {
    shop_cart_t *cart = NULL;

    adder->failures += shop_cart_add(adder->world->shop, adder->token, adder->cart_id,
                                     i % 2 ? "MILK" : "SONG", 1, NULL, &cart, NULL) != SHOP_OK;
    shop_cart_free(cart);
  }
  return NULL;
}

/* Parallel adds must lose nothing (vendure 2187, 2041). */
START_TEST(adds_at_once_lose_nothing) {
  enum { COUNT = 8 };
  struct scene scene = scene_new();
  struct adder adders[COUNT];
  pthread_t threads[COUNT];

  for (int i = 0; i < COUNT; i++) {
    adders[i] = (struct adder){scene.world, scene.token, scene.cart_id, 0};
    ck_assert_int_eq(pthread_create(&threads[i], NULL, add_often, &adders[i]), 0);
  }
  for (int i = 0; i < COUNT; i++) {
    pthread_join(threads[i], NULL);
    ck_assert_int_eq(adders[i].failures, 0);
  }
  ck_ok(scene.world, get(&scene));
  ck_assert_int_eq(shop_cart_version(scene.cart), 1 + COUNT * 20);
  ck_assert_int_eq(shop_cart_line_count(scene.cart), 2);
  ck_assert_int_eq(shop_cart_line_quantity(scene.cart, 0), COUNT * 10);
  ck_assert_int_eq(shop_cart_line_quantity(scene.cart, 1), COUNT * 10);
  scene_free(&scene);
}
END_TEST

/* ---- what changes around a cart ------------------------------------------------------ */

/* Totals are today's, the kept price stands beside it, reprice accepts today's. */
START_TEST(price_changes_are_shown) {
  struct scene scene = scene_new();
  struct world *world = scene.world;

  ck_ok(world, add(&scene, "TEA", 2));
  ck_ok(world, add(&scene, "MILK", 1));
  world_put(world, "TEA", 1099, "EUR", 10);
  ck_ok(world, get(&scene));
  ck_assert_int_eq(shop_cart_version(scene.cart), 3); /* nobody changed the cart */
  ck_assert_int_eq(shop_cart_line_warnings(scene.cart, 0), SHOP_WARNING_PRICE_CHANGED);
  ck_assert_int_eq(shop_cart_line_warnings(scene.cart, 1), 0);
  ck_assert_int_eq(shop_cart_warnings(scene.cart), SHOP_WARNING_PRICE_CHANGED);
  ck_assert_int_eq(shop_cart_line_unit_price_minor(scene.cart, 0), 1099);
  ck_assert_int_eq(shop_cart_line_kept_price_minor(scene.cart, 0), 999);
  ck_assert_int_eq(shop_cart_line_total_minor(scene.cart, 0), 2198);
  ck_assert_int_eq(shop_cart_total_minor(scene.cart), 2318);

  ck_ok(world, set_quantity(&scene, "TEA", 3)); /* the kept price stays */
  ck_assert_int_eq(shop_cart_line_kept_price_minor(scene.cart, 0), 999);
  ck_ok(world, reprice(&scene));
  ck_assert_int_eq(shop_cart_version(scene.cart), 5);
  ck_assert_int_eq(shop_cart_warnings(scene.cart), 0);
  ck_assert_int_eq(shop_cart_line_kept_price_minor(scene.cart, 0), 1099);

  world_put(world, "TEA", 899, "EUR", 10);
  ck_ok(world, add(&scene, "TEA", 1)); /* adding keeps today's price */
  ck_assert_int_eq(shop_cart_line_kept_price_minor(scene.cart, 0), 899);
  ck_assert_int_eq(shop_cart_warnings(scene.cart), 0);
  scene_free(&scene);
}
END_TEST

/* A cart may ask for more than there is, and says so. */
START_TEST(less_stock_is_shown) {
  struct scene scene = scene_new();
  struct world *world = scene.world;

  ck_ok(world, add(&scene, "TEA", 11));
  ck_assert_int_eq(shop_cart_warnings(scene.cart), SHOP_WARNING_LESS_STOCK);
  ck_ok(world, set_quantity(&scene, "TEA", 10));
  ck_assert_int_eq(shop_cart_warnings(scene.cart), 0);
  ck_ok(world, shop_product_adjust_stock(world->shop, "TEA", -1, NULL, NULL, world->err));
  ck_ok(world, get(&scene));
  ck_assert_int_eq(shop_cart_line_warnings(scene.cart, 0), SHOP_WARNING_LESS_STOCK);
  ck_assert_int_eq(shop_cart_line_available(scene.cart, 0), 9);
  world_put(world, "TEA", 999, "EUR", SHOP_STOCK_UNLIMITED);
  ck_ok(world, get(&scene));
  ck_assert_int_eq(shop_cart_warnings(scene.cart), 0);
  ck_assert_int_eq(shop_cart_line_available(scene.cart, 0), SHOP_STOCK_UNLIMITED);
  scene_free(&scene);
}
END_TEST

/* What is no longer sold stays in the cart to be seen, and can be taken out. */
START_TEST(retired_product_is_shown) {
  struct scene scene = scene_new();
  struct world *world = scene.world;

  ck_ok(world, add(&scene, "TEA", 1));
  ck_ok(world, add(&scene, "MILK", 1));
  ck_ok(world, shop_product_retire(world->shop, "TEA", NULL, world->err));
  ck_ok(world, get(&scene));
  ck_assert_int_eq(shop_cart_line_warnings(scene.cart, 0), SHOP_WARNING_RETIRED);
  ck_assert_int_eq(shop_cart_line_warnings(scene.cart, 1), 0);
  ck_ok(world, reprice(&scene)); /* does not bring it back */
  ck_assert_int_eq(shop_cart_line_warnings(scene.cart, 0), SHOP_WARNING_RETIRED);
  ck_scene_refused(scene, add(&scene, "TEA", 1), SHOP_ERR_PRODUCT_RETIRED);
  ck_ok(world, take_out(&scene, "TEA"));
  ck_assert_int_eq(shop_cart_warnings(scene.cart), 0);
  scene_free(&scene);
}
END_TEST

/* A product whose currency changes keeps its line's price, and warns. */
START_TEST(currency_change_is_shown) {
  struct scene scene = scene_new();
  struct world *world = scene.world;

  ck_ok(world, add(&scene, "TEA", 2));
  ck_ok(world, add(&scene, "MILK", 1));
  world_put(world, "TEA", 1200, "USD", 1);
  ck_ok(world, get(&scene));
  ck_assert_str_eq(shop_cart_currency(scene.cart), "EUR");
  ck_assert_int_eq(shop_cart_line_warnings(scene.cart, 0),
                   SHOP_WARNING_CURRENCY_CHANGED | SHOP_WARNING_LESS_STOCK);
  ck_assert_int_eq(shop_cart_warnings(scene.cart),
                   SHOP_WARNING_CURRENCY_CHANGED | SHOP_WARNING_LESS_STOCK);
  ck_assert_int_eq(shop_cart_line_unit_price_minor(scene.cart, 0), 999); /* no dollars as euro */
  ck_assert_int_eq(shop_cart_total_minor(scene.cart), 2118);
  ck_ok(world, reprice(&scene));
  ck_assert_int_eq(shop_cart_line_kept_price_minor(scene.cart, 0), 999);
  ck_assert_int_eq(shop_cart_line_unit_price_minor(scene.cart, 0), 999);
  ck_scene_refused(scene, add(&scene, "TEA", 1), SHOP_ERR_CURRENCY_MIXED);
  ck_ok(world, take_out(&scene, "TEA"));
  ck_assert_int_eq(shop_cart_total_minor(scene.cart), 120);
  scene_free(&scene);
}
END_TEST

/* A cart that was bought is a record: it can be read, and nothing else; the
   next one is new. */
START_TEST(completed_cart) {
  struct scene scene = scene_new();
  struct world *world = scene.world;
  shop_order_t *order = NULL;

  ck_ok(world, add(&scene, "TEA", 2));
  ck_ok(world, world_buy(world, scene.token, scene.cart_id, NULL, &order));
  ck_ok(world, get(&scene));
  ck_assert_int_eq(shop_cart_state(scene.cart), SHOP_CART_COMPLETED);
  ck_assert_int_eq(shop_cart_line_quantity(scene.cart, 0), 2);
  ck_scene_refused(scene, add(&scene, "TEA", 1), SHOP_ERR_CART_COMPLETED);
  ck_scene_refused(scene, set_quantity(&scene, "TEA", 1), SHOP_ERR_CART_COMPLETED);
  ck_scene_refused(scene, take_out(&scene, "TEA"), SHOP_ERR_CART_COMPLETED);
  ck_scene_refused(scene, clear(&scene), SHOP_ERR_CART_COMPLETED);
  ck_scene_refused(scene, reprice(&scene), SHOP_ERR_CART_COMPLETED);
  ck_assert_int_ne(world_cart(world, scene.token), scene.cart_id);
  shop_order_free(order);
  scene_free(&scene);
}
END_TEST

/* While a purchase is under way nobody changes what is being bought. */
START_TEST(completing_cart) {
  struct scene scene = scene_new();
  struct world *world = scene.world;
  shop_order_t *order = NULL;

  ck_ok(world, add(&scene, "TEA", 2));
  world->gateway.mood = GATEWAY_PENDS;
  ck_status(world, world_buy(world, scene.token, scene.cart_id, NULL, &order), SHOP_PENDING);
  ck_ok(world, get(&scene));
  ck_assert_int_eq(shop_cart_state(scene.cart), SHOP_CART_COMPLETING);
  ck_scene_refused(scene, add(&scene, "TEA", 1), SHOP_ERR_CART_BUSY);
  ck_scene_refused(scene, set_quantity(&scene, "TEA", 1), SHOP_ERR_CART_BUSY);
  ck_scene_refused(scene, take_out(&scene, "TEA"), SHOP_ERR_CART_BUSY);
  ck_scene_refused(scene, clear(&scene), SHOP_ERR_CART_BUSY);
  ck_scene_refused(scene, reprice(&scene), SHOP_ERR_CART_BUSY);
  ck_assert_int_eq(world_cart(world, scene.token), scene.cart_id);
  shop_order_free(order);
  scene_free(&scene);
}
END_TEST

/* A snapshot is the caller's: it does not change, and outlives the shop. */
START_TEST(snapshots_outlive_the_shop) {
  struct scene scene = scene_new();
  struct world *world = scene.world;
  shop_cart_t *first;

  ck_ok(world, add(&scene, "TEA", 1));
  first = scene.cart;
  scene.cart = NULL;
  ck_ok(world, add(&scene, "TEA", 1));
  ck_assert_int_eq(shop_close(world->shop), SHOP_OK);
  world->shop = NULL;
  ck_assert_int_eq(shop_cart_line_quantity(first, 0), 1);
  ck_assert_int_eq(shop_cart_line_quantity(scene.cart, 0), 2);
  ck_assert_str_eq(shop_cart_line_sku(first, 0), "TEA");
  ck_assert_str_ne(shop_token_jwt(scene.token), "");
  shop_cart_free(first);
  scene_free(&scene);
}
END_TEST

int main(void) {
  const TTest *tests[] = {
      create_gives_the_one_cart,
      create_at_once_gives_one_cart,
      add_makes_and_grows_lines,
      add_refuses,
      quantity_limit,
      cart_full,
      one_currency,
      totals_do_not_overflow,
      overflow_by_a_later_price,
      lines_are_changed_and_removed,
      carts_of_others_do_not_exist,
      adds_at_once_lose_nothing,
      price_changes_are_shown,
      less_stock_is_shown,
      retired_product_is_shown,
      currency_change_is_shown,
      completed_cart,
      completing_cart,
      snapshots_outlive_the_shop,
  };

  return HARNESS_RUN("timeline 3: cart", tests);
}
