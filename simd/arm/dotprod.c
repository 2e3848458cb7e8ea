/* NEON with dot products: sdot for q8, udot for q4 */
#include "simd/arm/neon_v16.h"

enum { Q8_PANELS = 1, Q8_WIDE = 0, Q8_FORM_BYTES = 1, Q8_LESS = 128 };
#define Q8_FORM
#include "simd/generic/linear.h"

enum { Q8_ROWS = 8 };
#define Q8_TILES(X) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8)

#include "simd/arm/udot.h"

typedef int32x4_t q8_sum;
INLINE q8_sum q8_none(void) { return vdupq_n_s32(0); }
INLINE q8_sum q8_step(q8_sum sum, int8x16_t w, row_steps x, size_t step) {
    const int8x16_t v = vreinterpretq_s8_u8(x);
    switch (step) {
    case 0: return vdotq_laneq_s32(sum, w, v, 0);
    case 1: return vdotq_laneq_s32(sum, w, v, 1);
    case 2: return vdotq_laneq_s32(sum, w, v, 2);
    default: return vdotq_laneq_s32(sum, w, v, 3);
    }
}
INLINE int32x4_t q8_finish(q8_sum sum) { return sum; }

#include "simd/arm/dots_q8.h"
#include "simd/arm/dots_q8_signed.h"
#include "simd/arm/dots_q4.h"

#include "simd/generic/attention.h"
#include "simd/generic/elementwise.h"
#include "simd/generic/norm.h"
#include "simd/generic/pool.h"
#include "simd/generic/quantize.h"
#include "simd/generic/table.h"

void simd_fill_dotprod(kernels *k) { fill_table(k); }
