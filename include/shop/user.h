/*
 * Users: people with an e-mail address and a password. Steps 1 and 2 of the
 * timeline, and what a merchant may look up.
 *
 * An address is one mailbox as RFC 5321 writes it (local part up to 64 bytes,
 * 254 in all), UTF-8 allowed as in RFC 6531. Two addresses are the same user
 * when they differ only in the case of ASCII letters; every other byte counts
 * ("É" and "é" are two). Mail goes to the address as it was typed.
 */
#ifndef SHOP_USER_H
#define SHOP_USER_H

#include "shop/common.h"

#ifdef __cplusplus
extern "C" {
#endif

/**
 * Whether `shop_user_register` goes by mail, so that it does not tell who has an
 * account (OWASP ASVS 2.2, WSTG-IDNT-04). It then stores the registration, makes no
 * account, gives no token, and answers SHOP_CONFIRM_MAIL: a free address is mailed a
 * code for `shop_user_register_confirm` (SHOP_MAIL_REGISTRATION), a taken one is
 * mailed that it has an account (SHOP_MAIL_ACCOUNT_EXISTS). Either way one hash is
 * computed, the same statements and commits are made, and the mail is not handed
 * over by this call itself.
 *
 * A registration waits as long as a code for an address (`shop_config_set_verify_life_ms`),
 * and is thrown away with its mail afterwards. Each stands by itself: a later one for
 * the address neither replaces nor ends it, so a stranger can spoil nobody's; the
 * first that is confirmed ends the others. Of one address up to
 * `shop_config_set_codes_hourly_max` are taken in an hour, whoever asks: so many
 * strangers, or one without a source, keep its owner waiting for that hour.
 *
 * @param by_mail default false: the account is made at once, and SHOP_ERR_EMAIL_TAKEN
 *                tells
 * @return SHOP_OK; SHOP_ERR_ARGUMENT
 * @since 0.1.0
 */
SHOP_API int32_t shop_config_set_register_by_mail(shop_config_t *config, bool by_mail);
/** How many registrations wait at once; a further one takes the place of that which
    expires first. One takes about 500 bytes, besides its mail. @param count 100 to
    10,000,000; default 100,000 @return SHOP_OK; SHOP_ERR_ARGUMENT @since 0.1.0 */
SHOP_API int32_t shop_config_set_registrations_max(shop_config_t *config, int32_t count);

/**
 * Makes an account and gives its first token: no login is needed after it. Where the
 * shop registers by mail (above) it does neither.
 *
 * @param email    one mailbox
 * @param password at least 8 characters, up to 1,024 bytes, any but NUL, see
 *                 password.h; stored as an Argon2id hash
 * @param options  take the language, the idempotency key, the deadline, the label and the source,
 *                 which is known for the user from now on (guess.h). The key
 *                 belongs to the address; a repetition needs the right password
 *                 and gets a fresh token. By mail a repetition stores and mails
 *                 nothing more, and label and source are the confirming call's
 * @param out      receives the token; freed by `shop_token_free`
 * @return SHOP_OK; SHOP_ERR_ARGUMENT something is NULL or empty;
 *   SHOP_ERR_TEXT the address is not UTF-8; SHOP_ERR_TOO_LONG;
 *   SHOP_ERR_EMAIL; SHOP_ERR_PASSWORD, SHOP_ERR_PASSWORD_COMMON,
 *   SHOP_ERR_PASSWORD_REFUSED and SHOP_ERR_PASSWORD_UNCHECKED by the rules of
 *   password.h; SHOP_ERR_EMAIL_TAKEN; SHOP_ERR_USER_DISABLED a repetition;
 *   SHOP_ERR_THROTTLED too many registrations from this source, or by mail of this
 *   address, taken or not; SHOP_CONFIRM_MAIL by mail, SHOP_ERR_STATE the shop writes no
 *   mail for it, SHOP_ERR_BUSY the address kept changing hands meanwhile;
 *   SHOP_ERR_DEADLINE; or as any call that writes (-5xx, -6xx)
 * @since 0.1.0
 */
SHOP_API int32_t shop_user_register(shop_t *shop, const char *email, const char *password,
                                    const shop_options_t *options, shop_token_t **out,
                                    shop_error_t *err);

/**
 * Finishes a registration that goes by mail: makes the account, whose address is
 * verified by it, and gives its first token.
 *
 * It asks for the password that was registered with, besides the code: by the code
 * alone somebody could register another's address with a password of his own, and the
 * owner who follows the mail would open the account to him (account pre-hijacking;
 * Sudhodanan and Paverd, USENIX Security 2022). A page for it asks for the password
 * and shows the address, and never sets a password anew.
 *
 * @param email    as it was registered with
 * @param password as it was registered with
 * @param code     as it was mailed
 * @param options  take the deadline, the label, and the source, which is known for the
 *                 user from now on (guess.h)
 * @param out      receives the token; freed by `shop_token_free`. Who loses the answer
 *                 logs in
 * @return SHOP_OK; SHOP_ERR_ARGUMENT something is NULL or empty;
 *   SHOP_ERR_CODE wrong code, address or password, used, expired, pushed out by others,
 *   or the address has an account by now: which, is not told. It is counted as a
 *   failed login, with SHOP_ERR_THROTTLED and SHOP_ERR_LOCKED as there (guess.h); of a
 *   good code for itself, so that no stranger's tries at the address count against it;
 *   SHOP_ERR_DEADLINE; SHOP_ERR_BUSY the guest who registered (guest.h) is being
 *   changed: try again; or as any call that writes
 * @since 0.1.0
 */
SHOP_API int32_t shop_user_register_confirm(shop_t *shop, const char *email,
                                            const char *password, const char *code,
                                            const shop_options_t *options, shop_token_t **out,
                                            shop_error_t *err);

/**
 * Gives a new token to who knows the password. An unknown address costs the
 * same time and gives the same error as a wrong password, and is counted in the
 * same way; guess.h has the rule of who may try when. A hash of another cost or
 * pepper than the set one is replaced.
 *
 * @param options take the deadline, the label and the source
 * @param out     receives the token; freed by `shop_token_free`
 * @return SHOP_OK; SHOP_ERR_ARGUMENT something is NULL or empty;
 *   SHOP_ERR_CREDENTIALS unknown address or wrong password, or texts that
 *   could be neither; SHOP_ERR_THROTTLED, SHOP_ERR_LOCKED nothing was tried,
 *   see guess.h; SHOP_ERR_USER_DISABLED, told only to who knows the password;
 *   SHOP_ERR_DEADLINE; or as any call that writes
 * @since 0.1.0
 */
SHOP_API int32_t shop_user_login(shop_t *shop, const char *email, const char *password,
                                 const shop_options_t *options, shop_token_t **out,
                                 shop_error_t *err);

/**
 * Finds a user by address (merchant's call: it tells who has an account).
 *
 * @param out receives the user; freed by `shop_user_free`
 * @return SHOP_OK; SHOP_ERR_ARGUMENT; SHOP_ERR_NOT_FOUND, also for a text that
 *   is no address; or as any call that reads (-5xx, -6xx)
 * @since 0.1.0
 */
SHOP_API int32_t shop_user_find_by_email(shop_t *shop, const char *email, shop_user_t **out,
                                         shop_error_t *err);
/** As `shop_user_find_by_email`, by id. @since 0.1.0 */
SHOP_API int32_t shop_user_find_by_id(shop_t *shop, int64_t user_id, shop_user_t **out,
                                      shop_error_t *err);

/**
 * Keeps a short text and the host's own id with a user (merchant's call).
 *
 * @param note        up to 1,000 bytes, may have line breaks; NULL: none
 * @param external_id up to 255 bytes, one line; NULL: none. Need not be unique
 * @param options     takes the deadline
 * @return SHOP_OK; SHOP_ERR_ARGUMENT; SHOP_ERR_TEXT; SHOP_ERR_TOO_LONG;
 *   SHOP_ERR_NOT_FOUND, also of a user who is erased; or as any call that writes
 * @since 0.1.0
 */
SHOP_API int32_t shop_user_set_metadata(shop_t *shop, int64_t user_id, const char *note,
                                        const char *external_id, const shop_options_t *options,
                                        shop_error_t *err);

/**
 * Disables or enables an account (merchant's call). From the next call on, in
 * every process, nothing is done for a disabled user, and every token ends for
 * good: who is enabled again logs in. A purchase that has its order already
 * goes on. Repeating it changes nothing.
 *
 * @param options takes the deadline
 * @return SHOP_OK; SHOP_ERR_ARGUMENT; SHOP_ERR_NOT_FOUND; or as any call that
 *   writes
 * @since 0.1.0
 */
SHOP_API int32_t shop_user_set_disabled(shop_t *shop, int64_t user_id, bool disabled,
                                        const shop_options_t *options, shop_error_t *err);

/**
 * The shopper chooses the language of mails to them (template.h); orders that
 * were made before keep theirs.
 *
 * @param language a tag of BCP 47, such as "de" or "pt-BR"; NULL: the shop's
 * @param options  takes the deadline
 * @return SHOP_OK; SHOP_ERR_ARGUMENT; the token's -2xx; or as any call that
 *   writes
 * @since 0.1.0
 */
SHOP_API int32_t shop_user_set_language(shop_t *shop, const shop_token_t *token,
                                        const char *language, const shop_options_t *options,
                                        shop_error_t *err);

/**
 * Erases a person (merchant's call). From its first moment on the account is
 * gone: nobody is found under the address, which may register anew, and no token
 * of it is good. Away with it go the note and external id, tokens, idempotency
 * keys, known sources, registrations that wait, the open cart with what it holds,
 * what is in carts that were left, the texts and recipients of mail (what waits
 * is not sent any more) and the details of events; in the orders, the address
 * copies, the note, and what the gateway has said or was given of the person.
 * What was bought and paid stays: orders, lines, amounts, operations with the
 * gateway's references, stock, the names of events.
 *
 * An order whose payment is not final keeps its copies until it is;
 * `shop_maintain` goes on with it then, and with what a crash has cut off. It
 * is safe to repeat, and takes away what has come since, such as an order's note.
 *
 * The store's pages and its log are overwritten, as far as no other process is
 * reading at that time (else `shop_maintain` does it). Backups are the host's.
 *
 * @param options        takes the deadline
 * @param orders_waiting optional; receives the number of orders that wait
 * @return SHOP_OK; SHOP_ERR_ARGUMENT; SHOP_ERR_NOT_FOUND; or as any call that
 *   writes: what was erased until then stays erased
 * @since 0.1.0
 */
SHOP_API int32_t shop_user_erase(shop_t *shop, int64_t user_id, const shop_options_t *options,
                                 int32_t *orders_waiting, shop_error_t *err);

/**
 * All that is held about a user, as JSON (merchant's call, for a disabled, closed or
 * erased user as well): the answer to who asks for access to their data or takes them
 * elsewhere (GDPR, articles 15 and 20). It is written from one snapshot of the store,
 * and no writer waits for it.
 *
 * The format is "libshop-export/1", described by docs/export.schema.json: the account,
 * its sessions, known sources, codes, carts, orders with lines, payment, operations,
 * reports, mails and history, the mails and events of the account, idempotency keys.
 * Amounts are integers in minor units beside their currency, times are in ms since 1970,
 * ids are below 2^53, states are words; new members may come, none goes. Of secrets it
 * tells that they are there and until when: in it are no password hash, no token, no
 * code, no text of a mail that carries a code, nothing that a gateway gave for the
 * shopper's next step. Nor does it tell a user whether an address that is not theirs has
 * an account: mails to one are left out. What the gateway and the host hold is theirs to tell.
 *
 * The text is made in memory: 3 KB for a small order, and as much again while the texts
 * of its mails are kept (`shop_config_set_mail_life_ms`). A user with 100,000 orders
 * gave 290 MB in 3 s, and the process held those and 10 MB more.
 *
 * @param out receives the text; freed by `shop_text_free`
 * @return SHOP_OK; SHOP_ERR_ARGUMENT; SHOP_ERR_NOT_FOUND; or as any call that reads
 *   (-5xx, -6xx)
 * @since 0.1.0
 */
SHOP_API int32_t shop_user_export(shop_t *shop, int64_t user_id, shop_text_t **out,
                                  shop_error_t *err);

/** The id, below 2^53; 0 for NULL. @since 0.1.0 */
SHOP_API int64_t shop_user_id(const shop_user_t *user);
/** The address as typed. Borrowed; "" for NULL and of a guest. @since 0.1.0 */
SHOP_API const char *shop_user_email(const shop_user_t *user);
/** The language of mails to this user. Borrowed; "": the shop's. @since 0.1.0 */
SHOP_API const char *shop_user_language(const shop_user_t *user);
/** The claim "sub" of this user's tokens. Borrowed; "" for NULL. @since 0.1.0 */
SHOP_API const char *shop_user_subject(const shop_user_t *user);
/** When the account was made, in ms since 1970; of one that was a guest's, when the
    guest came. @since 0.1.0 */
SHOP_API int64_t shop_user_created_at_ms(const shop_user_t *user);
/** Whether the merchant has disabled it. @since 0.1.0 */
SHOP_API bool shop_user_is_disabled(const shop_user_t *user);
/** Whether the address was verified, by a code that was mailed to it.
    @since 0.1.0 */
SHOP_API bool shop_user_is_verified(const shop_user_t *user);
/** Whether the user has closed it (`shop_account_close`). @since 0.1.0 */
SHOP_API bool shop_user_is_closed(const shop_user_t *user);
/** Whether it is a guest, without address and password (guest.h). @since 0.1.0 */
SHOP_API bool shop_user_is_guest(const shop_user_t *user);
/** The merchant's text. Borrowed; "" when there is none. @since 0.1.0 */
SHOP_API const char *shop_user_note(const shop_user_t *user);
/** The host's own id. Borrowed; "" when there is none. @since 0.1.0 */
SHOP_API const char *shop_user_external_id(const shop_user_t *user);
/** Frees a user. NULL is harmless. @since 0.1.0 */
SHOP_API void shop_user_free(shop_user_t *user);

#ifdef __cplusplus
}
#endif
#endif
