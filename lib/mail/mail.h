/*
 * The door of lib/mail: turns what happened into the bytes of a message.
 * It knows no store and no transport.
 */
#ifndef SHOP_LIB_MAIL_H
#define SHOP_LIB_MAIL_H

#include "base.h"

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
  const char *from;       /* mailbox */
  const char *reply_to;   /* mailbox, or NULL */
  const char *recipient;  /* mailbox */
  const char *message_id; /* without <> */
  int64_t date_ms;
  const struct shop__mail_order *order; /* NULL: a mail about an account */
  int64_t amount_minor;                 /* of a refund */
  const char *currency;                 /* of a refund */
  const char *code;                     /* of a mail with a code: a secret */
  const char *link;                     /* the URL with that code, or NULL */
  int64_t expires_at_ms;                /* of the code */
  const char *new_email;                /* of an address changed */
  const char *reason;                   /* why a payment failed, or NULL */
};

/** The whole message (RFC 5322, RFC 2045-2047) of a kind (enum shop_mail_kind):
    text/plain in UTF-8 as quoted-printable, CRLF, no line over 76 bytes in the
    body, header fields folded below 78 where a fold is possible and never over
    998, Auto-Submitted: auto-generated (RFC 3834). No input can begin a header
    line or end one. An address with UTF-8 stands raw in From and To (RFC 6532);
    all else in the header is ASCII, by encoded words. The caller frees out.
    SHOP_ERR_NO_MEMORY, with out->failed. */
int32_t shop__mail_compose(int32_t kind, const struct shop__mail_facts *facts,
                           struct shop__bytes *out) SHOP__MUST_USE;

#endif
