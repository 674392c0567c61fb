/*
 * Composes confirmations from what stands on standard input, for
 * test_mail_python.py. Input: NUL-terminated texts, in the order that main
 * reads them, for any number of orders. Output, for each: the size in decimal,
 * a line feed, the message.
 */
#include "mail.h"
#include "shop/mail.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LIST_MAX 64

static char *input;
static size_t input_size;
static size_t input_at;

static void read_all(void) {
  size_t room = 0;
  for (;;) {
    if (room - input_size < 2) {
      room = room * 2 + 65536;
      input = realloc(input, room);
      if (input == NULL) {
        exit(EXIT_FAILURE);
      }
    }
    size_t got = fread(input + input_size, 1, room - input_size - 1, stdin);
    if (got == 0) {
      break;
    }
    input_size += got;
  }
  input[input_size] = '\0';
}

static const char *next_text(void) {
  if (input_at >= input_size) {
    (void)fputs("input ends too early\n", stderr);
    exit(EXIT_FAILURE);
  }
  const char *text = input + input_at;
  input_at += strlen(text) + 1;
  return text;
}

static int64_t next_number(void) {
  char *end;
  const char *text = next_text();
  errno = 0;
  long long value = strtoll(text, &end, 10);
  if (errno != 0 || *end != '\0' || end == text) {
    (void)fprintf(stderr, "not a number: %s\n", text);
    exit(EXIT_FAILURE);
  }
  return value;
}

static size_t next_count(void) {
  int64_t count = next_number();
  if (count < 0 || count > LIST_MAX) {
    exit(EXIT_FAILURE);
  }
  return (size_t)count;
}

static bool print_one(void) {
  struct shop__mail_line lines[LIST_MAX];
  struct shop__mail_adjustment adjustments[LIST_MAX];
  struct shop__mail_order order = {0};
  struct shop__mail_facts facts = {.order = &order};
  facts.shop_name = next_text();
  facts.from = next_text();
  facts.recipient = next_text();
  facts.message_id = next_text();
  facts.date_ms = order.date_ms = next_number();
  order.number = next_text();
  order.currency = next_text();
  order.total_minor = next_number();
  order.shipping_address = next_text();
  if (order.shipping_address[0] == '\0') {
    order.shipping_address = NULL;
  }
  order.lines = lines;
  order.line_count = next_count();
  for (size_t i = 0; i < order.line_count; i++) {
    lines[i].name = next_text();
    lines[i].sku = next_text();
    lines[i].quantity = next_number();
    lines[i].unit_price_minor = next_number();
    lines[i].total_minor = next_number();
  }
  order.adjustments = adjustments;
  order.adjustment_count = next_count();
  for (size_t i = 0; i < order.adjustment_count; i++) {
    adjustments[i].label = next_text();
    adjustments[i].amount_minor = next_number();
    adjustments[i].included = next_number() != 0;
  }
  struct shop__bytes message = {0};
  bool good = shop__mail_compose(SHOP_MAIL_CONFIRMATION, &facts, &message) == SHOP_OK &&
              printf("%zu\n", message.used) > 0 &&
              fwrite(message.data, 1, message.used, stdout) == message.used;
  shop__bytes_free(&message);
  return good;
}

int main(void) {
  bool good = true;
  read_all();
  while (good && input_at < input_size) {
    good = print_one();
  }
  free(input);
  return good && fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
