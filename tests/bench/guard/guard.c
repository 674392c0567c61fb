/* One tour through every call, under callgrind: with a clock that stands still,
   chance that is none, one thread and a warm store, so that each run executes
   the same instructions. Each call leaves a dump under its name, which
   instructions.py reads. Usage: guard STORE */
#include <stdio.h>
#include <string.h>

#include <sodium.h>
#include <sqlite3.h>
#include <valgrind/callgrind.h>

#include "../calls.h"

#define WARM_TOURS 5
#define PRODUCT_COUNT 60
#define NOW_MS INT64_C(1800000000000)

/* ---- what is otherwise left to chance ------------------------------------------------- */

static uint64_t state = 88172645463325252u;

static uint32_t next_random(void) {
  return random_below(&state, UINT32_MAX);
}

static void fill_random(void *out, size_t size) {
  uint8_t *bytes = out;

  for (size_t i = 0; i < size; i++)
    bytes[i] = (uint8_t)next_random();
}

static const char *name_random(void) {
  return "guard";
}

static struct randombytes_implementation predictable = {
    .implementation_name = name_random, .random = next_random, .buf = fill_random};

static int64_t stand_still(void *user) {
  (void)user;
  return NOW_MS;
}

/* ---- the shop ---------------------------------------------------------------------------- */

static void charge(shop_gateway_call_t *call, void *user) {
  (void)user;
  shop_gateway_call_set_captured(call, "ch_guard", shop_gateway_call_amount_minor(call),
                                 shop_gateway_call_currency(call));
}

static void deliver(shop_mail_call_t *call, void *user) {
  (void)user;
  shop_mail_call_set_delivered(call);
}

static shop_t *open_shop(const char *path, shop_error_t *err) {
  shop_config_t *config = NULL;
  shop_t *shop = NULL;

  must(shop_config_new(&config), err, "config");
  must(shop_config_set_name(config, "The Corner Shop"), err, "name");
  must(shop_config_set_mail_from(config, "orders@shop.example"), err, "mail_from");
  must(shop_config_set_clock(config, stand_still, NULL), err, "clock");
  must(shop_config_set_gateway_charge(config, charge, NULL), err, "gateway");
  must(shop_config_set_mail_transport(config, deliver, NULL), err, "transport");
  must(shop_config_set_mail_at_once(config, false), err, "mail_at_once");
  must(shop_config_set_password_cost(config, 8, 1), err, "password_cost");
  must(shop_open(path, config, &shop, err), err, "open");
  shop_config_free(config);
  return shop;
}

static void fill(shop_t *shop, shop_error_t *err) {
  shop_token_t *token = NULL;
  char sku[32];

  for (uint32_t i = 0; i < PRODUCT_COUNT; i++)
    must(shop_product_put(shop, sku_of(i, sku), "Ceramic mug, blue, 0.3 l", "Dishwasher proof.",
                          499 + i, "EUR", 1000000, NULL, NULL, err),
         err, "product");
  must(shop_user_register(shop, "guard@customers.example", PASSWORD, NULL, &token, err), err,
       "register");
  shop_token_free(token);
}

/* ---- the tour ------------------------------------------------------------------------------- */

/* What came before goes into a dump that nobody reads: to zero the counts
   leaves some of them as they are (seen with valgrind 3.19). */
static void call_alone(struct tour *tour, enum call call, bool dumps) {
  if (dumps)
    CALLGRIND_DUMP_STATS_AT("-");
  tour_call(tour, call);
  if (dumps)
    CALLGRIND_DUMP_STATS_AT(call_names[call]);
}

static void walk(struct tour *tour, int index, bool dumps) {
  char email[80];

  (void)snprintf(email, sizeof email, "new%03d@customers.example", index);
  (void)snprintf(tour->key, sizeof tour->key, "guard-%03d", index);
  tour->new_email = email;
  for (int call = 0; call < CALL_COUNT; call++)
    for (int left = tour_times((enum call)call); left > 0; left--)
      call_alone(tour, (enum call)call, dumps && left == 1);
  tour_end(tour);
}

int main(int argc, char **argv) {
  struct tour tour = {.email = "guard@customers.example",
                      .skus = {"SKU-0000001", "SKU-0000002", "SKU-0000003"},
                      .old_number = ""};

  if (argc != 2)
    die("usage: guard STORE");
  if (randombytes_set_implementation(&predictable) != 0)
    die("randombytes");
  (void)sqlite3_test_control(SQLITE_TESTCTRL_PRNG_SEED, 42, NULL);
  sqlite3_randomness(0, NULL);
  must(shop_error_new(&tour.err), NULL, "error");
  tour.shop = open_shop(argv[1], tour.err);
  fill(tour.shop, tour.err);
  for (int i = 0; i <= WARM_TOURS; i++)
    walk(&tour, i, i == WARM_TOURS);
  world_close(tour.shop);
  shop_error_free(tour.err);
  return 0;
}
