#include "engine/context.h"
#include <stdlib.h>
#include <string.h>

/* A window of texts is tokenized by all threads, sorted by length and cut into batches of about n_batch tokens, which the
   threads take one by one, the longest first. Each has a context of its own and waits for others only at the window's
   end. Fewer texts than threads are run by all threads together, in one context. */

enum { TEXTS_A_CLAIM = 16, DEFAULT_BATCH = 512, LEAST_BATCH = 48 };

/* The tokens of the texts that one thread has tokenized, one behind the other. */
typedef struct arena {
    int32_t *ids;
    uint8_t *segments;
    lnt_place *places;
    size_t n, capacity;
} arena;

/* Where a text's tokens are. */
typedef struct tokens {
    const arena *in;
    size_t at, n, n_dropped, n_invalid;
} tokens;

typedef struct worker {
    lnt_tokenizer *tokenizer;
    lnt_context *context;
    arena arena;
    lnt_span *spans;    /* [n_batch] */
    uint32_t *outputs;  /* [n_batch] places of tokens, span after span */
    const float **rows; /* [n_batch] */
    float *finished;    /* [width, padded] an embedding that is cut or normalized, or zeros */
    lnt_error err;
    bool failed;
} worker;

typedef struct batch {
    size_t first, n; /* texts in `order` */
} batch;

struct lnt_batcher {
    const lnt_model *model;
    const kernels *kernels;
    lnt_batcher_options o;
    size_t max_tokens, n_batch;
    uint32_t width;
    bool row_a_token, finish;
    pool *pool;
    worker *workers; /* one a thread, and one whose context all threads share: made when it is first needed */

    /* the window being run */
    const lnt_text *texts;
    size_t n_texts, capacity, n_batches, claimed;
    tokens *tokens;  /* [n_texts] */
    uint64_t *order; /* [n_texts] texts by falling length: in the low 32 bits */
    batch *batches;  /* [n_texts] */
    lnt_text_listener *listener;
    void *user;
};

/* ---- making one ---- */

static int make_worker(const lnt_batcher *b, worker *w, uint32_t n_threads, lnt_error *err) {
    size_t n = b->n_batch;
    lnt_context_options o = {.n_threads = n_threads, .n_ctx = (uint32_t)b->max_tokens, .n_sequences = (uint32_t)n, .n_batch = (uint32_t)n,
                             .n_outputs = (uint32_t)n, .output = b->o.output, .pooling = b->o.pooling};
    if (!(w->tokenizer = lnt_tokenizer_new(b->model, err)) || !(w->context = lnt_context_new(b->model, &o, err))) return -1;
    w->spans = malloc(n * sizeof *w->spans);
    w->outputs = malloc(n * sizeof *w->outputs);
    w->rows = malloc(n * sizeof *w->rows);
    w->finished = aligned_alloc(64, round_up(b->width, LANES) * sizeof(float));
    return w->spans && w->outputs && w->rows && w->finished ? 0 : err_memory(err, n * sizeof *w->spans, "a batcher");
}

static void free_worker(worker *w) {
    lnt_tokenizer_free(w->tokenizer);
    lnt_context_free(w->context);
    free(w->arena.ids);
    free(w->arena.segments);
    free(w->arena.places);
    free(w->spans);
    free(w->outputs);
    free(w->rows);
    free(w->finished);
}

static int read_options(lnt_batcher *b, lnt_error *err) {
    const lnt_info *info = &b->model->info;
    const char *path = b->model->file.path;
    if (b->o.max_tokens > info->n_ctx) return err_set(err, "%s: texts of %u tokens, expected at most the model's %u", path, b->o.max_tokens, info->n_ctx);
    if (b->o.n_batch > 1u << 16) return err_set(err, "%s: batches of %u tokens, expected at most %u", path, b->o.n_batch, 1u << 16);
    if (!b->o.n_threads) b->o.n_threads = lnt_default_threads();
    b->max_tokens = b->o.max_tokens ? b->o.max_tokens : info->max_tokens;
    b->n_batch = b->o.n_batch ? b->o.n_batch : DEFAULT_BATCH;
    if (b->n_batch < b->max_tokens) b->n_batch = b->max_tokens;
    b->kernels = model_kernels(err);
    return b->kernels && (b->pool = pool_new(b->o.n_threads, err)) ? 0 : -1;
}

/* What a row of the output is, and what is made of it. */
static int read_output(lnt_batcher *b, lnt_error *err) {
    const graph *g = &b->model->graph;
    const graph_tap *embedding = graph_find_tap(g, "embedding", 0);
    int32_t output = model_output(b->model, b->o.output, err);
    const char *path = b->model->file.path;
    if (output == GRAPH_NONE) return -1;
    b->row_a_token = g->values[output].rows == ROWS_OUTPUTS;
    b->width = g->values[output].width;
    if (!b->o.dims && !b->o.normalize) return 0;
    if (!embedding || embedding->value != output) return err_set(err, "%s: dims or normalize, expected the output 'embedding' with them", path);
    if (b->o.dims > b->width) return err_set(err, "%s: %u dims of embeddings of %u", path, b->o.dims, b->width);
    if (b->o.dims) b->width = b->o.dims;
    b->finish = true;
    return 0;
}

