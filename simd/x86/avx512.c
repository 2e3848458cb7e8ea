/* AVX-512 without VNNI: integer products by vpmaddwd and vpmaddubsw. */
#include "simd/x86/avx512_v16.h"

enum { Q8_PANELS = 1, Q8_WIDE = 1 };
#define Q8_PAIRS
#include "simd/generic/linear.h"

enum { Q8_ROWS = 12, Q8_UNPACK_K = 512, Q8_AHEAD = 8192 };

INLINE __m512i broadcast8(const void *p) {
    int64_t x;
    memcpy(&x, p, sizeof x);
    return _mm512_set1_epi64(x);
}
INLINE __m512i widen32(const int8_t *p) { return _mm512_cvtepi8_epi16(_mm256_loadu_si256((const __m256i *)p)); }

/* Additions that the compiler may neither reorder nor spill around */
INLINE __m512i add_i32(__m512i sum, __m512i x) {
    __asm__("vpaddd %1, %0, %0" : "+v"(sum) : "v"(x));
    return sum;
}
INLINE __m512i add_i16(__m512i sum, __m512i x) {
    __asm__("vpaddw %1, %0, %0" : "+v"(sum) : "v"(x));
    return sum;
}

/* vpmaddwd leaves two sums for each of 8 outputs: adds those of 16 outputs to acc. */
INLINE void add_pairs(__m512i low, __m512i high, int32_t *acc) {
    const __m512i even = _mm512_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
    const __m512i odd = _mm512_add_epi32(even, _mm512_set1_epi32(1));
    const __m512i sums = _mm512_add_epi32(_mm512_permutex2var_epi32(low, even, high), _mm512_permutex2var_epi32(low, odd, high));
    _mm512_storeu_si512(acc, _mm512_add_epi32(_mm512_loadu_si512(acc), sums));
}

INLINE void q8_row_of(const bool prefetch, const q8_block *b) {
    const int16_t *x = b->x;
    const int8_t *w = b->w;
    __m512i low = _mm512_setzero_si512(), high = low;
    for (size_t i = 0; i < b->k; i += 4, w += 64) {
        const __m512i v = broadcast8(x + i);
        if (prefetch) __builtin_prefetch(w + Q8_AHEAD);
        low = add_i32(low, _mm512_madd_epi16(v, widen32(w)));
        high = add_i32(high, _mm512_madd_epi16(v, widen32(w + 32)));
    }
    add_pairs(low, high, b->acc);
}

static void q8_row(const q8_block *b) {
    if (b->stream)
        q8_row_of(true, b);
    else
        q8_row_of(false, b);
}

/* w is int16 [k/4][16][4] */
INLINE void q8_tile_of(const size_t rows, const int16_t *x, size_t x_stride, const int16_t *w, size_t k, int32_t *acc, size_t acc_stride) {
    __m512i sum[2 * Q8_ROWS];
    UNROLL for (size_t i = 0; i < rows; i++) sum[2 * i] = sum[2 * i + 1] = _mm512_setzero_si512();
    for (size_t i = 0; i < k; i += 4, w += 64) {
        const __m512i low = _mm512_loadu_si512(w), high = _mm512_loadu_si512(w + 32);
        UNROLL for (size_t r = 0; r < rows; r++) {
            const __m512i v = broadcast8((const char *)(x + i) + r * x_stride);
            sum[2 * r] = add_i32(sum[2 * r], _mm512_madd_epi16(v, low));
            sum[2 * r + 1] = add_i32(sum[2 * r + 1], _mm512_madd_epi16(v, high));
        }
    }
    UNROLL for (size_t r = 0; r < rows; r++) add_pairs(sum[2 * r], sum[2 * r + 1], acc + r * acc_stride);
}

static void q8_tile(size_t rows, const int16_t *x, size_t x_stride, const int16_t *w, size_t k, int32_t *acc, size_t acc_stride) {
    switch (rows) {
#define CASE(n) case n: q8_tile_of(n, x, x_stride, w, k, acc, acc_stride); break;
    CASE(1) CASE(2) CASE(3) CASE(4) CASE(5) CASE(6) CASE(7) CASE(8) CASE(9) CASE(10) CASE(11) CASE(12)
#undef CASE
    }
}

