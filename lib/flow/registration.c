/* Registering by mail: the call that asks does not tell whether the address has an account, and
   the one that confirms makes it. For a taken address the same rows are written as for a free
   one, so that neither what is stored nor what is counted differs; only the mail does.

   Whoever confirms proves two things: that he reads the mailbox (the code), and that it was he who
   registered (the password). By the code alone a stranger could register another's address with a
   password of his own and wait for the owner to click: "pre-hijacking" (Sudhodanan and Paverd,
   Pre-hijacked accounts, USENIX Security 2022). For the same reason every registration stands
   by itself: a later one for the address neither replaces nor ends an earlier one. */
#include <string.h>

#include "flow_account.h"

#define HOUR_MS (INT64_C(60) * 60 * 1000)

/* ---- asking ------------------------------------------------------------------------------- */

struct asking {
  const struct shop__registering *by;
  const shop_t *shop;
  const shop_options_t *options; /* the source; or NULL */
  struct shop__code code;
  bool has_once;
  uint8_t once[SHOP__DIGEST_BYTES];
  char password_hash[SHOP__PASSWORD_HASH_BYTES];
  struct shop__attempt mails; /* asked for from this source */
  struct shop__post post;
  int64_t taken; /* by whom, when the letter was written; 0: nobody */
  char language[SHOP__LANGUAGE_BYTES];
  int64_t guest_id; /* 0: nobody yet */
  bool repeated;    /* this key has registered the address */
  bool changed;     /* taken or freed since the letter was written: ask again */
};

static int32_t find_taken(shop__tx_t *tx, const char *email_key, struct shop__user_row *user,
                          int64_t *taken) {
  bool found = false;
  int32_t status = shop__user_by_key(tx, email_key, user, &found);

  *taken = status == SHOP_OK && found ? user->id : 0;
  return status;
}

/* It is the same for a taken address, whose registrations are stored as well, so it may be said. */
static int32_t refuse_many(shop__tx_t *tx, int64_t wait_ms) {
  int32_t status = shop__codes_too_many(tx);

  shop__error_set_retry(shop__tx_error(tx), wait_ms);
  return status;
}

/* May the address be mailed now? A repetition is mailed no second time. */
static int32_t check_address(shop__tx_t *tx, struct asking *asking) {
  const char *email_key = asking->by->email_key;
  int64_t after_ms = asking->code.now_ms - HOUR_MS, count = 0, first_at_ms = 0;
  int32_t status = SHOP_OK;

  asking->repeated = false;
  if (asking->has_once)
    status = shop__registration_has_once(tx, email_key, asking->once, &asking->repeated);
  if (status == SHOP_OK)
    status = shop__registrations_count(tx, email_key, after_ms, &count, &first_at_ms);
  if (status == SHOP_OK && !asking->repeated && count >= asking->shop->config.codes.hourly_max)
    return refuse_many(tx, first_at_ms - after_ms);
  return status;
}

/* Who asks as a guest must be one now. */
static int32_t check_guest(shop__tx_t *tx, struct asking *asking) {
  struct shop__token_row guest = {.user_id = 0};
  int32_t status = SHOP_OK;

  if (asking->by->guest != NULL)
    status = shop__guest_check(tx, asking->by->guest, asking->code.now_ms, &guest);
  asking->guest_id = guest.user_id;
  return status;
}

static int32_t look_fn(shop__tx_t *tx, void *ctx) {
  struct asking *asking = ctx;
  struct shop__user_row user;
  int32_t status = find_taken(tx, asking->by->email_key, &user, &asking->taken);

  asking->language[0] = '\0';
  if (status == SHOP_OK && asking->taken != 0)
    status = shop__user_copy_language(tx, asking->language, &user);
  else if (status == SHOP_OK && asking->by->language != NULL)
    status = shop__user_copy(tx, asking->language, sizeof asking->language, asking->by->language);
  return status == SHOP_OK ? check_address(tx, asking) : status;
}

