/* The fake gateway and the fake transport. */
#include "harness.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- gateway ---------------------------------------------------------------------- */

/* A process that was killed with the lock of a shared gateway in its hand has
   left the ledger whole: an entry is written before it is counted. */
static void lock_gateway(struct gateway *gateway) {
  if (pthread_mutex_lock(&gateway->lock) == EOWNERDEAD)
    pthread_mutex_consistent(&gateway->lock);
}

static struct ledger_entry *find_entry(struct gateway *gateway, const char *key) {
  for (int32_t i = 0; i < gateway->count; i++)
    if (strcmp(gateway->ledger[i].key, key) == 0)
      return &gateway->ledger[i];
  return NULL;
}

int32_t gateway_taken(struct gateway *gateway, const char *key) {
  int32_t taken = 0;

  lock_gateway(gateway);
  for (int32_t i = 0; i < gateway->count; i++)
    taken += strcmp(gateway->ledger[i].key, key) == 0;
  pthread_mutex_unlock(&gateway->lock);
  return taken;
}

/* Takes the money once for a key, unless keys are forgotten. */
static struct ledger_entry take_money(struct gateway *gateway, const shop_gateway_call_t *call,
                                      int64_t amount_minor, const char *currency) {
  struct ledger_entry *entry =
      gateway->forgets_keys ? NULL : find_entry(gateway, shop_gateway_call_key(call));

  if (entry == NULL) {
    ck_assert_int_lt(gateway->count, LEDGER_MAX);
    entry = &gateway->ledger[gateway->count];
    snprintf(entry->key, sizeof entry->key, "%s", shop_gateway_call_key(call));
    snprintf(entry->reference, sizeof entry->reference, "ch_%d", gateway->count + 1);
    snprintf(entry->currency, sizeof entry->currency, "%s", currency);
    entry->amount_minor = amount_minor;
    gateway->count++;
  }
  return *entry;
}

static void note_call(struct gateway *gateway, const shop_gateway_call_t *call) {
  snprintf(gateway->last_key, sizeof gateway->last_key, "%s", shop_gateway_call_key(call));
  snprintf(gateway->last_method, sizeof gateway->last_method, "%s",
           shop_gateway_call_method(call));
  snprintf(gateway->last_email, sizeof gateway->last_email, "%s", shop_gateway_call_email(call));
  snprintf(gateway->last_order_number, sizeof gateway->last_order_number, "%s",
           shop_gateway_call_order_number(call));
}

static void answer_captured(shop_gateway_call_t *call, const struct ledger_entry *entry) {
  (void)shop_gateway_call_set_captured(call, entry->reference, entry->amount_minor,
                                       entry->currency);
}

static struct gateway_move *find_move(struct gateway *gateway, const char *key) {
  for (int32_t i = 0; i < gateway->move_count; i++)
    if (strcmp(gateway->moves[i].key, key) == 0)
      return &gateway->moves[i];
  return NULL;
}

static int64_t sum_moves(struct gateway *gateway, int32_t kind, const char *payment_key) {
  int64_t sum = 0;

  for (int32_t i = 0; i < gateway->move_count; i++)
    if (gateway->moves[i].kind == kind && strcmp(gateway->moves[i].payment_key, payment_key) == 0)
      sum += gateway->moves[i].amount_minor;
  return sum;
}

int64_t gateway_moved(struct gateway *gateway, int32_t kind, const char *payment_key) {
  int64_t sum;

  lock_gateway(gateway);
  sum = sum_moves(gateway, kind, payment_key);
  pthread_mutex_unlock(&gateway->lock);
  return sum;
}

/* Once for a key. */
static struct gateway_move *add_move(struct gateway *gateway, const shop_gateway_call_t *call,
                                     int64_t amount_minor, const char *currency) {
  static const char *const names[] = {"", "ch", "cap", "void", "re"};
  int32_t kind = shop_gateway_call_kind(call);
  struct gateway_move *move = find_move(gateway, shop_gateway_call_key(call));

  if (move != NULL)
    return move;
  ck_assert_int_lt(gateway->move_count, LEDGER_MAX);
  move = &gateway->moves[gateway->move_count];
  *move = (struct gateway_move){.kind = kind, .amount_minor = amount_minor};
  snprintf(move->key, sizeof move->key, "%s", shop_gateway_call_key(call));
  snprintf(move->payment_key, sizeof move->payment_key, "%s", shop_gateway_call_payment_key(call));
  snprintf(move->reference, sizeof move->reference, "%s_m%d", names[kind],
           gateway->move_count + 1);
  snprintf(move->currency, sizeof move->currency, "%s", currency);
  gateway->move_count++;
  return move;
}

