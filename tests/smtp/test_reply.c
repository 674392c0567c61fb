/*
 * The parser of a server's replies: whole, in pieces, and whatever else a
 * server may send.
 */
#include "smtp.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct shop__smtp_reply reply;

/* Feeds a text in pieces; *rest receives what was left of it at the end. */
static enum shop__smtp_feed feed(const char *text, size_t size, size_t piece, size_t *rest) {
  enum shop__smtp_feed state = SHOP__SMTP_MORE;
  size_t at = 0;

  shop__smtp_reply_begin(&reply);
  while (state == SHOP__SMTP_MORE && at < size) {
    size_t part = size - at < piece ? size - at : piece, taken = 0;
    state = shop__smtp_reply_feed(&reply, text + at, part, &taken);
    ck_assert(taken == part || (state != SHOP__SMTP_MORE && taken > 0 && taken < part));
    at += taken;
  }
  *rest = size - at;
  return state;
}

static enum shop__smtp_feed feed_text(const char *text) {
  size_t rest;
  return feed(text, strlen(text), 1000000, &rest);
}

/* A reply is the same in whatever pieces it comes, and what follows it is left alone. */
START_TEST(pieces) {
  static const char text[] = "250-first\r\n250-\r\n250 5.1.1 last\r\n421 next";
  for (size_t piece = 1; piece <= sizeof text; piece++) {
    size_t rest;
    ck_assert_int_eq(feed(text, sizeof text - 1, piece, &rest), SHOP__SMTP_DONE);
    ck_assert_uint_eq(rest, strlen("421 next"));
    ck_assert_int_eq(reply.code, 250);
    ck_assert_str_eq(reply.text, "first\n\n5.1.1 last\n");
    ck_assert_str_eq(reply.enhanced, "");
  }
}
END_TEST

/* Every beginning of a reply is unfinished, and no end is found in it. */
START_TEST(unfinished) {
  static const char text[] = "550-5.7.1 no\r\n550 5.7.1 never\r\n";
  for (size_t size = 0; size < sizeof text - 1; size++) {
    size_t rest;
    ck_assert_int_eq(feed(text, size, 3, &rest), SHOP__SMTP_MORE);
  }
  ck_assert_int_eq(feed_text(text), SHOP__SMTP_DONE);
  ck_assert_str_eq(reply.enhanced, "5.7.1");
}
END_TEST

/* Odd, and still replies (RFC 5321 4.2 asks to read a code alone). */
START_TEST(lenient) {
  static const char *const good[] = {"250\r\n",      "250 \r\n",        "250\n",
                                     "250 ok\n",     "250-a\n250\n",    "299 x\r\r\n",
                                     "250 \xFF\r\n", "599 \x01\x7F\r\n"};
  for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
    ck_assert_msg(feed_text(good[i]) == SHOP__SMTP_DONE, "%zu", i);
  size_t rest;
  ck_assert_int_eq(feed("250 a\0b\r\n", 9, 9, &rest), SHOP__SMTP_DONE);
  ck_assert_str_eq(reply.text, "a?b\n");
}
END_TEST

/* What is no SMTP is found out at the first byte that is not. */
START_TEST(garbage) {
  static const char *const bad[] = {"150 x\r\n",
                                    "650 x\r\n",
                                    "050 x\r\n",
                                    "25 x\r\n",
                                    "2500 x\r\n",
                                    "250_x\r\n",
                                    "\r\n",
                                    " 250 x\r\n",
                                    "HTTP/1.1 200 OK\r\n",
                                    "\x16\x03\x01",
                                    "250-a\r\n251 b\r\n",
                                    "250-a\r\nx",
                                    "+OK\r\n",
                                    "-1 \r\n",
                                    "25\xB2 x\r\n"};
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
    ck_assert_msg(feed_text(bad[i]) == SHOP__SMTP_BAD, "%zu", i);
  size_t rest;
  ck_assert_int_eq(feed("\0", 1, 1, &rest), SHOP__SMTP_BAD);
}
END_TEST

/* A line without an end, and lines without an end, stop at the limit. */
START_TEST(bounded) {
  static char text[200000];
  size_t rest;
  memset(text, 'x', sizeof text);
  memcpy(text, "250 ", 4);
  for (size_t piece = 1; piece < 100000; piece = piece * 3 + 1) {
    ck_assert_int_eq(feed(text, sizeof text, piece, &rest), SHOP__SMTP_BAD);
    ck_assert_uint_eq(reply.size, SHOP__SMTP_REPLY_MAX);
  }
  for (size_t at = 0; at + 6 < sizeof text; at += 6)
    memcpy(text + at, "250-\r\n", 6);
  ck_assert_int_eq(feed(text, sizeof text, 7, &rest), SHOP__SMTP_BAD);
  /* The longest that fits: its last byte is the last one. */
  memset(text, 'y', SHOP__SMTP_REPLY_MAX);
  memcpy(text, "250 ", 4);
  text[SHOP__SMTP_REPLY_MAX - 2] = '\n';
  ck_assert_int_eq(feed(text, SHOP__SMTP_REPLY_MAX - 1, 999, &rest), SHOP__SMTP_DONE);
}
END_TEST

static void enhanced_is(const char *text, const char *wanted) {
  char line[100];
  snprintf(line, sizeof line, "550 %s\r\n", text);
  ck_assert_int_eq(feed_text(line), SHOP__SMTP_DONE);
  ck_assert_msg(strcmp(reply.enhanced, wanted) == 0, "%s: %s", text, reply.enhanced);
}

