/* The last check of everything: each reason to refuse a purchase leaves the store
   as it was, calls no gateway, gives no order, and does not use up the key. */
#include "books.h"

#include <stdio.h>
#include <string.h>

static const struct form BY_CARD = {.method = CARD, .key = "a key"};

/* The purchase is refused with this status; nothing else has happened. */
static void refuse(struct world *world, const shop_token_t *token, int64_t cart_id,
                   const struct form *form, int32_t status) {
  shop_order_t *order = (shop_order_t *)(void *)world; /* to be overwritten */
  int32_t charges = world->gateway.charges;
  int32_t mails = world->transport.calls;

  ck_refused(world, world_purchase(world, token, cart_id, form, &order), status);
  ck_assert_ptr_null(order);
  ck_assert_int_eq(world->gateway.charges, charges);
  ck_assert_int_eq(world->transport.calls, mails);
}

/* What was refused before goes through now, with the very same key and request. */
static void accept(struct world *world, const shop_token_t *token, int64_t cart_id,
                   const struct form *form) {
  shop_order_t *order = NULL;

  ck_ok(world, world_purchase(world, token, cart_id, form, &order));
  ck_assert_int_eq(shop_order_status(order), SHOP_ORDER_PLACED);
  shop_order_free(order);
}

static void end(struct world *world, shop_token_t *token) {
  world_close_books(world, 0);
  shop_token_free(token);
  world_free(world);
}

/* ---- the cart ------------------------------------------------------------ */

START_TEST(an_empty_cart) {
  struct world *world = world_new();
  shop_token_t *token = world_register(world, "ada@example.org");
  int64_t cart_id = world_cart(world, token);

  world_put(world, "TEA", 999, "EUR", 10);
  refuse(world, token, cart_id, &BY_CARD, SHOP_ERR_CART_EMPTY);
  world_add(world, token, cart_id, "TEA", 1);
  accept(world, token, cart_id, &BY_CARD);
  end(world, token);
}
END_TEST

/* Another's cart does not exist, nor does one that nobody has. */
START_TEST(not_ones_own_cart) {
  static const int64_t nobodys[] = {0, -1, 1, INT64_MAX, INT64_MIN};
  struct world *world = world_new();
  int64_t cart_id;
  shop_token_t *ada, *eve;

  world_put(world, "TEA", 999, "EUR", 10);
  ada = world_shopper(world, "ada@example.org", "TEA", 1, &cart_id);
  eve = world_register(world, "eve@example.org");
  refuse(world, eve, cart_id, &BY_CARD, SHOP_ERR_NOT_FOUND);
  for (size_t i = 0; i < sizeof nobodys / sizeof nobodys[0]; i++)
    refuse(world, ada, nobodys[i], &BY_CARD, SHOP_ERR_NOT_FOUND);
  accept(world, ada, cart_id, &BY_CARD);
  refuse(world, eve, cart_id, &BY_CARD, SHOP_ERR_NOT_FOUND);
  shop_token_free(eve);
  end(world, ada);
}
END_TEST

START_TEST(a_cart_that_was_bought) {
  struct world *world = world_new();
  int64_t cart_id;
  shop_token_t *token;

  world_put(world, "TEA", 999, "EUR", 10);
  token = world_shopper(world, "ada@example.org", "TEA", 1, &cart_id);
  accept(world, token, cart_id, &BY_CARD);
  refuse(world, token, cart_id, &(struct form){.method = CARD}, SHOP_ERR_CART_COMPLETED);
  refuse(world, token, cart_id, &(struct form){.method = CARD, .key = "another"},
         SHOP_ERR_CART_COMPLETED);
  end(world, token);
}
END_TEST

/* What changed since the shopper looked is not bought. */
START_TEST(a_stale_version) {
  struct world *world = world_new();
  struct form form = {.method = CARD, .key = "a key", .version = 2};
  int64_t cart_id;
  shop_token_t *token;

  world_put(world, "TEA", 999, "EUR", 10);
  token = world_shopper(world, "ada@example.org", "TEA", 1, &cart_id); /* version 2 */
  world_add(world, token, cart_id, "TEA", 1);
  refuse(world, token, cart_id, &form, SHOP_ERR_VERSION);
  form.version = 4;
  refuse(world, token, cart_id, &form, SHOP_ERR_VERSION);
  form.version = 3;
  accept(world, token, cart_id, &form);
  end(world, token);
}
END_TEST

