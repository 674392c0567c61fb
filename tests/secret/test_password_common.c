/* The passwords that everybody tries first: the whole list of common/passwords.txt, and its edges.
 */
#include "secret.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char words[5000][80];
static int word_count;

static void read_words(void) {
  FILE *file = fopen(PASSWORDS_FILE, "r");
  ck_assert_ptr_nonnull(file);
  while (fgets(words[word_count], sizeof words[0], file) != NULL) {
    words[word_count][strcspn(words[word_count], "\n")] = '\0';
    word_count++;
  }
  fclose(file);
}

static bool is_listed(const char *word) {
  for (int i = 0; i < word_count; i++) {
    if (strcmp(words[i], word) == 0) {
      return true;
    }
  }
  return false;
}

/* Each is found, in any case; so are the few that everybody would name. */
START_TEST(every_word) {
  static const char *const known[] = {"password",  "12345678", "qwertyuiop", "iloveyou",
                                      "password1", "sunshine", "princess",   "football"};
  read_words();
  ck_assert_int_gt(word_count, 3500);
  for (int i = 0; i < word_count; i++) {
    char upper[80];
    ck_assert_msg(shop__password_is_common(words[i]), "%s", words[i]);
    for (size_t at = 0; at <= strlen(words[i]); at++) {
      char c = words[i][at];
      upper[at] = (char)(c >= 'a' && c <= 'z' ? c - 32 : c);
    }
    ck_assert_msg(shop__password_is_common(upper), "%s", upper);
  }
  for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
    ck_assert(shop__password_is_common(known[i]));
  }
}
END_TEST

/* One byte less, one more, one changed: exactly what the list says, nothing is guessed. */
START_TEST(nothing_else) {
  read_words();
  for (int i = 0; i < word_count; i++) {
    char other[90];
    size_t size = strlen(words[i]);
    snprintf(other, sizeof other, "%s", words[i]);
    other[size - 1] = '\0';
    ck_assert_msg(shop__password_is_common(other) == is_listed(other), "%s", other);
    snprintf(other, sizeof other, "%s~", words[i]);
    ck_assert_msg(shop__password_is_common(other) == is_listed(other), "%s", other);
    snprintf(other, sizeof other, "%s", words[i]);
    other[size / 2] = '\x01';
    ck_assert_msg(!shop__password_is_common(other), "%s", other);
    other[size / 2] = (char)0xff;
    ck_assert_msg(!shop__password_is_common(other), "%s", other);
  }
  ck_assert(!shop__password_is_common(""));
  ck_assert(!shop__password_is_common("correct horse battery"));
}
END_TEST

/* The whole address and its local part, in any case, and nothing less. */
START_TEST(own_address) {
  static const char key[] = "ada.lovelace@example.org";
  ck_assert(shop__password_is_address("ada.lovelace@example.org", key));
  ck_assert(shop__password_is_address("Ada.Lovelace@EXAMPLE.org", key));
  ck_assert(shop__password_is_address("ada.lovelace", key));
  ck_assert(shop__password_is_address("ADA.LOVELACE", key));
  ck_assert(!shop__password_is_address("ada.lovelac", key));
  ck_assert(!shop__password_is_address("ada.lovelace@", key));
  ck_assert(!shop__password_is_address("ada.lovelace@example.or", key));
  ck_assert(!shop__password_is_address("ada.lovelace@example.org1", key));
  ck_assert(!shop__password_is_address("ada.lovelace1", key));
  ck_assert(!shop__password_is_address("", key));
  ck_assert(!shop__password_is_address("anything at all", ""));
  ck_assert(shop__password_is_address("\"a@b@c@d\"", "\"a@b@c@d\"@example.org"));
}
END_TEST

/* ---- peppers ------------------------------------------------------------------- */

static shop__hasher_t *hasher_with(const struct shop__peppers *peppers) {
  const struct shop__hasher_settings settings = {8, 1, 1};
  shop__hasher_t *hasher = NULL;
  ck_assert_int_eq(shop__hasher_new(&settings, &hasher, NULL), SHOP_OK);
  shop__hasher_set_peppers(hasher, peppers);
  return hasher;
}

static int32_t verify(const struct shop__peppers *peppers, const char *stored, bool *match,
                      bool *stale) {
  shop__hasher_t *hasher = hasher_with(peppers);
  int32_t status = shop__password_verify(hasher, stored, "correct horse", 0, match, stale, NULL);
  shop__hasher_free(hasher);
  return status;
}

/* The pepper is in the hash: with it the password matches, without it or with another it is not
   even compared; and the hash below the name is not one of the password alone. */