static int32_t store(shop__tx_t *tx, struct asking *asking) {
  const struct shop__code *code = &asking->code;
  int32_t status = shop__registration_insert(
      tx,
      &(struct shop__registration_row){.hash = code->hash,
                                       .created_at_ms = code->now_ms,
                                       .expires_at_ms = code->expires_at_ms,
                                       .email = asking->by->email,
                                       .email_key = asking->by->email_key,
                                       .language = asking->by->language,
                                       .password_hash = asking->password_hash,
                                       .guest_id = asking->guest_id,
                                       .once = asking->has_once ? asking->once : NULL},
      code->now_ms - HOUR_MS, asking->shop->config.codes.registrations_max);

  return status == SHOP_OK ? shop__address_mail_queue(tx, asking->shop, asking->taken,
                                                      &asking->post, code->now_ms)
                           : status;
}

static int32_t ask_fn(shop__tx_t *tx, void *ctx) {
  struct asking *asking = ctx;
  struct shop__user_row user;
  int64_t taken = 0;
  int32_t status = find_taken(tx, asking->by->email_key, &user, &taken);

  asking->post.mail_id = 0;
  asking->changed = taken != asking->taken;
  if (status != SHOP_OK || asking->changed)
    return status;
  status = check_guest(tx, asking);
  if (status == SHOP_OK)
    status = check_address(tx, asking);
  if (status == SHOP_OK)
    status = shop__gate_count(tx, asking->by->gate);
  if (status != SHOP_OK || asking->repeated)
    return status;
  status = shop__mail_gate_count(tx, &asking->mails);
  return status == SHOP_OK ? store(tx, asking) : status;
}

static int32_t write_letter(const shop_t *shop, struct asking *asking, shop_error_t *err) {
  struct shop__letter *letter = &asking->post.letter;

  return asking->taken == 0 ? shop__code_letter(shop, &asking->code, 0, asking->by->email,
                                                asking->language, letter, err)
                            : shop__exists_letter(shop, &asking->code, asking->taken,
                                                  asking->by->email, asking->language, letter, err);
}

static int32_t ask_once(shop_t *shop, struct asking *asking, const struct shop__patience *patience,
                        shop_error_t *err) {
  struct shop__db_write_rule rule;
  int32_t status = shop__db_glance(shop->db, look_fn, asking, err);

  if (status == SHOP_OK && !asking->repeated)
    status = shop__mail_gate_check(shop, asking->options, &asking->mails, err);
  if (status == SHOP_OK && asking->password_hash[0] == '\0')
    status = shop__password_hash(shop->hasher, asking->by->password, patience->until_us,
                                 asking->password_hash, err);
  if (status == SHOP_OK)
    status = write_letter(shop, asking, err);
  if (status == SHOP_OK)
    status = shop__patience_rule(patience, &rule, err);
  if (status == SHOP_OK)
    status = shop__db_write(shop->db, ask_fn, asking, &rule, err);
  shop__letter_free(&asking->post.letter);
  return status;
}

int32_t shop__register_by_mail(shop_t *shop, const struct shop__registering *by,
                               const shop_options_t *options, shop_error_t *err) {
  struct shop__patience patience = shop__patience_begin(options);
  struct asking asking = {.by = by, .shop = shop, .options = options, .changed = true};
  const char *key = by->once->key;
  int32_t status = shop__code_mail_check(shop, SHOP_MAIL_REGISTRATION, err);

  asking.has_once = key[0] != '\0';
  shop__keyed_digest(shop->guess_secret, 'k', key, by->email_key, asking.once, sizeof asking.once);
  shop__code_draw(shop, SHOP__CODE_REGISTRATION, shop__now_ms(shop), &asking.code);
  for (int tries = 0; status == SHOP_OK && asking.changed && tries < SHOP__ACCOUNT_TRIES; tries++)
    status = ask_once(shop, &asking, &patience, err);
  if (status == SHOP_OK)
    status = asking.changed ? shop__account_busy(err)
                            : shop__error_set(err, SHOP_CONFIRM_MAIL,
                                              "a mail went to the address: it says how to go on");
  shop__memory_wipe(&asking, sizeof asking);
  return status;
}

