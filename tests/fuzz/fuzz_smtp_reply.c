/*
 * What a server may answer: the parser of replies, what is made of a reply,
 * and the reason that is written of it. The first byte of the input is how
 * many bytes come at once; whatever it is, the same must be read.
 */
#include "smtp.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool holds) {
  if (!holds)
    abort();
}

/* Reads one reply in pieces; *taken receives its bytes. */
static enum shop__smtp_feed read_one(struct shop__smtp_reply *reply, const uint8_t *data,
                                     size_t size, size_t piece, size_t *taken) {
  enum shop__smtp_feed feed = SHOP__SMTP_MORE;
  size_t at = 0;

  shop__smtp_reply_begin(reply);
  while (feed == SHOP__SMTP_MORE && at < size) {
    size_t part = size - at < piece ? size - at : piece, used = 0;
    feed = shop__smtp_reply_feed(reply, data + at, part, &used);
    check(used <= part && (feed != SHOP__SMTP_MORE || used == part));
    at += used;
  }
  *taken = at;
  return feed;
}

static void check_reply(const struct shop__smtp_reply *reply) {
  int32_t verdict = shop__smtp_reply_verdict(reply);

  check(reply->code >= 200 && reply->code <= 599);
  check(reply->used == strlen(reply->text) && reply->text[reply->used - 1] == '\n');
  check(strlen(reply->enhanced) < sizeof reply->enhanced);
  check(verdict == SHOP_SMTP_LATER || (verdict == SHOP_SMTP_REJECTED && reply->code >= 500));
}

static void check_answer(const struct shop__smtp_reply *reply) {
  struct shop_smtp_answer answer;

  shop__smtp_answer_quote(&answer, SHOP_SMTP_LATER, "mail.example", "RCPT", reply, true);
  check(shop__text_check("reason", answer.reason, 1, 255, SHOP__TEXT_LINE, NULL) == SHOP_OK);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static struct shop__smtp_reply whole, pieces;
  struct shop__smtp_offer offer;

  if (size == 0)
    return 0;
  for (size_t at = 1, taken = 0, again = 0; at < size; at += taken) {
    enum shop__smtp_feed feed = read_one(&whole, data + at, size - at, size, &taken);
    check(taken > 0 && taken <= SHOP__SMTP_REPLY_MAX);
    check(read_one(&pieces, data + at, size - at, (size_t)data[0] + 1, &again) == feed);
    check(again == taken && pieces.code == whole.code);
    if (feed != SHOP__SMTP_DONE)
      break;
    check(strcmp(pieces.text, whole.text) == 0 && strcmp(pieces.enhanced, whole.enhanced) == 0);
    check_reply(&whole);
    check_answer(&whole);
    shop__smtp_reply_offer(&whole, &offer);
    check(offer.size_max >= 0);
  }
  return 0;
}
