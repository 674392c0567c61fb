/* Guessing (guess.h): the guesser waits, the owner does not. Hashes are counted under libsodium
   (linked with --wrap=crypto_pwhash), statements and commits under SQLite. */
#include <harness.h>

#include <sodium.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WRONG "a wrong one"
#define OWNER "ada@example.org"
#define NOBODY "nobody@example.org"

static _Atomic int hashes, hashing, hashing_max;
static bool hash_fails;

int __real_crypto_pwhash(unsigned char *out, unsigned long long out_size, const char *password,
                         unsigned long long password_size, const unsigned char *salt,
                         unsigned long long passes, size_t memory, int alg);
int __wrap_crypto_pwhash(unsigned char *out, unsigned long long out_size, const char *password,
                         unsigned long long password_size, const unsigned char *salt,
                         unsigned long long passes, size_t memory, int alg);

int __wrap_crypto_pwhash(unsigned char *out, unsigned long long out_size, const char *password,
                         unsigned long long password_size, const unsigned char *salt,
                         unsigned long long passes, size_t memory, int alg) {
  int at_once = atomic_fetch_add(&hashing, 1) + 1, most = atomic_load(&hashing_max), failed = -1;

  while (at_once > most && !atomic_compare_exchange_weak(&hashing_max, &most, at_once))
    continue;
  atomic_fetch_add(&hashes, 1);
  if (!hash_fails)
    failed =
        __real_crypto_pwhash(out, out_size, password, password_size, salt, passes, memory, alg);
  atomic_fetch_sub(&hashing, 1);
  return failed;
}

/* source NULL: none. */
static int32_t attempt(struct world *world, const char *email, const char *password,
                       const char *source) {
  shop_options_t *options = NULL;
  shop_token_t *token = (shop_token_t *)world; /* must be overwritten */
  int32_t status;

  ck_assert_int_eq(shop_options_new(&options), SHOP_OK);
  ck_assert_int_eq(shop_options_set_source(options, source), SHOP_OK);
  atomic_store(&hashes, 0);
  status = shop_user_login(world->shop, email, password, options, &token, world->err);
  ck_assert((status == SHOP_OK) == (token != NULL));
  ck_assert_int_eq(shop_error_retry_after_ms(world->err) > 0,
                   status == SHOP_ERR_THROTTLED || status == SHOP_ERR_LOCKED);
  shop_token_free(token);
  shop_options_free(options);
  return status;
}

static int32_t enter(struct world *world, const char *email, const char *source) {
  shop_options_t *options = NULL;
  shop_token_t *token = NULL;
  int32_t status;

  ck_assert_int_eq(shop_options_new(&options), SHOP_OK);
  ck_assert_int_eq(shop_options_set_source(options, source), SHOP_OK);
  atomic_store(&hashes, 0);
  status = shop_user_register(world->shop, email, PASSWORD, options, &token, world->err);
  shop_token_free(token);
  shop_options_free(options);
  return status;
}

/* Fails `count` times, waiting whenever that is asked for. */
static void fail_patiently(struct world *world, const char *email, const char *source, int count) {
  while (count > 0) {
    int32_t status = attempt(world, email, WRONG, source);

    if (status == SHOP_ERR_CREDENTIALS) {
      count--;
    } else {
      ck_assert(status == SHOP_ERR_THROTTLED || status == SHOP_ERR_LOCKED);
      world_pass_ms(world, shop_error_retry_after_ms(world->err));
    }
  }
}

static void ck_waits(struct world *world, const char *email, const char *source, int64_t wait_ms) {
  int32_t wanted = wait_ms == 0 ? SHOP_ERR_CREDENTIALS : SHOP_ERR_THROTTLED;

  ck_status(world, attempt(world, email, WRONG, source), wanted);
  ck_assert_int_eq(shop_error_retry_after_ms(world->err), wait_ms);
}

