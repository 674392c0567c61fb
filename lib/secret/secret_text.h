/*
 * Inside lib/secret: the alphabet of tokens and key names (base64url.c).
 */
#ifndef SHOP_LIB_SECRET_TEXT_H
#define SHOP_LIB_SECRET_TEXT_H

#include "secret.h"

bool shop__base64url_only(const char *text, size_t size) SHOP__MUST_USE;

/** Whole base64url, without padding, in the one way of writing it: the bits
    that the last character does not need are 0. "" is none. */
bool shop__base64url_canonical(const char *text, size_t size) SHOP__MUST_USE;

/** Decodes what shop__base64url_canonical has passed, into at least three bytes
    for four characters, rounded down. Returns their number. */
size_t shop__base64url_decode(const char *text, size_t size, char *out) SHOP__MUST_USE;

#endif
