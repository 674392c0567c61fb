/*
 * TLS, by mbedTLS: 1.2 or newer, forward secrecy, a certificate that somebody
 * we trust has signed for the name we asked for. No other file of this room
 * sees mbedTLS, and of its structs only the public key of a certificate is
 * looked at, since members move between its versions.
 */
#include "smtp.h"

#include <errno.h>
#include <mbedtls/ctr_drbg.h>
#include <mbedtls/entropy.h>
#include <mbedtls/error.h>
#include <mbedtls/pk.h>
#include <mbedtls/ssl.h>
#include <mbedtls/x509_crt.h>
#include <stdio.h>
#include <string.h>

#define SYSTEM_BUNDLE "/etc/ssl/certs/ca-certificates.crt"
#define GOODBYE_MS 1000

struct shop__smtp_tls {
  mbedtls_entropy_context entropy;
  mbedtls_ctr_drbg_context random;
  mbedtls_x509_crt trusted;
  mbedtls_x509_crt own;
  mbedtls_pk_context key;
  mbedtls_ssl_config config;
};

struct shop__smtp_tls_line {
  mbedtls_ssl_context ssl;
  struct shop__smtp_stream *stream;
};

/* Ephemeral keys and authenticated encryption only, as every server of the last ten years has. */
static const int ciphers[] = {MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
                              MBEDTLS_TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
                              MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
                              MBEDTLS_TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
                              MBEDTLS_TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
                              MBEDTLS_TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
                              0};

/* ---- settings ---------------------------------------------------------------------------------
 */

/* mbedTLS reports a failed allocation by many codes; malloc leaves its mark in any case. Callers
   set errno to 0 first. */
static int32_t refuse(int failed, int32_t status, const char *what, shop_error_t *err) {
  char why[120] = "a part of it cannot be read";

  if (errno == ENOMEM)
    return shop__error_set(err, SHOP_ERR_NO_MEMORY, "out of memory");
  if (failed < 0)
    mbedtls_strerror(failed, why, sizeof why);
  return shop__error_set(err, status, "%s cannot be used: %s", what, why);
}

/* A bundle of which a part could not be read (> 0) is still good for the rest: there is always
   some certificate with an algorithm of its own in the system's. */
static int32_t load_trusted(struct shop__smtp_tls *tls, const struct shop_smtp_config *config,
                            shop_error_t *err) {
  const char *path = config->ca_file == NULL ? SYSTEM_BUNDLE : config->ca_file;
  int failed;

  errno = 0;
  if (config->ca.text != NULL) {
    failed = mbedtls_x509_crt_parse(&tls->trusted, (const unsigned char *)config->ca.text,
                                    config->ca.size);
    return failed == 0 ? SHOP_OK
                       : refuse(failed, SHOP_ERR_ARGUMENT, "the trusted certificates", err);
  }
  failed = mbedtls_x509_crt_parse_file(&tls->trusted, path);
  if (failed < 0 || errno == ENOMEM)
    return refuse(failed, SHOP_ERR_CANNOT_OPEN, path, err);
  return SHOP_OK;
}

static int32_t load_own(struct shop__smtp_tls *tls, const struct shop_smtp_config *config,
                        shop_error_t *err) {
  int failed;

  if (config->certificate.text == NULL)
    return SHOP_OK;
  errno = 0;
  failed = mbedtls_x509_crt_parse(&tls->own, (const unsigned char *)config->certificate.text,
                                  config->certificate.size);
  if (failed != 0)
    return refuse(failed, SHOP_ERR_ARGUMENT, "the client certificate", err);
  failed = mbedtls_pk_parse_key(&tls->key, (const unsigned char *)config->key.text,
                                config->key.size, NULL, 0);
  if (failed != 0)
    return refuse(failed, SHOP_ERR_ARGUMENT, "the key of the client certificate", err);
  failed = mbedtls_pk_check_pair(&tls->own.pk, &tls->key);
  if (failed != 0)
    return refuse(failed, SHOP_ERR_ARGUMENT, "the client certificate with this key", err);
  failed = mbedtls_ssl_conf_own_cert(&tls->config, &tls->own, &tls->key);
  return failed == 0 ? SHOP_OK : refuse(failed, SHOP_ERR_ARGUMENT, "the client certificate", err);
}

