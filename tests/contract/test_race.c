/* Races between threads: nothing is oversold, a payment has one outcome whoever
   brings its answer, and after any disorder the books are right. */
#include "books.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static void start(pthread_t *thread, void *(*run)(void *user), void *user) {
  ck_assert_int_eq(pthread_create(thread, NULL, run, user), 0);
}

static void join(pthread_t thread) {
  ck_assert_int_eq(pthread_join(thread, NULL), 0);
}

/* ---- the last piece ------------------------------------------------------ */

enum { ROUNDS = 200 };

struct rival_buyer {
  struct world *world;
  pthread_barrier_t *together;
  shop_token_t *token;
  int32_t statuses[ROUNDS];
};

/* Each round has a product of its own, of which there is one piece. */
static void *buy_every_last(void *user) {
  struct rival_buyer *buyer = user;
  struct world *world = buyer->world;
  char sku[20];

  for (int i = 0; i < ROUNDS; i++) {
    shop_cart_t *cart = NULL, *filled = NULL;
    shop_order_t *order = NULL;

    snprintf(sku, sizeof sku, "LAST-%d", i);
    ck_assert_int_eq(shop_cart_create(world->shop, buyer->token, NULL, &cart, NULL), SHOP_OK);
    ck_assert_int_eq(
        shop_cart_add(world->shop, buyer->token, shop_cart_id(cart), sku, 1, NULL, &filled, NULL),
        SHOP_OK);
    pthread_barrier_wait(buyer->together);
    buyer->statuses[i] = form_buy(world->shop, buyer->token, shop_cart_id(cart),
                                  &(struct form){.method = CARD}, &order, NULL);
    shop_cart_free(filled);
    filled = NULL;
    if (buyer->statuses[i] != SHOP_OK)
      ck_assert_int_eq(
          shop_cart_clear(world->shop, buyer->token, shop_cart_id(cart), NULL, &filled, NULL),
          SHOP_OK);
    shop_cart_free(filled);
    shop_cart_free(cart);
    shop_order_free(order);
  }
  return NULL;
}

/* Two buy the last piece at once, two hundred times: one has it, the other is told that it is
   gone, and nothing is charged for it. */
START_TEST(the_last_piece) {
  struct world *world = world_prepare();
  struct rival_buyer buyers[2];
  pthread_barrier_t together;
  pthread_t threads[2];
  char text[40];

  ck_assert_int_eq(shop_config_set_mail_at_once(world->config, false), SHOP_OK);
  world_open(world);
  pthread_barrier_init(&together, NULL, 2);
  for (int i = 0; i < ROUNDS; i++) {
    snprintf(text, sizeof text, "LAST-%d", i);
    world_put(world, text, 100, "EUR", 1);
  }
  for (int i = 0; i < 2; i++) {
    snprintf(text, sizeof text, "u%d@example.org", i);
    buyers[i] = (struct rival_buyer){
        .world = world, .together = &together, .token = world_register(world, text)};
  }
  for (int i = 0; i < 2; i++)
    start(&threads[i], buy_every_last, &buyers[i]);
  for (int i = 0; i < 2; i++)
    join(threads[i]);
  for (int i = 0; i < ROUNDS; i++) {
    int winner = buyers[0].statuses[i] == SHOP_OK ? 0 : 1;

    ck_assert_int_eq(buyers[winner].statuses[i], SHOP_OK);
    ck_assert_int_eq(buyers[1 - winner].statuses[i], SHOP_ERR_OUT_OF_STOCK);
  }
  ck_assert_int_eq(world->gateway.charges, ROUNDS);
  ck_assert_int_eq(world_number(world, "SELECT count(*) FROM orders"), ROUNDS);
  ck_assert_int_eq(world_number(world, "SELECT max(available + reserved) FROM products"), 0);
  world_close_books(world, 0);
  shop_token_free(buyers[0].token);
  shop_token_free(buyers[1].token);
  pthread_barrier_destroy(&together);
  world_free(world);
}
END_TEST

/* ---- a hundred pieces ---------------------------------------------------- */

enum { BUYERS = 8, STOCK = 100 };

struct crowd {
  struct world *world;
  pthread_barrier_t *together;
  shop_token_t *token;
  int32_t bought;
};

