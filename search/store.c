#include "search/store_db.h"
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BUSY_MILLISECONDS = 10000, WORK = 1 << 14 };
/* Rows of vectors: what fits a byte count with room to spare. */
#define MAX_ROWS ((uint64_t)1 << 40)

/* ---- the file ---- */

/* FOLDER/documents.db and an ending, to be freed. */
static char *name_of(const char *folder, const char *ending) {
    size_t n = strlen(folder) + strlen(ending) + 16;
    char *path = malloc(n);
    if (path) snprintf(path, n, "%s%sdocuments.db%s", folder, *folder && folder[strlen(folder) - 1] == '/' ? "" : "/", ending);
    return path;
}

/* A path as the URI that SQLite opens: whatever has a meaning in one is escaped, and so is a slash that begins it. */
static char *uri_of(const char *path, bool immutable) {
    size_t n = 3 * strlen(path) + 32;
    char *uri = malloc(n), *out = uri;
    if (!uri) return NULL;
    out += sprintf(out, "file:");
    for (const char *p = path; *p; p++) {
        bool plain = isalnum((unsigned char)*p) || strchr("._-", *p) || (*p == '/' && p > path);
        out += plain ? sprintf(out, "%c", *p) : sprintf(out, "%%%02X", (unsigned)(unsigned char)*p);
    }
    sprintf(out, "%s", immutable ? "?immutable=1" : "");
    return uri;
}

/* A folder that this process cannot write to, and that nobody left in the middle of writing: SQLite, which would make files
   beside the database, is told that it does not change. */
static bool is_immutable(const char *folder) {
    struct stat st;
    char *wal = name_of(folder, "-wal");
    bool still = wal && access(folder, W_OK) != 0 && (stat(wal, &st) != 0 || st.st_size == 0);
    free(wal);
    return still;
}

static int open_file(store *s, const char *folder, lnt_error *err) {
    struct stat st = {0};
    if (stat(s->path, &st)) {
        if (errno != ENOENT && errno != ENOTDIR) return err_set(err, "%s: cannot be read: %s", s->path, strerror(errno));
        if (!s->write) return err_set(err, "%s: holds no index (there is no documents.db), expected a folder made by `linnet index`", folder);
    } else if (!S_ISREG(st.st_mode)) {
        return err_set(err, "%s: is not a regular file, expected the documents of an index", s->path);
    }
    s->immutable = !s->write && is_immutable(folder);
    s->opened_bytes = st.st_size;
    s->opened_time = st.st_mtim;
    char *uri = uri_of(s->path, s->immutable);
    if (!uri) return err_memory(err, 3 * strlen(s->path), "a path");
    /* A reader that may write removes, when it closes, the files that SQLite needs beside the database. */
    int flags = SQLITE_OPEN_URI | (s->immutable ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE) | (s->write ? SQLITE_OPEN_CREATE : 0);
    int rc = sqlite3_open_v2(uri, &s->db, flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, NULL);
    free(uri);
    return rc ? store_failed(s, "opening it", err) : 0;
}

void store_work_anew(store *s) { s->worked = 0; }

static int count_work(void *user) {
    enum { AT_LEAST = 1 << 20, PER_BYTE = 128 };
    store *s = user;
    int cached = 0, unused;
    s->worked += WORK;
    if (s->worked <= AT_LEAST) return 0;
    sqlite3_db_status(s->db, SQLITE_DBSTATUS_CACHE_USED, &cached, &unused, 0); /* with pages that are not on the disk yet */
    return s->worked - AT_LEAST > PER_BYTE * (store_bytes(s) + (uint64_t)cached);
}

