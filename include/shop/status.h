/*
 * What a call answers: a status, and an optional error object with a sentence.
 *
 * Every function that can fail returns an int32_t status: SHOP_OK (0) or one
 * of the negative codes below. The hundreds digit is the family. A binding
 * takes a value that it does not know for an error of that family.
 */
#ifndef SHOP_STATUS_H
#define SHOP_STATUS_H

#include "shop/common.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Status codes. Signatures use int32_t; this enum only names the values. */
enum shop_status {
  /** Done. */
  SHOP_OK = 0,

  /* -1xx: the arguments are wrong; the store was not asked. */
  /** NULL or empty where a value is needed, or a number out of its range. */
  SHOP_ERR_ARGUMENT = -100,
  /** A text is not UTF-8, or has a control character where none may be. */
  SHOP_ERR_TEXT = -101,
  /** A text is longer than its limit. */
  SHOP_ERR_TOO_LONG = -102,
  /** Not one mailbox in the sense of RFC 5321 and RFC 6531. */
  SHOP_ERR_EMAIL = -103,
  /** A password under 8 or over 1,024 bytes. */
  SHOP_ERR_PASSWORD = -104,
  /** A quantity of 0 or less, or over the limit of the shop. */
  SHOP_ERR_QUANTITY = -105,
  /** Not a currency code of ISO 4217. */
  SHOP_ERR_CURRENCY = -106,
  /** An amount, a count or a sum does not fit. */
  SHOP_ERR_OVERFLOW = -107,
  /** A handle that comes from another shop. */
  SHOP_ERR_FOREIGN = -108,
  /** A mail template with a mistake; the sentence says which and where. */
  SHOP_ERR_TEMPLATE = -109,
  /** A new password that is one of the 10,000 commonest, or the user's own
      address. */
  SHOP_ERR_PASSWORD_COMMON = -120,
  /** A new password that the host's own check has refused. */
  SHOP_ERR_PASSWORD_REFUSED = -121,
  /** The host's check of a new password gave no clear answer. */
  SHOP_ERR_PASSWORD_UNCHECKED = -122,

  /* -2xx: who is asking. */
  /** Unknown address or wrong password; which of them is not told. */
  SHOP_ERR_CREDENTIALS = -200,
  /** Not a token of this shop: form, signature, claims or issuer are wrong. */
  SHOP_ERR_TOKEN_INVALID = -201,
  /** The token was good, and its time is over. */
  SHOP_ERR_TOKEN_EXPIRED = -202,
  /** The token was ended before its time. */
  SHOP_ERR_TOKEN_REVOKED = -203,
  /** The token is good, and has not the scope that is needed. */
  SHOP_ERR_SCOPE = -204,
  /** A refresh token that was used before: all of its session is ended now. */
  SHOP_ERR_TOKEN_REUSED = -205,
  /** The merchant has disabled the account. */
  SHOP_ERR_USER_DISABLED = -215,
  /** Too many attempts: wait for `shop_error_retry_after_ms` (guess.h). */
  SHOP_ERR_THROTTLED = -210,
  /** Too many wrong passwords for this account from this source (guess.h). */
  SHOP_ERR_LOCKED = -211,
  /** A mailed code that is wrong, was used, was ended or has expired. */
  SHOP_ERR_CODE = -216,
  /** The address must be verified first (`shop_account_verify_request`). */
  SHOP_ERR_UNVERIFIED = -217,
  /** No error: a mail went to the address, and what it says goes on. Whether there
      is an account is in the mail alone (`shop_config_set_register_by_mail`). */
  SHOP_CONFIRM_MAIL = -218,
  /** A guest, and this needs an address: `shop_guest_register` or
      `shop_guest_login` first. */
  SHOP_ERR_GUEST = -220,

  /* -3xx: the shop's state does not allow it. */
  /** No such user, product, cart or order, or it is not the caller's. */
  SHOP_ERR_NOT_FOUND = -300,
  /** The address has an account already. */
  SHOP_ERR_EMAIL_TAKEN = -301,
  /** The product is no longer sold. */
  SHOP_ERR_PRODUCT_RETIRED = -302,
  /** Fewer pieces are left than were asked for. */
  SHOP_ERR_OUT_OF_STOCK = -303,
  /** The cart has as many lines as it may have. */
  SHOP_ERR_CART_FULL = -304,
  /** The product's currency is not the cart's. */
  SHOP_ERR_CURRENCY_MIXED = -305,
  /** There is nothing in the cart to buy. */
  SHOP_ERR_CART_EMPTY = -306,
  /** A purchase of this cart is under way, it cannot change now. */
  SHOP_ERR_CART_BUSY = -307,
  /** The cart was bought already. */
  SHOP_ERR_CART_COMPLETED = -308,
  /** The expected version is not the present one: read again. */
  SHOP_ERR_VERSION = -309,
  /** A price is not the one the line was added at, and was not accepted. */
  SHOP_ERR_PRICE_CHANGED = -310,
  /** The expected total is not today's total. */
  SHOP_ERR_TOTAL_CHANGED = -311,
  /** The idempotency key was used before for another request. */
  SHOP_ERR_KEY_REUSED = -312,
  /** The order, its payment or the cart's hold is not in a state that allows it. */
  SHOP_ERR_STATE = -313,
  /** The cart was left alone for too long: create a new one. */
  SHOP_ERR_CART_EXPIRED = -314,
  /** More than is left to capture, to refund or to return. */
  SHOP_ERR_AMOUNT = -315,

