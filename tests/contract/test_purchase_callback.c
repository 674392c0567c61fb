/* What may happen while the gateway is asked. After the order is stored nothing
   that is done to user, product, stock or clock matters to it; the cart waits; and
   the callback may call the library, all of it but shop_close. */
#include "books.h"

#include <stdio.h>
#include <string.h>

/* A world in whose gateway something happens before the money is taken. */
struct stage {
  struct world *world;
  shop_token_t *token;
  int64_t cart_id;
  void (*act)(struct stage *stage);
  int32_t acted;
};

static void on_charge(struct gateway *gateway, void *user) {
  struct stage *stage = user;

  (void)gateway;
  if (stage->acted++ == 0)
    stage->act(stage);
}

/* Ada has two pieces of TEA of four in her cart. */
static struct stage stage_new(void) {
  struct stage stage = {.world = world_prepare()};

  ck_assert_int_eq(
      shop_config_set_gateway_query(stage.world->config, gateway_query, &stage.world->gateway),
      SHOP_OK);
  world_open(stage.world);
  world_put(stage.world, "TEA", 999, "EUR", 4);
  stage.token = world_shopper(stage.world, "ada@example.org", "TEA", 2, &stage.cart_id);
  return stage;
}

static shop_order_t *stage_buy(struct stage *stage, void (*act)(struct stage *stage)) {
  shop_order_t *order;

  stage->act = act;
  stage->world->gateway.hook_user = stage;
  stage->world->gateway.before = on_charge;
  order = world_bought(stage->world, stage->token, stage->cart_id);
  stage->world->gateway.before = NULL;
  ck_assert_int_ge(stage->acted, 1);
  return order;
}

static void stage_end(struct stage *stage, int64_t attentions) {
  world_close_books(stage->world, attentions);
  shop_token_free(stage->token);
  world_free(stage->world);
}

/* ---- nothing after T1 matters -------------------------------------------- */

static void do_retire(struct stage *stage) {
  ck_ok(stage->world, shop_product_retire(stage->world->shop, "TEA", NULL, stage->world->err));
}

static void do_new_price(struct stage *stage) {
  struct world *world = stage->world;

  ck_ok(world, shop_product_put(world->shop, "TEA", "Other tea", NULL, 1, "JPY", 4, NULL, NULL,
                                world->err));
}

static void do_revoke(struct stage *stage) {
  ck_ok(stage->world, shop_token_revoke(stage->world->shop, stage->token, NULL, stage->world->err));
}

static void do_year_on(struct stage *stage) {
  world_pass_ms(stage->world, 365 * DAY_MS);
}

static void do_year_back(struct stage *stage) {
  world_pass_ms(stage->world, -365 * DAY_MS);
}

/* Each of these goes on while the gateway is asked, and the order is what was agreed. */
START_TEST(what_was_agreed_is_bought) {
  static void (*const acts[])(struct stage * stage) = {do_retire, do_new_price, do_revoke,
                                                       do_year_on, do_year_back};

  for (size_t i = 0; i < sizeof acts / sizeof acts[0]; i++) {
    struct stage stage = stage_new();
    shop_order_t *order = stage_buy(&stage, acts[i]);

    ck_assert_int_eq(shop_order_total_minor(order), 1998);
    ck_assert_str_eq(shop_order_currency(order), "EUR");
    ck_assert_str_eq(shop_order_line_name(order, 0), "TEA");
    ck_assert_int_eq(shop_order_captured_minor(order), 1998);
    ck_assert_str_eq(shop_order_email(order), "ada@example.org");
    ck_history(order, "order.created payment.captured order.placed");
    ck_assert_int_eq(stage.world->gateway.charges, 1);
    ck_assert_int_eq(world_available(stage.world, "TEA"), 2);
    ck_assert_int_eq(world_reserved(stage.world, "TEA"), 0);
    ck_assert_int_eq(stage.world->transport.count, 1);
    shop_order_free(order);
    stage_end(&stage, 0);
  }
}
END_TEST

