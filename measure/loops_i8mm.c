/* ARM's products of 2x8 and 8x2 matrices of 8-bit integers. */
#include "measure/loops.h"
#define CHAIN_BYTES 16
#include "measure/chains.h"

DEFINE_CHAINS(int8, 2 * 32, "smmla %0.4s, %2.16b, %2.16b")

const loops loops_i8mm = {.needs = {"i8mm"}, .int8 = int8, .int8_name = "smmla"};
