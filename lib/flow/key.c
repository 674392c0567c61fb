/* The merchant's calls about signing keys: rotate, retire, list, export. */
#include <stddef.h>
#include <string.h>

#include "flow.h"

#define SECRET_BYTES_MIN 16
#define SECRET_BYTES_MAX 1024

/* ---- rotate ------------------------------------------------------------------------- */

struct change {
  const char *kid;              /* of the key that ends */
  int32_t alg;                  /* of the key that is followed */
  struct shop__key_node *fresh; /* the one that follows */
  struct shop__seal seal;
  int64_t now_ms;
  bool stored; /* result: it does follow */
};

static int32_t store_fresh(shop__tx_t *tx, struct change *change) {
  change->stored = true;
  return shop__keyring_store(tx, &change->seal, &change->fresh->key, change->now_ms);
}

static int32_t log_change(shop__tx_t *tx, const struct change *change, const char *name,
                          const char *before, const char *after) {
  return shop__event_insert(tx, &(struct shop__event_row){.at_ms = change->now_ms,
                                                          .actor = SHOP_ACTOR_MERCHANT,
                                                          .name = name,
                                                          .before = before,
                                                          .after = after});
}

/* When no token of today can be good any more, in any process. */
static int32_t last_use(shop__tx_t *tx, int64_t now_ms, int64_t *until_ms) {
  int32_t status = shop__tokens_last_expiry(tx, until_ms);

  if (*until_ms < now_ms)
    *until_ms = now_ms;
  return status;
}

static int32_t rotate_fn(shop__tx_t *tx, void *ctx) {
  struct change *change = ctx;
  char before[SHOP__KID_TEXT_BYTES];
  int64_t until_ms;
  int32_t status = last_use(tx, change->now_ms, &until_ms);

  if (status == SHOP_OK)
    status = shop__signing_key_rest(tx, change->alg, until_ms, before);
  if (status == SHOP_OK)
    status = store_fresh(tx, change);
  if (status == SHOP_OK)
    status = log_change(tx, change, "key.rotated", before, change->fresh->key.kid);
  return status;
}

/* Makes the new key, stores it by fn, and takes it into use here. What can fail
   comes before the write. */
static int32_t apply(shop_t *shop, struct change *change, shop__db_fn fn,
                     const shop_options_t *options, shop_error_t *err) {
  struct shop__db_write_rule rule = shop__options_rule(options, false);
  int32_t status;

  change->fresh = shop__memory_zalloc(sizeof *change->fresh);
  if (change->fresh == NULL)
    return shop__no_memory(err);
  status = shop__key_generate(change->alg, &change->fresh->key, err);
  if (status == SHOP_OK) {
    change->now_ms = shop__now_ms(shop);
    change->seal = shop__keyring_seal(shop);
    status = shop__db_write(shop->db, fn, change, &rule, err);
    shop__memory_wipe(&change->seal, sizeof change->seal);
  }
  if (status == SHOP_OK && change->stored) {
    shop__keyring_take(shop, change->fresh);
  } else {
    shop__key_wipe(&change->fresh->key);
    shop__memory_free(change->fresh);
  }
  return status;
}

int32_t shop_key_rotate(shop_t *shop, int32_t algorithm, const shop_options_t *options,
                        shop_error_t *err) {
  struct change change = {.alg = algorithm};
  int32_t status = shop__enter(shop, err);

  if (status != SHOP_OK)
    return status;
  status = shop__options_check(options, SHOP__TAKES_DEADLINE, err);
  if (algorithm == 0)
    change.alg = shop->config.token_algorithm;
  else if (algorithm != SHOP_TOKEN_HS256 && algorithm != SHOP_TOKEN_ES256)
    status = shop__error_set(err, SHOP_ERR_ARGUMENT, "there is no such algorithm");
  if (status == SHOP_OK)
    status = apply(shop, &change, rotate_fn, options, err);
  return shop__leave(shop, status);
}

/* ---- retire --------------------------------------------------------------------------- */

static int32_t get_key(shop__tx_t *tx, const char *kid, struct shop__signing_key_row *row) {
  bool found = false;
  int32_t status = shop__signing_key_get(tx, kid, row, &found);

  if (status == SHOP_OK && !found)
    status = shop__error_set(shop__tx_error(tx), SHOP_ERR_NOT_FOUND, "there is no such key");
  return status;
}

