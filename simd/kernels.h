/* The kernel table: all that the engine sees of simd. A kernel is a stateless function of pointers, shapes and
   strides: no allocation, no threads, no errors. The scalar level is the definition; every other level gives the same
   bits. The virtual vector has 16 lanes of float; "fma" is one rounding, everything else is IEEE single operations in
   the order written here.

   Rows of floats are padded with zeros to a multiple of 16 and 64-byte aligned; so are outputs: a kernel writes whole
   panels of 16. Weights lie as docs/format.md says, in panels of 16 outputs. */
#ifndef LNT_SIMD_KERNELS_H
#define LNT_SIMD_KERNELS_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define QUANT_SMALLEST 0x1p-118f /* a range below this is taken for 0, as 255 divided by it might overflow */
enum { LANES = 16, QUANT_PAD = 64, QUANT_GROUP = 32, QUANT_PAIR = 128 /* linear_args.pairs */, HAMMING_ROWS = 64 };

static inline size_t round_up(size_t n, size_t to) { return (n + to - 1) / to * to; }

typedef enum weight_type { WEIGHT_F32, WEIGHT_F16, WEIGHT_Q8, WEIGHT_Q4, WEIGHT_TYPES } weight_type;

typedef enum activation {
    ACT_NONE,
    ACT_GELU_TANH, /* 0.5 x (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3))): "gelu_new", "gelu_pytorch_tanh" */
    ACT_GELU_ERF,  /* x/2 (1 + erf(x / sqrt 2)): "gelu" */
    ACT_RELU,
    ACT_SILU, /* x / (1 + exp(-x)) */
    ACT_TANH,
    ACTIVATIONS
} activation;

/* A quantised row of k values, kp = k rounded up to QUANT_PAD:
     u8 q[kp] (0 beyond k), i32 group_sum[kp / QUANT_GROUP] (sums of q), f32 scale, i32 zero, padded to 64 bytes.
   x[i] ~ scale * (q[i] - zero). With lo = min(0, min x), hi = max(0, max x): scale = (hi - lo) / 255,
   inverse = 255 / (hi - lo) (0 if hi - lo < QUANT_SMALLEST), zero = rne(-lo * inverse), q = clamp(rne(x * inverse) + zero, 0, 255);
   rne rounds to the nearest integer, ties to even. */
static inline size_t quantized_row_bytes(size_t k) {
    size_t kp = round_up(k, QUANT_PAD);
    return round_up(kp + kp / QUANT_GROUP * 4 + 8, 64);
}
static inline int32_t *quantized_sums(void *row, size_t k) { return (int32_t *)((char *)row + round_up(k, QUANT_PAD)); }
static inline float *quantized_scale(void *row, size_t k) {
    return (float *)(quantized_sums(row, k) + round_up(k, QUANT_PAD) / QUANT_GROUP); /* the zero point (i32) follows */
}

/* y[r][n] = act(dot(x[r], w[n]) + bias[n]) + residual[r][n], for rows row0 .. row1 - 1 and panels panel0 .. panel1 - 1
   of 16 outputs. The dot product:
     f32, f16: acc = 0; for k in order: acc = fma(x[k], w[n][k], acc); v = acc + bias[n]
     q8: acc = sum (q[k] - zero) * w[n][k] in int32, exact; v = fma((float)acc, scale * w_scale[n], bias[n])
     q4: acc = 0; for groups g of 32 in order: d = sum q[k] * (w[n][k] - 8) in int32, exact;
         acc = fma((float)d, w_scale[n][g], acc); t = fma(-(float)zero, w_sum[n], acc); v = fma(t, scale, bias[n])
   A missing bias is 0 (and still added), a missing residual is not added. residual may be y itself. */
