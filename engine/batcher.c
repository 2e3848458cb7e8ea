#include "engine/batcher.h"
#include "engine/machine.h"
#include <stdlib.h>
#include <string.h>

enum { DEFAULT_BATCH = 512, LEAST_BATCH = 48, BATCH_FLOATS = 16 << 20 /* of pixels */ };

/* ---- making one ---- */

static int make_worker(const lnt_batcher *b, batch_worker *w, uint32_t n_threads, lnt_error *err) {
    size_t n = b->n_sequences, tokens = b->n_batch;
    lnt_context_options o = {.n_threads = n_threads, .n_sequences = (uint32_t)n, .n_batch = (uint32_t)tokens, .n_outputs = (uint32_t)tokens, .output = b->o.output,
                             .pooling = b->o.pooling, .image_height = b->o.image_height, .image_width = b->o.image_width,
                             .profile = b->o.profile};
    if (!b->model->patches) o.n_ctx = (uint32_t)b->max_tokens;
    if (!b->model->patches && !(w->tokenizer = lnt_tokenizer_new(b->model, err))) return -1;
    if (!(w->context = lnt_context_new(b->model, &o, err))) return -1;
    w->spans = malloc(n * sizeof *w->spans);
    w->outputs = malloc(tokens * sizeof *w->outputs);
    w->rows = malloc(tokens * sizeof *w->rows);
    w->pixels = b->image_floats ? malloc(n * b->image_floats * sizeof *w->pixels) : NULL;
    w->finished = aligned_alloc(64, round_up(b->width, LANES) * sizeof(float));
    if (w->spans && w->outputs && w->rows && w->finished && (w->pixels || !b->image_floats)) return 0;
    return err_memory(err, n * (sizeof *w->spans + b->image_floats * sizeof *w->pixels), "a batcher");
}

static void free_worker(batch_worker *w) {
    lnt_tokenizer_free(w->tokenizer);
    lnt_context_free(w->context);
    free(w->arena.ids);
    free(w->arena.segments);
    free(w->arena.places);
    free(w->spans);
    free(w->outputs);
    free(w->rows);
    free(w->pixels);
    free(w->finished);
}

/* Texts: as many as have a token. Images: of as many tokens as texts, but one at least. */
static int size_batches(lnt_batcher *b, lnt_error *err) {
    const lnt_info *info = &b->model->info;
    if (!b->model->patches) {
        b->max_tokens = b->o.max_tokens ? b->o.max_tokens : info->max_tokens;
        b->n_sequences = b->n_batch = b->n_batch < b->max_tokens ? b->max_tokens : b->n_batch;
        return 0;
    }
    b->max_tokens = model_image_tokens(b->model, &b->o.image_height, &b->o.image_width, err);
    if (!b->max_tokens) return -1;
    b->image_floats = (size_t)info->n_channels * b->o.image_height * b->o.image_width;
    b->n_sequences = b->n_batch / b->max_tokens;
    if (b->n_sequences > BATCH_FLOATS / b->image_floats) b->n_sequences = BATCH_FLOATS / b->image_floats;
    if (!b->n_sequences) b->n_sequences = 1;
    b->n_batch = b->n_sequences * b->max_tokens;
    return 0;
}

static int read_options(lnt_batcher *b, lnt_error *err) {
    const lnt_info *info = &b->model->info;
    const char *path = b->model->file.path;
    if (b->o.max_tokens > info->n_ctx) return err_set(err, "%s: texts of %u tokens, expected at most the model's %u", path, b->o.max_tokens, info->n_ctx);
    if (b->o.n_batch > 1u << 16) return err_set(err, "%s: batches of %u tokens, expected at most %u", path, b->o.n_batch, 1u << 16);
    if (!b->model->patches && (b->o.image_height || b->o.image_width)) return err_set(err, "%s: takes ids, expected no size of images", path);
    if (!b->o.n_threads) b->o.n_threads = lnt_default_threads();
    b->n_batch = b->o.n_batch ? b->o.n_batch : DEFAULT_BATCH;
    b->kernels = model_kernels(err);
    return b->kernels ? size_batches(b, err) : -1;
}

