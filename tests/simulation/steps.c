/* The steps of the simulation: each makes one call of some kind, with random
   arguments, does the same to the model, and compares what comes out. Now and
   then another program holds the store, and the call must change nothing. */
#include "simulate.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const CURRENCIES[] = {"EUR", "USD"};

/* ---- around a call ------------------------------------------------------------------ */

static void scene_begin(struct sim *sim, struct scene *scene, int32_t order, int32_t operation) {
  *scene = (struct scene){.order = order, .operation = operation};
  sim->scene = scene;
}

static void scene_end(struct sim *sim) {
  struct scene *scene = sim->scene;

  if (scene->lost || scene->mail_lost)
    sim_unlock(sim);
  sim_check(sim, scene->lost || !scene->voids, "a void was expected");
  for (int32_t i = 0; i < sim->model->order_count && sim->model->settings.at_once; i++) {
    const struct m_order *order = &sim->model->orders[i];

    sim_check(sim, order->mail != MAIL_LEASED || order->tries > 0 || scene->mail_lost ||
                       order->silent,
              "the mail of %s was not sent at once", order->number);
  }
  for (int32_t i = 0; scene->mail_lost && i < sim->model->order_count; i++)
    sim->model->orders[i].silent = true;
  sim->scene = NULL;
}

/* Another program holds the store, sometimes; never inside of a callback. */
static bool rival_comes(struct sim *sim) {
  if (sim->depth > 0 || !sim_chance(sim, 3))
    return false;
  sim_lock(sim);
  return true;
}

/* True when the call was kept from its work: then it has told so, and done nothing. */
static bool kept_out(struct sim *sim, bool rival, int32_t status) {
  if (!rival)
    return false;
  sim_unlock(sim);
  if (status == SHOP_ERR_BUSY)
    sim_compare_all(sim);
  return status == SHOP_ERR_BUSY;
}

/* A call of the gateway's kind that could not begin. */
static void check_kept_out(struct sim *sim, int32_t status, bool has_order) {
  sim_unlock(sim);
  sim_log(sim, "  kept out: %s", shop_status_name(status));
  sim_check(sim, status == SHOP_ERR_BUSY && !has_order, "a held store: %s",
            shop_status_name(status));
  sim_compare_all(sim);
}

static shop_options_t *options(struct sim *sim, int32_t key, int64_t version) {
  shop_options_t *made = NULL;
  char text[20];

  if (key == 0 && version == 0)
    return NULL;
  snprintf(text, sizeof text, "key-%d", key);
  sim_check(sim, shop_options_new(&made) == SHOP_OK, "out of memory");
  if (key != 0)
    (void)shop_options_set_idempotency_key(made, text);
  (void)shop_options_set_expected_version(made, version);
  return made;
}

static int32_t pick_key(struct sim *sim) {
  return sim_chance(sim, 30) ? 1 + sim_below(sim, 12) : 0;
}

/* Mostly one that is good. NOBODY: there is none at all. */
static int32_t pick_token(struct sim *sim) {
  const struct model *model = sim->model;
  int32_t from;

  if (model->token_count == 0)
    return NOBODY;
  from = sim_below(sim, model->token_count);
  if (sim_chance(sim, 4))
    return from;
  for (int32_t i = 0; i < model->token_count; i++)
    if (model_check_token(model, (from + i) % model->token_count) == SHOP_OK)
      return (from + i) % model->token_count;
  return from;
}

static void step_create_cart(struct sim *sim);

/* Mostly a good one of this user. */
static int32_t pick_token_of(struct sim *sim, int32_t user) {
  const struct model *model = sim->model;

  for (int32_t i = 0; i < model->token_count && !sim_chance(sim, 1); i++)
    if (model->tokens[i].user == user && model_check_token(model, i) == SHOP_OK)
      return i;
  return pick_token(sim);
}

/* A shopper who has a cart, mostly. */
static int32_t pick_shopper(struct sim *sim) {
  int32_t token = pick_token(sim);

  if (token != NOBODY && sim->model->users[sim->model->tokens[token].user].cart == NOBODY &&
      sim_chance(sim, 90)) {
    step_create_cart(sim);
    token = pick_token(sim);
  }
  return token;
}

/* Mostly the cart of the token's user. NOBODY: one that is not there. */
static int32_t pick_cart(struct sim *sim, int32_t token) {
  int32_t own = sim->model->users[sim->model->tokens[token].user].cart;

  if (own != NOBODY && !sim_chance(sim, 5))
    return own;
  return sim->model->cart_count == 0 || sim_chance(sim, 20) ? NOBODY
                                                            : sim_below(sim, sim->model->cart_count);
}

static int64_t cart_id(const struct sim *sim, int32_t cart) {
  return cart == NOBODY ? 12345 : sim->model->carts[cart].id;
}

static int64_t pick_version(struct sim *sim, int32_t cart) {
  if (cart == NOBODY || !sim_chance(sim, 15))
    return 0;
  return sim->model->carts[cart].version + (sim_chance(sim, 30) ? 1 : 0);
}

static bool is_waiting(const struct m_order *order) {
  return order->status == SHOP_ORDER_PENDING;
}

static bool is_authorized(const struct m_order *order) {
  return order->payment == SHOP_PAYMENT_AUTHORIZED;
}

static bool is_captured(const struct m_order *order) {
  return order->payment == SHOP_PAYMENT_CAPTURED;
}

static bool is_unknown(const struct m_order *order) {
  for (int32_t i = 0; i < order->operation_count; i++)
    if (order->operations[i].state == SHOP_OPERATION_UNKNOWN)
      return true;
  return false;
}

/* Mostly one for which there is something to do. */
static int32_t pick_order(struct sim *sim, bool (*is_wanted)(const struct m_order *order)) {
  int32_t count = sim->model->order_count, at = sim_below(sim, count);

  for (int32_t i = 0; i < count && !sim_chance(sim, 1); i++) {
    const struct m_order *order = &sim->model->orders[(at + i) % count];

    if (is_wanted == NULL || is_wanted(order))
      return (at + i) % count;
  }
  return at;
}

