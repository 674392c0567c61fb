/*
 * Rendering templates: their steps carried out for the facts of one mail. What
 * comes from outside is made harmless here, once, by the part it stands in.
 */
#include "mail_template.h"
#include "mail_parts.h"

#include <assert.h>
#include <string.h>

struct render {
  const struct shop__mail_facts *facts;
  const struct shop__locale *locale;
  uint8_t part; /* enum shop__mail_part */
  size_t index; /* in the list whose loop this is in */
  struct shop__bytes *out;
};

/* ---- what a name stands for --------------------------------------------------- */

static const struct shop__mail_line *line_of(const struct render *render) {
  return &render->facts->order->lines[render->index];
}

static const struct shop__mail_adjustment *adjustment_of(const struct render *render) {
  return &render->facts->order->adjustments[render->index];
}

/* The text of a value that is one, "" where there is none. */
static const char *text_of(const struct render *render, enum shop__mail_name name) {
  const struct shop__mail_facts *facts = render->facts;
  const char *text = NULL;
  switch ((int)name) {
  case SHOP__NAME_SHOP_NAME:
    text = facts->shop_name;
    break;
  case SHOP__NAME_RECIPIENT:
    text = facts->recipient;
    break;
  case SHOP__NAME_ORDER_NUMBER:
    text = facts->order->number;
    break;
  case SHOP__NAME_CURRENCY:
    text = facts->order->currency;
    break;
  case SHOP__NAME_SHIPPING_ADDRESS:
    text = facts->order->shipping_address;
    break;
  case SHOP__NAME_BILLING_ADDRESS:
    text = facts->order->billing_address;
    break;
  case SHOP__NAME_LINE_NAME:
    text = line_of(render)->name;
    break;
  case SHOP__NAME_SKU:
    text = line_of(render)->sku;
    break;
  case SHOP__NAME_LABEL:
    text = adjustment_of(render)->label;
    break;
  case SHOP__NAME_REASON:
    text = facts->reason;
    break;
  case SHOP__NAME_CODE:
    text = facts->code;
    break;
  case SHOP__NAME_LINK:
    text = facts->link;
    break;
  case SHOP__NAME_NEW_EMAIL:
    text = facts->new_email;
    break;
  }
  return text == NULL ? "" : text;
}

static bool is_there(const struct render *render, enum shop__mail_name name) {
  const struct shop__mail_order *order = render->facts->order;
  switch ((int)name) {
  case SHOP__NAME_DATE:
  case SHOP__NAME_ORDER_DATE:
  case SHOP__NAME_QUANTITY:
  case SHOP__NAME_LINE_TOTAL:
    return true;
  case SHOP__NAME_TOTAL:
    return order->total_minor != 0;
  case SHOP__NAME_UNIT_PRICE:
    return line_of(render)->unit_price_minor != 0;
  case SHOP__NAME_AMOUNT:
    return adjustment_of(render)->amount_minor != 0;
  case SHOP__NAME_INCLUDED:
    return adjustment_of(render)->included;
  case SHOP__NAME_REFUND_AMOUNT:
    return render->facts->amount_minor != 0;
  case SHOP__NAME_EXPIRES:
    return render->facts->expires_at_ms != 0;
  case SHOP__NAME_LINES:
    return order->line_count > 0;
  case SHOP__NAME_ADJUSTMENTS:
    return order->adjustment_count > 0;
  }
  return text_of(render, name)[0] != '\0';
}

static size_t count_of(const struct render *render, enum shop__mail_name list) {
  const struct shop__mail_order *order = render->facts->order;
  return list == SHOP__NAME_LINES ? order->line_count : order->adjustment_count;
}

/* ---- adding values ---------------------------------------------------------------- */

static void add_text(const struct render *render, const char *text, size_t size) {
  if (render->part == SHOP__PART_HTML) {
    shop__mail_clean_html(render->out, text, size);
  } else {
    shop__mail_clean_part(render->out, text, size);
  }
}

