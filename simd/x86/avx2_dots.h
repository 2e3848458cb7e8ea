/* Integer dot products without VNNI. Blocks of weights are unpacked once for all rows; one row reads them as they lie. */

enum { Q8_ROWS = 6, Q8_UNPACK_K = 512, Q8_AHEAD = 8192 };

INLINE __m256i broadcast8(const void *p) {
    int64_t x;
    memcpy(&x, p, sizeof x);
    return _mm256_set1_epi64x(x);
}
INLINE __m256i widen16(const int8_t *p) { return _mm256_cvtepi8_epi16(_mm_loadu_si128((const __m128i *)p)); }

/* Additions that the compiler may neither reorder nor spill around */
INLINE __m256i add_i32(__m256i sum, __m256i x) {
    __asm__("vpaddd %1, %0, %0" : "+x"(sum) : "x"(x));
    return sum;
}
INLINE __m256i add_i16(__m256i sum, __m256i x) {
    __asm__("vpaddw %1, %0, %0" : "+x"(sum) : "x"(x));
    return sum;
}

/* vpmaddwd leaves two sums for each of 4 outputs: adds those of 8 outputs to acc. */
INLINE void add_pairs(__m256i low, __m256i high, int32_t *acc) {
    const __m256i sums = _mm256_permute4x64_epi64(_mm256_hadd_epi32(low, high), 0xd8);
    store32(acc, _mm256_add_epi32(load32(acc), sums));
}

INLINE void q8_row_of(const bool prefetch, const q8_block *b) {
    const int16_t *x = b->x;
    const int8_t *w = b->w;
    __m256i sum[4];
    UNROLL for (size_t q = 0; q < 4; q++) sum[q] = _mm256_setzero_si256();
    for (size_t i = 0; i < b->k; i += 4, w += 4 * LANES) {
        const __m256i v = broadcast8(x + i);
        if (prefetch) __builtin_prefetch(w + Q8_AHEAD);
        UNROLL for (size_t q = 0; q < 4; q++) sum[q] = add_i32(sum[q], _mm256_madd_epi16(v, widen16(w + 16 * q)));
    }
    add_pairs(sum[0], sum[1], b->acc);
    add_pairs(sum[2], sum[3], b->acc + 8);
}

static void q8_row(const q8_block *b) {
    if (b->stream)
        q8_row_of(true, b);
    else
        q8_row_of(false, b);
}

/* 8 outputs of `rows` rows; w is int16 [k/4][16][4] */
INLINE void q8_tile_of(const size_t rows, const int16_t *x, size_t x_stride, const int16_t *w, size_t k, int32_t *acc, size_t acc_stride) {
    __m256i sum[2 * Q8_ROWS];
    UNROLL for (size_t i = 0; i < 2 * rows; i++) sum[i] = _mm256_setzero_si256();
    for (size_t i = 0; i < k; i += 4, w += 4 * LANES) {
        const __m256i low = load32(w), high = load32(w + 16);
        UNROLL for (size_t r = 0; r < rows; r++) {
            const __m256i v = broadcast8((const char *)(x + i) + r * x_stride);
            sum[2 * r] = add_i32(sum[2 * r], _mm256_madd_epi16(v, low));
            sum[2 * r + 1] = add_i32(sum[2 * r + 1], _mm256_madd_epi16(v, high));
        }
    }
    UNROLL for (size_t r = 0; r < rows; r++) add_pairs(sum[2 * r], sum[2 * r + 1], acc + r * acc_stride);
}

static void q8_tile(size_t rows, const int16_t *x, size_t x_stride, const int16_t *w, size_t k, int32_t *acc, size_t acc_stride) {
    switch (rows) {
#define CASE(n) case n: q8_tile_of(n, x, x_stride, w, k, acc, acc_stride); break;
    CASE(1) CASE(2) CASE(3) CASE(4) CASE(5) CASE(6)
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
        for (size_t i = 0; i < k * LANES; i += 16) store32(w + i, widen16(from + i));
        for (size_t r = 0; r < b->rows; r += tile_rows) {
            const int16_t *x = (const int16_t *)((const char *)b->x + r * b->x_stride) + k0;
            const size_t rows = min_size(tile_rows, b->rows - r);
            int32_t *acc = b->acc + r * b->acc_stride;
            prefetch_share(from + b->panel_bytes, k * LANES, r, rows, b->rows);
            q8_tile(rows, x, b->x_stride, w, k, acc, b->acc_stride);
            q8_tile(rows, x, b->x_stride, w + 32, k, acc + 8, b->acc_stride);
        }
    }
}

