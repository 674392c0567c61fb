/* The purchase, step 5 of the timeline.

   T1, one transaction, checks everything for the last time, reserves the stock
   and stores the order with the charge as `sent`. Then the gateway is asked, with
   nothing held. Then settle.c takes the answer. A process that dies after T1
   leaves a `sent` charge, which recover.c finishes. */
#include <string.h>

#include "flow.h"

struct purchase {
  shop_t *shop;
  const shop_token_t *token;
  int64_t cart_id;
  const shop_purchase_request_t *request;
  bool begins; /* the host asks the gateway by its own means */
  int64_t expected_version;
  struct shop__once once;
  int64_t now_ms;
  char number[SHOP__ORDER_NUMBER_BYTES];
  /* For an order that costs nothing: it is placed in T1 itself, so its mail is
     composed before, from the draft of a T1 that was undone. */
  struct shop__post confirmation;
  shop_order_t *told; /* that draft */
  struct shop__placing placing;

  /* results */
  bool number_taken; /* draw another and run again */
  bool needs_message;
  bool is_new; /* false: an order that was there, to be given as it is */
  bool is_held;             /* the cart's pieces are set aside for it already */
  int64_t short_product_id; /* of which too few are available; 0: none */
  int64_t order_id;
  struct shop__ask charge; /* operation_id 0: nothing to charge */
  struct shop__pack pack;
};

static const char CREATED[] = "order.created";

/* ---- T1, step by step ------------------------------------------------------------------- */

/* The order that this key, or else this cart, stands for already. */
static int32_t find_repeated(shop__tx_t *tx, struct purchase *purchase,
                             const struct shop__token_row *user) {
  int32_t status = shop__once_find(tx, &purchase->once, user->user_id, &purchase->order_id);

  if (status == SHOP_OK && purchase->order_id != 0)
    status = shop__order_pack_by_id(tx, purchase->order_id, &purchase->pack);
  return status;
}

static int32_t find_cart(shop__tx_t *tx, struct purchase *purchase,
                         const struct shop__token_row *user, struct shop__cart_row *cart) {
  shop_error_t *err = shop__tx_error(tx);
  bool found = false;
  int32_t status = shop__cart_by_id(tx, purchase->cart_id, user->user_id, cart, &found);

  if (status != SHOP_OK)
    return status;
  if (!found)
    return shop__error_set(err, SHOP_ERR_NOT_FOUND, "there is no such cart");
  if (cart->state == SHOP_CART_COMPLETED)
    return shop__error_set(err, SHOP_ERR_CART_COMPLETED, "the cart was bought already");
  if (cart->state == SHOP_CART_EXPIRED)
    return shop__error_set(err, SHOP_ERR_CART_EXPIRED, "the cart has expired: create a new one");
  if (cart->state == SHOP_CART_COMPLETING) {
    purchase->order_id = cart->order_id;
    return shop__order_pack_by_id(tx, cart->order_id, &purchase->pack);
  }
  if (purchase->expected_version != 0 && purchase->expected_version != cart->version)
    return shop__error_set(err, SHOP_ERR_VERSION,
                           "the cart has changed since version %lld: read it again",
                           (long long)purchase->expected_version);
  if (cart->line_count == 0)
    return shop__error_set(err, SHOP_ERR_CART_EMPTY, "the cart is empty");
  purchase->is_held = shop__cart_is_held(cart);
  return SHOP_OK;
}

static int32_t check_line(shop__tx_t *tx, struct purchase *purchase,
                          const struct shop__cart_line_row *line, const char *currency) {
  shop_error_t *err = shop__tx_error(tx);
  int32_t warnings = shop__cart_line_warning(line, currency, purchase->is_held);
  int32_t status = shop__cart_line_check(tx, line, warnings);

  if (status != SHOP_OK)
    return status;
  if ((warnings & SHOP_WARNING_LESS_STOCK) != 0) {
    purchase->short_product_id = line->product_id;
    return shop__error_set(err, SHOP_ERR_OUT_OF_STOCK, "only %lld pieces of %s are left",
                           (long long)line->available, line->sku);
  }
  if ((warnings & SHOP_WARNING_PRICE_CHANGED) != 0 && !purchase->request->has_expected_total)
    return shop__error_set(err, SHOP_ERR_PRICE_CHANGED,
                           "the price of %s has changed: reprice the cart, or say which total "
                           "is expected",
                           line->sku);
  return SHOP_OK;
}

