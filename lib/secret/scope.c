/*
 * Scopes: names of what a token is good for, in the one line that RFC 6749 3.3
 * and RFC 8693 4.2 write them in.
 */
#include "secret.h"

#include <string.h>

/* scope-token of RFC 6749 3.3 */
static bool is_name_character(char c) {
  return c >= 0x21 && c <= 0x7e && c != '"' && c != '\\';
}

/* The length of the name that text begins with. */
static size_t name_size(const char *text, size_t size) {
  size_t used = 0;
  while (used < size && is_name_character(text[used])) {
    used++;
  }
  return used;
}

static bool has(const char *scopes, size_t size, const char *name, size_t wanted) {
  for (size_t at = 0; at < size;) {
    size_t used = name_size(scopes + at, size - at);
    if (used == wanted && memcmp(scopes + at, name, wanted) == 0) {
      return true;
    }
    at += used + 1;
  }
  return false;
}

bool shop__scope_valid(const char *scopes, size_t size) {
  if (size == 0 || size > SHOP__SCOPE_MAX_BYTES) {
    return false;
  }
  for (size_t at = 0; at <= size;) {
    size_t used = name_size(scopes + at, size - at);
    bool ends = at + used == size || scopes[at + used] == ' ';
    if (used == 0 || !ends || (at > 0 && has(scopes, at - 1, scopes + at, used))) {
      return false;
    }
    at += used + 1;
  }
  return true;
}

bool shop__scope_has(const char *scopes, const char *name) {
  return name[0] != '\0' && has(scopes, strlen(scopes), name, strlen(name));
}
