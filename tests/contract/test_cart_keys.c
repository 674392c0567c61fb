/* Changing a cart exactly once, and only what was seen: idempotency keys and
   expected versions. */
#include <harness.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A user whose cart has 2 TEA (version 2), in a shop that sells MILK too. */
struct scene {
  struct world *world;
  shop_token_t *token;
  int64_t cart_id;
};

static struct scene scene_new(void) {
  struct scene scene = {.world = world_new()};

  world_put(scene.world, "TEA", 999, "EUR", 10);
  world_put(scene.world, "MILK", 120, "EUR", 10);
  scene.token = world_shopper(scene.world, "ada@example.org", "TEA", 2, &scene.cart_id);
  return scene;
}

static void scene_free(struct scene *scene) {
  shop_token_free(scene->token);
  world_free(scene->world);
}

/* The five changes, by number, so that each rule is tried on each. */
enum { ADD, SET, REMOVE, CLEAR, REPRICE, CHANGES };

static int32_t change_of(struct scene *scene, const shop_token_t *token, int64_t cart_id, int which,
                         const char *sku, int64_t quantity, const shop_options_t *options,
                         shop_cart_t **cart) {
  shop_t *shop = scene->world->shop;
  shop_error_t *err = scene->world->err;

  *cart = (shop_cart_t *)(void *)scene; /* must be overwritten */
  switch (which) {
  case ADD:
    return shop_cart_add(shop, token, cart_id, sku, quantity, options, cart, err);
  case SET:
    return shop_cart_set_quantity(shop, token, cart_id, sku, quantity, options, cart, err);
  case REMOVE:
    return shop_cart_remove(shop, token, cart_id, sku, options, cart, err);
  case CLEAR:
    return shop_cart_clear(shop, token, cart_id, options, cart, err);
  default:
    return shop_cart_reprice(shop, token, cart_id, options, cart, err);
  }
}

static int32_t change(struct scene *scene, int which, const char *sku, int64_t quantity,
                      const shop_options_t *options, shop_cart_t **cart) {
  return change_of(scene, scene->token, scene->cart_id, which, sku, quantity, options, cart);
}

/* A change that must give a snapshot of this version. */
static void ck_version(struct scene *scene, int which, const char *sku, int64_t quantity,
                       const shop_options_t *options, int64_t version) {
  shop_cart_t *cart;

  ck_ok(scene->world, change(scene, which, sku, quantity, options, &cart));
  ck_assert_int_eq(shop_cart_version(cart), version);
  ck_assert_int_eq(shop_cart_id(cart), scene->cart_id);
  shop_cart_free(cart);
}

#define ck_change_refused(scene, which, sku, quantity, options, wanted)                            \
  do {                                                                                             \
    shop_cart_t *cart_;                                                                            \
    ck_refused((scene).world, change(&(scene), which, sku, quantity, options, &cart_), wanted);    \
    ck_assert_ptr_null(cart_);                                                                     \
  } while (0)

/* The same change with the same key is made once. */
START_TEST(repeated_change_is_made_once) {
  static const char *const keys[CHANGES] = {"k-add", "k-set", "k-remove", "k-clear", "k-reprice"};

  for (int which = 0; which < CHANGES; which++) {
    struct scene scene = scene_new();
    shop_options_t *options = options_with_key(keys[which]);
    uint64_t before;

    ck_version(&scene, which, "TEA", 3, options, 3);
    before = world_digest(scene.world);
    world_pass_ms(scene.world, 1000);
    ck_version(&scene, which, "TEA", 3, options, 3);
    world_reopen(scene.world);
    ck_version(&scene, which, "TEA", 3, options, 3);
    ck_assert_uint_eq(world_digest(scene.world), before);
    /* Without the key it is another change, where it can be. */
    if (which != REMOVE)
      ck_version(&scene, which, "TEA", 3, NULL, 4);
    shop_options_free(options);
    scene_free(&scene);
  }
}
END_TEST

