/* shop_bench: libshop beside the same shop written by hand on SQLite, in one
   process and on one disk, in turns. `shop_bench --help` lists what it takes;
   docs/PERFORMANCE.md says how to read what it prints. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench.h"

static const struct section {
  const char *name;
  const char *what;
  void (*run)(const struct world *world);
  bool on_request; /* too long to be a part of all */
} sections[] = {
    {"timeline", "cart, 3 adds, session check, purchase; one thread, no hashing", bench_timeline,
     false},
    {"session", "the session check against HMAC and the same reads", bench_session, false},
    {"threads", "the timeline on 1 to 64 threads, every commit synced", bench_threads, false},
    {"processes", "the timeline in 4 processes on one file", bench_processes, false},
    {"import", "a catalogue, a commit for each product", bench_import, false},
    {"mail", "delivery to a transport that does nothing", bench_mail, false},
    {"verify", "the audit", bench_verify, false},
    {"footprint", "sizes, heap, libshop's own allocations per call", bench_footprint, false},
    {"growth", "each call on stores of rising size, made by SQL", bench_growth, false},
    {"soak", "memory over --calls calls, told after each tenth", bench_soak, true},
};
#define SECTION_COUNT (sizeof sections / sizeof sections[0])

static void usage(void) {
  printf("usage: shop_bench [option]... [section]...\n\nsections (default: all but soak):\n");
  for (size_t i = 0; i < SECTION_COUNT; i++)
    printf("  %-12s %s\n", sections[i].name, sections[i].what);
  printf(
      "\noptions:\n"
      "  --seconds S        of one side in one round, 0.05 to 60 (default 0.25)\n"
      "  --rounds N         rounds, 5 to 100 (default 5)\n"
      "  --count N          orders, mails and products of a round (default 500)\n"
      "  --calls N          calls of the memory test and of soak (default 20000)\n"
      "  --growth LIST      sizes (default 1000,20000)\n"
      "  --growth-samples N tours of each size (default 500)\n"
      "  --grown DIR        keep the stores of growth there, and take those that are there\n"
      "  --growth-full      grow with every commit synced, not payments alone\n"
      "  --wait HOW         how the baseline waits for the write lock: naps (default),\n"
      "                     sqlite (its busy timeout), mutex (its threads queue first)\n"
      "  --lean             the baseline leaves out the row by which libshop knows its\n"
      "                     commits again after an I/O error\n"
      "  --dir DIR          where the stores are made (default .)\n"
      "  --library FILE     a library whose size is told; up to two\n"
      "  --json FILE        the results for machines; - for the standard output\n"
      "  --pictures DIR     the results as SVG\n"
      "  --docs DIR         the long run of docs/PERFORMANCE.md: --pictures DIR, 7 rounds of\n"
      "                     half a second, growth to a million; some minutes, 4 GB of disk\n");
}

/* ---- the command line --------------------------------------------------------------------- */

static bool take_flag(struct settings *settings, const char *option) {
  if (strcmp(option, "--lean") == 0)
    settings->lean = true;
  else if (strcmp(option, "--growth-full") == 0)
    settings->growth_sync = SYNC_FULL;
  else
    return false;
  return true;
}

static int32_t take_number(const char *text, int32_t low, int32_t high) {
  char *end = NULL;
  long value = strtol(text, &end, 10);

  if (*end != '\0' || value < low || value > high)
    die("%s is not a number from %d to %d", text, low, high);
  return (int32_t)value;
}

static double take_seconds(const char *text) {
  double value = strtod(text, NULL);

  if (!(value >= 0.05 && value <= 60))
    die("%s is not 0.05 to 60 seconds", text);
  return value;
}

static bool take_wait(struct settings *settings, const char *value) {
  settings->waits = value;
  if (strcmp(value, "naps") != 0 && strcmp(value, "sqlite") != 0 && strcmp(value, "mutex") != 0)
    die("--wait takes naps, sqlite or mutex");
  return true;
}

