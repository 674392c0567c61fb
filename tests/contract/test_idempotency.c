/* Idempotency keys of purchases: one key and one request have one order and one
   charge, whoever repeats them, from where, and whatever has changed in between. */
#include "books.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct form BY_CARD = {.method = CARD, .key = "a key"};

struct scene {
  struct world *world;
  shop_token_t *token;
  int64_t cart_id;
};

static struct scene scene_new(void) {
  struct scene scene = {.world = world_new()};

  world_put(scene.world, "TEA", 999, "EUR", 5);
  scene.token = world_shopper(scene.world, "ada@example.org", "TEA", 2, &scene.cart_id);
  return scene;
}

static void scene_end(struct scene *scene) {
  world_close_books(scene->world, 0);
  shop_token_free(scene->token);
  world_free(scene->world);
}

/* Buys; gives the order's id. */
static int64_t buy(struct scene *scene, const struct form *form, int32_t status) {
  shop_order_t *order = NULL;
  int64_t id;

  ck_status(scene->world, world_purchase(scene->world, scene->token, scene->cart_id, form, &order),
            status);
  id = shop_order_id(order);
  shop_order_free(order);
  return id;
}

/* ---- the same request ---------------------------------------------------- */

/* The result is the stored one: at once, after a restart, after another login, and when nothing of
   what was bought is as it was. */
START_TEST(the_same_request_again) {
  struct scene scene = scene_new();
  struct world *world = scene.world;
  int64_t id = buy(&scene, &BY_CARD, SHOP_OK);
  shop_token_t *again = NULL;

  ck_assert_int_eq(buy(&scene, &BY_CARD, SHOP_OK), id);
  world_reopen(world);
  ck_assert_int_eq(buy(&scene, &BY_CARD, SHOP_OK), id);
  ck_ok(world, shop_user_login(world->shop, "ada@example.org", PASSWORD, NULL, &again, world->err));
  ck_ok(world, shop_token_revoke(world->shop, scene.token, NULL, world->err));
  shop_token_free(scene.token);
  scene.token = again;
  ck_assert_int_eq(buy(&scene, &BY_CARD, SHOP_OK), id);
  world_put(world, "TEA", 1, "JPY", 0);
  ck_ok(world, shop_product_retire(world->shop, "TEA", NULL, world->err));
  ck_assert_int_eq(shop_config_set_gateway_charge(world->config, NULL, NULL), SHOP_OK);
  world_reopen(world);
  world_pass_ms(world, KEY_LIFE_MS);
  ck_assert_int_eq(buy(&scene, &BY_CARD, SHOP_OK), id);
  ck_assert_int_eq(world->gateway.charges, 1);
  ck_assert_int_eq(world->transport.count, 1);
  scene_end(&scene);
}
END_TEST

/* It leaves the store as it was. */
START_TEST(a_repetition_changes_nothing) {
  struct scene scene = scene_new();
  int64_t id = buy(&scene, &BY_CARD, SHOP_OK);
  uint64_t before = world_digest(scene.world);

  ck_assert_int_eq(buy(&scene, &BY_CARD, SHOP_OK), id);
  ck_assert(world_digest(scene.world) == before);
  scene_end(&scene);
}
END_TEST

/* Options that are no part of the request may differ: the deadline and the version seen. */
START_TEST(options_are_not_the_request) {
  struct scene scene = scene_new();
  struct form form = {.method = CARD, .key = "a key", .version = 2};
  int64_t id = buy(&scene, &form, SHOP_OK);

  form.deadline_ms = 1000;
  ck_assert_int_eq(buy(&scene, &form, SHOP_OK), id);
  scene_end(&scene);
}
END_TEST

/* What costs nothing has keys as well. */
START_TEST(a_free_order_again) {
  struct scene scene = scene_new();
  struct form form = {.key = "free", .adjustments = {{SHOP_ADJUSTMENT_DISCOUNT, "Gift", -1998}}};
  int64_t id = buy(&scene, &form, SHOP_OK);

  ck_assert_int_eq(buy(&scene, &form, SHOP_OK), id);
  ck_assert_int_eq(scene.world->transport.count, 1);
  ck_assert_int_eq(world_number(scene.world, "SELECT count(*) FROM orders"), 1);
  scene_end(&scene);
}
END_TEST

/* ---- another request ----------------------------------------------------- */

#define SHIPPING_7                                                                                 \
  { SHOP_ADJUSTMENT_SHIPPING, "x", 7 }
#define TAX_3                                                                                      \
  { SHOP_ADJUSTMENT_TAX, "y", 3 }
