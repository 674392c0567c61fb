/* The timeline, step 1: an account is made, and its first token is good at once. */
#include <harness.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* No login is needed after registering. */
START_TEST(registering_gives_a_good_token) {
  struct world *world = world_new();
  shop_token_t *token = world_register(world, "ada@example.org"), *verified = NULL;
  shop_session_t *session = NULL;

  ck_assert_int_gt(shop_token_user_id(token), 0);
  ck_assert_int_lt(shop_token_user_id(token), INT64_C(1) << 53);
  ck_assert_int_eq(shop_token_issued_at_ms(token), WORLD_START_MS);
  ck_assert_int_eq(shop_token_expires_at_ms(token),
                   WORLD_START_MS + INT64_C(30) * 24 * 60 * 60 * 1000);
  ck_ok(world, shop_session_check(world->shop, token, &session, world->err));
  ck_assert_int_eq(shop_session_status(session), SHOP_OK);
  ck_assert_str_eq(shop_session_email(session), "ada@example.org");
  ck_ok(world, shop_token_verify(world->shop, shop_token_jwt(token), &verified, world->err));
  ck_assert_int_eq(shop_token_user_id(verified), shop_token_user_id(token));
  ck_assert_str_eq(shop_token_jwt(verified), shop_token_jwt(token));
  shop_token_free(verified);
  shop_session_free(session);
  shop_token_free(token);
  world_free(world);
}
END_TEST

/* Mail goes to the address as it was typed; the identity ignores the case. */
START_TEST(address_is_kept_as_typed) {
  struct world *world = world_new();
  shop_token_t *token = world_register(world, "Ada.LOVELACE+tea@Example.ORG");
  shop_user_t *user = NULL, *same = NULL;

  ck_ok(world,
        shop_user_find_by_email(world->shop, "ada.lovelace+TEA@eXAMPLE.org", &user, world->err));
  ck_assert_str_eq(shop_user_email(user), "Ada.LOVELACE+tea@Example.ORG");
  ck_assert_int_eq(shop_user_id(user), shop_token_user_id(token));
  ck_assert_int_eq(shop_user_created_at_ms(user), WORLD_START_MS);
  ck_assert_str_eq(shop_user_note(user), "");
  ck_assert_str_eq(shop_user_external_id(user), "");
  ck_ok(world, shop_user_find_by_id(world->shop, shop_user_id(user), &same, world->err));
  ck_assert_str_eq(shop_user_email(same), shop_user_email(user));
  ck_assert_str_eq(shop_user_subject(same), shop_user_subject(user));
  ck_assert_uint_ge(strlen(shop_user_subject(user)), 20); /* not to be guessed, not the id */
  shop_user_free(user);
  shop_user_free(same);
  shop_token_free(token);
  world_free(world);
}
END_TEST

/* Letter case must not make a second account (medusa 14745). */
START_TEST(address_is_taken_in_any_case) {
  static const char *const same[] = {"ada@example.org", "ADA@EXAMPLE.ORG", "aDa@example.Org"};
  struct world *world = world_new();
  shop_token_t *token = world_register(world, "Ada@example.org");

  for (size_t i = 0; i < sizeof same / sizeof same[0]; i++) {
    shop_token_t *second = token;

    ck_refused(world, shop_user_register(world->shop, same[i], PASSWORD, NULL, &second, world->err),
               SHOP_ERR_EMAIL_TAKEN);
    ck_assert_ptr_null(second);
  }
  ck_assert_int_eq(world_number(world, "SELECT count(*) FROM users"), 1);
  ck_assert_int_eq(world_number(world, "SELECT count(*) FROM tokens"), 1);
  shop_token_free(token);
  world_free(world);
}
END_TEST

