/* The scalar level, which defines every kernel: v16 is a plain array and every operation a loop over its lanes. */
#include "simd/levels.h"
#include <string.h>

typedef struct { float l[LANES]; } v16;
typedef struct { int32_t l[LANES]; } v16i;
typedef struct { bool l[LANES]; } v16m;

#define MATHS static __attribute__((noinline))
#define EACH_LANE(type, expression) \
    type v; \
    for (int l = 0; l < LANES; l++) v.l[l] = (expression); \
    return v

static inline int32_t wrap(uint32_t x) { return (int32_t)x; }

static inline v16 v_load(const float *p) { EACH_LANE(v16, p[l]); }
static inline v16 v_load_n(const float *p, size_t n) { EACH_LANE(v16, (size_t)l < n ? p[l] : 0); }
static inline v16 v_set1(float x) { EACH_LANE(v16, x); }
static inline void v_store(float *p, v16 a) { memcpy(p, a.l, sizeof a.l); }
static inline void v_store_n(float *p, size_t n, v16 a) { memcpy(p, a.l, n * sizeof *p); }

static inline v16 v_add(v16 a, v16 b) { EACH_LANE(v16, a.l[l] + b.l[l]); }
static inline v16 v_sub(v16 a, v16 b) { EACH_LANE(v16, a.l[l] - b.l[l]); }
static inline v16 v_mul(v16 a, v16 b) { EACH_LANE(v16, a.l[l] * b.l[l]); }
static inline v16 v_div(v16 a, v16 b) { EACH_LANE(v16, a.l[l] / b.l[l]); }
static inline v16 v_fma(v16 a, v16 b, v16 c) { EACH_LANE(v16, __builtin_fmaf(a.l[l], b.l[l], c.l[l])); }
static inline v16 v_fnma(v16 a, v16 b, v16 c) { EACH_LANE(v16, __builtin_fmaf(-a.l[l], b.l[l], c.l[l])); }
static inline v16 v_min(v16 a, v16 b) { EACH_LANE(v16, a.l[l] < b.l[l] ? a.l[l] : b.l[l]); }
static inline v16 v_max(v16 a, v16 b) { EACH_LANE(v16, a.l[l] > b.l[l] ? a.l[l] : b.l[l]); }

static inline v16m v_first(size_t n) { EACH_LANE(v16m, (size_t)l < n); }
static inline v16 v_select(v16m m, v16 a, v16 b) { EACH_LANE(v16, m.l[l] ? a.l[l] : b.l[l]); }

static inline v16i v_bits(v16 a) {
    v16i v;
    memcpy(&v, &a, sizeof v);
    return v;
}
static inline v16 v_float(v16i a) {
    v16 v;
    memcpy(&v, &a, sizeof v);
    return v;
}
static inline v16i vi_set1(int32_t x) { EACH_LANE(v16i, x); }
static inline v16i vi_load(const int32_t *p) { EACH_LANE(v16i, p[l]); }
static inline v16i vi_add(v16i a, v16i b) { EACH_LANE(v16i, wrap((uint32_t)a.l[l] + (uint32_t)b.l[l])); }
static inline v16i vi_sub(v16i a, v16i b) { EACH_LANE(v16i, wrap((uint32_t)a.l[l] - (uint32_t)b.l[l])); }
static inline v16i vi_mul(v16i a, v16i b) { EACH_LANE(v16i, wrap((uint32_t)a.l[l] * (uint32_t)b.l[l])); }
static inline v16i vi_and(v16i a, v16i b) { EACH_LANE(v16i, a.l[l] & b.l[l]); }
static inline v16i vi_or(v16i a, v16i b) { EACH_LANE(v16i, a.l[l] | b.l[l]); }
static inline v16i vi_shl(v16i a, unsigned n) { EACH_LANE(v16i, wrap((uint32_t)a.l[l] << n)); }
static inline v16 v_from_int(v16i a) { EACH_LANE(v16, (float)a.l[l]); }
/* To the nearest integer, ties to even; beyond 2^22 and for NaN some integer below -2^22 */
static inline v16i v_to_nearest(v16 a) {
    EACH_LANE(v16i, a.l[l] > -0x1p22f && a.l[l] < 0x1p22f ? (int32_t)(a.l[l] + 0x1.8p23f - 0x1.8p23f) : INT32_MIN);
}

static inline int32_t clamp_u8(int32_t x) { return x < 0 ? 0 : x > 255 ? 255 : x; }

/* Stores two vectors, clamped to 0 .. 255, as 32 bytes and returns their sum. */
static inline int32_t vi_store_u8(uint8_t *p, v16i a, v16i b) {
    int32_t sum = 0;
    for (int l = 0; l < LANES; l++) {
        p[l] = (uint8_t)clamp_u8(a.l[l]);
        p[LANES + l] = (uint8_t)clamp_u8(b.l[l]);
        sum += p[l] + p[LANES + l];
    }
    return sum;
}