/* What a row of the output is, and what is made of it. */
static int read_output(lnt_batcher *b, lnt_error *err) {
    const graph *g = &b->model->graph;
    const graph_tap *embedding = graph_find_tap(g, "embedding", 0);
    int32_t output = model_output(b->model, b->o.output, err);
    const char *path = b->model->file.path;
    if (output == GRAPH_NONE) return -1;
    b->row_a_token = g->values[output].rows == ROWS_OUTPUTS;
    if (b->row_a_token && b->model->patches) return err_set(err, "%s: gives a row a token, expected an output of images", path);
    b->width = g->values[output].width;
    if (!b->o.dims && !b->o.normalize) return 0;
    if (!embedding || embedding->value != output) return err_set(err, "%s: dims or normalize, expected the output 'embedding' with them", path);
    if (b->o.dims > b->width) return err_set(err, "%s: %u dims of embeddings of %u", path, b->o.dims, b->width);
    if (b->o.dims) b->width = b->o.dims;
    b->finish = true;
    return 0;
}

/* Each thread has a context to itself: no more of them than there is memory for. */
static int make_pool(lnt_batcher *b, const batch_worker *first, lnt_error *err) {
    machine_limits limits;
    machine_read_limits(&limits);
    const uint64_t room = limits.memory ? limits.memory / context_memory(first->context) : UINT32_MAX;
    b->pool = pool_new(b->o.n_threads <= room ? b->o.n_threads : room ? (uint32_t)room : 1, err);
    b->workers = b->pool ? calloc(pool_threads(b->pool) + 1, sizeof *b->workers) : NULL;
    if (b->pool && !b->workers) err_memory(err, pool_threads(b->pool) * sizeof *b->workers, "a batcher");
    return b->workers ? 0 : -1;
}

static int make_workers(lnt_batcher *b, lnt_error *err) {
    batch_worker first = {.context = NULL};
    if (make_worker(b, &first, 1, err) || make_pool(b, &first, err)) {
        free_worker(&first);
        return -1;
    }
    b->workers[0] = first;
    for (uint32_t i = 1; i < pool_threads(b->pool); i++)
        if (make_worker(b, &b->workers[i], 1, err)) return -1;
    profiler_note_threads(b->o.profile, pool_threads(b->pool));
    return 0;
}

lnt_batcher *lnt_batcher_new(const lnt_model *model, const lnt_batcher_options *options, lnt_error *err) {
    lnt_batcher *b = calloc(1, sizeof *b);
    if (!b) return err_memory(err, sizeof *b, "a batcher"), NULL;
    b->model = model;
    if (options) b->o = *options;
    if (!read_options(b, err) && !read_output(b, err) && !make_workers(b, err)) return b;
    lnt_batcher_free(b);
    return NULL;
}

void lnt_batcher_free(lnt_batcher *b) {
    if (!b) return;
    for (uint32_t i = 0; b->workers && i <= pool_threads(b->pool); i++) free_worker(&b->workers[i]);
    pool_free(b->pool);
    free(b->workers);
    free(b->items);
    free(b->order);
    free(b->batches);
    free(b);
}

uint32_t lnt_batcher_threads(const lnt_batcher *b) { return pool_threads(b->pool); }
uint32_t lnt_batcher_width(const lnt_batcher *b) { return b->width; }

/* ---- batches ---- */