/* The stock that was set in the callback, and what is left of it after. */
struct count {
  int64_t set;
  int64_t available_after;
  int64_t attentions; /* more was promised than is there */
};
static const struct count COUNTS[] = {{0, 0, 1}, {1, 0, 1},   {2, 0, 0},
                                      {3, 1, 0}, {99, 97, 0}, {-1, -1, 0}};
static size_t counted;

static void do_count(struct stage *stage) {
  world_put(stage->world, "TEA", 999, "EUR", COUNTS[counted].set);
}

/* Stock set while pieces are reserved, also below them and to unlimited, keeps them valid: the
   order is placed, and what was counted less what it takes is left. */
START_TEST(stock_set_under_a_purchase) {
  for (counted = 0; counted < sizeof COUNTS / sizeof COUNTS[0]; counted++) {
    struct stage stage = stage_new();

    shop_order_free(stage_buy(&stage, do_count));
    ck_assert_int_eq(world_available(stage.world, "TEA"), COUNTS[counted].available_after);
    ck_assert_int_eq(world_reserved(stage.world, "TEA"), 0);
    world_close_books(stage.world, COUNTS[counted].attentions);
    world_put(stage.world, "TEA", 999, "EUR", 7); /* counting again settles it */
    ck_assert_int_eq(world_available(stage.world, "TEA"), 7);
    stage_end(&stage, 0);
  }
}
END_TEST

/* The same, where the payment is then declined: what was counted is all there again. */
START_TEST(stock_set_under_a_declined_purchase) {
  for (counted = 0; counted < sizeof COUNTS / sizeof COUNTS[0]; counted++) {
    struct stage stage = stage_new();
    shop_order_t *order = NULL;

    stage.act = do_count;
    stage.world->gateway.hook_user = &stage;
    stage.world->gateway.before = on_charge;
    stage.world->gateway.mood = GATEWAY_DECLINES;
    ck_status(stage.world, world_buy(stage.world, stage.token, stage.cart_id, NULL, &order),
              SHOP_DECLINED);
    ck_assert_int_eq(world_available(stage.world, "TEA"), COUNTS[counted].set);
    ck_assert_int_eq(world_reserved(stage.world, "TEA"), 0);
    shop_order_free(order);
    stage_end(&stage, 0);
  }
}
END_TEST

static void refund_at_once(shop_gateway_call_t *call, void *user) {
  (void)user;
  ck_assert_int_eq(shop_gateway_call_set_refunded(call, "re_1",
                                                  shop_gateway_call_amount_minor(call),
                                                  shop_gateway_call_currency(call)),
                   SHOP_OK);
}

/* The same, where the order is cancelled afterwards: its pieces fill first what was promised
   beyond the count, and then what was counted is there. */
START_TEST(stock_set_under_a_purchase_that_is_cancelled) {
  for (counted = 0; counted < sizeof COUNTS / sizeof COUNTS[0]; counted++) {
    struct stage stage = stage_new();
    struct world *world = stage.world;
    shop_order_t *order, *cancelled = NULL;

    ck_assert_int_eq(shop_config_set_gateway_refund(world->config, refund_at_once, NULL), SHOP_OK);
    world_reopen(world);
    order = stage_buy(&stage, do_count);
    ck_ok(world,
          shop_order_cancel(world->shop, shop_order_number(order), NULL, &cancelled, world->err));
    ck_assert_int_eq(world_available(world, "TEA"), COUNTS[counted].set);
    shop_order_free(cancelled);
    shop_order_free(order);
    stage_end(&stage, 0);
  }
}
END_TEST

/* Unlimited before, counted in the callback: what was reserved comes out of the count. */
static void do_limit(struct stage *stage) {
  world_put(stage->world, "TEA", 999, "EUR", 5);
}

