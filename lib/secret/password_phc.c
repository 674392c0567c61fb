/*
 * The PHC string of an Argon2id hash, read strictly: what is not exactly such a
 * string, or asks for an absurd cost, must be refused before it is computed.
 */
#include "secret_password.h"

#include <sodium.h>
#include <string.h>

/* The least that Argon2 as libsodium has it computes. */
#define SALT_MIN 8
#define HASH_MIN 16

static bool take_text(const char **at, const char *expected) {
  size_t size = strlen(expected);
  if (strncmp(*at, expected, size) != 0) {
    return false;
  }
  *at += size;
  return true;
}

/* A decimal without sign or leading zero, within bounds. */
static bool take_number(const char **at, uint32_t min, uint32_t max, uint32_t *out) {
  const char *digit = *at;
  uint64_t value = 0;
  if (*digit == '0') {
    return false;
  }
  while (*digit >= '0' && *digit <= '9' && value <= max) {
    value = value * 10 + (uint64_t)(*digit - '0');
    digit++;
  }
  if (digit == *at || value < min || value > max) {
    return false;
  }
  *at = digit;
  *out = (uint32_t)value;
  return true;
}

/* Base64 without padding, up to `end`. libsodium 1.0.18 reads every byte from
   0x80 on as the digit 63, so those are looked for here. */
static bool take_bytes(const char *at, const char *end, uint8_t *out, size_t out_max, size_t min,
                       size_t *out_size) {
  const char *stopped = NULL;
  for (const char *c = at; c < end; c++) {
    if ((unsigned char)*c >= 0x80) {
      return false;
    }
  }
  return sodium_base642bin(out, out_max, at, (size_t)(end - at), NULL, out_size, &stopped,
                           sodium_base64_VARIANT_ORIGINAL_NO_PADDING) == 0 &&
         stopped == end && *out_size >= min;
}

/* The pepper's id, when there is one: true as well where there is none. */
static bool take_pepper(const char **at, char out[SHOP__PEPPER_ID_BYTES]) {
  if (!take_text(at, SHOP__PHC_PEPPER)) {
    return true;
  }
  const char *end = strchr(*at, '$');
  if (end == NULL || end - *at != SHOP__PEPPER_ID_BYTES - 1) {
    return false;
  }
  memcpy(out, *at, SHOP__PEPPER_ID_BYTES - 1);
  *at = end;
  return true;
}

bool shop__phc_parse(const char *text, struct shop__phc *out) {
  memset(out, 0, sizeof *out);
  /* Whole in what libsodium reads of it, which is less than a peppered one has. */
  if (!take_pepper(&text, out->pepper) ||
      strnlen(text, crypto_pwhash_STRBYTES) == crypto_pwhash_STRBYTES) {
    return false;
  }
  const char *end = text + strlen(text);
  if (!take_text(&text, "$argon2id$v=19$m=") ||
      !take_number(&text, SHOP__HASH_MEMORY_KIB_MIN, SHOP__HASH_MEMORY_KIB_MAX, &out->memory_kib) ||
      !take_text(&text, ",t=") ||
      !take_number(&text, SHOP__HASH_PASSES_MIN, SHOP__HASH_PASSES_MAX, &out->passes) ||
      !take_text(&text, ",p=1$")) {
    return false;
  }
  const char *dollar = memchr(text, '$', (size_t)(end - text));
  return dollar != NULL &&
         take_bytes(text, dollar, out->salt, sizeof out->salt, SALT_MIN, &out->salt_size) &&
         take_bytes(dollar + 1, end, out->hash, sizeof out->hash, HASH_MIN, &out->hash_size);
}
