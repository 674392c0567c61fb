/* Registering by mail: nobody but the reader of the mailbox learns whether an address has an
   account, nobody but who registered gets it, and a flood fills nothing. */
#include <harness.h>

#include <sodium.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define OTHER_PASSWORD "an even better horse"
#define CODE_LENGTH 44
#define HOUR_MS INT64_C(3600000)
#define ADA "ada@example.org"
#define EVE "eve@example.org"

typedef char code_t[CODE_LENGTH + 1];

/* ---- what a call costs ----------------------------------------------------------------- */

static struct { _Atomic int32_t hashes, steps, commits; } cost; /* also of threads that race */

int __real_crypto_pwhash(unsigned char *out, unsigned long long out_size, const char *password,
                         unsigned long long password_size, const unsigned char *salt,
                         unsigned long long passes, size_t memory, int alg);
int __wrap_crypto_pwhash(unsigned char *out, unsigned long long out_size, const char *password,
                         unsigned long long password_size, const unsigned char *salt,
                         unsigned long long passes, size_t memory, int alg);

int __wrap_crypto_pwhash(unsigned char *out, unsigned long long out_size, const char *password,
                         unsigned long long password_size, const unsigned char *salt,
                         unsigned long long passes, size_t memory, int alg) {
  cost.hashes++;
  return __real_crypto_pwhash(out, out_size, password, password_size, salt, passes, memory, alg);
}

int __real_crypto_pwhash_str_alg(char out[crypto_pwhash_STRBYTES], const char *password,
                                 unsigned long long size, unsigned long long passes, size_t memory,
                                 int alg);
int __wrap_crypto_pwhash_str_alg(char out[crypto_pwhash_STRBYTES], const char *password,
                                 unsigned long long size, unsigned long long passes, size_t memory,
                                 int alg);

int __wrap_crypto_pwhash_str_alg(char out[crypto_pwhash_STRBYTES], const char *password,
                                 unsigned long long size, unsigned long long passes, size_t memory,
                                 int alg) {
  cost.hashes++;
  return __real_crypto_pwhash_str_alg(out, password, size, passes, memory, alg);
}

int __real_sqlite3_step(sqlite3_stmt *stmt);
int __wrap_sqlite3_step(sqlite3_stmt *stmt);

int __wrap_sqlite3_step(sqlite3_stmt *stmt) {
  cost.steps++;
  cost.commits += strncmp(sqlite3_sql(stmt), "COMMIT", 6) == 0;
  return __real_sqlite3_step(stmt);
}

/* ---- steps ------------------------------------------------------------------------------ */

static struct world *by_mail(void) {
  struct world *world = world_prepare();

  ck_assert_int_eq(shop_config_set_register_by_mail(world->config, true), SHOP_OK);
  return world;
}

static struct world *by_mail_open(void) {
  struct world *world = by_mail();

  world_open(world);
  return world;
}

/* An account as it is made without this mode. */
static void add_account(struct world *world, const char *email) {
  ck_assert_int_eq(shop_config_set_register_by_mail(world->config, false), SHOP_OK);
  world_reopen(world);
  shop_token_free(world_register(world, email));
  ck_assert_int_eq(shop_config_set_register_by_mail(world->config, true), SHOP_OK);
  world_reopen(world);
}

static int32_t enroll_by(struct world *world, const char *email, const char *password,
                         const shop_options_t *options) {
  shop_token_t *token = (shop_token_t *)world; /* must be overwritten */
  int32_t status = shop_user_register(world->shop, email, password, options, &token, world->err);

  ck_assert_ptr_null(token);
  ck_assert_int_eq(shop_error_code(world->err), status);
  return status;
}

static int32_t enroll(struct world *world, const char *email, const char *password) {
  return enroll_by(world, email, password, NULL);
}

static shop_options_t *options_of(const char *key, const char *source) {
  shop_options_t *options = NULL;

  ck_assert_int_eq(shop_options_new(&options), SHOP_OK);
  ck_assert_int_eq(shop_options_set_idempotency_key(options, key), SHOP_OK);
  ck_assert_int_eq(shop_options_set_source(options, source), SHOP_OK);
  return options;
}

static void code_in(const char *message, code_t code) {
  const char *at = strstr(message, "Your code:");

  ck_assert_ptr_nonnull(at);
  at += strlen("Your code:");
  at += strspn(at, " \r\n");
  memcpy(code, at, CODE_LENGTH);
  code[CODE_LENGTH] = '\0';
}

static void newest_code(struct world *world, code_t code) {
  ck_ok(world, shop_mail_deliver(world->shop, 1000, NULL, world->err));
  ck_assert_int_gt(world->transport.count, 0);
  code_in(world->transport.messages[world->transport.count - 1], code);
}

