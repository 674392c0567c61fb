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

/* NULL unsets; a text that does not fit changes nothing. */
static int32_t set_line(char *field, const char *what, const char *text, size_t max) {
  int32_t status;

  if (text == NULL) {
    field[0] = '\0';
    return SHOP_OK;
  }
  status = shop__text_check(what, text, 1, max, SHOP__TEXT_LINE, NULL);
  if (status == SHOP_OK)
    memcpy(field, text, strlen(text) + 1);
  return status;
}

int32_t shop_options_set_idempotency_key(shop_options_t *options, const char *key) {
  return options == NULL ? SHOP_ERR_ARGUMENT : set_line(options->key, "key", key, SHOP__KEY_MAX);
}

int32_t shop_options_set_label(shop_options_t *options, const char *label) {
  return options == NULL ? SHOP_ERR_ARGUMENT
                         : set_line(options->label, "label", label, SHOP__LABEL_MAX);
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

int32_t shop_options_set_source(shop_options_t *options, const char *source) {
  int32_t status;

  if (options == NULL)
    return SHOP_ERR_ARGUMENT;
  if (source == NULL) {
    options->source[0] = '\0';
    return SHOP_OK;
  }
  status = shop__text_check("source", source, 1, SHOP__SOURCE_MAX, SHOP__TEXT_LINE, NULL);
  if (status == SHOP_OK)
    memcpy(options->source, source, strlen(source) + 1);
  return status;
}

int32_t shop_options_set_language(shop_options_t *options, const char *language) {
  if (options == NULL || (language != NULL && !shop__language_tag(language)))
    return SHOP_ERR_ARGUMENT;
  if (language == NULL)
    options->language[0] = '\0';
  else
    memcpy(options->language, language, strlen(language) + 1);
  return SHOP_OK;
}

const char *shop__options_language(const shop_options_t *options) {
  return options == NULL || options->language[0] == '\0' ? NULL : options->language;
}

const char *shop__options_source(const shop_options_t *options) {
  return options == NULL || options->source[0] == '\0' ? NULL : options->source;
}

int32_t shop__options_check(const shop_options_t *options, int32_t taken, shop_error_t *err) {
  if (options == NULL)
    return SHOP_OK;
  if (options->key[0] != '\0' && (taken & SHOP__TAKES_KEY) == 0)
    return shop__error_set(err, SHOP_ERR_ARGUMENT, "this call takes no idempotency key");
  if (options->expected_version != 0 && (taken & SHOP__TAKES_VERSION) == 0)
    return shop__error_set(err, SHOP_ERR_ARGUMENT, "this call takes no expected version");
  if (options->label[0] != '\0' && (taken & SHOP__TAKES_LABEL) == 0)
    return shop__error_set(err, SHOP_ERR_ARGUMENT, "this call takes no label");
  if (options->language[0] != '\0' && (taken & SHOP__TAKES_LANGUAGE) == 0)
    return shop__error_set(err, SHOP_ERR_ARGUMENT, "this call takes no language");
  if (options->source[0] != '\0' && (taken & SHOP__TAKES_SOURCE) == 0)
    return shop__error_set(err, SHOP_ERR_ARGUMENT, "this call takes no source");
  return SHOP_OK;
}

const char *shop__options_label(const shop_options_t *options) {
  return options == NULL || options->label[0] == '\0' ? NULL : options->label;
}

struct shop__patience shop__patience_begin(const shop_options_t *options) {
  if (options == NULL || options->deadline_ms == 0)
    return (struct shop__patience){0};
  return (struct shop__patience){shop__clock_monotonic_us() + options->deadline_ms * 1000};
}

int32_t shop__patience_rule(const struct shop__patience *patience, struct shop__db_write_rule *rule,
                            shop_error_t *err) {
  int64_t left_us;

  *rule = (struct shop__db_write_rule){0};
  if (patience->until_us == 0)
    return SHOP_OK;
  left_us = patience->until_us - shop__clock_monotonic_us();
  if (left_us <= 0)
    return shop__error_set(err, SHOP_ERR_DEADLINE, "the deadline passed: nothing was changed");
  rule->deadline_ms = left_us / 1000 + 1;
  return SHOP_OK;
}

struct shop__db_write_rule shop__options_rule(const shop_options_t *options, bool payment) {
  return (struct shop__db_write_rule){
      .deadline_ms = options == NULL ? 0 : options->deadline_ms,
      .payment = payment,
  };
}
