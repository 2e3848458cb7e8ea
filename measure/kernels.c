#include "measure/kernels.h"
#include "formats/tensor.h"
#include "measure/room.h"
#include <stdlib.h>
#include <string.h>

/* What a thread works with, on cache lines of its own. */
typedef struct part {
    _Alignas(64) float *x;
    float *y, *y2;
    float *gamma;
    void *row; /* of weights or quantised */
    attention_args attention;
    size_t next; /* copy of the weights */
    float found;
} part;

struct measure_job {
    const measure_case *c;
    const kernels *level;
    uint32_t threads;
    room memory;
    size_t taken;
    uint64_t random;
    part *parts;
    linear_args linear;
    const char *weights; /* the copies */
    size_t n_weights;
    tensor_planes planes;
};

/* ---- inputs ---- */

/* The next bytes of the job's memory. With memory not there yet: only counted. */
static void *take(measure_job *j, size_t bytes) {
    const size_t at = j->taken;
    j->taken += round_up(bytes, 64);
    return j->memory.at ? j->memory.at + at : NULL;
}

static uint64_t draw(measure_job *j) {
    j->random ^= j->random << 13, j->random ^= j->random >> 7, j->random ^= j->random << 17;
    return j->random;
}

/* Uniform in -range .. range */
static float *draw_floats(measure_job *j, size_t n, float range) {
    float *x = take(j, round_up(n, QUANT_PAD) * sizeof *x);
    for (size_t i = 0; x && i < n; i++) x[i] = ((float)(draw(j) >> 40) * 0x1p-23f - 1) * range;
    return x;
}

/* -127 .. 127, or up to 64 where pairs must be small; also pairs of nibbles. */
static void draw_bytes(measure_job *j, void *to, size_t n) {
    int8_t *x = to;
    const int most = j->c->pairs ? 64 : 127;
    for (size_t i = 0; i < n; i++) x[i] = (int8_t)((int)(draw(j) % (uint64_t)(2 * most + 1)) - most);
}

static void draw_halves(measure_job *j, const float *x, uint16_t *to, size_t n) {
    for (size_t i = 0; i < n; i += LANES) j->level->f32_to_f16(x + i % 1024, to + i, LANES);
}

/* A tensor of panels as a file holds it. */
static void draw_weights(measure_job *j, tensor_type type, size_t n, size_t k, const tensor_planes *planes, const float *x, char *to) {
    const size_t outputs = round_up(n, LANES);
    float *scale = (float *)(void *)(to + planes->scale_at);
    uint16_t *half = (uint16_t *)(void *)(to + planes->scale_at);
    switch (type) {
    case TENSOR_F32:
        for (size_t i = 0; i < outputs * k; i++) ((float *)(void *)to)[i] = x[i % 1024];
        break;
    case TENSOR_F16: draw_halves(j, x, (uint16_t *)(void *)to, outputs * k); break;
    case TENSOR_Q8:
        draw_bytes(j, to, outputs * round_up(k, QUANT_PAD));
        for (size_t i = 0; i < outputs; i++) scale[i] = 0.01f;
        break;
    default:
        draw_bytes(j, to, outputs * round_up(k, QUANT_PAD) / 2);
        for (size_t i = 0; i < outputs * round_up(k, QUANT_PAD) / QUANT_GROUP; i++) half[i] = 0x2000; /* 2^-7 */
        break;
    }
}

static void prepare_weights(measure_job *j, tensor_type type, size_t n, size_t k, size_t copies) {
    tensor_layout_planes(type, LAYOUT_PANELS, n, k, &j->planes);
    const float *x = draw_floats(j, 1024, 1);
    char *to = take(j, copies * j->planes.bytes);
    j->weights = to;
    j->n_weights = copies;
    if (!to) return;
    draw_weights(j, type, n, k, &j->planes, x, to);
    for (size_t i = 1; i < copies; i++) memcpy(to + i * j->planes.bytes, to, j->planes.bytes);
}

