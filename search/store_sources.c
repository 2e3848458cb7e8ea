#include "search/store_db.h"
#include <stdlib.h>
#include <string.h>

/* ---- sources ---- */

static int read_source(const store *s, sqlite3_stmt *q, int64_t *id, lnt_source *source, lnt_error *err) {
    uint64_t complete;
    const void *hash;
    size_t n_path, n_hash;
    *source = (lnt_source){.modified = sqlite3_column_int64(q, 3)};
    *id = sqlite3_column_int64(q, 0);
    if (store_text(s, q, 1, &source->path, &n_path, err) || store_number(s, q, 2, INT64_MAX, &source->bytes, err) ||
        store_blob(s, q, 4, &hash, &n_hash, err) || store_number(s, q, 5, INT64_MAX, &source->n_records, err) ||
        store_number(s, q, 6, INT64_MAX, &source->n_documents, err) || store_number(s, q, 7, 1, &complete, err))
        return -1;
    if (!n_path || strlen(source->path) != n_path || n_hash != sizeof source->hash) return store_damaged(s, "a source", err);
    memcpy(source->hash, hash, sizeof source->hash);
    source->complete = complete;
    return 1;
}

/* The path may be that of the source found before, which ends with the statement's beginning anew. */
static int look_for_source(store *s, store_sql which, const char *path, int64_t *id, lnt_source *source, lnt_error *err) {
    char *copy = strdup(path);
    if (!copy) return err_memory(err, strlen(path), "a path");
    sqlite3_stmt *q = store_statement(s, which, err);
    if (!q) {
        free(copy);
        return -1;
    }
    sqlite3_bind_text(q, 1, copy, -1, free);
    int rc = store_step(s, q, "reading sources", err);
    return rc > 0 ? read_source(s, q, id, source, err) : rc;
}

int store_find_source(store *s, const char *path, int64_t *id, lnt_source *source, lnt_error *err) {
    return look_for_source(s, SQL_FIND_SOURCE, path, id, source, err);
}

int store_next_source(store *s, const char *path, int64_t *id, lnt_source *source, lnt_error *err) {
    return look_for_source(s, SQL_NEXT_SOURCE, path, id, source, err);
}

int store_count_sources(store *s, uint64_t *n, lnt_error *err) {
    sqlite3_stmt *q = store_statement(s, SQL_COUNT_SOURCES, err);
    if (!q || store_step(s, q, "counting sources", err) < 0) return -1;
    int rc = store_number(s, q, 0, INT64_MAX, n, err);
    sqlite3_reset(q);
    return rc;
}

int store_put_source(store *s, const lnt_source *source, int64_t *id, lnt_error *err) {
    sqlite3_stmt *q = store_statement(s, SQL_PUT_SOURCE, err);
    if (!q) return -1;
    sqlite3_bind_text(q, 1, source->path, -1, SQLITE_STATIC);
    sqlite3_bind_int64(q, 2, (int64_t)source->bytes);
    sqlite3_bind_int64(q, 3, source->modified);
    sqlite3_bind_blob(q, 4, source->hash, sizeof source->hash, SQLITE_STATIC);
    sqlite3_bind_int64(q, 5, (int64_t)source->n_records);
    sqlite3_bind_int64(q, 6, (int64_t)source->n_documents);
    sqlite3_bind_int64(q, 7, source->complete);
    int rc = store_step(s, q, "writing a source", err);
    if (rc > 0) *id = sqlite3_column_int64(q, 0);
    if (rc > 0) rc = store_step(s, q, "writing a source", err);
    return rc;
}

static int run_of_source(store *s, store_sql which, int64_t source, const char *doing, lnt_error *err) {
    sqlite3_stmt *q = store_statement(s, which, err);
    if (!q) return -1;
    sqlite3_bind_int64(q, 1, source);
    return store_step(s, q, doing, err);
}

