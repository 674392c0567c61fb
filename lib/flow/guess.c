/* Guessing: who may try a password now, and what a wrong one costs. The rule stands in
   include/shop/guess.h. */
#include <stdio.h>

#include "flow.h"

/* How many sources a user is known from. */
#define KNOWN_MAX 8
/* A known source is noted again when the note is this old: nearly every login
   from home writes nothing for it. */
#define KNOWN_AGAIN_MS (INT64_C(24) * 60 * 60 * 1000)

/* ---- settings ------------------------------------------------------------------------- */

static int32_t set_count(shop_config_t *config, int32_t *field, int32_t count, int32_t min,
                         int32_t max) {
  if (config == NULL || count < min || count > max)
    return SHOP_ERR_ARGUMENT;
  *field = count;
  return SHOP_OK;
}

static int32_t set_ms(shop_config_t *config, int64_t *field, int64_t ms, int64_t min, int64_t max) {
  if (config == NULL || ms < min || ms > max)
    return SHOP_ERR_ARGUMENT;
  *field = ms;
  return SHOP_OK;
}

#define HOUR_MS (INT64_C(60) * 60 * 1000)
#define DAY_MS (24 * HOUR_MS)
#define FIELD(config, name) ((config) == NULL ? NULL : &(config)->guess.name)

void shop__guess_defaults(struct shop__guess_settings *settings) {
  *settings = (struct shop__guess_settings){
      .tries_free = 5,
      .wait_ms = 1000,
      .wait_max_ms = DAY_MS / 96, /* 15 minutes */
      .tries_lock = 10,
      .lock_ms = DAY_MS / 24,
      .source_tries_free = 50,
      .life_ms = DAY_MS,
      .rows_max = 100000,
      .source_mails_max = 20,
  };
}

int32_t shop_config_set_login_tries_free(shop_config_t *config, int32_t count) {
  return set_count(config, FIELD(config, tries_free), count, 1, 1000);
}

int32_t shop_config_set_login_wait_ms(shop_config_t *config, int64_t wait_ms) {
  return set_ms(config, FIELD(config, wait_ms), wait_ms, 1, DAY_MS / 24);
}

int32_t shop_config_set_login_wait_max_ms(shop_config_t *config, int64_t wait_ms) {
  return set_ms(config, FIELD(config, wait_max_ms), wait_ms, 1, DAY_MS);
}

int32_t shop_config_set_login_tries_lock(shop_config_t *config, int32_t count) {
  return set_count(config, FIELD(config, tries_lock), count, 1, 1000);
}

int32_t shop_config_set_login_lock_ms(shop_config_t *config, int64_t lock_ms) {
  return set_ms(config, FIELD(config, lock_ms), lock_ms, 1, 30 * DAY_MS);
}

int32_t shop_config_set_source_tries_free(shop_config_t *config, int32_t count) {
  return set_count(config, FIELD(config, source_tries_free), count, 1, 1000000);
}

int32_t shop_config_set_guess_life_ms(shop_config_t *config, int64_t life_ms) {
  return set_ms(config, FIELD(config, life_ms), life_ms, 1000, 365 * DAY_MS);
}

int32_t shop_config_set_guess_rows_max(shop_config_t *config, int32_t count) {
  return set_count(config, FIELD(config, rows_max), count, 100, 10000000);
}

int32_t shop_config_set_source_mails_hourly_max(shop_config_t *config, int32_t count) {
  return set_count(config, FIELD(config, source_mails_max), count, 1, 1000000);
}

/* ---- who is asking ----------------------------------------------------------------------- */

/* The texts are of bounded length and the parts cannot run together: a source has
   no control character. */
static void make_key(const shop_t *shop, char kind, const char *account, const char *source,
                     uint8_t out[SHOP__GUESS_KEY_BYTES]) {
  shop__keyed_digest(shop->guess_secret, kind, source, account, out, SHOP__GUESS_KEY_BYTES);
}

