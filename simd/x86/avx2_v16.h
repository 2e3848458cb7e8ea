/* AVX2, FMA and F16C: v16 is two registers, and so are the 64 bytes of weights that four k of 16 outputs take. */
#include "simd/levels.h"
#include <immintrin.h>
#include <string.h>

typedef struct { __m256 a, b; } v16;
typedef struct { __m256i a, b; } v16i;
typedef v16 v16m;

INLINE v16 v_load(const float *p) { return (v16){_mm256_loadu_ps(p), _mm256_loadu_ps(p + 8)}; }
INLINE v16 v_set1(float x) { return (v16){_mm256_set1_ps(x), _mm256_set1_ps(x)}; }
INLINE void v_store(float *p, v16 v) { _mm256_storeu_ps(p, v.a), _mm256_storeu_ps(p + 8, v.b); }

INLINE v16 v_add(v16 x, v16 y) { return (v16){_mm256_add_ps(x.a, y.a), _mm256_add_ps(x.b, y.b)}; }
INLINE v16 v_sub(v16 x, v16 y) { return (v16){_mm256_sub_ps(x.a, y.a), _mm256_sub_ps(x.b, y.b)}; }
INLINE v16 v_mul(v16 x, v16 y) { return (v16){_mm256_mul_ps(x.a, y.a), _mm256_mul_ps(x.b, y.b)}; }
INLINE v16 v_div(v16 x, v16 y) { return (v16){_mm256_div_ps(x.a, y.a), _mm256_div_ps(x.b, y.b)}; }
INLINE v16 v_min(v16 x, v16 y) { return (v16){_mm256_min_ps(x.a, y.a), _mm256_min_ps(x.b, y.b)}; }
INLINE v16 v_max(v16 x, v16 y) { return (v16){_mm256_max_ps(x.a, y.a), _mm256_max_ps(x.b, y.b)}; }
INLINE v16 v_fma(v16 x, v16 y, v16 z) { return (v16){_mm256_fmadd_ps(x.a, y.a, z.a), _mm256_fmadd_ps(x.b, y.b, z.b)}; }
INLINE v16 v_fnma(v16 x, v16 y, v16 z) { return (v16){_mm256_fnmadd_ps(x.a, y.a, z.a), _mm256_fnmadd_ps(x.b, y.b, z.b)}; }

INLINE v16i first_lanes(size_t n) {
    static const int32_t ramp[32] = {-1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1};
    const int32_t *p = ramp + LANES - n;
    return (v16i){_mm256_loadu_si256((const __m256i *)p), _mm256_loadu_si256((const __m256i *)(p + 8))};
}
INLINE v16m v_first(size_t n) {
    v16i m = first_lanes(n);
    return (v16m){_mm256_castsi256_ps(m.a), _mm256_castsi256_ps(m.b)};
}
INLINE v16 v_select(v16m m, v16 x, v16 y) {
    return (v16){_mm256_blendv_ps(y.a, x.a, m.a), _mm256_blendv_ps(y.b, x.b, m.b)};
}
INLINE v16 v_load_n(const float *p, size_t n) {
    v16i m = first_lanes(n);
    return (v16){_mm256_maskload_ps(p, m.a), _mm256_maskload_ps(p + 8, m.b)};
}
INLINE void v_store_n(float *p, size_t n, v16 v) {
    v16i m = first_lanes(n);
    _mm256_maskstore_ps(p, m.a, v.a), _mm256_maskstore_ps(p + 8, m.b, v.b);
}

