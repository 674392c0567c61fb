/* Each function of lib/secret that is given a secret, alone on a stack that is kept as it left it:
   nothing of the secret is found afterwards, on that stack, in freed blocks or in libsodium's own
   memory. (What is looked for, and how, is in harness/scan.h; whole calls of the library are
   watched by contract/test_secrets_wiped.c.) */
#include "secret_password.h"
#include "secret.h"

#include <scan.h>

#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct {
  struct secret secret;
  char *shown; /* the caller's own copy */
  shop__hasher_t *hasher;
  struct shop__peppers peppers;
  struct shop__seal seal;
  uint8_t sealed[SHOP__SEALED_MAX_BYTES];
  size_t sealed_size;
  char hash[SHOP__PASSWORD_HASH_BYTES];
  uint8_t digest[32];
  char *jwt;
  bool match;
  int32_t status;
} on;

static void make_hasher(bool peppered) {
  static const char pepper[] = "0123456789abcdef0123456789abcdef";

  ck_assert_int_eq(shop__secret_init(NULL), SHOP_OK);
  ck_assert_int_eq(shop__hasher_new(&(struct shop__hasher_settings){8, 1, 2}, &on.hasher, NULL),
                   SHOP_OK);
  if (peppered)
    shop__pepper_make(pepper, sizeof pepper - 1, &on.peppers.each[0]);
  shop__hasher_set_peppers(on.hasher, &on.peppers);
}

/* The secret with what HMAC makes of a key (RFC 2104), after fn. */
static int32_t left_by(void (*fn)(void *ctx), size_t size) {
  struct secret wanted[3];

  secret_draw(&on.secret, size);
  wanted[0] = wanted[1] = wanted[2] = on.secret;
  for (size_t i = 0; i < size; i++) {
    wanted[1].turned[i] ^= 0x36;
    wanted[2].turned[i] ^= 0x5c;
  }
  on.shown = secret_show(&on.secret);
  run_on_kept_stack(fn, NULL);
  secret_hide(on.shown);
  ck_assert_int_eq(on.status, SHOP_OK);
  return secrets_in_memory(wanted, 3);
}

static void hash(void *ctx) {
  (void)ctx;
  on.status = shop__password_hash(on.hasher, on.shown, 0, on.hash, NULL);
}

static void verify(void *ctx) {
  (void)ctx;
  on.status = shop__password_verify(on.hasher, on.hash, on.shown, 0, &on.match, NULL, NULL);
}

static void verify_nobody(void *ctx) {
  (void)ctx;
  on.status = shop__password_verify(on.hasher, NULL, on.shown, 0, &on.match, NULL, NULL);
}

static void hash_and_verify(void *ctx) {
  hash(ctx);
  if (on.status == SHOP_OK)
    verify(ctx);
}

/* A hash with a longer salt than ours, as another program makes it: libsodium's own check. */
static void verify_foreign(void *ctx) {
  (void)ctx;
  memcpy(on.hash,
         "$argon2id$v=19$m=64,t=2,p=1$c29tZXNhbHR0aGF0aXNsb25n$"
         "GpZ3sK/oH9p7VIiV56G/64Zo/8GaUw434IimaPqxwCo",
         97);
  verify(ctx);
}

/* However long it is, and with and without a pepper. */
START_TEST(passwords) {
  static const size_t sizes[] = {8, 24, 100, 128};

  make_hasher(_i == 1);
  for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
    ck_assert_int_eq(left_by(hash, sizes[i]), 0);
    ck_assert_int_eq(left_by(verify, sizes[i]), 0);
    ck_assert(!on.match);
    ck_assert_int_eq(left_by(verify_nobody, sizes[i]), 0);
    ck_assert_int_eq(left_by(hash_and_verify, sizes[i]), 0);
    ck_assert(on.match);
    ck_assert_int_eq(left_by(verify_foreign, sizes[i]), 0);
  }
  shop__hasher_free(on.hasher);
}
END_TEST

static void make_pepper(void *ctx) {
  (void)ctx;
  shop__pepper_make(on.shown, on.secret.size, &on.peppers.each[0]);
}

static void make_seal(void *ctx) {
  (void)ctx;
  shop__seal_make(on.shown, on.secret.size, &on.seal);
}

/* A pepper, and the secret that signing keys are sealed with. */
START_TEST(secrets_of_the_host) {
  ck_assert_int_eq(shop__secret_init(NULL), SHOP_OK);
  for (size_t size = 16; size <= 128; size += 16) {
    ck_assert_int_eq(left_by(make_pepper, size), 0);
    ck_assert_int_eq(left_by(make_seal, size), 0);
  }
}
END_TEST

static void digest(void *ctx) {
  (void)ctx;
  shop__digest_secret(on.shown, on.secret.size, on.digest);
}

/* A code that was mailed, or a refresh token. */
START_TEST(digests) {
  ck_assert_int_eq(shop__secret_init(NULL), SHOP_OK);
  ck_assert_int_eq(left_by(digest, 43), 0);
  ck_assert_int_eq(left_by(digest, 44), 0);
}
END_TEST

static const struct shop__claims claims = {.issuer = "shop",
                                           .subject = "AAAAAAAAAAAAAAAAAAAAAA",
                                           .jti = "BBBBBBBBBBBBBBBBBBBBBB",
                                           .issued_at_s = 1000,
                                           .expires_at_s = 2000,
                                           .epoch = 1};

