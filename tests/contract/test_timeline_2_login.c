/* The timeline, step 2: login, for those who come back. What it costs to be
   refused is counted under libsodium (linked with --wrap=crypto_pwhash). */
#include <harness.h>

#include <sodium.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static int hashes;
static unsigned long long hash_passes;
static size_t hash_bytes;

int __real_crypto_pwhash(unsigned char *out, unsigned long long out_size, const char *password,
                         unsigned long long password_size, const unsigned char *salt,
                         unsigned long long passes, size_t memory, int alg);
int __wrap_crypto_pwhash(unsigned char *out, unsigned long long out_size, const char *password,
                         unsigned long long password_size, const unsigned char *salt,
                         unsigned long long passes, size_t memory, int alg);

int __wrap_crypto_pwhash(unsigned char *out, unsigned long long out_size, const char *password,
                         unsigned long long password_size, const unsigned char *salt,
                         unsigned long long passes, size_t memory, int alg) {
  hashes++;
  hash_passes = passes;
  hash_bytes = memory;
  return __real_crypto_pwhash(out, out_size, password, password_size, salt, passes, memory, alg);
}

static int32_t login(struct world *world, const char *email, const char *password,
                     shop_token_t **token) {
  *token = (shop_token_t *)world; /* must be overwritten */
  hashes = 0;
  return shop_user_login(world->shop, email, password, NULL, token, world->err);
}

static void stored_hash(struct world *world, char out[200]) {
  world_text(world, "SELECT password_hash FROM users ORDER BY id LIMIT 1", out, 200);
}

/* Each login gives a token of its own; the earlier ones stay good. */
START_TEST(login_gives_another_token) {
  struct world *world = world_new();
  shop_token_t *first = world_register(world, "Ada@example.org"), *second, *third;
  shop_session_t *session = NULL;

  world_pass_ms(world, 5000);
  ck_ok(world, login(world, "ada@EXAMPLE.org", PASSWORD, &second));
  ck_ok(world, login(world, "Ada@example.org", PASSWORD, &third));
  ck_assert_int_eq(shop_token_user_id(second), shop_token_user_id(first));
  ck_assert_int_eq(shop_token_issued_at_ms(second), WORLD_START_MS + 5000);
  ck_assert_str_ne(shop_token_jwt(first), shop_token_jwt(second));
  ck_assert_str_ne(shop_token_jwt(second), shop_token_jwt(third));
  ck_ok(world, shop_session_check(world->shop, first, &session, world->err));
  ck_assert_int_eq(shop_session_status(session), SHOP_OK);
  shop_session_free(session);
  ck_ok(world, shop_token_revoke(world->shop, second, NULL, world->err));
  ck_ok(world, shop_session_check(world->shop, third, &session, world->err));
  ck_assert_int_eq(shop_session_status(session), SHOP_OK);
  shop_session_free(session);
  shop_token_free(first);
  shop_token_free(second);
  shop_token_free(third);
  world_free(world);
}
END_TEST

/* Nobody learns who has an account: whatever was wrong, the same status, the
   same sentence, and the same work. */
