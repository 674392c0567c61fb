/* An order's moves: placed, failed, cancelled. Each takes its stock and its cart
   with it, in the same transaction, and writes itself into the history. Stock
   follows the reservation rows, never what the product has become. */
#include "flow.h"

int32_t shop__note(shop__tx_t *tx, const struct shop__order_row *order,
                   const struct shop__moment *moment, const char *name, const char *before,
                   const char *after, const char *detail) {
  return shop__event_insert(tx, &(struct shop__event_row){.at_ms = moment->at_ms,
                                                          .actor = moment->actor,
                                                          .user_id = order->user_id,
                                                          .order_id = order->id,
                                                          .name = name,
                                                          .before = before,
                                                          .after = after,
                                                          .detail = detail});
}

/* ---- stock and cart ------------------------------------------------------------------------ */

static int32_t move_stock(shop__tx_t *tx, int64_t order_id, int32_t to) {
  struct shop__reservation_row row;
  shop__query_t *q = shop__reservations_each(tx, order_id);
  int32_t status;

  while ((status = shop__reservations_next(q, &row)) == SHOP__ROW) {
    if (row.state != SHOP__RESERVATION_HELD)
      continue;
    status = to == SHOP__RESERVATION_TAKEN
                 ? shop__product_take(tx, row.product_id, row.quantity)
                 : shop__product_release(tx, row.product_id, row.quantity);
    if (status != SHOP_OK) {
      shop__query_reset(q);
      return status;
    }
  }
  return status == SHOP_OK ? shop__reservations_settle(tx, order_id, to) : status;
}

static int32_t return_some(shop__tx_t *tx, int64_t order_id, int64_t product_id,
                           int64_t quantity) {
  bool enough = false;
  int32_t status = shop__reservation_return(tx, order_id, product_id, quantity, &enough);

  if (status == SHOP_OK && !enough)
    return shop__error_set(shop__tx_error(tx), SHOP_ERR_AMOUNT,
                           "more pieces would come back than were bought");
  return status == SHOP_OK ? shop__product_return(tx, product_id, quantity) : status;
}

/* What of a product was taken for the order and has not come back. */
static int32_t left_to_return(shop__tx_t *tx, int64_t order_id, int64_t product_id,
                              int64_t *left) {
  struct shop__reservation_row row;
  shop__query_t *q = shop__reservations_each(tx, order_id);
  int32_t status;

  *left = 0;
  while ((status = shop__reservations_next(q, &row)) == SHOP__ROW)
    if (row.product_id == product_id && row.state == SHOP__RESERVATION_TAKEN)
      *left = row.quantity - row.returned;
  return status;
}

/* The money has gone back already: pieces that are in stock again meanwhile must
   not keep that from being stored. */
int32_t shop__return_pieces(shop__tx_t *tx, int64_t order_id, int64_t operation_id) {
  struct shop__return_row row;
  shop__query_t *q = shop__operation_returns_each(tx, operation_id);
  int64_t left = 0;
  int32_t status;

  while ((status = shop__operation_returns_next(q, &row)) == SHOP__ROW) {
    status = left_to_return(tx, order_id, row.product_id, &left);
    if (status == SHOP_OK && left > 0)
      status = return_some(tx, order_id, row.product_id,
                           row.quantity < left ? row.quantity : left);
    if (status != SHOP_OK) {
      shop__query_reset(q);
      return status;
    }
  }
  return status;
}

static int32_t return_all(shop__tx_t *tx, int64_t order_id) {
  struct shop__reservation_row row;
  shop__query_t *q = shop__reservations_each(tx, order_id);
  int32_t status;

  while ((status = shop__reservations_next(q, &row)) == SHOP__ROW) {
    if (row.state != SHOP__RESERVATION_TAKEN || row.returned == row.quantity)
      continue;
    status = return_some(tx, order_id, row.product_id, row.quantity - row.returned);
    if (status != SHOP_OK) {
      shop__query_reset(q);
      return status;
    }
  }
  return status;
}

