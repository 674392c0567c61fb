/* Accounts that the merchant disables: nothing is done for them any more, and what
   is under way is finished. */
#include <harness.h>

#include <string.h>

static int32_t session_status(struct world *world, const shop_token_t *token) {
  shop_session_t *session = NULL;
  int32_t status;

  ck_ok(world, shop_session_check(world->shop, token, &session, world->err));
  status = shop_session_status(session);
  ck_assert_int_eq(shop_session_user_id(session),
                   status == SHOP_OK ? shop_token_user_id(token) : 0);
  shop_session_free(session);
  return status;
}

static void set_disabled(struct world *world, int64_t user_id, bool disabled) {
  ck_ok(world, shop_user_set_disabled(world->shop, user_id, disabled, NULL, world->err));
}

static bool is_disabled(struct world *world, int64_t user_id) {
  shop_user_t *user = NULL;
  bool disabled;

  ck_ok(world, shop_user_find_by_id(world->shop, user_id, &user, world->err));
  disabled = shop_user_is_disabled(user);
  shop_user_free(user);
  return disabled;
}

/* Shopper calls, the session and the token's text answer SHOP_ERR_USER_DISABLED; so
   does a login, to who knows the password alone. Enabled again, the old tokens stay
   ended. */
START_TEST(disabled_at_the_next_call) {
  struct world *world = world_new();
  shop_token_t *token = world_register(world, "ada@example.org"), *same = NULL;
  int64_t user_id = shop_token_user_id(token), cart_id = world_cart(world, token);
  shop_cart_t *cart = NULL;

  set_disabled(world, user_id, true);
  ck_assert(is_disabled(world, user_id));
  ck_assert_int_eq(session_status(world, token), SHOP_ERR_USER_DISABLED);
  ck_refused(world, shop_token_verify(world->shop, shop_token_jwt(token), &same, world->err),
             SHOP_ERR_USER_DISABLED);
  ck_refused(world, shop_cart_get(world->shop, token, cart_id, &cart, world->err),
             SHOP_ERR_USER_DISABLED);
  ck_refused(world, shop_cart_create(world->shop, token, NULL, &cart, world->err),
             SHOP_ERR_USER_DISABLED);
  ck_refused(world,
             shop_account_set_password(world->shop, token, PASSWORD, "another one", NULL, &same,
                                       world->err),
             SHOP_ERR_USER_DISABLED);
  ck_refused(world,
             shop_user_login(world->shop, "ada@example.org", PASSWORD, NULL, &same, world->err),
             SHOP_ERR_USER_DISABLED);
  ck_assert_ptr_null(same);
  ck_refused(
      world,
      shop_user_login(world->shop, "ada@example.org", "a wrong one", NULL, &same, world->err),
      SHOP_ERR_CREDENTIALS);
  set_disabled(world, user_id, false);
  ck_assert(!is_disabled(world, user_id));
  ck_assert_int_eq(session_status(world, token), SHOP_ERR_TOKEN_REVOKED);
  ck_ok(world, shop_user_login(world->shop, "ada@example.org", PASSWORD, NULL, &same, world->err));
  ck_ok(world, shop_cart_get(world->shop, same, cart_id, &cart, world->err));
  shop_cart_free(cart);
  shop_token_free(same);
  shop_token_free(token);
  world_free(world);
}
END_TEST

/* Once is enough: a repetition changes nothing, not even the time. The log has both
   ways, by the merchant. */
START_TEST(repeated) {
  struct world *world = world_new();
  shop_token_t *token = world_register(world, "ada@example.org");
  int64_t user_id = shop_token_user_id(token);
  uint64_t digest;

  set_disabled(world, user_id, false);
  ck_assert_int_eq(session_status(world, token), SHOP_OK);
  set_disabled(world, user_id, true);
  digest = world_digest(world);
  world_pass_ms(world, 1000);
  set_disabled(world, user_id, true);
  ck_assert(world_digest(world) == digest);
  set_disabled(world, user_id, false);
  ck_assert_int_eq(world_number(world,
                                "SELECT count(*) FROM events WHERE actor = 2 AND name IN "
                                "('user.disabled', 'user.enabled')"),
                   2);
  ck_refused(world, shop_user_set_disabled(world->shop, user_id + 1, true, NULL, world->err),
             SHOP_ERR_NOT_FOUND);
  ck_assert(!shop_user_is_disabled(NULL));
  shop_token_free(token);
  world_free(world);
}
END_TEST

static void disable_inside(struct gateway *gateway, void *user) {
  struct world *world = user;

  (void)gateway;
  ck_assert_int_eq(shop_user_set_disabled(world->shop,
                                          world_number(world, "SELECT min(id) FROM users"), true,
                                          NULL, NULL),
                   SHOP_OK);
}

/* The order exists before the gateway is asked: what happens to the user then does
   not lose what was paid. */
START_TEST(a_purchase_under_way_goes_on) {
  struct world *world = world_new();
  shop_order_t *order = NULL;
  shop_token_t *token;
  int64_t cart_id;

  world_put(world, "TEA", 999, "EUR", 5);
  token = world_shopper(world, "ada@example.org", "TEA", 1, &cart_id);
  world->gateway.before = disable_inside;
  world->gateway.hook_user = world;
  ck_ok(world, world_buy(world, token, cart_id, NULL, &order));
  ck_assert_int_eq(shop_order_status(order), SHOP_ORDER_PLACED);
  ck_assert_int_eq(session_status(world, token), SHOP_ERR_USER_DISABLED);
  ck_assert_int_eq(world->transport.count, 1);
  world_verify(world, 0);
  shop_order_free(order);
  shop_token_free(token);
  world_free(world);
}
END_TEST

static void disable_ada(struct world *world, struct peer *peer) {
  char text[20];

  peer_hear(peer, text, sizeof text);
  world_open(world);
  set_disabled(world, world_number(world, "SELECT id FROM users"), true);
  peer_tell(peer, "done");
  peer_hear(peer, text, sizeof text); /* still open: nothing is flushed by closing */
  ck_assert_int_eq(shop_close(world->shop), SHOP_OK);
}

START_TEST(disabled_by_another_process) {
  struct world *world = world_prepare();
  struct peer peer = peer_start(world, disable_ada);
  shop_token_t *token;
  char text[20];

  world_open(world);
  token = world_register(world, "ada@example.org");
  ck_assert_int_eq(session_status(world, token), SHOP_OK);
  peer_tell(&peer, "go");
  peer_hear(&peer, text, sizeof text);
  ck_assert_int_eq(session_status(world, token), SHOP_ERR_USER_DISABLED);
  peer_tell(&peer, "end");
  peer_end(&peer);
  shop_token_free(token);
  world_free(world);
}
END_TEST

int main(void) {
  const TTest *tests[] = {
      disabled_at_the_next_call,
      repeated,
      a_purchase_under_way_goes_on,
      disabled_by_another_process,
  };

  return HARNESS_RUN("account: disabled", tests);
}
