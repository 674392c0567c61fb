/* The host's payment callbacks: what they are told, and what their answers are
   taken for. Whatever is not one clear answer is no answer. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "flow.h"

struct shop_gateway_call {
  const struct shop__ask *ask;
  struct shop__outcome answer;
  bool spoiled; /* an invalid answer, or two that differ */
};

/* ---- keys ---------------------------------------------------------------------------- */

/* The key names the shop as well, for several shops may share one gateway; some
   gateways take only letters, digits and _ in it. */
void shop__gateway_key(const shop_t *shop, int64_t operation_id,
                       char out[SHOP__GATEWAY_KEY_BYTES]) {
  (void)snprintf(out, SHOP__GATEWAY_KEY_BYTES, "shop_%s_%lld", shop->store_id,
                 (long long)operation_id);
  for (char *at = out; *at != '\0'; at++)
    if (*at == '-')
      *at = '_';
}

int64_t shop__gateway_key_operation(const shop_t *shop, const char *key) {
  char own[SHOP__GATEWAY_KEY_BYTES];
  const char *digits = strrchr(key, '_');
  long long id;

  if (digits == NULL || digits[1] < '0' || digits[1] > '9')
    return 0;
  errno = 0;
  id = strtoll(digits + 1, NULL, 10);
  if (errno != 0 || id <= 0)
    return 0;
  shop__gateway_key(shop, id, own);
  return strcmp(own, key) == 0 ? id : 0;
}

static void copy(char *out, size_t size, const char *text) {
  (void)snprintf(out, size, "%s", text == NULL ? "" : text);
}

void shop__ask_fill(const struct shop__operation_row *row, const char *payment_key,
                    struct shop__ask *ask) {
  *ask = (struct shop__ask){
      .operation_id = row->id, .kind = row->kind, .amount_minor = row->amount_minor};
  shop__copy_currency(ask->currency, row->currency);
  copy(ask->key, sizeof ask->key, row->key);
  copy(ask->payment_key, sizeof ask->payment_key, payment_key);
  copy(ask->order_number, sizeof ask->order_number, row->order_number);
  copy(ask->method, sizeof ask->method, row->method);
  copy(ask->email, sizeof ask->email, row->email);
  copy(ask->reference, sizeof ask->reference, row->reference);
  copy(ask->payment_reference, sizeof ask->payment_reference, row->payment_reference);
}

/* ---- asking ----------------------------------------------------------------------------- */

bool shop__gateway_has(const shop_t *shop, int32_t kind) {
  return shop->config.gateway[kind].fn != NULL;
}

/* A refund cannot be "captured". */
bool shop__gateway_fits(int32_t kind, int32_t answer, bool query) {
  switch (answer) {
  case SHOP_OUTCOME_CAPTURED:
    return kind != SHOP_OPERATION_REFUND;
  case SHOP_OUTCOME_AUTHORIZED:
  case SHOP_OUTCOME_ACTION_REQUIRED:
    return kind == SHOP_OPERATION_CHARGE;
  case SHOP_OUTCOME_VOIDED:
    return kind == SHOP_OPERATION_VOID || (kind == SHOP_OPERATION_CHARGE && query);
  case SHOP_OUTCOME_REFUNDED:
    return kind == SHOP_OPERATION_REFUND;
  case SHOP__ANSWER_NOT_FOUND:
    return query;
  default:
    return true;
  }
}

static void say_unclear(shop_t *shop, const struct shop__ask *ask, struct shop__outcome *outcome,
                        const char *what) {
  *outcome = (struct shop__outcome){.answer = SHOP__ANSWER_NONE};
  (void)snprintf(outcome->reason, sizeof outcome->reason, "the gateway callback gave %s", what);
  shop__log(shop, SHOP_LOG_ERROR, "order %s: %s; taken for unknown", ask->order_number,
            outcome->reason);
}

void shop__gateway_ask(shop_t *shop, const struct shop__ask *ask, bool query,
                       struct shop__outcome *outcome) {
  const struct shop__gateway_callback *callback = &shop->config.gateway[query ? 0 : ask->kind];
  struct shop_gateway_call call = {.ask = ask};
  struct shop__callback frame;

  shop__callback_begin(shop, &frame);
  callback->fn(&call, callback->user);
  shop__callback_end(shop, &frame);
  *outcome = call.answer;
  if (call.spoiled)
    say_unclear(shop, ask, outcome, "an invalid answer, or several that differ");
  else if (call.answer.answer == SHOP__ANSWER_NONE)
    say_unclear(shop, ask, outcome, "no answer");
  else if (!shop__gateway_fits(ask->kind, call.answer.answer, query))
    say_unclear(shop, ask, outcome, "an answer to another question");
}

/* ---- what a callback reads ----------------------------------------------------------- */

int32_t shop_gateway_call_kind(const shop_gateway_call_t *call) {
  return call == NULL ? 0 : call->ask->kind;
}

const char *shop_gateway_call_key(const shop_gateway_call_t *call) {
  return call == NULL ? "" : call->ask->key;
}

const char *shop_gateway_call_payment_key(const shop_gateway_call_t *call) {
  return call == NULL ? "" : call->ask->payment_key;
}

const char *shop_gateway_call_payment_reference(const shop_gateway_call_t *call) {
  return call == NULL ? "" : call->ask->payment_reference;
}

const char *shop_gateway_call_reference(const shop_gateway_call_t *call) {
  return call == NULL ? "" : call->ask->reference;
}

int64_t shop_gateway_call_amount_minor(const shop_gateway_call_t *call) {
  return call == NULL ? 0 : call->ask->amount_minor;
}

const char *shop_gateway_call_currency(const shop_gateway_call_t *call) {
  return call == NULL ? "" : call->ask->currency;
}

