/* A new password: who may set it, and what it ends. */
#include <harness.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NEW_PASSWORD "an even better horse"
#define JWT_MAX 5000

/* ---- while a password is hashed, somebody else has the store --------------------------- */

static struct {
  struct world *world;
  const char *sql; /* NULL: nothing, or done */
} meddling;

static void meddle(struct world *world, const char *sql) {
  meddling.world = world;
  meddling.sql = sql;
}

int __real_crypto_pwhash(unsigned char *out, unsigned long long out_size, const char *password,
                         unsigned long long password_size, const unsigned char *salt,
                         unsigned long long passes, size_t memory, int alg);
int __wrap_crypto_pwhash(unsigned char *out, unsigned long long out_size, const char *password,
                         unsigned long long password_size, const unsigned char *salt,
                         unsigned long long passes, size_t memory, int alg);

int __wrap_crypto_pwhash(unsigned char *out, unsigned long long out_size, const char *password,
                         unsigned long long password_size, const unsigned char *salt,
                         unsigned long long passes, size_t memory, int alg) {
  if (meddling.sql != NULL) {
    const char *sql = meddling.sql;

    meddling.sql = NULL;
    world_vandalise(meddling.world, sql);
  }
  return __real_crypto_pwhash(out, out_size, password, password_size, salt, passes, memory, alg);
}

static int32_t set_password(struct world *world, const shop_token_t *token, const char *old,
                            const char *new, shop_token_t **out) {
  return shop_account_set_password(world->shop, token, old, new, NULL, out, world->err);
}

static int32_t login(struct world *world, const char *password) {
  shop_token_t *token = NULL;
  int32_t status =
      shop_user_login(world->shop, "ada@example.org", password, NULL, &token, world->err);

  ck_assert((token != NULL) == (status == SHOP_OK));
  shop_token_free(token);
  return status;
}

static int32_t session_status(struct world *world, const shop_token_t *token) {
  shop_session_t *session = NULL;
  int32_t status;

  ck_ok(world, shop_session_check(world->shop, token, &session, world->err));
  status = shop_session_status(session);
  shop_session_free(session);
  return status;
}

/* Every token ends but the fresh one, which is the same user's; only the new
   password logs in; the log says so. */
START_TEST(ends_every_other_token) {
  struct world *world = world_new();
  shop_token_t *token = world_register(world, "ada@example.org"), *other = NULL, *fresh = NULL;

  ck_ok(world, shop_user_login(world->shop, "ada@example.org", PASSWORD, NULL, &other, world->err));
  ck_ok(world, set_password(world, token, PASSWORD, NEW_PASSWORD, &fresh));
  ck_assert_int_eq(session_status(world, token), SHOP_ERR_TOKEN_REVOKED);
  ck_assert_int_eq(session_status(world, other), SHOP_ERR_TOKEN_REVOKED);
  ck_assert_int_eq(session_status(world, fresh), SHOP_OK);
  ck_assert_int_eq(shop_token_user_id(fresh), shop_token_user_id(token));
  ck_status(world, login(world, PASSWORD), SHOP_ERR_CREDENTIALS);
  ck_ok(world, login(world, NEW_PASSWORD));
  ck_assert_int_eq(world_number(world,
                                "SELECT count(*) FROM events WHERE name = 'user.password_changed'"
                                " AND actor = 1 AND user_id = (SELECT id FROM users)"),
                   1);
  shop_token_free(token);
  shop_token_free(other);
  shop_token_free(fresh);
  world_free(world);
}
END_TEST

/* A token alone is not enough: a stolen one must not become the account. */
START_TEST(the_old_one_is_asked) {
  struct world *world = world_new();
  shop_token_t *token = world_register(world, "ada@example.org"), *fresh = token;

  ck_refused(world, set_password(world, token, "a wrong password", NEW_PASSWORD, &fresh),
             SHOP_ERR_CREDENTIALS);
  ck_assert_ptr_null(fresh);
  fresh = token;
  ck_refused(world, set_password(world, token, "short", NEW_PASSWORD, &fresh),
             SHOP_ERR_CREDENTIALS);
  ck_assert_ptr_null(fresh);
  ck_assert_int_eq(session_status(world, token), SHOP_OK);
  ck_ok(world, login(world, PASSWORD));
  shop_token_free(token);
  world_free(world);
}
END_TEST

START_TEST(arguments) {
  struct world *world = world_new();
  shop_token_t *token = world_register(world, "ada@example.org"), *fresh = token;
  shop_options_t *options = options_with_key("k");

  ck_refused(world, set_password(world, token, NULL, NEW_PASSWORD, &fresh), SHOP_ERR_ARGUMENT);
  ck_assert_ptr_null(fresh);
  ck_refused(world, set_password(world, token, "", NEW_PASSWORD, &fresh), SHOP_ERR_ARGUMENT);
  ck_refused(world, set_password(world, token, PASSWORD, NULL, &fresh), SHOP_ERR_ARGUMENT);
  ck_refused(world, set_password(world, token, PASSWORD, NEW_PASSWORD, NULL), SHOP_ERR_ARGUMENT);
  ck_refused(world, set_password(world, token, PASSWORD, "seven77", &fresh), SHOP_ERR_PASSWORD);
  ck_refused(world,
             shop_account_set_password(world->shop, token, PASSWORD, NEW_PASSWORD, options, &fresh,
                                       world->err),
             SHOP_ERR_ARGUMENT);
  ck_ok(world, shop_token_revoke(world->shop, token, NULL, world->err));
  ck_refused(world, set_password(world, token, PASSWORD, NEW_PASSWORD, &fresh),
             SHOP_ERR_TOKEN_REVOKED);
  shop_options_free(options);
  shop_token_free(token);
  world_free(world);
}
END_TEST

