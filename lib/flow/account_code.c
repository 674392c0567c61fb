/* Codes that are mailed: drawn, written into a letter, stored as a hash, and found
   again once. */
#include <stdio.h>
#include <string.h>

#include "flow_account.h"

#define MINUTE_MS INT64_C(60000)
#define HOUR_MS (60 * MINUTE_MS)
#define DAY_MS (24 * HOUR_MS)

/* ---- settings --------------------------------------------------------------------------- */

void shop__code_defaults(struct shop__code_settings *settings) {
  *settings = (struct shop__code_settings){.verify_life_ms = DAY_MS,
                                           .reset_life_ms = HOUR_MS,
                                           .hourly_max = 5,
                                           .registrations_max = 100000};
}

int32_t shop_config_set_verify_life_ms(shop_config_t *config, int64_t life_ms) {
  if (config == NULL || life_ms < MINUTE_MS || life_ms > 30 * DAY_MS)
    return SHOP_ERR_ARGUMENT;
  config->codes.verify_life_ms = life_ms;
  return SHOP_OK;
}

int32_t shop_config_set_reset_life_ms(shop_config_t *config, int64_t life_ms) {
  if (config == NULL || life_ms < MINUTE_MS || life_ms > DAY_MS)
    return SHOP_ERR_ARGUMENT;
  config->codes.reset_life_ms = life_ms;
  return SHOP_OK;
}

int32_t shop_config_set_codes_hourly_max(shop_config_t *config, int32_t count) {
  if (config == NULL || count < 1 || count > 100)
    return SHOP_ERR_ARGUMENT;
  config->codes.hourly_max = count;
  return SHOP_OK;
}

int32_t shop_config_set_purchase_needs_verified(shop_config_t *config, bool needed) {
  if (config == NULL)
    return SHOP_ERR_ARGUMENT;
  config->codes.purchase_needs_verified = needed;
  return SHOP_OK;
}

int32_t shop_config_set_register_by_mail(shop_config_t *config, bool by_mail) {
  if (config == NULL)
    return SHOP_ERR_ARGUMENT;
  config->codes.register_by_mail = by_mail;
  return SHOP_OK;
}

int32_t shop_config_set_registrations_max(shop_config_t *config, int32_t count) {
  if (config == NULL || count < 100 || count > 10000000)
    return SHOP_ERR_ARGUMENT;
  config->codes.registrations_max = count;
  return SHOP_OK;
}

int32_t shop_config_set_link_base(shop_config_t *config, int32_t link, const char *base) {
  int32_t status = SHOP_OK;

  if (config == NULL || link < SHOP_LINK_VERIFY || link > SHOP_LINK_UNLOCK)
    return SHOP_ERR_ARGUMENT;
  if (base == NULL) {
    config->codes.link_bases[link][0] = '\0';
    return SHOP_OK;
  }
  /* RFC 3986 has no others; a mail reader would cut the link at one. */
  for (const char *at = base; *at != '\0'; at++)
    if (*at <= ' ' || *at > '~' || strchr("\"<>\\^`{|}", *at) != NULL)
      return SHOP_ERR_TEXT;
  status = shop__text_check("base", base, 1, SHOP__LINK_MAX, SHOP__TEXT_LINE, NULL);
  if (status == SHOP_OK)
    memcpy(config->codes.link_bases[link], base, strlen(base) + 1);
  return status;
}

/* ---- drawing and writing ------------------------------------------------------------------ */

/* Two ids of 128 bits: no one is guessed, so the hash needs no salt and no cost. */
void shop__code_draw(const shop_t *shop, int32_t kind, int64_t now_ms, struct shop__code *code) {
  bool opens = kind == SHOP__CODE_RESET || kind == SHOP__CODE_UNLOCK;
  int64_t life_ms =
      opens ? shop->config.codes.reset_life_ms : shop->config.codes.verify_life_ms;

  *code = (struct shop__code){.kind = kind, .now_ms = now_ms, .expires_at_ms = now_ms + life_ms};
  shop__random_id(code->text);
  shop__random_id(code->text + SHOP__RANDOM_ID_BYTES - 1);
  shop__digest_secret(code->text, strlen(code->text), code->hash);
}

int32_t shop__code_mail_kind(int32_t kind) {
  switch ((enum shop__code_kind)kind) {
  case SHOP__CODE_RESET:
    return SHOP_MAIL_PASSWORD_RESET;
  case SHOP__CODE_REGISTRATION:
    return SHOP_MAIL_REGISTRATION;
  case SHOP__CODE_UNLOCK:
    return SHOP_MAIL_UNLOCK;
  case SHOP__CODE_VERIFY:
  case SHOP__CODE_EMAIL:
    break;
  }
  return SHOP_MAIL_VERIFY_ADDRESS;
}

void shop__code_tie(const struct shop__code *code, struct shop__letter *letter) {
  letter->has_code = true;
  memcpy(letter->code_hash, code->hash, sizeof letter->code_hash);
}

int32_t shop__code_letter(const shop_t *shop, const struct shop__code *code, int64_t user_id,
                          const char *recipient, const char *language, struct shop__letter *letter,
                          shop_error_t *err) {
  const char *base = shop->config.codes.link_bases[code->kind];
  char link[SHOP__LINK_MAX + SHOP__CODE_BYTES];
  int32_t status;

  (void)snprintf(link, sizeof link, "%s%s", base, code->text);
  status =
      shop__letter_account(shop,
                           &(struct shop__letter_account){.kind = shop__code_mail_kind(code->kind),
                                                          .user_id = user_id,
                                                          .recipient = recipient,
                                                          .language = language,
                                                          .code = code->text,
                                                          .link = base[0] == '\0' ? NULL : link,
                                                          .expires_at_ms = code->expires_at_ms},
                           code->now_ms, letter, err);
  shop__code_tie(code, letter);
  shop__memory_wipe(link, sizeof link);
  return status;
}

