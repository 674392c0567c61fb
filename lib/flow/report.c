/* What reaches a payment from outside of a call: the gateway's reports, and a
   person's decision on what is unknown. Both end in settle.c. */
#include <stddef.h>
#include <string.h>

#include "flow.h"

struct shop_payment_report {
  char event_id[SHOP__REFERENCE_MAX + 1];
  char key[SHOP__REFERENCE_MAX + 1];
  struct shop__outcome outcome;
};

struct report_entry {
  uint32_t next;
  uint32_t event_id;
  uint32_t key;
  uint32_t reference;
  uint32_t reason;
  int32_t outcome;
  int64_t id;
  int64_t amount_minor;
  int64_t received_at_ms;
  char currency[4];
};

struct shop_report_page {
  struct shop__pack_list reports;
};

/* ---- the report object ------------------------------------------------------------------ */

int32_t shop_payment_report_new(shop_payment_report_t **out) {
  if (out == NULL)
    return SHOP_ERR_ARGUMENT;
  *out = shop__memory_zalloc(sizeof **out);
  return *out == NULL ? SHOP_ERR_NO_MEMORY : SHOP_OK;
}

void shop_payment_report_free(shop_payment_report_t *report) {
  shop__memory_free(report);
}

static int32_t set_text(char *field, const char *text, size_t max) {
  int32_t status = shop__text_check("text", text, 1, max, SHOP__TEXT_LINE, NULL);

  if (status == SHOP_OK)
    memcpy(field, text, strlen(text) + 1);
  return status;
}

int32_t shop_payment_report_set_event_id(shop_payment_report_t *report, const char *event_id) {
  return report == NULL ? SHOP_ERR_ARGUMENT
                        : set_text(report->event_id, event_id, SHOP__REFERENCE_MAX);
}

int32_t shop_payment_report_set_key(shop_payment_report_t *report, const char *key) {
  return report == NULL ? SHOP_ERR_ARGUMENT : set_text(report->key, key, SHOP__REFERENCE_MAX);
}

int32_t shop_payment_report_set_reference(shop_payment_report_t *report, const char *reference) {
  return report == NULL ? SHOP_ERR_ARGUMENT
                        : set_text(report->outcome.reference, reference, SHOP__REFERENCE_MAX);
}

int32_t shop_payment_report_set_reason(shop_payment_report_t *report, const char *reason) {
  return report == NULL ? SHOP_ERR_ARGUMENT
                        : set_text(report->outcome.reason, reason, SHOP__REASON_MAX);
}

int32_t shop_payment_report_set_outcome(shop_payment_report_t *report, int32_t outcome) {
  if (report == NULL || outcome < SHOP_OUTCOME_CAPTURED || outcome > SHOP_OUTCOME_REFUNDED)
    return SHOP_ERR_ARGUMENT;
  report->outcome.answer = outcome;
  return SHOP_OK;
}

int32_t shop_payment_report_set_amount(shop_payment_report_t *report, int64_t amount_minor,
                                       const char *currency) {
  if (report == NULL || amount_minor <= 0 || currency == NULL)
    return SHOP_ERR_ARGUMENT;
  if (shop__money_exponent(currency) < 0)
    return SHOP_ERR_CURRENCY;
  report->outcome.amount_minor = amount_minor;
  shop__copy_currency(report->outcome.currency, currency);
  return SHOP_OK;
}

/* ---- taking one -------------------------------------------------------------------------- */

static bool needs_amount(int32_t outcome) {
  return outcome == SHOP_OUTCOME_CAPTURED || outcome == SHOP_OUTCOME_AUTHORIZED ||
         outcome == SHOP_OUTCOME_REFUNDED;
}

static int32_t check_report(const shop_payment_report_t *report, shop_error_t *err) {
  if (report == NULL)
    return shop__missing("report", err);
  if (report->event_id[0] == '\0' || report->outcome.answer == 0)
    return shop__error_set(err, SHOP_ERR_ARGUMENT, "a report needs an event id and an outcome");
  if (report->key[0] == '\0' && report->outcome.reference[0] == '\0')
    return shop__error_set(err, SHOP_ERR_ARGUMENT, "a report needs a key or a reference");
  if (needs_amount(report->outcome.answer) && report->outcome.amount_minor == 0)
    return shop__error_set(err, SHOP_ERR_ARGUMENT, "this outcome needs an amount");
  return SHOP_OK;
}

static const char *optional(const char *text) {
  return text[0] == '\0' ? NULL : text;
}

static int32_t give(struct shop__settle *settle, int32_t status, shop_order_t **out) {
  if (out != NULL)
    *out = settle->order;
  else
    shop_order_free(settle->order);
  return status == SHOP_OK ? settle->status : status;
}

/* A report is taken when it is stored: what the purchase answers for the order's
   state is the shopper's affair, but a contradiction, a mismatch and a report
   that fits nothing are the host's. */
