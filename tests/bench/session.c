/* The session check: libshop's, against a check of the token's HMAC by libjwt
   and the same reads by hand; and what each of the two parts costs. */
#include <jwt.h>
#include <stdio.h>

#include "baseline.h"

struct check {
  const struct world *world;
  struct worker shop;
  struct baseline *base;
  uint32_t next;
};

static const struct shopper *next_shopper(struct check *check) {
  return &check->world->shoppers[check->next++ % SHOPPERS];
}

static void by_shop(struct check *check, const struct shopper *shopper) {
  shop_session_t *session = NULL;

  must(shop_session_check_jwt(check->shop.shop, shop_token_jwt(shopper->token), &session,
                              check->shop.err),
       check->shop.err, "session");
  if (shop_session_status(session) != SHOP_OK ||
      shop_cart_line_count(shop_session_cart(session)) != CART_LINES)
    die("the session is not as it was made");
  shop_session_free(session);
}

static void by_token(struct check *check, const struct shopper *shopper) {
  shop_session_t *session = NULL;

  must(shop_session_check(check->shop.shop, shopper->token, &session, check->shop.err),
       check->shop.err, "session");
  shop_session_free(session);
}

static void verify_only(struct check *check, const struct shopper *shopper) {
  shop_token_t *token = NULL;

  must(shop_token_verify(check->shop.shop, shop_token_jwt(shopper->token), &token, check->shop.err),
       check->shop.err, "verify");
  shop_token_free(token);
}

static void hmac(struct check *check, const struct shopper *shopper) {
  jwt_t *jwt = NULL;

  if (jwt_decode(&jwt, shop_token_jwt(shopper->token), check->world->secret,
                 sizeof check->world->secret) != 0 ||
      jwt_get_alg(jwt) != JWT_ALG_HS256 || jwt_get_grant(jwt, "jti") == NULL)
    die("the baseline cannot check the token");
  jwt_free(jwt);
}

static void reads(struct check *check, const struct shopper *shopper) {
  struct base_cart cart;

  baseline_session(check->base, shopper->jti, &cart);
  if (cart.line_count != CART_LINES)
    die("the baseline's session is not as it was made");
}

static void by_hand(struct check *check, const struct shopper *shopper) {
  hmac(check, shopper);
  reads(check, shopper);
}

/* Calls a second. */
static double rate(struct check *check, void (*call)(struct check *, const struct shopper *)) {
  int64_t begun = now_ns(), now, count = 0;
  int64_t until = begun + (int64_t)(check->world->settings->seconds * 1e9);

  do {
    for (int i = 0; i < 16; i++)
      call(check, next_shopper(check));
    count += 16;
  } while ((now = now_ns()) < until);
  return (double)count * 1e9 / (double)(now - begun);
}

static void fill_carts(struct check *check) {
  shop_error_t *err = check->shop.err;
  shop_cart_t *cart = NULL;
  char sku[32];

  for (uint32_t i = 0; i < SHOPPERS; i++) {
    const shop_token_t *token = check->world->shoppers[i].token;
    int64_t cart_id;

    must(shop_cart_create(check->shop.shop, token, NULL, &cart, err), err, "cart");
    cart_id = shop_cart_id(cart);
    shop_cart_free(cart);
    for (uint32_t line = 0; line < CART_LINES; line++) {
      must(shop_cart_add(check->shop.shop, token, cart_id, sku_of((i + line * 331) % PRODUCTS, sku),
                         line + 1, NULL, &cart, err),
           err, "add");
      shop_cart_free(cart);
    }
  }
}

static void measure(struct check *check) {
  struct pair whole = {.count = 0}, bare = {.count = 0};
  double parts[2][ROUNDS_MAX], verify[ROUNDS_MAX];
  int32_t rounds = check->world->settings->rounds;

  for (int32_t i = 0; i < rounds; i++) {
    double shop = rate(check, by_shop);

    pair_add(&whole, shop, rate(check, by_hand));
    shop = rate(check, by_token);
    pair_add(&bare, shop, rate(check, reads));
    verify[i] = rate(check, verify_only);
    parts[0][i] = rate(check, hmac);
    parts[1][i] = bare.base[i];
  }
  report_pair("session", 0, "calls/s", &whole, "session_check_jwt / HMAC + reads");
  report_pair("session", 0, "calls/s", &bare, "session_check / reads");
  report("session", 0, "calls/s", median_of(verify, rounds), 0, "token_verify");
  report("session", 0, "us", 0, 1e6 / median_of(parts[0], rounds), "HMAC check by libjwt, alone");
  report("session", 0, "us", 0, 1e6 / median_of(parts[1], rounds), "the reads, alone");
  for (int32_t i = 0; i < rounds; i++) {
    whole.shop[i] = 1e6 / whole.shop[i];
    whole.base[i] = 1e6 / whole.base[i];
  }
  report_pair("session", 0, "us", &whole, "one check (at most 2 times its parts)");
}

void bench_session(const struct world *world) {
  struct check check = {.world = world};
  char shop_path[600], base_path[600];

  world_copy(world->path, "a.shop", shop_path);
  worker_init(&check.shop, world, world_open(shop_path, SYNC_NORMAL), NULL, 0, 1);
  fill_carts(&check);
  world_close(check.shop.shop);
  world_copy(shop_path, "b.shop", base_path);
  check.shop.shop = world_open(shop_path, SYNC_FULL);
  check.base = baseline_open(base_path, SYNC_FULL, world->settings, 0);
  measure(&check);
  world_close(check.shop.shop);
  baseline_close(check.base);
  worker_free(&check.shop);
  world_remove(shop_path);
  world_remove(base_path);
}
