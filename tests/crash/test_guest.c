/*
 * Guests who come, register, log in and are thrown away, by a process that is killed before each
 * thing it does to a file, or takes the machine with it. What was reported is there; what was not
 * is there wholly or not at all: the guest with the cart, or the account with it, and every piece
 * once. Then all is done again, and ends as without a crash.
 *
 *   test_guest [CUTS]   power cuts for each, drawn from the seeds 1, 2, ...
 */
#define _DEFAULT_SOURCE /* MAP_ANONYMOUS, mkdtemp */

#include "crash_vfs.h"

#include <shop.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define MINUTE_MS INT64_C(60000)
#define DAY_MS INT64_C(86400000)
#define START_MS INT64_C(1800000000000)
#define PASSWORD "correct horse battery"
#define ADA "ada@example.org"
#define BOB "bob@example.org"
#define STOCK 10

enum deed { COME, REGISTER, LOG_IN, PRUNE, DEEDS };
static const char *const deed_names[] = {"come", "register", "log in", "prune"};

/* In memory that outlives the process that does it. */
struct shared {
  int32_t status; /* what it was told; 1: nothing yet */
  struct crash_log log;
};

static struct shared *shared;
static char path[96];
static unsigned char *template_data;
static size_t template_size;
static char ada_jwt[2000], guest_jwt[2000];
static shop_token_t *guest_token; /* of the template: good in every store made of it */
static int64_t ada_cart, guest_cart, guest_id;
static int64_t now_ms = START_MS;
static char where[200];
static int complaints;

