/*
 * The door of lib/mail: turns what happened into the bytes of a message.
 * It knows no store and no transport.
 */
#ifndef SHOP_LIB_MAIL_H
#define SHOP_LIB_MAIL_H

#include "base.h"

#define SHOP__SUBJECT_MAX 500
#define SHOP__TEMPLATE_MAX 65536
#define SHOP__TEMPLATE_DEPTH_MAX 8

/** The templates of a shop: those that are built in, and the host's. */
struct shop__mail_templates;

struct shop__mail_line {
  const char *name;
  const char *sku;
  int64_t quantity;
  int64_t unit_price_minor;
  int64_t total_minor;
};

struct shop__mail_adjustment {
  const char *label;
  int64_t amount_minor;
  bool included; /* already inside the line prices: shown, not added */
};

/** What a mail tells of an order. Texts are UTF-8; line breaks may occur only in
    the addresses. */
struct shop__mail_order {
  const char *number;
  int64_t date_ms;
  const char *currency;
  const struct shop__mail_line *lines;
  size_t line_count;
  const struct shop__mail_adjustment *adjustments;
  size_t adjustment_count;
  int64_t total_minor;
  const char *shipping_address; /* NULL: none */
  const char *billing_address;  /* NULL: none */
};

/** What any mail tells: NULL and 0 where its kind has no use for it. */
struct shop__mail_facts {
  const char *shop_name;
  const char *from;          /* mailbox */
  const char *reply_to;      /* mailbox, or NULL */
  const char *recipient;     /* mailbox */
  const char *message_id;    /* without <> */
  const char *language;      /* the reader's (BCP 47); NULL or "": the shop's */
  const char *shop_language; /* likewise; NULL or "": English */
  int64_t date_ms;
  const struct shop__mail_order *order; /* NULL: a mail about an account */
  int64_t amount_minor;                 /* of a refund */
  const char *currency;                 /* of a refund */
  const char *code;                     /* of a mail with a code: a secret */
  const char *link;                     /* the URL with that code, or NULL */
  int64_t expires_at_ms;                /* of the code */
  const char *new_email;                /* of an address changed */
  const char *reason;                   /* for the customer to read, or NULL */
};

/* ---- message.c ---------------------------------------------------------- */

/** The whole message (RFC 5322, RFC 2045-2047) of a kind (enum shop_mail_kind):
    multipart/alternative (RFC 2046 section 5.1.4) of text/plain and text/html,
    or the text alone where its template has no HTML; UTF-8 as quoted-printable
    or base64, whichever is shorter; CRLF; no line over 76 bytes in a body,
    header fields folded below 78 where a fold is possible and never over 998;
    Auto-Submitted: auto-generated (RFC 3834). No input can begin a header line
    or end one. A local part with UTF-8 stands raw in From and To (RFC 6532);
    all else in the header is ASCII, by encoded words. The same facts give the
    same bytes. The caller frees out, which is secret where the facts hold a
    code. SHOP_ERR_NO_MEMORY, with out->failed. */
int32_t shop__mail_compose(const struct shop__mail_templates *templates, int32_t kind,
                           const struct shop__mail_facts *facts,
                           struct shop__bytes *out) SHOP__MUST_USE;

/* ---- templates.c -------------------------------------------------------- */

/** Makes a set with the built-in English templates and a copy of what a host
    has put into `from` (NULL: nothing). SHOP_ERR_NO_MEMORY. */
int32_t shop__mail_templates_new(const struct shop__mail_templates *from,
                                 struct shop__mail_templates **out) SHOP__MUST_USE;
/** NULL is harmless. */
void shop__mail_templates_free(struct shop__mail_templates *templates);
/** Sets, or replaces, what a kind of mail looks like in a language; html NULL:
    the text alone. On failure nothing is changed: SHOP_ERR_ARGUMENT (no such
    kind, no such form of a tag, an empty text), SHOP_ERR_TEXT,
    SHOP_ERR_TOO_LONG, SHOP_ERR_TEMPLATE, SHOP_ERR_NO_MEMORY. */
int32_t shop__mail_templates_set(struct shop__mail_templates *templates, int32_t kind,
                                 const char *language, const char *subject, const char *text,
                                 const char *html, shop_error_t *err) SHOP__MUST_USE;
/** "payment_failed" and the like, as files of templates are named; NULL: no such
    kind. */
const char *shop__mail_kind_name(int32_t kind);
/** Whether mail of this kind carries a code, which is the reader's alone; true also
    of what is no kind. */
bool shop__mail_kind_has_code(int32_t kind);

/* ---- language.c --------------------------------------------------------- */

#define SHOP__LANGUAGE_BYTES 36 /* RFC 5646 section 4.4.1, and the NUL */
/** A well-formed language tag of RFC 5646 section 2.1 (langtag; not the
    irregular ones of before 1998 nor those of private use alone). */
bool shop__language_tag(const char *tag);

#endif
