#include "convert/tokenizer.h"
#include "convert/vocabulary.h"
#include "engine/tokenizer.h"
#include "formats/json.h"
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct reader {
    const char *path; /* of the file being read */
    vocabulary v;
    bool split, prefix_space, whole_first;
    lnt_error *err;
} reader;

static int refuse(const reader *r, const char *where, const char *what) {
    return err_set(r->err, "%s: %s is '%s', which is not supported by the byte-level BPE tokenizer", r->path, where, what);
}

static const char *text_of(const json_t *o, const char *key) {
    const char *s = json_string_value(json_object_get(o, key));
    return s ? s : "";
}

/* ---- tokenizer.json ---- */

/* Each must be missing, null or false. */
static int refuse_set(const reader *r, const json_t *o, const char *where, const char *const *keys) {
    for (; *keys; keys++) {
        const json_t *v = json_object_get(o, *keys);
        if (v && !json_is_null(v) && !json_is_false(v) && !(json_is_string(v) && !*json_string_value(v)))
            return err_set(r->err, "%s: %s'%s' is set, which is not supported", r->path, where, *keys);
    }
    return 0;
}

/* All keys must be among those given. */
static int refuse_unknown(const reader *r, const json_t *o, const char *where, const char *const *known) {
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)o, key, value) {
        const char *const *k = known;
        while (*k && strcmp(*k, key)) k++;
        if (!*k) return err_set(r->err, "%s: %s: setting '%s' is not known", r->path, where, key);
    }
    return 0;
}

static int read_byte_level(reader *r, const json_t *o) {
    const json_t *regex = json_object_get(o, "use_regex");
    if (strcmp(text_of(o, "type"), "ByteLevel")) return refuse(r, "pre_tokenizer", text_of(o, "type"));
    r->split = !json_is_false(regex);
    r->prefix_space = json_is_true(json_object_get(o, "add_prefix_space"));
    return refuse_unknown(r, o, "pre_tokenizer", (const char *const[]){"type", "add_prefix_space", "trim_offsets", "use_regex", NULL});
}

static int read_pre_tokenizer(reader *r, const json_t *o) {
    if (!strcmp(text_of(o, "type"), "Sequence") && json_array_size(json_object_get(o, "pretokenizers")) == 1)
        o = json_array_get(json_object_get(o, "pretokenizers"), 0);
    return read_byte_level(r, o);
}

static int read_added(reader *r, const json_t *list) {
    size_t i;
    json_t *t;
    json_array_foreach(list, i, t) {
        const json_t *id = json_object_get(t, "id"), *content = json_object_get(t, "content");
        if (!json_is_integer(id) || !json_is_string(content)) return err_set(r->err, "%s: added token %zu has no id or content", r->path, i);
        if (refuse_set(r, t, "added token: ", (const char *const[]){"lstrip", "rstrip", "single_word", NULL})) return -1;
        if (vocabulary_add(&r->v, json_string_value(content), json_string_length(content), json_integer_value(id),
                           json_is_true(json_object_get(t, "special")) ? TOKEN_SPECIAL : 0, r->path, r->err))
            return -1;
    }
    return 0;
}

static int read_merges(reader *r, const json_t *list) {
    size_t i;
    json_t *m;
    if (!json_is_array(list)) return err_set(r->err, "%s: 'merges' is not a list", r->path);
    json_array_foreach(list, i, m) {
        const char *left = json_string_value(json_array_get(m, 0)), *right = json_string_value(json_array_get(m, 1)), *space;
        if (json_is_string(m) && (space = strchr(json_string_value(m), ' '))) {
            if (vocabulary_merge(&r->v, json_string_value(m), (size_t)(space - json_string_value(m)), space + 1, strlen(space + 1), r->path, r->err)) return -1;
        } else if (json_array_size(m) == 2 && left && right) {
            if (vocabulary_merge(&r->v, left, strlen(left), right, strlen(right), r->path, r->err)) return -1;
        } else {
            return err_set(r->err, "%s: merge %zu is not a pair of tokens", r->path, i);
        }
    }
    return 0;
}

static int read_model(reader *r, const json_t *model) {
    static const char *const KNOWN[] = {"type", "dropout", "unk_token", "continuing_subword_prefix", "end_of_word_suffix", "fuse_unk", "byte_fallback",
                                        "ignore_merges", "vocab", "merges", NULL};
    if (strcmp(text_of(model, "type"), "BPE") && json_object_get(model, "type")) return refuse(r, "model", text_of(model, "type"));
    if (refuse_unknown(r, model, "model", KNOWN) ||
        refuse_set(r, model, "model: ", (const char *const[]){"dropout", "continuing_subword_prefix", "end_of_word_suffix", "byte_fallback", NULL}))
        return -1;
    r->whole_first = json_is_true(json_object_get(model, "ignore_merges"));
    return vocabulary_read(&r->v, json_object_get(model, "vocab"), r->path, r->err);
}

/* The kinds of a part that add or change no ids; NULL at the end. */
static int expect_type(const reader *r, const json_t *o, const char *where, const char *const *types) {
    if (!o || json_is_null(o)) return 0;
    for (; *types; types++)
        if (!strcmp(text_of(o, "type"), *types)) return 0;
    return refuse(r, where, text_of(o, "type"));
}

