/* The model: what the headers promise, said once more, as simply as it can be.
   Here: users, keys, stock, carts, mail and upkeep. */
#include "model_parts.h"

#include <stdlib.h>
#include <string.h>

void model_copy(char *out, size_t size, const char *text) {
  size_t length = strlen(text);

  if (length >= size)
    length = size - 1;
  memcpy(out, text, length);
  out[length] = '\0';
}

/* ---- users, tokens, keys ----------------------------------------------------- */

int32_t model_check_token(const struct model *model, int32_t token) {
  const struct m_token *at = &model->tokens[token];

  if (model->now_ms >= at->expires_ms)
    return SHOP_ERR_TOKEN_EXPIRED;
  if (model->now_ms < at->from_ms || at->pruned)
    return SHOP_ERR_TOKEN_INVALID;
  return at->revoked ? SHOP_ERR_TOKEN_REVOKED : SHOP_OK;
}

int32_t model_find_key(struct model *model, int32_t user, int32_t call, int32_t name,
                       uint64_t request, const struct m_key **found) {
  *found = NULL;
  for (int32_t i = 0; name != 0 && i < model->key_count; i++) {
    const struct m_key *key = &model->keys[i];

    if (key->user != user || key->call != call || key->name != name)
      continue;
    if (key->request != request)
      return SHOP_ERR_KEY_REUSED;
    *found = key;
  }
  return SHOP_OK;
}

void model_keep_key(struct model *model, int32_t user, int32_t call, int32_t name, uint64_t request,
                    int32_t result, int32_t operation) {
  if (name != 0)
    model->keys[model->key_count++] =
        (struct m_key){user, call, name, request, result, operation, model->now_ms};
}

uint64_t model_mix(uint64_t digest, uint64_t value) {
  digest = digest * UINT64_C(0x9e3779b97f4a7c15) + (value + 1) * UINT64_C(0xbf58476d1ce4e5b9);
  return digest ^ digest >> 29;
}

/* ---- stock ----------------------------------------------------------------------- */

int64_t model_available(const struct m_product *product) {
  if (product->unlimited)
    return SHOP_STOCK_UNLIMITED;
  return product->on_hand > product->reserved ? product->on_hand - product->reserved : 0;
}

int32_t model_adjust(struct model *model, int32_t product, int64_t delta) {
  struct m_product *at = &model->products[product];

  if (!at->exists)
    return SHOP_ERR_NOT_FOUND;
  if (at->unlimited)
    return SHOP_ERR_ARGUMENT;
  if (delta < 0 && at->on_hand + delta < 0)
    return SHOP_ERR_OUT_OF_STOCK;
  at->on_hand += delta;
  return SHOP_OK;
}

bool model_has(const struct m_product *product, int64_t quantity) {
  return product->unlimited || model_available(product) >= quantity;
}

void model_move(struct model *model, const struct m_order *order, bool sold) {
  for (int32_t i = 0; i < order->line_count; i++) {
    struct m_product *product = &model->products[order->lines[i].product];

    product->reserved -= order->lines[i].quantity;
    if (sold)
      product->on_hand -= order->lines[i].quantity;
  }
}

/* ---- holds ------------------------------------------------------------------------ */

bool model_is_held(const struct m_cart *cart) {
  return cart->state == SHOP_CART_OPEN && cart->hold_length_ms > 0;
}

bool model_hold_is_on(const struct model *model, const struct m_cart *cart) {
  return cart->hold_length_ms > 0 && cart->hold_start_ms <= model->now_ms &&
         model->now_ms < cart->hold_start_ms + cart->hold_length_ms;
}

void model_end_hold(struct model *model, struct m_cart *cart) {
  for (int32_t i = 0; i < cart->line_count; i++)
    model->products[cart->lines[i].product].reserved -= cart->lines[i].quantity;
  cart->hold_length_ms = 0;
}

static bool is_over(const struct model *model, const struct m_cart *cart, int32_t product) {
  bool has = product == NOBODY;

  for (int32_t i = 0; i < cart->line_count; i++)
    has = has || cart->lines[i].product == product;
  return has && model_is_held(cart) && !model_hold_is_on(model, cart);
}

