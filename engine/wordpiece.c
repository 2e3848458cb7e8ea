#include "engine/wordpiece.h"
#include "engine/piece_cache.h"
#include "engine/token_table.h"
#include "engine/tokenizer.h"
#include "engine/unicode.h"
#include "formats/error.h"
#include <stdlib.h>

typedef struct wordpiece {
    const tokenizer_model *tokens;
    const wordpiece_model *model;
    token_table begins, goes_on;
    cached_piece *cache;
    added_set added; /* those that are looked for in normalized text */
    buffer added_bytes;
    bert_text text;
} wordpiece;

static int load(tokenizer_model *m, const kv_block *block, lnt_error *err) {
    wordpiece_model *w = &m->wordpiece;
    uint64_t unknown = UINT64_MAX;
    size_t n = 0;
    if (!kv_get_bool(block, "clean", &w->rules.clean) || !kv_get_bool(block, "ideographs", &w->rules.ideographs) ||
        !kv_get_bool(block, "strip_accents", &w->rules.strip_accents) || !kv_get_bool(block, "lower", &w->rules.lower))
        return err_set(err, "%s: tokenizer: 'clean', 'ideographs', 'strip_accents' or 'lower' is missing", m->path);
    if (!kv_get_string(block, "prefix", &w->prefix, &w->n_prefix)) return err_set(err, "%s: tokenizer: 'prefix' is missing", m->path);
    if (!kv_get_u64(block, "max_chars", &w->max_chars) || !w->max_chars || w->max_chars > WORDPIECE_MOST_CHARS)
        return err_set(err, "%s: tokenizer: 'max_chars' is not a number from 1 to %d", m->path, WORDPIECE_MOST_CHARS);
    kv_get_u64(block, "unknown_id", &unknown);
    if (unknown < m->n_tokens) tokenizer_bytes(m, (uint32_t)unknown, &n);
    if (!n) return err_set(err, "%s: tokenizer: 'unknown_id' is not the id of a token", m->path);
    w->unknown = (uint32_t)unknown;
    return 0;
}

/* ---- tables ---- */

/* The added tokens that are looked for behind normalization, normalized themselves. */
static int make_added(wordpiece *w, lnt_error *err) {
    const tokenizer_model *m = w->tokens;
    size_t n = 0, length, ignored = 0;
    added_token *tokens = malloc((m->n_added + 1) * sizeof *tokens);
    for (size_t i = 0; tokens && i < m->n_added; i++) {
        if (!(m->added_flags[i] & TOKEN_NORMALIZED)) continue;
        const char *text = tokenizer_bytes(m, m->added[i], &length);
        if (bert_text_normalize(&w->text, &w->model->rules, text, 0, length, &ignored)) w->added_bytes.failed = true;
        if (!w->text.n) continue; /* nothing is left of it */
        buffer_append(&w->added_bytes, w->text.bytes, w->text.n);
        tokens[n++] = (added_token){.n = w->text.n, .id = (int32_t)m->added[i], .flags = m->added_flags[i]};
    }
    if (!tokens || w->added_bytes.failed) {
        free(tokens);
        return err_memory(err, m->n_added * sizeof *tokens, "a tokenizer");
    }
    const unsigned char *bytes = w->added_bytes.bytes;
    for (size_t i = 0; i < n; bytes += tokens[i++].n) tokens[i].bytes = bytes;
    added_set_make(&w->added, tokens, n);
    return 0;
}

static void wordpiece_free(void *state) {
    wordpiece *w = state;
    if (!w) return;
    token_table_free(&w->begins);
    token_table_free(&w->goes_on);
    added_set_free(&w->added);
    buffer_free(&w->added_bytes);
    bert_text_free(&w->text);
    free(w->cache);
    free(w);
}

static void *wordpiece_new(const tokenizer_model *tokens, lnt_error *err) {
    wordpiece *w = calloc(1, sizeof *w);
    if (!w) return err_memory(err, sizeof *w, "a tokenizer"), NULL;
    w->tokens = tokens;
    w->model = &tokens->wordpiece;
    w->cache = calloc((size_t)1 << PIECE_CACHE_BITS, sizeof *w->cache);
    if (!w->cache) err_memory(err, sizeof *w->cache << PIECE_CACHE_BITS, "a tokenizer");
    else if (!token_table_make(&w->begins, tokens, "", 0, TOKEN_OUTSIDE, err) &&
             !token_table_make(&w->goes_on, tokens, w->model->prefix, w->model->n_prefix, TOKEN_OUTSIDE, err) && !make_added(w, err))
        return w;
    wordpiece_free(w);
    return NULL;
}

/* ---- words ---- */