START_TEST(unlimited_stock_counted_under_a_purchase) {
  struct stage stage = stage_new();

  world_put(stage.world, "TEA", 999, "EUR", SHOP_STOCK_UNLIMITED);
  shop_order_free(stage_buy(&stage, do_limit));
  ck_assert_int_eq(world_available(stage.world, "TEA"), 3);
  stage_end(&stage, 0);
}
END_TEST

static void do_adjust(struct stage *stage) {
  struct world *world = stage->world;

  ck_ok(world, shop_product_adjust_stock(world->shop, "TEA", -3, NULL, NULL, world->err));
  ck_assert_int_eq(world_available(world, "TEA"), 0);
  ck_status(world, shop_product_adjust_stock(world->shop, "TEA", -2, NULL, NULL, world->err),
            SHOP_ERR_OUT_OF_STOCK);
  ck_ok(world, shop_product_adjust_stock(world->shop, "TEA", 2, NULL, NULL, world->err));
}

START_TEST(stock_adjusted_under_a_purchase) {
  struct stage stage = stage_new();

  shop_order_free(stage_buy(&stage, do_adjust));
  ck_assert_int_eq(world_available(stage.world, "TEA"), 1); /* 4 - 3 + 2 - 2 */
  stage_end(&stage, 0);
}
END_TEST

/* ---- the cart waits ------------------------------------------------------ */

static void do_touch_cart(struct stage *stage) {
  struct world *world = stage->world;
  shop_cart_t *cart = NULL;
  shop_order_t *order = NULL;

#define BUSY(call)                                                                                 \
  do {                                                                                             \
    ck_refused(world, call, SHOP_ERR_CART_BUSY);                                                   \
    ck_assert_ptr_null(cart);                                                                      \
  } while (0)
  BUSY(shop_cart_add(world->shop, stage->token, stage->cart_id, "TEA", 1, NULL, &cart, world->err));
  BUSY(shop_cart_set_quantity(world->shop, stage->token, stage->cart_id, "TEA", 1, NULL, &cart,
                              world->err));
  BUSY(shop_cart_remove(world->shop, stage->token, stage->cart_id, "TEA", NULL, &cart, world->err));
  BUSY(shop_cart_clear(world->shop, stage->token, stage->cart_id, NULL, &cart, world->err));
  BUSY(shop_cart_reprice(world->shop, stage->token, stage->cart_id, NULL, &cart, world->err));
#undef BUSY
  ck_assert_int_eq(world_cart_state(world, stage->token, stage->cart_id), SHOP_CART_COMPLETING);
  ck_assert_int_eq(world_cart(world, stage->token), stage->cart_id); /* no second cart beside it */
  /* Buying it again, with whatever key, is the purchase that runs already. */
  for (int i = 0; i < 2; i++) {
    ck_status(world,
              world_buy(world, stage->token, stage->cart_id, i == 0 ? NULL : "a key", &order),
              SHOP_IN_PROGRESS);
    ck_assert_int_eq(shop_order_status(order), SHOP_ORDER_PENDING);
    ck_assert_int_eq(shop_order_payment_status(order), SHOP_PAYMENT_SENT);
    ck_history(order, "order.created");
    shop_order_free(order);
  }
}

/* A cart being bought refuses every change, and a second purchase of it is the first. */
START_TEST(a_cart_being_bought_waits) {
  struct stage stage = stage_new();

  shop_order_free(stage_buy(&stage, do_touch_cart));
  ck_assert_int_eq(stage.world->gateway.charges, 1);
  ck_assert_int_eq(world_number(stage.world, "SELECT count(*) FROM orders"), 1);
  stage_end(&stage, 0);
}
END_TEST

/* ---- others go on -------------------------------------------------------- */