static int32_t overflow(shop__tx_t *tx) {
  return shop__error_set(shop__tx_error(tx), SHOP_ERR_OVERFLOW, "the total does not fit");
}

/* Copies the lines, at today's prices, into the order that is being built. */
static int32_t price_lines(shop__tx_t *tx, struct purchase *purchase, const char *currency,
                           int64_t *total) {
  struct shop__cart_line_row row;
  shop__query_t *q = shop__cart_lines_each(tx, purchase->cart_id);
  int32_t status;

  while ((status = shop__cart_lines_next(q, &row)) == SHOP__ROW) {
    struct shop__order_line_row line = {.product_id = row.product_id,
                                        .quantity = row.quantity,
                                        .unit_price_minor = row.price_minor,
                                        .sku = row.sku,
                                        .name = row.name};

    status = check_line(tx, purchase, &row, currency);
    if (status == SHOP_OK &&
        (!shop__money_multiply(row.price_minor, row.quantity, &line.total_minor) ||
         !shop__money_add(*total, line.total_minor, total)))
      status = overflow(tx);
    if (status != SHOP_OK) {
      shop__query_reset(q);
      return status;
    }
    shop__order_pack_line(&purchase->pack, &line);
  }
  return status;
}

static int32_t price_adjustments(shop__tx_t *tx, struct purchase *purchase, int64_t *total) {
  for (int32_t i = 0; i < purchase->request->adjustment_count; i++) {
    const struct shop__request_adjustment *asked = &purchase->request->adjustments[i];

    if (asked->kind != SHOP_ADJUSTMENT_TAX_INCLUDED &&
        !shop__money_add(*total, asked->amount_minor, total))
      return overflow(tx);
    shop__order_pack_adjustment(&purchase->pack,
                                &(struct shop__adjustment_row){.kind = asked->kind,
                                                               .amount_minor = asked->amount_minor,
                                                               .label = asked->label});
  }
  if (*total < 0)
    return shop__error_set(shop__tx_error(tx), SHOP_ERR_ARGUMENT,
                           "the adjustments make the total negative");
  return SHOP_OK;
}

static int32_t check_total(shop__tx_t *tx, const struct purchase *purchase, int64_t total,
                           const char *currency) {
  const shop_purchase_request_t *request = purchase->request;
  shop_error_t *err = shop__tx_error(tx);
  char text[SHOP__MONEY_BYTES];

  if (request->has_expected_total && (request->expected_total_minor != total ||
                                      strcmp(request->expected_currency, currency) != 0))
    return shop__error_set(err, SHOP_ERR_TOTAL_CHANGED,
                           "the total is now %s: show it and ask again",
                           shop__money_format(total, currency, text));
  if (total == 0)
    return SHOP_OK;
  if (request->method[0] == '\0')
    return shop__error_set(err, SHOP_ERR_ARGUMENT,
                           "the purchase costs something and names no payment method");
  if (!purchase->begins && !shop__gateway_has(purchase->shop, SHOP_OPERATION_CHARGE))
    return shop__error_set(err, SHOP_ERR_NO_GATEWAY,
                           "no charge callback is set: see shop_config_set_gateway_charge");
  return SHOP_OK;
}

static const char *optional(const char *text) {
  return text[0] == '\0' ? NULL : text;
}

/* Builds the order in memory; nothing is stored yet. */
static int32_t draft(shop__tx_t *tx, struct purchase *purchase,
                     const struct shop__token_row *user, const struct shop__cart_row *cart,
                     struct shop__order_row *order) {
  const shop_purchase_request_t *request = purchase->request;
  int64_t total = 0;
  int32_t status;

  *order = (struct shop__order_row){.number = purchase->number,
                                    .user_id = user->user_id,
                                    .cart_id = cart->id,
                                    .status = SHOP_ORDER_PENDING,
                                    .currency = cart->currency,
                                    .created_at_ms = purchase->now_ms,
                                    .email = user->email,
                                    .email_key = user->email_key,
                                    .language = user->language,
                                    .shipping_address = optional(request->shipping_address),
                                    .billing_address = optional(request->billing_address)};
  shop__order_pack_head(&purchase->pack, order);
  status = price_lines(tx, purchase, cart->currency, &total);
  if (status == SHOP_OK)
    status = price_adjustments(tx, purchase, &total);
  if (status == SHOP_OK)
    status = check_total(tx, purchase, total, cart->currency);
  if (status != SHOP_OK)
    return status;
  order->total_minor = total;
  order->payment.state = total == 0 ? SHOP_PAYMENT_NONE : SHOP_PAYMENT_SENT;
  return shop__tx_id(tx, &order->id);
}

