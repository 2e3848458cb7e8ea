#include "convert/pack.h"
#include "simd/kernels.h"
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static uint16_t to_half(float x) {
    uint16_t h;
    kernels_best()->f32_to_f16(&x, &h, 1);
    return h;
}
static float from_half(uint16_t h) {
    float x;
    kernels_best()->f16_to_f32(&h, &x, 1);
    return x;
}

/* Cell (r, c) of an f32 or f16 tensor, counted in elements. */
static size_t cell(tensor_layout layout, size_t k, size_t r, size_t c) {
    return layout == LAYOUT_ROWS ? r * round_up(k, LANES) + c : (r / LANES * k + c) * LANES + r % LANES;
}

static void pack_f32(tensor_layout layout, size_t n, size_t k, const float *rows, float *out) {
    for (size_t r = 0; r < n; r++)
        for (size_t c = 0; c < k; c++) out[cell(layout, k, r, c)] = rows[r * k + c];
}

/* Rows that lie together: a panel, or one row; and the cells they take. */
static size_t block_rows(tensor_layout layout) { return layout == LAYOUT_ROWS ? 1 : LANES; }
static size_t block_cells(tensor_layout layout, size_t k) { return layout == LAYOUT_ROWS ? round_up(k, LANES) : k * LANES; }

static bool pack_f16(tensor_layout layout, size_t n, size_t k, const float *rows, uint16_t *out, uint64_t *bad) {
    size_t step = block_rows(layout), cells = block_cells(layout, k);
    float *block = NULL;
    for (*bad = 0; *bad < n * k; ++*bad)
        if (fabsf(rows[*bad]) >= 65520) return false;
    if (!(block = malloc(cells * sizeof *block))) return false;
    for (size_t r = 0; r < n; r += step, out += cells) {
        memset(block, 0, cells * sizeof *block);
        pack_f32(layout, n - r < step ? n - r : step, k, rows + r * k, block);
        kernels_best()->f32_to_f16(block, out, cells);
    }
    free(block);
    return true;
}

static float largest(const float *x, size_t n) {
    float m = 0;
    for (size_t i = 0; i < n; i++) m = fabsf(x[i]) > m ? fabsf(x[i]) : m;
    return m;
}

/* Sums run in 8 lanes, so that a compiler may use vectors and the file is the same whether it does or not. */
enum { SUM_LANES = 8 };
#define ROUND 12582912.0f /* 1.5 * 2^23: adding it rounds to an integer */
static float sum_of(const float *lanes) { return ((lanes[0] + lanes[4]) + (lanes[2] + lanes[6])) + ((lanes[1] + lanes[5]) + (lanes[3] + lanes[7])); }

/* ---- q8 ---- */

/* Scales that are tried between the least, which is the largest magnitude's, and the one under which no pair is too large. */
enum { Q8_SCALES = 12 };

static inline float code_of(float x, float inverse) {
    float q = x * inverse;
    q = q > 127 ? 127 : q;
    q = q < -127 ? -127 : q;
    return (q + ROUND) - ROUND;
}

/* The codes of two numbers: what their sum has above QUANT_PAIR is taken from both, the odd one from the first. (Of different signs
   they never have.) */
static inline void pair_codes(float x0, float x1, float inverse, float *q0, float *q1) {
    const float a = code_of(x0, inverse), b = code_of(x1, inverse), over = fabsf(a + b) - QUANT_PAIR;
    const float most = over > 0 ? over : 0, half = (most * 0.5f - 0.25f + ROUND) - ROUND;
    *q0 = copysignf(fabsf(a) - (most - half), a);
    *q1 = copysignf(fabsf(b) - half, b);
}

static float largest_pair(const float *x, size_t n) {
    float m = 0;
    for (size_t i = 0; i < n; i += 2) m = fabsf(x[i] + x[i + 1]) > m ? fabsf(x[i] + x[i + 1]) : m;
    return m;
}

