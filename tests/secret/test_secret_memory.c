/*
 * When memory runs out: every allocation of a call fails once, alone and with
 * all that follow it, down into libjwt, jansson, OpenSSL, mbedTLS and
 * libsodium. No forged token is ever accepted, no claim changes, a right
 * password is never called wrong.
 *
 * malloc, calloc, realloc and mmap of the whole process are those below. Each
 * attempt is a process of its own, since OpenSSL remembers failures.
 */
#define _GNU_SOURCE /* syscall, for an mmap of our own; RTLD_NEXT */
#include "forge.h"
#include "secret.h"

#include <check.h>
#include <dlfcn.h>
#include <errno.h>
#include <jansson.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1
#endif
#endif

#if defined(SANITIZED) || !defined(__GLIBC__)

/* A sanitizer has a malloc of its own, which cannot be replaced. */
int main(void) {
  return 77; /* skipped */
}

#else

/* ---- memory that fails ------------------------------------------------------- */

static struct {
  bool active;
  bool all_after;      /* not the one alone */
  bool inside_jansson; /* see below */
  long at;
  long count;
  long budget; /* bytes that may be allocated and not freed; 0: any */
  long used;
} inject;

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *block, size_t size);
void __libc_free(void *block);

static bool fails(size_t size) {
  if (!inject.active) {
    return false;
  }
  inject.count++;
  bool hit = inject.all_after ? inject.count >= inject.at : inject.count == inject.at;
  if (inject.budget != 0 && inject.used + (long)size > inject.budget) {
    hit = true;
  }
  if (hit) {
    errno = ENOMEM;
  }
  return hit;
}

static void *used(void *block) {
  if (inject.active && block != NULL) {
    inject.used += (long)malloc_usable_size(block);
  }
  return block;
}

void *malloc(size_t size) {
  return fails(size) ? NULL : used(__libc_malloc(size));
}

void *calloc(size_t count, size_t size) {
  return fails(count * size) ? NULL : used(__libc_calloc(count, size));
}

void *realloc(void *block, size_t size) {
  size_t old = block == NULL ? 0 : malloc_usable_size(block);
  if (fails(size > old ? size - old : 0)) {
    return NULL;
  }
  void *moved = __libc_realloc(block, size);
  if (inject.active && moved != NULL) {
    inject.used += (long)malloc_usable_size(moved) - (long)old;
  }
  return moved;
}

void free(void *block) {
  if (inject.active && block != NULL) {
    inject.used -= (long)malloc_usable_size(block);
  }
  __libc_free(block);
}

void *mmap(void *address, size_t size, int protection, int flags, int fd, off_t offset) {
  return fails(size) ? MAP_FAILED
                     : (void *)syscall(SYS_mmap, address, size, protection, flags, fd, offset);
}

/* ---- jansson, all or nothing ---------------------------------------------------

   jansson 2.14 itself cannot stand a failed allocation: its reader loses bytes
   and then stops the process by an assertion, and libjwt 1.10 hands a NULL of
   json_dumps to strlen. Nobody above can prevent that, so here a read fails as
   a whole or not at all, and json_dumps does not. */

static json_t *(*real_loads)(const char *text, size_t flags, json_error_t *error);
static json_t *(*real_loadb)(const char *text, size_t size, size_t flags, json_error_t *error);

static bool find_jansson(void) {
  /* ISO C has no cast from an object to a function pointer */
  *(void **)&real_loads = dlsym(RTLD_NEXT, "json_loads");
  *(void **)&real_loadb = dlsym(RTLD_NEXT, "json_loadb");
  return real_loads != NULL && real_loadb != NULL;
}

/* Stops injecting, unless jansson itself is under test. Returns what to put
   back. */
static bool enter_jansson(void) {
  bool active = inject.active;
  inject.active = active && inject.inside_jansson;
  return active;
}

json_t *json_loads(const char *text, size_t flags, json_error_t *error) {
  if (!inject.inside_jansson && fails(1)) {
    return NULL;
  }
  bool active = enter_jansson();
  json_t *json = real_loads(text, flags, error);
  inject.active = active;
  return json;
}

json_t *json_loadb(const char *text, size_t size, size_t flags, json_error_t *error) {
  if (!inject.inside_jansson && fails(1)) {
    return NULL;
  }
  bool active = enter_jansson();
  json_t *json = real_loadb(text, size, flags, error);
  inject.active = active;
  return json;
}

