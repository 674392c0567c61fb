/* A guest logs in: the account's cart and the guest's become one, in one commit with the proof of
   the password and the end of the guest. */
#include "books.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MINUTE_MS INT64_C(60000)
#define ADA "ada@example.org"

static shop_token_t *guest(struct world *world) {
  shop_token_t *token = NULL;

  ck_ok(world, shop_guest_create(world->shop, NULL, &token, world->err));
  return token;
}

static int32_t login(struct world *world, const shop_token_t *token, const char *password,
                     shop_token_t **out) {
  int32_t status;

  *out = (shop_token_t *)world;
  status = shop_guest_login(world->shop, token, ADA, password, NULL, out, world->err);
  ck_assert((*out == NULL) == (status != SHOP_OK));
  return status;
}

static shop_session_t *session_of(struct world *world, const shop_token_t *token) {
  shop_session_t *session = NULL;

  ck_ok(world, shop_session_check(world->shop, token, &session, world->err));
  return session;
}

static int32_t session_status(struct world *world, const shop_token_t *token) {
  shop_session_t *session = session_of(world, token);
  int32_t status = shop_session_status(session);

  shop_session_free(session);
  return status;
}

static void hold(struct world *world, const shop_token_t *token, int64_t cart_id, int64_t hold_ms) {
  shop_cart_t *cart = NULL;

  ck_ok(world, shop_cart_hold(world->shop, token, cart_id, hold_ms, NULL, &cart, world->err));
  shop_cart_free(cart);
}

/* Ada and a guest, each with an empty cart; TEA, MILK and MUG on sale, 10 of each. */
struct pair {
  struct world *world;
  shop_token_t *ada, *guest, *out;
  int64_t ada_cart, guest_cart;
};

static void put_wares(struct world *world) {
  world_put(world, "TEA", 999, "EUR", 10);
  world_put(world, "MILK", 120, "EUR", 10);
  world_put(world, "MUG", 500, "EUR", 10);
}

static struct pair pair_in(struct world *world) {
  struct pair pair = {.world = world};

  put_wares(world);
  pair.ada = world_register(world, ADA);
  pair.guest = guest(world);
  pair.ada_cart = world_cart(world, pair.ada);
  pair.guest_cart = world_cart(world, pair.guest);
  return pair;
}

static void pair_free(struct pair *pair) {
  world_verify(pair->world, 0);
  shop_token_free(pair->ada);
  shop_token_free(pair->guest);
  shop_token_free(pair->out);
  world_free(pair->world);
}

/* The guest logs in: the fresh token is Ada's, and the guest's is over. */
static void join(struct pair *pair) {
  struct world *world = pair->world;

  ck_ok(world, login(world, pair->guest, PASSWORD, &pair->out));
  ck_assert_int_eq(shop_token_user_id(pair->out), shop_token_user_id(pair->ada));
  ck_assert_int_eq(session_status(world, pair->guest), SHOP_ERR_TOKEN_REVOKED);
  ck_assert_int_eq(session_status(world, pair->ada), SHOP_OK);
}

/* The carts cannot be joined: nothing has happened, and both are as good as before. */
static void ck_no_join(struct pair *pair, int32_t wanted) {
  struct world *world = pair->world;

  ck_refused(world, login(world, pair->guest, PASSWORD, &pair->out), wanted);
  ck_assert_int_eq(session_status(world, pair->guest), SHOP_OK);
  ck_assert_int_eq(world_number(world, "SELECT count(*) FROM guesses"), 0);
  ck_ok(world, shop_user_login(world->shop, ADA, PASSWORD, NULL, &pair->out, world->err));
}

/* The lines of Ada's cart as text, such as "TEA 2 999, MUG 1 500": with the price that is kept. */
static const char *lines(struct pair *pair) {
  static char text[400];
  shop_session_t *session = session_of(pair->world, pair->ada);
  const shop_cart_t *cart = shop_session_cart(session);
  size_t used = 0;

  text[0] = '\0';
  for (int32_t i = 0; i < shop_cart_line_count(cart); i++)
    used +=
        (size_t)snprintf(text + used, sizeof text - used, "%s%s %lld %lld", i == 0 ? "" : ", ",
                         shop_cart_line_sku(cart, i), (long long)shop_cart_line_quantity(cart, i),
                         (long long)shop_cart_line_kept_price_minor(cart, i));
  shop_session_free(session);
  return text;
}

static int64_t version_of(struct pair *pair) {
  shop_session_t *session = session_of(pair->world, pair->ada);
  int64_t version = shop_cart_version(shop_session_cart(session));

  shop_session_free(session);
  return version;
}

static int64_t held_until(struct pair *pair) {
  shop_session_t *session = session_of(pair->world, pair->ada);
  int64_t until_ms = shop_cart_held_until_ms(shop_session_cart(session));

  shop_session_free(session);
  return until_ms;
}

/* ---- the rule of the lines ---------------------------------------------------------------- */

/* Who has no cart gets the guest's as it is: id, hold and kept prices; its version rises. */
START_TEST(the_account_has_none) {
  struct world *world = world_new();
  struct pair pair = {.world = world};
  shop_session_t *session;
  const shop_cart_t *cart;
  shop_order_t *order = NULL;
  shop_options_t *options;
  shop_cart_t *changed = NULL;

  put_wares(world);
  pair.ada = world_register(world, ADA);
  pair.guest = guest(world);
  pair.guest_cart = world_cart(world, pair.guest);
  world_add(world, pair.guest, pair.guest_cart, "TEA", 2);
  hold(world, pair.guest, pair.guest_cart, 5 * MINUTE_MS);
  world_pass_ms(world, MINUTE_MS);
  join(&pair);
  session = session_of(world, pair.out);
  cart = shop_session_cart(session);
  ck_assert_int_eq(shop_cart_id(cart), pair.guest_cart);
  ck_assert_int_eq(shop_cart_user_id(cart), shop_token_user_id(pair.ada));
  ck_assert_int_eq(shop_cart_version(cart), 4);
  ck_assert_int_eq(shop_cart_held_until_ms(cart), WORLD_START_MS + 5 * MINUTE_MS);
  ck_assert_int_eq(shop_cart_updated_at_ms(cart), WORLD_START_MS + MINUTE_MS);
  ck_assert_str_eq(lines(&pair), "TEA 2 999");
  ck_assert_int_eq(world_reserved(world, "TEA"), 2);
  shop_session_free(session);
  options = options_with_version(3);
  ck_refused(world,
             shop_cart_add(world->shop, pair.ada, pair.guest_cart, "TEA", 1, options, &changed,
                           world->err),
             SHOP_ERR_VERSION);
  shop_options_free(options);
  ck_ok(world, world_buy(world, pair.out, pair.guest_cart, NULL, &order));
  ck_assert_str_eq(shop_order_email(order), ADA);
  shop_order_free(order);
  pair_free(&pair);
}
END_TEST

