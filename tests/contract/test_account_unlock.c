/* What opens a login that guessing has closed, and for whom: a code that was mailed, a
   password that was set anew. Neither opens anything for who guesses. */
#include <harness.h>

#include <stdio.h>
#include <string.h>

#define WRONG "a wrong one"
#define OWNER "ada@example.org"
#define NEW_PASSWORD "an even better horse"
#define CODE_LENGTH 44

typedef char code_t[CODE_LENGTH + 1];

/* ---- steps -------------------------------------------------------------------------- */

static shop_options_t *from(const char *source) {
  shop_options_t *options = NULL;

  ck_assert_int_eq(shop_options_new(&options), SHOP_OK);
  ck_assert_int_eq(shop_options_set_source(options, source), SHOP_OK);
  return options;
}

static int32_t attempt(struct world *world, const char *password, const char *source) {
  shop_options_t *options = from(source);
  shop_token_t *token = NULL;
  int32_t status = shop_user_login(world->shop, OWNER, password, options, &token, world->err);

  shop_token_free(token);
  shop_options_free(options);
  return status;
}

/* Fails until the source is locked for the account, waiting whenever that is asked for. */
static void lock(struct world *world, const char *source) {
  int32_t status = SHOP_OK;

  while (status != SHOP_ERR_LOCKED) {
    status = attempt(world, WRONG, source);
    ck_assert(status != SHOP_OK);
    if (status == SHOP_ERR_THROTTLED)
      world_pass_ms(world, shop_error_retry_after_ms(world->err));
  }
}

/* Each from a source of its own, so that none is locked. */
static void keep_waiting(struct world *world) {
  char source[40];

  for (int i = 0; i < 8; i++) {
    snprintf(source, sizeof source, "bot %d", i);
    if (attempt(world, WRONG, source) == SHOP_ERR_THROTTLED)
      world_pass_ms(world, shop_error_retry_after_ms(world->err));
  }
}

/* The owner of OWNER, known from home alone. */
static shop_token_t *owner_at_home(struct world *world) {
  shop_options_t *options = from("home");
  shop_token_t *token = NULL;

  ck_ok(world, shop_user_register(world->shop, OWNER, PASSWORD, options, &token, world->err));
  shop_options_free(options);
  return token;
}

static void newest_code(struct world *world, code_t code) {
  const char *at;

  ck_ok(world, shop_mail_deliver(world->shop, 100, NULL, world->err));
  ck_assert_int_gt(world->transport.count, 0);
  at = strstr(world->transport.messages[world->transport.count - 1], "Your code:");
  ck_assert_ptr_nonnull(at);
  at += strlen("Your code:");
  at += strspn(at, " \r\n");
  memcpy(code, at, CODE_LENGTH);
  code[CODE_LENGTH] = '\0';
}

static void reset_from(struct world *world, const char *source) {
  shop_options_t *options = from(source);
  code_t code;

  ck_ok(world, shop_account_reset_request(world->shop, OWNER, NULL, world->err));
  newest_code(world, code);
  ck_ok(world, shop_account_reset(world->shop, code, NEW_PASSWORD, options, world->err));
  shop_options_free(options);
}

static int64_t known(struct world *world) {
  return world_number(world, "SELECT count(*) FROM known_sources");
}

/* ---- a new password -------------------------------------------------------------------- */

/* Who has had the old password is known from a source of his own: a change forgets it, and
   keeps the one that the change came from. */
START_TEST(a_change_forgets_sources) {
  struct world *world = world_new();
  shop_token_t *token = owner_at_home(world), *fresh = NULL;
  shop_options_t *home = from("home");

  ck_ok(world, attempt(world, PASSWORD, "thief"));
  ck_assert_int_eq(known(world), 2);
  ck_ok(world, shop_account_set_password(world->shop, token, PASSWORD, NEW_PASSWORD, home, &fresh,
                                         world->err));
  ck_assert_int_eq(known(world), 1);
  keep_waiting(world);
  ck_refused(world, attempt(world, NEW_PASSWORD, "thief"), SHOP_ERR_THROTTLED);
  ck_ok(world, attempt(world, NEW_PASSWORD, "home"));
  shop_token_free(token);
  token = NULL;
  world_pass_ms(world, 900000);
  ck_ok(world, shop_account_set_password(world->shop, fresh, NEW_PASSWORD, PASSWORD, NULL, &token,
                                         world->err));
  ck_assert_int_eq(known(world), 0); /* from nowhere */
  shop_options_free(home);
  shop_token_free(fresh);
  shop_token_free(token);
  world_free(world);
}
END_TEST

/* So does a reset. */
START_TEST(a_reset_forgets_sources) {
  struct world *world = world_new();

  shop_token_free(owner_at_home(world));
  ck_ok(world, attempt(world, PASSWORD, "thief"));
  reset_from(world, "phone");
  ck_assert_int_eq(known(world), 1);
  keep_waiting(world);
  ck_refused(world, attempt(world, NEW_PASSWORD, "thief"), SHOP_ERR_THROTTLED);
  ck_ok(world, attempt(world, NEW_PASSWORD, "phone"));
  world_free(world);
}
END_TEST

/* The owner has reset the password and logs in at once: there, where it was locked, and
   elsewhere, where the account had to wait. A guesser's own lock stays. */
START_TEST(a_reset_clears_the_way) {
  struct world *world = world_new();

  shop_token_free(owner_at_home(world));
  lock(world, "guesser");
  lock(world, "home");
  keep_waiting(world);
  ck_refused(world, attempt(world, PASSWORD, "office"), SHOP_ERR_THROTTLED);
  reset_from(world, "home");
  ck_ok(world, attempt(world, NEW_PASSWORD, "home"));
  ck_ok(world, attempt(world, NEW_PASSWORD, "office"));
  ck_refused(world, attempt(world, NEW_PASSWORD, "guesser"), SHOP_ERR_LOCKED);
  world_free(world);
}
END_TEST

/* A host that gives no sources has no locks; the account's wait ends all the same. */
START_TEST(a_reset_without_a_source) {
  struct world *world = world_new();

  shop_token_free(owner_at_home(world));
  keep_waiting(world);
  ck_refused(world, attempt(world, PASSWORD, NULL), SHOP_ERR_THROTTLED);
  reset_from(world, NULL);
  ck_ok(world, attempt(world, NEW_PASSWORD, NULL));
  ck_assert_int_eq(known(world), 0);
  world_free(world);
}
END_TEST

int main(void) {
  const TTest *tests[] = {
      a_change_forgets_sources,
      a_reset_forgets_sources,
      a_reset_clears_the_way,
      a_reset_without_a_source,
  };

  return HARNESS_RUN("account: unlock", tests);
}
