/*
 * The keys that sign tokens, for the merchant. One key of each algorithm is
 * active: it signs. When it is followed by a new one it goes on verifying what
 * it has signed, until the last of that has expired. A retired key does neither.
 *
 * The event log tells "key.rotated" and "key.retired", with the kid before and
 * after.
 *
 * All processes with the same store see a change at their next call: a token is
 * stored in the transaction that finds its key active, and each check of a
 * token finds its key not retired.
 */
#ifndef SHOP_KEY_H
#define SHOP_KEY_H

#include "shop/common.h"

#ifdef __cplusplus
extern "C" {
#endif

/** What a key does. */
enum shop_key_state {
  /** Signs new tokens, and verifies. */
  SHOP_KEY_ACTIVE = 1,
  /** Verifies what it has signed. */
  SHOP_KEY_VERIFYING = 2,
  /** Nothing any more: what it has signed is refused. */
  SHOP_KEY_RETIRED = 3
};

/**
 * Makes a new key, which signs all new tokens of this algorithm from now on. The
 * one before it verifies until the last token of today has expired; later
 * `shop_maintain` throws it away. Nobody is logged out.
 *
 * @param algorithm one of enum shop_token_algorithm (config.h); 0: the one that
 *                  this shop signs with
 * @param options   takes the deadline
 * @return SHOP_OK; SHOP_ERR_ARGUMENT; SHOP_ERR_KEY_SECRET another process has sealed
 *   the keys with another secret meanwhile; or as any call that writes (-5xx, -6xx)
 * @since 0.1.0
 */
SHOP_API int32_t shop_key_rotate(shop_t *shop, int32_t algorithm, const shop_options_t *options,
                                 shop_error_t *err);

/**
 * Ends a key now, such as one that was stolen: every token it has signed is
 * refused at the next call, in every process, and its secret is thrown away. If
 * it was active, a new key follows it in the same transaction. Repeating it is
 * harmless.
 *
 * @param kid     as from `shop_key_ring_kid`
 * @param options takes the deadline
 * @return SHOP_OK; SHOP_ERR_ARGUMENT; SHOP_ERR_NOT_FOUND no such key;
 *   SHOP_ERR_KEY_SECRET as above; or as any call that writes (-5xx, -6xx)
 * @since 0.1.0
 */
SHOP_API int32_t shop_key_retire(shop_t *shop, const char *kid, const shop_options_t *options,
                                 shop_error_t *err);

/**
 * Seals the signing keys in the store with a secret of the host, such as one that
 * its key management hands out, so that who steals the file cannot sign tokens
 * (XChaCha20-Poly1305, by libsodium). Keys of a store that had no secret are
 * sealed when it is next opened with one; since they stood open until then, and
 * in copies of the file still do, rotate and retire them too. A store with
 * sealed keys is not opened without their secret: SHOP_ERR_KEY_SECRET. A lost
 * secret cannot be had back; what is lost with it is that all have to log in
 * again, once the rows of signing_keys were deleted by hand.
 *
 * @param secret       random bytes, not a password; not kept; NULL: none
 * @param secret_bytes 16 to 1,024; 0 with NULL
 * @return SHOP_OK; SHOP_ERR_ARGUMENT
 * @since 0.1.0
 */
SHOP_API int32_t shop_config_set_key_secret(shop_config_t *config, const void *secret,
                                            size_t secret_bytes);

/**
 * Seals all keys with a new secret, in one transaction; also the first one. This
 * shop goes on with it. Give it to the configs of all processes from then on: one
 * that is open with the old secret goes on too, until it needs a key that was
 * made after this.
 *
 * @param secret       as for `shop_config_set_key_secret`
 * @param secret_bytes 16 to 1,024
 * @param options      takes the deadline
 * @return SHOP_OK; SHOP_ERR_ARGUMENT; SHOP_ERR_KEY_SECRET another process has sealed
 *   them with yet another secret; or as any call that writes (-5xx, -6xx)
 * @since 0.1.0
 */
SHOP_API int32_t shop_key_rewrap(shop_t *shop, const void *secret, size_t secret_bytes,
                                 const shop_options_t *options, shop_error_t *err);

/**
 * Lists the keys, oldest first.
 *
 * @param out receives the list; freed by `shop_key_ring_free`
 * @return SHOP_OK; SHOP_ERR_ARGUMENT; or as any call that reads
 * @since 0.1.0
 */
SHOP_API int32_t shop_key_list(shop_t *shop, shop_key_ring_t **out, shop_error_t *err);

/** How many keys the list holds. The getters below give 0 or "" outside;
    strings are borrowed. @since 0.1.0 */
SHOP_API int32_t shop_key_ring_count(const shop_key_ring_t *ring);
/** The key's name, "kid" in the header of its tokens (RFC 7515 4.1.4).
    @since 0.1.0 */
SHOP_API const char *shop_key_ring_kid(const shop_key_ring_t *ring, int32_t index);
/** One of enum shop_token_algorithm. @since 0.1.0 */
SHOP_API int32_t shop_key_ring_algorithm(const shop_key_ring_t *ring, int32_t index);
/** One of enum shop_key_state. @since 0.1.0 */
SHOP_API int32_t shop_key_ring_state(const shop_key_ring_t *ring, int32_t index);
/** In ms since 1970. @since 0.1.0 */
SHOP_API int64_t shop_key_ring_created_at_ms(const shop_key_ring_t *ring, int32_t index);
/** When the last token it has signed has expired, in ms since 1970; 0 for an
    active one. @since 0.1.0 */
SHOP_API int64_t shop_key_ring_until_ms(const shop_key_ring_t *ring, int32_t index);
/** Frees a list. NULL is harmless. @since 0.1.0 */
SHOP_API void shop_key_ring_free(shop_key_ring_t *ring);

/**
 * The public keys as a JSON Web Key Set (RFC 7517), so that other services can
 * check the signatures of tokens: every ES256 key that signs or verifies (RFC
 * 7518 6.2). A secret of HS256 is never in it, nor the private half of a key.
 * What a service cannot see is a revocation: let it check tokens of a short
 * life (`shop_config_set_token_life_ms`), and ask again for keys it misses.
 *
 * @param out receives the text, in ASCII; freed by `shop_text_free`
 * @return SHOP_OK; SHOP_ERR_ARGUMENT; or as any call that reads
 * @since 0.1.0
 */
SHOP_API int32_t shop_key_export_jwks(shop_t *shop, shop_text_t **out, shop_error_t *err);

#ifdef __cplusplus
}
#endif
#endif