/* Five are free, then every failure doubles the wait, up to a quarter of an hour. During a wait
   nothing is hashed and nothing counted, whatever the password; after it, the right one opens. */
START_TEST(waits_double) {
  struct world *world = world_new();
  int64_t wait_ms = 1000;

  ck_ok(world, enter(world, OWNER, NULL));
  for (int i = 0; i < 6; i++)
    ck_waits(world, OWNER, NULL, 0);
  for (int i = 0; i < 14; i++) {
    ck_waits(world, OWNER, NULL, wait_ms);
    ck_refused(world, attempt(world, OWNER, PASSWORD, NULL), SHOP_ERR_THROTTLED);
    ck_assert_int_eq(atomic_load(&hashes), 0);
    world_pass_ms(world, wait_ms - 1);
    ck_waits(world, OWNER, NULL, 1);
    world_pass_ms(world, 1);
    ck_waits(world, OWNER, NULL, 0);
    wait_ms = wait_ms * 2 > 900000 ? 900000 : wait_ms * 2;
  }
  ck_assert_int_eq(wait_ms, 900000);
  ck_refused(world, attempt(world, OWNER, PASSWORD, NULL), SHOP_ERR_THROTTLED);
  world_pass_ms(world, 900000);
  ck_ok(world, attempt(world, OWNER, PASSWORD, NULL));
  for (int i = 0; i < 6; i++) /* and all is forgotten */
    ck_waits(world, OWNER, NULL, 0);
  ck_waits(world, OWNER, NULL, 1000);
  world_free(world);
}
END_TEST

/* ---- known and unknown addresses cost the same ------------------------------------------- */

static _Atomic int statements, commits;

static int count_statement(unsigned what, void *context, void *statement, void *text) {
  (void)what;
  (void)context;
  (void)statement;
  (void)text;
  atomic_fetch_add(&statements, 1);
  return 0;
}

static int count_commit(void *context) {
  (void)context;
  atomic_fetch_add(&commits, 1);
  return 0;
}

static int watch_connection(sqlite3 *db, char **message, const struct sqlite3_api_routines *api) {
  (void)message;
  (void)api;
  sqlite3_trace_v2(db, SQLITE_TRACE_STMT, count_statement, NULL);
  sqlite3_commit_hook(db, count_commit, NULL);
  return SQLITE_OK;
}

struct cost {
  int32_t status;
  int64_t retry_ms;
  int hashes, statements, commits;
  char message[400];
};

static struct cost cost_of(struct world *world, const char *email, const char *source) {
  struct cost cost;

  atomic_store(&statements, 0);
  atomic_store(&commits, 0);
  memset(&cost, 0, sizeof cost);
  cost.status = attempt(world, email, WRONG, source);
  cost.retry_ms = shop_error_retry_after_ms(world->err);
  cost.hashes = atomic_load(&hashes);
  cost.statements = atomic_load(&statements);
  cost.commits = atomic_load(&commits);
  snprintf(cost.message, sizeof cost.message, "%s", shop_error_message(world->err));
  return cost;
}

/* From the first failure to far into the waits and the lock: status, sentence, wait, hashes,
   statements and commits are the same for who is there and who is not. */
