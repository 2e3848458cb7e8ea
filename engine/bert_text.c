#include "engine/bert_text.h"
#include "engine/unicode.h"
#include <stdlib.h>
#include <string.h>

enum { STEP = 64, MOST_BYTES = 32 /* of one character, without its decomposition */, KEPT_ROOM = 1 << 20 };

/* ---- normalizing ---- */

static int make_room(bert_text *t) {
    if (t->capacity - t->n >= STEP + MOST_BYTES && (t->from || !t->with_places)) return 0;
    size_t capacity = t->capacity - t->n >= STEP + MOST_BYTES ? t->capacity : 2 * t->capacity + 4096;
    unsigned char *bytes = realloc(t->bytes, capacity);
    if (!bytes) return -1;
    t->bytes = bytes;
    if (t->with_places || t->from) {
        uint32_t *from = realloc(t->from, capacity * sizeof *from);
        if (!from) return -1;
        t->from = from;
    }
    t->capacity = capacity;
    return 0;
}

static void put_char(bert_text *t, uint32_t c, uint32_t from) {
    size_t n = unicode_put(t->bytes + t->n, c);
    for (size_t i = 0; i < n && t->with_places; i++) t->from[t->n + i] = from;
    t->n += n;
}

static void put_lower(bert_text *t, const bert_rules *r, uint32_t c, unsigned kind, uint32_t from) {
    uint32_t lower[2];
    size_t n = r->lower && kind & UNICODE_LOWERS ? unicode_lower(c, lower) : 0;
    if (!n) put_char(t, c, from);
    for (size_t i = 0; i < n; i++) put_char(t, lower[i], from);
}

/* A stable counting sort by class, out of the first half of marks into the second. */
static const bert_mark *sorted_marks(bert_text *t) {
    size_t ends[256] = {0}, at = 0;
    bert_mark *sorted = t->marks + t->room;
    for (size_t i = 0; i < t->n_marks; i++) ends[t->marks[i].class]++;
    for (size_t k = 0; k < 256; k++) at += ends[k], ends[k] = at;
    for (size_t i = t->n_marks; i-- > 0;) sorted[--ends[t->marks[i].class]] = t->marks[i];
    return sorted;
}

/* Tokenizers gives the i-th mark in the new order, if it is first of its decomposition, the place of the i-th such mark in
   the old one, and others the place of the mark before. */
static int put_marks(bert_text *t, const bert_rules *r) {
    const bert_mark *sorted = t->n_marks > 1 ? sorted_marks(t) : t->marks;
    size_t next = 0;
    for (size_t i = 0; i < t->n_marks; i++) {
        if (sorted[i].first) {
            while (!t->marks[next].first) next++;
            t->last_from = t->marks[next++].from;
        }
        unsigned kind = unicode_kind(sorted[i].c, NULL);
        if (kind & UNICODE_MARK) continue;
        if (make_room(t)) return -1;
        put_lower(t, r, sorted[i].c, kind, t->last_from);
    }
    t->n_marks = 0;
    return 0;
}

static int keep_mark(bert_text *t, uint32_t c, uint32_t from, uint8_t class, bool first) {
    if (t->n_marks == t->room) {
        size_t room = 2 * t->room + 16;
        bert_mark *marks = realloc(t->marks, 2 * room * sizeof *marks);
        if (!marks) return -1;
        t->marks = marks;
        t->room = room;
    }
    t->marks[t->n_marks++] = (bert_mark){c, from, class, first};
    return 0;
}

/* One character of a decomposition: marks wait, the others put them out. Those that are stripped anyway wait only where
   they have a say in places. */
static int put_decomposed(bert_text *t, const bert_rules *r, uint32_t c, uint32_t from, bool first) {
    uint8_t class;
    unsigned kind = unicode_kind(c, &class);
    if (class && (t->with_places || !(kind & UNICODE_MARK))) return keep_mark(t, c, from, class, first);
    if (class) return 0;
    if (t->n_marks && put_marks(t, r)) return -1;
    if (first) t->last_from = from;
    if (!(kind & UNICODE_MARK)) put_lower(t, r, c, kind, t->last_from);
    return 0;
}

static int put_stripped(bert_text *t, const bert_rules *r, uint32_t c, unsigned kind, uint32_t from) {
    uint32_t parts[UNICODE_MOST] = {c};
    size_t n = kind & UNICODE_DECOMPOSES ? unicode_decompose(c, parts) : 1;
    for (size_t i = 0; i < n; i++)
        if (make_room(t) || put_decomposed(t, r, parts[i], from, i == 0)) return -1;
    return 0;
}

