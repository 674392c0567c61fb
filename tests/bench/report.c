/* The results: a table for people as they come, JSON for machines at the end. */
#include <fcntl.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include <sqlite3.h>

#include "bench.h"

#define RESULTS_MAX 1000
#define FACTS_MAX 16

static struct result results[RESULTS_MAX];
static size_t result_count;

struct fact {
  char name[40];
  char text[120];
};
static struct fact facts[FACTS_MAX];
static size_t fact_count;

const struct result *report_results(size_t *count) {
  *count = result_count;
  return results;
}

/* ---- the table ---------------------------------------------------------------------- */

static void number(char out[24], double value) {
  if (value == 0)
    (void)snprintf(out, 24, "-");
  else
    (void)snprintf(out, 24, "%.*f",
                   value >= 1000  ? 0
                   : value >= 100 ? 1
                   : value >= 10  ? 2
                                  : 3,
                   value);
}

static void print(const struct result *result) {
  char shop[24], base[24], name[120];

  number(shop, result->shop);
  number(base, result->base);
  if (result->x > 0)
    (void)snprintf(name, sizeof name, "%s (%.0f)", result->name, result->x);
  else
    (void)snprintf(name, sizeof name, "%s", result->name);
  printf("%-52s %12s %12s  %-12s", name, shop, base, result->unit);
  if (result->ratio > 0)
    printf(" %6.2f", result->ratio);
  if (result->ratio_low > 0)
    printf("  (%.2f to %.2f)", result->ratio_low, result->ratio_high);
  printf("\n");
  fflush(stdout);
}

void report_heading(const char *section, const char *text) {
  printf("\n%s: %s\n%-52s %12s %12s  %-12s %6s\n", section, text, "", "libshop", "baseline", "unit",
         "ratio");
}

static struct result *add(const char *section, double x, const char *unit, double shop,
                          double base) {
  struct result *result;

  if (result_count == RESULTS_MAX)
    die("more than %d results", RESULTS_MAX);
  result = &results[result_count++];
  *result = (struct result){.section = section, .x = x, .shop = shop, .base = base};
  (void)snprintf(result->unit, sizeof result->unit, "%s", unit);
  result->ratio = shop > 0 && base > 0 ? shop / base : 0;
  return result;
}

void report(const char *section, double x, const char *unit, double shop, double base,
            const char *format, ...) {
  struct result *result = add(section, x, unit, shop, base);
  va_list arguments;

  va_start(arguments, format);
  (void)vsnprintf(result->name, sizeof result->name, format, arguments);
  va_end(arguments);
  print(result);
}

void report_pair(const char *section, double x, const char *unit, const struct pair *pair,
                 const char *format, ...) {
  struct result *result =
      add(section, x, unit, median_of(pair->shop, pair->count), median_of(pair->base, pair->count));
  double ratios[ROUNDS_MAX];
  va_list arguments;

  va_start(arguments, format);
  (void)vsnprintf(result->name, sizeof result->name, format, arguments);
  va_end(arguments);
  result->ratio_low = 1e300;
  for (int32_t i = 0; i < pair->count; i++) {
    ratios[i] = pair->base[i] > 0 ? pair->shop[i] / pair->base[i] : 0;
    result->ratio_low = fmin(result->ratio_low, ratios[i]);
    result->ratio_high = fmax(result->ratio_high, ratios[i]);
  }
  result->ratio = median_of(ratios, pair->count);
  print(result);
}

/* ---- the machine ---------------------------------------------------------------------- */

__attribute__((format(printf, 2, 3))) static void fact(const char *name, const char *format, ...) {
  va_list arguments;

  if (fact_count == FACTS_MAX)
    return;
  (void)snprintf(facts[fact_count].name, sizeof facts[fact_count].name, "%s", name);
  va_start(arguments, format);
  (void)vsnprintf(facts[fact_count].text, sizeof facts[fact_count].text, format, arguments);
  va_end(arguments);
  printf("%-14s %s\n", name, facts[fact_count++].text);
}

const char *report_fact(const char *name) {
  for (size_t i = 0; i < fact_count; i++)
    if (strcmp(facts[i].name, name) == 0)
      return facts[i].text;
  return "";
}

