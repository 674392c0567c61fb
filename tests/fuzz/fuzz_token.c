/*
 * What somebody may send as a token. The first byte says how the rest is taken:
 * as the text itself, or as a header and a payload with a NUL between, which are
 * signed with the shop's own key, so that what reads them is reached.
 */
#include "secret.h"
#include "secret_token.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define PART_MAX 1400

static const struct shop__token_names names = {"https://shop.example", "till"};

static void check(bool holds) {
  if (!holds)
    abort();
}

static const struct shop__key *the_key(void) {
  static struct shop__key key;

  if (key.alg == 0) {
    check(shop__secret_init(NULL) == SHOP_OK);
    check(shop__key_load("k1", SHOP__KEY_HS256, "0123456789abcdefghijklmnopqrstuv", 32, &key,
                         NULL) == SHOP_OK);
  }
  return &key;
}

static void append(char *token, const void *data, size_t size) {
  sodium_bin2base64(token + strlen(token), 2 * PART_MAX, data, size,
                    sodium_base64_VARIANT_URLSAFE_NO_PADDING);
}

static void sign(const uint8_t *header, size_t header_size, const uint8_t *payload,
                 size_t payload_size, char token[6 * PART_MAX]) {
  uint8_t tag[crypto_auth_hmacsha256_BYTES];

  token[0] = '\0';
  append(token, header, header_size);
  strcat(token, ".");
  append(token, payload, payload_size);
  crypto_auth_hmacsha256(tag, (const unsigned char *)token, strlen(token), the_key()->secret);
  strcat(token, ".");
  append(token, tag, sizeof tag);
}

/* What is refused leaves nothing; what is accepted is what can be signed again. */
static void verify(const char *token) {
  static const struct shop__claims none;
  struct shop__claims claims, again;
  char kid[SHOP__KID_BYTES], *text = NULL;
  int32_t status = shop__jwt_verify(the_key(), token, names.issuer, names.audience, &claims, NULL);

  if (status != SHOP_OK) {
    check(status == SHOP_ERR_TOKEN_INVALID && memcmp(&claims, &none, sizeof none) == 0);
    return;
  }
  check(shop__jwt_kid(token, kid, NULL) == SHOP_OK && strcmp(kid, "k1") == 0);
  check(shop__jwt_sign(the_key(), &claims, &text, NULL) == SHOP_OK);
  check(shop__jwt_verify(the_key(), text, names.issuer, names.audience, &again, NULL) == SHOP_OK);
  check(memcmp(&claims, &again, sizeof claims) == 0);
  shop__memory_free(text);
}

/* A payload means the same to our own reader and, with a space before it that only
   jansson takes, to jansson. */
static void read_twice(const uint8_t *payload, size_t size) {
  static struct shop__token_text plain, spaced;
  struct shop__claims one, other;

  memcpy(plain.bytes, payload, size);
  plain.bytes[size] = '\0';
  plain.size = size;
  spaced.bytes[0] = ' ';
  memcpy(spaced.bytes + 1, plain.bytes, size + 1);
  spaced.size = size + 1;
  check(shop__token_claims(&plain, &names, &one) == shop__token_claims(&spaced, &names, &other));
  check(memcmp(&one, &other, sizeof one) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static char token[6 * PART_MAX];
  const uint8_t *nul;

  if (size == 0 || size > PART_MAX)
    return 0;
  if (data[0] == 't') {
    memcpy(token, data + 1, size - 1);
    token[size - 1] = '\0';
    verify(token);
    return 0;
  }
  nul = memchr(data + 1, '\0', size - 1);
  if (nul != NULL) {
    size_t header_size = (size_t)(nul - data - 1), payload_size = size - header_size - 2;

    sign(data + 1, header_size, nul + 1, payload_size, token);
    verify(token);
    read_twice(nul + 1, payload_size);
  }
  return 0;
}
