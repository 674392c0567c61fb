/*
 * E-mail addresses: is a text exactly one mailbox, in the syntax of RFC 5321
 * section 4.1.2 with the UTF-8 of RFC 6531 section 3.3, and which account does
 * it name? Whether a mailbox of that name exists only a mail can tell.
 */
#include "base.h"
#include "base_text.h"

#include <assert.h>
#include <string.h>

#define ADDRESS_MAX (SHOP__EMAIL_BYTES - 1)
#define LOCAL_MAX 64 /* RFC 5321 4.5.3.1.1 */
#define LABEL_MAX 63
/* The limit of a whole domain, 255, cannot be passed inside 254. */

static bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

static bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_hex(char c) {
  return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

/* The length of a character beyond ASCII that may stand outside quotes, or 0. Spaces may not: a
   pasted no-break space is not seen, and would make a second account of the same address. */
static size_t wide_length(const char *at, const char *end, uint32_t *code) {
  size_t length = shop__text_next(at, (size_t)(end - at), code);
  return length < 2 || shop__text_is_space(*code) ? 0 : length;
}

/* Atom *("." Atom) */
static bool is_dot_string(const char *at, const char *end) {
  bool atom = false;
  while (at < end) {
    uint32_t code;
    if (is_letter(*at) || is_digit(*at) || strchr("!#$%&'*+-/=?^_`{|}~", *at) != NULL) {
      atom = true;
      at++;
    } else if (*at == '.' && atom) {
      atom = false;
      at++;
    } else {
      size_t length = wide_length(at, end, &code);
      if (length == 0) {
        return false;
      }
      atom = true;
      at += length;
    }
  }
  return atom;
}

/* The end of the local part: the "@" outside quotes, or NULL. The address is known to hold no
   control character, so that what stands in quotes is qtextSMTP or a quoted pair. */
static const char *local_end(const char *address, const char *end) {
  if (*address != '"') {
    const char *at = memchr(address, '@', (size_t)(end - address));
    return at != NULL && is_dot_string(address, at) ? at : NULL;
  }
  for (const char *at = address + 1; end - at >= 2; at++) {
    if (*at == '"') {
      return at[1] == '@' ? at + 1 : NULL;
    }
    if (*at == '\\' && (unsigned char)*++at >= 0x80) { /* a pair quotes ASCII only */
      return NULL;
    }
  }
  return NULL;
}

/* Characters that no U-label has (RFC 5892 gives the whole table, which is not repeated here) and
   that would make a domain read as another: what some software takes for a dot, what is not seen,
   and what is no character. */
static bool is_never_in_label(uint32_t code) {
  return code == 0x3002 || code == 0xFF0E || code == 0xFF61 || code == 0xAD || code == 0x200B ||
         code == 0x200E || code == 0x200F || (code >= 0x202A && code <= 0x202E) ||
         (code >= 0x2060 && code <= 0x206F) || (code >= 0xE000 && code <= 0xF8FF) ||
         code == 0xFEFF || (code >= 0xFFF0 && code <= 0xFFFF) || (code & 0xFFFE) == 0xFFFE ||
         code >= 0xE0000;
}

/* sub-domain *("." sub-domain) */
static bool is_domain(const char *at, const char *end) {
  const char *label = at;
  for (; at < end; at++) {
    uint32_t code;
    if (is_letter(*at) || is_digit(*at)) {
      continue;
    }
    if (*at == '-') {
      if (at == label || at + 1 == end || at[1] == '.') {
        return false;
      }
    } else if (*at == '.') {
      if (at == label || at - label > LABEL_MAX) {
        return false;
      }
      label = at + 1;
    } else {
      size_t length = wide_length(at, end, &code);
      if (length == 0 || is_never_in_label(code)) {
        return false;
      }
      at += length - 1;
    }
  }
  return end > label && end - label <= LABEL_MAX;
}

/* Snum 3("." Snum). By hand, as is IPv6 below, because inet_pton reads another grammar: it refuses
   "010" and takes a "::" that stands for one group. */
static bool is_ipv4(const char *at, const char *end) {
  for (int part = 0; part < 4; part++) {
    int value = 0;
    int digits = 0;
    for (; at < end && digits < 3 && is_digit(*at); at++) {
      value = value * 10 + (*at - '0');
      digits++;
    }
    if (digits == 0 || value > 255) {
      return false;
    }
    if (part < 3 && (at == end || *at++ != '.')) {
      return false;
    }
  }
  return at == end;
}

/* IPv6-full, IPv6-comp, IPv6v4-full or IPv6v4-comp: eight groups of 16 bits, or at most six and one
   "::"; an IPv4 address at the end counts as two. */
static bool is_ipv6(const char *at, const char *end) {
  int groups = 0;
  bool gap = end - at >= 2 && at[0] == ':' && at[1] == ':';
  if (gap) {
    at += 2;
  }
  while (at < end) {
    const char *group = at;
    while (at < end && is_hex(*at)) {
      at++;
    }
    if (at < end && *at == '.') {
      if (!is_ipv4(group, end)) {
        return false;
      }
      groups += 2;
      break;
    }
    if (at == group || at - group > 4) {
      return false;
    }
    groups++;
    if (at == end) {
      break;
    }
    if (*at++ != ':' || at == end) {
      return false;
    }
    if (*at == ':') {
      if (gap) {
        return false;
      }
      gap = true;
      at++;
    }
  }
  return gap ? groups <= 6 : groups == 8;
}

/* "[" (IPv4 / "IPv6:" IPv6) "]"; no other tag of General-address-literal was ever registered. */
static bool is_literal(const char *at, const char *end) {
  static const char tag[] = "ipv6:";
  if (end - at < 2 || *at != '[' || end[-1] != ']') {
    return false;
  }
  at++;
  end--;
  const char *rest = at;
  size_t same = 0;
  while (rest < end && tag[same] != '\0' && (*rest | 0x20) == (tag[same] | 0x20)) {
    rest++;
    same++;
  }
  return tag[same] == '\0' ? is_ipv6(rest, end) : is_ipv4(at, end);
}

static bool has_control(const char *text, size_t size) {
  for (size_t at = 0; at < size;) {
    uint32_t code;
    size_t length = shop__text_next(text + at, size - at, &code);
    if (length == 0 || shop__text_is_control(code)) {
      return true;
    }
    at += length;
  }
  return false;
}

/* The domain in ASCII at the end of out, which holds the local part and the "@"; false: too long.
 */
static bool add_domain(const char *domain, char out[SHOP__EMAIL_BYTES], size_t used) {
  for (;;) {
    size_t size = strcspn(domain, ".");
    size_t room = ADDRESS_MAX - used;
    size_t label = *domain == '[' ? 0 : shop__punycode_label(domain, size, out + used, room);
    if (*domain == '[') { /* an address, not a name */
      label = strlen(domain);
      size = label;
      memcpy(out + used, domain, label <= room ? label : 0);
    }
    if (label == 0 || label > room) {
      return false;
    }
    used += label;
    domain += size;
    if (*domain == '\0') {
      out[used] = '\0';
      return true;
    }
    if (used == ADDRESS_MAX) {
      return false;
    }
    out[used++] = *domain++;
  }
}

static bool write_ascii(const char *address, char out[SHOP__EMAIL_BYTES]) {
  const char *domain = strrchr(address, '@');
  size_t local = domain == NULL ? 0 : (size_t)(domain - address) + 1;
  if (local == 0 || local > ADDRESS_MAX) {
    return false;
  }
  memcpy(out, address, local);
  return add_domain(domain + 1, out, local);
}

void shop__email_to_ascii(const char *address, char out[SHOP__EMAIL_BYTES]) {
  if (!write_ascii(address, out)) {
    size_t size = strnlen(address, ADDRESS_MAX);
    memcpy(out, address, size);
    out[size] = '\0';
  }
}

int32_t shop__email_parse(const char *address, char key[SHOP__EMAIL_BYTES], shop_error_t *err) {
  assert(key != NULL);
  key[0] = '\0';
  if (address == NULL || address[0] == '\0') {
    return shop__error_set(err, SHOP_ERR_ARGUMENT, "The e-mail address is missing.");
  }
  size_t size = strnlen(address, ADDRESS_MAX + 1);
  if (size > ADDRESS_MAX) {
    return shop__error_set(err, SHOP_ERR_TOO_LONG, "The e-mail address is longer than %d bytes.",
                           ADDRESS_MAX);
  }
  if (!shop__text_utf8(address, size)) {
    return shop__error_set(err, SHOP_ERR_TEXT, "The e-mail address is not UTF-8.");
  }
  const char *end = address + size;
  const char *at = has_control(address, size) ? NULL : local_end(address, end);
  if (at == NULL) {
    return shop__error_set(err, SHOP_ERR_EMAIL,
                           "The e-mail address has no valid part before the \"@\".");
  }
  if (at - address > LOCAL_MAX) {
    return shop__error_set(err, SHOP_ERR_EMAIL,
                           "The part before the \"@\" of the e-mail address is longer than %d "
                           "bytes.",
                           LOCAL_MAX);
  }
  const char *domain = at + 1;
  if (!is_domain(domain, end) && !is_literal(domain, end)) {
    return shop__error_set(err, SHOP_ERR_EMAIL,
                           "The e-mail address has no valid domain after the \"@\".");
  }
  if (!write_ascii(address, key)) {
    key[0] = '\0';
    return shop__error_set(err, SHOP_ERR_EMAIL,
                           "The domain of the e-mail address is too long in its ASCII form.");
  }
  for (char *c = key; *c != '\0'; c++) {
    *c = *c >= 'A' && *c <= 'Z' ? (char)(*c + ('a' - 'A')) : *c;
  }
  return SHOP_OK;
}
