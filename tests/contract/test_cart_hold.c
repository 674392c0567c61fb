/* Holds: the pieces of a cart set aside for a time before it is bought. All or
   none; whoever holds the last piece gets it; nobody keeps it for ever; whatever
   happens to cart, clock, stock and payment meanwhile, the stock adds up. */
#include "books.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MINUTE_MS INT64_C(60000)
#define MAX_MS (15 * MINUTE_MS) /* the default of the library */

/* Ada and Bob, each with a cart; three pieces of TEA, and two of MILK. */
struct hall {
  struct world *world;
  shop_token_t *ada, *bob;
  int64_t ada_cart, bob_cart;
};

static struct hall hall_in(struct world *world) {
  struct hall hall = {.world = world};

  world_open(world);
  world_put(world, "TEA", 999, "EUR", 3);
  world_put(world, "MILK", 120, "EUR", 2);
  hall.ada = world_register(world, "ada@example.org");
  hall.bob = world_register(world, "bob@example.org");
  hall.ada_cart = world_cart(world, hall.ada);
  hall.bob_cart = world_cart(world, hall.bob);
  return hall;
}

static struct hall hall_new(void) {
  return hall_in(world_prepare());
}

static void hall_end(struct hall *hall) {
  world_verify(hall->world, 0);
  shop_token_free(hall->ada);
  shop_token_free(hall->bob);
  world_free(hall->world);
}

static int32_t hold_of(struct hall *hall, const shop_token_t *token, int64_t cart_id,
                       int64_t hold_ms, int64_t *until_ms) {
  shop_cart_t *cart = (shop_cart_t *)hall;
  int32_t status =
      shop_cart_hold(hall->world->shop, token, cart_id, hold_ms, NULL, &cart, hall->world->err);

  ck_assert((cart != NULL) == (status == SHOP_OK));
  *until_ms = shop_cart_held_until_ms(cart);
  shop_cart_free(cart);
  return status;
}

static int32_t hold_ada(struct hall *hall, int64_t hold_ms) {
  int64_t until_ms;

  return hold_of(hall, hall->ada, hall->ada_cart, hold_ms, &until_ms);
}

static int32_t hold_bob(struct hall *hall, int64_t hold_ms) {
  int64_t until_ms;

  return hold_of(hall, hall->bob, hall->bob_cart, hold_ms, &until_ms);
}

static int32_t buy(struct hall *hall, const shop_token_t *token, int64_t cart_id) {
  shop_order_t *order = NULL;
  int32_t status = world_buy(hall->world, token, cart_id, NULL, &order);

  shop_order_free(order);
  return status;
}

/* Stock of TEA: free, and set aside or reserved. */
static void ck_tea(struct hall *hall, int64_t available, int64_t reserved) {
  ck_assert_int_eq(world_available(hall->world, "TEA"), available);
  ck_assert_int_eq(world_reserved(hall->world, "TEA"), reserved);
  world_verify(hall->world, 0);
}

/* A full cart says so, held or not, and does not look for pieces first. */
START_TEST(a_full_cart_is_full) {
  struct world *world = world_prepare();
  struct hall hall;
  shop_cart_t *cart = NULL;

  ck_assert_int_eq(shop_config_set_cart_lines_max(world->config, 1), SHOP_OK);
  hall = hall_in(world);
  world_add(world, hall.ada, hall.ada_cart, "TEA", 1);
  ck_ok(world, hold_ada(&hall, MINUTE_MS));
  ck_refused(world,
             shop_cart_add(world->shop, hall.ada, hall.ada_cart, "MILK", 3, NULL, &cart,
                           world->err),
             SHOP_ERR_CART_FULL);
  hall_end(&hall);
}
END_TEST

/* ---- all or none ------------------------------------------------------------------------ */

START_TEST(all_lines_or_none) {
  struct hall hall = hall_new();
  struct world *world = hall.world;
  shop_cart_t *cart = NULL;
  int64_t version;

  world_add(world, hall.ada, hall.ada_cart, "TEA", 2);
  world_add(world, hall.ada, hall.ada_cart, "MILK", 3);
  ck_refused(world, hold_ada(&hall, MINUTE_MS), SHOP_ERR_OUT_OF_STOCK);
  ck_assert_ptr_nonnull(strstr(shop_error_message(world->err), "MILK"));
  ck_tea(&hall, 3, 0);
  world_put(world, "MILK", 120, "EUR", 3);
  ck_ok(world, shop_cart_get(world->shop, hall.ada, hall.ada_cart, &cart, world->err));
  version = shop_cart_version(cart);
  ck_assert_int_eq(shop_cart_held_until_ms(cart), 0);
  shop_cart_free(cart);
  ck_ok(world,
        shop_cart_hold(world->shop, hall.ada, hall.ada_cart, MINUTE_MS, NULL, &cart, world->err));
  ck_assert_int_eq(shop_cart_version(cart), version + 1);
  ck_assert_int_eq(shop_cart_held_until_ms(cart), WORLD_START_MS + MINUTE_MS);
  ck_assert_int_eq(shop_cart_warnings(cart), 0); /* no stock is missing: it is theirs */
  ck_assert_int_eq(shop_cart_line_available(cart, 0), 3);
  ck_assert_int_eq(shop_cart_line_available(cart, 1), 3);
  shop_cart_free(cart);
  ck_tea(&hall, 1, 2);
  ck_assert_int_eq(world_available(world, "MILK"), 0);
  hall_end(&hall);
}
END_TEST

