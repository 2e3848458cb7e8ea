#include "measure/tasks.h"
#include "formats/error.h"
#include "measure/clock.h"
#include "measure/texts.h"
#include <stdlib.h>
#include <string.h>

enum { DECODE_BEFORE = 32, DECODE_TOKENS = 64, PREFILL = 512, PACKED_TOKENS = 512, TOKENS_A_THREAD = 1024, MIN_TURNS = 2 };

struct measure_task {
    const lnt_model *model;
    measure_task_case c;
    lnt_info info;
    lnt_context_options options;
    lnt_context *context; /* either this, with spans of ids */
    lnt_span *spans;
    size_t n_spans;
    int32_t *ids;
    lnt_batcher *batcher; /* or this, with texts or pictures */
    measure_texts texts;
    lnt_picture *pictures;
    float *pixels;
    double items;
};

/* ---- cases ---- */

static measure_task_case case_of(measure_task_kind kind, uint32_t size) {
    static const char *const names[] = {"decode", "prefill", "texts", "images"}, *const units[] = {"tokens/s", "tokens/s", "texts/s", "images/s"};
    measure_task_case c = {.kind = kind, .size = size, .unit = units[kind]};
    if (kind == TASK_DECODE)
        snprintf(c.name, sizeof c.name, "%s", names[kind]);
    else
        snprintf(c.name, sizeof c.name, "%s/%u", names[kind], size);
    return c;
}

static uint32_t least(uint32_t a, uint32_t b) { return a < b ? a : b; }

size_t measure_task_cases(const lnt_model *model, measure_task_case cases[MEASURE_TASK_CASES]) {
    lnt_info info;
    lnt_model_info(model, &info);
    if (!strcmp(info.task, "causal-lm")) {
        cases[0] = case_of(TASK_DECODE, least(DECODE_BEFORE, info.n_ctx / 2));
        cases[1] = case_of(TASK_PREFILL, least(PREFILL, info.n_ctx));
    } else if (info.n_channels) {
        cases[0] = case_of(TASK_IMAGES, 1);
        cases[1] = case_of(TASK_IMAGES, 4);
    } else {
        cases[0] = case_of(TASK_TEXTS, least(11, info.max_tokens));
        cases[1] = case_of(TASK_TEXTS, least(128, info.max_tokens));
    }
    return MEASURE_TASK_CASES;
}

/* ---- made ready ---- */

static uint64_t draw(uint64_t *state) {
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return *state >> 40;
}

/* Sequences of random ids, evaluated together. */
static int prepare_spans(measure_task *t, size_t n_spans, size_t n_ids, lnt_error *err) {
    uint64_t state = 1;
    t->n_spans = n_spans;
    t->spans = calloc(n_spans, sizeof *t->spans);
    t->ids = malloc(n_spans * n_ids * sizeof *t->ids);
    if (!t->spans || !t->ids) return err_memory(err, n_spans * n_ids * sizeof *t->ids, "ids");
    for (size_t i = 0; i < n_spans * n_ids; i++) t->ids[i] = (int32_t)(draw(&state) % t->info.vocab_size);
    for (size_t i = 0; i < n_spans; i++) t->spans[i] = (lnt_span){.sequence = (uint32_t)i, .ids = t->ids + i * n_ids, .n_ids = n_ids};
    t->options.n_sequences = (uint32_t)n_spans;
    t->context = lnt_context_new(t->model, &t->options, err);
    return t->context ? 0 : -1;
}

static int prepare_causal(measure_task *t, lnt_error *err) {
    t->options.n_ctx = least(t->info.n_ctx, t->c.kind == TASK_DECODE ? DECODE_BEFORE + DECODE_TOKENS : t->c.size);
    t->items = t->c.kind == TASK_DECODE ? 1 : t->c.size;
    return prepare_spans(t, 1, t->c.kind == TASK_DECODE ? 1 : t->c.size, err);
}

/* A model that says nothing of texts or images as a whole is pooled. */
static void choose_output(measure_task *t) {
    const bool whole = !strcmp(t->info.task, "sequence-classification") || !strcmp(t->info.task, "image-classification") || t->info.embedding_width;
    if (whole) return;
    t->options.output = "embedding";
    t->options.pooling = t->info.n_channels ? "first" : "mean";
}

static int prepare_texts(measure_task *t, lnt_error *err) {
    choose_output(t);
    if (!t->info.has_tokenizer) {
        const uint32_t n = PACKED_TOKENS / t->c.size ? PACKED_TOKENS / t->c.size : 1;
        t->items = n;
        t->options.n_ctx = t->c.size;
        t->options.n_batch = n * t->c.size;
        return prepare_spans(t, n, t->c.size, err);
    }
    const lnt_batcher_options o = {.n_threads = t->options.n_threads, .output = t->options.output, .pooling = t->options.pooling};
    t->batcher = lnt_batcher_new(t->model, &o, err);
    if (!t->batcher) return -1;
    const size_t tokens = (size_t)TOKENS_A_THREAD * lnt_batcher_threads(t->batcher), n = tokens / t->c.size ? tokens / t->c.size : 1;
    t->items = (double)n;
    return measure_texts_make(t->model, n, t->c.size, &t->texts, err);
}