INLINE v16i v_bits(v16 x) { return (v16i){_mm256_castps_si256(x.a), _mm256_castps_si256(x.b)}; }
INLINE v16 v_float(v16i x) { return (v16){_mm256_castsi256_ps(x.a), _mm256_castsi256_ps(x.b)}; }
INLINE v16i vi_set1(int32_t x) { return (v16i){_mm256_set1_epi32(x), _mm256_set1_epi32(x)}; }
INLINE __m256i load32(const void *p) { return _mm256_loadu_si256((const __m256i *)p); }
INLINE void store32(void *p, __m256i x) { _mm256_storeu_si256((__m256i *)p, x); }
INLINE v16i load64(const void *p) { return (v16i){load32(p), load32((const char *)p + 32)}; }
INLINE void store64(void *p, v16i x) { store32(p, x.a), store32((char *)p + 32, x.b); }
INLINE v16i vi_load(const int32_t *p) { return load64(p); }
INLINE v16i vi_add(v16i x, v16i y) { return (v16i){_mm256_add_epi32(x.a, y.a), _mm256_add_epi32(x.b, y.b)}; }
INLINE v16i vi_sub(v16i x, v16i y) { return (v16i){_mm256_sub_epi32(x.a, y.a), _mm256_sub_epi32(x.b, y.b)}; }
INLINE v16i vi_mul(v16i x, v16i y) { return (v16i){_mm256_mullo_epi32(x.a, y.a), _mm256_mullo_epi32(x.b, y.b)}; }
INLINE v16i vi_and(v16i x, v16i y) { return (v16i){_mm256_and_si256(x.a, y.a), _mm256_and_si256(x.b, y.b)}; }
INLINE v16i vi_or(v16i x, v16i y) { return (v16i){_mm256_or_si256(x.a, y.a), _mm256_or_si256(x.b, y.b)}; }
INLINE v16i vi_shl(v16i x, unsigned n) { return (v16i){_mm256_slli_epi32(x.a, (int)n), _mm256_slli_epi32(x.b, (int)n)}; }
INLINE v16 v_from_int(v16i x) { return (v16){_mm256_cvtepi32_ps(x.a), _mm256_cvtepi32_ps(x.b)}; }
INLINE v16i v_to_nearest(v16 x) { return (v16i){_mm256_cvtps_epi32(x.a), _mm256_cvtps_epi32(x.b)}; }

INLINE int32_t vi_store_u8(uint8_t *p, v16i x, v16i y) {
    const __m256i order = _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7);
    __m256i bytes = _mm256_packus_epi16(_mm256_packs_epi32(x.a, x.b), _mm256_packs_epi32(y.a, y.b));
    bytes = _mm256_permutevar8x32_epi32(bytes, order);
    _mm256_storeu_si256((__m256i *)p, bytes);
    const __m256i sums = _mm256_sad_epu8(bytes, _mm256_setzero_si256());
    const __m128i s = _mm_add_epi32(_mm256_castsi256_si128(sums), _mm256_extracti128_si256(sums, 1));
    return _mm_cvtsi128_si32(_mm_add_epi32(s, _mm_unpackhi_epi64(s, s)));
}

INLINE v16 v_load_f16(const uint16_t *p) {
    return (v16){_mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)p)), _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)(p + 8)))};
}
INLINE void v_store_f16(uint16_t *p, v16 v) {
    _mm_storeu_si128((__m128i *)p, _mm256_cvtps_ph(v.a, _MM_FROUND_TO_NEAREST_INT));
    _mm_storeu_si128((__m128i *)(p + 8), _mm256_cvtps_ph(v.b, _MM_FROUND_TO_NEAREST_INT));
}

#define TREE(v, f8, f4, f1) \
    __m256 half = f8(v.a, v.b); \
    __m128 q = f4(_mm256_castps256_ps128(half), _mm256_extractf128_ps(half, 1)); \
    q = f4(q, _mm_movehl_ps(q, q)); \
    return _mm_cvtss_f32(f1(q, _mm_movehdup_ps(q)))
INLINE float v_sum(v16 v) { TREE(v, _mm256_add_ps, _mm_add_ps, _mm_add_ss); }
INLINE float v_maximum(v16 v) { TREE(v, _mm256_max_ps, _mm_max_ps, _mm_max_ss); }
INLINE float v_minimum(v16 v) { TREE(v, _mm256_min_ps, _mm_min_ps, _mm_min_ss); }

/* Four bytes in every lane */
typedef __m256i quad;
INLINE quad broadcast4(const void *p) {
    int32_t x;
    memcpy(&x, p, sizeof x);
    return _mm256_set1_epi32(x);
}

/* The low nibble of each byte less 8 */
INLINE __m256i low_nibbles(__m256i x) { return _mm256_sub_epi8(_mm256_and_si256(x, _mm256_set1_epi8(15)), _mm256_set1_epi8(8)); }

#include "simd/x86/transpose.h"

enum { FLOAT_ROWS = 6, FLOAT_PANELS = 4, FLOAT_SUMS = 6, FLOAT_BLOCK_K = 256 };
#define FLOAT_TILES(X) X(1, 4) X(1, 1) X(2, 2) X(2, 1) X(3, 2) X(3, 1) X(4, 1) X(5, 1) X(6, 1)
