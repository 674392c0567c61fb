/*
 * Passwords: who is let in, what it costs, and that no flood of logins makes
 * more hashes at once than were allowed.
 *
 * The linker puts the functions __wrap_* below between the library and
 * libsodium or the condition variables, so that a test sees every hash that is
 * computed, can hold it there, and knows who is waiting.
 */
#include "secret.h"

#include <check.h>
#include <errno.h>
#include <pthread.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* ---- what the wrappers see ------------------------------------------------- */

static struct {
  pthread_mutex_t lock;
  pthread_cond_t changed;
  bool closed;     /* hashes wait inside until it is opened */
  int32_t let_out; /* so many may leave although it is closed */
  int32_t begun;
  bool time_is_up; /* for those with the deadline LEAVES_US */
  int32_t running; /* inside a hash now */
  int32_t running_max;
  int32_t done;    /* hashes computed */
  int32_t waiting; /* asleep in the queue, since the start */
  uint64_t memory; /* cost of the latest one */
  uint64_t passes;
  char order[64]; /* first letters of the passwords, as they began */
} seen = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

int __real_pthread_cond_wait(pthread_cond_t *cond, pthread_mutex_t *lock);
int __wrap_pthread_cond_wait(pthread_cond_t *cond, pthread_mutex_t *lock);
int __real_pthread_cond_timedwait(pthread_cond_t *cond, pthread_mutex_t *lock,
                                  const struct timespec *until);
int __wrap_pthread_cond_timedwait(pthread_cond_t *cond, pthread_mutex_t *lock,
                                  const struct timespec *until);
int __real_crypto_pwhash(unsigned char *out, unsigned long long size, const char *password,
                         unsigned long long password_size, const unsigned char *salt,
                         unsigned long long passes, size_t memory, int alg);
int __wrap_crypto_pwhash(unsigned char *out, unsigned long long size, const char *password,
                         unsigned long long password_size, const unsigned char *salt,
                         unsigned long long passes, size_t memory, int alg);
int __real_crypto_pwhash_str_alg(char *out, const char *password, unsigned long long size,
                                 unsigned long long passes, size_t memory, int alg);
int __wrap_crypto_pwhash_str_alg(char *out, const char *password, unsigned long long size,
                                 unsigned long long passes, size_t memory, int alg);
int __real_crypto_pwhash_str_verify(const char *text, const char *password,
                                    unsigned long long size);
int __wrap_crypto_pwhash_str_verify(const char *text, const char *password,
                                    unsigned long long size);

static void begin(char letter, uint64_t memory, uint64_t passes) {
  pthread_mutex_lock(&seen.lock);
  seen.running++;
  if (seen.running > seen.running_max) {
    seen.running_max = seen.running;
  }
  seen.memory = memory;
  seen.passes = passes;
  size_t used = strlen(seen.order);
  if (used < sizeof seen.order - 1) {
    seen.order[used] = letter;
  }
  seen.begun++;
  pthread_cond_broadcast(&seen.changed);
  while (seen.closed && seen.let_out == 0) {
    __real_pthread_cond_wait(&seen.changed, &seen.lock);
  }
  if (seen.closed) {
    seen.let_out--;
  }
  pthread_mutex_unlock(&seen.lock);
}

static void end(void) {
  pthread_mutex_lock(&seen.lock);
  seen.running--;
  seen.done++;
  pthread_cond_broadcast(&seen.changed);
  pthread_mutex_unlock(&seen.lock);
}

int __wrap_crypto_pwhash(unsigned char *out, unsigned long long size, const char *password,
                         unsigned long long password_size, const unsigned char *salt,
                         unsigned long long passes, size_t memory, int alg) {
  begin(password[0], memory, passes);
  int failed = __real_crypto_pwhash(out, size, password, password_size, salt, passes, memory, alg);
  end();
  return failed;
}

int __wrap_crypto_pwhash_str_alg(char *out, const char *password, unsigned long long size,
                                 unsigned long long passes, size_t memory, int alg) {
  begin(password[0], memory, passes);
  int failed = __real_crypto_pwhash_str_alg(out, password, size, passes, memory, alg);
  end();
  return failed;
}

int __wrap_crypto_pwhash_str_verify(const char *text, const char *password,
                                    unsigned long long size) {
  begin(password[0], 0, 0);
  int failed = __real_crypto_pwhash_str_verify(text, password, size);
  int kept = errno;
  end();
  errno = kept;
  return failed;
}

