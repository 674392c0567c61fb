/*
 * The door of lib/rows: typed rows. Every SQL statement of the project is in
 * this room; it binds, steps and reads, and decides nothing.
 *
 * Texts in a row that was read are borrowed: they live until the same function
 * is called again in this transaction, or the transaction ends. A function
 * that looks for one row answers SHOP_OK and `*found`. A `..._each` cursor is
 * begun by its query and stepped by its `_next`, which answers SHOP__ROW,
 * SHOP_OK at the end, or a failure; one that is left early is reset.
 */
#ifndef SHOP_LIB_ROWS_H
#define SHOP_LIB_ROWS_H

#include "base.h"
#include "db.h"
#include "shop/event.h"
#include "shop/gateway.h"
#include "shop/order.h"
#include "shop/outbox.h"

#define SHOP__DIGEST_BYTES 32 /* BLAKE2b-256 */

/* ---- schema.c (made from schema/) ---------------------------------------- */

const struct shop__migration *shop__schema_migrations(int32_t *count);

/* ---- shop_row.c: the shop itself ------------------------------------------ */

#define SHOP__STORE_ID_BYTES 23

#define SHOP__GUESS_SECRET_BYTES 32

struct shop__shop_row {
  const char *store_id;
  const void *guess_secret;
  size_t guess_secret_size;
};
int32_t shop__shop_get(shop__tx_t *tx, struct shop__shop_row *row, bool *found) SHOP__MUST_USE;
int32_t shop__shop_insert(shop__tx_t *tx, const struct shop__shop_row *row,
                          int64_t now_ms) SHOP__MUST_USE;

/* ---- signing_keys.c ------------------------------------------------------- */

enum shop__signing_key_state {
  SHOP__SIGNING_KEY_ACTIVE = 1,    /* signs and verifies; one of each algorithm */
  SHOP__SIGNING_KEY_VERIFYING = 2, /* was followed by another; verifies */
  SHOP__SIGNING_KEY_RETIRED = 3    /* neither: its secret is gone */
};
struct shop__signing_key_row {
  const char *kid;
  int32_t alg;
  int32_t state;
  int64_t created_at_ms;
  int64_t until_ms; /* 0 of an active one */
  bool sealed;
  const void *secret;
  size_t secret_size;
};
/** All, oldest first. */
shop__query_t *shop__signing_keys_each(shop__tx_t *tx);
int32_t shop__signing_keys_next(shop__query_t *q, struct shop__signing_key_row *row) SHOP__MUST_USE;
int32_t shop__signing_key_get(shop__tx_t *tx, const char *kid, struct shop__signing_key_row *row,
                              bool *found) SHOP__MUST_USE;
/** A new active one. */
int32_t shop__signing_key_insert(shop__tx_t *tx, const struct shop__signing_key_row *row,
                                 int64_t now_ms) SHOP__MUST_USE;
/** The active one of an algorithm verifies from now on, until a time; "": there is none. */
#define SHOP__KID_TEXT_BYTES 24
int32_t shop__signing_key_rest(shop__tx_t *tx, int32_t alg, int64_t until_ms,
                               char kid[SHOP__KID_TEXT_BYTES]) SHOP__MUST_USE;
/** Puts another form of the same secret in its place. */
int32_t shop__signing_key_seal(shop__tx_t *tx, const char *kid, const void *sealed,
                               size_t size) SHOP__MUST_USE;
/** Ends a key of any state and throws its secret away. */
int32_t shop__signing_key_retire(shop__tx_t *tx, const char *kid, int64_t until_ms) SHOP__MUST_USE;

/* ---- users.c -------------------------------------------------------------- */

struct shop__user_row {
  int64_t id;
  const char *subject;
  int64_t epoch;
  const char *email;
  const char *email_key;
  const char *password_hash;
  int64_t created_at_ms;
  const char *external_id;
  const char *language; /* NULL: the shop's */
  const char *note;
  bool disabled;
  bool verified; /* the address */
  bool closed;
  bool guest; /* without address and password */
};
int32_t shop__user_by_key(shop__tx_t *tx, const char *email_key, struct shop__user_row *row,
                          bool *found) SHOP__MUST_USE;
int32_t shop__user_by_id(shop__tx_t *tx, int64_t id, struct shop__user_row *row,
                         bool *found) SHOP__MUST_USE;
/** *inserted false: the address is taken. */
int32_t shop__user_insert(shop__tx_t *tx, const struct shop__user_row *row,
                          bool *inserted) SHOP__MUST_USE;
int32_t shop__user_set_hash(shop__tx_t *tx, int64_t id, const char *password_hash,
                            int64_t now_ms) SHOP__MUST_USE;
int32_t shop__user_set_language(shop__tx_t *tx, int64_t id, const char *language,
                                int64_t now_ms) SHOP__MUST_USE;
int32_t shop__user_update_metadata(shop__tx_t *tx, int64_t id, const char *note,
                                   const char *external_id, int64_t now_ms,
                                   bool *found) SHOP__MUST_USE;

/** A new password and a new epoch, which ends every token. */
int32_t shop__user_set_password(shop__tx_t *tx, int64_t id, const char *password_hash,
                                int64_t epoch, int64_t now_ms) SHOP__MUST_USE;
/** The next epoch: every token ends. */
int32_t shop__user_raise_epoch(shop__tx_t *tx, int64_t id, int64_t now_ms) SHOP__MUST_USE;
/** disabled_at_ms 0: no longer. */
int32_t shop__user_set_disabled(shop__tx_t *tx, int64_t id, int64_t disabled_at_ms,
                                int64_t now_ms) SHOP__MUST_USE;

/** A new address, which is verified; nobody else may have it. */
int32_t shop__user_set_email(shop__tx_t *tx, int64_t id, const char *email, const char *email_key,
                             int64_t now_ms) SHOP__MUST_USE;
/** Only the first time counts. */
int32_t shop__user_set_verified(shop__tx_t *tx, int64_t id, int64_t now_ms) SHOP__MUST_USE;
/** No login, no token and no look-up by address finds it any more. */
int32_t shop__user_close(shop__tx_t *tx, int64_t id, int64_t now_ms) SHOP__MUST_USE;

/* ---- guests.c: users without an address ------------------------------------------ */

