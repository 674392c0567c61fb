/* Signing keys under a secret of the host: nothing of them in the file, nothing without the secret,
   and nothing left in memory after close. */
#include <harness.h>
#include <scan.h>

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIRST "0123456789abcdef0123456789abcdef"
#define SECOND "another secret of the host, longer"
#define JWT_MAX 4200

static void give_secret(struct world *world, const char *secret) {
  ck_assert_int_eq(
      shop_config_set_key_secret(world->config, secret, secret == NULL ? 0 : strlen(secret)),
      SHOP_OK);
}

static int32_t verify(struct world *world, const char *jwt) {
  shop_token_t *token = NULL;
  int32_t status = shop_token_verify(world->shop, jwt, &token, world->err);

  shop_token_free(token);
  return status;
}

/* Opens the world's store a second time. */
static int32_t open_again(struct world *world) {
  shop_t *second = (shop_t *)world;
  int32_t status = shop_open(world->path, world->config, &second, world->err);

  ck_assert((second == NULL) == (status != SHOP_OK));
  if (second != NULL)
    ck_assert_int_eq(shop_close(second), SHOP_OK);
  return status;
}

static void close_shop(struct world *world) {
  ck_assert_int_eq(shop_close(world->shop), SHOP_OK);
  world->shop = NULL;
}

/* The stored bytes of the key of an algorithm. */
static size_t stored(struct world *world, int32_t alg, unsigned char out[600]) {
  char sql[100], hex[1201];
  size_t size = 0;

  snprintf(sql, sizeof sql, "SELECT hex(secret) FROM signing_keys WHERE alg = %d", alg);
  world_text(world, sql, hex, sizeof hex);
  ck_assert_int_eq(sodium_hex2bin(out, 600, hex, strlen(hex), NULL, &size, NULL), 0);
  return size;
}

static bool holds(const unsigned char *data, size_t size, const unsigned char *part,
                  size_t length) {
  for (size_t i = 0; i + length <= size; i++)
    if (data[i] == part[0] && memcmp(data + i, part, length) == 0)
      return true;
  return false;
}

static bool file_holds(const char *path, const unsigned char *part, size_t length) {
  FILE *file = fopen(path, "rb");
  static unsigned char data[1 << 22];
  size_t size;

  if (file == NULL)
    return false;
  size = fread(data, 1, sizeof data, file);
  ck_assert_uint_lt(size, sizeof data);
  fclose(file);
  return holds(data, size, part, length);
}

/* ---- opening ----------------------------------------------------------------------------------
 */

/* Sealed from the first open on: with the secret it works, without it or with another it is not
   opened, and nothing changes. */
START_TEST(secret_is_asked_for) {
  struct world *world = world_prepare();
  shop_token_t *token;

  give_secret(world, FIRST);
  world_open(world);
  token = world_register(world, "ada@example.org");
  ck_assert_int_eq(world_number(world, "SELECT min(sealed) FROM signing_keys"), 1);
  world_reopen(world);
  ck_ok(world, verify(world, shop_token_jwt(token)));
  give_secret(world, NULL);
  ck_refused(world, open_again(world), SHOP_ERR_KEY_SECRET);
  ck_assert_ptr_null(strstr(shop_error_message(world->err), FIRST));
  give_secret(world, SECOND);
  ck_refused(world, open_again(world), SHOP_ERR_KEY_SECRET);
  ck_assert_int_eq(shop_config_set_token_algorithm(world->config, SHOP_TOKEN_ES256), SHOP_OK);
  ck_refused(world, open_again(world),
             SHOP_ERR_KEY_SECRET); /* nor with a key of its own beside it */
  give_secret(world, FIRST);
  ck_ok(world, open_again(world));
  ck_assert_int_eq(world_number(world, "SELECT min(sealed) FROM signing_keys"), 1);
  ck_ok(world, shop_key_rotate(world->shop, 0, NULL, world->err));
  ck_assert_int_eq(world_number(world, "SELECT count(*) FROM signing_keys WHERE sealed = 1"), 3);
  shop_token_free(token);
  world_free(world);
}
END_TEST

