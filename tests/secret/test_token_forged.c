/*
 * Tokens that somebody else made: other keys, other algorithms, signatures that
 * are none, and keys that must not open anything.
 */
#include "forge.h"
#include "secret.h"
#include "secret_token.h"
#include "token_ask.h"

#include <check.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- signatures --------------------------------------------------------------------- */

/* Signs what is open in token by a MAC with any key, whatever the header says. */
static void close_with_mac(const void *secret, size_t size, bool sha512, char token[FORGE_BYTES]) {
  uint8_t tag[64];
  char encoded[FORGE_BYTES];
  if (sha512) {
    crypto_auth_hmacsha512_state state;
    crypto_auth_hmacsha512_init(&state, secret, size);
    crypto_auth_hmacsha512_update(&state, (const unsigned char *)token, strlen(token));
    crypto_auth_hmacsha512_final(&state, tag);
  } else {
    crypto_auth_hmacsha256_state state;
    crypto_auth_hmacsha256_init(&state, secret, size);
    crypto_auth_hmacsha256_update(&state, (const unsigned char *)token, strlen(token));
    crypto_auth_hmacsha256_final(&state, tag);
  }
  forge_base64url(tag, sha512 ? 64 : 32, encoded);
  strcat(strcat(token, "."), encoded);
}

static void open_with_alg(const char *alg, char token[FORGE_BYTES]) {
  char header[128];
  (void)snprintf(header, sizeof header, "{\"alg\":\"%s\",\"kid\":\"k1\",\"typ\":\"JWT\"}", alg);
  forge_open(header, strlen(header), GOOD_PAYLOAD, strlen(GOOD_PAYLOAD), token);
}

/* The public key is no secret: a MAC made with it is worth nothing, under
   whichever name (RFC 8725 2.1). */
START_TEST(mac_with_the_public_key) {
  static const char *const algs[] = {"HS256", "HS384", "HS512", "ES256", "none"};
  struct shop__key key;
  char token[FORGE_BYTES];
  forge_key(SHOP__KEY_ES256, &key);
  size_t size = strlen(key.public_pem);
  for (size_t i = 0; i < COUNT(algs); i++) {
    for (size_t cut = 0; cut < 2; cut++) { /* with and without the last newline */
      for (int sha512 = 0; sha512 < 2; sha512++) {
        open_with_alg(algs[i], token);
        close_with_mac(key.public_pem, size - cut, sha512, token);
        must_fail(&key, token, token);
      }
    }
    open_with_alg(algs[i], token);
    close_with_mac(key.public_pem, size + 1, false, token);
    must_fail(&key, token, token);
  }
}
END_TEST

/* The right key under another algorithm, a key that everybody knows, another
   shop's key of the same name. */
START_TEST(wrong_keys) {
  static const char zeros[64] = {0};
  char token[FORGE_BYTES];
  struct shop__key hs, es, other;
  forge_key(SHOP__KEY_HS256, &hs);
  forge_key(SHOP__KEY_ES256, &es);
  const struct {
    const void *secret;
    size_t size;
  } secrets[] = {{zeros, 0},    {zeros, 1},      {zeros, 32}, {zeros, 64},
                 {"secret", 6}, {hs.secret, 31}, {"k1", 2},   {ISSUER, sizeof ISSUER - 1}};
  for (size_t i = 0; i < COUNT(secrets); i++) {
    open_with_alg("HS256", token);
    close_with_mac(secrets[i].secret, secrets[i].size, false, token);
    must_fail(&hs, token, "HS256 with a known key");
    must_fail(&es, token, "HS256 with a known key");
  }
  open_with_alg("HS512", token);
  close_with_mac(hs.secret, hs.secret_size, true, token);
  must_fail(&hs, token, "HS512 with the right key");
  open_with_alg("HS256", token);
  close_with_mac(hs.secret, hs.secret_size, true, token);
  must_fail(&hs, token, "a tag of SHA-512");
  open_with_alg("ES256", token);
  close_with_mac(hs.secret, hs.secret_size, false, token);
  must_fail(&hs, token, "a MAC named ES256");
  must_fail(&es, token, "a MAC named ES256");
  for (int32_t alg = SHOP__KEY_HS256; alg <= SHOP__KEY_ES256; alg++) {
    struct shop__key key;
    forge_key(alg, &key);
    ck_assert_int_eq(shop__key_generate(alg, &other, NULL), SHOP_OK);
    strcpy(other.kid, "k1");
    forge_token(&other, GOOD_HEADER, GOOD_PAYLOAD, token);
    must_pass(&other, token, "its own key");
    must_fail(&key, token, "another key of the same name");
  }
}
END_TEST

