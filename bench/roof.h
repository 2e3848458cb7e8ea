/* What this machine can do at most, per thread: the ground for every figure of a kernel. */
#ifndef LNT_BENCH_ROOF_H
#define LNT_BENCH_ROOF_H
#include <stddef.h>
#include <stdint.h>

/* Independent fused multiply-adds on registers, n rounds; returns the floating point operations done. */
double roof_fma(uint64_t n);
/* Reads a buffer once, prefetching ahead, and returns something that depends on every byte. */
uint64_t roof_read(const void *p, size_t bytes);
#endif