/* What cannot be bought is not held; nobody holds another's cart; times have limits. */
START_TEST(refusals) {
  struct hall hall = hall_new();
  struct world *world = hall.world;
  int64_t until_ms;

  ck_refused(world, hold_ada(&hall, MINUTE_MS), SHOP_ERR_CART_EMPTY);
  world_add(world, hall.ada, hall.ada_cart, "TEA", 1);
  ck_refused(world, hold_ada(&hall, 999), SHOP_ERR_ARGUMENT);
  ck_refused(world, hold_ada(&hall, -1), SHOP_ERR_ARGUMENT);
  ck_refused(world, hold_ada(&hall, MAX_MS + 1), SHOP_ERR_ARGUMENT);
  ck_refused(world, hold_ada(&hall, INT64_MAX), SHOP_ERR_ARGUMENT);
  ck_refused(world, hold_of(&hall, hall.bob, hall.ada_cart, MINUTE_MS, &until_ms),
             SHOP_ERR_NOT_FOUND);
  world_put(world, "TEA", 999, "USD", 3);
  ck_refused(world, hold_ada(&hall, MINUTE_MS), SHOP_ERR_CURRENCY_MIXED);
  world_put(world, "TEA", 999, "EUR", 3);
  ck_ok(world, shop_product_retire(world->shop, "TEA", NULL, world->err));
  ck_refused(world, hold_ada(&hall, MINUTE_MS), SHOP_ERR_PRODUCT_RETIRED);
  world_put(world, "TEA", 999, "EUR", 3);
  world->gateway.mood = GATEWAY_PENDS;
  ck_status(world, buy(&hall, hall.ada, hall.ada_cart), SHOP_PENDING);
  ck_refused(world, hold_ada(&hall, MINUTE_MS), SHOP_ERR_CART_BUSY);
  world_add(world, hall.bob, hall.bob_cart, "TEA", 1);
  world->gateway.mood = GATEWAY_APPROVES;
  ck_ok(world, buy(&hall, hall.bob, hall.bob_cart));
  ck_refused(world, hold_bob(&hall, MINUTE_MS), SHOP_ERR_CART_COMPLETED);
  hall_end(&hall);
}
END_TEST

/* A key makes a hold once: repeated, it changes nothing, not even its time. */
START_TEST(once_for_a_key) {
  struct hall hall = hall_new();
  struct world *world = hall.world;
  shop_options_t *options = options_with_key("hold 1"), *seen = options_with_version(1);
  shop_cart_t *cart = NULL;

  world_add(world, hall.ada, hall.ada_cart, "TEA", 2);
  ck_refused(
      world,
      shop_cart_hold(world->shop, hall.ada, hall.ada_cart, MINUTE_MS, seen, &cart, world->err),
      SHOP_ERR_VERSION);
  for (int i = 0; i < 2; i++) {
    ck_ok(world, shop_cart_hold(world->shop, hall.ada, hall.ada_cart, MINUTE_MS, options, &cart,
                                world->err));
    ck_assert_int_eq(shop_cart_held_until_ms(cart), WORLD_START_MS + MINUTE_MS);
    shop_cart_free(cart);
    cart = NULL;
    world_pass_ms(world, 1000);
  }
  ck_refused(world,
             shop_cart_hold(world->shop, hall.ada, hall.ada_cart, 2 * MINUTE_MS, options, &cart,
                            world->err),
             SHOP_ERR_KEY_REUSED);
  ck_tea(&hall, 1, 2);
  shop_options_free(options);
  shop_options_free(seen);
  hall_end(&hall);
}
END_TEST

/* ---- who gets the last piece -------------------------------------------------------------- */

