/*
 * Mail: what is written to the customer, and the transport by which it leaves.
 * The finished message is stored in the transaction of its cause; when and how
 * often it is handed to the transport is in outbox.h. Without a transport it
 * waits, and nothing else fails.
 */
#ifndef SHOP_MAIL_H
#define SHOP_MAIL_H

#include "shop/common.h"

#ifdef __cplusplus
extern "C" {
#endif

/** What a mail is about. Each is stored in the commit of what it tells of; which
    are written at all is a setting (`shop_config_set_mail_kind`). */
enum shop_mail_kind {
  /** The order is placed. Always written. */
  SHOP_MAIL_CONFIRMATION = 1,
  /** The order's payment failed, and with it the order, while no call of the
      shopper's was waiting for it: by a report, by `shop_recover`, by the end of
      its hold time, or by a person. A shopper whose own call is declined hears
      it from that call. */
  SHOP_MAIL_PAYMENT_FAILED = 2,
  /** The order is cancelled. Where money goes back by it, that is a mail of its
      own. */
  SHOP_MAIL_ORDER_CANCELLED = 3,
  /** Money of the order goes back: one mail for each refund that the gateway has
      made, whoever asked for it. */
  SHOP_MAIL_REFUND = 4,
  /** The account is made (`shop_user_register`, or its `..._confirm`). Not written by default. */
  SHOP_MAIL_WELCOME = 5,
  /** A code or link that proves that the address is the reader's. */
  SHOP_MAIL_VERIFY_ADDRESS = 6,
  /** A code or link that lets the reader choose a new password. */
  SHOP_MAIL_PASSWORD_RESET = 7,
  /** To the old address: the account has another one now. */
  SHOP_MAIL_EMAIL_CHANGED = 8,
  /** The password was changed. */
  SHOP_MAIL_PASSWORD_CHANGED = 9,
  /** Somebody tried to register with an address that has an account, where the call
      does not tell (`shop_config_set_register_by_mail`), or to change to it. */
  SHOP_MAIL_ACCOUNT_EXISTS = 10,
  /** A code or link that unlocks a login that was locked. */
  SHOP_MAIL_UNLOCK = 11,
  /** A code or link that finishes a registration (`shop_user_register_confirm`). */
  SHOP_MAIL_REGISTRATION = 12
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

/** Where answers to mails go (Reply-To). @param mailbox NULL: to where the mails
    come from, the default @return SHOP_OK; SHOP_ERR_ARGUMENT; SHOP_ERR_EMAIL,
    SHOP_ERR_TEXT, SHOP_ERR_TOO_LONG @since 0.1.0 */
SHOP_API int32_t shop_config_set_mail_reply_to(shop_config_t *config, const char *mailbox);

/** One of enum shop_mail_kind. @since 0.1.0 */
SHOP_API int32_t shop_mail_call_kind(const shop_mail_call_t *call);
/** The envelope sender (MAIL FROM). Borrowed. @since 0.1.0 */
SHOP_API const char *shop_mail_call_sender(const shop_mail_call_t *call);
/** The one envelope recipient (RCPT TO). Borrowed. @since 0.1.0 */
SHOP_API const char *shop_mail_call_recipient(const shop_mail_call_t *call);
/** The number of the order it is about; "": an account. Borrowed. @since 0.1.0 */
SHOP_API const char *shop_mail_call_order_number(const shop_mail_call_t *call);
/** The whole message (RFC 5322, lines end with CRLF), NUL-terminated, to be
    sent as it is. Borrowed. @since 0.1.0 */
SHOP_API const char *shop_mail_call_message(const shop_mail_call_t *call);
/** Its length without the NUL. @since 0.1.0 */
SHOP_API size_t shop_mail_call_message_bytes(const shop_mail_call_t *call);
/** Within what time to give it up and answer, counted from the call
    (`shop_config_set_mail_timeout_ms`). @since 0.1.0 */
SHOP_API int64_t shop_mail_call_timeout_ms(const shop_mail_call_t *call);

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

#ifdef __cplusplus
}
#endif
#endif
