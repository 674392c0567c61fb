/* Attacks on accounts, keys and holds that succeeded once: what let each through was mended, and
   each stays here. */
#include <harness.h>

#include <stdio.h>
#include <string.h>

#define MINUTE_MS INT64_C(60000)
#define DAY_MS (24 * 60 * MINUTE_MS)
#define OLD_SECRET "0123456789abcdef0123456789abcdef"
#define NEW_SECRET "another secret of the host, longer"

/* ---- keys ------------------------------------------------------------------------------------ */

/* Public keys are given to others from a store whose keys are sealed. */
START_TEST(sealed_keys_are_exported) {
  struct world *world = world_prepare();
  shop_text_t *text = NULL;

  shop_config_set_key_secret(world->config, OLD_SECRET, strlen(OLD_SECRET));
  shop_config_set_token_algorithm(world->config, SHOP_TOKEN_ES256);
  world_open(world);
  ck_ok(world, shop_key_export_jwks(world->shop, &text, world->err));
  shop_text_free(text);
  world_free(world);
}
END_TEST

/* Whoever still has the old secret adds no key under it: with keys under two secrets nobody could
   open the store. */
START_TEST(no_key_under_an_old_secret) {
  struct world *world = world_prepare();
  shop_t *late = NULL, *next = NULL;

  shop_config_set_key_secret(world->config, OLD_SECRET, strlen(OLD_SECRET));
  world_open(world);
  ck_ok(world, shop_open(world->path, world->config, &late, world->err));
  ck_ok(world, shop_key_rewrap(world->shop, NEW_SECRET, strlen(NEW_SECRET), NULL, world->err));
  ck_refused(world, shop_key_rotate(late, 0, NULL, world->err), SHOP_ERR_KEY_SECRET);
  ck_assert_int_eq(shop_close(late), SHOP_OK);
  shop_config_set_key_secret(world->config, NEW_SECRET, strlen(NEW_SECRET));
  ck_ok(world, shop_open(world->path, world->config, &next, world->err));
  ck_assert_int_eq(shop_close(next), SHOP_OK);
  world_free(world);
}
END_TEST

/* ---- accounts -------------------------------------------------------------------------------- */

/* Not even the merchant makes a token for who is closed, erased or disabled. */
START_TEST(no_token_for_who_is_gone) {
  struct world *world = world_new();
  shop_token_t *closed = world_register(world, "ada@example.org"), *token = NULL;
  shop_token_t *erased = world_register(world, "bob@example.org");
  shop_token_t *disabled = world_register(world, "eve@example.org");
  int32_t waiting;

  ck_ok(world, shop_account_close(world->shop, closed, PASSWORD, NULL, world->err));
  ck_ok(world,
        shop_user_erase(world->shop, shop_token_user_id(erased), NULL, &waiting, world->err));
  ck_ok(world,
        shop_user_set_disabled(world->shop, shop_token_user_id(disabled), true, NULL, world->err));
  ck_refused(world,
             shop_token_issue(world->shop, shop_token_user_id(closed), "merchant", 0, NULL, &token,
                              world->err),
             SHOP_ERR_NOT_FOUND);
  ck_refused(world,
             shop_token_issue(world->shop, shop_token_user_id(erased), "merchant", 0, NULL, &token,
                              world->err),
             SHOP_ERR_NOT_FOUND);
  ck_refused(world,
             shop_token_issue(world->shop, shop_token_user_id(disabled), "merchant", 0, NULL,
                              &token, world->err),
             SHOP_ERR_USER_DISABLED);
  shop_token_free(closed);
  shop_token_free(erased);
  shop_token_free(disabled);
  world_free(world);
}
END_TEST

/* Codes of a clock that was ahead do not keep an owner from new ones when it is right again. */
START_TEST(codes_of_the_future_do_not_count) {
  struct world *world = world_new();
  shop_token_t *token = world_register(world, "ada@example.org");
  int32_t before;

  world->now_ms += 365 * DAY_MS;
  for (int i = 0; i < 5; i++)
    ck_ok(world, shop_account_reset_request(world->shop, "ada@example.org", NULL, world->err));
  world->now_ms -= 365 * DAY_MS;
  ck_ok(world, shop_mail_deliver(world->shop, 100, NULL, world->err));
  before = world->transport.count;
  ck_ok(world, shop_account_reset_request(world->shop, "ada@example.org", NULL, world->err));
  ck_ok(world, shop_mail_deliver(world->shop, 100, NULL, world->err));
  ck_assert_int_eq(world->transport.count, before + 1);
  shop_token_free(token);
  world_free(world);
}
END_TEST

