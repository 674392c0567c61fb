/*
 * The byte stream of a connection, in clear or through TLS, with a limit of
 * time that runs from the beginning of a step to its end, whatever trickles in
 * meanwhile. What broke stays broken until it is opened again.
 */
#include "smtp.h"

#include <assert.h>

void shop__smtp_stream_step(struct shop__smtp_stream *stream, int64_t timeout_ms) {
  int64_t until = shop__clock_monotonic_us() + timeout_ms * 1000;

  stream->step_until_us = until < stream->mail_until_us ? until : stream->mail_until_us;
}

int64_t shop__smtp_stream_left_ms(struct shop__smtp_stream *stream) {
  int64_t left = stream->step_until_us - shop__clock_monotonic_us();

  if (left > 0)
    return (left + 999) / 1000;
  if (stream->broken == SHOP__SMTP_WHOLE)
    stream->broken = SHOP__SMTP_LATE;
  return 0;
}

/* A call that failed because its time was over is one that came too late. */
static void note_break(struct shop__smtp_stream *stream, enum shop__smtp_break how) {
  if (shop__smtp_stream_left_ms(stream) > 0)
    stream->broken = how;
}

bool shop__smtp_stream_open(struct shop__smtp_stream *stream, const char *host, int32_t port) {
  struct shop_smtp_io io = {.kind = SHOP__SMTP_CONNECT, .host = host, .port = port};

  assert(!stream->open && stream->tls == NULL);
  stream->broken = SHOP__SMTP_WHOLE;
  stream->from = stream->to = 0;
  io.timeout_ms = shop__smtp_stream_left_ms(stream);
  if (io.timeout_ms == 0)
    return false;
  stream->calls->connect(&io, stream->calls->connect_user);
  stream->open = io.connected;
  if (!stream->open)
    note_break(stream, SHOP__SMTP_BROKEN);
  return stream->open;
}

/* How many bytes a call has moved; 0 with the stream broken. */
static size_t move(struct shop__smtp_stream *stream, struct shop_smtp_io *io, shop_smtp_io_fn fn,
                   void *user) {
  if (stream->broken != SHOP__SMTP_WHOLE)
    return 0;
  io->timeout_ms = shop__smtp_stream_left_ms(stream);
  if (io->timeout_ms == 0)
    return 0;
  fn(io, user);
  if (io->moved == 0)
    note_break(stream, io->ended ? SHOP__SMTP_ENDED : SHOP__SMTP_BROKEN);
  return io->moved;
}

size_t shop__smtp_stream_read_raw(struct shop__smtp_stream *stream, void *buffer, size_t size) {
  struct shop_smtp_io io = {.kind = SHOP__SMTP_READ, .buffer = buffer, .size = size};

  return move(stream, &io, stream->calls->read, stream->calls->read_user);
}

size_t shop__smtp_stream_write_raw(struct shop__smtp_stream *stream, const void *data,
                                   size_t size) {
  struct shop_smtp_io io = {.kind = SHOP__SMTP_WRITE, .data = data, .size = size};

  return move(stream, &io, stream->calls->write, stream->calls->write_user);
}

bool shop__smtp_stream_fill(struct shop__smtp_stream *stream) {
  assert(stream->from == stream->to);
  stream->from = 0;
  stream->to = stream->tls != NULL
                   ? shop__smtp_tls_read(stream->tls, stream->in, sizeof stream->in)
                   : shop__smtp_stream_read_raw(stream, stream->in, sizeof stream->in);
  return stream->to > 0;
}

bool shop__smtp_stream_write(struct shop__smtp_stream *stream, const void *data, size_t size) {
  const char *at = data;

  while (size > 0) {
    size_t taken = stream->tls != NULL ? shop__smtp_tls_write(stream->tls, at, size)
                                       : shop__smtp_stream_write_raw(stream, at, size);
    if (taken == 0)
      return false;
    at += taken;
    size -= taken;
  }
  return true;
}

void shop__smtp_stream_close(struct shop__smtp_stream *stream) {
  struct shop_smtp_io io = {.kind = SHOP__SMTP_CLOSE};

  shop__smtp_tls_end(stream->tls, stream->broken == SHOP__SMTP_WHOLE);
  stream->tls = NULL;
  if (stream->open)
    stream->calls->close(&io, stream->calls->close_user);
  stream->open = false;
  stream->from = stream->to = 0;
}
