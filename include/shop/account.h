/*
 * What users do with their own account: a new password, logout everywhere, the
 * sessions that are open; the address verified or changed, a forgotten password,
 * the end of the account. Logout of one token is `shop_token_revoke`.
 *
 * What ends a session takes effect at the next call, in every process.
 *
 * A code that is mailed has 256 random bits, 44 characters of base64url. It works
 * once and for a time (a clock that goes back makes none longer); the store holds its
 * hash alone, and the mail with it is emptied when it was sent. A new code of a kind ends the older ones; a new
 * password, another address, disabling and closing end all. Which of these is wrong
 * with a code is not told: SHOP_ERR_CODE. Of each kind a user is mailed up to
 * `shop_config_set_codes_hourly_max` in an hour.
 *
 * A guest (guest.h) has sessions like everybody; what needs the password or the
 * address is SHOP_ERR_GUEST.
 */
#ifndef SHOP_ACCOUNT_H
#define SHOP_ACCOUNT_H

#include "shop/common.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- settings ---------------------------------------------------------------- */

/** Where a mailed code leads. */
enum shop_link {
  /** To `shop_account_verify`. */
  SHOP_LINK_VERIFY = 1,
  /** To `shop_account_reset`. */
  SHOP_LINK_RESET = 2,
  /** To `shop_account_email_confirm`. */
  SHOP_LINK_EMAIL = 3,
  /** To `shop_user_register_confirm`, which asks for the password as well. */
  SHOP_LINK_REGISTRATION = 4,
  /** To `shop_account_unlock`. */
  SHOP_LINK_UNLOCK = 5
};

/**
 * Sets the link that stands in mails with a code: the code is put behind it, as in
 * "https://shop.example/verify?code=". The page should ask for a click before it
 * uses the code, for some mail readers open every link.
 *
 * @param link one of enum shop_link
 * @param base 1 to 500 characters that an URL may hold (RFC 3986); copied; NULL:
 *             the mail shows the code alone, the default
 * @return SHOP_OK; SHOP_ERR_ARGUMENT; SHOP_ERR_TEXT; SHOP_ERR_TOO_LONG
 * @since 0.1.0
 */
SHOP_API int32_t shop_config_set_link_base(shop_config_t *config, int32_t link, const char *base);
/** How long a code for an address is good. @param life_ms 1 minute to 30 days;
    default 24 hours @return SHOP_OK; SHOP_ERR_ARGUMENT @since 0.1.0 */
SHOP_API int32_t shop_config_set_verify_life_ms(shop_config_t *config, int64_t life_ms);
/** How long a code for a new password, or to unlock, is good. @param life_ms 1 minute to 24 hours;
    default 1 hour @return SHOP_OK; SHOP_ERR_ARGUMENT @since 0.1.0 */
SHOP_API int32_t shop_config_set_reset_life_ms(shop_config_t *config, int64_t life_ms);
/** How many codes of one kind a user is mailed in an hour. @param count 1 to 100;
    default 5 @return SHOP_OK; SHOP_ERR_ARGUMENT @since 0.1.0 */
SHOP_API int32_t shop_config_set_codes_hourly_max(shop_config_t *config, int32_t count);
/** Whether only who has verified the address may buy (SHOP_ERR_UNVERIFIED); default
    false. @return SHOP_OK; SHOP_ERR_ARGUMENT @since 0.1.0 */
SHOP_API int32_t shop_config_set_purchase_needs_verified(shop_config_t *config, bool needed);

/* ---- password and sessions ----------------------------------------------------- */

/**
 * Sets a new password. Every token of the user ends, this one as well; a fresh
 * one goes on in its place, with its scope and its life, and with a refresh token
 * where this one had one. Known sources are forgotten but the one that is given
 * (guess.h). A mail tells of it (SHOP_MAIL_PASSWORD_CHANGED). Who loses the answer
 * logs in with the new password.
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

/* ---- the address ----------------------------------------------------------------- */