START_TEST(unknown_addresses_count_equally) {
  static const char *const sources[] = {NULL, "203.0.113.7"};
  struct world *world = world_prepare();
  int seen_hash = 0, seen_throttled = 0, seen_locked = 0;

  ck_assert_int_eq(sqlite3_auto_extension((void (*)(void))watch_connection), SQLITE_OK);
  world_open(world);
  ck_ok(world, enter(world, OWNER, "home"));
  (void)cost_of(world, "first@example.org", "first"); /* prepares every statement */
  for (size_t s = 0; s < 2; s++) {
    (void)cost_of(world, "first@example.org", sources[s]); /* makes the source's own counter */
    for (int i = 0; i < 40; i++) {
      struct cost owner = cost_of(world, OWNER, sources[s]);
      struct cost nobody = cost_of(world, NOBODY, sources[s]);

      ck_assert_int_eq(owner.status, nobody.status);
      ck_assert_int_eq(owner.retry_ms, nobody.retry_ms);
      ck_assert_str_eq(owner.message, nobody.message);
      ck_assert_int_eq(owner.hashes, nobody.hashes);
      ck_assert_int_eq(owner.statements, nobody.statements);
      ck_assert_int_eq(owner.commits, nobody.commits);
      ck_assert_int_eq(owner.commits, owner.status == SHOP_ERR_CREDENTIALS);
      ck_assert_int_eq(owner.hashes, owner.status == SHOP_ERR_CREDENTIALS);
      seen_hash += owner.status == SHOP_ERR_CREDENTIALS;
      seen_throttled += owner.status == SHOP_ERR_THROTTLED;
      seen_locked += owner.status == SHOP_ERR_LOCKED;
      if (owner.retry_ms > 0)
        world_pass_ms(world, owner.retry_ms);
    }
  }
  ck_assert_int_gt(seen_hash, 20);
  ck_assert_int_gt(seen_throttled, 20);
  ck_assert_int_gt(seen_locked, 2);
  world_free(world);
  sqlite3_reset_auto_extension();
}
END_TEST

/* What is no address at all is counted too, each text by itself. */
START_TEST(no_addresses_are_counted) {
  struct world *world = world_new();

  for (int i = 0; i < 6; i++)
    ck_waits(world, "no address", NULL, 0);
  ck_waits(world, "no address", NULL, 1000);
  ck_waits(world, "neither this", NULL, 0);
  ck_waits(world, OWNER, NULL, 0);
  ck_waits(world, "ADA@EXAMPLE.ORG", NULL, 0); /* one account */
  ck_assert_int_eq(world_number(world, "SELECT max(failures) FROM guesses"), 6);
  ck_assert_int_eq(world_number(world, "SELECT count(*) FROM guesses"), 3);
  world_free(world);
}
END_TEST

/* ---- the owner --------------------------------------------------------------------------------
 */

/* Attackers from a hundred sources keep the account waiting without end: the owner, at home, gets
   in at every time, and so does whoever holds a token. */
START_TEST(owner_is_not_locked_out) {
  struct world *world = world_new();
  shop_token_t *token = NULL;
  char source[40];

  ck_ok(world, enter(world, OWNER, "home"));
  ck_ok(world, shop_user_login(world->shop, OWNER, PASSWORD, NULL, &token, world->err));
  for (int i = 0; i < 100; i++) {
    shop_session_t *session = NULL;

    snprintf(source, sizeof source, "bot %d", i);
    fail_patiently(world, OWNER, source, 1);
    ck_ok(world, attempt(world, OWNER, PASSWORD, "home"));
    ck_ok(world, shop_session_check(world->shop, token, &session, world->err));
    ck_assert_int_eq(shop_session_status(session), SHOP_OK);
    shop_session_free(session);
    if (i > 10) /* a stranger waits, with the right password too */
      ck_refused(world, attempt(world, OWNER, PASSWORD, "elsewhere"), SHOP_ERR_THROTTLED);
  }
  shop_token_free(token);
  world_free(world);
}
END_TEST

/* The owner's slips at home slow down nobody else, and clear at the good login. */
START_TEST(slips_at_home) {
  struct world *world = world_new();

  ck_ok(world, enter(world, OWNER, "home"));
  fail_patiently(world, OWNER, "home", 7);
  ck_assert_int_eq(attempt(world, OWNER, PASSWORD, "home"), SHOP_ERR_THROTTLED);
  ck_ok(world, attempt(world, OWNER, PASSWORD, "office"));
  world_pass_ms(world, 2000);
  ck_ok(world, attempt(world, OWNER, PASSWORD, "home"));
  for (int i = 0; i < 6; i++)
    ck_waits(world, OWNER, "home", 0);
  ck_waits(world, OWNER, "home", 1000);
  world_free(world);
}
END_TEST

