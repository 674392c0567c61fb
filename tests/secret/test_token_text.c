/*
 * Tokens that are signed rightly and say the wrong thing, or are not even
 * tokens.
 *
 * Each row of the tables differs from a good token in one thing, and is signed
 * with the shop's own key: only the check that the row is about can refuse it.
 * Every row is tried with both algorithms.
 */
#include "forge.h"
#include "secret.h"
#include "secret_token.h"
#include "token_ask.h"

#include <check.h>
#include <pthread.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1
#endif
#endif

struct row {
  const char *text;
  size_t size;
};
#define ROW(text)                                                                                  \
  { text, sizeof(text) - 1 }

/* A row of the table as a token, in place of the header or of the payload. */
static void forge_row(const struct shop__key *key, const struct row *header,
                      const struct row *payload, char out[FORGE_BYTES]) {
  char filled[FORGE_BYTES];
  size_t size = forge_fill(key, header->text, header->size, filled);
  forge_open(filled, size, payload->text, payload->size, out);
  forge_close(key, out);
}

static const struct row good_header = ROW(GOOD_HEADER);
static const struct row good_payload = ROW(GOOD_PAYLOAD);

/* ---- headers ----------------------------------------------------------------- */

#define ALG(value) ROW("{\"alg\":" value ",\"kid\":\"k1\",\"typ\":\"JWT\"}")
#define KID(value) ROW("{\"alg\":\"@\",\"kid\":" value ",\"typ\":\"JWT\"}")
#define TYP(value) ROW("{\"alg\":\"@\",\"kid\":\"k1\",\"typ\":" value "}")
#define AND(more) ROW("{\"alg\":\"@\",\"kid\":\"k1\",\"typ\":\"JWT\"," more "}")

/* clang-format off */
static const struct row good_headers[] = {
    ROW(GOOD_HEADER), ROW("{\"typ\":\"JWT\",\"kid\":\"k1\",\"alg\":\"@\"}"),
    ROW("{\"alg\":\"@\",\"kid\":\"k1\"}"), ROW(" {\r\n\t\"alg\" : \"@\" , \"kid\":\"\\u006b1\"} "),
    AND("\"cty\":\"x\""),
    /* 16 levels */
    AND("\"x\":[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]"),
    AND("\"x\":\"[[[[[[[[[[[[[[[[[[[[[[\\\"[[[[\""),
};
/* clang-format on */

/* clang-format off */
static const struct row bad_headers[] = {
    /* no signature at all, in every spelling */
    ALG("\"none\""), ALG("\"None\""), ALG("\"NONE\""), ALG("\"nOnE\""), ALG("\"none \""),
    ALG("\" none\""), ALG("\"\""), ALG("\"no\\u006ee\""), ALG("null"),
    ROW("{\"kid\":\"k1\",\"typ\":\"JWT\"}"),
    /* another algorithm, or one of ours not quite */
    ALG("\"hs256\""), ALG("\"es256\""), ALG("\"Hs256\""), ALG("\"HS256 \""), ALG("\" HS256\""),
    ALG("\"ES256 \""), ALG("\"HS256\\u0000\""), ALG("\"ES256\\u0000\""), ALG("\"HS384\""),
    ALG("\"HS512\""), ALG("\"RS256\""), ALG("\"RS384\""), ALG("\"RS512\""), ALG("\"PS256\""),
    ALG("\"ES384\""), ALG("\"ES512\""), ALG("\"ES256K\""), ALG("\"EdDSA\""), ALG("\"HMAC\""),
    ALG("\"A128GCM\""), ALG("\"dir\""), ALG("\"HS2567\""), ALG("\"HS25\""), ALG("256"), ALG("0"),
    ALG("true"), ALG("[\"@\"]"), ALG("[\"@\",\"none\"]"), ALG("{\"alg\":\"@\"}"), ALG("1.0"),
    ROW("{\"Alg\":\"@\",\"kid\":\"k1\",\"typ\":\"JWT\"}"),
    ROW("{\"ALG\":\"@\",\"kid\":\"k1\",\"typ\":\"JWT\"}"),
    /* the same member twice */
    AND("\"alg\":\"@\""), AND("\"alg\":\"none\""), AND("\"kid\":\"k1\""), AND("\"kid\":\"k2\""),
    AND("\"typ\":\"JWT\""), AND("\"x\":1,\"x\":1"), AND("\"al\\u0067\":\"none\""),
    ROW("{\"alg\":\"none\",\"alg\":\"@\",\"kid\":\"k1\"}"), AND("\"x\":{\"y\":1,\"y\":2}"),
    /* the key's name */
    ROW("{\"alg\":\"@\",\"typ\":\"JWT\"}"), KID("\"\""), KID("null"), KID("1"), KID("true"),
    KID("[\"k1\"]"), KID("{}"), KID("\"k1 \""), KID("\" k1\""),
    KID("\"k1\\u0000\""), KID("\"k1\\n\""), KID("\"../k1\""),
    KID("\"k1' OR '1'='1\""), KID("\"k.1\""), KID("\"k1\xc3\xa4\""),
    KID("\"123456789012345678901234\""),
    KID("\"kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk\""),
    /* another kind of token */
    TYP("\"jwt\""), TYP("\"JWE\""), TYP("\"at+jwt\""), TYP("\"\""), TYP("null"), TYP("1"),
    TYP("[\"JWT\"]"), TYP("\"JWT \""), TYP("\"JWT\\u0000\""), TYP("\"application/jwt\""),
    TYP("true"), TYP("{}"),
    /* members that change what the signature covers (RFC 7515 4.1.11, RFC 7797) */
    AND("\"crit\":[\"exp\"]"), AND("\"crit\":[]"), AND("\"crit\":null"), AND("\"crit\":false"),
    AND("\"crit\":[\"b64\"],\"b64\":false"), AND("\"crit\":\"exp\""), AND("\"b64\":false"),
    AND("\"b64\":true"), AND("\"b64\":null"),
    /* no object */
    ROW("null"), ROW("1"), ROW("\"x\""), ROW("[]"), ROW("[{\"alg\":\"@\",\"kid\":\"k1\"}]"),
    ROW("true"), ROW("{}"), ROW(" "), ROW("x"), ROW("\0"),
    /* not JSON (RFC 8259) */
    ROW(GOOD_HEADER "x"), ROW(GOOD_HEADER "{}"), ROW(GOOD_HEADER "\0"), ROW(GOOD_HEADER ","),
    ROW("\0" GOOD_HEADER), ROW("\xef\xbb\xbf" GOOD_HEADER), ROW("{\"alg\":\"@\",\"kid\":\"k1\",}"),
    ROW("{\"alg\":\"@\",\"kid\":\"k1\""), ROW("{'alg':'@','kid':'k1'}"),
    ROW("{alg:\"@\",kid:\"k1\"}"), ROW("{\"alg\":\"@\",\"kid\":\"k1\"/**/}"), AND("\"x\":01"),
    AND("\"x\":NaN"), AND("\"x\":\"\xff\""), AND("\"x\":\"\\ud800\""),
    AND("\"x\":\"\xed\xa0\x80\""), AND("\"x\":\"\xc0\x80\""), AND("\"x\":\"\\u0000\""),
    AND("\"\\u0000\":1"), AND("\"x\":99999999999999999999"), AND("\"x\":1e999"),
    AND("\"x\":\"\n\""),
    /* 17 levels */
    AND("\"x\":[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]"),
    AND("\"x\":{\"x\":{\"x\":{\"x\":{\"x\":{\"x\":{\"x\":{\"x\":{\"x\":{\"x\":{\"x\":{\"x\":{\"x\":"
        "{\"x\":{\"x\":{\"x\":{}}}}}}}}}}}}}}}}}"),
};
/* clang-format on */

