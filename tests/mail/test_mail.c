/*
 * The confirmation, byte by byte. test_mail_python.py reads many more of them
 * back with another implementation.
 */
#include "mail.h"
#include "mail_parts.h"
#include "shop/mail.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct shop__mail_line tea[] = {{"Darjeeling", "TEA-001", 2, 999, 1998}};
static const struct shop__mail_line two[] = {{"Darjeeling", "TEA-001", 2, 999, 1998},
                                             {"Teapot, blue", "POT-7", 1, 4500, 4500}};
static const struct shop__mail_adjustment adjustments[] = {
    {"Discount", -500, false}, {"Shipping", 490, false}, {"VAT 20 %", 1038, true}};

struct sample {
  int32_t kind;
  struct shop__mail_facts facts; /* its order is set when it is composed */
  struct shop__mail_order order;
};

static struct sample plain_sample(void) {
  return (struct sample){
      .kind = SHOP_MAIL_CONFIRMATION,
      .facts = {.shop_name = "The Tea Room",
                .from = "orders@example.org",
                .recipient = "ada@example.org",
                .message_id = "order.7F3K-2Q9M@example.org",
                .date_ms = 1795350500123},
      .order = {.number = "7F3K-2Q9M",
                .date_ms = 1795350500123,
                .currency = "EUR",
                .lines = tea,
                .line_count = 1,
                .total_minor = 1998},
  };
}

static struct shop__mail_templates *templates;

static void setup(void) {
  ck_assert_int_eq(shop__mail_templates_new(NULL, &templates), SHOP_OK);
}

static void teardown(void) {
  shop__mail_templates_free(templates);
}

/* Composes; the caller frees message->data. */
static void compose(const struct sample *sample, struct shop__bytes *message) {
  struct shop__mail_facts facts = sample->facts;
  if (sample->kind <= SHOP_MAIL_REFUND) {
    facts.order = &sample->order;
  }
  *message = (struct shop__bytes){0};
  ck_assert_int_eq(shop__mail_compose(templates, sample->kind, &facts, message), SHOP_OK);
  ck_assert(!message->failed);
  ck_assert_uint_eq(strlen(message->data), message->used);
}

static void check_has(const struct sample *sample, const char *part) {
  struct shop__bytes message;
  compose(sample, &message);
  ck_assert_msg(strstr(message.data, part) != NULL, "missing:\n%s\nin:\n%s", part, message.data);
  shop__bytes_free(&message);
}

/* What a customer gets, whole: header, both parts, boundaries. */
START_TEST(a_whole_message) {
  struct sample sample = plain_sample();
  sample.kind = SHOP_MAIL_PASSWORD_CHANGED;
  sample.facts.reply_to = "help@example.org";
  struct shop__bytes message;
  compose(&sample, &message);
  ck_assert_str_eq(message.data,
                   "Date: Sun, 22 Nov 2026 12:28:20 +0000\r\n"
                   "From: \"The Tea Room\" <orders@example.org>\r\n"
                   "Reply-To: help@example.org\r\n"
                   "To: ada@example.org\r\n"
                   "Subject: Your password at The Tea Room was changed\r\n"
                   "Message-ID: <order.7F3K-2Q9M@example.org>\r\n"
                   "Content-Language: en\r\n"
                   "Auto-Submitted: auto-generated\r\n"
                   "MIME-Version: 1.0\r\n"
                   "Content-Type: multipart/alternative; boundary=\"=_shop_f1be7c6a84a8597e\"\r\n"
                   "\r\n"
                   "--=_shop_f1be7c6a84a8597e\r\n"
                   "Content-Type: text/plain; charset=utf-8\r\n"
                   "Content-Transfer-Encoding: quoted-printable\r\n"
                   "\r\n"
                   "Hello,\r\n"
                   "\r\n"
                   "the password of your account at The Tea Room was changed.\r\n"
                   "\r\n"
                   "If this was not you, please write to us at once.\r\n"
                   "\r\n"
                   "This message was sent to ada@example.org.\r\n"
                   "\r\n"
                   "--=_shop_f1be7c6a84a8597e\r\n"
                   "Content-Type: text/html; charset=utf-8\r\n"
                   "Content-Transfer-Encoding: quoted-printable\r\n"
                   "\r\n"
                   "<!DOCTYPE html>\r\n"
                   "<html lang=3D\"en\">\r\n"
                   "<head><meta charset=3D\"utf-8\"><title>The Tea Room</title></head>\r\n"
                   "<body style=3D\"font-family: sans-serif; max-width: 40em\">\r\n"
                   "<p>Hello,</p>\r\n"
                   "<p>the password of your account at The Tea Room was changed.</p>\r\n"
                   "<p>If this was not you, please write to us at once.</p>\r\n"
                   "<p><small>This message was sent to ada@example.org.</small></p>\r\n"
                   "</body>\r\n"
                   "</html>\r\n"
                   "\r\n"
                   "--=_shop_f1be7c6a84a8597e--\r\n");
  shop__bytes_free(&message);
}
END_TEST

