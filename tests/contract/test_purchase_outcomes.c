/* What the gateway's answer makes of a purchase. Only one clear, valid answer is
   an answer: nothing else ever means paid, and nothing else ever means declined. */
#include "books.h"

#include <stdio.h>
#include <string.h>

static const struct form BY_CARD = {.method = CARD, .key = "a key"};

struct scene {
  struct world *world;
  shop_token_t *token;
  int64_t cart_id;
};

/* Ada has two of five pieces in her cart: 1998 EUR minor. */
static struct scene scene_new(void) {
  struct scene scene = {.world = world_new()};

  world_put(scene.world, "TEA", 999, "EUR", 5);
  scene.token = world_shopper(scene.world, "ada@example.org", "TEA", 2, &scene.cart_id);
  return scene;
}

static void scene_end(struct scene *scene, int64_t attentions) {
  world_close_books(scene->world, attentions);
  shop_token_free(scene->token);
  world_free(scene->world);
}

static shop_order_t *scene_buy(struct scene *scene, const struct form *form, int32_t status) {
  shop_order_t *order = NULL;

  ck_status(scene->world, world_purchase(scene->world, scene->token, scene->cart_id, form, &order),
            status);
  ck_assert_ptr_nonnull(order);
  ck_assert_int_eq(shop_error_code(scene->world->err), status);
  ck_assert((shop_error_message(scene->world->err)[0] == '\0') == (status == SHOP_OK));
  return order;
}

/* Neither paid nor declined: the order waits, its stock is held, its cart is busy, no mail. */
static void check_waits(struct scene *scene, const shop_order_t *order, int32_t payment) {
  struct world *world = scene->world;
  shop_order_t *stored = world_order(world, shop_order_number(order));

  ck_assert_int_eq(shop_order_status(order), SHOP_ORDER_PENDING);
  ck_assert_int_eq(shop_order_payment_status(order), payment);
  ck_assert_int_eq(shop_order_status(stored), SHOP_ORDER_PENDING);
  ck_assert_int_eq(shop_order_payment_status(stored), payment);
  ck_assert_int_eq(shop_order_placed_at_ms(stored), 0);
  ck_assert_int_eq(world_reserved(world, "TEA"), 2);
  ck_assert_int_eq(world_available(world, "TEA"), 3);
  ck_assert_int_eq(world_cart_state(world, scene->token, scene->cart_id), SHOP_CART_COMPLETING);
  ck_assert_int_eq(world->transport.calls, 0);
  ck_assert_int_eq(world_mails(world, "1, 2, 3, 4"), 0);
  shop_order_free(stored);
}

/* ---- no answer ----------------------------------------------------------- */

static void no_answer(enum gateway_mood mood) {
  struct scene scene = scene_new();
  struct gateway *gateway = &scene.world->gateway;
  shop_order_t *order, *again;

  gateway->mood = mood;
  order = scene_buy(&scene, &BY_CARD, SHOP_UNKNOWN);
  check_waits(&scene, order, SHOP_PAYMENT_SENT);
  ck_assert_int_eq(shop_order_captured_minor(order), 0);
  ck_assert_str_eq(shop_order_captured_currency(order), "");
  ck_assert_str_eq(shop_order_gateway_reference(order), "");
  ck_history(order, "order.created payment.unanswered");
  gateway->mood = GATEWAY_APPROVES;
  /* Neither the same key nor another nor none calls the gateway again. */
  for (int i = 0; i < 3; i++) {
    static const char *const keys[] = {"a key", "another", NULL};

    again = scene_buy(&scene, &(struct form){.method = CARD, .key = keys[i]}, SHOP_IN_PROGRESS);
    ck_assert_int_eq(shop_order_id(again), shop_order_id(order));
    check_waits(&scene, again, SHOP_PAYMENT_SENT);
    shop_order_free(again);
  }
  ck_assert_int_eq(gateway->charges, 1);
  world_close_books(scene.world, 0);
  /* Its time is over: the charge is repeated under its key, and now it is clear. */
  world_pass_ms(scene.world, GATEWAY_LEASE_MS);
  ck_recovered(scene.world, .examined = 1, .placed = 1);
  ck_assert_int_eq(gateway->charges, 2);
  ck_assert_int_eq(gateway->count, 1);
  again = scene_buy(&scene, &BY_CARD, SHOP_OK);
  ck_history(again, "order.created payment.unanswered payment.captured order.placed mail.sent");
  shop_order_free(again);
  shop_order_free(order);
  scene_end(&scene, 0);
}

