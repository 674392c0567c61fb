/*
 * The scene of a crash: a shop in a folder, a bank beside it, and stories: a
 * purchase and what follows it, told by a process that dies on the way. Then
 * the shop is opened again, recovered, and everything is counted: what was
 * acknowledged, the orders, the stock and the mail against the bank's books.
 * At last the story is told again with the same idempotency keys, and has to
 * end as though nothing had happened.
 */
#ifndef SHOP_TESTS_SCENE_H
#define SHOP_TESTS_SCENE_H

#include "crash_vfs.h"
#include "gateway_process.h"

enum follow {
  FOLLOW_NOTHING,
  FOLLOW_NOTHING_HELD, /* but the cart is held before it is bought */
  FOLLOW_CAPTURE,
  FOLLOW_REFUND, /* part of the money, one piece comes back */
  FOLLOW_CANCEL,
  FOLLOW_RESUME,
  FOLLOW_ABANDON
};

struct story {
  const char *name;
  enum bank_way way;
  enum follow follow;
  bool has_query; /* else recovery repeats under the key */
  bool is_free;
  /* the end */
  int32_t order_status, payment_status;
  int64_t captured_minor, refunded_minor;
};

#define STORIES_MAX 32
extern const struct story stories[];
extern const int story_count;

/* What was told to a caller who may be dead now; in shared memory. */
enum told {
  TOLD_NEWCOMER,
  TOLD_CART,
  TOLD_HOLD,
  TOLD_RELEASE,
  TOLD_PURCHASE,
  TOLD_CAPTURE,
  TOLD_REFUND,
  TOLD_CANCEL,
  TOLD_ABANDON
};

struct telling {
  int32_t what, status;
  int64_t id;
  char number[20];
};

struct shared {
  int32_t told_count;
  struct telling told[32];
  int32_t mail_count;
  char mails[64][20]; /* order numbers */
  int32_t mail_kinds[64];
  struct crash_log log;
};

/* What stood in the store when it was opened again. */
enum found { FOUND_NOTHING, FOUND_CUT_OFF, FOUND_ENDED, FOUND_KINDS };

struct scene {
  char dir[64];
  char path[96];
  struct bank bank;
  int32_t first_entry; /* of the bank's books, after the template's */
  struct shared *shared;
  unsigned char *template_data;
  size_t template_size;
  int64_t now_ms;
  int64_t cart_id;
  char jwt[2000];
  bool normal;  /* durability */
  bool suffers; /* the disk fails in the story: calls may say so, and are made again */
  bool has_no_void;
  int64_t busy_ms;
  void (*on_opened)(struct scene *scene); /* in the process that tells */
  void (*on_asked)(struct scene *scene);  /* before the bank is asked */
  bool has_newcomer;                      /* the story begins with a registration and a cart */
  bool person_looked;                     /* of the last inspection: a person had to */
  const char *where;                      /* what complaints begin with */
  int32_t complaints;
};

struct scene *scene_new(void);
void scene_free(struct scene *scene);
/** The store and the bank as they were at first. */
void scene_reset(struct scene *scene, const struct story *story);
/** Tells the story in a process of its own, by this plan. False when it ended
    without having been killed. */
bool scene_tell(struct scene *scene, const struct story *story, const struct crash_plan *plan);
/** Opens, recovers, counts, tells again, counts. Complains of all that is not
    as it must be. */
void scene_inspect(struct scene *scene, const struct story *story, enum found *found);
void scene_complain(struct scene *scene, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* ---- for tests with a story of their own ------------------------------------------------ */

shop_t *scene_open(struct scene *scene, bool has_query);
/** The story, with upkeep before and after it. */
void scene_play(struct scene *scene, shop_t *shop, const struct story *story);
/** shop_purchase with this idempotency key; out is freed. */
int32_t scene_buy(struct scene *scene, shop_t *shop, const struct story *story, const char *key);
/** An hour later: recovery and mail. */
void scene_recover(struct scene *scene, shop_t *shop);
/** shop_verify, and everything counted. */
void scene_count(struct scene *scene, shop_t *shop, const struct story *story);

#endif
