/*
 * What somebody may type as an address. Whatever is accepted keeps one meaning:
 * its key and its ASCII form are addresses of the same account, a key is its own
 * key, and a mail to it, from it and with answers to it has just the header that
 * any other has, with the address in it and nothing else.
 */
#include "base.h"
#include "mail.h"
#include "shop/mail.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define FIELDS_MAX 512

static void check(bool holds) {
  if (!holds)
    abort();
}

static void compose(const char *address, struct shop__bytes *out) {
  static struct shop__mail_templates *templates;
  const struct shop__mail_facts facts = {.shop_name = "Shop",
                                         .from = address,
                                         .reply_to = address,
                                         .recipient = address,
                                         .message_id = "1@example.org",
                                         .language = "en"};

  if (templates == NULL)
    check(shop__mail_templates_new(NULL, &templates) == SHOP_OK);
  check(shop__mail_compose(templates, SHOP_MAIL_PASSWORD_CHANGED, &facts, out) == SHOP_OK);
}

/* The names of the header's fields, one a line, and of three of them the values, unfolded; the
   boundary is made from the Message-ID and the same. */
struct header {
  char names[FIELDS_MAX];
  char from[2 * SHOP__EMAIL_BYTES], to[2 * SHOP__EMAIL_BYTES], reply_to[2 * SHOP__EMAIL_BYTES];
};

static void take_value(const char *begin, const char *end, char out[2 * SHOP__EMAIL_BYTES]) {
  size_t used = 0;

  check(out[0] == '\0'); /* there is one of each */
  for (const char *at = begin; at < end; at++)
    if (*at != '\r' && *at != '\n') {
      check(used + 1 < 2 * SHOP__EMAIL_BYTES);
      out[used++] = *at;
    }
  out[used] = '\0';
}

static void read_header(const struct shop__bytes *message, struct header *header) {
  const char *at = message->data;

  memset(header, 0, sizeof *header);
  while (strncmp(at, "\r\n", 2) != 0) {
    const char *colon = strchr(at, ':'), *end = strstr(at, "\r\n");
    size_t name;

    check(colon != NULL && end != NULL && colon < end);
    while (end != NULL && end[2] == ' ') /* folded */
      end = strstr(end + 2, "\r\n");
    check(end != NULL);
    name = (size_t)(colon - at);
    check(strlen(header->names) + name + 2 < FIELDS_MAX);
    strncat(header->names, at, name);
    strcat(header->names, "\n");
    if (strncmp(at, "From:", 5) == 0)
      take_value(colon + 1, end, header->from);
    if (strncmp(at, "To:", 3) == 0)
      take_value(colon + 1, end, header->to);
    if (strncmp(at, "Reply-To:", 9) == 0)
      take_value(colon + 1, end, header->reply_to);
    at = end + 2;
  }
}

/* No header line but those that a plain address gets, and in each the address in ASCII. */
static void check_mail(const char *address, const char *ascii) {
  struct shop__bytes plain = {0}, message = {0};
  struct header wanted, got;
  char from[2 * SHOP__EMAIL_BYTES] = " \"Shop\" <";

  compose("a@example.org", &plain);
  compose(address, &message);
  check(strlen(message.data) == message.used);
  read_header(&plain, &wanted);
  read_header(&message, &got);
  check(strcmp(wanted.names, got.names) == 0);
  check(got.to[0] == ' ' && strcmp(got.to + 1, ascii) == 0);
  check(got.reply_to[0] == ' ' && strcmp(got.reply_to + 1, ascii) == 0);
  strcat(strcat(from, ascii), ">");
  check(strcmp(got.from, from) == 0);
  shop__bytes_free(&plain);
  shop__bytes_free(&message);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static char address[1024];
  char key[SHOP__EMAIL_BYTES], again[SHOP__EMAIL_BYTES], ascii[SHOP__EMAIL_BYTES];

  if (size >= sizeof address)
    return 0;
  memcpy(address, data, size);
  address[size] = '\0';
  if (shop__email_parse(address, key, NULL) != SHOP_OK) {
    check(key[0] == '\0');
    shop__email_to_ascii(address, ascii); /* is asked of anything, and fits */
    check(strlen(ascii) < SHOP__EMAIL_BYTES);
    return 0;
  }
  check(strlen(key) > 2 && strlen(key) < SHOP__EMAIL_BYTES && strpbrk(address, "\r\n") == NULL);
  check(shop__email_parse(key, again, NULL) == SHOP_OK && strcmp(key, again) == 0);
  shop__email_to_ascii(address, ascii);
  check(shop__email_parse(ascii, again, NULL) == SHOP_OK && strcmp(key, again) == 0);
  for (const char *c = strrchr(ascii, '@'); *c != '\0'; c++)
    check((unsigned char)*c < 0x80);
  check_mail(address, ascii);
  return 0;
}