START_TEST(enhanced_codes) {
  enhanced_is("5.1.1 no such user", "5.1.1");
  enhanced_is("4.7.999", "4.7.999");
  enhanced_is("5.123.123 x", "5.123.123");
  enhanced_is("2.0.0", "2.0.0");
  enhanced_is("5.1.1000 x", "");
  enhanced_is("5.1000.1 x", "");
  enhanced_is("3.1.1 x", "");
  enhanced_is("5.1.1x", "");
  enhanced_is("5.1. x", "");
  enhanced_is("5..1 x", "");
  enhanced_is("5.1 x", "");
  enhanced_is("5", "");
  enhanced_is("", "");
  enhanced_is(" 5.1.1 x", "");
}
END_TEST

static int32_t verdict(const char *line) {
  ck_assert_int_eq(feed_text(line), SHOP__SMTP_DONE);
  return shop__smtp_reply_verdict(&reply);
}

/* The table of shop/smtp.h. */
START_TEST(verdicts) {
  static const char *const later[] = {"421 x\r\n",
                                      "450 x\r\n",
                                      "451 4.7.1 greylisted\r\n",
                                      "452 4.2.2 full\r\n",
                                      "450 5.1.1 which?\r\n",
                                      "550 4.2.1 which?\r\n",
                                      "550 2.0.0 which?\r\n",
                                      "503 x\r\n",
                                      "530 5.7.0 x\r\n",
                                      "550 5.3.2 x\r\n",
                                      "554 5.3.5 x\r\n",
                                      "550 5.7.8 x\r\n",
                                      "550 5.7.9 x\r\n",
                                      "550 5.7.10 x\r\n",
                                      "550 5.7.11 x\r\n",
                                      "550 5.7.12 x\r\n"};
  static const char *const rejected[] = {
      "500 x\r\n",          "501 x\r\n",       "550 x\r\n",          "550 5.1.1 x\r\n",
      "552 5.2.2 full\r\n", "553 x\r\n",       "554 5.7.1 spam\r\n", "555 x\r\n",
      "550 5.7.13 x\r\n",   "550 5.3.4 x\r\n", "550 5.7.80 x\r\n",   "599 x\r\n"};
  for (size_t i = 0; i < sizeof later / sizeof later[0]; i++)
    ck_assert_msg(verdict(later[i]) == SHOP_SMTP_LATER, "%s", later[i]);
  for (size_t i = 0; i < sizeof rejected / sizeof rejected[0]; i++)
    ck_assert_msg(verdict(rejected[i]) == SHOP_SMTP_REJECTED, "%s", rejected[i]);
}
END_TEST

static struct shop__smtp_offer offer_of(const char *text) {
  struct shop__smtp_offer offer;
  ck_assert_int_eq(feed_text(text), SHOP__SMTP_DONE);
  shop__smtp_reply_offer(&reply, &offer);
  return offer;
}

START_TEST(offers) {
  struct shop__smtp_offer offer = offer_of(
      "250-mail SIZE 5 PIPELINING\r\n250-pipelining\r\n250-Size 12345\r\n"
      "250-8BITMIME\r\n250-AUTH  CRAM-MD5 Plain\tlogin X\r\n250-STARTTLS \r\n"
      "250 SMTPUTF8\r\n");
  ck_assert(offer.pipelining && offer.eight_bit && offer.utf8 && offer.starttls);
  ck_assert(offer.plain && offer.login && !offer.xoauth2);
  ck_assert(offer.size);
  ck_assert_int_eq(offer.size_max, 12345);
  /* The first line is a greeting, whatever it says. */
  offer = offer_of("250 PIPELINING\r\n");
  ck_assert(!offer.pipelining);
  /* Parts of words and other words are none of these. */
  offer = offer_of(
      "250-x\r\n250-PIPELININGS\r\n250-8BIT\r\n250-XSTARTTLS\r\n250-AUTH=PLAIN\r\n"
      "250-AUTH PLAINER XOAUTH2\r\n250 x SMTPUTF8\r\n");
  ck_assert(!offer.pipelining && !offer.eight_bit && !offer.utf8 && !offer.starttls);
  ck_assert(!offer.plain && !offer.login && offer.xoauth2);
}
END_TEST

/* A limit that is none, absurd or no number limits nothing. */
START_TEST(sizes) {
  ck_assert_int_eq(offer_of("250-x\r\n250 SIZE\r\n").size_max, 0);
  ck_assert(offer_of("250-x\r\n250 SIZE\r\n").size);
  ck_assert_int_eq(offer_of("250-x\r\n250 SIZE 0\r\n").size_max, 0);
  ck_assert_int_eq(offer_of("250-x\r\n250 SIZE 12x\r\n").size_max, 0);
  ck_assert_int_eq(offer_of("250-x\r\n250 SIZE -1\r\n").size_max, 0);
  ck_assert_int_eq(offer_of("250-x\r\n250 SIZE 99999999999999999999999\r\n").size_max, 0);
  ck_assert_int_eq(offer_of("250-x\r\n250 SIZE 900000000000000000\r\n").size_max,
                   INT64_C(900000000000000000));
}
END_TEST

int main(void) {
  Suite *suite = suite_create("SMTP replies");
  TCase *tcase = tcase_create("replies");
  tcase_add_test(tcase, pieces);
  tcase_add_test(tcase, unfinished);
  tcase_add_test(tcase, lenient);
  tcase_add_test(tcase, garbage);
  tcase_add_test(tcase, bounded);
  tcase_add_test(tcase, enhanced_codes);
  tcase_add_test(tcase, verdicts);
  tcase_add_test(tcase, offers);
  tcase_add_test(tcase, sizes);
  suite_add_tcase(suite, tcase);
  SRunner *runner = srunner_create(suite);
  srunner_run_all(runner, CK_NORMAL);
  int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
