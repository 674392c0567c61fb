/* The host's templates: checked when they are set, chosen by language, and never the
   reason that a mail is lost. */
#include "books.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SUBJECT "Bestellung {{order_number}}"
#define TEXT                                                                                       \
  "Guten Tag,\n\nvielen Dank!\n{{#lines}}\n  {{name}}: {{line_total}}\n{{/lines}}\nSumme: "        \
  "{{total}}\n"
#define HTML "<p>Summe: <b>{{total}}</b> vom {{order_date}}</p>\n"

static int32_t set(struct world *world, int32_t kind, const char *language, const char *subject,
                   const char *text, const char *html) {
  return shop_config_set_mail_template(world->config, kind, language, subject, text, html,
                                       world->err);
}

/* The mail of an order of two teas at 999.00 EUR; borrowed from the transport. */
static const char *confirmation(struct world *world) {
  int64_t cart_id;
  shop_token_t *token;
  shop_order_t *order;

  world_open(world);
  world_put(world, "TEA", 99900, "EUR", SHOP_STOCK_UNLIMITED);
  token = world_shopper(world, "ada@example.org", "TEA", 2, &cart_id);
  order = world_bought(world, token, cart_id);
  shop_order_free(order);
  shop_token_free(token);
  ck_assert_int_eq(world->transport.count, 1);
  return world->transport.messages[0];
}

static void ck_has(const char *message, const char *part) {
  ck_assert_msg(strstr(message, part) != NULL, "no \"%s\" in the mail", part);
}

static void end(struct world *world) {
  world_close_books(world, 0);
  world_free(world);
}

/* Every mistake is found when the template is set, with its line; what was set before stays. */
START_TEST(mistakes_are_refused) {
  static const struct {
    const char *text, *sentence;
  } wrong[] = {
      {"Hello\n{{nobody}}", "Line 2 of the text template: {{nobody}}"},
      {"{{code}}", "{{code}}"}, /* of another kind */
      {"{{name}}", "{{name}}"}, /* only inside the loop */
      {"{{#lines}}{{label}}{{/lines}}", "{{label}}"},
      {"{{lines}}", "no value"},
      {"{{included}}", "no name"},
      {"{{#adjustments}}{{included}}{{/adjustments}}", "no value"},
      {"\n\n{{total", "Line 3"},
      {"{{total}", "two braces"},
      {"{{total\n}}", "Line 1"},
      {"{{}}", "no name"},
      {"{{ }}", "no name"},
      {"{{{total}}}", "no name"},
      {"{{Total}}", "no name"},
      {"{{#total}}x{{/total}}", "no list"},
      {"a\r\nb\rc\n{{#lines}}\n{{#if name}}\n", "{{#if name}} of line 5 is still open"},
      {"{{#lines}}", "{{#lines}} of line 1 is still open"},
      {"{{#lines}}{{#adjustments}}{{/adjustments}}{{/lines}}", "another loop"},
      {"{{#lines}}{{#lines}}{{/lines}}{{/lines}}", "another loop"},
      {"{{/lines}}", "closes nothing"},
      {"{{#lines}}{{/if}}", "closes nothing"},
      {"{{#if total}}{{/lines}}", "closes nothing"},
      {"{{#if total}}{{#lines}}{{/if}}{{/lines}}", "closes nothing"},
      {"{{else}}", "no {{#if}}"},
      {"{{#if total}}{{else}}{{else}}{{/if}}", "no {{#if}}"},
      {"{{#if total}}{{#lines}}{{else}}{{/lines}}{{/if}}", "no {{#if}}"},
      {"{{#if}}{{/if}}", "no name"},
      {"{{#if nobody}}{{/if}}", "no name"},
      {"{{#if total}}{{#if total}}{{#if total}}{{#if total}}{{#if total}}{{#if total}}{{#if total}}"
       "{{#if total}}\n{{#if total}}",
       "Line 2 of the text template: {{#if total}} is nested too deep"},
      {"{{"
       "\xE2\x82\xAC\xE2\x82\xAC\xE2\x82\xAC\xE2\x82\xAC\xE2\x82\xAC\xE2\x82\xAC\xE2\x82\xAC\xE2"
       "\x82"
       "\xAC\xE2\x82\xAC\xE2\x82\xAC\xE2\x82\xAC\xE2\x82\xAC\xE2\x82\xAC\xE2\x82\xAC}}",
       "\xE2\x82\xAC}} is no name"}, /* cut between two characters */
  };
  struct world *world = world_prepare();

  ck_ok(world, set(world, SHOP_MAIL_CONFIRMATION, "en", SUBJECT, TEXT, NULL));
  for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
    ck_status(world, set(world, SHOP_MAIL_CONFIRMATION, "en", SUBJECT, wrong[i].text, NULL),
              SHOP_ERR_TEMPLATE);
    ck_assert_msg(strstr(shop_error_message(world->err), wrong[i].sentence) != NULL, "%zu: %s", i,
                  shop_error_message(world->err));
  }
  ck_status(world, set(world, SHOP_MAIL_CONFIRMATION, "en", "a\nb", TEXT, NULL), SHOP_ERR_TEMPLATE);
  ck_status(world, set(world, SHOP_MAIL_CONFIRMATION, "en", "{{code}}", TEXT, NULL),
            SHOP_ERR_TEMPLATE);
  ck_has(shop_error_message(world->err), "the subject template");
  ck_status(world, set(world, SHOP_MAIL_CONFIRMATION, "en", SUBJECT, TEXT, "{{code}}"),
            SHOP_ERR_TEMPLATE);
  ck_has(shop_error_message(world->err), "the HTML template");
  ck_has(confirmation(world), "\r\n\r\nGuten Tag,\r\n");
  end(world);
}
END_TEST

