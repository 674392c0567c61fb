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

/* iss is a text and nothing else; aud is what RFC 7519 4.1.3 lets it be. */
static bool take_names(const json_t *object, const struct shop__token_names *names,
                       struct shop__claims *out) {
  const json_t *audience = json_object_get(object, "aud");
  bool meant = names->audience[0] == '\0' ? audience == NULL : is_text(audience, names->audience);
  if (json_is_array(audience) && names->audience[0] != '\0') {
    for (size_t i = 0; i < json_array_size(audience); i++) {
      const json_t *one = json_array_get(audience, i);
      if (!json_is_string(one)) {
        return false;
      }
      meant = meant || is_text(one, names->audience);
    }
  }
  if (!meant || !is_text(json_object_get(object, "iss"), names->issuer)) {
    return false;
  }
  memcpy(out->issuer, names->issuer, strlen(names->issuer));
  memcpy(out->audience, names->audience, strlen(names->audience));
  return true;
}

static bool take_scope(const json_t *object, struct shop__claims *out) {
  const json_t *scope = json_object_get(object, "scope");
  if (scope == NULL) {
    return true;
  }
  if (!json_is_string(scope) ||
      !shop__scope_valid(json_string_value(scope), json_string_length(scope))) {
    return false;
  }
  memcpy(out->scope, json_string_value(scope), json_string_length(scope));
  return true;
}

static bool take_claims(const json_t *object, const struct shop__token_names *names,
                        struct shop__claims *out) {
  return take_names(object, names, out) && take_scope(object, out) &&
         take_id(object, "sub", out->subject) && take_id(object, "jti", out->jti) &&
         take_number(object, "iat", 0, &out->issued_at_s) &&
         take_number(object, "exp", 0, &out->expires_at_s) &&
         take_number(object, "epoch", 1, &out->epoch) && out->expires_at_s > out->issued_at_s &&
         (json_object_get(object, "nbf") == NULL ||
          take_number(object, "nbf", 0, &out->not_before_s));
}

/* Ended by a NUL, and UTF-8. */
static bool is_name(const char *text, size_t size) {
  return strnlen(text, size) < size && shop__text_utf8(text, strlen(text));
}

static bool is_time(int64_t seconds) {
  return seconds >= 0 && seconds <= EXACT_MAX;
}

static bool claims_are_valid(const struct shop__claims *claims) {
  size_t scope_size = strnlen(claims->scope, sizeof claims->scope);
  return is_name(claims->issuer, sizeof claims->issuer) &&
         is_name(claims->audience, sizeof claims->audience) &&
         (scope_size == 0 || shop__scope_valid(claims->scope, scope_size)) &&
         is_id(claims->subject, strnlen(claims->subject, sizeof claims->subject)) &&
         is_id(claims->jti, strnlen(claims->jti, sizeof claims->jti)) &&
         is_time(claims->issued_at_s) && is_time(claims->expires_at_s) &&
         is_time(claims->not_before_s) && claims->expires_at_s > claims->issued_at_s &&
         claims->epoch >= 1 && claims->epoch <= EXACT_MAX;
}

/* ---- a payload of our own, read without jansson ------------------------------------ */

/* A walk along a payload as libjwt writes one for us: members sorted, no space
   between them. What is not to the letter so ends it; then jansson decides. */
struct walk {
  const char *at;
  bool ok;
};

static bool stands(const struct walk *walk, const char *plain, size_t size) {
  return walk->ok && strncmp(walk->at, plain, size) == 0;
}

#define STANDS(walk, literal) stands(walk, literal, sizeof(literal) - 1)

static void pass(struct walk *walk, const char *plain, size_t size) {
  walk->ok = stands(walk, plain, size);
  walk->at += walk->ok ? size : 0;
}

#define PASS(walk, literal) pass(walk, literal, sizeof(literal) - 1)

/* 0, or up to 16 digits of which the first is none: enough for EXACT_MAX. */
static void pass_number(struct walk *walk, int64_t *out) {
  const char *begin = walk->at;
  *out = 0;
  while (walk->ok && *walk->at >= '0' && *walk->at <= '9' && walk->at - begin < 16) {
    *out = *out * 10 + (*walk->at++ - '0');
  }
  walk->ok = walk->ok && walk->at > begin && (*begin != '0' || walk->at - begin == 1);
}

/* Up to size - 1 characters that JSON can write in one way only, and the quotation
   mark after them. */