static int32_t set_up(struct shop__smtp_tls *tls, shop_error_t *err) {
  int failed;

  errno = 0;
  failed = mbedtls_ctr_drbg_seed(&tls->random, mbedtls_entropy_func, &tls->entropy, NULL, 0);
  if (failed == 0)
    failed = mbedtls_ssl_config_defaults(&tls->config, MBEDTLS_SSL_IS_CLIENT,
                                         MBEDTLS_SSL_TRANSPORT_STREAM, MBEDTLS_SSL_PRESET_DEFAULT);
  if (failed != 0)
    return refuse(failed, SHOP_ERR_IO, "the random numbers for TLS", err);
  mbedtls_ssl_conf_rng(&tls->config, mbedtls_ctr_drbg_random, &tls->random);
  mbedtls_ssl_conf_authmode(&tls->config, MBEDTLS_SSL_VERIFY_REQUIRED);
  mbedtls_ssl_conf_min_version(&tls->config, MBEDTLS_SSL_MAJOR_VERSION_3,
                               MBEDTLS_SSL_MINOR_VERSION_3); /* TLS 1.2 */
  mbedtls_ssl_conf_ciphersuites(&tls->config, ciphers);
  mbedtls_ssl_conf_renegotiation(&tls->config, MBEDTLS_SSL_RENEGOTIATION_DISABLED);
  mbedtls_ssl_conf_ca_chain(&tls->config, &tls->trusted, NULL);
  return SHOP_OK;
}

int32_t shop__smtp_tls_new(const struct shop_smtp_config *config, struct shop__smtp_tls **out,
                           shop_error_t *err) {
  struct shop__smtp_tls *tls = shop__memory_zalloc(sizeof *tls);
  int32_t status;

  *out = NULL;
  if (tls == NULL)
    return shop__error_set(err, SHOP_ERR_NO_MEMORY, "out of memory");
  mbedtls_entropy_init(&tls->entropy);
  mbedtls_ctr_drbg_init(&tls->random);
  mbedtls_x509_crt_init(&tls->trusted);
  mbedtls_x509_crt_init(&tls->own);
  mbedtls_pk_init(&tls->key);
  mbedtls_ssl_config_init(&tls->config);
  status = set_up(tls, err);
  if (status == SHOP_OK)
    status = load_trusted(tls, config, err);
  if (status == SHOP_OK)
    status = load_own(tls, config, err);
  if (status == SHOP_OK)
    *out = tls;
  else
    shop__smtp_tls_free(tls);
  return status;
}

void shop__smtp_tls_free(struct shop__smtp_tls *tls) {
  if (tls == NULL)
    return;
  mbedtls_ssl_config_free(&tls->config);
  mbedtls_pk_free(&tls->key);
  mbedtls_x509_crt_free(&tls->own);
  mbedtls_x509_crt_free(&tls->trusted);
  mbedtls_ctr_drbg_free(&tls->random);
  mbedtls_entropy_free(&tls->entropy);
  shop__memory_free(tls);
}

/* ---- one connection
 * ------------------------------------------------------------------------------ */

/* The two ways down. The stream remembers what went wrong; mbedTLS only has to stop. */
static int line_receive(void *user, unsigned char *buffer, size_t size) {
  struct shop__smtp_tls_line *line = user;
  size_t got = shop__smtp_stream_read_raw(line->stream, buffer, size);

  return got > 0 ? (int)got : MBEDTLS_ERR_SSL_CONN_EOF;
}

static int line_send(void *user, const unsigned char *data, size_t size) {
  struct shop__smtp_tls_line *line = user;
  size_t taken = shop__smtp_stream_write_raw(line->stream, data, size);

  return taken > 0 ? (int)taken : MBEDTLS_ERR_SSL_CONN_EOF;
}

/* A call of mbedTLS that wants to be made again; each one has read or written before, and that
   ends when the time does. */