/* Where too few pieces are left, holds of others that are over give theirs back. */
static int32_t draft_with_room(shop__tx_t *tx, struct purchase *purchase,
                               const struct shop__token_row *user,
                               const struct shop__cart_row *cart, struct shop__order_row *order) {
  bool made = true;
  int32_t status = draft(tx, purchase, user, cart, order);

  while (status == SHOP_ERR_OUT_OF_STOCK && made) {
    status = shop__hold_make_room(tx, purchase->short_product_id, purchase->now_ms, &made);
    if (status == SHOP_OK) {
      shop__error_clear(shop__tx_error(tx));
      status = draft(tx, purchase, user, cart, order);
    }
  }
  return status;
}

static int32_t reserve_line(shop__tx_t *tx, int64_t order_id, int64_t position,
                            const shop_order_t *order, bool is_held) {
  const struct shop__order_line *line = shop__order_line_at(order, (int32_t)position);
  const struct shop__order_line_row row = {.product_id = line->product_id,
                                           .quantity = line->quantity,
                                           .unit_price_minor = line->unit_price_minor,
                                           .total_minor = line->total_minor,
                                           .sku = shop__pack_text_at(order, line->sku),
                                           .name = shop__pack_text_at(order, line->name)};
  bool enough = is_held;
  int32_t status = shop__order_line_insert(tx, order_id, position, &row);

  if (status == SHOP_OK && !is_held)
    status = shop__product_reserve(tx, row.product_id, row.quantity, &enough);
  if (status == SHOP_OK && !enough)
    return shop__error_set(shop__tx_error(tx), SHOP_ERR_OUT_OF_STOCK,
                           "fewer than %lld pieces of %s are left", (long long)row.quantity,
                           row.sku);
  if (status == SHOP_OK)
    status = shop__reservation_insert(tx, order_id, row.product_id, row.quantity);
  return status;
}

static int32_t store_order(shop__tx_t *tx, struct purchase *purchase,
                           const struct shop__order_row *order) {
  const shop_order_t *built = shop__order_of(&purchase->pack);
  bool inserted = false;
  int32_t status = shop__order_insert(tx, order, &inserted);

  if (status == SHOP_OK && !inserted) {
    purchase->number_taken = true;
    return shop__error_set(shop__tx_error(tx), SHOP_ERR_BUSY, "the order number was taken");
  }
  for (int32_t i = 0; status == SHOP_OK && i < (int32_t)built->lines.count; i++)
    status = reserve_line(tx, order->id, i, built, purchase->is_held);
  for (int32_t i = 0; status == SHOP_OK && i < (int32_t)built->adjustments.count; i++) {
    const struct shop__request_adjustment *asked = &purchase->request->adjustments[i];

    status = shop__adjustment_insert(tx, order->id, i,
                                     &(struct shop__adjustment_row){asked->kind,
                                                                    asked->amount_minor,
                                                                    asked->label});
  }
  if (status == SHOP_OK)
    status = shop__note(tx, order,
                        &(struct shop__moment){purchase->now_ms, SHOP_ACTOR_SHOPPER},
                        CREATED, NULL, "pending", NULL);
  return status;
}

/* The charge is written as `sent` before the gateway hears of it: from the
   commit on, its outcome is unknown until an answer is settled. The lease
   begins now, for the call may have waited long for the store. */
