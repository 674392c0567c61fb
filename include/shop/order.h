/*
 * Orders: what was bought, by whom, for how much, and what has happened to it.
 * An order copies everything it needs at the moment of purchase; later changes
 * of products or users do not touch it. Its owner and the merchant can see it,
 * to anyone else it does not exist.
 */
#ifndef SHOP_ORDER_H
#define SHOP_ORDER_H

#include "shop/common.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Where an order stands. */
enum shop_order_status {
  /** Stored, stock reserved, the payment is not final. */
  SHOP_ORDER_PENDING = 1,
  /** Paid, or authorized for the full total; stock taken. */
  SHOP_ORDER_PLACED = 2,
  /** The payment was refused or voided; stock released. */
  SHOP_ORDER_FAILED = 3,
  /** Was placed, then cancelled; payment freed or given back. */
  SHOP_ORDER_CANCELLED = 4
};

/** Where its payment stands. */
enum shop_payment_status {
  /** The order costs nothing. */
  SHOP_PAYMENT_NONE = 0,
  /** The gateway has been or will be asked; the outcome is not known. */
  SHOP_PAYMENT_SENT = 1,
  /** The gateway decides later. */
  SHOP_PAYMENT_PENDING = 2,
  /** Nobody can know; a person must look. */
  SHOP_PAYMENT_UNKNOWN = 3,
  /** Taken. */
  SHOP_PAYMENT_CAPTURED = 4,
  /** Refused. */
  SHOP_PAYMENT_DECLINED = 5,
  /** Set aside, to be captured (`shop_order_capture`) or voided. */
  SHOP_PAYMENT_AUTHORIZED = 6,
  /** The shopper must do something first. */
  SHOP_PAYMENT_ACTION_REQUIRED = 7,
  /** Freed: nothing was and nothing will be taken. */
  SHOP_PAYMENT_VOIDED = 8
};

/** Where an operation at the gateway stands. */
enum shop_operation_state {
  /** Asked, or about to be; the outcome is not known. */
  SHOP_OPERATION_SENT = 1,
  SHOP_OPERATION_DONE = 2,
  SHOP_OPERATION_REFUSED = 3,
  /** Nobody can know; see `shop_payment_resolve`. */
  SHOP_OPERATION_UNKNOWN = 4
};

/* ---- the shopper's side -------------------------------------------------- */

/**
 * Gets an order of this user by its number.
 *
 * @param out receives the order; freed by `shop_order_free`
 * @return SHOP_OK; SHOP_ERR_ARGUMENT; SHOP_ERR_FOREIGN; SHOP_ERR_TOKEN_INVALID,
 *   SHOP_ERR_TOKEN_EXPIRED, SHOP_ERR_TOKEN_REVOKED; SHOP_ERR_NOT_FOUND no such
 *   order of this user; or as any call that reads (-5xx, -6xx)
 * @since 0.1.0
 */
SHOP_API int32_t shop_order_get(shop_t *shop, const shop_token_t *token, const char *number,
                                shop_order_t **out, shop_error_t *err);

/**
 * Lists the orders of this user, newest first.
 *
 * @param before_id 0 for the first page, else the id of the last order seen
 * @param limit     1 to 1,000; a page with fewer orders is the last
 * @param out       receives the page; freed by `shop_order_page_free`
 * @return SHOP_OK; SHOP_ERR_ARGUMENT; SHOP_ERR_FOREIGN; SHOP_ERR_TOKEN_INVALID,
 *   SHOP_ERR_TOKEN_EXPIRED, SHOP_ERR_TOKEN_REVOKED; or as any call that reads
 * @since 0.1.0
 */
SHOP_API int32_t shop_order_list(shop_t *shop, const shop_token_t *token, int64_t before_id,
                                 int32_t limit, shop_order_page_t **out, shop_error_t *err);

/* ---- the merchant's side ------------------------------------------------- */

/** Finds any order by its number. @return SHOP_OK; SHOP_ERR_ARGUMENT;
    SHOP_ERR_NOT_FOUND; or as any call that reads @since 0.1.0 */
SHOP_API int32_t shop_order_find_by_number(shop_t *shop, const char *number, shop_order_t **out,
                                           shop_error_t *err);

/** Finds the order that the gateway knows under a reference of its own.
    @return as `shop_order_find_by_number` @since 0.1.0 */
SHOP_API int32_t shop_order_find_by_gateway_reference(shop_t *shop, const char *reference,
                                                      shop_order_t **out, shop_error_t *err);

/** Lists all orders of a status, newest first; paging as `shop_order_list`.
    @param status one of enum shop_order_status; 0: all
    @return SHOP_OK; SHOP_ERR_ARGUMENT; or as any call that reads @since 0.1.0 */
SHOP_API int32_t shop_order_list_by_status(shop_t *shop, int32_t status, int64_t before_id,
                                           int32_t limit, shop_order_page_t **out,
                                           shop_error_t *err);

