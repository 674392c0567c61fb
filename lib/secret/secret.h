/*
 * The door of lib/secret: passwords (libsodium), signing keys (libsodium,
 * mbedTLS) and tokens (libjwt, jansson). It knows no store: keys come in as
 * bytes, claims go out as a struct.
 */
#ifndef SHOP_LIB_SECRET_H
#define SHOP_LIB_SECRET_H

#include "base.h"

/* ---- random.c ----------------------------------------------------------- */

/** Readies libsodium; harmless to repeat, from any thread. */
int32_t shop__secret_init(shop_error_t *err) SHOP__MUST_USE;
void shop__random_bytes(void *out, size_t size);
/** Evenly drawn from 0..limit-1. */
uint32_t shop__random_below(uint32_t limit);
#define SHOP__RANDOM_ID_BYTES 23
/** 128 random bits as 22 characters of base64url and a NUL. */
void shop__random_id(char out[SHOP__RANDOM_ID_BYTES]);
/** BLAKE2b under a secret of 32 bytes, of a kind and two texts, each with its
    length. size 16 to 64. */
void shop__keyed_digest(const uint8_t secret[32], char kind, const char *a, const char *b,
                        uint8_t *out, size_t size);
#define SHOP__RANDOM_SECRET_BYTES 44
/** 256 random bits as 43 characters of base64url and a NUL. */
void shop__random_secret(char out[SHOP__RANDOM_SECRET_BYTES]);
/** BLAKE2b-256 of data, as 32 bytes. */
void shop__digest(const void *data, size_t size, uint8_t out[32]);
/** The same of a secret, which leaves no trace. */
void shop__digest_secret(const void *data, size_t size, uint8_t out[32]);
/** Wipes what functions that have returned have left of secrets on the stack, below the
    caller, and in registers. libsodium's BLAKE2b, which Argon2id begins with, leaves the
    first 128 bytes of what it has mixed. */
void shop__traces_wipe(void);

/* ---- pepper.c: secrets of the host that go into every hash ---------------- */

#define SHOP__PEPPER_ID_BYTES 9
#define SHOP__PEPPERS_MAX 8

/** One pepper, begun: its bytes are not kept. The id is made of it, so that a
    wrong one is seen; id "": none. */
struct shop__pepper {
  char id[SHOP__PEPPER_ID_BYTES];
  uint64_t state[52];
};
/** The first one goes into new hashes, the others only check old ones. */
struct shop__peppers {
  struct shop__pepper each[SHOP__PEPPERS_MAX];
};
void shop__pepper_make(const void *secret, size_t size, struct shop__pepper *out);
/** NULL: there is none of this id. peppers may be NULL. */
const struct shop__pepper *shop__pepper_find(const struct shop__peppers *peppers, const char *id);

/* ---- password_common.c: passwords that everybody tries first --------------- */

/** Among the 10,000 commonest; the case of ASCII letters does not count. */
bool shop__password_is_common(const char *password);
/** The address itself or its local part, likewise. email_key: see base.h. */
bool shop__password_is_address(const char *password, const char *email_key);

/* ---- password.c --------------------------------------------------------- */

#define SHOP__PASSWORD_MIN_BYTES 8
#define SHOP__PASSWORD_MAX_BYTES 1024
#define SHOP__PASSWORD_HASH_BYTES 144

/** Hashes passwords, never more than a set number at once: Argon2id takes
    memory_kib for each, so that a flood of logins cannot take the host's
    memory; who comes later waits, first come first served. */
typedef struct shop__hasher shop__hasher_t;

struct shop__hasher_settings {
  int32_t memory_kib;   /* 8 .. 4194304 (libsodium's own limits) */
  int32_t passes;       /* 1 .. 64 */
  int32_t parallel_max; /* hashes at once, 1 .. 1024 */
};
int32_t shop__hasher_new(const struct shop__hasher_settings *settings, shop__hasher_t **out,
                         shop_error_t *err) SHOP__MUST_USE;
void shop__hasher_free(shop__hasher_t *hasher);
/** Before the first hash, if at all. The peppers outlive the hasher. */
void shop__hasher_set_peppers(shop__hasher_t *hasher, const struct shop__peppers *peppers);

