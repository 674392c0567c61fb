/* The open shop: opening, closing, and what every call does first and last. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "flow.h"

#define READERS_MAX 8

/* ---- entering and leaving --------------------------------------------------- */

static bool in_callback(const shop_t *shop, bool inside_only) {
  for (const struct shop__callback *at = shop->callbacks; at != NULL; at = at->next)
    if ((at->inside || !inside_only) && pthread_equal(at->thread, pthread_self()))
      return true;
  return false;
}

int32_t shop__same_process(const shop_t *shop, shop_error_t *err) {
  if (shop->pid != getpid())
    return shop__error_set(err, SHOP_ERR_FORKED,
                           "the shop was opened before a fork: let each process open its own, "
                           "after forking");
  return SHOP_OK;
}

int32_t shop__enter(shop_t *shop, shop_error_t *err) {
  bool closing;
  int32_t status;

  shop__error_clear(err);
  if (shop == NULL)
    return shop__missing("shop", err);
  status = shop__same_process(shop, err);
  if (status != SHOP_OK)
    return status;
  pthread_mutex_lock(&shop->lock);
  if (shop->callbacks_inside > 0 && in_callback(shop, true)) {
    pthread_mutex_unlock(&shop->lock);
    return shop__error_set(err, SHOP_ERR_IN_CALLBACK,
                           "a progress callback must not call the library");
  }
  closing = shop->closing;
  if (!closing)
    shop->calls++;
  pthread_mutex_unlock(&shop->lock);
  if (closing)
    return shop__error_set(err, SHOP_ERR_CLOSED, "the shop is being closed");
  return SHOP_OK;
}

int32_t shop__enter_token(shop_t *shop, const shop_token_t *token, shop_error_t *err) {
  int32_t status = shop__enter(shop, err);

  if (status != SHOP_OK)
    return status;
  if (token == NULL)
    return shop__leave(shop, shop__missing("token", err));
  if (strcmp(token->store_id, shop->store_id) != 0)
    return shop__leave(shop, shop__error_set(err, SHOP_ERR_FOREIGN,
                                             "the token belongs to another shop"));
  return SHOP_OK;
}

int32_t shop__leave(shop_t *shop, int32_t status) {
  pthread_mutex_lock(&shop->lock);
  shop->calls--;
  if (shop->calls == 0 && shop->closing)
    pthread_cond_signal(&shop->idle);
  pthread_mutex_unlock(&shop->lock);
  return status;
}

static void begin(shop_t *shop, struct shop__callback *callback, bool inside) {
  callback->thread = pthread_self();
  callback->inside = inside;
  pthread_mutex_lock(&shop->lock);
  callback->next = shop->callbacks;
  shop->callbacks = callback;
  shop->callbacks_inside += inside;
  pthread_mutex_unlock(&shop->lock);
}

void shop__callback_begin(shop_t *shop, struct shop__callback *callback) {
  begin(shop, callback, false);
}

void shop__callback_begin_inside(shop_t *shop, struct shop__callback *callback) {
  begin(shop, callback, true);
}

void shop__callback_end(shop_t *shop, struct shop__callback *callback) {
  struct shop__callback **at = &shop->callbacks;

  pthread_mutex_lock(&shop->lock);
  while (*at != callback)
    at = &(*at)->next;
  *at = callback->next;
  shop->callbacks_inside -= callback->inside;
  pthread_mutex_unlock(&shop->lock);
}

/* ---- what calls share --------------------------------------------------------- */

int64_t shop__now_ms(const shop_t *shop) {
  return shop__clock_now_ms(&shop->config.clock);
}

void shop__log(shop_t *shop, int32_t level, const char *format, ...) {
  struct shop__callback callback;
  char text[512];
  va_list arguments;

  if (shop->config.log == NULL)
    return;
  va_start(arguments, format);
  (void)vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  shop__callback_begin(shop, &callback);
  shop->config.log(shop->config.log_user, level, text);
  shop__callback_end(shop, &callback);
}

int32_t shop__no_memory(shop_error_t *err) {
  return shop__error_set(err, SHOP_ERR_NO_MEMORY, "out of memory");
}

int32_t shop__missing(const char *what, shop_error_t *err) {
  return shop__error_set(err, SHOP_ERR_ARGUMENT, "%s must not be NULL", what);
}

int32_t shop__pack_check(shop__tx_t *tx, const struct shop__pack *pack) {
  return pack->failed ? shop__no_memory(shop__tx_error(tx)) : SHOP_OK;
}

