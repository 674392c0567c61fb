/*
 * The purchase, step 5 of the timeline: cart checked, stock reserved, payment
 * taken, order placed, confirmation mail written; one thing, also when the
 * process is killed in the middle. `shop_recover` finishes what was cut off.
 */
#ifndef SHOP_PURCHASE_H
#define SHOP_PURCHASE_H

#include "shop/common.h"

#ifdef __cplusplus
extern "C" {
#endif

/**
 * Makes a request with nothing set.
 *
 * @param out receives it; freed by `shop_purchase_request_free`
 * @return SHOP_OK; SHOP_ERR_ARGUMENT when out is NULL; SHOP_ERR_NO_MEMORY
 * @since 0.1.0
 */
SHOP_API int32_t shop_purchase_request_new(shop_purchase_request_t **out);
/** Frees a request. NULL is harmless. @since 0.1.0 */
SHOP_API void shop_purchase_request_free(shop_purchase_request_t *request);

/** How to pay, in the gateway's words: a token of a card such as
    "pm_card_visa", never a card number. 1 to 255 bytes, one line; NULL unsets
    it. It is stored with the order.
    @return SHOP_OK; SHOP_ERR_ARGUMENT, SHOP_ERR_TEXT, SHOP_ERR_TOO_LONG,
    SHOP_ERR_NO_MEMORY @since 0.1.0 */
SHOP_API int32_t shop_purchase_request_set_method(shop_purchase_request_t *request,
                                                  const char *method);

/** The total that the shopper has seen and agreed to, adjustments included.
    Another total at the moment of purchase gives SHOP_ERR_TOTAL_CHANGED. It
    also accepts lines whose price has changed since they were added.
    @return SHOP_OK; SHOP_ERR_ARGUMENT a negative amount; SHOP_ERR_CURRENCY
    @since 0.1.0 */
SHOP_API int32_t shop_purchase_request_set_expected_total(shop_purchase_request_t *request,
                                                          int64_t total_minor,
                                                          const char *currency);

/** What an adjustment is. */
enum shop_adjustment_kind {
  SHOP_ADJUSTMENT_DISCOUNT = 1, /* 0 or less */
  SHOP_ADJUSTMENT_SHIPPING = 2, /* 0 or more */
  SHOP_ADJUSTMENT_TAX = 3,      /* 0 or more, added to the total */
  SHOP_ADJUSTMENT_TAX_INCLUDED = 4 /* 0 or more, already in the prices: shown, not added */
};

/**
 * Adds something to the total beside the lines, as the host has computed and
 * rounded it, in the cart's currency. At most 20.
 *
 * @param kind  one of enum shop_adjustment_kind, which bounds the sign
 * @param label 1 to 100 bytes, one line, shown on the order and in the mail
 * @return SHOP_OK; SHOP_ERR_ARGUMENT, also for the 21st; SHOP_ERR_TEXT;
 *   SHOP_ERR_TOO_LONG; SHOP_ERR_NO_MEMORY
 * @since 0.1.0
 */
SHOP_API int32_t shop_purchase_request_add_adjustment(shop_purchase_request_t *request,
                                                      int32_t kind, const char *label,
                                                      int64_t amount_minor);

/** Where the goods go: up to 1,000 bytes, several lines, copied into the order
    and the mail; NULL: none. @return as `shop_purchase_request_set_method`
    @since 0.1.0 */
SHOP_API int32_t shop_purchase_request_set_shipping_address(shop_purchase_request_t *request,
                                                            const char *address);
/** Who is billed: up to 1,000 bytes, several lines, copied into the order;
    NULL: none. @return as `shop_purchase_request_set_method` @since 0.1.0 */
SHOP_API int32_t shop_purchase_request_set_billing_address(shop_purchase_request_t *request,
                                                           const char *address);

/**
 * Buys a cart. Everything is checked for the last time in the transaction that
 * reserves the stock and stores the order; then the gateway is called, once;
 * its answer places the order, or frees the stock and opens the cart again.
 * The confirmation mail is written in the transaction that places the order
 * and handed to the transport after it (mail.h).
 *
 * Without an idempotency key a second call for the same cart while the first
 * runs gives SHOP_IN_PROGRESS. With one, any later call with the same key and
 * request gives the first one's result and never charges again.
 *
 * A cart that costs nothing needs no gateway and no method. Its mail is composed
 * before the transaction that places it; should its products change meanwhile
 * sixteen times in a row, the call gives up with SHOP_ERR_BUSY and has done nothing.
 *
 * @param request NULL: nothing set
 * @param options take the idempotency key, the expected cart version and the
 *                deadline
 * @param out     receives the order whenever one exists, also with the
 *                statuses of the outcome family; freed by `shop_order_free`
 * @return SHOP_OK placed and paid;
 *   outcome family, with the order:
 *   SHOP_DECLINED     refused; the cart is open again. A new try needs a new
 *                     idempotency key;
 *   SHOP_ACTION_REQUIRED the shopper must do something: `shop_order_client_data`;
 *   SHOP_PENDING      the gateway decides later;
 *   SHOP_UNKNOWN      the callback gave no clear answer;
 *   SHOP_IN_PROGRESS  another call has it in hand, or was cut off;
 *   SHOP_MISMATCH     another amount was taken: kept for a person;
 *   without one:
 *   SHOP_ERR_ARGUMENT, also for a missing method where something is to be
 *   paid, or adjustments that make the total negative;
 *   SHOP_ERR_FOREIGN, SHOP_ERR_TOKEN_INVALID, SHOP_ERR_TOKEN_EXPIRED,
 *   SHOP_ERR_TOKEN_REVOKED;
 *   SHOP_ERR_GUEST           a guest's token: register or log in first
 *                            (guest.h). Nothing was looked at, and the
 *                            idempotency key is not used up;
 *   SHOP_ERR_NOT_FOUND       no such cart of this user;
 *   SHOP_ERR_CART_COMPLETED, SHOP_ERR_CART_EXPIRED, SHOP_ERR_CART_EMPTY,
 *   SHOP_ERR_VERSION;
 *   SHOP_ERR_PRODUCT_RETIRED, SHOP_ERR_OUT_OF_STOCK: the message names the SKU;
 *   SHOP_ERR_CURRENCY_MIXED  a product's currency has changed;
 *   SHOP_ERR_PRICE_CHANGED   a price has changed, and no expected total
 *                            accepts it;
 *   SHOP_ERR_TOTAL_CHANGED, SHOP_ERR_OVERFLOW, SHOP_ERR_KEY_REUSED,
 *   SHOP_ERR_DEADLINE, SHOP_ERR_NO_GATEWAY;
 *   SHOP_ERR_COMMIT_UNKNOWN  repeat with the same idempotency key;
 *   or as any call that writes (-5xx, -6xx). After such a failure of the store
 *   the charge may have been made: repeat with the same key, or `shop_recover`
 * @since 0.1.0
 */
SHOP_API int32_t shop_purchase(shop_t *shop, const shop_token_t *token, int64_t cart_id,
                               const shop_purchase_request_t *request,
                               const shop_options_t *options, shop_order_t **out,
                               shop_error_t *err);

/**
 * As `shop_purchase`, for hosts that must not block: does everything but ask
 * the gateway. The order that it gives is pending, and its first operation
 * (`shop_order_operation_key`, `_method`, `_amount_minor`, `_currency`) is what
 * the host has to ask of its gateway in its own way; the answer comes back by
 * `shop_payment_report`, or by `shop_purchase_resume`.
 *
 * @return as `shop_purchase`, where SHOP_OK also stands for a new pending order
 *   (see `shop_order_status`); never SHOP_ERR_NO_GATEWAY, SHOP_DECLINED only
 *   for a key used before
 * @since 0.1.0
 */
SHOP_API int32_t shop_purchase_begin(shop_t *shop, const shop_token_t *token, int64_t cart_id,
                                     const shop_purchase_request_t *request,
                                     const shop_options_t *options, shop_order_t **out,
                                     shop_error_t *err);

/**
 * Asks the gateway how a purchase stands that is not final: after the shopper
 * has done what was required, or when a call was cut off. It uses the query
 * callback; without one the charge is repeated under its key.
 *
 * @param number  the order's number
 * @param options take the deadline
 * @return as `shop_purchase`; SHOP_ERR_NOT_FOUND no such order of this user;
 *   SHOP_IN_PROGRESS another call is asking at this moment
 * @since 0.1.0
 */
SHOP_API int32_t shop_purchase_resume(shop_t *shop, const shop_token_t *token, const char *number,
                                      const shop_options_t *options, shop_order_t **out,
                                      shop_error_t *err);

/**
 * Gives a purchase up that is pending or waits for the shopper: the gateway is
 * asked to void it, and only when it has confirmed that, the order fails and
 * the cart is open again.
 *
 * @param number  the order's number
 * @param options take the deadline
 * @param out     receives the order; freed by `shop_order_free`
 * @return SHOP_OK given up, the cart is open; SHOP_ERR_NOT_FOUND no such order
 *   of this user; SHOP_ERR_STATE the payment is final or is being asked for;
 *   SHOP_ERR_NO_GATEWAY no void callback is set; SHOP_DECLINED it cannot be
 *   voided: resume it; SHOP_PENDING, SHOP_UNKNOWN the gateway gave no clear
 *   answer, `shop_recover` asks again; SHOP_CONTRADICTION the gateway says it
 *   was taken: see the order; or as `shop_order_get`, and any call that writes
 * @since 0.1.0
 */
SHOP_API int32_t shop_purchase_abandon(shop_t *shop, const shop_token_t *token,
                                       const char *number, const shop_options_t *options,
                                       shop_order_t **out, shop_error_t *err);

/**
 * Finishes what was cut off or has no final answer, and whose call has had its
 * time (`shop_config_set_gateway_lease_ms`): charges, captures, voids, refunds.
 * It asks the gateway by the query callback, or, without one, repeats the
 * operation under its key while the gateway honours it. A charge that the
 * gateway does not know, and one that was held for too long
 * (`shop_config_set_payment_hold_ms`), is voided where a void callback is set.
 * What nobody can know becomes unknown and stays for a person. Holds of carts
 * (`shop_cart_hold`) whose time is over are ended as well. Call it after
 * `shop_open`, and on a timer; safe from several processes at once.
 *
 * @param limit at most this many operations, 1 to 10,000
 * @param out   receives what was done; freed by `shop_recovery_free`; NULL when
 *              not wanted
 * @return SHOP_OK, also when there was nothing to do; SHOP_ERR_ARGUMENT;
 *   SHOP_ERR_NO_GATEWAY there was something to ask and no callback for it (the
 *   rest was done);
 *   or as any call that writes
 * @since 0.1.0
 */
SHOP_API int32_t shop_recover(shop_t *shop, int32_t limit, shop_recovery_t **out,
                              shop_error_t *err);

/** Operations looked at. @since 0.1.0 */
SHOP_API int32_t shop_recovery_examined(const shop_recovery_t *recovery);
/** Orders that this call has placed. One that another call placed, or failed, while
    this one asked about it is counted by neither function here. @since 0.1.0 */
SHOP_API int32_t shop_recovery_placed(const shop_recovery_t *recovery);
/** Orders that this call has failed: the payment was declined or voided.
    @since 0.1.0 */
SHOP_API int32_t shop_recovery_failed(const shop_recovery_t *recovery);
/** Captures, voids and refunds that this call has brought to an end, done or
    refused. @since 0.1.0 */
SHOP_API int32_t shop_recovery_finished(const shop_recovery_t *recovery);
/** Still open; a later call will ask again. @since 0.1.0 */
SHOP_API int32_t shop_recovery_waiting(const shop_recovery_t *recovery);
/** Unknown or mismatched: a person must look. @since 0.1.0 */
SHOP_API int32_t shop_recovery_unknown(const shop_recovery_t *recovery);
/** The report as one line of English, for a log. Borrowed; "" for NULL.
    @since 0.1.0 */
SHOP_API const char *shop_recovery_text(const shop_recovery_t *recovery);
/** Frees a report. NULL is harmless. @since 0.1.0 */
SHOP_API void shop_recovery_free(shop_recovery_t *recovery);

#ifdef __cplusplus
}
#endif
#endif
