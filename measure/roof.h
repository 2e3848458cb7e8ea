/* What this machine can do at most: the ground for every figure of a kernel. All threads start together; a figure is the best of several short
   turns. LINNET_CPU does not matter here: the roof is the machine's. */
#ifndef LNT_MEASURE_ROOF_H
#define LNT_MEASURE_ROOF_H
#include "linnet.h"

enum { ROOF_CACHES = 3 };

typedef struct measure_roof_result {
    uint32_t threads; /* that took part: fewer than asked for if the system gave no more */
    double fp32;      /* GFLOP/s of fused multiply-adds on registers, counted as two */
    double int8;      /* GOP/s of dot products of 8-bit integers into int32 */
    double int4;      /* the same where one side has 4 bits, at least int8 */
    double memory;    /* GB/s (10^9) read from memory */
    double caches[ROOF_CACHES]; /* GB/s read from the caches of level 1 to 3, filled by measure_cache_roof; 0: not known, or no such cache */
    const char *fp32_name, *int8_name, *int4_name; /* the instructions that did it */
} measure_roof_result;

/* What limits a piece of work. */
typedef enum measure_bound { BOUND_FP32, BOUND_INT8, BOUND_INT4, BOUND_MEMORY, BOUND_L1, BOUND_L2, BOUND_L3, BOUNDS } measure_bound;
/* "fp32", "int8", "int4", "memory", "L1", "L2", "L3" */
const char *measure_bound_name(measure_bound bound);
/* Operations or bytes a second that a bound allows; of a cache that is not known the next larger one's. */
double measure_bound_rate(const measure_roof_result *roof, measure_bound bound);

/* All but the caches. Takes about so many seconds, and what it needs to touch measure_memory_bytes(). 0 threads: lnt_default_threads(). */
int measure_roof(measure_roof_result *out, uint32_t threads, double seconds, lnt_error *err);
/* The caches, with out->threads threads. */
int measure_cache_roof(measure_roof_result *out, double seconds, lnt_error *err);
/* So much is read from memory and from no cache: 256 MiB, or four times the last cache. */
size_t measure_memory_bytes(void);
#endif
