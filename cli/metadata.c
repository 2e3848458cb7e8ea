#include "cli/metadata.h"
#include "cli/text.h"
#include <string.h>

int metadata_take_names(metadata_names *names, const columns *c) {
    names->bytes.n = names->n = 0;
    for (size_t i = 0; c && i < c->n; i++, names->n++)
        if (io_append(&names->bytes, c->items[i].data, c->items[i].n) != 0 || io_append(&names->bytes, "", 1) != 0) return -1;
    return 0;
}

static int append_column(io_bytes *to, const char *name, size_t number, const column *c) {
    char digits[24];
    snprintf(digits, sizeof digits, "%zu", number);
    if (!*name) name = digits;
    if (text_append_json(to, name, strlen(name)) != 0 || io_append_text(to, ":") != 0) return -1;
    return text_append_json(to, c->data, c->n);
}

int metadata_of_columns(io_bytes *to, const metadata_names *names, const columns *c, size_t text_column) {
    const char *name = names->bytes.n ? names->bytes.data : "";
    size_t n = 0;
    for (size_t i = 0; i < c->n; i++) {
        bool named = i < names->n;
        if (i != text_column)
            if (io_append_text(to, n++ ? "," : "{") != 0 || append_column(to, named ? name : "", i + 1, &c->items[i]) != 0) return -1;
        if (named) name += strlen(name) + 1;
    }
    return n ? io_append(to, "}", 2) : 0;
}

static int append_json(const char *data, size_t n, void *to) { return io_append(to, data, n); }

/* The object that holds what is called by the path, and *key the path's end there. */
static json_t *find_holder(json_t *object, const char *path, const char **key) {
    *key = path;
    if (json_object_get(object, path)) return object;
    for (const char *dot = strchr(path, '.'); dot; dot = strchr(dot + 1, '.')) {
        json_t *inner = json_object_getn(object, path, (size_t)(dot - path));
        if (json_is_object(inner)) return find_holder(inner, dot + 1, key);
    }
    return NULL;
}

int metadata_of_object(io_bytes *to, json_t *object, const char *name) {
    const char *key;
    json_t *holder = find_holder(object, name, &key), *value = holder ? json_incref(json_object_get(holder, key)) : NULL;
    int result = 0;
    if (value) json_object_del(holder, key);
    if (json_object_size(object))
        result = json_dump_callback(object, append_json, to, JSON_COMPACT) != 0 || io_append(to, "", 1) != 0 ? -1 : 0;
    if (value && json_object_set_new(holder, key, value) != 0) result = -1;
    return result;
}