static void prepare_linear(measure_job *j) {
    const measure_case *c = j->c;
    const size_t outputs = round_up(c->n, LANES), padded = round_up(c->k, QUANT_PAD);
    const bool quantized = c->which >= WEIGHT_Q8;
    tensor_planes planes = {0};
    tensor_layout_planes((tensor_type)c->which, LAYOUT_PANELS, c->n, c->k, &planes);
    prepare_weights(j, (tensor_type)c->which, c->n, c->k, c->rows == 1 ? 1 + measure_memory_bytes() / planes.bytes : 1);
    float *x = draw_floats(j, c->rows * padded, 1), *bias = draw_floats(j, outputs, 1);
    float *y = take(j, c->rows * outputs * sizeof *y);
    const size_t stride = quantized ? quantized_row_bytes(c->k) : padded * sizeof *x;
    char *rows = quantized ? take(j, c->rows * stride) : (void *)x;
    j->linear = (linear_args){.x = rows, .x_stride = stride, .k = c->k, .bias = bias, .y = y, .y_stride = outputs, .pairs = c->pairs,
                              .stream = c->rows == 1 && (j->level->prefetches_far || c->which == WEIGHT_Q4)}; /* as the engine */
    for (size_t r = 0; quantized && rows && r < c->rows; r++) j->level->quantize(x + r * padded, NULL, c->k, rows + r * stride);
}

static void prepare_attention(measure_job *j, part *p) {
    const measure_case *c = j->c;
    const size_t keys = round_up(c->n, LANES), wide = round_up(c->k, LANES);
    p->attention = (attention_args){
        .q = draw_floats(j, c->rows * c->k, 1), .q_stride = c->k,
        .k_panels = draw_floats(j, keys * c->k, 1), .v_panels = draw_floats(j, keys * wide, 1),
        .capacity = keys, .head_dim = c->k, .n_rows = c->rows, .n_keys = c->n, .causal = c->causal, .scale = 0.125f,
        .out = take(j, c->rows * wide * sizeof(float)), .out_stride = c->k,
        .scratch = take(j, attention_scratch_floats(c->n, c->k) * sizeof(float)),
    };
}

/* Rows of k, or n floats, and room for twice that. */
static void prepare_floats(measure_job *j, part *p) {
    const measure_case *c = j->c;
    const size_t n = c->rows ? c->rows * round_up(c->k, LANES) : c->n;
    p->x = draw_floats(j, n, c->kernel == KERNEL_ACTIVATE || c->kernel == KERNEL_EXP_SUM ? 4 : 1);
    p->y = draw_floats(j, n, 1);
    p->y2 = draw_floats(j, n, 1);
    p->gamma = draw_floats(j, n, 1);
    p->row = take(j, c->rows * quantized_row_bytes(c->k) + quantized_row_bytes(n) + n * sizeof(uint16_t)); /* quantised, or halves */
    if (p->row && c->kernel == KERNEL_F16_TO_F32) draw_halves(j, p->x, p->row, c->n / 1024 * 1024);
}

static void prepare_hamming(measure_job *j, part *p) {
    const size_t words = j->c->k;
    p->x = take(j, words * sizeof(uint64_t));
    p->row = take(j, words * HAMMING_ROWS * sizeof(uint64_t));
    p->y = take(j, HAMMING_ROWS * sizeof(uint32_t));
    if (p->x) draw_bytes(j, p->x, words * sizeof(uint64_t));
    if (p->row) draw_bytes(j, p->row, words * HAMMING_ROWS * sizeof(uint64_t));
}

/* All inputs, twice: first to know how much memory they take, then into it. */
static void prepare(measure_job *j) {
    j->taken = 0;
    j->random = 88172645463325252u;
    if (j->c->kernel == KERNEL_LINEAR) prepare_linear(j);
    if (j->c->kernel == KERNEL_WEIGHT_ROW) prepare_weights(j, (tensor_type)j->c->which, LANES, j->c->k, 1);
    for (uint32_t t = 0; t < j->threads; t++) {
        part *p = j->parts + t;
        switch (j->c->kernel) {
        case KERNEL_LINEAR: break;
        case KERNEL_ATTENTION: prepare_attention(j, p); break;
        case KERNEL_HAMMING: prepare_hamming(j, p); break;
        case KERNEL_WEIGHT_ROW: p->y = take(j, round_up(j->c->k, LANES) * sizeof(float)); break;
        default: prepare_floats(j, p); break;
        }
    }
}

