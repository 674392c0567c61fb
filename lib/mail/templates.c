/*
 * The templates of a shop: which one a mail is made from, by its kind and the
 * language of who reads it.
 */
#include "mail_templates.h"
#include "shop/mail.h"

#include <string.h>

/* ---- kinds ----------------------------------------------------------------------- */

static const char *const kind_names[SHOP__MAIL_KINDS] = {
    [SHOP_MAIL_CONFIRMATION] = "confirmation",
    [SHOP_MAIL_PAYMENT_FAILED] = "payment_failed",
    [SHOP_MAIL_ORDER_CANCELLED] = "order_cancelled",
    [SHOP_MAIL_REFUND] = "refund",
    [SHOP_MAIL_WELCOME] = "welcome",
    [SHOP_MAIL_VERIFY_ADDRESS] = "verify_address",
    [SHOP_MAIL_PASSWORD_RESET] = "password_reset",
    [SHOP_MAIL_EMAIL_CHANGED] = "email_changed",
    [SHOP_MAIL_PASSWORD_CHANGED] = "password_changed",
    [SHOP_MAIL_ACCOUNT_EXISTS] = "account_exists",
    [SHOP_MAIL_UNLOCK] = "unlock",
    [SHOP_MAIL_REGISTRATION] = "registration",
};

const char *shop__mail_kind_name(int32_t kind) {
  return kind > 0 && kind < SHOP__MAIL_KINDS ? kind_names[kind] : NULL;
}

/* ---- one template ------------------------------------------------------------------ */

static void free_parts(struct shop__mail_template *template) {
  for (int part = 0; part < SHOP__MAIL_PARTS; part++) {
    shop__memory_free(template->parts[part]);
  }
  *template = (struct shop__mail_template){0};
}

static int32_t read_parts(int32_t kind, const char *language, const char *const texts[],
                          struct shop__mail_template *out, shop_error_t *err) {
  int32_t status = SHOP_OK;
  *out = (struct shop__mail_template){.kind = kind};
  memcpy(out->language, language, strlen(language) + 1);
  for (int part = 0; part < SHOP__MAIL_PARTS && status == SHOP_OK; part++) {
    if (part != SHOP__PART_HTML || texts[part] != NULL) {
      status = shop__template_read(kind, (enum shop__mail_part)part, texts[part], &out->parts[part],
                                   err);
    }
  }
  if (status != SHOP_OK) {
    free_parts(out);
  }
  return status;
}

static bool copy_parts(const struct shop__mail_template *from, struct shop__mail_template *out) {
  *out = *from;
  memset(out->parts, 0, sizeof out->parts);
  for (int part = 0; part < SHOP__MAIL_PARTS; part++) {
    const struct shop__template *read = from->parts[part];
    if (read == NULL) {
      continue;
    }
    out->parts[part] = shop__memory_zalloc(read->bytes);
    if (out->parts[part] == NULL) {
      free_parts(out);
      return false;
    }
    memcpy(out->parts[part], read, read->bytes);
  }
  return true;
}

/* ---- the set ------------------------------------------------------------------------- */

/* Room for one more of the host's; NULL: no memory. */
static struct shop__mail_template *append(struct shop__mail_templates *templates) {
  size_t size = (templates->count + 1) * sizeof *templates->hosts;
  struct shop__mail_template *hosts = shop__memory_realloc(templates->hosts, size);
  if (hosts == NULL) {
    return NULL;
  }
  templates->hosts = hosts;
  hosts[templates->count] = (struct shop__mail_template){0};
  return &hosts[templates->count];
}

static int32_t fill(struct shop__mail_templates *templates,
                    const struct shop__mail_templates *from) {
  int32_t status = SHOP_OK;
  for (int32_t kind = 1; kind < SHOP__MAIL_KINDS && status == SHOP_OK; kind++) {
    status = read_parts(kind, "en", shop__mail_builtin[kind], &templates->builtin[kind], NULL);
  }
  for (size_t i = 0; from != NULL && i < from->count && status == SHOP_OK; i++) {
    struct shop__mail_template *place = append(templates);
    if (place == NULL || !copy_parts(&from->hosts[i], place)) {
      return SHOP_ERR_NO_MEMORY;
    }
    templates->count++;
  }
  return status;
}

