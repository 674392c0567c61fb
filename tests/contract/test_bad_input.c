/* What bad input gets: NULL and nothing for every argument of every call, and
   values that no setter may take. Always a clear status, a sentence where there
   is a place for one, outputs NULL, and the store as before. */
#include "every_call.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct scene scene_new(void) {
  return scene_in(world_prepare());
}

/* The call by its name, so that a failure names it. */
static int32_t make(const struct call *call, shop_t *shop, struct props *props, bool no_out,
                    shop_error_t *err) {
  int32_t status = call->make(shop, props, no_out, err);

  ck_assert_msg(props->outputs_are_right, "%s left its output wrong with %s", call->name,
                shop_status_name(status));
  return status;
}

START_TEST(null_shop) {
  struct scene scene = scene_new();
  struct world *world = scene.world;

  for (size_t i = 0; i < every_call_count; i++) {
    ck_refused(world, make(&every_call[i], NULL, &scene.props, false, world->err),
               SHOP_ERR_ARGUMENT);
    ck_assert_int_eq(make(&every_call[i], NULL, &scene.props, true, NULL), SHOP_ERR_ARGUMENT);
  }
  ck_assert_int_eq(shop_close(NULL), SHOP_OK);
  scene_free(&scene);
}
END_TEST

START_TEST(null_token) {
  struct scene scene = scene_new();
  struct world *world = scene.world;

  scene.props.token = NULL;
  for (size_t i = 0; i < every_call_count; i++)
    if (every_call[i].needs_token)
      ck_refused(world, make(&every_call[i], world->shop, &scene.props, false, world->err),
                 SHOP_ERR_ARGUMENT);
  scene_free(&scene);
}
END_TEST

/* What gives an object needs a place for it; where it is a by-product, none. */
START_TEST(null_out) {
  struct scene scene = scene_new();
  struct world *world = scene.world;

  for (size_t i = 0; i < every_call_count; i++)
    if (every_call[i].gives_object) {
      uint64_t before = world_digest(world);
      int32_t status = make(&every_call[i], world->shop, &scene.props, true, world->err);

      ck_assert_msg(status == SHOP_ERR_ARGUMENT && world_digest(world) == before,
                    "%s without a place for its object: %s", every_call[i].name,
                    shop_status_name(status));
    } else {
      ck_ok(world, make(&every_call[i], world->shop, &scene.props, true, world->err));
    }
  scene_free(&scene);
}
END_TEST

/* The error object is optional, in success and in failure. */
START_TEST(null_error) {
  struct scene scene = scene_new();
  struct world *world = scene.world;

  for (size_t i = 0; i < every_call_count; i++)
    ck_assert_int_eq(make(&every_call[i], world->shop, &scene.props, false, NULL),
                     strcmp(every_call[i].name, "shop_cart_clear") == 0 ? SHOP_ERR_CART_COMPLETED
                                                                        : SHOP_OK);
  scene_free(&scene);
}
END_TEST

/* A call that works says so, whatever the error object told before. */
START_TEST(error_object_is_cleared) {
  struct scene scene = scene_new();
  struct world *world = scene.world;

  for (size_t i = 0; i < every_call_count; i++) {
    int32_t status;

    ck_status(world, shop_product_retire(world->shop, "COFFEE", NULL, world->err),
              SHOP_ERR_NOT_FOUND);
    status = make(&every_call[i], world->shop, &scene.props, false, world->err);
    ck_assert_int_eq(shop_error_code(world->err), status);
    ck_assert((shop_error_message(world->err)[0] == '\0') == (status == SHOP_OK));
  }
  scene_free(&scene);
}
END_TEST

/* What an output holds before the call: no object, so it must be overwritten. */
#define STALE_OUT ((void *)world)

/* ---- texts --------------------------------------------------------------------------- */

