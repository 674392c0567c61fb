/* All that is held about a user, as JSON: one snapshot of the store, written row by row into the
   text that the caller gets, so that no second copy of it is ever held. What there is to tell, and
   what it is called, stands in lib/rows/export.c. */
#include <string.h>

#include "flow.h"

#define FORMAT "libshop-export/1"

/* ---- words for numbers -------------------------------------------------------------------- */

struct words {
  const char *const *list; /* by number, from 1; NULL: none */
  int64_t count;
};

#define WORDS(list)                                                                                \
  { list, sizeof(list) / sizeof(list)[0] }

static const char *const actors[] = {NULL, "shopper", "merchant", "gateway", "system"};
static const char *const adjustment_kinds[] = {NULL, "discount", "shipping", "tax", "tax_included"};
static const char *const cart_states[] = {NULL, "open", "completing", "completed", "expired"};
static const char *const code_kinds[] = {NULL,          "verify_address", "password_reset",
                                         "new_address", "registration",   "unlock"};
static const char *const mail_states[] = {NULL, "queued", "leased", "sent", "dead", "forgotten"};
static const char *const operation_kinds[] = {NULL, "charge", "capture", "void", "refund"};
static const char *const operation_states[] = {NULL, "sent", "done", "refused", "unknown"};
static const char *const order_states[] = {NULL, "pending", "placed", "failed", "cancelled"};
static const char *const outcomes[] = {NULL,         "captured",        "declined", "pending",
                                       "authorized", "action_required", "voided",   "refunded"};
static const char *const payment_states[] = {
    NULL,       "sent",       "pending",         "unknown", "captured",
    "declined", "authorized", "action_required", "voided"};
static const char *const piece_states[] = {NULL, "held", "taken", "released"};
static const char *const refresh_states[] = {NULL, "good", "used", "ended"};

/* The words of a type that has some. */
static struct words words_of(int32_t type) {
  static const struct words by_type[] = {
      [SHOP__EXPORT_ACTOR] = WORDS(actors),
      [SHOP__EXPORT_ADJUSTMENT_KIND] = WORDS(adjustment_kinds),
      [SHOP__EXPORT_CART_STATE] = WORDS(cart_states),
      [SHOP__EXPORT_CODE_KIND] = WORDS(code_kinds),
      [SHOP__EXPORT_MAIL_STATE] = WORDS(mail_states),
      [SHOP__EXPORT_OPERATION_KIND] = WORDS(operation_kinds),
      [SHOP__EXPORT_OPERATION_STATE] = WORDS(operation_states),
      [SHOP__EXPORT_ORDER_STATUS] = WORDS(order_states),
      [SHOP__EXPORT_OUTCOME] = WORDS(outcomes),
      [SHOP__EXPORT_PAYMENT_STATUS] = WORDS(payment_states),
      [SHOP__EXPORT_PIECES_STATE] = WORDS(piece_states),
      [SHOP__EXPORT_REFRESH_STATE] = WORDS(refresh_states),
  };

  return by_type[type];
}

static void write_text(struct shop__json *json, const char *name, const char *text) {
  shop__json_text(json, name, text, strlen(text));
}

/* A number without a word can only stand in a store that was damaged, or is newer. */
static void write_word(struct shop__json *json, const char *name, int32_t type, int64_t number) {
  struct words words = words_of(type);
  const char *word = number > 0 && number < words.count ? words.list[number] : NULL;

  write_text(json, name, word == NULL ? "other" : word);
}

static void write_attention(struct shop__json *json, const char *name, int64_t reasons) {
  shop__json_open(json, name, '[');
  if ((reasons & SHOP__ATTENTION_MISMATCH) != 0)
    write_text(json, NULL, "mismatch");
  if ((reasons & SHOP__ATTENTION_LATE) != 0)
    write_text(json, NULL, "late");
  if ((reasons & SHOP__ATTENTION_CONTRADICTION) != 0)
    write_text(json, NULL, "contradiction");
  shop__json_close(json, ']');
}

/* ---- rows ------------------------------------------------------------------------------------ */

/* The text of a mail, unless it was thrown away or holds a code, which is for who reads the
   mailbox and not for who holds a token. */
static void write_mail(struct shop__json *json, const char *name, shop__query_t *q, int32_t column,
                       int64_t kind) {
  size_t size = 0;
  const char *message = shop__query_get_blob(q, column, &size);

  if (size == 0 || shop__mail_kind_has_code((int32_t)kind))
    shop__json_null(json, name);
  else
    shop__json_text(json, name, message, size);
}

static void write_kind(struct shop__json *json, const char *name, int64_t kind) {
  const char *word = shop__mail_kind_name((int32_t)kind);

  write_text(json, name, word == NULL ? "other" : word);
}

static void write_columns(struct shop__json *json, const struct shop__export_part *part,
                          shop__query_t *q) {
  int64_t mail_kind = 0;

  for (size_t i = 0; i < part->column_count; i++) {
    const struct shop__export_column *column = &part->columns[i];
    int32_t at = (int32_t)i;
    int64_t number = shop__query_get_int(q, at);

    if (column->name == NULL)
      continue;
    if (shop__query_is_null(q, at))
      shop__json_null(json, column->name);
    else if (column->type == SHOP__EXPORT_NUMBER)
      shop__json_int(json, column->name, number);
    else if (column->type == SHOP__EXPORT_TEXT)
      write_text(json, column->name, shop__query_get_text(q, at));
    else if (column->type == SHOP__EXPORT_FLAG)
      shop__json_bool(json, column->name, number != 0);
    else if (column->type == SHOP__EXPORT_ATTENTION)
      write_attention(json, column->name, number);
    else if (column->type == SHOP__EXPORT_MAIL_KIND)
      write_kind(json, column->name, mail_kind = number);
    else if (column->type == SHOP__EXPORT_MAIL_TEXT)
      write_mail(json, column->name, q, at, mail_kind);
    else
      write_word(json, column->name, column->type, number);
  }
}

