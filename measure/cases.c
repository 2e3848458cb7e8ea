#include "measure/cases.h"
#include "formats/tensor.h"
#include <pthread.h>
#include <stdio.h>
#include <string.h>

enum { MAX_CASES = 512, HEAD = 50257 };
static measure_case cases[MAX_CASES];
static size_t n_cases;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static measure_case *add(measure_kernel kernel, int which) {
    measure_case *c = cases + (n_cases < MAX_CASES - 1 ? n_cases++ : n_cases);
    *c = (measure_case){.kernel = kernel, .which = which};
    return c;
}

/* A single row reads all weights from memory; many rows calculate with weights that are in a cache. */
static void add_linear(tensor_type type, bool pairs, size_t rows, size_t k, size_t n) {
    static const measure_bound by_type[] = {BOUND_FP32, BOUND_FP32, BOUND_INT8, BOUND_INT4};
    tensor_planes planes = {0};
    tensor_layout_planes(type, LAYOUT_PANELS, n, k, &planes);
    measure_case *c = add(KERNEL_LINEAR, (int)type);
    snprintf(c->name, sizeof c->name, "%s%s/%zux%zu/rows:%zu", tensor_type_name(type), type == TENSOR_Q8 && !pairs ? "-wide" : "", k, n, rows);
    c->rows = rows, c->k = k, c->n = n, c->pairs = pairs, c->shared = true;
    c->operations = 2.0 * (double)rows * (double)k * (double)n;
    c->bytes = rows == 1 ? (double)planes.bytes : 0;
    c->bound = rows == 1 ? BOUND_MEMORY : by_type[type];
}

static void add_linears(tensor_type type, bool pairs) {
    static const struct { size_t k, n; } shapes[] = {{384, 384},  {384, 1536}, {1536, 384}, {768, 768},
                                                     {768, 2304}, {768, 3072}, {3072, 768}, {768, HEAD}};
    static const size_t rows[] = {1, 8, 32, 128, 197, 512};
    for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++)
        for (size_t r = 0; r < sizeof rows / sizeof *rows; r++)
            if (shapes[s].n != HEAD || rows[r] <= 8) /* few rows of a prompt meet the head */
                add_linear(type, pairs, rows[r], shapes[s].k, shapes[s].n);
}

/* A single query reads keys and values, which the second-level cache holds. */
static void add_attention(size_t head_dim, size_t rows, size_t keys, bool causal) {
    measure_case *c = add(KERNEL_ATTENTION, 0);
    snprintf(c->name, sizeof c->name, "attention/%zu/rows:%zu/keys:%zu%s", head_dim, rows, keys, causal ? "/causal" : "");
    c->rows = rows, c->k = head_dim, c->n = keys, c->causal = causal;
    const double pairs = causal ? (double)rows * (double)(keys - rows) + (double)rows * (double)(rows + 1) / 2 : (double)rows * (double)keys;
    c->operations = 4 * pairs * (double)head_dim;
    c->bytes = rows == 1 ? 8 * (double)keys * (double)head_dim : 0;
    c->bound = rows == 1 ? BOUND_L2 : BOUND_FP32;
}

/* n elements, of so many bytes read each. */
static void add_elements(measure_kernel kernel, int which, const char *name, size_t n, double bytes_each, measure_bound bound) {
    measure_case *c = add(kernel, which);
    snprintf(c->name, sizeof c->name, "%s/%zu", name, n);
    c->n = n, c->elements = (double)n, c->bytes = (double)n * bytes_each, c->bound = bound;
}

/* rows of k floats, of so many bytes read each */
static void add_rows(measure_kernel kernel, int which, const char *name, size_t rows, size_t k, double bytes_each, measure_bound bound) {
    measure_case *c = add(kernel, which);
    snprintf(c->name, sizeof c->name, "%s/%zux%zu", name, rows, k);
    c->rows = rows, c->k = k, c->elements = (double)rows * (double)k, c->bytes = c->elements * bytes_each, c->bound = bound;
}

