/* Step 5 of the timeline, as it goes when all is well: what an order holds, who
   can find it, and what costs nothing. */
#include "books.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- what an order holds ------------------------------------------------- */

static const struct form EVERYTHING = {
    .method = CARD,
    .shipping = "Ada Lovelace\n12 St James's Square\nLondon",
    .billing = "The Analytical Engine Ltd\r\nLondon",
    .adjustments = {{SHOP_ADJUSTMENT_DISCOUNT, "10 % off", -300},
                    {SHOP_ADJUSTMENT_SHIPPING, "Parcel", 495},
                    {SHOP_ADJUSTMENT_TAX, "Duty", 17},
                    {SHOP_ADJUSTMENT_TAX_INCLUDED, "VAT 19 %", 479}},
    .has_total = true,
    .total_minor = 3210,
    .total_currency = "EUR",
};

static void check_lines(const shop_order_t *order) {
  ck_assert_int_eq(shop_order_line_count(order), 2);
  ck_assert_str_eq(shop_order_line_sku(order, 0), "TEA");
  ck_assert_str_eq(shop_order_line_name(order, 0), "TEA");
  ck_assert_int_eq(shop_order_line_quantity(order, 0), 2);
  ck_assert_int_eq(shop_order_line_unit_price_minor(order, 0), 999);
  ck_assert_int_eq(shop_order_line_total_minor(order, 0), 1998);
  ck_assert_str_eq(shop_order_line_sku(order, 1), "CUP");
  ck_assert_int_eq(shop_order_line_quantity(order, 1), 1);
  ck_assert_int_eq(shop_order_line_total_minor(order, 1), 1000);
  ck_assert_str_eq(shop_order_line_sku(order, 2), "");
  ck_assert_int_eq(shop_order_line_total_minor(order, -1), 0);
}

static void check_adjustments(const shop_order_t *order) {
  ck_assert_int_eq(shop_order_adjustment_count(order), 4);
  for (int32_t i = 0; i < 4; i++) {
    ck_assert_int_eq(shop_order_adjustment_kind(order, i), EVERYTHING.adjustments[i].kind);
    ck_assert_str_eq(shop_order_adjustment_label(order, i), EVERYTHING.adjustments[i].label);
    ck_assert_int_eq(shop_order_adjustment_amount_minor(order, i),
                     EVERYTHING.adjustments[i].amount_minor);
  }
  ck_assert_str_eq(shop_order_adjustment_label(order, 4), "");
}

/* Everything but the history, which a mail may still lengthen. */
static void check_order(const shop_order_t *order, const shop_token_t *token, int64_t cart_id) {
  ck_assert_int_gt(shop_order_id(order), 0);
  ck_assert_int_lt(shop_order_id(order), INT64_C(1) << 53);
  ck_assert_int_eq(shop_order_user_id(order), shop_token_user_id(token));
  ck_assert_int_eq(shop_order_cart_id(order), cart_id);
  ck_assert_int_eq(shop_order_status(order), SHOP_ORDER_PLACED);
  ck_assert_int_eq(shop_order_payment_status(order), SHOP_PAYMENT_CAPTURED);
  ck_assert(!shop_order_needs_attention(order));
  ck_assert_str_eq(shop_order_email(order), "Ada@example.org");
  ck_assert_str_eq(shop_order_shipping_address(order), EVERYTHING.shipping);
  ck_assert_str_eq(shop_order_billing_address(order), EVERYTHING.billing);
  ck_assert_str_eq(shop_order_currency(order), "EUR");
  ck_assert_int_eq(shop_order_total_minor(order), 3210);
  ck_assert_int_eq(shop_order_captured_minor(order), 3210);
  ck_assert_str_eq(shop_order_captured_currency(order), "EUR");
  ck_assert_str_eq(shop_order_gateway_reference(order), "ch_1");
  ck_assert_int_eq(shop_order_created_at_ms(order), WORLD_START_MS);
  ck_assert_int_eq(shop_order_placed_at_ms(order), WORLD_START_MS);
  ck_assert_str_eq(shop_order_note(order), "");
  ck_assert_str_eq(shop_order_external_id(order), "");
  check_lines(order);
  check_adjustments(order);
}

/* An order holds all that was bought and agreed; included tax is shown, not added; and what the
   purchase gives is what is stored. */