/* NULL and "" for every text that is needed. */
START_TEST(missing_texts) {
  struct scene scene = scene_new();
  struct world *world = scene.world;
  shop_t *shop = world->shop;
  shop_error_t *err = world->err;

  for (int i = 0; i < 2; i++) {
    const char *text = i == 0 ? NULL : "";
    shop_token_t *token = STALE_OUT;
    shop_user_t *user = STALE_OUT;
    shop_session_t *session = STALE_OUT;
    shop_product_t *product = STALE_OUT;
    shop_cart_t *cart = STALE_OUT;
    shop_order_t *order = STALE_OUT;
    shop_order_page_t *page = STALE_OUT;
    shop_t *opened = STALE_OUT;

    ck_refused(world, shop_open(text, NULL, &opened, err), SHOP_ERR_ARGUMENT);
    ck_refused(world, shop_user_register(shop, text, PASSWORD, NULL, &token, err),
               SHOP_ERR_ARGUMENT);
    ck_assert_ptr_null(token);
    token = STALE_OUT;
    ck_refused(world, shop_user_register(shop, "bob@example.org", text, NULL, &token, err),
               SHOP_ERR_ARGUMENT);
    ck_assert_ptr_null(token);
    token = STALE_OUT;
    ck_refused(world, shop_user_login(shop, text, PASSWORD, NULL, &token, err), SHOP_ERR_ARGUMENT);
    ck_assert_ptr_null(token);
    token = STALE_OUT;
    ck_refused(world, shop_user_login(shop, "ada@example.org", text, NULL, &token, err),
               SHOP_ERR_ARGUMENT);
    ck_assert_ptr_null(token);
    token = STALE_OUT;
    ck_refused(world, shop_token_verify(shop, text, &token, err), SHOP_ERR_ARGUMENT);
    ck_refused(world, shop_session_check_jwt(shop, text, &session, err), SHOP_ERR_ARGUMENT);
    ck_refused(world, shop_user_find_by_email(shop, text, &user, err), SHOP_ERR_ARGUMENT);
    ck_refused(world, shop_product_put(shop, text, "n", NULL, 1, "EUR", 1, NULL, &product, err),
               SHOP_ERR_ARGUMENT);
    ck_assert_ptr_null(product);
    product = STALE_OUT;
    ck_refused(world, shop_product_put(shop, "S", text, NULL, 1, "EUR", 1, NULL, &product, err),
               SHOP_ERR_ARGUMENT);
    ck_assert_ptr_null(product);
    product = STALE_OUT;
    ck_refused(world, shop_product_get(shop, text, &product, err), SHOP_ERR_ARGUMENT);
    ck_assert_ptr_null(product);
    product = STALE_OUT;
    ck_refused(world, shop_product_retire(shop, text, NULL, err), SHOP_ERR_ARGUMENT);
    ck_refused(world, shop_key_retire(shop, text, NULL, err), SHOP_ERR_ARGUMENT);
    ck_refused(world, shop_product_adjust_stock(shop, text, 1, NULL, &product, err),
               SHOP_ERR_ARGUMENT);
    ck_refused(world, shop_product_set_metadata(shop, text, NULL, NULL, NULL, err),
               SHOP_ERR_ARGUMENT);
    ck_refused(world,
               shop_cart_add(shop, scene.token, scene.props.cart_id, text, 1, NULL, &cart, err),
               SHOP_ERR_ARGUMENT);
    ck_refused(
        world,
        shop_cart_set_quantity(shop, scene.token, scene.props.cart_id, text, 1, NULL, &cart, err),
        SHOP_ERR_ARGUMENT);
    ck_refused(world,
               shop_cart_remove(shop, scene.token, scene.props.cart_id, text, NULL, &cart, err),
               SHOP_ERR_ARGUMENT);
    ck_refused(world, shop_order_get(shop, scene.token, text, &order, err), SHOP_ERR_ARGUMENT);
    ck_refused(world, shop_order_find_by_number(shop, text, &order, err), SHOP_ERR_ARGUMENT);
    ck_refused(world, shop_order_find_by_gateway_reference(shop, text, &order, err),
               SHOP_ERR_ARGUMENT);
    ck_refused(world, shop_order_list_by_email(shop, text, 0, 10, &page, err), SHOP_ERR_ARGUMENT);
    ck_refused(world, shop_order_set_metadata(shop, text, NULL, NULL, NULL, err),
               SHOP_ERR_ARGUMENT);
    ck_assert(token == NULL && user == NULL && session == NULL && product == NULL && cart == NULL &&
              order == NULL && page == NULL && opened == NULL);
  }
  scene_free(&scene);
}
END_TEST

/* No UTF-8, a line break, and far too long: for each text, what its call says.
   What could be no name of anything is simply not there. */