lnt_batcher *lnt_batcher_new(const lnt_model *model, const lnt_batcher_options *options, lnt_error *err) {
    lnt_batcher *b = calloc(1, sizeof *b);
    if (!b) return err_memory(err, sizeof *b, "a batcher"), NULL;
    b->model = model;
    if (options) b->o = *options;
    int rc = read_options(b, err) || read_output(b, err) ? -1 : 0;
    if (!rc && !(b->workers = calloc(pool_threads(b->pool) + 1, sizeof *b->workers))) rc = err_memory(err, sizeof *b->workers, "a batcher");
    for (uint32_t i = 0; !rc && i < pool_threads(b->pool); i++) rc = make_worker(b, &b->workers[i], 1, err);
    if (!rc) return b;
    lnt_batcher_free(b);
    return NULL;
}

void lnt_batcher_free(lnt_batcher *b) {
    if (!b) return;
    for (uint32_t i = 0; b->workers && i <= pool_threads(b->pool); i++) free_worker(&b->workers[i]);
    pool_free(b->pool);
    free(b->workers);
    free(b->tokens);
    free(b->order);
    free(b->batches);
    free(b);
}

uint32_t lnt_batcher_threads(const lnt_batcher *b) { return pool_threads(b->pool); }
uint32_t lnt_batcher_width(const lnt_batcher *b) { return b->width; }

/* ---- tokens ---- */

