/* What a user does with the account itself: a new password, logout everywhere. A
   call that asks for the password proves it before its transaction, where the
   hash is computed, and looks inside it whether the proof still holds. */
#include <string.h>

#include "flow_account.h"

int32_t shop__user_note(shop__tx_t *tx, int64_t user_id, const struct shop__moment *moment,
                        const char *name, const char *detail) {
  return shop__event_insert(tx, &(struct shop__event_row){.at_ms = moment->at_ms,
                                                          .actor = moment->actor,
                                                          .user_id = user_id,
                                                          .name = name,
                                                          .detail = detail});
}

int32_t shop__user_is_disabled(shop__tx_t *tx) {
  return shop__error_set(shop__tx_error(tx), SHOP_ERR_USER_DISABLED,
                         "the account is disabled: ask the shop");
}

/* ---- the proof ------------------------------------------------------------------------ */

int32_t shop__user_copy(shop__tx_t *tx, char *out, size_t size, const char *text) {
  if (text == NULL || strlen(text) >= size)
    return shop__error_set(shop__tx_error(tx), SHOP_ERR_CORRUPT, "a stored account is damaged");
  memcpy(out, text, strlen(text) + 1);
  return SHOP_OK;
}

int32_t shop__user_copy_language(shop__tx_t *tx, char out[SHOP__LANGUAGE_BYTES],
                                 const struct shop__user_row *user) {
  return shop__user_copy(tx, out, SHOP__LANGUAGE_BYTES,
                         user->language == NULL ? "" : user->language);
}

int32_t shop__account_busy(shop_error_t *err) {
  return shop__error_set(err, SHOP_ERR_BUSY, "the account is being changed: try again");
}

int32_t shop__user_of_token(shop__tx_t *tx, const shop_token_t *token, int64_t now_ms,
                            struct shop__user_row *user) {
  struct shop__token_row row;
  bool found = false;
  int32_t status = shop__token_check(tx, token, now_ms, &row);

  if (status == SHOP_OK)
    status = shop__user_by_id(tx, row.user_id, user, &found);
  if (status == SHOP_OK && !found)
    status = shop__error_set(shop__tx_error(tx), SHOP_ERR_CORRUPT, "a token has lost its user");
  return status;
}

static int32_t read_owner_fn(shop__tx_t *tx, void *ctx) {
  struct shop__owner *owner = ctx;
  struct shop__user_row user;
  int64_t family_id = 0;
  int32_t status = shop__user_of_token(tx, owner->token, owner->now_ms, &user);

  if (status == SHOP_OK && user.guest)
    status = shop__guest_refuse(tx);
  if (status != SHOP_OK)
    return status;
  owner->user_id = user.id;
  owner->epoch = user.epoch;
  status = shop__user_copy(tx, owner->subject, sizeof owner->subject, user.subject);
  shop__attempt_begin(owner->shop, user.email_key == NULL ? "" : user.email_key, owner->options,
                      &owner->attempt);
  if (status == SHOP_OK)
    status =
        shop__user_copy(tx, owner->password_hash, sizeof owner->password_hash, user.password_hash);
  if (status == SHOP_OK)
    status = shop__user_copy(tx, owner->email, sizeof owner->email, user.email);
  if (status == SHOP_OK)
    status = shop__user_copy_language(tx, owner->language, &user);
  if (status == SHOP_OK)
    status = shop__refresh_family_of(tx, owner->token->jti, &family_id);
  owner->refreshed = family_id != 0;
  if (status == SHOP_OK)
    status = shop__attempt_look(tx, &owner->attempt, user.id);
  return status;
}

int32_t shop__owner_prove(shop_t *shop, struct shop__owner *owner, const char *password,
                          int64_t until_us, shop_error_t *err) {
  bool match = false, stale = false;
  int32_t status;

  owner->shop = shop;
  status = shop__db_read(shop->db, read_owner_fn, owner, err);
  if (status == SHOP_OK)
    status = shop__attempt_prove(shop, &owner->attempt, owner->password_hash, password, until_us,
                                 &match, &stale, err);
  if (status == SHOP_OK && !match)
    status = shop__error_set(err, SHOP_ERR_CREDENTIALS, "the password is wrong");
  return status;
}

