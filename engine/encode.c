/* Texts to ids: added tokens, what is around texts, truncation; and back. */
#include "engine/model.h"
#include "engine/tokenizer.h"
#include "engine/unicode.h"
#include "formats/error.h"
#include <stdlib.h>
#include <string.h>

enum {
    ADDED_TEXT = 2,        /* lnt_place.text of an added token, until places are trimmed */
    KEPT_TOKENS = 1 << 18, /* of a text: room for more is given back */
};

struct lnt_tokenizer {
    const tokenizer_model *model;
    uint32_t vocab_size, n_segments;
    void *state; /* of the model's kind */
    added_set added;
    token_list texts[2], whole;
    uint8_t *segments;
    size_t n_segments_room;
    buffer text; /* decoded */
};

/* Those that are looked for in the text as it is. A tokenizer that does not normalize finds the others there too. */
static int make_added(lnt_tokenizer *t, lnt_error *err) {
    const tokenizer_model *m = t->model;
    added_token *tokens = malloc((m->n_added + 1) * sizeof *tokens);
    size_t n = 0;
    if (!tokens) return err_memory(err, m->n_added * sizeof *tokens, "a tokenizer");
    for (size_t i = 0; i < m->n_added; i++) {
        if (m->added_flags[i] & TOKEN_NORMALIZED && m->kind->normalizes) continue;
        added_token *a = &tokens[n++];
        a->bytes = (const unsigned char *)tokenizer_bytes(m, m->added[i], &a->n);
        a->id = (int32_t)m->added[i];
        a->flags = m->added_flags[i];
    }
    added_set_make(&t->added, tokens, n);
    return 0;
}

lnt_tokenizer *lnt_tokenizer_new(const lnt_model *model, lnt_error *err) {
    const tokenizer_model *m = model->tokenizer;
    if (!m) return err_null(err, "%s: holds no tokenizer, expected ids instead of text", model->file.path);
    lnt_tokenizer *t = calloc(1, sizeof *t);
    if (!t) return err_memory(err, sizeof *t, "a tokenizer"), NULL;
    t->model = m;
    t->vocab_size = model->info.vocab_size;
    t->n_segments = model->info.n_segments;
    if (!make_added(t, err) && (t->state = m->kind->new(m, err))) return t;
    lnt_tokenizer_free(t);
    return NULL;
}

void lnt_tokenizer_free(lnt_tokenizer *t) {
    if (!t) return;
    t->model->kind->free(t->state);
    added_set_free(&t->added);
    token_list_free(&t->texts[0]);
    token_list_free(&t->texts[1]);
    token_list_free(&t->whole);
    free(t->segments);
    buffer_free(&t->text);
    free(t);
}

static void give_back(token_list *l) {
    if (l->capacity > KEPT_TOKENS) token_list_free(l);
}

static int encode_text(lnt_tokenizer *t, const char *text, size_t n, unsigned flags, token_list *out, size_t *n_invalid) {
    give_back(out);
    out->n = 0;
    out->with_places = flags & LNT_PLACES;
    for (size_t at = 0; at < n;) {
        added_match m;
        bool found = added_find(&t->added, text, at, n, !(flags & LNT_NO_SPECIAL), &m);
        size_t end = found ? m.begin : n;
        if (end > at && t->model->kind->encode(t->state, text, at, end, flags, out, n_invalid)) return -1;
        if (found && token_list_put(out, m.token->id, (lnt_place){(uint32_t)m.begin, (uint32_t)m.end, ADDED_TEXT})) return -1;
        at = found ? m.end : n;
    }
    return 0;
}

int lnt_tokenize(lnt_tokenizer *t, const char *text, size_t n_bytes, unsigned flags, const int32_t **ids, size_t *n_ids, lnt_error *err) {
    size_t n_invalid = 0;
    int rc = encode_text(t, text, n_bytes, flags & ~(unsigned)LNT_PLACES, &t->texts[0], &n_invalid);
    *ids = t->texts[0].ids;
    *n_ids = t->texts[0].n;
    return rc ? err_memory(err, n_bytes * sizeof **ids, "ids") : 0;
}

