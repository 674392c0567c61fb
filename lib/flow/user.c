/* Accounts: login (step 2 of the timeline) and register (step 1), also of guests. Hashing and
   signing happen before the transaction; it only inserts what is finished. */
#include <string.h>

#include "flow_account.h"

static bool is_missing(shop_token_t **out, const char *email, const char *password) {
  return out == NULL || email == NULL || password == NULL || email[0] == '\0' ||
         password[0] == '\0';
}

static int32_t refuse_missing(shop_error_t *err) {
  return shop__error_set(err, SHOP_ERR_ARGUMENT, "out, the address and the password are needed");
}

/* ---- login --------------------------------------------------------------------------- */

struct login {
  const shop_token_t *guest; /* who is joined to the account; NULL: nobody */
  char email_key[SHOP__EMAIL_BYTES]; /* "": not an address, so nobody's */
  struct shop__attempt attempt;
  /* what the store knows, copied out */
  bool found;
  int64_t user_id;
  int64_t epoch;
  char subject[SHOP__RANDOM_ID_BYTES];
  char password_hash[SHOP__PASSWORD_HASH_BYTES];
  /* what the write stores */
  char new_hash[SHOP__PASSWORD_HASH_BYTES]; /* "": the old one stays */
  const shop_token_t *token;
  const char *label; /* of the token; NULL: none */
  int64_t now_ms;
  bool changed; /* the account is not what was read: begin again */
};

static int32_t copy_stored(char *out, size_t size, const char *text, shop__tx_t *tx) {
  if (strlen(text) >= size)
    return shop__error_set(shop__tx_error(tx), SHOP_ERR_CORRUPT, "a stored account is damaged");
  memcpy(out, text, strlen(text) + 1);
  return SHOP_OK;
}

static int32_t find_login_fn(shop__tx_t *tx, void *ctx) {
  struct login *login = ctx;
  struct shop__token_row guest;
  struct shop__user_row row;
  int32_t status = SHOP_OK;

  login->found = false;
  if (login->guest != NULL) /* before the address: it has nothing to say about it */
    status = shop__guest_check(tx, login->guest, shop__now_ms(login->attempt.shop), &guest);
  if (status == SHOP_OK)
    status = shop__user_by_key(tx, login->email_key, &row, &login->found);
  if (status == SHOP_OK)
    status = shop__attempt_look(tx, &login->attempt, login->found ? row.id : 0);
  if (status != SHOP_OK || !login->found)
    return status;
  login->user_id = row.id;
  login->epoch = row.epoch;
  status = copy_stored(login->subject, sizeof login->subject, row.subject, tx);
  if (status == SHOP_OK)
    status = copy_stored(login->password_hash, sizeof login->password_hash, row.password_hash, tx);
  return status;
}

/* The account may have changed while the password was hashed: the proof is
   good only for the hash and the epoch that it was made with. */
static int32_t store_login_fn(shop__tx_t *tx, void *ctx) {
  struct login *login = ctx;
  struct shop__user_row row;
  bool found = false;
  int32_t status = shop__user_by_id(tx, login->user_id, &row, &found);

  if (status != SHOP_OK)
    return status;
  login->changed = !found || row.closed || row.password_hash == NULL ||
                   row.epoch != login->epoch ||
                   strcmp(row.password_hash, login->password_hash) != 0;
  if (login->changed)
    return SHOP_OK;
  if (row.disabled) /* told to who knows the password, and to nobody else */
    return shop__user_is_disabled(tx);
  if (login->new_hash[0] != '\0')
    status = shop__user_set_hash(tx, login->user_id, login->new_hash, login->now_ms);
  if (status == SHOP_OK)
    status = shop__token_store(tx, login->token, login->user_id, login->label);
  if (status == SHOP_OK)
    status = shop__user_note(tx, login->user_id,
                             &(struct shop__moment){login->now_ms, SHOP_ACTOR_SHOPPER},
                             "user.logged_in", login->label);
  if (status == SHOP_OK)
    status = shop__attempt_succeed(tx, &login->attempt);
  if (status == SHOP_OK && login->guest != NULL)
    status = shop__guest_join(tx, login->attempt.shop, login->guest, login->user_id);
  return status;
}