/* Called with the queue's lock held, so whoever was counted is in the queue. */
static void note_waiting(void) {
  pthread_mutex_lock(&seen.lock);
  seen.waiting++;
  pthread_cond_broadcast(&seen.changed);
  pthread_mutex_unlock(&seen.lock);
}

int __wrap_pthread_cond_wait(pthread_cond_t *cond, pthread_mutex_t *lock) {
  note_waiting();
  return __real_pthread_cond_wait(cond, lock);
}

/* A deadline that passes when the test says so, not the clock. */
#define LEAVES_US 4000000000000000

int __wrap_pthread_cond_timedwait(pthread_cond_t *cond, pthread_mutex_t *lock,
                                  const struct timespec *until) {
  note_waiting();
  if (until->tv_sec != LEAVES_US / 1000000) {
    return __real_pthread_cond_timedwait(cond, lock, until);
  }
  for (;;) {
    struct timespec soon;
    (void)clock_gettime(CLOCK_MONOTONIC, &soon);
    soon.tv_nsec += 1000000;
    soon.tv_sec += soon.tv_nsec / 1000000000;
    soon.tv_nsec %= 1000000000;
    int failed = __real_pthread_cond_timedwait(cond, lock, &soon);
    pthread_mutex_lock(&seen.lock);
    bool up = seen.time_is_up;
    pthread_mutex_unlock(&seen.lock);
    if (failed == 0 || up) {
      return failed;
    }
  }
}

static void reset_seen(void) {
  seen.running = seen.running_max = seen.done = seen.waiting = seen.begun = seen.let_out = 0;
  seen.time_is_up = false;
  seen.memory = seen.passes = 0;
  memset(seen.order, 0, sizeof seen.order);
}

static void close_gate(bool closed) {
  pthread_mutex_lock(&seen.lock);
  seen.closed = closed;
  pthread_cond_broadcast(&seen.changed);
  pthread_mutex_unlock(&seen.lock);
}

static void let_one_out(void) {
  pthread_mutex_lock(&seen.lock);
  seen.let_out++;
  pthread_cond_broadcast(&seen.changed);
  pthread_mutex_unlock(&seen.lock);
}

static void await(const int32_t *value, int32_t wanted) {
  pthread_mutex_lock(&seen.lock);
  while (*value < wanted) {
    __real_pthread_cond_wait(&seen.changed, &seen.lock);
  }
  pthread_mutex_unlock(&seen.lock);
}

/* ---- helpers ---------------------------------------------------------------- */

static shop__hasher_t *make_hasher(int32_t memory_kib, int32_t passes, int32_t parallel_max) {
  const struct shop__hasher_settings settings = {
      .memory_kib = memory_kib, .passes = passes, .parallel_max = parallel_max};
  shop__hasher_t *hasher;
  ck_assert_int_eq(shop__hasher_new(&settings, &hasher, NULL), SHOP_OK);
  return hasher;
}

static bool matches(shop__hasher_t *hasher, const char *stored, const char *password) {
  bool match = true;
  ck_assert_int_eq(shop__password_verify(hasher, stored, password, 0, &match, NULL, NULL), SHOP_OK);
  return match;
}

static void fill_text(char *out, size_t size) {
  memset(out, 'p', size);
  out[size] = '\0';
}

/* ---- the rule, the settings ------------------------------------------------- */

/* 8 to 1,024 bytes, any byte; NULL is an argument error. */
START_TEST(length_rule) {
  static char text[2000];
  ck_assert_int_eq(shop__password_length(NULL, NULL), SHOP_ERR_ARGUMENT);
  for (size_t size = 0; size < 1100; size++) {
    fill_text(text, size);
    ck_assert_int_eq(shop__password_length(text, NULL),
                     size >= 8 && size <= 1024 ? SHOP_OK : SHOP_ERR_PASSWORD);
  }
  ck_assert_int_eq(shop__password_length("\x01\xff\xfe\x80 \n\t\"", NULL), SHOP_OK);
  struct shop_error err;
  ck_assert_int_eq(shop__password_length("secret7", &err), SHOP_ERR_PASSWORD);
  ck_assert_ptr_null(strstr(err.message, "secret7"));
}
END_TEST

