/*
 * Domains in ASCII: each label with UTF-8 becomes an A-label (RFC 5890), which
 * is "xn--" and the label in Punycode (RFC 3492). A label is taken as it is
 * typed: mapping it to lower case and to the composed form (RFC 5895) needs
 * the tables of Unicode, which are larger than this library.
 */
#include "base.h"

#include <string.h>

#define LABEL_MAX 63

/* RFC 3492 section 5. */
enum { BASE = 36, T_MIN = 1, T_MAX = 26, SKEW = 38, DAMP = 700, FIRST_BIAS = 72, FIRST_CODE = 128 };

struct label {
  char *out;
  size_t used;
  size_t size; /* of out */
  bool full;
};

static void put(struct label *label, char c) {
  if (label->used < label->size) {
    label->out[label->used++] = c;
  } else {
    label->full = true;
  }
}

/* Section 6.1 */
static uint32_t adapt(uint32_t delta, uint32_t points, bool first) {
  uint32_t k = 0;
  delta = first ? delta / DAMP : delta / 2;
  delta += delta / points;
  for (; delta > (BASE - T_MIN) * T_MAX / 2; k += BASE) {
    delta /= BASE - T_MIN;
  }
  return k + (BASE - T_MIN + 1) * delta / (delta + SKEW);
}

/* A generalized variable-length integer, section 3.3. */
static void put_number(struct label *label, uint32_t number, uint32_t bias) {
  static const char digits[] = "abcdefghijklmnopqrstuvwxyz0123456789";
  for (uint32_t k = BASE;; k += BASE) {
    uint32_t t = k <= bias ? T_MIN : k >= bias + T_MAX ? T_MAX : k - bias;
    if (number < t) {
      break;
    }
    put(label, digits[t + (number - t) % (BASE - t)]);
    number = (number - t) / (BASE - t);
  }
  put(label, digits[number]);
}

/* Section 6.3. No more than 63 points go in, so that nothing here can pass 32 bits: a delta stays
   below 0x110000 * 64. */
static void encode(struct label *label, const uint32_t *points, uint32_t count) {
  uint32_t basic = 0, done, next = FIRST_CODE, delta = 0, bias = FIRST_BIAS;
  for (uint32_t i = 0; i < count; i++) {
    if (points[i] < FIRST_CODE) {
      char c = (char)points[i];
      put(label, c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c);
      basic++;
    }
  }
  if (basic > 0) {
    put(label, '-');
  }
  for (done = basic; done < count; next++, delta++) {
    uint32_t least = UINT32_MAX;
    for (uint32_t i = 0; i < count; i++) {
      if (points[i] >= next && points[i] < least) {
        least = points[i];
      }
    }
    delta += (least - next) * (done + 1);
    next = least;
    for (uint32_t i = 0; i < count; i++) {
      delta += points[i] < next;
      if (points[i] == next) {
        put_number(label, delta, bias);
        bias = adapt(delta, done + 1, done == basic);
        delta = 0;
        done++;
      }
    }
  }
}

size_t shop__punycode_label(const char *text, size_t size, char *out, size_t max) {
  uint32_t points[LABEL_MAX]; /* more than 63 characters never fit */
  uint32_t count = 0;
  bool wide = false;
  struct label label = {.out = out, .size = max < LABEL_MAX ? max : LABEL_MAX};
  for (size_t at = 0; at < size;) {
    size_t length = count == LABEL_MAX ? 0 : shop__text_next(text + at, size - at, &points[count]);
    if (length == 0) {
      return 0;
    }
    count++;
    wide = wide || length > 1;
    at += length;
  }
  /* RFC 5891 section 4.2.3.1: such a label passes for one that is encoded already. */
  if (wide && count > 3 && points[2] == '-' && points[3] == '-') {
    return 0;
  }
  if (wide) {
    for (const char *prefix = "xn--"; *prefix != '\0'; prefix++) {
      put(&label, *prefix);
    }
    encode(&label, points, count);
  } else {
    for (size_t i = 0; i < size; i++) {
      put(&label, text[i]);
    }
  }
  return label.full ? 0 : label.used;
}
