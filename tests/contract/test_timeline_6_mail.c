/* Step 6 of the timeline: the confirmation. It is there when the order is, it goes
   out at least once as the same bytes, and nothing that a shopper or a merchant
   writes can make a header of it. */
#include "books.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/wait.h>
#include <unistd.h>

#define MINUTE_MS INT64_C(60000)

static struct world *world_of_tea(void) {
  struct world *world = world_new();

  world_put(world, "TEA", 999, "EUR", SHOP_STOCK_UNLIMITED);
  return world;
}

static int32_t deliver(struct world *world, int32_t limit) {
  int32_t delivered = -1;

  ck_ok(world, shop_mail_deliver(world->shop, limit, &delivered, world->err));
  return delivered;
}

static void ck_counts(struct world *world, int64_t waiting, int64_t dead) {
  struct mail_counts counts = mail_count(world->shop);

  ck_assert_int_eq(counts.queued + counts.leased, waiting);
  ck_assert_int_eq(counts.dead, dead);
}

static void ck_last_history(struct world *world, const char *wanted) {
  shop_order_t *order = world_order(world, world->gateway.last_order_number);

  ck_history(order, wanted);
  shop_order_free(order);
}

#define PAID "order.created payment.captured order.placed"

/* ---- when it is there ---------------------------------------------------- */

/* Inside the transport the order is placed and its mail is stored, and is nobody else's. */
static void look_inside(struct transport *transport, void *user) {
  struct world *world = user;

  (void)transport;
  ck_last_history(world, PAID);
  ck_counts(world, 1, 0);
  ck_assert_int_eq(world_mails(world, "2"), 1);
  ck_assert_int_eq(deliver(world, 10), 0);
  world_verify(world, 0);
}

START_TEST(with_the_order) {
  struct world *world = world_of_tea();

  world->transport.hook = look_inside;
  world->transport.hook_user = world;
  world_sell_one(world, "Ada@Example.org", "TEA");
  ck_assert_int_eq(world->transport.calls, 1);
  ck_assert_str_eq(world->transport.recipients[0], "Ada@Example.org");
  ck_assert_str_eq(world->transport.order_numbers[0], world->gateway.last_order_number);
  ck_counts(world, 0, 0);
  ck_last_history(world, PAID " mail.sent");
  world_pass_ms(world, 30 * DAY_MS);
  ck_assert_int_eq(deliver(world, 10), 0);
  ck_assert_int_eq(world->transport.calls, 1);
  world_close_books(world, 0);
  world_free(world);
}
END_TEST

/* Without a transport mail waits, and nothing fails; a transport that comes later sends it. */
START_TEST(without_a_transport) {
  struct world *world = world_prepare();

  ck_assert_int_eq(shop_config_set_mail_transport(world->config, NULL, NULL), SHOP_OK);
  world_open(world);
  world_put(world, "TEA", 999, "EUR", SHOP_STOCK_UNLIMITED);
  world_sell_one(world, "ada@example.org", "TEA");
  ck_counts(world, 1, 0);
  ck_assert_int_eq(deliver(world, 10), 0);
  ck_counts(world, 1, 0);
  ck_last_history(world, PAID);
  ck_assert_int_eq(shop_config_set_mail_transport(world->config, transport_send, &world->transport),
                   SHOP_OK);
  world_reopen(world);
  ck_assert_int_eq(deliver(world, 10), 1);
  ck_counts(world, 0, 0);
  world_close_books(world, 0);
  world_free(world);
}
END_TEST

/* Not at once: neither purchase nor recovery call the transport; delivery is due at once. */
START_TEST(not_at_once) {
  struct world *world = world_prepare();
  shop_order_t *order = NULL;
  int64_t cart_id;
  shop_token_t *token;

  ck_assert_int_eq(shop_config_set_mail_at_once(world->config, false), SHOP_OK);
  world_open(world);
  world_put(world, "TEA", 999, "EUR", SHOP_STOCK_UNLIMITED);
  world_put(world, "FREE", 0, "EUR", SHOP_STOCK_UNLIMITED);
  world_sell_one(world, "ada@example.org", "TEA");
  world_sell_one(world, "bob@example.org", "FREE");
  token = world_shopper(world, "eve@example.org", "TEA", 1, &cart_id);
  world->gateway.mood = GATEWAY_LOSES_ANSWER;
  ck_status(world, world_buy(world, token, cart_id, NULL, &order), SHOP_UNKNOWN);
  shop_order_free(order);
  ck_counts(world, 2, 0);
  world->gateway.mood = GATEWAY_APPROVES;
  world_pass_ms(world, GATEWAY_LEASE_MS);
  ck_assert_int_eq(world_recover(world).placed, 1);
  ck_assert_int_eq(world->transport.calls, 0);
  ck_counts(world, 3, 0);
  ck_assert_int_eq(deliver(world, 2), 2); /* oldest first */
  ck_assert_str_eq(world->transport.recipients[0], "ada@example.org");
  ck_assert_str_eq(world->transport.recipients[1], "bob@example.org");
  ck_assert_int_eq(deliver(world, 2), 1);
  ck_assert_str_eq(world->transport.recipients[2], "eve@example.org");
  ck_assert_int_eq(deliver(world, 2), 0);
  world_close_books(world, 0);
  shop_token_free(token);
  world_free(world);
}
END_TEST

