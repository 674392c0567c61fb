/* Letters: what the shop knows of an order or an account, put into a finished
   message with its envelope. Nothing here is stored; the transaction of the
   cause does that. */
#include <stdio.h>
#include <string.h>

#include "flow.h"

#define ID_BYTES (SHOP__EMAIL_BYTES + 64)

static size_t fill_lines(const shop_order_t *order, struct shop__mail_line *lines) {
  size_t count = 0;

  for (int32_t i = 0; i < shop_order_line_count(order); i++)
    lines[count++] = (struct shop__mail_line){
        .name = shop_order_line_name(order, i),
        .sku = shop_order_line_sku(order, i),
        .quantity = shop_order_line_quantity(order, i),
        .unit_price_minor = shop_order_line_unit_price_minor(order, i),
        .total_minor = shop_order_line_total_minor(order, i),
    };
  return count;
}

static size_t fill_adjustments(const shop_order_t *order, struct shop__mail_adjustment *out) {
  size_t count = 0;

  for (int32_t i = 0; i < shop_order_adjustment_count(order); i++)
    out[count++] = (struct shop__mail_adjustment){
        .label = shop_order_adjustment_label(order, i),
        .amount_minor = shop_order_adjustment_amount_minor(order, i),
        .included = shop_order_adjustment_kind(order, i) == SHOP_ADJUSTMENT_TAX_INCLUDED,
    };
  return count;
}

static const char *domain_of(const char *mailbox) {
  const char *domain = strrchr(mailbox, '@');

  return domain == NULL ? "@localhost" : domain;
}

/* Made of what the mail is about alone, so that a second copy of it can be
   recognised (RFC 5322 3.6.4). */
static void order_id(const struct shop__letter *letter, const shop_order_t *order, char *out) {
  static const char *const NAMES[] = {
      [SHOP_MAIL_CONFIRMATION] = "confirmation",
      [SHOP_MAIL_PAYMENT_FAILED] = "payment-failed",
      [SHOP_MAIL_ORDER_CANCELLED] = "cancelled",
      [SHOP_MAIL_REFUND] = "refund",
  };
  char cause[24] = "";

  if (letter->cause_id != 0)
    (void)snprintf(cause, sizeof cause, ".%lld", (long long)letter->cause_id);
  (void)snprintf(out, ID_BYTES, "order-%s.%s%s%s", order->number, NAMES[letter->kind], cause,
                 domain_of(letter->sender));
}

/* An account's mail is written once and kept, so its id can be any. */
static void drawn_id(const struct shop__letter *letter, char *out) {
  char drawn[SHOP__RANDOM_ID_BYTES];

  shop__random_id(drawn);
  (void)snprintf(out, ID_BYTES, "account-%s%s", drawn, domain_of(letter->sender));
}

static void address(struct shop__letter *letter, const shop_t *shop, const char *recipient) {
  shop__email_to_ascii(recipient, letter->recipient);
  shop__email_to_ascii(shop->config.mail_from, letter->sender);
}

static const char *or_null(const char *text) {
  return text[0] == '\0' ? NULL : text;
}

static int32_t compose(const shop_t *shop, struct shop__mail_facts *facts,
                       struct shop__letter *letter, shop_error_t *err) {
  facts->shop_name = shop->config.name;
  facts->shop_language = shop->config.language;
  facts->reply_to = or_null(shop->config.mail_reply_to);
  facts->from = shop->config.mail_from;
  if (shop__mail_compose(shop->templates, letter->kind, facts, &letter->message) == SHOP_OK)
    return SHOP_OK;
  shop__letter_free(letter);
  return shop__no_memory(err);
}

int32_t shop__letter_order(const shop_t *shop, int32_t kind, const shop_order_t *order,
                           const struct shop__letter_cause *cause, int64_t now_ms,
                           struct shop__letter *letter, shop_error_t *err) {
  static const struct shop__letter_cause NONE;
  char id[ID_BYTES];
  struct shop__mail_adjustment adjustments[SHOP__ADJUSTMENTS_MAX];
  struct shop__mail_line *lines;
  struct shop__mail_order told;
  int32_t status;

  if (cause == NULL)
    cause = &NONE;
  *letter = (struct shop__letter){
      .kind = kind, .order_id = order->id, .user_id = order->user_id, .cause_id = cause->id};
  if (order->email == 0) /* erased: there is nobody to write to */
    return SHOP_OK;
  lines = shop__memory_zalloc((order->lines.count + 1) * sizeof *lines);
  if (lines == NULL)
    return shop__no_memory(err);
  address(letter, shop, shop_order_email(order));
  order_id(letter, order, id);
  told = (struct shop__mail_order){
      .number = order->number,
      .date_ms = order->created_at_ms,
      .currency = order->currency,
      .lines = lines,
      .line_count = fill_lines(order, lines),
      .adjustments = adjustments,
      .adjustment_count = fill_adjustments(order, adjustments),
      .total_minor = order->total_minor,
      .shipping_address = or_null(shop_order_shipping_address(order)),
      .billing_address = or_null(shop_order_billing_address(order)),
  };
  status = compose(shop,
                   &(struct shop__mail_facts){.message_id = id,
                                              .recipient = shop_order_email(order),
                                              .language = shop_order_language(order),
                                              .date_ms = now_ms,
                                              .order = &told,
                                              .amount_minor = cause->amount_minor,
                                              .currency = cause->currency,
                                              .reason = cause->reason},
                   letter, err);
  shop__memory_free(lines);
  return status;
}

int32_t shop__letter_account(const shop_t *shop, const struct shop__letter_account *account,
                             int64_t now_ms, struct shop__letter *letter, shop_error_t *err) {
  char id[ID_BYTES];

  *letter = (struct shop__letter){.kind = account->kind, .user_id = account->user_id};
  address(letter, shop, account->recipient);
  drawn_id(letter, id);
  return compose(shop,
                 &(struct shop__mail_facts){.message_id = id,
                                            .recipient = account->recipient,
                                            .date_ms = now_ms,
                                            .language = account->language,
                                            .code = account->code,
                                            .link = account->link,
                                            .expires_at_ms = account->expires_at_ms,
                                            .new_email = account->new_email},
                 letter, err);
}

void shop__letter_free(struct shop__letter *letter) {
  shop__bytes_free(&letter->message); /* wiped where it holds a secret */
  *letter = (struct shop__letter){0};
}
