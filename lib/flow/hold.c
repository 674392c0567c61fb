/* Holds: the pieces of a cart, set aside for a time before it is bought. While a
   cart is held every piece in it counts as reserved, so a purchase turns its hold
   into reservations without letting go of anything. A hold is a lease: nobody
   takes it away at its end, but who needs the pieces then may. */
#include <string.h>

#include "flow.h"

#define STEP_CARTS 20

bool shop__hold_is_on(const struct shop__cart_row *cart, int64_t now_ms) {
  return cart->hold_length_ms > 0 && cart->hold_start_ms <= now_ms &&
         cart->hold_start_ms > now_ms - cart->hold_length_ms;
}

/* ---- setting aside and giving back ------------------------------------------------------ */

int32_t shop__hold_end(shop__tx_t *tx, struct shop__cart_row *cart) {
  struct shop__cart_piece_row piece = {.product_id = 0};
  bool found = true;
  int32_t status = SHOP_OK;

  while (status == SHOP_OK && found) {
    status = shop__cart_piece_after(tx, cart->id, piece.product_id, &piece, &found);
    if (status == SHOP_OK && found)
      status = shop__product_release(tx, piece.product_id, piece.quantity);
  }
  cart->hold_length_ms = 0;
  return status == SHOP_OK ? shop__cart_set_hold(tx, cart->id, cart->hold_start_ms, 0) : status;
}

int32_t shop__hold_make_room(shop__tx_t *tx, int64_t product_id, int64_t now_ms, bool *made) {
  struct shop__cart_row cart;
  int32_t status = shop__cart_hold_over(tx, product_id, now_ms, &cart, made);

  return status == SHOP_OK && *made ? shop__hold_end(tx, &cart) : status;
}

int32_t shop__hold_pieces(shop__tx_t *tx, int64_t product_id, const char *sku, int64_t quantity,
                          int64_t now_ms) {
  bool enough = false, made = true;
  int32_t status = shop__product_reserve(tx, product_id, quantity, &enough);

  while (status == SHOP_OK && !enough && made) {
    status = shop__hold_make_room(tx, product_id, now_ms, &made);
    if (status == SHOP_OK && made)
      status = shop__product_reserve(tx, product_id, quantity, &enough);
  }
  if (status == SHOP_OK && !enough)
    return shop__error_set(shop__tx_error(tx), SHOP_ERR_OUT_OF_STOCK,
                           "fewer than %lld more pieces of %s are left", (long long)quantity, sku);
  return status;
}

/* *reached: the product of which there were too few. */
static int32_t hold_all(shop__tx_t *tx, const struct shop__cart_row *cart, int64_t now_ms,
                        int64_t *reached) {
  struct shop__cart_piece_row piece = {.product_id = 0};
  char sku[SHOP__SKU_MAX + 1];
  bool found = true;
  int32_t status = SHOP_OK;

  while (status == SHOP_OK && found) {
    status = shop__cart_piece_after(tx, cart->id, piece.product_id, &piece, &found);
    if (status != SHOP_OK || !found)
      break;
    /* Making room reads the pieces of other carts: the text would not outlive it. */
    memcpy(sku, piece.sku, strlen(piece.sku) + 1);
    *reached = piece.product_id;
    status = shop__hold_pieces(tx, piece.product_id, sku, piece.quantity, now_ms);
  }
  return status;
}

static int32_t give_back_before(shop__tx_t *tx, const struct shop__cart_row *cart,
                                int64_t product_id) {
  struct shop__cart_piece_row piece = {.product_id = 0};
  bool found = true;
  int32_t status = SHOP_OK;

  while (status == SHOP_OK && found) {
    status = shop__cart_piece_after(tx, cart->id, piece.product_id, &piece, &found);
    found = found && piece.product_id < product_id;
    if (status == SHOP_OK && found)
      status = shop__product_release(tx, piece.product_id, piece.quantity);
  }
  return status;
}

