/* The session check, step 4.1 of the timeline: one read transaction. */
#include <string.h>

#include "flow_account.h"

struct shop_session {
  int32_t status;
  int64_t user_id;
  int64_t expires_at_ms;
  bool guest;
  shop_cart_t *cart;
  char email[SHOP__EMAIL_BYTES];
};

struct look {
  const shop_token_t *token;
  int64_t now_ms;
  struct shop_session session;
  int64_t last_used_at_ms;
  bool has_cart;
  struct shop__pack cart;
};

static bool is_about_the_token(int32_t status) {
  return status == SHOP_ERR_TOKEN_INVALID || status == SHOP_ERR_TOKEN_EXPIRED ||
         status == SHOP_ERR_TOKEN_REVOKED || status == SHOP_ERR_USER_DISABLED;
}

static int32_t look_fn(shop__tx_t *tx, void *ctx) {
  struct look *look = ctx;
  struct shop__token_row user;
  struct shop__cart_row cart;
  bool found = false;
  int32_t status = shop__token_check(tx, look->token, look->now_ms, &user);

  look->has_cart = false;
  look->session = (struct shop_session){.status = status};
  if (is_about_the_token(status))
    return SHOP_OK;
  if (status != SHOP_OK)
    return status;
  look->session.user_id = user.user_id;
  look->session.expires_at_ms = look->token->expires_at_ms;
  look->last_used_at_ms = user.last_used_at_ms;
  look->session.guest = user.guest;
  if (user.email != NULL)
    (void)strncpy(look->session.email, user.email, sizeof look->session.email - 1);
  status = shop__cart_living(tx, user.user_id, &cart, &found);
  if (status == SHOP_OK && found) {
    look->has_cart = true;
    status = shop__cart_pack(tx, &cart, &look->cart);
  }
  return status;
}

static int32_t give(struct look *look, shop_session_t **out, shop_error_t *err) {
  shop_session_t *session = shop__memory_zalloc(sizeof *session);

  if (session == NULL)
    return shop__no_memory(err);
  *session = look->session;
  session->cart = look->has_cart ? shop__pack_finish(&look->cart) : NULL;
  *out = session;
  return SHOP_OK;
}

static int32_t check_session(shop_t *shop, const shop_token_t *token, shop_session_t **out,
                             shop_error_t *err) {
  struct look look = {.token = token, .now_ms = shop__now_ms(shop)};
  int32_t status = shop__db_glance(shop->db, look_fn, &look, err);

  if (status == SHOP_OK) {
    shop__error_clear(err); /* a token that is no longer good is an answer */
    status = give(&look, out, err);
  }
  if (status == SHOP_OK && look.session.status == SHOP_OK)
    shop__session_touch(shop, token, look.last_used_at_ms, look.now_ms);
  shop__pack_free(&look.cart);
  return status;
}

int32_t shop_session_check(shop_t *shop, const shop_token_t *token, shop_session_t **out,
                           shop_error_t *err) {
  int32_t status;

  if (out != NULL)
    *out = NULL;
  status = shop__enter_token(shop, token, err);
  if (status != SHOP_OK)
    return status;
  if (out == NULL)
    return shop__leave(shop, shop__missing("out", err));
  return shop__leave(shop, check_session(shop, token, out, err));
}

int32_t shop_session_check_jwt(shop_t *shop, const char *jwt, shop_session_t **out,
                               shop_error_t *err) {
  struct look nothing = {.session = {.status = SHOP_ERR_TOKEN_INVALID}};
  shop_token_t *token = NULL;
  int32_t status;

  if (out != NULL)
    *out = NULL;
  status = shop__enter(shop, err);
  if (status != SHOP_OK)
    return status;
  if (out == NULL || jwt == NULL || jwt[0] == '\0')
    return shop__leave(shop, shop__missing("out and jwt", err));
  status = shop__token_parse(shop, jwt, &token, err);
  if (status == SHOP_OK) {
    status = check_session(shop, token, out, err);
  } else if (is_about_the_token(status)) {
    shop__error_clear(err);
    status = give(&nothing, out, err);
  }
  shop_token_free(token);
  return shop__leave(shop, status);
}

/* ---- getters --------------------------------------------------------------------------- */

int32_t shop_session_status(const shop_session_t *session) {
  return session == NULL ? SHOP_ERR_ARGUMENT : session->status;
}

int64_t shop_session_user_id(const shop_session_t *session) {
  return session == NULL ? 0 : session->user_id;
}

const char *shop_session_email(const shop_session_t *session) {
  return session == NULL ? "" : session->email;
}

bool shop_session_is_guest(const shop_session_t *session) {
  return session != NULL && session->guest;
}

int64_t shop_session_expires_at_ms(const shop_session_t *session) {
  return session == NULL ? 0 : session->expires_at_ms;
}

const shop_cart_t *shop_session_cart(const shop_session_t *session) {
  return session == NULL ? NULL : session->cart;
}

void shop_session_free(shop_session_t *session) {
  if (session == NULL)
    return;
  shop_cart_free(session->cart);
  shop__memory_free(session);
}