/* Texts that could be no template at all. */
START_TEST(unfit_texts_are_refused) {
  static char large[65538];
  struct world *world = world_prepare();

  memset(large, 'x', sizeof large - 1);
  ck_status(world, set(world, 0, "en", SUBJECT, TEXT, NULL), SHOP_ERR_ARGUMENT);
  ck_status(world, set(world, SHOP_MAIL_REGISTRATION + 1, "en", SUBJECT, TEXT, NULL), SHOP_ERR_ARGUMENT);
  ck_status(world, set(world, -1, "en", SUBJECT, TEXT, NULL), SHOP_ERR_ARGUMENT);
  ck_status(world, set(world, 1, NULL, SUBJECT, TEXT, NULL), SHOP_ERR_ARGUMENT);
  ck_status(world, set(world, 1, "german", SUBJECT, NULL, NULL), SHOP_ERR_ARGUMENT);
  ck_status(world, set(world, 1, "en", NULL, TEXT, NULL), SHOP_ERR_ARGUMENT);
  ck_status(world, set(world, 1, "en", "", TEXT, NULL), SHOP_ERR_ARGUMENT);
  ck_status(world, set(world, 1, "en", SUBJECT, "", NULL), SHOP_ERR_ARGUMENT);
  ck_status(world, set(world, 1, "en", SUBJECT, TEXT, ""), SHOP_ERR_ARGUMENT);
  ck_status(world, set(world, 1, "en", SUBJECT, "\xff", NULL), SHOP_ERR_TEXT);
  ck_status(world, set(world, 1, "en", SUBJECT, "a\x01", NULL), SHOP_ERR_TEXT);
  ck_status(world, set(world, 1, "en", "a\x1b", TEXT, NULL), SHOP_ERR_TEXT);
  ck_status(world, set(world, 1, "en", SUBJECT, large, NULL), SHOP_ERR_TOO_LONG);
  ck_status(world, set(world, 1, "en", large, TEXT, NULL), SHOP_ERR_TOO_LONG);
  large[65536] = '\0';
  ck_ok(world, set(world, 1, "en", SUBJECT, large, large));
  ck_assert_int_eq(shop_config_set_mail_template(NULL, 1, "en", SUBJECT, TEXT, NULL, NULL),
                   SHOP_ERR_ARGUMENT);
  ck_assert_int_eq(shop_config_load_mail_templates(NULL, ".", NULL), SHOP_ERR_ARGUMENT);
  ck_assert_int_eq(shop_config_load_mail_templates(world->config, NULL, NULL), SHOP_ERR_ARGUMENT);
  ck_assert_int_eq(shop_config_load_mail_templates(world->config, "", NULL), SHOP_ERR_ARGUMENT);
  ck_assert_int_eq(shop_config_load_mail_templates(world->config, large, NULL), SHOP_ERR_TOO_LONG);
  world_free(world);
}
END_TEST