/* ---- places ---- */

/* White space that a token begins or ends with: of an added one in its text, of another the spaces among its own bytes. */
static size_t spaces_of(const lnt_tokenizer *t, const char *text, int32_t id, const lnt_place *p, bool at_end) {
    size_t n, count = 0, length;
    if (p->text != ADDED_TEXT) {
        const char *bytes = tokenizer_bytes(t->model, (uint32_t)id, &n);
        while (count < n && bytes[at_end ? n - 1 - count : count] == ' ') count++;
        return count;
    }
    for (size_t at = p->begin; at < p->end; at += length) {
        bool white = unicode_kind(unicode_next((const unsigned char *)text + at, p->end - at, &length), NULL) & UNICODE_WHITE;
        if (!white && !at_end) break;
        count = white ? count + 1 : 0;
    }
    return count;
}

static uint32_t chars_on(const char *text, uint32_t at, uint32_t end, size_t n) {
    size_t length;
    for (; n-- && at < end; at += (uint32_t)length) unicode_next((const unsigned char *)text + at, end - at, &length);
    return at;
}

static uint32_t chars_back(const char *text, uint32_t begin, uint32_t at, size_t n) {
    while (n-- && at > begin)
        for (at--; at > begin && (text[at] & 0xc0) == 0x80;) at--;
    return at;
}

/* As process_offsets of tokenizers' ByteLevel does it: characters are taken off by their number, whatever they are. */
static void trim_places(const lnt_tokenizer *t, const char *text, token_list *l) {
    for (size_t i = 0; i < l->n; i++) {
        lnt_place *p = &l->places[i];
        size_t before = spaces_of(t, text, l->ids[i], p, false), behind = spaces_of(t, text, l->ids[i], p, true);
        if (before == 1 && (!i || !p->begin) && t->model->trim_places == PLACES_TRIMMED_BUT_FIRST) before = 0;
        p->begin = chars_on(text, p->begin, p->end, before);
        p->end = chars_back(text, p->begin, p->end, behind);
    }
}

/* ---- what a model sees ---- */

/* As "longest_first" does it: the shorter text is kept whole if it has at most half of the room, else both are cut to half. */
static void truncate_pair(size_t room, size_t *a, size_t *b) {
    if (*a + *b <= room) return;
    size_t *shorter = *a > *b ? b : a, *longer = *a > *b ? a : b;
    if (*shorter > room / 2) *shorter = room / 2;
    *longer = room - *shorter;
}

static int put_item(lnt_tokenizer *t, uint32_t what, uint32_t segment, const size_t keep[2]) {
    static const lnt_place NOWHERE = {0};
    token_list *out = &t->whole;
    size_t begin = out->n, which = what == TEMPLATE_SECOND;
    if (what >= TEMPLATE_SECOND) {
        const token_list *text = &t->texts[which];
        size_t n = keep[which];
        if (token_list_reserve(out, n)) return -1;
        if (n) memcpy(out->ids + begin, text->ids, n * sizeof *out->ids);
        for (size_t i = 0; i < n && out->with_places; i++)
            out->places[begin + i] = (lnt_place){text->places[i].begin, text->places[i].end, (uint32_t)which};
        out->n += n;
    } else if (token_list_put(out, (int32_t)what, NOWHERE)) {
        return -1;
    }
    if (out->n > t->n_segments_room) {
        uint8_t *more = realloc(t->segments, out->capacity);
        if (!more) return -1;
        t->segments = more;
        t->n_segments_room = out->capacity;
    }
    if (out->n > begin) memset(t->segments + begin, t->n_segments > 1 ? (int)segment : 0, out->n - begin);
    return 0;
}

static int put_template(lnt_tokenizer *t, const token_template *template, const size_t keep[2]) {
    static const uint32_t ALONE[2] = {TEMPLATE_FIRST, 0};
    const uint32_t *items = template->n ? template->items : ALONE;
    size_t n = template->n ? template->n : 1;
    t->whole.n = 0;
    t->whole.with_places = t->texts[0].with_places;
    for (size_t i = 0; i < n; i++)
        if (put_item(t, items[2 * i], items[2 * i + 1], keep)) return -1;
    return 0;
}

