/*
 * Passwords that everybody tries first: the commonest ones of a public list
 * (common/passwords.txt, compiled in), and what stands in the user's address.
 */
#include "secret_password.h"

#include <string.h>

static uint8_t lower(char c) {
  return (uint8_t)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
}

/* Walks the table of common/embed.py. `equal` is how many bytes the password
   and the word at hand have in common, so a word that shares more than those
   with the one before differs from the password at the same byte. */
bool shop__password_is_common(const char *password) {
  uint8_t first = lower(password[0]);
  const uint16_t *start = &shop__common_starts[first < 128 ? first : 128];
  const uint8_t *at = shop__common_passwords + start[0];
  const uint8_t *end = shop__common_passwords + start[1];
  size_t equal = 0;
  while (at < end) {
    size_t shared = (size_t)*at++ - 1;
    bool differs = shared > equal;
    equal = differs ? equal : shared;
    for (; at < end && *at >= 32; at++) {
      if (!differs && lower(password[equal]) < *at) {
        return false; /* the words are sorted: all that follow are greater too */
      }
      differs = differs || lower(password[equal]) != *at;
      equal += !differs;
    }
    if (!differs && password[equal] == '\0') {
      return true;
    }
  }
  return false;
}

bool shop__password_is_address(const char *password, const char *email_key) {
  const char *at = strrchr(email_key, '@');
  size_t local = at == NULL ? 0 : (size_t)(at - email_key);
  size_t equal = 0;
  while (password[equal] != '\0' && lower(password[equal]) == (uint8_t)email_key[equal]) {
    equal++;
  }
  return password[equal] == '\0' && equal > 0 && (equal == local || email_key[equal] == '\0');
}