/* Orders that are not placed have no mail. */
START_TEST(none_without_a_placed_order) {
  static const enum gateway_mood moods[] = {GATEWAY_DECLINES, GATEWAY_PENDS, GATEWAY_SILENT,
                                            GATEWAY_TAKES_LESS};
  struct world *world = world_of_tea();
  char email[40];

  for (int i = 0; i < 4; i++) {
    shop_order_t *order = NULL;
    int64_t cart_id;
    shop_token_t *token;

    snprintf(email, sizeof email, "u%d@example.org", i);
    token = world_shopper(world, email, "TEA", 1, &cart_id);
    world->gateway.mood = moods[i];
    ck_assert_int_lt(world_buy(world, token, cart_id, NULL, &order), 0);
    shop_order_free(order);
    shop_token_free(token);
  }
  ck_counts(world, 0, 0);
  ck_assert_int_eq(world->transport.calls, 0);
  world_close_books(world, 1);
  world_free(world);
}
END_TEST

/* ---- what the transport answers ------------------------------------------ */

/* Delivered is delivered; rejected is dead at once, for a person; anything else is "later". */
START_TEST(every_answer) {
  static const struct {
    enum transport_mood mood;
    int64_t waiting, dead;
    int32_t log_lines;
    const char *history;
  } answers[] = {{TRANSPORT_DELIVERS, 0, 0, 0, PAID " mail.sent"},
                 {TRANSPORT_TWICE_SAME, 0, 0, 0, PAID " mail.sent"},
                 {TRANSPORT_REJECTS, 0, 1, 0, PAID " mail.dead"},
                 {TRANSPORT_LATER, 1, 0, 0, PAID},
                 {TRANSPORT_SILENT, 1, 0, 1, PAID},
                 {TRANSPORT_CONTRADICTS, 1, 0, 1, PAID}};

  for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++) {
    struct world *world = world_of_tea();

    world->transport.mood = answers[i].mood;
    world_sell_one(world, "ada@example.org", "TEA");
    ck_counts(world, answers[i].waiting, answers[i].dead);
    ck_last_history(world, answers[i].history);
    ck_assert_int_eq(world->log_lines, answers[i].log_lines);
    ck_assert_int_eq(deliver(world, 10), 0);
    ck_assert_int_eq(world->transport.calls, 1);
    world_verify(world, answers[i].dead);
    world->transport.mood = TRANSPORT_DELIVERS;
    world_pass_ms(world, 30 * DAY_MS);
    ck_assert_int_eq(deliver(world, 10), answers[i].waiting); /* what is dead stays dead */
    world_close_books(world, answers[i].dead);
    world_free(world);
  }
}
END_TEST

/* The wait doubles from a minute to six hours (and up to a tenth more, so that many mails spread
   out); after the last try the mail is dead. */
START_TEST(the_wait_doubles) {
  enum { TRIES = 70 };
  struct world *world = world_prepare();
  int64_t wait = MINUTE_MS;

  ck_assert_int_eq(shop_config_set_mail_tries_max(world->config, TRIES), SHOP_OK);
  world_open(world);
  world_put(world, "TEA", 999, "EUR", SHOP_STOCK_UNLIMITED);
  world->transport.mood = TRANSPORT_LATER;
  world_sell_one(world, "ada@example.org", "TEA");
  for (int tries = 1; tries < TRIES; tries++) {
    ck_assert_int_eq(world->transport.calls, tries);
    ck_counts(world, 1, 0);
    world_pass_ms(world, wait - 1);
    ck_assert_int_eq(deliver(world, 10), 0);
    ck_assert_int_eq(world->transport.calls, tries);
    world_pass_ms(world, wait / 10 + 1);
    ck_assert_int_eq(deliver(world, 10), 0);
    wait = 2 * wait < 6 * HOUR_MS ? 2 * wait : 6 * HOUR_MS;
  }
  ck_assert_int_eq(wait, 6 * HOUR_MS);
  ck_assert_int_eq(world->transport.calls, TRIES);
  ck_counts(world, 0, 1);
  ck_last_history(world, PAID " mail.dead");
  world_pass_ms(world, 30 * DAY_MS);
  ck_assert_int_eq(deliver(world, 10), 0);
  ck_assert_int_eq(world->transport.calls, TRIES);
  world_close_books(world, 1);
  world_free(world);
}
END_TEST

