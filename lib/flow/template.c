/* The host's mail templates: set one by one, or from a folder of files. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "flow.h"

#define ENDINGS 3
#define FILE_PATH_BYTES 1280 /* the folder, a language, a kind */

static const char *const ENDING[ENDINGS] = {".subject", ".txt", ".html"};

static int32_t check_config(const shop_config_t *config, shop_error_t *err) {
  shop__error_clear(err);
  return config == NULL ? shop__missing("config", err) : SHOP_OK;
}

static int32_t needed(shop_config_t *config, shop_error_t *err) {
  if (config->templates == NULL && shop__mail_templates_new(NULL, &config->templates) != SHOP_OK)
    return shop__no_memory(err);
  return SHOP_OK;
}

int32_t shop_config_set_mail_template(shop_config_t *config, int32_t kind, const char *language,
                                      const char *subject, const char *text, const char *html,
                                      shop_error_t *err) {
  int32_t status = check_config(config, err);

  if (status == SHOP_OK)
    status = needed(config, err);
  if (status == SHOP_OK)
    status = shop__mail_templates_set(config->templates, kind, language, subject, text, html, err);
  return status;
}

/* ---- from a folder ------------------------------------------------------------------------- */

struct load {
  struct shop__mail_templates *templates;
  const char *folder;
  const char *language; /* the folder that is being read */
  shop_error_t *err;    /* never NULL: sentences are built on it */
};

/* Reads a file; *found false where there is none. */
static int32_t read_file(const struct load *load, const char *name, const char *ending,
                         struct shop__bytes *out, bool *found) {
  static const char MARK[] = "\xEF\xBB\xBF"; /* that some editors begin UTF-8 with */
  char path[FILE_PATH_BYTES], block[4096];
  FILE *file;
  size_t got;
  bool failed;

  (void)snprintf(path, sizeof path, "%s/%s/%s%s", load->folder, load->language, name, ending);
  file = fopen(path, "rb");
  *found = file != NULL;
  if (file == NULL)
    return errno == ENOENT
               ? SHOP_OK
               : shop__error_set(load->err, SHOP_ERR_CANNOT_OPEN, "%s/%s%s cannot be opened",
                                 load->language, name, ending);
  while ((got = fread(block, 1, sizeof block, file)) > 0 && out->used <= SHOP__TEMPLATE_MAX)
    shop__bytes_add(out, block, got);
  failed = ferror(file) != 0;
  (void)fclose(file);
  if (failed)
    return shop__error_set(load->err, SHOP_ERR_IO, "%s/%s%s cannot be read", load->language, name,
                           ending);
  shop__bytes_add(out, "", 1); /* "" where the file is empty */
  if (out->failed)
    return shop__no_memory(load->err);
  if (strlen(out->data) + 1 != out->used)
    return shop__error_set(load->err, SHOP_ERR_TEXT, "%s/%s%s holds a NUL", load->language, name,
                           ending);
  if (strncmp(out->data, MARK, sizeof MARK - 1) == 0)
    memmove(out->data, out->data + sizeof MARK - 1, out->used - (sizeof MARK - 1));
  return SHOP_OK;
}

/* A sentence about a template, with the file's name before it. */
static int32_t place_error(const struct load *load, const char *name, int32_t status) {
  if (status != SHOP_OK && status != SHOP_ERR_NO_MEMORY)
    return shop__error_set(load->err, status, "%s/%s: %s", load->language, name,
                           load->err->message);
  return status;
}

static int32_t load_kind(const struct load *load, int32_t kind) {
  const char *name = shop__mail_kind_name(kind);
  struct shop__bytes texts[ENDINGS] = {{0}};
  bool found[ENDINGS] = {false};
  int32_t status = SHOP_OK;

  for (int i = 0; i < ENDINGS && status == SHOP_OK; i++)
    status = read_file(load, name, ENDING[i], &texts[i], &found[i]);
  if (status == SHOP_OK && (found[0] || found[1] || found[2])) {
    if (!found[0] || !found[1])
      status = shop__error_set(load->err, SHOP_ERR_TEMPLATE, "%s/%s%s is missing", load->language,
                               name, ENDING[found[0] ? 1 : 0]);
    else
      status = place_error(load, name,
                           shop__mail_templates_set(load->templates, kind, load->language,
                                                    texts[0].data, texts[1].data,
                                                    found[2] ? texts[2].data : NULL, load->err));
  }
  for (int i = 0; i < ENDINGS; i++)
    shop__bytes_free(&texts[i]);
  return status;
}