static int arena_reserve(arena *a, size_t more, bool places) {
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

static int keep(lnt_batcher *b, worker *w, size_t text, const lnt_encoding *e) {
    arena *a = &w->arena;
    if (arena_reserve(a, e->n, e->places)) return err_memory(&w->err, e->n * sizeof *e->ids, "tokens");
    b->tokens[text] = (tokens){a, a->n, e->n, e->n_dropped, e->n_invalid};
    if (e->n) memcpy(a->ids + a->n, e->ids, e->n * sizeof *e->ids), memcpy(a->segments + a->n, e->segments, e->n);
    if (e->n && e->places) memcpy(a->places + a->n, e->places, e->n * sizeof *e->places);
    a->n += e->n;
    return 0;
}

static void fail(lnt_batcher *b, worker *w) {
    w->failed = true;
    __atomic_store_n(&b->claimed, b->n_texts, __ATOMIC_RELAXED);
}

static void tokenize_some(void *arg, uint32_t thread) {
    lnt_batcher *b = arg;
    worker *w = &b->workers[thread];
    lnt_encoding e;
    for (size_t first; (first = __atomic_fetch_add(&b->claimed, TEXTS_A_CLAIM, __ATOMIC_RELAXED)) < b->n_texts;)
        for (size_t i = first; i < first + TEXTS_A_CLAIM && i < b->n_texts && !w->failed; i++) {
            const lnt_text *t = &b->texts[i];
            if (lnt_encode(w->tokenizer, t->text, t->n_bytes, t->pair, t->n_pair_bytes, b->max_tokens, b->o.flags, &e, &w->err) || keep(b, w, i, &e)) fail(b, w);
        }
}

/* ---- batches ---- */

static int by_value(const void *a, const void *b) {
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static size_t text_at(const lnt_batcher *b, size_t i) { return (uint32_t)b->order[i]; }

/* Batches of n_batch tokens while there is much to do, smaller ones towards the end, so that the threads end together. */
static void make_batches(lnt_batcher *b, size_t n_threads) {
    size_t left = 0, in_batch = 0, budget = 0;
    for (size_t i = 0; i < b->n_texts; i++) {
        left += b->tokens[i].n;
        b->order[i] = (uint64_t)(UINT32_MAX - b->tokens[i].n) << 32 | i;
    }
    qsort(b->order, b->n_texts, sizeof *b->order, by_value);
    b->n_batches = 0;
    for (size_t i = 0; i < b->n_texts; i++) {
        size_t n = b->tokens[text_at(b, i)].n;
        if (!b->n_batches || in_batch >= budget || in_batch + n > b->n_batch || b->batches[b->n_batches - 1].n == b->n_batch) {
            b->batches[b->n_batches++] = (batch){i, 0};
            in_batch = 0;
            budget = n_threads > 1 && left / (2 * n_threads) < b->n_batch ? left / (2 * n_threads) : b->n_batch;
            if (budget < LEAST_BATCH) budget = LEAST_BATCH;
        }
        b->batches[b->n_batches - 1].n++;
        in_batch += n;
        left -= n;
    }
}

/* Which of a text's tokens have rows of output; their number. */
static size_t choose_outputs(const lnt_batcher *b, const tokens *t, uint32_t *outputs) {
    size_t n = 0;
    for (size_t i = 0; i < t->n; i++)
        if (b->o.all_outputs || t->in->ids[t->at + i] == b->model->info.mask_id) outputs[n++] = (uint32_t)i;
    return n;
}

/* An embedding as it was asked for: its first dims, of length 1. NULL: zeros. */
static const float *finish_row(const lnt_batcher *b, const float *row, float *out) {
    memset(out, 0, round_up(b->width, LANES) * sizeof *out);
    if (row) memcpy(out, row, b->width * sizeof *out);
    if (b->o.normalize) b->kernels->norm(NORM_L2, out, NULL, NULL, 1e-12f, b->width, out);
    return out;
}

static void give(const lnt_batcher *b, size_t text, const lnt_span *span, const float *const *rows) {
    const tokens *t = &b->tokens[text];
    lnt_encoding e = {t->in->ids + t->at, t->in->segments + t->at, b->o.flags & LNT_PLACES ? t->in->places + t->at : NULL, t->n, t->n_dropped, t->n_invalid};
    lnt_text_result r = {text, &e, b->row_a_token ? span->n_outputs : 1, rows, b->row_a_token ? span->outputs : NULL};
    b->listener(b->user, &r);
}

/* Fills w->spans, leaving out texts of no tokens, which are the last. Their number. */
static size_t set_spans(const lnt_batcher *b, worker *w, const batch *part) {
    size_t n_outputs = 0, i = 0;
    for (; i < part->n && b->tokens[text_at(b, part->first + i)].n; i++) {
        const tokens *t = &b->tokens[text_at(b, part->first + i)];
        w->spans[i] = (lnt_span){.sequence = (uint32_t)i, .ids = t->in->ids + t->at, .n_ids = t->n, .segments = t->in->segments + t->at};
        if (!b->row_a_token) continue;
        w->spans[i].outputs = w->outputs + n_outputs;
        w->spans[i].n_outputs = choose_outputs(b, t, w->outputs + n_outputs);
        n_outputs += w->spans[i].n_outputs;
    }
    for (size_t rest = i; rest < part->n; rest++) w->spans[rest] = (lnt_span){0};
    return i;
}

static void run_batch(lnt_batcher *b, worker *w, const batch *part) {
    size_t n_spans = set_spans(b, w, part), row = 0;
    if (n_spans && lnt_eval(w->context, w->spans, n_spans, &w->err)) {
        fail(b, w);
        return;
    }
    for (size_t i = 0; i < part->n; i++) {
        size_t n = b->row_a_token ? w->spans[i].n_outputs : 1;
        for (size_t r = 0; r < n; r++) w->rows[r] = i < n_spans ? lnt_output(w->context, row++) : NULL;
        if (!b->row_a_token && (b->finish || i >= n_spans)) w->rows[0] = finish_row(b, w->rows[0], w->finished);
        give(b, text_at(b, part->first + i), &w->spans[i], w->rows);
    }
}

static void run_some(void *arg, uint32_t thread) {
    lnt_batcher *b = arg;
    for (size_t i; (i = __atomic_fetch_add(&b->claimed, 1, __ATOMIC_RELAXED)) < b->n_batches;) run_batch(b, &b->workers[thread], &b->batches[i]);
}

/* ---- a window ---- */

static int reserve(lnt_batcher *b, size_t n, lnt_error *err) {
    if (n <= b->capacity) return 0;
    free(b->tokens);
    free(b->order);
    free(b->batches);
    b->tokens = malloc(n * sizeof *b->tokens);
    b->order = malloc(n * sizeof *b->order);
    b->batches = malloc(n * sizeof *b->batches);
    b->capacity = b->tokens && b->order && b->batches ? n : 0;
    return b->capacity ? 0 : err_memory(err, n * sizeof *b->tokens, "texts");
}

/* 0, or -1 with the error of the first worker that failed. */
static int result(lnt_batcher *b, lnt_error *err) {
    for (uint32_t i = 0; i <= pool_threads(b->pool); i++)
        if (b->workers[i].failed) return err_set(err, "%s", b->workers[i].err.text);
    return 0;
}

int lnt_batcher_run(lnt_batcher *b, const lnt_text *texts, size_t n_texts, lnt_text_listener *listener, void *user, lnt_error *err) {
    uint32_t n_threads = pool_threads(b->pool);
    worker *together = &b->workers[n_threads];
    if (n_texts > UINT32_MAX) return err_set(err, "%s: %zu texts at a time, expected at most %u", b->model->file.path, n_texts, UINT32_MAX);
    if (!n_texts) return 0;
    if (reserve(b, n_texts, err)) return -1;
    if (n_texts < n_threads && !together->context && make_worker(b, together, n_threads, err)) return -1;
    for (uint32_t i = 0; i <= n_threads; i++) b->workers[i].failed = false, b->workers[i].arena.n = 0;
    b->texts = texts, b->n_texts = n_texts, b->listener = listener, b->user = user;
    b->claimed = 0;
    pool_run(b->pool, tokenize_some, b);
    if (result(b, err)) return -1;
    make_batches(b, n_texts < n_threads ? 1 : n_threads);
    b->claimed = 0;
    if (n_texts < n_threads) run_some(b, n_threads);
    else pool_run(b->pool, run_some, b);
    return result(b, err);
}
