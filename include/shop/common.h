/*
 * What every header of libshop shares: the export mark, the names of the
 * opaque types, and the version.
 *
 * Ownership, everywhere: a function that fills a `type **out` gives the caller
 * a new object, to be freed by `shop_type_free`, in any order, even after
 * `shop_close`; freeing NULL is harmless. A returned `const char *` is borrowed
 * from the object it was asked of and lives as long as that object.
 *
 * Failure, everywhere: a negative status, every output NULL (or 0), the store
 * as before. The one exception is the outcome family of status.h, where an
 * order exists and is given.
 *
 * Strings are UTF-8 and end with NUL. Times are milliseconds since
 * 1970-01-01T00:00:00Z. Amounts are integers in the minor unit of their
 * currency (1998 EUR is 19.98 euro, 1998 JPY is 1998 yen).
 */
#ifndef SHOP_COMMON_H
#define SHOP_COMMON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#if defined(SHOP_API)
/* The library itself is being built, or read by a tool that has no attributes. */
#elif defined(__GNUC__)
#define SHOP_API __attribute__((visibility("default")))
#else
#define SHOP_API
#endif

#ifdef __cplusplus
extern "C" {
#endif

/** An open shop. Thread-safe: any thread may call any function with it. */
typedef struct shop shop_t;
/** Settings for `shop_open`, copied by it. Not thread-safe. */
typedef struct shop_config shop_config_t;
/** Optional inputs of a call that changes something. Not thread-safe. */
typedef struct shop_options shop_options_t;
/** Where a call writes what went wrong. Not thread-safe; one per thread. */
typedef struct shop_error shop_error_t;

/* Immutable snapshots: any thread may read them, one thread frees them. */
typedef struct shop_user shop_user_t;
typedef struct shop_token shop_token_t;
typedef struct shop_product shop_product_t;
typedef struct shop_product_page shop_product_page_t;
typedef struct shop_cart shop_cart_t;
typedef struct shop_session shop_session_t;
typedef struct shop_session_page shop_session_page_t;
typedef struct shop_order shop_order_t;
typedef struct shop_order_page shop_order_page_t;
typedef struct shop_recovery shop_recovery_t;
typedef struct shop_report_page shop_report_page_t;
typedef struct shop_event_page shop_event_page_t;
typedef struct shop_maintenance shop_maintenance_t;
typedef struct shop_mail shop_mail_t;
typedef struct shop_mail_page shop_mail_page_t;
typedef struct shop_mail_stats shop_mail_stats_t;
typedef struct shop_audit shop_audit_t;
typedef struct shop_key_ring shop_key_ring_t;
typedef struct shop_text shop_text_t;

/** What a purchase asks for beside the cart. Not thread-safe. */
typedef struct shop_purchase_request shop_purchase_request_t;
/** What the gateway has reported by itself. Not thread-safe. */
typedef struct shop_payment_report shop_payment_report_t;
/** What a refund gives back. Not thread-safe. */
typedef struct shop_refund_request shop_refund_request_t;
/** Products that are put together. */
typedef struct shop_product_batch shop_product_batch_t;
/** One call of a payment callback; dies when the callback returns. */
typedef struct shop_gateway_call shop_gateway_call_t;
/** One call of the mail transport; dies when the callback returns. */
typedef struct shop_mail_call shop_mail_call_t;

/**
 * The version of the library that is linked, as "MAJOR.MINOR.PATCH".
 *
 * @return a constant string, never NULL
 * @since 0.1.0
 */
SHOP_API const char *shop_version(void);

#ifdef __cplusplus
}
#endif
#endif
