/*
 * The outbox: mail from the commit that is its cause to the server that takes
 * it. The finished message is stored in the same transaction as what it tells
 * of, so it is never sent for what did not happen and never forgotten for what
 * did. It goes out by the transport callback of mail.h (`shop_mail_deliver`),
 * or, in a host that must not block, by `shop_mail_take` and `shop_mail_done`.
 *
 * A mail is `queued`, then `leased` by one deliverer, then `sent`, or queued
 * again for later, or `dead`, for a person: rejected, or tried too often. While
 * a lease lasts no other deliverer, in no process, gets the mail. It lasts a
 * length from a start, so a clock that is set back behind its start ends it.
 *
 * Delivery is at least once. The one window in which a mail can go out twice is
 * between the moment in which the server takes it and the commit of the note
 * of that: a deliverer that dies, or cannot reach the store, in between leaves
 * the mail leased, and whoever takes it after the lease sends the same bytes
 * again, with the same Message-ID. So does one that is slower than its lease.
 */
#ifndef SHOP_OUTBOX_H
#define SHOP_OUTBOX_H

#include "shop/common.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- settings ---------------------------------------------------------------- */

/**
 * Whether mail of a kind is written at all. All kinds are but
 * SHOP_MAIL_WELCOME. The confirmation cannot be turned off.
 *
 * @param kind one of enum shop_mail_kind
 * @return SHOP_OK; SHOP_ERR_ARGUMENT for a NULL config, no such kind, or the
 *   confirmation and false
 * @since 0.1.0
 */
SHOP_API int32_t shop_config_set_mail_kind(shop_config_t *config, int32_t kind, bool enabled);

/** Whether the call that causes a mail hands it to the transport itself, after
    the commit; else only `shop_mail_deliver` and `shop_mail_take` give it out.
    Default true. @since 0.1.0 */
SHOP_API int32_t shop_config_set_mail_at_once(shop_config_t *config, bool at_once);

/** How long a deliverer has one mail to itself, 1,000 ms to 1 day. Default
    300,000. @since 0.1.0 */
SHOP_API int32_t shop_config_set_mail_lease_ms(shop_config_t *config, int64_t lease_ms);

/** Within what time the transport gives one mail up, 1 ms to 1 day; 0, the
    default: four fifths of the lease. It is told to the transport
    (`shop_mail_call_timeout_ms`, `shop_mail_timeout_ms`). `shop_open` refuses
    one that is not shorter than the lease, for then two deliverers would have
    one mail in their hands. @since 0.1.0 */
SHOP_API int32_t shop_config_set_mail_timeout_ms(shop_config_t *config, int64_t timeout_ms);

/** How long a mail waits after its first try that ended in "later", 1,000 ms to
    1 day. Each further wait is twice as long, up to the longest, and is made up
    to 9 % longer by chance, so that many mails spread out. Default 60,000.
    @since 0.1.0 */
SHOP_API int32_t shop_config_set_mail_first_wait_ms(shop_config_t *config, int64_t wait_ms);

/** The longest wait between two tries (but for what chance adds), 1,000 ms to
    30 days; a longer first wait is cut to it. Default 21,600,000 (6 hours).
    @since 0.1.0 */
SHOP_API int32_t shop_config_set_mail_longest_wait_ms(shop_config_t *config, int64_t wait_ms);

/** After how many tries that ended in "later" a mail is dead, 1 to 1,000. A
    deliverer that died has not tried. Default 20. @since 0.1.0 */
SHOP_API int32_t shop_config_set_mail_tries_max(shop_config_t *config, int32_t count);

/** How long the text and the recipient of a mail that was sent are kept, 1,000
    ms to 10 years; `shop_maintain` throws them away. That it was sent stays
    known of an order's mail. The text of an account's mail, which may hold a
    link, is thrown away as soon as it is sent. Default 90 days. @since 0.1.0 */
SHOP_API int32_t shop_config_set_mail_life_ms(shop_config_t *config, int64_t life_ms);

/** The same of a mail that is dead. Default 1 year. @since 0.1.0 */
SHOP_API int32_t shop_config_set_mail_dead_life_ms(shop_config_t *config, int64_t life_ms);

/* ---- delivering by the callback ----------------------------------------------- */

/**
 * Hands the mail that is due to the transport, what has been due for longest
 * first: one `shop_mail_take`, one call of the transport and one
 * `shop_mail_done` for each. No mail is handed over twice by one call. Several
 * threads and processes may deliver at once.
 *
 * @param limit     at most this many mails, 1 to 10,000
 * @param delivered receives how many the transport has taken, also when the call
 *   fails after some; NULL when not wanted
 * @return SHOP_OK, also when none was due or none could be delivered (it stays
 *   queued) or no transport is set; SHOP_ERR_ARGUMENT; or as any call that
 *   writes (-5xx, -6xx)
 * @since 0.1.0
 */
SHOP_API int32_t shop_mail_deliver(shop_t *shop, int32_t limit, int32_t *delivered,
                                   shop_error_t *err);

