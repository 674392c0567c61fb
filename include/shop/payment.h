/*
 * What reaches a payment from outside of a call: the gateway's own reports
 * (webhooks), and the decision of a person on what nobody else can know. Both
 * go through the same door as live answers: in any order, twice, before the
 * call has returned.
 */
#ifndef SHOP_PAYMENT_H
#define SHOP_PAYMENT_H

#include "shop/common.h"

#ifdef __cplusplus
extern "C" {
#endif

/** What the gateway says has happened. */
enum shop_gateway_outcome {
  SHOP_OUTCOME_CAPTURED = 1,
  SHOP_OUTCOME_DECLINED = 2,
  SHOP_OUTCOME_PENDING = 3,
  SHOP_OUTCOME_AUTHORIZED = 4,
  SHOP_OUTCOME_ACTION_REQUIRED = 5,
  SHOP_OUTCOME_VOIDED = 6,
  SHOP_OUTCOME_REFUNDED = 7
};

/**
 * Makes a report with nothing set.
 *
 * @param out receives it; freed by `shop_payment_report_free`
 * @return SHOP_OK; SHOP_ERR_ARGUMENT when out is NULL; SHOP_ERR_NO_MEMORY
 * @since 0.1.0
 */
SHOP_API int32_t shop_payment_report_new(shop_payment_report_t **out);
/** Frees a report. NULL is harmless. @since 0.1.0 */
SHOP_API void shop_payment_report_free(shop_payment_report_t *report);

/** The gateway's id of this event, by which a repetition is recognised: 1 to
    255 bytes, one line. Needed. @return SHOP_OK; SHOP_ERR_ARGUMENT,
    SHOP_ERR_TEXT, SHOP_ERR_TOO_LONG @since 0.1.0 */
SHOP_API int32_t shop_payment_report_set_event_id(shop_payment_report_t *report,
                                                  const char *event_id);
/** The key of the operation, as libshop gave it (`shop_gateway_call_key`).
    Where the gateway does not repeat it, the reference must do. @return as
    `shop_payment_report_set_event_id` @since 0.1.0 */
SHOP_API int32_t shop_payment_report_set_key(shop_payment_report_t *report, const char *key);
/** The gateway's own reference of the operation: of a refund its own, not that
    of the charge, or two equal refunds are taken for one. @return as
    `shop_payment_report_set_event_id` @since 0.1.0 */
SHOP_API int32_t shop_payment_report_set_reference(shop_payment_report_t *report,
                                                   const char *reference);
/** What has happened: one of enum shop_gateway_outcome. Needed. @return
    SHOP_OK; SHOP_ERR_ARGUMENT @since 0.1.0 */
SHOP_API int32_t shop_payment_report_set_outcome(shop_payment_report_t *report, int32_t outcome);
/** How much; needed for captured, authorized and refunded. @return SHOP_OK;
    SHOP_ERR_ARGUMENT an amount of 0 or less; SHOP_ERR_CURRENCY @since 0.1.0 */
SHOP_API int32_t shop_payment_report_set_amount(shop_payment_report_t *report,
                                                int64_t amount_minor, const char *currency);
/** Why, for people: up to 255 bytes, one line. @return as
    `shop_payment_report_set_event_id` @since 0.1.0 */
SHOP_API int32_t shop_payment_report_set_reason(shop_payment_report_t *report,
                                                const char *reason);

/**
 * Takes what the gateway reports by itself. The host has checked that it is
 * the gateway who reports.
 *
 * @param out receives the order as it is now; NULL when not wanted
 * @return SHOP_OK taken, also for a repetition; SHOP_ERR_ARGUMENT something
 *   needed is missing;
 *   SHOP_UNMATCHED     no payment of this shop is known by key or reference:
 *                      kept, see `shop_payment_list_unmatched`; no order;
 *   SHOP_CONTRADICTION it cannot be after what is known: noted on the order,
 *                      which changes nothing;
 *   SHOP_MISMATCH      another amount than was asked for: recorded;
 *   or as any call that writes (-5xx, -6xx)
 * @since 0.1.0
 */
SHOP_API int32_t shop_payment_report(shop_t *shop, const shop_payment_report_t *report,
                                     shop_order_t **out, shop_error_t *err);

/**
 * A person's decision on an operation that is unknown (the newest one of the
 * order): what the gateway's own books say has happened to it. It is noted, and
 * settled like a report.
 *
 * @param number       the order's number
 * @param outcome      SHOP_OUTCOME_CAPTURED, _AUTHORIZED, _REFUNDED (with
 *                     reference, amount and currency), _DECLINED or _VOIDED
 * @param reference    the gateway's own id, or NULL
 * @param amount_minor what was taken or given back; else 0
 * @param currency     its currency; else NULL
 * @param note         who decided and why, 1 to 255 bytes, one line
 * @param options      takes the deadline
 * @param out          receives the order; NULL when not wanted
 * @return SHOP_OK; SHOP_ERR_ARGUMENT, SHOP_ERR_TEXT, SHOP_ERR_TOO_LONG,
 *   SHOP_ERR_CURRENCY; SHOP_ERR_NOT_FOUND; SHOP_ERR_STATE nothing of this
 *   order is unknown; SHOP_MISMATCH; or as any call that writes
 * @since 0.1.0
 */
SHOP_API int32_t shop_payment_resolve(shop_t *shop, const char *number, int32_t outcome,
                                      const char *reference, int64_t amount_minor,
                                      const char *currency, const char *note,
                                      const shop_options_t *options, shop_order_t **out,
                                      shop_error_t *err);

/**
 * A person has looked at an order of which the gateway has said things that cannot
 * both be (`shop_order_has_contradiction`), and has done about it what there was to
 * do: it needs no attention because of them any more. Nothing else changes: what
 * was captured and refunded stays recorded, and the history gets an entry.
 * What is late or of another amount ends by giving the money back instead
 * (`shop_order_cancel`, `shop_order_refund`).
 *
 * @param number  the order's number
 * @param note    who has looked and what was found, 1 to 255 bytes, one line
 * @param options takes the deadline
 * @param out     receives the order; NULL when not wanted
 * @return SHOP_OK; SHOP_ERR_ARGUMENT, SHOP_ERR_TEXT, SHOP_ERR_TOO_LONG;
 *   SHOP_ERR_NOT_FOUND; SHOP_ERR_STATE there is no contradiction, or an operation
 *   of the order is not finished; or as any call that writes
 * @since 0.1.0
 */
SHOP_API int32_t shop_payment_acknowledge(shop_t *shop, const char *number, const char *note,
                                          const shop_options_t *options, shop_order_t **out,
                                          shop_error_t *err);

/**
 * Lists reports that fitted no payment, oldest first.
 *
 * @param after_id 0 for the first page, else the id of the last report seen
 * @param limit    1 to 1,000; a page with fewer reports is the last
 * @param out      receives the page; freed by `shop_report_page_free`
 * @return SHOP_OK; SHOP_ERR_ARGUMENT; or as any call that reads
 * @since 0.1.0
 */
SHOP_API int32_t shop_payment_list_unmatched(shop_t *shop, int64_t after_id, int32_t limit,
                                             shop_report_page_t **out, shop_error_t *err);

/** How many reports the page holds. The getters below give 0 or "" outside.
    @since 0.1.0 */
SHOP_API int32_t shop_report_page_count(const shop_report_page_t *page);
/** @since 0.1.0 */
SHOP_API int64_t shop_report_page_id(const shop_report_page_t *page, int32_t index);
/** @since 0.1.0 */
SHOP_API const char *shop_report_page_event_id(const shop_report_page_t *page, int32_t index);
/** One of enum shop_gateway_outcome. @since 0.1.0 */
SHOP_API int32_t shop_report_page_outcome(const shop_report_page_t *page, int32_t index);
/** @since 0.1.0 */
SHOP_API int64_t shop_report_page_amount_minor(const shop_report_page_t *page, int32_t index);
/** @since 0.1.0 */
SHOP_API const char *shop_report_page_currency(const shop_report_page_t *page, int32_t index);
/** @since 0.1.0 */
SHOP_API const char *shop_report_page_key(const shop_report_page_t *page, int32_t index);
/** @since 0.1.0 */
SHOP_API const char *shop_report_page_reference(const shop_report_page_t *page, int32_t index);
/** @since 0.1.0 */
SHOP_API const char *shop_report_page_reason(const shop_report_page_t *page, int32_t index);
/** When it came, in ms since 1970. @since 0.1.0 */
SHOP_API int64_t shop_report_page_received_at_ms(const shop_report_page_t *page, int32_t index);
/** Frees a page. NULL is harmless. @since 0.1.0 */
SHOP_API void shop_report_page_free(shop_report_page_t *page);

#ifdef __cplusplus
}
#endif
#endif