/* ---- confirming --------------------------------------------------------------------------- */

struct confirm {
  const shop_t *shop;
  const shop_options_t *options; /* the source; or NULL */
  const char *email_typed;
  const char *code;
  char email_key[SHOP__EMAIL_BYTES]; /* "": not an address, so nobody's */
  uint8_t hash[SHOP__DIGEST_BYTES];
  struct shop__attempt attempt;
  int64_t now_ms;
  const char *label; /* of the token; NULL: none */
  /* what the store knows, copied out */
  bool good; /* there is such a registration, and the address is free */
  char email[SHOP__EMAIL_BYTES];
  char language[SHOP__LANGUAGE_BYTES];
  char password_hash[SHOP__PASSWORD_HASH_BYTES];
  int64_t guest_id; /* who asked, and is a guest still; 0: nobody, so there will be a new user */
  int64_t guest_epoch;
  char subject[SHOP__RANDOM_ID_BYTES]; /* of the guest, or drawn */
  /* what the write stores */
  const shop_token_t *token;
  int64_t user_id;
  struct shop__post welcome;
};

/* One answer for whatever is wrong. */
static int32_t no_registration(shop_error_t *err) {
  return shop__error_set(err, SHOP_ERR_CODE,
                         "the code, the address and the password do not belong together, or the "
                         "code was used or has expired: register again");
}

static int32_t find_registration(shop__tx_t *tx, struct confirm *confirm,
                                 struct shop__registration_row *row) {
  struct shop__user_row user;
  int64_t taken = 0;
  bool found = false;
  int32_t status = shop__registration_get(tx, confirm->hash, row, &found);

  if (status == SHOP_OK && !found)
    *row = (struct shop__registration_row){.ended = true};
  if (status == SHOP_OK)
    status = find_taken(tx, confirm->email_key, &user, &taken);
  confirm->good = status == SHOP_OK && taken == 0 && !row->ended &&
                  row->created_at_ms <= confirm->now_ms && confirm->now_ms < row->expires_at_ms &&
                  strcmp(row->email_key, confirm->email_key) == 0;
  return status;
}

/* The guest of the registration, if it is one still: the cart stays. What has become of a guest
   meanwhile spoils no registration. */
static int32_t find_guest(shop__tx_t *tx, const struct shop__registration_row *row,
                          struct shop__user_row *guest, bool *found) {
  int32_t status = shop__user_by_id(tx, row->guest_id, guest, found);

  if (status == SHOP_OK && *found && (!guest->guest || guest->disabled || guest->closed))
    *found = false;
  return status;
}

static int32_t read_guest(shop__tx_t *tx, struct confirm *confirm,
                          const struct shop__registration_row *row) {
  struct shop__user_row guest;
  bool found = false;
  int32_t status = find_guest(tx, row, &guest, &found);

  confirm->guest_id = 0;
  if (status != SHOP_OK || !found)
    return status;
  confirm->guest_id = guest.id;
  confirm->guest_epoch = guest.epoch;
  return shop__user_copy(tx, confirm->subject, sizeof confirm->subject, guest.subject);
}

/* Passwords tried with the code are counted for the code: who has no code, and goes on guessing at
   the address, keeps nobody from finishing. No code by mail could end such a wait, for there is no
   account yet. */
static void begin_attempt(struct confirm *confirm) {
  const char *account = confirm->email_key[0] == '\0' ? confirm->email_typed : confirm->email_key;

  shop__attempt_begin(confirm->shop, confirm->good ? confirm->code : account, confirm->options,
                      &confirm->attempt);
}