/* Where the account was guessed at ten times it is locked, for that source alone. */
START_TEST(lock_of_one_source) {
  struct world *world = world_new();

  ck_ok(world, enter(world, OWNER, "home"));
  fail_patiently(world, OWNER, "cafe", 10);
  ck_refused(world, attempt(world, OWNER, PASSWORD, "cafe"), SHOP_ERR_LOCKED);
  ck_assert_int_eq(shop_error_retry_after_ms(world->err), 3600000);
  ck_assert_int_eq(atomic_load(&hashes), 0);
  ck_ok(world, attempt(world, OWNER, PASSWORD, "home"));
  world_pass_ms(world, 60000);
  ck_ok(world, attempt(world, OWNER, PASSWORD, "office"));
  ck_status(world, attempt(world, "bob@example.org", WRONG, "cafe"), SHOP_ERR_CREDENTIALS);
  world_pass_ms(world, 3600000 - 60000 - 1);
  ck_refused(world, attempt(world, OWNER, PASSWORD, "cafe"), SHOP_ERR_LOCKED);
  world_pass_ms(world, 1);
  ck_waits(world, OWNER, "cafe", 0);
  ck_refused(world, attempt(world, OWNER, PASSWORD, "cafe"), SHOP_ERR_LOCKED); /* at once again */
  world_pass_ms(world, 3600000);
  ck_ok(world, attempt(world, OWNER, PASSWORD, "cafe"));
  ck_ok(world, attempt(world, OWNER, PASSWORD, "cafe"));
  world_free(world);
}
END_TEST

/* Being known does not keep a lock away: ten wrong ones from there lock that source as any other.
 */
START_TEST(lock_of_a_known_source) {
  struct world *world = world_new();

  ck_ok(world, enter(world, OWNER, "home"));
  fail_patiently(world, OWNER, "home", 10);
  ck_refused(world, attempt(world, OWNER, PASSWORD, "home"), SHOP_ERR_LOCKED);
  ck_assert_int_eq(shop_error_retry_after_ms(world->err), 3600000);
  ck_ok(world, attempt(world, OWNER, PASSWORD, "office"));
  world_free(world);
}
END_TEST

/* A user is known from the eight latest sources; the ninth pushes the oldest out. */
START_TEST(known_sources_are_few) {
  struct world *world = world_new();
  char source[40];

  ck_ok(world, enter(world, OWNER, "source 0"));
  for (int i = 1; i < 9; i++) {
    world_pass_ms(world, 1000);
    snprintf(source, sizeof source, "source %d", i);
    ck_ok(world, attempt(world, OWNER, PASSWORD, source));
  }
  ck_assert_int_eq(world_number(world, "SELECT count(*) FROM known_sources"), 8);
  fail_patiently(world, OWNER, "bot", 7);
  ck_assert_int_eq(attempt(world, OWNER, PASSWORD, "source 0"), SHOP_ERR_THROTTLED);
  ck_ok(world, attempt(world, OWNER, PASSWORD, "source 1"));
  ck_ok(world, attempt(world, OWNER, PASSWORD, "source 8"));
  world_free(world);
}
END_TEST

/* ---- one source, many accounts
 * ------------------------------------------------------------------- */

/* One password for each of many addresses: the source waits, and a login into an account of the
   guesser's own does not help. Who is known there is not touched. */