/* A clock that goes back does not hold mail up. */
START_TEST(a_clock_that_went_back) {
  struct world *world = world_of_tea();

  world->transport.mood = TRANSPORT_LATER;
  world_sell_one(world, "ada@example.org", "TEA");
  world->transport.mood = TRANSPORT_DELIVERS;
  world_pass_ms(world, -DAY_MS);
  ck_assert_int_eq(deliver(world, 10), 1);
  world_close_books(world, 0);
  world_free(world);
}
END_TEST

/* What the clock does while mail is handed over, call by call. */
struct clock_steps {
  struct world *world;
  int64_t by_ms[4];
  int at;
};

static void step_clock(struct transport *transport, void *user) {
  struct clock_steps *steps = user;

  (void)transport;
  ck_assert_int_lt(steps->at, 4);
  world_pass_ms(steps->world, steps->by_ms[steps->at++]);
}

/* A mail that is put back is due later, also by a clock that steps back behind the moment when it
   was put back, or behind the beginning of the call and then on: one call hands no mail over
   twice, and the next one holds none up. */
START_TEST(a_clock_that_steps_back_meanwhile) {
  static const int64_t steps[][4] = {
      {0, -HOUR_MS}, {-1, 0}, {-HOUR_MS, HOUR_MS - 1}, {HOUR_MS, -HOUR_MS}, {-HOUR_MS, -HOUR_MS}};

  for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
    struct world *world = world_of_tea();
    struct clock_steps clock = {.world = world};

    memcpy(clock.by_ms, steps[i], sizeof clock.by_ms);
    world->transport.mood = TRANSPORT_LATER;
    world_sell_one(world, "ada@example.org", "TEA");
    world_sell_one(world, "bob@example.org", "TEA");
    world_pass_ms(world, DAY_MS);
    world->transport.calls = 0;
    world->transport.hook = step_clock;
    world->transport.hook_user = &clock;
    ck_assert_int_eq(deliver(world, 10), 0);
    ck_assert_int_eq(world->transport.calls, 2);
    world->transport.hook = NULL;
    world->transport.mood = TRANSPORT_DELIVERS;
    world_pass_ms(world, 2 * HOUR_MS);
    ck_assert_int_eq(deliver(world, 10), 2);
    world_close_books(world, 0);
    world_free(world);
  }
}
END_TEST

/* A reason that is no fit text is dropped, and the answer counts all the same. */
static const char *reason;

static void reject_for(shop_mail_call_t *call, void *user) {
  (void)user;
  ck_assert_int_eq(shop_mail_call_set_rejected(call, reason), SHOP_OK);
}

START_TEST(reasons) {
  static char long_reason[257];
  static const char *const texts[] = {NULL, "550 no", "", "\xFF", "a\r\nb", long_reason};

  memset(long_reason, 'x', 256);
  for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
    struct world *world = world_prepare();
    shop_order_t *order;

    reason = texts[i];
    ck_assert_int_eq(shop_config_set_mail_transport(world->config, reject_for, NULL), SHOP_OK);
    world_open(world);
    world_put(world, "TEA", 999, "EUR", SHOP_STOCK_UNLIMITED);
    world_sell_one(world, "ada@example.org", "TEA");
    ck_counts(world, 0, 1);
    order = world_order(world, world->gateway.last_order_number);
    ck_assert_str_eq(order_event(order, "mail.dead"), i == 1 ? "550 no" : "");
    shop_order_free(order);
    world_close_books(world, 1);
    world_free(world);
  }
  ck_assert_int_eq(shop_mail_call_set_delivered(NULL), SHOP_ERR_ARGUMENT);
  ck_assert_int_eq(shop_mail_call_set_later(NULL, "x"), SHOP_ERR_ARGUMENT);
  ck_assert_int_eq(shop_mail_call_set_rejected(NULL, "x"), SHOP_ERR_ARGUMENT);
}
END_TEST

/* ---- leases -------------------------------------------------------------- */

/* While the first deliverer is slow, its lease runs out and a second one takes the mail. */
static enum transport_mood second_mood;

static void be_slow(struct transport *transport, void *user) {
  struct world *world = user;
  enum transport_mood mood = transport->mood;

  transport->hook = NULL;
  world_pass_ms(world, MAIL_LEASE_MS - 1);
  ck_assert_int_eq(deliver(world, 10), 0);
  ck_assert_int_eq(transport->calls, 1); /* nobody else's while the lease lasts */
  world_pass_ms(world, 1);
  transport->mood = second_mood;
  ck_assert_int_eq(deliver(world, 10), second_mood == TRANSPORT_DELIVERS);
  ck_assert_int_eq(transport->calls, 2);
  transport->mood = mood;
}