static bool again(int result) {
  return result == MBEDTLS_ERR_SSL_WANT_READ || result == MBEDTLS_ERR_SSL_WANT_WRITE;
}

/* The certificate comes first: it is what people have to mend. */
static void explain(struct shop__smtp_tls_line *line, int failed, const char *name,
                    char why[SHOP__SMTP_WHY_BYTES]) {
  uint32_t flags = mbedtls_ssl_get_verify_result(&line->ssl);
  char text[120] = "";

  if (failed == MBEDTLS_ERR_X509_CERT_VERIFY_FAILED && flags != 0 && flags != UINT32_MAX) {
    (void)mbedtls_x509_crt_verify_info(text, sizeof text, "", flags);
    text[strcspn(text, "\n")] = '\0'; /* the first of the reasons */
    (void)snprintf(why, SHOP__SMTP_WHY_BYTES, "the certificate is not good for %.60s: %s", name,
                   text);
    return;
  }
  mbedtls_strerror(failed, text, sizeof text);
  (void)snprintf(why, SHOP__SMTP_WHY_BYTES, "the TLS handshake failed: %s", text);
}

/* The name as it stands in certificates: a dot at the end is no part of it. */
static int set_name(mbedtls_ssl_context *ssl, const char *name) {
  char bare[SHOP__SMTP_NAME_BYTES];
  size_t size = strlen(name);

  memcpy(bare, name, size + 1);
  if (size > 1 && bare[size - 1] == '.')
    bare[size - 1] = '\0';
  return mbedtls_ssl_set_hostname(ssl, bare);
}

bool shop__smtp_tls_start(struct shop__smtp_tls *tls, struct shop__smtp_stream *stream,
                          const char *name, char why[SHOP__SMTP_WHY_BYTES]) {
  struct shop__smtp_tls_line *line = shop__memory_zalloc(sizeof *line);
  int failed;

  (void)snprintf(why, SHOP__SMTP_WHY_BYTES, "out of memory for TLS");
  if (line == NULL)
    return false;
  line->stream = stream;
  mbedtls_ssl_init(&line->ssl);
  failed = mbedtls_ssl_setup(&line->ssl, &tls->config);
  if (failed == 0)
    failed = set_name(&line->ssl, name);
  if (failed != 0) {
    shop__smtp_tls_end(line, false);
    return false;
  }
  mbedtls_ssl_set_bio(&line->ssl, line, line_send, line_receive, NULL);
  do {
    failed = mbedtls_ssl_handshake(&line->ssl);
  } while (again(failed));
  if (failed != 0) {
    explain(line, failed, name, why);
    shop__smtp_tls_end(line, false);
    return false;
  }
  stream->tls = line;
  return true;
}

/* Whatever went wrong above the stream breaks it too: a TLS error is not to be repaired. */
static size_t result_of(struct shop__smtp_tls_line *line, int result) {
  struct shop__smtp_stream *stream = line->stream;
  bool ended = result == 0 || result == MBEDTLS_ERR_SSL_PEER_CLOSE_NOTIFY;

  if (result > 0)
    return (size_t)result;
  if (stream->broken == SHOP__SMTP_WHOLE)
    stream->broken = ended ? SHOP__SMTP_ENDED : SHOP__SMTP_BROKEN;
  return 0;
}

size_t shop__smtp_tls_read(struct shop__smtp_tls_line *line, void *buffer, size_t size) {
  int result;

  do {
    result = mbedtls_ssl_read(&line->ssl, buffer, size);
  } while (again(result));
  return result_of(line, result);
}

size_t shop__smtp_tls_write(struct shop__smtp_tls_line *line, const void *data, size_t size) {
  int result;

  do {
    result = mbedtls_ssl_write(&line->ssl, data, size);
  } while (again(result));
  return result_of(line, result);
}

void shop__smtp_tls_end(struct shop__smtp_tls_line *line, bool tell) {
  if (line == NULL)
    return;
  if (tell) {
    shop__smtp_stream_step(line->stream, GOODBYE_MS);
    (void)mbedtls_ssl_close_notify(&line->ssl);
  }
  mbedtls_ssl_free(&line->ssl);
  shop__memory_free(line);
}
