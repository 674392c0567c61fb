/* What the steps share: who, what and when, and a store that is held by another. */
#include "steps.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- around a call ------------------------------------------------------------------ */

void sim_scene_begin(struct sim *sim, struct scene *scene, int32_t order, int32_t operation) {
  *scene = (struct scene){.order = order, .operation = operation};
  sim->scene = scene;
}

void sim_scene_end(struct sim *sim) {
  struct scene *scene = sim->scene;

  if (scene->lost || scene->mail_lost)
    sim_unlock(sim);
  sim_check(sim, scene->lost || !scene->voids, "a void was expected");
  sim_check(sim, scene->lost || !scene->repeats, "a repetition was expected");
  for (int32_t i = 0; i < sim->model->mail_count && sim->model->settings.at_once; i++) {
    const struct m_mail *mail = &sim->model->mails[i];

    sim_check(sim,
              mail->state != MAIL_LEASED || mail->tries > 0 || scene->mail_lost || mail->silent,
              "mail %d of %s was not sent at once", (int)mail->kind,
              sim->model->orders[mail->order].number);
  }
  for (int32_t i = 0; scene->mail_lost && i < sim->model->mail_count; i++)
    sim->model->mails[i].silent = true;
  sim->scene = NULL;
}

/* Another program holds the store, sometimes; never inside of a callback. */
bool sim_rival_comes(struct sim *sim) {
  if (sim->depth > 0 || !sim_chance(sim, 3))
    return false;
  sim_lock(sim);
  return true;
}

/* True when the call was kept from its work: then it has told so, and done nothing. */
bool sim_kept_out(struct sim *sim, bool rival, int32_t status) {
  if (!rival)
    return false;
  sim_unlock(sim);
  if (status == SHOP_ERR_BUSY)
    sim_compare_all(sim);
  return status == SHOP_ERR_BUSY;
}

/* A call of the gateway's kind that could not begin. */
void sim_check_kept_out(struct sim *sim, int32_t status, bool has_order) {
  sim_unlock(sim);
  sim_log(sim, "  kept out: %s", shop_status_name(status));
  sim_check(sim, status == SHOP_ERR_BUSY && !has_order, "a held store: %s",
            shop_status_name(status));
  sim_compare_all(sim);
}

shop_options_t *sim_options(struct sim *sim, int32_t key, int64_t version) {
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

int32_t sim_pick_key(struct sim *sim) {
  return sim_chance(sim, 30) ? 1 + sim_below(sim, 12) : 0;
}

/* Mostly one that is good. NOBODY: there is none at all. */
int32_t sim_pick_token(struct sim *sim) {
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

/* Mostly a good one of this user. */
int32_t sim_pick_token_of(struct sim *sim, int32_t user) {
  const struct model *model = sim->model;

  for (int32_t i = 0; i < model->token_count && !sim_chance(sim, 1); i++)
    if (model->tokens[i].user == user && model_check_token(model, i) == SHOP_OK)
      return i;
  return sim_pick_token(sim);
}

/* Mostly a guest's, and good. */
int32_t sim_pick_guest(struct sim *sim) {
  const struct model *model = sim->model;
  int32_t from = model->token_count == 0 ? 0 : sim_below(sim, model->token_count);

  for (int32_t i = 0; i < model->token_count && !sim_chance(sim, 1); i++) {
    int32_t token = (from + i) % model->token_count;

    if (model_is_guest(model, token) &&
        (model_check_token(model, token) == SHOP_OK || sim_chance(sim, 2)))
      return token;
  }
  return sim_pick_token(sim);
}

/* A shopper who has a cart, mostly. */
int32_t sim_pick_shopper(struct sim *sim) {
  int32_t token = sim_pick_token(sim);

  if (token != NOBODY && sim->model->users[sim->model->tokens[token].user].cart == NOBODY &&
      sim_chance(sim, 90)) {
    sim_step_create_cart(sim);
    token = sim_pick_token(sim);
  }
  return token;
}

/* Mostly the cart of the token's user. NOBODY: one that is not there. */
int32_t sim_pick_cart(struct sim *sim, int32_t token) {
  int32_t own = sim->model->users[sim->model->tokens[token].user].cart;

  if (own != NOBODY && !sim_chance(sim, 5))
    return own;
  return sim->model->cart_count == 0 || sim_chance(sim, 20)
             ? NOBODY
             : sim_below(sim, sim->model->cart_count);
}

int64_t sim_cart_id(const struct sim *sim, int32_t cart) {
  return cart == NOBODY ? 12345 : sim->model->carts[cart].id;
}

int64_t sim_pick_version(struct sim *sim, int32_t cart) {
  if (cart == NOBODY || !sim_chance(sim, 15))
    return 0;
  return sim->model->carts[cart].version + (sim_chance(sim, 30) ? 1 : 0);
}

bool sim_is_waiting(const struct m_order *order) {
  return order->status == SHOP_ORDER_PENDING;
}

bool sim_is_authorized(const struct m_order *order) {
  return order->payment == SHOP_PAYMENT_AUTHORIZED;
}

bool sim_is_captured(const struct m_order *order) {
  return order->payment == SHOP_PAYMENT_CAPTURED;
}

bool sim_is_unknown(const struct m_order *order) {
  for (int32_t i = 0; i < order->operation_count; i++)
    if (order->operations[i].state == SHOP_OPERATION_UNKNOWN)
      return true;
  return false;
}

bool sim_is_contradicted(const struct m_order *order) {
  return (order->attention & CONTRADICTION) != 0;
}

/* Mostly one for which there is something to do. */
int32_t sim_pick_order(struct sim *sim, bool (*is_wanted)(const struct m_order *order)) {
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