int32_t shop__owner_check(shop__tx_t *tx, struct shop__owner *owner) {
  struct shop__user_row user;
  int32_t status = shop__user_of_token(tx, owner->token, owner->now_ms, &user);

  owner->changed = status == SHOP_OK && (user.epoch != owner->epoch || user.password_hash == NULL ||
                                         strcmp(user.password_hash, owner->password_hash) != 0);
  if (status == SHOP_OK && !owner->changed)
    status = shop__attempt_succeed(tx, &owner->attempt);
  return status;
}

/* ---- a new password ------------------------------------------------------------------------ */

struct password_change {
  struct shop__owner owner;
  char new_hash[SHOP__PASSWORD_HASH_BYTES];
  const shop_token_t *fresh;
  const char *label; /* of the fresh token; NULL: the old one's */
  struct shop__post notice;
};

/* The fresh token goes on where the old one was, so it keeps its label. */
static int32_t store_fresh(shop__tx_t *tx, const struct password_change *change) {
  const char *label = change->label;
  int32_t status = SHOP_OK;

  if (label == NULL)
    status = shop__token_label(tx, change->owner.token->jti, &label);
  if (status == SHOP_OK)
    status = shop__token_store(tx, change->fresh, change->owner.user_id, label);
  return status;
}

static int32_t set_password_fn(shop__tx_t *tx, void *ctx) {
  struct password_change *change = ctx;
  const struct shop__owner *owner = &change->owner;
  int32_t status = shop__owner_check(tx, &change->owner);

  if (status != SHOP_OK || owner->changed)
    return status;
  status = shop__user_set_password(tx, owner->user_id, change->new_hash, change->fresh->epoch,
                                   owner->now_ms);
  if (status == SHOP_OK)
    status = shop__sources_forget_others(tx, &owner->attempt, owner->user_id);
  if (status == SHOP_OK)
    status = shop__codes_end(tx, owner->user_id, 0, owner->now_ms);
  if (status == SHOP_OK)
    status = store_fresh(tx, change);
  if (status == SHOP_OK)
    status = shop__user_note(tx, owner->user_id,
                             &(struct shop__moment){owner->now_ms, SHOP_ACTOR_SHOPPER},
                             "user.password_changed", NULL);
  if (status == SHOP_OK)
    status = shop__notice_queue(tx, &change->notice, owner->now_ms);
  return status;
}

/* It may do as much as the old one, and for as long: who has one that is not to be
   refreshed gets no other kind. */
static int32_t grant_fresh(shop_t *shop, struct password_change *change,
                           const struct shop__db_write_rule *rule, shop_token_t **fresh,
                           shop_error_t *err) {
  const struct shop__owner *owner = &change->owner;
  const shop_token_t *old = owner->token;

  return shop__token_grant(shop,
                           &(struct shop__grant){.subject = owner->subject,
                                                 .epoch = owner->epoch + 1,
                                                 .now_ms = owner->now_ms,
                                                 .scope = old->scope,
                                                 .alone = !owner->refreshed,
                                                 .life_ms = old->expires_at_ms - old->issued_at_ms},
                           &change->fresh, set_password_fn, change, rule, fresh, err);
}