#define FORM(method_, shipping_, billing_, total_, currency_, ...)                                 \
  {                                                                                                \
    .method = method_, .shipping = shipping_, .billing = billing_, .has_total = (total_) != 0,     \
    .key = "a key", .total_minor = total_, .total_currency = currency_, .adjustments = {           \
      __VA_ARGS__                                                                                  \
    }                                                                                              \
  }

/* The first is bought; each of the others differs from it in one way. */
static const struct form FORMS[] = {
    FORM(CARD, "ab", "c", 2008, "EUR", SHIPPING_7, TAX_3),
    FORM("pm_card_other", "ab", "c", 2008, "EUR", SHIPPING_7, TAX_3),
    FORM(NULL, "ab", "c", 2008, "EUR", SHIPPING_7, TAX_3),
    FORM(CARD, NULL, "c", 2008, "EUR", SHIPPING_7, TAX_3),
    FORM(CARD, "ab", NULL, 2008, "EUR", SHIPPING_7, TAX_3),
    FORM(CARD, "a", "bc", 2008, "EUR", SHIPPING_7, TAX_3), /* the same bytes in a row */
    FORM(CARD, "c", "ab", 2008, "EUR", SHIPPING_7, TAX_3),
    FORM(CARD, "ab", "C", 2008, "EUR", SHIPPING_7, TAX_3),
    FORM(CARD, "ab", "c", 0, "EUR", SHIPPING_7, TAX_3),
    FORM(CARD, "ab", "c", 2009, "EUR", SHIPPING_7, TAX_3),
    FORM(CARD, "ab", "c", 2008, "USD", SHIPPING_7, TAX_3),
    FORM(CARD, "ab", "c", 2008, "EUR", SHIPPING_7),
    FORM(CARD, "ab", "c", 2008, "EUR", SHIPPING_7, TAX_3, TAX_3),
    FORM(CARD, "ab", "c", 2008, "EUR", TAX_3, SHIPPING_7),
    FORM(CARD, "ab", "c", 2008, "EUR", {SHOP_ADJUSTMENT_TAX, "x", 7}, TAX_3),
    FORM(CARD, "ab", "c", 2008, "EUR", {SHOP_ADJUSTMENT_SHIPPING, "xx", 7}, TAX_3),
    FORM(CARD, "ab", "c", 2008, "EUR", {SHOP_ADJUSTMENT_SHIPPING, "x", 8}, TAX_3),
};
#define FULL FORMS[0]

/* The same key with any other request is refused, before and after the first has its end. */
START_TEST(another_request) {
  for (int round = 0; round < 2; round++) {
    struct scene scene = scene_new();
    struct world *world = scene.world;
    shop_order_t *order = NULL;
    int64_t other_id;
    shop_token_t *other;

    world->gateway.mood = round == 0 ? GATEWAY_APPROVES : GATEWAY_SAYS_UNKNOWN;
    buy(&scene, &FULL, round == 0 ? SHOP_OK : SHOP_UNKNOWN);
    for (size_t i = 1; i < sizeof FORMS / sizeof FORMS[0]; i++) {
      ck_refused(world, world_purchase(world, scene.token, scene.cart_id, &FORMS[i], &order),
                 SHOP_ERR_KEY_REUSED);
      ck_assert_ptr_null(order);
    }
    ck_refused(world, world_purchase(world, scene.token, scene.cart_id + 1, &FULL, &order),
               SHOP_ERR_KEY_REUSED);
    /* A key is its user's: another may use the same one. */
    other = world_shopper(world, "bob@example.org", "TEA", 2, &other_id);
    world->gateway.mood = GATEWAY_APPROVES;
    ck_ok(world, world_purchase(world, other, other_id, &FULL, &order));
    ck_assert_int_eq(shop_order_user_id(order), shop_token_user_id(other));
    shop_order_free(order);
    shop_token_free(other);
    ck_assert_int_eq(world->gateway.charges, 2);
    scene_end(&scene);
  }
}
END_TEST

/* A key is its operation's: that of a change of the cart is free for the purchase. */
START_TEST(a_key_of_another_operation) {
  struct scene scene = scene_new();
  shop_options_t *options = options_with_key("a key");
  shop_cart_t *cart = NULL;

  ck_ok(scene.world, shop_cart_add(scene.world->shop, scene.token, scene.cart_id, "TEA", 1, options,
                                   &cart, scene.world->err));
  shop_cart_free(cart);
  shop_options_free(options);
  buy(&scene, &BY_CARD, SHOP_OK);
  ck_assert_int_eq(scene.world->gateway.ledger[0].amount_minor, 2997);
  scene_end(&scene);
}
END_TEST