static void pass_text(struct walk *walk, char *out, size_t size) {
  const char *begin = walk->at;
  const char *end = walk->ok ? strchr(begin, '"') : NULL;
  walk->ok = end != NULL && (size_t)(end - begin) < size;
  for (const char *at = begin; walk->ok && at < end; at++) {
    walk->ok = *at >= ' ' && *at <= '~' && *at != '\\';
  }
  if (walk->ok) {
    memcpy(out, begin, (size_t)(end - begin));
    out[end - begin] = '\0';
    walk->at = end + 1;
  }
}

/* False when the payload is not to the letter what we write, or says what it must
   not. What stands in it is then for jansson to find out. */
static bool read_own(const struct shop__token_text *payload, const struct shop__token_names *names,
                     struct shop__claims *out) {
  struct walk walk = {payload->bytes, true};
  PASS(&walk, "{");
  if (STANDS(&walk, "\"aud\":\"")) {
    PASS(&walk, "\"aud\":\"");
    pass_text(&walk, out->audience, sizeof out->audience);
    walk.ok = walk.ok && out->audience[0] != '\0';
    PASS(&walk, ",");
  }
  PASS(&walk, "\"epoch\":");
  pass_number(&walk, &out->epoch);
  PASS(&walk, ",\"exp\":");
  pass_number(&walk, &out->expires_at_s);
  PASS(&walk, ",\"iat\":");
  pass_number(&walk, &out->issued_at_s);
  PASS(&walk, ",\"iss\":\"");
  pass_text(&walk, out->issuer, sizeof out->issuer);
  PASS(&walk, ",\"jti\":\"");
  pass_text(&walk, out->jti, sizeof out->jti);
  PASS(&walk, ",\"nbf\":");
  pass_number(&walk, &out->not_before_s);
  if (STANDS(&walk, ",\"scope\":\"")) {
    PASS(&walk, ",\"scope\":\"");
    pass_text(&walk, out->scope, sizeof out->scope);
    walk.ok = walk.ok && out->scope[0] != '\0';
  }
  PASS(&walk, ",\"sub\":\"");
  pass_text(&walk, out->subject, sizeof out->subject);
  PASS(&walk, "}");
  return walk.ok && walk.at == payload->bytes + payload->size &&
         strcmp(out->issuer, names->issuer) == 0 && strcmp(out->audience, names->audience) == 0 &&
         claims_are_valid(out);
}

int32_t shop__token_claims(const struct shop__token_text *payload,
                           const struct shop__token_names *names, struct shop__claims *out) {
  json_t *object;
  memset(out, 0, sizeof *out);
  if (strnlen(names->issuer, sizeof out->issuer) == sizeof out->issuer ||
      strnlen(names->audience, sizeof out->audience) == sizeof out->audience) {
    return SHOP_ERR_TOKEN_INVALID; /* no token of ours names these */
  }
  if (read_own(payload, names, out)) {
    return SHOP_OK;
  }
  memset(out, 0, sizeof *out);
  int32_t status = read_object_surely(payload, &object);
  if (status == SHOP_OK && !take_claims(object, names, out)) {
    memset(out, 0, sizeof *out);
    status = SHOP_ERR_TOKEN_INVALID;
  }
  json_decref(object);
  return status;
}

/* A claim that is not written when it is "". */
static bool add_optional(json_t *object, const char *name, const char *value) {
  return value[0] == '\0' || json_object_set_new(object, name, json_string(value)) == 0;
}

int32_t shop__token_write(const struct shop__claims *claims, char out[SHOP__PAYLOAD_BYTES]) {
  memset(out, 0, SHOP__PAYLOAD_BYTES);
  if (!claims_are_valid(claims)) {
    return SHOP_ERR_ARGUMENT;
  }
  json_t *object = json_pack(
      "{s:s, s:s, s:s, s:I, s:I, s:I, s:I}", "iss", claims->issuer, "sub", claims->subject, "jti",
      claims->jti, "iat", (json_int_t)claims->issued_at_s, "exp", (json_int_t)claims->expires_at_s,
      "nbf", (json_int_t)claims->not_before_s, "epoch", (json_int_t)claims->epoch);
  bool whole = object != NULL && add_optional(object, "aud", claims->audience) &&
               add_optional(object, "scope", claims->scope);
  /* One byte is kept for the NUL; 0 is a failure too. */
  size_t size = whole ? json_dumpb(object, out, SHOP__PAYLOAD_BYTES, JSON_COMPACT) : 0;
  json_decref(object);
  if (size == 0 || size >= SHOP__PAYLOAD_BYTES) {
    memset(out, 0, SHOP__PAYLOAD_BYTES);
    return SHOP_ERR_NO_MEMORY;
  }
  return SHOP_OK;
}
