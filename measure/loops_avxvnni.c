/* AVX2 with VNNI, of CPUs that need not have AVX-512. */
#include "measure/loops.h"
#define CHAIN_BYTES 32
#include "measure/chains.h"

DEFINE_CHAINS(int8, 2 * 32, "%{vex%} vpdpbusd %2, %2, %0")

const loops loops_avxvnni = {.needs = {"avx2", "fma", "f16c", "avx_vnni"}, .int8 = int8, .int8_name = "vpdpbusd ymm"};
