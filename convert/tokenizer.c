#include "convert/tokenizer.h"
#include "convert/vocabulary.h"
#include "engine/tokenizer.h"
#include "formats/json.h"
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MAX_NAMED = 1024 };

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

/* Missing or null: as it was. */
static int read_bool(const reader *r, const json_t *o, const char *key, bool *out) {
    const json_t *v = json_object_get(o, key);
    if (v && !json_is_null(v) && !json_is_boolean(v)) return err_set(r->err, "%s: '%s' is not true or false", r->path, key);
    if (json_is_boolean(v)) *out = json_is_true(v);
    return 0;
}

static int read_byte_level(reader *r, const json_t *o) {
    if (strcmp(text_of(o, "type"), "ByteLevel")) return refuse(r, "pre_tokenizer", text_of(o, "type"));
    r->split = true;
    if (read_bool(r, o, "use_regex", &r->split) || read_bool(r, o, "add_prefix_space", &r->prefix_space)) return -1;
    return refuse_unknown(r, o, "pre_tokenizer", (const char *const[]){"type", "add_prefix_space", "trim_offsets", "use_regex", NULL});
}

static int read_pre_tokenizer(reader *r, const json_t *o) {
    if (!strcmp(text_of(o, "type"), "Sequence") && json_array_size(json_object_get(o, "pretokenizers")) == 1)
        o = json_array_get(json_object_get(o, "pretokenizers"), 0);
    return read_byte_level(r, o);
}

/* One added token as Hugging Face writes it: an object with content and flags. */
static int add_token(reader *r, const json_t *t, int64_t id) {
    static const char *const KNOWN[] = {"id", "content", "special", "normalized", "lstrip", "rstrip", "single_word", "__type", NULL};
    const json_t *content = json_object_get(t, "content");
    bool special = false, normalized = true;
    if (!json_is_string(content)) return err_set(r->err, "%s: added token %lld has no content", r->path, (long long)id);
    if (refuse_unknown(r, t, "added token", KNOWN) || refuse_set(r, t, "added token: ", (const char *const[]){"lstrip", "rstrip", "single_word", NULL})) return -1;
    if (read_bool(r, t, "special", &special)) return -1;
    normalized = !special;
    if (read_bool(r, t, "normalized", &normalized)) return -1;
    int flags = (special ? TOKEN_SPECIAL : 0) | (normalized ? VOCABULARY_NORMALIZED : 0);
    return vocabulary_add(&r->v, json_string_value(content), json_string_length(content), id, flags, r->path, r->err);
}