/* A wrong answer, or none, is never paid and never declined, and the money that may have been
   taken is found again. */
START_TEST(wrong_answers_are_no_answers) {
  static const enum gateway_mood moods[] = {
      GATEWAY_LOSES_ANSWER, GATEWAY_SILENT,       GATEWAY_SAYS_UNKNOWN, GATEWAY_CONTRADICTS,
      GATEWAY_BAD_CURRENCY, GATEWAY_NO_REFERENCE, GATEWAY_ZERO_AMOUNT,  GATEWAY_NOT_FOUND};

  for (size_t i = 0; i < sizeof moods / sizeof moods[0]; i++)
    no_answer(moods[i]);
}
END_TEST

/* ---- odd answers, one after the other ------------------------------------ */

/* One call of a setter: which, with what, and whether it is taken. */
struct saying {
  char what; /* c captured, d declined, p pending, u unknown, n not found; 0: none */
  const char *text;
  int64_t more; /* than the amount of the order */
  const char *currency;
  bool refused;
};

#define ORDERED 1998
static char long_text[257];
static const struct saying ODDITIES[][2] = {
    {{'c', "ch", 0, "EUR", false}, {'c', "other", 0, "EUR", true}},
    {{'c', "ch", 0, "EUR", false}, {'c', "ch", 1, "EUR", true}},
    {{'c', "ch", 0, "EUR", false}, {'c', "ch", 0, "USD", true}},
    {{'c', "ch", 0, "EUR", false}, {'d', "no", 0, NULL, true}},
    {{'c', "ch", 0, "EUR", false}, {'p', "ch", 0, NULL, true}},
    {{'c', "ch", 0, "EUR", false}, {'u', "?", 0, NULL, true}},
    {{'c', "ch", 0, "EUR", false}, {'n', NULL, 0, NULL, true}},
    {{'d', "no", 0, NULL, false}, {'c', "ch", 0, "EUR", true}},
    {{'d', "no", 0, NULL, false}, {'p', NULL, 0, NULL, true}},
    {{'d', "no", 0, NULL, false}, {'u', NULL, 0, NULL, true}},
    {{'d', "no", 0, NULL, false}, {'n', NULL, 0, NULL, true}},
    {{'p', "a", 0, NULL, false}, {'p', "b", 0, NULL, true}},
    /* not valid, before and after a valid one and alone */
    {{'c', "ch", -2 * ORDERED, "EUR", true}, {'c', "ch", 0, "EUR", false}},
    {{'c', "ch", 0, "EUR", false}, {'c', "ch", -ORDERED, "EUR", true}},
    {{'d', long_text, 0, NULL, true}, {'d', "no", 0, NULL, false}},
    {{'c', "", 0, "EUR", true}},
    {{'c', long_text, 0, "EUR", true}},
    {{'c', "ch\n", 0, "EUR", true}},
    {{'c', "\xC3", 0, "EUR", true}},
    {{'c', "ch", 0, NULL, true}},
    {{'c', "ch", 0, "eur", true}},
    {{'c', "ch", 0, "XAU", true}},
    {{'d', "no\rBcc: x", 0, NULL, true}},
    {{'p', "\x7f", 0, NULL, true}},
};

static int32_t say(shop_gateway_call_t *call, const struct saying *saying) {
  switch (saying->what) {
  case 'c':
    return shop_gateway_call_set_captured(call, saying->text, ORDERED + saying->more,
                                          saying->currency);
  case 'd':
    return shop_gateway_call_set_declined(call, saying->text);
  case 'p':
    return shop_gateway_call_set_pending(call, saying->text);
  case 'u':
    return shop_gateway_call_set_unknown(call, saying->text);
  default:
    return shop_gateway_call_set_not_found(call);
  }
}

static size_t oddity;

static void answer_oddly(shop_gateway_call_t *call, void *user) {
  (void)user;
  memset(long_text, 'x', sizeof long_text - 1);
  for (int i = 0; i < 2 && ODDITIES[oddity][i].what != '\0'; i++)
    ck_assert_msg((say(call, &ODDITIES[oddity][i]) != SHOP_OK) == ODDITIES[oddity][i].refused,
                  "oddity %zu, answer %d", oddity, i);
}

/* Two answers that differ, in any way that matters, and answers that are not valid, also beside
   a valid one, are no answer at all. */
