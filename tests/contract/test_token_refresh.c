/* Refresh tokens: each is good once, and who uses one twice ends the session of both users of it.
 */
#include <harness.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MINUTE_MS INT64_C(60000)
#define ACCESS_MS (15 * MINUTE_MS)
#define IDLE_MS (60 * MINUTE_MS)
#define LIFE_MS (150 * MINUTE_MS)

static struct world *refreshing_world(void) {
  struct world *world = world_prepare();

  ck_assert_int_eq(shop_config_set_access_life_ms(world->config, ACCESS_MS), SHOP_OK);
  ck_assert_int_eq(shop_config_set_refresh_idle_ms(world->config, IDLE_MS), SHOP_OK);
  ck_assert_int_eq(shop_config_set_refresh_life_ms(world->config, LIFE_MS), SHOP_OK);
  return world;
}

static int32_t verify(struct world *world, const shop_token_t *token) {
  shop_token_t *seen = NULL;
  int32_t status = shop_token_verify(world->shop, shop_token_jwt(token), &seen, world->err);

  if (status == SHOP_OK)
    ck_assert_str_eq(shop_token_refresh_text(seen), ""); /* it is in no JWT */
  shop_token_free(seen);
  return status;
}

static int32_t refresh(struct world *world, const char *text, const char *key, shop_token_t **out) {
  shop_options_t *options = options_with_key(key);
  int32_t status;

  *out = (shop_token_t *)world;
  status = shop_token_refresh(world->shop, text, options, out, world->err);
  ck_assert((*out == NULL) == (status != SHOP_OK));
  shop_options_free(options);
  return status;
}

static shop_token_t *refreshed(struct world *world, const shop_token_t *token, const char *key) {
  shop_token_t *next = NULL;

  ck_ok(world, refresh(world, shop_token_refresh_text(token), key, &next));
  ck_assert_int_eq(shop_token_user_id(next), shop_token_user_id(token));
  ck_assert_str_ne(shop_token_refresh_text(next), shop_token_refresh_text(token));
  ck_ok(world, verify(world, next));
  return next;
}

/* Refused, and the store as before. */
static void ck_refresh_refused(struct world *world, const shop_token_t *token, int32_t wanted) {
  shop_token_t *next;

  ck_refused(world, refresh(world, shop_token_refresh_text(token), NULL, &next), wanted);
}

/* ---- the good case ------------------------------------------------------------------------- */

/* Off by default: one token, for its own time, and nothing to refresh. */
START_TEST(off_by_default) {
  struct world *world = world_new();
  shop_token_t *token = world_register(world, "ada@example.org"), *next;

  ck_assert_str_eq(shop_token_refresh_text(token), "");
  ck_assert_int_eq(shop_token_refresh_expires_at_ms(token), 0);
  ck_refused(world, refresh(world, "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", NULL, &next),
             SHOP_ERR_STATE);
  ck_assert_int_eq(world_number(world, "SELECT count(*) FROM refresh_tokens"), 0);
  shop_token_free(token);
  world_free(world);
}
END_TEST

/* A short token, refreshed again and again; the store knows no text; the tokens before stay good
   for their short time. */
START_TEST(again_and_again) {
  struct world *world = refreshing_world();
  shop_token_t *token, *next = NULL;
  char sql[200];

  world_open(world);
  token = world_register(world, "ada@example.org");
  ck_assert_int_eq(shop_token_expires_at_ms(token), WORLD_START_MS + ACCESS_MS);
  ck_assert_int_eq(shop_token_refresh_expires_at_ms(token), WORLD_START_MS + IDLE_MS);
  ck_assert_uint_eq(strlen(shop_token_refresh_text(token)), 43);
  for (int i = 0; i < 5; i++) {
    world_pass_ms(world, MINUTE_MS);
    next = refreshed(world, token, NULL);
    ck_ok(world, verify(world, token));
    shop_token_free(token);
    token = next;
  }
  ck_assert_int_eq(world_number(world, "SELECT count(*) FROM refresh_tokens WHERE state = 1"), 1);
  ck_assert_int_eq(world_number(world, "SELECT count(DISTINCT family_id) FROM refresh_tokens"), 1);
  snprintf(sql, sizeof sql,
           "SELECT count(*) FROM refresh_tokens WHERE instr(CAST(hash AS TEXT), '%s') > 0",
           shop_token_refresh_text(token));
  ck_assert_int_eq(world_number(world, sql), 0);
  ck_assert_int_eq(world_number(world, "SELECT min(length(hash)) FROM refresh_tokens"), 32);
  world_reopen(world);
  next = refreshed(world, token, NULL);
  shop_token_free(token);
  shop_token_free(next);
  world_free(world);
}
END_TEST