/* A hasher is only made within libsodium's limits. */
START_TEST(settings_bounds) {
  static const struct {
    struct shop__hasher_settings settings;
    int32_t expected;
  } rows[] = {{{7, 1, 1}, SHOP_ERR_ARGUMENT},         {{8, 0, 1}, SHOP_ERR_ARGUMENT},
              {{8, 1, 0}, SHOP_ERR_ARGUMENT},         {{4194305, 1, 1}, SHOP_ERR_ARGUMENT},
              {{8, 65, 1}, SHOP_ERR_ARGUMENT},        {{8, 1, 1025}, SHOP_ERR_ARGUMENT},
              {{-8, 1, 1}, SHOP_ERR_ARGUMENT},        {{8, -1, 1}, SHOP_ERR_ARGUMENT},
              {{8, 1, -1}, SHOP_ERR_ARGUMENT},        {{INT32_MAX, 1, 1}, SHOP_ERR_ARGUMENT},
              {{INT32_MIN, 1, 1}, SHOP_ERR_ARGUMENT}, {{8, 1, 1}, SHOP_OK},
              {{4194304, 64, 1024}, SHOP_OK}};
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    shop__hasher_t *hasher = (shop__hasher_t *)(uintptr_t)1;
    ck_assert_int_eq(shop__hasher_new(&rows[i].settings, &hasher, NULL), rows[i].expected);
    ck_assert_int_eq(hasher != NULL, rows[i].expected == SHOP_OK);
    shop__hasher_free(hasher);
  }
  shop__hasher_free(NULL);
}
END_TEST

/* ---- hash and verify --------------------------------------------------------- */

/* The right password matches, every near miss does not. */
START_TEST(round_trip) {
  static const char *const misses[] = {"correct horse ",
                                       " correct horse",
                                       "Correct horse",
                                       "correct hors",
                                       "correct horsee",
                                       "correct\thorse",
                                       "",
                                       "c",
                                       NULL};
  shop__hasher_t *hasher = make_hasher(64, 2, 1);
  char hash[SHOP__PASSWORD_HASH_BYTES], again[SHOP__PASSWORD_HASH_BYTES];
  ck_assert_int_eq(shop__password_hash(hasher, "correct horse", 0, hash, NULL), SHOP_OK);
  ck_assert_int_eq(shop__password_hash(hasher, "correct horse", 0, again, NULL), SHOP_OK);
  ck_assert_int_eq(strncmp(hash, "$argon2id$v=19$m=64,t=2,p=1$", 28), 0);
  ck_assert_str_ne(hash, again);
  ck_assert(matches(hasher, hash, "correct horse"));
  ck_assert(matches(hasher, again, "correct horse"));
  for (size_t i = 0; i < sizeof misses / sizeof *misses; i++) {
    ck_assert(!matches(hasher, hash, misses[i]));
  }
  shop__hasher_free(hasher);
}
END_TEST

/* Every byte of the longest password counts, and bytes that are no text do. */
START_TEST(every_byte_counts) {
  static char text[1025];
  shop__hasher_t *hasher = make_hasher(8, 1, 1);
  char hash[SHOP__PASSWORD_HASH_BYTES];
  fill_text(text, 1024);
  ck_assert_int_eq(shop__password_hash(hasher, text, 0, hash, NULL), SHOP_OK);
  ck_assert(matches(hasher, hash, text));
  for (size_t i = 0; i < 1024; i += 31) {
    text[i] = '\x80';
    ck_assert(!matches(hasher, hash, text));
    text[i] = 'p';
  }
  text[1023] = '\0';
  ck_assert(!matches(hasher, hash, text));
  shop__hasher_free(hasher);
}
END_TEST

/* A password outside the rule is not hashed, and leaves no output. */
START_TEST(hash_keeps_the_rule) {
  static char text[1100];
  shop__hasher_t *hasher = make_hasher(8, 1, 1);
  char hash[SHOP__PASSWORD_HASH_BYTES];
  reset_seen();
  memset(hash, 'x', sizeof hash);
  ck_assert_int_eq(shop__password_hash(hasher, NULL, 0, hash, NULL), SHOP_ERR_ARGUMENT);
  ck_assert_str_eq(hash, "");
  memset(hash, 'x', sizeof hash);
  ck_assert_int_eq(shop__password_hash(hasher, "seven77", 0, hash, NULL), SHOP_ERR_PASSWORD);
  ck_assert_str_eq(hash, "");
  fill_text(text, 1025);
  ck_assert_int_eq(shop__password_hash(hasher, text, 0, hash, NULL), SHOP_ERR_PASSWORD);
  ck_assert_int_eq(seen.done, 0);
  shop__hasher_free(hasher);
}
END_TEST

