/* The sessions of a user: listed, used, ended. */
#include <harness.h>

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MINUTE_MS INT64_C(60000)

static shop_token_t *login(struct world *world, const char *label) {
  shop_options_t *options = NULL;
  shop_token_t *token = NULL;

  ck_assert_int_eq(shop_options_new(&options), SHOP_OK);
  ck_assert_int_eq(shop_options_set_label(options, label), SHOP_OK);
  ck_ok(world,
        shop_user_login(world->shop, "ada@example.org", PASSWORD, options, &token, world->err));
  shop_options_free(options);
  return token;
}

static shop_session_page_t *list(struct world *world, const shop_token_t *token, int64_t before_id,
                                 int32_t limit) {
  shop_session_page_t *page = NULL;

  ck_ok(world, shop_account_session_list(world->shop, token, before_id, limit, &page, world->err));
  return page;
}

static int32_t session_status(struct world *world, const shop_token_t *token) {
  shop_session_t *session = NULL;
  int32_t status;

  ck_ok(world, shop_session_check(world->shop, token, &session, world->err));
  status = shop_session_status(session);
  shop_session_free(session);
  return status;
}

/* The owner sees each session with its label and times, newest first, and which
   one is theirs now; not another user's, and none that is over. */
START_TEST(listed) {
  struct world *world = world_new();
  shop_token_t *first = world_register(world, "ada@example.org");
  shop_token_t *bob = world_register(world, "bob@example.org"), *second, *third;
  shop_session_page_t *page;

  world_pass_ms(world, MINUTE_MS);
  second = login(world, "Firefox on Linux");
  world_pass_ms(world, MINUTE_MS);
  third = login(world, "phone");
  page = list(world, second, 0, 10);
  ck_assert_int_eq(shop_session_page_count(page), 3);
  ck_assert_str_eq(shop_session_page_label(page, 0), "phone");
  ck_assert_str_eq(shop_session_page_label(page, 1), "Firefox on Linux");
  ck_assert_str_eq(shop_session_page_label(page, 2), "");
  for (int32_t i = 0; i < 3; i++) {
    int64_t began_ms = WORLD_START_MS + (2 - i) * MINUTE_MS;

    ck_assert_int_eq(shop_session_page_created_at_ms(page, i), began_ms);
    ck_assert_int_eq(shop_session_page_last_used_at_ms(page, i), began_ms);
    ck_assert_int_eq(shop_session_page_expires_at_ms(page, i),
                     began_ms + shop_token_expires_at_ms(first) - WORLD_START_MS);
    ck_assert_int_eq(shop_session_page_is_current(page, i), i == 1);
    ck_assert_int_gt(shop_session_page_id(page, i), 0);
  }
  ck_assert_int_eq(shop_session_page_id(page, 3), 0);
  ck_assert_str_eq(shop_session_page_label(page, -1), "");
  ck_assert(!shop_session_page_is_current(page, 3));
  shop_session_page_free(page);
  ck_ok(world, shop_token_revoke(world->shop, first, NULL, world->err));
  world_pass_ms(world, shop_token_expires_at_ms(second) - WORLD_START_MS - 2 * MINUTE_MS);
  page = list(world, third, 0, 10);
  ck_assert_int_eq(shop_session_page_count(page), 1);
  ck_assert_str_eq(shop_session_page_label(page, 0), "phone");
  shop_session_page_free(page);
  shop_token_free(first);
  shop_token_free(second);
  shop_token_free(third);
  shop_token_free(bob);
  world_free(world);
}
END_TEST

