/* 4-bit dot products, four k of 16 outputs a step. A level defines, besides v16:
     quad, broadcast4(p): four u8 of a row, for every output
     q4_steps { v16i even, odd; }, q4_unpack(w): 64 bytes to two steps of w - 8
     dot_step(sum, q, w): sum plus u8 times s8 products, w within -8 .. 7
     dot_finish(sum): the 16 sums as int32, after at most the 8 steps of a group
     Q4_ROWS, Q4_TILES(X): as blocks_q4.h wants them
     Q4_KEEP: whether the registers hold a tile's floats beside its integer sums; else they rest in memory between groups */

enum { Q4_STEPS = QUANT_GROUP / 4, Q4_PARTS = 1 };

static void q4_row(const q4_block *b) {
    const size_t ahead = b->stream ? Q4_AHEAD : 0;
    const uint8_t *x = b->x, *w = b->w;
    v16 acc = v_load(b->acc);
    for (size_t g = 0; g < b->groups; g++, x += QUANT_GROUP, w += Q4_STEPS / 2 * 64) {
        const uint16_t *scale = b->w_scale + g * LANES;
        v16i sum = vi_set1(0);
        __builtin_prefetch((const char *)scale + ahead / 8);
        UNROLL for (size_t j = 0; j < Q4_STEPS / 2; j++) {
            const q4_steps v = q4_unpack(w + j * 64);
            __builtin_prefetch(w + ahead + j * 64);
            sum = dot_step(sum, broadcast4(x + 8 * j), v.even);
            sum = dot_step(sum, broadcast4(x + 8 * j + 4), v.odd);
        }
        acc = v_fma(v_from_int(dot_finish(sum)), v_load_f16(scale), acc);
    }
    v_store(b->acc, acc);
}

/* w - 8 as int8 [groups * 8][16][4] */
typedef struct q4_unpacked {
    _Alignas(64) int8_t w[Q4_BLOCK_GROUPS * QUANT_GROUP * LANES];
} q4_unpacked;

static void q4_unpack_block(const uint8_t *w, const uint16_t *w_scale, size_t groups, q4_unpacked *to) {
    (void)w_scale;
    for (size_t i = 0; i < groups * (QUANT_GROUP / 2 * LANES); i += 64) {
        const q4_steps v = q4_unpack(w + i);
        store64(to->w + 2 * i, v.even);
        store64(to->w + 2 * i + 64, v.odd);
    }
}

INLINE void q4_tile_of(const size_t rows, const q4_block *t, const q4_unpacked *unpacked, size_t part) {
    (void)part;
    const size_t x_stride = t->x_stride, groups = t->groups;
    const uint8_t *x = t->x;
    const int8_t *w = unpacked->w;
    const uint16_t *w_scale = t->w_scale;
    float *acc = t->acc;
    v16 total[Q4_ROWS];
    if (Q4_KEEP)
        UNROLL for (size_t r = 0; r < rows; r++) total[r] = v_load(acc + r * LANES);
    for (size_t g = 0; g < groups; g++, x += QUANT_GROUP, w += Q4_STEPS * 64, w_scale += LANES) {
        v16i sum[Q4_ROWS];
        UNROLL for (size_t r = 0; r < rows; r++) sum[r] = vi_set1(0);
        UNROLL for (size_t j = 0; j < Q4_STEPS; j++) {
            const v16i v = load64(w + j * 64);
            UNROLL for (size_t r = 0; r < rows; r++) sum[r] = dot_step(sum[r], broadcast4(x + r * x_stride + 4 * j), v);
        }
        const v16 scale = v_load_f16(w_scale);
        UNROLL for (size_t r = 0; r < rows; r++) {
            total[r] = v_fma(v_from_int(dot_finish(sum[r])), scale, Q4_KEEP ? total[r] : v_load(acc + r * LANES));
            if (!Q4_KEEP) v_store(acc + r * LANES, total[r]);
        }
    }
    if (Q4_KEEP)
        UNROLL for (size_t r = 0; r < rows; r++) v_store(acc + r * LANES, total[r]);
}
#include "simd/generic/blocks_q4.h"
