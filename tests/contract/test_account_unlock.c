/* What opens a login that guessing has closed, and for whom: a code that was mailed, a
   password that was set anew. Neither opens anything for who guesses. */
#include <harness.h>

#include <sqlite3.h>
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

/* ---- a code ------------------------------------------------------------------------------ */

static int32_t unlock_from(struct world *world, const char *code, const char *source) {
  shop_options_t *options = from(source);
  int32_t status = shop_account_unlock(world->shop, code, options, world->err);

  shop_options_free(options);
  return status;
}

static int32_t ask_from(struct world *world, const char *email, const char *source) {
  shop_options_t *options = from(source);
  int32_t status = shop_account_unlock_request(world->shop, email, options, world->err);

  shop_options_free(options);
  return status;
}

static void ask(struct world *world, code_t code) {
  ck_ok(world, ask_from(world, OWNER, NULL));
  newest_code(world, code);
}

/* The owner, locked out at home, opens it there by the mail, once, and it is told to the log. */
START_TEST(unlocked_where_the_code_comes_back) {
  struct world *world = world_new();
  code_t code;

  shop_token_free(owner_at_home(world));
  lock(world, "home");
  ck_refused(world, attempt(world, PASSWORD, "home"), SHOP_ERR_LOCKED);
  ck_ok(world, ask_from(world, OWNER, "home"));
  ck_assert_int_eq(world->transport.count, 0); /* not by this call: its time must not tell */
  newest_code(world, code);
  ck_assert_str_eq(world->transport.recipients[0], OWNER);
  ck_refused(world, attempt(world, PASSWORD, "home"), SHOP_ERR_LOCKED);
  ck_ok(world, unlock_from(world, code, "home"));
  ck_ok(world, attempt(world, PASSWORD, "home"));
  ck_refused(world, unlock_from(world, code, "home"), SHOP_ERR_CODE);
  ck_assert_int_eq(world_number(world, "SELECT count(*) FROM events WHERE name = 'user.unlocked'"),
                   1);
  world_free(world);
}
END_TEST

/* A guesser asks for codes in the owner's name, and the owner follows the mail: the guesser stays
   locked, and the account waits for strangers as before. */
START_TEST(a_guesser_gains_nothing) {
  struct world *world = world_new();
  code_t code;

  shop_token_free(owner_at_home(world));
  keep_waiting(world);
  lock(world, "guesser");
  ck_ok(world, ask_from(world, OWNER, "guesser"));
  newest_code(world, code);
  ck_ok(world, unlock_from(world, code, "phone"));
  ck_refused(world, attempt(world, PASSWORD, "guesser"), SHOP_ERR_LOCKED);
  ck_refused(world, attempt(world, PASSWORD, "stranger"), SHOP_ERR_THROTTLED);
  ck_ok(world, attempt(world, PASSWORD, "phone"));
  world_free(world);
}
END_TEST

/* Where there are no sources it is the account that waits, and the code ends that. */
START_TEST(unlocked_without_a_source) {
  struct world *world = world_new();
  code_t code;

  shop_token_free(owner_at_home(world));
  keep_waiting(world);
  ck_refused(world, attempt(world, PASSWORD, NULL), SHOP_ERR_THROTTLED);
  ask(world, code);
  ck_ok(world, unlock_from(world, code, NULL));
  ck_ok(world, attempt(world, PASSWORD, NULL));
  world_free(world);
}
END_TEST

/* It is as every code: for a time, for one thing, ended by the next and by a new password, and
   written where the shop wants it. */
START_TEST(a_code_like_others) {
  struct world *world = world_prepare();
  code_t code, next;
  int32_t asked;

  ck_assert_int_eq(
      shop_config_set_link_base(world->config, SHOP_LINK_UNLOCK, "https://shop.example/u?code="),
      SHOP_OK);
  world_open(world);
  shop_token_free(owner_at_home(world));
  ck_ok(world, ask_from(world, OWNER, NULL));
  ck_ok(world, shop_mail_deliver(world->shop, 10, NULL, world->err));
  ck_assert_ptr_nonnull(strstr(world->transport.messages[0], "https://shop.example/u?code"));
  ck_assert_int_eq(shop_config_set_link_base(world->config, SHOP_LINK_UNLOCK, NULL), SHOP_OK);
  world_reopen(world);
  ask(world, code);
  ck_refused(world, shop_account_reset(world->shop, code, NEW_PASSWORD, NULL, world->err),
             SHOP_ERR_CODE);
  ask(world, next);
  ck_refused(world, unlock_from(world, code, "home"), SHOP_ERR_CODE);
  world_pass_ms(world, 3600000);
  ck_refused(world, unlock_from(world, next, "home"), SHOP_ERR_CODE);
  ask(world, code);
  reset_from(world, "home");
  ck_refused(world, unlock_from(world, code, "home"), SHOP_ERR_CODE);
  ck_refused(world, unlock_from(world, "no code", "home"), SHOP_ERR_CODE);
  ck_refused(world, unlock_from(world, NULL, "home"), SHOP_ERR_ARGUMENT);
  ck_refused(world, unlock_from(world, "", "home"), SHOP_ERR_ARGUMENT);
  ck_refused(world, ask_from(world, NULL, NULL), SHOP_ERR_ARGUMENT);
  ck_assert_int_eq(shop_config_set_mail_kind(world->config, SHOP_MAIL_UNLOCK, false), SHOP_OK);
  world_reopen(world);
  asked = ask_from(world, OWNER, NULL);
  ck_status(world, asked, SHOP_ERR_STATE);
  world_free(world);
}
END_TEST

/* ---- what is told, and how often ------------------------------------------------------------- */

static _Atomic int32_t steps;

