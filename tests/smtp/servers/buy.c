/*
 * A host with purchases and a mail server. It places orders whose mails wait,
 * or delivers what waits; the tests in Python drive it.
 *
 *   buy place STORE < ORDERS     one line each: e-mail address, shipping address and
 *                                names of products, in hexadecimal; prints "placed NUMBER"
 *                                or "refused STATUS" for each
 *   buy deliver STORE NAME=VALUE...
 *
 * with host, port, security (starttls, tls or plain), name, ca, login, and the
 * password in SMTP_PASSWORD; clock: ms that have passed meanwhile. It ends when
 * nothing is due, and prints how many it delivered, in how many ms, and the
 * pages of memory it had after the first tenth and at the end.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <shop.h>
#include <shop/smtp.h>

static shop_error_t *err;

static void must(int32_t status, const char *what) {
  if (status == SHOP_OK)
    return;
  fprintf(stderr, "%s: %s: %s\n", what, shop_status_name(status), shop_error_message(err));
  exit(2);
}

static void approve(shop_gateway_call_t *call, void *user) {
  (void)user;
  shop_gateway_call_set_captured(call, shop_gateway_call_key(call),
                                 shop_gateway_call_amount_minor(call),
                                 shop_gateway_call_currency(call));
}

static int64_t now_ms(void) {
  struct timespec now;

  clock_gettime(CLOCK_REALTIME, &now);
  return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int64_t later_ms(void *user) {
  return now_ms() + *(const int64_t *)user;
}

static shop_t *open_shop(const char *path, shop_smtp_t *smtp, int64_t *passed_ms) {
  shop_config_t *config = NULL;
  shop_t *shop = NULL;

  must(shop_config_new(&config), "config");
  must(shop_config_set_name(config, "T\xC3\xA9 & Co"), "name");
  must(shop_config_set_mail_from(config, "orders@shop.example"), "mail_from");
  must(shop_config_set_password_cost(config, 8, 1), "cost");
  must(shop_config_set_gateway_charge(config, approve, NULL), "gateway");
  must(shop_config_set_mail_at_once(config, false), "at once");
  must(shop_config_set_clock(config, later_ms, passed_ms), "clock");
  if (smtp != NULL)
    must(shop_config_set_mail_transport(config, shop_smtp_transport, smtp), "transport");
  must(shop_open(path, config, &shop, err), "open");
  shop_config_free(config);
  return shop;
}

/* ---- placing ------------------------------------------------------------------------------ */

static void unhex(char *word, char *out, size_t room) {
  size_t size = 0;

  for (; word[0] != '\0' && word[1] != '\0' && size + 1 < room; word += 2) {
    char pair[3] = {word[0], word[1], '\0'};
    out[size++] = (char)strtol(pair, NULL, 16);
  }
  out[size] = '\0';
}

static int32_t sign_in(shop_t *shop, const char *email, shop_token_t **token) {
  int32_t status = shop_user_register(shop, email, "correct horse", NULL, token, err);

  if (status == SHOP_ERR_EMAIL_TAKEN)
    status = shop_user_login(shop, email, "correct horse", NULL, token, err);
  return status;
}

static int32_t fill_cart(shop_t *shop, const shop_token_t *token, int64_t cart_id, char **rest) {
  static int number;
  int32_t status = SHOP_OK;
  char *word;

  while (status == SHOP_OK && (word = strtok_r(NULL, " \n", rest)) != NULL) {
    char name[2000], sku[40];
    shop_cart_t *cart = NULL;
    unhex(word, name, sizeof name);
    snprintf(sku, sizeof sku, "S%lld-%d", (long long)cart_id, number++);
    status = shop_product_put(shop, sku, name, NULL, 1250, "EUR", 1000, NULL, NULL, err);
    if (status == SHOP_OK)
      status = shop_cart_add(shop, token, cart_id, sku, 2, NULL, &cart, err);
    shop_cart_free(cart);
  }
  return status;
}

static int32_t purchase(shop_t *shop, const shop_token_t *token, int64_t cart_id,
                        const char *address, shop_order_t **order) {
  shop_purchase_request_t *request = NULL;
  int32_t status;

  must(shop_purchase_request_new(&request), "request");
  must(shop_purchase_request_set_method(request, "pm_card_visa"), "method");
  status = shop_purchase_request_set_shipping_address(request, address);
  if (status == SHOP_OK)
    status = shop_purchase(shop, token, cart_id, request, NULL, order, err);
  shop_purchase_request_free(request);
  return status;
}

