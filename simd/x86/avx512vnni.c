/* AVX-512 with VNNI. */
#include "simd/x86/avx512_v16.h"

enum { Q8_PANELS = 2, Q8_WIDE = 0, Q8_ROWS = 12 };
#define Q8_TILES(X) \
    X(1, 1) X(2, 1) X(3, 1) X(4, 1) X(5, 1) X(6, 1) X(7, 1) X(8, 1) X(9, 1) X(10, 1) X(11, 1) X(12, 1) \
    X(1, 2) X(2, 2) X(3, 2) X(4, 2) X(5, 2) X(6, 2) X(7, 2) X(8, 2) X(9, 2) X(10, 2) X(11, 2) X(12, 2)
#include "simd/generic/linear.h"

/* An instruction with its sum tied: around the intrinsic GCC 12 copies and spills the sums. */
INLINE v16i dot_step(v16i sum, quad q, v16i w) {
    __asm__("vpdpbusd %2, %1, %0" : "+v"(sum) : "v"(q), "v"(w));
    return sum;
}
#include "simd/x86/dots_vnni.h"

#include "simd/generic/attention.h"
#include "simd/generic/elementwise.h"
#include "simd/generic/norm.h"
#include "simd/generic/pool.h"
#include "simd/generic/quantize.h"
#include "simd/generic/table.h"

void simd_fill_avx512vnni(kernels *k) { fill_table(k); }
