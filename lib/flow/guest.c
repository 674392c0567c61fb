/* Guests: a token for a shopper whom nobody knows yet, so that there can be a cart. */
#include <stdio.h>

#include "flow_account.h"

int32_t shop__guest_refuse(shop__tx_t *tx) {
  return shop__error_set(shop__tx_error(tx), SHOP_ERR_GUEST,
                         "a guest has no address yet: register or log in first");
}

int32_t shop__guest_check(shop__tx_t *tx, const shop_token_t *token, int64_t now_ms,
                          struct shop__token_row *row) {
  int32_t status = shop__token_check(tx, token, now_ms, row);

  if (status == SHOP_OK && !row->guest)
    status = shop__error_set(shop__tx_error(tx), SHOP_ERR_STATE,
                             "the token is of an account and of no guest");
  return status;
}

/* ---- the end of a guest -------------------------------------------------------------- */

/* The row stays until upkeep takes it, so that its tokens are known to be revoked. It is empty:
   who erases the account would not find it. */
int32_t shop__guest_join(shop__tx_t *tx, const shop_t *shop, const shop_token_t *token,
                         int64_t user_id) {
  const struct shop__moment moment = {shop__now_ms(shop), SHOP_ACTOR_SHOPPER};
  struct shop__token_row guest;
  char detail[24];
  int32_t status = shop__guest_check(tx, token, moment.at_ms, &guest);

  if (status == SHOP_OK)
    status = shop__carts_merge(tx, shop, guest.user_id, user_id, moment.at_ms);
  if (status == SHOP_OK)
    status = shop__guest_end(tx, guest.user_id, moment.at_ms);
  if (status != SHOP_OK)
    return status;
  (void)snprintf(detail, sizeof detail, "%lld", (long long)guest.user_id);
  return shop__user_note(tx, user_id, &moment, "guest.joined", detail);
}

/* ---- create ------------------------------------------------------------------------- */

struct arrival {
  const char *language; /* NULL: the shop's */
  const char *label;    /* of the token; NULL: none */
  const shop_token_t *token;
  int64_t now_ms;
  int64_t user_id;
  struct shop__attempt gate; /* guests from this source */
};

static int32_t create_fn(shop__tx_t *tx, void *ctx) {
  struct arrival *arrival = ctx;
  const shop_token_t *token = arrival->token;
  int32_t status = shop__tx_id(tx, &arrival->user_id);

  if (status == SHOP_OK)
    status = shop__gate_count(tx, &arrival->gate);
  if (status == SHOP_OK)
    status = shop__guest_insert(tx, &(struct shop__user_row){.id = arrival->user_id,
                                                             .subject = token->subject,
                                                             .epoch = token->epoch,
                                                             .created_at_ms = arrival->now_ms,
                                                             .language = arrival->language});
  if (status == SHOP_OK)
    status = shop__token_store(tx, token, arrival->user_id, arrival->label);
  return status;
}

static int32_t create(shop_t *shop, struct arrival *arrival, const shop_options_t *options,
                      shop_token_t **out, shop_error_t *err) {
  struct shop__db_write_rule rule = shop__options_rule(options, false);
  char subject[SHOP__RANDOM_ID_BYTES];
  int32_t status = shop__gate_check(shop, 'g', options, &arrival->gate, err);

  if (status != SHOP_OK)
    return status;
  arrival->now_ms = shop__now_ms(shop);
  shop__random_id(subject);
  status = shop__token_grant(
      shop, &(struct shop__grant){.subject = subject, .epoch = 1, .now_ms = arrival->now_ms},
      &arrival->token, create_fn, arrival, &rule, out, err);
  if (status == SHOP_OK)
    (*out)->user_id = arrival->user_id;
  return status;
}

int32_t shop_guest_create(shop_t *shop, const shop_options_t *options, shop_token_t **out,
                          shop_error_t *err) {
  struct arrival arrival = {.language = shop__options_language(options),
                            .label = shop__options_label(options)};
  int32_t status;

  if (out != NULL)
    *out = NULL;
  status = shop__enter(shop, err);
  if (status != SHOP_OK)
    return status;
  if (out == NULL)
    return shop__leave(shop, shop__missing("out", err));
  status = shop__options_check(options,
                               SHOP__TAKES_LABEL | SHOP__TAKES_SOURCE | SHOP__TAKES_LANGUAGE, err);
  if (status == SHOP_OK)
    status = create(shop, &arrival, options, out, err);
  return shop__leave(shop, status);
}