static void do_let_bob_buy(struct stage *stage) {
  struct world *world = stage->world;
  int64_t cart_id;
  shop_token_t *bob = world_shopper(world, "bob@example.org", "TEA", 3, &cart_id);
  shop_order_t *order = NULL;
  shop_cart_t *cart = NULL;

  ck_assert_int_eq(world_available(world, "TEA"), 2);
  ck_assert_int_eq(world_reserved(world, "TEA"), 2);
  ck_status(world, world_buy(world, bob, cart_id, NULL, &order), SHOP_ERR_OUT_OF_STOCK);
  ck_ok(world,
        shop_cart_set_quantity(world->shop, bob, cart_id, "TEA", 2, NULL, &cart, world->err));
  shop_cart_free(cart);
  shop_order_free(world_bought(world, bob, cart_id)); /* a charge inside a charge */
  ck_assert_int_eq(world_available(world, "TEA"), 0);
  ck_assert_int_eq(world_reserved(world, "TEA"), 2);
  shop_token_free(bob);
}

/* No lock is held: others buy, but not what is reserved. */
START_TEST(others_buy_on) {
  struct stage stage = stage_new();

  shop_order_free(stage_buy(&stage, do_let_bob_buy));
  ck_assert_int_eq(stage.world->gateway.count, 2);
  ck_assert_int_eq(stage.world->transport.count, 2);
  ck_assert_int_eq(world_available(stage.world, "TEA"), 0);
  stage_end(&stage, 0);
}
END_TEST

static void do_call_everything(struct stage *stage) {
  struct world *world = stage->world;
  shop_session_t *session = NULL;
  shop_token_t *token = NULL;
  int32_t delivered = -1;

  ck_ok(world, shop_session_check(world->shop, stage->token, &session, world->err));
  ck_assert_int_eq(shop_cart_state(shop_session_cart(session)), SHOP_CART_COMPLETING);
  shop_session_free(session);
  ck_ok(world, shop_token_verify(world->shop, shop_token_jwt(stage->token), &token, world->err));
  shop_token_free(token);
  ck_ok(world, shop_mail_deliver(world->shop, 10, &delivered, world->err));
  ck_assert_int_eq(delivered, 0);
  ck_recovered(world, 0); /* its own call has its lease still */
  world_verify(world, 0);
  ck_assert_int_eq(shop_close(world->shop), SHOP_ERR_IN_CALLBACK);
  ck_ok(world, shop_session_check(world->shop, stage->token, &session, world->err));
  shop_session_free(session);
}

/* The callback may call the library; to close it would wait for itself, and is refused. */
START_TEST(the_callback_calls_the_library) {
  struct stage stage = stage_new();

  shop_order_free(stage_buy(&stage, do_call_everything));
  ck_assert_int_eq(stage.world->gateway.queries, 0);
  stage_end(&stage, 0);
}
END_TEST

/* Closing from the mail transport is refused in the same way. */
static int32_t closed = SHOP_OK;

static void close_in_transport(struct transport *transport, void *user) {
  struct world *world = user;

  (void)transport;
  closed = shop_close(world->shop);
}

START_TEST(no_close_from_the_transport) {
  struct world *world = world_new();

  world_put(world, "TEA", 999, "EUR", 4);
  world->transport.hook = close_in_transport;
  world->transport.hook_user = world;
  world_sell_one(world, "ada@example.org", "TEA");
  ck_assert_int_eq(closed, SHOP_ERR_IN_CALLBACK);
  ck_assert_int_eq(world->transport.count, 1);
  world_close_books(world, 0);
  world_free(world);
}
END_TEST

/* Another thread closes while the gateway is asked: that waits, and the purchase ends well. */
static void *close_it(void *user) {
  struct world *world = user;

  closed = shop_close(world->shop);
  return NULL;
}

static pthread_t closer;

