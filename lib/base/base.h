/*
 * The door of lib/base: what every other room stands on. Errors, memory,
 * bytes, text, money, clock. Nothing here knows a shop or a store.
 */
#ifndef SHOP_LIB_BASE_H
#define SHOP_LIB_BASE_H

#include "shop/common.h"
#include "shop/status.h"

#define SHOP__MUST_USE __attribute__((warn_unused_result))

/* ---- error.c ------------------------------------------------------------ */

struct shop_error {
  int32_t code;
  char message[316];
  int64_t retry_after_ms; /* 0: no such advice */
};

/** Fills err (NULL allowed) and returns code, so that a failing function can
    say `return shop__error_set(err, code, "...", ...)`. A message that does
    not fit is cut at a character's edge. */
int32_t shop__error_set(shop_error_t *err, int32_t code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/** Adds to a failure how long to wait before the next try. err may be NULL. */
void shop__error_set_retry(shop_error_t *err, int64_t wait_ms);
/** Back to SHOP_OK and ""; NULL is harmless. */
void shop__error_clear(shop_error_t *err);
/** Copies a result into err (NULL allowed) and returns its code. */
int32_t shop__error_copy(shop_error_t *err, const struct shop_error *from);

/* ---- memory.c ----------------------------------------------------------- */

/** Zeroed memory, or NULL. size > 0. */
void *shop__memory_zalloc(size_t size) SHOP__MUST_USE;
/** As realloc; on failure NULL and the old block stays. */
void *shop__memory_realloc(void *block, size_t size) SHOP__MUST_USE;
/** A copy of a text, or NULL; NULL gives NULL. */
char *shop__memory_strdup(const char *text) SHOP__MUST_USE;
void shop__memory_free(void *block);
/** Overwrites in a way that the compiler keeps. NULL is harmless. */
void shop__memory_wipe(void *block, size_t size);

/* ---- bytes.c: a buffer that grows, with a sticky failure ----------------- */

struct shop__bytes {
  char *data; /* NUL-terminated whenever used > 0 and failed is false */
  size_t used;
  size_t size;
  bool failed; /* an allocation failed: every later call does nothing */
  bool secret; /* set before the first byte: no copy stays behind in freed memory */
};

/** Appends; after any failure does nothing. */
void shop__bytes_add(struct shop__bytes *bytes, const void *data, size_t size);
void shop__bytes_text(struct shop__bytes *bytes, const char *text);
void shop__bytes_format(struct shop__bytes *bytes, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/** Frees the data and zeroes the struct. */
void shop__bytes_free(struct shop__bytes *bytes);

/* ---- json.c: JSON (RFC 8259), written as it goes ----------------------------- */

struct shop__json {
  struct shop__bytes *bytes; /* whose failure is the writer's */
  bool comma;                /* something stands before the next value */
};

/* name: of our own, without anything to escape; NULL inside an array. */
/** Begins an object ('{') or an array ('['). */
void shop__json_open(struct shop__json *json, const char *name, char bracket);
/** Ends it ('}' or ']'). */
void shop__json_close(struct shop__json *json, char bracket);
void shop__json_null(struct shop__json *json, const char *name);
void shop__json_bool(struct shop__json *json, const char *name, bool value);
void shop__json_int(struct shop__json *json, const char *name, int64_t value);
/** Any bytes: NUL and what is no UTF-8 are written as U+FFFD. */
void shop__json_text(struct shop__json *json, const char *name, const char *text, size_t size);

/* ---- pack.c: snapshots, each one block of memory -------------------------- */

/** A snapshot while it is built. The block moves as it grows, so everything in
    it refers to everything else by offset from its start; the head struct is
    at offset 0, and so no offset that is stored is 0. */
struct shop__pack {
  char *block;
  uint32_t used;
  uint32_t size;
  bool failed; /* out of memory, or over 2 GiB: every later call does nothing */
};

/** A list inside a snapshot: records of one type, in order. */
struct shop__pack_list {
  uint32_t index; /* offset of the array of record offsets, after packing */
  uint32_t count;
  uint32_t first, last; /* the chain that it is made from */
};

/** Begins with a zeroed head; drops what was built before. */
void shop__pack_begin(struct shop__pack *pack, size_t head_size);
/** Copies a text (NULL or "" gives 0). */
uint32_t shop__pack_text(struct shop__pack *pack, const char *text);
/** Copies bytes and adds a NUL; at offset > 0 even for none. */
uint32_t shop__pack_bytes(struct shop__pack *pack, const void *data, size_t size);
/** Appends a record to the list at `list_offset` in the head. The record's
    first member must be a uint32_t, which the pack uses; texts of the record
    are packed before it. */
void shop__pack_record(struct shop__pack *pack, size_t list_offset, const void *record,
                       size_t size);
/** Ends a list: after it shop__pack_at works. */
void shop__pack_end_list(struct shop__pack *pack, size_t list_offset);
/** Gives the block away, or NULL when anything failed. */
void *shop__pack_finish(struct shop__pack *pack);
void shop__pack_free(struct shop__pack *pack);

/** The text at an offset of a finished snapshot; "" for offset 0. */
const char *shop__pack_text_at(const void *block, uint32_t offset);
/** The record at an index of a finished snapshot, or NULL outside. */
const void *shop__pack_at(const void *block, const struct shop__pack_list *list, int32_t index);

/* ---- text.c ------------------------------------------------------------- */

/** Valid UTF-8 per RFC 3629: no surrogates, no overlong forms, <= U+10FFFF. */
bool shop__text_utf8(const char *text, size_t size);

/** Reads the character at the start of text (size > 0): gives its length, 1 to
    4 bytes, and its code point; 0, with *code untouched, when malformed. */
size_t shop__text_next(const char *text, size_t size, uint32_t *code) SHOP__MUST_USE;
/** C0, DEL, C1, and the line and paragraph separators U+2028/9. */
bool shop__text_is_control(uint32_t code);

enum shop__text_rule {
  SHOP__TEXT_LINE = 0,    /* no control character (C0, DEL, C1, U+2028/9) */
  SHOP__TEXT_PARAGRAPH = 1 /* tab, CR and LF may occur as well */
};

/** Checks an input text: NULL, or shorter than min bytes: SHOP_ERR_ARGUMENT;
    longer than max: SHOP_ERR_TOO_LONG (found without reading further); not
    UTF-8 or a forbidden control character: SHOP_ERR_TEXT. `what` names the
    argument in the message. When min > 0 a text of only spaces is
    SHOP_ERR_ARGUMENT as well. */
int32_t shop__text_check(const char *what, const char *text, size_t min, size_t max,
                         enum shop__text_rule rule, shop_error_t *err) SHOP__MUST_USE;

/** As shop__text_check with min 1, but NULL passes. */
int32_t shop__text_check_optional(const char *what, const char *text, size_t max,
                                  enum shop__text_rule rule, shop_error_t *err) SHOP__MUST_USE;

/* ---- email.c ------------------------------------------------------------ */

#define SHOP__EMAIL_BYTES 255 /* 254 of RFC 5321 (path of 256 less <>) + NUL */

/** Checks that address is exactly one mailbox: Local-part "@" (Domain /
    address-literal) of RFC 5321 4.1.2 with the UTF-8 of RFC 6531 3.3 in
    atoms, quoted strings and labels. Limits: local part 64 bytes, domain 255,
    whole 254, label 63. No comment, no display name, no surrounding space,
    no control character; a domain with UTF-8 must fit all this in its ASCII
    form as well. The key receives the identity: the address with its domain in
    ASCII, ASCII letters in lower case and every other byte as it is.
    SHOP_ERR_ARGUMENT for NULL or "", SHOP_ERR_TEXT when not UTF-8,
    SHOP_ERR_TOO_LONG over 254 bytes, else SHOP_ERR_EMAIL. */
int32_t shop__email_parse(const char *address, char key[SHOP__EMAIL_BYTES],
                          shop_error_t *err) SHOP__MUST_USE;

/** Copies an address that is one (shop__email_parse), its domain in ASCII: labels
    with UTF-8 become A-labels (punycode.c). What is no address is copied, cut at
    254 bytes. */
void shop__email_to_ascii(const char *address, char out[SHOP__EMAIL_BYTES]);

/* ---- punycode.c ----------------------------------------------------------- */

/** Writes a label of a domain in ASCII, at most `max` and 63 bytes of it, and
    gives its size; one of ASCII alone stays as it is. 0: it does not fit, or
    cannot be a label. No NUL is added. */
size_t shop__punycode_label(const char *text, size_t size, char *out, size_t max) SHOP__MUST_USE;

/* ---- money.c ------------------------------------------------------------ */

/** The exponent of an ISO 4217 alphabetic code in upper case (EUR 2, JPY 0,
    KWD 3), or -1 when there is no such code or it has no minor unit (XAU). */
int32_t shop__money_exponent(const char *currency);
/** Checked arithmetic: false, and *out untouched, when it does not fit. */
bool shop__money_add(int64_t a, int64_t b, int64_t *out) SHOP__MUST_USE;
bool shop__money_multiply(int64_t amount, int64_t count, int64_t *out) SHOP__MUST_USE;
#define SHOP__MONEY_BYTES 40
/** "19.98 EUR", "-0.005 KWD", "1998 JPY". An unknown currency is written with
    exponent 0. Always fits. Returns out. */
const char *shop__money_format(int64_t minor, const char *currency, char out[SHOP__MONEY_BYTES]);
/** Reads a plain decimal ("19.98", "19", "0.5") as minor units: only digits
    and one dot, no more decimals than the exponent unless the rest is zeros.
    False when it is no such number or does not fit. */
bool shop__money_parse(const char *text, int32_t exponent, int64_t *minor) SHOP__MUST_USE;

/* ---- clock.c ------------------------------------------------------------ */

struct shop__clock {
  int64_t (*now_ms)(void *user); /* NULL: the system's real-time clock */
  void *user;
};
/** Now, in ms since the Unix epoch; never below 0 and always below
    2^42 (the year 2109), so that ids made from it stay below 2^53. */
int64_t shop__clock_now_ms(const struct shop__clock *clock);
/** A clock that never goes back, for deadlines inside the process. */
int64_t shop__clock_monotonic_us(void);
/** A time in UTC, as people count it: months and days from 1. */
struct shop__clock_parts {
  int32_t day_number; /* days since 1970-01-01, a Thursday */
  int32_t year;
  int32_t month;
  int32_t day;
  int32_t hour;
  int32_t minute;
  int32_t second;
};
/** Held inside the range of shop__clock_now_ms. */
void shop__clock_split(int64_t ms, struct shop__clock_parts *parts);
#define SHOP__CLOCK_TEXT_BYTES 40
/** "Sun, 22 Nov 2026 12:28:20 +0000" (RFC 5322 3.3, UTC). Returns out. */
const char *shop__clock_rfc5322(int64_t ms, char out[SHOP__CLOCK_TEXT_BYTES]);

#endif
