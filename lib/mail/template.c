/*
 * Reading templates: a text with {{names}} and blocks becomes steps, so that a
 * mistake is found when a template is set and not when a mail is due.
 */
#include "mail_template.h"

#include <assert.h>
#include <string.h>

#define SHOWN_MAX 40 /* of a name, in an error */

struct block {
  bool loop;
  bool has_else;
  enum shop__mail_name name;
  uint32_t begin;  /* its step */
  uint32_t branch; /* the step that waits for the end: the condition, or the "else" */
  int32_t line;
};

struct reader {
  int32_t kind;
  enum shop__mail_part part;
  const char *text;
  const char *literal; /* where what is not yet stored begins */
  int32_t line;
  struct shop__bytes steps;
  struct shop__bytes literals;
  struct block blocks[SHOP__TEMPLATE_DEPTH_MAX];
  int32_t depth;
  enum shop__mail_name list; /* whose loop this is in; SHOP__NAME_COUNT: none */
  shop_error_t *err;
};

/* One {{tag}}. */
struct tag {
  const char *begin; /* of "{{" */
  const char *end;   /* after "}}" */
  const char *word;
  size_t size;
};

static const char *part_name(const struct reader *reader) {
  static const char *const part_names[] = {"subject", "text", "HTML"};
  return part_names[reader->part];
}

/* The sentence of a mistake: where, the tag, and what is wrong with it. */
static int32_t refuse(const struct reader *reader, const struct tag *tag, const char *what) {
  int shown = (int)(tag->size < SHOWN_MAX ? tag->size : SHOWN_MAX);
  while (shown > 0 && ((unsigned char)tag->word[shown] & 0xC0) == 0x80) { /* whole characters */
    shown--;
  }
  return shop__error_set(reader->err, SHOP_ERR_TEMPLATE, "Line %d of the %s template: {{%.*s}} %s.",
                         (int)reader->line, part_name(reader), shown, tag->word, what);
}

/* ---- steps ------------------------------------------------------------------ */

static uint32_t step_count(const struct reader *reader) {
  return (uint32_t)(reader->steps.used / sizeof(struct shop__step));
}

static uint32_t add_step(struct reader *reader, struct shop__step step) {
  uint32_t index = step_count(reader);
  shop__bytes_add(&reader->steps, &step, sizeof step);
  return index;
}

static void set_target(struct reader *reader, uint32_t index) {
  struct shop__step step;
  if (reader->steps.failed) {
    return;
  }
  char *place = reader->steps.data + index * sizeof step;
  memcpy(&step, place, sizeof step);
  step.at = step_count(reader);
  memcpy(place, &step, sizeof step);
}

/* Every line end becomes CRLF. */
static void add_literal(struct reader *reader, const char *end) {
  uint32_t at = (uint32_t)reader->literals.used;
  for (const char *from = reader->literal; from < end;) {
    size_t size = strcspn(from, "\r\n");
    size = size < (size_t)(end - from) ? size : (size_t)(end - from);
    shop__bytes_add(&reader->literals, from, size);
    from += size;
    if (from < end) {
      shop__bytes_text(&reader->literals, "\r\n");
      from += from[0] == '\r' && from[1] == '\n' ? 2 : 1;
    }
  }
  uint32_t size = (uint32_t)reader->literals.used - at;
  if (size > 0) {
    (void)add_step(reader, (struct shop__step){.kind = SHOP__STEP_TEXT, .at = at, .size = size});
  }
  reader->literal = end;
}

/* ---- tags ---------------------------------------------------------------------- */

static bool is_blank(char c) {
  return c == ' ' || c == '\t';
}

/* The tag at "{{"; false when it does not end on its line. */
static bool find_tag(const char *at, struct tag *tag) {
  size_t size = strcspn(at, "\r\n}");
  tag->begin = at;
  tag->word = at + 2;
  tag->size = size - 2;
  if (at[size] != '}' || at[size + 1] != '}') {
    return false;
  }
  tag->end = at + size + 2;
  while (tag->size > 0 && is_blank(tag->word[0])) {
    tag->word++;
    tag->size--;
  }
  while (tag->size > 0 && is_blank(tag->word[tag->size - 1])) {
    tag->size--;
  }
  return true;
}

static bool is_word(const struct tag *tag, const char *word) {
  return tag->size == strlen(word) && memcmp(tag->word, word, tag->size) == 0;
}

