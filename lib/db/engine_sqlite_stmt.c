/*
 * The SQLite engine's statements: preparing, binding by name, stepping,
 * columns.
 */
#include "engine_sqlite.h"

struct shop__stmt {
  struct shop__conn *conn;
  sqlite3_stmt *stmt;
  bool reads_only;
  uint8_t index[SHOP__PARAMETERS_MAX + 1]; /* $n -> SQLite's number, 0: no such */
};

/* SQLite numbers $1..$n by their first appearance in the text, so each number is looked up by its
   name, once. False when a parameter has another kind of name. */
static bool index_parameters(struct shop__stmt *stmt) {
  int count = sqlite3_bind_parameter_count(stmt->stmt);
  for (int i = 1; i <= count; i++) {
    const char *name = sqlite3_bind_parameter_name(stmt->stmt, i);
    int32_t n = 0;
    if (name == NULL || name[0] != '$' || name[1] == '\0' || name[1] == '0') {
      return false;
    }
    for (const char *digit = name + 1; *digit != '\0'; digit++) {
      n = *digit < '0' || *digit > '9' ? SHOP__PARAMETERS_MAX + 1 : n * 10 + (*digit - '0');
      if (n > SHOP__PARAMETERS_MAX) {
        return false;
      }
    }
    stmt->index[n] = (uint8_t)i;
  }
  return true;
}

void shop__sqlite_finalize(struct shop__stmt *stmt) {
  if (stmt != NULL) {
    (void)sqlite3_finalize(stmt->stmt);
    shop__memory_free(stmt);
  }
}

int32_t shop__sqlite_prepare(struct shop__conn *conn, const char *sql, struct shop__stmt **out) {
  *out = NULL;
  struct shop__stmt *stmt = shop__memory_zalloc(sizeof *stmt);
  if (stmt == NULL) {
    return shop__sqlite_classify(conn, SQLITE_NOMEM);
  }
  stmt->conn = conn;
  int code = sqlite3_prepare_v3(conn->db, sql, -1, SQLITE_PREPARE_PERSISTENT, &stmt->stmt, NULL);
  if (code == SQLITE_OK && !index_parameters(stmt)) {
    code = SQLITE_MISUSE;
  }
  if (code != SQLITE_OK) {
    shop__sqlite_finalize(stmt);
    return shop__sqlite_classify(conn, code);
  }
  stmt->reads_only = sqlite3_stmt_readonly(stmt->stmt) != 0;
  *out = stmt;
  return SHOP_OK;
}

static int index_of(const struct shop__stmt *stmt, int32_t n) {
  return n < 1 || n > SHOP__PARAMETERS_MAX ? 0 : stmt->index[n]; /* 0: SQLite says out of range */
}

int32_t shop__sqlite_bind_int(struct shop__stmt *stmt, int32_t n, int64_t value) {
  return shop__sqlite_classify(stmt->conn,
                               sqlite3_bind_int64(stmt->stmt, index_of(stmt, n), value));
}

int32_t shop__sqlite_bind_text(struct shop__stmt *stmt, int32_t n, const char *value) {
  /* The door says how long the bytes live, so they need not be copied. A NULL binds a null. */
  return shop__sqlite_classify(
      stmt->conn, sqlite3_bind_text(stmt->stmt, index_of(stmt, n), value, -1, SQLITE_STATIC));
}

int32_t shop__sqlite_bind_blob(struct shop__stmt *stmt, int32_t n, const void *value, size_t size) {
  return shop__sqlite_classify(stmt->conn,
                               sqlite3_bind_blob64(stmt->stmt, index_of(stmt, n), value,
                                                   (sqlite3_uint64)size, SQLITE_STATIC));
}

int32_t shop__sqlite_step(struct shop__stmt *stmt) {
  return shop__sqlite_classify(stmt->conn, sqlite3_step(stmt->stmt));
}

int64_t shop__sqlite_changes(struct shop__stmt *stmt) {
  return stmt->reads_only ? 0 : sqlite3_changes64(stmt->conn->db);
}

void shop__sqlite_reset(struct shop__stmt *stmt) {
  (void)sqlite3_reset(stmt->stmt); /* repeats what step said */
  (void)sqlite3_clear_bindings(stmt->stmt);
}

bool shop__sqlite_is_null(struct shop__stmt *stmt, int32_t column) {
  return sqlite3_column_type(stmt->stmt, column) == SQLITE_NULL;
}

int64_t shop__sqlite_get_int(struct shop__stmt *stmt, int32_t column) {
  return sqlite3_column_int64(stmt->stmt, column);
}

int32_t shop__sqlite_get_text(struct shop__stmt *stmt, int32_t column, const char **out) {
  *out = NULL;
  if (shop__sqlite_is_null(stmt, column)) {
    return SHOP_OK;
  }
  *out = (const char *)sqlite3_column_text(stmt->stmt, column);
  return *out == NULL ? shop__sqlite_classify(stmt->conn, SQLITE_NOMEM) : SHOP_OK;
}

int32_t shop__sqlite_get_blob(struct shop__stmt *stmt, int32_t column, const void **out,
                              size_t *size) {
  *out = NULL;
  *size = 0;
  if (shop__sqlite_is_null(stmt, column)) {
    return SHOP_OK;
  }
  *out = sqlite3_column_blob(stmt->stmt, column);
  *size = (size_t)sqlite3_column_bytes(stmt->stmt, column);
  if (*out == NULL && sqlite3_errcode(stmt->conn->db) == SQLITE_NOMEM) {
    return shop__sqlite_classify(stmt->conn, SQLITE_NOMEM);
  }
  if (*out == NULL) {
    *out = ""; /* empty, and not null */
  }
  return SHOP_OK;
}
