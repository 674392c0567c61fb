/*
 * Signing keys: what is made can be loaded, and nothing but a P-256 key or 32
 * bytes passes for one.
 */
#include "forge.h"
#include "secret.h"

#include <check.h>
#include <mbedtls/ecp.h>
#include <mbedtls/pk.h>
#include <mbedtls/rsa.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

/* openssl ec -aes128 and openssl pkcs8 -topk8, password "x" */
static const char encrypted_sec1[] =
    "-----BEGIN EC PRIVATE KEY-----\n"
    "Proc-Type: 4,ENCRYPTED\n"
    "DEK-Info: AES-128-CBC,BD9CA0F06A17CB672F4D25B3962B9D7B\n"
    "\n"
    "d1cTcsOvCicNBG5b2GZ19bZkKBuu2NCxH26mcjc+9bJnBNVXx+YluDKUdUZSUfd6\n"
    "E8nUOjAdR8dCJ+NYkDGv9+dZMqQS8T+TCbQp8WyyQ+2xOAtOahuwytGVeC/LyttU\n"
    "l5tpcLm3xZGsZzEg9PyuRJHKkj8nUOeoR/IRV0dKDyY=\n"
    "-----END EC PRIVATE KEY-----\n";
static const char encrypted_pkcs8[] =
    "-----BEGIN ENCRYPTED PRIVATE KEY-----\n"
    "MIHsMFcGCSqGSIb3DQEFDTBKMCkGCSqGSIb3DQEFDDAcBAjy1YVOpxo+mAICCAAw\n"
    "DAYIKoZIhvcNAgkFADAdBglghkgBZQMEASoEEIol4GHCeyz4dQnDje0MzSYEgZC8\n"
    "9p4IMqSNOXfW4iHXQTF8l/ZrnB97dWuJZtLZd+uUNaC7sayFy9HYRKrEo6dspfdl\n"
    "pwiERtPiD8fqEHjJ+D6LtXDFfGKVWdaf6wfnAtFZ40sFqz8Vn6xpRV/AhCy/O+rl\n"
    "mks+GXDbjVkuuVUMjauxGn2VhPvRgXVqtCOUkQPfMzF1B7gr1nye2hDoRAJBid8=\n"
    "-----END ENCRYPTED PRIVATE KEY-----\n";
/* The key of forge.c as PKCS 8, and without its public half. */
static const char same_as_pkcs8[] =
    "-----BEGIN PRIVATE KEY-----\n"
    "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgdl6AMfqx7X6816Br\n"
    "ckQR3rQw1Ka0iigbnF5LTbkHV/+hRANCAAShvImhir0Ci35NqlL1KrC6WLpgdcj8\n"
    "tsLeVQz25ZCfM2Stz0O3mleg/0geeRvR1wkH3BqeXzFLYNWjkvrhLx92\n"
    "-----END PRIVATE KEY-----\n";
static const char same_without_public[] =
    "-----BEGIN EC PRIVATE KEY-----\n"
    "MDECAQEEIHZegDH6se1+vNega3JEEd60MNSmtIooG5xeS025B1f/oAoGCCqGSM49\n"
    "AwEH\n"
    "-----END EC PRIVATE KEY-----\n";
static const char ed25519[] =
    "-----BEGIN PRIVATE KEY-----\n"
    "MC4CAQAwBQYDK2VwBCIEIGF2zrycgXXMJTK6k4zt3gaFHNuT07mfk3xgK5lW5Tor\n"
    "-----END PRIVATE KEY-----\n";

static int random_bytes(void *user, unsigned char *out, size_t size) {
  (void)user;
  shop__random_bytes(out, size);
  return 0;
}

/* A loaded key that must not be one: refused, and nothing of it left. */
static void refuse(const char *kid, int32_t alg, const void *secret, size_t size) {
  struct shop__key key, empty;
  memset(&empty, 0, sizeof empty);
  memset(&key, 0x5a, sizeof key);
  ck_assert_int_eq(shop__key_load(kid, alg, secret, size, &key, NULL), SHOP_ERR_CORRUPT);
  ck_assert_int_eq(memcmp(&key, &empty, sizeof key), 0);
}

