/* The model: what the headers promise, said once more, as simply as it can be. */
#include "model.h"

#include <string.h>

static void copy(char *out, size_t size, const char *text) {
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
  if (at->pruned)
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

void model_keep_key(struct model *model, int32_t user, int32_t call, int32_t name,
                    uint64_t request, int32_t result, int32_t operation) {
  if (name != 0)
    model->keys[model->key_count++] =
        (struct m_key){user, call, name, request, result, operation, model->now_ms};
}

static uint64_t mix(uint64_t digest, uint64_t value) {
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

static bool has(const struct m_product *product, int64_t quantity) {
  return product->unlimited || model_available(product) >= quantity;
}

static void move(struct model *model, const struct m_order *order, bool sold) {
  for (int32_t i = 0; i < order->line_count; i++) {
    struct m_product *product = &model->products[order->lines[i].product];

    product->reserved -= order->lines[i].quantity;
    if (sold)
      product->on_hand -= order->lines[i].quantity;
  }
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
  if (!has(product, line->quantity))
    warnings |= SHOP_WARNING_LESS_STOCK;
  return warnings;
}

static int64_t price_of(const struct model *model, const struct m_cart *cart,
                        const struct m_line *line) {
  const struct m_product *product = &model->products[line->product];

  return strcmp(product->currency, cart->currency) == 0 ? product->price : line->price;
}

int64_t model_cart_total(const struct model *model, const struct m_cart *cart) {
  int64_t total = 0;

  for (int32_t i = 0; i < cart->line_count; i++)
    total += cart->lines[i].quantity * price_of(model, cart, &cart->lines[i]);
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
    copy(cart->currency, sizeof cart->currency, product->currency);
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
  case CART_CLEAR:
    cart->line_count = 0;
    return SHOP_OK;
  case CART_REPRICE:
    for (int32_t i = 0; i < cart->line_count; i++)
      if (model->products[cart->lines[i].product].active)
        cart->lines[i].price = price_of(model, cart, &cart->lines[i]);
    return SHOP_OK;
  }
  return SHOP_ERR_ARGUMENT;
}

int32_t model_change_cart(struct model *model, const struct cart_change *change) {
  bool counts = change->call == CART_ADD || change->call == CART_SET;
  const struct m_key *known = NULL;
  struct m_cart *cart;
  int32_t user = model->tokens[change->token].user;
  uint64_t request = mix(mix((uint64_t)change->cart + 1, (uint64_t)change->product),
                         counts ? (uint64_t)change->quantity : 0);
  int32_t status;

  if (counts && (change->quantity < 1 || change->quantity > model->settings.quantity_max))
    return SHOP_ERR_QUANTITY;
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
  status = apply(model, cart, change);
  if (status != SHOP_OK)
    return status;
  if (cart->line_count == 0)
    cart->currency[0] = '\0';
  cart->version++;
  cart->updated_ms = model->now_ms;
  model_keep_key(model, user, (int32_t)change->call, change->key, request, change->cart, 0);
  return SHOP_OK;
}

/* ---- the purchase --------------------------------------------------------------------- */

static void touch_cart(struct model *model, const struct m_order *order, int32_t state) {
  struct m_cart *cart = &model->carts[order->cart];

  cart->state = state;
  cart->version++;
  cart->updated_ms = model->now_ms;
  if (state == SHOP_CART_OPEN)
    cart->order = NOBODY;
  if (state == SHOP_CART_COMPLETED)
    model->users[cart->user].cart = NOBODY;
}

static void place(struct model *model, struct m_order *order) {
  order->status = SHOP_ORDER_PLACED;
  move(model, order, true);
  touch_cart(model, order, SHOP_CART_COMPLETED);
  order->mail = model->settings.at_once ? MAIL_LEASED : MAIL_QUEUED;
  order->since_ms = model->now_ms;
  order->wait_ms = model->settings.at_once ? model->settings.mail_lease_ms : 0;
  order->wait_max_ms = order->wait_ms;
}

static void fail(struct model *model, struct m_order *order) {
  order->status = SHOP_ORDER_FAILED;
  move(model, order, false);
  touch_cart(model, order, SHOP_CART_OPEN);
}

static void cancel(struct model *model, struct m_order *order) {
  order->status = SHOP_ORDER_CANCELLED;
  for (int32_t i = 0; i < order->line_count; i++) {
    model->products[order->lines[i].product].on_hand +=
        order->lines[i].quantity - order->returned[i];
    order->returned[i] = order->lines[i].quantity;
  }
}

static int32_t check_lines(const struct model *model, const struct m_cart *cart, bool has_total) {
  for (int32_t i = 0; i < cart->line_count; i++) {
    int32_t warnings = model_line_warnings(model, cart, &cart->lines[i]);

    if ((warnings & SHOP_WARNING_RETIRED) != 0)
      return SHOP_ERR_PRODUCT_RETIRED;
    if ((warnings & SHOP_WARNING_CURRENCY_CHANGED) != 0)
      return SHOP_ERR_CURRENCY_MIXED;
    if ((warnings & SHOP_WARNING_LESS_STOCK) != 0)
      return SHOP_ERR_OUT_OF_STOCK;
    if ((warnings & SHOP_WARNING_PRICE_CHANGED) != 0 && !has_total)
      return SHOP_ERR_PRICE_CHANGED;
  }
  return SHOP_OK;
}

static struct m_operation *new_operation(struct model *model, struct m_order *order, int32_t kind,
                                         int64_t amount, const char *currency) {
  struct m_operation *operation = &order->operations[order->operation_count++];

  *operation = (struct m_operation){.kind = kind,
                                    .state = SHOP_OPERATION_SENT,
                                    .serial = ++model->serial,
                                    .amount = amount,
                                    .created_ms = model->now_ms,
                                    .lease_start_ms = model->now_ms,
                                    .lease_length_ms = model->settings.lease_ms};
  copy(operation->currency, sizeof operation->currency, currency);
  return operation;
}

static int32_t make_order(struct model *model, const struct buy *buy, int32_t user,
                          int64_t total) {
  struct m_order *order = &model->orders[model->order_count];
  struct m_cart *cart = &model->carts[buy->cart];

  *order = (struct m_order){.user = user,
                            .cart = buy->cart,
                            .status = SHOP_ORDER_PENDING,
                            .total = total,
                            .line_count = cart->line_count,
                            .held_since_ms = model->now_ms};
  copy(order->currency, sizeof order->currency, cart->currency);
  copy(order->method, sizeof order->method, buy->method);
  for (int32_t i = 0; i < cart->line_count; i++) {
    order->lines[i] = cart->lines[i];
    order->lines[i].price = price_of(model, cart, &cart->lines[i]);
    model->products[cart->lines[i].product].reserved += cart->lines[i].quantity;
  }
  cart->order = model->order_count;
  touch_cart(model, order, SHOP_CART_COMPLETING);
  if (total == 0) {
    place(model, order);
  } else {
    order->payment = SHOP_PAYMENT_SENT;
    new_operation(model, order, SHOP_OPERATION_CHARGE, total, order->currency);
  }
  return model->order_count++;
}

static int32_t check_buy(const struct model *model, const struct buy *buy, int64_t *total) {
  const struct m_cart *cart = &model->carts[buy->cart];
  int32_t status;

  if (buy->expected_version != 0 && buy->expected_version != cart->version)
    return SHOP_ERR_VERSION;
  if (cart->line_count == 0)
    return SHOP_ERR_CART_EMPTY;
  status = check_lines(model, cart, buy->has_total);
  if (status != SHOP_OK)
    return status;
  *total = model_cart_total(model, cart) + buy->shipping - buy->discount;
  if (*total < 0)
    return SHOP_ERR_ARGUMENT;
  if (buy->has_total && buy->total != *total)
    return SHOP_ERR_TOTAL_CHANGED;
  return *total > 0 && buy->method[0] == '\0' ? SHOP_ERR_ARGUMENT : SHOP_OK;
}

static uint64_t request_of(const struct buy *buy) {
  size_t length = strlen(buy->method);
  uint64_t request = mix((uint64_t)buy->cart + 1, length == 0 ? 0 : (uint64_t)buy->method[length - 1]);

  if (buy->has_total)
    request = mix(mix(request, (uint64_t)buy->total), (uint64_t)buy->currency[0]);
  return mix(mix(request, (uint64_t)buy->shipping), (uint64_t)buy->discount);
}

int32_t model_buy(struct model *model, const struct buy *buy, int32_t *order, bool *is_new) {
  int32_t user = model->tokens[buy->token].user;
  const struct m_key *known = NULL;
  const struct m_cart *cart;
  int64_t total = 0;
  uint64_t request = request_of(buy);
  int32_t status = model_check_token(model, buy->token);

  *order = NOBODY;
  *is_new = false;
  if (status == SHOP_OK)
    status = model_find_key(model, user, CALL_PURCHASE, buy->key, request, &known);
  if (status != SHOP_OK)
    return status;
  if (known != NULL) {
    *order = known->result;
    return SHOP_OK;
  }
  if (buy->cart == NOBODY || model->carts[buy->cart].user != user)
    return SHOP_ERR_NOT_FOUND;
  cart = &model->carts[buy->cart];
  if (cart->state == SHOP_CART_COMPLETED)
    return SHOP_ERR_CART_COMPLETED;
  if (cart->state == SHOP_CART_EXPIRED)
    return SHOP_ERR_CART_EXPIRED;
  if (cart->state == SHOP_CART_COMPLETING) {
    *order = cart->order;
    return SHOP_OK;
  }
  status = check_buy(model, buy, &total);
  if (status != SHOP_OK)
    return status;
  *is_new = true;
  *order = make_order(model, buy, user, total);
  model_keep_key(model, user, CALL_PURCHASE, buy->key, request, *order, 0);
  return SHOP_OK;
}

/* ---- answers --------------------------------------------------------------------------- */

struct m_operation *model_charge(struct m_order *order) {
  return order->operation_count == 0 ? NULL : &order->operations[0];
}

static bool is_open(const struct m_order *order) {
  return order->payment == SHOP_PAYMENT_SENT || order->payment == SHOP_PAYMENT_PENDING ||
         order->payment == SHOP_PAYMENT_ACTION_REQUIRED || order->payment == SHOP_PAYMENT_UNKNOWN;
}

static bool is_over(const struct m_order *order) {
  return order->payment == SHOP_PAYMENT_DECLINED || order->payment == SHOP_PAYMENT_VOIDED;
}

static bool is_unfinished(const struct m_operation *operation) {
  return operation->state == SHOP_OPERATION_SENT || operation->state == SHOP_OPERATION_UNKNOWN;
}

static bool covers(const struct answer *answer, const struct m_operation *operation) {
  return answer->amount == operation->amount &&
         strcmp(answer->currency, operation->currency) == 0;
}

static int64_t refunding(const struct m_order *order) {
  int64_t sum = 0;

  for (int32_t i = 0; i < order->operation_count; i++)
    if (order->operations[i].kind == SHOP_OPERATION_REFUND && is_unfinished(&order->operations[i]))
      sum += order->operations[i].amount;
  return sum;
}

static void name(struct m_operation *operation, const struct answer *answer) {
  if (answer->reference[0] != '\0')
    copy(operation->reference, sizeof operation->reference, answer->reference);
}

/* News may name an operation by its charge: that is not its own name. */
static void name_own(const struct m_order *order, struct m_operation *operation,
                     const struct answer *answer) {
  if (operation->kind == SHOP_OPERATION_CHARGE || strcmp(answer->reference, order->reference) != 0)
    name(operation, answer);
}

static void name_payment(struct m_order *order, const struct answer *answer) {
  if (answer->reference[0] != '\0')
    copy(order->reference, sizeof order->reference, answer->reference);
}

static bool contradict(struct m_order *order, bool money) {
  if (money)
    order->attention |= CONTRADICTION;
  return true;
}

/* Money was taken or set aside by this operation. */
static void gain(struct model *model, struct m_order *order, struct m_operation *operation,
                 const struct answer *answer) {
  bool captured = answer->outcome == SHOP_OUTCOME_CAPTURED;
  bool late = is_over(order), right = covers(answer, operation);

  model->mismatches = !right;

  if (captured) {
    order->payment = SHOP_PAYMENT_CAPTURED;
    order->captured = answer->amount;
    copy(order->captured_currency, sizeof order->captured_currency, answer->currency);
    operation->moved = answer->amount;
  } else {
    order->payment = SHOP_PAYMENT_AUTHORIZED;
    order->held_since_ms = model->now_ms;
  }
  operation->state = SHOP_OPERATION_DONE;
  if (operation->kind == SHOP_OPERATION_CHARGE)
    name_payment(order, answer);
  name_own(order, operation, answer);
  if (late)
    order->attention |= LATE;
  if (!right)
    order->attention |= MISMATCH;
  if (!late && right && order->status == SHOP_ORDER_PENDING)
    place(model, order);
}

static struct m_operation *unfinished_capture(struct m_order *order) {
  for (int32_t i = 0; i < order->operation_count; i++)
    if (order->operations[i].kind == SHOP_OPERATION_CAPTURE && is_unfinished(&order->operations[i]))
      return &order->operations[i];
  return NULL;
}

static bool settle_capture(struct model *model, struct m_order *order,
                           struct m_operation *operation, const struct answer *answer);
static bool settle_refund(struct model *model, struct m_order *order,
                          struct m_operation *operation, const struct answer *answer);

static bool is_other(const char *a, const char *b) {
  return a[0] != '\0' && b[0] != '\0' && strcmp(a, b) != 0;
}

static bool is_known_name(const struct m_order *order, const char *reference) {
  bool known = !is_other(reference, order->reference);

  for (int32_t i = 0; i < order->operation_count; i++)
    known = known || strcmp(order->operations[i].reference, reference) == 0;
  return known;
}

static bool charge_captured(struct model *model, struct m_order *order,
                            struct m_operation *charge, const struct answer *answer) {
  struct m_operation *capture = unfinished_capture(order);

  if (order->payment == SHOP_PAYMENT_CAPTURED) {
    if (!is_known_name(order, answer->reference) || answer->amount != order->captured ||
        strcmp(answer->currency, order->captured_currency) != 0)
      return contradict(order, true);
    if (order->reference[0] == '\0')
      name_payment(order, answer);
    return false;
  }
  /* What was set aside is taken by the capture that was asked for. */
  if (order->payment == SHOP_PAYMENT_AUTHORIZED && capture != NULL)
    return settle_capture(model, order, capture, answer);
  gain(model, order, charge, answer);
  return false;
}

static void end_voided(struct model *model, struct m_order *order) {
  order->payment = SHOP_PAYMENT_VOIDED;
  order->attention &= ~(LATE | MISMATCH);
  if (order->status == SHOP_ORDER_PENDING)
    fail(model, order);
  else if (order->status == SHOP_ORDER_PLACED)
    cancel(model, order);
}

static bool charge_ended(struct model *model, struct m_order *order, struct m_operation *charge,
                         int32_t payment) {
  if (is_over(order))
    return false;
  if (payment == SHOP_PAYMENT_VOIDED && order->payment == SHOP_PAYMENT_AUTHORIZED) {
    end_voided(model, order);
    return false;
  }
  if (!is_open(order))
    return contradict(order, false);
  order->payment = payment;
  charge->state = SHOP_OPERATION_REFUSED;
  charge->moved = 0;
  fail(model, order);
  return false;
}

static bool charge_waits(struct model *model, struct m_order *order, struct m_operation *charge,
                         const struct answer *answer, bool elsewhere) {
  if (!is_open(order))
    return false;
  if (order->payment != SHOP_PAYMENT_ACTION_REQUIRED)
    order->client_data = false;
  if (order->payment != SHOP_PAYMENT_PENDING && order->payment != SHOP_PAYMENT_ACTION_REQUIRED)
    order->held_since_ms = model->now_ms;
  order->payment = answer->outcome == SHOP_OUTCOME_PENDING ? SHOP_PAYMENT_PENDING
                                                           : SHOP_PAYMENT_ACTION_REQUIRED;
  if (answer->outcome == SHOP_OUTCOME_PENDING)
    order->client_data = false;
  else if (!elsewhere) /* a report brings none */
    order->client_data = true;
  charge->state = SHOP_OPERATION_SENT;
  charge->lease_start_ms = model->now_ms;
  charge->lease_length_ms = 0;
  name(charge, answer);
  name_payment(order, answer);
  return false;
}

/* The refund that news about the charge tells of: the one of this name, or one that is on its way
   and asks for just this; for news without a name of its own, also one that is done. */
static struct m_operation *told_refund(struct m_order *order, const struct answer *answer) {
  bool nameless = answer->reference[0] == '\0' || strcmp(answer->reference, order->reference) == 0;
  struct m_operation *named = NULL, *open = NULL, *done = NULL;

  for (int32_t i = 0; i < order->operation_count; i++) {
    struct m_operation *at = &order->operations[i];

    if (at->kind != SHOP_OPERATION_REFUND || strcmp(at->currency, answer->currency) != 0)
      continue;
    if (!nameless && strcmp(at->reference, answer->reference) == 0)
      named = at;
    else if (is_unfinished(at) && at->amount == answer->amount)
      open = at;
    else if (at->state == SHOP_OPERATION_DONE && at->moved == answer->amount)
      done = at;
  }
  if (named != NULL || open != NULL)
    return named != NULL ? named : open;
  return nameless ? done : NULL;
}

static bool can_go_back(const struct m_order *order, const struct answer *answer) {
  return order->payment == SHOP_PAYMENT_CAPTURED &&
         strcmp(answer->currency, order->captured_currency) == 0 &&
         answer->amount <= order->captured - order->refunded;
}

/* Given back at the gateway itself: an operation of its own. */
static bool refunded_elsewhere(struct model *model, struct m_order *order,
                               const struct answer *answer) {
  struct m_operation *refund = told_refund(order, answer);

  if (refund == NULL) {
    if (!can_go_back(order, answer))
      return contradict(order, true);
    refund = new_operation(model, order, SHOP_OPERATION_REFUND, answer->amount, answer->currency);
    refund->key[0] = '*'; /* the gateway never hears of it */
  }
  return settle_refund(model, order, refund, answer);
}

static bool settle_charge(struct model *model, struct m_order *order, struct m_operation *charge,
                          const struct answer *answer, bool elsewhere) {
  switch (answer->outcome) {
  case SHOP_OUTCOME_CAPTURED:
    return charge_captured(model, order, charge, answer);
  case SHOP_OUTCOME_AUTHORIZED:
    /* Known, older than what is known, or freed since. */
    if (order->payment != SHOP_PAYMENT_AUTHORIZED && order->payment != SHOP_PAYMENT_CAPTURED &&
        !(order->payment == SHOP_PAYMENT_VOIDED && charge->state == SHOP_OPERATION_DONE))
      gain(model, order, charge, answer);
    return false;
  case SHOP_OUTCOME_DECLINED:
    return charge_ended(model, order, charge, SHOP_PAYMENT_DECLINED);
  case SHOP_OUTCOME_VOIDED:
    return charge_ended(model, order, charge, SHOP_PAYMENT_VOIDED);
  case SHOP_OUTCOME_PENDING:
  case SHOP_OUTCOME_ACTION_REQUIRED:
    return charge_waits(model, order, charge, answer, elsewhere);
  case SHOP_OUTCOME_REFUNDED:
    return refunded_elsewhere(model, order, answer);
  default:
    return false;
  }
}

static bool refuse(struct m_order *order, struct m_operation *operation) {
  if (operation->state == SHOP_OPERATION_REFUSED)
    return false;
  if (!is_unfinished(operation))
    return contradict(order, operation->kind == SHOP_OPERATION_REFUND);
  operation->state = SHOP_OPERATION_REFUSED;
  operation->moved = 0;
  return false;
}

/* What was captured is known already: the capture is done, and has moved nothing more. */
static bool captured_again(struct m_order *order, struct m_operation *operation,
                           const struct answer *answer) {
  bool same = answer->amount == order->captured &&
              strcmp(answer->currency, order->captured_currency) == 0 &&
              !is_other(answer->reference, operation->reference);

  if (is_unfinished(operation) || operation->reference[0] == '\0') {
    operation->state = SHOP_OPERATION_DONE;
    name(operation, answer);
  }
  return same ? false : contradict(order, true);
}

static bool settle_capture(struct model *model, struct m_order *order,
                           struct m_operation *operation, const struct answer *answer) {
  switch (answer->outcome) {
  case SHOP_OUTCOME_CAPTURED:
    if (order->payment == SHOP_PAYMENT_CAPTURED)
      return captured_again(order, operation, answer);
    gain(model, order, operation, answer);
    return false;
  case SHOP_OUTCOME_DECLINED:
    return refuse(order, operation);
  case SHOP_OUTCOME_REFUNDED:
    return refunded_elsewhere(model, order, answer);
  case SHOP_OUTCOME_PENDING:
  case NO_ANSWER:
  case NOT_FOUND:
    return false;
  default:
    return contradict(order, true);
  }
}

static bool settle_void(struct model *model, struct m_order *order, struct m_operation *operation,
                        const struct answer *answer) {
  bool was_open = is_open(order), contradicts;

  switch (answer->outcome) {
  case SHOP_OUTCOME_VOIDED:
    if (order->payment != SHOP_PAYMENT_CAPTURED || is_unfinished(operation)) {
      operation->state = SHOP_OPERATION_DONE;
      name_own(order, operation, answer);
    }
    if (order->payment == SHOP_PAYMENT_CAPTURED)
      return contradict(order, true);
    if (is_over(order))
      return false;
    if (was_open)
      model_charge(order)->state = SHOP_OPERATION_REFUSED;
    end_voided(model, order);
    return false;
  case SHOP_OUTCOME_DECLINED:
    return refuse(order, operation);
  case SHOP_OUTCOME_CAPTURED:
    contradicts = refuse(order, operation);
    return charge_captured(model, order, model_charge(order), answer) || contradicts;
  case SHOP_OUTCOME_PENDING:
  case NO_ANSWER:
  case NOT_FOUND:
    return false;
  default:
    return contradict(order, true);
  }
}

static void give_pieces_back(struct model *model, struct m_order *order,
                             const struct m_operation *operation) {
  for (int32_t i = 0; i < order->line_count && order->status == SHOP_ORDER_PLACED; i++) {
    int64_t left = order->lines[i].quantity - order->returned[i];
    int64_t back = operation->returns[order->lines[i].product];

    back = back < left ? back : left;
    order->returned[i] += back;
    model->products[order->lines[i].product].on_hand += back;
  }
}

static bool refunded_again(struct m_order *order, struct m_operation *operation,
                           const struct answer *answer) {
  if (answer->amount != operation->moved || strcmp(answer->currency, operation->currency) != 0 ||
      (is_other(answer->reference, operation->reference) &&
       is_other(answer->reference, order->reference)))
    return contradict(order, true);
  if (operation->reference[0] == '\0')
    name_own(order, operation, answer);
  return false;
}

static bool settle_refund(struct model *model, struct m_order *order,
                          struct m_operation *operation, const struct answer *answer) {
  bool stays;

  switch (answer->outcome) {
  case SHOP_OUTCOME_REFUNDED:
    break;
  case SHOP_OUTCOME_DECLINED:
    return refuse(order, operation);
  case SHOP_OUTCOME_PENDING:
  case NO_ANSWER:
  case NOT_FOUND:
    return false;
  default:
    return contradict(order, true);
  }
  if (operation->state == SHOP_OPERATION_DONE)
    return refunded_again(order, operation, answer);
  if (!can_go_back(order, answer)) { /* it cannot be: a person decides */
    if (operation->state == SHOP_OPERATION_SENT) {
      operation->state = SHOP_OPERATION_UNKNOWN;
      name_own(order, operation, answer);
    }
    return contradict(order, true);
  }
  order->refunded += answer->amount;
  operation->moved = answer->amount;
  operation->state = SHOP_OPERATION_DONE;
  name_own(order, operation, answer);
  model->mismatches = !covers(answer, operation);
  if (model->mismatches)
    order->attention |= MISMATCH;
  if (refunding(order) > order->captured - order->refunded)
    order->attention |= CONTRADICTION;
  give_pieces_back(model, order, operation);
  if (order->refunded != order->captured)
    return false;
  stays = order->status == SHOP_ORDER_PLACED && !operation->cancels;
  if (!model->mismatches && !stays)
    order->attention &= ~(LATE | MISMATCH);
  if (order->status == SHOP_ORDER_PENDING)
    fail(model, order);
  else if (order->status == SHOP_ORDER_PLACED && operation->cancels)
    cancel(model, order);
  return false;
}

bool model_settle(struct model *model, struct m_order *order, struct m_operation *operation,
                  const struct answer *answer, bool elsewhere) {
  model->mismatches = false;
  switch (operation->kind) {
  case SHOP_OPERATION_CAPTURE:
    return settle_capture(model, order, operation, answer);
  case SHOP_OPERATION_VOID:
    return settle_void(model, order, operation, answer);
  case SHOP_OPERATION_REFUND:
    return settle_refund(model, order, operation, answer);
  default:
    return settle_charge(model, order, operation, answer, elsewhere);
  }
}

void model_give_up(struct m_order *order, struct m_operation *operation) {
  if (operation->state != SHOP_OPERATION_SENT)
    return;
  operation->state = SHOP_OPERATION_UNKNOWN;
  if (operation->kind == SHOP_OPERATION_CHARGE)
    order->payment = SHOP_PAYMENT_UNKNOWN;
}

int32_t model_outcome(const struct m_order *order) {
  if (order->status == SHOP_ORDER_PLACED || order->status == SHOP_ORDER_CANCELLED)
    return SHOP_OK;
  if (order->status == SHOP_ORDER_FAILED)
    return SHOP_DECLINED;
  switch (order->payment) {
  case SHOP_PAYMENT_PENDING:
    return SHOP_PENDING;
  case SHOP_PAYMENT_ACTION_REQUIRED:
    return SHOP_ACTION_REQUIRED;
  case SHOP_PAYMENT_UNKNOWN:
    return SHOP_UNKNOWN;
  case SHOP_PAYMENT_CAPTURED:
  case SHOP_PAYMENT_AUTHORIZED:
    return SHOP_MISMATCH;
  default:
    return SHOP_IN_PROGRESS;
  }
}

int32_t model_operation_outcome(const struct m_order *order, const struct m_operation *operation) {
  if (operation->kind == SHOP_OPERATION_CHARGE)
    return model_outcome(order);
  switch (operation->state) {
  case SHOP_OPERATION_DONE:
    if (operation->kind == SHOP_OPERATION_CAPTURE)
      return (order->attention & MISMATCH) != 0 && order->payment == SHOP_PAYMENT_CAPTURED
                 ? SHOP_MISMATCH
                 : SHOP_OK;
    return operation->kind == SHOP_OPERATION_REFUND && operation->moved != operation->amount
               ? SHOP_MISMATCH
               : SHOP_OK;
  case SHOP_OPERATION_REFUSED:
    return SHOP_DECLINED;
  case SHOP_OPERATION_UNKNOWN:
    return SHOP_UNKNOWN;
  default:
    return SHOP_IN_PROGRESS;
  }
}

struct m_operation *model_find(struct model *model, const char *key, const char *reference,
                               struct m_order **order) {
  for (int pass = 0; pass < 2; pass++)
    for (int32_t i = 0; i < model->order_count; i++)
      for (int32_t j = 0; j < model->orders[i].operation_count; j++) {
        struct m_operation *operation = &model->orders[i].operations[j];
        bool hit = pass == 0 ? key[0] != '\0' && strcmp(operation->key, key) == 0
                             : key[0] == '\0' && reference[0] != '\0' &&
                                   strcmp(operation->reference, reference) == 0;

        *order = &model->orders[i];
        if (hit)
          return operation;
      }
  *order = NULL;
  return NULL;
}

/* ---- what follows ---------------------------------------------------------------------- */

bool model_is_busy(const struct m_order *order) {
  for (int32_t i = 0; i < order->operation_count; i++)
    if ((order->operations[i].kind == SHOP_OPERATION_CAPTURE ||
         order->operations[i].kind == SHOP_OPERATION_VOID) &&
        is_unfinished(&order->operations[i]))
      return true;
  return false;
}

static int32_t check_returns(const struct m_order *order, const struct ask *ask) {
  for (int32_t product = 0; product < PRODUCTS; product++) {
    int64_t left = 0, asked = ask->returns[product];

    if (asked == 0)
      continue;
    if (order->status != SHOP_ORDER_PLACED)
      return SHOP_ERR_STATE;
    for (int32_t i = 0; i < order->line_count; i++)
      if (order->lines[i].product == product)
        left = order->lines[i].quantity - order->returned[i];
    for (int32_t i = 0; i < order->operation_count; i++)
      if (is_unfinished(&order->operations[i]))
        left -= order->operations[i].returns[product];
    if (asked > left)
      return SHOP_ERR_AMOUNT;
  }
  return SHOP_OK;
}

static int32_t plan_refund(const struct m_order *order, const struct ask *ask, int64_t *amount) {
  int64_t left = order->captured - order->refunded - refunding(order);

  if (order->payment != SHOP_PAYMENT_CAPTURED)
    return SHOP_ERR_STATE;
  if (ask->currency[0] != '\0' && strcmp(ask->currency, order->captured_currency) != 0)
    return SHOP_ERR_CURRENCY;
  if (left <= 0 || ask->amount > left)
    return SHOP_ERR_AMOUNT;
  *amount = ask->amount == 0 ? left : ask->amount;
  return check_returns(order, ask);
}

static int32_t plan_capture(const struct m_order *order, const struct ask *ask, int64_t *amount) {
  if (order->payment != SHOP_PAYMENT_AUTHORIZED || order->status != SHOP_ORDER_PLACED ||
      model_is_busy(order))
    return SHOP_ERR_STATE;
  *amount = ask->amount == 0 ? order->total : ask->amount;
  return ask->amount > order->total ? SHOP_ERR_AMOUNT : SHOP_OK;
}

static int32_t plan_void(const struct m_order *order, bool anything, int64_t *amount) {
  bool waits =
      order->payment == SHOP_PAYMENT_PENDING || order->payment == SHOP_PAYMENT_ACTION_REQUIRED;

  *amount = order->total;
  return !(waits || anything) || model_is_busy(order) ? SHOP_ERR_STATE : SHOP_OK;
}

static int32_t plan_cancel(const struct m_order *order, const struct ask *ask, int32_t *kind,
                           int64_t *amount) {
  /* Odd money is given back by it, whatever the order. */
  if (order->status != SHOP_ORDER_PLACED && (order->attention & (LATE | MISMATCH)) == 0)
    return SHOP_ERR_STATE;
  *kind = 0;
  if (order->payment == SHOP_PAYMENT_NONE)
    return SHOP_OK;
  if (order->payment == SHOP_PAYMENT_AUTHORIZED) {
    *kind = SHOP_OPERATION_VOID;
    return plan_void(order, true, amount);
  }
  if (order->status == SHOP_ORDER_PLACED && order->refunded > 0 &&
      order->refunded == order->captured)
    return SHOP_OK;
  if (refunding(order) > 0)
    return SHOP_ERR_STATE;
  *kind = SHOP_OPERATION_REFUND;
  return plan_refund(order, ask, amount);
}

static int32_t plan(const struct m_order *order, const struct ask *ask, int32_t *kind,
                    int64_t *amount) {
  switch (ask->call) {
  case CALL_CAPTURE:
    *kind = SHOP_OPERATION_CAPTURE;
    return plan_capture(order, ask, amount);
  case CALL_REFUND:
    *kind = SHOP_OPERATION_REFUND;
    return plan_refund(order, ask, amount);
  case CALL_CANCEL:
    return plan_cancel(order, ask, kind, amount);
  default:
    *kind = SHOP_OPERATION_VOID;
    return plan_void(order, ask->system && is_open(order), amount);
  }
}

int32_t model_ask(struct model *model, const struct ask *ask, struct m_operation **operation,
                  bool *known) {
  struct m_order *order = &model->orders[ask->order];
  const struct m_key *key = NULL;
  uint64_t request = mix(mix((uint64_t)ask->order + 1, (uint64_t)ask->amount),
                         ask->currency[0] == '\0' ? 0 : (uint64_t)ask->currency[0]);
  int64_t amount = 0;
  int32_t kind = 0, status;

  *operation = NULL;
  for (int32_t i = 0; i < PRODUCTS; i++)
    request = mix(request, (uint64_t)ask->returns[i]);
  status = model_find_key(model, NOBODY, ask->call, ask->key, request, &key);
  *known = key != NULL;
  if (key != NULL) {
    *operation = key->operation < 0 ? NULL : &order->operations[key->operation];
    return SHOP_OK;
  }
  if (status == SHOP_OK)
    status = plan(order, ask, &kind, &amount);
  if (status == SHOP_OK && kind == SHOP_OPERATION_VOID && !model->settings.voids)
    status = SHOP_ERR_NO_GATEWAY;
  if (status != SHOP_OK)
    return status;
  if (kind == 0) {
    cancel(model, order);
  } else {
    *operation = new_operation(model, order, kind, amount,
                               kind == SHOP_OPERATION_REFUND ? order->captured_currency
                                                             : order->currency);
    (*operation)->cancels = ask->call == CALL_CANCEL;
    memcpy((*operation)->returns, ask->returns, sizeof ask->returns);
  }
  model_keep_key(model, NOBODY, ask->call, ask->key, request, ask->order,
                 kind == 0 ? -1 : order->operation_count - 1);
  return SHOP_OK;
}

static bool is_turn(const struct model *model, const struct m_operation *operation,
                    int64_t began_ms) {
  if (!is_unfinished(operation))
    return false;
  return (operation->lease_start_ms < began_ms &&
          operation->lease_start_ms + operation->lease_length_ms <= model->now_ms) ||
         model->now_ms < operation->lease_start_ms;
}

struct m_operation *model_next_due(struct model *model, int64_t began_ms, struct m_order **order) {
  struct m_operation *first = NULL;

  for (int32_t i = 0; i < model->order_count; i++)
    for (int32_t j = 0; j < model->orders[i].operation_count; j++) {
      struct m_operation *at = &model->orders[i].operations[j];

      if (!is_turn(model, at, began_ms) ||
          (first != NULL && (first->lease_start_ms < at->lease_start_ms ||
                             (first->lease_start_ms == at->lease_start_ms &&
                              first->serial < at->serial))))
        continue;
      first = at;
      *order = &model->orders[i];
    }
  return first;
}

bool model_key_lives(const struct model *model, const struct m_operation *operation) {
  return operation->created_ms <= model->now_ms &&
         model->now_ms < operation->created_ms + model->settings.key_life_ms;
}

bool model_held_too_long(const struct model *model, const struct m_order *order,
                         const struct m_operation *operation) {
  return operation->kind == SHOP_OPERATION_CHARGE &&
         (order->payment == SHOP_PAYMENT_PENDING ||
          order->payment == SHOP_PAYMENT_ACTION_REQUIRED) &&
         (model->now_ms < order->held_since_ms ||
          model->now_ms >= order->held_since_ms + model->settings.hold_ms);
}

/* ---- mail and upkeep ---------------------------------------------------------------------- */

void model_mail_answer(struct model *model, struct m_order *order, enum mail_answer answer) {
  order->tries++;
  order->since_ms = model->now_ms;
  if (answer == SAYS_DELIVERED) {
    order->mail = MAIL_SENT;
  } else if (answer == SAYS_REJECTED || order->tries >= model->settings.tries_max) {
    order->mail = MAIL_DEAD;
  } else {
    order->mail = MAIL_QUEUED;
    order->wait_ms = MINUTE << (order->tries - 1);
    order->wait_max_ms = order->wait_ms + order->wait_ms / 100 * 9;
  }
}

static bool is_due(const struct model *model, const struct m_order *order, int64_t wait_ms) {
  return (order->mail == MAIL_QUEUED || order->mail == MAIL_LEASED) &&
         (model->now_ms < order->since_ms || order->since_ms + wait_ms <= model->now_ms);
}

bool model_mail_is_due(const struct model *model, const struct m_order *order) {
  return is_due(model, order, order->wait_max_ms);
}

bool model_mail_may_be_due(const struct model *model, const struct m_order *order) {
  return is_due(model, order, order->wait_ms);
}

struct upkeep model_maintain(struct model *model) {
  struct upkeep done = {0};
  int32_t kept = 0;

  for (int32_t i = 0; i < model->cart_count; i++) {
    struct m_cart *cart = &model->carts[i];

    if (cart->state != SHOP_CART_OPEN ||
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
  return done;
}