START_TEST(an_order_holds_everything) {
  struct world *world = world_new();
  int64_t cart_id;
  shop_token_t *token;
  shop_order_t *order = NULL, *stored;

  world_put(world, "TEA", 999, "EUR", 10);
  world_put(world, "CUP", 1000, "EUR", SHOP_STOCK_UNLIMITED);
  token = world_shopper(world, "Ada@example.org", "TEA", 2, &cart_id);
  world_add(world, token, cart_id, "CUP", 1);
  ck_ok(world, world_purchase(world, token, cart_id, &EVERYTHING, &order));
  ck_assert_int_eq(shop_error_code(world->err), SHOP_OK);
  check_order(order, token, cart_id);
  ck_history(order, "order.created payment.captured order.placed");
  ck_assert_str_eq(order_event(order, "payment.captured"), "ch_1");
  ck_assert_int_eq(shop_order_event_at_ms(order, 0), WORLD_START_MS);
  stored = world_order(world, shop_order_number(order));
  check_order(stored, token, cart_id);
  ck_history(stored, "order.created payment.captured order.placed mail.sent");
  ck_assert_int_eq(shop_order_id(stored), shop_order_id(order));
  world_close_books(world, 0);
  world_free(world);
  check_order(order, token, cart_id); /* a snapshot outlives its shop */
  shop_order_free(order);
  shop_order_free(stored);
  shop_token_free(token);
}
END_TEST

/* The gateway is told what it needs, once, under a key it can take; stock and cart follow. */
START_TEST(the_gateway_is_told) {
  struct world *world = world_new();
  int64_t cart_id;
  shop_token_t *token;
  shop_order_t *order;

  world_put(world, "TEA", 999, "EUR", 10);
  token = world_shopper(world, "ada@example.org", "TEA", 3, &cart_id);
  order = world_bought(world, token, cart_id);
  ck_assert_int_eq(world->gateway.charges, 1);
  ck_assert_int_eq(world->gateway.count, 1);
  ck_assert_int_eq(world->gateway.ledger[0].amount_minor, 2997);
  ck_assert_str_eq(world->gateway.ledger[0].currency, "EUR");
  ck_assert_str_eq(world->gateway.last_method, CARD);
  ck_assert_str_eq(world->gateway.last_email, "ada@example.org");
  ck_assert_str_eq(world->gateway.last_order_number, shop_order_number(order));
  ck_assert_uint_gt(strlen(world->gateway.last_key), 20);
  ck_assert_uint_le(strlen(world->gateway.last_key), 64);
  ck_assert_uint_eq(strspn(world->gateway.last_key,
                           "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_"),
                    strlen(world->gateway.last_key));
  ck_assert_int_eq(world_available(world, "TEA"), 7);
  ck_assert_int_eq(world_reserved(world, "TEA"), 0);
  ck_assert_int_eq(world_cart_state(world, token, cart_id), SHOP_CART_COMPLETED);
  ck_assert_int_ne(world_cart(world, token), cart_id);
  ck_assert_int_eq(world->transport.count, 1);
  world_close_books(world, 0);
  shop_order_free(order);
  shop_token_free(token);
  world_free(world);
}
END_TEST

/* What happens to user and product later does not touch the order. */
START_TEST(an_order_is_a_copy) {
  struct world *world = world_new();
  int64_t cart_id;
  shop_token_t *token;
  shop_order_t *order;
  char number[20];

  world_put(world, "TEA", 999, "EUR", 10);
  token = world_shopper(world, "Ada@example.org", "TEA", 2, &cart_id);
  shop_order_free(world_bought(world, token, cart_id));
  snprintf(number, sizeof number, "%s", world->gateway.last_order_number);
  ck_ok(world,
        shop_product_put(world->shop, "TEA", "Coffee", NULL, 1, "JPY", 3, NULL, NULL, world->err));
  ck_ok(world, shop_product_retire(world->shop, "TEA", NULL, world->err));
  ck_ok(world,
        shop_order_set_metadata(world->shop, number, "a gift\nwrap it", "ERP-7", NULL, world->err));
  order = world_order(world, number);
  ck_assert_str_eq(shop_order_line_name(order, 0), "TEA");
  ck_assert_int_eq(shop_order_line_unit_price_minor(order, 0), 999);
  ck_assert_str_eq(shop_order_currency(order), "EUR");
  ck_assert_int_eq(shop_order_total_minor(order), 1998);
  ck_assert_str_eq(shop_order_note(order), "a gift\nwrap it");
  ck_assert_str_eq(shop_order_external_id(order), "ERP-7");
  ck_refused(world,
             shop_order_set_metadata(world->shop, "000000000000", "x", NULL, NULL, world->err),
             SHOP_ERR_NOT_FOUND);
  world_close_books(world, 0);
  shop_order_free(order);
  shop_token_free(token);
  world_free(world);
}
END_TEST