/* Headers as ours are, of another key. */
static const struct row other_headers[] = {
    KID("\"k2\""), KID("\"K1\""), KID("\"k\""), KID("\"k11\""), KID("\"12345678901234567890123\""),
};

/* ---- payloads ------------------------------------------------------------------ */

#define TIMES "\"iat\":1700000000,\"exp\":1700003600,\"epoch\":1"
#define NAMES "\"iss\":\"" ISSUER "\",\"sub\":\"" SUB "\",\"jti\":\"" JTI "\""
#define ISS(value) ROW("{\"iss\":" value ",\"sub\":\"" SUB "\",\"jti\":\"" JTI "\"," TIMES "}")
#define SUBJECT(value)                                                                             \
  ROW("{\"iss\":\"" ISSUER "\",\"sub\":" value ",\"jti\":\"" JTI "\"," TIMES "}")
#define TOKEN_ID(value)                                                                            \
  ROW("{\"iss\":\"" ISSUER "\",\"sub\":\"" SUB "\",\"jti\":" value "," TIMES "}")
#define IAT(value) ROW("{" NAMES ",\"iat\":" value ",\"exp\":1700003600,\"epoch\":1}")
#define EXP(value) ROW("{" NAMES ",\"iat\":1700000000,\"exp\":" value ",\"epoch\":1}")
#define EPOCH(value) ROW("{" NAMES ",\"iat\":1700000000,\"exp\":1700003600,\"epoch\":" value "}")
#define PLUS(more) ROW("{" NAMES "," TIMES "," more "}")
#define X64 "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
/* As libjwt writes them, which is read in a way of its own. */
#define OURS(times, names) ROW("{" times "," names "}")
#define OUR_TIMES "\"epoch\":1,\"exp\":1700003600,\"iat\":1700000000"
#define OUR_NAMES OUR("iss", ISSUER) "," OUR("jti", JTI) ",\"nbf\":1699999940," OUR("sub", SUB)
#define OUR(name, value) "\"" name "\":\"" value "\""

/* clang-format off */
static const struct row good_payloads[] = {
    ROW(GOOD_PAYLOAD), ROW(" {" TIMES " ,\r\n\t" NAMES "} "),
    ROW("{" NAMES ",\"iat\":0,\"exp\":1,\"epoch\":1}"), IAT("-0"), EXP("9007199254740991"),
    EPOCH("9007199254740991"),
    ROW("{" NAMES ",\"iat\":9007199254740990,\"exp\":9007199254740991,\"epoch\":1}"),
    ISS("\"https:\\/\\/shop.ex\\u0061mple\""), PLUS("\"y\":[\"x\",1,{\"y\":null}],\"z\":1.5e3"),
    PLUS("\"nbf\":1"), PLUS("\"nbf\":9007199254740991"), PLUS("\"nbf\":-0"), PLUS("\"x\":[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]"),
    PLUS("\"x\":\"[[[[[[[[[[[[[[[[[{{{{{{{{{{{{{{{{{{{{{{{{\\\\\""),
    SUBJECT("\"-_-_-_-_-_-_-_-_-_-_-_\""), PLUS("\"scope\":\"a\""), PLUS("\"scope\":\"a b ab\""),
    PLUS("\"scope\":\"!#$%&'()*+,-./:;<=>?@[]^_`{|}~\""), PLUS("\"scope\":\"\\u0061\""),
    PLUS("\"scope\":\"" X64 X64 X64 "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\""),
    /* ours, and not quite */
    OURS(OUR_TIMES, OUR_NAMES), ROW(" {" OUR_TIMES "," OUR_NAMES "}\n"),
    OURS("\"epoch\": 1,\"exp\":1700003600,\"iat\":-0", OUR_NAMES),
    OURS(OUR_TIMES ",\"x\":0", OUR_NAMES), OURS(OUR_TIMES, OUR_NAMES ",\"x\":0"),
    OURS(OUR_TIMES, "\"iss\":\"https:\\/\\/shop.example\",\"jti\":\"" JTI "\",\"nbf\":0,\"sub\":\"" SUB "\""),
    OURS(OUR_TIMES, OUR("iss", ISSUER) "," OUR("jti", JTI) ",\"nbf\":0," OUR("scope", "a b") "," OUR("sub", SUB)),
    OURS("\"epoch\":9007199254740991,\"exp\":9007199254740991,\"iat\":0", OUR_NAMES),
};
/* clang-format on */

