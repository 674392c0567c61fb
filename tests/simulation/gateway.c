/* The gateway and the mail transport of the simulation. The gateway has a ledger,
   honours keys, and may be slow, silent, unclear, or (in some lives) lie. Each
   callback first checks that the model expects just this call. */
#include "simulate.h"

#include <stdio.h>
#include <string.h>

struct entry *sim_entry(struct sim *sim, const char *key) {
  for (int32_t i = 0; i < sim->entry_count; i++)
    if (strcmp(sim->entries[i].key, key) == 0)
      return &sim->entries[i];
  return NULL;
}

static struct entry *new_entry(struct sim *sim, const char *key, const char *payment_key,
                               int32_t kind, int64_t amount, const char *currency) {
  struct entry *entry = &sim->entries[sim->entry_count++];

  sim_check(sim, sim->entry_count < LEDGER_ENTRIES, "the ledger is full");
  *entry = (struct entry){.kind = kind, .asked = amount};
  snprintf(entry->key, sizeof entry->key, "%s", key);
  snprintf(entry->payment_key, sizeof entry->payment_key, "%s", payment_key);
  snprintf(entry->reference, sizeof entry->reference, "ref_%d", sim->entry_count);
  snprintf(entry->asked_currency, 4, "%s", currency);
  return entry;
}

static struct entry *entry_for(struct sim *sim, const shop_gateway_call_t *call) {
  struct entry *entry = sim_entry(sim, shop_gateway_call_key(call));

  return entry != NULL
             ? entry
             : new_entry(sim, shop_gateway_call_key(call), shop_gateway_call_payment_key(call),
                         shop_gateway_call_kind(call), shop_gateway_call_amount_minor(call),
                         shop_gateway_call_currency(call));
}

/* ---- what becomes of what it was asked ---------------------------------------------- */

static int32_t draw(struct sim *sim, const int32_t *weights, const int32_t *values) {
  int32_t at = sim_below(sim, 100);

  for (int32_t i = 0; weights[i] != 0; i++) {
    at -= weights[i];
    if (at < 0)
      return values[i];
  }
  return 0;
}

static void take(struct entry *entry, int32_t fate, int64_t amount, const char *currency) {
  entry->fate = fate;
  entry->amount = amount;
  snprintf(entry->currency, 4, "%s", currency);
}

static void decide_charge(struct sim *sim, struct entry *entry) {
  static const int32_t weights[] = {46, 20, 11, 8, 7, 3, 0};
  static const int32_t fates[] = {SHOP_OUTCOME_CAPTURED,        SHOP_OUTCOME_AUTHORIZED,
                                  SHOP_OUTCOME_DECLINED,        SHOP_OUTCOME_PENDING,
                                  SHOP_OUTCOME_ACTION_REQUIRED, 0};
  int32_t fate = draw(sim, weights, fates);
  bool odd = sim_chance(sim, 5);

  take(entry, fate, odd && entry->asked > 1 ? entry->asked - 1 : entry->asked,
       odd && sim_chance(sim, 30) ? "CHF" : entry->asked_currency);
}

static void decide_capture(struct sim *sim, struct entry *entry, struct entry *payment) {
  if (payment->fate != SHOP_OUTCOME_AUTHORIZED || sim_chance(sim, 10)) {
    take(entry, SHOP_OUTCOME_DECLINED, 0, "");
  } else if (sim_chance(sim, 10)) {
    take(entry, SHOP_OUTCOME_PENDING, 0, "");
  } else {
    take(entry, SHOP_OUTCOME_CAPTURED, entry->asked - (entry->asked > 1 && sim_chance(sim, 3)),
         entry->asked_currency);
    payment->fate = SHOP_OUTCOME_CAPTURED;
    payment->amount = entry->amount;
  }
}

static void decide_void(struct sim *sim, struct entry *entry, struct entry *payment) {
  if (payment->fate == SHOP_OUTCOME_CAPTURED)
    take(entry, sim_chance(sim, 50) ? SHOP_OUTCOME_CAPTURED : SHOP_OUTCOME_DECLINED,
         payment->amount, payment->currency);
  else if (sim_chance(sim, 10))
    take(entry, sim_chance(sim, 50) ? SHOP_OUTCOME_DECLINED : SHOP_OUTCOME_PENDING, 0, "");
  else
    take(entry, payment->fate = SHOP_OUTCOME_VOIDED, 0, "");
}

