/*
 * The payment gateway: how a purchase reaches the host's own way of taking
 * money. libshop does no I/O for it; it calls the host back, on the thread
 * that made the call, with no lock and no transaction held. A callback may
 * take its time and may call the library (not `shop_close`).
 *
 * A callback answers by one of the `shop_gateway_call_set_...` functions. A
 * callback that gives no answer, or two that differ, or a value that is not
 * valid, or one that does not belong to what it was asked, is taken for
 * "unknown": never for paid and never for declined. So a callback in another
 * language that throws does no harm, where that language ends it at the border
 * to C and returns (ctypes, for one, does). A C++ exception, a longjmp or a
 * thread's end must not leave a callback, here or elsewhere: a release of
 * libshop has no tables to unwind by, and the process ends.
 *
 * What an answer must mean:
 *   captured    the money of this key was taken, once, and stays taken
 *   authorized  it is set aside for this key; a capture takes it, a void frees it
 *   declined    final: what was asked under this key did not and never will
 *               happen (of a void: it cannot be voided; of a refund: refused)
 *   action      the shopper must do something first (3-D Secure, a redirect)
 *   pending     accepted, to be decided later: `shop_recover` will ask
 *   voided      final: nothing is and nothing will be taken for this payment
 *   refunded    the money was given back
 *   unknown     anything else: a timeout, a lost connection, an answer that
 *               makes no sense, "this key is in use"
 *
 * Exactly one charge is a promise of both: libshop gives every operation a key
 * of its own and repeats it only under that key; the gateway must honour keys,
 * or answer a query. With a gateway that can do neither, an operation that was
 * cut off stays unknown until a person looks, and is never guessed.
 */
#ifndef SHOP_GATEWAY_H
#define SHOP_GATEWAY_H

#include "shop/common.h"

