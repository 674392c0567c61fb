/* Recovery: finishes what was cut off or waits, for anybody (`shop_recover`) and
   for one purchase (`shop_purchase_resume`, `shop_purchase_abandon`). A lease
   decides who may ask the gateway; whose answer counts is settle.c's affair. */
#include <stdio.h>
#include <string.h>

#include "flow.h"

struct shop_recovery {
  int32_t examined;
  int32_t placed;
  int32_t failed;
  int32_t finished;
  int32_t waiting;
  int32_t unknown;
  bool no_gateway;
  char text[160];
};

/* How one operation can be taken further. */
enum way {
  WAY_QUERY,   /* the gateway can be asked */
  WAY_REPEAT,  /* it cannot, but it still honours the key */
  WAY_GIVE_UP, /* neither: unknown, for a person */
  WAY_LEAVE,   /* a person has it already */
  WAY_WAIT,    /* it waits for a report, and has its time still */
  WAY_MISSING  /* it could, and there is no callback */
};

struct turn {
  shop_t *shop;
  const shop_token_t *token; /* one purchase of this user's, by number */
  const char *number;
  int64_t began_ms; /* or whatever is due; nothing gets two turns in one recovery */
  struct shop__operation_row after; /* lease start and id of what was passed over */
  int64_t now_ms;
  /* results */
  bool found;
  bool busy; /* another call has the lease */
  enum way way;
  bool key_lives;  /* the gateway still honours the key */
  bool too_early;  /* the clock stands shortly before its first use */
  bool held_too_long;
  bool is_a_persons; /* nobody knew what became of it */
  bool voiding;      /* a void of this charge is not finished */
  bool lost;         /* another call has taken the lease, or its answer has come */
  int64_t order_id;
  int64_t created_at_ms;  /* the key's first use */
  int64_t taken_at_ms;    /* where the lease begins */
  int64_t renewed_ms;     /* the same of the lease that is to be renewed */
  int64_t lease_start_ms; /* before it was taken */
  struct shop__ask ask;
  struct shop__pack pack; /* of an order that needs no asking */
};

/* ---- who may ask, and how ------------------------------------------------------------------ */

/* A clock that went back behind the purchase proves nothing about the key's
   age, so it does not allow a repetition. */
static bool key_lives(const struct shop_config *config, int64_t created_at_ms, int64_t now_ms) {
  return created_at_ms <= now_ms && created_at_ms > now_ms - config->gateway_key_life_ms;
}

/* By less than a lease it went back: it is waited for. */
static bool is_too_early(const struct shop_config *config, int64_t since_ms, int64_t now_ms) {
  return since_ms > now_ms && since_ms <= now_ms + config->gateway_lease_ms;
}

static bool is_final(const struct shop__operation_row *row) {
  return row->state == SHOP_OPERATION_DONE || row->state == SHOP_OPERATION_REFUSED;
}

static bool waits(int32_t payment_state) {
  return payment_state == SHOP_PAYMENT_PENDING || payment_state == SHOP_PAYMENT_ACTION_REQUIRED;
}

/* Like a lease, a hold is a start and a length. */
static bool held_too_long(const struct shop_config *config, const struct shop__operation_row *row,
                          int64_t now_ms) {
  return row->kind == SHOP_OPERATION_CHARGE && waits(row->payment_state) &&
         !is_too_early(config, row->held_since_ms, now_ms) &&
         (now_ms < row->held_since_ms || row->held_since_ms <= now_ms - config->payment_hold_ms);
}

static enum way way_of(const struct turn *turn, const struct shop__operation_row *row) {
  if (shop__gateway_has(turn->shop, 0))
    return WAY_QUERY;
  if (row->state == SHOP_OPERATION_UNKNOWN)
    return WAY_LEAVE;
  if (!turn->key_lives)
    return turn->too_early || (row->kind == SHOP_OPERATION_CHARGE && waits(row->payment_state) &&
                               !turn->held_too_long)
               ? WAY_WAIT
               : WAY_GIVE_UP;
  if (turn->voiding) /* a repetition could come after the void that ends the charge */
    return WAY_WAIT;
  return shop__gateway_has(turn->shop, row->kind) ? WAY_REPEAT : WAY_MISSING;
}

