/* Signing keys: rotated without logging anybody out, ended at once everywhere, and given to others
   by their public half alone. */
#include <harness.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define JWT_MAX 4200
#define DAY_MS INT64_C(86400000)
#define SKEW_MAX_MS INT64_C(600000)

static int32_t verify(struct world *world, const char *jwt) {
  shop_token_t *token = (shop_token_t *)world;
  int32_t status = shop_token_verify(world->shop, jwt, &token, world->err);

  ck_assert((token == NULL) == (status != SHOP_OK));
  shop_token_free(token);
  return status;
}

static shop_token_t *login(struct world *world) {
  shop_token_t *token = NULL;

  ck_ok(world, shop_user_login(world->shop, "ada@example.org", PASSWORD, NULL, &token, world->err));
  return token;
}

static shop_key_ring_t *ring_of(struct world *world) {
  shop_key_ring_t *ring = NULL;

  ck_ok(world, shop_key_list(world->shop, &ring, world->err));
  return ring;
}

/* The kid of the one key with this algorithm and state. */
static void kid_of(struct world *world, int32_t algorithm, int32_t state, char out[24]) {
  shop_key_ring_t *ring = ring_of(world);
  int32_t found = 0;

  for (int32_t i = 0; i < shop_key_ring_count(ring); i++)
    if (shop_key_ring_algorithm(ring, i) == algorithm && shop_key_ring_state(ring, i) == state) {
      strcpy(out, shop_key_ring_kid(ring, i));
      found++;
    }
  ck_assert_int_eq(found, 1);
  shop_key_ring_free(ring);
}

/* Is the token's header of this kid? It stands there in base64url, at any of three offsets, so it
   is decoded. */
static bool signed_by(const shop_token_t *token, const char *kid) {
  static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  char header[200] = "";
  size_t used = 0;
  uint32_t bits = 0;
  int32_t count = 0;

  for (const char *at = shop_token_jwt(token); *at != '.'; at++) {
    bits = bits << 6 | (uint32_t)(strchr(alphabet, *at) - alphabet);
    count += 6;
    if (count >= 8) {
      count -= 8;
      header[used++] = (char)(bits >> count & 0xff);
    }
  }
  return strstr(header, kid) != NULL;
}

/* ---- rotate ------------------------------------------------------------------------------- */

/* A new key signs at once, nobody is logged out, and the old one is kept until the last token of it
   has expired, also one that lived longer than today's setting. */
START_TEST(rotated) {
  struct world *world = world_prepare();
  char first[24], second[24], kid[24];
  shop_token_t *before, *after;
  shop_key_ring_t *ring;
  shop_maintenance_t *done = NULL;

  ck_assert_int_eq(shop_config_set_token_life_ms(world->config, DAY_MS), SHOP_OK);
  world_open(world);
  before = world_register(world, "ada@example.org");
  kid_of(world, SHOP_TOKEN_HS256, SHOP_KEY_ACTIVE, first);
  ck_assert(signed_by(before, first));
  ck_assert_int_eq(shop_config_set_token_life_ms(world->config, 1000), SHOP_OK);
  world_reopen(world);
  world_pass_ms(world, 5000);
  ck_ok(world, shop_key_rotate(world->shop, 0, NULL, world->err));
  kid_of(world, SHOP_TOKEN_HS256, SHOP_KEY_ACTIVE, second);
  kid_of(world, SHOP_TOKEN_HS256, SHOP_KEY_VERIFYING, kid);
  ck_assert_str_eq(kid, first);
  after = login(world);
  ck_assert(signed_by(after, second));
  ck_ok(world, verify(world, shop_token_jwt(before)));
  ck_ok(world, verify(world, shop_token_jwt(after)));
  ring = ring_of(world);
  ck_assert_str_eq(shop_key_ring_kid(ring, 0), first);
  ck_assert_int_eq(shop_key_ring_created_at_ms(ring, 0), WORLD_START_MS);
  ck_assert_int_eq(shop_key_ring_until_ms(ring, 0), shop_token_expires_at_ms(before));
  ck_assert_int_eq(shop_key_ring_created_at_ms(ring, 1), WORLD_START_MS + 5000);
  ck_assert_int_eq(shop_key_ring_until_ms(ring, 1), 0);
  shop_key_ring_free(ring);
  world_pass_ms(world, shop_token_expires_at_ms(before) + SKEW_MAX_MS - WORLD_START_MS - 5000);
  for (int32_t gone = 0; gone < 2; gone++) {
    ck_ok(world, shop_maintain(world->shop, &done, world->err));
    ck_assert_int_eq(shop_maintenance_signing_keys(done), gone);
    shop_maintenance_free(done);
    world_pass_ms(world, 1);
  }
  ck_assert_int_eq(world_number(world, "SELECT count(*) FROM signing_keys"), 1);
  shop_token_free(before);
  shop_token_free(after);
  world_free(world);
}
END_TEST

