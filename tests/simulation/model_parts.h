/* What the files of the model share. */
#ifndef SHOP_TESTS_MODEL_PARTS_H
#define SHOP_TESTS_MODEL_PARTS_H

#include "model.h"

void model_copy(char *out, size_t size, const char *text);
uint64_t model_mix(uint64_t digest, uint64_t value);
bool model_has(const struct m_product *product, int64_t quantity);
void model_move(struct model *model, const struct m_order *order, bool sold);
int64_t model_price_of(const struct model *model, const struct m_cart *cart,
                       const struct m_line *line);
/* Is the hold's time now; gives a cart's pieces back; ends the first hold that is over and has
   pieces of the product (NOBODY: of any). False: there is none. */
bool model_hold_is_on(const struct model *model, const struct m_cart *cart);
void model_end_hold(struct model *model, struct m_cart *cart);
bool model_make_room(struct model *model, int32_t product);
/* Every line is sold, in the cart's currency. Every piece is set aside, or none: but where that
   failed, holds that are over may have ended. */
int32_t model_look_at_lines(const struct model *model, const struct m_cart *cart);
int32_t model_set_all_aside(struct model *model, const struct m_cart *cart);
/* In upkeep. */
int64_t model_prune_guests(struct model *model);
/* What a call that fails has to put back. */
struct m_undo {
  int64_t reserved[PRODUCTS], lengths[CARTS_MAX];
};
void model_remember(const struct model *model, struct m_undo *undo);
void model_undo(struct model *model, const struct m_undo *undo);
/* In the commit of its cause. */
void model_queue_mail(struct model *model, const struct m_order *order, int32_t kind,
                      int64_t amount);
void model_place(struct model *model, struct m_order *order);
void model_fail(struct model *model, struct m_order *order);
void model_cancel(struct model *model, struct m_order *order);
struct m_operation *model_new_operation(struct model *model, struct m_order *order, int32_t kind,
                                        int64_t amount, const char *currency);
bool model_is_open(const struct m_order *order);
int64_t model_refunding(const struct m_order *order);

#endif