static int put_any(bert_text *t, const bert_rules *r, uint32_t c, uint32_t from) {
    unsigned kind = unicode_kind(c, NULL);
    if (r->clean) {
        if (kind & UNICODE_REMOVED || c == UNICODE_REPLACEMENT) return 0;
        if (kind & UNICODE_WHITE) c = ' ', kind = UNICODE_WHITE;
    }
    bool apart = r->ideographs && kind & UNICODE_IDEOGRAPH;
    if (make_room(t)) return -1;
    if (!r->strip_accents) {
        if (apart) put_char(t, ' ', from);
        put_lower(t, r, c, kind, from);
        if (apart) put_char(t, ' ', from);
        return 0;
    }
    if (apart && put_decomposed(t, r, ' ', from, true)) return -1;
    if (put_stripped(t, r, c, kind, from)) return -1;
    return apart && put_decomposed(t, r, ' ', from, true) ? -1 : 0;
}

/* ASCII that stays, at most lower-cased: a byte at a time; gives how many. */
static size_t put_ascii(bert_text *t, const bert_rules *r, const unsigned char *p, size_t n, size_t from) {
    unsigned char *out = t->bytes + t->n;
    size_t i = 0;
    if (n > STEP) n = STEP;
    if (r->lower)
        for (; i < n && p[i] >= ' ' && p[i] < 0x7f; i++) out[i] = (unsigned char)(p[i] | ((unsigned char)(p[i] - 'A') < 26) << 5);
    else
        for (; i < n && p[i] >= ' ' && p[i] < 0x7f; i++) out[i] = p[i];
    for (size_t k = 0; k < i && t->with_places; k++) t->from[t->n + k] = (uint32_t)(from + k);
    t->n += i;
    return i;
}

int bert_text_normalize(bert_text *t, const bert_rules *r, const char *text, size_t begin, size_t end, size_t *n_invalid) {
    const unsigned char *p = (const unsigned char *)text;
    t->n = t->n_marks = 0;
    t->last_from = (uint32_t)begin;
    for (size_t at = begin, length; at < end; at += length) {
        if (make_room(t)) return -1;
        if (p[at] >= ' ' && p[at] < 0x7f) {
            if (t->n_marks && put_marks(t, r)) return -1;
            length = put_ascii(t, r, p + at, end - at, at);
            t->last_from = (uint32_t)(at + length - 1);
            continue;
        }
        uint32_t c = unicode_next(p + at, end - at, &length);
        if (c == UNICODE_INVALID) c = UNICODE_REPLACEMENT, ++*n_invalid;
        if (put_any(t, r, c, (uint32_t)at)) return -1;
    }
    return t->n_marks ? put_marks(t, r) : 0;
}

void bert_text_shrink(bert_text *t) {
    if (t->capacity > KEPT_ROOM || t->room > KEPT_ROOM) bert_text_free(t);
}

void bert_text_free(bert_text *t) {
    free(t->bytes);
    free(t->from);
    free(t->marks);
    *t = (bert_text){.with_places = t->with_places};
}

/* ---- pieces ---- */

enum { INSIDE, WHITE, PUNCTUATION, WIDE };

static const unsigned char CLASSES[256] = {
    ['\t' ... '\r'] = WHITE, [' '] = WHITE, ['!' ... '/'] = PUNCTUATION, [':' ... '@'] = PUNCTUATION, ['[' ... '`'] = PUNCTUATION,
    ['{' ... '~'] = PUNCTUATION, [128 ... 255] = WIDE,
};

static int wide_class(const unsigned char *p, size_t n, size_t *length) {
    unsigned kind = unicode_kind(unicode_next(p, n, length), NULL);
    return kind & UNICODE_WHITE ? WHITE : kind & UNICODE_PUNCTUATION ? PUNCTUATION : INSIDE;
}

static inline int class_at(const unsigned char *p, size_t n, size_t *length) {
    *length = 1;
    return CLASSES[*p] == WIDE ? wide_class(p, n, length) : CLASSES[*p];
}

size_t bert_text_piece(const unsigned char *bytes, size_t n, size_t *at) {
    size_t i = *at, length = 0;
    int class = WHITE;
    for (; i < n && (class = class_at(bytes + i, n - i, &length)) == WHITE; i += length) {}
    *at = i;
    if (i == n) return 0;
    if (class == PUNCTUATION) return length;
    for (i += length; i < n && class_at(bytes + i, n - i, &length) == INSIDE; i += length) {}
    return i - *at;
}