/* ---- money --------------------------------------------------------------- */

START_TEST(another_total_than_expected) {
  struct world *world = world_new();
  struct form form = {.method = CARD,
                      .key = "a key",
                      .has_total = true,
                      .adjustments = {{SHOP_ADJUSTMENT_SHIPPING, "Parcel", 500},
                                      {SHOP_ADJUSTMENT_TAX_INCLUDED, "VAT", 160}}};
  static const struct {
    int64_t total;
    const char *currency;
  } wrong[] = {{1498, "EUR"}, {1500, "EUR"}, {999, "EUR"}, {1659, "EUR"},
               {0, "EUR"},    {1499, "USD"}, {1499, "JPY"}};
  int64_t cart_id;
  shop_token_t *token;

  world_put(world, "TEA", 999, "EUR", 10);
  token = world_shopper(world, "ada@example.org", "TEA", 1, &cart_id);
  for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
    form.total_minor = wrong[i].total;
    form.total_currency = wrong[i].currency;
    refuse(world, token, cart_id, &form, SHOP_ERR_TOTAL_CHANGED);
    ck_assert_ptr_nonnull(strstr(shop_error_message(world->err), "14.99 EUR"));
  }
  form.total_minor = 1499;
  form.total_currency = "EUR";
  accept(world, token, cart_id, &form);
  end(world, token);
}
END_TEST

/* A changed price is bought only with the total that it makes, or after a reprice; either way the
   charge is today's. */
START_TEST(a_price_that_changed) {
  struct world *world = world_new();
  struct form form = {.method = CARD,
                      .key = "a key",
                      .has_total = true,
                      .total_minor = 1998,
                      .total_currency = "EUR"};
  int64_t cart_id, other_id;
  shop_token_t *ada, *bob;
  shop_cart_t *cart = NULL;

  world_put(world, "TEA", 999, "EUR", 10);
  ada = world_shopper(world, "ada@example.org", "TEA", 2, &cart_id);
  bob = world_shopper(world, "bob@example.org", "TEA", 2, &other_id);
  world_put(world, "TEA", 1100, "EUR", 10);
  refuse(world, ada, cart_id, &BY_CARD, SHOP_ERR_PRICE_CHANGED);
  ck_assert_ptr_nonnull(strstr(shop_error_message(world->err), "TEA"));
  refuse(world, ada, cart_id, &form, SHOP_ERR_TOTAL_CHANGED); /* the old total */
  form.total_minor = 2200;
  accept(world, ada, cart_id, &form);
  ck_assert_int_eq(world->gateway.ledger[0].amount_minor, 2200);
  world_put(world, "TEA", 900, "EUR", 10); /* cheaper is changed as well */
  refuse(world, bob, other_id, &BY_CARD, SHOP_ERR_PRICE_CHANGED);
  ck_ok(world, shop_cart_reprice(world->shop, bob, other_id, NULL, &cart, world->err));
  shop_cart_free(cart);
  accept(world, bob, other_id, &BY_CARD);
  ck_assert_int_eq(world->gateway.ledger[1].amount_minor, 1800);
  shop_token_free(bob);
  end(world, ada);
}
END_TEST

START_TEST(a_currency_that_changed) {
  struct world *world = world_new();
  struct form form = {.method = CARD, .has_total = true, .total_minor = 1998};
  static const char *const currencies[] = {"EUR", "USD"};
  int64_t cart_id;
  shop_token_t *token;

  world_put(world, "TEA", 999, "EUR", 10);
  world_put(world, "CUP", 999, "EUR", 10);
  token = world_shopper(world, "ada@example.org", "TEA", 1, &cart_id);
  world_add(world, token, cart_id, "CUP", 1);
  world_put(world, "CUP", 999, "USD", 10);
  refuse(world, token, cart_id, &BY_CARD, SHOP_ERR_CURRENCY_MIXED);
  for (int i = 0; i < 2; i++) { /* no expected total lets it through */
    form.total_currency = currencies[i];
    refuse(world, token, cart_id, &form, SHOP_ERR_CURRENCY_MIXED);
  }
  world_put(world, "TEA", 999, "USD", 10); /* all of one currency, but not the cart's */
  refuse(world, token, cart_id, &form, SHOP_ERR_CURRENCY_MIXED);
  world_put(world, "TEA", 999, "EUR", 10);
  world_put(world, "CUP", 999, "EUR", 10);
  accept(world, token, cart_id, &BY_CARD);
  end(world, token);
}
END_TEST