/* ---- theft
 * --------------------------------------------------------------------------------------- */

/* Used twice: the second is refused, and with it everything that the login began is ended, and
   nothing that another login of the user began. */
START_TEST(a_used_one_ends_all) {
  struct world *world = refreshing_world();
  shop_token_t *first, *second, *third, *other = NULL, *next;

  world_open(world);
  first = world_register(world, "ada@example.org");
  ck_ok(world, shop_user_login(world->shop, "ada@example.org", PASSWORD, NULL, &other, world->err));
  second = refreshed(world, first, NULL);
  third = refreshed(world, second, NULL);
  ck_status(world, refresh(world, shop_token_refresh_text(first), NULL, &next),
            SHOP_ERR_TOKEN_REUSED);
  ck_assert_str_ne(shop_error_message(world->err), "");
  ck_refresh_refused(world, third, SHOP_ERR_TOKEN_REVOKED);
  ck_refresh_refused(world, second, SHOP_ERR_TOKEN_REVOKED); /* nothing is left to end */
  ck_assert_int_eq(verify(world, first), SHOP_ERR_TOKEN_REVOKED);
  ck_assert_int_eq(verify(world, second), SHOP_ERR_TOKEN_REVOKED);
  ck_assert_int_eq(verify(world, third), SHOP_ERR_TOKEN_REVOKED);
  ck_ok(world, verify(world, other));
  shop_token_free(refreshed(world, other, NULL));
  ck_assert_int_eq(world_number(world,
                                "SELECT count(*) FROM events e JOIN users u ON u.id = e.user_id"
                                " WHERE e.name = 'token.reuse_detected'"),
                   1);
  shop_token_free(first);
  shop_token_free(second);
  shop_token_free(third);
  shop_token_free(other);
  world_free(world);
}
END_TEST

/* A lost answer: the same key gets another one in its place, as often as needed, until the new one
   was used; another key, or none, is theft. */
START_TEST(a_lost_answer) {
  struct world *world = refreshing_world();
  shop_token_t *first, *lost, *second, *third, *next;

  world_open(world);
  first = world_register(world, "ada@example.org");
  lost = refreshed(world, first, "k1");
  second = refreshed(world, first, "k1");
  ck_assert_str_ne(shop_token_refresh_text(lost), shop_token_refresh_text(second));
  ck_assert_int_eq(verify(world, lost), SHOP_ERR_TOKEN_REVOKED);
  ck_refresh_refused(world, lost, SHOP_ERR_TOKEN_REVOKED); /* ended, not used: no theft */
  third = refreshed(world, second, "k2");
  ck_status(world, refresh(world, shop_token_refresh_text(first), "k1", &next),
            SHOP_ERR_TOKEN_REUSED);
  ck_refresh_refused(world, third, SHOP_ERR_TOKEN_REVOKED);
  shop_token_free(first);
  shop_token_free(lost);
  shop_token_free(second);
  shop_token_free(third);

  for (int way = 0; way < 2; way++) {
    first = NULL;
    ck_ok(world,
          shop_user_login(world->shop, "ada@example.org", PASSWORD, NULL, &first, world->err));
    second = refreshed(world, first, way == 0 ? "k1" : NULL);
    ck_status(world, refresh(world, shop_token_refresh_text(first), way == 0 ? "k3" : "k1", &next),
              SHOP_ERR_TOKEN_REUSED);
    ck_refresh_refused(world, second, SHOP_ERR_TOKEN_REVOKED);
    shop_token_free(first);
    shop_token_free(second);
  }
  world_free(world);
}
END_TEST

/* ---- ends
 * ----------------------------------------------------------------------------------------- */

/* To the millisecond: after the idle time, and after the whole life however busy it was; used ones
   are kept so long, and then thrown away. */