/* Both parts of the host's template, in the shop's language, with its money and dates. */
START_TEST(the_hosts_own) {
  struct world *world = world_prepare();
  const char *mail;

  ck_ok(world, set(world, SHOP_MAIL_CONFIRMATION, "de", SUBJECT, TEXT, HTML));
  ck_assert_int_eq(shop_config_set_language(world->config, "de"), SHOP_OK);
  ck_assert_int_eq(shop_config_set_mail_reply_to(world->config, "hilfe@example.org"), SHOP_OK);
  mail = confirmation(world);
  ck_has(mail, "\r\nReply-To: hilfe@example.org\r\n");
  ck_has(mail, "\r\nSubject: Bestellung ");
  ck_has(mail, "\r\nContent-Language: de\r\n");
  ck_has(mail, "\r\n  TEA: 1.998,00=C2=A0=E2=82=AC\r\nSumme: 1.998,00=C2=A0=E2=82=AC\r\n");
  ck_has(mail, "<p>Summe: <b>1.998,00=C2=A0=E2=82=AC</b> vom 15.01.2027</p>\r\n");
  end(world);
}
END_TEST

/* Without HTML there is one part, and no reply address where none is wanted. */
START_TEST(the_text_alone) {
  struct world *world = world_prepare();
  const char *mail;

  ck_ok(world, set(world, SHOP_MAIL_CONFIRMATION, "en", SUBJECT, TEXT, NULL));
  ck_assert_int_eq(shop_config_set_mail_reply_to(world->config, "x@example.org"), SHOP_OK);
  ck_assert_int_eq(shop_config_set_mail_reply_to(world->config, "x@@example.org"), SHOP_ERR_EMAIL);
  ck_assert_int_eq(shop_config_set_mail_reply_to(world->config, NULL), SHOP_OK);
  ck_assert_int_eq(shop_config_set_mail_reply_to(NULL, NULL), SHOP_ERR_ARGUMENT);
  mail = confirmation(world);
  ck_has(mail, "\r\nContent-Type: text/plain; charset=utf-8\r\n");
  ck_assert_ptr_null(strstr(mail, "multipart"));
  ck_assert_ptr_null(strstr(mail, "Reply-To"));
  end(world);
}
END_TEST

/* The nearest language there is: its own, a shorter tag of it, then English, whatever the case of
   the letters. */
START_TEST(the_nearest_language) {
  static const struct {
    const char *shop, *subject, *total;
  } wanted[] = {
      {"de-AT", "AT", "AT =E2=82=AC=C2=A01.998,00"},
      {"DE-at-1996", "AT", "AT =E2=82=AC=C2=A01.998,00"},
      {"de-CH", "de", "de EUR=C2=A01=E2=80=99998.00"},
      {"de", "de", "de 1.998,00=C2=A0=E2=82=AC"},
      {"de-x-office", "de", "de 1.998,00=C2=A0=E2=82=AC"},
      {"tlh", "Your order", "Total: =E2=82=AC1,998.00"},
      {"en-GB", "Your order", "Total: =E2=82=AC1,998.00"},
  };

  for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++) {
    struct world *world = world_prepare();
    char subject[40];
    const char *mail;

    ck_ok(world, set(world, SHOP_MAIL_CONFIRMATION, "de", "de",
                     "de {{total}} - vielen Dank und bis bald\n", NULL));
    ck_ok(world, set(world, SHOP_MAIL_CONFIRMATION, "De-At", "AT",
                     "AT {{total}} - vielen Dank und bis bald\n", NULL));
    ck_ok(world, set(world, SHOP_MAIL_REFUND, "en-GB", "no", "no\n", NULL));
    ck_assert_int_eq(shop_config_set_language(world->config, wanted[i].shop), SHOP_OK);
    mail = confirmation(world);
    snprintf(subject, sizeof subject, "\r\nSubject: %s", wanted[i].subject);
    ck_has(mail, subject);
    ck_has(mail, wanted[i].total);
    end(world);
  }
}
END_TEST