/* Keys are told apart byte by byte, to the last of 255. */
START_TEST(keys_byte_by_byte) {
  struct world *world = world_new();
  shop_token_t *token = world_register(world, "ada@example.org");
  char keys[6][256];
  int64_t ids[6];

  world_put(world, "TEA", 999, "EUR", SHOP_STOCK_UNLIMITED);
  for (int i = 0; i < 3; i++) {
    memset(keys[i], 'k', 255);
    keys[i][255] = '\0';
  }
  keys[1][254] = 'K';
  keys[2][254] = '\0';
  strcpy(keys[3], "k");
  strcpy(keys[4], "k "); /* a space is a byte */
  strcpy(keys[5], "\xC3\xA9");
  for (int i = 0; i < 6; i++) {
    struct form form = {.method = CARD, .key = keys[i]};
    struct scene scene = {world, token, world_cart(world, token)};

    world_add(world, token, scene.cart_id, "TEA", 1);
    ids[i] = buy(&scene, &form, SHOP_OK);
    ck_assert_int_eq(buy(&scene, &form, SHOP_OK), ids[i]);
    for (int j = 0; j < i; j++)
      ck_assert_int_ne(ids[i], ids[j]);
  }
  world_close_books(world, 0);
  shop_token_free(token);
  world_free(world);
}
END_TEST

/* ---- at once ------------------------------------------------------------- */

enum { THREADS = 8 };

struct rusher {
  struct scene *scene;
  pthread_barrier_t *start;
  const struct form *form;
  int32_t status;
  int64_t order_id;
};

static void *rush(void *user) {
  struct rusher *rusher = user;
  const struct scene *scene = rusher->scene;
  shop_order_t *order = NULL;

  pthread_barrier_wait(rusher->start);
  rusher->status =
      form_buy(scene->world->shop, scene->token, scene->cart_id, rusher->form, &order, NULL);
  rusher->order_id = shop_order_id(order);
  shop_order_free(order);
  return NULL;
}

/* One key from many threads at once: one order, one charge, and every call is told of it. */
static void rush_together(struct scene *scene, const struct form *form, bool with_key) {
  struct rusher rushers[THREADS];
  pthread_barrier_t start;
  pthread_t threads[THREADS];
  int32_t bought = 0;
  int64_t id = 0;

  ck_assert_int_eq(pthread_barrier_init(&start, NULL, THREADS), 0);
  for (int i = 0; i < THREADS; i++) {
    rushers[i] = (struct rusher){.scene = scene, .start = &start, .form = form};
    ck_assert_int_eq(pthread_create(&threads[i], NULL, rush, &rushers[i]), 0);
  }
  for (int i = 0; i < THREADS; i++)
    ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
  pthread_barrier_destroy(&start);
  for (int i = 0; i < THREADS; i++) {
    bought += rushers[i].status == SHOP_OK;
    if (rushers[i].status == SHOP_OK)
      id = rushers[i].order_id;
  }
  ck_assert(with_key ? bought >= 1 : bought == 1);
  for (int i = 0; i < THREADS; i++) {
    bool late = !with_key && rushers[i].status == SHOP_ERR_CART_COMPLETED;

    ck_assert_msg(late || rushers[i].status == SHOP_OK || rushers[i].status == SHOP_IN_PROGRESS,
                  "%s", shop_status_name(rushers[i].status));
    ck_assert_int_eq(rushers[i].order_id, late ? 0 : id);
  }
}

START_TEST(one_key_many_threads) {
  for (int round = 0; round < 20; round++) {
    struct scene scene = scene_new();

    rush_together(&scene, &BY_CARD, true);
    ck_assert_int_eq(scene.world->gateway.charges, 1);
    ck_assert_int_eq(scene.world->gateway.count, 1);
    ck_assert_int_eq(scene.world->transport.count, 1);
    ck_assert_int_eq(world_number(scene.world, "SELECT count(*) FROM orders"), 1);
    ck_assert_int_eq(world_available(scene.world, "TEA"), 3);
    scene_end(&scene);
  }
}
END_TEST

/* Without a key the cart alone sees to it. */
START_TEST(no_key_many_threads) {
  for (int round = 0; round < 20; round++) {
    struct scene scene = scene_new();

    rush_together(&scene, &(struct form){.method = CARD}, false);
    ck_assert_int_eq(scene.world->gateway.charges, 1);
    ck_assert_int_eq(world_number(scene.world, "SELECT count(*) FROM orders"), 1);
    scene_end(&scene);
  }
}
END_TEST