START_TEST(unfit_texts) {
  static char endless[70000];
  static const char *const texts[] = {"\xff\xfe", "a\xc3", "a\nb", "a\x1b[0mb", endless};
  struct scene scene = scene_new();
  struct world *world = scene.world;
  shop_t *shop = world->shop;
  shop_error_t *err = world->err;

  memset(endless, 'e', sizeof endless - 1);
  for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
    const char *text = texts[i];
    int32_t unfit = text == endless ? SHOP_ERR_TOO_LONG : SHOP_ERR_TEXT;
    int64_t cart_id = scene.props.cart_id;
    shop_token_t *token = STALE_OUT;
    shop_user_t *user = STALE_OUT;
    shop_session_t *session = NULL;
    shop_product_t *product = STALE_OUT;
    shop_cart_t *cart = STALE_OUT;
    shop_order_t *order = STALE_OUT;
    shop_order_page_t *page = NULL;

    ck_refused(world, shop_user_register(shop, text, PASSWORD, NULL, &token, err),
               i < 2             ? SHOP_ERR_TEXT
               : text == endless ? SHOP_ERR_TOO_LONG
                                 : SHOP_ERR_EMAIL);
    ck_refused(world, shop_user_login(shop, text, PASSWORD, NULL, &token, err),
               SHOP_ERR_CREDENTIALS);
    ck_refused(world, shop_user_login(shop, "ada@example.org", text, NULL, &token, err),
               SHOP_ERR_CREDENTIALS);
    ck_refused(world, shop_token_verify(shop, text, &token, err), SHOP_ERR_TOKEN_INVALID);
    ck_ok(world, shop_session_check_jwt(shop, text, &session, err));
    ck_assert_int_eq(shop_session_status(session), SHOP_ERR_TOKEN_INVALID);
    shop_session_free(session);
    ck_refused(world, shop_user_find_by_email(shop, text, &user, err), SHOP_ERR_NOT_FOUND);
    ck_refused(world, shop_product_put(shop, text, "n", NULL, 1, "EUR", 1, NULL, &product, err),
               unfit);
    ck_refused(world, shop_product_put(shop, "S", text, NULL, 1, "EUR", 1, NULL, &product, err),
               unfit);
    ck_refused(world, shop_product_put(shop, "S", "n", NULL, 1, text, 1, NULL, &product, err),
               SHOP_ERR_CURRENCY);
    ck_refused(world, shop_product_get(shop, text, &product, err), SHOP_ERR_NOT_FOUND);
    ck_refused(world, shop_product_retire(shop, text, NULL, err), SHOP_ERR_NOT_FOUND);
    ck_refused(world, shop_product_adjust_stock(shop, text, 1, NULL, &product, err),
               SHOP_ERR_NOT_FOUND);
    ck_refused(world, shop_product_set_metadata(shop, "TEA", NULL, text, NULL, err), unfit);
    ck_refused(world, shop_user_set_metadata(shop, scene.props.user_id, NULL, text, NULL, err),
               unfit);
    ck_refused(world, shop_order_set_metadata(shop, scene.props.number, NULL, text, NULL, err),
               unfit);
    ck_refused(world, shop_cart_add(shop, scene.token, cart_id, text, 1, NULL, &cart, err),
               SHOP_ERR_NOT_FOUND);
    ck_refused(world, shop_cart_set_quantity(shop, scene.token, cart_id, text, 1, NULL, &cart, err),
               SHOP_ERR_NOT_FOUND);
    ck_refused(world, shop_cart_remove(shop, scene.token, cart_id, text, NULL, &cart, err),
               SHOP_ERR_NOT_FOUND);
    ck_refused(world, shop_order_get(shop, scene.token, text, &order, err), SHOP_ERR_NOT_FOUND);
    ck_refused(world, shop_order_find_by_number(shop, text, &order, err), SHOP_ERR_NOT_FOUND);
    ck_refused(world, shop_order_find_by_gateway_reference(shop, text, &order, err),
               SHOP_ERR_NOT_FOUND);
    ck_refused(world, shop_order_set_metadata(shop, text, NULL, NULL, NULL, err),
               SHOP_ERR_NOT_FOUND);
    ck_ok(world, shop_order_list_by_email(shop, text, 0, 10, &page, err));
    ck_assert_int_eq(shop_order_page_count(page), 0);
    shop_order_page_free(page);
    ck_assert(token == NULL && user == NULL && product == NULL && cart == NULL && order == NULL);
  }
  scene_free(&scene);
}
END_TEST

/* ---- numbers ------------------------------------------------------------------------- */

/* Limits, pages and choices outside of their ranges. */
START_TEST(unfit_numbers) {
  static const int32_t limits[] = {0, -1, INT32_MIN, 1001, 10001, INT32_MAX};
  struct scene scene = scene_new();
  struct world *world = scene.world;
  shop_t *shop = world->shop;
  shop_error_t *err = world->err;
  shop_order_page_t *page = NULL;
  shop_recovery_t *recovery = NULL;

  for (size_t i = 0; i < sizeof limits / sizeof limits[0]; i++) {
    int32_t limit = limits[i];

    ck_refused(world, shop_order_list(shop, scene.token, 0, limit, &page, err), SHOP_ERR_ARGUMENT);
    ck_refused(world, shop_order_list_by_status(shop, 0, 0, limit, &page, err), SHOP_ERR_ARGUMENT);
    ck_refused(world, shop_order_list_by_email(shop, "ada@example.org", 0, limit, &page, err),
               SHOP_ERR_ARGUMENT);
    if (limit != 1001) {
      ck_refused(world, shop_recover(shop, limit, &recovery, err), SHOP_ERR_ARGUMENT);
      ck_refused(world, shop_mail_deliver(shop, limit, NULL, err), SHOP_ERR_ARGUMENT);
    }
  }
  ck_refused(world, shop_order_list(shop, scene.token, -1, 10, &page, err), SHOP_ERR_ARGUMENT);
  ck_refused(world, shop_order_list_by_status(shop, 0, -1, 10, &page, err), SHOP_ERR_ARGUMENT);
  ck_refused(world, shop_order_list_by_email(shop, "ada@example.org", INT64_MIN, 10, &page, err),
             SHOP_ERR_ARGUMENT);
  ck_refused(world, shop_order_list_by_status(shop, -1, 0, 10, &page, err), SHOP_ERR_ARGUMENT);
  ck_refused(world, shop_order_list_by_status(shop, SHOP_ORDER_CANCELLED + 1, 0, 10, &page, err), SHOP_ERR_ARGUMENT);
  ck_assert_ptr_null(page);
  ck_assert_ptr_null(recovery);
  scene_free(&scene);
}
END_TEST

