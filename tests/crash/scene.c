/* The scene of a crash: scene.h says what for. */
#define _DEFAULT_SOURCE /* MAP_ANONYMOUS, mkdtemp */

#include "scene.h"

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define HOUR_MS INT64_C(3600000)
#define MINUTE_MS INT64_C(60000)
#define PASSWORD "correct horse battery"
#define TEA 2 /* pieces of it in the cart, and of milk */
#define MILK 1
#define STOCK 50
#define TOTAL (TEA * 999 + MILK * 120 + 500)
#define PART 300

#define PLACED SHOP_ORDER_PLACED
#define FAILED SHOP_ORDER_FAILED
#define CANCELLED SHOP_ORDER_CANCELLED

const struct story stories[] = {
    {"approved", BANK_TAKES, FOLLOW_NOTHING, false, false, PLACED, SHOP_PAYMENT_CAPTURED, TOTAL, 0},
    {"approved, asked by query", BANK_TAKES, FOLLOW_NOTHING, true, false, PLACED,
     SHOP_PAYMENT_CAPTURED, TOTAL, 0},
    {"declined", BANK_DECLINES, FOLLOW_NOTHING, false, false, FAILED, SHOP_PAYMENT_DECLINED, 0, 0},
    {"declined, asked by query", BANK_DECLINES, FOLLOW_NOTHING, true, false, FAILED,
     SHOP_PAYMENT_DECLINED, 0, 0},
    {"pending, then taken", BANK_TAKES_LATER, FOLLOW_NOTHING, true, false, PLACED,
     SHOP_PAYMENT_CAPTURED, TOTAL, 0},
    {"pending, then declined", BANK_DECLINES_LATER, FOLLOW_NOTHING, true, false, FAILED,
     SHOP_PAYMENT_DECLINED, 0, 0},
    {"action required, resumed", BANK_ASKS_SHOPPER, FOLLOW_RESUME, true, false, PLACED,
     SHOP_PAYMENT_CAPTURED, TOTAL, 0},
    {"action required, abandoned", BANK_ASKS_IN_VAIN, FOLLOW_ABANDON, true, false, FAILED,
     SHOP_PAYMENT_VOIDED, 0, 0},
    {"authorized, captured", BANK_AUTHORIZES, FOLLOW_CAPTURE, false, false, PLACED,
     SHOP_PAYMENT_CAPTURED, TOTAL, 0},
    {"authorized, captured, by query", BANK_AUTHORIZES, FOLLOW_CAPTURE, true, false, PLACED,
     SHOP_PAYMENT_CAPTURED, TOTAL, 0},
    {"authorized, cancelled", BANK_AUTHORIZES, FOLLOW_CANCEL, false, false, CANCELLED,
     SHOP_PAYMENT_VOIDED, 0, 0},
    {"approved, refunded in part", BANK_TAKES, FOLLOW_REFUND, false, false, PLACED,
     SHOP_PAYMENT_CAPTURED, TOTAL, PART},
    {"approved, refunded in part, by query", BANK_TAKES, FOLLOW_REFUND, true, false, PLACED,
     SHOP_PAYMENT_CAPTURED, TOTAL, PART},
    {"authorized, cancelled, by query", BANK_AUTHORIZES, FOLLOW_CANCEL, true, false, CANCELLED,
     SHOP_PAYMENT_VOIDED, 0, 0},
    {"approved, cancelled", BANK_TAKES, FOLLOW_CANCEL, false, false, CANCELLED,
     SHOP_PAYMENT_CAPTURED, TOTAL, TOTAL},
    {"costs nothing", BANK_TAKES, FOLLOW_NOTHING, false, true, PLACED, SHOP_PAYMENT_NONE, 0, 0},
    {"held, approved", BANK_TAKES, FOLLOW_NOTHING_HELD, false, false, PLACED, SHOP_PAYMENT_CAPTURED,
     TOTAL, 0},
    {"held, declined, released", BANK_DECLINES, FOLLOW_NOTHING_HELD, false, false, FAILED,
     SHOP_PAYMENT_DECLINED, 0, 0},
};
const int story_count = (int)(sizeof stories / sizeof stories[0]);

void scene_complain(struct scene *scene, const char *format, ...) {
  va_list args;

  fprintf(stderr, "%s: ", scene->where == NULL ? "scene" : scene->where);
  va_start(args, format);
  vfprintf(stderr, format, args);
  va_end(args);
  fprintf(stderr, "\n");
  scene->complaints++;
}

#define WANT(scene, condition, ...)                                                                \
  do {                                                                                             \
    if (!(condition))                                                                              \
      scene_complain(scene, __VA_ARGS__);                                                          \
  } while (0)

static void need(bool good, const char *what) {
  if (!good) {
    perror(what);
    abort();
  }
}

/* ---- callbacks, with points ---------------------------------------------------------------- */