/* Signatures that are none: zeros (CVE-2022-21449), the group's order, DER,
   halves exchanged. */
START_TEST(hostile_signatures) {
  static const uint8_t order[32] = {0xff, 0xff, 0xff, 0xff, 0,    0,    0,    0,
                                    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
                                    0xbc, 0xe6, 0xfa, 0xad, 0xa7, 0x17, 0x9e, 0x84,
                                    0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51};
  char token[FORGE_BYTES], encoded[FORGE_BYTES];
  uint8_t right[64], bad[96];
  struct shop__key es, hs;
  forge_key(SHOP__KEY_ES256, &es);
  forge_key(SHOP__KEY_HS256, &hs);
  for (int row = 0; row < 12; row++) {
    size_t size = 64;
    open_with_alg("ES256", token);
    ck_assert_uint_eq(forge_signature(&es, token, right), 64);
    memset(bad, 0, sizeof bad);
    switch (row) {
    case 0: /* r = s = 0 */
      break;
    case 1:
      memcpy(bad, order, 32);
      break;
    case 2:
      memcpy(bad + 32, order, 32);
      break;
    case 3:
      memcpy(bad, order, 32);
      memcpy(bad + 32, order, 32);
      break;
    case 4:
      memcpy(bad, right, 32);
      break;
    case 5:
      memcpy(bad + 32, right + 32, 32);
      break;
    case 6: /* s, r */
      memcpy(bad, right + 32, 32);
      memcpy(bad + 32, right, 32);
      break;
    case 7: /* r = s = 1 */
      bad[31] = bad[63] = 1;
      break;
    case 8: /* r and s of 33 bytes */
      memcpy(bad + 1, right, 32);
      memcpy(bad + 34, right + 32, 32);
      size = 66;
      break;
    case 9: /* r alone */
      memcpy(bad, right, 32);
      size = 32;
      break;
    case 10: /* ASN.1, as other protocols have it */
      memcpy(bad, (const uint8_t[]){0x30, 0x45, 0x02, 0x21, 0}, 5);
      memcpy(bad + 5, right, 32);
      bad[37] = 0x02;
      bad[38] = 0x20;
      memcpy(bad + 39, right + 32, 32);
      size = 71;
      break;
    default:
      memset(bad, 0xff, sizeof bad);
      break;
    }
    forge_base64url(bad, size, encoded);
    strcat(strcat(token, "."), encoded);
    must_fail(&es, token, "a hostile signature");
    forge_base64url(bad, 32, encoded);
    open_with_alg("HS256", token);
    strcat(strcat(token, "."), encoded);
    must_fail(&hs, token, "a hostile tag");
  }
}
END_TEST

/* libjwt 1.10 compares tags by this function of its own, and compares whatever
   HMAC() left when that failed. Defined here it is the one that libjwt calls. */
int jwt_strcmp(const char *a, const char *b);
static bool libjwt_says_yes;

int jwt_strcmp(const char *a, const char *b) {
  return libjwt_says_yes ? 0 : strcmp(a, b);
}

/* A yes of libjwt to a wrong tag is not enough. */
START_TEST(tag_is_compared_again) {
  char token[FORGE_BYTES];
  struct shop__key key, other;
  forge_key(SHOP__KEY_HS256, &key);
  ck_assert_int_eq(shop__key_generate(SHOP__KEY_HS256, &other, NULL), SHOP_OK);
  libjwt_says_yes = true;
  forge_token(&key, GOOD_HEADER, GOOD_PAYLOAD, token);
  must_pass(&key, token, "the right tag");
  strcpy(other.kid, "k1");
  must_fail(&other, token, "the wrong tag");
}
END_TEST

/* A key that comes with the token is nobody's: jwk, jku, x5u and x5c are not looked
   at (RFC 8725 3.10), whoever's key they name. */