static int32_t status_of_report(int32_t status, shop_error_t *err) {
  bool outcome = status <= SHOP_DECLINED && status > SHOP_ERR_CANNOT_OPEN;

  if (!outcome || status == SHOP_UNMATCHED || status == SHOP_CONTRADICTION ||
      status == SHOP_MISMATCH)
    return status;
  shop__error_clear(err);
  return SHOP_OK;
}

int32_t shop_payment_report(shop_t *shop, const shop_payment_report_t *report, shop_order_t **out,
                            shop_error_t *err) {
  struct shop__report_row row = {.id = 0};
  struct shop__settle settle = {.report = &row, .actor = SHOP_ACTOR_GATEWAY};
  int32_t status;

  if (out != NULL)
    *out = NULL;
  status = shop__enter(shop, err);
  if (status != SHOP_OK)
    return status;
  status = check_report(report, err);
  if (status != SHOP_OK)
    return shop__leave(shop, status);
  row = (struct shop__report_row){.event_id = report->event_id,
                                  .outcome = report->outcome.answer,
                                  .amount_minor = report->outcome.amount_minor,
                                  .currency = optional(report->outcome.currency),
                                  .key = optional(report->key),
                                  .reference = optional(report->outcome.reference),
                                  .reason = optional(report->outcome.reason),
                                  .received_at_ms = shop__now_ms(shop)};
  settle.outcome = &report->outcome;
  settle.operation_id = shop__gateway_key_operation(shop, report->key);
  status = shop__settle(shop, &settle, err);
  status = give(&settle, status, out);
  return shop__leave(shop, status_of_report(status, err));
}

/* ---- a person's decision ------------------------------------------------------------------- */

static int32_t check_decision(const struct shop__outcome *outcome, const char *note,
                              shop_error_t *err) {
  int32_t answer = outcome->answer;

  if (!needs_amount(answer) && answer != SHOP_OUTCOME_DECLINED && answer != SHOP_OUTCOME_VOIDED)
    return shop__error_set(err, SHOP_ERR_ARGUMENT,
                           "a person decides: captured, authorized, refunded, declined, voided");
  if (needs_amount(answer) && (outcome->amount_minor <= 0 || outcome->currency[0] == '\0'))
    return shop__error_set(err, SHOP_ERR_ARGUMENT, "this outcome needs an amount");
  return shop__text_check("note", note, 1, SHOP__REASON_MAX, SHOP__TEXT_LINE, err);
}

struct find_unknown {
  const char *number;
  int64_t operation_id; /* result */
};

static int32_t find_unknown_fn(shop__tx_t *tx, void *ctx) {
  struct find_unknown *find = ctx;
  struct shop__order_row order;
  struct shop__operation_row row;
  shop__query_t *q;
  bool found = false;
  int32_t status = shop__order_by_number(tx, find->number, &order, &found);

  find->operation_id = 0;
  if (status == SHOP_OK && !found)
    return shop__error_set(shop__tx_error(tx), SHOP_ERR_NOT_FOUND, "there is no such order");
  if (status != SHOP_OK)
    return status;
  q = shop__operations_each(tx, order.id);
  while ((status = shop__operations_next(q, &row)) == SHOP__ROW)
    if (row.state == SHOP_OPERATION_UNKNOWN)
      find->operation_id = row.id;
  if (status == SHOP_OK && find->operation_id == 0)
    status = shop__error_set(shop__tx_error(tx), SHOP_ERR_STATE, "nothing of order %s is unknown",
                             find->number);
  return status;
}

static int32_t fill_decision(struct shop__outcome *outcome, const char *reference,
                             int64_t amount_minor, const char *currency, shop_error_t *err) {
  int32_t status = SHOP_OK;

  if (reference != NULL)
    status = set_text(outcome->reference, reference, SHOP__REFERENCE_MAX);
  if (status != SHOP_OK)
    return shop__error_set(err, status, "the reference is not 1 to 255 bytes on one line");
  if (currency != NULL && shop__money_exponent(currency) < 0)
    return shop__error_set(err, SHOP_ERR_CURRENCY, "the currency is no code of ISO 4217");
  outcome->amount_minor = amount_minor;
  shop__copy_currency(outcome->currency, currency);
  return SHOP_OK;
}

static int32_t resolve(shop_t *shop, const struct shop__outcome *outcome, const char *number,
                       const char *note, const shop_options_t *options, shop_order_t **out,
                       shop_error_t *err) {
  struct find_unknown find = {.number = number};
  struct shop__settle settle = {
      .outcome = outcome,
      .actor = SHOP_ACTOR_MERCHANT,
      .resolved = note,
      .deadline_ms = shop__options_rule(options, true).deadline_ms,
  };
  int32_t status = shop__db_read(shop->db, find_unknown_fn, &find, err);

  if (status != SHOP_OK)
    return status;
  settle.operation_id = find.operation_id;
  status = shop__settle(shop, &settle, err);
  return status_of_report(give(&settle, status, out), err);
}

