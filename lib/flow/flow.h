/*
 * What the files of lib/flow share. The room's door upward is the public API;
 * this header is for its own files.
 */
#ifndef SHOP_LIB_FLOW_H
#define SHOP_LIB_FLOW_H

#include <pthread.h>
#include <stdatomic.h>
#include <sys/types.h>

#include "base.h"
#include "db.h"
#include "mail.h"
#include "rows.h"
#include "secret.h"
#include "shop.h"

/* The largest integer that JSON and IEEE doubles hold exactly. */
#define SHOP__EXACT_MAX ((INT64_C(1) << 53) - 1)

#define SHOP__DAY_MS INT64_C(86400000)

/* ---- limits of texts, in bytes ------------------------------------------- */

#define SHOP__TOKEN_SKEW_MAX_MS INT64_C(600000)
#define SHOP__PATH_MAX 500 /* SQLite takes 512, with its suffixes */
#define SHOP__NAME_MAX 200
#define SHOP__KEY_MAX 255
#define SHOP__SOURCE_MAX 255
#define SHOP__NOTE_MAX 1000
#define SHOP__EXTERNAL_ID_MAX 255
#define SHOP__SKU_MAX 64
#define SHOP__PRODUCT_NAME_MAX 255
#define SHOP__DESCRIPTION_MAX 65535
#define SHOP__METHOD_MAX 255
#define SHOP__REFERENCE_MAX 255
#define SHOP__REASON_MAX 255
#define SHOP__LABEL_MAX 100
#define SHOP__ADDRESS_MAX 1000
#define SHOP__CLIENT_DATA_MAX 4000
#define SHOP__RETURNS_MAX 100
#define SHOP__ADJUSTMENTS_MAX 20
#define SHOP__PAGE_MAX 1000
#define SHOP__ORDER_NUMBER_BYTES 13

/* ---- config.c ------------------------------------------------------------- */

struct shop__gateway_callback {
  shop_gateway_fn fn; /* NULL: not set */
  void *user;
};

struct shop__guess_settings {
  int32_t tries_free;
  int64_t wait_ms;
  int64_t wait_max_ms;
  int32_t tries_lock;
  int64_t lock_ms;
  int32_t source_tries_free;
  int64_t life_ms;
  int32_t rows_max;
  int32_t source_mails_max; /* in an hour */
};
#define SHOP__LINK_MAX 500
/** Codes that are mailed. */
struct shop__code_settings {
  int64_t verify_life_ms;
  int64_t reset_life_ms;
  int32_t hourly_max; /* of one kind, for one user */
  bool purchase_needs_verified;
  char link_bases[SHOP_LINK_UNLOCK + 1][SHOP__LINK_MAX + 1]; /* "": the mail shows the code */
  bool register_by_mail;
  int64_t registrations_max; /* that wait at once */
};
void shop__code_defaults(struct shop__code_settings *settings);

struct shop_config {
  char name[SHOP__NAME_MAX + 1];
  char mail_from[SHOP__EMAIL_BYTES];
  char issuer[SHOP__ISSUER_MAX_BYTES + 1];
  char audience[SHOP__ISSUER_MAX_BYTES + 1]; /* "": none */
  int32_t durability;
  int64_t busy_timeout_ms;
  int32_t token_algorithm;
  int64_t token_life_ms;
  int64_t token_skew_ms;
  int64_t access_life_ms; /* 0: tokens come without a refresh token */
  int64_t refresh_life_ms;
  int64_t refresh_idle_ms;
  struct shop__hasher_settings password;
  struct shop__peppers peppers;
  struct shop__seal seal; /* of the signing keys; changed by shop_key_rewrap, under the lock */
  int32_t password_length_min; /* characters */
  shop_password_fn password_check;
  void *password_check_user;
  struct shop__guess_settings guess;
  int32_t cart_lines_max;
  int32_t quantity_max;
  struct shop__clock clock;
  void (*log)(void *user, int32_t level, const char *text);
  void *log_user;
  struct shop__gateway_callback gateway[SHOP_OPERATION_REFUND + 1]; /* by kind; 0: query */
  int64_t gateway_key_life_ms;
  bool gateway_honours_keys;
  int64_t gateway_lease_ms;
  int64_t payment_hold_ms;
  int64_t authorization_life_ms;
  int64_t cart_life_ms;
  int64_t guest_life_ms;
  int64_t cart_hold_max_ms;
  int64_t idempotency_life_ms;
  int64_t event_life_ms;
  int64_t closed_life_ms; /* 0: for ever */
  char language[SHOP__LANGUAGE_BYTES]; /* of mails, where the reader's is not known */
  char mail_reply_to[SHOP__EMAIL_BYTES]; /* "": none */
  struct shop__mail_templates *templates; /* the config's own; NULL: none; never the open shop's */
  shop_mail_fn transport;
  void *transport_user;
  bool mail_kinds[SHOP_MAIL_REGISTRATION + 1]; /* by kind: whether it is written */
  bool mail_at_once;
  int64_t mail_lease_ms;
  int64_t mail_timeout_ms; /* 0: by the lease */
  int64_t mail_first_wait_ms;
  int64_t mail_longest_wait_ms;
  int32_t mail_tries_max;
  int64_t mail_life_ms;
  int64_t mail_dead_life_ms;
  struct shop__code_settings codes;
};

void shop__config_defaults(struct shop_config *config);
/** What one setter alone cannot see. */
int32_t shop__config_check(const struct shop_config *config, shop_error_t *err) SHOP__MUST_USE;
/** Within what time the mail transport is to give one mail up. */
int64_t shop__mail_timeout_ms(const struct shop_config *config);

/* ---- options.c ------------------------------------------------------------ */