/* clang-format off */
static const struct row bad_payloads[] = {
    /* issuer */
    ROW("{\"sub\":\"" SUB "\",\"jti\":\"" JTI "\"," TIMES "}"), ISS("\"\""), ISS("null"), ISS("1"),
    ISS("true"), ISS("[\"" ISSUER "\"]"), ISS("{}"), ISS("\"https://shop.example/\""),
    ISS("\"https://shop.exampl\""), ISS("\"https://Shop.example\""),
    ISS("\"https://shop.example\\u0000\""), ISS("\" https://shop.example\""),
    ISS("\"https://evil.example\""),
    ROW("{\"ISS\":\"" ISSUER "\",\"sub\":\"" SUB "\",\"jti\":\"" JTI "\"," TIMES "}"),
    /* subject */
    ROW("{\"iss\":\"" ISSUER "\",\"jti\":\"" JTI "\"," TIMES "}"), SUBJECT("\"\""), SUBJECT("null"),
    SUBJECT("1"), SUBJECT("true"), SUBJECT("[\"" SUB "\"]"), SUBJECT("{}"),
    SUBJECT("\"AAAAAAAAAAAAAAAAAAAAA\""), SUBJECT("\"AAAAAAAAAAAAAAAAAAAAAAA\""),
    SUBJECT("\"AAAAAAAAAAAAAAAAAAAAA=\""), SUBJECT("\"AAAAAAAAAAAAAAAAAAAAA \""),
    SUBJECT("\"AAAAAAAAAAAAAAAAAAAAA+\""), SUBJECT("\"AAAAAAAAAAAAAAAAAAAAA/\""),
    SUBJECT("\"AAAAAAAAAAAAAAAAAAAA\xc3\xa4\""), SUBJECT("\"AAAAAAAAAAAAAAAAAAAAA\\u0000\""),
    SUBJECT("\"' OR 1=1 -- AAAAAAAAAA\""), SUBJECT("1234567890123456789012"),
    /* token id */
    ROW("{\"iss\":\"" ISSUER "\",\"sub\":\"" SUB "\"," TIMES "}"), TOKEN_ID("\"\""),
    TOKEN_ID("null"), TOKEN_ID("1"), TOKEN_ID("false"), TOKEN_ID("[]"),
    TOKEN_ID("\"BBBBBBBBBBBBBBBBBBBBB\""), TOKEN_ID("\"BBBBBBBBBBBBBBBBBBBBBAA\""),
    TOKEN_ID("\"BBBBBBBBBBBBBBBBBBBBB.\""), TOKEN_ID("\"BBBBBBBBBBBBBBBBBBBB\\n\\n\""),
    /* issued at */
    ROW("{" NAMES ",\"exp\":1700003600,\"epoch\":1}"), IAT("-1"), IAT("1.0"), IAT("1e3"),
    IAT("1E3"), IAT("\"1\""), IAT("null"), IAT("true"), IAT("[1]"), IAT("{}"),
    IAT("9007199254740992"), IAT("9223372036854775807"), IAT("9223372036854775808"),
    IAT("-9223372036854775808"), IAT("-9223372036854775809"), IAT("18446744073709551616"),
    IAT("1700003600"), IAT("1700003601"), IAT("0x1"), IAT("01"), IAT("+1"), IAT(""),
    /* expiry */
    ROW("{" NAMES ",\"iat\":1700000000,\"epoch\":1}"), EXP("0"), EXP("-1"), EXP("1700000000"),
    EXP("1699999999"), EXP("1700003600.0"), EXP("1.7000036e9"), EXP("1700003600.5"),
    EXP("\"1700003600\""), EXP("null"), EXP("true"), EXP("false"), EXP("[1700003600]"), EXP("{}"),
    EXP("9007199254740992"), EXP("9007199254740993"), EXP("9223372036854775807"),
    EXP("9223372036854775808"), EXP("-9223372036854775808"), EXP("18446744075409555216"),
    EXP("1e400"), EXP("-1e400"), EXP("1e18"), EXP("Infinity"), EXP("NaN"), EXP("\"\""),
    EXP("\"never\""), EXP("01700003600"), EXP("99999999999999999999999"),
    /* epoch */
    ROW("{" NAMES ",\"iat\":1700000000,\"exp\":1700003600}"), EPOCH("0"), EPOCH("-0"), EPOCH("-1"),
    EPOCH("1.0"), EPOCH("1e0"), EPOCH("\"1\""), EPOCH("null"), EPOCH("true"), EPOCH("[1]"),
    EPOCH("{}"), EPOCH("9007199254740992"), EPOCH("9223372036854775807"),
    EPOCH("18446744073709551617"),
    /* not before must be a number of the same kind */
    PLUS("\"nbf\":1.0"), PLUS("\"nbf\":\"1\""), PLUS("\"nbf\":null"), PLUS("\"nbf\":true"),
    PLUS("\"nbf\":[]"), PLUS("\"nbf\":{}"), PLUS("\"nbf\":9223372036854775808"),
    PLUS("\"nbf\":-1"), PLUS("\"nbf\":9007199254740992"), PLUS("\"nbf\":1e3"),
    /* an audience, where none is expected (RFC 7519 4.1.3) */
    PLUS("\"aud\":\"x\""), PLUS("\"aud\":\"\""), PLUS("\"aud\":[]"), PLUS("\"aud\":null"),
    PLUS("\"aud\":[\"x\"]"), PLUS("\"aud\":{}"), PLUS("\"aud\":0"),
    PLUS("\"aud\":\"" ISSUER "\""),
    /* scopes that are none (RFC 6749 3.3) */
    PLUS("\"scope\":\"\""), PLUS("\"scope\":\" \""), PLUS("\"scope\":\"a  b\""),
    PLUS("\"scope\":\" a\""), PLUS("\"scope\":\"a \""), PLUS("\"scope\":\"a\\tb\""),
    PLUS("\"scope\":\"a\\\"b\""), PLUS("\"scope\":\"a\\\\b\""), PLUS("\"scope\":\"\xc3\xa4\""),
    PLUS("\"scope\":\"a\\u0000b\""), PLUS("\"scope\":\"a\\u007f\""), PLUS("\"scope\":\"a b a\""),
    PLUS("\"scope\":[\"a\"]"), PLUS("\"scope\":null"), PLUS("\"scope\":1"), PLUS("\"scope\":true"),
    PLUS("\"scope\":{}"), PLUS("\"scope\":\"a\",\"scope\":\"merchant\""), PLUS("\"scope\":\"" X64 X64 X64 X64 "\""),
    /* ours but for one thing */
    OURS("\"epoch\":+1,\"exp\":1700003600,\"iat\":1700000000", OUR_NAMES),
    OURS("\"epoch\":01,\"exp\":1700003600,\"iat\":1700000000", OUR_NAMES),
    OURS("\"epoch\":\v1,\"exp\":1700003600,\"iat\":1700000000", OUR_NAMES),
    OURS("\"epoch\":1.0,\"exp\":1700003600,\"iat\":1700000000", OUR_NAMES),
    OURS("\"epoch\":0,\"exp\":1700003600,\"iat\":1700000000", OUR_NAMES),
    OURS("\"epoch\":-1,\"exp\":1700003600,\"iat\":1700000000", OUR_NAMES),
    OURS("\"epoch\":9007199254740992,\"exp\":1700003600,\"iat\":1700000000", OUR_NAMES),
    OURS("\"epoch\":1,\"exp\":1700000000,\"iat\":1700000000", OUR_NAMES),
    OURS("\"epoch\":1,\"exp\":9007199254740992,\"iat\":1700000000", OUR_NAMES),
    OURS("\"epoch\":1,\"exp\":90071992547409910,\"iat\":1700000000", OUR_NAMES),
    OURS("\"epoch\":1,\"exp\":1700003600,\"iat\":-1", OUR_NAMES),
    OURS(OUR_TIMES, OUR_NAMES ",\"sub\":\"" SUB "\""), OURS(OUR_TIMES ",\"epoch\":1", OUR_NAMES),
    OURS(OUR_TIMES, OUR_NAMES ","), OURS(OUR_TIMES, OUR_NAMES "}"), OURS(OUR_TIMES, OUR_NAMES "\0"),
    ROW("{" OUR_TIMES "," OUR_NAMES), ROW("{" OUR_TIMES "," OUR_NAMES "}\0"),
    OURS(OUR_TIMES, OUR("iss", "https://shop.examplf") "," OUR("jti", JTI) ",\"nbf\":0," OUR("sub", SUB)),
    OURS(OUR_TIMES, OUR("iss", ISSUER) "," OUR("jti", JTI "A") ",\"nbf\":0," OUR("sub", SUB)),
    OURS(OUR_TIMES, OUR("iss", ISSUER) "," OUR("jti", JTI) ",\"nbf\":0," OUR("sub", "AAAAAAAAAAAAAAAAAAAAA")),
    OURS(OUR_TIMES, OUR("iss", ISSUER) "," OUR("jti", JTI) ",\"nbf\":0," OUR("sub", "AAAAAAAAAAAAAAAAAAAA.A")),
    OURS(OUR_TIMES, OUR("iss", ISSUER) "," OUR("jti", JTI) ",\"nbf\":-1," OUR("sub", SUB)),
    OURS(OUR_TIMES, OUR("iss", ISSUER) "," OUR("jti", JTI) ",\"nbf\":," OUR("sub", SUB)),
    OURS(OUR_TIMES, OUR("iss", ISSUER) "," OUR("jti", JTI) ",\"nbf\":00," OUR("sub", SUB)),
    OURS(OUR_TIMES, OUR("iss", ISSUER) "," OUR("jti", JTI) ",\"nbf\":0," OUR("scope", "") "," OUR("sub", SUB)),
    OURS(OUR_TIMES, OUR("iss", ISSUER) "," OUR("jti", JTI) ",\"nbf\":0," OUR("scope", "a a") "," OUR("sub", SUB)),
    OURS(OUR_TIMES, OUR("iss", ISSUER) "," OUR("jti", JTI) ",\"nbf\":0," OUR("scope", "a ") "," OUR("sub", SUB)),
    OURS(OUR("aud", "x") "," OUR_TIMES, OUR_NAMES), OURS(OUR("aud", "") "," OUR_TIMES, OUR_NAMES),
    /* the same claim twice */
    PLUS("\"iss\":\"" ISSUER "\""), PLUS("\"sub\":\"" SUB "\""), PLUS("\"jti\":\"" JTI "\""),
    PLUS("\"iat\":1700000000"), PLUS("\"exp\":1700003600"), PLUS("\"exp\":9007199254740991"),
    PLUS("\"epoch\":1"), PLUS("\"epoch\":2"), PLUS("\"x\":1,\"x\":1"),
    PLUS("\"x\":{\"y\":1,\"y\":1}"), PLUS("\"\\u0065xp\":1700003601"), PLUS("\"nbf\":1,\"nbf\":1"),
    /* no object */
    ROW("null"), ROW("1"), ROW("true"), ROW("\"" ISSUER "\""), ROW("[]"), ROW("[" GOOD_PAYLOAD "]"),
    ROW("{}"), ROW(" "), ROW("\0"), ROW("x"),
    /* not JSON */
    ROW(GOOD_PAYLOAD "x"), ROW(GOOD_PAYLOAD GOOD_PAYLOAD), ROW(GOOD_PAYLOAD "\0"),
    ROW(GOOD_PAYLOAD "\0" GOOD_PAYLOAD), ROW("\0" GOOD_PAYLOAD), ROW("\xef\xbb\xbf" GOOD_PAYLOAD),
    ROW("{" NAMES "," TIMES ",}"), ROW("{" NAMES "," TIMES), ROW("{" NAMES " " TIMES "}"),
    PLUS("\"x\":\"\\u0000\""), PLUS("\"\\u0000\":1"), PLUS("\"x\":\"\xff\""),
    PLUS("\"x\":\"\\udc00\""), PLUS("\"x\":\"\xf8\x88\x80\x80\x80\""), PLUS("\"x\":1e999"),
    PLUS("\"x\":\"a\nb\""), PLUS("\"x\":undefined"), PLUS("//\n\"x\":1"),
    /* 17 levels */
    PLUS("\"x\":[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]"),
    PLUS("\"x\":[[[[[[[[[[[[[[[[{}]]]]]]]]]]]]]]]]"),
};
/* clang-format on */