/* A key that has signed nothing that is still good need not be kept. */
START_TEST(rotated_without_tokens) {
  struct world *world = world_new();
  shop_key_ring_t *ring;

  ck_ok(world, shop_key_rotate(world->shop, SHOP_TOKEN_HS256, NULL, world->err));
  ring = ring_of(world);
  for (int32_t i = 0; i < 2; i++)
    ck_assert_int_eq(shop_key_ring_until_ms(ring, i),
                     shop_key_ring_state(ring, i) == SHOP_KEY_ACTIVE ? 0 : WORLD_START_MS);
  shop_key_ring_free(ring);
  world_free(world);
}
END_TEST

/* The other algorithm has a key of its own; rotating it changes nothing here. */
START_TEST(rotated_of_each_algorithm) {
  struct world *world = world_new();
  char hs256[24], kid[24], es256[24];
  shop_token_t *token = world_register(world, "ada@example.org");

  kid_of(world, SHOP_TOKEN_HS256, SHOP_KEY_ACTIVE, hs256);
  ck_ok(world, shop_key_rotate(world->shop, SHOP_TOKEN_ES256, NULL, world->err));
  kid_of(world, SHOP_TOKEN_HS256, SHOP_KEY_ACTIVE, kid);
  ck_assert_str_eq(kid, hs256);
  kid_of(world, SHOP_TOKEN_ES256, SHOP_KEY_ACTIVE, es256);
  ck_assert_int_eq(shop_config_set_token_algorithm(world->config, SHOP_TOKEN_ES256), SHOP_OK);
  world_reopen(world);
  shop_token_free(token);
  token = login(world);
  ck_assert(signed_by(token, es256)); /* an open that asks for it finds it made */
  ck_assert_int_eq(world_number(world, "SELECT count(*) FROM signing_keys"), 2);
  shop_token_free(token);
  world_free(world);
}
END_TEST

/* ---- retire --------------------------------------------------------------------------------- */

/* What a retired key has signed is refused at the next call, by handle and by text, and another key
   signs; its secret is in the store no more. */
START_TEST(retired) {
  struct world *world = world_new();
  shop_token_t *token = world_register(world, "ada@example.org"), *after;
  shop_cart_t *cart = NULL;
  shop_session_t *session = NULL;
  char old[24], new[24];

  kid_of(world, SHOP_TOKEN_HS256, SHOP_KEY_ACTIVE, old);
  ck_refused(world, shop_key_retire(world->shop, "nobody", NULL, world->err), SHOP_ERR_NOT_FOUND);
  ck_ok(world, shop_key_retire(world->shop, old, NULL, world->err));
  ck_refused(world, shop_cart_create(world->shop, token, NULL, &cart, world->err),
             SHOP_ERR_TOKEN_INVALID);
  ck_refused(world, verify(world, shop_token_jwt(token)), SHOP_ERR_TOKEN_INVALID);
  ck_ok(world, shop_session_check(world->shop, token, &session, world->err));
  ck_assert_int_eq(shop_session_status(session), SHOP_ERR_TOKEN_INVALID);
  shop_session_free(session);
  ck_assert_int_eq(
      world_number(world, "SELECT sum(length(secret)) FROM signing_keys WHERE state = 3"), 0);
  kid_of(world, SHOP_TOKEN_HS256, SHOP_KEY_ACTIVE, new);
  after = login(world);
  ck_assert(signed_by(after, new));
  ck_ok(world, verify(world, shop_token_jwt(after)));
  ck_ok(world, shop_key_retire(world->shop, old, NULL, world->err)); /* harmless */
  kid_of(world, SHOP_TOKEN_HS256, SHOP_KEY_ACTIVE, old);
  ck_assert_str_eq(old, new);
  world_reopen(world);
  ck_refused(world, verify(world, shop_token_jwt(token)), SHOP_ERR_TOKEN_INVALID);
  ck_ok(world, verify(world, shop_token_jwt(after)));
  shop_token_free(token);
  shop_token_free(after);
  world_free(world);
}
END_TEST

