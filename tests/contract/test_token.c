/* Tokens: who made them, how long they are good, and that they can be ended now. */
#include <harness.h>

#include <mbedtls/pk.h>
#include <sodium.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define JWT_MAX 4200
#define ALPHABET "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

static int32_t verify(struct world *world, const char *jwt) {
  shop_token_t *token = (shop_token_t *)world;
  int32_t status = shop_token_verify(world->shop, jwt, &token, world->err);

  ck_assert((token == NULL) == (status != SHOP_OK));
  if (status == SHOP_OK)
    ck_assert_str_eq(shop_token_jwt(token), jwt);
  shop_token_free(token);
  return status;
}

/* Every shopper's call must see what verify sees. */
static void refused_everywhere(struct world *world, const shop_token_t *token, int32_t wanted) {
  shop_cart_t *cart = (shop_cart_t *)world;
  shop_order_t *order = (shop_order_t *)world;
  shop_order_page_t *page = (shop_order_page_t *)world;
  shop_t *shop = world->shop;

  ck_refused(world, shop_cart_create(shop, token, NULL, &cart, world->err), wanted);
  ck_assert_ptr_null(cart);
  ck_refused(world, shop_cart_get(shop, token, 1, &cart, world->err), wanted);
  ck_refused(world, shop_cart_add(shop, token, 1, "TEA", 1, NULL, &cart, world->err), wanted);
  ck_refused(world, shop_cart_set_quantity(shop, token, 1, "TEA", 1, NULL, &cart, world->err),
             wanted);
  ck_refused(world, shop_cart_remove(shop, token, 1, "TEA", NULL, &cart, world->err), wanted);
  ck_refused(world, shop_cart_clear(shop, token, 1, NULL, &cart, world->err), wanted);
  ck_refused(world, shop_cart_reprice(shop, token, 1, NULL, &cart, world->err), wanted);
  ck_refused(world, shop_purchase(shop, token, 1, NULL, NULL, &order, world->err), wanted);
  ck_assert_ptr_null(order);
  ck_refused(world, shop_order_get(shop, token, "000000000000", &order, world->err), wanted);
  ck_refused(world, shop_order_list(shop, token, 0, 10, &page, world->err), wanted);
  ck_assert_ptr_null(page);
}

/* ---- time and revocation ------------------------------------------------------------- */

START_TEST(expired_token) {
  struct world *world = world_prepare();
  shop_token_t *token;

  ck_assert_int_eq(shop_config_set_token_life_ms(world->config, 60000), SHOP_OK);
  world_open(world);
  token = world_register(world, "ada@example.org");
  world_pass_ms(world, 59999);
  ck_ok(world, verify(world, shop_token_jwt(token)));
  world_pass_ms(world, 1);
  ck_refused(world, verify(world, shop_token_jwt(token)), SHOP_ERR_TOKEN_EXPIRED);
  refused_everywhere(world, token, SHOP_ERR_TOKEN_EXPIRED);
  ck_ok(world, shop_token_revoke(world->shop, token, NULL, world->err)); /* harmless */
  shop_token_free(token);
  world_free(world);
}
END_TEST

START_TEST(revoked_token) {
  struct world *world = world_new();
  shop_token_t *token = world_register(world, "ada@example.org"), *other = NULL;

  ck_ok(world, shop_user_login(world->shop, "ada@example.org", PASSWORD, NULL, &other, world->err));
  ck_ok(world, shop_token_revoke(world->shop, token, NULL, world->err));
  ck_refused(world, verify(world, shop_token_jwt(token)), SHOP_ERR_TOKEN_REVOKED);
  refused_everywhere(world, token, SHOP_ERR_TOKEN_REVOKED);
  ck_ok(world, verify(world, shop_token_jwt(other))); /* one token, not the user */
  world_pass_ms(world, 1000);
  ck_ok(world, shop_token_revoke(world->shop, token, NULL, world->err));
  ck_assert_int_eq(world_number(world, "SELECT max(revoked_at_ms) FROM tokens"), WORLD_START_MS);
  world_reopen(world);
  ck_refused(world, verify(world, shop_token_jwt(token)), SHOP_ERR_TOKEN_REVOKED);
  shop_token_free(token);
  shop_token_free(other);
  world_free(world);
}
END_TEST

