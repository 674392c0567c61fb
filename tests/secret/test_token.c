/*
 * Tokens: what was signed comes back, what cannot be signed is not, and the
 * tokens and vectors of others are read.
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

/* What comes out of a good token is what stands in it. */
START_TEST(claims_come_out) {
  char token[FORGE_BYTES];
  struct shop__key key;
  struct shop__claims claims;
  forge_key(SHOP__KEY_ES256, &key);
  forge_token(&key, GOOD_HEADER, GOOD_PAYLOAD, token);
  ck_assert_int_eq(shop__jwt_verify(&key, token, ISSUER, NULL, &claims, NULL), SHOP_OK);
  ck_assert_str_eq(claims.issuer, ISSUER);
  ck_assert_str_eq(claims.subject, SUB);
  ck_assert_str_eq(claims.jti, JTI);
  ck_assert_int_eq(claims.issued_at_s, 1700000000);
  ck_assert_int_eq(claims.expires_at_s, 1700003600);
  ck_assert_int_eq(claims.epoch, 1);
  ck_assert_int_eq(claims.not_before_s, 0);
  ck_assert_str_eq(claims.scope, "");
  forge_token(&key, GOOD_HEADER,
              "{\"iss\":\"" ISSUER "\",\"sub\":\"" SUB "\",\"jti\":\"" JTI
              "\",\"iat\":5,\"exp\":9,\"nbf\":7,\"epoch\":1,\"scope\":\"merchant x\"}",
              token);
  ck_assert_int_eq(shop__jwt_verify(&key, token, ISSUER, NULL, &claims, NULL), SHOP_OK);
  ck_assert_int_eq(claims.not_before_s, 7);
  ck_assert_str_eq(claims.scope, "merchant x");
}
END_TEST

/* The issuer that is asked for decides, whatever it is. */
START_TEST(issuer_decides) {
  char token[FORGE_BYTES];
  static char long_issuer[400];
  struct shop__key key;
  forge_key(SHOP__KEY_HS256, &key);
  forge_token(&key, GOOD_HEADER, GOOD_PAYLOAD, token);
  memset(long_issuer, 'i', sizeof long_issuer - 1);
  static const char *const issuers[] = {"", "https://shop.exampl", "https://shop.example ", NULL};
  for (size_t i = 0; i < COUNT(issuers); i++) {
    ck_assert_int_eq(ask(&key, token, issuers[i]), SHOP_ERR_TOKEN_INVALID);
  }
  ck_assert_int_eq(ask(&key, token, long_issuer), SHOP_ERR_TOKEN_INVALID);
  char payload[1024];
  (void)snprintf(payload, sizeof payload,
                 "{\"iss\":\"%s\",\"sub\":\"" SUB "\",\"jti\":\"" JTI
                 "\","
                 "\"iat\":1,\"exp\":2,\"epoch\":1}",
                 long_issuer);
  forge_token(&key, GOOD_HEADER, payload, token);
  ck_assert_int_eq(ask(&key, token, long_issuer), SHOP_ERR_TOKEN_INVALID);
  long_issuer[255] = '\0';
  (void)snprintf(payload, sizeof payload,
                 "{\"iss\":\"%s\",\"sub\":\"" SUB "\",\"jti\":\"" JTI
                 "\","
                 "\"iat\":1,\"exp\":2,\"epoch\":1}",
                 long_issuer);
  forge_token(&key, GOOD_HEADER, payload, token);
  ck_assert_int_eq(ask(&key, token, long_issuer), SHOP_OK);
}
END_TEST

/* ---- signing ------------------------------------------------------------------------------ */

static struct shop__claims make_claims(const char *issuer) {
  struct shop__claims claims = {.issued_at_s = 1700000000, .expires_at_s = 1700003600, .epoch = 1};
  strcpy(claims.issuer, issuer);
  shop__random_id(claims.subject);
  shop__random_id(claims.jti);
  return claims;
}

