/*
 * How languages write money and dates: facts of the Unicode CLDR, version 41
 * (number patterns, number symbols, currency symbols, date patterns), for the
 * languages that shops write in most. Digits are always 0 to 9.
 */
#include "mail_template.h"

#include <assert.h>
#include <string.h>

#define NBSP "\xC2\xA0"
#define NARROW "\xE2\x80\xAF" /* U+202F */
#define APOSTROPHE "\xE2\x80\x99"
#define MINUS "\xE2\x88\x92"
#define LRM_MINUS "\xE2\x80\x8E-"
#define RLM "\xE2\x80\x8F"

enum shape {
  SIGN_LAST = 0,        /* 1.00 € */
  SIGN_FIRST = 1,       /* €1.00 */
  SPACED = 2,           /* a space between sign and number; a code of letters always has one */
  MINUS_INSIDE = 4,     /* the minus stands at the number, not at the sign */
  MINUS_FOR_SPACE = 64, /* and the space goes: CHF-1.00 */
  NARROW_GROUPS =
      8, /* only from five digits before the decimal sign on (CLDR: 2 digits at least) */
  RIGHT_TO_LEFT = 16, /* a mark before the number */
  INDIAN_GROUPS = 32  /* 12,34,567 */
};

/* What a date is made of: d, m day and month, D, M in two digits, b the English month, y the year;
   all else stands for itself. */
struct shop__locale {
  char tag[6];
  char decimal[2];
  char group[4];
  char minus[5];
  uint8_t shape;
  char date[14];
  char signs[32]; /* of currencies: "USD$ GBP£"; the euro has its own unless said here */
};

/* The first is what an unknown language is written in, beside its own code. */
static const struct shop__locale locales[] = {
    {"", ".", "", "-", 0, "y-M-D", ""},
    {"en", ".", ",", "-", SIGN_FIRST, "b d, y", "USD$ GBP£ JPY¥ INR₹"},
    {"en-AU", ".", ",", "-", SIGN_FIRST, "d b y", "AUD$ EUREUR"},
    {"en-CA", ".", ",", "-", SIGN_FIRST, "b d, y", "CAD$ GBP£ USDUS$"},
    {"en-GB", ".", ",", "-", SIGN_FIRST, "d b y", "GBP£ USDUS$ INR₹"},
    {"en-IE", ".", ",", "-", SIGN_FIRST, "d b y", "GBP£ USDUS$"},
    {"en-IN", ".", ",", "-", SIGN_FIRST | INDIAN_GROUPS, "D-b-y", "INR₹ USD$ GBP£"},
    {"en-NZ", ".", ",", "-", SIGN_FIRST, "d/M/y", "NZD$ USDUS$ GBP£"},
    {"ar", ".", ",", LRM_MINUS, SIGN_FIRST | SPACED, "D" RLM "/M" RLM "/y", ""},
    {"bg", ",", "", "-", SPACED, "d.M.y г.", "BGNлв."},
    {"cs", ",", NBSP, "-", SPACED, "d. m. y", "CZKKč GBP£"},
    {"da", ",", ".", "-", SPACED, "D.M.y", "DKKkr. GBP£"},
    {"de", ",", ".", "-", SPACED, "D.M.y", "USD$ GBP£ JPY¥"},
    {"de-AT", ",", ".", "-", SIGN_FIRST | SPACED, "D.M.y", "USD$ GBP£ JPY¥"},
    {"de-CH", ".", APOSTROPHE, "-", SIGN_FIRST | SPACED | MINUS_INSIDE | MINUS_FOR_SPACE, "D.M.y",
     "EUREUR USD$ GBP£ JPY¥"},
    {"el", ",", ".", "-", SPACED, "d/m/y", "USD$ GBP£"},
    {"es", ",", ".", "-", SPACED | NARROW_GROUPS, "d/m/y", ""},
    {"es-MX", ".", ",", "-", SIGN_FIRST, "D/M/y", "MXN$ EUREUR"},
    {"et", ",", NBSP, MINUS, SPACED | NARROW_GROUPS, "D.M.y", "USD$ GBP£ JPY¥"},
    {"fi", ",", NBSP, MINUS, SPACED, "d.m.y", "USD$ GBP£ JPY¥"},
    {"fr", ",", NARROW, "-", SPACED, "D/M/y", ""},
    {"fr-CA", ",", NBSP, "-", SPACED, "y-M-D", "CAD$ GBP£ JPY¥"},
    {"he", ".", ",", LRM_MINUS, SPACED | RIGHT_TO_LEFT, "d.m.y", "ILS₪ USD$ GBP£ JPY¥"},
    {"hr", ",", ".", MINUS, SPACED, "D. M. y.", ""},
    {"hu", ",", NBSP, "-", SPACED, "y. M. D.", "HUFFt JPY¥ EUREUR"},
    {"it", ",", ".", "-", SPACED, "D/M/y", "GBP£"},
    {"it-CH", ".", APOSTROPHE, "-", SIGN_FIRST | SPACED | MINUS_INSIDE | MINUS_FOR_SPACE, "D.M.y",
     "GBP£"},
    {"ja", ".", ",", "-", SIGN_FIRST, "y/M/D", "JPY￥ USD$ GBP£"},
    {"ko", ".", ",", "-", SIGN_FIRST, "y. m. d.", "KRW₩ USDUS$ GBP£"},
    {"lt", ",", NBSP, MINUS, SPACED, "y-M-D", ""},
    {"lv", ",", NBSP, "-", SPACED | NARROW_GROUPS, "D.M.y", "USD$ GBP£ JPY¥"},
    {"nb", ",", NBSP, MINUS, SIGN_FIRST | SPACED | MINUS_INSIDE, "D.M.y", "NOKkr GBP£"},
    {"nl", ",", ".", "-", SIGN_FIRST | SPACED | MINUS_INSIDE, "D-M-y", "USDUS$ GBP£"},
    {"nn", ",", NBSP, MINUS, SPACED, "D.M.y", "NOKkr"},
    {"no", ",", NBSP, MINUS, SIGN_FIRST | SPACED | MINUS_INSIDE, "D.M.y", "NOKkr GBP£"},
    {"pl", ",", NBSP, "-", SPACED | NARROW_GROUPS, "d.M.y", "PLNzł"},
    {"pt", ",", ".", "-", SIGN_FIRST | SPACED, "D/M/y", "BRLR$ USDUS$ GBP£"},
    {"pt-PT", ",", NBSP, "-", SPACED | NARROW_GROUPS, "D/M/y", "USDUS$ GBP£"},
    {"ro", ",", ".", "-", SPACED, "D.M.y", "EUREUR"},
    {"ru", ",", NBSP, "-", SPACED, "D.M.y", "RUB₽ UAH₴ USD$ GBP£ JPY¥"},
    {"sk", ",", NBSP, "-", SPACED, "d. m. y", ""},
    {"sl", ",", ".", MINUS, SPACED, "d. M. y", "USD$ JPY¥"},
    {"sv", ",", NBSP, MINUS, SPACED, "y-M-D", "SEKkr USDUS$"},
    {"tr", ",", ".", "-", SIGN_FIRST, "d.M.y", "TRY₺ USD$ GBP£ JPY¥"},
    {"uk", ",", NBSP, "-", SPACED, "D.M.y", "UAH₴ JPY¥ EUREUR"},
    {"zh", ".", ",", "-", SIGN_FIRST, "y年m月d日", "CNY¥ USDUS$ GBP£"},
};