static void ask(struct world *world, const char *email, const char *password, code_t code) {
  ck_status(world, enroll(world, email, password), SHOP_CONFIRM_MAIL);
  newest_code(world, code);
}

static int32_t confirm_as(struct world *world, const char *email, const char *password,
                          const char *code, const shop_options_t *options, shop_token_t **token) {
  int32_t status;

  *token = (shop_token_t *)world; /* must be overwritten */
  status =
      shop_user_register_confirm(world->shop, email, password, code, options, token, world->err);
  ck_assert((status == SHOP_OK) == (*token != NULL));
  return status;
}

static int32_t confirm(struct world *world, const char *email, const char *password,
                       const char *code) {
  shop_token_t *token = NULL;
  int32_t status = confirm_as(world, email, password, code, NULL, &token);

  shop_token_free(token);
  return status;
}

static int32_t login(struct world *world, const char *email, const char *password) {
  shop_token_t *token = NULL;
  int32_t status = shop_user_login(world->shop, email, password, NULL, &token, world->err);

  shop_token_free(token);
  return status;
}

static int64_t count(struct world *world, const char *what) {
  char sql[200];

  snprintf(sql, sizeof sql, "SELECT count(*) FROM %s", what);
  return world_number(world, sql);
}

/* ---- the way through ------------------------------------------------------------------------ */

/* There is no account until the code comes back, with the password; then it is verified, has the
   language that was asked for, its token, and the mail that welcomes it. */
START_TEST(finished_by_its_code) {
  struct world *world = by_mail();
  shop_options_t *options = NULL;
  shop_session_t *session = NULL;
  shop_token_t *token = NULL;
  shop_user_t *user = NULL;
  code_t code;

  ck_assert_int_eq(shop_config_set_mail_kind(world->config, SHOP_MAIL_WELCOME, true), SHOP_OK);
  world_open(world);
  ck_assert_int_eq(shop_options_new(&options), SHOP_OK);
  ck_assert_int_eq(shop_options_set_language(options, "de"), SHOP_OK);
  ck_status(world, enroll_by(world, "Ada@example.org", PASSWORD, options), SHOP_CONFIRM_MAIL);
  ck_assert_int_eq(world->transport.count, 0); /* not by this call: its time must not tell */
  ck_assert_int_eq(count(world, "users"), 0);
  newest_code(world, code);
  ck_assert_str_eq(world->transport.recipients[0], "Ada@example.org");
  ck_refused(world, login(world, ADA, PASSWORD), SHOP_ERR_CREDENTIALS);
  ck_ok(world, confirm_as(world, ADA, PASSWORD, code, NULL, &token));
  ck_ok(world, shop_session_check(world->shop, token, &session, world->err));
  ck_assert_int_eq(shop_session_status(session), SHOP_OK);
  ck_ok(world, shop_user_find_by_email(world->shop, ADA, &user, world->err));
  ck_assert(shop_user_is_verified(user));
  ck_assert_str_eq(shop_user_email(user), "Ada@example.org");
  ck_assert_str_eq(shop_user_language(user), "de");
  ck_assert_int_eq(shop_user_id(user), shop_token_user_id(token));
  ck_assert_int_eq(world->transport.count, 2);
  ck_assert_int_eq(count(world, "outbox WHERE kind = 5 AND state = 3"), 1);
  ck_ok(world, login(world, ADA, PASSWORD));
  ck_status(world, confirm(world, ADA, PASSWORD, code), SHOP_ERR_CODE);
  shop_user_free(user);
  shop_session_free(session);
  shop_token_free(token);
  shop_options_free(options);
  world_free(world);
}
END_TEST

/* The link stands in the mail, and leads to where the password is asked. */
START_TEST(linked) {
  struct world *world = by_mail();

  ck_assert_int_eq(shop_config_set_link_base(world->config, SHOP_LINK_REGISTRATION,
                                             "https://shop.example/finish?code="),
                   SHOP_OK);
  world_open(world);
  ck_status(world, enroll(world, ADA, PASSWORD), SHOP_CONFIRM_MAIL);
  ck_ok(world, shop_mail_deliver(world->shop, 10, NULL, world->err));
  ck_assert_ptr_nonnull(strstr(world->transport.messages[0], "https://shop.example/finish?code"));
  world_free(world);
}
END_TEST

/* ---- what is told -----------------------------------------------------------------------------
 */

struct seen {
  int32_t status;
  int32_t hashes, steps, commits, mails;
  int64_t retry_ms;
  char message[400];
};

static struct seen look(struct world *world, const char *email, const shop_options_t *options) {
  struct seen seen;

