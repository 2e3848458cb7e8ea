/* What the CPU can do and the operating system lets it do, by the names that Linux gives. */
#ifndef LNT_MEASURE_FEATURES_H
#define LNT_MEASURE_FEATURES_H
#include <stdbool.h>

/* x86: avx, f16c, fma, avx2, avx_vnni, avx_vnni_int8, avx512f, avx512dq, avx512bw, avx512vl, avx512_vbmi, avx512_vnni, avx512_bf16, avx512_fp16,
   amx_tile, amx_int8, amx_bf16; ARM: neon, fp16, dotprod, sve, sve2, i8mm, bf16. Those that are there, NULL at the end. */
const char *const *measure_features(void);
bool measure_has(const char *feature);
#endif
