/*
 * What the files about users and their accounts share.
 */
#ifndef SHOP_LIB_FLOW_ACCOUNT_H
#define SHOP_LIB_FLOW_ACCOUNT_H

#include "flow.h"

/* ---- account.c: what a user does with the account ------------------------------------ */

/** Into the event log, about a user. detail NULL: none. */
int32_t shop__user_note(shop__tx_t *tx, int64_t user_id, const struct shop__moment *moment,
                        const char *name, const char *detail) SHOP__MUST_USE;
/** SHOP_ERR_USER_DISABLED with its sentence. */
int32_t shop__user_is_disabled(shop__tx_t *tx);

/** How often a call that asks for the account as it is looks again when another call
    has changed it meanwhile. An account that changes at every try is under attack or
    in use by two migrations at once. */
#define SHOP__ACCOUNT_TRIES 4
/** SHOP_ERR_BUSY: after that. */
int32_t shop__account_busy(shop_error_t *err);
/** The user of a token that is good now. */
int32_t shop__user_of_token(shop__tx_t *tx, const shop_token_t *token, int64_t now_ms,
                            struct shop__user_row *user) SHOP__MUST_USE;
/** Copies a text of a user's row; SHOP_ERR_CORRUPT where it does not fit. */
int32_t shop__user_copy(shop__tx_t *tx, char *out, size_t size, const char *text) SHOP__MUST_USE;
/** The language that the user's mails are written in; "": the shop's. */
int32_t shop__user_copy_language(shop__tx_t *tx, char out[SHOP__LANGUAGE_BYTES],
                                 const struct shop__user_row *user) SHOP__MUST_USE;

/** Whose account it is, as the store knew it when the password was asked. */
struct shop__owner {
  const shop_token_t *token;
  const shop_options_t *options; /* the source; or NULL */
  int64_t now_ms;
  /* results */
  int64_t user_id;
  int64_t epoch;
  bool changed; /* the account is no longer what it was: ask again */
  bool refreshed; /* the token came with a refresh token */
  char subject[SHOP__RANDOM_ID_BYTES];
  char email[SHOP__EMAIL_BYTES]; /* as typed */
  char language[SHOP__LANGUAGE_BYTES];
  char password_hash[SHOP__PASSWORD_HASH_BYTES];
  const shop_t *shop;
  struct shop__attempt attempt;
};
/** Reads the owner of the token and compares the password. A wrong one is
    SHOP_ERR_CREDENTIALS and counts as a failed login; SHOP_ERR_THROTTLED and
    SHOP_ERR_LOCKED as at the login (guess.h). */
int32_t shop__owner_prove(shop_t *shop, struct shop__owner *owner, const char *password,
                          int64_t until_us, shop_error_t *err) SHOP__MUST_USE;
/** Inside the write that follows: is the token still good, and the account what
    the password was compared with? If not, owner->changed and SHOP_OK. */
int32_t shop__owner_check(shop__tx_t *tx, struct shop__owner *owner) SHOP__MUST_USE;

/* ---- account_code.c: codes that are mailed ---------------------------------------------- */

/* As the links are numbered (enum shop_link). */
enum shop__code_kind {
  SHOP__CODE_VERIFY = SHOP_LINK_VERIFY,
  SHOP__CODE_RESET = SHOP_LINK_RESET,
  SHOP__CODE_EMAIL = SHOP_LINK_EMAIL,
  SHOP__CODE_REGISTRATION = SHOP_LINK_REGISTRATION,
  SHOP__CODE_UNLOCK = SHOP_LINK_UNLOCK
};
#define SHOP__CODE_BYTES 45 /* 44 characters of base64url and a NUL */
/** A code on its way out, or one that came back; to be wiped. */
struct shop__code {
  int32_t kind;
  int64_t now_ms;
  int64_t expires_at_ms;
  char text[SHOP__CODE_BYTES]; /* "": it came back */
  uint8_t hash[SHOP__DIGEST_BYTES];
};
/** Draws 256 bits. */
void shop__code_draw(const shop_t *shop, int32_t kind, int64_t now_ms, struct shop__code *code);
/** The kind of mail that carries a kind of code. */
int32_t shop__code_mail_kind(int32_t kind);
/** SHOP_ERR_STATE where mail of the kind is turned off. */
int32_t shop__code_mail_check(const shop_t *shop, int32_t mail_kind,
                              shop_error_t *err) SHOP__MUST_USE;