typedef struct linear_args {
    const void *x;   /* f32, f16 weights: float rows; q8, q4: quantised rows */
    size_t x_stride; /* bytes */
    const void *w;   /* f32 [panels][k][16]; f16 the same as IEEE halves; q8 i8 [panels][kp/4][16][4];
                        q4 u8 [panels][kp/8][16][4]: low nibbles are step 2j (k = 8j .. 8j+3), high nibbles step 2j+1 */
    const void *w_scale; /* q8: f32 [panels*16]; q4: f16 [panels][kp/32][16] */
    const void *w_sum;   /* q8: i32 [panels*16], sum of w; q4: f32 [panels*16], sum over g of w_scale * sum of (w - 8) */
    size_t k;
    const float *bias; /* [panels*16] or NULL */
    activation act;
    const float *residual; /* or NULL */
    size_t residual_stride; /* floats */
    float *y;
    size_t y_stride; /* floats */
    bool pairs;      /* q8: |w[n][2j] + w[n][2j+1]| <= QUANT_PAIR for all n and j, so that the products of a pair of inputs add up in
                        16 bits: of one sign to at most 255 * 128 = 32640, of two to no more than the larger */
    bool stream;     /* the weights come from memory, not from a cache: worth prefetching far ahead */
    size_t beside;   /* f16: so many panels lie side by side, [panels / beside][k][beside][16], and panel0 and panel1 are
                        multiples of it: a single stream for a single row. 4, or 0: panel after panel */
} linear_args;
typedef void linear_kernel(const linear_args *a, size_t row0, size_t row1, size_t panel0, size_t panel1);

/* One head of attention over keys and values stored in panels, for n_rows queries. Query r sees keys
   0 .. seen(r) - 1, where seen(r) = causal ? n_keys - n_rows + r + 1 : n_keys.
     s[j] = fma over d in order of q[d] * k[j][d], from 0; e[j] = 2^max((s[j] - max s) * (scale * log2 e), -127);
     sum = the fixed tree over 16 lanes, lane l adding e[j] for j = l, l + 16, .. in order from 0;
     out[d] = (fma over j in order of e[j] * v[j][d], from 0) * (1 / sum); probabilities[r][j] = e[j] * (1 / sum)
   Slots of the panels between seen and the next multiple of 16 hold finite numbers of any value (zero or stale). */
typedef struct attention_args {
    const float *q; /* [n_rows][head_dim] */
    size_t q_stride;
    const float *k_panels; /* [ceil(n_keys / 16)][head_dim][16] */
    const float *v_panels; /* [ceil(head_dim / 16)][capacity][16] */
    size_t capacity;       /* positions that the panels have room for, a multiple of 16 */
    size_t head_dim, n_rows, n_keys;
    bool causal;
    float scale; /* above 0 */
    float *out; /* [n_rows][head_dim], exactly head_dim of each row are written */
    size_t out_stride;
    float *probabilities; /* NULL, or [n_rows][p_stride]: seen(r) of each row are written */
    size_t p_stride;
    float *scratch; /* attention_scratch_floats(n_keys, head_dim), 64-byte aligned */
} attention_args;
enum { ATTENTION_ROWS = 12 }; /* taken together: two tiles of AVX2's, one of AVX-512's */
static inline size_t attention_scratch_floats(size_t n_keys, size_t head_dim) {
    return ATTENTION_ROWS * (round_up(n_keys, LANES) + round_up(head_dim, LANES) + LANES);
}

typedef enum norm_kind { NORM_LAYER, NORM_RMS, NORM_L2, NORMS } norm_kind;
/* Rows to norm, and to quantise unless q is NULL: x [rows][x_stride], y [rows][y_stride], q [rows] of q_stride bytes.
   y may be x; its stride may be 0 if nobody wants more of it than the room that one row takes. */
typedef struct norm_args {
    norm_kind kind; /* not L2 */
    const float *x, *gamma, *beta;
    float eps;
    size_t width, x_stride;
    float *y;
    size_t y_stride;
    void *q;
    size_t q_stride;
    const float *q_scale; /* what quantize is given, or NULL */
} norm_args;

