/* Recovery: what was cut off is finished, by a query or by the same charge under
   the same key while the gateway honours it. What nobody can know stays for a
   person; what comes late is kept; and nothing is ever charged twice. */
#include "books.h"

#include <stdio.h>
#include <string.h>

static const struct form BY_CARD = {.method = CARD, .key = "a key"};

struct scene {
  struct world *world;
  shop_token_t *token;
  int64_t cart_id;
  char number[20];
};

static void set_query(struct world *world, bool on) {
  ck_assert_int_eq(
      shop_config_set_gateway_query(world->config, on ? gateway_query : NULL, &world->gateway),
      SHOP_OK);
}

/* Ada has two of five pieces of TEA in her cart. */
static struct scene scene_new(bool with_query) {
  struct scene scene = {.world = world_prepare()};

  set_query(scene.world, with_query);
  world_open(scene.world);
  world_put(scene.world, "TEA", 999, "EUR", 5);
  scene.token = world_shopper(scene.world, "ada@example.org", "TEA", 2, &scene.cart_id);
  return scene;
}

/* Her purchase ends like this. */
static void scene_buy(struct scene *scene, enum gateway_mood mood, int32_t status) {
  shop_order_t *order = NULL;

  scene->world->gateway.mood = mood;
  ck_status(scene->world,
            world_purchase(scene->world, scene->token, scene->cart_id, &BY_CARD, &order), status);
  snprintf(scene->number, sizeof scene->number, "%s", shop_order_number(order));
  shop_order_free(order);
}

static void check_stands(struct scene *scene, int32_t order_status, int32_t payment_status,
                         const char *history) {
  shop_order_t *order = world_order(scene->world, scene->number);

  ck_assert_int_eq(shop_order_status(order), order_status);
  ck_assert_int_eq(shop_order_payment_status(order), payment_status);
  ck_history(order, history);
  shop_order_free(order);
}

static void scene_end(struct scene *scene, int64_t attentions) {
  world_close_books(scene->world, attentions);
  shop_token_free(scene->token);
  world_free(scene->world);
}

#define LOST "order.created payment.unanswered"
#define PAID "payment.captured order.placed mail.sent"

/* ---- the two ways -------------------------------------------------------- */

/* The answer was lost: the gateway is asked, and charges nothing. */
START_TEST(by_query) {
  struct scene scene = scene_new(true);
  struct world *world = scene.world;

  scene_buy(&scene, GATEWAY_LOSES_ANSWER, SHOP_UNKNOWN);
  world_pass_ms(world, GATEWAY_LEASE_MS - 1);
  ck_recovered(world, 0); /* the call has its time still */
  ck_assert_int_eq(world->gateway.queries, 0);
  world_pass_ms(world, 1);
  ck_recovered(world, .examined = 1, .placed = 1);
  ck_assert_int_eq(world->gateway.queries, 1);
  ck_assert_int_eq(world->gateway.charges, 1);
  check_stands(&scene, SHOP_ORDER_PLACED, SHOP_PAYMENT_CAPTURED, LOST " " PAID);
  ck_assert_int_eq(world->transport.count, 1);
  ck_recovered(world, 0);
  scene_buy(&scene, GATEWAY_APPROVES, SHOP_OK); /* the key's own result */
  ck_assert_int_eq(world->gateway.charges, 1);
  scene_end(&scene, 0);
}
END_TEST

/* Every request of one charge, to be compared. */
struct heard {
  char key[80], currency[4], method[300], email[300], number[20];
  int64_t amount;
};
static struct heard heard[4];
static int hearings;

static void hear(shop_gateway_call_t *call, void *user) {
  struct heard *at = &heard[hearings];

  (void)user;
  ck_assert_int_lt(hearings, 4);
  memset(at, 0, sizeof *at);
  snprintf(at->key, sizeof at->key, "%s", shop_gateway_call_key(call));
  snprintf(at->currency, sizeof at->currency, "%s", shop_gateway_call_currency(call));
  snprintf(at->method, sizeof at->method, "%s", shop_gateway_call_method(call));
  snprintf(at->email, sizeof at->email, "%s", shop_gateway_call_email(call));
  snprintf(at->number, sizeof at->number, "%s", shop_gateway_call_order_number(call));
  at->amount = shop_gateway_call_amount_minor(call);
  if (hearings++ == 2)
    (void)shop_gateway_call_set_captured(call, "ch_heard", at->amount, at->currency);
}

/* Without a query the charge is repeated, the same request to the byte, whatever has changed in
   between; also by a process that was started anew. */
