/* Tokens: made, read, checked and revoked. */
#include <stdio.h>
#include <string.h>

#include "flow_account.h"

/* ---- making and parsing --------------------------------------------------------- */

/* A write's own answer, which no caller sees: the key that signed the token does
   not sign any more. */
#define STALE_KEY (-998)
/* A key that changes at every try is not being rotated but fought over. */
#define TRIES_MAX 8

/* How long before its making a token may be used: a clock that is set back by
   less logs nobody out. */
#define BACKDATED_S 60

/* A token is refused before its nbf, and where its iat lies in the future, in
   both cases but for what the clocks may differ. */
static int64_t good_from_s(const struct shop__claims *claims) {
  int64_t made_s = claims->issued_at_s - BACKDATED_S;

  return claims->not_before_s > made_s ? claims->not_before_s : made_s;
}

static int32_t token_new(const shop_t *shop, const struct shop__claims *claims, const char *kid,
                         char *jwt, shop_token_t **out, shop_error_t *err) {
  shop_token_t *token = shop__memory_zalloc(sizeof *token);

  if (token == NULL)
    return shop__no_memory(err);
  memcpy(token->store_id, shop->store_id, sizeof token->store_id);
  memcpy(token->subject, claims->subject, sizeof token->subject);
  memcpy(token->jti, claims->jti, sizeof token->jti);
  memcpy(token->kid, kid, sizeof token->kid);
  memcpy(token->scope, claims->scope, sizeof token->scope);
  token->epoch = claims->epoch;
  token->issued_at_ms = claims->issued_at_s * 1000;
  token->expires_at_ms = claims->expires_at_s * 1000;
  token->good_from_ms = good_from_s(claims) * 1000 - shop->config.token_skew_ms;
  token->good_until_ms = token->expires_at_ms + shop->config.token_skew_ms;
  token->jwt = jwt;
  *out = token;
  return SHOP_OK;
}

static void jwt_free(char *jwt) {
  if (jwt != NULL)
    shop__memory_wipe(jwt, strlen(jwt));
  shop__memory_free(jwt);
}

static bool has_refresh(const shop_t *shop, const struct shop__grant *grant) {
  return shop->config.access_life_ms != 0 && !grant->alone;
}

static int64_t life_of(const shop_t *shop, const struct shop__grant *grant) {
  if (grant->life_ms != 0)
    return grant->life_ms;
  return has_refresh(shop, grant) ? shop->config.access_life_ms : shop->config.token_life_ms;
}

/* A signed token that no row stands for yet. */
static int32_t make(shop_t *shop, const struct shop__grant *grant, shop_token_t **out,
                    shop_error_t *err) {
  const struct shop__key *key = atomic_load(&shop->signing);
  int64_t life_ms = life_of(shop, grant);
  int64_t now_s = grant->now_ms / 1000;
  struct shop__claims claims = {
      .issued_at_s = now_s,
      .expires_at_s = now_s + life_ms / 1000,
      .not_before_s = now_s > BACKDATED_S ? now_s - BACKDATED_S : 0,
      .epoch = grant->epoch,
  };
  char *jwt = NULL;
  int32_t status;

  memcpy(claims.issuer, shop->config.issuer, sizeof claims.issuer);
  memcpy(claims.audience, shop->config.audience, sizeof claims.audience);
  if (grant->scope != NULL)
    (void)snprintf(claims.scope, sizeof claims.scope, "%s", grant->scope);
  memcpy(claims.subject, grant->subject, sizeof claims.subject);
  shop__random_id(claims.jti);
  status = shop__jwt_sign(key, &claims, &jwt, err);
  if (status == SHOP_OK)
    status = token_new(shop, &claims, key->kid, jwt, out, err);
  if (status != SHOP_OK)
    jwt_free(jwt);
  else if (has_refresh(shop, grant))
    shop__refresh_make(shop, grant, &(*out)->refresh);
  return status;
}

int32_t shop__token_store(shop__tx_t *tx, const shop_token_t *token, int64_t user_id,
                          const char *label) {
  bool inserted = false;
  int32_t status = shop__token_insert(tx,
                                      &(struct shop__token_new){
                                          .jti = token->jti,
                                          .kid = token->kid,
                                          .user_id = user_id,
                                          .epoch = token->epoch,
                                          .issued_at_ms = token->issued_at_ms,
                                          .expires_at_ms = token->expires_at_ms,
                                          .label = label,
                                      },
                                      &inserted);

  if (status == SHOP_OK && !inserted)
    status = shop__error_set(shop__tx_error(tx), STALE_KEY, "the signing key has changed");
  if (status == SHOP_OK && token->refresh.text[0] != '\0')
    status = shop__refresh_store(tx, token, user_id, label);
  return status;
}

