/* A forgotten password. Who asks is told nothing: for an address that nobody has, or
   that has had its mails for this hour, the same statements run, and what they wrote
   is deleted in the same commit. */
#include <string.h>

#include "flow_account.h"

/* ---- asking ------------------------------------------------------------------------------- */

struct request {
  const shop_t *shop;
  char email_key[SHOP__EMAIL_BYTES]; /* "": not an address, so nobody's */
  struct shop__code code;
  int64_t user_id; /* 0: nobody's */
  int64_t epoch;
  char email[SHOP__EMAIL_BYTES];
  char language[SHOP__LANGUAGE_BYTES]; /* "": the shop's */
  struct shop__post post;
};

static int32_t look_fn(shop__tx_t *tx, void *ctx) {
  struct request *request = ctx;
  struct shop__user_row user;
  bool found = false;
  int32_t status = shop__user_by_key(tx, request->email_key, &user, &found);

  request->user_id = 0;
  request->language[0] = '\0';
  if (status != SHOP_OK || !found || user.disabled)
    return status;
  request->user_id = user.id;
  request->epoch = user.epoch;
  status = shop__user_copy(tx, request->email, sizeof request->email, user.email);
  return status == SHOP_OK ? shop__user_copy_language(tx, request->language, &user) : status;
}

/* Who the mail was written to is still who has the address. */
static int32_t find_again(shop__tx_t *tx, const struct request *request, bool *real) {
  struct shop__user_row user;
  bool found = false;
  int32_t status = shop__user_by_key(tx, request->email_key, &user, &found);

  *real = status == SHOP_OK && found && user.id == request->user_id && user.epoch == request->epoch;
  return status;
}

static int32_t request_fn(shop__tx_t *tx, void *ctx) {
  struct request *request = ctx;
  const struct shop__code *code = &request->code;
  int64_t count = 0;
  bool real = false;
  int32_t status = find_again(tx, request, &real);

  request->post.mail_id = 0;
  if (status == SHOP_OK)
    status = shop__codes_sent(tx, request->user_id, code, &count);
  if (status != SHOP_OK)
    return status;
  real = real && count < request->shop->config.codes.hourly_max;
  status = shop__codes_end(tx, real ? request->user_id : 0, code->kind, code->now_ms);
  if (status == SHOP_OK)
    status = shop__code_insert(tx,
                               &(struct shop__code_row){.hash = code->hash,
                                                        .user_id = real ? request->user_id : 0,
                                                        .kind = code->kind,
                                                        .expires_at_ms = code->expires_at_ms},
                               code->now_ms);
  if (status == SHOP_OK)
    status = shop__outbox_queue(tx, &request->post, code->now_ms);
  if (status == SHOP_OK)
    status = shop__code_delete_nobodys(tx, code->hash);
  if (status == SHOP_OK)
    status = shop__outbox_delete(tx, real ? 0 : request->post.mail_id);
  return status;
}

/* The letter that will be deleted is written all the same. */
static void write_to_nobody(struct request *request, const char *email) {
  static const char NOBODY[] = "nobody@localhost.localdomain";

  if (request->email_key[0] == '\0')
    memcpy(request->email, NOBODY, sizeof NOBODY);
  else
    memcpy(request->email, email, strlen(email) + 1);
}

static int32_t request_reset(shop_t *shop, struct request *request, const char *email,
                             const struct shop__db_write_rule *rule, shop_error_t *err) {
  int32_t status = shop__db_glance(shop->db, look_fn, request, err);

  if (status == SHOP_OK && request->user_id == 0)
    write_to_nobody(request, email);
  if (status == SHOP_OK)
    status = shop__code_letter(shop, &request->code, request->user_id, request->email,
                               request->language, &request->post.letter, err);
  if (status == SHOP_OK)
    status = shop__db_write(shop->db, request_fn, request, rule, err);
  shop__letter_free(&request->post.letter);
  return status;
}

int32_t shop_account_reset_request(shop_t *shop, const char *email, const shop_options_t *options,
                                   shop_error_t *err) {
  struct shop__db_write_rule rule = shop__options_rule(options, false);
  struct request request = {.shop = shop};
  int32_t status = shop__enter(shop, err);

  if (status != SHOP_OK)
    return status;
  if (email == NULL || email[0] == '\0')
    return shop__leave(shop, shop__missing("email", err));
  status = shop__options_check(options, SHOP__TAKES_DEADLINE, err);
  if (status == SHOP_OK)
    status = shop__code_mail_check(shop, SHOP_MAIL_PASSWORD_RESET, err);
  if (status == SHOP_OK) {
    if (shop__email_parse(email, request.email_key, NULL) != SHOP_OK)
      request.email_key[0] = '\0';
    shop__code_draw(shop, SHOP__CODE_RESET, shop__now_ms(shop), &request.code);
    status = request_reset(shop, &request, email, &rule, err);
  }
  shop__memory_wipe(&request, sizeof request);
  return shop__leave(shop, status);
}