static void ask_bank(shop_gateway_call_t *call, void *user, bool query) {
  struct scene *scene = user;
  int first =
      query ? POINT_BEFORE_QUERY : POINT_BEFORE_CHARGE + 3 * (shop_gateway_call_kind(call) - 1);
  struct bank_line line;

  crash_point((enum point)first);
  if (scene->on_asked != NULL)
    scene->on_asked(scene);
  line = bank_ask(&scene->bank, call, query);
  crash_point((enum point)(first + 1));
  bank_hear(line, call);
  crash_point((enum point)(first + 2));
}

static void on_ask(shop_gateway_call_t *call, void *user) {
  ask_bank(call, user, false);
}

static void on_query(shop_gateway_call_t *call, void *user) {
  ask_bank(call, user, true);
}

static void on_mail(shop_mail_call_t *call, void *user) {
  struct scene *scene = user;
  struct shared *shared = scene->shared;

  crash_point(POINT_BEFORE_MAIL);
  need(shared->mail_count < 64, "mails");
  shared->mail_kinds[shared->mail_count] = shop_mail_call_kind(call);
  snprintf(shared->mails[shared->mail_count], sizeof shared->mails[0], "%s",
           shop_mail_call_order_number(call));
  shared->mail_count++;
  crash_point(POINT_AFTER_MAIL);
  (void)shop_mail_call_set_delivered(call);
}

static int64_t on_clock(void *user) {
  return ((struct scene *)user)->now_ms;
}

static shop_config_t *config_of(struct scene *scene, bool has_query) {
  shop_config_t *config = NULL;
  bool good =
      shop_config_new(&config) == SHOP_OK &&
      shop_config_set_password_cost(config, 8, 1) == SHOP_OK &&
      shop_config_set_clock(config, on_clock, scene) == SHOP_OK &&
      shop_config_set_gateway_charge(config, on_ask, scene) == SHOP_OK &&
      shop_config_set_gateway_capture(config, on_ask, scene) == SHOP_OK &&
      shop_config_set_gateway_void(config, scene->has_no_void ? NULL : on_ask, scene) == SHOP_OK &&
      shop_config_set_gateway_refund(config, on_ask, scene) == SHOP_OK &&
      shop_config_set_mail_transport(config, on_mail, scene) == SHOP_OK &&
      shop_config_set_durability(config, scene->normal ? SHOP_DURABILITY_NORMAL
                                                       : SHOP_DURABILITY_FULL) == SHOP_OK &&
      shop_config_set_busy_timeout_ms(config, scene->busy_ms) == SHOP_OK;

  if (good && has_query)
    good = shop_config_set_gateway_query(config, on_query, scene) == SHOP_OK;
  need(good, "config");
  return config;
}

shop_t *scene_open(struct scene *scene, bool has_query) {
  shop_config_t *config = config_of(scene, has_query);
  shop_error_t *err = NULL;
  shop_t *shop = NULL;
  int32_t status;

  need(shop_error_new(&err) == SHOP_OK, "error");
  status = shop_open(scene->path, config, &shop, err);
  if (status != SHOP_OK)
    scene_complain(scene, "does not open: %s: %s", shop_status_name(status),
                   shop_error_message(err));
  shop_error_free(err);
  shop_config_free(config);
  return shop;
}

/* ---- calls ------------------------------------------------------------------------------------
 */

static void tell(struct scene *scene, enum told what, int32_t status, int64_t id,
                 const char *number) {
  struct shared *shared = scene->shared;
  struct telling *telling = &shared->told[shared->told_count];

  need(shared->told_count < 32, "tellings");
  *telling = (struct telling){.what = (int32_t)what, .status = status, .id = id};
  snprintf(telling->number, sizeof telling->number, "%s", number);
  shared->told_count++;
}

static shop_options_t *with_key(const char *key) {
  shop_options_t *options = NULL;

  need(shop_options_new(&options) == SHOP_OK &&
           shop_options_set_idempotency_key(options, key) == SHOP_OK,
       "options");
  return options;
}

static int32_t buy(struct scene *scene, shop_t *shop, const struct story *story, const char *key,
                   char number[20]) {
  shop_purchase_request_t *request = NULL;
  shop_options_t *options = with_key(key);
  shop_order_t *order = NULL;
  shop_token_t *token = NULL;
  int32_t status = shop_token_verify(shop, scene->jwt, &token, NULL);

  need(shop_purchase_request_new(&request) == SHOP_OK &&
           shop_purchase_request_set_method(request, "pm_card_visa") == SHOP_OK &&
           (story->is_free ? shop_purchase_request_add_adjustment(request, SHOP_ADJUSTMENT_DISCOUNT,
                                                                  "gift", 500 - TOTAL)
                           : shop_purchase_request_add_adjustment(request, SHOP_ADJUSTMENT_SHIPPING,
                                                                  "post", 500)) == SHOP_OK,
       "request");
  if (status == SHOP_OK)
    status = shop_purchase(shop, token, scene->cart_id, request, options, &order, NULL);
  snprintf(number, 20, "%s", shop_order_number(order));
  tell(scene, TOLD_PURCHASE, status, 0, number);
  shop_order_free(order);
  shop_token_free(token);
  shop_options_free(options);
  shop_purchase_request_free(request);
  return status;
}

