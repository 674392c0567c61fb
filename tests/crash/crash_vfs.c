/* A file system to die on: crash_vfs.h says what for. */
#include "crash_vfs.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define IMAGES_MAX 16
#define PATH_BYTES 600

/* A write since the last sync; data NULL: a truncation to `at`. */
struct piece {
  struct piece *next;
  sqlite3_int64 at;
  unsigned char *data;
  size_t size;
};

/* A file as it is on the disk for sure, and what may be there as well. */
struct image {
  char path[PATH_BYTES];
  bool exists; /* its name is on the disk */
  bool deleted;
  unsigned char *data;
  size_t size;
  struct piece *first, **last;
};

struct shim_file {
  sqlite3_file base;
  enum { FILE_MAIN, FILE_LOG, FILE_OTHER } kind;
  struct image *image;
  sqlite3_file *real; /* directly behind this struct */
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct crash_plan plan;
static struct image images[IMAGES_MAX];
static int image_count;
static long points, syncs;
static uint64_t dice;
static sqlite3_vfs shim_vfs, *real_vfs;

static const char *const names[POINT_KINDS] = {
    "open a file",
    "write the log",
    "sync the log",
    "truncate the log",
    "write the file",
    "sync the file",
    "truncate the file",
    "write another file",
    "delete a file",
    "lock the file",
    "unlock the file",
    "lock the log's index",
    "unlock the log's index",
    "before the charge",
    "during the charge",
    "after the charge",
    "before the capture",
    "during the capture",
    "after the capture",
    "before the void",
    "during the void",
    "after the void",
    "before the refund",
    "during the refund",
    "after the refund",
    "before the query",
    "during the query",
    "after the query",
    "before the mail",
    "after the mail",
};

const char *point_name(enum point kind) {
  return names[kind];
}

static void *need(void *memory) {
  if (memory == NULL)
    abort();
  return memory;
}

/* splitmix64 */
static uint64_t draw(void) {
  uint64_t z = dice += UINT64_C(0x9e3779b97f4a7c15);

  z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
  z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
  return z ^ (z >> 31);
}

/* ---- what is on the disk --------------------------------------------------------------- */

static void resize(struct image *image, size_t size) {
  if (size > image->size) {
    image->data = need(realloc(image->data, size));
    memset(image->data + image->size, 0, size - image->size);
  }
  image->size = size;
}

static void put(struct image *image, sqlite3_int64 at, const unsigned char *data, size_t size) {
  if ((size_t)at + size > image->size)
    resize(image, (size_t)at + size);
  memcpy(image->data + at, data, size);
}

static void put_garbage(struct image *image, sqlite3_int64 at, size_t size) {
  if ((size_t)at + size > image->size)
    resize(image, (size_t)at + size);
  for (size_t i = 0; i < size; i++)
    image->data[(size_t)at + i] = (unsigned char)draw();
}

static void apply(struct image *image, const struct piece *piece) {
  if (piece->data == NULL)
    resize(image, (size_t)piece->at);
  else
    put(image, piece->at, piece->data, piece->size);
}

/* Of each sector of the disk that the piece lies in, one of these: written, not
   written, and now and then garbage. Only what was to be written is touched. */
static void tear(struct image *image, const struct piece *piece, size_t sector, bool garbage) {
  size_t done = 0;

  while (done < piece->size) {
    size_t to_edge = sector - ((size_t)piece->at + done) % sector;
    size_t size = piece->size - done < to_edge ? piece->size - done : to_edge;

    switch (draw() % 4) {
    case 0:
    case 1:
      put(image, piece->at + (sqlite3_int64)done, piece->data + done, size);
      break;
    case 2:
      if (garbage)
        put_garbage(image, piece->at + (sqlite3_int64)done, size);
      break;
    case 3:
      break;
    }
    done += size;
  }
}

/* A piece that is left out while a later one is written is what reordering
   comes to. */
static void mix(struct image *image, const struct piece *piece) {
  unsigned roll = (unsigned)(draw() % 100);

  if (roll < 45)
    apply(image, piece);
  else if (roll < 75 && piece->data != NULL)
    tear(image, piece, draw() % 2 == 0 ? 512 : 4096, draw() % 3 == 0);
}

static void forget_pieces(struct image *image) {
  while (image->first != NULL) {
    struct piece *piece = image->first;

    image->first = piece->next;
    free(piece->data);
    free(piece);
  }
  image->last = &image->first;
}

static void sync_image(struct image *image) {
  for (const struct piece *piece = image->first; piece != NULL; piece = piece->next)
    apply(image, piece);
  forget_pieces(image);
  image->exists = true;
}

static void add_piece(struct image *image, sqlite3_int64 at, const void *data, size_t size) {
  struct piece *piece = need(calloc(1, sizeof *piece));

  piece->at = at;
  if (data != NULL) {
    piece->data = need(malloc(size));
    memcpy(piece->data, data, size);
    piece->size = size;
  }
  *image->last = piece;
  image->last = &piece->next;
}

static void read_image(struct image *image) {
  unsigned char buffer[65536];
  int fd = open(image->path, O_RDONLY);
  ssize_t got;

  image->exists = fd >= 0;
  while (fd >= 0 && (got = read(fd, buffer, sizeof buffer)) > 0)
    put(image, (sqlite3_int64)image->size, buffer, (size_t)got);
  if (fd >= 0)
    close(fd);
}

static struct image *find_image(const char *path) {
  for (int i = 0; i < image_count; i++)
    if (strcmp(images[i].path, path) == 0)
      return &images[i];
  return NULL;
}

/* Before SQLite opens it, so that a file that is made now is not there yet. */
static struct image *image_of(const char *path) {
  struct image *image = find_image(path);

