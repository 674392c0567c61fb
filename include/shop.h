/*
 * libshop: a shop inside your program. This header brings all the others;
 * read shop/common.h first for the rules that hold everywhere.
 *
 * The timeline:
 *   shop_open            -> shop_t
 *   shop_user_register   -> token, no login needed after it
 *   shop_user_login      -> token, for those who come back
 *   shop_cart_create     -> cart
 *   shop_cart_add        -> cart, as often as wanted
 *   shop_session_check   -> is the token good, and what is in the cart
 *   shop_purchase        -> order: paid, stored, and its mail on the way
 */
#ifndef SHOP_H
#define SHOP_H

#include "shop/common.h"
#include "shop/status.h"
#include "shop/config.h"
#include "shop/store.h"
#include "shop/options.h"
#include "shop/text.h"
#include "shop/token.h"
#include "shop/key.h"
#include "shop/user.h"
#include "shop/password.h"
#include "shop/account.h"
#include "shop/guess.h"
#include "shop/guest.h"
#include "shop/money.h"
#include "shop/product.h"
#include "shop/cart.h"
#include "shop/session.h"
#include "shop/gateway.h"
#include "shop/purchase.h"
#include "shop/order.h"
#include "shop/refund.h"
#include "shop/payment.h"
#include "shop/event.h"
#include "shop/mail.h"
#include "shop/outbox.h"
#include "shop/template.h"
#include "shop/audit.h"
#include "shop/maintain.h"

#endif