void sim_clock(struct sim *sim, int64_t by_ms) {
  sim->model->now_ms += by_ms;
  sim_log(sim, "the clock goes by %lld", (long long)by_ms);
}

/* ---- users ----------------------------------------------------------------------------- */

static void keep_token(struct sim *sim, shop_token_t *token, int32_t user) {
  struct m_token *kept;

  sim_check(sim, token != NULL, "no token is given");
  sim_check(sim, sim->model->token_count < TOKENS_MAX, "too many tokens");
  kept = &sim->model->tokens[sim->model->token_count++];
  *kept = (struct m_token){.handle = token, .user = user};
  kept->expires_ms = sim->model->now_ms / 1000 * 1000 + sim->model->settings.token_life_ms;
  sim_equal(sim, "the token's end", shop_token_expires_at_ms(token), kept->expires_ms);
  sim->model->users[user].id = shop_token_user_id(token);
}

enum { CALL_REGISTER = 30 };

static void step_register(struct sim *sim) {
  int32_t user = sim_below(sim, USERS), key = pick_key(sim);
  bool wrong = sim_chance(sim, 20), registered = sim->model->users[user].registered;
  shop_options_t *with = options(sim, key, 0);
  const struct m_key *known = NULL;
  shop_token_t *token = NULL;
  char email[40];
  bool rival = rival_comes(sim);
  int32_t status, wanted = SHOP_OK;

  snprintf(email, sizeof email, sim_chance(sim, 50) ? "user%d@example.org" : "USER%d@example.org",
           user);
  status = shop_user_register(sim->shop, email, wrong && registered ? "wrong password" : "password",
                              with, &token, sim->err);
  shop_options_free(with);
  sim_log(sim, "register %s key %d: %s", email, key, shop_status_name(status));
  if (kept_out(sim, rival, status))
    return;
  (void)model_find_key(sim->model, user, CALL_REGISTER, key, 1, &known);
  if (registered && (known == NULL || wrong))
    wanted = SHOP_ERR_EMAIL_TAKEN;
  sim_status(sim, status, wanted);
  if (wanted != SHOP_OK)
    return;
  if (!registered) {
    sim->model->users[user].registered = true;
    model_keep_key(sim->model, user, CALL_REGISTER, key, 1, user, 0);
  }
  keep_token(sim, token, user);
}

static void step_login(struct sim *sim) {
  int32_t user = sim_below(sim, USERS);
  bool wrong = sim_chance(sim, 10), registered = sim->model->users[user].registered;
  shop_token_t *token = NULL;
  char email[40];
  bool rival = rival_comes(sim);
  int32_t status;

  snprintf(email, sizeof email, "user%d@example.org", user);
  status = shop_user_login(sim->shop, email, wrong ? "wrong password" : "password", NULL, &token,
                           sim->err);
  sim_log(sim, "login %s: %s", email, shop_status_name(status));
  if (kept_out(sim, rival, status))
    return;
  sim_status(sim, status, wrong || !registered ? SHOP_ERR_CREDENTIALS : SHOP_OK);
  if (status == SHOP_OK)
    keep_token(sim, token, user);
}

static void step_revoke(struct sim *sim) {
  int32_t token = pick_token(sim);
  bool rival;
  int32_t status;

  if (token == NOBODY)
    return;
  rival = rival_comes(sim);
  status = shop_token_revoke(sim->shop, sim->model->tokens[token].handle, NULL, sim->err);
  sim_log(sim, "revoke %d: %s", token, shop_status_name(status));
  if (kept_out(sim, rival, status))
    return;
  sim_status(sim, status, sim->model->tokens[token].pruned ? SHOP_ERR_TOKEN_INVALID : SHOP_OK);
  sim->model->tokens[token].revoked = true;
}

static void step_verify_token(struct sim *sim) {
  int32_t token = pick_token(sim);
  shop_token_t *verified = NULL;
  int32_t status;

  if (token == NOBODY)
    return;
  status = shop_token_verify(sim->shop, shop_token_jwt(sim->model->tokens[token].handle),
                             &verified, sim->err);
  sim_log(sim, "verify token %d: %s", token, shop_status_name(status));
  sim_status(sim, status, model_check_token(sim->model, token));
  shop_token_free(verified);
}

static void step_session(struct sim *sim) {
  int32_t token = pick_token(sim);
  shop_session_t *session = NULL;
  const struct m_user *user;

  if (token == NOBODY)
    return;
  user = &sim->model->users[sim->model->tokens[token].user];
  sim_status(sim, shop_session_check(sim->shop, sim->model->tokens[token].handle, &session,
                                     sim->err),
             SHOP_OK);
  sim_log(sim, "session %d: %s", token, shop_status_name(shop_session_status(session)));
  sim_status(sim, shop_session_status(session), model_check_token(sim->model, token));
  if (shop_session_status(session) == SHOP_OK && user->cart != NOBODY)
    sim_compare_cart(sim, shop_session_cart(session), &sim->model->carts[user->cart]);
  shop_session_free(session);
}

/* ---- catalogue ---------------------------------------------------------------------------- */

static void step_put(struct sim *sim) {
  int32_t product = sim_below(sim, PRODUCTS);
  struct m_product wanted = {.exists = true, .active = true};
  bool rival = rival_comes(sim);
  int32_t status;

  snprintf(wanted.sku, sizeof wanted.sku, "SKU-%d", product);
  snprintf(wanted.currency, 4, "%s", CURRENCIES[sim_chance(sim, 5)]);
  wanted.price = sim_chance(sim, 5) ? 0 : 100 + 50 * sim_below(sim, 4) + product;
  wanted.unlimited = sim_chance(sim, 10);
  wanted.on_hand = sim_below(sim, 30);
  status = shop_product_put(sim->shop, wanted.sku, "Thing", NULL, wanted.price, wanted.currency,
                            wanted.unlimited ? SHOP_STOCK_UNLIMITED : wanted.on_hand, NULL, NULL,
                            sim->err);
  sim_log(sim, "put %s %lld %s, %lld: %s", wanted.sku, (long long)wanted.price, wanted.currency,
          (long long)(wanted.unlimited ? -1 : wanted.on_hand), shop_status_name(status));
  if (kept_out(sim, rival, status))
    return;
  sim_status(sim, status, SHOP_OK);
  wanted.reserved = sim->model->products[product].reserved;
  sim->model->products[product] = wanted;
}

