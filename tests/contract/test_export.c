/* What is told of a user: everything, to who may ask, of one moment; and no secret. */
#include "person.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- reading it --------------------------------------------------------------------------- */

static json_t *parse(const char *text) {
  json_error_t error;
  json_t *root = json_loads(text, JSON_REJECT_DUPLICATES, &error);

  ck_assert_msg(root != NULL, "%s at byte %d: %.60s", error.text, error.position,
                text + (error.position > 30 ? error.position - 30 : 0));
  return root;
}

static json_t *merchants(struct world *world, int64_t user_id) {
  shop_text_t *text = NULL;
  json_t *root;

  ck_ok(world, shop_user_export(world->shop, user_id, &text, world->err));
  ck_assert_uint_eq((size_t)shop_text_size_bytes(text), strlen(shop_text_get(text)));
  root = parse(shop_text_get(text));
  shop_text_free(text);
  return root;
}

static size_t count_of(const json_t *root, const char *name) {
  const json_t *list = json_object_get(root, name);

  ck_assert_msg(json_is_array(list), "%s is no list", name);
  return json_array_size(list);
}

static const char *text_of(const json_t *object, const char *name) {
  const char *text = json_string_value(json_object_get(object, name));

  ck_assert_msg(text != NULL, "%s is no text", name);
  return text;
}

static int64_t rows(struct world *world, const char *table, int64_t user_id) {
  char sql[200];

  snprintf(sql, sizeof sql, "SELECT count(*) FROM %s WHERE user_id = %lld", table,
           (long long)user_id);
  return world_number(world, sql);
}

/* ---- what is in it ------------------------------------------------------------------------ */

/* Every row of hers is there, in as many objects, and the user's own export is the merchant's. But
   the mail to an address that she has asked for and that is not hers yet, and what is known of it:
   they would tell whether it has an account. */
START_TEST(every_row) {
  static const struct {
    const char *member, *table;
  } lists[] = {{"sessions", "tokens"},
               {"refresh_tokens", "refresh_tokens"},
               {"known_sources", "known_sources"},
               {"codes", "codes"},
               {"carts", "carts"},

               {"orders", "orders"},
               {"requests", "requests"}};
  struct person person = person_new();
  struct world *world = person.world;
  json_t *root = merchants(world, person.user_id);
  const json_t *order = json_array_get(json_object_get(root, "orders"), 0);
  shop_text_t *text = NULL;
  json_t *own;
  size_t mails = count_of(root, "mails"), events = count_of(root, "events");

  ck_assert_str_eq(text_of(root, "format"), "libshop-export/1");
  for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++) {
    ck_assert_uint_gt(count_of(root, lists[i].member), 0);
    ck_assert_int_eq((int64_t)count_of(root, lists[i].member),
                     rows(world, lists[i].table, person.user_id));
  }
  for (size_t i = 0; i < count_of(root, "orders"); i++) {
    mails += count_of(json_array_get(json_object_get(root, "orders"), i), "mails");
    events += count_of(json_array_get(json_object_get(root, "orders"), i), "events");
  }
  ck_assert_int_eq((int64_t)mails, rows(world, "outbox", person.user_id) - 1);
  ck_assert_int_eq(
      (int64_t)events,
      rows(world, "events", person.user_id) -
          world_number(world, "SELECT count(*) FROM events WHERE after = 'verify_address'"));
  ck_assert_uint_eq(count_of(order, "lines"), 2);
  ck_assert_uint_eq(count_of(order, "adjustments"), 1);
  ck_assert_uint_eq(count_of(order, "operations"), 2);
  ck_assert_uint_eq(count_of(order, "reports"), 1);
  ck_assert_str_eq(text_of(order, "shipping_address"), PERSON_SHIPPING);
  ck_assert_str_eq(text_of(order, "number"), person.number);
  ck_assert_int_eq(
      json_integer_value(json_object_get(json_object_get(root, "failed_logins"), "count")), 1);
  ck_ok(world, shop_account_export(world->shop, person.token, &text, world->err));
  own = parse(shop_text_get(text));
  ck_assert(json_equal(own, root));
  json_decref(own);
  json_decref(root);
  shop_text_free(text);
  person_free(&person);
}
END_TEST

/* What opens something is not in it: hashes, tokens, codes, what the gateway gave for her next
   step. The mail that carries a code is queued, so its text is in the store. */