int32_t scene_buy(struct scene *scene, shop_t *shop, const struct story *story, const char *key) {
  char number[20];

  return buy(scene, shop, story, key, number);
}

static int32_t refund(shop_t *shop, const char *number, const shop_options_t *options) {
  shop_refund_request_t *request = NULL;
  int32_t status;

  need(shop_refund_request_new(&request) == SHOP_OK &&
           shop_refund_request_set_amount(request, PART, "EUR") == SHOP_OK &&
           shop_refund_request_add_return(request, "TEA", 1) == SHOP_OK,
       "refund");
  status = shop_order_refund(shop, number, request, options, NULL, NULL);
  shop_refund_request_free(request);
  return status;
}

static int32_t follow_up(struct scene *scene, shop_t *shop, const struct story *story,
                         const char *number, const char *key) {
  shop_options_t *options = with_key(key);
  shop_token_t *token = NULL;
  shop_order_t *order = NULL;
  enum told what = TOLD_PURCHASE;
  int32_t status = shop_token_verify(shop, scene->jwt, &token, NULL);

  if (status != SHOP_OK) {
    shop_options_free(options);
    return status;
  }
  switch (story->follow) {
  case FOLLOW_NOTHING:
  case FOLLOW_NOTHING_HELD:
    break;
  case FOLLOW_CAPTURE:
    what = TOLD_CAPTURE;
    status = shop_order_capture(shop, number, 0, options, NULL, NULL);
    break;
  case FOLLOW_REFUND:
    what = TOLD_REFUND;
    status = refund(shop, number, options);
    break;
  case FOLLOW_CANCEL:
    what = TOLD_CANCEL;
    status = shop_order_cancel(shop, number, options, NULL, NULL);
    break;
  case FOLLOW_RESUME:
    status = shop_purchase_resume(shop, token, number, NULL, &order, NULL);
    break;
  case FOLLOW_ABANDON:
    what = TOLD_ABANDON;
    status = shop_purchase_abandon(shop, token, number, NULL, &order, NULL);
    break;
  }
  tell(scene, what, status, 0, number);
  shop_order_free(order);
  shop_token_free(token);
  shop_options_free(options);
  return status;
}

static bool is_open_end(int32_t status) {
  return status == SHOP_PENDING || status == SHOP_UNKNOWN || status == SHOP_IN_PROGRESS;
}

/* Where a disk fails, a call may say so, and is made again. */
static bool is_fault(int32_t status) {
  return status <= -500;
}

void scene_recover(struct scene *scene, shop_t *shop) {
  shop_error_t *err = NULL;
  int32_t status;

  need(shop_error_new(&err) == SHOP_OK, "error");
  scene->now_ms += HOUR_MS;
  status = shop_recover(shop, 100, NULL, err);
  WANT(scene, status == SHOP_OK || (scene->suffers && is_fault(status)), "recover: %s: %s",
       shop_status_name(status), shop_error_message(err));
  status = shop_mail_deliver(shop, 100, NULL, err);
  WANT(scene, status == SHOP_OK || (scene->suffers && is_fault(status)), "deliver: %s: %s",
       shop_status_name(status), shop_error_message(err));
  shop_error_free(err);
}

/* ---- the story
 * ----------------------------------------------------------------------------------- */

/* Sets the cart's pieces aside, or gives them back. A cart that was bought, or is
   being bought, is past both. */
static void hold(struct scene *scene, shop_t *shop, bool holds) {
  shop_options_t *options = with_key(holds ? "hold" : "release");
  shop_token_t *token = NULL;
  shop_cart_t *cart = NULL;
  int32_t status = shop_token_verify(shop, scene->jwt, &token, NULL);

  if (status == SHOP_OK)
    status = holds ? shop_cart_hold(shop, token, scene->cart_id, MINUTE_MS, options, &cart, NULL)
                   : shop_cart_release(shop, token, scene->cart_id, options, &cart, NULL);
  tell(scene, holds ? TOLD_HOLD : TOLD_RELEASE, status, shop_cart_held_until_ms(cart), "");
  WANT(scene,
       status == SHOP_OK || status == SHOP_ERR_CART_COMPLETED || (scene->suffers && status <= -500),
       "the hold ends with %s", shop_status_name(status));
  shop_cart_free(cart);
  shop_token_free(token);
  shop_options_free(options);
}

/* What the first of several calls may not be sure of, recovery makes sure of. */
static int32_t buy_to_the_end(struct scene *scene, shop_t *shop, const struct story *story,
                              const char *key, char number[20]) {
  int32_t status = buy(scene, shop, story, key, number);

  for (int rounds = 0; rounds < 3 && (is_open_end(status) || is_fault(status)); rounds++) {
    scene_recover(scene, shop);
    status = buy(scene, shop, story, key, number);
  }
  return status;
}

