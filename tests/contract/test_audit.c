/* The audit finds what a vandal has done to the file: every kind of violation, by
   its own sentence; every kind of thing that needs a person; and nothing in a
   sound shop. */
#include "books.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- a shop with an order of every kind ---------------------------------- */

static void buy(struct world *world, const char *email, const char *sku, enum gateway_mood mood,
                int32_t status) {
  static const struct form FORM = {.method = CARD,
                                   .adjustments = {{SHOP_ADJUSTMENT_SHIPPING, "Parcel", 500},
                                                   {SHOP_ADJUSTMENT_TAX_INCLUDED, "VAT", 160}}};
  shop_order_t *order = NULL;
  int64_t cart_id;
  shop_token_t *token = world_shopper(world, email, sku, 2, &cart_id);

  if (strcmp(sku, "FREE") != 0)
    world_add(world, token, cart_id, "CUP", 1);
  world->gateway.mood = mood;
  ck_status(world,
            world_purchase(world, token, cart_id,
                           strcmp(sku, "FREE") == 0 ? &(struct form){0} : &FORM, &order),
            status);
  shop_order_free(order);
  shop_token_free(token);
}

/* Ada's order is placed, Bob's waits for its payment, Eve's was declined, Dan's cost nothing, and
   Fay has an open cart. */
static struct world *world_of_all_kinds(void) {
  struct world *world = world_new();
  int64_t cart_id;

  world_put(world, "TEA", 999, "EUR", 10);
  world_put(world, "CUP", 500, "EUR", 10);
  world_put(world, "FREE", 0, "EUR", SHOP_STOCK_UNLIMITED);
  buy(world, "ada@example.org", "TEA", GATEWAY_APPROVES, SHOP_OK);
  buy(world, "bob@example.org", "TEA", GATEWAY_SILENT, SHOP_UNKNOWN);
  buy(world, "eve@example.org", "TEA", GATEWAY_DECLINES, SHOP_DECLINED);
  buy(world, "dan@example.org", "FREE", GATEWAY_APPROVES, SHOP_OK);
  shop_token_free(world_shopper(world, "fay@example.org", "TEA", 1, &cart_id));
  return world;
}

#define ADA "(SELECT id FROM orders WHERE email = 'ada@example.org')"
#define BOB "(SELECT id FROM orders WHERE email = 'bob@example.org')"
#define EVE "(SELECT id FROM orders WHERE email = 'eve@example.org')"
#define TEA "(SELECT id FROM products WHERE sku = 'TEA')"
#define LARGEST "9223372036854775807"
#define LAWLESS "PRAGMA foreign_keys = OFF; PRAGMA ignore_check_constraints = ON;"

/* A mail for an order that is not placed. */
#define MAIL_FOR(order)                                                                            \
  "INSERT INTO outbox SELECT id + 9000000, " order                                                 \
  ", kind, state, tries, since_ms, wait_ms,"                                                       \
  " lease_id, created_at_ms, sent_at_ms, cause_id, user_id, code_hash, recipient, sender, reason," \
  " message FROM outbox"                                                                           \
  " WHERE order_id = " ADA

struct crime {
  const char *sql;
  const char *found;
};

static void commit(struct world *world, const struct crime *crime) {
  char *found;

  world_vandalise(world, crime->sql);
  found = world_findings(world);
  ck_assert_msg(strcmp(found, crime->found) == 0, "%s\n\nhas given\n%s\ninstead of\n%s", crime->sql,
                found, crime->found);
  free(found);
}

