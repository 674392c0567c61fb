/*
 * Randomness and digests, by libsodium. Random bytes come from the kernel; when
 * it has none to give libsodium ends the process rather than go on without.
 */
#include "secret.h"

#include <sodium.h>
#include <string.h>

int32_t shop__secret_init(shop_error_t *err) {
  if (sodium_init() < 0) {
    return shop__error_set(err, SHOP_ERR_NO_MEMORY, "libsodium could not be made ready.");
  }
  return SHOP_OK;
}

void shop__random_bytes(void *out, size_t size) {
  randombytes_buf(out, size);
}

uint32_t shop__random_below(uint32_t limit) {
  return randombytes_uniform(limit);
}

void shop__random_id(char out[SHOP__RANDOM_ID_BYTES]) {
  uint8_t raw[16];
  randombytes_buf(raw, sizeof raw);
  sodium_bin2base64(out, SHOP__RANDOM_ID_BYTES, raw, sizeof raw,
                    sodium_base64_VARIANT_URLSAFE_NO_PADDING);
  shop__memory_wipe(raw, sizeof raw);
}

void shop__random_secret(char out[SHOP__RANDOM_SECRET_BYTES]) {
  uint8_t raw[32];
  randombytes_buf(raw, sizeof raw);
  sodium_bin2base64(out, SHOP__RANDOM_SECRET_BYTES, raw, sizeof raw,
                    sodium_base64_VARIANT_URLSAFE_NO_PADDING);
  shop__memory_wipe(raw, sizeof raw);
}

void shop__digest(const void *data, size_t size, uint8_t out[32]) {
  crypto_generichash(out, 32, data, size, NULL, 0);
}

static void digest_text(crypto_generichash_state *state, const char *text) {
  uint64_t size = strlen(text);
  crypto_generichash_update(state, (const uint8_t *)&size, sizeof size);
  crypto_generichash_update(state, (const uint8_t *)text, size);
}

void shop__keyed_digest(const uint8_t secret[32], char kind, const char *a, const char *b,
                        uint8_t *out, size_t size) {
  crypto_generichash_state state;
  crypto_generichash_init(&state, secret, 32, size);
  crypto_generichash_update(&state, (const uint8_t *)&kind, 1);
  digest_text(&state, a);
  digest_text(&state, b);
  crypto_generichash_final(&state, out, size);
  shop__memory_wipe(&state, sizeof state);
}
