/*
 * The settings of a mail server: one setter for each, and the look at them all
 * together before they are used.
 */
#include "smtp.h"

#include <string.h>
#include <unistd.h>

#define PATH_MAX_BYTES 4095
#define CA_MAX_BYTES ((size_t)4 * 1024 * 1024)
#define PEM_MAX_BYTES ((size_t)64 * 1024)
#define TIMEOUT_MAX_MS INT64_C(3600000)
#define MAILS_MAX 1000000

int32_t shop_smtp_config_new(shop_smtp_config_t **out) {
  struct shop_smtp_config *config;

  if (out == NULL)
    return SHOP_ERR_ARGUMENT;
  *out = NULL;
  config = shop__memory_zalloc(sizeof *config);
  if (config == NULL)
    return SHOP_ERR_NO_MEMORY;
  config->security = SHOP_SMTP_STARTTLS;
  config->mails_max = 100;
  config->timeout_ms[SHOP_SMTP_STEP_CONNECT] = 30000;
  config->timeout_ms[SHOP_SMTP_STEP_GREETING] = 60000;
  config->timeout_ms[SHOP_SMTP_STEP_COMMAND] = 60000;
  config->timeout_ms[SHOP_SMTP_STEP_DATA] = 120000;
  config->timeout_ms[SHOP_SMTP_STEP_ANSWER] = 120000;
  config->timeout_ms[SHOP_SMTP_STEP_MAIL] = 240000;
  *out = config;
  return SHOP_OK;
}

static void pem_free(struct shop__smtp_pem *pem) {
  shop__memory_wipe(pem->text, pem->size);
  shop__memory_free(pem->text);
  *pem = (struct shop__smtp_pem){0};
}

void shop_smtp_config_free(shop_smtp_config_t *config) {
  if (config == NULL)
    return;
  pem_free(&config->ca);
  pem_free(&config->certificate);
  pem_free(&config->key);
  shop__memory_free(config->ca_file);
  shop__memory_wipe(config, sizeof *config);
  shop__memory_free(config);
}

/* Visible ASCII: what may stand in a command without being taken for more. */
static int32_t check_name(const char *what, const char *name) {
  int32_t status =
      shop__text_check(what, name, 1, SHOP__SMTP_NAME_BYTES - 1, SHOP__TEXT_LINE, NULL);

  for (const char *at = name; status == SHOP_OK && *at != '\0'; at++)
    if (*at <= ' ' || *at > '~')
      status = SHOP_ERR_TEXT;
  return status;
}

static int32_t set_name(const char *what, const char *name, shop_smtp_config_t *config,
                        char *field) {
  int32_t status = config == NULL ? SHOP_ERR_ARGUMENT : check_name(what, name);

  if (status == SHOP_OK)
    memcpy(field, name, strlen(name) + 1);
  return status;
}

int32_t shop_smtp_config_set_host(shop_smtp_config_t *config, const char *host) {
  return set_name("host", host, config, config == NULL ? NULL : config->host);
}

int32_t shop_smtp_config_set_tls_name(shop_smtp_config_t *config, const char *name) {
  return set_name("TLS name", name, config, config == NULL ? NULL : config->tls_name);
}

int32_t shop_smtp_config_set_local_name(shop_smtp_config_t *config, const char *name) {
  return set_name("local name", name, config, config == NULL ? NULL : config->local_name);
}

int32_t shop_smtp_config_set_port(shop_smtp_config_t *config, int32_t port) {
  if (config == NULL || port < 1 || port > 65535)
    return SHOP_ERR_ARGUMENT;
  config->port = port;
  return SHOP_OK;
}

int32_t shop_smtp_config_set_security(shop_smtp_config_t *config, int32_t security) {
  if (config == NULL || security < SHOP_SMTP_STARTTLS || security > SHOP_SMTP_PLAINTEXT)
    return SHOP_ERR_ARGUMENT;
  config->security = security;
  return SHOP_OK;
}