int store_remove_documents(store *s, int64_t source, uint64_t *n_removed, lnt_error *err) {
    if (run_of_source(s, SQL_REMOVE_WORDS_OF_SOURCE, source, "removing documents", err) ||
        run_of_source(s, SQL_REMOVE_DOCUMENTS, source, "removing documents", err))
        return -1;
    *n_removed = (uint64_t)sqlite3_changes64(s->db);
    return 0;
}

int store_remove_source(store *s, int64_t source, lnt_error *err) {
    return run_of_source(s, SQL_REMOVE_SOURCE, source, "removing a source", err);
}

/* ---- documents ---- */

int store_add_document(store *s, int64_t id, int64_t source, uint64_t row, const lnt_document *d, lnt_error *err) {
    sqlite3_stmt *q = store_statement(s, SQL_ADD_DOCUMENT, err);
    if (!q) return -1;
    sqlite3_bind_int64(q, 1, id);
    sqlite3_bind_int64(q, 2, source);
    sqlite3_bind_int64(q, 3, (int64_t)row);
    sqlite3_bind_int64(q, 4, (int64_t)d->line);
    sqlite3_bind_int64(q, 5, (int64_t)d->begin);
    sqlite3_bind_int64(q, 6, (int64_t)d->end);
    sqlite3_bind_text(q, 7, d->metadata, -1, SQLITE_STATIC);
    sqlite3_bind_text(q, 8, d->n_bytes ? d->text : "", (int)d->n_bytes, SQLITE_STATIC);
    if (store_step(s, q, "adding a document", err)) return -1;
    q = store_statement(s, SQL_ADD_WORDS, err);
    if (!q) return -1;
    sqlite3_bind_int64(q, 1, id);
    sqlite3_bind_text(q, 2, d->n_bytes ? d->text : "", (int)d->n_bytes, SQLITE_STATIC);
    return store_step(s, q, "adding a document", err);
}

int store_move_row(store *s, uint64_t from, uint64_t to, lnt_error *err) {
    sqlite3_stmt *q = store_statement(s, SQL_MOVE_ROW, err);
    if (!q) return -1;
    sqlite3_bind_int64(q, 1, (int64_t)from);
    sqlite3_bind_int64(q, 2, (int64_t)to);
    return store_step(s, q, "renumbering rows", err);
}

int store_optimize(store *s, lnt_error *err) {
    return store_run(s, SQL_OPTIMIZE, "joining the full text", err) || store_execute(s, "PRAGMA incremental_vacuum", "shrinking it", err) ? -1 : 0;
}

static int read_document(const store *s, sqlite3_stmt *q, lnt_document *d, lnt_error *err) {
    size_t n;
    *d = (lnt_document){.id = sqlite3_column_int64(q, 0)};
    if (store_text(s, q, 1, &d->path, &n, err) || store_text(s, q, 2, &d->text, &d->n_bytes, err) ||
        store_number(s, q, 3, INT64_MAX, &d->line, err) || store_number(s, q, 4, INT64_MAX, &d->begin, err) || store_number(s, q, 5, INT64_MAX, &d->end, err))
        return -1;
    if (sqlite3_column_type(q, 6) != SQLITE_NULL && store_text(s, q, 6, &d->metadata, &n, err)) return -1;
    return 1;
}

int store_get_document(store *s, int64_t id, lnt_document *document, lnt_error *err) {
    sqlite3_stmt *q = store_statement(s, SQL_DOCUMENT, err);
    if (!q) return -1;
    sqlite3_bind_int64(q, 1, id);
    int rc = store_step(s, q, "reading a document", err);
    return rc > 0 ? read_document(s, q, document, err) : rc;
}

int store_document_of_row(store *s, uint64_t row, int64_t *id, lnt_error *err) {
    sqlite3_stmt *q = store_statement(s, SQL_DOCUMENT_OF_ROW, err);
    if (!q) return -1;
    sqlite3_bind_int64(q, 1, (int64_t)row);
    int rc = store_step(s, q, "reading a document", err);
    if (rc > 0) *id = sqlite3_column_int64(q, 0);
    sqlite3_reset(q);
    return rc;
}
