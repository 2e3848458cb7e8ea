#include "formats/json.h"
#include "formats/mapped.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static json_t *parse(const void *bytes, size_t n, json_type wanted, bool any_integer, const char *path,
                     const char *what, lnt_error *err) {
    json_fault e;
    char *copy = malloc(n + 1); /* what is mapped may change between two looks at it */
    if (!copy) return err_memory(err, n, path), NULL;
    memcpy(copy, bytes, n);
    json_t *root = json_read(copy, n, JSON_REJECT_DUPLICATES, &e);
    if (!root && any_integer && e.overflow) root = json_read(copy, n, JSON_REJECT_DUPLICATES | JSON_DECODE_INT_AS_REAL, &e);
    free(copy);
    if (!root && e.memory) return err_null(err, "%s: %s%sout of memory for %zu bytes of JSON", path, what, *what ? ": " : "", n);
    if (!root)
        return err_null(err, "%s: %s%sline %d, column %d: %s", path, what, *what ? ": " : "", e.line, e.column, e.text);
    if (json_typeof(root) == wanted) return root;
    json_decref(root);
    return err_null(err, "%s: %s%sis not a JSON %s", path, what, *what ? " " : "",
                    wanted == JSON_OBJECT ? "object, expected {...}" : "array, expected [...]");
}

json_t *json_parse(const void *bytes, size_t n, const char *path, const char *what, lnt_error *err) {
    return parse(bytes, n, JSON_OBJECT, false, path, what, err);
}

static json_t *read_root(const char *path, json_type wanted, lnt_error *err) {
    mapped_file m;
    json_t *root = NULL;
    if (mapped_open(&m, path, "a JSON file", 1, err)) return NULL;
    if (m.size > JSON_FILE_MAX)
        err_set(err, "%s: has %zu bytes, expected a JSON file of at most %d", path, m.size, JSON_FILE_MAX);
    else root = parse(m.bytes, m.size, wanted, true, path, "", err);
    if (mapped_intact(&m, path, err)) {
        json_decref(root);
        root = NULL;
    }
    mapped_close(&m);
    return root;
}

json_t *json_array_open(const char *path, lnt_error *err) { return read_root(path, JSON_ARRAY, err); }

int json_file_open(json_file *f, const char *path, lnt_error *err) {
    *f = (json_file){0};
    if (snprintf(f->path, sizeof f->path, "%s", path) >= (int)sizeof f->path)
        return err_set(err, "%s: the path is too long", path);
    f->root = read_root(path, JSON_OBJECT, err);
    if (f->root && !(f->read = json_object())) err_memory(err, 0, path);
    if (f->read) return 0;
    json_file_close(f);
    return -1;
}

void json_file_close(json_file *f) {
    json_decref(f->root);
    json_decref(f->read);
    f->root = f->read = NULL;
}

json_t *json_file_get(json_file *f, const char *key) {
    json_t *v = json_object_get(f->root, key);
    if (json_object_set_new(f->read, key, json_null())) f->failed = true;
    return json_is_null(v) ? NULL : v;
}

/* What is there instead of what was expected, short enough for one line. */
static int wrong(const char *path, const char *key, const json_t *v, const char *expected, lnt_error *err) {
    char *text = json_dumps(v, JSON_ENCODE_ANY | JSON_COMPACT | JSON_REAL_PRECISION(9));
    const char *more = text && strlen(text) > 64 ? "..." : "";
    int rc = err_set(err, "%s: '%.64s' is %.64s%s, expected %s", path, key, text ? text : "?", more, expected);
    free(text);
    return rc;
}

/* NULL for null too. */
static const json_t *value_of(const json_t *object, const char *key) {
    const json_t *v = json_object_get(object, key);
    return json_is_null(v) ? NULL : v;
}

