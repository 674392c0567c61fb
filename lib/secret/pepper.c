/*
 * Peppers: secrets of the host that go into every password's hash, so that a
 * stolen store alone does not allow guessing.
 *
 * What is kept is not the pepper but HMAC-SHA-512 begun with it (RFC 2104: the
 * key is used up by the first block of either hash), from which it cannot be
 * had back.
 */
#include "secret_password.h"

#include <sodium.h>
#include <string.h>

#define ID_RAW_BYTES 6

_Static_assert(sizeof(crypto_auth_hmacsha512_state) <= sizeof((struct shop__pepper *)0)->state,
               "a pepper must hold libsodium's state");
_Static_assert(SHOP__PEPPERED_BYTES == crypto_auth_hmacsha512_BYTES, "the MAC is taken whole");

/* The first byte keeps the MACs of passwords and that of the id apart. */
static void mac(const struct shop__pepper *pepper, uint8_t what, const void *data, size_t size,
                uint8_t out[SHOP__PEPPERED_BYTES]) {
  crypto_auth_hmacsha512_state state;
  memcpy(&state, pepper->state, sizeof state);
  crypto_auth_hmacsha512_update(&state, &what, 1);
  crypto_auth_hmacsha512_update(&state, data, size);
  crypto_auth_hmacsha512_final(&state, out);
  shop__memory_wipe(&state, sizeof state);
}

void shop__pepper_make(const void *secret, size_t size, struct shop__pepper *out) {
  static const char label[] = "libshop pepper id";
  crypto_auth_hmacsha512_state state;
  uint8_t id[SHOP__PEPPERED_BYTES];
  memset(out, 0, sizeof *out);
  crypto_auth_hmacsha512_init(&state, secret, size);
  /* libsodium leaves the padded key in the buffers, which are empty now. */
  shop__memory_wipe(state.ictx.buf, sizeof state.ictx.buf);
  shop__memory_wipe(state.octx.buf, sizeof state.octx.buf);
  memcpy(out->state, &state, sizeof state);
  shop__memory_wipe(&state, sizeof state);
  mac(out, 2, label, sizeof label - 1, id);
  sodium_bin2base64(out->id, sizeof out->id, id, ID_RAW_BYTES,
                    sodium_base64_VARIANT_URLSAFE_NO_PADDING);
  shop__memory_wipe(id, sizeof id);
  shop__traces_wipe();
}

void shop__pepper_apply(const struct shop__pepper *pepper, const char *password, size_t size,
                        uint8_t out[SHOP__PEPPERED_BYTES]) {
  mac(pepper, 1, password, size, out);
}

const struct shop__pepper *shop__pepper_find(const struct shop__peppers *peppers, const char *id) {
  for (int32_t i = 0; peppers != NULL && i < SHOP__PEPPERS_MAX; i++) {
    if (peppers->each[i].id[0] != '\0' && strcmp(peppers->each[i].id, id) == 0) {
      return &peppers->each[i];
    }
  }
  return NULL;
}
