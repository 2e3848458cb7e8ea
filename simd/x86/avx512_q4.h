/* 4-bit dot products over whole registers. A level defines
     dot_step(sum, q, w): sum plus u8 times s8 products, of four k for each of 16 outputs, w within -8 .. 7
     dot_finish(sum): the 16 sums as int32, after at most the 8 steps of a group */

enum { Q4_ROWS = 12, Q4_STEPS = QUANT_GROUP / 4, Q4_AHEAD = 8192 };

typedef struct q4_steps { __m512i even, odd; } q4_steps;

/* 64 bytes to two steps of w - 8 */
INLINE q4_steps q4_unpack(const uint8_t *w) {
    const __m512i low = _mm512_set1_epi8(15), eight = _mm512_set1_epi8(8), both = _mm512_loadu_si512(w);
    return (q4_steps){_mm512_sub_epi8(_mm512_and_si512(both, low), eight),
                      _mm512_sub_epi8(_mm512_and_si512(_mm512_srli_epi16(both, 4), low), eight)};
}

static void q4_row(const q4_block *b) {
    const size_t ahead = b->stream ? Q4_AHEAD : 0;
    const uint8_t *x = b->x, *w = b->w;
    v16 acc = v_load(b->acc);
    for (size_t g = 0; g < b->groups; g++, x += QUANT_GROUP, w += Q4_STEPS / 2 * 64) {
        const uint16_t *scale = b->w_scale + g * LANES;
        __m512i sum = _mm512_setzero_si512();
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
    UNROLL for (size_t r = 0; r < rows; r++) total[r] = v_load(acc + r * LANES);
    for (size_t g = 0; g < groups; g++, x += QUANT_GROUP, w += Q4_STEPS * 64, w_scale += LANES) {
        __m512i sum[Q4_ROWS];
        UNROLL for (size_t r = 0; r < rows; r++) sum[r] = _mm512_setzero_si512();
        UNROLL for (size_t j = 0; j < Q4_STEPS; j++) {
            const __m512i v = _mm512_loadu_si512(w + j * 64);
            UNROLL for (size_t r = 0; r < rows; r++) sum[r] = dot_step(sum[r], broadcast4(x + r * x_stride + 4 * j), v);
        }
        const v16 scale = v_load_f16(w_scale);
        UNROLL for (size_t r = 0; r < rows; r++) total[r] = v_fma(v_from_int(dot_finish(sum[r])), scale, total[r]);
    }
    UNROLL for (size_t r = 0; r < rows; r++) v_store(acc + r * LANES, total[r]);
}

static void q4_tile(size_t rows, const uint8_t *x, size_t x_stride, const int8_t *w, const uint16_t *w_scale, size_t groups, float *acc) {
    switch (rows) {
#define CASE(n) case n: q4_tile_of(n, x, x_stride, w, w_scale, groups, acc); break;
    CASE(1) CASE(2) CASE(3) CASE(4) CASE(5) CASE(6) CASE(7) CASE(8) CASE(9) CASE(10) CASE(11) CASE(12)
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
            _mm512_store_si512(w + 2 * i, v.even);
            _mm512_store_si512(w + 2 * i + 64, v.odd);
        }
        for (size_t r = 0; r < b->rows; r += tile_rows) {
            const size_t rows = min_size(tile_rows, b->rows - r);
            prefetch_share(from + groups * GROUP_BYTES, groups * GROUP_BYTES, r, rows, b->rows);
            q4_tile(rows, b->x + r * b->x_stride + g * QUANT_GROUP, b->x_stride, w, b->w_scale + g * LANES, groups, b->acc + r * LANES);
        }
    }
}
