/* Threads on CPUs of their own, cores before their second threads, so that no scheduler puts two on one: what is measured is the machine. */
#ifndef LNT_MEASURE_SPREAD_H
#define LNT_MEASURE_SPREAD_H
#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif
/* The CPU for thread i, of those that the caller may run on; -1: there are not so many. */
int spread_cpu(uint32_t thread);
/* The calling thread to one CPU; what it was allowed to before is kept in `old` for spread_back, if old is not NULL. */
typedef struct spread_set {
    unsigned long words[16]; /* a cpu_set_t */
    bool kept;
} spread_set;
void spread_to(int cpu, spread_set *old);
void spread_back(const spread_set *old);
#ifdef __cplusplus
}
#endif
#endif
