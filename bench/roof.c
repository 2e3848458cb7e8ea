#include "bench/roof.h"
#include <string.h>

/* Vectors of 32 bytes are what every x86 CPU since 2013 has two multipliers for; elsewhere the compiler splits them. */
typedef float floats __attribute__((vector_size(32)));
typedef uint64_t words __attribute__((vector_size(32)));
enum { CHAINS = 12, PREFETCH = 4096 };

double roof_fma(uint64_t n) {
    floats sum[CHAINS] = {{0}};
    for (uint64_t i = 0; i < n; i++) {
#pragma GCC unroll 12
        for (int c = 0; c < CHAINS; c++) {
#ifdef __FMA__
            const floats x = {0};
            __asm__ volatile("vfmadd231ps %1, %1, %0" : "+x"(sum[c]) : "x"(x));
#else
            sum[c] = sum[c] * sum[c] + sum[c];
            __asm__ volatile("" : "+m"(sum[c]));
#endif
        }
    }
    return 2.0 * (double)n * CHAINS * (sizeof(floats) / sizeof(float));
}

uint64_t roof_read(const void *p, size_t bytes) {
    words sum[4] = {{0}};
    const char *from = p;
    for (size_t i = 0; i + sizeof sum <= bytes; i += sizeof sum) {
        __builtin_prefetch(from + i + PREFETCH);
        __builtin_prefetch(from + i + PREFETCH + 64);
#pragma GCC unroll 4
        for (size_t j = 0; j < 4; j++) {
            words w;
            memcpy(&w, from + i + j * sizeof w, sizeof w);
            sum[j] ^= w;
        }
    }
    const words all = sum[0] ^ sum[1] ^ sum[2] ^ sum[3];
    return all[0] ^ all[1] ^ all[2] ^ all[3];
}
