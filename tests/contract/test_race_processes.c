/* Races between processes that have the same file open, and processes that are
   killed at any moment of a purchase: after the next open and a recovery, every
   charge belongs to one order and every order that is placed is paid and mailed. */
#include "books.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static struct world *world_shared(struct gateway *gateway) {
  struct world *world = world_prepare();

  ck_assert_int_eq(shop_config_set_gateway_charge(world->config, gateway_charge, gateway), SHOP_OK);
  return world;
}

/* ---- the last piece ------------------------------------------------------ */

enum { ROUNDS = 200 };

/* What the processes share. */
static struct {
  pthread_barrier_t *together;
  int32_t (*statuses)[ROUNDS]; /* of each process */
} field;

static void buy_every_last(struct world *world, int32_t *statuses) {
  char text[40];
  shop_token_t *token;

  snprintf(text, sizeof text, "u%d@example.org", (int)getpid());
  token = world_register(world, text);
  for (int i = 0; i < ROUNDS; i++) {
    int64_t cart_id = world_cart(world, token);
    shop_cart_t *cart = NULL;
    shop_order_t *order = NULL;

    snprintf(text, sizeof text, "LAST-%d", i);
    world_add(world, token, cart_id, text, 1);
    pthread_barrier_wait(field.together);
    statuses[i] = world_buy(world, token, cart_id, NULL, &order);
    if (statuses[i] != SHOP_OK)
      ck_ok(world, shop_cart_clear(world->shop, token, cart_id, NULL, &cart, world->err));
    shop_cart_free(cart);
    shop_order_free(order);
  }
  shop_token_free(token);
}

static void other_buyer(struct world *world, struct peer *peer) {
  char told[8];

  peer_hear(peer, told, sizeof told);
  world_open(world);
  buy_every_last(world, field.statuses[1]);
  ck_assert_int_eq(shop_close(world->shop), SHOP_OK);
}

/* Two processes buy the last piece at once, two hundred times: one has it. */
START_TEST(the_last_piece) {
  struct gateway *gateway = gateway_share();
  struct world *world = world_shared(gateway);
  struct peer peer;
  char sku[20];

  ck_assert_int_eq(shop_config_set_mail_at_once(world->config, false), SHOP_OK);
  field.together = share_barrier(2);
  field.statuses = share_memory(2 * sizeof *field.statuses);
  peer = peer_start(world, other_buyer);
  world_open(world);
  for (int i = 0; i < ROUNDS; i++) {
    snprintf(sku, sizeof sku, "LAST-%d", i);
    world_put(world, sku, 100, "EUR", 1);
  }
  peer_tell(&peer, "go");
  buy_every_last(world, field.statuses[0]);
  peer_end(&peer);
  for (int i = 0; i < ROUNDS; i++) {
    int winner = field.statuses[0][i] == SHOP_OK ? 0 : 1;

    ck_assert_int_eq(field.statuses[winner][i], SHOP_OK);
    ck_assert_int_eq(field.statuses[1 - winner][i], SHOP_ERR_OUT_OF_STOCK);
  }
  ck_assert_int_eq(gateway->charges, ROUNDS);
  ck_assert_int_eq(world_number(world, "SELECT count(*) FROM orders"), ROUNDS);
  ck_assert_int_eq(world_number(world, "SELECT max(available + reserved) FROM products"), 0);
  ck_assert_int_eq(world_number(world, "SELECT min(sold) FROM products"), 1);
  world_verify(world, 0);
  world_check_ledger(world, gateway);
  world_free(world);
  gateway_unshare(gateway);
}
END_TEST

/* ---- a slow gateway ------------------------------------------------------ */

static struct peer *slow_peer;

/* In the callback of the child: the parent may recover now; go on when it has. */
static void ask_the_parent(struct gateway *gateway, void *user) {
  char told[20];

  (void)gateway;
  (void)user;
  peer_tell(slow_peer, "charged");
  peer_hear(slow_peer, told, sizeof told);
}

static void buy_slowly(struct world *world, struct peer *peer) {
  shop_order_t *order = NULL;
  int64_t cart_id;
  shop_token_t *token;
  int32_t status;
  char text[80];

  slow_peer = peer;
  world_open(world);
  world_put(world, "TEA", 100, "EUR", 5);
  token = world_shopper(world, "ada@example.org", "TEA", 1, &cart_id);
  status = world_buy(world, token, cart_id, NULL, &order);
  snprintf(text, sizeof text, "%d %s", (int)status, shop_order_number(order));
  peer_tell(peer, text);
  ck_assert_int_eq(world->transport.count, 0); /* it was the parent's to send */
  shop_order_free(order);
  shop_token_free(token);
  ck_assert_int_eq(shop_close(world->shop), SHOP_OK);
}

/* The call of one process outlasts its lease, and another process takes over while it still runs:
   one order, one charge, one mail. */
