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
        if (n > TOKEN_MAX_ADDED)
            return err_set(err, "%s: tokenizer: added token %u has %zu bytes, expected at most %d", m->path, m->added[i], n, TOKEN_MAX_ADDED);
    }
    return 0;
}

static int refuse_unknown(const kv_block *block, const char *path, lnt_error *err) {
    static const char *const KNOWN[] = {"model", "token_bytes", "token_ends", "added_ids", "added_flags",
                                        "byte_ids", "merges", "split", "prefix_space", "whole_first"};
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
    size_t lo = 0, hi = m && id >= 0 ? m->n_added : 0;
    while (lo < hi) {
        size_t middle = lo + (hi - lo) / 2;
        if (m->added[middle] == (uint32_t)id) return m->added_flags[middle] & TOKEN_SPECIAL;
        if (m->added[middle] < (uint32_t)id) lo = middle + 1;
        else hi = middle;
    }
    return false;
}

/* ---- texts ---- */

typedef struct added {
    const unsigned char *bytes;
    size_t n;
    int32_t id;
    bool special;
} added;

struct lnt_tokenizer {
    const tokenizer_model *model;
    bpe *bpe;
    id_list ids;
    added *added;     /* sorted by their bytes, no two the same */
    size_t from[257]; /* added tokens that begin with byte b: from[b] to from[b + 1] */
    int only;         /* the byte that all of them begin with, -1: there are several */
};

static int by_bytes(const void *a, const void *b) {
    const added *x = a, *y = b;
    int order = memcmp(x->bytes, y->bytes, x->n < y->n ? x->n : y->n);
    return order ? order : x->n != y->n ? (x->n < y->n ? -1 : 1) : (x->id > y->id) - (x->id < y->id);
}

static int sort_added(lnt_tokenizer *t, lnt_error *err) {
    const tokenizer_model *m = t->model;
    size_t n = 0;
    t->added = malloc((m->n_added + 1) * sizeof *t->added);
    if (!t->added) return err_memory(err, m->n_added * sizeof *t->added, "a tokenizer");
    for (size_t i = 0; i < m->n_added; i++) {
        added *a = &t->added[i];
        a->bytes = (const unsigned char *)tokenizer_bytes(m, m->added[i], &a->n);
        a->id = (int32_t)m->added[i];
        a->special = m->added_flags[i] & TOKEN_SPECIAL;
    }
    qsort(t->added, m->n_added, sizeof *t->added, by_bytes);
    for (size_t i = 0; i < m->n_added; i++) {
        const added *a = &t->added[i];
        if (!n || a->n != t->added[n - 1].n || memcmp(a->bytes, t->added[n - 1].bytes, a->n)) t->added[n++] = *a;
    }
    for (size_t b = 0, i = 0; b < 256; b++) {
        while (i < n && *t->added[i].bytes == b) i++;
        t->from[b + 1] = i;
    }
    t->only = n && *t->added[0].bytes == *t->added[n - 1].bytes ? *t->added[0].bytes : -1;
    return 0;
}

lnt_tokenizer *lnt_tokenizer_new(const lnt_model *model, lnt_error *err) {
    const tokenizer_model *m = model->tokenizer;
    if (!m) return err_null(err, "%s: holds no tokenizer, expected ids instead of text", model->file.path);
    lnt_tokenizer *t = calloc(1, sizeof *t);
    if (!t) return err_memory(err, sizeof *t, "a tokenizer"), NULL;
    t->model = m;
    if (!sort_added(t, err) && (t->bpe = bpe_new(m, err))) return t;
    lnt_tokenizer_free(t);
    return NULL;
}

void lnt_tokenizer_free(lnt_tokenizer *t) {
    if (!t) return;
    bpe_free(t->bpe);
    free(t->added);
    free(t->ids.ids);
    free(t);
}

/* Of added tokens lo to hi, longer than depth and alike before it, the first whose byte there is at least b. */
static size_t lower_bound(const lnt_tokenizer *t, size_t lo, size_t hi, size_t depth, unsigned b) {
    while (lo < hi) {
        size_t middle = lo + (hi - lo) / 2;
        if (t->added[middle].bytes[depth] < b) lo = middle + 1;
        else hi = middle;
    }
    return lo;
}

/* The longest added token that text begins with, NULL: none. */
static const added *added_at(const lnt_tokenizer *t, const unsigned char *text, size_t n) {
    const added *found = NULL;
    size_t lo = t->from[text[0]], hi = t->from[text[0] + 1];
    for (size_t depth = 1; lo < hi; depth++) {
        if (t->added[lo].n == depth) found = &t->added[lo++]; /* the shortest stands first */
        if (depth == n) break;
        lo = lower_bound(t, lo, hi, depth, text[depth]);
        hi = lower_bound(t, lo, hi, depth, text[depth] + 1u);
    }
    return found;
}

/* Where the next added token stands: from `at` on, n if there is none. Special ones that are not wanted are stepped over. */
static size_t next_added(const lnt_tokenizer *t, const char *text, size_t at, size_t n, bool special, const added **found) {
    const unsigned char *p = (const unsigned char *)text;
    while (at < n) {
        if (t->only >= 0) {
            const unsigned char *first = memchr(p + at, t->only, n - at);
            if (!first) return n;
            at = (size_t)(first - p);
        }
        *found = added_at(t, p + at, n - at);
        if (*found && (special || !(*found)->special)) return at;
        at += *found ? (*found)->n : 1;
    }
    return n;
}

static int put_id(id_list *l, int32_t id) {
    if (id_list_reserve(l, 1)) return -1;
    l->ids[l->n++] = id;
    return 0;
}

int lnt_tokenize(lnt_tokenizer *t, const char *text, size_t n_bytes, unsigned flags, const int32_t **ids, size_t *n_ids, lnt_error *err) {
    bool failed = false;
    t->ids.n = 0;
    for (size_t at = 0; at < n_bytes && !failed;) {
        const added *found = NULL;
        size_t end = t->from[256] ? next_added(t, text, at, n_bytes, !(flags & LNT_NO_SPECIAL), &found) : n_bytes;
        failed = bpe_encode(t->bpe, text + at, end - at, &t->ids) || (end < n_bytes && put_id(&t->ids, found->id));
        at = end < n_bytes ? end + found->n : n_bytes;
    }
    *ids = t->ids.ids;
    *n_ids = t->ids.n;
    return failed ? err_memory(err, n_bytes * sizeof **ids, "ids") : 0;
}
