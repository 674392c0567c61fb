/*
 * The catalogue: what is sold, at what price, and how many are left. All of it
 * is the merchant's side; the host decides who may call it.
 *
 * Stock: `on hand` pieces are there and not sold; `reserved` of them belong to
 * purchases under way; `available` can still be bought. A product may be
 * unlimited instead (a download, a service).
 */
#ifndef SHOP_PRODUCT_H
#define SHOP_PRODUCT_H

#include "shop/common.h"

#ifdef __cplusplus
extern "C" {
#endif

/** The stock count that stands for "unlimited". */
#define SHOP_STOCK_UNLIMITED INT64_C(-1)
/** SHOP_STOCK_UNLIMITED for callers that see no macros. @since 0.1.0 */
SHOP_API int64_t shop_stock_unlimited(void);

/** The largest stock count. */
#define SHOP_STOCK_MAX INT64_C(1000000000000)
/** SHOP_STOCK_MAX for callers that see no macros. @since 0.1.0 */
SHOP_API int64_t shop_stock_max(void);

/**
 * Makes a product, or gives an existing SKU these values (a retired one is
 * sold again). The stock of an existing product becomes `on_hand` pieces not
 * yet sold; purchases under way keep what they have reserved, also where that
 * is more.
 *
 * @param sku         1 to 64 bytes, one line; the identity, byte by byte
 * @param name        1 to 255 bytes, one line
 * @param description up to 65,535 bytes, may have line breaks; NULL: none
 * @param price_minor 0 to 2^53 - 1
 * @param currency    a code of ISO 4217
 * @param on_hand     0 to SHOP_STOCK_MAX, or SHOP_STOCK_UNLIMITED
 * @param options     takes the deadline
 * @param out         receives the product, freed by `shop_product_free`;
 *                    NULL when it is not wanted
 * @return SHOP_OK; SHOP_ERR_ARGUMENT; SHOP_ERR_TEXT; SHOP_ERR_TOO_LONG;
 *   SHOP_ERR_CURRENCY; or as any call that writes (-5xx, -6xx)
 * @since 0.1.0
 */
SHOP_API int32_t shop_product_put(shop_t *shop, const char *sku, const char *name,
                                  const char *description, int64_t price_minor,
                                  const char *currency, int64_t on_hand,
                                  const shop_options_t *options, shop_product_t **out,
                                  shop_error_t *err);

/** The most products of one batch: its transaction takes some milliseconds, for
    which other calls that write wait. */
#define SHOP_PRODUCT_BATCH_MAX 1000
/** SHOP_PRODUCT_BATCH_MAX for callers that see no macros. @since 0.1.0 */
SHOP_API int32_t shop_product_batch_max(void);

/**
 * Makes an empty batch: products that are put together, as an import does,
 * whose time goes into its commits. It belongs to no shop, and to one thread at
 * a time.
 *
 * @param out receives it; freed by `shop_product_batch_free`
 * @return SHOP_OK; SHOP_ERR_ARGUMENT when out is NULL; SHOP_ERR_NO_MEMORY
 * @since 0.1.0
 */
SHOP_API int32_t shop_product_batch_new(shop_product_batch_t **out);

/**
 * Adds a product to a batch, checked and copied. The parameters are those of
 * `shop_product_put`. What is refused leaves the batch as it is.
 *
 * @return SHOP_OK; SHOP_ERR_ARGUMENT, also where the batch is full; SHOP_ERR_TEXT;
 *   SHOP_ERR_TOO_LONG; SHOP_ERR_CURRENCY; SHOP_ERR_NO_MEMORY
 * @since 0.1.0
 */
SHOP_API int32_t shop_product_batch_add(shop_product_batch_t *batch, const char *sku,
                                        const char *name, const char *description,
                                        int64_t price_minor, const char *currency, int64_t on_hand,
                                        shop_error_t *err);
/** How many products were added; 0 for NULL. @since 0.1.0 */
SHOP_API int32_t shop_product_batch_count(const shop_product_batch_t *batch);
/** Empties a batch, for the next ones. NULL is harmless. @since 0.1.0 */
SHOP_API void shop_product_batch_clear(shop_product_batch_t *batch);
/** Frees a batch. NULL is harmless. @since 0.1.0 */
SHOP_API void shop_product_batch_free(shop_product_batch_t *batch);

/**
 * Puts every product of a batch, each as `shop_product_put` does, in one
 * transaction: all of them or, after a failure, none. Of an SKU that is in it
 * twice the later counts. The batch stays as it is, so that a call that failed
 * can be repeated; putting the same again changes nothing.
 *
 * @param batch   an empty one is put without effect
 * @param options takes the deadline
 * @return SHOP_OK; SHOP_ERR_ARGUMENT; or as any call that writes
 * @since 0.1.0
 */
SHOP_API int32_t shop_product_put_batch(shop_t *shop, const shop_product_batch_t *batch,
                                        const shop_options_t *options, shop_error_t *err);

/**
 * Gets a product by SKU, also a retired one.
 *
 * @return SHOP_OK; SHOP_ERR_ARGUMENT; SHOP_ERR_NOT_FOUND; or as any call that
 *   reads
 * @since 0.1.0
 */
SHOP_API int32_t shop_product_get(shop_t *shop, const char *sku, shop_product_t **out,
                                  shop_error_t *err);

/**
 * Lists products in the order in which they were made, retired ones too.
 *
 * @param after_id 0 for the first page, else the id of the last product seen
 * @param limit    1 to 1,000
 * @param out      receives the page; freed by `shop_product_page_free`. A page
 *                 with fewer products than the limit is the last
 * @return SHOP_OK; SHOP_ERR_ARGUMENT; or as any call that reads
 * @since 0.1.0
 */
SHOP_API int32_t shop_product_list(shop_t *shop, int64_t after_id, int32_t limit,
                                   shop_product_page_t **out, shop_error_t *err);

/**
 * Stops the sale of a product. Carts keep their line with a warning and cannot
 * be bought until it is removed; purchases under way finish. Repeating it is
 * harmless.
 *
 * @param options takes the deadline
 * @return SHOP_OK; SHOP_ERR_ARGUMENT; SHOP_ERR_NOT_FOUND; or as any call that
 *   writes
 * @since 0.1.0
 */
SHOP_API int32_t shop_product_retire(shop_t *shop, const char *sku, const shop_options_t *options,
                                     shop_error_t *err);

/**
 * Adds pieces to the stock on hand, or takes some away (a delivery, a loss).
 *
 * @param delta   -SHOP_STOCK_MAX to SHOP_STOCK_MAX, not 0
 * @param options takes the deadline
 * @param out     receives the product as it is now; NULL when not wanted
 * @return SHOP_OK; SHOP_ERR_ARGUMENT, also for a product with unlimited stock;
 *   SHOP_ERR_NOT_FOUND;
 *   SHOP_ERR_OUT_OF_STOCK more were to be taken away than are on hand;
 *   SHOP_ERR_OVERFLOW     more than SHOP_STOCK_MAX would be on hand;
 *   or as any call that writes
 * @since 0.1.0
 */
SHOP_API int32_t shop_product_adjust_stock(shop_t *shop, const char *sku, int64_t delta,
                                           const shop_options_t *options, shop_product_t **out,
                                           shop_error_t *err);

/** Keeps a short text and the host's own id with a product; as
    `shop_user_set_metadata`. @since 0.1.0 */
SHOP_API int32_t shop_product_set_metadata(shop_t *shop, const char *sku, const char *note,
                                           const char *external_id, const shop_options_t *options,
                                           shop_error_t *err);

/** The id, below 2^53; 0 for NULL. @since 0.1.0 */
SHOP_API int64_t shop_product_id(const shop_product_t *product);
/** Borrowed; "" for NULL. @since 0.1.0 */
SHOP_API const char *shop_product_sku(const shop_product_t *product);
/** Borrowed; "" for NULL. @since 0.1.0 */
SHOP_API const char *shop_product_name(const shop_product_t *product);
/** Borrowed; "" when there is none. @since 0.1.0 */
SHOP_API const char *shop_product_description(const shop_product_t *product);
/** The price of one piece in the minor unit of its currency. @since 0.1.0 */
SHOP_API int64_t shop_product_price_minor(const shop_product_t *product);
/** The code of ISO 4217. Borrowed; "" for NULL. @since 0.1.0 */
SHOP_API const char *shop_product_currency(const shop_product_t *product);
/** Pieces not yet sold, or SHOP_STOCK_UNLIMITED. @since 0.1.0 */
SHOP_API int64_t shop_product_on_hand(const shop_product_t *product);
/** Pieces held by purchases under way. @since 0.1.0 */
SHOP_API int64_t shop_product_reserved(const shop_product_t *product);
/** Pieces that can be bought now, or SHOP_STOCK_UNLIMITED. @since 0.1.0 */
SHOP_API int64_t shop_product_available(const shop_product_t *product);
/** False once it was retired. @since 0.1.0 */
SHOP_API bool shop_product_is_active(const shop_product_t *product);
/** When it was made, in ms since 1970. @since 0.1.0 */
SHOP_API int64_t shop_product_created_at_ms(const shop_product_t *product);
/** The merchant's text. Borrowed; "" when there is none. @since 0.1.0 */
SHOP_API const char *shop_product_note(const shop_product_t *product);
/** The host's own id. Borrowed; "" when there is none. @since 0.1.0 */
SHOP_API const char *shop_product_external_id(const shop_product_t *product);
/** Frees a product. NULL is harmless. @since 0.1.0 */
SHOP_API void shop_product_free(shop_product_t *product);

/** How many products the page holds; 0 for NULL. @since 0.1.0 */
SHOP_API int32_t shop_product_page_count(const shop_product_page_t *page);
/** The product at an index from 0. Borrowed from the page, not to be freed;
    NULL outside. @since 0.1.0 */
SHOP_API const shop_product_t *shop_product_page_at(const shop_product_page_t *page, int32_t index);
/** Frees a page and its products. NULL is harmless. @since 0.1.0 */
SHOP_API void shop_product_page_free(shop_product_page_t *page);

#ifdef __cplusplus
}
#endif
#endif
