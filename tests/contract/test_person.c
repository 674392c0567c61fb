/* What the store holds of a person, column by column: each is told by the export or withheld for a
   reason, and gone after an erasing or kept for a reason. A table or column that is new is in no
   list here and fails the first test. The others put a mark into every column of hers and look
   where the marks come out, so that the lists say what is so. */
#include "person.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Whose a row is, for the id of a user; NULL: nobody's. */
static const struct table {
  const char *name;
  const char *whose;
  const char *why;
} tables[] = {
    {"users", "id = ?1", NULL},
    {"codes", "user_id = ?1", NULL},
    {"known_sources", "user_id = ?1", NULL},
    {"registrations", "guest_id = ?1", NULL},
    {"tokens", "user_id = ?1", NULL},
    {"refresh_tokens", "user_id = ?1", NULL},
    {"carts", "user_id = ?1", NULL},
    {"cart_lines", "cart_id IN (SELECT id FROM carts WHERE user_id = ?1)", NULL},
    {"orders", "user_id = ?1", NULL},
    {"order_lines", "order_id IN (SELECT id FROM orders WHERE user_id = ?1)", NULL},
    {"order_adjustments", "order_id IN (SELECT id FROM orders WHERE user_id = ?1)", NULL},
    {"reservations", "order_id IN (SELECT id FROM orders WHERE user_id = ?1)", NULL},
    {"payments", "order_id IN (SELECT id FROM orders WHERE user_id = ?1)", NULL},
    {"operations", "order_id IN (SELECT id FROM orders WHERE user_id = ?1)", NULL},
    {"operation_returns",
     "operation_id IN (SELECT x.id FROM operations x JOIN orders o ON o.id = x.order_id"
     " WHERE o.user_id = ?1)",
     NULL},
    {"reports", "order_id IN (SELECT id FROM orders WHERE user_id = ?1)", NULL},
    {"outbox", "user_id = ?1", NULL},
    {"events", "user_id = ?1", NULL},
    {"requests", "user_id = ?1", NULL},
    {"shop", NULL, "the shop's own"},
    {"signing_keys", NULL, "the shop's own"},
    {"peppers", NULL, "the shop's own"},
    {"products", NULL, "the catalogue; what a user has of it is in the lines"},
    {"guesses", NULL, "found by a hash alone: test_export:every_row, test_erase tell of it"},
    {"seam", NULL, "the seam's own"},
};

enum told { TOLD, WITHHELD };
enum erased { GONE, KEPT };
enum mark {
  MARKED,
  MEANT /* a number with a meaning, which a mark would change: state, flag, whose it is */
};

#define IN_CLEAR NULL
#define A_SECRET "it opens something, or is made of what does"
#define A_NAME "the token's name of itself; its id stands for it"
#define MACHINE "how the library does its work, not what it knows"
#define WHOSE "whose row it is: it stands below that one"
#define BOOKS "what was bought and paid"
#define A_TIME "when, without whom"
#define NAMES_NOBODY "random, or a number"