static int32_t fill_ask(shop__tx_t *tx, struct turn *turn, const struct shop__operation_row *row) {
  struct shop__operation_row charge;
  char payment_key[SHOP__GATEWAY_KEY_BYTES] = "";
  bool found = true;
  int32_t status = SHOP_OK;

  turn->order_id = row->order_id;
  if (row->kind == SHOP_OPERATION_CHARGE) {
    (void)snprintf(payment_key, sizeof payment_key, "%s", row->key);
  } else {
    status = shop__operation_newest(tx, row->order_id, SHOP_OPERATION_CHARGE, &charge, &found);
    if (status == SHOP_OK && found)
      (void)snprintf(payment_key, sizeof payment_key, "%s", charge.key);
  }
  shop__ask_fill(row, payment_key, &turn->ask);
  return status;
}

/* What this turn goes by. It ends the texts of the row: a void is looked for, of
   which one at a time is open, the newest. */
static int32_t judge(shop__tx_t *tx, struct turn *turn, const struct shop__operation_row *row) {
  const struct shop_config *config = &turn->shop->config;
  struct shop__operation_row newest;
  bool found = false;
  int32_t status = SHOP_OK;

  turn->key_lives = key_lives(config, row->created_at_ms, turn->now_ms);
  turn->too_early = is_too_early(config, row->created_at_ms, turn->now_ms);
  turn->held_too_long = held_too_long(config, row, turn->now_ms);
  turn->is_a_persons = row->state == SHOP_OPERATION_UNKNOWN;
  turn->created_at_ms = row->created_at_ms;
  turn->taken_at_ms = turn->now_ms;
  if (row->kind == SHOP_OPERATION_CHARGE)
    status = shop__operation_newest(tx, row->order_id, SHOP_OPERATION_VOID, &newest, &found);
  turn->voiding = status == SHOP_OK && found && !is_final(&newest);
  return status;
}

/* Takes the lease; also of what a person has, which would else be the next for
   ever. What no callback is set for is passed over as it is. */
static int32_t take(shop__tx_t *tx, struct turn *turn, const struct shop__operation_row *row) {
  const struct shop_config *config = &turn->shop->config;
  int32_t status = fill_ask(tx, turn, row);

  turn->lease_start_ms = row->lease_start_ms;
  if (status == SHOP_OK)
    status = judge(tx, turn, row);
  turn->way = way_of(turn, row);
  if (status != SHOP_OK || turn->way == WAY_MISSING)
    return status;
  return shop__operation_set_lease(tx, turn->ask.operation_id, turn->now_ms,
                                   turn->way == WAY_LEAVE || turn->way == WAY_WAIT
                                       ? 0
                                       : config->gateway_lease_ms);
}

/* The clock is read here: the key may have died while this waited for the store. */
static int32_t take_due_fn(shop__tx_t *tx, void *ctx) {
  struct turn *turn = ctx;
  struct shop__operation_row row;
  int32_t status;

  turn->now_ms = shop__now_ms(turn->shop);
  status =
      shop__operation_next_due(tx, turn->began_ms, turn->now_ms, &turn->after, &row, &turn->found);

  return status == SHOP_OK && turn->found ? take(tx, turn, &row) : status;
}

/* A recovery with nothing to do is the common one: it writes nothing. */
static int32_t glance_fn(shop__tx_t *tx, void *ctx) {
  struct turn *turn = ctx;
  struct shop__operation_row row;

  return shop__operation_next_due(tx, turn->began_ms, turn->now_ms, &turn->after, &row,
                                  &turn->found);
}

/* ---- asking -------------------------------------------------------------------------------- */

static bool is_no_answer(int32_t answer) {
  return answer == SHOP__ANSWER_NONE || answer == SHOP__ANSWER_UNKNOWN ||
         answer == SHOP_OUTCOME_PENDING || answer == SHOP_OUTCOME_ACTION_REQUIRED;
}

