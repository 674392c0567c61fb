/*
 * Opening and closing a shop. The whole shop is one SQLite file (and its -wal
 * and -shm beside it while open). Several processes may have it open at once,
 * on one machine, not over a network file system.
 */
#ifndef SHOP_STORE_H
#define SHOP_STORE_H

#include "shop/common.h"
#include "shop/status.h"

#ifdef __cplusplus
extern "C" {
#endif

/**
 * Opens the shop in a file, and makes it when the file is missing or empty. A
 * file that it makes can be read by its owner alone (it holds password hashes
 * and signing keys); who wants another mode makes it beforehand, empty. An
 * older file is migrated, in one transaction. Signing keys are made at the
 * first open. Call `shop_recover` next, where purchases may have been cut off.
 *
 * The host must not open the file by its own means in the same process while
 * the shop is open (POSIX would drop the locks), nor put it in memory.
 *
 * A process that forks opens its shops after the fork. A child must not open a
 * file that its parent had open when it forked, unless it calls exec first: it
 * has inherited SQLite's memory of the parent's locks without the locks, and
 * its commits could be lost.
 *
 * @param path   the file, in the file system's own encoding; 1 to 500 bytes,
 *               also when it is made absolute
 * @param config copied; NULL for the defaults
 * @param out    receives the shop; ended by `shop_close`
 * @param err    optional
 * @return SHOP_OK;
 *   SHOP_ERR_ARGUMENT    path NULL or empty, or ":memory:", or out NULL;
 *   SHOP_ERR_TOO_LONG    path over 500 bytes;
 *   SHOP_ERR_CANNOT_OPEN the folder is missing, the path is a folder, or it may
 *                        not be read;
 *   SHOP_ERR_NOT_A_STORE the file is not SQLite's;
 *   SHOP_ERR_NOT_A_SHOP  it is SQLite's but not a shop;
 *   SHOP_ERR_TOO_NEW     a newer libshop has migrated it;
 *   SHOP_ERR_KEY_SECRET  signing keys are sealed with a secret that was not given,
 *                        or with another one (key.h);
 *   SHOP_ERR_PEPPER      passwords need a pepper that was not given (password.h);
 *   SHOP_ERR_READ_ONLY   the file or its folder cannot be written;
 *   SHOP_ERR_DISK_FULL, SHOP_ERR_IO, SHOP_ERR_CORRUPT, SHOP_ERR_BUSY,
 *   SHOP_ERR_COMMIT_UNKNOWN (open again), SHOP_ERR_NO_MEMORY
 * @since 0.1.0
 */
SHOP_API int32_t shop_open(const char *path, const shop_config_t *config, shop_t **out,
                           shop_error_t *err);

/**
 * Ends a shop: refuses new calls (SHOP_ERR_CLOSED), waits for those that run,
 * frees everything. Snapshots stay good. After it returns SHOP_OK the pointer
 * is dead.
 *
 * @return SHOP_OK, also for NULL;
 *   SHOP_ERR_IN_CALLBACK from inside a callback of this shop (nothing happens);
 *   SHOP_ERR_CLOSED      another thread is closing it already;
 *   SHOP_ERR_FORKED      in a child process: the memory and the connections
 *                        are left behind deliberately, for SQLite allows a
 *                        child not even to close them
 * @since 0.1.0
 */
SHOP_API int32_t shop_close(shop_t *shop);

#ifdef __cplusplus
}
#endif
#endif
