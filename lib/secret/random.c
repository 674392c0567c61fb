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

void shop__digest_secret(const void *data, size_t size, uint8_t out[32]) {
  shop__digest(data, size, out);
  shop__traces_wipe();
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

/* ---- traces ------------------------------------------------------------------- */

/* No call of libsodium's goes deeper below the caller; seen are 3 KiB. */
#define STACK_BYTES 16384

/* What is left in a register is as good as on the stack: the next function that the
   dynamic linker has to look for has them all saved there. No C can name them, so
   zeros are sent the way that the secret went. */
static void flush_registers(void) {
  static const uint8_t zeros[256];
  uint8_t copy[sizeof zeros], hash[32];
  void *(*volatile carry)(void *, const void *, size_t) = memcpy;
  crypto_generichash(hash, sizeof hash, zeros, sizeof zeros, NULL, 0);
  carry(copy, zeros, sizeof zeros);
  carry(copy, zeros, 32);
}

void shop__traces_wipe(void) {
  flush_registers();
  sodium_stackzero(STACK_BYTES);
}
