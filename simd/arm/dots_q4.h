/* 4-bit dot products over quarters of a panel (see dots_q8.h). Weights stay as they are, 8 more than what they stand for: the row's group
   sums know how much that is. A level defines, besides row_steps,
     q4_sum, q4_none(), q4_step(sum, w, x, step): sums of 4 outputs over a group, plus u8 products with one of the steps of x;
     q4_finish(sum): as int32
     Q4_ROWS, Q4_TILES(X): as blocks_q4.h wants them; the sums of a tile of 8 outputs and their floats stay in registers */

enum { Q4_STEPS = QUANT_GROUP / 4, Q4_PARTS = 2 };

typedef struct q4_steps { uint8x16_t even, odd; } q4_steps;
INLINE q4_steps q4_unpack(const uint8_t *w) {
    const uint8x16_t both = vld1q_u8(w);
    return (q4_steps){vandq_u8(both, vdupq_n_u8(15)), vshrq_n_u8(both, 4)};
}

INLINE float32x4_t q4_float(q4_sum sum, int32_t row_sum) { return vcvtq_f32_s32(vsubq_s32(q4_finish(sum), vdupq_n_s32(8 * row_sum))); }

INLINE q4_sum q4_step_at(q4_sum sum, uint8x16_t w, const uint8_t *x, size_t step) {
    return q4_step(sum, w, load_steps(x + step / ROW_STEPS * ROW_STEPS * 4), step % ROW_STEPS);
}

static void q4_row(const q4_block *b) {
    enum { QUARTERS = 4 };
    const size_t ahead = b->stream ? Q4_AHEAD : 0;
    const uint8_t *x = b->x, *w = b->w;
    v16 acc = v_load(b->acc);
    for (size_t g = 0; g < b->groups; g++, x += QUANT_GROUP, w += QUANT_GROUP / 2 * LANES) {
        const uint16_t *scale = b->w_scale + g * LANES;
        q4_sum sum[QUARTERS];
        UNROLL for (size_t q = 0; q < QUARTERS; q++) sum[q] = q4_none();
        __builtin_prefetch((const char *)scale + ahead / 8);
        UNROLL for (size_t j = 0; j < Q4_STEPS / 2; j++) {
            __builtin_prefetch(w + ahead + j * 64);
            UNROLL for (size_t q = 0; q < QUARTERS; q++) {
                const q4_steps u = q4_unpack(w + j * 64 + q * 16);
                sum[q] = q4_step_at(sum[q], u.even, x, 2 * j);
                sum[q] = q4_step_at(sum[q], u.odd, x, 2 * j + 1);
            }
        }
        const int32_t s = b->sums[g];
        const v16 d = {q4_float(sum[0], s), q4_float(sum[1], s), q4_float(sum[2], s), q4_float(sum[3], s)};
        acc = v_fma(d, v_load_f16(scale), acc);
    }
    v_store(b->acc, acc);
}

/* Weights as bytes [groups * 8][16][4], and the scales */
typedef struct q4_unpacked {
    _Alignas(64) uint8_t w[Q4_BLOCK_GROUPS * QUANT_GROUP * LANES];
    _Alignas(64) float scale[Q4_BLOCK_GROUPS * LANES];
} q4_unpacked;

static void q4_unpack_block(const uint8_t *w, const uint16_t *w_scale, size_t groups, q4_unpacked *to) {
    uint8_t *wide = to->w;
    for (size_t i = 0; i < groups * (QUANT_GROUP / 2 * LANES); i += 64, wide += 128)
        for (size_t at = 0; at < 64; at += 16) {
            const q4_steps u = q4_unpack(w + i + at);
            vst1q_u8(wide + at, u.even);
            vst1q_u8(wide + at + 64, u.odd);
        }
    for (size_t g = 0; g < groups; g++) v_store(to->scale + g * LANES, v_load_f16(w_scale + g * LANES));
}

/* 8 outputs of `rows` rows */
INLINE void q4_tile_of(const size_t rows, const q4_block *t, const q4_unpacked *unpacked, size_t part) {
    const uint8_t *x = t->x, *w = unpacked->w + 32 * part;
    const float *scales = unpacked->scale + 8 * part;
    float *acc = t->acc + 8 * part;
    float32x4_t total[2 * Q4_ROWS];
    UNROLL for (size_t i = 0; i < 2 * rows; i++) total[i] = vld1q_f32(acc + i / 2 * LANES + i % 2 * 4);
    for (size_t g = 0; g < t->groups; g++) {
        q4_sum sum[2 * Q4_ROWS];
        UNROLL for (size_t i = 0; i < 2 * rows; i++) sum[i] = q4_none();
        for (size_t at = 0; at < Q4_STEPS / ROW_STEPS; at++, x += 4 * ROW_STEPS, w += 64 * ROW_STEPS) {
            row_steps v[Q4_ROWS];
            UNROLL for (size_t r = 0; r < rows; r++) v[r] = load_steps(x + r * t->x_stride);
            UNROLL for (size_t i = 0; i < 2 * ROW_STEPS; i++) { /* two quarters of each step */
                const uint8x16_t u = vld1q_u8(w + i / 2 * 64 + i % 2 * 16);
                UNROLL for (size_t r = 0; r < rows; r++) sum[2 * r + i % 2] = q4_step(sum[2 * r + i % 2], u, v[r], i / 2);
            }
        }
        const float32x4_t scale[2] = {vld1q_f32(scales + g * LANES), vld1q_f32(scales + g * LANES + 4)};
        UNROLL for (size_t i = 0; i < 2 * rows; i++) {
            const int32_t *sums = (const int32_t *)(const void *)((const char *)t->sums + i / 2 * t->x_stride);
            total[i] = vfmaq_f32(total[i], q4_float(sum[i], sums[g]), scale[i % 2]);
        }
    }
    UNROLL for (size_t i = 0; i < 2 * rows; i++) vst1q_f32(acc + i / 2 * LANES + i % 2 * 4, total[i]);
}
#include "simd/generic/blocks_q4.h"