static int32_t follow_to_the_end(struct scene *scene, shop_t *shop, const struct story *story,
                                 const char *number, const char *key) {
  int32_t status = follow_up(scene, shop, story, number, key);

  for (int rounds = 0; rounds < 3 && (is_open_end(status) || is_fault(status)); rounds++) {
    scene_recover(scene, shop);
    status = follow_up(scene, shop, story, number, key);
  }
  return status;
}

/* The newcomer: what only FULL promises to keep. */
static void begin_with_newcomer(struct scene *scene, shop_t *shop) {
  shop_token_t *token = NULL;
  shop_cart_t *cart = NULL;
  int32_t status = shop_user_register(shop, "bob@example.org", PASSWORD, NULL, &token, NULL);

  tell(scene, TOLD_NEWCOMER, status, 0, "");
  if (status == SHOP_OK)
    status = shop_cart_create(shop, token, NULL, &cart, NULL);
  if (status == SHOP_OK)
    tell(scene, TOLD_CART, status, shop_token_user_id(token), "");
  shop_cart_free(cart);
  shop_token_free(token);
}

/* Told again, the story may find that the bank was asked to void a charge that
   never reached it, or that a person has looked after a capture or refund that
   never did: then it is declined, and a new try has a new key. */
static void play(struct scene *scene, shop_t *shop, const struct story *story, bool again) {
  bool ends_bad = story->order_status == FAILED;
  char number[20];
  int32_t status;

  if (scene->has_newcomer && !again)
    begin_with_newcomer(scene, shop);
  if (story->follow == FOLLOW_NOTHING_HELD)
    hold(scene, shop, true);
  status = buy_to_the_end(scene, shop, story, "buy", number);
  if (again && story->has_query && status == SHOP_DECLINED && !ends_bad)
    status = buy_to_the_end(scene, shop, story, "buy anew", number);
  if (status == SHOP_ACTION_REQUIRED ||
      (status == SHOP_OK && story->follow != FOLLOW_RESUME && story->follow > FOLLOW_NOTHING_HELD))
    status = follow_to_the_end(scene, shop, story, number, "follow");
  if (again && scene->person_looked && status == SHOP_DECLINED)
    status = follow_to_the_end(scene, shop, story, number, "follow anew");
  if (story->follow == FOLLOW_NOTHING_HELD && status == SHOP_DECLINED)
    hold(scene, shop, false);
  if (story->follow == FOLLOW_ABANDON && again && status == SHOP_DECLINED)
    status = SHOP_OK; /* it was abandoned before */
  WANT(scene,
       status == (ends_bad && story->follow != FOLLOW_ABANDON ? SHOP_DECLINED : SHOP_OK) ||
           (scene->suffers && !again),
       "%s ends with %s", again ? "told again it" : "the story", shop_status_name(status));
}

void scene_play(struct scene *scene, shop_t *shop, const struct story *story) {
  int32_t first = shop_maintain(shop, NULL, NULL), mail, last;

  play(scene, shop, story, false);
  mail = shop_mail_deliver(shop, 100, NULL, NULL);
  last = shop_maintain(shop, NULL, NULL);
  WANT(scene, scene->suffers || (first == SHOP_OK && mail == SHOP_OK && last == SHOP_OK),
       "maintain: %s, mail: %s, maintain: %s", shop_status_name(first), shop_status_name(mail),
       shop_status_name(last));
}

/* In the process that may die. */
static void perform(struct scene *scene, const struct story *story) {
  shop_t *shop = scene_open(scene, story->has_query);

  if (shop == NULL && scene->suffers) { /* and opens at the second try */
    scene->complaints = 0;
    shop = scene_open(scene, story->has_query);
  }
  if (shop == NULL)
    return;
  if (scene->on_opened != NULL)
    scene->on_opened(scene);
  scene_play(scene, shop, story);
  if (scene->complaints == 0 && scene->suffers)
    crash_now(); /* before the end writes all of it once more */
  WANT(scene, shop_close(shop) == SHOP_OK, "the end failed");
}

bool scene_tell(struct scene *scene, const struct story *story, const struct crash_plan *plan) {
  int result = 0;
  pid_t pid;

  fflush(NULL);
  pid = fork();
  need(pid >= 0, "fork");
  if (pid == 0) {
    crash_vfs_begin(plan);
    perform(scene, story);
    if (plan->power != POWER_STAYS && scene->complaints == 0)
      crash_now();
    _exit(scene->complaints == 0 ? 0 : 1);
  }
  need(waitpid(pid, &result, 0) == pid, "waitpid");
  bank_settle(&scene->bank);
  if (WIFSIGNALED(result) && WTERMSIG(result) == SIGKILL)
    return true;
  WANT(scene, WIFEXITED(result) && WEXITSTATUS(result) == 0, "the process ended with %d", result);
  return false;
}

