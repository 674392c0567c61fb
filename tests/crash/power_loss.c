/*
 * Power cuts: the process takes the machine with it, at a point drawn from a
 * seed, and of what was not synced anything may be on the disk. With FULL
 * nothing that was reported is missing; with NORMAL the file is whole, and no
 * payment is missing. Then: each sync fails once, and loses what it was to
 * write, as fsync does on Linux; what is reported after that is on the disk.
 *
 *   power_loss [SEEDS [FIRST SEED]]
 */
#include "scene.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static uint64_t state;

/* xorshift64* */
static uint64_t draw(void) {
  state ^= state >> 12;
  state ^= state << 25;
  state ^= state >> 27;
  return state * UINT64_C(2685821657736338717);
}

struct figures {
  long cuts, found[FOUND_KINDS], bad;
  long syncs, bad_syncs;
};

/* How many points a story has, told to its end. */
static long measure(struct scene *scene, const struct story *story) {
  const struct crash_plan plan = {.log = &scene->shared->log};

  scene_reset(scene, story);
  if (scene_tell(scene, story, &plan))
    scene_complain(scene, "was killed");
  return scene->shared->log.count;
}

static void cut(struct scene *scene, uint64_t seed, long points[2][STORIES_MAX],
                struct figures *figures) {
  static const enum power powers[] = {POWER_LOSES_ALL, POWER_KEEPS_ALL, POWER_MIXES,
                                      POWER_MIXES,     POWER_MIXES,     POWER_MIXES};
  const struct story *story;
  struct crash_plan plan = {.seed = seed};
  char where[200];
  enum found found;
  int which;

  state = seed * UINT64_C(0x9e3779b97f4a7c15) + 1;
  (void)draw();
  which = (int)(draw() >> 33) % story_count;
  story = &stories[which];
  scene->normal = (draw() >> 33) % 2 == 1;
  plan.power = powers[(draw() >> 33) % (sizeof powers / sizeof powers[0])];
  scene->where = "the story without a cut";
  if (points[scene->normal][which] == 0)
    points[scene->normal][which] = measure(scene, story);
  plan.at = 1 + (long)((draw() >> 33) % (uint64_t)(points[scene->normal][which] + 1));
  snprintf(where, sizeof where, "seed %llu, %s, %s, power %d at point %ld",
           (unsigned long long)seed, story->name, scene->normal ? "NORMAL" : "FULL",
           (int)plan.power, plan.at);
  scene->where = where;
  scene_reset(scene, story);
  (void)scene_tell(scene, story, &plan);
  scene_inspect(scene, story, &found);
  figures->cuts++;
  figures->found[found]++;
  figures->bad += scene->complaints > 0;
}

/* Each sync in turn; all that no other sync has written is gone afterwards. */
static void fail_syncs(struct scene *scene, const struct story *story, struct figures *figures) {
  long syncs = 0;

  scene->where = story->name;
  (void)measure(scene, story);
  for (long i = 0; i < scene->shared->log.count; i++)
    syncs += scene->shared->log.kinds[i] == POINT_SYNC_LOG ||
             scene->shared->log.kinds[i] == POINT_SYNC_FILE;
  for (long nth = 1; nth <= syncs; nth++) {
    const struct crash_plan plan = {.power = POWER_LOSES_ALL, .failing_sync = nth};
    char where[200];
    enum found found;

    snprintf(where, sizeof where, "%s, %s, sync %ld fails", story->name,
             scene->normal ? "NORMAL" : "FULL", nth);
    scene->where = where;
    scene_reset(scene, story);
    scene->suffers = true;
    if (!scene_tell(scene, story, &plan))
      scene_complain(scene, "was not killed");
    scene_inspect(scene, story, &found);
    figures->syncs++;
    figures->bad_syncs += scene->complaints > 0;
  }
}

int main(int argc, char **argv) {
  static long points[2][STORIES_MAX];
  uint64_t seeds = argc > 1 ? strtoull(argv[1], NULL, 10) : 500;
  uint64_t first = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;
  struct figures figures = {0};
  time_t begun = time(NULL);
  struct scene *scene;

  crash_vfs_install();
  scene = scene_new();
  scene->has_newcomer = true;
  for (uint64_t seed = first; seed < first + seeds; seed++)
    cut(scene, seed, points, &figures);
  for (int i = 0; i < story_count; i++) {
    scene->normal = i % 2 == 1;
    fail_syncs(scene, &stories[i], &figures);
  }
  scene_free(scene);
  printf("%ld power cuts: no order yet %ld, cut off %ld, ended %ld; wrong %ld\n", figures.cuts,
         figures.found[FOUND_NOTHING], figures.found[FOUND_CUT_OFF], figures.found[FOUND_ENDED],
         figures.bad);
  printf("%ld failing syncs: wrong %ld\n%ld s\n", figures.syncs, figures.bad_syncs,
         (long)(time(NULL) - begun));
  return figures.bad == 0 && figures.bad_syncs == 0 ? 0 : 1;
}