static void *buy_till_empty(void *user) {
  struct crowd *crowd = user;
  shop_t *shop = crowd->world->shop;
  int32_t status = SHOP_OK;

  pthread_barrier_wait(crowd->together);
  while (status == SHOP_OK) {
    shop_cart_t *cart = NULL, *filled = NULL;
    shop_order_t *order = NULL;

    ck_assert_int_eq(shop_cart_create(shop, crowd->token, NULL, &cart, NULL), SHOP_OK);
    ck_assert_int_eq(
        shop_cart_add(shop, crowd->token, shop_cart_id(cart), "TEA", 1, NULL, &filled, NULL),
        SHOP_OK);
    status = form_buy(shop, crowd->token, shop_cart_id(cart), &(struct form){.method = CARD},
                      &order, NULL);
    crowd->bought += status == SHOP_OK;
    shop_order_free(order);
    shop_cart_free(filled);
    shop_cart_free(cart);
  }
  ck_assert_int_eq(status, SHOP_ERR_OUT_OF_STOCK);
  return NULL;
}

/* Eight buy what there is, piece by piece: exactly a hundred are sold. */
START_TEST(a_hundred_pieces) {
  struct world *world = world_new();
  struct crowd crowd[BUYERS];
  pthread_barrier_t together;
  pthread_t threads[BUYERS];
  int32_t bought = 0;
  char email[40];

  pthread_barrier_init(&together, NULL, BUYERS);
  world_put(world, "TEA", 100, "EUR", STOCK);
  for (int i = 0; i < BUYERS; i++) {
    snprintf(email, sizeof email, "u%d@example.org", i);
    crowd[i] = (struct crowd){world, &together, world_register(world, email), 0};
  }
  for (int i = 0; i < BUYERS; i++)
    start(&threads[i], buy_till_empty, &crowd[i]);
  for (int i = 0; i < BUYERS; i++) {
    join(threads[i]);
    bought += crowd[i].bought;
    shop_token_free(crowd[i].token);
  }
  ck_assert_int_eq(bought, STOCK);
  ck_assert_int_eq(world->gateway.count, STOCK);
  ck_assert_int_eq(world->transport.count, STOCK);
  ck_assert_int_eq(world_available(world, "TEA"), 0);
  ck_assert_int_eq(world_reserved(world, "TEA"), 0);
  world_close_books(world, 0);
  pthread_barrier_destroy(&together);
  world_free(world);
}
END_TEST

/* ---- the cart and the price under a purchase ----------------------------- */

struct meddler {
  struct world *world;
  pthread_barrier_t *together;
  const shop_token_t *token;
  int64_t cart_id;
  int64_t added;
};

static void *add_on(void *user) {
  struct meddler *meddler = user;
  int32_t status = SHOP_OK;

  pthread_barrier_wait(meddler->together);
  while (status == SHOP_OK) {
    shop_cart_t *cart = NULL;

    status = shop_cart_add(meddler->world->shop, meddler->token, meddler->cart_id, "TEA", 1, NULL,
                           &cart, NULL);
    meddler->added += status == SHOP_OK;
    shop_cart_free(cart);
  }
  ck_assert(status == SHOP_ERR_CART_BUSY || status == SHOP_ERR_CART_COMPLETED);
  return NULL;
}

/* What is added while a cart is bought is bought and charged, or refused: never lost. */
START_TEST(adding_while_buying) {
  struct world *world = world_new();
  shop_token_t *token = world_register(world, "ada@example.org");
  pthread_barrier_t together;

  pthread_barrier_init(&together, NULL, 2);
  world_put(world, "TEA", 100, "EUR", SHOP_STOCK_UNLIMITED);
  for (int i = 0; i < 40; i++) {
    struct meddler meddler = {world, &together, token, world_cart(world, token), 0};
    pthread_t thread;
    shop_order_t *order;

    world_add(world, token, meddler.cart_id, "TEA", 1);
    start(&thread, add_on, &meddler);
    pthread_barrier_wait(&together);
    order = world_bought(world, token, meddler.cart_id);
    join(thread);
    ck_assert_int_eq(shop_order_line_quantity(order, 0), 1 + meddler.added);
    ck_assert_int_eq(shop_order_captured_minor(order), 100 * (1 + meddler.added));
    shop_order_free(order);
  }
  world_close_books(world, 0);
  pthread_barrier_destroy(&together);
  shop_token_free(token);
  world_free(world);
}
END_TEST

static _Atomic bool pricing;

