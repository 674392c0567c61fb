/* An open store: what every call gets from one that is held by others, newer,
   closed, or carried across a fork. */
#include "every_call.h"

#include <sched.h>
#include <sqlite3.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- every call ---------------------------------------------------------------------- */

/* Every call, or every call that writes, gets this status and leaves its
   outputs NULL; err NULL where the test may not use the world's. */
static void all_refused(struct scene *scene, bool only_writers, int32_t wanted, shop_error_t *err) {
  for (size_t i = 0; i < every_call_count; i++) {
    int32_t status;

    if (only_writers && !every_call[i].writes)
      continue;
    status = every_call[i].make(scene->world->shop, &scene->props, false, err);
    ck_assert_msg(status == wanted, "%s: %s instead of %s: %s", every_call[i].name,
                  shop_status_name(status), shop_status_name(wanted), shop_error_message(err));
    ck_assert_msg(scene->props.outputs_are_right, "%s left its output", every_call[i].name);
    if (err != NULL) {
      ck_assert_int_eq(shop_error_code(err), wanted);
      ck_assert_str_ne(shop_error_message(err), "");
    }
  }
}

/* Migrated by a newer libshop while this one had it open. */
START_TEST(too_new_while_open) {
  struct scene scene = scene_in(world_prepare());
  struct world *world = scene.world;
  int64_t version = world_number(world, "PRAGMA user_version");
  char sql[60];
  uint64_t before;

  world_vandalise(world, "PRAGMA user_version = 1000");
  before = world_digest(world);
  all_refused(&scene, false, SHOP_ERR_TOO_NEW, world->err);
  ck_assert_uint_eq(world_digest(world), before);
  ck_assert_int_eq(world->gateway.charges, scene.charges);
  snprintf(sql, sizeof sql, "PRAGMA user_version = %lld", (long long)version);
  world_vandalise(world, sql);
  world_add(world, scene.token, scene.props.cart_id, "TEA", 1);
  scene_free(&scene);
}
END_TEST

/* ---- held by others ------------------------------------------------------------------ */

/* Another holds the write lock for longer than the limit: writers are told so,
   readers do not notice. */
