#include "convert/tokenizer.h"
#include "convert/tokenizer_reader.h"
#include "formats/file.h"
#include <string.h>

/* A piece that is a token of the vocabulary: one whose text is not in the alphabet is never that. */
static int check_whole_first(const tokenizer_reader *r) {
    for (size_t i = 0; r->whole_first && i < r->v.n_tokens; i++) {
        const vocabulary_token *t = &r->v.tokens[i];
        if (t->bytes && t->added < 0 && !t->plain)
            return err_set(r->err, "%s: token %zu is not written in the alphabet of bytes, which is not supported with 'ignore_merges'", r->path, i);
    }
    return 0;
}

static int put_bpe(const tokenizer_reader *r, buffer *out) {
    if (check_whole_first(r)) return -1;
    kv_put_string(out, "model", bpe_kind.name, strlen(bpe_kind.name));
    kv_put_bool(out, "split", r->split);
    kv_put_bool(out, "prefix_space", r->prefix_space);
    kv_put_bool(out, "whole_first", r->whole_first);
    return vocabulary_write_merges(&r->v, out, r->path, r->err);
}

static int put_wordpiece(const tokenizer_reader *r, buffer *out) {
    int64_t unknown = vocabulary_find(&r->v, r->unknown, strlen(r->unknown));
    if (unknown < 0) return err_set(r->err, "%s: the unknown token '%s' is not in the vocabulary", r->path, r->unknown);
    kv_put_string(out, "model", wordpiece_kind.name, strlen(wordpiece_kind.name));
    kv_put_bool(out, "clean", r->clean);
    kv_put_bool(out, "ideographs", r->ideographs);
    kv_put_bool(out, "strip_accents", r->strip_said ? r->strip : r->lower);
    kv_put_bool(out, "lower", r->lower);
    kv_put_string(out, "prefix", r->prefix, strlen(r->prefix));
    kv_put_u64(out, "unknown_id", (uint64_t)unknown);
    kv_put_u64(out, "max_chars", (uint64_t)r->max_chars);
    return 0;
}

static int put_section(const tokenizer_reader *r, buffer *out) {
    if (vocabulary_check_added(&r->v, !r->is_wordpiece, r->path, r->err)) return -1;
    if (r->is_wordpiece ? put_wordpiece(r, out) : put_bpe(r, out)) return -1;
    if (r->single.n) kv_put_u32s(out, "template_single", r->single.items, 2 * r->single.n);
    if (r->pair.n) kv_put_u32s(out, "template_pair", r->pair.items, 2 * r->pair.n);
    if (r->trim_places) kv_put_u64(out, "trim_places", r->trim_places);
    return vocabulary_write(&r->v, out, r->path, r->err);
}

/* The mask token that the configuration names, or one of the usual names. */
static int64_t mask_id(const tokenizer_reader *r) {
    int64_t id = -1;
    if (*r->mask) return vocabulary_find_added(&r->v, r->mask);
    for (const char *const *name = (const char *const[]){"[MASK]", "<mask>", NULL}; id < 0 && *name; name++) id = vocabulary_find_added(&r->v, *name);
    return id;
}

static int read_json(tokenizer_reader *r, const char *merges) {
    json_file f;
    if (json_file_open(&f, r->path, r->err)) return -1;
    int rc = merges ? tokenizer_files_read_bpe(r, &f, merges) : tokenizer_json_read(r, &f);
    if (!rc && !merges) rc = reader_config(r, true);
    json_file_close(&f);
    return rc;
}

int convert_tokenizer(const char *folder, buffer *out, tokenizer_facts *facts, lnt_error *err) {
    static const char *const FILES[][2] = {{"tokenizer.json", NULL}, {"vocab.json", "merges.txt"}, {"encoder.json", "vocab.bpe"}, {"vocab.txt", NULL}};
    char path[4096];
    *facts = (tokenizer_facts){.mask_id = -1};
    for (size_t i = 0; i < sizeof FILES / sizeof *FILES; i++) {
        if (snprintf(path, sizeof path, "%s/%s", folder, FILES[i][0]) >= (int)sizeof path) return err_set(err, "%s: the path is too long", folder);
        bool found;
        if (file_exists(path, &found, err)) return -1;
        if (!found) continue;
        tokenizer_reader r = {.folder = folder, .path = path, .err = err, .prefix = "##", .unknown = "[UNK]", .max_chars = 100};
        int rc = strstr(FILES[i][0], ".txt") ? tokenizer_files_read_wordpiece(&r) : read_json(&r, FILES[i][1]);
        if (!rc) rc = put_section(&r, out);
        *facts = (tokenizer_facts){.found = true, .mask_id = mask_id(&r), .max_length = r.max_length};
        vocabulary_free(&r.v);
        return rc;
    }
    return 0;
}
