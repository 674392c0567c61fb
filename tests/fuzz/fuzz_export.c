/*
 * What shoppers, merchants, gateways and transports may put into the texts of a
 * store: each that a call takes comes out of the export as it went in, and the
 * export is JSON to a strict reader. The bytes 0xFF, which no text can hold,
 * part the input into texts. One user after the other in one store, through
 * the public calls alone.
 *
 * With PRINT_EXPORTS in the environment each export is printed, a line each,
 * for another reader.
 */
#include <shop.h>

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum text {
  EMAIL,
  LABEL,
  SOURCE,
  NOTE,
  EXTERNAL_ID,
  SHIPPING,
  BILLING,
  ADJUSTMENT,
  METHOD,
  ORDER_NOTE,
  ORDER_EXTERNAL_ID,
  REFERENCE,
  REASON,
  CLIENT_DATA,
  EVENT_ID,
  REPORT_REASON,
  KEY,
  PRODUCT_NAME,
  MAIL_REASON,
  TEXTS
};
#define TEXT_MAX 5000
#define USERS_MAX 500 /* then a new store */

static char texts[TEXTS][TEXT_MAX];

static void check(bool holds) {
  if (!holds)
    abort();
}

/* ---- the store ------------------------------------------------------------------------------ */

static shop_t *shop;
static char folder[64];
static int users;

static void remove_store(void) {
  char path[100];

  (void)shop_close(shop);
  shop = NULL;
  if (folder[0] == '\0')
    return;
  for (int i = 0; i < 3; i++) {
    static const char *const tails[] = {"", "-wal", "-shm"};

    (void)snprintf(path, sizeof path, "%s/a.shop%s", folder, tails[i]);
    (void)unlink(path);
  }
  (void)rmdir(folder);
  folder[0] = '\0';
}

/* The first character of the reason says what becomes of the payment. */
static void charge(shop_gateway_call_t *call, void *user) {
  int64_t amount = shop_gateway_call_amount_minor(call);

  (void)user;
  if (texts[REASON][0] < '8')
    (void)shop_gateway_call_set_captured(call, texts[REFERENCE], amount, "EUR");
  else if (texts[REASON][0] < 'H')
    (void)shop_gateway_call_set_action_required(call, texts[REFERENCE], texts[CLIENT_DATA]);
  else
    (void)shop_gateway_call_set_declined(call, texts[REASON]);
}

static void send_mail(shop_mail_call_t *call, void *user) {
  (void)user;
  (void)shop_mail_call_set_later(call, texts[MAIL_REASON]);
}

static void need_store(void) {
  const char *tmp = getenv("TMPDIR");
  shop_config_t *config = NULL;
  char path[100];

  if (shop != NULL && users < USERS_MAX)
    return;
  if (shop != NULL)
    remove_store();
  else
    check(atexit(remove_store) == 0);
  users = 0;
  (void)snprintf(folder, sizeof folder, "%.40s/shop-fuzz-XXXXXX", tmp == NULL ? "/tmp" : tmp);
  check(mkdtemp(folder) != NULL);
  (void)snprintf(path, sizeof path, "%s/a.shop", folder);
  check(shop_config_new(&config) == SHOP_OK);
  check(shop_config_set_password_cost(config, 8, 1) == SHOP_OK);
  check(shop_config_set_durability(config, SHOP_DURABILITY_NORMAL) == SHOP_OK);
  check(shop_config_set_gateway_charge(config, charge, NULL) == SHOP_OK);
  check(shop_config_set_mail_transport(config, send_mail, NULL) == SHOP_OK);
  check(shop_open(path, config, &shop, NULL) == SHOP_OK);
  shop_config_free(config);
}

/* ---- the input ------------------------------------------------------------------------------ */

/* The texts end at a NUL as well, as every text of the contract does. */
static void part_input(const uint8_t *data, size_t size) {
  size_t at = 0, used = 0;

  memset(texts, 0, sizeof texts);
  for (size_t i = 0; i < size && at < TEXTS; i++) {
    if (data[i] == 0xFF) {
      at++;
      used = 0;
    } else if (used + 1 < TEXT_MAX) {
      texts[at][used++] = (char)data[i];
    }
  }
}

/* ---- what went in --------------------------------------------------------------------------- */

/* What has to come out, and where: a path of members, and numbers of elements. */
static struct {
  const char *path;
  const char *text;
} wanted[32];
static size_t wanted_count;

static void want(int32_t status, const char *path, enum text text) {
  if (status == SHOP_OK)
    wanted[wanted_count].path = path, wanted[wanted_count++].text = texts[text];
}

static shop_options_t *new_options(void) {
  shop_options_t *options = NULL;

  check(shop_options_new(&options) == SHOP_OK);
  return options;
}

static shop_token_t *enter(void) {
  shop_options_t *options = new_options();
  shop_token_t *token = NULL;
  char plain[40];
  int32_t status;

  if (shop_options_set_label(options, texts[LABEL]) == SHOP_OK)
    want(SHOP_OK, "sessions.0.label", LABEL);
  (void)shop_options_set_source(options, texts[SOURCE]);
  status = shop_user_register(shop, texts[EMAIL], "correct horse battery", options, &token, NULL);
  want(status, "account.email", EMAIL);
  if (status != SHOP_OK) {
    (void)snprintf(plain, sizeof plain, "user%d@example.org", users);
    (void)shop_options_set_source(options, NULL);
    status = shop_user_register(shop, plain, "correct horse battery", options, &token, NULL);
    if (status != SHOP_OK) /* what was fuzzed is that address */
      status = shop_guest_create(shop, NULL, &token, NULL);
  }
  check(status == SHOP_OK);
  shop_options_free(options);
  return token;
}

