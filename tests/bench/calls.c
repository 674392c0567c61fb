/* The calls of a tour, each with the release of what it gave. */
#include <stdio.h>
#include <string.h>

#include "calls.h"

const char *const call_names[CALL_COUNT] = {"user_register",
                                            "user_login",
                                            "token_verify",
                                            "cart_create",
                                            "cart_add",
                                            "cart_set_quantity",
                                            "cart_remove",
                                            "cart_get",
                                            "session_check_jwt",
                                            "session_check",
                                            "purchase",
                                            "order_get",
                                            "order_list",
                                            "mail_deliver",
                                            "token_revoke",
                                            "product_get",
                                            "product_put",
                                            "product_list",
                                            "user_find_by_email",
                                            "order_find_by_number",
                                            "order_list_by_email",
                                            "order_list_by_status"};

int32_t tour_times(enum call call) {
  return call == CALL_CART_ADD ? CART_LINES : 1;
}

static int32_t call_register(struct tour *tour) {
  shop_token_t *token = NULL;
  int32_t status =
      shop_user_register(tour->shop, tour->new_email, PASSWORD, NULL, &token, tour->err);

  shop_token_free(token);
  return status;
}

static int32_t call_login(struct tour *tour) {
  int32_t status =
      shop_user_login(tour->shop, tour->email, PASSWORD, NULL, &tour->token, tour->err);

  (void)snprintf(tour->jwt, sizeof tour->jwt, "%s", shop_token_jwt(tour->token));
  return status;
}

static int32_t call_token_verify(struct tour *tour) {
  shop_token_t *token = NULL;
  int32_t status = shop_token_verify(tour->shop, tour->jwt, &token, tour->err);

  shop_token_free(token);
  return status;
}

/* Takes the cart's figures and frees the snapshot. */
static int32_t take_cart(struct tour *tour, shop_cart_t *cart, int32_t status) {
  if (status == SHOP_OK) {
    tour->cart_id = shop_cart_id(cart);
    tour->goods_minor = shop_cart_total_minor(cart);
  }
  shop_cart_free(cart);
  return status;
}

static int32_t call_cart(struct tour *tour, enum call call) {
  shop_t *shop = tour->shop;
  shop_cart_t *cart = NULL;
  int32_t status = SHOP_OK;

  if (call == CALL_CART_CREATE)
    status = shop_cart_create(shop, tour->token, NULL, &cart, tour->err);
  else if (call == CALL_CART_ADD)
    status = shop_cart_add(shop, tour->token, tour->cart_id, tour->skus[tour->added++ % CART_LINES],
                           2, NULL, &cart, tour->err);
  else if (call == CALL_CART_SET_QUANTITY)
    status = shop_cart_set_quantity(shop, tour->token, tour->cart_id, tour->skus[0], 3, NULL, &cart,
                                    tour->err);
  else if (call == CALL_CART_REMOVE)
    status =
        shop_cart_remove(shop, tour->token, tour->cart_id, tour->skus[1], NULL, &cart, tour->err);
  else
    status = shop_cart_get(shop, tour->token, tour->cart_id, &cart, tour->err);
  return take_cart(tour, cart, status);
}

static int32_t call_session(struct tour *tour, bool by_text) {
  shop_session_t *session = NULL;
  int32_t status = by_text ? shop_session_check_jwt(tour->shop, tour->jwt, &session, tour->err)
                           : shop_session_check(tour->shop, tour->token, &session, tour->err);

  if (status == SHOP_OK)
    status = shop_session_status(session);
  shop_session_free(session);
  return status;
}

static int32_t call_purchase(struct tour *tour) {
  shop_purchase_request_t *request = NULL;
  shop_options_t *options = NULL;
  shop_order_t *order = NULL;
  int32_t status;

  must(shop_purchase_request_new(&request), NULL, "request");
  must(shop_purchase_request_set_method(request, METHOD), NULL, "method");
  must(shop_purchase_request_add_adjustment(request, SHOP_ADJUSTMENT_SHIPPING, "Parcel",
                                            SHIPPING_MINOR),
       NULL, "shipping");
  must(shop_purchase_request_set_shipping_address(request, SHIPPING_ADDRESS), NULL, "address");
  must(shop_purchase_request_set_expected_total(request, tour->goods_minor + SHIPPING_MINOR, "EUR"),
       NULL, "total");
  must(shop_options_new(&options), NULL, "options");
  must(shop_options_set_idempotency_key(options, tour->key), NULL, "key");
  status =
      shop_purchase(tour->shop, tour->token, tour->cart_id, request, options, &order, tour->err);
  (void)snprintf(tour->number, sizeof tour->number, "%s", shop_order_number(order));
  shop_order_free(order);
  shop_options_free(options);
  shop_purchase_request_free(request);
  return status;
}

