/*
 * A visitor fills a cart before anybody knows who it is: as a guest, who registers
 * at the checkout, or logs in where the address has an account; the cart goes
 * along either way. Usage: guest_checkout STORE EMAIL PASSWORD. The first run
 * with an address registers, the next ones log in.
 */
#include <stdio.h>
#include <stdlib.h>

#include <shop.h>

static shop_error_t *err;

/* Ends the program when a step fails that must not. */
static void must(int32_t status, const char *step) {
  if (status == SHOP_OK)
    return;
  fprintf(stderr, "%s: %s: %s\n", step, shop_status_name(status), shop_error_message(err));
  exit(1);
}

/* A gateway that approves everything; timeline.c has more of it. */
static void charge(shop_gateway_call_t *call, void *user) {
  (void)user;
  shop_gateway_call_set_captured(call, "ch_example", shop_gateway_call_amount_minor(call),
                                 shop_gateway_call_currency(call));
}

static shop_t *open_shop(const char *path) {
  shop_config_t *config = NULL;
  shop_t *shop = NULL;

  must(shop_config_new(&config), "config");
  must(shop_config_set_gateway_charge(config, charge, NULL), "gateway");
  must(shop_open(path, config, &shop, err), "open");
  shop_config_free(config);
  must(shop_recover(shop, 100, NULL, err), "recover");
  must(shop_product_put(shop, "TEA-001", "Green tea", NULL, 999, "EUR", 100, NULL, NULL, err),
       "product");
  return shop;
}

/* The visitor's first click. The text of the token goes into a cookie; the source
   bounds how many guests one visitor can make. */
static shop_token_t *come(shop_t *shop) {
  shop_options_t *options = NULL;
  shop_token_t *guest = NULL;

  must(shop_options_new(&options), "options");
  must(shop_options_set_source(options, "203.0.113.7"), "source");
  must(shop_guest_create(shop, options, &guest, err), "guest");
  shop_options_free(options);
  printf("guest: user %lld, without an address\n", (long long)shop_token_user_id(guest));
  return guest;
}

static void fill_cart(shop_t *shop, const shop_token_t *guest) {
  shop_cart_t *cart = NULL, *filled = NULL;

  must(shop_cart_create(shop, guest, NULL, &cart, err), "cart");
  must(shop_cart_add(shop, guest, shop_cart_id(cart), "TEA-001", 2, NULL, &filled, err), "add");
  shop_cart_free(cart);
  shop_cart_free(filled);
}

/* From here on the guest's token is over: the new one replaces it in the cookie. */
static shop_token_t *say_who(shop_t *shop, const shop_token_t *guest, const char *email,
                             const char *password) {
  shop_token_t *token = NULL;
  int32_t status = shop_guest_register(shop, guest, email, password, NULL, &token, err);

  if (status == SHOP_ERR_EMAIL_TAKEN) {
    must(shop_guest_login(shop, guest, email, password, NULL, &token, err), "login");
    printf("login: the guest is user %lld\n", (long long)shop_token_user_id(token));
  } else {
    must(status, "register");
    printf("register: user %lld has the address %s\n", (long long)shop_token_user_id(token), email);
  }
  return token;
}

/* Whatever cart the session has now: the guest's, or that of the account with the
   guest's lines. */
static int32_t buy(shop_t *shop, const shop_token_t *token) {
  shop_purchase_request_t *request = NULL;
  shop_session_t *session = NULL;
  shop_order_t *order = NULL;
  const shop_cart_t *cart;
  int32_t status;

  must(shop_session_check(shop, token, &session, err), "session");
  must(shop_session_status(session), "token");
  cart = shop_session_cart(session);
  must(shop_purchase_request_new(&request), "request");
  must(shop_purchase_request_set_method(request, "pm_card_visa"), "method");
  must(shop_purchase_request_set_expected_total(request, shop_cart_total_minor(cart),
                                                shop_cart_currency(cart)),
       "total");
  status = shop_purchase(shop, token, shop_cart_id(cart), request, NULL, &order, err);
  if (status == SHOP_OK)
    printf("purchase: order %s of %lld cents placed for %s\n", shop_order_number(order),
           (long long)shop_order_total_minor(order), shop_order_email(order));
  else
    printf("purchase: %s: %s\n", shop_status_name(status), shop_error_message(err));
  shop_order_free(order);
  shop_purchase_request_free(request);
  shop_session_free(session);
  return status;
}

int main(int argc, char **argv) {
  shop_token_t *guest, *token;
  shop_t *shop;

  if (argc != 4) {
    fprintf(stderr, "usage: %s STORE EMAIL PASSWORD\n", argv[0]);
    return 2;
  }
  must(shop_error_new(&err), "error");
  shop = open_shop(argv[1]);
  guest = come(shop);
  fill_cart(shop, guest);
  if (buy(shop, guest) != SHOP_ERR_GUEST) /* nobody could be written to about it */
    return 1;
  token = say_who(shop, guest, argv[2], argv[3]);
  must(buy(shop, token), "purchase");
  shop_token_free(guest);
  shop_token_free(token);
  must(shop_close(shop), "close");
  shop_error_free(err);
  return 0;
}
