/* Codes that are mailed: the address verified and changed, the password forgotten.
   They work once, for a time, for one thing, and nobody is told whose they are. */
#include <harness.h>

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NEW_PASSWORD "an even better horse"
#define CODE_LENGTH 44
#define HOUR_MS INT64_C(3600000)

typedef char code_t[CODE_LENGTH + 1];

/* ---- what a call costs at the store -------------------------------------------------------- */

static struct { _Atomic int32_t steps, commits; } cost; /* also of threads that race */

int __real_sqlite3_step(sqlite3_stmt *stmt);
int __wrap_sqlite3_step(sqlite3_stmt *stmt);

int __wrap_sqlite3_step(sqlite3_stmt *stmt) {
  cost.steps++;
  cost.commits += strncmp(sqlite3_sql(stmt), "COMMIT", 6) == 0;
  return __real_sqlite3_step(stmt);
}

/* ---- steps ------------------------------------------------------------------------------------
 */

/* The code in the newest mail; it stands alone on a line, or behind a link's "code=". */
static void newest_code(struct world *world, code_t code) {
  const char *at;

  ck_ok(world, shop_mail_deliver(world->shop, 100, NULL, world->err));
  ck_assert_int_gt(world->transport.count, 0);
  at = strstr(world->transport.messages[world->transport.count - 1], "Your code:");
  ck_assert_ptr_nonnull(at);
  at += strlen("Your code:");
  at += strspn(at, " \r\n");
  ck_assert_uint_ge(strspn(at, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-"),
                    CODE_LENGTH);
  memcpy(code, at, CODE_LENGTH);
  code[CODE_LENGTH] = '\0';
}

static const char *newest_recipient(struct world *world) {
  ck_ok(world, shop_mail_deliver(world->shop, 100, NULL, world->err));
  ck_assert_int_gt(world->transport.count, 0);
  return world->transport.recipients[world->transport.count - 1];
}

static void ask_verify(struct world *world, const shop_token_t *token, code_t code) {
  ck_ok(world, shop_account_verify_request(world->shop, token, NULL, world->err));
  newest_code(world, code);
}

static void ask_reset(struct world *world, code_t code) {
  ck_ok(world, shop_account_reset_request(world->shop, "ADA@example.org", NULL, world->err));
  newest_code(world, code);
}

static void ask_email(struct world *world, const shop_token_t *token, const char *email,
                      code_t code) {
  ck_ok(world, shop_account_email_request(world->shop, token, PASSWORD, email, NULL, world->err));
  newest_code(world, code);
}

static int32_t verify(struct world *world, const char *code) {
  return shop_account_verify(world->shop, code, NULL, world->err);
}

static int32_t reset(struct world *world, const char *code, const char *password) {
  return shop_account_reset(world->shop, code, password, NULL, world->err);
}

static int32_t confirm(struct world *world, const char *code) {
  return shop_account_email_confirm(world->shop, code, NULL, world->err);
}

static int32_t login(struct world *world, const char *email, const char *password) {
  shop_token_t *token = NULL;
  int32_t status = shop_user_login(world->shop, email, password, NULL, &token, world->err);

  shop_token_free(token);
  return status;
}

static bool is_verified(struct world *world) {
  return world_number(world, "SELECT count(*) FROM users WHERE verified_at_ms IS NOT NULL") > 0;
}

static int32_t session_status(struct world *world, const shop_token_t *token) {
  shop_session_t *session = NULL;
  int32_t status;

  ck_ok(world, shop_session_check(world->shop, token, &session, world->err));
  status = shop_session_status(session);
  shop_session_free(session);
  return status;
}

/* ---- verifying ------------------------------------------------------------------------------- */

/* Once, and it is said; a verified address is not mailed again. */
START_TEST(verified_by_its_code) {
  struct world *world = world_new();
  shop_token_t *token = world_register(world, "ada@example.org");
  shop_user_t *user = NULL;
  code_t code;

  ask_verify(world, token, code);
  ck_assert_str_eq(newest_recipient(world), "ada@example.org");
  ck_assert(!is_verified(world));
  ck_ok(world, verify(world, code));
  ck_ok(world, shop_user_find_by_email(world->shop, "ada@example.org", &user, world->err));
  ck_assert(shop_user_is_verified(user));
  shop_user_free(user);
  ck_refused(world, verify(world, code), SHOP_ERR_CODE);
  ck_refused(world, shop_account_verify_request(world->shop, token, NULL, world->err),
             SHOP_ERR_STATE);
  ck_assert_int_eq(world_number(world, "SELECT count(*) FROM events WHERE name = 'user.verified'"),
                   1);
  shop_token_free(token);
  world_free(world);
}
END_TEST

/* The link stands in the mail where its base is set. */
START_TEST(linked) {
  struct world *world = world_prepare();
  shop_token_t *token;
  char base[600];

  ck_assert_int_eq(
      shop_config_set_link_base(world->config, SHOP_LINK_VERIFY, "https://shop.example/v?code="),
      SHOP_OK);
  memset(base, 'x', sizeof base);
  base[501] = '\0';
  ck_assert_int_eq(shop_config_set_link_base(NULL, SHOP_LINK_VERIFY, "x"), SHOP_ERR_ARGUMENT);
  ck_assert_int_eq(shop_config_set_link_base(world->config, 0, "x"), SHOP_ERR_ARGUMENT);
  ck_assert_int_eq(shop_config_set_link_base(world->config, SHOP_LINK_UNLOCK + 1, "x"),
                   SHOP_ERR_ARGUMENT);
  ck_assert_int_eq(shop_config_set_link_base(world->config, SHOP_LINK_VERIFY, ""),
                   SHOP_ERR_ARGUMENT);
  ck_assert_int_eq(shop_config_set_link_base(world->config, SHOP_LINK_VERIFY, "a b"),
                   SHOP_ERR_TEXT);
  ck_assert_int_eq(shop_config_set_link_base(world->config, SHOP_LINK_VERIFY, "a\r\nb"),
                   SHOP_ERR_TEXT);
  ck_assert_int_eq(shop_config_set_link_base(world->config, SHOP_LINK_VERIFY, base),
                   SHOP_ERR_TOO_LONG);
  world_open(world);
  token = world_register(world, "ada@example.org");
  ck_ok(world, shop_account_verify_request(world->shop, token, NULL, world->err));
  ck_assert_int_eq(world->transport.count, 1); /* at once: the caller is the owner */
  ck_assert_ptr_nonnull(strstr(world->transport.messages[0], "https://shop.example/v?code"));
  shop_token_free(token);
  world_free(world);
}
END_TEST

/* Where the shop wants it, nobody buys without. */
START_TEST(purchase_needs_verified) {
  struct world *world = world_prepare();
  shop_order_t *order = NULL;
  shop_token_t *token;
  int64_t cart_id;
  code_t code;

  ck_assert_int_eq(shop_config_set_purchase_needs_verified(world->config, true), SHOP_OK);
  ck_assert_int_eq(shop_config_set_purchase_needs_verified(NULL, true), SHOP_ERR_ARGUMENT);
  world_open(world);
  world_put(world, "TEA", 999, "EUR", 5);
  token = world_shopper(world, "ada@example.org", "TEA", 1, &cart_id);
  ck_refused(world, world_buy(world, token, cart_id, NULL, &order), SHOP_ERR_UNVERIFIED);
  ck_assert_int_eq(world->gateway.charges, 0);
  ask_verify(world, token, code);
  ck_ok(world, verify(world, code));
  ck_ok(world, world_buy(world, token, cart_id, NULL, &order));
  shop_order_free(order);
  shop_token_free(token);
  world_free(world);
}
END_TEST

/* ---- codes -------------------------------------------------------------------------------------
 */

/* Good up to the last millisecond, and no longer. */
START_TEST(expire_to_the_millisecond) {
  struct world *world = world_new();
  shop_token_t *token = world_register(world, "ada@example.org");
  code_t code;

  ask_verify(world, token, code);
  world_pass_ms(world, 24 * HOUR_MS);
  ck_refused(world, verify(world, code), SHOP_ERR_CODE);
  world_pass_ms(world, -1);
  ck_ok(world, verify(world, code));
  ask_reset(world, code);
  world_pass_ms(world, HOUR_MS);
  ck_refused(world, reset(world, code, NEW_PASSWORD), SHOP_ERR_CODE);
  world_pass_ms(world, -1);
  ck_ok(world, reset(world, code, NEW_PASSWORD));
  shop_token_free(token);
  world_free(world);
}
END_TEST

/* A code that was made while the clock was ahead lives no longer for it: until that time
   has come it is no code. */
START_TEST(made_by_a_clock_that_went_back) {
  struct world *world = world_new();
  shop_token_t *token = world_register(world, "ada@example.org");
  code_t code, again;

  world_pass_ms(world, 100 * HOUR_MS);
  ask_reset(world, code);
  world_pass_ms(world, -100 * HOUR_MS);
  ck_refused(world, reset(world, code, NEW_PASSWORD), SHOP_ERR_CODE);
  world_pass_ms(world, 100 * HOUR_MS - 1);
  ck_refused(world, reset(world, code, NEW_PASSWORD), SHOP_ERR_CODE);
  ask_reset(world, again); /* and stands in nobody's way */
  ck_ok(world, reset(world, again, NEW_PASSWORD));
  shop_token_free(token);
  world_free(world);
}
END_TEST

/* A code is good for what it was mailed for, and what is no code is none. */
START_TEST(wrong_codes) {
  struct world *world = world_new();
  shop_token_t *token = world_register(world, "ada@example.org");
  code_t for_address, for_password, for_change, other;
  char text[100];

  ask_verify(world, token, for_address);
  ask_reset(world, for_password);
  ask_email(world, token, "lovelace@example.org", for_change);
  ck_refused(world, verify(world, for_password), SHOP_ERR_CODE);
  ck_refused(world, verify(world, for_change), SHOP_ERR_CODE);
  ck_refused(world, reset(world, for_address, NEW_PASSWORD), SHOP_ERR_CODE);
  ck_refused(world, reset(world, for_change, NEW_PASSWORD), SHOP_ERR_CODE);
  ck_refused(world, confirm(world, for_address), SHOP_ERR_CODE);
  ck_refused(world, confirm(world, for_password), SHOP_ERR_CODE);
  for (int i = 0; i < CODE_LENGTH; i++) {
    memcpy(other, for_address, sizeof other);
    other[i] = other[i] == 'A' ? 'B' : 'A';
    ck_refused(world, verify(world, other), SHOP_ERR_CODE);
  }
  snprintf(text, sizeof text, "%s=", for_address);
  ck_refused(world, verify(world, text), SHOP_ERR_CODE);
  text[CODE_LENGTH - 1] = '\0';
  ck_refused(world, verify(world, text), SHOP_ERR_CODE);
  ck_refused(world, verify(world, ""), SHOP_ERR_ARGUMENT);
  ck_refused(world, verify(world, NULL), SHOP_ERR_ARGUMENT);
  ck_refused(world, reset(world, NULL, NEW_PASSWORD), SHOP_ERR_ARGUMENT);
  ck_refused(world, reset(world, for_password, NULL), SHOP_ERR_ARGUMENT);
  ck_refused(world, confirm(world, NULL), SHOP_ERR_ARGUMENT);
  /* none of it has used one up, nor has a password that is refused */
  ck_refused(world, reset(world, for_password, "short"), SHOP_ERR_PASSWORD);
  ck_refused(world, reset(world, for_password, "password123"), SHOP_ERR_PASSWORD_COMMON);
  ck_refused(world, reset(world, for_password, "ada@example.org"), SHOP_ERR_PASSWORD_COMMON);
  ck_ok(world, verify(world, for_address));
  ck_ok(world, reset(world, for_password, NEW_PASSWORD));
  shop_token_free(token);
  world_free(world);
}
END_TEST

/* A new one ends the older; a new password, disabling and closing end all. */
START_TEST(ended_codes) {
  struct world *world = world_new();
  shop_token_t *token = world_register(world, "ada@example.org"), *fresh = NULL;
  code_t first, second;

  ask_verify(world, token, first);
  ask_verify(world, token, second);
  ck_refused(world, verify(world, first), SHOP_ERR_CODE);
  ask_reset(world, first);
  ck_ok(world, shop_account_set_password(world->shop, token, PASSWORD, NEW_PASSWORD, NULL, &fresh,
                                         world->err));
  ck_refused(world, verify(world, second), SHOP_ERR_CODE);
  ck_refused(world, reset(world, first, PASSWORD), SHOP_ERR_CODE);
  ask_verify(world, fresh, first);
  ck_ok(world,
        shop_user_set_disabled(world->shop, shop_token_user_id(token), true, NULL, world->err));
  ck_refused(world, verify(world, first), SHOP_ERR_CODE);
  ck_ok(world,
        shop_user_set_disabled(world->shop, shop_token_user_id(token), false, NULL, world->err));
  ck_refused(world, verify(world, first), SHOP_ERR_CODE);
  shop_token_free(token);
  shop_token_free(fresh);
  world_free(world);
}
END_TEST

/* Five in an hour, of each kind and for each user; then the hour is over. */
START_TEST(limited) {
  struct world *world = world_new();
  shop_token_t *token = world_register(world, "ada@example.org");
  shop_token_t *bob = world_register(world, "bob@example.org");
  code_t code;
  int32_t mails;

  ck_assert_int_eq(shop_config_set_codes_hourly_max(world->config, 0), SHOP_ERR_ARGUMENT);
  for (int i = 0; i < 5; i++, world_pass_ms(world, 1000))
    ask_verify(world, token, code);
  ck_refused(world, shop_account_verify_request(world->shop, token, NULL, world->err),
             SHOP_ERR_THROTTLED);
  ck_ok(world, shop_account_verify_request(world->shop, bob, NULL, world->err));
  for (int i = 0; i < 5; i++)
    ask_reset(world, code);
  mails = world->transport.count;
  ck_ok(world, shop_account_reset_request(world->shop, "ada@example.org", NULL, world->err));
  ck_ok(world, shop_mail_deliver(world->shop, 100, NULL, world->err));
  ck_assert_int_eq(world->transport.count, mails); /* nobody is told, and nothing is mailed */
  ck_ok(world, reset(world, code, NEW_PASSWORD));  /* nor was the last one ended by it */
  world_pass_ms(world, HOUR_MS);
  ask_reset(world, code);
  shop_token_free(token);
  shop_token_free(bob);
  world_free(world);
}
END_TEST

/* The file holds a hash. The code is in the mail alone, and there no longer than
   until it was sent. */
START_TEST(only_a_hash_is_stored) {
  struct world *world = world_new();
  shop_token_t *token = world_register(world, "ada@example.org");
  code_t code;

  ask_verify(world, token, code);
  ck_assert_int_eq(world_number(world, "SELECT max(length(hash)) FROM codes"), 32);
  ck_assert_int_eq(world_number(world, "SELECT max(length(message)) FROM outbox"), 0);
  for (int table = 0; table < 3; table++) {
    static const char *const tables[] = {"codes", "outbox", "events"};
    char sql[300];

    snprintf(sql, sizeof sql,
             "SELECT count(*) FROM %s WHERE instr(CAST(quote(%s) AS TEXT), '%s') > 0",
             tables[table],
             table == 0   ? "hash"
             : table == 1 ? "message"
                          : "detail",
             code);
    ck_assert_int_eq(world_number(world, sql), 0);
  }
  ck_ok(world, verify(world, code));
  shop_token_free(token);
  world_free(world);
}
END_TEST

struct racer {
  struct world *world;
  const char *code;
  char password[30];
  int32_t status;
};

static void *race(void *user) {
  struct racer *racer = user;

  racer->status = shop_account_reset(racer->world->shop, racer->code, racer->password, NULL, NULL);
  return NULL;
}

/* Many take one code at once: one sets its password, the others have no code. */
START_TEST(used_once_in_a_race) {
  enum { COUNT = 8 };
  struct world *world = world_new();
  struct racer racers[COUNT];
  pthread_t threads[COUNT];
  int winners = 0;
  code_t code;

  shop_token_free(world_register(world, "ada@example.org"));
  ask_reset(world, code);
  for (int i = 0; i < COUNT; i++) {
    racers[i] = (struct racer){.world = world, .code = code};
    snprintf(racers[i].password, sizeof racers[i].password, "the password no. %d", i);
    ck_assert_int_eq(pthread_create(&threads[i], NULL, race, &racers[i]), 0);
  }
  for (int i = 0; i < COUNT; i++)
    pthread_join(threads[i], NULL);
  for (int i = 0; i < COUNT; i++) {
    winners += racers[i].status == SHOP_OK;
    if (racers[i].status != SHOP_OK)
      ck_assert_int_eq(racers[i].status, SHOP_ERR_CODE);
    world_pass_ms(world, HOUR_MS); /* wrong passwords make the next try wait */
    ck_status(world, login(world, "ada@example.org", racers[i].password),
              racers[i].status == SHOP_OK ? SHOP_OK : SHOP_ERR_CREDENTIALS);
  }
  ck_assert_int_eq(winners, 1);
  world_free(world);
}
END_TEST

/* ---- a forgotten password ----------------------------------------------------------------------
 */

/* Every token ends, the new password alone logs in, the address is verified, and a
   mail tells of it. */
START_TEST(reset_by_its_code) {
  struct world *world = world_new();
  shop_token_t *token = world_register(world, "ada@example.org");
  code_t code;

  ck_ok(world, shop_account_reset_request(world->shop, "ada@example.org", NULL, world->err));
  ck_assert_int_eq(world->transport.count, 0); /* not by this call: its time must not tell */
  newest_code(world, code);
  ck_ok(world, reset(world, code, NEW_PASSWORD));
  ck_assert_int_eq(session_status(world, token), SHOP_ERR_TOKEN_REVOKED);
  ck_status(world, login(world, "ada@example.org", PASSWORD), SHOP_ERR_CREDENTIALS);
  ck_ok(world, login(world, "ada@example.org", NEW_PASSWORD));
  ck_assert(is_verified(world));
  ck_refused(world, reset(world, code, PASSWORD), SHOP_ERR_CODE);
  ck_assert_int_eq(world->transport.count, 2);
  ck_assert_int_eq(world_number(world, "SELECT count(*) FROM outbox WHERE kind = 9 AND state = 3"),
                   1);
  ck_assert_int_eq(
      world_number(world, "SELECT count(*) FROM events WHERE name = 'user.password_reset'"), 1);
  shop_token_free(token);
  world_free(world);
}
END_TEST

/* A code is no way round a merchant's word, nor back into an account that is closed, whatever has
   become of the code itself: of both the store alone is changed here. */
START_TEST(codes_of_the_disabled_and_closed) {
  static const char *const ends[] = {"UPDATE users SET disabled_at_ms = 1",
                                     "UPDATE users SET closed_at_ms = 1"};

  for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
    struct world *world = world_new();
    shop_token_t *token = world_register(world, "ada@example.org");
    code_t verify_code, reset_code;

    ask_verify(world, token, verify_code);
    ask_reset(world, reset_code);
    world_vandalise(world, ends[i]);
    ck_refused(world, verify(world, verify_code), SHOP_ERR_CODE);
    ck_refused(world, reset(world, reset_code, NEW_PASSWORD), SHOP_ERR_CODE);
    shop_token_free(token);
    world_free(world);
  }
}
END_TEST