static void decide_refund(struct sim *sim, struct entry *entry, struct entry *payment) {
  if (payment->fate != SHOP_OUTCOME_CAPTURED ||
      entry->asked > payment->amount - payment->refunded || sim_chance(sim, 10)) {
    take(entry, SHOP_OUTCOME_DECLINED, 0, "");
  } else if (sim_chance(sim, 10)) {
    take(entry, SHOP_OUTCOME_PENDING, 0, "");
  } else {
    take(entry, SHOP_OUTCOME_REFUNDED, entry->asked - (entry->asked > 1 && sim_chance(sim, 3)),
         entry->asked_currency);
    payment->refunded += entry->amount;
  }
}

static void decide(struct sim *sim, struct entry *entry) {
  struct entry *payment = sim_entry(sim, entry->payment_key);

  if (payment == NULL) /* a void of what never came to it */
    payment = new_entry(sim, entry->payment_key, entry->payment_key, SHOP_OPERATION_CHARGE,
                        entry->asked, entry->asked_currency);
  switch (entry->kind) {
  case SHOP_OPERATION_CHARGE:
    decide_charge(sim, entry);
    break;
  case SHOP_OPERATION_CAPTURE:
    decide_capture(sim, entry, payment);
    break;
  case SHOP_OPERATION_VOID:
    decide_void(sim, entry, payment);
    break;
  default:
    decide_refund(sim, entry, payment);
  }
}

void sim_pay(struct sim *sim, const struct m_order *order) {
  const struct m_operation *charge = &order->operations[0];

  decide(sim,
         new_entry(sim, charge->key, charge->key, charge->kind, charge->amount, charge->currency));
}

static bool waits(const struct entry *entry) {
  return entry->fate == SHOP_OUTCOME_PENDING || entry->fate == SHOP_OUTCOME_ACTION_REQUIRED;
}

void sim_gateway_moves(struct sim *sim, bool all) {
  int32_t from = sim->entry_count == 0 ? 0 : sim_below(sim, sim->entry_count);

  for (int32_t i = 0; i < sim->entry_count; i++) {
    struct entry *entry = &sim->entries[(from + i) % sim->entry_count];

    if (!waits(entry))
      continue;
    while (waits(entry) || entry->fate == 0)
      decide(sim, entry);
    sim_log(sim, "the gateway decides about %s: %d", entry->reference, entry->fate);
    if (!all)
      return;
  }
}

struct answer sim_truth(const struct entry *entry) {
  struct answer answer = {.outcome = entry->fate};

  if (entry->fate == SHOP_OUTCOME_CAPTURED || entry->fate == SHOP_OUTCOME_AUTHORIZED ||
      entry->fate == SHOP_OUTCOME_REFUNDED) {
    answer.amount = entry->amount;
    snprintf(answer.currency, 4, "%s", entry->currency);
  }
  if (answer.amount != 0 || waits(entry))
    snprintf(answer.reference, sizeof answer.reference, "%s", entry->reference);
  return answer;
}

/* ---- answering -------------------------------------------------------------------------- */

bool sim_fits(int32_t kind, int32_t outcome, bool query) {
  switch (outcome) {
  case SHOP_OUTCOME_CAPTURED:
    return kind != SHOP_OPERATION_REFUND;
  case SHOP_OUTCOME_AUTHORIZED:
  case SHOP_OUTCOME_ACTION_REQUIRED:
    return kind == SHOP_OPERATION_CHARGE;
  case SHOP_OUTCOME_VOIDED:
    return kind == SHOP_OPERATION_VOID || (kind == SHOP_OPERATION_CHARGE && query);
  case SHOP_OUTCOME_REFUNDED:
    return kind == SHOP_OPERATION_REFUND;
  case NOT_FOUND:
    return query;
  default:
    return true;
  }
}