static int32_t read_fn(shop__tx_t *tx, void *ctx) {
  struct confirm *confirm = ctx;
  struct shop__registration_row row;
  int32_t status = find_registration(tx, confirm, &row);

  begin_attempt(confirm);
  if (status == SHOP_OK)
    status = read_guest(tx, confirm, &row);
  if (status == SHOP_OK)
    status = shop__attempt_look(tx, &confirm->attempt, 0);
  if (status != SHOP_OK || !confirm->good)
    return status;
  status = shop__user_copy(tx, confirm->email, sizeof confirm->email, row.email);
  if (status == SHOP_OK)
    status = shop__user_copy(tx, confirm->language, sizeof confirm->language,
                             row.language == NULL ? "" : row.language);
  if (status == SHOP_OK)
    status = shop__user_copy(tx, confirm->password_hash, sizeof confirm->password_hash,
                             row.password_hash);
  return status;
}

static int32_t insert_user(shop__tx_t *tx, struct confirm *confirm,
                           const struct shop__user_row *user) {
  bool inserted = false;
  int32_t status = shop__tx_id(tx, &confirm->user_id);
  struct shop__user_row fresh = *user;

  fresh.id = confirm->user_id;
  if (status == SHOP_OK)
    status = shop__user_insert(tx, &fresh, &inserted);
  return status == SHOP_OK && !inserted ? no_registration(shop__tx_error(tx)) : status;
}

/* Every token of the guest ends by the next epoch, as in guest.h; a logout everywhere between
   the look and this has raised it already. */
static int32_t become_user(shop__tx_t *tx, struct confirm *confirm,
                           const struct shop__registration_row *row,
                           const struct shop__user_row *user) {
  struct shop__user_row guest, become = *user;
  bool found = false;
  int32_t status = find_guest(tx, row, &guest, &found);

  if (status == SHOP_OK && (!found || guest.epoch != confirm->guest_epoch))
    return shop__account_busy(shop__tx_error(tx));
  confirm->user_id = confirm->guest_id;
  become.id = confirm->guest_id;
  if (status == SHOP_OK)
    status = shop__guest_become(tx, &become, confirm->now_ms);
  return status == SHOP_OK
             ? shop__user_note(tx, become.id,
                               &(struct shop__moment){confirm->now_ms, SHOP_ACTOR_SHOPPER},
                               "guest.registered", NULL)
             : status;
}

static int32_t make_user(shop__tx_t *tx, struct confirm *confirm,
                         const struct shop__registration_row *row) {
  const shop_token_t *token = confirm->token;
  const struct shop__user_row user = {
      .subject = token->subject,
      .epoch = token->epoch,
      .email = confirm->email,
      .email_key = confirm->email_key,
      .password_hash = confirm->password_hash,
      .created_at_ms = confirm->now_ms,
      .language = confirm->language[0] == '\0' ? NULL : confirm->language,
  };
  int32_t status = confirm->guest_id == 0 ? insert_user(tx, confirm, &user)
                                          : become_user(tx, confirm, row, &user);

  if (status == SHOP_OK)
    status = shop__user_set_verified(tx, confirm->user_id, confirm->now_ms);
  return status == SHOP_OK ? shop__token_store(tx, token, confirm->user_id, confirm->label)
                           : status;
}

/* The registration is looked at again: of two calls at once, one finds it used. */
static int32_t confirm_fn(shop__tx_t *tx, void *ctx) {
  struct confirm *confirm = ctx;
  struct shop__attempt attempt;
  struct shop__registration_row row;
  int32_t status = find_registration(tx, confirm, &row);

  confirm->welcome.mail_id = 0;
  if (status == SHOP_OK && !confirm->good)
    return no_registration(shop__tx_error(tx));
  if (status == SHOP_OK)
    status = make_user(tx, confirm, &row);
  if (status == SHOP_OK)
    status = shop__registrations_end(tx, confirm->email_key, confirm->user_id);
  /* What was guessed at the address meanwhile. */
  shop__attempt_begin(confirm->shop, confirm->email_key, confirm->options, &attempt);
  attempt.now_ms = confirm->now_ms;
  if (status == SHOP_OK)
    status = shop__attempt_forgive(tx, &attempt, confirm->user_id);
  if (status == SHOP_OK)
    status = shop__user_note(tx, confirm->user_id,
                             &(struct shop__moment){confirm->now_ms, SHOP_ACTOR_SHOPPER},
                             "user.verified", NULL);
  confirm->welcome.letter.user_id = confirm->user_id;
  return status == SHOP_OK ? shop__notice_queue(tx, &confirm->welcome, confirm->now_ms) : status;
}

