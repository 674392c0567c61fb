/*
 * Imports a catalogue: reads the product CSV that Shopify exports and puts
 * everything in it that is for sale into a shop.
 *
 *   import_catalogue STORE CATALOGUE.csv CURRENCY      (- reads standard input)
 *
 * Each row stands for itself: it is checked, and either taken whole or reported as
 * refused, with the line that it begins on. Products are put in batches, each a
 * transaction; importing the same file again gives the same products, so an import
 * that was interrupted is simply repeated.
 *
 * - Columns are found by their names, as older exports spell them ("Variant SKU")
 *   or newer ones ("SKU"), in any order. Title and price must be there; columns
 *   that are not known are ignored, and so are spaces around a value.
 * - Rows that follow with the same handle are variants of the first one and take
 *   title, description and status from it. "Tea" with the options "Green" and
 *   "100 g" is sold as "Tea (Green / 100 g)". Rows with nothing but pictures are
 *   skipped; a row that repeats an SKU of the file is refused.
 * - A missing SKU is made from the handle (or the title) and the options.
 * - Stock is unlimited where the quantity is empty, or not tracked, or where
 *   selling continues without stock. A negative quantity (the export of a product
 *   that was oversold) is taken as 0, with a note.
 * - Drafts, archived and unpublished products are left out and counted: they are
 *   not put, and if the shop has them already they stay as they are.
 * - The description is kept as the HTML that it is. Whoever shows it has to clean
 *   it, like any text from outside.
 *
 * Exit status: 0 when the file was read, also with refused rows; 1 when it cannot
 * be read or is no catalogue, or the store fails; 2 for wrong arguments.
 */
#include <shop.h>

#include <csv.h>
#include <errno.h>
#include <search.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#define FILE_BYTES_MAX ((size_t)256 << 20)
#define ROW_BYTES_MAX ((size_t)1 << 20)
#define COLUMNS_MAX 1000
#define SKU_BYTES_MAX 64
#define BATCH_PRODUCTS 500 /* the commits of an import are what it costs... */
#define BATCH_BYTES ((size_t)256 << 10) /* ...but a transaction stays small */
#define OPTIONS_MAX 3

/* ---- What is being read -------------------------------------------------- */

/* The columns that matter here. Those up to STATUS belong to the product and may be left out in the
   rows of its further variants. */
enum column {
  HANDLE,
  TITLE,
  BODY,
  PUBLISHED,
  STATUS,
  OPTION1,
  OPTION2,
  OPTION3,
  SKU,
  PRICE,
  TRACKER,
  QUANTITY,
  POLICY,
  COLUMNS
};
#define SHARED_COLUMNS (STATUS + 1)

/* As older exports spell them, and as newer ones do. Letter case does not count. */
static const char *const column_names[COLUMNS][2] = {
    [HANDLE] = {"Handle", "URL handle"},
    [TITLE] = {"Title", "Title"},
    [BODY] = {"Body (HTML)", "Description"},
    [PUBLISHED] = {"Published", "Published on online store"},
    [STATUS] = {"Status", "Status"},
    [OPTION1] = {"Option1 Value", "Option1 Value"},
    [OPTION2] = {"Option2 Value", "Option2 Value"},
    [OPTION3] = {"Option3 Value", "Option3 Value"},
    [SKU] = {"Variant SKU", "SKU"},
    [PRICE] = {"Variant Price", "Price"},
    [TRACKER] = {"Variant Inventory Tracker", "Inventory tracker"},
    [QUANTITY] = {"Variant Inventory Qty", "Inventory quantity"},
    [POLICY] = {"Variant Inventory Policy", "Continue selling when out of stock"},
};

/* The whole file, and how far it has been read. */
struct file {
  char *bytes;
  size_t size;
  size_t at;
  size_t line; /* the number of the line that begins at `at` */
};