/* ---- config -------------------------------------------------------------------------- */

#define WRONG(call) ck_assert_int_eq(call, SHOP_ERR_ARGUMENT)
#define RIGHT(call) ck_assert_int_eq(call, SHOP_OK)

START_TEST(ranges_of_the_config) {
  shop_config_t *config = NULL;

  RIGHT(shop_config_new(&config));
  WRONG(shop_config_set_durability(config, -1));
  WRONG(shop_config_set_durability(config, 2));
  RIGHT(shop_config_set_durability(config, SHOP_DURABILITY_NORMAL));
  WRONG(shop_config_set_busy_timeout_ms(config, -1));
  WRONG(shop_config_set_busy_timeout_ms(config, 600001));
  RIGHT(shop_config_set_busy_timeout_ms(config, 600000));
  RIGHT(shop_config_set_busy_timeout_ms(config, 0));
  WRONG(shop_config_set_token_algorithm(config, 0));
  WRONG(shop_config_set_token_algorithm(config, 3));
  RIGHT(shop_config_set_token_algorithm(config, SHOP_TOKEN_ES256));
  WRONG(shop_config_set_token_life_ms(config, 999));
  WRONG(shop_config_set_token_life_ms(config, INT64_C(315360000001)));
  RIGHT(shop_config_set_token_life_ms(config, 1000));
  RIGHT(shop_config_set_token_life_ms(config, INT64_C(315360000000)));
  WRONG(shop_config_set_password_cost(config, 7, 1));
  WRONG(shop_config_set_password_cost(config, 4194305, 1));
  WRONG(shop_config_set_password_cost(config, 8, 0));
  WRONG(shop_config_set_password_cost(config, 8, 65));
  WRONG(shop_config_set_password_cost(config, INT32_MIN, INT32_MIN));
  RIGHT(shop_config_set_password_cost(config, 4194304, 64));
  RIGHT(shop_config_set_password_cost(config, 8, 1));
  WRONG(shop_config_set_password_parallel(config, 0));
  WRONG(shop_config_set_password_parallel(config, 1025));
  RIGHT(shop_config_set_password_parallel(config, 1024));
  WRONG(shop_config_set_cart_lines_max(config, 0));
  WRONG(shop_config_set_cart_lines_max(config, 1001));
  RIGHT(shop_config_set_cart_lines_max(config, 1000));
  WRONG(shop_config_set_quantity_max(config, 0));
  WRONG(shop_config_set_quantity_max(config, 1000001));
  RIGHT(shop_config_set_quantity_max(config, 1000000));
  WRONG(shop_config_set_gateway_key_life_ms(config, 999));
  WRONG(shop_config_set_gateway_key_life_ms(config, INT64_C(315360000001)));
  WRONG(shop_config_set_gateway_lease_ms(config, 999));
  WRONG(shop_config_set_gateway_lease_ms(config, 86400001));
  WRONG(shop_config_set_cart_hold_max_ms(config, 999));
  WRONG(shop_config_set_cart_hold_max_ms(config, 86400001));
  RIGHT(shop_config_set_cart_hold_max_ms(config, 1000));
  RIGHT(shop_config_set_cart_hold_max_ms(config, 86400000));
  WRONG(shop_config_set_mail_lease_ms(config, 999));
  WRONG(shop_config_set_mail_lease_ms(config, 86400001));
  WRONG(shop_config_set_mail_tries_max(config, 0));
  WRONG(shop_config_set_mail_tries_max(config, 1001));
  shop_config_free(config);
}
END_TEST