static struct world *world_slow(enum transport_mood first, enum transport_mood second) {
  struct world *world = world_of_tea();

  second_mood = second;
  world->transport.mood = first;
  world->transport.hook = be_slow;
  world->transport.hook_user = world;
  world_sell_one(world, "ada@example.org", "TEA");
  return world;
}

/* Both have delivered: the same bytes twice, one note of it. */
START_TEST(delivered_by_two) {
  struct world *world = world_slow(TRANSPORT_DELIVERS, TRANSPORT_DELIVERS);

  ck_assert_int_eq(world->transport.count, 2);
  ck_assert_str_eq(world->transport.messages[0], world->transport.messages[1]);
  ck_counts(world, 0, 0);
  ck_last_history(world, PAID " mail.sent");
  world_close_books(world, 0);
  world_free(world);
}
END_TEST

/* Who has lost the lease cannot put the mail back, nor bury it; who has delivered it may say so. */
START_TEST(only_who_holds_the_lease) {
  struct world *world = world_slow(TRANSPORT_REJECTS, TRANSPORT_DELIVERS);

  ck_counts(world, 0, 0);
  ck_last_history(world, PAID " mail.sent");
  world_close_books(world, 0);
  world_free(world);
  world = world_slow(TRANSPORT_REJECTS, TRANSPORT_LATER);
  ck_counts(world, 1, 0);
  ck_last_history(world, PAID);
  world_free(world);
  world = world_slow(TRANSPORT_DELIVERS, TRANSPORT_LATER);
  ck_counts(world, 0, 0);
  ck_last_history(world, PAID " mail.sent");
  world_pass_ms(world, DAY_MS);
  ck_assert_int_eq(deliver(world, 10), 0);
  world_free(world);
  world = world_slow(TRANSPORT_DELIVERS, TRANSPORT_REJECTS);
  ck_counts(world, 0, 0);
  ck_last_history(world, PAID " mail.dead mail.sent");
  world_close_books(world, 0);
  world_free(world);
}
END_TEST

/* Where the answer cannot be stored the purchase is placed all the same, and after the lease the
   mail goes out again, as the same bytes, whatever the shop is called by then. */
static struct rival *rival;

static void lock_the_store(struct transport *transport, void *user) {
  transport->hook = NULL;
  rival = rival_begin(user);
}

START_TEST(the_answer_cannot_be_stored) {
  struct world *world = world_prepare();

  ck_assert_int_eq(shop_config_set_busy_timeout_ms(world->config, 0), SHOP_OK);
  world_open(world);
  world_put(world, "TEA", 999, "EUR", SHOP_STOCK_UNLIMITED);
  world->transport.hook = lock_the_store;
  world->transport.hook_user = world;
  world_sell_one(world, "ada@example.org", "TEA");
  rival_end(rival);
  ck_assert_int_eq(world->log_lines, 1);
  ck_counts(world, 1, 0);
  ck_assert_int_eq(shop_config_set_name(world->config, "Another name"), SHOP_OK);
  ck_assert_int_eq(shop_config_set_mail_from(world->config, "other@example.org"), SHOP_OK);
  world_reopen(world);
  ck_assert_int_eq(deliver(world, 10), 0);
  world_pass_ms(world, MAIL_LEASE_MS);
  ck_assert_int_eq(deliver(world, 10), 1);
  ck_assert_int_eq(world->transport.count, 2);
  ck_assert_str_eq(world->transport.messages[0], world->transport.messages[1]);
  world_close_books(world, 0);
  world_free(world);
}
END_TEST

/* A deliverer that is killed in the middle: the same bytes go out again after the lease. */
static void tell_and_die(shop_mail_call_t *call, void *user) {
  peer_tell(user, shop_mail_call_message(call));
  kill(getpid(), SIGKILL);
}

static void buy_and_die(struct world *world, struct peer *peer) {
  ck_assert_int_eq(shop_config_set_mail_transport(world->config, tell_and_die, peer), SHOP_OK);
  world_open(world);
  world_put(world, "TEA", 999, "EUR", SHOP_STOCK_UNLIMITED);
  world_sell_one(world, "ada@example.org", "TEA");
}

static void deliver_and_die(struct world *world, struct peer *peer) {
  ck_assert_int_eq(shop_config_set_mail_transport(world->config, tell_and_die, peer), SHOP_OK);
  world_open(world);
  (void)deliver(world, 10);
}

