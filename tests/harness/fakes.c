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
    break;
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
  case GATEWAY_LOSES_ANSWER:
  case GATEWAY_SILENT:
    break;
  }
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
  enum gateway_mood mood;

  lock_gateway(gateway);
  gateway->queries++;
  note_call(gateway, call);
  mood = gateway->query_mood;
  found = find_entry(gateway, shop_gateway_call_key(call));
  if (found != NULL)
    entry = *found;
  pthread_mutex_unlock(&gateway->lock);
  if (mood != GATEWAY_APPROVES)
    answer_by_mood(call, mood, &entry);
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
  transport->messages[at] = strdup(shop_mail_call_message(call));
  ck_assert_uint_eq(strlen(transport->messages[at]), shop_mail_call_message_bytes(call));
  snprintf(transport->recipients[at], sizeof transport->recipients[at], "%s",
           shop_mail_call_recipient(call));
  snprintf(transport->order_numbers[at], sizeof transport->order_numbers[at], "%s",
           shop_mail_call_order_number(call));
  pthread_mutex_unlock(&transport->lock);
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