START_TEST(odd_answers_are_no_answers) {
  for (oddity = 0; oddity < sizeof ODDITIES / sizeof ODDITIES[0]; oddity++) {
    struct scene scene = scene_new();
    shop_order_t *order;

    ck_assert_int_eq(shop_config_set_gateway_charge(scene.world->config, answer_oddly, NULL),
                     SHOP_OK);
    world_reopen(scene.world);
    order = scene_buy(&scene, &BY_CARD, SHOP_UNKNOWN);
    check_waits(&scene, order, SHOP_PAYMENT_SENT);
    ck_assert_int_eq(shop_order_captured_minor(order), 0);
    ck_assert_int_eq(scene.world->log_lines, 1);
    shop_order_free(order);
    world_verify(scene.world, 0);
    shop_token_free(scene.token);
    world_free(scene.world);
  }
}
END_TEST

/* The same answer twice is one answer; a reason is no part of it, and it has room for 255 bytes. */
static void answer_twice(shop_gateway_call_t *call, void *user) {
  (void)user;
  memset(long_text, 'x', 255);
  long_text[255] = '\0';
  ck_assert_int_eq(shop_gateway_call_set_declined(call, "first"), SHOP_OK);
  ck_assert_int_eq(shop_gateway_call_set_declined(call, long_text), SHOP_OK);
  ck_assert_int_eq(shop_gateway_call_set_captured(NULL, "ch", 1, "EUR"), SHOP_ERR_ARGUMENT);
  ck_assert_int_eq(shop_gateway_call_set_declined(NULL, "no"), SHOP_ERR_ARGUMENT);
  ck_assert_int_eq(shop_gateway_call_set_pending(NULL, "no"), SHOP_ERR_ARGUMENT);
  ck_assert_int_eq(shop_gateway_call_set_unknown(NULL, "no"), SHOP_ERR_ARGUMENT);
  ck_assert_int_eq(shop_gateway_call_set_not_found(NULL), SHOP_ERR_ARGUMENT);
}

START_TEST(the_same_answer_twice) {
  struct scene scene = scene_new();

  scene.world->gateway.mood = GATEWAY_TWICE_SAME;
  shop_order_free(scene_buy(&scene, &BY_CARD, SHOP_OK));
  ck_assert_int_eq(scene.world->log_lines, 0);
  scene_end(&scene, 0);
  scene = scene_new();
  ck_assert_int_eq(shop_config_set_gateway_charge(scene.world->config, answer_twice, NULL),
                   SHOP_OK);
  world_reopen(scene.world);
  shop_order_free(scene_buy(&scene, &BY_CARD, SHOP_DECLINED));
  scene_end(&scene, 0);
}
END_TEST

/* ---- declined ------------------------------------------------------------ */

static void check_open_again(struct scene *scene) {
  struct world *world = scene->world;
  shop_cart_t *cart = NULL;

  ck_ok(world, shop_cart_get(world->shop, scene->token, scene->cart_id, &cart, world->err));
  ck_assert_int_eq(shop_cart_state(cart), SHOP_CART_OPEN);
  ck_assert_int_eq(shop_cart_line_count(cart), 1);
  ck_assert_str_eq(shop_cart_line_sku(cart, 0), "TEA");
  ck_assert_int_eq(shop_cart_line_quantity(cart, 0), 2);
  ck_assert_int_eq(shop_cart_total_minor(cart), 1998);
  ck_assert_int_eq(shop_cart_warnings(cart), 0);
  shop_cart_free(cart);
  ck_assert_int_eq(world_available(world, "TEA"), 5);
  ck_assert_int_eq(world_reserved(world, "TEA"), 0);
  ck_assert_int_eq(world_cart(world, scene->token), scene->cart_id);
}

/* A decline frees the stock and opens the cart with its lines; its key answers the same for ever,
   and a new key is a new try. */
