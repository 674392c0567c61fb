/* Idempotency of register: the key is bound to the address; who repeats it proves the password
   again and gets a fresh token; nobody else learns or gets anything. */
#include "books.h"

#include <stdio.h>
#include <string.h>

static int32_t enroll(struct world *world, const char *email, const char *password, const char *key,
                      shop_token_t **out) {
  shop_options_t *options = options_with_key(key);
  int32_t status = shop_user_register(world->shop, email, password, options, out, world->err);

  shop_options_free(options);
  return status;
}

static int64_t users(struct world *world) {
  return world_number(world, "SELECT count(*) FROM users");
}

/* Repeated, also after a restart and in another spelling of the address: the same user, another
   token, both good. */
START_TEST(repeated) {
  struct world *world = world_new();
  shop_token_t *first = NULL, *second = NULL, *third = NULL, *found = NULL;

  ck_ok(world, enroll(world, "ada@example.org", PASSWORD, "k", &first));
  ck_ok(world, enroll(world, "ada@example.org", PASSWORD, "k", &second));
  world_reopen(world);
  ck_ok(world, enroll(world, "ADA@Example.org", PASSWORD, "k", &third));
  ck_assert_int_eq(shop_token_user_id(second), shop_token_user_id(first));
  ck_assert_int_eq(shop_token_user_id(third), shop_token_user_id(first));
  ck_assert_str_ne(shop_token_jwt(second), shop_token_jwt(first));
  ck_assert_str_ne(shop_token_jwt(third), shop_token_jwt(second));
  ck_ok(world, shop_token_verify(world->shop, shop_token_jwt(first), &found, world->err));
  shop_token_free(found);
  ck_ok(world, shop_token_verify(world->shop, shop_token_jwt(third), &found, world->err));
  shop_token_free(found);
  ck_assert_int_eq(users(world), 1);
  shop_token_free(first);
  shop_token_free(second);
  shop_token_free(third);
  world_free(world);
}
END_TEST

/* Without the key, with another key, or with a wrong password it says what a stranger is told. */
START_TEST(not_for_strangers) {
  struct world *world = world_new();
  shop_token_t *token = NULL, *none = NULL;
  char message[300];

  ck_ok(world, enroll(world, "ada@example.org", PASSWORD, "k", &token));
  ck_refused(world, enroll(world, "ada@example.org", PASSWORD, "other", &none),
             SHOP_ERR_EMAIL_TAKEN);
  snprintf(message, sizeof message, "%s", shop_error_message(world->err));
  ck_refused(world, enroll(world, "ada@example.org", PASSWORD, NULL, &none), SHOP_ERR_EMAIL_TAKEN);
  ck_assert_str_eq(shop_error_message(world->err), message);
  ck_refused(world, enroll(world, "ada@example.org", "a wrong password", "k", &none),
             SHOP_ERR_EMAIL_TAKEN);
  ck_assert_str_eq(shop_error_message(world->err), message);
  ck_assert_ptr_null(none);
  shop_token_free(token);
  world_free(world);
}
END_TEST

/* One key, several addresses: each its own account. */
START_TEST(bound_to_the_address) {
  struct world *world = world_new();
  shop_token_t *ada = NULL, *bob = NULL, *again = NULL;

  ck_ok(world, enroll(world, "ada@example.org", PASSWORD, "k", &ada));
  ck_ok(world, enroll(world, "bob@example.org", "bob's own password", "k", &bob));
  ck_assert_int_ne(shop_token_user_id(ada), shop_token_user_id(bob));
  ck_ok(world, enroll(world, "bob@example.org", "bob's own password", "k", &again));
  ck_assert_int_eq(shop_token_user_id(again), shop_token_user_id(bob));
  ck_assert_int_eq(users(world), 2);
  shop_token_free(ada);
  shop_token_free(bob);
  shop_token_free(again);
  world_free(world);
}
END_TEST

/* After the password was changed only the new one repeats it; a key of register is no key of
   anything else. */
START_TEST(after_a_change) {
  struct world *world = world_new();
  shop_token_t *token = NULL, *again = NULL;
  int64_t cart_id;
  shop_order_t *order = NULL;

  ck_ok(world, enroll(world, "ada@example.org", PASSWORD, "k", &token));
  world_put(world, "TEA", 5, "EUR", 5);
  cart_id = world_cart(world, token);
  world_add(world, token, cart_id, "TEA", 1);
  ck_ok(world, world_buy(world, token, cart_id, "k", &order));
  shop_order_free(order);
  ck_refused(world, enroll(world, "ada@example.org", "short", "k", &again), SHOP_ERR_PASSWORD);
  ck_refused(world, enroll(world, "ada@", PASSWORD, "k", &again), SHOP_ERR_EMAIL);
  ck_ok(world, enroll(world, "ada@example.org", PASSWORD, "k", &again));
  shop_token_free(again);
  shop_token_free(token);
  world_close_books(world, 0);
  world_free(world);
}
END_TEST

/* No token is stored for it. */
START_TEST(no_token_is_stored) {
  struct world *world = world_new();
  shop_token_t *token = NULL;
  char sql[2000];

  ck_ok(world, enroll(world, "ada@example.org", PASSWORD, "k", &token));
  snprintf(sql, sizeof sql, "SELECT count(*) FROM requests WHERE instr(digest, '%.40s') <> 0",
           shop_token_jwt(token));
  ck_assert_int_eq(world_number(world, sql), 0);
  ck_assert_int_eq(world_number(world, "SELECT count(*) FROM requests WHERE length(digest) = 32"),
                   1);
  shop_token_free(token);
  world_free(world);
}
END_TEST

struct racer {
  pthread_t thread;
  struct world *world;
  int32_t status;
  int64_t user_id;
};

static void *race(void *user) {
  struct racer *racer = user;
  shop_options_t *options = NULL;
  shop_token_t *token = NULL;

  if (shop_options_new(&options) == SHOP_OK &&
      shop_options_set_idempotency_key(options, "k") == SHOP_OK)
    racer->status =
        shop_user_register(racer->world->shop, "ada@example.org", PASSWORD, options, &token, NULL);
  racer->user_id = shop_token_user_id(token);
  shop_token_free(token);
  shop_options_free(options);
  return NULL;
}

/* A double click of eight: one account, eight good tokens. */
START_TEST(at_once) {
  struct world *world = world_new();
  struct racer racers[8];

  for (int i = 0; i < 8; i++) {
    racers[i] = (struct racer){.world = world, .status = 1};
    ck_assert_int_eq(pthread_create(&racers[i].thread, NULL, race, &racers[i]), 0);
  }
  for (int i = 0; i < 8; i++) {
    pthread_join(racers[i].thread, NULL);
    ck_assert_int_eq(racers[i].status, SHOP_OK);
    ck_assert_int_eq(racers[i].user_id, racers[0].user_id);
  }
  ck_assert_int_eq(users(world), 1);
  ck_assert_int_eq(world_number(world, "SELECT count(*) FROM tokens"), 8);
  world_free(world);
}
END_TEST

int main(void) {
  const TTest *const tests[] = {repeated,       not_for_strangers,  bound_to_the_address,
                                after_a_change, no_token_is_stored, at_once};

  return HARNESS_RUN("register keys", tests);
}