const char *shop_gateway_call_method(const shop_gateway_call_t *call) {
  return call == NULL ? "" : call->ask->method;
}

const char *shop_gateway_call_order_number(const shop_gateway_call_t *call) {
  return call == NULL ? "" : call->ask->order_number;
}

const char *shop_gateway_call_email(const shop_gateway_call_t *call) {
  return call == NULL ? "" : call->ask->email;
}

/* ---- what a callback answers ------------------------------------------------------------ */

static bool same_answer(const struct shop__outcome *a, const struct shop__outcome *b) {
  return a->answer == b->answer && a->amount_minor == b->amount_minor &&
         strcmp(a->currency, b->currency) == 0 && strcmp(a->reference, b->reference) == 0 &&
         strcmp(a->client_data, b->client_data) == 0;
}

static int32_t spoil(shop_gateway_call_t *call, int32_t status) {
  call->spoiled = true;
  return status;
}

static int32_t answer(shop_gateway_call_t *call, const struct shop__outcome *outcome) {
  if (call->answer.answer != SHOP__ANSWER_NONE && !same_answer(&call->answer, outcome))
    return spoil(call, SHOP_ERR_ARGUMENT);
  call->answer = *outcome;
  return SHOP_OK;
}

static int32_t copy_text(char *out, const char *text, size_t max, bool optional) {
  int32_t status;

  if (text == NULL && optional)
    return SHOP_OK;
  status = shop__text_check("text", text, optional ? 0 : 1, max, SHOP__TEXT_LINE, NULL);
  if (status == SHOP_OK)
    memcpy(out, text, strlen(text) + 1);
  return status;
}

/* Captured, authorized, refunded: what, how much, under which reference. */
static int32_t answer_money(shop_gateway_call_t *call, int32_t wanted, const char *reference,
                            int64_t amount_minor, const char *currency) {
  struct shop__outcome outcome = {.answer = wanted, .amount_minor = amount_minor};
  int32_t status;

  if (call == NULL)
    return SHOP_ERR_ARGUMENT;
  if (currency == NULL || amount_minor <= 0)
    return spoil(call, SHOP_ERR_ARGUMENT);
  if (shop__money_exponent(currency) < 0)
    return spoil(call, SHOP_ERR_CURRENCY);
  status = copy_text(outcome.reference, reference, SHOP__REFERENCE_MAX, false);
  if (status != SHOP_OK)
    return spoil(call, status);
  shop__copy_currency(outcome.currency, currency);
  return answer(call, &outcome);
}

int32_t shop_gateway_call_set_captured(shop_gateway_call_t *call, const char *reference,
                                       int64_t amount_minor, const char *currency) {
  return answer_money(call, SHOP_OUTCOME_CAPTURED, reference, amount_minor, currency);
}

int32_t shop_gateway_call_set_authorized(shop_gateway_call_t *call, const char *reference,
                                         int64_t amount_minor, const char *currency) {
  return answer_money(call, SHOP_OUTCOME_AUTHORIZED, reference, amount_minor, currency);
}

int32_t shop_gateway_call_set_refunded(shop_gateway_call_t *call, const char *reference,
                                       int64_t amount_minor, const char *currency) {
  return answer_money(call, SHOP_OUTCOME_REFUNDED, reference, amount_minor, currency);
}

/* Declined, unknown: why. */
static int32_t answer_reason(shop_gateway_call_t *call, int32_t wanted, const char *reason) {
  struct shop__outcome outcome = {.answer = wanted};
  int32_t status;

  if (call == NULL)
    return SHOP_ERR_ARGUMENT;
  status = copy_text(outcome.reason, reason, SHOP__REASON_MAX, true);
  return status == SHOP_OK ? answer(call, &outcome) : spoil(call, status);
}

int32_t shop_gateway_call_set_declined(shop_gateway_call_t *call, const char *reason) {
  return answer_reason(call, SHOP_OUTCOME_DECLINED, reason);
}

int32_t shop_gateway_call_set_unknown(shop_gateway_call_t *call, const char *reason) {
  return answer_reason(call, SHOP__ANSWER_UNKNOWN, reason);
}

int32_t shop_gateway_call_set_voided(shop_gateway_call_t *call) {
  return answer_reason(call, SHOP_OUTCOME_VOIDED, NULL);
}

int32_t shop_gateway_call_set_not_found(shop_gateway_call_t *call) {
  return answer_reason(call, SHOP__ANSWER_NOT_FOUND, NULL);
}

int32_t shop_gateway_call_set_pending(shop_gateway_call_t *call, const char *reference) {
  struct shop__outcome outcome = {.answer = SHOP_OUTCOME_PENDING};
  int32_t status;

  if (call == NULL)
    return SHOP_ERR_ARGUMENT;
  status = copy_text(outcome.reference, reference, SHOP__REFERENCE_MAX, true);
  return status == SHOP_OK ? answer(call, &outcome) : spoil(call, status);
}

int32_t shop_gateway_call_set_action_required(shop_gateway_call_t *call, const char *reference,
                                              const char *client_data) {
  struct shop__outcome outcome = {.answer = SHOP_OUTCOME_ACTION_REQUIRED};
  int32_t status;

  if (call == NULL)
    return SHOP_ERR_ARGUMENT;
  status = copy_text(outcome.reference, reference, SHOP__REFERENCE_MAX, true);
  if (status == SHOP_OK)
    status = shop__text_check("client_data", client_data, 1, SHOP__CLIENT_DATA_MAX,
                              SHOP__TEXT_PARAGRAPH, NULL);
  if (status != SHOP_OK)
    return spoil(call, status);
  memcpy(outcome.client_data, client_data, strlen(client_data) + 1);
  return answer(call, &outcome);
}
