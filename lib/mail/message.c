/*
 * Messages: what stands in each kind of mail, and in which order.
 */
#include "mail.h"
#include "mail_parts.h"
#include "shop/mail.h"

#include <assert.h>
#include <inttypes.h>
#include <string.h>

static void add_money(struct shop__bytes *body, int64_t minor, const char *currency) {
  char text[SHOP__MONEY_BYTES];
  shop__mail_clean(body, shop__money_format(minor, currency, text));
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

static void add_summary(struct shop__bytes *body, const struct shop__mail_order *order) {
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
}

/* "Label: value". */
static void add_fact(struct shop__bytes *body, const char *label, const char *value) {
  shop__bytes_text(body, label);
  shop__mail_clean(body, value);
  shop__bytes_text(body, "\r\n");
}

static void add_order(struct shop__bytes *body, int32_t kind,
                      const struct shop__mail_facts *facts) {
  char date[SHOP__CLOCK_TEXT_BYTES];
  char money[SHOP__MONEY_BYTES];
  shop__bytes_text(body, "\r\n");
  add_fact(body, "Order number: ", facts->order->number);
  add_fact(body, "Order date:   ", shop__clock_rfc5322(facts->order->date_ms, date));
  if (kind == SHOP_MAIL_REFUND) {
    add_fact(body,
             "Refunded:     ", shop__money_format(facts->amount_minor, facts->currency, money));
  }
  if (facts->reason != NULL) {
    add_fact(body, "Reason:       ", facts->reason);
  }
  add_summary(body, facts->order);
}

/* The text with the first %s replaced by each value in turn. */
static void add_filled(struct shop__bytes *out, const char *text, const char *first,
                       const char *second) {
  const char *values[] = {first, second};
  for (size_t i = 0; i < 2 && values[i] != NULL; i++) {
    size_t size = strcspn(text, "%");
    shop__bytes_add(out, text, size);
    shop__mail_clean(out, values[i]);
    text += size + 2;
  }
  shop__bytes_text(out, text);
}

static void add_code(struct shop__bytes *body, const struct shop__mail_facts *facts) {
  char date[SHOP__CLOCK_TEXT_BYTES];
  shop__bytes_text(body, facts->link != NULL ? "\r\nOpen this link:\r\n\r\n  "
                                             : "\r\nYour code:\r\n\r\n  ");
  shop__mail_clean(body, facts->link != NULL ? facts->link : facts->code);
  add_filled(body, "\r\n\r\nIt works once, until %s.\r\n",
             shop__clock_rfc5322(facts->expires_at_ms, date), NULL);
  shop__bytes_text(body, "If this was not you, you need not do anything.\r\n");
}

/* What each kind says: its subject, and how it begins. %s is the shop. */
static const struct {
  const char *subject;
  const char *opening;
} kinds[] = {
    [SHOP_MAIL_CONFIRMATION] = {"Your order %s at %s", "thank you for your order at %s."},
    [SHOP_MAIL_PAYMENT_FAILED] = {"The payment of your order %s at %s failed",
                                  "the payment of your order at %s failed, so it was not placed."},
    [SHOP_MAIL_ORDER_CANCELLED] = {"Your order %s at %s is cancelled",
                                   "your order at %s is cancelled."},
    [SHOP_MAIL_REFUND] = {"Refund of your order %s at %s",
                          "we are paying money of your order at %s back to you."},
    [SHOP_MAIL_WELCOME] = {"Welcome to %s", "your account at %s is ready."},
    [SHOP_MAIL_VERIFY_ADDRESS] = {"Confirm your address for %s",
                                  "please confirm that this is your address at %s."},
    [SHOP_MAIL_PASSWORD_RESET] = {"Choose a new password for %s",
                                  "somebody asked to choose a new password for your account at "
                                  "%s."},
    [SHOP_MAIL_EMAIL_CHANGED] = {"Your address at %s was changed",
                                 "the address of your account at %s was changed."},
    [SHOP_MAIL_PASSWORD_CHANGED] = {"Your password at %s was changed",
                                    "the password of your account at %s was changed."},
    [SHOP_MAIL_ACCOUNT_EXISTS] = {"You have an account at %s already",
                                  "somebody tried to register with this address at %s. You have "
                                  "an account there already: log in, or choose a new password."},
    [SHOP_MAIL_UNLOCK] = {"Unlock your account at %s",
                          "your account at %s is locked after too many failed logins."},
};

static bool has_code(int32_t kind) {
  return kind == SHOP_MAIL_VERIFY_ADDRESS || kind == SHOP_MAIL_PASSWORD_RESET ||
         kind == SHOP_MAIL_UNLOCK;
}

static void add_body(struct shop__bytes *body, int32_t kind, const struct shop__mail_facts *facts) {
  shop__bytes_text(body, "Hello,\r\n\r\n");
  add_filled(body, kinds[kind].opening, facts->shop_name, NULL);
  shop__bytes_text(body, "\r\n");
  if (facts->order != NULL) {
    add_order(body, kind, facts);
  }
  if (has_code(kind)) {
    add_code(body, facts);
  }
  if (facts->new_email != NULL) {
    add_fact(body, "\r\nNew address: ", facts->new_email);
  }
  if (kind == SHOP_MAIL_EMAIL_CHANGED || kind == SHOP_MAIL_PASSWORD_CHANGED) {
    shop__bytes_text(body, "\r\nIf this was not you, please write to us at once.\r\n");
  }
  add_filled(body, "\r\nThis message was sent to %s.\r\n", facts->recipient, NULL);
}

static void add_subject(struct shop__bytes *out, int32_t kind,
                        const struct shop__mail_facts *facts) {
  struct shop__bytes subject = {0};
  if (facts->order != NULL) {
    add_filled(&subject, kinds[kind].subject, facts->order->number, facts->shop_name);
  } else {
    add_filled(&subject, kinds[kind].subject, facts->shop_name, NULL);
  }
  if (subject.failed) {
    out->failed = true;
  } else {
    shop__mail_header_text(out, "Subject", subject.data);
  }
  shop__bytes_free(&subject);
}

static void add_header(struct shop__bytes *out, int32_t kind,
                       const struct shop__mail_facts *facts) {
  char date[SHOP__CLOCK_TEXT_BYTES];
  shop__mail_header_text(out, "Date", shop__clock_rfc5322(facts->date_ms, date));
  shop__mail_header_mailbox(out, "From", facts->shop_name, facts->from);
  if (facts->reply_to != NULL) {
    shop__mail_header_mailbox(out, "Reply-To", NULL, facts->reply_to);
  }
  shop__mail_header_mailbox(out, "To", NULL, facts->recipient);
  add_subject(out, kind, facts);
  shop__mail_header_id(out, facts->message_id);
  shop__bytes_text(out,
                   "MIME-Version: 1.0\r\n"
                   "Content-Type: text/plain; charset=utf-8\r\n"
                   "Content-Transfer-Encoding: quoted-printable\r\n"
                   "Auto-Submitted: auto-generated\r\n"
                   "\r\n");
}

int32_t shop__mail_compose(int32_t kind, const struct shop__mail_facts *facts,
                           struct shop__bytes *out) {
  struct shop__bytes body = {0};
  assert(kind >= SHOP_MAIL_CONFIRMATION && kind <= SHOP_MAIL_UNLOCK);
  add_header(out, kind, facts);
  add_body(&body, kind, facts);
  if (body.failed) {
    out->failed = true;
  } else {
    shop__mail_quoted_printable(out, body.data, body.used);
  }
  shop__memory_wipe(body.data, body.used);
  shop__bytes_free(&body);
  return out->failed ? SHOP_ERR_NO_MEMORY : SHOP_OK;
}