static void hear_it_die(struct peer *peer, char *message, size_t size) {
  int result = 0;

  peer_hear(peer, message, size);
  close(peer->line);
  ck_assert_int_eq(waitpid(peer->pid, &result, 0), peer->pid);
  ck_assert(WIFSIGNALED(result) && WTERMSIG(result) == SIGKILL);
}

START_TEST(a_deliverer_that_dies) {
  struct world *world = world_prepare();
  char first[8000], second[8000];
  struct peer peer = peer_start(world, buy_and_die);

  hear_it_die(&peer, first, sizeof first);
  world_pass_ms(world, MAIL_LEASE_MS);
  peer = peer_start(world, deliver_and_die);
  hear_it_die(&peer, second, sizeof second);
  world_open(world);
  ck_assert_int_eq(deliver(world, 10), 0); /* the second one's lease */
  ck_counts(world, 1, 0);
  world_verify(world, 0);
  world_pass_ms(world, MAIL_LEASE_MS);
  ck_assert_int_eq(deliver(world, 10), 1);
  ck_assert_str_eq(first, second);
  ck_assert_str_eq(first, world->transport.messages[0]);
  ck_assert_ptr_nonnull(strstr(first, "\r\nMessage-ID: <"));
  world_verify(world, 0);
  world_free(world);
}
END_TEST

/* Many deliverers at once: each mail goes out once. */
static void *deliver_all(void *user) {
  struct world *world = user;

  ck_assert_int_eq(shop_mail_deliver(world->shop, 1000, NULL, NULL), SHOP_OK);
  return NULL;
}

START_TEST(many_deliverers) {
  enum { MAILS = 60, THREADS = 4 };
  struct world *world = world_prepare();
  pthread_t threads[THREADS];
  char email[40];

  ck_assert_int_eq(shop_config_set_mail_at_once(world->config, false), SHOP_OK);
  world_open(world);
  world_put(world, "TEA", 999, "EUR", SHOP_STOCK_UNLIMITED);
  for (int i = 0; i < MAILS; i++) {
    snprintf(email, sizeof email, "u%d@example.org", i);
    world_sell_one(world, email, "TEA");
  }
  for (int i = 0; i < THREADS; i++)
    ck_assert_int_eq(pthread_create(&threads[i], NULL, deliver_all, world), 0);
  for (int i = 0; i < THREADS; i++)
    ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
  ck_assert_int_eq(world->transport.calls, MAILS);
  for (int i = 0; i < MAILS; i++)
    for (int j = 0; j < i; j++)
      ck_assert_str_ne(world->transport.order_numbers[i], world->transport.order_numbers[j]);
  ck_counts(world, 0, 0);
  world_close_books(world, 0);
  world_free(world);
}
END_TEST

START_TEST(arguments) {
  struct world *world = world_of_tea();
  int32_t delivered = 7;

  ck_status(world, shop_mail_deliver(world->shop, 0, &delivered, world->err), SHOP_ERR_ARGUMENT);
  ck_assert_int_eq(delivered, 0);
  ck_status(world, shop_mail_deliver(world->shop, 10001, NULL, world->err), SHOP_ERR_ARGUMENT);
  ck_status(world, shop_mail_deliver(NULL, 1, NULL, world->err), SHOP_ERR_ARGUMENT);
  ck_ok(world, shop_mail_deliver(world->shop, 10000, NULL, world->err));
  ck_assert_str_eq(shop_mail_call_sender(NULL), "");
  ck_assert_str_eq(shop_mail_call_message(NULL), "");
  ck_assert_uint_eq(shop_mail_call_message_bytes(NULL), 0);
  world_free(world);
}
END_TEST

/* ---- what it is made of -------------------------------------------------- */

/* A message, read as RFC 5322 and RFC 2045 say: unfolded fields, and its plain text, decoded. */
struct parsed {
  char fields[16][1200];
  int count;
  char body[40000];
};

static void decode_body(const char *from, const char *end, char *out) {
  char hex[3] = {0};

  while (from < end)
    if (strncmp(from, "=\r\n", 3) == 0) {
      from += 3;
    } else if (*from == '=') {
      memcpy(hex, from + 1, 2);
      *out++ = (char)strtol(hex, NULL, 16);
      from += 3;
    } else {
      *out++ = *from++;
    }
  *out = '\0';
}

/* Every line ends with CRLF, none is long, and CR and LF occur nowhere else. */
static void check_lines(const char *message) {
  size_t column = 0;

  for (const char *at = message; *at != '\0'; at++) {
    ck_assert((*at == '\r') == (at[1] == '\n'));
    ck_assert((unsigned char)*at < 0x7F);
    column = *at == '\n' ? 0 : column + 1;
    ck_assert_uint_le(column, 80);
  }
  ck_assert_uint_eq(column, 0);
}

