/*
 * Public keys as JSON Web Keys (RFC 7517, RFC 7518 6.2): what others need to
 * check a signature, and nothing else.
 */
#include "secret_key.h"

#include <sodium.h>
#include <string.h>

/* The point's x and y: the last 64 of the 91 bytes of every public key on P-256
   that key_p256.c has written. */
#define DER_BYTES 91
#define COORDINATE_BYTES 32

static bool read_point(const struct shop__key *key, uint8_t out[2 * COORDINATE_BYTES]) {
  static const char begin[] = "-----BEGIN PUBLIC KEY-----\n";
  uint8_t der[DER_BYTES];
  const char *text = key->public_pem;
  size_t size = 0;
  if (strncmp(text, begin, sizeof begin - 1) != 0) {
    return false;
  }
  text += sizeof begin - 1;
  const char *end = strstr(text, "-----END");
  if (end == NULL ||
      sodium_base642bin(der, sizeof der, text, (size_t)(end - text), "\n", &size, NULL,
                        sodium_base64_VARIANT_ORIGINAL) != 0 ||
      size != sizeof der) {
    return false;
  }
  memcpy(out, der + sizeof der - 2 * COORDINATE_BYTES, 2 * COORDINATE_BYTES);
  return true;
}

bool shop__key_jwk(const struct shop__key *key, struct shop__bytes *out) {
  uint8_t point[2 * COORDINATE_BYTES];
  char x[44], y[44]; /* 43 characters each */
  if (!shop__key_usable(key) || key->alg != SHOP__KEY_ES256 || !read_point(key, point)) {
    return false;
  }
  sodium_bin2base64(x, sizeof x, point, COORDINATE_BYTES, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
  sodium_bin2base64(y, sizeof y, point + COORDINATE_BYTES, COORDINATE_BYTES,
                    sodium_base64_VARIANT_URLSAFE_NO_PADDING);
  /* a kid is of A-Za-z0-9_- : nothing here can need an escape */
  shop__bytes_format(out,
                     "{\"kty\":\"EC\",\"use\":\"sig\",\"alg\":\"ES256\",\"kid\":\"%s\","
                     "\"crv\":\"P-256\",\"x\":\"%s\",\"y\":\"%s\"}",
                     key->kid, x, y);
  return true;
}
