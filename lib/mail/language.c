/*
 * Language tags (BCP 47: RFC 5646 for their form, RFC 4647 for how one stands
 * in for another).
 */
#include "mail_template.h"

#include <string.h>

static bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

static char lower(char c) {
  return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

/* The size of a subtag; *letters and *digits say what it is made of alone. */
static size_t subtag(const char *at, bool *letters, bool *digits) {
  size_t size = 0;
  *letters = true;
  *digits = true;
  while (is_letter(at[size]) || is_digit(at[size])) {
    *letters = *letters && is_letter(at[size]);
    *digits = *digits && is_digit(at[size]);
    size++;
  }
  return size;
}

/* variant = 5*8alphanum / (DIGIT 3alphanum) */
static bool is_variant(const char *at, size_t size) {
  return size >= 5 || (size == 4 && is_digit(*at));
}

/* The places after the language, each later than the one before. */
enum place { EXTENDED = 1, SCRIPT, REGION, VARIANT, EXTENSION };

/* Where a subtag of 2 to 8 characters belongs that is not part of an extension; 0: nowhere. */
static int place_of(const char *at, size_t size, bool letters, bool digits) {
  if (letters && size == 3) {
    return EXTENDED;
  }
  if (letters && size == 4) {
    return SCRIPT;
  }
  if ((letters && size == 2) || (digits && size == 3)) {
    return REGION;
  }
  return is_variant(at, size) ? VARIANT : 0;
}

bool shop__language_tag(const char *tag) {
  size_t whole = strnlen(tag, SHOP__LANGUAGE_BYTES);
  bool letters, digits;
  size_t size = subtag(tag, &letters, &digits);
  if (whole >= SHOP__LANGUAGE_BYTES || !letters || size < 2 || size > 8) {
    return false;
  }
  int reached = size > 3 ? EXTENDED : 0; /* a language of 4 to 8 letters takes no extended one */
  bool complete = true;                  /* a singleton has its subtag */
  bool private = false;
  for (const char *at = tag + size; *at != '\0'; at += size) {
    if (*at++ != '-') {
      return false;
    }
    size = subtag(at, &letters, &digits);
    if (size < 1 || size > 8 || (size == 1 && !private && !complete)) {
      return false;
    }
    if (size == 1 && !private) {
      private = lower(*at) == 'x';
      reached = EXTENSION;
      complete = false;
      continue;
    }
    complete = true;
    if (reached == EXTENSION) {
      continue;
    }
    int place = place_of(at, size, letters, digits);
    if (place == 0 || place < reached ||
        (place == reached && (place == SCRIPT || place == REGION))) {
      return false;
    }
    reached = place;
  }
  return complete;
}

bool shop__language_is(const char *tag, const char *language, size_t size) {
  for (size_t i = 0; i < size; i++) {
    if (lower(tag[i]) != lower(language[i])) {
      return false;
    }
  }
  return tag[size] == '\0';
}

size_t shop__language_shorter(const char *language, size_t size) {
  while (size > 0 && language[size - 1] != '-') {
    size--;
  }
  if (size == 0) {
    return 0;
  }
  size--;
  /* A singleton that ends a tag says nothing without its subtag. */
  return size >= 2 && language[size - 2] == '-' ? size - 2 : size;
}