static void step_adjust(struct sim *sim) {
  int32_t product = sim_below(sim, PRODUCTS);
  int64_t delta = sim_below(sim, 2) == 0 ? 1 + sim_below(sim, 20) : -1 - sim_below(sim, 10);
  bool rival = rival_comes(sim);
  char sku[8];
  int32_t status;

  snprintf(sku, sizeof sku, "SKU-%d", product);
  status = shop_product_adjust_stock(sim->shop, sku, delta, NULL, NULL, sim->err);
  sim_log(sim, "adjust %s by %lld: %s", sku, (long long)delta, shop_status_name(status));
  if (!kept_out(sim, rival, status))
    sim_status(sim, status, model_adjust(sim->model, product, delta));
}

static void step_retire(struct sim *sim) {
  int32_t product = sim_below(sim, PRODUCTS);
  bool rival = rival_comes(sim);
  char sku[8];
  int32_t status;

  snprintf(sku, sizeof sku, "SKU-%d", product);
  status = shop_product_retire(sim->shop, sku, NULL, sim->err);
  sim_log(sim, "retire %s: %s", sku, shop_status_name(status));
  if (kept_out(sim, rival, status))
    return;
  sim_status(sim, status,
             sim->model->products[product].exists ? SHOP_OK : SHOP_ERR_NOT_FOUND);
  sim->model->products[product].active = false;
}

/* ---- carts ----------------------------------------------------------------------------------- */

static void step_create_cart(struct sim *sim) {
  int32_t token = pick_token(sim), status, index;
  shop_cart_t *cart = NULL;
  bool rival, is_new;

  if (token == NOBODY)
    return;
  rival = rival_comes(sim);
  status = shop_cart_create(sim->shop, sim->model->tokens[token].handle, NULL, &cart, sim->err);
  sim_log(sim, "cart of %d: %s", token, shop_status_name(status));
  if (kept_out(sim, rival, status))
    return;
  sim_status(sim, status, model_check_token(sim->model, token));
  if (status == SHOP_OK) {
    index = model_create_cart(sim->model, sim->model->tokens[token].user, &is_new);
    if (is_new)
      sim->model->carts[index].id = shop_cart_id(cart);
    sim_compare_cart(sim, cart, &sim->model->carts[index]);
  }
  shop_cart_free(cart);
}

static int32_t call_change(struct sim *sim, const struct cart_change *change,
                           const shop_options_t *with, shop_cart_t **out) {
  const shop_token_t *token = sim->model->tokens[change->token].handle;
  int64_t id = cart_id(sim, change->cart);
  char sku[8];

  snprintf(sku, sizeof sku, "SKU-%d", change->product);
  switch (change->call) {
  case CART_ADD:
    return shop_cart_add(sim->shop, token, id, sku, change->quantity, with, out, sim->err);
  case CART_SET:
    return shop_cart_set_quantity(sim->shop, token, id, sku, change->quantity, with, out,
                                  sim->err);
  case CART_REMOVE:
    return shop_cart_remove(sim->shop, token, id, sku, with, out, sim->err);
  case CART_CLEAR:
    return shop_cart_clear(sim->shop, token, id, with, out, sim->err);
  case CART_REPRICE:
    break;
  }
  return shop_cart_reprice(sim->shop, token, id, with, out, sim->err);
}

static void step_change_cart(struct sim *sim) {
  static const enum cart_call calls[] = {CART_ADD, CART_ADD,    CART_ADD,   CART_ADD,    CART_ADD,
                                         CART_ADD, CART_SET,    CART_SET,   CART_REMOVE, CART_REMOVE,
                                         CART_CLEAR, CART_REPRICE, CART_REPRICE};
  struct cart_change change = {.token = pick_shopper(sim)};
  shop_options_t *with;
  shop_cart_t *cart = NULL;
  bool rival;
  int32_t status;

  if (change.token == NOBODY)
    return;
  change.call = calls[sim_below(sim, sizeof calls / sizeof calls[0])];
  change.cart = pick_cart(sim, change.token);
  change.product =
      change.call == CART_CLEAR || change.call == CART_REPRICE ? 0 : sim_below(sim, PRODUCTS);
  change.quantity = sim_chance(sim, 3) ? 0 : 1 + sim_below(sim, sim_chance(sim, 5) ? 12 : 3);
  change.expected_version = pick_version(sim, change.cart);
  change.key = pick_key(sim);
  with = options(sim, change.key, change.expected_version);
  rival = rival_comes(sim);
  status = call_change(sim, &change, with, &cart);
  shop_options_free(with);
  sim_log(sim, "cart %d call %d by %d, product %d, %lld pieces, key %d: %s", change.cart,
          change.call, change.token, change.product, (long long)change.quantity, change.key,
          shop_status_name(status));
  if (kept_out(sim, rival, status))
    return;
  sim_status(sim, status, model_change_cart(sim->model, &change));
  if (status == SHOP_OK)
    sim_compare_cart(sim, cart, &sim->model->carts[change.cart]);
  shop_cart_free(cart);
}

static void step_get_cart(struct sim *sim) {
  int32_t token = pick_token(sim), cart, status, wanted;
  shop_cart_t *found = NULL;

  if (token == NOBODY)
    return;
  cart = pick_cart(sim, token);
  status = shop_cart_get(sim->shop, sim->model->tokens[token].handle, cart_id(sim, cart), &found,
                         sim->err);
  sim_log(sim, "get cart %d: %s", cart, shop_status_name(status));
  wanted = model_check_token(sim->model, token);
  if (wanted == SHOP_OK &&
      (cart == NOBODY || sim->model->carts[cart].user != sim->model->tokens[token].user))
    wanted = SHOP_ERR_NOT_FOUND;
  sim_status(sim, status, wanted);
  if (status == SHOP_OK)
    sim_compare_cart(sim, found, &sim->model->carts[cart]);
  shop_cart_free(found);
}

/* ---- purchases --------------------------------------------------------------------------------- */