/** Composes the mail that carries the code. */
int32_t shop__code_letter(const shop_t *shop, const struct shop__code *code, int64_t user_id,
                          const char *recipient, const char *language,
                          struct shop__letter *letter, shop_error_t *err) SHOP__MUST_USE;
/** Composes what goes to an address that has an account in the place of the code. */
int32_t shop__exists_letter(const shop_t *shop, const struct shop__code *code, int64_t user_id,
                            const char *recipient, const char *language,
                            struct shop__letter *letter, shop_error_t *err) SHOP__MUST_USE;
/** Queues either of the two; taken: who has the address, 0: nobody. A letter to its owner that
    the shop does not want is deleted in the same commit, so that the rows written are the same. */
int32_t shop__address_mail_queue(shop__tx_t *tx, const shop_t *shop, int64_t taken,
                                 struct shop__post *post, int64_t now_ms) SHOP__MUST_USE;
/** The mail is good as long as the code is: later it is not handed over any more. */
void shop__code_tie(const struct shop__code *code, struct shop__letter *letter);
/** How many of its kind were made for the user within an hour. */
int32_t shop__codes_sent(shop__tx_t *tx, int64_t user_id, const struct shop__code *code,
                         int64_t *count) SHOP__MUST_USE;
/** Stores the hash and ends the older codes of the kind. new_email NULL: none.
 *too_many: nothing was stored, see shop__codes_too_many. */
int32_t shop__code_store(shop__tx_t *tx, const shop_t *shop, const struct shop__code *code,
                         int64_t user_id, const char *new_email, bool *too_many) SHOP__MUST_USE;
/** SHOP_ERR_THROTTLED with its sentence. */
int32_t shop__codes_too_many(shop__tx_t *tx);
/** A text that could be a code, as its hash. */
int32_t shop__code_check(const char *text, int32_t kind, int64_t now_ms, struct shop__code *code,
                         shop_error_t *err) SHOP__MUST_USE;
/** The row of a code that is good now, and its user; else SHOP_ERR_CODE. */
int32_t shop__code_find(shop__tx_t *tx, const struct shop__code *code, struct shop__code_row *row,
                        struct shop__user_row *user) SHOP__MUST_USE;

/* ---- account_request.c: a code for who has but an address ---------------------------------- */

/** A whole public call: mails a code to the address, if it has an account; the answer and
    the cost are the same if not. */
int32_t shop__code_request(shop_t *shop, int32_t kind, const char *email,
                           const shop_options_t *options, shop_error_t *err) SHOP__MUST_USE;

/** What a mail tells that only says what has happened. */
struct shop__notice {
  int64_t user_id;
  const char *recipient;
  const char *language;
  const char *new_email; /* or NULL */
  int64_t now_ms;
};
/** Composes it, to be handed over at once; where the shop does not want mail of the
    kind the letter stays empty. */
int32_t shop__notice_compose(const shop_t *shop, int32_t mail_kind,
                             const struct shop__notice *notice, struct shop__post *post,
                             shop_error_t *err) SHOP__MUST_USE;
/** Queues a letter that is not empty. */
int32_t shop__notice_queue(shop__tx_t *tx, struct shop__post *post, int64_t now_ms) SHOP__MUST_USE;

/* ---- account_close.c: the end ------------------------------------------------------------ */

/** Ends the user's open cart and gives back what it holds. One that is being bought
    is left to its purchase. */
int32_t shop__cart_drop(shop__tx_t *tx, int64_t user_id, int64_t now_ms) SHOP__MUST_USE;

/* ---- registration.c: registering by mail ------------------------------------------------ */

/** What shop_user_register or shop_guest_register was given, checked. */
struct shop__registering {
  const char *email;
  const char *email_key;
  const char *password;
  const char *language; /* NULL: the shop's */
  const shop_token_t *guest; /* who becomes the user; NULL: a new one */
  const struct shop__once *once;
  struct shop__attempt *gate;
};
/** Stores the registration and mails the address; SHOP_CONFIRM_MAIL. */
int32_t shop__register_by_mail(shop_t *shop, const struct shop__registering *by,
                               const shop_options_t *options, shop_error_t *err) SHOP__MUST_USE;

/* ---- account_session.c: the sessions of a user ----------------------------------------- */

/** Notes that a token was used, where the last note is old. What fails here fails
    nothing. */
void shop__session_touch(shop_t *shop, const shop_token_t *token, int64_t last_used_at_ms,
                         int64_t now_ms);

#endif