/* The largest total is sold; one more piece is refused, not wrapped around. */
START_TEST(a_total_that_does_not_fit) {
  static const int64_t DEAR = (INT64_C(1) << 53) - 1;
  struct world *world = world_prepare();
  struct form form = {.method = CARD, .has_total = true, .total_currency = "EUR"};
  int64_t cart_id;
  shop_token_t *token;

  ck_assert_int_eq(shop_config_set_quantity_max(world->config, 1000000), SHOP_OK);
  world_open(world);
  world_put(world, "TEA", 1, "EUR", SHOP_STOCK_UNLIMITED);
  world_put(world, "CUP", 1, "EUR", SHOP_STOCK_UNLIMITED);
  token = world_shopper(world, "ada@example.org", "TEA", 1024, &cart_id);
  world_add(world, token, cart_id, "CUP", 1023);
  world_put(world, "TEA", DEAR, "EUR", SHOP_STOCK_UNLIMITED);
  form.total_minor = DEAR * 1024;
  refuse(world, token, cart_id, &form, SHOP_ERR_TOTAL_CHANGED);
  form.total_minor = INT64_MAX;
  form.adjustments[0] = (struct form_adjustment){SHOP_ADJUSTMENT_TAX, "Tax", 1};
  refuse(world, token, cart_id, &form, SHOP_ERR_OVERFLOW); /* the adjustment is too much */
  form.adjustments[0].kind = 0;
  world_put(world, "CUP", 2, "EUR", SHOP_STOCK_UNLIMITED);
  refuse(world, token, cart_id, &form, SHOP_ERR_OVERFLOW); /* the sum of the lines is */
  world_put(world, "CUP", 1, "EUR", SHOP_STOCK_UNLIMITED);
  accept(world, token, cart_id, &form);
  ck_assert_int_eq(world->gateway.ledger[0].amount_minor, INT64_MAX);
  end(world, token);
}
END_TEST

/* One line alone is too much. */
START_TEST(a_line_that_does_not_fit) {
  struct world *world = world_prepare();
  struct form form = {.method = CARD, .has_total = true, .total_currency = "EUR"};
  int64_t cart_id;
  shop_token_t *token;

  ck_assert_int_eq(shop_config_set_quantity_max(world->config, 1000000), SHOP_OK);
  world_open(world);
  world_put(world, "TEA", 1, "EUR", SHOP_STOCK_UNLIMITED);
  token = world_shopper(world, "ada@example.org", "TEA", 1000000, &cart_id);
  world_put(world, "TEA", (INT64_C(1) << 53) - 1, "EUR", SHOP_STOCK_UNLIMITED);
  refuse(world, token, cart_id, &form, SHOP_ERR_OVERFLOW);
  world_put(world, "TEA", 1, "EUR", SHOP_STOCK_UNLIMITED);
  accept(world, token, cart_id, &BY_CARD);
  end(world, token);
}
END_TEST

/* The discount may not be more than the rest, whatever the order of the adjustments. */
START_TEST(a_negative_total) {
  struct world *world = world_new();
  struct form form = {.method = CARD,
                      .key = "a key",
                      .adjustments = {{SHOP_ADJUSTMENT_DISCOUNT, "Voucher", -1500},
                                      {SHOP_ADJUSTMENT_SHIPPING, "Parcel", 500}}};
  int64_t cart_id;
  shop_token_t *token;

  world_put(world, "TEA", 999, "EUR", 10);
  token = world_shopper(world, "ada@example.org", "TEA", 1, &cart_id);
  refuse(world, token, cart_id, &form, SHOP_ERR_ARGUMENT);
  form.adjustments[2] = (struct form_adjustment){SHOP_ADJUSTMENT_TAX_INCLUDED, "VAT", 2000};
  refuse(world, token, cart_id, &form, SHOP_ERR_ARGUMENT); /* included tax adds nothing */
  form.adjustments[2].kind = 0;
  form.adjustments[1].amount_minor = 502;
  accept(world, token, cart_id, &form); /* negative only on the way */
  ck_assert_int_eq(world->gateway.ledger[0].amount_minor, 1);
  end(world, token);
}
END_TEST