/* Whose user is gone is nobody: not expired, not revoked, no token at all. */
START_TEST(token_of_a_vanished_user) {
  struct world *world = world_new();
  shop_token_t *token = world_register(world, "ada@example.org");

  world_vandalise(world, "DELETE FROM tokens; DELETE FROM users");
  ck_refused(world, verify(world, shop_token_jwt(token)), SHOP_ERR_TOKEN_INVALID);
  refused_everywhere(world, token, SHOP_ERR_TOKEN_INVALID);
  ck_refused(world, shop_token_revoke(world->shop, token, NULL, world->err),
             SHOP_ERR_TOKEN_INVALID);
  shop_token_free(token);
  world_free(world);
}
END_TEST

/* That the account is closed is enough, even if its epoch did not rise with it, and whether its
   address is still there or not. */
START_TEST(token_of_a_closed_user) {
  static const char *const ends[] = {
      "UPDATE users SET closed_at_ms = 1",
      "UPDATE users SET closed_at_ms = 1, email_key = NULL, password_hash = NULL",
      "UPDATE users SET closed_at_ms = 1, email_key = NULL, password_hash = NULL, email = NULL"};

  for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
    struct world *world = world_new();
    shop_token_t *token = world_register(world, "ada@example.org"), *fresh = NULL;

    world_vandalise(world, ends[i]);
    ck_refused(world, verify(world, shop_token_jwt(token)), SHOP_ERR_TOKEN_REVOKED);
    refused_everywhere(world, token, SHOP_ERR_TOKEN_REVOKED);
    ck_refused(world,
               shop_account_set_password(world->shop, token, PASSWORD, "another horse battery",
                                         NULL, &fresh, world->err),
               SHOP_ERR_TOKEN_REVOKED);
    shop_token_free(token);
    world_free(world);
  }
}
END_TEST

/* The same file opened a second time, in this process: revoked at once. */
START_TEST(revoked_in_another_shop_object) {
  struct world *world = world_new();
  shop_token_t *token = world_register(world, "ada@example.org"), *seen = NULL;
  shop_t *second = NULL;

  ck_ok(world, shop_open(world->path, world->config, &second, world->err));
  ck_ok(world, shop_token_verify(second, shop_token_jwt(token), &seen, world->err));
  ck_ok(world, shop_token_revoke(second, token, NULL, world->err)); /* a handle of the same store */
  ck_refused(world, verify(world, shop_token_jwt(token)), SHOP_ERR_TOKEN_REVOKED);
  refused_everywhere(world, seen, SHOP_ERR_TOKEN_REVOKED);
  ck_assert_int_eq(shop_close(second), SHOP_OK);
  shop_token_free(seen);
  shop_token_free(token);
  world_free(world);
}
END_TEST

/* ---- two processes ------------------------------------------------------------------- */

/* Takes a token's text, says whether it is good here; then revokes it. */
static void judge_and_revoke(struct world *world, struct peer *peer) {
  char jwt[JWT_MAX];
  shop_token_t *token = NULL;

  peer_hear(peer, jwt, sizeof jwt);
  world_open(world);
  ck_ok(world, shop_token_verify(world->shop, jwt, &token, world->err));
  peer_tell(peer, "good");
  peer_hear(peer, jwt, sizeof jwt);
  ck_ok(world, shop_token_revoke(world->shop, token, NULL, world->err));
  peer_tell(peer, "revoked");
  peer_hear(peer, jwt, sizeof jwt); /* still open: nothing is flushed by closing */
  ck_assert_int_eq(shop_close(world->shop), SHOP_OK);
}

START_TEST(revoked_in_another_process) {
  struct world *world = world_prepare();
  struct peer peer = peer_start(world, judge_and_revoke);
  shop_token_t *token;
  char said[100];

  world_open(world);
  token = world_register(world, "ada@example.org");
  peer_tell(&peer, shop_token_jwt(token));
  peer_hear(&peer, said, sizeof said);
  ck_ok(world, verify(world, shop_token_jwt(token)));
  peer_tell(&peer, "revoke it");
  peer_hear(&peer, said, sizeof said);
  ck_refused(world, verify(world, shop_token_jwt(token)), SHOP_ERR_TOKEN_REVOKED);
  refused_everywhere(world, token, SHOP_ERR_TOKEN_REVOKED);
  peer_tell(&peer, "done");
  peer_end(&peer);
  shop_token_free(token);
  world_free(world);
}
END_TEST

