/*
 * Mail: the confirmation of a placed order. The finished message is stored in
 * the transaction that places the order (the outbox), so it is never sent for
 * an order that is not placed and never forgotten for one that is. It leaves
 * through the host's transport; without one it waits, and nothing else fails.
 *
 * Delivery is at least once: when a process dies between the server's answer
 * and the note of it, the mail goes out again, with the same Message-ID.
 */
#ifndef SHOP_MAIL_H
#define SHOP_MAIL_H

#include "shop/common.h"

#ifdef __cplusplus
extern "C" {
#endif

/** What a mail is about. */
enum shop_mail_kind {
  /** The order is placed. */
  SHOP_MAIL_CONFIRMATION = 1,
  /** The order's payment failed, and with it the order. */
  SHOP_MAIL_PAYMENT_FAILED = 2,
  /** The order is cancelled. */
  SHOP_MAIL_ORDER_CANCELLED = 3,
  /** Money of the order goes back. */
  SHOP_MAIL_REFUND = 4,
  /** The account is made. */
  SHOP_MAIL_WELCOME = 5,
  /** A code or link that proves that the address is the reader's. */
  SHOP_MAIL_VERIFY_ADDRESS = 6,
  /** A code or link that lets the reader choose a new password. */
  SHOP_MAIL_PASSWORD_RESET = 7,
  /** To the old address: the account has another one now. */
  SHOP_MAIL_EMAIL_CHANGED = 8,
  /** The password was changed. */
  SHOP_MAIL_PASSWORD_CHANGED = 9,
  /** Somebody tried to register with an address that has an account. */
  SHOP_MAIL_ACCOUNT_EXISTS = 10,
  /** A code or link that unlocks a login that was locked. */
  SHOP_MAIL_UNLOCK = 11
};

/**
 * The transport callback. It answers by `shop_mail_call_set_delivered`, `..._later`
 * or `..._rejected`; no answer, or two that differ, counts as "later", so a
 * callback in another language that throws loses nothing. Called on the thread
 * that purchases or delivers, with no lock and no transaction held; may call
 * the library (not `shop_close`). `call` dies when it returns.
 */
typedef void (*shop_mail_fn)(shop_mail_call_t *call, void *user);

/** Sets the transport. @param transport NULL: mail waits in the outbox, the
    default @return SHOP_OK; SHOP_ERR_ARGUMENT when config is NULL
    @since 0.1.0 */
SHOP_API int32_t shop_config_set_mail_transport(shop_config_t *config, shop_mail_fn transport,
                                                void *user);

/** Whether `shop_purchase` and `shop_recover` hand the confirmation to the
    transport themselves, after the commit; else only `shop_mail_deliver` does.
    Default true. @since 0.1.0 */
SHOP_API int32_t shop_config_set_mail_at_once(shop_config_t *config, bool at_once);

/** How long a deliverer has one mail to itself, 1,000 ms to 1 day. The
    transport must give up sooner. Default 300,000. @since 0.1.0 */
SHOP_API int32_t shop_config_set_mail_lease_ms(shop_config_t *config, int64_t lease_ms);

/** After how many tries that ended in "later" a mail is dead, 1 to 1,000. The
    wait between them doubles from 1 minute to 6 hours, each made up to 9 %
    longer by chance, so that many mails spread out. Default 20.
    @since 0.1.0 */
SHOP_API int32_t shop_config_set_mail_tries_max(shop_config_t *config, int32_t count);

/** The envelope sender (MAIL FROM). Borrowed. @since 0.1.0 */
SHOP_API const char *shop_mail_call_sender(const shop_mail_call_t *call);
/** The one envelope recipient (RCPT TO). Borrowed. @since 0.1.0 */
SHOP_API const char *shop_mail_call_recipient(const shop_mail_call_t *call);
/** The number of the order it is about. Borrowed. @since 0.1.0 */
SHOP_API const char *shop_mail_call_order_number(const shop_mail_call_t *call);
/** The whole message (RFC 5322, lines end with CRLF), NUL-terminated, to be
    sent as it is. Borrowed. @since 0.1.0 */
SHOP_API const char *shop_mail_call_message(const shop_mail_call_t *call);
/** Its length without the NUL. @since 0.1.0 */
SHOP_API size_t shop_mail_call_message_bytes(const shop_mail_call_t *call);

/** Answer: the next station has taken it over. @return SHOP_OK;
    SHOP_ERR_ARGUMENT @since 0.1.0 */
SHOP_API int32_t shop_mail_call_set_delivered(shop_mail_call_t *call);
/** Answer: not now, try again. @param reason up to 255 bytes, one line, kept;
    NULL: none; an unfit one is dropped @return SHOP_OK; SHOP_ERR_ARGUMENT
    @since 0.1.0 */
SHOP_API int32_t shop_mail_call_set_later(shop_mail_call_t *call, const char *reason);
/** Answer: it will never be taken. @param reason as for later @return SHOP_OK;
    SHOP_ERR_ARGUMENT @since 0.1.0 */
SHOP_API int32_t shop_mail_call_set_rejected(shop_mail_call_t *call, const char *reason);

/**
 * Hands the mail that is due to the transport, oldest first. Several threads
 * and processes may do so at once.
 *
 * @param limit     at most this many mails, 1 to 10,000
 * @param delivered receives how many were delivered; NULL when not wanted
 * @return SHOP_OK, also when none was due or none could be delivered (it stays
 *   queued) or no transport is set; SHOP_ERR_ARGUMENT; or as any call that
 *   writes (-5xx, -6xx)
 * @since 0.1.0
 */
SHOP_API int32_t shop_mail_deliver(shop_t *shop, int32_t limit, int32_t *delivered,
                                   shop_error_t *err);

/**
 * Counts the outbox.
 *
 * @param waiting receives how many mails are not yet delivered; NULL allowed
 * @param dead    receives how many never will be; NULL allowed
 * @return SHOP_OK; SHOP_ERR_ARGUMENT; or as any call that reads
 * @since 0.1.0
 */
SHOP_API int32_t shop_mail_count(shop_t *shop, int64_t *waiting, int64_t *dead,
                                 shop_error_t *err);

#ifdef __cplusplus
}
#endif
#endif