/* Who holds wins, against buying and against holding, and buys without a gap. */
START_TEST(who_holds_wins) {
  struct hall hall = hall_new();
  struct world *world = hall.world;

  world_add(world, hall.ada, hall.ada_cart, "TEA", 3);
  world_add(world, hall.bob, hall.bob_cart, "TEA", 1);
  ck_ok(world, hold_ada(&hall, MINUTE_MS));
  ck_refused(world, buy(&hall, hall.bob, hall.bob_cart), SHOP_ERR_OUT_OF_STOCK);
  ck_refused(world, hold_bob(&hall, MINUTE_MS), SHOP_ERR_OUT_OF_STOCK);
  world_pass_ms(world, MINUTE_MS - 1);
  ck_refused(world, buy(&hall, hall.bob, hall.bob_cart), SHOP_ERR_OUT_OF_STOCK);
  ck_ok(world, buy(&hall, hall.ada, hall.ada_cart));
  ck_tea(&hall, 0, 0);
  ck_assert_int_eq(world_number(world, "SELECT sold FROM products WHERE sku = 'TEA'"), 3);
  ck_assert_int_eq(world_number(world, "SELECT count(*) FROM carts WHERE hold_length_ms > 0"), 0);
  world_pass_ms(world, DAY_MS);
  ck_refused(world, buy(&hall, hall.bob, hall.bob_cart), SHOP_ERR_OUT_OF_STOCK);
  hall_end(&hall);
}
END_TEST

/* At the end of its time, to the millisecond, the pieces go to who buys or holds them;
   until somebody does they are still there for who held them. */
START_TEST(over_it_goes_to_who_needs_it) {
  for (int way = 0; way < 4; way++) {
    struct hall hall = hall_new();
    struct world *world = hall.world;

    world_add(world, hall.ada, hall.ada_cart, "TEA", 3);
    world_add(world, hall.ada, hall.ada_cart, "MILK", 1);
    world_add(world, hall.bob, hall.bob_cart, "TEA", 1);
    ck_ok(world, hold_ada(&hall, MINUTE_MS));
    world_pass_ms(world, MINUTE_MS);
    ck_tea(&hall, 0, 3);
    if (way == 0) {
      ck_ok(world, buy(&hall, hall.bob, hall.bob_cart));
      ck_tea(&hall, 2, 0);
      ck_assert_int_eq(world_available(world, "MILK"), 2); /* all or none, also at the end */
      ck_refused(world, buy(&hall, hall.ada, hall.ada_cart), SHOP_ERR_OUT_OF_STOCK);
    } else if (way == 1) {
      ck_ok(world, hold_bob(&hall, MINUTE_MS));
      ck_tea(&hall, 2, 1);
    } else if (way == 2) {
      ck_ok(world, buy(&hall, hall.ada, hall.ada_cart));
      ck_tea(&hall, 0, 0);
    } else { /* a change of the cart after its time ends the hold */
      world_add(world, hall.ada, hall.ada_cart, "MILK", 1);
      ck_tea(&hall, 3, 0);
    }
    hall_end(&hall);
  }
}
END_TEST

/* As many holds that are over as it takes, and no more than that. */
START_TEST(no_more_than_it_takes) {
  struct hall hall = hall_new();
  struct world *world = hall.world;
  shop_token_t *tokens[4];
  int64_t cart_id, until_ms;
  char email[40];

  world_put(world, "TEA", 999, "EUR", 8);
  for (int i = 0; i < 4; i++) {
    snprintf(email, sizeof email, "holder%d@example.org", i);
    tokens[i] = world_shopper(world, email, "TEA", 2, &cart_id);
    ck_ok(world, hold_of(&hall, tokens[i], cart_id, MINUTE_MS, &until_ms));
    world_pass_ms(world, 1000);
  }
  world_pass_ms(world, MINUTE_MS);
  ck_tea(&hall, 0, 8);
  world_add(world, hall.bob, hall.bob_cart, "TEA", 5);
  ck_ok(world, buy(&hall, hall.bob, hall.bob_cart));
  ck_tea(&hall, 1, 2);
  ck_assert_int_eq(world_number(world, "SELECT count(*) FROM carts WHERE hold_length_ms > 0"), 1);
  for (int i = 0; i < 4; i++)
    shop_token_free(tokens[i]);
  hall_end(&hall);
}
END_TEST

/* ---- the end of it -------------------------------------------------------------------------- */

/* Upkeep and recovery end what is over, and nothing that is not. */
START_TEST(upkeep_ends_it) {
  for (int way = 0; way < 2; way++) {
    struct hall hall = hall_new();
    struct world *world = hall.world;
    shop_maintenance_t *done = NULL;

    world_add(world, hall.ada, hall.ada_cart, "TEA", 2);
    ck_ok(world, hold_ada(&hall, MINUTE_MS));
    for (int i = 0; i < 3; i++) {
      ck_assert_int_eq(world_available(world, "TEA"), i < 2 ? 1 : 3);
      if (way == 0) {
        ck_ok(world, shop_maintain(world->shop, &done, world->err));
        ck_assert_int_eq(shop_maintenance_holds(done), i == 1);
        shop_maintenance_free(done);
      } else {
        ck_ok(world, shop_recover(world->shop, 10, NULL, world->err));
      }
      ck_tea(&hall, i == 0 ? 1 : 3, i == 0 ? 2 : 0);
      if (i == 0)
        world_pass_ms(world, MINUTE_MS);
      else
        break;
    }
    ck_assert_int_eq(world_cart_state(world, hall.ada, hall.ada_cart), SHOP_CART_OPEN);
    hall_end(&hall);
  }
}
END_TEST

