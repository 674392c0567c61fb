/*
 * A model of the shop: what the public headers promise, in plain memory, for one
 * thread and without a store. The simulation does everything twice, here and in
 * the library, and compares. The model knows nothing of the library's inside; its
 * statuses and states are those of the public headers.
 */
#ifndef SHOP_TESTS_MODEL_H
#define SHOP_TESTS_MODEL_H

#include <shop.h>

enum {
  USERS = 5, /* with an address; guests stand behind them */
  GUESTS_MAX = 128,
  PRODUCTS = 5,
  TOKENS_MAX = 512,
  CARTS_MAX = 512,
  ORDERS_MAX = 512,
  OPERATIONS_MAX = 64,
  KEYS_MAX = 1024,
  MAILS_MAX = 4096,
  EVENTS_MAX = 16384,
  NOBODY = -1
};

#define MINUTE INT64_C(60000)
#define HOUR (60 * MINUTE)
#define DAY (24 * HOUR)
#define YEAR (365 * DAY)

/* Why a person must look; as the getters of order.h. */
enum { LATE = 1, MISMATCH = 2, CONTRADICTION = 4 };

enum mail_state { MAIL_NONE, MAIL_QUEUED, MAIL_LEASED, MAIL_SENT, MAIL_DEAD, MAIL_FORGOTTEN };

struct m_settings {
  bool query, voids, honours, at_once, two_currencies;
  bool mails[SHOP_MAIL_REFUND + 1]; /* by kind: whether it is written */
  int64_t lease_ms, hold_ms, key_life_ms, cart_life_ms, cart_hold_ms, once_life_ms, token_life_ms;
  int64_t mail_lease_ms, mail_life_ms, mail_dead_life_ms, guest_life_ms;
  int32_t tries_max, lines_max, quantity_max;
};

struct m_user {
  bool registered;
  bool is_guest; /* still in the store as one, also when an account has the cart */
  int64_t id, came_ms;
  int32_t cart; /* open or being bought; NOBODY: none */
};

struct m_token {
  shop_token_t *handle;
  int32_t user;
  int64_t from_ms, expires_ms; /* a minute before it was made: clocks differ */
  bool revoked, pruned;
};

/* Stock is two numbers: pieces not yet sold, and those of them that are held. What
   was counted too low makes `on_hand` the smaller one, or negative. */
struct m_product {
  char sku[8];
  char currency[4];
  int64_t price, on_hand, reserved;
  int32_t rank; /* the products in the order in which they were made */
  bool exists, active, unlimited;
};

struct m_line {
  int32_t product;
  int64_t quantity, price; /* of a cart: the kept price */
};

struct m_cart {
  int64_t id, version, updated_ms;
  int64_t hold_start_ms, hold_length_ms; /* length 0: none; kept while it is being bought */
  int32_t user, state, order, line_count;
  char currency[4];
  struct m_line lines[PRODUCTS];
};

struct m_operation {
  int32_t kind, state;
  int64_t amount, moved, created_ms, lease_start_ms, lease_length_ms;
  int64_t returns[PRODUCTS];
  char currency[4], key[80], reference[80];
  bool cancels;
  int32_t serial; /* the order in which they were made */
};

struct m_order {
  char number[16];
  int64_t id, total, captured, refunded, held_since_ms;
  int32_t user, cart, status, payment, attention, line_count, operation_count;
  char currency[4], captured_currency[4], reference[80], method[24];
  bool client_data;
  struct m_line lines[PRODUCTS];
  int64_t returned[PRODUCTS];
  struct m_operation operations[OPERATIONS_MAX];
};

struct m_mail {
  int32_t order, kind; /* enum shop_mail_kind */
  int64_t amount;      /* of a refund */
  enum mail_state state;
  int32_t tries;
  int64_t since_ms, wait_ms, wait_max_ms;
  bool silent;  /* its answer could not be stored */
  char id[120]; /* its Message-ID, once it was seen */
};

/* An idempotency key and what it stands for. */
struct m_key {
  int32_t user; /* NOBODY: the merchant */
  int32_t call;
  int32_t name;
  uint64_t request;
  int32_t result, operation;
  int64_t created_ms;
};

struct model {
  struct m_settings settings;
  int64_t now_ms;
  int32_t serial, ranks;
  bool live;       /* a shopper's call waits for what is settled */
  bool mismatches; /* what was settled last has moved another amount than was asked for */
  struct m_user users[USERS + GUESTS_MAX];
  struct m_product products[PRODUCTS];
  int32_t guest_count, token_count, cart_count, order_count, key_count, event_count;
  struct m_token tokens[TOKENS_MAX];
  struct m_cart carts[CARTS_MAX];
  struct m_order orders[ORDERS_MAX];
  int32_t mail_count;
  struct m_mail mails[MAILS_MAX];
  struct m_key keys[KEYS_MAX];
  struct {
    int32_t event;
    bool matched;
  } events[EVENTS_MAX]; /* reports taken */
};

/* ---- users, tokens, keys ----------------------------------------------------- */

int32_t model_check_token(const struct model *model, int32_t token);
/* The entry of a key: SHOP_OK with NULL (new), SHOP_OK, or SHOP_ERR_KEY_REUSED. name 0: no key. */
int32_t model_find_key(struct model *model, int32_t user, int32_t call, int32_t name,
                       uint64_t request, const struct m_key **found);
void model_keep_key(struct model *model, int32_t user, int32_t call, int32_t name, uint64_t request,
                    int32_t result, int32_t operation);

/* ---- catalogue and carts --------------------------------------------------------- */