/** The length rule: NULL SHOP_ERR_ARGUMENT; under 8 or over 1,024 bytes
    SHOP_ERR_PASSWORD. Any byte but NUL is allowed. */
int32_t shop__password_length(const char *password, shop_error_t *err) SHOP__MUST_USE;

/** Hashes into the PHC string format, with "$pepper=ID" before it where there is
    a pepper. deadline_us on the monotonic clock, 0:
    none; SHOP_ERR_DEADLINE when the turn did not come by then;
    SHOP_ERR_NO_MEMORY. */
int32_t shop__password_hash(shop__hasher_t *hasher, const char *password, int64_t deadline_us,
                            char out[SHOP__PASSWORD_HASH_BYTES], shop_error_t *err) SHOP__MUST_USE;

/** A place among the hashes that run at once, with what must be put back with
    it. */
struct shop__turn {
  int cancel_state;
  bool waited; /* others were first: what was read before may be old */
};
/** For who has more to do than a hash while it holds its place: waits for one.
    SHOP_ERR_DEADLINE, SHOP_ERR_NO_MEMORY. */
int32_t shop__hasher_take_turn(shop__hasher_t *hasher, int64_t deadline_us, struct shop__turn *turn,
                               shop_error_t *err) SHOP__MUST_USE;
void shop__hasher_give_turn(shop__hasher_t *hasher, const struct shop__turn *turn);
/** As shop__password_verify, by who holds a place. */
int32_t shop__password_verify_in_turn(shop__hasher_t *hasher, const char *stored,
                                      const char *password, bool *match, bool *stale,
                                      shop_error_t *err) SHOP__MUST_USE;

/** Compares with a stored hash. stored NULL: the same work against a hash that
    nothing matches (an unknown user must cost the same). *match; *stale when
    the hash was made with another cost or pepper than this hasher's, or with a
    salt of another length than libsodium's (NULL allowed).
    A stored hash that is no Argon2id PHC string, or asks for more memory or
    passes than any hasher may be set to, is SHOP_ERR_CORRUPT and is not
    computed; one whose pepper is not there is SHOP_ERR_PEPPER. Out of memory is
    SHOP_ERR_NO_MEMORY, never "no match". A
    password outside the length rule costs the same and does not match. */
int32_t shop__password_verify(shop__hasher_t *hasher, const char *stored, const char *password,
                              int64_t deadline_us, bool *match, bool *stale,
                              shop_error_t *err) SHOP__MUST_USE;

/* ---- key.c: signing keys; key_p256.c: mbedTLS behind it ------------------ */

enum shop__key_alg { SHOP__KEY_HS256 = 1, SHOP__KEY_ES256 = 2 };

#define SHOP__KID_BYTES 24
#define SHOP__KEY_MAX_BYTES 512

/** One signing key: the algorithm belongs to the key and is never read from a
    token (RFC 8725 3.1). HS256: 32 random bytes. ES256: private and public
    PEM of a P-256 key, each NUL-terminated and counted without the NUL. */
struct shop__key {
  char kid[SHOP__KID_BYTES];
  int32_t alg;
  uint8_t secret[SHOP__KEY_MAX_BYTES]; /* HS256 key bytes or private PEM */
  size_t secret_size;
  char public_pem[SHOP__KEY_MAX_BYTES]; /* ES256 only, else "" */
};
/** A new key with a random kid. SHOP_ERR_ARGUMENT for an unknown alg. */
int32_t shop__key_generate(int32_t alg, struct shop__key *out, shop_error_t *err) SHOP__MUST_USE;
/** Fills a key from stored parts and checks it: known alg, kid of 1..23
    characters A-Za-z0-9_-, HS256 exactly 32 bytes and not all zero, ES256 a
    P-256 private PEM (any other curve or kind refused; the public PEM is
    derived from it). Otherwise SHOP_ERR_CORRUPT. */
int32_t shop__key_load(const char *kid, int32_t alg, const void *secret, size_t secret_size,
                       struct shop__key *out, shop_error_t *err) SHOP__MUST_USE;
/** Appends the public half as a JSON Web Key (jwk.c); false, and nothing is
    appended, for a key that has none. */
bool shop__key_jwk(const struct shop__key *key, struct shop__bytes *out) SHOP__MUST_USE;
/** Wipes; NULL is harmless. */
void shop__key_wipe(struct shop__key *key);