/* The rows differ from something that is accepted. */
START_TEST(good_rows) {
  char token[FORGE_BYTES];
  for (int32_t alg = SHOP__KEY_HS256; alg <= SHOP__KEY_ES256; alg++) {
    struct shop__key key;
    forge_key(alg, &key);
    for (size_t i = 0; i < COUNT(good_headers); i++) {
      forge_row(&key, &good_headers[i], &good_payload, token);
      must_pass(&key, token, good_headers[i].text);
      ck_assert_int_eq(kid_of(token), SHOP_OK);
    }
    for (size_t i = 0; i < COUNT(good_payloads); i++) {
      forge_row(&key, &good_header, &good_payloads[i], token);
      must_pass(&key, token, good_payloads[i].text);
    }
  }
}
END_TEST

/* A header that is not as ours are is refused, however well it is signed. */
START_TEST(hostile_headers) {
  char token[FORGE_BYTES];
  for (int32_t alg = SHOP__KEY_HS256; alg <= SHOP__KEY_ES256; alg++) {
    struct shop__key key;
    forge_key(alg, &key);
    for (size_t i = 0; i < COUNT(bad_headers); i++) {
      forge_row(&key, &bad_headers[i], &good_payload, token);
      must_fail(&key, token, bad_headers[i].text);
      ck_assert_msg(kid_of(token) == SHOP_ERR_TOKEN_INVALID, "%s", bad_headers[i].text);
    }
    for (size_t i = 0; i < COUNT(other_headers); i++) {
      char kid[SHOP__KID_BYTES];
      forge_row(&key, &other_headers[i], &good_payload, token);
      must_fail(&key, token, other_headers[i].text);
      ck_assert_int_eq(shop__jwt_kid(token, kid, NULL), SHOP_OK);
      ck_assert_str_ne(kid, "k1");
    }
  }
}
END_TEST