/* One that only verifies is ended as well; the active one stays. */
START_TEST(retired_while_verifying) {
  struct world *world = world_new();
  shop_token_t *token = world_register(world, "ada@example.org"), *after;
  char old[24];

  ck_ok(world, shop_key_rotate(world->shop, 0, NULL, world->err));
  kid_of(world, SHOP_TOKEN_HS256, SHOP_KEY_VERIFYING, old);
  after = login(world);
  ck_ok(world, shop_key_retire(world->shop, old, NULL, world->err));
  ck_refused(world, verify(world, shop_token_jwt(token)), SHOP_ERR_TOKEN_INVALID);
  ck_ok(world, verify(world, shop_token_jwt(after)));
  ck_assert_int_eq(world_number(world, "SELECT count(*) FROM signing_keys"), 2);
  shop_token_free(token);
  shop_token_free(after);
  world_free(world);
}
END_TEST

/* Changes of keys are told in the event log, with their names and nothing more. */
START_TEST(told) {
  struct world *world = world_new();
  char first[24], second[24], third[24];
  shop_event_page_t *page = NULL;

  kid_of(world, SHOP_TOKEN_HS256, SHOP_KEY_ACTIVE, first);
  ck_ok(world, shop_key_rotate(world->shop, 0, NULL, world->err));
  kid_of(world, SHOP_TOKEN_HS256, SHOP_KEY_ACTIVE, second);
  ck_ok(world, shop_key_retire(world->shop, second, NULL, world->err));
  kid_of(world, SHOP_TOKEN_HS256, SHOP_KEY_ACTIVE, third);
  ck_ok(world, shop_event_list(world->shop, 0, 10, &page, world->err));
  ck_assert_int_eq(shop_event_page_count(page), 2);
  ck_assert_str_eq(shop_event_page_name(page, 0), "key.rotated");
  ck_assert_str_eq(shop_event_page_before(page, 0), first);
  ck_assert_str_eq(shop_event_page_after(page, 0), second);
  ck_assert_str_eq(shop_event_page_name(page, 1), "key.retired");
  ck_assert_str_eq(shop_event_page_before(page, 1), second);
  ck_assert_str_eq(shop_event_page_after(page, 1), third);
  ck_assert_int_eq(shop_event_page_actor(page, 1), SHOP_ACTOR_MERCHANT);
  shop_event_page_free(page);
  world_free(world);
}
END_TEST

/* ---- two processes --------------------------------------------------------------------------- */

/* Logs in once, whenever it is told to, and gives the token's text; "end" ends it. */
static void log_in_on_demand(struct world *world, struct peer *peer) {
  char text[JWT_MAX];
  shop_token_t *first = NULL;

  peer_hear(peer, text, sizeof text);
  world_open(world);
  for (; strcmp(text, "end") != 0; peer_hear(peer, text, sizeof text)) {
    shop_token_t *token = login(world);

    if (first == NULL)
      first = token;
    peer_tell(peer, shop_token_jwt(token));
    if (token != first)
      shop_token_free(token);
  }
  /* The handle that it has held all the time, and its cached key, are worth nothing. */
  ck_status(world, verify(world, shop_token_jwt(first)), SHOP_ERR_TOKEN_INVALID);
  shop_token_free(first);
  ck_assert_int_eq(shop_close(world->shop), SHOP_OK);
}

/* A process that has the old key in memory signs with the new one at its next signing, and one that
   is retired opens nothing there at its next call. */
START_TEST(changed_in_another_process) {
  struct world *world = world_prepare();
  struct peer peer = peer_start(world, log_in_on_demand);
  char text[JWT_MAX], first[24], second[24];

  world_open(world);
  shop_token_free(world_register(world, "ada@example.org"));
  kid_of(world, SHOP_TOKEN_HS256, SHOP_KEY_ACTIVE, first);
  peer_tell(&peer, "log in");
  peer_hear(&peer, text, sizeof text);
  ck_ok(world, verify(world, text));
  ck_assert_int_eq(world_number(world, "SELECT count(*) FROM tokens"), 2);
  ck_ok(world, shop_key_rotate(world->shop, 0, NULL, world->err));
  ck_ok(world, verify(world, text));
  ck_ok(world, shop_key_retire(world->shop, first, NULL, world->err));
  ck_refused(world, verify(world, text), SHOP_ERR_TOKEN_INVALID);
  kid_of(world, SHOP_TOKEN_HS256, SHOP_KEY_ACTIVE, second);
  peer_tell(&peer, "log in");
  peer_hear(&peer, text, sizeof text);
  ck_ok(world, verify(world, text)); /* by a key that is not retired, so by the new one */
  ck_assert_int_eq(world_number(world, "SELECT count(*) FROM tokens"), 3);
  peer_tell(&peer, "end");
  peer_end(&peer);
  world_free(world);
}
END_TEST

