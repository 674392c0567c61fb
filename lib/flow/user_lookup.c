/* Users as the merchant sees them: looked up, disabled, and given metadata. */
#include "flow_account.h"

struct shop_user {
  int64_t id;
  int64_t created_at_ms;
  uint32_t email;
  uint32_t subject;
  uint32_t language;
  uint32_t note;
  uint32_t external_id;
  bool disabled;
  bool verified;
  bool closed;
  bool guest;
};

struct lookup {
  const char *email_key; /* NULL: by id */
  int64_t user_id;
  struct shop__pack pack;
};

static void pack_user(struct shop__pack *pack, const struct shop__user_row *row) {
  struct shop_user user = {
      .id = row->id, .created_at_ms = row->created_at_ms, .disabled = row->disabled,
      .verified = row->verified,
      .closed = row->closed, .guest = row->guest};

  shop__pack_begin(pack, sizeof user);
  user.email = shop__pack_text(pack, row->email);
  user.subject = shop__pack_text(pack, row->subject);
  user.language = shop__pack_text(pack, row->language);
  user.note = shop__pack_text(pack, row->note);
  user.external_id = shop__pack_text(pack, row->external_id);
  if (!pack->failed)
    *(struct shop_user *)(void *)pack->block = user;
}

static int32_t lookup_fn(shop__tx_t *tx, void *ctx) {
  struct lookup *lookup = ctx;
  struct shop__user_row row;
  bool found = false;
  int32_t status = lookup->email_key != NULL
                       ? shop__user_by_key(tx, lookup->email_key, &row, &found)
                       : shop__user_by_id(tx, lookup->user_id, &row, &found);

  if (status == SHOP_OK && !found)
    return shop__error_set(shop__tx_error(tx), SHOP_ERR_NOT_FOUND, "there is no such user");
  if (status == SHOP_OK)
    pack_user(&lookup->pack, &row);
  return status;
}

static int32_t look_up(shop_t *shop, struct lookup *lookup, shop_user_t **out, shop_error_t *err) {
  int32_t status = shop__db_glance(shop->db, lookup_fn, lookup, err);

  if (status == SHOP_OK)
    status = shop__give(&lookup->pack, (void **)out, err);
  shop__pack_free(&lookup->pack);
  return status;
}

int32_t shop_user_find_by_email(shop_t *shop, const char *email, shop_user_t **out,
                                shop_error_t *err) {
  char key[SHOP__EMAIL_BYTES];
  struct lookup lookup = {.email_key = key};
  int32_t status;

  if (out != NULL)
    *out = NULL;
  status = shop__enter(shop, err);
  if (status != SHOP_OK)
    return status;
  if (out == NULL || email == NULL || email[0] == '\0')
    return shop__leave(shop, shop__missing("out and email", err));
  if (shop__email_parse(email, key, NULL) != SHOP_OK)
    status = shop__error_set(err, SHOP_ERR_NOT_FOUND, "there is no such user");
  else
    status = look_up(shop, &lookup, out, err);
  return shop__leave(shop, status);
}

int32_t shop_user_find_by_id(shop_t *shop, int64_t user_id, shop_user_t **out, shop_error_t *err) {
  struct lookup lookup = {.user_id = user_id};
  int32_t status;

  if (out != NULL)
    *out = NULL;
  status = shop__enter(shop, err);
  if (status != SHOP_OK)
    return status;
  if (out == NULL)
    return shop__leave(shop, shop__missing("out", err));
  return shop__leave(shop, look_up(shop, &lookup, out, err));
}

/* ---- metadata ------------------------------------------------------------------------ */

struct metadata {
  int64_t user_id;
  const char *note;
  const char *external_id;
  int64_t now_ms;
};

static int32_t metadata_fn(shop__tx_t *tx, void *ctx) {
  const struct metadata *metadata = ctx;
  bool found = false;
  int32_t status = shop__user_update_metadata(tx, metadata->user_id, metadata->note,
                                              metadata->external_id, metadata->now_ms, &found);

  if (status == SHOP_OK && !found)
    status = shop__error_set(shop__tx_error(tx), SHOP_ERR_NOT_FOUND, "there is no such user");
  return status;
}

int32_t shop_user_set_metadata(shop_t *shop, int64_t user_id, const char *note,
                               const char *external_id, const shop_options_t *options,
                               shop_error_t *err) {
  struct shop__db_write_rule rule = shop__options_rule(options, false);
  struct metadata metadata = {user_id, note, external_id, 0};
  int32_t status = shop__enter(shop, err);

  if (status != SHOP_OK)
    return status;
  status = shop__options_check(options, SHOP__TAKES_DEADLINE, err);
  if (status == SHOP_OK)
    status = shop__metadata_check(note, external_id, err);
  if (status == SHOP_OK) {
    metadata.now_ms = shop__now_ms(shop);
    status = shop__db_write(shop->db, metadata_fn, &metadata, &rule, err);
  }
  return shop__leave(shop, status);
}

