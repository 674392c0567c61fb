/*
 * The gateway in its process behaves badly, one way after the other. Whatever
 * it does, its books and the orders agree, or the order is a person's.
 */
#include "scene.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define HOUR_MS INT64_C(3600000)

static const struct story by_key = {.name = "by key", .way = BANK_TAKES};
static const struct story by_query = {.name = "by query", .way = BANK_TAKES, .has_query = true};

static void want(struct scene *scene, bool good, const char *what) {
  if (!good)
    scene_complain(scene, "%s", what);
}

static int32_t charges(struct scene *scene) {
  return scene->bank.books->count - scene->first_entry;
}

static shop_t *begin(struct scene *scene, const struct story *story, const char *where) {
  scene->where = where;
  scene_reset(scene, story);
  return scene_open(scene, story->has_query);
}

static void end(struct scene *scene, shop_t *shop) {
  want(scene, shop_close(shop) == SHOP_OK, "close");
}

/* The one order of Ada's. */
static shop_order_t *the_order(struct scene *scene, shop_t *shop) {
  shop_order_page_t *page = NULL;
  shop_order_t *order = NULL;

  want(scene,
       shop_order_list_by_email(shop, "ada@example.org", 0, 10, &page, NULL) == SHOP_OK &&
           shop_order_page_count(page) == 1,
       "there is one order");
  want(scene,
       shop_order_find_by_number(shop, shop_order_number(shop_order_page_at(page, 0)), &order,
                                 NULL) == SHOP_OK,
       "the order");
  shop_order_page_free(page);
  return order;
}

static void want_order(struct scene *scene, shop_t *shop, int32_t status, int32_t payment) {
  shop_order_t *order = the_order(scene, shop);

  if (shop_order_status(order) != status || shop_order_payment_status(order) != payment)
    scene_complain(scene, "order %d, payment %d", (int)shop_order_status(order),
                   (int)shop_order_payment_status(order));
  shop_order_free(order);
}

/* ---- answers that are lost, doubled, or wrong --------------------------------------------- */

static void lost_answer(struct scene *scene, const struct story *story) {
  shop_t *shop = begin(scene, story, "the answer is lost");

  scene->bank.books->loses_answers = 1;
  want(scene, scene_buy(scene, shop, story, "buy") == SHOP_UNKNOWN, "unknown");
  want(scene, scene_buy(scene, shop, story, "buy") == SHOP_IN_PROGRESS, "repeated: in progress");
  want(scene, charges(scene) == 1, "the repetition asked nobody");
  scene_recover(scene, shop);
  want(scene, scene_buy(scene, shop, story, "buy") == SHOP_OK, "placed");
  want(scene, charges(scene) == 1, "one charge");
  scene_count(scene, shop, story);
  end(scene, shop);
}

/* Four answers in a row are lost, also those of recovery. */
static void lost_answers(struct scene *scene, const struct story *story) {
  shop_t *shop = begin(scene, story, "four answers are lost");

  scene->bank.books->loses_answers = 4;
  want(scene, scene_buy(scene, shop, story, "buy") == SHOP_UNKNOWN, "unknown");
  for (int i = 0; i < 4; i++) {
    want_order(scene, shop, SHOP_ORDER_PENDING, SHOP_PAYMENT_SENT);
    scene_recover(scene, shop);
  }
  want_order(scene, shop, SHOP_ORDER_PLACED, SHOP_PAYMENT_CAPTURED);
  want(scene, charges(scene) == 1, "one charge");
  scene_count(scene, shop, story);
  end(scene, shop);
}

static void answer_twice(struct scene *scene) {
  shop_t *shop = begin(scene, &by_key, "it answers twice");

  scene->bank.books->answers_twice = true;
  want(scene, scene_buy(scene, shop, &by_key, "buy") == SHOP_OK, "placed");
  scene_recover(scene, shop);
  want(scene, charges(scene) == 1, "one charge");
  scene_count(scene, shop, &by_key);
  end(scene, shop);
}

