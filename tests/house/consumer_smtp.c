/*
 * A host that delivers by libshop-smtp, linked against the installed libraries.
 * Nobody listens where it sends to: that is an answer too, and by then every
 * library has been used. Usage: consumer_smtp STORE
 */
#include <stdio.h>

#include <shop.h>
#include <shop/smtp.h>

/* Opens a shop with the transport, and sends one mail beside it. */
static int32_t use(const char *path, shop_smtp_t *smtp, shop_error_t *err) {
  static const char message[] = "Subject: x\r\n\r\nx\r\n";
  shop_smtp_answer_t *answer = NULL;
  shop_config_t *config = NULL;
  shop_t *shop = NULL;
  int32_t status = shop_config_new(&config);

  if (status == SHOP_OK)
    status = shop_config_set_mail_transport(config, shop_smtp_transport, smtp);
  if (status == SHOP_OK)
    status = shop_open(path, config, &shop, err);
  if (status == SHOP_OK)
    status = shop_mail_deliver(shop, 10, NULL, err);
  if (status == SHOP_OK)
    status = shop_smtp_send(smtp, "", "ada@example.org", message, sizeof message - 1, &answer, err);
  if (status == SHOP_OK && shop_smtp_answer_result(answer) != SHOP_SMTP_LATER)
    status = SHOP_ERR_STATE;
  shop_smtp_answer_free(answer);
  shop_config_free(config);
  return shop_close(shop) != SHOP_OK ? SHOP_ERR_STATE : status;
}

int main(int argc, char **argv) {
  shop_smtp_config_t *config = NULL;
  shop_smtp_t *smtp = NULL;
  shop_error_t *err = NULL;
  int32_t status;

  if (argc != 2 || shop_error_new(&err) != SHOP_OK || shop_smtp_config_new(&config) != SHOP_OK)
    return 2;
  status = shop_smtp_config_set_host(config, "127.0.0.1");
  if (status == SHOP_OK)
    status = shop_smtp_config_set_port(config, 1);
  if (status == SHOP_OK) /* trusts nobody: a machine need not have the system's bundle */
    status = shop_smtp_config_set_security(config, SHOP_SMTP_PLAINTEXT);
  if (status == SHOP_OK)
    status = shop_smtp_new(config, &smtp, err);
  if (status == SHOP_OK)
    status = use(argv[1], smtp, err);
  printf("libshop %s: %s %s\n", shop_version(), shop_status_name(status), shop_error_message(err));
  shop_smtp_free(smtp);
  shop_smtp_config_free(config);
  shop_error_free(err);
  return status == SHOP_OK ? 0 : 1;
}
