/*
 * Tokens: sign, and check in the one order in which a check never works on
 * what an earlier one would have refused (RFC 8725).
 */
#include "secret_token.h"

#include <string.h>

/* jansson and libjwt overrun their buffers where some allocation of theirs
   fails: jansson's reader goes on without the bytes that it could not keep,
   libjwt measures the text that json_dumps could not make. A token of ours
   needs a small part of this room; a process without it is told so here. */
#define ROOM_BYTES 65536

static bool has_room(void) {
  void *room = shop__memory_realloc(NULL, ROOM_BYTES);
  shop__memory_free(room);
  return room != NULL;
}

static int32_t fail(int32_t status, const char *what, shop_error_t *err) {
  if (status == SHOP_ERR_NO_MEMORY) {
    return shop__error_set(err, status, "Out of memory for a token.");
  }
  return shop__error_set(err, SHOP_ERR_TOKEN_INVALID, "Not a token of this shop: its %s is wrong.",
                         what);
}

int32_t shop__jwt_kid(const char *jwt, char kid[SHOP__KID_BYTES], shop_error_t *err) {
  struct shop__token_form form;
  struct shop__token_header header;
  memset(kid, 0, SHOP__KID_BYTES);
  if (!shop__token_form(jwt, &form)) {
    return fail(SHOP_ERR_TOKEN_INVALID, "form", err);
  }
  int32_t status = has_room() ? shop__token_header(&form, &header) : SHOP_ERR_NO_MEMORY;
  if (status != SHOP_OK) {
    return fail(status, "header", err);
  }
  memcpy(kid, header.kid, SHOP__KID_BYTES);
  return SHOP_OK;
}

/* SHOP_ERR_TOKEN_INVALID unless it is a header of this key. A token of ours has
   the very one that is expected; only others are taken apart for it. */
static int32_t check_header(const struct shop__key *key, const struct shop__token_form *form) {
  struct shop__token_header expected = {.alg = key->alg}, header;
  memcpy(expected.kid, key->kid, SHOP__KID_BYTES);
  if (shop__token_header_is(form, &expected)) {
    return SHOP_OK;
  }
  int32_t status = shop__token_header(form, &header);
  bool other = header.alg != key->alg || strcmp(header.kid, key->kid) != 0;
  return status == SHOP_OK && other ? SHOP_ERR_TOKEN_INVALID : status;
}

/* The length that RFC 7518 3.2 and 3.4 give a signature, in base64url. */
static size_t signature_size(int32_t alg) {
  return alg == SHOP__KEY_ES256 ? 86 : 43;
}

int32_t shop__jwt_verify(const struct shop__key *key, const char *jwt, const char *issuer,
                         const char *audience, struct shop__claims *claims, shop_error_t *err) {
  const struct shop__token_names names = {issuer, audience == NULL ? "" : audience};
  struct shop__token_form form;
  struct shop__token_text payload;
  memset(claims, 0, sizeof *claims);
  if (!shop__key_usable(key) || issuer == NULL) {
    return fail(SHOP_ERR_TOKEN_INVALID, "key", err);
  }
  if (!shop__token_form(jwt, &form)) {
    return fail(SHOP_ERR_TOKEN_INVALID, "form", err);
  }
  int32_t status = has_room() ? check_header(key, &form) : SHOP_ERR_NO_MEMORY;
  if (status != SHOP_OK) {
    return fail(status, "header", err);
  }
  if (form.signature_size != signature_size(key->alg)) {
    return fail(SHOP_ERR_TOKEN_INVALID, "signature", err);
  }
  if (!shop__token_payload(&form, &payload)) {
    return fail(SHOP_ERR_TOKEN_INVALID, "payload", err);
  }
  status = shop__jwt_check(key, jwt, &form);
  if (status != SHOP_OK) {
    return fail(status, "signature", err);
  }
  status = shop__token_claims(&payload, &names, claims);
  return status == SHOP_OK ? SHOP_OK : fail(status, "payload", err);
}

static bool claims_equal(const struct shop__claims *a, const struct shop__claims *b) {
  return strcmp(a->issuer, b->issuer) == 0 && strcmp(a->subject, b->subject) == 0 &&
         strcmp(a->jti, b->jti) == 0 && a->issued_at_s == b->issued_at_s &&
         a->expires_at_s == b->expires_at_s && a->not_before_s == b->not_before_s &&
         strcmp(a->audience, b->audience) == 0 && strcmp(a->scope, b->scope) == 0 &&
         a->epoch == b->epoch;
}

/* Signs, and lets the token out only when it passes our own check: libjwt does
   not look whether HMAC() did its work. */
static int32_t sign(const struct shop__key *key, const struct shop__claims *claims, char **out) {
  char payload[SHOP__PAYLOAD_BYTES];
  struct shop__claims read_back;
  if (!shop__key_usable(key)) {
    return SHOP_ERR_CORRUPT;
  }
  int32_t status = shop__token_write(claims, payload);
  if (status == SHOP_OK) {
    status = has_room() ? shop__jwt_seal(key, payload, out) : SHOP_ERR_NO_MEMORY;
  }
  if (status == SHOP_OK) {
    status = shop__jwt_verify(key, *out, claims->issuer, claims->audience, &read_back, NULL);
  }
  if (status == SHOP_OK && !claims_equal(claims, &read_back)) {
    status = SHOP_ERR_CORRUPT;
  }
  return status;
}

/* libjwt says the same of a bad key and of no memory. A key that loads is good,
   so it was the memory. */
static int32_t why_not_signed(const struct shop__key *key) {
  struct shop__key again;
  if (!shop__key_usable(key)) {
    return SHOP_ERR_CORRUPT;
  }
  int32_t status = shop__key_load(key->kid, key->alg, key->secret, key->secret_size, &again, NULL);
  if (status == SHOP_OK) {
    bool same = strcmp(again.public_pem, key->public_pem) == 0;
    status = same ? SHOP_ERR_NO_MEMORY : SHOP_ERR_CORRUPT;
  }
  shop__key_wipe(&again);
  return status;
}

int32_t shop__jwt_sign(const struct shop__key *key, const struct shop__claims *claims, char **out,
                       shop_error_t *err) {
  *out = NULL;
  int32_t status = sign(key, claims, out);
  if (status == SHOP_OK) {
    return SHOP_OK;
  }
  shop__memory_free(*out);
  *out = NULL;
  if (status == SHOP_ERR_ARGUMENT) {
    return shop__error_set(err, status, "These are no claims that a token can carry.");
  }
  if (status != SHOP_ERR_NO_MEMORY) {
    status = why_not_signed(key);
  }
  return status == SHOP_ERR_NO_MEMORY
             ? fail(status, "", err)
             : shop__error_set(err, status, "The signing key is damaged; it cannot sign.");
}
