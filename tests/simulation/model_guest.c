/* The model of guests: how they come, become an account or join one, and go. Here stands the rule
   of include/shop/guest.h. */
#include "model_parts.h"

#include <string.h>

bool model_is_guest(const struct model *model, int32_t token) {
  return model->tokens[token].user >= USERS;
}

int32_t model_create_guest(struct model *model) {
  int32_t user = USERS + model->guest_count++;

  model->users[user] = (struct m_user){.is_guest = true, .came_ms = model->now_ms, .cart = NOBODY};
  return user;
}

static void revoke_all(struct model *model, int32_t user) {
  for (int32_t i = 0; i < model->token_count; i++)
    if (model->tokens[i].user == user)
      model->tokens[i].revoked = true;
}

/* ---- a guest registers ------------------------------------------------------------------- */

/* The same user has an address now: all that was the guest's is the account's. */
static void become(struct model *model, int32_t guest, int32_t user) {
  revoke_all(model, guest);
  model->users[user] = (struct m_user){
      .registered = true, .id = model->users[guest].id, .cart = model->users[guest].cart};
  model->users[guest].is_guest = false;
  model->users[guest].cart = NOBODY;
  for (int32_t i = 0; i < model->token_count; i++)
    if (model->tokens[i].user == guest)
      model->tokens[i].user = user;
  for (int32_t i = 0; i < model->cart_count; i++)
    if (model->carts[i].user == guest)
      model->carts[i].user = user;
  for (int32_t i = 0; i < model->key_count; i++)
    if (model->keys[i].user == guest)
      model->keys[i].user = user;
}

int32_t model_register_guest(struct model *model, int32_t token, int32_t user, int32_t key,
                             bool wrong) {
  bool registered = model->users[user].registered;
  const struct m_key *known = NULL;
  int32_t status = SHOP_OK;

  /* The key belongs to the address, and may outlive the guest's token. */
  if (registered && model->tokens[token].user == user)
    status = model_find_key(model, user, CALL_REGISTER, key, 1, &known);
  if (known != NULL)
    return wrong ? SHOP_ERR_EMAIL_TAKEN : SHOP_OK;
  if (status == SHOP_OK)
    status = model_check_token(model, token);
  if (status == SHOP_OK && !model_is_guest(model, token))
    status = SHOP_ERR_STATE;
  if (status == SHOP_OK && registered)
    status = SHOP_ERR_EMAIL_TAKEN;
  if (status != SHOP_OK)
    return status;
  become(model, model->tokens[token].user, user);
  model_keep_key(model, user, CALL_REGISTER, key, 1, user, 0);
  return SHOP_OK;
}

/* ---- two carts become one ------------------------------------------------------------------ */

static int32_t join_line(const struct model *model, struct m_cart *into,
                         const struct m_line *line) {
  struct m_line *same = NULL;

  for (int32_t i = 0; i < into->line_count; i++)
    if (into->lines[i].product == line->product)
      same = &into->lines[i];
  if (same != NULL && same->quantity >= line->quantity)
    return SHOP_OK;
  if (line->quantity > model->settings.quantity_max)
    return SHOP_ERR_QUANTITY;
  if (same == NULL && into->line_count >= model->settings.lines_max)
    return SHOP_ERR_CART_FULL;
  if (same == NULL)
    into->lines[into->line_count++] = *line;
  else
    same->quantity = line->quantity; /* and the price that the account's line keeps */
  into->version++;
  return SHOP_OK;
}

struct term {
  bool held;        /* one of them is */
  int64_t start_ms; /* since when pieces are held in a row; 0: they are not */
  int64_t end_ms;
};

static void consider(const struct model *model, const struct m_cart *cart, struct term *term) {
  int64_t start_ms = cart->hold_start_ms, end_ms = start_ms + cart->hold_length_ms;
  /* After the limit in a row, and as long not at all, a new row may begin. */
  bool in_a_row = start_ms != 0 && start_ms <= model->now_ms &&
                  model->now_ms < start_ms + 2 * model->settings.cart_hold_ms;

  if (in_a_row && (term->start_ms == 0 || start_ms < term->start_ms))
    term->start_ms = start_ms;
  if (!model_hold_is_on(model, cart))
    return;
  if (!term->held || end_ms < term->end_ms)
    term->end_ms = end_ms;
  term->held = true;
}

