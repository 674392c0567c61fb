/* An online copy of a shop in use: the state of one moment. */
#include <string.h>

#include "flow.h"

struct progress {
  shop_t *shop;
  shop_progress_fn fn;
  void *user;
};

static bool go_on(void *ctx, int64_t done, int64_t total) {
  struct progress *progress = ctx;
  struct shop__callback callback;
  bool on;

  if (progress->fn == NULL)
    return true;
  shop__callback_begin_inside(progress->shop, &callback);
  on = progress->fn(progress->user, done, total);
  shop__callback_end(progress->shop, &callback);
  return on;
}

int32_t shop_backup(shop_t *shop, const char *path, shop_progress_fn progress, void *user,
                    shop_error_t *err) {
  struct progress ctx = {shop, progress, user};
  int32_t status = shop__enter(shop, err);

  if (status != SHOP_OK)
    return status;
  if (path == NULL || path[0] == '\0')
    status = shop__missing("path", err);
  else if (strnlen(path, SHOP__PATH_MAX + 1) > SHOP__PATH_MAX)
    status = shop__error_set(err, SHOP_ERR_TOO_LONG, "the path has more than %d bytes",
                             SHOP__PATH_MAX);
  else
    status = shop__db_backup(shop->db, path, go_on, &ctx, err);
  return shop__leave(shop, status);
}
