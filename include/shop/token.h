/*
 * Tokens: the proof that somebody is a user of this shop. A `shop_token_t` is
 * made only by registering, by logging in, and by verifying the text of a JWT
 * (RFC 7519). Every shopper call takes one and checks it again in its own
 * transaction: time, user, and whether it was revoked.
 */
#ifndef SHOP_TOKEN_H
#define SHOP_TOKEN_H

#include "shop/common.h"

#ifdef __cplusplus
extern "C" {
#endif

/**
 * Turns the text of a JWT into a token. Checked in this order: form and
 * length (at most 4,096 bytes), header (RFC 8725: the algorithm belongs to the
 * key), signature, claims and their types, issuer, audience, time, user and
 * revocation.
 *
 * @param jwt the text, as from `shop_token_jwt`
 * @param out receives the token; freed by `shop_token_free`
 * @return SHOP_OK;
 *   SHOP_ERR_ARGUMENT      shop, jwt or out NULL, or jwt empty;
 *   SHOP_ERR_TOKEN_INVALID not a token of this shop: malformed, tampered,
 *                          "alg": "none", signed by another key, wrong claims,
 *                          or its user is gone;
 *   SHOP_ERR_TOKEN_EXPIRED, SHOP_ERR_TOKEN_REVOKED;
 *   SHOP_ERR_USER_DISABLED by the merchant;
 *   SHOP_ERR_NO_MEMORY, SHOP_ERR_FORKED, SHOP_ERR_CLOSED, SHOP_ERR_IO,
 *   SHOP_ERR_CORRUPT, SHOP_ERR_TOO_NEW
 * @since 0.1.0
 */
SHOP_API int32_t shop_token_verify(shop_t *shop, const char *jwt, shop_token_t **out,
                                   shop_error_t *err);

/**
 * Gives a new token, and a new refresh token with it, for one that came with an
 * earlier token, where `shop_config_set_access_life_ms` asks for that. Each
 * refresh token is good once. One that was used before ends all that its login
 * began, tokens and refresh tokens, for one of the two who have used it is a
 * thief, and nobody can tell which (RFC 9700 4.14.2, RFC 6749 10.4); the event
 * log tells "token.reuse_detected".
 *
 * So a client must not use one twice, nor two threads of it the same at once:
 * the first gets the token, the second ends the session. A client that may lose
 * an answer gives an idempotency key of its own with each refresh and repeats
 * the call with the same key: until the new refresh token has been used, that
 * gives another one in its place and ends what was given before. The key is then
 * a secret like the token, so let it be random.
 *
 * A refresh token is 256 random bits, of which the store has the hash alone. It is
 * good for `shop_config_set_refresh_idle_ms`, and all of a login's for
 * `shop_config_set_refresh_life_ms`. Revoking a token ends them too, and so does
 * whatever ends all tokens of a user.
 *
 * @param refresh_text as from `shop_token_refresh_text`
 * @param options takes the deadline and the idempotency key
 * @param out     receives the token; freed by `shop_token_free`
 * @return SHOP_OK; SHOP_ERR_ARGUMENT; SHOP_ERR_STATE the shop is not set to give
 *   refresh tokens; SHOP_ERR_TOKEN_INVALID not one of this shop;
 *   SHOP_ERR_TOKEN_EXPIRED; SHOP_ERR_TOKEN_REVOKED; SHOP_ERR_USER_DISABLED;
 *   SHOP_ERR_TOKEN_REUSED it was
 *   used before, and all is ended (the one failure that changes something); or
 *   as any call that writes (-5xx, -6xx)
 * @since 0.1.0
 */
SHOP_API int32_t shop_token_refresh(shop_t *shop, const char *refresh_text,
                                    const shop_options_t *options, shop_token_t **out,
                                    shop_error_t *err);

/** The refresh token that came with a token; "" when none did, as with
    `shop_token_verify`, and for NULL. Borrowed. It is a secret.
    @since 0.1.0 */
SHOP_API const char *shop_token_refresh_text(const shop_token_t *token);
/** Until when the refresh token can be used, in ms since 1970; 0: there is none.
    @since 0.1.0 */
SHOP_API int64_t shop_token_refresh_expires_at_ms(const shop_token_t *token);

/**
 * Ends a token at once, in every process, and the refresh token and tokens that
 * the same login began. Repeating it is harmless, also with a token that has
 * expired. The event log tells "token.revoked" with the claim "jti".
 *
 * @param options takes the deadline
 * @return SHOP_OK; SHOP_ERR_ARGUMENT; SHOP_ERR_FOREIGN the token of another
 *   shop; SHOP_ERR_TOKEN_INVALID its user is gone; or as any call that writes
 *   (store.h: -5xx, -6xx)
 * @since 0.1.0
 */
SHOP_API int32_t shop_token_revoke(shop_t *shop, const shop_token_t *token,
                                   const shop_options_t *options, shop_error_t *err);

/**
 * Makes a token of a user without a password: the merchant's call. A token that
 * registering or logging in gives has no scope, and is good for every call of a
 * shopper; scopes add to that and never take away from it, so a token is to be
 * given to nobody who may not shop as that user. What a scope means is the
 * host's: one that offers merchant calls over a network asks each caller's
 * token for "merchant" (`shop_token_require_scope`) before it makes them.
 *
 * The event log tells "token.issued", with the scopes and the claim "jti".
 *
 * @param user_id whose token it is
 * @param scopes  names (RFC 6749 3.3) with one space between, each once, up to 255
 *                bytes in all; NULL or "": none
 * @param life_ms 1,000 to 315,360,000,000 (10 years), rounded down to seconds;
 *                0: as `shop_config_set_token_life_ms` says
 * @param options takes the deadline
 * @param out     receives the token; freed by `shop_token_free`
 * @return SHOP_OK; SHOP_ERR_ARGUMENT; SHOP_ERR_TOO_LONG, SHOP_ERR_TEXT the scopes;
 *   SHOP_ERR_NOT_FOUND no such user, or it was closed; SHOP_ERR_USER_DISABLED;
 *   SHOP_ERR_GUEST the scope "merchant" for a guest; or as any call that writes (-5xx, -6xx)
 * @since 0.1.0
 */
SHOP_API int32_t shop_token_issue(shop_t *shop, int64_t user_id, const char *scopes,
                                  int64_t life_ms, const shop_options_t *options,
                                  shop_token_t **out, shop_error_t *err);

/**
 * Checks a token again in the store, and that it has a scope: the one question to
 * ask before a call is made for somebody who is not the merchant.
 *
 * @param scope one name
 * @return SHOP_OK; SHOP_ERR_SCOPE the token is good and has not this scope;
 *   SHOP_ERR_ARGUMENT, SHOP_ERR_FOREIGN, SHOP_ERR_TOKEN_INVALID,
 *   SHOP_ERR_TOKEN_EXPIRED, SHOP_ERR_TOKEN_REVOKED; or as any call that reads
 * @since 0.1.0
 */
SHOP_API int32_t shop_token_require_scope(shop_t *shop, const shop_token_t *token,
                                          const char *scope, shop_error_t *err);

/** Has the token this scope? Of what it was made with: the store is not asked, so
    it is for display alone. False for NULL. @since 0.1.0 */
SHOP_API bool shop_token_has_scope(const shop_token_t *token, const char *scope);
/** The scopes of a token, one space between; "" for none and for NULL. Borrowed.
    @since 0.1.0 */
SHOP_API const char *shop_token_scopes(const shop_token_t *token);
/** The text to hand to the shopper, for `Authorization: Bearer`. Borrowed.
    NULL gives "". It is a secret. @since 0.1.0 */
SHOP_API const char *shop_token_jwt(const shop_token_t *token);
/** The id of the user it stands for; 0 for NULL. @since 0.1.0 */
SHOP_API int64_t shop_token_user_id(const shop_token_t *token);
/** When it was issued, in ms since 1970; 0 for NULL. @since 0.1.0 */
SHOP_API int64_t shop_token_issued_at_ms(const shop_token_t *token);
/** From when on it is refused (but for `shop_config_set_token_skew_ms`), in ms
    since 1970; 0 for NULL. @since 0.1.0 */
SHOP_API int64_t shop_token_expires_at_ms(const shop_token_t *token);
/** Frees a token and wipes its text. NULL is harmless. @since 0.1.0 */
SHOP_API void shop_token_free(shop_token_t *token);

#ifdef __cplusplus
}
#endif
#endif