START_TEST(spraying_source_waits) {
  struct world *world = world_prepare();
  char email[40];

  ck_assert_int_eq(shop_config_set_source_tries_free(world->config, 20), SHOP_OK);
  world_open(world);
  ck_ok(world, enter(world, OWNER, "office"));
  ck_ok(world, enter(world, "mallory@example.org", "elsewhere"));
  for (int i = 0; i < 21; i++) {
    snprintf(email, sizeof email, "user%d@example.org", i);
    ck_waits(world, email, "office", 0);
    if (i == 10)
      ck_ok(world, attempt(world, "mallory@example.org", PASSWORD, "office"));
  }
  ck_waits(world, "one.more@example.org", "office", 1000);
  ck_ok(world, attempt(world, OWNER, PASSWORD, "office"));
  ck_ok(world, attempt(world, "mallory@example.org", PASSWORD, "office")); /* known there by now */
  ck_waits(world, "one.more@example.org", "office", 1000);
  ck_waits(world, "one.more@example.org", "another", 0);
  world_free(world);
}
END_TEST

/* Registrations from one source are counted, taken addresses too; without a source none is. */
START_TEST(registering_source_waits) {
  struct world *world = world_prepare();
  char email[40];

  ck_assert_int_eq(shop_config_set_source_tries_free(world->config, 3), SHOP_OK);
  world_open(world);
  ck_ok(world, enter(world, "a0@example.org", "mill"));
  ck_ok(world, enter(world, "a1@example.org", "mill"));
  ck_refused(world, enter(world, "a1@example.org", "mill"), SHOP_ERR_EMAIL_TAKEN);
  ck_ok(world, enter(world, "a3@example.org", "mill"));
  ck_refused(world, enter(world, "a4@example.org", "mill"), SHOP_ERR_THROTTLED);
  ck_assert_int_eq(atomic_load(&hashes), 0);
  ck_assert_int_eq(shop_error_retry_after_ms(world->err), 1000);
  ck_ok(world, enter(world, "a4@example.org", "elsewhere"));
  world_pass_ms(world, 1000);
  ck_ok(world, enter(world, "a5@example.org", "mill"));
  for (int i = 0; i < 10; i++) {
    snprintf(email, sizeof email, "b%d@example.org", i);
    ck_ok(world, enter(world, email, NULL));
  }
  world_free(world);
}
END_TEST

/* ---- the table
 * -------------------------------------------------------------------------------------- */

/* A flood neither grows the table beyond its bound nor pushes out what has more failures than the
   flood's own rows. */
START_TEST(table_is_bounded) {
  struct world *world = world_prepare();
  char email[40];

  ck_assert_int_eq(shop_config_set_guess_rows_max(world->config, 100), SHOP_OK);
  world_open(world);
  ck_ok(world, enter(world, OWNER, NULL));
  for (int i = 0; i < 6; i++)
    ck_waits(world, OWNER, NULL, 0);
  for (int i = 0; i < 400; i++) {
    snprintf(email, sizeof email, "flood%d@example.org", i);
    ck_waits(world, email, NULL, 0);
    world_pass_ms(world, 1);
  }
  ck_assert_int_eq(world_number(world, "SELECT count(*) FROM guesses"), 100);
  ck_waits(world, OWNER, NULL, 600);
  world_free(world);
}
END_TEST

enum { FLOODERS = 200, FLOOD_TRIES = 6, FLOOD_ROWS = 300, FLOOD_HASHES = 3 };

struct flooder {
  struct world *world;
  int index;
  int32_t other; /* an answer that none of them should get */
};

/* Nobodies and the owner, from sources that nobody has seen before. */
static void *flood(void *user) {
  struct flooder *flooder = user;
  char email[60], source[60];

  for (int i = 0; i < FLOOD_TRIES; i++) {
    shop_options_t *options = NULL;
    shop_token_t *token = NULL;
    int32_t status = shop_options_new(&options);

    snprintf(email, sizeof email, "flood%d.%d@example.org", flooder->index, i);
    snprintf(source, sizeof source, "bot %d.%d", flooder->index, i);
    if (status == SHOP_OK)
      status = shop_options_set_source(options, source);
    if (status == SHOP_OK)
      status = shop_user_login(flooder->world->shop, i % 3 == 0 ? OWNER : email, WRONG, options,
                               &token, NULL);
    if (status != SHOP_ERR_CREDENTIALS && status != SHOP_ERR_THROTTLED)
      flooder->other = status;
    shop_options_free(options);
  }
  return NULL;
}

