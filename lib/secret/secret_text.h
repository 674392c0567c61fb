/*
 * Inside lib/secret: the alphabet of tokens and key names.
 */
#ifndef SHOP_LIB_SECRET_TEXT_H
#define SHOP_LIB_SECRET_TEXT_H

#include "secret.h"

/** The value of a base64url character (RFC 4648 5), or -1. */
static inline int32_t shop__base64url_value(char c) {
  if (c >= 'A' && c <= 'Z') {
    return c - 'A';
  }
  if (c >= 'a' && c <= 'z') {
    return c - 'a' + 26;
  }
  if (c >= '0' && c <= '9') {
    return c - '0' + 52;
  }
  return c == '-' ? 62 : c == '_' ? 63 : -1;
}

static inline bool shop__base64url_only(const char *text, size_t size) {
  for (size_t i = 0; i < size; i++) {
    if (shop__base64url_value(text[i]) < 0) {
      return false;
    }
  }
  return true;
}

#endif
