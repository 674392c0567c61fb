/* A process with eight shoppers is killed while they buy, again and again, on one
   store: whoever comes next finds every charge on one placed order, and every
   order that a shopper was told of.
   Usage: test_killed [ROUNDS] */
#define _DEFAULT_SOURCE /* usleep */

#include "till.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum { THREADS = 8, EACH = 60, ROUNDS_OF_A_WORLD = 20, STOCK = 1000000 };

static int32_t rounds_wanted = 10;

/* What shoppers were told, in memory that outlives them. */
struct told {
  _Atomic int32_t started;
  _Atomic int32_t count[THREADS];
  char numbers[THREADS][ROUNDS_OF_A_WORLD * EACH][16];
};

struct shopper {
  struct world *world;
  struct told *told;
  pthread_barrier_t *together;
  int32_t index, round;
};

static void shopper_email(int32_t index, char *out, size_t size) {
  snprintf(out, size, "shopper%d@example.org", (int)index);
}

static void acknowledge(struct shopper *shopper, const shop_order_t *order) {
  int32_t at = shopper->told->count[shopper->index];

  memcpy(shopper->told->numbers[shopper->index][at], shop_order_number(order), 13);
  shopper->told->count[shopper->index] = at + 1;
}

/* Nobody knows: when the call's time is over, the shopper asks again. */
static int32_t ask_again(struct shopper *shopper, const shop_token_t *token, shop_order_t **order) {
  char number[16];
  int32_t status;

  snprintf(number, sizeof number, "%s", shop_order_number(*order));
  shop_order_free(*order);
  *order = NULL;
  world_pass_ms(shopper->world, GATEWAY_LEASE_MS + 1);
  status = shop_purchase_resume(shopper->world->shop, token, number, NULL, order, NULL);
  ck_assert_msg(status == SHOP_OK || status == SHOP_DECLINED, "resumed: %s",
                shop_status_name(status));
  return status;
}

static void buy_one(struct shopper *shopper, const shop_token_t *token, int32_t turn) {
  shop_t *shop = shopper->world->shop;
  shop_cart_t *cart = NULL, *filled = NULL;
  shop_order_t *order = NULL;
  char key[40];
  struct form form = {.method = CARD, .key = key};
  int32_t status = shop_cart_create(shop, token, NULL, &cart, NULL);

  snprintf(key, sizeof key, "%d-%d-%d", (int)shopper->round, (int)shopper->index, (int)turn);
  ck_assert_int_eq(status, SHOP_OK);
  status = shop_cart_add(shop, token, shop_cart_id(cart), "TEA", 1 + turn % 3, NULL, &filled, NULL);
  ck_assert_int_eq(status, SHOP_OK);
  status = form_buy(shop, token, shop_cart_id(cart), &form, &order, NULL);
  if (status == SHOP_UNKNOWN)
    status = ask_again(shopper, token, &order);
  if (status == SHOP_OK)
    acknowledge(shopper, order);
  else
    ck_assert_msg(status == SHOP_DECLINED, "a purchase gave %s", shop_status_name(status));
  shop_order_free(order);
  shop_cart_free(filled);
  shop_cart_free(cart);
}

static void *shop_along(void *user) {
  struct shopper *shopper = user;
  shop_token_t *token = NULL;
  char email[40];

  shopper_email(shopper->index, email, sizeof email);
  ck_assert_int_eq(shop_user_login(shopper->world->shop, email, PASSWORD, NULL, &token, NULL),
                   SHOP_OK);
  pthread_barrier_wait(shopper->together);
  shopper->told->started = 1;
  for (int32_t turn = 0; turn < EACH; turn++)
    buy_one(shopper, token, turn);
  shop_token_free(token);
  return NULL;
}

/* One life: nobody ends it but the signal, or the last purchase. */
static void live(struct world *world, struct told *told, int32_t round) {
  struct shopper shoppers[THREADS];
  pthread_t threads[THREADS];
  pthread_barrier_t together;

  world_open(world);
  pthread_barrier_init(&together, NULL, THREADS);
  for (int32_t i = 0; i < THREADS; i++) {
    shoppers[i] = (struct shopper){world, told, &together, i, round};
    ck_assert_int_eq(pthread_create(&threads[i], NULL, shop_along, &shoppers[i]), 0);
  }
  for (int32_t i = 0; i < THREADS; i++)
    ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
  ck_assert_int_eq(shop_close(world->shop), SHOP_OK);
  _exit(0);
}

