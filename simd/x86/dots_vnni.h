/* 8-bit dot products by vpdpbusd, which adds four u8 times s8 products to each of its sums and does not saturate. A level defines, besides
   what dots_q4.h wants:
     Q8_ROWS, Q8_TILES(X): most rows of a tile, and the shapes X(rows, panels) */

enum { Q8_AHEAD = 8192 };

INLINE v16i dot_finish(v16i sum) { return sum; }
INLINE void add_sums(v16i sum, int32_t *acc) { store64(acc, vi_add(load64(acc), sum)); }

/* One panel in four chains, as a single one waits for its sum */
INLINE void q8_row_of(const bool prefetch, const q8_block *b, const int8_t *w, int32_t *acc) {
    const uint8_t *x = b->x;
    v16i sum[4];
    UNROLL for (size_t c = 0; c < 4; c++) sum[c] = vi_set1(0);
    for (size_t i = 0; i < b->k; i += 16, w += 256)
        UNROLL for (size_t c = 0; c < 4; c++) {
            if (prefetch) __builtin_prefetch(w + Q8_AHEAD + 64 * c);
            sum[c] = dot_step(sum[c], broadcast4(x + i + 4 * c), load64(w + 64 * c));
        }
    add_sums(vi_add(vi_add(sum[0], sum[1]), vi_add(sum[2], sum[3])), acc);
}

static void q8_row(const q8_block *b, const int8_t *w, int32_t *acc) {
    if (b->stream)
        q8_row_of(true, b, w, acc);
    else
        q8_row_of(false, b, w, acc);
}

INLINE void q8_tile_of(const size_t rows, const size_t panels, const q8_block *b, size_t row) {
    const uint8_t *x = (const uint8_t *)b->x + row * b->x_stride;
    const int8_t *w = b->w;
    v16i sum[Q8_PANELS * Q8_ROWS];
    UNROLL for (size_t i = 0; i < rows * panels; i++) sum[i] = vi_set1(0);
    for (size_t i = 0; i < b->k; i += 4, w += 64) {
        v16i v[Q8_PANELS];
        UNROLL for (size_t p = 0; p < panels; p++) v[p] = load64(w + p * b->panel_bytes);
        UNROLL for (size_t r = 0; r < rows; r++) {
            const quad q = broadcast4(x + i + r * b->x_stride);
            UNROLL for (size_t p = 0; p < panels; p++) sum[r * panels + p] = dot_step(sum[r * panels + p], q, v[p]);
        }
    }
    UNROLL for (size_t r = 0; r < rows; r++)
        UNROLL for (size_t p = 0; p < panels; p++)
            add_sums(sum[r * panels + p], b->acc + (row + r) * b->acc_stride + p * LANES);
}

static void q8_tile(size_t rows, const q8_block *b, size_t row) {
    switch (2 * rows + b->panels - 1) {
#define CASE(n, panels) case 2 * n + panels - 1: q8_tile_of(n, panels, b, row); break;
    Q8_TILES(CASE)
#undef CASE
    }
}

static void dots_q8(const q8_block *b) {
    if (b->rows == 1) {
        for (size_t p = 0; p < b->panels; p++) q8_row(b, b->w + p * b->panel_bytes, b->acc + p * LANES);
        return;
    }
    const size_t tile_rows = even_part(b->rows, Q8_ROWS);
    for (size_t r = 0; r < b->rows; r += tile_rows) {
        const size_t rows = min_size(tile_rows, b->rows - r);
        for (size_t p = 0; p < b->panels; p++)
            prefetch_share(b->w + (b->panels + p) * b->panel_bytes, b->k * LANES, r, rows, b->rows);
        q8_tile(rows, b, r);
    }
}

#include "simd/x86/dots_q4.h"
