/* Two carts become one, when a guest turns out to be somebody who has an account with a
   cart. The rule stands in include/shop/guest.h. */
#include <string.h>

#include "flow.h"

struct merge {
  const shop_t *shop;
  int64_t now_ms;
  struct shop__cart_row from;
  struct shop__cart_row into;
  char currency[4]; /* of from; the row's text does not outlive the look at the other one */
};

/* ---- lines -------------------------------------------------------------------------- */

/* Every line that joins or grows is a change of its own: versions order the lines. */
static int32_t join_line(shop__tx_t *tx, struct merge *merge,
                         const struct shop__cart_place_row *line) {
  const struct shop_config *config = &merge->shop->config;
  struct shop__cart_row *into = &merge->into;
  shop_error_t *err = shop__tx_error(tx);
  int64_t present = 0;
  int32_t status = shop__cart_line_quantity(tx, into->id, line->product_id, &present);

  if (status != SHOP_OK || present >= line->quantity)
    return status;
  if (line->quantity > config->quantity_max)
    return shop__error_set(err, SHOP_ERR_QUANTITY, "a line of the cart holds up to %lld pieces",
                           (long long)config->quantity_max);
  into->version++;
  if (present > 0)
    return shop__cart_line_set_quantity(tx, into->id, line->product_id, line->quantity,
                                        &(bool){false});
  if (into->line_count >= config->cart_lines_max)
    return shop__error_set(err, SHOP_ERR_CART_FULL,
                           "both carts together have more than %lld lines: log in without the "
                           "guest's",
                           (long long)config->cart_lines_max);
  into->line_count++;
  return shop__cart_line_insert(tx, into->id, line->product_id, into->version, line->quantity,
                                line->kept_price_minor);
}

static int32_t join_lines(shop__tx_t *tx, struct merge *merge) {
  struct shop__cart_place_row line = {.position = 0};
  int64_t version = merge->into.version;
  bool found = true;
  int32_t status = SHOP_OK;

  while (status == SHOP_OK && found) {
    status = shop__cart_place_after(tx, merge->from.id, line.position, &line, &found);
    if (status == SHOP_OK && found)
      status = join_line(tx, merge, &line);
  }
  if (merge->into.version == version) /* the hold may change */
    merge->into.version++;
  return status;
}

/* ---- the hold ------------------------------------------------------------------------- */

/* How long one that is begun again would last. */
struct term {
  int64_t start_ms; /* since when pieces were held in a row, by either; 0: by none */
  int64_t end_ms;   /* the earlier end of those that are on; 0: none is */
};

static void consider(const struct merge *merge, const struct shop__cart_row *cart,
                     struct term *term) {
  int64_t now_ms = merge->now_ms, end_ms = cart->hold_start_ms + cart->hold_length_ms;
  bool on = shop__hold_is_on(cart, now_ms);
  bool counts = cart->hold_start_ms != 0 && cart->hold_start_ms <= now_ms &&
                now_ms - cart->hold_start_ms < 2 * merge->shop->config.cart_hold_max_ms;

  if ((on || counts) && (term->start_ms == 0 || cart->hold_start_ms < term->start_ms))
    term->start_ms = cart->hold_start_ms;
  if (on && (term->end_ms == 0 || end_ms < term->end_ms))
    term->end_ms = end_ms;
}

/* What could not be bought is not held. */
static int32_t look_whether_holdable(shop__tx_t *tx, const struct shop__cart_row *cart,
                                     bool *holdable) {
  struct shop__cart_line_row line;
  shop__query_t *q = shop__cart_lines_each(tx, cart->id);
  int32_t status;

  while ((status = shop__cart_lines_next(q, &line)) == SHOP__ROW)
    if ((shop__cart_line_warning(&line, cart->currency, true) &
         (SHOP_WARNING_RETIRED | SHOP_WARNING_CURRENCY_CHANGED)) != 0)
      *holdable = false;
  return status;
}