START_TEST(texts_of_the_config) {
  shop_config_t *config = NULL;
  char text[300];

  memset(text, 't', sizeof text);
  RIGHT(shop_config_new(&config));
  text[201] = '\0';
  ck_assert_int_eq(shop_config_set_name(config, text), SHOP_ERR_TOO_LONG);
  ck_assert_int_eq(shop_config_set_name(config, "a\nb"), SHOP_ERR_TEXT);
  ck_assert_int_eq(shop_config_set_name(config, "\xff"), SHOP_ERR_TEXT);
  WRONG(shop_config_set_name(config, ""));
  WRONG(shop_config_set_name(config, NULL));
  RIGHT(shop_config_set_name(config, text + 1));
  text[201] = 't';
  text[256] = '\0';
  ck_assert_int_eq(shop_config_set_token_issuer(config, text), SHOP_ERR_TOO_LONG);
  ck_assert_int_eq(shop_config_set_token_issuer(config, "a\nb"), SHOP_ERR_TEXT);
  WRONG(shop_config_set_token_issuer(config, ""));
  WRONG(shop_config_set_token_issuer(config, NULL));
  RIGHT(shop_config_set_token_issuer(config, text + 1));
  ck_assert_int_eq(shop_config_set_mail_from(config, "no address"), SHOP_ERR_EMAIL);
  ck_assert_int_eq(shop_config_set_mail_from(config, "a@b\r\nBcc: c@d"), SHOP_ERR_EMAIL);
  ck_assert_int_eq(shop_config_set_mail_from(config, "\xff@b"), SHOP_ERR_TEXT);
  ck_assert_int_eq(shop_config_set_mail_from(config, text), SHOP_ERR_TOO_LONG);
  WRONG(shop_config_set_mail_from(config, ""));
  WRONG(shop_config_set_mail_from(config, NULL));
  RIGHT(shop_config_set_mail_from(config, "Shop@example.org"));
  shop_config_free(config);
}
END_TEST

/* A config that was never made takes nothing. */
START_TEST(null_config) {
  WRONG(shop_config_new(NULL));
  WRONG(shop_config_set_name(NULL, "a"));
  WRONG(shop_config_set_mail_from(NULL, "a@b"));
  WRONG(shop_config_set_durability(NULL, 0));
  WRONG(shop_config_set_busy_timeout_ms(NULL, 1));
  WRONG(shop_config_set_token_algorithm(NULL, 1));
  WRONG(shop_config_set_token_issuer(NULL, "a"));
  WRONG(shop_config_set_token_life_ms(NULL, 1000));
  WRONG(shop_config_set_password_cost(NULL, 8, 1));
  WRONG(shop_config_set_password_parallel(NULL, 1));
  WRONG(shop_config_set_cart_lines_max(NULL, 1));
  WRONG(shop_config_set_quantity_max(NULL, 1));
  WRONG(shop_config_set_clock(NULL, NULL, NULL));
  WRONG(shop_config_set_log(NULL, NULL, NULL));
  WRONG(shop_config_set_gateway_charge(NULL, NULL, NULL));
  WRONG(shop_config_set_gateway_query(NULL, NULL, NULL));
  WRONG(shop_config_set_gateway_key_life_ms(NULL, 1000));
  WRONG(shop_config_set_gateway_lease_ms(NULL, 1000));
  WRONG(shop_config_set_mail_transport(NULL, NULL, NULL));
  WRONG(shop_config_set_mail_at_once(NULL, true));
  WRONG(shop_config_set_mail_lease_ms(NULL, 1000));
  WRONG(shop_config_set_mail_tries_max(NULL, 1));
}
END_TEST

/* The defaults are what the headers say, and good without a config at all. */
START_TEST(no_config) {
  struct world *world = world_prepare();
  shop_token_t *token = NULL;
  shop_cart_t *cart = NULL;
  char hash[200];
  int64_t cart_id;

  ck_ok(world, shop_open(world->path, NULL, &world->shop, world->err));
  token = world_register(world, "ada@example.org");
  ck_assert_int_eq(shop_token_expires_at_ms(token) - shop_token_issued_at_ms(token),
                   INT64_C(30) * 24 * 3600 * 1000);
  ck_assert_int_gt(shop_token_issued_at_ms(token), INT64_C(1600000000000)); /* the system's clock */
  world_text(world, "SELECT password_hash FROM users", hash, sizeof hash);
  ck_assert_int_eq(strncmp(hash, "$argon2id$v=19$m=19456,t=2,p=1$", 31), 0);
  world_put(world, "TEA", 999, "EUR", 10000);
  cart_id = world_cart(world, token);
  ck_refused(world,
             shop_cart_add(world->shop, token, cart_id, "TEA", 1000, NULL, &cart, world->err),
             SHOP_ERR_QUANTITY);
  world_add(world, token, cart_id, "TEA", 999);
  shop_token_free(token);
  world_free(world);
}
END_TEST

