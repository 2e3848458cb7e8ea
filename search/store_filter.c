/* Which documents fit: filters, in SQL. */
#include "formats/json.h"
#include "search/store_db.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_FILTERS = 100 };

/* The value under a name in an object; in objects in it, if the name has dots and is none itself. */
static const json_t *find_field(const json_t *object, const char *field) {
    char part[256];
    for (;;) {
        const json_t *value = json_object_get(object, field);
        const char *dot = value ? NULL : strchr(field, '.');
        if (!dot || (size_t)(dot - field) >= sizeof part) return value;
        memcpy(part, field, (size_t)(dot - field));
        part[dot - field] = 0;
        object = json_object_get(object, part);
        field = dot + 1;
    }
}

static bool same_number(const json_t *json, const char *value) {
    char *end;
    errno = 0;
    long long whole = strtoll(value, &end, 10);
    if (json_is_integer(json) && end > value && !*end && !errno) return json_integer_value(json) == whole;
    double number = strtod(value, &end);
    return end > value && !*end && json_number_value(json) == number;
}

/* Of an array, any element. */
static bool same_value(const json_t *json, const char *value, size_t n) {
    if (json_is_string(json)) return json_string_length(json) == n && !memcmp(json_string_value(json), value, n);
    if (json_is_number(json)) return same_number(json, value);
    if (json_is_true(json)) return !strcmp(value, "true");
    if (json_is_false(json)) return !strcmp(value, "false");
    if (json_is_null(json)) return !strcmp(value, "null");
    for (size_t i = 0; json_is_array(json) && i < json_array_size(json); i++)
        if (!json_is_array(json_array_get(json, i)) && same_value(json_array_get(json, i), value, n)) return true;
    return false;
}

static void fits(sqlite3_context *context, int n, sqlite3_value **arguments) {
    const char *metadata = (const char *)sqlite3_value_text(arguments[0]), *field = (const char *)sqlite3_value_text(arguments[1]);
    const char *value = (const char *)sqlite3_value_text(arguments[2]);
    store *s = sqlite3_user_data(context);
    bool memory = false;
    s->worked += (uint64_t)sqlite3_value_bytes(arguments[0]);
    for (int i = 0; i < n; i++) memory = memory || (!sqlite3_value_text(arguments[i]) && sqlite3_value_type(arguments[i]) != SQLITE_NULL);
    json_fault fault = {0};
    json_t *object = metadata && field && value ? json_read(metadata, (size_t)sqlite3_value_bytes(arguments[0]), JSON_ALLOW_NUL, &fault) : NULL;
    const json_t *found = object ? find_field(object, field) : NULL;
    if (memory || fault.memory) sqlite3_result_error_nomem(context);
    else sqlite3_result_int(context, found && same_value(found, value, (size_t)sqlite3_value_bytes(arguments[2])));
    json_decref(object);
}

static const char SET[] = "linnet: a set of documents";

static void among(sqlite3_context *context, int n, sqlite3_value **arguments) {
    (void)n;
    const store_set *set = sqlite3_value_pointer(arguments[0], SET);
    uint64_t id = (uint64_t)sqlite3_value_int64(arguments[1]);
    sqlite3_result_int(context, set && id < set->n_ids && (set->documents[id / 64] >> id % 64 & 1));
}

int store_add_filters(store *s, lnt_error *err) {
    int flags = SQLITE_UTF8 | SQLITE_DETERMINISTIC | SQLITE_DIRECTONLY;
    if (sqlite3_create_function_v2(s->db, "fits", 3, flags, s, fits, NULL, NULL, NULL) ||
        sqlite3_create_function_v2(s->db, "among", 2, flags, NULL, among, NULL, NULL, NULL))
        return store_failed(s, "opening it", err);
    return 0;
}

static const char PATH_FITS[] =
    "d.source IN (SELECT id FROM sources WHERE substr(CAST(path AS BLOB), 1, length(CAST(?%d AS BLOB))) = CAST(?%d AS BLOB))";

static sqlite3_stmt *filtered(const store *s, const char *head, const char *and, const lnt_filter *filters, size_t n_filters, int first, const char *end,
                              lnt_error *err) {
    sqlite3_stmt *q = NULL;
    if (n_filters > MAX_FILTERS) return err_null(err, "%zu filters are too many, expected at most %d", n_filters, MAX_FILTERS);
    sqlite3_str *sql = sqlite3_str_new(s->db);
    sqlite3_str_appendall(sql, head);
    for (size_t i = 0; i < n_filters; i++) {
        int p = first + 2 * (int)i;
        sqlite3_str_appendall(sql, i ? " AND " : and);
        if (!strcmp(filters[i].field, "path")) sqlite3_str_appendf(sql, PATH_FITS, p + 1, p + 1);
        else sqlite3_str_appendf(sql, "fits(d.metadata, ?%d, ?%d)", p, p + 1);
    }
    sqlite3_str_appendall(sql, end);
    char *text = sqlite3_str_finish(sql);
    if (!text || sqlite3_prepare_v2(s->db, text, -1, &q, NULL)) store_failed(s, "preparing a search", err);
    sqlite3_free(text);
    for (size_t i = 0; q && i < n_filters; i++) {
        if (strcmp(filters[i].field, "path")) sqlite3_bind_text(q, first + 2 * (int)i, filters[i].field, -1, SQLITE_STATIC);
        sqlite3_bind_text(q, first + 2 * (int)i + 1, filters[i].value, -1, SQLITE_STATIC);
    }
    return q;
}

static int add_to_set(const store *s, sqlite3_stmt *q, uint64_t n_rows, store_set *set, lnt_error *err) {
    uint64_t row, id;
    if (!n_rows) return store_damaged(s, "documents without rows", err);
    if (store_number(s, q, 0, n_rows - 1, &row, err)) return -1;
    set->rows[row / 64] |= UINT64_C(1) << row % 64;
    set->n++;
    if (!set->documents) return 0;
    if (store_number(s, q, 1, set->n_ids - 1, &id, err)) return -1;
    set->documents[id / 64] |= UINT64_C(1) << id % 64;
    return 0;
}

int store_find(store *s, const lnt_filter *filters, size_t n_filters, uint64_t n_rows, store_set *set, lnt_error *err) {
    store_work_anew(s);
    sqlite3_stmt *q = filtered(s, "SELECT d.row, d.id FROM documents d", " WHERE ", filters, n_filters, 1, "", err);
    int rc = q ? 1 : -1;
    while (rc > 0 && (rc = store_step(s, q, "reading rows", err)) > 0)
        if (add_to_set(s, q, n_rows, set, err)) rc = -1;
    sqlite3_finalize(q);
    return rc;
}

sqlite3_stmt *store_prepare_search(const store *s, const lnt_filter *filters, size_t n_filters, const store_set *set, lnt_error *err) {
    static const char ALL[] = "SELECT rowid, bm25(words) FROM words WHERE words MATCH ?1";
    static const char SOME[] = "SELECT words.rowid, bm25(words) FROM words CROSS JOIN documents d ON d.id = words.rowid WHERE words MATCH ?1";
    static const char OF_SET[] = "SELECT rowid, bm25(words) FROM words WHERE words MATCH ?1 AND among(?2, rowid)";
    if (!set || !set->documents) return filtered(s, n_filters ? SOME : ALL, " AND ", filters, n_filters, 2, "", err);
    sqlite3_stmt *q = filtered(s, OF_SET, "", NULL, 0, 0, "", err);
    if (q) sqlite3_bind_pointer(q, 2, (void *)set, SET, NULL);
    return q;
}
