/* Erasing a person: not one byte of them stays in the store's files, and not one cent moves. */
#include <harness.h>

#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define PERSON "Ada.Lovelace@Example.org"

/* Whatever could tell of her; in any letter case. */
static const char *const NEEDLES[] = {"lovelace", "analytical street", "countess", "ada-key",
                                      "pm_ada",   "byron's daughter",  "host-ada"};

static size_t count_in(const char *path, const char *needle) {
  FILE *file = fopen(path, "rb");
  size_t hits = 0, size, length = strlen(needle);
  char *bytes;

  if (file == NULL)
    return 0;
  fseek(file, 0, SEEK_END);
  size = (size_t)ftell(file);
  rewind(file);
  bytes = malloc(size + 1);
  ck_assert_ptr_nonnull(bytes);
  ck_assert_uint_eq(fread(bytes, 1, size, file), size);
  fclose(file);
  for (size_t i = 0; i < size; i++)
    if (bytes[i] >= 'A' && bytes[i] <= 'Z')
      bytes[i] = (char)(bytes[i] + 32);
  for (size_t i = 0; i + length <= size; i++)
    hits += memcmp(bytes + i, needle, length) == 0;
  free(bytes);
  return hits;
}

/* In the file, its log and its index of the log. */
static size_t traces(const struct world *world, const char *needle) {
  char path[200];
  size_t hits = count_in(world->path, needle);

  snprintf(path, sizeof path, "%s-wal", world->path);
  hits += count_in(path, needle);
  snprintf(path, sizeof path, "%s-shm", world->path);
  return hits + count_in(path, needle);
}

static void ck_traces(const struct world *world, bool wanted) {
  for (size_t i = 0; i < sizeof NEEDLES / sizeof NEEDLES[0]; i++)
    ck_assert_msg((traces(world, NEEDLES[i]) > 0) == wanted, "%s: %zu traces", NEEDLES[i],
                  traces(world, NEEDLES[i]));
}

static shop_order_t *buy(struct world *world, const shop_token_t *token, const char *key) {
  shop_purchase_request_t *request = NULL;
  shop_options_t *options = options_with_key(key);
  shop_order_t *order = NULL;
  int64_t cart_id = world_cart(world, token);

  world_add(world, token, cart_id, "TEA", 1);
  ck_assert_int_eq(shop_purchase_request_new(&request), SHOP_OK);
  ck_assert_int_eq(shop_purchase_request_set_method(request, "pm_ada"), SHOP_OK);
  ck_assert_int_eq(
      shop_purchase_request_set_shipping_address(request, "Ada\n12 Analytical Street\nLondon"),
      SHOP_OK);
  (void)!shop_purchase(world->shop, token, cart_id, request, options, &order, world->err);
  ck_assert_ptr_nonnull(order);
  ck_ok(world, shop_order_set_metadata(world->shop, shop_order_number(order),
                                       "gift wrap for the countess", NULL, NULL, world->err));
  shop_purchase_request_free(request);
  shop_options_free(options);
  return order;
}

static int64_t enter(struct world *world, shop_token_t **token) {
  shop_options_t *options = NULL;

  ck_assert_int_eq(shop_options_new(&options), SHOP_OK);
  ck_assert_int_eq(shop_options_set_source(options, "192.0.2.1"), SHOP_OK);
  ck_assert_int_eq(shop_options_set_label(options, "the countess's phone"), SHOP_OK);
  ck_ok(world, shop_user_register(world->shop, PERSON, PASSWORD, options, token, world->err));
  ck_ok(world, shop_user_set_metadata(world->shop, shop_token_user_id(*token), "Byron's daughter",
                                      "host-ada", NULL, world->err));
  shop_options_free(options);
  return shop_token_user_id(*token);
}

