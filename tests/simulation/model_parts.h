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
void model_place(struct model *model, struct m_order *order);
void model_fail(struct model *model, struct m_order *order);
void model_cancel(struct model *model, struct m_order *order);
struct m_operation *model_new_operation(struct model *model, struct m_order *order, int32_t kind,
                                        int64_t amount, const char *currency);
bool model_is_open(const struct m_order *order);
bool model_is_unfinished(const struct m_operation *operation);
int64_t model_refunding(const struct m_order *order);

#endif