/* Page by page: each session once, whatever the limit. */
START_TEST(pages) {
  enum { COUNT = 7 };
  struct world *world = world_new();
  shop_token_t *token = world_register(world, "ada@example.org");

  for (int i = 1; i < COUNT; i++) {
    char label[20];

    snprintf(label, sizeof label, "no. %d", i);
    shop_token_free(login(world, label));
  }
  for (int32_t limit = 1; limit <= COUNT + 1; limit++) {
    int64_t before_id = 0;
    int32_t seen = 0, count;

    do {
      shop_session_page_t *page = list(world, token, before_id, limit);

      count = shop_session_page_count(page);
      for (int32_t i = 0; i < count; i++, seen++)
        if (seen < COUNT - 1)
          ck_assert_int_eq(atoi(shop_session_page_label(page, i) + 4), COUNT - 1 - seen);
      before_id = shop_session_page_id(page, count - 1);
      shop_session_page_free(page);
    } while (count == limit);
    ck_assert_int_eq(seen, COUNT);
  }
  shop_token_free(token);
  world_free(world);
}
END_TEST

/* One is ended by its id: another's is not found, nor one that is over. */
START_TEST(ended_by_id) {
  struct world *world = world_new();
  shop_token_t *first = world_register(world, "ada@example.org"), *second = login(world, "phone");
  shop_token_t *bob = world_register(world, "bob@example.org");
  shop_session_page_t *page = list(world, first, 0, 10);
  int64_t id = shop_session_page_id(page, 0), own_id = shop_session_page_id(page, 1);

  shop_session_page_free(page);
  ck_refused(world, shop_account_session_revoke(world->shop, bob, id, NULL, world->err),
             SHOP_ERR_NOT_FOUND);
  ck_refused(world, shop_account_session_revoke(world->shop, first, 0, NULL, world->err),
             SHOP_ERR_NOT_FOUND);
  ck_ok(world, shop_account_session_revoke(world->shop, first, id, NULL, world->err));
  ck_assert_int_eq(session_status(world, second), SHOP_ERR_TOKEN_REVOKED);
  ck_assert_int_eq(session_status(world, first), SHOP_OK);
  ck_refused(world, shop_account_session_revoke(world->shop, first, id, NULL, world->err),
             SHOP_ERR_NOT_FOUND);
  ck_ok(world, shop_account_session_revoke(world->shop, first, own_id, NULL, world->err));
  ck_refused(world, shop_account_session_revoke(world->shop, first, own_id, NULL, world->err),
             SHOP_ERR_TOKEN_REVOKED);
  ck_assert_int_eq(
      world_number(world, "SELECT count(*) FROM events WHERE name = 'user.session_ended'"), 2);
  shop_token_free(first);
  shop_token_free(second);
  shop_token_free(bob);
  world_free(world);
}
END_TEST

static int64_t last_used(struct world *world) {
  return world_number(world, "SELECT COALESCE(last_used_at_ms, issued_at_ms) FROM tokens");
}

/* A check writes only where the last note is 15 minutes old; the text of a token
   counts as well as the session. */
START_TEST(uses_are_noted_now_and_then) {
  struct world *world = world_new();
  shop_token_t *token = world_register(world, "ada@example.org"), *same = NULL;
  uint64_t digest = world_digest(world);

  world_pass_ms(world, 15 * MINUTE_MS - 1);
  ck_assert_int_eq(session_status(world, token), SHOP_OK);
  ck_assert(world_digest(world) == digest);
  world_pass_ms(world, 1);
  ck_assert_int_eq(session_status(world, token), SHOP_OK);
  ck_assert_int_eq(last_used(world), WORLD_START_MS + 15 * MINUTE_MS);
  digest = world_digest(world);
  world_pass_ms(world, 15 * MINUTE_MS - 1);
  ck_ok(world, shop_token_verify(world->shop, shop_token_jwt(token), &same, world->err));
  shop_token_free(same);
  ck_assert(world_digest(world) == digest);
  world_pass_ms(world, 1);
  ck_ok(world, shop_token_verify(world->shop, shop_token_jwt(token), &same, world->err));
  ck_assert_int_eq(last_used(world), WORLD_START_MS + 30 * MINUTE_MS);
  ck_ok(world, shop_token_revoke(world->shop, token, NULL, world->err));
  world_pass_ms(world, 60 * MINUTE_MS);
  ck_assert_int_eq(session_status(world, token), SHOP_ERR_TOKEN_REVOKED);
  ck_assert_int_eq(last_used(world), WORLD_START_MS + 30 * MINUTE_MS); /* that was no use */
  world_pass_ms(world, -200 * MINUTE_MS); /* the clock goes back: nothing is noted */
  shop_token_free(same);
  shop_token_free(token);
  world_free(world);
}
END_TEST