/** Of the row id, subject, epoch, time and language. */
int32_t shop__guest_insert(shop__tx_t *tx, const struct shop__user_row *row) SHOP__MUST_USE;
/** Gives a guest the row's address, hash and epoch: from now on a user like others. The
    address must be free. language NULL: stays. */
int32_t shop__guest_become(shop__tx_t *tx, const struct shop__user_row *row,
                           int64_t now_ms) SHOP__MUST_USE;
/** When a guest is thrown away: came before the one, and no token is good from the
    other on. */
struct shop__guest_age {
  int64_t before_ms;
  int64_t alive_ms;
};
/** The next such guest, by id; 0: none. */
int32_t shop__guest_next_left(shop__tx_t *tx, int64_t after_id, const struct shop__guest_age *age,
                              int64_t *id) SHOP__MUST_USE;
/** Whether this one is. */
int32_t shop__guest_is_left(shop__tx_t *tx, int64_t id, const struct shop__guest_age *age,
                            bool *left) SHOP__MUST_USE;
/** Closes it, with nothing left in it or its tokens that somebody wrote. */
int32_t shop__guest_end(shop__tx_t *tx, int64_t id, int64_t now_ms) SHOP__MUST_USE;
/** Deletes a guest whose rows elsewhere are erased, with the carts, which have no lines
    any more. */
int32_t shop__guest_delete(shop__tx_t *tx, int64_t id) SHOP__MUST_USE;

/* ---- codes.c: what is mailed to a user and comes back once ---------------------- */

struct shop__code_row {
  const uint8_t *hash; /* SHOP__DIGEST_BYTES */
  int64_t user_id;     /* 0: nobody's */
  int32_t kind;        /* enum shop__code_kind */
  int64_t expires_at_ms;
  int64_t created_at_ms; /* read only */
  bool used;             /* or ended */
  const char *new_email; /* of a change of address; or NULL */
};
int32_t shop__code_insert(shop__tx_t *tx, const struct shop__code_row *row,
                          int64_t now_ms) SHOP__MUST_USE;
int32_t shop__code_get(shop__tx_t *tx, const uint8_t *hash, struct shop__code_row *row,
                       bool *found) SHOP__MUST_USE;
/** How many of a kind were made for the user after a time. */
int32_t shop__codes_count(shop__tx_t *tx, int64_t user_id, int32_t kind, int64_t after_ms,
                          int64_t *count) SHOP__MUST_USE;
/** Ends the user's codes of a kind; kind 0: of every kind. */
int32_t shop__codes_end(shop__tx_t *tx, int64_t user_id, int32_t kind,
                        int64_t now_ms) SHOP__MUST_USE;
/** Deletes a code that is nobody's. */
int32_t shop__code_delete_nobodys(shop__tx_t *tx, const uint8_t *hash) SHOP__MUST_USE;
int32_t shop__prune_codes(shop__tx_t *tx, int64_t expired_before_ms, int32_t limit,
                          int64_t *count) SHOP__MUST_USE;

/** Whether a code was neither used nor ended nor has expired, of a user or of a registration. */
int32_t shop__code_lives(shop__tx_t *tx, const uint8_t *hash, int64_t now_ms,
                         bool *lives) SHOP__MUST_USE;

/* ---- registrations.c: registrations that wait for a code ------------------------ */

struct shop__registration_row {
  const uint8_t *hash; /* SHOP__DIGEST_BYTES */
  int64_t created_at_ms;
  int64_t expires_at_ms;
  bool ended;
  const char *email;
  const char *email_key;
  const char *language; /* NULL: the shop's */
  const char *password_hash;
  const uint8_t *once; /* SHOP__DIGEST_BYTES; NULL: without a key; not read */
  int64_t guest_id;    /* whose it becomes; 0: a new user's */
};
/** In a slot that is free or was over at a time, else a new one; when there are
    slots_max, in that of the one that expires first. The mail of who had it goes. */
int32_t shop__registration_insert(shop__tx_t *tx, const struct shop__registration_row *row,
                                  int64_t expired_before_ms, int64_t slots_max) SHOP__MUST_USE;
int32_t shop__registration_get(shop__tx_t *tx, const uint8_t *hash,
                               struct shop__registration_row *row, bool *found) SHOP__MUST_USE;
/** How many were made for the address in the hour after a time, and when the first. */
int32_t shop__registrations_count(shop__tx_t *tx, const char *email_key, int64_t after_ms,
                                  int64_t *count, int64_t *first_at_ms) SHOP__MUST_USE;
/** Whether one for the address was made with the key. */
int32_t shop__registration_has_once(shop__tx_t *tx, const char *email_key, const uint8_t *once,
                                    bool *has) SHOP__MUST_USE;
/** The address has an account now: ends all for it, and gives their mails to the user;
    one that was not sent yet is sent no more. */
int32_t shop__registrations_end(shop__tx_t *tx, const char *email_key,
                                int64_t user_id) SHOP__MUST_USE;
/** Empties all for the address of the user, and deletes their mails; not those begun since the
    user has closed the account, for the address is free since then. */
int32_t shop__registrations_erase(shop__tx_t *tx, const char *email_key,
                                  int64_t user_id) SHOP__MUST_USE;
/** The same of all that a guest has begun. */
int32_t shop__registrations_erase_guest(shop__tx_t *tx, int64_t guest_id) SHOP__MUST_USE;
/** Likewise those that expired before a time. */
int32_t shop__prune_registrations(shop__tx_t *tx, int64_t expired_before_ms, int32_t limit,
                                  int64_t *count) SHOP__MUST_USE;

/* ---- guesses.c: counters of wrong passwords, known sources --------------------- */

#define SHOP__GUESS_KEY_BYTES 16

struct shop__guess_row {
  int64_t slot; /* 0: there is none */
  int64_t failures;
  int64_t at_ms;
  bool cheap; /* only written: counts something else than passwords, and gives way to those */
};
/** The counter with this key; all 0: none. */
int32_t shop__guess_get(shop__tx_t *tx, const uint8_t *key,
                        struct shop__guess_row *row) SHOP__MUST_USE;
int32_t shop__guess_insert(shop__tx_t *tx, const uint8_t *key,
                           const struct shop__guess_row *row) SHOP__MUST_USE;
