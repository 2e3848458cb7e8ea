#include "search/store_db.h"
#include <string.h>

enum { APPLICATION = 0x4c4e5449 /* "LNTI" */, VERSION = 1 };

/* Everything that may be in the file, with the text that sqlite_schema keeps of it. What FTS5 and SQLite make of it
   themselves (words_*, indexes of UNIQUE) has a text of their own version. */
static const struct { const char *name, *sql; } SCHEMA[] = {
    {"identity", "CREATE TABLE identity(id BLOB NOT NULL, model TEXT NOT NULL, model_name TEXT NOT NULL, dims INTEGER NOT NULL, "
                 "vectors TEXT NOT NULL, settings TEXT NOT NULL) STRICT"},
    {"state", "CREATE TABLE state(generation INTEGER NOT NULL, n_rows INTEGER NOT NULL, n_documents INTEGER NOT NULL, "
              "next_document INTEGER NOT NULL, tail BLOB NOT NULL) STRICT"},
    {"sources", "CREATE TABLE sources(id INTEGER PRIMARY KEY, path TEXT NOT NULL UNIQUE, bytes INTEGER NOT NULL, modified INTEGER NOT NULL, "
                "hash BLOB NOT NULL, n_records INTEGER NOT NULL, n_documents INTEGER NOT NULL, complete INTEGER NOT NULL) STRICT"},
    {"documents", "CREATE TABLE documents(id INTEGER PRIMARY KEY, source INTEGER NOT NULL, row INTEGER NOT NULL, line INTEGER NOT NULL, "
                  "begin INTEGER NOT NULL, \"end\" INTEGER NOT NULL, metadata TEXT, text TEXT NOT NULL) STRICT"},
    {"documents_row", "CREATE UNIQUE INDEX documents_row ON documents(row)"},
    {"documents_source", "CREATE INDEX documents_source ON documents(source)"},
    {"words", "CREATE VIRTUAL TABLE words USING fts5(text, content='documents', content_rowid='id', tokenize='" TEXT_TOKENIZER "')"},
};
enum { N_SCHEMA = sizeof SCHEMA / sizeof *SCHEMA };

static int wrong(const store *s, const char *what, lnt_error *err) {
    return err_set(err, "%s: %s, expected an index made by Linnet; name another folder, or make the index again", s->path, what);
}

/* 1, and which of SCHEMA it is in *which, N_SCHEMA for what the libraries make themselves. */
static int check_object(const store *s, sqlite3_stmt *q, size_t *which, lnt_error *err) {
    const char *type = (const char *)sqlite3_column_text(q, 0), *name = (const char *)sqlite3_column_text(q, 1);
    const char *sql = (const char *)sqlite3_column_text(q, 2);
    *which = N_SCHEMA;
    if (sqlite3_errcode(s->db) == SQLITE_NOMEM) return err_memory(err, sizeof SCHEMA, "a schema");
    if (!type || !name) return store_damaged(s, "its schema", err);
    if (!strncmp(name, "words_", 6) && !strcmp(type, "table")) return 1;
    if (!strncmp(name, "sqlite_", 7) && (!strcmp(type, "table") || !strcmp(type, "index"))) return 1;
    for (size_t i = 0; i < N_SCHEMA; i++)
        if (!strcmp(name, SCHEMA[i].name) && sql && !strcmp(sql, SCHEMA[i].sql)) {
            *which = i;
            return 1;
        }
    return wrong(s, "holds tables of another kind", err);
}

static int check_objects(const store *s, lnt_error *err) {
    sqlite3_stmt *q;
    unsigned found = 0;
    size_t which;
    int rc;
    if (sqlite3_prepare_v2(s->db, "SELECT type, name, sql FROM sqlite_schema", -1, &q, NULL)) return store_failed(s, "reading its schema", err);
    while ((rc = store_step(s, q, "reading its schema", err)) > 0 && (rc = check_object(s, q, &which, err)) > 0) found |= 1u << which;
    sqlite3_finalize(q);
    if (rc < 0) return -1;
    return (found & ((1u << N_SCHEMA) - 1)) == (1u << N_SCHEMA) - 1 ? 1 : wrong(s, "lacks tables", err);
}

static int read_pragma(const store *s, const char *sql, int64_t *value, lnt_error *err) {
    sqlite3_stmt *q;
    if (sqlite3_prepare_v2(s->db, sql, -1, &q, NULL)) return store_failed(s, "opening it", err);
    int rc = store_step(s, q, "opening it", err);
    *value = rc > 0 ? sqlite3_column_int64(q, 0) : 0;
    sqlite3_finalize(q);
    return rc < 0 ? -1 : 0;
}

int store_check_schema(const store *s, lnt_error *err) {
    int64_t application, version, objects;
    if (read_pragma(s, "PRAGMA application_id", &application, err) || read_pragma(s, "PRAGMA user_version", &version, err) ||
        read_pragma(s, "SELECT count(*) FROM sqlite_schema", &objects, err))
        return -1;
    if (!application && !version && !objects) return 0;
    if (application != APPLICATION) return wrong(s, "is a database of another program", err);
    if (version != VERSION)
        return err_set(err, "%s: has version %lld of the format, expected %d; use the Linnet that made it, or make the index again", s->path,
                       (long long)version, VERSION);
    return check_objects(s, err);
}

int store_make_schema(const store *s, lnt_error *err) {
    char numbers[100];
    sqlite3_snprintf(sizeof numbers, numbers, "PRAGMA application_id = %d; PRAGMA user_version = %d", APPLICATION, VERSION);
    if (store_execute(s, numbers, "making tables", err)) return -1;
    for (size_t i = 0; i < N_SCHEMA; i++)
        if (store_execute(s, SCHEMA[i].sql, "making tables", err)) return -1;
    return 0;
}
