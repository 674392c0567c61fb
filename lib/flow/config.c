/* Settings: their defaults, ranges and setters. */
#include <string.h>

#include "flow.h"

#define MINUTE_MS INT64_C(60000)
#define HOUR_MS (60 * MINUTE_MS)
#define DAY_MS (24 * HOUR_MS)
#define YEAR_MS (365 * DAY_MS)
#define TEN_YEARS_MS (3650 * DAY_MS)

void shop__config_defaults(struct shop_config *config) {
  *config = (struct shop_config){
      .name = "Shop",
      .mail_from = "shop@localhost.localdomain",
      .issuer = "libshop",
      .durability = SHOP_DURABILITY_FULL,
      .busy_timeout_ms = 5000,
      .token_algorithm = SHOP_TOKEN_HS256,
      .token_life_ms = 30 * DAY_MS,
      .refresh_life_ms = 90 * DAY_MS,
      .refresh_idle_ms = 30 * DAY_MS,
      .password = {.memory_kib = 19456, .passes = 2, .parallel_max = 2},
      .password_length_min = 8,
      .cart_lines_max = 200,
      .quantity_max = 999,
      .gateway_key_life_ms = 20 * HOUR_MS,
      .gateway_lease_ms = 2 * MINUTE_MS,
      .payment_hold_ms = DAY_MS,
      .authorization_life_ms = 7 * DAY_MS,
      .cart_life_ms = 90 * DAY_MS,
      .guest_life_ms = 30 * DAY_MS,
      .cart_hold_max_ms = 15 * MINUTE_MS,
      .idempotency_life_ms = 30 * DAY_MS,
      .event_life_ms = TEN_YEARS_MS,
      .language = "en",
      .mail_at_once = true,
      .mail_lease_ms = 5 * MINUTE_MS,
      .mail_first_wait_ms = MINUTE_MS,
      .mail_longest_wait_ms = 6 * HOUR_MS,
      .mail_tries_max = 20,
      .mail_life_ms = 90 * DAY_MS,
      .mail_dead_life_ms = YEAR_MS,
  };
  for (int32_t kind = SHOP_MAIL_CONFIRMATION; kind <= SHOP_MAIL_REGISTRATION; kind++)
    config->mail_kinds[kind] = kind != SHOP_MAIL_WELCOME;
  shop__guess_defaults(&config->guess);
  shop__code_defaults(&config->codes);
}

int32_t shop_config_new(shop_config_t **out) {
  if (out == NULL)
    return SHOP_ERR_ARGUMENT;
  *out = shop__memory_zalloc(sizeof **out);
  if (*out == NULL)
    return SHOP_ERR_NO_MEMORY;
  shop__config_defaults(*out);
  return SHOP_OK;
}

void shop_config_free(shop_config_t *config) {
  if (config != NULL) {
    shop__mail_templates_free(config->templates);
    shop__memory_wipe(config, sizeof *config);
  }
  shop__memory_free(config);
}

/* The one rule of the numbers: in range, or nothing changes. */
static int32_t set_int32(shop_config_t *config, int32_t *field, int32_t value, int32_t min,
                         int32_t max) {
  if (config == NULL || value < min || value > max)
    return SHOP_ERR_ARGUMENT;
  *field = value;
  return SHOP_OK;
}

static int32_t set_int64(shop_config_t *config, int64_t *field, int64_t value, int64_t min,
                         int64_t max) {
  if (config == NULL || value < min || value > max)
    return SHOP_ERR_ARGUMENT;
  *field = value;
  return SHOP_OK;
}

/* The address of a field is taken of NULL nowhere: a NULL config is refused
   before its field is named. */
#define FIELD(config, name) ((config) == NULL ? NULL : &(config)->name)

static int32_t set_text(char *field, const char *text, size_t max) {
  int32_t status = shop__text_check("text", text, 1, max, SHOP__TEXT_LINE, NULL);

  if (status == SHOP_OK)
    memcpy(field, text, strlen(text) + 1);
  return status;
}

int32_t shop_config_set_name(shop_config_t *config, const char *name) {
  return config == NULL ? SHOP_ERR_ARGUMENT : set_text(config->name, name, SHOP__NAME_MAX);
}