/* Neighbours before, between and after, so that her rows share their pages. */
static void neighbours(struct world *world, int from, int count) {
  for (int i = from; i < from + count; i++) {
    char email[60];
    int64_t cart_id;
    shop_order_t *order = NULL;
    shop_token_t *token;

    snprintf(email, sizeof email, "neighbour%d@example.net", i);
    token = world_shopper(world, email, "TEA", 1, &cart_id);
    ck_ok(world, world_buy(world, token, cart_id, NULL, &order));
    shop_order_free(order);
    shop_token_free(token);
  }
}

/* A shop with her three orders in the middle of others. */
static int64_t scene(struct world *world, shop_token_t **token) {
  int64_t user_id;

  world_put(world, "TEA", 999, "EUR", 1000);
  neighbours(world, 0, 20);
  user_id = enter(world, token);
  shop_order_free(buy(world, *token, "ada-key-1"));
  neighbours(world, 20, 20);
  world->transport.mood = TRANSPORT_LATER; /* a mail of hers waits */
  shop_order_free(buy(world, *token, "ada-key-2"));
  world->transport.mood = TRANSPORT_DELIVERS;
  neighbours(world, 40, 20);
  return user_id;
}

static int64_t ledger(struct world *world) {
  return world_number(world, "SELECT sum(total_minor) FROM orders") +
         world_number(world, "SELECT sum(captured_minor) * 3 FROM payments") +
         world_number(world, "SELECT sum(quantity * 7) FROM order_lines") +
         world_number(world, "SELECT count(*) * 11 FROM operations");
}

/* Everything that tells of her is gone from the bytes of the files; the books are as before, the
   audit is content, her neighbours are all there, and she may come again as a stranger. */
START_TEST(nothing_stays) {
  struct world *world = world_new();
  shop_token_t *token = NULL, *again = NULL;
  shop_session_t *session = NULL;
  int64_t user_id = scene(world, &token), before = ledger(world);
  int32_t waiting = -1;

  ck_traces(world, true);
  ck_ok(world, shop_user_erase(world->shop, user_id, NULL, &waiting, world->err));
  ck_assert_int_eq(waiting, 0);
  ck_traces(world, false);
  ck_assert_int_eq(ledger(world), before);
  world_verify(world, 0);
  ck_assert_int_eq(
      world_number(world, "SELECT count(*) FROM orders WHERE email LIKE 'neighbour%@example.net'"),
      60);
  ck_assert_int_eq(world_number(world, "SELECT count(*) FROM users WHERE erased_at_ms IS NOT NULL"),
                   1);
  ck_ok(world, shop_session_check(world->shop, token, &session, world->err));
  ck_assert_int_ne(shop_session_status(session), SHOP_OK);
  shop_session_free(session);
  ck_status(world, shop_user_login(world->shop, PERSON, PASSWORD, NULL, &again, world->err),
            SHOP_ERR_CREDENTIALS);
  ck_ok(world, shop_user_erase(world->shop, user_id, NULL, NULL, world->err)); /* again */
  ck_status(world, shop_user_erase(world->shop, 12345, NULL, &waiting, world->err),
            SHOP_ERR_NOT_FOUND);
  ck_ok(world, shop_user_register(world->shop, PERSON, PASSWORD, NULL, &again, world->err));
  ck_assert_int_ne(shop_token_user_id(again), user_id);
  shop_token_free(again);
  shop_token_free(token);
  world_free(world);
}
END_TEST

static int do_not_overwrite(sqlite3 *db, char **message, const struct sqlite3_api_routines *api) {
  (void)message;
  (void)api;
  return sqlite3_exec(db, "PRAGMA secure_delete = OFF", NULL, NULL, NULL);
}

/* Nor where SQLite was built to leave deleted rows in the file, as most are. */
START_TEST(nothing_stays_by_any_sqlite) {
  struct world *world = world_prepare();
  shop_token_t *token = NULL;
  int64_t user_id;

  ck_assert_int_eq(sqlite3_auto_extension((void (*)(void))do_not_overwrite), SQLITE_OK);
  world_open(world);
  user_id = scene(world, &token);
  ck_traces(world, true);
  ck_ok(world, shop_user_erase(world->shop, user_id, NULL, NULL, world->err));
  ck_traces(world, false);
  shop_token_free(token);
  world_free(world);
}
END_TEST