static int32_t store_charge(shop__tx_t *tx, struct purchase *purchase,
                            const struct shop__order_row *order) {
  const shop_t *shop = purchase->shop;
  const struct shop__payment_row payment = {.order_id = order->id,
                                            .state = SHOP_PAYMENT_SENT,
                                            .amount_minor = order->total_minor,
                                            .currency = order->currency};
  struct shop__operation_row operation = {.order_id = order->id,
                                          .kind = SHOP_OPERATION_CHARGE,
                                          .state = SHOP_OPERATION_SENT,
                                          .amount_minor = order->total_minor,
                                          .currency = order->currency,
                                          .method = purchase->request->method,
                                          .created_at_ms = purchase->now_ms,
                                          .lease_start_ms = shop__now_ms(shop),
                                          .lease_length_ms = shop->config.gateway_lease_ms,
                                          .order_number = order->number,
                                          .email = order->email};
  char key[SHOP__GATEWAY_KEY_BYTES];
  int32_t status = shop__payment_insert(tx, &payment, purchase->now_ms);

  if (status == SHOP_OK)
    status = shop__tx_id(tx, &operation.id);
  if (status != SHOP_OK)
    return status;
  shop__gateway_key(shop, operation.id, key);
  operation.key = key;
  status = shop__operation_insert(tx, &operation);
  if (status != SHOP_OK)
    return status;
  shop__ask_fill(&operation, key, &purchase->charge);
  shop__order_pack_operation(&purchase->pack, &operation);
  return SHOP_OK;
}

/* What was held is the order's now; the hold's time stays known, should the payment
   fail within it. */
static int32_t occupy_cart(shop__tx_t *tx, const struct purchase *purchase,
                           struct shop__cart_row *cart, int64_t order_id) {
  cart->state = SHOP_CART_COMPLETING;
  cart->order_id = order_id;
  cart->version++;
  cart->updated_at_ms = purchase->now_ms;
  return shop__cart_update(tx, cart);
}

/* Does the mail that was composed from one draft tell of another as well? What
   stands in it beside comes from the request. */
static bool tells_of(const shop_order_t *told, const shop_order_t *order) {
  if (told == NULL || shop_order_line_count(told) != shop_order_line_count(order) ||
      strcmp(told->number, order->number) != 0 || strcmp(told->currency, order->currency) != 0 ||
      strcmp(shop_order_email(told), shop_order_email(order)) != 0)
    return false;
  for (int32_t i = 0; i < shop_order_line_count(order); i++)
    if (strcmp(shop_order_line_sku(told, i), shop_order_line_sku(order, i)) != 0 ||
        strcmp(shop_order_line_name(told, i), shop_order_line_name(order, i)) != 0 ||
        shop_order_line_quantity(told, i) != shop_order_line_quantity(order, i) ||
        shop_order_line_unit_price_minor(told, i) != shop_order_line_unit_price_minor(order, i))
      return false;
  return true;
}

/* An order that costs nothing has nobody to wait for. */
static int32_t place_free(shop__tx_t *tx, struct purchase *purchase,
                          const struct shop__order_row *order) {
  purchase->placing.now_ms = shop__now_ms(purchase->shop);
  purchase->placing.actor = SHOP_ACTOR_SHOPPER;
  return shop__place(tx, order, &purchase->placing);
}

/* What T1 has built is what it has stored; only an order that was placed at once
   has moved on since. */
static int32_t finish_snapshot(shop__tx_t *tx, struct purchase *purchase,
                               const struct shop__order_row *order) {
  if (order->total_minor == 0)
    return shop__order_pack_by_id(tx, order->id, &purchase->pack);
  shop__order_pack_event(&purchase->pack, &(struct shop__event_row){.at_ms = purchase->now_ms,
                                                                    .actor = SHOP_ACTOR_SHOPPER,
                                                                    .name = CREATED,
                                                                    .after = "pending"});
  shop__order_pack_end_history(&purchase->pack);
  return shop__pack_check(tx, &purchase->pack);
}

static int32_t begin_order(shop__tx_t *tx, struct purchase *purchase,
                           const struct shop__token_row *user, struct shop__cart_row *cart) {
  struct shop__order_row order;
  int32_t status = draft_with_room(tx, purchase, user, cart, &order);

  if (status != SHOP_OK)
    return status;
  shop__order_pack_end(&purchase->pack);
  status = shop__pack_check(tx, &purchase->pack);
  if (status != SHOP_OK)
    return status;
  shop__order_of(&purchase->pack)->id = order.id;
  shop__order_of(&purchase->pack)->total_minor = order.total_minor;
  shop__order_of(&purchase->pack)->payment_status = order.payment.state;
  purchase->needs_message =
      order.total_minor == 0 && !tells_of(purchase->told, shop__order_of(&purchase->pack));
  if (purchase->needs_message) /* undo; the caller composes and comes back */
    return shop__error_set(shop__tx_error(tx), SHOP_ERR_BUSY, "the message is not composed yet");
  status = store_order(tx, purchase, &order);
  if (status == SHOP_OK)
    status = occupy_cart(tx, purchase, cart, order.id);
  if (status == SHOP_OK && order.total_minor > 0)
    status = store_charge(tx, purchase, &order);
  if (status == SHOP_OK && order.total_minor == 0)
    status = place_free(tx, purchase, &order);
  if (status == SHOP_OK)
    status = shop__once_store(tx, &purchase->once, user->user_id, order.id, purchase->now_ms);
  if (status == SHOP_OK)
    status = finish_snapshot(tx, purchase, &order);
  purchase->order_id = order.id;
  purchase->is_new = true;
  return status;
}

