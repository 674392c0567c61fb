/*
 * Templates: what mails look like and say. English ones are built in for every
 * kind of mail; a host sets its own, per kind and language, before the shop is
 * opened.
 *
 * A mail is written in the language of its reader (`shop_options_set_language`,
 * `shop_user_set_language`), or the nearest there is a template for: "de-AT",
 * then "de", then the shop's own language (`shop_config_set_language`), then
 * the built-in English (RFC 4647 section 3.4). Money and dates are written as
 * the reader's language writes them, where the template is in that language.
 *
 * A template has three parts: a subject of one line, a plain text, and HTML,
 * which may be missing. In each of them
 *
 *   {{name}}                                  stands for a value
 *   {{#if name}} ... {{else}} ... {{/if}}     asks whether there is one
 *   {{#lines}} ... {{/lines}}                 repeats for each line of the order
 *
 * A value is never read as a template or as HTML: in HTML & < > " and ' are
 * escaped, so that it can stand in text and in a quoted attribute, but not
 * inside <script> or <style>; in the others it cannot begin a line. A tag of a
 * block that has a line to itself leaves no empty line. Loops do not nest;
 * blocks do, up to 8 deep.
 *
 * The values of every mail: shop_name, recipient, date (of the mail).
 * Of mails about an order: order_number, order_date, currency, total, reason
 * (may be missing), shipping_address and billing_address (may be missing; of
 * several lines, each indented by two spaces in the text and ended by <br> in
 * HTML), and the lists lines, with name, sku, quantity, unit_price and
 * line_total in it, and adjustments, with label, amount and included (only to
 * be asked for: the amount is inside the prices already).
 * Of a refund: refund_amount.
 * Of a mail with a code (verify_address, password_reset, unlock,
 * registration): code, link (may be missing), expires.
 * Of email_changed: new_email.
 *
 * Times are UTC. Money is written by the rules of the Unicode CLDR for some
 * fifty languages, with the ISO 4217 code where a language has no sign of its
 * own for a currency; for any other language as "1998.00 EUR" and 2026-11-22.
 */
#ifndef SHOP_TEMPLATE_H
#define SHOP_TEMPLATE_H

#include "shop/common.h"

#ifdef __cplusplus
extern "C" {
#endif

/**
 * Sets what a kind of mail looks like in a language; what was set for both
 * before is replaced. Everything is checked now, so that nothing is found
 * wrong when a mail is due. A mail that would pass 4 MiB in a part is made
 * from the built-in template instead.
 *
 * @param kind     enum shop_mail_kind
 * @param language a tag of BCP 47, such as "de" or "pt-BR"; upper and lower case
 *                 are the same
 * @param subject  1 to 500 bytes, one line; copied
 * @param text     1 to 65,536 bytes; any line ends; copied
 * @param html     likewise; NULL: the mail is plain text alone
 * @return SHOP_OK; SHOP_ERR_ARGUMENT (no such kind, no such tag, a part is
 *   missing or empty); SHOP_ERR_TEXT (not UTF-8, a control character);
 *   SHOP_ERR_TOO_LONG; SHOP_ERR_TEMPLATE (a name that this kind of mail does not
 *   have, a block that is not closed or nested wrongly: the sentence names the
 *   line); SHOP_ERR_NO_MEMORY
 * @since 0.1.0
 */
SHOP_API int32_t shop_config_set_mail_template(shop_config_t *config, int32_t kind,
                                               const char *language, const char *subject,
                                               const char *text, const char *html,
                                               shop_error_t *err);

/**
 * Sets templates from files: FOLDER/LANGUAGE/KIND.subject, KIND.txt and, where
 * there is one, KIND.html. KIND is the name of enum shop_mail_kind in lower
 * case without its SHOP_MAIL_, such as "confirmation" or "password_reset". A
 * kind without files is left as it is, and so is all of it when anything is
 * wrong. Names that begin with a dot, files beside the languages, and files
 * with another ending are passed over; a file with one of these three endings
 * that is named like no kind is a mistake.
 *
 * @param folder its path
 * @return as shop_config_set_mail_template, with the file in the sentence; also
 *   SHOP_ERR_TEMPLATE for a folder or file with a wrong name and for a kind that
 *   lacks its subject or text; SHOP_ERR_CANNOT_OPEN, SHOP_ERR_IO
 * @since 0.1.0
 */
SHOP_API int32_t shop_config_load_mail_templates(shop_config_t *config, const char *folder,
                                                 shop_error_t *err);

#ifdef __cplusplus
}
#endif
#endif
