/* Carts: steps 3 and 4 of the timeline. Every change goes through change_fn: who
   asks, has it been done already, is the cart theirs and open, is it the version
   they saw; then the one thing that the call does; then the new snapshot. */
#include <string.h>

#include "flow.h"

/* ---- create and get ---------------------------------------------------------------- */

struct look {
  const shop_token_t *token;
  int64_t cart_id;
  int64_t now_ms;
  bool missing; /* result of looking for the living cart: there is none */
  struct shop__pack pack;
};

static int32_t no_cart(shop__tx_t *tx) {
  return shop__error_set(shop__tx_error(tx), SHOP_ERR_NOT_FOUND, "there is no such cart");
}

static int32_t get_fn(shop__tx_t *tx, void *ctx) {
  struct look *look = ctx;
  struct shop__token_row user;
  struct shop__cart_row cart;
  bool found = false;
  int32_t status = shop__token_check(tx, look->token, look->now_ms, &user);

  if (status == SHOP_OK)
    status = shop__cart_by_id(tx, look->cart_id, user.user_id, &cart, &found);
  if (status == SHOP_OK && !found)
    status = no_cart(tx);
  if (status == SHOP_OK)
    status = shop__cart_pack(tx, &cart, &look->pack);
  return status;
}

/* A shopper who comes back is the common case: it is a read, and waits for
   nobody. */
static int32_t find_fn(shop__tx_t *tx, void *ctx) {
  struct look *look = ctx;
  struct shop__token_row user;
  struct shop__cart_row cart;
  bool found = false;
  int32_t status = shop__token_check(tx, look->token, look->now_ms, &user);

  if (status == SHOP_OK)
    status = shop__cart_living(tx, user.user_id, &cart, &found);
  look->missing = !found;
  if (status == SHOP_OK && found)
    status = shop__cart_pack(tx, &cart, &look->pack);
  return status;
}

static int32_t create_fn(shop__tx_t *tx, void *ctx) {
  struct look *look = ctx;
  struct shop__token_row user;
  struct shop__cart_row cart;
  bool found = false;
  int32_t status = shop__token_check(tx, look->token, look->now_ms, &user);

  if (status == SHOP_OK)
    status = shop__cart_living(tx, user.user_id, &cart, &found);
  if (status == SHOP_OK && !found) {
    cart = (struct shop__cart_row){.user_id = user.user_id,
                                   .state = SHOP_CART_OPEN,
                                   .version = 1,
                                   .created_at_ms = look->now_ms,
                                   .updated_at_ms = look->now_ms};
    status = shop__tx_id(tx, &cart.id);
    if (status == SHOP_OK)
      status = shop__cart_insert(tx, &cart);
  }
  if (status == SHOP_OK)
    status = shop__cart_pack(tx, &cart, &look->pack);
  return status;
}

int32_t shop_cart_create(shop_t *shop, const shop_token_t *token, const shop_options_t *options,
                         shop_cart_t **out, shop_error_t *err) {
  struct shop__db_write_rule rule = shop__options_rule(options, false);
  struct look look = {.token = token};
  int32_t status;

  if (out != NULL)
    *out = NULL;
  status = shop__enter_token(shop, token, err);
  if (status != SHOP_OK)
    return status;
  if (out == NULL)
    return shop__leave(shop, shop__missing("out", err));
  status = shop__options_check(options, SHOP__TAKES_DEADLINE, err);
  if (status == SHOP_OK) {
    look.now_ms = shop__now_ms(shop);
    status = shop__db_glance(shop->db, find_fn, &look, err);
  }
  if (status == SHOP_OK && look.missing)
    status = shop__db_write(shop->db, create_fn, &look, &rule, err);
  if (status == SHOP_OK)
    status = shop__give(&look.pack, (void **)out, err);
  shop__pack_free(&look.pack);
  return shop__leave(shop, status);
}