START_TEST(by_the_same_request) {
  struct scene scene = scene_new(false);
  struct world *world = scene.world;

  ck_assert_int_eq(shop_config_set_gateway_charge(world->config, hear, NULL), SHOP_OK);
  world_reopen(world);
  scene_buy(&scene, GATEWAY_APPROVES, SHOP_UNKNOWN);
  ck_ok(world, shop_product_put(world->shop, "TEA", "Dear tea", NULL, 5000, "USD", 5, NULL, NULL,
                                world->err));
  ck_ok(world, shop_token_revoke(world->shop, scene.token, NULL, world->err));
  world_pass_ms(world, GATEWAY_LEASE_MS);
  ck_recovered(world, .examined = 1, .waiting = 1);
  ck_recovered(world, 0); /* leased anew */
  ck_assert_int_eq(shop_config_set_gateway_lease_ms(world->config, 1000), SHOP_OK);
  world_reopen(world);
  world_pass_ms(world, GATEWAY_LEASE_MS);
  ck_recovered(world, .examined = 1, .placed = 1);
  ck_assert_int_eq(hearings, 3);
  ck_assert_int_eq(memcmp(&heard[0], &heard[1], sizeof heard[0]), 0);
  ck_assert_int_eq(memcmp(&heard[0], &heard[2], sizeof heard[0]), 0);
  ck_assert_str_eq(heard[0].number, scene.number);
  check_stands(&scene, SHOP_ORDER_PLACED, SHOP_PAYMENT_CAPTURED, LOST " " PAID);
  world_verify(world, 0);
  shop_token_free(scene.token);
  world_free(world);
}
END_TEST

/* While recovery repeats a charge, no other recovery does: it has the lease now. */
static void recover_beside(struct gateway *gateway, void *user) {
  struct world *world = user;

  gateway->before = NULL;
  world_pass_ms(world, 1);
  ck_recovered(world, 0);
  world_pass_ms(world, GATEWAY_LEASE_MS - 2);
  ck_recovered(world, 0);
  ck_assert_int_eq(gateway->charges, 1);
  world_pass_ms(world, 1);
  ck_recovered(world, .examined = 1, .placed = 1);
}

START_TEST(a_recovery_has_its_time) {
  struct scene scene = scene_new(false);
  struct world *world = scene.world;

  scene_buy(&scene, GATEWAY_LOSES_ANSWER, SHOP_UNKNOWN);
  world->gateway.mood = GATEWAY_APPROVES;
  world->gateway.before = recover_beside;
  world->gateway.hook_user = world;
  world_pass_ms(world, GATEWAY_LEASE_MS);
  ck_recovered(world, .examined = 1); /* the other one has placed it */
  ck_assert_int_eq(world->gateway.charges, 3);
  ck_assert_int_eq(world->gateway.count, 1);
  ck_assert_int_eq(world->transport.count, 1);
  check_stands(&scene, SHOP_ORDER_PLACED, SHOP_PAYMENT_CAPTURED, LOST " " PAID);
  scene_end(&scene, 0);
}
END_TEST

/* After the key's life a repetition could charge again: it is never made, and a person has it,
   for ever; until a query can tell. */
START_TEST(never_after_the_keys_life) {
  struct scene scene = scene_new(false);
  struct world *world = scene.world;

  scene_buy(&scene, GATEWAY_LOSES_ANSWER, SHOP_UNKNOWN);
  world_close_books(world, 0);
  world_pass_ms(world, KEY_LIFE_MS);
  world_close_books(world, 1); /* "run shop_recover" */
  ck_recovered(world, .examined = 1, .unknown = 1);
  ck_assert_int_eq(world->gateway.charges, 1);
  check_stands(&scene, SHOP_ORDER_PENDING, SHOP_PAYMENT_UNKNOWN, LOST " payment.unknown");
  scene_buy(&scene, GATEWAY_APPROVES, SHOP_UNKNOWN);
  for (int i = 0; i < 5; i++) {
    world_pass_ms(world, KEY_LIFE_MS);
    ck_assert_int_eq(world_recover(world).placed, 0);
  }
  ck_assert_int_eq(world->gateway.charges, 1);
  check_stands(&scene, SHOP_ORDER_PENDING, SHOP_PAYMENT_UNKNOWN, LOST " payment.unknown");
  ck_assert_int_eq(world_reserved(world, "TEA"), 2);
  world_close_books(world, 1);
  set_query(world, true);
  world_reopen(world);
  world_pass_ms(world, GATEWAY_LEASE_MS);
  ck_recovered(world, .examined = 1, .placed = 1);
  ck_assert_int_eq(world->gateway.charges, 1);
  check_stands(&scene, SHOP_ORDER_PLACED, SHOP_PAYMENT_CAPTURED, LOST " payment.unknown " PAID);
  scene_end(&scene, 0);
}
END_TEST

