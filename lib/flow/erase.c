/* Erasing a user: the identity at once, the orders as their payments become final; in short steps,
   each of which can be the last before a crash. What is left over `shop_maintain` goes on with. */
#include "flow_account.h"

#define STEP_ROWS 100
#define STEP_ORDERS 10

struct erasing {
  const shop_t *shop;
  int64_t user_id;
  int64_t now_ms;
  int32_t actor;          /* enum shop_actor, of its begin */
  bool again;             /* asked for, so orders that were erased are looked at as well */
  bool begins;            /* the identity is to go in this step */
  int64_t after_order_id; /* orders up to this one were looked at, */
  int32_t waiting_before; /* of which these were not final */
  /* results of one step */
  int64_t reached_order_id;
  int32_t waiting;
  bool more;
};

/* ---- the steps ---------------------------------------------------------------------------- */

/* Also what strangers have begun with the address and nobody has finished. Of an account that was
   closed the counters are left to rest, and what was begun since: the address can be somebody
   else's by now. */
static int32_t clear_address(shop__tx_t *tx, const struct erasing *erasing,
                             const struct shop__user_row *user) {
  struct shop__attempt attempt;
  char key[SHOP__EMAIL_BYTES];
  int32_t status = SHOP_OK;

  if (user->email_key != NULL) {
    shop__attempt_begin(erasing->shop, user->email_key, NULL, &attempt);
    status = shop__guess_clear(tx, attempt.account.key);
  }
  if (status != SHOP_OK || user->email == NULL ||
      shop__email_parse(user->email, key, NULL) != SHOP_OK)
    return status;
  return shop__registrations_erase(tx, key, user->id);
}

/* The account ends: nobody is found by the address from here on, and no token is good. */
static int32_t begin(shop__tx_t *tx, const struct erasing *erasing) {
  struct shop__user_row user;
  bool found = false, begun = false;
  int32_t status = shop__user_by_id(tx, erasing->user_id, &user, &found);

  if (status == SHOP_OK && !found)
    return shop__error_set(shop__tx_error(tx), SHOP_ERR_NOT_FOUND, "there is no such user");
  if (status == SHOP_OK)
    status = clear_address(tx, erasing, &user);
  if (status == SHOP_OK)
    status = shop__erase_user(tx, erasing->user_id, erasing->now_ms, &begun);
  if (status == SHOP_OK && begun)
    status = shop__user_note(tx, erasing->user_id,
                             &(struct shop__moment){erasing->now_ms, erasing->actor}, "user.erased",
                             NULL);
  return status;
}

/* The next few orders; *more: there are others behind them. */
static int32_t erase_orders(shop__tx_t *tx, struct erasing *erasing, bool *more) {
  int64_t order_id = erasing->after_order_id;
  int32_t status = SHOP_OK;
  bool final = false;

  *more = true;
  for (int32_t i = 0; status == SHOP_OK && i < STEP_ORDERS && *more; i++) {
    status =
        shop__erase_order_next(tx, erasing->user_id, order_id, erasing->again, &order_id, &final);
    *more = order_id != 0;
    if (status != SHOP_OK || !*more)
      break;
    erasing->reached_order_id = order_id;
    if (final)
      status = shop__erase_order(tx, order_id);
    erasing->waiting += !final;
  }
  return status;
}

static int32_t step_fn(shop__tx_t *tx, void *ctx) {
  struct erasing *erasing = ctx;
  bool more_rows = false, more_orders = false;
  int32_t status = erasing->begins ? begin(tx, erasing) : SHOP_OK;

  erasing->waiting = 0;
  erasing->reached_order_id = erasing->after_order_id;
  /* At every step: a purchase that failed meanwhile has opened its cart. */
  if (status == SHOP_OK)
    status = shop__cart_drop(tx, erasing->user_id, erasing->now_ms);
  if (status == SHOP_OK)
    status = shop__registrations_erase_guest(tx, erasing->user_id);
  if (status == SHOP_OK)
    status = shop__erase_rows(tx, erasing->user_id, STEP_ROWS, &more_rows);
  if (status == SHOP_OK)
    status = erase_orders(tx, erasing, &more_orders);
  erasing->more = more_rows || more_orders;
  if (status == SHOP_OK && !erasing->more && erasing->waiting + erasing->waiting_before == 0)
    status = shop__erase_end(tx, erasing->user_id, erasing->now_ms);
  return status;
}