char *json_dumps(const json_t *json, size_t flags) {
  bool active = enter_jansson();
  size_t size = json_dumpb(json, NULL, 0, flags);
  char *text = malloc(size + 1);
  if (text != NULL) {
    text[json_dumpb(json, text, size, flags)] = '\0';
  }
  inject.active = active;
  return text;
}

/* ---- attempts ------------------------------------------------------------------- */

/* What an attempt ended with. */
enum outcome {
  RIGHT = 10,     /* done, as if nothing had failed */
  NO_MEMORY = 11, /* SHOP_ERR_NO_MEMORY, outputs empty */
  REFUSED = 12,   /* another error, outputs empty */
  WRONG = 13,     /* what must never be */
  CRASHED = 14
};

/** One call under test; switches inject.active on around it. */
typedef enum outcome (*attempt_fn)(void *ctx);

/* Runs in a child; *count receives the number of allocations. */
static enum outcome attempt(attempt_fn fn, void *ctx, long at, bool all_after, long *count) {
  struct {
    long count;
    enum outcome outcome;
  } result = {0};
  int ends[2], status;
  ck_assert_int_eq(pipe(ends), 0);
  pid_t child = fork();
  ck_assert_int_ge(child, 0);
  if (child == 0) {
    if (inject.inside_jansson) {
      (void)close(STDERR_FILENO); /* it says something before it ends the process */
    }
    inject.at = at;
    inject.all_after = all_after;
    inject.count = 0;
    result.outcome = fn(ctx);
    result.count = inject.count;
    _exit(write(ends[1], &result, sizeof result) == (ssize_t)sizeof result ? 0 : 1);
  }
  ck_assert_int_eq(waitpid(child, &status, 0), child);
  close(ends[1]);
  if (read(ends[0], &result, sizeof result) != (ssize_t)sizeof result) {
    result.outcome = CRASHED;
  }
  close(ends[0]);
  *count = result.count;
  return result.outcome;
}

/* Which outcomes a call may have when some allocation failed. */
struct allowed {
  enum outcome without; /* with none failed */
  bool right;
  bool refused;
};

/* Every allocation in turn; of the thousands in the middle of an ES256
   operation every 29th. */
static void exhaust(attempt_fn fn, void *ctx, struct allowed allowed) {
  long total, count;
  ck_assert_int_eq(attempt(fn, ctx, 1L << 40, false, &total), allowed.without);
  ck_assert_int_gt(total, 0);
  for (int all_after = 0; all_after < 2; all_after++) {
    for (long at = 1; at <= total; at += at < 250 || at >= total - 100 ? 1 : 29) {
      enum outcome outcome = attempt(fn, ctx, at, all_after, &count);
      ck_assert_msg(outcome == NO_MEMORY || (outcome == RIGHT && allowed.right) ||
                        (outcome == REFUSED && allowed.refused),
                    "outcome %d with allocation %ld of %ld failing%s", (int)outcome, at, total,
                    all_after ? " and all after" : "");
    }
  }
}

static bool all_zero(const void *data, size_t size) {
  const uint8_t *bytes = data;
  for (size_t i = 0; i < size; i++) {
    if (bytes[i] != 0) {
      return false;
    }
  }
  return true;
}

/* An error left its outputs as promised? */
static enum outcome failed(int32_t status, bool outputs_empty) {
  return !outputs_empty ? WRONG : status == SHOP_ERR_NO_MEMORY ? NO_MEMORY : REFUSED;
}

/* ---- tokens ------------------------------------------------------------------------ */

struct token_ctx {
  struct shop__key key;
  struct shop__claims claims;
  char *token;
};

static enum outcome verify(void *ctx) {
  struct token_ctx *c = ctx;
  struct shop__claims claims;
  memset(&claims, 0x5a, sizeof claims);
  inject.active = true;
  int32_t status = shop__jwt_verify(&c->key, c->token, c->claims.issuer, NULL, &claims, NULL);
  inject.active = false;
  if (status == SHOP_OK) {
    return memcmp(&claims, &c->claims, sizeof claims) == 0 ? RIGHT : WRONG;
  }
  return failed(status, all_zero(&claims, sizeof claims));
}

static enum outcome sign(void *ctx) {
  struct token_ctx *c = ctx;
  struct shop__claims claims;
  char *token = (char *)(uintptr_t)1;
  inject.active = true;
  int32_t status = shop__jwt_sign(&c->key, &c->claims, &token, NULL);
  inject.active = false;
  if (status == SHOP_OK) {
    return shop__jwt_verify(&c->key, token, c->claims.issuer, NULL, &claims, NULL) == SHOP_OK &&
                   memcmp(&claims, &c->claims, sizeof claims) == 0
               ? RIGHT
               : WRONG;
  }
  return failed(status, token == NULL);
}