/* The last moment of the key's life is still in it. */
START_TEST(within_the_keys_life) {
  struct scene scene = scene_new(false);

  scene_buy(&scene, GATEWAY_SILENT, SHOP_UNKNOWN);
  world_pass_ms(scene.world, KEY_LIFE_MS - 1);
  scene.world->gateway.mood = GATEWAY_APPROVES;
  ck_recovered(scene.world, .examined = 1, .placed = 1);
  ck_assert_int_eq(scene.world->gateway.count, 1);
  scene_end(&scene, 0);
}
END_TEST

/* A gateway that takes every call for a new one is safe where it answers queries. */
START_TEST(a_gateway_that_forgets_keys) {
  struct scene scene = scene_new(true);
  struct world *world = scene.world;

  world->gateway.forgets_keys = true;
  scene_buy(&scene, GATEWAY_LOSES_ANSWER, SHOP_UNKNOWN);
  world->gateway.query_mood = GATEWAY_SILENT; /* queries get lost as well */
  for (int i = 0; i < 5; i++) {
    world_pass_ms(world, GATEWAY_LEASE_MS);
    ck_recovered(world, .examined = 1, .waiting = 1);
  }
  world_pass_ms(world, KEY_LIFE_MS);
  ck_recovered(world, .examined = 1, .waiting = 1);
  ck_assert_int_eq(world->gateway.charges, 1);
  world->gateway.query_mood = GATEWAY_APPROVES;
  world_pass_ms(world, GATEWAY_LEASE_MS);
  ck_recovered(world, .examined = 1, .placed = 1);
  ck_assert_int_eq(world->gateway.count, 1);
  scene_end(&scene, 0);
}
END_TEST

/* "Not found" is no decline: the charge may be on its way. After the key's life a person has it.
   A later query may still find it. */
START_TEST(not_found_is_no_decline) {
  struct scene scene = scene_new(true);
  struct world *world = scene.world;

  scene_buy(&scene, GATEWAY_SILENT, SHOP_UNKNOWN);
  for (int i = 0; i < 5; i++) {
    world_pass_ms(world, GATEWAY_LEASE_MS);
    ck_recovered(world, .examined = 1, .waiting = 1);
    check_stands(&scene, SHOP_ORDER_PENDING, SHOP_PAYMENT_SENT, LOST);
  }
  world_pass_ms(world, KEY_LIFE_MS);
  ck_recovered(world, .examined = 1, .unknown = 1);
  check_stands(&scene, SHOP_ORDER_PENDING, SHOP_PAYMENT_UNKNOWN, LOST " payment.unknown");
  ck_assert_int_eq(world_reserved(world, "TEA"), 2);
  ck_assert_int_eq(world_cart_state(world, scene.token, scene.cart_id), SHOP_CART_COMPLETING);
  world_pass_ms(world, GATEWAY_LEASE_MS);
  ck_recovered(world, .examined = 1, .unknown = 1);
  ck_assert_int_eq(world->gateway.charges, 1);
  ck_assert_int_eq(world->gateway.count, 0);
  world_close_books(world, 1);
  world->gateway.query_mood = GATEWAY_DECLINES; /* at last it is certain */
  world_pass_ms(world, GATEWAY_LEASE_MS);
  ck_recovered(world, .examined = 1, .failed = 1);
  ck_assert_int_eq(world_cart_state(world, scene.token, scene.cart_id), SHOP_CART_OPEN);
  scene_end(&scene, 0);
}
END_TEST

/* Whatever else a query says that is no clear answer changes nothing. */
START_TEST(wrong_answers_to_a_query) {
  static const enum gateway_mood moods[] = {
      GATEWAY_SILENT,       GATEWAY_SAYS_UNKNOWN, GATEWAY_CONTRADICTS, GATEWAY_BAD_CURRENCY,
      GATEWAY_NO_REFERENCE, GATEWAY_ZERO_AMOUNT,  GATEWAY_LOSES_ANSWER};
  struct scene scene = scene_new(true);
  struct world *world = scene.world;

  scene_buy(&scene, GATEWAY_SILENT, SHOP_UNKNOWN);
  for (size_t i = 0; i < sizeof moods / sizeof moods[0]; i++) {
    world->gateway.query_mood = moods[i];
    world_pass_ms(world, GATEWAY_LEASE_MS);
    ck_recovered(world, .examined = 1, .waiting = 1);
    check_stands(&scene, SHOP_ORDER_PENDING, SHOP_PAYMENT_SENT, LOST);
  }
  world_pass_ms(world, KEY_LIFE_MS);
  ck_recovered(world, .examined = 1, .waiting = 1); /* it can still be asked */
  world->gateway.query_mood = GATEWAY_PENDS;
  world_pass_ms(world, GATEWAY_LEASE_MS);
  ck_recovered(world, .examined = 1, .waiting = 1);
  check_stands(&scene, SHOP_ORDER_PENDING, SHOP_PAYMENT_PENDING, LOST " payment.pending");
  ck_assert_int_eq(world->gateway.charges, 1);
  scene_end(&scene, 0);
}
END_TEST

