/*
 * What the files of lib/mail share: the parts that a message is made of. Each
 * appends to `out` and fails as shop__bytes does.
 */
#ifndef SHOP_LIB_MAIL_PARTS_H
#define SHOP_LIB_MAIL_PARTS_H

#include "base.h"

/* A line of a header stays within 76 bytes: RFC 2047 section 2 for lines with an encoded word, and
   RFC 5322 section 2.1.1 asks for 78. */
#define SHOP__MAIL_LINE_MAX 76

/* ---- clean.c ------------------------------------------------------------ */

/** A text as part of one line: a control character becomes a space, what is
    not UTF-8 becomes U+FFFD, and what turns the direction of text goes. */
void shop__mail_clean(struct shop__bytes *out, const char *text);
void shop__mail_clean_part(struct shop__bytes *out, const char *text, size_t size);
/** The same, fit for the text and the quoted attributes of HTML. */
void shop__mail_clean_html(struct shop__bytes *out, const char *text, size_t size);
/** A mailbox, its domain in ASCII; what is none (shop__email_parse) with every byte that
    could mean something to a header replaced by "_". */
void shop__mail_clean_address(struct shop__bytes *out, const char *address);
/** The inside of a Message-ID, likewise. */
void shop__mail_clean_id(struct shop__bytes *out, const char *id);

/* ---- header.c ----------------------------------------------------------- */

/** "Name: text", where text may be any UTF-8. */
void shop__mail_header_text(struct shop__bytes *out, const char *name, const char *text);
/** "Name: address", or "Name: display <address>" where display is not NULL and
    not empty. */
void shop__mail_header_mailbox(struct shop__bytes *out, const char *name, const char *display,
                               const char *address);
/** "Message-ID: <id>". */
void shop__mail_header_id(struct shop__bytes *out, const char *id);

/* ---- encoded_word.c ------------------------------------------------------ */

/** Clean UTF-8 as encoded words (RFC 2047), one a line, beginning with a space
    or a fold at *column of the present line; *column is then where the last
    one ends. */
void shop__mail_encoded_words(struct shop__bytes *out, const char *text, size_t size,
                              size_t *column);

/* ---- quoted_printable.c -------------------------------------------------- */

/** A text with CRLF line ends as quoted-printable (RFC 2045 section 6.7). */
void shop__mail_quoted_printable(struct shop__bytes *out, const char *text, size_t size);

/* ---- base64.c ------------------------------------------------------------- */

size_t shop__mail_base64_size(size_t size);
/** On one line (RFC 4648). */
void shop__mail_base64(struct shop__bytes *out, const char *data, size_t size);
/** In lines of 76 that end with CRLF (RFC 2045 section 6.8). */
void shop__mail_base64_lines(struct shop__bytes *out, const char *data, size_t size);

#endif
