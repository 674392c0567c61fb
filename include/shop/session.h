/*
 * The session check, step 4.1 of the timeline: is this token still good, whose
 * is it, and what is in the cart. One call, one snapshot of the store.
 */
#ifndef SHOP_SESSION_H
#define SHOP_SESSION_H

#include "shop/common.h"

#ifdef __cplusplus
extern "C" {
#endif

/**
 * Looks at a token. A token that is expired or revoked is an answer here, not
 * a failure: see `shop_session_status`.
 *
 * @param jwt the text of the token; anything that is not a token of this shop
 *            gives a session whose status is SHOP_ERR_TOKEN_INVALID
 * @param out receives the session; freed by `shop_session_free`
 * @return SHOP_OK; SHOP_ERR_ARGUMENT something is NULL or jwt is empty;
 *   SHOP_ERR_OVERFLOW the cart's total at today's prices does not fit; or as
 *   any call that reads (-5xx, -6xx)
 * @since 0.1.0
 */
SHOP_API int32_t shop_session_check_jwt(shop_t *shop, const char *jwt, shop_session_t **out,
                                        shop_error_t *err);

/** As `shop_session_check_jwt` for a token whose signature was checked when it
    was made. @return also SHOP_ERR_FOREIGN @since 0.1.0 */
SHOP_API int32_t shop_session_check(shop_t *shop, const shop_token_t *token, shop_session_t **out,
                                    shop_error_t *err);

/** SHOP_OK, SHOP_ERR_TOKEN_INVALID, SHOP_ERR_TOKEN_EXPIRED,
    SHOP_ERR_TOKEN_REVOKED or SHOP_ERR_USER_DISABLED. Where it is not SHOP_OK the session tells nothing
    else. @since 0.1.0 */
SHOP_API int32_t shop_session_status(const shop_session_t *session);
/** 0 unless the status is SHOP_OK. @since 0.1.0 */
SHOP_API int64_t shop_session_user_id(const shop_session_t *session);
/** The user's address as typed. Borrowed; "" unless the status is SHOP_OK, and
    of a guest. @since 0.1.0 */
SHOP_API const char *shop_session_email(const shop_session_t *session);
/** Whether it is a guest's (guest.h), who cannot buy yet. @since 0.1.0 */
SHOP_API bool shop_session_is_guest(const shop_session_t *session);
/** When the token ends, in ms since 1970. @since 0.1.0 */
SHOP_API int64_t shop_session_expires_at_ms(const shop_session_t *session);
/** The cart that is open or being bought, with its lines, total and warnings.
    Borrowed from the session, not to be freed; NULL when there is none.
    @since 0.1.0 */
SHOP_API const shop_cart_t *shop_session_cart(const shop_session_t *session);
/** Frees a session snapshot; the token stays good. NULL is harmless.
    @since 0.1.0 */
SHOP_API void shop_session_free(shop_session_t *session);

#ifdef __cplusplus
}
#endif
#endif