/* An authorization, in the shape of a ledger's entry. */
static struct ledger_entry set_aside(struct gateway *gateway, const shop_gateway_call_t *call,
                                     int64_t amount_minor) {
  struct gateway_move *move =
      add_move(gateway, call, amount_minor, shop_gateway_call_currency(call));
  struct ledger_entry entry = {.amount_minor = move->amount_minor};

  snprintf(entry.reference, sizeof entry.reference, "%s", move->reference);
  snprintf(entry.currency, sizeof entry.currency, "%s", move->currency);
  return entry;
}

/* What a charge in this mood takes; amount 0: nothing. */
static struct ledger_entry take_by_mood(struct gateway *gateway, const shop_gateway_call_t *call,
                                        enum gateway_mood mood) {
  int64_t amount = shop_gateway_call_amount_minor(call);
  const char *currency = shop_gateway_call_currency(call);

  switch (mood) {
  case GATEWAY_APPROVES:
  case GATEWAY_LOSES_ANSWER:
  case GATEWAY_TWICE_SAME:
  case GATEWAY_CONTRADICTS:
    return take_money(gateway, call, amount, currency);
  case GATEWAY_TAKES_LESS:
    return take_money(gateway, call, amount - 1, currency);
  case GATEWAY_OTHER_CURRENCY:
    return take_money(gateway, call, amount, strcmp(currency, "USD") == 0 ? "EUR" : "USD");
  case GATEWAY_DECLINES:
  case GATEWAY_PENDS:
  case GATEWAY_SILENT:
  case GATEWAY_SAYS_UNKNOWN:
  case GATEWAY_BAD_CURRENCY:
  case GATEWAY_NO_REFERENCE:
  case GATEWAY_ZERO_AMOUNT:
  case GATEWAY_NOT_FOUND:
  case GATEWAY_ASKS_ACTION:
  case GATEWAY_TOO_LATE:
    break;
  case GATEWAY_AUTHORIZES:
    return set_aside(gateway, call, amount);
  case GATEWAY_AUTHORIZES_LESS:
    return set_aside(gateway, call, amount - 1);
  }
  return (struct ledger_entry){.amount_minor = 0};
}

static void answer_by_mood(shop_gateway_call_t *call, enum gateway_mood mood,
                           const struct ledger_entry *entry) {
  int64_t amount = shop_gateway_call_amount_minor(call);
  const char *currency = shop_gateway_call_currency(call);

  switch (mood) {
  case GATEWAY_APPROVES:
  case GATEWAY_TAKES_LESS:
  case GATEWAY_OTHER_CURRENCY:
    answer_captured(call, entry);
    break;
  case GATEWAY_TWICE_SAME:
    answer_captured(call, entry);
    answer_captured(call, entry);
    break;
  case GATEWAY_CONTRADICTS:
    answer_captured(call, entry);
    (void)shop_gateway_call_set_declined(call, "on second thoughts");
    break;
  case GATEWAY_DECLINES:
    (void)shop_gateway_call_set_declined(call, "insufficient funds");
    break;
  case GATEWAY_PENDS:
    (void)shop_gateway_call_set_pending(call, "pending_1");
    break;
  case GATEWAY_SAYS_UNKNOWN:
    (void)shop_gateway_call_set_unknown(call, "timeout");
    break;
  case GATEWAY_BAD_CURRENCY:
    (void)shop_gateway_call_set_captured(call, "ch_bad", amount, "XXQ");
    break;
  case GATEWAY_NO_REFERENCE:
    (void)shop_gateway_call_set_captured(call, NULL, amount, currency);
    break;
  case GATEWAY_ZERO_AMOUNT:
    (void)shop_gateway_call_set_captured(call, "ch_zero", 0, currency);
    break;
  case GATEWAY_NOT_FOUND:
    (void)shop_gateway_call_set_not_found(call);
    break;
  case GATEWAY_AUTHORIZES:
  case GATEWAY_AUTHORIZES_LESS:
    (void)shop_gateway_call_set_authorized(call, entry->reference, entry->amount_minor,
                                           entry->currency);
    break;
  case GATEWAY_ASKS_ACTION:
    (void)shop_gateway_call_set_action_required(call, "action_1", "https://bank.example/3ds?a=1");
    break;
  case GATEWAY_LOSES_ANSWER:
  case GATEWAY_SILENT:
  case GATEWAY_TOO_LATE:
    break;
  }
}

/* ---- captures, voids, refunds ------------------------------------------------------------ */

static void answer_move(shop_gateway_call_t *call, const struct gateway_move *move) {
  switch ((enum shop_operation_kind)move->kind) {
  case SHOP_OPERATION_CHARGE:
    (void)shop_gateway_call_set_authorized(call, move->reference, move->amount_minor,
                                           move->currency);
    break;
  case SHOP_OPERATION_CAPTURE:
    (void)shop_gateway_call_set_captured(call, move->reference, move->amount_minor,
                                         move->currency);
    break;
  case SHOP_OPERATION_VOID:
    (void)shop_gateway_call_set_voided(call);
    break;
  case SHOP_OPERATION_REFUND:
    (void)shop_gateway_call_set_refunded(call, move->reference, move->amount_minor,
                                         move->currency);
    break;
  }
}