/* The shop is made once; each crime is committed on a copy of its file. */
static void commit_all(struct world *world, const struct crime *crimes, size_t count) {
  char copy[300];

  ck_assert_int_eq(shop_close(world->shop), SHOP_OK);
  world->shop = NULL;
  snprintf(copy, sizeof copy, "cp '%s' '%s/sound'", world->path, world->dir);
  ck_assert_int_eq(system(copy), 0);
  snprintf(copy, sizeof copy, "cp '%s/sound' '%s'", world->dir, world->path);
  for (size_t i = 0; i < count; i++) {
    world_open(world);
    commit(world, &crimes[i]);
    ck_assert_int_eq(shop_close(world->shop), SHOP_OK);
    world->shop = NULL;
    ck_assert_int_eq(system(copy), 0);
  }
  world_free(world);
}
#define COMMIT_IN(world, crimes) commit_all(world, crimes, sizeof(crimes) / sizeof(crimes)[0])
#define COMMIT(crimes) COMMIT_IN(world_of_all_kinds(), crimes)

/* ---- soundness ----------------------------------------------------------- */

START_TEST(a_sound_shop) {
  struct world *world = world_new();
  shop_audit_t *audit = NULL;
  uint64_t before;
  char *found = world_findings(world);

  ck_assert_str_eq(found, ""); /* a new one as well */
  free(found);
  world_free(world);
  world = world_of_all_kinds();
  before = world_digest(world);
  ck_ok(world, shop_verify(world->shop, &audit, world->err));
  ck_assert(world_digest(world) == before);
  ck_assert_int_eq(shop_audit_orders(audit), 4);
  ck_assert_int_eq(shop_audit_violations(audit), 0);
  ck_assert_int_eq(shop_audit_attentions(audit), 0);
  ck_assert_int_eq(shop_audit_finding_count(audit), 0);
  ck_assert_int_eq(shop_audit_finding_severity(audit, 0), 0);
  ck_assert_str_eq(shop_audit_finding_text(audit, 0), "");
  ck_assert_str_eq(shop_audit_finding_text(audit, -1), "");
  shop_audit_free(audit);
  world_free(world);
}
END_TEST

/* It needs no write lock: it looks on while another program writes. */
START_TEST(beside_a_writer) {
  struct world *world = world_of_all_kinds();
  struct rival *rival = rival_begin(world);

  world_verify(world, 0);
  rival_end(rival);
  world_free(world);
}
END_TEST

/* One charge that two orders were paid by, as the gateway names it, is a person's. */
START_TEST(one_reference_for_two_orders) {
  struct world *world = world_of_all_kinds();
  char *found;

  buy(world, "gil@example.org", "CUP", GATEWAY_APPROVES, SHOP_OK);
  world_verify(world, 0);
  world_vandalise(world,
                  "UPDATE payments SET reference = 'ch_9'"); /* Bob's and Eve's do not count */
  found = world_findings(world);
  ck_assert_str_eq(found,
                   "A order #: the gateway knows its payment by the reference of an older one\n");
  free(found);
  world_free(world);
}
END_TEST

START_TEST(arguments) {
  struct world *world = world_new();
  shop_audit_t *audit = NULL;

  ck_status(world, shop_verify(world->shop, NULL, world->err), SHOP_ERR_ARGUMENT);
  ck_status(world, shop_verify(NULL, &audit, world->err), SHOP_ERR_ARGUMENT);
  ck_assert_int_eq(shop_audit_orders(NULL), 0);
  ck_assert_int_eq(shop_audit_violations(NULL), 0);
  ck_assert_int_eq(shop_audit_attentions(NULL), 0);
  ck_assert_int_eq(shop_audit_finding_count(NULL), 0);
  ck_assert_str_eq(shop_audit_finding_text(NULL, 0), "");
  shop_audit_free(NULL);
  world_free(world);
}
END_TEST

/* ---- stock --------------------------------------------------------------- */

