/*
 * Passwords: Argon2id by libsodium, a bounded number of hashes at once.
 *
 * Who asks with an unknown address, or with a password that cannot be right,
 * is answered after the same work as anybody else.
 */
#include "secret_password.h"

#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

_Static_assert(SHOP__PASSWORD_HASH_BYTES >=
                   crypto_pwhash_STRBYTES + sizeof SHOP__PHC_PEPPER - 1 + SHOP__PEPPER_ID_BYTES - 1,
               "a hash must fit, and the name of its pepper");

struct shop__hasher {
  struct shop__hasher_settings settings;
  const struct shop__peppers *peppers; /* NULL: none */
  struct shop__turns turns;
};

static bool within(int32_t value, int32_t min, int32_t max) {
  return value >= min && value <= max;
}

static size_t memory_bytes(uint32_t kib) {
  return (size_t)kib * 1024;
}

int32_t shop__hasher_new(const struct shop__hasher_settings *settings, shop__hasher_t **out,
                         shop_error_t *err) {
  *out = NULL;
  /* The last bound is the address space: half of the range on 32 bits. */
  if (!within(settings->memory_kib, SHOP__HASH_MEMORY_KIB_MIN, SHOP__HASH_MEMORY_KIB_MAX) ||
      !within(settings->passes, SHOP__HASH_PASSES_MIN, SHOP__HASH_PASSES_MAX) ||
      !within(settings->parallel_max, 1, 1024) ||
      (uint64_t)settings->memory_kib * 1024 > crypto_pwhash_memlimit_max()) {
    return shop__error_set(err, SHOP_ERR_ARGUMENT,
                           "Password hashing takes 8 to 4194304 KiB, 1 to 64 passes and 1 to 1024 "
                           "hashes at once.");
  }
  shop__hasher_t *hasher = shop__memory_zalloc(sizeof *hasher);
  if (hasher == NULL || shop__turns_init(&hasher->turns, settings->parallel_max) != SHOP_OK) {
    shop__memory_free(hasher);
    return shop__error_set(err, SHOP_ERR_NO_MEMORY, "Out of memory.");
  }
  hasher->settings = *settings;
  *out = hasher;
  return SHOP_OK;
}

void shop__hasher_free(shop__hasher_t *hasher) {
  if (hasher == NULL) {
    return;
  }
  shop__turns_destroy(&hasher->turns);
  shop__memory_free(hasher);
}

void shop__hasher_set_peppers(shop__hasher_t *hasher, const struct shop__peppers *peppers) {
  hasher->peppers = peppers;
}

int32_t shop__password_length(const char *password, shop_error_t *err) {
  if (password == NULL) {
    return shop__error_set(err, SHOP_ERR_ARGUMENT, "The password is missing.");
  }
  size_t size = strnlen(password, SHOP__PASSWORD_MAX_BYTES + 1);
  if (size < SHOP__PASSWORD_MIN_BYTES || size > SHOP__PASSWORD_MAX_BYTES) {
    return shop__error_set(err, SHOP_ERR_PASSWORD, "A password has %d to %d bytes.",
                           SHOP__PASSWORD_MIN_BYTES, SHOP__PASSWORD_MAX_BYTES);
  }
  return SHOP_OK;
}

/* Waits for a place, and says in err why none was given. */
int32_t shop__hasher_take_turn(shop__hasher_t *hasher, int64_t deadline_us, struct shop__turn *turn,
                         shop_error_t *err) {
  int32_t status = shop__turns_take(&hasher->turns, deadline_us, turn);
  if (status == SHOP_ERR_DEADLINE) {
    return shop__error_set(err, status,
                           "Too many passwords are being hashed; the deadline passed before this "
                           "one's turn.");
  }
  if (status != SHOP_OK) {
    return shop__error_set(err, status, "Out of memory.");
  }
  return SHOP_OK;
}

void shop__hasher_give_turn(shop__hasher_t *hasher, const struct shop__turn *turn) {
  shop__turns_give(&hasher->turns, turn);
}

static int32_t hash_no_memory(shop_error_t *err) {
  return shop__error_set(err, SHOP_ERR_NO_MEMORY, "Out of memory for hashing a password.");
}

static const struct shop__pepper *current_pepper(const shop__hasher_t *hasher) {
  const struct shop__peppers *peppers = hasher->peppers;
  return peppers == NULL || peppers->each[0].id[0] == '\0' ? NULL : &peppers->each[0];
}