/* New lines stand behind in their order; of what is in both the higher quantity stays, and the
   price that the account has kept; the cart of the guest is gone. */
START_TEST(lines_join) {
  struct world *world = world_new();
  struct pair pair = pair_in(world);
  int64_t version;

  world_put(world, "PEN", 50, "EUR", SHOP_STOCK_UNLIMITED);
  world_add(world, pair.ada, pair.ada_cart, "TEA", 1);
  world_add(world, pair.ada, pair.ada_cart, "MILK", 5);
  version = version_of(&pair);
  world_put(world, "TEA", 1099, "EUR", 10);
  world_add(world, pair.guest, pair.guest_cart, "PEN", 1);
  world_add(world, pair.guest, pair.guest_cart, "TEA", 3);
  world_add(world, pair.guest, pair.guest_cart, "MUG", 1);
  world_add(world, pair.guest, pair.guest_cart, "MILK", 2);
  world_put(world, "MUG", 450, "EUR", 10);
  join(&pair);
  ck_assert_str_eq(lines(&pair), "TEA 3 999, MILK 5 120, PEN 1 50, MUG 1 500");
  ck_assert_int_eq(version_of(&pair), version + 3);
  ck_assert_int_eq(world_number(world, "SELECT count(*) FROM carts"), 1);
  ck_assert_int_eq(world_number(world, "SELECT count(*) FROM cart_lines"), 4);
  /* What is added after it stands behind it. */
  world_put(world, "CUP", 10, "EUR", 1);
  world_add(world, pair.out, pair.ada_cart, "CUP", 1);
  ck_assert_str_eq(lines(&pair), "TEA 3 999, MILK 5 120, PEN 1 50, MUG 1 500, CUP 1 10");
  ck_assert_int_eq(world_number(world, "SELECT count(*) FROM events WHERE name = 'guest.joined'"),
                   1);
  pair_free(&pair);
}
END_TEST

/* Nothing new is in the guest's cart: the version rises all the same; nothing is in it at all: the
   account's stays untouched, also one that is being bought. */
START_TEST(little_to_join) {
  struct world *world = world_new();
  struct pair pair = pair_in(world);
  shop_order_t *order = NULL;
  int64_t version;

  world_add(world, pair.ada, pair.ada_cart, "TEA", 2);
  world_add(world, pair.guest, pair.guest_cart, "TEA", 2);
  version = version_of(&pair);
  join(&pair);
  ck_assert_int_eq(version_of(&pair), version + 1);
  ck_assert_str_eq(lines(&pair), "TEA 2 999");
  for (int with_cart = 0; with_cart < 2; with_cart++) {
    shop_token_free(pair.guest);
    shop_token_free(pair.out);
    pair.guest = guest(world);
    if (with_cart)
      (void)world_cart(world, pair.guest);
    join(&pair);
    ck_assert_int_eq(version_of(&pair), version + 1);
  }
  world->gateway.mood = GATEWAY_PENDS;
  ck_status(world, world_buy(world, pair.ada, pair.ada_cart, NULL, &order), SHOP_PENDING);
  shop_order_free(order);
  shop_token_free(pair.guest);
  shop_token_free(pair.out);
  pair.guest = guest(world);
  join(&pair);
  ck_assert_int_eq(world_number(world, "SELECT count(*) FROM carts"), 1);
  pair_free(&pair);
}
END_TEST

/* An account whose cart is empty takes all; so does one whose cart has expired. */
START_TEST(an_empty_cart_of_the_account) {
  struct world *world = world_prepare();
  struct pair pair;

  ck_assert_int_eq(shop_config_set_cart_life_ms(world->config, MINUTE_MS), SHOP_OK);
  world_open(world);
  pair = pair_in(world);
  world_add(world, pair.guest, pair.guest_cart, "TEA", 2);
  world_add(world, pair.guest, pair.guest_cart, "MUG", 1);
  join(&pair);
  ck_assert_str_eq(lines(&pair), "TEA 2 999, MUG 1 500");
  shop_token_free(pair.guest);
  shop_token_free(pair.out);
  world_pass_ms(world, 2 * MINUTE_MS);
  ck_ok(world, shop_maintain(world->shop, NULL, world->err));
  pair.guest = guest(world);
  pair.guest_cart = world_cart(world, pair.guest);
  world_add(world, pair.guest, pair.guest_cart, "MILK", 1);
  join(&pair);
  ck_assert_str_eq(lines(&pair), "MILK 1 120");
  pair_free(&pair);
}
END_TEST

/* ---- what cannot be joined ----------------------------------------------------------------- */

START_TEST(the_account_is_buying) {
  struct world *world = world_new();
  struct pair pair = pair_in(world);
  shop_order_t *order = NULL;

  world_add(world, pair.ada, pair.ada_cart, "TEA", 1);
  world_add(world, pair.guest, pair.guest_cart, "TEA", 1);
  world->gateway.mood = GATEWAY_PENDS;
  ck_status(world, world_buy(world, pair.ada, pair.ada_cart, NULL, &order), SHOP_PENDING);
  shop_order_free(order);
  ck_no_join(&pair, SHOP_ERR_CART_BUSY);
  pair_free(&pair);
}
END_TEST