static const struct column {
  const char *table, *name;
  enum told told;
  enum erased erased;
  enum mark mark;
  const char *why; /* it is withheld or kept */
} columns[] = {
    {"users", "id", TOLD, KEPT, MEANT, NAMES_NOBODY},
    {"users", "subject", TOLD, KEPT, MARKED, NAMES_NOBODY},
    {"users", "epoch", WITHHELD, KEPT, MEANT, MACHINE},
    {"users", "email", TOLD, GONE, MARKED, IN_CLEAR},
    {"users", "email_key", WITHHELD, GONE, MARKED, "the address in another form"},
    {"users", "password_hash", WITHHELD, GONE, MARKED, A_SECRET},
    {"users", "created_at_ms", TOLD, KEPT, MARKED, A_TIME},
    {"users", "updated_at_ms", TOLD, KEPT, MARKED, A_TIME},
    {"users", "disabled_at_ms", TOLD, KEPT, MARKED, A_TIME},
    {"users", "verified_at_ms", TOLD, KEPT, MARKED, A_TIME},
    {"users", "closed_at_ms", TOLD, KEPT, MARKED, A_TIME},
    {"users", "guest_at_ms", TOLD, KEPT, MEANT, A_TIME},
    {"users", "language", TOLD, GONE, MARKED, IN_CLEAR},
    {"users", "erasing_at_ms", TOLD, KEPT, MEANT, A_TIME},
    {"users", "erased_at_ms", TOLD, KEPT, MEANT, A_TIME},
    {"users", "external_id", TOLD, GONE, MARKED, IN_CLEAR},
    {"users", "note", TOLD, GONE, MARKED, IN_CLEAR},
    {"codes", "hash", WITHHELD, GONE, MARKED, A_SECRET},
    {"codes", "user_id", WITHHELD, GONE, MEANT, WHOSE},
    {"codes", "kind", TOLD, GONE, MEANT, IN_CLEAR},
    {"codes", "expires_at_ms", TOLD, GONE, MARKED, IN_CLEAR},
    {"codes", "created_at_ms", TOLD, GONE, MARKED, IN_CLEAR},
    {"codes", "used_at_ms", TOLD, GONE, MARKED, IN_CLEAR},
    {"codes", "new_email", TOLD, GONE, MARKED, IN_CLEAR},
    {"known_sources", "user_id", WITHHELD, GONE, MEANT, WHOSE},
    {"known_sources", "source", WITHHELD, GONE, MARKED, "a hash, which nobody can read"},
    {"known_sources", "at_ms", TOLD, GONE, MARKED, IN_CLEAR},
    {"registrations", "slot", WITHHELD, KEPT, MEANT, MACHINE},
    {"registrations", "hash", WITHHELD, GONE, MEANT, A_SECRET},
    {"registrations", "created_at_ms", TOLD, GONE, MARKED, IN_CLEAR},
    {"registrations", "expires_at_ms", TOLD, GONE, MARKED, IN_CLEAR},
    {"registrations", "ended", WITHHELD, GONE, MEANT, "it tells a guest who has an account"},
    {"registrations", "email", TOLD, GONE, MARKED, IN_CLEAR},
    {"registrations", "email_key", WITHHELD, GONE, MARKED, "the address in another form"},
    {"registrations", "once", WITHHELD, GONE, MARKED, A_SECRET},
    {"registrations", "guest_id", WITHHELD, GONE, MEANT, WHOSE},
    {"registrations", "language", TOLD, GONE, MARKED, IN_CLEAR},
    {"registrations", "password_hash", WITHHELD, GONE, MARKED, A_SECRET},
    {"tokens", "jti", WITHHELD, GONE, MARKED, A_NAME},
    {"tokens", "user_id", WITHHELD, GONE, MEANT, WHOSE},
    {"tokens", "epoch", WITHHELD, GONE, MEANT, MACHINE},
    {"tokens", "issued_at_ms", TOLD, GONE, MARKED, IN_CLEAR},
    {"tokens", "expires_at_ms", TOLD, GONE, MARKED, IN_CLEAR},
    {"tokens", "revoked_at_ms", TOLD, GONE, MARKED, IN_CLEAR},
    {"tokens", "id", TOLD, GONE, MARKED, IN_CLEAR},
    {"tokens", "last_used_at_ms", TOLD, GONE, MARKED, IN_CLEAR},
    {"tokens", "label", TOLD, GONE, MARKED, IN_CLEAR},
    {"refresh_tokens", "hash", WITHHELD, GONE, MARKED, A_SECRET},
    {"refresh_tokens", "family_id", TOLD, GONE, MEANT, IN_CLEAR},
    {"refresh_tokens", "user_id", WITHHELD, GONE, MEANT, WHOSE},
    {"refresh_tokens", "epoch", WITHHELD, GONE, MEANT, MACHINE},
    {"refresh_tokens", "state", TOLD, GONE, MEANT, IN_CLEAR},
    {"refresh_tokens", "jti", WITHHELD, GONE, MARKED, A_NAME},
    {"refresh_tokens", "expires_at_ms", TOLD, GONE, MARKED, IN_CLEAR},
    {"refresh_tokens", "family_expires_at_ms", TOLD, GONE, MARKED, IN_CLEAR},
    {"refresh_tokens", "parent", WITHHELD, GONE, MARKED, A_SECRET},
    {"refresh_tokens", "key_digest", WITHHELD, GONE, MARKED, A_SECRET},
    {"refresh_tokens", "label", TOLD, GONE, MARKED, IN_CLEAR},
    {"carts", "id", TOLD, KEPT, MEANT, NAMES_NOBODY},
    {"carts", "user_id", WITHHELD, KEPT, MEANT, WHOSE},
    {"carts", "state", TOLD, KEPT, MEANT, MACHINE},
    {"carts", "version", TOLD, KEPT, MARKED, NAMES_NOBODY},
    {"carts", "line_count", WITHHELD, KEPT, MEANT, "the length of the list of lines"},
    {"carts", "currency", TOLD, KEPT, MARKED, BOOKS},
    {"carts", "order_id", TOLD, KEPT, MEANT, BOOKS},
    {"carts", "created_at_ms", TOLD, KEPT, MARKED, A_TIME},
    {"carts", "updated_at_ms", TOLD, KEPT, MARKED, A_TIME},
    {"carts", "hold_start_ms", TOLD, KEPT, MARKED, A_TIME},
    {"carts", "hold_length_ms", TOLD, KEPT, MEANT, A_TIME},
    {"cart_lines", "cart_id", WITHHELD, KEPT, MEANT, WHOSE},
    {"cart_lines", "product_id", TOLD, KEPT, MEANT, "as SKU and name; kept of what was bought"},
    {"cart_lines", "position", WITHHELD, KEPT, MEANT, "the order of the list"},
    {"cart_lines", "quantity", TOLD, KEPT, MEANT, BOOKS},
    {"cart_lines", "kept_price_minor", TOLD, KEPT, MARKED, BOOKS},
    {"orders", "id", TOLD, KEPT, MEANT, NAMES_NOBODY},
    {"orders", "number", TOLD, KEPT, MARKED, BOOKS},
    {"orders", "user_id", WITHHELD, KEPT, MEANT, WHOSE},
    {"orders", "cart_id", TOLD, KEPT, MEANT, NAMES_NOBODY},
    {"orders", "status", TOLD, KEPT, MEANT, BOOKS},
    {"orders", "currency", TOLD, KEPT, MARKED, BOOKS},
    {"orders", "total_minor", TOLD, KEPT, MARKED, BOOKS},
    {"orders", "created_at_ms", TOLD, KEPT, MARKED, A_TIME},
    {"orders", "updated_at_ms", TOLD, KEPT, MARKED, A_TIME},
    {"orders", "placed_at_ms", TOLD, KEPT, MARKED, A_TIME},
    {"orders", "email", TOLD, GONE, MARKED, IN_CLEAR},
    {"orders", "email_key", WITHHELD, GONE, MARKED, "the address in another form"},
    {"orders", "language", TOLD, KEPT, MARKED, "spoken by many"},
    {"orders", "external_id", TOLD, KEPT, MARKED, "where the host's books know the order"},
    {"orders", "shipping_address", TOLD, GONE, MARKED, IN_CLEAR},
    {"orders", "billing_address", TOLD, GONE, MARKED, IN_CLEAR},
    {"orders", "note", TOLD, GONE, MARKED, IN_CLEAR},
    {"order_lines", "order_id", WITHHELD, KEPT, MEANT, WHOSE},
    {"order_lines", "position", WITHHELD, KEPT, MEANT, "the order of the list"},
    {"order_lines", "product_id", WITHHELD, KEPT, MEANT, "the SKU stands there"},
    {"order_lines", "quantity", TOLD, KEPT, MARKED, BOOKS},
    {"order_lines", "unit_price_minor", TOLD, KEPT, MARKED, BOOKS},
    {"order_lines", "total_minor", TOLD, KEPT, MARKED, BOOKS},
    {"order_lines", "sku", TOLD, KEPT, MARKED, BOOKS},
    {"order_lines", "name", TOLD, KEPT, MARKED, BOOKS},
    {"order_adjustments", "order_id", WITHHELD, KEPT, MEANT, WHOSE},
    {"order_adjustments", "position", WITHHELD, KEPT, MEANT, "the order of the list"},
    {"order_adjustments", "kind", TOLD, KEPT, MEANT, BOOKS},
    {"order_adjustments", "amount_minor", TOLD, KEPT, MARKED, BOOKS},
    {"order_adjustments", "label", TOLD, KEPT, MARKED, BOOKS},
    {"reservations", "order_id", WITHHELD, KEPT, MEANT, WHOSE},
    {"reservations", "product_id", TOLD, KEPT, MEANT, "as SKU"},
    {"reservations", "quantity", TOLD, KEPT, MARKED, BOOKS},
    {"reservations", "returned", TOLD, KEPT, MEANT, BOOKS},
    {"reservations", "state", TOLD, KEPT, MEANT, BOOKS},
    {"payments", "order_id", WITHHELD, KEPT, MEANT, WHOSE},
    {"payments", "state", TOLD, KEPT, MEANT, BOOKS},
    {"payments", "attention", TOLD, KEPT, MEANT, BOOKS},
    {"payments", "amount_minor", TOLD, KEPT, MARKED, BOOKS},
    {"payments", "currency", TOLD, KEPT, MARKED, BOOKS},
    {"payments", "captured_minor", TOLD, KEPT, MARKED, BOOKS},
    {"payments", "refunded_minor", TOLD, KEPT, MEANT, BOOKS},
    {"payments", "captured_currency", TOLD, KEPT, MARKED, BOOKS},
    {"payments", "reference", TOLD, KEPT, MARKED, "the gateway's name of it"},
    {"payments", "held_since_ms", TOLD, KEPT, MARKED, A_TIME},
    {"payments", "created_at_ms", TOLD, KEPT, MARKED, A_TIME},
    {"payments", "updated_at_ms", TOLD, KEPT, MARKED, A_TIME},
    {"payments", "client_data", WITHHELD, GONE, MARKED, A_SECRET},
    {"operations", "id", TOLD, KEPT, MEANT, NAMES_NOBODY},
    {"operations", "order_id", WITHHELD, KEPT, MEANT, WHOSE},
    {"operations", "kind", TOLD, KEPT, MEANT, BOOKS},
    {"operations", "state", TOLD, KEPT, MEANT, BOOKS},
    {"operations", "cancels", TOLD, KEPT, MEANT, BOOKS},
    {"operations", "amount_minor", TOLD, KEPT, MARKED, BOOKS},
    {"operations", "moved_minor", TOLD, KEPT, MARKED, BOOKS},
    {"operations", "currency", TOLD, KEPT, MARKED, BOOKS},
    {"operations", "key", TOLD, KEPT, MARKED, "the gateway's name of it"},
    {"operations", "method", TOLD, GONE, MARKED, IN_CLEAR},
    {"operations", "created_at_ms", TOLD, KEPT, MARKED, A_TIME},
    {"operations", "lease_start_ms", WITHHELD, KEPT, MARKED, MACHINE},
    {"operations", "lease_length_ms", WITHHELD, KEPT, MARKED, MACHINE},
    {"operations", "reference", TOLD, KEPT, MARKED, "the gateway's name of it"},
    {"operation_returns", "operation_id", WITHHELD, KEPT, MEANT, WHOSE},
    {"operation_returns", "product_id", TOLD, KEPT, MEANT, "as SKU"},
    {"operation_returns", "quantity", TOLD, KEPT, MARKED, BOOKS},
    {"reports", "id", WITHHELD, KEPT, MEANT, NAMES_NOBODY},
    {"reports", "event_id", TOLD, KEPT, MARKED, "the gateway's name of it"},
    {"reports", "order_id", WITHHELD, KEPT, MEANT, WHOSE},
    {"reports", "outcome", TOLD, KEPT, MEANT, BOOKS},
    {"reports", "amount_minor", TOLD, KEPT, MARKED, BOOKS},
    {"reports", "currency", TOLD, KEPT, MARKED, BOOKS},
    {"reports", "key", TOLD, KEPT, MARKED, "the gateway's name of it"},
    {"reports", "reference", TOLD, KEPT, MARKED, "the gateway's name of it"},
    {"reports", "reason", TOLD, GONE, MARKED, IN_CLEAR},
    {"reports", "received_at_ms", TOLD, KEPT, MARKED, A_TIME},
    {"outbox", "id", TOLD, KEPT, MARKED, NAMES_NOBODY},
    {"outbox", "order_id", WITHHELD, KEPT, MEANT, WHOSE},
    {"outbox", "kind", TOLD, KEPT, MEANT, "what was written, not to whom"},
    {"outbox", "state", TOLD, KEPT, MEANT, MACHINE},
    {"outbox", "tries", TOLD, KEPT, MARKED, MACHINE},
    {"outbox", "since_ms", WITHHELD, KEPT, MARKED, MACHINE},
    {"outbox", "wait_ms", WITHHELD, KEPT, MARKED, MACHINE},
    {"outbox", "lease_id", WITHHELD, KEPT, MARKED, MACHINE},
    {"outbox", "created_at_ms", TOLD, KEPT, MARKED, A_TIME},
    {"outbox", "sent_at_ms", TOLD, KEPT, MARKED, A_TIME},
    {"outbox", "code_hash", WITHHELD, GONE, MEANT, A_SECRET},
    {"outbox", "cause_id", TOLD, KEPT, MEANT, NAMES_NOBODY},
    {"outbox", "user_id", WITHHELD, KEPT, MEANT, WHOSE},
    {"outbox", "recipient", TOLD, GONE, MARKED, IN_CLEAR},
    {"outbox", "sender", TOLD, KEPT, MARKED, "the shop's address"},
    {"outbox", "reason", TOLD, GONE, MARKED, IN_CLEAR},
    {"outbox", "message", TOLD, GONE, MARKED, IN_CLEAR},
    {"events", "id", TOLD, KEPT, MARKED, NAMES_NOBODY},
    {"events", "at_ms", TOLD, KEPT, MARKED, A_TIME},
    {"events", "actor", TOLD, KEPT, MEANT, "the shopper, whoever it was"},
    {"events", "user_id", WITHHELD, KEPT, MEANT, WHOSE},
    {"events", "order_id", WITHHELD, KEPT, MEANT, WHOSE},
    {"events", "name", TOLD, KEPT, MARKED, "what happened, not to whom"},
    {"events", "before", TOLD, KEPT, MARKED, "a state"},
    {"events", "after", TOLD, KEPT, MARKED, "a state"},
    {"events", "detail", TOLD, GONE, MARKED, IN_CLEAR},
    {"requests", "user_id", WITHHELD, GONE, MEANT, WHOSE},
    {"requests", "operation", TOLD, GONE, MARKED, IN_CLEAR},
    {"requests", "key", TOLD, GONE, MARKED, IN_CLEAR},
    {"requests", "digest", WITHHELD, GONE, MARKED, "a hash, which nobody can read"},
    {"requests", "result_id", TOLD, GONE, MARKED, IN_CLEAR},
    {"requests", "created_at_ms", TOLD, GONE, MARKED, IN_CLEAR},
};
enum { COLUMNS = sizeof columns / sizeof columns[0], TABLES = sizeof tables / sizeof tables[0] };