/* Known and unknown, disabled, mailed too often, no address at all: one answer, the
   same statements, the same commits, and nothing is left of a mail to nobody. */
START_TEST(reset_tells_nothing) {
  static const char *const emails[] = {"ada@example.org", "nobody@example.org", "no address",
                                       "eve@example.org", "ada@example.org"};
  struct world *world = world_new();
  shop_token_t *eve = world_register(world, "eve@example.org");
  int32_t steps = 0;

  shop_token_free(world_register(world, "ada@example.org"));
  ck_ok(world,
        shop_user_set_disabled(world->shop, shop_token_user_id(eve), true, NULL, world->err));
  ck_ok(world, shop_account_reset_request(world->shop, "eve@example.org", NULL, world->err));
  ck_assert_int_eq(world_number(world, "SELECT count(*) FROM codes"), 0);
  for (int i = 0; i < 5; i++) {
    if (i == 4)
      for (int more = 0; more < 4; more++)
        ck_ok(world, shop_account_reset_request(world->shop, "ada@example.org", NULL, world->err));
    memset(&cost, 0, sizeof cost);
    ck_ok(world, shop_account_reset_request(world->shop, emails[i], NULL, world->err));
    ck_assert_msg(i == 0 || cost.steps == steps, "%s: %d steps instead of %d", emails[i],
                  cost.steps, steps);
    steps = cost.steps;
    ck_assert_int_eq(cost.commits, 1);
  }
  ck_assert_int_eq(world_number(world, "SELECT count(*) FROM codes"), 5);
  ck_assert_int_eq(world_number(world, "SELECT count(*) FROM outbox"), 5);
  ck_ok(world, shop_mail_deliver(world->shop, 100, NULL, world->err));
  ck_assert_int_eq(world->transport.count, 1); /* each has ended the one before */
  ck_assert_str_eq(world->transport.recipients[0], "ada@example.org");
  ck_refused(world, shop_account_reset_request(world->shop, NULL, NULL, world->err),
             SHOP_ERR_ARGUMENT);
  shop_token_free(eve);
  world_free(world);
}
END_TEST