/* True when it was killed in the middle of its work. */
static bool live_and_die(struct world *world, struct told *told, int32_t round, useconds_t wait) {
  pid_t child;
  int result = 0;

  told->started = 0;
  fflush(NULL);
  child = fork();
  ck_assert_int_ge(child, 0);
  if (child == 0)
    live(world, told, round);
  while (!told->started && waitpid(child, &result, WNOHANG) == 0)
    usleep(500);
  ck_assert_msg(told->started, "the process has not begun");
  usleep(wait);
  ck_assert_int_eq(kill(child, SIGKILL), 0);
  ck_assert_int_eq(waitpid(child, &result, 0), child);
  ck_assert_msg(WIFSIGNALED(result) || WEXITSTATUS(result) == 0, "the process failed");
  return WIFSIGNALED(result);
}

/* Whoever comes next: recovers, sends the mail, and finds everything in order. */
static int32_t come_next(struct world *world, struct till *till, struct told *told) {
  int32_t delivered, charges, acknowledged = 0;

  world_pass_ms(world, DAY_MS);
  world_open(world);
  (void)world_recover(world);
  world_pass_ms(world, GATEWAY_LEASE_MS + 1); /* what recovery itself could not finish */
  (void)world_recover(world);
  ck_ok(world, shop_mail_deliver(world->shop, 10000, &delivered, world->err));
  ck_assert_int_eq(world_mails(world, "1, 2"), 0);
  world_verify(world, 0);
  charges = till_check(till, world);
  check_stock(world, "TEA", STOCK);
  for (int32_t i = 0; i < THREADS; i++)
    for (int32_t j = 0; j < told->count[i]; j++, acknowledged++) {
      shop_order_t *order = world_order(world, told->numbers[i][j]);

      ck_assert_int_eq(shop_order_status(order), SHOP_ORDER_PLACED);
      shop_order_free(order);
    }
  ck_assert_int_le(acknowledged, charges);
  ck_assert_int_eq(shop_close(world->shop), SHOP_OK);
  world->shop = NULL;
  return charges;
}

/* The mailbox of the harness is small. */
static void take_mail(shop_mail_call_t *call, void *user) {
  (void)user;
  (void)shop_mail_call_set_delivered(call);
}

static struct world *new_world(struct till *till) {
  struct world *world = world_prepare();
  char email[40];

  till->moody = true;
  till_install(till, world);
  ck_ok(world, shop_config_set_mail_transport(world->config, take_mail, NULL));
  world_open(world);
  world_put(world, "TEA", 999, "EUR", STOCK);
  for (int32_t i = 0; i < THREADS; i++) {
    shopper_email(i, email, sizeof email);
    shop_token_free(world_register(world, email));
  }
  ck_assert_int_eq(shop_close(world->shop), SHOP_OK);
  world->shop = NULL;
  return world;
}

static int32_t a_world(int32_t rounds, int32_t *killed) {
  struct till *till = till_new();
  struct told *told = share(sizeof *told);
  struct world *world = new_world(till);
  int32_t charges = 0;

  for (int32_t round = 0; round < rounds; round++) {
    *killed += live_and_die(world, told, round, (useconds_t)(rand() % 150000));
    charges = come_next(world, till, told);
  }
  world_free(world);
  ck_assert_int_eq(munmap(told, sizeof *told), 0);
  till_free(till);
  return charges;
}

START_TEST(killed_while_they_buy) {
  int32_t killed = 0, charges = 0;

  srand((unsigned)getpid());
  for (int32_t left = rounds_wanted; left > 0; left -= ROUNDS_OF_A_WORLD)
    charges += a_world(left < ROUNDS_OF_A_WORLD ? left : ROUNDS_OF_A_WORLD, &killed);
  printf("%d rounds, %d killed at work, %d orders\n", (int)rounds_wanted, (int)killed,
         (int)charges);
  ck_assert_int_gt(killed, 0);
}
END_TEST

int main(int count, char **arguments) {
  const TTest *const tests[] = {killed_while_they_buy};

  if (count > 1) {
    rounds_wanted = atoi(arguments[1]);
    (void)setenv("CK_TIMEOUT_MULTIPLIER", "60", 1);
  }
  return HARNESS_RUN("killed", tests);
}