/* ---- q8 whose pairs are small: vpmaddubsw does not saturate, and reads weights as they lie ---- */

enum { PAIRS_ROWS = 6 };

INLINE __m256i maddubs_at(__m256i x, const int8_t *w) {
    __m256i products;
    __asm__("vpmaddubsw %2, %1, %0" : "=x"(products) : "x"(x), "m"(*(const __m256i *)(const void *)w));
    return products;
}

/* 16 outputs of `rows` rows */
INLINE void pairs_tile_of(const size_t rows, const uint8_t *x, size_t x_stride, const int8_t *w, size_t k, int32_t *acc, size_t acc_stride) {
    const __m256i ones = _mm256_set1_epi16(1);
    __m256i sum[2 * PAIRS_ROWS];
    UNROLL for (size_t i = 0; i < 2 * rows; i++) sum[i] = load32(acc + i / 2 * acc_stride + i % 2 * 8);
    for (size_t i = 0; i < k; i += 4, w += 4 * LANES)
        UNROLL for (size_t r = 0; r < rows; r++) {
            const __m256i v = broadcast4(x + r * x_stride + i);
            sum[2 * r] = add_i32(sum[2 * r], _mm256_madd_epi16(maddubs_at(v, w), ones));
            sum[2 * r + 1] = add_i32(sum[2 * r + 1], _mm256_madd_epi16(maddubs_at(v, w + 32), ones));
        }
    UNROLL for (size_t i = 0; i < 2 * rows; i++) store32(acc + i / 2 * acc_stride + i % 2 * 8, sum[i]);
}

INLINE void pairs_row_of(const bool prefetch, const q8_block *b) {
    const __m256i ones = _mm256_set1_epi16(1);
    const uint8_t *x = b->x;
    const int8_t *w = b->w;
    __m256i sum[4];
    UNROLL for (size_t i = 0; i < 4; i++) sum[i] = i < 2 ? load32(b->acc + 8 * i) : _mm256_setzero_si256();
    for (size_t i = 0; i < b->k; i += 8, w += 8 * LANES)
        UNROLL for (size_t step = 0; step < 2; step++) {
            const __m256i v = broadcast4(x + i + 4 * step);
            if (prefetch) __builtin_prefetch(w + step * 64 + Q8_AHEAD);
            UNROLL for (size_t half = 0; half < 2; half++)
                sum[2 * step + half] = add_i32(sum[2 * step + half], _mm256_madd_epi16(maddubs_at(v, w + step * 64 + half * 32), ones));
        }
    store32(b->acc, _mm256_add_epi32(sum[0], sum[2]));
    store32(b->acc + 8, _mm256_add_epi32(sum[1], sum[3]));
}

