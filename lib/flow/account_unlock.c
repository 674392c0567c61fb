/* A login that guessing has closed: a code that was mailed opens it where the code comes back
   from, and nowhere else. So whoever asks for codes in the owner's name opens nothing for himself,
   even when the owner follows the mail. */
#include <string.h>

#include "flow_account.h"

int32_t shop_account_unlock_request(shop_t *shop, const char *email, const shop_options_t *options,
                                    shop_error_t *err) {
  return shop__code_request(shop, SHOP__CODE_UNLOCK, email, options, err);
}

struct unlock {
  const shop_t *shop;
  const shop_options_t *options; /* the source; or NULL */
  struct shop__code code;
};

static int32_t unlock_fn(shop__tx_t *tx, void *ctx) {
  const struct unlock *unlock = ctx;
  const struct shop__code *code = &unlock->code;
  struct shop__attempt attempt;
  struct shop__code_row row;
  struct shop__user_row user;
  int32_t status = shop__code_find(tx, code, &row, &user);

  if (status != SHOP_OK)
    return status;
  shop__attempt_begin(unlock->shop, user.email_key == NULL ? "" : user.email_key, unlock->options,
                      &attempt);
  attempt.now_ms = code->now_ms;
  status = shop__codes_end(tx, row.user_id, SHOP__CODE_UNLOCK, code->now_ms);
  if (status == SHOP_OK)
    status = shop__attempt_unlock(tx, &attempt, row.user_id);
  if (status == SHOP_OK)
    status =
        shop__user_note(tx, row.user_id, &(struct shop__moment){code->now_ms, SHOP_ACTOR_SHOPPER},
                        "user.unlocked", NULL);
  return status;
}

int32_t shop_account_unlock(shop_t *shop, const char *code_text, const shop_options_t *options,
                            shop_error_t *err) {
  struct shop__db_write_rule rule = shop__options_rule(options, false);
  struct unlock unlock = {.shop = shop, .options = options};
  int32_t status = shop__enter(shop, err);

  if (status != SHOP_OK)
    return status;
  status = shop__options_check(options, SHOP__TAKES_SOURCE, err);
  if (status == SHOP_OK)
    status = shop__code_check(code_text, SHOP__CODE_UNLOCK, shop__now_ms(shop), &unlock.code, err);
  if (status == SHOP_OK)
    status = shop__db_write(shop->db, unlock_fn, &unlock, &rule, err);
  shop__memory_wipe(&unlock, sizeof unlock);
  return shop__leave(shop, status);
}
