/*
 * Carts: steps 3 and 4 of the timeline. A user has at most one cart that is
 * not bought; only its owner can see or touch it, to anyone else it does not
 * exist. Every change raises its version by one and gives the new snapshot.
 *
 * A line keeps the unit price it was added at; the snapshot shows it beside
 * today's, and every total is made of today's prices. Adding does not reserve
 * stock: the purchase does, or, for a time before it, `shop_cart_hold`.
 *
 * What the calls below have in common:
 *   options  take the idempotency key, the expected version and the deadline
 *   out      receives the snapshot; freed by `shop_cart_free`
 *   status   SHOP_OK; SHOP_ERR_ARGUMENT; SHOP_ERR_FOREIGN the token is of
 *            another shop; SHOP_ERR_TOKEN_INVALID, SHOP_ERR_TOKEN_EXPIRED,
 *            SHOP_ERR_TOKEN_REVOKED; SHOP_ERR_NOT_FOUND no such cart of this
 *            user; SHOP_ERR_OVERFLOW the total at today's prices does not fit
 *            (`shop_cart_clear` always does); and for changes
 *            SHOP_ERR_CART_BUSY      a purchase of it is under way;
 *            SHOP_ERR_CART_COMPLETED it was bought;
 *            SHOP_ERR_CART_EXPIRED   it was left alone for too long;
 *            SHOP_ERR_VERSION        not the expected version;
 *            SHOP_ERR_OUT_OF_STOCK   the cart is held, and there are no more
 *                                    pieces for it to hold;
 *            SHOP_ERR_KEY_REUSED; SHOP_ERR_DEADLINE;
 *            or as any call that reads or writes (-5xx, -6xx)
 */
#ifndef SHOP_CART_H
#define SHOP_CART_H

#include "shop/common.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Where a cart stands. */
enum shop_cart_state {
  SHOP_CART_OPEN = 1,
  /** A purchase is under way. */
  SHOP_CART_COMPLETING = 2,
  SHOP_CART_COMPLETED = 3,
  /** Left alone for too long (`shop_maintain`). */
  SHOP_CART_EXPIRED = 4
};

/** What is to be known of a line; any number of them at once. */
enum shop_line_warning {
  /** Today's price is not the one it was added at. */
  SHOP_WARNING_PRICE_CHANGED = 1,
  /** Fewer are available than the line asks for. */
  SHOP_WARNING_LESS_STOCK = 2,
  /** The product is no longer sold. */
  SHOP_WARNING_RETIRED = 4,
  /** The product is now priced in another currency than the cart's. */
  SHOP_WARNING_CURRENCY_CHANGED = 8
};

/**
 * Gives the user's open cart (or the one being bought), or a new one. Takes no
 * expected version and no idempotency key: repeating it is harmless anyway.
 *
 * @since 0.1.0
 */
SHOP_API int32_t shop_cart_create(shop_t *shop, const shop_token_t *token,
                                  const shop_options_t *options, shop_cart_t **out,
                                  shop_error_t *err);

/** Gets a cart of this user by id, also a completed one. @since 0.1.0 */
SHOP_API int32_t shop_cart_get(shop_t *shop, const shop_token_t *token, int64_t cart_id,
                               shop_cart_t **out, shop_error_t *err);

/**
 * Adds pieces of a product; what the cart has of it already is added to, and
 * the line's kept price becomes today's. Takes the cart's currency from its
 * first line.
 *
 * @param quantity 1 to the limit of the shop
 * @return also SHOP_ERR_QUANTITY out of range, or the line would be over the
 *   limit; SHOP_ERR_NOT_FOUND also for an unknown SKU;
 *   SHOP_ERR_PRODUCT_RETIRED; SHOP_ERR_CURRENCY_MIXED; SHOP_ERR_CART_FULL;
 *   SHOP_ERR_OVERFLOW a total that does not fit
 * @since 0.1.0
 */
SHOP_API int32_t shop_cart_add(shop_t *shop, const shop_token_t *token, int64_t cart_id,
                               const char *sku, int64_t quantity, const shop_options_t *options,
                               shop_cart_t **out, shop_error_t *err);

/**
 * Sets the quantity of a line that is there; the kept price stays.
 *
 * @param quantity 1 to the limit of the shop (use `shop_cart_remove` for none)
 * @return also SHOP_ERR_QUANTITY; SHOP_ERR_NOT_FOUND also for a SKU that the
 *   cart does not have; SHOP_ERR_OVERFLOW
 * @since 0.1.0
 */
SHOP_API int32_t shop_cart_set_quantity(shop_t *shop, const shop_token_t *token, int64_t cart_id,
                                        const char *sku, int64_t quantity,
                                        const shop_options_t *options, shop_cart_t **out,
                                        shop_error_t *err);

/** Removes a line. @return also SHOP_ERR_NOT_FOUND for a SKU that the cart
    does not have @since 0.1.0 */
SHOP_API int32_t shop_cart_remove(shop_t *shop, const shop_token_t *token, int64_t cart_id,
                                  const char *sku, const shop_options_t *options,
                                  shop_cart_t **out, shop_error_t *err);

/** Removes every line. @since 0.1.0 */
SHOP_API int32_t shop_cart_clear(shop_t *shop, const shop_token_t *token, int64_t cart_id,
                                 const shop_options_t *options, shop_cart_t **out,
                                 shop_error_t *err);

/** Accepts today's price for every line that is sold in the cart's currency.
    @return also SHOP_ERR_OVERFLOW @since 0.1.0 */
SHOP_API int32_t shop_cart_reprice(shop_t *shop, const shop_token_t *token, int64_t cart_id,
                                   const shop_options_t *options, shop_cart_t **out,
                                   shop_error_t *err);

