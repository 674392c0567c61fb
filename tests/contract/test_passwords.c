/* Which passwords are accepted, what the host may add to that, and the pepper in their hashes. */
#include <harness.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int32_t enter(struct world *world, const char *email, const char *password) {
  shop_token_t *token = (shop_token_t *)world; /* must be overwritten */
  int32_t status = shop_user_register(world->shop, email, password, NULL, &token, world->err);

  ck_assert((status == SHOP_OK) == (token != NULL));
  shop_token_free(token);
  return status;
}

static int32_t login(struct world *world, const char *email, const char *password) {
  shop_token_t *token = NULL;
  int32_t status = shop_user_login(world->shop, email, password, NULL, &token, world->err);

  shop_token_free(token);
  return status;
}

/* Nobody gets an account with what every attacker tries first. */
START_TEST(common_passwords) {
  static const char *const common[] = {"password", "PassWord1", "12345678", "qwertyuiop",
                                       "iloveyou"};
  struct world *world = world_new();

  for (size_t i = 0; i < sizeof common / sizeof common[0]; i++)
    ck_refused(world, enter(world, "ada@example.org", common[i]), SHOP_ERR_PASSWORD_COMMON);
  ck_refused(world, enter(world, "ada@example.org", "Ada@Example.ORG"), SHOP_ERR_PASSWORD_COMMON);
  ck_refused(world, enter(world, "Ada.Lovelace@example.org", "ada.lovelace"),
             SHOP_ERR_PASSWORD_COMMON);
  ck_assert_ptr_null(strstr(shop_error_message(world->err), "lovelace"));
  ck_ok(world, enter(world, "ada@example.org", "ada@example.com"));
  world_free(world);
}
END_TEST

/* Characters are counted, not bytes; spaces in a row are one; the host may ask for more; who has a
   shorter one logs in all the same, but chooses no other such. */
START_TEST(length_in_characters) {
  static const struct {
    const char *password;
    int32_t characters;
  } each[] = {
      {"Ab3$efg", 7},
      {"Ab3$efgh", 8},
      {"Ab3$efghijkl", 12},
      {"Ab3 efgh    jkl", 12},
      {"\xc3\xa4\xc3\xb6\xc3\xbc\xc3\x9f", 4}, /* 4 letters, 8 bytes */
      {"\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e\xe3\x81\xae\xe8\xa9\xb1\xe3\x81\x84\xe3\x82\x8b", 7},
      {"\xf0\x9f\x98\x80\xf0\x9f\x98\x81\xf0\x9f\x98\x82", 3},
      {"\x80\xbf\xc3(\xe6\x97(\xff\xc0\xaf\xf5\x80\xf0\x9f\x98", 15}, /* no UTF-8 */
      {"a        b", 3},
      {"            ", 1},
  };
  struct world *world = world_prepare();
  char email[40];

  ck_assert_int_eq(shop_config_set_password_length_min(NULL, 12), SHOP_ERR_ARGUMENT);
  ck_assert_int_eq(shop_config_set_password_length_min(world->config, 7), SHOP_ERR_ARGUMENT);
  ck_assert_int_eq(shop_config_set_password_length_min(world->config, 65), SHOP_ERR_ARGUMENT);
  for (int32_t min = 8; min <= 16; min += min == 8 ? 4 : 1) {
    if (min > 8)
      ck_assert_int_eq(shop_config_set_password_length_min(world->config, min), SHOP_OK);
    if (world->shop == NULL)
      world_open(world);
    else
      world_reopen(world);
    for (size_t i = 0; i < sizeof each / sizeof each[0]; i++) {
      snprintf(email, sizeof email, "user%d.%zu@example.org", min, i);
      if (each[i].characters < min)
        ck_refused(world, enter(world, email, each[i].password), SHOP_ERR_PASSWORD);
      else
        ck_ok(world, enter(world, email, each[i].password));
    }
  }
  ck_ok(world, login(world, "user8.1@example.org", "Ab3$efgh"));
  world_free(world);
}
END_TEST

/* ---- the host's own check ------------------------------------------------------------ */