START_TEST(refusals_tell_nothing) {
  static char too_long_address[400], too_long_password[1100];
  static const struct {
    const char *email;
    const char *password;
  } wrong[] = {
      {"ada@example.org", "correct horse batterx"},
      {"ada@example.org", "correct horse battery "},
      {"ada@example.org", "Correct horse battery"},
      {"nobody@example.org", PASSWORD},
      {"nobody@example.org", "short"},
      {"ada@example.org", "short"},
      {"ada@example.org", too_long_password},
      {"nobody@example.org", too_long_password},
      {"no address", PASSWORD},
      {"ada@example.org ", PASSWORD},
      {"ada@example.org\n", PASSWORD},
      {"ada\xff@example.org", PASSWORD},
      {too_long_address, PASSWORD},
  };
  struct world *world = world_prepare();
  char message[400] = "";
  shop_token_t *token;

  memset(too_long_address, 'a', sizeof too_long_address - 1);
  memset(too_long_password, 'p', sizeof too_long_password - 1);
  ck_assert_int_eq(shop_config_set_password_cost(world->config, 48, 2), SHOP_OK);
  world_open(world);
  shop_token_free(world_register(world, "ada@example.org"));
  for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
    ck_refused(world, login(world, wrong[i].email, wrong[i].password, &token),
               SHOP_ERR_CREDENTIALS);
    ck_assert_ptr_null(token);
    if (i == 0)
      snprintf(message, sizeof message, "%s", shop_error_message(world->err));
    ck_assert_str_eq(shop_error_message(world->err), message);
    ck_assert_int_eq(hashes, 1);
    ck_assert_uint_eq(hash_passes, 2);
    ck_assert_uint_eq(hash_bytes, 48 * 1024);
  }
  ck_ok(world, login(world, "ada@example.org", PASSWORD, &token));
  ck_assert_int_eq(hashes, 1);
  shop_token_free(token);
  world_free(world);
}
END_TEST

/* NULL and empty are the caller's mistake, not the shopper's. */
START_TEST(arguments_of_login) {
  struct world *world = world_new();
  shop_options_t *key = options_with_key("k");
  shop_token_t *token;

  shop_token_free(world_register(world, "ada@example.org"));
  ck_refused(world, login(world, NULL, PASSWORD, &token), SHOP_ERR_ARGUMENT);
  ck_assert_ptr_null(token);
  ck_refused(world, login(world, "", PASSWORD, &token), SHOP_ERR_ARGUMENT);
  ck_refused(world, login(world, "ada@example.org", NULL, &token), SHOP_ERR_ARGUMENT);
  ck_refused(world, login(world, "ada@example.org", "", &token), SHOP_ERR_ARGUMENT);
  ck_refused(world,
             shop_user_login(world->shop, "ada@example.org", PASSWORD, key, &token, world->err),
             SHOP_ERR_ARGUMENT);
  ck_assert_int_eq(hashes, 0);
  shop_options_free(key);
  world_free(world);
}
END_TEST

/* A hash of another cost is replaced by who knows the password, and by nobody
   else. */
START_TEST(login_replaces_a_hash_of_another_cost) {
  static const struct {
    int32_t memory_kib;
    int32_t passes;
    const char *begin;
  } costs[] = {
      {32, 2, "$argon2id$v=19$m=32,t=2,p=1$"},
      {32, 3, "$argon2id$v=19$m=32,t=3,p=1$"},
      {8, 1, "$argon2id$v=19$m=8,t=1,p=1$"}, /* a cheaper one as well */
  };
  struct world *world = world_new();
  char before[200], after[200];
  shop_token_t *token;

  shop_token_free(world_register(world, "ada@example.org"));
  shop_token_free(world_register(world, "bob@example.org"));
  for (size_t i = 0; i < sizeof costs / sizeof costs[0]; i++) {
    ck_assert_int_eq(
        shop_config_set_password_cost(world->config, costs[i].memory_kib, costs[i].passes),
        SHOP_OK);
    world_reopen(world);
    stored_hash(world, before);
    ck_assert_int_ne(strncmp(before, costs[i].begin, strlen(costs[i].begin)), 0);
    ck_refused(world, login(world, "ada@example.org", "a wrong one", &token), SHOP_ERR_CREDENTIALS);
    ck_ok(world, login(world, "bob@example.org", PASSWORD, &token));
    shop_token_free(token);
    stored_hash(world, after);
    ck_assert_str_eq(after, before);

    ck_ok(world, login(world, "ada@example.org", PASSWORD, &token));
    shop_token_free(token);
    stored_hash(world, after);
    ck_assert_int_eq(strncmp(after, costs[i].begin, strlen(costs[i].begin)), 0);

    ck_ok(world, login(world, "ada@example.org", PASSWORD, &token)); /* and once only */
    shop_token_free(token);
    stored_hash(world, before);
    ck_assert_str_eq(before, after);
  }
  world_free(world);
}
END_TEST