static const struct crime AGAINST_STOCK[] = {
    {"UPDATE products SET reserved = reserved + 1, received = received + 1 WHERE sku = 'TEA'",
     "V product TEA: 3 pieces reserved, orders and carts hold 2\n"},
    {"UPDATE products SET sold = sold + 1, received = received + 1 WHERE sku = 'TEA'",
     "V product TEA: 3 pieces sold, orders took 2\n"},
    {"UPDATE products SET available = available + 1 WHERE sku = 'TEA'",
     "V product TEA: stock is not conserved\n"},
    {"UPDATE products SET received = received - 1 WHERE sku = 'TEA'",
     "V product TEA: stock is not conserved\n"},
    {"UPDATE products SET reserved = 1 WHERE sku = 'FREE'",
     "V product FREE: 1 pieces reserved, orders and carts hold 0\n"},
    {LAWLESS "DELETE FROM cart_lines WHERE product_id = " TEA ";"
             "DELETE FROM order_lines WHERE product_id = " TEA ";"
             "DELETE FROM reservations WHERE product_id = " TEA " AND order_id <> " BOB ";"
             "UPDATE orders SET total_minor = 1000; UPDATE payments SET amount_minor = 1000;"
             "UPDATE payments SET captured_minor = 1000 WHERE state = 4;"
             "UPDATE operations SET amount_minor = 1000;"
             "UPDATE operations SET moved_minor = 1000 WHERE state = 2;"
             "DELETE FROM order_adjustments WHERE kind = 4;"
             "UPDATE orders SET total_minor = 0 WHERE email = 'dan@example.org';"
             "DELETE FROM products WHERE sku = 'TEA'",
     "V the file is damaged: row ? of reservations names a row of products that is not there\n"
     "V stock is reserved for a product that does not exist\n"
     "V order #: 1 pieces bought, 3 reserved\n"},
};

START_TEST(crimes_against_stock) {
  COMMIT(AGAINST_STOCK);
}
END_TEST

/* Sums over what the vandal has made huge are findings, not overflows. */
static const struct crime TOO_MUCH[] = {
    {"UPDATE reservations SET quantity = " LARGEST " WHERE product_id = " TEA " AND state < 3;"
     "UPDATE reservations SET state = 2 WHERE product_id = " TEA " AND state = 1",
     "V the reservations of a product do not add up to any number\n"
     "V product TEA: 2 pieces reserved, orders and carts hold 0\n"
     "V product TEA: 2 pieces sold, orders took " LARGEST "\n"
     "V order #: the reservations do not add up to any number\n"
     "V order #: 3 pieces bought, " LARGEST " reserved\n"
     "V order #: stock is not reserved as its status says\n"
     "V order #: the reservations do not add up to any number\n"
     "V order #: 3 pieces bought, " LARGEST " reserved\n"},
    {"UPDATE operations SET created_at_ms = -" LARGEST " - 1 WHERE order_id = " BOB,
     "A order #: its payment has no answer, run shop_recover\n"},
    {"UPDATE products SET available = " LARGEST ", received = " LARGEST " WHERE sku = 'TEA'",
     "V product TEA: stock is not conserved\n"},
    {"UPDATE products SET received = -" LARGEST " - 1 WHERE sku = 'TEA'",
     "V product TEA: stock is not conserved\n"},
    {"UPDATE order_lines SET quantity = 1, unit_price_minor = " LARGEST ", total_minor = " LARGEST
     " WHERE order_id = " ADA,
     "V order #: the lines do not add up to any number\n"
     "V order #: the adjustments do not add up to any number\n"
     "V order #: 2 pieces bought, 3 reserved\n"
     "V order #: lines and adjustments are not its total\n"},
    {"UPDATE order_lines SET quantity = " LARGEST " WHERE order_id = " ADA,
     "V order #: a line of TEA is not quantity times price\n"
     "V order #: a line of CUP is not quantity times price\n"
     "V order #: the lines do not add up to any number\n"
     "V order #: " LARGEST " pieces bought, 3 reserved\n"},
    {"UPDATE order_adjustments SET amount_minor = " LARGEST " WHERE kind = 2 AND order_id = " ADA,
     "V order #: the adjustments do not add up to any number\n"
     "V order #: lines and adjustments are not its total\n"},
};