/** Gives the slot to this key, whoever had it. */
int32_t shop__guess_update(shop__tx_t *tx, const uint8_t *key,
                           const struct shop__guess_row *row) SHOP__MUST_USE;
/** 0: there is no counter yet. */
int32_t shop__guess_last_slot(shop__tx_t *tx, int64_t *slot) SHOP__MUST_USE;
/** A cheap one before all others; then the one with the fewest failures, of these the oldest. */
int32_t shop__guess_weakest_slot(shop__tx_t *tx, int64_t *slot) SHOP__MUST_USE;
int32_t shop__guess_clear(shop__tx_t *tx, const uint8_t *key) SHOP__MUST_USE;
/** Clears at most `limit` counters that have rested since before_ms. */
int32_t shop__guesses_forget(shop__tx_t *tx, int64_t before_ms, int32_t limit,
                             int64_t *count) SHOP__MUST_USE;
int32_t shop__source_get(shop__tx_t *tx, int64_t user_id, const uint8_t *source, bool *known,
                         int64_t *at_ms) SHOP__MUST_USE;
int32_t shop__source_put(shop__tx_t *tx, int64_t user_id, const uint8_t *source,
                         int64_t now_ms) SHOP__MUST_USE;
/** Leaves the `keep` latest. */
int32_t shop__sources_trim(shop__tx_t *tx, int64_t user_id, int32_t keep) SHOP__MUST_USE;
/** Forgets all of the user but one, which need not be there. */
int32_t shop__sources_forget(shop__tx_t *tx, int64_t user_id, const uint8_t *but) SHOP__MUST_USE;

/* ---- peppers.c: the ids of the peppers in use -------------------------------- */

shop__query_t *shop__peppers_each(shop__tx_t *tx);
int32_t shop__peppers_next(shop__query_t *q, const char **id) SHOP__MUST_USE;
/** Harmless to repeat. */
int32_t shop__pepper_insert(shop__tx_t *tx, const char *id) SHOP__MUST_USE;
int32_t shop__pepper_delete(shop__tx_t *tx, const char *id) SHOP__MUST_USE;
/** Whether any user's hash was made with it. Reads all users. */
int32_t shop__user_has_pepper(shop__tx_t *tx, const char *id, bool *found) SHOP__MUST_USE;

/* ---- tokens.c -------------------------------------------------------------- */

/** A token's row together with what its user is now. */
struct shop__token_row {
  int64_t user_id;
  int64_t epoch;         /* the user's when it was issued */
  int64_t user_epoch;    /* the user's now */
  int64_t expires_at_ms;
  bool revoked;
  int32_t key_state; /* enum shop__signing_key_state of the key that was named; 0: none */
  bool disabled;             /* the user is */
  bool closed;               /* the user is */
  bool verified;             /* the user's address is */
  bool guest;                /* the user has none. Says so of a good token alone: who has
                                closed the account has no key of it either */
  int64_t id;                /* what its owner sees of it */
  int64_t last_used_at_ms;   /* or when it was issued */
  const char *subject;
  const char *email; /* NULL: a guest's, as is the key */
  const char *email_key;
  const char *language; /* of the user; NULL: the shop's */
};
int32_t shop__token_get(shop__tx_t *tx, const char *jti, const char *kid,
                        struct shop__token_row *row, bool *found) SHOP__MUST_USE;
struct shop__token_new {
  const char *jti;
  const char *kid; /* of the key that signed it */
  int64_t user_id;
  int64_t epoch;
  int64_t issued_at_ms;
  int64_t expires_at_ms;
  const char *label; /* NULL or "": none */
};
/** Gives it an id of its own. *inserted false: the key is not active (any more). */
int32_t shop__token_insert(shop__tx_t *tx, const struct shop__token_new *row,
                           bool *inserted) SHOP__MUST_USE;
/** When the last of all tokens expires; 0: there is none. */
int32_t shop__tokens_last_expiry(shop__tx_t *tx, int64_t *expires_at_ms) SHOP__MUST_USE;
/** Only the first time counts; *found false: no such token. */
int32_t shop__token_set_revoked(shop__tx_t *tx, const char *jti, int64_t now_ms,
                                bool *found) SHOP__MUST_USE;

/** The label of a token, or NULL. */
int32_t shop__token_label(shop__tx_t *tx, const char *jti, const char **label) SHOP__MUST_USE;
/** Notes the use, unless one is noted that is not before `stale_ms`. */
int32_t shop__token_touch(shop__tx_t *tx, const char *jti, int64_t stale_ms,
                          int64_t now_ms) SHOP__MUST_USE;
/** A living token as its owner sees it. */
struct shop__session_row {
  int64_t id;
  const char *jti;
  int64_t issued_at_ms;
  int64_t last_used_at_ms;
  int64_t expires_at_ms;
  const char *label;
};
/** The living tokens of a user with this epoch, newest first. */
shop__query_t *shop__sessions_each(shop__tx_t *tx, int64_t user_id, int64_t epoch,
                                   int64_t now_ms, int64_t before_id, int32_t limit);
int32_t shop__sessions_next(shop__query_t *q, struct shop__session_row *row) SHOP__MUST_USE;
/** Ends one living token of a user; *found false: the user has no such one. */
int32_t shop__session_set_revoked(shop__tx_t *tx, int64_t user_id, int64_t id, int64_t epoch,
                                  int64_t now_ms, bool *found) SHOP__MUST_USE;

/* ---- products.c ------------------------------------------------------------ */

enum shop__product_state { SHOP__PRODUCT_ACTIVE = 1, SHOP__PRODUCT_RETIRED = 2 };

struct shop__stock {
  bool unlimited;
  int64_t available;
  int64_t reserved;
  int64_t shortfall;
  int64_t received;
  int64_t sold;
};
struct shop__product_row {
  int64_t id;
  const char *sku;
  const char *name;
  int64_t price_minor;
  const char *currency;
  int32_t state;
  struct shop__stock stock;
  int64_t created_at_ms;
  const char *external_id;
  const char *note;
  const char *description;
};
int32_t shop__product_by_sku(shop__tx_t *tx, const char *sku, struct shop__product_row *row,
                             bool *found) SHOP__MUST_USE;