int32_t shop__token_grant(shop_t *shop, const struct shop__grant *grant, const shop_token_t **slot,
                          shop__db_fn fn, void *ctx, const struct shop__db_write_rule *rule,
                          shop_token_t **out, shop_error_t *err) {
  shop_token_t *token = NULL;
  int32_t status = STALE_KEY;

  for (int32_t tries = 0; status == STALE_KEY && tries < TRIES_MAX; tries++) {
    status = tries == 0 ? SHOP_OK : shop__keyring_refresh(shop, err);
    if (status == SHOP_OK)
      status = make(shop, grant, &token, err);
    if (status != SHOP_OK)
      break;
    *slot = token;
    status = shop__db_write(shop->db, fn, ctx, rule, err);
    *slot = NULL;
    if (status != SHOP_OK) {
      shop_token_free(token);
      token = NULL;
    }
  }
  if (status == STALE_KEY)
    status = shop__error_set(err, SHOP_ERR_BUSY, "the signing key changes all the time: try again");
  else if (status == SHOP_OK)
    shop__error_clear(err);
  *out = token;
  return status;
}

int32_t shop__token_parse(shop_t *shop, const char *jwt, shop_token_t **out, shop_error_t *err) {
  char kid[SHOP__KID_BYTES];
  const struct shop__key *key = NULL;
  struct shop__claims claims;
  char *copy;
  int32_t status = shop__jwt_kid(jwt, kid, err);

  if (status == SHOP_OK)
    status = shop__keyring_find(shop, kid, &key, err);
  if (status == SHOP_OK && key == NULL)
    status = shop__error_set(err, SHOP_ERR_TOKEN_INVALID, "no key of this shop signed the token");
  if (status == SHOP_OK)
    status = shop__jwt_verify(key, jwt, shop->config.issuer, shop->config.audience, &claims, err);
  if (status != SHOP_OK)
    return status;
  /* Claims in ms must stay exact integers; nobody of us signs such a time. */
  if (claims.expires_at_s > SHOP__EXACT_MAX / 1000 || claims.not_before_s > SHOP__EXACT_MAX / 1000)
    return shop__error_set(err, SHOP_ERR_TOKEN_INVALID, "the token's times are out of range");
  copy = shop__memory_strdup(jwt);
  if (copy == NULL)
    return shop__no_memory(err);
  status = token_new(shop, &claims, kid, copy, out, err);
  if (status != SHOP_OK)
    jwt_free(copy);
  return status;
}

/* ---- checking -------------------------------------------------------------------- */

static bool same_token(const shop_token_t *token, const struct shop__token_row *row) {
  return strcmp(row->subject, token->subject) == 0 && row->epoch == token->epoch &&
         (token->user_id == 0 || row->user_id == token->user_id);
}

int32_t shop__token_check(shop__tx_t *tx, const shop_token_t *token, int64_t now_ms,
                          struct shop__token_row *row) {
  shop_error_t *err = shop__tx_error(tx);
  bool found = false;
  int32_t status;

  if (now_ms >= token->good_until_ms)
    return shop__error_set(err, SHOP_ERR_TOKEN_EXPIRED, "the token has expired: log in again");
  if (now_ms < token->good_from_ms)
    return shop__error_set(err, SHOP_ERR_TOKEN_INVALID,
                           "the token is of the future: was a clock set back?");
  status = shop__token_get(tx, token->jti, token->kid, row, &found);
  if (status != SHOP_OK)
    return status;
  if (!found || !same_token(token, row))
    return shop__error_set(err, SHOP_ERR_TOKEN_INVALID, "the token is of no user of this shop");
  if (row->key_state != SHOP__SIGNING_KEY_ACTIVE && row->key_state != SHOP__SIGNING_KEY_VERIFYING)
    return shop__error_set(err, SHOP_ERR_TOKEN_INVALID,
                           "the token's key was retired: log in again");
  if (row->disabled)
    return shop__user_is_disabled(tx);
  /* The end of an account raises the epoch; that it is closed is looked at all the same. */
  if (row->revoked || row->epoch != row->user_epoch || row->closed)
    return shop__error_set(err, SHOP_ERR_TOKEN_REVOKED, "the token was revoked: log in again");
  return SHOP_OK;
}