void shop__attempt_begin(const shop_t *shop, const char *account, const shop_options_t *options,
                         struct shop__attempt *attempt) {
  const char *source = shop__options_source(options);

  *attempt = (struct shop__attempt){.shop = shop, .has_source = source != NULL};
  make_key(shop, 'a', account, "", attempt->account.key);
  if (source == NULL)
    return;
  make_key(shop, 'p', account, source, attempt->pair.key);
  make_key(shop, 's', "", source, attempt->source.key);
}

static int64_t longest(int64_t a_ms, int64_t b_ms) {
  return a_ms > b_ms ? a_ms : b_ms;
}

/* None is dropped while it may make somebody wait. */
int64_t shop__guess_life_ms(const struct shop__guess_settings *settings) {
  int64_t life_ms = longest(settings->life_ms, settings->wait_max_ms);

  return longest(longest(life_ms, settings->lock_ms), HOUR_MS); /* of mails */
}

/* A counter that has rested for long, or comes from a clock that has gone back since, makes nobody
   wait; the first also counts from the start again. */
static int32_t look_at(shop__tx_t *tx, const struct shop__attempt *attempt,
                       struct shop__counter *counter) {
  const struct shop__guess_settings *settings = &attempt->shop->config.guess;
  int64_t life_ms = longest(settings->life_ms, settings->wait_max_ms);
  int32_t status = shop__guess_get(tx, counter->key, &counter->row);

  if (counter == &attempt->pair)
    life_ms = longest(life_ms, settings->lock_ms);
  if (attempt->now_ms - counter->row.at_ms >= life_ms)
    counter->row.failures = 0;
  return status;
}

int32_t shop__attempt_look(shop__tx_t *tx, struct shop__attempt *attempt, int64_t user_id) {
  int32_t status;

  attempt->user_id = user_id;
  attempt->now_ms = shop__now_ms(attempt->shop);
  attempt->known = false;
  status = look_at(tx, attempt, &attempt->account);
  if (status != SHOP_OK || !attempt->has_source)
    return status;
  status = look_at(tx, attempt, &attempt->pair);
  if (status == SHOP_OK)
    status = look_at(tx, attempt, &attempt->source);
  if (status == SHOP_OK)
    status =
        shop__source_get(tx, user_id, attempt->source.key, &attempt->known, &attempt->known_at_ms);
  return status;
}

/* ---- may it be tried now ------------------------------------------------------------------- */

/* What is left of a wait. */
static int64_t left_ms(const struct shop__counter *counter, int64_t wait_ms, int64_t now_ms) {
  int64_t rested_ms = now_ms - counter->row.at_ms;

  return rested_ms < 0 || rested_ms >= wait_ms ? 0 : wait_ms - rested_ms;
}

static int64_t growing_wait_ms(const struct shop__guess_settings *settings, int64_t failures,
                               int64_t tries_free) {
  int64_t wait_ms = settings->wait_ms;

  if (failures <= tries_free)
    return 0;
  for (int64_t i = tries_free + 1; i < failures && wait_ms < settings->wait_max_ms; i++)
    wait_ms *= 2;
  return wait_ms < settings->wait_max_ms ? wait_ms : settings->wait_max_ms;
}

static int64_t growing_left_ms(const struct shop__attempt *attempt,
                               const struct shop__counter *counter, int64_t tries_free) {
  const struct shop__guess_settings *settings = &attempt->shop->config.guess;

  return left_ms(counter, growing_wait_ms(settings, counter->row.failures, tries_free),
                 attempt->now_ms);
}

static int32_t make_wait(int32_t status, const char *why, int64_t wait_ms, shop_error_t *err) {
  shop__error_set(err, status, "%s: try again in %lld seconds", why,
                  (long long)(wait_ms + 999) / 1000);
  shop__error_set_retry(err, wait_ms);
  return status;
}

static int32_t throttle(int64_t wait_ms, shop_error_t *err) {
  return make_wait(SHOP_ERR_THROTTLED, "too many attempts", wait_ms, err);
}