/* All that a confirmation says, in its plain text. */
START_TEST(a_whole_confirmation) {
  struct sample sample = plain_sample();
  sample.order.lines = two;
  sample.order.line_count = 2;
  sample.order.adjustments = adjustments;
  sample.order.adjustment_count = 3;
  sample.order.total_minor = 6488;
  sample.order.shipping_address = "Ada Lovelace\n12 St James's Square\r\nLondon\n";
  check_has(&sample, "\r\nSubject: Your order 7F3K-2Q9M at The Tea Room\r\n");
  check_has(&sample,
            "\r\n\r\n"
            "Hello,\r\n"
            "\r\n"
            "thank you for your order at The Tea Room.\r\n"
            "\r\n"
            "Order number: 7F3K-2Q9M\r\n"
            "Order date:   Nov 22, 2026\r\n"
            "\r\n"
            "  Darjeeling\r\n"
            "  TEA-001: 2 x =E2=82=AC9.99 =3D =E2=82=AC19.98\r\n"
            "\r\n"
            "  Teapot, blue\r\n"
            "  POT-7: 1 x =E2=82=AC45.00 =3D =E2=82=AC45.00\r\n"
            "\r\n"
            "  Discount: -=E2=82=AC5.00\r\n"
            "  Shipping: =E2=82=AC4.90\r\n"
            "  VAT 20 %: =E2=82=AC10.38 (included in the prices)\r\n"
            "\r\n"
            "Total: =E2=82=AC64.88\r\n"
            "\r\n"
            "Shipping address:\r\n"
            "\r\n"
            "  Ada Lovelace\r\n"
            "  12 St James's Square\r\n"
            "  London\r\n"
            "\r\n"
            "This message was sent to ada@example.org.\r\n"
            "\r\n--=_shop_");
}
END_TEST

/* Mail is delivered at least once: the second time must be the same bytes. */
START_TEST(same_order_same_bytes) {
  struct sample sample = plain_sample();
  struct shop__bytes one;
  struct shop__bytes two_;
  sample.facts.shop_name = "Caf\xC3\xA9";
  compose(&sample, &one);
  compose(&sample, &two_);
  ck_assert_uint_eq(one.used, two_.used);
  ck_assert_int_eq(memcmp(one.data, two_.data, one.used), 0);
  shop__bytes_free(&one);
  shop__bytes_free(&two_);
}
END_TEST