/* Every line of an address is indented in the text, so that none can pass for a line of ours. */
static void add_address(const struct render *render, const char *address) {
  static const char *const between[] = {", ", "\r\n", "<br>\r\n"};
  bool first = true;
  while (*address != '\0') {
    size_t size = strcspn(address, "\r\n");
    if (size > 0) {
      shop__bytes_text(render->out, first ? "" : between[render->part]);
      shop__bytes_text(render->out, render->part == SHOP__PART_TEXT ? "  " : "");
      add_text(render, address, size);
      first = false;
    }
    address += size + strspn(address + size, "\r\n");
  }
}

static void add_money(const struct render *render, int64_t minor, const char *currency) {
  char text[SHOP__LOCALE_MONEY_BYTES];
  shop__locale_money(render->locale, minor, currency, text);
  add_text(render, text, strlen(text));
}

static void add_date(const struct render *render, int64_t ms, bool with_time) {
  char text[SHOP__LOCALE_DATE_BYTES];
  shop__bytes_text(render->out, shop__locale_date(render->locale, ms, with_time, text));
}

static void add_value(const struct render *render, enum shop__mail_name name) {
  const struct shop__mail_facts *facts = render->facts;
  char count[SHOP__LOCALE_DATE_BYTES];
  const char *text;
  switch ((int)name) {
  case SHOP__NAME_DATE:
    add_date(render, facts->date_ms, false);
    return;
  case SHOP__NAME_ORDER_DATE:
    add_date(render, facts->order->date_ms, false);
    return;
  case SHOP__NAME_EXPIRES:
    add_date(render, facts->expires_at_ms, true);
    return;
  case SHOP__NAME_QUANTITY:
    shop__bytes_text(render->out, shop__locale_count(line_of(render)->quantity, count));
    return;
  case SHOP__NAME_TOTAL:
    add_money(render, facts->order->total_minor, facts->order->currency);
    return;
  case SHOP__NAME_UNIT_PRICE:
    add_money(render, line_of(render)->unit_price_minor, facts->order->currency);
    return;
  case SHOP__NAME_LINE_TOTAL:
    add_money(render, line_of(render)->total_minor, facts->order->currency);
    return;
  case SHOP__NAME_AMOUNT:
    add_money(render, adjustment_of(render)->amount_minor, facts->order->currency);
    return;
  case SHOP__NAME_REFUND_AMOUNT:
    add_money(render, facts->amount_minor, facts->currency);
    return;
  }
  text = text_of(render, name);
  if (shop__mail_name_type(name) == SHOP__NAME_IS_ADDRESS) {
    add_address(render, text);
  } else {
    add_text(render, text, strlen(text));
  }
}

/* ---- the steps --------------------------------------------------------------------------- */

/* Carries one step out; gives the next one. */
static uint32_t take_step(struct render *render, const struct shop__step *step,
                          const char *literals, uint32_t at) {
  enum shop__mail_name name = (enum shop__mail_name)step->name;
  switch ((enum shop__step_kind)step->kind) {
  case SHOP__STEP_TEXT:
    shop__bytes_add(render->out, literals + step->at, step->size);
    break;
  case SHOP__STEP_VALUE:
    add_value(render, name);
    break;
  case SHOP__STEP_LOOP:
    render->index = 0;
    return count_of(render, name) > 0 ? at + 1 : step->at;
  case SHOP__STEP_NEXT:
    render->index++;
    return render->index < count_of(render, name) ? step->at : at + 1;
  case SHOP__STEP_IF:
    return is_there(render, name) ? at + 1 : step->at;
  case SHOP__STEP_GO:
    return step->at;
  }
  return at + 1;
}

bool shop__template_render(const struct shop__template *template,
                           const struct shop__mail_facts *facts, const struct shop__locale *locale,
                           size_t max, struct shop__bytes *out) {
  const char *literals = (const char *)(template->steps + template->step_count);
  struct render render = {.facts = facts, .locale = locale, .part = template->part, .out = out};
  uint32_t at = 0;
  assert(max <= SIZE_MAX / 2);
  while (at < template->step_count && out->used <= max && !out->failed) {
    at = take_step(&render, &template->steps[at], literals, at);
  }
  return out->used <= max;
}
