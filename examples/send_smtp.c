/*
 * A purchase whose confirmation is delivered by a real mail server, with
 * libshop-smtp. Port 465 means TLS from the first byte, every other STARTTLS;
 * there is no way to send without.
 *
 *   SMTP_PASSWORD=... send_smtp STORE HOST PORT LOGIN FROM TO [CA_FILE [TLS_NAME]]
 *
 * FROM is the shop's mailbox, TO the customer's. CA_FILE and TLS_NAME are for a
 * server of one's own, whose certificate the system does not know.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <shop.h>
#include <shop/smtp.h>

static shop_error_t *err;

/* Ends the program when a step fails that must not. */
static void must(int32_t status, const char *step) {
  if (status == SHOP_OK)
    return;
  fprintf(stderr, "%s: %s: %s\n", step, shop_status_name(status), shop_error_message(err));
  exit(1);
}

/* A gateway that approves everything. A real one would ask a payment provider. */
static void charge(shop_gateway_call_t *call, void *user) {
  (void)user;
  shop_gateway_call_set_captured(call, shop_gateway_call_key(call),
                                 shop_gateway_call_amount_minor(call),
                                 shop_gateway_call_currency(call));
}

/* The mail server. The password comes from the environment: arguments can be seen by everybody. */
static shop_smtp_t *make_transport(char **argv, const char *ca_file, const char *tls_name) {
  const char *password = getenv("SMTP_PASSWORD");
  shop_smtp_config_t *config = NULL;
  shop_smtp_t *smtp = NULL;
  int32_t port = atoi(argv[3]);

  if (password == NULL) {
    fprintf(stderr, "SMTP_PASSWORD is not set\n");
    exit(2);
  }
  must(shop_smtp_config_new(&config), "config");
  must(shop_smtp_config_set_host(config, argv[2]), "host");
  must(shop_smtp_config_set_port(config, port), "port");
  if (port == 465)
    must(shop_smtp_config_set_security(config, SHOP_SMTP_TLS), "security");
  must(shop_smtp_config_set_password(config, argv[4], password), "password");
  if (ca_file != NULL)
    must(shop_smtp_config_set_ca_file(config, ca_file), "CA file");
  if (tls_name != NULL)
    must(shop_smtp_config_set_tls_name(config, tls_name), "TLS name");
  must(shop_smtp_new(config, &smtp, err), "transport");
  shop_smtp_config_free(config);
  return smtp;
}

static shop_t *open_shop(const char *path, const char *mailbox, shop_smtp_t *smtp) {
  shop_config_t *config = NULL;
  shop_t *shop = NULL;

  must(shop_config_new(&config), "config");
  must(shop_config_set_name(config, "The Corner Shop"), "name");
  must(shop_config_set_mail_from(config, mailbox), "FROM");
  must(shop_config_set_gateway_charge(config, charge, NULL), "gateway");
  must(shop_config_set_mail_transport(config, shop_smtp_transport, smtp), "transport");
  must(shop_open(path, config, &shop, err), "open");
  shop_config_free(config);
  must(shop_recover(shop, 100, NULL, err), "recover");
  return shop;
}

/* Registers, or logs in who was here before; fills a cart; buys. */
static shop_order_t *buy(shop_t *shop, const char *email) {
  static const char password[] = "correct horse battery staple";
  shop_purchase_request_t *request = NULL;
  shop_token_t *token = NULL;
  shop_cart_t *cart = NULL, *filled = NULL;
  shop_order_t *order = NULL;
  int32_t status = shop_user_register(shop, email, password, NULL, &token, err);

  if (status == SHOP_ERR_EMAIL_TAKEN)
    status = shop_user_login(shop, email, password, NULL, &token, err);
  must(status, "sign in");
  must(shop_product_put(shop, "TEA-001", "Green tea", NULL, 999, "EUR", 100, NULL, NULL, err),
       "product");
  must(shop_cart_create(shop, token, NULL, &cart, err), "cart");
  must(shop_cart_add(shop, token, shop_cart_id(cart), "TEA-001", 2, NULL, &filled, err), "add");
  must(shop_purchase_request_new(&request), "request");
  must(shop_purchase_request_set_method(request, "pm_card_visa"), "method");
  /* The mail goes out inside this call, after the order is stored; where that fails, the order
     stands and the mail waits. */
  must(shop_purchase(shop, token, shop_cart_id(cart), request, NULL, &order, err), "purchase");
  shop_purchase_request_free(request);
  shop_cart_free(filled);
  shop_cart_free(cart);
  shop_token_free(token);
  return order;
}

/* Prints the mails that wait or are dead with the reason; how many there are. */
static int32_t list(shop_t *shop, int32_t state, const char *what) {
  shop_mail_page_t *page = NULL;
  int32_t count;

  must(shop_mail_list(shop, state, 0, 100, &page, err), "list");
  count = shop_mail_page_count(page);
  for (int32_t i = 0; i < count; i++)
    printf("order %s: the mail to %s %s: %s\n", shop_mail_page_order_number(page, i),
           shop_mail_page_recipient(page, i), what, shop_mail_page_reason(page, i));
  shop_mail_page_free(page);
  return count;
}

int main(int argc, char **argv) {
  shop_smtp_t *smtp;
  shop_order_t *order;
  shop_t *shop;
  int32_t left;

  if (argc < 7 || argc > 9) {
    fprintf(stderr, "usage: %s STORE HOST PORT LOGIN FROM TO [CA_FILE [TLS_NAME]]\n", argv[0]);
    return 2;
  }
  must(shop_error_new(&err), "error");
  smtp = make_transport(argv, argc > 7 ? argv[7] : NULL, argc > 8 ? argv[8] : NULL);
  shop = open_shop(argv[1], argv[5], smtp);
  order = buy(shop, argv[6]);
  printf("order %s is placed\n", shop_order_number(order));
  shop_order_free(order);
  must(shop_mail_deliver(shop, 100, NULL, err), "deliver"); /* what waited from earlier runs */
  left = list(shop, SHOP_MAIL_QUEUED, "waits") + list(shop, SHOP_MAIL_DEAD, "was refused");
  if (left == 0)
    printf("all mail is delivered\n");
  must(shop_smtp_close(smtp, err), "quit");
  must(shop_close(shop), "close");
  shop_smtp_free(smtp);
  shop_error_free(err);
  return left == 0 ? 0 : 3;
}
