/*
 * The byte stream that is built in: a TCP socket that never blocks for longer
 * than it is told, and raises no signal.
 */
#include "smtp.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Waits for an event until a moment of the monotonic clock; 0, or an errno. */
static int wait_for(int fd, short event, int64_t until_us) {
  struct pollfd wanted = {.fd = fd, .events = event};

  for (;;) {
    int64_t left = until_us - shop__clock_monotonic_us();
    int ready;

    if (left <= 0)
      return ETIMEDOUT;
    left = (left + 999) / 1000;
    ready = poll(&wanted, 1, left > 1000000 ? 1000000 : (int)left);
    if (ready > 0)
      return 0;
    if (ready < 0 && errno != EINTR)
      return errno;
  }
}

static int64_t moment(int64_t timeout_ms) {
  return shop__clock_monotonic_us() + timeout_ms * 1000;
}

/* ---- connecting --------------------------------------------------------------------------- */

static int configure(int fd) {
  int flags = fcntl(fd, F_GETFL), on = 1;

  if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0 || fcntl(fd, F_SETFD, FD_CLOEXEC) < 0)
    return errno;
  /* Commands are written whole: waiting for more would only delay them. */
  (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  return 0;
}

/* A connection that was begun goes on after EINTR as after EINPROGRESS. */
static int finish_connect(int fd, int64_t until_us) {
  int failed = wait_for(fd, POLLOUT, until_us), why = 0;
  socklen_t size = sizeof why;

  if (failed != 0)
    return failed;
  return getsockopt(fd, SOL_SOCKET, SO_ERROR, &why, &size) < 0 ? errno : why;
}

/* 0 with *out a connected socket, or an errno. */
static int connect_one(const struct addrinfo *address, int64_t until_us, int *out) {
  int fd = socket(address->ai_family, address->ai_socktype, address->ai_protocol), failed;

  if (fd < 0)
    return errno;
  failed = configure(fd);
  if (failed == 0 && connect(fd, address->ai_addr, address->ai_addrlen) < 0) {
    failed = errno;
    if (failed == EINPROGRESS || failed == EINTR)
      failed = finish_connect(fd, until_us);
  }
  if (failed == 0)
    *out = fd;
  else
    (void)close(fd);
  return failed;
}

/* Tries one address after the other; each gets its share of the time that is left, so that one
   that swallows packets does not use up that of the next. */
static int connect_any(const struct addrinfo *list, int64_t until_us, int *out) {
  int failed = EHOSTUNREACH, count = 0;

  for (const struct addrinfo *at = list; at != NULL; at = at->ai_next)
    count++;
  for (const struct addrinfo *at = list; at != NULL; at = at->ai_next, count--) {
    int64_t now = shop__clock_monotonic_us();
    if (now >= until_us)
      return ETIMEDOUT;
    failed = connect_one(at, now + (until_us - now) / count, out);
    if (failed == 0)
      return 0;
  }
  return failed;
}

static void say_errno(struct shop__smtp_socket *socket, int failed) {
  if (strerror_r(failed, socket->why, sizeof socket->why) != 0)
    (void)snprintf(socket->why, sizeof socket->why, "error %d", failed);
}

static void socket_connect(struct shop_smtp_io *io, void *user) {
  struct shop__smtp_socket *socket = user;
  const struct addrinfo wanted = {
      .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV};
  int64_t until_us = moment(io->timeout_ms);
  struct addrinfo *list = NULL;
  char service[12];
  int failed;

  assert(socket->fd == -1);
  (void)snprintf(service, sizeof service, "%d", (int)io->port);
  failed = getaddrinfo(io->host, service, &wanted, &list);
  if (failed != 0) {
    (void)snprintf(socket->why, sizeof socket->why, "%s", gai_strerror(failed));
    return;
  }
  failed = connect_any(list, until_us, &socket->fd);
  freeaddrinfo(list);
  socket->why[0] = '\0';
  if (failed != 0)
    say_errno(socket, failed);
  io->connected = failed == 0;
}

/* ---- reading and writing --------------------------------------------------------------------- */

static bool try_again(int failed) {
  return failed == EAGAIN || failed == EWOULDBLOCK || failed == EINTR;
}

static void socket_read(struct shop_smtp_io *io, void *user) {
  struct shop__smtp_socket *socket = user;
  int64_t until_us = moment(io->timeout_ms);

  for (;;) {
    ssize_t got = recv(socket->fd, io->buffer, io->size, 0);
    if (got >= 0) {
      io->moved = (size_t)got;
      io->ended = got == 0;
      return;
    }
    if (!try_again(errno) || wait_for(socket->fd, POLLIN, until_us) != 0)
      return;
  }
}

static void socket_write(struct shop_smtp_io *io, void *user) {
  struct shop__smtp_socket *socket = user;
  int64_t until_us = moment(io->timeout_ms);

  for (;;) {
    ssize_t taken = send(socket->fd, io->data, io->size, MSG_NOSIGNAL);
    if (taken > 0) {
      io->moved = (size_t)taken;
      return;
    }
    if ((taken < 0 && !try_again(errno)) || wait_for(socket->fd, POLLOUT, until_us) != 0)
      return;
  }
}

static void socket_close(struct shop_smtp_io *io, void *user) {
  struct shop__smtp_socket *socket = user;

  (void)io;
  if (socket->fd >= 0)
    (void)close(socket->fd);
  socket->fd = -1;
}

void shop__smtp_socket_calls(struct shop__smtp_socket *socket, struct shop__smtp_calls *calls) {
  *calls = (struct shop__smtp_calls){
      .connect = socket_connect,
      .connect_user = socket,
      .read = socket_read,
      .read_user = socket,
      .write = socket_write,
      .write_user = socket,
      .close = socket_close,
      .close_user = socket,
  };
}
