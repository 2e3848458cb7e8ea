#include "engine/tokenizer.h"
#include "engine/model.h"
#include "formats/error.h"
#include <stdlib.h>
#include <string.h>

/* ---- the section ---- */

static int read_tokens(tokenizer_model *m, const kv_block *block, uint32_t vocab_size, lnt_error *err) {
    kv_entry ends;
    size_t n_bytes;
    if (!kv_get_string(block, "token_bytes", &m->bytes, &n_bytes) || !kv_find(block, "token_ends", KV_U32S, &ends))
        return err_set(err, "%s: tokenizer: 'token_bytes' or 'token_ends' is missing", m->path);
    if (!ends.count || ends.count > vocab_size)
        return err_set(err, "%s: tokenizer: has %llu tokens, expected 1 to the model's %u", m->path, (unsigned long long)ends.count, vocab_size);
    m->ends = kv_u32s(&ends);
    m->n_tokens = (uint32_t)ends.count;
    for (uint32_t i = 0, last = 0; i < m->n_tokens; last = m->ends[i++])
        if (m->ends[i] < last || m->ends[i] > n_bytes) return err_set(err, "%s: tokenizer: token %u does not lie inside 'token_bytes'", m->path, i);
    return 0;
}

static int read_added(tokenizer_model *m, const kv_block *block, lnt_error *err) {
    kv_entry ids, flags;
    if (!kv_find(block, "added_ids", KV_U32S, &ids) || !kv_find(block, "added_flags", KV_U32S, &flags) || ids.count != flags.count)
        return err_set(err, "%s: tokenizer: 'added_ids' and 'added_flags' are not lists of the same length", m->path);
    m->added = kv_u32s(&ids);
    m->added_flags = kv_u32s(&flags);
    m->n_added = (size_t)ids.count;
    for (size_t i = 0; i < m->n_added; i++) {
        size_t n = 0;
        if (m->added[i] < m->n_tokens && (!i || m->added[i - 1] < m->added[i])) tokenizer_bytes(m, m->added[i], &n);
        if (!n || m->added_flags[i] & ~(uint32_t)TOKEN_SPECIAL)
            return err_set(err, "%s: tokenizer: added token %zu has id %u and flags %u, expected ascending ids of tokens and flags 0 or 1", m->path, i,
                           m->added[i], m->added_flags[i]);
    }
    return 0;
}

static int refuse_unknown(const kv_block *block, const char *path, lnt_error *err) {
    static const char *const KNOWN[] = {"model", "token_bytes", "token_ends", "added_ids", "added_flags", "byte_ids", "merges", "split", "prefix_space", "whole_first"};
    size_t at = 0, k;
    for (kv_entry e; kv_next(block, &at, &e);) {
        for (k = 0; k < sizeof KNOWN / sizeof *KNOWN && strcmp(KNOWN[k], e.key); k++) {}
        if (k == sizeof KNOWN / sizeof *KNOWN) return err_set(err, "%s: tokenizer: '%s' is not known to this version of Linnet", path, e.key);
    }
    return 0;
}

tokenizer_model *tokenizer_model_load(const kv_block *block, uint32_t vocab_size, const char *path, lnt_error *err) {
    const char *kind = "";
    kv_get_string(block, "model", &kind, NULL);
    if (strcmp(kind, "bpe-bytes")) return err_null(err, "%s: tokenizer: model '%s' is not known to this version of Linnet", path, kind);
    if (refuse_unknown(block, path, err)) return NULL;
    tokenizer_model *m = calloc(1, sizeof *m);
    if (!m) return err_memory(err, sizeof *m, "a tokenizer"), NULL;
    m->path = path;
    if (!read_tokens(m, block, vocab_size, err) && !read_added(m, block, err) && !bpe_model_load(&m->bpe, m, block, err)) return m;
    tokenizer_model_free(m);
    return NULL;
}

void tokenizer_model_free(tokenizer_model *m) { free(m); }