struct shop_options {
  char key[SHOP__KEY_MAX + 1]; /* "": none */
  int64_t expected_version;    /* 0: none */
  int64_t deadline_ms;         /* 0: none */
  char language[SHOP__LANGUAGE_BYTES]; /* "": none */
  char label[SHOP__LABEL_MAX + 1];
  char source[SHOP__SOURCE_MAX + 1]; /* "": none */
};
#define SHOP__TAKES_SOURCE 64
#define SHOP__TAKES_LANGUAGE 128

enum shop__options_taken {
  SHOP__TAKES_DEADLINE = 0,
  SHOP__TAKES_KEY = 1,
  SHOP__TAKES_VERSION = 2,
  SHOP__TAKES_LABEL = 4
};
/** Refuses what is set and not taken. options may be NULL. */
int32_t shop__options_check(const shop_options_t *options, int32_t taken,
                            shop_error_t *err) SHOP__MUST_USE;
/** NULL: none is given. options may be NULL. */
const char *shop__options_source(const shop_options_t *options);
/** The write rule of a call; options may be NULL. */
struct shop__db_write_rule shop__options_rule(const shop_options_t *options, bool payment);
/** The language that is set, or NULL. */
const char *shop__options_language(const shop_options_t *options);
/** The label that is set, or NULL. */
const char *shop__options_label(const shop_options_t *options);

/** A caller's deadline, for a call that works before it writes. */
struct shop__patience {
  int64_t until_us; /* on the monotonic clock; 0: no deadline */
};
struct shop__patience shop__patience_begin(const shop_options_t *options);
/** The write rule with what is left of it; SHOP_ERR_DEADLINE: nothing is. */
int32_t shop__patience_rule(const struct shop__patience *patience,
                            struct shop__db_write_rule *rule, shop_error_t *err) SHOP__MUST_USE;

/* ---- shop.c: the open shop, its calls and its callbacks -------------------- */

/** One signing key in memory; the list only grows while the shop is open. */
struct shop__key_node {
  struct shop__key key;
  struct shop__key_node *next;
};

/** A callback that runs now, so that `shop_close` from inside one is seen. It
    lives on the stack of the call that makes it. */
struct shop__callback {
  pthread_t thread;
  bool inside; /* inside a transaction: may not call back */
  struct shop__callback *next;
};

struct shop {
  struct shop_config config;
  char store_id[SHOP__STORE_ID_BYTES];
  pid_t pid;
  shop__db_t *db;
  shop__hasher_t *hasher;
  uint8_t guess_secret[SHOP__GUESS_SECRET_BYTES]; /* the store's: its counters are named under it */
  struct shop__mail_templates *templates; /* never changes while open */
  _Atomic(struct shop__key_node *) keys;
  _Atomic(const struct shop__key *) signing; /* in the list */
  pthread_mutex_t lock;                      /* guards what follows */
  pthread_cond_t idle;
  int32_t calls;
  bool closing;
  struct shop__callback *callbacks;
  int32_t callbacks_inside;
};

/** The door of every public call: clears err; NULL, forked and closing shops
    are refused. SHOP_OK obliges to shop__leave. */
int32_t shop__enter(shop_t *shop, shop_error_t *err) SHOP__MUST_USE;
/** As shop__enter, for a shopper's call: also checks whose token it is. */
int32_t shop__enter_token(shop_t *shop, const shop_token_t *token,
                          shop_error_t *err) SHOP__MUST_USE;
/** Gives status back, so that a call can end with it. */
int32_t shop__leave(shop_t *shop, int32_t status);
/** SHOP_ERR_FORKED in a child; to be asked again after a callback, which may
    have forked and come back in both. */
int32_t shop__same_process(const shop_t *shop, shop_error_t *err) SHOP__MUST_USE;
void shop__callback_begin(shop_t *shop, struct shop__callback *callback);
/** As shop__callback_begin, for a callback that runs inside a transaction: a
    call of the library from inside it is refused. */