/* Each kind bounds its sign; there are at most 20; a label is one short line. */
START_TEST(adjustments_are_bounded) {
  static const int64_t LARGEST = (INT64_C(1) << 53) - 1;
  shop_purchase_request_t *request = NULL;
  char label[102];

  memset(label, 'x', sizeof label);
  label[101] = '\0';
  ck_assert_int_eq(shop_purchase_request_new(&request), SHOP_OK);
#define ADD(kind, text, amount) shop_purchase_request_add_adjustment(request, kind, text, amount)
  ck_assert_int_eq(ADD(SHOP_ADJUSTMENT_DISCOUNT, "a", 1), SHOP_ERR_ARGUMENT);
  ck_assert_int_eq(ADD(SHOP_ADJUSTMENT_SHIPPING, "a", -1), SHOP_ERR_ARGUMENT);
  ck_assert_int_eq(ADD(SHOP_ADJUSTMENT_TAX, "a", -1), SHOP_ERR_ARGUMENT);
  ck_assert_int_eq(ADD(SHOP_ADJUSTMENT_TAX_INCLUDED, "a", -1), SHOP_ERR_ARGUMENT);
  ck_assert_int_eq(ADD(SHOP_ADJUSTMENT_DISCOUNT, "a", INT64_MIN), SHOP_ERR_ARGUMENT);
  ck_assert_int_eq(ADD(SHOP_ADJUSTMENT_SHIPPING, "a", LARGEST + 1), SHOP_ERR_ARGUMENT);
  ck_assert_int_eq(ADD(0, "a", 0), SHOP_ERR_ARGUMENT);
  ck_assert_int_eq(ADD(5, "a", 0), SHOP_ERR_ARGUMENT);
  ck_assert_int_eq(ADD(SHOP_ADJUSTMENT_TAX, NULL, 1), SHOP_ERR_ARGUMENT);
  ck_assert_int_eq(ADD(SHOP_ADJUSTMENT_TAX, "", 1), SHOP_ERR_ARGUMENT);
  ck_assert_int_eq(ADD(SHOP_ADJUSTMENT_TAX, label, 1), SHOP_ERR_TOO_LONG);
  ck_assert_int_eq(ADD(SHOP_ADJUSTMENT_TAX, "a\nb", 1), SHOP_ERR_TEXT);
  ck_assert_int_eq(ADD(SHOP_ADJUSTMENT_TAX, "\xff", 1), SHOP_ERR_TEXT);
  for (int i = 0; i < 20; i++)
    ck_assert_int_eq(ADD(1 + i % 4, label + 1, i % 4 == 0 ? -LARGEST : LARGEST), SHOP_OK);
  ck_assert_int_eq(ADD(SHOP_ADJUSTMENT_TAX, "a", 1), SHOP_ERR_ARGUMENT);
#undef ADD
  ck_assert_int_eq(shop_purchase_request_add_adjustment(NULL, 1, "a", 0), SHOP_ERR_ARGUMENT);
  shop_purchase_request_free(request);
}
END_TEST

/* A yen has no decimals and a dinar three; the mail says so. */
START_TEST(currencies_keep_their_exponent) {
  static const struct {
    const char *sku, *currency, *written;
    int64_t price;
  } sold[] = {{"YEN", "JPY", "Total: =C2=A53,996", 1998},
              {"DINAR", "KWD", "Total: KWD=C2=A00.010", 5},
              {"EURO", "EUR", "Total: =E2=82=AC0.10", 5}};
  struct world *world = world_new();
  char email[40];

  for (size_t i = 0; i < sizeof sold / sizeof sold[0]; i++) {
    int64_t cart_id;
    shop_token_t *token;
    shop_order_t *order;

    world_put(world, sold[i].sku, sold[i].price, sold[i].currency, 2);
    snprintf(email, sizeof email, "u%zu@example.org", i);
    token = world_shopper(world, email, sold[i].sku, 2, &cart_id);
    order = world_bought(world, token, cart_id);
    ck_assert_int_eq(shop_order_total_minor(order), 2 * sold[i].price);
    ck_assert_str_eq(shop_order_captured_currency(order), sold[i].currency);
    ck_assert_int_eq(world->gateway.ledger[i].amount_minor, 2 * sold[i].price);
    ck_assert_ptr_nonnull(strstr(world->transport.messages[i], sold[i].written));
    shop_order_free(order);
    shop_token_free(token);
  }
  world_close_books(world, 0);
  world_free(world);
}
END_TEST