/* The pieces of both are free first, so that what both had is enough once. */
static void hold_again(struct model *model, struct m_cart *cart, const struct term *term) {
  int64_t longest_ms = term->start_ms + model->settings.cart_hold_ms;
  int64_t end_ms = term->end_ms < longest_ms ? term->end_ms : longest_ms;

  if (term->start_ms != 0)
    cart->hold_start_ms = term->start_ms;
  if (term->held && end_ms > model->now_ms && model_look_at_lines(model, cart) == SHOP_OK &&
      model_set_all_aside(model, cart) == SHOP_OK)
    cart->hold_length_ms = end_ms - cart->hold_start_ms;
}

/* There is no such cart any more. */
static void drop(struct model *model, struct m_cart *cart) {
  if (cart->hold_length_ms > 0)
    model_end_hold(model, cart);
  model->users[cart->user].cart = NOBODY;
  cart->state = SHOP_CART_EXPIRED;
  cart->user = NOBODY;
  cart->line_count = 0;
}

static int32_t join(struct model *model, struct m_cart *into, struct m_cart *from) {
  struct m_cart joined = *into;
  struct term term = {.held = false};
  int32_t status = SHOP_OK;

  if (into->state == SHOP_CART_COMPLETING)
    return SHOP_ERR_CART_BUSY;
  if (into->line_count > 0 && strcmp(into->currency, from->currency) != 0)
    return SHOP_ERR_CURRENCY_MIXED;
  for (int32_t i = 0; i < from->line_count && status == SHOP_OK; i++)
    status = join_line(model, &joined, &from->lines[i]);
  if (status != SHOP_OK)
    return status;
  consider(model, from, &term);
  consider(model, into, &term);
  if (into->hold_length_ms > 0)
    model_end_hold(model, into);
  model_copy(joined.currency, sizeof joined.currency, from->currency);
  drop(model, from);
  joined.version += joined.version == into->version;
  joined.updated_ms = model->now_ms;
  joined.hold_length_ms = 0;
  *into = joined;
  hold_again(model, into, &term);
  return SHOP_OK;
}

static int32_t merge(struct model *model, int32_t guest, int32_t user) {
  int32_t from = model->users[guest].cart, into = model->users[user].cart;

  if (from == NOBODY)
    return SHOP_OK;
  if (into == NOBODY) {
    model->users[guest].cart = NOBODY;
    model->users[user].cart = from;
    model->carts[from].user = user;
    model->carts[from].version++;
    model->carts[from].updated_ms = model->now_ms;
    return SHOP_OK;
  }
  if (model->carts[from].line_count > 0)
    return join(model, &model->carts[into], &model->carts[from]);
  drop(model, &model->carts[from]);
  return SHOP_OK;
}

int32_t model_login_guest(struct model *model, int32_t token, int32_t user, bool wrong) {
  int32_t guest = model->tokens[token].user, status = model_check_token(model, token);

  if (status == SHOP_OK && !model_is_guest(model, token))
    status = SHOP_ERR_STATE;
  if (status == SHOP_OK && (wrong || !model->users[user].registered))
    status = SHOP_ERR_CREDENTIALS;
  if (status == SHOP_OK)
    status = merge(model, guest, user);
  if (status == SHOP_OK)
    revoke_all(model, guest);
  return status;
}

/* ---- upkeep ---------------------------------------------------------------------------------- */

static bool can_come_back(const struct model *model, int32_t guest) {
  for (int32_t i = 0; i < model->token_count; i++) {
    const struct m_token *token = &model->tokens[i];

    if (token->user == guest && !token->revoked && !token->pruned)
      return true;
  }
  return false;
}

static void forget(struct model *model, int32_t guest) {
  int32_t kept = 0;

  model->users[guest].is_guest = false;
  if (model->users[guest].cart != NOBODY)
    drop(model, &model->carts[model->users[guest].cart]);
  for (int32_t i = 0; i < model->cart_count; i++)
    if (model->carts[i].user == guest)
      model->carts[i].user = NOBODY;
  for (int32_t i = 0; i < model->token_count; i++)
    if (model->tokens[i].user == guest)
      model->tokens[i].pruned = true;
  for (int32_t i = 0; i < model->key_count; i++)
    if (model->keys[i].user != guest)
      model->keys[kept++] = model->keys[i];
  model->key_count = kept;
}

int64_t model_prune_guests(struct model *model) {
  int64_t count = 0;

  for (int32_t guest = USERS; guest < USERS + model->guest_count; guest++) {
    const struct m_user *user = &model->users[guest];

    if (!user->is_guest || user->came_ms >= model->now_ms - model->settings.guest_life_ms ||
        can_come_back(model, guest))
      continue;
    forget(model, guest);
    count++;
  }
  return count;
}
