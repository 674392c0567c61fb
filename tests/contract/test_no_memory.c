/* Every allocation of every call fails once, the library's own and SQLite's:
   SHOP_ERR_NO_MEMORY, outputs NULL, the store as before, and the next call
   works. (Linked with the wrapped allocator of tests/base.) */
#include "allocation_faults.h"
#include "every_call.h"
#include "fault_memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Whose memory runs out. */
struct faults {
  void (*arm)(long nth);
  bool (*disarm)(void); /* did it strike */
  bool may_be_survived; /* SQLite can do without some of its memory */
};

static void arm_sqlite(long nth) {
  fault_memory_fail(nth, 1);
}

static bool disarm_sqlite(void) {
  return fault_memory_stop() > 0;
}

static const struct faults of_library = {allocation_fail_at, allocation_failed, false};
static const struct faults of_sqlite = {arm_sqlite, disarm_sqlite, true};

/* The harness's fakes assert, and Check's assertions allocate; these do not. */
static struct {
  char keys[2000][80];
  int32_t taken, mails;
  int64_t moved_minor; /* by charges, captures and refunds, without their signs */
  bool no_mail_now;
} simple;

/* Money moves once for a key. */
static void move_once(const shop_gateway_call_t *call) {
  const char *key = shop_gateway_call_key(call);
  int32_t at = 0;

  while (at < simple.taken && strcmp(simple.keys[at], key) != 0)
    at++;
  if (at == simple.taken && simple.taken < 2000) {
    strcpy(simple.keys[simple.taken++], key);
    simple.moved_minor += shop_gateway_call_amount_minor(call);
  }
}

static void simple_charge(shop_gateway_call_t *call, void *user) {
  const struct gateway *gateway = user;
  const char *key = shop_gateway_call_key(call);
  int64_t amount = shop_gateway_call_amount_minor(call);
  const char *currency = shop_gateway_call_currency(call);

  if (gateway->mood == GATEWAY_AUTHORIZES)
    (void)shop_gateway_call_set_authorized(call, key, amount, currency);
  else if (gateway->mood == GATEWAY_PENDS)
    (void)shop_gateway_call_set_pending(call, key);
  if (gateway->mood != GATEWAY_APPROVES)
    return;
  move_once(call);
  (void)shop_gateway_call_set_captured(call, key, amount, currency);
}

static void simple_operation(shop_gateway_call_t *call, void *user) {
  const char *key = shop_gateway_call_key(call);
  int64_t amount = shop_gateway_call_amount_minor(call);
  const char *currency = shop_gateway_call_currency(call);
  int32_t kind = shop_gateway_call_kind(call);

  (void)user;
  if (kind == SHOP_OPERATION_VOID)
    (void)shop_gateway_call_set_voided(call);
  else
    move_once(call);
  if (kind == SHOP_OPERATION_CAPTURE)
    (void)shop_gateway_call_set_captured(call, key, amount, currency);
  else if (kind == SHOP_OPERATION_REFUND)
    (void)shop_gateway_call_set_refunded(call, key, amount, currency);
}

static void simple_send(shop_mail_call_t *call, void *user) {
  (void)user;
  if (simple.no_mail_now)
    return;
  simple.mails++;
  (void)shop_mail_call_set_delivered(call);
}

static struct world *simple_world(void) {
  struct world *world = world_prepare();

  memset(&simple, 0, sizeof simple);
  /* Thousands of commits: what a sync is for is tested elsewhere. */
  ck_assert_int_eq(shop_config_set_durability(world->config, SHOP_DURABILITY_NORMAL), SHOP_OK);
  ck_assert_int_eq(shop_config_set_gateway_charge(world->config, simple_charge, &world->gateway),
                   SHOP_OK);
  ck_assert_int_eq(shop_config_set_mail_transport(world->config, simple_send, NULL), SHOP_OK);
  return world;
}

/* Far into a call not every allocation is tried, but more and more rarely. */
static long next(long nth) {
  return nth < 60 ? nth + 1 : nth + nth / 20;
}

/* ---- every call that can be made again ----------------------------------------------------- */

/* With a mail that waits. */
static struct scene scene_new(void) {
  struct world *world = simple_world();
  struct scene scene;

