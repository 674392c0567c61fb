/* A code for who has nothing but an address: to set a forgotten password anew, to end the waits
   of a login. Who asks is told nothing: for an address that nobody has, or that has had its mails
   for this hour, the same statements run, and what they wrote is deleted in the same commit. */
#include <string.h>

#include "flow_account.h"

struct request {
  const shop_t *shop;
  char email_key[SHOP__EMAIL_BYTES]; /* "": not an address, so nobody's */
  struct shop__code code;
  int64_t user_id; /* 0: nobody's */
  int64_t epoch;
  char email[SHOP__EMAIL_BYTES];
  char language[SHOP__LANGUAGE_BYTES]; /* "": the shop's */
  struct shop__attempt gate;           /* mails asked for from this source */
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
    status = shop__mail_gate_count(tx, &request->gate);
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

static int32_t request_code(shop_t *shop, struct request *request, const char *email,
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

int32_t shop__code_request(shop_t *shop, int32_t kind, const char *email,
                           const shop_options_t *options, shop_error_t *err) {
  struct shop__db_write_rule rule = shop__options_rule(options, false);
  struct request request = {.shop = shop};
  int32_t status = shop__enter(shop, err);

  if (status != SHOP_OK)
    return status;
  if (email == NULL || email[0] == '\0')
    return shop__leave(shop, shop__missing("email", err));
  status = shop__options_check(options, SHOP__TAKES_SOURCE, err);
  if (status == SHOP_OK)
    status = shop__code_mail_check(shop, shop__code_mail_kind(kind), err);
  if (status == SHOP_OK)
    status = shop__mail_gate_check(shop, options, &request.gate, err);
  if (status == SHOP_OK) {
    if (shop__email_parse(email, request.email_key, NULL) != SHOP_OK)
      request.email_key[0] = '\0';
    shop__code_draw(shop, kind, shop__now_ms(shop), &request.code);
    status = request_code(shop, &request, email, &rule, err);
  }
  shop__memory_wipe(&request, sizeof request);
  return shop__leave(shop, status);
}
