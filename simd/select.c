#include "simd/levels.h"
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { AVX2 = 1, AVXVNNI = 2, AVX512 = 4, AVX512VNNI = 8, NEON = 16, DOTPROD = 32, I8MM = 64 };

#ifdef __x86_64__
#include <cpuid.h>

/* The register states that the operating system saves: bit 1 xmm, 2 ymm, 5-7 the AVX-512 ones. */
static uint32_t saved_states(void) {
    uint32_t low, high;
    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return low;
}

static unsigned cpu_flags(void) {
    const unsigned fma = 1u << 12, osxsave = 1u << 27, avx = 1u << 28, f16c = 1u << 29;
    const unsigned avx2 = 1u << 5, f = 1u << 16, dq = 1u << 17, bw = 1u << 30, vl = 1u << 31, vnni = 1u << 11, avxvnni = 1u << 4;
    unsigned a, b, c, d, flags = 0, a1, b1, c1, d1;
    if (!__get_cpuid(1, &a, &b, &c, &d) || (c & (fma | osxsave | avx | f16c)) != (fma | osxsave | avx | f16c)) return 0;
    uint32_t saved = saved_states();
    if ((saved & 0x6) != 0x6 || !__get_cpuid_count(7, 0, &a, &b, &c, &d) || !(b & avx2)) return 0;
    flags |= AVX2;
    if (a >= 1 && __get_cpuid_count(7, 1, &a1, &b1, &c1, &d1) && a1 & avxvnni) flags |= AVXVNNI;
    if ((saved & 0xe6) != 0xe6 || (b & (f | dq | bw | vl)) != (f | dq | bw | vl)) return flags;
    flags |= AVX512;
    if (c & vnni) flags |= AVX512VNNI;
    return flags;
}
/* Measured with f16 and q8 rows out of memory, large pages: prefetching far ahead costs a Zen 4 a tenth to a fifth, and gives a Cascade
   Lake a third. */
static bool prefetches_far(void) {
    unsigned a, b, c, d;
    return __get_cpuid(0, &a, &b, &c, &d) && b == signature_INTEL_ebx && c == signature_INTEL_ecx && d == signature_INTEL_edx;
}
#else
#ifdef __aarch64__
#include <sys/auxv.h>

static unsigned cpu_flags(void) {
    const unsigned long asimd = 1ul << 1, asimddp = 1ul << 20, i8mm = 1ul << 13;
    const unsigned long one = getauxval(AT_HWCAP), two = getauxval(AT_HWCAP2);
    unsigned flags = 0;
    if (!(one & asimd)) return 0;
    flags |= NEON;
    if (!(one & asimddp)) return flags;
    flags |= DOTPROD;
    if (two & i8mm) flags |= I8MM;
    return flags;
}
#else
static unsigned cpu_flags(void) { return 0; }
#endif
static bool prefetches_far(void) { return false; }
#endif

static const struct level {
    const char *name;
    unsigned needs;
    void (*fill)(kernels *k);
} ladder[] = {
    {"scalar", 0, simd_fill_scalar},
#ifdef __x86_64__
    {"avx2", AVX2, simd_fill_avx2},
    {"avxvnni", AVXVNNI, simd_fill_avxvnni},
    {"avx512", AVX512, simd_fill_avx512},
    {"avx512vnni", AVX512VNNI, simd_fill_avx512vnni},
#endif
#ifdef __aarch64__
    {"neon", NEON, simd_fill_neon},
    {"dotprod", DOTPROD, simd_fill_dotprod},
    {"i8mm", I8MM, simd_fill_i8mm},
#endif
};
enum { LEVELS = sizeof ladder / sizeof *ladder };

static kernels tables[LEVELS];
static const char *names[LEVELS + 1];
static const kernels *best;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static const kernels *find(const char *name) {
    for (size_t i = 0; names[i]; i++)
        if (!strcmp(names[i], name)) return &tables[i];
    return NULL;
}

/* The best of this CPU's levels up to the one named; NULL if no level has that name. */
static const kernels *find_up_to(const char *name) {
    const kernels *found = NULL;
    for (size_t i = 0; i < LEVELS; i++) {
        const kernels *k = find(ladder[i].name);
        if (k) found = k;
        if (!strcmp(ladder[i].name, name)) return found;
    }
    return NULL;
}

static void fill_tables(void) {
    unsigned flags = cpu_flags();
    kernels table = {.prefetches_far = prefetches_far()};
    size_t n = 0;
    for (size_t i = 0; i < LEVELS; i++) {
        if ((ladder[i].needs & flags) != ladder[i].needs) continue;
        ladder[i].fill(&table);
        table.level = names[n] = ladder[i].name;
        tables[n++] = table;
    }
    const char *cap = getenv("LINNET_CPU");
    best = cap && *cap ? find_up_to(cap) : &tables[n - 1];
}

const kernels *kernels_best(void) {
    pthread_once(&once, fill_tables);
    return best;
}

const kernels *kernels_level(const char *name) {
    pthread_once(&once, fill_tables);
    return find(name);
}

const char *const *kernels_levels(void) {
    pthread_once(&once, fill_tables);
    return names;
}