/* Opens with ES256 while the other one signs with HS256; each must take the
   other's tokens, also with a key that was made after it had opened. */
static void exchange_tokens(struct world *world, struct peer *peer) {
  char text[JWT_MAX];
  shop_token_t *token = NULL;

  ck_assert_int_eq(shop_config_set_token_algorithm(world->config, SHOP_TOKEN_ES256), SHOP_OK);
  peer_hear(peer, text, sizeof text);
  world_open(world);
  token = world_register(world, "bob@example.org");
  peer_tell(peer, shop_token_jwt(token));
  peer_hear(peer, text, sizeof text);
  ck_ok(world, verify(world, text));
  shop_token_free(token);
  ck_assert_int_eq(shop_close(world->shop), SHOP_OK);
}

static const char *algorithm_of(const char *jwt) {
  /* {"alg":"ES256" in base64url, in the order libjwt writes it */
  return strncmp(jwt, "eyJhbGciOiJFUzI1NiI", 19) == 0   ? "ES256"
         : strncmp(jwt, "eyJhbGciOiJIUzI1NiI", 19) == 0 ? "HS256"
                                                        : jwt;
}

START_TEST(processes_with_different_algorithms) {
  struct world *world = world_prepare();
  struct peer peer = peer_start(world, exchange_tokens);
  shop_token_t *token;
  char text[JWT_MAX];

  world_open(world);
  token = world_register(world, "ada@example.org");
  peer_tell(&peer, "open");
  peer_hear(&peer, text, sizeof text);
  ck_assert_str_eq(algorithm_of(text), "ES256");
  ck_assert_str_eq(algorithm_of(shop_token_jwt(token)), "HS256");
  ck_ok(world, verify(world, text));
  peer_tell(&peer, shop_token_jwt(token));
  peer_end(&peer);
  shop_token_free(token);
  world_free(world);
}
END_TEST

/* ---- keys ---------------------------------------------------------------------------- */

/* A key is made once for each algorithm, and kept; what it signed stays good
   after the other one signs. */
START_TEST(keys_are_kept) {
  static const int32_t algorithms[] = {SHOP_TOKEN_HS256, SHOP_TOKEN_ES256, SHOP_TOKEN_HS256};
  static const char *const names[] = {"HS256", "ES256", "HS256"};
  struct world *world = world_prepare();
  shop_token_t *tokens[3] = {NULL};
  char kid[2][64];

  for (int i = 0; i < 3; i++) {
    ck_assert_int_eq(shop_config_set_token_algorithm(world->config, algorithms[i]), SHOP_OK);
    world_reopen(world);
    ck_assert_int_eq(world_number(world, "SELECT count(*) FROM signing_keys"), i == 0 ? 1 : 2);
    if (i == 0)
      tokens[i] = world_register(world, "ada@example.org");
    else
      ck_ok(world, shop_user_login(world->shop, "ada@example.org", PASSWORD, NULL, &tokens[i],
                                   world->err));
    ck_assert_str_eq(algorithm_of(shop_token_jwt(tokens[i])), names[i]);
    if (i != 1)
      world_text(world, "SELECT kid FROM signing_keys WHERE alg = 1", kid[i / 2], sizeof kid[0]);
  }
  ck_assert_str_eq(kid[0], kid[1]);
  world_reopen(world);
  for (int i = 0; i < 3; i++) {
    ck_ok(world, verify(world, shop_token_jwt(tokens[i])));
    shop_token_free(tokens[i]);
  }
  world_free(world);
}
END_TEST

