/* AVX2 with VNNI, of CPUs that need not have AVX-512. */
#include "simd/x86/avx2_v16.h"

enum { Q8_PANELS = 1, Q8_WIDE = 0, Q8_ROWS = 6, Q4_ROWS = 6, Q4_KEEP = 0 };
#define Q8_TILES(X) X(1, 1) X(2, 1) X(3, 1) X(4, 1) X(5, 1) X(6, 1)
#define Q4_TILES(X) X(1) X(2) X(3) X(4) X(5) X(6)
#include "simd/generic/linear.h"

/* Tied as in avx512vnni.c; the prefix, as assemblers take the EVEX form by themselves. */
INLINE __m256i dot_half(__m256i sum, __m256i q, __m256i w) {
    __asm__("%{vex%} vpdpbusd %2, %1, %0" : "+x"(sum) : "x"(q), "x"(w));
    return sum;
}
INLINE v16i dot_step(v16i sum, quad q, v16i w) { return (v16i){dot_half(sum.a, q, w.a), dot_half(sum.b, q, w.b)}; }

/* 64 bytes to two steps of w - 8 */
typedef struct q4_steps { v16i even, odd; } q4_steps;
INLINE q4_steps q4_unpack(const uint8_t *w) {
    const v16i both = load64(w);
    return (q4_steps){{low_nibbles(both.a), low_nibbles(both.b)},
                      {low_nibbles(_mm256_srli_epi16(both.a, 4)), low_nibbles(_mm256_srli_epi16(both.b, 4))}};
}
#include "simd/x86/dots_vnni.h"

#include "simd/generic/attention.h"
#include "simd/generic/elementwise.h"
#include "simd/generic/norm.h"
#include "simd/generic/pool.h"
#include "simd/generic/quantize.h"
#include "simd/generic/table.h"

void simd_fill_avxvnni(kernels *k) { fill_table(k); }