/* What waits for somebody is not sent once they are erased, whoever was its cause. */
START_TEST(nothing_goes_to_the_erased) {
  struct world *world = world_new();
  shop_token_t *ada = world_register(world, "ada@example.org");
  shop_token_t *bob = world_register(world, "bob@example.org");
  int32_t waiting, before;

  ck_ok(world, shop_mail_deliver(world->shop, 100, NULL, world->err));
  before = world->transport.count;
  ck_ok(world, shop_account_email_request(world->shop, ada, PASSWORD, "bob@example.org", NULL,
                                          world->err));
  ck_ok(world, shop_user_erase(world->shop, shop_token_user_id(bob), NULL, &waiting, world->err));
  ck_assert_int_eq(
      world_number(world, "SELECT count(*) FROM outbox WHERE recipient = 'bob@example.org'"), 0);
  ck_ok(world, shop_mail_deliver(world->shop, 100, NULL, world->err));
  ck_assert_int_eq(world->transport.count, before);
  shop_token_free(ada);
  shop_token_free(bob);
  world_free(world);
}
END_TEST

/* ---- sessions that refresh ------------------------------------------------------------------- */

static struct world *refreshing(void) {
  struct world *world = world_prepare();

  shop_config_set_access_life_ms(world->config, 15 * MINUTE_MS);
  shop_config_set_refresh_idle_ms(world->config, DAY_MS);
  world_open(world);
  return world;
}

static shop_token_t *next_of(struct world *world, const shop_token_t *token) {
  shop_token_t *next = NULL;

  ck_ok(world,
        shop_token_refresh(world->shop, shop_token_refresh_text(token), NULL, &next, world->err));
  return next;
}

/* A session is ended by what it was listed as, also when it has refreshed since. */
START_TEST(listed_session_is_ended_after_a_refresh) {
  struct world *world = refreshing();
  shop_token_t *mine = world_register(world, "ada@example.org"), *other = NULL, *next, *mine_next;
  shop_token_t *again = NULL;
  shop_session_page_t *page = NULL;
  int64_t id = 0;

  ck_ok(world, shop_user_login(world->shop, "ada@example.org", PASSWORD, NULL, &other, world->err));
  world_pass_ms(world, 14 * MINUTE_MS);
  ck_ok(world, shop_account_session_list(world->shop, mine, 0, 10, &page, world->err));
  for (int32_t i = 0; i < shop_session_page_count(page); i++)
    if (!shop_session_page_is_current(page, i))
      id = shop_session_page_id(page, i);
  next = next_of(world, other);
  mine_next = next_of(world, mine);
  world_pass_ms(world, 2 * MINUTE_MS);
  ck_ok(world, shop_maintain(world->shop, NULL, world->err));
  ck_ok(world, shop_account_session_revoke(world->shop, mine_next, id, NULL, world->err));
  ck_assert_int_ne(shop_token_verify(world->shop, shop_token_jwt(next), &again, world->err),
                   SHOP_OK);
  shop_session_page_free(page);
  shop_token_free(mine);
  shop_token_free(mine_next);
  shop_token_free(other);
  shop_token_free(next);
  world_free(world);
}
END_TEST

/* A used refresh token ends the session whenever it comes, also after its own time. */
START_TEST(reuse_is_seen_after_the_idle_time) {
  struct world *world = refreshing();
  shop_token_t *first = world_register(world, "ada@example.org"), *second, *third, *none = NULL;

  second = next_of(world, first);
  world_pass_ms(world, 20 * 60 * MINUTE_MS);
  third = next_of(world, second);
  world_pass_ms(world, 5 * 60 * MINUTE_MS);
  ck_ok(world, shop_maintain(world->shop, NULL, world->err));
  ck_assert_int_eq(
      shop_token_refresh(world->shop, shop_token_refresh_text(first), NULL, &none, world->err),
      SHOP_ERR_TOKEN_REUSED);
  ck_assert_int_ne(
      shop_token_refresh(world->shop, shop_token_refresh_text(third), NULL, &none, world->err),
      SHOP_OK);
  shop_token_free(first);
  shop_token_free(second);
  shop_token_free(third);
  world_free(world);
}
END_TEST

