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

/* ---- limits of texts, in bytes ------------------------------------------- */

#define SHOP__PATH_MAX 500 /* SQLite takes 512, with its suffixes */
#define SHOP__NAME_MAX 200
#define SHOP__KEY_MAX 255
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
#define SHOP__ADJUSTMENTS_MAX 20
#define SHOP__PAGE_MAX 1000
#define SHOP__ORDER_NUMBER_BYTES 13

/* ---- config.c ------------------------------------------------------------- */

struct shop_config {
  char name[SHOP__NAME_MAX + 1];
  char mail_from[SHOP__EMAIL_BYTES];
  char issuer[SHOP__ISSUER_MAX_BYTES + 1];
  int32_t durability;
  int64_t busy_timeout_ms;
  int32_t token_algorithm;
  int64_t token_life_ms;
  struct shop__hasher_settings password;
  int32_t cart_lines_max;
  int32_t quantity_max;
  struct shop__clock clock;
  void (*log)(void *user, int32_t level, const char *text);
  void *log_user;
  shop_gateway_fn charge;
  void *charge_user;
  shop_gateway_fn query;
  void *query_user;
  int64_t gateway_key_life_ms;
  int64_t gateway_lease_ms;
  shop_mail_fn transport;
  void *transport_user;
  bool mail_at_once;
  int64_t mail_lease_ms;
  int32_t mail_tries_max;
};

void shop__config_defaults(struct shop_config *config);

/* ---- options.c ------------------------------------------------------------ */

struct shop_options {
  char key[SHOP__KEY_MAX + 1]; /* "": none */
  int64_t expected_version;    /* 0: none */
  int64_t deadline_ms;         /* 0: none */
};

enum shop__options_taken { SHOP__TAKES_DEADLINE = 0, SHOP__TAKES_KEY = 1, SHOP__TAKES_VERSION = 2 };
/** Refuses what is set and not taken. options may be NULL. */
int32_t shop__options_check(const shop_options_t *options, int32_t taken,
                            shop_error_t *err) SHOP__MUST_USE;
/** The write rule of a call; options may be NULL. */
struct shop__db_write_rule shop__options_rule(const shop_options_t *options, bool payment);

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
  struct shop__callback *next;
};

struct shop {
  struct shop_config config;
  char store_id[SHOP__STORE_ID_BYTES];
  pid_t pid;
  shop__db_t *db;
  shop__hasher_t *hasher;
  _Atomic(struct shop__key_node *) keys;
  const struct shop__key *signing; /* in the list, never changes while open */
  pthread_mutex_t lock;            /* guards what follows */
  pthread_cond_t idle;
  int32_t calls;
  bool closing;
  struct shop__callback *callbacks;
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
/** Inside a write: a snapshot that could not be built undoes the write, so that
    failure changes nothing. */
int32_t shop__pack_check(shop__tx_t *tx, const struct shop__pack *pack) SHOP__MUST_USE;
/** Gives the finished snapshot to *out, or answers SHOP_ERR_NO_MEMORY. */
int32_t shop__give(struct shop__pack *pack, void **out, shop_error_t *err) SHOP__MUST_USE;

/* ---- keyring.c --------------------------------------------------------------- */

/** Reads the signing keys, makes what is missing, and picks the one that signs. */
int32_t shop__keyring_open(shop_t *shop, shop_error_t *err) SHOP__MUST_USE;
void shop__keyring_close(shop_t *shop);
/** The key of a kid, also when another process has made it; *key NULL: none. */
int32_t shop__keyring_find(shop_t *shop, const char *kid, const struct shop__key **key,
                           shop_error_t *err) SHOP__MUST_USE;

/* ---- token.c ------------------------------------------------------------------ */

struct shop_token {
  char store_id[SHOP__STORE_ID_BYTES];
  char subject[SHOP__RANDOM_ID_BYTES];
  char jti[SHOP__RANDOM_ID_BYTES];
  int64_t user_id; /* 0 until the store was asked */
  int64_t epoch;
  int64_t issued_at_ms;
  int64_t expires_at_ms;
  char *jwt;
};

/** A signed token that no row stands for yet. */
int32_t shop__token_make(shop_t *shop, const char *subject, int64_t epoch, int64_t now_ms,
                         shop_token_t **out, shop_error_t *err) SHOP__MUST_USE;
/** Checks the text, without the store; user_id stays 0. */
int32_t shop__token_parse(shop_t *shop, const char *jwt, shop_token_t **out,
                          shop_error_t *err) SHOP__MUST_USE;
/** Inside a transaction: is the token good now, and whose is it. */
int32_t shop__token_check(shop__tx_t *tx, const shop_token_t *token, int64_t now_ms,
                          struct shop__token_row *row) SHOP__MUST_USE;

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
};
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

/* ---- cart_snapshot.c ----------------------------------------------------------------- */

