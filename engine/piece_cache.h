/* What pieces of a text became, by their bytes: a table in which a new piece takes the place of an old one. */
#ifndef LNT_ENGINE_PIECE_CACHE_H
#define LNT_ENGINE_PIECE_CACHE_H
#include "engine/token_list.h"
#include <string.h>

enum { PIECE_CACHE_BITS = 16, PIECE_BYTES = 31, PIECE_IDS = 7 };

/* 64 bytes, one cache line. */
typedef struct cached_piece {
    unsigned char n_bytes; /* 0: free */
    char bytes[PIECE_BYTES];
    int32_t n_ids, ids[PIECE_IDS];
} cached_piece;

static inline uint64_t hash_mix(uint64_t x) {
    x *= 0x9e3779b97f4a7c15u;
    return x ^ (x >> 32);
}

static inline uint64_t hash_load(const char *p, size_t n) {
    uint64_t x = 0;
    memcpy(&x, p, n);
    return x;
}

/* Of n > 0 bytes: first and last words, and 8 at a time between. */
static inline uint64_t hash_bytes(const char *p, size_t n) {
    uint64_t h = n;
    if (n < 4)
        return hash_mix((h << 32) ^ (uint64_t)(unsigned char)p[0] ^ (uint64_t)(unsigned char)p[n / 2] << 8 ^ (uint64_t)(unsigned char)p[n - 1] << 16);
    if (n < 8) return hash_mix(hash_mix(h ^ hash_load(p, 4) << 8) ^ hash_load(p + n - 4, 4));
    for (size_t i = 0; i + 8 < n; i += 8) h = hash_mix(h ^ hash_load(p + i, 8));
    return hash_mix(h ^ hash_load(p + n - 8, 8));
}

/* Where a piece of 1 to PIECE_BYTES bytes is, or would be, in a table of 1 << PIECE_CACHE_BITS. */
static inline cached_piece *piece_place(cached_piece *cache, const char *piece, size_t n) {
    return &cache[hash_bytes(piece, n) >> 7 & ((1u << PIECE_CACHE_BITS) - 1)];
}
static inline bool piece_is(const cached_piece *c, const char *piece, size_t n) { return c->n_bytes == n && !memcmp(c->bytes, piece, n); }

/* Room for PIECE_IDS ids has been made. All of them are copied: a fixed size is fast. */
static inline void piece_append(const cached_piece *c, token_list *out) {
    memcpy(out->ids + out->n, c->ids, sizeof c->ids);
    out->n += (size_t)c->n_ids;
}

/* Remembers the ids that out has from `before` on, if they are few enough. */
static inline void piece_keep(cached_piece *c, const char *piece, size_t n, const token_list *out, size_t before) {
    if (out->n - before > PIECE_IDS) return;
    c->n_bytes = (unsigned char)n;
    memcpy(c->bytes, piece, n);
    c->n_ids = (int32_t)(out->n - before);
    memcpy(c->ids, out->ids + before, (out->n - before) * sizeof *c->ids);
}
#endif
