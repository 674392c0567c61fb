/*
 * What users do with their own account, by their token: a new password, logout
 * everywhere, and the sessions that are open. Logout of one token is
 * `shop_token_revoke`.
 *
 * What ends a session takes effect at the next call, in every process.
 */
#ifndef SHOP_ACCOUNT_H
#define SHOP_ACCOUNT_H

#include "shop/common.h"

#ifdef __cplusplus
extern "C" {
#endif

/**
 * Sets a new password. Every token of the user ends, this one as well; a fresh
 * one goes on in its place. Who loses the answer logs in with the new password.
 *
 * @param old_password the present one; a wrong one counts as a failed login
 * @param new_password by the rules of password.h
 * @param options      take the deadline, the source, and the label of the fresh token,
 *                     which otherwise keeps the label of `token`
 * @param out          receives the fresh token; freed by `shop_token_free`
 * @return SHOP_OK; SHOP_ERR_ARGUMENT something is NULL or empty;
 *   SHOP_ERR_CREDENTIALS the old one is wrong; SHOP_ERR_THROTTLED and
 *   SHOP_ERR_LOCKED as at the login (guess.h); SHOP_ERR_PASSWORD,
 *   SHOP_ERR_PASSWORD_COMMON, SHOP_ERR_PASSWORD_REFUSED,
 *   SHOP_ERR_PASSWORD_UNCHECKED the new one;
 *   SHOP_ERR_FOREIGN, SHOP_ERR_TOKEN_INVALID, SHOP_ERR_TOKEN_EXPIRED,
 *   SHOP_ERR_TOKEN_REVOKED, SHOP_ERR_USER_DISABLED; SHOP_ERR_DEADLINE;
 *   SHOP_ERR_BUSY the account kept changing meanwhile; or as any call that
 *   writes (store.h: -5xx, -6xx)
 * @since 0.1.0
 */
SHOP_API int32_t shop_account_set_password(shop_t *shop, const shop_token_t *token,
                                           const char *old_password, const char *new_password,
                                           const shop_options_t *options, shop_token_t **out,
                                           shop_error_t *err);

/**
 * Ends every token of the user, this one as well.
 *
 * @param options takes the deadline
 * @return SHOP_OK; SHOP_ERR_ARGUMENT; SHOP_ERR_FOREIGN, SHOP_ERR_TOKEN_INVALID,
 *   SHOP_ERR_TOKEN_EXPIRED, SHOP_ERR_TOKEN_REVOKED (also when it is repeated),
 *   SHOP_ERR_USER_DISABLED; or as any call that writes
 * @since 0.1.0
 */
SHOP_API int32_t shop_account_logout_everywhere(shop_t *shop, const shop_token_t *token,
                                                const shop_options_t *options, shop_error_t *err);

/**
 * Lists the user's sessions: the tokens that are good now, newest first.
 *
 * @param before_id 0 for the first page, else the id of the last session seen
 * @param limit     1 to 1,000; a page with fewer sessions is the last
 * @param out       receives the page; freed by `shop_session_page_free`
 * @return SHOP_OK; SHOP_ERR_ARGUMENT; SHOP_ERR_FOREIGN, SHOP_ERR_TOKEN_INVALID,
 *   SHOP_ERR_TOKEN_EXPIRED, SHOP_ERR_TOKEN_REVOKED, SHOP_ERR_USER_DISABLED; or
 *   as any call that reads
 * @since 0.1.0
 */
SHOP_API int32_t shop_account_session_list(shop_t *shop, const shop_token_t *token,
                                           int64_t before_id, int32_t limit,
                                           shop_session_page_t **out, shop_error_t *err);

/**
 * Ends one session of the user, which may be this one.
 *
 * @param session_id as from `shop_session_page_id`
 * @param options    takes the deadline
 * @return SHOP_OK; SHOP_ERR_ARGUMENT; SHOP_ERR_NOT_FOUND the user has no such
 *   session, or it is over; SHOP_ERR_FOREIGN, SHOP_ERR_TOKEN_INVALID,
 *   SHOP_ERR_TOKEN_EXPIRED, SHOP_ERR_TOKEN_REVOKED, SHOP_ERR_USER_DISABLED; or
 *   as any call that writes
 * @since 0.1.0
 */
SHOP_API int32_t shop_account_session_revoke(shop_t *shop, const shop_token_t *token,
                                             int64_t session_id, const shop_options_t *options,
                                             shop_error_t *err);

/** How many sessions the page holds. The getters below give 0, "" or false
    outside; strings are borrowed. @since 0.1.0 */
SHOP_API int32_t shop_session_page_count(const shop_session_page_t *page);
/** What `shop_account_session_revoke` takes; no secret. @since 0.1.0 */
SHOP_API int64_t shop_session_page_id(const shop_session_page_t *page, int32_t index);
/** When it began, in ms since 1970. @since 0.1.0 */
SHOP_API int64_t shop_session_page_created_at_ms(const shop_session_page_t *page, int32_t index);
/** When it was last used, in ms since 1970, up to 15 minutes late: a use is
    noted by `shop_token_verify` and the session checks, where the last note is
    that old. Such a note may be missing when the store was busy or full.
    @since 0.1.0 */
SHOP_API int64_t shop_session_page_last_used_at_ms(const shop_session_page_t *page, int32_t index);
/** When it will end by itself, in ms since 1970. @since 0.1.0 */
SHOP_API int64_t shop_session_page_expires_at_ms(const shop_session_page_t *page, int32_t index);
/** The label of the call that began it (`shop_options_set_label`).
    @since 0.1.0 */
SHOP_API const char *shop_session_page_label(const shop_session_page_t *page, int32_t index);
/** Whether it is the token that the page was asked with. @since 0.1.0 */
SHOP_API bool shop_session_page_is_current(const shop_session_page_t *page, int32_t index);
/** Frees a page. NULL is harmless. @since 0.1.0 */
SHOP_API void shop_session_page_free(shop_session_page_t *page);

#ifdef __cplusplus
}
#endif
#endif