/* A tag of a block that has a line to itself takes the line with it. */
static void widen(const struct reader *reader, struct tag *tag) {
  const char *begin = tag->begin;
  const char *end = tag->end;
  while (begin > reader->literal && is_blank(begin[-1])) {
    begin--;
  }
  while (is_blank(*end)) {
    end++;
  }
  bool starts = begin == reader->text || begin[-1] == '\n' || begin[-1] == '\r';
  if (starts && (*end == '\0' || *end == '\n' || *end == '\r')) {
    end += end[0] == '\r' && end[1] == '\n' ? 2 : *end != '\0';
    tag->begin = begin;
    tag->end = end;
  }
}

static struct block *innermost(struct reader *reader) {
  return reader->depth > 0 ? &reader->blocks[reader->depth - 1] : NULL;
}

static int32_t open_block(struct reader *reader, const struct tag *tag, bool loop,
                          enum shop__mail_name name) {
  if (reader->depth == SHOP__TEMPLATE_DEPTH_MAX) {
    return refuse(reader, tag, "is nested too deep");
  }
  uint32_t begin =
      add_step(reader, (struct shop__step){.kind = loop ? SHOP__STEP_LOOP : SHOP__STEP_IF,
                                           .name = (uint8_t)name});
  reader->blocks[reader->depth++] = (struct block){
      .loop = loop, .name = name, .begin = begin, .branch = begin, .line = reader->line};
  if (loop) {
    reader->list = name;
  }
  return SHOP_OK;
}

static int32_t find_name(const struct reader *reader, const struct tag *tag,
                         enum shop__mail_name *name) {
  *name = shop__mail_name_find(tag->word, tag->size, reader->kind, reader->list);
  if (*name == SHOP__NAME_COUNT) {
    return refuse(reader, tag, "is no name that this kind of mail knows here");
  }
  return SHOP_OK;
}

/* {{#lines}} and {{#if name}} */
static int32_t read_open(struct reader *reader, const struct tag *tag) {
  struct tag inner = *tag;
  enum shop__mail_name name;
  inner.word++;
  inner.size--;
  bool loop = !(inner.size > 2 && memcmp(inner.word, "if", 2) == 0 && is_blank(inner.word[2]));
  size_t skip = loop ? 0 : 3;
  while (!loop && skip < inner.size && is_blank(inner.word[skip])) {
    skip++;
  }
  inner.word += skip;
  inner.size -= skip;
  int32_t status = find_name(reader, &inner, &name);
  if (status != SHOP_OK) {
    return status;
  }
  if (loop && shop__mail_name_type(name) != SHOP__NAME_IS_LIST) {
    return refuse(reader, tag, "is no list: only {{#lines}} and {{#adjustments}} are");
  }
  if (loop && reader->list != SHOP__NAME_COUNT) {
    return refuse(reader, tag, "stands inside another loop");
  }
  return open_block(reader, tag, loop, name);
}

static int32_t read_else(struct reader *reader, const struct tag *tag) {
  struct block *block = innermost(reader);
  if (block == NULL || block->loop || block->has_else) {
    return refuse(reader, tag, "belongs to no {{#if}}");
  }
  uint32_t go = add_step(reader, (struct shop__step){.kind = SHOP__STEP_GO});
  set_target(reader, block->branch);
  block->branch = go;
  block->has_else = true;
  return SHOP_OK;
}

/* {{/lines}} and {{/if}} */
static int32_t read_close(struct reader *reader, const struct tag *tag) {
  struct block *block = innermost(reader);
  struct tag inner = {.word = tag->word + 1, .size = tag->size - 1};
  if (block == NULL || !is_word(&inner, block->loop ? shop__mail_name_text(block->name) : "if")) {
    return refuse(reader, tag, "closes nothing that is open here");
  }
  if (block->loop) {
    (void)add_step(reader, (struct shop__step){.kind = SHOP__STEP_NEXT,
                                               .name = (uint8_t)block->name,
                                               .at = block->begin + 1});
    reader->list = SHOP__NAME_COUNT;
  }
  set_target(reader, block->branch);
  reader->depth--;
  return SHOP_OK;
}

static int32_t read_value(struct reader *reader, const struct tag *tag) {
  enum shop__mail_name name;
  int32_t status = find_name(reader, tag, &name);
  if (status != SHOP_OK) {
    return status;
  }
  if (shop__mail_name_type(name) == SHOP__NAME_IS_LIST ||
      shop__mail_name_type(name) == SHOP__NAME_IS_FLAG) {
    return refuse(reader, tag, "is no value that could be shown");
  }
  (void)add_step(reader, (struct shop__step){.kind = SHOP__STEP_VALUE, .name = (uint8_t)name});
  return SHOP_OK;
}