/* As many lines as there may be are joined; with one more none is. */
START_TEST(too_many_lines) {
  struct world *world = world_prepare();
  struct pair pair;

  ck_assert_int_eq(shop_config_set_cart_lines_max(world->config, 2), SHOP_OK);
  world_open(world);
  pair = pair_in(world);
  world_add(world, pair.ada, pair.ada_cart, "TEA", 1);
  world_add(world, pair.guest, pair.guest_cart, "MUG", 1);
  world_add(world, pair.guest, pair.guest_cart, "MILK", 1);
  hold(world, pair.guest, pair.guest_cart, MINUTE_MS);
  ck_no_join(&pair, SHOP_ERR_CART_FULL);
  ck_assert_int_eq(world_reserved(world, "MUG"), 1);
  world_vandalise(world,
                  "DELETE FROM cart_lines WHERE cart_id <> (SELECT min(id) FROM carts) AND"
                  " position = 2; UPDATE carts SET line_count = 1 WHERE line_count = 2;"
                  " UPDATE products SET reserved = 0, available = 10 WHERE sku = 'MUG'");
  shop_token_free(pair.out);
  join(&pair);
  ck_assert_str_eq(lines(&pair), "TEA 1 999, MILK 1 120");
  pair_free(&pair);
}
END_TEST

/* The limit was lowered meanwhile: the guest's line would raise the account's above it. */
START_TEST(too_many_pieces) {
  struct world *world = world_prepare();
  struct pair pair;

  world_open(world);
  pair = pair_in(world);
  world_add(world, pair.ada, pair.ada_cart, "TEA", 3);
  world_add(world, pair.guest, pair.guest_cart, "TEA", 6);
  ck_assert_int_eq(shop_config_set_quantity_max(world->config, 5), SHOP_OK);
  world_reopen(world);
  ck_no_join(&pair, SHOP_ERR_QUANTITY);
  pair_free(&pair);
}
END_TEST

START_TEST(two_currencies) {
  struct world *world = world_new();
  struct pair pair = pair_in(world);

  world_put(world, "RICE", 300, "JPY", 10);
  world_add(world, pair.ada, pair.ada_cart, "TEA", 1);
  world_add(world, pair.guest, pair.guest_cart, "RICE", 1);
  ck_no_join(&pair, SHOP_ERR_CURRENCY_MIXED);
  pair_free(&pair);
}
END_TEST

/* A total that could not be read is not made. */
START_TEST(a_total_that_does_not_fit) {
  struct world *world = world_new();
  struct pair pair = pair_in(world);

  world_put(world, "MOON", (INT64_C(1) << 53) - 1, "EUR", 10);
  world_put(world, "SUN", (INT64_C(1) << 53) - 1, "EUR", 10);
  world_add(world, pair.ada, pair.ada_cart, "SUN", 600);
  world_add(world, pair.guest, pair.guest_cart, "MOON", 600);
  ck_no_join(&pair, SHOP_ERR_OVERFLOW);
  pair_free(&pair);
}
END_TEST

/* ---- holds ------------------------------------------------------------------------------------
 */

/* Both are held, of both the last pieces: the joined cart holds every piece once, until the earlier
   end, and what is in both carts is free again. */
START_TEST(both_are_held) {
  struct world *world = world_new();
  struct pair pair = pair_in(world);

  world_add(world, pair.ada, pair.ada_cart, "TEA", 4);
  world_add(world, pair.ada, pair.ada_cart, "MILK", 10);
  world_add(world, pair.guest, pair.guest_cart, "TEA", 6);
  hold(world, pair.ada, pair.ada_cart, 9 * MINUTE_MS);
  world_pass_ms(world, MINUTE_MS);
  hold(world, pair.guest, pair.guest_cart, 5 * MINUTE_MS);
  ck_assert_int_eq(world_available(world, "TEA"), 0);
  join(&pair);
  ck_assert_int_eq(held_until(&pair), WORLD_START_MS + 6 * MINUTE_MS);
  ck_assert_str_eq(lines(&pair), "TEA 6 999, MILK 10 120");
  ck_assert_int_eq(world_reserved(world, "TEA"), 6);
  ck_assert_int_eq(world_reserved(world, "MILK"), 10);
  world_pass_ms(world, 5 * MINUTE_MS); /* and then it ends, whole */
  ck_ok(world, shop_maintain(world->shop, NULL, world->err));
  ck_assert_int_eq(world_reserved(world, "TEA") + world_reserved(world, "MILK"), 0);
  pair_free(&pair);
}
END_TEST

/* One is held, whosever: then all of the joined cart is. */
START_TEST(one_is_held) {
  for (int of_guest = 0; of_guest < 2; of_guest++) {
    struct world *world = world_new();
    struct pair pair = pair_in(world);

    world_add(world, pair.ada, pair.ada_cart, "TEA", 4);
    world_add(world, pair.guest, pair.guest_cart, "MUG", 2);
    if (of_guest)
      hold(world, pair.guest, pair.guest_cart, 5 * MINUTE_MS);
    else
      hold(world, pair.ada, pair.ada_cart, 5 * MINUTE_MS);
    world_pass_ms(world, MINUTE_MS);
    join(&pair);
    ck_assert_int_eq(held_until(&pair), WORLD_START_MS + 5 * MINUTE_MS);
    ck_assert_int_eq(world_reserved(world, "TEA"), 4);
    ck_assert_int_eq(world_reserved(world, "MUG"), 2);
    pair_free(&pair);
  }
}
END_TEST

/* What is not there cannot be held: then nothing is, and every piece that was is free. MILK is the
   last to be tried, so others were set aside before it. */