  memset(&seen, 0, sizeof seen);
  memset(&cost, 0, sizeof cost);
  seen.mails = -world->transport.count;
  seen.status = enroll_by(world, email, PASSWORD, options);
  seen.mails += world->transport.count;
  seen.hashes = cost.hashes;
  seen.steps = cost.steps;
  seen.commits = cost.commits;
  seen.retry_ms = shop_error_retry_after_ms(world->err);
  snprintf(seen.message, sizeof seen.message, "%s", shop_error_message(world->err));
  return seen;
}

static void ck_the_same(const struct seen *a, const struct seen *b) {
  ck_assert_int_eq(a->status, b->status);
  ck_assert_int_eq(a->hashes, b->hashes);
  ck_assert_int_eq(a->steps, b->steps);
  ck_assert_int_eq(a->commits, b->commits);
  ck_assert_int_eq(a->mails, b->mails);
  ck_assert_int_eq(a->retry_ms, b->retry_ms);
  ck_assert_str_eq(a->message, b->message);
}

/* Taken, free, disabled, with and without a source and a key, again and again until the address is
   mailed no more: status, sentence, wait, hashes, statements, commits and rows are the same. */
START_TEST(tells_nothing) {
  shop_options_t *with[] = {NULL, options_of("key", NULL), options_of(NULL, "cafe"),
                            options_of("other key", "cafe")};
  struct world *world = by_mail();
  shop_user_t *disabled = NULL;

  ck_assert_int_eq(shop_config_set_codes_hourly_max(world->config, 8), SHOP_OK);
  world_open(world);
  add_account(world, ADA);
  add_account(world, EVE);
  ck_ok(world, shop_user_find_by_email(world->shop, EVE, &disabled, world->err));
  ck_ok(world, shop_user_set_disabled(world->shop, shop_user_id(disabled), true, NULL, world->err));
  shop_user_free(disabled);
  for (int warm = 0; warm < 4; warm++)
    (void)look(world, "first@example.org", with[warm]); /* makes the source's own counter */
  for (int i = 0; i < 14; i++) {
    const shop_options_t *options = i < 4 ? with[i] : i < 8 ? with[i - 4] : NULL;
    struct seen taken = look(world, ADA, options);
    struct seen free_one = look(world, "free@example.org", options);
    struct seen no_one = look(world, EVE, options);

    ck_the_same(&taken, &free_one);
    ck_the_same(&taken, &no_one);
    ck_assert_int_eq(taken.status, i < 10 ? SHOP_CONFIRM_MAIL : SHOP_ERR_THROTTLED);
    ck_assert_int_eq(taken.hashes, i < 10);
    ck_assert_int_eq(taken.commits, i < 10 && i != 5); /* a repetition without a source */
    ck_assert_int_eq(taken.mails, 0);
    ck_assert_int_eq(taken.retry_ms, i < 10 ? 0 : HOUR_MS);
  }
  ck_assert_int_eq(count(world, "registrations WHERE email_key = 'ada@example.org'"), 8);
  ck_assert_int_eq(count(world, "registrations WHERE email_key = 'free@example.org'"), 8);
  ck_assert_int_eq(world_number(world,
                                "SELECT count(DISTINCT length(password_hash))"
                                " FROM registrations"),
                   1);
  ck_assert_int_eq(count(world, "outbox WHERE recipient = 'ada@example.org' AND kind = 10"), 8);
  ck_assert_int_eq(count(world, "outbox WHERE recipient = 'free@example.org' AND kind = 12"), 8);
  for (int i = 1; i < 4; i++)
    shop_options_free(with[i]);
  world_free(world);
}
END_TEST

/* The owner of a taken address is told, where the shop wants it, and what he has stays as it is. No
   code of such a registration is in any mail. */
START_TEST(taken_address) {
  for (int wanted = 0; wanted < 2; wanted++) {
    struct world *world = by_mail();
    int32_t steps;

    ck_assert_int_eq(shop_config_set_mail_kind(world->config, SHOP_MAIL_ACCOUNT_EXISTS, wanted),
                     SHOP_OK);
    world_open(world);
    add_account(world, ADA);
    ck_status(world, enroll(world, "warm@example.org", PASSWORD), SHOP_CONFIRM_MAIL);
    memset(&cost, 0, sizeof cost);
    ck_status(world, enroll(world, "free@example.org", PASSWORD), SHOP_CONFIRM_MAIL);
    steps = cost.steps;
    memset(&cost, 0, sizeof cost);
    ck_status(world, enroll(world, "ADA@example.org", OTHER_PASSWORD), SHOP_CONFIRM_MAIL);
    ck_assert_int_eq(cost.steps, steps);
    ck_ok(world, shop_mail_deliver(world->shop, 10, NULL, world->err));
    ck_assert_int_eq(world->transport.count, 2 + wanted);
    if (wanted) {
      ck_assert_str_eq(world->transport.recipients[2], "ADA@example.org");
      ck_assert_ptr_null(strstr(world->transport.messages[2], "code"));
    }
    ck_ok(world, login(world, ADA, PASSWORD));
    ck_status(world, login(world, ADA, OTHER_PASSWORD), SHOP_ERR_CREDENTIALS);
    world_free(world);
  }
}
END_TEST