/* ---- the new password ------------------------------------------------------------------------ */

struct reset {
  const shop_t *shop;
  const shop_options_t *options; /* the source; or NULL */
  struct shop__code code;
  struct shop__attempt attempt; /* of the account, from this source */
  int64_t user_id;
  char email[SHOP__EMAIL_BYTES];
  char language[SHOP__LANGUAGE_BYTES];
  char new_hash[SHOP__PASSWORD_HASH_BYTES];
  struct shop__post notice;
};

static int32_t read_reset_fn(shop__tx_t *tx, void *ctx) {
  struct reset *reset = ctx;
  struct shop__code_row row;
  struct shop__user_row user;
  int32_t status = shop__code_find(tx, &reset->code, &row, &user);

  if (status != SHOP_OK)
    return status;
  reset->user_id = user.id;
  shop__attempt_begin(reset->shop, user.email_key == NULL ? "" : user.email_key, reset->options,
                      &reset->attempt);
  reset->attempt.now_ms = reset->code.now_ms;
  status = shop__user_copy(tx, reset->email, sizeof reset->email, user.email);
  return status == SHOP_OK ? shop__user_copy_language(tx, reset->language, &user) : status;
}

/* Whoever has guessed at the old password keeps the owner waiting no longer, and
   whoever knew it is known from nowhere. */
static int32_t clear_the_way(shop__tx_t *tx, const struct reset *reset) {
  int32_t status = shop__sources_forget_others(tx, &reset->attempt, reset->user_id);

  return status == SHOP_OK ? shop__attempt_forgive(tx, &reset->attempt, reset->user_id) : status;
}

/* The code stands for the proof, so it is looked at again here: of two at once, one
   finds it used. It came by mail, so the address is the user's. */
static int32_t reset_fn(shop__tx_t *tx, void *ctx) {
  struct reset *reset = ctx;
  const struct shop__code *code = &reset->code;
  struct shop__code_row row;
  struct shop__user_row user;
  int32_t status = shop__code_find(tx, code, &row, &user);

  reset->notice.mail_id = 0;
  if (status == SHOP_OK)
    status =
        shop__user_set_password(tx, reset->user_id, reset->new_hash, user.epoch + 1, code->now_ms);
  if (status == SHOP_OK)
    status = clear_the_way(tx, reset);
  if (status == SHOP_OK)
    status = shop__codes_end(tx, reset->user_id, 0, code->now_ms);
  if (status == SHOP_OK)
    status = shop__user_set_verified(tx, reset->user_id, code->now_ms);
  if (status == SHOP_OK)
    status = shop__user_note(tx, reset->user_id,
                             &(struct shop__moment){code->now_ms, SHOP_ACTOR_SHOPPER},
                             "user.password_reset", NULL);
  if (status == SHOP_OK)
    status = shop__notice_queue(tx, &reset->notice, code->now_ms);
  return status;
}

static int32_t reset_password(shop_t *shop, struct reset *reset, const char *new_password,
                              const struct shop__patience *patience, shop_error_t *err) {
  struct shop__db_write_rule rule;
  int32_t status = shop__db_glance(shop->db, read_reset_fn, reset, err);

  if (status == SHOP_OK)
    status = shop__new_password_check(shop, reset->email, new_password, err);
  if (status == SHOP_OK)
    status =
        shop__password_hash(shop->hasher, new_password, patience->until_us, reset->new_hash, err);
  if (status == SHOP_OK)
    status = shop__notice_compose(shop, SHOP_MAIL_PASSWORD_CHANGED,
                                  &(struct shop__notice){.user_id = reset->user_id,
                                                         .recipient = reset->email,
                                                         .language = reset->language,
                                                         .now_ms = reset->code.now_ms},
                                  &reset->notice, err);
  if (status == SHOP_OK)
    status = shop__patience_rule(patience, &rule, err);
  if (status == SHOP_OK)
    status = shop__db_write(shop->db, reset_fn, reset, &rule, err);
  if (status == SHOP_OK)
    shop__post_send(shop, &reset->notice, NULL);
  shop__letter_free(&reset->notice.letter);
  return status;
}

int32_t shop_account_reset(shop_t *shop, const char *code_text, const char *new_password,
                           const shop_options_t *options, shop_error_t *err) {
  struct shop__patience patience = shop__patience_begin(options);
  struct reset reset = {.shop = shop, .options = options};
  int32_t status = shop__enter(shop, err);

  if (status != SHOP_OK)
    return status;
  status = shop__options_check(options, SHOP__TAKES_SOURCE, err);
  if (status == SHOP_OK && new_password == NULL)
    status = shop__missing("new_password", err);
  if (status == SHOP_OK)
    status = shop__code_check(code_text, SHOP__CODE_RESET, shop__now_ms(shop), &reset.code, err);
  if (status == SHOP_OK)
    status = reset_password(shop, &reset, new_password, &patience, err);
  shop__memory_wipe(&reset, sizeof reset);
  return shop__leave(shop, status);
}