/* The life of a key: sealed, opened, used for signing and checking, wiped. */
static void use_key(void *ctx) {
  struct shop__key *key = shop__memory_zalloc(sizeof *key);
  struct shop__claims seen;

  (void)ctx;
  on.status = shop__key_load("kid", SHOP__KEY_HS256, on.shown, on.secret.size, key, NULL);
  if (on.status == SHOP_OK)
    on.sealed_size = shop__seal_close(&on.seal, key, on.sealed);
  shop__key_wipe(key);
  if (on.status == SHOP_OK)
    on.status =
        shop__seal_open(&on.seal, "kid", SHOP__KEY_HS256, on.sealed, on.sealed_size, key, NULL);
  if (on.status == SHOP_OK)
    on.status = shop__jwt_sign(key, &claims, &on.jwt, NULL);
  if (on.status == SHOP_OK)
    on.status = shop__jwt_verify(key, on.jwt, "shop", "", &seen, NULL);
  shop__memory_free(on.jwt);
  on.jwt = NULL;
  shop__key_wipe(key);
  shop__memory_free(key);
}

/* Once a key is wiped. */
START_TEST(keys) {
  ck_assert_int_eq(shop__secret_init(NULL), SHOP_OK);
  shop__seal_make("0123456789abcdef", 16, &on.seal);
  ck_assert_int_eq(left_by(use_key, 32), 0);
}
END_TEST

static void seal_key(void *ctx) {
  struct shop__key *key = shop__memory_zalloc(sizeof *key);

  (void)ctx;
  on.status = shop__key_load("kid", SHOP__KEY_HS256, on.shown, on.secret.size, key, NULL);
  if (on.status == SHOP_OK)
    on.sealed_size = shop__seal_close(&on.seal, key, on.sealed);
  shop__key_wipe(key);
  shop__memory_free(key);
}

static void open_seal(void *ctx) {
  struct shop__key *key = shop__memory_zalloc(sizeof *key);

  (void)ctx;
  on.status =
      shop__seal_open(&on.seal, "kid", SHOP__KEY_HS256, on.sealed, on.sealed_size, key, NULL);
  shop__key_wipe(key);
  shop__memory_free(key);
}

/* In the sealing and in the opening alone. */
START_TEST(seals) {
  ck_assert_int_eq(shop__secret_init(NULL), SHOP_OK);
  shop__seal_make("0123456789abcdef", 16, &on.seal);
  ck_assert_int_eq(left_by(seal_key, 32), 0);
  run_on_kept_stack(open_seal, NULL);
  ck_assert_int_eq(on.status, SHOP_OK);
  ck_assert_int_eq(secrets_in_memory(&on.secret, 1), 0);
}
END_TEST

static void apply_pepper(void *ctx) {
  uint8_t out[SHOP__PEPPERED_BYTES];

  shop__pepper_apply(ctx, "correct horse battery", 21, out);
}

/* What stands for a pepper is nowhere but in the settings. */
START_TEST(pepper_in_use) {
  struct shop__pepper *pepper = &on.peppers.each[0];
  struct secret begun;

  make_hasher(true);
  secret_turn(&begun, pepper->state, 64);
  run_on_kept_stack(apply_pepper, pepper);
  shop__memory_wipe(pepper, sizeof *pepper);
  ck_assert_int_eq(secrets_in_memory(&begun, 1), 0);
  shop__hasher_free(on.hasher);
}
END_TEST

/* ---- what is left in registers ------------------------------------------------------------------
 */

static void (*const each[])(void *ctx) = {hash, verify, make_pepper, make_seal, digest, use_key};
#define EACH ((int)(sizeof each / sizeof each[0]))

/* The dynamic linker looks for getppid now, at its first call in this process, and has all
   registers saved on this stack meanwhile. */
static void then_another(void *ctx) {
  each[*(const int *)ctx](NULL);
  (void)getppid();
}

START_TEST(registers) {
  static int which;

  which = _i;
  make_hasher(false);
  strcpy(on.hash,
         "$argon2id$v=19$m=8,t=1,p=1$MDEyMzQ1Njc4OWFiY2RlZg$"
         "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY");
  shop__seal_make("0123456789abcdef", 16, &on.seal);
  secret_draw(&on.secret, 32);
  on.shown = secret_show(&on.secret);
  run_on_kept_stack(then_another, &which);
  secret_hide(on.shown);
  ck_assert_int_eq(on.status, SHOP_OK);
  ck_assert_int_eq(secrets_in_memory(&on.secret, 1), 0);
  shop__hasher_free(on.hasher);
}
END_TEST

int main(void) {
  Suite *suite = suite_create("traces");
  TCase *tcase = tcase_create("traces");
  SRunner *runner;
  int failed;

  tcase_set_timeout(tcase, 120);
  tcase_add_loop_test(tcase, passwords, 0, 2);
  tcase_add_test(tcase, secrets_of_the_host);
  tcase_add_test(tcase, digests);
  tcase_add_test(tcase, keys);
  tcase_add_test(tcase, seals);
  tcase_add_test(tcase, pepper_in_use);
  tcase_add_loop_test(tcase, registers, 0, EACH);
  suite_add_tcase(suite, tcase);
  runner = srunner_create(suite);
  srunner_run_all(runner, CK_ENV);
  failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
