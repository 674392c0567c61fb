/* Steps about users, products and carts. */
#include "steps.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const CURRENCIES[] = {"EUR", "USD"};

/* ---- users ----------------------------------------------------------------------------- */

void sim_keep_token(struct sim *sim, shop_token_t *token, int32_t user) {
  struct m_token *kept;

  sim_check(sim, token != NULL, "no token is given");
  sim_check(sim, sim->model->token_count < TOKENS_MAX, "too many tokens");
  kept = &sim->model->tokens[sim->model->token_count++];
  *kept = (struct m_token){.handle = token, .user = user};
  kept->expires_ms = sim->model->now_ms / 1000 * 1000 + sim->model->settings.token_life_ms;
  kept->from_ms = sim->model->now_ms / 1000 * 1000 - MINUTE;
  sim_equal(sim, "the token's end", shop_token_expires_at_ms(token), kept->expires_ms);
  sim->model->users[user].id = shop_token_user_id(token);
}

void sim_step_register(struct sim *sim) {
  int32_t user = sim_below(sim, USERS), key = sim_pick_key(sim);
  bool wrong = sim_chance(sim, 20), registered = sim->model->users[user].registered;
  shop_options_t *with = sim_options(sim, key, 0);
  const struct m_key *known = NULL;
  shop_token_t *token = NULL;
  char email[40];
  bool rival = sim_rival_comes(sim);
  int32_t status, wanted = SHOP_OK;

  snprintf(email, sizeof email, sim_chance(sim, 50) ? "user%d@example.org" : "USER%d@example.org",
           user);
  status = shop_user_register(sim->shop, email,
                              wrong && registered ? "wrong password" : "kettle password", with,
                              &token, sim->err);
  shop_options_free(with);
  sim_log(sim, "register %s key %d: %s", email, key, shop_status_name(status));
  if (sim_kept_out(sim, rival, status))
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
  sim_keep_token(sim, token, user);
}

void sim_step_login(struct sim *sim) {
  int32_t user = sim_below(sim, USERS);
  bool wrong = sim_chance(sim, 10), registered = sim->model->users[user].registered;
  shop_token_t *token = NULL;
  char email[40];
  bool rival = sim_rival_comes(sim);
  int32_t status;

  snprintf(email, sizeof email, "user%d@example.org", user);
  status = shop_user_login(sim->shop, email, wrong ? "wrong password" : "kettle password", NULL,
                           &token, sim->err);
  sim_log(sim, "login %s: %s", email, shop_status_name(status));
  if (sim_kept_out(sim, rival, status))
    return;
  sim_status(sim, status, wrong || !registered ? SHOP_ERR_CREDENTIALS : SHOP_OK);
  if (status == SHOP_OK)
    sim_keep_token(sim, token, user);
}

void sim_step_revoke(struct sim *sim) {
  int32_t token = sim_pick_token(sim);
  bool rival;
  int32_t status;

  if (token == NOBODY)
    return;
  rival = sim_rival_comes(sim);
  status = shop_token_revoke(sim->shop, sim->model->tokens[token].handle, NULL, sim->err);
  sim_log(sim, "revoke %d: %s", token, shop_status_name(status));
  if (sim_kept_out(sim, rival, status))
    return;
  sim_status(sim, status, sim->model->tokens[token].pruned ? SHOP_ERR_TOKEN_INVALID : SHOP_OK);
  sim->model->tokens[token].revoked = true;
}

void sim_step_verify_token(struct sim *sim) {
  int32_t token = sim_pick_token(sim);
  shop_token_t *verified = NULL;
  int32_t status;

  if (token == NOBODY)
    return;
  status = shop_token_verify(sim->shop, shop_token_jwt(sim->model->tokens[token].handle), &verified,
                             sim->err);
  sim_log(sim, "verify token %d: %s", token, shop_status_name(status));
  sim_status(sim, status, model_check_token(sim->model, token));
  shop_token_free(verified);
}

