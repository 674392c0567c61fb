/* The host's payment callbacks: what they are told, and what their answers are
   taken for. Whatever is not one clear answer is no answer. */
#include <stdio.h>
#include <string.h>

#include "flow.h"

struct shop_gateway_call {
  const struct shop__charge *charge;
  struct shop__outcome answer;
  bool spoiled; /* an invalid answer, or two that differ */
};

/* The key names the shop as well, for several shops may share one gateway. */
void shop__charge_fill(const shop_t *shop, const struct shop__operation_row *row,
                       struct shop__charge *charge) {
  char *at;

  *charge = (struct shop__charge){.operation_id = row->id, .amount_minor = row->amount_minor};
  shop__copy_currency(charge->currency, row->currency);
  (void)snprintf(charge->key, sizeof charge->key, "shop_%s_%lld", shop->store_id,
                 (long long)row->id);
  /* Some gateways take only letters, digits and _ in a key. */
  for (at = charge->key; *at != '\0'; at++)
    if (*at == '-')
      *at = '_';
  (void)snprintf(charge->order_number, sizeof charge->order_number, "%s", row->order_number);
  (void)snprintf(charge->method, sizeof charge->method, "%s", row->method);
  (void)snprintf(charge->email, sizeof charge->email, "%s", row->email);
  (void)snprintf(charge->reference, sizeof charge->reference, "%s",
                 row->reference == NULL ? "" : row->reference);
}

void shop__gateway_ask(shop_t *shop, shop_gateway_fn fn, void *user,
                       const struct shop__charge *charge, struct shop__outcome *outcome) {
  struct shop_gateway_call call = {.charge = charge};
  struct shop__callback callback;

  shop__callback_begin(shop, &callback);
  fn(&call, user);
  shop__callback_end(shop, &callback);
  *outcome = call.answer;
  if (call.spoiled) {
    *outcome = (struct shop__outcome){.answer = SHOP__ANSWER_NONE};
    (void)snprintf(outcome->reason, sizeof outcome->reason,
                   "the gateway callback gave an invalid answer or several");
    shop__log(shop, SHOP_LOG_ERROR, "order %s: the gateway callback gave an invalid answer or "
              "several that differ; taken for unknown", charge->order_number);
  } else if (call.answer.answer == SHOP__ANSWER_NONE) {
    (void)snprintf(outcome->reason, sizeof outcome->reason,
                   "the gateway callback gave no answer");
    shop__log(shop, SHOP_LOG_ERROR,
              "order %s: the gateway callback gave no answer; taken for unknown",
              charge->order_number);
  }
}

/* ---- what a callback reads ----------------------------------------------------------- */

const char *shop_gateway_call_key(const shop_gateway_call_t *call) {
  return call == NULL ? "" : call->charge->key;
}

int64_t shop_gateway_call_amount_minor(const shop_gateway_call_t *call) {
  return call == NULL ? 0 : call->charge->amount_minor;
}

const char *shop_gateway_call_currency(const shop_gateway_call_t *call) {
  return call == NULL ? "" : call->charge->currency;
}

const char *shop_gateway_call_method(const shop_gateway_call_t *call) {
  return call == NULL ? "" : call->charge->method;
}

const char *shop_gateway_call_order_number(const shop_gateway_call_t *call) {
  return call == NULL ? "" : call->charge->order_number;
}

const char *shop_gateway_call_email(const shop_gateway_call_t *call) {
  return call == NULL ? "" : call->charge->email;
}

const char *shop_gateway_call_reference(const shop_gateway_call_t *call) {
  return call == NULL ? "" : call->charge->reference;
}

/* ---- what a callback answers ------------------------------------------------------------ */

static bool same_answer(const struct shop__outcome *a, const struct shop__outcome *b) {
  return a->answer == b->answer && a->amount_minor == b->amount_minor &&
         strcmp(a->currency, b->currency) == 0 && strcmp(a->reference, b->reference) == 0;
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

int32_t shop_gateway_call_set_captured(shop_gateway_call_t *call, const char *reference,
                                       int64_t amount_minor, const char *currency) {
  struct shop__outcome outcome = {.answer = SHOP__ANSWER_CAPTURED, .amount_minor = amount_minor};
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

int32_t shop_gateway_call_set_declined(shop_gateway_call_t *call, const char *reason) {
  struct shop__outcome outcome = {.answer = SHOP__ANSWER_DECLINED};
  int32_t status;

  if (call == NULL)
    return SHOP_ERR_ARGUMENT;
  status = copy_text(outcome.reason, reason, SHOP__REASON_MAX, true);
  return status == SHOP_OK ? answer(call, &outcome) : spoil(call, status);
}

int32_t shop_gateway_call_set_pending(shop_gateway_call_t *call, const char *reference) {
  struct shop__outcome outcome = {.answer = SHOP__ANSWER_PENDING};
  int32_t status;

  if (call == NULL)
    return SHOP_ERR_ARGUMENT;
  status = copy_text(outcome.reference, reference, SHOP__REFERENCE_MAX, true);
  return status == SHOP_OK ? answer(call, &outcome) : spoil(call, status);
}

int32_t shop_gateway_call_set_unknown(shop_gateway_call_t *call, const char *reason) {
  struct shop__outcome outcome = {.answer = SHOP__ANSWER_UNKNOWN};
  int32_t status;

  if (call == NULL)
    return SHOP_ERR_ARGUMENT;
  status = copy_text(outcome.reason, reason, SHOP__REASON_MAX, true);
  return status == SHOP_OK ? answer(call, &outcome) : spoil(call, status);
}

int32_t shop_gateway_call_set_not_found(shop_gateway_call_t *call) {
  struct shop__outcome outcome = {.answer = SHOP__ANSWER_NOT_FOUND};

  return call == NULL ? SHOP_ERR_ARGUMENT : answer(call, &outcome);
}
