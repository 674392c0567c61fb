/* The library's snapshots against the model, and, in the end, both against the
   gateway's ledger. */
#include "simulate.h"

#include <stdio.h>
#include <string.h>

static void same_text(struct sim *sim, const char *what, const char *library, const char *model) {
  if (strcmp(library, model) != 0)
    sim_fail(sim, "%s: library '%s', model '%s'", what, library, model);
}

/* ---- orders ------------------------------------------------------------------------ */

static void compare_operations(struct sim *sim, const shop_order_t *order, struct m_order *wanted) {
  sim_equal(sim, "operations", shop_order_operation_count(order), wanted->operation_count);
  for (int32_t i = 0; i < wanted->operation_count; i++) {
    struct m_operation *operation = &wanted->operations[i];

    if (operation->key[0] == '*' || (operation->key[0] == '\0' && i == 0))
      snprintf(operation->key, sizeof operation->key, "%s", shop_order_operation_key(order, i));
    same_text(sim, "key", shop_order_operation_key(order, i), operation->key);
    sim_equal(sim, "operation kind", shop_order_operation_kind(order, i), operation->kind);
    sim_equal(sim, "operation state", shop_order_operation_state(order, i), operation->state);
    sim_equal(sim, "operation amount", shop_order_operation_amount_minor(order, i),
              operation->amount);
    same_text(sim, "operation reference", shop_order_operation_reference(order, i),
              operation->reference);
  }
}

static void compare_lines(struct sim *sim, const shop_order_t *order,
                          const struct m_order *wanted) {
  sim_equal(sim, "order lines", shop_order_line_count(order), wanted->line_count);
  for (int32_t i = 0; i < wanted->line_count; i++) {
    const struct m_line *line = &wanted->lines[i];

    same_text(sim, "order line", shop_order_line_sku(order, i),
              sim->model->products[line->product].sku);
    sim_equal(sim, "order line quantity", shop_order_line_quantity(order, i), line->quantity);
    sim_equal(sim, "order line price", shop_order_line_unit_price_minor(order, i), line->price);
  }
}

void sim_compare_order(struct sim *sim, const shop_order_t *order, const struct m_order *known) {
  struct m_order *wanted = &sim->model->orders[known - sim->model->orders];

  sim_check(sim, order != NULL, "no order is given");
  if (wanted->number[0] == '\0')
    snprintf(wanted->number, sizeof wanted->number, "%s", shop_order_number(order));
  wanted->id = shop_order_id(order);
  same_text(sim, "order number", shop_order_number(order), wanted->number);
  sim_equal(sim, "order status", shop_order_status(order), wanted->status);
  sim_equal(sim, "payment status", shop_order_payment_status(order), wanted->payment);
  sim_equal(sim, "late money", shop_order_has_late_money(order), (wanted->attention & LATE) != 0);
  sim_equal(sim, "mismatch", shop_order_has_mismatch(order), (wanted->attention & MISMATCH) != 0);
  sim_equal(sim, "contradiction", shop_order_has_contradiction(order),
            (wanted->attention & CONTRADICTION) != 0);
  sim_equal(sim, "total", shop_order_total_minor(order), wanted->total);
  sim_equal(sim, "captured", shop_order_captured_minor(order), wanted->captured);
  sim_equal(sim, "refunded", shop_order_refunded_minor(order), wanted->refunded);
  same_text(sim, "currency", shop_order_currency(order), wanted->currency);
  same_text(sim, "captured currency", shop_order_captured_currency(order),
            wanted->captured_currency);
  same_text(sim, "reference", shop_order_gateway_reference(order), wanted->reference);
  sim_equal(sim, "user of the order", shop_order_user_id(order),
            sim->model->users[wanted->user].id);
  sim_equal(sim, "cart of the order", shop_order_cart_id(order),
            sim->model->carts[wanted->cart].id);
  sim_equal(sim, "client data", shop_order_client_data(order)[0] != '\0',
            wanted->payment == SHOP_PAYMENT_ACTION_REQUIRED && wanted->client_data);
  compare_lines(sim, order, wanted);
  compare_operations(sim, order, wanted);
}