START_TEST(times) {
  struct world *world = refreshing_world();
  shop_token_t *token, *next;

  world_open(world);
  token = world_register(world, "ada@example.org");
  for (int i = 0; i < 2; i++) {
    world_pass_ms(world, IDLE_MS - 1);
    next = refreshed(world, token, NULL);
    shop_token_free(token);
    token = next;
  }
  ck_assert_int_eq(shop_token_refresh_expires_at_ms(token), WORLD_START_MS + LIFE_MS);
  world_pass_ms(world, LIFE_MS - 2 * (IDLE_MS - 1));
  ck_refresh_refused(world, token, SHOP_ERR_TOKEN_EXPIRED);
  shop_token_free(token);
  token = NULL;
  ck_ok(world, shop_user_login(world->shop, "ada@example.org", PASSWORD, NULL, &token, world->err));
  world_pass_ms(world, IDLE_MS);
  ck_refresh_refused(world, token, SHOP_ERR_TOKEN_EXPIRED);
  world_pass_ms(world, 1);
  ck_ok(world, shop_maintain(world->shop, NULL, world->err));
  ck_assert_int_eq(world_number(world, "SELECT count(*) FROM refresh_tokens"), 0);
  ck_refresh_refused(world, token, SHOP_ERR_TOKEN_INVALID);
  shop_token_free(token);
  world_free(world);
}
END_TEST

/* Logging out with the token ends its refresh token, also by the text and also by an older token of
   the same login; and what ends all of a user's tokens ends these. */
START_TEST(revoked_with_the_token) {
  struct world *world = refreshing_world();
  shop_token_t *first, *second, *seen = NULL;

  world_open(world);
  first = world_register(world, "ada@example.org");
  second = refreshed(world, first, NULL);
  ck_ok(world, shop_token_verify(world->shop, shop_token_jwt(first), &seen, world->err));
  ck_ok(world, shop_token_revoke(world->shop, seen, NULL, world->err));
  ck_refresh_refused(world, second, SHOP_ERR_TOKEN_REVOKED);
  ck_assert_int_eq(verify(world, second), SHOP_ERR_TOKEN_REVOKED);
  ck_ok(world, shop_token_revoke(world->shop, seen, NULL, world->err));
  ck_assert_int_eq(world_number(world, "SELECT count(*) FROM events WHERE name = 'token.revoked'"),
                   1);
  shop_token_free(first);
  shop_token_free(second);
  shop_token_free(seen);
  first = NULL;
  ck_ok(world, shop_user_login(world->shop, "ada@example.org", PASSWORD, NULL, &first, world->err));
  world_vandalise(world, "UPDATE users SET epoch = epoch + 1");
  ck_refresh_refused(world, first, SHOP_ERR_TOKEN_REVOKED);
  world_vandalise(world, "UPDATE users SET epoch = epoch - 1, closed_at_ms = 1");
  ck_refresh_refused(world, first, SHOP_ERR_TOKEN_REVOKED); /* though the epoch is its own */
  shop_token_free(first);
  world_free(world);
}
END_TEST

/* A new password gives no more than was there: the merchant's token without scopes stays one that
   is not refreshed, and that of a login goes on in a family of its own. */
START_TEST(a_new_password_keeps_the_kind) {
  struct world *world = refreshing_world();
  shop_token_t *login, *issued = NULL, *fresh = NULL, *next = NULL;

  world_open(world);
  login = world_register(world, "ada@example.org");
  ck_ok(world, shop_token_issue(world->shop, shop_token_user_id(login), NULL, 0, NULL, &issued,
                                world->err));
  ck_ok(world, shop_account_set_password(world->shop, issued, PASSWORD, "another horse battery",
                                         NULL, &fresh, world->err));
  ck_assert_str_eq(shop_token_refresh_text(fresh), "");
  ck_assert_int_eq(shop_token_expires_at_ms(fresh), shop_token_expires_at_ms(issued));
  ck_assert_int_eq(world_number(world, "SELECT count(*) FROM refresh_tokens"), 1);
  shop_token_free(login);
  login = NULL;
  ck_ok(world, shop_user_login(world->shop, "ada@example.org", "another horse battery", NULL,
                               &login, world->err));
  ck_ok(world, shop_account_set_password(world->shop, login, "another horse battery", PASSWORD,
                                         NULL, &next, world->err));
  ck_refresh_refused(world, login, SHOP_ERR_TOKEN_REVOKED);
  shop_token_free(refreshed(world, next, NULL));
  shop_token_free(login);
  shop_token_free(issued);
  shop_token_free(fresh);
  shop_token_free(next);
  world_free(world);
}
END_TEST

