/* Read before simd/select.c: a CPU that says of itself that it has AVX-VNNI. */
#include <cpuid.h>

static inline int claim_vnni(unsigned leaf, unsigned sub, unsigned *a, unsigned *b, unsigned *c, unsigned *d) {
    const int known = __get_cpuid_count(leaf, sub, a, b, c, d);
    if (leaf == 7 && sub == 0 && *a == 0) *a = 1;
    if (leaf == 7 && sub == 1) *a |= 1u << 4;
    return known;
}
#define __get_cpuid_count claim_vnni
