/* Long texts that are given to a caller. */
#include "flow.h"

struct shop_text {
  struct shop__bytes bytes;
};

int32_t shop__text_give(struct shop__bytes *bytes, shop_text_t **out, shop_error_t *err) {
  shop_text_t *text = bytes->failed ? NULL : shop__memory_zalloc(sizeof *text);

  if (text == NULL) {
    if (bytes->data != NULL)
      shop__memory_wipe(bytes->data, bytes->used);
    shop__bytes_free(bytes);
    return shop__no_memory(err);
  }
  text->bytes = *bytes;
  *bytes = (struct shop__bytes){0};
  *out = text;
  return SHOP_OK;
}

const char *shop_text_get(const shop_text_t *text) {
  return text == NULL || text->bytes.used == 0 ? "" : text->bytes.data;
}

int64_t shop_text_size_bytes(const shop_text_t *text) {
  return text == NULL ? 0 : (int64_t)text->bytes.used;
}

void shop_text_free(shop_text_t *text) {
  if (text == NULL)
    return;
  if (text->bytes.data != NULL)
    shop__memory_wipe(text->bytes.data, text->bytes.used); /* the rest was never touched */
  shop__bytes_free(&text->bytes);
  shop__memory_free(text);
}