#ifdef __cplusplus
extern "C" {
#endif

/** What the gateway is asked to do. */
enum shop_operation_kind {
  /** Take the money, or set it aside (authorize): the gateway's choice. */
  SHOP_OPERATION_CHARGE = 1,
  /** Take what was set aside, all or part of it. */
  SHOP_OPERATION_CAPTURE = 2,
  /** Free what was set aside, or make sure that nothing is taken. */
  SHOP_OPERATION_VOID = 3,
  /** Give back what was taken, all or part of it. */
  SHOP_OPERATION_REFUND = 4
};

/** A payment callback. `call` dies when it returns. */
typedef void (*shop_gateway_fn)(shop_gateway_call_t *call, void *user);

/**
 * Takes the money: charge `shop_gateway_call_amount_minor` to
 * `shop_gateway_call_method` under `shop_gateway_call_key`. It may be called
 * again with the same key, by `shop_recover`, where no query is set.
 * Answers: captured, authorized, declined, action required, pending, unknown.
 *
 * @param charge NULL: `shop_purchase` of what costs something is refused with
 *               SHOP_ERR_NO_GATEWAY, the default
 * @return SHOP_OK; SHOP_ERR_ARGUMENT when config is NULL
 * @since 0.1.0
 */
SHOP_API int32_t shop_config_set_gateway_charge(shop_config_t *config, shop_gateway_fn charge,
                                                void *user);

/**
 * Takes what was authorized: `shop_gateway_call_amount_minor` of the payment
 * with `shop_gateway_call_payment_reference`. Answers: captured, declined,
 * pending, unknown.
 *
 * @param capture NULL: `shop_order_capture` gives SHOP_ERR_NO_GATEWAY
 * @return SHOP_OK; SHOP_ERR_ARGUMENT when config is NULL
 * @since 0.1.0
 */
SHOP_API int32_t shop_config_set_gateway_capture(shop_config_t *config, shop_gateway_fn capture,
                                                 void *user);

/**
 * Frees an authorization, or ends a charge whose outcome is not known (by
 * `shop_gateway_call_payment_key`), so that nothing is taken by it ever.
 * Answers: voided; declined (it cannot be voided); captured (too late, and
 * what was taken); pending, unknown.
 *
 * @param void_fn NULL: nothing can be voided; what waits for a void waits on
 * @return SHOP_OK; SHOP_ERR_ARGUMENT when config is NULL
 * @since 0.1.0
 */
SHOP_API int32_t shop_config_set_gateway_void(shop_config_t *config, shop_gateway_fn void_fn,
                                              void *user);

/**
 * Gives back `shop_gateway_call_amount_minor` of the payment with
 * `shop_gateway_call_payment_reference`. Answers: refunded, declined, pending,
 * unknown.
 *
 * @param refund NULL: `shop_order_refund` gives SHOP_ERR_NO_GATEWAY
 * @return SHOP_OK; SHOP_ERR_ARGUMENT when config is NULL
 * @since 0.1.0
 */
SHOP_API int32_t shop_config_set_gateway_refund(shop_config_t *config, shop_gateway_fn refund,
                                                void *user);

/**
 * Asks what became of the operation with `shop_gateway_call_key` (its kind is
 * `shop_gateway_call_kind`); does nothing itself. A gateway that does not know
 * the key answers `shop_gateway_call_set_not_found`, which is never taken for
 * a decline: the operation may still be on its way.
 *
 * @param query NULL: there is no such call; the operation is repeated instead
 * @return SHOP_OK; SHOP_ERR_ARGUMENT when config is NULL
 * @since 0.1.0
 */
SHOP_API int32_t shop_config_set_gateway_query(shop_config_t *config, shop_gateway_fn query,
                                               void *user);

/** How long the gateway honours a key, counted from its first use: 1,000 ms to
    10 years. An operation is repeated only within it. Default 20 hours. Its age is
    measured by the shop's clock. One that stands before the first use by no more
    than the lease is waited for; by more, and nobody can tell the age: the
    operation is not repeated and becomes a person's. @since 0.1.0 */
SHOP_API int32_t shop_config_set_gateway_key_life_ms(shop_config_t *config, int64_t life_ms);

/**
 * Whether an operation may be repeated under its key when the query callback has
 * answered "not found", within the life of the key: a charge, capture or refund
 * that never reached the gateway then goes through by itself, instead of waiting
 * for a void or a person. A charge is not repeated beside a void of it, nor given
 * up while it is being repeated: `shop_purchase_abandon` gives SHOP_ERR_STATE
 * until that call has had its time (`shop_config_set_gateway_lease_ms`). Without a query callback it has no effect, for there the
 * repetition is what asks; a void is always repeated, since it takes nothing.
 *
 * Set it only for a gateway that answers two requests of one key with one effect,
 * also when the first is still on its way while the second comes, and from all of
 * its machines: "not found" may be said of a request that is about to arrive. Any
 * other gateway then takes the money twice, and nobody at the shop can see it.
 *
 * @param honours default false
 * @return SHOP_OK; SHOP_ERR_ARGUMENT when config is NULL
 * @since 0.1.0
 */
SHOP_API int32_t shop_config_set_gateway_honours_keys(shop_config_t *config, bool honours);

/** How long one call of a callback has an operation to itself, before
    `shop_recover`, in this or another process, may ask the gateway as well:
    1,000 ms to 1 day. Default 120,000. A later answer still counts.
    @since 0.1.0 */
SHOP_API int32_t shop_config_set_gateway_lease_ms(shop_config_t *config, int64_t lease_ms);

/** How long a payment may stay pending or wait for the shopper's action, before
    `shop_recover` voids it: 1,000 ms to 1 year. Default 24 hours.
    @since 0.1.0 */
SHOP_API int32_t shop_config_set_payment_hold_ms(shop_config_t *config, int64_t hold_ms);

/** How long an authorization is good, 1,000 ms to 1 year. Default 7 days. An
    older one that was not captured is a finding of `shop_verify`.
    @since 0.1.0 */
SHOP_API int32_t shop_config_set_authorization_life_ms(shop_config_t *config, int64_t life_ms);

/* ---- what a callback is told: 0 or "" for NULL; strings are borrowed ---------- */

/** One of enum shop_operation_kind. @since 0.1.0 */
SHOP_API int32_t shop_gateway_call_kind(const shop_gateway_call_t *call);
/** The key of this operation: the same at every repetition, of this operation
    alone, up to 64 characters A-Z a-z 0-9 _. Give it to the gateway as its
    idempotency key. @since 0.1.0 */
SHOP_API const char *shop_gateway_call_key(const shop_gateway_call_t *call);
/** The key of the charge that this operation is about; of a charge, its own.
    @since 0.1.0 */
SHOP_API const char *shop_gateway_call_payment_key(const shop_gateway_call_t *call);
/** The gateway's own reference of the charge; "" where no answer gave one.
    @since 0.1.0 */
SHOP_API const char *shop_gateway_call_payment_reference(const shop_gateway_call_t *call);
/** The gateway's own reference of this operation, where an earlier answer gave
    one; else "". @since 0.1.0 */
SHOP_API const char *shop_gateway_call_reference(const shop_gateway_call_t *call);
/** How much, in the minor unit. More than 0. @since 0.1.0 */
SHOP_API int64_t shop_gateway_call_amount_minor(const shop_gateway_call_t *call);
/** The code of ISO 4217. @since 0.1.0 */
SHOP_API const char *shop_gateway_call_currency(const shop_gateway_call_t *call);
/** What `shop_purchase_request_set_method` was given. @since 0.1.0 */
SHOP_API const char *shop_gateway_call_method(const shop_gateway_call_t *call);
/** The order's number, for the statement of account. @since 0.1.0 */
SHOP_API const char *shop_gateway_call_order_number(const shop_gateway_call_t *call);
/** The shopper's address as it was at the purchase. @since 0.1.0 */
SHOP_API const char *shop_gateway_call_email(const shop_gateway_call_t *call);

/* ---- what a callback answers ---------------------------------------------------- */

/**
 * Answer: the money was taken.
 *
 * @param reference    the gateway's own id of it, 1 to 255 bytes, one line
 * @param amount_minor what was taken, more than 0. Another amount than asked
 *                     for is recorded, and the outcome is SHOP_MISMATCH
 * @param currency     what it was taken in
 * @return SHOP_OK; SHOP_ERR_ARGUMENT, SHOP_ERR_TEXT, SHOP_ERR_TOO_LONG,
 *   SHOP_ERR_CURRENCY: the answer then counts as unknown
 * @since 0.1.0
 */
SHOP_API int32_t shop_gateway_call_set_captured(shop_gateway_call_t *call, const char *reference,
                                                int64_t amount_minor, const char *currency);
/** Answer: the money was set aside. As `shop_gateway_call_set_captured`.
    @since 0.1.0 */
SHOP_API int32_t shop_gateway_call_set_authorized(shop_gateway_call_t *call,
                                                  const char *reference, int64_t amount_minor,
                                                  const char *currency);
/** Answer: the money was given back. As `shop_gateway_call_set_captured`.
    @since 0.1.0 */
SHOP_API int32_t shop_gateway_call_set_refunded(shop_gateway_call_t *call, const char *reference,
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

/** Answer: nothing is and nothing will be taken for this payment. @return
    SHOP_OK; SHOP_ERR_ARGUMENT @since 0.1.0 */
SHOP_API int32_t shop_gateway_call_set_voided(shop_gateway_call_t *call);

/**
 * Answer: the shopper must do something first.
 *
 * @param reference   as for captured; NULL: none
 * @param client_data what the shopper's side needs for it (a client secret, a
 *                    URL), 1 to 4,000 bytes; kept with the order until the
 *                    payment is final
 * @return as `shop_gateway_call_set_captured`
 * @since 0.1.0
 */
SHOP_API int32_t shop_gateway_call_set_action_required(shop_gateway_call_t *call,
                                                       const char *reference,
                                                       const char *client_data);

/** Answer: accepted, to be decided later. @param reference as for captured;
    NULL: none @return as `shop_gateway_call_set_captured` @since 0.1.0 */
SHOP_API int32_t shop_gateway_call_set_pending(shop_gateway_call_t *call, const char *reference);

/** Answer: not known. @param reason up to 255 bytes, one line; NULL: none
    @return as `shop_gateway_call_set_declined` @since 0.1.0 */
SHOP_API int32_t shop_gateway_call_set_unknown(shop_gateway_call_t *call, const char *reason);

/** Answer of a query: the gateway has nothing under this key. From anything
    else it counts as unknown. @return SHOP_OK; SHOP_ERR_ARGUMENT
    @since 0.1.0 */
SHOP_API int32_t shop_gateway_call_set_not_found(shop_gateway_call_t *call);

#ifdef __cplusplus
}
#endif
#endif
