/* What the tests of pictures share: random numbers by place and a sum of bytes, as tests/golden/resize.py has them. */
#ifndef LNT_TESTS_PICTURES_H
#define LNT_TESTS_PICTURES_H
#include <stddef.h>
#include <stdint.h>

/* splitmix64's output for a state. */
static inline uint64_t mixed(uint64_t x) {
    uint64_t z = x + 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

/* Modulo 2^64 of (byte + 1) times an odd random number for each place. */
static inline uint64_t sum_of(const void *data, size_t n) {
    const uint8_t *bytes = data;
    uint64_t sum = 0;
    for (size_t i = 0; i < n; i++) sum += (bytes[i] + 1u) * (mixed(i) | 1);
    return sum;
}
#endif