/* A free order at once, with a key and without. */
START_TEST(free_orders_many_threads) {
  for (int round = 0; round < 20; round++) {
    struct scene scene = scene_new();
    struct form form = {.key = round % 2 == 0 ? "free" : NULL,
                        .adjustments = {{SHOP_ADJUSTMENT_DISCOUNT, "Gift", -1998}}};

    rush_together(&scene, &form, round % 2 == 0);
    ck_assert_int_eq(scene.world->transport.count, 1);
    ck_assert_int_eq(world_number(scene.world, "SELECT count(*) FROM orders"), 1);
    scene_end(&scene);
  }
}
END_TEST

/* ---- two processes ------------------------------------------------------- */

enum { ROUNDS = 40 };

/* Buys with the key of the round, when told; answers with the order's id. */
static void other_process(struct world *world, struct peer *peer) {
  shop_token_t *token = NULL;
  char told[5000], answer[80], key[40];

  world_open(world);
  peer_hear(peer, told, sizeof told);
  ck_ok(world, shop_token_verify(world->shop, told, &token, world->err));
  for (int round = 0; round < ROUNDS; round++) {
    shop_order_t *order = NULL;
    int32_t status;
    int64_t cart_id;

    peer_hear(peer, told, sizeof told);
    cart_id = strtoll(told, NULL, 10);
    snprintf(key, sizeof key, "round %d", round);
    peer_tell(peer, "ready");
    peer_hear(peer, told, sizeof told);
    status = world_buy(world, token, cart_id, key, &order);
    snprintf(answer, sizeof answer, "%d %lld", status, (long long)shop_order_id(order));
    shop_order_free(order);
    peer_tell(peer, answer);
  }
  shop_token_free(token);
  ck_assert_int_eq(shop_close(world->shop), SHOP_OK);
}

static void one_round(struct world *world, struct peer *peer, const shop_token_t *token,
                      int round) {
  int64_t cart_id = world_cart(world, token);
  shop_order_t *order = NULL;
  char text[80], key[40];
  int32_t status, other_status;
  int64_t other_id;

  world_add(world, token, cart_id, "TEA", 1);
  snprintf(text, sizeof text, "%lld", (long long)cart_id);
  snprintf(key, sizeof key, "round %d", round);
  peer_tell(peer, text);
  peer_hear(peer, text, sizeof text);
  peer_tell(peer, "go");
  status = world_buy(world, token, cart_id, key, &order);
  peer_hear(peer, text, sizeof text);
  ck_assert_int_eq(sscanf(text, "%" SCNd32 " %" SCNd64, &other_status, &other_id), 2);
  ck_assert(status == SHOP_OK || status == SHOP_IN_PROGRESS);
  ck_assert(other_status == SHOP_OK || other_status == SHOP_IN_PROGRESS);
  ck_assert(status == SHOP_OK || other_status == SHOP_OK);
  ck_assert_int_eq(shop_order_id(order), other_id);
  shop_order_free(order);
}

START_TEST(one_key_two_processes) {
  struct world *world = world_prepare();
  struct gateway *gateway = gateway_share();
  shop_token_t *token;
  struct peer peer;

  ck_assert_int_eq(shop_config_set_gateway_charge(world->config, gateway_charge, gateway), SHOP_OK);
  peer = peer_start(world, other_process);
  world_open(world);
  world_put(world, "TEA", 999, "EUR", SHOP_STOCK_UNLIMITED);
  token = world_register(world, "ada@example.org");
  peer_tell(&peer, shop_token_jwt(token));
  for (int round = 0; round < ROUNDS; round++)
    one_round(world, &peer, token, round);
  peer_end(&peer);
  ck_assert_int_eq(gateway->charges, ROUNDS);
  ck_assert_int_eq(gateway->count, ROUNDS);
  ck_assert_int_eq(world_number(world, "SELECT count(*) FROM orders WHERE status = 2"), ROUNDS);
  ck_assert_int_eq(world_mails(world, "3"), ROUNDS);
  world_verify(world, 0);
  world_check_ledger(world, gateway);
  shop_token_free(token);
  world_free(world);
  gateway_unshare(gateway);
}
END_TEST

int main(void) {
  const TTest *const tests[] = {
      the_same_request_again,
      a_repetition_changes_nothing,
      options_are_not_the_request,
      a_free_order_again,
      another_request,
      a_key_of_another_operation,
      keys_byte_by_byte,
      one_key_many_threads,
      no_key_many_threads,
      free_orders_many_threads,
      one_key_two_processes,
  };

  return HARNESS_RUN("idempotency", tests);
}