/**
 * Mails a code to the user's address (SHOP_MAIL_VERIFY_ADDRESS).
 *
 * @param options take the deadline and the source
 * @return SHOP_OK; SHOP_ERR_ARGUMENT; SHOP_ERR_STATE the address is verified already,
 *   or the shop writes no such mail; SHOP_ERR_THROTTLED too many in an hour, or for this
 *   source (guess.h);
 *   SHOP_ERR_FOREIGN, SHOP_ERR_TOKEN_INVALID, SHOP_ERR_TOKEN_EXPIRED,
 *   SHOP_ERR_TOKEN_REVOKED, SHOP_ERR_USER_DISABLED; SHOP_ERR_BUSY the account kept
 *   changing meanwhile; or as any call that writes
 * @since 0.1.0
 */
SHOP_API int32_t shop_account_verify_request(shop_t *shop, const shop_token_t *token,
                                             const shop_options_t *options, shop_error_t *err);
/**
 * Takes the code back: the address is verified.
 *
 * @param code    as it was mailed
 * @param options takes the deadline
 * @return SHOP_OK; SHOP_ERR_ARGUMENT; SHOP_ERR_CODE; or as any call that writes
 * @since 0.1.0
 */
SHOP_API int32_t shop_account_verify(shop_t *shop, const char *code, const shop_options_t *options,
                                     shop_error_t *err);

/**
 * Asks for another address: a code goes to the new one. Where the new one has an
 * account already, its owner gets SHOP_MAIL_ACCOUNT_EXISTS instead, and the call
 * does not tell: status, statements and commits are the same, and neither mail is
 * handed over by this call itself.
 *
 * @param password  a wrong one counts as a failed login
 * @param new_email one mailbox
 * @param options   take the deadline and the source
 * @return SHOP_OK; SHOP_ERR_ARGUMENT; SHOP_ERR_TEXT, SHOP_ERR_TOO_LONG,
 *   SHOP_ERR_EMAIL; SHOP_ERR_CREDENTIALS; SHOP_ERR_LOCKED; SHOP_ERR_STATE the shop
 *   writes no such mail; SHOP_ERR_THROTTLED too many mails in an hour, or wrong
 *   passwords (guess.h); SHOP_ERR_FOREIGN, SHOP_ERR_TOKEN_INVALID,
 *   SHOP_ERR_TOKEN_EXPIRED, SHOP_ERR_TOKEN_REVOKED, SHOP_ERR_USER_DISABLED; SHOP_ERR_DEADLINE; SHOP_ERR_BUSY; or as any call that
 *   writes
 * @since 0.1.0
 */
SHOP_API int32_t shop_account_email_request(shop_t *shop, const shop_token_t *token,
                                            const char *password, const char *new_email,
                                            const shop_options_t *options, shop_error_t *err);
/**
 * Takes the code back: the new address, which is verified by it, takes the place of
 * the old one, and the old one is told (SHOP_MAIL_EMAIL_CHANGED). Tokens stay good.
 *
 * @param code    as it was mailed
 * @param options takes the deadline
 * @return SHOP_OK; SHOP_ERR_ARGUMENT; SHOP_ERR_CODE; SHOP_ERR_EMAIL_TAKEN somebody
 *   has registered with it meanwhile; or as any call that writes
 * @since 0.1.0
 */
SHOP_API int32_t shop_account_email_confirm(shop_t *shop, const char *code,
                                            const shop_options_t *options, shop_error_t *err);

/* ---- a forgotten password ---------------------------------------------------------- */

/**
 * Mails a code for a new password (SHOP_MAIL_PASSWORD_RESET), if the address has an
 * account that is not disabled and was not mailed too often. Which it is, nobody is
 * told: status, statements and commits are the same, and the mail is not handed over
 * by this call itself.
 *
 * @param email   as for a login
 * @param options take the deadline and the source
 * @return SHOP_OK; SHOP_ERR_ARGUMENT; SHOP_ERR_STATE the shop writes no such mail;
 *   SHOP_ERR_THROTTLED too many mails for this source, whoever they were for
 *   (guess.h); or as any call that writes
 * @since 0.1.0
 */
SHOP_API int32_t shop_account_reset_request(shop_t *shop, const char *email,
                                            const shop_options_t *options, shop_error_t *err);