/* One row of the file. */
struct row {
  size_t line;       /* the line that it begins on */
  const char *fault; /* why nothing can be made of it, or NULL */
  bool ended;
  size_t count; /* of its columns */
  size_t starts[COLUMNS_MAX];
  size_t used;
  char text[ROW_BYTES_MAX]; /* the columns, each with its NUL */
};

/* What the rows of one product share, each NULL or owned. */
struct shared {
  char *text[SHARED_COLUMNS];
};

/* One product as `shop_product_batch_add` takes it. Borrows from its row and from what is shared. */
struct product {
  const char *sku;
  char made_sku[SKU_BYTES_MAX + 1];
  char name[1024]; /* more than the shop takes, so that it is the shop who says so */
  const char *description;
  int64_t price_minor;
  int64_t on_hand;
};

struct import {
  shop_t *shop;
  shop_error_t *err;
  const char *currency;
  struct file file;
  size_t columns;        /* how many columns the header has */
  size_t where[COLUMNS]; /* which of them is what; `columns` when it is missing */
  struct shared shared;
  shop_product_batch_t *batch; /* products that are not put yet */
  size_t batch_bytes;          /* of their descriptions */
  size_t batch_line;           /* the line of the first of them */
  void *seen; /* the SKUs of this file: a tree of `struct seen` */
  size_t imported;
  size_t refused;
  size_t pictures;
  size_t left_out;
  bool on_terminal;
};

/* ---- Telling -------------------------------------------------------------- */

static void clear_progress(const struct import *import) {
  if (import->on_terminal) {
    fprintf(stderr, "\r%30s\r", "");
  }
}

static void show_progress(const struct import *import) {
  if (import->on_terminal) {
    const struct file *file = &import->file;
    fprintf(stderr, "\rline %zu, %zu %%", file->line - 1, file->at * 100 / file->size);
  }
}

__attribute__((format(printf, 3, 4))) static void
refuse(struct import *import, const struct row *row, const char *format, ...) {
  clear_progress(import);
  printf("line %zu: ", row->line);
  va_list arguments;
  va_start(arguments, format);
  vprintf(format, arguments);
  va_end(arguments);
  printf("\n");
  import->refused++;
}

/* A value of the file, fit to be shown: short, and without bytes that a terminal might obey. */
struct shown {
  char text[48];
};

static struct shown show(const char *value) {
  struct shown shown = {""};
  size_t length = 0;
  for (; value[length] != '\0' && length < sizeof shown.text - 4; length++) {
    bool plain = value[length] >= ' ' && value[length] <= '~';
    shown.text[length] = plain ? value[length] : '?';
  }
  strcpy(shown.text + length, value[length] == '\0' ? "" : "...");
  return shown;
}

/* ---- The file: lines and rows --------------------------------------------- */

static bool read_all(FILE *in, struct file *file) {
  size_t room = 0;
  do {
    if (file->size == room) {
      room = room == 0 ? 65536 : room * 2;
      if (room > FILE_BYTES_MAX) {
        errno = EFBIG;
        return false;
      }
      char *grown = realloc(file->bytes, room);
      if (grown == NULL) {
        return false;
      }
      file->bytes = grown;
    }
    file->size += fread(file->bytes + file->size, 1, room - file->size, in);
  } while (!feof(in) && !ferror(in));
  return !ferror(in);
}

static bool load_file(const char *path, struct file *file) {
  bool is_stdin = strcmp(path, "-") == 0;
  FILE *in = is_stdin ? stdin : fopen(path, "rb");
  bool loaded = in != NULL && read_all(in, file);
  if (!loaded) {
    fprintf(stderr, "%s: %s\n", path, strerror(errno));
  }
  if (in != NULL && !is_stdin) {
    fclose(in);
  }
  bool has_mark = file->size >= 3 && memcmp(file->bytes, "\xEF\xBB\xBF", 3) == 0;
  file->at = has_mark ? 3 : 0;
  file->line = 1;
  return loaded;
}

