/* Every public call that takes an open shop (every_call.h). */
#include "every_call.h"

#include <stdio.h>
#include <unistd.h>

/* Judges what a call left in its output and frees it by the type's own free. */
#define FINISH(props, no_out, status, out, free_out)                                               \
  do {                                                                                             \
    bool gives_ = (status) == SHOP_OK || ((status) <= -400 && (status) > -500);                    \
    (props)->outputs_are_right = (no_out) || gives_ == ((out) != NULL);                            \
    if (!(no_out) && gives_)                                                                       \
      free_out(out);                                                                               \
    return status;                                                                                 \
  } while (0)

/* As FINISH; once the gateway was asked there is an order, whatever the store did. */
#define FINISH_ASKING(props, no_out, status, out)                                                  \
  do {                                                                                             \
    bool gives_ = (status) == SHOP_OK || ((status) <= -400 && (status) > -500);                    \
    (props)->outputs_are_right =                                                                   \
        (no_out) || ((out) != STALE(props) && (!gives_ || (out) != NULL));                         \
    if (!(no_out) && (out) != STALE(props))                                                        \
      shop_order_free(out);                                                                        \
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

/* A call that asks the gateway. */
#define MAKE_ASKING(name, call)                                                                    \
  MAKE(name) {                                                                                     \
    shop_order_t *given = STALE(props), **out = no_out ? NULL : &given;                            \
    int32_t status = call;                                                                         \
    FINISH_ASKING(props, no_out, status, given);                                                   \
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
MAKE_GIVING(guest_create, shop_token_t, shop_token_free,
            shop_guest_create(shop, NULL, out, err))
MAKE_GIVING(user_find_by_email, shop_user_t, shop_user_free,
            shop_user_find_by_email(shop, props->email, out, err))
MAKE_GIVING(user_find_by_id, shop_user_t, shop_user_free,
            shop_user_find_by_id(shop, props->user_id, out, err))
MAKE_GIVING(user_export, shop_text_t, shop_text_free,
            shop_user_export(shop, props->user_id, out, err))
MAKE_GIVING(account_export, shop_text_t, shop_text_free,
            shop_account_export(shop, props->token, out, err))
MAKE_PLAIN(user_set_language,
           shop_user_set_language(shop, props->token, "pt-BR", NULL, err))
MAKE_PLAIN(user_set_metadata,
           shop_user_set_metadata(shop, props->user_id, "a note", "an id", NULL, err))
MAKE_GIVING(token_verify, shop_token_t, shop_token_free,
            shop_token_verify(shop, shop_token_jwt(props->token), out, err))
MAKE_GIVING(product_put, shop_product_t, shop_product_free,
            shop_product_put(shop, props->sku, "Tea", "green", 999, "EUR", 50, NULL, out, err))
MAKE_PLAIN(product_put_batch, shop_product_put_batch(shop, props->batch, NULL, err))
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
MAKE_GIVING(cart_hold, shop_cart_t, shop_cart_free,
            shop_cart_hold(shop, props->token, props->cart_id, 60000, NULL, out, err))
MAKE_GIVING(cart_release, shop_cart_t, shop_cart_free,
            shop_cart_release(shop, props->token, props->cart_id, NULL, out, err))
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
MAKE_GIVING(verify_since, shop_audit_t, shop_audit_free,
            shop_verify_since(shop, 1, NULL, NULL, out, err))
MAKE_GIVING(event_list, shop_event_page_t, shop_event_page_free,
            shop_event_list(shop, 0, 10, out, err))
MAKE_GIVING(maintain, shop_maintenance_t, shop_maintenance_free, shop_maintain(shop, out, err))
MAKE_GIVING(order_list_in_attention, shop_order_page_t, shop_order_page_free,
            shop_order_list_in_attention(shop, 0, 10, out, err))
MAKE_GIVING(payment_list_unmatched, shop_report_page_t, shop_report_page_free,
            shop_payment_list_unmatched(shop, 0, 10, out, err))
MAKE_GIVING(payment_report, shop_order_t, shop_order_free,
            shop_payment_report(shop, props->report, out, err))
MAKE_GIVING(payment_resolve, shop_order_t, shop_order_free,
            shop_payment_resolve(shop, props->unknown, SHOP_OUTCOME_DECLINED, NULL, 0, NULL,
                                 "Eve saw the books", NULL, out, err))
MAKE_GIVING(payment_acknowledge, shop_order_t, shop_order_free,
            shop_payment_acknowledge(shop, props->contradicted, "Eve has looked", NULL, out, err))
MAKE_GIVING(purchase_resume, shop_order_t, shop_order_free,
            shop_purchase_resume(shop, props->token, props->number, NULL, out, err))
MAKE_ASKING(purchase_abandon,
            shop_purchase_abandon(shop, props->token == NULL ? NULL : props->pending_token,
                                  props->pending, NULL, out, err))
MAKE_ASKING(order_capture, shop_order_capture(shop, props->authorized, 0, NULL, out, err))
MAKE_ASKING(order_refund, shop_order_refund(shop, props->number, NULL, NULL, out, err))
MAKE_ASKING(order_cancel, shop_order_cancel(shop, props->captured, NULL, out, err))
MAKE_GIVING(key_list, shop_key_ring_t, shop_key_ring_free, shop_key_list(shop, out, err))
MAKE_GIVING(key_export_jwks, shop_text_t, shop_text_free, shop_key_export_jwks(shop, out, err))
MAKE_PLAIN(key_rotate, shop_key_rotate(shop, SHOP_TOKEN_ES256, NULL, err))
MAKE_PLAIN(key_rewrap, shop_key_rewrap(shop, "a secret of 16 bytes or more", 28, NULL, err))
MAKE_PLAIN(key_retire, shop_key_retire(shop, props->kid, NULL, err))
MAKE_GIVING(token_issue, shop_token_t, shop_token_free,
            shop_token_issue(shop, props->user_id, "merchant", 0, NULL, out, err))
MAKE_PLAIN(token_require_scope,
           shop_token_require_scope(shop, props->token == NULL ? NULL : props->merchant_token,
                                    "merchant", err))
MAKE_GIVING(token_refresh, shop_token_t, shop_token_free,
            shop_token_refresh(shop, props->refresh_text, NULL, out, err))
MAKE_PLAIN(token_revoke, shop_token_revoke(shop, props->token, NULL, err))

MAKE_GIVING(guest_register, shop_token_t, shop_token_free,
            shop_guest_register(shop, props->token == NULL ? NULL : props->guest_tokens[0],
                                "guest@example.org", PASSWORD, NULL, out, err))

MAKE_GIVING(guest_login, shop_token_t, shop_token_free,
            shop_guest_login(shop, props->token == NULL ? NULL : props->guest_tokens[1],
                             "account0@example.org", PASSWORD, NULL, out, err))

/* ---- accounts */

static const shop_token_t *account(const struct props *props, int at) {
  return props->token == NULL ? NULL : props->account_tokens[at];
}

MAKE_GIVING(account_session_list, shop_session_page_t, shop_session_page_free,
            shop_account_session_list(shop, account(props, 0), 0, 10, out, err))
MAKE_PLAIN(account_session_revoke,
           shop_account_session_revoke(shop, account(props, 0), props->session_id, NULL, err))
MAKE_PLAIN(account_logout_everywhere,
           shop_account_logout_everywhere(shop, account(props, 0), NULL, err))
MAKE_GIVING(account_set_password, shop_token_t, shop_token_free,
            shop_account_set_password(shop, account(props, 3), PASSWORD, "quite another one", NULL,
                                      out, err))
MAKE_PLAIN(user_set_disabled,
           shop_user_set_disabled(shop, shop_token_user_id(props->account_tokens[2]), true, NULL,
                                  err))

MAKE_PLAIN(account_verify_request,
           shop_account_verify_request(shop, account(props, 2), NULL, err))
MAKE_PLAIN(account_verify, shop_account_verify(shop, props->verify_code, NULL, err))
MAKE_PLAIN(account_reset_request,
           shop_account_reset_request(shop, "account2@example.org", NULL, err))
MAKE_PLAIN(account_reset,
           shop_account_reset(shop, props->reset_code, "quite another one", NULL, err))
MAKE_PLAIN(account_email_request,
           shop_account_email_request(shop, account(props, 2), PASSWORD, "second2@example.org",
                                      NULL, err))
MAKE_PLAIN(account_email_confirm, shop_account_email_confirm(shop, props->email_code, NULL, err))
MAKE_PLAIN(account_unlock_request,
           shop_account_unlock_request(shop, "account1@example.org", NULL, err))
MAKE_PLAIN(account_unlock, shop_account_unlock(shop, props->unlock_code, NULL, err))
MAKE_GIVING(user_register_confirm, shop_token_t, shop_token_free,
            shop_user_register_confirm(shop, "late@example.org", PASSWORD,
                                       props->registration_code, NULL, out, err))
MAKE_PLAIN(account_close, shop_account_close(shop, account(props, 4), PASSWORD, NULL, err))
MAKE(user_erase) {
  int32_t waiting = -1;
  int32_t status = shop_user_erase(shop, shop_token_user_id(props->account_tokens[2]), NULL,
                                   no_out ? NULL : &waiting, err);

  props->outputs_are_right = no_out || waiting == 0;
  return status;
}

/* Buys with a request that names a method. */
static int32_t buy(shop_t *shop, struct props *props, bool no_out, bool begins, shop_error_t *err) {
  const shop_token_t *second = props->token == NULL ? NULL : props->second_token;
  shop_order_t *given = STALE(props), **out = no_out ? NULL : &given;
  shop_purchase_request_t *request = NULL;
  int32_t status = shop_purchase_request_new(&request);

  if (status != SHOP_OK)
    given = NULL;
  else
    status = shop_purchase_request_set_method(request, "pm_card_visa");
  if (status == SHOP_OK && begins)
    status = shop_purchase_begin(shop, second, props->second_cart_id, request, NULL, out, err);
  else if (status == SHOP_OK)
    status = shop_purchase(shop, props->token, props->cart_id, request, NULL, out, err);
  shop_purchase_request_free(request);
  FINISH(props, no_out, status, given, shop_order_free);
}

MAKE(purchase) {
  return buy(shop, props, no_out, false, err);
}

MAKE(purchase_begin) {
  return buy(shop, props, no_out, true, err);
}

/* A copy that failed leaves no file. */
MAKE(backup) {
  int32_t status = shop_backup(shop, props->backup_path, NULL, NULL, err);
  bool is_there = access(props->backup_path, F_OK) == 0;

  (void)no_out;
  props->outputs_are_right = is_there == (status == SHOP_OK);
  (void)unlink(props->backup_path);
  return status;
}

MAKE(mail_deliver) {
  int32_t delivered = -1;
  int32_t status = shop_mail_deliver(shop, 10, no_out ? NULL : &delivered, err);

  /* What has left is counted, also where the note of it could not be stored. */
  props->outputs_are_right = no_out || delivered >= 0;
  return status;
}

MAKE_GIVING(mail_stats, shop_mail_stats_t, shop_mail_stats_free, shop_mail_stats(shop, out, err))
MAKE_GIVING(mail_list, shop_mail_page_t, shop_mail_page_free,
            shop_mail_list(shop, 0, 0, 10, out, err))
MAKE_PLAIN(mail_done, shop_mail_done(shop, props->mail, SHOP_MAIL_LATER, "451", NULL, err))

MAKE_PLAIN(mail_requeue, shop_mail_requeue(shop, props->dead_mail_id, NULL, err))

/* Neither gives an object here, for no mail is due, and both need their output. */
MAKE(mail_take) {
  shop_mail_t *mail = STALE(props);
  int32_t status = shop_mail_take(shop, NULL, &mail, err);

  (void)no_out;
  props->outputs_are_right = mail == NULL;
  return status;
}

MAKE(mail_next_due_ms) {
  int64_t due_ms = -7;
  int32_t status = shop_mail_next_due_ms(shop, &due_ms, err);

  (void)no_out;
  props->outputs_are_right = status == SHOP_OK ? due_ms != -7 : due_ms == 0;
  return status;
}

/*   the call, writes, needs a token, gives an object, once */
const struct call every_call[] = {
    {"shop_user_register", true, false, true, false, user_register},
    {"shop_user_login", true, false, true, false, user_login},
    {"shop_guest_create", true, false, true, false, guest_create},
    {"shop_guest_register", true, true, true, true, guest_register},
    {"shop_guest_login", true, true, true, true, guest_login},
    {"shop_user_find_by_email", false, false, true, false, user_find_by_email},
    {"shop_user_find_by_id", false, false, true, false, user_find_by_id},
    {"shop_user_export", false, false, true, false, user_export},
    {"shop_account_export", false, true, true, false, account_export},
    {"shop_user_set_language", true, true, false, false, user_set_language},
    {"shop_user_set_metadata", true, false, false, false, user_set_metadata},
    {"shop_token_verify", false, false, true, false, token_verify},
    {"shop_product_put", true, false, false, false, product_put},
    {"shop_product_put_batch", true, false, false, false, product_put_batch},
    {"shop_product_get", false, false, true, false, product_get},
    {"shop_product_list", false, false, true, false, product_list},
    {"shop_product_adjust_stock", true, false, false, false, product_adjust_stock},
    {"shop_product_set_metadata", true, false, false, false, product_set_metadata},
    {"shop_cart_create", false, true, true, false, cart_create},
    {"shop_cart_add", true, true, true, false, cart_add},
    {"shop_cart_set_quantity", true, true, true, false, cart_set_quantity},
    {"shop_cart_reprice", true, true, true, false, cart_reprice},
    {"shop_cart_hold", true, true, true, false, cart_hold},
    {"shop_cart_remove", true, true, true, false, cart_remove},
    {"shop_cart_release", true, true, true, false, cart_release},
    {"shop_cart_get", false, true, true, false, cart_get},
    {"shop_session_check", false, true, true, false, session_check},
    {"shop_session_check_jwt", false, false, true, false, session_check_jwt},
    {"shop_purchase", true, true, true, false, purchase},
    {"shop_mail_deliver", false, false, false, false, mail_deliver},
    {"shop_mail_stats", false, false, true, false, mail_stats},
    {"shop_mail_list", false, false, true, false, mail_list},
    {"shop_mail_take", false, false, false, false, mail_take},
    {"shop_mail_next_due_ms", false, false, false, false, mail_next_due_ms},
    {"shop_mail_done", true, false, false, false, mail_done},
    {"shop_mail_requeue", true, false, false, true, mail_requeue},
    {"shop_order_get", false, true, true, false, order_get},
    {"shop_order_list", false, true, true, false, order_list},
    {"shop_order_find_by_number", false, false, true, false, order_find_by_number},
    {"shop_order_find_by_gateway_reference", false, false, true, false,
     order_find_by_gateway_reference},
    {"shop_order_list_by_status", false, false, true, false, order_list_by_status},
    {"shop_order_list_by_email", false, false, true, false, order_list_by_email},
    {"shop_order_set_metadata", true, false, false, false, order_set_metadata},
    {"shop_verify_since", false, false, true, false, verify_since},
    {"shop_event_list", false, false, true, false, event_list},
    {"shop_backup", false, false, false, false, backup},
    {"shop_maintain", true, false, false, false, maintain},
    {"shop_order_list_in_attention", false, false, true, false, order_list_in_attention},
    {"shop_payment_list_unmatched", false, false, true, false, payment_list_unmatched},
    {"shop_payment_report", true, false, false, false, payment_report},
    {"shop_payment_resolve", true, false, false, true, payment_resolve},
    {"shop_payment_acknowledge", true, false, false, true, payment_acknowledge},
    {"shop_purchase_begin", true, true, true, true, purchase_begin},
    {"shop_purchase_resume", true, true, true, false, purchase_resume},
    {"shop_purchase_abandon", true, true, true, true, purchase_abandon},
    {"shop_order_capture", true, false, false, true, order_capture},
    {"shop_order_refund", true, false, false, true, order_refund},
    {"shop_order_cancel", true, false, false, true, order_cancel},
    {"shop_account_verify_request", true, true, false, false, account_verify_request},
    {"shop_account_verify", true, false, false, true, account_verify},
    {"shop_account_reset_request", true, false, false, false, account_reset_request},
    {"shop_account_reset", true, false, false, true, account_reset},
    {"shop_account_email_request", true, true, false, false, account_email_request},
    {"shop_account_email_confirm", true, false, false, true, account_email_confirm},
    {"shop_account_unlock_request", true, false, false, false, account_unlock_request},
    {"shop_account_unlock", true, false, false, true, account_unlock},
    {"shop_user_register_confirm", true, false, true, true, user_register_confirm},
    {"shop_account_close", true, true, false, true, account_close},
    {"shop_account_session_list", false, true, true, false, account_session_list},
    {"shop_account_session_revoke", true, true, false, true, account_session_revoke},
    {"shop_account_logout_everywhere", true, true, false, true, account_logout_everywhere},
    {"shop_account_set_password", true, true, true, true, account_set_password},
    {"shop_user_set_disabled", true, false, false, false, user_set_disabled},
    {"shop_user_erase", true, false, false, true, user_erase},
    {"shop_verify", false, false, true, false, verify},
    {"shop_cart_clear", true, true, true, false, cart_clear},
    {"shop_product_retire", true, false, false, false, product_retire},
    {"shop_recover", false, false, false, false, recover},
    {"shop_token_refresh", true, false, true, true, token_refresh},
    {"shop_token_issue", true, false, true, false, token_issue},
    {"shop_token_require_scope", false, true, false, false, token_require_scope},
    {"shop_key_list", false, false, true, false, key_list},
    {"shop_key_export_jwks", false, false, true, false, key_export_jwks},
    {"shop_key_rotate", true, false, false, false, key_rotate},
    {"shop_key_rewrap", true, false, false, false, key_rewrap},
    {"shop_key_retire", true, false, false, false, key_retire},
    {"shop_token_revoke", true, true, false, false, token_revoke},
};

const size_t every_call_count = sizeof every_call / sizeof every_call[0];

/* ---- a scene that all of them can be made in ----------------------------------------- */

#define HOUR_MS INT64_C(3600000)

/* An order of another shopper, whose charge the gateway answered in this mood. */
static shop_order_t *other_order(struct scene *scene, int at, enum gateway_mood mood,
                                 int32_t wanted) {
  struct world *world = scene->world;
  shop_order_t *order = NULL;
  char email[40];
  int64_t cart_id;

  snprintf(email, sizeof email, "other%d@example.org", at);
  scene->other_tokens[at] = world_shopper(world, email, "MILK", 1, &cart_id);
  world->gateway.mood = mood;
  ck_status(world, world_buy(world, scene->other_tokens[at], cart_id, NULL, &order), wanted);
  world->gateway.mood = GATEWAY_APPROVES;
  scene->charges++;
  scene->other_orders[at] = order;
  return order;
}

/* The gateway tells of more money for an order than that it took. */
static void contradict(struct world *world, const shop_order_t *order) {
  shop_payment_report_t *report = NULL;

  ck_assert_int_eq(shop_payment_report_new(&report), SHOP_OK);
  ck_assert_int_eq(shop_payment_report_set_event_id(report, "evt_contradiction"), SHOP_OK);
  ck_assert_int_eq(shop_payment_report_set_reference(report, shop_order_gateway_reference(order)),
                   SHOP_OK);
  ck_assert_int_eq(shop_payment_report_set_outcome(report, SHOP_OUTCOME_CAPTURED), SHOP_OK);
  ck_assert_int_eq(shop_payment_report_set_amount(report, 999999, "EUR"), SHOP_OK);
  ck_status(world, shop_payment_report(world->shop, report, NULL, world->err), SHOP_CONTRADICTION);
  shop_payment_report_free(report);
}

/* First the unknown one: the others must not grow old meanwhile. */
static void add_others(struct scene *scene) {
  struct world *world = scene->world;
  struct props *props = &scene->props;

  props->unknown = shop_order_number(other_order(scene, 0, GATEWAY_SILENT, SHOP_UNKNOWN));
  world_pass_ms(world, 48 * HOUR_MS);
  ck_ok(world, shop_recover(world->shop, 10, NULL, world->err));
  scene->attentions = 1;
  gateway_set_operations(world, true); /* a void would have ended it */
  world_reopen(world);
  props->authorized = shop_order_number(other_order(scene, 1, GATEWAY_AUTHORIZES, SHOP_OK));
  props->captured = shop_order_number(other_order(scene, 2, GATEWAY_APPROVES, SHOP_OK));
  props->pending = shop_order_number(other_order(scene, 3, GATEWAY_PENDS, SHOP_PENDING));
  props->pending_token = scene->other_tokens[3];
  props->contradicted = shop_order_number(other_order(scene, 4, GATEWAY_APPROVES, SHOP_OK));
  contradict(world, scene->other_orders[4]);
  scene->attentions++;
  scene->other_tokens[5] =
      world_shopper(world, "second@example.org", "MILK", 1, &props->second_cart_id);
  props->second_token = scene->other_tokens[5];
}

/* The code in the mail that waits for the user; one that was sent is empty. */
static void take_code(struct world *world, const char *recipient, char out[45]) {
  char sql[200], message[20000];
  const char *at;

  snprintf(sql, sizeof sql, "SELECT CAST(message AS TEXT) FROM outbox WHERE recipient = '%s'",
           recipient);
  world_text(world, sql, message, sizeof message);
  at = strstr(message, "Your code:");
  ck_assert_ptr_nonnull(at);
  at += strlen("Your code:");
  at += strspn(at, " \r\n");
  snprintf(out, 45, "%.44s", at);
}

static void add_codes(struct scene *scene) {
  static char codes[5][45]; /* each test has a process of its own */
  struct world *world = scene->world;
  shop_token_t *none = NULL;

  ck_ok(world, shop_account_verify_request(world->shop, scene->account_tokens[0], NULL, world->err));
  ck_ok(world,
        shop_account_reset_request(world->shop, "account1@example.org", NULL, world->err));
  ck_ok(world, shop_account_email_request(world->shop, scene->account_tokens[3], PASSWORD,
                                          "second3@example.org", NULL, world->err));
  ck_status(world, shop_user_register(world->shop, "late@example.org", PASSWORD, NULL, &none,
                                      world->err),
            SHOP_CONFIRM_MAIL);
  ck_ok(world, shop_account_unlock_request(world->shop, "account2@example.org", NULL, world->err));
  take_code(world, "account2@example.org", codes[4]);
  take_code(world, "late@example.org", codes[3]);
  take_code(world, "account0@example.org", codes[0]);
  take_code(world, "account1@example.org", codes[1]);
  take_code(world, "second3@example.org", codes[2]);
  world_vandalise(world, "DELETE FROM outbox WHERE order_id IS NULL");
  scene->props.verify_code = codes[0];
  scene->props.reset_code = codes[1];
  scene->props.email_code = codes[2];
  scene->props.registration_code = codes[3];
  scene->props.unlock_code = codes[4];
}

static void add_accounts(struct scene *scene) {
  struct world *world = scene->world;
  shop_session_page_t *page = NULL;
  shop_token_t *second = NULL;
  char email[40];

  for (int at = 0; at < ACCOUNTS; at++) {
    snprintf(email, sizeof email, "account%d@example.org", at);
    scene->account_tokens[at] = world_register(world, email);
    scene->props.account_tokens[at] = scene->account_tokens[at];
  }
  ck_ok(world,
        shop_user_login(world->shop, "account0@example.org", PASSWORD, NULL, &second, world->err));
  ck_ok(world, shop_account_session_list(world->shop, second, 0, 1, &page, world->err));
  scene->props.session_id = shop_session_page_id(page, 0);
  shop_session_page_free(page);
  shop_token_free(second);
  ck_assert_int_eq(shop_config_set_mail_at_once(world->config, false), SHOP_OK);
  ck_assert_int_eq(shop_config_set_register_by_mail(world->config, true), SHOP_OK);
  world_reopen(world);
  add_codes(scene);
  ck_assert_int_eq(shop_config_set_register_by_mail(world->config, false), SHOP_OK);
  ck_assert_int_eq(shop_config_set_mail_at_once(world->config, true), SHOP_OK);
  world_reopen(world);
}

/* Guests with a cart that is held; and the cart that one will be joined to. */
static void add_guests(struct scene *scene) {
  struct world *world = scene->world;
  int64_t account_cart_id = world_cart(world, scene->account_tokens[0]);

  world_add(world, scene->account_tokens[0], account_cart_id, "TEA", 1);
  for (int at = 0; at < GUESTS; at++) {
    shop_cart_t *cart = NULL;
    int64_t cart_id;

    ck_ok(world, shop_guest_create(world->shop, NULL, &scene->guest_tokens[at], world->err));
    scene->props.guest_tokens[at] = scene->guest_tokens[at];
    cart_id = world_cart(world, scene->guest_tokens[at]);
    world_add(world, scene->guest_tokens[at], cart_id, "MILK", 2);
    ck_ok(world, shop_cart_hold(world->shop, scene->guest_tokens[at], cart_id, 20 * HOUR_MS, NULL,
                                &cart, world->err));
    shop_cart_free(cart);
  }
}

/* Nothing that is not known: so it can be taken again and again. */
static shop_payment_report_t *late_report(const char *reference) {
  shop_payment_report_t *report = NULL;

  ck_assert_int_eq(shop_payment_report_new(&report), SHOP_OK);
  ck_assert_int_eq(shop_payment_report_set_event_id(report, "evt_1"), SHOP_OK);
  ck_assert_int_eq(shop_payment_report_set_reference(report, reference), SHOP_OK);
  ck_assert_int_eq(shop_payment_report_set_outcome(report, SHOP_OUTCOME_PENDING), SHOP_OK);
  return report;
}

static shop_product_batch_t *small_batch(struct world *world) {
  shop_product_batch_t *batch = NULL;

  ck_assert_int_eq(shop_product_batch_new(&batch), SHOP_OK);
  ck_ok(world, shop_product_batch_add(batch, "TEA", "Tea", "green", 999, "EUR", 50, world->err));
  ck_ok(world, shop_product_batch_add(batch, "MUG", "Mug", NULL, 500, "EUR", 5, world->err));
  return batch;
}

/* A second key, which has signed nothing. */
static void add_key(struct world *world, char kid[24]) {
  shop_key_ring_t *ring = NULL;

  ck_ok(world, shop_key_rotate(world->shop, SHOP_TOKEN_ES256, NULL, world->err));
  ck_ok(world, shop_key_list(world->shop, &ring, world->err));
  ck_assert_int_eq(shop_key_ring_count(ring), 2);
  for (int32_t i = 0; i < 2; i++)
    if (shop_key_ring_algorithm(ring, i) == SHOP_TOKEN_ES256)
      snprintf(kid, 24, "%s", shop_key_ring_kid(ring, i));
  shop_key_ring_free(ring);
}

/* A mail that is taken, and one that is dead. */
static void add_mail(struct scene *scene) {
  struct world *world = scene->world;

  world_vandalise(world,
                  "UPDATE outbox SET state = 1, wait_ms = 0, sent_at_ms = NULL"
                  " WHERE recipient = 'ada@example.org'");
  ck_ok(world, shop_mail_take(world->shop, NULL, &scene->mail, world->err));
  ck_assert_ptr_nonnull(scene->mail);
  scene->props.mail = scene->mail;
  world_vandalise(world,
                  "INSERT INTO outbox (id, order_id, kind, state, tries, since_ms, wait_ms,"
                  " lease_id, created_at_ms, recipient, sender, message) SELECT id + 1, order_id,"
                  " 4, 4, 1, since_ms, 0, 0, created_at_ms, recipient, sender, message FROM outbox"
                  " WHERE recipient = 'ada@example.org'");
  scene->props.dead_mail_id = world_number(world, "SELECT id FROM outbox WHERE state = 4");
}

struct scene scene_in(struct world *world) {
  static char backup_path[128]; /* each test has a process of its own */
  struct scene scene = {.world = world, .charges = 1};
  int64_t cart_id;

  ck_assert_int_eq(shop_config_set_gateway_lease_ms(world->config, 10 * HOUR_MS), SHOP_OK);
  ck_assert_int_eq(shop_config_set_cart_hold_max_ms(world->config, 24 * HOUR_MS), SHOP_OK);
  ck_assert_int_eq(shop_config_set_reset_life_ms(world->config, 24 * HOUR_MS), SHOP_OK);
  ck_assert_int_eq(shop_config_set_codes_hourly_max(world->config, 100), SHOP_OK);
  ck_assert_int_eq(shop_config_set_access_life_ms(world->config, 1000 * HOUR_MS), SHOP_OK);
  world_open(world);
  world_put(world, "TEA", 999, "EUR", 50);
  world_put(world, "MILK", 120, "EUR", 50);
  add_others(&scene);
  add_accounts(&scene);
  add_guests(&scene);
  scene.token = world_shopper(world, "ada@example.org", "TEA", 1, &cart_id);
  ck_ok(world, world_buy(world, scene.token, cart_id, NULL, &scene.order));
  add_mail(&scene);
  cart_id = world_cart(world, scene.token);
  world_add(world, scene.token, cart_id, "TEA", 1);
  world_add(world, scene.token, cart_id, "MILK", 1);
  scene.props.token = scene.token;
  scene.props.user_id = shop_token_user_id(scene.token);
  scene.props.cart_id = cart_id;
  scene.props.new_email = "bob@example.org";
  scene.props.email = "ada@example.org";
  scene.props.password = PASSWORD;
  scene.props.sku = "TEA";
  scene.props.second_sku = "MILK";
  scene.props.number = shop_order_number(scene.order);
  scene.props.reference = shop_order_gateway_reference(scene.order);
  scene.report = late_report(scene.props.reference);
  scene.props.report = scene.report;
  scene.batch = small_batch(world);
  scene.props.batch = scene.batch;
  snprintf(backup_path, sizeof backup_path, "%s.copy", world->path);
  scene.props.backup_path = backup_path;
  add_key(world, scene.props.kid);
  ck_ok(world, shop_token_issue(world->shop, scene.props.user_id, "merchant", 0, NULL,
                                &scene.merchant_token, world->err));
  scene.props.merchant_token = scene.merchant_token;
  ck_ok(world, shop_user_login(world->shop, "ada@example.org", PASSWORD, NULL,
                               &scene.second_login, world->err));
  scene.props.refresh_text = shop_token_refresh_text(scene.second_login);
  return scene;
}

void scene_free(struct scene *scene) {
  for (int i = 0; i < 5; i++)
    shop_order_free(scene->other_orders[i]);
  for (int i = 0; i < 6; i++)
    shop_token_free(scene->other_tokens[i]);
  for (int i = 0; i < ACCOUNTS; i++)
    shop_token_free(scene->account_tokens[i]);
  for (int i = 0; i < GUESTS; i++)
    shop_token_free(scene->guest_tokens[i]);
  shop_payment_report_free(scene->report);
  shop_product_batch_free(scene->batch);
  shop_order_free(scene->order);
  shop_mail_free(scene->mail);
  shop_token_free(scene->token);
  shop_token_free(scene->merchant_token);
  shop_token_free(scene->second_login);
  world_free(scene->world);
}