/* ---- carts --------------------------------------------------------------------------- */

void sim_compare_cart(struct sim *sim, const shop_cart_t *cart, const struct m_cart *wanted) {
  const struct model *model = sim->model;

  sim_check(sim, cart != NULL, "no cart is given");
  sim_equal(sim, "cart id", shop_cart_id(cart), wanted->id);
  sim_equal(sim, "cart state", shop_cart_state(cart), wanted->state);
  sim_equal(sim, "cart version", shop_cart_version(cart), wanted->version);
  sim_equal(sim, "cart total", shop_cart_total_minor(cart), model_cart_total(model, wanted));
  same_text(sim, "cart currency", shop_cart_currency(cart), wanted->currency);
  sim_equal(sim, "held until", shop_cart_held_until_ms(cart),
            model_is_held(wanted) ? wanted->hold_start_ms + wanted->hold_length_ms : 0);
  sim_equal(sim, "cart lines", shop_cart_line_count(cart), wanted->line_count);
  for (int32_t i = 0; i < wanted->line_count; i++) {
    const struct m_line *line = &wanted->lines[i];

    same_text(sim, "cart line", shop_cart_line_sku(cart, i), model->products[line->product].sku);
    sim_equal(sim, "quantity", shop_cart_line_quantity(cart, i), line->quantity);
    sim_equal(sim, "kept price", shop_cart_line_kept_price_minor(cart, i), line->price);
    sim_equal(sim, "available", shop_cart_line_available(cart, i),
              model_available(&model->products[line->product]) +
                  (model_is_held(wanted) && !model->products[line->product].unlimited
                       ? line->quantity
                       : 0));
    sim_equal(sim, "warnings", shop_cart_line_warnings(cart, i),
              model_line_warnings(model, wanted, line));
  }
}

/* ---- the rest ------------------------------------------------------------------------- */

static void compare_products(struct sim *sim) {
  shop_product_page_t *page = NULL;
  int32_t status = shop_product_list(sim->shop, 0, 1000, &page, sim->err);
  int32_t at = 0;

  sim_status(sim, status, SHOP_OK);
  for (int32_t i = 0; i < PRODUCTS; i++) {
    const struct m_product *wanted = &sim->model->products[i];
    const shop_product_t *product = NULL;

    if (!wanted->exists)
      continue;
    for (at = 0; at < shop_product_page_count(page); at++)
      if (strcmp(shop_product_sku(shop_product_page_at(page, at)), wanted->sku) == 0)
        product = shop_product_page_at(page, at);
    sim_check(sim, product != NULL, "product %s is missing", wanted->sku);
    sim_equal(sim, wanted->sku, shop_product_is_active(product), wanted->active);
    sim_equal(sim, "price", shop_product_price_minor(product), wanted->price);
    sim_equal(sim, "reserved", shop_product_reserved(product), wanted->reserved);
    sim_equal(sim, "available", shop_product_available(product), model_available(wanted));
    if (!wanted->unlimited)
      sim_equal(sim, "on hand", shop_product_on_hand(product),
                wanted->on_hand < 0 ? 0 : wanted->on_hand);
  }
  shop_product_page_free(page);
}

static void compare_mail(struct sim *sim) {
  shop_mail_stats_t *stats = NULL;
  int64_t wanted_waiting = 0, wanted_dead = 0, wanted_sent = 0;
  int32_t status = shop_mail_stats(sim->shop, &stats, sim->err);

  sim_status(sim, status, SHOP_OK);
  for (int32_t i = 0; i < sim->model->mail_count; i++) {
    enum mail_state state = sim->model->mails[i].state;

    wanted_waiting += state == MAIL_QUEUED || state == MAIL_LEASED;
    wanted_dead += state == MAIL_DEAD;
    wanted_sent += state == MAIL_SENT;
  }
  sim_equal(sim, "mail waiting", shop_mail_stats_queued(stats) + shop_mail_stats_leased(stats),
            wanted_waiting);
  sim_equal(sim, "mail sent", shop_mail_stats_sent(stats), wanted_sent);
  sim_equal(sim, "mail dead", shop_mail_stats_dead(stats), wanted_dead);
  shop_mail_stats_free(stats);
}

