#include "engine/token_table.h"
#include "engine/piece_cache.h"
#include "engine/tokenizer.h"
#include "formats/error.h"
#include <stdlib.h>

/* Byte by byte, so that one pass over a text gives the hashes of all that it begins with. */
static inline uint64_t hash_on(uint64_t h, char byte) { return hash_mix(h ^ (unsigned char)byte); }

/* The place of a token with a hash, or the free one that it would take; steps, if not NULL, counts the tokens looked at. */
static inline uint32_t *place(const token_table *t, uint64_t hash, const char *text, size_t n, size_t *steps) {
    size_t at = hash & t->mask;
    for (; t->ids[at] != UINT32_MAX; at = (at + 1) & t->mask) {
        size_t m;
        const char *bytes = tokenizer_bytes(t->tokens, t->ids[at], &m);
        if (steps) ++*steps;
        if (m - t->prefix == n && !memcmp(bytes + t->prefix, text, n)) break;
    }
    return &t->ids[at];
}

static uint64_t hash_of(const char *text, size_t n) {
    uint64_t h = 0;
    for (size_t i = 0; i < n; i++) h = hash_on(h, text[i]);
    return h;
}

int32_t token_table_find(const token_table *t, const char *text, size_t n) {
    uint32_t id = n > t->longest ? UINT32_MAX : *place(t, hash_of(text, n), text, n, NULL);
    return id == UINT32_MAX ? -1 : (int32_t)id;
}

int32_t token_table_longest(const token_table *t, const char *text, size_t n, size_t *n_found) {
    uint32_t hashes[TABLE_MOST_BYTES];
    size_t most = n < t->longest ? n : t->longest;
    if (most > TABLE_MOST_BYTES) most = TABLE_MOST_BYTES;
    uint64_t h = 0;
    for (size_t i = 0; i < most; i++) hashes[i] = (uint32_t)(h = hash_on(h, text[i]));
    for (size_t m = most; m; m--) {
        if (m < n && (text[m] & 0xc0) == 0x80) continue;
        uint32_t id = *place(t, hashes[m - 1], text, m, NULL);
        if (id != UINT32_MAX) return *n_found = m, (int32_t)id;
    }
    return -1;
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
        uint32_t *free = place(t, hash_of(bytes + n_prefix, n - n_prefix), bytes + n_prefix, n - n_prefix, &steps);
        if (*free == UINT32_MAX) *free = id;
        if (n - n_prefix > t->longest) t->longest = n - n_prefix;
        if (steps > size * TABLE_MOST_STEPS) return err_set(err, "%s: tokenizer: its tokens collide in a hash table", tokens->path);
    }
    return 0;
}

void token_table_free(token_table *t) { free(t->ids); }