/* How long the present line is, with its end: LF, CR LF or a lone CR. */
static size_t line_length(const struct file *file) {
  size_t end = file->at;
  while (end < file->size && file->bytes[end] != '\n' && file->bytes[end] != '\r') {
    end++;
  }
  if (end < file->size && file->bytes[end++] == '\r' && end < file->size &&
      file->bytes[end] == '\n') {
    end++;
  }
  return end - file->at;
}

static bool is_space(char byte) {
  return byte == ' ' || byte == '\t' || byte == '\r' || byte == '\n';
}

static bool is_blank(const char *bytes, size_t length) {
  while (length > 0 && is_space(bytes[length - 1])) {
    length--;
  }
  return length == 0;
}

/* The parser has read one field. Fields are kept without the spaces around them. */
static void take_field(void *bytes, size_t length, void *user) {
  struct row *row = user;
  const char *field = bytes;
  size_t column = row->count++;
  while (length > 0 && is_space(field[length - 1])) {
    length--;
  }
  while (length > 0 && is_space(*field)) {
    field++;
    length--;
  }
  if (column >= COLUMNS_MAX) {
    row->fault = "the row has more than 1000 columns";
  } else if (length >= sizeof row->text - row->used) {
    row->fault = "the row is longer than 1 MiB";
  } else if (length > 0 && memchr(field, '\0', length) != NULL) {
    row->fault = "the row holds a zero byte";
  }
  if (row->fault != NULL) {
    return;
  }
  row->starts[column] = row->used;
  memcpy(row->text + row->used, field, length);
  row->text[row->used + length] = '\0';
  row->used += length + 1;
}

/* The parser has come to the end of the row. */
static void end_row(int terminator, void *user) {
  (void)terminator;
  ((struct row *)user)->ended = true;
}

/*
 * Reads the next row; false at the end of the file.
 *
 * The parser is given one line at a time, which is how the numbers of the lines are known, and a
 * new parser reads each row, so that nothing of a bad one is left. A quote that is not closed makes
 * the lines after it part of its field; so when the quotes do not match, only the first line is
 * taken for the bad row, and what follows it gets a chance of its own.
 */
static bool read_row(struct file *file, struct row *row) {
  size_t length = 0;
  while (file->at < file->size && is_blank(file->bytes + file->at, length = line_length(file))) {
    file->at += length;
    file->line++;
  }
  if (file->at == file->size) {
    return false;
  }
  row->line = file->line;
  row->fault = NULL;
  row->ended = false;
  row->count = 0;
  row->used = 0;
  size_t second_line_at = file->at + length;

  struct csv_parser parser;
  csv_init(&parser, CSV_STRICT | CSV_STRICT_FINI); /* it fails for NULL alone */
  csv_set_blk_size(&parser, 4096);
  bool parsed = true;
  while (parsed && !row->ended && file->at < file->size) {
    length = line_length(file);
    parsed = csv_parse(&parser, file->bytes + file->at, length, take_field, end_row, row) == length;
    file->at += length;
    file->line++;
  }
  if (parsed && !row->ended) {
    parsed = csv_fini(&parser, take_field, end_row, row) == 0;
  }
  if (!parsed) {
    bool quotes = csv_error(&parser) == CSV_EPARSE;
    row->fault = quotes ? "the quotes of the row do not match" : csv_strerror(csv_error(&parser));
    file->at = second_line_at;
    file->line = row->line + 1;
  }
  csv_free(&parser);
  return true;
}

/* ---- The columns ----------------------------------------------------------- */

static const char *column_text(const struct import *import, const struct row *row,
                               enum column column) {
  size_t index = import->where[column];
  return index < import->columns ? row->text + row->starts[index] : "";
}