/* ---- counting
 * -------------------------------------------------------------------------------------- */

struct tally {
  int32_t orders;
  int64_t tea, milk;           /* of orders that are placed */
  int64_t held_tea, held_milk; /* of orders that are pending */
  int32_t known_charges;       /* of the bank's */
};

static bool is_cut_off(const shop_order_t *order) {
  bool cut = shop_order_status(order) == SHOP_ORDER_PENDING;

  for (int32_t i = 0; i < shop_order_operation_count(order); i++)
    cut |= shop_order_operation_state(order, i) == SHOP_OPERATION_SENT;
  return cut;
}

static int32_t mails_of(const struct scene *scene, const char *number, int32_t kind) {
  int32_t count = 0;

  for (int32_t i = 0; i < scene->shared->mail_count; i++)
    count += scene->shared->mail_kinds[i] == kind && strcmp(scene->shared->mails[i], number) == 0;
  return count;
}

/* Each mail that is due went out; a second copy may have, of a deliverer that died. */
static void count_mails(struct scene *scene, const shop_order_t *order) {
  int32_t status = shop_order_status(order), refunds = 0;
  const struct {
    int32_t kind, least, most;
  } wanted[] = {
      {SHOP_MAIL_CONFIRMATION, shop_order_placed_at_ms(order) != 0,
       shop_order_placed_at_ms(order) != 0 ? 2 : 0},
      {SHOP_MAIL_PAYMENT_FAILED, 0, status == FAILED ? 2 : 0}, /* not where the call told it */
      {SHOP_MAIL_ORDER_CANCELLED, status == CANCELLED, status == CANCELLED ? 2 : 0},
  };

  for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++) {
    int32_t mails = mails_of(scene, shop_order_number(order), wanted[i].kind);

    WANT(scene, mails >= wanted[i].least && mails <= wanted[i].most,
         "%s, order %d: %d mails of kind %d", shop_order_number(order), (int)status, (int)mails,
         (int)wanted[i].kind);
  }
  for (int32_t i = 0; i < shop_order_operation_count(order); i++)
    refunds += shop_order_operation_kind(order, i) == SHOP_OPERATION_REFUND &&
               shop_order_operation_state(order, i) == SHOP_OPERATION_DONE;
  WANT(scene,
       mails_of(scene, shop_order_number(order), SHOP_MAIL_REFUND) >= refunds &&
           mails_of(scene, shop_order_number(order), SHOP_MAIL_REFUND) <= 2 * refunds,
       "%s: %d refunds, %d mails of them", shop_order_number(order), (int)refunds,
       (int)mails_of(scene, shop_order_number(order), SHOP_MAIL_REFUND));
}

static void count_charge(struct scene *scene, const shop_order_t *order, const char *key,
                         struct tally *tally) {
  const char *number = shop_order_number(order);
  int64_t held = 0, taken = bank_taken(&scene->bank, key, &held);
  int32_t status = shop_order_status(order), payment = shop_order_payment_status(order);
  bool captured = payment == SHOP_PAYMENT_CAPTURED, authorized = payment == SHOP_PAYMENT_AUTHORIZED;

  for (int32_t i = 0; i < scene->bank.books->count; i++)
    tally->known_charges += strcmp(scene->bank.books->entries[i].key, key) == 0;
  WANT(scene, bank_charges(&scene->bank, key) <= 1, "%s was charged twice", number);
  WANT(scene, taken == shop_order_captured_minor(order) - shop_order_refunded_minor(order),
       "%s: the bank has %lld, the order says %lld - %lld", number, (long long)taken,
       (long long)shop_order_captured_minor(order), (long long)shop_order_refunded_minor(order));
  WANT(scene, held == (authorized ? shop_order_total_minor(order) : 0),
       "%s: the bank holds %lld, the payment is %d", number, (long long)held, (int)payment);
  WANT(scene, (status == PLACED) == ((captured || authorized) && status != CANCELLED),
       "%s: order %d with payment %d", number, (int)status, (int)payment);
  WANT(scene, status == PLACED || (taken == 0 && held == 0), "%s is paid and not placed", number);
  if (status == PLACED && captured)
    WANT(scene, shop_order_captured_minor(order) == shop_order_total_minor(order),
         "%s was not paid in full", number);
}

