#define _GNU_SOURCE
#include "cli/texts.h"
#include "cli/cli.h"
#include <inttypes.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum {
    MAX_TEXTS = 8192,           /* of a window */
    MAX_BYTES = 4 << 20,        /* of its text, and one text more */
    MAX_RESULTS = 32 << 20,     /* of its results */
    TEXT_COST = 32,             /* a text counts as its bytes and these: */
    FIRST_COST = 24 << 10       /* of the first window; they grow from here */
};

/* The records of a window; their bytes lie in one block, which moves while it grows. */
typedef struct window {
    texts *t;
    record *records;
    size_t *places; /* where each one's text begins in bytes, prefix included; its pair follows */
    lnt_text *texts;
    io_bytes *results;
    size_t n, capacity;
    io_bytes bytes;
    atomic_uint_least64_t truncated, invalid, tokens;
    atomic_bool failed;
} window;

static int make_window(window *w, texts *t, lnt_error *err) {
    size_t by_result = t->result_bytes ? MAX_RESULTS / t->result_bytes + 1 : MAX_TEXTS;
    size_t n = by_result < MAX_TEXTS ? by_result : MAX_TEXTS;
    *w = (window){.t = t, .capacity = n};
    w->records = malloc(n * sizeof *w->records);
    w->places = malloc(n * sizeof *w->places);
    w->texts = malloc(n * sizeof *w->texts);
    w->results = calloc(n, sizeof *w->results);
    if (w->records && w->places && w->texts && w->results) return 0;
    return cli_error(err, "out of memory for %zu texts", n);
}

static void free_window(window *w) {
    for (size_t i = 0; w->results && i < w->capacity; i++) io_bytes_free(&w->results[i]);
    io_bytes_free(&w->bytes);
    free(w->records);
    free(w->places);
    free(w->texts);
    free(w->results);
}

/* A record's text as the model is to see it. */
static int append_text(io_bytes *bytes, const texts *t, const char *text, size_t n) {
    size_t n_from = t->from ? strlen(t->from) : 0;
    for (const char *at; n_from && (at = memmem(text, n, t->from, n_from)); text = at + n_from) {
        if (io_append(bytes, text, (size_t)(at - text)) != 0 || io_append(bytes, t->to, strlen(t->to)) != 0) return -1;
        n -= (size_t)(at - text) + n_from;
    }
    return io_append(bytes, text, n);
}

static int add(window *w, const record *r, size_t *cost, lnt_error *err) {
    const char *prefix = w->t->prefix ? w->t->prefix : "";
    size_t n_prefix = strlen(prefix), bytes = r->n_bytes + r->n_pair_bytes;
    size_t most = 16 * (size_t)w->t->model->info.n_ctx, at = w->bytes.n; /* what is longer is truncated */
    bool failed = io_append(&w->bytes, prefix, n_prefix) || append_text(&w->bytes, w->t, r->text, r->n_bytes);
    size_t n = w->bytes.n - at - n_prefix;
    failed = failed || io_append(&w->bytes, r->pair, r->n_pair_bytes);
    if (failed || (r->metadata && io_append(&w->bytes, r->metadata, r->n_metadata + 1) != 0))
        return cli_error(err, "%s: out of memory at line %zu", r->file, r->line);
    w->places[w->n] = at;
    w->records[w->n] = *r;
    w->records[w->n++].n_bytes = n;
    *cost += TEXT_COST + (bytes < most ? bytes : most);
    return 0;
}

static bool ready(texts *t) {
    return t->reader ? t->reader->ready(t->user, FLOW_PATIENCE) : records_ready(&t->in, FLOW_PATIENCE);
}

static int next(texts *t, record *r, lnt_error *err) {
    return t->reader ? t->reader->next(t->user, r, err) : records_next(&t->in, r, err);
}

static void progress(void *user, uint64_t *done, uint64_t *all) {
    const texts *t = ((const window *)user)->t;
    if (t->reader) {
        t->reader->progress(t->user, done, all);
        return;
    }
    *done = records_position(&t->in);
    *all = t->in.files.sized ? t->in.files.bytes : 0;
}

/* As flow_input.fill. */
static int fill(void *user, size_t budget, size_t *cost, lnt_error *err) {
    window *w = user;
    record r;
    w->n = *cost = w->bytes.n = 0;
    while (w->n < w->capacity && w->bytes.n < MAX_BYTES && *cost < budget) {
        if (w->n && !ready(w->t)) return 1;
        if (flow_interrupted) return 0;
        int got = next(w->t, &r, err);
        if (flow_interrupted) return 0; /* a read that it broke off is no error */
        if (got <= 0) return got;
        if (add(w, &r, cost, err) != 0) return -1;
    }
    return 1;
}

/* Now that the bytes stay where they are. */
static void place(window *w) {
    const char *query = w->t->query, *bytes = w->bytes.data ? w->bytes.data : "";
    size_t n_prefix = w->t->prefix ? strlen(w->t->prefix) : 0;
    for (size_t i = 0; i < w->n; i++) {
        record *r = &w->records[i];
        const char *whole = bytes + w->places[i];
        r->text = whole + n_prefix;
        if (r->pair) r->pair = r->text + r->n_bytes;
        if (r->metadata) r->metadata = r->text + r->n_bytes + r->n_pair_bytes;
        w->texts[i] = query ? (lnt_text){query, strlen(query), r->text, r->n_bytes}
                            : (lnt_text){whole, n_prefix + r->n_bytes, r->pair, r->n_pair_bytes};
    }
}