static struct m_cart *first_over(const struct model *model, int32_t product) {
  const struct m_cart *first = NULL;

  for (int32_t i = 0; i < model->cart_count; i++)
    if (is_over(model, &model->carts[i], product) &&
        (first == NULL || model->carts[i].hold_start_ms < first->hold_start_ms))
      first = &model->carts[i];
  return (struct m_cart *)first;
}

bool model_make_room(struct model *model, int32_t product) {
  struct m_cart *cart = first_over(model, product);

  if (cart != NULL)
    model_end_hold(model, cart);
  return cart != NULL;
}

bool model_some_hold_is_over(const struct model *model) {
  return first_over(model, NOBODY) != NULL;
}

int64_t model_end_holds(struct model *model) {
  int64_t count = 0;

  while (model_make_room(model, NOBODY))
    count++;
  return count;
}

void model_remember(const struct model *model, struct m_undo *undo) {
  for (int32_t i = 0; i < PRODUCTS; i++)
    undo->reserved[i] = model->products[i].reserved;
  for (int32_t i = 0; i < model->cart_count; i++)
    undo->lengths[i] = model->carts[i].hold_length_ms;
}

void model_undo(struct model *model, const struct m_undo *undo) {
  for (int32_t i = 0; i < PRODUCTS; i++)
    model->products[i].reserved = undo->reserved[i];
  for (int32_t i = 0; i < model->cart_count; i++)
    model->carts[i].hold_length_ms = undo->lengths[i];
}

static int32_t set_aside(struct model *model, int32_t product, int64_t quantity) {
  while (!model_has(&model->products[product], quantity))
    if (!model_make_room(model, product))
      return SHOP_ERR_OUT_OF_STOCK;
  model->products[product].reserved += quantity;
  return SHOP_OK;
}

/* In a row up to the limit, and then as long not at all. */
static int32_t plan_hold(const struct model *model, struct m_cart *cart, int64_t hold_ms) {
  int64_t max_ms = model->settings.cart_hold_ms, now_ms = model->now_ms;
  int64_t end_ms = cart->hold_start_ms + max_ms;

  if (cart->hold_start_ms == 0 || now_ms < cart->hold_start_ms || now_ms >= end_ms + max_ms) {
    cart->hold_start_ms = now_ms;
    cart->hold_length_ms = hold_ms;
    return SHOP_OK;
  }
  if (now_ms >= end_ms)
    return SHOP_ERR_STATE;
  cart->hold_length_ms =
      (now_ms + hold_ms < end_ms ? now_ms + hold_ms : end_ms) - cart->hold_start_ms;
  return SHOP_OK;
}

int32_t model_look_at_lines(const struct model *model, const struct m_cart *cart) {
  for (int32_t i = 0; i < cart->line_count; i++) {
    int32_t warnings = model_line_warnings(model, cart, &cart->lines[i]);

    if ((warnings & SHOP_WARNING_RETIRED) != 0)
      return SHOP_ERR_PRODUCT_RETIRED;
    if ((warnings & SHOP_WARNING_CURRENCY_CHANGED) != 0)
      return SHOP_ERR_CURRENCY_MIXED;
  }
  return SHOP_OK;
}

int32_t model_set_all_aside(struct model *model, const struct m_cart *cart) {
  int64_t aside[PRODUCTS] = {0};
  int32_t status = SHOP_OK;

  for (int32_t rank = 1; rank <= model->ranks && status == SHOP_OK; rank++)
    for (int32_t i = 0; i < cart->line_count; i++)
      if (model->products[cart->lines[i].product].rank == rank && status == SHOP_OK) {
        status = set_aside(model, cart->lines[i].product, cart->lines[i].quantity);
        aside[cart->lines[i].product] = status == SHOP_OK ? cart->lines[i].quantity : 0;
      }
  for (int32_t i = 0; i < PRODUCTS && status != SHOP_OK; i++)
    model->products[i].reserved -= aside[i];
  return status;
}