/* A charge that the gateway does not know, that nobody can ask about any more,
   or that has waited for too long, is ended by a void, where there is one. */
static bool wants_void(const struct turn *turn, const struct shop__outcome *outcome) {
  if (turn->ask.kind != SHOP_OPERATION_CHARGE ||
      !shop__gateway_has(turn->shop, SHOP_OPERATION_VOID))
    return false;
  return turn->way == WAY_GIVE_UP || outcome->answer == SHOP__ANSWER_NOT_FOUND ||
         (turn->held_too_long && is_no_answer(outcome->answer));
}

static int32_t void_charge(const struct turn *turn, struct shop__settle *settle,
                           shop_error_t *err) {
  struct shop__operation operation = {.kind = SHOP_OPERATION_VOID,
                                      .order_id = turn->order_id,
                                      .lease_start_ms = turn->taken_at_ms,
                                      .actor = SHOP_ACTOR_SYSTEM,
                                      .is_live = turn->token != NULL};
  int32_t status = shop__operate(turn->shop, &operation, NULL, err);

  if (status == SHOP_ERR_STATE) { /* one is under way, or it was settled or taken over */
    settle->status = shop__order_outcome(settle->order, err);
    return SHOP_OK;
  }
  if (status != SHOP_OK) {
    shop_order_free(operation.order);
    return status;
  }
  shop_order_free(settle->order);
  settle->change.placed |= operation.change.placed;
  settle->change.failed |= operation.change.failed;
  settle->order = operation.order;
  settle->status = shop__order_outcome(operation.order, err);
  return SHOP_OK;
}

/* What the gateway does not know may be asked of it once more: a void at any time,
   for it takes nothing; what moves money only under a key that it honours, and not
   where that money is being freed, is to be, or waits for a person's decision. */
static bool may_repeat(const struct turn *turn) {
  bool ends = turn->voiding || turn->is_a_persons ||
              (turn->held_too_long && shop__gateway_has(turn->shop, SHOP_OPERATION_VOID));

  return shop__gateway_has(turn->shop, turn->ask.kind) &&
         (turn->ask.kind == SHOP_OPERATION_VOID ||
          (turn->key_lives && !ends && turn->shop->config.gateway_honours_keys));
}

/* The last look at the clock before a repetition, after the commit that took the
   lease: both the lease and the key may have ended while that was written. */
static void repeat_in_time(const struct turn *turn, struct shop__outcome *outcome) {
  const struct shop_config *config = &turn->shop->config;
  int64_t now_ms = shop__now_ms(turn->shop);
  bool leased =
      now_ms >= turn->taken_at_ms && now_ms < turn->taken_at_ms + config->gateway_lease_ms;

  if (leased &&
      (turn->ask.kind == SHOP_OPERATION_VOID || key_lives(config, turn->created_at_ms, now_ms)))
    shop__gateway_ask(turn->shop, &turn->ask, false, outcome);
}

static int32_t take_again_fn(shop__tx_t *tx, void *ctx) {
  struct turn *turn = ctx;
  struct shop__operation_row row;
  bool found = false;
  int32_t status = shop__operation_get(tx, turn->ask.operation_id, &row, &found);

  turn->now_ms = shop__now_ms(turn->shop);
  turn->lost = !found || is_final(&row) || row.lease_start_ms != turn->renewed_ms;
  if (status != SHOP_OK || turn->lost)
    return status;
  status = judge(tx, turn, &row);
  return status == SHOP_OK ? shop__operation_set_lease(tx, turn->ask.operation_id, turn->now_ms,
                                                       turn->shop->config.gateway_lease_ms)
                           : status;
}

/* A query may have taken any time: what allowed the repetition is looked at again,
   and it gets a lease of its own. Where another call has the lease by now, this one
   has heard nothing. */