static void *price_on(void *user) {
  struct world *world = user;

  for (int i = 0; pricing; i++)
    ck_assert_int_eq(shop_product_put(world->shop, "TEA", "TEA", NULL, i % 2 == 0 ? 200 : 100,
                                      "EUR", SHOP_STOCK_UNLIMITED, NULL, NULL, NULL),
                     SHOP_OK);
  return NULL;
}

/* While the price goes up and down nobody pays another than the one agreed to. */
START_TEST(pricing_while_buying) {
  static const struct form AGREED = {
      .method = CARD, .has_total = true, .total_minor = 100, .total_currency = "EUR"};
  struct world *world = world_new();
  int32_t bought = 0, refused = 0;
  int64_t cart_id;
  shop_token_t *token;
  pthread_t thread;

  world_put(world, "TEA", 100, "EUR", SHOP_STOCK_UNLIMITED);
  token = world_shopper(world, "ada@example.org", "TEA", 1, &cart_id);
  pricing = true;
  start(&thread, price_on, world);
  while (bought < 20 || refused < 20) {
    shop_order_t *order = NULL;
    int32_t status = world_purchase(world, token, cart_id, &AGREED, &order);

    ck_assert(status == SHOP_OK || status == SHOP_ERR_TOTAL_CHANGED);
    bought += status == SHOP_OK;
    refused += status != SHOP_OK;
    if (status == SHOP_OK) {
      ck_assert_int_eq(shop_order_captured_minor(order), 100);
      ck_assert_int_eq(shop_order_line_unit_price_minor(order, 0), 100);
      cart_id = world_cart(world, token);
      world_add(world, token, cart_id, "TEA", 1);
    }
    shop_order_free(order);
  }
  pricing = false;
  join(thread);
  world_close_books(world, 0);
  shop_token_free(token);
  world_free(world);
}
END_TEST

/* ---- a live call and recovery -------------------------------------------- */

/* The live call has taken the money; it and recovery settle at the same moment. */
struct duel {
  struct world *world;
  pthread_barrier_t *together;
  shop_t *other; /* who recovers: the same shop, or another one on the same file */
};

static void duel_after(struct gateway *gateway, void *user) {
  struct duel *duel = user;

  (void)gateway;
  world_pass_ms(duel->world, GATEWAY_LEASE_MS);
  pthread_barrier_wait(duel->together);
}

static void *duel_recover(void *user) {
  struct duel *duel = user;
  shop_recovery_t *recovery = NULL;

  pthread_barrier_wait(duel->together);
  ck_assert_int_eq(shop_recover(duel->other, 10, &recovery, NULL), SHOP_OK);
  ck_assert_int_le(shop_recovery_examined(recovery), 1);
  shop_recovery_free(recovery);
  return NULL;
}

/* One purchase, one recovery; what the purchase answered. */
static int32_t fight(struct duel *duel, const shop_token_t *token, shop_order_t **order) {
  struct world *world = duel->world;
  int64_t cart_id = world_cart(world, token);
  pthread_t thread;
  int32_t status;

  world_add(world, token, cart_id, "TEA", 1);
  world->gateway.hook_user = duel;
  world->gateway.after = duel_after;
  start(&thread, duel_recover, duel);
  status = world_buy(world, token, cart_id, NULL, order);
  join(thread);
  world->gateway.after = NULL;
  return status;
}