START_TEST(declined_and_tried_again) {
  struct scene scene = scene_new();
  struct world *world = scene.world;
  shop_order_t *failed, *same, *placed;

  world->gateway.mood = GATEWAY_DECLINES;
  failed = scene_buy(&scene, &BY_CARD, SHOP_DECLINED);
  ck_assert_ptr_nonnull(strstr(shop_error_message(world->err), "insufficient funds"));
  ck_assert_int_eq(shop_order_status(failed), SHOP_ORDER_FAILED);
  ck_assert_int_eq(shop_order_payment_status(failed), SHOP_PAYMENT_DECLINED);
  ck_assert_int_eq(shop_order_captured_minor(failed), 0);
  ck_assert_int_eq(shop_order_placed_at_ms(failed), 0);
  ck_assert(!shop_order_needs_attention(failed));
  ck_history(failed, "order.created payment.declined order.failed");
  ck_assert_str_eq(order_event(failed, "payment.declined"), "insufficient funds");
  check_open_again(&scene);
  ck_assert_int_eq(world->transport.calls, 0);
  world_close_books(world, 0);
  world->gateway.mood = GATEWAY_APPROVES;
  same = scene_buy(&scene, &BY_CARD, SHOP_DECLINED);
  ck_assert_int_eq(shop_order_id(same), shop_order_id(failed));
  ck_assert_ptr_nonnull(strstr(shop_error_message(world->err), "insufficient funds"));
  ck_assert_int_eq(world->gateway.charges, 1);
  check_open_again(&scene);
  placed = scene_buy(&scene, &(struct form){.method = CARD, .key = "another"}, SHOP_OK);
  ck_assert_int_ne(shop_order_id(placed), shop_order_id(failed));
  ck_assert_str_ne(shop_order_number(placed), shop_order_number(failed));
  ck_assert_int_eq(world->gateway.charges, 2);
  ck_assert_int_eq(world->gateway.count, 1);
  shop_order_free(same);
  same = scene_buy(&scene, &BY_CARD, SHOP_DECLINED); /* also now that the cart is bought */
  ck_assert_int_eq(shop_order_id(same), shop_order_id(failed));
  shop_order_free(failed);
  shop_order_free(same);
  shop_order_free(placed);
  scene_end(&scene, 0);
}
END_TEST

/* Without keys each try is a new one; every order has a key of its own at the gateway. */
START_TEST(declined_without_a_key) {
  struct scene scene = scene_new();
  struct world *world = scene.world;
  static const struct form keyless = {.method = CARD};
  char keys[3][80];

  world->gateway.mood = GATEWAY_DECLINES;
  for (int i = 0; i < 3; i++) {
    shop_order_free(scene_buy(&scene, &keyless, SHOP_DECLINED));
    snprintf(keys[i], sizeof keys[i], "%s", world->gateway.last_key);
    check_open_again(&scene);
  }
  ck_assert_str_ne(keys[0], keys[1]);
  ck_assert_str_ne(keys[1], keys[2]);
  ck_assert_str_ne(keys[0], keys[2]);
  world->gateway.mood = GATEWAY_APPROVES;
  shop_order_free(scene_buy(&scene, &keyless, SHOP_OK));
  ck_assert_int_eq(world_number(world, "SELECT count(*) FROM orders WHERE status = 3"), 3);
  scene_end(&scene, 0);
}
END_TEST

/* ---- later --------------------------------------------------------------- */

START_TEST(pending_waits) {
  struct scene scene = scene_new();
  struct world *world = scene.world;
  shop_order_t *order, *again, *found = NULL;

  world->gateway.mood = GATEWAY_PENDS;
  order = scene_buy(&scene, &BY_CARD, SHOP_PENDING);
  check_waits(&scene, order, SHOP_PAYMENT_PENDING);
  ck_assert_str_eq(shop_order_gateway_reference(order), "pending_1");
  ck_history(order, "order.created payment.pending");
  again = scene_buy(&scene, &BY_CARD, SHOP_PENDING);
  ck_assert_int_eq(shop_order_id(again), shop_order_id(order));
  shop_order_free(again);
  again = scene_buy(&scene, &(struct form){.method = CARD}, SHOP_PENDING);
  ck_assert_int_eq(shop_order_id(again), shop_order_id(order));
  ck_assert_int_eq(world->gateway.charges, 1);
  ck_ok(world, shop_order_find_by_gateway_reference(world->shop, "pending_1", &found, world->err));
  ck_assert_int_eq(shop_order_id(found), shop_order_id(order));
  shop_order_free(found);
  shop_order_free(again);
  shop_order_free(order);
  scene_end(&scene, 0);
}
END_TEST

/* ---- another amount ------------------------------------------------------ */