/* Mostly ASCII stays readable (Q), the rest is short (B). */
START_TEST(encoded_words) {
  struct sample sample = plain_sample();
  sample.facts.shop_name = "Caf\xC3\xA9";
  check_has(&sample, "From: =?UTF-8?Q?Caf=C3=A9?= <orders@example.org>\r\n");
  check_has(&sample, "Subject: =?UTF-8?Q?Your_order_7F3K-2Q9M_at_Caf=C3=A9?=\r\n");
  sample.facts.shop_name = "\xE8\x8C\xB6\xE9\xA4\xA8";
  check_has(&sample, "From: =?UTF-8?B?6Iy26aSo?= <orders@example.org>\r\n");
  sample.facts.shop_name = "\xE8\x8C\xB6\xC3\xA9";
  check_has(&sample, "From: =?UTF-8?B?6Iy2w6k=?= <orders@example.org>\r\n");
  sample.facts.shop_name = "\xF0\x9F\x8D\xB5";
  check_has(&sample, "From: =?UTF-8?B?8J+NtQ==?= <orders@example.org>\r\n");
}
END_TEST

/* What only looks like an encoded word is encoded, so that nobody decodes it. */
START_TEST(text_that_looks_encoded) {
  struct sample sample = plain_sample();
  sample.facts.shop_name = "=?utf-8?q?Eve?=";
  check_has(&sample, "From: =?UTF-8?Q?=3D=3Futf-8=3Fq=3FEve=3F=3D?= <orders@example.org>\r\n");
}
END_TEST

/* A name cannot close its quotes, nor bring a second mailbox. */
START_TEST(display_name_stays_in_its_place) {
  struct sample sample = plain_sample();
  sample.facts.shop_name = "Tea, Room; <eve@example.org>";
  check_has(&sample, "From: \"Tea, Room; <eve@example.org>\" <orders@example.org>\r\n");
  sample.facts.shop_name = "Tea\" <eve@example.org>, \"";
  check_has(&sample, "From: =?UTF-8?Q?Tea=22_=3Ceve=40example=2Eorg=3E=2C_=22?=");
  sample.facts.shop_name = "Tea\\";
  check_has(&sample, "From: =?UTF-8?Q?Tea=5C?= <orders@example.org>\r\n");
  sample.facts.shop_name = "";
  check_has(&sample, "From: orders@example.org\r\n");
}
END_TEST

/* No field of the input can begin or end a line of the header: for every control character the
   header has the same nine fields. */
START_TEST(no_input_breaks_the_header) {
  for (int control = 1; control < 0x20; control++) {
    char text[] = "xBcc: eve@example.org";
    text[0] = (char)control;
    struct sample sample = plain_sample();
    sample.facts.shop_name = sample.facts.from = sample.facts.recipient = text;
    sample.facts.message_id = sample.order.number = sample.order.currency = text;
    struct shop__bytes message;
    compose(&sample, &message);
    int fields = 0;
    for (const char *line = message.data; strncmp(line, "\r\n", 2) != 0;) {
      ck_assert(strncmp(line, "Bcc", 3) != 0);
      fields += *line != ' ';
      line = strstr(line, "\r\n") + 2;
    }
    ck_assert_int_eq(fields, 9);
    shop__bytes_free(&message);
  }
}
END_TEST

/* A name cannot write a line of ours into the body, nor can an address. */
START_TEST(no_input_writes_a_line_of_ours) {
  static const struct shop__mail_line line[] = {{"Tea\r\nTotal: 0.00 EUR", "A\nTotal: 0", 1, 5, 5}};
  struct sample sample = plain_sample();
  sample.order.lines = line;
  sample.order.shipping_address = "Ada\nTotal: 0.00 EUR\r.\rTotal: 0.00 EUR";
  struct shop__bytes message;
  compose(&sample, &message);
  *strstr(message.data, "text/html") = '\0'; /* where lines mean nothing */
  int totals = 0;
  for (const char *at = message.data; (at = strstr(at, "\r\nTotal:")) != NULL; at++) {
    totals++;
  }
  ck_assert_int_eq(totals, 1);
  ck_assert_ptr_nonnull(strstr(message.data, "\r\n  Tea  Total: 0.00 EUR\r\n"));
  shop__bytes_free(&message);
}
END_TEST