/* Erases her on another shop of the same file, when a write of this one is about to begin. */
static struct {
  shop_t *shop; /* NULL: not armed */
  int64_t user_id;
  int32_t status;
} meanwhile;

static int on_statement(unsigned what, void *user, void *stmt, void *text) {
  shop_t *shop = meanwhile.shop;

  (void)what;
  (void)user;
  (void)stmt;
  if (shop != NULL && strcmp(text, "BEGIN IMMEDIATE") == 0) {
    meanwhile.shop = NULL;
    meanwhile.status = shop_user_erase(shop, meanwhile.user_id, NULL, NULL, NULL);
  }
  return 0;
}

static int watch(sqlite3 *db, char **message, const struct sqlite3_api_routines *api) {
  (void)message;
  (void)api;
  return sqlite3_trace_v2(db, SQLITE_TRACE_STMT, on_statement, NULL);
}

/* A mail about an order that was written before its person was erased, and would be stored after
   it, is neither sent nor kept. */
START_TEST(no_mail_overtakes_an_erasing) {
  struct world *world = world_prepare();
  shop_payment_report_t *report = NULL;
  shop_token_t *token = NULL;
  shop_order_t *order = NULL;
  shop_t *other = NULL;
  int32_t sent;

  ck_assert_int_eq(sqlite3_auto_extension((void (*)(void))watch), SQLITE_OK);
  world_open(world);
  ck_ok(world, shop_open(world->path, world->config, &other, world->err));
  world_put(world, "TEA", 999, "EUR", 1000);
  meanwhile.user_id = enter(world, &token);
  shop_order_free(buy(world, token, "ada-key-1"));
  sent = world->transport.count;
  ck_assert_int_eq(shop_payment_report_new(&report), SHOP_OK);
  ck_assert_int_eq(shop_payment_report_set_event_id(report, "evt_refund"), SHOP_OK);
  ck_assert_int_eq(shop_payment_report_set_outcome(report, SHOP_OUTCOME_REFUNDED), SHOP_OK);
  ck_assert_int_eq(shop_payment_report_set_key(report, world->gateway.ledger[0].key), SHOP_OK);
  ck_assert_int_eq(shop_payment_report_set_amount(report, 100, "EUR"), SHOP_OK);
  meanwhile.status = 1;
  meanwhile.shop = other;
  ck_ok(world, shop_payment_report(world->shop, report, &order, world->err));
  ck_assert_int_eq(meanwhile.status, SHOP_OK);
  ck_assert_int_eq(world_number(world, "SELECT sum(refunded_minor) FROM payments"), 100);
  ck_assert_int_eq(world->transport.count, sent);
  ck_ok(world, shop_maintain(world->shop, NULL, world->err));
  ck_traces(world, false);
  shop_order_free(order);
  shop_payment_report_free(report);
  ck_assert_int_eq(shop_close(other), SHOP_OK);
  shop_token_free(token);
  world_free(world);
}
END_TEST

/* An order whose money nobody knows of yet keeps what is needed to finish it, and only that order;
   the upkeep erases it once it is final. Refunds of an erased order work, and write to nobody. */