int64_t model_available(const struct m_product *product);
int32_t model_adjust(struct model *model, int32_t product, int64_t delta);
int32_t model_line_warnings(const struct model *model, const struct m_cart *cart,
                            const struct m_line *line);
int64_t model_cart_total(const struct model *model, const struct m_cart *cart);

enum cart_call {
  CART_ADD = 1,
  CART_SET,
  CART_REMOVE,
  CART_CLEAR,
  CART_REPRICE,
  CART_HOLD,
  CART_RELEASE
};
struct cart_change {
  enum cart_call call;
  int32_t token, cart, product; /* cart NOBODY: one that is not there */
  int64_t quantity, expected_version, hold_ms;
  int32_t key;
};
int32_t model_change_cart(struct model *model, const struct cart_change *change);
/* A new cart, or the living one; its index. */
int32_t model_create_cart(struct model *model, int32_t user, bool *is_new);

/* A cart's pieces, set aside: they count as reserved. */
bool model_is_held(const struct m_cart *cart);
/* Holds that are over: is there one; ends them all, and counts them. */
bool model_some_hold_is_over(const struct model *model);
int64_t model_end_holds(struct model *model);

/* ---- guests -------------------------------------------------------------------------- */

bool model_is_guest(const struct model *model, int32_t token);
/* The new user. */
int32_t model_create_guest(struct model *model);
/* SHOP_OK: the guest is this user now, or was before by the same call. */
int32_t model_register_guest(struct model *model, int32_t token, int32_t user, int32_t key,
                             bool wrong);
int32_t model_login_guest(struct model *model, int32_t token, int32_t user, bool wrong);

/* ---- purchases --------------------------------------------------------------------- */

struct buy {
  int32_t token, cart, key;
  int64_t expected_version;
  bool has_total;
  int64_t total, shipping, discount;
  bool begins;
  char method[24];  /* "": none */
  char currency[4]; /* of the total */
};
enum { CALL_PURCHASE = 20, CALL_CAPTURE, CALL_REFUND, CALL_CANCEL, CALL_REGISTER = 30 };
/* T1. *order NOBODY: refused with the status; else the order, *is_new when it was made. */
int32_t model_buy(struct model *model, const struct buy *buy, int32_t *order, bool *is_new);

/* What the gateway says, live or by report; enum shop_gateway_outcome, or: */
enum { NO_ANSWER = 0, NOT_FOUND = 101 };
struct answer {
  int32_t outcome;
  int64_t amount;
  char currency[4], reference[80];
};
/* Settles it. True when it contradicts what is known. `elsewhere`: a report. */
bool model_settle(struct model *model, struct m_order *order, struct m_operation *operation,
                  const struct answer *answer, bool elsewhere);
/* Nobody can know any more. */
void model_give_up(struct m_order *order, struct m_operation *operation);
/* What a purchase answers for the order as it stands; the same for one operation. */
int32_t model_outcome(const struct m_order *order);
int32_t model_operation_outcome(const struct m_order *order, const struct m_operation *operation);

struct m_operation *model_charge(struct m_order *order);
/* The operation that a report is about: by key, else by reference; NULL: none. */
struct m_operation *model_find(struct model *model, const char *key, const char *reference,
                               struct m_order **order);

/* ---- what follows ---------------------------------------------------------------------- */

struct ask {
  int32_t call; /* CALL_CAPTURE, CALL_REFUND, CALL_CANCEL, or 0: a void */
  int32_t order, key;
  int64_t amount; /* 0: all */
  char currency[4];
  int64_t returns[PRODUCTS];
  bool system;
};
/* Status; *operation is the new one to be asked about, or NULL. *known: the result of an earlier
   call with the same key. */
int32_t model_ask(struct model *model, const struct ask *ask, struct m_operation **operation,
                  bool *known);

/* The operation whose turn it is in a recovery that began then: who was asked the longest time ago
   comes first. NULL: nothing is due. */
struct m_operation *model_next_due(struct model *model, int64_t began_ms, struct m_order **order);
/* It has no end yet. */
bool model_is_unfinished(const struct m_operation *operation);
/* A capture or void of it is not finished. */
bool model_is_busy(const struct m_order *order);
bool model_key_lives(const struct model *model, const struct m_operation *operation);
/* The clock stands before it, by no more than a lease: it is waited for. */
bool model_is_early(const struct model *model, int64_t since_ms);
/* The charge's void is not finished. */
bool model_is_being_voided(const struct m_order *order, const struct m_operation *operation);
/* A call may be repeating the charge at this moment: no void may come before it. */
bool model_is_in_hand(const struct model *model, const struct m_order *order);
/* What the gateway does not know may be asked of it once more. */
bool model_may_repeat(const struct model *model, const struct m_order *order,
                      const struct m_operation *operation);
/* Recovery waits after a void that was refused. */
bool model_void_waits(const struct model *model, const struct m_order *order);
bool model_held_too_long(const struct model *model, const struct m_order *order,
                         const struct m_operation *operation);

/* ---- mail and upkeep -------------------------------------------------------------------- */

enum mail_answer { SAYS_DELIVERED, SAYS_LATER, SAYS_REJECTED };
void model_mail_answer(struct model *model, struct m_mail *mail, enum mail_answer answer);
/* Is it due for sure; may it be due (the wait has some chance in it). */
bool model_mail_is_due(const struct model *model, const struct m_mail *mail);
bool model_mail_may_be_due(const struct model *model, const struct m_mail *mail);

struct upkeep {
  int64_t carts, keys, tokens, holds, mails, guests;
};
struct upkeep model_maintain(struct model *model);

#endif