/* A session is listed once however often it was refreshed, under its label, also when its short
   token has expired and was pruned; ending it by the list ends the refresh token; a disabled user
   has none. */
START_TEST(sessions) {
  struct world *world = refreshing_world();
  shop_token_t *mine, *other = NULL, *next;
  shop_options_t *label = NULL;
  shop_session_page_t *page = NULL;

  world_open(world);
  ck_assert_int_eq(shop_options_new(&label), SHOP_OK);
  ck_assert_int_eq(shop_options_set_label(label, "a phone"), SHOP_OK);
  mine = world_register(world, "ada@example.org");
  ck_ok(world,
        shop_user_login(world->shop, "ada@example.org", PASSWORD, label, &other, world->err));
  next = refreshed(world, other, NULL);
  shop_token_free(other);
  other = next;
  world_pass_ms(world, ACCESS_MS + 1000);
  ck_ok(world, shop_maintain(world->shop, NULL, world->err));
  next = refreshed(world, mine, NULL);
  shop_token_free(mine);
  mine = next;
  ck_ok(world, shop_account_session_list(world->shop, mine, 0, 10, &page, world->err));
  ck_assert_int_eq(shop_session_page_count(page), 2);
  ck_assert_str_eq(shop_session_page_label(page, 1), "a phone");
  ck_ok(world, shop_account_session_revoke(world->shop, mine, shop_session_page_id(page, 1), NULL,
                                           world->err));
  ck_refresh_refused(world, other, SHOP_ERR_TOKEN_REVOKED);
  shop_session_page_free(page);
  page = NULL;
  ck_ok(world, shop_account_session_list(world->shop, mine, 0, 10, &page, world->err));
  ck_assert_int_eq(shop_session_page_count(page), 1);
  shop_session_page_free(page);
  ck_ok(world,
        shop_user_set_disabled(world->shop, shop_token_user_id(mine), true, NULL, world->err));
  ck_refresh_refused(world, mine, SHOP_ERR_USER_DISABLED);
  shop_token_free(mine);
  shop_token_free(other);
  shop_options_free(label);
  world_free(world);
}
END_TEST

/* Texts that are no refresh token, and options that are not taken. */
START_TEST(refused_texts) {
  static const char *const texts[] = {
      "a",
      "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
      "\xff",
      "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
      "' OR 1=1 --AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
      "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"};
  struct world *world = refreshing_world();
  shop_options_t *version = options_with_version(1);
  shop_token_t *token, *next = NULL;
  char text[44];

  world_open(world);
  token = world_register(world, "ada@example.org");
  for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
    ck_refused(world, refresh(world, texts[i], NULL, &next), SHOP_ERR_TOKEN_INVALID);
  ck_refused(world, refresh(world, shop_token_jwt(token), NULL, &next), SHOP_ERR_TOKEN_INVALID);
  for (size_t i = 0; i < 43; i++) { /* each character counts */
    strcpy(text, shop_token_refresh_text(token));
    text[i] = text[i] == 'A' ? 'B' : 'A';
    ck_refused(world, refresh(world, text, NULL, &next), SHOP_ERR_TOKEN_INVALID);
  }
  ck_refused(world, refresh(world, "", NULL, &next), SHOP_ERR_ARGUMENT);
  ck_refused(world, refresh(world, NULL, NULL, &next), SHOP_ERR_ARGUMENT);
  ck_refused(
      world,
      shop_token_refresh(world->shop, shop_token_refresh_text(token), version, &next, world->err),
      SHOP_ERR_ARGUMENT);
  ck_assert_str_eq(shop_token_refresh_text(NULL), "");
  ck_assert_int_eq(shop_token_refresh_expires_at_ms(NULL), 0);
  shop_token_free(refreshed(world, token, NULL));
  shop_token_free(token);
  shop_options_free(version);
  world_free(world);
}
END_TEST