int32_t shop_config_set_mail_from(shop_config_t *config, const char *mailbox) {
  char key[SHOP__EMAIL_BYTES];
  int32_t status = config == NULL ? SHOP_ERR_ARGUMENT : shop__email_parse(mailbox, key, NULL);

  if (status == SHOP_OK)
    memcpy(config->mail_from, mailbox, strlen(mailbox) + 1);
  return status;
}

int32_t shop_config_set_mail_reply_to(shop_config_t *config, const char *mailbox) {
  char key[SHOP__EMAIL_BYTES];
  int32_t status;

  if (config == NULL)
    return SHOP_ERR_ARGUMENT;
  if (mailbox == NULL) {
    config->mail_reply_to[0] = '\0';
    return SHOP_OK;
  }
  status = shop__email_parse(mailbox, key, NULL);
  if (status == SHOP_OK)
    memcpy(config->mail_reply_to, mailbox, strlen(mailbox) + 1);
  return status;
}

int32_t shop_config_set_language(shop_config_t *config, const char *language) {
  if (config == NULL || language == NULL || !shop__language_tag(language))
    return SHOP_ERR_ARGUMENT;
  memcpy(config->language, language, strlen(language) + 1);
  return SHOP_OK;
}

int32_t shop_config_set_durability(shop_config_t *config, int32_t durability) {
  return set_int32(config, FIELD(config, durability), durability, SHOP_DURABILITY_FULL,
                   SHOP_DURABILITY_NORMAL);
}

int32_t shop_config_set_busy_timeout_ms(shop_config_t *config, int64_t timeout_ms) {
  return set_int64(config, FIELD(config, busy_timeout_ms), timeout_ms, 0, 600000);
}

int32_t shop_config_set_token_algorithm(shop_config_t *config, int32_t algorithm) {
  return set_int32(config, FIELD(config, token_algorithm), algorithm, SHOP_TOKEN_HS256,
                   SHOP_TOKEN_ES256);
}

int32_t shop_config_set_token_issuer(shop_config_t *config, const char *issuer) {
  return config == NULL ? SHOP_ERR_ARGUMENT
                        : set_text(config->issuer, issuer, SHOP__ISSUER_MAX_BYTES);
}

int32_t shop_config_set_token_audience(shop_config_t *config, const char *audience) {
  if (config != NULL && audience == NULL) {
    config->audience[0] = '\0';
    return SHOP_OK;
  }
  return config == NULL ? SHOP_ERR_ARGUMENT
                        : set_text(config->audience, audience, SHOP__ISSUER_MAX_BYTES);
}

int32_t shop_config_set_access_life_ms(shop_config_t *config, int64_t life_ms) {
  if (life_ms != 0)
    return set_int64(config, FIELD(config, access_life_ms), life_ms, 1000, TEN_YEARS_MS);
  return set_int64(config, FIELD(config, access_life_ms), 0, 0, 0);
}

int32_t shop_config_set_refresh_life_ms(shop_config_t *config, int64_t life_ms) {
  return set_int64(config, FIELD(config, refresh_life_ms), life_ms, 1000, TEN_YEARS_MS);
}

int32_t shop_config_set_refresh_idle_ms(shop_config_t *config, int64_t idle_ms) {
  return set_int64(config, FIELD(config, refresh_idle_ms), idle_ms, 1000, TEN_YEARS_MS);
}

int32_t shop_config_set_token_skew_ms(shop_config_t *config, int64_t skew_ms) {
  return set_int64(config, FIELD(config, token_skew_ms), skew_ms, 0, SHOP__TOKEN_SKEW_MAX_MS);
}

int32_t shop_config_set_token_life_ms(shop_config_t *config, int64_t life_ms) {
  return set_int64(config, FIELD(config, token_life_ms), life_ms, 1000, TEN_YEARS_MS);
}

int32_t shop_config_set_password_cost(shop_config_t *config, int32_t memory_kib, int32_t passes) {
  if (config == NULL || memory_kib < 8 || memory_kib > 4194304 || passes < 1 || passes > 64)
    return SHOP_ERR_ARGUMENT;
  config->password.memory_kib = memory_kib;
  config->password.passes = passes;
  return SHOP_OK;
}