static void count_order(struct scene *scene, const struct story *story, const shop_order_t *order,
                        struct tally *tally) {
  const char *number = shop_order_number(order);
  int32_t status = shop_order_status(order);
  int64_t tea = 0, milk = 0;

  tally->orders++;
  for (int32_t i = 0; i < shop_order_line_count(order); i++)
    *(strcmp(shop_order_line_sku(order, i), "TEA") == 0 ? &tea : &milk) +=
        shop_order_line_quantity(order, i);
  if (shop_order_refunded_minor(order) > 0 && story->follow == FOLLOW_REFUND)
    tea--;
  tally->tea += status == PLACED ? tea : 0;
  tally->milk += status == PLACED ? milk : 0;
  tally->held_tea += status == SHOP_ORDER_PENDING ? tea : 0;
  tally->held_milk += status == SHOP_ORDER_PENDING ? milk : 0;
  for (int32_t i = 0; i < shop_order_operation_count(order); i++)
    if (shop_order_operation_kind(order, i) == SHOP_OPERATION_CHARGE)
      count_charge(scene, order, shop_order_operation_key(order, i), tally);
  WANT(scene,
       !is_cut_off(order) || shop_order_payment_status(order) == SHOP_PAYMENT_ACTION_REQUIRED,
       "%s is left open: order %d, payment %d", number, (int)status,
       (int)shop_order_payment_status(order));
  count_mails(scene, order);
}

static shop_order_page_t *all_orders(struct scene *scene, shop_t *shop) {
  shop_order_page_t *page = NULL;
  int32_t status = shop_order_list_by_status(shop, 0, 0, 100, &page, NULL);

  WANT(scene, status == SHOP_OK, "list: %s", shop_status_name(status));
  return page;
}

static void count_stock(struct scene *scene, shop_t *shop, const char *sku, int64_t sold,
                        int64_t held) {
  shop_product_t *product = NULL;
  int32_t status = shop_product_get(shop, sku, &product, NULL);

  WANT(scene, status == SHOP_OK, "product: %s", shop_status_name(status));
  WANT(scene, shop_product_on_hand(product) == STOCK - sold, "%s: %lld on hand, %lld sold", sku,
       (long long)shop_product_on_hand(product), (long long)sold);
  WANT(scene, shop_product_reserved(product) == held, "%s: %lld reserved, not %lld", sku,
       (long long)shop_product_reserved(product), (long long)held);
  shop_product_free(product);
}

static void audit(struct scene *scene, shop_t *shop) {
  shop_audit_t *audit = NULL;
  int32_t status = shop_verify(shop, &audit, NULL);

  WANT(scene, status == SHOP_OK, "verify: %s", shop_status_name(status));
  WANT(scene, shop_audit_violations(audit) == 0 && shop_audit_attentions(audit) == 0,
       "verify: %lld violations, %lld attentions: %s", (long long)shop_audit_violations(audit),
       (long long)shop_audit_attentions(audit), shop_audit_finding_text(audit, 0));
  shop_audit_free(audit);
}

void scene_count(struct scene *scene, shop_t *shop, const struct story *story) {
  shop_order_page_t *page = all_orders(scene, shop);
  struct tally tally = {0};
  int32_t charges = 0;
  shop_mail_stats_t *mail = NULL;

  audit(scene, shop);
  for (int32_t i = 0; i < shop_order_page_count(page); i++)
    count_order(scene, story, shop_order_page_at(page, i), &tally);
  shop_order_page_free(page);
  for (int32_t i = 0; i < scene->bank.books->count; i++)
    charges += scene->bank.books->entries[i].kind == SHOP_OPERATION_CHARGE;
  WANT(scene, charges == tally.known_charges, "the bank knows %d charges, the orders %d",
       (int)charges, (int)tally.known_charges);
  count_stock(scene, shop, "TEA", tally.tea, tally.held_tea);
  count_stock(scene, shop, "MILK", tally.milk, tally.held_milk);
  WANT(scene,
       shop_mail_stats(shop, &mail, NULL) == SHOP_OK &&
           shop_mail_stats_queued(mail) + shop_mail_stats_leased(mail) == 0 &&
           shop_mail_stats_dead(mail) == 0,
       "%lld mails wait, %lld are leased, %lld are dead", (long long)shop_mail_stats_queued(mail),
       (long long)shop_mail_stats_leased(mail), (long long)shop_mail_stats_dead(mail));
  shop_mail_stats_free(mail);
}

/* ---- what was acknowledged --------------------------------------------------------------------
 */

static void check_order_told(struct scene *scene, shop_t *shop, const struct telling *told) {
  shop_order_t *order = NULL;
  int32_t found = told->number[0] == '\0'
                      ? SHOP_OK
                      : shop_order_find_by_number(shop, told->number, &order, NULL);
  int32_t status = shop_order_status(order), payment = shop_order_payment_status(order);
  bool good = true;

  WANT(scene, found == SHOP_OK, "order %s was reported and is lost", told->number);
  if (told->what == TOLD_PURCHASE && told->status == SHOP_OK)
    good = status == PLACED || status == CANCELLED;
  else if (told->what == TOLD_PURCHASE && told->status == SHOP_DECLINED)
    good = status == FAILED;
  else if (told->what == TOLD_CAPTURE && told->status == SHOP_OK)
    good = payment == SHOP_PAYMENT_CAPTURED;
  else if (told->what == TOLD_REFUND && told->status == SHOP_OK)
    good = shop_order_refunded_minor(order) == PART;
  else if (told->what == TOLD_CANCEL && told->status == SHOP_OK)
    good = status == CANCELLED;
  else if (told->what == TOLD_ABANDON && told->status == SHOP_OK)
    good = payment == SHOP_PAYMENT_VOIDED;
  WANT(scene, good, "%s was reported with %s, and is order %d, payment %d", told->number,
       shop_status_name(told->status), (int)status, (int)payment);
  shop_order_free(order);
}