START_TEST(sums_that_do_not_fit) {
  COMMIT(TOO_MUCH);
}
END_TEST

/* ---- orders -------------------------------------------------------------- */

static const struct crime AGAINST_ORDERS[] = {
    {"UPDATE order_lines SET unit_price_minor = unit_price_minor + 1 WHERE sku = 'TEA'"
     " AND order_id = " ADA,
     "V order #: a line of TEA is not quantity times price\n"},
    {"INSERT INTO order_adjustments VALUES (" ADA ", 9, 3, 1, 'a tax of one')",
     "V order #: lines and adjustments are not its total\n"},
    {"UPDATE order_adjustments SET amount_minor = 499 WHERE kind = 2 AND order_id = " BOB,
     "V order #: lines and adjustments are not its total\n"},
    {"UPDATE order_adjustments SET kind = 3 WHERE kind = 4 AND order_id = " EVE,
     "V order #: lines and adjustments are not its total\n"},
    {"UPDATE reservations SET state = 1 WHERE order_id = " ADA " AND product_id = " TEA ";"
     "UPDATE products SET sold = sold - 2, reserved = reserved + 2 WHERE sku = 'TEA'",
     "V order #: stock is not reserved as its status says\n"},
    {"UPDATE reservations SET quantity = 3 WHERE order_id = " ADA " AND product_id = " TEA ";"
     "UPDATE products SET sold = sold + 1, received = received + 1 WHERE sku = 'TEA'",
     "V order #: 3 pieces bought, 4 reserved\n"},
    /* As many pieces as were bought, but one cup for one tea: the stock agrees. */
    {"UPDATE reservations SET quantity = 3 - quantity WHERE order_id = " ADA ";"
     "UPDATE products SET sold = sold - 1, received = received - 1 WHERE sku = 'TEA';"
     "UPDATE products SET sold = sold + 1, received = received + 1 WHERE sku = 'CUP'",
     "V order #: other products are reserved than were bought\n"},
    {"DELETE FROM outbox WHERE order_id = " ADA, "V order #: placed without its confirmation\n"},
    {"UPDATE carts SET state = 1, order_id = NULL WHERE order_id = " ADA,
     "V order #: placed, and its cart is not completed\n"},
    {"UPDATE carts SET state = 1, order_id = NULL WHERE order_id = " BOB,
     "V order #: pending, and its cart does not wait for it\n"},
    {"UPDATE carts SET state = 3 WHERE order_id = " BOB,
     "V cart #: being bought or bought, without an order that says so\n"
     "V order #: pending, and its cart does not wait for it\n"},
    {"UPDATE carts SET state = 2, order_id = " EVE
     " WHERE id = (SELECT cart_id FROM orders WHERE id = " EVE ")",
     "V cart #: being bought or bought, without an order that says so\n"
     "V order #: failed, and its cart still belongs to it\n"},
    {"UPDATE carts SET state = 3, order_id = 1"
     " WHERE user_id = (SELECT id FROM users WHERE email = 'fay@example.org')",
     "V cart #: being bought or bought, without an order that says so\n"},
    {"UPDATE carts SET state = 2, order_id = " ADA
     " WHERE user_id = (SELECT id FROM users WHERE email = 'fay@example.org')",
     "V cart #: being bought or bought, without an order that says so\n"},
    {"UPDATE users SET guest_at_ms = 1, email = NULL, email_key = NULL, password_hash = NULL"
     " WHERE id = (SELECT user_id FROM orders WHERE id = " ADA ")",
     "V order #: it is a guest's, who has no address\n"},
    {MAIL_FOR(BOB), "V order #: a confirmation without a placed order\n"},
    {MAIL_FOR(EVE), "V order #: a confirmation without a placed order\n"},
    {"UPDATE orders SET status = 2, placed_at_ms = 1 WHERE id = " EVE ";"
     "UPDATE carts SET state = 3, order_id = " EVE
     " WHERE id = (SELECT cart_id FROM orders WHERE id = " EVE ");" MAIL_FOR(EVE),
     "V order #: stock is not reserved as its status says\n"
     "V order #: stock is not reserved as its status says\n"
     "V order #: placed without its payment\n"},
};