/** What `shop_mail_next_due_ms` gives when no mail waits. */
#define SHOP_MAIL_NONE_DUE INT64_C(-1)
/** SHOP_MAIL_NONE_DUE for callers that see no macros. @since 0.1.0 */
SHOP_API int64_t shop_mail_none_due(void);

/**
 * Tells an event loop when to deliver or take again: when the first wait or
 * lease of all ends. Mail that is queued later may be due sooner.
 *
 * @param due_ms receives the time, in ms since 1970; one that has passed when
 *   mail is due now; SHOP_MAIL_NONE_DUE when none waits
 * @return SHOP_OK; SHOP_ERR_ARGUMENT; or as any call that reads
 * @since 0.1.0
 */
SHOP_API int32_t shop_mail_next_due_ms(shop_t *shop, int64_t *due_ms, shop_error_t *err);

/* ---- delivering by the host's own means ------------------------------------------ */

/** How an attempt to deliver has ended. */
enum shop_mail_outcome {
  /** The next station has taken it over. */
  SHOP_MAIL_DELIVERED = 1,
  /** Not now: it is tried again. */
  SHOP_MAIL_LATER = 2,
  /** It will never be taken. */
  SHOP_MAIL_REJECTED = 3
};

/**
 * Leases the mail that has been due for longest and gives a copy of it. Every
 * mail that is taken should be answered by `shop_mail_done`; one that is not is
 * due again after its lease.
 *
 * @param options a deadline; NULL allowed
 * @param out receives the mail, freed by `shop_mail_free`; NULL, with SHOP_OK,
 *   when none is due
 * @return SHOP_OK; SHOP_ERR_ARGUMENT; or as any call that writes (-5xx, -6xx)
 * @since 0.1.0
 */
SHOP_API int32_t shop_mail_take(shop_t *shop, const shop_options_t *options, shop_mail_t **out,
                                shop_error_t *err);

/**
 * Notes how the delivery of a mail that was taken has ended. "Delivered" counts
 * also after the lease is over; "later" and "rejected" then change nothing, for
 * the mail is another deliverer's. To say the same twice is harmless.
 *
 * @param mail    as from `shop_mail_take`; stays the caller's
 * @param outcome one of enum shop_mail_outcome
 * @param reason  what the server said, kept with "later" and "rejected": up to
 *   255 bytes, one line; an unfit one is dropped; NULL: none
 * @param options a deadline; NULL allowed
 * @return SHOP_OK; SHOP_ERR_ARGUMENT; SHOP_ERR_FOREIGN for a mail of another
 *   shop; or as any call that writes (-5xx, -6xx): then say it again
 * @since 0.1.0
 */
SHOP_API int32_t shop_mail_done(shop_t *shop, const shop_mail_t *mail, int32_t outcome,
                                const char *reason, const shop_options_t *options,
                                shop_error_t *err);

/** Its id, as in `shop_mail_list`. The getters give 0 or "" for NULL; strings
    are borrowed. @since 0.1.0 */
SHOP_API int64_t shop_mail_id(const shop_mail_t *mail);
/** One of enum shop_mail_kind. @since 0.1.0 */
SHOP_API int32_t shop_mail_kind(const shop_mail_t *mail);
/** The envelope sender (MAIL FROM). @since 0.1.0 */
SHOP_API const char *shop_mail_sender(const shop_mail_t *mail);
/** The one envelope recipient (RCPT TO). @since 0.1.0 */
SHOP_API const char *shop_mail_recipient(const shop_mail_t *mail);
/** The number of the order it is about; "": an account. @since 0.1.0 */
SHOP_API const char *shop_mail_order_number(const shop_mail_t *mail);
/** The whole message (RFC 5322, lines end with CRLF), NUL-terminated, to be
    sent as it is. @since 0.1.0 */
SHOP_API const char *shop_mail_message(const shop_mail_t *mail);
/** Its length without the NUL. @since 0.1.0 */
SHOP_API size_t shop_mail_message_bytes(const shop_mail_t *mail);
/** Within what time to give it up, counted from the taking. @since 0.1.0 */
SHOP_API int64_t shop_mail_timeout_ms(const shop_mail_t *mail);
/** Frees a mail that was taken, and wipes it. It stays leased. NULL is harmless.
    @since 0.1.0 */
SHOP_API void shop_mail_free(shop_mail_t *mail);

/* ---- for the merchant ---------------------------------------------------------------- */

/** Where a mail is. */
enum shop_mail_state {
  SHOP_MAIL_QUEUED = 1,
  /** A deliverer has it, or had it and died. */
  SHOP_MAIL_LEASED = 2,
  SHOP_MAIL_SENT = 3,
  /** It was rejected or tried too often: for a person. */
  SHOP_MAIL_DEAD = 4,
  /** Sent or dead long ago: text and recipient were thrown away. */
  SHOP_MAIL_FORGOTTEN = 5
};

