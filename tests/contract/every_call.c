/* Every public call that takes an open shop (every_call.h). */
#include "every_call.h"

/* Judges what a call left in its output and frees it by the type's own free. */
#define FINISH(props, no_out, status, out, free_out)                                               \
  do {                                                                                             \
    bool gives_ = (status) == SHOP_OK || ((status) <= -400 && (status) > -500);                    \
    (props)->outputs_are_right = (no_out) || gives_ == ((out) != NULL);                            \
    if (!(no_out) && gives_)                                                                       \
      free_out(out);                                                                               \
    return status;                                                                                 \
  } while (0)

/* An output must be overwritten: what stands there before is no object. */
#define STALE(props) ((void *)(props))

#define MAKE(name)                                                                                 \
  static int32_t name(shop_t *shop, struct props *props, bool no_out, shop_error_t *err)

/* A call that gives one object. */
#define MAKE_GIVING(name, type, free_out, call)                                                    \
  MAKE(name) {                                                                                     \
    type *given = STALE(props), **out = no_out ? NULL : &given;                                    \
    int32_t status = call;                                                                         \
    FINISH(props, no_out, status, given, free_out);                                                \
  }

/* A call that gives none. */
#define MAKE_PLAIN(name, call)                                                                     \
  MAKE(name) {                                                                                     \
    (void)no_out;                                                                                  \
    props->outputs_are_right = true;                                                               \
    return call;                                                                                   \
  }

MAKE_GIVING(user_register, shop_token_t, shop_token_free,
            shop_user_register(shop, props->new_email, props->password, NULL, out, err))
MAKE_GIVING(user_login, shop_token_t, shop_token_free,
            shop_user_login(shop, props->email, props->password, NULL, out, err))
MAKE_GIVING(user_find_by_email, shop_user_t, shop_user_free,
            shop_user_find_by_email(shop, props->email, out, err))
MAKE_GIVING(user_find_by_id, shop_user_t, shop_user_free,
            shop_user_find_by_id(shop, props->user_id, out, err))
MAKE_PLAIN(user_set_metadata,
           shop_user_set_metadata(shop, props->user_id, "a note", "an id", NULL, err))
MAKE_GIVING(token_verify, shop_token_t, shop_token_free,
            shop_token_verify(shop, shop_token_jwt(props->token), out, err))
MAKE_GIVING(product_put, shop_product_t, shop_product_free,
            shop_product_put(shop, props->sku, "Tea", "green", 999, "EUR", 50, NULL, out, err))
MAKE_GIVING(product_get, shop_product_t, shop_product_free,
            shop_product_get(shop, props->sku, out, err))
MAKE_GIVING(product_list, shop_product_page_t, shop_product_page_free,
            shop_product_list(shop, 0, 10, out, err))
MAKE_GIVING(product_adjust_stock, shop_product_t, shop_product_free,
            shop_product_adjust_stock(shop, props->sku, 1, NULL, out, err))
MAKE_PLAIN(product_set_metadata,
           shop_product_set_metadata(shop, props->sku, "a note", "an id", NULL, err))
MAKE_PLAIN(product_retire, shop_product_retire(shop, props->sku, NULL, err))
MAKE_GIVING(cart_create, shop_cart_t, shop_cart_free,
            shop_cart_create(shop, props->token, NULL, out, err))
MAKE_GIVING(cart_get, shop_cart_t, shop_cart_free,
            shop_cart_get(shop, props->token, props->cart_id, out, err))
MAKE_GIVING(cart_add, shop_cart_t, shop_cart_free,
            shop_cart_add(shop, props->token, props->cart_id, props->sku, 2, NULL, out, err))
MAKE_GIVING(cart_set_quantity, shop_cart_t, shop_cart_free,
            shop_cart_set_quantity(shop, props->token, props->cart_id, props->sku, 3, NULL, out,
                                   err))
MAKE_GIVING(cart_remove, shop_cart_t, shop_cart_free,
            shop_cart_remove(shop, props->token, props->cart_id, props->second_sku, NULL, out, err))
MAKE_GIVING(cart_clear, shop_cart_t, shop_cart_free,
            shop_cart_clear(shop, props->token, props->cart_id, NULL, out, err))
MAKE_GIVING(cart_reprice, shop_cart_t, shop_cart_free,
            shop_cart_reprice(shop, props->token, props->cart_id, NULL, out, err))
MAKE_GIVING(session_check, shop_session_t, shop_session_free,
            shop_session_check(shop, props->token, out, err))
MAKE_GIVING(session_check_jwt, shop_session_t, shop_session_free,
            shop_session_check_jwt(shop, shop_token_jwt(props->token), out, err))
MAKE_GIVING(order_get, shop_order_t, shop_order_free,
            shop_order_get(shop, props->token, props->number, out, err))
MAKE_GIVING(order_list, shop_order_page_t, shop_order_page_free,
            shop_order_list(shop, props->token, 0, 10, out, err))
MAKE_GIVING(order_find_by_number, shop_order_t, shop_order_free,
            shop_order_find_by_number(shop, props->number, out, err))
MAKE_GIVING(order_find_by_gateway_reference, shop_order_t, shop_order_free,
            shop_order_find_by_gateway_reference(shop, props->reference, out, err))
MAKE_GIVING(order_list_by_status, shop_order_page_t, shop_order_page_free,
            shop_order_list_by_status(shop, 0, 0, 10, out, err))