/* More than a step of them. */
START_TEST(upkeep_ends_many) {
  struct hall hall = hall_new();
  struct world *world = hall.world;
  shop_maintenance_t *done = NULL;
  char email[40];

  world_put(world, "TEA", 999, "EUR", 100);
  for (int i = 0; i < 50; i++) {
    int64_t cart_id, until_ms;
    shop_token_t *token;

    snprintf(email, sizeof email, "holder%d@example.org", i);
    token = world_shopper(world, email, "TEA", 2, &cart_id);
    ck_ok(world, hold_of(&hall, token, cart_id, MINUTE_MS, &until_ms));
    shop_token_free(token);
  }
  ck_tea(&hall, 0, 100);
  world_pass_ms(world, MINUTE_MS);
  ck_ok(world, shop_maintain(world->shop, &done, world->err));
  ck_assert_int_eq(shop_maintenance_holds(done), 50);
  shop_maintenance_free(done);
  ck_tea(&hall, 100, 0);
  hall_end(&hall);
}
END_TEST

/* A cart that is held does not expire, however old it is: first its hold must end. */
START_TEST(a_held_cart_does_not_expire) {
  struct world *world = world_prepare();
  struct hall hall;

  ck_assert_int_eq(shop_config_set_cart_life_ms(world->config, 1000), SHOP_OK);
  hall = hall_in(world);
  world_add(world, hall.ada, hall.ada_cart, "TEA", 2);
  ck_ok(world, hold_ada(&hall, MINUTE_MS));
  world_pass_ms(world, 30000);
  ck_ok(world, shop_maintain(world->shop, NULL, world->err));
  ck_assert_int_eq(world_cart_state(world, hall.ada, hall.ada_cart), SHOP_CART_OPEN);
  ck_tea(&hall, 1, 2);
  world_pass_ms(world, 30000);
  ck_ok(world, shop_maintain(world->shop, NULL, world->err));
  ck_assert_int_eq(world_cart_state(world, hall.ada, hall.ada_cart), SHOP_CART_EXPIRED);
  ck_tea(&hall, 3, 0);
  hall_end(&hall);
}
END_TEST

START_TEST(released) {
  struct hall hall = hall_new();
  struct world *world = hall.world;
  shop_cart_t *cart = NULL;

  world_add(world, hall.ada, hall.ada_cart, "TEA", 3);
  ck_ok(world, hold_ada(&hall, MINUTE_MS));
  for (int i = 0; i < 2; i++) { /* the second has nothing to release */
    ck_ok(world, shop_cart_release(world->shop, hall.ada, hall.ada_cart, NULL, &cart, world->err));
    ck_assert_int_eq(shop_cart_held_until_ms(cart), 0);
    shop_cart_free(cart);
    ck_tea(&hall, 3, 0);
  }
  hall_end(&hall);
}
END_TEST

/* A clock that went back behind the hold's beginning, or far ahead: it is over, and
   can be made anew. */
START_TEST(the_clock_moves) {
  for (int way = 0; way < 2; way++) {
    struct world *world = world_prepare();
    struct hall hall;

    ck_assert_int_eq(shop_config_set_token_life_ms(world->config, 1000 * DAY_MS), SHOP_OK);
    hall = hall_in(world);
    world_add(world, hall.ada, hall.ada_cart, "TEA", 3);
    world_add(world, hall.bob, hall.bob_cart, "TEA", 3);
    ck_ok(world, hold_ada(&hall, MINUTE_MS));
    world_pass_ms(world, way == 0 ? -MINUTE_MS / 2 : 365 * DAY_MS); /* tokens allow a minute back */
    ck_ok(world, hold_bob(&hall, MINUTE_MS));
    ck_refused(world, hold_ada(&hall, MINUTE_MS), SHOP_ERR_OUT_OF_STOCK);
    world_pass_ms(world, MINUTE_MS);
    ck_ok(world, hold_ada(&hall, MINUTE_MS));
    ck_tea(&hall, 0, 3);
    ck_ok(world, buy(&hall, hall.ada, hall.ada_cart));
    hall_end(&hall);
  }
}
END_TEST