/** Lists the orders whose payment a person must look at (see
    `shop_order_needs_attention`), newest first; paging as `shop_order_list`.
    @return SHOP_OK; SHOP_ERR_ARGUMENT; or as any call that reads @since 0.1.0 */
SHOP_API int32_t shop_order_list_in_attention(shop_t *shop, int64_t before_id, int32_t limit,
                                              shop_order_page_t **out, shop_error_t *err);

/** Lists the orders that were made with an address (as it was then, compared
    as in user.h), newest first; paging as `shop_order_list`. An unknown
    address gives an empty page. @return SHOP_OK; SHOP_ERR_ARGUMENT; or as any
    call that reads @since 0.1.0 */
SHOP_API int32_t shop_order_list_by_email(shop_t *shop, const char *email, int64_t before_id,
                                          int32_t limit, shop_order_page_t **out,
                                          shop_error_t *err);

/** Keeps a short text and the host's own id with an order; as
    `shop_user_set_metadata`. @since 0.1.0 */
SHOP_API int32_t shop_order_set_metadata(shop_t *shop, const char *number, const char *note,
                                         const char *external_id, const shop_options_t *options,
                                         shop_error_t *err);

/* ---- getters: 0 or "" for NULL; strings are borrowed ---------------------- */

/** The id, below 2^53, for paging; people see the number. @since 0.1.0 */
SHOP_API int64_t shop_order_id(const shop_order_t *order);
/** The order number: 12 characters that cannot be guessed from another's.
    @since 0.1.0 */
SHOP_API const char *shop_order_number(const shop_order_t *order);
/** @since 0.1.0 */
SHOP_API int64_t shop_order_user_id(const shop_order_t *order);
/** The cart that was bought. @since 0.1.0 */
SHOP_API int64_t shop_order_cart_id(const shop_order_t *order);
/** One of enum shop_order_status. @since 0.1.0 */
SHOP_API int32_t shop_order_status(const shop_order_t *order);
/** One of enum shop_payment_status. @since 0.1.0 */
SHOP_API int32_t shop_order_payment_status(const shop_order_t *order);
/** True where a person must look: what became of the payment, or of an
    operation, is unknown, or one of the getters below says why. @since 0.1.0 */
SHOP_API bool shop_order_needs_attention(const shop_order_t *order);
/** The gateway moved another amount or currency than it was asked to.
    @since 0.1.0 */
SHOP_API bool shop_order_has_mismatch(const shop_order_t *order);
/** Money was taken or set aside after the order had failed. @since 0.1.0 */
SHOP_API bool shop_order_has_late_money(const shop_order_t *order);
/** The gateway has said things that cannot both be. @since 0.1.0 */
SHOP_API bool shop_order_has_contradiction(const shop_order_t *order);
/** The address the confirmation goes to. @since 0.1.0 */
SHOP_API const char *shop_order_email(const shop_order_t *order);
/** The language of its mails: the user's when it was made. Borrowed; "": the
    shop's. @since 0.1.0 */
SHOP_API const char *shop_order_language(const shop_order_t *order);
/** @since 0.1.0 */
SHOP_API const char *shop_order_shipping_address(const shop_order_t *order);
/** @since 0.1.0 */
SHOP_API const char *shop_order_billing_address(const shop_order_t *order);
/** The code of ISO 4217. @since 0.1.0 */
SHOP_API const char *shop_order_currency(const shop_order_t *order);
/** Lines and adjustments together. @since 0.1.0 */
SHOP_API int64_t shop_order_total_minor(const shop_order_t *order);
/** What the gateway has taken, in the currency it took it in.
    @since 0.1.0 */
SHOP_API int64_t shop_order_captured_minor(const shop_order_t *order);
/** What the gateway has given back. @since 0.1.0 */
SHOP_API int64_t shop_order_refunded_minor(const shop_order_t *order);
/** What the shopper's side needs for the next step of the payment, while that
    is awaited; else "". @since 0.1.0 */
SHOP_API const char *shop_order_client_data(const shop_order_t *order);
/** The code of ISO 4217 of what was taken; "" while nothing was.
    @since 0.1.0 */
SHOP_API const char *shop_order_captured_currency(const shop_order_t *order);
/** The gateway's own id; "" while there is none. @since 0.1.0 */
SHOP_API const char *shop_order_gateway_reference(const shop_order_t *order);
/** When it was made, in ms since 1970. @since 0.1.0 */
SHOP_API int64_t shop_order_created_at_ms(const shop_order_t *order);
/** When it was placed, in ms since 1970; 0 while it was not. @since 0.1.0 */
SHOP_API int64_t shop_order_placed_at_ms(const shop_order_t *order);
/** The merchant's text. @since 0.1.0 */
SHOP_API const char *shop_order_note(const shop_order_t *order);
/** The host's own id. @since 0.1.0 */
SHOP_API const char *shop_order_external_id(const shop_order_t *order);

/** How many lines; the getters give 0 or "" for an index outside.
    @since 0.1.0 */