/* ---- holds and a clock that was read too early
 * --------------------------------------------------- */

struct early {
  struct world *world;
  shop_token_t *ada;
  int64_t cart_id;
  int32_t reads;  /* of the other shop's clock, until Ada holds her cart; 0: not armed */
  int32_t status; /* of her hold */
};

/* Ada asks for her hold just after another call has read its clock; where that was inside its
   transaction, the store is busy. */
static int64_t early_clock(void *user) {
  struct early *early = user;
  int64_t now_ms = early->world->now_ms;

  if (early->reads > 0 && --early->reads == 0) {
    shop_cart_t *cart = NULL;

    world_pass_ms(early->world, 5);
    early->status = shop_cart_hold(early->world->shop, early->ada, early->cart_id, 10 * MINUTE_MS,
                                   NULL, &cart, NULL);
    shop_cart_free(cart);
  }
  return now_ms;
}

/* A hold that was begun meanwhile is no hold of a clock gone back: one of the two has the last
   piece, and keeps it. */
START_TEST(fresh_hold_is_not_over) {
  struct early early = {.world = world_prepare()};
  struct world *world = early.world;
  shop_t *other = NULL;
  shop_token_t *bob;
  shop_cart_t *cart = NULL;
  int64_t bobs;
  int32_t status;

  shop_config_set_busy_timeout_ms(world->config, 0);
  world_open(world);
  world_put(world, "TEA", 999, "EUR", 1);
  early.ada = world_shopper(world, "ada@example.org", "TEA", 1, &early.cart_id);
  bob = world_shopper(world, "bob@example.org", "TEA", 1, &bobs);
  shop_config_set_clock(world->config, early_clock, &early);
  ck_ok(world, shop_open(world->path, world->config, &other, world->err));
  early.reads = 1;
  status = shop_cart_hold(other, bob, bobs, 1000, NULL, &cart, world->err);
  shop_cart_free(cart);
  cart = NULL;
  ck_assert_int_eq(early.reads, 0);
  ck_assert((early.status == SHOP_OK) != (status == SHOP_OK));
  ck_ok(world, shop_cart_get(world->shop, early.ada, early.cart_id, &cart, world->err));
  ck_assert((shop_cart_held_until_ms(cart) != 0) == (early.status == SHOP_OK));
  shop_cart_free(cart);
  ck_assert_int_eq(world_reserved(world, "TEA"), 1);
  ck_assert_int_eq(shop_close(other), SHOP_OK);
  shop_token_free(early.ada);
  shop_token_free(bob);
  world_free(world);
}
END_TEST

/* ---- what is told and what is left ----------------------------------------------------------- */

static struct world *by_mail(void) {
  struct world *world = world_prepare();

  shop_config_set_register_by_mail(world->config, true);
  world_open(world);
  return world;
}

static void ask_for(struct world *world, const char *email) {
  shop_token_t *token = NULL;

  ck_status(world, shop_user_register(world->shop, email, PASSWORD, NULL, &token, world->err),
            SHOP_CONFIRM_MAIL);
}

/* Confirms with the code in the mail that was delivered last. */
static shop_token_t *confirmed(struct world *world, const char *email) {
  const char *at;
  char code[45] = "";
  shop_token_t *token = NULL;

  ck_ok(world, shop_mail_deliver(world->shop, 100, NULL, world->err));
  ck_assert_int_gt(world->transport.count, 0);
  at = strstr(world->transport.messages[world->transport.count - 1], "Your code:");
  ck_assert_ptr_nonnull(at);
  at += strlen("Your code:");
  memcpy(code, at + strspn(at, " \r\n"), sizeof code - 1);
  ck_ok(world,
        shop_user_register_confirm(world->shop, email, PASSWORD, code, NULL, &token, world->err));
  return token;
}

/* What a user is told between two members of their export, with the digits away. */
static void told(struct world *world, const shop_token_t *token, const char *first,
                 const char *behind, char *out, size_t size) {
  shop_text_t *text = NULL;
  const char *from, *end;
  size_t used = 0;

  ck_ok(world, shop_account_export(world->shop, token, &text, world->err));
  from = strstr(shop_text_get(text), first);
  end = strstr(from, behind);
  ck_assert(from != NULL && end != NULL);
  for (; from < end && used + 1 < size; from++)
    if (*from < '0' || *from > '9')
      out[used++] = *from;
  ck_assert_ptr_eq(from, end);
  out[used] = '\0';
  shop_text_free(text);
}