START_TEST(another_process_takes_over) {
  struct gateway *gateway = gateway_share();
  struct world *world = world_shared(gateway);
  struct peer peer;
  shop_order_t *order;
  char text[80], number[20];
  int status;

  ck_assert_int_eq(shop_config_set_gateway_query(world->config, gateway_query, gateway), SHOP_OK);
  gateway->after = ask_the_parent;
  peer = peer_start(world, buy_slowly);
  peer_hear(&peer, text, sizeof text);
  ck_assert_str_eq(text, "charged");
  world_open(world);
  ck_recovered(world, 0);
  world_pass_ms(world, GATEWAY_LEASE_MS);
  ck_recovered(world, .examined = 1, .placed = 1);
  peer_tell(&peer, "go on");
  peer_hear(&peer, text, sizeof text);
  peer_end(&peer);
  ck_assert_int_eq(sscanf(text, "%d %19s", &status, number), 2);
  ck_assert_int_eq(status, SHOP_OK);
  order = world_order(world, number);
  ck_history(order, "order.created payment.captured order.placed mail.sent");
  shop_order_free(order);
  ck_assert_int_eq(gateway->count, 1);
  ck_assert_int_eq(world->transport.count, 1);
  world_verify(world, 0);
  world_check_ledger(world, gateway);
  world_free(world);
  gateway_unshare(gateway);
}
END_TEST

/* ---- a shop carried across a fork ---------------------------------------- */

/* The child of a process with an open shop can do nothing with it, and charges nobody. */
START_TEST(a_child_cannot_buy) {
  struct world *world = world_new();
  int64_t cart_id;
  shop_token_t *token;
  int result = 0;
  pid_t pid;

  world_put(world, "TEA", 100, "EUR", 5);
  token = world_shopper(world, "ada@example.org", "TEA", 1, &cart_id);
  fflush(NULL);
  pid = fork();
  if (pid == 0) {
    shop_order_t *order = NULL;
    bool good = world_buy(world, token, cart_id, NULL, &order) == SHOP_ERR_FORKED &&
                order == NULL && world->gateway.charges == 0 &&
                shop_recover(world->shop, 1, NULL, NULL) == SHOP_ERR_FORKED &&
                shop_mail_deliver(world->shop, 1, NULL, NULL) == SHOP_ERR_FORKED &&
                shop_close(world->shop) == SHOP_ERR_FORKED;

    _exit(good ? 0 : 1);
  }
  ck_assert_int_eq(waitpid(pid, &result, 0), pid);
  ck_assert(WIFEXITED(result) && WEXITSTATUS(result) == 0);
  shop_order_free(world_bought(world, token, cart_id));
  world_close_books(world, 0);
  shop_token_free(token);
  world_free(world);
}
END_TEST

/* A callback that forks: in the child it comes back into the library, which must not touch the
   store there. */
static pid_t forked = -1;

static void fork_in_gateway(struct gateway *gateway, void *user) {
  (void)gateway;
  (void)user;
  fflush(NULL);
  forked = fork();
}

static void fork_in_transport(struct transport *transport, void *user) {
  (void)transport;
  (void)user;
  fflush(NULL);
  forked = fork();
}

static void ck_child_was_refused(void) {
  int result = 0;

  ck_assert_int_gt(forked, 0);
  ck_assert_int_eq(waitpid(forked, &result, 0), forked);
  ck_assert(WIFEXITED(result) && WEXITSTATUS(result) == 0);
}

START_TEST(a_callback_that_forks) {
  struct world *world = world_new();
  int64_t cart_id;
  shop_token_t *token;
  shop_order_t *order = NULL;
  int32_t status;

  world_put(world, "TEA", 100, "EUR", 5);
  token = world_shopper(world, "ada@example.org", "TEA", 1, &cart_id);
  world->gateway.after = fork_in_gateway;
  status = world_buy(world, token, cart_id, NULL, &order);
  if (forked == 0)
    _exit(status == SHOP_ERR_FORKED ? 0 : 1);
  ck_child_was_refused();
  ck_ok(world, status);
  shop_order_free(order);
  world->gateway.after = NULL;
  world_close_books(world, 0);
  cart_id = world_cart(world, token);
  world_add(world, token, cart_id, "TEA", 1);
  world->transport.hook = fork_in_transport;
  status = world_buy(world, token, cart_id, NULL, &order);
  if (forked == 0) /* the order is placed, and nobody there can note what became of its mail */
    _exit(status == SHOP_OK ? 0 : 1);
  ck_child_was_refused();
  ck_ok(world, status);
  shop_order_free(order);
  ck_assert_int_eq(world_mails(world, "3"), 2);
  ck_assert_int_eq(world_number(world, "SELECT count(*) FROM events WHERE name = 'mail.sent'"), 2);
  world_close_books(world, 0);
  shop_token_free(token);
  world_free(world);
}
END_TEST

/* ---- killed -------------------------------------------------------------- */

