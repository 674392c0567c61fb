/* Deliverers that are killed: at any moment, under load, several at once. Every
   mail arrives; a second copy of one only where the server had it and the note of
   that was not yet committed, and then as the same bytes.
   Usage: test_mail_killed [ROUNDS] */
#include "books.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { DELIVERERS = 2, SALES = 6, LOG_MAX = 20000, PROCESSES_MAX = 1000 };

static int rounds = 10;
static int dawdles; /* how long the server takes for a mail */

/* What the server has taken, from every process. */
struct delivery {
  _Atomic int32_t process; /* from 1; 0: not yet taken */
  char number[20];
  uint64_t digest; /* of the message */
};

struct server {
  _Atomic int32_t count;
  _Atomic bool closes; /* no more mail will come */
  struct delivery log[LOG_MAX];
};

static struct server *server;
static int32_t process; /* of this process */
static bool killed[PROCESSES_MAX];

static uint64_t digest_of(const char *message) {
  uint64_t digest = 1469598103934665603u;

  for (; *message != '\0'; message++)
    digest = (digest ^ (unsigned char)*message) * 1099511628211u;
  return digest;
}

static void serve(shop_mail_call_t *call, void *user) {
  int32_t at = atomic_fetch_add(&server->count, 1);

  (void)user;
  for (int i = 0; i < dawdles; i++)
    sched_yield();
  ck_assert_int_lt(at, LOG_MAX);
  ck_assert_ptr_nonnull(strstr(shop_mail_call_message(call), "\r\nMessage-ID:"));
  snprintf(server->log[at].number, sizeof server->log[at].number, "%s",
           shop_mail_call_order_number(call));
  server->log[at].digest = digest_of(shop_mail_call_message(call));
  atomic_store(&server->log[at].process, process);
  (void)shop_mail_call_set_delivered(call);
}

/* ---- the other processes ------------------------------------------------------------ */

static void deliver_until_it_closes(struct world *world, struct peer *peer) {
  bool closes;

  (void)peer;
  world_open(world);
  do {
    closes = atomic_load(&server->closes);
    ck_ok(world, shop_mail_deliver(world->shop, 5, NULL, world->err));
  } while (!closes);
  ck_assert_int_eq(shop_close(world->shop), SHOP_OK);
}

static void sell(struct world *world, struct peer *peer) {
  char email[40];

  (void)peer;
  world_open(world);
  for (int i = 0; i < SALES; i++) {
    snprintf(email, sizeof email, "p%d-%d@example.org", (int)process, i);
    world_sell_one(world, email, "TEA");
  }
  ck_assert_int_eq(shop_close(world->shop), SHOP_OK);
}

static struct peer start(struct world *world, void (*fn)(struct world *, struct peer *)) {
  process++;
  ck_assert_int_lt(process, PROCESSES_MAX);
  return peer_start(world, fn);
}

static void kill_peer(struct peer *peer) {
  int result = 0;

  ck_assert_int_eq(kill(peer->pid, SIGKILL), 0);
  close(peer->line);
  ck_assert_int_eq(waitpid(peer->pid, &result, 0), peer->pid);
  ck_assert(WIFSIGNALED(result) && WTERMSIG(result) == SIGKILL);
}

/* ---- what must hold ------------------------------------------------------------------- */

/* A process hands the next mail over only when the last one is noted: so only its
   last can come again, and only when it was killed. */
static void check_again(int32_t first, int32_t second) {
  const struct delivery *at = &server->log[first];

  ck_assert_msg(at->digest == server->log[second].digest, "%s came again, and otherwise",
                at->number);
  ck_assert_msg(killed[at->process], "%s came twice, and nobody was killed", at->number);
  for (int32_t i = first + 1; i < server->count; i++)
    ck_assert_msg(server->log[i].process != at->process, "%s came again after it was noted",
                  at->number);
}

static int32_t count_copies(const char *number) {
  int32_t copies = 0, last = -1;

  for (int32_t i = 0; i < server->count; i++) {
    if (server->log[i].process == 0 || strcmp(server->log[i].number, number) != 0)
      continue;
    if (copies++ > 0)
      check_again(last, i);
    last = i;
  }
  return copies;
}