  if (image == NULL) {
    if (image_count == IMAGES_MAX)
      abort();
    image = &images[image_count++];
    snprintf(image->path, sizeof image->path, "%s", path);
    image->last = &image->first;
    read_image(image);
  } else if (image->deleted) {
    image->deleted = image->exists = false;
    forget_pieces(image);
    resize(image, 0);
  }
  return image;
}

static void write_image(const struct image *image) {
  size_t done = 0;
  int fd = open(image->path, O_WRONLY | O_CREAT | O_TRUNC, 0644);

  while (fd >= 0 && done < image->size) {
    ssize_t more = write(fd, image->data + done, image->size - done);

    if (more <= 0)
      abort();
    done += (size_t)more;
  }
  if (fd < 0)
    abort();
}

static void lose_power(void) {
  char path[PATH_BYTES + 10];

  for (int i = 0; i < image_count; i++) {
    struct image *image = &images[i];

    for (const struct piece *piece = image->first; piece != NULL; piece = piece->next)
      if (plan.power == POWER_KEEPS_ALL)
        apply(image, piece);
      else if (plan.power == POWER_MIXES)
        mix(image, piece);
    if (plan.power == POWER_KEEPS_ALL || (plan.power == POWER_MIXES && draw() % 2 == 0))
      image->exists = !image->deleted;
    if (image->exists)
      write_image(image);
    else
      (void)unlink(image->path);
    snprintf(path, sizeof path, "%.*s-shm", PATH_BYTES, image->path);
    (void)unlink(path); /* it is memory */
  }
}

void crash_now(void) {
  if (plan.power != POWER_STAYS)
    lose_power();
  (void)raise(SIGKILL);
  for (;;)
    pause();
}

/* ---- points ------------------------------------------------------------------------------- */

void crash_point(enum point kind) {
  pthread_mutex_lock(&lock);
  points++;
  if (plan.log != NULL) {
    if (points > POINTS_MAX)
      abort();
    plan.log->kinds[points - 1] = (unsigned char)kind;
    plan.log->count = points;
  }
  if (points == plan.at)
    crash_now();
  pthread_mutex_unlock(&lock);
}

void crash_vfs_begin(const struct crash_plan *wanted) {
  plan = *wanted;
  points = syncs = 0;
  dice = plan.seed;
}

long crash_syncs(void) {
  return syncs;
}

/* ---- files ---------------------------------------------------------------------------------- */

static sqlite3_file *real_of(sqlite3_file *file) {
  return ((struct shim_file *)file)->real;
}

static void file_point(sqlite3_file *file, enum point main, enum point log) {
  switch (((struct shim_file *)file)->kind) {
  case FILE_MAIN:
    crash_point(main);
    break;
  case FILE_LOG:
    crash_point(log);
    break;
  case FILE_OTHER:
    crash_point(POINT_OTHER_FILE);
    break;
  }
}

static void keep(sqlite3_file *file, sqlite3_int64 at, const void *data, int size) {
  struct image *image = ((struct shim_file *)file)->image;

  pthread_mutex_lock(&lock);
  if (image != NULL)
    add_piece(image, at, data, (size_t)size);
  pthread_mutex_unlock(&lock);
}

static int shim_close(sqlite3_file *file) {
  sqlite3_file *real = real_of(file);

  return real->pMethods == NULL ? SQLITE_OK : real->pMethods->xClose(real);
}

static int shim_read(sqlite3_file *file, void *data, int size, sqlite3_int64 at) {
  return real_of(file)->pMethods->xRead(real_of(file), data, size, at);
}

static int shim_write(sqlite3_file *file, const void *data, int size, sqlite3_int64 at) {
  file_point(file, POINT_WRITE_FILE, POINT_WRITE_LOG);
  keep(file, at, data, size);
  return real_of(file)->pMethods->xWrite(real_of(file), data, size, at);
}

static int shim_truncate(sqlite3_file *file, sqlite3_int64 size) {
  file_point(file, POINT_TRUNCATE_FILE, POINT_TRUNCATE_LOG);
  keep(file, size, NULL, 0);
  return real_of(file)->pMethods->xTruncate(real_of(file), size);
}

static int shim_sync(sqlite3_file *file, int flags) {
  struct image *image = ((struct shim_file *)file)->image;
  bool fails;

  (void)flags;
  file_point(file, POINT_SYNC_FILE, POINT_SYNC_LOG);
  pthread_mutex_lock(&lock);
  fails = ++syncs == plan.failing_sync;
  if (image != NULL && fails)
    forget_pieces(image);
  else if (image != NULL)
    sync_image(image);
  pthread_mutex_unlock(&lock);
  return fails ? SQLITE_IOERR_FSYNC : SQLITE_OK;
}

static int shim_size(sqlite3_file *file, sqlite3_int64 *size) {
  return real_of(file)->pMethods->xFileSize(real_of(file), size);
}

static int shim_lock(sqlite3_file *file, int level) {
  crash_point(POINT_LOCK);
  return real_of(file)->pMethods->xLock(real_of(file), level);
}

static int shim_unlock(sqlite3_file *file, int level) {
  crash_point(POINT_UNLOCK);
  return real_of(file)->pMethods->xUnlock(real_of(file), level);
}

static int shim_reserved(sqlite3_file *file, int *out) {
  return real_of(file)->pMethods->xCheckReservedLock(real_of(file), out);
}

static int shim_control(sqlite3_file *file, int op, void *arg) {
  return real_of(file)->pMethods->xFileControl(real_of(file), op, arg);
}

static int shim_sector(sqlite3_file *file) {
  return real_of(file)->pMethods->xSectorSize(real_of(file));
}

static int shim_traits(sqlite3_file *file) {
  return real_of(file)->pMethods->xDeviceCharacteristics(real_of(file));
}

static int shim_shm_map(sqlite3_file *file, int page, int size, int extend, void volatile **out) {
  return real_of(file)->pMethods->xShmMap(real_of(file), page, size, extend, out);
}

static int shim_shm_lock(sqlite3_file *file, int offset, int count, int flags) {
  crash_point((flags & SQLITE_SHM_LOCK) != 0 ? POINT_INDEX_LOCK : POINT_INDEX_UNLOCK);
  return real_of(file)->pMethods->xShmLock(real_of(file), offset, count, flags);
}

static void shim_shm_barrier(sqlite3_file *file) {
  real_of(file)->pMethods->xShmBarrier(real_of(file));
}

static int shim_shm_unmap(sqlite3_file *file, int remove) {
  return real_of(file)->pMethods->xShmUnmap(real_of(file), remove);
}

static const sqlite3_io_methods shim_methods = {
    .iVersion = 2, /* no memory-mapped pages: every write is seen here */
    .xClose = shim_close,
    .xRead = shim_read,
    .xWrite = shim_write,
    .xTruncate = shim_truncate,
    .xSync = shim_sync,
    .xFileSize = shim_size,
    .xLock = shim_lock,
    .xUnlock = shim_unlock,
    .xCheckReservedLock = shim_reserved,
    .xFileControl = shim_control,
    .xSectorSize = shim_sector,
    .xDeviceCharacteristics = shim_traits,
    .xShmMap = shim_shm_map,
    .xShmLock = shim_shm_lock,
    .xShmBarrier = shim_shm_barrier,
    .xShmUnmap = shim_shm_unmap,
};

/* ---- the file system ------------------------------------------------------------------------ */

static bool keeps_images(void) {
  return plan.power != POWER_STAYS;
}

static int vfs_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags,
                    int *out_flags) {
  struct shim_file *shim = (struct shim_file *)file;
  int code;

  (void)vfs;
  crash_point(POINT_OPEN);
  shim->base.pMethods = NULL;
  shim->kind = (flags & SQLITE_OPEN_MAIN_DB) != 0 ? FILE_MAIN
               : (flags & SQLITE_OPEN_WAL) != 0   ? FILE_LOG
                                                  : FILE_OTHER;
  shim->image = NULL;
  shim->real = (sqlite3_file *)(shim + 1);
  shim->real->pMethods = NULL;
  pthread_mutex_lock(&lock);
  if (keeps_images() && name != NULL)
    shim->image = image_of(name);
  pthread_mutex_unlock(&lock);
  code = real_vfs->xOpen(real_vfs, name, shim->real, flags, out_flags);
  if (code == SQLITE_OK)
    shim->base.pMethods = &shim_methods;
  return code;
}

static int vfs_delete(sqlite3_vfs *vfs, const char *name, int sync_dir) {
  struct image *image;

  (void)vfs;
  crash_point(POINT_DELETE);
  pthread_mutex_lock(&lock);
  image = keeps_images() ? find_image(name) : NULL;
  if (image != NULL) {
    image->deleted = true;
    if (sync_dir != 0)
      image->exists = false;
  }
  pthread_mutex_unlock(&lock);
  return real_vfs->xDelete(real_vfs, name, sync_dir);
}

void crash_vfs_install(void) {
  real_vfs = sqlite3_vfs_find(NULL);
  if (real_vfs == NULL)
    abort();
  /* A copy: what is not replaced goes straight to the real functions, which use only pAppData of
     the object that they are given. */
  shim_vfs = *real_vfs;
  shim_vfs.pNext = NULL;
  shim_vfs.zName = "crash";
  shim_vfs.szOsFile = (int)sizeof(struct shim_file) + real_vfs->szOsFile;
  shim_vfs.xOpen = vfs_open;
  shim_vfs.xDelete = vfs_delete;
  if (sqlite3_vfs_register(&shim_vfs, 1) != SQLITE_OK)
    abort();
}
