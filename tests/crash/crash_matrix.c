/*
 * The crash matrix: a process that purchases is killed at every point, for each
 * outcome; scene.c tells what must hold afterwards.
 *
 *   crash_matrix [--every K] [--only STORY] [--write FILE]
 *
 * --every K tries each K-th point (and each one at a callback); without it all
 * are tried. --write writes the table. Two processes share the points.
 */
#define _DEFAULT_SOURCE /* MAP_ANONYMOUS */

#include "scene.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define WORKERS 2

struct result {
  long points;              /* of the story told without a kill */
  long kinds[POINT_KINDS];  /* of these, by kind */
  long killed[POINT_KINDS]; /* and killed at */
  long found[FOUND_KINDS];
  long looked; /* a person had to look */
  long bad;
};

struct work {
  long every;
  const char *only;
  const char *file;
};

/* One for each worker and story. */
static struct result (*results)[STORIES_MAX];

static bool is_tried(const struct work *work, long at, enum point kind) {
  return at % work->every == 0 || kind >= POINT_BEFORE_CHARGE;
}

static void kill_at(struct scene *scene, const struct story *story, long at, enum point kind,
                    struct result *result) {
  const struct crash_plan plan = {.at = at};
  char where[200];
  enum found found;

  snprintf(where, sizeof where, "%s, killed at %ld: %s", story->name, at, point_name(kind));
  scene->where = where;
  scene_reset(scene, story);
  if (!scene_tell(scene, story, &plan))
    scene_complain(scene, "was not killed");
  scene_inspect(scene, story, &found);
  result->killed[kind]++;
  result->found[found]++;
  result->looked += scene->person_looked;
  result->bad += scene->complaints > 0;
}

/* The story without a kill; gives its points. */
static void rehearse(struct scene *scene, const struct story *story, struct crash_log *log,
                     struct result *result) {
  const struct crash_plan plan = {.log = &scene->shared->log};
  enum found found;

  scene->where = story->name;
  scene_reset(scene, story);
  if (scene_tell(scene, story, &plan))
    scene_complain(scene, "was killed");
  *log = scene->shared->log;
  scene_inspect(scene, story, &found);
  if (found != (story->order_status == 0 ? FOUND_NOTHING : FOUND_ENDED))
    scene_complain(scene, "was not ended");
  result->points = log->count;
  for (long i = 0; i < log->count; i++)
    result->kinds[log->kinds[i]]++;
  result->bad += scene->complaints > 0;
}

static void run_worker(const struct work *work, long worker) {
  static struct crash_log log;
  struct scene *scene;

  crash_vfs_install();
  scene = scene_new();
  for (int i = 0; i < story_count; i++) {
    struct result *result = &results[worker][i];
    long nth = 0;

    if (work->only != NULL && strcmp(work->only, stories[i].name) != 0)
      continue;
    rehearse(scene, &stories[i], &log, result);
    for (long at = 1; at <= log.count; at++)
      if (is_tried(work, at, (enum point)log.kinds[at - 1]) && nth++ % WORKERS == worker)
        kill_at(scene, &stories[i], at, (enum point)log.kinds[at - 1], result);
  }
  scene_free(scene);
}

static struct result sum(int story) {
  struct result all = results[0][story];

  for (int w = 1; w < WORKERS; w++) {
    for (int k = 0; k < POINT_KINDS; k++)
      all.killed[k] += results[w][story].killed[k];
    for (int f = 0; f < FOUND_KINDS; f++)
      all.found[f] += results[w][story].found[f];
    all.looked += results[w][story].looked;
    all.bad += results[w][story].bad;
  }
  return all;
}

static long killed(const struct result *result) {
  return result->found[FOUND_NOTHING] + result->found[FOUND_CUT_OFF] + result->found[FOUND_ENDED];
}

/* ---- the table ---------------------------------------------------------------------------- */

static void write_head(FILE *out) {
  fprintf(
      out,
      "# Crash matrix\n\n"
      "A process opens a shop, purchases, does what the outcome says, hands the mail over,\n"
      "maintains and closes. It is killed (SIGKILL) before each thing it does to a file (write,\n"
      "sync, truncate, delete, open, lock, unlock) and before, during and after each callback.\n"
      "Then another process opens the shop, checks that all that was reported to the dead one\n"
      "is there, calls `shop_recover` and `shop_mail_deliver`, runs `shop_verify` (no violation,\n"
      "nothing for a person), and compares the orders with the books of the gateway, which is a\n"
      "process of its own: each charge belongs to exactly one order, none was made twice, an "
      "order\n"
      "is placed when and only when it is covered, each order has the mails of what happened to\n"
      "it (confirmation, cancellation, refund), and the stock adds up, held carts included. Last,\n"
      "it makes all calls again with the same idempotency keys, and the end is the\n"
      "one that a shop without a crash comes to.\n\n"
      "This table is made by `BUILD/tests/crash/crash_matrix --write docs/CRASH-MATRIX.md`, which\n"
      "tries every point, as `meson test` does in a build without sanitizers.\n\n");
}

