/*
 * What the files about users and their accounts share.
 */
#ifndef SHOP_LIB_FLOW_ACCOUNT_H
#define SHOP_LIB_FLOW_ACCOUNT_H

#include "flow.h"

/* ---- account.c: what a user does with the account ------------------------------------ */

/** Into the event log, about a user. detail NULL: none. */
int32_t shop__user_note(shop__tx_t *tx, int64_t user_id, const struct shop__moment *moment,
                        const char *name, const char *detail) SHOP__MUST_USE;
/** SHOP_ERR_USER_DISABLED with its sentence. */
int32_t shop__user_is_disabled(shop__tx_t *tx);

/** Whose account it is, as the store knew it when the password was asked. */
struct shop__owner {
  const shop_token_t *token;
  const shop_options_t *options; /* the source; or NULL */
  int64_t now_ms;
  /* results */
  int64_t user_id;
  int64_t epoch;
  bool changed; /* the account is no longer what it was: ask again */
  char subject[SHOP__RANDOM_ID_BYTES];
  char email[SHOP__EMAIL_BYTES]; /* as typed */
  char password_hash[SHOP__PASSWORD_HASH_BYTES];
  const shop_t *shop;
  struct shop__attempt attempt;
};
/** Reads the owner of the token and compares the password. A wrong one is
    SHOP_ERR_CREDENTIALS and counts as a failed login; SHOP_ERR_THROTTLED and
    SHOP_ERR_LOCKED as at the login (guess.h). */
int32_t shop__owner_prove(shop_t *shop, struct shop__owner *owner, const char *password,
                          int64_t until_us, shop_error_t *err) SHOP__MUST_USE;
/** Inside the write that follows: is the token still good, and the account what
    the password was compared with? If not, owner->changed and SHOP_OK. */
int32_t shop__owner_check(shop__tx_t *tx, struct shop__owner *owner) SHOP__MUST_USE;

/* ---- account_session.c: the sessions of a user ----------------------------------------- */

/** Notes that a token was used, where the last note is old. What fails here fails
    nothing. */
void shop__session_touch(shop_t *shop, const shop_token_t *token, int64_t last_used_at_ms,
                         int64_t now_ms);

#endif