/* stale tells another cost, in either direction, and only that. */
START_TEST(stale_cost) {
  shop__hasher_t *small = make_hasher(64, 2, 1);
  shop__hasher_t *memory = make_hasher(72, 2, 1);
  shop__hasher_t *passes = make_hasher(64, 3, 1);
  char hash[SHOP__PASSWORD_HASH_BYTES];
  bool match, stale;
  ck_assert_int_eq(shop__password_hash(small, "correct horse", 0, hash, NULL), SHOP_OK);
  shop__hasher_t *const others[] = {memory, passes};
  for (size_t i = 0; i < 2; i++) {
    ck_assert_int_eq(
        shop__password_verify(others[i], hash, "correct horse", 0, &match, &stale, NULL), SHOP_OK);
    ck_assert(match && stale);
  }
  ck_assert_int_eq(shop__password_verify(small, hash, "correct horse", 0, &match, &stale, NULL),
                   SHOP_OK);
  ck_assert(match && !stale);
  char larger[SHOP__PASSWORD_HASH_BYTES];
  ck_assert_int_eq(shop__password_hash(memory, "correct horse", 0, larger, NULL), SHOP_OK);
  ck_assert_int_eq(shop__password_verify(small, larger, "correct horse", 0, &match, &stale, NULL),
                   SHOP_OK);
  ck_assert(match && stale);
  shop__hasher_free(small);
  shop__hasher_free(memory);
  shop__hasher_free(passes);
}
END_TEST

/* ---- nobody can tell by the time ---------------------------------------------- */

/* An unknown user costs one hash of the hasher's cost, and matches nothing. */
START_TEST(unknown_user_costs_the_same) {
  static const char *const passwords[] = {"correct horse", "", "short", NULL};
  shop__hasher_t *hasher = make_hasher(128, 3, 1);
  for (size_t i = 0; i < sizeof passwords / sizeof *passwords; i++) {
    bool match = true, stale = true;
    reset_seen();
    ck_assert_int_eq(shop__password_verify(hasher, NULL, passwords[i], 0, &match, &stale, NULL),
                     SHOP_OK);
    ck_assert(!match && !stale);
    ck_assert_int_eq(seen.done, 1);
    ck_assert_uint_eq(seen.memory, 128 * 1024);
    ck_assert_uint_eq(seen.passes, 3);
  }
  shop__hasher_free(hasher);
}
END_TEST

/* A password that cannot be right costs one hash too, and does not match even
   a hash that was made of it. */
START_TEST(impossible_password_costs_the_same) {
  static char huge[1 << 20];
  shop__hasher_t *hasher = make_hasher(128, 3, 1);
  char hash[SHOP__PASSWORD_HASH_BYTES];
  const char *const passwords[] = {"", "short", "seven77", huge, NULL};
  fill_text(huge, sizeof huge - 1);
  for (size_t i = 0; i < sizeof passwords / sizeof *passwords; i++) {
    /* of the first 1,024 bytes: as if the rest did not matter */
    const char *text = passwords[i] == NULL ? "" : passwords[i];
    ck_assert_int_eq(__real_crypto_pwhash_str_alg(hash, text, strnlen(text, 1024), 3, 128 * 1024,
                                                  crypto_pwhash_ALG_ARGON2ID13),
                     0);
    reset_seen();
    ck_assert(!matches(hasher, hash, passwords[i]));
    ck_assert_int_eq(seen.done, 1);
    ck_assert_uint_eq(seen.memory, 128 * 1024);
    ck_assert_uint_eq(seen.passes, 3);
  }
  shop__hasher_free(hasher);
}
END_TEST

/* ---- stored hashes ------------------------------------------------------------- */

#define SALT "$AAAAAAAAAAAAAAAAAAAAAA"
#define HASH "$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"

