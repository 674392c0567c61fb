/*
 * Base64url (RFC 4648 5): the alphabet of tokens and key names. By a table,
 * not in constant time as libsodium does it: it reads what anyone may see of a
 * token, never a key, and libsodium's takes 70 instructions for a character.
 */
#include "secret_text.h"

/* The value of a character and 1; 0: not of the alphabet. */
static const uint8_t places[256] = {
    ['A'] = 1,  ['B'] = 2,  ['C'] = 3,  ['D'] = 4,  ['E'] = 5,  ['F'] = 6,  ['G'] = 7,  ['H'] = 8,
    ['I'] = 9,  ['J'] = 10, ['K'] = 11, ['L'] = 12, ['M'] = 13, ['N'] = 14, ['O'] = 15, ['P'] = 16,
    ['Q'] = 17, ['R'] = 18, ['S'] = 19, ['T'] = 20, ['U'] = 21, ['V'] = 22, ['W'] = 23, ['X'] = 24,
    ['Y'] = 25, ['Z'] = 26, ['a'] = 27, ['b'] = 28, ['c'] = 29, ['d'] = 30, ['e'] = 31, ['f'] = 32,
    ['g'] = 33, ['h'] = 34, ['i'] = 35, ['j'] = 36, ['k'] = 37, ['l'] = 38, ['m'] = 39, ['n'] = 40,
    ['o'] = 41, ['p'] = 42, ['q'] = 43, ['r'] = 44, ['s'] = 45, ['t'] = 46, ['u'] = 47, ['v'] = 48,
    ['w'] = 49, ['x'] = 50, ['y'] = 51, ['z'] = 52, ['0'] = 53, ['1'] = 54, ['2'] = 55, ['3'] = 56,
    ['4'] = 57, ['5'] = 58, ['6'] = 59, ['7'] = 60, ['8'] = 61, ['9'] = 62, ['-'] = 63, ['_'] = 64};

static uint32_t value(char c) {
  return places[(unsigned char)c] - 1u;
}

bool shop__base64url_only(const char *text, size_t size) {
  bool only = true;
  for (size_t i = 0; i < size; i++) {
    only &= places[(unsigned char)text[i]] != 0;
  }
  return only;
}

bool shop__base64url_canonical(const char *text, size_t size) {
  if (size == 0 || size % 4 == 1 || !shop__base64url_only(text, size)) {
    return false;
  }
  uint32_t unused = size % 4 == 2 ? 0x0f : size % 4 == 3 ? 0x03 : 0;
  return (value(text[size - 1]) & unused) == 0;
}

size_t shop__base64url_decode(const char *text, size_t size, char *out) {
  size_t used = 0;
  size_t whole = size - size % 4;
  for (size_t i = 0; i < whole; i += 4) {
    uint32_t bits = value(text[i]) << 18 | value(text[i + 1]) << 12 | value(text[i + 2]) << 6 |
                    value(text[i + 3]);
    out[used++] = (char)(bits >> 16 & 0xff);
    out[used++] = (char)(bits >> 8 & 0xff);
    out[used++] = (char)(bits & 0xff);
  }
  if (size - whole >= 2) {
    out[used++] = (char)((value(text[whole]) << 2 | value(text[whole + 1]) >> 4) & 0xff);
  }
  if (size - whole == 3) {
    out[used++] = (char)((value(text[whole + 1]) << 4 | value(text[whole + 2]) >> 2) & 0xff);
  }
  return used;
}