/* The repeated call shows the cart as it is now. */
START_TEST(repeated_change_after_others) {
  struct scene scene = scene_new();
  shop_options_t *options = options_with_key("k");
  shop_cart_t *cart;

  ck_version(&scene, ADD, "TEA", 1, options, 3);
  ck_version(&scene, CLEAR, NULL, 0, NULL, 4);
  ck_ok(scene.world, change(&scene, ADD, "TEA", 1, options, &cart));
  ck_assert_int_eq(shop_cart_version(cart), 4);
  ck_assert_int_eq(shop_cart_line_count(cart), 0);
  shop_cart_free(cart);
  shop_options_free(options);
  scene_free(&scene);
}
END_TEST

/* A key stands for one request, to the last detail. */
START_TEST(key_of_another_request) {
  struct scene scene = scene_new();
  shop_options_t *options = options_with_key("k");

  ck_version(&scene, ADD, "TEA", 1, options, 3);
  ck_change_refused(scene, ADD, "TEA", 2, options, SHOP_ERR_KEY_REUSED);
  ck_change_refused(scene, ADD, "MILK", 1, options, SHOP_ERR_KEY_REUSED);
  ck_change_refused(scene, ADD, "COFFEE", 1, options, SHOP_ERR_KEY_REUSED); /* before all checks */
  scene.cart_id++;
  ck_change_refused(scene, ADD, "TEA", 1, options, SHOP_ERR_KEY_REUSED);
  scene.cart_id--;
  ck_version(&scene, ADD, "TEA", 1, options, 3);
  shop_options_free(options);
  scene_free(&scene);
}
END_TEST

/* It belongs to the operation and to the user: nobody meets another's key. */
START_TEST(key_belongs_to_user_and_operation) {
  struct scene scene = scene_new();
  struct world *world = scene.world;
  shop_options_t *options = options_with_key("k");
  shop_order_t *order = NULL;
  shop_token_t *bob;
  shop_cart_t *cart;
  int64_t bobs_cart;

  for (int which = 0; which < CHANGES; which++)
    ck_version(&scene,
               which == CLEAR     ? REPRICE
               : which == REPRICE ? CLEAR
                                  : which,
               "TEA", 4, options, 3 + which);
  ck_version(&scene, ADD, "TEA", 1, NULL, 8);
  ck_ok(world, world_buy(world, scene.token, scene.cart_id, "k", &order));
  shop_order_free(order);

  bob = world_shopper(world, "bob@example.org", "TEA", 1, &bobs_cart);
  ck_ok(world, change_of(&scene, bob, bobs_cart, ADD, "TEA", 4, options, &cart));
  ck_assert_int_eq(shop_cart_line_quantity(cart, 0), 5);
  ck_assert_int_eq(shop_cart_id(cart), bobs_cart);
  shop_cart_free(cart);
  ck_assert_int_eq(world_number(world, "SELECT count(*) FROM requests"), CHANGES + 2);
  shop_options_free(options);
  shop_token_free(bob);
  scene_free(&scene);
}
END_TEST

/* Another token of the same user meets the same key. */
START_TEST(key_outlives_the_token) {
  struct scene scene = scene_new();
  struct world *world = scene.world;
  shop_options_t *options = options_with_key("k");
  shop_token_t *token = NULL;

  ck_version(&scene, ADD, "TEA", 1, options, 3);
  ck_ok(world, shop_user_login(world->shop, "ada@example.org", PASSWORD, NULL, &token, world->err));
  ck_ok(world, shop_token_revoke(world->shop, scene.token, NULL, world->err));
  /* The token comes first: a revoked one learns nothing of the stored result. */
  ck_change_refused(scene, ADD, "TEA", 1, options, SHOP_ERR_TOKEN_REVOKED);
  shop_token_free(scene.token);
  scene.token = token;
  ck_version(&scene, ADD, "TEA", 1, options, 3);
  shop_options_free(options);
  scene_free(&scene);
}
END_TEST