int32_t shop_cart_get(shop_t *shop, const shop_token_t *token, int64_t cart_id, shop_cart_t **out,
                      shop_error_t *err) {
  struct look look = {.token = token, .cart_id = cart_id};
  int32_t status;

  if (out != NULL)
    *out = NULL;
  status = shop__enter_token(shop, token, err);
  if (status != SHOP_OK)
    return status;
  if (out == NULL)
    return shop__leave(shop, shop__missing("out", err));
  look.now_ms = shop__now_ms(shop);
  status = shop__db_glance(shop->db, get_fn, &look, err);
  if (status == SHOP_OK)
    status = shop__give(&look.pack, (void **)out, err);
  shop__pack_free(&look.pack);
  return shop__leave(shop, status);
}

/* ---- changes ------------------------------------------------------------------------- */

struct change;
typedef int32_t (*change_step)(shop__tx_t *tx, const struct change *change,
                               struct shop__cart_row *cart);

struct change {
  const shop_t *shop;
  const char *operation;
  change_step step;
  const shop_token_t *token;
  int64_t cart_id;
  const char *sku; /* NULL where the call names none */
  bool has_quantity;
  int64_t quantity;
  int64_t quantity_max;
  int64_t lines_max;
  int64_t expected_version;
  int64_t hold_ms;
  int64_t hold_max_ms;
  int64_t now_ms;
  struct shop__once once;
  struct shop__pack pack;
};

static int32_t check_open(shop__tx_t *tx, const struct change *change,
                          const struct shop__cart_row *cart) {
  shop_error_t *err = shop__tx_error(tx);

  if (cart->state == SHOP_CART_COMPLETED)
    return shop__error_set(err, SHOP_ERR_CART_COMPLETED,
                           "the cart was bought: create a new one");
  if (cart->state == SHOP_CART_EXPIRED)
    return shop__error_set(err, SHOP_ERR_CART_EXPIRED, "the cart has expired: create a new one");
  if (cart->state == SHOP_CART_COMPLETING)
    return shop__error_set(err, SHOP_ERR_CART_BUSY,
                           "a purchase of the cart is under way: wait for its outcome");
  if (change->expected_version != 0 && change->expected_version != cart->version)
    return shop__error_set(err, SHOP_ERR_VERSION,
                           "the cart has changed since version %lld: read it again",
                           (long long)change->expected_version);
  return SHOP_OK;
}

/* Version, currency and time follow every change. */
static int32_t store_change(shop__tx_t *tx, const struct change *change,
                            struct shop__cart_row *cart) {
  cart->version++;
  cart->updated_at_ms = change->now_ms;
  if (cart->line_count == 0)
    cart->currency = NULL;
  return shop__cart_touch(tx, cart);
}

static int32_t change_fn(shop__tx_t *tx, void *ctx) {
  struct change *change = ctx;
  struct shop__token_row user;
  struct shop__cart_row cart;
  bool found = false;
  int64_t done = 0;
  int32_t status;

  /* Here: a hold that another call began while this one waited would be ahead of an older clock. */
  change->now_ms = shop__now_ms(change->shop);
  status = shop__token_check(tx, change->token, change->now_ms, &user);

  if (status == SHOP_OK)
    status = shop__once_find(tx, &change->once, user.user_id, &done);
  if (status == SHOP_OK)
    status = shop__cart_by_id(tx, change->cart_id, user.user_id, &cart, &found);
  if (status == SHOP_OK && !found)
    status = no_cart(tx);
  if (status == SHOP_OK && done == 0) {
    status = check_open(tx, change, &cart);
    if (status == SHOP_OK && cart.hold_length_ms != 0 &&
        !shop__hold_is_on(&cart, change->now_ms))
      status = shop__hold_end(tx, &cart);
    if (status == SHOP_OK)
      status = change->step(tx, change, &cart);
    if (status == SHOP_OK)
      status = store_change(tx, change, &cart);
    if (status == SHOP_OK)
      status = shop__once_store(tx, &change->once, user.user_id, cart.id, change->now_ms);
  }
  if (status == SHOP_OK)
    status = shop__cart_pack(tx, &cart, &change->pack);
  return status;
}

/* ---- what each change does ---------------------------------------------------------------- */