static int32_t t1_fn(shop__tx_t *tx, void *ctx) {
  struct purchase *purchase = ctx;
  struct shop__token_row user;
  struct shop__cart_row cart;
  int32_t status;

  purchase->now_ms = shop__now_ms(purchase->shop); /* as in cart.c's change_fn */
  purchase->number_taken = false;
  purchase->needs_message = false;
  purchase->is_new = false;
  purchase->is_held = false;
  purchase->order_id = 0;
  purchase->charge.operation_id = 0;
  purchase->confirmation.mail_id = 0;
  status = shop__token_check(tx, purchase->token, purchase->now_ms, &user);
  if (status == SHOP_OK && user.guest)
    status = shop__guest_refuse(tx);
  if (status == SHOP_OK)
    status = find_repeated(tx, purchase, &user);
  if (status == SHOP_OK && purchase->order_id == 0)
    status = find_cart(tx, purchase, &user, &cart);
  if (status == SHOP_OK && purchase->order_id == 0 && !user.verified &&
      purchase->shop->config.codes.purchase_needs_verified)
    status = shop__error_set(shop__tx_error(tx), SHOP_ERR_UNVERIFIED,
                             "the address must be verified before a purchase");
  if (status == SHOP_OK && purchase->order_id == 0)
    status = begin_order(tx, purchase, &user, &cart);
  return status;
}

/* ---- around T1 ---------------------------------------------------------------------------- */

/* 60 random bits in the letters of Crockford's base 32, which nobody takes for
   one another. */