int32_t shop_smtp_config_set_ca_file(shop_smtp_config_t *config, const char *path) {
  int32_t status = SHOP_ERR_ARGUMENT;
  char *copy;

  if (config != NULL)
    status = shop__text_check("path", path, 1, PATH_MAX_BYTES, SHOP__TEXT_LINE, NULL);
  if (status != SHOP_OK)
    return status;
  copy = shop__memory_strdup(path);
  if (copy == NULL)
    return SHOP_ERR_NO_MEMORY;
  shop__memory_free(config->ca_file);
  config->ca_file = copy;
  return SHOP_OK;
}

/* PEM is text: a NUL in it would hide what comes after it. */
static int32_t check_pem(const char *pem, size_t size, size_t max) {
  if (pem == NULL || size == 0)
    return SHOP_ERR_ARGUMENT;
  if (size > max)
    return SHOP_ERR_TOO_LONG;
  return memchr(pem, '\0', size) != NULL ? SHOP_ERR_TEXT : SHOP_OK;
}

static bool copy_pem(const char *pem, size_t size, struct shop__smtp_pem *out) {
  out->text = shop__memory_zalloc(size + 1);
  if (out->text == NULL)
    return false;
  memcpy(out->text, pem, size);
  out->size = size + 1;
  return true;
}

int32_t shop_smtp_config_set_ca_pem(shop_smtp_config_t *config, const char *pem, size_t pem_bytes) {
  int32_t status = config == NULL ? SHOP_ERR_ARGUMENT : check_pem(pem, pem_bytes, CA_MAX_BYTES);
  struct shop__smtp_pem copy;

  if (status != SHOP_OK)
    return status;
  if (!copy_pem(pem, pem_bytes, &copy))
    return SHOP_ERR_NO_MEMORY;
  pem_free(&config->ca);
  config->ca = copy;
  return SHOP_OK;
}

int32_t shop_smtp_config_set_client_certificate(shop_smtp_config_t *config,
                                                const char *certificate_pem,
                                                size_t certificate_pem_bytes, const char *key_pem,
                                                size_t key_pem_bytes) {
  struct shop__smtp_pem certificate = {0}, key = {0};
  int32_t status = SHOP_ERR_ARGUMENT;

  if (config != NULL)
    status = check_pem(certificate_pem, certificate_pem_bytes, PEM_MAX_BYTES);
  if (status == SHOP_OK)
    status = check_pem(key_pem, key_pem_bytes, PEM_MAX_BYTES);
  if (status != SHOP_OK)
    return status;
  if (!copy_pem(certificate_pem, certificate_pem_bytes, &certificate) ||
      !copy_pem(key_pem, key_pem_bytes, &key)) {
    pem_free(&certificate);
    pem_free(&key);
    return SHOP_ERR_NO_MEMORY;
  }
  pem_free(&config->certificate);
  pem_free(&config->key);
  config->certificate = certificate;
  config->key = key;
  return SHOP_OK;
}

static int32_t check_login(const char *login) {
  return shop__text_check("login", login, 1, SHOP__SMTP_NAME_BYTES - 1, SHOP__TEXT_LINE, NULL);
}

int32_t shop_smtp_config_set_password(shop_smtp_config_t *config, const char *login,
                                      const char *password) {
  int32_t status = config == NULL ? SHOP_ERR_ARGUMENT : check_login(login);

  if (status == SHOP_OK)
    status = shop__text_check("password", password, 1, SHOP__SMTP_PASSWORD_BYTES - 1,
                              SHOP__TEXT_LINE, NULL);
  if (status != SHOP_OK)
    return status;
  shop__memory_wipe(config->password, sizeof config->password);
  memcpy(config->password, password, strlen(password) + 1);
  memcpy(config->login, login, strlen(login) + 1);
  return SHOP_OK;
}

int32_t shop_smtp_config_set_xoauth2(shop_smtp_config_t *config, const char *login,
                                     int32_t (*token)(void *user, char *out, size_t size),
                                     void *user) {
  int32_t status = config == NULL ? SHOP_ERR_ARGUMENT : SHOP_OK;

  if (status == SHOP_OK && token != NULL)
    status = check_login(login);
  if (status != SHOP_OK)
    return status;
  if (token != NULL)
    memcpy(config->login, login, strlen(login) + 1);
  config->token = token;
  config->token_user = user;
  return SHOP_OK;
}