START_TEST(waits_for_payments) {
  struct world *world = world_prepare();
  shop_token_t *token = NULL;
  shop_order_t *order, *settled = NULL;
  shop_recovery_t *recovery = NULL;
  int64_t user_id;
  int32_t waiting = -1;
  char number[40];

  gateway_set_operations(world, true);
  ck_assert_int_eq(shop_config_set_gateway_query(world->config, gateway_query, &world->gateway),
                   SHOP_OK);
  world_open(world);
  user_id = scene(world, &token);
  world->gateway.mood = GATEWAY_LOSES_ANSWER;
  order = buy(world, token, "ada-key-3");
  snprintf(number, sizeof number, "%s", shop_order_number(order));
  shop_order_free(order);
  ck_ok(world, shop_user_erase(world->shop, user_id, NULL, &waiting, world->err));
  ck_assert_int_eq(waiting, 1);
  ck_assert_int_eq(world_number(world, "SELECT count(*) FROM users WHERE email LIKE '%lovelace%'"),
                   0);
  ck_assert_int_eq(world_number(world, "SELECT count(*) FROM orders WHERE email LIKE '%lovelace%'"),
                   1);
  ck_ok(world, shop_maintain(world->shop, NULL, world->err));
  ck_assert_int_eq(world_number(world, "SELECT count(*) FROM orders WHERE email LIKE '%lovelace%'"),
                   1);
  world_pass_ms(world, 3600000);
  ck_ok(world, shop_recover(world->shop, 10, &recovery, world->err));
  shop_recovery_free(recovery);
  ck_ok(world, shop_maintain(world->shop, NULL, world->err));
  ck_traces(world, false);
  ck_assert_int_eq(world_number(world, "SELECT count(*) FROM users WHERE erased_at_ms IS NOT NULL"),
                   1);
  ck_ok(world, shop_order_refund(world->shop, number, NULL, NULL, &settled, world->err));
  ck_assert_int_eq(shop_order_refunded_minor(settled), 999);
  shop_order_free(settled);
  ck_assert_int_eq(
      world_number(world, "SELECT count(*) FROM outbox WHERE recipient = '' AND state IN (1, 2)"),
      0);
  world_verify(world, 0);
  shop_token_free(token);
  world_free(world);
}
END_TEST

/* ---- what others do meanwhile and afterwards --------------------------------------------------
 */

static int64_t erased(struct world *world, int64_t user_id) {
  char sql[120];

  snprintf(sql, sizeof sql,
           "SELECT count(*) FROM users WHERE id = %lld AND erased_at_ms IS NOT NULL",
           (long long)user_id);
  return world_number(world, sql);
}

/* Who is erased is given no new note, and what came back in some way goes when it is said again:
   of the user and of every order. */
START_TEST(nothing_comes_back) {
  struct world *world = world_new();
  shop_token_t *token = NULL;
  int64_t user_id = scene(world, &token), before = ledger(world);
  char number[20];

  world_text(world, "SELECT number FROM orders WHERE email LIKE 'ada%' ORDER BY id LIMIT 1", number,
             sizeof number);
  ck_ok(world, shop_user_erase(world->shop, user_id, NULL, NULL, world->err));
  ck_refused(world,
             shop_user_set_metadata(world->shop, user_id, "Byron's daughter", "host-ada", NULL,
                                    world->err),
             SHOP_ERR_NOT_FOUND);
  ck_traces(world, false);
  ck_ok(world,
        shop_order_set_metadata(world->shop, number, "was the countess's", NULL, NULL, world->err));
  world_vandalise(world, "UPDATE users SET note = 'Lovelace' WHERE erased_at_ms IS NOT NULL");
  ck_ok(world, shop_user_erase(world->shop, user_id, NULL, NULL, world->err));
  ck_traces(world, false);
  ck_assert_int_eq(erased(world, user_id), 1);
  ck_assert_int_eq(world_number(world, "SELECT count(*) FROM events WHERE name = 'user.erased'"),
                   1);
  ck_assert_int_eq(ledger(world), before);
  shop_token_free(token);
  world_free(world);
}
END_TEST

/* The open cart goes with its user, and what it held is for others to buy; of one that was left
   before, what was in it. */