/* ---- pending ------------------------------------------------------------- */

START_TEST(pending_is_asked_until_it_is_final) {
  static const enum gateway_mood ends[] = {GATEWAY_TAKES_LESS, GATEWAY_DECLINES};

  for (int i = 0; i < 2; i++) {
    struct scene scene = scene_new(true);
    struct world *world = scene.world;

    scene_buy(&scene, GATEWAY_PENDS, SHOP_PENDING);
    world->gateway.query_mood = GATEWAY_PENDS;
    world_pass_ms(world, 10 * KEY_LIFE_MS);
    ck_recovered(world, .examined = 1, .waiting = 1);
    check_stands(&scene, SHOP_ORDER_PENDING, SHOP_PAYMENT_PENDING, "order.created payment.pending");
    world_pass_ms(world, GATEWAY_LEASE_MS);
    world->gateway.query_mood = GATEWAY_DECLINES;
    if (ends[i] != GATEWAY_DECLINES) {
      world->gateway.query_mood = GATEWAY_APPROVES;
      world->gateway.count = 1; /* the gateway has decided to take it */
      snprintf(world->gateway.ledger[0].key, 80, "%s", world->gateway.last_key);
      snprintf(world->gateway.ledger[0].reference, 80, "ch_1");
      snprintf(world->gateway.ledger[0].currency, 4, "EUR");
      world->gateway.ledger[0].amount_minor = 1998;
      ck_recovered(world, .examined = 1, .placed = 1);
      check_stands(&scene, SHOP_ORDER_PLACED, SHOP_PAYMENT_CAPTURED,
                   "order.created payment.pending " PAID);
    } else {
      ck_recovered(world, .examined = 1, .failed = 1);
      check_stands(&scene, SHOP_ORDER_FAILED, SHOP_PAYMENT_DECLINED,
                   "order.created payment.pending payment.declined order.failed");
      ck_assert_int_eq(world_available(world, "TEA"), 5);
      ck_assert_int_eq(world_cart_state(world, scene.token, scene.cart_id), SHOP_CART_OPEN);
    }
    ck_assert_int_eq(world->gateway.charges, 1);
    ck_assert_int_eq(transport_count(&world->transport, SHOP_MAIL_CONFIRMATION),
                     ends[i] != GATEWAY_DECLINES);
    scene_end(&scene, 0);
  }
}
END_TEST

/* ---- late, twice, contradicting ------------------------------------------ */

/* While the live call has taken the money and not yet answered, its lease runs out and recovery
   is told something else. */
static enum gateway_mood overtaken_by;

static void overtake(struct gateway *gateway, void *user) {
  struct world *world = user;

  world_pass_ms(world, GATEWAY_LEASE_MS);
  gateway->query_mood = overtaken_by;
  ck_assert_int_eq(world_recover(world).examined, 1);
}

static struct scene scene_overtaken(enum gateway_mood by, enum gateway_mood live, int32_t status) {
  struct scene scene = scene_new(true);

  overtaken_by = by;
  scene.world->gateway.after = overtake;
  scene.world->gateway.hook_user = scene.world;
  scene_buy(&scene, live, status);
  scene.world->gateway.after = NULL;
  return scene;
}

/* Recovery was told of a decline, and then the money comes: it is recorded and shown to a person;
   the order stays failed, the stock free, the cart open, and can be bought anew. */
START_TEST(money_that_comes_late) {
  struct scene scene = scene_overtaken(GATEWAY_DECLINES, GATEWAY_APPROVES, SHOP_DECLINED);
  struct world *world = scene.world;
  shop_order_t *order = world_order(world, scene.number);

  check_stands(&scene, SHOP_ORDER_FAILED, SHOP_PAYMENT_CAPTURED,
               "order.created payment.declined order.failed payment.captured payment.late");
  ck_assert(shop_order_needs_attention(order));
  ck_assert_int_eq(shop_order_captured_minor(order), 1998);
  ck_assert_str_eq(shop_order_captured_currency(order), "EUR");
  ck_assert_str_eq(shop_order_gateway_reference(order), "ch_1");
  ck_assert_int_eq(shop_order_placed_at_ms(order), 0);
  ck_assert_int_eq(world_available(world, "TEA"), 5);
  ck_assert_int_eq(world_number(world, "SELECT count(*) FROM outbox WHERE kind = 1"), 0);
  ck_assert_int_eq(world_cart_state(world, scene.token, scene.cart_id), SHOP_CART_OPEN);
  world_close_books(world, 1);
  shop_order_free(order);
  order = world_bought(world, scene.token, scene.cart_id); /* without a key */
  ck_assert_str_ne(shop_order_number(order), scene.number);
  ck_assert_int_eq(world->gateway.count, 2);
  shop_order_free(order);
  world_pass_ms(world, KEY_LIFE_MS);
  ck_recovered(world, 0);
  scene_end(&scene, 1);
}
END_TEST