static int32_t find_cart(shop__tx_t *tx, const struct shop__order_row *order,
                         struct shop__cart_row *cart) {
  bool found = false;
  int32_t status = shop__cart_by_id(tx, order->cart_id, order->user_id, cart, &found);

  if (status == SHOP_OK &&
      (!found || cart->state != SHOP_CART_COMPLETING || cart->order_id != order->id))
    return shop__error_set(shop__tx_error(tx), SHOP_ERR_CORRUPT,
                           "the cart of order %s is not as the order says: run shop_verify",
                           order->number);
  return status;
}

static int32_t move_cart(shop__tx_t *tx, struct shop__cart_row *cart, int32_t state,
                         int64_t now_ms) {
  int32_t status = SHOP_OK;

  /* A hold that it was bought out of: used up, or its time is over. */
  if (cart->hold_length_ms != 0 &&
      (state == SHOP_CART_COMPLETED || !shop__hold_is_on(cart, now_ms)))
    status = shop__cart_set_hold(tx, cart->id, cart->hold_start_ms, 0);
  if (status != SHOP_OK)
    return status;
  cart->state = state;
  cart->version++;
  cart->updated_at_ms = now_ms;
  if (state == SHOP_CART_OPEN)
    cart->order_id = 0;
  return shop__cart_update(tx, cart);
}

/* The pieces of a failed order are free, unless they were held for the cart before
   it was bought and the time of that is not over: then they are held again. */
static int32_t give_up_stock(shop__tx_t *tx, int64_t order_id, const struct shop__cart_row *cart,
                             int64_t now_ms) {
  return shop__hold_is_on(cart, now_ms)
             ? shop__reservations_settle(tx, order_id, SHOP__RESERVATION_RELEASED)
             : move_stock(tx, order_id, SHOP__RESERVATION_RELEASED);
}

/* ---- the moves ------------------------------------------------------------------------------- */

int32_t shop__place(shop__tx_t *tx, const struct shop__order_row *order,
                    struct shop__placing *placing) {
  const struct shop__moment moment = {placing->now_ms, placing->actor};
  struct shop__cart_row cart;
  int32_t status = shop__order_set_status(tx, order->id, SHOP_ORDER_PLACED, placing->now_ms,
                                          placing->now_ms);

  if (status == SHOP_OK)
    status = move_stock(tx, order->id, SHOP__RESERVATION_TAKEN);
  if (status == SHOP_OK)
    status = find_cart(tx, order, &cart);
  if (status == SHOP_OK)
    status = move_cart(tx, &cart, SHOP_CART_COMPLETED, placing->now_ms);
  placing->confirmation->letter.kind = SHOP_MAIL_CONFIRMATION; /* none is placed without it */
  if (status == SHOP_OK)
    status = shop__outbox_queue_for(tx, order, placing->confirmation, placing->now_ms);
  if (status == SHOP_OK)
    status = shop__note(tx, order, &moment, "order.placed", "pending", "placed", NULL);
  return status;
}

int32_t shop__fail_order(shop__tx_t *tx, const struct shop__order_row *order,
                         const struct shop__moment *moment, struct shop__post *post) {
  struct shop__cart_row cart;
  int32_t status = shop__order_set_status(tx, order->id, SHOP_ORDER_FAILED, 0, moment->at_ms);

  if (status == SHOP_OK)
    status = find_cart(tx, order, &cart);
  if (status == SHOP_OK)
    status = give_up_stock(tx, order->id, &cart, moment->at_ms);
  if (status == SHOP_OK)
    status = move_cart(tx, &cart, SHOP_CART_OPEN, moment->at_ms);
  if (status == SHOP_OK)
    status = shop__note(tx, order, moment, "order.failed", "pending", "failed", NULL);
  return status == SHOP_OK ? shop__outbox_queue_for(tx, order, post, moment->at_ms) : status;
}

int32_t shop__cancel_order(shop__tx_t *tx, const struct shop__order_row *order,
                           const struct shop__moment *moment, struct shop__post *post) {
  int32_t status = shop__order_set_status(tx, order->id, SHOP_ORDER_CANCELLED,
                                          order->placed_at_ms, moment->at_ms);

  if (status == SHOP_OK)
    status = return_all(tx, order->id);
  if (status == SHOP_OK)
    status = shop__note(tx, order, moment, "order.cancelled", "placed", "cancelled", NULL);
  return status == SHOP_OK ? shop__outbox_queue_for(tx, order, post, moment->at_ms) : status;
}