START_TEST(no_method_and_no_gateway) {
  struct world *world = world_new();
  shop_order_t *order = NULL;
  int64_t cart_id;
  shop_token_t *token;

  world_put(world, "TEA", 999, "EUR", 10);
  token = world_shopper(world, "ada@example.org", "TEA", 1, &cart_id);
  refuse(world, token, cart_id, &(struct form){.key = "a key"}, SHOP_ERR_ARGUMENT);
  ck_refused(world, shop_purchase(world->shop, token, cart_id, NULL, NULL, &order, world->err),
             SHOP_ERR_ARGUMENT);
  ck_assert_int_eq(shop_config_set_gateway_charge(world->config, NULL, NULL), SHOP_OK);
  world_reopen(world);
  refuse(world, token, cart_id, &BY_CARD, SHOP_ERR_NO_GATEWAY);
  ck_assert_int_eq(shop_config_set_gateway_charge(world->config, gateway_charge, &world->gateway),
                   SHOP_OK);
  world_reopen(world);
  accept(world, token, cart_id, &BY_CARD);
  end(world, token);
}
END_TEST

/* ---- products ------------------------------------------------------------ */

START_TEST(a_product_no_longer_sold) {
  struct world *world = world_new();
  int64_t cart_id;
  shop_token_t *token;

  world_put(world, "TEA", 999, "EUR", 10);
  world_put(world, "CUP", 999, "EUR", 10);
  token = world_shopper(world, "ada@example.org", "TEA", 1, &cart_id);
  world_add(world, token, cart_id, "CUP", 1);
  ck_ok(world, shop_product_retire(world->shop, "CUP", NULL, world->err));
  refuse(world, token, cart_id, &BY_CARD, SHOP_ERR_PRODUCT_RETIRED);
  ck_assert_ptr_nonnull(strstr(shop_error_message(world->err), "CUP"));
  world_put(world, "CUP", 999, "EUR", 10);
  accept(world, token, cart_id, &BY_CARD);
  end(world, token);
}
END_TEST

/* One line that is short keeps the other's stock free as well. */
START_TEST(out_of_stock) {
  struct world *world = world_new();
  int64_t cart_id;
  shop_token_t *token;

  world_put(world, "TEA", 999, "EUR", 10);
  world_put(world, "CUP", 999, "EUR", 3);
  token = world_shopper(world, "ada@example.org", "TEA", 10, &cart_id);
  world_add(world, token, cart_id, "CUP", 3);
  ck_ok(world, shop_product_adjust_stock(world->shop, "CUP", -1, NULL, NULL, world->err));
  refuse(world, token, cart_id, &BY_CARD, SHOP_ERR_OUT_OF_STOCK);
  ck_assert_ptr_nonnull(strstr(shop_error_message(world->err), "CUP"));
  ck_assert_int_eq(world_available(world, "TEA"), 10);
  ck_assert_int_eq(world_reserved(world, "TEA"), 0);
  ck_ok(world, shop_product_adjust_stock(world->shop, "CUP", 1, NULL, NULL, world->err));
  accept(world, token, cart_id, &BY_CARD);
  ck_assert_int_eq(world_available(world, "TEA"), 0);
  ck_assert_int_eq(world_available(world, "CUP"), 0);
  end(world, token);
}
END_TEST

/* ---- who asks ------------------------------------------------------------ */

START_TEST(a_token_that_is_not_good) {
  struct world *world = world_new(), *elsewhere = world_new();
  int64_t cart_id;
  shop_token_t *token, *stranger, *again = NULL;

  world_put(world, "TEA", 999, "EUR", 10);
  token = world_shopper(world, "ada@example.org", "TEA", 1, &cart_id);
  stranger = world_register(elsewhere, "ada@example.org");
  refuse(world, stranger, cart_id, &BY_CARD, SHOP_ERR_FOREIGN);
  refuse(world, NULL, cart_id, &BY_CARD, SHOP_ERR_ARGUMENT);
  world_pass_ms(world, 30 * DAY_MS - 1);
  ck_ok(world, shop_user_login(world->shop, "ada@example.org", PASSWORD, NULL, &again, world->err));
  world_pass_ms(world, 1);
  refuse(world, token, cart_id, &BY_CARD, SHOP_ERR_TOKEN_EXPIRED);
  ck_ok(world, shop_token_revoke(world->shop, again, NULL, world->err));
  refuse(world, again, cart_id, &BY_CARD, SHOP_ERR_TOKEN_REVOKED);
  shop_token_free(again);
  ck_ok(world, shop_user_login(world->shop, "ada@example.org", PASSWORD, NULL, &again, world->err));
  accept(world, again, cart_id, &BY_CARD);
  /* The key gives its result to nobody whose token is over. */
  refuse(world, token, cart_id, &BY_CARD, SHOP_ERR_TOKEN_EXPIRED);
  shop_token_free(again);
  shop_token_free(stranger);
  world_free(elsewhere);
  end(world, token);
}
END_TEST

