#include "engine/pretokenize.h"
#include "engine/unicode.h"
#include "engine/unicode_table.h"
#include <stdbool.h>

enum { SYMBOL, LETTER, NUMBER, SPACE, WIDE };

static int class_of(uint32_t c) {
    if (c >= UNICODE_LIMIT) return SYMBOL;
    uint32_t at = c % UNICODE_BLOCK;
    return unicode_blocks[unicode_index[c / UNICODE_BLOCK]][at / 4] >> (at % 4 * 2) & 3;
}

/* Bytes of the character (or the stray byte) at p, and its class. */
static size_t wide_char(const unsigned char *p, size_t n, int *class) {
    size_t length;
    uint32_t c = unicode_next(p, n, &length);
    *class = c == UNICODE_INVALID ? SYMBOL : class_of(c);
    return c == UNICODE_INVALID ? 1 : length;
}

/* Of ASCII (others are symbols); WIDE: a byte of a longer character. */
static const unsigned char BYTES[256] = {
    ['\t' ... '\r'] = SPACE, [' '] = SPACE, ['0' ... '9'] = NUMBER, ['A' ... 'Z'] = LETTER, ['a' ... 'z'] = LETTER, [128 ... 255] = WIDE,
};

static inline size_t next_char(const unsigned char *p, size_t n, int *class) {
    *class = BYTES[*p];
    return *class == WIDE ? wide_char(p, n, class) : 1;
}

/* How far characters of a class go on from at. */
static size_t run(const unsigned char *p, size_t at, size_t n, int class) {
    for (;;) {
        int c;
        while (at < n && BYTES[p[at]] == class) at++;
        if (at == n || BYTES[p[at]] != WIDE) return at;
        size_t length = wide_char(p + at, n - at, &c);
        if (c != class) return at;
        at += length;
    }
}

static size_t contraction(const unsigned char *p, size_t n) {
    if (n < 2) return 0;
    switch (p[1]) {
    case 's':
    case 't':
    case 'm':
    case 'd': return 2;
    case 'r':
    case 'v': return n > 2 && p[2] == 'e' ? 3 : 0;
    case 'l': return n > 2 && p[2] == 'l' ? 3 : 0;
    default: return 0;
    }
}

/* Spaces: all of them at the end of a text; else the last stays for what follows, unless it is alone. */
static size_t spaces(const unsigned char *p, size_t n) {
    size_t at = 0, last = 0;
    while (at < n) {
        int c;
        size_t length = next_char(p + at, n - at, &c);
        if (c != SPACE) return last ? last : at;
        last = at;
        at += length;
    }
    return n;
}

size_t pretokenize_gpt2(const char *text, size_t n) {
    const unsigned char *p = (const unsigned char *)text;
    int class, next;
    size_t length = *p == '\'' ? contraction(p, n) : 0;
    if (length) return length;
    length = next_char(p, n, &class);
    if (*p == ' ' && n > 1) {
        size_t more = next_char(p + 1, n - 1, &next);
        if (next != SPACE) return run(p, 1 + more, n, next);
    }
    return class == SPACE ? spaces(p, n) : run(p, length, n, class);
}