static int32_t write_part(shop__tx_t *tx, struct shop__json *json,
                          const struct shop__export_part *part, int64_t key);

static int32_t write_row(shop__tx_t *tx, struct shop__json *json, const char *name,
                         const struct shop__export_part *part, shop__query_t *q) {
  int64_t key = shop__query_get_int(q, 0);
  int32_t status = SHOP_OK;

  shop__json_open(json, name, '{');
  write_columns(json, part, q);
  for (size_t i = 0; status == SHOP_OK && i < part->part_count; i++)
    status = write_part(tx, json, &part->parts[i], key);
  shop__json_close(json, '}');
  return json->bytes->failed ? shop__no_memory(shop__tx_error(tx)) : status;
}

/* A part and all below it. A statement is stepped while those of other parts are, so no part may
   stand below itself. */
static int32_t write_part(shop__tx_t *tx, struct shop__json *json,
                          const struct shop__export_part *part, int64_t key) {
  shop__query_t *q = shop__export_each(tx, part, key);
  bool any = false;
  int32_t status;

  if (!part->single)
    shop__json_open(json, part->name, '[');
  while ((status = shop__query_step(q)) == SHOP__ROW) {
    any = true;
    status = write_row(tx, json, part->single ? part->name : NULL, part, q);
    if (status != SHOP_OK) {
      shop__query_reset(q);
      return status;
    }
  }
  if (!part->single)
    shop__json_close(json, ']');
  else if (!any)
    shop__json_null(json, part->name);
  return status;
}

/* ---- the whole ----------------------------------------------------------------------------------
 */

struct export_job {
  const shop_t *shop;
  const shop_token_t *token; /* NULL: the merchant asks, by id */
  int64_t user_id;
  int64_t now_ms;
  struct shop__bytes bytes; /* result */
};

/* Wrong passwords are counted under a hash of the address, which leads there but not back. */
static int32_t write_guesses(shop__tx_t *tx, struct shop__json *json, const struct export_job *job,
                             const struct shop__user_row *user) {
  struct shop__attempt attempt;
  struct shop__guess_row row = {0};
  int32_t status = SHOP_OK;

  if (user->email_key != NULL) {
    shop__attempt_begin(job->shop, user->email_key, NULL, &attempt);
    status = shop__guess_get(tx, attempt.account.key, &row);
  }
  if (row.failures == 0) {
    shop__json_null(json, "failed_logins");
    return status;
  }
  shop__json_open(json, "failed_logins", '{');
  shop__json_int(json, "count", row.failures);
  shop__json_int(json, "last_at_ms", row.at_ms);
  shop__json_close(json, '}');
  return status;
}

static int32_t write_user(shop__tx_t *tx, struct export_job *job,
                          const struct shop__user_row *user) {
  struct shop__json json = {.bytes = &job->bytes};
  size_t count = 0;
  const struct shop__export_part *parts = shop__export_parts(&count);
  int32_t status;

  shop__bytes_free(&job->bytes); /* of an earlier run */
  shop__json_open(&json, NULL, '{');
  write_text(&json, "format", FORMAT);
  shop__json_int(&json, "exported_at_ms", job->now_ms);
  write_text(&json, "shop", job->shop->config.name);
  status = write_guesses(tx, &json, job, user);
  for (size_t i = 0; status == SHOP_OK && i < count; i++)
    status = write_part(tx, &json, &parts[i], job->user_id);
  shop__json_close(&json, '}');
  return status;
}

static int32_t export_fn(shop__tx_t *tx, void *ctx) {
  struct export_job *job = ctx;
  struct shop__token_row token;
  struct shop__user_row user;
  bool found = false;
  int32_t status = SHOP_OK;

  if (job->token != NULL) {
    status = shop__token_check(tx, job->token, job->now_ms, &token);
    if (status == SHOP_OK)
      job->user_id = token.user_id;
  }
  if (status == SHOP_OK)
    status = shop__user_by_id(tx, job->user_id, &user, &found);
  if (status == SHOP_OK && !found)
    status = shop__error_set(shop__tx_error(tx), SHOP_ERR_NOT_FOUND, "there is no such user");
  return status == SHOP_OK ? write_user(tx, job, &user) : status;
}

static int32_t give(struct export_job *job, shop_t *shop, shop_text_t **out, shop_error_t *err) {
  int32_t status;

  if (out == NULL)
    return shop__missing("out", err);
  job->shop = shop;
  job->now_ms = shop__now_ms(shop);
  status = shop__db_read(shop->db, export_fn, job, err);
  if (status == SHOP_OK)
    return shop__text_give(&job->bytes, out, err);
  shop__memory_wipe(job->bytes.data, job->bytes.used);
  shop__bytes_free(&job->bytes);
  return status;
}

int32_t shop_user_export(shop_t *shop, int64_t user_id, shop_text_t **out, shop_error_t *err) {
  struct export_job job = {.user_id = user_id};
  int32_t status;

  if (out != NULL)
    *out = NULL;
  status = shop__enter(shop, err);
  return status == SHOP_OK ? shop__leave(shop, give(&job, shop, out, err)) : status;
}

int32_t shop_account_export(shop_t *shop, const shop_token_t *token, shop_text_t **out,
                            shop_error_t *err) {
  struct export_job job = {.token = token};
  int32_t status;

  if (out != NULL)
    *out = NULL;
  status = shop__enter_token(shop, token, err);
  return status == SHOP_OK ? shop__leave(shop, give(&job, shop, out, err)) : status;
}