static void told_of(struct world *world, const shop_token_t *guest, char *out, size_t size) {
  told(world, guest, "\"registrations\"", "\"carts\"", out, size);
}

/* A guest registers with an address and asks for their own data: they tell nobody whether it has
   an account, neither at once nor when its owner registers beside them. */
START_TEST(export_of_a_guest_tells_of_no_account) {
  static char text[3][4000];
  struct world *world = by_mail();
  shop_token_t *guests[2] = {NULL, NULL}, *none = NULL;

  ask_for(world, "aaa@example.org");
  shop_token_free(confirmed(world, "aaa@example.org"));
  for (int i = 0; i < 2; i++) {
    ck_ok(world, shop_guest_create(world->shop, NULL, &guests[i], world->err));
    ck_status(world,
              shop_guest_register(world->shop, guests[i],
                                  "aaa@example.org\0bbb@example.org" + 16 * i, PASSWORD, NULL,
                                  &none, world->err),
              SHOP_CONFIRM_MAIL);
    ck_ok(world, shop_mail_deliver(world->shop, 100, NULL, world->err));
    told_of(world, guests[i], text[i], sizeof text[i]);
    for (char *at = text[i]; (at = strstr(at, i == 0 ? "aaa@" : "bbb@")) != NULL;)
      memcpy(at, "who", 3);
  }
  ck_assert_str_eq(text[0], text[1]);
  world_pass_ms(world, MINUTE_MS);
  ask_for(world, "bbb@example.org");
  shop_token_free(confirmed(world, "bbb@example.org"));
  told_of(world, guests[1], text[2], sizeof text[2]);
  for (char *at = text[2]; (at = strstr(at, "bbb@")) != NULL;)
    memcpy(at, "who", 3);
  ck_assert_str_eq(text[1], text[2]);
  shop_token_free(guests[0]);
  shop_token_free(guests[1]);
  /* Who owns the address is told of the mail. */
  ask_for(world, "ccc@example.org");
  ck_assert_int_eq(shop_config_set_register_by_mail(world->config, false), SHOP_OK);
  world_reopen(world);
  guests[0] = world_register(world, "ccc@example.org");
  told_of(world, guests[0], text[0], sizeof text[0]);
  ck_assert_ptr_nonnull(strstr(text[0], "\"kind\":\"registration\""));
  shop_token_free(guests[0]);
  world_free(world);
}
END_TEST

/* Nor does the export of a user who asks for a change of the address: not by the mail that went
   there, and not by the history of it. Who owns the new address by now is told of it. */
START_TEST(export_of_a_user_tells_of_no_account) {
  static const char *const wanted[] = {"aaa@example.org", "bbb@example.org"};
  static char text[2][9000];
  struct world *world = world_new();
  shop_token_t *users[2];
  const char *at;
  char code[45] = "";

  shop_token_free(world_register(world, "aaa@example.org"));
  for (int i = 0; i < 2; i++) {
    users[i] = world_register(world, i == 0 ? "eve1@example.org" : "eve2@example.org");
    ck_ok(world,
          shop_account_email_request(world->shop, users[i], PASSWORD, wanted[i], NULL, world->err));
    ck_ok(world, shop_mail_deliver(world->shop, 100, NULL, world->err));
    told(world, users[i], "\"account\"", "\"requests\"", text[i], sizeof text[i]);
    *strstr(text[i], "\"subject\"") = '\0';
    memmove(text[i] + strlen(text[i]), strstr(text[i] + strlen(text[i]) + 1, "\"email\""), 8000);
    for (char *found = text[i]; (found = strstr(found, i == 0 ? "aaa@" : "bbb@")) != NULL;)
      memcpy(found, "who", 3);
  }
  ck_assert_ptr_nonnull(strstr(text[0], "who@"));
  ck_assert_str_eq(text[0], text[1]);
  at = strstr(world->transport.messages[world->transport.count - 1], "Your code:");
  ck_assert_ptr_nonnull(at);
  at += strlen("Your code:");
  memcpy(code, at + strspn(at, " \r\n"), sizeof code - 1);
  ck_ok(world, shop_account_email_confirm(world->shop, code, NULL, world->err));
  told(world, users[1], "\"mails\"", "\"requests\"", text[1], sizeof text[1]);
  ck_assert_ptr_nonnull(strstr(text[1], "\"kind\":\"verify_address\""));
  shop_token_free(users[0]);
  shop_token_free(users[1]);
  world_free(world);
}
END_TEST