/* A cart as full as it may be: every line is copied, in its order, charged, and told. */
START_TEST(two_hundred_lines) {
  struct world *world = world_new();
  shop_token_t *token = world_register(world, "ada@example.org");
  int64_t cart_id = world_cart(world, token), total = 0;
  shop_order_t *order;
  char sku[20], told[80];

  for (int i = 0; i < 200; i++) {
    snprintf(sku, sizeof sku, "S%d", 199 - i);
    world_put(world, sku, i, "KWD", 1000);
    world_add(world, token, cart_id, sku, 1 + i);
    total += (int64_t)i * (1 + i);
  }
  order = world_bought(world, token, cart_id);
  ck_assert_int_eq(shop_order_line_count(order), 200);
  ck_assert_int_eq(shop_order_total_minor(order), total);
  ck_assert_int_eq(world->gateway.ledger[0].amount_minor, total);
  for (int i = 0; i < 200; i++) {
    snprintf(sku, sizeof sku, "S%d", 199 - i);
    ck_assert_str_eq(shop_order_line_sku(order, i), sku);
    ck_assert_int_eq(shop_order_line_quantity(order, i), 1 + i);
    ck_assert_int_eq(shop_order_line_total_minor(order, i), (int64_t)i * (1 + i));
    snprintf(told, sizeof told, "  S%d: %d x KWD=C2=A00.%03d =3D ", 199 - i, 1 + i, i);
    ck_assert_ptr_nonnull(strstr(world->transport.messages[0], told));
    ck_assert_int_eq(world_available(world, sku), 999 - i);
  }
  world_close_books(world, 0);
  shop_order_free(order);
  shop_token_free(token);
  world_free(world);
}
END_TEST

/* ---- finding orders ------------------------------------------------------ */

static int by_text(const void *a, const void *b) {
  return strcmp(a, b);
}

/* 12 characters that people can read, none twice, and none near another. */
START_TEST(numbers_cannot_be_guessed) {
  enum { ORDERS = 200 };
  static char numbers[ORDERS][13];
  struct world *world = world_new();
  shop_token_t *token = world_register(world, "ada@example.org");
  int32_t next_to = 0;

  world_put(world, "FREE", 0, "EUR", SHOP_STOCK_UNLIMITED);
  ck_assert_int_eq(shop_config_set_mail_at_once(world->config, false), SHOP_OK);
  world_reopen(world);
  for (int i = 0; i < ORDERS; i++) {
    int64_t cart_id = world_cart(world, token);
    shop_order_t *order;

    world_add(world, token, cart_id, "FREE", 1);
    order = world_bought(world, token, cart_id);
    ck_assert_uint_eq(strlen(shop_order_number(order)), 12);
    ck_assert_uint_eq(strspn(shop_order_number(order), "0123456789ABCDEFGHJKMNPQRSTVWXYZ"), 12);
    memcpy(numbers[i], shop_order_number(order), 13);
    next_to += i > 0 && memcmp(numbers[i], numbers[i - 1], 2) == 0;
    shop_order_free(order);
  }
  ck_assert_int_lt(next_to, 20); /* a counter or a time in front would give 199 */
  qsort(numbers, ORDERS, sizeof numbers[0], by_text);
  for (int i = 1; i < ORDERS; i++)
    ck_assert_int_ne(memcmp(numbers[i], numbers[i - 1], 6), 0);
  world_close_books(world, 0);
  shop_token_free(token);
  world_free(world);
}
END_TEST