/* ---- not for ever -----------------------------------------------------------------------------
 */

/* However often it is asked for, a cart is held for the limit in a row, and after that
   as long not at all: whoever waits gets a turn. */
START_TEST(not_for_ever) {
  struct hall hall = hall_new();
  struct world *world = hall.world;
  shop_cart_t *cart = NULL;
  int64_t until_ms = 0;

  world_add(world, hall.ada, hall.ada_cart, "TEA", 3);
  ck_ok(world, hold_of(&hall, hall.ada, hall.ada_cart, 10 * MINUTE_MS, &until_ms));
  ck_assert_int_eq(until_ms, WORLD_START_MS + 10 * MINUTE_MS);
  world_pass_ms(world, 4 * MINUTE_MS);
  ck_ok(world, hold_of(&hall, hall.ada, hall.ada_cart, 10 * MINUTE_MS, &until_ms));
  ck_assert_int_eq(until_ms, WORLD_START_MS + 14 * MINUTE_MS);
  world_pass_ms(world, 4 * MINUTE_MS);
  /* Letting go and asking again is no way around. */
  ck_ok(world, shop_cart_release(world->shop, hall.ada, hall.ada_cart, NULL, &cart, world->err));
  shop_cart_free(cart);
  ck_ok(world, hold_of(&hall, hall.ada, hall.ada_cart, MAX_MS, &until_ms));
  ck_assert_int_eq(until_ms, WORLD_START_MS + MAX_MS);
  ck_tea(&hall, 0, 3);
  world_pass_ms(world, 7 * MINUTE_MS);
  ck_refused(world, hold_ada(&hall, MINUTE_MS), SHOP_ERR_STATE);
  world_pass_ms(world, 15 * MINUTE_MS - 1);
  ck_refused(world, hold_ada(&hall, MINUTE_MS), SHOP_ERR_STATE);
  ck_assert_ptr_nonnull(strstr(shop_error_message(world->err), "in 1 s"));
  world_pass_ms(world, 1);
  ck_ok(world, hold_of(&hall, hall.ada, hall.ada_cart, MAX_MS, &until_ms));
  ck_assert_int_eq(until_ms, WORLD_START_MS + 45 * MINUTE_MS);
  hall_end(&hall);
}
END_TEST

/* The same hold may also be made shorter; the merchant sets the limit. */
START_TEST(how_long) {
  struct world *world = world_prepare();
  struct hall hall;
  int64_t until_ms = 0;

  ck_assert_int_eq(shop_config_set_cart_hold_max_ms(world->config, 2000), SHOP_OK);
  hall = hall_in(world);
  world_add(world, hall.ada, hall.ada_cart, "TEA", 3);
  ck_refused(world, hold_ada(&hall, 2001), SHOP_ERR_ARGUMENT);
  ck_ok(world, hold_of(&hall, hall.ada, hall.ada_cart, 2000, &until_ms));
  ck_assert_int_eq(until_ms, WORLD_START_MS + 2000);
  world_pass_ms(world, 500);
  ck_ok(world, hold_of(&hall, hall.ada, hall.ada_cart, 1000, &until_ms));
  ck_assert_int_eq(until_ms, WORLD_START_MS + 1500);
  ck_tea(&hall, 0, 3);
  hall_end(&hall);
}
END_TEST

/* ---- changes while it is held
 * -------------------------------------------------------------------- */