/* What was taken is recorded, nothing is placed, a person gives it back. */
static void other_amount(struct scene *scene, int64_t off_minor) {
  shop_t *shop = begin(scene, &by_key, "it takes another amount");
  shop_order_t *order;
  shop_audit_t *audit = NULL;
  int64_t held;

  scene->bank.books->amount_off_minor = off_minor;
  want(scene, scene_buy(scene, shop, &by_key, "buy") == SHOP_MISMATCH, "mismatch");
  scene->bank.books->amount_off_minor = 0;
  order = the_order(scene, shop);
  want(scene, shop_order_status(order) == SHOP_ORDER_PENDING && shop_order_has_mismatch(order),
       "pending, for a person");
  want(scene,
       shop_order_captured_minor(order) == shop_order_total_minor(order) + off_minor &&
           bank_taken(&scene->bank, shop_order_operation_key(order, 0), &held) ==
               shop_order_captured_minor(order),
       "the order says what was taken");
  want(scene,
       shop_verify(shop, &audit, NULL) == SHOP_OK && shop_audit_violations(audit) == 0 &&
           shop_audit_attentions(audit) == 1,
       "one finding for a person");
  want(scene, shop_order_cancel(shop, shop_order_number(order), NULL, NULL, NULL) == SHOP_OK,
       "it is given back");
  want(scene, bank_taken(&scene->bank, shop_order_operation_key(order, 0), &held) == 0,
       "all of it");
  shop_audit_free(audit);
  shop_order_free(order);
  end(scene, shop);
}

/* ---- a charge that is on its way ------------------------------------------------------------- */

/* Not found is no decline. With a void it is ended for sure; without one it is awaited. */
static void on_its_way(struct scene *scene, bool has_void) {
  shop_t *shop;

  scene->has_no_void = !has_void;
  shop = begin(scene, &by_query, has_void ? "on its way, voided" : "on its way, awaited");
  scene->bank.books->is_on_its_way = true;
  want(scene, scene_buy(scene, shop, &by_query, "buy") == SHOP_UNKNOWN, "unknown");
  scene_recover(scene, shop);
  if (has_void)
    want_order(scene, shop, SHOP_ORDER_FAILED, SHOP_PAYMENT_VOIDED);
  else
    want_order(scene, shop, SHOP_ORDER_PENDING, SHOP_PAYMENT_SENT);
  bank_land(&scene->bank);
  scene->bank.books->is_on_its_way = false;
  scene_recover(scene, shop);
  if (has_void)
    want_order(scene, shop, SHOP_ORDER_FAILED, SHOP_PAYMENT_VOIDED);
  else
    want_order(scene, shop, SHOP_ORDER_PLACED, SHOP_PAYMENT_CAPTURED);
  scene_count(scene, shop, &by_query);
  end(scene, shop);
  scene->has_no_void = false;
}

/* ---- callers who die ----------------------------------------------------------------------------
 */

static long point_of(struct scene *scene, const struct story *story, enum point kind) {
  const struct crash_plan plan = {.log = &scene->shared->log};

  scene_reset(scene, story);
  want(scene, !scene_tell(scene, story, &plan), "the rehearsal");
  for (long i = 0; i < scene->shared->log.count; i++)
    if (scene->shared->log.kinds[i] == kind)
      return i + 1;
  abort();
}

static void die_while_asking(struct scene *scene, const struct story *story, int32_t slow_ms) {
  const struct crash_plan plan = {.at = point_of(scene, story, POINT_DURING_CHARGE)};

  scene_reset(scene, story);
  scene->bank.books->slow_ms = slow_ms;
  want(scene, scene_tell(scene, story, &plan), "killed");
  scene->bank.books->slow_ms = 0;
  want(scene, charges(scene) == 1, "it went on without the caller");
}

static void answer_to_the_dead(struct scene *scene, const struct story *story) {
  shop_t *shop;

  scene->where = "it answers a caller who died";
  die_while_asking(scene, story, 50);
  shop = scene_open(scene, story->has_query);
  scene_recover(scene, shop);
  want(scene, scene_buy(scene, shop, story, "buy") == SHOP_OK, "placed");
  want(scene, charges(scene) == 1, "one charge");
  scene_count(scene, shop, story);
  end(scene, shop);
}

/* It has a query and honours no key: the query saves it. */
static void forget_with_query(struct scene *scene) {
  shop_t *shop;

  scene->where = "it forgets keys, and has a query";
  die_while_asking(scene, &by_query, 0);
  scene->bank.books->forgets_keys = true;
  shop = scene_open(scene, true);
  scene_recover(scene, shop);
  want_order(scene, shop, SHOP_ORDER_PLACED, SHOP_PAYMENT_CAPTURED);
  want(scene, charges(scene) == 1, "one charge");
  scene_count(scene, shop, &by_query);
  end(scene, shop);
}

