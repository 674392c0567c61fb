/* A forgotten password: who reads the mailbox sets a new one. */
#include <string.h>

#include "flow_account.h"

int32_t shop_account_reset_request(shop_t *shop, const char *email, const shop_options_t *options,
                                   shop_error_t *err) {
  return shop__code_request(shop, SHOP__CODE_RESET, email, options, err);
}

/* ---- the new password ------------------------------------------------------------------------ */

struct reset {
  const shop_t *shop;
  const shop_options_t *options; /* the source; or NULL */
  struct shop__code code;
  struct shop__attempt attempt; /* of the account, from this source */
  int64_t user_id;
  char email[SHOP__EMAIL_BYTES];
  char language[SHOP__LANGUAGE_BYTES];
  char new_hash[SHOP__PASSWORD_HASH_BYTES];
  struct shop__post notice;
};

static int32_t read_reset_fn(shop__tx_t *tx, void *ctx) {
  struct reset *reset = ctx;
  struct shop__code_row row;
  struct shop__user_row user;
  int32_t status = shop__code_find(tx, &reset->code, &row, &user);

  if (status != SHOP_OK)
    return status;
  reset->user_id = user.id;
  shop__attempt_begin(reset->shop, user.email_key == NULL ? "" : user.email_key, reset->options,
                      &reset->attempt);
  reset->attempt.now_ms = reset->code.now_ms;
  status = shop__user_copy(tx, reset->email, sizeof reset->email, user.email);
  return status == SHOP_OK ? shop__user_copy_language(tx, reset->language, &user) : status;
}

/* Whoever has guessed at the old password keeps the owner waiting no longer, and
   whoever knew it is known from nowhere. */
static int32_t clear_the_way(shop__tx_t *tx, const struct reset *reset) {
  int32_t status = shop__sources_forget_others(tx, &reset->attempt, reset->user_id);

  return status == SHOP_OK ? shop__attempt_forgive(tx, &reset->attempt, reset->user_id) : status;
}

/* The code stands for the proof, so it is looked at again here: of two at once, one
   finds it used. It came by mail, so the address is the user's. */
static int32_t reset_fn(shop__tx_t *tx, void *ctx) {
  struct reset *reset = ctx;
  const struct shop__code *code = &reset->code;
  struct shop__code_row row;
  struct shop__user_row user;
  int32_t status = shop__code_find(tx, code, &row, &user);

  reset->notice.mail_id = 0;
  if (status == SHOP_OK)
    status =
        shop__user_set_password(tx, reset->user_id, reset->new_hash, user.epoch + 1, code->now_ms);
  if (status == SHOP_OK)
    status = clear_the_way(tx, reset);
  if (status == SHOP_OK)
    status = shop__codes_end(tx, reset->user_id, 0, code->now_ms);
  if (status == SHOP_OK)
    status = shop__user_set_verified(tx, reset->user_id, code->now_ms);
  if (status == SHOP_OK)
    status = shop__user_note(tx, reset->user_id,
                             &(struct shop__moment){code->now_ms, SHOP_ACTOR_SHOPPER},
                             "user.password_reset", NULL);
  if (status == SHOP_OK)
    status = shop__notice_queue(tx, &reset->notice, code->now_ms);
  return status;
}

static int32_t reset_password(shop_t *shop, struct reset *reset, const char *new_password,
                              const struct shop__patience *patience, shop_error_t *err) {
  struct shop__db_write_rule rule;
  int32_t status = shop__db_glance(shop->db, read_reset_fn, reset, err);

  if (status == SHOP_OK)
    status = shop__new_password_check(shop, reset->email, new_password, err);
  if (status == SHOP_OK)
    status =
        shop__password_hash(shop->hasher, new_password, patience->until_us, reset->new_hash, err);
  if (status == SHOP_OK)
    status = shop__notice_compose(shop, SHOP_MAIL_PASSWORD_CHANGED,
                                  &(struct shop__notice){.user_id = reset->user_id,
                                                         .recipient = reset->email,
                                                         .language = reset->language,
                                                         .now_ms = reset->code.now_ms},
                                  &reset->notice, err);
  if (status == SHOP_OK)
    status = shop__patience_rule(patience, &rule, err);
  if (status == SHOP_OK)
    status = shop__db_write(shop->db, reset_fn, reset, &rule, err);
  if (status == SHOP_OK)
    shop__post_send(shop, &reset->notice, NULL);
  shop__letter_free(&reset->notice.letter);
  return status;
}

int32_t shop_account_reset(shop_t *shop, const char *code_text, const char *new_password,
                           const shop_options_t *options, shop_error_t *err) {
  struct shop__patience patience = shop__patience_begin(options);
  struct reset reset = {.shop = shop, .options = options};
  int32_t status = shop__enter(shop, err);

  if (status != SHOP_OK)
    return status;
  status = shop__options_check(options, SHOP__TAKES_SOURCE, err);
  if (status == SHOP_OK && new_password == NULL)
    status = shop__missing("new_password", err);
  if (status == SHOP_OK)
    status = shop__code_check(code_text, SHOP__CODE_RESET, shop__now_ms(shop), &reset.code, err);
  if (status == SHOP_OK)
    status = reset_password(shop, &reset, new_password, &patience, err);
  shop__memory_wipe(&reset, sizeof reset);
  return shop__leave(shop, status);
}
