/*
 * Makes tokens for the tests without the library: base64url of its own, HS256
 * by libsodium, ES256 by mbedTLS (the library checks with libjwt's OpenSSL).
 * What stands in header and payload is up to the caller, so is the key.
 */
#ifndef SHOP_TEST_FORGE_H
#define SHOP_TEST_FORGE_H

#include "secret.h"

/** Enough for the largest text that a test builds by these functions. */
#define FORGE_BYTES 16384

/** Base64url without padding, NUL-terminated. Returns its length. */
size_t forge_base64url(const void *data, size_t size, char out[FORGE_BYTES]);

/** Signs `text` as it is, by the key's own algorithm. Returns the number of raw
    bytes in out: 32 or 64. */
size_t forge_signature(const struct shop__key *key, const char *text, uint8_t out[64]);

/** header "." payload, both encoded; the caller may damage it and then close
    it. */
void forge_open(const void *header, size_t header_size, const void *payload, size_t payload_size,
                char out[FORGE_BYTES]);
/** Appends "." and the signature of what is there. */
void forge_close(const struct shop__key *key, char token[FORGE_BYTES]);

/** A whole token, rightly signed, whatever its parts say. */
void forge_token(const struct shop__key *key, const char *header, const char *payload,
                 char out[FORGE_BYTES]);

/** Copies text with every '@' replaced by the name of the key's algorithm.
    Returns the size; the text may hold NUL bytes. */
size_t forge_fill(const struct shop__key *key, const char *text, size_t size,
                  char out[FORGE_BYTES]);

/** The keys of the tests: fixed, kid "k1". */
void forge_key(int32_t alg, struct shop__key *out);

#endif
