/*
 * E-mail addresses: the grammar of RFC 5321 with RFC 6531, by examples and by
 * counting.
 */
#include "test_base.h"
#include "base.h"

#include <stdlib.h>
#include <stdio.h>
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
    ck_assert_str_ne(key, "");
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
      {"J\xC3\x9CRGEN@B\xC3\x9C.de", "j\xC3\x9Crgen@xn--b-kfa.de"},
      {"a@b\xC3\xBC"
       "cher.example",
       "a@xn--bcher-kva.example"},
      {"a@XN--bcher-KVA.example", "a@xn--bcher-kva.example"},
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

/* A label in UTF-8. */
static const char *utf8(const uint32_t *points, char *out) {
  char *at = out;
  for (; *points != 0; points++) {
    uint32_t c = *points;
    if (c < 0x80) {
      *at++ = (char)c;
    } else if (c < 0x800) {
      *at++ = (char)(0xC0 | c >> 6);
      *at++ = (char)(0x80 | (c & 0x3F));
    } else {
      *at++ = (char)(0xE0 | c >> 12);
      *at++ = (char)(0x80 | (c >> 6 & 0x3F));
      *at++ = (char)(0x80 | (c & 0x3F));
    }
  }
  *at = '\0';
  return out;
}

/* The samples of RFC 3492 section 7.1 that are labels: (A) to (I), (L) to (R); ASCII in lower case.
 */
START_TEST(punycode_samples) {
  static const struct {
    uint32_t points[40];
    const char *wanted;
  } samples[] = {
      {{0x0644, 0x064A, 0x0647, 0x0645, 0x0627, 0x0628, 0x062A, 0x0643, 0x0644, 0x0645, 0x0648,
        0x0634, 0x0639, 0x0631, 0x0628, 0x064A, 0x061F},
       "egbpdaj6bu4bxfgehfvwxn"},
      {{0x4ED6, 0x4EEC, 0x4E3A, 0x4EC0, 0x4E48, 0x4E0D, 0x8BF4, 0x4E2D, 0x6587},
       "ihqwcrb4cv8a8dqg056pqjye"},
      {{0x4ED6, 0x5011, 0x7232, 0x4EC0, 0x9EBD, 0x4E0D, 0x8AAA, 0x4E2D, 0x6587},
       "ihqwctvzc91f659drss3x8bo0yb"},
      {{'p', 'r', 'o', 0x010D, 'p', 'r',    'o',    's', 't', 0x011B, 'n',
        'e', 'm', 'l', 'u',    'v', 0x00ED, 0x010D, 'e', 's', 'k',    'y'},
       "proprostnemluvesky-uyb24dma41a"},
      {{0x05DC, 0x05DE, 0x05D4, 0x05D4, 0x05DD, 0x05E4, 0x05E9, 0x05D5, 0x05D8, 0x05DC, 0x05D0,
        0x05DE, 0x05D3, 0x05D1, 0x05E8, 0x05D9, 0x05DD, 0x05E2, 0x05D1, 0x05E8, 0x05D9, 0x05EA},
       "4dbcagdahymbxekheh6e0a7fei0b"},
      {{0x092F, 0x0939, 0x0932, 0x094B, 0x0917, 0x0939, 0x093F, 0x0928, 0x094D, 0x0926,
        0x0940, 0x0915, 0x094D, 0x092F, 0x094B, 0x0902, 0x0928, 0x0939, 0x0940, 0x0902,
        0x092C, 0x094B, 0x0932, 0x0938, 0x0915, 0x0924, 0x0947, 0x0939, 0x0948, 0x0902},
       "i1baa7eci9glrd9b2ae1bj0hfcgg6iyaf8o0a1dig0cd"},
      {{0x306A, 0x305C, 0x307F, 0x3093, 0x306A, 0x65E5, 0x672C, 0x8A9E, 0x3092, 0x8A71, 0x3057,
        0x3066, 0x304F, 0x308C, 0x306A, 0x3044, 0x306E, 0x304B},
       "n8jok5ay5dzabd5bym9f0cm5685rrjetr6pdxa"},
      {{0x043F, 0x043E, 0x0447, 0x0435, 0x043C, 0x0443, 0x0436, 0x0435, 0x043E, 0x043D,
        0x0438, 0x043D, 0x0435, 0x0433, 0x043E, 0x0432, 0x043E, 0x0440, 0x044F, 0x0442,
        0x043F, 0x043E, 0x0440, 0x0443, 0x0441, 0x0441, 0x043A, 0x0438},
       "b1abfaaepdrnnbgefbadotcwatmq2g4l"},
      {{'3', 0x5E74, 'b', 0x7D44, 0x91D1, 0x516B, 0x5148, 0x751F}, "3b-ww4c5e180e575a65lsy2b"},
      {{0x5B89, 0x5BA4, 0x5948, 0x7F8E, 0x6075, '-', 'w', 'i', 't', 'h', '-', 's',
        'u',    'p',    'e',    'r',    '-',    'm', 'o', 'n', 'k', 'e', 'y', 's'},
       "-with-super-monkeys-pc58ag80a8qai00g7n9n"},
      {{'h', 'e', 'l', 'l', 'o', '-',    'a',    'n',    'o',    't',    'h',    'e',   'r',
        '-', 'w', 'a', 'y', '-', 0x305D, 0x308C, 0x305E, 0x308C, 0x306E, 0x5834, 0x6240},
       "hello-another-way--fc4qua05auwb3674vfr0b"},
      {{0x3072, 0x3068, 0x3064, 0x5C4B, 0x6839, 0x306E, 0x4E0B, '2'}, "2-u9tlzr9756bt3uc0v"},
      {{'m', 'a', 'j', 'i', 0x3067, 'k', 'o', 'i', 0x3059, 0x308B, '5', 0x79D2, 0x524D},
       "majikoi5-783gue6qz075azm5e"},
      {{0x30D1, 0x30D5, 0x30A3, 0x30FC, 'd', 'e', 0x30EB, 0x30F3, 0x30D0}, "de-jg4avhby1noc0d"},
      {{0x305D, 0x306E, 0x30B9, 0x30D4, 0x30FC, 0x30C9, 0x3067}, "d9juau41awczczp"},
  };
  for (size_t i = 0; i < sizeof samples / sizeof samples[0]; i++) {
    char label[160], got[70], wanted[70];
    (void)utf8(samples[i].points, label);
    size_t size = shop__punycode_label(label, strlen(label), got, sizeof got);
    got[size] = '\0';
    (void)snprintf(wanted, sizeof wanted, "xn--%s", samples[i].wanted);
    ck_assert_str_eq(got, wanted);
    /* It is not written where it has no room, to the byte. */
    ck_assert_uint_eq(shop__punycode_label(label, strlen(label), got, size), size);
    ck_assert_uint_eq(shop__punycode_label(label, strlen(label), got, size - 1), 0);
  }
}
END_TEST