/* A payload that is not as ours are is refused, however well it is signed. */
START_TEST(hostile_payloads) {
  char token[FORGE_BYTES];
  for (int32_t alg = SHOP__KEY_HS256; alg <= SHOP__KEY_ES256; alg++) {
    struct shop__key key;
    forge_key(alg, &key);
    for (size_t i = 0; i < COUNT(bad_payloads); i++) {
      forge_row(&key, &good_header, &bad_payloads[i], token);
      must_fail(&key, token, bad_payloads[i].text);
    }
  }
}
END_TEST

/* Where an audience is expected, it is that or an array of texts with it (RFC 7519 4.1.3): to the
   letter, and never absent. */
START_TEST(audiences) {
  static const struct {
    const char *aud; /* with a comma after it */
    bool good;
  } rows[] = {
      {OUR("aud", "till") ",", true},       {"\"aud\":[\"till\"],", true},
      {"\"aud\":[\"x\",\"till\"],", true},  {"\"aud\":\"t\\u0069ll\",", true},
      {"", false},                          {OUR("aud", "") ",", false},
      {OUR("aud", "Till") ",", false},      {OUR("aud", "till ") ",", false},
      {OUR("aud", "tills") ",", false},     {OUR("aud", "til") ",", false},
      {"\"aud\":[],", false},               {"\"aud\":null,", false},
      {"\"aud\":[\"x\"],", false},          {"\"aud\":[\"till\",1],", false},
      {"\"aud\":[[\"till\"]],", false},     {"\"aud\":{\"till\":1},", false},
      {"\"aud\":[null,\"till\"],", false},  {"\"aud\":true,", false},
      {"\"aud\":\"till\\u0000\",", false}, {"\"aud\":\"till\",\"aud\":\"till\",", false},
  };
  char token[FORGE_BYTES], payload[1000];
  for (int32_t alg = SHOP__KEY_HS256; alg <= SHOP__KEY_ES256; alg++) {
    struct shop__key key;
    struct shop__claims claims;
    forge_key(alg, &key);
    for (size_t i = 0; i < COUNT(rows); i++) {
      (void)snprintf(payload, sizeof payload, "{%s" OUR_TIMES "," OUR_NAMES "}", rows[i].aud);
      forge_token(&key, GOOD_HEADER, payload, token);
      int32_t status = shop__jwt_verify(&key, token, ISSUER, "till", &claims, NULL);
      ck_assert_msg(status == (rows[i].good ? SHOP_OK : SHOP_ERR_TOKEN_INVALID), "%s", payload);
      ck_assert_str_eq(claims.audience, rows[i].good ? "till" : "");
    }
  }
}
END_TEST