int32_t shop_smtp_config_set_timeout_ms(shop_smtp_config_t *config, int32_t step,
                                        int64_t timeout_ms) {
  if (config == NULL || step < SHOP_SMTP_STEP_CONNECT || step > SHOP_SMTP_STEP_MAIL ||
      timeout_ms < 1 || timeout_ms > TIMEOUT_MAX_MS)
    return SHOP_ERR_ARGUMENT;
  config->timeout_ms[step] = timeout_ms;
  return SHOP_OK;
}

int32_t shop_smtp_config_set_mails_max(shop_smtp_config_t *config, int32_t count) {
  if (config == NULL || count < 1 || count > MAILS_MAX)
    return SHOP_ERR_ARGUMENT;
  config->mails_max = count;
  return SHOP_OK;
}

int32_t shop_smtp_config_set_stream_connect(shop_smtp_config_t *config, shop_smtp_io_fn fn,
                                            void *user) {
  if (config == NULL)
    return SHOP_ERR_ARGUMENT;
  config->calls.connect = fn;
  config->calls.connect_user = user;
  return SHOP_OK;
}

int32_t shop_smtp_config_set_stream_read(shop_smtp_config_t *config, shop_smtp_io_fn fn,
                                         void *user) {
  if (config == NULL)
    return SHOP_ERR_ARGUMENT;
  config->calls.read = fn;
  config->calls.read_user = user;
  return SHOP_OK;
}

int32_t shop_smtp_config_set_stream_write(shop_smtp_config_t *config, shop_smtp_io_fn fn,
                                          void *user) {
  if (config == NULL)
    return SHOP_ERR_ARGUMENT;
  config->calls.write = fn;
  config->calls.write_user = user;
  return SHOP_OK;
}

int32_t shop_smtp_config_set_stream_close(shop_smtp_config_t *config, shop_smtp_io_fn fn,
                                          void *user) {
  if (config == NULL)
    return SHOP_ERR_ARGUMENT;
  config->calls.close = fn;
  config->calls.close_user = user;
  return SHOP_OK;
}

/* A machine that knows its whole name gives it; else an address literal, which every server of
   submission takes (RFC 5321 4.1.4). */
static void own_name(char out[SHOP__SMTP_NAME_BYTES]) {
  bool good = gethostname(out, SHOP__SMTP_NAME_BYTES) == 0;

  out[SHOP__SMTP_NAME_BYTES - 1] = '\0'; /* a name that was cut need not end */
  if (!good || strchr(out, '.') == NULL || check_name("local name", out) != SHOP_OK)
    memcpy(out, "[127.0.0.1]", sizeof "[127.0.0.1]");
}

static int32_t default_port(int32_t security) {
  if (security == SHOP_SMTP_PLAINTEXT)
    return 25;
  return security == SHOP_SMTP_TLS ? 465 : 587;
}

int32_t shop__smtp_config_settle(const struct shop_smtp_config *config,
                                 struct shop_smtp_config *out, shop_error_t *err) {
  const struct shop__smtp_calls *calls = &config->calls;
  int32_t given = (calls->connect != NULL) + (calls->read != NULL) + (calls->write != NULL) +
                  (calls->close != NULL);

  if (config->host[0] == '\0')
    return shop__error_set(err, SHOP_ERR_ARGUMENT,
                           "no mail server is named: call shop_smtp_config_set_host");
  if (config->security == SHOP_SMTP_PLAINTEXT &&
      (config->login[0] != '\0' || config->certificate.text != NULL))
    return shop__error_set(err, SHOP_ERR_ARGUMENT,
                           "a log-in or a client certificate needs TLS, and the security is set "
                           "to plaintext");
  if (given != 0 && given != 4)
    return shop__error_set(err, SHOP_ERR_ARGUMENT,
                           "a byte stream needs all of connect, read, write and close");
  *out = *config;
  out->ca_file = NULL;
  out->ca = out->certificate = out->key = (struct shop__smtp_pem){0};
  if (out->port == 0)
    out->port = default_port(out->security);
  if (out->tls_name[0] == '\0')
    memcpy(out->tls_name, out->host, sizeof out->host);
  if (out->local_name[0] == '\0')
    own_name(out->local_name);
  return SHOP_OK;
}