/* What was signed comes back, for keys of both kinds and claims of any value. */
START_TEST(sign_and_verify) {
  char longest[256], worst[256];
  memset(longest, 'i', 255);
  memset(worst, '\x01', 255); /* six characters each in JSON */
  longest[255] = worst[255] = '\0';
  const char *const issuers[] = {ISSUER,  "",   "\"\\/\b\n\x7f", "caf\xc3\xa9 \xf0\x9f\x8d\xb5",
                                 longest, worst};
  static const int64_t times[][2] = {
      {0, 1}, {1700000000, 1700003600}, {9007199254740990, 9007199254740991}};
  for (int32_t alg = SHOP__KEY_HS256; alg <= SHOP__KEY_ES256; alg++) {
    struct shop__key key;
    ck_assert_int_eq(shop__key_generate(alg, &key, NULL), SHOP_OK);
    for (size_t i = 0; i < COUNT(issuers) * COUNT(times); i++) {
      struct shop__claims claims = make_claims(issuers[i % COUNT(issuers)]), back;
      claims.issued_at_s = times[i / COUNT(issuers)][0];
      claims.expires_at_s = times[i / COUNT(issuers)][1];
      claims.epoch = i % 2 == 0 ? 1 : 9007199254740991;
      claims.not_before_s = times[i / COUNT(issuers)][i % 2];
      strcpy(claims.audience, i % 3 == 0 ? "" : i % 3 == 1 ? "till" : "t\"\\ll");
      strcpy(claims.scope, i % 4 < 2 ? "" : "merchant stock:read");
      char *token, kid[SHOP__KID_BYTES];
      ck_assert_int_eq(shop__jwt_sign(&key, &claims, &token, NULL), SHOP_OK);
      ck_assert_int_eq(shop__jwt_kid(token, kid, NULL), SHOP_OK);
      ck_assert_str_eq(kid, key.kid);
      ck_assert_int_eq(shop__jwt_verify(&key, token, claims.issuer, claims.audience, &back, NULL),
                       SHOP_OK);
      ck_assert_int_eq(memcmp(&claims, &back, sizeof claims), 0);
      shop__memory_free(token);
    }
  }
}
END_TEST

/* Claims that a token may not carry are not signed. */
START_TEST(claims_that_are_not_signed) {
  struct shop__key key;
  ck_assert_int_eq(shop__key_generate(SHOP__KEY_HS256, &key, NULL), SHOP_OK);
  for (int row = 0; row < 21; row++) {
    struct shop__claims claims = make_claims(ISSUER);
    char *token = (char *)(uintptr_t)1;
    switch (row) {
    case 0:
      claims.subject[0] = '\0';
      break;
    case 1:
      claims.subject[21] = '\0';
      break;
    case 2:
      claims.subject[3] = '.';
      break;
    case 3:
      claims.jti[0] = '\0';
      break;
    case 4:
      claims.jti[22] = 'A'; /* no end */
      break;
    case 5:
      claims.issued_at_s = -1;
      break;
    case 6:
      claims.expires_at_s = claims.issued_at_s;
      break;
    case 7:
      claims.expires_at_s = 9007199254740992;
      break;
    case 8:
      claims.epoch = 0;
      break;
    case 9:
      claims.epoch = 9007199254740992;
      break;
    case 10:
      strcpy(claims.issuer, "\xff");
      break;
    case 11:
      memset(claims.issuer, 'i', sizeof claims.issuer);
      break;
    case 12:
      claims.epoch = INT64_MIN;
      break;
    case 13:
      claims.not_before_s = -1;
      break;
    case 14:
      claims.not_before_s = 9007199254740992;
      break;
    case 15:
      strcpy(claims.audience, "\xff");
      break;
    case 16:
      memset(claims.audience, 'a', sizeof claims.audience);
      break;
    case 17:
      strcpy(claims.scope, "a  b");
      break;
    case 18:
      strcpy(claims.scope, "a a");
      break;
    case 19:
      memset(claims.scope, 's', sizeof claims.scope);
      break;
    default:
      memset(&claims, 0, sizeof claims);
      break;
    }
    ck_assert_int_eq(shop__jwt_sign(&key, &claims, &token, NULL), SHOP_ERR_ARGUMENT);
    ck_assert_ptr_null(token);
  }
}
END_TEST