void shop__callback_begin_inside(shop_t *shop, struct shop__callback *callback);
void shop__callback_end(shop_t *shop, struct shop__callback *callback);
int64_t shop__now_ms(const shop_t *shop);
/** To the host's log callback, outside of any transaction. */
void shop__log(shop_t *shop, int32_t level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/** SHOP_ERR_NO_MEMORY with its sentence. */
int32_t shop__no_memory(shop_error_t *err);
/** SHOP_ERR_ARGUMENT: `what` must not be NULL. */
int32_t shop__missing(const char *what, shop_error_t *err);
/** The rule of the merchant's note and external id. */
int32_t shop__metadata_check(const char *note, const char *external_id,
                             shop_error_t *err) SHOP__MUST_USE;
/** A page's limit: 1 to SHOP__PAGE_MAX. */
int32_t shop__page_check(int64_t cursor, int32_t limit, shop_error_t *err) SHOP__MUST_USE;
/** A page that is asked for by a cursor and a limit, and packed by a function. */
struct shop__page {
  int64_t cursor; /* 0: the first page */
  int32_t limit;
  struct shop__pack pack;
};
/** Checks the page, runs fn in a read, and gives what it has packed. ctx: the page,
    or what it is the first member of. */
int32_t shop__page_give(shop_t *shop, struct shop__page *page, shop__db_fn fn, void *ctx,
                        void **out, shop_error_t *err) SHOP__MUST_USE;
/** Inside a write: a snapshot that could not be built undoes the write, so that
    failure changes nothing. */
int32_t shop__pack_check(shop__tx_t *tx, const struct shop__pack *pack) SHOP__MUST_USE;
/** Gives the finished snapshot to *out, or answers SHOP_ERR_NO_MEMORY. */
int32_t shop__give(struct shop__pack *pack, void **out, shop_error_t *err) SHOP__MUST_USE;

/* ---- text.c ------------------------------------------------------------------- */

/** Gives the bytes to a new text, or frees them: SHOP_ERR_NO_MEMORY. They are
    empty afterwards. */
int32_t shop__text_give(struct shop__bytes *bytes, shop_text_t **out,
                        shop_error_t *err) SHOP__MUST_USE;

/* ---- keyring.c --------------------------------------------------------------- */

/** Reads the signing keys, makes what is missing, and picks the one that signs. */
int32_t shop__keyring_refresh(shop_t *shop, shop_error_t *err) SHOP__MUST_USE;
/** A copy of the seal of the moment; to be wiped. */
struct shop__seal shop__keyring_seal(shop_t *shop);
/** The key of a row that is not retired. */
int32_t shop__keyring_load(const struct shop__seal *seal, const struct shop__signing_key_row *row,
                           struct shop__key *key, shop_error_t *err) SHOP__MUST_USE;
/** Inside a write: a new key, which signs from now on. */
int32_t shop__keyring_store(shop__tx_t *tx, const struct shop__seal *seal,
                            const struct shop__key *key, int64_t now_ms) SHOP__MUST_USE;
/** Seals what stands open in the store; with another seal than the shop's, all,
    and takes that one. */
int32_t shop__keyring_wrap(shop_t *shop, const struct shop__seal *seal,
                           const struct shop__db_write_rule *rule,
                           shop_error_t *err) SHOP__MUST_USE;
/** Takes a key into use that is in the store now; the node is the keyring's. */
void shop__keyring_take(shop_t *shop, struct shop__key_node *node);
void shop__keyring_close(shop_t *shop);
/** The key of a kid, also when another process has made it; *key NULL: none. */
int32_t shop__keyring_find(shop_t *shop, const char *kid, const struct shop__key **key,
                           shop_error_t *err) SHOP__MUST_USE;

/* ---- password.c ---------------------------------------------------------------- */

/** Every rule of a new password, the host's own last: for register, change and
    reset, before the hash and outside of transactions. email: the user's, as
    typed; "" where there is none. */
int32_t shop__new_password_check(shop_t *shop, const char *email, const char *password,
                                 shop_error_t *err) SHOP__MUST_USE;
/** Notes the pepper in the store; SHOP_ERR_PEPPER where a used one is missing. */
int32_t shop__peppers_open(shop_t *shop, shop_error_t *err) SHOP__MUST_USE;

/* ---- erase.c ------------------------------------------------------------------- */

/** Begins with closed accounts whose time is over; *count grows by their number. */
int32_t shop__erase_closed(shop_t *shop, int64_t *count, shop_error_t *err) SHOP__MUST_USE;
/** Goes on with users whose erasing was cut off or had to wait. */
int32_t shop__erase_go_on(shop_t *shop, shop_error_t *err) SHOP__MUST_USE;

/* ---- guess.c: wrong passwords are counted, and make their sender wait ------------- */

struct shop__counter {
  uint8_t key[SHOP__GUESS_KEY_BYTES];
  struct shop__guess_row row;
};
/** One try of a password. It is begun before the store is asked, looked at in
    the transaction that reads the account, proved, and, where the password was
    right, ended in the transaction that grants what it was for. */
struct shop__attempt {
  const shop_t *shop;
  bool has_source;
  struct shop__counter account; /* the last three: only with a source */
  struct shop__counter pair;
  struct shop__counter source;
  int64_t user_id; /* 0: nobody's */
  int64_t now_ms;  /* of the look */
  bool known;      /* the source, for this user */
  int64_t known_at_ms;
};
void shop__guess_defaults(struct shop__guess_settings *settings);
/** After how long without a change no counter makes anybody wait. */
int64_t shop__guess_life_ms(const struct shop__guess_settings *settings);
/** account: the key of the address, or what was typed in its place; the same
    text must be given wherever the password of one account is asked. */
void shop__attempt_begin(const shop_t *shop, const char *account, const shop_options_t *options,
                         struct shop__attempt *attempt);
/** Inside a read: the counters. user_id 0: there is no such user; the cost is
    the same. */
int32_t shop__attempt_look(shop__tx_t *tx, struct shop__attempt *attempt,
                           int64_t user_id) SHOP__MUST_USE;
/** As shop__password_verify, for who may try now: SHOP_ERR_THROTTLED or
    SHOP_ERR_LOCKED, without a hash, for who may not. A password that does not
    match is counted, in a transaction of its own, before this returns. */
int32_t shop__attempt_prove(shop_t *shop, struct shop__attempt *attempt, const char *stored,
                            const char *password, int64_t until_us, bool *match, bool *stale,
                            shop_error_t *err) SHOP__MUST_USE;
/** Inside the write that follows a good proof: clears the counters that stood in
    its way and knows the source from now on. */
int32_t shop__attempt_succeed(shop__tx_t *tx, const struct shop__attempt *attempt) SHOP__MUST_USE;
/** Inside a write: the attempt's source is the user's, by another proof (a code
    from a mail). The attempt must have a source. */
int32_t shop__source_trust(shop__tx_t *tx, const struct shop__attempt *attempt,
                           int64_t user_id) SHOP__MUST_USE;
/** Inside a write: the user has proved the account by a mailed code. What the guessing
    of others has put in the way here is cleared: the account's wait, and for the
    attempt's source, if it has one, the lock; it is the user's from now on. */
int32_t shop__attempt_forgive(shop__tx_t *tx, const struct shop__attempt *attempt,
                              int64_t user_id) SHOP__MUST_USE;
/** Likewise, and no more than is needed: with a source the account's wait goes on for
    others, for it does not count where the user is known. */
int32_t shop__attempt_unlock(shop__tx_t *tx, const struct shop__attempt *attempt,
                             int64_t user_id) SHOP__MUST_USE;
/** Inside the write of a new password: only the attempt's source stays known, for who
    knew the old one may have been known as well. */
int32_t shop__sources_forget_others(shop__tx_t *tx, const struct shop__attempt *attempt,
                                    int64_t user_id) SHOP__MUST_USE;
/** Calls that are counted by source alone. kind: 'r' register, 'g' guests. Without a source nothing is counted. SHOP_ERR_THROTTLED. */
int32_t shop__gate_check(shop_t *shop, char kind, const shop_options_t *options,
                         struct shop__attempt *gate, shop_error_t *err) SHOP__MUST_USE;
/** Inside the write of such a call, whether it succeeds or not. */
int32_t shop__gate_count(shop__tx_t *tx, struct shop__attempt *gate) SHOP__MUST_USE;
/** The same for calls that ask for a mail, of which a source has so many in an hour,
    whatever the address; SHOP_ERR_THROTTLED by either. */
int32_t shop__mail_gate_check(shop_t *shop, const shop_options_t *options,
                              struct shop__attempt *gate, shop_error_t *err) SHOP__MUST_USE;
int32_t shop__mail_gate_count(shop__tx_t *tx, struct shop__attempt *gate) SHOP__MUST_USE;

/* ---- guest.c: shoppers without an address --------------------------------------- */

/** SHOP_ERR_GUEST with its sentence. */
int32_t shop__guest_refuse(shop__tx_t *tx);
/** As shop__token_check, of a guest's token: SHOP_ERR_STATE for one of an account. */
int32_t shop__guest_check(shop__tx_t *tx, const shop_token_t *token, int64_t now_ms,
                          struct shop__token_row *row) SHOP__MUST_USE;
/** Inside a write: the account gets what is in the guest's cart, and the guest ends. */
int32_t shop__guest_join(shop__tx_t *tx, const shop_t *shop, const shop_token_t *token,
                         int64_t user_id) SHOP__MUST_USE;

/* ---- guest_prune.c ------------------------------------------------------------------ */

/** Throws guests away whose time is over, in short steps; *count grows by their number. */
int32_t shop__guests_prune(shop_t *shop, int64_t *count, shop_error_t *err) SHOP__MUST_USE;

/* ---- cart_merge.c: two shoppers become one ---------------------------------------- */

/** Inside a write: the living cart of one user is joined to another's, by the rule of
    shop/guest.h. */
int32_t shop__carts_merge(shop__tx_t *tx, const shop_t *shop, int64_t from_user_id,
                          int64_t into_user_id, int64_t now_ms) SHOP__MUST_USE;

/* ---- token.c ------------------------------------------------------------------ */

#define SHOP__REFRESH_BYTES SHOP__RANDOM_SECRET_BYTES

/** The refresh token that came with a token. */
struct shop__refresh_text {
  char text[SHOP__REFRESH_BYTES]; /* "": none */
  uint8_t hash[SHOP__REFRESH_HASH_BYTES];
  uint8_t parent[SHOP__REFRESH_HASH_BYTES];
  int64_t family_id; /* 0: begins one; else parent says which was used for it */
  int64_t expires_at_ms;
  int64_t family_expires_at_ms;
};

struct shop_token {
  char store_id[SHOP__STORE_ID_BYTES];
  char subject[SHOP__RANDOM_ID_BYTES];
  char jti[SHOP__RANDOM_ID_BYTES];
  char kid[SHOP__KID_BYTES];             /* of the key that signed it */
  char scope[SHOP__SCOPE_MAX_BYTES + 1]; /* "": none */
  int64_t user_id;                       /* 0 until the store was asked */
  int64_t epoch;
  int64_t issued_at_ms;
  int64_t expires_at_ms;
  /* the two as the clock is asked, with the skew that the shop allows */
  int64_t good_from_ms;
  int64_t good_until_ms;
  char *jwt;
  struct shop__refresh_text refresh;
};

/** What a new token says. */
struct shop__grant {
  const char *subject;
  int64_t epoch;
  int64_t now_ms;
  const char *scope; /* NULL or "": none */
  int64_t life_ms;   /* 0: the shop's */
  bool alone;        /* without a refresh token, whatever the shop's settings */
  /* what a refresh goes on with; NULL: a family of its own */
  const struct shop__refresh_row *refreshed;
};
/** Signs a token and runs fn in a write; *slot, which fn finds by its ctx, is the
    token meanwhile, and fn stores it by shop__token_store. All of it again when
    another process has changed the key in between. */
int32_t shop__token_grant(shop_t *shop, const struct shop__grant *grant,
                          const shop_token_t **slot, shop__db_fn fn, void *ctx,
                          const struct shop__db_write_rule *rule, shop_token_t **out,
                          shop_error_t *err) SHOP__MUST_USE;
/** Inside the write of shop__token_grant: the row that stands for the token. label
    NULL: none. */
int32_t shop__token_store(shop__tx_t *tx, const shop_token_t *token, int64_t user_id,
                          const char *label) SHOP__MUST_USE;
/** Checks the text, without the store; user_id stays 0. */
int32_t shop__token_parse(shop_t *shop, const char *jwt, shop_token_t **out,
                          shop_error_t *err) SHOP__MUST_USE;
/** Inside a transaction: is the token good now, and whose is it. */
int32_t shop__token_check(shop__tx_t *tx, const shop_token_t *token, int64_t now_ms,
                          struct shop__token_row *row) SHOP__MUST_USE;

/* ---- token_refresh.c -------------------------------------------------------------- */

/** A new text; its times are the settings' and those of the family that it goes on with. */
void shop__refresh_make(const shop_t *shop, const struct shop__grant *grant,
                        struct shop__refresh_text *out);
/** Inside the write of shop__token_grant: the row of a token's refresh text. */
int32_t shop__refresh_store(shop__tx_t *tx, const shop_token_t *token, int64_t user_id,
                            const char *label) SHOP__MUST_USE;
/** Inside a write: ends the family that a token belongs to, with all its tokens;
    harmless for a token of none. */
int32_t shop__refresh_end(shop__tx_t *tx, const char *jti, int64_t now_ms) SHOP__MUST_USE;
/** As shop__refresh_end, of a user's token by its id. */
int32_t shop__refresh_end_session(shop__tx_t *tx, int64_t user_id, int64_t session_id,
                                  int64_t now_ms) SHOP__MUST_USE;

/* ---- once.c: idempotency keys ----------------------------------------------------- */

/** One keyed request. key "" or NULL: none, and every call does nothing. */
struct shop__once {
  const char *operation;
  const char *key;
  uint8_t digest[SHOP__DIGEST_BYTES];
};
/** A digest of the request's parts, each with its length, so that no two
    requests run together. */
struct shop__once_input {
  struct shop__bytes bytes;
  bool wanted; /* a key is given */
};
struct shop__once_input shop__once_input(const shop_options_t *options);
void shop__once_text(struct shop__once_input *input, const char *text);
void shop__once_int(struct shop__once_input *input, int64_t value);
int32_t shop__once_begin(struct shop__once *once, const char *operation,
                         const shop_options_t *options, struct shop__once_input *input,
                         shop_error_t *err) SHOP__MUST_USE;
/** *result_id 0: the key is new. SHOP_ERR_KEY_REUSED for another request. */
int32_t shop__once_find(shop__tx_t *tx, const struct shop__once *once, int64_t user_id,
                        int64_t *result_id) SHOP__MUST_USE;
int32_t shop__once_store(shop__tx_t *tx, const struct shop__once *once, int64_t user_id,
                         int64_t result_id, int64_t now_ms) SHOP__MUST_USE;

/* ---- product.c ------------------------------------------------------------------------- */

/** What a merchant puts on sale; the texts are borrowed. */
struct shop__offer {
  const char *sku;
  const char *name;
  const char *description;
  const char *currency;
  int64_t price_minor;
  int64_t on_hand;
};
int32_t shop__offer_check(const struct shop__offer *offer, shop_error_t *err) SHOP__MUST_USE;
/** Makes the product, or gives the one with its SKU these values. */
int32_t shop__offer_put(shop__tx_t *tx, const struct shop__offer *offer,
                        int64_t now_ms) SHOP__MUST_USE;

/* ---- hold.c: a cart's pieces, set aside for a time ------------------------------------- */

/** Whether the hold's time has come and is not over. One that is over and was not
    ended still holds its pieces: hold_length_ms says so. */
bool shop__hold_is_on(const struct shop__cart_row *cart, int64_t now_ms);
/** Holds every line of the cart, all or none, or lengthens its hold. */
int32_t shop__hold_begin(shop__tx_t *tx, struct shop__cart_row *cart, int64_t hold_ms,
                         int64_t max_ms, int64_t now_ms) SHOP__MUST_USE;
/** Gives every piece that a held cart has back, and ends the hold. */
int32_t shop__hold_end(shop__tx_t *tx, struct shop__cart_row *cart) SHOP__MUST_USE;
/** Holds every line of an open cart that is not held, if all of them can be; *held says
    whether. The time of the hold is not stored. */
int32_t shop__hold_try(shop__tx_t *tx, const struct shop__cart_row *cart, int64_t now_ms,
                       bool *held) SHOP__MUST_USE;
/** Reserves more pieces, at the cost of holds that are over where that helps. */
int32_t shop__hold_pieces(shop__tx_t *tx, int64_t product_id, const char *sku, int64_t quantity,
                          int64_t now_ms) SHOP__MUST_USE;
/** Ends one hold that is over, of those that have pieces of the product; *made
    false: there is none. */
int32_t shop__hold_make_room(shop__tx_t *tx, int64_t product_id, int64_t now_ms,
                             bool *made) SHOP__MUST_USE;
/** Ends every hold that is over, in short steps; *count grows by their number. */
int32_t shop__holds_expire(shop_t *shop, int64_t *count, shop_error_t *err) SHOP__MUST_USE;

/* ---- cart_snapshot.c ----------------------------------------------------------------- */

struct shop_cart {
  int64_t id;
  int64_t user_id;
  int64_t version;
  int64_t total_minor;
  int64_t created_at_ms;
  int64_t updated_at_ms;
  int64_t held_until_ms;
  int32_t state;
  int32_t warnings;
  char currency[4];
  struct shop__pack_list lines;
};
/** The pieces of an open cart are set aside for it. */
bool shop__cart_is_held(const struct shop__cart_row *cart);
/** The warnings of a line in a cart of this currency ("" : none yet). What is set
    aside for the cart itself counts as available to it. */
int32_t shop__cart_line_warning(const struct shop__cart_line_row *line, const char *currency,
                                bool held);
/** Refuses a line with a warning that no purchase passes: its product is retired, or
    sold in another currency. */
int32_t shop__cart_line_check(shop__tx_t *tx, const struct shop__cart_line_row *line,
                              int32_t warnings) SHOP__MUST_USE;
/** Reads the lines and builds the snapshot. */
int32_t shop__cart_pack(shop__tx_t *tx, const struct shop__cart_row *row,
                        struct shop__pack *pack) SHOP__MUST_USE;

/* ---- order_snapshot.c ------------------------------------------------------------------ */

struct shop__order_line {
  uint32_t next;
  uint32_t sku;
  uint32_t name;
  int64_t product_id;
  int64_t quantity;
  int64_t unit_price_minor;
  int64_t total_minor;
};
struct shop__order_adjustment {
  uint32_t next;
  uint32_t label;
  int64_t amount_minor;
  int32_t kind;
};
struct shop__order_event {
  uint32_t next;
  uint32_t name;
  uint32_t before;
  uint32_t after;
  uint32_t detail;
  int32_t actor;
  int64_t at_ms;
};
struct shop__order_operation {
  uint32_t next;
  uint32_t key;
  uint32_t method;
  uint32_t reference;
  int64_t id;
  int64_t amount_minor;
  int64_t moved_minor;
  int32_t kind;
  int32_t state;
  char currency[4];
};
struct shop_order {
  int64_t id;
  int64_t user_id;
  int64_t cart_id;
  int64_t total_minor;
  int64_t captured_minor;
  int64_t refunded_minor;
  int64_t created_at_ms;
  int64_t placed_at_ms;
  int32_t status;
  int32_t payment_status;
  int32_t attention;
  char currency[4];
  char captured_currency[4];
  char number[SHOP__ORDER_NUMBER_BYTES];
  uint32_t email;
  uint32_t language;
  uint32_t shipping_address;
  uint32_t billing_address;
  uint32_t reference;
  uint32_t client_data;
  uint32_t note;
  uint32_t external_id;
  struct shop__pack_list lines;
  struct shop__pack_list adjustments;
  struct shop__pack_list operations;
  struct shop__pack_list events;
};
const struct shop__order_line *shop__order_line_at(const shop_order_t *order, int32_t line);
const struct shop__order_adjustment *shop__order_adjustment_at(const shop_order_t *order,
                                                               int32_t index);
/* Building one: head first, then lines, adjustments and events, then end. */
void shop__order_pack_head(struct shop__pack *pack, const struct shop__order_row *row);
void shop__order_pack_line(struct shop__pack *pack, const struct shop__order_line_row *row);
void shop__order_pack_adjustment(struct shop__pack *pack, const struct shop__adjustment_row *row);
/** Ends lines and adjustments: they can be looked at from now on. */
void shop__order_pack_end(struct shop__pack *pack);
void shop__order_pack_operation(struct shop__pack *pack, const struct shop__operation_row *row);
void shop__order_pack_event(struct shop__pack *pack, const struct shop__event_row *row);
void shop__order_pack_end_history(struct shop__pack *pack);
/** A text that could be an order's number: SHOP_ERR_ARGUMENT where it is missing,
    SHOP_ERR_NOT_FOUND where no order can have it. */
int32_t shop__order_number_check(const char *number, shop_error_t *err) SHOP__MUST_USE;
/** The order that is being built, or NULL after a failure. */
shop_order_t *shop__order_of(const struct shop__pack *pack);
/** The operation with this id, or NULL. */
const struct shop__order_operation *shop__order_operation_by_id(const shop_order_t *order,
                                                                int64_t operation_id);
/** Reads everything that belongs to the row and builds the snapshot. */
int32_t shop__order_pack(shop__tx_t *tx, const struct shop__order_row *row,
                         struct shop__pack *pack) SHOP__MUST_USE;
/** As shop__order_pack, of the order with this id; SHOP_ERR_CORRUPT: none. */
int32_t shop__order_pack_by_id(shop__tx_t *tx, int64_t order_id,
                               struct shop__pack *pack) SHOP__MUST_USE;
/** Copies an ISO 4217 code; NULL gives "". */
void shop__copy_currency(char out[4], const char *currency);

/* ---- request.c --------------------------------------------------------------------------- */

struct shop__request_adjustment {
  int32_t kind;
  int64_t amount_minor;
  char label[SHOP__LABEL_MAX + 1];
};
struct shop_purchase_request {
  char method[SHOP__METHOD_MAX + 1];
  char shipping_address[SHOP__ADDRESS_MAX + 1];
  char billing_address[SHOP__ADDRESS_MAX + 1];
  bool has_expected_total;
  int64_t expected_total_minor;
  char expected_currency[4];
  int32_t adjustment_count;
  struct shop__request_adjustment adjustments[SHOP__ADJUSTMENTS_MAX];
};

struct shop__refund_return {
  char sku[SHOP__SKU_MAX + 1];
  int64_t quantity;
};
struct shop_refund_request {
  int64_t amount_minor; /* 0: all that is left */
  char currency[4];
  int32_t return_count;
  struct shop__refund_return returns[SHOP__RETURNS_MAX];
};

/* ---- gateway.c ----------------------------------------------------------------------------- */

/* What a callback or a report says: enum shop_gateway_outcome, or one of these.
   Nothing but a clear answer ever means paid, declined, voided or refunded. */
enum shop__answer {
  SHOP__ANSWER_NONE = 0, /* also: several that differ, invalid, out of place */
  SHOP__ANSWER_UNKNOWN = 100,
  SHOP__ANSWER_NOT_FOUND = 101
};
struct shop__outcome {
  int32_t answer;
  int64_t amount_minor;
  char currency[4];
  char reference[SHOP__REFERENCE_MAX + 1];
  char reason[SHOP__REASON_MAX + 1];
  char client_data[SHOP__CLIENT_DATA_MAX + 1];
};
#define SHOP__GATEWAY_KEY_BYTES 65
/** One request to the gateway, made from what was stored before. */
struct shop__ask {
  int64_t operation_id;
  int32_t kind; /* enum shop_operation_kind */
  int64_t amount_minor;
  char currency[4];
  char key[SHOP__GATEWAY_KEY_BYTES];
  char payment_key[SHOP__GATEWAY_KEY_BYTES];
  char order_number[SHOP__ORDER_NUMBER_BYTES];
  char method[SHOP__METHOD_MAX + 1];
  char email[SHOP__EMAIL_BYTES];
  char reference[SHOP__REFERENCE_MAX + 1];
  char payment_reference[SHOP__REFERENCE_MAX + 1];
};
/** The key that the gateway knows an operation of this shop by. */
void shop__gateway_key(const shop_t *shop, int64_t operation_id,
                       char out[SHOP__GATEWAY_KEY_BYTES]);
/** The operation that a key of this shop stands for; 0: none. */
int64_t shop__gateway_key_operation(const shop_t *shop, const char *key);
void shop__ask_fill(const struct shop__operation_row *row, const char *payment_key,
                    struct shop__ask *ask);
bool shop__gateway_has(const shop_t *shop, int32_t kind);
/** Whether an answer belongs to what was asked; a query may say more. */
bool shop__gateway_fits(int32_t kind, int32_t answer, bool query);
/** Calls the host: the callback of the operation's kind, or the query. */
void shop__gateway_ask(shop_t *shop, const struct shop__ask *ask, bool query,
                       struct shop__outcome *outcome);

/* ---- letter.c: mail before it is queued ------------------------------------------------------ */

/** A finished message and its envelope. It is made before the transaction of its
    cause, which stores it. */
struct shop__letter {
  int32_t kind;     /* enum shop_mail_kind */
  int64_t order_id; /* 0: about an account */
  int64_t user_id;
  int64_t cause_id; /* which of several of one kind: a refund's operation; else 0 */
  char recipient[SHOP__EMAIL_BYTES];
  char sender[SHOP__EMAIL_BYTES];
  struct shop__bytes message; /* may hold the secret of a link */
  bool has_code;              /* the mail is good as long as a code is: */
  uint8_t code_hash[SHOP__DIGEST_BYTES];
};
/** What a mail about an order tells besides the order. */
struct shop__letter_cause {
  int64_t id; /* of a refund: its operation */
  int64_t amount_minor;
  const char *currency;
  const char *reason; /* of a failed payment, for the customer to read; or NULL */
};
/** What a mail about an account tells. */
struct shop__letter_account {
  int32_t kind; /* enum shop_mail_kind */
  int64_t user_id;
  const char *recipient;
  const char *language;  /* of the user (BCP 47); NULL or "": the shop's */
  const char *code;      /* of a kind with a code: a secret */
  const char *link;      /* the URL with that code; NULL: the mail shows the code */
  int64_t expires_at_ms; /* of the code */
  const char *new_email; /* SHOP_MAIL_EMAIL_CHANGED */
};
/** Composes a mail about an order; cause NULL: nothing to add. The Message-ID is
    the same each time. SHOP_ERR_NO_MEMORY, with an empty letter. */
int32_t shop__letter_order(const shop_t *shop, int32_t kind, const shop_order_t *order,
                           const struct shop__letter_cause *cause, int64_t now_ms,
                           struct shop__letter *letter, shop_error_t *err) SHOP__MUST_USE;
/** Composes a mail about an account; its Message-ID is drawn. Likewise. */
int32_t shop__letter_account(const shop_t *shop, const struct shop__letter_account *account,
                             int64_t now_ms, struct shop__letter *letter,
                             shop_error_t *err) SHOP__MUST_USE;
/** Wipes and empties it; an empty one (zeroed) is harmless. */
void shop__letter_free(struct shop__letter *letter);

/* ---- outbox.c: mail that is stored, taken and answered --------------------------------------- */

/** A letter on its way. Who causes mail does four things: it asks whether the
    shop wants mail of the kind (shop__mail_wanted); it composes the letter,
    outside of the transaction (shop__letter_...); it queues it in the
    transaction of the cause; and after the commit it sends it, which does
    nothing unless shop__post_at_once was called before. Who must not show by
    the time of an answer whether an address has an account leaves both of the
    last out. Then shop__letter_free(&post.letter). */
struct shop__post {
  struct shop__letter letter;
  const shop_t *shop; /* whose clock begins the lease; set with lease_id */
  int64_t lease_id; /* not 0: the call that causes it hands it over itself */
  int64_t lease_ms;
  int64_t mail_id; /* result of queueing; 0: not stored. To be reset where a write
                      that may run again begins */
};
/** Whether mail of this kind is to be written. */
bool shop__mail_wanted(const shop_t *shop, int32_t kind);
/** Marks a post to be handed over by this call itself, where the shop does so. */
void shop__post_at_once(const shop_t *shop, struct shop__post *post);
/** Stores the letter, in the transaction of its cause. A letter without a message
    is stored as dead. One that the order has already is left out. */
int32_t shop__outbox_queue(shop__tx_t *tx, struct shop__post *post, int64_t now_ms) SHOP__MUST_USE;
/** The same for a mail about an order: its ids become the order's. NULL, or a
    letter that was not composed: does nothing. */
int32_t shop__outbox_queue_for(shop__tx_t *tx, const struct shop__order_row *order,
                               struct shop__post *post, int64_t now_ms) SHOP__MUST_USE;
/** A random number from 1 on, exact in JSON: of a lease, of a cause. */
int64_t shop__draw_number(void);

/** A mail that was taken, in one block. */
struct shop_mail {
  int64_t id;
  int64_t lease_id;
  int64_t timeout_ms;
  size_t message_bytes;
  size_t block_bytes;
  int32_t kind;
  uint32_t sender;
  uint32_t recipient;
  uint32_t order_number;
  uint32_t message;
  char store_id[SHOP__STORE_ID_BYTES];
};
/** Taking what is due, one after the other, into one block. */
struct shop__take {
  shop_t *shop;
  int64_t due_by_ms; /* what was due by then; INT64_MAX: now */
  int64_t known_ms;  /* a clock has stood here: what began by then is not ahead of it; or 0 */
  int64_t lease_id;
  /* results */
  bool found;
  bool again; /* so many were dead that there may be more */
  struct shop__pack pack;
};
int32_t shop__outbox_take(struct shop__take *take, const struct shop__db_write_rule *rule,
                          shop_error_t *err) SHOP__MUST_USE;
/** The mail that was found, until the next is taken. */
const struct shop_mail *shop__take_mail(const struct shop__take *take);
void shop__take_free(struct shop__take *take);
/** Stores how it ended (enum shop_mail_outcome), and when. */
int32_t shop__outbox_finish(shop_t *shop, int64_t mail_id, int64_t lease_id, int32_t outcome,
                            const char *reason, int64_t now_ms,
                            const struct shop__db_write_rule *rule,
                            shop_error_t *err) SHOP__MUST_USE;
/** The reason, or NULL where it is not fit to be kept. */
const char *shop__mail_reason(const char *reason);

/* ---- deliver.c ----------------------------------------------------------------------------------- */

/** Hands a post that was stored and is to go at once to the transport, and stores
    the answer. What fails here fails no cause: the mail stays queued.
    order_number NULL: an account's. */
void shop__post_send(shop_t *shop, const struct shop__post *post, const char *order_number);

/* ---- settle.c: the one door for every answer about a payment ------------------------------- */

struct shop__change {
  bool placed; /* the order */
  bool failed; /* likewise */
  bool ended;  /* the operation */
};
struct shop__settle {
  int64_t operation_id; /* 0: by the report */
  const struct shop__outcome *outcome;
  int32_t actor;                          /* enum shop_actor */
  const shop_order_t *draft;              /* the order as stored, where the caller has it */
  const struct shop__report_row *report;  /* stored in the same transaction; or NULL */
  int64_t deadline_ms;                   /* 0: none */
  const char *resolved;                   /* a person's note: only an unknown one; or NULL */
  bool give_up;    /* nobody can know any more: unknown, for a person */
  bool unanswered; /* a callback was asked just now: no answer is SHOP_UNKNOWN */
  bool is_live;    /* a call of the shopper's waits for it: no mail tells of a failure */
  /* results */
  int32_t status; /* of the operation: the outcome family, or SHOP_OK */
  shop_order_t *order; /* NULL only with SHOP_UNMATCHED */
  struct shop__change change; /* what this very answer has done */
};
/** Applies an answer, sends the confirmation where that is due, and gives the
    order as it is now. */
int32_t shop__settle(shop_t *shop, struct shop__settle *settle, shop_error_t *err) SHOP__MUST_USE;
/** What a purchase answers for an order in this state, with the sentence. */
int32_t shop__order_outcome(const shop_order_t *order, shop_error_t *err);
/** The same for one operation of it that is not a charge. */
int32_t shop__operation_outcome(const shop_order_t *order, int64_t operation_id,
                                shop_error_t *err);
/** Inside the transaction that places an order: stock taken, cart completed,
    confirmation written. */
struct shop__placing {
  int64_t now_ms;
  int32_t actor; /* enum shop_actor */
  struct shop__post *confirmation;
};
int32_t shop__place(shop__tx_t *tx, const struct shop__order_row *order,
                    struct shop__placing *placing) SHOP__MUST_USE;

/* ---- place.c: an order's moves, each with its stock and its cart ----------------------------- */

/** What happened to an order, for its history. */
struct shop__moment {
  int64_t at_ms;
  int32_t actor;
};
int32_t shop__note(shop__tx_t *tx, const struct shop__order_row *order,
                   const struct shop__moment *moment, const char *name, const char *before,
                   const char *after, const char *detail) SHOP__MUST_USE;
/** Pending -> failed: reservations released (or held again), cart open again, the
    mail queued where it was composed. */
int32_t shop__fail_order(shop__tx_t *tx, const struct shop__order_row *order,
                         const struct shop__moment *moment, struct shop__post *post) SHOP__MUST_USE;
/** Placed -> cancelled: all that was taken and has not come back comes back. */
int32_t shop__cancel_order(shop__tx_t *tx, const struct shop__order_row *order,
                           const struct shop__moment *moment,
                           struct shop__post *post) SHOP__MUST_USE;
/** Pieces come back into stock as the operation says. */
int32_t shop__return_pieces(shop__tx_t *tx, int64_t order_id,
                            int64_t operation_id) SHOP__MUST_USE;

/* ---- operation.c: what is asked of the gateway after the charge -------------------------------- */

/** One capture, void or refund: written first, then asked, then settled. */
struct shop__operation {
  int32_t kind;
  const char *number;          /* of the order */
  const shop_token_t *token;   /* the shopper's own order only; NULL: the merchant */
  int64_t order_id;            /* 0: by number */
  int32_t actor;
  int64_t amount_minor;        /* 0: all that is left */
  const char *currency;        /* NULL: whatever it is */
  const shop_refund_request_t *request;
  bool cancels;                /* choose void or refund; then the order is cancelled */
  int64_t lease_start_ms;      /* of a charge that the caller has the lease of; else 0 */
  bool is_live;                /* as of shop__settle */
  const struct shop__once *once; /* NULL: none */
  /* results */
  int32_t status;
  shop_order_t *order;
  struct shop__change change; /* by the gateway's answer */
};
/** Whether a call has the operation to itself. */
bool shop__operation_is_leased(const struct shop__operation_row *row, int64_t now_ms);
int32_t shop__operate(shop_t *shop, struct shop__operation *operation,
                      const shop_options_t *options, shop_error_t *err) SHOP__MUST_USE;

#endif