/* Hugging Face gives those outside the vocabulary the ids behind it, in their order, whatever the file says. */
static int read_added(reader *r, const json_t *list) {
    int64_t next = (int64_t)json_object_size(r->v.ids);
    size_t i;
    json_t *t;
    if (list && !json_is_null(list) && !json_is_array(list)) return err_set(r->err, "%s: 'added_tokens' is not a list", r->path);
    json_array_foreach(list, i, t) {
        const json_t *id = json_object_get(t, "id"), *content = json_object_get(t, "content");
        if (!json_is_integer(id) || !json_is_string(content)) return err_set(r->err, "%s: added token %zu has no id or content", r->path, i);
        int64_t n = json_integer_value(id);
        if (vocabulary_find(&r->v, json_string_value(content), json_string_length(content)) < 0 && n != next)
            return err_set(r->err, "%s: added token %zu has the id %lld, expected the next behind the vocabulary, %lld", r->path, i, (long long)n, (long long)next);
        if (add_token(r, t, n)) return -1;
        if (n >= next) next = n + 1;
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
    if (read_bool(r, model, "ignore_merges", &r->whole_first)) return -1;
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

static int add_special(reader *r, const char *content, int64_t id) {
    return vocabulary_add(&r->v, content, strlen(content), id, TOKEN_SPECIAL, r->path, r->err);
}

/* added_tokens.json: content -> id. */
static int read_added_json(reader *r, json_file *f) {
    const char *key;
    json_t *id;
    json_object_foreach(f->root, key, id) {
        if (!json_is_integer(id)) return err_set(r->err, "%s: '%s' has no id", r->path, key);
        if (add_special(r, key, json_integer_value(id))) return -1;
    }
    return 0;
}

/* A special token by its text, or an object with that: it must have an id by now. */
static int read_named(reader *r, const char *key, const json_t *t) {
    const char *content = json_is_string(t) ? json_string_value(t) : text_of(t, "content");
    int64_t id = vocabulary_find(&r->v, content, strlen(content));
    if (!t || json_is_null(t)) return 0;
    if (id >= 0) return json_is_object(t) ? add_token(r, t, id) : add_special(r, content, id);
    for (size_t i = 0; i < r->v.n_tokens; i++)
        if (r->v.tokens[i].bytes && r->v.tokens[i].added >= 0 && r->v.tokens[i].n == strlen(content) &&
            !memcmp(r->v.tokens[i].bytes, content, strlen(content)))
            return 0;
    return err_set(r->err, "%s: %s '%s' is not in the vocabulary", r->path, key, content);
}

/* special_tokens_map.json, and the same keys of tokenizer_config.json. */
static int read_special_map(reader *r, json_file *f) {
    static const char *const NAMES[] = {"bos_token", "eos_token", "unk_token", "pad_token", "sep_token", "cls_token", "mask_token"};
    const json_t *list = json_object_get(f->root, "additional_special_tokens");
    for (size_t i = 0; i < sizeof NAMES / sizeof *NAMES; i++)
        if (read_named(r, NAMES[i], json_object_get(f->root, NAMES[i]))) return -1;
    if (json_array_size(list) > MAX_NAMED) return err_set(r->err, "%s: 'additional_special_tokens' are more than %d", r->path, MAX_NAMED);
    for (size_t i = 0; i < json_array_size(list); i++)
        if (read_named(r, "additional_special_tokens", json_array_get(list, i))) return -1;
    return 0;
}

static int read_config(reader *r, json_file *f) {
    const char *class = text_of(f->root, "tokenizer_class"), *key;
    const json_t *added = json_object_get(f->root, "added_tokens_decoder");
    json_t *t;
    if (*class && strcmp(class, "GPT2Tokenizer") && strcmp(class, "GPT2TokenizerFast")) return refuse(r, "tokenizer_class", class);
    if (refuse_set(r, f->root, "", (const char *const[]){"add_bos_token", "add_eos_token", NULL})) return -1;
    if (read_bool(r, f->root, "add_prefix_space", &r->prefix_space)) return -1;
    json_object_foreach((json_t *)(uintptr_t)added, key, t) {
        char *end;
        long long id = strtoll(key, &end, 10);
        if (!*key || *end) return err_set(r->err, "%s: added_tokens_decoder: '%s' is no id", r->path, key);
        if (add_token(r, t, id)) return -1;
    }
    return read_special_map(r, f);
}

/* A file that need not be there. */
static int read_optional(reader *r, const char *folder, const char *name, int (*read)(reader *, json_file *)) {
    char path[4096];
    const char *before = r->path;
    json_file f;
    if (snprintf(path, sizeof path, "%s/%s", folder, name) >= (int)sizeof path) return err_set(r->err, "%s: the path is too long", folder);
    if (access(path, F_OK)) return 0;
    if (json_file_open(&f, path, r->err)) return -1;
    r->path = path;
    int rc = read(r, &f);
    r->path = before;
    json_file_close(&f);
    return rc;
}

static int read_two_files(reader *r, const json_file *vocab, const char *folder, const char *merges) {
    static const char END[] = "<|endoftext|>"; /* GPT-2's only special token */
    char path[4096];
    if (snprintf(path, sizeof path, "%s/%s", folder, merges) >= (int)sizeof path) return err_set(r->err, "%s: the path is too long", folder);
    r->split = true;
    if (vocabulary_read(&r->v, vocab->root, r->path, r->err)) return -1;
    int64_t end = vocabulary_find(&r->v, END, strlen(END));
    if (end >= 0 && add_special(r, END, end)) return -1;
    return read_optional(r, folder, "added_tokens.json", read_added_json) || read_optional(r, folder, "tokenizer_config.json", read_config) ||
                   read_optional(r, folder, "special_tokens_map.json", read_special_map) || read_merges_txt(r, path)
               ? -1
               : 0;
}

/* ---- the section ---- */

/* A piece that is a token of the vocabulary: one whose text is not in the alphabet is never that. */
static int check_whole_first(const reader *r) {
    for (size_t i = 0; r->whole_first && i < r->v.n_tokens; i++) {
        const vocabulary_token *t = &r->v.tokens[i];
        if (t->bytes && t->added < 0 && !t->plain)
            return err_set(r->err, "%s: token %zu is not written in the alphabet of bytes, which is not supported with 'ignore_merges'", r->path, i);
    }
    return 0;
}

static int put_section(const reader *r, buffer *out) {
    if (check_whole_first(r) || vocabulary_check_rounds(&r->v, r->path, r->err)) return -1;
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
