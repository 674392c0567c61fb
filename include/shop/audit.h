/*
 * The audit: does everything in the file add up.
 */
#ifndef SHOP_AUDIT_H
#define SHOP_AUDIT_H

#include "shop/common.h"

#ifdef __cplusplus
extern "C" {
#endif

/** How a finding is to be taken. */
enum shop_finding_severity {
  /** Cannot be, if the store is sound: lines and adjustments that are not the
      total, stock that does not add up, an order placed without its payment
      or its mail, a file that is damaged. */
  SHOP_FINDING_VIOLATION = 1,
  /** Can be, and a person must look: an unknown payment, a mismatch, money
      that came late, a dead mail. */
  SHOP_FINDING_ATTENTION = 2
};

/**
 * Called now and then while an audit or a backup runs, on its thread and inside
 * its snapshot: it must not call the library with this shop
 * (SHOP_ERR_IN_CALLBACK).
 *
 * @param done  orders checked, or pages copied, so far
 * @param total how many there are; 0: not known
 * @return true to go on, false to stop with SHOP_ERR_DEADLINE
 */
typedef bool (*shop_progress_fn)(void *user, int64_t done, int64_t total);

/**
 * Checks the shop against its promises, in one snapshot, and changes nothing.
 * The time it takes grows linearly with the number of orders.
 *
 * @param since_ms 0: everything. Else orders that were changed at or after this
 *                 time, in ms since 1970; what concerns the whole (stock, carts,
 *                 the file) is left out
 * @param progress NULL: none
 * @param out      receives the findings; freed by `shop_audit_free`
 * @return SHOP_OK when the audit was carried out, whatever it found;
 *   SHOP_ERR_ARGUMENT; SHOP_ERR_DEADLINE stopped by the progress callback;
 *   or as any call that reads (-5xx, -6xx)
 * @since 0.1.0
 */
SHOP_API int32_t shop_verify_since(shop_t *shop, int64_t since_ms, shop_progress_fn progress,
                                   void *user, shop_audit_t **out, shop_error_t *err);

/** `shop_verify_since` of everything, without progress. @since 0.1.0 */
SHOP_API int32_t shop_verify(shop_t *shop, shop_audit_t **out, shop_error_t *err);

/**
 * Copies the shop, while it is in use, into a new file that opens as a shop and
 * verifies: the state of one moment.
 *
 * @param path     the copy; it must not exist yet
 * @param progress NULL: none
 * @return SHOP_OK; SHOP_ERR_ARGUMENT, SHOP_ERR_TOO_LONG; SHOP_ERR_CANNOT_OPEN
 *   the copy exists, or its folder does not; SHOP_ERR_DEADLINE stopped by the
 *   progress callback; SHOP_ERR_DISK_FULL, SHOP_ERR_IO; or as any call that
 *   reads. After a failure no file is left behind
 * @since 0.1.0
 */
SHOP_API int32_t shop_backup(shop_t *shop, const char *path, shop_progress_fn progress,
                             void *user, shop_error_t *err);

/** Orders that were checked. @since 0.1.0 */
SHOP_API int64_t shop_audit_orders(const shop_audit_t *audit);
/** Violations found. 0 is a sound store. @since 0.1.0 */
SHOP_API int64_t shop_audit_violations(const shop_audit_t *audit);
/** Findings that a person must look at. @since 0.1.0 */
SHOP_API int64_t shop_audit_attentions(const shop_audit_t *audit);
/** Findings that can be read: all, up to 10,000. @since 0.1.0 */
SHOP_API int32_t shop_audit_finding_count(const shop_audit_t *audit);
/** One of enum shop_finding_severity; 0 for an index outside. @since 0.1.0 */
SHOP_API int32_t shop_audit_finding_severity(const shop_audit_t *audit, int32_t index);
/** One sentence that names the order or product. Borrowed; "" for an index
    outside. @since 0.1.0 */
SHOP_API const char *shop_audit_finding_text(const shop_audit_t *audit, int32_t index);
/** Frees an audit. NULL is harmless. @since 0.1.0 */
SHOP_API void shop_audit_free(shop_audit_t *audit);

#ifdef __cplusplus
}
#endif
#endif