static int32_t repeat_unknown(struct turn *turn, struct shop__outcome *outcome, shop_error_t *err) {
  const struct shop__db_write_rule rule = {.payment = true};
  int32_t status;

  turn->renewed_ms = turn->taken_at_ms;
  status = shop__db_write(turn->shop->db, take_again_fn, turn, &rule, err);
  if (status != SHOP_OK)
    return status;
  if (turn->lost)
    *outcome = (struct shop__outcome){.answer = SHOP__ANSWER_NONE};
  else if (may_repeat(turn))
    repeat_in_time(turn, outcome);
  return SHOP_OK;
}

/* "Not found" while the gateway honours the key may be an operation on its way;
   it is asked again until then. After that no repetition is safe, and a person
   has to look. */
static int32_t ask_gateway(struct turn *turn, struct shop__outcome *outcome, shop_error_t *err) {
  if (turn->way == WAY_QUERY)
    shop__gateway_ask(turn->shop, &turn->ask, true, outcome);
  else if (turn->way == WAY_REPEAT)
    repeat_in_time(turn, outcome);
  return outcome->answer == SHOP__ANSWER_NOT_FOUND && may_repeat(turn)
             ? repeat_unknown(turn, outcome, err)
             : SHOP_OK;
}

/* One question, its answer settled; and a void, where the charge is to end. */
static int32_t ask(struct turn *turn, int32_t actor, struct shop__settle *settle,
                   shop_error_t *err) {
  struct shop__outcome outcome = {.answer = SHOP__ANSWER_NONE};
  bool voids;
  int32_t status;

  *settle = (struct shop__settle){.operation_id = turn->ask.operation_id,
                                  .outcome = &outcome,
                                  .actor = actor,
                                  .is_live = turn->token != NULL};
  status = ask_gateway(turn, &outcome, err);
  voids = wants_void(turn, &outcome);
  settle->give_up =
      !voids && (turn->way == WAY_GIVE_UP || (!turn->key_lives && !turn->too_early &&
                                              outcome.answer == SHOP__ANSWER_NOT_FOUND));
  if (status == SHOP_OK)
    status = shop__settle(turn->shop, settle, err);
  settle->outcome = NULL;
  if (status == SHOP_OK && voids && shop_order_status(settle->order) == SHOP_ORDER_PENDING)
    status = void_charge(turn, settle, err);
  return status;
}

/* ---- for everybody --------------------------------------------------------------------------- */

/* What another call has ended meanwhile is that one's to count. */
static void count(struct shop_recovery *recovery, int32_t kind, const struct shop__settle *settle) {
  recovery->placed += settle->change.placed;
  recovery->failed += settle->change.failed;
  switch (settle->status) {
  case SHOP_OK:
  case SHOP_DECLINED:
    recovery->finished += kind != SHOP_OPERATION_CHARGE && settle->change.ended;
    break;
  case SHOP_UNKNOWN:
  case SHOP_MISMATCH:
  case SHOP_CONTRADICTION:
    recovery->unknown++;
    break;
  default:
    recovery->waiting++;
  }
}

static int32_t recover_one(struct turn *turn, struct shop_recovery *recovery, shop_error_t *err) {
  struct shop__settle settle;
  int32_t status;

  recovery->examined++;
  if (turn->way == WAY_LEAVE) {
    recovery->unknown++;
    return SHOP_OK;
  }
  if (turn->way == WAY_WAIT) {
    recovery->waiting++;
    return SHOP_OK;
  }
  if (turn->way == WAY_MISSING) {
    recovery->waiting++;
    recovery->no_gateway = true;
    turn->after.lease_start_ms = turn->lease_start_ms;
    turn->after.id = turn->ask.operation_id;
    return SHOP_OK;
  }
  status = ask(turn, SHOP_ACTOR_SYSTEM, &settle, err);
  if (status == SHOP_OK) {
    count(recovery, turn->ask.kind, &settle);
    shop__error_clear(err);
  }
  shop_order_free(settle.order);
  return status;
}