static void fill_buy(struct sim *sim, struct buy *buy) {
  int64_t total = 0;

  snprintf(buy->currency, 4, "EUR");
  if (buy->cart != NOBODY) {
    const struct m_cart *cart = &sim->model->carts[buy->cart];

    total = model_cart_total(sim->model, cart);
    if (cart->currency[0] != '\0')
      snprintf(buy->currency, 4, "%s", cart->currency);
  }
  if (sim_chance(sim, 25))
    buy->shipping = 490;
  if (sim_chance(sim, 10))
    buy->discount = sim_chance(sim, 50) ? total + buy->shipping : 100;
  buy->has_total = sim_chance(sim, 40);
  buy->total = total + buy->shipping - buy->discount + (sim_chance(sim, 8) ? 1 : 0);
  if (buy->total < 0)
    buy->total = 0;
  if (!sim_chance(sim, 3))
    snprintf(buy->method, sizeof buy->method, "pm_card_%d", sim_below(sim, 2));
}

static shop_purchase_request_t *request_of(struct sim *sim, const struct buy *buy) {
  shop_purchase_request_t *request = NULL;

  sim_check(sim, shop_purchase_request_new(&request) == SHOP_OK, "out of memory");
  if (buy->method[0] != '\0')
    (void)shop_purchase_request_set_method(request, buy->method);
  if (buy->has_total)
    (void)shop_purchase_request_set_expected_total(request, buy->total, buy->currency);
  if (buy->shipping != 0)
    (void)shop_purchase_request_add_adjustment(request, SHOP_ADJUSTMENT_SHIPPING, "Post",
                                               buy->shipping);
  if (buy->discount != 0)
    (void)shop_purchase_request_add_adjustment(request, SHOP_ADJUSTMENT_DISCOUNT, "Gift",
                                               -buy->discount);
  return request;
}

static int32_t call_buy(struct sim *sim, const struct buy *buy, shop_order_t **order) {
  shop_purchase_request_t *request = request_of(sim, buy);
  shop_options_t *with = options(sim, buy->key, buy->expected_version);
  const shop_token_t *token = sim->model->tokens[buy->token].handle;
  int32_t status =
      (buy->begins ? shop_purchase_begin : shop_purchase)(sim->shop, token, cart_id(sim, buy->cart),
                                                          request, with, order, sim->err);

  shop_options_free(with);
  shop_purchase_request_free(request);
  return status;
}

/* What a call answers that has asked the gateway about this operation. */
static int32_t asked_outcome(const struct sim *sim, const struct scene *scene, bool live) {
  const struct m_order *order = &sim->model->orders[scene->order];
  int32_t status = model_operation_outcome(order, &order->operations[scene->operation]);

  if (scene->lost)
    return SHOP_ERR_BUSY;
  if (live && status == SHOP_IN_PROGRESS)
    return scene->answer == SHOP_OUTCOME_PENDING ? SHOP_PENDING : SHOP_UNKNOWN;
  return status;
}

static void step_buy(struct sim *sim) {
  struct buy buy = {.token = pick_shopper(sim), .begins = sim_chance(sim, 20)};
  struct scene scene;
  shop_order_t *order = NULL;
  bool is_new = false, asks;
  int32_t status, wanted, index = NOBODY;

  if (buy.token == NOBODY)
    return;
  buy.cart = pick_cart(sim, buy.token);
  if (buy.cart != NOBODY && sim->model->carts[buy.cart].line_count == 0 && sim_chance(sim, 85)) {
    step_change_cart(sim);
    return;
  }
  buy.key = pick_key(sim);
  buy.expected_version = pick_version(sim, buy.cart);
  fill_buy(sim, &buy);
  sim_log(sim, "buy%s cart %d by %d, key %d, total %lld", buy.begins ? " (begin)" : "", buy.cart,
          buy.token, buy.key, (long long)(buy.has_total ? buy.total : -1));
  if (rival_comes(sim)) {
    status = call_buy(sim, &buy, &order);
    check_kept_out(sim, status, order != NULL);
    return;
  }
  wanted = model_buy(sim->model, &buy, &index, &is_new);
  asks = is_new && !buy.begins && sim->model->orders[index].total > 0;
  scene_begin(sim, &scene, asks ? index : NOBODY, 0);
  sim->token = buy.token;
  status = call_buy(sim, &buy, &order);
  scene_end(sim);
  sim_log(sim, "  bought: %s", shop_status_name(status));
  sim_equal(sim, "the gateway was asked", scene.asked, asks);
  if (asks)
    wanted = asked_outcome(sim, &scene, true);
  else if (is_new && buy.begins)
    wanted = SHOP_OK;
  else if (index != NOBODY)
    wanted = model_outcome(&sim->model->orders[index]);
  if (is_new && buy.begins && status == SHOP_IN_PROGRESS)
    sim_fail(sim, "a purchase that was begun is SHOP_OK");
  sim_status(sim, status, wanted);
  sim_equal(sim, "an order", order != NULL, index != NOBODY);
  if (index != NOBODY && !scene.lost)
    sim_compare_order(sim, order, &sim->model->orders[index]);
  if (is_new && buy.begins && sim->model->orders[index].total > 0 && sim_chance(sim, 70))
    sim_pay(sim, &sim->model->orders[index]);
  shop_order_free(order);
}