static void buy_some(struct world *world, const shop_token_t *token, int count) {
  for (int i = 0; i < count; i++) {
    int64_t cart_id = world_cart(world, token);

    world_add(world, token, cart_id, "TEA", 1);
    shop_order_free(world_bought(world, token, cart_id));
  }
}

/* Reads all pages of an owner's list; gives how many orders there were. */
static int32_t read_pages(struct world *world, const shop_token_t *token, int32_t limit) {
  int64_t before_id = 0;
  int32_t seen = 0, count;

  do {
    shop_order_page_t *page = NULL;

    ck_ok(world, shop_order_list(world->shop, token, before_id, limit, &page, world->err));
    count = shop_order_page_count(page);
    ck_assert_int_le(count, limit);
    for (int32_t i = 0; i < count; i++) {
      const shop_order_t *order = shop_order_page_at(page, i);

      ck_assert(before_id == 0 || shop_order_id(order) < before_id);
      ck_assert_int_eq(shop_order_user_id(order), shop_token_user_id(token));
      ck_assert_int_eq(shop_order_line_count(order), 1);
      before_id = shop_order_id(order);
      seen++;
    }
    ck_assert_ptr_null(shop_order_page_at(page, count));
    ck_assert_ptr_null(shop_order_page_at(page, -1));
    shop_order_page_free(page);
  } while (count == limit);
  return seen;
}

/* Pages give every order of their owner once, newest first, and nobody else's. */
START_TEST(own_orders_by_pages) {
  struct world *world = world_new();
  shop_token_t *ada = world_register(world, "ada@example.org");
  shop_token_t *bob = world_register(world, "bob@example.org");
  shop_order_page_t *page = NULL;

  world_put(world, "TEA", 100, "EUR", 1000);
  ck_assert_int_eq(read_pages(world, ada, 1), 0);
  for (int i = 0; i < 4; i++) {
    buy_some(world, ada, 3);
    buy_some(world, bob, 1);
  }
  ck_assert_int_eq(read_pages(world, ada, 5), 12);
  ck_assert_int_eq(read_pages(world, ada, 1), 12);
  ck_assert_int_eq(read_pages(world, ada, 12), 12);
  ck_assert_int_eq(read_pages(world, ada, 1000), 12);
  ck_assert_int_eq(read_pages(world, bob, 3), 4);
  ck_status(world, shop_order_list(world->shop, ada, 0, 0, &page, world->err), SHOP_ERR_ARGUMENT);
  ck_status(world, shop_order_list(world->shop, ada, 0, 1001, &page, world->err),
            SHOP_ERR_ARGUMENT);
  ck_status(world, shop_order_list(world->shop, ada, -1, 10, &page, world->err), SHOP_ERR_ARGUMENT);
  ck_assert_ptr_null(page);
  world_close_books(world, 0);
  shop_token_free(ada);
  shop_token_free(bob);
  world_free(world);
}
END_TEST

/* To anyone but its owner and the merchant an order does not exist. */
START_TEST(only_its_owner_sees_it) {
  struct world *world = world_new();
  int64_t cart_id;
  shop_token_t *ada, *bob, *again = NULL;
  shop_order_t *order, *got = NULL;

  world_put(world, "TEA", 100, "EUR", 1000);
  ada = world_shopper(world, "ada@example.org", "TEA", 1, &cart_id);
  bob = world_register(world, "bob@example.org");
  order = world_bought(world, ada, cart_id);
  ck_ok(world, shop_order_get(world->shop, ada, shop_order_number(order), &got, world->err));
  ck_assert_int_eq(shop_order_id(got), shop_order_id(order));
  shop_order_free(got);
  got = order;
  ck_status(world, shop_order_get(world->shop, bob, shop_order_number(order), &got, world->err),
            SHOP_ERR_NOT_FOUND);
  ck_assert_ptr_null(got);
  ck_assert_ptr_null(strstr(shop_error_message(world->err), "ada"));
  ck_ok(world, shop_user_login(world->shop, "ada@example.org", PASSWORD, NULL, &again, world->err));
  ck_ok(world, shop_token_revoke(world->shop, ada, NULL, world->err));
  ck_status(world, shop_order_get(world->shop, ada, shop_order_number(order), &got, world->err),
            SHOP_ERR_TOKEN_REVOKED);
  ck_ok(world, shop_order_get(world->shop, again, shop_order_number(order), &got, world->err));
  shop_order_free(got);
  ck_status(world, shop_order_get(world->shop, again, "nonsense", &got, world->err),
            SHOP_ERR_NOT_FOUND);
  ck_status(world, shop_order_get(world->shop, again, "", &got, world->err), SHOP_ERR_ARGUMENT);
  ck_status(world, shop_order_get(world->shop, NULL, "x", &got, world->err), SHOP_ERR_ARGUMENT);
  world_close_books(world, 0);
  shop_order_free(order);
  shop_token_free(ada);
  shop_token_free(again);
  shop_token_free(bob);
  world_free(world);
}
END_TEST

