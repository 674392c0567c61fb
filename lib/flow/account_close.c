/* The end of an account, by its user: nothing finds it any more, and the address is
   free. What was bought stays. */
#include "flow_account.h"

int32_t shop__cart_drop(shop__tx_t *tx, int64_t user_id, int64_t now_ms) {
  struct shop__cart_row cart;
  bool found = false;
  int32_t status = shop__cart_living(tx, user_id, &cart, &found);

  if (status != SHOP_OK || !found || cart.state != SHOP_CART_OPEN)
    return status;
  if (cart.hold_length_ms != 0)
    status = shop__hold_end(tx, &cart);
  cart.state = SHOP_CART_EXPIRED;
  cart.version++;
  cart.updated_at_ms = now_ms;
  return status == SHOP_OK ? shop__cart_update(tx, &cart) : status;
}

static int32_t close_fn(shop__tx_t *tx, void *ctx) {
  struct shop__owner *owner = ctx;
  int32_t status = shop__owner_check(tx, owner);

  if (status != SHOP_OK || owner->changed)
    return status;
  status = shop__codes_end(tx, owner->user_id, 0, owner->now_ms);
  if (status == SHOP_OK)
    status = shop__cart_drop(tx, owner->user_id, owner->now_ms);
  if (status == SHOP_OK)
    status = shop__user_close(tx, owner->user_id, owner->now_ms);
  if (status == SHOP_OK)
    status = shop__user_note(tx, owner->user_id,
                             &(struct shop__moment){owner->now_ms, SHOP_ACTOR_SHOPPER},
                             "user.closed", NULL);
  return status;
}

static int32_t close_once(shop_t *shop, struct shop__owner *owner, const char *password,
                          const struct shop__patience *patience, shop_error_t *err) {
  struct shop__db_write_rule rule;
  int32_t status = shop__owner_prove(shop, owner, password, patience->until_us, err);

  if (status == SHOP_OK)
    status = shop__patience_rule(patience, &rule, err);
  if (status == SHOP_OK)
    status = shop__db_write(shop->db, close_fn, owner, &rule, err);
  return status;
}

int32_t shop_account_close(shop_t *shop, const shop_token_t *token, const char *password,
                           const shop_options_t *options, shop_error_t *err) {
  struct shop__patience patience = shop__patience_begin(options);
  struct shop__owner owner = {.token = token, .options = options, .changed = true};
  int32_t status = shop__enter_token(shop, token, err);

  if (status != SHOP_OK)
    return status;
  if (password == NULL || password[0] == '\0')
    return shop__leave(shop, shop__missing("password", err));
  owner.now_ms = shop__now_ms(shop);
  status = shop__options_check(options, SHOP__TAKES_SOURCE, err);
  for (int tries = 0; status == SHOP_OK && owner.changed && tries < SHOP__ACCOUNT_TRIES; tries++)
    status = close_once(shop, &owner, password, &patience, err);
  if (status == SHOP_OK && owner.changed)
    status = shop__account_busy(err);
  shop__memory_wipe(&owner, sizeof owner);
  return shop__leave(shop, status);
}