static int32_t judge(const struct shop__attempt *attempt, shop_error_t *err) {
  const struct shop__guess_settings *settings = &attempt->shop->config.guess;
  int64_t account_ms = 0, pair_ms = 0, source_ms = 0;

  if (attempt->has_source && attempt->pair.row.failures >= settings->tries_lock) {
    pair_ms = left_ms(&attempt->pair, settings->lock_ms, attempt->now_ms);
    if (pair_ms > 0)
      return make_wait(SHOP_ERR_LOCKED, "the account is locked for this source", pair_ms, err);
  } else if (attempt->has_source) {
    pair_ms = growing_left_ms(attempt, &attempt->pair, settings->tries_free);
  }
  if (!attempt->known)
    account_ms = growing_left_ms(attempt, &attempt->account, settings->tries_free);
  if (!attempt->known && attempt->has_source)
    source_ms = growing_left_ms(attempt, &attempt->source, settings->source_tries_free);
  if (account_ms < pair_ms)
    account_ms = pair_ms;
  if (account_ms < source_ms)
    account_ms = source_ms;
  return account_ms > 0 ? throttle(account_ms, err) : SHOP_OK;
}

/* ---- counting ----------------------------------------------------------------------------------
 */

/* A new counter takes a free slot, or the place of the weakest. */
static int32_t store_counter(shop__tx_t *tx, const struct shop__attempt *attempt,
                             struct shop__counter *counter) {
  int64_t last = 0;
  int32_t status;

  if (counter->row.slot != 0)
    return shop__guess_update(tx, counter->key, &counter->row);
  status = shop__guess_last_slot(tx, &last);
  if (status == SHOP_OK && last < attempt->shop->config.guess.rows_max) {
    counter->row.slot = last + 1;
    return shop__guess_insert(tx, counter->key, &counter->row);
  }
  if (status == SHOP_OK)
    status = shop__guess_weakest_slot(tx, &counter->row.slot);
  return status == SHOP_OK ? shop__guess_update(tx, counter->key, &counter->row) : status;
}

/* One more. */
static int32_t add_one(shop__tx_t *tx, const struct shop__attempt *attempt,
                       struct shop__counter *counter) {
  counter->row.failures++;
  counter->row.at_ms = attempt->now_ms;
  return store_counter(tx, attempt, counter);
}

static int32_t count_one(shop__tx_t *tx, const struct shop__attempt *attempt,
                         struct shop__counter *counter) {
  int32_t status = look_at(tx, attempt, counter);

  return status == SHOP_OK ? add_one(tx, attempt, counter) : status;
}

static int32_t tell(shop__tx_t *tx, const struct shop__attempt *attempt, const char *name,
                    int64_t count) {
  char detail[24];

  (void)snprintf(detail, sizeof detail, "%lld", (long long)count);
  return shop__event_insert(tx, &(struct shop__event_row){.at_ms = attempt->now_ms,
                                                          .actor = SHOP_ACTOR_SHOPPER,
                                                          .user_id = attempt->user_id,
                                                          .name = name,
                                                          .detail = detail});
}

/* The log tells of the 1st, 2nd, 4th, 8th ... failure: a flood does not fill it. */
static bool is_told(int64_t count) {
  return (count & (count - 1)) == 0;
}

static int32_t count_fn(shop__tx_t *tx, void *ctx) {
  struct shop__attempt *attempt = ctx;
  const struct shop__counter *main = attempt->known ? &attempt->pair : &attempt->account;
  int32_t status = SHOP_OK;

  if (!attempt->known)
    status = count_one(tx, attempt, &attempt->account);
  if (status == SHOP_OK && attempt->has_source)
    status = count_one(tx, attempt, &attempt->pair);
  if (status == SHOP_OK && attempt->has_source)
    status = count_one(tx, attempt, &attempt->source);
  if (status == SHOP_OK && is_told(main->row.failures))
    status = tell(tx, attempt, "user.login_failed", main->row.failures);
  if (status == SHOP_OK && attempt->has_source &&
      attempt->pair.row.failures == attempt->shop->config.guess.tries_lock)
    status = tell(tx, attempt, "user.login_locked", attempt->pair.row.failures);
  return status;
}

