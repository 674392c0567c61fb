/*
 * Long texts that a call makes, such as JSON: an object that owns them, so that
 * no caller has to guess a buffer's size.
 */
#ifndef SHOP_TEXT_H
#define SHOP_TEXT_H

#include "shop/common.h"

#ifdef __cplusplus
extern "C" {
#endif

/** The text: UTF-8, ended by NUL, with none inside. Borrowed; "" for NULL.
    @since 0.1.0 */
SHOP_API const char *shop_text_get(const shop_text_t *text);
/** Its length in bytes, without the NUL; 0 for NULL. @since 0.1.0 */
SHOP_API int64_t shop_text_size_bytes(const shop_text_t *text);
/** Frees a text and wipes it. NULL is harmless. @since 0.1.0 */
SHOP_API void shop_text_free(shop_text_t *text);

#ifdef __cplusplus
}
#endif
#endif