/* The fresh token goes on where the old one was, with its label. */
START_TEST(the_label_stays) {
  struct world *world = world_new();
  shop_options_t *options = NULL;
  shop_token_t *token = NULL, *second = NULL, *third = NULL;
  char label[100];

  ck_assert_int_eq(shop_options_new(&options), SHOP_OK);
  ck_assert_int_eq(shop_options_set_label(options, "Firefox on Linux"), SHOP_OK);
  ck_ok(world,
        shop_user_register(world->shop, "ada@example.org", PASSWORD, options, &token, world->err));
  ck_ok(world, set_password(world, token, PASSWORD, NEW_PASSWORD, &second));
  world_text(world, "SELECT label FROM tokens WHERE epoch = 2", label, sizeof label);
  ck_assert_str_eq(label, "Firefox on Linux");
  ck_assert_int_eq(shop_options_set_label(options, "the same, at home"), SHOP_OK);
  ck_ok(world, shop_account_set_password(world->shop, second, NEW_PASSWORD, PASSWORD, options,
                                         &third, world->err));
  world_text(world, "SELECT label FROM tokens WHERE epoch = 3", label, sizeof label);
  ck_assert_str_eq(label, "the same, at home");
  shop_options_free(options);
  shop_token_free(token);
  shop_token_free(second);
  shop_token_free(third);
  world_free(world);
}
END_TEST

/* The account changes between the proof and the write: the proof is made again, for
   what is stored now, and fails where that is another password. */
START_TEST(account_that_changes_meanwhile) {
  struct world *world = world_new();
  shop_token_t *token, *fresh = NULL;
  char sql[300], hash[200];

  shop_token_free(world_register(world, "bob@example.org"));
  token = world_register(world, "ada@example.org");
  world_text(world, "SELECT password_hash FROM users WHERE email_key = 'bob@example.org'", hash,
             sizeof hash);
  /* the same password, hashed anew, as a login does */
  snprintf(sql, sizeof sql, "UPDATE users SET password_hash = '%s'", hash);
  meddle(world, sql);
  ck_ok(world, set_password(world, token, PASSWORD, PASSWORD, &fresh));
  ck_assert_ptr_null(meddling.sql); /* it did */
  shop_token_free(token);
  token = fresh;
  ck_assert_int_eq(session_status(world, token), SHOP_OK);
  ck_ok(world, login(world, PASSWORD));
  /* another password, by one who is not logged out by it */
  ck_ok(world, set_password(world, token, PASSWORD, NEW_PASSWORD, &fresh));
  world_text(world, "SELECT password_hash FROM users WHERE email_key = 'ada@example.org'", hash,
             sizeof hash);
  shop_token_free(token);
  ck_ok(world, set_password(world, fresh, NEW_PASSWORD, PASSWORD, &token));
  shop_token_free(fresh);
  snprintf(sql, sizeof sql, "UPDATE users SET password_hash = '%s'", hash);
  meddle(world, sql);
  fresh = token;
  ck_status(world, set_password(world, token, PASSWORD, "a third password", &fresh),
            SHOP_ERR_CREDENTIALS);
  ck_assert_ptr_null(fresh);
  ck_ok(world, login(world, NEW_PASSWORD));
  shop_token_free(token);
  world_free(world);
}
END_TEST

struct racer {
  struct world *world;
  const shop_token_t *token;
  char password[20];
  int32_t status;
  shop_token_t *fresh;
};

static void *race(void *user) {
  struct racer *racer = user;

  racer->status = shop_account_set_password(racer->world->shop, racer->token, PASSWORD,
                                            racer->password, NULL, &racer->fresh, NULL);
  return NULL;
}

/* Many changes at once, with one old password: one of them wins, its password is
   the account's, and the others are told that they are logged out. */
START_TEST(one_of_many_wins) {
  enum { COUNT = 8 };
  struct world *world = world_new();
  shop_token_t *token = world_register(world, "ada@example.org");
  struct racer racers[COUNT];
  pthread_t threads[COUNT];
  int winners = 0;

  for (int i = 0; i < COUNT; i++) {
    racers[i] = (struct racer){.world = world, .token = token};
    snprintf(racers[i].password, sizeof racers[i].password, "password no. %d", i);
    ck_assert_int_eq(pthread_create(&threads[i], NULL, race, &racers[i]), 0);
  }
  for (int i = 0; i < COUNT; i++)
    pthread_join(threads[i], NULL);
  for (int i = 0; i < COUNT; i++) {
    bool won = racers[i].status == SHOP_OK;

    winners += won;
    ck_assert((racers[i].fresh != NULL) == won);
    if (!won)
      ck_assert_int_eq(racers[i].status, SHOP_ERR_TOKEN_REVOKED);
    world_pass_ms(world, 3600000); /* wrong passwords make the next try wait */
    ck_status(world, login(world, racers[i].password), won ? SHOP_OK : SHOP_ERR_CREDENTIALS);
    if (won)
      ck_assert_int_eq(session_status(world, racers[i].fresh), SHOP_OK);
    shop_token_free(racers[i].fresh);
  }
  ck_assert_int_eq(winners, 1);
  shop_token_free(token);
  world_free(world);
}
END_TEST