shop__query_t *shop__products_each(shop__tx_t *tx, int64_t after_id, int32_t limit);
int32_t shop__products_next(shop__query_t *q, struct shop__product_row *row) SHOP__MUST_USE;
int32_t shop__product_insert(shop__tx_t *tx, const struct shop__product_row *row) SHOP__MUST_USE;
/** Sets what a `put` gives: name, price, currency, state, stock, description. */
int32_t shop__product_update(shop__tx_t *tx, const struct shop__product_row *row,
                             int64_t now_ms) SHOP__MUST_USE;
int32_t shop__product_set_state(shop__tx_t *tx, const char *sku, int32_t state, int64_t now_ms,
                                bool *found) SHOP__MUST_USE;
int32_t shop__product_set_stock(shop__tx_t *tx, int64_t id, const struct shop__stock *stock,
                                int64_t now_ms) SHOP__MUST_USE;
int32_t shop__product_update_metadata(shop__tx_t *tx, const char *sku, const char *note,
                                      const char *external_id, int64_t now_ms,
                                      bool *found) SHOP__MUST_USE;
/** *enough false: fewer are available; nothing was changed. */
int32_t shop__product_reserve(shop__tx_t *tx, int64_t id, int64_t quantity,
                              bool *enough) SHOP__MUST_USE;
/** Reserved pieces become sold ones. */
int32_t shop__product_take(shop__tx_t *tx, int64_t id, int64_t quantity) SHOP__MUST_USE;
/** Sold pieces come back: they fill any shortfall, then become available. */
int32_t shop__product_return(shop__tx_t *tx, int64_t id, int64_t quantity) SHOP__MUST_USE;
/** Reserved pieces become available again, after any shortfall is filled. */
int32_t shop__product_release(shop__tx_t *tx, int64_t id, int64_t quantity) SHOP__MUST_USE;

/* ---- carts.c --------------------------------------------------------------- */

struct shop__cart_row {
  int64_t id;
  int64_t user_id;
  int32_t state; /* enum shop_cart_state */
  int64_t version;
  int64_t line_count;
  const char *currency; /* NULL: none yet */
  int64_t order_id;     /* 0: none */
  int64_t created_at_ms;
  int64_t updated_at_ms;
  int64_t hold_start_ms;
  int64_t hold_length_ms; /* 0: nothing is held */
};
int32_t shop__cart_by_id(shop__tx_t *tx, int64_t id, int64_t user_id, struct shop__cart_row *row,
                         bool *found) SHOP__MUST_USE;
/** The user's cart that is open or completing. */
int32_t shop__cart_living(shop__tx_t *tx, int64_t user_id, struct shop__cart_row *row,
                          bool *found) SHOP__MUST_USE;
int32_t shop__cart_insert(shop__tx_t *tx, const struct shop__cart_row *row) SHOP__MUST_USE;
/** Stores state, version, line count, currency, order and time of the row. */
int32_t shop__cart_update(shop__tx_t *tx, const struct shop__cart_row *row) SHOP__MUST_USE;

/** Stores the hold: begun then, for so long; length 0: none. Its start stays known,
    for it tells when the cart may be held anew. */
int32_t shop__cart_set_hold(shop__tx_t *tx, int64_t id, int64_t start_ms,
                            int64_t length_ms) SHOP__MUST_USE;
/** An open cart whose hold is over, the one that began first; of those that hold
    pieces of this product, 0: of any. Only id and hold of the row are set. */
int32_t shop__cart_hold_over(shop__tx_t *tx, int64_t product_id, int64_t now_ms,
                             struct shop__cart_row *row, bool *found) SHOP__MUST_USE;
/** Gives the cart to the row's user, with the row's version and time. */
int32_t shop__cart_give(shop__tx_t *tx, const struct shop__cart_row *row) SHOP__MUST_USE;
/** Deletes a cart that no order was made of, with its lines. */
int32_t shop__cart_delete(shop__tx_t *tx, int64_t id) SHOP__MUST_USE;
/** Stores version, line count, currency and time: a change of the lines. */
int32_t shop__cart_touch(shop__tx_t *tx, const struct shop__cart_row *row) SHOP__MUST_USE;

/** A cart line with its product as it is today. */
struct shop__cart_line_row {
  int64_t product_id;
  int64_t quantity;
  int64_t kept_price_minor;
  const char *sku;
  const char *name;
  int64_t price_minor;
  const char *currency;
  int32_t product_state;
  bool unlimited;
  int64_t available;
};
shop__query_t *shop__cart_lines_each(shop__tx_t *tx, int64_t cart_id);
int32_t shop__cart_lines_next(shop__query_t *q, struct shop__cart_line_row *row) SHOP__MUST_USE;
/** What a cart has of one product. */
struct shop__cart_piece_row {
  int64_t product_id;
  int64_t quantity;
  const char *sku;
};
/** The cart's pieces one by one, by product, for work that writes between them. */
int32_t shop__cart_piece_after(shop__tx_t *tx, int64_t cart_id, int64_t after_product_id,
                               struct shop__cart_piece_row *row, bool *found) SHOP__MUST_USE;
/** A line by its place. */
struct shop__cart_place_row {
  int64_t position;
  int64_t product_id;
  int64_t quantity;
  int64_t kept_price_minor;
};
/** The cart's lines one by one, in their order, for work that writes between them. */
int32_t shop__cart_place_after(shop__tx_t *tx, int64_t cart_id, int64_t after_position,
                               struct shop__cart_place_row *row, bool *found) SHOP__MUST_USE;
/** *quantity 0: no such line. */
int32_t shop__cart_line_quantity(shop__tx_t *tx, int64_t cart_id, int64_t product_id,
                                 int64_t *quantity) SHOP__MUST_USE;
int32_t shop__cart_line_insert(shop__tx_t *tx, int64_t cart_id, int64_t product_id,
                               int64_t position, int64_t quantity,
                               int64_t kept_price_minor) SHOP__MUST_USE;
int32_t shop__cart_line_set(shop__tx_t *tx, int64_t cart_id, int64_t product_id, int64_t quantity,
                            int64_t kept_price_minor) SHOP__MUST_USE;
int32_t shop__cart_line_set_quantity(shop__tx_t *tx, int64_t cart_id, int64_t product_id,
                                     int64_t quantity, bool *found) SHOP__MUST_USE;