static bool is_done_in(enum gateway_mood mood) {
  return mood == GATEWAY_APPROVES || mood == GATEWAY_LOSES_ANSWER || mood == GATEWAY_TWICE_SAME ||
         mood == GATEWAY_CONTRADICTS || mood == GATEWAY_TAKES_LESS ||
         mood == GATEWAY_OTHER_CURRENCY;
}

/* What cannot be done at this gateway; a void that comes too late. */
static bool is_impossible(struct gateway *gateway, const shop_gateway_call_t *call) {
  const char *payment_key = shop_gateway_call_payment_key(call);
  struct ledger_entry *taken = find_entry(gateway, payment_key);
  int64_t captured = (taken == NULL ? 0 : taken->amount_minor) +
                     sum_moves(gateway, SHOP_OPERATION_CAPTURE, payment_key);

  switch ((enum shop_operation_kind)shop_gateway_call_kind(call)) {
  case SHOP_OPERATION_VOID:
    return captured != 0;
  case SHOP_OPERATION_CAPTURE:
    return captured != 0 || sum_moves(gateway, SHOP_OPERATION_CHARGE, payment_key) == 0 ||
           sum_moves(gateway, SHOP_OPERATION_VOID, payment_key) != 0;
  case SHOP_OPERATION_REFUND:
    return captured < sum_moves(gateway, SHOP_OPERATION_REFUND, payment_key) +
                          shop_gateway_call_amount_minor(call);
  case SHOP_OPERATION_CHARGE:
    break;
  }
  return false;
}

/* Does it, where it can and the mood is to; NULL: not. */
static struct gateway_move *do_operation(struct gateway *gateway, const shop_gateway_call_t *call,
                                         enum gateway_mood mood) {
  int64_t amount = shop_gateway_call_amount_minor(call);
  const char *currency = shop_gateway_call_currency(call);
  struct gateway_move *move = find_move(gateway, shop_gateway_call_key(call));

  if (move != NULL)
    return move;
  if (!is_done_in(mood) || is_impossible(gateway, call))
    return NULL;
  return add_move(gateway, call, mood == GATEWAY_TAKES_LESS ? amount - 1 : amount,
                  mood != GATEWAY_OTHER_CURRENCY      ? currency
                  : strcmp(currency, "USD") == 0 ? "EUR"
                                                      : "USD");
}

static void answer_operation(shop_gateway_call_t *call, enum gateway_mood mood,
                             const struct gateway_move *move) {
  if (mood == GATEWAY_LOSES_ANSWER || mood == GATEWAY_SILENT)
    return;
  if (mood == GATEWAY_TOO_LATE)
    (void)shop_gateway_call_set_captured(call, "ch_late", shop_gateway_call_amount_minor(call),
                                         shop_gateway_call_currency(call));
  else if (mood == GATEWAY_PENDS)
    (void)shop_gateway_call_set_pending(call, NULL);
  else if (mood == GATEWAY_SAYS_UNKNOWN)
    (void)shop_gateway_call_set_unknown(call, "timeout");
  else if (mood == GATEWAY_NOT_FOUND)
    (void)shop_gateway_call_set_not_found(call);
  else if (move == NULL)
    (void)shop_gateway_call_set_declined(call, "not possible");
  else
    answer_move(call, move);
  if (mood == GATEWAY_TWICE_SAME && move != NULL)
    answer_move(call, move);
  if (mood == GATEWAY_CONTRADICTS)
    (void)shop_gateway_call_set_unknown(call, "on second thoughts");
}

void gateway_operation(shop_gateway_call_t *call, void *user) {
  struct gateway *gateway = user;
  struct gateway_move *found, move;
  enum gateway_mood mood;

  if (gateway->before_operation != NULL)
    gateway->before_operation(gateway, gateway->hook_user);
  lock_gateway(gateway);
  gateway->captures += shop_gateway_call_kind(call) == SHOP_OPERATION_CAPTURE;
  gateway->voids += shop_gateway_call_kind(call) == SHOP_OPERATION_VOID;
  gateway->refunds += shop_gateway_call_kind(call) == SHOP_OPERATION_REFUND;
  note_call(gateway, call);
  mood = gateway->operation_mood;
  found = do_operation(gateway, call, mood);
  if (found != NULL)
    move = *found;
  pthread_mutex_unlock(&gateway->lock);
  if (gateway->after_operation != NULL)
    gateway->after_operation(gateway, gateway->hook_user);
  answer_operation(call, mood, found == NULL ? NULL : &move);
}