START_TEST(too_few_to_hold) {
  struct world *world = world_new();
  struct pair pair = pair_in(world);

  world_add(world, pair.ada, pair.ada_cart, "MILK", 10);
  world_add(world, pair.guest, pair.guest_cart, "TEA", 10);
  world_add(world, pair.guest, pair.guest_cart, "MUG", 3);
  hold(world, pair.guest, pair.guest_cart, 5 * MINUTE_MS);
  world_put(world, "MILK", 120, "EUR", 9);
  join(&pair);
  ck_assert_int_eq(held_until(&pair), 0);
  ck_assert_str_eq(lines(&pair), "MILK 10 120, TEA 10 999, MUG 3 500");
  ck_assert_int_eq(world_available(world, "TEA"), 10);
  ck_assert_int_eq(world_available(world, "MUG"), 10);
  ck_assert_int_eq(world_available(world, "MILK"), 9);
  ck_assert_int_eq(world_number(world, "SELECT sum(reserved) FROM products"), 0);
  pair_free(&pair);
}
END_TEST

/* What could not be bought is not held. */
START_TEST(retired_is_not_held) {
  struct world *world = world_new();
  struct pair pair = pair_in(world);

  world_add(world, pair.ada, pair.ada_cart, "MILK", 1);
  world_add(world, pair.guest, pair.guest_cart, "TEA", 1);
  hold(world, pair.guest, pair.guest_cart, 5 * MINUTE_MS);
  ck_ok(world, shop_product_retire(world->shop, "MILK", NULL, world->err));
  join(&pair);
  ck_assert_int_eq(held_until(&pair), 0);
  ck_assert_int_eq(world_reserved(world, "TEA"), 0);
  pair_free(&pair);
}
END_TEST

/* A hold whose time is over is none; its pieces are free with the joining. */
START_TEST(holds_that_are_over) {
  struct world *world = world_new();
  struct pair pair = pair_in(world);

  world_add(world, pair.ada, pair.ada_cart, "TEA", 4);
  world_add(world, pair.guest, pair.guest_cart, "TEA", 6);
  hold(world, pair.ada, pair.ada_cart, MINUTE_MS);
  hold(world, pair.guest, pair.guest_cart, MINUTE_MS);
  world_pass_ms(world, MINUTE_MS);
  join(&pair);
  ck_assert_int_eq(held_until(&pair), 0);
  ck_assert_int_eq(world_available(world, "TEA"), 10);
  pair_free(&pair);
}
END_TEST

/* Nobody keeps pieces for ever by coming as one guest after the other: what was held for the limit
   in a row is left free, whoever joins. */
START_TEST(not_for_ever) {
  struct world *world = world_prepare();
  struct pair pair;
  shop_cart_t *cart = NULL;

  ck_assert_int_eq(shop_config_set_cart_hold_max_ms(world->config, 10 * MINUTE_MS), SHOP_OK);
  world_open(world);
  pair = pair_in(world);
  world_add(world, pair.ada, pair.ada_cart, "TEA", 10);
  hold(world, pair.ada, pair.ada_cart, 10 * MINUTE_MS);
  world_pass_ms(world, 6 * MINUTE_MS);
  ck_ok(world, shop_cart_release(world->shop, pair.ada, pair.ada_cart, NULL, &cart, world->err));
  shop_cart_free(cart);
  world_add(world, pair.guest, pair.guest_cart, "MUG", 1);
  hold(world, pair.guest, pair.guest_cart, 10 * MINUTE_MS);
  join(&pair); /* held again, but not for longer than the account may */
  ck_assert_int_eq(held_until(&pair), WORLD_START_MS + 10 * MINUTE_MS);
  world_pass_ms(world, 5 * MINUTE_MS);
  shop_token_free(pair.guest);
  shop_token_free(pair.out);
  pair.guest = guest(world);
  pair.guest_cart = world_cart(world, pair.guest);
  world_add(world, pair.guest, pair.guest_cart, "MUG", 1);
  hold(world, pair.guest, pair.guest_cart, 10 * MINUTE_MS);
  join(&pair);
  ck_assert_int_eq(held_until(&pair), 0);
  ck_assert_int_eq(world_available(world, "TEA"), 10);
  ck_refused(
      world,
      shop_cart_hold(world->shop, pair.ada, pair.ada_cart, MINUTE_MS, NULL, &cart, world->err),
      SHOP_ERR_STATE);
  pair_free(&pair);
}
END_TEST

/* A clock that was set back behind both beginnings: neither hold is on. */
START_TEST(a_clock_set_back) {
  struct world *world = world_new();
  struct pair pair = pair_in(world);

  world_add(world, pair.ada, pair.ada_cart, "TEA", 4);
  world_add(world, pair.guest, pair.guest_cart, "TEA", 6);
  hold(world, pair.ada, pair.ada_cart, MINUTE_MS);
  hold(world, pair.guest, pair.guest_cart, MINUTE_MS);
  world_pass_ms(world, -30000);
  join(&pair);
  ck_assert_int_eq(held_until(&pair), 0);
  ck_assert_int_eq(world_available(world, "TEA"), 10);
  pair_free(&pair);
}
END_TEST

/* ---- any two carts
 * ------------------------------------------------------------------------------- */

enum { WARES = 5, MEETINGS = 200 };

/* One of the two, as it should be. */
struct side {
  const shop_token_t *token;
  int64_t cart_id;
  int64_t quantity[WARES], price[WARES];
  int order[WARES], count;  /* the wares in the order in which they were added */
  int64_t start_ms, end_ms; /* of the hold; 0: none was begun */
};

static uint64_t dice;

static int64_t below(int64_t limit) {
  dice ^= dice >> 12;
  dice ^= dice << 25;
  dice ^= dice >> 27;
  return (int64_t)((dice * UINT64_C(2685821657736338717)) >> 33) % limit;
}

static const char *ware(int at) {
  static const char *const skus[WARES] = {"TEA", "MILK", "MUG", "PEN", "CUP"};

  return skus[at];
}