static enum outcome read_kid(void *ctx) {
  struct token_ctx *c = ctx;
  char kid[SHOP__KID_BYTES];
  inject.active = true;
  int32_t status = shop__jwt_kid(c->token, kid, NULL);
  inject.active = false;
  if (status == SHOP_OK) {
    return strcmp(kid, c->key.kid) == 0 ? RIGHT : WRONG;
  }
  return failed(status, all_zero(kid, sizeof kid));
}

/* Numbers of 16 digits and texts over 15 bytes make jansson's buffer grow; the
   numbers come first in the payload. */
static void make_ctx(int32_t alg, struct token_ctx *out) {
  memset(out, 0, sizeof *out);
  forge_key(alg, &out->key);
  strcpy(out->claims.issuer, "https://shop.example");
  shop__random_id(out->claims.subject);
  shop__random_id(out->claims.jti);
  out->claims.issued_at_s = 1700000000;
  out->claims.expires_at_s = 9007199254740991;
  out->claims.epoch = 9007199254740990;
  ck_assert_int_eq(shop__jwt_sign(&out->key, &out->claims, &out->token, NULL), SHOP_OK);
}

/* The same claims as another writer would put them: only jansson can read that. */
static void make_foreign_ctx(int32_t alg, struct token_ctx *out) {
  char payload[512], token[FORGE_BYTES];
  make_ctx(alg, out);
  shop__memory_free(out->token);
  (void)snprintf(payload, sizeof payload,
                 "{\"exp\":9007199254740991, \"epoch\":9007199254740990, \"iat\":1700000000,"
                 " \"iss\":\"%s\", \"jti\":\"%s\", \"sub\":\"%s\"}",
                 out->claims.issuer, out->claims.jti, out->claims.subject);
  forge_token(&out->key, "{\"kid\":\"k1\", \"alg\":\"@\"}", payload, token);
  out->token = shop__memory_strdup(token);
  ck_assert_ptr_nonnull(out->token);
}

static void (*const makers[])(int32_t alg, struct token_ctx *out) = {make_ctx, make_foreign_ctx};

/* A good token is good or there is no memory; its claims never change. */
START_TEST(good_token) {
  for (int32_t i = 0; i < 4; i++) {
    struct token_ctx ctx;
    makers[i / 2](i % 2 == 0 ? SHOP__KEY_HS256 : SHOP__KEY_ES256, &ctx);
    exhaust(verify, &ctx, (struct allowed){.without = RIGHT, .right = true});
    exhaust(read_kid, &ctx, (struct allowed){.without = RIGHT, .right = true});
    shop__memory_free(ctx.token);
  }
}
END_TEST

/* A token that another key signed is never accepted: libjwt takes every token
   when its copy of the key could not be allocated. */
START_TEST(forged_token) {
  for (int32_t alg = SHOP__KEY_HS256; alg <= SHOP__KEY_ES256; alg++) {
    struct token_ctx ctx;
    make_ctx(alg, &ctx);
    ck_assert_int_eq(shop__key_generate(alg, &ctx.key, NULL), SHOP_OK);
    strcpy(ctx.key.kid, "k1");
    exhaust(verify, &ctx, (struct allowed){.without = REFUSED, .refused = true});
    shop__memory_free(ctx.token);
  }
}
END_TEST

/* Signing gives a good token or none, and never blames the key. */
START_TEST(signing) {
  for (int32_t alg = SHOP__KEY_HS256; alg <= SHOP__KEY_ES256; alg++) {
    struct token_ctx ctx;
    make_ctx(alg, &ctx);
    exhaust(sign, &ctx, (struct allowed){.without = RIGHT, .right = true});
    shop__memory_free(ctx.token);
  }
}
END_TEST

/* Where jansson reads on without the bytes that it had no room for, a claim may
   come out as another one (9007199254740991 as 900719925474099): it must not
   leave the house. That jansson ends the process instead is known. */
