/*
 * Inside lib/secret: what the files of the tokens share.
 */
#ifndef SHOP_LIB_SECRET_TOKEN_H
#define SHOP_LIB_SECRET_TOKEN_H

#include "secret_key.h"

/* ---- token_text.c: what stands in a token ---------------------------------- */

/** The three segments of a token, without the dots; they borrow its text. */
struct shop__token_form {
  const char *header;
  size_t header_size;
  const char *payload;
  size_t payload_size;
  const char *signature;
  size_t signature_size;
};

/** What of a header matters. */
struct shop__token_header {
  int32_t alg; /* enum shop__key_alg */
  char kid[SHOP__KID_BYTES];
};

/** RFC 7515 7.1: at most SHOP__JWT_MAX_BYTES, three segments that are not
    empty, each canonical base64url without padding. Decodes nothing. */
bool shop__token_form(const char *jwt, struct shop__token_form *out) SHOP__MUST_USE;

/** SHOP_ERR_TOKEN_INVALID unless it is an object without duplicates, alg is
    one of ours, kid has its form, typ is absent or "JWT", and neither crit nor
    b64 is there. SHOP_ERR_NO_MEMORY. */
int32_t shop__token_header(const struct shop__token_form *form,
                           struct shop__token_header *out) SHOP__MUST_USE;

/** Is the header, to the letter, what libjwt writes for this alg and kid? Then
    shop__token_header would give the same, and jansson need not read it. */
bool shop__token_header_is(const struct shop__token_form *form,
                           const struct shop__token_header *header) SHOP__MUST_USE;

/** A decoded segment: three bytes for four characters, and a NUL. */
struct shop__token_text {
  char bytes[SHOP__JWT_MAX_BYTES / 4 * 3 + 1];
  size_t size;
};

/** Decodes the payload; false when it is nested deeper than libjwt may be
    given, which reads the payload before it checks the signature. */
bool shop__token_payload(const struct shop__token_form *form,
                         struct shop__token_text *out) SHOP__MUST_USE;

/** What a token must name. */
struct shop__token_names {
  const char *issuer;
  const char *audience; /* "": the claim must be absent */
};

/** SHOP_ERR_TOKEN_INVALID unless the payload is an object without duplicates in
    which every claim stands with its type and range, and iss and aud are as
    expected. SHOP_ERR_NO_MEMORY. */
int32_t shop__token_claims(const struct shop__token_text *payload,
                           const struct shop__token_names *names,
                           struct shop__claims *out) SHOP__MUST_USE;

#define SHOP__PAYLOAD_BYTES 2048
/** The payload of these claims, as JSON. SHOP_ERR_ARGUMENT when
    shop__token_claims would refuse it, SHOP_ERR_NO_MEMORY. */
int32_t shop__token_write(const struct shop__claims *claims,
                          char out[SHOP__PAYLOAD_BYTES]) SHOP__MUST_USE;

/* ---- jwt.c: the seam to libjwt ---------------------------------------------- */

/** Signs a JSON object as payload, with kid, alg and typ "JWT" in the header.
    *out is freed by shop__memory_free. SHOP_ERR_NO_MEMORY; SHOP_ERR_CORRUPT when
    the key cannot sign, or when it may have been the memory. */
int32_t shop__jwt_seal(const struct shop__key *key, const char *payload, char **out) SHOP__MUST_USE;

/** Checks the signature alone. The form and the header must have been checked
    and the key must be usable. SHOP_ERR_TOKEN_INVALID, SHOP_ERR_NO_MEMORY. */
int32_t shop__jwt_check(const struct shop__key *key, const char *jwt,
                        const struct shop__token_form *form) SHOP__MUST_USE;

#endif
