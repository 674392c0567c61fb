/*
 * E-mail addresses: the grammar of RFC 5321 with RFC 6531, by examples and by
 * counting.
 */
#include "test_base.h"
#include "base.h"

#include <stdlib.h>
#include <string.h>

#define TEN "abcdefghij"
#define SIXTY TEN TEN TEN TEN TEN TEN

/* What is exactly one mailbox is accepted. */
START_TEST(valid_addresses) {
  static const char *const good[] = {
      "ada@example.org",
      "a@b",
      "ada@localhost",
      "ADA@EXAMPLE.ORG",
      "ada.lovelace@example.org",
      "ada+tea@example.org",
      "ada-l@ex-ample.org",
      "_@example.org",
      "!#$%&'*+-/=?^_`{|}~@example.org",
      "1@2.3",
      "user@123.123.123.123", /* labels of digits */
      "a@b-c.d--e.f",
      "a@xn--bcher-kva.example",
      "\"ada\"@example.org",
      "\"ada lovelace\"@example.org",
      "\"\"@example.org",
      "\" \"@example.org",
      "\"ada@home\"@example.org",
      "\"a\\\"b\"@example.org",
      "\"a\\\\\"@example.org",
      "\"\\ \"@example.org",
      "\"a..b.\"@example.org",
      "\"<(,;:)>[]\"@example.org",
      "ada@[192.0.2.1]",
      "ada@[0.0.0.0]",
      "ada@[255.255.255.255]",
      "ada@[010.001.000.009]", /* Snum = 1*3DIGIT */
      "ada@[IPv6:2001:db8::1]",
      "ada@[ipv6:2001:DB8::1]",
      "ada@[IPv6:::]",
      "ada@[IPv6:::1]",
      "ada@[IPv6:1::]",
      "ada@[IPv6:1:2:3:4:5:6:7:8]",
      "ada@[IPv6:1:2:3:4:5:6:192.0.2.1]",
      "ada@[IPv6:::ffff:192.0.2.1]",
      "ada@[IPv6:1:2:3::192.0.2.1]",
      "\"a\"@[192.0.2.1]",
      "j\xC3\xBCrgen@example.org",
      "\xCE\xB1\xCE\xB4\xCE\xB1@"
      "\xCF\x80\xCE\xB1\xCF\x81\xCE\xAC\xCE\xB4\xCE\xB5\xCE\xB9\xCE\xB3\xCE\xBC\xCE\xB1.gr",
      "\xE7\x94\xA8\xE6\x88\xB7@\xE4\xBE\x8B\xE5\xAD\x90.\xE5\xB9\xBF\xE5\x91\x8A",
      "\xF0\x9F\x8D\xB5@example.org",
      "ada@b\xC3\xBC"
      "cher.example",
      "\"\xC3\xBC \xC3\xBC\"@example.org",
      "\"\xC2\xA0\"@example.org", /* in quotes a space may stand, this one too */
      SIXTY "1234@example.org",   /* 64 */
      "a@" SIXTY "123.org",       /* 63 */
      "a@" SIXTY "1." SIXTY "2." SIXTY "3." SIXTY "45", /* 2 + 3 * 62 + 62 = 250 */
  };
  for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
    char key[SHOP__EMAIL_BYTES];
    shop_error_t err = {0};
    ck_assert_msg(shop__email_parse(good[i], key, &err) == SHOP_OK, "%s: %s", good[i], err.message);
    ck_assert_uint_eq(strlen(key), strlen(good[i]));
  }
}
END_TEST