/* ---- requests, options, calls of callbacks ------------------------------------------- */

START_TEST(setters_of_requests) {
  shop_purchase_request_t *request = NULL;
  char text[1002];

  memset(text, 'r', sizeof text);
  text[1001] = '\0';
  WRONG(shop_purchase_request_new(NULL));
  WRONG(shop_purchase_request_set_method(NULL, "x"));
  WRONG(shop_purchase_request_set_expected_total(NULL, 1, "EUR"));
  WRONG(shop_purchase_request_add_adjustment(NULL, SHOP_ADJUSTMENT_TAX, "x", 1));
  WRONG(shop_purchase_request_set_shipping_address(NULL, "x"));
  WRONG(shop_purchase_request_set_billing_address(NULL, "x"));

  RIGHT(shop_purchase_request_new(&request));
  WRONG(shop_purchase_request_set_method(request, ""));
  ck_assert_int_eq(shop_purchase_request_set_method(request, text), SHOP_ERR_TOO_LONG);
  ck_assert_int_eq(shop_purchase_request_set_method(request, "a\nb"), SHOP_ERR_TEXT);
  RIGHT(shop_purchase_request_set_method(request, text + 746));
  RIGHT(shop_purchase_request_set_method(request, NULL));
  ck_assert_int_eq(shop_purchase_request_set_shipping_address(request, text), SHOP_ERR_TOO_LONG);
  ck_assert_int_eq(shop_purchase_request_set_billing_address(request, text), SHOP_ERR_TOO_LONG);
  ck_assert_int_eq(shop_purchase_request_set_shipping_address(request, "\xff"), SHOP_ERR_TEXT);
  ck_assert_int_eq(shop_purchase_request_set_billing_address(request, "a\x01"), SHOP_ERR_TEXT);
  RIGHT(shop_purchase_request_set_shipping_address(request, "1 High Street\nLondon"));
  RIGHT(shop_purchase_request_set_billing_address(request, text + 1));
  WRONG(shop_purchase_request_set_expected_total(request, -1, "EUR"));
  WRONG(shop_purchase_request_set_expected_total(request, 1, NULL));
  ck_assert_int_eq(shop_purchase_request_set_expected_total(request, 1, "XXQ"), SHOP_ERR_CURRENCY);
  WRONG(shop_purchase_request_add_adjustment(request, 0, "x", 0));
  WRONG(shop_purchase_request_add_adjustment(request, 5, "x", 0));
  WRONG(shop_purchase_request_add_adjustment(request, SHOP_ADJUSTMENT_DISCOUNT, "x", 1));
  WRONG(shop_purchase_request_add_adjustment(request, SHOP_ADJUSTMENT_SHIPPING, "x", -1));
  WRONG(shop_purchase_request_add_adjustment(request, SHOP_ADJUSTMENT_TAX, "x", -1));
  WRONG(shop_purchase_request_add_adjustment(request, SHOP_ADJUSTMENT_TAX_INCLUDED, "x", -1));
  WRONG(shop_purchase_request_add_adjustment(request, SHOP_ADJUSTMENT_TAX, NULL, 1));
  WRONG(shop_purchase_request_add_adjustment(request, SHOP_ADJUSTMENT_TAX, "", 1));
  ck_assert_int_eq(
      shop_purchase_request_add_adjustment(request, SHOP_ADJUSTMENT_TAX, text + 900, 1),
      SHOP_ERR_TOO_LONG);
  ck_assert_int_eq(shop_purchase_request_add_adjustment(request, SHOP_ADJUSTMENT_TAX, "a\nb", 1),
                   SHOP_ERR_TEXT);
  for (int i = 0; i < 20; i++)
    RIGHT(shop_purchase_request_add_adjustment(request, SHOP_ADJUSTMENT_TAX, text + 901, i));
  WRONG(shop_purchase_request_add_adjustment(request, SHOP_ADJUSTMENT_TAX, "x", 1));
  shop_purchase_request_free(request);
}
END_TEST

START_TEST(null_objects_of_setters) {
  WRONG(shop_options_new(NULL));
  WRONG(shop_options_set_idempotency_key(NULL, "k"));
  WRONG(shop_options_set_expected_version(NULL, 1));
  WRONG(shop_options_set_deadline_ms(NULL, 1));
  WRONG(shop_error_new(NULL));
  WRONG(shop_gateway_call_set_captured(NULL, "r", 1, "EUR"));
  WRONG(shop_gateway_call_set_declined(NULL, "r"));
  WRONG(shop_gateway_call_set_pending(NULL, "r"));
  WRONG(shop_gateway_call_set_unknown(NULL, "r"));
  WRONG(shop_gateway_call_set_not_found(NULL));
  WRONG(shop_mail_call_set_delivered(NULL));
  WRONG(shop_mail_call_set_later(NULL, "r"));
  WRONG(shop_mail_call_set_rejected(NULL, "r"));
}
END_TEST

