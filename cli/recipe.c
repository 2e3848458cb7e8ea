#define _GNU_SOURCE
#include "cli/recipe.h"
#include "cli/cli.h"
#include "cli/io.h"
#include "cli/text.h"
#include "formats/file.h"
#include "formats/json.h"
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

json_t *recipe_json(const char *text) {
    io_bytes valid = {0};
    bool any;
    if (!text) return json_null();
    int failed = text_replace_invalid(&valid, text, strlen(text), &any);
    json_t *value = failed ? NULL : json_stringn(valid.n ? valid.data : "", valid.n);
    io_bytes_free(&valid);
    return value;
}

char *recipe_write(const recipe *r) {
    json_t *json = json_pack("{s:I, s:I, s:I, s:o, s:o, s:o, s:b, s:o, s:o}", "chunk-tokens", (json_int_t)r->chunk_tokens, "overlap",
                             (json_int_t)r->overlap, "max-tokens", (json_int_t)r->max_tokens, "format", recipe_json(r->format), "field",
                             recipe_json(r->field), "column", recipe_json(r->column), "no-header", r->no_header, "prompt",
                             recipe_json(r->prompt), "pooling", recipe_json(r->pooling));
    char *text = json ? json_dumps(json, JSON_COMPACT) : NULL;
    json_decref(json);
    return text;
}

static void show(json_t *value, char *to, size_t size) {
    char *text = json_is_null(value) || !value ? NULL : json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT);
    snprintf(to, size, "%.80s", text ? text : "not set");
    free(text);
}

int recipe_compare(const char *folder, const char *stored, const char *wanted, lnt_error *err) {
    json_fault first, second;
    json_t *was = json_read(stored, strlen(stored), 0, &first), *is = json_read(wanted, strlen(wanted), 0, &second), *value;
    const char *key;
    char a[100], b[100];
    int result = 0;
    if (first.memory || second.memory) result = cli_error(err, "%s: out of memory for its settings", folder);
    else if (!was || !is) result = cli_error(err, "%s: holds settings that are not known here, expected an index made by linnet index", folder);
    if (result == 0)
        json_object_foreach(is, key, value) {
            json_t *old = json_object_get(was, key);
            if (json_equal(value, old)) continue;
            show(old, a, sizeof a);
            show(value, b, sizeof b);
            result = cli_error(err, "%s: was made with --%s %s, not %s, expected the same or another folder", folder, key, a, b);
            break;
        }
    json_decref(was);
    json_decref(is);
    return result;
}

int recipe_pooling(const char *stored, char **pooling) {
    json_fault fault;
    json_t *json = json_read(stored, strlen(stored), 0, &fault);
    const char *name = json_string_value(json_object_get(json, "pooling"));
    *pooling = name ? strdup(name) : NULL;
    bool failed = fault.memory || (name && !*pooling);
    json_decref(json);
    return failed ? -1 : 0;
}

const char *recipe_pooling_name(const char *pooling) {
    return pooling && strcmp(pooling, "cls") == 0 ? "first" : pooling;
}

/* ---- the model ---- */

int recipe_check_model(const char *folder, const lnt_index_info *info, const session *model, lnt_error *err) {
    char hash[33];
    if (session_hash(model, hash, err) != 0) return -1;
    if (strcmp(hash, info->model) == 0) return 0;
    return cli_error(err, "%s: was made with the model %s (%.8s), not with %s (%.8s), expected that one", folder, info->model_name, info->model,
                     model->path, hash);
}

int recipe_read_note(recipe_note *note, const char *folder, lnt_error *err) {
    char *path, text[PATH_MAX + 100];
    *note = (recipe_note){0};
    if (asprintf(&path, "%s/model", folder) < 0) return cli_error(err, "%s: out of memory for a path", folder);
    int fd = file_open(path, O_RDONLY | O_NONBLOCK);
    ssize_t n = fd >= 0 ? file_read(fd, text, sizeof text - 1, 0) : errno == ENOENT ? 0 : -1;
    int result = n < 0 ? cli_error(err, "%s: cannot be read: %s", path, strerror(errno)) : 0;
    if (fd >= 0) close(fd);
    free(path);
    if (n <= 0) return result;
    text[n] = 0;
    char *end = strchr(text, '\n');
    if (end) {
        char *next;
        note->documents = strtoull(end + 1, &next, 10);
        note->seconds = strtod(next, NULL);
        *end = 0;
    }
    if (*text && !(note->model = strdup(text))) return cli_error(err, "%s: out of memory for a path", folder);
    return 0;
}

static int write_file(const char *path, const io_bytes *text, lnt_error *err) {
    int fd = file_open(path, O_WRONLY | O_CREAT | O_TRUNC);
    if (fd < 0) return cli_error(err, "%s: cannot be created: %s", path, strerror(errno));
    int result = file_write(fd, path, text->data, text->n, 0, err);
    if (result == 0) result = file_sync(fd, path, false, err);
    close(fd);
    return result;
}

int recipe_write_note(const char *folder, const char *model, uint64_t documents, double seconds, lnt_error *err) {
    char *whole = realpath(model, NULL), *path = NULL, *other = NULL;
    io_bytes text = {0};
    int result = 0;
    if (!whole || strchr(whole, '\n')) {
        free(whole);
        return 0;
    }
    if (asprintf(&path, "%s/model", folder) < 0) path = NULL;
    if (asprintf(&other, "%s/model.new", folder) < 0) other = NULL;
    bool failed = !path || !other || io_append_text(&text, whole) || io_appendf(&text, "\n%" PRIu64 " %.3f\n", documents, seconds);
    if (failed) result = cli_error(err, "out of memory for a path");
    else if (write_file(other, &text, err) != 0) result = -1;
    else if (rename(other, path) != 0) result = cli_error(err, "%s: cannot be renamed to: %s", path, strerror(errno));
    if (!failed && result != 0) unlink(other);
    io_bytes_free(&text);
    free(whole);
    free(path);
    free(other);
    return result;
}

/* ---- prompts ---- */

const char *recipe_prompt(const session *model, const char *text, const char *name, const char *const *names, lnt_error *err) {
    if (text) return text;
    const char *prompt = name ? lnt_prompt(model->model, name) : NULL, *other;
    for (; !name && !prompt && *names; names++) prompt = lnt_prompt(model->model, *names);
    if (!prompt && !name) prompt = lnt_prompt(model->model, NULL);
    if (prompt) return prompt;
    char list[300] = "";
    for (size_t i = 0, at = 0; (other = lnt_prompt_name(model->model, i)) && at < sizeof list; i++)
        at += (size_t)snprintf(list + at, sizeof list - at, "%s%.60s", i ? ", " : ", expected one of: ", other);
    cli_error(err, "%s: has no prompt \"%.60s\"%s", model->path, name ? name : "", *list ? list : ", expected --prompt-text as it has none");
    return NULL;
}