/* What the call asks for can be done. */
static int check_call(const lnt_tokenizer *t, const token_template *template, size_t n_bytes, bool pair, size_t n_pair_bytes,
                      size_t max_tokens, lnt_error *err) {
    if (n_bytes > UINT32_MAX || n_pair_bytes > UINT32_MAX)
        return err_set(err, "a text has %zu bytes, expected less than 4 GiB", n_bytes > n_pair_bytes ? n_bytes : n_pair_bytes);
    if (pair && !template->n)
        return err_set(err, "%s: tokenizer: does not know how two texts become one, expected a text alone", t->model->path);
    if (max_tokens && max_tokens < template->n_special)
        return err_set(err, "%s: texts are truncated to %zu tokens, expected at least the %zu special ones around them",
                       t->model->path, max_tokens, template->n_special);
    for (size_t i = 0; i < template->n && t->n_segments > 1; i++)
        if (template->items[2 * i + 1] >= t->n_segments)
            return err_set(err, "%s: tokenizer: a template names segment %u, expected less than the model's %u",
                           t->model->path, template->items[2 * i + 1], t->n_segments);
    return 0;
}

int lnt_encode(lnt_tokenizer *t, const char *text, size_t n_bytes, const char *pair, size_t n_pair_bytes, size_t max_tokens, unsigned flags,
               lnt_encoding *encoding, lnt_error *err) {
    const token_template *template = pair ? &t->model->pair : &t->model->single;
    if (!pair) n_pair_bytes = 0;
    *encoding = (lnt_encoding){0};
    if (check_call(t, template, n_bytes, pair, n_pair_bytes, max_tokens, err)) return -1;
    token_list *a = &t->texts[0], *b = &t->texts[1];
    if (encode_text(t, text, n_bytes, flags, a, &encoding->n_invalid) ||
        encode_text(t, pair, n_pair_bytes, flags, b, &encoding->n_invalid))
        return err_memory(err, (n_bytes + n_pair_bytes) * sizeof *a->ids, "ids");
    if (flags & LNT_PLACES && t->model->trim_places) {
        trim_places(t, text, a);
        trim_places(t, pair, b);
    }
    size_t keep[2] = {a->n, b->n};
    if (max_tokens) truncate_pair(max_tokens - template->n_special, &keep[0], &keep[1]);
    if (put_template(t, template, keep)) return err_memory(err, (keep[0] + keep[1]) * sizeof *a->ids, "ids");
    encoding->ids = t->whole.ids;
    encoding->segments = t->segments;
    encoding->places = flags & LNT_PLACES ? t->whole.places : NULL;
    encoding->n = t->whole.n;
    encoding->n_dropped = a->n + b->n - keep[0] - keep[1];
    give_back(a);
    give_back(b);
    return 0;
}

int lnt_detokenize(lnt_tokenizer *t, const int32_t *ids, size_t n_ids, const char **text, size_t *n_bytes, lnt_error *err) {
    bool first = true;
    t->text.size = 0;
    for (size_t i = 0; i < n_ids; i++) {
        size_t n = 0;
        if (ids[i] < 0 || (uint32_t)ids[i] >= t->vocab_size)
            return err_set(err, "%s: id %d is outside the vocabulary of %u", t->model->path, (int)ids[i], t->vocab_size);
        if ((uint32_t)ids[i] < t->model->n_tokens) tokenizer_bytes(t->model, (uint32_t)ids[i], &n);
        if (!n) continue; /* an id that the vocabulary leaves out */
        t->model->kind->decode(t->model, (uint32_t)ids[i], first, &t->text);
        first = false;
    }
    *text = t->text.size ? (const char *)t->text.bytes : "";
    *n_bytes = t->text.size;
    if (!t->text.failed) return 0;
    buffer_free(&t->text);
    return err_memory(err, n_ids, "a text");
}