static void write_stories(FILE *out) {
  struct result all = {0};

  fprintf(out,
          "| outcome | points | killed at | no order yet | cut off, finished by recovery | ended "
          "already | of these for a person | anything wrong |\n"
          "|---|--:|--:|--:|--:|--:|--:|--:|\n");
  for (int i = 0; i < story_count; i++) {
    struct result one = sum(i);

    fprintf(out, "| %s | %ld | %ld | %ld | %ld | %ld | %ld | %ld |\n", stories[i].name, one.points,
            killed(&one), one.found[FOUND_NOTHING], one.found[FOUND_CUT_OFF],
            one.found[FOUND_ENDED], one.looked, one.bad);
    all.points += one.points;
    all.looked += one.looked;
    all.bad += one.bad;
    for (int f = 0; f < FOUND_KINDS; f++)
      all.found[f] += one.found[f];
  }
  fprintf(out, "| **all** | %ld | %ld | %ld | %ld | %ld | %ld | **%ld** |\n\n", all.points,
          killed(&all), all.found[FOUND_NOTHING], all.found[FOUND_CUT_OFF], all.found[FOUND_ENDED],
          all.looked, all.bad);
}

static void write_kinds(FILE *out) {
  fprintf(
      out,
      "\"No order yet\": nothing was charged, and the shopper's next try is the first one. "
      "\"By query\": recovery\nasks the gateway, and voids a charge that it does not know; "
      "elsewhere recovery repeats the charge under\nits key. \"For a person\": a "
      "capture or refund that was written and never reached the gateway. Where there is\na query, "
      "it is not repeated, for it may be on its way; when the key has died it is unknown, a "
      "person\n"
      "looks into the gateway's books (`shop_payment_resolve`), and a new try is made.\n\n"
      "| point | killed at |\n|---|--:|\n");
  for (int k = 0; k < POINT_KINDS; k++) {
    long count = 0;

    for (int i = 0; i < story_count; i++)
      count += sum(i).killed[k];
    if (count > 0)
      fprintf(out, "| %s%s | %ld |\n", k < POINT_BEFORE_CHARGE ? "before: " : "",
              point_name((enum point)k), count);
  }
}

static void write_table(FILE *out) {
  write_head(out);
  write_stories(out);
  write_kinds(out);
}

/* ---- running ----------------------------------------------------------------------------------
 */

static bool run_all(const struct work *work) {
  pid_t pids[WORKERS];
  bool good = true;
  int result;

  for (long w = 0; w < WORKERS; w++) {
    fflush(NULL);
    pids[w] = fork();
    if (pids[w] == 0) {
      run_worker(work, w);
      exit(0);
    }
  }
  for (int w = 0; w < WORKERS; w++)
    good &= pids[w] > 0 && waitpid(pids[w], &result, 0) == pids[w] && WIFEXITED(result) &&
            WEXITSTATUS(result) == 0;
  return good;
}

static bool read_arguments(int argc, char **argv, struct work *work) {
  *work = (struct work){.every = 1};
  for (int i = 1; i + 1 < argc; i += 2) {
    if (strcmp(argv[i], "--every") == 0)
      work->every = strtol(argv[i + 1], NULL, 10);
    else if (strcmp(argv[i], "--only") == 0)
      work->only = argv[i + 1];
    else if (strcmp(argv[i], "--write") == 0)
      work->file = argv[i + 1];
    else
      return false;
  }
  return argc % 2 == 1 && work->every >= 1;
}

int main(int argc, char **argv) {
  struct work work;
  time_t begun = time(NULL);
  bool good;
  FILE *out;

  if (!read_arguments(argc, argv, &work)) {
    fprintf(stderr, "usage: crash_matrix [--every K] [--only STORY] [--write FILE]\n");
    return 2;
  }
  results = mmap(NULL, WORKERS * sizeof *results, PROT_READ | PROT_WRITE,
                 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (results == MAP_FAILED)
    return 2;
  good = run_all(&work);
  for (int i = 0; i < story_count; i++)
    good &= sum(i).bad == 0;
  write_stories(stdout);
  printf("%ld s\n", (long)(time(NULL) - begun));
  out = work.file == NULL || !good ? NULL : fopen(work.file, "w");
  if (out != NULL) {
    write_table(out);
    good = fclose(out) == 0;
  }
  return good && (work.file == NULL || out != NULL) ? 0 : 1;
}
