/* What every CPU of an architecture has: SSE2, NEON, or what the compiler makes of vectors. */
#include "measure/loops.h"
#define CHAIN_BYTES 16
#define READ_BYTES 16
#include "measure/chains.h"
#include "measure/reading.h"

#if defined(__x86_64__)
DEFINE_CHAINS(fp32, 2 * 4, "movaps %2, %1\n\tmulps %2, %1\n\taddps %1, %0")
DEFINE_CHAINS(int8, 2 * 8, "movdqa %2, %1\n\tpmaddwd %2, %1\n\tpaddd %1, %0")
#define FP32 "mulps addps"
#define INT8 "pmaddwd paddd"
#elif defined(__aarch64__)
DEFINE_CHAINS(fp32, 2 * 4, "fmla %0.4s, %2.4s, %2.4s")
DEFINE_CHAINS(int8, 2 * 8, "smull %1.8h, %2.8b, %2.8b\n\tsadalp %0.4s, %1.8h")
#define FP32 "fmla"
#define INT8 "smull sadalp"
#else
typedef float floats __attribute__((vector_size(16)));

static double fp32(uint64_t rounds) {
    floats sum[CHAINS] = {{0}};
    for (uint64_t i = 0; i < rounds; i++)
        for (int c = 0; c < CHAINS; c++) {
            sum[c] = sum[c] * sum[c] + sum[c];
            __asm__ volatile("" : "+m"(sum[c]));
        }
    return 2.0 * 4 * CHAINS * (double)rounds;
}
static double int8(uint64_t rounds) {
    chain sum[CHAINS] = {{0}};
    for (uint64_t i = 0; i < rounds; i++)
        for (int c = 0; c < CHAINS; c++) {
            sum[c] = sum[c] * sum[c] + sum[c];
            __asm__ volatile("" : "+m"(sum[c]));
        }
    return 2.0 * 4 * CHAINS * (double)rounds;
}
#define FP32 "float"
#define INT8 "int32"
#endif

const loops loops_plain = {.fp32 = fp32, .int8 = int8, .fp32_name = FP32, .int8_name = INT8, .read = read_near, .read_ahead = read_ahead};