static void fill(struct world *world, struct side *side, const int64_t price[WARES]) {
  for (int64_t i = below(WARES + 1); i > 0; i--) {
    int at = (int)below(WARES);
    int64_t quantity = 1 + below(4);

    world_add(world, side->token, side->cart_id, ware(at), quantity);
    if (side->quantity[at] == 0)
      side->order[side->count++] = at;
    side->quantity[at] += quantity;
    side->price[at] = price[at];
  }
}

static void try_to_hold(struct world *world, struct side *side) {
  int64_t length_ms = (1 + below(10)) * MINUTE_MS, now_ms = atomic_load(&world->now_ms);
  shop_cart_t *cart = NULL;

  if (below(3) > 0 && shop_cart_hold(world->shop, side->token, side->cart_id, length_ms, NULL,
                                     &cart, world->err) == SHOP_OK) {
    side->start_ms = now_ms;
    side->end_ms = now_ms + length_ms;
  }
  shop_cart_free(cart);
}

/* The rule of guest.h, by itself. */
static void join_sides(struct side *into, const struct side *from) {
  for (int i = 0; i < from->count; i++) {
    int at = from->order[i];

    if (into->quantity[at] == 0) {
      into->order[into->count++] = at;
      into->price[at] = from->price[at];
    }
    if (into->quantity[at] < from->quantity[at])
      into->quantity[at] = from->quantity[at];
  }
}

static int64_t end_of_both(const struct side *a, const struct side *b, int64_t now_ms) {
  const struct side *sides[] = {a, b};
  int64_t start_ms = INT64_MAX, end_ms = INT64_MAX;

  for (int i = 0; i < 2; i++) {
    if (sides[i]->start_ms == 0)
      continue;
    if (sides[i]->start_ms < start_ms)
      start_ms = sides[i]->start_ms;
    if (sides[i]->end_ms > now_ms && sides[i]->end_ms < end_ms)
      end_ms = sides[i]->end_ms;
  }
  if (end_ms == INT64_MAX)
    return 0;
  return end_ms < start_ms + 15 * MINUTE_MS ? end_ms : start_ms + 15 * MINUTE_MS;
}

static void ck_joined(struct world *world, const struct side *side, const int64_t stock[WARES],
                      int64_t held_until_ms) {
  shop_session_t *session = session_of(world, side->token);
  const shop_cart_t *cart = shop_session_cart(session);

  for (int at = 0; at < WARES; at++)
    if (side->quantity[at] > stock[at])
      held_until_ms = 0;
  ck_assert_int_eq(shop_cart_line_count(cart), side->count);
  for (int i = 0; i < side->count; i++) {
    int at = side->order[i];

    ck_assert_str_eq(shop_cart_line_sku(cart, i), ware(at));
    ck_assert_int_eq(shop_cart_line_quantity(cart, i), side->quantity[at]);
    ck_assert_int_eq(shop_cart_line_kept_price_minor(cart, i), side->price[at]);
  }
  ck_assert_int_eq(shop_cart_held_until_ms(cart), held_until_ms);
  for (int at = 0; at < WARES; at++) {
    int64_t held = held_until_ms == 0 ? 0 : side->quantity[at];

    ck_assert_int_eq(world_reserved(world, ware(at)), held);
    ck_assert_int_eq(world_available(world, ware(at)), stock[at] - held);
  }
  shop_session_free(session);
}

static void meet(struct world *world, int round) {
  struct side ada = {.count = 0}, other = {.count = 0};
  shop_token_t *tokens[2] = {NULL, guest(world)}, *out = NULL;
  int64_t price[WARES], stock[WARES];
  shop_cart_t *cart = NULL;
  char email[40];

  snprintf(email, sizeof email, "u%d@example.org", round);
  tokens[0] = world_register(world, email);
  ada = (struct side){.token = tokens[0], .cart_id = world_cart(world, tokens[0])};
  other = (struct side){.token = tokens[1], .cart_id = world_cart(world, tokens[1])};
  for (int turn = 0; turn < 2; turn++) {
    for (int at = 0; at < WARES; at++) {
      price[at] = 100 + below(3);
      stock[at] = 3 + below(9);
      world_put(world, ware(at), price[at], "EUR", stock[at]);
    }
    fill(world, turn == 0 ? &ada : &other, price);
    try_to_hold(world, turn == 0 ? &ada : &other);
    world_pass_ms(world, below(8) * MINUTE_MS);
  }
  ck_ok(world, shop_guest_login(world->shop, tokens[1], email, PASSWORD, NULL, &out, world->err));
  if (other.count > 0) {
    join_sides(&ada, &other);
    ck_joined(world, &ada, stock, end_of_both(&ada, &other, atomic_load(&world->now_ms)));
  }
  ck_ok(world, shop_cart_clear(world->shop, tokens[0], ada.cart_id, NULL, &cart, world->err));
  shop_cart_free(cart);
  world_verify(world, 0); /* a hold beyond what was counted since is over, too */
  shop_token_free(tokens[0]);
  shop_token_free(tokens[1]);
  shop_token_free(out);
}

/* Carts, holds, stock and times that were drawn: what comes out is the rule, and every piece is
   there once. */
START_TEST(any_two_carts) {
  struct world *world = world_prepare();

  ck_assert_int_eq(shop_config_set_durability(world->config, SHOP_DURABILITY_NORMAL), SHOP_OK);
  world_open(world);
  dice = 20261122;
  for (int round = 0; round < MEETINGS; round++)
    meet(world, round);
  ck_assert_int_eq(world_number(world, "SELECT sum(reserved) FROM products"), 0);
  world_free(world);
}
END_TEST

/* ---- who may ------------------------------------------------------------------------------------
 */

