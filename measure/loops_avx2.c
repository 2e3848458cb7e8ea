/* AVX2 and FMA. */
#include "measure/loops.h"
#define READ_BYTES 32
#define CHAIN_BYTES 32
#include "measure/chains.h"
#include "measure/reading.h"

DEFINE_CHAINS(fp32, 2 * 8, "vfmadd231ps %2, %2, %0")
DEFINE_CHAINS(int8, 2 * 32, "vpmaddubsw %2, %2, %1\n\tvpmaddwd %2, %1, %1\n\tvpaddd %1, %0, %0")
DEFINE_CHAINS(int4, 2 * 32, "vpmaddubsw %2, %2, %1\n\tvpaddw %1, %0, %0")

const loops loops_avx2 = {
    .needs = {"avx2", "fma", "f16c"},
    .fp32 = fp32, .int8 = int8, .int4 = int4,
    .fp32_name = "vfmadd231ps ymm", .int8_name = "vpmaddubsw vpmaddwd vpaddd ymm", .int4_name = "vpmaddubsw vpaddw ymm",
    .read = read_near, .read_ahead = read_ahead,
};