int32_t shop__mail_templates_new(const struct shop__mail_templates *from,
                                 struct shop__mail_templates **out) {
  struct shop__mail_templates *templates = shop__memory_zalloc(sizeof *templates);
  *out = NULL;
  if (templates == NULL) {
    return SHOP_ERR_NO_MEMORY;
  }
  int32_t status = fill(templates, from);
  if (status == SHOP_OK) {
    *out = templates;
  } else {
    shop__mail_templates_free(templates);
  }
  return status;
}

void shop__mail_templates_free(struct shop__mail_templates *templates) {
  if (templates == NULL) {
    return;
  }
  for (size_t i = 0; i < SHOP__MAIL_KINDS; i++) {
    free_parts(&templates->builtin[i]);
  }
  for (size_t i = 0; i < templates->count; i++) {
    free_parts(&templates->hosts[i]);
  }
  shop__memory_free(templates->hosts);
  shop__memory_free(templates);
}

/* The host's template of exactly this language, or NULL. */
static struct shop__mail_template *find(const struct shop__mail_templates *templates, int32_t kind,
                                        const char *language, size_t size) {
  for (size_t i = 0; i < templates->count; i++) {
    struct shop__mail_template *host = &templates->hosts[i];
    if (host->kind == kind && shop__language_is(host->language, language, size)) {
      return host;
    }
  }
  return NULL;
}

int32_t shop__mail_templates_set(struct shop__mail_templates *templates, int32_t kind,
                                 const char *language, const char *subject, const char *text,
                                 const char *html, shop_error_t *err) {
  const char *texts[SHOP__MAIL_PARTS] = {subject, text, html};
  struct shop__mail_template fresh;
  if (shop__mail_kind_name(kind) == NULL) {
    return shop__error_set(err, SHOP_ERR_ARGUMENT, "%d is no kind of mail.", (int)kind);
  }
  if (language == NULL || !shop__language_tag(language)) {
    return shop__error_set(err, SHOP_ERR_ARGUMENT,
                           "The language must be a tag of BCP 47, such as \"de\" or \"pt-BR\".");
  }
  int32_t status = SHOP_OK;
  for (int part = 0; part < SHOP__MAIL_PARTS && status == SHOP_OK; part++) {
    if (part != SHOP__PART_HTML || html != NULL) {
      status = shop__template_check((enum shop__mail_part)part, texts[part], err);
    }
  }
  if (status == SHOP_OK) {
    status = read_parts(kind, language, texts, &fresh, err);
  }
  if (status != SHOP_OK) {
    return status;
  }
  struct shop__mail_template *place = find(templates, kind, language, strlen(language));
  if (place == NULL) {
    place = append(templates);
    if (place == NULL) {
      free_parts(&fresh);
      return shop__error_set(err, SHOP_ERR_NO_MEMORY, "out of memory");
    }
    templates->count++;
  }
  free_parts(place);
  *place = fresh;
  return SHOP_OK;
}

/* ---- choosing ---------------------------------------------------------------------------- */

/* The nearest template of a language (RFC 4647 section 3.4), or NULL. */
static const struct shop__mail_template *lookup(const struct shop__mail_templates *templates,
                                                int32_t kind, const char *language) {
  for (size_t size = strlen(language); size > 0; size = shop__language_shorter(language, size)) {
    const struct shop__mail_template *found = find(templates, kind, language, size);
    if (found == NULL && shop__language_is("en", language, size)) {
      found = &templates->builtin[kind];
    }
    if (found != NULL) {
      return found;
    }
  }
  return NULL;
}

const struct shop__mail_template *
shop__mail_template_choose(const struct shop__mail_templates *templates, int32_t kind,
                           const struct shop__mail_facts *facts, const char **written_as) {
  const char *wanted[] = {facts->language, facts->shop_language, "en"};
  for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++) {
    const struct shop__mail_template *found =
        wanted[i] == NULL ? NULL : lookup(templates, kind, wanted[i]);
    if (found != NULL) {
      *written_as = wanted[i];
      return found;
    }
  }
  *written_as = "en";
  return &templates->builtin[kind];
}