/* A call that failed has not used its key up: mended, it works. */
START_TEST(failed_change_keeps_its_key) {
  struct scene scene = scene_new();
  struct world *world = scene.world;
  shop_options_t *options = options_with_key("k");

  ck_change_refused(scene, ADD, "COFFEE", 1, options, SHOP_ERR_NOT_FOUND);
  ck_change_refused(scene, ADD, "TEA", 998, options, SHOP_ERR_QUANTITY);
  ck_ok(world, shop_product_retire(world->shop, "MILK", NULL, world->err));
  ck_change_refused(scene, ADD, "MILK", 1, options, SHOP_ERR_PRODUCT_RETIRED);
  ck_assert_int_eq(world_number(world, "SELECT count(*) FROM requests"), 0);
  ck_version(&scene, ADD, "TEA", 1, options, 3);
  ck_change_refused(scene, ADD, "TEA", 998, options, SHOP_ERR_KEY_REUSED);
  shop_options_free(options);
  scene_free(&scene);
}
END_TEST

/* The stored answer is given also where the change could not be made any more. */
START_TEST(repeated_change_of_a_bought_cart) {
  struct scene scene = scene_new();
  struct world *world = scene.world;
  shop_options_t *options = options_with_key("k");
  shop_order_t *order = NULL;
  shop_cart_t *cart;

  ck_version(&scene, ADD, "TEA", 1, options, 3);
  ck_ok(world, world_buy(world, scene.token, scene.cart_id, NULL, &order));
  shop_order_free(order);
  ck_ok(world, shop_product_retire(world->shop, "TEA", NULL, world->err));
  ck_ok(world, change(&scene, ADD, "TEA", 1, options, &cart));
  ck_assert_int_eq(shop_cart_state(cart), SHOP_CART_COMPLETED);
  ck_assert_int_eq(shop_cart_line_quantity(cart, 0), 3);
  shop_cart_free(cart);
  ck_change_refused(scene, ADD, "TEA", 1, NULL, SHOP_ERR_CART_COMPLETED);
  shop_options_free(options);
  scene_free(&scene);
}
END_TEST

/* A change made on what somebody else has changed since is refused. */
START_TEST(expected_version) {
  struct scene scene = scene_new();
  shop_options_t *first = options_with_version(1), *now = options_with_version(2),
                 *next = options_with_version(3), *huge = options_with_version(INT64_MAX);

  for (int which = 0; which < CHANGES; which++) {
    ck_change_refused(scene, which, "TEA", 1, first, SHOP_ERR_VERSION);
    ck_change_refused(scene, which, "TEA", 1, next, SHOP_ERR_VERSION);
    ck_change_refused(scene, which, "TEA", 1, huge, SHOP_ERR_VERSION);
  }
  ck_version(&scene, ADD, "TEA", 1, now, 3);
  ck_change_refused(scene, ADD, "TEA", 1, now, SHOP_ERR_VERSION);
  for (int which = 0; which < CHANGES; which++) {
    ck_assert_int_eq(shop_options_set_expected_version(now, 3 + which), SHOP_OK);
    ck_version(&scene,
               which == CLEAR     ? REPRICE
               : which == REPRICE ? CLEAR
                                  : which,
               "TEA", 1, now, 4 + which);
  }
  ck_assert_int_eq(shop_options_set_expected_version(now, 0), SHOP_OK); /* unset */
  ck_version(&scene, ADD, "TEA", 1, now, 9);
  shop_options_free(first);
  shop_options_free(now);
  shop_options_free(next);
  shop_options_free(huge);
  scene_free(&scene);
}
END_TEST

/* With a key as well, a repetition is known by its key: its own change has
   made the version rise. */
START_TEST(expected_version_with_a_key) {
  struct scene scene = scene_new();
  shop_options_t *options = options_with_key("k");

  ck_assert_int_eq(shop_options_set_expected_version(options, 2), SHOP_OK);
  ck_version(&scene, ADD, "TEA", 1, options, 3);
  ck_version(&scene, ADD, "TEA", 1, options, 3);
  shop_options_free(options);
  scene_free(&scene);
}
END_TEST

/* Making a cart takes neither; it is harmless to repeat anyway. */
START_TEST(create_takes_only_the_deadline) {
  struct scene scene = scene_new();
  struct world *world = scene.world;
  shop_options_t *wrong[] = {options_with_key("k"), options_with_version(1)};
  shop_options_t *deadline = options_with_deadline(1000);
  shop_cart_t *cart;

  for (int i = 0; i < 2; i++) {
    cart = (shop_cart_t *)(void *)world;
    ck_refused(world, shop_cart_create(world->shop, scene.token, wrong[i], &cart, world->err),
               SHOP_ERR_ARGUMENT);
    ck_assert_ptr_null(cart);
    shop_options_free(wrong[i]);
  }
  ck_ok(world, shop_cart_create(world->shop, scene.token, deadline, &cart, world->err));
  shop_cart_free(cart);
  shop_options_free(deadline);
  scene_free(&scene);
}
END_TEST