/* Only the case of ASCII letters is ignored: every other byte counts. */
START_TEST(only_ascii_case_is_ignored) {
  static const char *const all[] = {
      "\xc3\xa9@example.org", /* e acute, and its capital */
      "\xc3\x89@example.org",
      "e\xcc\x81@example.org", /* e, and a combining acute */
      ("stra\xc3\x9f"
       "e@example.org"),
      "strasse@example.org",
      "i@example.org",
      "\xc4\xb0@example.org", /* a capital I with a dot */
      "\xc4\xb1@example.org", /* a small one without */
  };
  enum { COUNT = sizeof all / sizeof all[0] };
  struct world *world = world_new();
  shop_token_t *tokens[COUNT];

  for (size_t i = 0; i < COUNT; i++)
    tokens[i] = world_register(world, all[i]);
  for (size_t i = 0; i < COUNT; i++) {
    shop_user_t *user = NULL;

    ck_ok(world, shop_user_find_by_email(world->shop, all[i], &user, world->err));
    ck_assert_int_eq(shop_user_id(user), shop_token_user_id(tokens[i]));
    ck_assert_str_eq(shop_user_email(user), all[i]);
    shop_user_free(user);
    shop_token_free(tokens[i]);
  }
  ck_assert_int_eq(world_number(world, "SELECT count(*) FROM users"), COUNT);
  world_free(world);
}
END_TEST

#define FIFTY "abcdefghijabcdefghijabcdefghijabcdefghijabcdefghij"
#define SIXTY_FOUR FIFTY "klmnopqrstuvwx"
#define LABEL_63 FIFTY "klmnopqrstuvw"

static const struct {
  const char *address;
  int32_t status;
} addresses[] = {
    {"a@b", SHOP_OK},
    {"first.last@example.org", SHOP_OK},
    {"o'hara+shop_1-2@sub.example.co.uk", SHOP_OK},
    {"\"two words\"@example.org", SHOP_OK},
    {"\"an@at\"@example.org", SHOP_OK},
    {"ada@[192.0.2.1]", SHOP_OK},
    {"ada@[IPv6:2001:db8::1]", SHOP_OK},
    {"\xd0\xb8\xd0\xbc\xd1\x8f@\xd0\xbf\xd1\x80\xd0\xb8.\xd1\x80\xd1\x84", SHOP_OK},
    {SIXTY_FOUR "@example.org", SHOP_OK},
    {"a@" LABEL_63 ".org", SHOP_OK},
    {SIXTY_FOUR "@" LABEL_63 "." LABEL_63 "." FIFTY "abcdefghijk", SHOP_OK}, /* 254 bytes */
    {SIXTY_FOUR "@" LABEL_63 "." LABEL_63 "." FIFTY "abcdefghijkl", SHOP_ERR_TOO_LONG},
    {SIXTY_FOUR "y@example.org", SHOP_ERR_EMAIL},
    {"a@" LABEL_63 "x.org", SHOP_ERR_EMAIL},
    {"ada", SHOP_ERR_EMAIL},
    {"@example.org", SHOP_ERR_EMAIL},
    {"ada@", SHOP_ERR_EMAIL},
    {"ada@@example.org", SHOP_ERR_EMAIL},
    {"ada@home@example.org", SHOP_ERR_EMAIL},
    {".ada@example.org", SHOP_ERR_EMAIL},
    {"ada.@example.org", SHOP_ERR_EMAIL},
    {"a..da@example.org", SHOP_ERR_EMAIL},
    {"ada@.example.org", SHOP_ERR_EMAIL},
    {"ada@example..org", SHOP_ERR_EMAIL},
    {"ada@example.org.", SHOP_ERR_EMAIL},
    {"ada@-example.org", SHOP_ERR_EMAIL},
    {"ada@exam_ple.org", SHOP_ERR_EMAIL},
    {"ada@[300.0.2.1]", SHOP_ERR_EMAIL},
    {" ada@example.org", SHOP_ERR_EMAIL},
    {"ada@example.org ", SHOP_ERR_EMAIL},
    {"two words@example.org", SHOP_ERR_EMAIL},
    {"Ada <ada@example.org>", SHOP_ERR_EMAIL},
    {"ada@example.org, bob@example.org", SHOP_ERR_EMAIL},
    {"ada@example.org\nBcc: bob@example.org", SHOP_ERR_EMAIL},
    {"ada\r\n@example.org", SHOP_ERR_EMAIL},
    {"\"ada\n\"@example.org", SHOP_ERR_EMAIL},
    {"ada\x7f@example.org", SHOP_ERR_EMAIL},
    {"ada\xc2\x85@example.org", SHOP_ERR_EMAIL},     /* C1: next line */
    {"ada\xe2\x80\xa8@example.org", SHOP_ERR_EMAIL}, /* U+2028 */
    {"ada\xc3@example.org", SHOP_ERR_TEXT},          /* cut off */
    {"ada\xff@example.org", SHOP_ERR_TEXT},          /* no UTF-8 at all */
    {"ada\xc0\xaf@example.org", SHOP_ERR_TEXT},      /* overlong */
    {"ada\xed\xa0\x80@example.org", SHOP_ERR_TEXT},  /* a surrogate */
    {"", SHOP_ERR_ARGUMENT},
    {NULL, SHOP_ERR_ARGUMENT},
};

