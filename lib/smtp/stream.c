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
  const struct shop__smtp_calls *calls = stream->calls;
  int64_t left;

  assert(!stream->open && stream->tls == NULL);
  stream->broken = SHOP__SMTP_WHOLE;
  stream->from = stream->to = 0;
  left = shop__smtp_stream_left_ms(stream);
  if (left == 0)
    return false;
  stream->open = calls->connect(calls->connect_user, host, port, left) == 1;
  if (!stream->open)
    note_break(stream, SHOP__SMTP_BROKEN);
  return stream->open;
}

size_t shop__smtp_stream_read_raw(struct shop__smtp_stream *stream, void *buffer, size_t size) {
  const struct shop__smtp_calls *calls = stream->calls;
  int64_t left, got;

  if (stream->broken != SHOP__SMTP_WHOLE)
    return 0;
  left = shop__smtp_stream_left_ms(stream);
  if (left == 0)
    return 0;
  got = calls->read(calls->read_user, buffer, size, left);
  if (got > 0 && (uint64_t)got <= size)
    return (size_t)got;
  note_break(stream, got == 0 ? SHOP__SMTP_ENDED : SHOP__SMTP_BROKEN);
  return 0;
}

size_t shop__smtp_stream_write_raw(struct shop__smtp_stream *stream, const void *data,
                                   size_t size) {
  const struct shop__smtp_calls *calls = stream->calls;
  int64_t left, taken;

  if (stream->broken != SHOP__SMTP_WHOLE)
    return 0;
  left = shop__smtp_stream_left_ms(stream);
  if (left == 0)
    return 0;
  taken = calls->write(calls->write_user, data, size, left);
  if (taken > 0 && (uint64_t)taken <= size)
    return (size_t)taken;
  note_break(stream, SHOP__SMTP_BROKEN);
  return 0;
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
  const struct shop__smtp_calls *calls = stream->calls;

  shop__smtp_tls_end(stream->tls, stream->broken == SHOP__SMTP_WHOLE);
  stream->tls = NULL;
  if (stream->open)
    calls->close(calls->close_user);
  stream->open = false;
  stream->from = stream->to = 0;
}