/* ---- the attempt
 * --------------------------------------------------------------------------------- */

static int32_t look_again_fn(shop__tx_t *tx, void *ctx) {
  struct shop__attempt *attempt = ctx;

  return shop__attempt_look(tx, attempt, attempt->user_id);
}

/* What happens while the place among the hashes is held: others who waited for theirs see this
   failure before they try. */
static int32_t try_in_turn(shop_t *shop, struct shop__attempt *attempt, const char *stored,
                           const char *password, bool waited, bool *match, bool *stale,
                           shop_error_t *err) {
  int32_t status = SHOP_OK;

  if (waited) {
    status = shop__db_read(shop->db, look_again_fn, attempt, err);
    if (status == SHOP_OK)
      status = judge(attempt, err);
  }
  if (status == SHOP_OK)
    status = shop__password_verify_in_turn(shop->hasher, stored, password, match, stale, err);
  if (status == SHOP_OK && !*match)
    status = shop__db_write(shop->db, count_fn, attempt, NULL, err);
  return status;
}

int32_t shop__attempt_prove(shop_t *shop, struct shop__attempt *attempt, const char *stored,
                            const char *password, int64_t until_us, bool *match, bool *stale,
                            shop_error_t *err) {
  struct shop__turn turn;
  int32_t status = judge(attempt, err);

  *match = false;
  *stale = false;
  if (status == SHOP_OK)
    status = shop__hasher_take_turn(shop->hasher, until_us, &turn, err);
  if (status != SHOP_OK)
    return status;
  status = try_in_turn(shop, attempt, stored, password, turn.waited, match, stale, err);
  shop__hasher_give_turn(shop->hasher, &turn);
  return status;
}

int32_t shop__source_trust(shop__tx_t *tx, const struct shop__attempt *attempt, int64_t user_id) {
  int32_t status = SHOP_OK;

  if (attempt->known && attempt->now_ms - attempt->known_at_ms < KNOWN_AGAIN_MS)
    return SHOP_OK;
  status = shop__source_put(tx, user_id, attempt->source.key, attempt->now_ms);
  if (status == SHOP_OK && !attempt->known)
    status = shop__sources_trim(tx, user_id, KNOWN_MAX);
  return status;
}

int32_t shop__attempt_succeed(shop__tx_t *tx, const struct shop__attempt *attempt) {
  int32_t status = SHOP_OK;

  if (!attempt->known && attempt->account.row.failures > 0)
    status = shop__guess_clear(tx, attempt->account.key);
  if (status == SHOP_OK && attempt->pair.row.failures > 0)
    status = shop__guess_clear(tx, attempt->pair.key);
  if (status == SHOP_OK && attempt->has_source)
    status = shop__source_trust(tx, attempt, attempt->user_id);
  return status;
}

int32_t shop__attempt_forgive(shop__tx_t *tx, const struct shop__attempt *attempt,
                              int64_t user_id) {
  int32_t status = shop__guess_clear(tx, attempt->account.key);

  return status == SHOP_OK && attempt->has_source ? shop__attempt_unlock(tx, attempt, user_id)
                                                  : status;
}

int32_t shop__attempt_unlock(shop__tx_t *tx, const struct shop__attempt *attempt, int64_t user_id) {
  int32_t status;

  if (!attempt->has_source)
    return shop__guess_clear(tx, attempt->account.key);
  status = shop__guess_clear(tx, attempt->pair.key);
  return status == SHOP_OK ? shop__source_trust(tx, attempt, user_id) : status;
}

/* Without a source the key is of zero bytes, which is nobody's. */
int32_t shop__sources_forget_others(shop__tx_t *tx, const struct shop__attempt *attempt,
                                    int64_t user_id) {
  return shop__sources_forget(tx, user_id, attempt->source.key);
}

/* ---- gates: what only the source is counted for
 * --------------------------------------------------- */