static void fight_often(enum gateway_mood query, bool two_shops) {
  struct world *world = world_prepare();
  struct duel duel = {.world = world};
  pthread_barrier_t together;
  shop_token_t *token;
  int64_t late = 0;

  ck_assert_int_eq(shop_config_set_gateway_query(world->config, gateway_query, &world->gateway),
                   SHOP_OK);
  ck_assert_int_eq(pthread_barrier_init(&together, NULL, 2), 0);
  world_open(world);
  world_put(world, "TEA", 100, "EUR", 1000);
  token = world_register(world, "ada@example.org");
  duel.together = &together;
  duel.other = world->shop;
  if (two_shops)
    ck_ok(world, shop_open(world->path, world->config, &duel.other, world->err));
  world->gateway.query_mood = query;
  for (int i = 0; i < 50; i++) {
    shop_order_t *order = NULL, *stored;
    shop_cart_t *cart = NULL;
    int32_t status = fight(&duel, token, &order);

    stored = world_order(world, shop_order_number(order));
    if (status == SHOP_DECLINED) { /* recovery was first: the money is late */
      ck_assert_int_eq(query, GATEWAY_DECLINES);
      ck_assert_int_eq(shop_order_status(stored), SHOP_ORDER_FAILED);
      ck_assert(shop_order_needs_attention(stored));
      late++;
      ck_ok(world, shop_cart_clear(world->shop, token, shop_order_cart_id(stored), NULL, &cart,
                                   world->err));
      shop_cart_free(cart);
    } else {
      ck_assert_int_eq(status, SHOP_OK);
      ck_assert_int_eq(shop_order_status(stored), SHOP_ORDER_PLACED);
      ck_assert(!shop_order_needs_attention(stored));
    }
    ck_assert_int_eq(shop_order_payment_status(stored), SHOP_PAYMENT_CAPTURED);
    ck_assert_int_eq(shop_order_captured_minor(stored), 100);
    shop_order_free(stored);
    shop_order_free(order);
  }
  ck_assert_int_eq(world->gateway.count, 50);
  ck_assert_int_eq(world->gateway.charges, 50);
  ck_assert_int_eq(transport_count(&world->transport, SHOP_MAIL_CONFIRMATION), 50 - late);
  ck_assert_int_eq(world_available(world, "TEA"), 950 + late);
  world_close_books(world, late);
  if (two_shops)
    ck_assert_int_eq(shop_close(duel.other), SHOP_OK);
  shop_token_free(token);
  pthread_barrier_destroy(&together);
  world_free(world);
}

/* Both bring the same capture: one order, one mail. */
START_TEST(live_call_and_recovery) {
  fight_often(GATEWAY_APPROVES, false);
  fight_often(GATEWAY_APPROVES, true);
}
END_TEST

/* One brings a capture, the other a decline: whoever is first, no money is lost sight of. */
START_TEST(live_call_and_a_contradicting_recovery) {
  fight_often(GATEWAY_DECLINES, false);
  fight_often(GATEWAY_DECLINES, true);
}
END_TEST

/* A live call and two recoveries at once, each of which may find that another was quicker. */
struct trio {
  struct world *world;
  shop_t *shops[2];
  pthread_barrier_t together;
  _Atomic int next;       /* of the two */
  _Atomic int32_t placed; /* as the recoveries say, added up */
};

static void trio_after(struct gateway *gateway, void *user) {
  struct trio *trio = user;

  (void)gateway;
  world_pass_ms(trio->world, GATEWAY_LEASE_MS);
  (void)pthread_barrier_wait(&trio->together);
}

/* The lease of whoever asks is over before the answer comes: the other one may ask as well. */
static void trio_in_query(struct gateway *gateway, void *user) {
  struct trio *trio = user;

  (void)gateway;
  world_pass_ms(trio->world, GATEWAY_LEASE_MS);
}

static void *trio_recover(void *user) {
  struct trio *trio = user;
  shop_recovery_t *recovery = NULL;

  (void)pthread_barrier_wait(&trio->together);
  ck_assert_int_eq(shop_recover(trio->shops[trio->next++ % 2], 10, &recovery, NULL), SHOP_OK);
  trio->placed += shop_recovery_placed(recovery);
  shop_recovery_free(recovery);
  return NULL;
}

/* The report counts the orders that this very call has placed: as many as the history says. */
START_TEST(who_has_placed_it) {
  struct world *world = world_prepare();
  struct trio trio = {.world = world};
  shop_token_t *token;

  ck_assert_int_eq(shop_config_set_gateway_query(world->config, gateway_query, &world->gateway),
                   SHOP_OK);
  ck_assert_int_eq(pthread_barrier_init(&trio.together, NULL, 3), 0);
  world_open(world);
  world_put(world, "TEA", 100, "EUR", 1000);
  token = world_register(world, "ada@example.org");
  trio.shops[0] = world->shop;
  ck_ok(world, shop_open(world->path, world->config, &trio.shops[1], world->err));
  world->gateway.hook_user = &trio;
  world->gateway.after = trio_after;
  world->gateway.in_query = trio_in_query;
  for (int i = 0; i < 40; i++) {
    int64_t cart_id = world_cart(world, token);
    pthread_t threads[2];

    world_add(world, token, cart_id, "TEA", 1);
    start(&threads[0], trio_recover, &trio);
    start(&threads[1], trio_recover, &trio);
    shop_order_free(world_bought(world, token, cart_id));
    join(threads[0]);
    join(threads[1]);
  }
  ck_assert_int_eq(world_number(world, "SELECT count(*) FROM events WHERE name = 'order.placed'"),
                   40);
  ck_assert_int_eq(
      world_number(world, "SELECT count(*) FROM events WHERE name = 'order.placed' AND actor = 4"),
      trio.placed); /* the system's */
  world_close_books(world, 0);
  ck_assert_int_eq(shop_close(trio.shops[1]), SHOP_OK);
  shop_token_free(token);
  pthread_barrier_destroy(&trio.together);
  world_free(world);
}
END_TEST

