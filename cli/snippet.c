#include "cli/snippet.h"
#include "cli/text.h"
#include <string.h>

enum { LENGTH = 200, CORE = 150, LOOKED_AT = 1 << 16, MATCHES = 512, MOST_WEIGHT = 8 };

/* ---- words ---- */

static uint32_t code_of(const char *data, size_t n) {
    const unsigned char *b = (const unsigned char *)data;
    if (n == 1) return b[0];
    if (n == 2) return (b[0] & 0x1Fu) << 6 | (b[1] & 0x3Fu);
    if (n == 3) return (b[0] & 0x0Fu) << 12 | (b[1] & 0x3Fu) << 6 | (b[2] & 0x3Fu);
    return (b[0] & 0x07u) << 18 | (b[1] & 0x3Fu) << 12 | (b[2] & 0x3Fu) << 6 | (b[3] & 0x3Fu);
}

static bool is_mark(uint32_t c) { return c >= 0x300 && c < 0x370; }

static bool is_of_word(uint32_t c) {
    if (c < 0x80) return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    if (c < 0xC0) return c == 0xAA || c == 0xB5 || c == 0xBA;
    return c != 0xD7 && c != 0xF7 && !(c >= 0x2000 && c < 0x2070) && !(c >= 0x2190 && c < 0x2C00) && !(c >= 0x3000 && c < 0x3005) &&
           !(c >= 0x3008 && c < 0x3020) && !(c >= 0xFF00 && c < 0xFF10) && c != 0xFFFD;
}

/* Without case and marks. */
static uint32_t fold(uint32_t c) {
    static const char latin[] = /* U+00C0 to U+017F */
        "aaaaaa.ceeeeiiii.nooooo..uuuuy..aaaaaa.ceeeeiiii.nooooo..uuuuy.yaaaaaaccccccccdd..eeeeeeeeeegggggggghh..iiiiiiiii...jj"
        "kk.llllll....nnnnnn...oooooo..rrrrrrssssssss" "tttt..uuuuuuuuuuuuwwyyyzzzzzz.";
    if (c < 0x80) return c >= 'A' && c <= 'Z' ? c + 32 : c;
    if (c < 0xC0) return c;
    if (c < 0x180) return latin[c - 0xC0] != '.' ? (uint32_t)latin[c - 0xC0] : c < 0xDF ? c + 32 : c < 0x100 ? c : c | 1;
    if ((c >= 0x391 && c <= 0x3A9) || (c >= 0x410 && c <= 0x42F)) return c + 32;
    if (c >= 0x400 && c <= 0x40F) return c + 80;
    return c;
}

typedef struct word {
    size_t begin, end; /* bytes */
    uint64_t hash;     /* of what it is folded to (FNV-1a) */
    uint32_t letters;
} word;

/* The next word from *at on, which moves behind it, and *characters with it (of the word's begin: *first). */
static bool next_word(const char *text, size_t n, size_t *at, size_t *characters, size_t *first, word *w) {
    *w = (word){.hash = 14695981039346656037u};
    for (size_t length; *at < n; *at += length, ++*characters) {
        uint32_t c = text_next(text + *at, n - *at, &length) == TEXT_CHARACTER ? code_of(text + *at, length) : 0xFFFD;
        bool inside = is_of_word(c) || (w->letters && is_mark(c));
        if (!inside && w->letters) return true;
        if (!inside) continue;
        if (!w->letters) w->begin = *at, *first = *characters;
        w->end = *at + length;
        w->letters++;
        if (!is_mark(c)) w->hash = (w->hash ^ fold(c)) * 1099511628211u;
    }
    return w->letters > 0;
}

void snippet_take_terms(snippet_terms *terms, const char *query, size_t n) {
    size_t at = 0, characters = 0, first;
    word w;
    terms->n = 0;
    while (terms->n < SNIPPET_TERMS && next_word(query, n, &at, &characters, &first, &w)) {
        size_t i = 0;
        while (i < terms->n && terms->hashes[i] != w.hash) i++;
        if (i < terms->n) continue;
        terms->hashes[terms->n] = w.hash;
        terms->weights[terms->n++] = w.letters < 4 ? 1 : w.letters < MOST_WEIGHT ? w.letters : MOST_WEIGHT;
    }
}

static size_t term_of(const snippet_terms *terms, uint64_t hash) {
    size_t i = 0;
    while (i < terms->n && terms->hashes[i] != hash) i++;
    return i;
}

/* ---- where to look ---- */

typedef struct match {
    size_t begin, end;   /* bytes */
    size_t first, last;  /* characters */
    size_t term;
} match;