void sim_step_session(struct sim *sim) {
  int32_t token = sim_pick_token(sim);
  shop_session_t *session = NULL;
  const struct m_user *user;

  if (token == NOBODY)
    return;
  user = &sim->model->users[sim->model->tokens[token].user];
  sim_status(sim,
             shop_session_check(sim->shop, sim->model->tokens[token].handle, &session, sim->err),
             SHOP_OK);
  sim_log(sim, "session %d: %s", token, shop_status_name(shop_session_status(session)));
  sim_status(sim, shop_session_status(session), model_check_token(sim->model, token));
  sim_equal(sim, "a guest", shop_session_is_guest(session),
            shop_session_status(session) == SHOP_OK && model_is_guest(sim->model, token));
  if (shop_session_status(session) == SHOP_OK && user->cart != NOBODY)
    sim_compare_cart(sim, shop_session_cart(session), &sim->model->carts[user->cart]);
  shop_session_free(session);
}

/* ---- catalogue ---------------------------------------------------------------------------- */

void sim_step_put(struct sim *sim) {
  int32_t product = sim_below(sim, PRODUCTS);
  struct m_product wanted = {.exists = true, .active = true};
  bool rival = sim_rival_comes(sim);
  int32_t status;

  snprintf(wanted.sku, sizeof wanted.sku, "SKU-%d", product);
  snprintf(wanted.currency, 4, "%s",
           CURRENCIES[sim_chance(sim, sim->model->settings.two_currencies ? 35 : 5)]);
  wanted.price = sim_chance(sim, 5) ? 0 : 100 + 50 * sim_below(sim, 4) + product;
  wanted.unlimited = sim_chance(sim, 10);
  wanted.on_hand = sim_below(sim, 30);
  status = shop_product_put(sim->shop, wanted.sku, "Thing", NULL, wanted.price, wanted.currency,
                            wanted.unlimited ? SHOP_STOCK_UNLIMITED : wanted.on_hand, NULL, NULL,
                            sim->err);
  sim_log(sim, "put %s %lld %s, %lld: %s", wanted.sku, (long long)wanted.price, wanted.currency,
          (long long)(wanted.unlimited ? -1 : wanted.on_hand), shop_status_name(status));
  if (sim_kept_out(sim, rival, status))
    return;
  sim_status(sim, status, SHOP_OK);
  wanted.reserved = sim->model->products[product].reserved;
  wanted.rank = sim->model->products[product].exists ? sim->model->products[product].rank
                                                     : ++sim->model->ranks;
  sim->model->products[product] = wanted;
}

void sim_step_adjust(struct sim *sim) {
  int32_t product = sim_below(sim, PRODUCTS);
  int64_t delta = sim_below(sim, 2) == 0 ? 1 + sim_below(sim, 20) : -1 - sim_below(sim, 10);
  bool rival = sim_rival_comes(sim);
  char sku[8];
  int32_t status;

  snprintf(sku, sizeof sku, "SKU-%d", product);
  status = shop_product_adjust_stock(sim->shop, sku, delta, NULL, NULL, sim->err);
  sim_log(sim, "adjust %s by %lld: %s", sku, (long long)delta, shop_status_name(status));
  if (!sim_kept_out(sim, rival, status))
    sim_status(sim, status, model_adjust(sim->model, product, delta));
}

void sim_step_retire(struct sim *sim) {
  int32_t product = sim_below(sim, PRODUCTS);
  bool rival = sim_rival_comes(sim);
  char sku[8];
  int32_t status;

  snprintf(sku, sizeof sku, "SKU-%d", product);
  status = shop_product_retire(sim->shop, sku, NULL, sim->err);
  sim_log(sim, "retire %s: %s", sku, shop_status_name(status));
  if (sim_kept_out(sim, rival, status))
    return;
  sim_status(sim, status, sim->model->products[product].exists ? SHOP_OK : SHOP_ERR_NOT_FOUND);
  sim->model->products[product].active = false;
}

/* ---- carts ----------------------------------------------------------------------------------- */