static void do_close_elsewhere(struct stage *stage) {
  shop_session_t *session = NULL;
  int32_t status;

  ck_assert_int_eq(pthread_create(&closer, NULL, close_it, stage->world), 0);
  do { /* until the shop refuses new calls */
    status = shop_session_check(stage->world->shop, stage->token, &session, NULL);
    shop_session_free(session);
    session = NULL;
  } while (status == SHOP_OK);
  ck_assert_int_eq(status, SHOP_ERR_CLOSED);
}

START_TEST(closing_waits_for_a_purchase) {
  struct stage stage = stage_new();
  shop_order_t *order;

  closed = SHOP_ERR_CLOSED;
  order = stage_buy(&stage, do_close_elsewhere);
  ck_assert_int_eq(pthread_join(closer, NULL), 0);
  ck_assert_int_eq(closed, SHOP_OK);
  ck_assert_int_eq(shop_order_status(order), SHOP_ORDER_PLACED);
  shop_order_free(order);
  stage.world->shop = NULL;
  world_open(stage.world);
  ck_assert_int_eq(stage.world->transport.count, 1);
  stage_end(&stage, 0);
}
END_TEST

/* What is free has no callback but the transport, which may buy as well. */
static void buy_in_transport(struct transport *transport, void *user) {
  struct world *world = user;

  transport->hook = NULL;
  world_sell_one(world, "bob@example.org", "TEA");
}

START_TEST(the_transport_calls_the_library) {
  struct world *world = world_new();

  world_put(world, "TEA", 999, "EUR", 4);
  world->transport.hook = buy_in_transport;
  world->transport.hook_user = world;
  world_sell_one(world, "ada@example.org", "TEA");
  ck_assert_int_eq(world->transport.count, 2);
  ck_assert_int_eq(world_available(world, "TEA"), 2);
  world_close_books(world, 0);
  world_free(world);
}
END_TEST

/* A report says declined while the charge is on its way, and then it is taken: the
   caller hears that there is money, and the order shows it. */
static void report_declined(struct gateway *gateway, void *user) {
  struct world *world = user;
  shop_payment_report_t *report = NULL;

  ck_assert_int_eq(shop_payment_report_new(&report), SHOP_OK);
  ck_assert_int_eq(shop_payment_report_set_event_id(report, "evt_1"), SHOP_OK);
  ck_assert_int_eq(shop_payment_report_set_key(report, gateway->last_key), SHOP_OK);
  ck_assert_int_eq(shop_payment_report_set_outcome(report, SHOP_OUTCOME_DECLINED), SHOP_OK);
  ck_ok(world, shop_payment_report(world->shop, report, NULL, world->err));
  shop_payment_report_free(report);
}

START_TEST(late_money_is_told) {
  struct stage stage = stage_new();
  struct world *world = stage.world;
  shop_order_t *order = NULL;

  world->gateway.after = report_declined;
  world->gateway.hook_user = world;
  ck_status(world, world_buy(world, stage.token, stage.cart_id, NULL, &order), SHOP_DECLINED);
  ck_assert_ptr_nonnull(strstr(shop_error_message(world->err), "took money"));
  ck_assert_ptr_nonnull(strstr(shop_error_message(world->err), shop_order_number(order)));
  ck_assert(shop_order_has_late_money(order));
  ck_assert_int_eq(shop_order_captured_minor(order), 1998);
  shop_order_free(order);
  stage_end(&stage, 1);
}
END_TEST

int main(void) {
  const TTest *const tests[] = {
      what_was_agreed_is_bought,
      stock_set_under_a_purchase,
      stock_set_under_a_declined_purchase,
      stock_set_under_a_purchase_that_is_cancelled,
      unlimited_stock_counted_under_a_purchase,
      stock_adjusted_under_a_purchase,
      a_cart_being_bought_waits,
      others_buy_on,
      the_callback_calls_the_library,
      no_close_from_the_transport,
      closing_waits_for_a_purchase,
      the_transport_calls_the_library,
      late_money_is_told,
  };

  return HARNESS_RUN("purchase callback", tests);
}