int32_t shop__cart_line_delete(shop__tx_t *tx, int64_t cart_id, int64_t product_id,
                               bool *found) SHOP__MUST_USE;
int32_t shop__cart_lines_delete(shop__tx_t *tx, int64_t cart_id) SHOP__MUST_USE;
/** Today's price for every line whose product is active in this currency. */
int32_t shop__cart_lines_reprice(shop__tx_t *tx, int64_t cart_id,
                                 const char *currency) SHOP__MUST_USE;

/* ---- orders.c -------------------------------------------------------------- */

enum shop__attention {
  SHOP__ATTENTION_MISMATCH = 1,      /* another amount was taken */
  SHOP__ATTENTION_LATE = 2,          /* taken after the order had failed */
  SHOP__ATTENTION_CONTRADICTION = 4  /* the gateway says two things */
};
struct shop__payment_row {
  int64_t order_id;
  int32_t state; /* enum shop_payment_status */
  int32_t attention;
  int64_t amount_minor;
  const char *currency;
  int64_t captured_minor;
  int64_t refunded_minor;
  const char *captured_currency;
  const char *reference;
  int64_t held_since_ms;
  const char *client_data;
};
struct shop__order_row {
  int64_t id;
  const char *number;
  int64_t user_id;
  int64_t cart_id;
  int32_t status; /* enum shop_order_status */
  const char *currency;
  int64_t total_minor;
  int64_t created_at_ms;
  int64_t placed_at_ms; /* 0: not */
  const char *email;
  const char *email_key;
  const char *language; /* NULL: the shop's */
  const char *external_id;
  const char *shipping_address;
  const char *billing_address;
  const char *note;
  struct shop__payment_row payment; /* state 0: there is none */
};
/** *inserted false: the number is taken, draw another. */
int32_t shop__order_insert(shop__tx_t *tx, const struct shop__order_row *row,
                           bool *inserted) SHOP__MUST_USE;
int32_t shop__order_set_status(shop__tx_t *tx, int64_t id, int32_t status, int64_t placed_at_ms,
                               int64_t now_ms) SHOP__MUST_USE;
int32_t shop__order_update_metadata(shop__tx_t *tx, const char *number, const char *note,
                                    const char *external_id, int64_t now_ms,
                                    bool *found) SHOP__MUST_USE;

int32_t shop__order_by_id(shop__tx_t *tx, int64_t id, struct shop__order_row *row,
                          bool *found) SHOP__MUST_USE;
int32_t shop__order_by_number(shop__tx_t *tx, const char *number, struct shop__order_row *row,
                              bool *found) SHOP__MUST_USE;
int32_t shop__order_by_reference(shop__tx_t *tx, const char *reference,
                                 struct shop__order_row *row, bool *found) SHOP__MUST_USE;
/* Pages, newest first; before_id INT64_MAX for the first. */
shop__query_t *shop__orders_each_of_user(shop__tx_t *tx, int64_t user_id, int64_t before_id,
                                         int32_t limit);
shop__query_t *shop__orders_each_of_email(shop__tx_t *tx, const char *email_key,
                                          int64_t before_id, int32_t limit);
shop__query_t *shop__orders_each_of_status(shop__tx_t *tx, int32_t status, int64_t before_id,
                                           int32_t limit);
/** Orders whose payment a person must look at. */
shop__query_t *shop__orders_each_in_attention(shop__tx_t *tx, int64_t before_id, int32_t limit);
shop__query_t *shop__orders_each_any(shop__tx_t *tx, int64_t before_id, int32_t limit);
int32_t shop__orders_next(shop__query_t *q, struct shop__order_row *row) SHOP__MUST_USE;

struct shop__order_line_row {
  int64_t product_id;
  int64_t quantity;
  int64_t unit_price_minor;
  int64_t total_minor;
  const char *sku;
  const char *name;
};
int32_t shop__order_line_insert(shop__tx_t *tx, int64_t order_id, int64_t position,
                                const struct shop__order_line_row *row) SHOP__MUST_USE;
shop__query_t *shop__order_lines_each(shop__tx_t *tx, int64_t order_id);
int32_t shop__order_lines_next(shop__query_t *q, struct shop__order_line_row *row) SHOP__MUST_USE;

struct shop__adjustment_row {
  int32_t kind; /* enum shop_adjustment_kind */
  int64_t amount_minor;
  const char *label;
};
int32_t shop__adjustment_insert(shop__tx_t *tx, int64_t order_id, int64_t position,
                                const struct shop__adjustment_row *row) SHOP__MUST_USE;
shop__query_t *shop__adjustments_each(shop__tx_t *tx, int64_t order_id);
int32_t shop__adjustments_next(shop__query_t *q, struct shop__adjustment_row *row) SHOP__MUST_USE;

/* ---- reservations.c ---------------------------------------------------------- */

enum shop__reservation_state {
  SHOP__RESERVATION_HELD = 1,
  SHOP__RESERVATION_TAKEN = 2,
  SHOP__RESERVATION_RELEASED = 3
};
struct shop__reservation_row {
  int64_t product_id;
  int64_t quantity;
  int32_t state;
  int64_t returned;
};
int32_t shop__reservation_insert(shop__tx_t *tx, int64_t order_id, int64_t product_id,
                                 int64_t quantity) SHOP__MUST_USE;
shop__query_t *shop__reservations_each(shop__tx_t *tx, int64_t order_id);
int32_t shop__reservations_next(shop__query_t *q, struct shop__reservation_row *row) SHOP__MUST_USE;
/** *enough false: more were to come back than were taken; nothing changed. */
int32_t shop__reservation_return(shop__tx_t *tx, int64_t order_id, int64_t product_id,
                                 int64_t quantity, bool *enough) SHOP__MUST_USE;
/** Every held reservation of the order gets the state. */
int32_t shop__reservations_settle(shop__tx_t *tx, int64_t order_id, int32_t state) SHOP__MUST_USE;

/* ---- payments.c -------------------------------------------------------------- */

int32_t shop__payment_insert(shop__tx_t *tx, const struct shop__payment_row *row,
                             int64_t now_ms) SHOP__MUST_USE;
/** Stores everything of the row but amount and currency. */
int32_t shop__payment_update(shop__tx_t *tx, const struct shop__payment_row *row,
                             int64_t now_ms) SHOP__MUST_USE;

