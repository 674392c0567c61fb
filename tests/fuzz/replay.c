/*
 * Runs a fuzz target on every file of a folder, whole and cut off at each
 * place, without a fuzzer: what was found once is looked at in every build.
 * Usage: replay FOLDER...
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define INPUT_MAX 65536
#define CUT_MAX 2048 /* bytes of a file that is tried at every length */

/* On a block of exactly its size, so that a sanitizer sees a byte read too many. */
static void run(const uint8_t *data, size_t size) {
  uint8_t *copy = malloc(size == 0 ? 1 : size);

  if (copy == NULL) {
    fprintf(stderr, "out of memory\n");
    exit(1);
  }
  memcpy(copy, data, size);
  (void)LLVMFuzzerTestOneInput(copy, size);
  free(copy);
}

static void replay_file(const char *path) {
  static uint8_t data[INPUT_MAX];
  FILE *file = fopen(path, "rb");
  size_t size;

  if (file == NULL) {
    perror(path);
    exit(1);
  }
  size = fread(data, 1, sizeof data, file);
  fclose(file);
  for (size_t cut = 0; cut < size && size <= CUT_MAX; cut++)
    run(data, cut);
  run(data, size);
}

static int replay_folder(const char *path) {
  DIR *folder = opendir(path);
  const struct dirent *entry;
  char name[4096];
  int count = 0;

  if (folder == NULL) {
    perror(path);
    exit(1);
  }
  while ((entry = readdir(folder)) != NULL) {
    if (entry->d_name[0] == '.')
      continue;
    snprintf(name, sizeof name, "%s/%s", path, entry->d_name);
    replay_file(name);
    count++;
  }
  closedir(folder);
  return count;
}

int main(int argc, char **argv) {
  int count = 0;

  for (int i = 1; i < argc; i++)
    count += replay_folder(argv[i]);
  printf("%d inputs\n", count);
  return count > 0 ? 0 : 1;
}