static bool is_too_long(const wordpiece *w, const char *word, size_t n) {
    size_t chars = 0;
    if (n <= w->model->max_chars) return false;
    for (size_t i = 0; i < n && chars <= w->model->max_chars; i++) chars += (word[i] & 0xc0) != 0x80;
    return chars > w->model->max_chars;
}

/* Room for an id a character has been made. */
static void cut(const wordpiece *w, const char *word, size_t n, token_list *out) {
    size_t before = out->n, length;
    bool known = !is_too_long(w, word, n);
    for (size_t at = 0; known && at < n; at += length) {
        int32_t id = token_table_longest(at ? &w->goes_on : &w->begins, word + at, n - at, &length);
        if ((known = id >= 0)) out->ids[out->n++] = id;
    }
    if (known) return;
    out->n = before;
    out->ids[out->n++] = (int32_t)w->model->unknown;
}

/* Where a token that covers bytes begin to end of the normalized text stands in the original. */
static lnt_place place_of(const wordpiece *w, const char *text, size_t end_of_text, size_t begin, size_t end) {
    size_t length, last = w->text.from[end - 1];
    unicode_next((const unsigned char *)text + last, end_of_text - last, &length);
    return (lnt_place){.begin = w->text.from[begin], .end = (uint32_t)(last + length)};
}

/* A word that is one token (or unknown) covers all of it; else the tokens' own bytes follow each other. */
static void put_places(const wordpiece *w, const char *text, size_t end_of_text, size_t begin, size_t n, token_list *out, size_t before) {
    for (size_t i = before, at = begin, length; i < out->n; i++, at += length) {
        tokenizer_bytes(w->tokens, (uint32_t)out->ids[i], &length);
        if (i > before) length -= w->model->n_prefix;
        if (out->n == before + 1) length = n;
        out->places[i] = place_of(w, text, end_of_text, at, at + length);
    }
}

static int put_word(wordpiece *w, const char *word, size_t n, token_list *out) {
    size_t most = n < w->model->max_chars ? n : w->model->max_chars;
    if (token_list_reserve(out, most < PIECE_IDS ? PIECE_IDS : most)) return -1;
    cached_piece *c = n <= PIECE_BYTES ? piece_place(w->cache, word, n) : NULL;
    if (c && piece_is(c, word, n)) return piece_append(c, out), 0;
    size_t before = out->n;
    cut(w, word, n, out);
    if (c) piece_keep(c, word, n, out, before);
    return 0;
}

/* Words of the normalized text, begin to end. */
static int put_words(wordpiece *w, const char *text, size_t end_of_text, size_t begin, size_t end, token_list *out) {
    const char *words = (const char *)w->text.bytes;
    for (size_t at = begin, n; (n = bert_text_piece(w->text.bytes, end, &at)) > 0; at += n) {
        size_t before = out->n;
        if (put_word(w, words + at, n, out)) return -1;
        if (out->with_places) put_places(w, text, end_of_text, at, n, out, before);
    }
    return 0;
}

static int encode(void *state, const char *text, size_t begin, size_t end, unsigned flags, token_list *out, size_t *n_invalid) {
    wordpiece *w = state;
    w->text.with_places = out->with_places;
    if (bert_text_normalize(&w->text, &w->model->rules, text, begin, end, n_invalid)) return -1;
    for (size_t at = 0; at < w->text.n;) {
        added_match m;
        bool found = w->added.n && added_find(&w->added, (const char *)w->text.bytes, at, w->text.n, !(flags & LNT_NO_SPECIAL), &m);
        if (put_words(w, text, end, at, found ? m.begin : w->text.n, out)) return -1;
        if (found && token_list_put(out, m.token->id, out->with_places ? place_of(w, text, end, m.begin, m.end) : (lnt_place){0})) return -1;
        at = found ? m.end : w->text.n;
    }
    bert_text_shrink(&w->text);
    return 0;
}

/* A token that goes on has no space before it, nor its prefix. */
static void decode(const tokenizer_model *m, uint32_t id, bool first, buffer *out) {
    size_t n, n_prefix = m->wordpiece.n_prefix;
    const char *bytes = tokenizer_bytes(m, id, &n);
    bool goes_on = !first && n >= n_prefix && !memcmp(bytes, m->wordpiece.prefix, n_prefix);
    if (!first && !goes_on) buffer_append(out, " ", 1);
    buffer_append(out, bytes + (goes_on ? n_prefix : 0), n - (goes_on ? n_prefix : 0));
}

static const char *const KEYS[] = {"clean", "ideographs", "strip_accents", "lower", "prefix", "unknown_id", "max_chars", NULL};
const tokenizer_kind wordpiece_kind = {"wordpiece", KEYS, true, load, wordpiece_new, wordpiece_free, encode, decode};