static int32_t end_holds(shop__tx_t *tx, struct merge *merge) {
  int32_t status = SHOP_OK;

  if (merge->from.hold_length_ms != 0)
    status = shop__hold_end(tx, &merge->from);
  if (status == SHOP_OK && merge->into.hold_length_ms != 0)
    status = shop__hold_end(tx, &merge->into);
  return status;
}

/* All that is in the cart now, or nothing; nobody can take a piece in between. */
static int32_t hold_again(shop__tx_t *tx, struct merge *merge, const struct term *term) {
  struct shop__cart_row *into = &merge->into;
  int64_t longest_ms = term->start_ms + merge->shop->config.cart_hold_max_ms;
  int64_t end_ms = term->end_ms < longest_ms ? term->end_ms : longest_ms;
  bool held = end_ms > merge->now_ms;
  int32_t status = held ? look_whether_holdable(tx, into, &held) : SHOP_OK;

  if (status == SHOP_OK && held)
    status = shop__hold_try(tx, into, merge->now_ms, &held);
  if (status != SHOP_OK || term->start_ms == 0)
    return status;
  into->hold_start_ms = term->start_ms;
  into->hold_length_ms = held ? end_ms - term->start_ms : 0;
  return shop__cart_set_hold(tx, into->id, into->hold_start_ms, into->hold_length_ms);
}

/* ---- the carts ---------------------------------------------------------------------------- */

/* A cart whose total does not fit could not be read. */
static int32_t check_total(shop__tx_t *tx, const struct shop__cart_row *cart) {
  struct shop__pack pack = {0};
  int32_t status = shop__cart_pack(tx, cart, &pack);

  shop__pack_free(&pack);
  return status;
}

static int32_t join(shop__tx_t *tx, struct merge *merge) {
  struct shop__cart_row *into = &merge->into;
  struct term term = {0};
  int32_t status;

  if (into->state != SHOP_CART_OPEN)
    return shop__error_set(shop__tx_error(tx), SHOP_ERR_CART_BUSY,
                           "a purchase of the account's cart is under way: wait for its outcome");
  if (into->currency != NULL && strcmp(into->currency, merge->currency) != 0)
    return shop__error_set(shop__tx_error(tx), SHOP_ERR_CURRENCY_MIXED,
                           "the guest's cart is in %s and the account's in %s: log in without it",
                           merge->currency, into->currency);
  consider(merge, &merge->from, &term);
  consider(merge, into, &term);
  status = end_holds(tx, merge);
  if (status == SHOP_OK)
    status = join_lines(tx, merge);
  into->currency = merge->currency;
  into->updated_at_ms = merge->now_ms;
  if (status == SHOP_OK)
    status = shop__cart_delete(tx, merge->from.id);
  if (status == SHOP_OK)
    status = shop__cart_touch(tx, into);
  if (status == SHOP_OK)
    status = hold_again(tx, merge, &term);
  return status == SHOP_OK ? check_total(tx, into) : status;
}

int32_t shop__carts_merge(shop__tx_t *tx, const shop_t *shop, int64_t from_user_id,
                          int64_t into_user_id, int64_t now_ms) {
  struct merge merge = {.shop = shop, .now_ms = now_ms};
  bool has_from = false, has_into = false;
  int32_t status = shop__cart_living(tx, from_user_id, &merge.from, &has_from);

  if (status != SHOP_OK || !has_from)
    return status;
  shop__copy_currency(merge.currency, merge.from.currency);
  status = shop__cart_living(tx, into_user_id, &merge.into, &has_into);
  if (status != SHOP_OK)
    return status;
  if (has_into)
    return merge.from.line_count == 0 ? shop__cart_delete(tx, merge.from.id) : join(tx, &merge);
  merge.from.user_id = into_user_id;
  merge.from.version++;
  merge.from.updated_at_ms = now_ms;
  return shop__cart_give(tx, &merge.from);
}