static void say(shop_gateway_call_t *call, const struct answer *answer) {
  const char *reference = answer->reference[0] == '\0' ? NULL : answer->reference;

  switch (answer->outcome) {
  case SHOP_OUTCOME_CAPTURED:
    (void)shop_gateway_call_set_captured(call, reference, answer->amount, answer->currency);
    break;
  case SHOP_OUTCOME_AUTHORIZED:
    (void)shop_gateway_call_set_authorized(call, reference, answer->amount, answer->currency);
    break;
  case SHOP_OUTCOME_REFUNDED:
    (void)shop_gateway_call_set_refunded(call, reference, answer->amount, answer->currency);
    break;
  case SHOP_OUTCOME_DECLINED:
    (void)shop_gateway_call_set_declined(call, "no");
    break;
  case SHOP_OUTCOME_VOIDED:
    (void)shop_gateway_call_set_voided(call);
    break;
  case SHOP_OUTCOME_PENDING:
    (void)shop_gateway_call_set_pending(call, reference);
    break;
  case SHOP_OUTCOME_ACTION_REQUIRED:
    (void)shop_gateway_call_set_action_required(call, reference, "do this");
    break;
  case NOT_FOUND:
    (void)shop_gateway_call_set_not_found(call);
    break;
  default:
    break;
  }
}

/* What it says; the answer that counts. */
static struct answer speak(struct sim *sim, shop_gateway_call_t *call, struct entry *entry,
                           bool query) {
  struct answer answer = sim_truth(entry), nothing = {.outcome = NO_ANSWER};
  struct entry *payment = sim_entry(sim, entry->payment_key);
  int32_t mood = sim_below(sim, 100);

  if (query && (entry->fate == 0 || mood >= 92))
    answer = (struct answer){.outcome = NOT_FOUND};
  /* "Too late": what was taken is the payment's. */
  if (entry->kind == SHOP_OPERATION_VOID && entry->fate == SHOP_OUTCOME_CAPTURED)
    snprintf(answer.reference, sizeof answer.reference, "%s", payment->reference);
  if (!query && entry->kind == SHOP_OPERATION_CHARGE && entry->fate == SHOP_OUTCOME_VOIDED)
    answer = (struct answer){.outcome = SHOP_OUTCOME_DECLINED};
  if (mood < 6)
    return nothing;
  if (mood < 9) {
    (void)shop_gateway_call_set_unknown(call, "timeout");
    return nothing;
  }
  if (mood < 12 && answer.outcome != SHOP_OUTCOME_PENDING) {
    say(call, &answer);
    (void)shop_gateway_call_set_pending(call, "other");
    return answer.outcome == NO_ANSWER
               ? (struct answer){.outcome = SHOP_OUTCOME_PENDING, .reference = "other"}
               : nothing;
  }
  if (mood < 20 && (sim->lies || mood < 14)) {
    answer = (struct answer){.outcome = 1 + sim_below(sim, 7)};
    if (!sim->lies && sim_fits(entry->kind, answer.outcome, query))
      answer = sim_truth(entry);
    if ((sim->lies || !sim_fits(entry->kind, answer.outcome, query)) &&
        (answer.outcome == SHOP_OUTCOME_CAPTURED || answer.outcome == SHOP_OUTCOME_AUTHORIZED ||
         answer.outcome == SHOP_OUTCOME_REFUNDED)) {
      answer.amount = sim_chance(sim, 80) ? entry->asked : entry->asked + 1;
      snprintf(answer.currency, 4, "%s", entry->asked_currency);
      snprintf(answer.reference, sizeof answer.reference, "%s", entry->reference);
    }
  }
  say(call, &answer);
  return sim_fits(entry->kind, answer.outcome, query) ? answer : nothing;
}

/* ---- which operation is it --------------------------------------------------------------- */

static void check_ask(struct sim *sim, const shop_gateway_call_t *call, struct m_order *order,
                      struct m_operation *operation) {
  if (operation->key[0] == '\0') {
    sim_check(sim, sim_entry(sim, shop_gateway_call_key(call)) == NULL, "a key is used twice: %s",
              shop_gateway_call_key(call));
    snprintf(operation->key, sizeof operation->key, "%s", shop_gateway_call_key(call));
  }
  if (order->number[0] == '\0')
    snprintf(order->number, sizeof order->number, "%s", shop_gateway_call_order_number(call));
  sim_check(sim, strcmp(operation->key, shop_gateway_call_key(call)) == 0,
            "the gateway is asked under %s instead of %s", shop_gateway_call_key(call),
            operation->key);
  sim_check(sim, strcmp(order->number, shop_gateway_call_order_number(call)) == 0, "order %s asked",
            shop_gateway_call_order_number(call));
  sim_check(sim, strcmp(order->operations[0].key, shop_gateway_call_payment_key(call)) == 0,
            "payment key %s", shop_gateway_call_payment_key(call));
  sim_equal(sim, "kind asked", shop_gateway_call_kind(call), operation->kind);
  sim_equal(sim, "amount asked", shop_gateway_call_amount_minor(call), operation->amount);
  sim_check(sim, strcmp(operation->currency, shop_gateway_call_currency(call)) == 0,
            "currency asked: %s", shop_gateway_call_currency(call));
  if (operation->kind == SHOP_OPERATION_CHARGE)
    sim_check(sim, strcmp(order->method, shop_gateway_call_method(call)) == 0, "method asked: %s",
              shop_gateway_call_method(call));
  sim_check(sim, strcmp(operation->reference, shop_gateway_call_reference(call)) == 0,
            "reference asked: '%s' instead of '%s'", shop_gateway_call_reference(call),
            operation->reference);
}