static void place(shop_t *shop, char *line) {
  char email[1000], address[4000], *rest = NULL;
  shop_token_t *token = NULL;
  shop_cart_t *cart = NULL;
  shop_order_t *order = NULL;
  int32_t status;

  unhex(strtok_r(line, " \n", &rest), email, sizeof email);
  unhex(strtok_r(NULL, " \n", &rest), address, sizeof address);
  status = sign_in(shop, email, &token);
  if (status == SHOP_OK)
    status = shop_cart_create(shop, token, NULL, &cart, err);
  if (status == SHOP_OK)
    status = fill_cart(shop, token, shop_cart_id(cart), &rest);
  if (status == SHOP_OK)
    status = purchase(shop, token, shop_cart_id(cart), address, &order);
  if (status == SHOP_OK)
    printf("placed %s\n", shop_order_number(order));
  else
    printf("refused %s\n", shop_status_name(status));
  shop_order_free(order);
  shop_cart_free(cart);
  shop_token_free(token);
}

/* ---- delivering ------------------------------------------------------------------------------ */

static const char *option(char **argv, const char *name, const char *otherwise) {
  size_t size = strlen(name);

  for (; *argv != NULL; argv++)
    if (strncmp(*argv, name, size) == 0 && (*argv)[size] == '=')
      return *argv + size + 1;
  return otherwise;
}

static shop_smtp_t *make_transport(char **argv) {
  const char *security = option(argv, "security", "starttls");
  const char *password = getenv("SMTP_PASSWORD");
  shop_smtp_config_t *config = NULL;
  shop_smtp_t *smtp = NULL;

  must(shop_smtp_config_new(&config), "config");
  must(shop_smtp_config_set_host(config, option(argv, "host", "127.0.0.1")), "host");
  must(shop_smtp_config_set_port(config, atoi(option(argv, "port", "587"))), "port");
  must(shop_smtp_config_set_security(config, strcmp(security, "plain") == 0 ? SHOP_SMTP_PLAINTEXT
                                             : strcmp(security, "tls") == 0 ? SHOP_SMTP_TLS
                                                                            : SHOP_SMTP_STARTTLS),
       "security");
  must(shop_smtp_config_set_mails_max(config, 1000000), "mails");
  if (option(argv, "name", NULL) != NULL)
    must(shop_smtp_config_set_tls_name(config, option(argv, "name", "")), "name");
  if (option(argv, "ca", NULL) != NULL)
    must(shop_smtp_config_set_ca_file(config, option(argv, "ca", "")), "ca");
  if (password != NULL)
    must(shop_smtp_config_set_password(config, option(argv, "login", "shop"), password),
         "password");
  must(shop_smtp_new(config, &smtp, err), "transport");
  shop_smtp_config_free(config);
  return smtp;
}

static long pages(void) {
  FILE *file = fopen("/proc/self/statm", "r");
  long size = 0, resident = 0;

  if (file == NULL || fscanf(file, "%ld %ld", &size, &resident) != 2)
    resident = 0;
  if (file != NULL)
    fclose(file);
  return resident;
}

static void deliver(shop_t *shop, shop_smtp_t *smtp) {
  long delivered = 0, at_first = 0;
  int64_t begun = now_ms();
  int32_t now = 0;

  do {
    must(shop_mail_deliver(shop, 1000, &now, err), "deliver");
    delivered += now;
    if (at_first == 0)
      at_first = pages();
  } while (now > 0);
  printf("delivered %ld in %lld ms, pages %ld then %ld\n", delivered, (long long)(now_ms() - begun),
         at_first, pages());
  must(shop_smtp_close(smtp, err), "close");
}

int main(int argc, char **argv) {
  shop_smtp_t *smtp = NULL;
  int64_t passed_ms = 0;
  shop_t *shop;
  char *line = NULL;
  size_t room = 0;

  if (argc < 3)
    return 2;
  must(shop_error_new(&err), "error");
  if (strcmp(argv[1], "deliver") == 0) {
    smtp = make_transport(argv + 3);
    passed_ms = atoll(option(argv + 3, "clock", "0"));
  }
  shop = open_shop(argv[2], smtp, &passed_ms);
  if (smtp != NULL)
    deliver(shop, smtp);
  else
    while (getline(&line, &room, stdin) > 0)
      place(shop, line);
  free(line);
  must(shop_close(shop), "close");
  shop_smtp_free(smtp);
  shop_error_free(err);
  return 0;
}