START_TEST(busy) {
  struct world *world = world_prepare();
  struct scene scene;
  sqlite3 *other = NULL;
  uint64_t before;

  ck_assert_int_eq(shop_config_set_busy_timeout_ms(world->config, 20), SHOP_OK);
  scene = scene_in(world);
  before = world_digest(world);
  ck_assert_int_eq(sqlite3_open(world->path, &other), SQLITE_OK);
  ck_assert_int_eq(sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
  all_refused(&scene, true, SHOP_ERR_BUSY, world->err);
  for (size_t i = 0; i < every_call_count; i++)
    if (!every_call[i].writes)
      ck_ok(world, every_call[i].make(world->shop, &scene.props, false, world->err));
  ck_assert_uint_eq(world_digest(world), before);
  ck_assert_int_eq(world->gateway.charges, scene.charges);
  ck_assert_int_eq(sqlite3_exec(other, "ROLLBACK", NULL, NULL, NULL), SQLITE_OK);
  sqlite3_close(other);
  world_add(world, scene.token, scene.props.cart_id, "TEA", 1);
  scene_free(&scene);
}
END_TEST

/* The deadline of a call ends its waiting, however long the store's limit is. */
START_TEST(deadline) {
  struct scene scene = scene_in(world_prepare());
  struct world *world = scene.world;
  shop_t *shop = world->shop;
  shop_options_t *options = options_with_deadline(15);
  shop_cart_t *cart = NULL;
  shop_order_t *order = NULL;
  sqlite3 *other = NULL;
  shop_purchase_request_t *request = NULL;
  shop_token_t *newcomer = world_register(world, "new@example.org");

  ck_assert_int_eq(shop_purchase_request_new(&request), SHOP_OK);
  ck_assert_int_eq(shop_purchase_request_set_method(request, "pm"), SHOP_OK);
  ck_assert_int_eq(sqlite3_open(world->path, &other), SQLITE_OK);
  ck_assert_int_eq(sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
#define LATE(call) ck_refused(world, call, SHOP_ERR_DEADLINE)
  LATE(shop_cart_create(shop, newcomer, options, &cart, world->err));
  LATE(shop_cart_add(shop, scene.token, scene.props.cart_id, "TEA", 1, options, &cart, world->err));
  LATE(shop_cart_set_quantity(shop, scene.token, scene.props.cart_id, "TEA", 2, options, &cart,
                              world->err));
  LATE(shop_cart_remove(shop, scene.token, scene.props.cart_id, "TEA", options, &cart, world->err));
  LATE(shop_cart_clear(shop, scene.token, scene.props.cart_id, options, &cart, world->err));
  LATE(shop_cart_reprice(shop, scene.token, scene.props.cart_id, options, &cart, world->err));
  LATE(shop_purchase(shop, scene.token, scene.props.cart_id, request, options, &order, world->err));
  LATE(shop_product_put(shop, "X", "x", NULL, 1, "EUR", 1, options, NULL, world->err));
  LATE(shop_product_retire(shop, "TEA", options, world->err));
  LATE(shop_product_adjust_stock(shop, "TEA", 1, options, NULL, world->err));
  LATE(shop_product_set_metadata(shop, "TEA", "n", NULL, options, world->err));
  LATE(shop_user_set_metadata(shop, scene.props.user_id, "n", NULL, options, world->err));
  LATE(shop_order_set_metadata(shop, scene.props.number, "n", NULL, options, world->err));
  LATE(shop_token_revoke(shop, scene.token, options, world->err));
  ck_assert(cart == NULL && order == NULL);
  ck_assert_int_eq(world->gateway.charges, scene.charges);
  sqlite3_close(other);
  shop_options_free(options);
  shop_purchase_request_free(request);
  shop_token_free(newcomer);
  scene_free(&scene);
}
END_TEST

/* Two shop objects on one file see each other's changes at once. */
START_TEST(two_objects_one_shop) {
  struct world *world = world_new();
  shop_t *second = NULL;
  shop_token_t *token;
  shop_cart_t *cart = NULL;
  int64_t cart_id;

  ck_ok(world, shop_open(world->path, world->config, &second, world->err));
  world_put(world, "TEA", 999, "EUR", 10);
  token = world_shopper(world, "ada@example.org", "TEA", 1, &cart_id);
  ck_ok(world, shop_cart_add(second, token, cart_id, "TEA", 1, NULL, &cart, world->err));
  ck_assert_int_eq(shop_cart_line_quantity(cart, 0), 2);
  shop_cart_free(cart);
  ck_assert_int_eq(shop_close(second), SHOP_OK);
  ck_ok(world, shop_cart_get(world->shop, token, cart_id, &cart, world->err));
  ck_assert_int_eq(shop_cart_line_quantity(cart, 0), 2);
  shop_cart_free(cart);
  shop_token_free(token);
  world_free(world);
}
END_TEST

/* ---- closing ------------------------------------------------------------------------- */

/* Closing, tried from inside a callback: it must say no and do nothing. */
static struct {
  struct world *world;
  int32_t in_charge, in_send, in_log;
  int32_t call_in_charge;
} inside;

static void close_in_charge(struct gateway *gateway, void *user) {
  shop_product_t *product = NULL;

  (void)gateway;
  (void)user;
  inside.in_charge = shop_close(inside.world->shop);
  inside.call_in_charge = shop_product_get(inside.world->shop, "TEA", &product, NULL);
  shop_product_free(product);
}

static void close_in_send(struct transport *transport, void *user) {
  (void)transport;
  (void)user;
  inside.in_send = shop_close(inside.world->shop);
}

static void close_in_log(void *user, int32_t level, const char *text) {
  (void)user;
  (void)level;
  (void)text;
  inside.in_log = shop_close(inside.world->shop);
}

START_TEST(close_in_callback) {
  struct world *world = world_prepare();
  shop_order_t *order = NULL;
  shop_token_t *token;
  int64_t cart_id;

  inside.world = world;
  world->gateway.before = close_in_charge;
  world->gateway.mood = GATEWAY_CONTRADICTS; /* which is logged */
  ck_assert_int_eq(shop_config_set_log(world->config, close_in_log, NULL), SHOP_OK);
  world_open(world);
  world_put(world, "TEA", 999, "EUR", 10);
  token = world_shopper(world, "ada@example.org", "TEA", 1, &cart_id);
  ck_status(world, world_buy(world, token, cart_id, NULL, &order), SHOP_UNKNOWN);
  shop_order_free(order);
  shop_token_free(token);
  ck_assert_int_eq(inside.in_charge, SHOP_ERR_IN_CALLBACK);
  ck_assert_int_eq(inside.call_in_charge, SHOP_OK);
  ck_assert_int_eq(inside.in_log, SHOP_ERR_IN_CALLBACK);

  world->gateway.mood = GATEWAY_APPROVES;
  world->transport.hook = close_in_send;
  token = world_shopper(world, "bob@example.org", "TEA", 1, &cart_id);
  ck_ok(world, world_buy(world, token, cart_id, NULL, &order));
  ck_assert_int_eq(inside.in_send, SHOP_ERR_IN_CALLBACK);
  shop_order_free(order);
  shop_token_free(token);
  world_free(world); /* closes well */
}
END_TEST

/* A purchase that is held inside its callback until it is let go. */
struct held {
  struct world *world;
  const shop_token_t *token;
  int64_t cart_id;
  pthread_mutex_t lock;
  pthread_cond_t change;
  bool inside, let_go;
  int32_t purchase, close;
  shop_order_t *order;
};

static void hold(struct gateway *gateway, void *user) {
  struct held *held = user;

  (void)gateway;
  pthread_mutex_lock(&held->lock);
  held->inside = true;
  pthread_cond_broadcast(&held->change);
  while (!held->let_go)
    pthread_cond_wait(&held->change, &held->lock);
  pthread_mutex_unlock(&held->lock);
}

static void *buy(void *user) {
  struct held *held = user;

  held->purchase = world_buy(held->world, held->token, held->cart_id, NULL, &held->order);
  return NULL;
}

static void *close_shop(void *user) {
  struct held *held = user;

  held->close = shop_close(held->world->shop);
  return NULL;
}

/* While a shop is being closed every new call is refused, what runs is finished
   with its own result, and only then is it closed. */
START_TEST(close_waits_and_refuses) {
  struct scene scene = scene_in(world_prepare());
  struct world *world = scene.world;
  struct held held = {.world = world,
                      .token = scene.token,
                      .cart_id = scene.props.cart_id,
                      .lock = PTHREAD_MUTEX_INITIALIZER,
                      .change = PTHREAD_COND_INITIALIZER,
                      .close = 1};
  pthread_t buyer, closer;
  shop_error_t *err = NULL;

  ck_assert_int_eq(shop_error_new(&err), SHOP_OK); /* the buyer has the world's */
  world->gateway.before = hold;
  world->gateway.hook_user = &held;
  ck_assert_int_eq(pthread_create(&buyer, NULL, buy, &held), 0);
  pthread_mutex_lock(&held.lock);
  while (!held.inside)
    pthread_cond_wait(&held.change, &held.lock);
  pthread_mutex_unlock(&held.lock);
  ck_assert_int_eq(pthread_create(&closer, NULL, close_shop, &held), 0);
  while (shop_mail_deliver(world->shop, 1, NULL, NULL) != SHOP_ERR_CLOSED)
    sched_yield();

  all_refused(&scene, false, SHOP_ERR_CLOSED, err);
  ck_assert_int_eq(shop_close(world->shop), SHOP_ERR_CLOSED);
  pthread_mutex_lock(&held.lock);
  held.let_go = true;
  pthread_cond_broadcast(&held.change);
  pthread_mutex_unlock(&held.lock);
  pthread_join(buyer, NULL);
  pthread_join(closer, NULL);
  ck_assert_int_eq(held.purchase, SHOP_OK);
  ck_assert_int_eq(shop_order_status(held.order), SHOP_ORDER_PLACED);
  ck_assert_int_eq(held.close, SHOP_OK);

  world->shop = NULL;
  world->gateway.before = NULL;
  world_open(world);
  world_verify(world, scene.attentions);
  shop_order_free(held.order);
  shop_error_free(err);
  scene_free(&scene);
}
END_TEST

/* ---- fork ---------------------------------------------------------------------------- */

/* In the child every call is refused, also closing; snapshots are memory and
   can be freed. The parent goes on as if nothing had been. */
START_TEST(forked) {
  struct scene scene = scene_in(world_prepare());
  struct world *world = scene.world;
  int result = -1;
  pid_t child;

  fflush(NULL);
  child = fork();
  ck_assert_int_ge(child, 0);
  if (child == 0) {
    all_refused(&scene, false, SHOP_ERR_FORKED, world->err);
    ck_assert_int_eq(shop_close(world->shop), SHOP_ERR_FORKED);
    all_refused(&scene, false, SHOP_ERR_FORKED, world->err);
    ck_assert_str_ne(shop_token_jwt(scene.token), "");
    shop_token_free(scene.token);
    shop_order_free(scene.order);
    _exit(0);
  }
  world_add(world, scene.token, scene.props.cart_id, "TEA", 1); /* while the child lives */
  ck_assert_int_eq(waitpid(child, &result, 0), child);
  ck_assert_int_eq(result, 0);
  world_add(world, scene.token, scene.props.cart_id, "TEA", 1);
  world_verify(world, scene.attentions);
  world_reopen(world);
  world_add(world, scene.token, scene.props.cart_id, "TEA", 1);
  scene_free(&scene);
}
END_TEST

int main(void) {
  const TTest *tests[] = {
      too_new_while_open,      busy,   deadline, two_objects_one_shop, close_in_callback,
      close_waits_and_refuses, forked,
  };

  return HARNESS_RUN("store", tests);
}