/* A name or an issuer that JSON cannot hold as it is makes no text that passes
   for one of ours. */
START_TEST(names_that_break_out) {
  char token[FORGE_BYTES];
  struct shop__key key;
  struct shop__token_text payload = {.size = 0};
  struct shop__claims claims;
  forge_key(SHOP__KEY_HS256, &key);
  strcpy(key.kid, "a\",\"kid\":\"b");
  forge_token(&key, "{\"alg\":\"@\",\"kid\":\"a\",\"kid\":\"b\",\"typ\":\"JWT\"}", GOOD_PAYLOAD,
              token);
  must_fail(&key, token, "a kid of two");
  static const char *const issuers[] = {"\\n", "\\", "\n", "\x7f\xff"};
  for (size_t i = 0; i < COUNT(issuers); i++) {
    payload.size = (size_t)snprintf(
        payload.bytes, sizeof payload.bytes,
        "{" OUR_TIMES "," OUR("iss", "%s") "," OUR("jti", JTI) ",\"nbf\":0," OUR("sub", SUB) "}", issuers[i]);
    ck_assert_int_eq(shop__token_claims(&payload, &(struct shop__token_names){issuers[i], ""}, &claims), SHOP_ERR_TOKEN_INVALID);
  }
}
END_TEST

/* ---- form ------------------------------------------------------------------------ */

/* Texts that have not even the form of a token. */
START_TEST(hostile_texts) {
  /* clang-format off */
  static const char *const rows[] = {
      NULL, "", " ", ".", "..", "...", "....", "a", "a.", ".a", "a.b", "a.b.", ".b.c", "a..c",
      "..c", ".b.", "a.b.c", "aa.bb.cc", "aa.bb.cc.dd", "aa.bb.cc.dd.ee", "null", "{}", "none",
      "Bearer", "e30.e30.e30", "e30.e30.", "e30.e30.AA", "e30..AA", "eyJhbGciOiJub25lIn0.e30.",
      "eyJhbGciOiJub25lIn0..", "\xff.\xff.\xff", "\xff", "%00.%00.%00", "-._.-", "__.__.__",
  };
  /* clang-format on */
  for (int32_t alg = SHOP__KEY_HS256; alg <= SHOP__KEY_ES256; alg++) {
    struct shop__key key;
    forge_key(alg, &key);
    for (size_t i = 0; i < COUNT(rows); i++) {
      must_fail(&key, rows[i], rows[i] == NULL ? "NULL" : rows[i]);
      ck_assert_int_eq(kid_of(rows[i]), SHOP_ERR_TOKEN_INVALID);
    }
  }
}
END_TEST

/* The parts of a token, to be put together wrongly. */
struct parts {
  char header[FORGE_BYTES];
  char payload[FORGE_BYTES];
  char signature[FORGE_BYTES];
};

static void split(const char *token, struct parts *out) {
  const char *first = strchr(token, '.');
  const char *second = strchr(first + 1, '.');
  (void)snprintf(out->header, FORGE_BYTES, "%.*s", (int)(first - token), token);
  (void)snprintf(out->payload, FORGE_BYTES, "%.*s", (int)(second - first - 1), first + 1);
  (void)snprintf(out->signature, FORGE_BYTES, "%s", second + 1);
}

static struct parts parts;

/* h, p, s stand for the parts of a good token, all else for itself. */
static void compose(const char *pattern, char out[FORGE_BYTES]) {
  size_t used = 0;
  for (; *pattern != '\0'; pattern++) {
    const char *part = *pattern == 'h'   ? parts.header
                       : *pattern == 'p' ? parts.payload
                       : *pattern == 's' ? parts.signature
                                         : NULL;
    if (part == NULL) {
      out[used++] = *pattern;
    } else {
      memcpy(out + used, part, strlen(part));
      used += strlen(part);
    }
  }
  out[used] = '\0';
}

