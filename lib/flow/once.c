/* Idempotency keys: the same request with the same key has one effect. The key
   is stored in the transaction of the effect, so a call that changed nothing
   has not used it up. */
#include <string.h>

#include "flow.h"

struct shop__once_input shop__once_input(const shop_options_t *options) {
  return (struct shop__once_input){.wanted = options != NULL && options->key[0] != '\0'};
}

void shop__once_int(struct shop__once_input *input, int64_t value) {
  if (!input->wanted)
    return;
  shop__bytes_format(&input->bytes, "%lld;", (long long)value);
}

void shop__once_text(struct shop__once_input *input, const char *text) {
  size_t size = text == NULL ? 0 : strlen(text);

  if (!input->wanted)
    return;
  shop__once_int(input, text == NULL ? -1 : (int64_t)size);
  shop__bytes_add(&input->bytes, text == NULL ? "" : text, size);
}

int32_t shop__once_begin(struct shop__once *once, const char *operation,
                         const shop_options_t *options, struct shop__once_input *input,
                         shop_error_t *err) {
  int32_t status = SHOP_OK;

  *once = (struct shop__once){.operation = operation,
                              .key = options == NULL ? "" : options->key};
  if (input->bytes.failed)
    status = shop__no_memory(err);
  else if (input->wanted)
    shop__digest(input->bytes.data, input->bytes.used, once->digest);
  shop__bytes_free(&input->bytes);
  return status;
}

int32_t shop__once_find(shop__tx_t *tx, const struct shop__once *once, int64_t user_id,
                        int64_t *result_id) {
  struct shop__request_row row;
  bool found = false;
  int32_t status;

  *result_id = 0;
  if (once->key[0] == '\0')
    return SHOP_OK;
  status = shop__request_get(tx, user_id, once->operation, once->key, &row, &found);
  if (status != SHOP_OK || !found)
    return status;
  if (memcmp(row.digest, once->digest, SHOP__DIGEST_BYTES) != 0)
    return shop__error_set(shop__tx_error(tx), SHOP_ERR_KEY_REUSED,
                           "the idempotency key was used for another request: use a new one");
  *result_id = row.result_id;
  return SHOP_OK;
}

int32_t shop__once_store(shop__tx_t *tx, const struct shop__once *once, int64_t user_id,
                         int64_t result_id, int64_t now_ms) {
  if (once->key[0] == '\0')
    return SHOP_OK;
  return shop__request_insert(tx,
                              &(struct shop__request_row){
                                  .user_id = user_id,
                                  .operation = once->operation,
                                  .key = once->key,
                                  .digest = once->digest,
                                  .result_id = result_id,
                              },
                              now_ms);
}
