/*
 * Large stores, written by SQL: what libshop would have left behind after so
 * many products, users and orders. shop_verify finds no fault with them.
 */
#ifndef SHOP_TESTS_BENCH_GROWTH_H
#define SHOP_TESTS_BENCH_GROWTH_H

#include "bench.h"

/* Fills a store that libshop has made, and in which "seed@customers.example"
   has bought something: rows are modelled on what is there. */
void growth_fill(const char *path, int64_t size);
void growth_email(int64_t user, char out[80]);
/* The id of a product, and the number of an order; from 0. */
int64_t growth_product_id(int64_t product);
void growth_number(int64_t order, int64_t size, char out[13]);

#endif