static float half_to_float(uint16_t h) {
    uint32_t sign = (uint32_t)(h & 0x8000) << 16, exponent = h >> 10 & 31, mantissa = h & 1023, bits;
    float f;
    if (exponent == 31) {
        bits = 0x7f800000 | mantissa << 13 | (mantissa ? 0x400000 : 0);
    } else if (exponent) {
        bits = (exponent + 112) << 23 | mantissa << 13;
    } else {
        f = (float)mantissa * 0x1p-24f;
        memcpy(&bits, &f, sizeof bits);
    }
    bits |= sign;
    memcpy(&f, &bits, sizeof f);
    return f;
}

static uint16_t float_to_half(float f) {
    uint32_t bits;
    memcpy(&bits, &f, sizeof bits);
    uint32_t sign = bits >> 16 & 0x8000;
    bits &= 0x7fffffff;
    if (bits > 0x7f800000) {
        bits = 0x7e00 | (bits >> 13 & 1023);
    } else if (bits >= 0x47800000) {
        bits = 0x7c00;
    } else if (bits < 0x38800000) { /* below 2^-14: the sum's last place is the subnormal half's */
        memcpy(&f, &bits, sizeof f);
        f += 0.5f;
        memcpy(&bits, &f, sizeof bits);
        bits -= 0x3f000000;
    } else {
        bits = (bits + 0xfff + (bits >> 13 & 1) - (112u << 23)) >> 13;
    }
    return (uint16_t)(sign | bits);
}

static inline v16 v_load_f16(const uint16_t *p) { EACH_LANE(v16, half_to_float(p[l])); }
static inline void v_store_f16(uint16_t *p, v16 a) {
    for (int l = 0; l < LANES; l++) p[l] = float_to_half(a.l[l]);
}

/* The fixed tree over the lanes: 16 to 8 (l and l + 8), to 4, to 2, to 1. */
#define TREE(a, combine) \
    for (int half = LANES / 2; half; half /= 2) \
        for (int l = 0; l < half; l++) { \
            float x = a.l[l], y = a.l[l + half]; \
            a.l[l] = (combine); \
        } \
    return a.l[0]
static inline float v_sum(v16 a) { TREE(a, x + y); }
static inline float v_maximum(v16 a) { TREE(a, x > y ? x : y); }
static inline float v_minimum(v16 a) { TREE(a, x < y ? x : y); }

/* 16 rows of 16 floats, those at x[r] + at, into 16 columns */
static void transpose(const float *const *x, size_t at, float *to) {
    for (size_t i = 0; i < LANES; i++)
        for (size_t r = 0; r < LANES; r++) to[i * LANES + r] = x[r][at + i];
}

enum { FLOAT_ROWS = 1, FLOAT_PANELS = 1, FLOAT_SUMS = 1, FLOAT_BLOCK_K = 256, Q8_PANELS = 1, Q8_WIDE = 1 };
#define FLOAT_TILES(X) X(1, 1)

#include "simd/generic/linear.h"

static void dots_q8(const q8_block *b) {
    for (size_t r = 0; r < b->rows; r++) {
        const int16_t *q = (const int16_t *)((const char *)b->x + r * b->x_stride);
        int32_t *sum = b->acc + r * b->acc_stride;
        for (size_t step = 0; step < b->k / 4; step++)
            for (size_t n = 0; n < LANES; n++)
                for (size_t i = 0; i < 4; i++) sum[n] += q[step * 4 + i] * b->w[(step * LANES + n) * 4 + i];
    }
}

static void dots_q4(const q4_block *b) {
    for (size_t r = 0; r < b->rows; r++) {
        const uint8_t *q = b->x + r * b->x_stride;
        float *sum = b->acc + r * LANES;
        for (size_t g = 0; g < b->groups; g++)
            for (size_t n = 0; n < LANES; n++) {
                int32_t d = 0;
                for (size_t k = g * QUANT_GROUP; k < (g + 1) * QUANT_GROUP; k++) {
                    int nibble = b->w[(k / 8 * LANES + n) * 4 + k % 4] >> (k & 4) & 15;
                    d += q[k] * (nibble - 8);
                }
                sum[n] = __builtin_fmaf((float)d, half_to_float(b->w_scale[g * LANES + n]), sum[n]);
            }
    }
}

#include "simd/generic/attention.h"
#include "simd/generic/elementwise.h"
#include "simd/generic/norm.h"
#include "simd/generic/pool.h"
#include "simd/generic/quantize.h"
#include "simd/generic/table.h"

static void hamming(const uint64_t *x, const uint64_t *rows, size_t words, uint32_t *distances) {
    memset(distances, 0, HAMMING_ROWS * sizeof *distances);
    for (size_t w = 0; w < words; w++, rows += HAMMING_ROWS)
        for (size_t r = 0; r < HAMMING_ROWS; r++) distances[r] += (uint32_t)__builtin_popcountll(x[w] ^ rows[r]);
}

void simd_fill_scalar(kernels *k) {
    fill_table(k);
    k->hamming = hamming;
}