/* Everything that can go now. The first step obeys the caller's deadline. */
static int32_t go_on(shop_t *shop, struct erasing *erasing, struct shop__db_write_rule *rule,
                     shop_error_t *err) {
  int32_t status;

  do {
    status = shop__db_write(shop->db, step_fn, erasing, rule, err);
    rule = NULL;
    erasing->begins = false;
    erasing->after_order_id = erasing->reached_order_id;
    erasing->waiting_before += erasing->waiting;
  } while (status == SHOP_OK && erasing->more);
  return status;
}

/* ---- the call, and the upkeep -----------------------------------------------------------------
 */

int32_t shop_user_erase(shop_t *shop, int64_t user_id, const shop_options_t *options,
                        int32_t *orders_waiting, shop_error_t *err) {
  struct shop__db_write_rule rule = shop__options_rule(options, false);
  struct erasing erasing = {.shop = shop,
                            .user_id = user_id,
                            .actor = SHOP_ACTOR_MERCHANT,
                            .again = true,
                            .begins = true};
  int32_t status;

  if (orders_waiting != NULL)
    *orders_waiting = 0;
  status = shop__enter(shop, err);
  if (status != SHOP_OK)
    return status;
  status = shop__options_check(options, SHOP__TAKES_DEADLINE, err);
  if (status == SHOP_OK) {
    erasing.now_ms = shop__now_ms(shop);
    status = go_on(shop, &erasing, &rule, err);
  }
  /* The log still holds what stood in the rows. */
  if (status == SHOP_OK)
    status = shop__db_checkpoint(shop->db, err);
  if (status == SHOP_OK && orders_waiting != NULL)
    *orders_waiting = erasing.waiting_before;
  return shop__leave(shop, status);
}

struct closed {
  int64_t before_ms;
  int64_t user_id; /* result; 0: none */
};

static int32_t closed_fn(shop__tx_t *tx, void *ctx) {
  struct closed *closed = ctx;

  return shop__erase_closed_next(tx, closed->before_ms, &closed->user_id);
}

/* Who was begun with is closed no longer but being erased, so the next one is another. */
int32_t shop__erase_closed(shop_t *shop, int64_t *count, shop_error_t *err) {
  struct closed closed = {.before_ms = shop__now_ms(shop) - shop->config.closed_life_ms};
  int32_t status = SHOP_OK;

  if (shop->config.closed_life_ms == 0)
    return SHOP_OK;
  while ((status = shop__db_read(shop->db, closed_fn, &closed, err)) == SHOP_OK &&
         closed.user_id != 0) {
    struct erasing erasing = {.shop = shop,
                              .user_id = closed.user_id,
                              .now_ms = shop__now_ms(shop),
                              .actor = SHOP_ACTOR_SYSTEM,
                              .begins = true};

    status = go_on(shop, &erasing, NULL, err);
    if (status != SHOP_OK)
      return status;
    ++*count;
  }
  return status;
}

static int32_t next_fn(shop__tx_t *tx, void *ctx) {
  int64_t *user_id = ctx;

  return shop__erasing_next(tx, *user_id, user_id);
}

int32_t shop__erase_go_on(shop_t *shop, shop_error_t *err) {
  int64_t user_id = 0;
  int32_t status = shop__db_read(shop->db, next_fn, &user_id, err);

  while (status == SHOP_OK && user_id != 0) {
    struct erasing erasing = {.shop = shop, .user_id = user_id, .now_ms = shop__now_ms(shop)};

    status = go_on(shop, &erasing, NULL, err);
    if (status == SHOP_OK)
      status = shop__db_read(shop->db, next_fn, &user_id, err);
  }
  return status;
}