/**
 * Sets the pieces of every line aside for this cart, all or none, so that nobody
 * else can buy them before it; or, where that is so already, sets anew how long.
 * Between this and the purchase nothing is let go of: the purchase turns what is
 * held into what it reserves.
 *
 * While the hold lasts it follows every change of the cart: what a line gets more
 * is set aside as well, or the change is refused (SHOP_ERR_OUT_OF_STOCK); what a
 * line has less of is free again. A purchase that is declined within the time
 * gives the pieces back to the hold. When the time is over, whoever needs the
 * pieces may have them, and `shop_maintain` and `shop_recover` free them; until
 * then they stay the cart's, and a purchase still gets them. A hold is of pieces,
 * not of prices, and it takes no lock: a merchant who counts or retires is not
 * kept from it.
 *
 * Nobody can keep pieces from others for ever: a cart is held for the limit of the
 * shop in a row (`shop_config_set_cart_hold_max_ms`), however often this is called,
 * and after that as long not at all.
 *
 * @param hold_ms for how long from now, 1,000 to the limit of the shop; cut at the
 *                end of what the cart may be held in a row, so that the snapshot
 *                says how long it is (`shop_cart_held_until_ms`)
 * @return also SHOP_ERR_OUT_OF_STOCK too few pieces of a product, which the error
 *   names; SHOP_ERR_CART_EMPTY; SHOP_ERR_PRODUCT_RETIRED, SHOP_ERR_CURRENCY_MIXED
 *   a line that could not be bought; SHOP_ERR_STATE it was held for as long as it
 *   may be
 * @since 0.1.0
 */
SHOP_API int32_t shop_cart_hold(shop_t *shop, const shop_token_t *token, int64_t cart_id,
                                int64_t hold_ms, const shop_options_t *options,
                                shop_cart_t **out, shop_error_t *err);

/** Ends the hold: every piece is free again. Harmless where nothing is held.
    @since 0.1.0 */
SHOP_API int32_t shop_cart_release(shop_t *shop, const shop_token_t *token, int64_t cart_id,
                                   const shop_options_t *options, shop_cart_t **out,
                                   shop_error_t *err);

/** The id, below 2^53; 0 for NULL. @since 0.1.0 */
SHOP_API int64_t shop_cart_id(const shop_cart_t *cart);
/** The owner's id. @since 0.1.0 */
SHOP_API int64_t shop_cart_user_id(const shop_cart_t *cart);
/** One of enum shop_cart_state; 0 for NULL. @since 0.1.0 */
SHOP_API int32_t shop_cart_state(const shop_cart_t *cart);
/** 1 at first, one more with every change. @since 0.1.0 */
SHOP_API int64_t shop_cart_version(const shop_cart_t *cart);
/** The code of ISO 4217; "" while there is no line. Borrowed. @since 0.1.0 */
SHOP_API const char *shop_cart_currency(const shop_cart_t *cart);
/** The sum of the line totals, at today's prices. @since 0.1.0 */
SHOP_API int64_t shop_cart_total_minor(const shop_cart_t *cart);
/** Every warning of any line, or 0. @since 0.1.0 */
SHOP_API int32_t shop_cart_warnings(const shop_cart_t *cart);
/** When it was made, in ms since 1970. @since 0.1.0 */
SHOP_API int64_t shop_cart_created_at_ms(const shop_cart_t *cart);
/** When it was last changed, in ms since 1970. @since 0.1.0 */
SHOP_API int64_t shop_cart_updated_at_ms(const shop_cart_t *cart);

/** Until when the pieces of an open cart are set aside for it, in ms since 1970; 0
    when they are not. A time that has passed: others may have them by now.
    @since 0.1.0 */
SHOP_API int64_t shop_cart_held_until_ms(const shop_cart_t *cart);

/** How many lines; they stand in the order in which they were added. The line
    getters give 0 or "" for an index outside. @since 0.1.0 */
SHOP_API int32_t shop_cart_line_count(const shop_cart_t *cart);
/** Borrowed. @since 0.1.0 */
SHOP_API const char *shop_cart_line_sku(const shop_cart_t *cart, int32_t line);
/** Today's name. Borrowed. @since 0.1.0 */
SHOP_API const char *shop_cart_line_name(const shop_cart_t *cart, int32_t line);
/** Pieces. @since 0.1.0 */
SHOP_API int64_t shop_cart_line_quantity(const shop_cart_t *cart, int32_t line);
/** Today's price of one piece (the kept one where the product's currency has
    changed). @since 0.1.0 */
SHOP_API int64_t shop_cart_line_unit_price_minor(const shop_cart_t *cart, int32_t line);
/** The price of one piece when the line was added. @since 0.1.0 */
SHOP_API int64_t shop_cart_line_kept_price_minor(const shop_cart_t *cart, int32_t line);
/** Quantity times today's price. @since 0.1.0 */
SHOP_API int64_t shop_cart_line_total_minor(const shop_cart_t *cart, int32_t line);
/** Pieces that this cart can buy now, those set aside for it included, or
    SHOP_STOCK_UNLIMITED. @since 0.1.0 */
SHOP_API int64_t shop_cart_line_available(const shop_cart_t *cart, int32_t line);
/** Values of enum shop_line_warning, added up; 0: none. @since 0.1.0 */
SHOP_API int32_t shop_cart_line_warnings(const shop_cart_t *cart, int32_t line);
/** Frees a cart snapshot, not the cart. NULL is harmless. @since 0.1.0 */
SHOP_API void shop_cart_free(shop_cart_t *cart);

#ifdef __cplusplus
}
#endif
#endif
