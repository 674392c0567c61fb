/*
 * One call of a byte stream's function, as the function sees it. Nothing is
 * taken for its answer but what it has set: the value that a function returns
 * is not to be trusted when it may have been left by an exception of another
 * language.
 */
#include "smtp.h"

const char *shop_smtp_io_host(const shop_smtp_io_t *io) {
  return io == NULL || io->host == NULL ? "" : io->host;
}

int32_t shop_smtp_io_port(const shop_smtp_io_t *io) {
  return io == NULL ? 0 : io->port;
}

int64_t shop_smtp_io_timeout_ms(const shop_smtp_io_t *io) {
  return io == NULL ? 0 : io->timeout_ms;
}

void *shop_smtp_io_buffer(const shop_smtp_io_t *io) {
  return io == NULL ? NULL : io->buffer;
}

const void *shop_smtp_io_data(const shop_smtp_io_t *io) {
  return io == NULL ? NULL : io->data;
}

size_t shop_smtp_io_bytes(const shop_smtp_io_t *io) {
  return io == NULL ? 0 : io->size;
}

int32_t shop_smtp_io_set_connected(shop_smtp_io_t *io) {
  if (io == NULL || io->kind != SHOP__SMTP_CONNECT)
    return SHOP_ERR_ARGUMENT;
  io->connected = true;
  return SHOP_OK;
}

int32_t shop_smtp_io_set_moved(shop_smtp_io_t *io, size_t bytes) {
  if (io == NULL || bytes < 1 || bytes > io->size || io->moved != 0 || io->ended)
    return SHOP_ERR_ARGUMENT;
  io->moved = bytes;
  return SHOP_OK;
}

int32_t shop_smtp_io_set_ended(shop_smtp_io_t *io) {
  if (io == NULL || io->kind != SHOP__SMTP_READ || io->moved != 0)
    return SHOP_ERR_ARGUMENT;
  io->ended = true;
  return SHOP_OK;
}