/* ---- getters and frees --------------------------------------------------------------- */

#define TEXT(call) ck_assert_str_eq(call, "")
#define ZERO(call) ck_assert_int_eq((int64_t)(call), 0)

START_TEST(null_getters) {
  ZERO(shop_error_code(NULL));
  TEXT(shop_error_message(NULL));
  TEXT(shop_token_jwt(NULL));
  ZERO(shop_token_user_id(NULL));
  ZERO(shop_token_issued_at_ms(NULL));
  ZERO(shop_token_expires_at_ms(NULL));
  ZERO(shop_user_id(NULL));
  TEXT(shop_user_email(NULL));
  TEXT(shop_user_subject(NULL));
  ZERO(shop_user_created_at_ms(NULL));
  TEXT(shop_user_note(NULL));
  TEXT(shop_user_external_id(NULL));
  ZERO(shop_product_id(NULL));
  TEXT(shop_product_sku(NULL));
  TEXT(shop_product_name(NULL));
  TEXT(shop_product_description(NULL));
  ZERO(shop_product_price_minor(NULL));
  TEXT(shop_product_currency(NULL));
  ZERO(shop_product_on_hand(NULL));
  ZERO(shop_product_reserved(NULL));
  ZERO(shop_product_available(NULL));
  ZERO(shop_product_is_active(NULL));
  ZERO(shop_product_created_at_ms(NULL));
  TEXT(shop_product_note(NULL));
  TEXT(shop_product_external_id(NULL));
  ZERO(shop_product_page_count(NULL));
  ck_assert_ptr_null(shop_product_page_at(NULL, 0));
  ZERO(shop_cart_id(NULL));
  ZERO(shop_cart_user_id(NULL));
  ZERO(shop_cart_state(NULL));
  ZERO(shop_cart_version(NULL));
  TEXT(shop_cart_currency(NULL));
  ZERO(shop_cart_total_minor(NULL));
  ZERO(shop_cart_warnings(NULL));
  ZERO(shop_cart_held_until_ms(NULL));
  ZERO(shop_maintenance_holds(NULL));
  ZERO(shop_cart_created_at_ms(NULL));
  ZERO(shop_cart_updated_at_ms(NULL));
  ZERO(shop_cart_line_count(NULL));
  TEXT(shop_cart_line_sku(NULL, 0));
  TEXT(shop_cart_line_name(NULL, 0));
  ZERO(shop_cart_line_quantity(NULL, 0));
  ZERO(shop_cart_line_unit_price_minor(NULL, 0));
  ZERO(shop_cart_line_kept_price_minor(NULL, 0));
  ZERO(shop_cart_line_total_minor(NULL, 0));
  ZERO(shop_cart_line_available(NULL, 0));
  ZERO(shop_cart_line_warnings(NULL, 0));
  ck_assert_int_ne(shop_session_status(NULL), SHOP_OK); /* nobody is not logged in */
  ZERO(shop_session_user_id(NULL));
  TEXT(shop_session_email(NULL));
  ZERO(shop_session_expires_at_ms(NULL));
  ck_assert_ptr_null(shop_session_cart(NULL));
  ZERO(shop_recovery_examined(NULL));
  ZERO(shop_recovery_placed(NULL));
  ZERO(shop_recovery_failed(NULL));
  ZERO(shop_recovery_waiting(NULL));
  ZERO(shop_recovery_unknown(NULL));
  ZERO(shop_audit_orders(NULL));
  ZERO(shop_audit_violations(NULL));
  ZERO(shop_audit_attentions(NULL));
  ZERO(shop_audit_finding_count(NULL));
  ZERO(shop_audit_finding_severity(NULL, 0));
  TEXT(shop_audit_finding_text(NULL, 0));
}
END_TEST