/* ---- the store ----------------------------------------------------------- */

/* Beside a program that holds the store the call waits no longer than it may. */
START_TEST(a_store_that_is_held) {
  struct world *world = world_prepare();
  struct form form = {.method = CARD, .key = "a key", .deadline_ms = 20};
  static const struct form FREE = {.key = "free",
                                   .adjustments = {{SHOP_ADJUSTMENT_DISCOUNT, "Gift", -999}}};
  struct rival *rival;
  int64_t cart_id;
  shop_token_t *token;

  world_open(world);
  world_put(world, "TEA", 999, "EUR", 10);
  token = world_shopper(world, "ada@example.org", "TEA", 1, &cart_id);
  rival = rival_begin(world);
  refuse(world, token, cart_id, &form, SHOP_ERR_DEADLINE);
  rival_end(rival);
  ck_assert_int_eq(shop_config_set_busy_timeout_ms(world->config, 20), SHOP_OK);
  world_reopen(world);
  rival = rival_begin(world);
  refuse(world, token, cart_id, &BY_CARD, SHOP_ERR_BUSY);
  refuse(world, token, cart_id, &FREE, SHOP_ERR_BUSY);
  rival_end(rival);
  accept(world, token, cart_id, &BY_CARD);
  end(world, token);
}
END_TEST

START_TEST(arguments_that_are_missing) {
  struct world *world = world_new();
  shop_purchase_request_t *request = NULL;
  shop_order_t *order = NULL;
  int64_t cart_id;
  shop_token_t *token;
  char method[257];

  world_put(world, "TEA", 999, "EUR", 10);
  token = world_shopper(world, "ada@example.org", "TEA", 1, &cart_id);
  ck_refused(world, shop_purchase(world->shop, token, cart_id, NULL, NULL, NULL, world->err),
             SHOP_ERR_ARGUMENT);
  ck_refused(world, shop_purchase(NULL, token, cart_id, NULL, NULL, &order, world->err),
             SHOP_ERR_ARGUMENT);
  memset(method, 'm', sizeof method);
  method[256] = '\0';
  ck_assert_int_eq(shop_purchase_request_new(NULL), SHOP_ERR_ARGUMENT);
  ck_assert_int_eq(shop_purchase_request_new(&request), SHOP_OK);
  ck_assert_int_eq(shop_purchase_request_set_method(request, ""), SHOP_ERR_ARGUMENT);
  ck_assert_int_eq(shop_purchase_request_set_method(request, method), SHOP_ERR_TOO_LONG);
  ck_assert_int_eq(shop_purchase_request_set_method(request, "a\nb"), SHOP_ERR_TEXT);
  ck_assert_int_eq(shop_purchase_request_set_method(NULL, "a"), SHOP_ERR_ARGUMENT);
  ck_assert_int_eq(shop_purchase_request_set_expected_total(request, -1, "EUR"), SHOP_ERR_ARGUMENT);
  ck_assert_int_eq(shop_purchase_request_set_expected_total(request, 1, "eur"), SHOP_ERR_CURRENCY);
  ck_assert_int_eq(shop_purchase_request_set_shipping_address(request, "a\x01"), SHOP_ERR_TEXT);
  ck_refused(world, shop_purchase(world->shop, token, cart_id, request, NULL, &order, world->err),
             SHOP_ERR_ARGUMENT); /* nothing that was refused has been set */
  shop_purchase_request_free(request);
  ck_assert_int_eq(world->gateway.charges, 0);
  end(world, token);
}
END_TEST

int main(void) {
  const TTest *const tests[] = {
      an_empty_cart,
      not_ones_own_cart,
      a_cart_that_was_bought,
      a_stale_version,
      another_total_than_expected,
      a_price_that_changed,
      a_currency_that_changed,
      a_total_that_does_not_fit,
      a_line_that_does_not_fit,
      a_negative_total,
      no_method_and_no_gateway,
      a_product_no_longer_sold,
      out_of_stock,
      a_token_that_is_not_good,
      a_store_that_is_held,
      arguments_that_are_missing,
  };

  return HARNESS_RUN("purchase refusals", tests);
}