int32_t shop_config_set_password_parallel(shop_config_t *config, int32_t count) {
  return set_int32(config, FIELD(config, password.parallel_max), count, 1, 1024);
}

int32_t shop_config_set_cart_lines_max(shop_config_t *config, int32_t count) {
  return set_int32(config, FIELD(config, cart_lines_max), count, 1, 1000);
}

int32_t shop_config_set_quantity_max(shop_config_t *config, int32_t count) {
  return set_int32(config, FIELD(config, quantity_max), count, 1, 1000000);
}

int32_t shop_config_set_clock(shop_config_t *config, int64_t (*now_ms)(void *user), void *user) {
  if (config == NULL)
    return SHOP_ERR_ARGUMENT;
  config->clock = (struct shop__clock){now_ms, user};
  return SHOP_OK;
}

int32_t shop_config_set_log(shop_config_t *config,
                            void (*log)(void *user, int32_t level, const char *text),
                            void *user) {
  if (config == NULL)
    return SHOP_ERR_ARGUMENT;
  config->log = log;
  config->log_user = user;
  return SHOP_OK;
}

static int32_t set_gateway(shop_config_t *config, int32_t kind, shop_gateway_fn fn, void *user) {
  if (config == NULL)
    return SHOP_ERR_ARGUMENT;
  config->gateway[kind] = (struct shop__gateway_callback){fn, user};
  return SHOP_OK;
}

int32_t shop_config_set_gateway_charge(shop_config_t *config, shop_gateway_fn charge, void *user) {
  return set_gateway(config, SHOP_OPERATION_CHARGE, charge, user);
}

int32_t shop_config_set_gateway_capture(shop_config_t *config, shop_gateway_fn capture,
                                        void *user) {
  return set_gateway(config, SHOP_OPERATION_CAPTURE, capture, user);
}

int32_t shop_config_set_gateway_void(shop_config_t *config, shop_gateway_fn void_fn, void *user) {
  return set_gateway(config, SHOP_OPERATION_VOID, void_fn, user);
}

int32_t shop_config_set_gateway_refund(shop_config_t *config, shop_gateway_fn refund, void *user) {
  return set_gateway(config, SHOP_OPERATION_REFUND, refund, user);
}

int32_t shop_config_set_gateway_query(shop_config_t *config, shop_gateway_fn query, void *user) {
  return set_gateway(config, 0, query, user);
}

int32_t shop_config_set_payment_hold_ms(shop_config_t *config, int64_t hold_ms) {
  return set_int64(config, FIELD(config, payment_hold_ms), hold_ms, 1000, YEAR_MS);
}

int32_t shop_config_set_authorization_life_ms(shop_config_t *config, int64_t life_ms) {
  return set_int64(config, FIELD(config, authorization_life_ms), life_ms, 1000, YEAR_MS);
}

int32_t shop_config_set_cart_life_ms(shop_config_t *config, int64_t life_ms) {
  return set_int64(config, FIELD(config, cart_life_ms), life_ms, 1000, TEN_YEARS_MS);
}

int32_t shop_config_set_cart_hold_max_ms(shop_config_t *config, int64_t hold_ms) {
  return set_int64(config, FIELD(config, cart_hold_max_ms), hold_ms, 1000, DAY_MS);
}

int32_t shop_config_set_guest_life_ms(shop_config_t *config, int64_t life_ms) {
  return set_int64(config, FIELD(config, guest_life_ms), life_ms, 1000, TEN_YEARS_MS);
}

int32_t shop_config_set_idempotency_life_ms(shop_config_t *config, int64_t life_ms) {
  return set_int64(config, FIELD(config, idempotency_life_ms), life_ms, 1000, TEN_YEARS_MS);
}

int32_t shop_config_set_event_life_ms(shop_config_t *config, int64_t life_ms) {
  return set_int64(config, FIELD(config, event_life_ms), life_ms, 1000, 10 * TEN_YEARS_MS);
}