/* A key that cannot sign says so, and a token never leaves unsigned. */
START_TEST(keys_that_cannot_sign) {
  struct shop__claims claims = make_claims(ISSUER);
  for (int row = 0; row < 6; row++) {
    struct shop__key key, other;
    char *token = (char *)(uintptr_t)1;
    forge_key(row < 3 ? SHOP__KEY_HS256 : SHOP__KEY_ES256, &key);
    ck_assert_int_eq(shop__key_generate(SHOP__KEY_ES256, &other, NULL), SHOP_OK);
    switch (row) {
    case 0:
      key.secret_size = 0;
      break;
    case 1:
      memset(&key, 0, sizeof key);
      break;
    case 2:
      key.alg = SHOP__KEY_ES256; /* no PEM */
      break;
    case 3:
      memset(key.secret + 40, 'x', 40);
      break;
    case 4: /* the halves do not belong together */
      memcpy(key.public_pem, other.public_pem, sizeof key.public_pem);
      break;
    default:
      memcpy(key.secret, key.public_pem, sizeof key.secret);
      break;
    }
    ck_assert_int_eq(shop__jwt_sign(&key, &claims, &token, NULL), SHOP_ERR_CORRUPT);
    ck_assert_ptr_null(token);
  }
  char *token = (char *)(uintptr_t)1;
  ck_assert_int_eq(shop__jwt_sign(NULL, &claims, &token, NULL), SHOP_ERR_CORRUPT);
  ck_assert_ptr_null(token);
}
END_TEST

/* No error text holds anything of the token or the key. */
START_TEST(errors_hold_no_secret) {
  struct shop__key key;
  struct shop__claims claims;
  struct shop_error err;
  char token[FORGE_BYTES], piece[9] = {0};
  forge_key(SHOP__KEY_HS256, &key);
  forge_token(&key, GOOD_HEADER, "{\"iss\":\"" ISSUER "\"}", token);
  ck_assert_int_eq(shop__jwt_verify(&key, token, ISSUER, NULL, &claims, &err),
                   SHOP_ERR_TOKEN_INVALID);
  ck_assert_int_eq(err.code, SHOP_ERR_TOKEN_INVALID);
  for (size_t i = 0; i + 8 <= strlen(token); i++) {
    memcpy(piece, token + i, 8);
    ck_assert_ptr_null(strstr(err.message, piece));
  }
}
END_TEST

/* ---- others' tokens -------------------------------------------------------------------------- */

/* Tokens that PyJWT 2.6.0 made with the keys of forge.c. */
START_TEST(tokens_of_pyjwt) {
  static const char *const tokens[] = {
      "eyJhbGciOiJIUzI1NiIsImtpZCI6ImsxIiwidHlwIjoiSldUIn0.eyJpc3MiOiJodHRwczovL3Nob3Au"
      "ZXhhbXBsZSIsInN1YiI6IkFBQUFBQUFBQUFBQUFBQUFBQUFBQUEiLCJqdGkiOiJCQkJCQkJCQkJCQkJC"
      "QkJCQkJCQkJBIiwiaWF0IjoxNzAwMDAwMDAwLCJleHAiOjE5MDAwMDAwMDAsImVwb2NoIjo3LCJleHRy"
      "YSI6eyJhIjpbMSwyLjUsbnVsbCx0cnVlLCJ4Il19fQ.TDb12TuSdMl-CcWIUlwk6GqqfaDAMwIeFZmdL"
      "qqvK_4",
      "eyJhbGciOiJFUzI1NiIsImtpZCI6ImsxIiwidHlwIjoiSldUIn0.eyJpc3MiOiJodHRwczovL3Nob3Au"
      "ZXhhbXBsZSIsInN1YiI6IkFBQUFBQUFBQUFBQUFBQUFBQUFBQUEiLCJqdGkiOiJCQkJCQkJCQkJCQkJC"
      "QkJCQkJCQkJBIiwiaWF0IjoxNzAwMDAwMDAwLCJleHAiOjE5MDAwMDAwMDAsImVwb2NoIjo3LCJleHRy"
      "YSI6eyJhIjpbMSwyLjUsbnVsbCx0cnVlLCJ4Il19fQ.Hzhkinea0T-p5-kwwGQdTUsIfTUQnuueTw7BU"
      "dwkOz2vrQx7EdlX_gyCgHItP2tsmSzgh-ZhkuCh9I1RVbRfxw"};
  for (int32_t alg = SHOP__KEY_HS256; alg <= SHOP__KEY_ES256; alg++) {
    struct shop__key key;
    struct shop__claims claims;
    forge_key(alg, &key);
    ck_assert_int_eq(shop__jwt_verify(&key, tokens[alg - 1], ISSUER, NULL, &claims, NULL), SHOP_OK);
    ck_assert_int_eq(claims.expires_at_s, 1900000000);
    ck_assert_int_eq(claims.epoch, 7);
  }
}
END_TEST

