#include "engine/unicode.h"
#include "engine/unicode_kinds.h"
#include <string.h>

uint32_t unicode_next(const unsigned char *p, size_t n, size_t *n_bytes) {
    *n_bytes = 1;
    if (p[0] < 0x80) return p[0];
    if (p[0] < 0xc2 || p[0] > 0xf4) return UNICODE_INVALID;
    size_t length = p[0] >= 0xf0 ? 4 : p[0] >= 0xe0 ? 3 : 2;
    unsigned least = p[0] == 0xe0 ? 0xa0 : p[0] == 0xf0 ? 0x90 : 0x80; /* no forms that are too long, */
    unsigned most = p[0] == 0xed ? 0x9f : p[0] == 0xf4 ? 0x8f : 0xbf;  /* no surrogates, nothing above U+10FFFF */
    uint32_t c = p[0] & (0x7fu >> length);
    for (size_t i = 1; i < length; i++, least = 0x80, most = 0xbf) {
        if (i == n || p[i] < least || p[i] > most) return UNICODE_INVALID;
        c = c << 6 | (p[i] & 0x3f);
        *n_bytes = i + 1;
    }
    return c;
}

size_t unicode_put(unsigned char *out, uint32_t c) {
    static const unsigned char LEAD[] = {0, 0, 0xc0, 0xe0, 0xf0};
    size_t n = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    for (size_t i = n; i-- > 1; c >>= 6) out[i] = (unsigned char)(0x80 | (c & 0x3f));
    out[0] = (unsigned char)(LEAD[n] | c);
    return n;
}

unsigned unicode_kind(uint32_t c, uint8_t *class) {
    const uint8_t *kind = kinds[0];
    if (c < KINDS_LIMIT) {
        kind = kinds[kind_parts[kind_blocks[kind_index[c >> 8]][c >> 4 & 15]][c & 15]];
    } else {
        for (size_t i = 0; i < sizeof kind_tail / sizeof *kind_tail; i++)
            if (c >= kind_tail[i][0] && c <= kind_tail[i][1]) kind = kinds[kind_tail[i][2]];
    }
    if (class) *class = kind[1];
    return kind[0];
}

size_t unicode_decompose(uint32_t c, uint32_t out[UNICODE_MOST]) {
    if (c >= 0xac00 && c < 0xd7a4) { /* Hangul: 19 leading consonants, 21 vowels, 27 trailing consonants or none */
        uint32_t i = c - 0xac00;
        out[0] = 0x1100 + i / 588, out[1] = 0x1161 + i / 28 % 21, out[2] = 0x11a7 + i % 28;
        return i % 28 ? 3 : 2;
    }
    size_t lo = 0, hi = sizeof decompositions / sizeof *decompositions - 1;
    while (hi - lo > 1) {
        size_t middle = lo + (hi - lo) / 2;
        if (decompositions[middle].code <= c) lo = middle;
        else hi = middle;
    }
    size_t at = decompositions[lo].at, n = decompositions[lo + 1].at - at;
    memcpy(out, decomposed + at, n * sizeof *out);
    return n;
}

size_t unicode_lower(uint32_t c, uint32_t out[2]) {
    if (c == 0x130) return out[0] = 'i', out[1] = 0x307, 2; /* the only one that becomes two */
    size_t lo = 0, hi = sizeof lowers / sizeof *lowers;
    while (hi - lo > 1) {
        size_t middle = lo + (hi - lo) / 2;
        if (lowers[middle].first <= c) lo = middle;
        else hi = middle;
    }
    out[0] = (uint32_t)((int32_t)c + lowers[lo].distance);
    return 1;
}