/* A good token with anything added, left out, doubled or in another order. */
START_TEST(rearranged) {
  /* clang-format off */
  static const char *const patterns[] = {
      "hps", "h.p", "h.p.", "h..s", ".p.s", "h.p.s.", ".h.p.s", "h..p.s", "h.p..s", "h.p.s.s",
      "h.p.s.h", "h.p.s..", "h.p.s.s.s", "p.h.s", "s.p.h", "h.h.s", "p.p.s", "h.p.p", "h.p.h",
      "h.p.ss", "h.pp.s", "hh.p.s", "h=.p.s", "h==.p.s", "h.p=.s", "h.p==.s", "h.p.s=", "h.p.s==",
      " h.p.s", "h.p.s ", "h .p.s", "h. p.s", "h.p .s", "h.p. s", "h.p.s\n", "h.p.s\r\n", "\nh.p.s",
      "h\n.p.s", "h.p\n.s", "h.\tp.s", "h.p.s\t", "h.p.s;", "h.p.s,", "\"h.p.s\"", "h.p.s\x01",
      "h.p.s\xff", "h\x80.p.s", "h.p\xc3\xa4.s", "h.p.s\xc3\xa4", "h.p.s+", "h.p.s/", "h+.p.s",
      "h.p/.s", "h.p.s%3D", "h!.p.s", "h.p*.s", "h.p.s~", "h.p.sA", "h.p.sAA", "h.p.sAAA",
      "h.p.sAAAA", "h.pA.s", "h.pAAAA.s", "hA.p.s", "hAAAA.p.s", "h.p.As", "h.Ap.s", "Ah.p.s",
      "B h.p.s", "Bearer h.p.s", "h:p:s", "h.p,s", "h.p.s#", "h.p.s?", "-h.p.s", "h.p.-s",
  };
  /* clang-format on */
  char token[FORGE_BYTES];
  for (int32_t alg = SHOP__KEY_HS256; alg <= SHOP__KEY_ES256; alg++) {
    struct shop__key key;
    forge_key(alg, &key);
    forge_token(&key, GOOD_HEADER, GOOD_PAYLOAD, token);
    split(token, &parts);
    compose("h.p.s", token);
    must_pass(&key, token, "h.p.s");
    for (size_t i = 0; i < COUNT(patterns); i++) {
      compose(patterns[i], token);
      must_fail(&key, token, patterns[i]);
    }
  }
}
END_TEST

/* A token with any one character changed, or cut anywhere, is refused. */
START_TEST(every_character_counts) {
  char good[FORGE_BYTES], token[FORGE_BYTES];
  for (int32_t alg = SHOP__KEY_HS256; alg <= SHOP__KEY_ES256; alg++) {
    struct shop__key key;
    forge_key(alg, &key);
    forge_token(&key, GOOD_HEADER, GOOD_PAYLOAD, good);
    size_t size = strlen(good);
    for (size_t i = 0; i < size; i++) {
      static const char others[] = "AQ-.=\x80";
      for (const char *other = others; *other != '\0'; other++) {
        strcpy(token, good);
        if (token[i] != *other) {
          token[i] = *other;
          must_fail(&key, token, token);
        }
      }
      strcpy(token, good);
      token[i] = '\0';
      must_fail(&key, token, token);
    }
  }
}
END_TEST

/* The bits that a last character does not need must be 0, in each segment, or
   one token could be written in several ways. The unused bits are set before
   signing, so the signature is right. */
START_TEST(canonical_tails) {
  char token[FORGE_BYTES];
  int32_t tried = 0;
  for (int32_t alg = SHOP__KEY_HS256; alg <= SHOP__KEY_ES256; alg++) {
    struct shop__key key;
    forge_key(alg, &key);
    for (size_t spaces = 0; spaces < 3; spaces++) {
      char header[64], payload[512];
      (void)snprintf(header, sizeof header, "%s%*s", GOOD_HEADER, (int)spaces, "");
      (void)snprintf(payload, sizeof payload, "%s%*s", GOOD_PAYLOAD, (int)spaces, "");
      forge_token(&key, header, payload, token);
      must_pass(&key, token, "canonical");
      split(token, &parts);
      char *const segments[] = {parts.header, parts.payload, parts.signature};
      for (size_t i = 0; i < 3; i++) {
        size_t length = strlen(segments[i]);
        char *last = segments[i] + length - 1;
        if (length % 4 == 0) {
          continue;
        }
        static const char alphabet[] =
            "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
        char kept = *last;
        *last = strchr(alphabet, kept)[1]; /* the bits are 0, so this is within */
        compose(i == 2 ? "h.p.s" : "h.p", token);
        if (i != 2) {
          forge_close(&key, token);
        }
        must_fail(&key, token, token);
        *last = kept;
        tried++;
      }
    }
  }
  ck_assert_int_ge(tried, 12);
}
END_TEST

/* A byte that is no base64url character, in the place of a '_': libsodium
   1.0.18 would read bytes from 0x80 on as just that. */
START_TEST(bytes_that_pass_for_63) {
  static const char bytes[] = "\x80\xff\xc3/+=.";
  char token[FORGE_BYTES];
  for (int32_t alg = SHOP__KEY_HS256; alg <= SHOP__KEY_ES256; alg++) {
    struct shop__key key;
    forge_key(alg, &key);
    for (size_t i = 0; i < sizeof bytes - 1; i++) {
      for (int in_payload = 0; in_payload < 2; in_payload++) {
        struct row header = ROW("{\"x\":\"?a?b?c\",\"alg\":\"@\",\"kid\":\"k1\"}");
        struct row payload = PLUS("\"x\":\"?a?b?c\",\"xx\":\"?a?b?c\",\"y\":\"?a?b?c\"");
        char filled[FORGE_BYTES];
        size_t size = forge_fill(&key, header.text, header.size, filled);
        forge_open(filled, size, payload.text, payload.size, token);
        char *dot = strchr(token, '.');
        char *at = strchr(in_payload ? dot : token, '_');
        ck_assert_ptr_nonnull(at);
        ck_assert(in_payload || at < dot);
        *at = bytes[i];
        forge_close(&key, token);
        must_fail(&key, token, token);
        if (!in_payload || bytes[i] != '.') {
          ck_assert_int_eq(kid_of(token), SHOP_ERR_TOKEN_INVALID);
        }
      }
    }
  }
}
END_TEST