struct shop__operation_row {
  int64_t id;
  int64_t order_id;
  int32_t kind;
  int32_t state;
  bool cancels;
  int64_t amount_minor;
  int64_t moved_minor; /* what the gateway took or gave back by it */
  const char *currency;
  const char *key; /* the gateway's idempotency key */
  const char *method;
  int64_t created_at_ms;
  int64_t lease_start_ms;
  int64_t lease_length_ms;
  const char *reference; /* of this operation */
  /* from orders and payments */
  const char *order_number;
  const char *email;
  const char *payment_reference;
  int32_t payment_state;
  int64_t held_since_ms;
};
int32_t shop__operation_insert(shop__tx_t *tx, const struct shop__operation_row *row) SHOP__MUST_USE;
int32_t shop__operation_get(shop__tx_t *tx, int64_t id, struct shop__operation_row *row,
                            bool *found) SHOP__MUST_USE;
/** The operation that the gateway knows under a reference of its own. */
int32_t shop__operation_by_reference(shop__tx_t *tx, const char *reference,
                                     struct shop__operation_row *row, bool *found) SHOP__MUST_USE;
/** The newest operation of a kind of an order; kind 0: any. */
int32_t shop__operation_newest(shop__tx_t *tx, int64_t order_id, int32_t kind,
                               struct shop__operation_row *row, bool *found) SHOP__MUST_USE;
/** An open operation whose lease has run out and, unless the clock went back,
    was taken before `began_ms`: so who began then meets none twice. The one
    with the oldest lease comes first, and only those behind `after` (lease
    start and id) are looked at. */
int32_t shop__operation_next_due(shop__tx_t *tx, int64_t began_ms, int64_t now_ms,
                                 const struct shop__operation_row *after,
                                 struct shop__operation_row *row, bool *found) SHOP__MUST_USE;
/** reference NULL: the stored one stays. moved_minor: what the gateway took or
    gave back by it. */
int32_t shop__operation_set_state(shop__tx_t *tx, int64_t id, int32_t state,
                                  const char *reference, int64_t moved_minor) SHOP__MUST_USE;
int32_t shop__operation_set_lease(shop__tx_t *tx, int64_t id, int64_t start_ms,
                                  int64_t length_ms) SHOP__MUST_USE;
/** Walks the operations of an order, oldest first. */
shop__query_t *shop__operations_each(shop__tx_t *tx, int64_t order_id);
int32_t shop__operations_next(shop__query_t *q, struct shop__operation_row *row) SHOP__MUST_USE;

/* What comes back into stock with an operation. */
int32_t shop__operation_return_insert(shop__tx_t *tx, int64_t operation_id, int64_t product_id,
                                      int64_t quantity) SHOP__MUST_USE;
struct shop__return_row {
  int64_t product_id;
  int64_t quantity;
};
shop__query_t *shop__operation_returns_each(shop__tx_t *tx, int64_t operation_id);
int32_t shop__operation_returns_next(shop__query_t *q,
                                     struct shop__return_row *row) SHOP__MUST_USE;

/* ---- reports.c: what the gateway has said by itself ------------------------------ */

struct shop__report_row {
  int64_t id;
  const char *event_id;
  int64_t order_id; /* 0: unmatched */
  int32_t outcome;  /* enum shop_gateway_outcome */
  int64_t amount_minor;
  const char *currency;
  const char *key;
  const char *reference;
  const char *reason;
  int64_t received_at_ms;
};
/** *inserted false: the event was taken before. One that fitted nothing then and
    does now is taken now. */
int32_t shop__report_insert(shop__tx_t *tx, const struct shop__report_row *row,
                            bool *inserted) SHOP__MUST_USE;
shop__query_t *shop__reports_each_unmatched(shop__tx_t *tx, int64_t after_id, int32_t limit);
int32_t shop__reports_next(shop__query_t *q, struct shop__report_row *row) SHOP__MUST_USE;

/* ---- outbox.c: mail that leaves, or has left --------------------------------- */

struct shop__outbox_row {
  int64_t id;
  int64_t order_id; /* 0: an account's */
  int64_t user_id;  /* 0: nobody's account */
  int64_t cause_id;
  int32_t kind;  /* enum shop_mail_kind */
  int32_t state; /* enum shop_mail_state */
  int64_t tries;
  int64_t since_ms;
  int64_t wait_ms;
  int64_t lease_id;
  int64_t created_at_ms;
  int64_t sent_at_ms; /* 0: not */
  const char *recipient;
  const char *sender;
  const char *reason;
  const void *message;
  size_t message_size;
  const uint8_t *code_hash; /* of the code in it; NULL: none. Read by who takes it alone */
  /* from orders */
  const char *order_number; /* NULL: an account's */
};
/** *inserted false: the order has a mail of this kind and cause. */
int32_t shop__outbox_insert(shop__tx_t *tx, const struct shop__outbox_row *row,
                            bool *inserted) SHOP__MUST_USE;
/** The waiting mail that was due first, at due_by_ms or before; else one that
    began to wait after ahead_of_ms. */
int32_t shop__outbox_next_due(shop__tx_t *tx, int64_t due_by_ms, int64_t ahead_of_ms,
                              struct shop__outbox_row *row, bool *found) SHOP__MUST_USE;
/** When the first waiting mail is due, and since when the latest waits; *found
    false: none waits. Reads an index only. */
int32_t shop__outbox_horizon(shop__tx_t *tx, int64_t *due_ms, int64_t *latest_since_ms,
                             bool *found) SHOP__MUST_USE;
/** What decides about an answer: whose it is, state, tries and lease of one mail. */
int32_t shop__outbox_get(shop__tx_t *tx, int64_t id, struct shop__outbox_row *row,
                         bool *found) SHOP__MUST_USE;
/** Stores state, tries, since, wait, lease, reason and sent_at_ms of the row. */
int32_t shop__outbox_update(shop__tx_t *tx, const struct shop__outbox_row *row) SHOP__MUST_USE;
int32_t shop__outbox_has_message(shop__tx_t *tx, int64_t id, bool *has) SHOP__MUST_USE;
/** Throws the message away; the row stays. */
int32_t shop__outbox_empty(shop__tx_t *tx, int64_t id) SHOP__MUST_USE;
int32_t shop__outbox_delete(shop__tx_t *tx, int64_t id) SHOP__MUST_USE;
/** Mail of a state (0: any), newest first, without messages; before_id
    INT64_MAX for the first page. */
