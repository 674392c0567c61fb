/* Recovery: finishes what was cut off. A lease decides who may ask the gateway;
   whose answer counts is settle.c's affair. */
#include <string.h>

#include "flow.h"

struct shop_recovery {
  int32_t examined;
  int32_t placed;
  int32_t failed;
  int32_t waiting;
  int32_t unknown;
};

/* How one charge can be taken further. */
enum way {
  WAY_QUERY,   /* the gateway can be asked */
  WAY_REPEAT,  /* it cannot, but it still honours the key */
  WAY_GIVE_UP, /* neither: unknown, for a person */
  WAY_LEAVE    /* a person has it already */
};

struct turn {
  shop_t *shop;
  int64_t began_ms; /* the whole recovery: no charge gets two turns in it */
  int64_t now_ms;
  /* results */
  bool found;
  enum way way;
  bool key_lives; /* the gateway still honours the key */
  struct shop__charge charge;
};

/* A clock that went back behind the purchase proves nothing about the key's
   age, so it does not allow a repetition. */
static bool key_lives(const struct shop_config *config, int64_t created_at_ms, int64_t now_ms) {
  return created_at_ms <= now_ms && created_at_ms > now_ms - config->gateway_key_life_ms;
}

static enum way way_of(const shop_t *shop, const struct shop__operation_row *row,
                       bool key_lives_now) {
  if (shop->config.query != NULL)
    return WAY_QUERY;
  if (row->state == SHOP__OPERATION_UNKNOWN)
    return WAY_LEAVE;
  return key_lives_now ? WAY_REPEAT : WAY_GIVE_UP;
}

/* Takes the next charge whose lease has run out, and its lease with it; also of
   one that is left alone, which would else be the next for ever. The clock is
   read here: the key may have died while this waited for the store. */
static int32_t take_turn_fn(shop__tx_t *tx, void *ctx) {
  struct turn *turn = ctx;
  struct shop__operation_row row;
  int32_t status;

  turn->now_ms = shop__now_ms(turn->shop);
  status = shop__operation_next_due(tx, turn->began_ms, turn->now_ms, &row, &turn->found);
  if (status != SHOP_OK || !turn->found)
    return status;
  turn->key_lives = key_lives(&turn->shop->config, row.created_at_ms, turn->now_ms);
  turn->way = way_of(turn->shop, &row, turn->key_lives);
  shop__charge_fill(turn->shop, &row, &turn->charge);
  if (turn->way == WAY_REPEAT && turn->shop->config.charge == NULL)
    return shop__error_set(shop__tx_error(tx), SHOP_ERR_NO_GATEWAY,
                           "a purchase was cut off, and no gateway callback is set");
  return shop__operation_set_lease(tx, row.id, turn->now_ms,
                                   turn->shop->config.gateway_lease_ms);
}

struct glance {
  int64_t began_ms;
  int64_t now_ms;
  bool found;
};

static int32_t glance_fn(shop__tx_t *tx, void *ctx) {
  struct glance *glance = ctx;
  struct shop__operation_row row;

  return shop__operation_next_due(tx, glance->began_ms, glance->now_ms, &row, &glance->found);
}

/* A recovery with nothing to do is the common one: it writes nothing. */
static bool any_due(shop_t *shop, const struct turn *turn) {
  struct glance glance = {.began_ms = turn->began_ms, .now_ms = turn->now_ms, .found = true};

  return shop__db_read(shop->db, glance_fn, &glance, NULL) != SHOP_OK || glance.found;
}

static void count(struct shop_recovery *recovery, int32_t status) {
  switch (status) {
  case SHOP_OK:
    recovery->placed++;
    break;
  case SHOP_DECLINED:
    recovery->failed++;
    break;
  case SHOP_UNKNOWN:
  case SHOP_MISMATCH:
    recovery->unknown++;
    break;
  default:
    recovery->waiting++;
  }
}