/* Everything that can be wrong at the end has one answer and one cost. */
START_TEST(wrong_in_any_way) {
  struct world *world = by_mail_open();
  code_t code, other, wrong;
  int32_t steps = 0;

  ask(world, ADA, PASSWORD, code);
  ask(world, EVE, OTHER_PASSWORD, other);
  add_account(world, "bob@example.org");
  memcpy(wrong, code, sizeof wrong);
  wrong[0] = wrong[0] == 'A' ? 'B' : 'A';
  ck_status(world, confirm(world, "warm@example.org", PASSWORD, "x"), SHOP_ERR_CODE);
  /* the first failure of each address, so that as much is counted */
  for (int i = 0; i < 6; i++) {
    const struct {
      const char *email, *password, *code;
    } tries[] = {{ADA, OTHER_PASSWORD, code},
                 {EVE, PASSWORD, code},
                 {"bob@example.org", PASSWORD, code},
                 {"nobody@example.org", PASSWORD, wrong},
                 {"someone@example.org", PASSWORD, "short"},
                 {"no address", OTHER_PASSWORD, code}};

    memset(&cost, 0, sizeof cost);
    ck_status(world, confirm(world, tries[i].email, tries[i].password, tries[i].code),
              SHOP_ERR_CODE);
    ck_assert_int_eq(cost.hashes, 1);
    ck_assert_int_eq(cost.commits, 1);
    ck_assert_msg(i == 0 || cost.steps == steps, "%d: %d steps instead of %d", i, cost.steps,
                  steps);
    steps = cost.steps;
  }
  ck_status(world, confirm(world, ADA, PASSWORD, other), SHOP_ERR_CODE);
  ck_status(world, confirm(world, ADA, PASSWORD, wrong), SHOP_ERR_CODE);
  ck_assert_int_eq(count(world, "users"), 1);
  ck_ok(world, confirm(world, ADA, PASSWORD, code));
  world_free(world);
}
END_TEST

/* Who has the code does not guess the password; who has not, and tries passwords for the address,
   waits likewise, and each for himself: strangers keep nobody from finishing. */
START_TEST(guessing_is_stopped) {
  struct world *world = by_mail_open();
  code_t code;

  ask(world, ADA, PASSWORD, code);
  for (int i = 0; i < 3; i++) /* one counter for both */
    ck_status(world, confirm(world, ADA, OTHER_PASSWORD, "no code"), SHOP_ERR_CODE);
  for (int i = 0; i < 3; i++)
    ck_status(world, login(world, ADA, OTHER_PASSWORD), SHOP_ERR_CREDENTIALS);
  ck_refused(world, confirm(world, ADA, PASSWORD, "no code"), SHOP_ERR_THROTTLED);
  for (int i = 0; i < 6; i++)
    ck_status(world, confirm(world, ADA, OTHER_PASSWORD, code), SHOP_ERR_CODE);
  memset(&cost, 0, sizeof cost);
  ck_refused(world, confirm(world, ADA, PASSWORD, code), SHOP_ERR_THROTTLED);
  ck_refused(world, login(world, ADA, PASSWORD), SHOP_ERR_THROTTLED);
  ck_assert_int_eq(cost.hashes, 0);
  world_pass_ms(world, 1000);
  ck_ok(world, confirm(world, ADA, PASSWORD, code));
  world_free(world);
}
END_TEST

/* Good up to the last millisecond, not before it was made, and not once the address is another's.
 */
START_TEST(expires) {
  struct world *world = by_mail_open();
  code_t code;

  ask(world, ADA, PASSWORD, code);
  world_pass_ms(world, -1);
  ck_status(world, confirm(world, ADA, PASSWORD, code), SHOP_ERR_CODE);
  world_pass_ms(world, 1 + 24 * HOUR_MS);
  ck_status(world, confirm(world, ADA, PASSWORD, code), SHOP_ERR_CODE);
  world_pass_ms(world, -1);
  ck_ok(world, confirm(world, ADA, PASSWORD, code));
  ask(world, EVE, PASSWORD, code);
  add_account(world, EVE);
  ck_status(world, confirm(world, EVE, PASSWORD, code), SHOP_ERR_CODE);
  ck_assert_int_eq(count(world, "users"), 2);
  world_free(world);
}
END_TEST

/* ---- whose account it becomes ------------------------------------------------------------------
 */

/* A stranger has registered the address with his password and waits for its owner to click. The
   owner, who has registered as well, may follow either mail: with the stranger's code his password
   is wrong, with his own it makes his account, and then the stranger's is nothing. */
