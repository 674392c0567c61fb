/*
 * What the tests of the public contract share: a shop in a folder of its own,
 * with a clock, a gateway and a transport that do as they are told. The fakes
 * are crueller than the real thing. Tests link the static library and include
 * nothing but the public headers and this one.
 */
#ifndef SHOP_TESTS_HARNESS_H
#define SHOP_TESTS_HARNESS_H

#include <check.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/types.h>

#include <shop.h>

/* ---- the gateway: a ledger of charges, and a mood ------------------------- */

enum gateway_mood {
  GATEWAY_APPROVES,
  GATEWAY_DECLINES,
  GATEWAY_PENDS,
  GATEWAY_LOSES_ANSWER, /* takes the money, and gives no answer */
  GATEWAY_SILENT,       /* takes nothing, and gives no answer */
  GATEWAY_SAYS_UNKNOWN,
  GATEWAY_TWICE_SAME,   /* the same answer two times */
  GATEWAY_CONTRADICTS,  /* captured, then declined, in one call */
  GATEWAY_TAKES_LESS,   /* one minor unit less than asked */
  GATEWAY_OTHER_CURRENCY,
  GATEWAY_BAD_CURRENCY, /* an answer that is not valid */
  GATEWAY_NO_REFERENCE, /* an answer that is not valid */
  GATEWAY_ZERO_AMOUNT,  /* an answer that is not valid */
  GATEWAY_NOT_FOUND,    /* an answer that only a query may give */
  GATEWAY_AUTHORIZES,   /* a charge: sets the money aside */
  GATEWAY_AUTHORIZES_LESS,
  GATEWAY_ASKS_ACTION,  /* a charge: the shopper must do something first */
  GATEWAY_TOO_LATE      /* a void: the money was taken, as the charge was asked to */
};

#define LEDGER_MAX 4096

struct ledger_entry {
  char key[80];
  char reference[80];
  char currency[4];
  int64_t amount_minor;
};

/* What the gateway did beside taking a charge: set aside (kind charge), captured,
   voided, refunded. */
struct gateway_move {
  int32_t kind; /* enum shop_operation_kind */
  char key[80];
  char payment_key[80];
  char reference[80];
  char currency[4];
  int64_t amount_minor;
};

struct gateway {
  pthread_mutex_t lock;
  enum gateway_mood mood;       /* of charges */
  enum gateway_mood query_mood; /* APPROVES: answers from the ledger */
  bool forgets_keys;            /* every charge is a new one */
  int32_t charges;              /* calls of charge */
  int32_t queries;              /* calls of query */
  int32_t count;                /* charges taken */
  struct ledger_entry ledger[LEDGER_MAX];
  char last_key[80];
  char last_method[300];
  char last_email[300];
  char last_order_number[20];
  enum gateway_mood operation_mood; /* of captures, voids and refunds */
  int32_t captures, voids, refunds; /* calls of each */
  int32_t move_count;
  struct gateway_move moves[LEDGER_MAX];
  /* Run inside the callbacks of captures, voids and refunds, before and after it is done. */
  void (*before_operation)(struct gateway *gateway, void *user);
  void (*after_operation)(struct gateway *gateway, void *user);
  /* Run inside the callback, before and after the money is taken. */
  void (*before)(struct gateway *gateway, void *user);
  void (*after)(struct gateway *gateway, void *user);
  /* Run inside a query, before it answers. */
  void (*in_query)(struct gateway *gateway, void *user);
  void *hook_user;
};

/* The callbacks; world_prepare sets the charge, a test that wants a query sets
   it before world_open. */
void gateway_charge(shop_gateway_call_t *call, void *user);
void gateway_query(shop_gateway_call_t *call, void *user);
/* For captures, voids and refunds: each once for its key, and faithfully: what was voided cannot be
   captured, what was captured cannot be voided. */
void gateway_operation(shop_gateway_call_t *call, void *user);
/* Sets gateway_operation for all three kinds; to be called before world_open. */
struct world;
void gateway_set_operations(struct world *world, bool on);
/* What the gateway has done of this kind for the charge with this key, added up. */
int64_t gateway_moved(struct gateway *gateway, int32_t kind, const char *payment_key);

/* ---- the transport ----------------------------------------------------------- */

enum transport_mood {
  TRANSPORT_DELIVERS,
  TRANSPORT_LATER,
  TRANSPORT_REJECTS,
  TRANSPORT_SILENT,
  TRANSPORT_CONTRADICTS, /* delivered, then rejected, in one call */
  TRANSPORT_TWICE_SAME
};

#define MAILBOX_MAX 512

struct transport {
  pthread_mutex_t lock;
  enum transport_mood mood;
  int32_t calls;
  int32_t count; /* mails that were delivered */
  char *messages[MAILBOX_MAX];
  char recipients[MAILBOX_MAX][300];
  char order_numbers[MAILBOX_MAX][20];
  int32_t kinds[MAILBOX_MAX];
  void (*hook)(struct transport *transport, void *user);
  void *hook_user;
};