/* Where the child dies by its own hand; the parent kills the others. */
enum death { BEFORE_CHARGE, AFTER_CHARGE, IN_TRANSPORT, IN_FREE_TRANSPORT, BY_THE_PARENT };

static void die_gateway(struct gateway *gateway, void *user) {
  (void)gateway;
  (void)user;
  kill(getpid(), SIGKILL);
}

static void die_transport(struct transport *transport, void *user) {
  (void)transport;
  (void)user;
  kill(getpid(), SIGKILL);
}

static enum death death;
static int victim_number;

/* Buys over and over, paid and free, until it is killed. */
static void victim(struct world *world, struct peer *peer) {
  char email[40];
  shop_token_t *token;

  world_open(world);
  snprintf(email, sizeof email, "victim%d@example.org", victim_number);
  token = world_register(world, email);
  if (death == IN_TRANSPORT || death == IN_FREE_TRANSPORT)
    world->transport.hook = die_transport;
  peer_tell(peer, "ready");
  for (int i = death == IN_FREE_TRANSPORT ? 0 : 1;; i++) {
    int64_t cart_id = world_cart(world, token);

    world_add(world, token, cart_id, i % 4 == 0 ? "FREE" : "TEA", 1);
    shop_order_free(world_bought(world, token, cart_id));
  }
}

static void kill_one(struct world *world, struct gateway *gateway, unsigned *seed) {
  struct peer peer;
  char told[20];
  int result = 0;

  gateway->before = death == BEFORE_CHARGE ? die_gateway : NULL;
  gateway->after = death == AFTER_CHARGE ? die_gateway : NULL;
  peer = peer_start(world, victim);
  peer_hear(&peer, told, sizeof told);
  if (death == BY_THE_PARENT) {
    struct timespec while_it_buys = {.tv_nsec = rand_r(seed) % 12000000};

    nanosleep(&while_it_buys, NULL);
    kill(peer.pid, SIGKILL);
  }
  close(peer.line);
  ck_assert_int_eq(waitpid(peer.pid, &result, 0), peer.pid);
  ck_assert(WIFSIGNALED(result) && WTERMSIG(result) == SIGKILL);
  gateway->before = NULL;
  gateway->after = NULL;
}

/* What the dead have left behind is finished, and the books are right. Only where a query is the
   one way to tell, a charge that never reached the gateway waits. */
static void pick_up(struct world *world, struct gateway *gateway, bool with_query) {
  int64_t waiting;

  world_open(world);
  world_pass_ms(world, MAIL_LEASE_MS);
  ck_assert_int_eq(world_recover(world).unknown, 0);
  ck_ok(world, shop_mail_deliver(world->shop, 1000, NULL, world->err));
  world_verify(world, 0);
  world_check_ledger(world, gateway);
  waiting = world_number(world, "SELECT count(*) FROM orders WHERE status <> 2");
  ck_assert_int_eq(world_number(world, "SELECT count(*) FROM payments WHERE state = 1"), waiting);
  ck_assert(with_query || waiting == 0);
  ck_assert_int_eq(world_number(world, "SELECT count(*) FROM payments WHERE state = 4"),
                   gateway->count);
  ck_assert_int_eq(world_mails(world, "1, 2, 4"), 0);
  ck_assert_int_eq(world_reserved(world, "TEA"), waiting);
  ck_assert_int_eq(world_available(world, "TEA"), 100000 - gateway->count - waiting);
  ck_assert_int_eq(shop_close(world->shop), SHOP_OK);
  world->shop = NULL;
}

static void killed_often(bool with_query) {
  struct gateway *gateway = gateway_share();
  struct world *world = world_shared(gateway);
  unsigned seed = 1;

  if (with_query)
    ck_assert_int_eq(shop_config_set_gateway_query(world->config, gateway_query, gateway), SHOP_OK);
  world_open(world);
  world_put(world, "TEA", 100, "EUR", 100000);
  world_put(world, "FREE", 0, "EUR", SHOP_STOCK_UNLIMITED);
  ck_assert_int_eq(shop_close(world->shop), SHOP_OK);
  world->shop = NULL;
  for (int round = 0; round < 30; round++) {
    death = round < 12 ? (enum death)(round % 4) : BY_THE_PARENT;
    victim_number = round;
    kill_one(world, gateway, &seed);
    pick_up(world, gateway, with_query);
  }
  ck_assert_int_gt(gateway->count, 3);
  world_open(world);
  world_free(world);
  gateway_unshare(gateway);
}

/* Thirty are killed: at the gateway, in the transport, and anywhere. */
START_TEST(killed_and_repeated) {
  killed_often(false);
}
END_TEST

START_TEST(killed_and_asked) {
  killed_often(true);
}
END_TEST

int main(void) {
  const TTest *const tests[] = {
      the_last_piece,        another_process_takes_over, a_child_cannot_buy,
      a_callback_that_forks, killed_and_repeated,        killed_and_asked,
  };

  return HARNESS_RUN("race of processes", tests);
}