static bool read_header(struct import *import, struct row *row, const char *path) {
  if (!read_row(&import->file, row)) {
    fprintf(stderr, "%s: the file is empty\n", path);
    return false;
  }
  if (row->fault != NULL) {
    fprintf(stderr, "%s: line %zu: %s\n", path, row->line, row->fault);
    return false;
  }
  import->columns = row->count;
  for (size_t column = 0; column < COLUMNS; column++) {
    size_t i = 0;
    while (i < row->count && strcasecmp(row->text + row->starts[i], column_names[column][0]) != 0 &&
           strcasecmp(row->text + row->starts[i], column_names[column][1]) != 0) {
      i++;
    }
    import->where[column] = i;
  }
  enum column missing = import->where[TITLE] == import->columns ? TITLE : PRICE;
  if (import->where[missing] == import->columns) {
    fprintf(stderr, "%s: line %zu: there is no column \"%s\"; is this a product export?\n", path,
            row->line, column_names[missing][0]);
    return false;
  }
  return true;
}

/* ---- The SKUs that the file has named -------------------------------------- */

struct seen {
  char *sku;
  size_t line;
};

static int compare_seen(const void *left, const void *right) {
  return strcmp(((const struct seen *)left)->sku, ((const struct seen *)right)->sku);
}

/* The line of the row that was taken under this SKU, or 0. */
static size_t seen_on_line(const struct import *import, const char *sku) {
  const struct seen key = {(char *)sku, 0};
  struct seen **found = tfind(&key, &import->seen, compare_seen);
  return found == NULL ? 0 : (*found)->line;
}

static bool remember(struct import *import, const char *sku, size_t line) {
  struct seen *seen = malloc(sizeof *seen);
  char *copy = strdup(sku);
  if (seen != NULL && copy != NULL) {
    *seen = (struct seen){copy, line};
    if (tsearch(seen, &import->seen, compare_seen) != NULL) {
      return true;
    }
  }
  free(copy);
  free(seen);
  return false;
}

static void forget_all(struct import *import) {
  while (import->seen != NULL) {
    struct seen *seen = *(struct seen **)import->seen;
    tdelete(seen, &import->seen, compare_seen);
    free(seen->sku);
    free(seen);
  }
}

/* ---- From a row to a product ------------------------------------------------ */

/* The options that distinguish a variant. "Default Title" is what the export writes for none. */
static size_t find_options(const struct import *import, const struct row *row,
                           const char *options[OPTIONS_MAX]) {
  size_t count = 0;
  for (enum column column = OPTION1; column <= OPTION3; column++) {
    const char *option = column_text(import, row, column);
    if (*option != '\0' && strcasecmp(option, "Default Title") != 0) {
      options[count++] = option;
    }
  }
  return count;
}

static void make_name(const char *title, const char *const options[], size_t count, char *name,
                      size_t size) {
  int length = snprintf(name, size, "%s", title);
  for (size_t i = 0; i < count && length >= 0 && (size_t)length < size; i++) {
    const char *end = i + 1 == count ? ")" : "";
    length += snprintf(name + length, size - (size_t)length, "%s%s%s", i == 0 ? " (" : " / ",
                       options[i], end);
  }
}

/*
 * Makes an SKU: "green-tea" with the option "100 g" gives "GREEN-TEA-100-G". Where letters get lost
 * (they are not ASCII, or too many) a number made from all of them, FNV-1a, keeps such SKUs apart.
 * Nothing but the row's own texts counts, so that the next import makes the same.
 */