static int32_t recover_next(struct turn *turn, struct shop_recovery *recovery,
                            shop_error_t *err) {
  const struct shop__db_write_rule rule = {.payment = true};
  int32_t status;

  turn->now_ms = shop__now_ms(turn->shop);
  turn->found = false;
  status = shop__db_read(turn->shop->db, glance_fn, turn, err);
  if (status == SHOP_OK && turn->found)
    status = shop__db_write(turn->shop->db, take_due_fn, turn, &rule, err);
  if (status != SHOP_OK || !turn->found)
    return status;
  return recover_one(turn, recovery, err);
}

static void describe(struct shop_recovery *recovery) {
  (void)snprintf(recovery->text, sizeof recovery->text,
                 "recovered %d operations: %d orders placed, %d failed, %d others finished, "
                 "%d waiting, %d unknown",
                 (int)recovery->examined, (int)recovery->placed, (int)recovery->failed,
                 (int)recovery->finished, (int)recovery->waiting, (int)recovery->unknown);
}

int32_t shop_recover(shop_t *shop, int32_t limit, shop_recovery_t **out, shop_error_t *err) {
  struct turn turn = {.shop = shop, .found = true, .after = {.lease_start_ms = -1}};
  struct shop_recovery *recovery;
  int64_t holds = 0;
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
    status = recover_next(&turn, recovery, err);
  if (status == SHOP_OK)
    status = shop__holds_expire(shop, &holds, err);
  if (status == SHOP_OK && recovery->no_gateway)
    status = shop__error_set(err, SHOP_ERR_NO_GATEWAY,
                             "something was cut off, and the callback that could finish it is "
                             "not set");
  describe(recovery);
  if (status == SHOP_OK && out != NULL)
    *out = recovery;
  else
    shop__memory_free(recovery);
  return shop__leave(shop, status);
}

/* ---- for one purchase -------------------------------------------------------------------------- */

static int32_t take_own_fn(shop__tx_t *tx, void *ctx) {
  struct turn *turn = ctx;
  struct shop__token_row user;
  struct shop__order_row order;
  struct shop__operation_row charge;
  bool found = false, has_charge = false;
  int32_t status;

  turn->now_ms = shop__now_ms(turn->shop); /* as in take_due_fn */
  turn->found = false;
  turn->busy = false;
  status = shop__token_check(tx, turn->token, turn->now_ms, &user);
  if (status == SHOP_OK)
    status = shop__order_by_number(tx, turn->number, &order, &found);
  if (status == SHOP_OK && (!found || order.user_id != user.user_id))
    return shop__error_set(shop__tx_error(tx), SHOP_ERR_NOT_FOUND, "there is no such order");
  if (status == SHOP_OK)
    status = shop__operation_newest(tx, order.id, SHOP_OPERATION_CHARGE, &charge, &has_charge);
  if (status != SHOP_OK)
    return status;
  turn->found = has_charge && !is_final(&charge);
  turn->busy = turn->found && shop__operation_is_leased(&charge, turn->now_ms);
  if (!turn->found || turn->busy)
    return shop__order_pack_by_id(tx, order.id, &turn->pack);
  status = take(tx, turn, &charge);
  if (status == SHOP_OK && turn->way == WAY_MISSING)
    return shop__error_set(shop__tx_error(tx), SHOP_ERR_NO_GATEWAY,
                           "neither a query nor a charge callback is set");
  return status == SHOP_OK && (turn->way == WAY_LEAVE || turn->way == WAY_WAIT)
             ? shop__order_pack_by_id(tx, order.id, &turn->pack)
             : status;
}

/* An order that is being asked for, or final, or a person's, is given as it is. */
static int32_t give_as_it_is(struct turn *turn, shop_order_t **out, shop_error_t *err) {
  const shop_order_t *order = shop__order_of(&turn->pack);
  int32_t status = turn->busy ? shop__error_set(err, SHOP_IN_PROGRESS,
                                                "another call is asking about order %s",
                                                order->number)
                              : shop__order_outcome(order, err);

  *out = shop__pack_finish(&turn->pack);
  return status;
}