static int32_t refuse_login(shop_error_t *err) {
  return shop__error_set(err, SHOP_ERR_CREDENTIALS, "the address or the password is wrong");
}

/* Reads, proves, and replaces a hash of another cost. */
static int32_t prove(shop_t *shop, struct login *login, const char *password, int64_t until_us,
                     shop_error_t *err) {
  bool match = false, stale = false;
  int32_t status = shop__db_glance(shop->db, find_login_fn, login, err);

  login->new_hash[0] = '\0';
  if (status != SHOP_OK)
    return status;
  status = shop__attempt_prove(shop, &login->attempt, login->found ? login->password_hash : NULL,
                               password, until_us, &match, &stale, err);
  if (status != SHOP_OK)
    return status;
  if (!login->found || !match)
    return refuse_login(err);
  if (stale)
    status = shop__password_hash(shop->hasher, password, until_us, login->new_hash, err);
  return status;
}

static int32_t login_once(shop_t *shop, struct login *login, const char *password,
                          const struct shop__patience *patience, shop_token_t **out,
                          shop_error_t *err) {
  struct shop__db_write_rule rule;
  shop_token_t *token = NULL;
  int32_t status = prove(shop, login, password, patience->until_us, err);

  if (status != SHOP_OK)
    return status;
  login->now_ms = shop__now_ms(shop);
  status = shop__patience_rule(patience, &rule, err);
  if (status == SHOP_OK)
    status = shop__token_grant(shop,
                               &(struct shop__grant){.subject = login->subject,
                                                     .epoch = login->epoch,
                                                     .now_ms = login->now_ms},
                               &login->token, store_login_fn, login, &rule, &token, err);
  if (status == SHOP_OK && !login->changed) {
    token->user_id = login->user_id;
    *out = token;
  } else {
    shop_token_free(token);
  }
  return status;
}

static int32_t log_in(shop_t *shop, const shop_token_t *guest, const char *email,
                      const char *password, const shop_options_t *options, shop_token_t **out,
                      shop_error_t *err) {
  struct shop__patience patience = shop__patience_begin(options);
  struct login login = {
      .guest = guest, .label = shop__options_label(options), .changed = true};
  int32_t status = SHOP_OK;

  /* What is no address is nobody's, at the same cost. */
  if (shop__email_parse(email, login.email_key, NULL) != SHOP_OK)
    login.email_key[0] = '\0';
  shop__attempt_begin(shop, login.email_key[0] == '\0' ? email : login.email_key, options,
                      &login.attempt);
  /* An account that changes at every try is under attack or in use by two
     migrations at once: give up after a few. */
  for (int tries = 0; status == SHOP_OK && login.changed && tries < 4; tries++)
    status = login_once(shop, &login, password, &patience, out, err);
  if (status == SHOP_OK && login.changed)
    status = shop__error_set(err, SHOP_ERR_BUSY, "the account is being changed: try again");
  shop__memory_wipe(&login, sizeof login);
  return status;
}

int32_t shop_user_login(shop_t *shop, const char *email, const char *password,
                        const shop_options_t *options, shop_token_t **out, shop_error_t *err) {
  int32_t status;

  if (out != NULL)
    *out = NULL;
  status = shop__enter(shop, err);
  if (status != SHOP_OK)
    return status;
  if (is_missing(out, email, password))
    return shop__leave(shop, refuse_missing(err));
  status = shop__options_check(options, SHOP__TAKES_LABEL | SHOP__TAKES_SOURCE, err);
  if (status == SHOP_OK)
    status = log_in(shop, NULL, email, password, options, out, err);
  return shop__leave(shop, status);
}

int32_t shop_guest_login(shop_t *shop, const shop_token_t *token, const char *email,
                         const char *password, const shop_options_t *options, shop_token_t **out,
                         shop_error_t *err) {
  int32_t status;

  if (out != NULL)
    *out = NULL;
  status = shop__enter_token(shop, token, err);
  if (status != SHOP_OK)
    return status;
  if (is_missing(out, email, password))
    return shop__leave(shop, refuse_missing(err));
  status = shop__options_check(options, SHOP__TAKES_LABEL | SHOP__TAKES_SOURCE, err);
  if (status == SHOP_OK)
    status = log_in(shop, token, email, password, options, out, err);
  return shop__leave(shop, status);
}

/* ---- register ----------------------------------------------------------------------- */