/**
 * Takes the code back, and sets a new password. Every token of the user ends, the
 * address counts as verified, and a mail tells of it (SHOP_MAIL_PASSWORD_CHANGED). What
 * wrong passwords have put in the way of a login ends: the account's wait, and a lock of
 * the source that is given, which is known from now on, as the only one (guess.h).
 *
 * @param code         as it was mailed; one that is refused for another reason than
 *                     SHOP_ERR_CODE stays good
 * @param new_password by the rules of password.h
 * @param options      take the deadline and the source
 * @return SHOP_OK; SHOP_ERR_ARGUMENT; SHOP_ERR_CODE; SHOP_ERR_PASSWORD,
 *   SHOP_ERR_PASSWORD_COMMON, SHOP_ERR_PASSWORD_REFUSED,
 *   SHOP_ERR_PASSWORD_UNCHECKED; SHOP_ERR_DEADLINE; or as any call that writes
 * @since 0.1.0
 */
SHOP_API int32_t shop_account_reset(shop_t *shop, const char *code, const char *new_password,
                                    const shop_options_t *options, shop_error_t *err);

/* ---- what is held about the user ------------------------------------------------------ */

/**
 * As `shop_user_export`, for the user's own. A token is enough for it: where tokens live
 * long, ask for the password first (`shop_user_login`).
 *
 * @param out receives the text; freed by `shop_text_free`
 * @return SHOP_OK; SHOP_ERR_ARGUMENT; SHOP_ERR_FOREIGN, SHOP_ERR_TOKEN_INVALID,
 *   SHOP_ERR_TOKEN_EXPIRED, SHOP_ERR_TOKEN_REVOKED, SHOP_ERR_USER_DISABLED; or as any
 *   call that reads
 * @since 0.1.0
 */
SHOP_API int32_t shop_account_export(shop_t *shop, const shop_token_t *token, shop_text_t **out,
                                     shop_error_t *err);

/* ---- a login that is locked ----------------------------------------------------------- */

/**
 * Mails a code that opens a login which wrong passwords have closed (guess.h), if the
 * address has an account (SHOP_MAIL_UNLOCK); whether it has, and whether it is closed,
 * is not told: as `shop_account_reset_request`. No mail is written by the lock itself,
 * for then guessers would fill the mailbox.
 *
 * @param email   as for a login
 * @param options take the deadline and the source
 * @return as `shop_account_reset_request`
 * @since 0.1.0
 */
SHOP_API int32_t shop_account_unlock_request(shop_t *shop, const char *email,
                                             const shop_options_t *options, shop_error_t *err);
/**
 * Takes the code back: the login is open for the source that brings it. A lock and a
 * wait of the account there are over, and the source is known for the user (guess.h), so
 * that those who go on guessing elsewhere no longer make it wait. Nothing opens for any other
 * source, also not for the one that has asked for the code. Without a source the
 * account's wait is over.
 *
 * @param code    as it was mailed
 * @param options take the deadline, and the source: that from which the user will log in,
 *                such as the browser with which the link was opened
 * @return SHOP_OK; SHOP_ERR_ARGUMENT; SHOP_ERR_CODE; or as any call that writes
 * @since 0.1.0
 */
SHOP_API int32_t shop_account_unlock(shop_t *shop, const char *code, const shop_options_t *options,
                                     shop_error_t *err);

/* ---- the end ------------------------------------------------------------------------- */

/**
 * Closes the account: no login, no token and no code works any more, an open cart is
 * dropped, and the address is free to register anew, as somebody else. Orders, and a
 * purchase under way, go on. What is stored about the user stays until it is erased, by the merchant or
 * after a time (`shop_config_set_closed_life_ms`).
 *
 * @param password a wrong one counts as a failed login
 * @param options  take the deadline and the source
 * @return SHOP_OK; SHOP_ERR_ARGUMENT; SHOP_ERR_CREDENTIALS, SHOP_ERR_THROTTLED,
 *   SHOP_ERR_LOCKED as at the login; SHOP_ERR_FOREIGN,
 *   SHOP_ERR_TOKEN_INVALID, SHOP_ERR_TOKEN_EXPIRED, SHOP_ERR_TOKEN_REVOKED,
 *   SHOP_ERR_USER_DISABLED; SHOP_ERR_DEADLINE; SHOP_ERR_BUSY; or as any call that
 *   writes
 * @since 0.1.0
 */
SHOP_API int32_t shop_account_close(shop_t *shop, const shop_token_t *token, const char *password,
                                    const shop_options_t *options, shop_error_t *err);

#ifdef __cplusplus
}
#endif
#endif