/* Everything else is not, and says so without a key. */
START_TEST(invalid_addresses) {
  static const char *const bad[] = {
      "ada",
      "@",
      "@example.org",
      "ada@",
      "ada@@example.org",
      "ada@example@example.org",
      "a@b@c",
      "ada@example.org.",
      "ada@.example.org",
      "ada@example..org",
      "ada@.",
      ".ada@example.org",
      "ada.@example.org",
      "a..b@example.org",
      ".@example.org",
      " ada@example.org",
      "ada@example.org ",
      "ada @example.org",
      "ada@ example.org",
      "ada@exam ple.org",
      "ada lovelace@example.org",
      "ada@example.org\n",
      "\nada@example.org",
      "ada@example.org\r\nBcc: eve@example.org",
      "ada@exa\nmple.org",
      "\"a\nb\"@example.org",
      "\"a\rb\"@example.org",
      "\"a\tb\"@example.org",
      "\"a\\\nb\"@example.org",
      "a\x01@example.org",
      "a@example\x7F.org",
      "a\xC2\x85@example.org",        /* C1 */
      "\"\xE2\x80\xA8\"@example.org", /* the line separator */
      "<ada@example.org>",
      "ada@<example.org>",
      "Ada <ada@example.org>",
      "ada@example.org,eve@example.org",
      "ada@example.org;eve@example.org",
      "@relay.example:ada@example.org", /* source route */
      "@a,@b:ada@example.org",
      "ada(comment)@example.org",
      "ada@example.org(comment)",
      "ada@(comment)example.org",
      "(c)ada@example.org",
      "ada:b@example.org",
      "a[b@example.org",
      "a\\b@example.org",
      "a\"b@example.org",
      "a\"b\"@example.org",
      "\"a\"b@example.org",
      "\"a\".b@example.org", /* obs-local-part of RFC 5322 */
      "\"a@example.org",
      "\"a\\\"@example.org",
      "\"a\"\"b\"@example.org",
      "\"a\"",
      "\"a\"@",
      "\"",
      "\"\\",
      "\"a\\\xC3\xBC\"@example.org", /* a pair quotes ASCII */
      "ada@-example.org",
      "ada@example-.org",
      "ada@example.-org",
      "ada@example.org-",
      "ada@-",
      "ada@ex_ample.org",
      "ada@ex!ample.org",
      "ada@example.org/",
      "ada@example.org:25",
      "ada@[192.0.2]",
      "ada@[192.0.2.1.1]",
      "ada@[192.0.2.256]",
      "ada@[192.0.2.1",
      "ada@192.0.2.1]",
      "ada@[192.0.2.1]]",
      "ada@[192.0.2.1].org",
      "ada@[192.0.2.0001]",
      "ada@[192.0..1]",
      "ada@[.0.2.1]",
      "ada@[192.0.2.]",
      "ada@[ 192.0.2.1]",
      "ada@[]",
      "ada@[",
      "ada@[IPv6:]",
      "ada@[IPv6]",
      "ada@[2001:db8::1]",
      "ada@[IPv6:2001:db8::1::]",
      "ada@[IPv6:1:2:3:4:5:6:7]",
      "ada@[IPv6:1:2:3:4:5:6:7:8:9]",
      "ada@[IPv6:1:2:3:4:5:6:7::]", /* "::" stands for two groups or more */
      "ada@[IPv6:12345::]",
      "ada@[IPv6:g::]",
      "ada@[IPv6::1]",
      "ada@[IPv6:1:]",
      "ada@[IPv6::::]",
      "ada@[IPv6:fe80::1%eth0]",
      "ada@[IPv6:192.0.2.1]",
      "ada@[IPv6:192.0.2.1::]",
      "ada@[IPv6:::192.0.2]",
      "ada@[IPv7:::1]",
      "ada@[tag:content]",
      "ada@exa\xE3\x80\x82mple.org", /* the ideographic full stop */
      "ada@exa\xEF\xBC\x8Emple.org", /* the full-width one */
      "ada@ex\xE2\x80\x8B"
      "ample.org",               /* zero width space */
      "ada@example.org\xC2\xA0", /* no-break space, as pasted */
      "\xC2\xA0"
      "ada@example.org",
      "ada@ex\xE2\x80\xAE"
      "ample.org", /* right-to-left override */
      "ada@\xEF\xBB\xBF"
      "example.org",
      SIXTY "12345@example.org",      /* 65 */
      "\"" SIXTY "123\"@example.org", /* 65 with its quotes */
      "a@" SIXTY "1234.org",          /* 64 */
      "a@b." SIXTY "1234",            /* the last one */
  };
  ck_assert_uint_ge(sizeof bad / sizeof bad[0], 60);
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
    char key[SHOP__EMAIL_BYTES] = "unchanged?";
    shop_error_t err = {0};
    ck_assert_msg(shop__email_parse(bad[i], key, &err) == SHOP_ERR_EMAIL, "%zu: %s", i, bad[i]);
    ck_assert_str_eq(key, "");
    ck_assert_str_ne(err.message, "");
  }
}
END_TEST

/* Each way of not being an address has its status. */
START_TEST(statuses) {
  char key[SHOP__EMAIL_BYTES];
  ck_assert_int_eq(shop__email_parse(NULL, key, NULL), SHOP_ERR_ARGUMENT);
  ck_assert_int_eq(shop__email_parse("", key, NULL), SHOP_ERR_ARGUMENT);
  ck_assert_int_eq(shop__email_parse("a\xFF@example.org", key, NULL), SHOP_ERR_TEXT);
  ck_assert_int_eq(shop__email_parse("a@\xC0\xAE", key, NULL), SHOP_ERR_TEXT);
  char text[SHOP__EMAIL_BYTES + 1];
  for (size_t size = SHOP__EMAIL_BYTES - 1; size <= SHOP__EMAIL_BYTES; size++) {
    memset(text, 'x', size);
    memcpy(text, "ada@", 4);
    for (size_t dot = 40; dot < size; dot += 40) {
      text[dot] = '.';
    }
    text[size] = '\0';
    int32_t status = shop__email_parse(text, key, NULL);
    ck_assert_int_eq(status, size == SHOP__EMAIL_BYTES ? SHOP_ERR_TOO_LONG : SHOP_OK);
  }
}
END_TEST

