/*
 * What follows a placed order (merchant's calls): capturing what was
 * authorized, refunding, cancelling. Each is written as an operation before
 * the gateway is asked, so one that is cut off is finished by `shop_recover`.
 *
 * What the calls below have in common:
 *   number   the order's number
 *   options  take the idempotency key and the deadline
 *   out      receives the order whenever one is there, also with the statuses
 *            of the outcome family; freed by `shop_order_free`
 *   status   SHOP_OK done; SHOP_ERR_ARGUMENT; SHOP_ERR_NOT_FOUND no such
 *            order; SHOP_ERR_STATE the payment does not allow it, or another
 *            operation of it is not finished; SHOP_ERR_NO_GATEWAY the callback
 *            is not set; SHOP_ERR_KEY_REUSED; SHOP_ERR_DEADLINE;
 *            SHOP_DECLINED the gateway refused, nothing has changed;
 *            SHOP_PENDING, SHOP_UNKNOWN `shop_recover` asks again;
 *            SHOP_IN_PROGRESS another call has it in hand;
 *            SHOP_MISMATCH another amount was moved, and recorded;
 *            or as any call that writes (-5xx, -6xx)
 */
#ifndef SHOP_REFUND_H
#define SHOP_REFUND_H

#include "shop/common.h"

#ifdef __cplusplus
extern "C" {
#endif

/**
 * Takes what was authorized. What is not captured is freed by the gateway;
 * there is one capture of a payment.
 *
 * @param amount_minor 1 to the authorized amount; 0: all of it
 * @return also SHOP_ERR_AMOUNT more than was authorized
 * @since 0.1.0
 */
SHOP_API int32_t shop_order_capture(shop_t *shop, const char *number, int64_t amount_minor,
                                    const shop_options_t *options, shop_order_t **out,
                                    shop_error_t *err);

/**
 * Makes a refund request with nothing set: all that is left, nothing returned
 * to stock.
 *
 * @param out receives it; freed by `shop_refund_request_free`
 * @return SHOP_OK; SHOP_ERR_ARGUMENT when out is NULL; SHOP_ERR_NO_MEMORY
 * @since 0.1.0
 */
SHOP_API int32_t shop_refund_request_new(shop_refund_request_t **out);
/** Frees a request. NULL is harmless. @since 0.1.0 */
SHOP_API void shop_refund_request_free(shop_refund_request_t *request);
/** How much to give back, in the currency that was captured. @return SHOP_OK;
    SHOP_ERR_ARGUMENT 0 or less; SHOP_ERR_CURRENCY @since 0.1.0 */
SHOP_API int32_t shop_refund_request_set_amount(shop_refund_request_t *request,
                                                int64_t amount_minor, const char *currency);
/** Pieces of one SKU that come back into stock once the refund is done; each
    SKU once, up to 100. @return SHOP_OK; SHOP_ERR_ARGUMENT, SHOP_ERR_TEXT,
    SHOP_ERR_TOO_LONG, SHOP_ERR_QUANTITY @since 0.1.0 */
SHOP_API int32_t shop_refund_request_add_return(shop_refund_request_t *request, const char *sku,
                                                int64_t quantity);

/**
 * Gives money back. Several partial refunds are possible; those not finished
 * count against what is left.
 *
 * @param request NULL: all that is left
 * @return also SHOP_ERR_AMOUNT more than is left, or more pieces than were
 *   bought; SHOP_ERR_CURRENCY not the captured currency; SHOP_ERR_STATE nothing
 *   is captured
 * @since 0.1.0
 */
SHOP_API int32_t shop_order_refund(shop_t *shop, const char *number,
                                   const shop_refund_request_t *request,
                                   const shop_options_t *options, shop_order_t **out,
                                   shop_error_t *err);

/**
 * Cancels an order: frees what is authorized, or refunds all that is left; then
 * the order is cancelled and all its pieces are back in stock. An order that
 * cost nothing is cancelled at once. Also the way out of a mismatch and of
 * money that came late: what was taken is given back.
 *
 * @return also SHOP_ERR_STATE the order is cancelled already, or its payment is
 *   not final
 * @since 0.1.0
 */
SHOP_API int32_t shop_order_cancel(shop_t *shop, const char *number,
                                   const shop_options_t *options, shop_order_t **out,
                                   shop_error_t *err);

#ifdef __cplusplus
}
#endif
#endif