START_TEST(no_prehijacking) {
  struct world *world = by_mail_open();
  code_t strangers, owners, later;

  ask(world, ADA, OTHER_PASSWORD, strangers);
  ask(world, ADA, PASSWORD, owners);
  ask(world, ADA, OTHER_PASSWORD, later); /* nor does a later one spoil the owner's */
  ck_status(world, confirm(world, ADA, PASSWORD, strangers), SHOP_ERR_CODE);
  ck_ok(world, confirm(world, ADA, PASSWORD, owners));
  ck_status(world, confirm(world, ADA, OTHER_PASSWORD, strangers), SHOP_ERR_CODE);
  ck_status(world, confirm(world, ADA, OTHER_PASSWORD, later), SHOP_ERR_CODE);
  ck_status(world, login(world, ADA, OTHER_PASSWORD), SHOP_ERR_CREDENTIALS);
  ck_assert_int_eq(count(world, "users"), 1);
  ck_assert_int_eq(count(world, "registrations WHERE password_hash IS NOT NULL"), 0);
  world_free(world);
}
END_TEST

/* Nor is a code good again when the account that was made is gone: neither the one that was used
   nor another for the address. */
START_TEST(closed_afterwards) {
  struct world *world = by_mail_open();
  shop_token_t *token = NULL;
  code_t used, other;

  ask(world, ADA, PASSWORD, other);
  ask(world, ADA, PASSWORD, used);
  ck_ok(world, confirm_as(world, ADA, PASSWORD, used, NULL, &token));
  ck_ok(world, shop_account_close(world->shop, token, PASSWORD, NULL, world->err));
  ck_status(world, confirm(world, ADA, PASSWORD, used), SHOP_ERR_CODE);
  ck_status(world, confirm(world, ADA, PASSWORD, other), SHOP_ERR_CODE);
  ask(world, ADA, OTHER_PASSWORD, used);
  ck_ok(world, confirm(world, ADA, OTHER_PASSWORD, used)); /* but it is free again */
  shop_token_free(token);
  world_free(world);
}
END_TEST

/* That the address got its account does not give it new mails within the hour: who asks for it in
   between would see that. */
START_TEST(an_account_made_does_not_show) {
  struct world *world = by_mail_open();
  code_t code;

  for (int i = 0; i < 5; i++)
    ask(world, ADA, PASSWORD, code);
  ck_refused(world, enroll(world, ADA, PASSWORD), SHOP_ERR_THROTTLED);
  ck_ok(world, confirm(world, ADA, PASSWORD, code));
  ck_refused(world, enroll(world, ADA, PASSWORD), SHOP_ERR_THROTTLED);
  world_pass_ms(world, HOUR_MS);
  ck_status(world, enroll(world, ADA, PASSWORD), SHOP_CONFIRM_MAIL);
  world_free(world);
}
END_TEST

struct racer {
  struct world *world;
  const char *code;
  int32_t status;
};

static void *race(void *user) {
  struct racer *racer = user;
  shop_token_t *token = NULL;

  racer->status = shop_user_register_confirm(racer->world->shop, ADA, PASSWORD, racer->code, NULL,
                                             &token, NULL);
  shop_token_free(token);
  return NULL;
}

/* Many finish at once, by the same code and by another one: there is one account. Who comes too late
   has brought a used code, which counts as a wrong password: so many are free. */
START_TEST(one_of_many) {
  enum { TRIES_FREE = 5, COUNT = 1 + TRIES_FREE };
  struct world *world = by_mail_open();
  struct racer racers[COUNT];
  pthread_t threads[COUNT];
  code_t codes[2];
  int winners = 0;

  ask(world, ADA, PASSWORD, codes[0]);
  ask(world, ADA, PASSWORD, codes[1]);
  for (int i = 0; i < COUNT; i++) {
    racers[i] = (struct racer){.world = world, .code = codes[i % 2]};
    ck_assert_int_eq(pthread_create(&threads[i], NULL, race, &racers[i]), 0);
  }
  for (int i = 0; i < COUNT; i++)
    pthread_join(threads[i], NULL);
  for (int i = 0; i < COUNT; i++) {
    winners += racers[i].status == SHOP_OK;
    ck_assert(racers[i].status == SHOP_OK || racers[i].status == SHOP_ERR_CODE);
  }
  ck_assert_int_eq(winners, 1);
  ck_assert_int_eq(count(world, "users"), 1);
  world_verify(world, 0);
  world_free(world);
}
END_TEST

/* ---- guests ------------------------------------------------------------------------- */

static shop_token_t *guest_of(struct world *world) {
  shop_token_t *guest = NULL;

  ck_ok(world, shop_guest_create(world->shop, NULL, &guest, world->err));
  return guest;
}