static size_t find_matches(const snippet_terms *terms, const char *text, size_t n, match *matches) {
    size_t at = 0, characters = 0, first, found = 0;
    word w;
    while (found < MATCHES && next_word(text, n, &at, &characters, &first, &w)) {
        size_t term = term_of(terms, w.hash);
        if (term < terms->n) matches[found++] = (match){w.begin, w.end, first, characters, term};
    }
    return found;
}

/* The matches within CORE characters from some match on that say most: the first of them, and *last. */
static size_t best_matches(const snippet_terms *terms, const match *matches, size_t n, size_t *last) {
    size_t best = 0;
    uint32_t most = 0;
    *last = 0;
    for (size_t i = 0; i < n; i++) {
        bool seen[SNIPPET_TERMS] = {false};
        uint32_t weight = 0;
        size_t j = i;
        for (; j < n && (j == i || matches[j].last - matches[i].first <= CORE); j++) {
            weight += 16 * (seen[matches[j].term] ? 0 : terms->weights[matches[j].term]) + 1;
            seen[matches[j].term] = true;
        }
        if (weight <= most) continue;
        most = weight;
        best = i;
        *last = j - 1;
    }
    return best;
}

/* Some characters back from a place, to where a word begins. */
static size_t walk_back(const char *text, size_t at, size_t characters) {
    size_t end = at, word_begin = at;
    for (; at && characters; characters--) {
        do at--;
        while (at && end - at < 4 && (text[at] & 0xC0) == 0x80);
        end = at;
        if (at == 0 || text_is_space(text[at - 1])) word_begin = at;
    }
    return word_begin;
}

/* Some characters from a place on, to where a word ends if that is behind `least`. */
static size_t walk_on(const char *text, size_t n, size_t at, size_t characters, size_t least) {
    size_t word_end = 0;
    bool space = false;
    for (size_t length; at < n && characters; at += length) {
        text_next(text + at, n - at, &length);
        if (text_is_space(text[at])) word_end = at;
        if (!text_is_space(text[at]) || !space) characters--;
        space = text_is_space(text[at]);
    }
    return at == n ? n : word_end > least ? word_end : at;
}

/* ---- showing ---- */

static int append_plain(io_bytes *to, const char *text, size_t n, bool *space) {
    for (size_t i = 0, length; i < n; i += length) {
        bool whole = text_next(text + i, n - i, &length) == TEXT_CHARACTER;
        uint32_t c = whole ? code_of(text + i, length) : 0xFFFD;
        if (c <= 0x20 || (c >= 0x7F && c < 0xA0)) {
            *space = true;
            continue;
        }
        if (*space && to->n && to->data[to->n - 1] != '\t' && io_append(to, " ", 1) != 0) return -1;
        *space = false;
        if ((whole ? io_append(to, text + i, length) : io_append_text(to, "\xEF\xBF\xBD")) != 0) return -1;
    }
    return 0;
}

static int append_marked(io_bytes *to, const char *text, size_t n, bool *space) {
    if (*space && to->n && to->data[to->n - 1] != '\t' && io_append(to, " ", 1) != 0) return -1;
    *space = false;
    return io_append_text(to, "\033[1m") || append_plain(to, text, n, space) || io_append_text(to, "\033[22m") ? -1 : 0;
}

int snippet_append(io_bytes *to, const snippet_terms *terms, const char *text, size_t n, bool mark) {
    match matches[MATCHES];
    size_t looked = n < LOOKED_AT ? n : LOOKED_AT, found = find_matches(terms, text, looked, matches), last, begin = 0, least = 0;
    if (found) {
        size_t first = best_matches(terms, matches, found, &last), core = matches[last].last - matches[first].first;
        begin = walk_back(text, matches[first].begin, core < LENGTH ? (LENGTH - core) / 2 : 0);
        least = matches[last].end;
    }
    size_t end = walk_on(text, looked, begin, LENGTH, least), at = begin;
    if (end == n && begin) { /* there is nothing behind it to show */
        size_t earlier = walk_back(text, n, LENGTH);
        at = begin = earlier < begin ? earlier : begin;
    }
    bool space = false;
    if (begin && io_append_text(to, "\xE2\x80\xA6 ") != 0) return -1;
    for (size_t i = 0; mark && i < found; i++) {
        const match *m = &matches[i];
        if (m->begin < at || m->end > end) continue;
        if (append_plain(to, text + at, m->begin - at, &space) != 0 || append_marked(to, text + m->begin, m->end - m->begin, &space) != 0) return -1;
        at = m->end;
    }
    if (append_plain(to, text + at, end - at, &space) != 0) return -1;
    return end < n ? io_append_text(to, " \xE2\x80\xA6") : 0;
}