/* What fits in UTF-8 and does not in ASCII is no address: mail could never reach it. */
START_TEST(a_domain_too_long_in_ascii) {
  static const uint32_t far_apart[] = {0x528C, 0x8B19, 0xD66E, 0xD1AC, 0x53C5, 0x093D, 0x6C99,
                                       0x09AE, 0xCA8A, 0xB3D2, 0x123E, 0x1222, 0x5486, 0x5E3D,
                                       0x092C, 0x122C, 0x099B, 0xC10A, 0xAC39, 0x537F, 0};
  char label[160], text[300], key[SHOP__EMAIL_BYTES];
  size_t size = strlen(utf8(far_apart, label));
  ck_assert_uint_lt(size, 63);
  (void)snprintf(text, sizeof text, "a@%s.example", label);
  shop_error_t err = {0};
  ck_assert_int_eq(shop__email_parse(text, key, &err), SHOP_ERR_EMAIL);
  ck_assert_ptr_nonnull(strstr(err.message, "ASCII form"));
  ck_assert_str_eq(key, "");
  /* Each label fits, all together do not. */
  size_t used = (size_t)snprintf(text, sizeof text, "a@");
  while (used < 230) {
    used += (size_t)snprintf(text + used, sizeof text - used, "\xC3\xBC\xC3\xBF\xC3\xBE.");
  }
  (void)snprintf(text + used, sizeof text - used, "de");
  ck_assert_int_eq(shop__email_parse(text, key, NULL), SHOP_ERR_EMAIL);
  ck_assert_int_eq(shop__email_parse("a@bx\xC3\xBC--c.de", key, NULL), SHOP_OK);
  ck_assert_int_eq(shop__email_parse("a@\xC3\xBC"
                                     "b-c.de",
                                     key, NULL),
                   SHOP_OK);
  ck_assert_int_eq(shop__email_parse("a@b\xC3\xBC--c.de", key, NULL), SHOP_ERR_EMAIL);
  ck_assert_int_eq(shop__email_parse("a@xn--bcher-kva.de", key, NULL), SHOP_OK);
}
END_TEST

/* The domain alone is rewritten, and only where it must be. */
START_TEST(addresses_in_ascii) {
  static const char *const pairs[][2] = {
      {"Ada@Example.ORG", "Ada@Example.ORG"},
      {"ada@[192.0.2.1]", "ada@[192.0.2.1]"},
      {"\"a@b\"@b\xC3\xBC"
       "cher.Example",
       "\"a@b\"@xn--bcher-kva.Example"},
      {"j\xC3\xBCrgen@B\xC3\xBC"
       "CHER.example",
       "j\xC3\xBCrgen@xn--bcher-kva.example"},
      {"no address", "no address"},
      {"a@b..c", "a@b..c"},
      {"", ""},
  };
  for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
    char out[SHOP__EMAIL_BYTES];
    shop__email_to_ascii(pairs[i][0], out);
    ck_assert_str_eq(out, pairs[i][1]);
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
  tcase_add_test(tcase, punycode_samples);
  tcase_add_test(tcase, a_domain_too_long_in_ascii);
  tcase_add_test(tcase, addresses_in_ascii);
  tcase_add_test(tcase, every_ascii_byte_in_every_place);
  tcase_add_test(tcase, every_shape_of_ipv6);
  suite_add_tcase(suite, tcase);
  return suite;
}