/* What is in the file decides nothing but data. */
static int guard(store *s, lnt_error *err) {
    sqlite3_busy_timeout(s->db, BUSY_MILLISECONDS);
    sqlite3_progress_handler(s->db, WORK, count_work, s);
    sqlite3_db_config(s->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    sqlite3_db_config(s->db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
    sqlite3_db_config(s->db, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, NULL);
    sqlite3_db_config(s->db, SQLITE_DBCONFIG_ENABLE_VIEW, 0, NULL);
    sqlite3_limit(s->db, SQLITE_LIMIT_LENGTH, 2 * STORE_MAX_TEXT + (1 << 20));
    sqlite3_limit(s->db, SQLITE_LIMIT_ATTACHED, 0);
    return store_execute(s, "PRAGMA cell_size_check = ON; PRAGMA temp_store = MEMORY; PRAGMA cache_size = -32768", "opening it", err);
}

/* Once it is known whose file it is. */
static int begin_writing(store *s, bool fresh, lnt_error *err) {
    sqlite3_stmt *q;
    if (fresh && store_execute(s, "PRAGMA auto_vacuum = INCREMENTAL", "opening it", err)) return -1;
    if (sqlite3_prepare_v2(s->db, "PRAGMA journal_mode = WAL", -1, &q, NULL)) return store_failed(s, "opening it", err);
    int rc = store_step(s, q, "opening it", err);
    const char *mode = rc > 0 ? (const char *)sqlite3_column_text(q, 0) : NULL;
    bool wal = mode && !sqlite3_stricmp(mode, "wal");
    if (rc > 0 && !mode) rc = err_memory(err, sizeof "wal", "a text");
    sqlite3_finalize(q);
    if (rc < 0) return -1;
    if (!wal) return err_set(err, "%s: SQLite cannot keep a write-ahead log here, expected a file system of this machine", s->path);
    return store_execute(s, "PRAGMA synchronous = FULL; PRAGMA secure_delete = FAST; PRAGMA wal_autocheckpoint = 4000", "opening it", err);
}

/* ---- errors ---- */

int (store_damaged)(const store *s, const char *what, lnt_error *err) {
    return err_set(err, "%s: is damaged (%s); make the index again, or restore it", s->path, what);
}

int (store_failed)(const store *s, const char *doing, lnt_error *err) {
    int code = sqlite3_errcode(s->db), error = sqlite3_system_errno(s->db);
    const char *says = sqlite3_errmsg(s->db);
    switch (code == SQLITE_IOERR_NOMEM ? SQLITE_NOMEM : code & 0xff) {
    case SQLITE_FULL:
        return err_set(err, "%s: the disk is full (%s); with more room the same command goes on from what was committed", s->path, doing);
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return err_set(err, "%s: is being used by another process (%s); try again when that is done", s->path, doing);
    case SQLITE_CORRUPT:
    case SQLITE_CONSTRAINT:
    case SQLITE_ERROR: /* the SQL is right: the tables must be wrong */
        return err_set(err, "%s: is damaged (%s: %s); make the index again, or restore it", s->path, doing, says);
    case SQLITE_NOTADB:
        return err_set(err, "%s: is not a database, expected the documents of an index; make the index again, or restore it", s->path);
    case SQLITE_INTERRUPT:
        return err_set(err, "%s: is damaged (%s: far more work than its size explains); make the index again, or restore it", s->path, doing);
    case SQLITE_TOOBIG:
        return err_set(err, "%s: is damaged (%s: a value is too big); make the index again, or restore it", s->path, doing);
    case SQLITE_OK: /* what gives no code of its own has allocated */
    case SQLITE_ROW:
    case SQLITE_DONE:
    case SQLITE_NOMEM:
        return err_set(err, "%s: out of memory (%s)", s->path, doing);
    case SQLITE_CANTOPEN:
    case SQLITE_READONLY:
    case SQLITE_PERM:
        return err_set(err, "%s: cannot be opened (%s: %s), expected a file and a folder that can be written to, or an index whose "
                            "writer has ended", s->path, says, error ? strerror(error) : "not permitted");
    case SQLITE_IOERR:
        return err_set(err, "%s: cannot be read or written (%s: %s)", s->path, doing, error ? strerror(error) : says);
    default:
        return err_set(err, "%s: %s (%s)", s->path, says, doing);
    }
}

int store_still(const store *s, lnt_error *err) {
    struct stat st;
    if (!s->immutable) return 0;
    if (!stat(s->path, &st) && st.st_size == s->opened_bytes && st.st_mtim.tv_sec == s->opened_time.tv_sec &&
        st.st_mtim.tv_nsec == s->opened_time.tv_nsec)
        return 0;
    return err_set(err, "%s: has changed since it was opened in a folder that cannot be written to; open it again", s->path);
}

/* ---- statements ---- */

static const char *const SQL[SQLS] = {
    [SQL_BEGIN] = "BEGIN IMMEDIATE",
    [SQL_BEGIN_READING] = "BEGIN",
    [SQL_COMMIT] = "COMMIT",
    [SQL_ROLLBACK] = "ROLLBACK",
    [SQL_IDENTITY] = "SELECT id, model, model_name, dims, vectors, settings FROM identity",
    [SQL_SET_IDENTITY] = "INSERT INTO identity VALUES(?1, ?2, ?3, ?4, ?5, ?6)",
    [SQL_STATE] = "SELECT generation, n_rows, n_documents, next_document, tail FROM state",
    [SQL_SET_STATE] = "UPDATE state SET generation = ?1, n_rows = ?2, n_documents = ?3, next_document = ?4, tail = ?5",
    [SQL_FIND_SOURCE] = "SELECT id, path, bytes, modified, hash, n_records, n_documents, complete FROM sources WHERE path = ?1",
    [SQL_NEXT_SOURCE] = "SELECT id, path, bytes, modified, hash, n_records, n_documents, complete FROM sources WHERE path > ?1 "
                        "ORDER BY path LIMIT 1",
    [SQL_COUNT_SOURCES] = "SELECT count(id) FROM sources", /* count(*) could not be stopped */
    [SQL_PUT_SOURCE] = "INSERT INTO sources(path, bytes, modified, hash, n_records, n_documents, complete) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7) "
                       "ON CONFLICT(path) DO UPDATE SET bytes = ?2, modified = ?3, hash = ?4, n_records = ?5, n_documents = ?6, complete = ?7 "
                       "RETURNING id",
    [SQL_REMOVE_WORDS_OF_SOURCE] = "INSERT INTO words(words, rowid, text) SELECT 'delete', id, text FROM documents WHERE source = ?1 ORDER BY id",
    [SQL_REMOVE_DOCUMENTS] = "DELETE FROM documents WHERE source = ?1",
    [SQL_REMOVE_SOURCE] = "DELETE FROM sources WHERE id = ?1",
    [SQL_ADD_DOCUMENT] = "INSERT INTO documents(id, source, row, line, begin, \"end\", metadata, text) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
    [SQL_ADD_WORDS] = "INSERT INTO words(rowid, text) VALUES(?1, ?2)",
    [SQL_MOVE_ROW] = "UPDATE documents SET row = ?2 WHERE row = ?1",
    [SQL_OPTIMIZE] = "INSERT INTO words(words) VALUES('optimize')",
    [SQL_DOCUMENT] = "SELECT d.id, path, text, line, begin, \"end\", metadata FROM documents d LEFT JOIN sources s ON s.id = source "
                     "WHERE d.id = ?1",
    [SQL_DOCUMENT_OF_ROW] = "SELECT id FROM documents WHERE row = ?1",
    [SQL_TEXT] = "SELECT text FROM documents WHERE id = ?1",
    [SQL_COUNT_WORD] = "SELECT count(*) FROM words WHERE words MATCH ?1",
    [SQL_AVERAGE_LENGTH] = "SELECT average_length(words) FROM words WHERE words MATCH ?1 LIMIT 1",
};

sqlite3_stmt *store_statement(store *s, store_sql which, lnt_error *err) {
    sqlite3_stmt **q = &s->statements[which];
    store_work_anew(s);
    if (!*q && sqlite3_prepare_v3(s->db, SQL[which], -1, SQLITE_PREPARE_PERSISTENT, q, NULL)) {
        store_failed(s, "preparing a statement", err);
        return NULL;
    }
    sqlite3_reset(*q);
    sqlite3_clear_bindings(*q);
    return *q;
}

int store_step(const store *s, sqlite3_stmt *q, const char *doing, lnt_error *err) {
    int rc = sqlite3_step(q);
    if (rc == SQLITE_ROW) return 1;
    if (rc != SQLITE_DONE) store_failed(s, doing, err);
    sqlite3_reset(q);
    return rc == SQLITE_DONE ? 0 : -1;
}

int store_run(store *s, store_sql which, const char *doing, lnt_error *err) {
    sqlite3_stmt *q = store_statement(s, which, err);
    return q ? store_step(s, q, doing, err) : -1;
}

int store_execute(const store *s, const char *sql, const char *doing, lnt_error *err) {
    return sqlite3_exec(s->db, sql, NULL, NULL, NULL) ? store_failed(s, doing, err) : 0;
}

int store_number(const store *s, sqlite3_stmt *q, int column, uint64_t most, uint64_t *value, lnt_error *err) {
    char what[120];
    int64_t v = sqlite3_column_int64(q, column);
    *value = (uint64_t)v;
    if (sqlite3_column_type(q, column) == SQLITE_INTEGER && v >= 0 && *value <= most) return 0;
    snprintf(what, sizeof what, "'%.40s' is not a number from 0 to %" PRIu64, sqlite3_column_name(q, column), most);
    return store_damaged(s, what, err);
}

static int check_type(const store *s, sqlite3_stmt *q, int column, int type, const char *expected, lnt_error *err) {
    char what[120];
    if (sqlite3_column_type(q, column) == type) return 0;
    snprintf(what, sizeof what, "'%.40s' is not %s", sqlite3_column_name(q, column), expected);
    return store_damaged(s, what, err);
}

int store_text(const store *s, sqlite3_stmt *q, int column, const char **text, size_t *n, lnt_error *err) {
    if (check_type(s, q, column, SQLITE_TEXT, "text", err)) return -1;
    *text = (const char *)sqlite3_column_text(q, column);
    *n = (size_t)sqlite3_column_bytes(q, column);
    return *text ? 0 : err_memory(err, *n, "a text");
}

int store_blob(const store *s, sqlite3_stmt *q, int column, const void **blob, size_t *n, lnt_error *err) {
    if (check_type(s, q, column, SQLITE_BLOB, "a blob", err)) return -1;
    *blob = sqlite3_column_blob(q, column);
    *n = (size_t)sqlite3_column_bytes(q, column);
    return *blob || !*n ? 0 : err_memory(err, *n, "a blob");
}

/* ---- identity and state ---- */

/* Text of fewer than `room` bytes without NUL. */
static int copy_text(const store *s, sqlite3_stmt *q, int column, char *out, size_t room, lnt_error *err) {
    const char *text;
    size_t n;
    if (store_text(s, q, column, &text, &n, err)) return -1;
    if (n >= room || strlen(text) != n) return store_damaged(s, "a name of the identity", err);
    memcpy(out, text, n + 1);
    return 0;
}

static int read_identity_row(store *s, sqlite3_stmt *q, lnt_error *err) {
    store_identity *i = &s->identity;
    const void *id;
    const char *settings;
    uint64_t dims;
    size_t n, n_settings;
    if (store_blob(s, q, 0, &id, &n, err) || copy_text(s, q, 1, i->model, sizeof i->model, err) ||
        copy_text(s, q, 2, i->model_name, sizeof i->model_name, err) || store_number(s, q, 3, VECTORS_MAX_DIMS, &dims, err) ||
        copy_text(s, q, 4, i->vectors, sizeof i->vectors, err) || store_text(s, q, 5, &settings, &n_settings, err))
        return -1;
    if (n != VECTORS_ID || !dims || strlen(settings) != n_settings) return store_damaged(s, "its identity", err);
    memcpy(i->id, id, VECTORS_ID);
    i->dims = (uint32_t)dims;
    free(i->settings);
    i->settings = strdup(settings);
    return i->settings ? 0 : err_memory(err, n_settings, "the settings");
}

static int read_identity(store *s, lnt_error *err) {
    sqlite3_stmt *q = store_statement(s, SQL_IDENTITY, err);
    int rc = q ? store_step(s, q, "reading its identity", err) : -1;
    if (rc == 0) store_damaged(s, "it has no identity", err);
    rc = rc > 0 ? read_identity_row(s, q, err) : -1;
    sqlite3_reset(q);
    return rc;
}

/* Takes a state over, with a copy of its tail. */
static int keep_state(store *s, const store_state *state, lnt_error *err) {
    size_t n = (state->n_rows - state->groups * VECTORS_GROUP) * s->identity.dims * sizeof(float);
    float *tail = malloc(n + 1);
    if (!tail) return err_memory(err, n, "vectors");
    if (n) memcpy(tail, state->tail, n);
    free(s->state.tail);
    memset(s->counts, 0, sizeof s->counts);
    s->state = *state;
    s->state.tail = tail;
    return 0;
}

static int read_state_row(store *s, sqlite3_stmt *q, lnt_error *err) {
    store_state state = {0};
    const void *tail;
    size_t n;
    if (store_number(s, q, 0, INT64_MAX, &state.generation, err) || store_number(s, q, 1, MAX_ROWS, &state.n_rows, err) ||
        store_number(s, q, 2, state.n_rows, &state.n_documents, err) || store_number(s, q, 3, INT64_MAX, &state.next_document, err) ||
        store_blob(s, q, 4, &tail, &n, err))
        return -1;
    state.groups = state.n_rows / VECTORS_GROUP;
    if (n != state.n_rows % VECTORS_GROUP * s->identity.dims * sizeof(float)) return store_damaged(s, "'tail' has another size", err);
    state.tail = (float *)tail;
    return keep_state(s, &state, err);
}

static int read_state(store *s, lnt_error *err) {
    sqlite3_stmt *q = store_statement(s, SQL_STATE, err);
    int rc = q ? store_step(s, q, "reading its state", err) : -1;
    if (rc == 0) store_damaged(s, "it has no state", err);
    rc = rc > 0 ? read_state_row(s, q, err) : -1;
    sqlite3_reset(q);
    return rc;
}

int store_create(store *s, const store_identity *identity, lnt_error *err) {
    s->identity = *identity;
    if (store_begin(s, err) || store_make_schema(s, err)) return -1;
    sqlite3_stmt *q = store_statement(s, SQL_SET_IDENTITY, err);
    if (!q) return -1;
    sqlite3_bind_blob(q, 1, identity->id, VECTORS_ID, SQLITE_STATIC);
    sqlite3_bind_text(q, 2, identity->model, -1, SQLITE_STATIC);
    sqlite3_bind_text(q, 3, identity->model_name, -1, SQLITE_STATIC);
    sqlite3_bind_int64(q, 4, identity->dims);
    sqlite3_bind_text(q, 5, identity->vectors, -1, SQLITE_STATIC);
    sqlite3_bind_text(q, 6, identity->settings, -1, SQLITE_STATIC);
    if (store_step(s, q, "making tables", err)) return -1;
    if (store_execute(s, "INSERT INTO state VALUES(0, 0, 0, 1, x'')", "making tables", err)) return -1;
    return keep_state(s, &(store_state){.next_document = 1}, err);
}

const store_identity *store_get_identity(const store *s) { return &s->identity; }
const store_state *store_get_state(const store *s) { return &s->state; }

uint64_t store_bytes(const store *s) {
    struct stat st;
    char *wal = malloc(strlen(s->path) + 5);
    uint64_t n = !stat(s->path, &st) ? (uint64_t)st.st_size : 0;
    if (wal && !stat(strcat(strcpy(wal, s->path), "-wal"), &st)) n += (uint64_t)st.st_size;
    free(wal);
    return n;
}

/* ---- opening, transactions ---- */

int store_refresh(store *s, lnt_error *err) {
    if (s->in_transaction && store_run(s, SQL_ROLLBACK, "reading it", err)) return -1;
    s->in_transaction = false;
    if (store_run(s, SQL_BEGIN_READING, "reading it", err)) return -1;
    s->in_transaction = true;
    return read_identity(s, err) || read_state(s, err) ? -1 : 0;
}

static int open_store(store *s, const char *folder, bool *fresh, lnt_error *err) {
    if (open_file(s, folder, err) || guard(s, err)) return -1;
    int found = store_check_schema(s, err);
    if (found < 0) return -1;
    *fresh = !found;
    if (*fresh && !s->write) return err_set(err, "%s: holds no index yet; its making was cut short, and `linnet index` makes it anew", folder);
    if (text_tokenizer_open(&s->words, s->db, err) || store_add_filters(s, err) || store_add_ranking(s, err)) return -1;
    if (!s->write) return store_refresh(s, err);
    if (begin_writing(s, *fresh, err)) return -1;
    return *fresh ? 0 : read_identity(s, err) || read_state(s, err) ? -1 : 0;
}

store *store_open(const char *folder, bool write, bool *fresh, lnt_error *err) {
    store *s = calloc(1, sizeof *s);
    char *path = name_of(folder, "");
    if (!s || !path) {
        free(path);
        free(s);
        return err_null(err, "out of memory for %s", folder);
    }
    s->path = path;
    s->write = write;
    if (!open_store(s, folder, fresh, err)) return s;
    store_close(s);
    return NULL;
}

void store_close(store *s) {
    if (!s) return;
    for (int i = 0; i < SQLS; i++) sqlite3_finalize(s->statements[i]);
    text_tokenizer_close(&s->words);
    sqlite3_close(s->db);
    free(s->identity.settings);
    free(s->state.tail);
    free(s->path);
    free(s);
}

int store_begin(store *s, lnt_error *err) {
    if (s->in_transaction) return 0;
    if (store_run(s, SQL_BEGIN, "beginning to write", err)) return -1;
    s->in_transaction = true;
    return 0;
}

int store_commit(store *s, const store_state *state, lnt_error *err) {
    sqlite3_stmt *q = store_statement(s, SQL_SET_STATE, err);
    if (!q) return -1;
    size_t n = (state->n_rows - state->groups * VECTORS_GROUP) * s->identity.dims * sizeof(float);
    sqlite3_bind_int64(q, 1, (int64_t)state->generation);
    sqlite3_bind_int64(q, 2, (int64_t)state->n_rows);
    sqlite3_bind_int64(q, 3, (int64_t)state->n_documents);
    sqlite3_bind_int64(q, 4, (int64_t)state->next_document);
    sqlite3_bind_blob64(q, 5, n ? (const void *)state->tail : "", n, SQLITE_STATIC);
    if (store_step(s, q, "committing", err) || store_run(s, SQL_COMMIT, "committing", err)) return -1;
    s->in_transaction = false;
    return keep_state(s, state, err);
}