static void check_newcomer_told(struct scene *scene, shop_t *shop) {
  shop_user_t *user = NULL;
  int32_t status = shop_user_find_by_email(shop, "bob@example.org", &user, NULL);

  WANT(scene, status == SHOP_OK, "a registration was reported and is lost");
  shop_user_free(user);
}

/* With NORMAL the newest of what is no payment may be gone, never what lies
   before a payment that was reported. */
static void check_told(struct scene *scene, shop_t *shop) {
  bool payment_later = false;

  for (int32_t i = scene->shared->told_count - 1; i >= 0; i--) {
    const struct telling *told = &scene->shared->told[i];

    if (told->what >= TOLD_PURCHASE) {
      payment_later = true;
      check_order_told(scene, shop, told);
    } else if (told->what == TOLD_NEWCOMER && told->status == SHOP_OK &&
               (payment_later || !scene->normal)) {
      check_newcomer_told(scene, shop);
    }
  }
}

static enum found classify(struct scene *scene, shop_t *shop) {
  shop_order_page_t *page = all_orders(scene, shop);
  enum found found = FOUND_NOTHING;

  if (shop_order_page_count(page) > 1)
    found = is_cut_off(shop_order_page_at(page, 0)) ? FOUND_CUT_OFF : FOUND_ENDED;
  shop_order_page_free(page);
  return found;
}

/* A capture or refund that the bank does not know is not repeated where there is
   a query, for it may be on its way: when the key has died a person has to look. */
static void let_person_look(struct scene *scene, shop_t *shop) {
  shop_order_page_t *page = all_orders(scene, shop);
  const shop_order_t *order = shop_order_page_at(page, 0);
  int32_t last = shop_order_operation_count(order) - 1;
  int32_t kind = shop_order_operation_kind(order, last), status = SHOP_OK;
  const char *key = shop_order_operation_key(order, last);

  scene->person_looked = shop_order_operation_state(order, last) == SHOP_OPERATION_SENT &&
                         (kind == SHOP_OPERATION_CAPTURE || kind == SHOP_OPERATION_REFUND) &&
                         !bank_knows(&scene->bank, key);
  if (scene->person_looked) {
    scene->now_ms += 21 * HOUR_MS;
    scene_recover(scene, shop);
    status = shop_payment_resolve(shop, shop_order_number(order), SHOP_OUTCOME_DECLINED, NULL, 0,
                                  NULL, "not in the bank's books", NULL, NULL, NULL);
  }
  WANT(scene, status == SHOP_OK, "resolve: %s", shop_status_name(status));
  shop_order_page_free(page);
}

static void check_end(struct scene *scene, shop_t *shop, const struct story *story) {
  shop_order_page_t *page = all_orders(scene, shop);
  const shop_order_t *order = shop_order_page_at(page, 0);
  int32_t count = shop_order_page_count(page);

  WANT(scene, count == 2 || (count == 3 && story->has_query), "there are %d orders", (int)count);
  if (count == 3)
    WANT(scene, shop_order_payment_status(shop_order_page_at(page, 1)) == SHOP_PAYMENT_VOIDED,
         "a second order beside one that is not void");
  WANT(scene,
       shop_order_status(order) == story->order_status &&
           (shop_order_payment_status(order) == story->payment_status ||
            (story->has_query && story->order_status == FAILED)) &&
           shop_order_captured_minor(order) == story->captured_minor &&
           shop_order_refunded_minor(order) == story->refunded_minor,
       "the end is order %d, payment %d, %lld - %lld", (int)shop_order_status(order),
       (int)shop_order_payment_status(order), (long long)shop_order_captured_minor(order),
       (long long)shop_order_refunded_minor(order));
  shop_order_page_free(page);
}

void scene_inspect(struct scene *scene, const struct story *story, enum found *found) {
  shop_t *shop = scene_open(scene, story->has_query);

  scene->suffers = false;
  *found = FOUND_NOTHING;
  if (shop == NULL)
    return;
  check_told(scene, shop);
  *found = classify(scene, shop);
  scene_recover(scene, shop);
  scene_recover(scene, shop);
  scene->person_looked = false;
  if (story->has_query)
    let_person_look(scene, shop);
  scene_count(scene, shop, story);
  play(scene, shop, story, true);
  scene_recover(scene, shop);
  scene_count(scene, shop, story);
  check_end(scene, shop, story);
  WANT(scene, shop_close(shop) == SHOP_OK, "close");
}

/* ---- the scene
 * ----------------------------------------------------------------------------------- */