  simple.no_mail_now = true;
  scene = scene_in(world);
  ck_assert_int_eq(shop_config_set_gateway_capture(world->config, simple_operation, NULL), SHOP_OK);
  ck_assert_int_eq(shop_config_set_gateway_void(world->config, simple_operation, NULL), SHOP_OK);
  ck_assert_int_eq(shop_config_set_gateway_refund(world->config, simple_operation, NULL), SHOP_OK);
  world_reopen(world);
  simple.no_mail_now = false;
  world_pass_ms(world, 3600000);
  return scene;
}

/* So that a call that has been survived can be made once more. */
static void renew(struct scene *scene) {
  static char email[40];
  static int count;

  snprintf(email, sizeof email, "new%d@example.org", ++count);
  scene->props.new_email = email;
  world_add(scene->world, scene->token, scene->props.cart_id, "MILK", 1);
}

/* What is done at the end and may fail by itself: a use that is noted, mail that is
   handed over. */
static bool has_an_epilogue(const struct call *call) {
  static const char *const names[] = {"shop_token_verify", "shop_session_check",
                                      "shop_session_check_jwt", "shop_account_verify_request"};

  for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
    if (strcmp(call->name, names[i]) == 0)
      return true;
  return false;
}

/* Fails the 1st, 2nd, ... allocation of the call until it does without another. */
static long exhaust(struct scene *scene, const struct call *call, const struct faults *faults,
                    bool changes) {
  struct world *world = scene->world;
  uint64_t before = world_digest(world);
  /* Where the look whether anything is due fails, the work itself looks. */
  bool only_looks = strcmp(call->name, "shop_recover") == 0 || has_an_epilogue(call);
  bool struck = true;
  long nth, failures = 0;

  for (nth = 1; struck; nth = next(nth)) {
    int32_t status;

    faults->arm(nth);
    status = call->make(world->shop, &scene->props, false, world->err);
    struck = faults->disarm();
    ck_assert_msg(scene->props.outputs_are_right, "%s left its output with %s at %ld", call->name,
                  shop_status_name(status), nth);
    failures += status != SHOP_OK;
    if (status == SHOP_OK && struck && (faults->may_be_survived || only_looks)) {
      renew(scene);
      before = world_digest(world);
      continue;
    }
    ck_assert_msg(status == (struck ? SHOP_ERR_NO_MEMORY : SHOP_OK), "%s: %s at allocation %ld: %s",
                  call->name, shop_status_name(status), nth, shop_error_message(world->err));
    ck_assert_msg(shop_error_code(world->err) == status &&
                      (shop_error_message(world->err)[0] != '\0') == struck,
                  "%s does not say why at allocation %ld", call->name, nth);
    if (struck && !changes)
      ck_assert_msg(world_digest(world) == before, "%s changed the store at %ld", call->name, nth);
  }
  return failures;
}

static void every_call_fails(const struct faults *faults) {
  struct scene scene = scene_new();
  struct world *world = scene.world;
  shop_token_t *newcomer = world_register(world, "eve@example.org");

  for (size_t i = 0; i < every_call_count; i++) {
    const struct call *call = &every_call[i];
    bool makes_cart = strcmp(call->name, "shop_cart_create") == 0;
    long failures;

    if (call->once || strcmp(call->name, "shop_purchase") == 0)
      continue;
    if (makes_cart) /* for one who has none yet */
      scene.props.token = newcomer;
    /* A lease is a step of its own: it may be taken and not be used. */
    failures = exhaust(&scene, call, faults,
                       strcmp(call->name, "shop_mail_deliver") == 0 ||
                           strcmp(call->name, "shop_recover") == 0);
    ck_assert_msg(failures > 0 || !call->gives_object, "%s does without memory", call->name);
    scene.props.token = scene.token;
  }
  world_pass_ms(world, 3600000);
  ck_ok(world, shop_mail_deliver(world->shop, 10, NULL, world->err));
  ck_assert_int_ge(simple.mails, 1);
  world_verify(world, scene.attentions);
  shop_token_free(newcomer);
  scene_free(&scene);
}

START_TEST(calls_without_memory) {
  every_call_fails(&of_library);
}
END_TEST

START_TEST(calls_without_memory_for_sqlite) {
  every_call_fails(&of_sqlite);
}
END_TEST

/* ---- calls that succeed once ---------------------------------------------------------- */

/* The file as it is while nobody has it open. */
struct kept {
  char *bytes;
  size_t size;
};

