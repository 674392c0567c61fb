/*
 * Inside lib/secret: what the files of the password hasher share.
 */
#ifndef SHOP_LIB_SECRET_PASSWORD_H
#define SHOP_LIB_SECRET_PASSWORD_H

#include "secret.h"

#include <pthread.h>

#define SHOP__HASH_MEMORY_KIB_MIN 8
#define SHOP__HASH_MEMORY_KIB_MAX 4194304
#define SHOP__HASH_PASSES_MIN 1
#define SHOP__HASH_PASSES_MAX 64

/* ---- pepper.c ------------------------------------------------------------ */

#define SHOP__PEPPERED_BYTES 64
/** What is hashed in the password's place. */
void shop__pepper_apply(const struct shop__pepper *pepper, const char *password, size_t size,
                        uint8_t out[SHOP__PEPPERED_BYTES]);

/* ---- common/passwords.txt, as common/embed.py writes it -------------------- */

extern const uint8_t shop__common_passwords[];
extern const uint16_t shop__common_starts[]; /* by first byte, 128: others, 129: the end */

/* ---- password_turns.c ---------------------------------------------------- */

struct shop__waiter;

/** A number of places, given out first come, first served. */
struct shop__turns {
  pthread_mutex_t lock;
  pthread_condattr_t monotonic;
  int32_t taken;
  int32_t taken_max;
  struct shop__waiter *first;
  struct shop__waiter *last;
};

int32_t shop__turns_init(struct shop__turns *turns, int32_t taken_max) SHOP__MUST_USE;
/** Nobody may hold or await a place. */
void shop__turns_destroy(struct shop__turns *turns);
/** Waits for a place. SHOP_ERR_DEADLINE when none came before deadline_us on
    the monotonic clock (0: none), SHOP_ERR_NO_MEMORY. */
int32_t shop__turns_take(struct shop__turns *turns, int64_t deadline_us,
                         struct shop__turn *turn) SHOP__MUST_USE;
void shop__turns_give(struct shop__turns *turns, const struct shop__turn *turn);

/* ---- password_phc.c ------------------------------------------------------ */

/** An Argon2id hash in the PHC string format, taken apart. The arrays hold
    whatever a string of SHOP__PASSWORD_HASH_BYTES can carry. */
struct shop__phc {
  char pepper[SHOP__PEPPER_ID_BYTES]; /* "": none */
  uint32_t memory_kib;
  uint32_t passes;
  uint8_t salt[96];
  size_t salt_size;
  uint8_t hash[96];
  size_t hash_size;
};

#define SHOP__PHC_PEPPER "$pepper="
/** False when text is anything but $argon2id$v=19$m=..,t=..,p=1$salt$hash as
    libsodium can compute it, at a cost that a hasher may be set to; before it,
    where the password was peppered, $pepper= and the pepper's id. */
bool shop__phc_parse(const char *text, struct shop__phc *out) SHOP__MUST_USE;

#endif