/* The setters: what is refused leaves the old value. */
START_TEST(setters_of_options) {
  struct scene scene = scene_new();
  shop_options_t *options = options_with_key("good");
  char text[257];

  memset(text, 'k', 256);
  text[256] = '\0';
  ck_assert_int_eq(shop_options_set_idempotency_key(options, text), SHOP_ERR_TOO_LONG);
  ck_assert_int_eq(shop_options_set_idempotency_key(options, "a\nb"), SHOP_ERR_TEXT);
  ck_assert_int_eq(shop_options_set_idempotency_key(options, "\xff"), SHOP_ERR_TEXT);
  ck_assert_int_eq(shop_options_set_idempotency_key(options, ""), SHOP_ERR_ARGUMENT);
  ck_assert_int_eq(shop_options_set_expected_version(options, -1), SHOP_ERR_ARGUMENT);
  ck_assert_int_eq(shop_options_set_deadline_ms(options, -1), SHOP_ERR_ARGUMENT);
  ck_assert_int_eq(shop_options_set_deadline_ms(options, 86400001), SHOP_ERR_ARGUMENT);
  ck_version(&scene, ADD, "TEA", 1, options, 3);
  ck_assert_int_eq(world_number(scene.world, "SELECT count(*) FROM requests WHERE key = 'good'"),
                   1);
  ck_assert_int_eq(shop_options_set_idempotency_key(options, text + 1), SHOP_OK); /* 255 bytes */
  ck_version(&scene, ADD, "TEA", 1, options, 4);
  ck_assert_int_eq(shop_options_set_idempotency_key(options, NULL), SHOP_OK);
  ck_version(&scene, ADD, "TEA", 1, options, 5);
  ck_assert_int_eq(world_number(scene.world, "SELECT count(*) FROM requests"), 2);
  shop_options_free(options);
  scene_free(&scene);
}
END_TEST

struct click {
  struct scene *scene;
  int32_t status;
  int64_t version;
};

static void *click(void *user) {
  struct click *click = user;
  shop_options_t *options = NULL;
  shop_cart_t *cart = NULL;

  if (shop_options_new(&options) == SHOP_OK &&
      shop_options_set_idempotency_key(options, "one click") == SHOP_OK)
    click->status = shop_cart_add(click->scene->world->shop, click->scene->token,
                                  click->scene->cart_id, "TEA", 1, options, &cart, NULL);
  click->version = shop_cart_version(cart);
  shop_cart_free(cart);
  shop_options_free(options);
  return NULL;
}

/* A nervous finger: the same click many times at once. */
START_TEST(same_key_at_once) {
  enum { COUNT = 10 };
  struct scene scene = scene_new();
  struct click clicks[COUNT];
  pthread_t threads[COUNT];

  for (int i = 0; i < COUNT; i++) {
    clicks[i] = (struct click){&scene, 1, 0};
    ck_assert_int_eq(pthread_create(&threads[i], NULL, click, &clicks[i]), 0);
  }
  for (int i = 0; i < COUNT; i++) {
    pthread_join(threads[i], NULL);
    ck_assert_int_eq(clicks[i].status, SHOP_OK);
    ck_assert_int_eq(clicks[i].version, 3);
  }
  scene_free(&scene);
}
END_TEST

int main(void) {
  const TTest *tests[] = {
      repeated_change_is_made_once,
      repeated_change_after_others,
      key_of_another_request,
      key_belongs_to_user_and_operation,
      key_outlives_the_token,
      failed_change_keeps_its_key,
      repeated_change_of_a_bought_cart,
      expected_version,
      expected_version_with_a_key,
      create_takes_only_the_deadline,
      setters_of_options,
      same_key_at_once,
  };

  return HARNESS_RUN("keys and versions", tests);
}