/* A misspelt name would never be missed: the built-in mail would go out. */
static int32_t check_name(const struct load *load, const char *file) {
  size_t size = strlen(file);

  for (int i = 0; i < ENDINGS; i++) {
    size_t ending = strlen(ENDING[i]);
    bool known = false;

    if (file[0] == '.' || size <= ending || strcmp(file + size - ending, ENDING[i]) != 0)
      continue;
    for (int32_t kind = 1; shop__mail_kind_name(kind) != NULL && !known; kind++)
      known = strlen(shop__mail_kind_name(kind)) == size - ending &&
              memcmp(shop__mail_kind_name(kind), file, size - ending) == 0;
    if (!known)
      return shop__error_set(load->err, SHOP_ERR_TEMPLATE, "%s/%s is named like no kind of mail",
                             load->language, file);
  }
  return SHOP_OK;
}

static int32_t load_language(const struct load *load) {
  char path[FILE_PATH_BYTES];
  struct dirent *entry;
  DIR *folder;
  int32_t status = SHOP_OK;

  if (!shop__language_tag(load->language))
    return shop__error_set(load->err, SHOP_ERR_TEMPLATE,
                           "the folder %.40s is named like no language (BCP 47)", load->language);
  (void)snprintf(path, sizeof path, "%s/%s", load->folder, load->language);
  folder = opendir(path);
  if (folder == NULL)
    return shop__error_set(load->err, SHOP_ERR_CANNOT_OPEN, "the folder %s cannot be opened",
                           load->language);
  while (status == SHOP_OK && (entry = readdir(folder)) != NULL)
    status = check_name(load, entry->d_name);
  (void)closedir(folder);
  for (int32_t kind = 1; status == SHOP_OK && shop__mail_kind_name(kind) != NULL; kind++)
    status = load_kind(load, kind);
  return status;
}

static bool is_folder(const char *folder, const char *name) {
  char path[FILE_PATH_BYTES];
  struct stat facts;

  (void)snprintf(path, sizeof path, "%s/%s", folder, name);
  return name[0] != '.' && stat(path, &facts) == 0 && S_ISDIR(facts.st_mode);
}

static int32_t load_all(struct load *load) {
  DIR *folder = opendir(load->folder);
  struct dirent *entry;
  int32_t status = SHOP_OK;

  if (folder == NULL)
    return shop__error_set(load->err, SHOP_ERR_CANNOT_OPEN,
                           "the folder of the mail templates cannot be opened");
  while (status == SHOP_OK && (entry = readdir(folder)) != NULL) {
    load->language = entry->d_name;
    if (is_folder(load->folder, entry->d_name))
      status = load_language(load);
  }
  (void)closedir(folder);
  return status;
}

int32_t shop_config_load_mail_templates(shop_config_t *config, const char *folder,
                                        shop_error_t *err) {
  struct load load = {.folder = folder, .err = err};
  struct shop_error none = {0};
  int32_t status = check_config(config, err);

  if (status != SHOP_OK)
    return status;
  if (folder == NULL || folder[0] == '\0')
    return shop__missing("folder", err);
  if (strnlen(folder, SHOP__PATH_MAX + 1) > SHOP__PATH_MAX)
    return shop__error_set(err, SHOP_ERR_TOO_LONG, "the path has more than %d bytes",
                           SHOP__PATH_MAX);
  if (err == NULL)
    load.err = &none;
  /* Into a copy, so that a mistake changes nothing. */
  if (shop__mail_templates_new(config->templates, &load.templates) != SHOP_OK)
    return shop__no_memory(err);
  status = load_all(&load);
  if (status == SHOP_OK) {
    shop__mail_templates_free(config->templates);
    config->templates = load.templates;
  } else {
    shop__mail_templates_free(load.templates);
  }
  return status;
}