static void ask(shop_t *shop, const struct turn *turn, struct shop__outcome *outcome) {
  const struct shop_config *config = &shop->config;

  *outcome = (struct shop__outcome){.answer = SHOP__ANSWER_NONE};
  if (turn->way == WAY_QUERY)
    shop__gateway_ask(shop, config->query, config->query_user, &turn->charge, outcome);
  else if (turn->way == WAY_REPEAT)
    shop__gateway_ask(shop, config->charge, config->charge_user, &turn->charge, outcome);
}

/* "Not found" while the gateway honours the key may be a charge on its way; a
   query is asked again until then. After that no repetition is safe, and a
   person has to look. */
static int32_t finish(shop_t *shop, const struct turn *turn, struct shop_recovery *recovery,
                      shop_error_t *err) {
  struct shop__outcome outcome;
  struct shop__settle settle = {.operation_id = turn->charge.operation_id, .outcome = &outcome};
  int32_t status;

  ask(shop, turn, &outcome);
  settle.give_up = turn->way == WAY_GIVE_UP ||
                   (!turn->key_lives && outcome.answer == SHOP__ANSWER_NOT_FOUND);
  status = shop__settle(shop, &settle, err);
  if (status == SHOP_OK) {
    count(recovery, settle.status);
    shop__error_clear(err);
  }
  shop_order_free(settle.order);
  return status;
}

static int32_t recover_next(shop_t *shop, struct turn *turn, struct shop_recovery *recovery,
                            shop_error_t *err) {
  const struct shop__db_write_rule rule = {.payment = true};
  int32_t status;

  turn->now_ms = shop__now_ms(shop);
  turn->found = false;
  if (!any_due(shop, turn))
    return SHOP_OK;
  status = shop__db_write(shop->db, take_turn_fn, turn, &rule, err);
  if (status != SHOP_OK || !turn->found)
    return status;
  recovery->examined++;
  if (turn->way == WAY_LEAVE) {
    recovery->unknown++;
    return SHOP_OK;
  }
  return finish(shop, turn, recovery, err);
}

int32_t shop_recover(shop_t *shop, int32_t limit, shop_recovery_t **out, shop_error_t *err) {
  struct turn turn = {.shop = shop, .found = true};
  struct shop_recovery *recovery;
  int32_t status;

  if (out != NULL)
    *out = NULL;
  status = shop__enter(shop, err);
  if (status != SHOP_OK)
    return status;
  if (limit < 1 || limit > 10000)
    return shop__leave(shop, shop__error_set(err, SHOP_ERR_ARGUMENT, "a limit is 1 to 10,000"));
  recovery = shop__memory_zalloc(sizeof *recovery);
  if (recovery == NULL)
    return shop__leave(shop, shop__no_memory(err));
  turn.began_ms = shop__now_ms(shop);
  while (status == SHOP_OK && turn.found && recovery->examined < limit)
    status = recover_next(shop, &turn, recovery, err);
  if (status == SHOP_OK && out != NULL)
    *out = recovery;
  else
    shop__memory_free(recovery);
  return shop__leave(shop, status);
}

int32_t shop_recovery_examined(const shop_recovery_t *recovery) {
  return recovery == NULL ? 0 : recovery->examined;
}

int32_t shop_recovery_placed(const shop_recovery_t *recovery) {
  return recovery == NULL ? 0 : recovery->placed;
}

int32_t shop_recovery_failed(const shop_recovery_t *recovery) {
  return recovery == NULL ? 0 : recovery->failed;
}

int32_t shop_recovery_waiting(const shop_recovery_t *recovery) {
  return recovery == NULL ? 0 : recovery->waiting;
}

int32_t shop_recovery_unknown(const shop_recovery_t *recovery) {
  return recovery == NULL ? 0 : recovery->unknown;
}

void shop_recovery_free(shop_recovery_t *recovery) {
  shop__memory_free(recovery);
}
