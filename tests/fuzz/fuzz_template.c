/*
 * What a host may set as a template: read, and rendered for a mail whose data
 * is hostile too. The first byte of the input is the kind of mail, the rest
 * the template, as text and as HTML. Whatever it is, nothing of the data can
 * begin a line of the text that the template did not begin, nor open an
 * element of the HTML, and the same facts give the same bytes.
 */
#include "mail_templates.h"

#include <stdlib.h>
#include <string.h>

#define MARK "\xE2\x98\xA0" /* begins each text of the data after its line break */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool holds) {
  if (!holds)
    abort();
}

#define EVIL "a\r\n" MARK "<b>\"'&{{code}}\xff"

static const struct shop__mail_line LINES[] = {{EVIL, EVIL, 1, 999, 999}, {"b", "B", 2, -5, 0}};
static const struct shop__mail_adjustment ADJUSTMENTS[] = {{EVIL, -1, true}, {"", 0, false}};
static const struct shop__mail_order ORDER = {.number = EVIL,
                                              .currency = "EUR",
                                              .lines = LINES,
                                              .line_count = 2,
                                              .adjustments = ADJUSTMENTS,
                                              .adjustment_count = 2,
                                              .total_minor = INT64_MIN,
                                              .shipping_address = EVIL "\n\n" EVIL,
                                              .billing_address = ""};

static struct shop__mail_facts facts_of(int32_t kind) {
  return (struct shop__mail_facts){.shop_name = EVIL,
                                   .from = "a@example.org",
                                   .recipient = EVIL,
                                   .message_id = "x@example.org",
                                   .order = kind <= 4 ? &ORDER : NULL,
                                   .amount_minor = 1,
                                   .currency = "JPY",
                                   .reason = EVIL,
                                   .code = EVIL,
                                   .link = EVIL,
                                   .new_email = EVIL};
}

static void check_part(const struct shop__template *template, enum shop__mail_part part,
                       int32_t kind, const struct shop__bytes *source) {
  struct shop__mail_facts facts = facts_of(kind);
  struct shop__bytes out = {0}, again = {0};
  const struct shop__locale *locale = shop__locale_find("de");
  bool fits = shop__template_render(template, &facts, locale, 1 << 20, &out);

  check(fits == shop__template_render(template, &facts, locale, 1 << 20, &again));
  check(out.used == again.used && (out.used == 0 || memcmp(out.data, again.data, out.used) == 0));
  if (out.used > 0 && strstr(source->data, MARK) == NULL) {
    check(part != SHOP__PART_TEXT || strstr(out.data, "\n" MARK) == NULL);
    check(part != SHOP__PART_HTML || strstr(out.data, MARK "<b>") == NULL);
    check(shop__text_utf8(out.data, out.used));
  }
  shop__bytes_free(&out);
  shop__bytes_free(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct shop__bytes source = {0};
  struct shop_error err = {0};

  if (size < 2)
    return 0;
  shop__bytes_add(&source, data + 1, size - 1);
  check(!source.failed);
  for (int part = SHOP__PART_SUBJECT; part <= SHOP__PART_HTML; part++) {
    struct shop__template *template = NULL;
    int32_t kind = 1 + data[0] % (SHOP__MAIL_KINDS - 1);
    int32_t status = shop__template_check((enum shop__mail_part)part, source.data, &err);

    if (status == SHOP_OK)
      status = shop__template_read(kind, (enum shop__mail_part)part, source.data, &template, &err);
    check((status == SHOP_OK) == (template != NULL));
    check((status == SHOP_OK) == (err.message[0] == '\0'));
    check(shop__text_utf8(err.message, strlen(err.message)));
    if (template != NULL)
      check_part(template, (enum shop__mail_part)part, kind, &source);
    shop__memory_free(template);
    shop__error_clear(&err);
  }
  shop__bytes_free(&source);
  return 0;
}
