/*
 * P-256 keys, by mbedTLS: making one, and reading a private PEM so strictly
 * that nothing else can pass for it. No other file of this room sees mbedTLS.
 *
 * No member of its structs is read here: they move between its versions, the
 * DER of a public key does not.
 */
#include "secret_key.h"

#include <errno.h>
#include <mbedtls/ecp.h>
#include <mbedtls/pk.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#define DER_MAX 256

/* What stands before the 65 bytes of the point in every public key on P-256
   (RFC 5480: id-ecPublicKey, secp256r1, uncompressed). */
static const uint8_t public_prefix[] = {0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48,
                                        0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48,
                                        0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00, 0x04};
#define PUBLIC_DER_BYTES (sizeof public_prefix + 64)

static int random_for_mbedtls(void *user, unsigned char *out, size_t size) {
  (void)user;
  shop__random_bytes(out, size);
  return 0;
}

/* mbedTLS reports a failed allocation by half a dozen codes, or as a malformed
   key; malloc leaves its mark in any case. Callers set errno to 0 first. */
static int32_t why_failed(void) {
  return errno == ENOMEM ? SHOP_ERR_NO_MEMORY : SHOP_ERR_CORRUPT;
}

/* PEM (RFC 7468) of der: base64 in lines of 64. Not by mbedTLS, whose writer
   leaves a copy of the private key in freed memory. */
static bool write_pem(const char *label, const uint8_t *der, size_t der_size,
                      char out[SHOP__KEY_MAX_BYTES], size_t *out_size) {
  char base64[SHOP__KEY_MAX_BYTES];
  bool fits = sodium_base64_encoded_len(der_size, sodium_base64_VARIANT_ORIGINAL) <= sizeof base64;
  size_t used = 0;
  if (fits) {
    sodium_bin2base64(base64, sizeof base64, der, der_size, sodium_base64_VARIANT_ORIGINAL);
    used = (size_t)snprintf(out, SHOP__KEY_MAX_BYTES, "-----BEGIN %s-----\n", label);
  }
  for (size_t at = 0; fits && base64[at] != '\0'; at += strnlen(base64 + at, 64)) {
    used += (size_t)snprintf(out + used, SHOP__KEY_MAX_BYTES - used, "%.64s\n", base64 + at);
    fits = used < SHOP__KEY_MAX_BYTES;
  }
  if (fits) {
    used += (size_t)snprintf(out + used, SHOP__KEY_MAX_BYTES - used, "-----END %s-----\n", label);
    fits = used < SHOP__KEY_MAX_BYTES;
  }
  shop__memory_wipe(base64, sizeof base64);
  *out_size = fits ? used : 0;
  return fits;
}

/* Both PEM texts of a key that is known to be private; refuses any curve but
   P-256. mbedTLS writes DER to the end of the buffer. */
static int32_t fill(mbedtls_pk_context *pk, struct shop__key *out) {
  uint8_t der[DER_MAX];
  size_t size = 0;
  int32_t status = SHOP_ERR_CORRUPT;
  int written = mbedtls_pk_write_pubkey_der(pk, der, sizeof der);
  if (written < 0) {
    status = why_failed();
    goto out;
  }
  const uint8_t *start = der + sizeof der - written;
  if ((size_t)written != PUBLIC_DER_BYTES ||
      memcmp(start, public_prefix, sizeof public_prefix) != 0 ||
      !write_pem("PUBLIC KEY", start, (size_t)written, out->public_pem, &size)) {
    goto out;
  }
  written = mbedtls_pk_write_key_der(pk, der, sizeof der);
  if (written < 0) {
    status = why_failed();
    goto out;
  }
  start = der + sizeof der - written;
  if (write_pem("EC PRIVATE KEY", start, (size_t)written, (char *)out->secret, &out->secret_size)) {
    status = SHOP_OK;
  }
out:
  shop__memory_wipe(der, sizeof der);
  return status;
}

int32_t shop__p256_generate(struct shop__key *out) {
  mbedtls_pk_context pk;
  mbedtls_pk_init(&pk);
  errno = 0;
  int failed = mbedtls_pk_setup(&pk, mbedtls_pk_info_from_type(MBEDTLS_PK_ECKEY));
  if (failed == 0) {
    failed =
        mbedtls_ecp_gen_key(MBEDTLS_ECP_DP_SECP256R1, mbedtls_pk_ec(pk), random_for_mbedtls, NULL);
  }
  int32_t status = failed != 0 ? SHOP_ERR_NO_MEMORY : fill(&pk, out);
  mbedtls_pk_free(&pk);
  /* A new key cannot be damaged: what is left is that memory ran out. */
  return status == SHOP_OK ? SHOP_OK : SHOP_ERR_NO_MEMORY;
}

/* A PEM text with its NUL, as mbedTLS wants it; false for what need not be
   looked at. An encrypted key is refused by its words already, since there is
   nobody to ask for a password. */
static bool copy_pem(const void *pem, size_t size, char out[SHOP__KEY_MAX_BYTES]) {
  if (size == 0 || size >= SHOP__KEY_MAX_BYTES || memchr(pem, '\0', size) != NULL) {
    return false;
  }
  memcpy(out, pem, size);
  out[size] = '\0';
  return strstr(out, "-----BEGIN ") != NULL && strstr(out, "ENCRYPTED") == NULL;
}

int32_t shop__p256_load(const void *pem, size_t size, struct shop__key *out) {
  char text[SHOP__KEY_MAX_BYTES];
  int32_t status = SHOP_ERR_CORRUPT;
  mbedtls_pk_context pk;
  mbedtls_pk_init(&pk);
  if (!copy_pem(pem, size, text)) {
    goto out;
  }
  errno = 0;
  if (mbedtls_pk_parse_key(&pk, (const unsigned char *)text, size + 1, NULL, 0) != 0) {
    status = why_failed();
  } else if (mbedtls_pk_get_type(&pk) == MBEDTLS_PK_ECKEY) {
    /* A PEM carries both halves, and they need not belong together. */
    status = mbedtls_pk_check_pair(&pk, &pk) != 0 ? why_failed() : fill(&pk, out);
  }
out:
  mbedtls_pk_free(&pk);
  shop__memory_wipe(text, sizeof text);
  return status;
}
