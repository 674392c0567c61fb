/*
 * What stands in a token, by jansson: its form, its header and its claims.
 *
 * libjwt takes doubled members, padding, unknown "crit" and claims of any type
 * (and on some of that it overruns its buffers), so everything here is checked
 * by us: form and header before libjwt sees the token, the claims after it.
 */
#include "secret_text.h"
#include "secret_token.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

/* 2^53 - 1: beyond it a JSON number is not exact everywhere (RFC 8259 6). */
#define EXACT_MAX 9007199254740991

/* jansson recurses for each level of nesting, 2,048 of them before it refuses,
   on a stack whose size is the host's choice. */
#define NESTING_MAX 16

/* ---- form ------------------------------------------------------------------ */

bool shop__token_form(const char *jwt, struct shop__token_form *out) {
  memset(out, 0, sizeof *out);
  size_t size = jwt == NULL ? 0 : strnlen(jwt, SHOP__JWT_MAX_BYTES + 1);
  if (size == 0 || size > SHOP__JWT_MAX_BYTES) {
    return false;
  }
  const char *end = jwt + size;
  const char *first = memchr(jwt, '.', size);
  const char *second = first == NULL ? NULL : memchr(first + 1, '.', (size_t)(end - first - 1));
  if (second == NULL) {
    return false;
  }
  out->header = jwt;
  out->header_size = (size_t)(first - jwt);
  out->payload = first + 1;
  out->payload_size = (size_t)(second - first - 1);
  out->signature = second + 1;
  out->signature_size = (size_t)(end - second - 1);
  return shop__base64url_canonical(out->header, out->header_size) &&
         shop__base64url_canonical(out->payload, out->payload_size) &&
         shop__base64url_canonical(out->signature, out->signature_size);
}

/* ---- JSON ------------------------------------------------------------------ */

static bool nesting_is_bounded(const char *text, size_t size) {
  int32_t depth = 0;
  bool in_string = false;
  for (size_t i = 0; i < size; i++) {
    if (in_string) {
      if (text[i] == '\\') {
        i++;
      } else {
        in_string = text[i] != '"';
      }
    } else if (text[i] == '"') {
      in_string = true;
    } else if (text[i] == '[' || text[i] == '{') {
      if (++depth > NESTING_MAX) {
        return false;
      }
    } else if (text[i] == ']' || text[i] == '}') {
      depth--;
    }
  }
  return true;
}

/* Decodes a segment of a checked form, which has room there; false when what it
   holds is nested too deeply. */
static bool decode(const char *segment, size_t size, struct shop__token_text *out) {
  assert(size <= SHOP__JWT_MAX_BYTES);
  out->size = shop__base64url_decode(segment, size, out->bytes);
  out->bytes[out->size] = '\0';
  return nesting_is_bounded(out->bytes, out->size);
}

/* Reads a JSON object without duplicates. jansson reports a failed allocation
   in several ways or as a syntax error; malloc leaves its mark. */
static int32_t read_object(const struct shop__token_text *text, json_t **out) {
  *out = NULL;
  errno = 0;
  json_t *read = json_loadb(text->bytes, text->size, JSON_REJECT_DUPLICATES, NULL);
  if (read == NULL) {
    return errno == ENOMEM ? SHOP_ERR_NO_MEMORY : SHOP_ERR_TOKEN_INVALID;
  }
  if (!json_is_object(read)) {
    json_decref(read);
    return SHOP_ERR_TOKEN_INVALID;
  }
  *out = read;
  return SHOP_OK;
}

/* As read_object, twice. jansson 2.14 drops the last digits of a long number
   when its buffer cannot grow, and says nothing: a claim must not become
   another one because memory was short for a moment. */
static int32_t read_object_surely(const struct shop__token_text *text, json_t **out) {
  json_t *again;
  int32_t status = read_object(text, out);
  if (status != SHOP_OK) {
    return status;
  }
  status = read_object(text, &again);
  if (status != SHOP_OK || !json_equal(*out, again)) {
    json_decref(*out);
    *out = NULL;
    status = SHOP_ERR_NO_MEMORY;
  }
  json_decref(again);
  return status;
}

/* Does the text say this, to the letter? snprintf gave its size. */
static bool is_to_the_letter(const struct shop__token_text *text, const char *plain, int size) {
  return size > 0 && (size_t)size == text->size && memcmp(text->bytes, plain, text->size) == 0;
}

/* ---- header ---------------------------------------------------------------- */