/* Two ways to type one address are one account; nothing but ASCII letters is folded. */
START_TEST(key_is_the_identity) {
  static const char *const pairs[][2] = {
      {"Ada.Lovelace@Example.ORG", "ada.lovelace@example.org"},
      {"\"ADA Z\"@EXAMPLE.org", "\"ada z\"@example.org"},
      {"ADA@[IPv6:2001:DB8::A]", "ada@[ipv6:2001:db8::a]"},
      {"J\xC3\x9CRGEN@B\xC3\x9C.de", "j\xC3\x9Crgen@b\xC3\x9C.de"},
      {"A@[Z`{.b", ""}, /* refused: what stands beside the letters in ASCII */
      {"AZ{`_^|~@Z-9.b", "az{`_^|~@z-9.b"},
  };
  for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
    char key[SHOP__EMAIL_BYTES];
    (void)!shop__email_parse(pairs[i][0], key, NULL);
    ck_assert_str_eq(key, pairs[i][1]);
  }
}
END_TEST

/* Every byte in the local part, the quoted local part and the domain, against the grammar. */
START_TEST(every_ascii_byte_in_every_place) {
  for (int c = 1; c < 0x80; c++) {
    char plain[] = "aXb@example.org";
    char quoted[] = "\"aXb\"@example.org";
    char pair[] = "\"a\\Xb\"@example.org";
    char domain[] = "a@bXc.org";
    char key[SHOP__EMAIL_BYTES];
    plain[1] = quoted[2] = pair[3] = domain[3] = (char)c;
    bool alnum = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    bool atext = alnum || strchr("!#$%&'*+-/=?^_`{|}~", c) != NULL;
    bool printable = c >= 32 && c <= 126;
    ck_assert_msg((shop__email_parse(plain, key, NULL) == SHOP_OK) == (atext || c == '.'), "%d", c);
    /* A backslash quotes the b after it. */
    ck_assert_msg((shop__email_parse(quoted, key, NULL) == SHOP_OK) == (printable && c != '"'),
                  "%d", c);
    ck_assert_msg((shop__email_parse(pair, key, NULL) == SHOP_OK) == printable, "%d", c);
    ck_assert_msg((shop__email_parse(domain, key, NULL) == SHOP_OK) ==
                      (alnum || c == '-' || c == '.'),
                  "%d", c);
  }
}
END_TEST

/* Every shape of an IPv6 literal: groups before the gap, after it, and an IPv4 end. */
START_TEST(every_shape_of_ipv6) {
  for (int before = 0; before <= 9; before++) {
    for (int after = -1; after <= 9; after++) { /* -1: no gap */
      for (int tail = 0; tail <= 1; tail++) {
        char text[200] = "a@[IPv6:";
        int groups = before + (after > 0 ? after : 0);
        for (int i = 0; i < groups; i++) {
          bool gap_here = after >= 0 && i == before;
          strcat(text, gap_here ? "::" : i > 0 ? ":" : "");
          strcat(text, "fA0");
        }
        if (after >= 0 && groups == before) {
          strcat(text, "::");
        }
        if (tail) {
          bool colon = groups > 0 && !(after >= 0 && groups == before);
          strcat(text, colon ? ":" : "");
          strcat(text, "192.0.2.1");
        }
        strcat(text, "]");
        int counted = groups + 2 * tail;
        bool good = after >= 0 ? counted <= 6 : counted == 8;
        char key[SHOP__EMAIL_BYTES];
        ck_assert_msg((shop__email_parse(text, key, NULL) == SHOP_OK) == good, "%s", text);
      }
    }
  }
}
END_TEST

Suite *email_suite(void) {
  Suite *suite = suite_create("email");
  TCase *tcase = tcase_create("email");
  tcase_add_test(tcase, valid_addresses);
  tcase_add_test(tcase, invalid_addresses);
  tcase_add_test(tcase, statuses);
  tcase_add_test(tcase, key_is_the_identity);
  tcase_add_test(tcase, every_ascii_byte_in_every_place);
  tcase_add_test(tcase, every_shape_of_ipv6);
  suite_add_tcase(suite, tcase);
  return suite;
}