static int32_t set_password_once(shop_t *shop, struct password_change *change,
                                 const char *old_password, const char *new_password,
                                 const struct shop__patience *patience, shop_token_t **out,
                                 shop_error_t *err) {
  struct shop__owner *owner = &change->owner;
  struct shop__db_write_rule rule;
  shop_token_t *fresh = NULL;
  int32_t status = shop__owner_prove(shop, owner, old_password, patience->until_us, err);

  if (status == SHOP_OK && change->new_hash[0] == '\0')
    status = shop__new_password_check(shop, owner->email, new_password, err);
  if (status == SHOP_OK && change->new_hash[0] == '\0')
    status =
        shop__password_hash(shop->hasher, new_password, patience->until_us, change->new_hash, err);
  if (status == SHOP_OK)
    status = shop__notice_compose(shop, SHOP_MAIL_PASSWORD_CHANGED,
                                  &(struct shop__notice){.user_id = owner->user_id,
                                                         .recipient = owner->email,
                                                         .language = owner->language,
                                                         .now_ms = owner->now_ms},
                                  &change->notice, err);
  if (status == SHOP_OK)
    status = shop__patience_rule(patience, &rule, err);
  if (status == SHOP_OK)
    status = grant_fresh(shop, change, &rule, &fresh, err);
  if (status == SHOP_OK && !owner->changed) {
    fresh->user_id = owner->user_id;
    *out = fresh;
    shop__post_send(shop, &change->notice, NULL);
  } else {
    shop_token_free(fresh);
  }
  shop__letter_free(&change->notice.letter);
  return status;
}

static int32_t set_password(shop_t *shop, const shop_token_t *token, const char *old_password,
                            const char *new_password, const shop_options_t *options,
                            shop_token_t **out, shop_error_t *err) {
  struct shop__patience patience = shop__patience_begin(options);
  struct password_change change = {
      .owner = {.token = token, .options = options, .now_ms = shop__now_ms(shop), .changed = true},
      .label = shop__options_label(options)};
  int32_t status = SHOP_OK;

  for (int tries = 0; status == SHOP_OK && change.owner.changed && tries < SHOP__ACCOUNT_TRIES;
       tries++)
    status = set_password_once(shop, &change, old_password, new_password, &patience, out, err);
  if (status == SHOP_OK && change.owner.changed)
    status = shop__account_busy(err);
  shop__memory_wipe(&change, sizeof change);
  return status;
}

int32_t shop_account_set_password(shop_t *shop, const shop_token_t *token, const char *old_password,
                                  const char *new_password, const shop_options_t *options,
                                  shop_token_t **out, shop_error_t *err) {
  int32_t status;

  if (out != NULL)
    *out = NULL;
  status = shop__enter_token(shop, token, err);
  if (status != SHOP_OK)
    return status;
  if (out == NULL || old_password == NULL || old_password[0] == '\0' || new_password == NULL)
    return shop__leave(shop, shop__missing("out and the passwords", err));
  status = shop__options_check(options, SHOP__TAKES_LABEL | SHOP__TAKES_SOURCE, err);
  if (status == SHOP_OK)
    status = set_password(shop, token, old_password, new_password, options, out, err);
  return shop__leave(shop, status);
}

/* ---- logout everywhere ------------------------------------------------------------------------
 */

static int32_t logout_fn(shop__tx_t *tx, void *ctx) {
  const struct shop__owner *owner = ctx;
  struct shop__token_row row;
  int32_t status = shop__token_check(tx, owner->token, owner->now_ms, &row);

  if (status == SHOP_OK)
    status = shop__user_raise_epoch(tx, row.user_id, owner->now_ms);
  if (status == SHOP_OK)
    status =
        shop__user_note(tx, row.user_id, &(struct shop__moment){owner->now_ms, SHOP_ACTOR_SHOPPER},
                        "user.logged_out_everywhere", NULL);
  return status;
}

int32_t shop_account_logout_everywhere(shop_t *shop, const shop_token_t *token,
                                       const shop_options_t *options, shop_error_t *err) {
  struct shop__db_write_rule rule = shop__options_rule(options, false);
  int32_t status = shop__enter_token(shop, token, err);

  if (status != SHOP_OK)
    return status;
  status = shop__options_check(options, SHOP__TAKES_DEADLINE, err);
  if (status == SHOP_OK) {
    struct shop__owner owner = {.token = token, .now_ms = shop__now_ms(shop)};

    status = shop__db_write(shop->db, logout_fn, &owner, &rule, err);
  }
  return shop__leave(shop, status);
}
