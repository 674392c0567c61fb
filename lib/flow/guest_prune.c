/* Guests who have gone for good are thrown away: a look, which writes nothing and so may read many
   guests who stay, finds a few; a short write takes them, each if it is so still. */
#include "flow_account.h"

#define STEP_GUESTS 20
#define STEP_ROWS 200

struct prune {
  struct shop__guest_age age;
  int64_t after_id; /* guests up to this one were looked at */
  int64_t ids[STEP_GUESTS];
  int32_t count;
  int64_t now_ms;
  /* results of one write */
  int32_t gone;
  bool more; /* one of them has rows left */
};

static int32_t look_fn(shop__tx_t *tx, void *ctx) {
  struct prune *prune = ctx;
  int64_t id = prune->after_id;
  int32_t status = SHOP_OK;

  prune->count = 0;
  while (status == SHOP_OK && prune->count < STEP_GUESTS) {
    status = shop__guest_next_left(tx, id, &prune->age, &id);
    if (id == 0)
      break;
    prune->ids[prune->count++] = id;
  }
  return status;
}

static int32_t prune_one(shop__tx_t *tx, struct prune *prune, int64_t id) {
  bool left = false, more = false;
  int32_t status = shop__guest_is_left(tx, id, &prune->age, &left);

  if (status != SHOP_OK || !left)
    return status;
  status = shop__cart_drop(tx, id, prune->now_ms);
  if (status == SHOP_OK)
    status = shop__erase_rows(tx, id, STEP_ROWS, &more);
  prune->more |= more;
  if (status != SHOP_OK || more)
    return status;
  prune->gone++;
  return shop__guest_delete(tx, id);
}

static int32_t prune_fn(shop__tx_t *tx, void *ctx) {
  struct prune *prune = ctx;
  int32_t status = SHOP_OK;

  prune->gone = 0;
  prune->more = false;
  for (int32_t i = 0; status == SHOP_OK && i < prune->count && !prune->more; i++)
    status = prune_one(tx, prune, prune->ids[i]);
  return status;
}

int32_t shop__guests_prune(shop_t *shop, int64_t *count, shop_error_t *err) {
  struct prune prune = {.now_ms = shop__now_ms(shop)};
  int32_t status;

  prune.age.before_ms = prune.now_ms - shop->config.guest_life_ms;
  prune.age.alive_ms = prune.now_ms - shop->config.token_skew_ms;
  do {
    status = shop__db_read(shop->db, look_fn, &prune, err);
    if (status != SHOP_OK || prune.count == 0)
      break;
    do {
      status = shop__db_write(shop->db, prune_fn, &prune, NULL, err);
      if (status == SHOP_OK)
        *count += prune.gone;
    } while (status == SHOP_OK && prune.more);
    prune.after_id = prune.ids[prune.count - 1];
  } while (status == SHOP_OK);
  return status;
}