/* Late money while the cart is being bought a second time, and when it has been, touches neither.
 */
static void buy_again_then_late(struct gateway *gateway, void *user) {
  struct scene *scene = user;

  gateway->after = NULL; /* the second purchase is not overtaken */
  overtake(gateway, scene->world);
  shop_order_free(world_bought(scene->world, scene->token, scene->cart_id));
}

START_TEST(money_that_comes_after_the_second_try) {
  struct scene scene = scene_new(true);
  struct world *world = scene.world;

  overtaken_by = GATEWAY_DECLINES;
  world->gateway.after = buy_again_then_late;
  world->gateway.hook_user = &scene;
  scene_buy(&scene, GATEWAY_APPROVES, SHOP_DECLINED);
  check_stands(&scene, SHOP_ORDER_FAILED, SHOP_PAYMENT_CAPTURED,
               "order.created payment.declined order.failed payment.captured payment.late");
  ck_assert_int_eq(world->gateway.count, 2);
  ck_assert_int_eq(world_available(world, "TEA"), 3);
  ck_assert_int_eq(world_cart_state(world, scene.token, scene.cart_id), SHOP_CART_COMPLETED);
  ck_assert_int_eq(transport_count(&world->transport, SHOP_MAIL_CONFIRMATION), 1);
  scene_end(&scene, 1);
}
END_TEST

/* Late money of another amount than the order's is late all the same, as it was taken; both is
   shown to a person. */
START_TEST(other_money_that_comes_late) {
  struct scene scene = scene_overtaken(GATEWAY_DECLINES, GATEWAY_TAKES_LESS, SHOP_DECLINED);
  shop_order_t *order = world_order(scene.world, scene.number);

  ck_assert_int_eq(shop_order_captured_minor(order), 1997);
  ck_assert_int_eq(shop_order_status(order), SHOP_ORDER_FAILED);
  ck_assert(shop_order_needs_attention(order));
  ck_assert(shop_order_has_late_money(order));
  ck_assert(shop_order_has_mismatch(order));
  shop_order_free(order);
  scene_end(&scene, 2);
}
END_TEST

/* Recovery has found the money; the live call's own answer changes nothing more. */
START_TEST(captured_and_told_again) {
  struct scene scene = scene_overtaken(GATEWAY_APPROVES, GATEWAY_APPROVES, SHOP_OK);

  check_stands(&scene, SHOP_ORDER_PLACED, SHOP_PAYMENT_CAPTURED, "order.created " PAID);
  ck_assert_int_eq(scene.world->transport.count, 1);
  ck_assert_int_eq(world_available(scene.world, "TEA"), 3);
  scene_end(&scene, 0);
}
END_TEST

/* ... nor does its silence, nor its wrong answer. */
START_TEST(captured_and_then_no_answer) {
  struct scene scene = scene_overtaken(GATEWAY_APPROVES, GATEWAY_LOSES_ANSWER, SHOP_OK);

  check_stands(&scene, SHOP_ORDER_PLACED, SHOP_PAYMENT_CAPTURED, "order.created " PAID);
  scene_end(&scene, 0);
  scene = scene_overtaken(GATEWAY_APPROVES, GATEWAY_CONTRADICTS, SHOP_OK);
  check_stands(&scene, SHOP_ORDER_PLACED, SHOP_PAYMENT_CAPTURED, "order.created " PAID);
  scene_end(&scene, 0);
}
END_TEST

/* Declined twice is declined once; and a late "pending" or nothing does not wake it up. */
START_TEST(declined_and_then_anything) {
  static const enum gateway_mood lives[] = {GATEWAY_DECLINES, GATEWAY_PENDS, GATEWAY_SILENT,
                                            GATEWAY_NOT_FOUND};

  for (int i = 0; i < 4; i++) {
    struct scene scene = scene_overtaken(GATEWAY_DECLINES, lives[i], SHOP_DECLINED);

    check_stands(&scene, SHOP_ORDER_FAILED, SHOP_PAYMENT_DECLINED,
                 "order.created payment.declined order.failed");
    ck_assert_int_eq(world_available(scene.world, "TEA"), 5);
    scene_end(&scene, 0);
  }
}
END_TEST

/* A gateway without ledger: the answers of the live call and of the query, by hand. */
struct script {
  struct world *world;
  const char *query; /* "no" or the reference of a capture */
  const char *live;
  int64_t query_amount;
};

