/* AVX-512 VNNI. */
#include "measure/loops.h"
#define CHAIN_BYTES 64
#include "measure/chains.h"

DEFINE_CHAINS(int8, 2 * 64, "vpdpbusd %2, %2, %0")

const loops loops_avx512vnni = {.needs = {"avx512bw", "avx512dq", "avx512vl", "avx512_vnni"}, .int8 = int8, .int8_name = "vpdpbusd zmm"};
