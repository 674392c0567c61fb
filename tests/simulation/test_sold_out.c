/* Two processes with eight threads each buy from a stock of 1,000 until it is
   gone: exactly 1,000 are sold, and paid. */
#include "till.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { PROCESSES = 2, THREADS = 8, STOCK = 1000 };

struct buyer {
  struct world *world;
  _Atomic int32_t *sold; /* of this buyer; shared with the parent */
  int32_t index;
};

static void *buy_until_gone(void *user) {
  struct buyer *buyer = user;
  shop_t *shop = buyer->world->shop;
  shop_token_t *token = NULL;
  int32_t status = SHOP_OK;
  char email[40];

  snprintf(email, sizeof email, "buyer%d@example.org", (int)buyer->index);
  ck_assert_int_eq(shop_user_register(shop, email, PASSWORD, NULL, &token, NULL), SHOP_OK);
  while (status == SHOP_OK) {
    shop_cart_t *cart = NULL, *filled = NULL;
    shop_order_t *order = NULL;

    ck_assert_int_eq(shop_cart_create(shop, token, NULL, &cart, NULL), SHOP_OK);
    ck_assert_int_eq(shop_cart_add(shop, token, shop_cart_id(cart), "TEA", 1, NULL, &filled, NULL),
                     SHOP_OK);
    status =
        form_buy(shop, token, shop_cart_id(cart), &(struct form){.method = CARD}, &order, NULL);
    *buyer->sold += status == SHOP_OK;
    shop_order_free(order);
    shop_cart_free(filled);
    shop_cart_free(cart);
  }
  ck_assert_msg(status == SHOP_ERR_OUT_OF_STOCK, "a purchase gave %s", shop_status_name(status));
  shop_token_free(token);
  return NULL;
}

struct counts {
  _Atomic int32_t sold[PROCESSES * THREADS];
  _Atomic int32_t processes;
};

static struct counts *counts;

static void a_process(struct world *world, struct peer *peer) {
  struct buyer buyers[THREADS];
  pthread_t threads[THREADS];
  int32_t first = atomic_fetch_add(&counts->processes, 1) * THREADS;
  char go[10];

  world_open(world);
  peer_tell(peer, "ready");
  peer_hear(peer, go, sizeof go);
  for (int32_t i = 0; i < THREADS; i++) {
    buyers[i] = (struct buyer){world, &counts->sold[first + i], first + i};
    ck_assert_int_eq(pthread_create(&threads[i], NULL, buy_until_gone, &buyers[i]), 0);
  }
  for (int32_t i = 0; i < THREADS; i++)
    ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
  ck_assert_int_eq(shop_close(world->shop), SHOP_OK);
}

static void take_mail(shop_mail_call_t *call, void *user) {
  (void)user;
  (void)shop_mail_call_set_delivered(call);
}

START_TEST(exactly_a_thousand) {
  struct till *till = till_new();
  struct world *world = world_prepare();
  struct peer peers[PROCESSES];
  int32_t sold = 0;
  char ready[10];

  counts = share(sizeof *counts);
  till_install(till, world);
  ck_ok(world, shop_config_set_busy_timeout_ms(world->config, 60000));
  ck_ok(world, shop_config_set_mail_transport(world->config, take_mail, NULL));
  world_open(world);
  world_put(world, "TEA", 999, "EUR", STOCK);
  ck_assert_int_eq(shop_close(world->shop), SHOP_OK);
  world->shop = NULL;
  for (int32_t i = 0; i < PROCESSES; i++)
    peers[i] = peer_start(world, a_process);
  for (int32_t i = 0; i < PROCESSES; i++)
    peer_hear(&peers[i], ready, sizeof ready);
  for (int32_t i = 0; i < PROCESSES; i++)
    peer_tell(&peers[i], "go");
  for (int32_t i = 0; i < PROCESSES; i++)
    peer_end(&peers[i]);
  for (int32_t i = 0; i < PROCESSES * THREADS; i++)
    sold += counts->sold[i];
  ck_assert_int_eq(sold, STOCK);
  world_open(world);
  ck_assert_int_eq(world_available(world, "TEA"), 0);
  ck_assert_int_eq(till_check(till, world), STOCK);
  check_stock(world, "TEA", STOCK);
  world_verify(world, 0);
  world_free(world);
  till_free(till);
  ck_assert_int_eq(munmap(counts, sizeof *counts), 0);
}
END_TEST

int main(void) {
  const TTest *const tests[] = {exactly_a_thousand};

  return HARNESS_RUN("sold_out", tests);
}
