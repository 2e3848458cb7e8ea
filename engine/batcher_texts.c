#include "engine/batcher.h"
#include <stdlib.h>
#include <string.h>

enum { TEXTS_A_CLAIM = 16 };

/* ---- tokens ---- */

static int arena_reserve(token_arena *a, size_t more, bool places) {
    if (more <= a->capacity - a->n) return 0;
    size_t capacity = a->n + more > 2 * a->capacity ? a->n + more : 2 * a->capacity;
    int32_t *ids = realloc(a->ids, capacity * sizeof *ids);
    if (ids) a->ids = ids;
    uint8_t *segments = realloc(a->segments, capacity);
    if (segments) a->segments = segments;
    lnt_place *p = places ? realloc(a->places, capacity * sizeof *p) : NULL;
    if (p) a->places = p;
    if (!ids || !segments || (places && !p)) return -1;
    a->capacity = capacity;
    return 0;
}

static int keep(lnt_batcher *b, batch_worker *w, size_t text, const lnt_encoding *e) {
    token_arena *a = &w->arena;
    if (arena_reserve(a, e->n, e->places)) return err_memory(&w->err, e->n * sizeof *e->ids, "tokens");
    b->items[text] = (batch_item){a, a->n, e->n, e->n_dropped, e->n_invalid};
    if (e->n) memcpy(a->ids + a->n, e->ids, e->n * sizeof *e->ids), memcpy(a->segments + a->n, e->segments, e->n);
    if (e->n && e->places) memcpy(a->places + a->n, e->places, e->n * sizeof *e->places);
    a->n += e->n;
    return 0;
}

static void tokenize_some(void *arg, uint32_t thread) {
    lnt_batcher *b = arg;
    batch_worker *w = &b->workers[thread];
    lnt_encoding e;
    lnt_profile_entry done = {.name = "tokenize"};
    uint64_t began = batcher_clock(b);
    for (size_t first; (first = __atomic_fetch_add(&b->claimed, TEXTS_A_CLAIM, __ATOMIC_RELAXED)) < b->n;)
        for (size_t i = first; i < first + TEXTS_A_CLAIM && i < b->n && !w->failed; i++) {
            const lnt_text *t = &b->texts[i];
            if (lnt_encode(w->tokenizer, t->text, t->n_bytes, t->pair, t->n_pair_bytes, b->max_tokens, b->o.flags, &e, &w->err) || keep(b, w, i, &e)) batcher_fail(b, w);
            done.calls++, done.bytes += t->n_bytes + (t->pair ? t->n_pair_bytes : 0);
        }
    done.rows = done.calls, done.values = w->arena.n;
    profiler_add(b->o.profile, done, batcher_clock(b) - began, 0);
}

/* ---- batches ---- */

/* Which of a text's tokens have rows of output; their number. */
static size_t choose_outputs(const lnt_batcher *b, const batch_item *t, uint32_t *outputs) {
    size_t n = 0;
    for (size_t i = 0; i < t->n; i++)
        if (b->o.all_outputs || t->in->ids[t->at + i] == b->model->info.mask_id) outputs[n++] = (uint32_t)i;
    return n;
}

static void give(const lnt_batcher *b, size_t text, const lnt_span *span, const float *const *rows) {
    const batch_item *t = &b->items[text];
    lnt_encoding e = {t->in->ids + t->at, t->in->segments + t->at, b->o.flags & LNT_PLACES ? t->in->places + t->at : NULL, t->n, t->n_dropped, t->n_invalid};
    lnt_text_result r = {text, &e, b->row_a_token ? span->n_outputs : 1, rows, b->row_a_token ? span->outputs : NULL};
    b->text_listener(b->user, &r);
}

/* Fills w->spans, leaving out texts of no tokens, which are the last. Their number. */
static size_t set_spans(const lnt_batcher *b, batch_worker *w, const batch *part) {
    size_t n_outputs = 0, i = 0;
    for (; i < part->n && b->items[batcher_at(b, part->first + i)].n; i++) {
        const batch_item *t = &b->items[batcher_at(b, part->first + i)];
        w->spans[i] = (lnt_span){.sequence = (uint32_t)i, .ids = t->in->ids + t->at, .n_ids = t->n, .segments = t->in->segments + t->at};
        if (!b->row_a_token) continue;
        w->spans[i].outputs = w->outputs + n_outputs;
        w->spans[i].n_outputs = choose_outputs(b, t, w->outputs + n_outputs);
        n_outputs += w->spans[i].n_outputs;
    }
    for (size_t rest = i; rest < part->n; rest++) w->spans[rest] = (lnt_span){0};
    return i;
}

static void run_batch(lnt_batcher *b, batch_worker *w, const batch *part) {
    size_t n_spans = set_spans(b, w, part), row = 0;
    if (n_spans && lnt_eval(w->context, w->spans, n_spans, &w->err)) {
        batcher_fail(b, w);
        return;
    }
    uint64_t began = batcher_clock(b);
    for (size_t i = 0; i < part->n; i++) {
        size_t n = b->row_a_token ? w->spans[i].n_outputs : 1;
        for (size_t r = 0; r < n; r++) w->rows[r] = i < n_spans ? lnt_output(w->context, row++) : NULL;
        if (!b->row_a_token && (b->finish || i >= n_spans)) w->rows[0] = batcher_finish(b, w, w->rows[0]);
        give(b, batcher_at(b, part->first + i), &w->spans[i], w->rows);
    }
    profiler_add(b->o.profile, (lnt_profile_entry){.name = "results", .calls = 1, .rows = part->n}, batcher_clock(b) - began, 0);
}

int lnt_batcher_run(lnt_batcher *b, const lnt_text *texts, size_t n_texts, lnt_text_listener *listener, void *user, lnt_error *err) {
    if (b->model->patches) return err_set(err, "%s: takes images, expected no texts", b->model->file.path);
    if (!n_texts) return 0;
    if (batcher_begin(b, n_texts, "texts", err)) return -1;
    b->texts = texts, b->text_listener = listener, b->user = user;
    return batcher_all(b, tokenize_some, err) || batcher_run(b, run_batch, err) ? -1 : 0;
}
