/*
 * Signing keys: made, loaded, checked, wiped. The algorithm belongs to the key
 * (RFC 8725 3.1), so whatever leaves this file can be used for one alone.
 */
#include "secret_key.h"
#include "secret_text.h"

#include <sodium.h>
#include <string.h>

bool shop__kid_valid(const char *kid, size_t size) {
  return size >= 1 && size < SHOP__KID_BYTES && shop__base64url_only(kid, size);
}

bool shop__key_usable(const struct shop__key *key) {
  if (key == NULL) {
    return false;
  }
  if (key->alg == SHOP__KEY_HS256) {
    return key->secret_size == SHOP__HS256_KEY_BYTES &&
           !sodium_is_zero(key->secret, SHOP__HS256_KEY_BYTES);
  }
  return key->alg == SHOP__KEY_ES256 && key->secret_size > 0 &&
         key->secret_size < SHOP__KEY_MAX_BYTES && key->public_pem[0] != '\0';
}

static int32_t load_hs256(const void *secret, size_t size, struct shop__key *out) {
  if (size != SHOP__HS256_KEY_BYTES || sodium_is_zero(secret, size)) {
    return SHOP_ERR_CORRUPT;
  }
  memcpy(out->secret, secret, size);
  out->secret_size = size;
  return SHOP_OK;
}

/* Wipes what a failure left behind, and says it. */
static int32_t finish(int32_t status, struct shop__key *key, shop_error_t *err) {
  if (status == SHOP_OK) {
    return SHOP_OK;
  }
  shop__key_wipe(key);
  return shop__error_set(err, status, "%s",
                         status == SHOP_ERR_NO_MEMORY  ? "Out of memory for a signing key."
                         : status == SHOP_ERR_ARGUMENT ? "No such signing algorithm."
                                                       : "A stored signing key is damaged.");
}

int32_t shop__key_generate(int32_t alg, struct shop__key *out, shop_error_t *err) {
  int32_t status = SHOP_OK;
  memset(out, 0, sizeof *out);
  out->alg = alg;
  shop__random_id(out->kid);
  if (alg == SHOP__KEY_HS256) {
    shop__random_bytes(out->secret, SHOP__HS256_KEY_BYTES);
    out->secret_size = SHOP__HS256_KEY_BYTES;
  } else if (alg == SHOP__KEY_ES256) {
    status = shop__p256_generate(out);
  } else {
    status = SHOP_ERR_ARGUMENT;
  }
  return finish(status, out, err);
}

int32_t shop__key_load(const char *kid, int32_t alg, const void *secret, size_t secret_size,
                       struct shop__key *out, shop_error_t *err) {
  int32_t status = SHOP_ERR_CORRUPT;
  memset(out, 0, sizeof *out);
  size_t kid_size = kid == NULL ? 0 : strnlen(kid, SHOP__KID_BYTES);
  if (!shop__kid_valid(kid, kid_size) || secret == NULL) {
    goto out;
  }
  memcpy(out->kid, kid, kid_size);
  out->alg = alg;
  if (alg == SHOP__KEY_HS256) {
    status = load_hs256(secret, secret_size, out);
  } else if (alg == SHOP__KEY_ES256) {
    status = shop__p256_load(secret, secret_size, out);
  }
out:
  return finish(status, out, err);
}

void shop__key_wipe(struct shop__key *key) {
  if (key != NULL) {
    shop__memory_wipe(key, sizeof *key);
  }
}
