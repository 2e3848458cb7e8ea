/* NEON with products of matrices: usmmla multiplies 2 rows x 8 k of u8 with 8 k x 2 outputs of s8, sudot takes a single row as it is. */
#include "simd/arm/neon_v16.h"

enum { Q8_PANELS = 1, Q8_WIDE = 0, Q8_FORM_BYTES = 1, Q8_LESS = 0 };
#define Q8_FORM
#include "simd/generic/linear.h"
#include "simd/arm/udot.h"

enum { Q8_ROWS = 2, Q8_PAIRS_OF_ROWS = 6 };

typedef int32x4_t q8_sum;
INLINE q8_sum q8_none(void) { return vdupq_n_s32(0); }
INLINE q8_sum q8_step(q8_sum sum, int8x16_t w, row_steps x, size_t step) {
    switch (step) {
    case 0: return vsudotq_laneq_s32(sum, w, x, 0);
    case 1: return vsudotq_laneq_s32(sum, w, x, 1);
    case 2: return vsudotq_laneq_s32(sum, w, x, 2);
    default: return vsudotq_laneq_s32(sum, w, x, 3);
    }
}
INLINE int32x4_t q8_finish(q8_sum sum) { return sum; }
#include "simd/arm/dots_q8.h"

/* A single row as it is; others in pairs, u8 [(rows + 1) / 2][k / 8][2][8], an odd one beside itself */
static void form_rows(const linear_args *a, size_t row0, size_t rows, size_t k0, size_t k, void *form) {
    uint8_t *to = form;
    if (rows == 1) {
        memcpy(to, row_of(a, row0) + k0, k);
        return;
    }
    for (size_t r = 0; r < rows; r += 2) {
        const uint8_t *x = (const uint8_t *)row_of(a, row0 + r) + k0, *y = r + 1 < rows ? x + a->x_stride : x;
        for (size_t i = 0; i < k; i += 16, to += 32) {
            const uint64x2_t u = vreinterpretq_u64_u8(vld1q_u8(x + i)), v = vreinterpretq_u64_u8(vld1q_u8(y + i));
            vst1q_u64((uint64_t *)(void *)to, vzip1q_u64(u, v));
            vst1q_u64((uint64_t *)(void *)(to + 16), vzip2q_u64(u, v));
        }
    }
}

/* Two steps of 4 outputs to 8 k of 2 outputs, twice */
typedef struct zipped { int8x16_t low, high; } zipped;
INLINE zipped zip_steps(const int8_t *w) {
    const int32x4_t even = vreinterpretq_s32_s8(vld1q_s8(w)), odd = vreinterpretq_s32_s8(vld1q_s8(w + 64));
    return (zipped){vreinterpretq_s8_s32(vzip1q_s32(even, odd)), vreinterpretq_s8_s32(vzip2q_s32(even, odd))};
}

/* w is zipped, int8 [k / 8][8][16], or lies as it does in the file */
typedef struct q8_pairs {
    const uint8_t *x;
    size_t x_stride; /* bytes from pair to pair */
    const int8_t *w;
    size_t k, rows;
    int32_t *acc;
    size_t acc_stride;
} q8_pairs;

/* 8 outputs of `pairs` pairs of rows */
INLINE void q8_pairs_of(const bool as_it_lies, const size_t pairs, const q8_pairs *t) {
    const uint8_t *x = t->x;
    const int8_t *w = t->w;
    int32x4_t sum[4 * Q8_PAIRS_OF_ROWS];
    UNROLL for (size_t p = 0; p < pairs; p++)
        UNROLL for (size_t n = 0; n < 4; n++) sum[4 * p + n] = vdupq_n_s32(0);
    for (size_t i = 0; i < t->k; i += 8, x += 16, w += 8 * LANES) {
        int8x16_t u[4];
        UNROLL for (size_t n = 0; n < 4; n += 2) {
            const zipped z = as_it_lies ? zip_steps(w + 8 * n) : (zipped){vld1q_s8(w + 16 * n), vld1q_s8(w + 16 * n + 16)};
            u[n] = z.low, u[n + 1] = z.high;
        }
        UNROLL for (size_t p = 0; p < pairs; p++) {
            const uint8x16_t v = vld1q_u8(x + p * t->x_stride);
            UNROLL for (size_t n = 0; n < 4; n++) sum[4 * p + n] = vusmmlaq_s32(sum[4 * p + n], v, u[n]);
        }
    }
    UNROLL for (size_t p = 0; p < pairs; p++)
        UNROLL for (size_t n = 0; n < 4; n += 2) {
            const int64x2_t low = vreinterpretq_s64_s32(sum[4 * p + n]), high = vreinterpretq_s64_s32(sum[4 * p + n + 1]);
            int32_t *to = t->acc + 2 * p * t->acc_stride + 2 * n;
            vst1q_s32(to, vaddq_s32(vld1q_s32(to), vreinterpretq_s32_s64(vzip1q_s64(low, high))));
            if (2 * p + 1 == t->rows) continue;
            to += t->acc_stride;
            vst1q_s32(to, vaddq_s32(vld1q_s32(to), vreinterpretq_s32_s64(vzip2q_s64(low, high))));
        }
}

static void q8_pairs_tile(const bool as_it_lies, const q8_pairs *t) {
    switch (2 * ((t->rows + 1) / 2) + as_it_lies) {
#define CASE(n) \
    case 2 * n: q8_pairs_of(false, n, t); break; \
    case 2 * n + 1: q8_pairs_of(true, n, t); break;
    CASE(1) CASE(2) CASE(3) CASE(4) CASE(5) CASE(6)
#undef CASE
    }
}

static void dots_q8(const q8_block *b) {
    if (b->rows == 1) {
        q8_row(b);
        return;
    }
    _Alignas(64) int8_t wide[Q8_TILE_K * LANES];
    const size_t tile_rows = 2 * even_part((b->rows + 1) / 2, Q8_PAIRS_OF_ROWS);
    const bool as_it_lies = tile_rows >= b->rows; /* it meets one tile only */
    for (size_t k0 = 0, k; k0 < b->k; k0 += k) {
        k = min_size(Q8_TILE_K, b->k - k0);
        const int8_t *w = b->w + k0 * LANES;
        for (size_t i = 0; !as_it_lies && i < k * LANES; i += 128)
            for (size_t quarter = 0; quarter < 64; quarter += 16) {
                const zipped z = zip_steps(w + i + quarter);
                vst1q_s8(wide + i + 2 * quarter, z.low);
                vst1q_s8(wide + i + 2 * quarter + 16, z.high);
            }
        for (size_t r = 0; r < b->rows; r += tile_rows) {
            q8_pairs t = {.x = (const uint8_t *)b->x + r * b->x_stride + 2 * k0, .x_stride = 2 * b->x_stride,
                          .w = as_it_lies ? w : wide, .k = k, .rows = min_size(tile_rows, b->rows - r),
                          .acc = b->acc + r * b->acc_stride, .acc_stride = b->acc_stride};
            prefetch_share(w + b->panel_bytes, k * LANES, r, t.rows, b->rows);
            q8_pairs_tile(as_it_lies, &t);
            t.w += as_it_lies ? 32 : 64, t.acc += 8;
            q8_pairs_tile(as_it_lies, &t);
        }
    }
}

#include "simd/arm/dots_q4.h"

#include "simd/generic/attention.h"
#include "simd/generic/elementwise.h"
#include "simd/generic/norm.h"
#include "simd/generic/pool.h"
#include "simd/generic/quantize.h"
#include "simd/generic/table.h"

void simd_fill_i8mm(kernels *k) { fill_table(k); }