/* 4,096 bytes are taken, 4,097 are not, and 16 MiB are refused without being
   read. */
START_TEST(length_limit) {
  char token[FORGE_BYTES], payload[FORGE_BYTES], header[128];
  for (int32_t alg = SHOP__KEY_HS256; alg <= SHOP__KEY_ES256; alg++) {
    struct shop__key key;
    forge_key(alg, &key);
    bool at_limit = false, over_limit = false;
    for (int filler = 2700; filler < 3000 && !(at_limit && over_limit); filler++) {
      for (int spaces = 0; spaces < 3; spaces++) {
        (void)snprintf(header, sizeof header, "%s%*s", GOOD_HEADER, spaces, "");
        (void)snprintf(payload, sizeof payload, "%s%*s", GOOD_PAYLOAD, filler, "");
        forge_token(&key, header, payload, token);
        if (strlen(token) == 4096) {
          must_pass(&key, token, "4096 bytes");
          at_limit = true;
        } else if (strlen(token) == 4097) {
          must_fail(&key, token, "4097 bytes");
          over_limit = true;
        }
      }
    }
    ck_assert(at_limit && over_limit);
    size_t size = (size_t)16 << 20;
    char *huge = malloc(size + 1);
    ck_assert_ptr_nonnull(huge);
    memset(huge, 'A', size);
    huge[size] = '\0';
    must_fail(&key, huge, "16 MiB");
    huge[size / 3] = huge[size / 2] = '.';
    must_fail(&key, huge, "16 MiB in three segments");
    forge_token(&key, GOOD_HEADER, GOOD_PAYLOAD, token);
    memcpy(huge, token, strlen(token));
    must_fail(&key, huge, "a good token and 16 MiB");
    memset(huge, '.', size);
    must_fail(&key, huge, "16 MiB of dots");
    free(huge);
  }
}
END_TEST

/* ---- nesting ---------------------------------------------------------------------------- */

struct deep {
  struct shop__key key;
  char token[FORGE_BYTES];
  int32_t status;
};

static void *ask_deep(void *argument) {
  struct deep *deep = argument;
  struct shop__claims claims;
  deep->status = shop__jwt_verify(&deep->key, deep->token, ISSUER, NULL, &claims, NULL);
  return NULL;
}

/* Thousands of levels do not overflow a small stack, neither in the header nor
   in the payload, which libjwt reads before it checks the signature. */
START_TEST(deep_nesting_on_a_small_stack) {
  static const char *const levels[] = {"[", "{\"\":", "[{\"\":"};
  char header[FORGE_BYTES], payload[FORGE_BYTES];
  for (int32_t alg = SHOP__KEY_HS256; alg <= SHOP__KEY_ES256; alg++) {
    for (size_t i = 0; i < 2 * COUNT(levels); i++) {
      struct deep deep;
      forge_key(alg, &deep.key);
      strcpy(header, i % 2 == 0 ? GOOD_HEADER : "{\"alg\":\"@\",\"kid\":\"k1\",\"x\":");
      strcpy(payload, i % 2 == 0 ? "{\"x\":" : GOOD_PAYLOAD);
      char *at = i % 2 == 0 ? payload : header;
      while (strlen(at) < 2700) {
        strcat(at, levels[i / 2]);
      }
      forge_token(&deep.key, header, payload, deep.token);
      ck_assert_uint_lt(strlen(deep.token), 4096);
      pthread_t thread;
      pthread_attr_t small;
      ck_assert_int_eq(pthread_attr_init(&small), 0);
#ifndef SANITIZED
      ck_assert_int_eq(pthread_attr_setstacksize(&small, 65536), 0);
#endif
      ck_assert_int_eq(pthread_create(&thread, &small, ask_deep, &deep), 0);
      ck_assert_int_eq(pthread_join(thread, NULL), 0);
      ck_assert_int_eq(pthread_attr_destroy(&small), 0);
      ck_assert_int_eq(deep.status, SHOP_ERR_TOKEN_INVALID);
    }
  }
}
END_TEST

int main(void) {
  if (shop__secret_init(NULL) != SHOP_OK) {
    return EXIT_FAILURE;
  }
  Suite *suite = suite_create("token text");
  TCase *tests = tcase_create("token text");
  tcase_set_timeout(tests, 60);
  tcase_add_test(tests, good_rows);
  tcase_add_test(tests, hostile_headers);
  tcase_add_test(tests, hostile_payloads);
  tcase_add_test(tests, audiences);
  tcase_add_test(tests, names_that_break_out);
  tcase_add_test(tests, hostile_texts);
  tcase_add_test(tests, rearranged);
  tcase_add_test(tests, every_character_counts);
  tcase_add_test(tests, canonical_tails);
  tcase_add_test(tests, bytes_that_pass_for_63);
  tcase_add_test(tests, length_limit);
  tcase_add_test(tests, deep_nesting_on_a_small_stack);
  suite_add_tcase(suite, tests);
  SRunner *runner = srunner_create(suite);
  srunner_run_all(runner, CK_NORMAL);
  int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