const struct shop__locale *shop__locale_find(const char *language) {
  for (size_t size = strlen(language); size > 0; size = shop__language_shorter(language, size)) {
    for (size_t i = 1; i < sizeof locales / sizeof locales[0]; i++) {
      if (shop__language_is(locales[i].tag, language, size)) {
        return &locales[i];
      }
    }
  }
  return &locales[0];
}

/* ---- money ---------------------------------------------------------------------- */

/* A text that fits its buffer by what is put into it. */
struct text {
  char *data;
  size_t used;
  size_t size;
};

static void add(struct text *text, const char *part, size_t size) {
  assert(size < text->size - text->used);
  memcpy(text->data + text->used, part, size);
  text->used += size;
  text->data[text->used] = '\0';
}

static void add_all(struct text *text, const char *part) {
  add(text, part, strlen(part));
}

#define DIGITS_MAX 24

/* The digits, at least so many, at the end of the buffer. Not by printf, whose machinery costs more
   than the rest of a mail. */
static const char *digits_of(uint64_t number, size_t at_least, char buffer[DIGITS_MAX]) {
  size_t at = DIGITS_MAX;
  do {
    buffer[--at] = (char)('0' + number % 10);
    number /= 10;
  } while (number > 0 || DIGITS_MAX - at < at_least);
  return buffer + at;
}

static void add_digits(struct text *text, uint64_t number, size_t at_least) {
  char buffer[DIGITS_MAX];
  const char *digits = digits_of(number, at_least, buffer);
  add(text, digits, (size_t)(buffer + DIGITS_MAX - digits));
}

/* The sign of a currency and its size, or the code itself. */
static const char *sign_of(const struct shop__locale *locale, const char *currency, size_t *size) {
  static const char euro[] = "€";
  for (const char *at = locale->signs; *at != '\0'; at += strcspn(at, " "), at += *at == ' ') {
    if (strncmp(at, currency, 3) == 0) {
      *size = strcspn(at + 3, " ");
      return at + 3;
    }
  }
  bool is_euro = strcmp(currency, "EUR") == 0;
  *size = is_euro ? sizeof euro - 1 : strlen(currency);
  return is_euro ? euro : currency;
}