START_TEST(it_follows_the_cart) {
  struct hall hall = hall_new();
  struct world *world = hall.world;
  shop_t *shop = world->shop;
  shop_cart_t *cart = NULL;

  world_add(world, hall.ada, hall.ada_cart, "TEA", 1);
  ck_ok(world, hold_ada(&hall, MINUTE_MS));
  world_add(world, hall.ada, hall.ada_cart, "TEA", 1);
  ck_tea(&hall, 1, 2);
  ck_refused(world, shop_cart_add(shop, hall.ada, hall.ada_cart, "TEA", 2, NULL, &cart, world->err),
             SHOP_ERR_OUT_OF_STOCK);
  ck_refused(world,
             shop_cart_add(shop, hall.ada, hall.ada_cart, "MILK", 3, NULL, &cart, world->err),
             SHOP_ERR_OUT_OF_STOCK);
  ck_refused(
      world,
      shop_cart_set_quantity(shop, hall.ada, hall.ada_cart, "TEA", 4, NULL, &cart, world->err),
      SHOP_ERR_OUT_OF_STOCK);
  ck_refused(
      world,
      shop_cart_set_quantity(shop, hall.ada, hall.ada_cart, "MILK", 1, NULL, &cart, world->err),
      SHOP_ERR_NOT_FOUND);
  ck_refused(world,
             shop_cart_remove(shop, hall.ada, hall.ada_cart, "MILK", NULL, &cart, world->err),
             SHOP_ERR_NOT_FOUND);
#define CHANGED(call)                                                                              \
  ck_ok(world, call);                                                                              \
  shop_cart_free(cart)
  CHANGED(shop_cart_set_quantity(shop, hall.ada, hall.ada_cart, "TEA", 3, NULL, &cart, world->err));
  ck_tea(&hall, 0, 3);
  CHANGED(shop_cart_set_quantity(shop, hall.ada, hall.ada_cart, "TEA", 1, NULL, &cart, world->err));
  ck_tea(&hall, 2, 1);
  CHANGED(shop_cart_add(shop, hall.ada, hall.ada_cart, "MILK", 2, NULL, &cart, world->err));
  ck_assert_int_eq(world_available(world, "MILK"), 0);
  CHANGED(shop_cart_reprice(shop, hall.ada, hall.ada_cart, NULL, &cart, world->err));
  CHANGED(shop_cart_remove(shop, hall.ada, hall.ada_cart, "TEA", NULL, &cart, world->err));
  ck_tea(&hall, 3, 0);
  ck_assert_int_eq(world_available(world, "MILK"), 0);
  CHANGED(shop_cart_remove(shop, hall.ada, hall.ada_cart, "MILK", NULL, &cart, world->err));
  ck_assert_int_eq(world_available(world, "MILK"), 2);
  world_add(world, hall.ada, hall.ada_cart, "TEA", 2); /* an empty cart holds nothing any more */
  ck_tea(&hall, 3, 0);
  ck_ok(world, hold_ada(&hall, MINUTE_MS));
  CHANGED(shop_cart_clear(shop, hall.ada, hall.ada_cart, NULL, &cart, world->err));
  ck_tea(&hall, 3, 0);
  hall_end(&hall);
}
END_TEST

/* ---- the merchant meanwhile
 * ------------------------------------------------------------------------ */

/* Fewer are counted, any number is there, none is sold any more: what is held is
   honoured, and what is let go of fills what is missing first. */
START_TEST(the_merchant_counts) {
  struct hall hall = hall_new();
  struct world *world = hall.world;
  shop_cart_t *cart = NULL;

  world_add(world, hall.ada, hall.ada_cart, "TEA", 3);
  ck_ok(world, hold_ada(&hall, MINUTE_MS));
  world_put(world, "TEA", 999, "EUR", 1);
  world_verify(world, 1); /* two are promised beyond what is on hand */
  ck_ok(world, shop_cart_set_quantity(world->shop, hall.ada, hall.ada_cart, "TEA", 2, NULL, &cart,
                                      world->err));
  shop_cart_free(cart);
  ck_assert_int_eq(world_available(world, "TEA"), 0);
  world_verify(world, 1);
  ck_ok(world, buy(&hall, hall.ada, hall.ada_cart));
  world_verify(world, 1);
  world_put(world, "TEA", 999, "EUR", 4);
  world_verify(world, 0);

  world_add(world, hall.bob, hall.bob_cart, "TEA", 4);
  ck_ok(world, hold_bob(&hall, MINUTE_MS));
  world_put(world, "TEA", 999, "EUR", SHOP_STOCK_UNLIMITED);
  world_verify(world, 0);
  world_put(world, "TEA", 999, "EUR", 6);
  ck_tea(&hall, 2, 4);
  ck_ok(world, shop_product_retire(world->shop, "TEA", NULL, world->err));
  ck_refused(world, buy(&hall, hall.bob, hall.bob_cart), SHOP_ERR_PRODUCT_RETIRED);
  ck_ok(world, shop_cart_release(world->shop, hall.bob, hall.bob_cart, NULL, &cart, world->err));
  shop_cart_free(cart);
  ck_tea(&hall, 6, 0);
  hall_end(&hall);
}
END_TEST

/* ---- the payment
 * -------------------------------------------------------------------------------------- */

/* Declined within the time: they are held again, so that another card can be tried.
   Declined after it: they are free. */