static struct parsed *parse_head(const char *message) {
  struct parsed *parsed = calloc(1, sizeof *parsed);
  const char *end = strstr(message, "\r\n\r\n");

  check_lines(message);
  ck_assert_ptr_nonnull(end);
  ck_assert_uint_lt(strlen(end), sizeof parsed->body);
  for (const char *at = message; at < end + 2;) {
    size_t size = strcspn(at, "\r");
    char *field;

    if (*at != ' ' && *at != '\t')
      parsed->count++;
    ck_assert(parsed->count > 0 && parsed->count <= 16);
    field = parsed->fields[parsed->count - 1];
    ck_assert_uint_lt(strlen(field) + size, sizeof parsed->fields[0]);
    strncat(field, at, size);
    at += size + 2;
  }
  return parsed;
}

/* The value of the one field of this name. */
static const char *field_of(const struct parsed *parsed, const char *name) {
  const char *value = NULL;
  size_t size = strlen(name);

  for (int i = 0; i < parsed->count; i++)
    if (strncasecmp(parsed->fields[i], name, size) == 0 && parsed->fields[i][size] == ':') {
      ck_assert_msg(value == NULL, "two fields %s", name);
      value = parsed->fields[i] + size + 1 + strspn(parsed->fields[i] + size + 1, " ");
    }
  ck_assert_msg(value != NULL, "no field %s", name);
  return value;
}

/* The plain text is the first of two parts. */
static void read_text(struct parsed *parsed, const char *message) {
  static const char HEAD[] =
      "Content-Type: text/plain; charset=utf-8\r\n"
      "Content-Transfer-Encoding: quoted-printable\r\n\r\n";
  char boundary[100], line[110];
  const char *begin, *end;

  ck_assert_int_eq(sscanf(field_of(parsed, "Content-Type"),
                          "multipart/alternative; boundary=\"%99[^\"]\"", boundary),
                   1);
  snprintf(line, sizeof line, "\r\n--%s\r\n", boundary);
  begin = strstr(message, line);
  ck_assert_ptr_nonnull(begin);
  begin += strlen(line);
  end = strstr(begin, line);
  ck_assert_ptr_nonnull(end);
  ck_assert_ptr_nonnull(strstr(end, "\r\nContent-Type: text/html; charset=utf-8\r\n"));
  ck_assert_int_eq(strncmp(begin, HEAD, sizeof HEAD - 1), 0);
  decode_body(begin + sizeof HEAD - 1, end, parsed->body);
}

static struct parsed *parse(const char *message) {
  struct parsed *parsed = parse_head(message);

  read_text(parsed, message);
  return parsed;
}

/* These nine fields and no other. */
static void check_fields(const struct parsed *parsed, const char *number, const char *domain) {
  char id[300];

  ck_assert_int_eq(parsed->count, 9);
  ck_assert_ptr_nonnull(field_of(parsed, "From"));
  ck_assert_ptr_nonnull(field_of(parsed, "Subject"));
  ck_assert_str_eq(field_of(parsed, "Date"), "Fri, 15 Jan 2027 08:00:00 +0000");
  ck_assert_str_eq(field_of(parsed, "MIME-Version"), "1.0");
  ck_assert_str_eq(field_of(parsed, "Content-Language"), "en");
  ck_assert_str_eq(field_of(parsed, "Auto-Submitted"), "auto-generated");
  snprintf(id, sizeof id, "<order-%s.confirmation@%s>", number, domain);
  ck_assert_str_eq(field_of(parsed, "Message-ID"), id);
}