int32_t shop_payment_resolve(shop_t *shop, const char *number, int32_t outcome,
                             const char *reference, int64_t amount_minor, const char *currency,
                             const char *note, const shop_options_t *options, shop_order_t **out,
                             shop_error_t *err) {
  struct shop__outcome decision = {.answer = outcome};
  int32_t status;

  if (out != NULL)
    *out = NULL;
  status = shop__enter(shop, err);
  if (status != SHOP_OK)
    return status;
  status = shop__options_check(options, SHOP__TAKES_DEADLINE, err);
  if (status == SHOP_OK && (number == NULL || number[0] == '\0'))
    status = shop__missing("number", err);
  if (status == SHOP_OK)
    status = fill_decision(&decision, reference, amount_minor, currency, err);
  if (status == SHOP_OK)
    status = check_decision(&decision, note, err);
  if (status == SHOP_OK)
    status = shop__order_number_check(number, err);
  if (status == SHOP_OK)
    status = resolve(shop, &decision, number, note, options, out, err);
  return shop__leave(shop, status);
}

/* ---- what fitted nothing --------------------------------------------------------------------- */

static void pack_report(struct shop__pack *pack, const struct shop__report_row *row) {
  struct report_entry entry = {.outcome = row->outcome,
                               .id = row->id,
                               .amount_minor = row->amount_minor,
                               .received_at_ms = row->received_at_ms};

  shop__copy_currency(entry.currency, row->currency);
  entry.event_id = shop__pack_text(pack, row->event_id);
  entry.key = shop__pack_text(pack, row->key);
  entry.reference = shop__pack_text(pack, row->reference);
  entry.reason = shop__pack_text(pack, row->reason);
  shop__pack_record(pack, offsetof(struct shop_report_page, reports), &entry, sizeof entry);
}

static int32_t list_fn(shop__tx_t *tx, void *ctx) {
  struct shop__page *page = ctx;
  struct shop__report_row row;
  shop__query_t *q = shop__reports_each_unmatched(tx, page->cursor, page->limit);
  int32_t status;

  shop__pack_begin(&page->pack, sizeof(struct shop_report_page));
  while ((status = shop__reports_next(q, &row)) == SHOP__ROW)
    pack_report(&page->pack, &row);
  shop__pack_end_list(&page->pack, offsetof(struct shop_report_page, reports));
  return status == SHOP_OK ? shop__pack_check(tx, &page->pack) : status;
}

int32_t shop_payment_list_unmatched(shop_t *shop, int64_t after_id, int32_t limit,
                                    shop_report_page_t **out, shop_error_t *err) {
  struct shop__page page = {.cursor = after_id, .limit = limit};
  int32_t status;

  if (out != NULL)
    *out = NULL;
  status = shop__enter(shop, err);
  return status == SHOP_OK
             ? shop__leave(shop, shop__page_give(shop, &page, list_fn, &page, (void **)out, err))
             : status;
}

static const struct report_entry *entry_at(const shop_report_page_t *page, int32_t index) {
  return page == NULL ? NULL : shop__pack_at(page, &page->reports, index);
}

int32_t shop_report_page_count(const shop_report_page_t *page) {
  return page == NULL ? 0 : (int32_t)page->reports.count;
}

int64_t shop_report_page_id(const shop_report_page_t *page, int32_t index) {
  const struct report_entry *entry = entry_at(page, index);

  return entry == NULL ? 0 : entry->id;
}

const char *shop_report_page_event_id(const shop_report_page_t *page, int32_t index) {
  const struct report_entry *entry = entry_at(page, index);

  return entry == NULL ? "" : shop__pack_text_at(page, entry->event_id);
}

int32_t shop_report_page_outcome(const shop_report_page_t *page, int32_t index) {
  const struct report_entry *entry = entry_at(page, index);

  return entry == NULL ? 0 : entry->outcome;
}

int64_t shop_report_page_amount_minor(const shop_report_page_t *page, int32_t index) {
  const struct report_entry *entry = entry_at(page, index);

  return entry == NULL ? 0 : entry->amount_minor;
}

const char *shop_report_page_currency(const shop_report_page_t *page, int32_t index) {
  const struct report_entry *entry = entry_at(page, index);

  return entry == NULL ? "" : entry->currency;
}

const char *shop_report_page_key(const shop_report_page_t *page, int32_t index) {
  const struct report_entry *entry = entry_at(page, index);

  return entry == NULL ? "" : shop__pack_text_at(page, entry->key);
}

const char *shop_report_page_reference(const shop_report_page_t *page, int32_t index) {
  const struct report_entry *entry = entry_at(page, index);

  return entry == NULL ? "" : shop__pack_text_at(page, entry->reference);
}

const char *shop_report_page_reason(const shop_report_page_t *page, int32_t index) {
  const struct report_entry *entry = entry_at(page, index);

  return entry == NULL ? "" : shop__pack_text_at(page, entry->reason);
}

int64_t shop_report_page_received_at_ms(const shop_report_page_t *page, int32_t index) {
  const struct report_entry *entry = entry_at(page, index);

  return entry == NULL ? 0 : entry->received_at_ms;
}

void shop_report_page_free(shop_report_page_t *page) {
  shop__memory_free(page);
}