MAKE_GIVING(order_list_by_email, shop_order_page_t, shop_order_page_free,
            shop_order_list_by_email(shop, props->email, 0, 10, out, err))
MAKE_PLAIN(order_set_metadata,
           shop_order_set_metadata(shop, props->number, "a note", "an id", NULL, err))
MAKE_GIVING(verify, shop_audit_t, shop_audit_free, shop_verify(shop, out, err))
MAKE_GIVING(recover, shop_recovery_t, shop_recovery_free, shop_recover(shop, 10, out, err))
MAKE_PLAIN(token_revoke, shop_token_revoke(shop, props->token, NULL, err))

MAKE(purchase) {
  shop_order_t *given = STALE(props);
  shop_purchase_request_t *request = NULL;
  int32_t status = shop_purchase_request_new(&request);

  if (status != SHOP_OK)
    given = NULL;
  else
    status = shop_purchase_request_set_method(request, "pm_card_visa");
  if (status == SHOP_OK)
    status = shop_purchase(shop, props->token, props->cart_id, request, NULL,
                           no_out ? NULL : &given, err);
  shop_purchase_request_free(request);
  FINISH(props, no_out, status, given, shop_order_free);
}

MAKE(mail_deliver) {
  int32_t delivered = -1;
  int32_t status = shop_mail_deliver(shop, 10, no_out ? NULL : &delivered, err);

  props->outputs_are_right = no_out || (status == SHOP_OK ? delivered >= 0 : delivered == 0);
  return status;
}

MAKE(mail_count) {
  int64_t waiting = -1, dead = -1;
  int32_t status = shop_mail_count(shop, no_out ? NULL : &waiting, no_out ? NULL : &dead, err);

  props->outputs_are_right =
      no_out || (status == SHOP_OK ? waiting >= 0 && dead >= 0 : waiting == 0 && dead == 0);
  return status;
}

/*   the call, writes, needs a token, gives an object */
const struct call every_call[] = {
    {"shop_user_register", true, false, true, user_register},
    {"shop_user_login", true, false, true, user_login},
    {"shop_user_find_by_email", false, false, true, user_find_by_email},
    {"shop_user_find_by_id", false, false, true, user_find_by_id},
    {"shop_user_set_metadata", true, false, false, user_set_metadata},
    {"shop_token_verify", false, false, true, token_verify},
    {"shop_product_put", true, false, false, product_put},
    {"shop_product_get", false, false, true, product_get},
    {"shop_product_list", false, false, true, product_list},
    {"shop_product_adjust_stock", true, false, false, product_adjust_stock},
    {"shop_product_set_metadata", true, false, false, product_set_metadata},
    {"shop_cart_create", false, true, true, cart_create},
    {"shop_cart_add", true, true, true, cart_add},
    {"shop_cart_set_quantity", true, true, true, cart_set_quantity},
    {"shop_cart_reprice", true, true, true, cart_reprice},
    {"shop_cart_remove", true, true, true, cart_remove},
    {"shop_cart_get", false, true, true, cart_get},
    {"shop_session_check", false, true, true, session_check},
    {"shop_session_check_jwt", false, false, true, session_check_jwt},
    {"shop_purchase", true, true, true, purchase},
    {"shop_recover", false, false, false, recover},
    {"shop_mail_deliver", false, false, false, mail_deliver},
    {"shop_mail_count", false, false, false, mail_count},
    {"shop_order_get", false, true, true, order_get},
    {"shop_order_list", false, true, true, order_list},
    {"shop_order_find_by_number", false, false, true, order_find_by_number},
    {"shop_order_find_by_gateway_reference", false, false, true, order_find_by_gateway_reference},
    {"shop_order_list_by_status", false, false, true, order_list_by_status},
    {"shop_order_list_by_email", false, false, true, order_list_by_email},
    {"shop_order_set_metadata", true, false, false, order_set_metadata},
    {"shop_verify", false, false, true, verify},
    {"shop_cart_clear", true, true, true, cart_clear},
    {"shop_product_retire", true, false, false, product_retire},
    {"shop_token_revoke", true, true, false, token_revoke},
};

const size_t every_call_count = sizeof every_call / sizeof every_call[0];

/* ---- a scene that all of them can be made in ----------------------------------------- */

struct scene scene_in(struct world *world) {
  struct scene scene = {.world = world};
  int64_t cart_id;

  world_open(world);
  world_put(world, "TEA", 999, "EUR", 50);
  world_put(world, "MILK", 120, "EUR", 50);
  scene.token = world_shopper(world, "ada@example.org", "TEA", 1, &cart_id);
  ck_ok(world, world_buy(world, scene.token, cart_id, NULL, &scene.order));
  cart_id = world_cart(world, scene.token);
  world_add(world, scene.token, cart_id, "TEA", 1);
  world_add(world, scene.token, cart_id, "MILK", 1);
  scene.props = (struct props){.token = scene.token,
                               .user_id = shop_token_user_id(scene.token),
                               .cart_id = cart_id,
                               .new_email = "bob@example.org",
                               .email = "ada@example.org",
                               .password = PASSWORD,
                               .sku = "TEA",
                               .second_sku = "MILK",
                               .number = shop_order_number(scene.order),
                               .reference = shop_order_gateway_reference(scene.order)};
  return scene;
}

void scene_free(struct scene *scene) {
  shop_order_free(scene->order);
  shop_token_free(scene->token);
  world_free(scene->world);
}
