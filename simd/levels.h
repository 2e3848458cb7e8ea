/* The ladder of instruction sets. Each level overwrites in a table, filled by the level below it, what it does better. */
#ifndef LNT_SIMD_LEVELS_H
#define LNT_SIMD_LEVELS_H
#include "simd/kernels.h"

#define INLINE static inline __attribute__((always_inline))

void simd_fill_scalar(kernels *k);
void simd_fill_avx2(kernels *k);       /* AVX2, FMA, F16C */
void simd_fill_avxvnni(kernels *k);    /* and AVX-VNNI */
void simd_fill_avx512(kernels *k);     /* AVX-512 F, BW, DQ, VL */
void simd_fill_avx512vnni(kernels *k); /* and VNNI */
void simd_fill_neon(kernels *k);
void simd_fill_dotprod(kernels *k); /* sdot, udot */
void simd_fill_i8mm(kernels *k);    /* and usdot, usmmla */

#endif