static void step_resume(struct sim *sim) {
  struct model *model = sim->model;
  int32_t token, index, status, wanted;
  struct m_operation *charge;
  struct m_order *at;
  struct scene scene;
  shop_order_t *order = NULL;
  bool mine, asks = false;

  if (model->order_count == 0)
    return;
  index = pick_order(sim, is_waiting);
  token = pick_token_of(sim, model->orders[index].user);
  at = &model->orders[index];
  mine = at->user == model->tokens[token].user;
  charge = model_charge(at);
  sim_log(sim, "resume %s by %d", at->number, token);
  if (rival_comes(sim)) {
    status = shop_purchase_resume(sim->shop, model->tokens[token].handle, at->number, NULL, &order,
                                  sim->err);
    check_kept_out(sim, status, order != NULL);
    return;
  }
  scene_begin(sim, &scene, NOBODY, 0);
  scene.resuming = true;
  wanted = model_check_token(model, token);
  if (wanted == SHOP_OK && !mine)
    wanted = SHOP_ERR_NOT_FOUND;
  if (wanted == SHOP_OK && charge != NULL &&
      (charge->state == SHOP_OPERATION_SENT || charge->state == SHOP_OPERATION_UNKNOWN)) {
    if (charge->lease_start_ms <= model->now_ms &&
        model->now_ms < charge->lease_start_ms + charge->lease_length_ms) {
      wanted = SHOP_IN_PROGRESS;
    } else {
      bool lives = model_key_lives(model, charge);

      charge->lease_start_ms = model->now_ms;
      charge->lease_length_ms = model->settings.lease_ms;
      if (model->settings.query || (lives && charge->state == SHOP_OPERATION_SENT)) {
        asks = true;
        scene.order = index;
      } else if (charge->state == SHOP_OPERATION_UNKNOWN || sim_waits_on(sim, at, charge)) {
        charge->lease_length_ms = 0;
      } else if (model->settings.voids) {
        scene.order = index;
        scene.voids = !model_is_busy(at);
      } else {
        model_give_up(at, charge);
      }
    }
  }
  status = shop_purchase_resume(sim->shop, model->tokens[token].handle, at->number, NULL, &order,
                                sim->err);
  scene_end(sim);
  sim_log(sim, "  resumed: %s", shop_status_name(status));
  if (asks)
    sim_check(sim, scene.asked, "the gateway was not asked");
  if (scene.lost)
    wanted = SHOP_ERR_BUSY;
  else if (wanted == SHOP_OK)
    wanted = model_outcome(at);
  sim_status(sim, status, wanted);
  if (order != NULL && !scene.lost)
    sim_compare_order(sim, order, at);
  shop_order_free(order);
}

/* ---- what follows ---------------------------------------------------------------------------------- */

static void step_abandon(struct sim *sim) {
  struct model *model = sim->model;
  int32_t token, status, wanted;
  struct m_operation *operation = NULL;
  struct ask ask = {.call = 0};
  struct m_order *at;
  struct scene scene;
  shop_order_t *order = NULL;
  bool known = false;

  if (model->order_count == 0)
    return;
  ask.order = pick_order(sim, is_waiting);
  token = pick_token_of(sim, model->orders[ask.order].user);
  at = &model->orders[ask.order];
  sim_log(sim, "abandon %s by %d", at->number, token);
  if (rival_comes(sim)) {
    status = shop_purchase_abandon(sim->shop, model->tokens[token].handle, at->number, NULL, &order,
                                   sim->err);
    check_kept_out(sim, status, order != NULL);
    return;
  }
  wanted = model_check_token(model, token);
  if (wanted == SHOP_OK && at->user != model->tokens[token].user)
    wanted = SHOP_ERR_NOT_FOUND;
  if (wanted == SHOP_OK)
    wanted = model_ask(model, &ask, &operation, &known);
  scene_begin(sim, &scene, operation == NULL ? NOBODY : ask.order,
              operation == NULL ? 0 : (int32_t)(operation - at->operations));
  status = shop_purchase_abandon(sim->shop, model->tokens[token].handle, at->number, NULL, &order,
                                 sim->err);
  scene_end(sim);
  sim_log(sim, "  abandoned: %s", shop_status_name(status));
  if (operation != NULL)
    wanted = asked_outcome(sim, &scene, true);
  if (wanted == SHOP_DECLINED && at->payment == SHOP_PAYMENT_CAPTURED)
    wanted = SHOP_CONTRADICTION;
  sim_status(sim, status, wanted);
  if (order != NULL && !scene.lost)
    sim_compare_order(sim, order, at);
  shop_order_free(order);
}

static shop_refund_request_t *refund_of(struct sim *sim, const struct ask *ask) {
  shop_refund_request_t *request = NULL;
  char sku[8];

  sim_check(sim, shop_refund_request_new(&request) == SHOP_OK, "out of memory");
  if (ask->amount != 0)
    (void)shop_refund_request_set_amount(request, ask->amount, ask->currency);
  for (int32_t i = 0; i < PRODUCTS; i++) {
    snprintf(sku, sizeof sku, "SKU-%d", i);
    if (ask->returns[i] != 0)
      (void)shop_refund_request_add_return(request, sku, ask->returns[i]);
  }
  return request;
}

static void fill_ask(struct sim *sim, struct ask *ask) {
  const struct m_order *order = &sim->model->orders[ask->order];

  ask->key = pick_key(sim);
  if (ask->call == CALL_CAPTURE && sim_chance(sim, 40))
    ask->amount = 1 + sim_below(sim, (int32_t)order->total + 20);
  if (ask->call != CALL_REFUND)
    return;
  if (sim_chance(sim, 70)) {
    ask->amount = 1 + sim_below(sim, (int32_t)order->total / 2 + 20);
    snprintf(ask->currency, 4, "%s",
             sim_chance(sim, 5) || order->captured_currency[0] == '\0' ? "CHF"
                                                                       : order->captured_currency);
  }
  for (int32_t i = 0; i < order->line_count && sim_chance(sim, 40); i++)
    ask->returns[order->lines[i].product] = 1 + sim_below(sim, (int32_t)order->lines[i].quantity);
}

static int32_t call_ask(struct sim *sim, const struct ask *ask, shop_order_t **order) {
  const char *number = sim->model->orders[ask->order].number;
  shop_options_t *with = options(sim, ask->key, 0);
  shop_refund_request_t *request = NULL;
  int32_t status;

  if (ask->call == CALL_CAPTURE) {
    status = shop_order_capture(sim->shop, number, ask->amount, with, order, sim->err);
  } else if (ask->call == CALL_CANCEL) {
    status = shop_order_cancel(sim->shop, number, with, order, sim->err);
  } else {
    request = refund_of(sim, ask);
    status = shop_order_refund(sim->shop, number, request, with, order, sim->err);
  }
  shop_refund_request_free(request);
  shop_options_free(with);
  return status;
}

