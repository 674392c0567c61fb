/* The books: purchases by form, histories, and the ledger against the store. */
#define _DEFAULT_SOURCE /* MAP_ANONYMOUS */

#include "books.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/* ---- purchases ----------------------------------------------------------- */

static shop_purchase_request_t *request_of(const struct form *form) {
  shop_purchase_request_t *request = NULL;

  ck_assert_int_eq(shop_purchase_request_new(&request), SHOP_OK);
  ck_assert_int_eq(shop_purchase_request_set_method(request, form->method), SHOP_OK);
  ck_assert_int_eq(shop_purchase_request_set_shipping_address(request, form->shipping), SHOP_OK);
  ck_assert_int_eq(shop_purchase_request_set_billing_address(request, form->billing), SHOP_OK);
  if (form->has_total)
    ck_assert_int_eq(
        shop_purchase_request_set_expected_total(request, form->total_minor, form->total_currency),
        SHOP_OK);
  for (const struct form_adjustment *at = form->adjustments; at->kind != 0; at++)
    ck_assert_int_eq(
        shop_purchase_request_add_adjustment(request, at->kind, at->label, at->amount_minor),
        SHOP_OK);
  return request;
}

static shop_options_t *options_of(const struct form *form) {
  shop_options_t *options = NULL;

  ck_assert_int_eq(shop_options_new(&options), SHOP_OK);
  ck_assert_int_eq(shop_options_set_idempotency_key(options, form->key), SHOP_OK);
  ck_assert_int_eq(shop_options_set_expected_version(options, form->version), SHOP_OK);
  ck_assert_int_eq(shop_options_set_deadline_ms(options, form->deadline_ms), SHOP_OK);
  return options;
}

int32_t form_buy(shop_t *shop, const shop_token_t *token, int64_t cart_id, const struct form *form,
                 shop_order_t **order, shop_error_t *err) {
  shop_purchase_request_t *request = request_of(form);
  shop_options_t *options = options_of(form);
  int32_t status = shop_purchase(shop, token, cart_id, request, options, order, err);

  shop_options_free(options);
  shop_purchase_request_free(request);
  return status;
}

int32_t world_purchase(struct world *world, const shop_token_t *token, int64_t cart_id,
                       const struct form *form, shop_order_t **order) {
  return form_buy(world->shop, token, cart_id, form, order, world->err);
}

shop_order_t *world_bought(struct world *world, const shop_token_t *token, int64_t cart_id) {
  shop_order_t *order = NULL;

  ck_ok(world, world_purchase(world, token, cart_id, &(struct form){.method = CARD}, &order));
  ck_assert_int_eq(shop_order_status(order), SHOP_ORDER_PLACED);
  return order;
}

void world_sell_one(struct world *world, const char *email, const char *sku) {
  int64_t cart_id;
  shop_token_t *token = world_shopper(world, email, sku, 1, &cart_id);

  shop_order_free(world_bought(world, token, cart_id));
  shop_token_free(token);
}

shop_order_t *world_order(struct world *world, const char *number) {
  shop_order_t *order = NULL;

  ck_ok(world, shop_order_find_by_number(world->shop, number, &order, world->err));
  return order;
}

int32_t world_cart_state(struct world *world, const shop_token_t *token, int64_t cart_id) {
  shop_cart_t *cart = NULL;
  int32_t state;

  ck_ok(world, shop_cart_get(world->shop, token, cart_id, &cart, world->err));
  state = shop_cart_state(cart);
  shop_cart_free(cart);
  return state;
}

struct mail_counts mail_count(shop_t *shop) {
  shop_mail_stats_t *stats = NULL;
  struct mail_counts counts;

  ck_assert_int_eq(shop_mail_stats(shop, &stats, NULL), SHOP_OK);
  counts = (struct mail_counts){shop_mail_stats_queued(stats), shop_mail_stats_leased(stats),
                                shop_mail_stats_sent(stats), shop_mail_stats_dead(stats),
                                shop_mail_stats_oldest_age_ms(stats)};
  shop_mail_stats_free(stats);
  return counts;
}

int64_t world_mails(struct world *world, const char *state) {
  char sql[100];

  snprintf(sql, sizeof sql, "SELECT count(*) FROM outbox WHERE state IN (%s)", state);
  return world_number(world, sql);
}