static void processor(char *out, size_t size) {
  FILE *file = fopen("/proc/cpuinfo", "r");
  char line[256];

  (void)snprintf(out, size, "unknown");
  while (file != NULL && fgets(line, sizeof line, file) != NULL)
    if (strncmp(line, "model name", 10) == 0 && strchr(line, ':') != NULL) {
      line[strcspn(line, "\n")] = '\0';
      (void)snprintf(out, size, "%s", strchr(line, ':') + 2);
      break;
    }
  if (file != NULL)
    (void)fclose(file);
}

/* What one sync of a small append costs here: the floor of every commit. */
static double sync_us(const char *dir) {
  struct samples samples = {0};
  static const char block[4096];
  char path[600];
  double median;
  int file;

  (void)snprintf(path, sizeof path, "%s/sync.probe", dir);
  file = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
  if (file < 0)
    die("cannot write in %s", dir);
  for (int i = 0; i < 512; i++) {
    int64_t begun = now_ns();

    /* Over a block that is there already, as a log that has grown is written. */
    if (pwrite(file, block, sizeof block, (i % 16) * 4096) != sizeof block || fdatasync(file) != 0)
      die("cannot sync %s", path);
    if (i >= 16)
      samples_add(&samples, now_ns() - begun);
  }
  (void)close(file);
  (void)unlink(path);
  median = samples_us(&samples, 0.5);
  samples_free(&samples);
  return median;
}

void report_machine(const struct settings *settings) {
  struct utsname name;
  char text[100], date[40];
  time_t now = time(NULL);

  (void)uname(&name);
  processor(text, sizeof text);
  (void)strftime(date, sizeof date, "%Y-%m-%d %H:%M UTC", gmtime(&now));
  fact("date", "%s", date);
  fact("libshop", "%s", shop_version());
  fact("processor", "%s, %ld cores", text, sysconf(_SC_NPROCESSORS_ONLN));
  fact("system", "%s %s", name.sysname, name.release);
  fact("SQLite", "%s", sqlite3_libversion());
  fact("compiler", "%s", __VERSION__);
  fact("one sync", "%.0f us (4 KiB written over, then fdatasync; median)", sync_us(settings->dir));
  fact("rounds", "%d of %.2f s for each side, in turns", settings->rounds, settings->seconds);
  fact("baseline", "waits by %s%s", settings->waits,
       settings->lean ? ", writes no batch marker" : "");
}

/* ---- JSON ------------------------------------------------------------------------------- */

/* Our names hold neither quotes nor control characters; facts may. */
static void quote(FILE *file, const char *text) {
  fputc('"', file);
  for (; *text != '\0'; text++)
    if (*text == '"' || *text == '\\')
      fprintf(file, "\\%c", *text);
    else if ((unsigned char)*text >= 0x20)
      fputc(*text, file);
  fputc('"', file);
}

static void figure(FILE *file, const char *name, double value) {
  if (value != 0)
    fprintf(file, ", \"%s\": %.6g", name, value);
}

void report_json(const char *path) {
  FILE *file = strcmp(path, "-") == 0 ? stdout : fopen(path, "w");

  if (file == NULL)
    die("cannot write %s", path);
  fprintf(file, "{\n  \"machine\": {");
  for (size_t i = 0; i < fact_count; i++) {
    fprintf(file, "%s\n    ", i == 0 ? "" : ",");
    quote(file, facts[i].name);
    fprintf(file, ": ");
    quote(file, facts[i].text);
  }
  fprintf(file, "\n  },\n  \"results\": [");
  for (size_t i = 0; i < result_count; i++) {
    const struct result *result = &results[i];

    fprintf(file, "%s\n    {\"section\": ", i == 0 ? "" : ",");
    quote(file, result->section);
    fprintf(file, ", \"name\": ");
    quote(file, result->name);
    figure(file, "x", result->x);
    fprintf(file, ", \"unit\": ");
    quote(file, result->unit);
    figure(file, "libshop", result->shop);
    figure(file, "baseline", result->base);
    figure(file, "ratio", result->ratio);
    figure(file, "ratio_low", result->ratio_low);
    figure(file, "ratio_high", result->ratio_high);
    fprintf(file, "}");
  }
  fprintf(file, "\n  ]\n}\n");
  if (file != stdout && fclose(file) != 0)
    die("cannot write %s", path);
}