static void step_ask(struct sim *sim, int32_t call) {
  struct model *model = sim->model;
  struct m_operation *operation = NULL;
  struct ask ask = {.call = call};
  struct scene scene;
  shop_order_t *order = NULL;
  struct m_order *at;
  bool known = false, asks;
  int32_t status, wanted, index = -1;

  if (model->order_count == 0)
    return;
  ask.order = pick_order(sim, call == CALL_CAPTURE ? is_authorized : is_captured);
  if (call == CALL_CANCEL && sim_chance(sim, 30))
    ask.order = pick_order(sim, is_authorized);
  at = &model->orders[ask.order];
  fill_ask(sim, &ask);
  sim_log(sim, "%s %s, %lld, key %d", call == CALL_CAPTURE  ? "capture"
                                      : call == CALL_REFUND ? "refund"
                                                            : "cancel",
          at->number, (long long)ask.amount, ask.key);
  if (rival_comes(sim)) {
    status = call_ask(sim, &ask, &order);
    check_kept_out(sim, status, order != NULL);
    return;
  }
  wanted = model_ask(model, &ask, &operation, &known);
  asks = operation != NULL && !known;
  if (operation != NULL)
    index = (int32_t)(operation - at->operations);
  scene_begin(sim, &scene, asks ? ask.order : NOBODY, asks ? index : 0);
  status = call_ask(sim, &ask, &order);
  scene_end(sim);
  sim_log(sim, "  done: %s", shop_status_name(status));
  sim_equal(sim, "the gateway was asked", scene.asked, asks);
  if (asks)
    wanted = asked_outcome(sim, &scene, true);
  else if (wanted == SHOP_OK)
    wanted = operation == NULL ? model_outcome(at) : model_operation_outcome(at, operation);
  sim_status(sim, status, wanted);
  if (order != NULL && !scene.lost)
    sim_compare_order(sim, order, at);
  shop_order_free(order);
}

/* ---- reports, decisions, recovery --------------------------------------------------------------------- */

static int32_t call_report(struct sim *sim, const char *key, int32_t event,
                           const struct answer *answer, shop_order_t **order) {
  shop_payment_report_t *report = NULL;
  char text[24];
  int32_t status;

  snprintf(text, sizeof text, "event-%d", event);
  sim_check(sim, shop_payment_report_new(&report) == SHOP_OK, "out of memory");
  (void)shop_payment_report_set_event_id(report, text);
  if (key[0] != '\0')
    (void)shop_payment_report_set_key(report, key);
  if (answer->reference[0] != '\0')
    (void)shop_payment_report_set_reference(report, answer->reference);
  (void)shop_payment_report_set_outcome(report, answer->outcome);
  if (answer->amount != 0)
    (void)shop_payment_report_set_amount(report, answer->amount, answer->currency);
  status = shop_payment_report(sim->shop, report, order, sim->err);
  shop_payment_report_free(report);
  return status;
}

/* Takes the report into the model; its status. */
static int32_t model_report(struct sim *sim, const char *key, int32_t event,
                            const struct answer *answer, struct m_order **order) {
  struct model *model = sim->model;
  struct m_operation *operation = model_find(model, key, answer->reference, order);
  bool contradicts = false;
  int32_t at = 0;

  while (at < model->event_count && model->events[at].event != event)
    at++;
  sim_check(sim, at < EVENTS_MAX, "too many events");
  if (at == model->event_count) {
    model->events[at].event = event;
    model->events[at].matched = false;
    model->event_count++;
  }
  if (operation == NULL)
    return SHOP_UNMATCHED;
  if (!model->events[at].matched) /* new, or fitted nothing until now */
    contradicts = model_settle(model, *order, operation, answer, true);
  else
    model->mismatches = false;
  model->events[at].matched = true;
  if (contradicts)
    return SHOP_CONTRADICTION;
  if (model->mismatches)
    return SHOP_MISMATCH;
  return model_operation_outcome(*order, operation) == SHOP_MISMATCH ? SHOP_MISMATCH : SHOP_OK;
}

static struct answer draw_answer(struct sim *sim, const char *key, bool truly) {
  const struct entry *entry = sim_entry(sim, key);
  struct answer answer = {.outcome = 1 + sim_below(sim, 7)};

  if (truly)
    answer = entry == NULL ? (struct answer){.outcome = 0} : sim_truth(entry);
  if (answer.outcome == 0)
    answer.outcome = SHOP_OUTCOME_DECLINED;
  if (answer.amount == 0 &&
      (answer.outcome == SHOP_OUTCOME_CAPTURED || answer.outcome == SHOP_OUTCOME_AUTHORIZED ||
       answer.outcome == SHOP_OUTCOME_REFUNDED)) {
    answer.amount = entry == NULL || sim_chance(sim, 20) ? 77 : entry->asked;
    snprintf(answer.currency, 4, "%s", entry == NULL ? "EUR" : entry->asked_currency);
    snprintf(answer.reference, sizeof answer.reference, "%s",
             entry == NULL ? "ref_none" : entry->reference);
  }
  return answer;
}