measure_job *measure_job_new(const measure_case *c, const kernels *level, uint32_t threads, lnt_error *err) {
    measure_job *j = calloc(1, sizeof *j);
    if (!j) return err_memory(err, sizeof *j, "a measurement"), NULL;
    *j = (measure_job){.c = c, .level = level, .threads = threads, .parts = aligned_alloc(64, threads * sizeof *j->parts)};
    if (!j->parts) {
        free(j);
        return err_memory(err, threads * sizeof *j->parts, "a measurement"), NULL;
    }
    memset(j->parts, 0, threads * sizeof *j->parts);
    prepare(j);
    if (room_make(&j->memory, j->taken, err)) {
        measure_job_free(j);
        return NULL;
    }
    prepare(j);
    return j;
}

void measure_job_free(measure_job *j) {
    if (!j) return;
    room_free(&j->memory);
    free(j->parts);
    free(j);
}

/* ---- runs ---- */

static void run_linear(measure_job *j, part *p, uint32_t thread) {
    const measure_case *c = j->c;
    const size_t panels = (c->n + LANES - 1) / LANES, begin = panels * thread / j->threads, end = panels * (thread + 1) / j->threads;
    const char *w = j->weights + p->next * j->planes.bytes;
    linear_args a = j->linear;
    a.w = w, a.w_scale = w + j->planes.scale_at, a.w_sum = w + j->planes.sum_at;
    p->next = p->next + 1 < j->n_weights ? p->next + 1 : 0;
    j->level->linear[c->which](&a, 0, c->rows, begin, end);
}

static void run_norm_rows(const measure_job *j, part *p) {
    const measure_case *c = j->c;
    const norm_args a = {.kind = (norm_kind)c->which, .x = p->x, .gamma = p->gamma, .beta = p->gamma, .eps = 1e-5f, .width = c->k,
                         .x_stride = round_up(c->k, LANES), .y = p->y, .y_stride = round_up(c->k, LANES),
                         .q = p->row, .q_stride = quantized_row_bytes(c->k)};
    j->level->norm_rows(&a, c->rows);
}

void measure_job_run(measure_job *j, uint32_t thread) {
    const measure_case *c = j->c;
    const kernels *k = j->level;
    part *p = j->parts + thread;
    switch (c->kernel) {
    case KERNEL_LINEAR: run_linear(j, p, thread); break;
    case KERNEL_ATTENTION: k->attention(&p->attention); break;
    case KERNEL_KV_STORE: k->kv_store(p->x, c->k, p->y, c->k, c->rows, c->k, 0, c->rows, p->y2, p->gamma); break;
    case KERNEL_NORM: k->norm((norm_kind)c->which, p->x, p->gamma, p->gamma, 1e-5f, c->n, p->y); break;
    case KERNEL_NORM_ROWS: run_norm_rows(j, p); break;
    case KERNEL_QUANTIZE: k->quantize(p->x, NULL, c->n, p->row); break;
    case KERNEL_ACTIVATE: k->activate((activation)c->which, p->x, p->y, c->n); break;
    case KERNEL_EXP_SUM: p->found += k->exp_sum(p->x, c->n, 1, 4, c->bound == BOUND_L1 ? p->y : NULL); break;
    case KERNEL_MAX: p->found += k->max(p->x, c->n); break;
    case KERNEL_ADD: k->add(p->x, p->y, c->n); break;
    case KERNEL_POOL: k->pool((pooling_kind)c->which, p->x, round_up(c->k, LANES), c->rows, c->k, p->y); break;
    case KERNEL_WEIGHT_ROW: k->weight_row[c->which](j->weights, j->weights + j->planes.scale_at, c->k, 5, p->y); break;
    case KERNEL_F16_TO_F32: k->f16_to_f32(p->row, p->y, c->n); break;
    case KERNEL_F32_TO_F16: k->f32_to_f16(p->x, p->row, c->n); break;
    case KERNEL_HAMMING: k->hamming((const uint64_t *)(const void *)p->x, p->row, c->k, (uint32_t *)(void *)p->y); break;
    }
}

static void run_rounds(void *arg, uint32_t thread, uint64_t rounds) {
    for (uint64_t i = 0; i < rounds; i++) measure_job_run(arg, thread);
}

int measure_job_best(const measure_case *c, const kernels *level, turns *t, double seconds, double *best, lnt_error *err) {
    measure_job *j = measure_job_new(c, level, turns_threads(t), err);
    if (!j) return -1;
    turns_once(t, run_rounds, j);
    *best = turns_best(t, run_rounds, j, seconds);
    measure_job_free(j);
    return 0;
}