/* What Argon2id is given: the password, or what a pepper makes of it. */
struct hashed_text {
  const char *bytes;
  size_t size;
  uint8_t peppered[SHOP__PEPPERED_BYTES];
};

static void season(const struct shop__pepper *pepper, const char *password, size_t size,
                   struct hashed_text *out) {
  out->bytes = password;
  out->size = size;
  if (pepper != NULL) {
    shop__pepper_apply(pepper, password, size, out->peppered);
    out->bytes = (const char *)out->peppered;
    out->size = sizeof out->peppered;
  }
}

int32_t shop__password_hash(shop__hasher_t *hasher, const char *password, int64_t deadline_us,
                            char out[SHOP__PASSWORD_HASH_BYTES], shop_error_t *err) {
  memset(out, 0, SHOP__PASSWORD_HASH_BYTES);
  struct shop__turn turn;
  int32_t status = shop__password_length(password, err);
  if (status == SHOP_OK) {
    status = shop__hasher_take_turn(hasher, deadline_us, &turn, err);
  }
  if (status != SHOP_OK) {
    return status;
  }
  const struct shop__hasher_settings *settings = &hasher->settings;
  const struct shop__pepper *pepper = current_pepper(hasher);
  struct hashed_text text;
  season(pepper, password, strlen(password), &text);
  int used = pepper == NULL
                 ? 0
                 : snprintf(out, SHOP__PASSWORD_HASH_BYTES, SHOP__PHC_PEPPER "%s", pepper->id);
  int failed = crypto_pwhash_str_alg(
      out + used, text.bytes, text.size, (unsigned long long)settings->passes,
      memory_bytes((uint32_t)settings->memory_kib), crypto_pwhash_ALG_ARGON2ID13);
  shop__hasher_give_turn(hasher, &turn);
  shop__memory_wipe(&text, sizeof text);
  shop__traces_wipe();
  if (failed) {
    memset(out, 0, SHOP__PASSWORD_HASH_BYTES);
    return hash_no_memory(err); /* cost and lengths are within bounds: nothing else can fail */
  }
  return SHOP_OK;
}

/* What stands in for the hash of a user who does not exist. */
static void make_decoy(const shop__hasher_t *hasher, struct shop__phc *out) {
  memset(out, 0, sizeof *out);
  out->memory_kib = (uint32_t)hasher->settings.memory_kib;
  out->passes = (uint32_t)hasher->settings.passes;
  out->salt_size = crypto_pwhash_SALTBYTES;
  out->hash_size = 32;
  shop__random_bytes(out->salt, out->salt_size);
  shop__random_bytes(out->hash, out->hash_size);
  if (current_pepper(hasher) != NULL) {
    memcpy(out->pepper, current_pepper(hasher)->id, sizeof out->pepper);
  }
}

/* Computes the hash again and compares. Not by crypto_pwhash_str_verify, whose
   answer is the same for a wrong password and for no memory. */
static int32_t compare(const struct shop__phc *stored, const char *password, size_t size,
                       bool *equal) {
  uint8_t hash[sizeof stored->hash];
  int failed = crypto_pwhash(hash, stored->hash_size, password, size, stored->salt, stored->passes,
                             memory_bytes(stored->memory_kib), crypto_pwhash_ALG_ARGON2ID13);
  *equal = !failed && sodium_memcmp(hash, stored->hash, stored->hash_size) == 0;
  shop__memory_wipe(hash, sizeof hash);
  return failed ? SHOP_ERR_NO_MEMORY : SHOP_OK;
}

static bool memory_can_be_had(uint32_t kib) {
  void *block = shop__memory_realloc(NULL, memory_bytes(kib) + 65536);
  shop__memory_free(block);
  return block != NULL;
}

/* A hash that another program made may have a salt of another length, which
   only crypto_pwhash_str_verify takes. Since "no match" may then mean "no
   memory", the memory is asked for before and after: what remains is a shortage
   that came and went during the call. */
static int32_t compare_foreign(const struct shop__phc *stored, const char *text,
                               const char *password, size_t size, bool *equal) {
  *equal = false;
  if (!memory_can_be_had(stored->memory_kib)) {
    return SHOP_ERR_NO_MEMORY;
  }
  errno = 0;
  *equal = crypto_pwhash_str_verify(text, password, size) == 0;
  if (!*equal && (errno != EINVAL || !memory_can_be_had(stored->memory_kib))) {
    return SHOP_ERR_NO_MEMORY;
  }
  return SHOP_OK;
}