static struct kept keep_store(const struct world *world) {
  FILE *file = fopen(world->path, "rb");
  struct kept kept = {NULL, 0};

  ck_assert_ptr_nonnull(file);
  ck_assert_int_eq(fseek(file, 0, SEEK_END), 0);
  kept.size = (size_t)ftell(file);
  kept.bytes = malloc(kept.size);
  ck_assert_ptr_nonnull(kept.bytes);
  rewind(file);
  ck_assert_uint_eq(fread(kept.bytes, 1, kept.size, file), kept.size);
  fclose(file);
  return kept;
}

static void put_back(const struct world *world, const struct kept *kept) {
  FILE *file = fopen(world->path, "wb");

  ck_assert_ptr_nonnull(file);
  ck_assert_uint_eq(fwrite(kept->bytes, 1, kept->size, file), kept->size);
  ck_assert_int_eq(fclose(file), 0);
}

/* What was cut off is finished, and books and gateway agree to the piece. */
static void finish_and_compare(struct scene *scene, const char *name, long nth) {
  struct world *world = scene->world;
  int64_t moved;

  world_pass_ms(world, 11 * 3600000);
  ck_ok(world, shop_recover(world->shop, 10, NULL, world->err));
  moved = world_number(world, "SELECT sum(moved_minor) FROM operations");
  ck_assert_msg(moved == simple.moved_minor, "%s at %ld: %lld moved, the gateway says %lld", name,
                nth, (long long)moved, (long long)simple.moved_minor);
  ck_assert_int_eq(
      world_number(world, "SELECT count(*) FROM operations WHERE kind <> 1 AND state <> 2"), 0);
}

static bool is_of_accounts(const struct call *call) {
  return strncmp(call->name, "shop_account_", 13) == 0 ||
         strncmp(call->name, "shop_guest_", 11) == 0;
}

/* Where memory runs out nothing happens; or, once the gateway was asked, what was
   asked of it is recovered and has happened once. */
static void once_fails(struct scene *scene, const struct call *call, const struct kept *kept,
                       const struct faults *faults) {
  struct world *world = scene->world;
  int64_t start_ms = atomic_load(&world->now_ms), moved_minor = simple.moved_minor;
  int32_t taken = simple.taken;
  bool struck = true;

  /* What fails when the mail is handed over fails no cause. */

  for (long nth = 1; struck; nth = next(nth)) {
    int32_t mails = simple.mails, status;

    put_back(world, kept);
    world_open(world);
    faults->arm(nth);
    status = call->make(world->shop, &scene->props, false, world->err);
    struck = faults->disarm();
    ck_assert_msg(scene->props.outputs_are_right, "%s left its output with %s at %ld", call->name,
                  shop_status_name(status), nth);
    ck_assert_msg(status == (struck ? SHOP_ERR_NO_MEMORY : SHOP_OK) ||
                      (status == SHOP_OK && (faults->may_be_survived || simple.mails > mails)),
                  "%s: %s at allocation %ld: %s", call->name, shop_status_name(status), nth,
                  shop_error_message(world->err));
    if (!is_of_accounts(call)) /* they move no money */
      finish_and_compare(scene, call->name, nth);
    ck_assert_int_eq(shop_close(world->shop), SHOP_OK);
    world->shop = NULL;
    atomic_store(&world->now_ms, start_ms);
    simple.taken = taken;
    simple.moved_minor = moved_minor;
  }
}

static void once_calls_fail(const struct faults *faults, bool of_accounts) {
  struct scene scene = scene_new();
  struct world *world = scene.world;
  struct kept kept;

  ck_assert_int_eq(shop_close(world->shop), SHOP_OK);
  world->shop = NULL;
  kept = keep_store(world);
  for (size_t i = 0; i < every_call_count; i++)
    if (every_call[i].once && is_of_accounts(&every_call[i]) == of_accounts)
      once_fails(&scene, &every_call[i], &kept, faults);
  free(kept.bytes);
  scene_free(&scene);
}

START_TEST(once_calls_without_memory) {
  once_calls_fail(&of_library, false);
  once_calls_fail(&of_library, true);
}
END_TEST

START_TEST(once_calls_without_memory_for_sqlite) {
  once_calls_fail(&of_sqlite, false);
}
END_TEST