/* A damaged key is a damaged store: nothing is signed or checked with it. */
START_TEST(damaged_key) {
  struct world *world = world_new();
  shop_t *second = (shop_t *)world;

  shop_token_free(world_register(world, "ada@example.org"));
  world_vandalise(world, "UPDATE signing_keys SET secret = zeroblob(32)");
  ck_refused(world, shop_open(world->path, world->config, &second, world->err), SHOP_ERR_CORRUPT);
  ck_assert_ptr_null(second);
  world_vandalise(world, "UPDATE signing_keys SET secret = x'00'");
  ck_refused(world, shop_open(world->path, world->config, &second, world->err), SHOP_ERR_CORRUPT);
  world_free(world);
}
END_TEST

/* Several shops may share a host, and their handles must not. */
START_TEST(tokens_of_another_shop) {
  struct world *here = world_new(), *there = world_new();
  shop_token_t *token = world_register(there, "ada@example.org");

  shop_token_free(world_register(here, "ada@example.org"));
  refused_everywhere(here, token, SHOP_ERR_FOREIGN);
  ck_refused(here, shop_token_revoke(here->shop, token, NULL, here->err), SHOP_ERR_FOREIGN);
  ck_refused(here, verify(here, shop_token_jwt(token)), SHOP_ERR_TOKEN_INVALID);
  shop_token_free(token);
  world_free(here);
  world_free(there);
}
END_TEST

/* ---- the issuer ---------------------------------------------------------------------- */

START_TEST(issuer) {
  struct world *world = world_new();
  shop_token_t *first = world_register(world, "ada@example.org"), *second;
  char longest[256];

  memset(longest, 'i', 255);
  longest[255] = '\0';
  ck_assert_int_eq(shop_config_set_token_issuer(world->config, longest), SHOP_OK);
  world_reopen(world);
  ck_refused(world, verify(world, shop_token_jwt(first)), SHOP_ERR_TOKEN_INVALID);
  second = world_register(world, "bob@example.org");
  ck_ok(world, verify(world, shop_token_jwt(second)));
  ck_assert_int_eq(shop_config_set_token_issuer(world->config, "libshop"), SHOP_OK);
  world_reopen(world);
  ck_ok(world, verify(world, shop_token_jwt(first)));
  ck_refused(world, verify(world, shop_token_jwt(second)), SHOP_ERR_TOKEN_INVALID);
  shop_token_free(first);
  shop_token_free(second);
  world_free(world);
}
END_TEST

/* ---- forgeries ----------------------------------------------------------------------- */

/* Every change of one character, and every cut, must be refused. */
static void tampered(int32_t algorithm) {
  struct world *world = world_prepare();
  shop_token_t *token;
  char text[JWT_MAX];
  size_t size;

  ck_assert_int_eq(shop_config_set_token_algorithm(world->config, algorithm), SHOP_OK);
  world_open(world);
  token = world_register(world, "ada@example.org");
  size = strlen(shop_token_jwt(token));
  for (size_t i = 0; i < size; i++) {
    strcpy(text, shop_token_jwt(token));
    text[i] = text[i] == 'A' ? 'B' : 'A';
    ck_status(world, verify(world, text), SHOP_ERR_TOKEN_INVALID);
    strcpy(text, shop_token_jwt(token));
    text[i] = '\0';
    ck_status(world, verify(world, text), i == 0 ? SHOP_ERR_ARGUMENT : SHOP_ERR_TOKEN_INVALID);
  }
  /* The last character has bits that are not needed: only one form is good. */
  for (const char *last = ALPHABET; *last != '\0'; last++) {
    strcpy(text, shop_token_jwt(token));
    if (*last == text[size - 1])
      continue;
    text[size - 1] = *last;
    ck_status(world, verify(world, text), SHOP_ERR_TOKEN_INVALID);
  }
  for (const char *tail = "A=. \n"; *tail != '\0'; tail++) {
    snprintf(text, sizeof text, "%s%c", shop_token_jwt(token), *tail);
    ck_status(world, verify(world, text), SHOP_ERR_TOKEN_INVALID);
    snprintf(text, sizeof text, "%c%s", *tail, shop_token_jwt(token));
    ck_status(world, verify(world, text), SHOP_ERR_TOKEN_INVALID);
  }
  ck_ok(world, verify(world, shop_token_jwt(token)));
  shop_token_free(token);
  world_free(world);
}

