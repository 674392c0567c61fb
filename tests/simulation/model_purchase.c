/* The model of orders: how they are made, and what is asked of the gateway later. */
#include "model_parts.h"

#include <string.h>

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

void model_place(struct model *model, struct m_order *order) {
  order->status = SHOP_ORDER_PLACED;
  model_move(model, order, true);
  model->carts[order->cart].hold_length_ms = 0;
  touch_cart(model, order, SHOP_CART_COMPLETED);
  model_queue_mail(model, order, SHOP_MAIL_CONFIRMATION, 0);
}

void model_fail(struct model *model, struct m_order *order) {
  struct m_cart *cart = &model->carts[order->cart];

  order->status = SHOP_ORDER_FAILED;
  if (!model_hold_is_on(model, cart)) { /* else they are held again */
    model_move(model, order, false);
    cart->hold_length_ms = 0;
  }
  touch_cart(model, order, SHOP_CART_OPEN);
  if (!model->live)
    model_queue_mail(model, order, SHOP_MAIL_PAYMENT_FAILED, 0);
}

void model_cancel(struct model *model, struct m_order *order) {
  order->status = SHOP_ORDER_CANCELLED;
  model_queue_mail(model, order, SHOP_MAIL_ORDER_CANCELLED, 0);
  for (int32_t i = 0; i < order->line_count; i++) {
    model->products[order->lines[i].product].on_hand +=
        order->lines[i].quantity - order->returned[i];
    order->returned[i] = order->lines[i].quantity;
  }
}

static int32_t check_lines(const struct model *model, const struct m_cart *cart, bool has_total,
                           int32_t *short_product) {
  for (int32_t i = 0; i < cart->line_count; i++) {
    int32_t warnings = model_line_warnings(model, cart, &cart->lines[i]);

    if ((warnings & SHOP_WARNING_RETIRED) != 0)
      return SHOP_ERR_PRODUCT_RETIRED;
    if ((warnings & SHOP_WARNING_CURRENCY_CHANGED) != 0)
      return SHOP_ERR_CURRENCY_MIXED;
    *short_product = cart->lines[i].product;
    if ((warnings & SHOP_WARNING_LESS_STOCK) != 0)
      return SHOP_ERR_OUT_OF_STOCK;
    if ((warnings & SHOP_WARNING_PRICE_CHANGED) != 0 && !has_total)
      return SHOP_ERR_PRICE_CHANGED;
  }
  return SHOP_OK;
}

struct m_operation *model_new_operation(struct model *model, struct m_order *order, int32_t kind,
                                        int64_t amount, const char *currency) {
  struct m_operation *operation = &order->operations[order->operation_count++];

  *operation = (struct m_operation){.kind = kind,
                                    .state = SHOP_OPERATION_SENT,
                                    .serial = ++model->serial,
                                    .amount = amount,
                                    .created_ms = model->now_ms,
                                    .lease_start_ms = model->now_ms,
                                    .lease_length_ms = model->settings.lease_ms};
  model_copy(operation->currency, sizeof operation->currency, currency);
  return operation;
}

static int32_t make_order(struct model *model, const struct buy *buy, int32_t user, int64_t total) {
  struct m_order *order = &model->orders[model->order_count];
  struct m_cart *cart = &model->carts[buy->cart];

  *order = (struct m_order){.user = user,
                            .cart = buy->cart,
                            .status = SHOP_ORDER_PENDING,
                            .total = total,
                            .line_count = cart->line_count,
                            .held_since_ms = model->now_ms};
  model_copy(order->currency, sizeof order->currency, cart->currency);
  model_copy(order->method, sizeof order->method, buy->method);
  for (int32_t i = 0; i < cart->line_count; i++) {
    order->lines[i] = cart->lines[i];
    order->lines[i].price = model_price_of(model, cart, &cart->lines[i]);
    if (!model_is_held(cart))
      model->products[cart->lines[i].product].reserved += cart->lines[i].quantity;
  }
  cart->order = model->order_count;
  touch_cart(model, order, SHOP_CART_COMPLETING);
  if (total == 0) {
    model_place(model, order);
  } else {
    order->payment = SHOP_PAYMENT_SENT;
    model_new_operation(model, order, SHOP_OPERATION_CHARGE, total, order->currency);
  }
  return model->order_count++;
}

static int32_t check_buy(struct model *model, const struct buy *buy, int64_t *total) {
  const struct m_cart *cart = &model->carts[buy->cart];
  int32_t status, short_product = NOBODY;

  if (buy->expected_version != 0 && buy->expected_version != cart->version)
    return SHOP_ERR_VERSION;
  if (cart->line_count == 0)
    return SHOP_ERR_CART_EMPTY;
  status = check_lines(model, cart, buy->has_total, &short_product);
  while (status == SHOP_ERR_OUT_OF_STOCK && model_make_room(model, short_product))
    status = check_lines(model, cart, buy->has_total, &short_product);
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
  uint64_t request =
      model_mix((uint64_t)buy->cart + 1, length == 0 ? 0 : (uint64_t)buy->method[length - 1]);

  if (buy->has_total)
    request = model_mix(model_mix(request, (uint64_t)buy->total), (uint64_t)buy->currency[0]);
  return model_mix(model_mix(request, (uint64_t)buy->shipping), (uint64_t)buy->discount);
}