START_TEST(null_getters_of_orders_and_calls) {
  ZERO(shop_order_id(NULL));
  TEXT(shop_order_number(NULL));
  ZERO(shop_order_user_id(NULL));
  ZERO(shop_order_cart_id(NULL));
  ZERO(shop_order_status(NULL));
  ZERO(shop_order_payment_status(NULL));
  ZERO(shop_order_needs_attention(NULL));
  TEXT(shop_order_email(NULL));
  TEXT(shop_order_shipping_address(NULL));
  TEXT(shop_order_billing_address(NULL));
  TEXT(shop_order_currency(NULL));
  ZERO(shop_order_total_minor(NULL));
  ZERO(shop_order_captured_minor(NULL));
  TEXT(shop_order_captured_currency(NULL));
  TEXT(shop_order_gateway_reference(NULL));
  ZERO(shop_order_created_at_ms(NULL));
  ZERO(shop_order_placed_at_ms(NULL));
  TEXT(shop_order_note(NULL));
  TEXT(shop_order_external_id(NULL));
  ZERO(shop_order_line_count(NULL));
  TEXT(shop_order_line_sku(NULL, 0));
  TEXT(shop_order_line_name(NULL, 0));
  ZERO(shop_order_line_quantity(NULL, 0));
  ZERO(shop_order_line_unit_price_minor(NULL, 0));
  ZERO(shop_order_line_total_minor(NULL, 0));
  ZERO(shop_order_adjustment_count(NULL));
  ZERO(shop_order_adjustment_kind(NULL, 0));
  TEXT(shop_order_adjustment_label(NULL, 0));
  ZERO(shop_order_adjustment_amount_minor(NULL, 0));
  ZERO(shop_order_event_count(NULL));
  TEXT(shop_order_event_name(NULL, 0));
  ZERO(shop_order_event_at_ms(NULL, 0));
  TEXT(shop_order_event_detail(NULL, 0));
  ZERO(shop_order_page_count(NULL));
  ck_assert_ptr_null(shop_order_page_at(NULL, 0));
  TEXT(shop_gateway_call_key(NULL));
  ZERO(shop_gateway_call_amount_minor(NULL));
  TEXT(shop_gateway_call_currency(NULL));
  TEXT(shop_gateway_call_method(NULL));
  TEXT(shop_gateway_call_order_number(NULL));
  TEXT(shop_gateway_call_email(NULL));
  TEXT(shop_gateway_call_reference(NULL));
  TEXT(shop_mail_call_sender(NULL));
  TEXT(shop_mail_call_recipient(NULL));
  TEXT(shop_mail_call_order_number(NULL));
  TEXT(shop_mail_call_message(NULL));
  ZERO(shop_mail_call_message_bytes(NULL));
}
END_TEST

/* Every free takes NULL. */
START_TEST(null_frees) {
  shop_audit_free(NULL);
  shop_cart_free(NULL);
  shop_config_free(NULL);
  shop_error_free(NULL);
  shop_options_free(NULL);
  shop_order_free(NULL);
  shop_order_page_free(NULL);
  shop_product_free(NULL);
  shop_product_page_free(NULL);
  shop_purchase_request_free(NULL);
  shop_recovery_free(NULL);
  shop_session_free(NULL);
  shop_token_free(NULL);
  shop_user_free(NULL);
}
END_TEST

/* Indices outside of what there is, of an order with one line and its events. */
START_TEST(indices_outside) {
  static const int32_t indices[] = {-1, INT32_MIN, 1000, INT32_MAX};
  struct scene scene = scene_new();
  struct world *world = scene.world;
  shop_order_page_t *page = NULL;
  shop_audit_t *audit = NULL;

  ck_ok(world, shop_order_list(world->shop, scene.token, 0, 10, &page, world->err));
  ck_ok(world, shop_verify(world->shop, &audit, world->err));
  for (size_t i = 0; i < sizeof indices / sizeof indices[0]; i++) {
    TEXT(shop_order_line_sku(scene.order, indices[i]));
    TEXT(shop_order_line_name(scene.order, indices[i]));
    ZERO(shop_order_line_quantity(scene.order, indices[i]));
    ZERO(shop_order_line_unit_price_minor(scene.order, indices[i]));
    ZERO(shop_order_line_total_minor(scene.order, indices[i]));
    ZERO(shop_order_adjustment_kind(scene.order, indices[i]));
    TEXT(shop_order_adjustment_label(scene.order, indices[i]));
    ZERO(shop_order_adjustment_amount_minor(scene.order, indices[i]));
    TEXT(shop_order_event_name(scene.order, indices[i]));
    ZERO(shop_order_event_at_ms(scene.order, indices[i]));
    TEXT(shop_order_event_detail(scene.order, indices[i]));
    ck_assert_ptr_null(shop_order_page_at(page, indices[i]));
    ZERO(shop_audit_finding_severity(audit, indices[i]));
    TEXT(shop_audit_finding_text(audit, indices[i]));
  }
  shop_order_page_free(page);
  shop_audit_free(audit);
  scene_free(&scene);
}
END_TEST

int main(void) {
  const TTest *tests[] = {
      null_shop,
      null_token,
      null_out,
      null_error,
      error_object_is_cleared,
      missing_texts,
      unfit_texts,
      unfit_numbers,
      ranges_of_the_config,
      texts_of_the_config,
      null_config,
      no_config,
      setters_of_requests,
      null_objects_of_setters,
      null_getters,
      null_getters_of_orders_and_calls,
      null_frees,
      indices_outside,
  };

  return HARNESS_RUN("bad input", tests);
}