static bool is_text(const json_t *value, const char *expected) {
  return json_is_string(value) && json_string_length(value) == strlen(expected) &&
         memcmp(json_string_value(value), expected, strlen(expected)) == 0;
}

/* RFC 7518 3.1; exactly as written there. 0 for anything else. */
static int32_t alg_of(const json_t *value) {
  return is_text(value, "HS256") ? SHOP__KEY_HS256 : is_text(value, "ES256") ? SHOP__KEY_ES256 : 0;
}

static const char *alg_name(int32_t alg) {
  return alg == SHOP__KEY_HS256 ? "HS256" : alg == SHOP__KEY_ES256 ? "ES256" : NULL;
}

static bool take_header(const json_t *object, struct shop__token_header *out) {
  const json_t *kid = json_object_get(object, "kid");
  const json_t *typ = json_object_get(object, "typ");
  out->alg = alg_of(json_object_get(object, "alg"));
  if (out->alg == 0 || !json_is_string(kid) ||
      !shop__kid_valid(json_string_value(kid), json_string_length(kid))) {
    return false;
  }
  memcpy(out->kid, json_string_value(kid), json_string_length(kid));
  /* crit and b64 change what the signature covers; nothing of ours has them. */
  return (typ == NULL || is_text(typ, "JWT")) && json_object_get(object, "crit") == NULL &&
         json_object_get(object, "b64") == NULL;
}

bool shop__token_header_is(const struct shop__token_form *form,
                           const struct shop__token_header *header) {
  struct shop__token_text text;
  char plain[128];
  size_t kid_size = strnlen(header->kid, sizeof header->kid);
  if (alg_name(header->alg) == NULL || !shop__kid_valid(header->kid, kid_size) ||
      !decode(form->header, form->header_size, &text)) {
    return false;
  }
  int size = snprintf(plain, sizeof plain, "{\"alg\":\"%s\",\"kid\":\"%s\",\"typ\":\"JWT\"}",
                      alg_name(header->alg), header->kid);
  return is_to_the_letter(&text, plain, size);
}

int32_t shop__token_header(const struct shop__token_form *form, struct shop__token_header *out) {
  struct shop__token_text text;
  json_t *object;
  memset(out, 0, sizeof *out);
  if (!decode(form->header, form->header_size, &text)) {
    return SHOP_ERR_TOKEN_INVALID;
  }
  int32_t status = read_object(&text, &object);
  if (status == SHOP_OK && !take_header(object, out)) {
    memset(out, 0, sizeof *out);
    status = SHOP_ERR_TOKEN_INVALID;
  }
  json_decref(object);
  return status;
}

/* ---- claims ---------------------------------------------------------------- */

bool shop__token_payload(const struct shop__token_form *form, struct shop__token_text *out) {
  return decode(form->payload, form->payload_size, out);
}

static bool is_id(const char *text, size_t size) {
  return size == SHOP__RANDOM_ID_BYTES - 1 && shop__base64url_only(text, size);
}

static bool take_id(const json_t *object, const char *name, char out[SHOP__RANDOM_ID_BYTES]) {
  const json_t *value = json_object_get(object, name);
  if (!json_is_string(value) || !is_id(json_string_value(value), json_string_length(value))) {
    return false;
  }
  memcpy(out, json_string_value(value), SHOP__RANDOM_ID_BYTES - 1);
  return true;
}

/* An integer as JSON writes it: 1.0 and 1e3 are none. */
static bool take_number(const json_t *object, const char *name, int64_t min, int64_t *out) {
  const json_t *value = json_object_get(object, name);
  if (!json_is_integer(value)) {
    return false;
  }
  *out = json_integer_value(value);
  return *out >= min && *out <= EXACT_MAX;
}

static bool take_claims(const json_t *object, const char *issuer, struct shop__claims *out) {
  const json_t *not_before = json_object_get(object, "nbf");
  size_t issuer_size = strnlen(issuer, SHOP__ISSUER_MAX_BYTES + 1);
  if (issuer_size > SHOP__ISSUER_MAX_BYTES || !is_text(json_object_get(object, "iss"), issuer)) {
    return false;
  }
  memcpy(out->issuer, issuer, issuer_size);
  return take_id(object, "sub", out->subject) && take_id(object, "jti", out->jti) &&
         take_number(object, "iat", 0, &out->issued_at_s) &&
         take_number(object, "exp", 0, &out->expires_at_s) &&
         take_number(object, "epoch", 1, &out->epoch) && out->expires_at_s > out->issued_at_s &&
         (not_before == NULL || json_is_integer(not_before));
}

