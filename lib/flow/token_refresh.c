/* Refresh tokens: each is used once, for a new token and its own successor. Who
   shows a used one has stolen it, or was stolen from: then all that the login
   began is ended (RFC 9700 4.14.2). */
#include <string.h>

#include "flow_account.h"

/* ---- with every token ------------------------------------------------------------------ */

static void hash_text(const char *text, uint8_t out[SHOP__REFRESH_HASH_BYTES]) {
  shop__digest_secret(text, strlen(text), out);
}

void shop__refresh_make(const shop_t *shop, const struct shop__grant *grant,
                        struct shop__refresh_text *out) {
  const struct shop__refresh_row *from = grant->refreshed;
  int64_t idle_ms = grant->now_ms + shop->config.refresh_idle_ms;

  shop__random_secret(out->text);
  hash_text(out->text, out->hash);
  out->family_expires_at_ms =
      from != NULL ? from->family_expires_at_ms : grant->now_ms + shop->config.refresh_life_ms;
  out->expires_at_ms = idle_ms < out->family_expires_at_ms ? idle_ms : out->family_expires_at_ms;
  if (from != NULL) {
    out->family_id = from->family_id;
    memcpy(out->parent, from->hash, sizeof out->parent);
  }
}

int32_t shop__refresh_store(shop__tx_t *tx, const shop_token_t *token, int64_t user_id,
                            const char *label) {
  const struct shop__refresh_text *refresh = &token->refresh;
  struct shop__refresh_row row = {
      .hash = refresh->hash,
      .family_id = refresh->family_id,
      .user_id = user_id,
      .epoch = token->epoch,
      .jti = token->jti,
      .expires_at_ms = refresh->expires_at_ms,
      .family_expires_at_ms = refresh->family_expires_at_ms,
      .parent = refresh->family_id == 0 ? NULL : refresh->parent,
      .label = label,
  };
  int32_t status = SHOP_OK;

  if (row.family_id == 0)
    status = shop__tx_id(tx, &row.family_id);
  return status == SHOP_OK ? shop__refresh_insert(tx, &row) : status;
}

static int32_t end_family(shop__tx_t *tx, int64_t family_id, int64_t now_ms) {
  int32_t status = shop__refresh_end_family(tx, family_id);

  return status == SHOP_OK ? shop__refresh_revoke_tokens(tx, family_id, now_ms) : status;
}

int32_t shop__refresh_end(shop__tx_t *tx, const char *jti, int64_t now_ms) {
  int64_t family_id = 0;
  int32_t status = shop__refresh_family_of(tx, jti, &family_id);

  return status == SHOP_OK && family_id != 0 ? end_family(tx, family_id, now_ms) : status;
}

int32_t shop__refresh_end_session(shop__tx_t *tx, int64_t user_id, int64_t session_id,
                                  int64_t now_ms) {
  int64_t family_id = 0;
  int32_t status = shop__refresh_family_of_session(tx, user_id, session_id, &family_id);

  return status == SHOP_OK && family_id != 0 ? end_family(tx, family_id, now_ms) : status;
}

/* ---- refresh ------------------------------------------------------------------------------ */

struct refresh {
  uint8_t hash[SHOP__REFRESH_HASH_BYTES];
  uint8_t key_digest[SHOP__REFRESH_HASH_BYTES];
  bool has_key;
  int64_t now_ms;
  int64_t skew_ms;
  const shop_token_t *token;
  /* what the store says, copied out */
  struct shop__refresh_row row;
  char subject[SHOP__RANDOM_ID_BYTES];
  char label[SHOP__LABEL_MAX + 1];
  bool repeated; /* it was used before, with the same key, and its successor was not */
  bool stolen;   /* result: it was used before */
};

/* The client did not get the answer, and asks again by the same key: nobody else
   knows that, and the successor is still unused. */
static int32_t find_repeated(shop__tx_t *tx, struct refresh *refresh,
                             const struct shop__refresh_row *used) {
  struct shop__refresh_row good;
  int64_t family_id = used->family_id;
  bool same_key = refresh->has_key && used->key_digest != NULL &&
                  memcmp(used->key_digest, refresh->key_digest, SHOP__REFRESH_HASH_BYTES) == 0;
  bool found = false;
  int32_t status = shop__refresh_get_good(tx, family_id, &good, &found);

  refresh->repeated = status == SHOP_OK && same_key && found && good.parent != NULL &&
                      memcmp(good.parent, refresh->hash, SHOP__REFRESH_HASH_BYTES) == 0;
  /* Of a family that is ended there is nothing more to end. */
  refresh->stolen = status == SHOP_OK && found && !refresh->repeated;
  if (status == SHOP_OK && !found)
    status = shop__error_set(shop__tx_error(tx), SHOP_ERR_TOKEN_REVOKED,
                             "the refresh token was revoked: log in again");
  return status;
}

static int32_t copy_row(shop__tx_t *tx, struct refresh *refresh,
                        const struct shop__refresh_row *row) {
  const char *label = row->label == NULL ? "" : row->label;

  if (strlen(row->subject) >= sizeof refresh->subject || strlen(label) >= sizeof refresh->label)
    return shop__error_set(shop__tx_error(tx), SHOP_ERR_CORRUPT, "a stored account is damaged");
  memcpy(refresh->subject, row->subject, strlen(row->subject) + 1);
  memcpy(refresh->label, label, strlen(label) + 1);
  refresh->row = (struct shop__refresh_row){
      .hash = refresh->hash,
      .family_id = row->family_id,
      .user_id = row->user_id,
      .epoch = row->epoch,
      .family_expires_at_ms = row->family_expires_at_ms,
  };
  return SHOP_OK;
}

