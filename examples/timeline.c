/*
 * The whole timeline on a real store: register, login, cart, products, session
 * check, a purchase that is declined, one that succeeds, its confirmation mail,
 * and the audit. Usage: timeline STORE, with the catalogue imported before.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <shop.h>

/* A gateway that approves test methods and declines one. A real one would make
   a request to a payment provider here, with the key as its idempotency key. */
static void charge(shop_gateway_call_t *call, void *user) {
  const char *method = shop_gateway_call_method(call);
  char reference[100];

  (void)user;
  if (strcmp(method, "pm_card_declined") == 0) {
    shop_gateway_call_set_declined(call, "insufficient funds");
  } else if (strncmp(method, "pm_card_", 8) == 0) {
    snprintf(reference, sizeof reference, "ch_%s", shop_gateway_call_key(call));
    shop_gateway_call_set_captured(call, reference, shop_gateway_call_amount_minor(call),
                                   shop_gateway_call_currency(call));
  } else {
    shop_gateway_call_set_unknown(call, "this gateway knows test methods only");
  }
}

/* A transport that prints the mail. A real one would hand it to a mail server. */
static void print_mail(shop_mail_call_t *call, void *user) {
  (void)user;
  printf("\n---- mail to %s ----\n%s---- end of mail ----\n\n", shop_mail_call_recipient(call),
         shop_mail_call_message(call));
  shop_mail_call_set_delivered(call);
}

static shop_error_t *err;

/* Ends the program when a step fails that must not. */
static void must(int32_t status, const char *step) {
  if (status == SHOP_OK)
    return;
  fprintf(stderr, "%s: %s: %s\n", step, shop_status_name(status), shop_error_message(err));
  exit(1);
}

static const char *money(int64_t minor, const char *currency) {
  static char text[40];

  if (shop_money_format(minor, currency, text, sizeof text) != SHOP_OK)
    return "-";
  return text;
}

static shop_t *open_shop(const char *path) {
  shop_config_t *config = NULL;
  shop_recovery_t *recovery = NULL;
  shop_t *shop = NULL;

  must(shop_config_new(&config), "config");
  must(shop_config_set_name(config, "The Corner Shop"), "name");
  must(shop_config_set_mail_from(config, "orders@shop.example"), "mail_from");
  must(shop_config_set_gateway_charge(config, charge, NULL), "gateway");
  must(shop_config_set_mail_transport(config, print_mail, NULL), "transport");
  must(shop_open(path, config, &shop, err), "open");
  shop_config_free(config);
  /* What an earlier run left unfinished is finished first. */
  must(shop_recover(shop, 100, &recovery, err), "recover");
  printf("open: %s, %d purchases recovered\n", path, shop_recovery_examined(recovery));
  shop_recovery_free(recovery);
  return shop;
}

/* Steps 1 and 2: registering gives a token; logging in gives another. */
static shop_token_t *sign_in(shop_t *shop, const char *email, const char *password) {
  shop_token_t *token = NULL;
  int32_t status = shop_user_register(shop, email, password, NULL, &token, err);

  if (status != SHOP_ERR_EMAIL_TAKEN) {
    must(status, "register");
    printf("register: %s has a token of %zu bytes\n", email, strlen(shop_token_jwt(token)));
    shop_token_free(token);
  }
  must(shop_user_login(shop, email, password, NULL, &token, err), "login");
  printf("login: %s is user %lld\n", email, (long long)shop_token_user_id(token));
  return token;
}

/* Steps 3 and 4: a cart, and products in a series of calls. */
static int64_t fill_cart(shop_t *shop, const shop_token_t *token) {
  static const struct {
    const char *sku;
    int64_t quantity;
  } wanted[] = {{"TEA-001", 2}, {"MUG-001", 1}, {"GIFT-DIGITAL", 1}};
  shop_cart_t *cart = NULL;
  int64_t cart_id;

  must(shop_cart_create(shop, token, NULL, &cart, err), "cart");
  cart_id = shop_cart_id(cart);
  shop_cart_free(cart);
  must(shop_cart_clear(shop, token, cart_id, NULL, &cart, err), "clear");
  for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++) {
    shop_cart_free(cart);
    must(shop_cart_add(shop, token, cart_id, wanted[i].sku, wanted[i].quantity, NULL, &cart, err),
         wanted[i].sku);
    printf("add: %lld x %s, total %s\n", (long long)wanted[i].quantity, wanted[i].sku,
           money(shop_cart_total_minor(cart), shop_cart_currency(cart)));
  }
  shop_cart_free(cart);
  return cart_id;
}