static struct {
  int calls;
  enum { SAYS_YES, SAYS_NO, SAYS_NOTHING, SAYS_BOTH, SAYS_YES_TWICE } mood;
  struct world *world;
  int32_t close_status;
  char password[100];
  char email[100];
} host;

static void host_check(shop_password_call_t *call, void *user) {
  ck_assert_ptr_eq(user, &host);
  host.calls++;
  snprintf(host.password, sizeof host.password, "%s", shop_password_call_password(call));
  snprintf(host.email, sizeof host.email, "%s", shop_password_call_email(call));
  host.close_status = shop_close(host.world->shop);
  if (host.mood != SAYS_NO && host.mood != SAYS_NOTHING)
    ck_assert_int_eq(shop_password_call_set_accepted(call), SHOP_OK);
  if (host.mood == SAYS_YES_TWICE)
    ck_assert_int_eq(shop_password_call_set_accepted(call), SHOP_OK);
  if (host.mood == SAYS_NO || host.mood == SAYS_BOTH)
    ck_assert_int_eq(shop_password_call_set_refused(call), SHOP_OK);
}

/* Only one clear yes is a yes; what the rules refuse the host is not asked. */
START_TEST(host_decides) {
  struct world *world = world_prepare();

  host.world = world;
  ck_assert_int_eq(shop_config_set_password_check(NULL, host_check, &host), SHOP_ERR_ARGUMENT);
  ck_assert_int_eq(shop_config_set_password_check(world->config, host_check, &host), SHOP_OK);
  world_open(world);
  ck_refused(world, enter(world, "ada@example.org", "short"), SHOP_ERR_PASSWORD);
  ck_refused(world, enter(world, "ada@example.org", "password1"), SHOP_ERR_PASSWORD_COMMON);
  ck_assert_int_eq(host.calls, 0);
  host.mood = SAYS_NO;
  ck_refused(world, enter(world, "Ada@example.org", PASSWORD), SHOP_ERR_PASSWORD_REFUSED);
  ck_assert_str_eq(host.password, PASSWORD);
  ck_assert_str_eq(host.email, "Ada@example.org");
  ck_assert_int_eq(host.close_status, SHOP_ERR_IN_CALLBACK);
  ck_assert_ptr_null(strstr(shop_error_message(world->err), PASSWORD));
  host.mood = SAYS_NOTHING;
  ck_refused(world, enter(world, "ada@example.org", PASSWORD), SHOP_ERR_PASSWORD_UNCHECKED);
  host.mood = SAYS_BOTH;
  ck_refused(world, enter(world, "ada@example.org", PASSWORD), SHOP_ERR_PASSWORD_UNCHECKED);
  host.mood = SAYS_YES_TWICE;
  ck_ok(world, enter(world, "ada@example.org", PASSWORD));
  ck_assert_int_eq(host.calls, 4);
  ck_ok(world, login(world, "ada@example.org", PASSWORD)); /* a login asks nobody */
  ck_assert_int_eq(host.calls, 4);
  ck_assert_str_eq(shop_password_call_password(NULL), "");
  ck_assert_str_eq(shop_password_call_email(NULL), "");
  ck_assert_int_eq(shop_password_call_set_accepted(NULL), SHOP_ERR_ARGUMENT);
  ck_assert_int_eq(shop_password_call_set_refused(NULL), SHOP_ERR_ARGUMENT);
  world_free(world);
}
END_TEST

/* ---- the pepper ----------------------------------------------------------------------- */

#define PEPPER_1 "the first pepper, 32 bytes long."
#define PEPPER_2 "the other pepper, 32 bytes long."

static void set_pepper(struct world *world, const char *pepper, const char *old) {
  shop_config_t *config = world->config;

  ck_assert_int_eq(shop_config_set_password_pepper(config, pepper, pepper == NULL ? 0 : 32),
                   SHOP_OK);
  if (old != NULL)
    ck_assert_int_eq(shop_config_add_password_pepper_old(config, old, 32), SHOP_OK);
}