/* One mailbox of RFC 5321 and RFC 6531, and nothing that could end up as two
   lines of a mail header. */
START_TEST(address_rules) {
  struct world *world = world_new();

  for (size_t i = 0; i < sizeof addresses / sizeof addresses[0]; i++) {
    shop_token_t *token = (shop_token_t *)&world;

    if (addresses[i].status == SHOP_OK)
      ck_ok(world, shop_user_register(world->shop, addresses[i].address, PASSWORD, NULL, &token,
                                      world->err));
    else
      ck_refused(
          world,
          shop_user_register(world->shop, addresses[i].address, PASSWORD, NULL, &token, world->err),
          addresses[i].status);
    ck_assert((token == NULL) == (addresses[i].status != SHOP_OK));
    shop_token_free(token);
  }
  world_free(world);
}
END_TEST

/* As register or login would be called with a password of this many bytes. */
static int32_t register_with(struct world *world, const char *email, const char *password,
                             shop_token_t **token) {
  *token = (shop_token_t *)world; /* must be overwritten */
  return shop_user_register(world->shop, email, password, NULL, token, world->err);
}

/* 8 to 1,024 bytes. */
START_TEST(password_length) {
  struct world *world = world_new();
  char longest[1026];
  shop_token_t *token;

  memset(longest, 'x', sizeof longest);
  longest[1025] = '\0';
  ck_refused(world, register_with(world, "ada@example.org", "1234567", &token), SHOP_ERR_PASSWORD);
  ck_assert_ptr_null(token);
  ck_refused(world, register_with(world, "ada@example.org", longest, &token), SHOP_ERR_PASSWORD);
  ck_assert_ptr_null(token);
  ck_refused(world, register_with(world, "ada@example.org", "", &token), SHOP_ERR_ARGUMENT);
  ck_assert_ptr_null(token);
  ck_refused(world, register_with(world, "ada@example.org", NULL, &token), SHOP_ERR_ARGUMENT);
  ck_assert_ptr_null(token);

  ck_ok(world, register_with(world, "ada@example.org", "1234567~", &token));
  shop_token_free(token);
  longest[1024] = '\0';
  ck_ok(world, register_with(world, "bob@example.org", longest, &token));
  shop_token_free(token);
  /* The last byte counts: nothing is cut off on the way to the hash. */
  ck_ok(world, shop_user_login(world->shop, "bob@example.org", longest, NULL, &token, world->err));
  shop_token_free(token);
  longest[1023] = 'y';
  ck_refused(world,
             shop_user_login(world->shop, "bob@example.org", longest, NULL, &token, world->err),
             SHOP_ERR_CREDENTIALS);
  ck_assert_ptr_null(token);
  world_free(world);
}
END_TEST

/* Any byte but NUL: a password is no text, and is not folded. */
START_TEST(password_of_any_bytes) {
  struct world *world = world_new();
  char bytes[256];
  shop_token_t *token;

  for (int i = 0; i < 255; i++)
    bytes[i] = (char)(i + 1);
  bytes[255] = '\0';
  ck_ok(world, register_with(world, "ada@example.org", bytes, &token));
  shop_token_free(token);
  ck_ok(world, shop_user_login(world->shop, "ada@example.org", bytes, NULL, &token, world->err));
  shop_token_free(token);
  bytes['a' - 1] = 'A';
  ck_refused(world,
             shop_user_login(world->shop, "ada@example.org", bytes, NULL, &token, world->err),
             SHOP_ERR_CREDENTIALS);
  world_free(world);
}
END_TEST