START_TEST(settings) {
  shop_config_t *config = NULL;

  ck_assert_int_eq(shop_config_new(&config), SHOP_OK);
  ck_assert_int_eq(shop_config_set_access_life_ms(NULL, 0), SHOP_ERR_ARGUMENT);
  ck_assert_int_eq(shop_config_set_access_life_ms(config, 999), SHOP_ERR_ARGUMENT);
  ck_assert_int_eq(shop_config_set_access_life_ms(config, -1), SHOP_ERR_ARGUMENT);
  ck_assert_int_eq(shop_config_set_access_life_ms(config, 1000), SHOP_OK);
  ck_assert_int_eq(shop_config_set_access_life_ms(config, 0), SHOP_OK);
  ck_assert_int_eq(shop_config_set_refresh_life_ms(NULL, 1000), SHOP_ERR_ARGUMENT);
  ck_assert_int_eq(shop_config_set_refresh_life_ms(config, 999), SHOP_ERR_ARGUMENT);
  ck_assert_int_eq(shop_config_set_refresh_life_ms(config, 1000), SHOP_OK);
  ck_assert_int_eq(shop_config_set_refresh_idle_ms(NULL, 1000), SHOP_ERR_ARGUMENT);
  ck_assert_int_eq(shop_config_set_refresh_idle_ms(config, 999), SHOP_ERR_ARGUMENT);
  ck_assert_int_eq(shop_config_set_refresh_idle_ms(config, 1000), SHOP_OK);
  shop_config_free(config);
}
END_TEST

/* ---- two processes
 * ------------------------------------------------------------------------------------ */

/* Refreshes what it is given, when it is told to, and says with what status. */
static void refresh_on_demand(struct world *world, struct peer *peer) {
  char text[100], said[20];
  shop_token_t *next = NULL;

  peer_hear(peer, text, sizeof text);
  world_open(world);
  for (; strcmp(text, "end") != 0; peer_hear(peer, text, sizeof text)) {
    snprintf(said, sizeof said, "%d", refresh(world, text, NULL, &next));
    peer_tell(peer, said);
    shop_token_free(next);
  }
  ck_assert_int_eq(shop_close(world->shop), SHOP_OK);
}

/* Both use the same one at once, twenty times: exactly one gets a token, the other one ends the
   session, and both processes see that at their next call. */
START_TEST(two_processes_at_once) {
  struct world *world = refreshing_world();
  struct peer peer = peer_start(world, refresh_on_demand);
  char said[20];

  world_open(world);
  shop_token_free(world_register(world, "ada@example.org"));
  for (int i = 0; i < 20; i++) {
    shop_token_t *token = NULL, *next = NULL;
    int32_t here, there;

    ck_ok(world,
          shop_user_login(world->shop, "ada@example.org", PASSWORD, NULL, &token, world->err));
    peer_tell(&peer, shop_token_refresh_text(token));
    here = refresh(world, shop_token_refresh_text(token), NULL, &next);
    peer_hear(&peer, said, sizeof said);
    there = (int32_t)strtol(said, NULL, 10);
    ck_assert_msg((here == SHOP_OK) != (there == SHOP_OK), "%d, %d", here, there);
    ck_assert_int_eq(here == SHOP_OK ? there : here, SHOP_ERR_TOKEN_REUSED);
    ck_assert_int_eq(verify(world, token), SHOP_ERR_TOKEN_REVOKED);
    if (next != NULL)
      ck_assert_int_eq(verify(world, next), SHOP_ERR_TOKEN_REVOKED);
    shop_token_free(token);
    shop_token_free(next);
  }
  ck_assert_int_eq(world_number(world, "SELECT count(*) FROM refresh_tokens WHERE state = 1"), 1);
  peer_tell(&peer, "end");
  peer_end(&peer);
  world_free(world);
}
END_TEST

int main(void) {
  const TTest *tests[] = {
      sessions, off_by_default, again_and_again,        a_used_one_ends_all, a_lost_answer,
      times,    settings,       revoked_with_the_token, refused_texts,       two_processes_at_once,
      a_new_password_keeps_the_kind,
  };

  return HARNESS_RUN("refresh tokens", tests);
}