/* A stored hash that is none is a damaged store, not a wrong password; and one
   that asks for all memory is not computed. */
START_TEST(damaged_hash_is_told) {
  static const char *const damaged[] = {
      "x",
      "$argon2id$v=19$m=8,t=1,p=1$",
      ("$argon2id$v=19$m=4294967295,t=1,p=1$c29tZXNhbHRzb21lc2FsdA$"
       "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE"),
      "$2b$12$abcdefghijklmnopqrstuuABCDEFGHIJKLMNOPQRSTUVWXYZ01234",
  };
  struct world *world = world_new();
  shop_token_t *token = world_register(world, "ada@example.org");
  char sql[400];

  shop_token_free(token);
  for (size_t i = 0; i < sizeof damaged / sizeof damaged[0]; i++) {
    snprintf(sql, sizeof sql, "UPDATE users SET password_hash = '%s'", damaged[i]);
    world_vandalise(world, sql);
    ck_refused(world, login(world, "ada@example.org", PASSWORD, &token), SHOP_ERR_CORRUPT);
    ck_assert_ptr_null(token);
    ck_assert_int_eq(hashes, 0);
  }
  world_vandalise(world, "UPDATE users SET password_hash = printf('%.5000c', 'x')");
  ck_refused(world, login(world, "ada@example.org", PASSWORD, &token), SHOP_ERR_CORRUPT);
  world_free(world);
}
END_TEST

/* The proof of the password takes its time; the account may change meanwhile. */
static struct world *watched;
static const char *change_sql;

static int64_t meddling_clock(void *user) {
  struct world *world = user;

  if (watched != NULL && hashes > 0 && change_sql != NULL) {
    const char *sql = change_sql;

    change_sql = NULL;
    world_vandalise(watched, sql);
  }
  return atomic_load(&world->now_ms);
}

/* A token must not be given on the strength of a password that has been
   changed since it was read. */
START_TEST(account_that_changes_during_the_proof) {
  struct world *world = world_prepare();
  shop_token_t *token;

  ck_assert_int_eq(shop_config_set_clock(world->config, meddling_clock, world), SHOP_OK);
  world_open(world);
  shop_token_free(world_register(world, "ada@example.org"));
  shop_token_free(world_register(world, "bob@example.org"));
  watched = world;

  /* Another password. */
  change_sql =
      "UPDATE users SET password_hash = '$argon2id$v=19$m=8,t=1,p=1"
      "$c29tZXNhbHRzb21lc2FsdA$MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE'"
      " WHERE email = 'ada@example.org'";
  ck_status(world, login(world, "ada@example.org", PASSWORD, &token), SHOP_ERR_CREDENTIALS);
  ck_assert_ptr_null(token);
  ck_assert_ptr_null(change_sql);
  ck_assert_int_eq(world_number(world, "SELECT count(*) FROM tokens"), 2);

  /* Everything was revoked: the login stands, with a token of the new epoch. */
  change_sql = "UPDATE users SET epoch = 7 WHERE email = 'bob@example.org'";
  ck_ok(world, login(world, "bob@example.org", PASSWORD, &token));
  ck_assert_ptr_null(change_sql);
  ck_assert_int_eq(world_number(world, "SELECT epoch FROM tokens ORDER BY epoch DESC"), 7);
  shop_token_free(token);
  world_free(world);
}
END_TEST

