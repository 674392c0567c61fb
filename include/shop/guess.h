/*
 * Guessing: what happens to who tries passwords, and why it does not happen to
 * the owner of the account.
 *
 * A source is what the host knows of where a call comes from, such as a
 * network address or, better, a long-lived cookie of the device; it is given
 * by `shop_options_set_source`. Three things are counted, each with a wrong
 * password: the account (the address that was typed, whether it is known or
 * not), the source, and the account from this source. The store keeps no
 * address and no source for it, only hashes under a secret of the store.
 *
 * 1. An account from which the owner is not known: after `login_tries_free`
 *    wrong passwords each further one doubles a wait, up to a longest one.
 *    During the wait every attempt is SHOP_ERR_THROTTLED, unlooked at and
 *    without a hash: the right password too. So many sources together guess no
 *    faster than one.
 * 2. A source from which the user has logged in before is known for that user
 *    (the eight latest). From there the account's wait does not count and its
 *    failures do not add to it: whoever keeps the account waiting from
 *    elsewhere cannot keep the owner out, and the owner's slips slow down nobody.
 *    A new password forgets all of them but the source that it was set from.
 * 3. An account from one source: waits in the same way, known or not; after
 *    `login_tries_lock` wrong passwords it is locked there, SHOP_ERR_LOCKED,
 *    until the lock's time is over, or a code from a mail ends it where it comes
 *    back (`shop_account_unlock`). No other source is touched by it. Without a
 *    source there is no lock, for it would be the owner's too.
 * 4. A source over all accounts: after `source_tries_free` wrong passwords it
 *    waits as well, but not for accounts it is known for. A good login does not
 *    clear it: the guesser may have an account.
 *
 * A good login clears what stood in its way of 1 and 3, and so do a forgotten
 * password that was set anew (`shop_account_reset`) and a registration that was finished
 * by its code: the mailbox is proof enough. A counter that has
 * rested for `guess_life` is forgotten. `shop_error_retry_after_ms` tells how
 * long the wait still is. A valid token is asked for no password and waits for
 * nothing.
 *
 * Registrations from one source are counted in the same way as 4, the good ones
 * too; and so are guests (guest.h), by themselves. What gives no source is only counted by account.
 *
 * Mails that are asked for, for whatever address, are counted by source too: so
 * many in an hour (`shop_account_verify_request`, `..._reset_request`,
 * `..._unlock_request`, `..._email_request`, and registrations by mail).
 *
 * The counters are rows of the store: a restart resets none, and processes
 * share them. There are at most `guess_rows_max` of them: when they are full a
 * new one takes the place of one that counts no passwords (mails, guests,
 * registrations), else of the one with the fewest failures, so to push out
 * a counter of n failures takes n failures with each of as many other
 * addresses. The check of a password and its count enclose the hash, and as many
 * attempts as hashes run at once (`shop_config_set_password_parallel`, in each
 * process) may slip through together.
 */
#ifndef SHOP_GUESS_H
#define SHOP_GUESS_H

#include "shop/common.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Each setter answers SHOP_OK; SHOP_ERR_ARGUMENT for a NULL config or a value
   out of its range (the old value stays). */

/** Wrong passwords that cost no wait, 1 to 1,000. Default 5. @since 0.1.0 */
SHOP_API int32_t shop_config_set_login_tries_free(shop_config_t *config, int32_t count);
/** The first wait; each further failure doubles it. 1 to 3,600,000 ms. Default
    1,000. @since 0.1.0 */
SHOP_API int32_t shop_config_set_login_wait_ms(shop_config_t *config, int64_t wait_ms);
/** The longest wait, 1 to 86,400,000 ms. Default 15 minutes. @since 0.1.0 */
SHOP_API int32_t shop_config_set_login_wait_max_ms(shop_config_t *config, int64_t wait_ms);
/** Wrong passwords for one account from one source until it is locked there, 1
    to 1,000. Default 10. @since 0.1.0 */
SHOP_API int32_t shop_config_set_login_tries_lock(shop_config_t *config, int32_t count);
/** How long such a lock lasts, 1 ms to 30 days. Default 1 hour. @since 0.1.0 */
SHOP_API int32_t shop_config_set_login_lock_ms(shop_config_t *config, int64_t lock_ms);
/** Wrong passwords, and likewise registrations, from one source over all
    accounts that cost no wait, 1 to 1,000,000. Default 50. @since 0.1.0 */
SHOP_API int32_t shop_config_set_source_tries_free(shop_config_t *config, int32_t count);
/** Mails that one source may ask for in an hour, 1 to 1,000,000. Default 20.
    @since 0.1.0 */
SHOP_API int32_t shop_config_set_source_mails_hourly_max(shop_config_t *config, int32_t count);
/** After how long without a failure a counter is forgotten, 1,000 ms to 365
    days, and not before its wait or lock is over. Default 24 hours. @since 0.1.0 */
SHOP_API int32_t shop_config_set_guess_life_ms(shop_config_t *config, int64_t life_ms);
/** Counters in the store at most, 100 to 10,000,000; one takes about 100
    bytes. Default 100,000. @since 0.1.0 */
SHOP_API int32_t shop_config_set_guess_rows_max(shop_config_t *config, int32_t count);

#ifdef __cplusplus
}
#endif
#endif