/* What is no Argon2id PHC string, or asks for an absurd cost, is not computed. */
START_TEST(damaged_hashes) {
  static const char *const rows[] = {
      "",
      "$",
      "x",
      "correct horse",
      "$argon2id",
      "$argon2id$v=19$m=64,t=2,p=1",
      "$argon2id$v=19$m=64,t=2,p=1$",
      "$argon2id$v=19$m=64,t=2,p=1$$",
      "$argon2id$v=19$m=64,t=2,p=1" SALT,
      "$argon2id$v=19$m=64,t=2,p=1" SALT "$",
      "$argon2id$v=19$m=64,t=2,p=1$" HASH,
      "$argon2i$v=19$m=64,t=3,p=1" SALT HASH,
      "$argon2d$v=19$m=64,t=2,p=1" SALT HASH,
      "$2b$12$abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyza",
      "$7$C6..../....SodiumChloride$kBGj9fHznVYFQMEn/qDCfrDevf9YDtcDdKvEqHJLV8D",
      "$scrypt$ln=14,r=8,p=1" SALT HASH,
      "$pbkdf2-sha256$i=600000" SALT HASH,
      "argon2id$v=19$m=64,t=2,p=1" SALT HASH,
      " $argon2id$v=19$m=64,t=2,p=1" SALT HASH,
      "$argon2id$v=19$m=64,t=2,p=1" SALT HASH " ",
      "$argon2id$v=19$m=64,t=2,p=1" SALT HASH "\n",
      "$argon2id$v=19$m=64,t=2,p=1" SALT HASH "$",
      "$argon2id$v=19$m=64,t=2,p=1" SALT HASH "=",
      "$argon2id$v=19$m=64,t=2,p=1" SALT HASH "AA",
      "$argon2id$v=16$m=64,t=2,p=1" SALT HASH,
      "$argon2id$v=20$m=64,t=2,p=1" SALT HASH,
      "$argon2id$v=19,m=64,t=2,p=1" SALT HASH,
      "$argon2id$m=64,t=2,p=1" SALT HASH,
      "$argon2id$v=19$m=64,t=2" SALT HASH,
      "$argon2id$v=19$t=2,m=64,p=1" SALT HASH,
      "$argon2id$v=19$m=64,t=2,p=0" SALT HASH,
      "$argon2id$v=19$m=64,t=2,p=2" SALT HASH,
      "$argon2id$v=19$m=64,t=2,p=11" SALT HASH,
      "$argon2id$v=19$m=64,t=2,p=1,data=AAAA" SALT HASH,
      "$argon2id$v=19$m=64,t=2,p=1,keyid=AAAA" SALT HASH,
      "$argon2id$v=19$m=7,t=2,p=1" SALT HASH,
      "$argon2id$v=19$m=0,t=2,p=1" SALT HASH,
      "$argon2id$v=19$m=064,t=2,p=1" SALT HASH,
      "$argon2id$v=19$m=+64,t=2,p=1" SALT HASH,
      "$argon2id$v=19$m=-64,t=2,p=1" SALT HASH,
      "$argon2id$v=19$m= 64,t=2,p=1" SALT HASH,
      "$argon2id$v=19$m=64 ,t=2,p=1" SALT HASH,
      "$argon2id$v=19$m=0x40,t=2,p=1" SALT HASH,
      "$argon2id$v=19$m=6e1,t=2,p=1" SALT HASH,
      "$argon2id$v=19$m=,t=2,p=1" SALT HASH,
      "$argon2id$v=19$m=4194305,t=2,p=1" SALT HASH,
      "$argon2id$v=19$m=4294967295,t=2,p=1" SALT HASH,
      "$argon2id$v=19$m=4294967360,t=2,p=1" SALT HASH,           /* 2^32 + 64 */
      "$argon2id$v=19$m=18446744073709551680,t=2,p=1" SALT HASH, /* 2^64 + 64 */
      "$argon2id$v=19$m=99999999999999999999999999,t=2,p=1$AAAAAAAAAAA" HASH,
      "$argon2id$v=19$m=64,t=0,p=1" SALT HASH,
      "$argon2id$v=19$m=64,t=65,p=1" SALT HASH,
      "$argon2id$v=19$m=64,t=4294967295,p=1" SALT HASH,
      "$argon2id$v=19$m=64,t=4294967298,p=1" SALT HASH,
      "$argon2id$v=19$m=64,t=02,p=1" SALT HASH,
      "$argon2id$v=19$m=64,t=,p=1" SALT HASH,
      "$argon2id$v=19$m=64,t=2,p=1$AAAAAAAAAA" HASH,              /* salt of 7 bytes */
      "$argon2id$v=19$m=64,t=2,p=1" SALT "$AAAAAAAAAAAAAAAAAAAA", /* hash of 15 bytes */
      "$argon2id$v=19$m=64,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAB" HASH,  /* bits left over */
      "$argon2id$v=19$m=64,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA==" HASH,
      "$argon2id$v=19$m=64,t=2,p=1$AAAAAAAAAA-AAAAAAAAAAA" HASH,
      "$argon2id$v=19$m=64,t=2,p=1$AAAAAAAAAA_AAAAAAAAAAA" HASH,
      "$argon2id$v=19$m=64,t=2,p=1$AAAAAAAAAA AAAAAAAAAAA" HASH,
      "$argon2id$v=19$m=64,t=2,p=1$AAAAAAAAAA\xc3\xa4"
      "AAAAAAAAAA" HASH,
      "$argon2id$v=19$m=64,t=2,p=1" SALT "$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAB",
      "$argon2id$v=19$m=64,t=2,p=1" SALT "$AAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAA",
      /* 128 characters, well-formed but for the length */
      "$argon2id$v=19$m=4194304,t=64,p=1" SALT
      "$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
  };
  shop__hasher_t *hasher = make_hasher(64, 2, 1);
  reset_seen();
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    bool match = true, stale = true;
    ck_assert_msg(shop__password_verify(hasher, rows[i], "correct horse", 0, &match, &stale,
                                        NULL) == SHOP_ERR_CORRUPT,
                  "row %zu: %s", i, rows[i]);
    ck_assert(!match && !stale);
  }
  ck_assert_int_eq(seen.done, 0);
  shop__hasher_free(hasher);
}
END_TEST

