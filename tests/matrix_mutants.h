/* Kernels that are wrong in the least way that the matrix is to notice: right but for the order of a sum, or of a product,
   everywhere or only where work is cut in a certain way. Each stands in the table of the best level in place of one kernel. */
#ifndef LNT_TESTS_MATRIX_MUTANTS_H
#define LNT_TESTS_MATRIX_MUTANTS_H
#include "tests/matrix.h"

static const kernels *right; /* what the mutants are made from */
static size_t mutant_rows;   /* evaluations of more rows than this are mutated by mutate_linear_many */

/* ---- a sum the other way round: the kernel itself, over operands whose terms stand in reverse ---- */

static inline void *aligned_copy(const void *from, size_t bytes) {
    void *copy = aligned_alloc(64, round_up(bytes, 64));
    if (!copy) abort();
    return memcpy(copy, from, bytes);
}

static inline void reverse(void *data, size_t n, size_t unit) {
    char *bytes = data, held[4 * 64];
    for (size_t i = 0; i < n / 2; i++) {
        memcpy(held, bytes + i * unit, unit);
        memcpy(bytes + i * unit, bytes + (n - 1 - i) * unit, unit);
        memcpy(bytes + (n - 1 - i) * unit, held, unit);
    }
}

/* Each of n lists, stride bytes apart, in reverse; to be freed. */
static inline void *reversed(const void *from, size_t n, size_t stride, size_t units, size_t unit) {
    char *copy = aligned_copy(from, n * stride);
    for (size_t i = 0; i < n; i++) reverse(copy + i * stride, units, unit);
    return copy;
}

/* f32, f16: over k, q4: over its groups. */
static inline void linear_reversed(weight_type type, const linear_args *args, size_t row0, size_t row1, size_t panel0, size_t panel1) {
    const size_t groups = round_up(args->k, QUANT_PAD) / QUANT_GROUP, units = type == WEIGHT_Q4 ? groups : args->k;
    const size_t unit = LANES * (type == WEIGHT_F32 ? sizeof(float) : type == WEIGHT_F16 ? sizeof(uint16_t) : QUANT_GROUP / 2);
    linear_args a = *args;
    void *w = reversed((const char *)a.w + panel0 * units * unit, panel1 - panel0, units * unit, units, unit);
    char *x = reversed(a.x, row1, a.x_stride, units, type == WEIGHT_Q4 ? QUANT_GROUP : sizeof(float));
    void *scale = type == WEIGHT_Q4 ? reversed((const uint16_t *)a.w_scale + panel0 * groups * LANES, panel1 - panel0, groups * LANES * 2, groups, LANES * 2) : NULL;
    for (size_t r = 0; type == WEIGHT_Q4 && r < row1; r++) reverse(quantized_sums(x + r * a.x_stride, a.k), groups, sizeof(int32_t));
    a.w = w, a.x = x, a.w_scale = scale;
    if (a.w_sum) a.w_sum = (const float *)a.w_sum + panel0 * LANES;
    if (a.bias) a.bias += panel0 * LANES;
    if (a.residual) a.residual += panel0 * LANES;
    a.y += panel0 * LANES;
    right->linear[type](&a, row0, row1, 0, panel1 - panel0);
    free(w);
    free(x);
    free(scale);
}

#define MUTATED_LINEAR(name, type, when) \
    static inline void mutate_linear_##name(const linear_args *a, size_t row0, size_t row1, size_t panel0, size_t panel1) { \
        if (when) linear_reversed(type, a, row0, row1, panel0, panel1); \
        else right->linear[type](a, row0, row1, panel0, panel1); \
    }
MUTATED_LINEAR(f32, WEIGHT_F32, true)
MUTATED_LINEAR(f16, WEIGHT_F16, true)
MUTATED_LINEAR(q4, WEIGHT_Q4, true)
MUTATED_LINEAR(share, WEIGHT_F32, panel0 > 0)           /* what is not the first thread's first share */
MUTATED_LINEAR(many, WEIGHT_F32, row1 - row0 > mutant_rows) /* rows of more than one sequence */

/* The integers as they are; their factors in another order, the bias added instead of fused. */
static inline void mutate_linear_q8(const linear_args *args, size_t row0, size_t row1, size_t panel0, size_t panel1) {
    const size_t n = (panel1 - panel0) * LANES;
    linear_args a = *args;
    float *ones = aligned_alloc(64, panel1 * LANES * sizeof *ones);
    if (!ones) abort();
    for (size_t i = 0; i < panel1 * LANES; i++) ones[i] = 1;
    float *residual = aligned_alloc(64, (row1 - row0) * n * sizeof *residual);
    if (!residual) abort();
    for (size_t r = row0; args->residual && r < row1; r++)
        memcpy(residual + (r - row0) * n, args->residual + r * args->residual_stride + panel0 * LANES, n * sizeof *residual);
    a.w_scale = ones, a.bias = a.residual = NULL, a.act = ACT_NONE;
    right->linear[WEIGHT_Q8](&a, row0, row1, panel0, panel1);
    for (size_t r = row0; r < row1; r++) {
        float *y = a.y + r * a.y_stride + panel0 * LANES;
        const float *scale = (const float *)args->w_scale + panel0 * LANES;
        for (size_t i = 0; i < n; i++) y[i] = y[i] * scale[i] + (args->bias ? args->bias[panel0 * LANES + i] : 0);
        right->activate(args->act, y, y, n);
        if (args->residual) right->add(residual + (r - row0) * n, y, n);
    }
    free(residual);
    free(ones);
}

