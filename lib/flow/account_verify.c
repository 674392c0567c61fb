/* Whether an address is its user's: a code that is mailed there comes back. */
#include <string.h>

#include "flow_account.h"

/* ---- asking ------------------------------------------------------------------------------- */

struct request {
  const shop_t *shop;
  const shop_token_t *token;
  struct shop__code code;
  int64_t user_id;
  char email[SHOP__EMAIL_BYTES];
  char language[SHOP__LANGUAGE_BYTES];
  struct shop__attempt gate; /* mails asked for from this source */
  struct shop__post post;
  bool changed; /* the address is not what it was: ask again */
};

static int32_t read_address_fn(shop__tx_t *tx, void *ctx) {
  struct request *request = ctx;
  struct shop__user_row user;
  int32_t status = shop__user_of_token(tx, request->token, request->code.now_ms, &user);

  if (status == SHOP_OK && user.guest)
    return shop__guest_refuse(tx);
  if (status == SHOP_OK && user.verified)
    return shop__error_set(shop__tx_error(tx), SHOP_ERR_STATE, "the address is verified already");
  if (status == SHOP_OK) {
    request->user_id = user.id;
    status = shop__user_copy(tx, request->email, sizeof request->email, user.email);
    if (status == SHOP_OK)
      status = shop__user_copy_language(tx, request->language, &user);
  }
  return status;
}

static int32_t request_fn(shop__tx_t *tx, void *ctx) {
  struct request *request = ctx;
  struct shop__user_row user;
  bool too_many = false;
  int32_t status = shop__user_of_token(tx, request->token, request->code.now_ms, &user);

  request->post.mail_id = 0;
  if (status != SHOP_OK)
    return status;
  request->changed = user.verified || strcmp(user.email, request->email) != 0;
  if (request->changed)
    return SHOP_OK;
  status = shop__mail_gate_count(tx, &request->gate);
  if (status == SHOP_OK)
    status = shop__code_store(tx, request->shop, &request->code, user.id, NULL, &too_many);
  if (status == SHOP_OK && too_many)
    return shop__codes_too_many(tx);
  if (status == SHOP_OK)
    status = shop__outbox_queue(tx, &request->post, request->code.now_ms);
  return status;
}

static int32_t request_once(shop_t *shop, struct request *request,
                            const struct shop__db_write_rule *rule, shop_error_t *err) {
  int32_t status = shop__db_glance(shop->db, read_address_fn, request, err);

  if (status == SHOP_OK)
    status = shop__code_letter(shop, &request->code, request->user_id, request->email,
                               request->language, &request->post.letter, err);
  if (status == SHOP_OK) {
    shop__post_at_once(shop, &request->post);
    status = shop__db_write(shop->db, request_fn, request, rule, err);
  }
  if (status == SHOP_OK && !request->changed)
    shop__post_send(shop, &request->post, NULL);
  shop__letter_free(&request->post.letter);
  return status;
}

int32_t shop_account_verify_request(shop_t *shop, const shop_token_t *token,
                                    const shop_options_t *options, shop_error_t *err) {
  struct shop__db_write_rule rule = shop__options_rule(options, false);
  struct request request = {.shop = shop, .token = token, .changed = true};
  int32_t status = shop__enter_token(shop, token, err);

  if (status != SHOP_OK)
    return status;
  status = shop__options_check(options, SHOP__TAKES_SOURCE, err);
  if (status == SHOP_OK)
    status = shop__code_mail_check(shop, SHOP_MAIL_VERIFY_ADDRESS, err);
  if (status == SHOP_OK)
    status = shop__mail_gate_check(shop, options, &request.gate, err);
  if (status == SHOP_OK) {
    shop__code_draw(shop, SHOP__CODE_VERIFY, shop__now_ms(shop), &request.code);
    for (int tries = 0; status == SHOP_OK && request.changed && tries < SHOP__ACCOUNT_TRIES;
         tries++)
      status = request_once(shop, &request, &rule, err);
    if (status == SHOP_OK && request.changed)
      status = shop__account_busy(err);
  }
  shop__memory_wipe(&request, sizeof request);
  return shop__leave(shop, status);
}

/* ---- confirming ------------------------------------------------------------------------------ */

static int32_t verify_fn(shop__tx_t *tx, void *ctx) {
  const struct shop__code *code = ctx;
  struct shop__code_row row;
  struct shop__user_row user;
  int32_t status = shop__code_find(tx, code, &row, &user);

  if (status == SHOP_OK)
    status = shop__codes_end(tx, user.id, SHOP__CODE_VERIFY, code->now_ms);
  if (status == SHOP_OK)
    status = shop__user_set_verified(tx, user.id, code->now_ms);
  if (status == SHOP_OK)
    status =
        shop__user_note(tx, row.user_id, &(struct shop__moment){code->now_ms, SHOP_ACTOR_SHOPPER},
                        "user.verified", NULL);
  return status;
}

int32_t shop_account_verify(shop_t *shop, const char *code_text, const shop_options_t *options,
                            shop_error_t *err) {
  struct shop__db_write_rule rule = shop__options_rule(options, false);
  struct shop__code code;
  int32_t status = shop__enter(shop, err);

  if (status != SHOP_OK)
    return status;
  status = shop__options_check(options, SHOP__TAKES_DEADLINE, err);
  if (status == SHOP_OK)
    status = shop__code_check(code_text, SHOP__CODE_VERIFY, shop__now_ms(shop), &code, err);
  if (status == SHOP_OK)
    status = shop__db_write(shop->db, verify_fn, &code, &rule, err);
  return shop__leave(shop, status);
}