START_TEST(pepper_goes_in) {
  struct shop__peppers with = {0}, other = {0}, both = {0};
  char hash[SHOP__PASSWORD_HASH_BYTES];
  bool match = false, stale = false;
  shop__pepper_make("0123456789abcdef", 16, &with.each[0]);
  shop__pepper_make("0123456789abcdeg", 16, &other.each[0]);
  shop__hasher_t *hasher = hasher_with(&with);
  ck_assert_int_eq(shop__password_hash(hasher, "correct horse", 0, hash, NULL), SHOP_OK);
  shop__hasher_free(hasher);
  ck_assert_int_eq(strncmp(hash, "$pepper=", 8), 0);
  ck_assert_int_eq(strncmp(hash + 8, with.each[0].id, 8), 0);
  ck_assert_int_eq(strncmp(hash + 16, "$argon2id$v=19$m=8,t=1,p=1$", 27), 0);

  ck_assert_int_eq(verify(&with, hash, &match, &stale), SHOP_OK);
  ck_assert(match && !stale);
  ck_assert_int_eq(verify(NULL, hash, &match, &stale), SHOP_ERR_PEPPER);
  ck_assert(!match);
  ck_assert_int_eq(verify(&other, hash, &match, &stale), SHOP_ERR_PEPPER);
  ck_assert(!match);
  ck_assert_int_eq(verify(&with, hash + 16, &match, &stale), SHOP_OK);
  ck_assert(!match);

  both.each[0] = other.each[0];
  both.each[1] = with.each[0];
  ck_assert_int_eq(verify(&both, hash, &match, &stale), SHOP_OK);
  ck_assert(match && stale);
  memset(&both.each[0], 0, sizeof both.each[0]);
  ck_assert_int_eq(verify(&both, hash, &match, &stale), SHOP_OK);
  ck_assert(match && stale);
}
END_TEST

/* What a shop keeps of a pepper is made of it alone, and it cannot be read from it; one byte less
   of the pepper gives another id. */
START_TEST(pepper_is_not_kept) {
  static const char secret[] = "a secret of the host, 32 bytes..";
  struct shop__pepper a, b;
  const uint8_t *bytes = (const uint8_t *)&a;
  shop__pepper_make(secret, 32, &a);
  shop__pepper_make(secret, 32, &b);
  ck_assert_int_eq(memcmp(&a, &b, sizeof a), 0);
  ck_assert_uint_eq(strlen(a.id), SHOP__PEPPER_ID_BYTES - 1);
  shop__pepper_make(secret, 31, &b);
  ck_assert_str_ne(a.id, b.id);
  /* not the key, nor the key under either of HMAC's pads */
  for (size_t at = 0; at + 8 <= sizeof a; at++) {
    int plain = 0, inner = 0, outer = 0;
    for (size_t i = 0; i < 8; i++) {
      plain += bytes[at + i] == (uint8_t)secret[i];
      inner += bytes[at + i] == ((uint8_t)secret[i] ^ 0x36);
      outer += bytes[at + i] == ((uint8_t)secret[i] ^ 0x5c);
    }
    ck_assert(plain < 8 && inner < 8 && outer < 8);
  }
}
END_TEST

/* A name of a pepper that is none, or before a hash that we did not make, is damage. */
START_TEST(damaged_pepper_names) {
  static const char *const tails[] = {
      "$pepper=",          "$pepper=$",        "$pepper=1234567",
      "$pepper=123456789", "$pepper=12345678", "$pepper=12345678$pepper=12345678",
      "$Pepper=12345678",  "pepper=12345678",  "$pepper:12345678"};
  static const char good[] =
      "$argon2id$v=19$m=8,t=1,p=1$AAAAAAAAAAAAAAAAAAAAAA$"
      "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
  static const char foreign[] =
      "$pepper=12345678$argon2id$v=19$m=8,t=1,p=1$AAAAAAAAAAAAAAA"
      "$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
  struct shop__peppers with = {0};
  bool match, stale;
  shop__pepper_make("0123456789abcdef", 16, &with.each[0]);
  memcpy(with.each[0].id, "12345678", 9);
  for (size_t i = 0; i < sizeof tails / sizeof tails[0]; i++) {
    char text[300];
    bool whole = strcmp(tails[i], "$pepper=12345678") == 0;
    snprintf(text, sizeof text, "%s%s", tails[i], good);
    ck_assert_msg(verify(&with, text, &match, &stale) == (whole ? SHOP_OK : SHOP_ERR_CORRUPT), "%s",
                  text);
    ck_assert(!match);
  }
  ck_assert_int_eq(verify(&with, foreign, &match, &stale), SHOP_ERR_CORRUPT);
}
END_TEST

int main(void) {
  Suite *suite = suite_create("secret: common passwords and peppers");
  const TTest *const tests[] = {every_word,     nothing_else,       own_address,
                                pepper_goes_in, pepper_is_not_kept, damaged_pepper_names};
  for (size_t i = 0; i < sizeof tests / sizeof tests[0]; i++) {
    TCase *tcase = tcase_create(tests[i]->name);
    tcase_add_test(tcase, tests[i]);
    suite_add_tcase(suite, tcase);
  }
  SRunner *runner = srunner_create(suite);
  srunner_run_all(runner, CK_ENV);
  int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