static void refuse_pem(const char *pem) {
  refuse("k", SHOP__KEY_ES256, pem, strlen(pem));
}

/* What key_generate makes is different each time and survives storing. */
START_TEST(generated_keys_load) {
  for (int32_t alg = SHOP__KEY_HS256; alg <= SHOP__KEY_ES256; alg++) {
    struct shop__key a, b, loaded;
    ck_assert_int_eq(shop__key_generate(alg, &a, NULL), SHOP_OK);
    ck_assert_int_eq(shop__key_generate(alg, &b, NULL), SHOP_OK);
    ck_assert_int_eq(a.alg, alg);
    ck_assert_uint_eq(strlen(a.kid), 22);
    ck_assert_str_ne(a.kid, b.kid);
    ck_assert(memcmp(a.secret, b.secret, sizeof a.secret) != 0);
    ck_assert_int_eq(shop__key_load(a.kid, alg, a.secret, a.secret_size, &loaded, NULL), SHOP_OK);
    ck_assert_int_eq(memcmp(&a, &loaded, sizeof a), 0);
    if (alg == SHOP__KEY_HS256) {
      ck_assert_uint_eq(a.secret_size, 32);
      ck_assert_str_eq(a.public_pem, "");
    } else {
      ck_assert_uint_eq(strlen((char *)a.secret), a.secret_size);
      ck_assert_int_eq(strncmp((char *)a.secret, "-----BEGIN EC PRIVATE KEY-----\n", 31), 0);
      ck_assert_int_eq(strncmp(a.public_pem, "-----BEGIN PUBLIC KEY-----\n", 27), 0);
    }
  }
}
END_TEST

/* An unknown algorithm makes no key. */
START_TEST(unknown_algorithm) {
  const int32_t algs[] = {0, 3, -1, INT32_MAX, INT32_MIN};
  uint8_t bytes[32] = {1};
  for (size_t i = 0; i < sizeof algs / sizeof *algs; i++) {
    struct shop__key key, empty;
    memset(&empty, 0, sizeof empty);
    ck_assert_int_eq(shop__key_generate(algs[i], &key, NULL), SHOP_ERR_ARGUMENT);
    ck_assert_int_eq(memcmp(&key, &empty, sizeof key), 0);
    refuse("k", algs[i], bytes, sizeof bytes);
  }
}
END_TEST

/* The name of a key is 1 to 23 characters of base64url. */
START_TEST(kid_form) {
  static const char *const bad[] = {"",
                                    "k.1",
                                    "k 1",
                                    "k/1",
                                    "k+1",
                                    "k=",
                                    "k\n",
                                    "\"",
                                    "k\x7f",
                                    "\xc3\xa4",
                                    "123456789012345678901234"};
  uint8_t bytes[32] = {1};
  struct shop__key key;
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    refuse(bad[i], SHOP__KEY_HS256, bytes, sizeof bytes);
  }
  refuse(NULL, SHOP__KEY_HS256, bytes, sizeof bytes);
  ck_assert_int_eq(
      shop__key_load("A-z_09012345678901234ab", SHOP__KEY_HS256, bytes, 32, &key, NULL), SHOP_OK);
  ck_assert_str_eq(key.kid, "A-z_09012345678901234ab");
  ck_assert_int_eq(shop__key_load("k", SHOP__KEY_HS256, bytes, 32, &key, NULL), SHOP_OK);
}
END_TEST

/* HS256 takes exactly 32 bytes that are not all zero: libjwt would take an
   empty key, and accept everything with it. */
START_TEST(hs256_material) {
  uint8_t bytes[64] = {0};
  refuse("k", SHOP__KEY_HS256, bytes, 32);
  memset(bytes, 7, sizeof bytes);
  for (size_t size = 0; size <= sizeof bytes; size++) {
    if (size != 32) {
      refuse("k", SHOP__KEY_HS256, bytes, size);
    }
  }
  refuse("k", SHOP__KEY_HS256, bytes, SIZE_MAX);
  refuse("k", SHOP__KEY_HS256, NULL, 32);
  refuse("k", SHOP__KEY_HS256, NULL, 0);
}
END_TEST