START_TEST(a_decline_gives_back_to_the_hold) {
  struct hall hall = hall_new();
  struct world *world = hall.world;
  shop_cart_t *cart = NULL;

  world_add(world, hall.ada, hall.ada_cart, "TEA", 3);
  world_add(world, hall.bob, hall.bob_cart, "TEA", 1);
  ck_ok(world, hold_ada(&hall, MINUTE_MS));
  world->gateway.mood = GATEWAY_DECLINES;
  ck_status(world, buy(&hall, hall.ada, hall.ada_cart), SHOP_DECLINED);
  ck_tea(&hall, 0, 3);
  ck_ok(world, shop_cart_get(world->shop, hall.ada, hall.ada_cart, &cart, world->err));
  ck_assert_int_eq(shop_cart_held_until_ms(cart), WORLD_START_MS + MINUTE_MS);
  shop_cart_free(cart);
  world->gateway.mood = GATEWAY_APPROVES;
  ck_refused(world, buy(&hall, hall.bob, hall.bob_cart), SHOP_ERR_OUT_OF_STOCK);
  world->gateway.mood = GATEWAY_DECLINES;
  world_pass_ms(world, MINUTE_MS);
  ck_status(world, buy(&hall, hall.ada, hall.ada_cart), SHOP_DECLINED);
  ck_tea(&hall, 3, 0);
  ck_ok(world, shop_cart_get(world->shop, hall.ada, hall.ada_cart, &cart, world->err));
  ck_assert_int_eq(shop_cart_held_until_ms(cart), 0);
  shop_cart_free(cart);
  world->gateway.mood = GATEWAY_APPROVES;
  ck_ok(world, buy(&hall, hall.bob, hall.bob_cart));
  hall_end(&hall);
}
END_TEST

/* While it is being bought, its time may pass: the pieces are the order's. */
START_TEST(over_while_it_is_bought) {
  for (int way = 0; way < 2; way++) {
    struct hall hall = hall_new();
    struct world *world = hall.world;
    shop_cart_t *cart = NULL;

    world_add(world, hall.ada, hall.ada_cart, "TEA", 3);
    world_add(world, hall.bob, hall.bob_cart, "TEA", 1);
    ck_ok(world, hold_ada(&hall, MINUTE_MS));
    world->gateway.mood = GATEWAY_PENDS;
    ck_status(world, buy(&hall, hall.ada, hall.ada_cart), SHOP_PENDING);
    world_pass_ms(world, MINUTE_MS);
    ck_ok(world, shop_maintain(world->shop, NULL, world->err));
    ck_refused(world, buy(&hall, hall.bob, hall.bob_cart), SHOP_ERR_OUT_OF_STOCK);
    ck_ok(world, shop_cart_get(world->shop, hall.ada, hall.ada_cart, &cart, world->err));
    ck_assert_int_eq(shop_cart_held_until_ms(cart), 0);
    shop_cart_free(cart);
    ck_tea(&hall, 0, 3);
    world->gateway.mood = way == 0 ? GATEWAY_APPROVES : GATEWAY_DECLINES;
    ck_ok(world, shop_recover(world->shop, 10, NULL, world->err));
    ck_tea(&hall, way == 0 ? 0 : 3, 0);
    hall_end(&hall);
  }
}
END_TEST

/* An order that costs nothing is placed in the transaction that takes the hold. */
START_TEST(free_of_charge) {
  struct hall hall = hall_new();
  struct world *world = hall.world;

  world_put(world, "TEA", 0, "EUR", 3);
  world_add(world, hall.ada, hall.ada_cart, "TEA", 3);
  ck_ok(world, hold_ada(&hall, MINUTE_MS));
  ck_ok(world, buy(&hall, hall.ada, hall.ada_cart));
  ck_tea(&hall, 0, 0);
  hall_end(&hall);
}
END_TEST

/* ---- the audit knows
 * --------------------------------------------------------------------------------------- */

START_TEST(the_audit_knows) {
  static const char *const crimes[] = {
      "UPDATE carts SET hold_length_ms = 0",
      "UPDATE cart_lines SET quantity = 1",
      "DELETE FROM cart_lines",
      "UPDATE products SET reserved = 0, available = 3 WHERE sku = 'TEA'",
      "UPDATE carts SET hold_length_ms = 5 WHERE user_id = (SELECT max(id) FROM users)",
  };
  struct hall hall = hall_new();
  struct world *world = hall.world;
  shop_audit_t *audit = NULL;
  char copy[400];

  world_add(world, hall.ada, hall.ada_cart, "TEA", 2);
  world_add(world, hall.bob, hall.bob_cart, "TEA", 1);
  ck_ok(world, hold_ada(&hall, MINUTE_MS));
  world_verify(world, 0);
  ck_assert_int_eq(shop_close(world->shop), SHOP_OK);
  world->shop = NULL;
  for (size_t i = 0; i < sizeof crimes / sizeof crimes[0]; i++) {
    snprintf(copy, sizeof copy, "cp '%s' '%s.kept'", world->path, world->path);
    ck_assert_int_eq(system(copy), 0);
    world_vandalise(world, crimes[i]);
    world_open(world);
    ck_ok(world, shop_verify(world->shop, &audit, world->err));
    ck_assert_msg(shop_audit_violations(audit) > 0, "%s", crimes[i]);
    shop_audit_free(audit);
    ck_assert_int_eq(shop_close(world->shop), SHOP_OK);
    world->shop = NULL;
    snprintf(copy, sizeof copy, "rm -f '%s'-*; mv '%s.kept' '%s'", world->path, world->path,
             world->path);
    ck_assert_int_eq(system(copy), 0);
  }
  world_open(world);
  /* A cart that was bought or has expired cannot hold anything: the store refuses it. */
  ck_ok(world, buy(&hall, hall.ada, hall.ada_cart));
  ck_assert_int_eq(
      world_number(world, "SELECT count(*) FROM carts WHERE state > 2 AND hold_length_ms > 0"), 0);
  hall_end(&hall);
}
END_TEST