/* Whether a group ends before the digit that has `left` digits from itself on. */
static bool ends_group(const struct shop__locale *locale, size_t left, size_t digits) {
  if ((locale->shape & NARROW_GROUPS) != 0 && digits < 5) {
    return false;
  }
  if ((locale->shape & INDIAN_GROUPS) != 0 && left > 3) {
    return left % 2 == 1;
  }
  return left % 3 == 0;
}

static void add_number(struct text *text, const struct shop__locale *locale, uint64_t amount,
                       int32_t exponent) {
  char buffer[DIGITS_MAX];
  const char *digits = digits_of(amount, (size_t)exponent + 1, buffer);
  size_t whole = (size_t)(buffer + DIGITS_MAX - digits) - (size_t)exponent;
  for (size_t i = 0; i < whole; i++) {
    if (i > 0 && ends_group(locale, whole - i, whole)) {
      add_all(text, locale->group);
    }
    add(text, digits + i, 1);
  }
  if (exponent > 0) {
    add(text, locale->decimal, 1);
    add(text, digits + whole, (size_t)exponent);
  }
}

static bool is_letter(char c) {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

const char *shop__locale_money(const struct shop__locale *locale, int64_t minor,
                               const char *currency, char out[SHOP__LOCALE_MONEY_BYTES]) {
  int32_t exponent = shop__money_exponent(currency);
  if (locale == &locales[0] || exponent < 0) {
    static_assert(SHOP__MONEY_BYTES <= SHOP__LOCALE_MONEY_BYTES, "the neutral form fits");
    return shop__money_format(minor, currency, out);
  }
  struct text text = {.data = out, .size = SHOP__LOCALE_MONEY_BYTES};
  uint64_t amount = minor < 0 ? 0 - (uint64_t)minor : (uint64_t)minor; /* INT64_MIN as well */
  const char *minus = minor < 0 ? locale->minus : "";
  bool first = (locale->shape & SIGN_FIRST) != 0;
  bool inside = first && (locale->shape & MINUS_INSIDE) != 0;
  size_t size;
  const char *sign = sign_of(locale, currency, &size);
  /* CLDR puts the space of a code of letters where the pattern has none. */
  bool spaced = (locale->shape & SPACED) != 0 || is_letter(sign[first ? size - 1 : 0]);
  add_all(&text, (locale->shape & RIGHT_TO_LEFT) != 0 ? RLM : "");
  add_all(&text, inside ? "" : minus);
  if (first) {
    add(&text, sign, size);
    bool joined = minor < 0 && (locale->shape & MINUS_FOR_SPACE) != 0;
    add_all(&text, spaced && !joined ? NBSP : "");
  }
  add_all(&text, inside ? minus : "");
  add_number(&text, locale, amount, exponent);
  if (!first) {
    add_all(&text, spaced ? NBSP : "");
    add(&text, sign, size);
  }
  return out;
}

const char *shop__locale_count(int64_t count, char out[SHOP__LOCALE_DATE_BYTES]) {
  struct text text = {.data = out, .size = SHOP__LOCALE_DATE_BYTES};
  add_all(&text, count < 0 ? "-" : "");
  add_digits(&text, count < 0 ? 0 - (uint64_t)count : (uint64_t)count, 1);
  return out;
}

/* ---- dates ----------------------------------------------------------------------- */

const char *shop__locale_date(const struct shop__locale *locale, int64_t ms, bool with_time,
                              char out[SHOP__LOCALE_DATE_BYTES]) {
  static const char months[12][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                     "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  struct shop__clock_parts at;
  struct text text = {.data = out, .size = SHOP__LOCALE_DATE_BYTES};
  shop__clock_split(ms, &at);
  for (const char *c = locale->date; *c != '\0'; c++) {
    int32_t value = *c == 'y' ? at.year : *c == 'm' || *c == 'M' ? at.month : at.day;
    if (strchr("dDmMy", *c) != NULL) {
      add_digits(&text, (uint64_t)value, *c == 'D' || *c == 'M' ? 2 : 1);
    } else if (*c == 'b') {
      add_all(&text, months[at.month - 1]);
    } else {
      add(&text, c, 1);
    }
  }
  if (with_time) {
    add_all(&text, " ");
    add_digits(&text, (uint64_t)at.hour, 2);
    add_all(&text, ":");
    add_digits(&text, (uint64_t)at.minute, 2);
    add_all(&text, " UTC");
  }
  return out;
}
