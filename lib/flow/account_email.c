/* Another address: the password is asked, a code goes to the new address, and when it
   comes back the old one is told. Who asks is not told whether the new address has an
   account already: its owner is. */
#include <string.h>

#include "flow_account.h"

/* ---- asking ------------------------------------------------------------------------------- */

struct request {
  const shop_t *shop;
  struct shop__owner owner;
  const char *new_email;
  char new_key[SHOP__EMAIL_BYTES];
  struct shop__code code;
  struct shop__attempt gate; /* mails asked for from this source */
  int64_t taken; /* by whom else, when the letter was written; 0: nobody */
  struct shop__post post;
};

static int32_t find_taken(shop__tx_t *tx, const struct request *request, int64_t *taken) {
  struct shop__user_row user;
  bool found = false;
  int32_t status = shop__user_by_key(tx, request->new_key, &user, &found);

  *taken = status == SHOP_OK && found && user.id != request->owner.user_id ? user.id : 0;
  return status;
}

static int32_t look_fn(shop__tx_t *tx, void *ctx) {
  struct request *request = ctx;

  return find_taken(tx, request, &request->taken);
}

/* The same rows are written either way, so that neither the time nor the limit of the
   mails tells; of an address that is taken the code is in no mail. */
static int32_t request_fn(shop__tx_t *tx, void *ctx) {
  struct request *request = ctx;
  struct shop__owner *owner = &request->owner;
  int64_t taken = 0;
  bool too_many = false;
  int32_t status = shop__owner_check(tx, owner);

  request->post.mail_id = 0;
  if (status == SHOP_OK)
    status = find_taken(tx, request, &taken);
  if (status != SHOP_OK)
    return status;
  owner->changed |= taken != request->taken;
  if (owner->changed)
    return SHOP_OK;
  status = shop__mail_gate_count(tx, &request->gate);
  if (status == SHOP_OK)
    status = shop__code_store(tx, request->shop, &request->code, owner->user_id, request->new_email,
                            &too_many);
  if (status == SHOP_OK && too_many)
    return shop__codes_too_many(tx);
  if (status == SHOP_OK)
    status = shop__address_mail_queue(tx, request->shop, request->taken, &request->post,
                                      owner->now_ms);
  return status;
}

static int32_t write_letter(shop_t *shop, struct request *request, shop_error_t *err) {
  struct shop__letter *letter = &request->post.letter;

  return request->taken == 0
             ? shop__code_letter(shop, &request->code, request->owner.user_id, request->new_email,
                                 request->owner.language, letter, err)
             : shop__exists_letter(shop, &request->code, request->taken, request->new_email, NULL,
                                   letter, err);
}

static int32_t request_once(shop_t *shop, struct request *request, const char *password,
                            const struct shop__patience *patience, shop_error_t *err) {
  struct shop__db_write_rule rule;
  int32_t status = shop__owner_prove(shop, &request->owner, password, patience->until_us, err);

  if (status == SHOP_OK)
    status = shop__db_glance(shop->db, look_fn, request, err);
  if (status == SHOP_OK)
    status = write_letter(shop, request, err);
  if (status == SHOP_OK)
    status = shop__patience_rule(patience, &rule, err);
  if (status == SHOP_OK)
    status = shop__db_write(shop->db, request_fn, request, &rule, err);
  shop__letter_free(&request->post.letter);
  return status;
}

static int32_t request_change(shop_t *shop, struct request *request, const char *password,
                              const shop_options_t *options, shop_error_t *err) {
  struct shop__patience patience = shop__patience_begin(options);
  struct shop__owner *owner = &request->owner;
  int32_t status = SHOP_OK;

  owner->now_ms = shop__now_ms(shop);
  owner->changed = true;
  shop__code_draw(shop, SHOP__CODE_EMAIL, owner->now_ms, &request->code);
  for (int tries = 0; status == SHOP_OK && owner->changed && tries < SHOP__ACCOUNT_TRIES; tries++)
    status = request_once(shop, request, password, &patience, err);
  return status == SHOP_OK && owner->changed ? shop__account_busy(err) : status;
}

int32_t shop_account_email_request(shop_t *shop, const shop_token_t *token, const char *password,
                                   const char *new_email, const shop_options_t *options,
                                   shop_error_t *err) {
  struct request request = {
      .shop = shop, .owner = {.token = token, .options = options}, .new_email = new_email};
  int32_t status = shop__enter_token(shop, token, err);

  if (status != SHOP_OK)
    return status;
  if (password == NULL || password[0] == '\0')
    return shop__leave(shop, shop__missing("password", err));
  status = shop__options_check(options, SHOP__TAKES_SOURCE, err);
  if (status == SHOP_OK)
    status = shop__email_parse(new_email, request.new_key, err);
  if (status == SHOP_OK)
    status = shop__code_mail_check(shop, SHOP_MAIL_VERIFY_ADDRESS, err);
  if (status == SHOP_OK)
    status = shop__mail_gate_check(shop, options, &request.gate, err);
  if (status == SHOP_OK)
    status = request_change(shop, &request, password, options, err);
  shop__memory_wipe(&request, sizeof request);
  return shop__leave(shop, status);
}