static void listen(void *user, const lnt_text_result *result) {
    window *w = user;
    const record *r = &w->records[result->index];
    io_bytes *out = &w->results[result->index];
    const lnt_encoding *e = result->encoding;
    atomic_fetch_add(&w->tokens, e->n);
    if (e->n_dropped) atomic_fetch_add(&w->truncated, 1);
    if (e->n_invalid || r->invalid) atomic_fetch_add(&w->invalid, 1);
    out->n = 0;
    if (w->t->render(w->t->user, r, result, out) != 0) atomic_store(&w->failed, true);
}

/* In the order of the input. */
static int write_window(window *w, lnt_error *err) {
    texts *t = w->t;
    double began = cli_seconds();
    for (size_t i = 0; i < w->n; i++) {
        const io_bytes *out = &w->results[i];
        int failed = t->take ? t->take(t->user, &w->records[i], out->data, out->n, err) : t->sink->write(t->user, out->data, out->n, err);
        if (failed) return -1;
        io_bytes_free(&w->results[i]);
    }
    t->counts.inputs += w->n;
    t->counts.tokens += atomic_exchange(&w->tokens, 0);
    t->counts.truncated += atomic_exchange(&w->truncated, 0);
    t->counts.invalid += atomic_exchange(&w->invalid, 0);
    int result = t->sink->window ? t->sink->window(t->user, &t->counts, err) : 0;
    profile_add("write results", began, w->n);
    return result;
}

/* Computes and writes the window. */
static int run_window(void *user, lnt_error *err) {
    window *w = user;
    texts *t = w->t;
    place(w);
    if (lnt_batcher_run(t->batcher, w->texts, w->n, listen, w, err) != 0) return -1;
    if (w->failed) return cli_error(err, "out of memory for the results of %zu texts", w->n);
    return write_window(w, err);
}

int texts_room(const session *model, const char *prefix, uint32_t max_tokens, size_t *room, lnt_error *err) {
    lnt_encoding nothing;
    if (!prefix) prefix = "";
    if (lnt_encode(model->tokenizer, prefix, strlen(prefix), NULL, 0, 0, 0, &nothing, err) != 0) return -1;
    size_t most = max_tokens ? max_tokens : model->info.max_tokens;
    *room = most > nothing.n ? most - nothing.n : 0;
    return 0;
}

int texts_open(texts *t, const lnt_batcher_options *options, const char *const *paths, size_t n_paths, lnt_error *err) {
    const texts_settings *s = t->settings;
    const lnt_info *info = &t->model->info;
    lnt_batcher_options o = *options;
    size_t room;
    o.n_threads = s->threads;
    o.max_tokens = s->max_tokens;
    o.n_batch = s->batch_tokens;
    if (s->max_tokens > info->n_ctx)
        return cli_error(err, "%s: --max-tokens %u is more than the model takes, expected at most %u", t->model->path,
                         s->max_tokens, info->n_ctx);
    if (texts_room(t->model, t->prefix, s->max_tokens, &room, err) != 0) return -1;
    if (!t->reader && records_open(&t->in, &s->in, paths, n_paths, t->model->tokenizer, room, err) != 0) return -1;
    return session_batcher(t->model, &o, &t->batcher, err);
}

static int pass(void *user, lnt_error *err) {
    const window *w = user;
    record r;
    return next(w->t, &r, err);
}

int texts_run(texts *t, lnt_error *err) {
    window w;
    const flow_input in = {.inputs = "texts", .sink = t->sink, .counts = &t->counts, .user = &w, .pass = pass, .fill = fill, .run = run_window,
                           .progress = progress};
    int result = make_window(&w, t, err) != 0 ? -1 : flow_run(&in, FIRST_COST, err);
    free_window(&w);
    return result;
}

void texts_report(const texts *t) {
    const flow_counts *c = &t->counts;
    uint32_t most = t->settings->max_tokens ? t->settings->max_tokens : t->model->info.max_tokens;
    uint64_t n = c->inputs;
    if (c->truncated)
        fprintf(stderr, "linnet: %" PRIu64 " of %" PRIu64 " texts truncated to %u tokens\n", c->truncated, n, most);
    if (c->invalid)
        fprintf(stderr, "linnet: %" PRIu64 " of %" PRIu64 " texts not UTF-8, such bytes read as U+FFFD\n", c->invalid, n);
    if (t->in.n_bad)
        fprintf(stderr, "linnet: %zu record%s skipped, the first: %s\n", t->in.n_bad, t->in.n_bad > 1 ? "s" : "",
                t->in.first_bad.text);
}

void texts_close(texts *t) {
    double began = cli_seconds();
    bool opened = t->batcher != NULL;
    lnt_batcher_free(t->batcher);
    records_close(&t->in);
    if (opened) profile_add("close", began, 0);
}

int texts_print(texts *t, const lnt_batcher_options *options, const char *const *paths, size_t n_paths) {
    lnt_error err;
    t->sink = &flow_stdout;
    int result = texts_open(t, options, paths, n_paths, &err);
    if (result == 0) result = texts_run(t, &err);
    if (result == 0) texts_report(t);
    texts_close(t);
    return result == 0 ? CLI_OK : result > 0 ? CLI_FAILED : cli_fail(&err);
}