static int32_t find_product(shop__tx_t *tx, const struct change *change,
                            struct shop__product_row *product) {
  bool found = false;
  int32_t status = shop__product_by_sku(tx, change->sku, product, &found);

  if (status == SHOP_OK && !found)
    status = shop__error_set(shop__tx_error(tx), SHOP_ERR_NOT_FOUND,
                             "there is no product with SKU %s", change->sku);
  return status;
}

static int32_t check_addable(shop__tx_t *tx, const struct shop__cart_row *cart,
                             const struct shop__product_row *product) {
  shop_error_t *err = shop__tx_error(tx);

  if (product->state != SHOP__PRODUCT_ACTIVE)
    return shop__error_set(err, SHOP_ERR_PRODUCT_RETIRED, "%s is no longer sold", product->sku);
  if (cart->currency != NULL && strcmp(cart->currency, product->currency) != 0)
    return shop__error_set(err, SHOP_ERR_CURRENCY_MIXED, "%s is sold in %s, the cart is in %s",
                           product->sku, product->currency, cart->currency);
  return SHOP_OK;
}

static int32_t too_many(shop__tx_t *tx, const struct change *change) {
  return shop__error_set(shop__tx_error(tx), SHOP_ERR_QUANTITY,
                         "a line of the cart holds up to %lld pieces",
                         (long long)change->quantity_max);
}

/* The hold of a held cart follows each line: what it gets more is taken, or refused;
   what it has less of is given back. */
static int32_t follow_hold(shop__tx_t *tx, const struct change *change,
                           const struct shop__cart_row *cart, int64_t product_id, int64_t before,
                           int64_t after) {
  if (cart->hold_length_ms == 0 || before == after)
    return SHOP_OK;
  return after > before
             ? shop__hold_pieces(tx, product_id, change->sku, after - before, change->now_ms)
             : shop__product_release(tx, product_id, before - after);
}

static int32_t add_step(shop__tx_t *tx, const struct change *change,
                        struct shop__cart_row *cart) {
  struct shop__product_row product;
  int64_t present = 0;
  int32_t status = find_product(tx, change, &product);

  if (status == SHOP_OK)
    status = check_addable(tx, cart, &product);
  if (status == SHOP_OK)
    status = shop__cart_line_quantity(tx, cart->id, product.id, &present);
  if (status != SHOP_OK)
    return status;
  if (change->quantity > change->quantity_max - present)
    return too_many(tx, change);
  if (present == 0 && cart->line_count >= change->lines_max)
    return shop__error_set(shop__tx_error(tx), SHOP_ERR_CART_FULL,
                           "the cart holds up to %lld lines", (long long)change->lines_max);
  status = follow_hold(tx, change, cart, product.id, present, present + change->quantity);
  if (status != SHOP_OK)
    return status;
  if (present > 0)
    return shop__cart_line_set(tx, cart->id, product.id, present + change->quantity,
                               product.price_minor);
  cart->line_count++;
  cart->currency = product.currency;
  /* The version that this change makes rises with every change, so it orders
     the lines as they were added. */
  return shop__cart_line_insert(tx, cart->id, product.id, cart->version + 1, change->quantity,
                                product.price_minor);
}

static int32_t no_line(shop__tx_t *tx, const struct change *change) {
  return shop__error_set(shop__tx_error(tx), SHOP_ERR_NOT_FOUND, "the cart has no line of %s",
                         change->sku);
}

static int32_t set_quantity_step(shop__tx_t *tx, const struct change *change,
                                 struct shop__cart_row *cart) {
  struct shop__product_row product;
  bool found = false;
  int64_t present = 0;
  int32_t status = find_product(tx, change, &product);

  if (status == SHOP_OK && cart->hold_length_ms != 0)
    status = shop__cart_line_quantity(tx, cart->id, product.id, &present);
  if (status == SHOP_OK && present > 0)
    status = follow_hold(tx, change, cart, product.id, present, change->quantity);
  if (status == SHOP_OK)
    status = shop__cart_line_set_quantity(tx, cart->id, product.id, change->quantity, &found);
  return status == SHOP_OK && !found ? no_line(tx, change) : status;
}

