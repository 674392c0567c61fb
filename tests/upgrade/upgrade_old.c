/*
 * The older library, as a program beside the test that upgrades its shops:
 *
 *   upgrade_old make FILE     makes a shop in which something of everything is
 *   upgrade_old look FILE     opens and audits it; says what came of it
 *   upgrade_old wait FILE     opens it, says so, waits for a line, then reads and
 *                             writes; says what came of each
 */
#include <shop.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void need(int32_t status, int32_t wanted, const char *what) {
  if (status == wanted)
    return;
  fprintf(stderr, "%s: %s\n", what, shop_status_name(status));
  exit(1);
}

/* The payment method says what the gateway answers. */
static void on_gateway(shop_gateway_call_t *call, void *user) {
  const char *method = shop_gateway_call_method(call), *key = shop_gateway_call_key(call);
  int64_t amount = shop_gateway_call_amount_minor(call);
  const char *currency = shop_gateway_call_currency(call);

  (void)user;
  if (shop_gateway_call_kind(call) == SHOP_OPERATION_REFUND)
    (void)shop_gateway_call_set_refunded(call, key, amount, currency);
  else if (strcmp(method, "take") == 0)
    (void)shop_gateway_call_set_captured(call, key, amount, currency);
  else if (strcmp(method, "set aside") == 0)
    (void)shop_gateway_call_set_authorized(call, key, amount, currency);
  else if (strcmp(method, "wait") == 0)
    (void)shop_gateway_call_set_pending(call, key);
  else
    (void)shop_gateway_call_set_declined(call, "no");
}

static int32_t open_shop(const char *path, shop_t **shop) {
  shop_config_t *config = NULL;
  int32_t status;

  need(shop_config_new(&config), SHOP_OK, "config");
  need(shop_config_set_password_cost(config, 8, 1), SHOP_OK, "cost");
  need(shop_config_set_gateway_charge(config, on_gateway, NULL), SHOP_OK, "charge");
  need(shop_config_set_gateway_refund(config, on_gateway, NULL), SHOP_OK, "refund");
  status = shop_open(path, config, shop, NULL);
  shop_config_free(config);
  return status;
}

/* ---- make -------------------------------------------------------------------------------- */

static int64_t fill_cart(shop_t *shop, const char *email, shop_token_t **token) {
  shop_cart_t *cart = NULL, *filled = NULL;
  int64_t id;

  need(shop_user_register(shop, email, "correct horse battery", NULL, token, NULL), SHOP_OK,
       "register");
  need(shop_cart_create(shop, *token, NULL, &cart, NULL), SHOP_OK, "cart");
  id = shop_cart_id(cart);
  need(shop_cart_add(shop, *token, id, "TEA", 2, NULL, &filled, NULL), SHOP_OK, "add");
  shop_cart_free(cart);
  shop_cart_free(filled);
  return id;
}

static void buy(shop_t *shop, const char *email, const char *method, int32_t wanted, bool refund) {
  shop_purchase_request_t *request = NULL;
  shop_refund_request_t *back = NULL;
  shop_order_t *order = NULL;
  shop_token_t *token = NULL;
  int64_t cart_id = fill_cart(shop, email, &token);

  need(shop_purchase_request_new(&request), SHOP_OK, "request");
  need(shop_purchase_request_set_method(request, method), SHOP_OK, "method");
  need(shop_purchase(shop, token, cart_id, request, NULL, &order, NULL), wanted, method);
  if (refund) {
    need(shop_refund_request_new(&back), SHOP_OK, "refund");
    need(shop_refund_request_set_amount(back, 100, "EUR"), SHOP_OK, "refund");
    need(shop_refund_request_add_return(back, "TEA", 1), SHOP_OK, "refund");
    need(shop_order_refund(shop, shop_order_number(order), back, NULL, NULL, NULL), SHOP_OK,
         "refund");
  }
  shop_refund_request_free(back);
  shop_purchase_request_free(request);
  shop_order_free(order);
  shop_token_free(token);
}

static int make(const char *path) {
  shop_t *shop = NULL;
  shop_token_t *token = NULL;
  shop_cart_t *cart = NULL;
  int64_t cart_id;

  need(open_shop(path, &shop), SHOP_OK, "open");
  need(shop_product_put(shop, "TEA", "Tea", "Green.", 999, "EUR", 50, NULL, NULL, NULL), SHOP_OK,
       "put");
  buy(shop, "ada@example.org", "take", SHOP_OK, true);
  buy(shop, "bob@example.org", "set aside", SHOP_OK, false);
  buy(shop, "eve@example.org", "wait", SHOP_PENDING, false);
  buy(shop, "dan@example.org", "refuse", SHOP_DECLINED, false);
  cart_id = fill_cart(shop, "fay@example.org", &token);
  need(shop_cart_hold(shop, token, cart_id, 60000, NULL, &cart, NULL), SHOP_OK, "hold");
  shop_cart_free(cart);
  shop_token_free(token);
  need(shop_close(shop), SHOP_OK, "close");
  return 0;
}

/* ---- look and wait -------------------------------------------------------------------------- */

static int look(const char *path) {
  shop_t *shop = NULL;
  shop_audit_t *audit = NULL;
  int32_t status = open_shop(path, &shop);

  if (status == SHOP_OK) {
    need(shop_verify(shop, &audit, NULL), SHOP_OK, "verify");
    if (shop_audit_violations(audit) > 0)
      status = SHOP_ERR_CORRUPT;
    shop_audit_free(audit);
  }
  printf("%s\n", shop_status_name(status));
  return shop_close(shop) == SHOP_OK ? 0 : 1;
}

static int wait_for_it(const char *path) {
  shop_t *shop = NULL;
  shop_product_t *product = NULL;
  char line[20];

  need(open_shop(path, &shop), SHOP_OK, "open");
  printf("open\n");
  fflush(stdout);
  if (fgets(line, sizeof line, stdin) == NULL)
    return 1;
  printf("%s\n", shop_status_name(shop_product_get(shop, "TEA", &product, NULL)));
  printf("%s\n", shop_status_name(shop_product_retire(shop, "TEA", NULL, NULL)));
  shop_product_free(product);
  return shop_close(shop) == SHOP_OK ? 0 : 1;
}

int main(int argc, char **argv) {
  if (argc == 3 && strcmp(argv[1], "make") == 0)
    return make(argv[2]);
  if (argc == 3 && strcmp(argv[1], "look") == 0)
    return look(argv[2]);
  if (argc == 3 && strcmp(argv[1], "wait") == 0)
    return wait_for_it(argv[2]);
  fprintf(stderr, "usage: upgrade_old make|look|wait FILE\n");
  return 2;
}
