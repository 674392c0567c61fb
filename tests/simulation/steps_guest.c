/* Steps of guests: they come, fill a cart, and turn out to be somebody. */
#include "steps.h"

#include <stdio.h>

static bool is_registered(const struct sim *sim, int32_t user) {
  return sim->model->users[user].registered;
}

static bool is_buying(const struct sim *sim, int32_t user) {
  int32_t cart = sim->model->users[user].cart;

  return cart != NOBODY && sim->model->carts[cart].state == SHOP_CART_COMPLETING;
}

/* Mostly one of whom this is so. */
static int32_t pick_user(struct sim *sim, bool (*is_so)(const struct sim *sim, int32_t user),
                         bool so) {
  int32_t from = sim_below(sim, USERS);

  for (int32_t i = 0; i < USERS && !sim_chance(sim, 3); i++)
    if (is_so(sim, (from + i) % USERS) == so)
      return (from + i) % USERS;
  return from;
}

void sim_step_create_guest(struct sim *sim) {
  shop_token_t *token = NULL;
  bool rival;
  int32_t status;

  if (sim->model->guest_count == GUESTS_MAX)
    return;
  rival = sim_rival_comes(sim);
  status = shop_guest_create(sim->shop, NULL, &token, sim->err);
  sim_log(sim, "a guest: %s", shop_status_name(status));
  if (sim_kept_out(sim, rival, status))
    return;
  sim_status(sim, status, SHOP_OK);
  sim_keep_token(sim, token, model_create_guest(sim->model));
}

/* Mostly a good token of a guest: where there is none, one comes. */
static int32_t pick_guest(struct sim *sim) {
  int32_t token = sim_pick_guest(sim);

  if ((token != NOBODY && model_is_guest(sim->model, token)) || sim_chance(sim, 20))
    return token;
  sim_step_create_guest(sim);
  return sim_pick_guest(sim);
}

void sim_step_register_guest(struct sim *sim) {
  int32_t token = pick_guest(sim), user = pick_user(sim, is_registered, sim_chance(sim, 20));
  int32_t key = sim_pick_key(sim), status;
  bool wrong = is_registered(sim, user) && sim_chance(sim, 20), rival;
  shop_token_t *out = NULL;
  shop_options_t *with;
  int64_t id;
  char email[40];

  if (token == NOBODY)
    return;
  id = sim->model->users[sim->model->tokens[token].user].id;
  with = sim_options(sim, key, 0);
  snprintf(email, sizeof email, "user%d@example.org", user);
  rival = sim_rival_comes(sim);
  status = shop_guest_register(sim->shop, sim->model->tokens[token].handle, email,
                               wrong ? "wrong password" : "kettle password", with, &out, sim->err);
  shop_options_free(with);
  sim_log(sim, "guest %d registers %s, key %d: %s", token, email, key, shop_status_name(status));
  if (sim_kept_out(sim, rival, status))
    return;
  sim_status(sim, status, model_register_guest(sim->model, token, user, key, wrong));
  sim_equal(sim, "a token", out != NULL, status == SHOP_OK);
  if (status != SHOP_OK)
    return;
  sim_keep_token(sim, out, user);
  sim_equal(sim, "the same user", shop_token_user_id(out), id);
}

/* So that there is something to join. */
static void fill_cart(struct sim *sim, int32_t user) {
  int32_t token = sim_pick_token_of(sim, user);

  if (sim->model->users[sim->model->tokens[token].user].cart == NOBODY && sim_chance(sim, 80))
    sim_create_cart(sim, token);
  for (int32_t i = sim_below(sim, 9); i > 0; i--)
    sim_change_cart(sim, token);
}

void sim_step_login_guest(struct sim *sim) {
  int32_t token = pick_guest(sim), status;
  int32_t user =
      sim_chance(sim, 20) ? pick_user(sim, is_buying, true) : pick_user(sim, is_registered, true);
  bool wrong = sim_chance(sim, 10), rival;
  shop_token_t *out = NULL;
  char email[40];

  if (token == NOBODY)
    return;
  if (sim_chance(sim, 80))
    fill_cart(sim, sim->model->tokens[token].user);
  if (sim_chance(sim, 40))
    fill_cart(sim, user);
  if (sim->depth == 0 && sim_chance(sim, 8))
    sim_reopen(sim);
  snprintf(email, sizeof email, "user%d@example.org", user);
  rival = sim_rival_comes(sim);
  status = shop_guest_login(sim->shop, sim->model->tokens[token].handle, email,
                            wrong ? "wrong password" : "kettle password", NULL, &out, sim->err);
  sim_log(sim, "guest %d logs in as %s: %s", token, email, shop_status_name(status));
  if (sim_kept_out(sim, rival, status))
    return;
  sim_status(sim, status, model_login_guest(sim->model, token, user, wrong));
  sim_equal(sim, "a token", out != NULL, status == SHOP_OK);
  if (status == SHOP_OK)
    sim_keep_token(sim, out, user);
  sim_compare_carts(sim); /* what was refused has changed nothing */
}