/* What is no language tag is no language of a shop. */
START_TEST(language_tags) {
  static const char *const good[] = {
      "de",          "de-DE",          "zh-Hant-TW", "sl-rozaj-biske", "de-CH-1901",
      "zh-cmn-Hans", "en-US-u-hc-h12", "es-419",     "en-x-a-b",       "haw"};
  static const char *const bad[] = {
      "",       "d",          "de-",       "-de",
      "de--DE", "de_DE",      "d\xC3\xA9", "de-DE-DE",
      "x-y",    "i-klingon",  "de DE",     "419",
      "de-a",   "de-DE-Latn", "abcdefghi", "en-aaaaaaaa-bbbbbbbb-cccccccc-dddddddd"};
  shop_config_t *config = NULL;

  ck_assert_int_eq(shop_config_new(&config), SHOP_OK);
  for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
    ck_assert_msg(shop_config_set_language(config, good[i]) == SHOP_OK, "%s", good[i]);
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
    ck_assert_msg(shop_config_set_language(config, bad[i]) == SHOP_ERR_ARGUMENT, "%s", bad[i]);
  ck_assert_int_eq(shop_config_set_language(config, NULL), SHOP_ERR_ARGUMENT);
  ck_assert_int_eq(shop_config_set_language(NULL, "en"), SHOP_ERR_ARGUMENT);
  shop_config_free(config);
}
END_TEST

/* The open shop has what was set before it was opened: no more, and also when the config is gone.
 */
START_TEST(the_shop_has_its_own_copy) {
  struct world *world = world_prepare();
  shop_t *shop = NULL;
  int64_t cart_id;
  shop_token_t *token;

  ck_ok(world, set(world, SHOP_MAIL_CONFIRMATION, "en", "before", TEXT, NULL));
  ck_ok(world, shop_open(world->path, world->config, &shop, world->err));
  ck_ok(world, set(world, SHOP_MAIL_CONFIRMATION, "en", "after", TEXT, NULL));
  shop_config_free(world->config);
  world->config = NULL;
  world->shop = shop;
  world_put(world, "TEA", 999, "EUR", 5);
  token = world_shopper(world, "ada@example.org", "TEA", 2, &cart_id);
  shop_order_free(world_bought(world, token, cart_id));
  ck_has(world->transport.messages[0], "\r\nSubject: before\r\n");
  shop_token_free(token);
  end(world);
}
END_TEST

/* A mail is in the language that its reader had when the order was made; another user's is not
   touched, and one that has none gets the shop's. */
START_TEST(the_readers_language) {
  struct world *world = world_prepare();
  shop_options_t *options = NULL;
  shop_token_t *ada = NULL, *bob;
  shop_user_t *user = NULL;
  shop_order_t *order;
  int64_t cart_id;

  ck_ok(world, set(world, SHOP_MAIL_CONFIRMATION, "de", SUBJECT, TEXT, HTML));
  ck_ok(world, set(world, SHOP_MAIL_CONFIRMATION, "fr", "Commande", TEXT, HTML));
  ck_assert_int_eq(shop_config_set_language(world->config, "fr-CA"), SHOP_OK);
  world_open(world);
  world_put(world, "TEA", 99900, "EUR", SHOP_STOCK_UNLIMITED);
  ck_assert_int_eq(shop_options_new(&options), SHOP_OK);
  ck_assert_int_eq(shop_options_set_language(NULL, "de"), SHOP_ERR_ARGUMENT);
  ck_assert_int_eq(shop_options_set_language(options, "de_CH"), SHOP_ERR_ARGUMENT);
  ck_assert_int_eq(shop_options_set_language(options, "de-CH"), SHOP_OK);
  ck_refused(world,
             shop_user_login(world->shop, "ada@example.org", PASSWORD, options, &ada, world->err),
             SHOP_ERR_ARGUMENT); /* which takes none */
  ck_ok(world,
        shop_user_register(world->shop, "ada@example.org", PASSWORD, options, &ada, world->err));
  ck_ok(world, shop_user_find_by_email(world->shop, "ada@example.org", &user, world->err));
  ck_assert_str_eq(shop_user_language(user), "de-CH");
  shop_user_free(user);
  cart_id = world_cart(world, ada);
  world_add(world, ada, cart_id, "TEA", 2);
  order = world_bought(world, ada, cart_id);
  ck_assert_str_eq(shop_order_language(order), "de-CH");
  shop_order_free(order);
  ck_has(world->transport.messages[0], "\r\nContent-Language: de\r\n");
  ck_has(world->transport.messages[0], "EUR=C2=A01=E2=80=99998.00");

  bob = world_shopper(world, "bob@example.org", "TEA", 1, &cart_id);
  order = world_bought(world, bob, cart_id);
  ck_assert_str_eq(shop_order_language(order), "");
  shop_order_free(order);
  ck_has(world->transport.messages[1], "\r\nSubject: Commande\r\n");
  ck_has(world->transport.messages[1], "999,00=C2=A0=E2=82=AC");

  ck_refused(world, shop_user_set_language(world->shop, bob, "d", NULL, world->err),
             SHOP_ERR_ARGUMENT);
  ck_ok(world, shop_user_set_language(world->shop, bob, "en-GB", NULL, world->err));
  cart_id = world_cart(world, bob);
  world_add(world, bob, cart_id, "TEA", 1);
  shop_order_free(world_bought(world, bob, cart_id));
  ck_has(world->transport.messages[2], "Total: =E2=82=AC999.00");
  ck_ok(world, shop_user_set_language(world->shop, bob, NULL, NULL, world->err));
  ck_ok(world, shop_user_find_by_email(world->shop, "bob@example.org", &user, world->err));
  ck_assert_str_eq(shop_user_language(user), "");
  ck_assert_str_eq(shop_user_language(NULL), "");
  ck_assert_str_eq(shop_order_language(NULL), "");
  shop_user_free(user);
  shop_options_free(options);
  shop_token_free(ada);
  shop_token_free(bob);
  end(world);
}
END_TEST