static int32_t find_fn(shop__tx_t *tx, void *ctx) {
  struct change *change = ctx;
  struct shop__signing_key_row row;
  int32_t status = get_key(tx, change->kid, &row);

  if (status == SHOP_OK)
    change->alg = row.alg;
  return status;
}

static int32_t retire_fn(shop__tx_t *tx, void *ctx) {
  struct change *change = ctx;
  struct shop__signing_key_row row;
  int64_t until_ms;
  int32_t status = get_key(tx, change->kid, &row);
  bool was_active = status == SHOP_OK && row.state == SHOP__SIGNING_KEY_ACTIVE;

  change->stored = false;
  if (status != SHOP_OK || row.state == SHOP__SIGNING_KEY_RETIRED)
    return status;
  status = last_use(tx, change->now_ms, &until_ms);
  if (status == SHOP_OK)
    status = shop__signing_key_retire(tx, change->kid, until_ms);
  if (status == SHOP_OK && was_active)
    status = store_fresh(tx, change);
  if (status == SHOP_OK)
    status = log_change(tx, change, "key.retired", change->kid,
                        was_active ? change->fresh->key.kid : NULL);
  return status;
}

int32_t shop_key_retire(shop_t *shop, const char *kid, const shop_options_t *options,
                        shop_error_t *err) {
  struct change change = {.kid = kid};
  int32_t status = shop__enter(shop, err);

  if (status != SHOP_OK)
    return status;
  if (kid == NULL || kid[0] == '\0')
    return shop__leave(shop, shop__missing("kid", err));
  status = shop__options_check(options, SHOP__TAKES_DEADLINE, err);
  if (status == SHOP_OK)
    status = shop__db_read(shop->db, find_fn, &change, err);
  if (status == SHOP_OK)
    status = apply(shop, &change, retire_fn, options, err);
  return shop__leave(shop, status);
}

/* ---- the key secret --------------------------------------------------------------------- */

static bool is_secret(const void *secret, size_t size) {
  return secret != NULL && size >= SECRET_BYTES_MIN && size <= SECRET_BYTES_MAX;
}

int32_t shop_config_set_key_secret(shop_config_t *config, const void *secret, size_t secret_bytes) {
  bool none = secret == NULL && secret_bytes == 0;

  if (config == NULL || (!none && !is_secret(secret, secret_bytes)))
    return SHOP_ERR_ARGUMENT;
  if (none)
    shop__memory_wipe(&config->seal, sizeof config->seal);
  else
    shop__seal_make(secret, secret_bytes, &config->seal);
  return SHOP_OK;
}

int32_t shop_key_rewrap(shop_t *shop, const void *secret, size_t secret_bytes,
                        const shop_options_t *options, shop_error_t *err) {
  struct shop__db_write_rule rule = shop__options_rule(options, false);
  struct shop__seal seal;
  int32_t status = shop__enter(shop, err);

  if (status != SHOP_OK)
    return status;
  if (!is_secret(secret, secret_bytes))
    return shop__leave(shop,
                       shop__error_set(err, SHOP_ERR_ARGUMENT, "a key secret has %d to %d bytes",
                                       SECRET_BYTES_MIN, SECRET_BYTES_MAX));
  status = shop__options_check(options, SHOP__TAKES_DEADLINE, err);
  if (status == SHOP_OK) {
    shop__seal_make(secret, secret_bytes, &seal);
    status = shop__keyring_wrap(shop, &seal, &rule, err);
    shop__memory_wipe(&seal, sizeof seal);
  }
  return shop__leave(shop, status);
}

/* ---- list ------------------------------------------------------------------------------ */

struct key_entry {
  uint32_t next;
  uint32_t kid;
  int32_t algorithm;
  int32_t state;
  int64_t created_at_ms;
  int64_t until_ms;
};

struct shop_key_ring {
  struct shop__pack_list keys;
};

static int32_t list_fn(shop__tx_t *tx, void *ctx) {
  struct shop__pack *pack = ctx;
  struct shop__signing_key_row row;
  shop__query_t *q = shop__signing_keys_each(tx);
  int32_t status;

  shop__pack_begin(pack, sizeof(struct shop_key_ring));
  while ((status = shop__signing_keys_next(q, &row)) == SHOP__ROW) {
    struct key_entry entry = {.algorithm = row.alg,
                              .state = row.state,
                              .created_at_ms = row.created_at_ms,
                              .until_ms = row.until_ms};

    entry.kid = shop__pack_text(pack, row.kid);
    shop__pack_record(pack, offsetof(struct shop_key_ring, keys), &entry, sizeof entry);
  }
  shop__pack_end_list(pack, offsetof(struct shop_key_ring, keys));
  return status == SHOP_OK ? shop__pack_check(tx, pack) : status;
}