/* Hashes of the reference implementation (salt of 8 and 20 bytes) verify, and
   count as stale, so that the next login replaces them. */
START_TEST(foreign_hashes) {
  static const char *const rows[] = {
      "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
      "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
      "$argon2id$v=19$m=256,t=2,p=1$YSBzYWx0IG9mIG1vcmUgYnl0ZXM$M3Qfmc0ctFyEeXuM599+kvB1EnT8ShIs"};
  shop__hasher_t *hasher = make_hasher(256, 2, 1);
  bool match, stale;
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    reset_seen();
    ck_assert_int_eq(shop__password_verify(hasher, rows[i], "password", 0, &match, &stale, NULL),
                     SHOP_OK);
    ck_assert(match && stale);
    ck_assert_int_eq(seen.done, 1);
    ck_assert(!matches(hasher, rows[i], "Password"));
    ck_assert(!matches(hasher, rows[i], "passwor"));
  }
  /* a salt of our length, a longer hash: computed like one of ours */
  ck_assert_int_eq(shop__password_verify(hasher,
                                         "$argon2id$v=19$m=256,t=2,p=1$MDEyMzQ1Njc4OWFiY2RlZg$"
                                         "kKjDy8UdeUkUp7AgEyT8l3RyDeeH0lEASuQpyXfMkR/5QceP06149g",
                                         "password", 0, &match, &stale, NULL),
                   SHOP_OK);
  ck_assert(match && !stale);
  shop__hasher_free(hasher);
}
END_TEST

/* ---- turns ----------------------------------------------------------------------- */

struct caller {
  pthread_t thread;
  shop__hasher_t *hasher;
  char password[16]; /* its first letter names the caller */
  int64_t deadline_us;
  bool hash; /* else verify */
  int32_t status;
  bool returned;
};

static void *call(void *argument) {
  struct caller *caller = argument;
  char hash[SHOP__PASSWORD_HASH_BYTES];
  bool match;
  caller->status = caller->hash ? shop__password_hash(caller->hasher, caller->password,
                                                      caller->deadline_us, hash, NULL)
                                : shop__password_verify(caller->hasher, NULL, caller->password,
                                                        caller->deadline_us, &match, NULL, NULL);
  /* returned, and cancelling is as it was; it must not end the thread here, for
     sanitizers do not follow */
  int before = -1;
  (void)pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &before);
  caller->returned = before == PTHREAD_CANCEL_ENABLE;
  return NULL;
}

static void start(struct caller *caller, shop__hasher_t *hasher, char letter, int64_t deadline_us) {
  *caller = (struct caller){.hasher = hasher, .deadline_us = deadline_us, .status = -1};
  (void)snprintf(caller->password, sizeof caller->password, "%cpassword", letter);
  caller->hash = letter % 2 == 0;
  ck_assert_int_eq(pthread_create(&caller->thread, NULL, call, caller), 0);
}

static void join(struct caller *caller, int32_t expected) {
  ck_assert_int_eq(pthread_join(caller->thread, NULL), 0);
  ck_assert_int_eq(caller->status, expected);
  ck_assert(caller->returned);
}

/* A flood of calls never makes more hashes at once than the hasher may, uses
   all of its places, and serves everybody. */