/* The squared error of a row [n], n a multiple of 2 * SUM_LANES, under a scale */
static float q8_error(const float *x, size_t n, float scale) {
    const float inverse = 1 / scale;
    float error[SUM_LANES] = {0};
    for (size_t i = 0; i < n; i += 2 * SUM_LANES)
        for (size_t l = 0; l < SUM_LANES; l++) {
            float q0, q1;
            pair_codes(x[i + 2 * l], x[i + 2 * l + 1], inverse, &q0, &q1);
            const float d0 = x[i + 2 * l] - scale * q0, d1 = x[i + 2 * l + 1] - scale * q1;
            error[l] += d0 * d0 + d1 * d1;
        }
    return sum_of(error);
}

/* Pairs of codes must be small, so that AVX2 can multiply them without unpacking (simd/kernels.h, linear_args.pairs). A larger scale makes
   them so and rounds more coarsely, one under which a few pairs are cut may err less: the least error is taken. */
static float q8_scale(const float *x, size_t n) {
    const float least = largest(x, n) / 127, most = largest_pair(x, n) / QUANT_PAIR;
    if (most <= least || least < FLT_MIN) return least;
    float best = least, error = q8_error(x, n, least);
    for (int i = 1; i <= Q8_SCALES; i++) {
        const float scale = least + (most - least) * ((float)i / Q8_SCALES), e = q8_error(x, n, scale);
        if (e < error) error = e, best = scale;
    }
    return best;
}

static bool pack_q8(size_t n, size_t k, const float *rows, unsigned char *out, const tensor_planes *at) {
    int8_t *data = (int8_t *)out;
    float *scale = (float *)(void *)(out + at->scale_at);
    int32_t *sum = (int32_t *)(void *)(out + at->sum_at);
    const size_t kp = round_up(k, QUANT_PAD);
    float *row = calloc(kp, sizeof *row);
    if (!row) return false;
    for (size_t r = 0; r < n; r++) {
        memcpy(row, rows + r * k, k * sizeof *row);
        scale[r] = q8_scale(row, kp);
        const float inverse = scale[r] >= FLT_MIN ? 1 / scale[r] : 0;
        for (size_t c = 0; c < kp; c += 2) {
            float q[2];
            pair_codes(row[c], row[c + 1], inverse, &q[0], &q[1]);
            for (size_t i = 0; i < 2; i++) {
                data[((r / LANES * (kp / 4) + c / 4) * LANES + r % LANES) * 4 + c % 4 + i] = (int8_t)q[i];
                sum[r] += (int)q[i];
            }
        }
    }
    free(row);
    return true;
}

/* ---- q4 ---- */

/* The squared error of a group under a scale, its codes (-8 .. 7) in q, and the scale that suits these codes best. */
static float error_under(const float *x, float scale, float *q, float *better) {
    const float inverse = scale != 0 ? 1 / scale : 0;
    float error[SUM_LANES] = {0}, xq[SUM_LANES] = {0}, qq[SUM_LANES] = {0};
    for (size_t i = 0; i < QUANT_GROUP; i += SUM_LANES)
        for (size_t l = 0; l < SUM_LANES; l++) {
            float v = x[i + l] * inverse;
            v = v < -8 ? -8 : v;
            v = v > 7 ? 7 : v;
            v = (v + ROUND) - ROUND;
            float d = x[i + l] - scale * v;
            q[i + l] = v;
            error[l] += d * d;
            xq[l] += x[i + l] * v;
            qq[l] += v * v;
        }
    float codes = sum_of(qq);
    *better = codes > 0 ? sum_of(xq) / codes : 0;
    return sum_of(error);
}

typedef struct trial {
    uint16_t scale;
    float error, better, q[QUANT_GROUP];
} trial;

static void try_scale(const float *x, float unit, float scale, trial *best) {
    trial t = {.scale = to_half(scale * unit)};
    t.error = error_under(x, from_half(t.scale) / unit, t.q, &t.better);
    if (t.error < best->error) *best = t;
}

/* The f16 scale (of either sign, as codes reach from -8 to 7) with the least squared error: candidates around max / 8,
   the best of them refined to the least-squares scale of its codes. x: QUANT_GROUP values of at most 1, so that no
   square is lost; unit: what 1 stands for. */