/* It forgets keys after a while and has no query: what is older is never repeated, and a person
   decides. */
static void forget_without_query(struct scene *scene) {
  shop_order_t *order;
  shop_t *shop;

  scene->has_no_void = true;
  scene->where = "it has forgotten the key, and has no query";
  die_while_asking(scene, &by_key, 0);
  scene->bank.books->forgets_keys = true;
  scene->now_ms += 21 * HOUR_MS;
  shop = scene_open(scene, false);
  scene_recover(scene, shop);
  scene_recover(scene, shop);
  want(scene, charges(scene) == 1, "it is not charged again");
  want_order(scene, shop, SHOP_ORDER_PENDING, SHOP_PAYMENT_UNKNOWN);
  order = the_order(scene, shop);
  want(scene,
       shop_payment_resolve(shop, shop_order_number(order), SHOP_OUTCOME_CAPTURED,
                            scene->bank.books->entries[scene->first_entry].reference,
                            shop_order_total_minor(order), "EUR", "in the bank's books", NULL, NULL,
                            NULL) == SHOP_OK,
       "resolved");
  shop_order_free(order);
  want_order(scene, shop, SHOP_ORDER_PLACED, SHOP_PAYMENT_CAPTURED);
  scene_recover(scene, shop);
  scene_count(scene, shop, &by_key);
  end(scene, shop);
  scene->has_no_void = false;
}

/* ---- slow
 * ------------------------------------------------------------------------------------------ */

static void buy_slowly(struct scene *scene, const struct story *story) {
  shop_t *shop = scene_open(scene, story->has_query);
  int32_t status = scene_buy(scene, shop, story, "buy");

  want(scene, status == SHOP_OK, shop_status_name(status));
  end(scene, shop);
  _exit(scene->complaints == 0 ? 0 : 1);
}

/* Slower than the lease: another process recovers meanwhile, and the call that comes back finds
   the order placed. */
static void slow(struct scene *scene, const struct story *story) {
  const struct timespec nap = {.tv_nsec = 1000000};
  shop_t *shop;
  int result;
  pid_t pid;

  scene->where = "slower than the lease";
  scene_reset(scene, story);
  scene->bank.books->slow_ms = 300;
  fflush(NULL);
  pid = fork();
  if (pid == 0)
    buy_slowly(scene, story);
  for (int32_t calls = 0; calls == 0;) {
    (void)nanosleep(&nap, NULL);
    pthread_mutex_lock(&scene->bank.books->lock);
    calls = scene->bank.books->calls;
    scene->bank.books->slow_ms = calls > 0 ? 0 : 300;
    pthread_mutex_unlock(&scene->bank.books->lock);
  }
  shop = scene_open(scene, story->has_query);
  scene_recover(scene, shop);
  want_order(scene, shop, SHOP_ORDER_PLACED, SHOP_PAYMENT_CAPTURED);
  want(scene, waitpid(pid, &result, 0) == pid && WIFEXITED(result) && WEXITSTATUS(result) == 0,
       "the slow one");
  want(scene, charges(scene) == 1, "one charge");
  scene_recover(scene, shop);
  scene_count(scene, shop, story);
  end(scene, shop);
}

int main(void) {
  const struct story *ways[] = {&by_key, &by_query};
  struct scene *scene;
  int32_t bad = 0;

  crash_vfs_install();
  scene = scene_new();
#define RUN(call) (scene->complaints = 0, (call), bad += scene->complaints)
  for (int i = 0; i < 2; i++) {
    RUN(lost_answer(scene, ways[i]));
    RUN(lost_answers(scene, ways[i]));
    RUN(answer_to_the_dead(scene, ways[i]));
    RUN(slow(scene, ways[i]));
  }
  RUN(answer_twice(scene));
  RUN(other_amount(scene, -1));
  RUN(other_amount(scene, 1));
  RUN(on_its_way(scene, true));
  RUN(on_its_way(scene, false));
  RUN(forget_with_query(scene));
  RUN(forget_without_query(scene));
  scene_free(scene);
  printf("15 misbehaviours, %d complaints\n", (int)bad);
  return bad == 0 ? 0 : 1;
}