int32_t shop_config_set_closed_life_ms(shop_config_t *config, int64_t life_ms) {
  return set_int64(config, FIELD(config, closed_life_ms), life_ms, life_ms == 0 ? 0 : 1000,
                   10 * TEN_YEARS_MS);
}

int32_t shop_config_set_gateway_key_life_ms(shop_config_t *config, int64_t life_ms) {
  return set_int64(config, FIELD(config, gateway_key_life_ms), life_ms, 1000, TEN_YEARS_MS);
}

int32_t shop_config_set_gateway_honours_keys(shop_config_t *config, bool honours) {
  if (config == NULL)
    return SHOP_ERR_ARGUMENT;
  config->gateway_honours_keys = honours;
  return SHOP_OK;
}

int32_t shop_config_set_gateway_lease_ms(shop_config_t *config, int64_t lease_ms) {
  return set_int64(config, FIELD(config, gateway_lease_ms), lease_ms, 1000, DAY_MS);
}

int32_t shop_config_set_mail_transport(shop_config_t *config, shop_mail_fn transport, void *user) {
  if (config == NULL)
    return SHOP_ERR_ARGUMENT;
  config->transport = transport;
  config->transport_user = user;
  return SHOP_OK;
}

int32_t shop_config_set_mail_at_once(shop_config_t *config, bool at_once) {
  if (config == NULL)
    return SHOP_ERR_ARGUMENT;
  config->mail_at_once = at_once;
  return SHOP_OK;
}

int32_t shop_config_set_mail_lease_ms(shop_config_t *config, int64_t lease_ms) {
  return set_int64(config, FIELD(config, mail_lease_ms), lease_ms, 1000, DAY_MS);
}

int32_t shop_config_set_mail_tries_max(shop_config_t *config, int32_t count) {
  return set_int32(config, FIELD(config, mail_tries_max), count, 1, 1000);
}

int32_t shop_config_set_mail_kind(shop_config_t *config, int32_t kind, bool enabled) {
  if (config == NULL || kind < SHOP_MAIL_CONFIRMATION || kind > SHOP_MAIL_REGISTRATION ||
      (kind == SHOP_MAIL_CONFIRMATION && !enabled))
    return SHOP_ERR_ARGUMENT;
  config->mail_kinds[kind] = enabled;
  return SHOP_OK;
}

int32_t shop_config_set_mail_timeout_ms(shop_config_t *config, int64_t timeout_ms) {
  return set_int64(config, FIELD(config, mail_timeout_ms), timeout_ms, 0, DAY_MS);
}

int32_t shop_config_set_mail_first_wait_ms(shop_config_t *config, int64_t wait_ms) {
  return set_int64(config, FIELD(config, mail_first_wait_ms), wait_ms, 1000, DAY_MS);
}

int32_t shop_config_set_mail_longest_wait_ms(shop_config_t *config, int64_t wait_ms) {
  return set_int64(config, FIELD(config, mail_longest_wait_ms), wait_ms, 1000, 30 * DAY_MS);
}

int32_t shop_config_set_mail_life_ms(shop_config_t *config, int64_t life_ms) {
  return set_int64(config, FIELD(config, mail_life_ms), life_ms, 1000, TEN_YEARS_MS);
}

int32_t shop_config_set_mail_dead_life_ms(shop_config_t *config, int64_t life_ms) {
  return set_int64(config, FIELD(config, mail_dead_life_ms), life_ms, 1000, TEN_YEARS_MS);
}

int64_t shop__mail_timeout_ms(const struct shop_config *config) {
  return config->mail_timeout_ms != 0 ? config->mail_timeout_ms : config->mail_lease_ms / 5 * 4;
}

int32_t shop__config_check(const struct shop_config *config, shop_error_t *err) {
  if (config->mail_timeout_ms >= config->mail_lease_ms)
    return shop__error_set(err, SHOP_ERR_ARGUMENT,
                           "the mail transport may take %lld ms, which must be shorter than the "
                           "lease of %lld ms",
                           (long long)config->mail_timeout_ms, (long long)config->mail_lease_ms);
  return SHOP_OK;
}