static bool claims_are_valid(const struct shop__claims *claims) {
  return strnlen(claims->issuer, sizeof claims->issuer) < sizeof claims->issuer &&
         is_id(claims->subject, strnlen(claims->subject, sizeof claims->subject)) &&
         is_id(claims->jti, strnlen(claims->jti, sizeof claims->jti)) && claims->issued_at_s >= 0 &&
         claims->expires_at_s > claims->issued_at_s && claims->expires_at_s <= EXACT_MAX &&
         claims->epoch >= 1 && claims->epoch <= EXACT_MAX &&
         shop__text_utf8(claims->issuer, strlen(claims->issuer));
}

/* No character that JSON writes in another way, or may. */
static bool is_plain(const char *text) {
  for (const char *at = text; *at != '\0'; at++) {
    if (*at < ' ' || *at > '~' || *at == '"' || *at == '\\') {
      return false;
    }
  }
  return true;
}

/* Is the payload these claims as libjwt writes them, members sorted and no space
   between them? Then they are what it says, and it says nothing else. */
static bool is_written_as(const struct shop__token_text *payload,
                          const struct shop__claims *claims) {
  char plain[SHOP__PAYLOAD_BYTES];
  int size = snprintf(plain, sizeof plain,
                      "{\"epoch\":%" PRId64 ",\"exp\":%" PRId64 ",\"iat\":%" PRId64
                      ",\"iss\":\"%s\",\"jti\":\"%s\",\"sub\":\"%s\"}",
                      claims->epoch, claims->expires_at_s, claims->issued_at_s, claims->issuer,
                      claims->jti, claims->subject);
  return is_to_the_letter(payload, plain, size);
}

/* The claims of a payload that libjwt wrote for us, without jansson: what stands
   where they would be is no more than a guess, and its proof is that it makes the
   same text when written. */
static bool guess_claims(const struct shop__token_text *payload, const char *issuer,
                         struct shop__claims *out) {
  size_t issuer_size = strnlen(issuer, SHOP__ISSUER_MAX_BYTES + 1);
  if (issuer_size > SHOP__ISSUER_MAX_BYTES || !is_plain(issuer)) {
    return false;
  }
  memcpy(out->issuer, issuer, issuer_size);
  /* 16 digits are enough for EXACT_MAX, 22 characters for an id */
  int found = sscanf(payload->bytes,
                     "{\"epoch\":%16" SCNd64 ",\"exp\":%16" SCNd64 ",\"iat\":%16" SCNd64
                     ",\"iss\":\"%*[^\"]\",\"jti\":\"%22[^\"]\",\"sub\":\"%22[^\"]\"}",
                     &out->epoch, &out->expires_at_s, &out->issued_at_s, out->jti, out->subject);
  return found == 5 && claims_are_valid(out) && is_written_as(payload, out);
}

int32_t shop__token_claims(const struct shop__token_text *payload, const char *issuer,
                           struct shop__claims *out) {
  json_t *object;
  memset(out, 0, sizeof *out);
  if (guess_claims(payload, issuer, out)) {
    return SHOP_OK;
  }
  memset(out, 0, sizeof *out);
  int32_t status = read_object_surely(payload, &object);
  if (status == SHOP_OK && !take_claims(object, issuer, out)) {
    memset(out, 0, sizeof *out);
    status = SHOP_ERR_TOKEN_INVALID;
  }
  json_decref(object);
  return status;
}

int32_t shop__token_write(const struct shop__claims *claims, char out[SHOP__PAYLOAD_BYTES]) {
  memset(out, 0, SHOP__PAYLOAD_BYTES);
  if (!claims_are_valid(claims)) {
    return SHOP_ERR_ARGUMENT;
  }
  json_t *object =
      json_pack("{s:s, s:s, s:s, s:I, s:I, s:I}", "iss", claims->issuer, "sub", claims->subject,
                "jti", claims->jti, "iat", (json_int_t)claims->issued_at_s, "exp",
                (json_int_t)claims->expires_at_s, "epoch", (json_int_t)claims->epoch);
  /* One byte is kept for the NUL; 0 is a failure too. */
  size_t size = object == NULL ? 0 : json_dumpb(object, out, SHOP__PAYLOAD_BYTES, JSON_COMPACT);
  json_decref(object);
  if (size == 0 || size >= SHOP__PAYLOAD_BYTES) {
    memset(out, 0, SHOP__PAYLOAD_BYTES);
    return SHOP_ERR_NO_MEMORY;
  }
  return SHOP_OK;
}