/* All of an order stands in its mail, once. */
START_TEST(all_of_the_order) {
  struct world *world = world_prepare();
  struct form form = {.method = CARD,
                      .shipping = "Ada\n12 St James's Square",
                      .billing = "nobody's business",
                      .adjustments = {{SHOP_ADJUSTMENT_SHIPPING, "Parcel", 495},
                                      {SHOP_ADJUSTMENT_TAX_INCLUDED, "VAT 19 %", 319}}};
  struct parsed *parsed;
  shop_order_t *order = NULL;
  int64_t cart_id;
  shop_token_t *token;

  ck_assert_int_eq(shop_config_set_name(world->config, "Tea & Co"), SHOP_OK);
  ck_assert_int_eq(shop_config_set_mail_from(world->config, "orders@tea.example"), SHOP_OK);
  world_open(world);
  ck_ok(world, shop_product_put(world->shop, "TEA-001", "Th\xC3\xA9 vert", NULL, 999, "EUR", 5,
                                NULL, NULL, world->err));
  token = world_shopper(world, "ada@example.org", "TEA-001", 2, &cart_id);
  ck_ok(world, world_purchase(world, token, cart_id, &form, &order));
  parsed = parse(world->transport.messages[0]);
  check_fields(parsed, shop_order_number(order), "tea.example");
  ck_assert_str_eq(field_of(parsed, "From"), "\"Tea & Co\" <orders@tea.example>");
  ck_assert_str_eq(field_of(parsed, "To"), "ada@example.org");
  ck_assert_ptr_nonnull(strstr(field_of(parsed, "Subject"), shop_order_number(order)));
  ck_assert_ptr_nonnull(strstr(parsed->body, shop_order_number(order)));
  ck_assert_ptr_nonnull(strstr(parsed->body, "Th\xC3\xA9 vert"));
  ck_assert_ptr_nonnull(strstr(parsed->body, "TEA-001: 2 x \xE2\x82\xAC"
                                              "9.99 = \xE2\x82\xAC"
                                              "19.98\r\n"));
  ck_assert_ptr_nonnull(strstr(parsed->body, "Parcel: \xE2\x82\xAC" "4.95\r\n"));
  ck_assert_ptr_nonnull(strstr(parsed->body, "VAT 19 %: \xE2\x82\xAC" "3.19 (included in the prices)\r\n"));
  ck_assert_ptr_nonnull(strstr(parsed->body, "Total: \xE2\x82\xAC" "24.93\r\n"));
  ck_assert_ptr_nonnull(strstr(parsed->body, "  Ada\r\n  12 St James's Square\r\n"));
  ck_assert_ptr_null(strstr(parsed->body, "nobody's business"));
  free(parsed);
  shop_order_free(order);
  shop_token_free(token);
  world_close_books(world, 0);
  world_free(world);
}
END_TEST

/* Names, labels and addresses that try to be headers, ends of the header, encoded words or other
   people's mailboxes. What has a line break where none may be is refused before. */
START_TEST(no_header_of_our_own_making) {
  static const char NAME[] = "x\" <eve@example.net>, \"y =?utf-8?q?=0D=0ABcc:_eve?= \xE2\x82\xAC";
  static const char EVIL[] = "Bcc: eve@example.net";
  struct world *world = world_prepare();
  struct form form = {.method = CARD,
                      .shipping = "a\r\nBcc: eve@example.net\n\nTo: eve\r\r\n.\r\n--x\nFrom me",
                      .adjustments = {{SHOP_ADJUSTMENT_TAX, "=0D=0ABcc: eve@example.net", 1}}};
  struct parsed *parsed;
  shop_order_t *order = NULL;
  int64_t cart_id;
  shop_token_t *token;

  ck_assert_int_eq(shop_config_set_name(world->config, "a\r\nBcc: eve"), SHOP_ERR_TEXT);
  ck_assert_int_eq(shop_config_set_name(world->config,
                                        "a\xE2\x80\xA8"
                                        "b"),
                   SHOP_ERR_TEXT);
  ck_assert_int_eq(shop_config_set_mail_from(world->config, "a@b.example\r\nBcc: eve@x.example"),
                   SHOP_ERR_EMAIL);
  ck_assert_int_eq(shop_config_set_name(world->config, NAME), SHOP_OK);
  world_open(world);
  ck_status(world,
            shop_product_put(world->shop, "TEA", "a\r\nBcc: eve", NULL, 1, "EUR", 1, NULL, NULL,
                             world->err),
            SHOP_ERR_TEXT);
  ck_ok(world, shop_product_put(world->shop, EVIL, EVIL, "\r\nBcc: eve", 100, "EUR", 5, NULL, NULL,
                                world->err));
  token = world_shopper(world, "\"Bcc: eve, <x>\"@example.org", EVIL, 1, &cart_id);
  ck_ok(world, world_purchase(world, token, cart_id, &form, &order));
  parsed = parse(world->transport.messages[0]);
  check_fields(parsed, shop_order_number(order), "localhost.localdomain");
  ck_assert_str_eq(field_of(parsed, "To"), "\"Bcc: eve, <x>\"@example.org");
  ck_assert_ptr_null(strstr(field_of(parsed, "From"), "eve@example.net"));
  ck_assert_ptr_nonnull(strstr(field_of(parsed, "From"), "<shop@localhost.localdomain>"));
  ck_assert_ptr_null(strstr(parsed->body, "\nBcc:"));
  ck_assert_ptr_null(strstr(parsed->body, "\nTo:"));
  ck_assert_ptr_null(strstr(parsed->body, "\n."));
  ck_assert_ptr_null(strstr(parsed->body, "\n--"));
  ck_assert_ptr_nonnull(strstr(parsed->body, "\r\n  Bcc: eve@example.net\r\n"));
  ck_assert_str_eq(world->transport.recipients[0], "\"Bcc: eve, <x>\"@example.org");
  free(parsed);
  shop_order_free(order);
  shop_token_free(token);
  world_close_books(world, 0);
  world_free(world);
}
END_TEST