START_TEST(crimes_against_orders) {
  COMMIT(AGAINST_ORDERS);
}
END_TEST

/* ---- payments ------------------------------------------------------------ */

static const struct crime AGAINST_PAYMENTS[] = {
    {"UPDATE payments SET captured_minor = captured_minor - 1 WHERE order_id = " ADA,
     "V order #: placed without its payment\n"
     "V order #: its payment is not the sum of its operations\n"},
    {"UPDATE operations SET moved_minor = moved_minor - 1 WHERE order_id = " ADA,
     "V order #: its payment is not the sum of its operations\n"},
    {"UPDATE payments SET refunded_minor = 1 WHERE order_id = " ADA,
     "V order #: its payment is not the sum of its operations\n"},
    {"UPDATE payments SET captured_currency = 'USD' WHERE order_id = " ADA,
     "V order #: placed without its payment\n"},
    {"UPDATE payments SET captured_currency = NULL WHERE order_id = " ADA,
     "V order #: placed without its payment\n"},
    {"DELETE FROM operations WHERE order_id = " ADA "; DELETE FROM payments WHERE order_id = " ADA,
     "V order #: placed without its payment\n"},
    {"DELETE FROM operations WHERE order_id = " BOB "; DELETE FROM payments WHERE order_id = " BOB,
     "V order #: pending without a payment that could come\n"},
    {"UPDATE operations SET state = 3 WHERE order_id = " BOB ";"
     "UPDATE payments SET state = 5 WHERE order_id = " BOB,
     "V order #: pending without a payment that could come\n"},
    {"UPDATE operations SET state = 2 WHERE order_id = " BOB ";"
     "UPDATE payments SET state = 4, captured_minor = amount_minor, captured_currency = 'EUR'"
     " WHERE order_id = " BOB,
     "V order #: paid and not placed\n"
     "V order #: its payment is not the sum of its operations\n"},
    {"UPDATE operations SET state = 1 WHERE order_id = " EVE ";"
     "UPDATE payments SET state = 1 WHERE order_id = " EVE,
     "V order #: failed, and its payment was not declined\n"},
    {"UPDATE operations SET state = 2 WHERE order_id = " EVE ";"
     "UPDATE payments SET state = 4, captured_minor = amount_minor, captured_currency = 'EUR'"
     " WHERE order_id = " EVE,
     "V order #: failed, and its payment was not declined\n"
     "V order #: its payment is not the sum of its operations\n"},
    {"UPDATE operations SET state = 1 WHERE order_id = " ADA,
     "V order #: its charge and its payment disagree\n"},
    {"DELETE FROM operations WHERE order_id = " ADA,
     "V order #: its charge and its payment disagree\n"
     "V order #: its payment is not the sum of its operations\n"},
    {"UPDATE operations SET amount_minor = 1 WHERE order_id = " BOB, /* what would be repeated */
     "V order #: its charge and its payment disagree\n"},
    {"UPDATE operations SET currency = 'JPY' WHERE order_id = " BOB,
     "V order #: its charge and its payment disagree\n"},
    {"UPDATE payments SET amount_minor = amount_minor + 1 WHERE order_id = " ADA,
     "V order #: its charge and its payment disagree\n"
     "V order #: its payment is not for its total\n"},
    {"UPDATE operations SET currency = 'USD' WHERE order_id = " BOB ";"
     "UPDATE payments SET currency = 'USD' WHERE order_id = " BOB,
     "V order #: its payment is not for its total\n"},
    {"UPDATE payments SET captured_minor = 1 WHERE order_id = " BOB,
     "V order #: money is recorded and not captured\n"
     "V order #: its payment is not the sum of its operations\n"},
    {"UPDATE payments SET captured_minor = 1 WHERE order_id = " EVE,
     "V order #: money is recorded and not captured\n"
     "V order #: its payment is not the sum of its operations\n"},
};

