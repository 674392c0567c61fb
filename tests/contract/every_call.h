/*
 * Every public call that takes an open shop, each with arguments that are good,
 * so that a test can try one rule on all of them.
 */
#ifndef SHOP_TESTS_EVERY_CALL_H
#define SHOP_TESTS_EVERY_CALL_H

#include <harness.h>

enum { ACCOUNTS = 5, GUESTS = 2 };

/* What the calls are made with. */
struct props {
  const shop_token_t *token;
  int64_t user_id;
  int64_t cart_id;
  const shop_mail_t *mail; /* that is leased */
  int64_t dead_mail_id;
  const char *new_email; /* of whom shop_user_register makes */
  const char *email;     /* of the token's user */
  const char *password;
  const char *sku;
  const char *second_sku; /* shop_cart_remove takes it out */
  const char *number;     /* of an order */
  const char *reference;  /* of its payment */
  /* Orders that some call can be made of, and who may: */
  const char *authorized, *captured, *unknown, *pending, *contradicted;
  const shop_token_t *pending_token;
  /* Another shopper, with a cart that is not bought yet. */
  const shop_token_t *second_token;
  int64_t second_cart_id;
  /* Users whose account is all that they have; some call ends it. */
  const shop_token_t *account_tokens[ACCOUNTS];
  const shop_token_t *guest_tokens[GUESTS]; /* each with a cart that is held */
  /* What their mail holds: of the first the address, of the second the password, of
     the fourth a new address. */
  const char *verify_code, *reset_code, *email_code;
  const char *unlock_code; /* of the third */
  const char *registration_code; /* of late@example.org, which has no account yet */
  int64_t session_id; /* a second session of the first of them */
  const shop_payment_report_t *report; /* of what is known about the order */
  const shop_product_batch_t *batch;   /* of sku, and of another product */
  const char *backup_path;
  const shop_token_t *merchant_token; /* with the scope "merchant" */
  const char *refresh_text; /* of another login of the token's user */
  char kid[24]; /* of a key that has signed nothing */
  /* result: the outputs are as the status promises: an object with SHOP_OK and
     with the outcome family, else NULL or 0 (the order also when the store failed
     after the gateway was asked) */
  bool outputs_are_right;
};

struct call {
  const char *name;
  bool writes; /* in the common case, begins a transaction that may write */
  bool needs_token;
  bool gives_object; /* by an output that may not be NULL */
  bool once;         /* cannot be made again when it has succeeded */
  /* Makes the call and frees what it gave. With no_out, out is NULL. */
  int32_t (*make)(shop_t *shop, struct props *props, bool no_out, shop_error_t *err);
};

/* In an order in which they can succeed one after the other, given a user, two
   products, and an order for shop_order_... */
extern const struct call every_call[];
extern const size_t every_call_count;

/* A shop with two products, a user with a paid order, whose mail is taken, and a
   filled cart, and what else the calls need: orders of other shoppers. */
struct scene {
  struct world *world;
  shop_token_t *token, *merchant_token, *second_login;
  shop_order_t *order;
  shop_token_t *other_tokens[6];
  shop_order_t *other_orders[5];
  shop_token_t *account_tokens[ACCOUNTS];
  shop_token_t *guest_tokens[GUESTS];
  shop_payment_report_t *report;
  shop_product_batch_t *batch;
  int32_t charges;    /* the gateway was asked for */
  int64_t attentions; /* of shop_verify */
  shop_mail_t *mail;
  struct props props;
};

/* Opens the shop of a world that was prepared, with a gateway whose charges do as
   the world's mood says; a call to the gateway has ten hours. */
struct scene scene_in(struct world *world);
/* The world with it. */
void scene_free(struct scene *scene);

#endif