void gateway_set_operations(struct world *world, bool on) {
  shop_gateway_fn fn = on ? gateway_operation : NULL;

  ck_assert_int_eq(shop_config_set_gateway_capture(world->config, fn, &world->gateway), SHOP_OK);
  ck_assert_int_eq(shop_config_set_gateway_void(world->config, fn, &world->gateway), SHOP_OK);
  ck_assert_int_eq(shop_config_set_gateway_refund(world->config, fn, &world->gateway), SHOP_OK);
}

void gateway_charge(shop_gateway_call_t *call, void *user) {
  struct gateway *gateway = user;
  struct ledger_entry entry;
  enum gateway_mood mood;

  if (gateway->before != NULL)
    gateway->before(gateway, gateway->hook_user);
  lock_gateway(gateway);
  gateway->charges++;
  note_call(gateway, call);
  mood = gateway->mood;
  entry = take_by_mood(gateway, call, mood);
  pthread_mutex_unlock(&gateway->lock);
  if (gateway->after != NULL)
    gateway->after(gateway, gateway->hook_user);
  answer_by_mood(call, mood, &entry);
}

/* A query takes nothing: it answers from the ledger, or in its mood. */
void gateway_query(shop_gateway_call_t *call, void *user) {
  struct gateway *gateway = user;
  struct ledger_entry *found, entry = {.amount_minor = 0};
  struct gateway_move *moved, move = {.kind = 0};
  enum gateway_mood mood;

  lock_gateway(gateway);
  gateway->queries++;
  moved = find_move(gateway, shop_gateway_call_key(call));
  if (moved != NULL)
    move = *moved;
  note_call(gateway, call);
  mood = gateway->query_mood;
  found = find_entry(gateway, shop_gateway_call_key(call));
  if (found != NULL)
    entry = *found;
  pthread_mutex_unlock(&gateway->lock);
  if (gateway->in_query != NULL)
    gateway->in_query(gateway, gateway->hook_user);
  if (mood != GATEWAY_APPROVES && shop_gateway_call_kind(call) != SHOP_OPERATION_CHARGE)
    answer_operation(call, mood, NULL);
  else if (mood != GATEWAY_APPROVES)
    answer_by_mood(call, mood, &entry);
  else if (move.kind != 0)
    answer_move(call, &move);
  else if (entry.amount_minor != 0)
    answer_captured(call, &entry);
  else
    (void)shop_gateway_call_set_not_found(call);
}

/* ---- transport ------------------------------------------------------------------------ */

static void keep(struct transport *transport, const shop_mail_call_t *call) {
  int32_t at;

  pthread_mutex_lock(&transport->lock);
  ck_assert_int_lt(transport->count, MAILBOX_MAX);
  at = transport->count++;
  transport->kinds[at] = shop_mail_call_kind(call);
  transport->messages[at] = strdup(shop_mail_call_message(call));
  ck_assert_uint_eq(strlen(transport->messages[at]), shop_mail_call_message_bytes(call));
  snprintf(transport->recipients[at], sizeof transport->recipients[at], "%s",
           shop_mail_call_recipient(call));
  snprintf(transport->order_numbers[at], sizeof transport->order_numbers[at], "%s",
           shop_mail_call_order_number(call));
  pthread_mutex_unlock(&transport->lock);
}

int32_t transport_count(struct transport *transport, int32_t kind) {
  int32_t count = 0;

  pthread_mutex_lock(&transport->lock);
  for (int32_t i = 0; i < transport->count; i++)
    count += transport->kinds[i] == kind;
  pthread_mutex_unlock(&transport->lock);
  return count;
}

void transport_send(shop_mail_call_t *call, void *user) {
  struct transport *transport = user;
  enum transport_mood mood;

  pthread_mutex_lock(&transport->lock);
  transport->calls++;
  mood = transport->mood;
  pthread_mutex_unlock(&transport->lock);
  if (transport->hook != NULL)
    transport->hook(transport, transport->hook_user);
  switch (mood) {
  case TRANSPORT_DELIVERS:
    keep(transport, call);
    (void)shop_mail_call_set_delivered(call);
    break;
  case TRANSPORT_TWICE_SAME:
    keep(transport, call);
    (void)shop_mail_call_set_delivered(call);
    (void)shop_mail_call_set_delivered(call);
    break;
  case TRANSPORT_CONTRADICTS:
    (void)shop_mail_call_set_delivered(call);
    (void)shop_mail_call_set_rejected(call, "no such mailbox");
    break;
  case TRANSPORT_LATER:
    (void)shop_mail_call_set_later(call, "451 try again");
    break;
  case TRANSPORT_REJECTS:
    (void)shop_mail_call_set_rejected(call, "550 no such mailbox");
    break;
  case TRANSPORT_SILENT:
    break;
  }
}