START_TEST(never_more_than_allowed) {
  enum { callers = 24, places = 3 };
  struct caller caller[callers];
  shop__hasher_t *hasher = make_hasher(8, 1, places);
  reset_seen();
  close_gate(true);
  for (int i = 0; i < callers; i++) {
    start(&caller[i], hasher, (char)('a' + i), 0);
  }
  await(&seen.running, places);
  await(&seen.waiting, callers - places);
  ck_assert_int_eq(seen.running_max, places);
  close_gate(false);
  for (int i = 0; i < callers; i++) {
    join(&caller[i], SHOP_OK);
  }
  ck_assert_int_eq(seen.running_max, places);
  ck_assert_int_eq(seen.done, callers);
  ck_assert_int_eq(seen.running, 0);
  shop__hasher_free(hasher);
}
END_TEST

/* Who came first is served first, and nobody who comes later overtakes. */
START_TEST(first_come_first_served) {
  enum { callers = 10 };
  struct caller caller[callers];
  shop__hasher_t *hasher = make_hasher(8, 1, 1);
  reset_seen();
  close_gate(true);
  for (int i = 0; i < callers; i++) {
    start(&caller[i], hasher, (char)('a' + i), 0);
    if (i == 0) {
      await(&seen.running, 1);
    } else {
      await(&seen.waiting, i);
    }
  }
  close_gate(false);
  for (int i = 0; i < callers; i++) {
    join(&caller[i], SHOP_OK);
  }
  ck_assert_str_eq(seen.order, "abcdefghij");
  shop__hasher_free(hasher);
}
END_TEST

/* A place that was handed to the next in the queue is taken: who comes then
   waits. */
START_TEST(a_place_changes_hands) {
  struct caller a, b, c;
  shop__hasher_t *hasher = make_hasher(8, 1, 1);
  reset_seen();
  close_gate(true);
  start(&a, hasher, 'a', 0);
  await(&seen.begun, 1);
  start(&b, hasher, 'b', 0);
  await(&seen.waiting, 1);
  let_one_out();
  await(&seen.begun, 2);
  start(&c, hasher, 'c', 0);
  pthread_mutex_lock(&seen.lock);
  while (seen.waiting < 2 && seen.begun < 3) {
    __real_pthread_cond_wait(&seen.changed, &seen.lock);
  }
  ck_assert_int_eq(seen.begun, 2);
  pthread_mutex_unlock(&seen.lock);
  close_gate(false);
  join(&a, SHOP_OK);
  join(&b, SHOP_OK);
  join(&c, SHOP_OK);
  ck_assert_int_eq(seen.running_max, 1);
  shop__hasher_free(hasher);
}
END_TEST

/* A deadline that has passed: nothing is computed, even with a place free. */
START_TEST(deadline_passed) {
  shop__hasher_t *hasher = make_hasher(8, 1, 1);
  char hash[SHOP__PASSWORD_HASH_BYTES];
  bool match = true;
  reset_seen();
  const int64_t deadlines[] = {1, shop__clock_monotonic_us(), -1, INT64_MIN};
  for (size_t i = 0; i < sizeof deadlines / sizeof *deadlines; i++) {
    ck_assert_int_eq(shop__password_hash(hasher, "correct horse", deadlines[i], hash, NULL),
                     SHOP_ERR_DEADLINE);
    ck_assert_str_eq(hash, "");
    ck_assert_int_eq(
        shop__password_verify(hasher, NULL, "correct horse", deadlines[i], &match, NULL, NULL),
        SHOP_ERR_DEADLINE);
    ck_assert(!match);
  }
  ck_assert_int_eq(seen.done, 0);
  /* and one that has not: harmless, however far */
  ck_assert_int_eq(shop__password_hash(hasher, "correct horse", INT64_MAX, hash, NULL), SHOP_OK);
  shop__hasher_free(hasher);
}
END_TEST

/* Who waits gives up at the deadline on the monotonic clock, not before. */
START_TEST(deadline_while_waiting) {
  struct caller holder, waiter;
  shop__hasher_t *hasher = make_hasher(8, 1, 1);
  reset_seen();
  close_gate(true);
  start(&holder, hasher, 'a', 0);
  await(&seen.running, 1);
  int64_t deadline_us = shop__clock_monotonic_us() + 50000;
  start(&waiter, hasher, 'b', deadline_us);
  join(&waiter, SHOP_ERR_DEADLINE);
  ck_assert_int_ge(shop__clock_monotonic_us(), deadline_us);
  close_gate(false);
  join(&holder, SHOP_OK);
  ck_assert_str_eq(seen.order, "a");
  shop__hasher_free(hasher);
}
END_TEST