/* The call goes on while recovery has come, asked and gone. */
static void overtake(struct gateway *gateway, void *user) {
  struct duel *duel = user;
  shop_recovery_t *recovery = NULL;

  (void)gateway;
  ck_assert_int_eq(shop_recover(duel->other, 10, &recovery, NULL), SHOP_OK);
  ck_assert_int_eq(shop_recovery_examined(recovery), 0); /* the lease holds in every shop */
  shop_recovery_free(recovery);
  world_pass_ms(duel->world, GATEWAY_LEASE_MS);
  ck_assert_int_eq(shop_recover(duel->other, 10, &recovery, NULL), SHOP_OK);
  ck_assert_int_eq(shop_recovery_placed(recovery), 1);
  shop_recovery_free(recovery);
}

START_TEST(another_shop_takes_over) {
  struct world *world = world_prepare();
  struct duel duel = {.world = world};

  ck_assert_int_eq(shop_config_set_gateway_query(world->config, gateway_query, &world->gateway),
                   SHOP_OK);
  world_open(world);
  ck_ok(world, shop_open(world->path, world->config, &duel.other, world->err));
  world_put(world, "TEA", 100, "EUR", 10);
  world->gateway.hook_user = &duel;
  world->gateway.after = overtake;
  world_sell_one(world, "ada@example.org", "TEA");
  ck_assert_int_eq(world->gateway.charges, 1);
  ck_assert_int_eq(world->transport.count, 1);
  world_close_books(world, 0);
  ck_assert_int_eq(shop_close(duel.other), SHOP_OK);
  world_free(world);
}
END_TEST

/* ---- many recoveries ----------------------------------------------------- */

static void *recover_all(void *user) {
  struct duel *duel = user;

  pthread_barrier_wait(duel->together);
  ck_assert_int_eq(shop_recover(duel->other, 1000, NULL, NULL), SHOP_OK);
  return NULL;
}

/* Each payment is asked about by one of them. */
START_TEST(recoveries_at_once) {
  enum { LOST = 20, THREADS = 4 };
  struct world *world = world_prepare();
  pthread_barrier_t together;
  struct duel duel = {.world = world, .together = &together};
  pthread_t threads[THREADS];
  char email[40];

  ck_assert_int_eq(shop_config_set_gateway_query(world->config, gateway_query, &world->gateway),
                   SHOP_OK);
  pthread_barrier_init(&together, NULL, THREADS);
  world_open(world);
  duel.other = world->shop;
  world_put(world, "TEA", 100, "EUR", 1000);
  world->gateway.mood = GATEWAY_LOSES_ANSWER;
  for (int i = 0; i < LOST; i++) {
    shop_order_t *order = NULL;
    int64_t cart_id;
    shop_token_t *token;

    snprintf(email, sizeof email, "u%d@example.org", i);
    token = world_shopper(world, email, "TEA", 1, &cart_id);
    ck_status(world, world_buy(world, token, cart_id, NULL, &order), SHOP_UNKNOWN);
    shop_order_free(order);
    shop_token_free(token);
  }
  world_pass_ms(world, GATEWAY_LEASE_MS);
  for (int i = 0; i < THREADS; i++)
    start(&threads[i], recover_all, &duel);
  for (int i = 0; i < THREADS; i++)
    join(threads[i]);
  ck_assert_int_eq(world->gateway.queries, LOST);
  ck_assert_int_eq(world->gateway.count, LOST);
  ck_assert_int_eq(world->transport.count, LOST);
  world_close_books(world, 0);
  pthread_barrier_destroy(&together);
  world_free(world);
}
END_TEST

/* ---- waiting for the store ----------------------------------------------- */

