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
 * Checks the whole shop against its promises, in one snapshot; takes time that
 * grows linearly with the number of orders, and changes nothing.
 *
 * @param out receives the findings; freed by `shop_audit_free`
 * @return SHOP_OK when the audit was carried out, whatever it found;
 *   SHOP_ERR_ARGUMENT; or as any call that reads (-5xx, -6xx)
 * @since 0.1.0
 */
SHOP_API int32_t shop_verify(shop_t *shop, shop_audit_t **out, shop_error_t *err);

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
