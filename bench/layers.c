/* A transformer layer of each model's shape through the engine, with the little that is around it: embeddings of few ids, patches, a last norm. */
#include "bench/bench.h"
#include "bench/checkpoint.h"
#include "formats/error.h"
#include "measure/cost.h"
#include <stdlib.h>
#include <string.h>

static const checkpoint_shape shapes[] = {
    {"gpt2-124m", "gpt2", 768, 12, 3072},
    {"minilm-l6", "bert", 384, 12, 1536},
    {"bert-base", "bert", 768, 12, 3072},
    {"vit-b16", "vit", 768, 12, 3072},
};
static const char *const types[] = {"f32", "f16", "q8", "q4"};
enum { SHAPES = sizeof shapes / sizeof *shapes, TYPES = sizeof types / sizeof *types };

/* So many sequences of so many tokens; images of 197 are counted by their number alone. */
typedef struct load {
    uint32_t sequences, tokens;
} load;
static const load loads[SHAPES][4] = {{{1, 8}, {1, 32}, {1, 128}, {1, 512}},
                                      {{1, 11}, {46, 11}, {1, 128}, {4, 128}},
                                      {{1, 11}, {1, 128}, {4, 128}},
                                      {{1, 197}, {4, 197}}};

typedef struct layer_case {
    size_t shape, type;
    uint32_t threads;
    load load;
} layer_case;

typedef struct layer_job {
    lnt_context *context;
    lnt_context_options options;
    lnt_span *spans;
    int32_t *ids;
    float *pixels;
} layer_job;

/* Made when it is first asked for, for the rest of the process. */
static const lnt_model *model_of(const layer_case *c, lnt_error *err) {
    static const lnt_model *models[SHAPES][TYPES];
    const lnt_model **m = &models[c->shape][c->type];
    if (!*m) *m = checkpoint_model(shapes + c->shape, types[c->type], err);
    return *m;
}

static void end(void *job) {
    layer_job *j = job;
    if (!j) return;
    lnt_context_free(j->context);
    free(j->spans);
    free(j->ids);
    free(j->pixels);
    free(j);
}

static int prepare(layer_job *j, const layer_case *c, const lnt_model *model, lnt_error *err) {
    lnt_info info;
    lnt_model_info(model, &info);
    const load *l = &c->load;
    const size_t floats = (size_t)info.n_channels * info.image_height * info.image_width;
    j->options = (lnt_context_options){.n_threads = c->threads, .n_ctx = l->tokens, .n_sequences = l->sequences, .n_batch = l->sequences * l->tokens};
    if (!strcmp(shapes[c->shape].family, "bert")) j->options.output = "embedding", j->options.pooling = "mean";
    j->spans = calloc(l->sequences, sizeof *j->spans);
    j->ids = calloc((size_t)l->sequences * l->tokens, sizeof *j->ids);
    j->pixels = calloc(floats + 1, sizeof *j->pixels);
    if (!j->spans || !j->ids || !j->pixels) return err_memory(err, floats * sizeof *j->pixels, "a layer");
    for (size_t i = 0; !floats && i < (size_t)l->sequences * l->tokens; i++) j->ids[i] = (int32_t)(i * 769 % info.vocab_size);
    for (size_t i = 0; i < floats; i++) j->pixels[i] = (float)(i * 7919 % 4001) / 1000 - 2;
    for (uint32_t i = 0; i < l->sequences; i++) {
        j->spans[i].sequence = i;
        if (floats)
            j->spans[i].pixels = j->pixels;
        else
            j->spans[i].ids = j->ids + i * l->tokens, j->spans[i].n_ids = l->tokens;
    }
    j->context = lnt_context_new(model, &j->options, err);
    return j->context ? 0 : -1;
}

static int run(void *job, uint32_t thread, lnt_error *err) {
    layer_job *j = job;
    (void)thread;
    for (uint32_t i = 0; i < j->options.n_sequences; i++) lnt_sequence_truncate(j->context, i, 0);
    return lnt_eval(j->context, j->spans, j->options.n_sequences, err);
}

static void *begin(const void *arg, uint32_t threads, gbench_work *work, lnt_error *err) {
    const layer_case *c = arg;
    measure_cost cost;
    (void)threads;
    const measure_roof_result *roof = bench_roof(c->threads, err);
    const lnt_model *model = roof ? model_of(c, err) : NULL;
    layer_job *j = model ? calloc(1, sizeof *j) : NULL;
    if (!j || prepare(j, c, model, err) || measure_cost_of(model, &j->options, j->spans, c->load.sequences, 0, roof, &cost, err) || run(j, 0, err)) {
        end(j);
        return NULL;
    }
    work->operations = cost.operations;
    work->ideal_seconds = cost.ideal_seconds;
    work->items = (double)c->load.sequences * c->load.tokens;
    work->item = "tokens/s";
    return j;
}

static void add(const layer_case *c) {
    char name[96];
    snprintf(name, sizeof name, "layer/%s/%s/%ux%u/on:%u", shapes[c->shape].name, types[c->type], c->load.sequences, c->load.tokens, c->threads);
    gbench_add(&(gbench_case){.name = name, .threads = 1, .arg = c, .arg_bytes = sizeof *c, .begin = begin, .run = run, .end = end});
}

void bench_add_layers(void) {
    uint32_t threads[2];
    const size_t n = bench_threads(threads);
    for (size_t s = 0; s < SHAPES; s++)
        for (size_t t = 0; t < TYPES; t++)
            for (size_t l = 0; l < sizeof loads[s] / sizeof *loads[s] && loads[s][l].sequences; l++)
                for (size_t i = 0; i < n; i++) add(&(layer_case){s, t, threads[i], loads[s][l]});
}