/* A row out of a panel: what is read is the panel. */
static void add_weight_row(tensor_type type, size_t k) {
    tensor_planes planes = {0};
    tensor_layout_planes(type, LAYOUT_PANELS, LANES, k, &planes);
    measure_case *c = add(KERNEL_WEIGHT_ROW, (int)type);
    snprintf(c->name, sizeof c->name, "weight_row_%s/%zu", tensor_type_name(type), k);
    c->k = k, c->elements = (double)k, c->bytes = (double)planes.bytes, c->bound = planes.bytes < 24 << 10 ? BOUND_L1 : BOUND_L2;
}

static void add_all(void) {
    static const char *const activations[ACTIVATIONS] = {"none", "gelu_tanh", "gelu_erf", "relu", "silu", "tanh"};
    for (int type = 0; type < TENSOR_TYPES; type++) add_linears((tensor_type)type, type == TENSOR_Q8);
    add_linears(TENSOR_Q8, false);
    add_attention(64, 512, 512, true);
    add_attention(64, 1, 512, true);
    add_attention(64, 197, 197, false);
    add_attention(64, 128, 128, false);
    add_attention(32, 128, 128, false);
    add_attention(32, 11, 11, false);
    add_rows(KERNEL_KV_STORE, 0, "kv_store", 128, 64, 8, BOUND_L2);
    for (int a = ACT_GELU_TANH; a < ACTIVATIONS; a++) add_elements(KERNEL_ACTIVATE, a, activations[a], 3072, 4, BOUND_L1);
    add_elements(KERNEL_EXP_SUM, 0, "exp_sum", 512, 4, BOUND_L1);
    add_elements(KERNEL_EXP_SUM, 0, "exp_sum", HEAD, 4, BOUND_L2);
    add_elements(KERNEL_MAX, 0, "max", 512, 4, BOUND_L1);
    add_elements(KERNEL_MAX, 0, "max", HEAD, 4, BOUND_L2);
    for (size_t n = 384; n <= 768; n *= 2) {
        add_elements(KERNEL_NORM, NORM_LAYER, "norm", n, 4, BOUND_L1);
        add_elements(KERNEL_NORM, NORM_RMS, "rms_norm", n, 4, BOUND_L1);
        add_rows(KERNEL_NORM_ROWS, NORM_LAYER, "norm_quantize", 4, n, 4, BOUND_L1);
    }
    for (size_t n = 384; n <= 3072; n *= 2) add_elements(KERNEL_QUANTIZE, 0, "quantize", n, 4, BOUND_L1);
    add_elements(KERNEL_ADD, 0, "add", 768, 8, BOUND_L1);
    add_rows(KERNEL_POOL, POOL_MEAN, "pool_mean", 128, 384, 4, BOUND_L2);
    add_rows(KERNEL_POOL, POOL_MAX, "pool_max", 128, 384, 4, BOUND_L2);
    for (int type = 0; type < TENSOR_TYPES; type++) add_weight_row((tensor_type)type, 768);
    add_elements(KERNEL_F16_TO_F32, 0, "f16_to_f32", 3072, 2, BOUND_L1);
    add_elements(KERNEL_F32_TO_F16, 0, "f32_to_f16", 3072, 4, BOUND_L1);
    add_elements(KERNEL_HAMMING, 0, "hamming", 384, 8, BOUND_L1);
    cases[n_cases - 1].k = 384 / 64; /* words of a row; 64 rows at a time */
    cases[n_cases - 1].elements = HAMMING_ROWS, cases[n_cases - 1].bytes = HAMMING_ROWS * 384 / 8;
}

const measure_case *measure_case_at(size_t i) {
    pthread_once(&once, add_all);
    return i < n_cases ? cases + i : NULL;
}

const measure_case *measure_case_find(const char *name) {
    for (size_t i = 0; measure_case_at(i); i++)
        if (!strcmp(cases[i].name, name)) return cases + i;
    return NULL;
}

double measure_case_ideal(const measure_case *c, const measure_roof_result *roof) {
    const double work = c->bound >= BOUND_MEMORY ? c->bytes : c->operations;
    return work * (c->shared ? 1 : roof->threads) / measure_bound_rate(roof, c->bound);
}
