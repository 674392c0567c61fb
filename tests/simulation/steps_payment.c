/* Steps that ask the gateway: purchases, captures, refunds, cancellations. */
#include "steps.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- purchases ---------------------------------------------------------------------------------
 */

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
  shop_options_t *with = sim_options(sim, buy->key, buy->expected_version);
  const shop_token_t *token = sim->model->tokens[buy->token].handle;
  int32_t status = (buy->begins ? shop_purchase_begin : shop_purchase)(
      sim->shop, token, sim_cart_id(sim, buy->cart), request, with, order, sim->err);

  shop_options_free(with);
  shop_purchase_request_free(request);
  return status;
}

/* What a call answers that has asked the gateway about this operation. */
int32_t sim_asked_outcome(const struct sim *sim, const struct scene *scene, bool live) {
  const struct m_order *order = &sim->model->orders[scene->order];
  int32_t status = model_operation_outcome(order, &order->operations[scene->operation]);

  if (scene->lost)
    return SHOP_ERR_BUSY;
  if (live && status == SHOP_IN_PROGRESS)
    return scene->answer == SHOP_OUTCOME_PENDING ? SHOP_PENDING : SHOP_UNKNOWN;
  return status;
}

void sim_step_buy(struct sim *sim) {
  struct buy buy = {.token = sim_pick_shopper(sim), .begins = sim_chance(sim, 20)};
  struct scene scene;
  shop_order_t *order = NULL;
  bool is_new = false, asks;
  int32_t status, wanted, index = NOBODY;

  if (buy.token == NOBODY)
    return;
  buy.cart = sim_pick_cart(sim, buy.token);
  if (buy.cart != NOBODY && sim->model->carts[buy.cart].line_count == 0 && sim_chance(sim, 85)) {
    sim_step_change_cart(sim);
    return;
  }
  buy.key = sim_pick_key(sim);
  buy.expected_version = sim_pick_version(sim, buy.cart);
  fill_buy(sim, &buy);
  sim_log(sim, "buy%s cart %d by %d, key %d, total %lld", buy.begins ? " (begin)" : "", buy.cart,
          buy.token, buy.key, (long long)(buy.has_total ? buy.total : -1));
  if (sim_rival_comes(sim)) {
    status = call_buy(sim, &buy, &order);
    sim_check_kept_out(sim, status, order != NULL);
    return;
  }
  wanted = model_buy(sim->model, &buy, &index, &is_new);
  asks = is_new && !buy.begins && sim->model->orders[index].total > 0;
  sim_scene_begin(sim, &scene, asks ? index : NOBODY, 0);
  scene.live = true;
  status = call_buy(sim, &buy, &order);
  sim_scene_end(sim);
  sim_log(sim, "  bought: %s", shop_status_name(status));
  sim_equal(sim, "the gateway was asked", scene.asked, asks);
  if (asks)
    wanted = sim_asked_outcome(sim, &scene, true);
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

void sim_step_resume(struct sim *sim) {
  struct model *model = sim->model;
  int32_t token, index, status, wanted;
  struct m_operation *charge;
  struct m_order *at;
  struct scene scene;
  shop_order_t *order = NULL;
  bool mine, asks = false;

  if (model->order_count == 0)
    return;
  index = sim_pick_order(sim, sim_is_waiting);
  token = sim_pick_token_of(sim, model->orders[index].user);
  at = &model->orders[index];
  mine = at->user == model->tokens[token].user;
  charge = model_charge(at);
  sim_log(sim, "resume %s by %d", at->number, token);
  if (sim_rival_comes(sim)) {
    status = shop_purchase_resume(sim->shop, model->tokens[token].handle, at->number, NULL, &order,
                                  sim->err);
    sim_check_kept_out(sim, status, order != NULL);
    return;
  }
  sim_scene_begin(sim, &scene, NOBODY, 0);
  scene.resuming = true;
  scene.live = true;
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
      bool voided = model_is_being_voided(at, charge);

      scene.taken_ms = charge->lease_start_ms = model->now_ms;
      charge->lease_length_ms = model->settings.lease_ms;
      if (model->settings.query || (lives && !voided && charge->state == SHOP_OPERATION_SENT)) {
        asks = true;
        scene.order = index;
      } else if (charge->state == SHOP_OPERATION_UNKNOWN || (lives && voided) ||
                 sim_waits_on(sim, at, charge) || model_is_early(model, charge->created_ms)) {
        charge->lease_length_ms = 0;
      } else if (model->settings.voids) {
        scene.order = index;
        scene.voids = !model_is_busy(at) && !model_void_waits(model, at); /* its own lease */
      } else {
        model_give_up(at, charge);
      }
    }
  }
  status = shop_purchase_resume(sim->shop, model->tokens[token].handle, at->number, NULL, &order,
                                sim->err);
  sim_scene_end(sim);
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