START_TEST(no_secret) {
  static const char *const queries[] = {
      "SELECT password_hash FROM users WHERE email_key = 'ada.lovelace@example.org'",
      "SELECT min(jti) FROM tokens",
      "SELECT max(jti) FROM tokens",
      "SELECT lower(hex(min(hash))) FROM refresh_tokens",
      "SELECT hex(min(hash)) FROM refresh_tokens",
      "SELECT hex(min(hash)) FROM codes",
      "SELECT hex(source) FROM known_sources",
      "SELECT hex(guess_secret) FROM shop",
      "SELECT client_data FROM payments WHERE client_data IS NOT NULL",
      "SELECT substr(message, instr(message, 'Your code:') + 16, 40) FROM outbox WHERE kind = 6",
      "SELECT substr(message, instr(message, 'Your code:') + 16, 40) FROM outbox WHERE kind = 7"};
  struct person person = person_new();
  struct world *world = person.world;
  shop_text_t *text = NULL;
  char secret[1000];

  ck_assert_int_eq(world_number(world,
                                "SELECT count(*) FROM outbox WHERE kind IN (6, 7)"
                                " AND instr(message, 'Your code:') > 0"),
                   3);
  ck_ok(world, shop_user_export(world->shop, person.user_id, &text, world->err));
  for (size_t i = 0; i < sizeof queries / sizeof queries[0]; i++) {
    world_text(world, queries[i], secret, sizeof secret);
    ck_assert_uint_gt(strlen(secret), 10);
    ck_assert_uint_eq(strcspn(secret, "\r\n\"\\ "), strlen(secret)); /* would be written as it is */
    ck_assert_msg(strstr(shop_text_get(text), secret) == NULL, "%s: %s", queries[i], secret);
  }
  ck_assert_ptr_null(strstr(shop_text_get(text), "Your code"));
  ck_assert_ptr_null(strstr(shop_text_get(text), shop_token_jwt(person.token)));
  ck_assert_ptr_null(strstr(shop_text_get(text), shop_token_refresh_text(person.token)));
  ck_assert_ptr_null(strstr(shop_text_get(text), PERSON_PASSWORD));
  ck_assert_ptr_nonnull(strstr(shop_text_get(text), "has_client_data\":true"));
  shop_text_free(text);
  person_free(&person);
}
END_TEST

/* Nothing of anybody else, however alike; and a user without anything has empty lists. */
START_TEST(only_ones_own) {
  struct person person = person_new();
  struct world *world = person.world;
  shop_token_t *empty = world_register(world, "ada.lovelace@example.or");
  shop_text_t *text = NULL;
  json_t *root;

  ck_ok(world, shop_account_export(world->shop, person.token, &text, world->err));
  ck_assert_ptr_null(strstr(shop_text_get(text), "neighbour"));
  shop_text_free(text);
  ck_ok(world, shop_account_export(world->shop, person.neighbour, &text, world->err));
  ck_assert_ptr_null(strstr(shop_text_get(text), "ovelace"));
  shop_text_free(text);
  root = merchants(world, shop_token_user_id(empty));
  ck_assert_uint_eq(count_of(root, "orders"), 0);
  ck_assert_uint_eq(count_of(root, "carts"), 0);
  ck_assert_uint_eq(count_of(root, "mails"), 0);
  ck_assert(json_is_null(json_object_get(root, "failed_logins")));
  json_decref(root);
  shop_token_free(empty);
  person_free(&person);
}
END_TEST

/* A guest, who has no address, is told what is held of a guest: a cart. */
START_TEST(guest) {
  struct world *world = world_new();
  shop_token_t *token = NULL;
  shop_text_t *text = NULL;
  json_t *root, *account;

  world_put(world, "TEA", 999, "EUR", 10);
  ck_ok(world, shop_guest_create(world->shop, NULL, &token, world->err));
  world_add(world, token, world_cart(world, token), "TEA", 3);
  ck_ok(world, shop_account_export(world->shop, token, &text, world->err));
  root = parse(shop_text_get(text));
  account = json_object_get(root, "account");
  ck_assert(json_is_null(json_object_get(account, "email")));
  ck_assert(json_is_false(json_object_get(account, "has_password")));
  ck_assert_int_eq(json_integer_value(json_object_get(account, "guest_at_ms")), WORLD_START_MS);
  ck_assert_uint_eq(count_of(root, "carts"), 1);
  ck_assert_uint_eq(count_of(json_array_get(json_object_get(root, "carts"), 0), "lines"), 1);
  json_decref(root);
  shop_text_free(text);
  shop_token_free(token);
  world_free(world);
}
END_TEST

/* ---- who may ask ---------------------------------------------------------------------------- */

/* Whose token is good, no longer than that; the merchant, of whoever there is, to the end. */
START_TEST(who_may_ask) {
  struct person person = person_new();
  struct world *world = person.world;
  shop_text_t *text = (shop_text_t *)&person;
  json_t *root;

  ck_refused(world, shop_user_export(world->shop, 1, &text, world->err), SHOP_ERR_NOT_FOUND);
  ck_assert_ptr_null(text);
  ck_refused(world, shop_user_export(world->shop, person.user_id, NULL, world->err),
             SHOP_ERR_ARGUMENT);
  ck_refused(world, shop_account_export(world->shop, NULL, &text, world->err), SHOP_ERR_ARGUMENT);
  ck_ok(world, shop_user_set_disabled(world->shop, shop_token_user_id(person.neighbour), true, NULL,
                                      world->err));
  ck_refused(world, shop_account_export(world->shop, person.neighbour, &text, world->err),
             SHOP_ERR_USER_DISABLED);
  root = merchants(world, shop_token_user_id(person.neighbour));
  ck_assert(json_is_integer(json_object_get(json_object_get(root, "account"), "disabled_at_ms")));
  json_decref(root);
  ck_ok(world, shop_account_close(world->shop, person.token, PERSON_PASSWORD, NULL, world->err));
  ck_refused(world, shop_account_export(world->shop, person.token, &text, world->err),
             SHOP_ERR_TOKEN_REVOKED);
  root = merchants(world, person.user_id);
  ck_assert_str_eq(text_of(json_object_get(root, "account"), "email"), PERSON_EMAIL);
  ck_assert_uint_eq(count_of(root, "orders"), 3);
  json_decref(root);
  ck_ok(world, shop_user_erase(world->shop, person.user_id, NULL, NULL, world->err));
  root = merchants(world, person.user_id);
  ck_assert(json_is_null(json_object_get(json_object_get(root, "account"), "email")));
  ck_assert_uint_eq(count_of(root, "sessions"), 0);
  json_decref(root);
  person_free(&person);
}
END_TEST