void sim_recovery_take(struct sim *sim, struct m_order *order, struct m_operation *operation) {
  struct scene *scene = sim->scene;

  sim_turn_end(sim);
  scene->order = (int32_t)(order - sim->model->orders);
  scene->operation = (int32_t)(operation - order->operations);
  scene->turning = true;
  scene->ended = false;
  scene->examined++;
  scene->taken_ms = operation->lease_start_ms = sim->model->now_ms;
  operation->lease_length_ms = sim->model->settings.lease_ms;
}

/* The turn is over: how does it count? */
void sim_turn_end(struct sim *sim) {
  struct scene *scene = sim->scene;
  const struct m_order *order;

  if (!scene->turning)
    return;
  scene->turning = false;
  order = &sim->model->orders[scene->order];
  switch (model_operation_outcome(order, &order->operations[scene->operation])) {
  case SHOP_OK:
  case SHOP_DECLINED: /* counted by who has ended it */
    scene->finished += scene->ended;
    break;
  case SHOP_UNKNOWN:
  case SHOP_MISMATCH:
    scene->unknown++;
    break;
  default:
    scene->waiting++;
  }
}

bool sim_waits_on(const struct sim *sim, const struct m_order *order,
                  const struct m_operation *operation) {
  return operation->kind == SHOP_OPERATION_CHARGE &&
         (order->payment == SHOP_PAYMENT_PENDING ||
          order->payment == SHOP_PAYMENT_ACTION_REQUIRED) &&
         !model_held_too_long(sim->model, order, operation);
}

/* A void of it would be asked for now: unless another call may be repeating it. */
static bool may_be_voided(const struct sim *sim, const struct m_order *order) {
  const struct m_operation *charge = &order->operations[0];
  bool taken_over = charge->lease_start_ms != sim->scene->taken_ms;

  return !model_is_busy(order) && !model_void_waits(sim->model, order) &&
         !(taken_over && model_is_in_hand(sim->model, order));
}

struct m_operation *sim_recovery_next(struct sim *sim, struct m_order **order) {
  const struct m_settings *settings = &sim->model->settings;
  struct m_operation *next;
  bool lives, voided;

  while (sim->scene->examined < sim->scene->limit &&
         (next = model_next_due(sim->model, sim->scene->began_ms, order)) != NULL) {
    lives = model_key_lives(sim->model, next);
    voided = model_is_being_voided(*order, next);
    if (settings->query || (next->state != SHOP_OPERATION_UNKNOWN && lives && !voided))
      return next;
    /* A person has it; or it waits for its void; or for a report, and has its time still. */
    if (next->state == SHOP_OPERATION_UNKNOWN || (lives && voided) ||
        sim_waits_on(sim, *order, next) || model_is_early(sim->model, next->created_ms)) {
      sim_turn_end(sim);
      sim->scene->examined++;
      *(next->state == SHOP_OPERATION_UNKNOWN ? &sim->scene->unknown : &sim->scene->waiting) += 1;
      next->lease_start_ms = sim->model->now_ms;
      next->lease_length_ms = 0;
      continue;
    }
    if (next->kind == SHOP_OPERATION_CHARGE && settings->voids) {
      if (may_be_voided(sim, *order))
        return next; /* it is voided, without being asked about */
      sim_recovery_take(sim, *order, next);
      continue;
    }
    sim_recovery_take(sim, *order, next);
    model_give_up(*order, next);
  }
  return NULL;
}

/* In a recovery: the void of a charge that was just asked about, or that nobody can ask about any
   more. */