static void make_sku(const char *stem, const char *const options[], size_t count,
                     char sku[SKU_BYTES_MAX + 1]) {
  enum { NUMBER_BYTES = 13 };
  uint64_t number = UINT64_C(14695981039346656037);
  size_t length = 0;
  bool lost = false;
  for (size_t i = 0; i <= count; i++) {
    bool gap = length > 0;
    for (const char *at = i == 0 ? stem : options[i - 1]; *at != '\0'; at++) {
      number = (number ^ (unsigned char)*at) * UINT64_C(1099511628211);
      bool letter = (*at >= 'a' && *at <= 'z') || (*at >= 'A' && *at <= 'Z');
      lost = lost || (unsigned char)*at >= 0x80 || length + 2 > SKU_BYTES_MAX;
      if (!letter && (*at < '0' || *at > '9')) {
        gap = length > 0;
      } else if (length + 2 <= SKU_BYTES_MAX) {
        if (gap) {
          sku[length++] = '-';
        }
        gap = false;
        sku[length++] = *at >= 'a' ? (char)(*at - 'a' + 'A') : *at;
      }
    }
    number = (number ^ 0xFF) * UINT64_C(1099511628211); /* no text holds this byte */
  }
  sku[length] = '\0';
  if (lost || length == 0) {
    length = length > SKU_BYTES_MAX - NUMBER_BYTES ? SKU_BYTES_MAX - NUMBER_BYTES : length;
    snprintf(sku + length, SKU_BYTES_MAX + 1 - length, "%s%012llX", length > 0 ? "-" : "",
             (unsigned long long)(number >> 16));
  }
}

static bool read_price(struct import *import, const struct row *row, int64_t *price_minor) {
  const char *text = column_text(import, row, PRICE);
  int32_t status = shop_money_parse(text, import->currency, price_minor);
  if (*text == '\0') {
    refuse(import, row, "the price is missing");
  } else if (status == SHOP_ERR_OVERFLOW) {
    refuse(import, row, "price \"%s\" is too large", show(text).text);
  } else if (status != SHOP_OK) {
    refuse(import, row, "price \"%s\" is not an amount of %s", show(text).text, import->currency);
  }
  return status == SHOP_OK;
}

static bool is_word(const char *text, const char *word) {
  return strcasecmp(text, word) == 0;
}

static bool read_stock(struct import *import, const struct row *row, int64_t *on_hand) {
  const char *policy = column_text(import, row, POLICY);
  bool endless = is_word(policy, "continue") || is_word(policy, "true");
  if (!endless && *policy != '\0' && !is_word(policy, "deny") && !is_word(policy, "false")) {
    refuse(import, row, "\"%s\" is no inventory policy (deny or continue)", show(policy).text);
    return false;
  }
  const char *text = column_text(import, row, QUANTITY);
  bool has_tracker = import->where[TRACKER] < import->columns;
  bool untracked = has_tracker && *column_text(import, row, TRACKER) == '\0';
  if (endless || untracked || *text == '\0') {
    *on_hand = SHOP_STOCK_UNLIMITED;
    return true;
  }
  const char *digits = *text == '-' ? text + 1 : text;
  char *end = NULL;
  errno = 0;
  long long quantity = strtoll(text, &end, 10);
  if (*digits < '0' || *digits > '9' || *end != '\0' || errno != 0 || quantity > SHOP_STOCK_MAX) {
    refuse(import, row, "quantity \"%s\" is not a number of pieces", show(text).text);
    return false;
  }
  *on_hand = quantity < 0 ? 0 : quantity;
  if (quantity < 0) {
    clear_progress(import);
    printf("note, line %zu: the quantity is %lld, taken as 0\n", row->line, quantity);
  }
  return true;
}

static bool read_product(struct import *import, const struct row *row, struct product *product) {
  const char *options[OPTIONS_MAX];
  size_t count = find_options(import, row, options);
  const char *title = import->shared.text[TITLE];
  make_name(title, options, count, product->name, sizeof product->name);
  product->description = import->shared.text[BODY];
  product->sku = column_text(import, row, SKU);
  if (*product->sku == '\0') {
    const char *handle = import->shared.text[HANDLE];
    make_sku(*handle == '\0' ? title : handle, options, count, product->made_sku);
    product->sku = product->made_sku;
  }
  size_t line = seen_on_line(import, product->sku);
  if (line != 0) {
    refuse(import, row, "SKU \"%s\" is that of line %zu already", show(product->sku).text, line);
    return false;
  }
  return read_price(import, row, &product->price_minor) &&
         read_stock(import, row, &product->on_hand);
}