/* ---- texts --------------------------------------------------------------------------------------
 */

/* Whatever bytes a text of the store has, even those that no call lets in, the export is JSON. */
START_TEST(any_bytes) {
  static const struct {
    const char *sql, *wanted;
  } cases[] = {{"'\"\\/' || char(9, 10, 13, 8, 12, 31, 127, 133, 8232, 8233) || '</script>'",
                "\"\\/\t\n\r\b\f\x1F\x7F\xC2\x85\xE2\x80\xA8\xE2\x80\xA9</script>"},
               {"char(233, 65533, 65535, 128512, 1114111)",
                "\xC3\xA9\xEF\xBF\xBD\xEF\xBF\xBF\xF0\x9F\x98\x80\xF4\x8F\xBF\xBF"},
               {"CAST(x'41FF42C0AF43EDA08044F8888080804541E282' AS TEXT)",
                "A\xEF\xBF\xBD"
                "B\xEF\xBF\xBD\xEF\xBF\xBD"
                "C\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD"
                "D\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD"
                "EA\xEF\xBF\xBD\xEF\xBF\xBD"},
               {"''", ""}};
  struct person person = person_new();

  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    char sql[300];
    json_t *root;

    snprintf(sql, sizeof sql, "UPDATE users SET note = %s WHERE id = %lld", cases[i].sql,
             (long long)person.user_id);
    world_vandalise(person.world, sql);
    root = merchants(person.world, person.user_id);
    ck_assert_str_eq(text_of(json_object_get(root, "account"), "note"), cases[i].wanted);
    json_decref(root);
  }
  person_free(&person);
}
END_TEST

/* ---- one moment ---------------------------------------------------------------------------------
 */

enum { PURCHASES = 40 };

static void *shop_on(void *ctx) {
  struct person *person = ctx;

  for (int i = 0; i < PURCHASES; i++) {
    int64_t cart_id = world_cart(person->world, person->neighbour);
    shop_order_t *order = NULL;

    world_add(person->world, person->neighbour, cart_id, "TEA", 1);
    ck_ok(person->world, world_buy(person->world, person->neighbour, cart_id, NULL, &order));
    shop_order_free(order);
  }
  return NULL;
}

/* While she shops on: a cart, its order and their mail always are of the same moment. The carts
   stand before the orders, so a second moment would show. */
START_TEST(one_snapshot) {
  struct person person = person_new();
  struct world *world = person.world;
  shop_error_t *own_err = world->err;
  int64_t user_id = shop_token_user_id(person.neighbour);
  pthread_t thread;
  size_t orders = 0, looks = 0;

  ck_assert_int_eq(shop_error_new(&world->err), SHOP_OK); /* the thread's */
  ck_assert_int_eq(pthread_create(&thread, NULL, shop_on, &person), 0);
  while (orders < PURCHASES + 1) {
    shop_text_t *text = NULL;
    json_t *root;
    size_t completed = 0, open = 0, placed = 0;

    ck_assert_int_eq(shop_user_export(world->shop, user_id, &text, own_err), SHOP_OK);
    root = parse(shop_text_get(text));
    orders = count_of(root, "orders");
    for (size_t i = 0; i < count_of(root, "carts"); i++) {
      const json_t *cart = json_array_get(json_object_get(root, "carts"), i);

      completed += strcmp(text_of(cart, "state"), "completed") == 0;
      open += strcmp(text_of(cart, "state"), "completing") == 0;
    }
    for (size_t i = 0; i < orders; i++) {
      const json_t *order = json_array_get(json_object_get(root, "orders"), i);
      bool is_placed = strcmp(text_of(order, "status"), "placed") == 0;

      placed += is_placed;
      ck_assert_uint_eq(count_of(order, "mails"), is_placed);
    }
    ck_assert_uint_eq(placed, completed);
    ck_assert_uint_eq(orders - placed, open);
    looks++;
    json_decref(root);
    shop_text_free(text);
    orders = placed;
  }
  ck_assert_int_eq(pthread_join(thread, NULL), 0);
  ck_assert_uint_gt(looks, 1);
  shop_error_free(own_err);
  person_free(&person);
}
END_TEST

int main(void) {
  const TTest *tests[] = {every_row,   no_secret, only_ones_own, guest,
                          who_may_ask, any_bytes, one_snapshot};

  return HARNESS_RUN("export", tests);
}