/* A mail that has waited until its code was ended by a newer one, or by its time, is not sent any
   more: its reader would only be misled. It is buried, however many there are, and told. */
START_TEST(stale_mail_is_not_sent) {
  struct world *world = world_prepare();
  shop_mail_t *mail = NULL;

  ck_assert_int_eq(shop_config_set_codes_hourly_max(world->config, 100), SHOP_OK);
  world_open(world);
  shop_token_free(world_register(world, "ada@example.org"));
  shop_token_free(world_register(world, "bob@example.org"));
  for (int i = 0; i < 100; i++) /* as many as one transaction buries, and one */
    ck_ok(world, shop_account_reset_request(world->shop, "ada@example.org", NULL, world->err));
  ck_ok(world, shop_account_reset_request(world->shop, "bob@example.org", NULL, world->err));
  world_vandalise(world, "UPDATE codes SET used_at_ms = 1");
  world_vandalise(world,
                  "UPDATE codes SET used_at_ms = NULL WHERE user_id ="
                  " (SELECT id FROM users WHERE email = 'bob@example.org')");
  ck_ok(world, shop_mail_take(world->shop, NULL, &mail, world->err));
  ck_assert_str_eq(shop_mail_recipient(mail), "bob@example.org");
  ck_ok(world, shop_mail_done(world->shop, mail, SHOP_MAIL_LATER, NULL, NULL, world->err));
  shop_mail_free(mail);
  ck_assert_int_eq(world_number(world,
                                "SELECT count(*) FROM outbox WHERE state = 4"
                                " AND length(message) = 0"),
                   100);
  ck_assert_int_eq(world_number(world, "SELECT count(*) FROM events WHERE name = 'mail.dead'"),
                   100);
  world_pass_ms(world, HOUR_MS); /* it was put back, and has expired meanwhile */
  ck_ok(world, shop_mail_take(world->shop, NULL, &mail, world->err));
  ck_assert_ptr_null(mail);
  ck_assert_int_eq(world_number(world, "SELECT count(*) FROM outbox WHERE state = 4"), 101);
  ck_refused(world,
             shop_mail_requeue(world->shop, world_number(world, "SELECT max(id) FROM outbox"), NULL,
                               world->err),
             SHOP_ERR_STATE);
  world_verify(world, 0);
  world_free(world);
}
END_TEST

