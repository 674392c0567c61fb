/*
 * Makes tokens for the tests without the library (see forge.h).
 */
#include "forge.h"

#include <assert.h>
#include <mbedtls/ecdsa.h>
#include <mbedtls/pk.h>
#include <mbedtls/sha256.h>
#include <sodium.h>
#include <string.h>

/* A P-256 key made for these tests; it opens nothing. */
static const char p256_pem[] =
    "-----BEGIN EC PRIVATE KEY-----\n"
    "MHcCAQEEIHZegDH6se1+vNega3JEEd60MNSmtIooG5xeS025B1f/oAoGCCqGSM49\n"
    "AwEHoUQDQgAEobyJoYq9Aot+TapS9Sqwuli6YHXI/LbC3lUM9uWQnzNkrc9Dt5pX\n"
    "oP9IHnkb0dcJB9wanl8xS2DVo5L64S8fdg==\n"
    "-----END EC PRIVATE KEY-----\n";
static const char hs256_key[] = "0123456789abcdefghijklmnopqrstuv";

void forge_key(int32_t alg, struct shop__key *out) {
  int32_t status = alg == SHOP__KEY_HS256
                       ? shop__key_load("k1", alg, hs256_key, 32, out, NULL)
                       : shop__key_load("k1", alg, p256_pem, sizeof p256_pem - 1, out, NULL);
  assert(status == SHOP_OK);
  (void)status;
}

size_t forge_base64url(const void *data, size_t size, char out[FORGE_BYTES]) {
  static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  const uint8_t *bytes = data;
  size_t used = 0;
  uint32_t bits = 0;
  int32_t count = 0;
  for (size_t i = 0; i < size; i++) {
    bits = bits << 8 | bytes[i];
    for (count += 8; count >= 6; count -= 6) {
      assert(used < FORGE_BYTES - 2);
      out[used++] = alphabet[bits >> (count - 6) & 63];
    }
  }
  if (count > 0) {
    out[used++] = alphabet[bits << (6 - count) & 63];
  }
  out[used] = '\0';
  return used;
}

static int random_bytes(void *user, unsigned char *out, size_t size) {
  (void)user;
  randombytes_buf(out, size);
  return 0;
}

static void sign_p256(const struct shop__key *key, const char *text, uint8_t out[64]) {
  uint8_t digest[32];
  mbedtls_pk_context pk;
  mbedtls_mpi r, s;
  mbedtls_pk_init(&pk);
  mbedtls_mpi_init(&r);
  mbedtls_mpi_init(&s);
  int failed = mbedtls_pk_parse_key(&pk, key->secret, key->secret_size + 1, NULL, 0);
  assert(failed == 0);
  mbedtls_ecp_keypair *pair = mbedtls_pk_ec(pk);
  failed = mbedtls_sha256_ret((const unsigned char *)text, strlen(text), digest, 0);
  assert(failed == 0);
  failed =
      mbedtls_ecdsa_sign(&pair->grp, &r, &s, &pair->d, digest, sizeof digest, random_bytes, NULL);
  assert(failed == 0);
  failed = mbedtls_mpi_write_binary(&r, out, 32) + mbedtls_mpi_write_binary(&s, out + 32, 32);
  assert(failed == 0);
  (void)failed;
  mbedtls_mpi_free(&r);
  mbedtls_mpi_free(&s);
  mbedtls_pk_free(&pk);
}

size_t forge_signature(const struct shop__key *key, const char *text, uint8_t out[64]) {
  if (key->alg == SHOP__KEY_ES256) {
    sign_p256(key, text, out);
    return 64;
  }
  crypto_auth_hmacsha256_state state;
  crypto_auth_hmacsha256_init(&state, key->secret, key->secret_size);
  crypto_auth_hmacsha256_update(&state, (const unsigned char *)text, strlen(text));
  crypto_auth_hmacsha256_final(&state, out);
  return 32;
}

void forge_open(const void *header, size_t header_size, const void *payload, size_t payload_size,
                char out[FORGE_BYTES]) {
  size_t used = forge_base64url(header, header_size, out);
  char encoded[FORGE_BYTES];
  size_t size = forge_base64url(payload, payload_size, encoded);
  assert(used + size + 2 < FORGE_BYTES);
  out[used] = '.';
  memcpy(out + used + 1, encoded, size + 1);
}

void forge_close(const struct shop__key *key, char token[FORGE_BYTES]) {
  uint8_t signature[64];
  char encoded[FORGE_BYTES];
  size_t size = forge_base64url(signature, forge_signature(key, token, signature), encoded);
  size_t used = strlen(token);
  assert(used + size + 2 < FORGE_BYTES);
  token[used] = '.';
  memcpy(token + used + 1, encoded, size + 1);
}

size_t forge_fill(const struct shop__key *key, const char *text, size_t size,
                  char out[FORGE_BYTES]) {
  const char *name = key->alg == SHOP__KEY_ES256 ? "ES256" : "HS256";
  size_t used = 0;
  for (size_t i = 0; i < size; i++) {
    assert(used < FORGE_BYTES - 8);
    if (text[i] == '@') {
      memcpy(out + used, name, 5);
      used += 5;
    } else {
      out[used++] = text[i];
    }
  }
  out[used] = '\0';
  return used;
}

void forge_token(const struct shop__key *key, const char *header, const char *payload,
                 char out[FORGE_BYTES]) {
  char filled[FORGE_BYTES];
  size_t size = forge_fill(key, header, strlen(header), filled);
  forge_open(filled, size, payload, strlen(payload), out);
  forge_close(key, out);
}
