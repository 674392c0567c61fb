/*
 * The set of templates, as the files of lib/mail see it.
 */
#ifndef SHOP_LIB_MAIL_TEMPLATES_H
#define SHOP_LIB_MAIL_TEMPLATES_H

#include "mail_template.h"

#define SHOP__MAIL_PARTS 3

/** What a kind of mail looks like in a language. */
struct shop__mail_template {
  int32_t kind;
  char language[SHOP__LANGUAGE_BYTES];
  struct shop__template *parts[SHOP__MAIL_PARTS]; /* by enum shop__mail_part; HTML may be NULL */
};

struct shop__mail_templates {
  struct shop__mail_template builtin[SHOP__MAIL_KINDS];
  struct shop__mail_template *hosts; /* NULL: none */
  size_t count;
};

/** The built-in texts by kind and part, made from the files of templates/en. */
extern const char *const shop__mail_builtin[SHOP__MAIL_KINDS][SHOP__MAIL_PARTS];

/** Never NULL. *written_as receives the tag that money and dates follow: the
    language that was asked for, where the template is of that language. */
const struct shop__mail_template *
shop__mail_template_choose(const struct shop__mail_templates *templates, int32_t kind,
                           const struct shop__mail_facts *facts, const char **written_as);

#endif
