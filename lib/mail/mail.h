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

/** What a confirmation tells. Texts are UTF-8; line breaks may occur only in
    the addresses. */
struct shop__mail_order {
  const char *shop_name;
  const char *from;      /* mailbox */
  const char *recipient; /* mailbox, as typed */
  const char *message_id; /* without <>: stable, derived from the order */
  int64_t date_ms;
  const char *order_number;
  const char *currency;
  const struct shop__mail_line *lines;
  size_t line_count;
  const struct shop__mail_adjustment *adjustments;
  size_t adjustment_count;
  int64_t total_minor;
  const char *shipping_address; /* NULL: none */
};

/** The whole message (RFC 5322, RFC 2045-2047): From, To, Subject, Date,
    Message-ID, MIME-Version, text/plain in UTF-8 as quoted-printable, CRLF,
    no line over 78 bytes in the body, header fields folded below 78 where a
    fold is possible and never over 998, Auto-Submitted: auto-generated
    (RFC 3834). No input can begin a header line or end one. An address with
    UTF-8 stands raw in From and To (RFC 6532); all else in the header is
    ASCII, by encoded words. On failure out->failed. The caller frees out. */
void shop__mail_confirmation(const struct shop__mail_order *order, struct shop__bytes *out);

#endif
