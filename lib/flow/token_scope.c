/* Scopes: tokens that the merchant issues with more rights than a shopper has,
   and the question whether a token has one. */
#include <string.h>

#include "flow_account.h"

#define LIFE_MIN_MS 1000
#define LIFE_MAX_MS INT64_C(315360000000)

/* ---- issue ------------------------------------------------------------------------- */

struct issue {
  int64_t user_id;
  const char *scopes;
  const shop_token_t *token;
  int64_t now_ms;
  /* what the store knows of the user */
  char subject[SHOP__RANDOM_ID_BYTES];
  int64_t epoch;
};

static int32_t find_user_fn(shop__tx_t *tx, void *ctx) {
  struct issue *issue = ctx;
  struct shop__user_row row;
  bool found = false;
  int32_t status = shop__user_by_id(tx, issue->user_id, &row, &found);

  if (status != SHOP_OK)
    return status;
  if (!found || row.closed)
    return shop__error_set(shop__tx_error(tx), SHOP_ERR_NOT_FOUND, "there is no such user");
  if (row.disabled)
    return shop__user_is_disabled(tx);
  if (row.guest && issue->scopes != NULL && shop__scope_has(issue->scopes, "merchant"))
    return shop__guest_refuse(tx);
  if (strlen(row.subject) >= sizeof issue->subject)
    return shop__error_set(shop__tx_error(tx), SHOP_ERR_CORRUPT, "a stored account is damaged");
  memcpy(issue->subject, row.subject, strlen(row.subject) + 1);
  issue->epoch = row.epoch;
  return SHOP_OK;
}

static int32_t issue_fn(shop__tx_t *tx, void *ctx) {
  const struct issue *issue = ctx;
  int32_t status = shop__token_store(tx, issue->token, issue->user_id, NULL);

  if (status != SHOP_OK)
    return status;
  return shop__event_insert(tx, &(struct shop__event_row){.at_ms = issue->now_ms,
                                                          .actor = SHOP_ACTOR_MERCHANT,
                                                          .user_id = issue->user_id,
                                                          .name = "token.issued",
                                                          .after = issue->token->jti,
                                                          .detail = issue->scopes});
}

static int32_t check_issue(const char *scopes, int64_t life_ms, shop_error_t *err) {
  if (life_ms != 0 && (life_ms < LIFE_MIN_MS || life_ms > LIFE_MAX_MS))
    return shop__error_set(err, SHOP_ERR_ARGUMENT, "a token lives for 1 second to 10 years");
  if (scopes == NULL || scopes[0] == '\0')
    return SHOP_OK;
  if (strnlen(scopes, SHOP__SCOPE_MAX_BYTES + 1) > SHOP__SCOPE_MAX_BYTES)
    return shop__error_set(err, SHOP_ERR_TOO_LONG, "the scopes have more than %d bytes",
                           SHOP__SCOPE_MAX_BYTES);
  if (!shop__scope_valid(scopes, strlen(scopes)))
    return shop__error_set(err, SHOP_ERR_TEXT,
                           "scopes are names of printable ASCII, each once, one space between");
  return SHOP_OK;
}

static int32_t issue_token(shop_t *shop, struct issue *issue, int64_t life_ms,
                           const shop_options_t *options, shop_token_t **out, shop_error_t *err) {
  struct shop__db_write_rule rule = shop__options_rule(options, false);
  int32_t status = shop__db_read(shop->db, find_user_fn, issue, err);

  if (status != SHOP_OK)
    return status;
  issue->now_ms = shop__now_ms(shop);
  status = shop__token_grant(shop,
                             &(struct shop__grant){.subject = issue->subject,
                                                   .epoch = issue->epoch,
                                                   .now_ms = issue->now_ms,
                                                   .scope = issue->scopes,
                                                   .life_ms = life_ms,
                                                   .alone = true},
                             &issue->token, issue_fn, issue, &rule, out, err);
  if (status == SHOP_OK)
    (*out)->user_id = issue->user_id;
  return status;
}

int32_t shop_token_issue(shop_t *shop, int64_t user_id, const char *scopes, int64_t life_ms,
                         const shop_options_t *options, shop_token_t **out, shop_error_t *err) {
  struct issue issue = {.user_id = user_id, .scopes = scopes};
  int32_t status;

  if (out != NULL)
    *out = NULL;
  status = shop__enter(shop, err);
  if (status != SHOP_OK)
    return status;
  if (out == NULL)
    return shop__leave(shop, shop__missing("out", err));
  status = shop__options_check(options, SHOP__TAKES_DEADLINE, err);
  if (status == SHOP_OK)
    status = check_issue(scopes, life_ms, err);
  if (status == SHOP_OK)
    status = issue_token(shop, &issue, life_ms, options, out, err);
  return shop__leave(shop, status);
}

/* ---- ask ----------------------------------------------------------------------------- */

struct demand {
  const shop_token_t *token;
  int64_t now_ms;
};

static int32_t check_fn(shop__tx_t *tx, void *ctx) {
  const struct demand *demand = ctx;
  struct shop__token_row row;

  return shop__token_check(tx, demand->token, demand->now_ms, &row);
}

int32_t shop_token_require_scope(shop_t *shop, const shop_token_t *token, const char *scope,
                                 shop_error_t *err) {
  int32_t status = shop__enter_token(shop, token, err);

  if (status != SHOP_OK)
    return status;
  if (scope == NULL || scope[0] == '\0')
    return shop__leave(shop, shop__missing("scope", err));
  status = shop__db_read(shop->db, check_fn, &(struct demand){token, shop__now_ms(shop)}, err);
  if (status == SHOP_OK && !shop_token_has_scope(token, scope))
    status = shop__error_set(err, SHOP_ERR_SCOPE, "the token has not the scope that this needs");
  return shop__leave(shop, status);
}

bool shop_token_has_scope(const shop_token_t *token, const char *scope) {
  return token != NULL && scope != NULL && shop__scope_has(token->scope, scope);
}

const char *shop_token_scopes(const shop_token_t *token) {
  return token == NULL ? "" : token->scope;
}