static int by_value(const void *a, const void *b) {
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

/* Batches of n_batch tokens while there is much to do, smaller ones towards the end, so that the threads end together. */
static void make_batches(lnt_batcher *b, size_t n_threads) {
    size_t left = 0, in_batch = 0, budget = 0;
    for (size_t i = 0; i < b->n; i++) {
        left += b->items[i].n;
        b->order[i] = (uint64_t)(UINT32_MAX - b->items[i].n) << 32 | i;
    }
    qsort(b->order, b->n, sizeof *b->order, by_value);
    b->n_batches = 0;
    for (size_t i = 0; i < b->n; i++) {
        size_t n = b->items[batcher_at(b, i)].n;
        if (!b->n_batches || in_batch >= budget || in_batch + n > b->n_batch || b->batches[b->n_batches - 1].n == b->n_sequences) {
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

/* ---- a window ---- */

void batcher_fail(lnt_batcher *b, batch_worker *w) {
    w->failed = true;
    __atomic_store_n(&b->claimed, b->n, __ATOMIC_RELAXED);
}

/* 0, or -1 with the error of the first worker that failed. */
static int result(const lnt_batcher *b, lnt_error *err) {
    for (uint32_t i = 0; i <= pool_threads(b->pool); i++)
        if (b->workers[i].failed) return err_set(err, "%s", b->workers[i].err.text);
    return 0;
}

static int reserve(lnt_batcher *b, size_t n, const char *what, lnt_error *err) {
    if (n <= b->capacity) return 0;
    free(b->items);
    free(b->order);
    free(b->batches);
    b->items = malloc(n * sizeof *b->items);
    b->order = malloc(n * sizeof *b->order);
    b->batches = malloc(n * sizeof *b->batches);
    b->capacity = b->items && b->order && b->batches ? n : 0;
    return b->capacity ? 0 : err_memory(err, n * sizeof *b->items, what);
}

int batcher_begin(lnt_batcher *b, size_t n, const char *what, lnt_error *err) {
    uint32_t n_threads = pool_threads(b->pool);
    batch_worker *together = &b->workers[n_threads];
    if (n > UINT32_MAX) return err_set(err, "%s: %zu %s at a time, expected at most %u", b->model->file.path, n, what, UINT32_MAX);
    if (reserve(b, n, what, err)) return -1;
    if (n < n_threads && !together->context && make_worker(b, together, n_threads, err)) {
        free_worker(together);
        *together = (batch_worker){0};
        return -1;
    }
    for (uint32_t i = 0; i <= n_threads; i++) b->workers[i].failed = false, b->workers[i].arena.n = 0;
    b->n = n;
    return 0;
}

static void work_measured(void *arg, uint32_t thread) {
    lnt_batcher *b = arg;
    uint64_t began = profiler_now();
    b->work(b, thread);
    b->workers[thread].busy = profiler_now() - began;
}

int batcher_all(lnt_batcher *b, void (*work)(void *batcher, uint32_t thread), lnt_error *err) {
    uint64_t began = batcher_clock(b), busy = 0;
    b->claimed = 0;
    b->work = work;
    pool_run(b->pool, b->o.profile ? work_measured : work, b);
    for (uint32_t i = 0; i < pool_threads(b->pool); i++) busy += b->workers[i].busy;
    uint64_t all = pool_threads(b->pool) * (batcher_clock(b) - began);
    profiler_add(b->o.profile, (lnt_profile_entry){.name = "end of a window", .calls = 1, .rows = b->n}, 0, all > busy ? all - busy : 0);
    return result(b, err);
}

static void run_some(void *arg, uint32_t thread) {
    lnt_batcher *b = arg;
    for (size_t i; (i = __atomic_fetch_add(&b->claimed, 1, __ATOMIC_RELAXED)) < b->n_batches;) b->run_batch(b, &b->workers[thread], &b->batches[i]);
}

int batcher_run(lnt_batcher *b, void (*run_batch)(lnt_batcher *b, batch_worker *w, const batch *part), lnt_error *err) {
    uint32_t n_threads = pool_threads(b->pool);
    b->run_batch = run_batch;
    make_batches(b, b->n < n_threads ? 1 : n_threads);
    if (b->n >= n_threads) return batcher_all(b, run_some, err);
    b->claimed = 0;
    run_some(b, n_threads);
    return result(b, err);
}

const float *batcher_finish(const lnt_batcher *b, batch_worker *w, const float *row) {
    memset(w->finished, 0, round_up(b->width, LANES) * sizeof(float));
    if (row) memcpy(w->finished, row, b->width * sizeof(float));
    if (b->o.normalize) b->kernels->norm(NORM_L2, w->finished, NULL, NULL, 1e-12f, b->width, w->finished);
    return w->finished;
}