/* A wrong password counts as at every login, and changes nothing else; the guest shops on. */
START_TEST(a_wrong_password) {
  struct world *world = world_new();
  struct pair pair = pair_in(world);

  world_add(world, pair.guest, pair.guest_cart, "TEA", 1);
  for (int i = 0; i < 6; i++)
    ck_refused(world, login(world, pair.guest, "a wrong password", &pair.out),
               SHOP_ERR_CREDENTIALS);
  ck_assert_int_eq(world_number(world, "SELECT max(failures) FROM guesses"), 6);
  ck_refused(world, login(world, pair.guest, PASSWORD, &pair.out), SHOP_ERR_THROTTLED);
  ck_refused(world,
             shop_guest_login(world->shop, pair.guest, "nobody@example.org", PASSWORD, NULL,
                              &pair.out, world->err),
             SHOP_ERR_CREDENTIALS);
  ck_refused(world,
             shop_guest_login(world->shop, pair.guest, "no address", PASSWORD, NULL, &pair.out,
                              world->err),
             SHOP_ERR_CREDENTIALS);
  world_pass_ms(world, 60 * MINUTE_MS);
  join(&pair);
  pair_free(&pair);
}
END_TEST

/* Only a guest's token that is good now, which is asked before the password: a stolen list of
   passwords cannot be tried with a token that is none, and costs nobody a wait. */
START_TEST(tokens_that_are_no_guests) {
  struct world *world = world_new(), *other = world_new();
  shop_token_t *ada = world_register(world, ADA), *foreign = guest(other), *out = NULL, *token;
  int64_t id;

  ck_refused(world, login(world, ada, PASSWORD, &out), SHOP_ERR_STATE);
  ck_refused(world, login(world, ada, "a wrong password", &out), SHOP_ERR_STATE);
  ck_refused(world, login(world, foreign, PASSWORD, &out), SHOP_ERR_FOREIGN);
  ck_refused(world, login(world, NULL, PASSWORD, &out), SHOP_ERR_ARGUMENT);
  token = guest(world);
  ck_refused(world, login(world, token, "", &out), SHOP_ERR_ARGUMENT);
  ck_refused(world, login(world, token, NULL, &out), SHOP_ERR_ARGUMENT);
  ck_ok(world, shop_token_revoke(world->shop, token, NULL, world->err));
  ck_refused(world, login(world, token, "a wrong password", &out), SHOP_ERR_TOKEN_REVOKED);
  shop_token_free(token);
  token = guest(world);
  id = shop_token_user_id(token);
  ck_ok(world, shop_user_set_disabled(world->shop, id, true, NULL, world->err));
  ck_refused(world, login(world, token, PASSWORD, &out), SHOP_ERR_USER_DISABLED);
  ck_ok(world, shop_user_erase(world->shop, id, NULL, NULL, world->err));
  ck_refused(world, login(world, token, PASSWORD, &out), SHOP_ERR_TOKEN_INVALID);
  shop_token_free(token);
  token = guest(world);
  world_pass_ms(world, shop_token_expires_at_ms(token) - WORLD_START_MS + 1);
  ck_refused(world, login(world, token, PASSWORD, &out), SHOP_ERR_TOKEN_EXPIRED);
  ck_assert_int_eq(world_number(world, "SELECT count(*) FROM guesses"), 0);
  shop_token_free(token);
  shop_token_free(ada);
  shop_token_free(foreign);
  world_free(other);
  world_free(world);
}
END_TEST

/* Accounts that are over: told as at every login. */
START_TEST(accounts_that_are_over) {
  struct world *world = world_new();
  struct pair pair = pair_in(world);
  int64_t id = shop_token_user_id(pair.ada);

  world_add(world, pair.guest, pair.guest_cart, "TEA", 1);
  ck_ok(world, shop_user_set_disabled(world->shop, id, true, NULL, world->err));
  ck_refused(world, login(world, pair.guest, PASSWORD, &pair.out), SHOP_ERR_USER_DISABLED);
  ck_refused(world, login(world, pair.guest, "a wrong password", &pair.out), SHOP_ERR_CREDENTIALS);
  ck_ok(world, shop_user_set_disabled(world->shop, id, false, NULL, world->err));
  shop_token_free(pair.ada);
  ck_ok(world, shop_user_login(world->shop, ADA, PASSWORD, NULL, &pair.ada, world->err));
  ck_ok(world, shop_account_close(world->shop, pair.ada, PASSWORD, NULL, world->err));
  ck_refused(world, login(world, pair.guest, PASSWORD, &pair.out), SHOP_ERR_CREDENTIALS);
  ck_ok(world, shop_user_erase(world->shop, id, NULL, NULL, world->err));
  ck_refused(world, login(world, pair.guest, PASSWORD, &pair.out), SHOP_ERR_CREDENTIALS);
  ck_assert_int_eq(session_status(world, pair.guest), SHOP_OK);
  pair_free(&pair);
}
END_TEST

/* Repeated after a lost answer: the token is revoked, and a plain login finds everything there. */
START_TEST(repeated) {
  struct world *world = world_new();
  struct pair pair = pair_in(world);
  shop_token_t *out = NULL;
  shop_user_t *user = NULL;

  world_add(world, pair.guest, pair.guest_cart, "TEA", 1);
  join(&pair);
  ck_refused(world, login(world, pair.guest, PASSWORD, &out), SHOP_ERR_TOKEN_REVOKED);
  ck_refused(world,
             shop_guest_register(world->shop, pair.guest, "bob@example.org", PASSWORD, NULL, &out,
                                 world->err),
             SHOP_ERR_TOKEN_REVOKED);
  ck_ok(world, shop_user_login(world->shop, ADA, PASSWORD, NULL, &out, world->err));
  ck_assert_str_eq(lines(&pair), "TEA 1 999");
  shop_token_free(out);
  ck_ok(world,
        shop_user_find_by_id(world->shop, shop_token_user_id(pair.guest), &user, world->err));
  ck_assert(shop_user_is_closed(user) && shop_user_is_guest(user));
  shop_user_free(user);
  pair_free(&pair);
}
END_TEST