/* Is the refresh token good, repeated, stolen, or refused. */
static int32_t judge_fn(shop__tx_t *tx, void *ctx) {
  struct refresh *refresh = ctx;
  shop_error_t *err = shop__tx_error(tx);
  struct shop__refresh_row row;
  bool found = false;
  int32_t status = shop__refresh_get(tx, refresh->hash, &row, &found);

  refresh->repeated = refresh->stolen = false;
  if (status != SHOP_OK)
    return status;
  if (!found)
    return shop__error_set(err, SHOP_ERR_TOKEN_INVALID, "not a refresh token of this shop");
  status = copy_row(tx, refresh, &row);
  if (status != SHOP_OK)
    return status;
  if (row.disabled)
    return shop__user_is_disabled(tx);
  if (row.state == SHOP__REFRESH_ENDED || row.epoch != row.user_epoch || row.closed)
    return shop__error_set(err, SHOP_ERR_TOKEN_REVOKED,
                           "the refresh token was revoked: log in again");
  if (row.state == SHOP__REFRESH_USED) {
    status = find_repeated(tx, refresh, &row);
    if (status != SHOP_OK || refresh->stolen)
      return status;
  }
  if (refresh->now_ms >= row.expires_at_ms + refresh->skew_ms)
    return shop__error_set(err, SHOP_ERR_TOKEN_EXPIRED,
                           "the refresh token has expired: log in again");
  return SHOP_OK;
}

static int32_t end_stolen(shop__tx_t *tx, const struct refresh *refresh) {
  int32_t status = end_family(tx, refresh->row.family_id, refresh->now_ms);

  if (status != SHOP_OK)
    return status;
  return shop__event_insert(tx, &(struct shop__event_row){.at_ms = refresh->now_ms,
                                                          .actor = SHOP_ACTOR_SYSTEM,
                                                          .user_id = refresh->row.user_id,
                                                          .name = "token.reuse_detected"});
}

/* The judgement again, and what follows from it. That all is ended stays, so the
   function has done its work in that case too. */
static int32_t refresh_fn(shop__tx_t *tx, void *ctx) {
  struct refresh *refresh = ctx;
  int32_t status = judge_fn(tx, ctx);

  if (status != SHOP_OK)
    return status;
  if (refresh->stolen)
    return end_stolen(tx, refresh);
  if (refresh->repeated) /* whoever has the lost answer gets nothing by it */
    status = end_family(tx, refresh->row.family_id, refresh->now_ms);
  else
    status = shop__refresh_use(tx, refresh->hash, refresh->has_key ? refresh->key_digest : NULL);
  return status == SHOP_OK
             ? shop__token_store(tx, refresh->token, refresh->row.user_id, refresh->label)
             : status;
}

static int32_t refuse_stolen(shop_error_t *err) {
  return shop__error_set(err, SHOP_ERR_TOKEN_REUSED,
                         "the refresh token was used before: all of its session is ended now, "
                         "log in again");
}

static int32_t refresh_token(shop_t *shop, struct refresh *refresh, const shop_options_t *options,
                             shop_token_t **out, shop_error_t *err) {
  struct shop__db_write_rule rule = shop__options_rule(options, false);
  shop_token_t *token = NULL;
  int32_t status = shop__db_read(shop->db, judge_fn, refresh, err);

  if (status != SHOP_OK)
    return status;
  status = shop__token_grant(shop,
                             &(struct shop__grant){.subject = refresh->subject,
                                                   .epoch = refresh->row.epoch,
                                                   .now_ms = refresh->now_ms,
                                                   .refreshed = &refresh->row},
                             &refresh->token, refresh_fn, refresh, &rule, &token, err);
  if (status == SHOP_OK && refresh->stolen)
    status = refuse_stolen(err);
  if (status == SHOP_OK) {
    token->user_id = refresh->row.user_id;
    *out = token;
  } else {
    shop_token_free(token);
  }
  return status;
}

int32_t shop_token_refresh(shop_t *shop, const char *refresh_text, const shop_options_t *options,
                           shop_token_t **out, shop_error_t *err) {
  struct refresh refresh = {0};
  int32_t status;

  if (out != NULL)
    *out = NULL;
  status = shop__enter(shop, err);
  if (status != SHOP_OK)
    return status;
  if (out == NULL || refresh_text == NULL || refresh_text[0] == '\0')
    return shop__leave(shop, shop__missing("out and refresh_text", err));
  status = shop__options_check(options, SHOP__TAKES_KEY, err);
  if (status == SHOP_OK && shop->config.access_life_ms == 0)
    status = shop__error_set(err, SHOP_ERR_STATE, "this shop gives no refresh tokens");
  if (status == SHOP_OK && strnlen(refresh_text, SHOP__REFRESH_BYTES) != SHOP__REFRESH_BYTES - 1)
    status = shop__error_set(err, SHOP_ERR_TOKEN_INVALID, "not a refresh token of this shop");
  if (status == SHOP_OK) {
    hash_text(refresh_text, refresh.hash);
    refresh.has_key = options != NULL && options->key[0] != '\0';
    if (refresh.has_key)
      hash_text(options->key, refresh.key_digest);
    refresh.now_ms = shop__now_ms(shop);
    refresh.skew_ms = shop->config.token_skew_ms;
    status = refresh_token(shop, &refresh, options, out, err);
  }
  return shop__leave(shop, status);
}