/* What a mail server said of an address for which there is no user yet is kept nowhere else than
   with the mail, which goes. */
START_TEST(bounced_registration_leaves_no_address) {
  struct world *world = by_mail();
  shop_mail_t *mail = NULL;
  shop_token_t *ada;
  int32_t waiting;

  ask_for(world, "ada@example.org");
  ck_ok(world, shop_mail_take(world->shop, NULL, &mail, world->err));
  ck_ok(world, shop_mail_done(world->shop, mail, SHOP_MAIL_REJECTED, "550 no <ada@example.org>",
                              NULL, world->err));
  shop_mail_free(mail);
  ask_for(world, "ada@example.org");
  ada = confirmed(world, "ada@example.org");
  ck_ok(world, shop_user_erase(world->shop, shop_token_user_id(ada), NULL, &waiting, world->err));
  ck_assert_int_eq(
      world_number(world, "SELECT count(*) FROM events WHERE detail LIKE '%ada@example.org%'"), 0);
  shop_token_free(ada);
  world_free(world);
}
END_TEST

/* A clock that is set back by a second between asking and sending throws no code away. */
START_TEST(code_outlives_a_step_of_the_clock) {
  struct world *world = by_mail();
  shop_token_t *ada, *token = NULL;

  ask_for(world, "ada@example.org");
  world_pass_ms(world, -1000);
  ck_ok(world, shop_mail_deliver(world->shop, 100, NULL, world->err));
  ck_assert_int_eq(transport_count(&world->transport, SHOP_MAIL_REGISTRATION), 1);
  world_pass_ms(world, 2000);
  ada = confirmed(world, "ada@example.org");
  ck_ok(world, shop_account_reset_request(world->shop, "ada@example.org", NULL, world->err));
  world_pass_ms(world, -1000);
  ck_ok(world, shop_mail_deliver(world->shop, 100, NULL, world->err));
  ck_assert_int_eq(transport_count(&world->transport, SHOP_MAIL_PASSWORD_RESET), 1);
  shop_token_free(ada);
  shop_token_free(token);
  world_free(world);
}
END_TEST

/* Who closes an account and registers anew keeps the new registration when upkeep erases the old
   account. */
START_TEST(erasing_the_closed_spoils_no_registration) {
  struct world *world = world_prepare();
  shop_token_t *old, *fresh;

  shop_config_set_register_by_mail(world->config, true);
  shop_config_set_closed_life_ms(world->config, MINUTE_MS);
  world_open(world);
  ask_for(world, "ada@example.org");
  old = confirmed(world, "ada@example.org");
  ck_ok(world, shop_account_close(world->shop, old, PASSWORD, NULL, world->err));
  world_pass_ms(world, 2 * MINUTE_MS);
  ask_for(world, "ada@example.org");
  ck_ok(world, shop_maintain(world->shop, NULL, world->err));
  ck_assert_int_eq(world_number(world, "SELECT count(*) FROM users WHERE erased_at_ms > 0"), 1);
  fresh = confirmed(world, "ada@example.org");
  shop_token_free(old);
  shop_token_free(fresh);
  world_free(world);
}
END_TEST

/* ---- counting ---------------------------------------------------------------------------- */

#define CROWD 24

struct comer {
  pthread_t thread;
  struct world *world;
  pthread_barrier_t *start;
  bool as_guest;
  int index;
  int32_t status;
};