/* Without mail of the kind there is nothing that a code could come by. */
START_TEST(mail_turned_off) {
  struct world *world = world_prepare();
  shop_token_t *token, *fresh = NULL;

  for (int32_t kind = SHOP_MAIL_VERIFY_ADDRESS; kind <= SHOP_MAIL_PASSWORD_CHANGED; kind++)
    ck_assert_int_eq(shop_config_set_mail_kind(world->config, kind, false), SHOP_OK);
  world_open(world);
  token = world_register(world, "ada@example.org");
  ck_refused(world, shop_account_reset_request(world->shop, "ada@example.org", NULL, world->err),
             SHOP_ERR_STATE);
  ck_refused(world, shop_account_verify_request(world->shop, token, NULL, world->err),
             SHOP_ERR_STATE);
  ck_refused(
      world,
      shop_account_email_request(world->shop, token, PASSWORD, "b@example.org", NULL, world->err),
      SHOP_ERR_STATE);
  ck_ok(world, shop_account_set_password(world->shop, token, PASSWORD, NEW_PASSWORD, NULL, &fresh,
                                         world->err));
  ck_assert_int_eq(world_number(world, "SELECT count(*) FROM outbox"), 0);
  shop_token_free(token);
  shop_token_free(fresh);
  world_free(world);
}
END_TEST