/* A sealed key is bound to its name and algorithm, and no bit of it may change. */
START_TEST(damaged_seals) {
  static const char *const crimes[] = {
      "UPDATE signing_keys SET secret = substr(secret, 1, 41)",
      "UPDATE signing_keys SET secret = substr(secret, 2)",
      "UPDATE signing_keys SET secret = CAST(secret || x'00' AS BLOB)",
      "UPDATE signing_keys SET secret = x''",
      "UPDATE signing_keys SET secret = CAST(x'02' || substr(secret, 2) AS BLOB)",
      "UPDATE signing_keys SET secret = CAST(substr(secret, 1, 40) ||"
      " CASE WHEN substr(secret, 41, 1) = x'00' THEN x'01' ELSE x'00' END || substr(secret, 42)"
      " AS BLOB)",
      "UPDATE signing_keys SET secret = zeroblob(600)",
      "UPDATE signing_keys SET sealed = 0",
      "UPDATE signing_keys SET kid = 'another'",
      "UPDATE signing_keys SET alg = 2"};

  for (size_t i = 0; i < sizeof crimes / sizeof crimes[0]; i++) {
    struct world *world = world_prepare();
    int32_t status;

    give_secret(world, FIRST);
    world_open(world);
    world_vandalise(world, crimes[i]);
    status = open_again(world);
    ck_assert_msg(status == SHOP_ERR_KEY_SECRET || status == SHOP_ERR_CORRUPT, "%s: %s", crimes[i],
                  shop_status_name(status));
    world_free(world);
  }
}
END_TEST

/* ---- turning it on, and changing it
 * ---------------------------------------------------------------- */

/* A store that stood open is sealed when it is next opened with a secret: the file then holds
   nothing of the key, and the tokens stay good. */
static void sealed_later(int32_t algorithm) {
  struct world *world = world_prepare();
  unsigned char key[600];
  shop_token_t *token;
  char wal[120];
  size_t size;

  ck_assert_int_eq(shop_config_set_token_algorithm(world->config, algorithm), SHOP_OK);
  world_open(world);
  token = world_register(world, "ada@example.org");
  size = stored(world, algorithm, key);
  ck_assert_uint_ge(size, 32);
  close_shop(world);
  ck_assert(file_holds(world->path, key, size));
  give_secret(world, FIRST);
  world_open(world);
  ck_ok(world, verify(world, shop_token_jwt(token)));
  ck_assert_int_eq(world_number(world, "SELECT min(sealed) FROM signing_keys"), 1);
  close_shop(world);
  ck_assert(!file_holds(world->path, key, 24));
  snprintf(wal, sizeof wal, "%s-wal", world->path);
  ck_assert(!file_holds(wal, key, 24));
  world_open(world);
  ck_ok(world, verify(world, shop_token_jwt(token)));
  shop_token_free(token);
  world_free(world);
}

START_TEST(sealed_later_hs256) {
  sealed_later(SHOP_TOKEN_HS256);
}
END_TEST

START_TEST(sealed_later_es256) {
  sealed_later(SHOP_TOKEN_ES256);
}
END_TEST

/* A new secret takes the place of the old one, or of none; keys of both kinds and states go with
 * it. */
START_TEST(rewrapped) {
  for (int way = 0; way < 2; way++) {
    struct world *world = world_prepare();
    shop_token_t *token;

    if (way == 1)
      give_secret(world, FIRST);
    world_open(world);
    token = world_register(world, "ada@example.org");
    ck_ok(world, shop_key_rotate(world->shop, SHOP_TOKEN_ES256, NULL, world->err));
    ck_ok(world, shop_key_rotate(world->shop, SHOP_TOKEN_HS256, NULL, world->err));
    ck_refused(world, shop_key_rewrap(world->shop, SECOND, 15, NULL, world->err),
               SHOP_ERR_ARGUMENT);
    ck_refused(world, shop_key_rewrap(world->shop, NULL, 16, NULL, world->err), SHOP_ERR_ARGUMENT);
    ck_refused(world, shop_key_rewrap(world->shop, SECOND, 1025, NULL, world->err),
               SHOP_ERR_ARGUMENT);
    ck_ok(world, shop_key_rewrap(world->shop, SECOND, strlen(SECOND), NULL, world->err));
    ck_assert_int_eq(world_number(world, "SELECT count(*) FROM signing_keys WHERE sealed = 1"), 3);
    ck_ok(world, shop_key_rotate(world->shop, 0, NULL, world->err)); /* by the new one */
    ck_refused(world, open_again(world), SHOP_ERR_KEY_SECRET);
    give_secret(world, SECOND);
    world_reopen(world);
    ck_ok(world, verify(world, shop_token_jwt(token)));
    shop_token_free(token);
    world_free(world);
  }
}
END_TEST

/* Another process has sealed the keys anew: this one cannot read what it has not, and says why. */
START_TEST(rewrapped_elsewhere) {
  struct world *world = world_prepare();
  shop_t *second = NULL;
  shop_token_t *token;

  give_secret(world, FIRST);
  world_open(world);
  ck_ok(world, shop_open(world->path, world->config, &second, world->err));
  ck_ok(world, shop_key_rewrap(second, SECOND, strlen(SECOND), NULL, world->err));
  token = world_register(world, "ada@example.org"); /* by the key that it has in memory */
  ck_refused(world, shop_key_rewrap(world->shop, "yet another secret", 18, NULL, world->err),
             SHOP_ERR_KEY_SECRET);
  ck_ok(world, shop_key_rotate(second, 0, NULL, world->err));
  shop_token_free(token);
  token = NULL;
  ck_refused(world,
             shop_user_login(world->shop, "ada@example.org", PASSWORD, NULL, &token, world->err),
             SHOP_ERR_KEY_SECRET);
  ck_assert_ptr_null(token);
  ck_assert_int_eq(shop_close(second), SHOP_OK);
  world_free(world);
}
END_TEST

