#include "cli/chunks.h"
#include "cli/text.h"
#include <string.h>

enum {
    SLICE = 1 << 18, /* bytes tokenized at a time, and as many more as the pieces are long: */
    TOKEN_BYTES = 32,
    WORD_PIECES = 16, /* how far back a piece's first word may begin */
    SPACES = 4096     /* looked through for a line's end */
};

/* Length of the one of the words (NULL at the end) that text[0, n) ends with, 0 if none. */
static size_t ends_with(const char *text, size_t n, const char *const *words) {
    for (; *words; words++) {
        size_t length = strlen(*words);
        if (length <= n && memcmp(text + n - length, *words, length) == 0) return length;
    }
    return 0;
}

typedef enum seam { SEAM_NONE, SEAM_WORD, SEAM_SENTENCE, SEAM_LINE } seam;

/* What ends before text[at]. */
static seam seam_before(const char *text, size_t n, size_t at) {
    static const char *const quotes[] = {"\"", "'", ")", "]", "\xE2\x80\x9D", "\xE2\x80\x99", NULL};
    static const char *const stops[] = {".", "!", "?", NULL};
    static const char *const wide_stops[] = {"\xE3\x80\x82", "\xEF\xBC\x81", "\xEF\xBC\x9F", NULL};
    size_t i = at;
    if (at < n && text[at] == '\n') return SEAM_LINE;
    for (; i > 0 && at - i < SPACES && text_is_space(text[i - 1]); i--)
        if (text[i - 1] == '\n') return SEAM_LINE;
    bool space = i < at || (at < n && text_is_space(text[at]));
    i -= ends_with(text, i, quotes);
    if (ends_with(text, i, wide_stops) || (space && ends_with(text, i, stops))) return SEAM_SENTENCE;
    return space ? SEAM_WORD : SEAM_NONE;
}

/* How many of the places, of which there are more than room, make the piece. */
static size_t choose_end(const chunks *c, const lnt_place *places, size_t room) {
    size_t best = room;
    seam found = SEAM_NONE;
    for (size_t i = room; i > room / 2 && found < SEAM_LINE; i--) {
        seam s = seam_before(c->text, c->n, c->slice + places[i].begin);
        if (s > SEAM_WORD && i < room - room / 4) s = SEAM_WORD;
        if (s <= found) continue;
        best = i;
        found = s;
    }
    return best;
}

/* Tokenizes from text[from] on. */
static int take_slice(chunks *c, size_t from, lnt_error *err) {
    lnt_encoding e;
    size_t most = SLICE + (size_t)c->n_tokens * TOKEN_BYTES, length = c->n - from;
    if (length > most)
        for (length = most; length > most - 3 && (c->text[from + length] & 0xC0) == 0x80;) length--;
    if (lnt_encode(c->tokenizer, c->text + from, length, NULL, 0, 0, LNT_PLACES, &e, err) != 0) return -1;
    size_t first = 0, end = e.n;
    while (first < end && e.places[first].begin == e.places[first].end) first++;
    while (end > first && e.places[end - 1].begin == e.places[end - 1].end) end--;
    c->slice = from;
    c->slice_end = from + length;
    c->places = e.places + first;
    c->n_places = end - first;
    c->at = 0;
    return 0;
}

/* Until more than a piece's tokens lie ahead, or all that there are. */
static int look_ahead(chunks *c, lnt_error *err) {
    if (!c->begun && take_slice(c, 0, err) != 0) return -1;
    while (c->slice_end < c->n && c->n_places - c->at <= c->n_tokens) {
        if (c->at == 0 && c->n_places) break;
        size_t from = c->at < c->n_places ? c->slice + c->places[c->at].begin : c->slice_end;
        if (take_slice(c, from, err) != 0) return -1;
    }
    return 0;
}

/* Where among the places of a piece of that length the next one begins: at a word if one is near. */
static size_t next_begin(const chunks *c, const lnt_place *places, size_t length) {
    size_t next = length > c->overlap ? length - c->overlap : 1;
    for (size_t back = 0; back < WORD_PIECES && next > back + 1; back++)
        if (seam_before(c->text, c->n, c->slice + places[next - back].begin) != SEAM_NONE) return next - back;
    return next;
}

int chunks_next(chunks *c, size_t *begin, size_t *end, lnt_error *err) {
    if (c->ended) return 0;
    if (look_ahead(c, err) != 0) return -1;
    const lnt_place *places = c->places + c->at;
    size_t left = c->n_places - c->at;
    if (left == 0) {
        c->ended = true;
        *begin = 0;
        *end = c->n;
        return !c->begun;
    }
    size_t length = left > c->n_tokens ? choose_end(c, places, c->n_tokens) : left;
    *begin = c->slice + places[0].begin;
    *end = c->slice + places[length - 1].end;
    c->begun = true;
    c->ended = length == left && c->slice_end == c->n;
    c->at += length == left ? left : next_begin(c, places, length);
    return 1;
}