static void write_store(const struct scene *scene) {
  char path[110];
  FILE *file = fopen(scene->path, "wb");

  need(file != NULL &&
           fwrite(scene->template_data, 1, scene->template_size, file) == scene->template_size,
       scene->path);
  fclose(file);
  snprintf(path, sizeof path, "%s-wal", scene->path);
  (void)unlink(path);
  snprintf(path, sizeof path, "%s-shm", scene->path);
  (void)unlink(path);
}

static void read_template(struct scene *scene) {
  FILE *file = fopen(scene->path, "rb");
  long size;

  need(file != NULL && fseek(file, 0, SEEK_END) == 0, scene->path);
  size = ftell(file);
  rewind(file);
  scene->template_size = (size_t)size;
  scene->template_data = malloc(scene->template_size);
  need(scene->template_data != NULL &&
           fread(scene->template_data, 1, scene->template_size, file) == scene->template_size,
       scene->path);
  fclose(file);
}

static void add(shop_t *shop, const shop_token_t *token, int64_t cart_id, const char *sku,
                int64_t quantity) {
  shop_cart_t *cart = NULL;

  need(shop_cart_add(shop, token, cart_id, sku, quantity, NULL, &cart, NULL) == SHOP_OK, sku);
  shop_cart_free(cart);
}

static int64_t fill_cart(shop_t *shop, const shop_token_t *token, int64_t tea, int64_t milk) {
  shop_cart_t *cart = NULL;
  int64_t id;

  need(shop_cart_create(shop, token, NULL, &cart, NULL) == SHOP_OK, "cart");
  id = shop_cart_id(cart);
  shop_cart_free(cart);
  add(shop, token, id, "TEA", tea);
  if (milk > 0)
    add(shop, token, id, "MILK", milk);
  return id;
}

static shop_token_t *registered(shop_t *shop, const char *email) {
  shop_token_t *token = NULL;

  need(shop_user_register(shop, email, PASSWORD, NULL, &token, NULL) == SHOP_OK, email);
  return token;
}

/* A shop with an order of before, and Ada's cart. */
static void make_template(struct scene *scene) {
  shop_t *shop = scene_open(scene, false);
  shop_purchase_request_t *request = NULL;
  shop_order_t *order = NULL;
  shop_token_t *token;

  need(shop != NULL, "open");
  need(shop_product_put(shop, "TEA", "Tea", NULL, 999, "EUR", STOCK, NULL, NULL, NULL) == SHOP_OK &&
           shop_product_put(shop, "MILK", "Milk", NULL, 120, "EUR", STOCK, NULL, NULL, NULL) ==
               SHOP_OK,
       "products");
  token = registered(shop, "eve@example.org");
  need(shop_purchase_request_new(&request) == SHOP_OK &&
           shop_purchase_request_set_method(request, "pm_card_visa") == SHOP_OK &&
           shop_purchase(shop, token, fill_cart(shop, token, 1, 0), request, NULL, &order, NULL) ==
               SHOP_OK,
       "an order of before");
  shop_order_free(order);
  shop_purchase_request_free(request);
  shop_token_free(token);
  token = registered(shop, "ada@example.org");
  scene->cart_id = fill_cart(shop, token, TEA, MILK);
  snprintf(scene->jwt, sizeof scene->jwt, "%s", shop_token_jwt(token));
  shop_token_free(token);
  need(shop_close(shop) == SHOP_OK, "close");
  read_template(scene);
  scene->first_entry = scene->bank.books->count;
}

struct scene *scene_new(void) {
  struct scene *scene = calloc(1, sizeof *scene);

  need(scene != NULL, "memory");
  snprintf(scene->dir, sizeof scene->dir, "/tmp/shop-crash-XXXXXX");
  need(mkdtemp(scene->dir) != NULL, scene->dir);
  snprintf(scene->path, sizeof scene->path, "%s/test.shop", scene->dir);
  scene->shared =
      mmap(NULL, sizeof *scene->shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  need(scene->shared != MAP_FAILED, "memory");
  scene->now_ms = INT64_C(1800000000000);
  scene->busy_ms = 5000;
  bank_start(&scene->bank, scene->dir);
  make_template(scene);
  return scene;
}

void scene_reset(struct scene *scene, const struct story *story) {
  struct shared *shared = scene->shared;

  write_store(scene);
  bank_reset(&scene->bank, scene->first_entry);
  scene->bank.books->way = (int32_t)story->way;
  scene->now_ms = INT64_C(1800000000000) + HOUR_MS;
  scene->complaints = 0;
  shared->told_count = 0;
  shared->mail_count = 1; /* the template's */
  shared->log.count = 0;
}

void scene_free(struct scene *scene) {
  char command[100];

  bank_stop(&scene->bank);
  snprintf(command, sizeof command, "rm -rf '%s'", scene->dir);
  need(system(command) == 0, command);
  (void)munmap(scene->shared, sizeof *scene->shared);
  free(scene->template_data);
  free(scene);
}