static struct m_operation *expect_void(struct sim *sim, const shop_gateway_call_t *call,
                                       struct m_order **order) {
  struct scene *scene = sim->scene;
  struct m_operation *operation = NULL;
  bool known = false;
  int32_t status;

  if (scene->voids) {
    *order = &sim->model->orders[scene->order];
  } else if (scene->recovering) {
    operation = sim_recovery_next(sim, order);
    sim_check(sim, operation != NULL && operation->kind == SHOP_OPERATION_CHARGE,
              "a void that nobody expects");
    sim_check(sim, !sim->model->settings.query && !model_key_lives(sim->model, operation),
              "a charge is voided that could be asked about");
    sim_recovery_take(sim, *order, operation);
  } else {
    sim_fail(sim, "a void that nobody expects");
  }
  scene->voids = false;
  sim_check(sim, strcmp((*order)->operations[0].key, shop_gateway_call_payment_key(call)) == 0,
            "another charge is voided");
  status = model_ask(sim->model,
                     &(struct ask){.order = (int32_t)(*order - sim->model->orders), .system = true},
                     &operation, &known);
  sim_check(sim, status == SHOP_OK, "the model would not void: %s", shop_status_name(status));
  return operation;
}

static struct m_operation *expected(struct sim *sim, const shop_gateway_call_t *call, bool query,
                                    struct m_order **order) {
  struct scene *scene = sim->scene;
  struct m_operation *operation;

  sim_check(sim, scene != NULL, "the gateway is called for nothing");
  if (scene->repeats) { /* what it did not know */
    scene->repeats = false;
    sim_check(sim, !query, "an operation was to be repeated");
    *order = &sim->model->orders[scene->order];
    operation = &(*order)->operations[scene->operation];
    sim_check(sim,
              operation->kind == SHOP_OPERATION_VOID || model_key_lives(sim->model, operation),
              "a key is repeated after its life");
    return operation;
  }
  if (shop_gateway_call_kind(call) == SHOP_OPERATION_VOID && !query &&
      sim_entry(sim, shop_gateway_call_key(call)) == NULL && (scene->voids || scene->recovering))
    return expect_void(sim, call, order);
  sim_check(sim, !scene->voids, "a void was expected");
  if (scene->recovering) {
    operation = sim_recovery_next(sim, order);
    sim_check(sim, operation != NULL, "recovery asks about %s, which is not due",
              shop_gateway_call_key(call));
    sim_check(sim, query || model_key_lives(sim->model, operation), "a key is used after its life");
    sim_recovery_take(sim, *order, operation);
    sim_equal(sim, "by query", query, sim->model->settings.query);
    return operation;
  }
  sim_check(sim, scene->order != NOBODY && !scene->asked, "the gateway is called for nothing");
  *order = &sim->model->orders[scene->order];
  return &(*order)->operations[scene->operation];
}

/* ---- what may happen meanwhile ------------------------------------------------------------- */

/* A callback takes that long, or somebody sets the clock. */
static int64_t drift(struct sim *sim) {
  const struct m_settings *settings = &sim->model->settings;
  const int64_t by_ms[] = {1,    -1,   MINUTE, settings->lease_ms, settings->key_life_ms,
                           YEAR, -YEAR};

  return by_ms[sim_below(sim, 7)];
}

static void meanwhile(struct sim *sim, const struct m_operation *operation) {
  struct scene *scene = sim->scene;

  if (sim->depth >= DEPTH_MAX || !sim_chance(sim, 30))
    return;
  sim->depth++;
  sim->scene = NULL;
  switch (sim_below(sim, 6)) {
  case 0:
    sim_report(sim, operation, true);
    break;
  case 1:
    sim_report(sim, operation, false);
    break;
  case 2:
    sim_clock(sim, drift(sim));
    break;
  case 3:
    sim_clock(sim, sim->model->settings.lease_ms + 1);
    sim_recover(sim);
    break;
  default:
    sim_step_aside(sim);
  }
  sim->scene = scene;
  sim->depth--;
}