/* Lines that mean something to transports and mailboxes are encoded, also after a soft break; so
   are spaces at the end of a line. */
START_TEST(dangerous_line_starts_and_ends) {
  char name[400] = "";
  for (size_t shift = 60; shift < 80; shift++) {
    memset(name, 'x', shift);
    memset(name + shift, '.', 10);
    strcpy(name + shift + 10, "From here  ");
    struct shop__mail_line line[] = {{name, ". From   ", 1, 5, 5}};
    struct sample sample = plain_sample();
    sample.order.lines = line;
    sample.order.shipping_address = ".\n. \n \nFrom";
    struct shop__bytes message;
    compose(&sample, &message);
    const char *body = strstr(message.data, "\r\n\r\n");
    for (const char *at = body; (at = strstr(at, "\r\n")) != NULL && at[2] != '\0';) {
      ck_assert(at == body || (at[-1] != ' ' && at[-1] != '\t'));
      at += 2;
      ck_assert(*at != '.' && strncmp(at, "From ", 5) != 0);
      ck_assert_uint_le(strcspn(at, "\r"), 76);
    }
    shop__bytes_free(&message);
  }
}
END_TEST

/* An escape is not begun where it does not fit, and of ASCII all but the controls stays. */
START_TEST(edges_of_lines_and_of_ascii) {
  for (int length = 60; length < 90; length++) {
    char text[100];
    struct shop__bytes out = {0};
    memset(text, 'a', (size_t)length);
    memset(text + length, '=', 3);
    shop__mail_quoted_printable(&out, text, (size_t)length + 3);
    ck_assert(!out.failed);
    for (const char *at = out.data; at != NULL; at = strchr(at, '\n')) {
      at += *at == '\n';
      ck_assert_uint_le(strcspn(at, "\r"), 76);
    }
    shop__bytes_free(&out);
  }
  for (int code = 1; code < 0x80; code++) {
    char text[2] = {(char)code, '\0'};
    struct shop__bytes out = {0};
    shop__mail_clean(&out, text);
    ck_assert_str_eq(out.data, code < 0x20 || code == 0x7f ? " " : text);
    shop__bytes_free(&out);
  }
}
END_TEST

/* Folds come before 78 wherever there is a place for one. */
START_TEST(header_lines_are_short) {
  char name[3000];
  for (size_t i = 0; i < sizeof name - 1; i++) {
    name[i] = "words of one or several letters "[i % 32];
  }
  name[sizeof name - 2] = '.';
  name[sizeof name - 1] = '\0';
  struct sample sample = plain_sample();
  sample.facts.shop_name = name;
  struct shop__bytes message;
  compose(&sample, &message);
  for (const char *line = message.data; *line != '\0'; line += strcspn(line, "\r") + 2) {
    ck_assert_uint_le(strcspn(line, "\r"), 76);
  }
  shop__bytes_free(&message);
}
END_TEST

/* A domain is written in ASCII, a local part as it is (RFC 6532); what is no address cannot pass
 * for several. */
START_TEST(addresses) {
  struct sample sample = plain_sample();
  sample.facts.recipient =
      "j\xC3\xBCrgen@b\xC3\xBC"
      "cher.example";
  check_has(&sample, "\r\nTo: j\xC3\xBCrgen@xn--bcher-kva.example\r\n");
  sample.facts.recipient = "\"a, b\"@example.org";
  check_has(&sample, "\r\nTo: \"a, b\"@example.org\r\n");
  sample.facts.recipient = "a@b, <eve@example.org>";
  check_has(&sample, "\r\nTo: a@b___eve@example.org_\r\n");
}
END_TEST