/* ---- another address ---------------------------------------------------------------------------
 */

/* The code goes to the new address, the notice to the old; only then does it change. */
START_TEST(changed_by_its_code) {
  struct world *world = world_new();
  shop_token_t *token = world_register(world, "ada@example.org");
  code_t code, before;

  ask_reset(world, before);
  ask_email(world, token, "Lovelace@example.org", code);
  ck_assert_str_eq(newest_recipient(world), "Lovelace@example.org");
  ck_ok(world, login(world, "ada@example.org", PASSWORD));
  ck_ok(world, confirm(world, code));
  ck_assert_str_eq(newest_recipient(world), "ada@example.org");
  ck_assert_int_eq(world_number(world, "SELECT count(*) FROM outbox WHERE kind = 8"), 1);
  ck_status(world, login(world, "ada@example.org", PASSWORD), SHOP_ERR_CREDENTIALS);
  ck_ok(world, login(world, "lovelace@example.org", PASSWORD));
  ck_assert_int_eq(session_status(world, token), SHOP_OK);
  ck_assert(is_verified(world));
  ck_refused(world, confirm(world, code), SHOP_ERR_CODE);
  ck_refused(world, reset(world, before, NEW_PASSWORD), SHOP_ERR_CODE);
  shop_token_free(world_register(world, "ada@example.org")); /* it is free */
  shop_token_free(token);
  world_free(world);
}
END_TEST