/* ---- From a row into the shop ----------------------------------------------- */

static bool complain(struct import *import, size_t line, int32_t status) {
  clear_progress(import);
  fprintf(stderr, "line %zu: %s: %s\n", line, shop_status_name(status),
          shop_error_message(import->err));
  return false;
}

/* False when the import cannot go on; then it was said why. */
static bool put_batch(struct import *import) {
  int32_t status = shop_product_put_batch(import->shop, import->batch, NULL, import->err);
  if (status != SHOP_OK) {
    return complain(import, import->batch_line, status);
  }
  import->imported += (size_t)shop_product_batch_count(import->batch);
  shop_product_batch_clear(import->batch);
  import->batch_bytes = 0;
  return true;
}

/* False when the import cannot go on; then it was said why. */
static bool put_product(struct import *import, const struct row *row,
                        const struct product *product) {
  const char *description = *product->description == '\0' ? NULL : product->description;
  int32_t status =
      shop_product_batch_add(import->batch, product->sku, product->name, description,
                             product->price_minor, import->currency, product->on_hand, import->err);
  if (status / 100 == -1) { /* the family of wrong arguments: the fault is the row's */
    refuse(import, row, "%s", shop_error_message(import->err));
    return true;
  }
  if (status == SHOP_OK && !remember(import, product->sku, row->line)) {
    status = SHOP_ERR_NO_MEMORY;
  }
  if (status != SHOP_OK) {
    return complain(import, row->line, status);
  }
  int32_t count = shop_product_batch_count(import->batch);
  import->batch_line = count == 1 ? row->line : import->batch_line;
  import->batch_bytes += strlen(product->description);
  bool is_full = count == BATCH_PRODUCTS || import->batch_bytes >= BATCH_BYTES;
  return !is_full || put_batch(import);
}

/* Takes over what the row says of its product as a whole. A further row of the same product leaves
   empty what it does not want to change. */
static bool take_shared(struct import *import, const struct row *row, bool same_product) {
  for (enum column column = 0; column < SHARED_COLUMNS; column++) {
    const char *text = column_text(import, row, column);
    if (same_product && *text == '\0') {
      continue;
    }
    char *copy = strdup(text);
    if (copy == NULL) {
      return false;
    }
    free(import->shared.text[column]);
    import->shared.text[column] = copy;
  }
  return true;
}

static bool is_variant(const struct import *import, const struct row *row) {
  static const enum column columns[] = {SKU, PRICE, QUANTITY, OPTION1, OPTION2, OPTION3};
  for (size_t i = 0; i < sizeof columns / sizeof *columns; i++) {
    if (*column_text(import, row, columns[i]) != '\0') {
      return true;
    }
  }
  return false;
}

/* False when the import cannot go on; then it was said why. */
static bool import_row(struct import *import, const struct row *row) {
  if (row->fault != NULL) {
    refuse(import, row, "%s", row->fault);
    return true;
  }
  if (row->count != import->columns) {
    refuse(import, row, "the row has %zu columns, the header has %zu", row->count, import->columns);
    return true;
  }
  const char *handle = column_text(import, row, HANDLE);
  const char *known = import->shared.text[HANDLE];
  bool has_title = *column_text(import, row, TITLE) != '\0';
  bool same_product = *handle != '\0' && known != NULL && strcmp(handle, known) == 0;
  if (!is_variant(import, row) && (same_product || !has_title)) {
    import->pictures++;
    return true;
  }
  if (!same_product && !has_title) {
    refuse(import, row, "there is no title, and \"%s\" is not the product before",
           show(handle).text);
    return true;
  }
  if (!take_shared(import, row, same_product)) {
    fprintf(stderr, "line %zu: out of memory\n", row->line);
    return false;
  }
  const char *status = import->shared.text[STATUS];
  bool for_sale = *status == '\0' || is_word(status, "active") || is_word(status, "unlisted");
  if (!for_sale && !is_word(status, "draft") && !is_word(status, "archived")) {
    refuse(import, row, "\"%s\" is no status of a product", show(status).text);
    return true;
  }
  if (!for_sale || is_word(import->shared.text[PUBLISHED], "false")) {
    import->left_out++;
    return true;
  }
  struct product product;
  return !read_product(import, row, &product) || put_product(import, row, &product);
}