/* A clock that counts how often it is asked: a call asks before it queues for the store. */
static _Atomic int32_t clock_calls;

static int64_t counting_clock(void *user) {
  struct world *world = user;

  atomic_fetch_add(&clock_calls, 1);
  return atomic_load(&world->now_ms);
}

static struct world *world_counted(void) {
  struct world *world = world_prepare();

  ck_assert_int_eq(shop_config_set_clock(world->config, counting_clock, world), SHOP_OK);
  world_open(world);
  world_put(world, "TEA", 100, "EUR", 10);
  return world;
}

/* Runs it beside a program that holds the store until so much time has passed. A call that asks
   the clock so often before it queues has done so by then; one that does not, has queued. */
static void run_waiting(struct world *world, void *(*run)(void *user), void *user,
                        int32_t calls_before, int64_t wait_ms) {
  static const struct timespec a_moment = {.tv_nsec = 1000000};
  struct rival *rival = rival_begin(world);
  pthread_t thread;

  clock_calls = 0;
  start(&thread, run, user);
  for (int i = 0; i < 100 && clock_calls < calls_before; i++)
    nanosleep(&a_moment, NULL);
  world_pass_ms(world, wait_ms);
  rival_end(rival);
  join(thread);
}

static void *sell_waiting(void *user) {
  struct crowd *crowd = user;
  shop_t *shop = crowd->world->shop;
  shop_order_t *order = NULL;
  shop_session_t *session = NULL;
  int64_t cart_id;

  ck_assert_int_eq(shop_session_check(shop, crowd->token, &session, NULL), SHOP_OK);
  cart_id = shop_cart_id(shop_session_cart(session));
  shop_session_free(session);
  ck_assert_int_eq(
      form_buy(shop, crowd->token, cart_id, &(struct form){.method = CARD}, &order, NULL), SHOP_OK);
  shop_order_free(order);
  return NULL;
}

static void recover_nothing(struct gateway *gateway, void *user) {
  (void)gateway;
  ck_assert_int_eq(world_recover(user).examined, 0);
}

static void deliver_nothing(struct transport *transport, void *user) {
  struct world *world = user;

  transport->hook = NULL;
  ck_ok(world, shop_mail_deliver(world->shop, 10, NULL, world->err));
  ck_assert_int_eq(transport->calls, 1);
}

/* A purchase that waited long for the store has its gateway, and then its mail, to itself for the
   whole of the lease all the same. */
START_TEST(a_lease_begins_when_it_is_taken) {
  struct world *world = world_counted();
  struct crowd crowd = {.world = world};
  int64_t cart_id;

  crowd.token = world_shopper(world, "ada@example.org", "TEA", 1, &cart_id);
  world->gateway.before = recover_nothing;
  world->gateway.hook_user = world;
  world->transport.hook = deliver_nothing;
  world->transport.hook_user = world;
  run_waiting(world, sell_waiting, &crowd, 2, MAIL_LEASE_MS);
  ck_assert_int_eq(world->gateway.charges, 1);
  ck_assert_int_eq(world->transport.calls, 1);
  world_close_books(world, 0);
  shop_token_free(crowd.token);
  world_free(world);
}
END_TEST

/* The same for a free order, ... */
START_TEST(a_free_orders_mail_lease) {
  struct world *world = world_counted();
  struct crowd crowd = {.world = world};
  int64_t cart_id;

  world_put(world, "FREE", 0, "EUR", 10);
  crowd.token = world_shopper(world, "ada@example.org", "FREE", 1, &cart_id);
  world->transport.hook = deliver_nothing;
  world->transport.hook_user = world;
  run_waiting(world, sell_waiting, &crowd, 2, MAIL_LEASE_MS);
  ck_assert_int_eq(world->transport.calls, 1);
  world_close_books(world, 0);
  shop_token_free(crowd.token);
  world_free(world);
}
END_TEST

static void *deliver_waiting(void *user) {
  struct world *world = user;

  ck_assert_int_eq(shop_mail_deliver(world->shop, 1, NULL, NULL), SHOP_OK);
  return NULL;
}