START_TEST(claims_that_jansson_shortens) {
  for (size_t i = 0; i < 2; i++) {
    struct token_ctx ctx;
    long total, count;
    int32_t crashed = 0;
    inject.inside_jansson = false;
    makers[i](SHOP__KEY_HS256, &ctx);
    inject.inside_jansson = true;
    ck_assert_int_eq(attempt(verify, &ctx, 1L << 40, false, &total), RIGHT);
    for (int all_after = 0; all_after < 2; all_after++) {
      for (long at = 1; at <= total; at++) {
        enum outcome outcome = attempt(verify, &ctx, at, all_after, &count);
        ck_assert_msg(outcome == RIGHT || outcome == NO_MEMORY || outcome == REFUSED ||
                          outcome == CRASHED,
                      "outcome %d with allocation %ld of %ld failing", (int)outcome, at, total);
        crashed += outcome == CRASHED;
      }
    }
    ck_assert_int_lt(crashed, total / 4);
    shop__memory_free(ctx.token);
  }
}
END_TEST

/* With so many bytes to have and no more, whatever their number: no call dies
   inside a library that cannot do without memory. Each asks first whether what
   such a library needs is there. */
START_TEST(little_memory) {
  static const attempt_fn calls[] = {verify, sign, read_kid};
  for (int32_t alg = SHOP__KEY_HS256; alg <= SHOP__KEY_ES256; alg++) {
    struct token_ctx ctx;
    long count;
    int32_t right = 0, none = 0;
    make_ctx(alg, &ctx);
    inject.inside_jansson = true;
    /* the dangerous windows are some bytes wide, and low */
    bool symmetric = alg == SHOP__KEY_HS256;
    for (inject.budget = symmetric ? 64 : 40000; inject.budget < 100000;
         inject.budget += symmetric && inject.budget < 6000 ? 8 : 2039) {
      for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
        enum outcome outcome = attempt(calls[i], &ctx, 1L << 40, false, &count);
        ck_assert_msg(outcome == RIGHT || outcome == NO_MEMORY, "outcome %d with %ld bytes",
                      (int)outcome, inject.budget);
        right += outcome == RIGHT;
        none += outcome == NO_MEMORY;
      }
    }
    ck_assert(right > 0 && none > 0);
    shop__memory_free(ctx.token);
  }
}
END_TEST

/* ---- keys ----------------------------------------------------------------------------- */

static enum outcome generate(void *ctx) {
  const int32_t *alg = ctx;
  struct shop__key key, loaded;
  memset(&key, 0x5a, sizeof key);
  inject.active = true;
  int32_t status = shop__key_generate(*alg, &key, NULL);
  inject.active = false;
  if (status == SHOP_OK) {
    return shop__key_load(key.kid, key.alg, key.secret, key.secret_size, &loaded, NULL) ==
                       SHOP_OK &&
                   memcmp(&key, &loaded, sizeof key) == 0
               ? RIGHT
               : WRONG;
  }
  return failed(status, all_zero(&key, sizeof key));
}

static enum outcome load(void *ctx) {
  const struct shop__key *key = ctx;
  struct shop__key loaded;
  memset(&loaded, 0x5a, sizeof loaded);
  inject.active = true;
  int32_t status = shop__key_load(key->kid, key->alg, key->secret, key->secret_size, &loaded, NULL);
  inject.active = false;
  if (status == SHOP_OK) {
    return memcmp(key, &loaded, sizeof loaded) == 0 ? RIGHT : WRONG;
  }
  return failed(status, all_zero(&loaded, sizeof loaded));
}

/* A good stored key is never called damaged, and a half-made one never given. */
START_TEST(keys) {
  int32_t alg = SHOP__KEY_ES256;
  struct shop__key key;
  exhaust(generate, &alg, (struct allowed){.without = RIGHT, .right = true});
  forge_key(alg, &key);
  exhaust(load, &key, (struct allowed){.without = RIGHT, .right = true});
}
END_TEST

/* ---- passwords -------------------------------------------------------------------------- */

struct password_ctx {
  shop__hasher_t *hasher;
  const char *stored;
  const char *password;
  bool expected;
};

static enum outcome check_password(void *ctx) {
  struct password_ctx *c = ctx;
  bool match = true, stale = true;
  inject.active = true;
  int32_t status =
      shop__password_verify(c->hasher, c->stored, c->password, 0, &match, &stale, NULL);
  inject.active = false;
  if (status == SHOP_OK) {
    return match == c->expected ? RIGHT : WRONG;
  }
  return failed(status, !match && !stale);
}

static enum outcome hash_password(void *ctx) {
  struct password_ctx *c = ctx;
  char hash[SHOP__PASSWORD_HASH_BYTES];
  bool match = false;
  inject.active = true;
  int32_t status = shop__password_hash(c->hasher, c->password, 0, hash, NULL);
  inject.active = false;
  if (status == SHOP_OK) {
    return shop__password_verify(c->hasher, hash, c->password, 0, &match, NULL, NULL) == SHOP_OK &&
                   match
               ? RIGHT
               : WRONG;
  }
  return failed(status, all_zero(hash, sizeof hash));
}