START_TEST(tampered_hs256) {
  tampered(SHOP_TOKEN_HS256);
}
END_TEST

START_TEST(tampered_es256) {
  tampered(SHOP_TOKEN_ES256);
}
END_TEST

static void append_base64url(char *out, const void *data, size_t size) {
  sodium_bin2base64(out + strlen(out), JWT_MAX - strlen(out), data, size,
                    sodium_base64_VARIANT_URLSAFE_NO_PADDING);
}

/* A token signed by HMAC with these bytes as its key. */
static void forge(char out[JWT_MAX], const char *header, const char *payload, const void *key,
                  size_t key_size) {
  crypto_auth_hmacsha256_state state;
  unsigned char tag[crypto_auth_hmacsha256_BYTES];

  out[0] = '\0';
  append_base64url(out, header, strlen(header));
  strcat(out, ".");
  append_base64url(out, payload, strlen(payload));
  crypto_auth_hmacsha256_init(&state, key, key_size);
  crypto_auth_hmacsha256_update(&state, (const unsigned char *)out, strlen(out));
  crypto_auth_hmacsha256_final(&state, tag);
  strcat(out, ".");
  append_base64url(out, tag, sizeof tag);
}

/* The parts of a good token: its header and payload as JSON. */
static void take_apart(const char *jwt, char header[1000], char payload[2000]) {
  const char *dot = strchr(jwt, '.'), *second = strchr(dot + 1, '.');
  size_t size = 0;

  ck_assert_int_eq(sodium_base642bin((unsigned char *)header, 999, jwt, (size_t)(dot - jwt), NULL,
                                     &size, NULL, sodium_base64_VARIANT_URLSAFE_NO_PADDING),
                   0);
  header[size] = '\0';
  ck_assert_int_eq(sodium_base642bin((unsigned char *)payload, 1999, dot + 1,
                                     (size_t)(second - dot - 1), NULL, &size, NULL,
                                     sodium_base64_VARIANT_URLSAFE_NO_PADDING),
                   0);
  payload[size] = '\0';
}

/* One replacement in a text; the old part must be there. */
static void replaced(char out[2000], const char *text, const char *old, const char *new) {
  const char *at = strstr(text, old);

  ck_assert_msg(at != NULL, "no %s in %s", old, text);
  snprintf(out, 2000, "%.*s%s%s", (int)(at - text), text, new, at + strlen(old));
}

static size_t stored_key(struct world *world, int32_t alg, unsigned char out[512]) {
  char sql[100], hex[1025];
  size_t size = 0;

  snprintf(sql, sizeof sql, "SELECT hex(secret) FROM signing_keys WHERE alg = %d", alg);
  world_text(world, sql, hex, sizeof hex);
  ck_assert_int_eq(sodium_hex2bin(out, 512, hex, strlen(hex), NULL, &size, NULL), 0);
  return size;
}