struct shop_cart {
  int64_t id;
  int64_t user_id;
  int64_t version;
  int64_t total_minor;
  int64_t created_at_ms;
  int64_t updated_at_ms;
  int32_t state;
  int32_t warnings;
  char currency[4];
  struct shop__pack_list lines;
};
/** The warnings of a line in a cart of this currency ("" : none yet). */
int32_t shop__cart_line_warning(const struct shop__cart_line_row *line, const char *currency);
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
  uint32_t detail;
  int64_t at_ms;
};
struct shop_order {
  int64_t id;
  int64_t user_id;
  int64_t cart_id;
  int64_t total_minor;
  int64_t captured_minor;
  int64_t created_at_ms;
  int64_t placed_at_ms;
  int32_t status;
  int32_t payment_status;
  int32_t attention;
  char currency[4];
  char captured_currency[4];
  char number[SHOP__ORDER_NUMBER_BYTES];
  uint32_t email;
  uint32_t shipping_address;
  uint32_t billing_address;
  uint32_t reference;
  uint32_t note;
  uint32_t external_id;
  struct shop__pack_list lines;
  struct shop__pack_list adjustments;
  struct shop__pack_list events;
};
const struct shop__order_line *shop__order_line_at(const shop_order_t *order, int32_t line);
const struct shop__order_adjustment *shop__order_adjustment_at(const shop_order_t *order,
                                                               int32_t index);
/* Building one: head first, then lines, adjustments and events, then end. */
void shop__order_pack_head(struct shop__pack *pack, const struct shop__order_row *row);
void shop__order_pack_line(struct shop__pack *pack, const struct shop__order_line_row *row);
void shop__order_pack_adjustment(struct shop__pack *pack, const struct shop__adjustment_row *row);
void shop__order_pack_event(struct shop__pack *pack, const struct shop__event_row *row);
void shop__order_pack_end(struct shop__pack *pack);
/** The order that is being built, or NULL after a failure. */
shop_order_t *shop__order_of(const struct shop__pack *pack);
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

/* ---- gateway.c ----------------------------------------------------------------------------- */

enum shop__answer {
  SHOP__ANSWER_NONE = 0, /* also: several, invalid. Never anything but unknown */
  SHOP__ANSWER_CAPTURED = 1,
  SHOP__ANSWER_DECLINED = 2,
  SHOP__ANSWER_PENDING = 3,
  SHOP__ANSWER_UNKNOWN = 4,
  SHOP__ANSWER_NOT_FOUND = 5
};
struct shop__outcome {
  enum shop__answer answer;
  int64_t amount_minor;
  char currency[4];
  char reference[SHOP__REFERENCE_MAX + 1];
  char reason[SHOP__REASON_MAX + 1];
};
#define SHOP__GATEWAY_KEY_BYTES 65
/** One request to the gateway, made from what was stored before. */
struct shop__charge {
  int64_t operation_id;
  int64_t amount_minor;
  char currency[4];
  char key[SHOP__GATEWAY_KEY_BYTES];
  char order_number[SHOP__ORDER_NUMBER_BYTES];
  char method[SHOP__METHOD_MAX + 1];
  char email[SHOP__EMAIL_BYTES];
  char reference[SHOP__REFERENCE_MAX + 1];
};
void shop__charge_fill(const shop_t *shop, const struct shop__operation_row *row,
                       struct shop__charge *charge);
/** Calls the host. fn is the charge or the query callback. */
void shop__gateway_ask(shop_t *shop, shop_gateway_fn fn, void *user,
                       const struct shop__charge *charge, struct shop__outcome *outcome);

/* ---- settle.c: the one door for every answer about a payment ------------------------------- */

struct shop__settle {
  int64_t operation_id;
  const struct shop__outcome *outcome;
  const shop_order_t *draft; /* the order as stored, where the caller has it */
  bool give_up;    /* nobody can know any more: unknown, for a person */
  bool unanswered; /* a callback was asked just now: no answer is SHOP_UNKNOWN */
  /* results */
  int32_t status; /* of the outcome family, or SHOP_OK */
  shop_order_t *order;
};
/** Applies an answer, sends the confirmation where that is due, and gives the
    order as it is now. */
int32_t shop__settle(shop_t *shop, struct shop__settle *settle, shop_error_t *err) SHOP__MUST_USE;
/** What a purchase answers for an order in this state, with the sentence. */
int32_t shop__order_outcome(const shop_order_t *order, shop_error_t *err);
/** Inside the transaction that places an order: stock taken, cart completed,
    confirmation written. */
struct shop__placing {
  int64_t now_ms;
  const struct shop__bytes *message;
  const char *sender;
  int64_t lease_id; /* not 0: the caller sends it at once */
  int64_t lease_ms;
  int64_t mail_id; /* result */
};
int32_t shop__place(shop__tx_t *tx, const struct shop__order_row *order,
                    struct shop__placing *placing) SHOP__MUST_USE;

/* ---- mail.c ------------------------------------------------------------------------------------ */

/** A mail that this call holds the lease of. */
struct shop__mail_job {
  int64_t id;
  int64_t lease_id;
  const char *sender;
  const char *recipient;
  const char *order_number;
  const char *message;
  size_t message_bytes;
};
/** The confirmation of an order, as bytes; out->failed when out of memory. */
void shop__confirmation(const shop_t *shop, const shop_order_t *order, int64_t now_ms,
                        struct shop__bytes *out);
/** A fresh lease id when the caller is to send at once, else 0. */
int64_t shop__mail_lease(const shop_t *shop);
/** Hands a leased mail to the transport and stores the answer. What fails here
    fails no purchase: the mail stays queued. */
void shop__mail_send(shop_t *shop, const struct shop__mail_job *job);

#endif
