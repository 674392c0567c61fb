/* Pictures of the results, written as SVG by ourselves. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "bench.h"

#define WIDTH 720
#define HEIGHT 420
#define LEFT 90
#define RIGHT 180
#define TOP 56
#define BOTTOM 64
#define POINTS_MAX 12
#define SERIES_MAX 10

struct series {
  const char *name;
  const char *colour;
  double y[POINTS_MAX]; /* 0: no value */
};

struct chart {
  const char *file;
  const char *title;
  const char *x_title;
  const char *y_title;
  char labels[POINTS_MAX][24];
  int points;
  struct series series[SERIES_MAX];
  int count;
  bool log_y;
};

static const char *const colours[] = {"#0b6e99", "#c2410c", "#15803d", "#7e22ce", "#b45309",
                                      "#be123c", "#334155", "#0f766e", "#4d7c0f", "#6d28d9"};

/* ---- the axes ------------------------------------------------------------------------- */

struct axis {
  double low, high;
  bool log;
};

static struct axis axis_of(const struct chart *chart) {
  struct axis axis = {.low = 1e300, .high = 0, .log = chart->log_y};

  for (int i = 0; i < chart->count; i++)
    for (int p = 0; p < chart->points; p++)
      if (chart->series[i].y[p] > 0) {
        axis.low = fmin(axis.low, chart->series[i].y[p]);
        axis.high = fmax(axis.high, chart->series[i].y[p]);
      }
  if (axis.log) {
    axis.low = pow(10, floor(log10(axis.low)));
    axis.high = pow(10, ceil(log10(axis.high) + 1e-9));
  } else {
    double unit = pow(10, floor(log10(axis.high)));

    axis.low = 0;
    axis.high = ceil(axis.high / unit) * unit;
  }
  return axis;
}

static double y_at(const struct axis *axis, double value) {
  double part = axis->log
                    ? (log10(value) - log10(axis->low)) / (log10(axis->high) - log10(axis->low))
                    : (value - axis->low) / (axis->high - axis->low);

  return HEIGHT - BOTTOM - part * (HEIGHT - TOP - BOTTOM);
}

static double x_at(const struct chart *chart, int point) {
  double step = (double)(WIDTH - LEFT - RIGHT) / (chart->points > 1 ? chart->points - 1 : 1);

  return LEFT + step * point;
}

static void draw_tick(FILE *file, const struct axis *axis, double value) {
  double y = y_at(axis, value);

  fprintf(file, "<line x1='%d' y1='%.1f' x2='%d' y2='%.1f' stroke='#e2e8f0'/>\n", LEFT, y,
          WIDTH - RIGHT, y);
  fprintf(file, "<text x='%d' y='%.1f' text-anchor='end'>%g</text>\n", LEFT - 8, y + 4, value);
}

static void draw_axes(FILE *file, const struct chart *chart, const struct axis *axis) {
  if (axis->log)
    for (double value = axis->low; value <= axis->high * 1.001; value *= 10)
      draw_tick(file, axis, value);
  else
    for (int i = 0; i <= 5; i++)
      draw_tick(file, axis, axis->high * i / 5);
  for (int i = 0; i < chart->points; i++)
    fprintf(file, "<text x='%.1f' y='%d' text-anchor='middle'>%s</text>\n", x_at(chart, i),
            HEIGHT - BOTTOM + 20, chart->labels[i]);
  fprintf(file, "<text x='%d' y='%d' text-anchor='middle'>%s</text>\n", (LEFT + WIDTH - RIGHT) / 2,
          HEIGHT - 20, chart->x_title);
  fprintf(file,
          "<text x='22' y='%d' text-anchor='middle' transform='rotate(-90 22 %d)'>%s</text>\n",
          HEIGHT / 2, HEIGHT / 2, chart->y_title);
}

/* ---- the lines -------------------------------------------------------------------------- */

static void draw_series(FILE *file, const struct chart *chart, const struct axis *axis, int index) {
  const struct series *series = &chart->series[index];
  int legend = TOP + 10 + index * 22;

  fprintf(file, "<polyline fill='none' stroke-width='2.5' stroke='%s' points='", series->colour);
  for (int i = 0; i < chart->points; i++)
    if (series->y[i] > 0)
      fprintf(file, "%.1f,%.1f ", x_at(chart, i), y_at(axis, series->y[i]));
  fprintf(file, "'/>\n");
  for (int i = 0; i < chart->points; i++)
    if (series->y[i] > 0)
      fprintf(file, "<circle cx='%.1f' cy='%.1f' r='3.5' fill='%s'><title>%g</title></circle>\n",
              x_at(chart, i), y_at(axis, series->y[i]), series->colour, series->y[i]);
  fprintf(file, "<rect x='%d' y='%d' width='16' height='4' fill='%s'/>\n", WIDTH - RIGHT + 16,
          legend - 4, series->colour);
  fprintf(file, "<text x='%d' y='%d'>%s</text>\n", WIDTH - RIGHT + 38, legend + 2, series->name);
}