const char *lnt_token_bytes(const lnt_model *model, int32_t id, size_t *n_bytes) {
    const tokenizer_model *m = model->tokenizer;
    if (!m || id < 0 || (uint32_t)id >= model->info.vocab_size) return NULL;
    *n_bytes = 0;
    return (uint32_t)id < m->n_tokens ? tokenizer_bytes(m, (uint32_t)id, n_bytes) : "";
}

bool lnt_token_is_special(const lnt_model *model, int32_t id) {
    const tokenizer_model *m = model->tokenizer;
    for (size_t i = 0; m && id >= 0 && i < m->n_added; i++)
        if (m->added[i] == (uint32_t)id) return m->added_flags[i] & TOKEN_SPECIAL;
    return false;
}

/* ---- texts ---- */

struct lnt_tokenizer {
    const tokenizer_model *model;
    bpe *bpe;
    id_list ids;
    bool first[256]; /* bytes that an added token begins with */
};

lnt_tokenizer *lnt_tokenizer_new(const lnt_model *model, lnt_error *err) {
    const tokenizer_model *m = model->tokenizer;
    if (!m) return err_null(err, "%s: holds no tokenizer, expected ids instead of text", model->file.path);
    lnt_tokenizer *t = calloc(1, sizeof *t);
    if (!t) return err_memory(err, sizeof *t, "a tokenizer"), NULL;
    t->model = m;
    for (size_t i = 0, n; i < m->n_added; i++) t->first[(unsigned char)*tokenizer_bytes(m, m->added[i], &n)] = true;
    if ((t->bpe = bpe_new(m, err))) return t;
    lnt_tokenizer_free(t);
    return NULL;
}

void lnt_tokenizer_free(lnt_tokenizer *t) {
    if (!t) return;
    bpe_free(t->bpe);
    free(t->ids.ids);
    free(t);
}

/* The longest added token that text begins with, and its bytes; -1: none. */
static int32_t added_at(const lnt_tokenizer *t, const char *text, size_t n, size_t *length) {
    int32_t found = -1;
    for (size_t i = 0; i < t->model->n_added; i++) {
        size_t m;
        const char *bytes = tokenizer_bytes(t->model, t->model->added[i], &m);
        if (m <= n && (found < 0 || m > *length) && !memcmp(bytes, text, m)) found = (int32_t)t->model->added[i], *length = m;
    }
    return found;
}

/* Where the next added token stands: from `at` on, n if there is none. */
static size_t next_added(const lnt_tokenizer *t, const char *text, size_t at, size_t n, int32_t *id, size_t *length) {
    for (; at < n; at++)
        if (t->first[(unsigned char)text[at]] && (*id = added_at(t, text + at, n - at, length)) >= 0) return at;
    return n;
}

static int put_id(id_list *l, int32_t id) {
    if (l->n == l->capacity) {
        int32_t *ids = realloc(l->ids, (l->capacity + 256) * 2 * sizeof *ids);
        if (!ids) return -1;
        l->ids = ids;
        l->capacity = (l->capacity + 256) * 2;
    }
    l->ids[l->n++] = id;
    return 0;
}

int lnt_tokenize(lnt_tokenizer *t, const char *text, size_t n_bytes, unsigned flags, const int32_t **ids, size_t *n_ids, lnt_error *err) {
    bool added = t->model->n_added && !(flags & LNT_NO_SPECIAL), failed = false;
    t->ids.n = 0;
    for (size_t at = 0, length = 0; at < n_bytes && !failed;) {
        int32_t id = -1;
        size_t end = added ? next_added(t, text, at, n_bytes, &id, &length) : n_bytes;
        failed = bpe_encode(t->bpe, text + at, end - at, &t->ids) || (end < n_bytes && put_id(&t->ids, id));
        at = end < n_bytes ? end + length : n_bytes;
    }
    *ids = t->ids.ids;
    *n_ids = t->ids.n;
    return failed ? err_memory(err, n_bytes * sizeof **ids, "ids") : 0;
}