START_TEST(crimes_against_payments) {
  COMMIT(AGAINST_PAYMENTS);
}
END_TEST

/* ---- what follows an order ----------------------------------------------- */

static void refund_at_once(shop_gateway_call_t *call, void *user) {
  (void)user;
  ck_assert_int_eq(shop_gateway_call_set_refunded(call, "re_1",
                                                  shop_gateway_call_amount_minor(call),
                                                  shop_gateway_call_currency(call)),
                   SHOP_OK);
}

/* Ada's order was paid, then cancelled and refunded. */
static struct world *world_of_a_cancelled_order(void) {
  struct world *world = world_prepare();
  shop_order_t *order = NULL;

  ck_assert_int_eq(shop_config_set_gateway_refund(world->config, refund_at_once, NULL), SHOP_OK);
  world_open(world);
  world_put(world, "TEA", 999, "EUR", 10);
  world_put(world, "CUP", 500, "EUR", 10);
  buy(world, "ada@example.org", "TEA", GATEWAY_APPROVES, SHOP_OK);
  ck_ok(world,
        shop_order_cancel(world->shop, world->gateway.last_order_number, NULL, &order, world->err));
  shop_order_free(order);
  world_verify(world, 0);
  return world;
}

#define REFUND "kind = 4 AND order_id = " ADA

static const struct crime AFTER_AN_ORDER[] = {
    {"UPDATE reservations SET returned = 1 WHERE product_id = " TEA ";"
     "UPDATE products SET sold = sold + 1, available = available - 1 WHERE sku = 'TEA'",
     "V order #: cancelled, and not all of it is back in stock\n"},
    {"UPDATE operations SET moved_minor = moved_minor - 1 WHERE " REFUND ";"
     "UPDATE payments SET refunded_minor = refunded_minor - 1",
     "V order #: cancelled, and its money was not given back\n"},
    {"UPDATE operations SET state = 4, moved_minor = 0 WHERE " REFUND ";"
     "UPDATE payments SET refunded_minor = 0",
     "V order #: cancelled, and its money was not given back\n"
     "A order #: nobody knows what became of an operation\n"},
    {"UPDATE operations SET state = 1, moved_minor = 0, amount_minor = amount_minor + 1"
     " WHERE " REFUND "; UPDATE payments SET refunded_minor = 0",
     "V order #: cancelled, and its money was not given back\n"
     "V order #: more is being refunded than was captured\n"},
    {"UPDATE operations SET kind = 2, moved_minor = " LARGEST " WHERE " REFUND,
     "V order #: its operations do not add up to any number\n"
     "V order #: its payment is not the sum of its operations\n"},
    {LAWLESS "UPDATE operations SET state = 1, amount_minor = " LARGEST " WHERE " REFUND ";"
             "UPDATE payments SET refunded_minor = " LARGEST,
     "V the file is damaged: CHECK constraint failed in payments\n"
     "V order #: cancelled, and its money was not given back\n"
     "V order #: its payment is not the sum of its operations\n"
     "V order #: more is being refunded than was captured\n"},
};

START_TEST(crimes_after_an_order) {
  COMMIT_IN(world_of_a_cancelled_order(), AFTER_AN_ORDER);
}
END_TEST

/* ---- the file ------------------------------------------------------------ */

static const struct crime AGAINST_THE_FILE[] = {
    {LAWLESS "INSERT INTO order_adjustments VALUES (7, 0, 2, 1, 'of no order')",
     "V the file is damaged: row ? of order_adjustments names a row of orders that is not there\n"},
    {LAWLESS "UPDATE products SET price_minor = -1 WHERE sku = 'TEA'",
     "V the file is damaged: CHECK constraint failed in products\n"},
    {LAWLESS "UPDATE orders SET status = 9 WHERE id = " EVE,
     "V the file is damaged: CHECK constraint failed in orders\n"
     "V order #: stock is not reserved as its status says\n"
     "V order #: stock is not reserved as its status says\n"},
    {LAWLESS "UPDATE payments SET state = 9 WHERE order_id = " BOB,
     "V order #: its charge and its payment disagree\n"},
};

