/* AVX-512 F, BW, DQ and VL: v16 is one register. */
#include "simd/levels.h"
#include <immintrin.h>
#include <string.h>

typedef __m512 v16;
typedef __m512i v16i;
typedef __mmask16 v16m;

INLINE v16m v_first(size_t n) { return (v16m)((1u << n) - 1); }
INLINE v16 v_load(const float *p) { return _mm512_loadu_ps(p); }
INLINE v16 v_load_n(const float *p, size_t n) { return _mm512_maskz_loadu_ps(v_first(n), p); }
INLINE v16 v_set1(float x) { return _mm512_set1_ps(x); }
INLINE void v_store(float *p, v16 x) { _mm512_storeu_ps(p, x); }
INLINE void v_store_n(float *p, size_t n, v16 x) { _mm512_mask_storeu_ps(p, v_first(n), x); }

INLINE v16 v_add(v16 x, v16 y) { return _mm512_add_ps(x, y); }
INLINE v16 v_sub(v16 x, v16 y) { return _mm512_sub_ps(x, y); }
INLINE v16 v_mul(v16 x, v16 y) { return _mm512_mul_ps(x, y); }
INLINE v16 v_div(v16 x, v16 y) { return _mm512_div_ps(x, y); }
INLINE v16 v_min(v16 x, v16 y) { return _mm512_min_ps(x, y); }
INLINE v16 v_max(v16 x, v16 y) { return _mm512_max_ps(x, y); }
INLINE v16 v_fma(v16 x, v16 y, v16 z) { return _mm512_fmadd_ps(x, y, z); }
INLINE v16 v_fnma(v16 x, v16 y, v16 z) { return _mm512_fnmadd_ps(x, y, z); }
INLINE v16 v_select(v16m m, v16 x, v16 y) { return _mm512_mask_blend_ps(m, y, x); }

INLINE v16i v_bits(v16 x) { return _mm512_castps_si512(x); }
INLINE v16 v_float(v16i x) { return _mm512_castsi512_ps(x); }
INLINE v16i vi_set1(int32_t x) { return _mm512_set1_epi32(x); }
INLINE v16i load64(const void *p) { return _mm512_loadu_si512(p); }
INLINE void store64(void *p, v16i x) { _mm512_storeu_si512(p, x); }
INLINE v16i vi_load(const int32_t *p) { return load64(p); }
INLINE v16i vi_add(v16i x, v16i y) { return _mm512_add_epi32(x, y); }
INLINE v16i vi_sub(v16i x, v16i y) { return _mm512_sub_epi32(x, y); }
INLINE v16i vi_mul(v16i x, v16i y) { return _mm512_mullo_epi32(x, y); }
INLINE v16i vi_and(v16i x, v16i y) { return _mm512_and_si512(x, y); }
INLINE v16i vi_or(v16i x, v16i y) { return _mm512_or_si512(x, y); }
INLINE v16i vi_shl(v16i x, unsigned n) { return _mm512_slli_epi32(x, n); }
INLINE v16 v_from_int(v16i x) { return _mm512_cvtepi32_ps(x); }
INLINE v16i v_to_nearest(v16 x) { return _mm512_cvtps_epi32(x); }

INLINE int32_t vi_store_u8(uint8_t *p, v16i x, v16i y) {
    const __m512i zero = _mm512_setzero_si512();
    const __m128i low = _mm512_cvtusepi32_epi8(_mm512_max_epi32(x, zero)), high = _mm512_cvtusepi32_epi8(_mm512_max_epi32(y, zero));
    const __m256i bytes = _mm256_set_m128i(high, low);
    _mm256_storeu_si256((__m256i *)p, bytes);
    const __m256i sums = _mm256_sad_epu8(bytes, _mm256_setzero_si256());
    const __m128i s = _mm_add_epi32(_mm256_castsi256_si128(sums), _mm256_extracti128_si256(sums, 1));
    return _mm_cvtsi128_si32(_mm_add_epi32(s, _mm_unpackhi_epi64(s, s)));
}

INLINE v16 v_load_f16(const uint16_t *p) { return _mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *)p)); }
INLINE void v_store_f16(uint16_t *p, v16 x) {
    _mm256_storeu_si256((__m256i *)p, _mm512_cvtps_ph(x, _MM_FROUND_TO_NEAREST_INT));
}

#define TREE(x, f8, f4, f1) \
    const __m256 half = f8(_mm512_castps512_ps256(x), _mm512_extractf32x8_ps(x, 1)); \
    __m128 q = f4(_mm256_castps256_ps128(half), _mm256_extractf128_ps(half, 1)); \
    q = f4(q, _mm_movehl_ps(q, q)); \
    return _mm_cvtss_f32(f1(q, _mm_movehdup_ps(q)))
INLINE float v_sum(v16 x) { TREE(x, _mm256_add_ps, _mm_add_ps, _mm_add_ss); }
INLINE float v_maximum(v16 x) { TREE(x, _mm256_max_ps, _mm_max_ps, _mm_max_ss); }
INLINE float v_minimum(v16 x) { TREE(x, _mm256_min_ps, _mm_min_ps, _mm_min_ss); }

/* Four bytes in every lane */
typedef __m512i quad;
INLINE quad broadcast4(const void *p) {
    int32_t x;
    memcpy(&x, p, sizeof x);
    return _mm512_set1_epi32(x);
}

/* 64 bytes to two steps of w - 8 */
typedef struct q4_steps { v16i even, odd; } q4_steps;
INLINE q4_steps q4_unpack(const uint8_t *w) {
    const __m512i low = _mm512_set1_epi8(15), eight = _mm512_set1_epi8(8), both = load64(w);
    return (q4_steps){_mm512_sub_epi8(_mm512_and_si512(both, low), eight),
                      _mm512_sub_epi8(_mm512_and_si512(_mm512_srli_epi16(both, 4), low), eight)};
}
enum { Q4_ROWS = 12, Q4_KEEP = 1 };
#define Q4_TILES(X) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11) X(12)

#include "simd/x86/transpose.h"

enum { FLOAT_ROWS = 12, FLOAT_PANELS = 4, FLOAT_SUMS = 24, FLOAT_BLOCK_K = 128 };
#define FLOAT_TILES(X) /* each with two panels as well, for the last rows of a block */ \
    X(1, 2) X(2, 2) X(3, 2) X(4, 2) X(5, 2) X(6, 2) \
    X(1, 4) X(2, 4) X(3, 4) X(4, 4) X(5, 4) X(6, 4) X(7, 2) X(8, 2) X(9, 2) X(10, 2) X(11, 2) X(12, 2) \
    X(1, 1) X(2, 1) X(3, 1) X(4, 1) X(5, 1) X(6, 1) X(7, 1) X(8, 1) X(9, 1) X(10, 1) X(11, 1) X(12, 1)