static void answer_by_hand(shop_gateway_call_t *call, const char *what, int64_t amount) {
  if (strcmp(what, "no") == 0)
    ck_assert_int_eq(shop_gateway_call_set_declined(call, "on second thoughts"), SHOP_OK);
  else if (strcmp(what, "wait") == 0)
    ck_assert_int_eq(shop_gateway_call_set_pending(call, "wait"), SHOP_OK);
  else
    ck_assert_int_eq(shop_gateway_call_set_captured(call, what, amount, "EUR"), SHOP_OK);
}

static void script_query(shop_gateway_call_t *call, void *user) {
  const struct script *script = user;

  answer_by_hand(call, script->query, script->query_amount);
}

static void script_charge(shop_gateway_call_t *call, void *user) {
  const struct script *script = user;

  world_pass_ms(script->world, GATEWAY_LEASE_MS);
  ck_assert_int_eq(world_recover(script->world).examined, 1);
  answer_by_hand(call, script->live, 1998);
}

static struct scene scene_scripted(struct script *script, int32_t status) {
  struct scene scene = {.world = world_prepare()};
  struct world *world = scene.world;

  script->world = world;
  if (script->query_amount == 0)
    script->query_amount = 1998;
  ck_assert_int_eq(shop_config_set_gateway_charge(world->config, script_charge, script), SHOP_OK);
  ck_assert_int_eq(shop_config_set_gateway_query(world->config, script_query, script), SHOP_OK);
  world_open(world);
  world_put(world, "TEA", 999, "EUR", 5);
  scene.token = world_shopper(world, "ada@example.org", "TEA", 2, &scene.cart_id);
  scene_buy(&scene, GATEWAY_APPROVES, status);
  return scene;
}

static void script_end(struct scene *scene, int64_t attentions) {
  world_verify(scene->world, attentions);
  shop_token_free(scene->token);
  world_free(scene->world);
}

/* A decline, or a "pending", after a capture is only an event, or not even that. */
START_TEST(captured_and_then_declined) {
  struct scene scene = scene_scripted(&(struct script){.query = "ch_a", .live = "no"}, SHOP_OK);

  check_stands(&scene, SHOP_ORDER_PLACED, SHOP_PAYMENT_CAPTURED,
               "order.created " PAID " payment.contradiction");
  script_end(&scene, 0);
  scene = scene_scripted(&(struct script){.query = "ch_a", .live = "wait"}, SHOP_OK);
  check_stands(&scene, SHOP_ORDER_PLACED, SHOP_PAYMENT_CAPTURED, "order.created " PAID);
  script_end(&scene, 0);
}
END_TEST

/* Two captures under two references: the first stands, the second is for a person. */
START_TEST(captured_twice) {
  struct scene scene = scene_scripted(&(struct script){.query = "ch_a", .live = "ch_b"}, SHOP_OK);
  shop_order_t *order = world_order(scene.world, scene.number);

  check_stands(&scene, SHOP_ORDER_PLACED, SHOP_PAYMENT_CAPTURED,
               "order.created " PAID " payment.contradiction");
  ck_assert_str_eq(shop_order_gateway_reference(order), "ch_a");
  ck_assert_int_eq(shop_order_captured_minor(order), 1998);
  ck_assert_str_eq(order_event(order, "payment.contradiction"), "ch_b");
  shop_order_free(order);
  ck_assert_int_eq(scene.world->transport.count, 1);
  ck_assert_int_eq(world_available(scene.world, "TEA"), 3);
  script_end(&scene, 1);
}
END_TEST

/* A mismatch stays one, whatever comes after it. */
START_TEST(mismatch_and_then_anything) {
  static const char *const lives[] = {"no", "ch_a", "ch_b", "wait"};

  for (int i = 0; i < 4; i++) {
    struct scene scene = scene_scripted(
        &(struct script){.query = "ch_a", .query_amount = 1, .live = lives[i]}, SHOP_MISMATCH);
    shop_order_t *order = world_order(scene.world, scene.number);

    ck_assert_int_eq(shop_order_status(order), SHOP_ORDER_PENDING);
    ck_assert_int_eq(shop_order_payment_status(order), SHOP_PAYMENT_CAPTURED);
    ck_assert_int_eq(shop_order_captured_minor(order), 1);
    ck_assert_str_eq(shop_order_gateway_reference(order), "ch_a");
    ck_assert(shop_order_needs_attention(order));
    ck_assert_int_eq(world_reserved(scene.world, "TEA"), 2);
    shop_order_free(order);
    script_end(&scene, i == 1 || i == 2 ? 2 : 1); /* told of two captures as well */
  }
}
END_TEST

/* ---- clocks -------------------------------------------------------------- */