START_TEST(once_account_calls_without_memory_for_sqlite) {
  once_calls_fail(&of_sqlite, true);
}
END_TEST

/* ---- opening ------------------------------------------------------------------------- */

/* Of a file that is to be made, and of one that is there, with both keys. */
static void opening_fails(const struct faults *faults, bool is_there) {
  struct world *world = world_prepare();
  bool struck = true;
  long nth;

  if (is_there) {
    world_open(world);
    shop_token_free(world_register(world, "ada@example.org"));
    ck_assert_int_eq(shop_config_set_token_algorithm(world->config, SHOP_TOKEN_ES256), SHOP_OK);
    world_reopen(world);
    ck_assert_int_eq(shop_close(world->shop), SHOP_OK);
  }
  for (nth = 1; struck; nth = next(nth)) {
    shop_t *shop = (shop_t *)world;
    int32_t status;

    faults->arm(nth);
    status = shop_open(world->path, world->config, &shop, world->err);
    struck = faults->disarm();
    ck_assert((shop == NULL) == (status != SHOP_OK));
    ck_assert_msg(status == (struck ? SHOP_ERR_NO_MEMORY : SHOP_OK) ||
                      (status == SHOP_OK && faults->may_be_survived),
                  "%s at allocation %ld: %s", shop_status_name(status), nth,
                  shop_error_message(world->err));
    ck_assert_int_eq(shop_error_code(world->err), status);
    ck_assert_int_eq(shop_close(shop), SHOP_OK);
    if (!is_there)
      (void)unlink(world->path);
  }
  ck_assert_int_gt(nth, 3);
  world->shop = NULL;
  world_open(world);
  world_verify(world, 0);
  world_free(world);
}

START_TEST(open_without_memory) {
  opening_fails(&of_library, false);
  opening_fails(&of_library, true);
}
END_TEST

START_TEST(open_without_memory_for_sqlite) {
  opening_fails(&of_sqlite, false);
  opening_fails(&of_sqlite, true);
}
END_TEST

/* ---- the purchase -------------------------------------------------------------------- */

/* Wherever memory runs out in a purchase, after repeating it with its key and
   a recovery there is one order and one charge. */
static void purchase_fails(const struct faults *faults, int64_t price_minor) {
  struct world *world = simple_world();
  bool struck = true;
  int32_t count = 0;
  long nth = 1;
  int64_t cart_id;
  shop_token_t *token;

  world_open(world);
  world_put(world, "TEA", price_minor, "EUR", SHOP_STOCK_UNLIMITED);
  token = world_register(world, "ada@example.org");
  for (; struck; nth = next(nth)) {
    shop_purchase_request_t *request = NULL;
    shop_options_t *options;
    shop_order_t *order = (shop_order_t *)world;
    char key[40];
    int32_t status;

    ck_assert_int_lt(count, 2000);
    snprintf(key, sizeof key, "key %ld", nth);
    cart_id = world_cart(world, token);
    world_add(world, token, cart_id, "TEA", 1);
    ck_assert_int_eq(shop_purchase_request_new(&request), SHOP_OK);
    ck_assert_int_eq(shop_purchase_request_set_method(request, "pm_card_visa"), SHOP_OK);
    options = options_with_key(key);
    faults->arm(nth);
    status = shop_purchase(world->shop, token, cart_id, request, options, &order, world->err);
    struck = faults->disarm();
    ck_assert_msg(status == SHOP_OK || (struck && status == SHOP_ERR_NO_MEMORY),
                  "%s at allocation %ld: %s", shop_status_name(status), nth,
                  shop_error_message(world->err));
    /* Once there is an order, it is given: after the charge there is one. */
    ck_assert(order != NULL ||
              (status != SHOP_OK && simple.taken == (price_minor == 0 ? 0 : count)));
    shop_order_free(order);

    status = shop_purchase(world->shop, token, cart_id, request, options, &order, world->err);
    if (status == SHOP_IN_PROGRESS) {
      ck_assert_ptr_nonnull(order);
      world_pass_ms(world, 3600000);
      ck_ok(world, shop_recover(world->shop, 10, NULL, world->err));
      shop_order_free(order);
      status = shop_purchase(world->shop, token, cart_id, request, options, &order, world->err);
    }
    ck_ok(world, status);
    ck_assert_int_eq(shop_order_status(order), SHOP_ORDER_PLACED);
    shop_order_free(order);
    shop_options_free(options);
    shop_purchase_request_free(request);
    count++;
    ck_assert_int_eq(simple.taken, price_minor == 0 ? 0 : count);
  }
  ck_assert_int_eq(world_number(world, "SELECT count(*) FROM orders WHERE status = 2"), count);
  ck_assert_int_eq(world_number(world, "SELECT count(*) FROM orders"), count);
  ck_assert_int_gt(nth, 5);
  world_pass_ms(world, 3600000);
  ck_ok(world, shop_mail_deliver(world->shop, 10000, NULL, world->err));
  ck_assert_int_ge(simple.mails, count);
  world_verify(world, 0);
  shop_token_free(token);
  world_free(world);
}