static int32_t count_by_status(struct world *world, int32_t status) {
  shop_order_page_t *page = NULL;
  int32_t count;

  ck_ok(world, shop_order_list_by_status(world->shop, status, 0, 1000, &page, world->err));
  count = shop_order_page_count(page);
  for (int32_t i = 0; i < count; i++)
    ck_assert(status == 0 || shop_order_status(shop_order_page_at(page, i)) == status);
  shop_order_page_free(page);
  return count;
}

static int32_t count_by_email(struct world *world, const char *email) {
  shop_order_page_t *page = NULL;
  int32_t count;

  ck_ok(world, shop_order_list_by_email(world->shop, email, 0, 1000, &page, world->err));
  count = shop_order_page_count(page);
  shop_order_page_free(page);
  return count;
}

/* The merchant finds orders by status, by address and by the gateway's reference. */
START_TEST(the_merchant_finds_orders) {
  struct world *world = world_new();
  shop_token_t *ada = world_register(world, "Ada@Example.org");
  shop_token_t *bob = world_register(world, "bob@example.org");
  shop_order_t *order = NULL;
  shop_order_page_t *page = NULL;
  int64_t cart_id = world_cart(world, bob);

  world_put(world, "TEA", 100, "EUR", 1000);
  buy_some(world, ada, 3);
  world_add(world, bob, cart_id, "TEA", 1);
  world->gateway.mood = GATEWAY_DECLINES;
  ck_status(world, world_buy(world, bob, cart_id, NULL, &order), SHOP_DECLINED);
  shop_order_free(order);
  world->gateway.mood = GATEWAY_PENDS;
  ck_status(world, world_buy(world, bob, cart_id, NULL, &order), SHOP_PENDING);
  shop_order_free(order);
  ck_assert_int_eq(count_by_status(world, 0), 5);
  ck_assert_int_eq(count_by_status(world, SHOP_ORDER_PLACED), 3);
  ck_assert_int_eq(count_by_status(world, SHOP_ORDER_FAILED), 1);
  ck_assert_int_eq(count_by_status(world, SHOP_ORDER_PENDING), 1);
  ck_assert_int_eq(count_by_email(world, "ada@example.ORG"), 3);
  ck_assert_int_eq(count_by_email(world, "bob@example.org"), 2);
  ck_assert_int_eq(count_by_email(world, "eve@example.org"), 0);
  ck_assert_int_eq(count_by_email(world, "not an address"), 0);
  ck_ok(world, shop_order_find_by_gateway_reference(world->shop, "ch_2", &order, world->err));
  ck_assert_str_eq(shop_order_gateway_reference(order), "ch_2");
  ck_assert_int_eq(shop_order_user_id(order), shop_token_user_id(ada));
  shop_order_free(order);
  ck_ok(world, shop_order_find_by_gateway_reference(world->shop, "pending_1", &order, world->err));
  ck_assert_int_eq(shop_order_user_id(order), shop_token_user_id(bob));
  shop_order_free(order);
  ck_status(world, shop_order_find_by_gateway_reference(world->shop, "ch_9", &order, world->err),
            SHOP_ERR_NOT_FOUND);
  ck_status(world, shop_order_find_by_gateway_reference(world->shop, "", &order, world->err),
            SHOP_ERR_ARGUMENT);
  ck_status(world, shop_order_find_by_number(world->shop, "\xff", &order, world->err),
            SHOP_ERR_NOT_FOUND);
  ck_status(
      world,
      shop_order_list_by_status(world->shop, SHOP_ORDER_CANCELLED + 1, 0, 10, &page, world->err),
      SHOP_ERR_ARGUMENT);
  ck_status(world, shop_order_list_by_status(world->shop, -1, 0, 10, &page, world->err),
            SHOP_ERR_ARGUMENT);
  ck_status(world, shop_order_list_by_email(world->shop, NULL, 0, 10, &page, world->err),
            SHOP_ERR_ARGUMENT);
  world_close_books(world, 0);
  shop_token_free(ada);
  shop_token_free(bob);
  world_free(world);
}
END_TEST