START_TEST(cart_is_dropped) {
  struct world *world = world_new();
  shop_token_t *token = NULL;
  shop_cart_t *held = NULL;
  int64_t user_id = scene(world, &token), available = world_available(world, "TEA"), cart_id;

  world_add(world, token, world_cart(world, token), "TEA", 2);
  world_vandalise(world, "UPDATE carts SET state = 4 WHERE state = 1");
  cart_id = world_cart(world, token);
  world_add(world, token, cart_id, "TEA", 5);
  ck_ok(world, shop_cart_hold(world->shop, token, cart_id, 60000, NULL, &held, world->err));
  shop_cart_free(held);
  ck_assert_int_eq(world_reserved(world, "TEA"), 5);
  ck_ok(world, shop_user_erase(world->shop, user_id, NULL, NULL, world->err));
  ck_assert_int_eq(world_reserved(world, "TEA"), 0);
  ck_assert_int_eq(world_available(world, "TEA"), available);
  ck_assert_int_eq(world_number(world, "SELECT count(*) FROM carts WHERE state IN (1, 2)"), 0);
  ck_assert_int_eq(world_number(world,
                                "SELECT count(*) FROM cart_lines l JOIN carts c ON c.id = l.cart_id"
                                " WHERE c.state <> 3"),
                   0);
  world_verify(world, 0);
  shop_token_free(token);
  world_free(world);
}
END_TEST

/* What may still be said of a user who is erased but for one order: nothing that brings anything
   back. */
static void ck_calls_meanwhile(struct world *world, const shop_token_t *token, int64_t user_id) {
  shop_token_t *again = NULL;
  shop_user_t *user = NULL;

  ck_status(world, shop_account_close(world->shop, token, PASSWORD, NULL, world->err),
            SHOP_ERR_TOKEN_INVALID);
  ck_status(world, shop_user_set_language(world->shop, token, "de", NULL, world->err),
            SHOP_ERR_TOKEN_INVALID);
  ck_status(world, shop_user_set_metadata(world->shop, user_id, "note", NULL, NULL, world->err),
            SHOP_ERR_NOT_FOUND);
  ck_status(world, shop_token_issue(world->shop, user_id, "merchant", 0, NULL, &again, world->err),
            SHOP_ERR_NOT_FOUND);
  ck_ok(world, shop_user_set_disabled(world->shop, user_id, true, NULL, world->err));
  ck_ok(world, shop_user_set_disabled(world->shop, user_id, false, NULL, world->err));
  ck_status(world, shop_user_login(world->shop, PERSON, PASSWORD, NULL, &again, world->err),
            SHOP_ERR_CREDENTIALS);
  ck_ok(world, shop_user_find_by_id(world->shop, user_id, &user, world->err));
  ck_assert_str_eq(shop_user_email(user), "");
  shop_user_free(user);
}

/* An order that waits and then fails opens its cart and holds its pieces again: for a user who is
   erased they are let go, and the rest of the erasing is done. Saying it again while it waits does
   no harm. */
START_TEST(waits_and_fails) {
  struct world *world = world_prepare();
  shop_token_t *token = NULL;
  shop_payment_report_t *report = NULL;
  shop_order_t *order = NULL;
  shop_cart_t *held = NULL;
  int64_t user_id, cart_id;
  int32_t waiting = 0;

  world_open(world);
  user_id = scene(world, &token);
  cart_id = world_cart(world, token);
  world_add(world, token, cart_id, "TEA", 5);
  ck_ok(world, shop_cart_hold(world->shop, token, cart_id, 600000, NULL, &held, world->err));
  shop_cart_free(held);
  world->gateway.mood = GATEWAY_ASKS_ACTION;
  order = buy(world, token, "ada-key-3");
  ck_assert_int_eq(world_reserved(world, "TEA"), 6);
  for (int i = 0; i < 2; i++) {
    ck_ok(world, shop_user_erase(world->shop, user_id, NULL, &waiting, world->err));
    ck_assert_int_eq(waiting, 1);
    ck_calls_meanwhile(world, token, user_id);
  }
  ck_assert_int_eq(erased(world, user_id), 0);
  ck_assert_int_eq(shop_payment_report_new(&report), SHOP_OK);
  ck_assert_int_eq(shop_payment_report_set_event_id(report, "evt"), SHOP_OK);
  ck_assert_int_eq(shop_payment_report_set_reference(report, shop_order_gateway_reference(order)),
                   SHOP_OK);
  ck_assert_int_eq(shop_payment_report_set_outcome(report, SHOP_OUTCOME_DECLINED), SHOP_OK);
  ck_assert_int_eq(shop_payment_report_set_reason(report, "Lovelace's card"), SHOP_OK);
  shop_order_free(order);
  order = NULL;
  (void)!shop_payment_report(world->shop, report, &order, world->err);
  ck_assert_int_eq(shop_order_status(order), SHOP_ORDER_FAILED);
  ck_assert_int_eq(world_reserved(world, "TEA"), 6); /* held again */
  ck_ok(world, shop_maintain(world->shop, NULL, world->err));
  ck_assert_int_eq(world_reserved(world, "TEA"), 0);
  ck_assert_int_eq(world_number(world, "SELECT count(*) FROM carts WHERE state IN (1, 2)"), 0);
  ck_assert_int_eq(erased(world, user_id), 1);
  ck_traces(world, false);
  world_verify(world, 0);
  shop_order_free(order);
  shop_payment_report_free(report);
  shop_token_free(token);
  world_free(world);
}
END_TEST

