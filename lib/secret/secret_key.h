/*
 * Inside lib/secret: what the files of the signing keys share.
 */
#ifndef SHOP_LIB_SECRET_KEY_H
#define SHOP_LIB_SECRET_KEY_H

#include "secret.h"

#define SHOP__HS256_KEY_BYTES 32

/* ---- key.c --------------------------------------------------------------- */

/** 1..23 characters A-Za-z0-9_-. */
bool shop__kid_valid(const char *kid, size_t size) SHOP__MUST_USE;
/** A known algorithm and, for it, key material that is there. NULL gives
    false. What came from shop__key_generate or shop__key_load always passes. */
bool shop__key_usable(const struct shop__key *key) SHOP__MUST_USE;

/* ---- key_p256.c ---------------------------------------------------------- */

/** Fills secret, secret_size and public_pem. SHOP_ERR_NO_MEMORY. */
int32_t shop__p256_generate(struct shop__key *out) SHOP__MUST_USE;
/** Reads a private PEM and fills the same members; the PEM is written anew, so
    that only one reading of it is possible. SHOP_ERR_CORRUPT for anything but
    an unencrypted P-256 key, SHOP_ERR_NO_MEMORY. */
int32_t shop__p256_load(const void *pem, size_t size, struct shop__key *out) SHOP__MUST_USE;

#endif