static int32_t hold(struct model *model, struct m_cart *cart, int64_t hold_ms) {
  bool held = cart->hold_length_ms > 0;
  int32_t status;

  if (cart->line_count == 0)
    return SHOP_ERR_CART_EMPTY;
  status = model_look_at_lines(model, cart);
  if (status == SHOP_OK)
    status = plan_hold(model, cart, hold_ms);
  return status == SHOP_OK && !held ? model_set_all_aside(model, cart) : status;
}

/* ---- carts ------------------------------------------------------------------------ */

int32_t model_line_warnings(const struct model *model, const struct m_cart *cart,
                            const struct m_line *line) {
  const struct m_product *product = &model->products[line->product];
  int32_t warnings = 0;

  if (strcmp(product->currency, cart->currency) != 0)
    warnings |= SHOP_WARNING_CURRENCY_CHANGED;
  else if (product->price != line->price)
    warnings |= SHOP_WARNING_PRICE_CHANGED;
  if (!product->active)
    warnings |= SHOP_WARNING_RETIRED;
  if (!model_is_held(cart) && !model_has(product, line->quantity))
    warnings |= SHOP_WARNING_LESS_STOCK;
  return warnings;
}

int64_t model_price_of(const struct model *model, const struct m_cart *cart,
                       const struct m_line *line) {
  const struct m_product *product = &model->products[line->product];

  return strcmp(product->currency, cart->currency) == 0 ? product->price : line->price;
}

int64_t model_cart_total(const struct model *model, const struct m_cart *cart) {
  int64_t total = 0;

  for (int32_t i = 0; i < cart->line_count; i++)
    total += cart->lines[i].quantity * model_price_of(model, cart, &cart->lines[i]);
  return total;
}

int32_t model_create_cart(struct model *model, int32_t user, bool *is_new) {
  struct m_user *owner = &model->users[user];

  *is_new = owner->cart == NOBODY;
  if (*is_new) {
    owner->cart = model->cart_count++;
    model->carts[owner->cart] = (struct m_cart){.user = user,
                                                .state = SHOP_CART_OPEN,
                                                .version = 1,
                                                .order = NOBODY,
                                                .updated_ms = model->now_ms};
  }
  return owner->cart;
}

static struct m_line *line_of(struct m_cart *cart, int32_t product) {
  for (int32_t i = 0; i < cart->line_count; i++)
    if (cart->lines[i].product == product)
      return &cart->lines[i];
  return NULL;
}

static int32_t add(struct model *model, struct m_cart *cart, const struct cart_change *change) {
  const struct m_product *product = &model->products[change->product];
  struct m_line *line = line_of(cart, change->product);

  if (!product->exists)
    return SHOP_ERR_NOT_FOUND;
  if (!product->active)
    return SHOP_ERR_PRODUCT_RETIRED;
  if (cart->line_count > 0 && strcmp(cart->currency, product->currency) != 0)
    return SHOP_ERR_CURRENCY_MIXED;
  if (change->quantity + (line == NULL ? 0 : line->quantity) > model->settings.quantity_max)
    return SHOP_ERR_QUANTITY;
  if (line == NULL && cart->line_count >= model->settings.lines_max)
    return SHOP_ERR_CART_FULL;
  if (line == NULL) {
    line = &cart->lines[cart->line_count++];
    *line = (struct m_line){.product = change->product};
    model_copy(cart->currency, sizeof cart->currency, product->currency);
  }
  line->quantity += change->quantity;
  line->price = product->price;
  return SHOP_OK;
}