/* Ranges of the two settings; a bad value leaves the good one. */
START_TEST(pepper_settings) {
  struct world *world = world_prepare();
  static const char bytes[200] = "x";

  ck_assert_int_eq(shop_config_set_password_pepper(NULL, bytes, 32), SHOP_ERR_ARGUMENT);
  ck_assert_int_eq(shop_config_set_password_pepper(world->config, bytes, 15), SHOP_ERR_ARGUMENT);
  ck_assert_int_eq(shop_config_set_password_pepper(world->config, bytes, 129), SHOP_ERR_ARGUMENT);
  ck_assert_int_eq(shop_config_set_password_pepper(world->config, NULL, 32), SHOP_ERR_ARGUMENT);
  ck_assert_int_eq(shop_config_set_password_pepper(world->config, bytes, 0), SHOP_ERR_ARGUMENT);
  ck_assert_int_eq(shop_config_set_password_pepper(world->config, bytes, 16), SHOP_OK);
  ck_assert_int_eq(shop_config_set_password_pepper(world->config, bytes, 128), SHOP_OK);
  ck_assert_int_eq(shop_config_add_password_pepper_old(NULL, bytes, 32), SHOP_ERR_ARGUMENT);
  ck_assert_int_eq(shop_config_add_password_pepper_old(world->config, NULL, 0), SHOP_ERR_ARGUMENT);
  for (size_t i = 0; i < 7; i++)
    ck_assert_int_eq(shop_config_add_password_pepper_old(world->config, bytes, 20 + i), SHOP_OK);
  ck_assert_int_eq(shop_config_add_password_pepper_old(world->config, bytes, 40),
                   SHOP_ERR_ARGUMENT);
  world_open(world);
  world_free(world);
}
END_TEST

static void stored_hash(struct world *world, char out[200]) {
  world_text(world, "SELECT password_hash FROM users ORDER BY id LIMIT 1", out, 200);
}

/* From none to a pepper, to another, and back to none: each step takes place at the login, and what
   nobody has any more need not be given. */
START_TEST(pepper_rotation) {
  struct world *world = world_new();
  char hash[200], next[200];

  ck_ok(world, enter(world, "ada@example.org", PASSWORD));
  stored_hash(world, hash);
  ck_assert_int_eq(strncmp(hash, "$argon2id$", 10), 0);
  set_pepper(world, PEPPER_1, NULL);
  world_reopen(world);
  ck_status(world, login(world, "ada@example.org", "a wrong one"), SHOP_ERR_CREDENTIALS);
  stored_hash(world, next);
  ck_assert_str_eq(next, hash);
  ck_ok(world, login(world, "ada@example.org", PASSWORD));
  stored_hash(world, hash);
  ck_assert_int_eq(strncmp(hash, "$pepper=", 8), 0);
  ck_ok(world, login(world, "ada@example.org", PASSWORD));
  stored_hash(world, next);
  ck_assert_str_eq(next, hash);

  set_pepper(world, PEPPER_2, PEPPER_1);
  world_reopen(world);
  ck_ok(world, login(world, "ada@example.org", PASSWORD));
  stored_hash(world, next);
  ck_assert_int_eq(strncmp(next, "$pepper=", 8), 0);
  ck_assert_int_ne(strncmp(next, hash, 16), 0);
  ck_status(world, login(world, "ada@example.org", "a wrong one"), SHOP_ERR_CREDENTIALS);
  shop_config_free(world->config); /* a new one, without the first pepper */
  ck_assert_int_eq(shop_close(world->shop), SHOP_OK);
  ck_assert_int_eq(shop_config_new(&world->config), SHOP_OK);
  ck_assert_int_eq(shop_config_set_password_cost(world->config, 8, 1), SHOP_OK);
  set_pepper(world, PEPPER_2, NULL);
  world_open(world);
  ck_assert_int_eq(world_number(world, "SELECT count(*) FROM peppers"), 1);
  ck_ok(world, login(world, "ada@example.org", PASSWORD));
  set_pepper(world, NULL, PEPPER_2);
  world_reopen(world);
  ck_ok(world, login(world, "ada@example.org", PASSWORD));
  stored_hash(world, hash);
  ck_assert_int_eq(strncmp(hash, "$argon2id$", 10), 0);
  world_free(world);
}
END_TEST

/* Without the pepper, or with another one, the store is not opened and not touched: that is no
   wrong password of everybody's. */