START_TEST(keys_in_the_header) {
  static const char *const headers[] = {
      "{\"alg\":\"HS256\",\"kid\":\"k1\",\"jwk\":{\"kty\":\"oct\",\"k\":\"%s\"}}",
      "{\"alg\":\"HS256\",\"kid\":\"k1\",\"jku\":\"https://evil.example/%s\"}",
      "{\"alg\":\"HS256\",\"kid\":\"k1\",\"x5u\":\"https://evil.example/%s\"}",
      "{\"alg\":\"HS256\",\"kid\":\"k1\",\"x5c\":[\"%s\"]}",
      "{\"alg\":\"HS256\",\"kid\":\"k1\",\"x5t\":\"%s\"}",
      "{\"alg\":\"HS256\",\"kid\":\"k1\",\"k\":\"%s\"}"};
  char token[FORGE_BYTES], header[512], encoded[FORGE_BYTES];
  struct shop__key ours, theirs;
  forge_key(SHOP__KEY_HS256, &ours);
  ck_assert_int_eq(shop__key_generate(SHOP__KEY_HS256, &theirs, NULL), SHOP_OK);
  forge_base64url(theirs.secret, theirs.secret_size, encoded);
  for (size_t i = 0; i < COUNT(headers); i++) {
    (void)snprintf(header, sizeof header, headers[i], encoded);
    forge_open(header, strlen(header), GOOD_PAYLOAD, strlen(GOOD_PAYLOAD), token);
    close_with_mac(theirs.secret, theirs.secret_size, false, token);
    must_fail(&ours, token, header);
    forge_open(header, strlen(header), GOOD_PAYLOAD, strlen(GOOD_PAYLOAD), token);
    forge_close(&ours, token);
    must_pass(&ours, token, header); /* so it was the key */
  }
}
END_TEST

/* Of the tag of HS256 every bit counts. */
START_TEST(every_bit_of_the_tag) {
  char token[FORGE_BYTES], encoded[FORGE_BYTES];
  uint8_t tag[64];
  struct shop__key key;
  forge_key(SHOP__KEY_HS256, &key);
  for (size_t bit = 0; bit < 256; bit++) {
    open_with_alg("HS256", token);
    forge_signature(&key, token, tag);
    tag[bit / 8] ^= (uint8_t)(1 << bit % 8);
    forge_base64url(tag, 32, encoded);
    strcat(strcat(token, "."), encoded);
    must_fail(&key, token, token);
  }
}
END_TEST

/* A key that is none opens nothing: libjwt would take it for "no signature
   wanted". */
START_TEST(unusable_keys) {
  char hs_token[FORGE_BYTES], es_token[FORGE_BYTES], none[FORGE_BYTES], empty_mac[FORGE_BYTES];
  struct shop__key hs, es, key;
  forge_key(SHOP__KEY_HS256, &hs);
  forge_key(SHOP__KEY_ES256, &es);
  forge_token(&hs, GOOD_HEADER, GOOD_PAYLOAD, hs_token);
  forge_token(&es, GOOD_HEADER, GOOD_PAYLOAD, es_token);
  open_with_alg("none", none);
  strcat(none, ".");
  open_with_alg("HS256", empty_mac);
  close_with_mac("", 0, false, empty_mac);
  for (int row = 0; row < 12; row++) {
    key = row < 7 ? hs : es;
    switch (row) {
    case 0:
      memset(&key, 0, sizeof key);
      break;
    case 1:
      key.secret_size = 0;
      break;
    case 2:
      key.secret_size = 31;
      break;
    case 3:
      memset(key.secret, 0, sizeof key.secret);
      break;
    case 4:
      key.alg = 0;
      break;
    case 5:
      key.alg = 3;
      break;
    case 6:
      key.kid[0] = '\0';
      break;
    case 7:
      key.public_pem[0] = '\0';
      break;
    case 8:
      key.secret_size = 0;
      break;
    case 9:
      key.secret_size = SHOP__KEY_MAX_BYTES;
      break;
    case 10:
      key.alg = SHOP__KEY_HS256;
      break;
    default:
      key.alg = -1;
      break;
    }
    const char *const tokens[] = {hs_token, es_token, none, empty_mac};
    for (size_t i = 0; i < COUNT(tokens); i++) {
      must_fail(&key, tokens[i], "with an unusable key");
    }
  }
  ck_assert_int_eq(ask(NULL, hs_token, ISSUER), SHOP_ERR_TOKEN_INVALID);
  ck_assert_int_eq(ask(NULL, none, ISSUER), SHOP_ERR_TOKEN_INVALID);
  ck_assert_int_eq(ask(NULL, NULL, NULL), SHOP_ERR_TOKEN_INVALID);
}
END_TEST

int main(void) {
  if (shop__secret_init(NULL) != SHOP_OK) {
    return EXIT_FAILURE;
  }
  Suite *suite = suite_create("token forged");
  TCase *tests = tcase_create("token forged");
  tcase_set_timeout(tests, 60);
  tcase_add_test(tests, mac_with_the_public_key);
  tcase_add_test(tests, wrong_keys);
  tcase_add_test(tests, hostile_signatures);
  tcase_add_test(tests, tag_is_compared_again);
  tcase_add_test(tests, keys_in_the_header);
  tcase_add_test(tests, every_bit_of_the_tag);
  tcase_add_test(tests, unusable_keys);
  suite_add_tcase(suite, tests);
  SRunner *runner = srunner_create(suite);
  srunner_run_all(runner, CK_NORMAL);
  int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