/* ---- closed accounts ----------------------------------------------------------------------------
 */

static int64_t erasings(struct world *world) {
  shop_maintenance_t *maintenance = NULL;
  int64_t count;

  ck_ok(world, shop_maintain(world->shop, &maintenance, world->err));
  count = shop_maintenance_erasings(maintenance);
  shop_maintenance_free(maintenance);
  return count;
}

/* Two neighbours close their accounts, and she does: after the set time, and not a millisecond
   before, the upkeep erases all that is closed, and nobody else. */
START_TEST(closed_are_erased_in_time) {
  struct world *world = world_prepare();
  shop_token_t *token = NULL, *others[2];
  int64_t user_id;

  ck_assert_int_eq(shop_config_set_closed_life_ms(world->config, 86400000), SHOP_OK);
  world_open(world);
  user_id = scene(world, &token);
  for (int i = 0; i < 2; i++) {
    char email[40];

    snprintf(email, sizeof email, "neighbour%d@example.net", i);
    ck_ok(world, shop_user_login(world->shop, email, PASSWORD, NULL, &others[i], world->err));
    ck_ok(world, shop_account_close(world->shop, others[i], PASSWORD, NULL, world->err));
    shop_token_free(others[i]);
  }
  world_pass_ms(world, 1);
  ck_ok(world, shop_account_close(world->shop, token, PASSWORD, NULL, world->err));
  world_pass_ms(world, 86400000 - 1);
  ck_assert_int_eq(erasings(world), 0);
  world_pass_ms(world, 1);
  ck_assert_int_eq(erasings(world), 2);
  ck_assert_int_eq(erased(world, user_id), 0);
  ck_traces(world, true);
  world_pass_ms(world, 1);
  ck_assert_int_eq(erasings(world), 1);
  ck_assert_int_eq(erased(world, user_id), 1);
  ck_traces(world, false);
  ck_assert_int_eq(erasings(world), 0);
  ck_assert_int_eq(world_number(world, "SELECT count(*) FROM users WHERE erased_at_ms IS NOT NULL"),
                   3);
  ck_assert_int_eq(world_number(world, "SELECT count(*) FROM users WHERE email IS NOT NULL"), 58);
  ck_assert_int_eq(
      world_number(world, "SELECT count(*) FROM events WHERE name = 'user.erased' AND actor = 4"),
      3);
  world_verify(world, 0);
  shop_token_free(token);
  world_free(world);
}
END_TEST

