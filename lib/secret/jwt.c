/*
 * The seam to libjwt, and the only file that sees it (1.10; later ones read
 * keys and give errors in another way, tokens stay the same). It signs a
 * payload and checks a signature; what the token says is token_text.c.
 *
 * libjwt 1.10 answers "valid" where an allocation of its own fails, takes the
 * algorithm from the token, and does not look whether HMAC() did its work. So
 * after its yes the algorithm is compared, and an HS256 tag is compared once
 * more in constant time.
 */
#include "secret_token.h"

#include <errno.h>
#include <jwt.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

static jwt_alg_t alg_of(const struct shop__key *key) {
  return key->alg == SHOP__KEY_ES256 ? JWT_ALG_ES256 : JWT_ALG_HS256;
}

static bool is_no_memory(int code) {
  return code == ENOMEM || errno == ENOMEM;
}

/* A token object ready to be encoded, or NULL. */
static jwt_t *prepare(const struct shop__key *key, const char *payload) {
  jwt_t *jwt = NULL;
  if (jwt_new(&jwt) != 0) {
    return NULL;
  }
  if (jwt_add_header(jwt, "kid", key->kid) != 0 || jwt_add_grants_json(jwt, payload) != 0 ||
      jwt_set_alg(jwt, alg_of(key), key->secret, (int)key->secret_size) != 0) {
    jwt_free(jwt);
    return NULL;
  }
  return jwt;
}

int32_t shop__jwt_seal(const struct shop__key *key, const char *payload, char **out) {
  *out = NULL;
  jwt_t *jwt = prepare(key, payload);
  if (jwt == NULL) {
    return SHOP_ERR_NO_MEMORY; /* the inputs are checked: nothing else can fail */
  }
  char *text = jwt_encode_str(jwt);
  int32_t status = SHOP_OK;
  if (text == NULL) {
    status = SHOP_ERR_CORRUPT; /* or no memory: errno does not tell */
  } else if ((*out = shop__memory_strdup(text)) == NULL) {
    status = SHOP_ERR_NO_MEMORY;
  }
  free(text); /* libjwt 1.10 takes it from malloc and has no function to give it back */
  jwt_free(jwt);
  return status;
}

/* The tag of HS256 (RFC 7518 3.2), by libsodium. */
static bool tag_is_right(const struct shop__key *key, const struct shop__token_form *form) {
  uint8_t given[crypto_auth_hmacsha256_BYTES];
  uint8_t tag[crypto_auth_hmacsha256_BYTES];
  size_t size = 0;
  if (sodium_base642bin(given, sizeof given, form->signature, form->signature_size, NULL, &size,
                        NULL, sodium_base64_VARIANT_URLSAFE_NO_PADDING) != 0 ||
      size != sizeof given) {
    return false;
  }
  const char *end = form->payload + form->payload_size;
  crypto_auth_hmacsha256_state state;
  crypto_auth_hmacsha256_init(&state, key->secret, key->secret_size);
  crypto_auth_hmacsha256_update(&state, (const unsigned char *)form->header,
                                (unsigned long long)(end - form->header));
  crypto_auth_hmacsha256_final(&state, tag);
  shop__memory_wipe(&state, sizeof state);
  bool right = sodium_memcmp(given, tag, sizeof tag) == 0;
  shop__memory_wipe(tag, sizeof tag); /* it would make a valid token of a forged one */
  return right;
}

int32_t shop__jwt_check(const struct shop__key *key, const char *jwt,
                        const struct shop__token_form *form) {
  jwt_t *decoded = NULL;
  bool symmetric = key->alg == SHOP__KEY_HS256;
  const void *bytes = symmetric ? (const void *)key->secret : (const void *)key->public_pem;
  size_t size = symmetric ? key->secret_size : strlen(key->public_pem);
  errno = 0;
  int failed = jwt_decode(&decoded, jwt, bytes, (int)size);
  if (failed != 0 || decoded == NULL) {
    return is_no_memory(failed) ? SHOP_ERR_NO_MEMORY : SHOP_ERR_TOKEN_INVALID;
  }
  /* "none" here is what a failed allocation leaves. */
  bool same_alg = jwt_get_alg(decoded) == alg_of(key);
  jwt_free(decoded);
  if (!same_alg) {
    return is_no_memory(0) ? SHOP_ERR_NO_MEMORY : SHOP_ERR_TOKEN_INVALID;
  }
  return !symmetric || tag_is_right(key, form) ? SHOP_OK : SHOP_ERR_TOKEN_INVALID;
}
