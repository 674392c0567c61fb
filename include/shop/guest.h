/*
 * Guests: shoppers who have not said yet who they are. A guest has a token as
 * every user, and no address and no password; it can have a cart, change it and
 * hold it, check its session, choose a language and log out. What needs an
 * address is refused with SHOP_ERR_GUEST: the purchase, and the calls of
 * account.h that ask for the password or mail something.
 *
 * The token is all that a guest has: who loses it has lost the cart, and nobody
 * can be asked for another one. For the merchant a guest is a user like others,
 * who is found by id alone. Guests who do not come back are thrown away by
 * `shop_maintain` (`shop_config_set_guest_life_ms`).
 */
#ifndef SHOP_GUEST_H
#define SHOP_GUEST_H

#include "shop/common.h"

#ifdef __cplusplus
extern "C" {
#endif

/**
 * Makes a guest, and gives its token: one commit, and no password is hashed.
 * It is a token like those of a login, with a refresh token where
 * `shop_config_set_access_life_ms` asks for that.
 *
 * Guests cost room in the store, so those from one source are counted as
 * registrations are (guess.h). A host that offers this to everybody gives a
 * source.
 *
 * @param options take the language, the deadline, the label and the source
 * @param out     receives the token; freed by `shop_token_free`
 * @return SHOP_OK; SHOP_ERR_ARGUMENT; SHOP_ERR_THROTTLED too many guests from
 *   this source; SHOP_ERR_DEADLINE; or as any call that writes (-5xx, -6xx)
 * @since 0.1.0
 */
SHOP_API int32_t shop_guest_create(shop_t *shop, const shop_options_t *options, shop_token_t **out,
                                   shop_error_t *err);

/**
 * Makes an account of a guest: the same user gets an address and a password, so
 * that the cart, its hold and the prices it keeps stay as they are. Every token
 * of the guest ends in the same commit, this one as well, and the new one is
 * made afresh: whoever has had a guest's token has none of an account
 * (OWASP ASVS 4.0.3, 3.2.1). The event log tells "guest.registered".
 *
 * Where the shop registers by mail (`shop_config_set_register_by_mail`), it answers
 * SHOP_CONFIRM_MAIL and the guest stays one until `shop_user_register_confirm`, from
 * wherever that comes. Is it no guest any more by then, a new user is made.
 *
 * Everything else is as `shop_user_register`. With an idempotency key the call
 * can be repeated though the guest's token is over: it gives a fresh token to
 * who knows the password.
 *
 * @param token    the guest's
 * @param email    one mailbox, see user.h
 * @param password at least 8 characters, up to 1,024 bytes, see password.h
 * @param options  take the language (NULL: the guest's), the idempotency key,
 *                 the deadline, the label and the source
 * @param out      receives the token; freed by `shop_token_free`
 * @return as `shop_user_register`; of these SHOP_ERR_EMAIL_TAKEN leaves the
 *   guest as it was: `shop_user_login` may be meant; SHOP_ERR_STATE the token is
 *   of an account; SHOP_ERR_FOREIGN, SHOP_ERR_TOKEN_INVALID,
 *   SHOP_ERR_TOKEN_EXPIRED, SHOP_ERR_TOKEN_REVOKED; SHOP_ERR_USER_DISABLED
 * @since 0.1.0
 */
SHOP_API int32_t shop_guest_register(shop_t *shop, const shop_token_t *token, const char *email,
                                     const char *password, const shop_options_t *options,
                                     shop_token_t **out, shop_error_t *err);

/**
 * Logs in, and brings what the guest has in the cart: proof of the password,
 * fresh token, joined carts and the end of the guest's tokens are one commit.
 *
 * Where the account has no cart that is open or being bought, the guest's
 * becomes the account's as it is, hold and all. A guest's cart without lines brings
 * nothing, and the account's stays untouched. Otherwise its lines join the
 * account's, behind them in their order. Of a SKU that is in both the higher
 * quantity stays, not the sum: who put it in again because nobody knew him
 * wants it once; and the price that the account's line keeps. The cart's version
 * rises, by one for every line that joins or grows and by one at least, so that
 * an expected version of before is refused.
 *
 * Where one of the carts was held, the whole joined cart is held if it can be,
 * until the earlier of both ends and no longer than the limit in a row
 * (`shop_config_set_cart_hold_max_ms`); nobody can take a piece in between. If it
 * cannot, since too few pieces are left or a line is not sold any more, it is not
 * held, which `shop_cart_held_until_ms` of the session's cart says.
 *
 * Idempotency keys of the guest are not the account's: a call that was made with one
 * before is not repeated with it afterwards.
 *
 * If the carts cannot be joined nothing has changed: the guest's token is good,
 * nothing counts as a wrong password, and `shop_user_login` logs in without the
 * guest's cart. A call that is repeated after its answer was lost finds the
 * token revoked: `shop_user_login` then, for the cart is there already. The event
 * log tells "guest.joined", with the id that the guest had.
 * Labels, language and what `shop_user_set_metadata` has kept with the guest go.
 *
 * @param token   the guest's
 * @param options take the deadline, the label and the source
 * @param out     receives the token; freed by `shop_token_free`
 * @return as `shop_user_login`; SHOP_ERR_STATE the token is of an account;
 *   SHOP_ERR_FOREIGN, SHOP_ERR_TOKEN_INVALID, SHOP_ERR_TOKEN_EXPIRED,
 *   SHOP_ERR_TOKEN_REVOKED, of the guest's token, before the password is looked
 *   at; SHOP_ERR_USER_DISABLED the guest or the account;
 *   SHOP_ERR_CART_BUSY a purchase of the account's cart is under way;
 *   SHOP_ERR_CURRENCY_MIXED the carts are in two currencies;
 *   SHOP_ERR_CART_FULL, SHOP_ERR_QUANTITY, SHOP_ERR_OVERFLOW the joined cart
 *   would be more than a cart may be
 * @since 0.1.0
 */
SHOP_API int32_t shop_guest_login(shop_t *shop, const shop_token_t *token, const char *email,
                                  const char *password, const shop_options_t *options,
                                  shop_token_t **out, shop_error_t *err);

#ifdef __cplusplus
}
#endif
#endif