/* The signatures of RFC 7515 A.1 and A.3, whose headers have no kid, at the
   seam; and neither with the last byte changed. */
START_TEST(rfc7515_vectors) {
  static const char hs_token[] =
      "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9."
      "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVl"
      "fQ.dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
  static const char hs_key[] =
      "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow";
  static const char es_token[] =
      "eyJhbGciOiJFUzI1NiJ9."
      "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVl"
      "fQ.DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q";
  static const char es_key[] =
      "-----BEGIN PUBLIC KEY-----\n"
      "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEf83OJ3D2xF1Bg8vub9tLe1gHMzV7\n"
      "6e8Tus9uPHvRVEXH8UTNG72bfocs3+257rn0s2ldbqkLJK2KRiMohYjlrQ==\n"
      "-----END PUBLIC KEY-----\n";
  struct shop__key key = {.alg = SHOP__KEY_HS256};
  struct shop__token_form form;
  char bad[sizeof hs_token];
  ck_assert_int_eq(sodium_base642bin(key.secret, sizeof key.secret, hs_key, sizeof hs_key - 1, NULL,
                                     &key.secret_size, NULL,
                                     sodium_base64_VARIANT_URLSAFE_NO_PADDING),
                   0);
  ck_assert(shop__token_form(hs_token, &form));
  ck_assert_int_eq(shop__jwt_check(&key, hs_token, &form), SHOP_OK);
  strcpy(bad, hs_token);
  bad[sizeof bad - 2] = 'g'; /* "k" with another used bit */
  ck_assert(shop__token_form(bad, &form));
  ck_assert_int_eq(shop__jwt_check(&key, bad, &form), SHOP_ERR_TOKEN_INVALID);

  char es_bad[sizeof es_token];
  memset(&key, 0, sizeof key);
  key.alg = SHOP__KEY_ES256;
  strcpy(key.public_pem, es_key);
  ck_assert(shop__token_form(es_token, &form));
  ck_assert_int_eq(shop__jwt_check(&key, es_token, &form), SHOP_OK);
  strcpy(es_bad, es_token);
  es_bad[sizeof es_bad - 2] = 'A';
  ck_assert(shop__token_form(es_bad, &form));
  ck_assert_int_eq(shop__jwt_check(&key, es_bad, &form), SHOP_ERR_TOKEN_INVALID);
}
END_TEST

/* A scope is one of the names, whole and to the letter. */
START_TEST(scopes) {
  ck_assert(shop__scope_has("merchant", "merchant"));
  ck_assert(shop__scope_has("a merchant b", "merchant"));
  ck_assert(shop__scope_has("a b", "b"));
  static const char *const others[] = {"merchan", "erchant", "merchants",  "Merchant", "",
                                       " ",       "a ",      "a merchant", "\xff"};
  for (size_t i = 0; i < COUNT(others); i++) {
    ck_assert_msg(!shop__scope_has("a merchant b", others[i]), "%s", others[i]);
    ck_assert(!shop__scope_has("", others[i]));
  }
}
END_TEST

int main(void) {
  if (shop__secret_init(NULL) != SHOP_OK) {
    return EXIT_FAILURE;
  }
  Suite *suite = suite_create("token");
  TCase *tests = tcase_create("token");
  tcase_set_timeout(tests, 60);
  tcase_add_test(tests, claims_come_out);
  tcase_add_test(tests, issuer_decides);
  tcase_add_test(tests, sign_and_verify);
  tcase_add_test(tests, claims_that_are_not_signed);
  tcase_add_test(tests, keys_that_cannot_sign);
  tcase_add_test(tests, errors_hold_no_secret);
  tcase_add_test(tests, scopes);
  tcase_add_test(tests, tokens_of_pyjwt);
  tcase_add_test(tests, rfc7515_vectors);
  suite_add_tcase(suite, tests);
  SRunner *runner = srunner_create(suite);
  srunner_run_all(runner, CK_NORMAL);
  int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