int json_int(const char *path, const json_t *object, const char *key, int64_t min, int64_t max, int64_t *out, lnt_error *err) {
    const double exact = 9007199254740992.0; /* beyond 2^53 a real is not one whole number any more */
    char expected[96];
    const json_t *v = value_of(object, key);
    if (!v) return 0;
    double real = json_number_value(v);
    bool whole = json_is_integer(v) || (json_is_real(v) && fabs(real) < exact && real == (double)(int64_t)real);
    int64_t i = json_is_integer(v) ? json_integer_value(v) : whole ? (int64_t)real : 0;
    snprintf(expected, sizeof expected, "a whole number from %lld to %lld", (long long)min, (long long)max);
    if (!whole || i < min || i > max) return wrong(path, key, v, expected, err);
    *out = i;
    return 0;
}

int json_bool(const char *path, const json_t *object, const char *key, bool *out, lnt_error *err) {
    const json_t *v = value_of(object, key);
    if (!v) return 0;
    if (!json_is_boolean(v)) return wrong(path, key, v, "true or false", err);
    *out = json_is_true(v);
    return 0;
}

int json_text(const char *path, const json_t *object, const char *key, const char **out, lnt_error *err) {
    const json_t *v = value_of(object, key);
    if (!v) return 0;
    if (!json_is_string(v)) return wrong(path, key, v, "a string", err);
    *out = json_string_value(v);
    return 0;
}

int json_file_int(json_file *f, const char *key, int64_t min, int64_t max, int64_t *out, lnt_error *err) {
    json_file_get(f, key);
    return json_int(f->path, f->root, key, min, max, out, err);
}

int json_file_bool(json_file *f, const char *key, bool *out, lnt_error *err) {
    json_file_get(f, key);
    return json_bool(f->path, f->root, key, out, err);
}

int json_file_string(json_file *f, const char *key, const char **out, lnt_error *err) {
    json_file_get(f, key);
    return json_text(f->path, f->root, key, out, err);
}

int json_file_float(json_file *f, const char *key, double min, double max, double *out, lnt_error *err) {
    char expected[96];
    json_t *v = json_file_get(f, key);
    if (!v) return 0;
    double d = json_number_value(v);
    snprintf(expected, sizeof expected, "a number from %.9g to %.9g", min, max);
    if (!json_is_number(v) || !(d >= min && d <= max)) return wrong(f->path, key, v, expected, err);
    *out = d;
    return 0;
}

/* "a, b or c" */
static void list_choices(const char *const *choices, char *out, size_t room) {
    size_t at = 0;
    *out = 0;
    for (size_t i = 0; choices[i] && at < room; i++)
        at += (size_t)snprintf(out + at, room - at, "%s%s", i == 0 ? "" : choices[i + 1] ? ", " : " or ", choices[i]);
}

int json_file_choice(json_file *f, const char *key, const char *const *choices, size_t *out, lnt_error *err) {
    char expected[256];
    json_t *v = json_file_get(f, key);
    if (!v) return 0;
    for (size_t i = 0; json_is_string(v) && choices[i]; i++)
        if (!strcmp(json_string_value(v), choices[i])) return *out = i, 0;
    list_choices(choices, expected, sizeof expected);
    return wrong(f->path, key, v, expected, err);
}

int json_file_require(json_file *f, const char *const *keys, lnt_error *err) {
    for (; *keys; keys++)
        if (!json_file_get(f, *keys)) return err_set(err, "%s: '%s' is missing, expected a value", f->path, *keys);
    return 0;
}

static bool matches(const char *key, const char *pattern) {
    size_t n = strlen(pattern);
    return n && pattern[n - 1] == '*' ? !strncmp(key, pattern, n - 1) : !strcmp(key, pattern);
}

int json_file_refuse_unknown(const json_file *f, const char *const *ignored, lnt_error *err) {
    const char *key;
    json_t *v;
    if (f->failed) return err_memory(err, 0, f->path);
    json_object_foreach(f->root, key, v) {
        bool known = json_is_null(v) || json_object_get(f->read, key);
        for (const char *const *i = ignored; !known && *i; i++) known = matches(key, *i);
        if (!known)
            return err_set(err, "%s: '%.64s' is not known to this version of Linnet, expected a file without it",
                           f->path, key);
    }
    return 0;
}