/* The header and the envelope have the domain in ASCII, and both ways to type it are one account.
 */
START_TEST(a_domain_in_utf8) {
  struct world *world = world_new();
  shop_token_t *token, *again = NULL;
  int64_t cart_id;

  world_put(world, "TEA", 999, "EUR", 5);
  token = world_shopper(world,
                        "ada@b\xC3\xBC"
                        "cher.example",
                        "TEA", 1, &cart_id);
  shop_order_free(world_bought(world, token, cart_id));
  ck_has(world->transport.messages[0], "\r\nTo: ada@xn--bcher-kva.example\r\n");
  ck_assert_str_eq(world->transport.recipients[0], "ada@xn--bcher-kva.example");
  ck_refused(world,
             shop_user_register(world->shop, "ada@xn--bcher-kva.example", PASSWORD, NULL, &again,
                                world->err),
             SHOP_ERR_EMAIL_TAKEN);
  shop_token_free(token);
  end(world);
}
END_TEST

/* ---- a folder ------------------------------------------------------------------------------- */

static void make_folder(const struct world *world, const char *name, char *out, size_t size) {
  snprintf(out, size, "%s/%s", world->dir, name);
  ck_assert_int_eq(mkdir(out, 0700), 0);
}

static void write_file(const char *folder, const char *name, const char *text, size_t size) {
  char path[300];
  FILE *file;

  snprintf(path, sizeof path, "%s/%s", folder, name);
  file = fopen(path, "wb");
  ck_assert_ptr_nonnull(file);
  ck_assert_uint_eq(fwrite(text, 1, size, file), size);
  ck_assert_int_eq(fclose(file), 0);
}

static void write_text(const char *folder, const char *name, const char *text) {
  write_file(folder, name, text, strlen(text));
}

/* The files and the folder itself; other folders in it are gone before. */
static void remove_folder(const char *folder) {
  char path[600];
  struct dirent *entry;
  DIR *listed = opendir(folder);

  ck_assert_ptr_nonnull(listed);
  while ((entry = readdir(listed)) != NULL) {
    snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
    (void)unlink(path);
  }
  closedir(listed);
  ck_assert_int_eq(rmdir(folder), 0);
}

/* Files give what memory gives: also with a byte order mark and other line ends. */
START_TEST(from_a_folder) {
  char folder[200], german[220], hidden[220], kept[8000];
  struct world *world = world_prepare();
  const char *mail, *body;

  ck_ok(world, set(world, SHOP_MAIL_CONFIRMATION, "de", SUBJECT, TEXT, HTML));
  ck_assert_int_eq(shop_config_set_language(world->config, "de"), SHOP_OK);
  mail = confirmation(world);
  snprintf(kept, sizeof kept, "%s", strstr(mail, "text/plain"));
  *strstr(kept, "--=_shop") = '\0';
  end(world);

  world = world_prepare();
  make_folder(world, "templates", folder, sizeof folder);
  make_folder(world, "templates/de", german, sizeof german);
  make_folder(world, "templates/.git", hidden, sizeof hidden);
  write_text(folder, "README.txt", "{{nobody}}");
  write_text(german, "notes.md", "{{nobody}}");
  write_text(german, ".confirmaton.txt", "{{nobody}}");
  write_text(german, "confirmation.subject", "\xEF\xBB\xBF" SUBJECT "\r\n");
  write_text(german, "confirmation.txt",
             "Guten Tag,\r\n\r\nvielen Dank!\r\n{{#lines}}\r\n  {{name}}: {{line_total}}\r\n"
             "{{/lines}}\r\nSumme: {{total}}\r\n");
  write_text(german, "confirmation.html", HTML);
  write_text(german, "welcome.subject", "Willkommen\n");
  write_text(german, "welcome.txt", "Willkommen bei {{shop_name}}\n");
  ck_ok(world, shop_config_load_mail_templates(world->config, folder, world->err));
  remove_folder(german);
  remove_folder(hidden);
  remove_folder(folder);
  ck_assert_int_eq(shop_config_set_language(world->config, "de"), SHOP_OK);
  mail = confirmation(world);
  ck_has(mail, "\r\nSubject: Bestellung ");
  body = strstr(mail, "text/plain");
  ck_assert_int_eq(strncmp(body, kept, strlen(kept)), 0);
  ck_has(mail, "<p>Summe: <b>");
  end(world);
}
END_TEST