/* ---- seal.c: keys as a store holds them that has a key secret --------------- */

/** Made of a secret of the host, which is not kept. */
struct shop__seal {
  bool on; /* false: there is none */
  uint8_t key[32];
};
#define SHOP__SEAL_MORE_BYTES 41
#define SHOP__SEALED_MAX_BYTES (SHOP__KEY_MAX_BYTES + SHOP__SEAL_MORE_BYTES)
void shop__seal_make(const void *secret, size_t size, struct shop__seal *out);
/** Seals a key's secret; returns the size. */
size_t shop__seal_close(const struct shop__seal *seal, const struct shop__key *key,
                        uint8_t out[SHOP__SEALED_MAX_BYTES]);
/** As shop__key_load, of what was sealed. SHOP_ERR_KEY_SECRET where the seal is off
    or another one. */
int32_t shop__seal_open(const struct shop__seal *seal, const char *kid, int32_t alg,
                        const void *sealed, size_t size, struct shop__key *out,
                        shop_error_t *err) SHOP__MUST_USE;

/* ---- token_text.c: what stands in a token, checked before and after libjwt;
        jwt.c: libjwt behind it ---------------------------------------------- */

#define SHOP__JWT_MAX_BYTES 4096
#define SHOP__ISSUER_MAX_BYTES 255
#define SHOP__SCOPE_MAX_BYTES 255

struct shop__claims {
  char issuer[SHOP__ISSUER_MAX_BYTES + 1];
  char audience[SHOP__ISSUER_MAX_BYTES + 1]; /* "": for whoever knows the key */
  char scope[SHOP__SCOPE_MAX_BYTES + 1];     /* "": none; else as shop__scope_valid has it */
  char subject[SHOP__RANDOM_ID_BYTES]; /* the user's subject */
  char jti[SHOP__RANDOM_ID_BYTES];
  int64_t issued_at_s; /* iat, exp, nbf: whole seconds, 0 .. 2^53 - 1 (RFC 7519) */
  int64_t expires_at_s;
  int64_t not_before_s; /* 0 also where nbf is absent */
  int64_t epoch; /* private claim "epoch", 1 .. 2^53 - 1 */
};

/** Signs; *out is freed by shop__memory_free. SHOP_ERR_ARGUMENT for claims that
    shop__jwt_verify would refuse, SHOP_ERR_NO_MEMORY, SHOP_ERR_CORRUPT when the
    key cannot sign. */
int32_t shop__jwt_sign(const struct shop__key *key, const struct shop__claims *claims, char **out,
                       shop_error_t *err) SHOP__MUST_USE;

/** Reads the kid of a token without trusting anything else: checks form and
    header. SHOP_ERR_TOKEN_INVALID otherwise (also for NULL and ""). */
int32_t shop__jwt_kid(const char *jwt, char kid[SHOP__KID_BYTES], shop_error_t *err) SHOP__MUST_USE;

/** Checks form, header, signature and claims, in this order: form before
    anything is decoded; header without duplicates, alg and kid the key's own,
    typ absent or "JWT", no crit, no b64; libjwt; alg again; payload without
    duplicates, each claim there with its type and range; issuer equal; audience
    absent where none is expected ("" or NULL), else equal, or an array that has it
    (RFC 7519 4.1.3). It does not look at the time. Every failure but NO_MEMORY
    is SHOP_ERR_TOKEN_INVALID; *claims is then zeroed. */
int32_t shop__jwt_verify(const struct shop__key *key, const char *jwt, const char *issuer,
                         const char *audience, struct shop__claims *claims,
                         shop_error_t *err) SHOP__MUST_USE;

/* ---- scope.c: scopes (RFC 6749 3.3, RFC 8693 4.2) ----------------------------- */

/** One or more names, each once, with one space between: 1 to 255 bytes in all. A
    name has the characters 0x21, 0x23 to 0x5B and 0x5D to 0x7E. */
bool shop__scope_valid(const char *scopes, size_t size) SHOP__MUST_USE;
/** Is name, which has no space, one of them? */
bool shop__scope_has(const char *scopes, const char *name) SHOP__MUST_USE;

#endif