/* Every form of one P-256 key ends in the same record, written by us: OpenSSL
   never sees a text that somebody else wrote. */
START_TEST(p256_forms_become_one) {
  static const char *const forms[] = {same_as_pkcs8, same_without_public};
  struct shop__key key, loaded;
  forge_key(SHOP__KEY_ES256, &key);
  for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
    ck_assert_int_eq(
        shop__key_load("k1", SHOP__KEY_ES256, forms[i], strlen(forms[i]), &loaded, NULL), SHOP_OK);
    ck_assert_int_eq(memcmp(&key, &loaded, sizeof key), 0);
  }
  char text[SHOP__KEY_MAX_BYTES + 16];
  (void)snprintf(text, sizeof text, "%strailing words\n", (char *)key.secret);
  ck_assert_int_eq(shop__key_load("k1", SHOP__KEY_ES256, text, strlen(text), &loaded, NULL),
                   SHOP_OK);
  ck_assert_int_eq(memcmp(&key, &loaded, sizeof key), 0);
}
END_TEST

/* ES256 is P-256 alone: libjwt would take secp256k1 and others. */
START_TEST(other_curves) {
  static const mbedtls_ecp_group_id curves[] = {MBEDTLS_ECP_DP_SECP192R1, MBEDTLS_ECP_DP_SECP224R1,
                                                MBEDTLS_ECP_DP_SECP384R1, MBEDTLS_ECP_DP_SECP521R1,
                                                MBEDTLS_ECP_DP_BP256R1,   MBEDTLS_ECP_DP_SECP256K1};
  for (size_t i = 0; i < sizeof curves / sizeof *curves; i++) {
    unsigned char pem[SHOP__KEY_MAX_BYTES];
    mbedtls_pk_context pk;
    mbedtls_pk_init(&pk);
    ck_assert_int_eq(mbedtls_pk_setup(&pk, mbedtls_pk_info_from_type(MBEDTLS_PK_ECKEY)), 0);
    ck_assert_int_eq(mbedtls_ecp_gen_key(curves[i], mbedtls_pk_ec(pk), random_bytes, NULL), 0);
    ck_assert_int_eq(mbedtls_pk_write_key_pem(&pk, pem, sizeof pem), 0);
    refuse_pem((char *)pem);
    mbedtls_pk_free(&pk);
  }
  refuse_pem(ed25519);
}
END_TEST

/* A key of another kind is none. */
START_TEST(rsa_key) {
  unsigned char pem[SHOP__KEY_MAX_BYTES];
  mbedtls_pk_context pk;
  mbedtls_pk_init(&pk);
  ck_assert_int_eq(mbedtls_pk_setup(&pk, mbedtls_pk_info_from_type(MBEDTLS_PK_RSA)), 0);
  ck_assert_int_eq(mbedtls_rsa_gen_key(mbedtls_pk_rsa(pk), random_bytes, NULL, 512, 65537), 0);
  ck_assert_int_eq(mbedtls_pk_write_key_pem(&pk, pem, sizeof pem), 0);
  refuse_pem((char *)pem);
  mbedtls_pk_free(&pk);
}
END_TEST

/* An encrypted PEM is refused at once: OpenSSL would ask the terminal for its
   password, and wait. */
START_TEST(encrypted_pem) {
  refuse_pem(encrypted_sec1);
  refuse_pem(encrypted_pkcs8);
}
END_TEST

/* A private key that comes with the public half of another is refused. */
START_TEST(halves_that_do_not_match) {
  struct shop__key a, b;
  forge_key(SHOP__KEY_ES256, &a);
  ck_assert_int_eq(shop__key_generate(SHOP__KEY_ES256, &b, NULL), SHOP_OK);
  /* The point begins at byte 57 of the DER, which is character 12 of the second
     line. */
  char text[SHOP__KEY_MAX_BYTES];
  memcpy(text, a.secret, a.secret_size + 1);
  char *line = strchr(strchr(text, '\n') + 1, '\n') + 13;
  const char *other = (char *)b.secret + (line - text);
  memcpy(line, other, strlen(other) + 1);
  refuse_pem(text);
}
END_TEST

