/* Caches of the first CPU that the process may run on. */
#ifndef LNT_MEASURE_CACHES_H
#define LNT_MEASURE_CACHES_H
#include <stddef.h>
#include <stdint.h>

enum { MEASURE_CACHES = 3 };
typedef struct measure_cache {
    size_t bytes;   /* for data; 0: there is none of this level, or it is not known */
    uint32_t cpus;  /* that share it */
} measure_cache;

/* Levels 1 to 3, as Linux lists them. */
void measure_caches(measure_cache caches[MEASURE_CACHES]);
/* What each of so many threads reads to measure caches[i]: half of its share. 0: it is not there, or that would fit the cache before it. */
size_t measure_cache_part(const measure_cache caches[MEASURE_CACHES], size_t i, uint32_t threads);
#endif