int __real_sqlite3_step(sqlite3_stmt *stmt);
int __wrap_sqlite3_step(sqlite3_stmt *stmt);

int __wrap_sqlite3_step(sqlite3_stmt *stmt) {
  steps++;
  return __real_sqlite3_step(stmt);
}

/* Known, unknown, no address at all: the same answer, by the same statements, up to and over the
   limit of the source. */
START_TEST(asking_tells_nothing) {
  static const char *const emails[] = {OWNER, "nobody@example.org", "no address"};
  struct world *world = world_prepare();
  int32_t before = 0;

  ck_assert_int_eq(shop_config_set_source_mails_hourly_max(world->config, 9), SHOP_OK);
  world_open(world);
  shop_token_free(owner_at_home(world));
  ck_ok(world, ask_from(world, OWNER, "cafe")); /* makes the source's counter */
  for (int i = 0; i < 12; i++) {
    steps = 0;
    ck_status(world, ask_from(world, emails[i % 3], "cafe"), i < 8 ? SHOP_OK : SHOP_ERR_THROTTLED);
    ck_assert_int_eq(shop_error_retry_after_ms(world->err), i < 8 ? 0 : 3600000);
    ck_assert_msg(i == 0 || i == 8 || steps == before, "%d: %d steps instead of %d", i, steps,
                  before);
    before = steps;
  }
  ck_assert_int_eq(world_number(world, "SELECT count(*) FROM outbox"), 4);
  world_free(world);
}
END_TEST

/* Every call that mails is one of the hour's, whatever it asks for; another source has its own
   hour, and who gives none is limited by address alone. */
START_TEST(so_many_from_one_source) {
  struct world *world = world_prepare();
  shop_options_t *cafe = from("cafe"), *home = from("home");
  shop_token_t *token, *none = NULL;
  shop_t *shop;

  ck_assert_int_eq(shop_config_set_source_mails_hourly_max(world->config, 0), SHOP_ERR_ARGUMENT);
  ck_assert_int_eq(shop_config_set_source_mails_hourly_max(world->config, 1000001),
                   SHOP_ERR_ARGUMENT);
  ck_assert_int_eq(shop_config_set_source_mails_hourly_max(NULL, 5), SHOP_ERR_ARGUMENT);
  ck_assert_int_eq(shop_config_set_source_mails_hourly_max(world->config, 5), SHOP_OK);
  world_open(world);
  token = owner_at_home(world);
  ck_assert_int_eq(shop_config_set_register_by_mail(world->config, true), SHOP_OK);
  world_reopen(world);
  shop = world->shop;
  ck_ok(world, shop_account_verify_request(shop, token, cafe, world->err));
  ck_ok(world, shop_account_reset_request(shop, OWNER, cafe, world->err));
  world_pass_ms(world, 1000);
  ck_ok(world, shop_account_unlock_request(shop, OWNER, cafe, world->err));
  ck_ok(world,
        shop_account_email_request(shop, token, PASSWORD, "b@example.org", cafe, world->err));
  ck_status(world, shop_user_register(shop, "c@example.org", PASSWORD, cafe, &none, world->err),
            SHOP_CONFIRM_MAIL);
  for (int i = 0; i < 2; i++) {
    ck_refused(world, shop_account_verify_request(shop, token, cafe, world->err),
               SHOP_ERR_THROTTLED);
    ck_assert_int_eq(shop_error_retry_after_ms(world->err), 3600000 - 1000 - i);
    ck_refused(world, shop_account_reset_request(shop, OWNER, cafe, world->err),
               SHOP_ERR_THROTTLED);
    ck_refused(world, shop_account_unlock_request(shop, OWNER, cafe, world->err),
               SHOP_ERR_THROTTLED);
    ck_refused(world,
               shop_account_email_request(shop, token, PASSWORD, "b@example.org", cafe, world->err),
               SHOP_ERR_THROTTLED);
    ck_refused(world, shop_user_register(shop, "d@example.org", PASSWORD, cafe, &none, world->err),
               SHOP_ERR_THROTTLED);
    world_reopen(world); /* and a restart resets nothing */
    shop = world->shop;
    world_pass_ms(world, 1);
  }
  ck_ok(world, shop_account_reset_request(shop, OWNER, home, world->err));
  ck_ok(world, shop_account_reset_request(shop, OWNER, NULL, world->err));
  world_pass_ms(world, 3600000 - 1000 - 3);
  ck_refused(world, shop_account_reset_request(shop, OWNER, cafe, world->err), SHOP_ERR_THROTTLED);
  ck_assert_int_eq(shop_error_retry_after_ms(world->err), 1);
  world_pass_ms(world, 1);
  ck_ok(world, shop_account_reset_request(shop, OWNER, cafe, world->err));
  for (int i = 0; i < 4; i++)
    ck_ok(world, shop_account_reset_request(shop, "nobody@example.org", cafe, world->err));
  ck_refused(world, shop_account_reset_request(shop, OWNER, cafe, world->err), SHOP_ERR_THROTTLED);
  world_pass_ms(world, -1000); /* a clock that goes back makes nobody wait */
  ck_ok(world, shop_account_reset_request(shop, OWNER, cafe, world->err));
  shop_options_free(cafe);
  shop_options_free(home);
  shop_token_free(token);
  world_free(world);
}
END_TEST

int main(void) {
  const TTest *tests[] = {
      a_change_forgets_sources,
      a_reset_forgets_sources,
      a_reset_clears_the_way,
      a_reset_without_a_source,
      unlocked_where_the_code_comes_back,
      a_guesser_gains_nothing,
      unlocked_without_a_source,
      a_code_like_others,
      asking_tells_nothing,
      so_many_from_one_source,
  };

  return HARNESS_RUN("account: unlock", tests);
}