/* Who gives up leaves no hole: the others are served in their order, wherever
   in the queue the leavers stood. */
START_TEST(leaving_the_queue) {
  static const char *const patterns[] = {"B",   "BC",  "bC",  "bCd", "BcD",
                                         "Bcd", "BCd", "bcD", "BcDe"};
  for (size_t p = 0; p < sizeof patterns / sizeof *patterns; p++) {
    const char *pattern = patterns[p]; /* upper case: leaves */
    struct caller holder, late, caller[8];
    char expected[16] = "a";
    shop__hasher_t *hasher = make_hasher(8, 1, 1);
    reset_seen();
    close_gate(true);
    start(&holder, hasher, 'a', 0);
    await(&seen.running, 1);
    for (int32_t i = 0; pattern[i] != '\0'; i++) {
      bool leaves = pattern[i] < 'a';
      start(&caller[i], hasher, pattern[i], leaves ? LEAVES_US : INT64_MAX);
      await(&seen.waiting, i + 1);
      if (!leaves) {
        strncat(expected, pattern + i, 1);
      }
    }
    pthread_mutex_lock(&seen.lock);
    seen.time_is_up = true;
    pthread_mutex_unlock(&seen.lock);
    for (int32_t i = 0; pattern[i] != '\0'; i++) {
      if (pattern[i] < 'a') {
        join(&caller[i], SHOP_ERR_DEADLINE);
      }
    }
    int32_t waiting = seen.waiting;
    start(&late, hasher, 'z', 0);
    await(&seen.waiting, waiting + 1);
    close_gate(false);
    join(&holder, SHOP_OK);
    for (int32_t i = 0; pattern[i] != '\0'; i++) {
      if (pattern[i] >= 'a') {
        join(&caller[i], SHOP_OK);
      }
    }
    join(&late, SHOP_OK);
    strcat(expected, "z");
    ck_assert_str_eq(seen.order, expected);
    ck_assert_int_eq(seen.running_max, 1);
    shop__hasher_free(hasher);
  }
}
END_TEST

/* A thread that is cancelled while it waits finishes its call first: neither
   its place nor its seat in the queue is lost. */
START_TEST(cancelled_thread) {
  struct caller holder, cancelled, after;
  shop__hasher_t *hasher = make_hasher(8, 1, 1);
  reset_seen();
  close_gate(true);
  start(&holder, hasher, 'a', 0);
  await(&seen.running, 1);
  start(&cancelled, hasher, 'b', 0);
  await(&seen.waiting, 1);
  start(&after, hasher, 'c', 0);
  await(&seen.waiting, 2);
  ck_assert_int_eq(pthread_cancel(cancelled.thread), 0);
  close_gate(false);
  join(&cancelled, SHOP_OK);
  join(&holder, SHOP_OK);
  join(&after, SHOP_OK);
  ck_assert_int_eq(seen.done, 3);
  shop__hasher_free(hasher);
}
END_TEST

int main(void) {
  if (shop__secret_init(NULL) != SHOP_OK) {
    return EXIT_FAILURE;
  }
  Suite *suite = suite_create("password");
  TCase *tests = tcase_create("password");
  tcase_set_timeout(tests, 60);
  tcase_add_test(tests, length_rule);
  tcase_add_test(tests, settings_bounds);
  tcase_add_test(tests, round_trip);
  tcase_add_test(tests, every_byte_counts);
  tcase_add_test(tests, hash_keeps_the_rule);
  tcase_add_test(tests, stale_cost);
  tcase_add_test(tests, unknown_user_costs_the_same);
  tcase_add_test(tests, impossible_password_costs_the_same);
  tcase_add_test(tests, damaged_hashes);
  tcase_add_test(tests, foreign_hashes);
  tcase_add_test(tests, never_more_than_allowed);
  tcase_add_test(tests, first_come_first_served);
  tcase_add_test(tests, a_place_changes_hands);
  tcase_add_test(tests, deadline_passed);
  tcase_add_test(tests, deadline_while_waiting);
  tcase_add_test(tests, leaving_the_queue);
  tcase_add_test(tests, cancelled_thread);
  suite_add_tcase(suite, tests);
  SRunner *runner = srunner_create(suite);
  srunner_run_all(runner, CK_NORMAL);
  int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