START_TEST(settings) {
  shop_config_t *config = NULL;
  static const char longest[1025];

  ck_assert_int_eq(shop_config_new(&config), SHOP_OK);
  ck_assert_int_eq(shop_config_set_key_secret(NULL, FIRST, 16), SHOP_ERR_ARGUMENT);
  ck_assert_int_eq(shop_config_set_key_secret(config, FIRST, 15), SHOP_ERR_ARGUMENT);
  ck_assert_int_eq(shop_config_set_key_secret(config, FIRST, 0), SHOP_ERR_ARGUMENT);
  ck_assert_int_eq(shop_config_set_key_secret(config, NULL, 16), SHOP_ERR_ARGUMENT);
  ck_assert_int_eq(shop_config_set_key_secret(config, longest, 1025), SHOP_ERR_ARGUMENT);
  ck_assert_int_eq(shop_config_set_key_secret(config, longest, 1024), SHOP_OK);
  ck_assert_int_eq(shop_config_set_key_secret(config, NULL, 0), SHOP_OK);
  shop_config_free(config);
}
END_TEST

/* ---- memory
 * ------------------------------------------------------------------------------------------- */

#define NEEDLE_BYTES 20

/* In a process of its own, so that nothing of it is left in this one: makes the shop with an open
   key, seals it, and tells the key with every bit turned. */
static void make_sealed(struct world *world, struct peer *peer) {
  unsigned char key[600];
  char hex[2 * NEEDLE_BYTES + 1];
  int32_t algorithm;

  peer_hear(peer, hex, sizeof hex);
  algorithm = hex[0] == 'e' ? SHOP_TOKEN_ES256 : SHOP_TOKEN_HS256;
  ck_assert_int_eq(shop_config_set_token_algorithm(world->config, algorithm), SHOP_OK);
  world_open(world);
  /* of a PEM the middle, in base64; of an HMAC key the beginning */
  stored(world, algorithm, key);
  if (algorithm == SHOP_TOKEN_ES256)
    memmove(key, key + 45, NEEDLE_BYTES);
  for (int i = 0; i < NEEDLE_BYTES; i++)
    key[i] = (unsigned char)~key[i];
  sodium_bin2hex(hex, sizeof hex, key, NEEDLE_BYTES);
  close_shop(world);
  give_secret(world, FIRST);
  world_open(world);
  close_shop(world);
  peer_tell(peer, hex);
}

struct life {
  struct world *world;
  shop_token_t *token;
};

/* Signs and checks. */
static void live(void *ctx) {
  struct life *life = ctx;
  struct world *world = life->world;

  world_open(world);
  life->token = world_register(world, "ada@example.org");
  ck_ok(world, verify(world, shop_token_jwt(life->token)));
}

static void end(void *ctx) {
  struct life *life = ctx;

  close_shop(life->world);
}

/* While the shop is open its key is in memory (so the scan sees it); after close it is not, nor
   what HMAC begins with (RFC 2104). */
static void nothing_left(const char *algorithm) {
  struct life life = {.world = world_prepare()};
  struct world *world = life.world;
  struct peer peer = peer_start(world, make_sealed);
  struct secret key[3] = {{.size = NEEDLE_BYTES}};
  char hex[2 * NEEDLE_BYTES + 1];
  size_t size = 0;

  peer_tell(&peer, algorithm);
  peer_hear(&peer, hex, sizeof hex);
  peer_end(&peer);
  ck_assert_int_eq(sodium_hex2bin(key[0].turned, NEEDLE_BYTES, hex, strlen(hex), NULL, &size, NULL),
                   0);
  ck_assert_uint_eq(size, NEEDLE_BYTES);
  key[1] = key[2] = key[0];
  for (size_t i = 0; i < NEEDLE_BYTES; i++) {
    key[1].turned[i] ^= 0x36;
    key[2].turned[i] ^= 0x5c;
  }
  ck_assert_int_eq(shop_config_set_token_algorithm(
                       world->config, algorithm[0] == 'e' ? SHOP_TOKEN_ES256 : SHOP_TOKEN_HS256),
                   SHOP_OK);
  give_secret(world, FIRST);
  run_on_kept_stack(live, &life);
  ck_assert_int_ge(secrets_in_memory(key, 1), 1);
  run_on_kept_stack(end, &life);
  ck_assert_int_eq(secrets_in_memory(key, 3), 0);
  shop_token_free(life.token);
  world_open(world);
  world_free(world);
}