shop__query_t *shop__outbox_each(shop__tx_t *tx, int32_t state, int64_t before_id, int32_t limit);
int32_t shop__outbox_next(shop__query_t *q, struct shop__outbox_row *row) SHOP__MUST_USE;

struct shop__outbox_counts {
  int64_t queued;
  int64_t leased;
  int64_t sent;
  int64_t dead;
  int64_t oldest_ms; /* when the oldest waiting one was queued; 0: none waits */
};
int32_t shop__outbox_count(shop__tx_t *tx, struct shop__outbox_counts *counts) SHOP__MUST_USE;
/** The orders' mail that was sent before a time loses message and recipient; the row stays, for
    the audit. */
int32_t shop__outbox_forget_sent(shop__tx_t *tx, int64_t before_ms, int32_t limit,
                                 int64_t *count) SHOP__MUST_USE;
/** The same of mail that is dead since before a time. */
int32_t shop__outbox_forget_dead(shop__tx_t *tx, int64_t before_ms, int32_t limit,
                                 int64_t *count) SHOP__MUST_USE;
/** The accounts' mail that was sent before a time is deleted; what is dead, likewise. */
int32_t shop__outbox_delete_sent(shop__tx_t *tx, int64_t before_ms, int32_t limit,
                                 int64_t *count) SHOP__MUST_USE;
int32_t shop__outbox_delete_dead(shop__tx_t *tx, int64_t before_ms, int32_t limit,
                                 int64_t *count) SHOP__MUST_USE;

/* ---- refresh_tokens.c ------------------------------------------------------------ */

#define SHOP__REFRESH_HASH_BYTES 32

enum shop__refresh_state {
  SHOP__REFRESH_GOOD = 1,
  SHOP__REFRESH_USED = 2,
  SHOP__REFRESH_ENDED = 3
};
/** Hashes have SHOP__REFRESH_HASH_BYTES. */
struct shop__refresh_row {
  const void *hash;
  int64_t family_id;
  int64_t user_id;
  int64_t epoch;
  int32_t state;
  const char *jti;
  int64_t expires_at_ms;
  int64_t family_expires_at_ms;
  const void *parent;     /* NULL: the family's first */
  const void *key_digest; /* NULL: used without a key, or not used */
  const char *label;      /* NULL or "": none */
  /* of the user, when read */
  const char *subject;
  int64_t user_epoch;
  bool disabled;
  bool closed;
};
int32_t shop__refresh_get(shop__tx_t *tx, const void *hash, struct shop__refresh_row *row,
                          bool *found) SHOP__MUST_USE;
/** The good one of a family. */
int32_t shop__refresh_get_good(shop__tx_t *tx, int64_t family_id, struct shop__refresh_row *row,
                               bool *found) SHOP__MUST_USE;
/** As a good one; one of the family must not be there yet. */
int32_t shop__refresh_insert(shop__tx_t *tx, const struct shop__refresh_row *row) SHOP__MUST_USE;
/** A good one is used now. */
int32_t shop__refresh_use(shop__tx_t *tx, const void *hash, const void *key_digest) SHOP__MUST_USE;
/** Ends the good one of a family. */
int32_t shop__refresh_end_family(shop__tx_t *tx, int64_t family_id) SHOP__MUST_USE;
/** Revokes the tokens of a family that were not. */
int32_t shop__refresh_revoke_tokens(shop__tx_t *tx, int64_t family_id,
                                    int64_t now_ms) SHOP__MUST_USE;
/** The family of a user's token with this id; 0: none. */
int32_t shop__refresh_family_of_session(shop__tx_t *tx, int64_t user_id, int64_t id,
                                        int64_t *family_id) SHOP__MUST_USE;
/** The family that a token belongs to; 0: none. */
int32_t shop__refresh_family_of(shop__tx_t *tx, const char *jti, int64_t *family_id) SHOP__MUST_USE;

/* ---- events.c ------------------------------------------------------------------ */

struct shop__event_row {
  int64_t id;
  int64_t at_ms;
  int32_t actor;    /* enum shop_actor */
  int64_t user_id;  /* 0: none */
  int64_t order_id; /* 0: none */
  const char *name;
  const char *before; /* NULL or "": none, as for the next two */
  const char *after;
  const char *detail;
};
/** Draws its own id. */
int32_t shop__event_insert(shop__tx_t *tx, const struct shop__event_row *row) SHOP__MUST_USE;
shop__query_t *shop__events_each_of_order(shop__tx_t *tx, int64_t order_id);
shop__query_t *shop__events_each(shop__tx_t *tx, int64_t after_id, int32_t limit);
int32_t shop__events_next(shop__query_t *q, struct shop__event_row *row) SHOP__MUST_USE;

/* ---- requests.c: idempotency keys ---------------------------------------------- */


struct shop__request_row {
  int64_t user_id;
  const char *operation;
  const char *key;
  const void *digest; /* SHOP__DIGEST_BYTES */
  int64_t result_id;
};
int32_t shop__request_get(shop__tx_t *tx, int64_t user_id, const char *operation, const char *key,
                          struct shop__request_row *row, bool *found) SHOP__MUST_USE;
int32_t shop__request_insert(shop__tx_t *tx, const struct shop__request_row *row,
                             int64_t now_ms) SHOP__MUST_USE;

/* ---- prune.c: what grows and may be thrown away ----------------------------------- */

/** Each touches at most `limit` rows, and tells how many. */
int32_t shop__prune_requests(shop__tx_t *tx, int64_t before_ms, int32_t limit,
                             int64_t *count) SHOP__MUST_USE;
int32_t shop__prune_tokens(shop__tx_t *tx, int64_t expired_before_ms, int32_t limit,
                           int64_t *count) SHOP__MUST_USE;
int32_t shop__prune_refreshes(shop__tx_t *tx, int64_t expired_before_ms, int32_t limit,
                              int64_t *count) SHOP__MUST_USE;
int32_t shop__prune_signing_keys(shop__tx_t *tx, int64_t until_before_ms, int32_t limit,
                                 int64_t *count) SHOP__MUST_USE;