/* ... and for who delivers. */
START_TEST(a_deliverers_lease) {
  struct world *world = world_counted();

  world->transport.mood = TRANSPORT_LATER;
  world_sell_one(world, "ada@example.org", "TEA");
  world_pass_ms(world, HOUR_MS);
  world->transport.mood = TRANSPORT_DELIVERS;
  world->transport.calls = 0;
  world->transport.hook = deliver_nothing;
  world->transport.hook_user = world;
  run_waiting(world, deliver_waiting, world, 1, MAIL_LEASE_MS);
  ck_assert_int_eq(world->transport.calls, 1);
  world_close_books(world, 0);
  world_free(world);
}
END_TEST

static void *recover_waiting(void *user) {
  struct world *world = user;

  ck_assert_int_eq(shop_recover(world->shop, 1, NULL, NULL), SHOP_OK);
  return NULL;
}

/* A recovery that waited for the store over the end of the key's life does not charge. */
START_TEST(a_key_that_dies_while_waiting) {
  struct world *world = world_counted();
  shop_order_t *order = NULL;
  int64_t cart_id;
  shop_token_t *token = world_shopper(world, "ada@example.org", "TEA", 1, &cart_id);

  world->gateway.mood = GATEWAY_LOSES_ANSWER;
  ck_status(world, world_buy(world, token, cart_id, NULL, &order), SHOP_UNKNOWN);
  world->gateway.mood = GATEWAY_APPROVES;
  world_pass_ms(world, KEY_LIFE_MS - 1);
  run_waiting(world, recover_waiting, world, 2, 1);
  ck_assert_int_eq(world->gateway.charges, 1);
  world_close_books(world, 1);
  shop_order_free(order);
  shop_token_free(token);
  world_free(world);
}
END_TEST

static void *resume_waiting(void *user) {
  struct crowd *crowd = user;
  shop_order_t *order = NULL;

  ck_assert_int_eq(shop_purchase_resume(crowd->world->shop, crowd->token,
                                        crowd->world->gateway.last_order_number, NULL, &order,
                                        NULL),
                   SHOP_UNKNOWN);
  shop_order_free(order);
  return NULL;
}

/* Nor does a shopper who resumes a purchase and waited over that moment. */
START_TEST(a_key_that_dies_while_resuming) {
  struct world *world = world_counted();
  struct crowd crowd = {.world = world};
  shop_order_t *order = NULL;
  int64_t cart_id;

  crowd.token = world_shopper(world, "ada@example.org", "TEA", 1, &cart_id);
  world->gateway.mood = GATEWAY_LOSES_ANSWER;
  ck_status(world, world_buy(world, crowd.token, cart_id, NULL, &order), SHOP_UNKNOWN);
  world->gateway.mood = GATEWAY_APPROVES;
  world_pass_ms(world, KEY_LIFE_MS - 1);
  run_waiting(world, resume_waiting, &crowd, 1, 1);
  ck_assert_int_eq(world->gateway.charges, 1);
  world_close_books(world, 1);
  shop_order_free(order);
  shop_token_free(crowd.token);
  world_free(world);
}
END_TEST

/* ---- disorder ------------------------------------------------------------ */

static _Atomic uint32_t dice;

/* A gateway of changing moods, none of which lies. */
static void moody_charge(shop_gateway_call_t *call, void *user) {
  static const enum gateway_mood moods[] = {
      GATEWAY_APPROVES, GATEWAY_APPROVES,     GATEWAY_APPROVES,     GATEWAY_DECLINES,
      GATEWAY_PENDS,    GATEWAY_LOSES_ANSWER, GATEWAY_SAYS_UNKNOWN, GATEWAY_CONTRADICTS};
  struct gateway *gateway = user;

  pthread_mutex_lock(&gateway->lock);
  gateway->mood = moods[atomic_fetch_add(&dice, 5) * 2654435761u >> 29];
  pthread_mutex_unlock(&gateway->lock);
  gateway_charge(call, user);
}

static _Atomic int32_t shoppers_left;

static void *shop_around(void *user) {
  struct crowd *crowd = user;
  shop_t *shop = crowd->world->shop;

  for (int i = 0; i < 25; i++) {
    shop_cart_t *cart = NULL, *filled = NULL;
    shop_order_t *order = NULL;

    ck_assert_int_eq(shop_cart_create(shop, crowd->token, NULL, &cart, NULL), SHOP_OK);
    (void)shop_cart_add(shop, crowd->token, shop_cart_id(cart), i % 2 == 0 ? "TEA" : "CUP",
                        1 + i % 3, NULL, &filled, NULL);
    (void)form_buy(shop, crowd->token, shop_cart_id(cart), &(struct form){.method = CARD}, &order,
                   NULL);
    shop_order_free(order);
    shop_cart_free(filled);
    shop_cart_free(cart);
  }
  atomic_fetch_sub(&shoppers_left, 1);
  return NULL;
}

