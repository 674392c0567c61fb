/*
 * The suites of the lowest room, one file each.
 */
#ifndef SHOP_TEST_BASE_H
#define SHOP_TEST_BASE_H

#include <check.h>

Suite *error_suite(void);
Suite *bytes_suite(void);
Suite *pack_suite(void);
Suite *text_suite(void);
Suite *email_suite(void);
Suite *money_suite(void);
Suite *clock_suite(void);
Suite *json_suite(void);

#endif