static int32_t remove_step(shop__tx_t *tx, const struct change *change,
                           struct shop__cart_row *cart) {
  struct shop__product_row product;
  bool found = false;
  int64_t present = 0;
  int32_t status = find_product(tx, change, &product);

  if (status == SHOP_OK && cart->hold_length_ms != 0)
    status = shop__cart_line_quantity(tx, cart->id, product.id, &present);
  if (status == SHOP_OK)
    status = follow_hold(tx, change, cart, product.id, present, 0);
  if (status == SHOP_OK)
    status = shop__cart_line_delete(tx, cart->id, product.id, &found);
  if (status == SHOP_OK && !found)
    return no_line(tx, change);
  cart->line_count--;
  if (status == SHOP_OK && cart->line_count == 0 && cart->hold_length_ms != 0)
    status = shop__hold_end(tx, cart);
  return status;
}

static int32_t clear_step(shop__tx_t *tx, const struct change *change,
                          struct shop__cart_row *cart) {
  int32_t status = SHOP_OK;

  (void)change;
  if (cart->hold_length_ms != 0)
    status = shop__hold_end(tx, cart);
  cart->line_count = 0;
  return status == SHOP_OK ? shop__cart_lines_delete(tx, cart->id) : status;
}

static int32_t reprice_step(shop__tx_t *tx, const struct change *change,
                            struct shop__cart_row *cart) {
  (void)change;
  return cart->currency == NULL ? SHOP_OK
                                : shop__cart_lines_reprice(tx, cart->id, cart->currency);
}

/* What could not be bought is not held either. */
static int32_t check_holdable(shop__tx_t *tx, const struct shop__cart_row *cart) {
  struct shop__cart_line_row line;
  shop__query_t *q = shop__cart_lines_each(tx, cart->id);
  int32_t status;

  while ((status = shop__cart_lines_next(q, &line)) == SHOP__ROW) {
    status = shop__cart_line_check(tx, &line,
                                   shop__cart_line_warning(&line, cart->currency, true));
    if (status != SHOP_OK) {
      shop__query_reset(q);
      return status;
    }
  }
  return status;
}

static int32_t hold_step(shop__tx_t *tx, const struct change *change,
                         struct shop__cart_row *cart) {
  int32_t status = cart->line_count == 0 ? SHOP_OK : check_holdable(tx, cart);

  return status == SHOP_OK ? shop__hold_begin(tx, cart, change->hold_ms, change->hold_max_ms,
                                              change->now_ms)
                           : status;
}

static int32_t release_step(shop__tx_t *tx, const struct change *change,
                            struct shop__cart_row *cart) {
  (void)change;
  return cart->hold_length_ms == 0 ? SHOP_OK : shop__hold_end(tx, cart);
}

/* ---- the calls ------------------------------------------------------------------------------ */

static int32_t check_change(const struct change *change, shop_cart_t **out, bool names_sku,
                            shop_error_t *err) {
  if (out == NULL)
    return shop__missing("out", err);
  if (names_sku && (change->sku == NULL || change->sku[0] == '\0'))
    return shop__missing("sku", err);
  if (names_sku && shop__text_check("sku", change->sku, 1, SHOP__SKU_MAX, SHOP__TEXT_LINE, NULL) !=
                       SHOP_OK)
    return shop__error_set(err, SHOP_ERR_NOT_FOUND, "there is no such product");
  if (change->has_quantity &&
      (change->quantity < 1 || change->quantity > change->quantity_max))
    return shop__error_set(err, SHOP_ERR_QUANTITY, "a quantity is 1 to %lld",
                           (long long)change->quantity_max);
  if (change->step == hold_step &&
      (change->hold_ms < 1000 || change->hold_ms > change->hold_max_ms))
    return shop__error_set(err, SHOP_ERR_ARGUMENT, "a cart is held for 1,000 to %lld ms",
                           (long long)change->hold_max_ms);
  return SHOP_OK;
}

