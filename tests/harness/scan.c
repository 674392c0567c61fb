/* Looks for secrets in the memory of this very process, by /proc/self. */
#define _DEFAULT_SOURCE /* MAP_ANONYMOUS */
#include "scan.h"

#include <check.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <unistd.h>

#define RUN 8 /* bytes in a row that are no accident */
#define SHOWN_BYTES 4096
#define BLOCK 1024
#define STACK_BYTES ((size_t)1 << 20)

/* ---- secrets ----------------------------------------------------------------------------------
 */

void secret_draw(struct secret *secret, size_t size) {
  unsigned char drawn[SECRET_MAX];

  ck_assert(size >= RUN && size <= SECRET_MAX);
  ck_assert_int_eq(getrandom(drawn, size, 0), (ssize_t)size);
  secret->size = size;
  for (size_t i = 0; i < size; i++)
    secret->turned[i] = (unsigned char)~('!' + drawn[i] % ('~' - '!' + 1));
}

void secret_turn(struct secret *secret, const void *bytes, size_t size) {
  const volatile unsigned char *from = bytes;

  ck_assert(size >= RUN && size <= SECRET_MAX);
  secret->size = size;
  for (size_t i = 0; i < size; i++)
    secret->turned[i] = (unsigned char)~from[i];
}

char *secret_show(const struct secret *secret) {
  volatile char *shown =
      mmap(NULL, SHOWN_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

  ck_assert(shown != MAP_FAILED);
  for (size_t i = 0; i < secret->size; i++)
    shown[i] = (char)(unsigned char)~secret->turned[i];
  return (char *)shown;
}

void secret_hide(char *shown) {
  ck_assert_int_eq(munmap(shown, SHOWN_BYTES), 0);
}

/* ---- the scan ---------------------------------------------------------------------------------
 */

/* Under a sanitizer every byte of a scan would be checked, and there is more memory. */
#define PLAIN __attribute__((no_sanitize("address", "thread", "undefined")))

struct scan {
  const struct secret *secrets;
  size_t count;
  bool begins[1 << 16]; /* with these two bytes a run of a secret can begin */
  int memory;
};

PLAIN static unsigned char in_clear(const struct secret *secret, size_t at) {
  return (unsigned char)~secret->turned[at];
}

static void note_pairs(struct scan *scan, const struct secret *secret) {
  for (size_t at = 0; at + 1 < secret->size; at++) {
    unsigned char first = in_clear(secret, at), second = in_clear(secret, at + 1);

    scan->begins[first << 8 | second] = scan->begins[second << 8 | first] = true;
  }
}

PLAIN static bool is_run(const unsigned char *at, const struct secret *secret, size_t from) {
  size_t same = 0, back = 0;

  while (same < RUN && at[same] == in_clear(secret, from + same))
    same++;
  while (back < RUN && at[back] == in_clear(secret, from + RUN - 1 - back))
    back++;
  return same == RUN || back == RUN;
}

PLAIN static bool is_of_a_secret(const struct scan *scan, const unsigned char *at) {
  if (!scan->begins[at[0] << 8 | at[1]])
    return false;
  for (size_t i = 0; i < scan->count; i++)
    for (size_t from = 0; from + RUN <= scan->secrets[i].size; from++)
      if (is_run(at, &scan->secrets[i], from))
        return true;
  return false;
}

/* Most of it was never written. */
PLAIN static bool is_empty(const unsigned char *block) {
  uint64_t any = 0;

  for (size_t i = 0; i < BLOCK; i += sizeof any) {
    uint64_t word;

    memcpy(&word, block + i, sizeof word);
    any |= word;
  }
  return any == 0;
}

/* The buffer that memory is read into does not count. */
PLAIN static int32_t count_in_part(const struct scan *scan, unsigned long from, unsigned long to) {
  static unsigned char page[1 << 16];
  const unsigned long page_at = (unsigned long)page;
  int32_t found = 0;

  for (unsigned long at = from; at < to; at += sizeof page - RUN) {
    size_t wanted = to - at < sizeof page ? to - at : sizeof page;
    ssize_t got = pread(scan->memory, page, wanted, (off_t)at);
    bool before = false;

    for (ssize_t i = 0; i + RUN <= got; i++) {
      unsigned long place = at + (unsigned long)i;
      bool here;

      if (i % BLOCK == 0 && i + BLOCK <= got && is_empty(page + i)) {
        before = false;
        i += BLOCK - 1;
        continue;
      }
      here = (place + RUN <= page_at || place >= page_at + sizeof page) &&
             is_of_a_secret(scan, page + i);

      found += here && !before;
      before = here;
    }
  }
  memset(page, 0, sizeof page);
  return found;
}

/* A sanitizer's shadow is too large to be read, and holds no bytes of ours. */
static bool is_ours(const char *rest, unsigned long size) {
  return strncmp(rest, " rw", 3) == 0 && strstr(rest, "[v") == NULL && size <= 1UL << 30;
}

int32_t secrets_in_memory(const struct secret *secrets, size_t count) {
  static char maps[1 << 18];
  static struct scan scan;
  int list = open("/proc/self/maps", O_RDONLY);
  size_t used = 0;
  ssize_t got;
  int32_t found = 0;

  memset(&scan, 0, sizeof scan);
  scan.secrets = secrets;
  scan.count = count;
  for (size_t i = 0; i < count; i++)
    note_pairs(&scan, &secrets[i]);
  scan.memory = open("/proc/self/mem", O_RDONLY);
  ck_assert(scan.memory >= 0 && list >= 0);
  while ((got = read(list, maps + used, sizeof maps - 1 - used)) > 0)
    used += (size_t)got;
  ck_assert_uint_lt(used, sizeof maps - 1);
  maps[used] = '\0';
  for (char *line = maps, *end; (end = strchr(line, '\n')) != NULL; line = end + 1) {
    char *rest = line;
    unsigned long from, to;

    *end = '\0';
    from = strtoul(line, &rest, 16);
    to = strtoul(rest + 1, &rest, 16);
    if (is_ours(rest, to - from))
      found += count_in_part(&scan, from, to);
  }
  close(scan.memory);
  close(list);
  return found;
}

/* ---- a stack that is kept ----------------------------------------------------------------------
 */

struct job {
  void (*fn)(void *ctx);
  void *ctx;
};

/* Well below where the thread ends, which writes on the stack too. */
static void *run(void *arg) {
  const struct job *job = arg;
  volatile char distance[1 << 15];

  distance[0] = 0;
  job->fn(job->ctx);
  distance[sizeof distance - 1] = distance[0];
  return NULL;
}

void run_on_kept_stack(void (*fn)(void *ctx), void *ctx) {
  static void *stack;
  struct job job = {fn, ctx};
  pthread_attr_t attributes;
  pthread_t thread;
  int begun, ended;

  if (stack == NULL)
    stack = mmap(NULL, STACK_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  ck_assert(stack != MAP_FAILED);
  pthread_attr_init(&attributes);
  ck_assert_int_eq(pthread_attr_setstack(&attributes, stack, STACK_BYTES), 0);
  /* No assertion while it runs: they allocate, and the allocator may be told to fail. */
  begun = pthread_create(&thread, &attributes, run, &job);
  ended = begun == 0 ? pthread_join(thread, NULL) : -1;
  ck_assert_int_eq(begun, 0);
  ck_assert_int_eq(ended, 0);
  pthread_attr_destroy(&attributes);
}
