/* Orders as their owner and the merchant find, list and annotate them. */
#include <string.h>

#include "flow.h"

struct shop_order_page {
  int32_t count;
  shop_order_t *orders[];
};

/* One way to look for orders; which of them is set says which. */
struct look {
  const shop_token_t *token; /* NULL: the merchant asks */
  int64_t now_ms;
  const char *number;
  const char *reference;
  const char *email_key;
  int32_t status; /* 0: all */
  bool in_attention;
  int64_t before_id;
  int32_t limit;
  struct shop__pack pack;  /* of one order */
  shop_order_page_t *page; /* of many */
};

/* ---- one order ----------------------------------------------------------------------------- */

int32_t shop__order_number_check(const char *number, shop_error_t *err) {
  if (number == NULL || number[0] == '\0')
    return shop__missing("number", err);
  if (shop__text_check("number", number, 1, SHOP__ORDER_NUMBER_BYTES - 1, SHOP__TEXT_LINE, NULL) !=
      SHOP_OK)
    return shop__error_set(err, SHOP_ERR_NOT_FOUND, "there is no such order");
  return SHOP_OK;
}

static int32_t no_order(shop__tx_t *tx) {
  return shop__error_set(shop__tx_error(tx), SHOP_ERR_NOT_FOUND, "there is no such order");
}

static int32_t find_fn(shop__tx_t *tx, void *ctx) {
  struct look *look = ctx;
  struct shop__token_row user = {0};
  struct shop__order_row row;
  bool found = false;
  int32_t status = SHOP_OK;

  if (look->token != NULL)
    status = shop__token_check(tx, look->token, look->now_ms, &user);
  if (status == SHOP_OK && look->number != NULL)
    status = shop__order_by_number(tx, look->number, &row, &found);
  else if (status == SHOP_OK)
    status = shop__order_by_reference(tx, look->reference, &row, &found);
  if (status == SHOP_OK && (!found || (look->token != NULL && row.user_id != user.user_id)))
    status = no_order(tx);
  if (status == SHOP_OK)
    status = shop__order_pack(tx, &row, &look->pack);
  return status;
}

static int32_t find_order(shop_t *shop, struct look *look, const char *text, size_t max,
                          shop_order_t **out, shop_error_t *err) {
  int32_t status;

  if (out == NULL || text == NULL || text[0] == '\0')
    return shop__missing("out and what to look for", err);
  if (shop__text_check("text", text, 1, max, SHOP__TEXT_LINE, NULL) != SHOP_OK)
    return shop__error_set(err, SHOP_ERR_NOT_FOUND, "there is no such order");
  look->now_ms = shop__now_ms(shop);
  status = shop__db_glance(shop->db, find_fn, look, err);
  if (status == SHOP_OK)
    status = shop__give(&look->pack, (void **)out, err);
  shop__pack_free(&look->pack);
  return status;
}

int32_t shop_order_get(shop_t *shop, const shop_token_t *token, const char *number,
                       shop_order_t **out, shop_error_t *err) {
  struct look look = {.token = token, .number = number};
  int32_t status;

  if (out != NULL)
    *out = NULL;
  status = shop__enter_token(shop, token, err);
  if (status != SHOP_OK)
    return status;
  return shop__leave(shop,
                     find_order(shop, &look, number, SHOP__ORDER_NUMBER_BYTES - 1, out, err));
}

int32_t shop_order_find_by_number(shop_t *shop, const char *number, shop_order_t **out,
                                  shop_error_t *err) {
  struct look look = {.number = number};
  int32_t status;

  if (out != NULL)
    *out = NULL;
  status = shop__enter(shop, err);
  if (status != SHOP_OK)
    return status;
  return shop__leave(shop,
                     find_order(shop, &look, number, SHOP__ORDER_NUMBER_BYTES - 1, out, err));
}

int32_t shop_order_find_by_gateway_reference(shop_t *shop, const char *reference,
                                             shop_order_t **out, shop_error_t *err) {
  struct look look = {.reference = reference};
  int32_t status;

  if (out != NULL)
    *out = NULL;
  status = shop__enter(shop, err);
  if (status != SHOP_OK)
    return status;
  return shop__leave(shop, find_order(shop, &look, reference, SHOP__REFERENCE_MAX, out, err));
}

/* ---- pages ------------------------------------------------------------------------------------ */

static void page_clear(shop_order_page_t *page) {
  for (int32_t i = 0; i < page->count; i++)
    shop_order_free(page->orders[i]);
  page->count = 0;
}

static int32_t begin_page(shop__tx_t *tx, const struct look *look, shop__query_t **q) {
  struct shop__token_row user;
  int32_t status;

  if (look->token != NULL) {
    status = shop__token_check(tx, look->token, look->now_ms, &user);
    if (status != SHOP_OK)
      return status;
    *q = shop__orders_each_of_user(tx, user.user_id, look->before_id, look->limit);
  } else if (look->email_key != NULL) {
    *q = shop__orders_each_of_email(tx, look->email_key, look->before_id, look->limit);
  } else if (look->in_attention) {
    *q = shop__orders_each_in_attention(tx, look->before_id, look->limit);
  } else if (look->status != 0) {
    *q = shop__orders_each_of_status(tx, look->status, look->before_id, look->limit);
  } else {
    *q = shop__orders_each_any(tx, look->before_id, look->limit);
  }
  return SHOP_OK;
}