static int32_t change_cart(shop_t *shop, struct change *change, bool names_sku,
                           const shop_options_t *options, shop_cart_t **out, shop_error_t *err) {
  struct shop__db_write_rule rule = shop__options_rule(options, false);
  struct shop__once_input input = shop__once_input(options);
  int32_t status;

  if (out != NULL)
    *out = NULL;
  status = shop__enter_token(shop, change->token, err);
  if (status != SHOP_OK)
    return status;
  change->quantity_max = shop->config.quantity_max;
  change->lines_max = shop->config.cart_lines_max;
  change->hold_max_ms = shop->config.cart_hold_max_ms;
  change->expected_version = options == NULL ? 0 : options->expected_version;
  change->shop = shop;
  status = shop__options_check(options, SHOP__TAKES_KEY | SHOP__TAKES_VERSION, err);
  if (status == SHOP_OK)
    status = check_change(change, out, names_sku, err);
  if (status == SHOP_OK) {
    shop__once_int(&input, change->cart_id);
    shop__once_text(&input, change->sku);
    shop__once_int(&input, change->quantity);
    shop__once_int(&input, change->hold_ms);
    status = shop__once_begin(&change->once, change->operation, options, &input, err);
  }
  if (status == SHOP_OK)
    status = shop__db_write(shop->db, change_fn, change, &rule, err);
  if (status == SHOP_OK)
    status = shop__give(&change->pack, (void **)out, err);
  shop__pack_free(&change->pack);
  return shop__leave(shop, status);
}

int32_t shop_cart_add(shop_t *shop, const shop_token_t *token, int64_t cart_id, const char *sku,
                      int64_t quantity, const shop_options_t *options, shop_cart_t **out,
                      shop_error_t *err) {
  struct change change = {.operation = "cart.add",
                          .step = add_step,
                          .token = token,
                          .cart_id = cart_id,
                          .sku = sku,
                          .has_quantity = true,
                          .quantity = quantity};

  return change_cart(shop, &change, true, options, out, err);
}

int32_t shop_cart_set_quantity(shop_t *shop, const shop_token_t *token, int64_t cart_id,
                               const char *sku, int64_t quantity, const shop_options_t *options,
                               shop_cart_t **out, shop_error_t *err) {
  struct change change = {.operation = "cart.set_quantity",
                          .step = set_quantity_step,
                          .token = token,
                          .cart_id = cart_id,
                          .sku = sku,
                          .has_quantity = true,
                          .quantity = quantity};

  return change_cart(shop, &change, true, options, out, err);
}

int32_t shop_cart_remove(shop_t *shop, const shop_token_t *token, int64_t cart_id,
                         const char *sku, const shop_options_t *options, shop_cart_t **out,
                         shop_error_t *err) {
  struct change change = {.operation = "cart.remove",
                          .step = remove_step,
                          .token = token,
                          .cart_id = cart_id,
                          .sku = sku};

  return change_cart(shop, &change, true, options, out, err);
}

int32_t shop_cart_clear(shop_t *shop, const shop_token_t *token, int64_t cart_id,
                        const shop_options_t *options, shop_cart_t **out, shop_error_t *err) {
  struct change change = {
      .operation = "cart.clear", .step = clear_step, .token = token, .cart_id = cart_id};

  return change_cart(shop, &change, false, options, out, err);
}

int32_t shop_cart_reprice(shop_t *shop, const shop_token_t *token, int64_t cart_id,
                          const shop_options_t *options, shop_cart_t **out, shop_error_t *err) {
  struct change change = {
      .operation = "cart.reprice", .step = reprice_step, .token = token, .cart_id = cart_id};

  return change_cart(shop, &change, false, options, out, err);
}

int32_t shop_cart_hold(shop_t *shop, const shop_token_t *token, int64_t cart_id, int64_t hold_ms,
                       const shop_options_t *options, shop_cart_t **out, shop_error_t *err) {
  struct change change = {.operation = "cart.hold",
                          .step = hold_step,
                          .token = token,
                          .cart_id = cart_id,
                          .hold_ms = hold_ms};

  return change_cart(shop, &change, false, options, out, err);
}

int32_t shop_cart_release(shop_t *shop, const shop_token_t *token, int64_t cart_id,
                          const shop_options_t *options, shop_cart_t **out, shop_error_t *err) {
  struct change change = {
      .operation = "cart.release", .step = release_step, .token = token, .cart_id = cart_id};

  return change_cart(shop, &change, false, options, out, err);
}