/* Step 4.1: what a web server would ask at every request. */
static int64_t check_session(shop_t *shop, const shop_token_t *token) {
  shop_session_t *session = NULL;
  const shop_cart_t *cart;
  int64_t total;

  must(shop_session_check_jwt(shop, shop_token_jwt(token), &session, err), "session");
  must(shop_session_status(session), "token");
  cart = shop_session_cart(session);
  printf("session: %s is signed in, cart version %lld:\n", shop_session_email(session),
         (long long)shop_cart_version(cart));
  for (int32_t i = 0; i < shop_cart_line_count(cart); i++)
    printf("  %3lld x %-28s %14s  (%lld available)\n", (long long)shop_cart_line_quantity(cart, i),
           shop_cart_line_name(cart, i),
           money(shop_cart_line_total_minor(cart, i), shop_cart_currency(cart)),
           (long long)shop_cart_line_available(cart, i));
  total = shop_cart_total_minor(cart);
  shop_session_free(session);
  return total;
}

/* Step 5: the key is made once per click, so that a double click buys once. */
static int32_t buy(shop_t *shop, const shop_token_t *token, int64_t cart_id, int64_t goods_minor,
                   const char *method, shop_order_t **order) {
  shop_purchase_request_t *request = NULL;
  shop_options_t *options = NULL;
  char key[64];
  int32_t status;

  must(shop_purchase_request_new(&request), "request");
  must(shop_purchase_request_set_method(request, method), "method");
  must(shop_purchase_request_add_adjustment(request, SHOP_ADJUSTMENT_SHIPPING, "Parcel", 490),
       "shipping");
  must(shop_purchase_request_set_shipping_address(request, "Ada Lovelace\n12 St James's Square\n"
                                                           "London"),
       "address");
  must(shop_purchase_request_set_expected_total(request, goods_minor + 490, "EUR"), "total");
  must(shop_options_new(&options), "options");
  snprintf(key, sizeof key, "click-%lld-%s", (long long)cart_id, method);
  must(shop_options_set_idempotency_key(options, key), "key");
  status = shop_purchase(shop, token, cart_id, request, options, order, err);
  shop_options_free(options);
  shop_purchase_request_free(request);
  return status;
}

static void audit(shop_t *shop) {
  shop_audit_t *audit = NULL;

  must(shop_verify(shop, &audit, err), "verify");
  for (int32_t i = 0; i < shop_audit_finding_count(audit); i++)
    printf("  %s\n", shop_audit_finding_text(audit, i));
  printf("%s: %lld orders, %lld violations, %lld need attention\n",
         shop_audit_violations(audit) == 0 ? "verified" : "NOT SOUND",
         (long long)shop_audit_orders(audit), (long long)shop_audit_violations(audit),
         (long long)shop_audit_attentions(audit));
  if (shop_audit_violations(audit) != 0)
    exit(1);
  shop_audit_free(audit);
}

int main(int argc, char **argv) {
  shop_order_t *order = NULL;
  shop_token_t *token;
  shop_t *shop;
  int64_t cart_id, goods_minor;
  int32_t status;

  if (argc != 2) {
    fprintf(stderr, "usage: %s STORE\n", argv[0]);
    return 2;
  }
  must(shop_error_new(&err), "error");
  shop = open_shop(argv[1]);
  token = sign_in(shop, "Ada@example.org", "correct horse battery staple");
  cart_id = fill_cart(shop, token);
  goods_minor = check_session(shop, token);

  status = buy(shop, token, cart_id, goods_minor, "pm_card_declined", &order);
  printf("purchase: %s: %s\n", shop_status_name(status), shop_error_message(err));
  if (status != SHOP_DECLINED)
    return 1;
  shop_order_free(order);

  status = buy(shop, token, cart_id, goods_minor, "pm_card_visa", &order);
  must(status, "purchase");
  printf("purchase: order %s placed, %s paid as %s\n", shop_order_number(order),
         money(shop_order_captured_minor(order), shop_order_captured_currency(order)),
         shop_order_gateway_reference(order));
  shop_order_free(order);

  audit(shop);
  shop_token_free(token);
  must(shop_close(shop), "close");
  shop_error_free(err);
  return 0;
}