/* A lease that begins in the future has expired; but a clock that went back says nothing of a
   key's age, so nothing is charged by it. */
START_TEST(a_clock_that_went_back) {
  struct scene scene = scene_new(true);

  scene_buy(&scene, GATEWAY_LOSES_ANSWER, SHOP_UNKNOWN);
  world_pass_ms(scene.world, -1);
  ck_recovered(scene.world, .examined = 1, .placed = 1);
  scene_end(&scene, 0);
  scene = scene_new(false);
  scene_buy(&scene, GATEWAY_LOSES_ANSWER, SHOP_UNKNOWN);
  world_pass_ms(scene.world, -DAY_MS);
  (void)world_recover(scene.world);
  ck_assert_int_eq(scene.world->gateway.charges, 1);
  ck_assert_int_eq(world_recover(scene.world).placed, 0);
  scene.world->gateway.count = 1;
  shop_token_free(scene.token);
  world_free(scene.world);
}
END_TEST

/* The clock leaps a year while the gateway is asked, and recovery gives the payment to a person;
   the answer of the call still counts. */
static void leap(struct gateway *gateway, void *user) {
  struct world *world = user;

  (void)gateway;
  world_pass_ms(world, 365 * DAY_MS);
  ck_assert_int_eq(world_recover(world).unknown, 1);
}

START_TEST(a_clock_that_leaps) {
  struct scene scene = scene_new(false);

  scene.world->gateway.after = leap;
  scene.world->gateway.hook_user = scene.world;
  scene_buy(&scene, GATEWAY_APPROVES, SHOP_OK);
  check_stands(&scene, SHOP_ORDER_PLACED, SHOP_PAYMENT_CAPTURED,
               "order.created payment.unknown " PAID);
  ck_assert_int_eq(scene.world->gateway.charges, 1);
  scene_end(&scene, 0);
  scene = scene_new(false);
  scene.world->gateway.after = leap;
  scene.world->gateway.hook_user = scene.world;
  scene_buy(&scene, GATEWAY_DECLINES, SHOP_DECLINED);
  check_stands(&scene, SHOP_ORDER_FAILED, SHOP_PAYMENT_DECLINED,
               "order.created payment.unknown payment.declined order.failed");
  ck_assert_int_eq(world_available(scene.world, "TEA"), 5);
  scene_end(&scene, 0);
}
END_TEST

/* ---- many ---------------------------------------------------------------- */

/* Shoppers whose purchases got lost, u0 first. */
static void lose_some(struct world *world, int from, int to, enum gateway_mood mood) {
  char email[40];

  world->gateway.mood = mood;
  for (int i = from; i < to; i++) {
    shop_order_t *order = NULL;
    int64_t cart_id;
    shop_token_t *token;

    snprintf(email, sizeof email, "u%d@example.org", i);
    token = world_shopper(world, email, "CUP", 1, &cart_id);
    ck_status(world, world_buy(world, token, cart_id, NULL, &order),
              mood == GATEWAY_PENDS ? SHOP_PENDING : SHOP_UNKNOWN);
    shop_order_free(order);
    shop_token_free(token);
  }
}

static void recover_some(struct world *world, int32_t limit, struct recovered *sum) {
  shop_recovery_t *recovery = NULL;

  ck_ok(world, shop_recover(world->shop, limit, &recovery, world->err));
  ck_assert_int_le(shop_recovery_examined(recovery), limit);
  sum->examined += shop_recovery_examined(recovery);
  sum->placed += shop_recovery_placed(recovery);
  sum->failed += shop_recovery_failed(recovery);
  sum->waiting += shop_recovery_waiting(recovery);
  sum->unknown += shop_recovery_unknown(recovery);
  shop_recovery_free(recovery);
}

START_TEST(by_small_steps) {
  struct scene scene = scene_new(true);
  struct world *world = scene.world;
  struct recovered sum = {0};

  world_put(world, "CUP", 100, "EUR", 100);
  lose_some(world, 0, 7, GATEWAY_LOSES_ANSWER);
  world_pass_ms(world, GATEWAY_LEASE_MS);
  for (int i = 1; i <= 3; i++) {
    recover_some(world, 3, &sum);
    ck_assert_int_eq(sum.examined, i < 3 ? 3 * i : 7);
    ck_assert_int_eq(sum.placed, sum.examined);
  }
  ck_assert_int_eq(world->gateway.queries, 7);
  ck_assert_int_eq(world->transport.count, 7);
  scene_end(&scene, 0);
}
END_TEST