START_TEST(nothing_left_hs256) {
  nothing_left("hs256");
}
END_TEST

START_TEST(nothing_left_es256) {
  nothing_left("es256");
}
END_TEST

/* ---- keys that were made here ------------------------------------------------------------------
 */

#define KID_BYTES 24
#define HMAC_KEY_BYTES 32

/* What lib/secret/seal.c does, the other way round: the key of this state (1: it signs, 2: it only
   checks), with every bit turned, in hex. */
static void unseal(struct world *world, int32_t state, char hex[2 * HMAC_KEY_BYTES + 1]) {
  static const unsigned char purpose[] = "libshop: signing keys";
  unsigned char sealed[200], name[KID_BYTES + 1] = {0}, key[32], plain[HMAC_KEY_BYTES];
  crypto_generichash_state hash;
  char sql[100], text[401], kid[KID_BYTES];
  unsigned long long used = 0;
  size_t size = 0;

  snprintf(sql, sizeof sql, "SELECT hex(secret) FROM signing_keys WHERE state = %d", state);
  world_text(world, sql, text, sizeof text);
  ck_assert_int_eq(sodium_hex2bin(sealed, sizeof sealed, text, strlen(text), NULL, &size, NULL), 0);
  snprintf(sql, sizeof sql, "SELECT kid FROM signing_keys WHERE state = %d", state);
  world_text(world, sql, kid, sizeof kid);
  memcpy(name, kid, strlen(kid));
  name[KID_BYTES] = SHOP_TOKEN_HS256;
  crypto_generichash_init(&hash, purpose, sizeof purpose - 1, sizeof key);
  crypto_generichash_update(&hash, (const unsigned char *)FIRST, strlen(FIRST));
  crypto_generichash_final(&hash, key, sizeof key);
  ck_assert_int_eq(crypto_aead_xchacha20poly1305_ietf_decrypt(plain, &used, NULL, sealed + 25,
                                                              size - 25, name, sizeof name,
                                                              sealed + 1, key),
                   0);
  ck_assert_uint_eq(used, HMAC_KEY_BYTES);
  for (size_t i = 0; i < sizeof plain; i++)
    plain[i] = (unsigned char)~plain[i];
  sodium_bin2hex(hex, 2 * HMAC_KEY_BYTES + 1, plain, sizeof plain);
}

static void unseal_both(struct world *world, struct peer *peer) {
  char hex[2 * HMAC_KEY_BYTES + 1];

  peer_hear(peer, hex, sizeof hex);
  for (int32_t state = 1; state <= 2; state++) {
    unseal(world, state, hex);
    peer_tell(peer, hex);
  }
}

/* The first one at open, and another in its place. */
static void make_two(void *ctx) {
  struct life *life = ctx;
  struct world *world = life->world;

  live(ctx);
  ck_ok(world, shop_key_rotate(world->shop, 0, NULL, world->err));
  ck_ok(world, verify(world, shop_token_jwt(life->token)));
}

/* Of a key that this process has made nothing is left either. */
START_TEST(nothing_left_of_new_keys) {
  struct life life = {.world = world_prepare()};
  struct world *world = life.world;
  struct peer peer = peer_start(world, unseal_both);
  struct secret keys[2] = {{.size = HMAC_KEY_BYTES}, {.size = HMAC_KEY_BYTES}};
  char hex[2 * HMAC_KEY_BYTES + 1];

  give_secret(world, FIRST);
  run_on_kept_stack(make_two, &life);
  peer_tell(&peer, "now");
  for (int i = 0; i < 2; i++) {
    peer_hear(&peer, hex, sizeof hex);
    ck_assert_int_eq(
        sodium_hex2bin(keys[i].turned, HMAC_KEY_BYTES, hex, strlen(hex), NULL, NULL, NULL), 0);
    ck_assert_int_ge(secrets_in_memory(&keys[i], 1), 1);
  }
  peer_end(&peer);
  run_on_kept_stack(end, &life);
  ck_assert_int_eq(secrets_in_memory(keys, 2), 0);
  shop_token_free(life.token);
  world_free(world);
}
END_TEST

int main(void) {
  const TTest *tests[] = {
      secret_is_asked_for,
      damaged_seals,
      sealed_later_hs256,
      sealed_later_es256,
      rewrapped,
      rewrapped_elsewhere,
      settings,
      nothing_left_hs256,
      nothing_left_es256,
      nothing_left_of_new_keys,
  };

  return HARNESS_RUN("key secret", tests);
}
