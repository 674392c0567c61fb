/*
 * Upkeep, which the host calls when it likes: at a quiet hour, on a timer. A
 * shop that is never maintained works, and grows.
 */
#ifndef SHOP_MAINTAIN_H
#define SHOP_MAINTAIN_H

#include "shop/common.h"

#ifdef __cplusplus
extern "C" {
#endif

/** How long an open cart may be left alone before it expires, 1,000 ms to 10
    years. Default 90 days. @since 0.1.0 */
SHOP_API int32_t shop_config_set_cart_life_ms(shop_config_t *config, int64_t life_ms);
/** How long a guest (guest.h) is kept at least. One who came longer ago is thrown
    away as soon as no token and no refresh token of theirs is good, for then nobody
    can come back to it. 1,000 ms to 10 years. Default 30 days. @since 0.1.0 */
SHOP_API int32_t shop_config_set_guest_life_ms(shop_config_t *config, int64_t life_ms);
/** How long a cart may be held in a row (`shop_cart_hold`), 1,000 ms to 1 day.
    Default 15 minutes. @since 0.1.0 */
SHOP_API int32_t shop_config_set_cart_hold_max_ms(shop_config_t *config, int64_t hold_ms);
/** How long idempotency keys are kept, 1,000 ms to 10 years. Default 30 days.
    @since 0.1.0 */
SHOP_API int32_t shop_config_set_idempotency_life_ms(shop_config_t *config, int64_t life_ms);
/** How long events are kept, 1,000 ms to 100 years. Default 10 years.
    @since 0.1.0 */
SHOP_API int32_t shop_config_set_event_life_ms(shop_config_t *config, int64_t life_ms);
/** How long what is held of a closed account (`shop_account_close`) is kept:
    `shop_maintain` then begins to erase it, as `shop_user_erase` does. 1,000 ms
    to 100 years; 0, the default: until the merchant erases it, because the
    addresses on its orders go as well, and how long a merchant must keep those
    is the law's to say. Who keeps invoices elsewhere chooses 30 days or less
    (GDPR, articles 5 and 17). @return SHOP_OK; SHOP_ERR_ARGUMENT @since 0.1.0 */
SHOP_API int32_t shop_config_set_closed_life_ms(shop_config_t *config, int64_t life_ms);

/**
 * Ends holds of carts whose time is over, expires carts that were left alone
 * (a held one is not), throws away idempotency keys, events, expired tokens and
 * their signing keys and the text of mail (outbox.h) that are old enough, forgets
 * wrong passwords (guess.h), throws away guests who cannot come back, begins to
 * erase accounts that were closed long enough ago where that is set, goes on with
 * users that are being erased, and moves the write-ahead log into the file. Works in
 * short steps, so that others wait for milliseconds only. Safe from several
 * processes at once. It never touches orders, payments or mail that waits: call
 * `shop_recover` and `shop_mail_deliver` beside it.
 *
 * @param out receives what was done; freed by `shop_maintenance_free`; NULL
 *            when not wanted
 * @return SHOP_OK; SHOP_ERR_ARGUMENT; or as any call that writes (-5xx, -6xx);
 *   what was done until then stays done
 * @since 0.1.0
 */
SHOP_API int32_t shop_maintain(shop_t *shop, shop_maintenance_t **out, shop_error_t *err);

/** Holds that were ended because their time was over. @since 0.1.0 */
SHOP_API int64_t shop_maintenance_holds(const shop_maintenance_t *maintenance);
/** Carts that expired. @since 0.1.0 */
SHOP_API int64_t shop_maintenance_carts(const shop_maintenance_t *maintenance);
/** Idempotency keys thrown away. @since 0.1.0 */
SHOP_API int64_t shop_maintenance_keys(const shop_maintenance_t *maintenance);
/** Mailed codes thrown away, and registrations that nobody has finished with their
    mails, an hour after they expired. @since 0.1.0 */
SHOP_API int64_t shop_maintenance_codes(const shop_maintenance_t *maintenance);
/** Expired tokens and refresh tokens thrown away. @since 0.1.0 */
SHOP_API int64_t shop_maintenance_tokens(const shop_maintenance_t *maintenance);
/** Signing keys thrown away, whose last token has expired. @since 0.1.0 */
SHOP_API int64_t shop_maintenance_signing_keys(const shop_maintenance_t *maintenance);
/** Events thrown away. @since 0.1.0 */
SHOP_API int64_t shop_maintenance_events(const shop_maintenance_t *maintenance);
/** Closed accounts whose erasing has begun. @since 0.1.0 */
SHOP_API int64_t shop_maintenance_erasings(const shop_maintenance_t *maintenance);
/** Mails whose text and recipient were thrown away. @since 0.1.0 */
SHOP_API int64_t shop_maintenance_mails(const shop_maintenance_t *maintenance);
/** Counters of wrong passwords that had rested for long enough (guess.h).
    @since 0.1.0 */
SHOP_API int64_t shop_maintenance_guesses(const shop_maintenance_t *maintenance);
/** Guests who were thrown away, with cart, hold, tokens and idempotency keys; also
    those whose cart an account has. @since 0.1.0 */
SHOP_API int64_t shop_maintenance_guests(const shop_maintenance_t *maintenance);
/** Frees a report. NULL is harmless. @since 0.1.0 */
SHOP_API void shop_maintenance_free(shop_maintenance_t *maintenance);

#ifdef __cplusplus
}
#endif
#endif