static const struct {
  const char *part; /* of header or payload, and what it becomes */
  const char *becomes;
  int32_t status;
} edits[] = {
    {"\"alg\":\"HS256\"", "\"alg\":\"none\"", SHOP_ERR_TOKEN_INVALID},
    {"\"alg\":\"HS256\"", "\"alg\":\"None\"", SHOP_ERR_TOKEN_INVALID},
    {"\"alg\":\"HS256\"", "\"alg\":\"HS384\"", SHOP_ERR_TOKEN_INVALID},
    {"\"alg\":\"HS256\"", "\"alg\":\"ES256\"", SHOP_ERR_TOKEN_INVALID},
    {"\"alg\":\"HS256\"", "\"alg\":\"hs256\"", SHOP_ERR_TOKEN_INVALID},
    {"\"alg\":\"HS256\"", "\"alg\":\"HS256\",\"crit\":[\"exp\"]", SHOP_ERR_TOKEN_INVALID},
    {"\"alg\":\"HS256\"", "\"alg\":\"HS256\",\"alg\":\"HS256\"", SHOP_ERR_TOKEN_INVALID},
    {"\"kid\":\"", "\"kid\":\"x", SHOP_ERR_TOKEN_INVALID},
    {"\"iss\":\"libshop\"", "\"iss\":\"libshoq\"", SHOP_ERR_TOKEN_INVALID},
    {"\"iss\":\"libshop\"", "\"iss\":[\"libshop\"]", SHOP_ERR_TOKEN_INVALID},
    {"\"iss\":\"libshop\",", "", SHOP_ERR_TOKEN_INVALID},
    {"\"epoch\":1", "\"epoch\":2", SHOP_ERR_TOKEN_INVALID},
    {"\"epoch\":1", "\"epoch\":\"1\"", SHOP_ERR_TOKEN_INVALID},
    {"\"epoch\":1", "\"epoch\":1,\"epoch\":1", SHOP_ERR_TOKEN_INVALID},
    {"\"sub\":\"", "\"sub\":\"x", SHOP_ERR_TOKEN_INVALID},
    {"\"exp\":18", "\"exp\":\"18\",\"x\":18", SHOP_ERR_TOKEN_INVALID},
    {"\"exp\":18", "\"exp\":true,\"x\":18", SHOP_ERR_TOKEN_INVALID},
    {"\"exp\":18", "\"exp\":1e9,\"x\":18", SHOP_ERR_TOKEN_INVALID},
    {"\"exp\":18", "\"exp\":-5,\"x\":18", SHOP_ERR_TOKEN_INVALID},
    {"\"exp\":18", "\"exp\":9007199254740991,\"x\":18", SHOP_ERR_TOKEN_INVALID},
    {"\"exp\":18", "\"x\":18", SHOP_ERR_TOKEN_INVALID},
    {"\"exp\":18", "\"exp\":1800000000,\"x\":18", SHOP_ERR_TOKEN_INVALID}, /* not after iat */
    {"\"exp\":18", "\"exp\":18", SHOP_OK}, /* the forge itself works */
};

/* Even with the shop's own key, only what the shop itself says is a token: the
   right types, a row that stands for it, and the row's own user and epoch. */
START_TEST(forged_with_the_right_key) {
  struct world *world = world_new();
  shop_token_t *token = world_register(world, "ada@example.org");
  char header[1000], payload[2000], edited[2000], jwt[JWT_MAX];
  unsigned char key[512];
  size_t key_size = stored_key(world, SHOP_TOKEN_HS256, key);

  take_apart(shop_token_jwt(token), header, payload);
  for (size_t i = 0; i < sizeof edits / sizeof edits[0]; i++) {
    bool in_header = strstr(header, edits[i].part) != NULL;

    replaced(edited, in_header ? header : payload, edits[i].part, edits[i].becomes);
    forge(jwt, in_header ? edited : header, in_header ? payload : edited, key, key_size);
    ck_status(world, verify(world, jwt), edits[i].status);
    if (in_header && strstr(edited, "one\"") != NULL) { /* alg none, with no signature */
      *(strrchr(jwt, '.') + 1) = '\0';
      ck_status(world, verify(world, jwt), SHOP_ERR_TOKEN_INVALID);
    }
  }
  shop_token_free(token);
  world_free(world);
}
END_TEST

/* Another token's row does not stand for it: subject and jti belong together. */
START_TEST(claims_of_two_users_mixed) {
  struct world *world = world_new();
  shop_token_t *ada = world_register(world, "ada@example.org");
  shop_token_t *bob = world_register(world, "bob@example.org");
  char header[1000], payload[2000], bobs[2000], edited[2000], subject[64], sub[100], jwt[JWT_MAX];
  unsigned char key[512];
  size_t key_size = stored_key(world, SHOP_TOKEN_HS256, key);

  take_apart(shop_token_jwt(ada), header, payload);
  take_apart(shop_token_jwt(bob), header, bobs);
  world_text(world, "SELECT subject FROM users WHERE email LIKE 'ada%'", subject, sizeof subject);
  world_text(world, "SELECT subject FROM users WHERE email LIKE 'bob%'", sub, sizeof sub);
  replaced(edited, payload, subject, sub);
  forge(jwt, header, edited, key, key_size);
  ck_refused(world, verify(world, jwt), SHOP_ERR_TOKEN_INVALID);
  forge(jwt, header, bobs, key, key_size);
  ck_ok(world, verify(world, jwt));
  shop_token_free(ada);
  shop_token_free(bob);
  world_free(world);
}
END_TEST