static int32_t prove(shop_t *shop, struct confirm *confirm, const char *password, int64_t until_us,
                     shop_error_t *err) {
  bool match = false, stale = false;
  int32_t status = shop__db_glance(shop->db, read_fn, confirm, err);

  if (status == SHOP_OK)
    status =
        shop__attempt_prove(shop, &confirm->attempt, confirm->good ? confirm->password_hash : NULL,
                            password, until_us, &match, &stale, err);
  return status == SHOP_OK && (!confirm->good || !match) ? no_registration(err) : status;
}

static int32_t make_account(shop_t *shop, struct confirm *confirm,
                            const struct shop__patience *patience, shop_token_t **out,
                            shop_error_t *err) {
  struct shop__db_write_rule rule;
  struct shop__grant grant = {.subject = confirm->subject, .epoch = 1, .now_ms = confirm->now_ms};
  shop_token_t *token = NULL;
  int32_t status = shop__notice_compose(shop, SHOP_MAIL_WELCOME,
                                        &(struct shop__notice){.recipient = confirm->email,
                                                               .language = confirm->language,
                                                               .now_ms = confirm->now_ms},
                                        &confirm->welcome, err);

  if (confirm->guest_id == 0)
    shop__random_id(confirm->subject);
  else
    grant.epoch = confirm->guest_epoch + 1;
  if (status == SHOP_OK)
    status = shop__patience_rule(patience, &rule, err);
  if (status == SHOP_OK)
    status =
        shop__token_grant(shop, &grant, &confirm->token, confirm_fn, confirm, &rule, &token, err);
  if (status == SHOP_OK) {
    token->user_id = confirm->user_id;
    *out = token;
    shop__post_send(shop, &confirm->welcome, NULL);
  }
  shop__letter_free(&confirm->welcome.letter);
  return status;
}

static int32_t confirm_registration(shop_t *shop, const char *email, const char *password,
                                    const char *code, const shop_options_t *options,
                                    shop_token_t **out, shop_error_t *err) {
  struct shop__patience patience = shop__patience_begin(options);
  struct confirm confirm = {.shop = shop,
                            .options = options,
                            .email_typed = email,
                            .code = code,
                            .label = shop__options_label(options)};
  int32_t status;

  confirm.now_ms = shop__now_ms(shop);
  /* What is no address is nobody's and what is no code is none, at the same cost. */
  if (shop__email_parse(email, confirm.email_key, NULL) != SHOP_OK)
    confirm.email_key[0] = '\0';
  shop__digest_secret(code, strnlen(code, SHOP__CODE_BYTES), confirm.hash);
  status = prove(shop, &confirm, password, patience.until_us, err);
  if (status == SHOP_OK)
    status = make_account(shop, &confirm, &patience, out, err);
  shop__memory_wipe(&confirm, sizeof confirm);
  return status;
}

int32_t shop_user_register_confirm(shop_t *shop, const char *email, const char *password,
                                   const char *code, const shop_options_t *options,
                                   shop_token_t **out, shop_error_t *err) {
  int32_t status;

  if (out != NULL)
    *out = NULL;
  status = shop__enter(shop, err);
  if (status != SHOP_OK)
    return status;
  if (out == NULL || email == NULL || email[0] == '\0' || password == NULL || password[0] == '\0' ||
      code == NULL || code[0] == '\0')
    return shop__leave(shop, shop__missing("out, the address, the password and the code", err));
  status = shop__options_check(options, SHOP__TAKES_LABEL | SHOP__TAKES_SOURCE, err);
  if (status == SHOP_OK)
    status = confirm_registration(shop, email, password, code, options, out, err);
  return shop__leave(shop, status);
}
