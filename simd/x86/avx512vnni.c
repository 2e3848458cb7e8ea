/* AVX-512 with VNNI: vpdpbusd adds four u8 times s8 products to each of 16 sums. */
#include "simd/x86/avx512_v16.h"

enum { Q8_PANELS = 2, Q8_WIDE = 0 };
#include "simd/generic/linear.h"

enum { Q8_ROWS = 12, Q8_AHEAD = 8192 };

/* An instruction with its sum tied: around the intrinsic GCC 12 copies and spills the sums. */
INLINE __m512i dot_step(__m512i sum, __m512i q, __m512i w) {
    __asm__("vpdpbusd %2, %1, %0" : "+v"(sum) : "v"(q), "v"(w));
    return sum;
}
INLINE __m512i dot_finish(__m512i sum) { return sum; }

INLINE void add_sums(__m512i sum, int32_t *acc) {
    _mm512_storeu_si512(acc, _mm512_add_epi32(_mm512_loadu_si512(acc), sum));
}

/* One panel in four chains, as a single one waits for its sum */
INLINE void q8_row_of(const bool prefetch, const q8_block *b, const int8_t *w, int32_t *acc) {
    const uint8_t *x = b->x;
    __m512i sum[4];
    UNROLL for (size_t c = 0; c < 4; c++) sum[c] = _mm512_setzero_si512();
    for (size_t i = 0; i < b->k; i += 16, w += 256)
        UNROLL for (size_t c = 0; c < 4; c++) {
            if (prefetch) __builtin_prefetch(w + Q8_AHEAD + 64 * c);
            sum[c] = dot_step(sum[c], broadcast4(x + i + 4 * c), _mm512_loadu_si512(w + 64 * c));
        }
    add_sums(_mm512_add_epi32(_mm512_add_epi32(sum[0], sum[1]), _mm512_add_epi32(sum[2], sum[3])), acc);
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
    __m512i sum[2 * Q8_ROWS];
    UNROLL for (size_t r = 0; r < rows; r++)
        UNROLL for (size_t p = 0; p < panels; p++) sum[r * panels + p] = _mm512_setzero_si512();
    for (size_t i = 0; i < b->k; i += 4, w += 64) {
        __m512i v[2];
        UNROLL for (size_t p = 0; p < panels; p++) v[p] = _mm512_loadu_si512(w + p * b->panel_bytes);
        UNROLL for (size_t r = 0; r < rows; r++) {
            const __m512i q = broadcast4(x + i + r * b->x_stride);
            UNROLL for (size_t p = 0; p < panels; p++) sum[r * panels + p] = dot_step(sum[r * panels + p], q, v[p]);
        }
    }
    UNROLL for (size_t r = 0; r < rows; r++)
        UNROLL for (size_t p = 0; p < panels; p++)
            add_sums(sum[r * panels + p], b->acc + (row + r) * b->acc_stride + p * LANES);
}

static void q8_tile(size_t rows, const q8_block *b, size_t row) {
    switch (2 * rows + b->panels - 1) {
#define CASE(n) \
    case 2 * n: q8_tile_of(n, 1, b, row); break; \
    case 2 * n + 1: q8_tile_of(n, 2, b, row); break;
    CASE(1) CASE(2) CASE(3) CASE(4) CASE(5) CASE(6) CASE(7) CASE(8) CASE(9) CASE(10) CASE(11) CASE(12)
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

#include "simd/x86/avx512_q4.h"

#include "simd/generic/attention.h"
#include "simd/generic/elementwise.h"
#include "simd/generic/norm.h"
#include "simd/generic/pool.h"
#include "simd/generic/quantize.h"
#include "simd/generic/table.h"

void simd_fill_avx512vnni(kernels *k) { fill_table(k); }
