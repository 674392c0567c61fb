/*
 * What the files of the template language share: template.c reads a text into
 * steps, template_names.c knows what may stand in a text, template_render.c
 * carries the steps out for the facts of one mail.
 */
#ifndef SHOP_LIB_MAIL_TEMPLATE_H
#define SHOP_LIB_MAIL_TEMPLATE_H

#include "mail.h"

#define SHOP__MAIL_KINDS 13 /* one more than the last kind: tables are indexed by it */

/* ---- template_names.c ------------------------------------------------------ */

/** What a template may speak of. */
enum shop__mail_name {
  SHOP__NAME_SHOP_NAME,
  SHOP__NAME_RECIPIENT,
  SHOP__NAME_DATE,
  SHOP__NAME_ORDER_NUMBER,
  SHOP__NAME_ORDER_DATE,
  SHOP__NAME_CURRENCY,
  SHOP__NAME_TOTAL,
  SHOP__NAME_SHIPPING_ADDRESS,
  SHOP__NAME_BILLING_ADDRESS,
  SHOP__NAME_LINES,
  SHOP__NAME_LINE_NAME,
  SHOP__NAME_SKU,
  SHOP__NAME_QUANTITY,
  SHOP__NAME_UNIT_PRICE,
  SHOP__NAME_LINE_TOTAL,
  SHOP__NAME_ADJUSTMENTS,
  SHOP__NAME_LABEL,
  SHOP__NAME_AMOUNT,
  SHOP__NAME_INCLUDED,
  SHOP__NAME_REFUND_AMOUNT,
  SHOP__NAME_REASON,
  SHOP__NAME_CODE,
  SHOP__NAME_LINK,
  SHOP__NAME_EXPIRES,
  SHOP__NAME_NEW_EMAIL,
  SHOP__NAME_COUNT
};

enum shop__mail_name_type {
  SHOP__NAME_IS_VALUE,
  SHOP__NAME_IS_ADDRESS, /* a value of several lines */
  SHOP__NAME_IS_FLAG,    /* only to be asked for */
  SHOP__NAME_IS_LIST
};

/** The name of this text where it is known to a kind and, with `list` not
    SHOP__NAME_COUNT, inside its loop; SHOP__NAME_COUNT: none. */
enum shop__mail_name shop__mail_name_find(const char *text, size_t size, int32_t kind,
                                          enum shop__mail_name list);
enum shop__mail_name_type shop__mail_name_type(enum shop__mail_name name);
const char *shop__mail_name_text(enum shop__mail_name name);

/* ---- template.c ------------------------------------------------------------ */

enum shop__mail_part { SHOP__PART_SUBJECT, SHOP__PART_TEXT, SHOP__PART_HTML };

enum shop__step_kind {
  SHOP__STEP_TEXT,  /* add `size` bytes of the literals from `at` */
  SHOP__STEP_VALUE, /* add a value */
  SHOP__STEP_LOOP,  /* begin a list, or go to `at` when it is empty */
  SHOP__STEP_NEXT,  /* go back to `at` while the list has more */
  SHOP__STEP_IF,    /* go to `at` when there is no such value */
  SHOP__STEP_GO     /* go to `at` */
};

struct shop__step {
  uint8_t kind;
  uint8_t name;
  uint32_t at;
  uint32_t size;
};

/** A part of a message, read once; one block of memory. */
struct shop__template {
  size_t bytes; /* of the whole block */
  uint32_t step_count;
  uint8_t part;              /* enum shop__mail_part */
  struct shop__step steps[]; /* then the literals */
};

/** Whether a text is fit to be read. SHOP_ERR_ARGUMENT (NULL, empty),
    SHOP_ERR_TOO_LONG, SHOP_ERR_TEXT, each with its sentence. */
int32_t shop__template_check(enum shop__mail_part part, const char *text,
                             shop_error_t *err) SHOP__MUST_USE;
/** Reads a text that is fit. SHOP_ERR_TEMPLATE, SHOP_ERR_NO_MEMORY, with their
    sentence. */
int32_t shop__template_read(int32_t kind, enum shop__mail_part part, const char *text,
                            struct shop__template **out, shop_error_t *err) SHOP__MUST_USE;

/* ---- template_render.c ------------------------------------------------------- */

struct shop__locale;

/** Appends the part, with values written as `locale` says; false: it would pass
    max bytes. Fails as shop__bytes does. */
bool shop__template_render(const struct shop__template *template,
                           const struct shop__mail_facts *facts, const struct shop__locale *locale,
                           size_t max, struct shop__bytes *out) SHOP__MUST_USE;

/* ---- locale.c ---------------------------------------------------------------- */

/** How a language writes money and dates; never NULL: what is not known is
    written in the neutral way of ISO 4217 and ISO 8601. */
const struct shop__locale *shop__locale_find(const char *language);
#define SHOP__LOCALE_MONEY_BYTES 96
#define SHOP__LOCALE_DATE_BYTES 64
/** "1.998,00 €", or with the ISO code where the language has no sign for it.
    Always fits. Returns out. */
const char *shop__locale_money(const struct shop__locale *locale, int64_t minor,
                               const char *currency, char out[SHOP__LOCALE_MONEY_BYTES]);
/** A number of pieces. Always fits. Returns out. */
const char *shop__locale_count(int64_t count, char out[SHOP__LOCALE_DATE_BYTES]);
/** The day, in UTC; with_time: also hour and minute, and "UTC". Always fits.
    Returns out. */
const char *shop__locale_date(const struct shop__locale *locale, int64_t ms, bool with_time,
                              char out[SHOP__LOCALE_DATE_BYTES]);

/* ---- language.c ---------------------------------------------------------------- */

/** Whether `tag` is the first `size` bytes of `language`, in any case of letters. */
bool shop__language_is(const char *tag, const char *language, size_t size);
/** The size of the next shorter tag (RFC 4647 section 3.4), 0: there is none. */
size_t shop__language_shorter(const char *language, size_t size);

#endif