/* No password is in the file, old or new. */
START_TEST(no_password_is_stored) {
  struct world *world = world_new();
  shop_token_t *token = world_register(world, "ada@example.org"), *fresh = NULL;
  char command[400];

  ck_ok(world, set_password(world, token, PASSWORD, NEW_PASSWORD, &fresh));
  snprintf(command, sizeof command, "cat '%s'/test.shop* | grep -qa -e '%s' -e '%s'", world->dir,
           PASSWORD, NEW_PASSWORD);
  ck_assert_int_ne(system(command), 0);
  snprintf(command, sizeof command, "cat '%s'/test.shop* | grep -qa 'ada@example.org'", world->dir);
  ck_assert_int_eq(system(command), 0); /* the search does find what is there */
  shop_token_free(token);
  shop_token_free(fresh);
  world_free(world);
}
END_TEST

/* ---- two processes ------------------------------------------------------------------------ */

static void change_or_log_out(struct world *world, struct peer *peer) {
  char jwt[JWT_MAX];
  shop_token_t *token = NULL, *fresh = NULL;

  peer_hear(peer, jwt, sizeof jwt);
  world_open(world);
  ck_ok(world, shop_token_verify(world->shop, jwt, &token, world->err));
  ck_ok(world, set_password(world, token, PASSWORD, NEW_PASSWORD, &fresh));
  peer_tell(peer, shop_token_jwt(fresh));
  peer_hear(peer, jwt, sizeof jwt);
  ck_ok(world, shop_account_logout_everywhere(world->shop, fresh, NULL, world->err));
  peer_tell(peer, "logged out");
  peer_hear(peer, jwt, sizeof jwt); /* still open: nothing is flushed by closing */
  shop_token_free(token);
  shop_token_free(fresh);
  ck_assert_int_eq(shop_close(world->shop), SHOP_OK);
}

/* A changed password, then logout everywhere: refused at the next call of another
   process. */
START_TEST(seen_by_another_process) {
  struct world *world = world_prepare();
  struct peer peer = peer_start(world, change_or_log_out);
  shop_token_t *token, *fresh = NULL;
  char said[JWT_MAX];

  world_open(world);
  token = world_register(world, "ada@example.org");
  peer_tell(&peer, shop_token_jwt(token));
  peer_hear(&peer, said, sizeof said);
  ck_assert_int_eq(session_status(world, token), SHOP_ERR_TOKEN_REVOKED);
  ck_ok(world, shop_token_verify(world->shop, said, &fresh, world->err));
  ck_assert_int_eq(session_status(world, fresh), SHOP_OK);
  peer_tell(&peer, "log out");
  peer_hear(&peer, said, sizeof said);
  ck_assert_int_eq(session_status(world, fresh), SHOP_ERR_TOKEN_REVOKED);
  peer_tell(&peer, "done");
  peer_end(&peer);
  shop_token_free(token);
  shop_token_free(fresh);
  world_free(world);
}
END_TEST

/* Logout everywhere ends them all, and a second time finds nobody logged in. */
START_TEST(logout_everywhere) {
  struct world *world = world_new();
  shop_token_t *token = world_register(world, "ada@example.org"), *other = NULL;
  shop_token_t *bob = world_register(world, "bob@example.org");

  ck_ok(world, shop_user_login(world->shop, "ada@example.org", PASSWORD, NULL, &other, world->err));
  ck_ok(world, shop_account_logout_everywhere(world->shop, other, NULL, world->err));
  ck_assert_int_eq(session_status(world, token), SHOP_ERR_TOKEN_REVOKED);
  ck_assert_int_eq(session_status(world, other), SHOP_ERR_TOKEN_REVOKED);
  ck_assert_int_eq(session_status(world, bob), SHOP_OK);
  ck_refused(world, shop_account_logout_everywhere(world->shop, token, NULL, world->err),
             SHOP_ERR_TOKEN_REVOKED);
  ck_ok(world, login(world, PASSWORD));
  shop_token_free(token);
  shop_token_free(other);
  shop_token_free(bob);
  world_free(world);
}
END_TEST

int main(void) {
  const TTest *tests[] = {
      ends_every_other_token, the_old_one_is_asked,           arguments,
      the_label_stays,        account_that_changes_meanwhile, one_of_many_wins,
      no_password_is_stored,  seen_by_another_process,        logout_everywhere,
  };

  return HARNESS_RUN("account: password", tests);
}
