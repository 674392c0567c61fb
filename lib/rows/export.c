/* All that is held about a user, table by table, as columns with names. What each column is called
   here is the export's format: docs/export.schema.json describes it, and
   tests/contract/test_person.c asks of every column of the schema whether it is exported. The
   columns of a part stand in the order of its SELECT; the first is what the parts below it are
   found by. */
#include "rows_parts.h"

#define COUNT(array) (sizeof(array) / sizeof(array)[0])
#define PART(part_name, part_sql, part_columns)                                                    \
  .name = part_name, .sql = part_sql, .columns = part_columns, .column_count = COUNT(part_columns)
#define PARTS(list) .parts = list, .part_count = COUNT(list)
#define KEY                                                                                        \
  { NULL, SHOP__EXPORT_NUMBER }
#define NUMBER(name)                                                                               \
  { name, SHOP__EXPORT_NUMBER }
#define TEXT(name)                                                                                 \
  { name, SHOP__EXPORT_TEXT }
#define FLAG(name)                                                                                 \
  { name, SHOP__EXPORT_FLAG }
#define WORD(name, type)                                                                           \
  { name, SHOP__EXPORT_##type }

/* ---- what hangs on an order --------------------------------------------------------------- */

static const char LINES[] =
    "SELECT order_id, sku, name, quantity, unit_price_minor, total_minor"
    " FROM order_lines WHERE order_id = $1 ORDER BY position";
static const struct shop__export_column line_columns[] = {KEY,
                                                          TEXT("sku"),
                                                          TEXT("name"),
                                                          NUMBER("quantity"),
                                                          NUMBER("unit_price_minor"),
                                                          NUMBER("total_minor")};

static const char ADJUSTMENTS[] =
    "SELECT order_id, kind, label, amount_minor"
    " FROM order_adjustments WHERE order_id = $1 ORDER BY position";
static const struct shop__export_column adjustment_columns[] = {
    KEY, WORD("kind", ADJUSTMENT_KIND), TEXT("label"), NUMBER("amount_minor")};

static const char PIECES[] =
    "SELECT r.order_id, p.sku, r.quantity, r.returned, r.state FROM reservations r"
    " JOIN products p ON p.id = r.product_id WHERE r.order_id = $1 ORDER BY r.product_id";
static const struct shop__export_column piece_columns[] = {
    KEY, TEXT("sku"), NUMBER("quantity"), NUMBER("returned"), WORD("state", PIECES_STATE)};

/* What the gateway gave for the shopper's next step can be a secret between the two. */
static const char PAYMENT[] =
    "SELECT order_id, state, attention, amount_minor, currency, captured_minor, captured_currency,"
    " refunded_minor, reference, held_since_ms, created_at_ms, updated_at_ms,"
    " CASE WHEN client_data IS NULL THEN 0 ELSE 1 END FROM payments WHERE order_id = $1"
    " ORDER BY order_id";
static const struct shop__export_column payment_columns[] = {KEY,
                                                             WORD("status", PAYMENT_STATUS),
                                                             WORD("attention", ATTENTION),
                                                             NUMBER("amount_minor"),
                                                             TEXT("currency"),
                                                             NUMBER("captured_minor"),
                                                             TEXT("captured_currency"),
                                                             NUMBER("refunded_minor"),
                                                             TEXT("reference"),
                                                             NUMBER("held_since_ms"),
                                                             NUMBER("created_at_ms"),
                                                             NUMBER("updated_at_ms"),
                                                             FLAG("has_client_data")};

static const char RETURNS[] =
    "SELECT r.operation_id, p.sku, r.quantity FROM operation_returns r"
    " JOIN products p ON p.id = r.product_id WHERE r.operation_id = $1 ORDER BY r.product_id";
static const struct shop__export_column return_columns[] = {KEY, TEXT("sku"), NUMBER("quantity")};
static const struct shop__export_part operation_parts[] = {
    {PART("returns", RETURNS, return_columns)}};

static const char OPERATIONS[] =
    "SELECT id, kind, state, cancels, amount_minor, moved_minor, currency, key, method,"
    " created_at_ms, reference FROM operations WHERE order_id = $1 ORDER BY id";
static const struct shop__export_column operation_columns[] = {NUMBER("id"),
                                                               WORD("kind", OPERATION_KIND),
                                                               WORD("state", OPERATION_STATE),
                                                               FLAG("cancels"),
                                                               NUMBER("amount_minor"),
                                                               NUMBER("moved_minor"),
                                                               TEXT("currency"),
                                                               TEXT("key"),
                                                               TEXT("method"),
                                                               NUMBER("created_at_ms"),
                                                               TEXT("reference")};

static const char REPORTS[] =
    "SELECT id, event_id, outcome, amount_minor, currency, key, reference, reason, received_at_ms"
    " FROM reports WHERE order_id = $1 ORDER BY id";
static const struct shop__export_column report_columns[] = {KEY,
                                                            TEXT("event_id"),
                                                            WORD("outcome", OUTCOME),
                                                            NUMBER("amount_minor"),
                                                            TEXT("currency"),
                                                            TEXT("key"),
                                                            TEXT("reference"),
                                                            TEXT("reason"),
                                                            NUMBER("received_at_ms")};

#define MAIL_COLUMNS                                                                               \
  "SELECT id, kind, state, tries, created_at_ms, sent_at_ms, NULLIF(cause_id, 0), recipient,"      \
  " sender, reason, message FROM outbox "
static const char ORDER_MAILS[] = MAIL_COLUMNS "WHERE order_id = $1 ORDER BY id";
static const struct shop__export_column mail_columns[] = {
    NUMBER("id"),           WORD("kind", MAIL_KIND),   WORD("state", MAIL_STATE),
    NUMBER("tries"),        NUMBER("created_at_ms"),   NUMBER("sent_at_ms"),
    NUMBER("operation_id"), TEXT("recipient"),         TEXT("sender"),
    TEXT("reason"),         WORD("message", MAIL_TEXT)};

#define EVENT_COLUMNS "SELECT id, at_ms, actor, name, before, after, detail FROM events "
static const char ORDER_EVENTS[] = EVENT_COLUMNS "WHERE order_id = $1 ORDER BY id";
static const struct shop__export_column event_columns[] = {
    NUMBER("id"),   NUMBER("at_ms"), WORD("actor", ACTOR), TEXT("name"),
    TEXT("before"), TEXT("after"),   TEXT("detail")};

static const struct shop__export_part order_parts[] = {
    {PART("lines", LINES, line_columns)},
    {PART("adjustments", ADJUSTMENTS, adjustment_columns)},
    {PART("pieces", PIECES, piece_columns)},
    {PART("payment", PAYMENT, payment_columns), .single = true},
    {PART("operations", OPERATIONS, operation_columns), PARTS(operation_parts)},
    {PART("reports", REPORTS, report_columns)},
    {PART("mails", ORDER_MAILS, mail_columns)},
    {PART("events", ORDER_EVENTS, event_columns)}};

/* ---- what hangs on a user ------------------------------------------------------------------- */

static const char ACCOUNT[] =
    "SELECT id, subject, email, external_id, note, language,"
    " CASE WHEN password_hash IS NULL THEN 0 ELSE 1 END, created_at_ms, updated_at_ms,"
    " guest_at_ms, verified_at_ms, disabled_at_ms, closed_at_ms, erasing_at_ms, erased_at_ms"
    " FROM users"
    " WHERE id = $1 ORDER BY id";
static const struct shop__export_column account_columns[] = {NUMBER("id"),
                                                             TEXT("subject"),
                                                             TEXT("email"),
                                                             TEXT("external_id"),
                                                             TEXT("note"),
                                                             TEXT("language"),
                                                             FLAG("has_password"),
                                                             NUMBER("created_at_ms"),
                                                             NUMBER("updated_at_ms"),
                                                             NUMBER("guest_at_ms"),
                                                             NUMBER("verified_at_ms"),
                                                             NUMBER("disabled_at_ms"),
                                                             NUMBER("closed_at_ms"),
                                                             NUMBER("erasing_at_ms"),
                                                             NUMBER("erased_at_ms")};

static const char SESSIONS[] =
    "SELECT t.id, t.issued_at_ms, t.last_used_at_ms, t.expires_at_ms, t.revoked_at_ms, t.label,"
    " CASE WHEN t.revoked_at_ms IS NULL AND t.epoch = u.epoch THEN 0 ELSE 1 END FROM tokens t"
    " JOIN users u ON u.id = t.user_id WHERE t.user_id = $1 ORDER BY t.id";
static const struct shop__export_column session_columns[] = {NUMBER("id"),
                                                             NUMBER("issued_at_ms"),
                                                             NUMBER("last_used_at_ms"),
                                                             NUMBER("expires_at_ms"),
                                                             NUMBER("revoked_at_ms"),
                                                             TEXT("label"),
                                                             FLAG("ended")};

static const char REFRESHES[] =
    "SELECT family_id, state, expires_at_ms, family_expires_at_ms, label FROM refresh_tokens"
    " WHERE user_id = $1 ORDER BY family_id, expires_at_ms, hash";
static const struct shop__export_column refresh_columns[] = {
    NUMBER("family_id"), WORD("state", REFRESH_STATE), NUMBER("expires_at_ms"),
    NUMBER("family_expires_at_ms"), TEXT("label")};

/* The source itself is kept as a hash under the shop's secret. */
static const char SOURCES[] =
    "SELECT user_id, at_ms FROM known_sources WHERE user_id = $1"
    " ORDER BY at_ms, source";
static const struct shop__export_column source_columns[] = {KEY, NUMBER("at_ms")};

static const char CODES[] =
    "SELECT user_id, kind, created_at_ms, expires_at_ms, used_at_ms, new_email FROM codes"
    " WHERE user_id = $1 ORDER BY created_at_ms, hash";
static const struct shop__export_column code_columns[] = {KEY,
                                                          WORD("kind", CODE_KIND),
                                                          NUMBER("created_at_ms"),
                                                          NUMBER("expires_at_ms"),
                                                          NUMBER("used_at_ms"),
                                                          TEXT("new_email")};

/* Begun by the guest, or by anybody with the user's address. What was mailed is told to the owner of
   the address alone: a guest who begins with another's would see whether it has an account. */
static const char REGISTRATIONS[] =
    "SELECT CASE WHEN email_key = (SELECT email_key FROM users WHERE id = $1) THEN slot ELSE 0 END,"
    " email, language, created_at_ms, expires_at_ms FROM registrations"
    " WHERE guest_id = $1 OR email_key = (SELECT email_key FROM users WHERE id = $1)"
    " ORDER BY created_at_ms, slot";
static const struct shop__export_column registration_columns[] = {
    KEY, TEXT("email"), TEXT("language"), NUMBER("created_at_ms"), NUMBER("expires_at_ms")};
static const char REGISTRATION_MAILS[] = MAIL_COLUMNS
    "WHERE user_id IS NULL AND code_hash IN (SELECT hash FROM registrations WHERE slot = $1)"
    " ORDER BY id";
static const struct shop__export_part registration_parts[] = {
    {PART("mails", REGISTRATION_MAILS, mail_columns)}};

static const char CART_LINES[] =
    "SELECT l.cart_id, p.sku, p.name, l.quantity, l.kept_price_minor FROM cart_lines l"
    " JOIN products p ON p.id = l.product_id WHERE l.cart_id = $1 ORDER BY l.position";
static const struct shop__export_column cart_line_columns[] = {
    KEY, TEXT("sku"), TEXT("name"), NUMBER("quantity"), NUMBER("kept_price_minor")};
static const struct shop__export_part cart_parts[] = {
    {PART("lines", CART_LINES, cart_line_columns)}};

static const char CARTS[] =
    "SELECT c.id, c.state, c.version, c.currency, c.order_id, c.created_at_ms, c.updated_at_ms,"
    " c.hold_start_ms, c.hold_length_ms FROM carts c WHERE c.user_id = $1 ORDER BY c.id";
static const struct shop__export_column cart_columns[] = {NUMBER("id"),
                                                          WORD("state", CART_STATE),
                                                          NUMBER("version"),
                                                          TEXT("currency"),
                                                          NUMBER("order_id"),
                                                          NUMBER("created_at_ms"),
                                                          NUMBER("updated_at_ms"),
                                                          NUMBER("hold_start_ms"),
                                                          NUMBER("hold_length_ms")};

static const char ORDERS[] =
    "SELECT id, number, cart_id, status, currency, total_minor, created_at_ms, updated_at_ms,"
    " placed_at_ms, email, language, external_id, shipping_address, billing_address, note"
    " FROM orders WHERE user_id = $1 ORDER BY id";
static const struct shop__export_column order_columns[] = {NUMBER("id"),
                                                           TEXT("number"),
                                                           NUMBER("cart_id"),
                                                           WORD("status", ORDER_STATUS),
                                                           TEXT("currency"),
                                                           NUMBER("total_minor"),
                                                           NUMBER("created_at_ms"),
                                                           NUMBER("updated_at_ms"),
                                                           NUMBER("placed_at_ms"),
                                                           TEXT("email"),
                                                           TEXT("language"),
                                                           TEXT("external_id"),
                                                           TEXT("shipping_address"),
                                                           TEXT("billing_address"),
                                                           TEXT("note")};

/* Whether an address that a user has asked for is free, a code for it (kind 6) would tell: it is
   told of once the address is the user's, and what became of it is not. */
static const char MAILS[] = MAIL_COLUMNS
    "WHERE user_id = $1 AND order_id IS NULL AND (kind <> 6 OR lower(recipient) ="
    " (SELECT email_key FROM users WHERE id = $1)) ORDER BY id";
static const char EVENTS[] = EVENT_COLUMNS "WHERE user_id = $1 AND order_id IS NULL"
                                           " AND COALESCE(after, '') <> 'verify_address'"
                                           " ORDER BY id";

static const char REQUESTS[] =
    "SELECT user_id, operation, key, result_id, created_at_ms FROM requests WHERE user_id = $1"
    " ORDER BY operation, key";
static const struct shop__export_column request_columns[] = {
    KEY, TEXT("operation"), TEXT("key"), NUMBER("result_id"), NUMBER("created_at_ms")};

static const struct shop__export_part user_parts[] = {
    {PART("account", ACCOUNT, account_columns), .single = true},
    {PART("sessions", SESSIONS, session_columns)},
    {PART("refresh_tokens", REFRESHES, refresh_columns)},
    {PART("known_sources", SOURCES, source_columns)},
    {PART("codes", CODES, code_columns)},
    {PART("registrations", REGISTRATIONS, registration_columns), PARTS(registration_parts)},
    {PART("carts", CARTS, cart_columns), PARTS(cart_parts)},
    {PART("orders", ORDERS, order_columns), PARTS(order_parts)},
    {PART("mails", MAILS, mail_columns)},
    {PART("events", EVENTS, event_columns)},
    {PART("requests", REQUESTS, request_columns)}};

const struct shop__export_part *shop__export_parts(size_t *count) {
  *count = COUNT(user_parts);
  return user_parts;
}

shop__query_t *shop__export_each(shop__tx_t *tx, const struct shop__export_part *part,
                                 int64_t key) {
  shop__query_t *q = shop__query(tx, part->sql);

  shop__query_int(q, 1, key);
  return q;
}