/* The longest of everything: still short lines, and all of it there. */
START_TEST(the_longest_of_everything) {
  struct world *world = world_prepare();
  static char name[256], label[101], address[1001], shop[201];
  struct form form = {.method = CARD, .shipping = address};
  struct parsed *parsed;
  shop_order_t *order = NULL;
  int64_t cart_id;
  shop_token_t *token;

  memset(name, 'n', 255);
  memset(label, 'l', 100);
  memset(address, 'a', 1000);
  memset(shop, 's', 200);
  for (int i = 0; i < 4; i++)
    form.adjustments[i] =
        (struct form_adjustment){SHOP_ADJUSTMENT_TAX, label, (INT64_C(1) << 53) - 1};
  ck_assert_int_eq(shop_config_set_name(world->config, shop), SHOP_OK);
  world_open(world);
  ck_ok(world,
        shop_product_put(world->shop, "TEA", name, NULL, 100, "EUR", 5, NULL, NULL, world->err));
  token = world_shopper(world, "ada@example.org", "TEA", 1, &cart_id);
  ck_ok(world, world_purchase(world, token, cart_id, &form, &order));
  parsed = parse(world->transport.messages[0]);
  check_fields(parsed, shop_order_number(order), "localhost.localdomain");
  ck_assert_ptr_nonnull(strstr(parsed->body, name));
  ck_assert_ptr_nonnull(strstr(parsed->body, label));
  ck_assert_ptr_nonnull(strstr(parsed->body, address));
  ck_assert_ptr_nonnull(strstr(parsed->body, shop));
  ck_assert_ptr_nonnull(strstr(parsed->body, "\xE2\x82\xAC" "90,071,992,547,409.91"));
  free(parsed);
  shop_order_free(order);
  shop_token_free(token);
  world_close_books(world, 0);
  world_free(world);
}
END_TEST

/* What the mail tells is what the order holds, also where the product is renamed while a free
   order, whose mail is composed before it is stored, is placed. */
enum { RENAMED_ORDERS = 150, RENAMES = 4 };
static pthread_barrier_t round_begins;

static void *rename_on(void *user) {
  struct world *world = user;
  char name[40];

  for (int i = 0; i < RENAMED_ORDERS * RENAMES; i++) {
    if (i % RENAMES == 0)
      pthread_barrier_wait(&round_begins);
    snprintf(name, sizeof name, "name %d.", i);
    ck_assert_int_eq(shop_product_put(world->shop, "FREE", name, NULL, 0, "EUR",
                                      SHOP_STOCK_UNLIMITED, NULL, NULL, NULL),
                     SHOP_OK);
  }
  return NULL;
}

START_TEST(the_mail_tells_of_its_order) {
  struct world *world = world_new();
  shop_token_t *token = world_register(world, "ada@example.org");
  pthread_t thread;

  world_put(world, "FREE", 0, "EUR", SHOP_STOCK_UNLIMITED);
  ck_assert_int_eq(pthread_barrier_init(&round_begins, NULL, 2), 0);
  ck_assert_int_eq(pthread_create(&thread, NULL, rename_on, world), 0);
  for (int i = 0; i < RENAMED_ORDERS; i++) {
    int64_t cart_id = world_cart(world, token);
    shop_order_t *order;

    world_add(world, token, cart_id, "FREE", 1);
    pthread_barrier_wait(&round_begins);
    order = world_bought(world, token, cart_id);
    ck_assert_msg(strstr(world->transport.messages[i], shop_order_line_name(order, 0)) != NULL,
                  "order %d of %s: %s", i, shop_order_line_name(order, 0),
                  world->transport.messages[i]);
    shop_order_free(order);
  }
  ck_assert_int_eq(pthread_join(thread, NULL), 0);
  pthread_barrier_destroy(&round_begins);
  world_close_books(world, 0);
  shop_token_free(token);
  world_free(world);
}
END_TEST

int main(void) {
  const TTest *const tests[] = {
      with_the_order,
      without_a_transport,
      not_at_once,
      none_without_a_placed_order,
      every_answer,
      the_wait_doubles,
      a_clock_that_went_back,
      a_clock_that_steps_back_meanwhile,
      reasons,
      delivered_by_two,
      only_who_holds_the_lease,
      the_answer_cannot_be_stored,
      a_deliverer_that_dies,
      many_deliverers,
      arguments,
      all_of_the_order,
      no_header_of_our_own_making,
      the_longest_of_everything,
      the_mail_tells_of_its_order,
  };

  return HARNESS_RUN("timeline 6: mail", tests);
}