static void *come(void *arg) {
  struct comer *comer = arg;
  shop_error_t *err = NULL;
  shop_options_t *options = NULL;
  shop_token_t *token = NULL;
  char email[40];

  ck_assert_int_eq(shop_error_new(&err), SHOP_OK);
  ck_assert_int_eq(shop_options_new(&options), SHOP_OK);
  ck_assert_int_eq(shop_options_set_source(options, "bot"), SHOP_OK);
  (void)snprintf(email, sizeof email, "bot%d@example.org", comer->index);
  pthread_barrier_wait(comer->start);
  comer->status = comer->as_guest ? shop_guest_create(comer->world->shop, options, &token, err)
                                  : shop_user_register(comer->world->shop, email, PASSWORD, options,
                                                       &token, err);
  shop_token_free(token);
  shop_options_free(options);
  shop_error_free(err);
  return NULL;
}

static void crowd(bool as_guest, bool by_mail, const char *rows) {
  struct world *world = world_prepare();
  struct comer comers[CROWD];
  pthread_barrier_t start;
  int32_t good = 0;

  ck_assert_int_eq(shop_config_set_source_tries_free(world->config, 3), SHOP_OK);
  ck_assert_int_eq(shop_config_set_source_mails_hourly_max(world->config, 1000), SHOP_OK);
  ck_assert_int_eq(shop_config_set_register_by_mail(world->config, by_mail), SHOP_OK);
  world_open(world);
  pthread_barrier_init(&start, NULL, CROWD);
  for (int i = 0; i < CROWD; i++) {
    comers[i] = (struct comer){.world = world, .start = &start, .as_guest = as_guest, .index = i};
    ck_assert_int_eq(pthread_create(&comers[i].thread, NULL, come, &comers[i]), 0);
  }
  for (int i = 0; i < CROWD; i++) {
    pthread_join(comers[i].thread, NULL);
    if (comers[i].status == (by_mail ? SHOP_CONFIRM_MAIL : SHOP_OK))
      good++;
    else
      ck_assert_int_eq(comers[i].status, SHOP_ERR_THROTTLED);
  }
  ck_assert_int_eq(good, 4);
  ck_assert_int_eq(world_number(world, rows), 4);
  pthread_barrier_destroy(&start);
  world_free(world);
}

/* Many who come from one source at once are no more than one after the other. */
START_TEST(a_crowd_from_one_source) {
  crowd(true, false, "SELECT count(*) FROM users");
  crowd(false, false, "SELECT count(*) FROM users");
  crowd(false, true, "SELECT count(*) FROM registrations");
}
END_TEST

static int32_t ask_reset(struct world *world, const char *source) {
  shop_options_t *options = NULL;
  int32_t status;

  ck_assert_int_eq(shop_options_new(&options), SHOP_OK);
  ck_assert_int_eq(shop_options_set_source(options, source), SHOP_OK);
  status = shop_account_reset_request(world->shop, "nobody@example.org", options, world->err);
  shop_options_free(options);
  return status;
}

/* A lock lasts as long as it is set to, also where that is longer than counters are kept, and
   through the upkeep. */
START_TEST(a_lock_lasts) {
  struct world *world = world_prepare();
  shop_options_t *options = NULL;
  shop_token_t *token = NULL;

  ck_assert_int_eq(shop_config_set_login_lock_ms(world->config, 7 * DAY_MS), SHOP_OK);
  ck_assert_int_eq(shop_config_set_login_tries_lock(world->config, 3), SHOP_OK);
  world_open(world);
  shop_token_free(world_register(world, "ada@example.org"));
  ck_assert_int_eq(shop_options_new(&options), SHOP_OK);
  ck_assert_int_eq(shop_options_set_source(options, "bot"), SHOP_OK);
  for (int i = 0; i < 3; i++)
    ck_status(
        world,
        shop_user_login(world->shop, "ada@example.org", "not hers", options, &token, world->err),
        SHOP_ERR_CREDENTIALS);
  world_pass_ms(world, 7 * DAY_MS - 1);
  ck_ok(world, shop_maintain(world->shop, NULL, world->err));
  ck_status(world,
            shop_user_login(world->shop, "ada@example.org", PASSWORD, options, &token, world->err),
            SHOP_ERR_LOCKED);
  world_pass_ms(world, 1);
  ck_ok(world,
        shop_user_login(world->shop, "ada@example.org", PASSWORD, options, &token, world->err));
  shop_token_free(token);
  shop_options_free(options);
  world_free(world);
}
END_TEST