/* What is stored is an Argon2id hash of the set cost, salted, and no secret. */
START_TEST(only_a_hash_is_stored) {
  struct world *world = world_prepare();
  char first[200], second[200], content[128 * 1024];
  shop_token_t *token;
  FILE *file;
  size_t size;

  ck_assert_int_eq(shop_config_set_password_cost(world->config, 64, 3), SHOP_OK);
  world_open(world);
  token = world_register(world, "ada@example.org");
  shop_token_free(world_register(world, "bob@example.org"));
  world_text(world, "SELECT password_hash FROM users ORDER BY id", first, sizeof first);
  world_text(world, "SELECT password_hash FROM users ORDER BY id DESC", second, sizeof second);
  ck_assert_int_eq(strncmp(first, "$argon2id$v=19$m=64,t=3,p=1$", 28), 0);
  ck_assert_str_ne(first, second);
  world_reopen(world); /* empties the log into the file */

  file = fopen(world->path, "rb");
  ck_assert_ptr_nonnull(file);
  size = fread(content, 1, sizeof content, file);
  fclose(file);
  ck_assert_uint_gt(size, 4096);
  for (size_t i = 0; i + strlen(PASSWORD) <= size; i++) {
    ck_assert(memcmp(content + i, PASSWORD, strlen(PASSWORD)) != 0);
    ck_assert(memcmp(content + i, shop_token_jwt(token), 20) != 0); /* nor the token */
  }
  shop_token_free(token);
  world_free(world);
}
END_TEST

/* Options: the key and the deadline are taken, what cannot be honoured is refused. */
START_TEST(options_of_register) {
  struct world *world = world_new();
  shop_options_t *key = options_with_key("k"), *version = options_with_version(1),
                 *deadline = options_with_deadline(86400000);
  shop_token_t *token = NULL;

  ck_refused(
      world,
      shop_user_register(world->shop, "ada@example.org", PASSWORD, version, &token, world->err),
      SHOP_ERR_ARGUMENT);
  ck_ok(world,
        shop_user_register(world->shop, "ada@example.org", PASSWORD, deadline, &token, world->err));
  shop_token_free(token);
  token = NULL;
  ck_ok(world,
        shop_user_register(world->shop, "eve@example.org", PASSWORD, key, &token, world->err));
  shop_token_free(token);
  shop_options_free(key);
  shop_options_free(version);
  shop_options_free(deadline);
  world_free(world);
}
END_TEST

struct rival {
  struct world *world;
  const char *email;
  int32_t status;
  shop_token_t *token;
};

static void *register_thread(void *user) {
  struct rival *rival = user;

  rival->status =
      shop_user_register(rival->world->shop, rival->email, PASSWORD, NULL, &rival->token, NULL);
  return NULL;
}

/* Many at once with one address: one account. */
START_TEST(one_of_many_wins_the_address) {
  enum { COUNT = 12 };
  struct world *world = world_new();
  struct rival rivals[COUNT];
  pthread_t threads[COUNT];
  int won = 0;

  for (int i = 0; i < COUNT; i++) {
    rivals[i] = (struct rival){world, i % 2 ? "ada@example.org" : "ADA@example.org", 1, NULL};
    ck_assert_int_eq(pthread_create(&threads[i], NULL, register_thread, &rivals[i]), 0);
  }
  for (int i = 0; i < COUNT; i++) {
    pthread_join(threads[i], NULL);
    won += rivals[i].status == SHOP_OK;
    ck_assert(rivals[i].status == SHOP_OK || rivals[i].status == SHOP_ERR_EMAIL_TAKEN);
    ck_assert((rivals[i].token != NULL) == (rivals[i].status == SHOP_OK));
    shop_token_free(rivals[i].token);
  }
  ck_assert_int_eq(won, 1);
  ck_assert_int_eq(world_number(world, "SELECT count(*) FROM users"), 1);
  world_free(world);
}
END_TEST

int main(void) {
  const TTest *tests[] = {
      registering_gives_a_good_token,
      address_is_kept_as_typed,
      address_is_taken_in_any_case,
      only_ascii_case_is_ignored,
      address_rules,
      password_length,
      password_of_any_bytes,
      only_a_hash_is_stored,
      options_of_register,
      one_of_many_wins_the_address,
  };

  return HARNESS_RUN("timeline 1: register", tests);
}