/* An address that is taken answers as one that is free; its owner is told instead. */
START_TEST(taken_address_is_not_told) {
  struct world *world = world_new();
  shop_token_t *token = world_register(world, "ada@example.org");
  int32_t steps;

  shop_token_free(world_register(world, "bob@example.org"));
  memset(&cost, 0, sizeof cost);
  ck_ok(world, shop_account_email_request(world->shop, token, PASSWORD, "free@example.org", NULL,
                                          world->err));
  steps = cost.steps;
  ck_ok(world, shop_mail_deliver(world->shop, 100, NULL, world->err));
  ck_assert_int_eq(world->transport.count, 1);
  memset(&cost, 0, sizeof cost);
  ck_ok(world, shop_account_email_request(world->shop, token, PASSWORD, "BOB@example.org", NULL,
                                          world->err));
  ck_assert_int_eq(cost.steps, steps);
  ck_assert_int_eq(world->transport.count, 1);
  ck_ok(world, shop_mail_deliver(world->shop, 100, NULL, world->err));
  ck_assert_int_eq(world->transport.count, 2);
  ck_assert_int_eq(world_number(world,
                                "SELECT count(*) FROM outbox WHERE kind = 10 AND "
                                "recipient = 'BOB@example.org'"),
                   1);
  shop_token_free(token);
  world_free(world);
}
END_TEST

/* Where the shop does not want to tell the owner of a taken address, nothing is written,
   by as many statements. */
START_TEST(taken_address_without_mail) {
  struct world *world = world_prepare();
  shop_token_t *token;
  int32_t steps;

  ck_assert_int_eq(shop_config_set_mail_kind(world->config, SHOP_MAIL_ACCOUNT_EXISTS, false),
                   SHOP_OK);
  world_open(world);
  token = world_register(world, "ada@example.org");
  shop_token_free(world_register(world, "bob@example.org"));
  memset(&cost, 0, sizeof cost);
  ck_ok(world, shop_account_email_request(world->shop, token, PASSWORD, "free@example.org", NULL,
                                          world->err));
  steps = cost.steps;
  memset(&cost, 0, sizeof cost);
  ck_ok(world, shop_account_email_request(world->shop, token, PASSWORD, "bob@example.org", NULL,
                                          world->err));
  ck_assert_int_eq(cost.steps, steps);
  ck_assert_int_eq(world_number(world, "SELECT count(*) FROM outbox WHERE kind = 10"), 0);
  ck_assert_int_eq(world_number(world, "SELECT count(*) FROM outbox WHERE kind = 6"), 1);
  shop_token_free(token);
  world_free(world);
}
END_TEST

/* Who registers with it between the code and its return has it. */
START_TEST(taken_meanwhile) {
  struct world *world = world_new();
  shop_token_t *token = world_register(world, "ada@example.org");
  code_t code;

  ask_email(world, token, "new@example.org", code);
  shop_token_free(world_register(world, "new@example.org"));
  ck_refused(world, confirm(world, code), SHOP_ERR_EMAIL_TAKEN);
  ck_ok(world, login(world, "ada@example.org", PASSWORD));
  shop_token_free(token);
  world_free(world);
}
END_TEST