struct registration {
  const shop_token_t *guest; /* who becomes the user; NULL: a new one */
  char guest_language[SHOP__LANGUAGE_BYTES]; /* "": the shop's */
  const char *email;
  const char *language; /* NULL: the shop's */
  struct shop__once once;
  char email_key[SHOP__EMAIL_BYTES];
  char password_hash[SHOP__PASSWORD_HASH_BYTES];
  const shop_token_t *token;
  const char *label; /* of the token; NULL: none */
  int64_t now_ms;
  int64_t user_id;
  struct shop__attempt gate; /* registrations from this source */
  struct shop__attempt attempt;
  struct shop__post welcome; /* composed where it is wanted */
  bool repeated; /* result: the same registration was made before */
  bool taken;    /* result: the address has an account, and only the try is stored */
};

#define REGISTRATION_TAKES                                                                         \
  (SHOP__TAKES_KEY | SHOP__TAKES_LABEL | SHOP__TAKES_SOURCE | SHOP__TAKES_LANGUAGE)

static int32_t refuse_taken(shop_error_t *err) {
  return shop__error_set(err, SHOP_ERR_EMAIL_TAKEN,
                         "the address has an account already: log in instead");
}

/* The key of a registration belongs to its address: whether this one has made
   the account that is there. */
static int32_t find_registration(shop__tx_t *tx, struct registration *registration) {
  struct shop__user_row user;
  bool found = false;
  int64_t done = 0;
  int32_t status = shop__user_by_key(tx, registration->email_key, &user, &found);

  if (status == SHOP_OK && found)
    status = shop__once_find(tx, &registration->once, user.id, &done);
  registration->repeated = done != 0;
  registration->taken = status == SHOP_OK && done == 0;
  /* With nothing to count, nothing need be committed. */
  if (registration->taken && !registration->gate.has_source)
    status = refuse_taken(shop__tx_error(tx));
  return status;
}

/* What belongs to the row of the user. */
static int32_t store_registration(shop__tx_t *tx, struct registration *registration) {
  int32_t status = shop__token_store(tx, registration->token, registration->user_id,
                                     registration->label);

  if (status == SHOP_OK)
    status = shop__once_store(tx, &registration->once, registration->user_id, registration->user_id,
                              registration->now_ms);
  if (status == SHOP_OK && registration->gate.has_source)
    status = shop__source_trust(tx, &registration->attempt, registration->user_id);
  if (status == SHOP_OK && registration->welcome.letter.kind != 0) {
    registration->welcome.letter.user_id = registration->user_id;
    status = shop__outbox_queue(tx, &registration->welcome, registration->now_ms);
  }
  return status;
}

static int32_t register_fn(shop__tx_t *tx, void *ctx) {
  struct registration *registration = ctx;
  const shop_token_t *token = registration->token;
  bool inserted = false;
  int32_t status = shop__tx_id(tx, &registration->user_id);

  registration->repeated = false;
  registration->taken = false;
  registration->welcome.mail_id = 0;
  if (status == SHOP_OK)
    status = shop__gate_count(tx, &registration->gate);
  if (status != SHOP_OK)
    return status;
  status = shop__user_insert(tx,
                             &(struct shop__user_row){
                                 .id = registration->user_id,
                                 .subject = token->subject,
                                 .epoch = token->epoch,
                                 .email = registration->email,
                                 .email_key = registration->email_key,
                                 .password_hash = registration->password_hash,
                                 .created_at_ms = registration->now_ms,
                                 .language = registration->language,
                             },
                             &inserted);
  if (status == SHOP_OK && !inserted)
    return find_registration(tx, registration);
  return status == SHOP_OK ? store_registration(tx, registration) : status;
}

/* The guest, who must be one now: or the user that this very registration has made of it
   before, which has ended the guest's token. */
static int32_t find_guest(shop__tx_t *tx, struct registration *registration,
                          struct shop__token_row *guest) {
  struct shop__user_row user;
  bool found = false;
  int64_t done = 0;
  int32_t status = shop__user_by_key(tx, registration->email_key, &user, &found);

  if (status == SHOP_OK && found && strcmp(user.subject, registration->guest->subject) == 0)
    status = shop__once_find(tx, &registration->once, user.id, &done);
  registration->repeated = done != 0;
  registration->taken = found;
  if (status == SHOP_OK && !registration->repeated)
    status = shop__guest_check(tx, registration->guest, registration->now_ms, guest);
  return status;
}