void sim_compare_some(struct sim *sim) {
  compare_products(sim);
  compare_mail(sim);
}

static void compare_orders(struct sim *sim) {
  for (int32_t i = 0; i < sim->model->order_count; i++) {
    shop_order_t *order = NULL;
    int32_t status =
        shop_order_find_by_number(sim->shop, sim->model->orders[i].number, &order, sim->err);

    sim_status(sim, status, SHOP_OK);
    sim_compare_order(sim, order, &sim->model->orders[i]);
    shop_order_free(order);
  }
}

void sim_compare_carts(struct sim *sim) {
  for (int32_t i = 0; i < sim->model->token_count; i++) {
    const struct m_token *token = &sim->model->tokens[i];
    const struct m_user *user = &sim->model->users[token->user];
    shop_session_t *session = NULL;
    int32_t status = shop_session_check(sim->shop, token->handle, &session, sim->err);

    sim_status(sim, status, SHOP_OK);
    sim_equal(sim, "session", shop_session_status(session), model_check_token(sim->model, i));
    if (shop_session_status(session) == SHOP_OK) {
      sim_equal(sim, "user of the session", shop_session_user_id(session), user->id);
      sim_equal(sim, "a guest", shop_session_is_guest(session), model_is_guest(sim->model, i));
      sim_equal(sim, "a cart", shop_session_cart(session) != NULL, user->cart != NOBODY);
      if (user->cart != NOBODY)
        sim_compare_cart(sim, shop_session_cart(session), &sim->model->carts[user->cart]);
    }
    shop_session_free(session);
  }
}

static void verify(struct sim *sim) {
  shop_audit_t *audit = NULL;
  int32_t status = shop_verify(sim->shop, &audit, sim->err);

  sim_status(sim, status, SHOP_OK);
  for (int32_t i = 0; i < shop_audit_finding_count(audit); i++)
    sim_check(sim, shop_audit_finding_severity(audit, i) != SHOP_FINDING_VIOLATION,
              "shop_verify: %s", shop_audit_finding_text(audit, i));
  sim_equal(sim, "orders", shop_audit_orders(audit), sim->model->order_count);
  shop_audit_free(audit);
}

void sim_compare_all(struct sim *sim) {
  sim_compare_some(sim);
  compare_orders(sim);
  sim_compare_carts(sim);
  verify(sim);
}

/* ---- the books ---------------------------------------------------------------------------- */

/* What the gateway holds for an order: charged, or taken by a capture. */
static void close_order(struct sim *sim, const struct m_order *order) {
  const struct entry *charge =
      order->operation_count == 0 ? NULL : sim_entry(sim, order->operations[0].key);
  bool captured = charge != NULL && charge->fate == SHOP_OUTCOME_CAPTURED;
  bool held = charge != NULL && charge->fate == SHOP_OUTCOME_AUTHORIZED;

  sim_equal(sim, "the ledger's captured", captured ? charge->amount : 0, order->captured);
  sim_equal(sim, "the ledger's refunded", captured ? charge->refunded : 0, order->refunded);
  sim_equal(sim, "the ledger's authorized", held, order->payment == SHOP_PAYMENT_AUTHORIZED);
  if (order->status == SHOP_ORDER_PLACED)
    sim_check(sim, order->total == 0 || captured || held, "%s is placed and not paid",
              order->number);
  if (captured && charge->amount == order->total && order->refunded == 0 &&
      (order->attention & LATE) == 0)
    sim_check(sim, order->status == SHOP_ORDER_PLACED, "%s is paid and not placed", order->number);
  sim_check(sim, order->status != SHOP_ORDER_PENDING || (order->attention & MISMATCH) != 0,
            "%s is still pending", order->number);
}

void sim_close_books(struct sim *sim) {
  for (int32_t i = 0; i < sim->model->order_count; i++)
    close_order(sim, &sim->model->orders[i]);
}
