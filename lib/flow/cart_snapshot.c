/* The snapshot of a cart: built in one pass over its lines, at today's prices. */
#include <stddef.h>
#include <string.h>

#include "flow.h"

struct cart_line {
  uint32_t next;
  uint32_t sku;
  uint32_t name;
  int32_t warnings;
  int64_t quantity;
  int64_t unit_price_minor;
  int64_t kept_price_minor;
  int64_t total_minor;
  int64_t available;
};

void shop__copy_currency(char out[4], const char *currency) {
  memset(out, 0, 4);
  if (currency != NULL && strlen(currency) == 3)
    memcpy(out, currency, 3);
}

bool shop__cart_is_held(const struct shop__cart_row *cart) {
  return cart->state == SHOP_CART_OPEN && cart->hold_length_ms != 0;
}

int32_t shop__cart_line_warning(const struct shop__cart_line_row *line, const char *currency,
                                bool held) {
  bool foreign = strcmp(line->currency, currency) != 0;
  int32_t warnings = 0;

  if (foreign)
    warnings |= SHOP_WARNING_CURRENCY_CHANGED;
  else if (line->price_minor != line->kept_price_minor)
    warnings |= SHOP_WARNING_PRICE_CHANGED;
  if (line->product_state != SHOP__PRODUCT_ACTIVE)
    warnings |= SHOP_WARNING_RETIRED;
  if (!held && !line->unlimited && line->available < line->quantity)
    warnings |= SHOP_WARNING_LESS_STOCK;
  return warnings;
}

int32_t shop__cart_line_check(shop__tx_t *tx, const struct shop__cart_line_row *line,
                              int32_t warnings) {
  if ((warnings & SHOP_WARNING_RETIRED) != 0)
    return shop__error_set(shop__tx_error(tx), SHOP_ERR_PRODUCT_RETIRED,
                           "%s is no longer sold: remove it from the cart", line->sku);
  if ((warnings & SHOP_WARNING_CURRENCY_CHANGED) != 0)
    return shop__error_set(shop__tx_error(tx), SHOP_ERR_CURRENCY_MIXED,
                           "%s is now sold in %s: remove it from the cart", line->sku,
                           line->currency);
  return SHOP_OK;
}

static bool pack_line(struct shop__pack *pack, struct shop_cart *head,
                      const struct shop__cart_line_row *row) {
  struct cart_line line = {
      .warnings = shop__cart_line_warning(row, head->currency, head->held_until_ms != 0),
      .quantity = row->quantity,
      .kept_price_minor = row->kept_price_minor,
      .available = row->unlimited              ? SHOP_STOCK_UNLIMITED
                   : head->held_until_ms != 0 ? row->available + row->quantity
                                              : row->available,
  };

  line.unit_price_minor = (line.warnings & SHOP_WARNING_CURRENCY_CHANGED) != 0
                              ? row->kept_price_minor
                              : row->price_minor;
  if (!shop__money_multiply(line.unit_price_minor, line.quantity, &line.total_minor) ||
      !shop__money_add(head->total_minor, line.total_minor, &head->total_minor))
    return false;
  head->warnings |= line.warnings;
  line.sku = shop__pack_text(pack, row->sku);
  line.name = shop__pack_text(pack, row->name);
  shop__pack_record(pack, offsetof(struct shop_cart, lines), &line, sizeof line);
  return true;
}

int32_t shop__cart_pack(shop__tx_t *tx, const struct shop__cart_row *row,
                        struct shop__pack *pack) {
  struct shop_cart head = {
      .id = row->id,
      .user_id = row->user_id,
      .version = row->version,
      .created_at_ms = row->created_at_ms,
      .updated_at_ms = row->updated_at_ms,
      .state = row->state,
      .held_until_ms = shop__cart_is_held(row) ? row->hold_start_ms + row->hold_length_ms : 0,
  };
  struct shop__cart_line_row line;
  shop__query_t *q = shop__cart_lines_each(tx, row->id);
  int32_t status;

  shop__copy_currency(head.currency, row->currency);
  shop__pack_begin(pack, sizeof head);
  while ((status = shop__cart_lines_next(q, &line)) == SHOP__ROW) {
    if (!pack_line(pack, &head, &line)) {
      shop__query_reset(q);
      return shop__error_set(shop__tx_error(tx), SHOP_ERR_OVERFLOW,
                             "the cart's total would not fit: take fewer pieces");
    }
  }
  if (status != SHOP_OK)
    return status;
  shop__pack_end_list(pack, offsetof(struct shop_cart, lines));
  status = shop__pack_check(tx, pack);
  if (status == SHOP_OK) {
    head.lines = ((struct shop_cart *)(void *)pack->block)->lines;
    *(struct shop_cart *)(void *)pack->block = head;
  }
  return status;
}

