/* A person has looked at what the gateway said that cannot both be: the order no
   longer asks for attention because of it. Books and history stay as they are. */
#include "flow.h"

struct acknowledging {
  const char *number;
  const char *note;
  int64_t now_ms;
  struct shop__pack pack;
};

static int32_t not_now(shop__tx_t *tx, const struct shop__order_row *order, const char *why) {
  return shop__error_set(shop__tx_error(tx), SHOP_ERR_STATE, "order %s: %s", order->number, why);
}

/* While something is still asked of the gateway it may contradict itself again. */
static int32_t check_settled(shop__tx_t *tx, const struct shop__order_row *order) {
  struct shop__operation_row row;
  shop__query_t *q = shop__operations_each(tx, order->id);
  bool open = false;
  int32_t status;

  while ((status = shop__operations_next(q, &row)) == SHOP__ROW)
    open = open || row.state == SHOP_OPERATION_SENT || row.state == SHOP_OPERATION_UNKNOWN;
  return status == SHOP_OK && open
             ? not_now(tx, order, "something of it is not finished: resolve or recover it first")
             : status;
}

static int32_t acknowledge_fn(shop__tx_t *tx, void *ctx) {
  struct acknowledging *asked = ctx;
  const struct shop__moment moment = {asked->now_ms, SHOP_ACTOR_MERCHANT};
  struct shop__order_row order;
  bool found = false;
  int32_t status = shop__order_by_number(tx, asked->number, &order, &found);

  if (status == SHOP_OK && !found)
    return shop__error_set(shop__tx_error(tx), SHOP_ERR_NOT_FOUND, "there is no such order");
  if (status == SHOP_OK && (order.payment.attention & SHOP__ATTENTION_CONTRADICTION) == 0)
    return not_now(tx, &order, "the gateway has not contradicted itself");
  if (status == SHOP_OK)
    status = check_settled(tx, &order);
  if (status != SHOP_OK)
    return status;
  order.payment.attention &= ~SHOP__ATTENTION_CONTRADICTION;
  status = shop__payment_update(tx, &order.payment, moment.at_ms);
  if (status == SHOP_OK)
    status = shop__note(tx, &order, &moment, "payment.acknowledged", NULL, NULL, asked->note);
  return status == SHOP_OK ? shop__order_pack_by_id(tx, order.id, &asked->pack) : status;
}

int32_t shop_payment_acknowledge(shop_t *shop, const char *number, const char *note,
                                 const shop_options_t *options, shop_order_t **out,
                                 shop_error_t *err) {
  struct shop__db_write_rule rule = shop__options_rule(options, true);
  struct acknowledging asked = {.number = number, .note = note};
  int32_t status;

  if (out != NULL)
    *out = NULL;
  status = shop__enter(shop, err);
  if (status != SHOP_OK)
    return status;
  status = shop__options_check(options, SHOP__TAKES_DEADLINE, err);
  if (status == SHOP_OK)
    status = shop__text_check("note", note, 1, SHOP__REASON_MAX, SHOP__TEXT_LINE, err);
  if (status == SHOP_OK)
    status = shop__order_number_check(number, err);
  if (status == SHOP_OK) {
    asked.now_ms = shop__now_ms(shop);
    status = shop__db_write(shop->db, acknowledge_fn, &asked, &rule, err);
  }
  if (status == SHOP_OK && out != NULL)
    status = shop__give(&asked.pack, (void **)out, err);
  shop__pack_free(&asked.pack);
  return shop__leave(shop, status);
}