const char *order_history(const shop_order_t *order, char *out, size_t size) {
  size_t used = 0;

  out[0] = '\0';
  for (int32_t i = 0; i < shop_order_event_count(order); i++) {
    const char *name = shop_order_event_name(order, i);
    bool other_mail = strncmp(name, "mail.", 5) == 0 &&
                      strcmp(shop_order_event_after(order, i), "confirmation") != 0;
    int more = other_mail ? 0 : snprintf(out + used, size - used, "%s%s", i == 0 ? "" : " ", name);

    if (other_mail)
      continue;
    ck_assert(more > 0 && (size_t)more < size - used);
    used += (size_t)more;
  }
  return out;
}

const char *order_event(const shop_order_t *order, const char *name) {
  const char *detail = NULL;

  for (int32_t i = 0; i < shop_order_event_count(order); i++)
    if (strcmp(shop_order_event_name(order, i), name) == 0)
      detail = shop_order_event_detail(order, i);
  return detail;
}

/* ---- recovery ------------------------------------------------------------ */

struct recovered world_recover(struct world *world) {
  shop_recovery_t *recovery = NULL;
  struct recovered recovered;

  ck_ok(world, shop_recover(world->shop, 10000, &recovery, world->err));
  recovered = (struct recovered){
      .examined = shop_recovery_examined(recovery),
      .placed = shop_recovery_placed(recovery),
      .failed = shop_recovery_failed(recovery),
      .waiting = shop_recovery_waiting(recovery),
      .unknown = shop_recovery_unknown(recovery),
  };
  shop_recovery_free(recovery);
  return recovered;
}

/* ---- a rival ------------------------------------------------------------- */

/* SQLite keeps the locks of a process apart by connection, so a connection of our
   own does for another program. */
struct rival *rival_begin(struct world *world) {
  sqlite3 *db = NULL;

  ck_assert_int_eq(sqlite3_open(world->path, &db), SQLITE_OK);
  sqlite3_busy_timeout(db, 5000);
  ck_assert_int_eq(sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
  return (struct rival *)(void *)db;
}

void rival_end(struct rival *rival) {
  ck_assert_int_eq(sqlite3_close((sqlite3 *)(void *)rival), SQLITE_OK);
}

/* ---- the books ----------------------------------------------------------- */

/* The number at the end of a key is the id of the charge. */
static int64_t ask_about(struct world *world, const char *key, const char *what) {
  char sql[400];
  const char *id = strrchr(key, '_');

  ck_assert_ptr_nonnull(id);
  snprintf(sql, sizeof sql,
           "SELECT %s FROM operations n JOIN payments p ON p.order_id = n.order_id"
           " JOIN orders o ON o.id = n.order_id WHERE n.id = %s",
           what, id + 1);
  return world_number(world, sql);
}

static void check_entry(struct world *world, const struct ledger_entry *entry) {
  char reference[200];

  ck_assert_int_eq(ask_about(world, entry->key, "count(*)"), 1);
  if (ask_about(world, entry->key, "p.attention") != 0)
    return;
  ck_assert_int_eq(ask_about(world, entry->key, "o.total_minor"), entry->amount_minor);
  snprintf(reference, sizeof reference,
           "p.state <> 4 OR (p.reference = '%s' AND p.currency = '%s')", entry->reference,
           entry->currency);
  ck_assert_msg(ask_about(world, entry->key, reference) == 1, "%s is not on its order",
                entry->reference);
}

/* What was captured of an authorization, and what was given back, is what the gateway did. */
static void check_moves(const shop_order_t *order, struct gateway *gateway) {
  const char *key = shop_order_operation_key(order, 0);

  if (shop_order_needs_attention(order))
    return;
  if (shop_order_payment_status(order) == SHOP_PAYMENT_CAPTURED &&
      gateway_moved(gateway, SHOP_OPERATION_CHARGE, key) != 0)
    ck_assert_int_eq(gateway_moved(gateway, SHOP_OPERATION_CAPTURE, key),
                     shop_order_captured_minor(order));
  for (int32_t i = 0; i < shop_order_operation_count(order); i++)
    if (shop_order_operation_kind(order, i) == SHOP_OPERATION_REFUND &&
        (shop_order_operation_state(order, i) == SHOP_OPERATION_SENT ||
         shop_order_operation_state(order, i) == SHOP_OPERATION_UNKNOWN))
      return;
  /* No less: the merchant may have given something back by hand. */
  ck_assert_int_le(gateway_moved(gateway, SHOP_OPERATION_REFUND, key),
                   shop_order_refunded_minor(order));
}

static void check_captured(struct world *world, const shop_order_t *order,
                           struct gateway *gateway) {
  const char *reference = shop_order_gateway_reference(order);
  int32_t found = 0;