/* The note is left out when the store is another's: the check does not wait for it
   as a write would, and does not fail. */
START_TEST(a_busy_store_goes_without_the_note) {
  struct world *world = world_new();
  shop_token_t *token = world_register(world, "ada@example.org");
  sqlite3 *other = NULL;

  ck_assert_int_eq(sqlite3_open(world->path, &other), SQLITE_OK);
  ck_assert_int_eq(sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
  world_pass_ms(world, 15 * MINUTE_MS);
  ck_assert_int_eq(session_status(world, token), SHOP_OK);
  ck_assert_int_eq(shop_error_code(world->err), SHOP_OK);
  ck_assert_int_eq(last_used(world), WORLD_START_MS);
  sqlite3_close(other);
  ck_assert_int_eq(session_status(world, token), SHOP_OK);
  ck_assert_int_eq(last_used(world), WORLD_START_MS + 15 * MINUTE_MS);
  shop_token_free(token);
  world_free(world);
}
END_TEST

START_TEST(labels) {
  struct world *world = world_new();
  shop_options_t *options = NULL;
  shop_cart_t *cart = NULL;
  shop_token_t *token = world_register(world, "ada@example.org");
  char text[102];

  ck_assert_int_eq(shop_options_new(&options), SHOP_OK);
  memset(text, 'x', sizeof text);
  text[101] = '\0';
  ck_assert_int_eq(shop_options_set_label(NULL, "x"), SHOP_ERR_ARGUMENT);
  ck_assert_int_eq(shop_options_set_label(options, ""), SHOP_ERR_ARGUMENT);
  ck_assert_int_eq(shop_options_set_label(options, text), SHOP_ERR_TOO_LONG);
  ck_assert_int_eq(shop_options_set_label(options, "a\nb"), SHOP_ERR_TEXT);
  text[100] = '\0';
  ck_assert_int_eq(shop_options_set_label(options, text), SHOP_OK);
  ck_refused(world, shop_cart_create(world->shop, token, options, &cart, world->err),
             SHOP_ERR_ARGUMENT);
  ck_assert_int_eq(shop_options_set_label(options, NULL), SHOP_OK);
  ck_ok(world, shop_cart_create(world->shop, token, options, &cart, world->err));
  shop_cart_free(cart);
  shop_options_free(options);
  shop_token_free(token);
  world_free(world);
}
END_TEST

START_TEST(arguments) {
  struct world *world = world_new();
  shop_token_t *token = world_register(world, "ada@example.org");
  shop_session_page_t *page = (shop_session_page_t *)world;

  ck_refused(world, shop_account_session_list(world->shop, token, -1, 10, &page, world->err),
             SHOP_ERR_ARGUMENT);
  ck_assert_ptr_null(page);
  ck_refused(world, shop_account_session_list(world->shop, token, 0, 0, &page, world->err),
             SHOP_ERR_ARGUMENT);
  ck_refused(world, shop_account_session_list(world->shop, token, 0, 1001, &page, world->err),
             SHOP_ERR_ARGUMENT);
  ck_assert_int_eq(shop_session_page_count(NULL), 0);
  ck_assert_int_eq(shop_session_page_id(NULL, 0), 0);
  ck_assert_str_eq(shop_session_page_label(NULL, 0), "");
  shop_session_page_free(NULL);
  shop_token_free(token);
  world_free(world);
}
END_TEST

int main(void) {
  const TTest *tests[] = {
      listed,
      pages,
      ended_by_id,
      uses_are_noted_now_and_then,
      a_busy_store_goes_without_the_note,
      labels,
      arguments,
  };

  return HARNESS_RUN("account: sessions", tests);
}
