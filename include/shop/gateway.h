/*
 * The payment gateway: how a purchase reaches the host's own way of taking
 * money. libshop does no I/O for it; it calls the host back, on the thread
 * that made the call, with no lock and no transaction held. A callback may
 * take its time and may call the library (not `shop_close`).
 *
 * A callback answers by one of the `shop_gateway_call_set_...` functions. A
 * callback that gives no answer, or two that differ, or a value that is not
 * valid, is taken for "unknown": never for paid and never for declined. So a
 * callback in another language that throws does no harm.
 *
 * What an answer must mean:
 *   captured  the money of this key was taken, once, and stays taken
 *   declined  final: no money of this key was taken nor ever will be
 *   pending   accepted, to be decided later: `shop_recover` will ask
 *   unknown   anything else: a timeout, a lost connection, an answer that
 *             makes no sense, "this key is in use"
 *
 * Exactly one charge is a promise of both: libshop gives every charge a key of
 * its own and repeats it only under that key; the gateway must honour keys, or
 * answer a query. With a gateway that can do neither, a purchase that was cut
 * off stays unknown until a person looks, and is never guessed.
 */
#ifndef SHOP_GATEWAY_H
#define SHOP_GATEWAY_H

#include "shop/common.h"

#ifdef __cplusplus
extern "C" {
#endif

/** A payment callback. `call` dies when it returns. */
typedef void (*shop_gateway_fn)(shop_gateway_call_t *call, void *user);

/**
 * Takes the money: charge `shop_gateway_call_amount_minor` to
 * `shop_gateway_call_method` under `shop_gateway_call_key`. It may be called
 * again with the same key, by `shop_recover`, where no query is set.
 *
 * @param charge NULL: purchases that cost something are refused with
 *               SHOP_ERR_NO_GATEWAY, the default
 * @return SHOP_OK; SHOP_ERR_ARGUMENT when config is NULL
 * @since 0.1.0
 */
SHOP_API int32_t shop_config_set_gateway_charge(shop_config_t *config, shop_gateway_fn charge,
                                                void *user);

/**
 * Asks what became of the charge with `shop_gateway_call_key`; takes nothing.
 * A gateway that does not know the key answers
 * `shop_gateway_call_set_not_found`, which is never taken for a decline: the
 * charge may still be on its way.
 *
 * @param query NULL: there is no such call; the charge is repeated instead
 * @return SHOP_OK; SHOP_ERR_ARGUMENT when config is NULL
 * @since 0.1.0
 */
SHOP_API int32_t shop_config_set_gateway_query(shop_config_t *config, shop_gateway_fn query,
                                               void *user);

/** How long the gateway honours a key, counted from the purchase: 1,000 ms to
    10 years. A charge is repeated only within it. Default 20 hours.
    @since 0.1.0 */
SHOP_API int32_t shop_config_set_gateway_key_life_ms(shop_config_t *config, int64_t life_ms);

/** How long one call of a callback has a payment to itself, before
    `shop_recover`, in this or another process, may ask the gateway as well:
    1,000 ms to 1 day. Default 120,000. A later answer still counts.
    @since 0.1.0 */
SHOP_API int32_t shop_config_set_gateway_lease_ms(shop_config_t *config, int64_t lease_ms);

/** The key of this charge: the same at every repetition, of this charge alone,
    up to 64 characters A-Z a-z 0-9 _. Give it to the gateway as its
    idempotency key. Borrowed. @since 0.1.0 */
SHOP_API const char *shop_gateway_call_key(const shop_gateway_call_t *call);
/** What to charge, in the minor unit. More than 0. @since 0.1.0 */
SHOP_API int64_t shop_gateway_call_amount_minor(const shop_gateway_call_t *call);
/** The code of ISO 4217. Borrowed. @since 0.1.0 */
SHOP_API const char *shop_gateway_call_currency(const shop_gateway_call_t *call);
/** What `shop_purchase_request_set_method` was given. Borrowed. @since 0.1.0 */
SHOP_API const char *shop_gateway_call_method(const shop_gateway_call_t *call);
/** The order's number, for the statement of account. Borrowed. @since 0.1.0 */
SHOP_API const char *shop_gateway_call_order_number(const shop_gateway_call_t *call);
/** The shopper's address as it was at the purchase. Borrowed. @since 0.1.0 */
SHOP_API const char *shop_gateway_call_email(const shop_gateway_call_t *call);
/** The gateway's own reference, where an earlier answer gave one; else "".
    Borrowed. @since 0.1.0 */
SHOP_API const char *shop_gateway_call_reference(const shop_gateway_call_t *call);

/**
 * Answer: the money was taken.
 *
 * @param reference    the gateway's own id of it, 1 to 255 bytes, one line
 * @param amount_minor what was taken. Another amount than asked for is
 *                     recorded, and the purchase is a SHOP_MISMATCH
 * @param currency     what it was taken in
 * @return SHOP_OK; SHOP_ERR_ARGUMENT, SHOP_ERR_TEXT, SHOP_ERR_TOO_LONG,
 *   SHOP_ERR_CURRENCY: the answer then counts as unknown
 * @since 0.1.0
 */
SHOP_API int32_t shop_gateway_call_set_captured(shop_gateway_call_t *call, const char *reference,
                                                int64_t amount_minor, const char *currency);

/**
 * Answer: refused, for good.
 *
 * @param reason for people, up to 255 bytes, one line, shown in the error and
 *               the order's history; NULL: none
 * @return SHOP_OK; SHOP_ERR_ARGUMENT, SHOP_ERR_TEXT, SHOP_ERR_TOO_LONG: the
 *   answer then counts as unknown
 * @since 0.1.0
 */
SHOP_API int32_t shop_gateway_call_set_declined(shop_gateway_call_t *call, const char *reason);

/** Answer: accepted, to be decided later. @param reference as for captured;
    NULL: none @return as `shop_gateway_call_set_captured` @since 0.1.0 */
SHOP_API int32_t shop_gateway_call_set_pending(shop_gateway_call_t *call, const char *reference);

/** Answer: not known. @param reason up to 255 bytes, one line; NULL: none
    @return as `shop_gateway_call_set_declined` @since 0.1.0 */
SHOP_API int32_t shop_gateway_call_set_unknown(shop_gateway_call_t *call, const char *reason);

/** Answer of a query: the gateway has nothing under this key. From a charge it
    counts as unknown. @return SHOP_OK; SHOP_ERR_ARGUMENT @since 0.1.0 */
SHOP_API int32_t shop_gateway_call_set_not_found(shop_gateway_call_t *call);

#ifdef __cplusplus
}
#endif
#endif