int32_t model_buy(struct model *model, const struct buy *buy, int32_t *order, bool *is_new) {
  int32_t user = model->tokens[buy->token].user;
  const struct m_key *known = NULL;
  const struct m_cart *cart;
  struct m_undo undo;
  int64_t total = 0;
  uint64_t request = request_of(buy);
  int32_t status = model_check_token(model, buy->token);

  *order = NOBODY;
  *is_new = false;
  if (status == SHOP_OK && model_is_guest(model, buy->token))
    status = SHOP_ERR_GUEST;
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
  model_remember(model, &undo);
  status = check_buy(model, buy, &total);
  if (status != SHOP_OK) {
    model_undo(model, &undo);
    return status;
  }
  *is_new = true;
  *order = make_order(model, buy, user, total);
  model_keep_key(model, user, CALL_PURCHASE, buy->key, request, *order, 0);
  return SHOP_OK;
}

/* ---- what follows ---------------------------------------------------------------------- */

bool model_is_busy(const struct m_order *order) {
  for (int32_t i = 0; i < order->operation_count; i++)
    if ((order->operations[i].kind == SHOP_OPERATION_CAPTURE ||
         order->operations[i].kind == SHOP_OPERATION_VOID) &&
        model_is_unfinished(&order->operations[i]))
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
      if (model_is_unfinished(&order->operations[i]))
        left -= order->operations[i].returns[product];
    if (asked > left)
      return SHOP_ERR_AMOUNT;
  }
  return SHOP_OK;
}

static int32_t plan_refund(const struct m_order *order, const struct ask *ask, int64_t *amount) {
  int64_t left = order->captured - order->refunded - model_refunding(order);

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
  if (model_refunding(order) > 0)
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
    return plan_void(order, ask->system && model_is_open(order), amount);
  }
}

bool model_is_in_hand(const struct model *model, const struct m_order *order) {
  const struct m_operation *charge = &order->operations[0];

  return (model->settings.honours || !model->settings.query) && model_is_unfinished(charge) &&
         charge->lease_start_ms <= model->now_ms &&
         model->now_ms < charge->lease_start_ms + charge->lease_length_ms;
}

int32_t model_ask(struct model *model, const struct ask *ask, struct m_operation **operation,
                  bool *known) {
  struct m_order *order = &model->orders[ask->order];
  const struct m_key *key = NULL;
  uint64_t request = model_mix(model_mix((uint64_t)ask->order + 1, (uint64_t)ask->amount),
                               ask->currency[0] == '\0' ? 0 : (uint64_t)ask->currency[0]);
  int64_t amount = 0;
  int32_t kind = 0, status;

  *operation = NULL;
  for (int32_t i = 0; i < PRODUCTS; i++)
    request = model_mix(request, (uint64_t)ask->returns[i]);
  status = model_find_key(model, NOBODY, ask->call, ask->key, request, &key);
  *known = key != NULL;
  if (key != NULL) {
    *operation = key->operation < 0 ? NULL : &order->operations[key->operation];
    return SHOP_OK;
  }
  if (status == SHOP_OK)
    status = plan(order, ask, &kind, &amount);
  if (status == SHOP_OK && ask->call == 0 && !ask->system && model_is_in_hand(model, order))
    status = SHOP_ERR_STATE;
  if (status == SHOP_OK && kind == SHOP_OPERATION_VOID && !model->settings.voids)
    status = SHOP_ERR_NO_GATEWAY;
  if (status != SHOP_OK)
    return status;
  if (kind == 0) {
    model_cancel(model, order);
  } else {
    *operation = model_new_operation(model, order, kind, amount,
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
  if (!model_is_unfinished(operation))
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
          (first != NULL &&
           (first->lease_start_ms < at->lease_start_ms ||
            (first->lease_start_ms == at->lease_start_ms && first->serial < at->serial))))
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

bool model_is_early(const struct model *model, int64_t since_ms) {
  return model->now_ms < since_ms && since_ms - model->now_ms <= model->settings.lease_ms;
}

bool model_is_being_voided(const struct m_order *order, const struct m_operation *operation) {
  for (int32_t i = 0; i < order->operation_count; i++)
    if (operation->kind == SHOP_OPERATION_CHARGE &&
        order->operations[i].kind == SHOP_OPERATION_VOID &&
        model_is_unfinished(&order->operations[i]))
      return true;
  return false;
}

bool model_may_repeat(const struct model *model, const struct m_order *order,
                      const struct m_operation *operation) {
  if (operation->kind == SHOP_OPERATION_VOID)
    return true;
  return model->settings.honours && model_key_lives(model, operation) &&
         operation->state != SHOP_OPERATION_UNKNOWN && !model_is_being_voided(order, operation) &&
         !(model->settings.voids && model_held_too_long(model, order, operation));
}

bool model_void_waits(const struct model *model, const struct m_order *order) {
  int64_t wait_ms = model->settings.lease_ms, asked_ms = -1;

  for (int32_t i = 0; i < order->operation_count; i++)
    if (order->operations[i].kind == SHOP_OPERATION_VOID &&
        order->operations[i].state == SHOP_OPERATION_REFUSED) {
      asked_ms = order->operations[i].created_ms;
      wait_ms = wait_ms * 2 < DAY ? wait_ms * 2 : DAY;
    }
  return asked_ms >= 0 && asked_ms <= model->now_ms && model->now_ms < asked_ms + wait_ms;
}

bool model_held_too_long(const struct model *model, const struct m_order *order,
                         const struct m_operation *operation) {
  return operation->kind == SHOP_OPERATION_CHARGE &&
         (order->payment == SHOP_PAYMENT_PENDING ||
          order->payment == SHOP_PAYMENT_ACTION_REQUIRED) &&
         !model_is_early(model, order->held_since_ms) &&
         (model->now_ms < order->held_since_ms ||
          model->now_ms >= order->held_since_ms + model->settings.hold_ms);
}