static shop_order_t *buy(const shop_token_t *token) {
  shop_purchase_request_t *request = NULL;
  shop_options_t *options = new_options();
  shop_product_t *product = NULL;
  shop_cart_t *cart = NULL, *added = NULL;
  shop_order_t *order = NULL;
  int32_t named = shop_product_put(shop, "TEA", texts[PRODUCT_NAME], NULL, 500, "EUR", 1000000,
                                   NULL, &product, NULL);

  if (named != SHOP_OK)
    check(shop_product_put(shop, "TEA", "Tea", NULL, 500, "EUR", 1000000, NULL, &product, NULL) ==
          SHOP_OK);
  shop_product_free(product);
  check(shop_cart_create(shop, token, NULL, &cart, NULL) == SHOP_OK);
  check(shop_cart_add(shop, token, shop_cart_id(cart), "TEA", 1, NULL, &added, NULL) == SHOP_OK);
  shop_cart_free(added);
  want(named, "carts.0.lines.0.name", PRODUCT_NAME);
  check(shop_purchase_request_new(&request) == SHOP_OK);
  int32_t shipping = shop_purchase_request_set_shipping_address(request, texts[SHIPPING]);
  int32_t billing = shop_purchase_request_set_billing_address(request, texts[BILLING]);
  int32_t adjustment = shop_purchase_request_add_adjustment(request, SHOP_ADJUSTMENT_SHIPPING,
                                                            texts[ADJUSTMENT], 100);
  int32_t method = shop_purchase_request_set_method(request, texts[METHOD]);
  int32_t key = shop_options_set_idempotency_key(options, texts[KEY]);
  if (method != SHOP_OK)
    check(shop_purchase_request_set_method(request, "pm") == SHOP_OK);
  (void)!shop_purchase(shop, token, shop_cart_id(cart), request, options, &order, NULL);
  if (order != NULL) {
    want(named, "orders.0.lines.0.name", PRODUCT_NAME);
    want(shipping, "orders.0.shipping_address", SHIPPING);
    want(billing, "orders.0.billing_address", BILLING);
    want(adjustment, "orders.0.adjustments.0.label", ADJUSTMENT);
    want(method, "orders.0.operations.0.method", METHOD);
    want(key, "requests.0.key", KEY);
  }
  shop_cart_free(cart);
  shop_purchase_request_free(request);
  shop_options_free(options);
  return order;
}

static void report(const shop_order_t *order) {
  shop_payment_report_t *told = NULL;
  shop_order_t *after = NULL;
  int32_t reason, status;

  check(shop_payment_report_new(&told) == SHOP_OK);
  check(shop_payment_report_set_key(told, shop_order_operation_key(order, 0)) == SHOP_OK);
  check(shop_payment_report_set_outcome(told, SHOP_OUTCOME_PENDING) == SHOP_OK);
  reason = shop_payment_report_set_reason(told, texts[REPORT_REASON]);
  if (shop_payment_report_set_event_id(told, texts[EVENT_ID]) == SHOP_OK) {
    status = shop_payment_report(shop, told, &after, NULL);
    /* A second report of one event is none. */
    if (after != NULL && status > -500)
      want(reason, "orders.0.reports.0.reason", REPORT_REASON);
    shop_order_free(after);
  }
  shop_payment_report_free(told);
}

/* ---- what comes out -------------------------------------------------------------------------- */

static const json_t *find(const json_t *root, const char *path) {
  char step[40];

  while (*path != '\0' && root != NULL) {
    size_t length = strcspn(path, ".");

    check(length < sizeof step);
    memcpy(step, path, length);
    step[length] = '\0';
    root = json_is_array(root) ? json_array_get(root, (size_t)atoi(step))
                               : json_object_get(root, step);
    path += length + (path[length] == '.');
  }
  return root;
}

static void check_export(const shop_token_t *token) {
  shop_text_t *text = NULL;
  json_t *root;

  check(shop_account_export(shop, token, &text, NULL) == SHOP_OK);
  check(strlen(shop_text_get(text)) == (size_t)shop_text_size_bytes(text));
  root = json_loads(shop_text_get(text), JSON_REJECT_DUPLICATES, NULL);
  check(root != NULL);
  for (const char *c = shop_text_get(text); *c != '\0'; c++)
    check((unsigned char)*c >= ' ' && *c != 0x7F);
  for (size_t i = 0; i < wanted_count; i++) {
    const json_t *value = find(root, wanted[i].path);

    /* The event of one report is known to all users: theirs has it. */
    if (value == NULL && strstr(wanted[i].path, ".reports.") != NULL)
      continue;
    check(json_is_string(value) && strcmp(json_string_value(value), wanted[i].text) == 0);
  }
  if (getenv("PRINT_EXPORTS") != NULL)
    puts(shop_text_get(text));
  json_decref(root);
  shop_text_free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  shop_token_t *token;
  shop_order_t *order;
  int64_t user_id;
  int32_t status;

  part_input(data, size);
  need_store();
  users++;
  wanted_count = 0;
  token = enter();
  user_id = shop_token_user_id(token);
  status = shop_user_set_metadata(shop, user_id, texts[NOTE], texts[EXTERNAL_ID], NULL, NULL);
  want(status, "account.note", NOTE);
  want(status, "account.external_id", EXTERNAL_ID);
  order = buy(token);
  if (order != NULL) {
    status = shop_order_set_metadata(shop, shop_order_number(order), texts[ORDER_NOTE],
                                     texts[ORDER_EXTERNAL_ID], NULL, NULL);
    want(status, "orders.0.note", ORDER_NOTE);
    want(status, "orders.0.external_id", ORDER_EXTERNAL_ID);
    report(order);
  }
  check_export(token);
  shop_order_free(order);
  shop_token_free(token);
  return 0;
}