static int32_t read_guest_fn(shop__tx_t *tx, void *ctx) {
  struct registration *registration = ctx;
  struct shop__token_row guest = {.language = NULL};
  int32_t status = find_guest(tx, registration, &guest);

  return status == SHOP_OK
             ? shop__user_copy(tx, registration->guest_language, SHOP__LANGUAGE_BYTES,
                               guest.language == NULL ? "" : guest.language)
             : status;
}

static int32_t become_fn(shop__tx_t *tx, void *ctx) {
  struct registration *registration = ctx;
  struct shop__token_row guest;
  int32_t status = find_guest(tx, registration, &guest);

  registration->welcome.mail_id = 0;
  if (status == SHOP_OK && registration->repeated)
    return SHOP_OK;
  if (status == SHOP_OK && registration->taken && !registration->gate.has_source)
    return refuse_taken(shop__tx_error(tx));
  if (status == SHOP_OK)
    status = shop__gate_count(tx, &registration->gate);
  if (status != SHOP_OK || registration->taken)
    return status;
  registration->user_id = guest.user_id;
  status = shop__guest_become(tx,
                              &(struct shop__user_row){.id = guest.user_id,
                                                       .epoch = registration->token->epoch,
                                                       .email = registration->email,
                                                       .email_key = registration->email_key,
                                                       .password_hash = registration->password_hash,
                                                       .language = registration->language},
                              registration->now_ms);
  if (status == SHOP_OK)
    status = shop__user_note(tx, guest.user_id,
                             &(struct shop__moment){registration->now_ms, SHOP_ACTOR_SHOPPER},
                             "guest.registered", NULL);
  return status == SHOP_OK ? store_registration(tx, registration) : status;
}

static int32_t compose_welcome(const shop_t *shop, struct registration *registration,
                               shop_error_t *err) {
  const struct shop__letter_account account = {.kind = SHOP_MAIL_WELCOME,
                                               .recipient = registration->email,
                                               .language = registration->language != NULL
                                                               ? registration->language
                                                               : registration->guest_language};

  if (!shop__mail_wanted(shop, SHOP_MAIL_WELCOME))
    return SHOP_OK;
  shop__post_at_once(shop, &registration->welcome);
  return shop__letter_account(shop, &account, registration->now_ms, &registration->welcome.letter,
                              err);
}

/* Signs and stores. The user of a guest keeps the subject, and the next epoch ends every
   token that the guest had. */
static int32_t grant_registration(shop_t *shop, struct registration *registration,
                                  const struct shop__db_write_rule *rule, shop_token_t **token,
                                  shop_error_t *err) {
  const shop_token_t *guest = registration->guest;
  struct shop__grant grant = {.epoch = 1, .now_ms = registration->now_ms};
  char subject[SHOP__RANDOM_ID_BYTES];

  if (guest == NULL) {
    shop__random_id(subject);
    grant.subject = subject;
  } else {
    grant.subject = guest->subject;
    grant.epoch = guest->epoch + 1;
  }
  return shop__token_grant(shop, &grant, &registration->token,
                           guest == NULL ? register_fn : become_fn, registration, rule, token, err);
}

static int32_t register_user(shop_t *shop, struct registration *registration, const char *password,
                             const shop_options_t *options, shop_token_t **out, shop_error_t *err) {
  struct shop__patience patience = shop__patience_begin(options);
  struct shop__db_write_rule rule;
  shop_token_t *token = NULL;
  int32_t status = shop__password_hash(shop->hasher, password, patience.until_us,
                                       registration->password_hash, err);

  if (status != SHOP_OK)
    return status;
  registration->now_ms = shop__now_ms(shop);
  shop__attempt_begin(shop, registration->email_key, options, &registration->attempt);
  registration->attempt.now_ms = registration->now_ms;
  status = compose_welcome(shop, registration, err);
  if (status == SHOP_OK)
    status = shop__patience_rule(&patience, &rule, err);
  if (status == SHOP_OK)
    status = grant_registration(shop, registration, &rule, &token, err);
  if (status == SHOP_OK && registration->taken)
    status = refuse_taken(err);
  if (status == SHOP_OK && !registration->repeated) {
    token->user_id = registration->user_id;
    *out = token;
    shop__post_send(shop, &registration->welcome, NULL);
  } else {
    shop_token_free(token);
  }
  return status;
}