/* ---- what costs nothing -------------------------------------------------- */

/* No gateway, no method: placed and mailed in one go, and no payment row. */
START_TEST(nothing_to_pay_needs_no_gateway) {
  static const struct form FREE = {.has_total = true, .total_minor = 0, .total_currency = "EUR"};
  struct world *world = world_prepare();
  int64_t cart_id;
  shop_token_t *token;
  shop_order_t *order = NULL;

  ck_assert_int_eq(shop_config_set_gateway_charge(world->config, NULL, NULL), SHOP_OK);
  world_open(world);
  world_put(world, "GIFT", 0, "EUR", 3);
  token = world_shopper(world, "ada@example.org", "GIFT", 2, &cart_id);
  ck_ok(world, world_purchase(world, token, cart_id, &FREE, &order));
  ck_assert_int_eq(shop_order_status(order), SHOP_ORDER_PLACED);
  ck_assert_int_eq(shop_order_payment_status(order), SHOP_PAYMENT_NONE);
  ck_assert_int_eq(shop_order_total_minor(order), 0);
  ck_assert_int_eq(shop_order_captured_minor(order), 0);
  ck_assert_str_eq(shop_order_captured_currency(order), "");
  ck_assert_str_eq(shop_order_gateway_reference(order), "");
  ck_history(order, "order.created order.placed");
  ck_assert_int_eq(world_available(world, "GIFT"), 1);
  ck_assert_int_eq(world_reserved(world, "GIFT"), 0);
  ck_assert_int_eq(world->transport.count, 1);
  ck_assert_str_eq(world->transport.order_numbers[0], shop_order_number(order));
  ck_assert_ptr_nonnull(strstr(world->transport.messages[0], "Total: =E2=82=AC0.00"));
  ck_assert_int_eq(world_cart_state(world, token, cart_id), SHOP_CART_COMPLETED);
  ck_assert_int_eq(world_recover(world).examined, 0);
  world_close_books(world, 0);
  shop_order_free(order);
  shop_token_free(token);
  world_free(world);
}
END_TEST

/* A discount may bring the total down to nothing, which then asks no gateway. */
START_TEST(a_discount_down_to_nothing) {
  static const struct form GIVEN = {.method = CARD,
                                    .adjustments = {{SHOP_ADJUSTMENT_SHIPPING, "Parcel", 500},
                                                    {SHOP_ADJUSTMENT_DISCOUNT, "Voucher", -1499},
                                                    {SHOP_ADJUSTMENT_TAX_INCLUDED, "VAT", 159}}};
  struct world *world = world_new();
  int64_t cart_id;
  shop_token_t *token;
  shop_order_t *order = NULL;

  world_put(world, "TEA", 999, "EUR", 3);
  token = world_shopper(world, "ada@example.org", "TEA", 1, &cart_id);
  ck_ok(world, world_purchase(world, token, cart_id, &GIVEN, &order));
  ck_assert_int_eq(shop_order_total_minor(order), 0);
  ck_assert_int_eq(world->gateway.charges, 0);
  ck_assert_int_eq(shop_order_payment_status(order), SHOP_PAYMENT_NONE);
  ck_assert_int_eq(shop_order_adjustment_count(order), 3);
  ck_assert_ptr_nonnull(strstr(world->transport.messages[0], "Voucher: -=E2=82=AC14.99"));
  world_close_books(world, 0);
  shop_order_free(order);
  shop_token_free(token);
  world_free(world);
}
END_TEST

int main(void) {
  const TTest *const tests[] = {
      an_order_holds_everything,
      the_gateway_is_told,
      an_order_is_a_copy,
      adjustments_are_bounded,
      currencies_keep_their_exponent,
      two_hundred_lines,
      numbers_cannot_be_guessed,
      own_orders_by_pages,
      only_its_owner_sees_it,
      the_merchant_finds_orders,
      nothing_to_pay_needs_no_gateway,
      a_discount_down_to_nothing,
  };

  return HARNESS_RUN("timeline 5: purchase", tests);
}