static bool import_rows(struct import *import, struct row *row) {
  bool going_on = true;
  for (size_t count = 0; going_on && read_row(&import->file, row); count++) {
    if (count % 64 == 0) {
      show_progress(import);
    }
    going_on = import_row(import, row);
  }
  going_on = going_on && put_batch(import);
  clear_progress(import);
  return going_on;
}

static bool print_report(const struct import *import) {
  printf("imported %zu products, refused %zu rows, skipped %zu rows (images only)",
         import->imported, import->refused, import->pictures);
  if (import->left_out > 0) {
    printf(", left out %zu (draft, archived or not published)", import->left_out);
  }
  printf("\n");
  if (fflush(stdout) != 0 || ferror(stdout)) {
    fprintf(stderr, "the report could not be written\n");
    return false;
  }
  return true;
}

/* ---- The program -------------------------------------------------------------- */

/* A power cut may take back the newest commits: cheap here, for an import can be repeated. */
static bool open_shop(struct import *import, const char *path) {
  shop_config_t *config = NULL;
  int32_t status = shop_error_new(&import->err);
  if (status == SHOP_OK) {
    status = shop_product_batch_new(&import->batch);
  }
  if (status == SHOP_OK) {
    status = shop_config_new(&config);
  }
  if (status == SHOP_OK) {
    status = shop_config_set_durability(config, SHOP_DURABILITY_NORMAL);
  }
  if (status == SHOP_OK) {
    status = shop_open(path, config, &import->shop, import->err);
  }
  if (status != SHOP_OK) {
    fprintf(stderr, "%s: %s: %s\n", path, shop_status_name(status),
            shop_error_message(import->err));
  }
  shop_config_free(config);
  return status == SHOP_OK;
}

static bool close_shop(struct import *import) {
  int32_t status = shop_close(import->shop);
  if (status != SHOP_OK) {
    fprintf(stderr, "the store could not be closed: %s\n", shop_status_name(status));
  }
  return status == SHOP_OK;
}

int main(int argc, char **argv) {
  if (argc != 4) {
    fprintf(stderr, "usage: %s STORE CATALOGUE.csv CURRENCY\n",
            argc > 0 ? argv[0] : "import_catalogue");
    return 2;
  }
  const char *store_path = argv[1];
  const char *file_path = argv[2];
  struct import import = {.currency = argv[3], .on_terminal = isatty(STDERR_FILENO) == 1};
  if (shop_money_exponent(import.currency) < 0) {
    fprintf(stderr, "\"%s\" is no currency of ISO 4217, such as EUR\n", show(argv[3]).text);
    return 2;
  }
  struct row *row = malloc(sizeof *row);
  if (row == NULL) {
    fprintf(stderr, "out of memory\n");
    return 1;
  }
  /* The store comes last, so that a file that is no catalogue leaves none behind. */
  bool done = load_file(file_path, &import.file) && read_header(&import, row, file_path) &&
              open_shop(&import, store_path);
  if (done) {
    done = import_rows(&import, row);
    done = print_report(&import) && done;
    done = close_shop(&import) && done;
  }
  shop_product_batch_free(import.batch);
  shop_error_free(import.err);
  forget_all(&import);
  for (size_t i = 0; i < SHARED_COLUMNS; i++) {
    free(import.shared.text[i]);
  }
  free(import.file.bytes);
  free(row);
  return done ? 0 : 1;
}