/* ---- what follows
 * ---------------------------------------------------------------------------------- */

void sim_step_abandon(struct sim *sim) {
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
  ask.order = sim_pick_order(sim, sim_is_waiting);
  token = sim_pick_token_of(sim, model->orders[ask.order].user);
  at = &model->orders[ask.order];
  sim_log(sim, "abandon %s by %d", at->number, token);
  if (sim_rival_comes(sim)) {
    status = shop_purchase_abandon(sim->shop, model->tokens[token].handle, at->number, NULL, &order,
                                   sim->err);
    sim_check_kept_out(sim, status, order != NULL);
    return;
  }
  wanted = model_check_token(model, token);
  if (wanted == SHOP_OK && at->user != model->tokens[token].user)
    wanted = SHOP_ERR_NOT_FOUND;
  if (wanted == SHOP_OK)
    wanted = model_ask(model, &ask, &operation, &known);
  sim_scene_begin(sim, &scene, operation == NULL ? NOBODY : ask.order,
                  operation == NULL ? 0 : (int32_t)(operation - at->operations));
  scene.live = true;
  status = shop_purchase_abandon(sim->shop, model->tokens[token].handle, at->number, NULL, &order,
                                 sim->err);
  sim_scene_end(sim);
  sim_log(sim, "  abandoned: %s", shop_status_name(status));
  if (operation != NULL)
    wanted = sim_asked_outcome(sim, &scene, true);
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

  ask->key = sim_pick_key(sim);
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
  shop_options_t *with = sim_options(sim, ask->key, 0);
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

void sim_step_ask(struct sim *sim, int32_t call) {
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
  ask.order = sim_pick_order(sim, call == CALL_CAPTURE ? sim_is_authorized : sim_is_captured);
  if (call == CALL_CANCEL && sim_chance(sim, 30))
    ask.order = sim_pick_order(sim, sim_is_authorized);
  at = &model->orders[ask.order];
  fill_ask(sim, &ask);
  sim_log(sim, "%s %s, %lld, key %d",
          call == CALL_CAPTURE  ? "capture"
          : call == CALL_REFUND ? "refund"
                                : "cancel",
          at->number, (long long)ask.amount, ask.key);
  if (sim_rival_comes(sim)) {
    status = call_ask(sim, &ask, &order);
    sim_check_kept_out(sim, status, order != NULL);
    return;
  }
  wanted = model_ask(model, &ask, &operation, &known);
  asks = operation != NULL && !known;
  if (operation != NULL)
    index = (int32_t)(operation - at->operations);
  sim_scene_begin(sim, &scene, asks ? ask.order : NOBODY, asks ? index : 0);
  status = call_ask(sim, &ask, &order);
  sim_scene_end(sim);
  sim_log(sim, "  done: %s", shop_status_name(status));
  sim_equal(sim, "the gateway was asked", scene.asked, asks);
  if (asks)
    wanted = sim_asked_outcome(sim, &scene, true);
  else if (wanted == SHOP_OK)
    wanted = operation == NULL ? model_outcome(at) : model_operation_outcome(at, operation);
  sim_status(sim, status, wanted);
  if (order != NULL && !scene.lost)
    sim_compare_order(sim, order, at);
  shop_order_free(order);
}
