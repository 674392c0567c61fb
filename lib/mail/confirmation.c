/*
 * The order confirmation: what stands in it, and in which order.
 */
#include "mail.h"
#include "mail_parts.h"

#include <inttypes.h>
#include <string.h>

static void add_money(struct shop__bytes *body, int64_t minor, const char *currency) {
  char text[SHOP__MONEY_BYTES];
  shop__mail_clean(body, shop__money_format(minor, currency, text));
}

static void add_greeting(struct shop__bytes *body, const struct shop__mail_order *order) {
  char date[SHOP__CLOCK_TEXT_BYTES];
  shop__bytes_text(body, "Hello,\r\n\r\nthank you for your order at ");
  shop__mail_clean(body, order->shop_name);
  shop__bytes_text(body, ".\r\n\r\nOrder number: ");
  shop__mail_clean(body, order->order_number);
  shop__bytes_text(body, "\r\nOrder date:   ");
  shop__bytes_text(body, shop__clock_rfc5322(order->date_ms, date));
  shop__bytes_text(body, "\r\n");
}

static void add_line(struct shop__bytes *body, const struct shop__mail_line *line,
                     const char *currency) {
  shop__bytes_text(body, "\r\n  ");
  shop__mail_clean(body, line->name);
  shop__bytes_text(body, "\r\n  ");
  shop__mail_clean(body, line->sku);
  shop__bytes_format(body, ": %" PRId64 " x ", line->quantity);
  add_money(body, line->unit_price_minor, currency);
  shop__bytes_text(body, " = ");
  add_money(body, line->total_minor, currency);
  shop__bytes_text(body, "\r\n");
}

static void add_adjustment(struct shop__bytes *body, const struct shop__mail_adjustment *adjustment,
                           const char *currency) {
  shop__bytes_text(body, "  ");
  shop__mail_clean(body, adjustment->label);
  shop__bytes_text(body, ": ");
  add_money(body, adjustment->amount_minor, currency);
  shop__bytes_text(body, adjustment->included ? " (included in the prices)\r\n" : "\r\n");
}

/* Every line of the address is indented, so that none can pass for a line of ours. */
static void add_address(struct shop__bytes *body, const char *address) {
  struct shop__bytes line = {0};
  shop__bytes_text(body, "\r\nShipping address:\r\n\r\n");
  while (*address != '\0' && !line.failed) {
    size_t size = strcspn(address, "\r\n");
    line.used = 0;
    shop__bytes_add(&line, address, size);
    if (size > 0 && !line.failed) {
      shop__bytes_text(body, "  ");
      shop__mail_clean(body, line.data);
      shop__bytes_text(body, "\r\n");
    }
    address += size + strspn(address + size, "\r\n");
  }
  body->failed = body->failed || line.failed;
  shop__bytes_free(&line);
}

static void add_body(struct shop__bytes *body, const struct shop__mail_order *order) {
  add_greeting(body, order);
  for (size_t i = 0; i < order->line_count; i++) {
    add_line(body, &order->lines[i], order->currency);
  }
  if (order->adjustment_count > 0) {
    shop__bytes_text(body, "\r\n");
  }
  for (size_t i = 0; i < order->adjustment_count; i++) {
    add_adjustment(body, &order->adjustments[i], order->currency);
  }
  shop__bytes_text(body, "\r\nTotal: ");
  add_money(body, order->total_minor, order->currency);
  shop__bytes_text(body, "\r\n");
  if (order->shipping_address != NULL) {
    add_address(body, order->shipping_address);
  }
  shop__bytes_text(body, "\r\nThis confirmation was sent to ");
  shop__mail_clean(body, order->recipient);
  shop__bytes_text(body, ".\r\n");
}

static void add_header(struct shop__bytes *out, const struct shop__mail_order *order) {
  struct shop__bytes subject = {0};
  char date[SHOP__CLOCK_TEXT_BYTES];
  shop__bytes_format(&subject, "Your order %s at %s", order->order_number, order->shop_name);
  if (subject.failed) {
    out->failed = true;
    return;
  }
  shop__mail_header_text(out, "Date", shop__clock_rfc5322(order->date_ms, date));
  shop__mail_header_mailbox(out, "From", order->shop_name, order->from);
  shop__mail_header_mailbox(out, "To", NULL, order->recipient);
  shop__mail_header_text(out, "Subject", subject.data);
  shop__mail_header_id(out, order->message_id);
  shop__bytes_text(out,
                   "MIME-Version: 1.0\r\n"
                   "Content-Type: text/plain; charset=utf-8\r\n"
                   "Content-Transfer-Encoding: quoted-printable\r\n"
                   "Auto-Submitted: auto-generated\r\n"
                   "\r\n");
  shop__bytes_free(&subject);
}

void shop__mail_confirmation(const struct shop__mail_order *order, struct shop__bytes *out) {
  struct shop__bytes body = {0};
  add_header(out, order);
  add_body(&body, order);
  if (body.failed) {
    out->failed = true;
  } else {
    shop__mail_quoted_printable(out, body.data, body.used);
  }
  shop__bytes_free(&body);
}