/* The products of queries and keys over the head's width. */
static inline void attention_reversed(const attention_args *args) {
    attention_args a = *args;
    float *q = aligned_alloc(64, a.n_rows * round_up(a.head_dim, LANES) * sizeof *q);
    if (!q) abort();
    a.q_stride = round_up(a.head_dim, LANES);
    for (size_t r = 0; r < a.n_rows; r++) {
        memcpy(q + r * a.q_stride, args->q + r * args->q_stride, a.head_dim * sizeof *q);
        reverse(q + r * a.q_stride, a.head_dim, sizeof *q);
    }
    float *k = reversed(a.k_panels, round_up(a.n_keys, LANES) / LANES, a.head_dim * LANES * sizeof *k, a.head_dim, LANES * sizeof *k);
    a.q = q, a.k_panels = k;
    right->attention(&a);
    free(q);
    free(k);
}
static inline void mutate_attention(const attention_args *a) { attention_reversed(a); }
/* Only of what follows other tokens. */
static inline void mutate_attention_later(const attention_args *a) { (a->n_keys == a->n_rows ? right->attention : attention_reversed)(a); }

static inline void mutate_norm(norm_kind kind, const float *x, const float *gamma, const float *beta, float eps, size_t width, float *y) {
    float *turned[3] = {aligned_copy(x, width * sizeof *x), gamma ? aligned_copy(gamma, width * sizeof *x) : NULL, beta ? aligned_copy(beta, width * sizeof *x) : NULL};
    for (int i = 0; i < 3; i++)
        if (turned[i]) reverse(turned[i], width, sizeof *x);
    right->norm(kind, turned[0], turned[1], turned[2], eps, width, y);
    reverse(y, width, sizeof *y);
    for (int i = 0; i < 3; i++) free(turned[i]);
}
static inline void mutate_norm_rows(const norm_args *a, size_t rows) {
    for (size_t r = 0; r < rows; r++) {
        float *y = a->y + r * a->y_stride;
        mutate_norm(a->kind, a->x + r * a->x_stride, a->gamma, a->beta, a->eps, a->width, y);
        if (a->q) right->quantize(y, a->q_scale, a->width, (char *)a->q + r * a->q_stride);
    }
}

static inline void mutate_pool(pooling_kind kind, const float *x, size_t x_stride, size_t n, size_t width, float *y) {
    float *rows = aligned_alloc(64, n * round_up(width, LANES) * sizeof *rows);
    if (!rows) abort();
    for (size_t r = 0; r < n; r++) memcpy(rows + r * round_up(width, LANES), x + (n - 1 - r) * x_stride, round_up(width, LANES) * sizeof *rows);
    right->pool(kind, rows, round_up(width, LANES), n, width, y);
    free(rows);
}

/* ---- which, and where they must be noticed ---- */

static inline bool anywhere(const subject *s, const cell *c) { return s && c; }
static inline bool by_several_threads(const subject *s, const cell *c) { return s && c->n_threads > 1; }
static inline bool in_pieces(const subject *s, const cell *c) { return s && c->piece != WHOLE; }
static inline bool packed(const subject *s, const cell *c) {
    size_t rows = 0;
    for (size_t q = 0; q < SEQUENCES; q++) rows += c->piece != WHOLE && s->lengths[q] > c->piece ? c->piece : s->lengths[q];
    return c->company == PACKED && rows > s->longest;
}

static const struct mutant {
    const char *name, *model; /* one of those that the suite converts, or "sentences", which ships */
    kernels change;           /* those that are not NULL take the place of the right ones */
    bool (*noticed)(const subject *s, const cell *c);
} MUTANTS[] = {
    {"linear f32: over k from its end", "f32", {.linear[WEIGHT_F32] = mutate_linear_f32}, anywhere},
    {"linear f16: over k from its end", "f16", {.linear[WEIGHT_F16] = mutate_linear_f16}, anywhere},
    {"linear q4: over groups from the last", "q4", {.linear[WEIGHT_Q4] = mutate_linear_q4}, anywhere},
    {"linear q8: factors in another order", "q8", {.linear[WEIGHT_Q8] = mutate_linear_q8}, anywhere},
    {"attention: queries times keys from the end", "f32", {.attention = mutate_attention}, anywhere},
    {"norm: columns from the last", "q8", {.norm = mutate_norm, .norm_rows = mutate_norm_rows}, anywhere},
    {"pool: rows from the last", "sentences", {.pool = mutate_pool}, anywhere},
    {"scheduler: a share that is not the first sums from the end", "f32", {.linear[WEIGHT_F32] = mutate_linear_share}, by_several_threads},
    {"linear f32: many rows sum from the end", "f32", {.linear[WEIGHT_F32] = mutate_linear_many}, packed},
    {"attention: what follows other tokens sums from the end", "f32", {.attention = mutate_attention_later}, in_pieces},
};

static inline kernels mutated(const kernels *change) {
    kernels k = *right;
    for (int t = 0; t < WEIGHT_TYPES; t++)
        if (change->linear[t]) k.linear[t] = change->linear[t];
    if (change->attention) k.attention = change->attention;
    if (change->norm) k.norm = change->norm;
    if (change->norm_rows) k.norm_rows = change->norm_rows;
    if (change->pool) k.pool = change->pool;
    return k;
}
#endif