/* ---- language ------------------------------------------------------------------------ */

struct language {
  const shop_token_t *token;
  const char *language;
  int64_t now_ms;
};

static int32_t language_fn(shop__tx_t *tx, void *ctx) {
  const struct language *wanted = ctx;
  struct shop__token_row user;
  int32_t status = shop__token_check(tx, wanted->token, wanted->now_ms, &user);

  if (status == SHOP_OK)
    status = shop__user_set_language(tx, user.user_id, wanted->language, wanted->now_ms);
  return status;
}

int32_t shop_user_set_language(shop_t *shop, const shop_token_t *token, const char *language,
                               const shop_options_t *options, shop_error_t *err) {
  struct shop__db_write_rule rule = shop__options_rule(options, false);
  struct language wanted = {.token = token, .language = language};
  int32_t status = shop__enter_token(shop, token, err);

  if (status != SHOP_OK)
    return status;
  status = shop__options_check(options, SHOP__TAKES_DEADLINE, err);
  if (status == SHOP_OK && language != NULL && !shop__language_tag(language))
    status = shop__error_set(err, SHOP_ERR_ARGUMENT,
                             "the language must be a tag of BCP 47, such as \"de\" or \"pt-BR\"");
  if (status == SHOP_OK) {
    wanted.now_ms = shop__now_ms(shop);
    status = shop__db_write(shop->db, language_fn, &wanted, &rule, err);
  }
  return shop__leave(shop, status);
}

/* ---- disabling ----------------------------------------------------------------------- */

struct disabling {
  int64_t user_id;
  bool disabled;
  int64_t now_ms;
};

static int32_t disable_fn(shop__tx_t *tx, void *ctx) {
  const struct disabling *asked = ctx;
  struct shop__user_row user;
  bool found = false;
  int32_t status = shop__user_by_id(tx, asked->user_id, &user, &found);

  if (status == SHOP_OK && !found)
    return shop__error_set(shop__tx_error(tx), SHOP_ERR_NOT_FOUND, "there is no such user");
  if (status != SHOP_OK || user.disabled == asked->disabled)
    return status;
  status = shop__user_set_disabled(tx, asked->user_id, asked->disabled ? asked->now_ms : 0,
                                   asked->now_ms);
  if (status == SHOP_OK && asked->disabled)
    status = shop__user_raise_epoch(tx, asked->user_id, asked->now_ms);
  if (status == SHOP_OK && asked->disabled)
    status = shop__codes_end(tx, asked->user_id, 0, asked->now_ms);
  if (status == SHOP_OK)
    status = shop__user_note(tx, asked->user_id,
                             &(struct shop__moment){asked->now_ms, SHOP_ACTOR_MERCHANT},
                             asked->disabled ? "user.disabled" : "user.enabled", NULL);
  return status;
}

int32_t shop_user_set_disabled(shop_t *shop, int64_t user_id, bool disabled,
                               const shop_options_t *options, shop_error_t *err) {
  struct shop__db_write_rule rule = shop__options_rule(options, false);
  struct disabling asked = {user_id, disabled, 0};
  int32_t status = shop__enter(shop, err);

  if (status != SHOP_OK)
    return status;
  status = shop__options_check(options, SHOP__TAKES_DEADLINE, err);
  if (status == SHOP_OK) {
    asked.now_ms = shop__now_ms(shop);
    status = shop__db_write(shop->db, disable_fn, &asked, &rule, err);
  }
  return shop__leave(shop, status);
}

/* ---- getters --------------------------------------------------------------------------- */

int64_t shop_user_id(const shop_user_t *user) {
  return user == NULL ? 0 : user->id;
}

const char *shop_user_email(const shop_user_t *user) {
  return user == NULL ? "" : shop__pack_text_at(user, user->email);
}

const char *shop_user_language(const shop_user_t *user) {
  return user == NULL ? "" : shop__pack_text_at(user, user->language);
}

const char *shop_user_subject(const shop_user_t *user) {
  return user == NULL ? "" : shop__pack_text_at(user, user->subject);
}

int64_t shop_user_created_at_ms(const shop_user_t *user) {
  return user == NULL ? 0 : user->created_at_ms;
}

bool shop_user_is_disabled(const shop_user_t *user) {
  return user != NULL && user->disabled;
}

bool shop_user_is_verified(const shop_user_t *user) {
  return user != NULL && user->verified;
}

bool shop_user_is_closed(const shop_user_t *user) {
  return user != NULL && user->closed;
}

bool shop_user_is_guest(const shop_user_t *user) {
  return user != NULL && user->guest;
}

const char *shop_user_note(const shop_user_t *user) {
  return user == NULL ? "" : shop__pack_text_at(user, user->note);
}

const char *shop_user_external_id(const shop_user_t *user) {
  return user == NULL ? "" : shop__pack_text_at(user, user->external_id);
}

void shop_user_free(shop_user_t *user) {
  shop__memory_free(user);
}