int32_t shop__prune_events(shop__tx_t *tx, int64_t before_ms, int32_t limit,
                           int64_t *count) SHOP__MUST_USE;
int32_t shop__expire_carts(shop__tx_t *tx, int64_t untouched_since_ms, int32_t limit,
                           int64_t now_ms, int64_t *count) SHOP__MUST_USE;

/* ---- erase.c: taking a person out of the rows ------------------------------------ */

/** The identity, from the user's own row; *begun false: it was gone already, and
    what has come back of it goes. */
int32_t shop__erase_user(shop__tx_t *tx, int64_t user_id, int64_t now_ms,
                         bool *begun) SHOP__MUST_USE;
/** Nothing of the user is left to erase. */
int32_t shop__erase_end(shop__tx_t *tx, int64_t user_id, int64_t now_ms) SHOP__MUST_USE;
/** The next user after an id who is being erased; 0: none. */
int32_t shop__erasing_next(shop__tx_t *tx, int64_t after_id, int64_t *user_id) SHOP__MUST_USE;
/** A user who has closed the account before a time and is not being erased, the first
    one; 0: none. */
int32_t shop__erase_closed_next(shop__tx_t *tx, int64_t before_ms,
                                int64_t *user_id) SHOP__MUST_USE;
/** At most `limit` rows of each table that are about the user and no order: tokens, idempotency keys,
    known sources, details of events, what is in carts that were left, mail. *more: there may be others. */
int32_t shop__erase_rows(shop__tx_t *tx, int64_t user_id, int32_t limit,
                         bool *more) SHOP__MUST_USE;
/** The person in an order and in all that hangs on it. */
int32_t shop__erase_order(shop__tx_t *tx, int64_t order_id) SHOP__MUST_USE;
/** The user's next order after an id that is not erased, or, again, of all; 0: none. */
int32_t shop__erase_order_next(shop__tx_t *tx, int64_t user_id, int64_t after_id, bool again,
                               int64_t *order_id, bool *final) SHOP__MUST_USE;

/* ---- export.c: all that is held about a user, as columns with names --------------- */

enum shop__export_type {
  SHOP__EXPORT_NUMBER = 0,
  SHOP__EXPORT_TEXT,
  SHOP__EXPORT_FLAG, /* 0 or 1 */
  /* numbers that stand for a word */
  SHOP__EXPORT_ACTOR,
  SHOP__EXPORT_ADJUSTMENT_KIND,
  SHOP__EXPORT_CART_STATE,
  SHOP__EXPORT_CODE_KIND,
  SHOP__EXPORT_MAIL_KIND,
  SHOP__EXPORT_MAIL_STATE,
  SHOP__EXPORT_OPERATION_KIND,
  SHOP__EXPORT_OPERATION_STATE,
  SHOP__EXPORT_ORDER_STATUS,
  SHOP__EXPORT_OUTCOME,
  SHOP__EXPORT_PAYMENT_STATUS,
  SHOP__EXPORT_PIECES_STATE,
  SHOP__EXPORT_REFRESH_STATE,
  SHOP__EXPORT_ATTENTION, /* several words, added up */
  SHOP__EXPORT_MAIL_TEXT  /* bytes; stands behind the mail's kind */
};
struct shop__export_column {
  const char *name; /* NULL: not shown */
  int32_t type;     /* enum shop__export_type */
};
/** A list of rows that hang on one row, the user's or another part's. */
struct shop__export_part {
  const char *name;
  const char *sql;
  bool single; /* there is one or none */
  const struct shop__export_column *columns;
  size_t column_count;
  const struct shop__export_part *parts; /* that hang on each row, by its first column */
  size_t part_count;
};
/** What hangs on a user, by the user's id. */
const struct shop__export_part *shop__export_parts(size_t *count);
/** The rows of a part, oldest first; to be stepped by shop__query_step. */
shop__query_t *shop__export_each(shop__tx_t *tx, const struct shop__export_part *part, int64_t key);

/* ---- audit_rows.c: whole-table walks for the audit ------------------------------- */

/** Every product's id, SKU and stock, by id. */
shop__query_t *shop__audit_products_each(shop__tx_t *tx);
int32_t shop__audit_products_next(shop__query_t *q, struct shop__product_row *row) SHOP__MUST_USE;
/** Every reservation, by order. */
shop__query_t *shop__audit_reservations_each(shop__tx_t *tx);
int32_t shop__audit_reservations_next(shop__query_t *q,
                                      struct shop__reservation_row *row) SHOP__MUST_USE;
/** Every piece that an open cart holds, by cart. */
shop__query_t *shop__audit_held_pieces_each(shop__tx_t *tx);
int32_t shop__audit_held_pieces_next(shop__query_t *q,
                                     struct shop__cart_piece_row *row) SHOP__MUST_USE;
/** What an order hangs on, by order id. */
struct shop__audit_order_row {
  struct shop__order_row order;
  int64_t operation_created_at_ms;
  int32_t operation_state; /* of the charge; 0: none */
  int32_t cart_state;      /* 0: no such cart */
  int64_t cart_order_id;
  int32_t mail_state; /* of the confirmation; 0: none */
};
/** Of orders that were changed at or after a time; 0: all. */
shop__query_t *shop__audit_orders_each(shop__tx_t *tx, int64_t since_ms);
int32_t shop__audit_orders_next(shop__query_t *q, struct shop__audit_order_row *row) SHOP__MUST_USE;
/** Numbers of orders whose payment is named as that of an older one. */
shop__query_t *shop__audit_shared_references_each(shop__tx_t *tx);
int32_t shop__audit_shared_references_next(shop__query_t *q, const char **number) SHOP__MUST_USE;
/** The numbers of orders whose user is a guest. */
shop__query_t *shop__audit_guest_orders_each(shop__tx_t *tx);
int32_t shop__audit_guest_orders_next(shop__query_t *q, const char **number) SHOP__MUST_USE;
/** Carts that say completing or completed and have no order that says so. */
shop__query_t *shop__audit_lost_carts_each(shop__tx_t *tx);
int32_t shop__audit_lost_carts_next(shop__query_t *q, int64_t *cart_id) SHOP__MUST_USE;

#endif
