/*
 * A deliverer with a transport of its own: it puts every mail that waits into
 * a maildir, as a mail server does, and needs no network. Run beside the
 * programs that sell, as often as wanted, also several at once.
 *
 *   maildir_transport STORE MAILDIR
 *
 * A mail is delivered when its bytes and its name are on the disk. Its name is
 * made of its Message-ID, so that a second copy, which follows a crash between
 * the delivery and the note of it, takes the place of the first (unless a
 * reader has moved that away by then).
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <shop.h>

static shop_error_t *err;

static void must(int32_t status, const char *step) {
  if (status == SHOP_OK)
    return;
  fprintf(stderr, "%s: %s: %s\n", step, shop_status_name(status), shop_error_message(err));
  exit(1);
}

/* "<order-7F3K.confirmation@shop.example>" becomes a file name: what might mean something to a
   file system does not get into it. False when there is none, or none that fits. */
static bool name_of(const char *message, char *name, size_t room) {
  static const char safe[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-@";
  const char *at = strstr(message, "\r\nMessage-ID: <");
  const char *end;
  size_t used = 0;

  if (at == NULL)
    return false;
  at += strlen("\r\nMessage-ID: <");
  end = strchr(at, '>');
  if (end == NULL || end == at || (size_t)(end - at) >= room)
    return false;
  for (; at < end; at++, used++)
    name[used] = strchr(safe, *at) != NULL || (*at == '.' && used > 0) ? *at : '_';
  name[used] = '\0';
  return true;
}

static bool write_all(int file, const char *data, size_t size) {
  while (size > 0) {
    ssize_t taken = write(file, data, size);
    if (taken < 0 && errno == EINTR)
      continue;
    if (taken <= 0)
      return false;
    data += taken;
    size -= (size_t)taken;
  }
  return true;
}

/* The file with its bytes, on the disk. */
static bool write_file(const char *path, const char *data, size_t size) {
  int file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  bool written = file >= 0 && write_all(file, data, size) && fsync(file) == 0;

  if (file >= 0 && close(file) != 0)
    written = false;
  return written;
}

/* A name is on the disk when its folder is. */
static bool sync_folder(const char *path) {
  int folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  bool synced = folder >= 0 && fsync(folder) == 0;

  if (folder >= 0)
    close(folder);
  return synced;
}

/* The transport: written beside, then renamed into the place where readers look. Two deliverers
   that have the same mail write the same bytes, each to a file of its own. */
static void deliver(shop_mail_call_t *call, void *user) {
  const char *maildir = user;
  char name[200], from[5000], to[5000], folder[5000];

  if (!name_of(shop_mail_call_message(call), name, sizeof name)) {
    shop_mail_call_set_rejected(call, "it has no Message-ID to be filed by");
    return;
  }
  snprintf(from, sizeof from, "%s/tmp/%s.%ld", maildir, name, (long)getpid());
  snprintf(to, sizeof to, "%s/new/%s", maildir, name);
  snprintf(folder, sizeof folder, "%s/new", maildir);
  if (write_file(from, shop_mail_call_message(call), shop_mail_call_message_bytes(call)) &&
      rename(from, to) == 0 && sync_folder(folder)) {
    shop_mail_call_set_delivered(call);
    return;
  }
  /* A full disk is emptied, a lost mount comes back: the mail waits. */
  shop_mail_call_set_later(call, strerror(errno));
  unlink(from);
}

static void make_folder(const char *maildir, const char *name) {
  char path[5000];

  if (snprintf(path, sizeof path, "%s%s", maildir, name) >= 4500 ||
      (mkdir(path, 0700) != 0 && errno != EEXIST)) {
    perror(path);
    exit(1);
  }
}

int main(int argc, char **argv) {
  shop_config_t *config = NULL;
  shop_t *shop = NULL;
  int32_t delivered = 0;
  int64_t total = 0;

  if (argc != 3) {
    fprintf(stderr, "usage: %s STORE MAILDIR\n", argv[0]);
    return 2;
  }
  make_folder(argv[2], "");
  make_folder(argv[2], "/tmp");
  make_folder(argv[2], "/new");
  make_folder(argv[2], "/cur");
  must(shop_error_new(&err), "error");
  must(shop_config_new(&config), "config");
  must(shop_config_set_mail_transport(config, deliver, argv[2]), "transport");
  must(shop_open(argv[1], config, &shop, err), "open");
  shop_config_free(config);
  do {
    must(shop_mail_deliver(shop, 1000, &delivered, err), "deliver");
    total += delivered;
  } while (delivered > 0);
  printf("delivered %lld mails into %s\n", (long long)total, argv[2]);
  must(shop_close(shop), "close");
  shop_error_free(err);
  return 0;
}