START_TEST(crimes_against_the_file) {
  COMMIT(AGAINST_THE_FILE);
}
END_TEST

/* ---- for a person -------------------------------------------------------- */

static const struct crime FOR_A_PERSON[] = {
    {"UPDATE operations SET state = 4 WHERE order_id = " BOB ";"
     "UPDATE payments SET state = 3 WHERE order_id = " BOB,
     "A order #: nobody knows whether it was paid\n"},
    {"UPDATE operations SET state = 2, moved_minor = 1 WHERE order_id = " BOB ";"
     "UPDATE payments SET state = 4, attention = 1, captured_minor = 1, captured_currency = 'EUR'"
     " WHERE order_id = " BOB,
     "A order #: another amount was taken than its total\n"},
    {"UPDATE operations SET state = 2, moved_minor = 1 WHERE order_id = " EVE ";"
     "UPDATE payments SET state = 4, attention = 2, captured_minor = 1, captured_currency = 'EUR'"
     " WHERE order_id = " EVE,
     "A order #: money was taken after it had failed\n"},
    {"UPDATE payments SET attention = 4 WHERE order_id = " ADA,
     "A order #: the gateway has said things that cannot both be\n"},
    {"UPDATE operations SET created_at_ms = created_at_ms - 72000000 WHERE order_id = " BOB,
     "A order #: its payment has no answer, run shop_recover\n"},
    {"UPDATE operations SET created_at_ms = created_at_ms - 71999999 WHERE order_id = " BOB, ""},
    {"UPDATE outbox SET state = 4 WHERE order_id = " ADA,
     "A order #: its confirmation could not be delivered\n"},
    {"UPDATE products SET available = 0, shortfall = 3, received = received - 9"
     " WHERE sku = 'TEA'",
     "A product TEA: 3 pieces are promised beyond what is on hand\n"},
};

START_TEST(what_needs_a_person) {
  COMMIT(FOR_A_PERSON);
}
END_TEST

/* ---- many ---------------------------------------------------------------- */

/* All are counted, and ten thousand can be read. */
START_TEST(more_than_can_be_read) {
  struct world *world = world_of_all_kinds();
  shop_audit_t *audit = NULL;

  world_vandalise(
      world,
      "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10100)"
      " INSERT INTO carts SELECT i, (SELECT min(id) FROM users), 3, 1, 0, NULL, 1, 1, 1, 0, 0"
      " FROM n");
  ck_ok(world, shop_verify(world->shop, &audit, world->err));
  ck_assert_int_eq(shop_audit_violations(audit), 10100);
  ck_assert_int_eq(shop_audit_finding_count(audit), 10000);
  ck_assert_int_eq(shop_audit_finding_severity(audit, 9999), SHOP_FINDING_VIOLATION);
  ck_assert_str_eq(shop_audit_finding_text(audit, 9999),
                   "cart 10000: being bought or bought, without an order that says so");
  ck_assert_str_eq(shop_audit_finding_text(audit, 10000), "");
  shop_audit_free(audit);
  world_free(world);
}
END_TEST

int main(void) {
  const TTest *const tests[] = {
      a_sound_shop,
      beside_a_writer,
      arguments,
      one_reference_for_two_orders,
      crimes_against_stock,
      sums_that_do_not_fit,
      crimes_against_orders,
      crimes_against_payments,
      crimes_after_an_order,
      crimes_against_the_file,
      what_needs_a_person,
      more_than_can_be_read,
  };

  return HARNESS_RUN("audit", tests);
}
