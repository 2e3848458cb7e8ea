/* 4-bit dot products, four k of 16 outputs a step. A level defines, besides v16:
     quad, broadcast4(p): four u8 of a row, for every output
     q4_steps { v16i even, odd; }, q4_unpack(w): 64 bytes to two steps of w - 8
     dot_step(sum, q, w): sum plus u8 times s8 products, w within -8 .. 7
     dot_finish(sum): the 16 sums as int32, after at most the 8 steps of a group
     Q4_ROWS, Q4_TILES(X): most rows of a tile, and all numbers up to it
     Q4_KEEP: whether the registers hold a tile's floats beside its integer sums; else they rest in memory between groups */

enum { Q4_STEPS = QUANT_GROUP / 4, Q4_AHEAD = 8192 };

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

/* w is unpacked, int8 [groups * 8][16][4] */
INLINE void q4_tile_of(const size_t rows, const uint8_t *x, size_t x_stride, const int8_t *w, const uint16_t *w_scale,
                       size_t groups, float *acc) {
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

static void q4_tile(size_t rows, const uint8_t *x, size_t x_stride, const int8_t *w, const uint16_t *w_scale, size_t groups, float *acc) {
    switch (rows) {
#define CASE(n) case n: q4_tile_of(n, x, x_stride, w, w_scale, groups, acc); break;
    Q4_TILES(CASE)
#undef CASE
    }
}

static void dots_q4(const q4_block *b) {
    if (b->rows == 1) {
        q4_row(b);
        return;
    }
    enum { GROUP_BYTES = QUANT_GROUP / 2 * LANES };
    _Alignas(64) int8_t w[Q4_BLOCK_GROUPS * QUANT_GROUP * LANES];
    const size_t tile_rows = even_part(b->rows, Q4_ROWS);
    for (size_t g = 0, groups; g < b->groups; g += groups) {
        groups = min_size(Q4_BLOCK_GROUPS, b->groups - g);
        const uint8_t *from = b->w + g * GROUP_BYTES;
        for (size_t i = 0; i < groups * GROUP_BYTES; i += 64) {
            const q4_steps v = q4_unpack(from + i);
            store64(w + 2 * i, v.even);
            store64(w + 2 * i + 64, v.odd);
        }
        for (size_t r = 0; r < b->rows; r += tile_rows) {
            const size_t rows = min_size(tile_rows, b->rows - r);
            prefetch_share(from + groups * GROUP_BYTES, groups * GROUP_BYTES, r, rows, b->rows);
            q4_tile(rows, b->x + r * b->x_stride + g * QUANT_GROUP, b->x_stride, w, b->w_scale + g * LANES, groups, b->acc + r * LANES);
        }
    }
}
