#include "convert/tokenizer_reader.h"
#include "formats/file.h"
#include <string.h>

const char *reader_text(const json_t *o, const char *key) {
    const char *s = json_string_value(json_object_get(o, key));
    return s ? s : "";
}

int reader_refuse(const tokenizer_reader *r, const char *where, const char *what) {
    return err_set(r->err, "%s: %s is '%s', which is not supported", r->path, where, what);
}

int reader_bool(const tokenizer_reader *r, const json_t *o, const char *key, bool *out) { return json_bool(r->path, o, key, out, r->err); }

int reader_string(const tokenizer_reader *r, const json_t *o, const char *key, char *out, size_t room) {
    const char *text = out;
    if (json_text(r->path, o, key, &text, r->err)) return -1;
    if (strlen(text) >= room) return err_set(r->err, "%s: '%s' has %zu bytes, expected less than %zu", r->path, key, strlen(text), room);
    if (text != out) strcpy(out, text);
    return 0;
}

int reader_refuse_set(const tokenizer_reader *r, const json_t *o, const char *where, const char *const *keys) {
    for (; *keys; keys++) {
        const json_t *v = json_object_get(o, *keys);
        bool empty = json_is_null(v) || json_is_false(v) || (json_is_string(v) && !*json_string_value(v)) ||
                     (json_is_array(v) && !json_array_size(v));
        if (v && !empty) return err_set(r->err, "%s: %s'%s' is set, which is not supported", r->path, where, *keys);
    }
    return 0;
}

int reader_refuse_unknown(const tokenizer_reader *r, const json_t *o, const char *where, const char *const *known) {
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)o, key, value) {
        const char *const *k = known;
        while (*k && strcmp(*k, key)) k++;
        if (!*k) return err_set(r->err, "%s: %s: setting '%s' is not known", r->path, where, key);
    }
    return 0;
}

int reader_add_token(tokenizer_reader *r, const json_t *t, int64_t id) {
    static const char *const KNOWN[] = {"id", "content", "special", "normalized", "lstrip", "rstrip", "single_word", "__type", NULL};
    const json_t *content = json_object_get(t, "content");
    bool special = false, normalized, lstrip = false, rstrip = false, single = false;
    if (!json_is_string(content)) return err_set(r->err, "%s: added token %lld has no content", r->path, (long long)id);
    if (reader_refuse_unknown(r, t, "added token", KNOWN) || reader_bool(r, t, "special", &special)) return -1;
    normalized = !special;
    if (reader_bool(r, t, "normalized", &normalized) || reader_bool(r, t, "lstrip", &lstrip) || reader_bool(r, t, "rstrip", &rstrip) ||
        reader_bool(r, t, "single_word", &single))
        return -1;
    int flags = (special ? TOKEN_SPECIAL : 0) | (normalized ? TOKEN_NORMALIZED : 0) | (lstrip ? TOKEN_LSTRIP : 0) | (rstrip ? TOKEN_RSTRIP : 0) |
                (single ? TOKEN_SINGLE_WORD : 0);
    return vocabulary_add(&r->v, json_string_value(content), json_string_length(content), id, flags, r->path, r->err);
}

int reader_put_item(const tokenizer_reader *r, reader_template *t, uint32_t what, uint32_t segment) {
    if (t->n == TOKEN_MAX_TEMPLATE) return err_set(r->err, "%s: a template has more than %d parts", r->path, TOKEN_MAX_TEMPLATE);
    t->items[2 * t->n] = what;
    t->items[2 * t->n++ + 1] = segment;
    return 0;
}

int reader_put_token(const tokenizer_reader *r, reader_template *t, const char *content, uint32_t segment) {
    int64_t id = vocabulary_find(&r->v, content, strlen(content));
    if (id < 0) id = vocabulary_find_added(&r->v, content);
    if (id < 0) return err_set(r->err, "%s: '%s' is put around texts and is not in the vocabulary", r->path, content);
    return reader_put_item(r, t, (uint32_t)id, segment);
}

int reader_put_templates(tokenizer_reader *r, const char *cls, const char *sep, size_t n_between, uint32_t second) {
    r->single.n = r->pair.n = 0;
    if (reader_put_token(r, &r->single, cls, 0) || reader_put_item(r, &r->single, TEMPLATE_FIRST, 0) || reader_put_token(r, &r->single, sep, 0)) return -1;
    r->pair = r->single;
    for (size_t i = 1; i < n_between; i++)
        if (reader_put_token(r, &r->pair, sep, 0)) return -1;
    return reader_put_item(r, &r->pair, TEMPLATE_SECOND, second) || reader_put_token(r, &r->pair, sep, second) ? -1 : 0;
}

int reader_open_optional(const tokenizer_reader *r, const char *name, json_file *f) {
    char path[4096];
    *f = (json_file){0};
    if (snprintf(path, sizeof path, "%s/%s", r->folder, name) >= (int)sizeof path) return err_set(r->err, "%s: the path is too long", r->folder);
    bool found;
    return file_exists(path, &found, r->err) || (found && json_file_open(f, path, r->err)) ? -1 : 0;
}