/* Two hundred at once, each with new addresses and new sources: no more hashes run at a time than
   were allowed, the counters stay within their bound, and the owner still comes in at home. */
START_TEST(flood_of_logins) {
  static struct flooder flooders[FLOODERS];
  static pthread_t threads[FLOODERS];
  struct world *world = world_prepare();

  ck_assert_int_eq(shop_config_set_password_parallel(world->config, FLOOD_HASHES), SHOP_OK);
  ck_assert_int_eq(shop_config_set_guess_rows_max(world->config, FLOOD_ROWS), SHOP_OK);
  world_open(world);
  ck_ok(world, enter(world, OWNER, "home"));
  atomic_store(&hashing_max, 0);
  for (int i = 0; i < FLOODERS; i++) {
    flooders[i] = (struct flooder){.world = world, .index = i};
    ck_assert_int_eq(pthread_create(&threads[i], NULL, flood, &flooders[i]), 0);
  }
  for (int i = 0; i < FLOODERS; i++) {
    pthread_join(threads[i], NULL);
    ck_assert_msg(flooders[i].other == SHOP_OK, "%s", shop_status_name(flooders[i].other));
  }
  ck_assert_int_ge(atomic_load(&hashing_max), 1);
  ck_assert_int_le(atomic_load(&hashing_max), FLOOD_HASHES);
  ck_assert_int_ge(atomic_load(&hashes), FLOODERS * FLOOD_TRIES / 2);
  ck_assert_int_eq(world_number(world, "SELECT count(*) FROM guesses"), FLOOD_ROWS);
  ck_assert_int_eq(world_number(world, "SELECT max(slot) FROM guesses"), FLOOD_ROWS);
  ck_ok(world, attempt(world, OWNER, PASSWORD, "home"));
  world_free(world);
}
END_TEST

/* The counters are the store's: a restart and another process do not begin anew. */
START_TEST(restarts_reset_nothing) {
  struct world *world = world_new();
  shop_t *other = NULL;
  shop_token_t *token = NULL;

  ck_ok(world, enter(world, OWNER, NULL));
  for (int i = 0; i < 6; i++)
    ck_waits(world, OWNER, NULL, 0);
  world_reopen(world);
  ck_waits(world, OWNER, NULL, 1000);
  ck_ok(world, shop_open(world->path, world->config, &other, world->err));
  ck_status(world, shop_user_login(other, OWNER, PASSWORD, NULL, &token, world->err),
            SHOP_ERR_THROTTLED);
  ck_assert_int_eq(shop_close(other), SHOP_OK);
  world_free(world);
}
END_TEST

/* What has rested for a day is forgotten, by the next try and by the upkeep; a clock that has gone
   back locks out nobody. */
START_TEST(counters_are_forgotten) {
  struct world *world = world_new();
  shop_maintenance_t *done = NULL;

  fail_patiently(world, OWNER, NULL, 12);
  world_pass_ms(world, INT64_C(24) * 3600 * 1000 - 1);
  ck_waits(world, OWNER, NULL, 0);
  ck_waits(world, OWNER, NULL, 128000); /* the 13th */
  ck_ok(world, shop_maintain(world->shop, &done, world->err));
  ck_assert_int_eq(shop_maintenance_guesses(done), 0);
  shop_maintenance_free(done);
  world_pass_ms(world, INT64_C(24) * 3600 * 1000);
  ck_waits(world, OWNER, NULL, 0);
  ck_waits(world, OWNER, NULL, 0); /* the 1st and the 2nd */
  world_pass_ms(world, INT64_C(24) * 3600 * 1000 + 1);
  ck_ok(world, shop_maintain(world->shop, &done, world->err));
  ck_assert_int_eq(shop_maintenance_guesses(done), 1);
  shop_maintenance_free(done);
  ck_assert_int_eq(world_number(world, "SELECT sum(failures) FROM guesses"), 0);

  fail_patiently(world, OWNER, NULL, 12);
  world_pass_ms(world, -3600000);
  ck_waits(world, OWNER, NULL, 0);
  ck_assert_int_eq(shop_maintenance_guesses(NULL), 0);
  world_free(world);
}
END_TEST