/* Every PEM with one character changed is refused, or is a P-256 key whose
   halves belong together. */
START_TEST(damaged_pem) {
  struct shop__key key, loaded;
  forge_key(SHOP__KEY_ES256, &key);
  size_t size = key.secret_size;
  char text[SHOP__KEY_MAX_BYTES];
  int32_t refused = 0;
  for (size_t i = 0; i < size; i++) {
    memcpy(text, key.secret, size + 1);
    text[i] = text[i] == 'A' ? 'B' : 'A';
    int32_t status = shop__key_load("k1", SHOP__KEY_ES256, text, size, &loaded, NULL);
    ck_assert(status == SHOP_ERR_CORRUPT || status == SHOP_OK);
    if (status == SHOP_OK) {
      ck_assert_int_eq(memcmp(&key, &loaded, sizeof key), 0);
    } else {
      refused++;
    }
  }
  ck_assert_int_gt(refused, (int32_t)size * 9 / 10);
  for (size_t cut = 0; cut < size - 1; cut++) {
    refuse("k1", SHOP__KEY_ES256, key.secret, cut);
  }
}
END_TEST

/* Garbage, a public key, DER, a NUL inside, a text over the limit. */
START_TEST(garbage_pem) {
  static const char *const texts[] = {
      "",
      "x",
      "-----BEGIN ",
      "-----BEGIN EC PRIVATE KEY-----",
      "-----BEGIN EC PRIVATE KEY-----\n-----END EC PRIVATE KEY-----\n",
      "-----BEGIN EC PRIVATE KEY-----\n!!!!\n-----END EC PRIVATE KEY-----\n",
      "-----BEGIN EC PRIVATE KEY-----\nAAAA\n-----END EC PRIVATE KEY-----\n",
      "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
      "0123456789abcdefghijklmnopqrstuv"};
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
    refuse_pem(texts[i]);
  }
  struct shop__key key;
  forge_key(SHOP__KEY_ES256, &key);
  refuse_pem(key.public_pem);
  refuse("k", SHOP__KEY_ES256, NULL, 0);
  refuse("k", SHOP__KEY_ES256, NULL, 227);
  refuse("k", SHOP__KEY_ES256, key.secret, key.secret_size + 1); /* with its NUL */
  char text[SHOP__KEY_MAX_BYTES + 1];
  memset(text, '\n', sizeof text);
  memcpy(text, key.secret, key.secret_size);
  refuse("k", SHOP__KEY_ES256, text, SHOP__KEY_MAX_BYTES);
  refuse("k", SHOP__KEY_ES256, text, SIZE_MAX);
  struct shop__key loaded;
  ck_assert_int_eq(
      shop__key_load("k1", SHOP__KEY_ES256, text, SHOP__KEY_MAX_BYTES - 1, &loaded, NULL), SHOP_OK);

  unsigned char der[256];
  mbedtls_pk_context pk;
  mbedtls_pk_init(&pk);
  ck_assert_int_eq(mbedtls_pk_parse_key(&pk, key.secret, key.secret_size + 1, NULL, 0), 0);
  int size = mbedtls_pk_write_key_der(&pk, der, sizeof der);
  mbedtls_pk_free(&pk);
  refuse("k", SHOP__KEY_ES256, der + sizeof der - size, (size_t)size);

  /* DER of a key without its public half: no NUL in it, which would tell */
  size_t der_size = 0;
  ck_assert_int_eq(sodium_base642bin(der, sizeof der, strchr(same_without_public, '\n') + 1,
                                     strlen(same_without_public) - 60, "\n", &der_size, NULL,
                                     sodium_base64_VARIANT_ORIGINAL),
                   0);
  ck_assert_uint_eq(der_size, 51);
  ck_assert_ptr_null(memchr(der, 0, der_size));
  refuse("k", SHOP__KEY_ES256, der, der_size);
}
END_TEST

/* Wiping leaves no byte. */
START_TEST(wipe) {
  struct shop__key key, empty;
  memset(&empty, 0, sizeof empty);
  memset(&key, 0x5a, sizeof key);
  shop__key_wipe(&key);
  ck_assert_int_eq(memcmp(&key, &empty, sizeof key), 0);
  shop__key_wipe(NULL);
}
END_TEST