/* Signed by nobody, by another key, and by the public half of an ES256 key as
   if it were a secret (RFC 8725 2.1). */
START_TEST(forged_with_other_keys) {
  struct world *world = world_prepare();
  char header[1000], payload[2000], edited[2000], jwt[JWT_MAX];
  unsigned char key[512], pem[512] = {0};
  mbedtls_pk_context pk;
  shop_token_t *token;
  size_t key_size;

  ck_assert_int_eq(shop_config_set_token_algorithm(world->config, SHOP_TOKEN_ES256), SHOP_OK);
  world_open(world);
  token = world_register(world, "ada@example.org");
  take_apart(shop_token_jwt(token), header, payload);
  replaced(edited, header, "ES256", "HS256");

  forge(jwt, edited, payload, "", 0);
  ck_refused(world, verify(world, jwt), SHOP_ERR_TOKEN_INVALID);
  forge(jwt, edited, payload, "secret", 6);
  ck_refused(world, verify(world, jwt), SHOP_ERR_TOKEN_INVALID);
  key_size = stored_key(world, SHOP_TOKEN_ES256, key);
  forge(jwt, edited, payload, key, key_size);
  ck_refused(world, verify(world, jwt), SHOP_ERR_TOKEN_INVALID);
  key[key_size] = '\0';
  mbedtls_pk_init(&pk);
  ck_assert_int_eq(mbedtls_pk_parse_key(&pk, key, key_size + 1, NULL, 0), 0);
  ck_assert_int_eq(mbedtls_pk_write_pubkey_pem(&pk, pem, sizeof pem), 0);
  mbedtls_pk_free(&pk);
  forge(jwt, edited, payload, pem, strlen((char *)pem));
  ck_refused(world, verify(world, jwt), SHOP_ERR_TOKEN_INVALID);
  replaced(edited, header, "ES256", "none");
  forge(jwt, edited, payload, pem, strlen((char *)pem));
  ck_refused(world, verify(world, jwt), SHOP_ERR_TOKEN_INVALID);
  ck_ok(world, verify(world, shop_token_jwt(token)));
  shop_token_free(token);
  world_free(world);
}
END_TEST

/* ---- handles ------------------------------------------------------------------------- */

/* Options of revoke: only the deadline. */
START_TEST(options_of_revoke) {
  struct world *world = world_new();
  shop_token_t *token = world_register(world, "ada@example.org");
  shop_options_t *key = options_with_key("k"), *version = options_with_version(1),
                 *deadline = options_with_deadline(30);
  sqlite3 *other = NULL;

  ck_refused(world, shop_token_revoke(world->shop, token, key, world->err), SHOP_ERR_ARGUMENT);
  ck_refused(world, shop_token_revoke(world->shop, token, version, world->err), SHOP_ERR_ARGUMENT);
  ck_assert_int_eq(sqlite3_open(world->path, &other), SQLITE_OK);
  ck_assert_int_eq(sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
  ck_refused(world, shop_token_revoke(world->shop, token, deadline, world->err), SHOP_ERR_DEADLINE);
  sqlite3_close(other);
  ck_ok(world, verify(world, shop_token_jwt(token)));
  ck_ok(world, shop_token_revoke(world->shop, token, deadline, world->err));
  shop_options_free(key);
  shop_options_free(version);
  shop_options_free(deadline);
  shop_token_free(token);
  world_free(world);
}
END_TEST

int main(void) {
  const TTest *tests[] = {
      expired_token,
      revoked_token,
      token_of_a_vanished_user,
      token_of_a_closed_user,
      revoked_in_another_shop_object,
      revoked_in_another_process,
      processes_with_different_algorithms,
      keys_are_kept,
      damaged_key,
      tokens_of_another_shop,
      issuer,
      tampered_hs256,
      tampered_es256,
      forged_with_the_right_key,
      claims_of_two_users_mixed,
      forged_with_other_keys,
      options_of_revoke,
  };

  return HARNESS_RUN("tokens", tests);
}