static void draw(const struct chart *chart, const char *folder) {
  struct axis axis = axis_of(chart);
  char path[700];
  FILE *file;

  if (chart->points < 2 || chart->count == 0 || axis.high <= 0)
    return;
  (void)snprintf(path, sizeof path, "%s/%s", folder, chart->file);
  file = fopen(path, "w");
  if (file == NULL)
    die("cannot write %s", path);
  fprintf(file,
          "<svg xmlns='http://www.w3.org/2000/svg' width='%d' height='%d' viewBox='0 0 %d %d'"
          " font-family='sans-serif' font-size='12' fill='#0f172a'>\n"
          "<rect width='%d' height='%d' fill='#ffffff'/>\n"
          "<text x='%d' y='30' font-size='16' font-weight='bold'>%s</text>\n",
          WIDTH, HEIGHT, WIDTH, HEIGHT, WIDTH, HEIGHT, LEFT, chart->title);
  draw_axes(file, chart, &axis);
  for (int i = 0; i < chart->count; i++)
    draw_series(file, chart, &axis, i);
  fprintf(file, "</svg>\n");
  if (fclose(file) != 0)
    die("cannot write %s", path);
  printf("%s\n", path);
}

/* ---- which figures -------------------------------------------------------------------------- */

static const struct result *find(const char *section, const char *name, double x) {
  size_t count;
  const struct result *all = report_results(&count);

  for (size_t i = 0; i < count; i++)
    if (strcmp(all[i].section, section) == 0 && strcmp(all[i].name, name) == 0 && all[i].x == x)
      return &all[i];
  return NULL;
}

static void add_point(struct chart *chart, const struct result *result, int series) {
  if (result == NULL || chart->points == POINTS_MAX)
    return;
  chart->series[series].y[chart->points] = result->shop;
  chart->series[series + 1].y[chart->points] = result->base;
}

static void draw_threads(const char *folder, const char *name, struct chart chart) {
  chart.x_title = "threads";
  chart.count = 2;
  chart.series[0] = (struct series){.name = "libshop", .colour = colours[0]};
  chart.series[1] = (struct series){.name = "SQLite by hand", .colour = colours[1]};
  for (int threads = 1; threads <= 64; threads *= 2) {
    const struct result *result = find("threads", name, threads);

    if (result == NULL)
      continue;
    add_point(&chart, result, 0);
    (void)snprintf(chart.labels[chart.points++], sizeof chart.labels[0], "%d", threads);
  }
  draw(&chart, folder);
}

static void draw_percentiles(const char *folder) {
  static const char *const names[] = {"purchase p50", "purchase p90", "purchase p99",
                                      "purchase p99.9"};
  static const int threads[] = {1, 8, 32};
  static const char *const series[] = {"libshop, 1", "by hand, 1",  "libshop, 8",
                                       "by hand, 8", "libshop, 32", "by hand, 32"};
  struct chart chart = {.file = "latency-percentiles.svg",
                        .title = "Latency of a purchase, by number of threads",
                        .x_title = "percentile",
                        .y_title = "microseconds",
                        .log_y = true,
                        .count = 6};

  for (int i = 0; i < 6; i++)
    chart.series[i] = (struct series){.name = series[i], .colour = colours[i]};
  for (int p = 0; p < 4; p++) {
    bool there = false;

    for (int i = 0; i < 3; i++) {
      const struct result *result = find("threads", names[p], threads[i]);

      there = there || result != NULL;
      add_point(&chart, result, i * 2);
    }
    if (there)
      (void)snprintf(chart.labels[chart.points++], sizeof chart.labels[0], "%s",
                     names[p] + strlen("purchase "));
  }
  draw(&chart, folder);
}

/* The sizes that were measured, in their order. */
static int sizes_of(double sizes[POINTS_MAX]) {
  size_t count;
  const struct result *all = report_results(&count);
  int found = 0;

  for (size_t i = 0; i < count && found < POINTS_MAX; i++)
    if (strcmp(all[i].section, "growth") == 0 && all[i].x > 0 &&
        strcmp(all[i].name, "the file") == 0)
      sizes[found++] = all[i].x;
  return found;
}

/* p50 of the calls of the timeline over the size of the store. */
static void draw_growth(const char *folder) {
  static const char *const names[] = {"user_register p50",     "cart_create p50", "cart_add p50",
                                      "session_check_jwt p50", "purchase p50",    "order_get p50"};
  struct chart chart = {.file = "growth.svg",
                        .title = "A call's median as the store grows",
                        .x_title = "products, users and orders, each",
                        .y_title = "microseconds",
                        .log_y = true,
                        .count = 6};
  double sizes[POINTS_MAX];

  chart.points = sizes_of(sizes);
  for (int i = 0; i < chart.count; i++) {
    chart.series[i] = (struct series){.name = names[i], .colour = colours[i]};
    for (int p = 0; p < chart.points; p++) {
      const struct result *result = find("growth", names[i], sizes[p]);

      chart.series[i].y[p] = result == NULL ? 0 : result->shop;
    }
  }
  for (int p = 0; p < chart.points; p++)
    (void)snprintf(chart.labels[p], sizeof chart.labels[0], "%.0f", sizes[p]);
  draw(&chart, folder);
}

void svg_write(const char *folder) {
  draw_threads(folder, "timelines",
               (struct chart){.file = "throughput.svg",
                              .title = "Timelines a second, every commit synced",
                              .y_title = "timelines a second"});
  draw_threads(folder, "purchase p99",
               (struct chart){.file = "latency-threads.svg",
                              .title = "p99 of a purchase",
                              .y_title = "microseconds",
                              .log_y = true});
  draw_percentiles(folder);
  draw_growth(folder);
}
