/* The signing keys in memory: read at open, added to when a key is made here or
   in another process, never taken away while the shop is open, so that a key
   that was found can be used without a lock. Whether a key still counts is asked
   of the store, in the transaction of the work. */
#include <string.h>

#include "flow.h"

struct load {
  const char *kid; /* the one that is wanted; NULL: all */
  struct shop__seal seal;
  int32_t alg;
  const struct shop__key *fresh; /* stored when no key of its alg is active */
  int64_t now_ms;
  struct shop__key_node *nodes; /* result */
  char active_kid[SHOP__KID_BYTES];
  bool open; /* result: a secret stands there that is not sealed */
};

struct shop__seal shop__keyring_seal(shop_t *shop) {
  struct shop__seal seal;

  pthread_mutex_lock(&shop->lock);
  seal = shop->config.seal;
  pthread_mutex_unlock(&shop->lock);
  return seal;
}

int32_t shop__keyring_load(const struct shop__seal *seal, const struct shop__signing_key_row *row,
                           struct shop__key *key, shop_error_t *err) {
  return row->sealed
             ? shop__seal_open(seal, row->kid, row->alg, row->secret, row->secret_size, key, err)
             : shop__key_load(row->kid, row->alg, row->secret, row->secret_size, key, err);
}

static void free_nodes(struct shop__key_node *node) {
  while (node != NULL) {
    struct shop__key_node *next = node->next;

    shop__key_wipe(&node->key);
    shop__memory_free(node);
    node = next;
  }
}

static int32_t load_row(struct load *load, const struct shop__signing_key_row *row,
                        shop_error_t *err) {
  struct shop__key_node *node;
  int32_t status;

  if (row->state == SHOP__SIGNING_KEY_RETIRED)
    return SHOP_OK;
  node = shop__memory_zalloc(sizeof *node);
  if (node == NULL)
    return shop__no_memory(err);
  node->next = load->nodes;
  load->nodes = node;
  status = shop__keyring_load(&load->seal, row, &node->key, err);
  load->open = load->open || !row->sealed;
  if (status == SHOP_OK && row->state == SHOP__SIGNING_KEY_ACTIVE && row->alg == load->alg)
    memcpy(load->active_kid, node->key.kid, sizeof load->active_kid);
  return status;
}

/* Of an earlier run. */
static void reset(struct load *load) {
  free_nodes(load->nodes);
  load->nodes = NULL;
  load->active_kid[0] = '\0';
  load->open = false;
}

static int32_t load_all_fn(shop__tx_t *tx, void *ctx) {
  struct load *load = ctx;
  struct shop__signing_key_row row;
  shop__query_t *q = shop__signing_keys_each(tx);
  int32_t status;

  reset(load);
  while ((status = shop__signing_keys_next(q, &row)) == SHOP__ROW) {
    status = load_row(load, &row, shop__tx_error(tx));
    if (status != SHOP_OK) {
      shop__query_reset(q);
      return status;
    }
  }
  return status;
}

static int32_t load_one_fn(shop__tx_t *tx, void *ctx) {
  struct load *load = ctx;
  struct shop__signing_key_row row;
  bool found = false;
  int32_t status = shop__signing_key_get(tx, load->kid, &row, &found);

  reset(load);
  return status == SHOP_OK && found ? load_row(load, &row, shop__tx_error(tx)) : status;
}

static int32_t make_fn(shop__tx_t *tx, void *ctx) {
  struct load *load = ctx;
  int32_t status = load_all_fn(tx, ctx);

  if (status != SHOP_OK || load->active_kid[0] != '\0')
    return status;
  status = shop__keyring_store(tx, &load->seal, load->fresh, load->now_ms);
  return status == SHOP_OK ? load_all_fn(tx, ctx) : status;
}

static const struct shop__key *find(const struct shop__key_node *node, const char *kid) {
  while (node != NULL && strcmp(node->key.kid, kid) != 0)
    node = node->next;
  return node == NULL ? NULL : &node->key;
}

/* Puts those that are not there yet before the list. Only one thread at a time
   adds; readers see either the old head or the new one. */
static void adopt(shop_t *shop, struct shop__key_node *nodes) {
  struct shop__key_node *unused = NULL;

  pthread_mutex_lock(&shop->lock);
  while (nodes != NULL) {
    struct shop__key_node *next = nodes->next;
    struct shop__key_node *head = atomic_load(&shop->keys);

    if (find(head, nodes->key.kid) != NULL) {
      nodes->next = unused;
      unused = nodes;
    } else {
      nodes->next = head;
      atomic_store(&shop->keys, nodes);
    }
    nodes = next;
  }
  pthread_mutex_unlock(&shop->lock);
  free_nodes(unused);
}

