/* AVX-512. */
#include "measure/loops.h"
#define READ_BYTES 64
#define CHAIN_BYTES 64
#include "measure/chains.h"
#include "measure/reading.h"

DEFINE_CHAINS(fp32, 2 * 16, "vfmadd231ps %2, %2, %0")
DEFINE_CHAINS(int8, 2 * 64, "vpmaddubsw %2, %2, %1\n\tvpmaddwd %2, %1, %1\n\tvpaddd %1, %0, %0")
DEFINE_CHAINS(int4, 2 * 64, "vpmaddubsw %2, %2, %1\n\tvpaddw %1, %0, %0")

const loops loops_avx512 = {
    .needs = {"avx512bw", "avx512dq", "avx512vl", "fma"},
    .fp32 = fp32, .int8 = int8, .int4 = int4,
    .fp32_name = "vfmadd231ps zmm", .int8_name = "vpmaddubsw vpmaddwd vpaddd zmm", .int4_name = "vpmaddubsw vpaddw zmm",
    .read = read_near, .read_ahead = read_ahead,
};