/* ---- JWKS ---------------------------------------------------------------------------------------
 */

static int32_t count_of(const char *text, const char *part) {
  int32_t count = 0;

  for (const char *at = text; (at = strstr(at, part)) != NULL; at++)
    count++;
  return count;
}

/* The set holds the public half of each ES256 key that counts, and never a secret. */
START_TEST(exported) {
  struct world *world = world_new();
  char first[24], second[24], secret[200];
  shop_text_t *jwks = NULL;

  ck_ok(world, shop_key_export_jwks(world->shop, &jwks, world->err));
  ck_assert_str_eq(shop_text_get(jwks), "{\"keys\":[]}"); /* HS256 alone */
  ck_assert_int_eq(shop_text_size_bytes(jwks), 11);
  shop_text_free(jwks);
  ck_ok(world, shop_key_rotate(world->shop, SHOP_TOKEN_ES256, NULL, world->err));
  ck_ok(world, shop_key_rotate(world->shop, SHOP_TOKEN_ES256, NULL, world->err));
  kid_of(world, SHOP_TOKEN_ES256, SHOP_KEY_VERIFYING, first);
  kid_of(world, SHOP_TOKEN_ES256, SHOP_KEY_ACTIVE, second);
  ck_ok(world, shop_key_export_jwks(world->shop, &jwks, world->err));
  ck_assert_int_eq(count_of(shop_text_get(jwks), "\"kty\":\"EC\""), 2);
  ck_assert_int_eq(count_of(shop_text_get(jwks), first), 1);
  ck_assert_int_eq(count_of(shop_text_get(jwks), second), 1);
  ck_assert_int_eq(count_of(shop_text_get(jwks), "\"d\":"), 0);
  ck_assert_int_eq(count_of(shop_text_get(jwks), "\"k\":"), 0);
  world_text(world,
             "SELECT substr(CAST(secret AS TEXT), 40, 20) FROM signing_keys WHERE alg = 2 LIMIT 1",
             secret, sizeof secret);
  ck_assert_ptr_null(strstr(shop_text_get(jwks), secret));
  shop_text_free(jwks);
  ck_ok(world, shop_key_retire(world->shop, first, NULL, world->err));
  ck_ok(world, shop_key_export_jwks(world->shop, &jwks, world->err));
  ck_assert_int_eq(count_of(shop_text_get(jwks), first), 0);
  ck_assert_int_eq(count_of(shop_text_get(jwks), second), 1);
  shop_text_free(jwks);
  world_free(world);
}
END_TEST

/* ---- arguments
 * ------------------------------------------------------------------------------------ */

START_TEST(arguments) {
  struct world *world = world_new();
  shop_options_t *key = options_with_key("k"), *version = options_with_version(1);

  for (int32_t algorithm = -1; algorithm <= 3; algorithm += 4)
    ck_refused(world, shop_key_rotate(world->shop, algorithm, NULL, world->err), SHOP_ERR_ARGUMENT);
  ck_refused(world, shop_key_rotate(world->shop, 0, key, world->err), SHOP_ERR_ARGUMENT);
  ck_refused(world, shop_key_rotate(world->shop, 0, version, world->err), SHOP_ERR_ARGUMENT);
  ck_refused(world, shop_key_retire(world->shop, "k", key, world->err), SHOP_ERR_ARGUMENT);
  ck_assert_int_eq(shop_key_ring_count(NULL), 0);
  ck_assert_str_eq(shop_key_ring_kid(NULL, 0), "");
  ck_assert_int_eq(shop_key_ring_algorithm(NULL, 0), 0);
  ck_assert_int_eq(shop_key_ring_state(NULL, 0), 0);
  ck_assert_int_eq(shop_key_ring_created_at_ms(NULL, 0), 0);
  ck_assert_int_eq(shop_key_ring_until_ms(NULL, 0), 0);
  ck_assert_str_eq(shop_text_get(NULL), "");
  ck_assert_int_eq(shop_text_size_bytes(NULL), 0);
  ck_assert_int_eq(shop_maintenance_signing_keys(NULL), 0);
  shop_key_ring_free(NULL);
  shop_text_free(NULL);
  shop_options_free(key);
  shop_options_free(version);
  world_free(world);
}
END_TEST

int main(void) {
  const TTest *tests[] = {
      rotated,
      rotated_without_tokens,
      rotated_of_each_algorithm,
      retired,
      retired_while_verifying,
      told,
      changed_in_another_process,
      exported,
      arguments,
  };

  return HARNESS_RUN("keys", tests);
}