/* The rest of the shop's life: time passes, things are recovered, sent, counted and looked at. */
static void *run_the_shop(void *user) {
  struct world *world = user;

  for (int i = 0; shoppers_left > 0; i++) {
    shop_audit_t *audit = NULL;

    world_pass_ms(world, GATEWAY_LEASE_MS / 4);
    ck_assert_int_eq(shop_recover(world->shop, 5, NULL, NULL), SHOP_OK);
    ck_assert_int_eq(shop_mail_deliver(world->shop, 5, NULL, NULL), SHOP_OK);
    ck_assert_int_eq(shop_product_put(world->shop, "TEA", "TEA", NULL, 100, "EUR",
                                      i % 5 == 0 ? SHOP_STOCK_UNLIMITED : 10 + i % 7, NULL, NULL,
                                      NULL),
                     SHOP_OK);
    ck_assert_int_eq(shop_verify(world->shop, &audit, NULL), SHOP_OK);
    ck_assert_msg(shop_audit_violations(audit) == 0, "%s", shop_audit_finding_text(audit, 0));
    shop_audit_free(audit);
  }
  return NULL;
}

/* In the end nothing is left in the middle: every charge has its order, every held piece a payment
   that may come. */
static void settle_all(struct world *world) {
  int64_t unknown;

  world->gateway.query_mood = GATEWAY_APPROVES;
  world_pass_ms(world, KEY_LIFE_MS);
  (void)world_recover(world);
  world_pass_ms(world, DAY_MS);
  ck_ok(world, shop_mail_deliver(world->shop, 10000, NULL, world->err));
  unknown = world_number(world, "SELECT count(*) FROM payments WHERE state = 3");
  ck_assert_int_eq(world_number(world, "SELECT count(*) FROM payments WHERE state IN (1, 2)"), 0);
  ck_assert_int_eq(world_mails(world, "1, 2, 4"), 0);
  world_put(world, "TEA", 100, "EUR", 50); /* counted again: nothing is promised beyond it */
  world_close_books(world, unknown);
  ck_assert_int_gt(world->gateway.count, BUYERS);
  ck_assert_int_eq(world->gateway.count,
                   world_number(world, "SELECT count(*) FROM orders WHERE status = 2"));
}

START_TEST(disorder) {
  struct world *world = world_prepare();
  struct crowd crowd[BUYERS];
  pthread_t threads[BUYERS + 1];
  char email[40];

  ck_assert_int_eq(shop_config_set_gateway_charge(world->config, moody_charge, &world->gateway),
                   SHOP_OK);
  ck_assert_int_eq(shop_config_set_gateway_query(world->config, gateway_query, &world->gateway),
                   SHOP_OK);
  world_open(world);
  world_put(world, "TEA", 100, "EUR", 20);
  world_put(world, "CUP", 300, "EUR", 60);
  shoppers_left = BUYERS;
  for (int i = 0; i < BUYERS; i++) {
    snprintf(email, sizeof email, "u%d@example.org", i);
    crowd[i] = (struct crowd){world, NULL, world_register(world, email), 0};
  }
  for (int i = 0; i < BUYERS; i++)
    start(&threads[i], shop_around, &crowd[i]);
  start(&threads[BUYERS], run_the_shop, world);
  for (int i = 0; i <= BUYERS; i++)
    join(threads[i]);
  settle_all(world);
  for (int i = 0; i < BUYERS; i++)
    shop_token_free(crowd[i].token);
  world_free(world);
}
END_TEST

int main(void) {
  const TTest *const tests[] = {
      the_last_piece,
      a_hundred_pieces,
      adding_while_buying,
      pricing_while_buying,
      live_call_and_recovery,
      live_call_and_a_contradicting_recovery,
      another_shop_takes_over,
      who_has_placed_it,
      recoveries_at_once,
      a_lease_begins_when_it_is_taken,
      a_free_orders_mail_lease,
      a_deliverers_lease,
      a_key_that_dies_while_waiting,
      a_key_that_dies_while_resuming,
      disorder,
  };

  return HARNESS_RUN("race", tests);
}