  check_moves(order, gateway);
  if (shop_order_payment_status(order) != SHOP_PAYMENT_CAPTURED ||
      gateway_moved(gateway, SHOP_OPERATION_CHARGE, shop_order_operation_key(order, 0)) != 0)
    return;
  for (int32_t i = 0; i < gateway->count; i++)
    found += strcmp(gateway->ledger[i].reference, reference) == 0 &&
             gateway->ledger[i].amount_minor == shop_order_captured_minor(order) &&
             strcmp(gateway->ledger[i].currency, shop_order_captured_currency(order)) == 0;
  ck_assert_msg(found == 1, "%s: %d charges in %s", shop_order_number(order), found, world->path);
}

void world_check_ledger(struct world *world, struct gateway *gateway) {
  shop_order_page_t *page = NULL;
  int64_t before_id = 0;
  int32_t count;

  for (int32_t i = 0; i < gateway->count; i++) {
    ck_assert_int_eq(gateway_taken(gateway, gateway->ledger[i].key), 1);
    check_entry(world, &gateway->ledger[i]);
  }
  do {
    ck_ok(world, shop_order_list_by_status(world->shop, 0, before_id, 1000, &page, world->err));
    count = shop_order_page_count(page);
    for (int32_t i = 0; i < count; i++)
      check_captured(world, shop_order_page_at(page, i), gateway);
    before_id = count == 0 ? 0 : shop_order_id(shop_order_page_at(page, count - 1));
    shop_order_page_free(page);
  } while (count == 1000);
}

void world_close_books(struct world *world, int64_t attentions) {
  world_verify(world, attentions);
  world_check_ledger(world, &world->gateway);
}

/* "order 4Z...: placed" and "cart 123: ..." become "order #: ..." and so on. */
static void add_finding(char **out, size_t *size, int32_t severity, const char *text) {
  FILE *file = open_memstream(out, size);
  const char *rest = strncmp(text, "order ", 6) == 0  ? text + 6
                     : strncmp(text, "cart ", 5) == 0 ? text + 5
                                                      : NULL;

  ck_assert_ptr_nonnull(file);
  fprintf(file, "%s ", severity == SHOP_FINDING_VIOLATION ? "V" : "A");
  if (rest == NULL)
    fprintf(file, "%s\n", text);
  else
    fprintf(file, "%.*s#%s\n", (int)(rest - text), text, rest + strcspn(rest, ":"));
  fclose(file);
}

char *world_findings(struct world *world) {
  shop_audit_t *audit = NULL;
  char *all = NULL;
  size_t size = 0;
  FILE *file = open_memstream(&all, &size);

  ck_assert_ptr_nonnull(file);
  ck_ok(world, shop_verify(world->shop, &audit, world->err));
  for (int32_t i = 0; i < shop_audit_finding_count(audit); i++) {
    char *line = NULL;
    size_t line_size = 0;

    add_finding(&line, &line_size, shop_audit_finding_severity(audit, i),
                shop_audit_finding_text(audit, i));
    fputs(line, file);
    free(line);
  }
  ck_assert_int_eq(shop_audit_violations(audit) + shop_audit_attentions(audit),
                   shop_audit_finding_count(audit));
  shop_audit_free(audit);
  fclose(file);
  return all;
}

/* ---- memory for several processes ---------------------------------------- */

void *share_memory(size_t size) {
  void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

  ck_assert_ptr_ne(memory, MAP_FAILED);
  return memory;
}

pthread_barrier_t *share_barrier(unsigned count) {
  pthread_barrier_t *barrier = share_memory(sizeof *barrier);
  pthread_barrierattr_t how;

  ck_assert_int_eq(pthread_barrierattr_init(&how), 0);
  ck_assert_int_eq(pthread_barrierattr_setpshared(&how, PTHREAD_PROCESS_SHARED), 0);
  ck_assert_int_eq(pthread_barrier_init(barrier, &how, count), 0);
  pthread_barrierattr_destroy(&how);
  return barrier;
}

struct gateway *gateway_share(void) {
  struct gateway *gateway = share_memory(sizeof *gateway);
  pthread_mutexattr_t how;

  ck_assert_int_eq(pthread_mutexattr_init(&how), 0);
  ck_assert_int_eq(pthread_mutexattr_setpshared(&how, PTHREAD_PROCESS_SHARED), 0);
  ck_assert_int_eq(pthread_mutexattr_setrobust(&how, PTHREAD_MUTEX_ROBUST), 0);
  ck_assert_int_eq(pthread_mutex_init(&gateway->lock, &how), 0);
  pthread_mutexattr_destroy(&how);
  return gateway;
}

void gateway_unshare(struct gateway *gateway) {
  ck_assert_int_eq(munmap(gateway, sizeof *gateway), 0);
}