static const struct table *table_of(const char *name) {
  for (size_t i = 0; i < TABLES; i++)
    if (strcmp(tables[i].name, name) == 0)
      return &tables[i];
  return NULL;
}

static bool is_listed(const char *table, const char *column) {
  for (size_t i = 0; i < COLUMNS; i++)
    if (strcmp(columns[i].table, table) == 0 && strcmp(columns[i].name, column) == 0)
      return true;
  return false;
}

/* ---- the lists are whole -------------------------------------------------------------------- */

static sqlite3 *connect_to(const struct world *world) {
  sqlite3 *db = NULL;

  ck_assert_int_eq(sqlite3_open(world->path, &db), SQLITE_OK);
  ck_assert_int_eq(sqlite3_busy_timeout(db, 5000), SQLITE_OK);
  ck_assert_int_eq(sqlite3_exec(db, "PRAGMA foreign_keys = ON", NULL, NULL, NULL), SQLITE_OK);
  return db;
}

/* Every table of the store, and every column of one that has rows of users, is in its list; and
   nothing else is. */
START_TEST(every_column_is_known) {
  struct world *world = world_new();
  sqlite3 *db = connect_to(world);
  sqlite3_stmt *each = NULL;
  size_t found = 0;

  ck_assert_int_eq(
      sqlite3_prepare_v2(db,
                         "SELECT t.name, c.name FROM sqlite_schema t, pragma_table_info(t.name) c"
                         " WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite_%'",
                         -1, &each, NULL),
      SQLITE_OK);
  while (sqlite3_step(each) == SQLITE_ROW) {
    const char *name = (const char *)sqlite3_column_text(each, 0);
    const char *column = (const char *)sqlite3_column_text(each, 1);
    const struct table *table = table_of(name);

    ck_assert_msg(table != NULL,
                  "the table %s is new: are its rows about users? Say so in this list, and export "
                  "and erase them if they are",
                  name);
    if (table->whose == NULL)
      continue;
    ck_assert_msg(is_listed(name, column),
                  "the column %s.%s is new: export it (lib/rows/export.c, docs/export.schema.json) "
                  "and erase it (lib/rows/erase.c), or say in this list why not",
                  name, column);
    found++;
  }
  ck_assert_uint_eq(found, COLUMNS);
  for (size_t i = 0; i < COLUMNS; i++)
    ck_assert_msg((columns[i].why == NULL) ==
                      (columns[i].told == TOLD && columns[i].erased == GONE),
                  "%s.%s: why?", columns[i].table, columns[i].name);
  for (size_t i = 0; i < TABLES; i++)
    ck_assert((tables[i].whose == NULL) == (tables[i].why != NULL));
  sqlite3_finalize(each);
  sqlite3_close(db);
  world_free(world);
}
END_TEST