START_TEST(arguments_of_a_change) {
  struct world *world = world_new();
  shop_token_t *token = world_register(world, "ada@example.org");
  const struct {
    const char *password, *email;
    int32_t status;
  } wrong[] = {{NULL, "b@example.org", SHOP_ERR_ARGUMENT},
               {"", "b@example.org", SHOP_ERR_ARGUMENT},
               {PASSWORD, NULL, SHOP_ERR_ARGUMENT},
               {PASSWORD, "", SHOP_ERR_ARGUMENT},
               {PASSWORD, "no address", SHOP_ERR_EMAIL},
               {PASSWORD, "a\xff@example.org", SHOP_ERR_TEXT},
               {"a wrong password", "b@example.org", SHOP_ERR_CREDENTIALS}};

  for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
    ck_refused(world,
               shop_account_email_request(world->shop, token, wrong[i].password, wrong[i].email,
                                          NULL, world->err),
               wrong[i].status);
  shop_token_free(token);
  world_free(world);
}
END_TEST

/* ---- the end
 * ------------------------------------------------------------------------------------- */

/* After it nothing of the user works, what was bought stays, and the address is free. */
START_TEST(closed) {
  struct world *world = world_new();
  shop_token_t *token, *other = NULL;
  shop_order_t *order = NULL;
  shop_user_t *user = NULL;
  int64_t cart_id;
  code_t code;

  world_put(world, "TEA", 999, "EUR", 5);
  token = world_shopper(world, "ada@example.org", "TEA", 1, &cart_id);
  ck_ok(world, world_buy(world, token, cart_id, NULL, &order));
  cart_id = world_cart(world, token);
  world_add(world, token, cart_id, "TEA", 2);
  ask_reset(world, code);
  ck_ok(world, shop_user_login(world->shop, "ada@example.org", PASSWORD, NULL, &other, world->err));
  ck_refused(world, shop_account_close(world->shop, token, "a wrong password", NULL, world->err),
             SHOP_ERR_CREDENTIALS);
  ck_refused(world, shop_account_close(world->shop, token, NULL, NULL, world->err),
             SHOP_ERR_ARGUMENT);
  ck_ok(world, shop_account_close(world->shop, token, PASSWORD, NULL, world->err));
  ck_assert_int_eq(session_status(world, token), SHOP_ERR_TOKEN_REVOKED);
  ck_assert_int_eq(session_status(world, other), SHOP_ERR_TOKEN_REVOKED);
  ck_status(world, login(world, "ada@example.org", PASSWORD), SHOP_ERR_CREDENTIALS);
  ck_refused(world, reset(world, code, NEW_PASSWORD), SHOP_ERR_CODE);
  ck_refused(world, shop_account_close(world->shop, token, PASSWORD, NULL, world->err),
             SHOP_ERR_TOKEN_REVOKED);
  ck_refused(world, shop_user_find_by_email(world->shop, "ada@example.org", &user, world->err),
             SHOP_ERR_NOT_FOUND);
  ck_ok(world, shop_user_find_by_id(world->shop, shop_token_user_id(token), &user, world->err));
  ck_assert(shop_user_is_closed(user));
  ck_assert(!shop_user_is_closed(NULL) && !shop_user_is_verified(NULL));
  shop_user_free(user);
  ck_assert_int_eq(world_number(world, "SELECT count(*) FROM carts WHERE state IN (1, 2)"), 0);
  ck_ok(world, shop_account_reset_request(world->shop, "ada@example.org", NULL, world->err));
  ck_assert_int_eq(world_number(world, "SELECT count(*) FROM codes WHERE used_at_ms IS NULL"), 0);
  shop_token_free(other);
  other = world_register(world, "ada@example.org"); /* as somebody else */
  ck_assert_int_ne(shop_token_user_id(other), shop_token_user_id(token));
  world_verify(world, 0);
  shop_order_free(order);
  shop_token_free(token);
  shop_token_free(other);
  world_free(world);
}
END_TEST

static int64_t the_token_user; /* of who closes inside the gateway */
static const shop_token_t *the_token;

static void close_inside(struct gateway *gateway, void *user) {
  struct world *world = user;

  (void)gateway;
  ck_assert_int_eq(shop_account_close(world->shop, the_token, PASSWORD, NULL, NULL), SHOP_OK);
  the_token_user = shop_token_user_id(the_token);
}

/* A purchase that has its order is finished, and its mail goes where it says; held
   pieces of an open cart come back. */