int32_t shop__exists_letter(const shop_t *shop, const struct shop__code *code, int64_t user_id,
                            const char *recipient, const char *language,
                            struct shop__letter *letter, shop_error_t *err) {
  int32_t status = shop__letter_account(shop,
                                        &(struct shop__letter_account){
                                            .kind = SHOP_MAIL_ACCOUNT_EXISTS,
                                            .user_id = user_id,
                                            .recipient = recipient,
                                            .language = language,
                                        },
                                        code->now_ms, letter, err);

  shop__code_tie(code, letter);
  return status;
}

int32_t shop__address_mail_queue(shop__tx_t *tx, const shop_t *shop, int64_t taken,
                                 struct shop__post *post, int64_t now_ms) {
  bool wanted = taken == 0 || shop__mail_wanted(shop, SHOP_MAIL_ACCOUNT_EXISTS);
  int32_t status = shop__outbox_queue(tx, post, now_ms);

  return status == SHOP_OK ? shop__outbox_delete(tx, wanted ? 0 : post->mail_id) : status;
}

int32_t shop__code_mail_check(const shop_t *shop, int32_t mail_kind, shop_error_t *err) {
  if (shop__mail_wanted(shop, mail_kind))
    return SHOP_OK;
  return shop__error_set(err, SHOP_ERR_STATE,
                         "the shop writes no mail of this kind: see shop_config_set_mail_kind");
}

/* ---- notices ------------------------------------------------------------------------------- */

int32_t shop__notice_compose(const shop_t *shop, int32_t mail_kind,
                             const struct shop__notice *notice, struct shop__post *post,
                             shop_error_t *err) {
  if (!shop__mail_wanted(shop, mail_kind))
    return SHOP_OK;
  shop__post_at_once(shop, post);
  return shop__letter_account(shop,
                              &(struct shop__letter_account){.kind = mail_kind,
                                                             .user_id = notice->user_id,
                                                             .recipient = notice->recipient,
                                                             .language = notice->language,
                                                             .new_email = notice->new_email},
                              notice->now_ms, &post->letter, err);
}

int32_t shop__notice_queue(shop__tx_t *tx, struct shop__post *post, int64_t now_ms) {
  post->mail_id = 0;
  return post->letter.kind == 0 ? SHOP_OK : shop__outbox_queue(tx, post, now_ms);
}

/* ---- storing --------------------------------------------------------------------------------- */

int32_t shop__codes_sent(shop__tx_t *tx, int64_t user_id, const struct shop__code *code,
                         int64_t *count) {
  return shop__codes_count(tx, user_id, code->kind, code->now_ms - HOUR_MS, count);
}

int32_t shop__code_store(shop__tx_t *tx, const shop_t *shop, const struct shop__code *code,
                         int64_t user_id, const char *new_email, bool *too_many) {
  int64_t count = 0;
  int32_t status = shop__codes_sent(tx, user_id, code, &count);

  *too_many = count >= shop->config.codes.hourly_max;
  if (status != SHOP_OK || *too_many)
    return status;
  status = shop__codes_end(tx, user_id, code->kind, code->now_ms);
  if (status == SHOP_OK)
    status = shop__code_insert(tx,
                               &(struct shop__code_row){.hash = code->hash,
                                                        .user_id = user_id,
                                                        .kind = code->kind,
                                                        .expires_at_ms = code->expires_at_ms,
                                                        .new_email = new_email},
                               code->now_ms);
  return status;
}

int32_t shop__codes_too_many(shop__tx_t *tx) {
  return shop__error_set(shop__tx_error(tx), SHOP_ERR_THROTTLED,
                         "too many such mails in an hour: try again later");
}

/* ---- finding -----------------------------------------------------------------------------------
 */

static int32_t no_code(shop_error_t *err) {
  return shop__error_set(err, SHOP_ERR_CODE,
                         "the code is wrong, was used or has expired: ask for a new one");
}

int32_t shop__code_check(const char *text, int32_t kind, int64_t now_ms, struct shop__code *code,
                         shop_error_t *err) {
  *code = (struct shop__code){.kind = kind, .now_ms = now_ms};
  if (text == NULL || text[0] == '\0')
    return shop__missing("code", err);
  if (strnlen(text, SHOP__CODE_BYTES) != SHOP__CODE_BYTES - 1)
    return no_code(err);
  shop__digest_secret(text, SHOP__CODE_BYTES - 1, code->hash);
  return SHOP_OK;
}

/* A life is a start and a length: one that has not begun comes from a clock that has
   gone back since, and would be far too long. */
static bool is_alive(const struct shop__code_row *row, int64_t now_ms) {
  return row->created_at_ms <= now_ms && now_ms < row->expires_at_ms;
}

/* What is looked up is a hash, so the time that it takes tells nothing of a code. */
int32_t shop__code_find(shop__tx_t *tx, const struct shop__code *code, struct shop__code_row *row,
                        struct shop__user_row *user) {
  shop_error_t *err = shop__tx_error(tx);
  bool found = false;
  int32_t status = shop__code_get(tx, code->hash, row, &found);

  if (status == SHOP_OK && (!found || row->kind != code->kind || row->used || row->user_id == 0 ||
                            !is_alive(row, code->now_ms)))
    return no_code(err);
  if (status == SHOP_OK)
    status = shop__user_by_id(tx, row->user_id, user, &found);
  if (status == SHOP_OK && (!found || user->disabled || user->closed))
    return no_code(err);
  return status;
}