/* Unless the host says so nobody is erased by time; values out of range change nothing. */
START_TEST(closed_stay_by_default) {
  struct world *world = world_prepare();
  shop_token_t *token = NULL;

  ck_assert_int_eq(shop_config_set_closed_life_ms(world->config, 999), SHOP_ERR_ARGUMENT);
  ck_assert_int_eq(shop_config_set_closed_life_ms(world->config, -1), SHOP_ERR_ARGUMENT);
  ck_assert_int_eq(shop_config_set_closed_life_ms(world->config, INT64_MAX), SHOP_ERR_ARGUMENT);
  ck_assert_int_eq(shop_config_set_closed_life_ms(NULL, 1000), SHOP_ERR_ARGUMENT);
  world_open(world);
  token = world_register(world, PERSON);
  ck_ok(world, shop_account_close(world->shop, token, PASSWORD, NULL, world->err));
  world_pass_ms(world, INT64_C(86400000) * 365 * 100);
  ck_assert_int_eq(erasings(world), 0);
  ck_assert_int_eq(shop_maintenance_erasings(NULL), 0);
  ck_assert_int_gt(traces(world, "lovelace"), 0);
  ck_assert_int_eq(shop_config_set_closed_life_ms(world->config, 1000), SHOP_OK);
  ck_assert_int_eq(shop_config_set_closed_life_ms(world->config, 0), SHOP_OK);
  world_reopen(world);
  ck_assert_int_eq(erasings(world), 0);
  shop_token_free(token);
  world_free(world);
}
END_TEST

/* ---- killed between any two steps -------------------------------------------------------------
 */

static int commits_left;

static int die_at_commit(void *context) {
  (void)context;
  if (--commits_left == 0)
    (void)kill(getpid(), SIGKILL);
  return 0;
}

static int watch_connection(sqlite3 *db, char **message, const struct sqlite3_api_routines *api) {
  (void)message;
  (void)api;
  sqlite3_commit_hook(db, die_at_commit, NULL);
  return SQLITE_OK;
}

/* Whether the child lived to the end of it. */
static bool erase_in_child(struct world *world, int64_t user_id, int commits) {
  int how = 0;
  pid_t child = fork();

  ck_assert_int_ge(child, 0);
  if (child == 0) {
    commits_left = commits;
    if (sqlite3_auto_extension((void (*)(void))watch_connection) != SQLITE_OK ||
        shop_open(world->path, world->config, &world->shop, NULL) != SHOP_OK ||
        shop_user_erase(world->shop, user_id, NULL, NULL, NULL) != SHOP_OK)
      _exit(2);
    _exit(0);
  }
  ck_assert_int_eq(waitpid(child, &how, 0), child);
  ck_assert(WIFSIGNALED(how) || WEXITSTATUS(how) == 0);
  return !WIFSIGNALED(how);
}

/* Killed at every commit in turn, the erasing is finished by the upkeep; before its first commit
   nothing has happened. */
START_TEST(killed_at_every_step) {
  bool lived = false;
  int commits = 0;

  while (!lived) {
    struct world *world = world_new();
    shop_token_t *token = NULL;
    int64_t user_id;

    world_put(world, "TEA", 999, "EUR", 1000);
    neighbours(world, 0, 3);
    user_id = enter(world, &token);
    for (int i = 0; i < 12; i++) { /* more than one step has */
      char key[40];

      snprintf(key, sizeof key, "ada-key-%d", i);
      shop_order_free(buy(world, token, key));
    }
    shop_token_free(token);
    ck_assert_int_eq(shop_close(world->shop), SHOP_OK);
    world->shop = NULL;
    lived = erase_in_child(world, user_id, ++commits);
    world_open(world);
    ck_ok(world, shop_maintain(world->shop, NULL, world->err));
    if (commits == 1)
      ck_assert_int_eq(
          world_number(world, "SELECT count(*) FROM users WHERE email LIKE '%lovelace%'"), 1);
    else
      ck_traces(world, false);
    world_verify(world, 0);
    world_free(world);
  }
  ck_assert_int_ge(commits, 3);
}
END_TEST

int main(void) {
  const TTest *tests[] = {no_mail_overtakes_an_erasing,
                          nothing_stays_by_any_sqlite,
                          nothing_stays,
                          waits_for_payments,
                          nothing_comes_back,
                          cart_is_dropped,
                          waits_and_fails,
                          closed_are_erased_in_time,
                          closed_stay_by_default,
                          killed_at_every_step};

  return HARNESS_RUN("erase", tests);
}