static int32_t ask_by_mail(shop_t *shop, struct registration *registration, const char *password,
                           const shop_options_t *options, shop_error_t *err) {
  const char *language = registration->language;

  if (language == NULL && registration->guest_language[0] != '\0')
    language = registration->guest_language;
  return shop__register_by_mail(shop,
                                &(struct shop__registering){.email = registration->email,
                                                            .email_key = registration->email_key,
                                                            .password = password,
                                                            .language = language,
                                                            .guest = registration->guest,
                                                            .once = &registration->once,
                                                            .gate = &registration->gate},
                                options, err);
}

/* No JWT is stored: who repeats a registration proves the password again and
   gets a fresh token. A wrong one is told no more than a stranger. */
static int32_t register_again(shop_t *shop, const char *email, const char *password,
                              const shop_options_t *options, shop_token_t **out,
                              shop_error_t *err) {
  int32_t status = log_in(shop, NULL, email, password, options, out, err);

  return status == SHOP_ERR_CREDENTIALS ? refuse_taken(err) : status;
}

/* Who it is first: a guest's token that is over costs no hash and no host a question. */
static int32_t check_registration(shop_t *shop, struct registration *registration,
                                  const char *password, const shop_options_t *options,
                                  shop_error_t *err) {
  struct shop__once_input input = shop__once_input(options);
  int32_t status = shop__options_check(options, REGISTRATION_TAKES, err);

  if (status == SHOP_OK)
    status = shop__email_parse(registration->email, registration->email_key, err);
  if (status == SHOP_OK) {
    shop__once_text(&input, registration->email_key);
    status = shop__once_begin(&registration->once, "register", options, &input, err);
  }
  if (status == SHOP_OK && registration->guest != NULL) {
    registration->now_ms = shop__now_ms(shop);
    status = shop__db_glance(shop->db, read_guest_fn, registration, err);
  }
  if (status == SHOP_OK)
    status = shop__new_password_check(shop, registration->email, password, err);
  return status;
}

static int32_t register_anybody(shop_t *shop, const shop_token_t *guest, const char *email,
                                const char *password, const shop_options_t *options,
                                shop_token_t **out, shop_error_t *err) {
  struct registration registration = {.guest = guest,
                                      .email = email,
                                      .label = shop__options_label(options),
                                      .language = shop__options_language(options)};
  int32_t status = check_registration(shop, &registration, password, options, err);

  if (status == SHOP_OK && !registration.repeated)
    status = shop__gate_check(shop, 'r', options, &registration.gate, err);
  if (status == SHOP_OK && !registration.repeated)
    status = shop->config.codes.register_by_mail
                 ? ask_by_mail(shop, &registration, password, options, err)
                 : register_user(shop, &registration, password, options, out, err);
  if (status == SHOP_OK && registration.repeated)
    status = register_again(shop, email, password, options, out, err);
  shop__letter_free(&registration.welcome.letter);
  shop__memory_wipe(registration.password_hash, sizeof registration.password_hash);
  return status;
}

int32_t shop_user_register(shop_t *shop, const char *email, const char *password,
                           const shop_options_t *options, shop_token_t **out, shop_error_t *err) {
  int32_t status;

  if (out != NULL)
    *out = NULL;
  status = shop__enter(shop, err);
  if (status != SHOP_OK)
    return status;
  if (is_missing(out, email, password))
    return shop__leave(shop, refuse_missing(err));
  return shop__leave(shop,
                     register_anybody(shop, NULL, email, password, options, out, err));
}

int32_t shop_guest_register(shop_t *shop, const shop_token_t *token, const char *email,
                            const char *password, const shop_options_t *options,
                            shop_token_t **out, shop_error_t *err) {
  int32_t status;

  if (out != NULL)
    *out = NULL;
  status = shop__enter_token(shop, token, err);
  if (status != SHOP_OK)
    return status;
  if (is_missing(out, email, password))
    return shop__leave(shop, refuse_missing(err));
  return shop__leave(shop,
                     register_anybody(shop, token, email, password, options, out, err));
}