/* After a recovery's (or a resumption's) question: is a void next, or a person? */
static void what_next(struct sim *sim, struct m_order *order, struct m_operation *operation,
                      const struct answer *answer, bool held, bool lives) {
  bool silent = answer->outcome == NO_ANSWER || answer->outcome == SHOP_OUTCOME_PENDING ||
                answer->outcome == SHOP_OUTCOME_ACTION_REQUIRED;
  bool voids = operation->kind == SHOP_OPERATION_CHARGE && sim->model->settings.voids &&
               (answer->outcome == NOT_FOUND || (held && silent));

  if (voids)
    sim->scene->voids = order->status == SHOP_ORDER_PENDING && may_be_voided(sim, order) &&
                        order->payment != SHOP_PAYMENT_CAPTURED &&
                        order->payment != SHOP_PAYMENT_AUTHORIZED;
  else if (answer->outcome == NOT_FOUND && !lives)
    model_give_up(order, operation);
}

/* Or will: the clock stands before its first use. */
static bool lives_still(const struct sim *sim, const struct m_operation *operation) {
  return model_key_lives(sim->model, operation) ||
         model_is_early(sim->model, operation->created_ms);
}

/* The answer is the recovery's: what has it done? */
static void count_ended(struct sim *sim, const struct m_order *order,
                        const struct m_operation *operation, int32_t status, bool unfinished) {
  struct scene *scene = sim->scene;
  bool own = operation == &order->operations[scene->operation];

  scene->placed += status == SHOP_ORDER_PENDING && order->status == SHOP_ORDER_PLACED;
  scene->failed += status == SHOP_ORDER_PENDING && order->status == SHOP_ORDER_FAILED;
  if (own && unfinished && operation->kind != SHOP_OPERATION_CHARGE)
    scene->ended = !model_is_unfinished(operation);
}

/* "Not found": the library takes the lease again. Where its answer came meanwhile, it has heard
   nothing; true where this turn goes on later, or not at all. */
static bool repeat_unknown(struct sim *sim, struct m_order *order, struct m_operation *operation,
                           struct answer *answer) {
  int64_t *taken_ms = &sim->scene->taken_ms;

  if (!sim->locked && sim_chance(sim, 4)) {
    sim_lock(sim);
    sim->scene->lost = true;
    sim_log(sim, "  and the lease is lost");
    return true;
  }
  if (!model_is_unfinished(operation) || operation->lease_start_ms != *taken_ms) {
    *answer = (struct answer){.outcome = NO_ANSWER};
    return false;
  }
  *taken_ms = operation->lease_start_ms = sim->model->now_ms;
  operation->lease_length_ms = sim->model->settings.lease_ms;
  sim->scene->repeats = model_may_repeat(sim->model, order, operation);
  return sim->scene->repeats;
}

static void answer_call(struct sim *sim, shop_gateway_call_t *call, bool query) {
  struct m_order *order = NULL;
  struct m_operation *operation = expected(sim, call, query, &order);
  struct scene *scene = sim->scene;
  struct entry *entry;
  struct answer answer;
  bool held, lives, repeats, unfinished;
  int32_t status;

  scene->asked = true;
  check_ask(sim, call, order, operation);
  repeats = query && model_may_repeat(sim->model, order, operation);
  held = model_held_too_long(sim->model, order, operation);
  lives = lives_still(sim, operation);
  entry = entry_for(sim, call);
  if (!query && entry->fate == 0)
    decide(sim, entry);
  meanwhile(sim, operation);
  answer = speak(sim, call, entry, query);
  scene->answer = answer.outcome;
  sim_log(sim, "  asked%s %s of %s: %s is %d, says %d", query ? " about" : "", entry->reference,
          order->number, entry->key, entry->fate, answer.outcome);
  if (repeats && answer.outcome == NOT_FOUND) {
    if (repeat_unknown(sim, order, operation, &answer))
      return;
    held = model_held_too_long(sim->model, order, operation);
    lives = lives_still(sim, operation);
  }
  if (!sim->locked && sim_chance(sim, 4)) {
    sim_lock(sim);
    scene->lost = true;
    sim_log(sim, "  and the answer is lost");
    return;
  }
  status = order->status;
  unfinished = model_is_unfinished(operation);
  sim->model->live = scene->live;
  scene->contradicts = model_settle(sim->model, order, operation, &answer, false);
  sim->model->live = false;
  if (scene->recovering)
    count_ended(sim, order, operation, status, unfinished);
  if (scene->recovering || scene->resuming)
    what_next(sim, order, operation, &answer, held, lives);
}

void sim_gateway(shop_gateway_call_t *call, void *user) {
  answer_call(user, call, false);
}