/* The run that docs/PERFORMANCE.md tells of: what else is asked for comes after it. */
static bool take_docs(struct settings *settings, const char *folder) {
  settings->pictures = folder;
  settings->rounds = 7;
  settings->seconds = 0.5;
  settings->calls = 200000;
  settings->sizes = "1000,100000,1000000";
  settings->growth_samples = 2000;
  settings->growth_sync = SYNC_FULL;
  return true;
}

static bool take_value(struct settings *settings, const char *option, const char *value) {
  if (strcmp(option, "--seconds") == 0)
    settings->seconds = take_seconds(value);
  else if (strcmp(option, "--rounds") == 0)
    settings->rounds = take_number(value, 5, ROUNDS_MAX - 1);
  else if (strcmp(option, "--count") == 0)
    settings->timelines = take_number(value, 10, 10000);
  else if (strcmp(option, "--calls") == 0)
    settings->calls = take_number(value, 1000, 1000000000);
  else if (strcmp(option, "--threads") == 0)
    settings->threads = value;
  else if (strcmp(option, "--growth") == 0)
    settings->sizes = value;
  else if (strcmp(option, "--growth-samples") == 0)
    settings->growth_samples = take_number(value, 10, 1000000);
  else if (strcmp(option, "--grown") == 0)
    settings->grown = value;
  else if (strcmp(option, "--dir") == 0)
    (void)snprintf(settings->dir, sizeof settings->dir, "%s", value);
  else if (strcmp(option, "--json") == 0)
    settings->json = value;
  else if (strcmp(option, "--pictures") == 0)
    settings->pictures = value;
  else if (strcmp(option, "--library") == 0 && settings->libraries[1] == NULL)
    settings->libraries[settings->libraries[0] != NULL] = value;
  else
    return (strcmp(option, "--wait") == 0 && take_wait(settings, value)) ||
           (strcmp(option, "--docs") == 0 && take_docs(settings, value));
  return true;
}

static void choose(bool chosen[SECTION_COUNT], const char *name) {
  for (size_t i = 0; i < SECTION_COUNT; i++)
    if (strcmp(sections[i].name, name) == 0) {
      chosen[i] = true;
      return;
    }
  usage();
  die("there is no section %s", name);
}

/* ---- the run -------------------------------------------------------------------------------- */

static void run(struct settings *settings, const bool chosen[SECTION_COUNT]) {
  struct world world;
  char made[600];

  (void)snprintf(made, sizeof made, "%.500s/shop-bench-XXXXXX", settings->dir);
  if (mkdtemp(made) == NULL)
    die("cannot make a folder in %s", settings->dir);
  (void)snprintf(settings->dir, sizeof settings->dir, "%.511s", made);
  report_machine(settings);
  world_make(&world, settings);
  for (size_t i = 0; i < SECTION_COUNT; i++)
    if (chosen[i]) {
      report_heading(sections[i].name, sections[i].what);
      sections[i].run(&world);
    }
  world_free(&world);
  (void)rmdir(made);
}

int main(int argc, char **argv) {
  struct settings settings = {.dir = ".",
                              .seconds = 0.25,
                              .rounds = 5,
                              .timelines = 500,
                              .calls = 20000,
                              .threads = "1,2,4,8,16,32,64",
                              .sizes = "1000,20000",
                              .growth_samples = 500,
                              .growth_sync = SYNC_NORMAL,
                              .waits = "naps"};
  bool chosen[SECTION_COUNT] = {false}, any = false;

  for (int i = 1; i < argc; i++) {
    if (strcmp(argv[i], "--help") == 0) {
      usage();
      return 0;
    }
    if (argv[i][0] != '-') {
      choose(chosen, argv[i]);
      any = true;
    } else if (!take_flag(&settings, argv[i]) &&
               (i + 1 == argc || !take_value(&settings, argv[i], argv[i + 1]))) {
      usage();
      die("%s is not understood", argv[i]);
    } else if (!take_flag(&settings, argv[i])) {
      i++;
    }
  }
  for (size_t i = 0; i < SECTION_COUNT; i++)
    chosen[i] = chosen[i] || (!any && !sections[i].on_request);
  run(&settings, chosen);
  if (settings.json != NULL)
    report_json(settings.json);
  if (settings.pictures != NULL)
    svg_write(settings.pictures);
  return 0;
}
