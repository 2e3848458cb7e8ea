#include "engine/added.h"
#include "engine/unicode.h"
#include <stdlib.h>
#include <string.h>

static int by_bytes(const void *a, const void *b) {
    const added_token *x = a, *y = b;
    int order = memcmp(x->bytes, y->bytes, x->n < y->n ? x->n : y->n);
    return order ? order : x->n != y->n ? (x->n < y->n ? -1 : 1) : (x->id > y->id) - (x->id < y->id);
}

void added_set_make(added_set *s, added_token *tokens, size_t n_tokens) {
    size_t n = 0;
    if (n_tokens) qsort(tokens, n_tokens, sizeof *tokens, by_bytes);
    for (size_t i = 0; i < n_tokens; i++)
        if (!n || tokens[i].n != tokens[n - 1].n || memcmp(tokens[i].bytes, tokens[n - 1].bytes, tokens[i].n)) tokens[n++] = tokens[i];
    *s = (added_set){.tokens = tokens, .n = n, .only = n && *tokens[0].bytes == *tokens[n - 1].bytes ? *tokens[0].bytes : -1};
    for (size_t b = 0, i = 0; b < 256; b++) {
        while (i < n && *tokens[i].bytes == b) i++;
        s->from[b + 1] = i;
    }
}

void added_set_free(added_set *s) {
    free(s->tokens);
    *s = (added_set){0};
}

/* Of tokens lo to hi, longer than depth and alike before it, the first whose byte there is at least b. */
static size_t lower_bound(const added_set *s, size_t lo, size_t hi, size_t depth, unsigned b) {
    while (lo < hi) {
        size_t middle = lo + (hi - lo) / 2;
        if (s->tokens[middle].bytes[depth] < b) lo = middle + 1;
        else hi = middle;
    }
    return lo;
}

/* The longest token that text begins with, NULL: none. */
static const added_token *token_at(const added_set *s, const unsigned char *text, size_t n) {
    const added_token *found = NULL;
    size_t lo = s->from[text[0]], hi = s->from[text[0] + 1];
    for (size_t depth = 1; lo < hi; depth++) {
        if (s->tokens[lo].n == depth) found = &s->tokens[lo++]; /* the shortest stands first */
        if (depth == n) break;
        lo = lower_bound(s, lo, hi, depth, text[depth]);
        hi = lower_bound(s, lo, hi, depth, text[depth] + 1u);
    }
    return found;
}

/* The kind of the character that ends before `at`, and where it begins. */
static unsigned kind_before(const unsigned char *text, size_t floor, size_t at, size_t *begin) {
    size_t length;
    for (*begin = at - 1; *begin > floor && at - *begin < 4 && (text[*begin] & 0xc0) == 0x80;) --*begin;
    uint32_t c = unicode_next(text + *begin, at - *begin, &length);
    return c == UNICODE_INVALID || *begin + length != at ? 0 : unicode_kind(c, NULL);
}

static unsigned kind_behind(const unsigned char *text, size_t at, size_t n, size_t *length) {
    uint32_t c = unicode_next(text + at, n - at, length);
    return c == UNICODE_INVALID ? 0 : unicode_kind(c, NULL);
}

static bool is_single_word(const unsigned char *text, size_t begin, size_t end, size_t n) {
    size_t ignored;
    return !(begin && kind_before(text, 0, begin, &ignored) & UNICODE_WORD) && !(end < n && kind_behind(text, end, n, &ignored) & UNICODE_WORD);
}

static void take_white(added_match *m, const unsigned char *text, size_t floor, size_t n) {
    size_t at, length;
    if (m->token->flags & TOKEN_LSTRIP)
        while (m->begin > floor && kind_before(text, floor, m->begin, &at) & UNICODE_WHITE) m->begin = at;
    if (m->token->flags & TOKEN_RSTRIP)
        while (m->end < n && kind_behind(text, m->end, n, &length) & UNICODE_WHITE) m->end += length;
}

bool added_find(const added_set *s, const char *text, size_t at, size_t n, bool special, added_match *m) {
    const unsigned char *p = (const unsigned char *)text;
    size_t floor = at;
    while (at < n && s->n) {
        if (s->only >= 0) {
            const unsigned char *first = memchr(p + at, s->only, n - at);
            if (!first) return false;
            at = (size_t)(first - p);
        }
        const added_token *t = token_at(s, p + at, n - at);
        if (t && (special || !(t->flags & TOKEN_SPECIAL)) && !(t->flags & TOKEN_SINGLE_WORD && !is_single_word(p, at, at + t->n, n))) {
            *m = (added_match){at, at + t->n, t};
            take_white(m, p, floor, n);
            return true;
        }
        at += t ? t->n : 1;
    }
    return false;
}
