/* The till: a gateway in memory that processes share. */
#define _DEFAULT_SOURCE /* MAP_ANONYMOUS */

#include "till.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

void *share(size_t size) {
  void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

  ck_assert_ptr_ne(memory, MAP_FAILED);
  return memory;
}

struct till *till_new(void) {
  struct till *till = share(sizeof *till);
  pthread_mutexattr_t how;

  ck_assert_int_eq(pthread_mutexattr_init(&how), 0);
  ck_assert_int_eq(pthread_mutexattr_setpshared(&how, PTHREAD_PROCESS_SHARED), 0);
  ck_assert_int_eq(pthread_mutexattr_setrobust(&how, PTHREAD_MUTEX_ROBUST), 0);
  ck_assert_int_eq(pthread_mutex_init(&till->lock, &how), 0);
  pthread_mutexattr_destroy(&how);
  return till;
}

void till_free(struct till *till) {
  ck_assert_int_eq(munmap(till, sizeof *till), 0);
}

static void lock(struct till *till) {
  if (pthread_mutex_lock(&till->lock) == EOWNERDEAD)
    pthread_mutex_consistent(&till->lock);
}

/* The number at the end of a key tells them apart. */
static uint64_t number_of(const char *key) {
  const char *digits = strrchr(key, '_');

  return digits == NULL ? 0 : strtoull(digits + 1, NULL, 10);
}

static struct till_entry *find(struct till *till, const char *key) {
  uint64_t at = number_of(key) * UINT64_C(0x9e3779b97f4a7c15) >> 48;

  while (till->entries[at].fate != 0 && strcmp(till->entries[at].key, key) != 0)
    at = (at + 1) % TILL_ENTRIES;
  return &till->entries[at];
}

static void decide(struct till_entry *entry, const shop_gateway_call_t *call, const char *key,
                   int32_t fate) {
  snprintf(entry->key, sizeof entry->key, "%s", key);
  snprintf(entry->order_number, sizeof entry->order_number, "%s",
           shop_gateway_call_order_number(call));
  snprintf(entry->currency, sizeof entry->currency, "%s", shop_gateway_call_currency(call));
  entry->amount_minor = shop_gateway_call_amount_minor(call);
  entry->fate = fate;
}

static void say(shop_gateway_call_t *call, const struct till_entry *entry) {
  char reference[100];

  snprintf(reference, sizeof reference, "ch_%s", entry->key);
  if (entry->fate == SHOP_OUTCOME_CAPTURED)
    (void)shop_gateway_call_set_captured(call, reference, entry->amount_minor, entry->currency);
  else
    (void)shop_gateway_call_set_declined(call, "no");
}

/* By its number, so that a repetition meets the same mood. */
static int32_t mood_of(const struct till *till, const char *key) {
  int32_t mood = (int32_t)(number_of(key) * UINT64_C(0xbf58476d1ce4e5b9) >> 40) % 10;

  if (till->slow_moods)
    return mood == 0 ? 1 : mood;
  return till->moody ? mood : 9;
}

static void charge(shop_gateway_call_t *call, void *user) {
  struct till *till = user;
  const char *key = shop_gateway_call_key(call);
  int32_t mood = mood_of(till, key);
  struct till_entry *entry;

  till->asked++;
  if (mood == 0) /* it never arrives */
    return;
  lock(till);
  entry = find(till, key);
  if (entry->fate == 0)
    decide(entry, call, key, mood == 1 ? SHOP_OUTCOME_DECLINED : SHOP_OUTCOME_CAPTURED);
  pthread_mutex_unlock(&till->lock);
  if (till->taken != NULL)
    till->taken(till, entry, till->taken_user);
  if (mood != 2 && mood != 3) /* else the answer is lost */
    say(call, entry);
}

static void query(shop_gateway_call_t *call, void *user) {
  struct till *till = user;
  struct till_entry *entry;

  lock(till);
  entry = find(till, shop_gateway_call_key(call));
  pthread_mutex_unlock(&till->lock);
  if (entry->fate == 0)
    (void)shop_gateway_call_set_not_found(call);
  else if (shop_gateway_call_kind(call) == SHOP_OPERATION_VOID)
    (void)shop_gateway_call_set_voided(call);
  else if (entry->fate == SHOP_OUTCOME_VOIDED)
    (void)shop_gateway_call_set_voided(call);
  else
    say(call, entry);
}

/* After it nothing is taken under the charge's key. */
static void void_charge(shop_gateway_call_t *call, void *user) {
  struct till *till = user;
  struct till_entry *entry;

  lock(till);
  entry = find(till, shop_gateway_call_payment_key(call));
  if (entry->fate == 0)
    decide(entry, call, shop_gateway_call_payment_key(call), SHOP_OUTCOME_VOIDED);
  pthread_mutex_unlock(&till->lock);
  if (entry->fate == SHOP_OUTCOME_CAPTURED)
    say(call, entry);
  else
    (void)shop_gateway_call_set_voided(call);
}

void till_install(struct till *till, struct world *world) {
  ck_ok(world, shop_config_set_gateway_charge(world->config, charge, till));
  ck_ok(world, shop_config_set_gateway_query(world->config, query, till));
  ck_ok(world, shop_config_set_gateway_void(world->config, void_charge, till));
}

/* ---- the books ----------------------------------------------------------------------- */

static void check_entry(struct world *world, const struct till_entry *entry) {
  shop_order_t *order = world_order(world, entry->order_number);

  ck_assert_msg(shop_order_status(order) == SHOP_ORDER_PLACED, "%s is charged, and its order is %d",
                entry->key, (int)shop_order_status(order));
  ck_assert_str_eq(shop_order_operation_key(order, 0), entry->key);
  ck_assert_int_eq(shop_order_operation_count(order) > 0, 1);
  ck_assert_int_eq(shop_order_captured_minor(order), entry->amount_minor);
  ck_assert_int_eq(shop_order_total_minor(order), entry->amount_minor);
  shop_order_free(order);
}

int32_t till_check(struct till *till, struct world *world) {
  int32_t charges = 0;

  for (int32_t i = 0; i < TILL_ENTRIES; i++)
    if (till->entries[i].fate == SHOP_OUTCOME_CAPTURED) {
      check_entry(world, &till->entries[i]);
      charges++;
    }
  /* Each charge has an order of its own, by its key; so as many orders as charges are all. */
  ck_assert_int_eq(world_number(world, "SELECT count(*) FROM orders WHERE status = 2"), charges);
  ck_assert_int_eq(world_number(world, "SELECT count(*) FROM payments WHERE state = 4"), charges);
  ck_assert_int_eq(world_number(world, "SELECT count(*) FROM outbox WHERE kind = 1"), charges);
  return charges;
}

void check_stock(struct world *world, const char *sku, int64_t first) {
  char sql[300];

  snprintf(sql, sizeof sql,
           "SELECT coalesce(sum(l.quantity), 0) FROM order_lines l JOIN orders o ON o.id = "
           "l.order_id WHERE o.status = 2 AND l.sku = '%s'",
           sku);
  ck_assert_int_eq(world_available(world, sku) + world_number(world, sql), first);
  ck_assert_int_eq(world_reserved(world, sku), 0);
}
