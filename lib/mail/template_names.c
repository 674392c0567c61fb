/*
 * The names that templates may use, and which kinds of mail know them.
 */
#include "mail_template.h"
#include "shop/mail.h"

#include <string.h>

#define KIND(kind) (1u << (kind))
#define EVERY 0xFFFFu
#define ORDERS                                                                                     \
  (KIND(SHOP_MAIL_CONFIRMATION) | KIND(SHOP_MAIL_PAYMENT_FAILED) |                                 \
   KIND(SHOP_MAIL_ORDER_CANCELLED) | KIND(SHOP_MAIL_REFUND))
#define CODES                                                                                      \
  (KIND(SHOP_MAIL_VERIFY_ADDRESS) | KIND(SHOP_MAIL_PASSWORD_RESET) | KIND(SHOP_MAIL_UNLOCK) |      \
   KIND(SHOP_MAIL_REGISTRATION))

static const struct {
  char text[17];
  uint8_t type; /* enum shop__mail_name_type */
  uint8_t list; /* only inside this loop; SHOP__NAME_COUNT: anywhere */
  uint16_t kinds;
} names[SHOP__NAME_COUNT] = {
    [SHOP__NAME_SHOP_NAME] = {"shop_name", SHOP__NAME_IS_VALUE, SHOP__NAME_COUNT, EVERY},
    [SHOP__NAME_RECIPIENT] = {"recipient", SHOP__NAME_IS_VALUE, SHOP__NAME_COUNT, EVERY},
    [SHOP__NAME_DATE] = {"date", SHOP__NAME_IS_VALUE, SHOP__NAME_COUNT, EVERY},
    [SHOP__NAME_ORDER_NUMBER] = {"order_number", SHOP__NAME_IS_VALUE, SHOP__NAME_COUNT, ORDERS},
    [SHOP__NAME_ORDER_DATE] = {"order_date", SHOP__NAME_IS_VALUE, SHOP__NAME_COUNT, ORDERS},
    [SHOP__NAME_CURRENCY] = {"currency", SHOP__NAME_IS_VALUE, SHOP__NAME_COUNT, ORDERS},
    [SHOP__NAME_TOTAL] = {"total", SHOP__NAME_IS_VALUE, SHOP__NAME_COUNT, ORDERS},
    [SHOP__NAME_SHIPPING_ADDRESS] = {"shipping_address", SHOP__NAME_IS_ADDRESS, SHOP__NAME_COUNT,
                                     ORDERS},
    [SHOP__NAME_BILLING_ADDRESS] = {"billing_address", SHOP__NAME_IS_ADDRESS, SHOP__NAME_COUNT,
                                    ORDERS},
    [SHOP__NAME_LINES] = {"lines", SHOP__NAME_IS_LIST, SHOP__NAME_COUNT, ORDERS},
    [SHOP__NAME_LINE_NAME] = {"name", SHOP__NAME_IS_VALUE, SHOP__NAME_LINES, ORDERS},
    [SHOP__NAME_SKU] = {"sku", SHOP__NAME_IS_VALUE, SHOP__NAME_LINES, ORDERS},
    [SHOP__NAME_QUANTITY] = {"quantity", SHOP__NAME_IS_VALUE, SHOP__NAME_LINES, ORDERS},
    [SHOP__NAME_UNIT_PRICE] = {"unit_price", SHOP__NAME_IS_VALUE, SHOP__NAME_LINES, ORDERS},
    [SHOP__NAME_LINE_TOTAL] = {"line_total", SHOP__NAME_IS_VALUE, SHOP__NAME_LINES, ORDERS},
    [SHOP__NAME_ADJUSTMENTS] = {"adjustments", SHOP__NAME_IS_LIST, SHOP__NAME_COUNT, ORDERS},
    [SHOP__NAME_LABEL] = {"label", SHOP__NAME_IS_VALUE, SHOP__NAME_ADJUSTMENTS, ORDERS},
    [SHOP__NAME_AMOUNT] = {"amount", SHOP__NAME_IS_VALUE, SHOP__NAME_ADJUSTMENTS, ORDERS},
    [SHOP__NAME_INCLUDED] = {"included", SHOP__NAME_IS_FLAG, SHOP__NAME_ADJUSTMENTS, ORDERS},
    [SHOP__NAME_REFUND_AMOUNT] = {"refund_amount", SHOP__NAME_IS_VALUE, SHOP__NAME_COUNT,
                                  KIND(SHOP_MAIL_REFUND)},
    [SHOP__NAME_REASON] = {"reason", SHOP__NAME_IS_VALUE, SHOP__NAME_COUNT, ORDERS},
    [SHOP__NAME_CODE] = {"code", SHOP__NAME_IS_VALUE, SHOP__NAME_COUNT, CODES},
    [SHOP__NAME_LINK] = {"link", SHOP__NAME_IS_VALUE, SHOP__NAME_COUNT, CODES},
    [SHOP__NAME_EXPIRES] = {"expires", SHOP__NAME_IS_VALUE, SHOP__NAME_COUNT, CODES},
    [SHOP__NAME_NEW_EMAIL] = {"new_email", SHOP__NAME_IS_VALUE, SHOP__NAME_COUNT,
                              KIND(SHOP_MAIL_EMAIL_CHANGED)},
};

enum shop__mail_name shop__mail_name_find(const char *text, size_t size, int32_t kind,
                                          enum shop__mail_name list) {
  for (size_t i = 0; i < SHOP__NAME_COUNT; i++) {
    bool here = names[i].list == SHOP__NAME_COUNT || names[i].list == list;
    if (here && (names[i].kinds & KIND(kind)) != 0 && strlen(names[i].text) == size &&
        memcmp(names[i].text, text, size) == 0) {
      return (enum shop__mail_name)i;
    }
  }
  return SHOP__NAME_COUNT;
}

enum shop__mail_name_type shop__mail_name_type(enum shop__mail_name name) {
  return (enum shop__mail_name_type)names[name].type;
}

const char *shop__mail_name_text(enum shop__mail_name name) {
  return names[name].text;
}

bool shop__mail_kind_has_code(int32_t kind) {
  return kind <= 0 || kind >= SHOP__MAIL_KINDS || (names[SHOP__NAME_CODE].kinds & KIND(kind)) != 0;
}