struct check {
  const shop_token_t *token;
  int64_t now_ms;
  int64_t user_id;
  int64_t last_used_at_ms;
};

static int32_t check_fn(shop__tx_t *tx, void *ctx) {
  struct check *check = ctx;
  struct shop__token_row row;
  int32_t status = shop__token_check(tx, check->token, check->now_ms, &row);

  if (status == SHOP_OK)
    *check = (struct check){check->token, check->now_ms, row.user_id, row.last_used_at_ms};
  return status;
}

int32_t shop_token_verify(shop_t *shop, const char *jwt, shop_token_t **out, shop_error_t *err) {
  struct check check = {0};
  shop_token_t *token = NULL;
  int32_t status;

  if (out != NULL)
    *out = NULL;
  status = shop__enter(shop, err);
  if (status != SHOP_OK)
    return status;
  if (out == NULL || jwt == NULL || jwt[0] == '\0')
    return shop__leave(shop, shop__missing("out and jwt", err));
  status = shop__token_parse(shop, jwt, &token, err);
  if (status == SHOP_OK) {
    check = (struct check){.token = token, .now_ms = shop__now_ms(shop)};
    status = shop__db_glance(shop->db, check_fn, &check, err);
  }
  if (status == SHOP_OK) {
    token->user_id = check.user_id;
    shop__session_touch(shop, token, check.last_used_at_ms, check.now_ms);
    *out = token;
  } else {
    shop_token_free(token);
  }
  return shop__leave(shop, status);
}

/* ---- revoking -------------------------------------------------------------------- */

static int32_t log_revoked(shop__tx_t *tx, const struct check *check, int64_t user_id) {
  return shop__event_insert(tx, &(struct shop__event_row){.at_ms = check->now_ms,
                                                          .actor = SHOP_ACTOR_SHOPPER,
                                                          .user_id = user_id,
                                                          .name = "token.revoked",
                                                          .before = check->token->jti});
}

static int32_t revoke_fn(shop__tx_t *tx, void *ctx) {
  const struct check *check = ctx;
  const shop_token_t *token = check->token;
  struct shop__token_row row = {0};
  bool found = false;
  int32_t status = shop__token_get(tx, token->jti, token->kid, &row, &found);
  int64_t user_id = row.user_id;

  if (status == SHOP_OK && !found)
    status = shop__error_set(shop__tx_error(tx), SHOP_ERR_TOKEN_INVALID,
                             "the token is of no user of this shop");
  if (status == SHOP_OK)
    status = shop__refresh_end(tx, token->jti, check->now_ms);
  if (status != SHOP_OK || row.revoked)
    return status;
  status = shop__token_set_revoked(tx, token->jti, check->now_ms, &found);
  return status == SHOP_OK ? log_revoked(tx, check, user_id) : status;
}

int32_t shop_token_revoke(shop_t *shop, const shop_token_t *token, const shop_options_t *options,
                          shop_error_t *err) {
  struct shop__db_write_rule rule = shop__options_rule(options, false);
  int32_t status = shop__enter_token(shop, token, err);

  if (status != SHOP_OK)
    return status;
  status = shop__options_check(options, SHOP__TAKES_DEADLINE, err);
  if (status == SHOP_OK) {
    struct check check = {.token = token, .now_ms = shop__now_ms(shop)};

    status = shop__db_write(shop->db, revoke_fn, &check, &rule, err);
  }
  return shop__leave(shop, status);
}

/* ---- getters --------------------------------------------------------------------- */

const char *shop_token_jwt(const shop_token_t *token) {
  return token == NULL ? "" : token->jwt;
}

const char *shop_token_refresh_text(const shop_token_t *token) {
  return token == NULL ? "" : token->refresh.text;
}

int64_t shop_token_refresh_expires_at_ms(const shop_token_t *token) {
  return token == NULL ? 0 : token->refresh.expires_at_ms;
}

int64_t shop_token_user_id(const shop_token_t *token) {
  return token == NULL ? 0 : token->user_id;
}

int64_t shop_token_issued_at_ms(const shop_token_t *token) {
  return token == NULL ? 0 : token->issued_at_ms;
}

int64_t shop_token_expires_at_ms(const shop_token_t *token) {
  return token == NULL ? 0 : token->expires_at_ms;
}

void shop_token_free(shop_token_t *token) {
  if (token == NULL)
    return;
  jwt_free(token->jwt);
  shop__memory_wipe(&token->refresh, sizeof token->refresh);
  shop__memory_free(token);
}