void sim_create_cart(struct sim *sim, int32_t token) {
  bool rival = sim_rival_comes(sim), is_new;
  shop_cart_t *cart = NULL;
  int32_t status, index;

  status = shop_cart_create(sim->shop, sim->model->tokens[token].handle, NULL, &cart, sim->err);
  sim_log(sim, "cart of %d: %s", token, shop_status_name(status));
  if (sim_kept_out(sim, rival, status))
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

void sim_step_create_cart(struct sim *sim) {
  int32_t token = sim_pick_token(sim);

  if (token != NOBODY)
    sim_create_cart(sim, token);
}

static int32_t call_change(struct sim *sim, const struct cart_change *change,
                           const shop_options_t *with, shop_cart_t **out) {
  const shop_token_t *token = sim->model->tokens[change->token].handle;
  int64_t id = sim_cart_id(sim, change->cart);
  char sku[8];

  snprintf(sku, sizeof sku, "SKU-%d", change->product);
  switch (change->call) {
  case CART_ADD:
    return shop_cart_add(sim->shop, token, id, sku, change->quantity, with, out, sim->err);
  case CART_SET:
    return shop_cart_set_quantity(sim->shop, token, id, sku, change->quantity, with, out, sim->err);
  case CART_REMOVE:
    return shop_cart_remove(sim->shop, token, id, sku, with, out, sim->err);
  case CART_CLEAR:
    return shop_cart_clear(sim->shop, token, id, with, out, sim->err);
  case CART_HOLD:
    return shop_cart_hold(sim->shop, token, id, change->hold_ms, with, out, sim->err);
  case CART_RELEASE:
    return shop_cart_release(sim->shop, token, id, with, out, sim->err);
  case CART_REPRICE:
    break;
  }
  return shop_cart_reprice(sim->shop, token, id, with, out, sim->err);
}

void sim_change_cart(struct sim *sim, int32_t token) {
  static const enum cart_call calls[] = {
      CART_ADD,     CART_ADD,  CART_ADD,    CART_ADD,    CART_ADD,   CART_ADD,
      CART_SET,     CART_SET,  CART_REMOVE, CART_REMOVE, CART_CLEAR, CART_REPRICE,
      CART_REPRICE, CART_HOLD, CART_HOLD,   CART_HOLD,   CART_HOLD,  CART_RELEASE};
  struct cart_change change = {.token = token};
  shop_options_t *with;
  shop_cart_t *cart = NULL;
  bool rival;
  int32_t status;

  change.call = calls[sim_below(sim, sizeof calls / sizeof calls[0])];
  change.cart = sim_pick_cart(sim, change.token);
  change.product = change.call >= CART_CLEAR ? 0 : sim_below(sim, PRODUCTS);
  if (change.call == CART_HOLD)
    change.hold_ms = sim_chance(sim, 4)    ? 999
                     : sim_chance(sim, 4)  ? sim->model->settings.cart_hold_ms + 1
                     : sim_chance(sim, 20) ? sim->model->settings.cart_hold_ms
                                           : 1000 * (1 + sim_below(sim, 120));
  change.quantity = sim_chance(sim, 3) ? 0 : 1 + sim_below(sim, sim_chance(sim, 5) ? 12 : 3);
  change.expected_version = sim_pick_version(sim, change.cart);
  change.key = sim_pick_key(sim);
  with = sim_options(sim, change.key, change.expected_version);
  rival = sim_rival_comes(sim);
  status = call_change(sim, &change, with, &cart);
  shop_options_free(with);
  sim_log(sim, "cart %d call %d by %d, product %d, %lld pieces, key %d: %s", change.cart,
          change.call, change.token, change.product, (long long)change.quantity, change.key,
          shop_status_name(status));
  if (sim_kept_out(sim, rival, status))
    return;
  sim_status(sim, status, model_change_cart(sim->model, &change));
  if (status == SHOP_OK)
    sim_compare_cart(sim, cart, &sim->model->carts[change.cart]);
  shop_cart_free(cart);
}

void sim_step_change_cart(struct sim *sim) {
  int32_t token = sim_pick_shopper(sim);

  if (token != NOBODY)
    sim_change_cart(sim, token);
}

void sim_step_get_cart(struct sim *sim) {
  int32_t token = sim_pick_token(sim), cart, status, wanted;
  shop_cart_t *found = NULL;

  if (token == NOBODY)
    return;
  cart = sim_pick_cart(sim, token);
  status = shop_cart_get(sim->shop, sim->model->tokens[token].handle, sim_cart_id(sim, cart),
                         &found, sim->err);
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