/* Those that only a person can help do not stand in the way of those that can be recovered. */
START_TEST(the_hopeless_do_not_block) {
  struct scene scene = scene_new(false);
  struct world *world = scene.world;
  struct recovered sum = {0};

  world_put(world, "CUP", 100, "EUR", 100);
  lose_some(world, 0, 5, GATEWAY_LOSES_ANSWER);
  world_pass_ms(world, KEY_LIFE_MS);
  ck_recovered(world, .examined = 5, .unknown = 5);
  lose_some(world, 5, 7, GATEWAY_LOSES_ANSWER);
  world->gateway.mood = GATEWAY_APPROVES;
  for (int i = 0; i < 8; i++) { /* a timer that is slower than the lease */
    world_pass_ms(world, 2 * GATEWAY_LEASE_MS);
    recover_some(world, 2, &sum);
  }
  ck_assert_int_eq(sum.placed, 2);
  world_close_books(world, 5);
  shop_token_free(scene.token);
  world_free(world);
}
END_TEST

/* Nor do those that are pending for days, where a query is asked in small steps. */
START_TEST(the_pending_do_not_block) {
  struct scene scene = scene_new(true);
  struct world *world = scene.world;
  struct recovered sum = {0};

  world_put(world, "CUP", 100, "EUR", 100);
  lose_some(world, 0, 5, GATEWAY_PENDS);
  lose_some(world, 5, 7, GATEWAY_LOSES_ANSWER);
  for (int i = 0; i < 8; i++) {
    world_pass_ms(world, 2 * GATEWAY_LEASE_MS);
    recover_some(world, 2, &sum);
  }
  ck_assert_int_eq(sum.placed, 2);
  scene_end(&scene, 0);
}
END_TEST

/* ---- what it says -------------------------------------------------------- */

START_TEST(recovering_without_callbacks) {
  struct scene scene = scene_new(false);
  struct world *world = scene.world;
  shop_recovery_t *recovery = NULL;

  scene_buy(&scene, GATEWAY_LOSES_ANSWER, SHOP_UNKNOWN);
  ck_assert_int_eq(shop_config_set_gateway_charge(world->config, NULL, NULL), SHOP_OK);
  world_reopen(world);
  ck_recovered(world, 0);
  world_pass_ms(world, GATEWAY_LEASE_MS);
  ck_refused(world, shop_recover(world->shop, 10, &recovery, world->err), SHOP_ERR_NO_GATEWAY);
  ck_assert_ptr_null(recovery);
  ck_assert_int_eq(shop_config_set_gateway_charge(world->config, gateway_charge, &world->gateway),
                   SHOP_OK);
  world_reopen(world);
  ck_status(world, shop_recover(world->shop, 0, &recovery, world->err), SHOP_ERR_ARGUMENT);
  ck_status(world, shop_recover(world->shop, 10001, &recovery, world->err), SHOP_ERR_ARGUMENT);
  ck_assert_ptr_null(recovery);
  world->gateway.mood = GATEWAY_APPROVES;
  ck_ok(world, shop_recover(world->shop, 1, NULL, world->err)); /* no report is wanted */
  ck_assert_int_eq(shop_recovery_examined(NULL), 0);
  shop_recovery_free(NULL);
  check_stands(&scene, SHOP_ORDER_PLACED, SHOP_PAYMENT_CAPTURED, LOST " " PAID);
  scene_end(&scene, 0);
}
END_TEST

/* With nothing to do it writes nothing, not even beside a program that holds the lock. */
START_TEST(nothing_to_do) {
  struct scene scene = scene_new(true);
  struct world *world = scene.world;
  struct rival *rival;

  shop_order_free(world_bought(world, scene.token, scene.cart_id));
  ck_assert_int_eq(shop_config_set_busy_timeout_ms(world->config, 0), SHOP_OK);
  world_reopen(world);
  world_pass_ms(world, KEY_LIFE_MS);
  rival = rival_begin(world);
  ck_recovered(world, 0);
  rival_end(rival);
  scene_end(&scene, 0);
}
END_TEST

int main(void) {
  const TTest *const tests[] = {
      by_query,
      by_the_same_request,
      a_recovery_has_its_time,
      never_after_the_keys_life,
      within_the_keys_life,
      a_gateway_that_forgets_keys,
      not_found_is_no_decline,
      wrong_answers_to_a_query,
      pending_is_asked_until_it_is_final,
      money_that_comes_late,
      money_that_comes_after_the_second_try,
      other_money_that_comes_late,
      captured_and_told_again,
      captured_and_then_no_answer,
      declined_and_then_anything,
      captured_and_then_declined,
      captured_twice,
      mismatch_and_then_anything,
      a_clock_that_went_back,
      a_clock_that_leaps,
      by_small_steps,
      the_hopeless_do_not_block,
      the_pending_do_not_block,
      recovering_without_callbacks,
      nothing_to_do,
  };

  return HARNESS_RUN("recover", tests);
}
