/*
 * A host: what a program needs that links the installed library. It touches
 * every library that libshop itself needs, so that one left out of the link
 * line is missed here. Usage: consumer STORE
 */
#include <stdio.h>
#include <string.h>

#include <shop.h>

/* A key of P-256 is made (mbedTLS), a password is hashed (libsodium), a token
   is signed and verified (libjwt, jansson), all in a store (SQLite). */
static int32_t use(shop_t *shop, shop_error_t *err) {
  shop_token_t *token = NULL, *again = NULL;
  int32_t status;

  status = shop_user_register(shop, "ada@example.org", "correct horse", NULL, &token, err);
  if (status == SHOP_OK)
    status = shop_token_verify(shop, shop_token_jwt(token), &again, err);
  shop_token_free(token);
  shop_token_free(again);
  return status;
}

int main(int argc, char **argv) {
  shop_config_t *config = NULL;
  shop_error_t *err = NULL;
  shop_t *shop = NULL;
  int32_t status;

  if (argc != 2 || shop_error_new(&err) != SHOP_OK || shop_config_new(&config) != SHOP_OK)
    return 2;
  status = shop_config_set_token_algorithm(config, SHOP_TOKEN_ES256);
  if (status == SHOP_OK)
    status = shop_config_set_password_cost(config, 8, 1);
  if (status == SHOP_OK)
    status = shop_open(argv[1], config, &shop, err);
  if (status == SHOP_OK)
    status = use(shop, err);
  printf("libshop %s: %s %s\n", shop_version(), shop_status_name(status), shop_error_message(err));
  if (shop_close(shop) != SHOP_OK)
    status = 1;
  shop_config_free(config);
  shop_error_free(err);
  return status == SHOP_OK ? 0 : 1;
}