int32_t shop__keyring_store(shop__tx_t *tx, const struct shop__seal *seal,
                            const struct shop__key *key, int64_t now_ms) {
  uint8_t sealed[SHOP__SEALED_MAX_BYTES];
  struct shop__signing_key_row row = {
      .kid = key->kid,
      .alg = key->alg,
      .sealed = seal->on,
      .secret = key->secret,
      .secret_size = key->secret_size,
  };
  /* Under another secret than the keys that are there, none would open the store. */
  struct load others = {.seal = *seal};
  int32_t status = load_all_fn(tx, &others);

  free_nodes(others.nodes);
  shop__memory_wipe(&others.seal, sizeof others.seal);
  if (status != SHOP_OK)
    return status;
  if (seal->on) {
    row.secret = sealed;
    row.secret_size = shop__seal_close(seal, key, sealed);
  }
  return shop__signing_key_insert(tx, &row, now_ms);
}

/* ---- sealing what is there ------------------------------------------------------------- */

struct wrap {
  struct load load;       /* with the old seal */
  struct shop__seal seal; /* the new one */
};

static int32_t wrap_fn(shop__tx_t *tx, void *ctx) {
  struct wrap *wrap = ctx;
  uint8_t sealed[SHOP__SEALED_MAX_BYTES];
  int32_t status = load_all_fn(tx, &wrap->load);

  for (struct shop__key_node *node = wrap->load.nodes; status == SHOP_OK && node != NULL;
       node = node->next) {
    size_t size = shop__seal_close(&wrap->seal, &node->key, sealed);

    status = shop__signing_key_seal(tx, node->key.kid, sealed, size);
  }
  return status;
}

int32_t shop__keyring_wrap(shop_t *shop, const struct shop__seal *seal,
                           const struct shop__db_write_rule *rule, shop_error_t *err) {
  struct wrap wrap = {.load = {.seal = shop__keyring_seal(shop)}, .seal = *seal};
  int32_t status = shop__db_write(shop->db, wrap_fn, &wrap, rule, err);

  if (status == SHOP_OK) {
    pthread_mutex_lock(&shop->lock);
    shop->config.seal = *seal;
    pthread_mutex_unlock(&shop->lock);
  }
  free_nodes(wrap.load.nodes);
  shop__memory_wipe(&wrap, sizeof wrap);
  return status;
}

/* ---- in use ------------------------------------------------------------------------------ */

int32_t shop__keyring_refresh(shop_t *shop, shop_error_t *err) {
  struct shop__key fresh = {0};
  struct load load = {.seal = shop__keyring_seal(shop),
                      .alg = shop->config.token_algorithm,
                      .now_ms = shop__now_ms(shop)};
  int32_t status = shop__db_read(shop->db, load_all_fn, &load, err);

  if (status == SHOP_OK && load.active_kid[0] == '\0') {
    status = shop__key_generate(load.alg, &fresh, err);
    if (status == SHOP_OK) {
      load.fresh = &fresh;
      status = shop__db_write(shop->db, make_fn, &load, NULL, err);
    }
    shop__key_wipe(&fresh);
  }
  /* A store from before there was a key secret, or that another process without
     one has added to. */
  if (status == SHOP_OK && load.open && load.seal.on)
    status = shop__keyring_wrap(shop, &load.seal, NULL, err);
  shop__memory_wipe(&load.seal, sizeof load.seal);
  if (status != SHOP_OK) {
    free_nodes(load.nodes);
    return status;
  }
  adopt(shop, load.nodes);
  atomic_store(&shop->signing, find(atomic_load(&shop->keys), load.active_kid));
  return SHOP_OK;
}

void shop__keyring_take(shop_t *shop, struct shop__key_node *node) {
  char kid[SHOP__KID_BYTES]; /* another thread may have read the key before: then the node goes */
  bool signs = node->key.alg == shop->config.token_algorithm;

  memcpy(kid, node->key.kid, sizeof kid);
  node->next = NULL;
  adopt(shop, node);
  if (signs)
    atomic_store(&shop->signing, find(atomic_load(&shop->keys), kid));
}

void shop__keyring_close(shop_t *shop) {
  free_nodes(atomic_load(&shop->keys));
}

int32_t shop__keyring_find(shop_t *shop, const char *kid, const struct shop__key **key,
                           shop_error_t *err) {
  struct load load = {.kid = kid};
  int32_t status;

  *key = find(atomic_load(&shop->keys), kid);
  if (*key != NULL)
    return SHOP_OK;
  load.seal = shop__keyring_seal(shop);
  status = shop__db_read(shop->db, load_one_fn, &load, err);
  shop__memory_wipe(&load.seal, sizeof load.seal);
  if (status != SHOP_OK) {
    free_nodes(load.nodes);
    return status;
  }
  adopt(shop, load.nodes);
  *key = find(atomic_load(&shop->keys), kid);
  return SHOP_OK;
}