static int32_t guest_enroll(struct world *world, const shop_token_t *guest, const char *email) {
  shop_token_t *token = (shop_token_t *)world; /* must be overwritten */
  int32_t status =
      shop_guest_register(world->shop, guest, email, PASSWORD, NULL, &token, world->err);

  ck_assert_ptr_null(token);
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

/* A guest stays one until the code comes back; then it is the same user, with the cart, and every
   token of the guest ends. */
START_TEST(a_guest_becomes_the_user) {
  struct world *world = by_mail_open();
  shop_token_t *guest, *token = NULL;
  shop_cart_t *cart = NULL;
  int64_t cart_id;
  code_t code;

  world_put(world, "TEA", 999, "EUR", 5);
  guest = guest_of(world);
  cart_id = world_cart(world, guest);
  world_add(world, guest, cart_id, "TEA", 2);
  ck_status(world, guest_enroll(world, guest, ADA), SHOP_CONFIRM_MAIL);
  newest_code(world, code);
  ck_assert_int_eq(session_status(world, guest), SHOP_OK);
  ck_ok(world, confirm_as(world, ADA, PASSWORD, code, NULL, &token));
  ck_assert_int_eq(shop_token_user_id(token), world_number(world, "SELECT max(id) FROM users"));
  ck_assert_int_eq(count(world, "users"), 1);
  ck_assert_int_eq(session_status(world, guest), SHOP_ERR_TOKEN_REVOKED);
  ck_ok(world, shop_cart_get(world->shop, token, cart_id, &cart, world->err));
  ck_assert_int_eq(shop_cart_line_count(cart), 1);
  ck_assert_int_eq(count(world, "users WHERE guest_at_ms IS NULL AND verified_at_ms > 0"), 1);
  ck_refused(world, guest_enroll(world, guest, EVE), SHOP_ERR_TOKEN_REVOKED);
  world_verify(world, 0);
  shop_cart_free(cart);
  shop_token_free(token);
  shop_token_free(guest);
  world_free(world);
}
END_TEST

/* Who is no guest any more when the code comes back leaves a new user. */
START_TEST(a_guest_who_is_gone) {
  struct world *world = by_mail_open();
  shop_token_t *guest = guest_of(world), *first = NULL, *second = NULL;
  code_t one, other;

  ck_status(world, guest_enroll(world, guest, ADA), SHOP_CONFIRM_MAIL);
  newest_code(world, one);
  ck_status(world, guest_enroll(world, guest, EVE), SHOP_CONFIRM_MAIL);
  newest_code(world, other);
  ck_ok(world, confirm_as(world, ADA, PASSWORD, one, NULL, &first));
  ck_assert_int_eq(count(world, "users"), 1);
  ck_ok(world, confirm_as(world, EVE, PASSWORD, other, NULL, &second));
  ck_assert_int_ne(shop_token_user_id(second), shop_token_user_id(first));
  ck_assert_int_eq(session_status(world, first), SHOP_OK);
  ck_assert_int_eq(session_status(world, second), SHOP_OK);
  shop_token_free(guest);
  shop_token_free(first);
  shop_token_free(second);
  world_free(world);
}
END_TEST

/* A guest is told no more than others, at the same cost. */
START_TEST(a_guest_is_told_nothing) {
  struct world *world = by_mail_open();
  shop_token_t *guest;
  int32_t steps;

  add_account(world, ADA);
  guest = guest_of(world);
  ck_status(world, guest_enroll(world, guest, "warm@example.org"), SHOP_CONFIRM_MAIL);
  memset(&cost, 0, sizeof cost);
  ck_status(world, guest_enroll(world, guest, "free@example.org"), SHOP_CONFIRM_MAIL);
  steps = cost.steps;
  memset(&cost, 0, sizeof cost);
  ck_status(world, guest_enroll(world, guest, ADA), SHOP_CONFIRM_MAIL);
  ck_assert_int_eq(cost.steps, steps);
  ck_assert_int_eq(cost.hashes, 1);
  ck_assert_int_eq(cost.commits, 1);
  shop_token_free(guest);
  world_free(world);
}
END_TEST

/* ---- repetitions
 * ---------------------------------------------------------------------------------- */

/* The same key stores and mails nothing more, for a taken address as for a free one; a key belongs
   to its address. */
START_TEST(repeated_with_its_key) {
  struct world *world = by_mail_open();
  shop_options_t *options = options_of("a key", NULL);
  code_t code;

  add_account(world, EVE);
  for (int i = 0; i < 9; i++) { /* more than an address is mailed in an hour */
    ck_status(world, enroll_by(world, "ADA@example.org", PASSWORD, options), SHOP_CONFIRM_MAIL);
    ck_status(world, enroll_by(world, EVE, PASSWORD, options), SHOP_CONFIRM_MAIL);
  }
  ck_assert_int_eq(count(world, "registrations"), 2);
  ck_assert_int_eq(count(world, "outbox"), 2);
  ck_ok(world, shop_mail_deliver(world->shop, 10, NULL, world->err));
  code_in(world->transport.messages[0], code);
  ck_ok(world, confirm(world, ADA, PASSWORD, code));
  ck_status(world, enroll_by(world, ADA, PASSWORD, options), SHOP_CONFIRM_MAIL);
  ck_assert_int_eq(count(world, "registrations"), 2);
  shop_options_free(options);
  world_free(world);
}
END_TEST

/* ---- floods, and the end
 * ----------------------------------------------------------------------------- */

/* There are at most as many as are set. One more takes the place of the oldest, whose mail goes
   with it; what has expired is taken first. */
START_TEST(table_is_bounded) {
  struct world *world = by_mail();
  char email[60];
  code_t first, second;

  ck_assert_int_eq(shop_config_set_registrations_max(world->config, 99), SHOP_ERR_ARGUMENT);
  ck_assert_int_eq(shop_config_set_registrations_max(world->config, 10000001), SHOP_ERR_ARGUMENT);
  ck_assert_int_eq(shop_config_set_registrations_max(NULL, 100), SHOP_ERR_ARGUMENT);
  ck_assert_int_eq(shop_config_set_register_by_mail(NULL, true), SHOP_ERR_ARGUMENT);
  ck_assert_int_eq(shop_config_set_registrations_max(world->config, 100), SHOP_OK);
  world_open(world);
  ask(world, ADA, PASSWORD, first);
  world_pass_ms(world, 1);
  ask(world, EVE, PASSWORD, second);
  world_pass_ms(world, 1);
  for (int i = 0; i < 99; i++) {
    snprintf(email, sizeof email, "flood%d@example.org", i);
    ck_status(world, enroll(world, email, PASSWORD), SHOP_CONFIRM_MAIL);
  }
  ck_assert_int_eq(count(world, "registrations"), 100);
  ck_assert_int_eq(count(world, "outbox"), 100);
  ck_status(world, confirm(world, ADA, PASSWORD, first), SHOP_ERR_CODE);
  ck_ok(world, confirm(world, EVE, PASSWORD, second));
  world_pass_ms(world, 26 * HOUR_MS);
  ck_status(world, enroll(world, ADA, PASSWORD), SHOP_CONFIRM_MAIL);
  ck_assert_int_eq(count(world, "registrations"), 100);
  world_free(world);
}
END_TEST

/* What nobody finished is thrown away an hour after its end, with the address in its mail. */
START_TEST(thrown_away) {
  struct world *world = by_mail_open();
  shop_maintenance_t *done = NULL;
  code_t code;

  ask(world, ADA, PASSWORD, code);
  ask(world, EVE, PASSWORD, code);
  ck_ok(world, confirm(world, EVE, PASSWORD, code));
  world_pass_ms(world, 25 * HOUR_MS);
  ck_ok(world, shop_maintain(world->shop, &done, world->err));
  ck_assert_int_eq(shop_maintenance_codes(done), 0);
  shop_maintenance_free(done);
  world_pass_ms(world, 1);
  ck_ok(world, shop_maintain(world->shop, &done, world->err));
  ck_assert_int_eq(shop_maintenance_codes(done), 2);
  shop_maintenance_free(done);
  ck_assert_int_eq(count(world, "registrations WHERE email IS NOT NULL OR hash IS NOT NULL"), 0);
  ck_assert_int_eq(count(world, "outbox WHERE recipient = 'ada@example.org'"), 0);
  ck_assert_int_eq(count(world, "outbox WHERE recipient = 'eve@example.org'"), 1); /* has one */
  ck_ok(world, shop_maintain(world->shop, &done, world->err));
  ck_assert_int_eq(shop_maintenance_codes(done), 0);
  shop_maintenance_free(done);
  ask(world, ADA, PASSWORD, code); /* and the slots are taken again */
  world_pass_ms(world, 25 * HOUR_MS + 1);
  ask(world, ADA, PASSWORD, code); /* also where nobody has tidied up */
  ck_assert_int_eq(count(world, "registrations"), 2);
  world_free(world);
}
END_TEST

/* Who is erased is so in what was begun with the address too, and in the mails of it. */
START_TEST(erased) {
  struct world *world = by_mail_open();
  shop_token_t *token = NULL;
  code_t code;

  ask(world, ADA, PASSWORD, code);
  ask(world, ADA, OTHER_PASSWORD, code);
  ck_ok(world, confirm_as(world, ADA, OTHER_PASSWORD, code, NULL, &token));
  world_pass_ms(world, HOUR_MS);
  ck_status(world, enroll(world, ADA, PASSWORD), SHOP_CONFIRM_MAIL); /* a stranger */
  ck_ok(world, shop_user_erase(world->shop, shop_token_user_id(token), NULL, NULL, world->err));
  ck_assert_int_eq(count(world, "registrations WHERE email IS NOT NULL"), 0);
  ck_assert_int_eq(count(world, "outbox WHERE recipient <> ''"), 0);
  ck_status(world, enroll(world, ADA, PASSWORD), SHOP_CONFIRM_MAIL);
  shop_token_free(token);
  world_free(world);
}
END_TEST

/* A mail whose registration is over, or was finished by another one, is not sent any more: it is
   buried, without its code. */
START_TEST(stale_mail_is_not_sent) {
  struct world *world = by_mail_open();
  code_t code;

  ck_status(world, enroll(world, "late@example.org", PASSWORD), SHOP_CONFIRM_MAIL);
  world_pass_ms(world, 24 * HOUR_MS);
  ck_ok(world, shop_mail_deliver(world->shop, 10, NULL, world->err));
  ck_assert_int_eq(world->transport.count, 0);
  ask(world, ADA, PASSWORD, code);
  ck_status(world, enroll(world, ADA, OTHER_PASSWORD), SHOP_CONFIRM_MAIL);
  ck_ok(world, confirm(world, ADA, PASSWORD, code));
  ck_ok(world, shop_mail_deliver(world->shop, 10, NULL, world->err));
  ck_assert_int_eq(world->transport.count, 1);
  ck_assert_int_eq(count(world, "outbox WHERE state = 4 AND length(message) = 0"), 2);
  world_verify(world, 0);
  world_free(world);
}
END_TEST

/* ---- arguments
 * ------------------------------------------------------------------------------------------ */

/* What is wrong with the address or the password itself is said, by the text alone; without its
   mail the mode cannot be. */
START_TEST(arguments) {
  struct world *world = by_mail();
  shop_options_t *options = options_of("a key", NULL);
  shop_token_t *token = NULL;
  const char *none[] = {NULL, ""};

  ck_assert_int_eq(shop_config_set_mail_kind(world->config, SHOP_MAIL_REGISTRATION, false),
                   SHOP_OK);
  world_open(world);
  ck_refused(world, enroll(world, ADA, PASSWORD), SHOP_ERR_STATE);
  ck_refused(world, enroll(world, "no address", PASSWORD), SHOP_ERR_EMAIL);
  ck_refused(world, enroll(world, ADA, "short"), SHOP_ERR_PASSWORD);
  ck_refused(world, enroll(world, ADA, "password123"), SHOP_ERR_PASSWORD_COMMON);
  for (int i = 0; i < 2; i++) {
    ck_refused(world, confirm(world, none[i], PASSWORD, "code"), SHOP_ERR_ARGUMENT);
    ck_refused(world, confirm(world, ADA, none[i], "code"), SHOP_ERR_ARGUMENT);
    ck_refused(world, confirm(world, ADA, PASSWORD, none[i]), SHOP_ERR_ARGUMENT);
  }
  ck_refused(world, confirm_as(world, ADA, PASSWORD, "code", options, &token), SHOP_ERR_ARGUMENT);
  ck_refused(world,
             shop_user_register_confirm(world->shop, ADA, PASSWORD, "code", NULL, NULL, world->err),
             SHOP_ERR_ARGUMENT);
  shop_options_free(options);
  world_free(world);
}
END_TEST

/* The source of who confirms is known from then on; of who asked, nothing is. */
START_TEST(source_is_known_at_the_end) {
  struct world *world = by_mail_open();
  shop_options_t *asked = options_of(NULL, "elsewhere"), *home = options_of(NULL, "home");
  shop_token_t *token = NULL;
  code_t code;

  ck_status(world, enroll_by(world, ADA, PASSWORD, asked), SHOP_CONFIRM_MAIL);
  ck_assert_int_eq(count(world, "known_sources"), 0);
  newest_code(world, code);
  ck_ok(world, confirm_as(world, ADA, PASSWORD, code, home, &token));
  ck_assert_int_eq(count(world, "known_sources"), 1);
  shop_token_free(token);
  shop_options_free(asked);
  shop_options_free(home);
  world_free(world);
}
END_TEST

int main(void) {
  const TTest *tests[] = {
      finished_by_its_code,
      linked,
      tells_nothing,
      taken_address,
      wrong_in_any_way,
      guessing_is_stopped,
      expires,
      no_prehijacking,
      closed_afterwards,
      an_account_made_does_not_show,
      one_of_many,
      a_guest_becomes_the_user,
      a_guest_who_is_gone,
      a_guest_is_told_nothing,
      repeated_with_its_key,
      table_is_bounded,
      thrown_away,
      erased,
      stale_mail_is_not_sent,
      arguments,
      source_is_known_at_the_end,
  };

  return HARNESS_RUN("register by mail", tests);
}