static int prepare_images(measure_task *t, lnt_error *err) {
    choose_output(t);
    const lnt_batcher_options o = {.n_threads = t->options.n_threads, .output = t->options.output, .pooling = t->options.pooling};
    const size_t floats = (size_t)t->info.n_channels * t->info.image_height * t->info.image_width, n = t->c.size;
    uint64_t state = 1;
    t->items = (double)n;
    t->pixels = malloc(n * floats * sizeof *t->pixels);
    t->pictures = calloc(n, sizeof *t->pictures);
    if (!t->pixels || !t->pictures) return err_memory(err, n * floats * sizeof *t->pixels, "pixels");
    for (size_t i = 0; i < n * floats; i++) t->pixels[i] = (float)draw(&state) * 0x1p-22f - 2;
    for (size_t i = 0; i < n; i++) t->pictures[i].pixels = t->pixels + i * floats;
    t->batcher = lnt_batcher_new(t->model, &o, err);
    return t->batcher ? 0 : -1;
}

measure_task *measure_task_new(const lnt_model *model, const measure_task_case *c, uint32_t threads, lnt_error *err) {
    measure_task *t = calloc(1, sizeof *t);
    if (!t) return err_memory(err, sizeof *t, "a measurement"), NULL;
    *t = (measure_task){.model = model, .c = *c, .options = {.n_threads = threads}};
    lnt_model_info(model, &t->info);
    const int rc = c->kind == TASK_TEXTS ? prepare_texts(t, err) : c->kind == TASK_IMAGES ? prepare_images(t, err) : prepare_causal(t, err);
    if (!rc) return t;
    measure_task_free(t);
    return NULL;
}

void measure_task_free(measure_task *t) {
    if (!t) return;
    lnt_batcher_free(t->batcher);
    lnt_context_free(t->context);
    measure_texts_free(&t->texts);
    free(t->pictures);
    free(t->pixels);
    free(t->spans);
    free(t->ids);
    free(t);
}

double measure_task_items(const measure_task *t) { return t->items; }

/* ---- run ---- */

static void take_text(void *user, const lnt_text_result *result) {
    (void)user;
    (void)result;
}

static void take_picture(void *user, const lnt_picture_result *result) {
    (void)user;
    (void)result;
}

/* Fills the context up to where decoding is measured, again whenever it is full. */
static int make_place(measure_task *t, lnt_error *err) {
    size_t held = lnt_sequence_length(t->context, 0);
    if (t->c.kind != TASK_DECODE) {
        lnt_sequence_truncate(t->context, 0, 0);
        return 0;
    }
    if (held >= t->options.n_ctx) lnt_sequence_truncate(t->context, 0, held = t->c.size);
    for (; held < t->c.size; held++) {
        const lnt_span one = {.ids = t->ids, .n_ids = 1, .no_outputs = true};
        if (lnt_eval(t->context, &one, 1, err)) return -1;
    }
    return 0;
}

int measure_task_run(measure_task *t, lnt_error *err) {
    if (t->pictures) return lnt_batcher_run_images(t->batcher, t->pictures, t->c.size, take_picture, NULL, err);
    if (t->batcher) return lnt_batcher_run(t->batcher, t->texts.texts, t->texts.n, take_text, NULL, err);
    return make_place(t, err) || lnt_eval(t->context, t->spans, t->n_spans, err) ? -1 : 0;
}

/* A text or image by itself, as often as there are items: encoders calculate the same whatever stands beside it. */
static int cost_of_one(const measure_task *t, const measure_roof_result *roof, measure_cost *cost, lnt_error *err) {
    int32_t *ids = calloc(t->c.size, sizeof *ids);
    if (!ids) return err_memory(err, t->c.size * sizeof *ids, "ids");
    lnt_context_options o = t->options;
    if (!t->pictures) o.n_ctx = t->c.size;
    o.n_sequences = 1;
    const lnt_span one = {.ids = t->pictures ? NULL : ids, .n_ids = t->pictures ? 0 : t->c.size, .pixels = t->pixels};
    const int rc = measure_cost_of(t->model, &o, &one, 1, 0, roof, cost, err);
    free(ids);
    cost->operations *= t->items, cost->bytes *= t->items, cost->ideal_seconds *= t->items;
    return rc;
}

int measure_task_cost(const measure_task *t, const measure_roof_result *roof, measure_cost *cost, lnt_error *err) {
    if (t->batcher) return cost_of_one(t, roof, cost, err);
    return measure_cost_of(t->model, &t->options, t->spans, t->n_spans, t->c.kind == TASK_DECODE ? t->c.size : 0, roof, cost, err);
}

int measure_task_best(measure_task *t, double seconds, double *best, lnt_error *err) {
    const double least_turn = seconds / 8, begin = measure_seconds();
    for (int turn = -1; turn < MIN_TURNS || measure_seconds() - begin < seconds; turn++) {
        const double from = measure_seconds();
        double taken;
        size_t runs = 0;
        do {
            if (measure_task_run(t, err)) return -1;
            runs++;
            taken = measure_seconds() - from;
        } while (taken < least_turn);
        if (turn <= 0 || taken / (double)runs < *best) *best = taken / (double)runs; /* the first turn only warms up */
    }
    return 0;
}