int32_t shop__give(struct shop__pack *pack, void **out, shop_error_t *err) {
  *out = shop__pack_finish(pack);
  return *out == NULL ? shop__no_memory(err) : SHOP_OK;
}

int32_t shop__metadata_check(const char *note, const char *external_id, shop_error_t *err) {
  int32_t status =
      shop__text_check_optional("note", note, SHOP__NOTE_MAX, SHOP__TEXT_PARAGRAPH, err);

  if (status == SHOP_OK)
    status = shop__text_check_optional("external_id", external_id, SHOP__EXTERNAL_ID_MAX,
                                       SHOP__TEXT_LINE, err);
  return status;
}

int32_t shop__page_check(int64_t cursor, int32_t limit, shop_error_t *err) {
  if (cursor < 0 || limit < 1 || limit > SHOP__PAGE_MAX)
    return shop__error_set(err, SHOP_ERR_ARGUMENT,
                           "a page begins at an id of 0 or more and has 1 to %d entries",
                           SHOP__PAGE_MAX);
  return SHOP_OK;
}

int32_t shop__page_give(shop_t *shop, struct shop__page *page, shop__db_fn fn, void *ctx,
                        void **out, shop_error_t *err) {
  int32_t status = out == NULL ? shop__missing("out", err)
                               : shop__page_check(page->cursor, page->limit, err);

  if (status == SHOP_OK)
    status = shop__db_read(shop->db, fn, ctx, err);
  if (status == SHOP_OK)
    status = shop__give(&page->pack, out, err);
  shop__pack_free(&page->pack);
  return status;
}

/* ---- opening -------------------------------------------------------------------- */

struct identify {
  char fresh_id[SHOP__STORE_ID_BYTES]; /* what the first open of all writes */
  uint8_t fresh_secret[SHOP__GUESS_SECRET_BYTES];
  int64_t now_ms;
  bool found;
  char store_id[SHOP__STORE_ID_BYTES];
  uint8_t guess_secret[SHOP__GUESS_SECRET_BYTES];
};

static int32_t read_identity_fn(shop__tx_t *tx, void *ctx) {
  struct identify *identify = ctx;
  struct shop__shop_row row;
  int32_t status = shop__shop_get(tx, &row, &identify->found);

  if (status != SHOP_OK || !identify->found)
    return status;
  if (strlen(row.store_id) != SHOP__STORE_ID_BYTES - 1 ||
      row.guess_secret_size != SHOP__GUESS_SECRET_BYTES)
    return shop__error_set(shop__tx_error(tx), SHOP_ERR_CORRUPT, "the store's id is damaged");
  memcpy(identify->store_id, row.store_id, SHOP__STORE_ID_BYTES);
  memcpy(identify->guess_secret, row.guess_secret, SHOP__GUESS_SECRET_BYTES);
  return SHOP_OK;
}

static int32_t identify_fn(shop__tx_t *tx, void *ctx) {
  struct identify *identify = ctx;
  int32_t status = read_identity_fn(tx, ctx);

  if (status == SHOP_OK && !identify->found)
    status = shop__shop_insert(tx,
                               &(struct shop__shop_row){identify->fresh_id, identify->fresh_secret,
                                                        sizeof identify->fresh_secret},
                               identify->now_ms);
  return status == SHOP_OK && !identify->found ? read_identity_fn(tx, ctx) : status;
}

static int32_t open_identity(shop_t *shop, shop_error_t *err) {
  struct identify identify = {.now_ms = shop__now_ms(shop)};
  int32_t status = shop__db_read(shop->db, read_identity_fn, &identify, err);

  if (status == SHOP_OK && !identify.found) {
    shop__random_id(identify.fresh_id);
    shop__random_bytes(identify.fresh_secret, sizeof identify.fresh_secret);
    status = shop__db_write(shop->db, identify_fn, &identify, NULL, err);
  }
  if (status == SHOP_OK) {
    memcpy(shop->store_id, identify.store_id, sizeof shop->store_id);
    memcpy(shop->guess_secret, identify.guess_secret, sizeof shop->guess_secret);
  }
  shop__memory_wipe(&identify, sizeof identify);
  return status;
}

static int32_t open_store(shop_t *shop, const char *path, shop_error_t *err) {
  struct shop__db_settings settings = {
      .path = path,
      .sync = shop->config.durability == SHOP_DURABILITY_NORMAL ? SHOP__SYNC_NORMAL
                                                                : SHOP__SYNC_FULL,
      .busy_ms = shop->config.busy_timeout_ms,
      .readers_max = READERS_MAX,
      .clock = &shop->config.clock,
  };

  settings.migrations = shop__schema_migrations(&settings.migration_count);
  return shop__db_open(&settings, &shop->db, err);
}

