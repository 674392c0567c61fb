/*
 * The event log: what has happened, when, by whom. It is only ever added to
 * (and pruned by age, `shop_maintain`). The history of one order is on the
 * order; this is the whole shop's, for the merchant.
 */
#ifndef SHOP_EVENT_H
#define SHOP_EVENT_H

#include "shop/common.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Who made it happen. */
enum shop_actor {
  SHOP_ACTOR_SHOPPER = 1,
  SHOP_ACTOR_MERCHANT = 2,
  /** A report of the gateway. */
  SHOP_ACTOR_GATEWAY = 3,
  /** `shop_recover`, `shop_maintain`, `shop_mail_deliver`. */
  SHOP_ACTOR_SYSTEM = 4
};

/**
 * Lists events, oldest first.
 *
 * @param after_id 0 for the first page, else the id of the last event seen
 * @param limit    1 to 1,000; a page with fewer events is the last
 * @param out      receives the page; freed by `shop_event_page_free`
 * @return SHOP_OK; SHOP_ERR_ARGUMENT; or as any call that reads
 * @since 0.1.0
 */
SHOP_API int32_t shop_event_list(shop_t *shop, int64_t after_id, int32_t limit,
                                 shop_event_page_t **out, shop_error_t *err);

/** How many events the page holds. The getters below give 0 or "" outside;
    strings are borrowed. @since 0.1.0 */
SHOP_API int32_t shop_event_page_count(const shop_event_page_t *page);
/** @since 0.1.0 */
SHOP_API int64_t shop_event_page_id(const shop_event_page_t *page, int32_t index);
/** In ms since 1970. @since 0.1.0 */
SHOP_API int64_t shop_event_page_at_ms(const shop_event_page_t *page, int32_t index);
/** One of enum shop_actor. @since 0.1.0 */
SHOP_API int32_t shop_event_page_actor(const shop_event_page_t *page, int32_t index);
/** Whom it concerns; 0: nobody. @since 0.1.0 */
SHOP_API int64_t shop_event_page_user_id(const shop_event_page_t *page, int32_t index);
/** Which order it concerns; 0: none. @since 0.1.0 */
SHOP_API int64_t shop_event_page_order_id(const shop_event_page_t *page, int32_t index);
/** Such as "order.placed"; see order.h, and key.h for "key.rotated" and
    "key.retired". Of accounts: "user.logged_in" (detail: the label),
    "user.logged_out_everywhere", "user.session_ended", "user.password_changed",
    "user.disabled", "user.enabled", "user.verified",
    "user.password_reset", "user.email_changed", "user.closed". @since 0.1.0 */
SHOP_API const char *shop_event_page_name(const shop_event_page_t *page, int32_t index);
/** The state before it, where it changed one. @since 0.1.0 */
SHOP_API const char *shop_event_page_before(const shop_event_page_t *page, int32_t index);
/** The state after it; of a mail its kind, such as "confirmation". @since 0.1.0 */
SHOP_API const char *shop_event_page_after(const shop_event_page_t *page, int32_t index);
/** The reason or reference that came with it. @since 0.1.0 */
SHOP_API const char *shop_event_page_detail(const shop_event_page_t *page, int32_t index);
/** Frees a page. NULL is harmless. @since 0.1.0 */
SHOP_API void shop_event_page_free(shop_event_page_t *page);

#ifdef __cplusplus
}
#endif
#endif