void transport_send(shop_mail_call_t *call, void *user);
/* How many mails of this kind (enum shop_mail_kind) were delivered. */
int32_t transport_count(struct transport *transport, int32_t kind);

/* ---- the world ------------------------------------------------------------------ */

struct world {
  char dir[64];
  char path[96]; /* of the store */
  _Atomic int64_t now_ms;
  struct gateway gateway;
  struct transport transport;
  _Atomic int32_t log_lines;
  char last_log[512];
  shop_config_t *config;
  shop_t *shop;
  shop_error_t *err;
};

#define WORLD_START_MS INT64_C(1800000000000)
#define PASSWORD "correct horse battery"

/* A folder, a config with all the fakes and the cheapest password hash; no shop
   yet. */
struct world *world_prepare(void);
/* world_prepare, then world_open. */
struct world *world_new(void);
void world_open(struct world *world);
/* Closes the shop if it is open, opens it again with the same config. */
void world_reopen(struct world *world);
void world_free(struct world *world);
void world_pass_ms(struct world *world, int64_t ms);

/* Steps that must succeed; they fail the test with the message otherwise. */
shop_token_t *world_register(struct world *world, const char *email);
void world_put(struct world *world, const char *sku, int64_t price_minor, const char *currency,
               int64_t on_hand);
int64_t world_cart(struct world *world, const shop_token_t *token);
void world_add(struct world *world, const shop_token_t *token, int64_t cart_id, const char *sku,
               int64_t quantity);
/* A user with a cart of `quantity` pieces of sku, which exists already. */
shop_token_t *world_shopper(struct world *world, const char *email, const char *sku,
                            int64_t quantity, int64_t *cart_id);
/* shop_purchase with method "pm_card_visa"; any status. key NULL: none. */
int32_t world_buy(struct world *world, const shop_token_t *token, int64_t cart_id,
                  const char *key, shop_order_t **order);
int64_t world_available(struct world *world, const char *sku);
int64_t world_reserved(struct world *world, const char *sku);
/* Runs shop_verify: no violation; and this many findings for a person. */
void world_verify(struct world *world, int64_t attentions);
/* Charges in the ledger with this key. */
int32_t gateway_taken(struct gateway *gateway, const char *key);

/* An SQL statement on the file by a connection of its own, as a vandal would. */
void world_vandalise(struct world *world, const char *sql);
/* The one number that a query gives, on a connection of its own. */
int64_t world_number(struct world *world, const char *sql);
/* The one text that a query gives, likewise; fails the test where it does not fit. */
void world_text(struct world *world, const char *sql, char *out, size_t size);
/* A number made of every row of every table (but the seam's own counters, which
   may move without a meaning, and the count of wrong passwords with what the log says of it): a call
   that failed must leave it as it was. */
uint64_t world_digest(struct world *world);

/* ---- options with one thing set; freed by the caller ---------------------------------- */

shop_options_t *options_with_key(const char *key);
shop_options_t *options_with_version(int64_t version);
shop_options_t *options_with_deadline(int64_t deadline_ms);

/* ---- another process --------------------------------------------------------------------- */

/* A child that runs fn with the same world and its own shop. To be started
   before the world opens its shop: SQLite must not be carried across a fork. A
   failed assertion in it fails the test. */
struct peer {
  pid_t pid;
  int line;
};
struct peer peer_start(struct world *world, void (*fn)(struct world *world, struct peer *peer));
/* One message, of up to 8,000 bytes; both sides speak this way. */
void peer_tell(struct peer *peer, const char *text);
void peer_hear(struct peer *peer, char *out, size_t size);
/* Waits for its end, which must be a good one. */
void peer_end(struct peer *peer);

/* ---- running -------------------------------------------------------------------------------- */

/* Runs the tests as one suite, each in a process of its own; gives what main gives. */
int harness_run(const char *name, const TTest *const *tests, size_t count);
#define HARNESS_RUN(name, tests) harness_run(name, tests, sizeof(tests) / sizeof(tests)[0])

#define ck_status(world, status, wanted)                                                          \
  do {                                                                                            \
    int32_t got_ = (status);                                                                      \
    ck_assert_msg(got_ == (wanted), "%s:%d: %s instead of %s: %s", __FILE__, __LINE__,            \
                  shop_status_name(got_), shop_status_name(wanted),                               \
                  shop_error_message((world)->err));                                              \
  } while (0)
#define ck_ok(world, status) ck_status(world, status, SHOP_OK)
/* A call that is given world->err and must fail: with this status, with a
   sentence, and with the store as before. */
#define ck_refused(world, call, wanted)                                                           \
  do {                                                                                            \
    uint64_t before_ = world_digest(world);                                                       \
    ck_status(world, call, wanted);                                                               \
    ck_assert_int_eq(shop_error_code((world)->err), (wanted));                                    \
    ck_assert_str_ne(shop_error_message((world)->err), "");                                       \
    ck_assert_msg(world_digest(world) == before_, "%s:%d: the store has changed", __FILE__,       \
                  __LINE__);                                                                      \
  } while (0)

#endif
