/* Optional inputs of calls. */
#include <string.h>

#include "flow.h"

#define DEADLINE_MAX_MS INT64_C(86400000)

int32_t shop_options_new(shop_options_t **out) {
  if (out == NULL)
    return SHOP_ERR_ARGUMENT;
  *out = shop__memory_zalloc(sizeof **out);
  return *out == NULL ? SHOP_ERR_NO_MEMORY : SHOP_OK;
}

void shop_options_free(shop_options_t *options) {
  shop__memory_free(options);
}

int32_t shop_options_set_idempotency_key(shop_options_t *options, const char *key) {
  int32_t status;

  if (options == NULL)
    return SHOP_ERR_ARGUMENT;
  if (key == NULL) {
    options->key[0] = '\0';
    return SHOP_OK;
  }
  status = shop__text_check("key", key, 1, SHOP__KEY_MAX, SHOP__TEXT_LINE, NULL);
  if (status == SHOP_OK)
    memcpy(options->key, key, strlen(key) + 1);
  return status;
}

int32_t shop_options_set_expected_version(shop_options_t *options, int64_t version) {
  if (options == NULL || version < 0)
    return SHOP_ERR_ARGUMENT;
  options->expected_version = version;
  return SHOP_OK;
}

int32_t shop_options_set_deadline_ms(shop_options_t *options, int64_t deadline_ms) {
  if (options == NULL || deadline_ms < 0 || deadline_ms > DEADLINE_MAX_MS)
    return SHOP_ERR_ARGUMENT;
  options->deadline_ms = deadline_ms;
  return SHOP_OK;
}

int32_t shop__options_check(const shop_options_t *options, int32_t taken, shop_error_t *err) {
  if (options == NULL)
    return SHOP_OK;
  if (options->key[0] != '\0' && (taken & SHOP__TAKES_KEY) == 0)
    return shop__error_set(err, SHOP_ERR_ARGUMENT, "this call takes no idempotency key");
  if (options->expected_version != 0 && (taken & SHOP__TAKES_VERSION) == 0)
    return shop__error_set(err, SHOP_ERR_ARGUMENT, "this call takes no expected version");
  return SHOP_OK;
}

struct shop__db_write_rule shop__options_rule(const shop_options_t *options, bool payment) {
  return (struct shop__db_write_rule){
      .deadline_ms = options == NULL ? 0 : options->deadline_ms,
      .payment = payment,
  };
}
