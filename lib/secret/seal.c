/*
 * Seals: signing keys as they stand in a store whose host has given a secret for
 * them. XChaCha20-Poly1305 (libsodium), with a random nonce, and the name and
 * algorithm of the key as what is authenticated beside it, so that one key cannot
 * be put in another's place.
 */
#include "secret_key.h"

#include <sodium.h>
#include <string.h>

/* version, nonce, and what the cipher adds */
#define VERSION 1
#define NONCE_BYTES crypto_aead_xchacha20poly1305_ietf_NPUBBYTES

_Static_assert(sizeof((struct shop__seal *)0)->key == crypto_aead_xchacha20poly1305_ietf_KEYBYTES,
               "a seal has a key of the cipher");
_Static_assert(SHOP__SEAL_MORE_BYTES == 1 + NONCE_BYTES + crypto_aead_xchacha20poly1305_ietf_ABYTES,
               "what a seal adds");

void shop__seal_make(const void *secret, size_t size, struct shop__seal *out) {
  static const unsigned char purpose[] = "libshop: signing keys";
  crypto_generichash_state state;
  memset(out, 0, sizeof *out);
  crypto_generichash_init(&state, purpose, sizeof purpose - 1, sizeof out->key);
  crypto_generichash_update(&state, secret, size);
  crypto_generichash_final(&state, out->key, sizeof out->key);
  shop__memory_wipe(&state, sizeof state);
  shop__traces_wipe();
  out->on = true;
}

#define NAME_BYTES (SHOP__KID_BYTES + 1)

static void name_key(const char *kid, int32_t alg, unsigned char out[NAME_BYTES]) {
  memset(out, 0, NAME_BYTES);
  memcpy(out, kid, strnlen(kid, SHOP__KID_BYTES));
  out[SHOP__KID_BYTES] = (unsigned char)alg;
}

size_t shop__seal_close(const struct shop__seal *seal, const struct shop__key *key,
                        uint8_t out[SHOP__SEALED_MAX_BYTES]) {
  unsigned char name[NAME_BYTES];
  unsigned long long used = 0;
  out[0] = VERSION;
  shop__random_bytes(out + 1, NONCE_BYTES);
  name_key(key->kid, key->alg, name);
  crypto_aead_xchacha20poly1305_ietf_encrypt(out + 1 + NONCE_BYTES, &used, key->secret,
                                             key->secret_size, name, sizeof name, NULL, out + 1,
                                             seal->key);
  shop__traces_wipe();
  return 1 + NONCE_BYTES + (size_t)used;
}

int32_t shop__seal_open(const struct shop__seal *seal, const char *kid, int32_t alg,
                        const void *sealed, size_t size, struct shop__key *out, shop_error_t *err) {
  const unsigned char *bytes = sealed;
  uint8_t plain[SHOP__KEY_MAX_BYTES];
  unsigned char name[NAME_BYTES];
  unsigned long long used = 0;
  memset(out, 0, sizeof *out);
  if (!seal->on) {
    return shop__error_set(err, SHOP_ERR_KEY_SECRET,
                           "the store's signing keys are sealed: give the key secret");
  }
  if (bytes == NULL || kid == NULL || size <= SHOP__SEAL_MORE_BYTES ||
      size > SHOP__SEALED_MAX_BYTES || bytes[0] != VERSION) {
    return shop__error_set(err, SHOP_ERR_CORRUPT, "A stored signing key is damaged.");
  }
  name_key(kid, alg, name);
  int failed = crypto_aead_xchacha20poly1305_ietf_decrypt(
      plain, &used, NULL, bytes + 1 + NONCE_BYTES, size - 1 - NONCE_BYTES, name, sizeof name,
      bytes + 1, seal->key);
  int32_t status = failed != 0
                       ? shop__error_set(err, SHOP_ERR_KEY_SECRET,
                                         "the key secret is another one than the store's signing "
                                         "keys are sealed with, or a key is damaged")
                       : shop__key_load(kid, alg, plain, (size_t)used, out, err);
  shop__memory_wipe(plain, sizeof plain);
  shop__traces_wipe();
  return status;
}