int32_t shop__hold_try(shop__tx_t *tx, const struct shop__cart_row *cart, int64_t now_ms,
                       bool *held) {
  int64_t reached = 0;
  int32_t status = hold_all(tx, cart, now_ms, &reached);

  *held = status == SHOP_OK;
  if (status != SHOP_ERR_OUT_OF_STOCK)
    return status;
  shop__error_clear(shop__tx_error(tx));
  return give_back_before(tx, cart, reached);
}

/* ---- how long --------------------------------------------------------------------------- */

/* A cart is held for the maximum in a row and then left free for as long, so that
   nobody keeps pieces from others for ever by asking again and again. A clock that
   went back behind the beginning begins anew. */
static int32_t plan(shop__tx_t *tx, const struct shop__cart_row *cart, int64_t hold_ms,
                    int64_t max_ms, int64_t now_ms, struct shop__cart_row *planned) {
  int64_t held_ms = now_ms - cart->hold_start_ms;
  bool is_new = cart->hold_start_ms == 0 || cart->hold_start_ms > now_ms || held_ms >= 2 * max_ms;

  *planned = *cart;
  if (is_new) {
    planned->hold_start_ms = now_ms;
    planned->hold_length_ms = hold_ms;
    return SHOP_OK;
  }
  if (held_ms >= max_ms)
    return shop__error_set(shop__tx_error(tx), SHOP_ERR_STATE,
                           "the cart was held for as long as it may be: it can be bought, or be "
                           "held again in %lld s",
                           (long long)((2 * max_ms - held_ms + 999) / 1000));
  planned->hold_length_ms = hold_ms < max_ms - held_ms ? held_ms + hold_ms : max_ms;
  return SHOP_OK;
}

int32_t shop__hold_begin(shop__tx_t *tx, struct shop__cart_row *cart, int64_t hold_ms,
                         int64_t max_ms, int64_t now_ms) {
  struct shop__cart_row planned;
  int64_t reached = 0;
  int32_t status;

  if (cart->line_count == 0)
    return shop__error_set(shop__tx_error(tx), SHOP_ERR_CART_EMPTY,
                           "the cart is empty: there is nothing to hold");
  status = plan(tx, cart, hold_ms, max_ms, now_ms, &planned);
  if (status == SHOP_OK && cart->hold_length_ms == 0)
    status = hold_all(tx, cart, now_ms, &reached);
  if (status != SHOP_OK)
    return status;
  cart->hold_start_ms = planned.hold_start_ms;
  cart->hold_length_ms = planned.hold_length_ms;
  return shop__cart_set_hold(tx, cart->id, cart->hold_start_ms, cart->hold_length_ms);
}

/* ---- all that are over --------------------------------------------------------------------- */

struct expiry {
  const shop_t *shop;
  int64_t now_ms;
  int64_t count; /* result: holds that were ended */
  bool found;    /* result: there may be more */
};

static int32_t glance_fn(shop__tx_t *tx, void *ctx) {
  struct expiry *expiry = ctx;
  struct shop__cart_row cart;

  return shop__cart_hold_over(tx, 0, expiry->now_ms, &cart, &expiry->found);
}

static int32_t expire_fn(shop__tx_t *tx, void *ctx) {
  struct expiry *expiry = ctx;
  int32_t status = SHOP_OK;

  expiry->now_ms = shop__now_ms(expiry->shop); /* one that was begun meanwhile is not over */
  expiry->count = 0;
  expiry->found = true;
  while (status == SHOP_OK && expiry->found && expiry->count < STEP_CARTS) {
    status = shop__hold_make_room(tx, 0, expiry->now_ms, &expiry->found);
    expiry->count += status == SHOP_OK && expiry->found;
  }
  return status;
}

/* A look that finds nothing is the common case: it writes nothing. */
int32_t shop__holds_expire(shop_t *shop, int64_t *count, shop_error_t *err) {
  struct expiry expiry = {.shop = shop, .now_ms = shop__now_ms(shop)};
  int32_t status = shop__db_read(shop->db, glance_fn, &expiry, err);

  while (status == SHOP_OK && expiry.found) {
    status = shop__db_write(shop->db, expire_fn, &expiry, NULL, err);
    if (status == SHOP_OK)
      *count += expiry.count;
  }
  return status;
}