static void draw_number(char number[SHOP__ORDER_NUMBER_BYTES]) {
  static const char LETTERS[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

  uint8_t drawn[SHOP__ORDER_NUMBER_BYTES - 1];

  shop__random_bytes(drawn, sizeof drawn);
  for (int i = 0; i < SHOP__ORDER_NUMBER_BYTES - 1; i++)
    number[i] = LETTERS[drawn[i] % 32]; /* 256 is a multiple of 32: evenly drawn */
  number[SHOP__ORDER_NUMBER_BYTES - 1] = '\0';
}

static int32_t compose_free(struct purchase *purchase, shop_error_t *err) {
  shop__letter_free(&purchase->confirmation.letter);
  shop_order_free(purchase->told);
  purchase->told = shop__pack_finish(&purchase->pack);
  return shop__letter_order(purchase->shop, SHOP_MAIL_CONFIRMATION, purchase->told, NULL,
                            purchase->now_ms, &purchase->confirmation.letter, err);
}

/* T1 runs again for a number that was taken, or for a free order whose lines
   changed while its mail was composed: each time something else has won, so a
   few rounds are many. */
static int32_t run_t1(struct purchase *purchase, const struct shop__db_write_rule *rule,
                      shop_error_t *err) {
  int32_t status = SHOP_OK;

  draw_number(purchase->number);
  for (int rounds = 0; rounds < 16; rounds++) {
    /* Where the store was too busy to begin, T1 has not said anything. */
    purchase->number_taken = false;
    purchase->needs_message = false;
    status = shop__db_write(purchase->shop->db, t1_fn, purchase, rule, err);
    if (status != SHOP_ERR_BUSY || !(purchase->number_taken || purchase->needs_message))
      return status;
    if (purchase->number_taken)
      draw_number(purchase->number);
    else if (compose_free(purchase, err) != SHOP_OK)
      return SHOP_ERR_NO_MEMORY;
  }
  return status;
}

static int32_t charge(struct purchase *purchase, shop_order_t **out, shop_error_t *err) {
  shop_t *shop = purchase->shop;
  struct shop__outcome outcome;
  struct shop__settle settle = {.operation_id = purchase->charge.operation_id,
                                .outcome = &outcome,
                                .actor = SHOP_ACTOR_SHOPPER,
                                .draft = shop__order_of(&purchase->pack),
                                .unanswered = true,
                                .is_live = true};
  int32_t status;

  shop__gateway_ask(shop, &purchase->charge, false, &outcome);
  status = shop__settle(shop, &settle, err);
  *out = settle.order;
  return status == SHOP_OK ? settle.status : status;
}

static int32_t buy(struct purchase *purchase, const shop_options_t *options, shop_order_t **out,
                   shop_error_t *err) {
  struct shop__db_write_rule rule = shop__options_rule(options, true);
  int32_t status = run_t1(purchase, &rule, err);

  if (status == SHOP_OK && purchase->charge.operation_id != 0 && !purchase->begins) {
    status = charge(purchase, out, err);
    /* The store failed after the charge: the order as T1 stored it is all that
       is known, and it is the caller's to see. */
    if (*out == NULL)
      *out = shop__pack_finish(&purchase->pack);
  } else if (status == SHOP_OK) {
    if (purchase->is_new)
      shop__post_send(purchase->shop, &purchase->confirmation,
                      shop__order_of(&purchase->pack)->number);
    else
      status = shop__order_outcome(shop__order_of(&purchase->pack), err);
    *out = shop__pack_finish(&purchase->pack);
  }
  shop__letter_free(&purchase->confirmation.letter);
  return status;
}

static int32_t begin_once(struct purchase *purchase, const shop_options_t *options,
                          shop_error_t *err) {
  const shop_purchase_request_t *request = purchase->request;
  struct shop__once_input input = shop__once_input(options);

  shop__once_int(&input, purchase->cart_id);
  shop__once_text(&input, request->method);
  shop__once_text(&input, request->shipping_address);
  shop__once_text(&input, request->billing_address);
  shop__once_int(&input, request->has_expected_total ? request->expected_total_minor : -1);
  shop__once_text(&input, request->expected_currency);
  for (int32_t i = 0; i < request->adjustment_count; i++) {
    shop__once_int(&input, request->adjustments[i].kind);
    shop__once_int(&input, request->adjustments[i].amount_minor);
    shop__once_text(&input, request->adjustments[i].label);
  }
  return shop__once_begin(&purchase->once, "purchase", options, &input, err);
}

static int32_t purchase_cart(struct purchase *purchase, const shop_options_t *options,
                             shop_order_t **out, shop_error_t *err) {
  shop_t *shop = purchase->shop;
  shop_purchase_request_t *nothing = NULL; /* asked for: such a request is large, and rare */
  int32_t status;

  if (out != NULL)
    *out = NULL;
  status = shop__enter_token(shop, purchase->token, err);
  if (status != SHOP_OK)
    return status;
  if (out == NULL)
    return shop__leave(shop, shop__missing("out", err));
  if (purchase->request == NULL) {
    if (shop_purchase_request_new(&nothing) != SHOP_OK)
      return shop__leave(shop, shop__no_memory(err));
    purchase->request = nothing;
  }
  purchase->expected_version = options == NULL ? 0 : options->expected_version;
  purchase->now_ms = shop__now_ms(shop);
  purchase->placing = (struct shop__placing){.confirmation = &purchase->confirmation};
  shop__post_at_once(shop, &purchase->confirmation);
  status = shop__options_check(options, SHOP__TAKES_KEY | SHOP__TAKES_VERSION, err);
  if (status == SHOP_OK)
    status = begin_once(purchase, options, err);
  if (status == SHOP_OK)
    status = buy(purchase, options, out, err);
  shop_order_free(purchase->told);
  shop__pack_free(&purchase->pack);
  shop_purchase_request_free(nothing);
  return shop__leave(shop, status);
}

int32_t shop_purchase(shop_t *shop, const shop_token_t *token, int64_t cart_id,
                      const shop_purchase_request_t *request, const shop_options_t *options,
                      shop_order_t **out, shop_error_t *err) {
  struct purchase purchase = {
      .shop = shop, .token = token, .cart_id = cart_id, .request = request};

  return purchase_cart(&purchase, options, out, err);
}

int32_t shop_purchase_begin(shop_t *shop, const shop_token_t *token, int64_t cart_id,
                            const shop_purchase_request_t *request,
                            const shop_options_t *options, shop_order_t **out,
                            shop_error_t *err) {
  struct purchase purchase = {
      .shop = shop, .token = token, .cart_id = cart_id, .request = request, .begins = true};

  return purchase_cart(&purchase, options, out, err);
}