/* ---- marks
 * ---------------------------------------------------------------------------------------
 */

#define MARK_BYTES 80

/* Texts and bytes get a word, numbers a number, that is this column's alone. */
static void mark_of(size_t column, bool number, char mark[MARK_BYTES]) {
  if (number)
    snprintf(mark, MARK_BYTES, "710%03zu017", column);
  else
    snprintf(mark, MARK_BYTES, "mark.%s.%s.", columns[column].table, columns[column].name);
}

static char *type_of(sqlite3 *db, const struct column *column) {
  const char *type = NULL;

  ck_assert_int_eq(sqlite3_table_column_metadata(db, NULL, column->table, column->name, &type, NULL,
                                                 NULL, NULL, NULL),
                   SQLITE_OK);
  return strdup(type);
}

/* How many rows could be marked: all of hers, or those that are not NULL, or, where a constraint
   is against it, none. What must be unique gets a tail. */
static int mark(sqlite3 *db, size_t at, int64_t user_id) {
  const struct column *column = &columns[at];
  char *type = type_of(db, column), word[MARK_BYTES], sql[700];
  bool number = strcmp(type, "INTEGER") == 0;
  int changed = 0;

  mark_of(at, number, word);
  for (int narrow = 0; narrow < 2 && changed == 0; narrow++) {
    sqlite3_stmt *statement = NULL;

    snprintf(sql, sizeof sql, "UPDATE %s SET %s = CAST('%s' || %s AS %s) WHERE %s%s%s%s",
             column->table, column->name, word,
             number ? "abs(random() % 10000000)" : "lower(hex(randomblob(6)))", type,
             table_of(column->table)->whose, narrow ? " AND " : "", narrow ? column->name : "",
             narrow ? " IS NOT NULL" : "");
    ck_assert_msg(sqlite3_prepare_v2(db, sql, -1, &statement, NULL) == SQLITE_OK, "%s: %s", sql,
                  sqlite3_errmsg(db));
    ck_assert_int_eq(sqlite3_bind_int64(statement, 1, user_id), SQLITE_OK);
    if (sqlite3_step(statement) == SQLITE_DONE)
      changed = sqlite3_changes(db);
    sqlite3_finalize(statement);
  }
  free(type);
  return changed;
}