static int32_t page_fn(shop__tx_t *tx, void *ctx) {
  struct look *look = ctx;
  struct shop__order_row row;
  struct shop__pack pack = {0};
  shop__query_t *q = NULL;
  int32_t status = begin_page(tx, look, &q);

  page_clear(look->page);
  if (status != SHOP_OK)
    return status;
  while ((status = shop__orders_next(q, &row)) == SHOP__ROW) {
    status = shop__order_pack(tx, &row, &pack);
    if (status != SHOP_OK) {
      shop__pack_free(&pack);
      shop__query_reset(q);
      return status;
    }
    look->page->orders[look->page->count++] = shop__pack_finish(&pack);
  }
  return status;
}

static int32_t list_orders(shop_t *shop, struct look *look, int64_t before_id, int32_t limit,
                           shop_order_page_t **out, shop_error_t *err) {
  int32_t status;

  if (out == NULL)
    return shop__missing("out", err);
  status = shop__page_check(before_id, limit, err);
  if (status != SHOP_OK)
    return status;
  look->before_id = before_id == 0 ? INT64_MAX : before_id;
  look->limit = limit;
  look->now_ms = shop__now_ms(shop);
  look->page =
      shop__memory_zalloc(sizeof *look->page + (size_t)limit * sizeof look->page->orders[0]);
  if (look->page == NULL)
    return shop__no_memory(err);
  status = shop__db_read(shop->db, page_fn, look, err);
  if (status == SHOP_OK)
    *out = look->page;
  else
    shop_order_page_free(look->page);
  return status;
}

int32_t shop_order_list(shop_t *shop, const shop_token_t *token, int64_t before_id, int32_t limit,
                        shop_order_page_t **out, shop_error_t *err) {
  struct look look = {.token = token};
  int32_t status;

  if (out != NULL)
    *out = NULL;
  status = shop__enter_token(shop, token, err);
  if (status != SHOP_OK)
    return status;
  return shop__leave(shop, list_orders(shop, &look, before_id, limit, out, err));
}

int32_t shop_order_list_by_status(shop_t *shop, int32_t status, int64_t before_id, int32_t limit,
                                  shop_order_page_t **out, shop_error_t *err) {
  struct look look = {.status = status};
  int32_t entered;

  if (out != NULL)
    *out = NULL;
  entered = shop__enter(shop, err);
  if (entered != SHOP_OK)
    return entered;
  if (status < 0 || status > SHOP_ORDER_CANCELLED)
    return shop__leave(shop, shop__error_set(err, SHOP_ERR_ARGUMENT, "no such order status"));
  return shop__leave(shop, list_orders(shop, &look, before_id, limit, out, err));
}

int32_t shop_order_list_in_attention(shop_t *shop, int64_t before_id, int32_t limit,
                                     shop_order_page_t **out, shop_error_t *err) {
  struct look look = {.in_attention = true};
  int32_t status;

  if (out != NULL)
    *out = NULL;
  status = shop__enter(shop, err);
  if (status != SHOP_OK)
    return status;
  return shop__leave(shop, list_orders(shop, &look, before_id, limit, out, err));
}

int32_t shop_order_list_by_email(shop_t *shop, const char *email, int64_t before_id,
                                 int32_t limit, shop_order_page_t **out, shop_error_t *err) {
  char key[SHOP__EMAIL_BYTES] = "";
  struct look look = {.email_key = key};
  int32_t status;

  if (out != NULL)
    *out = NULL;
  status = shop__enter(shop, err);
  if (status != SHOP_OK)
    return status;
  if (email == NULL || email[0] == '\0')
    return shop__leave(shop, shop__missing("email", err));
  if (shop__email_parse(email, key, NULL) != SHOP_OK)
    key[0] = '\0'; /* nobody's: an empty page */
  return shop__leave(shop, list_orders(shop, &look, before_id, limit, out, err));
}

int32_t shop_order_page_count(const shop_order_page_t *page) {
  return page == NULL ? 0 : page->count;
}

const shop_order_t *shop_order_page_at(const shop_order_page_t *page, int32_t index) {
  return page == NULL || index < 0 || index >= page->count ? NULL : page->orders[index];
}

void shop_order_page_free(shop_order_page_t *page) {
  if (page != NULL)
    page_clear(page);
  shop__memory_free(page);
}

/* ---- metadata ------------------------------------------------------------------------------------ */

struct metadata {
  const char *number;
  const char *note;
  const char *external_id;
  int64_t now_ms;
};

static int32_t metadata_fn(shop__tx_t *tx, void *ctx) {
  const struct metadata *metadata = ctx;
  bool found = false;
  int32_t status = shop__order_update_metadata(tx, metadata->number, metadata->note,
                                               metadata->external_id, metadata->now_ms, &found);

  return status == SHOP_OK && !found ? no_order(tx) : status;
}

int32_t shop_order_set_metadata(shop_t *shop, const char *number, const char *note,
                                const char *external_id, const shop_options_t *options,
                                shop_error_t *err) {
  struct shop__db_write_rule rule = shop__options_rule(options, false);
  struct metadata metadata = {number, note, external_id, 0};
  int32_t status = shop__enter(shop, err);

  if (status != SHOP_OK)
    return status;
  if (number == NULL || number[0] == '\0')
    return shop__leave(shop, shop__missing("number", err));
  status = shop__options_check(options, SHOP__TAKES_DEADLINE, err);
  if (status == SHOP_OK)
    status = shop__metadata_check(note, external_id, err);
  if (status == SHOP_OK)
    status = shop__order_number_check(number, err);
  if (status == SHOP_OK) {
    metadata.now_ms = shop__now_ms(shop);
    status = shop__db_write(shop->db, metadata_fn, &metadata, &rule, err);
  }
  return shop__leave(shop, status);
}