static void mismatch(enum gateway_mood mood, int64_t amount, const char *currency) {
  struct scene scene = scene_new();
  struct world *world = scene.world;
  shop_order_t *order, *again;

  world->gateway.mood = mood;
  order = scene_buy(&scene, &BY_CARD, SHOP_MISMATCH);
  check_waits(&scene, order, SHOP_PAYMENT_CAPTURED);
  ck_assert_int_eq(shop_order_captured_minor(order), amount);
  ck_assert_str_eq(shop_order_captured_currency(order), currency);
  ck_assert_int_eq(shop_order_total_minor(order), 1998);
  ck_assert_str_eq(shop_order_currency(order), "EUR");
  ck_assert_str_eq(shop_order_gateway_reference(order), "ch_1");
  ck_assert(shop_order_needs_attention(order));
  ck_history(order, "order.created payment.captured payment.mismatch");
  world->gateway.mood = GATEWAY_APPROVES;
  world_pass_ms(world, GATEWAY_LEASE_MS + KEY_LIFE_MS);
  ck_recovered(world, 0); /* it is known what was taken: nothing to ask */
  again = scene_buy(&scene, &BY_CARD, SHOP_MISMATCH);
  ck_assert_int_eq(shop_order_id(again), shop_order_id(order));
  shop_order_free(again);
  shop_order_free(scene_buy(&scene, &(struct form){.method = CARD}, SHOP_MISMATCH));
  ck_assert_int_eq(world->gateway.charges, 1);
  shop_order_free(order);
  scene_end(&scene, 1);
}

/* What was taken is recorded as it was; the order stays pending, for a person. */
START_TEST(another_amount_was_taken) {
  mismatch(GATEWAY_TAKES_LESS, 1997, "EUR");
  mismatch(GATEWAY_OTHER_CURRENCY, 1998, "USD");
}
END_TEST

static void take_far_more(shop_gateway_call_t *call, void *user) {
  (void)user;
  ck_assert_int_eq(shop_gateway_call_set_captured(call, "ch_much", INT64_MAX, "KWD"), SHOP_OK);
}

START_TEST(far_more_was_taken) {
  struct scene scene = scene_new();
  shop_order_t *order;

  ck_assert_int_eq(shop_config_set_gateway_charge(scene.world->config, take_far_more, NULL),
                   SHOP_OK);
  world_reopen(scene.world);
  order = scene_buy(&scene, &BY_CARD, SHOP_MISMATCH);
  check_waits(&scene, order, SHOP_PAYMENT_CAPTURED);
  ck_assert_int_eq(shop_order_captured_minor(order), INT64_MAX);
  ck_assert_str_eq(shop_order_captured_currency(order), "KWD");
  shop_order_free(order);
  world_verify(scene.world, 1);
  shop_token_free(scene.token);
  world_free(scene.world);
}
END_TEST

/* ---- the store fails after the charge ------------------------------------ */

static struct rival *rival;

static void lock_the_store(struct gateway *gateway, void *user) {
  struct world *world = user;

  (void)gateway;
  rival = rival_begin(world);
}

/* The answer cannot be stored: the order is given with the store's own status, and what was taken
   is found by recovery, without a second charge. */
START_TEST(the_answer_cannot_be_stored) {
  struct scene scene = scene_new();
  struct world *world = scene.world;
  shop_order_t *order, *again;

  ck_assert_int_eq(shop_config_set_busy_timeout_ms(world->config, 0), SHOP_OK);
  world_reopen(world);
  world->gateway.after = lock_the_store;
  world->gateway.hook_user = world;
  order = scene_buy(&scene, &BY_CARD, SHOP_ERR_BUSY);
  rival_end(rival);
  world->gateway.after = NULL;
  check_waits(&scene, order, SHOP_PAYMENT_SENT);
  ck_assert_int_eq(world->gateway.count, 1);
  again = scene_buy(&scene, &BY_CARD, SHOP_IN_PROGRESS);
  ck_assert_int_eq(shop_order_id(again), shop_order_id(order));
  shop_order_free(again);
  world_pass_ms(world, GATEWAY_LEASE_MS);
  ck_recovered(world, .examined = 1, .placed = 1);
  again = scene_buy(&scene, &BY_CARD, SHOP_OK);
  ck_assert_int_eq(shop_order_id(again), shop_order_id(order));
  ck_assert_int_eq(world->gateway.count, 1);
  shop_order_free(again);
  shop_order_free(order);
  scene_end(&scene, 0);
}
END_TEST

int main(void) {
  const TTest *const tests[] = {
      wrong_answers_are_no_answers, odd_answers_are_no_answers, the_same_answer_twice,
      declined_and_tried_again,     declined_without_a_key,     pending_waits,
      another_amount_was_taken,     far_more_was_taken,         the_answer_cannot_be_stored,
  };

  return HARNESS_RUN("purchase outcomes", tests);
}