START_TEST(purchase_without_memory) {
  purchase_fails(&of_library, 999);
  purchase_fails(&of_library, 0);
}
END_TEST

START_TEST(purchase_without_memory_for_sqlite) {
  purchase_fails(&of_sqlite, 999);
}
END_TEST

/* ---- objects without a shop ---------------------------------------------------------- */

START_TEST(objects_without_memory) {
  shop_config_t *config = (shop_config_t *)&config;
  shop_options_t *options = (shop_options_t *)&options;
  shop_purchase_request_t *request = (shop_purchase_request_t *)&request;
  shop_error_t *err = (shop_error_t *)&err;
  int32_t statuses[4];

  allocation_fail_at(1);
  statuses[0] = shop_config_new(&config);
  ck_assert(allocation_failed());
  allocation_fail_at(1);
  statuses[1] = shop_options_new(&options);
  ck_assert(allocation_failed());
  allocation_fail_at(1);
  statuses[2] = shop_purchase_request_new(&request);
  ck_assert(allocation_failed());
  allocation_fail_at(1);
  statuses[3] = shop_error_new(&err);
  ck_assert(allocation_failed());
  for (int i = 0; i < 4; i++)
    ck_assert_int_eq(statuses[i], SHOP_ERR_NO_MEMORY);
  ck_assert(config == NULL && options == NULL && request == NULL && err == NULL);
}
END_TEST

/* A product that a batch has no memory for is not in it, whichever allocation fails; the others
 * stay. */
START_TEST(batch_without_memory) {
  shop_product_batch_t *batch = (shop_product_batch_t *)&batch;
  shop_error_t *err = NULL;
  char sku[16];
  long failures = 0;

  ck_assert_int_eq(shop_error_new(&err), SHOP_OK);
  allocation_fail_at(1);
  ck_assert_int_eq(shop_product_batch_new(&batch), SHOP_ERR_NO_MEMORY);
  ck_assert(allocation_failed());
  ck_assert_ptr_null(batch);
  ck_assert_int_eq(shop_product_batch_new(&batch), SHOP_OK);
  for (int32_t i = 0; i < 40; i++) {
    snprintf(sku, sizeof sku, "SKU-%d", (int)i);
    for (long at = 1;; at++) {
      int32_t status;
      bool failed;

      allocation_fail_at(at);
      status = shop_product_batch_add(batch, sku, "Tea", "green", 1, "EUR", 1, err);
      failed = allocation_failed();
      allocation_fail_at(0);
      if (!failed) {
        ck_assert_int_eq(status, SHOP_OK);
        break;
      }
      ck_assert_int_eq(status, SHOP_ERR_NO_MEMORY);
      ck_assert_str_ne(shop_error_message(err), "");
      ck_assert_int_eq(shop_product_batch_count(batch), i);
      failures++;
    }
    ck_assert_int_eq(shop_product_batch_count(batch), i + 1);
  }
  ck_assert_int_eq(failures, 40 + 3); /* each product, and the list at 0, 16 and 32 */
  shop_product_batch_free(batch);
  shop_error_free(err);
}
END_TEST

int main(void) {
  const TTest *tests[] = {
      calls_without_memory,      calls_without_memory_for_sqlite,
      once_calls_without_memory, once_calls_without_memory_for_sqlite,
      once_account_calls_without_memory_for_sqlite,
      open_without_memory,       open_without_memory_for_sqlite,
      purchase_without_memory,   purchase_without_memory_for_sqlite,
      objects_without_memory,    batch_without_memory,
  };

  fault_memory_install();
  return HARNESS_RUN("no memory", tests);
}