/* The mails of an hour are counted for an hour, though wrong passwords are forgotten sooner. */
START_TEST(an_hour_of_mails_is_an_hour) {
  struct world *world = world_prepare();

  ck_assert_int_eq(shop_config_set_guess_life_ms(world->config, 1000), SHOP_OK);
  ck_assert_int_eq(shop_config_set_source_mails_hourly_max(world->config, 2), SHOP_OK);
  world_open(world);
  for (int i = 0; i < 2; i++)
    ck_ok(world, ask_reset(world, "bot"));
  ck_status(world, ask_reset(world, "bot"), SHOP_ERR_THROTTLED);
  world_pass_ms(world, 10 * MINUTE_MS);
  ck_ok(world, shop_maintain(world->shop, NULL, world->err));
  ck_status(world, ask_reset(world, "bot"), SHOP_ERR_THROTTLED);
  world_pass_ms(world, 50 * MINUTE_MS);
  ck_ok(world, ask_reset(world, "bot"));
  world_free(world);
}
END_TEST

static int32_t log_in(struct world *world, const char *email, const char *password) {
  shop_token_t *token = NULL;
  int32_t status = shop_user_login(world->shop, email, password, NULL, &token, world->err);

  shop_token_free(token);
  return status;
}

static int32_t come_as_guest(struct world *world, const char *source) {
  shop_options_t *options = NULL;
  shop_token_t *token = NULL;
  int32_t status;

  ck_assert_int_eq(shop_options_new(&options), SHOP_OK);
  ck_assert_int_eq(shop_options_set_source(options, source), SHOP_OK);
  status = shop_guest_create(world->shop, options, &token, world->err);
  shop_token_free(token);
  shop_options_free(options);
  return status;
}

/* What costs no hash, mails and guests of sources that are made up, pushes out no count of wrong
   passwords: else a guesser bought new tries with them. */
START_TEST(cheap_counters_push_out_no_guess) {
  int32_t (*const cheap[])(struct world *, const char *) = {ask_reset, come_as_guest};

  for (int kind = 0; kind < 2; kind++) {
    struct world *world = world_prepare();
    char source[20];

    ck_assert_int_eq(shop_config_set_guess_rows_max(world->config, 100), SHOP_OK);
    world_open(world);
    shop_token_free(world_register(world, "ada@example.org"));
    for (int i = 0; i < 6; i++)
      ck_status(world, log_in(world, "ada@example.org", "not hers"), SHOP_ERR_CREDENTIALS);
    for (int i = 0; i < 110 * 8; i++) {
      (void)snprintf(source, sizeof source, "made up %d", i / 8);
      ck_ok(world, cheap[kind](world, source));
    }
    ck_assert_int_eq(world_number(world, "SELECT count(*) FROM guesses"), 100);
    ck_status(world, log_in(world, "ada@example.org", "not hers"), SHOP_ERR_THROTTLED);
    world_free(world);
  }
}
END_TEST

/* ---- codes that are mailed ----------------------------------------------------------------- */

static void code_of(struct world *world, char code[45]) {
  const char *at;

  ck_ok(world, shop_mail_deliver(world->shop, 100, NULL, world->err));
  ck_assert_int_gt(world->transport.count, 0);
  at = strstr(world->transport.messages[world->transport.count - 1], "Your code:");
  ck_assert_ptr_nonnull(at);
  at += strlen("Your code:");
  at += strspn(at, " \r\n");
  memcpy(code, at, 44);
  code[44] = '\0';
}

/* Whoever tries passwords for an address keeps nobody from finishing the registration of it, for
   whom no unlocking by mail could help: there is no account yet. */
START_TEST(guessers_stop_no_registration) {
  struct world *world = world_prepare();
  shop_token_t *token = NULL;
  char code[45];

  ck_assert_int_eq(shop_config_set_register_by_mail(world->config, true), SHOP_OK);
  world_open(world);
  ck_status(world,
            shop_user_register(world->shop, "ada@example.org", PASSWORD, NULL, &token, world->err),
            SHOP_CONFIRM_MAIL);
  code_of(world, code);
  for (int i = 0; i < 6; i++)
    ck_status(world, log_in(world, "ada@example.org", "not hers"), SHOP_ERR_CREDENTIALS);
  ck_status(world, log_in(world, "ada@example.org", PASSWORD), SHOP_ERR_THROTTLED);
  ck_ok(world, shop_user_register_confirm(world->shop, "ada@example.org", PASSWORD, code, NULL,
                                          &token, world->err));
  shop_token_free(token);
  ck_ok(world, log_in(world, "ada@example.org", PASSWORD));
  world_free(world);
}
END_TEST

