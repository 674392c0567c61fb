/*
 * Passwords: Argon2id by libsodium, a bounded number of hashes at once.
 *
 * Who asks with an unknown address, or with a password that cannot be right,
 * is answered after the same work as anybody else.
 */
#include "secret_password.h"

#include <errno.h>
#include <sodium.h>
#include <string.h>

_Static_assert(SHOP__PASSWORD_HASH_BYTES == crypto_pwhash_STRBYTES,
               "a hash must fit where libsodium writes it");

struct shop__hasher {
  struct shop__hasher_settings settings;
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

int32_t shop__password_check(const char *password, shop_error_t *err) {
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
static int32_t take_turn(shop__hasher_t *hasher, int64_t deadline_us, struct shop__turn *turn,
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

static int32_t hash_no_memory(shop_error_t *err) {
  return shop__error_set(err, SHOP_ERR_NO_MEMORY, "Out of memory for hashing a password.");
}

int32_t shop__password_hash(shop__hasher_t *hasher, const char *password, int64_t deadline_us,
                            char out[SHOP__PASSWORD_HASH_BYTES], shop_error_t *err) {
  memset(out, 0, SHOP__PASSWORD_HASH_BYTES);
  struct shop__turn turn;
  int32_t status = shop__password_check(password, err);
  if (status == SHOP_OK) {
    status = take_turn(hasher, deadline_us, &turn, err);
  }
  if (status != SHOP_OK) {
    return status;
  }
  const struct shop__hasher_settings *settings = &hasher->settings;
  int failed = crypto_pwhash_str_alg(
      out, password, strlen(password), (unsigned long long)settings->passes,
      memory_bytes((uint32_t)settings->memory_kib), crypto_pwhash_ALG_ARGON2ID13);
  shop__turns_give(&hasher->turns, &turn);
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
         phc->passes != (uint32_t)hasher->settings.passes;
}

int32_t shop__password_verify(shop__hasher_t *hasher, const char *stored, const char *password,
                              int64_t deadline_us, bool *match, bool *stale, shop_error_t *err) {
  struct shop__phc phc;
  struct shop__turn turn;
  bool possible, equal = false;
  const char *text = password == NULL ? "" : password;
  size_t size = hashed_size(text, &possible);
  *match = false;
  if (stale != NULL) {
    *stale = false;
  }
  int32_t status;
  if (stored == NULL) {
    make_decoy(hasher, &phc);
  } else if (!shop__phc_parse(stored, &phc)) {
    status = shop__error_set(err, SHOP_ERR_CORRUPT, "A stored password hash is damaged.");
    goto out;
  }
  status = take_turn(hasher, deadline_us, &turn, err);
  if (status != SHOP_OK) {
    goto out;
  }
  status = is_ours(&phc) ? compare(&phc, text, size, &equal)
                         : compare_foreign(&phc, stored, text, size, &equal);
  shop__turns_give(&hasher->turns, &turn);
  if (status != SHOP_OK) {
    (void)hash_no_memory(err);
    goto out;
  }
  *match = equal && possible && stored != NULL;
  if (stale != NULL) {
    *stale = stored != NULL && is_stale(hasher, &phc);
  }
out:
  shop__memory_wipe(&phc, sizeof phc);
  return status;
}