/* ---- confirming ------------------------------------------------------------------------------ */

struct confirm {
  struct shop__code code;
  int64_t user_id;
  char old_email[SHOP__EMAIL_BYTES];
  char language[SHOP__LANGUAGE_BYTES];
  char new_email[SHOP__EMAIL_BYTES];
  struct shop__post notice; /* to the old address */
};

static int32_t read_change_fn(shop__tx_t *tx, void *ctx) {
  struct confirm *confirm = ctx;
  struct shop__code_row row;
  struct shop__user_row user;
  int32_t status = shop__code_find(tx, &confirm->code, &row, &user);

  if (status != SHOP_OK)
    return status;
  confirm->user_id = user.id;
  status = shop__user_copy(tx, confirm->new_email, sizeof confirm->new_email, row.new_email);
  if (status == SHOP_OK)
    status = shop__user_copy(tx, confirm->old_email, sizeof confirm->old_email, user.email);
  if (status == SHOP_OK)
    status = shop__user_copy_language(tx, confirm->language, &user);
  return status;
}

/* Somebody may have registered with the address meanwhile. */
static int32_t check_free(shop__tx_t *tx, const struct confirm *confirm, const char *key) {
  struct shop__user_row other;
  bool found = false;
  int32_t status = shop__user_by_key(tx, key, &other, &found);

  if (status == SHOP_OK && found && other.id != confirm->user_id)
    status = shop__error_set(shop__tx_error(tx), SHOP_ERR_EMAIL_TAKEN,
                             "the address has an account of its own by now");
  return status;
}

/* A change of the address ends every code, so what was read before is still so while
   the code is good. */
static int32_t confirm_fn(shop__tx_t *tx, void *ctx) {
  struct confirm *confirm = ctx;
  struct shop__code_row row;
  struct shop__user_row user;
  char key[SHOP__EMAIL_BYTES];
  int64_t now_ms = confirm->code.now_ms;
  int32_t status = shop__code_find(tx, &confirm->code, &row, &user);

  confirm->notice.mail_id = 0;
  if (status == SHOP_OK && shop__email_parse(confirm->new_email, key, NULL) != SHOP_OK)
    status = shop__error_set(shop__tx_error(tx), SHOP_ERR_CORRUPT, "a stored code is damaged");
  if (status == SHOP_OK)
    status = check_free(tx, confirm, key);
  if (status == SHOP_OK)
    status = shop__codes_end(tx, confirm->user_id, 0, now_ms);
  if (status == SHOP_OK)
    status = shop__user_set_email(tx, confirm->user_id, confirm->new_email, key, now_ms);
  if (status == SHOP_OK)
    status =
        shop__user_note(tx, confirm->user_id, &(struct shop__moment){now_ms, SHOP_ACTOR_SHOPPER},
                        "user.email_changed", NULL);
  if (status == SHOP_OK)
    status = shop__notice_queue(tx, &confirm->notice, now_ms);
  return status;
}

static int32_t confirm_change(shop_t *shop, struct confirm *confirm,
                              const struct shop__db_write_rule *rule, shop_error_t *err) {
  int32_t status = shop__db_glance(shop->db, read_change_fn, confirm, err);

  if (status == SHOP_OK)
    status = shop__notice_compose(shop, SHOP_MAIL_EMAIL_CHANGED,
                                  &(struct shop__notice){.user_id = confirm->user_id,
                                                         .recipient = confirm->old_email,
                                                         .language = confirm->language,
                                                         .new_email = confirm->new_email,
                                                         .now_ms = confirm->code.now_ms},
                                  &confirm->notice, err);
  if (status == SHOP_OK)
    status = shop__db_write(shop->db, confirm_fn, confirm, rule, err);
  if (status == SHOP_OK)
    shop__post_send(shop, &confirm->notice, NULL);
  shop__letter_free(&confirm->notice.letter);
  return status;
}

int32_t shop_account_email_confirm(shop_t *shop, const char *code_text,
                                   const shop_options_t *options, shop_error_t *err) {
  struct shop__db_write_rule rule = shop__options_rule(options, false);
  struct confirm confirm = {0};
  int32_t status = shop__enter(shop, err);

  if (status != SHOP_OK)
    return status;
  status = shop__options_check(options, SHOP__TAKES_DEADLINE, err);
  if (status == SHOP_OK)
    status = shop__code_check(code_text, SHOP__CODE_EMAIL, shop__now_ms(shop), &confirm.code, err);
  if (status == SHOP_OK)
    status = confirm_change(shop, &confirm, &rule, err);
  return shop__leave(shop, status);
}