/* Who came as a guest is erased whole: what was written of the guest is gone when it was joined. */
START_TEST(erased_as_a_guest_too) {
  static const char SQL[] =
      "SELECT (SELECT count(*) FROM tokens WHERE label IS NOT NULL)"
      " + (SELECT count(*) FROM refresh_tokens WHERE label IS NOT NULL)"
      " + (SELECT count(*) FROM users WHERE note IS NOT NULL"
      " OR external_id IS NOT NULL OR language IS NOT NULL)";
  struct world *world = refreshing();
  shop_token_t *ada = world_register(world, "ada@example.org"), *guest = NULL, *joined = NULL;
  shop_options_t *options = NULL;

  ck_assert_int_eq(shop_options_new(&options), SHOP_OK);
  ck_assert_int_eq(shop_options_set_label(options, "the countess's phone"), SHOP_OK);
  ck_assert_int_eq(shop_options_set_language(options, "fr"), SHOP_OK);
  ck_ok(world, shop_guest_create(world->shop, options, &guest, world->err));
  ck_ok(world, shop_user_set_metadata(world->shop, shop_token_user_id(guest), "Byron's daughter",
                                      "crm-1", NULL, world->err));
  ck_assert_int_eq(world_number(world, SQL), 3);
  ck_ok(world, shop_guest_login(world->shop, guest, "ada@example.org", PASSWORD, NULL, &joined,
                                world->err));
  ck_ok(world, shop_user_erase(world->shop, shop_token_user_id(ada), NULL, NULL, world->err));
  ck_assert_int_eq(world_number(world, SQL), 0);
  shop_token_free(ada);
  shop_token_free(guest);
  shop_token_free(joined);
  shop_options_free(options);
  world_free(world);
}
END_TEST

/* A guest whose cart an account has is no closed account: it is thrown away as a guest, and until
   then its token is known to be revoked. */
START_TEST(a_joined_guest_is_no_closed_account) {
  struct world *world = world_prepare();
  shop_token_t *guest = NULL, *ada, *token = NULL;
  shop_maintenance_t *done = NULL;
  shop_session_t *session = NULL;

  shop_config_set_closed_life_ms(world->config, MINUTE_MS);
  world_open(world);
  ada = world_register(world, "ada@example.org");
  ck_ok(world, shop_guest_create(world->shop, NULL, &guest, world->err));
  ck_ok(world, shop_guest_login(world->shop, guest, "ada@example.org", PASSWORD, NULL, &token,
                                world->err));
  world_pass_ms(world, 2 * MINUTE_MS);
  ck_ok(world, shop_maintain(world->shop, &done, world->err));
  ck_assert_int_eq(shop_maintenance_erasings(done), 0);
  ck_assert_int_eq(world_number(world, "SELECT count(*) FROM events WHERE name = 'user.erased'"),
                   0);
  ck_ok(world, shop_session_check(world->shop, guest, &session, world->err));
  ck_assert_int_eq(shop_session_status(session), SHOP_ERR_TOKEN_REVOKED);
  shop_session_free(session);
  shop_maintenance_free(done);
  shop_token_free(guest);
  shop_token_free(ada);
  shop_token_free(token);
  world_free(world);
}
END_TEST

int main(void) {
  const TTest *const tests[] = {
      sealed_keys_are_exported,
      no_key_under_an_old_secret,
      no_token_for_who_is_gone,
      codes_of_the_future_do_not_count,
      nothing_goes_to_the_erased,
      listed_session_is_ended_after_a_refresh,
      reuse_is_seen_after_the_idle_time,
      fresh_hold_is_not_over,
      export_of_a_guest_tells_of_no_account,
      export_of_a_user_tells_of_no_account,
      a_joined_guest_is_no_closed_account,
      bounced_registration_leaves_no_address,
      code_outlives_a_step_of_the_clock,
      erasing_the_closed_spoils_no_registration,
      a_crowd_from_one_source,
      an_hour_of_mails_is_an_hour,
      cheap_counters_push_out_no_guess,
      guessers_stop_no_registration,
      erased_as_a_guest_too,
      a_lock_lasts,
  };

  return HARNESS_RUN("attacks", tests);
}