int32_t shop_key_list(shop_t *shop, shop_key_ring_t **out, shop_error_t *err) {
  struct shop__pack pack = {0};
  int32_t status;

  if (out != NULL)
    *out = NULL;
  status = shop__enter(shop, err);
  if (status != SHOP_OK)
    return status;
  if (out == NULL)
    return shop__leave(shop, shop__missing("out", err));
  status = shop__db_read(shop->db, list_fn, &pack, err);
  if (status == SHOP_OK)
    status = shop__give(&pack, (void **)out, err);
  shop__pack_free(&pack);
  return shop__leave(shop, status);
}

static const struct key_entry *entry_at(const shop_key_ring_t *ring, int32_t index) {
  return ring == NULL ? NULL : shop__pack_at(ring, &ring->keys, index);
}

int32_t shop_key_ring_count(const shop_key_ring_t *ring) {
  return ring == NULL ? 0 : (int32_t)ring->keys.count;
}

const char *shop_key_ring_kid(const shop_key_ring_t *ring, int32_t index) {
  const struct key_entry *entry = entry_at(ring, index);

  return entry == NULL ? "" : shop__pack_text_at(ring, entry->kid);
}

int32_t shop_key_ring_algorithm(const shop_key_ring_t *ring, int32_t index) {
  const struct key_entry *entry = entry_at(ring, index);

  return entry == NULL ? 0 : entry->algorithm;
}

int32_t shop_key_ring_state(const shop_key_ring_t *ring, int32_t index) {
  const struct key_entry *entry = entry_at(ring, index);

  return entry == NULL ? 0 : entry->state;
}

int64_t shop_key_ring_created_at_ms(const shop_key_ring_t *ring, int32_t index) {
  const struct key_entry *entry = entry_at(ring, index);

  return entry == NULL ? 0 : entry->created_at_ms;
}

int64_t shop_key_ring_until_ms(const shop_key_ring_t *ring, int32_t index) {
  const struct key_entry *entry = entry_at(ring, index);

  return entry == NULL ? 0 : entry->until_ms;
}

void shop_key_ring_free(shop_key_ring_t *ring) {
  shop__memory_free(ring);
}

/* ---- export ------------------------------------------------------------------------------ */

struct jwks {
  struct shop__seal seal;
  struct shop__bytes bytes;
};

static int32_t jwks_fn(shop__tx_t *tx, void *ctx) {
  struct jwks *jwks = ctx;
  struct shop__bytes *bytes = &jwks->bytes;
  struct shop__signing_key_row row;
  shop__query_t *q = shop__signing_keys_each(tx);
  const char *between = "";
  int32_t status;

  shop__bytes_free(bytes); /* of an earlier run */
  shop__bytes_text(bytes, "{\"keys\":[");
  while ((status = shop__signing_keys_next(q, &row)) == SHOP__ROW) {
    struct shop__key key = {0};

    if (row.alg != SHOP__KEY_ES256 || row.state == SHOP__SIGNING_KEY_RETIRED)
      continue;
    status = shop__keyring_load(&jwks->seal, &row, &key, shop__tx_error(tx));
    if (status == SHOP_OK) {
      shop__bytes_text(bytes, between);
      if (!shop__key_jwk(&key, bytes))
        status = shop__error_set(shop__tx_error(tx), SHOP_ERR_CORRUPT,
                                 "a stored signing key is damaged");
      between = ",";
    }
    shop__key_wipe(&key);
    if (status != SHOP_OK) {
      shop__query_reset(q);
      return status;
    }
  }
  shop__bytes_text(bytes, "]}");
  return status;
}

int32_t shop_key_export_jwks(shop_t *shop, shop_text_t **out, shop_error_t *err) {
  struct jwks jwks = {0};
  int32_t status;

  if (out != NULL)
    *out = NULL;
  status = shop__enter(shop, err);
  if (status != SHOP_OK)
    return status;
  if (out == NULL)
    return shop__leave(shop, shop__missing("out", err));
  jwks.seal = shop__keyring_seal(shop);
  status = shop__db_read(shop->db, jwks_fn, &jwks, err);
  shop__memory_wipe(&jwks.seal, sizeof jwks.seal);
  if (status == SHOP_OK)
    status = shop__text_give(&jwks.bytes, out, err);
  shop__bytes_free(&jwks.bytes);
  return shop__leave(shop, status);
}