static int read_tokenizer_json(reader *r, json_file *f) {
    const json_t *root = f->root, *model = json_object_get(root, "model"), *pre = json_object_get(root, "pre_tokenizer");
    if (refuse_unknown(r, root, "tokenizer",
                       (const char *const[]){"version", "truncation", "padding", "added_tokens", "normalizer", "pre_tokenizer", "post_processor", "decoder",
                                             "model", NULL}) ||
        refuse_set(r, root, "", (const char *const[]){"truncation", "padding", NULL}) ||
        expect_type(r, json_object_get(root, "normalizer"), "normalizer", (const char *const[]){NULL}) ||
        expect_type(r, json_object_get(root, "post_processor"), "post_processor", (const char *const[]){"ByteLevel", NULL}) ||
        expect_type(r, json_object_get(root, "decoder"), "decoder", (const char *const[]){"ByteLevel", NULL}))
        return -1;
    return read_model(r, model) || read_pre_tokenizer(r, pre) || read_added(r, json_object_get(root, "added_tokens")) ||
                   read_merges(r, json_object_get(model, "merges"))
               ? -1
               : 0;
}

/* ---- vocab.json and merges.txt ---- */

/* "left right" a line, behind a line that begins with #version. */
static int read_merges_txt(reader *r, const char *path) {
    FILE *f = fopen(path, "rbe");
    if (!f) return err_set(r->err, "%s: is missing, expected the merges of the vocabulary beside it", path);
    char *line = NULL;
    size_t room = 0;
    ssize_t n;
    int rc = 0;
    for (size_t i = 1; !rc && (n = getline(&line, &room, f)) >= 0; i++) {
        while (n && (line[n - 1] == '\n' || line[n - 1] == '\r')) n--;
        const char *space = memchr(line, ' ', (size_t)n);
        if (!n || (i == 1 && !strncmp(line, "#version", 8))) continue;
        if (!space) rc = err_set(r->err, "%s: line %zu is not a pair of tokens", path, i);
        else rc = vocabulary_merge(&r->v, line, (size_t)(space - line), space + 1, (size_t)(line + n - space - 1), path, r->err);
    }
    if (!rc && ferror(f)) rc = err_set(r->err, "%s: cannot be read", path);
    free(line);
    fclose(f);
    return rc;
}

/* added_tokens.json: content -> id. Else GPT-2's only special token, if the vocabulary has it. */
static int read_added_json(reader *r, const char *folder) {
    char path[4096];
    json_file f;
    const char *key, *end = "<|endoftext|>";
    json_t *value;
    int64_t id = vocabulary_find(&r->v, end, strlen(end));
    if (id >= 0 && vocabulary_add(&r->v, end, strlen(end), id, TOKEN_SPECIAL, r->path, r->err)) return -1;
    snprintf(path, sizeof path, "%s/added_tokens.json", folder);
    if (access(path, F_OK)) return 0;
    if (json_file_open(&f, path, r->err)) return -1;
    int rc = 0;
    json_object_foreach(f.root, key, value) {
        if (rc) break;
        rc = json_is_integer(value) ? vocabulary_add(&r->v, key, strlen(key), json_integer_value(value), TOKEN_SPECIAL, path, r->err)
                                    : err_set(r->err, "%s: '%s' has no id", path, key);
    }
    json_file_close(&f);
    return rc;
}

static int read_two_files(reader *r, const json_file *vocab, const char *folder, const char *merges) {
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", folder, merges);
    r->split = true;
    return vocabulary_read(&r->v, vocab->root, r->path, r->err) || read_added_json(r, folder) || read_merges_txt(r, path) ? -1 : 0;
}

/* ---- the section ---- */

static int put_section(const reader *r, buffer *out) {
    kv_put_string(out, "model", "bpe-bytes", 9);
    kv_put_bool(out, "split", r->split);
    kv_put_bool(out, "prefix_space", r->prefix_space);
    kv_put_bool(out, "whole_first", r->whole_first);
    return vocabulary_write(&r->v, out, r->path, r->err);
}

int convert_tokenizer(const char *folder, buffer *out, bool *found, lnt_error *err) {
    static const char *const FILES[][2] = {{"tokenizer.json", NULL}, {"vocab.json", "merges.txt"}, {"encoder.json", "vocab.bpe"}};
    char path[4096];
    json_file f;
    *found = false;
    for (size_t i = 0; i < sizeof FILES / sizeof *FILES; i++) {
        if (snprintf(path, sizeof path, "%s/%s", folder, FILES[i][0]) >= (int)sizeof path) return err_set(err, "%s: the path is too long", folder);
        if (access(path, F_OK)) continue;
        *found = true;
        reader r = {.path = path, .err = err};
        if (json_file_open(&f, path, err)) return -1;
        int rc = FILES[i][1] ? read_two_files(&r, &f, folder, FILES[i][1]) : read_tokenizer_json(&r, &f);
        if (!rc) rc = put_section(&r, out);
        vocabulary_free(&r.v);
        json_file_close(&f);
        return rc;
    }
    return 0;
}