static int32_t apply(struct model *model, struct m_cart *cart, const struct cart_change *change) {
  struct m_line *line = line_of(cart, change->product);

  switch (change->call) {
  case CART_ADD:
    return add(model, cart, change);
  case CART_SET:
    if (line == NULL)
      return SHOP_ERR_NOT_FOUND;
    line->quantity = change->quantity;
    return SHOP_OK;
  case CART_REMOVE:
    if (line == NULL)
      return SHOP_ERR_NOT_FOUND;
    memmove(line, line + 1, (size_t)(cart->lines + cart->line_count - line - 1) * sizeof *line);
    cart->line_count--;
    return SHOP_OK;
  case CART_HOLD:
    return hold(model, cart, change->hold_ms);
  case CART_RELEASE:
    if (cart->hold_length_ms > 0)
      model_end_hold(model, cart);
    return SHOP_OK;
  case CART_CLEAR:
    if (cart->hold_length_ms > 0)
      model_end_hold(model, cart);
    cart->line_count = 0;
    return SHOP_OK;
  case CART_REPRICE:
    for (int32_t i = 0; i < cart->line_count; i++)
      if (model->products[cart->lines[i].product].active)
        cart->lines[i].price = model_price_of(model, cart, &cart->lines[i]);
    return SHOP_OK;
  }
  return SHOP_ERR_ARGUMENT;
}

static int64_t quantity_of(struct m_cart *cart, int32_t product) {
  const struct m_line *line = line_of(cart, product);

  return line == NULL ? 0 : line->quantity;
}

/* The change, and the hold that follows it; what fails leaves everything as it was. */
static int32_t change_held(struct model *model, struct m_cart *cart,
                           const struct cart_change *change) {
  const struct m_cart before = *cart;
  struct m_undo undo;
  int64_t more;
  int32_t status;

  model_remember(model, &undo);
  if (cart->hold_length_ms > 0 && !model_hold_is_on(model, cart))
    model_end_hold(model, cart);
  status = apply(model, cart, change);
  more =
      quantity_of(cart, change->product) - quantity_of((struct m_cart *)&before, change->product);
  if (status == SHOP_OK && cart->hold_length_ms > 0 && change->call <= CART_REMOVE) {
    if (more > 0)
      status = set_aside(model, change->product, more);
    else
      model->products[change->product].reserved += more;
    if (cart->line_count == 0)
      cart->hold_length_ms = 0;
  }
  if (status != SHOP_OK) {
    *cart = before;
    model_undo(model, &undo);
  }
  return status;
}

int32_t model_change_cart(struct model *model, const struct cart_change *change) {
  bool counts = change->call == CART_ADD || change->call == CART_SET;
  const struct m_key *known = NULL;
  struct m_cart *cart;
  int32_t user = model->tokens[change->token].user;
  uint64_t request = model_mix(model_mix((uint64_t)change->cart + 1, (uint64_t)change->product),
                               counts                      ? (uint64_t)change->quantity
                               : change->call == CART_HOLD ? (uint64_t)change->hold_ms
                                                           : 0);
  int32_t status;

  if (counts && (change->quantity < 1 || change->quantity > model->settings.quantity_max))
    return SHOP_ERR_QUANTITY;
  if (change->call == CART_HOLD &&
      (change->hold_ms < 1000 || change->hold_ms > model->settings.cart_hold_ms))
    return SHOP_ERR_ARGUMENT;
  status = model_check_token(model, change->token);
  if (status == SHOP_OK)
    status = model_find_key(model, user, (int32_t)change->call, change->key, request, &known);
  if (status != SHOP_OK)
    return status;
  if (change->cart == NOBODY || model->carts[change->cart].user != user)
    return SHOP_ERR_NOT_FOUND;
  if (known != NULL)
    return SHOP_OK;
  cart = &model->carts[change->cart];
  if (cart->state == SHOP_CART_COMPLETED)
    return SHOP_ERR_CART_COMPLETED;
  if (cart->state == SHOP_CART_EXPIRED)
    return SHOP_ERR_CART_EXPIRED;
  if (cart->state == SHOP_CART_COMPLETING)
    return SHOP_ERR_CART_BUSY;
  if (change->expected_version != 0 && change->expected_version != cart->version)
    return SHOP_ERR_VERSION;
  status = change_held(model, cart, change);
  if (status != SHOP_OK)
    return status;
  if (cart->line_count == 0)
    cart->currency[0] = '\0';
  cart->version++;
  cart->updated_ms = model->now_ms;
  model_keep_key(model, user, (int32_t)change->call, change->key, request, change->cart, 0);
  return SHOP_OK;
}