static int32_t open_hasher(shop_t *shop, shop_error_t *err) {
  int32_t status = shop__hasher_new(&shop->config.password, &shop->hasher, err);

  if (status == SHOP_OK)
    shop__hasher_set_peppers(shop->hasher, &shop->config.peppers);
  return status;
}

static void destroy(shop_t *shop) {
  shop__hasher_free(shop->hasher);
  shop__mail_templates_free(shop->templates);
  shop__db_close(shop->db);
  shop__keyring_close(shop);
  pthread_cond_destroy(&shop->idle);
  pthread_mutex_destroy(&shop->lock);
  shop__memory_wipe(&shop->config, sizeof shop->config);
  shop__memory_wipe(shop->guess_secret, sizeof shop->guess_secret);
  shop__memory_free(shop);
}

static shop_t *create(const shop_config_t *config) {
  shop_t *shop = shop__memory_zalloc(sizeof *shop);

  if (shop == NULL)
    return NULL;
  if (config != NULL)
    shop->config = *config;
  else
    shop__config_defaults(&shop->config);
  shop->config.templates = NULL; /* the config's: the shop has a copy of its own */
  shop->pid = getpid();
  if (pthread_mutex_init(&shop->lock, NULL) != 0) {
    shop__memory_free(shop);
    return NULL;
  }
  if (pthread_cond_init(&shop->idle, NULL) != 0) {
    pthread_mutex_destroy(&shop->lock);
    shop__memory_free(shop);
    return NULL;
  }
  return shop;
}

/* File systems name files in bytes, so a path need not be UTF-8. */
static int32_t check_path(const char *path, shop_error_t *err) {
  if (path == NULL || path[0] == '\0')
    return shop__error_set(err, SHOP_ERR_ARGUMENT, "the path is missing");
  if (strnlen(path, SHOP__PATH_MAX + 1) > SHOP__PATH_MAX)
    return shop__error_set(err, SHOP_ERR_TOO_LONG, "the path has more than %d bytes",
                           SHOP__PATH_MAX);
  if (strcmp(path, ":memory:") == 0)
    return shop__error_set(err, SHOP_ERR_ARGUMENT, "a shop needs a file: give a path");
  return SHOP_OK;
}

int32_t shop_open(const char *path, const shop_config_t *config, shop_t **out,
                  shop_error_t *err) {
  shop_t *shop;
  int32_t status;

  shop__error_clear(err);
  if (out == NULL)
    return shop__missing("out", err);
  *out = NULL;
  status = check_path(path, err);
  if (status == SHOP_OK)
    status = shop__secret_init(err);
  if (status != SHOP_OK)
    return status;
  shop = create(config);
  if (shop == NULL)
    return shop__no_memory(err);
  status = shop__config_check(&shop->config, err);
  if (status == SHOP_OK &&
      shop__mail_templates_new(config == NULL ? NULL : config->templates, &shop->templates) !=
          SHOP_OK)
    status = shop__no_memory(err);
  if (status == SHOP_OK)
    status = open_store(shop, path, err);
  if (status == SHOP_OK)
    status = open_identity(shop, err);
  if (status == SHOP_OK)
    status = shop__keyring_refresh(shop, err);
  if (status == SHOP_OK)
    status = shop__peppers_open(shop, err);
  if (status == SHOP_OK)
    status = open_hasher(shop, err);
  if (status == SHOP_OK)
    *out = shop;
  else
    destroy(shop);
  shop__traces_wipe(); /* of the peppers, of the seal and of the keys */
  return status;
}

/* ---- closing ---------------------------------------------------------------------- */

int32_t shop_close(shop_t *shop) {
  if (shop == NULL)
    return SHOP_OK;
  if (shop->pid != getpid())
    return SHOP_ERR_FORKED;
  pthread_mutex_lock(&shop->lock);
  if (shop->closing || in_callback(shop, false)) {
    int32_t status = in_callback(shop, false) ? SHOP_ERR_IN_CALLBACK : SHOP_ERR_CLOSED;

    pthread_mutex_unlock(&shop->lock);
    return status;
  }
  shop->closing = true;
  while (shop->calls > 0)
    pthread_cond_wait(&shop->idle, &shop->lock);
  pthread_mutex_unlock(&shop->lock);
  destroy(shop);
  return SHOP_OK;
}