static void check_all(struct world *world, int32_t sales) {
  int64_t before_id = 0;
  int32_t count, orders = 0, copies = 0;

  do {
    shop_order_page_t *page = NULL;

    ck_ok(world, shop_order_list_by_status(world->shop, SHOP_ORDER_PLACED, before_id, 100, &page,
                                           world->err));
    count = shop_order_page_count(page);
    for (int32_t i = 0; i < count; i++) {
      const shop_order_t *order = shop_order_page_at(page, i);
      int32_t here = count_copies(shop_order_number(order));

      ck_assert_msg(here > 0, "the mail of %s never came", shop_order_number(order));
      before_id = shop_order_id(order);
      copies += here;
    }
    orders += count;
    shop_order_page_free(page);
  } while (count == 100);
  ck_assert_int_eq(orders, sales);
  printf("%d rounds: %d mails, %d second copies\n", rounds, (int)orders, (int)(copies - orders));
  ck_assert_int_eq(mail_count(world->shop).sent, sales);
  world_verify(world, 0);
}

static struct world *world_of_many(void) {
  struct world *world = world_prepare();

  server = share_memory(sizeof *server);
  ck_assert_int_eq(shop_config_set_mail_transport(world->config, serve, NULL), SHOP_OK);
  ck_assert_int_eq(shop_config_set_gateway_charge(world->config, gateway_charge, gateway_share()),
                   SHOP_OK); /* one ledger, so that no reference comes twice */
  ck_assert_int_eq(shop_config_set_mail_at_once(world->config, false), SHOP_OK);
  world_open(world);
  world_put(world, "TEA", 999, "EUR", SHOP_STOCK_UNLIMITED);
  ck_assert_int_eq(shop_close(world->shop), SHOP_OK);
  world->shop = NULL;
  return world;
}

/* Waits until that many mails more have come, or a while; then at any instruction after it. */
static void wait_for_some(uint32_t *seed) {
  int32_t until = atomic_load(&server->count) + (int32_t)(rand_r(seed) % SALES);
  struct timespec a_moment = {0, (long)(rand_r(seed) % 2000000)};

  for (int i = 0; i < 200000 && atomic_load(&server->count) < until; i++)
    sched_yield();
  nanosleep(&a_moment, NULL);
}

START_TEST(killed_under_load) {
  struct world *world = world_of_many();
  uint32_t seed = 20261122;

  for (int round = 0; round < rounds; round++) {
    struct peer seller, deliverers[DELIVERERS];

    atomic_store(&server->closes, false);
    seller = start(world, sell);
    for (int i = 0; i < DELIVERERS; i++)
      deliverers[i] = start(world, deliver_until_it_closes);
    wait_for_some(&seed);
    killed[process] = true; /* the last one, and every other time all of them */
    kill_peer(&deliverers[DELIVERERS - 1]);
    for (int i = 0; round % 2 == 1 && i < DELIVERERS - 1; i++) {
      killed[process - DELIVERERS + 1 + i] = true;
      kill_peer(&deliverers[i]);
    }
    peer_end(&seller);
    atomic_store(&server->closes, true);
    for (int i = 0; round % 2 == 0 && i < DELIVERERS - 1; i++)
      peer_end(&deliverers[i]);
    world_pass_ms(world, MAIL_LEASE_MS);
  }
  process++;
  world_open(world);
  ck_ok(world, shop_mail_deliver(world->shop, 10000, NULL, world->err));
  check_all(world, rounds * SALES);
  world_free(world);
}
END_TEST

/* While a lease lasts nobody else has the mail: of processes that live, each hands over its own. */
START_TEST(many_processes) {
  enum { PROCESSES = 4 };
  struct world *world = world_of_many();
  struct peer deliverers[PROCESSES], seller;

  rounds = 1;
  dawdles = 2000;
  seller = start(world, sell);
  for (int i = 0; i < PROCESSES; i++)
    deliverers[i] = start(world, deliver_until_it_closes);
  peer_end(&seller);
  atomic_store(&server->closes, true);
  for (int i = 0; i < PROCESSES; i++)
    peer_end(&deliverers[i]);
  ck_assert_int_eq(server->count, SALES);
  world_open(world);
  check_all(world, SALES);
  world_free(world);
}
END_TEST

int main(int argc, char **argv) {
  const TTest *const tests[] = {killed_under_load, many_processes};

  if (argc > 1)
    rounds = atoi(argv[1]);
  return HARNESS_RUN("mail: killed deliverers", tests);
}