static int32_t call_order(struct tour *tour, enum call call) {
  shop_order_t *order = NULL;
  int32_t status =
      call == CALL_ORDER_GET
          ? shop_order_get(tour->shop, tour->token, tour->number, &order, tour->err)
          : shop_order_find_by_number(tour->shop,
                                      tour->old_number[0] == '\0' ? tour->number : tour->old_number,
                                      &order, tour->err);

  shop_order_free(order);
  return status;
}

static int32_t call_order_page(struct tour *tour, enum call call) {
  shop_order_page_t *page = NULL;
  int32_t status;

  if (call == CALL_ORDER_LIST)
    status = shop_order_list(tour->shop, tour->token, 0, 20, &page, tour->err);
  else if (call == CALL_ORDER_LIST_BY_EMAIL)
    status = shop_order_list_by_email(tour->shop, tour->email, 0, 20, &page, tour->err);
  else
    status = shop_order_list_by_status(tour->shop, SHOP_ORDER_PLACED, 0, 20, &page, tour->err);
  shop_order_page_free(page);
  return status;
}

static int32_t call_catalogue(struct tour *tour, enum call call) {
  shop_product_page_t *page = NULL;
  shop_product_t *product = NULL;
  int32_t status;

  if (call == CALL_PRODUCT_PUT)
    return shop_product_put(tour->shop, tour->skus[0], "Ceramic mug, blue, 0.3 l",
                            "Dishwasher proof.", 1999, "EUR", 1000000, NULL, NULL, tour->err);
  if (call == CALL_PRODUCT_GET)
    status = shop_product_get(tour->shop, tour->skus[0], &product, tour->err);
  else
    status = shop_product_list(tour->shop, tour->product_id, 50, &page, tour->err);
  shop_product_free(product);
  shop_product_page_free(page);
  return status;
}

static int32_t call_user(struct tour *tour) {
  shop_user_t *user = NULL;
  int32_t status = shop_user_find_by_email(tour->shop, tour->email, &user, tour->err);

  shop_user_free(user);
  return status;
}

static int32_t make(struct tour *tour, enum call call) {
  switch (call) {
  case CALL_REGISTER:
    return call_register(tour);
  case CALL_LOGIN:
    return call_login(tour);
  case CALL_TOKEN_VERIFY:
    return call_token_verify(tour);
  case CALL_CART_CREATE:
  case CALL_CART_ADD:
  case CALL_CART_SET_QUANTITY:
  case CALL_CART_REMOVE:
  case CALL_CART_GET:
    return call_cart(tour, call);
  case CALL_SESSION_CHECK_JWT:
  case CALL_SESSION_CHECK:
    return call_session(tour, call == CALL_SESSION_CHECK_JWT);
  case CALL_PURCHASE:
    return call_purchase(tour);
  case CALL_ORDER_GET:
  case CALL_ORDER_FIND_BY_NUMBER:
    return call_order(tour, call);
  case CALL_ORDER_LIST:
  case CALL_ORDER_LIST_BY_EMAIL:
  case CALL_ORDER_LIST_BY_STATUS:
    return call_order_page(tour, call);
  case CALL_MAIL_DELIVER:
    return shop_mail_deliver(tour->shop, 1, NULL, tour->err);
  case CALL_TOKEN_REVOKE:
    return shop_token_revoke(tour->shop, tour->token, NULL, tour->err);
  case CALL_PRODUCT_GET:
  case CALL_PRODUCT_PUT:
  case CALL_PRODUCT_LIST:
    return call_catalogue(tour, call);
  case CALL_USER_FIND_BY_EMAIL:
    return call_user(tour);
  case CALL_COUNT:
    break;
  }
  return SHOP_ERR_ARGUMENT;
}

void tour_call(struct tour *tour, enum call call) {
  must(make(tour, call), tour->err, call_names[call]);
}

void tour_end(struct tour *tour) {
  shop_token_free(tour->token);
  tour->token = NULL;
  tour->added = 0;
}

void tour_once(struct tour *tour, int64_t index, int64_t *calls) {
  char new_email[80];

  (void)snprintf(new_email, sizeof new_email, "new%09lld@customers.example", (long long)index);
  (void)snprintf(tour->key, sizeof tour->key, "tour-%lld", (long long)index);
  tour->new_email = new_email;
  for (int call = 0; call < CALL_COUNT; call++)
    for (int i = 0; i < tour_times((enum call)call); i++) {
      tour_call(tour, (enum call)call);
      ++*calls;
    }
  tour_end(tour);
}