/* ---- getters ------------------------------------------------------------------------- */

static const struct cart_line *line_at(const shop_cart_t *cart, int32_t line) {
  return cart == NULL ? NULL : shop__pack_at(cart, &cart->lines, line);
}

int64_t shop_cart_id(const shop_cart_t *cart) {
  return cart == NULL ? 0 : cart->id;
}

int64_t shop_cart_user_id(const shop_cart_t *cart) {
  return cart == NULL ? 0 : cart->user_id;
}

int32_t shop_cart_state(const shop_cart_t *cart) {
  return cart == NULL ? 0 : cart->state;
}

int64_t shop_cart_version(const shop_cart_t *cart) {
  return cart == NULL ? 0 : cart->version;
}

const char *shop_cart_currency(const shop_cart_t *cart) {
  return cart == NULL ? "" : cart->currency;
}

int64_t shop_cart_total_minor(const shop_cart_t *cart) {
  return cart == NULL ? 0 : cart->total_minor;
}

int32_t shop_cart_warnings(const shop_cart_t *cart) {
  return cart == NULL ? 0 : cart->warnings;
}

int64_t shop_cart_created_at_ms(const shop_cart_t *cart) {
  return cart == NULL ? 0 : cart->created_at_ms;
}

int64_t shop_cart_updated_at_ms(const shop_cart_t *cart) {
  return cart == NULL ? 0 : cart->updated_at_ms;
}

int64_t shop_cart_held_until_ms(const shop_cart_t *cart) {
  return cart == NULL ? 0 : cart->held_until_ms;
}

int32_t shop_cart_line_count(const shop_cart_t *cart) {
  return cart == NULL ? 0 : (int32_t)cart->lines.count;
}

const char *shop_cart_line_sku(const shop_cart_t *cart, int32_t line) {
  const struct cart_line *at = line_at(cart, line);

  return at == NULL ? "" : shop__pack_text_at(cart, at->sku);
}

const char *shop_cart_line_name(const shop_cart_t *cart, int32_t line) {
  const struct cart_line *at = line_at(cart, line);

  return at == NULL ? "" : shop__pack_text_at(cart, at->name);
}

int64_t shop_cart_line_quantity(const shop_cart_t *cart, int32_t line) {
  const struct cart_line *at = line_at(cart, line);

  return at == NULL ? 0 : at->quantity;
}

int64_t shop_cart_line_unit_price_minor(const shop_cart_t *cart, int32_t line) {
  const struct cart_line *at = line_at(cart, line);

  return at == NULL ? 0 : at->unit_price_minor;
}

int64_t shop_cart_line_kept_price_minor(const shop_cart_t *cart, int32_t line) {
  const struct cart_line *at = line_at(cart, line);

  return at == NULL ? 0 : at->kept_price_minor;
}

int64_t shop_cart_line_total_minor(const shop_cart_t *cart, int32_t line) {
  const struct cart_line *at = line_at(cart, line);

  return at == NULL ? 0 : at->total_minor;
}

int64_t shop_cart_line_available(const shop_cart_t *cart, int32_t line) {
  const struct cart_line *at = line_at(cart, line);

  return at == NULL ? 0 : at->available;
}

int32_t shop_cart_line_warnings(const shop_cart_t *cart, int32_t line) {
  const struct cart_line *at = line_at(cart, line);

  return at == NULL ? 0 : at->warnings;
}

void shop_cart_free(shop_cart_t *cart) {
  shop__memory_free(cart);
}