START_TEST(pepper_is_missing) {
  struct world *world = world_prepare();
  shop_t *shop = (shop_t *)world;
  uint64_t before;

  set_pepper(world, PEPPER_1, NULL);
  world_open(world);
  ck_ok(world, enter(world, "ada@example.org", PASSWORD));
  before = world_digest(world);
  ck_assert_int_eq(shop_close(world->shop), SHOP_OK);
  set_pepper(world, NULL, NULL);
  ck_status(world, shop_open(world->path, world->config, &shop, world->err), SHOP_ERR_PEPPER);
  ck_assert_ptr_null(shop);
  ck_assert_str_ne(shop_error_message(world->err), "");
  set_pepper(world, PEPPER_2, NULL);
  ck_status(world, shop_open(world->path, world->config, &shop, world->err), SHOP_ERR_PEPPER);
  ck_assert_ptr_null(shop);
  set_pepper(world, PEPPER_1, NULL);
  world_open(world);
  ck_assert_uint_eq(world_digest(world), before);
  ck_ok(world, login(world, "ada@example.org", PASSWORD));
  world_free(world);
}
END_TEST

/* Who opened the store before anybody had a pepper is told at the login, and nothing is taken for a
   wrong password. */
START_TEST(pepper_of_another_process) {
  struct world *world = world_new();
  shop_t *other = NULL;
  shop_token_t *token = NULL;

  set_pepper(world, PEPPER_1, NULL);
  ck_ok(world, shop_open(world->path, world->config, &other, world->err));
  ck_ok(world, shop_user_register(other, "ada@example.org", PASSWORD, NULL, &token, world->err));
  shop_token_free(token);
  ck_refused(world, login(world, "ada@example.org", PASSWORD), SHOP_ERR_PEPPER);
  ck_assert_int_eq(shop_close(other), SHOP_OK);
  world_free(world);
}
END_TEST

/* ---- hashes of other programs ------------------------------------------------------------- */

static void run_argon2(const char *arguments, char out[200]) {
  char command[200];
  FILE *pipe;

  snprintf(command, sizeof command, "printf '%%s' '%s' | argon2 %s -e", PASSWORD, arguments);
  pipe = popen(command, "r");
  ck_assert_ptr_nonnull(pipe);
  ck_assert_ptr_nonnull(fgets(out, 200, pipe));
  ck_assert_int_eq(pclose(pipe), 0);
  out[strcspn(out, "\n")] = '\0';
}

/* The hash that the program argon2 makes, with salts of several lengths, opens the account, and is
   then replaced; a wrong password does neither. */
START_TEST(hashes_of_argon2) {
  static const char *const arguments[] = {
      "sixteen-byte-slt -id -t 2 -k 64 -p 1 -l 32", "shortslt -id -t 3 -k 128 -p 1 -l 32",
      "a-salt-that-is-longer-than-usual -id -t 1 -k 64 -p 1 -l 32",
      "sixteen-byte-slt -id -t 1 -k 64 -p 1 -l 16"};
  struct world *world = world_new();
  char hash[200], stored[200], sql[400];

  ck_ok(world, enter(world, "ada@example.org", "another password"));
  for (size_t i = 0; i < sizeof arguments / sizeof arguments[0]; i++) {
    run_argon2(arguments[i], hash);
    ck_assert_int_eq(strncmp(hash, "$argon2id$v=19$", 15), 0);
    snprintf(sql, sizeof sql, "UPDATE users SET password_hash = '%s'", hash);
    world_vandalise(world, sql);
    ck_status(world, login(world, "ada@example.org", "another password"), SHOP_ERR_CREDENTIALS);
    stored_hash(world, stored);
    ck_assert_str_eq(stored, hash);
    ck_ok(world, login(world, "ada@example.org", PASSWORD));
    stored_hash(world, stored);
    ck_assert_int_eq(strncmp(stored, "$argon2id$v=19$m=8,t=1,p=1$", 27), 0);
  }
  world_free(world);
}
END_TEST

int main(void) {
  const TTest *tests[] = {
      common_passwords,          length_in_characters, host_decides,
      pepper_settings,           pepper_rotation,      pepper_is_missing,
      pepper_of_another_process, hashes_of_argon2,
  };

  return HARNESS_RUN("passwords", tests);
}