static int32_t read_tag(struct reader *reader, struct tag *tag) {
  bool block = tag->size > 0 && (*tag->word == '#' || *tag->word == '/' || is_word(tag, "else"));
  if (block) {
    widen(reader, tag);
  }
  add_literal(reader, tag->begin);
  reader->literal = tag->end;
  if (!block) {
    return read_value(reader, tag);
  }
  if (*tag->word == '#') {
    return read_open(reader, tag);
  }
  return *tag->word == '/' ? read_close(reader, tag) : read_else(reader, tag);
}

/* ---- the whole ------------------------------------------------------------------- */

static void count_lines(struct reader *reader, const char *from, const char *to) {
  for (; from < to; from++) {
    reader->line += *from == '\n' || (*from == '\r' && from[1] != '\n');
  }
}

static int32_t read_tags(struct reader *reader) {
  const char *at = reader->text;
  for (const char *open; (open = strstr(at, "{{")) != NULL;) {
    struct tag tag = {0};
    count_lines(reader, at, open);
    bool whole = find_tag(open, &tag);
    const char *after = tag.end;
    if (!whole) {
      tag.size = strcspn(tag.word, "\r\n");
      return refuse(reader, &tag, "does not end on its line with two braces");
    }
    int32_t status = read_tag(reader, &tag);
    if (status != SHOP_OK) {
      return status;
    }
    count_lines(reader, after, tag.end);
    at = tag.end;
  }
  if (reader->depth > 0) {
    const struct block *block = innermost(reader);
    return shop__error_set(reader->err, SHOP_ERR_TEMPLATE,
                           "The %s template ends, but {{#%s%s}} of line %d is still open.",
                           part_name(reader), block->loop ? "" : "if ",
                           shop__mail_name_text(block->name), (int)block->line);
  }
  add_literal(reader,
              reader->text + (reader->part == SHOP__PART_SUBJECT ? strcspn(reader->text, "\r\n")
                                                                 : strlen(reader->text)));
  return SHOP_OK;
}

/* A subject is one line, and none of it can be left to the mail. */
static int32_t check_subject(const struct reader *reader) {
  const char *end = strpbrk(reader->text, "\r\n");
  if (end == NULL || end[strspn(end, "\r\n")] == '\0') {
    return SHOP_OK;
  }
  return shop__error_set(reader->err, SHOP_ERR_TEMPLATE,
                         "The subject template has more than one line.");
}

static int32_t finish(const struct reader *reader, struct shop__template **out) {
  if (reader->steps.failed || reader->literals.failed) {
    return shop__error_set(reader->err, SHOP_ERR_NO_MEMORY, "out of memory");
  }
  size_t bytes = sizeof **out + reader->steps.used + reader->literals.used;
  struct shop__template *template = shop__memory_zalloc(bytes);
  if (template == NULL) {
    return shop__error_set(reader->err, SHOP_ERR_NO_MEMORY, "out of memory");
  }
  template->bytes = bytes;
  template->step_count = step_count(reader);
  template->part = (uint8_t)reader->part;
  if (reader->steps.used > 0) {
    memcpy(template->steps, reader->steps.data, reader->steps.used);
  }
  if (reader->literals.used > 0) {
    memcpy((char *)template->steps + reader->steps.used, reader->literals.data,
           reader->literals.used);
  }
  *out = template;
  return SHOP_OK;
}

int32_t shop__template_check(enum shop__mail_part part, const char *text, shop_error_t *err) {
  static const char *const what[] = {"subject template", "text template", "HTML template"};
  size_t max = part == SHOP__PART_SUBJECT ? SHOP__SUBJECT_MAX : SHOP__TEMPLATE_MAX;
  return shop__text_check(what[part], text, 1, max, SHOP__TEXT_PARAGRAPH, err);
}

int32_t shop__template_read(int32_t kind, enum shop__mail_part part, const char *text,
                            struct shop__template **out, shop_error_t *err) {
  struct reader reader = {.kind = kind,
                          .part = part,
                          .text = text,
                          .literal = text,
                          .line = 1,
                          .list = SHOP__NAME_COUNT,
                          .err = err};
  assert(kind > 0 && kind < SHOP__MAIL_KINDS);
  *out = NULL;
  int32_t status = part == SHOP__PART_SUBJECT ? check_subject(&reader) : SHOP_OK;
  if (status == SHOP_OK) {
    status = read_tags(&reader);
  }
  if (status == SHOP_OK) {
    status = finish(&reader, out);
  }
  shop__bytes_free(&reader.steps);
  shop__bytes_free(&reader.literals);
  return status;
}