/* In the whole table: no other row was marked, and hers could have lost their owner. */
static int64_t rows_with(sqlite3 *db, size_t at) {
  const struct column *column = &columns[at];
  char *type = type_of(db, column), word[MARK_BYTES], sql[700];
  sqlite3_stmt *statement = NULL;
  int64_t count;

  mark_of(at, strcmp(type, "INTEGER") == 0, word);
  snprintf(sql, sizeof sql, "SELECT count(*) FROM %s WHERE substr(CAST(%s AS TEXT), 1, %zu) = '%s'",
           column->table, column->name, strlen(word), word);
  ck_assert_msg(sqlite3_prepare_v2(db, sql, -1, &statement, NULL) == SQLITE_OK, "%s: %s", sql,
                sqlite3_errmsg(db));
  ck_assert_int_eq(sqlite3_step(statement), SQLITE_ROW);
  count = sqlite3_column_int64(statement, 0);
  sqlite3_finalize(statement);
  free(type);
  return count;
}

/* The person, all of whose payments are final, with a mark in each column that takes one;
   marked[i]: how many rows of it. */
static struct person marked_person(sqlite3 **db, int marked[COLUMNS]) {
  struct person person = person_new();
  shop_recovery_t *recovery = NULL;
  int total = 0;

  world_vandalise(person.world, "UPDATE orders SET status = 3 WHERE status = 1");
  world_vandalise(person.world, "UPDATE payments SET state = 5 WHERE state = 7");
  world_vandalise(person.world, "UPDATE operations SET state = 3 WHERE state IN (1, 4)");
  world_vandalise(person.world,
                  "UPDATE carts SET state = 4, order_id = NULL, hold_length_ms = 0"
                  " WHERE state = 2");
  ck_ok(person.world, shop_recover(person.world->shop, 10, &recovery, person.world->err));
  shop_recovery_free(recovery);
  *db = connect_to(person.world);
  for (size_t i = 0; i < COLUMNS; i++) {
    marked[i] = columns[i].mark == MARKED ? mark(*db, i, person.user_id) : 0;
    total += marked[i] > 0;
    ck_assert_msg(columns[i].mark == MEANT || marked[i] > 0, "%s.%s takes no mark: %s",
                  columns[i].table, columns[i].name, sqlite3_errmsg(*db));
  }
  ck_assert_int_gt(total, 100);
  return person;
}

