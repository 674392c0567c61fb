/*
 * A gateway in a process of its own (here: the bank), reached by a socket. Its
 * books lie in a file that outlives every process of the shop, and each test
 * compares them with the orders. It goes on with what it was asked when the
 * caller is dead, and it can be told to behave as badly as real ones do.
 */
#ifndef SHOP_TESTS_GATEWAY_PROCESS_H
#define SHOP_TESTS_GATEWAY_PROCESS_H

#include <pthread.h>
#include <shop.h>
#include <stdatomic.h>
#include <sys/types.h>

/* What it does with a charge. */
enum bank_way {
  BANK_TAKES,
  BANK_AUTHORIZES,
  BANK_DECLINES,
  BANK_TAKES_LATER,    /* pending; taken by the time that it is asked again */
  BANK_DECLINES_LATER, /* pending; declined by then */
  BANK_ASKS_SHOPPER,   /* action required; taken by the time that it is asked again */
  BANK_ASKS_IN_VAIN    /* action required, for ever */
};

enum bank_state {
  BANK_ON_ITS_WAY = 1, /* accepted, and known to no query yet */
  BANK_WAITING,
  BANK_HELD, /* authorized */
  BANK_DONE, /* the money was moved */
  BANK_REFUSED,
  BANK_VOIDED
};

struct bank_entry {
  char key[80];
  char payment_key[80];
  char reference[40];
  char currency[4];
  int32_t kind; /* one of enum shop_operation_kind */
  int32_t state;
  int32_t way;
  int64_t amount_minor; /* of a charge that is held: what is set aside */
};

#define BANK_ENTRIES_MAX 8192

/* The file. Whoever reads it while calls run holds the lock. */
struct bank_books {
  pthread_mutex_t lock;
  /* how it behaves; set by the test */
  int32_t way;
  bool forgets_keys;  /* every charge is a new one */
  bool is_on_its_way; /* charges land when bank_land is called; no answer until then */
  bool answers_twice;
  int32_t loses_answers;    /* so many of the next ones */
  int32_t slow_ms;          /* before it answers */
  int64_t amount_off_minor; /* is added to what it is asked to take or give back */
  /* the books */
  int32_t calls, queries;
  int32_t count;
  struct bank_entry entries[BANK_ENTRIES_MAX];
};

struct bank {
  struct bank_books *books;
  char path[100]; /* of the socket */
  pid_t pid;
  int life; /* the process ends when nobody holds this any more */
};

/** Starts the process, with its socket and its books in this folder. */
void bank_start(struct bank *bank, const char *dir);
/** Ends it and forgets the books. */
void bank_stop(struct bank *bank);
/** Waits until all that it has been asked is done, also by callers who are dead. */
void bank_settle(struct bank *bank);
/** What is on its way arrives. */
void bank_land(struct bank *bank);
/** Back to the first `count` entries and to good behaviour. */
void bank_reset(struct bank *bank, int32_t count);

/** The callbacks; user is a struct bank. */
void bank_charge(shop_gateway_call_t *call, void *user);
void bank_query(shop_gateway_call_t *call, void *user);
/** The same, in the three steps between which a caller may die. */
struct bank_line {
  int fd;
};
struct bank_line bank_ask(struct bank *bank, const shop_gateway_call_t *call, bool query);
void bank_hear(struct bank_line line, shop_gateway_call_t *call);

/** What is taken and not given back, of the charge with this key and of all
    charges that were made under it; held: what is set aside. */
int64_t bank_taken(struct bank *bank, const char *payment_key, int64_t *held);
/** Is there an entry with this key? */
bool bank_knows(struct bank *bank, const char *key);
/** How many charges were made under this key. */
int32_t bank_charges(struct bank *bank, const char *key);

#endif