  /* -4xx: outcomes of what the gateway was asked; the order is given. */
  /** Refused. A purchase: the stock is free, the cart is open again. A capture,
      void or refund: nothing has changed. */
  SHOP_DECLINED = -400,
  /** The shopper must do something first, such as 3-D Secure: see
      `shop_order_client_data`, then `shop_purchase_resume`. */
  SHOP_ACTION_REQUIRED = -401,
  /** The gateway has accepted the payment and will decide later. */
  SHOP_PENDING = -402,
  /** Nobody knows yet whether the payment was taken; `shop_recover` asks. */
  SHOP_UNKNOWN = -403,
  /** Another call is carrying out this purchase. */
  SHOP_IN_PROGRESS = -404,
  /** The gateway took another amount or currency than was asked for. */
  SHOP_MISMATCH = -405,
  /** A report that fits no payment of this shop: kept for a person. No order
      is given. */
  SHOP_UNMATCHED = -406,
  /** A report that contradicts what is known: noted, and changes nothing. */
  SHOP_CONTRADICTION = -407,

  /* -5xx: the store. */
  /** The file cannot be opened: missing folder, no permission, a folder. */
  SHOP_ERR_CANNOT_OPEN = -500,
  /** The file is not an SQLite database. */
  SHOP_ERR_NOT_A_STORE = -501,
  /** An SQLite database, but not a shop. */
  SHOP_ERR_NOT_A_SHOP = -502,
  /** The file was written by a newer libshop. */
  SHOP_ERR_TOO_NEW = -503,
  /** The file, or the folder it is in, cannot be written. */
  SHOP_ERR_READ_ONLY = -504,
  /** No space left on the device. */
  SHOP_ERR_DISK_FULL = -505,
  /** Reading or writing the file failed. */
  SHOP_ERR_IO = -506,
  /** The file is damaged. */
  SHOP_ERR_CORRUPT = -507,
  /** Others held the store for longer than the busy limit: try again. */
  SHOP_ERR_BUSY = -508,
  /** The commit met an I/O error and so did the attempt to find out what
      became of it: repeat the call with the same idempotency key. */
  SHOP_ERR_COMMIT_UNKNOWN = -509,
  /** The deadline passed before the work was begun. */
  SHOP_ERR_DEADLINE = -510,

  /* -6xx: the process. */
  /** Out of memory. */
  SHOP_ERR_NO_MEMORY = -600,
  /** The shop was opened before a fork, and this is the child. */
  SHOP_ERR_FORKED = -601,
  /** The shop is being closed. */
  SHOP_ERR_CLOSED = -602,
  /** `shop_close` from inside a callback, or any call from inside a progress
      callback. */
  SHOP_ERR_IN_CALLBACK = -603,
  /** The purchase needs a payment, and no charge callback is set. */
  SHOP_ERR_NO_GATEWAY = -604,
  /** The store has passwords hashed with a pepper that was not given. */
  SHOP_ERR_PEPPER = -610,
  /** The store's signing keys are sealed with a secret that was not given, or with
      another one. */
  SHOP_ERR_KEY_SECRET = -611
};

/**
 * The name of a status, such as "SHOP_ERR_EMAIL".
 *
 * @param status any number
 * @return a constant string; "SHOP_ERR_UNNAMED" for a number without a name
 * @since 0.1.0
 */
SHOP_API const char *shop_status_name(int32_t status);

/**
 * Makes an error object, for the last parameter of other calls. Every call
 * that is given one clears it first, so it tells of the latest call alone.
 *
 * @param out receives the object; freed by `shop_error_free`
 * @return SHOP_OK; SHOP_ERR_ARGUMENT when out is NULL; SHOP_ERR_NO_MEMORY
 * @since 0.1.0
 */
SHOP_API int32_t shop_error_new(shop_error_t **out);

/** Frees an error object. NULL is harmless. @since 0.1.0 */
SHOP_API void shop_error_free(shop_error_t *err);

/** The status of the latest call, or SHOP_OK. NULL gives SHOP_OK.
    @since 0.1.0 */
SHOP_API int32_t shop_error_code(const shop_error_t *err);

/**
 * One English sentence that says what is wrong and what to do. It holds no
 * secret: no password, token or key. Borrowed until the next call with err.
 *
 * @return never NULL; "" when nothing is wrong or err is NULL
 * @since 0.1.0
 */
SHOP_API const char *shop_error_message(const shop_error_t *err);

/**
 * How long to wait before the same call can succeed, from SHOP_ERR_THROTTLED
 * and SHOP_ERR_LOCKED (guess.h).
 *
 * @return in ms, rounded to none; 0 where waiting is no answer, or err is NULL
 * @since 0.1.0
 */
SHOP_API int64_t shop_error_retry_after_ms(const shop_error_t *err);

#ifdef __cplusplus
}
#endif
#endif