/* Out of memory while hashing says nothing of the password: it is no failed login. */
START_TEST(no_memory_is_not_counted) {
  struct world *world = world_new();

  ck_ok(world, enter(world, OWNER, NULL));
  hash_fails = true;
  for (int i = 0; i < 10; i++)
    ck_refused(world, attempt(world, OWNER, PASSWORD, "home"), SHOP_ERR_NO_MEMORY);
  hash_fails = false;
  ck_assert_int_eq(world_number(world, "SELECT count(*) FROM guesses"), 0);
  ck_ok(world, attempt(world, OWNER, PASSWORD, NULL));
  world_free(world);
}
END_TEST

struct guesser {
  struct world *world;
  int32_t status;
};

static void *guess(void *user) {
  struct guesser *guesser = user;
  shop_token_t *token = NULL;

  guesser->status = shop_user_login(guesser->world->shop, OWNER, WRONG, NULL, &token, NULL);
  return NULL;
}

/* A hundred guesses at once are no more than one after the other: who has waited for its turn to
   hash looks again. */
START_TEST(many_at_once) {
  enum { COUNT = 100 };
  struct world *world = world_prepare();
  static struct guesser guessers[COUNT];
  static pthread_t threads[COUNT];
  int wrong = 0;

  ck_assert_int_eq(shop_config_set_password_parallel(world->config, 2), SHOP_OK);
  ck_assert_int_eq(shop_config_set_password_cost(world->config, 1024, 2), SHOP_OK);
  world_open(world);
  ck_ok(world, enter(world, OWNER, NULL));
  atomic_store(&hashes, 0);
  for (int i = 0; i < COUNT; i++) {
    guessers[i] = (struct guesser){world, 1};
    ck_assert_int_eq(pthread_create(&threads[i], NULL, guess, &guessers[i]), 0);
  }
  for (int i = 0; i < COUNT; i++) {
    pthread_join(threads[i], NULL);
    ck_assert(guessers[i].status == SHOP_ERR_CREDENTIALS ||
              guessers[i].status == SHOP_ERR_THROTTLED);
    wrong += guessers[i].status == SHOP_ERR_CREDENTIALS;
  }
  /* five free, the one that begins the wait, and one more that was hashed beside it */
  ck_assert_int_ge(wrong, 6);
  ck_assert_int_le(wrong, 7);
  ck_assert_int_eq(atomic_load(&hashes), wrong);
  world_free(world);
}
END_TEST

/* The log tells of failures and locks, rarely enough that a flood does not fill it, and without the
   password or the address. */
START_TEST(log_of_failures) {
  struct world *world = world_new();
  char text[100];

  ck_ok(world, enter(world, OWNER, NULL));
  fail_patiently(world, OWNER, "cafe", 10);
  fail_patiently(world, NOBODY, "tavern", 3);
  ck_assert_int_eq(
      world_number(world, "SELECT count(*) FROM events WHERE name = 'user.login_failed'"), 4 + 2);
  ck_assert_int_eq(
      world_number(world, "SELECT count(*) FROM events WHERE name = 'user.login_locked'"), 1);
  ck_assert_int_eq(world_number(world,
                                "SELECT count(*) FROM events WHERE name LIKE"
                                " 'user.login_%' AND user_id = (SELECT id FROM users)"),
                   5);
  world_text(world,
             "SELECT group_concat(detail) FROM (SELECT detail FROM events WHERE name ="
             " 'user.login_failed' ORDER BY id)",
             text, sizeof text);
  ck_assert_str_eq(text, "1,2,4,8,1,2");
  world_free(world);
}
END_TEST

