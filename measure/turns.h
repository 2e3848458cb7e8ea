/* Timing work that all threads begin together, in short turns of which the best counts: neighbours and interrupts only ever take away. */
#ifndef LNT_MEASURE_TURNS_H
#define LNT_MEASURE_TURNS_H
#include "engine/pool.h"

typedef struct turns turns;

/* Does a thread's share of `rounds` rounds. */
typedef void turns_fn(void *arg, uint32_t thread, uint64_t rounds);

/* 0 threads: lnt_default_threads(). */
turns *turns_new(uint32_t threads, lnt_error *err);
void turns_free(turns *t);
/* Fewer than asked for if the system gave no more. */
uint32_t turns_threads(const turns *t);
/* Runs fn(arg, thread, 1) in every thread once, untimed. */
void turns_once(turns *t, turns_fn *fn, void *arg);
/* Seconds that a round took, from the first thread's begin to the last one's end, in the best of the turns that fill about so many seconds; at
   least three. */
double turns_best(turns *t, turns_fn *fn, void *arg, double seconds);
#endif
