/*
 * A till for several processes: a gateway whose ledger lies in memory that they
 * share and that outlives those that are killed. It honours keys; money is taken
 * when the last field of an entry is written, so a killed process leaves no half
 * of a charge.
 */
#ifndef SHOP_TESTS_TILL_H
#define SHOP_TESTS_TILL_H

#include "books.h"

enum { TILL_ENTRIES = 1 << 16 };

struct till_entry {
  char key[80];
  char order_number[16];
  int64_t amount_minor;
  char currency[4];
  _Atomic int32_t fate; /* 0: none; SHOP_OUTCOME_CAPTURED, _DECLINED, _VOIDED */
};

struct till {
  pthread_mutex_t lock;
  bool moody;      /* declines, loses answers, says nothing; else it approves */
  bool slow_moods; /* declines and loses answers, but always decides */
  _Atomic int32_t asked;
  /* Runs in a charge, when the money was taken and nothing was said yet. */
  void (*taken)(struct till *till, const struct till_entry *entry, void *user);
  void *taken_user;
  struct till_entry entries[TILL_ENTRIES];
};

/* Memory that processes share, all zero. */
void *share(size_t size);
struct till *till_new(void);
void till_free(struct till *till);
/* Sets the callbacks: charge, query and void. */
void till_install(struct till *till, struct world *world);
/* Every charge belongs to one order, which is placed and captured with just that, and every such
   order has one; gives how many. */
int32_t till_check(struct till *till, struct world *world);
/* What is taken of sku by placed orders, and what is left, add up to what there was. */
void check_stock(struct world *world, const char *sku, int64_t first);

#endif