/* A folder with a mistake changes nothing, and the sentence names the file. */
START_TEST(mistakes_in_a_folder) {
  static const struct {
    const char *file, *text, *sentence;
    int32_t status;
  } wrong[] = {
      {"confirmaton.txt", "x", "de/confirmaton.txt", SHOP_ERR_TEMPLATE},
      {"confirmation.HTML", "x", NULL, SHOP_OK}, /* another ending */
      {"refund.subject", "x", "de/refund.txt is missing", SHOP_ERR_TEMPLATE},
      {"refund.txt", "x", "de/refund.subject is missing", SHOP_ERR_TEMPLATE},
      {"refund.html", "x", "de/refund.subject is missing", SHOP_ERR_TEMPLATE},
      {"confirmation.html", "a\nb {{nobody}}", "de/confirmation: Line 2", SHOP_ERR_TEMPLATE},
      {"confirmation.html", "", "de/confirmation: ", SHOP_ERR_ARGUMENT},
      {"confirmation.html", "\xff", "de/confirmation: ", SHOP_ERR_TEXT},
  };
  static char large[70000];
  struct world *world = world_prepare();
  char folder[200], german[220], odd[220];

  ck_ok(world, set(world, SHOP_MAIL_CONFIRMATION, "de", "kept", TEXT, NULL));
  ck_assert_int_eq(shop_config_set_language(world->config, "de"), SHOP_OK);
  make_folder(world, "templates", folder, sizeof folder);
  ck_status(world, shop_config_load_mail_templates(world->config, "/nowhere/at/all", world->err),
            SHOP_ERR_CANNOT_OPEN);
  for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
    make_folder(world, "templates/de", german, sizeof german);
    write_text(german, "confirmation.subject", i == 1 ? "kept" : SUBJECT);
    write_text(german, "confirmation.txt", TEXT);
    write_text(german, wrong[i].file, wrong[i].text);
    ck_status(world, shop_config_load_mail_templates(world->config, folder, world->err),
              wrong[i].status);
    ck_assert_int_eq(shop_config_load_mail_templates(world->config, folder, NULL), wrong[i].status);
    if (wrong[i].sentence != NULL)
      ck_has(shop_error_message(world->err), wrong[i].sentence);
    remove_folder(german);
  }
  make_folder(world, "templates/de", german, sizeof german);
  write_text(german, "confirmation.subject", SUBJECT);
  write_file(german, "confirmation.txt", "a\0b", 3);
  ck_status(world, shop_config_load_mail_templates(world->config, folder, world->err),
            SHOP_ERR_TEXT);
  memset(large, 'x', sizeof large);
  write_file(german, "confirmation.txt", large, sizeof large);
  ck_status(world, shop_config_load_mail_templates(world->config, folder, world->err),
            SHOP_ERR_TOO_LONG);
  remove_folder(german);
  make_folder(world, "templates/german language", odd, sizeof odd);
  ck_status(world, shop_config_load_mail_templates(world->config, folder, world->err),
            SHOP_ERR_TEMPLATE);
  remove_folder(odd);
  remove_folder(folder);
  ck_has(confirmation(world), "\r\nSubject: kept\r\n");
  end(world);
}
END_TEST

int main(void) {
  const TTest *const tests[] = {
      mistakes_are_refused, unfit_texts_are_refused,
      the_hosts_own,        the_text_alone,
      the_nearest_language, language_tags,
      from_a_folder,        the_readers_language,
      a_domain_in_utf8,     the_shop_has_its_own_copy,
      mistakes_in_a_folder,
  };

  return HARNESS_RUN("mail templates", tests);
}
