/*
 * Base64 (RFC 4648 section 4): a third longer than its bytes, and so shorter
 * than quoted-printable for most scripts but the Latin.
 */
#include "mail_parts.h"

#define LINE_BYTES 57 /* of data in a line of 76 */

size_t shop__mail_base64_size(size_t size) {
  return (size + 2) / 3 * 4;
}

void shop__mail_base64(struct shop__bytes *out, const char *data, size_t size) {
  static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  for (size_t i = 0; i < size; i += 3) {
    uint32_t bits = 0;
    for (size_t k = 0; k < 3; k++) {
      bits = bits << 8 | (i + k < size ? (unsigned char)data[i + k] : 0u);
    }
    char group[4];
    for (size_t k = 0; k < 4; k++) {
      bool used = i + k <= size; /* k digits carry k - 1 bytes and a part of the next */
      group[k] = used ? digits[bits >> (18 - 6 * k) & 63] : '=';
    }
    shop__bytes_add(out, group, sizeof group);
  }
}

void shop__mail_base64_lines(struct shop__bytes *out, const char *data, size_t size) {
  for (size_t i = 0; i < size && !out->failed; i += LINE_BYTES) {
    shop__mail_base64(out, data + i, size - i < LINE_BYTES ? size - i : LINE_BYTES);
    shop__bytes_add(out, "\r\n", 2);
  }
}