/* ---- mail and upkeep ---------------------------------------------------------------------- */

void model_queue_mail(struct model *model, const struct m_order *order, int32_t kind,
                      int64_t amount) {
  bool at_once = model->settings.at_once;
  int64_t wait_ms = at_once ? model->settings.mail_lease_ms : 0;

  if (!model->settings.mails[kind])
    return;
  if (model->mail_count == MAILS_MAX)
    abort();
  model->mails[model->mail_count++] = (struct m_mail){.order = (int32_t)(order - model->orders),
                                                      .kind = kind,
                                                      .amount = amount,
                                                      .state = at_once ? MAIL_LEASED : MAIL_QUEUED,
                                                      .since_ms = model->now_ms,
                                                      .wait_ms = wait_ms,
                                                      .wait_max_ms = wait_ms};
}

void model_mail_answer(struct model *model, struct m_mail *mail, enum mail_answer answer) {
  mail->tries++;
  mail->since_ms = model->now_ms;
  if (answer == SAYS_DELIVERED) {
    mail->state = MAIL_SENT;
  } else if (answer == SAYS_REJECTED || mail->tries >= model->settings.tries_max) {
    mail->state = MAIL_DEAD;
  } else {
    mail->state = MAIL_QUEUED;
    mail->wait_ms = MINUTE << (mail->tries - 1);
    mail->wait_max_ms = mail->wait_ms + mail->wait_ms / 100 * 9;
  }
}

static bool is_due(const struct model *model, const struct m_mail *mail, int64_t wait_ms) {
  return (mail->state == MAIL_QUEUED || mail->state == MAIL_LEASED) &&
         (model->now_ms < mail->since_ms || mail->since_ms + wait_ms <= model->now_ms);
}

bool model_mail_is_due(const struct model *model, const struct m_mail *mail) {
  return is_due(model, mail, mail->wait_max_ms);
}

bool model_mail_may_be_due(const struct model *model, const struct m_mail *mail) {
  return is_due(model, mail, mail->wait_ms);
}

/* Of old mail only the row stays. */
static int64_t forget_mail(struct model *model) {
  int64_t forgotten = 0;

  for (int32_t i = 0; i < model->mail_count; i++) {
    struct m_mail *mail = &model->mails[i];

    int64_t life_ms =
        mail->state == MAIL_SENT ? model->settings.mail_life_ms : model->settings.mail_dead_life_ms;

    if ((mail->state != MAIL_SENT && mail->state != MAIL_DEAD) ||
        mail->since_ms >= model->now_ms - life_ms)
      continue;
    mail->state = MAIL_FORGOTTEN;
    forgotten++;
  }
  return forgotten;
}

struct upkeep model_maintain(struct model *model) {
  struct upkeep done = {.holds = model_end_holds(model), .mails = forget_mail(model)};
  int32_t kept = 0;

  for (int32_t i = 0; i < model->cart_count; i++) {
    struct m_cart *cart = &model->carts[i];

    if (cart->state != SHOP_CART_OPEN || cart->hold_length_ms > 0 ||
        cart->updated_ms >= model->now_ms - model->settings.cart_life_ms)
      continue;
    cart->state = SHOP_CART_EXPIRED;
    cart->version++;
    cart->updated_ms = model->now_ms;
    model->users[cart->user].cart = NOBODY;
    done.carts++;
  }
  for (int32_t i = 0; i < model->key_count; i++)
    if (model->keys[i].created_ms >= model->now_ms - model->settings.once_life_ms)
      model->keys[kept++] = model->keys[i];
  done.keys = model->key_count - kept;
  model->key_count = kept;
  for (int32_t i = 0; i < model->token_count; i++)
    if (!model->tokens[i].pruned && model->tokens[i].expires_ms < model->now_ms) {
      model->tokens[i].pruned = true;
      done.tokens++;
    }
  done.guests = model_prune_guests(model);
  return done;
}