static enum outcome make_hasher(void *ctx) {
  const struct shop__hasher_settings *settings = ctx;
  shop__hasher_t *hasher = (shop__hasher_t *)(uintptr_t)1;
  inject.active = true;
  int32_t status = shop__hasher_new(settings, &hasher, NULL);
  inject.active = false;
  if (status == SHOP_OK) {
    shop__hasher_free(hasher);
    return RIGHT;
  }
  return failed(status, hasher == NULL);
}

/* No memory is never "wrong password": it would count as a failed login, and
   crypto_pwhash_str_verify does not tell the two apart. */
START_TEST(own_passwords) {
  struct shop__hasher_settings settings = {.memory_kib = 256, .passes = 1, .parallel_max = 1};
  struct password_ctx ctx = {.password = "correct horse"};
  char hash[SHOP__PASSWORD_HASH_BYTES];
  const struct allowed only_no_memory = {.without = RIGHT};
  exhaust(make_hasher, &settings, only_no_memory);
  ck_assert_int_eq(shop__hasher_new(&settings, &ctx.hasher, NULL), SHOP_OK);
  exhaust(hash_password, &ctx, only_no_memory);
  ck_assert_int_eq(shop__password_hash(ctx.hasher, ctx.password, 0, hash, NULL), SHOP_OK);
  ctx.stored = hash;
  ctx.expected = true;
  exhaust(check_password, &ctx, only_no_memory);
  ctx.password = "Correct horse";
  ctx.expected = false;
  exhaust(check_password, &ctx, only_no_memory);
  ctx.stored = NULL; /* an unknown user too */
  exhaust(check_password, &ctx, only_no_memory);
  shop__hasher_free(ctx.hasher);
}
END_TEST

/* The same for a hash with a salt that only crypto_pwhash_str_verify takes,
   as long as the shortage lasts for the call. */
START_TEST(foreign_passwords) {
  struct shop__hasher_settings settings = {.memory_kib = 256, .passes = 2, .parallel_max = 1};
  struct password_ctx ctx = {
      .stored =
          "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4"};
  static const char *const passwords[] = {"password", "Password"};
  ck_assert_int_eq(shop__hasher_new(&settings, &ctx.hasher, NULL), SHOP_OK);
  for (size_t i = 0; i < 2; i++) {
    long total, count;
    ctx.password = passwords[i];
    ctx.expected = i == 0;
    ck_assert_int_eq(attempt(check_password, &ctx, 1L << 40, false, &total), RIGHT);
    for (long at = 1; at <= total; at++) {
      enum outcome outcome = attempt(check_password, &ctx, at, true, &count);
      ck_assert_msg(outcome == NO_MEMORY, "outcome %d, allocation %ld of %ld", (int)outcome, at,
                    total);
    }
  }
  shop__hasher_free(ctx.hasher);
}
END_TEST

/* OpenSSL allocates its tables at the first use, and they stay. */
static bool warm_up(void) {
  struct shop__claims claims = {.expires_at_s = 1, .epoch = 1};
  shop__random_id(claims.subject);
  shop__random_id(claims.jti);
  for (int32_t alg = SHOP__KEY_HS256; alg <= SHOP__KEY_ES256; alg++) {
    struct shop__key key;
    char *token;
    forge_key(alg, &key);
    if (shop__jwt_sign(&key, &claims, &token, NULL) != SHOP_OK) {
      return false;
    }
    shop__memory_free(token);
  }
  return true;
}

int main(void) {
  if (!find_jansson() || shop__secret_init(NULL) != SHOP_OK || !warm_up()) {
    return EXIT_FAILURE;
  }
  Suite *suite = suite_create("secret memory");
  TCase *tests = tcase_create("memory");
  tcase_set_timeout(tests, 120);
  tcase_add_test(tests, good_token);
  tcase_add_test(tests, forged_token);
  tcase_add_test(tests, signing);
  tcase_add_test(tests, claims_that_jansson_shortens);
  tcase_add_test(tests, little_memory);
  tcase_add_test(tests, keys);
  tcase_add_test(tests, own_passwords);
  tcase_add_test(tests, foreign_passwords);
  suite_add_tcase(suite, tests);
  SRunner *runner = srunner_create(suite);
  srunner_run_all(runner, CK_NORMAL);
  int failures = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failures == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

#endif