/* Every token of the guest ends, its refresh token as well; the account gets its own. */
START_TEST(refresh_tokens_end) {
  struct world *world = world_prepare();
  struct pair pair;
  shop_token_t *next = NULL;

  ck_assert_int_eq(shop_config_set_access_life_ms(world->config, 15 * MINUTE_MS), SHOP_OK);
  world_open(world);
  pair = pair_in(world);
  join(&pair);
  ck_refused(
      world,
      shop_token_refresh(world->shop, shop_token_refresh_text(pair.guest), NULL, &next, world->err),
      SHOP_ERR_TOKEN_REVOKED);
  ck_ok(world, shop_token_refresh(world->shop, shop_token_refresh_text(pair.out), NULL, &next,
                                  world->err));
  ck_assert_int_eq(shop_token_user_id(next), shop_token_user_id(pair.ada));
  shop_token_free(next);
  pair_free(&pair);
}
END_TEST

/* ---- races --------------------------------------------------------------------------------------
 */

enum { THREADS = 6, ROUNDS = 12 };

struct rival {
  struct world *world;
  pthread_barrier_t *together;
  const shop_token_t *token;
  int64_t cart_id;
  int role; /* 0 logs in, 1 adds with the guest's token, 2 buys the account's cart */
  int32_t status;
  int32_t added;
};

static void *act(void *user) {
  struct rival *rival = user;
  shop_t *shop = rival->world->shop;
  shop_token_t *out = NULL;
  shop_cart_t *cart = NULL;
  shop_order_t *order = NULL;

  pthread_barrier_wait(rival->together);
  if (rival->role == 0)
    rival->status = shop_guest_login(shop, rival->token, ADA, PASSWORD, NULL, &out, NULL);
  else if (rival->role == 2)
    rival->status =
        form_buy(shop, rival->token, rival->cart_id, &(struct form){.method = CARD}, &order, NULL);
  else
    do {
      rival->status =
          shop_cart_add(shop, rival->token, rival->cart_id, "TEA", 1, NULL, &cart, NULL);
      rival->added += rival->status == SHOP_OK;
      shop_cart_free(cart);
    } while (rival->status == SHOP_OK && rival->added < 100);
  shop_token_free(out);
  shop_order_free(order);
  return NULL;
}

static void race(struct rival *rivals, int count) {
  pthread_barrier_t together;
  pthread_t threads[THREADS];

  pthread_barrier_init(&together, NULL, (unsigned)count);
  for (int i = 0; i < count; i++) {
    rivals[i].together = &together;
    ck_assert_int_eq(pthread_create(&threads[i], NULL, act, &rivals[i]), 0);
  }
  for (int i = 0; i < count; i++)
    ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
  pthread_barrier_destroy(&together);
}

/* Guests with a ware of their own log in to one account at once: all lines are there, each once,
   and held pieces are the cart's or free. */
START_TEST(many_guests_one_account) {
  struct world *world = world_new();
  shop_token_t *ada = world_register(world, ADA), *tokens[THREADS];
  struct rival rivals[THREADS];
  char sku[20];

  for (int i = 0; i < THREADS; i++) {
    int64_t cart_id;

    snprintf(sku, sizeof sku, "SKU-%d", i);
    world_put(world, sku, 100, "EUR", 3);
    tokens[i] = guest(world);
    cart_id = world_cart(world, tokens[i]);
    world_add(world, tokens[i], cart_id, sku, 3);
    if (i % 2 == 0)
      hold(world, tokens[i], cart_id, 5 * MINUTE_MS);
    rivals[i] = (struct rival){.world = world, .token = tokens[i]};
  }
  race(rivals, THREADS);
  for (int i = 0; i < THREADS; i++) {
    ck_assert_int_eq(rivals[i].status, SHOP_OK);
    ck_assert_int_eq(session_status(world, tokens[i]), SHOP_ERR_TOKEN_REVOKED);
    shop_token_free(tokens[i]);
  }
  ck_assert_int_eq(world_number(world, "SELECT count(*) FROM carts"), 1);
  ck_assert_int_eq(world_number(world, "SELECT count(*) FROM cart_lines"), THREADS);
  ck_assert_int_eq(world_number(world, "SELECT line_count FROM carts"), THREADS);
  ck_assert_int_eq(world_number(world, "SELECT sum(reserved) FROM products"), THREADS * 3);
  world_verify(world, 0);
  shop_token_free(ada);
  world_free(world);
}
END_TEST

/* A guest logs in in several places, and adds meanwhile: one of them gets in, and what was said to
   be added is in the account's cart. */
START_TEST(one_guest_many_logins) {
  struct world *world = world_new();
  shop_token_t *ada = world_register(world, ADA);

  world_put(world, "TEA", 1, "EUR", SHOP_STOCK_UNLIMITED);
  for (int round = 0; round < ROUNDS; round++) {
    struct rival rivals[THREADS];
    shop_token_t *token = guest(world);
    int64_t cart_id = world_cart(world, token), winners = 0, added = 0;

    world_vandalise(world,
                    "DELETE FROM cart_lines; UPDATE carts SET line_count = 0,"
                    " currency = NULL");
    for (int i = 0; i < 4; i++)
      rivals[i] = (struct rival){.world = world, .token = token, .cart_id = cart_id, .role = i % 2};
    race(rivals, 4);
    for (int i = 0; i < 4; i++) {
      winners += i % 2 == 0 && rivals[i].status == SHOP_OK;
      added += rivals[i].added;
      if (rivals[i].status != SHOP_OK)
        ck_assert_int_eq(rivals[i].status, SHOP_ERR_TOKEN_REVOKED);
    }
    ck_assert_int_eq(winners, 1);
    ck_assert_int_eq(world_number(world, "SELECT COALESCE(max(quantity), 0) FROM cart_lines"),
                     added);
    shop_token_free(token);
  }
  world_verify(world, 0);
  shop_token_free(ada);
  world_free(world);
}
END_TEST

