#include "measure/features.h"
#include <pthread.h>
#include <stdint.h>
#include <string.h>

enum { MAX_FEATURES = 32 };
static const char *found[MAX_FEATURES + 1];
static size_t n_found;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void add(const char *name, bool has) {
    if (has && n_found < MAX_FEATURES) found[n_found++] = name;
}

#if defined(__x86_64__)
#include <cpuid.h>

/* Registers that the operating system saves: bits 1 and 2 xmm and ymm, 5-7 those of AVX-512, 17 and 18 those of AMX. */
static uint32_t saved_states(void) {
    uint32_t low, high;
    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return low;
}

static void find(void) {
    enum { YMM = 0x6, ZMM = 0xe6, TILES = 0x60000 };
    unsigned a, b, c, d, b7 = 0, c7 = 0, d7 = 0, a71 = 0, d71 = 0;
    if (!__get_cpuid(1, &a, &b, &c, &d) || !(c >> 27 & 1)) return;
    const uint32_t saved = saved_states();
    unsigned sub = 0;
    if (__get_cpuid_count(7, 0, &sub, &b7, &c7, &d7) && sub >= 1) __get_cpuid_count(7, 1, &a71, &b, &a, &d71);
    const bool ymm = (saved & YMM) == YMM, zmm = (saved & ZMM) == ZMM, tiles = (saved & TILES) == TILES;
    add("avx", ymm && c >> 28 & 1);
    add("f16c", ymm && c >> 29 & 1);
    add("fma", ymm && c >> 12 & 1);
    add("avx2", ymm && b7 >> 5 & 1);
    add("avx_vnni", ymm && a71 >> 4 & 1);
    add("avx_vnni_int8", ymm && d71 >> 4 & 1);
    add("avx512f", zmm && b7 >> 16 & 1);
    add("avx512dq", zmm && b7 >> 17 & 1);
    add("avx512bw", zmm && b7 >> 30 & 1);
    add("avx512vl", zmm && b7 >> 31 & 1);
    add("avx512_vbmi", zmm && c7 >> 1 & 1);
    add("avx512_vnni", zmm && c7 >> 11 & 1);
    add("avx512_bf16", zmm && a71 >> 5 & 1);
    add("avx512_fp16", zmm && d7 >> 23 & 1);
    add("amx_tile", tiles && d7 >> 24 & 1);
    add("amx_int8", tiles && d7 >> 25 & 1);
    add("amx_bf16", tiles && d7 >> 22 & 1);
}
#elif defined(__aarch64__)
#include <sys/auxv.h>

static void find(void) {
    const unsigned long one = getauxval(AT_HWCAP), two = getauxval(AT_HWCAP2);
    add("neon", one >> 1 & 1);
    add("fp16", one >> 10 & 1);
    add("dotprod", one >> 20 & 1);
    add("sve", one >> 22 & 1);
    add("sve2", two >> 1 & 1);
    add("i8mm", two >> 13 & 1);
    add("bf16", two >> 14 & 1);
}
#else
static void find(void) { add("", false); }
#endif

const char *const *measure_features(void) {
    pthread_once(&once, find);
    return found;
}

bool measure_has(const char *feature) {
    for (const char *const *f = measure_features(); *f; f++)
        if (!strcmp(*f, feature)) return true;
    return false;
}