static int32_t look_at_gate_fn(shop__tx_t *tx, void *ctx) {
  struct shop__attempt *gate = ctx;

  return look_at(tx, gate, &gate->source);
}

static int32_t judge_gate(const struct shop__attempt *gate, shop_error_t *err) {
  int64_t wait_ms =
      growing_left_ms(gate, &gate->source, gate->shop->config.guess.source_tries_free);

  return wait_ms > 0 ? throttle(wait_ms, err) : SHOP_OK;
}

/* What is asked before a call costs anything. */
static int32_t check_gate(shop_t *shop, char kind, const shop_options_t *options, shop__db_fn look,
                          int32_t (*judge_it)(const struct shop__attempt *gate, shop_error_t *err),
                          struct shop__attempt *gate, shop_error_t *err) {
  const char *source = shop__options_source(options);
  int32_t status;

  *gate = (struct shop__attempt){.shop = shop, .has_source = source != NULL};
  if (source == NULL)
    return SHOP_OK;
  make_key(shop, kind, "", source, gate->source.key);
  gate->now_ms = shop__now_ms(shop);
  status = shop__db_read(shop->db, look, gate, err);
  return status == SHOP_OK ? judge_it(gate, err) : status;
}

int32_t shop__gate_check(shop_t *shop, char kind, const shop_options_t *options,
                         struct shop__attempt *gate, shop_error_t *err) {
  return check_gate(shop, kind, options, look_at_gate_fn, judge_gate, gate, err);
}

/* Asked again here, so that many at once do not slip through; by the clock of now, since others
   have counted while a password was hashed. */
int32_t shop__gate_count(shop__tx_t *tx, struct shop__attempt *gate) {
  int32_t status;

  if (!gate->has_source)
    return SHOP_OK;
  gate->now_ms = shop__now_ms(gate->shop);
  status = look_at(tx, gate, &gate->source);
  if (status == SHOP_OK)
    status = judge_gate(gate, shop__tx_error(tx));
  gate->source.row.cheap = true;
  return status == SHOP_OK ? add_one(tx, gate, &gate->source) : status;
}

/* ---- mails: so many in an hour
 * ------------------------------------------------------------------- */

/* The counter holds when the hour began. */
static int32_t look_at_hour(shop__tx_t *tx, struct shop__attempt *gate) {
  struct shop__guess_row *row = &gate->source.row;
  int32_t status = shop__guess_get(tx, gate->source.key, row);

  if (gate->now_ms < row->at_ms || gate->now_ms - row->at_ms >= HOUR_MS)
    row->failures = 0;
  return status;
}

static int32_t judge_mails(const struct shop__attempt *gate, shop_error_t *err) {
  const struct shop__guess_row *row = &gate->source.row;

  if (row->failures < gate->shop->config.guess.source_mails_max)
    return SHOP_OK;
  return throttle(HOUR_MS - (gate->now_ms - row->at_ms), err);
}

static int32_t look_at_hour_fn(shop__tx_t *tx, void *ctx) {
  return look_at_hour(tx, ctx);
}

int32_t shop__mail_gate_check(shop_t *shop, const shop_options_t *options,
                              struct shop__attempt *gate, shop_error_t *err) {
  return check_gate(shop, 'm', options, look_at_hour_fn, judge_mails, gate, err);
}

/* Asked again here, as above. */
int32_t shop__mail_gate_count(shop__tx_t *tx, struct shop__attempt *gate) {
  struct shop__guess_row *row = &gate->source.row;
  int32_t status;

  if (!gate->has_source)
    return SHOP_OK;
  gate->now_ms = shop__now_ms(gate->shop);
  status = look_at_hour(tx, gate);
  if (status == SHOP_OK)
    status = judge_mails(gate, shop__tx_error(tx));
  if (status != SHOP_OK)
    return status;
  if (row->failures == 0)
    row->at_ms = gate->now_ms;
  row->failures++;
  row->cheap = true;
  return store_counter(tx, gate, &gate->source);
}
