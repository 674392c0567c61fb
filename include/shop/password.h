/*
 * Passwords: what is accepted, and what goes into their hashes beside them.
 *
 * A new password has at least 8 characters and at most 1,024 bytes, is none of the 10,000 commonest
 * (compiled in, see NOTICE), is neither the user's address nor its local part
 * (the case of ASCII letters does not count in either), and passes the host's
 * own check where one is set. That is NIST SP 800-63B 5.1.1.2 and OWASP ASVS
 * 4.0.3 V2.1; there is no rule about kinds of characters, on purpose.
 */
#ifndef SHOP_PASSWORD_H
#define SHOP_PASSWORD_H

#include "shop/common.h"

#ifdef __cplusplus
extern "C" {
#endif

/**
 * Sets the pepper: a secret of the host's own, kept outside of the store, that
 * goes into every password's hash (HMAC-SHA-512 of the password under it is
 * what Argon2id gets). Who steals the store alone can then try no password.
 *
 * A stored hash names its pepper by an id that is made of it. A hash without a
 * pepper, or with an old one, is replaced at the user's next login. To change
 * the pepper, set the new one and add the old one by
 * `shop_config_add_password_pepper_old`. A store in which a user still has a
 * pepper that is given in neither way is not opened: SHOP_ERR_PEPPER. A lost
 * pepper cannot be replaced; the passwords are lost with it.
 *
 * The bytes are not kept, only a begun HMAC; it is wiped by `shop_config_free`
 * and `shop_close`.
 *
 * @param pepper       random bytes; copied; NULL with pepper_bytes 0: none,
 *                     the default
 * @param pepper_bytes 16 to 128
 * @return SHOP_OK; SHOP_ERR_ARGUMENT
 * @since 0.1.0
 */
SHOP_API int32_t shop_config_set_password_pepper(shop_config_t *config, const void *pepper,
                                                 size_t pepper_bytes);

/**
 * Adds a pepper that old hashes were made with. They are checked with it, no
 * new one is made.
 *
 * @param pepper       as for `shop_config_set_password_pepper`
 * @param pepper_bytes 16 to 128
 * @return SHOP_OK; SHOP_ERR_ARGUMENT, also for an eighth one
 * @since 0.1.0
 */
SHOP_API int32_t shop_config_add_password_pepper_old(shop_config_t *config, const void *pepper,
                                                     size_t pepper_bytes);

/** One call of the host's password check; dies when the callback returns. */
typedef struct shop_password_call shop_password_call_t;
/** Decides about a new password. */
typedef void (*shop_password_fn)(shop_password_call_t *call, void *user);

/**
 * Sets how many characters a new password must have; the passwords that users have
 * stay good. A code point of UTF-8 is a character, and so is a byte that is none;
 * spaces in a row are one.
 *
 * @param characters 8 to 64; default 8 (NIST SP 800-63B 5.1.1.2); OWASP ASVS 4.0.3
 *                   2.1.1 asks for 12
 * @return SHOP_OK; SHOP_ERR_ARGUMENT
 * @since 0.1.0
 */
SHOP_API int32_t shop_config_set_password_length_min(shop_config_t *config, int32_t characters);

/**
 * Sets a check of the host's own, such as a look at a list of passwords that
 * have leaked. It is asked whenever a user chooses a password that has passed
 * the other rules, on the caller's thread with no lock and no transaction; it
 * may call the library (not `shop_close`). It must not keep the password. A
 * check that cannot find out decides itself which way to fail; one that gives
 * no answer, or two that differ, has not accepted.
 *
 * @param check NULL: none, the default
 * @return SHOP_OK; SHOP_ERR_ARGUMENT
 * @since 0.1.0
 */
SHOP_API int32_t shop_config_set_password_check(shop_config_t *config, shop_password_fn check,
                                                void *user);

/** The password. Borrowed until the callback returns; "" for NULL.
    @since 0.1.0 */
SHOP_API const char *shop_password_call_password(const shop_password_call_t *call);
/** The user's address, as typed. Likewise. @since 0.1.0 */
SHOP_API const char *shop_password_call_email(const shop_password_call_t *call);
/** The password may be used. @return SHOP_OK; SHOP_ERR_ARGUMENT for NULL
    @since 0.1.0 */
SHOP_API int32_t shop_password_call_set_accepted(shop_password_call_t *call);
/** It may not: the call that asked answers SHOP_ERR_PASSWORD_REFUSED.
    @return SHOP_OK; SHOP_ERR_ARGUMENT for NULL @since 0.1.0 */
SHOP_API int32_t shop_password_call_set_refused(shop_password_call_t *call);

#ifdef __cplusplus
}
#endif
#endif