static void pairs_tile(size_t rows, const uint8_t *x, size_t x_stride, const int8_t *w, size_t k, int32_t *acc, size_t acc_stride) {
    switch (rows) {
#define CASE(n) case n: pairs_tile_of(n, x, x_stride, w, k, acc, acc_stride); break;
    CASE(1) CASE(2) CASE(3) CASE(4) CASE(5) CASE(6)
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
    const tiling tiles = tile_rows_of(b->rows, PAIRS_ROWS);
    const size_t share = round_up(b->k * LANES / tiles.tiles, 64);
    const int8_t *next = b->w + b->k * LANES;
    const uint8_t *x = b->x;
    int32_t *acc = b->acc;
    for (size_t t = 0; t < tiles.tiles; t++) {
        const size_t rows = tiles.rows + (t < tiles.larger);
        for (size_t at = 0; at < share; at += 64) __builtin_prefetch(next + at, 0, 2);
        pairs_tile(rows, x, b->x_stride, b->w, b->k, acc, b->acc_stride);
        next += share;
        x += rows * b->x_stride;
        acc += rows * b->acc_stride;
    }
}

/* ---- q4 ---- */

enum { Q4_ROWS = 6, Q4_PARTS = 2 };
#define Q4_TILES(X) X(1) X(2) X(3) X(4) X(5) X(6)

/* w - 8 as int8 [groups * 8][16][4], and the scales */
typedef struct q4_unpacked {
    _Alignas(64) int8_t w[Q4_BLOCK_GROUPS * QUANT_GROUP * LANES];
    _Alignas(64) float scale[Q4_BLOCK_GROUPS * LANES];
} q4_unpacked;

/* Over a group of 32 the products of vpmaddubsw sum to at most 8 * 255 * 15 * 2 = 61200: int16 sums that start at -32768
   hold them. vpmaddwd then leaves them less 65536, and q . (w - 8) is q . w less 8 times the group's sum. */
static void q4_row(const q4_block *b) {
    enum { STEPS = QUANT_GROUP / 8 };
    const __m256i low = _mm256_set1_epi8(15), ones = _mm256_set1_epi16(1), start = _mm256_set1_epi16(INT16_MIN);
    const size_t ahead = b->stream ? Q4_AHEAD : 0;
    const uint8_t *x = b->x, *w = b->w;
    v16 acc = v_load(b->acc);
    for (size_t g = 0; g < b->groups; g++, x += QUANT_GROUP, w += STEPS * 4 * LANES) {
        const uint16_t *scale = b->w_scale + g * LANES;
        __m256i sum[2] = {start, start};
        __builtin_prefetch((const char *)scale + ahead / 8);
        UNROLL for (size_t j = 0; j < STEPS; j++) {
            const __m256i even = broadcast4(x + 8 * j), odd = broadcast4(x + 8 * j + 4);
            __builtin_prefetch(w + ahead + j * 64);
            UNROLL for (size_t half = 0; half < 2; half++) {
                const __m256i both = load32(w + j * 64 + half * 32);
                sum[half] = add_i16(sum[half], _mm256_maddubs_epi16(even, _mm256_and_si256(both, low)));
                sum[half] = add_i16(sum[half], _mm256_maddubs_epi16(odd, _mm256_and_si256(_mm256_srli_epi16(both, 4), low)));
            }
        }
        const __m256i offset = _mm256_set1_epi32(65536 - 8 * b->sums[g]);
        const v16i d = {_mm256_add_epi32(_mm256_madd_epi16(sum[0], ones), offset),
                        _mm256_add_epi32(_mm256_madd_epi16(sum[1], ones), offset)};
        acc = v_fma(v_from_int(d), v_load_f16(scale), acc);
    }
    v_store(b->acc, acc);
}

static void q4_unpack_block(const uint8_t *w, const uint16_t *w_scale, size_t groups, q4_unpacked *to) {
    int8_t *wide = to->w;
    for (size_t i = 0; i < groups * (QUANT_GROUP / 2 * LANES); i += 64, wide += 128)
        for (size_t half = 0; half < 64; half += 32) {
            const __m256i both = load32(w + i + half);
            store32(wide + half, low_nibbles(both));
            store32(wide + 64 + half, low_nibbles(_mm256_srli_epi16(both, 4)));
        }
    for (size_t g = 0; g < groups; g++) v_store(to->scale + g * LANES, v_load_f16(w_scale + g * LANES));
}

/* 8 outputs of `rows` rows. Unpacked, a group's products sum to between -8 * 255 * 8 * 2 = -32640 and 28560. */
INLINE void q4_tile_of(const size_t rows, const q4_block *t, const q4_unpacked *unpacked, size_t part) {
    enum { STEPS = QUANT_GROUP / 4 };
    const __m256i ones = _mm256_set1_epi16(1);
    const size_t x_stride = t->x_stride, groups = t->groups;
    const uint8_t *x = t->x;
    const int8_t *w = unpacked->w + 32 * part;
    const float *scale = unpacked->scale + 8 * part;
    float *acc = t->acc + 8 * part;
    __m256 total[Q4_ROWS];
    UNROLL for (size_t r = 0; r < rows; r++) total[r] = _mm256_loadu_ps(acc + r * LANES);
    for (size_t g = 0; g < groups; g++, x += QUANT_GROUP, w += STEPS * 4 * LANES, scale += LANES) {
        __m256i sum[Q4_ROWS];
        UNROLL for (size_t j = 0; j < STEPS; j++) {
            const __m256i v = load32(w + j * 64);
            UNROLL for (size_t r = 0; r < rows; r++) {
                const __m256i products = _mm256_maddubs_epi16(broadcast4(x + r * x_stride + 4 * j), v);
                sum[r] = j ? add_i16(sum[r], products) : products;
            }
        }
        const __m256 s = _mm256_loadu_ps(scale);
        UNROLL for (size_t r = 0; r < rows; r++)
            total[r] = _mm256_fmadd_ps(_mm256_cvtepi32_ps(_mm256_madd_epi16(sum[r], ones)), s, total[r]);
    }
    UNROLL for (size_t r = 0; r < rows; r++) _mm256_storeu_ps(acc + r * LANES, total[r]);
}
#include "simd/generic/blocks_q4.h"