/* The part of a password that is hashed; *possible when it keeps the rule. */
static size_t hashed_size(const char *password, bool *possible) {
  size_t size = strnlen(password, SHOP__PASSWORD_MAX_BYTES + 1);
  *possible = size >= SHOP__PASSWORD_MIN_BYTES && size <= SHOP__PASSWORD_MAX_BYTES;
  return size > SHOP__PASSWORD_MAX_BYTES ? SHOP__PASSWORD_MAX_BYTES : size;
}

/* Whether a hash is of the form that libsodium makes, whatever its cost. */
static bool is_ours(const struct shop__phc *phc) {
  return phc->salt_size == crypto_pwhash_SALTBYTES;
}

static bool is_stale(const shop__hasher_t *hasher, const struct shop__phc *phc) {
  return !is_ours(phc) || phc->memory_kib != (uint32_t)hasher->settings.memory_kib ||
         phc->passes != (uint32_t)hasher->settings.passes ||
         strcmp(phc->pepper, current_pepper(hasher) == NULL ? "" : current_pepper(hasher)->id) != 0;
}

/* Of the form of a stored hash, and nobody's. */
static const char NOBODYS[] = "$argon2id$v=19$m=19456,t=2,p=1$bm9ib2R5J3Mgc2FsdCwgMQ$"
                              "bm9ib2R5J3MgaGFzaCwgb2YgMzIgYnl0ZXMsIG5vIG0";

/* A stored hash, or the decoy in its place, with the pepper that belongs to it. */
static int32_t read_stored(const shop__hasher_t *hasher, const char *stored, struct shop__phc *phc,
                           const struct shop__pepper **pepper, shop_error_t *err) {
  *pepper = NULL;
  if (stored == NULL) {
    (void)!shop__phc_parse(NOBODYS, phc); /* for the time that it takes */
    make_decoy(hasher, phc);
  } else if (!shop__phc_parse(stored, phc) || (phc->pepper[0] != '\0' && !is_ours(phc))) {
    return shop__error_set(err, SHOP_ERR_CORRUPT, "A stored password hash is damaged.");
  }
  if (phc->pepper[0] != '\0') {
    *pepper = shop__pepper_find(hasher->peppers, phc->pepper);
    if (*pepper == NULL) {
      return shop__error_set(err, SHOP_ERR_PEPPER,
                             "a stored password was made with a pepper that is not set");
    }
  }
  return SHOP_OK;
}

int32_t shop__password_verify_in_turn(shop__hasher_t *hasher, const char *stored,
                                      const char *password, bool *match, bool *stale,
                                      shop_error_t *err) {
  struct shop__phc phc;
  const struct shop__pepper *pepper;
  struct hashed_text hashed = {0};
  bool possible, equal = false;
  const char *text = password == NULL ? "" : password;
  size_t size = hashed_size(text, &possible);
  *match = false;
  if (stale != NULL) {
    *stale = false;
  }
  int32_t status = read_stored(hasher, stored, &phc, &pepper, err);
  if (status == SHOP_OK) {
    season(pepper, text, size, &hashed);
    status = is_ours(&phc) ? compare(&phc, hashed.bytes, hashed.size, &equal)
                           : compare_foreign(&phc, stored, text, size, &equal);
    if (status != SHOP_OK) {
      (void)hash_no_memory(err);
    }
  }
  if (status == SHOP_OK) {
    *match = equal && possible && stored != NULL;
  }
  if (status == SHOP_OK && stale != NULL) {
    *stale = stored != NULL && is_stale(hasher, &phc);
  }
  shop__memory_wipe(&hashed, sizeof hashed);
  shop__memory_wipe(&phc, sizeof phc);
  shop__traces_wipe();
  return status;
}

int32_t shop__password_verify(shop__hasher_t *hasher, const char *stored, const char *password,
                              int64_t deadline_us, bool *match, bool *stale, shop_error_t *err) {
  struct shop__turn turn;
  *match = false;
  if (stale != NULL) {
    *stale = false;
  }
  int32_t status = shop__hasher_take_turn(hasher, deadline_us, &turn, err);
  if (status == SHOP_OK) {
    status = shop__password_verify_in_turn(hasher, stored, password, match, stale, err);
    shop__hasher_give_turn(hasher, &turn);
  }
  return status;
}
