/* ARM's dot products of 8-bit integers. */
#include "measure/loops.h"
#define CHAIN_BYTES 16
#include "measure/chains.h"

DEFINE_CHAINS(int8, 2 * 16, "sdot %0.4s, %2.16b, %2.16b")

const loops loops_dotprod = {.needs = {"dotprod"}, .int8 = int8, .int8_name = "sdot"};