SHOP_API int32_t shop_order_line_count(const shop_order_t *order);
/** @since 0.1.0 */
SHOP_API const char *shop_order_line_sku(const shop_order_t *order, int32_t line);
/** The name at the purchase. @since 0.1.0 */
SHOP_API const char *shop_order_line_name(const shop_order_t *order, int32_t line);
/** @since 0.1.0 */
SHOP_API int64_t shop_order_line_quantity(const shop_order_t *order, int32_t line);
/** The price of one piece at the purchase. @since 0.1.0 */
SHOP_API int64_t shop_order_line_unit_price_minor(const shop_order_t *order, int32_t line);
/** @since 0.1.0 */
SHOP_API int64_t shop_order_line_total_minor(const shop_order_t *order, int32_t line);

/** How many adjustments. @since 0.1.0 */
SHOP_API int32_t shop_order_adjustment_count(const shop_order_t *order);
/** One of enum shop_adjustment_kind. @since 0.1.0 */
SHOP_API int32_t shop_order_adjustment_kind(const shop_order_t *order, int32_t index);
/** @since 0.1.0 */
SHOP_API const char *shop_order_adjustment_label(const shop_order_t *order, int32_t index);
/** @since 0.1.0 */
SHOP_API int64_t shop_order_adjustment_amount_minor(const shop_order_t *order, int32_t index);

/** How many operations the gateway was asked for, oldest first. Of an order
    that `shop_purchase_begin` gave, the first one is the charge that the host
    has to carry out. @since 0.1.0 */
SHOP_API int32_t shop_order_operation_count(const shop_order_t *order);
/** One of enum shop_operation_kind (gateway.h). @since 0.1.0 */
SHOP_API int32_t shop_order_operation_kind(const shop_order_t *order, int32_t index);
/** One of enum shop_operation_state. @since 0.1.0 */
SHOP_API int32_t shop_order_operation_state(const shop_order_t *order, int32_t index);
/** The gateway's idempotency key. @since 0.1.0 */
SHOP_API const char *shop_order_operation_key(const shop_order_t *order, int32_t index);
/** How to pay, as `shop_purchase_request_set_method` was given. @since 0.1.0 */
SHOP_API const char *shop_order_operation_method(const shop_order_t *order, int32_t index);
/** @since 0.1.0 */
SHOP_API int64_t shop_order_operation_amount_minor(const shop_order_t *order, int32_t index);
/** The code of ISO 4217. @since 0.1.0 */
SHOP_API const char *shop_order_operation_currency(const shop_order_t *order, int32_t index);
/** The gateway's own id of it; "" while there is none. @since 0.1.0 */
SHOP_API const char *shop_order_operation_reference(const shop_order_t *order, int32_t index);

/** How many entries the history has, oldest first. @since 0.1.0 */
SHOP_API int32_t shop_order_event_count(const shop_order_t *order);
/** What happened: "order.created", "order.placed", "order.failed",
    "order.cancelled", "payment.<status>" when the payment moves to it (captured,
    authorized, declined, pending, action_required, unknown, voided),
    "payment.unanswered", "payment.mismatch", "payment.late",
    "payment.contradiction", "payment.refunded", "payment.resolved",
    "payment.acknowledged",
    "capture.refused", "void.refused", "refund.refused", "operation.unknown",
    "mail.sent", "mail.dead", "mail.requeued" (outbox.h). New names may come. @since 0.1.0 */
SHOP_API const char *shop_order_event_name(const shop_order_t *order, int32_t index);
/** One of enum shop_actor (event.h). @since 0.1.0 */
SHOP_API int32_t shop_order_event_actor(const shop_order_t *order, int32_t index);
/** The state before it, where it changed one; else "". @since 0.1.0 */
SHOP_API const char *shop_order_event_before(const shop_order_t *order, int32_t index);
/** The state after it; of a mail its kind, such as "confirmation"; else "".
    @since 0.1.0 */
SHOP_API const char *shop_order_event_after(const shop_order_t *order, int32_t index);
/** When, in ms since 1970. @since 0.1.0 */
SHOP_API int64_t shop_order_event_at_ms(const shop_order_t *order, int32_t index);
/** The reason or reference that came with it, or "". @since 0.1.0 */
SHOP_API const char *shop_order_event_detail(const shop_order_t *order, int32_t index);

/** Frees an order snapshot, not the order. NULL is harmless. @since 0.1.0 */
SHOP_API void shop_order_free(shop_order_t *order);

/** How many orders the page holds; 0 for NULL. @since 0.1.0 */
SHOP_API int32_t shop_order_page_count(const shop_order_page_t *page);
/** The order at an index from 0. Borrowed from the page, not to be freed; NULL
    outside. @since 0.1.0 */
SHOP_API const shop_order_t *shop_order_page_at(const shop_order_page_t *page, int32_t index);
/** Frees a page and its orders. NULL is harmless. @since 0.1.0 */
SHOP_API void shop_order_page_free(shop_order_page_t *page);

#ifdef __cplusplus
}
#endif
#endif