static int32_t check_number(const char *number, shop_order_t **out, shop_error_t *err) {
  return out == NULL ? shop__missing("out", err) : shop__order_number_check(number, err);
}

static int32_t resume(struct turn *turn, const shop_options_t *options, shop_order_t **out,
                      shop_error_t *err) {
  struct shop__db_write_rule rule = shop__options_rule(options, true);
  struct shop__settle settle = {.status = SHOP_OK};
  int32_t status = shop__db_write(turn->shop->db, take_own_fn, turn, &rule, err);

  if (status == SHOP_OK && (!turn->found || turn->busy || turn->way == WAY_LEAVE ||
                            turn->way == WAY_WAIT))
    return give_as_it_is(turn, out, err);
  if (status == SHOP_OK)
    status = ask(turn, SHOP_ACTOR_SHOPPER, &settle, err);
  *out = settle.order;
  return status == SHOP_OK ? settle.status : status;
}

int32_t shop_purchase_resume(shop_t *shop, const shop_token_t *token, const char *number,
                             const shop_options_t *options, shop_order_t **out,
                             shop_error_t *err) {
  struct turn turn = {.shop = shop, .token = token, .number = number};
  int32_t status;

  if (out != NULL)
    *out = NULL;
  status = shop__enter_token(shop, token, err);
  if (status != SHOP_OK)
    return status;
  status = shop__options_check(options, SHOP__TAKES_DEADLINE, err);
  if (status == SHOP_OK)
    status = check_number(number, out, err);
  if (status == SHOP_OK)
    status = resume(&turn, options, out, err);
  shop__pack_free(&turn.pack);
  return shop__leave(shop, status);
}

int32_t shop_purchase_abandon(shop_t *shop, const shop_token_t *token, const char *number,
                              const shop_options_t *options, shop_order_t **out,
                              shop_error_t *err) {
  struct shop__operation operation = {.kind = SHOP_OPERATION_VOID,
                                      .number = number,
                                      .token = token,
                                      .actor = SHOP_ACTOR_SHOPPER,
                                      .is_live = true};
  int32_t status;

  if (out != NULL)
    *out = NULL;
  status = shop__enter_token(shop, token, err);
  if (status != SHOP_OK)
    return status;
  status = shop__options_check(options, SHOP__TAKES_DEADLINE, err);
  if (status == SHOP_OK)
    status = check_number(number, out, err);
  if (status == SHOP_OK) {
    status = shop__operate(shop, &operation, options, err);
    *out = operation.order;
    if (status == SHOP_OK)
      status = operation.status;
    if (status == SHOP_DECLINED &&
        shop_order_payment_status(operation.order) == SHOP_PAYMENT_CAPTURED)
      status = shop__error_set(err, SHOP_CONTRADICTION, "too late: order %s was paid", number);
  }
  return shop__leave(shop, status);
}

/* ---- getters -------------------------------------------------------------------------------------- */

int32_t shop_recovery_examined(const shop_recovery_t *recovery) {
  return recovery == NULL ? 0 : recovery->examined;
}

int32_t shop_recovery_placed(const shop_recovery_t *recovery) {
  return recovery == NULL ? 0 : recovery->placed;
}

int32_t shop_recovery_failed(const shop_recovery_t *recovery) {
  return recovery == NULL ? 0 : recovery->failed;
}

int32_t shop_recovery_finished(const shop_recovery_t *recovery) {
  return recovery == NULL ? 0 : recovery->finished;
}

int32_t shop_recovery_waiting(const shop_recovery_t *recovery) {
  return recovery == NULL ? 0 : recovery->waiting;
}

int32_t shop_recovery_unknown(const shop_recovery_t *recovery) {
  return recovery == NULL ? 0 : recovery->unknown;
}

const char *shop_recovery_text(const shop_recovery_t *recovery) {
  return recovery == NULL ? "" : recovery->text;
}

void shop_recovery_free(shop_recovery_t *recovery) {
  shop__memory_free(recovery);
}