/* Each kind is a finished message: its own subject, the shop, and nothing left to fill in. */
START_TEST(every_kind) {
  struct shop__bytes seen = {0};
  for (int32_t kind = SHOP_MAIL_CONFIRMATION; kind <= SHOP_MAIL_REGISTRATION; kind++) {
    struct sample sample = plain_sample();
    sample.kind = kind;
    sample.facts.amount_minor = 500;
    sample.facts.currency = "EUR";
    sample.facts.code = kind >= SHOP_MAIL_VERIFY_ADDRESS ? "cw3x0Nq7" : NULL;
    sample.facts.expires_at_ms = 1795354100123;
    struct shop__bytes message;
    compose(&sample, &message);
    char *subject = strstr(message.data, "\r\nSubject: ");
    ck_assert_ptr_nonnull(subject);
    char line[200];
    ck_assert_int_eq(sscanf(subject, "\r\nSubject: %199[^\r]", line), 1);
    ck_assert_ptr_nonnull(strstr(line, "The Tea Room"));
    ck_assert_ptr_null(strstr(message.data, "(null)"));
    ck_assert_ptr_null(strstr(message.data, "%s"));
    ck_assert(seen.data == NULL || strstr(seen.data, line) == NULL);
    bool has_code = kind == SHOP_MAIL_VERIFY_ADDRESS || kind == SHOP_MAIL_PASSWORD_RESET ||
                    kind == SHOP_MAIL_UNLOCK || kind == SHOP_MAIL_REGISTRATION;
    ck_assert((strstr(message.data, "\r\n  cw3x0Nq7\r\n") != NULL) == has_code);
    shop__bytes_text(&seen, line);
    shop__bytes_text(&seen, "\n");
    shop__bytes_free(&message);
  }
  shop__bytes_free(&seen);
}
END_TEST

/* A template that grows beyond all reason for one order costs its looks, never the mail. */
START_TEST(a_template_that_grows_too_large) {
  static char text[65537];
  static struct shop__mail_line many[100];
  struct sample sample = plain_sample();
  memset(text, 'x', sizeof text - 1);
  memcpy(text, "{{#lines}}", 10);
  memcpy(text + sizeof text - 1 - 10, "{{/lines}}", 10);
  for (int i = 0; i < 100; i++) {
    many[i] = tea[0];
  }
  ck_assert_int_eq(
      shop__mail_templates_set(templates, SHOP_MAIL_CONFIRMATION, "en", "s", text, NULL, NULL),
      SHOP_OK);
  sample.order.lines = many;
  sample.order.line_count = 2;
  struct shop__bytes message;
  compose(&sample, &message);
  ck_assert_ptr_nonnull(strstr(message.data, "Subject: s\r\n"));
  ck_assert_uint_gt(message.used, 2 * 65500);
  shop__bytes_free(&message);
  sample.order.line_count = 100;
  compose(&sample, &message);
  ck_assert_ptr_nonnull(strstr(message.data, "Subject: Your order"));
  ck_assert_uint_lt(message.used, 65500);
  shop__bytes_free(&message);
}
END_TEST

int main(void) {
  Suite *suite = suite_create("mail");
  TCase *tcase = tcase_create("confirmation");
  tcase_add_checked_fixture(tcase, setup, teardown);
  tcase_add_test(tcase, a_whole_message);
  tcase_add_test(tcase, a_whole_confirmation);
  tcase_add_test(tcase, same_order_same_bytes);
  tcase_add_test(tcase, encoded_words);
  tcase_add_test(tcase, text_that_looks_encoded);
  tcase_add_test(tcase, display_name_stays_in_its_place);
  tcase_add_test(tcase, no_input_breaks_the_header);
  tcase_add_test(tcase, no_input_writes_a_line_of_ours);
  tcase_add_test(tcase, dangerous_line_starts_and_ends);
  tcase_add_test(tcase, header_lines_are_short);
  tcase_add_test(tcase, edges_of_lines_and_of_ascii);
  tcase_add_test(tcase, addresses);
  tcase_add_test(tcase, every_kind);
  tcase_add_test(tcase, a_template_that_grows_too_large);
  suite_add_tcase(suite, tcase);
  SRunner *runner = srunner_create(suite);
  srunner_run_all(runner, CK_NORMAL);
  int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