/* An id is 22 characters of base64url, and never the same; below() stays
   below. */
START_TEST(random_values) {
  char a[SHOP__RANDOM_ID_BYTES], b[SHOP__RANDOM_ID_BYTES];
  for (int i = 0; i < 1000; i++) {
    shop__random_id(a);
    shop__random_id(b);
    ck_assert_uint_eq(strlen(a), 22);
    ck_assert_uint_eq(strspn(a, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"),
                      22);
    ck_assert_str_ne(a, b);
    ck_assert_uint_lt(shop__random_below(7), 7);
  }
  ck_assert_uint_eq(shop__random_below(1), 0);
}
END_TEST

/* The digest is BLAKE2b-256: the vector of "" and "abc" (b2sum -l 256). */
START_TEST(digest_vector) {
  static const uint8_t empty[4] = {0x0e, 0x57, 0x51, 0xc0};
  static const uint8_t abc[4] = {0xbd, 0xdd, 0x81, 0x3c};
  uint8_t out[32];
  shop__digest("", 0, out);
  ck_assert_int_eq(memcmp(out, empty, 4), 0);
  shop__digest("abc", 3, out);
  ck_assert_int_eq(memcmp(out, abc, 4), 0);
}
END_TEST

/* The key of RFC 7517 A.2 gives the public key of A.1, and nothing more. */
START_TEST(rfc7517_example) {
  static const char pem[] =
      "-----BEGIN EC PRIVATE KEY-----\n"
      "MHcCAQEEIPO9DAeoH7kyeB7VJ1L2DMiaa+XlGTT+AZON21XY93gBoAoGCCqGSM49\n"
      "AwEHoUQDQgAEMKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D7gS2XpJFbZ\n"
      "iItSs3m9+9Ue6GnvHw/GW2ZZaVtszggXIw==\n"
      "-----END EC PRIVATE KEY-----\n";
  struct shop__key key;
  struct shop__bytes bytes = {0};
  ck_assert_int_eq(shop__key_load("1", SHOP__KEY_ES256, pem, sizeof pem - 1, &key, NULL), SHOP_OK);
  ck_assert(shop__key_jwk(&key, &bytes));
  ck_assert_str_eq(bytes.data,
                   "{\"kty\":\"EC\",\"use\":\"sig\",\"alg\":\"ES256\",\"kid\":\"1\","
                   "\"crv\":\"P-256\",\"x\":\"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4\","
                   "\"y\":\"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM\"}");
  shop__bytes_free(&bytes);
  forge_key(SHOP__KEY_HS256, &key); /* a secret has no public half */
  ck_assert(!shop__key_jwk(&key, &bytes));
  ck_assert_uint_eq(bytes.used, 0);
  ck_assert(!shop__key_jwk(NULL, &bytes));
}
END_TEST

int main(void) {
  if (shop__secret_init(NULL) != SHOP_OK || shop__secret_init(NULL) != SHOP_OK) {
    return EXIT_FAILURE;
  }
  Suite *suite = suite_create("key");
  TCase *tests = tcase_create("key");
  tcase_set_timeout(tests, 60);
  tcase_add_test(tests, rfc7517_example);
  tcase_add_test(tests, generated_keys_load);
  tcase_add_test(tests, unknown_algorithm);
  tcase_add_test(tests, kid_form);
  tcase_add_test(tests, hs256_material);
  tcase_add_test(tests, p256_forms_become_one);
  tcase_add_test(tests, other_curves);
  tcase_add_test(tests, rsa_key);
  tcase_add_test(tests, encrypted_pem);
  tcase_add_test(tests, halves_that_do_not_match);
  tcase_add_test(tests, damaged_pem);
  tcase_add_test(tests, garbage_pem);
  tcase_add_test(tests, wipe);
  tcase_add_test(tests, random_values);
  tcase_add_test(tests, digest_vector);
  suite_add_tcase(suite, tests);
  SRunner *runner = srunner_create(suite);
  srunner_run_all(runner, CK_NORMAL);
  int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
