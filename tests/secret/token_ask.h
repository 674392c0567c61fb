/*
 * A good token for the tests, and how they ask the library about one.
 */
#ifndef SHOP_TEST_TOKEN_ASK_H
#define SHOP_TEST_TOKEN_ASK_H

#include "forge.h"
#include "secret.h"

#include <check.h>
#include <string.h>

#define ISSUER "https://shop.example"
#define SUB "AAAAAAAAAAAAAAAAAAAAAA"
#define JTI "BBBBBBBBBBBBBBBBBBBBBA"
#define GOOD_HEADER "{\"alg\":\"@\",\"kid\":\"k1\",\"typ\":\"JWT\"}"
#define GOOD_PAYLOAD                                                                               \
  "{\"iss\":\"" ISSUER "\",\"sub\":\"" SUB "\",\"jti\":\"" JTI                                     \
  "\",\"iat\":1700000000,\"exp\":1700003600,\"epoch\":1}"

#define COUNT(array) (sizeof(array) / sizeof *(array))

/* ---- asking the library ----------------------------------------------------- */

static inline int32_t ask(const struct shop__key *key, const char *token, const char *issuer) {
  static const struct shop__claims no_claims;
  struct shop__claims claims;
  memset(&claims, 0x5a, sizeof claims);
  int32_t status = shop__jwt_verify(key, token, issuer, NULL, &claims, NULL);
  if (status != SHOP_OK) { /* nothing of a refused token comes out */
    ck_assert_int_eq(memcmp(&claims, &no_claims, sizeof claims), 0);
  }
  return status;
}

static inline void must_pass(const struct shop__key *key, const char *token, const char *what) {
  ck_assert_msg(ask(key, token, ISSUER) == SHOP_OK, "refused: %s", what);
}

static inline void must_fail(const struct shop__key *key, const char *token, const char *what) {
  ck_assert_msg(ask(key, token, ISSUER) == SHOP_ERR_TOKEN_INVALID, "alg %d, accepted: %s",
                (int)key->alg, what);
}

static inline int32_t kid_of(const char *token) {
  char kid[SHOP__KID_BYTES], empty[SHOP__KID_BYTES] = {0};
  memset(kid, 'x', sizeof kid);
  int32_t status = shop__jwt_kid(token, kid, NULL);
  if (status == SHOP_OK) {
    ck_assert_str_eq(kid, "k1");
  } else {
    ck_assert_int_eq(memcmp(kid, empty, sizeof kid), 0);
  }
  return status;
}

#endif
