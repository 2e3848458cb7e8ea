#include "engine/token_table.h"
#include "engine/piece_cache.h"
#include "engine/tokenizer.h"
#include "formats/error.h"
#include <stdlib.h>

/* The place of a token, or the free one that it would take; steps, if not NULL, counts the tokens looked at. */
static inline uint32_t *place(const token_table *t, const char *text, size_t n, size_t *steps) {
    size_t at = hash_bytes(text, n) & t->mask;
    for (; t->ids[at] != UINT32_MAX; at = (at + 1) & t->mask) {
        size_t m;
        const char *bytes = tokenizer_bytes(t->tokens, t->ids[at], &m);
        if (steps) ++*steps;
        if (m - t->prefix == n && !memcmp(bytes + t->prefix, text, n)) break;
    }
    return &t->ids[at];
}

int32_t token_table_find(const token_table *t, const char *text, size_t n) {
    uint32_t id = *place(t, text, n, NULL);
    return id == UINT32_MAX ? -1 : (int32_t)id;
}

int token_table_make(token_table *t, const tokenizer_model *tokens, const char *prefix, size_t n_prefix, unsigned without, lnt_error *err) {
    size_t size = 16, steps = 0, next = 0;
    while (size < 2 * (size_t)tokens->n_tokens) size *= 2;
    *t = (token_table){.tokens = tokens, .ids = malloc(size * sizeof *t->ids), .mask = size - 1, .prefix = n_prefix};
    if (!t->ids) return err_memory(err, size * sizeof *t->ids, "a tokenizer");
    memset(t->ids, 0xff, size * sizeof *t->ids);
    for (uint32_t id = 0; id < tokens->n_tokens; id++) {
        size_t n;
        const char *bytes = tokenizer_bytes(tokens, id, &n);
        bool added = next < tokens->n_added && tokens->added[next] == id;
        if (added && (tokens->added_flags[next++] | TOKEN_ADDED) & without) continue;
        if (n <= n_prefix || memcmp(bytes, prefix, n_prefix)) continue;
        uint32_t *free = place(t, bytes + n_prefix, n - n_prefix, &steps);
        if (*free == UINT32_MAX) *free = id;
        if (n - n_prefix > t->longest) t->longest = n - n_prefix;
        if (steps > size * TABLE_MOST_STEPS) return err_set(err, "%s: tokenizer: its tokens collide in a hash table", tokens->path);
    }
    return 0;
}

void token_table_free(token_table *t) { free(t->ids); }