typedef enum pooling_kind { POOL_FIRST, POOL_LAST, POOL_MEAN, POOL_MAX, POOL_MEAN_SQRT, POOL_WEIGHTED_MEAN, POOL_SECOND, POOLINGS } pooling_kind;

typedef struct kernels {
    const char *level;
    bool prefetches_far; /* this CPU wants linear_args.stream for weights that come from memory; q4 wants it on every CPU */
    linear_kernel *linear[WEIGHT_TYPES];
    void (*attention)(const attention_args *a);
    /* Puts keys and values [n][head_dim] of positions from `position` on into the panels of their head (see attention_args);
       strides in floats. What stood behind them in their last panel is lost. */
    void (*kv_store)(const float *k, size_t k_stride, const float *v, size_t v_stride, size_t n, size_t head_dim, size_t position, size_t capacity,
                     float *k_panels, float *v_panels);

    /* Layer norm (Ba et al. 2016): mean = tree(x) / n; d = x - mean; var = tree(fma(d, d, lane)) / n;
       r = 1 / sqrt(var + eps); y = fma(d * r, gamma, beta). RMS norm (Zhang & Sennrich 2019): r = 1 / sqrt(tree(fma(x, x, lane)) / n + eps);
       y = fma(x * r, gamma, beta). tree: lane l takes i = l, l + 16, .. in order, then the fixed tree over the lanes.
       A missing beta is 0. L2 norm: y = x * (1 / max(sqrt(tree(fma(x, x, lane))), eps)), without gamma and beta.
       Writes width rounded up to 16, zeros beyond width. x may be y. */
    void (*norm)(norm_kind kind, const float *x, const float *gamma, const float *beta, float eps, size_t width, float *y);
    /* One row into its quantised form, as above; x[i] * scale[i] takes the place of x[i] unless scale is NULL. */
    void (*quantize)(const float *x, const float *scale, size_t k, void *row);
    /* Each row by norm, then by quantize: the same bits, in less time. */
    void (*norm_rows)(const norm_args *a, size_t rows);
    /* Row n of a weight matrix in panels, as floats (q8: w * w_scale; q4: (w - 8) * w_scale); writes k rounded up to 16. */
    void (*weight_row[WEIGHT_TYPES])(const void *w, const void *w_scale, size_t k, size_t n, float *y);
    /* n > 0 rows of a sequence into one, all lanes alike, over rows in order: the first, the second (of one row: that one), the last, max; s = the sum, from 0:
       mean s / n, mean_sqrt s / sqrt(n); weighted mean: s = fma(x[r], r + 1, s) from 0, over 1 + .. + n. Writes width rounded up to 16. */
    void (*pool)(pooling_kind kind, const float *x, size_t x_stride, size_t n, size_t width, float *y);
    /* y += x over n floats rounded up to 16; y = act(x). */
    void (*add)(const float *x, float *y, size_t n);
    void (*activate)(activation act, const float *x, float *y, size_t n);
    /* The largest of n > 0 floats; and e[i] = exp(scale * (x[i] - max)), returning their sum by the fixed tree (e may be x or NULL). */
    float (*max)(const float *x, size_t n);
    float (*exp_sum)(const float *x, size_t n, float scale, float max, float *e);
    /* IEEE halves to floats, exact, and back, ties to even. */
    void (*f16_to_f32)(const uint16_t *x, float *y, size_t n);
    void (*f32_to_f16)(const float *x, uint16_t *y, size_t n);
    /* How many bits of 64 rows differ from those of x: rows u64 [words][64], word w of all rows side by side. */
    void (*hamming)(const uint64_t *x, const uint64_t *rows, size_t words, uint32_t *distances);
} kernels;

/* The best level that the CPU has, at most the one that LINNET_CPU names; decided once. NULL if it names none. */
const kernels *kernels_best(void);
/* A level by name, for tests and benchmarks; NULL if this build or this CPU has not got it. */
const kernels *kernels_level(const char *name);
/* Names of the levels this build and CPU have, slowest first, NULL at the end. */
const char *const *kernels_levels(void);
#endif