#define WANT(condition)                                                                            \
  do {                                                                                             \
    if (!(condition)) {                                                                            \
      fprintf(stderr, "%s: %d: not so: %s\n", where, __LINE__, #condition);                        \
      complaints++;                                                                                \
    }                                                                                              \
  } while (0)

static void need(bool good, const char *what) {
  if (!good) {
    perror(what);
    abort();
  }
}

static int64_t on_clock(void *user) {
  (void)user;
  return now_ms;
}

static shop_t *open_shop(void) {
  shop_config_t *config = NULL;
  shop_t *shop = NULL;

  need(shop_config_new(&config) == SHOP_OK &&
           shop_config_set_password_cost(config, 8, 1) == SHOP_OK &&
           shop_config_set_clock(config, on_clock, NULL) == SHOP_OK,
       "config");
  WANT(shop_open(path, config, &shop, NULL) == SHOP_OK);
  shop_config_free(config);
  return shop;
}

/* ---- the store before ------------------------------------------------------------------ */

static int64_t fill_cart(shop_t *shop, const shop_token_t *token, int64_t tea, int64_t mugs) {
  shop_cart_t *cart = NULL, *filled = NULL;
  int64_t id;

  need(shop_cart_create(shop, token, NULL, &cart, NULL) == SHOP_OK, "cart");
  id = shop_cart_id(cart);
  shop_cart_free(cart);
  need(shop_cart_add(shop, token, id, "TEA", tea, NULL, &filled, NULL) == SHOP_OK, "tea");
  shop_cart_free(filled);
  if (mugs > 0) {
    need(shop_cart_add(shop, token, id, "MUG", mugs, NULL, &filled, NULL) == SHOP_OK, "mugs");
    shop_cart_free(filled);
  }
  need(shop_cart_hold(shop, token, id, 10 * MINUTE_MS, NULL, &filled, NULL) == SHOP_OK, "hold");
  shop_cart_free(filled);
  return id;
}

/* Ada's cart holds a tea, the guest's three and a mug. */
static void make_template(void) {
  shop_t *shop = open_shop();
  shop_token_t *ada = NULL;
  shop_product_t *product = NULL;
  FILE *file;
  long size;

  need(shop_product_put(shop, "TEA", "Tea", NULL, 999, "EUR", STOCK, NULL, &product, NULL) ==
           SHOP_OK,
       "product");
  shop_product_free(product);
  need(shop_product_put(shop, "MUG", "Mug", NULL, 500, "EUR", STOCK, NULL, &product, NULL) ==
           SHOP_OK,
       "product");
  shop_product_free(product);
  need(shop_user_register(shop, ADA, PASSWORD, NULL, &ada, NULL) == SHOP_OK &&
           shop_guest_create(shop, NULL, &guest_token, NULL) == SHOP_OK,
       "users");
  ada_cart = fill_cart(shop, ada, 1, 0);
  guest_cart = fill_cart(shop, guest_token, 3, 1);
  guest_id = shop_token_user_id(guest_token);
  snprintf(ada_jwt, sizeof ada_jwt, "%s", shop_token_jwt(ada));
  snprintf(guest_jwt, sizeof guest_jwt, "%s", shop_token_jwt(guest_token));
  shop_token_free(ada);
  need(shop_close(shop) == SHOP_OK, "close");
  file = fopen(path, "rb");
  need(file != NULL && fseek(file, 0, SEEK_END) == 0, path);
  size = ftell(file);
  rewind(file);
  template_size = (size_t)size;
  template_data = malloc(template_size);
  need(template_data != NULL && fread(template_data, 1, template_size, file) == template_size,
       "template");
  fclose(file);
}

static void put_back(void) {
  char other[110];
  FILE *file;

  snprintf(other, sizeof other, "%s-wal", path);
  (void)unlink(other);
  snprintf(other, sizeof other, "%s-shm", path);
  (void)unlink(other);
  file = fopen(path, "wb");
  need(file != NULL && fwrite(template_data, 1, template_size, file) == template_size, path);
  fclose(file);
  shared->status = 1;
  shared->log.count = 0;
}

/* ---- the deed ---------------------------------------------------------------------------- */

static shop_options_t *with_key(void) {
  shop_options_t *options = NULL;

  need(shop_options_new(&options) == SHOP_OK &&
           shop_options_set_idempotency_key(options, "register") == SHOP_OK,
       "options");
  return options;
}

static int32_t act(shop_t *shop, enum deed deed) {
  shop_token_t *token = NULL;
  shop_options_t *options = NULL;
  int32_t status = SHOP_ERR_ARGUMENT;

  switch (deed) {
  case COME:
    status = shop_guest_create(shop, NULL, &token, NULL);
    break;
  case REGISTER:
    options = with_key();
    status = shop_guest_register(shop, guest_token, BOB, PASSWORD, options, &token, NULL);
    break;
  case LOG_IN:
    status = shop_guest_login(shop, guest_token, ADA, PASSWORD, NULL, &token, NULL);
    break;
  case PRUNE:
    status = shop_maintain(shop, NULL, NULL);
    break;
  case DEEDS:
    break;
  }
  shop_options_free(options);
  shop_token_free(token);
  return status;
}

static void perform(enum deed deed) {
  shop_t *shop = open_shop();

  if (shop == NULL)
    return;
  if (deed == PRUNE)
    now_ms = START_MS + 40 * DAY_MS;
  shared->status = act(shop, deed);
  WANT(shared->status == SHOP_OK);
  WANT(shop_close(shop) == SHOP_OK);
}

/* False: it was not killed. */
static bool tell(enum deed deed, const struct crash_plan *plan) {
  int result = 0;
  pid_t pid;

  put_back();
  fflush(NULL);
  pid = fork();
  need(pid >= 0, "fork");
  if (pid == 0) {
    crash_vfs_begin(plan);
    perform(deed);
    if (plan->power != POWER_STAYS && complaints == 0)
      crash_now();
    _exit(complaints == 0 ? 0 : 1);
  }
  need(waitpid(pid, &result, 0) == pid, "waitpid");
  if (WIFSIGNALED(result) && WTERMSIG(result) == SIGKILL)
    return true;
  WANT(WIFEXITED(result) && WEXITSTATUS(result) == 0);
  return false;
}

/* ---- what there is afterwards ------------------------------------------------------------- */

static int64_t reserved(shop_t *shop, const char *sku) {
  shop_product_t *product = NULL;
  int64_t count = -1;

  WANT(shop_product_get(shop, sku, &product, NULL) == SHOP_OK);
  count = shop_product_reserved(product);
  WANT(shop_product_available(product) + count == STOCK);
  shop_product_free(product);
  return count;
}

static void check_books(shop_t *shop, int64_t tea, int64_t mugs) {
  shop_audit_t *audit = NULL;

  WANT(shop_verify(shop, &audit, NULL) == SHOP_OK);
  WANT(shop_audit_violations(audit) == 0 && shop_audit_attentions(audit) == 0);
  for (int32_t i = 0; i < shop_audit_finding_count(audit); i++)
    fprintf(stderr, "%s: %s\n", where, shop_audit_finding_text(audit, i));
  shop_audit_free(audit);
  WANT(reserved(shop, "TEA") == tea);
  WANT(reserved(shop, "MUG") == mugs);
}

/* The cart of a token that is good: its id, and so many of each. */
static void check_cart(shop_t *shop, const char *jwt, int64_t cart_id, int64_t tea, int64_t mugs) {
  shop_session_t *session = NULL;
  const shop_cart_t *cart;
  int64_t found[2] = {0, 0};

  WANT(shop_session_check_jwt(shop, jwt, &session, NULL) == SHOP_OK);
  WANT(shop_session_status(session) == SHOP_OK);
  cart = shop_session_cart(session);
  for (int32_t i = 0; i < shop_cart_line_count(cart); i++)
    found[strcmp(shop_cart_line_sku(cart, i), "TEA") != 0] = shop_cart_line_quantity(cart, i);
  WANT(shop_cart_id(cart) == cart_id && found[0] == tea && found[1] == mugs);
  WANT(shop_cart_held_until_ms(cart) != 0);
  shop_session_free(session);
}

static void check_account(shop_t *shop, const char *email, int64_t cart_id, int64_t tea,
                          int64_t mugs) {
  shop_token_t *token = NULL;

  WANT(shop_user_login(shop, email, PASSWORD, NULL, &token, NULL) == SHOP_OK);
  check_cart(shop, shop_token_jwt(token), cart_id, tea, mugs);
  shop_token_free(token);
}

/* Before or after, and nothing between. */
static bool check_halves(shop_t *shop, enum deed deed) {
  shop_token_t *token = NULL;
  int32_t status = shop_token_verify(shop, guest_jwt, &token, NULL);
  bool done = status == SHOP_ERR_TOKEN_REVOKED;

  shop_token_free(token);
  WANT(done || status == SHOP_OK);
  if (!done) {
    check_cart(shop, guest_jwt, guest_cart, 3, 1);
    check_cart(shop, ada_jwt, ada_cart, 1, 0);
  } else if (deed == REGISTER) {
    check_account(shop, BOB, guest_cart, 3, 1);
    check_cart(shop, ada_jwt, ada_cart, 1, 0);
  } else {
    check_cart(shop, ada_jwt, ada_cart, 3, 1);
  }
  check_books(shop, done && deed == LOG_IN ? 3 : 4, 1);
  return done;
}

/* Who was told nothing does it again: with the key, or by a plain login where the cart is there. */
static void again(shop_t *shop, enum deed deed, bool done) {
  int32_t status = act(shop, deed);

  if (deed == LOG_IN && done) {
    WANT(status == SHOP_ERR_TOKEN_REVOKED);
    check_account(shop, ADA, ada_cart, 3, 1);
  } else {
    WANT(status == SHOP_OK);
  }
  if (deed == REGISTER)
    check_account(shop, BOB, guest_cart, 3, 1);
  check_books(shop, deed == LOG_IN ? 3 : 4, 1);
}

static void inspect_pruned(shop_t *shop) {
  shop_user_t *user = NULL;
  int32_t status = shop_user_find_by_id(shop, guest_id, &user, NULL);

  WANT(status == SHOP_ERR_NOT_FOUND || (status == SHOP_OK && shared->status != SHOP_OK));
  shop_user_free(user);
  user = NULL;
  WANT(shop_maintain(shop, NULL, NULL) == SHOP_OK);
  WANT(shop_user_find_by_id(shop, guest_id, &user, NULL) == SHOP_ERR_NOT_FOUND);
  shop_user_free(user);
  check_books(shop, 0, 0);
}

static void inspect(enum deed deed) {
  shop_t *shop = open_shop();
  bool done;

  if (shop == NULL)
    return;
  if (deed == PRUNE) {
    now_ms = START_MS + 40 * DAY_MS;
    inspect_pruned(shop);
    now_ms = START_MS;
  } else if (deed == COME) {
    check_cart(shop, guest_jwt, guest_cart, 3, 1);
    check_books(shop, 4, 1);
    WANT(act(shop, COME) == SHOP_OK);
  } else {
    done = check_halves(shop, deed);
    WANT(done || shared->status != SHOP_OK);
    again(shop, deed, done);
  }
  WANT(shop_close(shop) == SHOP_OK);
}

/* ---- all of them --------------------------------------------------------------------------- */

static long rehearse(enum deed deed) {
  const struct crash_plan plan = {.log = &shared->log};

  snprintf(where, sizeof where, "%s", deed_names[deed]);
  WANT(!tell(deed, &plan));
  WANT(shared->status == SHOP_OK);
  return shared->log.count;
}

static void kill_everywhere(enum deed deed, long points) {
  for (long at = 1; at <= points; at++) {
    const struct crash_plan plan = {.at = at};

    snprintf(where, sizeof where, "%s, killed at %ld", deed_names[deed], at);
    WANT(tell(deed, &plan));
    inspect(deed);
  }
}

static void cut_power(enum deed deed, long points, long cuts) {
  for (long seed = 1; seed <= cuts; seed++) {
    const struct crash_plan plan = {.at = 1 + seed * 7919 % (points + 1),
                                    .power = seed % 4 == 0 ? POWER_LOSES_ALL : POWER_MIXES,
                                    .seed = (uint64_t)seed};

    snprintf(where, sizeof where, "%s, power cut at %ld, seed %ld", deed_names[deed], plan.at,
             seed);
    WANT(tell(deed, &plan));
    inspect(deed);
  }
}

int main(int argc, char **argv) {
  long cuts = argc > 1 ? strtol(argv[1], NULL, 10) : 40;
  char dir[] = "/tmp/shop-guest-XXXXXX", command[100];

  crash_vfs_install();
  shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  need(shared != MAP_FAILED && mkdtemp(dir) != NULL, "memory and folder");
  snprintf(path, sizeof path, "%s/test.shop", dir);
  make_template();
  for (enum deed deed = COME; deed < DEEDS; deed++) {
    long points = rehearse(deed);

    kill_everywhere(deed, points);
    cut_power(deed, points, cuts);
    printf("%s: killed at %ld points, %ld power cuts\n", deed_names[deed], points, cuts);
  }
  printf("%d complaints\n", complaints);
  snprintf(command, sizeof command, "rm -rf '%s'", dir);
  need(system(command) == 0, command);
  (void)munmap(shared, sizeof *shared);
  free(template_data);
  shop_token_free(guest_token);
  return complaints == 0 ? 0 : 1;
}