/* The account's cart is bought while the guest logs in: either it is bought as it was, and what
   the guest has waits for the next one (or the guest for the outcome), or all of it is bought. */
START_TEST(login_while_buying) {
  struct world *world = world_new();
  shop_token_t *ada = world_register(world, ADA);
  int64_t orders_before = 0;

  world_put(world, "TEA", 100, "EUR", 1000);
  world_put(world, "MUG", 10, "EUR", 1000);
  for (int round = 0; round < ROUNDS; round++) {
    struct rival rivals[2];
    shop_token_t *token = guest(world);
    int64_t guest_cart = world_cart(world, token), cart_id, taken;
    shop_cart_t *cart = NULL;

    ck_ok(world, shop_cart_create(world->shop, ada, NULL, &cart, world->err));
    cart_id = shop_cart_id(cart);
    shop_cart_free(cart);
    ck_ok(world, shop_cart_clear(world->shop, ada, cart_id, NULL, &cart, world->err));
    shop_cart_free(cart);
    world_add(world, ada, cart_id, "TEA", 1);
    world_add(world, token, guest_cart, "MUG", 1);
    if (round % 2 == 0)
      hold(world, token, guest_cart, 5 * MINUTE_MS);
    rivals[0] = (struct rival){.world = world, .token = token};
    rivals[1] = (struct rival){.world = world, .token = ada, .cart_id = cart_id, .role = 2};
    race(rivals, 2);
    ck_assert_int_eq(rivals[1].status, SHOP_OK);
    ck_assert(rivals[0].status == SHOP_OK || rivals[0].status == SHOP_ERR_CART_BUSY);
    taken = world_number(world, "SELECT total_minor FROM orders ORDER BY id DESC LIMIT 1");
    if (rivals[0].status == SHOP_OK && taken == 100) /* the guest came after it */
      ck_assert_int_eq(world_number(world,
                                    "SELECT line_count FROM carts WHERE state = 1"
                                    " AND user_id = (SELECT min(id) FROM users)"),
                       1);
    else
      ck_assert_int_eq(taken, rivals[0].status == SHOP_OK ? 110 : 100);
    ck_assert_int_eq(session_status(world, token),
                     rivals[0].status == SHOP_OK ? SHOP_ERR_TOKEN_REVOKED : SHOP_OK);
    ck_assert_int_eq(world_number(world, "SELECT count(*) FROM orders"), ++orders_before);
    shop_token_free(token);
  }
  world_close_books(world, 0);
  shop_token_free(ada);
  world_free(world);
}
END_TEST

/* ---- processes ----------------------------------------------------------------------------------
 */

/* Adds by the token that it hears until that is over; tells how often it was told that it has. */
static void add_until_it_is_over(struct world *world, struct peer *peer) {
  shop_token_t *token = NULL;
  shop_cart_t *cart = NULL;
  char text[3000];
  int64_t cart_id;
  int32_t added = 0, status = SHOP_OK;

  peer_hear(peer, text, sizeof text);
  world_open(world);
  ck_ok(world, shop_token_verify(world->shop, text, &token, world->err));
  ck_ok(world, shop_cart_create(world->shop, token, NULL, &cart, world->err));
  cart_id = shop_cart_id(cart);
  shop_cart_free(cart);
  while (status == SHOP_OK) {
    bool adds = added < 500; /* a line has a limit, the other's time has none */

    status = adds ? shop_cart_add(world->shop, token, cart_id, "TEA", 1, NULL, &cart, world->err)
                  : shop_cart_get(world->shop, token, cart_id, &cart, world->err);
    added += adds && status == SHOP_OK;
    shop_cart_free(cart);
    if (status == SHOP_OK && adds && added == 3) /* it is on its way: the other may log in */
      peer_tell(peer, "adding");
  }
  ck_status(world, status, SHOP_ERR_TOKEN_REVOKED);
  snprintf(text, sizeof text, "%d", (int)added);
  peer_tell(peer, text);
  shop_token_free(token);
  ck_assert_int_eq(shop_close(world->shop), SHOP_OK);
}

/* A guest logs in here and adds in another process: the token ends there at the next call, and what
   was said to be added is in the account's cart. */
START_TEST(in_another_process) {
  struct world *world = world_prepare();
  struct peer peer = peer_start(world, add_until_it_is_over);
  struct pair pair;
  char text[40];

  world_open(world);
  pair = pair_in(world);
  world_put(world, "TEA", 999, "EUR", SHOP_STOCK_UNLIMITED);
  world_add(world, pair.ada, pair.ada_cart, "MUG", 1);
  peer_tell(&peer, shop_token_jwt(pair.guest));
  peer_hear(&peer, text, sizeof text);
  join(&pair);
  peer_hear(&peer, text, sizeof text);
  peer_end(&peer);
  ck_assert_int_eq(world_number(world, "SELECT max(quantity) FROM cart_lines"), atoi(text));
  ck_assert_int_eq(world_number(world, "SELECT count(*) FROM carts"), 1);
  pair_free(&pair);
}
END_TEST

int main(void) {
  const TTest *tests[] = {the_account_has_none,
                          lines_join,
                          little_to_join,
                          an_empty_cart_of_the_account,
                          the_account_is_buying,
                          too_many_lines,
                          too_many_pieces,
                          two_currencies,
                          a_total_that_does_not_fit,
                          both_are_held,
                          one_is_held,
                          too_few_to_hold,
                          retired_is_not_held,
                          holds_that_are_over,
                          not_for_ever,
                          any_two_carts,
                          a_clock_set_back,
                          a_wrong_password,
                          tokens_that_are_no_guests,
                          accounts_that_are_over,
                          repeated,
                          refresh_tokens_end,
                          many_guests_one_account,
                          one_guest_many_logins,
                          login_while_buying,
                          in_another_process};

  return HARNESS_RUN("guest login", tests);
}