/* What is said to be told is there, value by value; what is withheld is not. */
START_TEST(told_as_listed) {
  sqlite3 *db = NULL;
  int marked[COLUMNS];
  struct person person = marked_person(&db, marked);
  shop_text_t *text = NULL;

  ck_ok(person.world,
        shop_user_export(person.world->shop, person.user_id, &text, person.world->err));
  for (size_t i = 0; i < COLUMNS; i++) {
    char *type = type_of(db, &columns[i]), word[MARK_BYTES];

    mark_of(i, strcmp(type, "INTEGER") == 0, word);
    if (marked[i] > 0)
      ck_assert_msg((strstr(shop_text_get(text), word) != NULL) == (columns[i].told == TOLD),
                    "%s.%s is %s", columns[i].table, columns[i].name,
                    columns[i].told == TOLD ? "not told" : "told");
    free(type);
  }
  shop_text_free(text);
  sqlite3_close(db);
  person_free(&person);
}
END_TEST

/* What is said to go is gone, in her rows, and of texts what is said to stay is there. */
START_TEST(erased_as_listed) {
  sqlite3 *db = NULL;
  int marked[COLUMNS];
  struct person person = marked_person(&db, marked);
  int32_t waiting = 0;

  ck_ok(person.world,
        shop_user_erase(person.world->shop, person.user_id, NULL, &waiting, person.world->err));
  ck_assert_int_eq(waiting, 0);
  /* A mail that no user's number stands on yet. */
  ck_assert_int_eq(
      world_number(person.world, "SELECT count(*) FROM outbox WHERE recipient LIKE 'second.ada%'"),
      0);
  for (size_t i = 0; i < COLUMNS; i++) {
    char *type = type_of(db, &columns[i]);
    int64_t left = rows_with(db, i);

    if (marked[i] > 0 && columns[i].erased == GONE)
      ck_assert_msg(left == 0, "%s.%s is left in %lld rows", columns[i].table, columns[i].name,
                    (long long)left);
    if (marked[i] > 0 && columns[i].erased == KEPT && strcmp(type, "TEXT") == 0)
      ck_assert_msg(left == marked[i], "%s.%s is gone", columns[i].table, columns[i].name);
    free(type);
  }
  sqlite3_close(db);
  person_free(&person);
}
END_TEST

int main(void) {
  const TTest *tests[] = {every_column_is_known, told_as_listed, erased_as_listed};

  return HARNESS_RUN("person", tests);
}