void sim_report(struct sim *sim, const struct m_operation *about, bool truly) {
  char key[80] = "shop_unknown_1";
  struct m_order *at = NULL;
  const struct entry *entry;
  shop_order_t *order = NULL;
  struct answer answer;
  struct scene scene;
  int32_t event, status, wanted;
  bool rival;

  if (about != NULL)
    snprintf(key, sizeof key, "%s", about->key);
  entry = sim_entry(sim, key);
  /* An honest gateway reports what is so, or nothing. */
  if (!sim->lies && about != NULL && (entry == NULL || !truly || entry->fate == 0))
    return;
  answer = draw_answer(sim, key, truly);
  /* "Too late" is no report about a void: the charge has its own. */
  if (entry != NULL && entry->kind == SHOP_OPERATION_VOID &&
      answer.outcome == SHOP_OUTCOME_CAPTURED)
    return;
  if (entry == NULL)
    answer.reference[0] = '\0';
  if (entry != NULL && answer.reference[0] != '\0' && sim_chance(sim, 30))
    key[0] = '\0';
  event = sim->event_count > 0 && sim_chance(sim, 10) && sim->lies ? 1 + sim_below(sim, sim->event_count)
                                                      : ++sim->event_count;
  rival = rival_comes(sim);
  scene_begin(sim, &scene, NOBODY, 0);
  if (!rival)
    wanted = model_report(sim, key, event, &answer, &at);
  else
    wanted = SHOP_ERR_BUSY;
  status = call_report(sim, key, event, &answer, &order);
  scene_end(sim);
  sim_log(sim, "report %d of %s '%s': %d, %lld: %s", event, key, answer.reference, answer.outcome,
          (long long)answer.amount, shop_status_name(status));
  if (rival)
    sim_unlock(sim);
  sim_status(sim, status, wanted);
  if (order != NULL)
    sim_compare_order(sim, order, at);
  sim_equal(sim, "an order", order != NULL, at != NULL && wanted != SHOP_ERR_BUSY);
  shop_order_free(order);
  /* Webhooks come twice. */
  if (!rival && sim_chance(sim, 20)) {
    scene_begin(sim, &scene, NOBODY, 0);
    wanted = model_report(sim, key, event, &answer, &at);
    status = call_report(sim, key, event, &answer, NULL);
    scene_end(sim);
    sim_status(sim, status, wanted);
  }
}

static void step_report(struct sim *sim) {
  struct m_order *order;
  int32_t operation;

  if (sim->model->order_count == 0 || sim_chance(sim, 3)) {
    sim_report(sim, NULL, false);
    return;
  }
  order = &sim->model->orders[pick_order(sim, sim_chance(sim, 50) ? is_waiting : NULL)];
  if (order->operation_count == 0)
    return;
  operation = sim_below(sim, order->operation_count);
  if (order->operations[operation].key[0] != '*')
    sim_report(sim, &order->operations[operation], !sim->lies || sim_chance(sim, 70));
}

void sim_resolve(struct sim *sim, int32_t index, bool truly) {
  struct m_order *at = &sim->model->orders[index];
  struct m_operation *unknown = NULL;
  const struct entry *entry;
  struct answer answer;
  struct scene scene;
  shop_order_t *order = NULL;
  int32_t status, wanted = SHOP_ERR_STATE;

  for (int32_t i = 0; i < at->operation_count; i++)
    if (at->operations[i].state == SHOP_OPERATION_UNKNOWN)
      unknown = &at->operations[i];
  entry = unknown == NULL ? NULL : sim_entry(sim, unknown->key);
  if (truly && entry != NULL &&
      (entry->fate == SHOP_OUTCOME_PENDING || entry->fate == SHOP_OUTCOME_ACTION_REQUIRED))
    return; /* a person who looks sees that it is not decided */
  answer = draw_answer(sim, unknown == NULL ? "" : unknown->key, truly);
  if (answer.outcome == SHOP_OUTCOME_PENDING || answer.outcome == SHOP_OUTCOME_ACTION_REQUIRED)
    answer = (struct answer){.outcome = SHOP_OUTCOME_DECLINED};
  scene_begin(sim, &scene, NOBODY, 0);
  if (unknown != NULL && !sim_fits(unknown->kind, answer.outcome, true)) {
    wanted = SHOP_ERR_ARGUMENT;
  } else if (unknown != NULL) {
    (void)model_settle(sim->model, at, unknown, &answer, false);
    wanted = model_operation_outcome(at, unknown) == SHOP_MISMATCH ? SHOP_MISMATCH : SHOP_OK;
  }
  status = shop_payment_resolve(sim->shop, at->number, answer.outcome,
                                answer.reference[0] == '\0' ? NULL : answer.reference,
                                answer.amount, answer.currency[0] == '\0' ? NULL : answer.currency,
                                "Eve has looked", NULL, &order, sim->err);
  scene_end(sim);
  sim_log(sim, "resolve %s: %d, %lld: %s", at->number, answer.outcome, (long long)answer.amount,
          shop_status_name(status));
  sim_status(sim, status, wanted);
  if (order != NULL)
    sim_compare_order(sim, order, at);
  shop_order_free(order);
}

void sim_recover(struct sim *sim) {
  shop_recovery_t *recovery = NULL;
  struct m_order *order = NULL;
  struct scene scene;
  bool rival = rival_comes(sim), due;
  int32_t status;

  scene_begin(sim, &scene, NOBODY, 0);
  scene.began_ms = sim->model->now_ms;
  scene.limit = sim_chance(sim, 20) ? 1 + sim_below(sim, 3) : 1000;
  sim_log(sim, "recover %d", scene.limit);
  if (rival) {
    due = model_next_due(sim->model, scene.began_ms, &order) != NULL;
    status = shop_recover(sim->shop, scene.limit, &recovery, sim->err);
    sim_status(sim, status, due ? SHOP_ERR_BUSY : SHOP_OK);
    shop_recovery_free(recovery);
    scene_end(sim);
    sim_unlock(sim);
    return;
  }
  scene.recovering = true;
  status = shop_recover(sim->shop, scene.limit, &recovery, sim->err);
  if (scene.mail_lost) /* the store is still held when the next one is to be taken */
    scene.lost = scene.lost || (scene.examined < scene.limit &&
                                model_next_due(sim->model, scene.began_ms, &order) != NULL);
  if (!scene.lost) {
    sim_check(sim, !scene.voids, "a void was expected");
    sim_check(sim, sim_recovery_next(sim, &order) == NULL, "recovery has left %s out",
              order->number);
    sim_turn_end(sim);
  }
  scene_end(sim);
  sim_log(sim, "  %s: %s", shop_status_name(status), shop_recovery_text(recovery));
  sim_status(sim, status, scene.lost ? SHOP_ERR_BUSY : SHOP_OK);
  if (status == SHOP_OK) {
    sim_equal(sim, "examined", shop_recovery_examined(recovery), scene.examined);
    sim_equal(sim, "recovered: placed", shop_recovery_placed(recovery), scene.placed);
    sim_equal(sim, "recovered: failed", shop_recovery_failed(recovery), scene.failed);
    sim_equal(sim, "recovered: finished", shop_recovery_finished(recovery), scene.finished);
    sim_equal(sim, "recovered: waiting", shop_recovery_waiting(recovery), scene.waiting);
    sim_equal(sim, "recovered: unknown", shop_recovery_unknown(recovery), scene.unknown);
  }
  shop_recovery_free(recovery);
}