/**
 * Lists mail, newest first.
 *
 * @param state     queued, leased, sent or dead (enum shop_mail_state); 0: any
 * @param before_id 0 for the first page, else the id of the last mail seen
 * @param limit     1 to 1,000; a page with fewer is the last
 * @param out       receives the page; freed by `shop_mail_page_free`
 * @return SHOP_OK; SHOP_ERR_ARGUMENT; or as any call that reads
 * @since 0.1.0
 */
SHOP_API int32_t shop_mail_list(shop_t *shop, int32_t state, int64_t before_id, int32_t limit,
                                shop_mail_page_t **out, shop_error_t *err);

/** How many mails the page holds. The getters below give 0 or "" outside;
    strings are borrowed. @since 0.1.0 */
SHOP_API int32_t shop_mail_page_count(const shop_mail_page_t *page);
/** @since 0.1.0 */
SHOP_API int64_t shop_mail_page_id(const shop_mail_page_t *page, int32_t index);
/** One of enum shop_mail_kind. @since 0.1.0 */
SHOP_API int32_t shop_mail_page_kind(const shop_mail_page_t *page, int32_t index);
/** One of enum shop_mail_state. @since 0.1.0 */
SHOP_API int32_t shop_mail_page_state(const shop_mail_page_t *page, int32_t index);
/** The number of the order it is about; "": an account. @since 0.1.0 */
SHOP_API const char *shop_mail_page_order_number(const shop_mail_page_t *page, int32_t index);
/** The user whose order or account it is about; 0: nobody. @since 0.1.0 */
SHOP_API int64_t shop_mail_page_user_id(const shop_mail_page_t *page, int32_t index);
/** The envelope recipient; "": forgotten. @since 0.1.0 */
SHOP_API const char *shop_mail_page_recipient(const shop_mail_page_t *page, int32_t index);
/** How many tries were answered since it was queued. @since 0.1.0 */
SHOP_API int32_t shop_mail_page_tries(const shop_mail_page_t *page, int32_t index);
/** The reason of the latest try that was not "delivered". @since 0.1.0 */
SHOP_API const char *shop_mail_page_reason(const shop_mail_page_t *page, int32_t index);
/** When its cause was committed, in ms since 1970. @since 0.1.0 */
SHOP_API int64_t shop_mail_page_created_at_ms(const shop_mail_page_t *page, int32_t index);
/** When it is due, or its lease ends; 0: it waits no more. @since 0.1.0 */
SHOP_API int64_t shop_mail_page_due_ms(const shop_mail_page_t *page, int32_t index);
/** When it was sent; 0: it was not. @since 0.1.0 */
SHOP_API int64_t shop_mail_page_sent_at_ms(const shop_mail_page_t *page, int32_t index);
/** Frees a page. NULL is harmless. @since 0.1.0 */
SHOP_API void shop_mail_page_free(shop_mail_page_t *page);

/**
 * Puts a dead mail back: it is due at once, with all its tries before it.
 *
 * @param mail_id as from `shop_mail_page_id`
 * @param options a deadline; NULL allowed
 * @return SHOP_OK; SHOP_ERR_ARGUMENT for an id below 1; SHOP_ERR_NOT_FOUND;
 *   SHOP_ERR_STATE when it is not dead, or has no text to send; or as any call
 *   that writes (-5xx, -6xx)
 * @since 0.1.0
 */
SHOP_API int32_t shop_mail_requeue(shop_t *shop, int64_t mail_id, const shop_options_t *options,
                                   shop_error_t *err);

/**
 * Counts the outbox, for monitoring. Reads indices only: a few milliseconds for
 * 100,000 mails that wait, some 30 ms for a million that were sent.
 *
 * @param out receives the counts; freed by `shop_mail_stats_free`
 * @return SHOP_OK; SHOP_ERR_ARGUMENT; or as any call that reads
 * @since 0.1.0
 */
SHOP_API int32_t shop_mail_stats(shop_t *shop, shop_mail_stats_t **out, shop_error_t *err);

/** Mails that wait for a deliverer. @since 0.1.0 */
SHOP_API int64_t shop_mail_stats_queued(const shop_mail_stats_t *stats);
/** Mails in a deliverer's hands. @since 0.1.0 */
SHOP_API int64_t shop_mail_stats_leased(const shop_mail_stats_t *stats);
/** Mails that were sent and are not forgotten. @since 0.1.0 */
SHOP_API int64_t shop_mail_stats_sent(const shop_mail_stats_t *stats);
/** Mails that are dead, for a person. @since 0.1.0 */
SHOP_API int64_t shop_mail_stats_dead(const shop_mail_stats_t *stats);
/** For how long the oldest of those that are queued or leased has been in the
    outbox, in ms; 0: there is none. @since 0.1.0 */
SHOP_API int64_t shop_mail_stats_oldest_age_ms(const shop_mail_stats_t *stats);
/** Frees the counts. NULL is harmless. @since 0.1.0 */
SHOP_API void shop_mail_stats_free(shop_mail_stats_t *stats);

#ifdef __cplusplus
}
#endif
#endif