START_TEST(closed_while_buying_or_holding) {
  struct world *world = world_new();
  shop_order_t *order = NULL;
  shop_cart_t *cart = NULL;
  shop_token_t *token;
  int64_t cart_id;

  world_put(world, "TEA", 999, "EUR", 5);
  token = world_shopper(world, "ada@example.org", "TEA", 1, &cart_id);
  the_token = token;
  world->gateway.before = close_inside;
  world->gateway.hook_user = world;
  ck_ok(world, world_buy(world, token, cart_id, NULL, &order));
  world->gateway.before = NULL;
  ck_assert_int_eq(shop_order_status(order), SHOP_ORDER_PLACED);
  ck_assert_int_eq(the_token_user, shop_order_user_id(order));
  ck_assert_str_eq(world->transport.recipients[0], "ada@example.org");
  shop_order_free(order);
  shop_token_free(token);
  token = world_shopper(world, "bob@example.org", "TEA", 3, &cart_id);
  ck_ok(world, shop_cart_hold(world->shop, token, cart_id, HOUR_MS / 6, NULL, &cart, world->err));
  ck_assert_int_eq(world_available(world, "TEA"), 1);
  ck_ok(world, shop_account_close(world->shop, token, PASSWORD, NULL, world->err));
  ck_assert_int_eq(world_available(world, "TEA"), 4);
  world_verify(world, 0);
  shop_cart_free(cart);
  shop_token_free(token);
  world_free(world);
}
END_TEST

/* Old ones are thrown away, those of the last hour stay for the limit. */
START_TEST(pruned) {
  struct world *world = world_new();
  shop_token_t *token = world_register(world, "ada@example.org");
  shop_maintenance_t *done = NULL;
  code_t code;

  ask_reset(world, code);
  world_pass_ms(world, 2 * HOUR_MS);
  ck_ok(world, shop_maintain(world->shop, &done, world->err));
  ck_assert_int_eq(shop_maintenance_codes(done), 0);
  shop_maintenance_free(done);
  world_pass_ms(world, 1);
  ck_ok(world, shop_maintain(world->shop, &done, world->err));
  ck_assert_int_eq(shop_maintenance_codes(done), 1);
  ck_assert_int_eq(shop_maintenance_codes(NULL), 0);
  shop_maintenance_free(done);
  shop_token_free(token);
  world_free(world);
}
END_TEST

/* ---- in whose language ---------------------------------------------------------------------- */

static void ck_newest_is_german(struct world *world) {
  ck_ok(world, shop_mail_deliver(world->shop, 100, NULL, world->err));
  ck_assert_ptr_nonnull(strstr(world->transport.messages[world->transport.count - 1],
                               "\r\nContent-Language: de\r\n"));
}

/* Every mail about an account is written in its user's language, from the first. */
START_TEST(in_the_users_language) {
  static const int32_t kinds[] = {SHOP_MAIL_WELCOME, SHOP_MAIL_VERIFY_ADDRESS,
                                  SHOP_MAIL_PASSWORD_RESET, SHOP_MAIL_PASSWORD_CHANGED,
                                  SHOP_MAIL_EMAIL_CHANGED};
  struct world *world = world_prepare();
  shop_options_t *options = NULL;
  shop_token_t *token = NULL;
  code_t code;

  for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
    ck_ok(world, shop_config_set_mail_template(world->config, kinds[i], "de", "Konto",
                                               i == 1 || i == 2 ? "Hallo\nYour code:\n{{code}}\n"
                                                                : "Hallo\n",
                                               NULL, world->err));
  ck_assert_int_eq(shop_config_set_mail_kind(world->config, SHOP_MAIL_WELCOME, true), SHOP_OK);
  world_open(world);
  ck_assert_int_eq(shop_options_new(&options), SHOP_OK);
  ck_assert_int_eq(shop_options_set_language(options, "de-AT"), SHOP_OK);
  ck_ok(world,
        shop_user_register(world->shop, "ada@example.org", PASSWORD, options, &token, world->err));
  ck_newest_is_german(world);
  ask_verify(world, token, code);
  ck_newest_is_german(world);
  ask_email(world, token, "countess@example.org", code);
  ck_newest_is_german(world);
  ck_ok(world, confirm(world, code));
  ck_newest_is_german(world);
  ck_ok(world, shop_account_reset_request(world->shop, "countess@example.org", NULL, world->err));
  newest_code(world, code);
  ck_newest_is_german(world);
  ck_ok(world, reset(world, code, NEW_PASSWORD));
  ck_newest_is_german(world);
  shop_options_free(options);
  shop_token_free(token);
  world_free(world);
}
END_TEST

int main(void) {
  const TTest *tests[] = {
      in_the_users_language,
      verified_by_its_code,
      linked,
      purchase_needs_verified,
      expire_to_the_millisecond,
      made_by_a_clock_that_went_back,
      wrong_codes,
      ended_codes,
      limited,
      only_a_hash_is_stored,
      used_once_in_a_race,
      reset_by_its_code,
      codes_of_the_disabled_and_closed,
      reset_tells_nothing,
      stale_mail_is_not_sent,
      mail_turned_off,
      changed_by_its_code,
      taken_address_is_not_told,
      taken_address_without_mail,
      taken_meanwhile,
      arguments_of_a_change,
      closed,
      closed_while_buying_or_holding,
      pruned,
  };

  return HARNESS_RUN("account: codes", tests);
}
