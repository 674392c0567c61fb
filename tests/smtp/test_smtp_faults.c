/*
 * Every allocation fails once: the call says so and changes nothing, and a
 * mail that could not be sent for want of memory is never called delivered.
 */
#include "allocation_faults.h"
#include "server.h"

#include <string.h>

static int32_t new_with_everything(shop_smtp_t **smtp) {
  shop_smtp_config_t *config = NULL;
  int32_t status = shop_smtp_config_new(&config);

  if (status == SHOP_OK)
    status = shop_smtp_config_set_host(config, "mail.example");
  if (status == SHOP_OK)
    status = shop_smtp_config_set_ca_file(config, "/nowhere/else");
  if (status == SHOP_OK)
    status = shop_smtp_config_set_ca_file(config, "/dev/null");
  if (status == SHOP_OK)
    status = shop_smtp_config_set_ca_pem(config, "x", 1);
  if (status == SHOP_OK)
    status = shop_smtp_config_set_client_certificate(config, "x", 1, "y", 1);
  if (status == SHOP_OK)
    status = shop_smtp_new(config, smtp, NULL);
  shop_smtp_config_free(config);
  return status;
}

/* The last status, without any failure, is that of the nonsense for a certificate. */
START_TEST(settings) {
  long nth = 0;
  for (bool again = true; again;) {
    shop_smtp_t *smtp = NULL;
    allocation_fail_at(++nth);
    int32_t status = new_with_everything(&smtp);
    again = allocation_failed();
    ck_assert_int_eq(status, again ? SHOP_ERR_NO_MEMORY : SHOP_ERR_ARGUMENT);
    ck_assert_ptr_null(smtp);
  }
  ck_assert_int_gt(nth, 7);
}
END_TEST

/* The handle and the answer; both before anything is sent. */
START_TEST(sending) {
  struct server *server = server_new();
  shop_smtp_config_t *config = server_config(server);
  for (long nth = 1; nth <= 2; nth++) {
    shop_smtp_t *smtp = NULL;
    shop_smtp_answer_t *answer = NULL;
    allocation_fail_at(nth);
    int32_t status = shop_smtp_new(config, &smtp, NULL);
    if (status == SHOP_OK)
      status = shop_smtp_send(smtp, "", "a@b.example", "x\r\n", 3, &answer, NULL);
    ck_assert(allocation_failed());
    ck_assert_int_eq(status, SHOP_ERR_NO_MEMORY);
    ck_assert_ptr_null(answer);
    ck_assert_int_eq(smtp != NULL, nth == 2);
    ck_assert_int_eq(server->connects, 0);
    if (nth == 2)
      ck_assert_int_eq(server_result(smtp), SHOP_SMTP_DELIVERED);
    shop_smtp_free(smtp);
  }
  shop_smtp_config_free(config);
  server_free(server);
}
END_TEST

int main(void) {
  const TTest *const tests[] = {settings, sending};
  return SERVER_RUN("SMTP faults", tests);
}