/* ---- two processes
 * ------------------------------------------------------------------------------------------- */

enum { ROUNDS = 100 };

static struct {
  pthread_barrier_t *together;
  int32_t (*held)[ROUNDS], (*bought)[ROUNDS]; /* of each process */
} field;

/* Each round both try to hold the last piece, then both try to buy it. */
static void hold_every_last(struct world *world, int me) {
  char text[40];
  shop_token_t *token;

  snprintf(text, sizeof text, "racer%d@example.org", me);
  token = world_register(world, text);
  for (int i = 0; i < ROUNDS; i++) {
    int64_t cart_id = world_cart(world, token);
    shop_cart_t *cart = NULL;
    shop_order_t *order = NULL;

    snprintf(text, sizeof text, "LAST-%d", i);
    world_add(world, token, cart_id, text, 1);
    pthread_barrier_wait(field.together);
    field.held[me][i] =
        shop_cart_hold(world->shop, token, cart_id, MINUTE_MS, NULL, &cart, world->err);
    shop_cart_free(cart);
    cart = NULL;
    pthread_barrier_wait(field.together);
    field.bought[me][i] = world_buy(world, token, cart_id, NULL, &order);
    shop_order_free(order);
    if (field.bought[me][i] != SHOP_OK)
      ck_ok(world, shop_cart_clear(world->shop, token, cart_id, NULL, &cart, world->err));
    shop_cart_free(cart);
  }
  shop_token_free(token);
}

static void other_holder(struct world *world, struct peer *peer) {
  char told[8];

  peer_hear(peer, told, sizeof told);
  world_open(world);
  hold_every_last(world, 1);
  ck_assert_int_eq(shop_close(world->shop), SHOP_OK);
}

/* Two processes race for the last piece: one holds it, and that one buys it. */
START_TEST(two_processes) {
  struct gateway *gateway = gateway_share();
  struct world *world = world_prepare();
  struct peer peer;
  char sku[20];

  ck_assert_int_eq(shop_config_set_gateway_charge(world->config, gateway_charge, gateway), SHOP_OK);
  ck_assert_int_eq(shop_config_set_mail_at_once(world->config, false), SHOP_OK);
  field.together = share_barrier(2);
  field.held = share_memory(2 * sizeof *field.held);
  field.bought = share_memory(2 * sizeof *field.bought);
  peer = peer_start(world, other_holder);
  world_open(world);
  for (int i = 0; i < ROUNDS; i++) {
    snprintf(sku, sizeof sku, "LAST-%d", i);
    world_put(world, sku, 100, "EUR", 1);
  }
  peer_tell(&peer, "go");
  hold_every_last(world, 0);
  peer_end(&peer);
  for (int i = 0; i < ROUNDS; i++) {
    int winner = field.held[0][i] == SHOP_OK ? 0 : 1;

    ck_assert_int_eq(field.held[winner][i], SHOP_OK);
    ck_assert_int_eq(field.held[1 - winner][i], SHOP_ERR_OUT_OF_STOCK);
    ck_assert_int_eq(field.bought[winner][i], SHOP_OK);
    ck_assert_int_eq(field.bought[1 - winner][i], SHOP_ERR_OUT_OF_STOCK);
  }
  ck_assert_int_eq(world_number(world, "SELECT max(available + reserved) FROM products"), 0);
  world_verify(world, 0);
  world_check_ledger(world, gateway);
  world_free(world);
  gateway_unshare(gateway);
}
END_TEST

int main(void) {
  const TTest *tests[] = {
      a_full_cart_is_full,
      all_lines_or_none,
      refusals,
      once_for_a_key,
      who_holds_wins,
      over_it_goes_to_who_needs_it,
      no_more_than_it_takes,
      upkeep_ends_it,
      upkeep_ends_many,
      a_held_cart_does_not_expire,
      released,
      the_clock_moves,
      not_for_ever,
      how_long,
      it_follows_the_cart,
      the_merchant_counts,
      a_decline_gives_back_to_the_hold,
      over_while_it_is_bought,
      free_of_charge,
      the_audit_knows,
      two_processes,
  };

  return HARNESS_RUN("cart hold", tests);
}