/* ---- mail, upkeep, the file --------------------------------------------------------------------------------- */

/* The wait for the next try has some chance in it: where that would decide, more time passes, so
   that a seed is always the same life. */
static bool chance_decides(const struct model *model) {
  for (int32_t i = 0; i < model->order_count; i++)
    if (model_mail_may_be_due(model, &model->orders[i]) !=
        model_mail_is_due(model, &model->orders[i]))
      return true;
  return false;
}

void sim_deliver(struct sim *sim) {
  struct scene scene;
  int32_t delivered = -1, status;

  while (chance_decides(sim->model))
    sim_clock(sim, HOUR);
  scene_begin(sim, &scene, NOBODY, 0);
  scene.delivering = true;
  status = shop_mail_deliver(sim->shop, 1000, &delivered, sim->err);
  sim_log(sim, "deliver: %s, %d", shop_status_name(status), delivered);
  sim_status(sim, status, scene.mail_lost ? SHOP_ERR_BUSY : SHOP_OK);
  sim_equal(sim, "delivered", delivered, scene.delivered);
  for (int32_t i = 0; i < sim->model->order_count && !scene.mail_lost; i++)
    sim_check(sim, !model_mail_is_due(sim->model, &sim->model->orders[i]),
              "the mail of %s was left", sim->model->orders[i].number);
  scene_end(sim);
}

static void step_maintain(struct sim *sim) {
  shop_maintenance_t *done = NULL;
  struct upkeep wanted = model_maintain(sim->model);
  int32_t status = shop_maintain(sim->shop, &done, sim->err);

  sim_log(sim, "maintain: %s", shop_status_name(status));
  sim_status(sim, status, SHOP_OK);
  sim_equal(sim, "expired carts", shop_maintenance_carts(done), wanted.carts);
  sim_equal(sim, "pruned keys", shop_maintenance_keys(done), wanted.keys);
  sim_equal(sim, "pruned tokens", shop_maintenance_tokens(done), wanted.tokens);
  shop_maintenance_free(done);
}

static void step_reopen(struct sim *sim) {
  sim_log(sim, "reopen");
  sim_status(sim, shop_close(sim->shop), SHOP_OK);
  sim->shop = NULL;
  sim_status(sim, shop_open(sim->path, sim->config, &sim->shop, sim->err), SHOP_OK);
}

/* To the very moment at which something ends, or the one before. */
static void to_the_edge(struct sim *sim) {
  const struct model *model = sim->model;
  int64_t edge = model->now_ms;

  if (model->token_count > 0 && sim_chance(sim, 20)) {
    edge = model->tokens[model->token_count - 1].expires_ms;
  } else if (model->order_count > 0) {
    const struct m_order *order = &model->orders[pick_order(sim, is_waiting)];
    const struct m_operation *operation = &order->operations[0];
    const int64_t edges[] = {operation->lease_start_ms + operation->lease_length_ms,
                             operation->created_ms + model->settings.key_life_ms,
                             order->held_since_ms + model->settings.hold_ms};

    if (order->operation_count > 0)
      edge = edges[sim_below(sim, 3)];
  }
  sim_clock(sim, edge - model->now_ms - sim_below(sim, 2));
}

static void step_clock(struct sim *sim) {
  static const int64_t jumps[] = {1,         700,       1000, 1000,     MINUTE, 3 * MINUTE, HOUR,
                                  -1,        -MINUTE,   DAY,  -5 * HOUR, -DAY,   30 * DAY,   YEAR,
                                  -30 * DAY, -2 * YEAR};
  int32_t mood = sim_below(sim, 100);

  if (sim_chance(sim, 15)) {
    to_the_edge(sim);
    return;
  }
  sim_clock(sim, jumps[sim_below(sim, mood < 70 ? 6 : mood < 97 ? 10 : 16)]);
}

/* ---- choosing ------------------------------------------------------------------------------------------------ */

void sim_step_aside(struct sim *sim) {
  switch (sim_below(sim, 6)) {
  case 0:
    step_put(sim);
    break;
  case 1:
    step_retire(sim);
    break;
  case 2:
    step_adjust(sim);
    break;
  case 3:
    step_revoke(sim);
    break;
  default:
    step_change_cart(sim);
  }
}

static void step_capture(struct sim *sim) {
  step_ask(sim, CALL_CAPTURE);
}

static void step_refund(struct sim *sim) {
  step_ask(sim, CALL_REFUND);
}

static void step_cancel(struct sim *sim) {
  step_ask(sim, CALL_CANCEL);
}

static void step_resolve(struct sim *sim) {
  if (sim->model->order_count > 0)
    sim_resolve(sim, pick_order(sim, is_unknown), !sim->lies || sim_chance(sim, 50));
}

static void step_moves(struct sim *sim) {
  sim_gateway_moves(sim, false);
}

void sim_step(struct sim *sim) {
  static const struct {
    int32_t weight;
    void (*step)(struct sim *sim);
  } steps[] = {{15, step_register},    {35, step_login},       {6, step_revoke},
               {4, step_verify_token}, {30, step_session},     {20, step_create_cart},
               {190, step_change_cart}, {15, step_get_cart},   {130, step_buy},
               {40, step_resume},      {25, step_abandon},     {70, step_report},
               {40, sim_recover},      {15, step_resolve},     {35, step_capture},
               {45, step_refund},      {35, step_cancel},      {25, step_put},
               {20, step_adjust},      {5, step_retire},       {20, sim_deliver},
               {3, step_maintain},     {3, step_reopen},       {70, step_clock},
               {40, step_moves},       {4, sim_compare_all},   {0, NULL}};
  int32_t sum = 0, at;

  for (int32_t i = 0; steps[i].step != NULL; i++)
    sum += steps[i].weight;
  at = sim_below(sim, sum);
  for (int32_t i = 0; steps[i].step != NULL; i++) {
    at -= steps[i].weight;
    if (at < 0) {
      steps[i].step(sim);
      return;
    }
  }
}