void sim_query(shop_gateway_call_t *call, void *user) {
  answer_call(user, call, true);
}

/* ---- mail ---------------------------------------------------------------------------------------
 */

static int32_t addressed(struct sim *sim, const char *number) {
  for (int32_t i = 0; i < sim->model->order_count; i++) {
    struct m_order *order = &sim->model->orders[i];

    if (order->number[0] == '\0') /* free of charge: this is the first to be heard of it */
      snprintf(order->number, sizeof order->number, "%s", number);
    if (strcmp(order->number, number) == 0)
      return i;
  }
  sim_fail(sim, "mail for %s, which is no order", number);
}

static void message_id(struct sim *sim, const char *message, char id[120]) {
  const char *at = strstr(message, "\r\nMessage-ID:");

  at = at == NULL ? NULL : strchr(at, '<');
  sim_check(sim, at != NULL, "a mail without a Message-ID");
  snprintf(id, 120, "%.*s", (int)strcspn(at, ">"), at);
}

/* A refund is told from another of its order by what it tells. */
static bool tells(const struct m_mail *mail, const char *message) {
  char amount[40];

  snprintf(amount, sizeof amount, "%lld.%02lld", (long long)(mail->amount / 100),
           (long long)(mail->amount % 100));
  return mail->kind != SHOP_MAIL_REFUND || strstr(message, amount) != NULL;
}

/* The mail with this Message-ID, or the first of its kind that was not seen yet. */
static struct m_mail *mail_of(struct sim *sim, const char *number, int32_t kind,
                              const char *message) {
  int32_t order = addressed(sim, number);
  struct m_mail *unseen = NULL;
  char id[120];

  message_id(sim, message, id);
  for (int32_t i = 0; i < sim->model->mail_count; i++) {
    struct m_mail *mail = &sim->model->mails[i];

    if (strcmp(mail->id, id) == 0) {
      sim_check(sim, mail->order == order && mail->kind == kind,
                "two mails have one Message-ID: %s", id);
      return mail;
    }
    if (unseen == NULL && mail->id[0] == '\0' && mail->order == order && mail->kind == kind &&
        tells(mail, message))
      unseen = mail;
  }
  sim_check(sim, unseen != NULL, "mail %s without a cause", id);
  snprintf(unseen->id, sizeof unseen->id, "%s", id);
  return unseen;
}

static void lease(struct sim *sim, struct m_mail *mail) {
  sim_check(sim, model_mail_may_be_due(sim->model, mail), "mail %s is not due", mail->id);
  mail->state = MAIL_LEASED;
  mail->since_ms = sim->model->now_ms;
  mail->wait_ms = mail->wait_max_ms = sim->model->settings.mail_lease_ms;
}

struct m_mail *sim_take(struct sim *sim, const char *number, int32_t kind, const char *message) {
  struct m_mail *mail = mail_of(sim, number, kind, message);

  lease(sim, mail);
  return mail;
}

void sim_transport(shop_mail_call_t *call, void *user) {
  struct sim *sim = user;
  struct m_mail *mail = mail_of(sim, shop_mail_call_order_number(call), shop_mail_call_kind(call),
                                shop_mail_call_message(call));
  enum mail_answer answer = SAYS_LATER;
  int32_t mood = sim_below(sim, 100);

  if (sim->scene->delivering) {
    lease(sim, mail);
  } else {
    sim_check(sim, mail->state == MAIL_LEASED && mail->tries == 0, "mail %s goes out again",
              mail->id);
  }
  if (mood < 60) {
    (void)shop_mail_call_set_delivered(call);
    answer = SAYS_DELIVERED;
  } else if (mood < 75) {
    (void)shop_mail_call_set_later(call, "451");
  } else if (mood < 80) {
    (void)shop_mail_call_set_rejected(call, "550");
    answer = SAYS_REJECTED;
  } else if (mood < 90) {
    (void)shop_mail_call_set_delivered(call);
    (void)shop_mail_call_set_rejected(call, "550");
  }
  sim->scene->delivered += answer == SAYS_DELIVERED;
  if (!sim->locked && sim_chance(sim, 3)) {
    sim_lock(sim);
    sim->scene->mail_lost = true;
  }
  if (!sim->scene->mail_lost) /* else that of the next of this call is lost as well */
    model_mail_answer(sim->model, mail, answer);
}