/* Ranges of the settings; a bad value leaves the old one. */
START_TEST(settings) {
  struct world *world = world_prepare();
  shop_config_t *config = world->config;
  shop_options_t *options = NULL;
  static char long_source[300];

#define RANGE(call, min, max)                                                                      \
  do {                                                                                             \
    ck_assert_int_eq(call(NULL, min), SHOP_ERR_ARGUMENT);                                          \
    ck_assert_int_eq(call(config, (min)-1), SHOP_ERR_ARGUMENT);                                    \
    ck_assert_int_eq(call(config, (max) + 1), SHOP_ERR_ARGUMENT);                                  \
    ck_assert_int_eq(call(config, max), SHOP_OK);                                                  \
    ck_assert_int_eq(call(config, min), SHOP_OK);                                                  \
  } while (0)
  RANGE(shop_config_set_login_tries_free, 1, 1000);
  RANGE(shop_config_set_login_wait_ms, 1, 3600000);
  RANGE(shop_config_set_login_wait_max_ms, 1, 86400000);
  RANGE(shop_config_set_login_tries_lock, 1, 1000);
  RANGE(shop_config_set_login_lock_ms, 1, INT64_C(30) * 86400000);
  RANGE(shop_config_set_source_tries_free, 1, 1000000);
  RANGE(shop_config_set_guess_life_ms, 1000, INT64_C(365) * 86400000);
  RANGE(shop_config_set_guess_rows_max, 100, 10000000);
#undef RANGE
  memset(long_source, 's', 256);
  ck_assert_int_eq(shop_options_new(&options), SHOP_OK);
  ck_assert_int_eq(shop_options_set_source(NULL, "x"), SHOP_ERR_ARGUMENT);
  ck_assert_int_eq(shop_options_set_source(options, ""), SHOP_ERR_ARGUMENT);
  ck_assert_int_eq(shop_options_set_source(options, "a\nb"), SHOP_ERR_TEXT);
  ck_assert_int_eq(shop_options_set_source(options, "\xff"), SHOP_ERR_TEXT);
  ck_assert_int_eq(shop_options_set_source(options, long_source), SHOP_ERR_TOO_LONG);
  ck_assert_int_eq(shop_options_set_source(options, long_source + 1), SHOP_OK);
  world_open(world);
  /* a call that counts nothing by source refuses one */
  ck_refused(
      world,
      shop_product_put(world->shop, "TEA", "Tea", NULL, 1, "EUR", 1, options, NULL, world->err),
      SHOP_ERR_ARGUMENT);
  ck_assert_int_eq(shop_options_set_source(options, NULL), SHOP_OK);
  ck_ok(world,
        shop_product_put(world->shop, "TEA", "Tea", NULL, 1, "EUR", 1, options, NULL, world->err));
  ck_assert_int_eq(shop_error_retry_after_ms(NULL), 0);
  /* the smallest of all: one free, then a wait of 1 ms, which is the longest as well */
  ck_waits(world, OWNER, NULL, 0);
  ck_waits(world, OWNER, NULL, 0);
  for (int i = 0; i < 70; i++) {
    ck_waits(world, OWNER, NULL, 1);
    world_pass_ms(world, 1);
    ck_waits(world, OWNER, NULL, 0);
  }
  shop_options_free(options);
  world_free(world);
}
END_TEST

int main(void) {
  const TTest *tests[] = {
      waits_double,
      unknown_addresses_count_equally,
      no_addresses_are_counted,
      owner_is_not_locked_out,
      slips_at_home,
      lock_of_one_source,
      known_sources_are_few,
      spraying_source_waits,
      registering_source_waits,
      lock_of_a_known_source,
      table_is_bounded,
      flood_of_logins,
      restarts_reset_nothing,
      counters_are_forgotten,
      no_memory_is_not_counted,
      many_at_once,
      log_of_failures,
      settings,
  };

  return HARNESS_RUN("guessing", tests);
}
