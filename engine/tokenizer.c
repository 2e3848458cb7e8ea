#include "engine/tokenizer.h"
#include "engine/model.h"
#include "formats/error.h"
#include <stdlib.h>
#include <string.h>

static const tokenizer_kind *const KINDS[] = {&bpe_kind, &wordpiece_kind};

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

/* Bytes of a token, 0: there is none of that id. */
static size_t token_length(const tokenizer_model *m, uint32_t id) {
    size_t n = 0;
    if (id < m->n_tokens) tokenizer_bytes(m, id, &n);
    return n;
}

static int read_added(tokenizer_model *m, const kv_block *block, lnt_error *err) {
    kv_entry ids, flags;
    if (!kv_find(block, "added_ids", KV_U32S, &ids) || !kv_find(block, "added_flags", KV_U32S, &flags) || ids.count != flags.count)
        return err_set(err, "%s: tokenizer: 'added_ids' and 'added_flags' are not lists of the same length", m->path);
    m->added = kv_u32s(&ids);
    m->added_flags = kv_u32s(&flags);
    m->n_added = (size_t)ids.count;
    for (size_t i = 0; i < m->n_added; i++) {
        size_t n = i && m->added[i - 1] >= m->added[i] ? 0 : token_length(m, m->added[i]);
        if (!n || m->added_flags[i] & ~(uint32_t)TOKEN_FLAGS)
            return err_set(err, "%s: tokenizer: added token %zu has id %u and flags %u, expected ascending ids of tokens and flags 0 to %d", m->path, i,
                           m->added[i], m->added_flags[i], TOKEN_FLAGS);
        if (n > TOKEN_MAX_ADDED)
            return err_set(err, "%s: tokenizer: added token %u has %zu bytes, expected at most %d", m->path, m->added[i], n, TOKEN_MAX_ADDED);
    }
    return 0;
}

/* Each text stands in a template once; a missing one is empty. */
static int read_template(const tokenizer_model *m, const kv_block *block, const char *key, size_t n_texts, token_template *t,
                         lnt_error *err) {
    kv_entry e;
    size_t first = 0, second = 0;
    if (!kv_find(block, key, KV_U32S, &e)) return 0;
    if (e.count % 2 || e.count / 2 > TOKEN_MAX_TEMPLATE)
        return err_set(err, "%s: tokenizer: '%s' is not a list of at most %d pairs", m->path, key, TOKEN_MAX_TEMPLATE);
    *t = (token_template){.items = kv_u32s(&e), .n = (size_t)e.count / 2};
    t->n_special = t->n - n_texts;
    for (size_t i = 0; i < t->n; i++) {
        uint32_t what = t->items[2 * i], segment = t->items[2 * i + 1];
        first += what == TEMPLATE_FIRST;
        second += what == TEMPLATE_SECOND;
        if (segment > 255 || (what < TEMPLATE_SECOND && !token_length(m, what)))
            return err_set(err, "%s: tokenizer: '%s' names the token %u and the segment %u", m->path, key, what, segment);
    }
    if (first != 1 || second != n_texts - 1) return err_set(err, "%s: tokenizer: '%s' does not hold each text once", m->path, key);
    return 0;
}

static int read_shared(tokenizer_model *m, const kv_block *block, uint32_t vocab_size, lnt_error *err) {
    kv_get_u64(block, "trim_places", &m->trim_places);
    if (m->trim_places > PLACES_TRIMMED_BUT_FIRST)
        return err_set(err, "%s: tokenizer: 'trim_places' is %llu, expected 0 to %d", m->path, (unsigned long long)m->trim_places,
                       PLACES_TRIMMED_BUT_FIRST);
    if (read_tokens(m, block, vocab_size, err) || read_added(m, block, err) || read_template(m, block, "template_single", 1, &m->single, err) ||
        read_template(m, block, "template_pair", 2, &m->pair, err))
        return -1;
    return m->pair.n && !m->single.n ? err_set(err, "%s: tokenizer: has 'template_pair' without 'template_single'", m->path) : 0;
}

static bool is_one_of(const char *key, const char *const *keys) {
    while (*keys && strcmp(*keys, key)) keys++;
    return *keys;
}

static int refuse_unknown(const tokenizer_model *m, const kv_block *block, lnt_error *err) {
    static const char *const SHARED[] = {"model", "token_bytes", "token_ends", "added_ids", "added_flags",
                                         "template_single", "template_pair", "trim_places", NULL};
    size_t at = 0;
    for (kv_entry e; kv_next(block, &at, &e);)
        if (!is_one_of(e.key, SHARED) && !is_one_of(e.key, m->kind->keys))
            return err_set(err, "%s: tokenizer: '%s' is not known to this version of Linnet", m->path, e.key);
    return 0;
}

tokenizer_model *tokenizer_model_load(const kv_block *block, uint32_t vocab_size, const char *path, lnt_error *err) {
    const char *name = "";
    size_t k = 0;
    kv_get_string(block, "model", &name, NULL);
    while (k < sizeof KINDS / sizeof *KINDS && strcmp(KINDS[k]->name, name)) k++;
    if (k == sizeof KINDS / sizeof *KINDS) return err_null(err, "%s: tokenizer: model '%s' is not known to this version of Linnet", path, name);
    tokenizer_model *m = calloc(1, sizeof *m);
    if (!m) return err_memory(err, sizeof *m, "a tokenizer"), NULL;
    m->path = path;
    m->kind = KINDS[k];
    if (!refuse_unknown(m, block, err) && !read_shared(m, block, vocab_size, err) && !m->kind->load(m, block, err)) return m;
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
