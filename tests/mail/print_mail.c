/*
 * Composes mails from what stands on standard input, for the tests in Python.
 * Input: NUL-terminated texts: a command and what belongs to it, any number of
 * times. Output for each "compose": the size in decimal, a line feed, the
 * message; for each "template": its status and sentence as one line; for "money"
 * and "date": the text and a line feed.
 */
#include "mail_template.h"
#include "shop/mail.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LIST_MAX 1000

static char *input;
static size_t input_size;
static size_t input_at;

static struct shop__mail_line lines[LIST_MAX];
static struct shop__mail_adjustment adjustments[LIST_MAX];
static struct shop__mail_order order;
static struct shop__mail_facts facts;
static struct shop__mail_templates *templates;
static int32_t kind;

static void die(const char *what) {
  (void)fprintf(stderr, "%s\n", what);
  exit(EXIT_FAILURE);
}

static void read_all(void) {
  size_t room = 0;
  for (;;) {
    if (room - input_size < 2) {
      room = room * 2 + 65536;
      input = realloc(input, room);
      if (input == NULL) {
        die("out of memory");
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
    die("input ends too early");
  }
  const char *text = input + input_at;
  input_at += strlen(text) + 1;
  return text;
}

static const char *next_optional(void) {
  const char *text = next_text();
  return text[0] == '\0' ? NULL : text;
}

static int64_t next_number(void) {
  char *end;
  const char *text = next_text();
  errno = 0;
  long long value = strtoll(text, &end, 10);
  if (errno != 0 || *end != '\0' || end == text) {
    die("not a number");
  }
  return value;
}

static void begin(void) {
  order = (struct shop__mail_order){.lines = lines, .adjustments = adjustments};
  facts = (struct shop__mail_facts){0};
  kind = (int32_t)next_number();
  if (kind <= SHOP_MAIL_REFUND) {
    facts.order = &order;
  }
}

static void add_line(void) {
  struct shop__mail_line *line = &lines[order.line_count++];
  line->name = next_text();
  line->sku = next_text();
  line->quantity = next_number();
  line->unit_price_minor = next_number();
  line->total_minor = next_number();
}

static void add_adjustment(void) {
  struct shop__mail_adjustment *adjustment = &adjustments[order.adjustment_count++];
  adjustment->label = next_text();
  adjustment->amount_minor = next_number();
  adjustment->included = next_number() != 0;
}

static void compose(void) {
  struct shop__bytes message = {0};
  if (shop__mail_compose(templates, kind, &facts, &message) != SHOP_OK ||
      printf("%zu\n", message.used) < 0 ||
      fwrite(message.data, 1, message.used, stdout) != message.used) {
    die("a message failed");
  }
  shop__bytes_free(&message);
}

static void set_template(void) {
  shop_error_t *err = NULL;
  int32_t of = (int32_t)next_number();
  const char *language = next_text();
  const char *subject = next_optional();
  const char *text = next_optional();
  const char *html = next_optional();
  if (shop_error_new(&err) != SHOP_OK) {
    die("out of memory");
  }
  int32_t status = shop__mail_templates_set(templates, of, language, subject, text, html, err);
  if (printf("%d %s\n", (int)status, shop_error_message(err)) < 0) {
    die("printing failed");
  }
  shop_error_free(err);
}

static void reset_templates(void) {
  shop__mail_templates_free(templates);
  if (shop__mail_templates_new(NULL, &templates) != SHOP_OK) {
    die("out of memory");
  }
}

static void print_money(void) {
  char text[SHOP__LOCALE_MONEY_BYTES];
  const struct shop__locale *locale = shop__locale_find(next_text());
  int64_t minor = next_number();
  if (puts(shop__locale_money(locale, minor, next_text(), text)) < 0) {
    die("printing failed");
  }
}

static void print_date(void) {
  char text[SHOP__LOCALE_DATE_BYTES];
  const struct shop__locale *locale = shop__locale_find(next_text());
  int64_t ms = next_number();
  if (puts(shop__locale_date(locale, ms, next_number() != 0, text)) < 0) {
    die("printing failed");
  }
}

/* A command that sets one text or number; false: no such command. */
static bool set_fact(const char *command) {
  const struct {
    const char *command;
    const char **text;
    int64_t *number;
  } known[] = {
      {"shop_name", &facts.shop_name, NULL},
      {"from", &facts.from, NULL},
      {"reply_to", &facts.reply_to, NULL},
      {"recipient", &facts.recipient, NULL},
      {"message_id", &facts.message_id, NULL},
      {"language", &facts.language, NULL},
      {"shop_language", &facts.shop_language, NULL},
      {"date_ms", NULL, &facts.date_ms},
      {"amount", NULL, &facts.amount_minor},
      {"refund_currency", &facts.currency, NULL},
      {"code", &facts.code, NULL},
      {"link", &facts.link, NULL},
      {"expires_ms", NULL, &facts.expires_at_ms},
      {"new_email", &facts.new_email, NULL},
      {"reason", &facts.reason, NULL},
      {"order_number", &order.number, NULL},
      {"order_ms", NULL, &order.date_ms},
      {"currency", &order.currency, NULL},
      {"total", NULL, &order.total_minor},
      {"shipping_address", &order.shipping_address, NULL},
      {"billing_address", &order.billing_address, NULL},
  };
  for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
    if (strcmp(known[i].command, command) == 0) {
      if (known[i].text != NULL) {
        *known[i].text = next_text();
      } else {
        *known[i].number = next_number();
      }
      return true;
    }
  }
  return false;
}

static void obey(const char *command) {
  static const struct {
    const char *command;
    void (*fn)(void);
  } commands[] = {
      {"mail", begin},        {"line", add_line},         {"adjustment", add_adjustment},
      {"compose", compose},   {"template", set_template}, {"reset", reset_templates},
      {"money", print_money}, {"date", print_date}};
  for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
    if (strcmp(commands[i].command, command) == 0) {
      commands[i].fn();
      return;
    }
  }
  if (!set_fact(command)) {
    die(command);
  }
}

int main(void) {
  read_all();
  reset_templates();
  while (input_at < input_size) {
    obey(next_text());
  }
  shop__mail_templates_free(templates);
  free(input);
  return fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
