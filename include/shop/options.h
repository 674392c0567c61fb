/*
 * Optional inputs of calls that change something, so that a call can learn
 * something new without a new symbol. NULL stands for "none of them". One
 * options object may serve many calls, one at a time.
 *
 * A call that cannot honour an option that is set refuses it with
 * SHOP_ERR_ARGUMENT instead of ignoring it: each says which it takes. Every
 * call takes the deadline.
 */
#ifndef SHOP_OPTIONS_H
#define SHOP_OPTIONS_H

#include "shop/common.h"

#ifdef __cplusplus
extern "C" {
#endif

/**
 * Makes an options object with nothing set.
 *
 * @param out receives it; freed by `shop_options_free`
 * @return SHOP_OK; SHOP_ERR_ARGUMENT when out is NULL; SHOP_ERR_NO_MEMORY
 * @since 0.1.0
 */
SHOP_API int32_t shop_options_new(shop_options_t **out);
/** Frees an options object. NULL is harmless. @since 0.1.0 */
SHOP_API void shop_options_free(shop_options_t *options);

/**
 * A key by which a repeated call is recognised, such as a UUID made once per
 * click. The key belongs to the user and the operation. The same key with the
 * same request gives the stored result and changes nothing; with another
 * request it is refused (SHOP_ERR_KEY_REUSED). A call that failed and changed
 * nothing has not used its key up.
 *
 * @param key 1 to 255 bytes, one line; copied; NULL unsets it
 * @return SHOP_OK; SHOP_ERR_ARGUMENT, SHOP_ERR_TEXT, SHOP_ERR_TOO_LONG
 * @since 0.1.0
 */
SHOP_API int32_t shop_options_set_idempotency_key(shop_options_t *options, const char *key);

/**
 * The version of the cart that the caller has seen; another present version
 * gives SHOP_ERR_VERSION, so that no change is made to what nobody has seen.
 *
 * @param version as from `shop_cart_version`, 1 or more; 0 unsets it
 * @return SHOP_OK; SHOP_ERR_ARGUMENT
 * @since 0.1.0
 */
SHOP_API int32_t shop_options_set_expected_version(shop_options_t *options, int64_t version);

/**
 * How long the call may wait before it begins its work in the store (and, for
 * a password, its hash), counted from the call. What has begun is finished.
 *
 * @param deadline_ms 1 to 86,400,000; 0 unsets it
 * @return SHOP_OK; SHOP_ERR_ARGUMENT
 * @since 0.1.0
 */
SHOP_API int32_t shop_options_set_deadline_ms(shop_options_t *options, int64_t deadline_ms);

/**
 * What the shopper will know a session by, such as the device ("Firefox on
 * Linux"): stored with the token that the call gives, shown by
 * `shop_account_session_list`.
 *
 * @param label 1 to 100 bytes, one line; copied; NULL unsets it
 * @return SHOP_OK; SHOP_ERR_ARGUMENT, SHOP_ERR_TEXT, SHOP_ERR_TOO_LONG
 * @since 0.1.0
 */
SHOP_API int32_t shop_options_set_label(shop_options_t *options, const char *label);

/**
 * The language of who registers, in which mails to them are written
 * (template.h).
 *
 * @param language a tag of BCP 47, such as "de" or "pt-BR"; copied; NULL unsets
 *                 it
 * @return SHOP_OK; SHOP_ERR_ARGUMENT
 * @since 0.1.0
 */
SHOP_API int32_t shop_options_set_language(shop_options_t *options, const char *language);

/**
 * Where the call comes from: a network address, or better a long-lived cookie
 * of the device. Wrong passwords are counted by it, see guess.h. It must come
 * from the host itself: one that the caller can choose counts nothing.
 *
 * @param source 1 to 255 bytes, one line; copied; NULL unsets it
 * @return SHOP_OK; SHOP_ERR_ARGUMENT, SHOP_ERR_TEXT, SHOP_ERR_TOO_LONG
 * @since 0.1.0
 */
SHOP_API int32_t shop_options_set_source(shop_options_t *options, const char *source);

#ifdef __cplusplus
}
#endif
#endif