static void dots_q8(const q8_block *b) {
    if (b->rows == 1) {
        q8_row(b);
        return;
    }
    _Alignas(64) int16_t w[Q8_UNPACK_K * LANES];
    const size_t tile_rows = even_part(b->rows, Q8_ROWS);
    for (size_t k0 = 0, k; k0 < b->k; k0 += k) {
        k = min_size(Q8_UNPACK_K, b->k - k0);
        const int8_t *from = b->w + k0 * LANES;
        for (size_t i = 0; i < k * LANES; i += 32) _mm512_store_si512(w + i, widen32(from + i));
        for (size_t r = 0; r < b->rows; r += tile_rows) {
            const int16_t *x = (const int16_t *)((const char *)b->x + r * b->x_stride) + k0;
            const size_t rows = min_size(tile_rows, b->rows - r);
            prefetch_share(from + b->panel_bytes, k * LANES, r, rows, b->rows);
            q8_tile(rows, x, b->x_stride, w, k, b->acc + r * b->acc_stride, b->acc_stride);
        }
    }
}

enum { PAIRS_ROWS = 12 };

/* w is i8 [k/4][16][4], whose pairs are small */
INLINE void pairs_tile_of(const size_t rows, const uint8_t *x, size_t x_stride, const int8_t *w, size_t k, int32_t *acc, size_t acc_stride) {
    const __m512i ones = _mm512_set1_epi16(1);
    __m512i sum[PAIRS_ROWS];
    UNROLL for (size_t r = 0; r < rows; r++) sum[r] = _mm512_loadu_si512(acc + r * acc_stride);
    for (size_t i = 0; i < k; i += 4, w += 64) {
        const __m512i v = _mm512_loadu_si512(w);
        UNROLL for (size_t r = 0; r < rows; r++)
            sum[r] = add_i32(sum[r], _mm512_madd_epi16(_mm512_maddubs_epi16(broadcast4(x + r * x_stride + i), v), ones));
    }
    UNROLL for (size_t r = 0; r < rows; r++) _mm512_storeu_si512(acc + r * acc_stride, sum[r]);
}

/* In four chains, as a single one waits for its sum */
INLINE void pairs_row_of(const bool prefetch, const q8_block *b) {
    const __m512i ones = _mm512_set1_epi16(1);
    const uint8_t *x = b->x;
    const int8_t *w = b->w;
    __m512i sum[4];
    UNROLL for (size_t c = 0; c < 4; c++) sum[c] = c ? _mm512_setzero_si512() : _mm512_loadu_si512(b->acc);
    for (size_t i = 0; i < b->k; i += 16, w += 256)
        UNROLL for (size_t c = 0; c < 4; c++) {
            if (prefetch) __builtin_prefetch(w + Q8_AHEAD + 64 * c);
            sum[c] = add_i32(sum[c], _mm512_madd_epi16(_mm512_maddubs_epi16(broadcast4(x + i + 4 * c), _mm512_loadu_si512(w + 64 * c)), ones));
        }
    _mm512_storeu_si512(b->acc, _mm512_add_epi32(_mm512_add_epi32(sum[0], sum[1]), _mm512_add_epi32(sum[2], sum[3])));
}

static void pairs_tile(size_t rows, const uint8_t *x, size_t x_stride, const int8_t *w, size_t k, int32_t *acc, size_t acc_stride) {
    switch (rows) {
#define CASE(n) case n: pairs_tile_of(n, x, x_stride, w, k, acc, acc_stride); break;
    CASE(1) CASE(2) CASE(3) CASE(4) CASE(5) CASE(6) CASE(7) CASE(8) CASE(9) CASE(10) CASE(11) CASE(12)
#undef CASE
    }
}

static void dots_q8_pairs(const q8_block *b) {
    if (b->rows == 1) {
        if (b->stream)
            pairs_row_of(true, b);
        else
            pairs_row_of(false, b);
        return;
    }
    const size_t tile_rows = even_part(b->rows, PAIRS_ROWS);
    for (size_t r = 0; r < b->rows; r += tile_rows) {
        const size_t rows = min_size(tile_rows, b->rows - r);
        prefetch_share(b->w + b->k * LANES, b->k * LANES, r, rows, b->rows);
        pairs_tile(rows, (const uint8_t *)b->x + r * b->x_stride, b->x_stride, b->w, b->k, b->acc + r * b->acc_stride, b->acc_stride);
    }
}

/* Eight steps of weights within -8 .. 7 sum to between -8 * 255 * 8 * 2 = -32640 and 28560. */
INLINE v16i dot_step(v16i sum, quad q, v16i w) { return add_i16(sum, _mm512_maddubs_epi16(q, w)); }
INLINE v16i dot_finish(v16i sum) { return _mm512_madd_epi16(sum, _mm512_set1_epi16(1)); }
#include "simd/x86/dots_q4.h"

#include "simd/generic/attention.h"
#include "simd/generic/elementwise.h"
#include "simd/generic/norm.h"
#include "simd/generic/pool.h"
#include "simd/generic/quantize.h"
#include "simd/generic/table.h"

void simd_fill_avx512(kernels *k) { fill_table(k); }