static trial quantize_group(const float *x, float unit) {
    trial best = {0};
    best.error = error_under(x, 0, best.q, &best.better);
    if (unit == 0) return best;
    for (int step = 0; step < 20; step++) {
        float scale = 1 / (6.0f + 0.2f * (float)step);
        try_scale(x, unit, scale, &best);
        try_scale(x, unit, -scale, &best);
    }
    for (int refine = 0; refine < 3; refine++) try_scale(x, unit, best.better, &best);
    return best;
}

static void put_nibble(unsigned char *data, size_t kp, size_t r, size_t c, int code) {
    size_t pair = c / 8, high = c / 4 % 2;
    unsigned char *p = &data[((r / LANES * (kp / 8) + pair) * LANES + r % LANES) * 4 + c % 4];
    *p = (unsigned char)(high ? (*p & 0x0f) | (code << 4) : (*p & 0xf0) | code);
}

static bool pack_q4(size_t n, size_t k, const float *rows, unsigned char *out, const tensor_planes *at, uint64_t *bad) {
    size_t kp = round_up(k, QUANT_PAD), groups = kp / QUANT_GROUP;
    uint16_t *scale = (uint16_t *)(void *)(out + at->scale_at);
    float *sum = (float *)(void *)(out + at->sum_at);
    memset(out, 0x88, round_up(n, LANES) * kp / 2);
    for (size_t r = 0; r < n; r++) {
        double total = 0;
        for (size_t g = 0; g * QUANT_GROUP < k; g++) {
            const float *x = rows + r * k + g * QUANT_GROUP;
            size_t m = k - g * QUANT_GROUP < QUANT_GROUP ? k - g * QUANT_GROUP : QUANT_GROUP;
            float unit = largest(x, m), scaled[QUANT_GROUP] = {0};
            int codes = 0;
            if (unit > 6 * 65504.0f) return *bad = r * k + g * QUANT_GROUP, false;
            for (size_t i = 0; i < m && unit > 0; i++) scaled[i] = x[i] / unit;
            trial found = quantize_group(scaled, unit);
            for (size_t i = 0; i < m; i++) put_nibble(out, kp, r, g * QUANT_GROUP + i, (int)found.q[i] + 8), codes += (int)found.q[i];
            scale[(r / LANES * groups + g) * LANES + r % LANES] = found.scale;
            total += (double)from_half(found.scale) * codes;
        }
        sum[r] = (float)total;
    }
    return true;
}

bool pack_tensor(tensor_type type, tensor_layout layout, uint64_t n, uint64_t k, const float *rows, unsigned char *out, uint64_t *bad) {
    tensor_planes at;
    tensor_layout_planes(type, layout, n, k, &at);
    for (*bad = 0; *bad < n * k; ++*bad)
        if (!isfinite(rows[*bad])) return false;
    memset(out, 0, at.bytes);
    switch (type) {
    case TENSOR_F32: pack_f32(layout, n, k, rows, (float *)(void *)out); return true;
    case TENSOR_F16: return pack_f16(layout, n, k, rows, (uint16_t *)(void *)out, bad);
    case TENSOR_Q8: return pack_q8(n, k, rows, out, &at);
    case TENSOR_Q4: return pack_q4(n, k, rows, out, &at, bad);
    case TENSOR_TYPES: break;
    }
    return false;
}

bool unpack_tensor(const lnt_tensor *t, float *rows) {
    size_t step = block_rows(t->layout), cells = block_cells(t->layout, t->k);
    float *block = malloc(cells * sizeof *block);
    for (size_t r0 = 0, at = 0; block && r0 < t->n; r0 += step, at += cells) {
        if (t->type == TENSOR_F32) memcpy(block, (const float *)t->data + at, cells * sizeof *block);
        else kernels_best()->f16_to_f32((const uint16_t *)t->data + at, block, cells);
        for (size_t r = r0; r < t->n && r < r0 + step; r++)
            for (size_t c = 0; c < t->k; c++) rows[r * t->k + c] = block[cell(t->layout, t->k, r - r0, c)];
    }
    free(block);
    return block != NULL;
}