/* The deadline counts from the call, and nothing is given after it. */
START_TEST(deadline_of_login) {
  struct world *world = world_new();
  shop_options_t *options = options_with_deadline(30);
  shop_token_t *token = world_register(world, "ada@example.org");
  sqlite3 *other = NULL;

  shop_token_free(token);
  ck_assert_int_eq(sqlite3_open(world->path, &other), SQLITE_OK);
  ck_assert_int_eq(sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
  token = (shop_token_t *)world;
  ck_refused(world,
             shop_user_login(world->shop, "ada@example.org", PASSWORD, options, &token, world->err),
             SHOP_ERR_DEADLINE);
  ck_assert_ptr_null(token);
  ck_refused(
      world,
      shop_user_register(world->shop, "bob@example.org", PASSWORD, options, &token, world->err),
      SHOP_ERR_DEADLINE);
  ck_assert_ptr_null(token);
  sqlite3_close(other);
  ck_ok(world, login(world, "ada@example.org", PASSWORD, &token));
  shop_token_free(token);
  shop_options_free(options);
  world_free(world);
}
END_TEST

static bool sleepy;

/* Takes longer than the deadline of the test, once it is told to. */
static int64_t sleepy_clock(void *user) {
  struct world *world = user;
  struct timespec nap = {.tv_nsec = 40000000};

  if (sleepy)
    (void)nanosleep(&nap, NULL);
  return atomic_load(&world->now_ms);
}

/* Time that has gone by before the store is asked counts as well: what is left
   of it would else be none, which stands for no deadline. */
START_TEST(deadline_before_the_store) {
  struct world *world = world_prepare();
  shop_options_t *options = options_with_deadline(20);
  shop_token_t *token;

  ck_assert_int_eq(shop_config_set_clock(world->config, sleepy_clock, world), SHOP_OK);
  world_open(world);
  shop_token_free(world_register(world, "ada@example.org"));
  sleepy = true;
  ck_refused(world,
             shop_user_login(world->shop, "ada@example.org", PASSWORD, options, &token, world->err),
             SHOP_ERR_DEADLINE);
  ck_refused(
      world,
      shop_user_register(world->shop, "bob@example.org", PASSWORD, options, &token, world->err),
      SHOP_ERR_DEADLINE);
  sleepy = false;
  shop_options_free(options);
  world_free(world);
}
END_TEST

struct visitor {
  struct world *world;
  bool right;
  int32_t status;
  shop_token_t *token;
};

static void *visit(void *user) {
  struct visitor *visitor = user;

  visitor->status =
      shop_user_login(visitor->world->shop, "ada@example.org",
                      visitor->right ? PASSWORD : "a wrong one", NULL, &visitor->token, NULL);
  return NULL;
}

/* Many at once, hashed one after the other: each gets its own answer, also
   while the hash is being replaced. */
START_TEST(many_logins_at_once) {
  enum { COUNT = 16 };
  struct world *world = world_new();
  struct visitor visitors[COUNT];
  pthread_t threads[COUNT];

  shop_token_free(world_register(world, "ada@example.org"));
  ck_assert_int_eq(shop_config_set_password_parallel(world->config, 1), SHOP_OK);
  ck_assert_int_eq(shop_config_set_password_cost(world->config, 32, 1), SHOP_OK);
  world_reopen(world);
  for (int i = 0; i < COUNT; i++) {
    visitors[i] = (struct visitor){world, i % 4 != 0, 1, NULL};
    ck_assert_int_eq(pthread_create(&threads[i], NULL, visit, &visitors[i]), 0);
  }
  for (int i = 0; i < COUNT; i++) {
    pthread_join(threads[i], NULL);
    ck_assert_int_eq(visitors[i].status, visitors[i].right ? SHOP_OK : SHOP_ERR_CREDENTIALS);
    ck_assert((visitors[i].token != NULL) == visitors[i].right);
    shop_token_free(visitors[i].token);
  }
  world_free(world);
}
END_TEST

int main(void) {
  const TTest *tests[] = {
      login_gives_another_token, refusals_tell_nothing,
      arguments_of_login,        login_replaces_a_hash_of_another_cost,
      damaged_hash_is_told,      account_that_changes_during_the_proof,
      deadline_of_login,         deadline_before_the_store,
      many_logins_at_once,
  };

  return HARNESS_RUN("timeline 2: login", tests);
}
