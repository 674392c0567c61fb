/*
 * Messages: the parts of a mail, made from its template, put together as RFC
 * 5322 and MIME want them.
 */
#include "mail.h"
#include "mail_parts.h"
#include "mail_templates.h"

#include <assert.h>
#include <string.h>

/* What a host's template may grow to for one mail. The built-in one is taken instead of one that
   passes this: a mail that is due is never lost to its looks. */
#define PART_MAX ((size_t)4 << 20)
#define BOUNDARY_BYTES 32

/* A mail while it is made. */
struct message {
  struct shop__bytes rendered[SHOP__MAIL_PARTS];
  bool has_html;
  const char *language;
};

/* ---- parts ---------------------------------------------------------------------- */

static bool render_all(const struct shop__mail_template *template, const char *written_as,
                       const struct shop__mail_facts *facts, size_t max, struct message *message) {
  const struct shop__locale *locale = shop__locale_find(written_as);
  bool fits = true;
  for (int part = 0; part < SHOP__MAIL_PARTS && fits; part++) {
    struct shop__bytes *out = &message->rendered[part];
    shop__bytes_free(out);
    out->secret = facts->code != NULL;
    if (template->parts[part] != NULL) {
      fits = shop__template_render(template->parts[part], facts, locale, max, out);
    }
  }
  message->has_html = template->parts[SHOP__PART_HTML] != NULL;
  message->language = template->language;
  return fits;
}

static void render(const struct shop__mail_templates *templates, int32_t kind,
                   const struct shop__mail_facts *facts, struct message *message) {
  const char *written_as;
  const struct shop__mail_template *template =
      shop__mail_template_choose(templates, kind, facts, &written_as);
  if (!render_all(template, written_as, facts, PART_MAX, message)) {
    (void)render_all(&templates->builtin[kind], "en", facts, SIZE_MAX / 2, message);
  }
}

static const char *data_of(const struct shop__bytes *bytes) {
  return bytes->data == NULL ? "" : bytes->data;
}

/* The body of a part in the shorter of its two encodings, with its header. */
static void add_part(struct shop__bytes *out, const char *type, const struct shop__bytes *part) {
  struct shop__bytes quoted = {.secret = part->secret};
  const char *text = data_of(part);
  shop__mail_quoted_printable(&quoted, text, part->used);
  size_t base64 = shop__mail_base64_size(part->used);
  bool shorter = base64 + base64 / 76 * 2 + 2 < quoted.used;
  shop__bytes_text(out, "Content-Type: ");
  shop__bytes_text(out, type);
  shop__bytes_text(out, "; charset=utf-8\r\nContent-Transfer-Encoding: ");
  shop__bytes_text(out, shorter ? "base64\r\n\r\n" : "quoted-printable\r\n\r\n");
  if (part->failed || quoted.failed) {
    out->failed = true;
  } else if (shorter) {
    shop__mail_base64_lines(out, text, part->used);
  } else {
    shop__bytes_add(out, quoted.data, quoted.used);
  }
  shop__bytes_free(&quoted);
}

/* ---- the whole --------------------------------------------------------------------- */

/* A line that can stand in no part: quoted-printable escapes every "=", and base64 has no "_". Made
   from the Message-ID (FNV-1a), so that it stays the same, and differs from the one of another
   mail that this one is attached to. */
static void make_boundary(const char *message_id, char out[BOUNDARY_BYTES]) {
  uint64_t hash = 14695981039346656037u;
  for (const char *at = message_id; *at != '\0'; at++) {
    hash = (hash ^ (unsigned char)*at) * 1099511628211u;
  }
  memcpy(out, "=_shop_", 8);
  for (int i = 0; i < 16; i++) {
    out[7 + i] = "0123456789abcdef"[hash >> (60 - 4 * i) & 15];
  }
  out[23] = '\0';
}

static void add_header(struct shop__bytes *out, const struct shop__mail_facts *facts,
                       const struct message *message) {
  char date[SHOP__CLOCK_TEXT_BYTES];
  shop__mail_header_text(out, "Date", shop__clock_rfc5322(facts->date_ms, date));
  shop__mail_header_mailbox(out, "From", facts->shop_name, facts->from);
  if (facts->reply_to != NULL) {
    shop__mail_header_mailbox(out, "Reply-To", NULL, facts->reply_to);
  }
  shop__mail_header_mailbox(out, "To", NULL, facts->recipient);
  shop__mail_header_text(out, "Subject", data_of(&message->rendered[SHOP__PART_SUBJECT]));
  shop__mail_header_id(out, facts->message_id);
  shop__mail_header_text(out, "Content-Language", message->language);
  shop__bytes_text(out, "Auto-Submitted: auto-generated\r\nMIME-Version: 1.0\r\n");
}

static void add_alternatives(struct shop__bytes *out, const char *message_id,
                             const struct message *message) {
  char boundary[BOUNDARY_BYTES];
  make_boundary(message_id, boundary);
  shop__bytes_format(out, "Content-Type: multipart/alternative; boundary=\"%s\"\r\n\r\n--%s\r\n",
                     boundary, boundary);
  add_part(out, "text/plain", &message->rendered[SHOP__PART_TEXT]);
  shop__bytes_format(out, "\r\n--%s\r\n", boundary);
  add_part(out, "text/html", &message->rendered[SHOP__PART_HTML]);
  shop__bytes_format(out, "\r\n--%s--\r\n", boundary);
}

int32_t shop__mail_compose(const struct shop__mail_templates *templates, int32_t kind,
                           const struct shop__mail_facts *facts, struct shop__bytes *out) {
  struct message message = {0};
  assert(kind > 0 && kind < SHOP__MAIL_KINDS);
  out->secret = facts->code != NULL;
  render(templates, kind, facts, &message);
  if (message.rendered[SHOP__PART_SUBJECT].failed) {
    out->failed = true;
  }
  add_header(out, facts, &message);
  if (message.has_html) {
    add_alternatives(out, facts->message_id, &message);
  } else {
    add_part(out, "text/plain", &message.rendered[SHOP__PART_TEXT]);
  }
  for (int part = 0; part < SHOP__MAIL_PARTS; part++) {
    shop__bytes_free(&message.rendered[part]);
  }
  return out->failed ? SHOP_ERR_NO_MEMORY : SHOP_OK;
}
